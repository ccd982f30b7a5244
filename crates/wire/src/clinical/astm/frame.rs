//! Frames: LIS01-A2 section 6.3.

/// Longest frame, bytes: LIS01-A2 section 6.3.1.2 allows 64,000 characters of text; E1381 allowed 240.
pub const FRAME_BYTES_MAX: usize = 64_000 + 8;

pub(super) const STX: u8 = 0x02;
pub(super) const ETX: u8 = 0x03;
pub(super) const EOT: u8 = 0x04;
pub(super) const ENQ: u8 = 0x05;
pub(super) const ACK: u8 = 0x06;
pub(super) const NAK: u8 = 0x15;
pub(super) const ETB: u8 = 0x17;

/// Whether the checksum of a frame is that of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// It is.
    Right,
    /// It is not.
    Wrong,
    /// The frame has none.
    Missing,
}

/// How the number of a frame follows that of the frame before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequence {
    /// It is the next, or the first that was seen.
    Next,
    /// The same frame again, as after a lost acknowledgment.
    Repeated,
    /// The number of the frame before, with another text, though that frame was acknowledged.
    Altered,
    /// A number is missing in between.
    Unexpected,
    /// The frame has no number.
    Unnumbered,
}

/// What is told of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its number, 0 to 7.
    pub number: Option<u8>,
    /// Whether it ends a record (ETX) rather than continues one (ETB).
    pub last: bool,
    /// Its checksum.
    pub check: Check,
    /// Its place among the others.
    pub sequence: Sequence,
    /// The receiver acknowledged it, or the sender went on as if it had.
    pub accepted: bool,
}

/// Number and text of what stands between STX and the checksum, with its end (ETX or ETB) as last byte.
pub(super) fn split(body: &[u8]) -> (Option<u8>, &[u8], bool) {
    let (end, text) = body.split_last().map_or((ETX, body), |(end, text)| (*end, text));
    let last = end != ETB;
    match text.split_first() {
        Some((digit @ b'0'..=b'7', rest)) => (Some(digit - b'0'), rest, last),
        _ => (None, text, last),
    }
}

/// Section 6.3.4: the sum of all bytes behind STX up to and with ETX or ETB, modulo 256, as two hexadecimal digits.
pub(super) fn is_checksum(body: &[u8], digits: [u8; 2]) -> bool {
    let sum = body.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    high.zip(low).is_some_and(|(high, low)| high << 4 | low == u32::from(sum))
}
