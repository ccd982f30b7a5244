//! One captured frame, borrowed from the buffer or ring that holds it.

/// A frame as it was captured. The bytes stay where the capture put them; the borrow ends at the next call
/// for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Which input it came from: the position of the file in the list given to
    /// [`MergedCapture::open`](crate::MergedCapture::open), 0 for a single file; live, the ring's place.
    pub file: u32,
    /// Number of the frame within its file, from 1, as Wireshark counts. Live: within its ring, from 1.
    pub number: u64,
    /// Capture time in nanoseconds since 1970-01-01T00:00:00Z.
    ///
    /// A record without a time of its own (pcapng Simple Packet Block) repeats the time of the frame before
    /// it in the same file, or 0 when there is none, so that merging keeps it in its place.
    pub time_ns: i64,
    /// LINKTYPE number (<https://www.tcpdump.org/linktypes.html>), as the file says it. Numbers that this
    /// crate does not know are passed on; see [`link_type`](crate::link_type) for names.
    pub link_type: u16,
    /// The bytes that were captured, from the link-layer header on.
    pub captured: &'a [u8],
    /// Length of the frame on the wire in bytes; larger than `captured.len()` when a snap length cut it.
    pub original_length: u32,
}
