//! What comes in.

use wardline_model::{CaptureId, Timestamp};

/// A captured frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Which capture.
    pub capture: CaptureId,
    /// Number in that capture, from 1.
    pub number: u64,
    /// Capture time.
    pub time: Timestamp,
    /// LINKTYPE number, as in <https://www.tcpdump.org/linktypes.html>.
    pub link_type: u16,
    /// The bytes that were captured.
    pub bytes: &'a [u8],
    /// Length on the wire, bytes.
    pub original_length: u32,
}
