//! A stretch of hospital as a capture file, with its labels.

use std::io::{self, Write};

use crate::{Hospital, Labels};

/// Writes `seconds` of the hospital as a classic pcap file with nanoseconds, and returns what is true of it.
pub fn write_capture(mut hospital: Hospital, seconds: u32, output: &mut impl Write) -> io::Result<Labels> {
    for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        output.write_all(&word.to_le_bytes())?;
    }
    let end_ns = hospital.start_ns() + i64::from(seconds) * 1_000_000_000;
    while let Some(frame) = hospital.next().filter(|frame| frame.time_ns < end_ns) {
        let length = frame.bytes.len() as u32;
        for word in
            [(frame.time_ns / 1_000_000_000) as u32, (frame.time_ns % 1_000_000_000) as u32, length, length]
        {
            output.write_all(&word.to_le_bytes())?;
        }
        output.write_all(&frame.bytes)?;
    }
    output.flush()?;
    Ok(hospital.labels())
}
