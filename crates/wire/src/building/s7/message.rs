//! What an S7 message says.

use crate::{Error, Layer, Reader};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Asks for a function.
    Job,
    /// Answers; with the error class, 0 where it was done.
    Answer(u8),
    /// Asks for a function of the system: group in the low four bits, then the function in the group.
    SystemRequest(u8, u8),
    /// Answers that.
    SystemAnswer(u8, u8),
}

/// A message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Who speaks.
    pub kind: Kind,
    /// Function code of a job or its answer.
    pub function: Option<u8>,
    parameters: Reader<'a>,
    content: Reader<'a>,
}

/// What a system state list says about the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemState<'a> {
    /// Order number of the module.
    OrderNumber(&'a [u8]),
    /// Order number of the basic hardware.
    Hardware(&'a [u8]),
    /// Version of the firmware: major, minor, patch.
    Firmware(u8, u8, u8),
    /// Name of the automation system.
    SystemName(&'a [u8]),
    /// Name of the module.
    ModuleName(&'a [u8]),
    /// Plant designation.
    Plant(&'a [u8]),
    /// Serial number of the module.
    SerialNumber(&'a [u8]),
    /// Type of the module, such as `CPU 315-2 PN/DP`.
    ModuleType(&'a [u8]),
    /// Place.
    Location(&'a [u8]),
}

/// Length of the TPKT at the front of a stream; `None` where more bytes are needed.
pub fn packet_length(bytes: &[u8]) -> Option<Result<usize, Error>> {
    let mut reader = Reader::new(Layer::S7, bytes);
    let version = reader.u16_be("tpkt version").ok()?;
    let length = usize::from(reader.u16_be("tpkt length").ok()?);
    Some(if version == 0x0300 && length >= 7 { Ok(length) } else { Err(reader.malformed("tpkt length")) })
}

impl<'a> Message<'a> {
    /// Reads a TPKT. `None` where it opens the connection, is a part of a longer one, or is S7comm-plus.
    pub fn parse(packet: &'a [u8]) -> Result<Option<Self>, Error> {
        let mut reader = Reader::new(Layer::S7, packet);
        reader.skip("tpkt", 4)?;
        let [header, code, number] = reader.array("tpdu")?;
        if (header, code, number & 0x80) != (2, 0xf0, 0x80) || reader.u8("protocol id")? != 0x32 {
            return Ok(None);
        }
        let kind = reader.u8("kind")?;
        reader.skip("reference", 4)?;
        let parameter_length = usize::from(reader.u16_be("parameter length")?);
        let data_length = usize::from(reader.u16_be("data length")?);
        let error_class = if matches!(kind, 2 | 3) { reader.u16_be("error")?.to_be_bytes()[0] } else { 0 };
        let parameters = reader.sub("parameters", parameter_length)?;
        let content = reader.sub("data", data_length)?;
        let mut head = parameters;
        let (kind, function) = match kind {
            1 => (Kind::Job, Some(head.u8("function")?)),
            2 | 3 => (Kind::Answer(error_class), head.u8("function").ok()),
            7 => {
                head.skip("parameter head", 5)?;
                let group = head.u8("function group")?;
                let function = head.u8("subfunction")?;
                match group >> 4 {
                    4 => (Kind::SystemRequest(group & 15, function), None),
                    8 => (Kind::SystemAnswer(group & 15, function), None),
                    _ => return Ok(None),
                }
            }
            _ => return Err(reader.malformed("kind")),
        };
        Ok(Some(Self { kind, function, parameters, content }))
    }

    /// Number of variables of a read or write job.
    pub fn items(&self) -> Option<u8> {
        let mut reader = self.parameters;
        reader.skip("function", 1).ok()?;
        matches!(self.function, Some(4 | 5)).then(|| reader.u8("item count").ok())?
    }

    /// Name of the program-invocation service of a job of function 0x28, such as `P_PROGRAM` or `_INSE`.
    pub fn service(&self) -> Option<&'a [u8]> {
        let mut reader = self.parameters;
        if self.function != Some(0x28) {
            return None;
        }
        reader.skip("function", 8).ok()?;
        let block_length = usize::from(reader.u16_be("argument length").ok()?);
        reader.skip("argument", block_length).ok()?;
        let length = usize::from(reader.u8("service length").ok()?);
        reader.take("service", length).ok()
    }

    /// What an answer with a system state list tells: lists 0x0011 (modules) and 0x001c (components).
    pub fn system_state(&self) -> impl Iterator<Item = SystemState<'a>> + use<'a> {
        let read = || {
            let mut reader = self.content;
            if !matches!(self.kind, Kind::SystemAnswer(4, 1)) || reader.u8("return code")? != 0xff {
                return Err(reader.unsupported("return code"));
            }
            reader.skip("transport and length", 3)?;
            let list = reader.u16_be("list id")? & 0x00ff;
            reader.skip("index", 2)?;
            let length = usize::from(reader.u16_be("record length")?);
            let count = reader.u16_be("record count")?;
            Ok((reader, list, length, count))
        };
        let (mut reader, list, length, count) = read().unwrap_or((self.content, 0, 0, 0));
        (0..count).map_while(move |_| reader.sub("record", length).ok()).filter_map(move |mut record| {
            match list {
                0x11 => module(&mut record),
                0x1c => component(&mut record),
                _ => None,
            }
        })
    }
}

fn module<'a>(record: &mut Reader<'a>) -> Option<SystemState<'a>> {
    let index = record.u16_be("index").ok()?;
    let order_number = record.take("order number", 20).ok()?;
    record.skip("type", 2).ok()?;
    let [mark, major, minor, patch] = record.array("version").ok()?;
    match index {
        1 => Some(SystemState::OrderNumber(order_number)),
        6 => Some(SystemState::Hardware(order_number)),
        7 if mark == b'V' => Some(SystemState::Firmware(major, minor, patch)),
        _ => None,
    }
}

fn component<'a>(record: &mut Reader<'a>) -> Option<SystemState<'a>> {
    // The high byte numbers the processor of a redundant system.
    let index = record.u16_be("index").ok()? & 0x00ff;
    let text = record.take("text", 24).ok()?;
    let text = text.split(|byte| *byte == 0).next().filter(|text| !text.is_empty())?;
    Some(match index {
        1 => SystemState::SystemName(text),
        2 => SystemState::ModuleName(text),
        3 => SystemState::Plant(text),
        5 => SystemState::SerialNumber(text),
        7 => SystemState::ModuleType(text),
        11 => SystemState::Location(text),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(kind: u8, parameters: &[u8], data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![3, 0, 0, 0, 2, 0xf0, 0x80, 0x32, kind, 0, 0, 0, 1];
        bytes.extend(u16::try_from(parameters.len()).unwrap().to_be_bytes());
        bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        if kind == 3 {
            bytes.extend([0, 0]);
        }
        bytes.extend(parameters);
        bytes.extend(data);
        let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        bytes[2..4].copy_from_slice(&length);
        bytes
    }

    #[test]
    fn reads_jobs_and_answers() {
        let stop = packet(1, &[&[0x29, 0, 0, 0, 0, 0, 9][..], b"P_PROGRAM"].concat(), &[]);
        assert_eq!(packet_length(&stop).unwrap(), Ok(stop.len()));
        let message = Message::parse(&stop).unwrap().unwrap();
        assert_eq!((message.kind, message.function), (Kind::Job, Some(0x29)));
        let start = packet(1, &[&[0x28, 0, 0, 0, 0, 0, 0, 0xfd, 0, 0, 9][..], b"P_PROGRAM"].concat(), &[]);
        assert_eq!(Message::parse(&start).unwrap().unwrap().service(), Some(&b"P_PROGRAM"[..]));
        let write = packet(3, &[5, 2], &[0xff, 0xff]);
        let message = Message::parse(&write).unwrap().unwrap();
        assert_eq!((message.kind, message.items()), (Kind::Answer(0), Some(2)));
    }

    #[test]
    fn reads_a_system_state_list() {
        let mut data = vec![0xff, 9, 0, 0, 0, 0x1c, 0, 0, 0, 34, 0, 2];
        for (index, text) in [(1_u16, &b"BOILER"[..]), (5, b"S C-1")] {
            data.extend(index.to_be_bytes());
            data.extend([text, &vec![0; 32 - text.len()]].concat());
        }
        let bytes = packet(7, &[0, 1, 0x12, 8, 0x12, 0x84, 1, 1, 0, 0, 0, 0], &data);
        let message = Message::parse(&bytes).unwrap().unwrap();
        let told: Vec<_> = message.system_state().collect();
        assert_eq!(told, [SystemState::SystemName(b"BOILER"), SystemState::SerialNumber(b"S C-1")]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, kind in 0u8..9, parameters: Vec<u8>) {
            let framed = packet(kind, &parameters, &bytes);
            for bytes in [&bytes, &framed] {
                let _ = packet_length(bytes);
                if let Ok(Some(message)) = Message::parse(bytes) {
                    let _ = (message.items(), message.service(), message.system_state().count());
                }
            }
        }
    }
}
