//! What a DNS message says.

use std::net::{IpAddr, Ipv4Addr};

use super::{Name, NodeNames, View, node_name};
use crate::{Error, Fault, Layer, Reader, Verdict};

/// Most records of a section that are believed: a message of 64 KiB holds no more of the shortest.
const RECORDS_MAX: u16 = 6000;

/// A message whose header was read; its sections are read as they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Header.
    pub header: View,
    bytes: &'a [u8],
}

/// An entry of the question section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name asked for.
    pub name: Name,
    /// Record type.
    pub record_type: u16,
    /// Class; the top bit asks for a unicast answer in mDNS.
    pub class: u16,
}

/// A resource record.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Whose record.
    pub name: Name,
    /// Record type.
    pub record_type: u16,
    /// Class; the top bit replaces older records in mDNS.
    pub class: u16,
    /// Time to live, seconds.
    pub ttl_s: u32,
    /// Whether it stands in the authority section.
    pub authority: bool,
    /// Length of the data, bytes.
    pub length: u16,
    message: &'a [u8],
    /// Where the data stand in the message.
    offset: usize,
}

/// What a record says.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a> {
    /// A or AAAA.
    Address(IpAddr),
    /// CNAME, NS, PTR.
    Name(Name),
    /// SRV, RFC 2782.
    Service {
        /// Port.
        port: u16,
        /// Host.
        target: Name,
    },
    /// TXT.
    Text(Texts<'a>),
    /// Another type, or data that do not fit their type.
    Other,
}

/// The strings of a TXT record.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'a>(&'a [u8]);

impl<'a> Texts<'a> {
    /// The strings in order.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        let mut reader = Reader::new(Layer::Dns, self.0);
        std::iter::from_fn(move || {
            let length = reader.u8("text length").ok()?;
            reader.take("text", usize::from(length)).ok()
        })
    }
}

impl<'a> Message<'a> {
    /// Reads the header of a message, refusing one that no DNS software would send.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let header = View::new(bytes)?;
        let malformed = |field, offset| Error { layer: Layer::Dns, field, offset, fault: Fault::Malformed };
        // 7, 8 and 9 are refreshes and multi-homed registrations of NBNS.
        if !matches!(header.opcode(), 0..=9) || header.opcode() == 3 {
            return Err(malformed("opcode", 2));
        }
        // A question has at least 5 bytes. Records may be beyond what the capture kept of the message.
        let least = View::LENGTH + usize::from(header.questions) * 5;
        let records = [header.answers, header.authorities, header.additionals];
        if least > bytes.len() || records.into_iter().any(|count| count > RECORDS_MAX) {
            return Err(malformed("section counts", 4));
        }
        Ok(Self { header, bytes })
    }

    /// The questions. Ends after the first that cannot be read.
    pub fn questions(self) -> impl Iterator<Item = Result<Question, Error>> + 'a {
        let mut reader = self.body();
        let mut left = self.header.questions;
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let question = read_question(self.bytes, &mut reader);
            if question.is_err() {
                left = 0;
            }
            Some(question)
        })
    }

    /// The records of all sections in order. Ends after the first that cannot be read.
    pub fn records(self) -> impl Iterator<Item = Result<Record<'a>, Error>> + 'a {
        let mut reader = self.body();
        let mut failed = None;
        for _ in 0..self.header.questions {
            if let Err(error) = read_question(self.bytes, &mut reader) {
                failed = Some(error);
                break;
            }
        }
        let authority = u32::from(self.header.answers)..;
        let authority = authority.start..authority.start + u32::from(self.header.authorities);
        let count = authority.end + u32::from(self.header.additionals);
        let mut next = 0;
        std::iter::from_fn(move || {
            if next >= count {
                return None;
            }
            let record = match failed.take() {
                Some(error) => Err(error),
                None => read_record(self.bytes, &mut reader, authority.contains(&next)),
            };
            next = if record.is_err() { count } else { next + 1 };
            Some(record)
        })
    }

    /// Whether the names are those of NetBIOS.
    pub fn is_netbios(self) -> bool {
        let first = self.questions().next().map(|question| question.map(|question| question.name));
        let first = first.or_else(|| self.records().next().map(|record| record.map(|record| record.name)));
        first.and_then(Result::ok).is_some_and(|name| node_name(&name).is_some())
    }

    fn body(self) -> Reader<'a> {
        let mut reader = Reader::new(Layer::Dns, self.bytes);
        reader.take_lax(View::LENGTH);
        reader
    }
}

fn read_question(message: &[u8], reader: &mut Reader<'_>) -> Result<Question, Error> {
    Ok(Question {
        name: Name::read(message, reader)?,
        record_type: reader.u16_be("question type")?,
        class: reader.u16_be("question class")?,
    })
}

fn read_record<'a>(message: &'a [u8], reader: &mut Reader<'a>, authority: bool) -> Result<Record<'a>, Error> {
    let name = Name::read(message, reader)?;
    let record_type = reader.u16_be("record type")?;
    let class = reader.u16_be("record class")?;
    let ttl_s = reader.u32_be("time to live")?;
    let length = reader.u16_be("data length")?;
    let offset = reader.offset();
    reader.skip("data", usize::from(length))?;
    Ok(Record { name, record_type, class, ttl_s, authority, length, message, offset })
}

impl<'a> Record<'a> {
    /// What the record says.
    pub fn data(&self) -> Data<'a> {
        self.read_data().unwrap_or(Data::Other)
    }

    fn read_data(&self) -> Result<Data<'a>, Error> {
        let end = self.offset + usize::from(self.length);
        let upto = self.message.get(..end).unwrap_or_default();
        let mut reader = Reader::new(Layer::Dns, upto);
        reader.take_lax(self.offset);
        Ok(match self.record_type {
            1 if self.length == 4 => Data::Address(IpAddr::from(reader.array::<4>("address")?)),
            28 if self.length == 16 => Data::Address(IpAddr::from(reader.array::<16>("address")?)),
            2 | 5 | 12 => Data::Name(Name::read(self.message, &mut reader)?),
            33 => {
                reader.skip("priority and weight", 4)?;
                let port = reader.u16_be("port")?;
                Data::Service { port, target: Name::read(self.message, &mut reader)? }
            }
            16 => Data::Text(Texts(reader.rest())),
            _ => Data::Other,
        })
    }

    /// The first address of an NB record, RFC 1002 section 4.2.1.3 (type 32).
    pub fn netbios_address(&self) -> Option<Ipv4Addr> {
        let data = self.raw()?.get(2..6)?;
        <[u8; 4]>::try_from(data).ok().filter(|_| self.record_type == 32).map(Ipv4Addr::from)
    }

    /// The names of an NBSTAT record (type 33 of NBNS).
    pub fn netbios_names(&self) -> Option<NodeNames<'a>> {
        self.raw().filter(|_| self.record_type == 33).map(NodeNames)
    }

    fn raw(&self) -> Option<&'a [u8]> {
        self.message.get(self.offset..self.offset + usize::from(self.length))
    }
}

/// Whether a datagram is a message of DNS, mDNS or LLMNR.
pub fn probe(datagram: &[u8]) -> Verdict {
    let Ok(message) = Message::parse(datagram) else { return Verdict::NotMine };
    if message.is_netbios() { Verdict::NotMine } else { walk(message) }
}

/// Whether a datagram is a message of the NetBIOS name service.
pub fn probe_netbios(datagram: &[u8]) -> Verdict {
    let Ok(message) = Message::parse(datagram) else { return Verdict::NotMine };
    if message.is_netbios() { walk(message) } else { Verdict::NotMine }
}

fn walk(message: Message<'_>) -> Verdict {
    let mut entries = 0_u32;
    let class = |class: u16| matches!(class & 0x7fff, 1 | 3 | 4 | 254 | 255);
    let mut judge = |result: Result<bool, Error>| match result {
        Ok(true) => {
            entries += 1;
            None
        }
        Ok(false) => Some(Verdict::NotMine),
        // Cut by the capture: what stands before the cut is enough.
        Err(error) if error.is_truncated() && entries > 0 => Some(Verdict::Certain),
        Err(_) => Some(Verdict::NotMine),
    };
    for question in message.questions() {
        let known = question.map(|question| class(question.class) && question.record_type != 0);
        if let Some(verdict) = judge(known) {
            return verdict;
        }
    }
    for record in message.records() {
        // The class of an OPT record (41) is a size, that of TSIG (250) is 255.
        let known = record.map(|record| record.record_type == 41 || class(record.class));
        if let Some(verdict) = judge(known) {
            return verdict;
        }
    }
    if entries == 0 { Verdict::NotMine } else { Verdict::Certain }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A query for `pacs.example` and an answer by pointer, in the form of RFC 1035 section 4.1.
    fn answer() -> Vec<u8> {
        let mut bytes = vec![0x12, 0x34, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0];
        bytes.extend_from_slice(b"\x04pacs\x07example\0\0\x01\0\x01");
        bytes.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\0\0\x07");
        bytes.extend_from_slice(b"\xc0\x11\0\x21\0\x01\0\0\0\x3c\0\x09\0\0\0\0\x01\xbb\x01x\0");
        bytes
    }

    #[test]
    fn reads_questions_addresses_and_services() {
        let bytes = answer();
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(probe(&bytes), Verdict::Certain);
        assert!(message.header.response());
        let question = message.questions().next().unwrap().unwrap();
        assert_eq!((question.name.as_bytes(), question.record_type), (&b"pacs.example"[..], 1));
        let records: Vec<_> = message.records().map(Result::unwrap).collect();
        assert_eq!(records[0].name, question.name);
        assert!(matches!(records[0].data(), Data::Address(address) if address.to_string() == "10.0.0.7"));
        assert_eq!(records[1].name.as_bytes(), b"example");
        let Data::Service { port, target } = records[1].data() else { panic!() };
        assert_eq!((port, target.as_bytes()), (443, &b"x"[..]));
    }

    #[test]
    fn a_pointer_that_does_not_go_back_is_refused() {
        for target in [0x0c_u8, 0x0d, 0x20] {
            let mut bytes = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
            bytes.extend_from_slice(&[0xc0, target, 0, 1, 0, 1]);
            let message = Message::parse(&bytes).unwrap();
            let error = message.questions().next().unwrap().unwrap_err();
            assert_eq!((error.field, error.fault), ("name pointer", Fault::Malformed));
            assert_eq!(probe(&bytes), Verdict::NotMine);
        }
    }

    #[test]
    fn reads_netbios_names_and_addresses() {
        let mut bytes = vec![0, 1, 0x85, 0, 0, 0, 0, 1, 0, 0, 0, 0, 32];
        bytes.extend_from_slice(
            b"FHEFCACACACACACACACACACACACACACA\0\0\x20\0\x01\0\0\0\0\0\x06\0\0\x0a\x01\x02\x03",
        );
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(probe_netbios(&bytes), Verdict::Certain);
        assert_eq!(probe(&bytes), Verdict::NotMine);
        let record = message.records().next().unwrap().unwrap();
        let (name, suffix, scope) = node_name(&record.name).unwrap();
        assert_eq!((&name[..], suffix, scope), (&b"WE             "[..], 0x20, &b""[..]));
        assert_eq!(record.netbios_address(), Some(Ipv4Addr::new(10, 1, 2, 3)));
    }

    #[test]
    fn texts_end_with_their_record() {
        let texts: Vec<_> = Texts(b"\x03a=1\0\x02b=\x09x").iter().collect();
        assert_eq!(texts, [&b"a=1"[..], b"", b"b="]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_to_an_end(mut bytes in proptest::collection::vec(any::<u8>(), 12..300)) {
            // Counts small enough to be believed, so that the walk begins.
            for count in [4, 6, 8, 10] {
                bytes[count] = 0;
                bytes[count + 1] %= 3;
            }
            let _ = (probe(&bytes), probe_netbios(&bytes));
            if let Ok(message) = Message::parse(&bytes) {
                for record in message.records().flatten() {
                    let _ = record.data();
                    let _ = record.netbios_names().map(|names| names.iter().count());
                }
            }
        }

        #[test]
        fn any_labels_are_read(labels in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..64), 0..8)) {
            let wire: Vec<u8> = labels.iter().flat_map(|label| {
                std::iter::once(u8::try_from(label.len()).unwrap()).chain(label.iter().copied())
            }).chain([0]).collect();
            let mut reader = Reader::new(Layer::Dns, &wire);
            match Name::read(&wire, &mut reader) {
                Ok(name) => prop_assert_eq!(name.as_bytes(), labels.join(&b'.')),
                Err(_) => prop_assert!(wire.len() > Name::LENGTH_MAX),
            }
        }
    }
}
