//! Facts of file sharing: SMB, NTLM, FTP.

use serde::{Deserialize, Serialize};

use crate::{Bounded, Label, Protocol, Pseudonym};

/// A file, or the body of a message, that went over the network whole: from its sender to who received it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileFact {
    /// What carried it.
    pub protocol: Protocol,
    /// Its length.
    pub bytes: u64,
    /// Its digests, lower-case hexadecimal: MD5, SHA-1, SHA-256, SHA-512, as far as they are looked for.
    pub digests: Bounded<Label, 4>,
}

/// What was done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SmbFileOperation {
    /// Opened for reading, or made.
    Open,
    /// Read.
    Read,
    /// Written.
    Write,
    /// Renamed.
    Rename,
    /// Deleted, or marked for deletion on close.
    Delete,
}

/// SMB.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SmbFact {
    /// The server chose a dialect.
    Negotiated {
        /// Dialect as on the wire: 0x0202, 0x0210, 0x0300, 0x0302, 0x0311; 0x0100 for SMB1.
        dialect: u16,
        /// The server insists on signing.
        signing_required: bool,
        /// Server GUID.
        server: Option<Label>,
    },
    /// A log-in ended with this NT status.
    SessionSetup {
        /// NT status; 0 is success.
        status: u32,
    },
    /// A share was asked for.
    TreeConnect {
        /// Name of the share without its host.
        share: Label,
    },
    /// Something was done to a file.
    File {
        /// What.
        operation: SmbFileOperation,
        /// Which file: pseudonym of its path, if the capture showed its name.
        file: Option<Pseudonym>,
        /// Extension of its (new) name, lower case.
        extension: Option<Label>,
        /// Bytes read or written.
        bytes: u64,
        /// Shannon entropy of what was written, bits per byte times 100, for writes of at least 256 bytes.
        entropy_centibits: Option<u16>,
    },
    /// A named pipe was opened, as service control and remote execution do.
    Pipe {
        /// Its name.
        name: Label,
    },
    /// The session is encrypted from here on; files cannot be seen.
    Encrypted,
}

/// NTLM, MS-NLMP: what each side says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NtlmFact {
    /// Message: 1 negotiate, 2 challenge (by the server), 3 authenticate (by the client).
    pub message: u8,
    /// Domain of the account or server.
    pub domain: Option<Label>,
    /// NetBIOS name of the computer that speaks.
    pub computer: Option<Label>,
    /// DNS name of the computer that speaks.
    pub dns_computer: Option<Label>,
    /// Account.
    pub account: Option<Pseudonym>,
    /// Operating system version: major, minor, build.
    pub version: Option<(u8, u8, u16)>,
}

/// FTP control connection, RFC 959.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FtpFact {
    /// Command verb; empty for an answer.
    pub command: Label,
    /// Reply code; 0 for a command.
    pub reply: u16,
    /// Extension of the file named in the command, lower case.
    pub extension: Option<Label>,
}
