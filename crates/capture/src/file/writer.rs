//! Writing classic pcap with nanoseconds, for evidence and for the lab.

use std::io::{self, Write};

use crate::limits::FRAME_BYTES_MAX;

/// Writes one capture file: little-endian, nanoseconds, one link type.
///
/// Nothing is buffered here; give it a [`std::io::BufWriter`] for many frames.
#[derive(Debug)]
pub struct PcapWriter<W: Write> {
    output: W,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file header.
    ///
    /// # Errors
    /// What `output` answers.
    pub fn new(mut output: W, link_type: u16) -> io::Result<Self> {
        let mut header = Vec::with_capacity(24);
        header.extend(0xa1b2_3c4d_u32.to_le_bytes());
        header.extend(2_u16.to_le_bytes());
        header.extend(4_u16.to_le_bytes());
        header.extend([0; 8]);
        header.extend(FRAME_BYTES_MAX.to_le_bytes());
        header.extend(u32::from(link_type).to_le_bytes());
        output.write_all(&header)?;
        Ok(Self { output })
    }

    /// Writes one frame, captured at `time_ns` (nanoseconds since the Unix epoch), that was
    /// `original_length` bytes long on the wire.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a time outside 1970 to 2106 or a frame over
    /// [`FRAME_BYTES_MAX`](crate::limits::FRAME_BYTES_MAX), neither of which the format's readers accept;
    /// else what the output answers.
    pub fn write_frame(&mut self, time_ns: i64, captured: &[u8], original_length: u32) -> io::Result<()> {
        let seconds = u32::try_from(time_ns.div_euclid(1_000_000_000)).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "the time is outside what pcap can hold (1970 to 2106)",
            )
        })?;
        let nanoseconds = time_ns.rem_euclid(1_000_000_000) as u32;
        let length = u32::try_from(captured.len())
            .ok()
            .filter(|&length| length <= FRAME_BYTES_MAX)
            .ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidInput, "the frame is longer than pcap readers accept")
            })?;
        let mut header = [0; 16];
        let fields = [seconds, nanoseconds, length, original_length];
        for (to, field) in header.chunks_exact_mut(4).zip(fields) {
            to.copy_from_slice(&field.to_le_bytes());
        }
        self.output.write_all(&header)?;
        self.output.write_all(captured)
    }

    /// Flushes and gives the output back.
    ///
    /// # Errors
    /// What the output answers to the flush.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}
