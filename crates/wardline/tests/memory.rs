//! Memory stays flat under a million conversations from spoofed addresses.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Most resident memory, bytes: SPECIFICATION.md.
const MEMORY_MAX: u64 = 512 << 20;
const CONVERSATIONS: u32 = 1_000_000;

/// One packet of a conversation of its own: a SYN (RFC 9293) or a datagram (RFC 768) from a spoofed address.
fn packet(number: u32) -> Vec<u8> {
    let mut frame = vec![0x00, 0x09, 0xfb, 0, 0, 2, 0x00, 0x1b, 0x17, 0, 0, 1, 0x08, 0x00];
    let tcp = number.is_multiple_of(2);
    let (protocol, length) = if tcp { (6, 40_u16) } else { (17, 36) };
    frame.extend([0x45, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
    frame.extend((0x0a00_0000 | (number.wrapping_mul(2_654_435_761) >> 8)).to_be_bytes());
    frame.extend([192, 0, 2, 9]);
    let source_port = 1024 + (number % 60_000) as u16;
    frame.extend(source_port.to_be_bytes());
    frame.extend(2575_u16.to_be_bytes());
    if tcp {
        frame.extend(number.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend([0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0]);
    } else {
        frame.extend(16_u16.to_be_bytes());
        frame.extend([0; 2]);
        frame.extend([0x5a; 8]);
    }
    frame
}

#[test]
fn a_million_conversations_fit() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_wardline"))
        .args(["analyze", "-", "--json"])
        .env("WARDLINE_STATE", directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = std::io::BufWriter::with_capacity(1 << 20, child.stdin.take().unwrap());
    let writing = std::thread::spawn(move || {
        for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
            input.write_all(&word.to_le_bytes()).unwrap();
        }
        for number in 0..CONVERSATIONS {
            let frame = packet(number);
            let length = u32::try_from(frame.len()).unwrap();
            // Fifty seconds of flood: no conversation times out before the others came.
            for word in [1_700_000_000 + number / 20_000, number % 20_000 * 50, length, length] {
                input.write_all(&word.to_le_bytes()).unwrap();
            }
            input.write_all(&frame).unwrap();
        }
        input.flush().unwrap();
    });
    // Read as it comes: a million lines of output shall not be held here either.
    let output = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut last = String::new();
    for line in std::io::BufRead::lines(output) {
        last = line.unwrap();
    }
    writing.join().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let summary: serde_json::Value = serde_json::from_str(&last).unwrap();
    assert_eq!(summary["packets"], CONVERSATIONS);
    let refused: u64 =
        summary["over_limit"].as_object().unwrap().values().filter_map(serde_json::Value::as_u64).sum();
    let flows = summary["flows"].as_u64().unwrap();
    assert!(flows + refused >= u64::from(CONVERSATIONS), "what is refused is counted: {summary}");
    let memory = summary["peak_memory_bytes"].as_u64().unwrap();
    assert!(memory <= MEMORY_MAX, "{} MiB", memory >> 20);
}
