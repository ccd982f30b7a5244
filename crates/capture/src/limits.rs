//! Every bound of this crate, with its unit and reason.

/// Largest frame accepted from a file, in bytes: libpcap's own largest snap length. A record that claims more
/// is a damaged record, not a frame.
pub const FRAME_BYTES_MAX: u32 = 262_144;

/// Largest pcapng block that is held in memory, in bytes: a frame plus generous options. Larger blocks that
/// carry no frame (name resolution, secrets, custom) are skipped without being held.
pub const BLOCK_BYTES_MAX: u32 = 1 << 20;

/// Interfaces in one pcapng section. Each costs 40 bytes; real captures have a handful.
pub const INTERFACES_MAX: usize = 65_536;

/// Largest window log of a zstd stream: 128 MiB, what `zstd --long` writes and every reader accepts.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// Read buffer of a file read alone, in bytes.
pub const READ_BUFFER_BYTES: usize = 1 << 20;

/// Smallest read buffer when many files are merged, in bytes.
pub const READ_BUFFER_BYTES_MIN: usize = 64 << 10;

/// All read buffers of a merge together, in bytes (before a file's buffer grows for a large frame).
pub const MERGE_BUFFER_BYTES: usize = 64 << 20;

/// Files that a merge keeps open from the start. Further ones are looked at, closed, and opened again when
/// their first frame is due, so that a thousand rotated files need neither descriptors nor buffers at once.
pub const MERGE_OPEN_FILES_MAX: usize = 64;

/// Rings of one live capture: one for each reading thread.
pub const RINGS_MAX: usize = 64;

/// One block of a ring, in bytes: holds the largest frame that the kernel puts together (64 KiB) several times.
pub const RING_BLOCK_BYTES: usize = 256 << 10;

/// Smallest ring, in bytes.
pub const RING_BYTES_MIN: usize = 1 << 20;

/// Largest ring, in bytes. The kernel does not swap it.
pub const RING_BYTES_MAX: usize = 1 << 30;

/// A ring if nothing else is said, in bytes: half a second of a full gigabit link.
pub const RING_BYTES_DEFAULT: usize = 64 << 20;

/// Longest time a frame waits in a block that does not fill, in milliseconds.
pub const BLOCK_TIMEOUT_MS_MAX: usize = 10_000;
