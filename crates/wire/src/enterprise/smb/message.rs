//! Commands and what they mean.

use super::view::{Command, Header, LAYER};
use crate::{Error, Reader, Sensitive};

/// `FileRenameInformation`, MS-FSCC section 2.4.
const RENAME: u8 = 10;
/// `FileDispositionInformation` and its extended form.
const DISPOSITION: u8 = 13;
const DISPOSITION_EXTENDED: u8 = 64;
/// `FILE_DELETE_ON_CLOSE` of the create options.
const DELETE_ON_CLOSE: u32 = 0x1000;
/// NT status "pending".
pub const PENDING: u32 = 0x0000_0103;
/// Bytes over which entropy is estimated.
const ENTROPY_BYTES: usize = 4096;

/// Identifier of an open file.
pub type FileId = [u8; 16];

/// A command.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// Header.
    pub header: Header,
    /// What follows it.
    pub body: Body<'a>,
}

/// The parts of a command that are read. Names are UTF-16 little endian.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// The server chose.
    Negotiated {
        /// Dialect.
        dialect: u16,
        /// It insists on signing.
        signing_required: bool,
        /// Its GUID.
        server: [u8; 16],
        /// Security token.
        token: &'a [u8],
    },
    /// A step of a log-in.
    SessionSetup {
        /// Security token.
        token: &'a [u8],
    },
    /// A share is asked for: `\\server\share`.
    TreeConnect {
        /// Path.
        path: &'a [u8],
    },
    /// A share was given: 1 disk, 2 pipe, 3 printer.
    TreeConnected {
        /// Kind of share.
        kind: u8,
    },
    /// A file or pipe is opened or made.
    Create {
        /// Name.
        name: Sensitive<&'a [u8]>,
        /// It goes away when it is closed.
        delete_on_close: bool,
    },
    /// It was opened.
    Created {
        /// Its identifier.
        file: FileId,
        /// Its length so far, bytes.
        size: u64,
    },
    /// Closed.
    Close {
        /// Which file.
        file: FileId,
    },
    /// Read.
    Read {
        /// Which file.
        file: FileId,
        /// Bytes wanted.
        length: u32,
        /// Where in the file.
        offset: u64,
    },
    /// What was read; the request says from where.
    ReadData {
        /// Bytes read.
        length: u32,
        /// Front of the data.
        data: Sensitive<&'a [u8]>,
    },
    /// Written.
    Write {
        /// Which file.
        file: FileId,
        /// Bytes written.
        length: u32,
        /// Where in the file.
        offset: u64,
        /// Front of the data.
        data: Sensitive<&'a [u8]>,
    },
    /// Renamed.
    Rename {
        /// Which file.
        file: FileId,
        /// New name.
        name: Sensitive<&'a [u8]>,
    },
    /// Marked for deletion.
    Delete {
        /// Which file.
        file: FileId,
    },
    /// Anything else.
    Other,
}

impl<'a> Message<'a> {
    /// Reads one command; `bytes` begins with its header and ends before the next one.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(LAYER, bytes);
        let header = Header::new(&mut reader)?;
        // An error answer has another body than its command.
        let failed =
            header.response && header.status & 0xc000_0000 == 0xc000_0000 && header.status != 0xc000_0016;
        // The answer comes later; this one only says so.
        let pending = header.response && header.status == PENDING;
        let body = if failed || pending { Body::Other } else { body(&header, reader, bytes)? };
        Ok(Self { header, body })
    }
}

fn body<'a>(header: &Header, mut reader: Reader<'a>, bytes: &'a [u8]) -> Result<Body<'a>, Error> {
    let reader = &mut reader;
    match (header.command, header.response) {
        (Command::Negotiate, true) => negotiated(reader, bytes),
        (Command::SessionSetup, false) => {
            reader.skip("flags, capabilities, channel", 12)?;
            let token = buffer(reader, "security buffer", bytes)?;
            Ok(Body::SessionSetup { token })
        }
        (Command::SessionSetup, true) => {
            reader.skip("structure size, session flags", 4)?;
            Ok(Body::SessionSetup { token: buffer(reader, "security buffer", bytes)? })
        }
        (Command::TreeConnect, false) => {
            reader.skip("structure size, flags", 4)?;
            Ok(Body::TreeConnect { path: buffer(reader, "path", bytes)? })
        }
        (Command::TreeConnect, true) => {
            reader.skip("structure size", 2)?;
            Ok(Body::TreeConnected { kind: reader.u8("share type")? })
        }
        (Command::Create, false) => {
            reader.skip("up to create options", 40)?;
            let options = reader.u32_le("create options")?;
            let name = Sensitive::new(buffer(reader, "name", bytes)?);
            Ok(Body::Create { name, delete_on_close: options & DELETE_ON_CLOSE != 0 })
        }
        (Command::Create, true) => {
            reader.skip("up to end of file", 48)?;
            let size = reader.u64_le("end of file")?;
            reader.skip("attributes", 8)?;
            Ok(Body::Created { file: reader.array("file id")?, size })
        }
        (Command::Close, false) => {
            reader.skip("structure size, flags", 8)?;
            Ok(Body::Close { file: reader.array("file id")? })
        }
        (Command::Read, false) => {
            reader.skip("structure size, padding, flags", 4)?;
            let length = reader.u32_le("length")?;
            let offset = reader.u64_le("offset")?;
            Ok(Body::Read { file: reader.array("file id")?, length, offset })
        }
        (Command::Read, true) => {
            reader.skip("structure size", 2)?;
            let offset = usize::from(reader.u8("data offset")?);
            reader.skip("reserved", 1)?;
            let length = reader.u32_le("data length")?;
            Ok(Body::ReadData { length, data: Sensitive::new(front(bytes, offset, length)) })
        }
        (Command::Write, false) => write(reader, bytes),
        (Command::SetInfo, false) => set_information(reader, bytes),
        _ => Ok(Body::Other),
    }
}

fn negotiated<'a>(reader: &mut Reader<'a>, bytes: &'a [u8]) -> Result<Body<'a>, Error> {
    reader.skip("structure size", 2)?;
    let security = reader.u16_le("security mode")?;
    let dialect = reader.u16_le("dialect")?;
    reader.skip("negotiate contexts", 2)?;
    let server = reader.array("server guid")?;
    reader.skip("capabilities, sizes, times", 32)?;
    let token = buffer(reader, "security buffer", bytes)?;
    Ok(Body::Negotiated { dialect, signing_required: security & 2 != 0, server, token })
}

fn write<'a>(reader: &mut Reader<'a>, bytes: &'a [u8]) -> Result<Body<'a>, Error> {
    reader.skip("structure size", 2)?;
    let offset = usize::from(reader.u16_le("data offset")?);
    let length = reader.u32_le("length")?;
    let begin = reader.u64_le("offset")?;
    let file = reader.array("file id")?;
    Ok(Body::Write { file, length, offset: begin, data: Sensitive::new(front(bytes, offset, length)) })
}

/// Of `length` bytes of data, those that the read part of the packet holds.
fn front(bytes: &[u8], offset: usize, length: u32) -> &[u8] {
    let data = bytes.get(offset..).unwrap_or_default();
    data.get(..usize::try_from(length).unwrap_or(usize::MAX)).unwrap_or(data)
}

fn set_information<'a>(reader: &mut Reader<'a>, bytes: &'a [u8]) -> Result<Body<'a>, Error> {
    reader.skip("structure size", 2)?;
    let kind = reader.u8("info type")?;
    let class = reader.u8("file info class")?;
    let length = usize::try_from(reader.u32_le("buffer length")?).unwrap_or(usize::MAX);
    let offset = usize::from(reader.u16_le("buffer offset")?);
    reader.skip("reserved, additional information", 6)?;
    let file = reader.array("file id")?;
    let information = offset.checked_add(length).and_then(|end| bytes.get(offset..end)).unwrap_or_default();
    let mut information = Reader::new(LAYER, information);
    match (kind, class) {
        (1, RENAME) => {
            information.skip("replace, reserved, root directory", 16)?;
            let length = information.u32_le("file name length")?;
            let name = information.take_lax(usize::try_from(length).unwrap_or(usize::MAX));
            Ok(Body::Rename { file, name: Sensitive::new(name) })
        }
        (1, DISPOSITION | DISPOSITION_EXTENDED) if information.u8("delete pending")? & 1 != 0 => {
            Ok(Body::Delete { file })
        }
        _ => Ok(Body::Other),
    }
}

/// A field that offset and length point to, from the start of the header.
fn buffer<'a>(reader: &mut Reader<'a>, field: &'static str, bytes: &'a [u8]) -> Result<&'a [u8], Error> {
    let offset = usize::from(reader.u16_le(field)?);
    let length = usize::from(reader.u16_le(field)?);
    let available = bytes.get(offset..).unwrap_or_default();
    Ok(available.get(..length).unwrap_or(available))
}

/// Shannon entropy of the front of `data`, bits per byte times 100. `None` for less than 256 bytes, where the
/// estimate says nothing.
pub fn entropy_centibits(data: &[u8]) -> Option<u16> {
    let data = data.get(..data.len().min(ENTROPY_BYTES)).filter(|data| data.len() >= 256)?;
    let mut counts = [0u16; 256];
    for byte in data {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total = data.len() as f64;
    let bits: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total)
        .map(|share| -share * share.log2())
        .sum();
    // At most 8 bits per byte: 800 fits.
    Some((bits * 100.0).round() as u16)
}
