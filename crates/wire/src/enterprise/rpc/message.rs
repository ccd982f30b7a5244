//! Calls and replies.

use crate::{Error, Layer, Reader, Verdict};

/// Longest credentials, RFC 5531 section 8.2.
const CREDENTIALS_BYTES_MAX: usize = 400;
/// Longest path of a mount, RFC 1813 appendix I.
const PATH_BYTES_MAX: usize = 1024;
const MOUNT: u32 = 100_005;

/// How a caller says who it is, RFC 5531 section 8.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor<'a> {
    /// Not at all.
    None,
    /// By its word: name of the machine and numbers of the user.
    System {
        /// Name of the machine.
        machine: &'a [u8],
    },
    /// RPCSEC_GSS, RFC 2203: Kerberos.
    Gss,
    /// Another.
    Other(u32),
}

/// A call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// Program number.
    pub program: u32,
    /// Version of the program.
    pub version: u32,
    /// Procedure.
    pub procedure: u32,
    /// Who calls.
    pub flavor: Flavor<'a>,
    /// Path that is to be mounted.
    pub mount_path: Option<&'a [u8]>,
}

/// A reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The server took the call: neither version nor credentials were refused, and the program is there.
    pub accepted: bool,
}

/// A message, with the number that ties a reply to its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A call.
    Call(u32, Call<'a>),
    /// A reply.
    Reply(u32, Reply),
}

impl<'a> Message<'a> {
    /// Reads a message, without its record mark.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Rpc, bytes);
        let number = reader.u32_be("xid")?;
        match reader.u32_be("message type")? {
            0 => Ok(Self::Call(number, call(&mut reader)?)),
            1 => Ok(Self::Reply(number, reply(&mut reader)?)),
            _ => Err(reader.malformed("message type")),
        }
    }
}

fn call<'a>(reader: &mut Reader<'a>) -> Result<Call<'a>, Error> {
    if reader.u32_be("rpc version")? != 2 {
        return Err(reader.malformed("rpc version"));
    }
    let program = reader.u32_be("program")?;
    let version = reader.u32_be("version")?;
    let procedure = reader.u32_be("procedure")?;
    let flavor = match (reader.u32_be("flavor")?, opaque(reader, "credentials", CREDENTIALS_BYTES_MAX)?) {
        (0, _) => Flavor::None,
        (1, credentials) => {
            let mut inner = Reader::new(Layer::Rpc, credentials);
            inner.skip("stamp", 4)?;
            Flavor::System { machine: opaque(&mut inner, "machine name", 255)? }
        }
        (6, _) => Flavor::Gss,
        (other, _) => Flavor::Other(other),
    };
    reader.skip("verifier flavor", 4)?;
    opaque(reader, "verifier", CREDENTIALS_BYTES_MAX)?;
    // MOUNTPROC_MNT.
    let mount_path =
        if (program, procedure) == (MOUNT, 1) { opaque(reader, "path", PATH_BYTES_MAX).ok() } else { None };
    Ok(Call { program, version, procedure, flavor, mount_path })
}

fn reply(reader: &mut Reader<'_>) -> Result<Reply, Error> {
    match reader.u32_be("reply status")? {
        0 => {
            reader.skip("verifier flavor", 4)?;
            opaque(reader, "verifier", CREDENTIALS_BYTES_MAX)?;
            Ok(Reply { accepted: reader.u32_be("accept status")? == 0 })
        }
        1 => Ok(Reply { accepted: false }),
        _ => Err(reader.malformed("reply status")),
    }
}

/// Bytes with their length in front, filled up to four.
fn opaque<'a>(reader: &mut Reader<'a>, field: &'static str, max: usize) -> Result<&'a [u8], Error> {
    let length = usize::try_from(reader.u32_be(field)?).unwrap_or(usize::MAX);
    if length > max {
        return Err(reader.malformed(field));
    }
    let content = reader.take(field, length)?;
    reader.skip(field, length.next_multiple_of(4) - length)?;
    Ok(content)
}

/// Whether a datagram is a call of the standard's programs. A reply alone is too like anything else.
pub fn probe(datagram: &[u8]) -> Verdict {
    match Message::parse(datagram) {
        Ok(Message::Call(_, call)) if known(call.program) && call.version <= 64 && call.procedure <= 1024 => {
            Verdict::Certain
        }
        _ => Verdict::NotMine,
    }
}

/// Programs that the standard's registry gives out.
const fn known(program: u32) -> bool {
    matches!(program, 100_000..=100_999 | 150_001 | 200_000..=200_999 | 300_000..=300_999 | 390_000..=391_999)
}

/// Whether a stream begins with the mark of a record that holds a call.
pub fn probe_stream(opening: &[u8]) -> Verdict {
    let Some((mark, rest)) = opening.split_first_chunk() else { return Verdict::Unsure };
    let mark = u32::from_be_bytes(*mark);
    // A call needs forty bytes; the first record of a conversation is no bulk transfer.
    if mark & 0x8000_0000 == 0 || !(40..=0x10_0000).contains(&(mark & 0x7fff_ffff)) {
        return Verdict::NotMine;
    }
    let fixed = [0, 0, 0, 0, 0, 0, 0, 2];
    let seen = rest.get(4..rest.len().min(12)).unwrap_or_default();
    if fixed.get(..seen.len()) != Some(seen) {
        return Verdict::NotMine;
    }
    match Message::parse(rest) {
        Ok(_) => probe(rest),
        Err(error) if error.is_truncated() => Verdict::Unsure,
        Err(_) => Verdict::NotMine,
    }
}

/// The length of the record at the front of a stream, without its mark of four bytes, and whether more of the same
/// message follows it.
pub fn record(bytes: &[u8]) -> Option<(usize, bool)> {
    let mark = u32::from_be_bytes(*bytes.first_chunk()?);
    Some((usize::try_from(mark & 0x7fff_ffff).ok()?, mark & 0x8000_0000 == 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// A mount of `/export/img` by the machine `ct-1`.
    fn mount() -> Vec<u8> {
        let mut bytes = words(&[77, 0, 2, MOUNT, 3, 1, 1, 24, 5, 4]);
        bytes.extend(b"ct-1");
        bytes.extend(words(&[0, 0, 0]));
        bytes.extend(words(&[0, 0, 11]));
        bytes.extend(b"/export/img\0");
        bytes
    }

    #[test]
    fn reads_a_mount_and_its_reply() {
        let bytes = mount();
        let Ok(Message::Call(77, call)) = Message::parse(&bytes) else {
            panic!("{:?}", Message::parse(&bytes))
        };
        assert_eq!(call.flavor, Flavor::System { machine: b"ct-1" });
        assert_eq!(call.mount_path, Some(&b"/export/img"[..]));
        assert_eq!(probe(&bytes), Verdict::Certain);
        let reply = words(&[77, 1, 0, 0, 0, 0]);
        assert_eq!(Message::parse(&reply), Ok(Message::Reply(77, Reply { accepted: true })));
        assert_eq!(probe(&reply), Verdict::NotMine);
    }

    #[test]
    fn a_stream_is_unsure_until_the_call_is_there() {
        let bytes = mount();
        let stream = [(0x8000_0000 | bytes.len() as u32).to_be_bytes().to_vec(), bytes].concat();
        for end in 0..48 {
            assert_eq!(probe_stream(&stream[..end]), Verdict::Unsure, "{end}");
        }
        assert_eq!(probe_stream(&stream), Verdict::Certain);
        assert_eq!(record(&stream), Some((stream.len() - 4, false)));
        assert_eq!(probe_stream(b"GET / HTTP/1.1\r\n"), Verdict::NotMine);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, at in 0usize..90, byte: u8) {
            let _ = (Message::parse(&bytes), probe_stream(&bytes));
            let mut bent = mount();
            if let Some(place) = bent.get_mut(at) { *place = byte; }
            let _ = Message::parse(&bent);
        }
    }
}
