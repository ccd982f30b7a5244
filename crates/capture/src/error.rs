//! What can go wrong with a capture file, by who is to blame, and what the reader can do about it.

use std::io;

use thiserror::Error;

/// A capture file could not be read, or not to its end. Frames delivered before it stand.
#[derive(Debug, Error)]
#[error("{file}: {fault}")]
pub struct CaptureError {
    /// The file as the user named it, control characters escaped; `standard input` for `-`.
    pub file: String,
    /// What is wrong, where and what to do.
    pub fault: CaptureFault,
}

/// What is wrong with a capture file. Byte offsets count from the start of the capture data: in a compressed
/// file from the start of what it decompresses to.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CaptureFault {
    // The machine's.
    /// The system refused to open the file.
    #[error("cannot be opened: {}", open_advice(.0))]
    Open(#[source] io::Error),
    /// The system failed while reading.
    #[error("reading stopped at byte {offset}: {cause}; check the disk or share it is on, then run again")]
    Read {
        /// Bytes of capture data read before.
        offset: u64,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },

    // The user's.
    /// The path names a directory.
    #[error("is a directory; name the capture files inside it")]
    Directory,
    /// No bytes at all.
    #[error("is empty: not even a file header at byte 0; check that the capture was written")]
    Empty,
    /// The first bytes belong to no known capture format.
    #[error(
        "is not a capture file: byte 0 starts with {magic:02x?}; expected pcap or pcapng, plain or in gzip \
         or zstd (editcap converts other formats)"
    )]
    Unrecognised {
        /// The first four bytes.
        magic: [u8; 4],
    },

    // The file's.
    /// The file ends inside a record; all frames before it were whole.
    #[error(
        "ends inside {item} that starts at byte {offset} ({missing} more bytes expected); what came before \
         was read; the capture was cut short, copy it again or go on without its end"
    )]
    Truncated {
        /// Where the cut record starts.
        offset: u64,
        /// What is cut.
        item: Item,
        /// Bytes that are missing at least.
        missing: u64,
    },
    /// A field has a value that the format does not allow.
    #[error(
        "is damaged at byte {offset}: {malformation}; what came before was read; copy the capture again or \
         rescue the rest with `editcap`"
    )]
    Malformed {
        /// Where the record starts.
        offset: u64,
        /// Which rule it breaks.
        malformation: Malformation,
    },
    /// A length or count beyond what is accepted, so that memory stays bounded.
    #[error(
        "claims {claimed} {quantity} at byte {offset}, more than the {limit} accepted; what came before was \
         read; the record is most likely damaged"
    )]
    OverLimit {
        /// Where the record starts.
        offset: u64,
        /// What is counted.
        quantity: Quantity,
        /// The value in the file.
        claimed: u64,
        /// The bound.
        limit: u64,
    },
    /// The gzip or zstd stream around the capture is damaged or cut short.
    #[error(
        "its {compression} compression is damaged or cut short after {offset} bytes of capture data \
         ({cause}); what came before was read; copy the file again"
    )]
    Compression {
        /// Which compression.
        compression: Compression,
        /// Bytes of capture data recovered before.
        offset: u64,
        /// The decompressor's reason.
        #[source]
        cause: io::Error,
    },
}

impl CaptureFault {
    /// Where in the capture data the fault lies, in bytes, when it lies in the data at all.
    #[must_use]
    pub const fn offset(&self) -> Option<u64> {
        match self {
            Self::Open(_) | Self::Directory => None,
            Self::Empty | Self::Unrecognised { .. } => Some(0),
            Self::Read { offset, .. }
            | Self::Truncated { offset, .. }
            | Self::Malformed { offset, .. }
            | Self::OverLimit { offset, .. }
            | Self::Compression { offset, .. } => Some(*offset),
        }
    }
}

/// A part of a capture file, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// The header of a pcap file.
    FileHeader,
    /// The pcap record of the frame with this number.
    Record(u64),
    /// A pcapng block.
    Block,
}

impl std::fmt::Display for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::FileHeader => f.write_str("the file header"),
            Self::Record(number) => write!(f, "the record of frame {number}"),
            Self::Block => f.write_str("the pcapng block"),
        }
    }
}

/// A quantity that is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quantity {
    /// Bytes in one frame.
    FrameBytes,
    /// Bytes in one pcapng block.
    BlockBytes,
    /// Interfaces in one pcapng section.
    Interfaces,
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::FrameBytes => "bytes in one frame",
            Self::BlockBytes => "bytes in one pcapng block",
            Self::Interfaces => "interfaces in one section",
        })
    }
}

/// A rule of the file format that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Malformation {
    /// The pcap version is not one that was ever in use.
    #[error("pcap version {0}.{1} is unknown")]
    FileVersion(u16, u16),
    /// A section header whose byte-order magic is neither way round.
    #[error("the section header's byte-order magic is {0:#010x}")]
    ByteOrderMagic(u32),
    /// A section of a major version that nobody has defined.
    #[error("pcapng version {0}.{1} is unknown")]
    SectionVersion(u16, u16),
    /// A block length too small for its kind or no multiple of four.
    #[error("a block of type {kind:#x} has the impossible length {length}")]
    BlockLength {
        /// Block type.
        kind: u32,
        /// Block total length.
        length: u32,
    },
    /// The two lengths of a block, before and behind it, differ.
    #[error("a block's length is {leading} before and {trailing} behind it")]
    BlockLengthsDiffer {
        /// Length in front.
        leading: u32,
        /// Length behind.
        trailing: u32,
    },
    /// A frame that is longer than the block around it.
    #[error("a frame of {captured} bytes is in a block with room for {room}")]
    FrameBeyondBlock {
        /// Captured length.
        captured: u32,
        /// Bytes that the block has for it.
        room: u32,
    },
    /// A frame of an interface that the section has not described.
    #[error("a frame names interface {named}, but the section describes {described}")]
    UnknownInterface {
        /// Interface number in the block.
        named: u32,
        /// Number of interfaces described so far.
        described: usize,
    },
}

/// A compression around a capture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// gzip, RFC 1952, one or several members.
    Gzip,
    /// Zstandard, RFC 8878, one or several frames.
    Zstandard,
}

impl std::fmt::Display for Compression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstandard => "zstd",
        })
    }
}

fn open_advice(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::NotFound => "there is no such file; check the path".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "permission denied; make it readable for this user (ls -l shows its owner and mode)".to_owned()
        }
        _ if cause.raw_os_error() == Some(libc::EMFILE) => {
            "too many open files; merge fewer at a time or raise the limit with `ulimit -n`".to_owned()
        }
        _ => format!("{cause}; check the path and the disk"),
    }
}
