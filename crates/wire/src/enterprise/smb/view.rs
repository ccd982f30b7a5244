//! Headers.

use crate::{Error, Layer, Reader};

/// Command of SMB 2 and 3, MS-SMB2 section 2.2.1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum Command {
    Negotiate,
    SessionSetup,
    Logoff,
    TreeConnect,
    Create,
    Close,
    Read,
    Write,
    SetInfo,
    Other(u16),
}

impl From<u16> for Command {
    fn from(code: u16) -> Self {
        match code {
            0 => Self::Negotiate,
            1 => Self::SessionSetup,
            2 => Self::Logoff,
            3 => Self::TreeConnect,
            5 => Self::Create,
            6 => Self::Close,
            8 => Self::Read,
            9 => Self::Write,
            17 => Self::SetInfo,
            other => Self::Other(other),
        }
    }
}

/// Header of an SMB 2 message, 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Command.
    pub command: Command,
    /// Answer rather than request.
    pub response: bool,
    /// Refers to the file and session of the command before it in the same packet.
    pub related: bool,
    /// NT status of an answer.
    pub status: u32,
    /// Offset of the next command in the same packet, 0 for the last.
    pub next: usize,
    /// Which request an answer belongs to.
    pub message_id: u64,
    /// Tree, where the command is of one.
    pub tree: u32,
    /// Session.
    pub session: u64,
}

impl Header {
    /// Length, bytes.
    pub const LENGTH: usize = 64;

    /// Reads the header in front of `reader`.
    pub fn new(reader: &mut Reader<'_>) -> Result<Self, Error> {
        if reader.array("protocol id")? != *b"\xfeSMB" {
            return Err(reader.malformed("protocol id"));
        }
        if reader.u16_le("structure size")? != 64 {
            return Err(reader.malformed("structure size"));
        }
        reader.skip("credit charge", 2)?;
        let status = reader.u32_le("status")?;
        let command = reader.u16_le("command")?.into();
        reader.skip("credits", 2)?;
        let flags = reader.u32_le("flags")?;
        let next = usize::try_from(reader.u32_le("next command")?).unwrap_or(usize::MAX);
        let message_id = reader.u64_le("message id")?;
        reader.skip("process id", 4)?;
        let tree = reader.u32_le("tree id")?;
        let session = reader.u64_le("session id")?;
        reader.skip("signature", 16)?;
        Ok(Self {
            command,
            response: flags & 1 != 0,
            related: flags & 4 != 0,
            status,
            next,
            message_id,
            tree,
            session,
        })
    }
}

/// The layer under which SMB 2 errors are told.
pub(super) const LAYER: Layer = Layer::Smb2;
