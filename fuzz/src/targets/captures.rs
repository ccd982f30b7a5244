//! Capture files, plain and packed, and the text of filters.

use std::io::{Cursor, Write as _};

use wardline_capture::{CaptureFile, Filter, PcapWriter};

use super::{Target, alone};
use crate::meters::measure;
use crate::oracle::{Budget, check_doubled};

/// A file is read through a buffer of 1 MiB; unpacking zstd may take a window of 128 MiB on its word.
const FILES: Budget = Budget {
    steps_per_byte: 100,
    steps_per_piece: 0,
    steps_base: 200_000,
    peak_per_byte: 8,
    peak_base_bytes: 3 << 20,
    retained_per_byte: 4,
    retained_base_bytes: 3 << 20,
};
/// Bytes that a packed file may unpack to before a run is ended: what is packed may stand for any length.
const UNPACKED_BYTES_MAX: u64 = 256 << 10;

/// Filters are typed by a person: they may be costly, but not boundless.
const FILTERS: Budget = Budget {
    steps_per_byte: 10_000,
    steps_per_piece: 0,
    steps_base: 500_000,
    peak_per_byte: 2 << 10,
    peak_base_bytes: 256 << 10,
    retained_per_byte: 0,
    retained_base_bytes: 1 << 10,
};

pub(super) fn targets() -> impl Iterator<Item = Target> {
    [alone("capture", plain, files), alone("capture-packed", packed, files), alone("filter", filter, filters)]
        .into_iter()
}

/// Frames of a file, as a digest of what came: count, bytes, and where it ended.
fn read(bytes: Box<dyn std::io::Read + Send>) -> (u64, u64, bool) {
    let (mut frames, mut captured) = (0, 0);
    let Ok(mut file) = CaptureFile::from_reader("input", bytes) else { return (0, 0, false) };
    loop {
        match file.next_frame() {
            Ok(Some(frame)) => {
                frames += 1;
                captured += frame.captured.len() as u64;
                assert!(frame.number == frames, "frame {} is numbered {}", frames, frame.number);
            }
            Ok(None) => return (frames, captured, true),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return (frames, captured, false);
            }
        }
    }
}

fn plain(input: &[u8]) {
    let (whole, cost) = measure(|| read(Box::new(Cursor::new(input.to_vec()))));
    if !is_packed(input) {
        FILES.check("capture", input.len(), 1, cost);
    }
    let cut = read(Box::new(ByteByByte(Cursor::new(input.to_vec()))));
    assert_eq!(whole, cut, "cuts: a capture tells something else byte by byte");
}

fn is_packed(input: &[u8]) -> bool {
    input.starts_with(&[0x1f, 0x8b])
        || matches!(input, [_, 0x2a, 0x4d, 0x18, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..])
}

/// The first byte says how the rest is packed before it is read; what is unpacked is the same.
fn packed(input: &[u8]) {
    let Some((how, plain)) = input.split_first() else { return };
    if is_packed(plain) || plain.len() as u64 > UNPACKED_BYTES_MAX {
        return;
    }
    let packed = if how % 2 == 0 {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(plain).and_then(|()| encoder.finish()).unwrap_or_default()
    } else {
        zstd::encode_all(plain, 1).unwrap_or_default()
    };
    let unpacked = read(Box::new(Cursor::new(packed.clone())));
    assert_eq!(
        read(Box::new(Cursor::new(plain.to_vec()))),
        unpacked,
        "a packed capture tells something else"
    );
    // Damaged where the first byte says.
    let place = usize::from(*how) * packed.len() / 256;
    let mut damaged = packed;
    if let Some(byte) = damaged.get_mut(place) {
        *byte ^= 1 << (how % 8);
    }
    read(Box::new(std::io::Read::take(Cursor::new(damaged), UNPACKED_BYTES_MAX)));
}

/// A reader that gives one byte at a time.
struct ByteByByte(Cursor<Vec<u8>>);

impl std::io::Read for ByteByByte {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let end = buffer.len().min(1);
        self.0.read(&mut buffer[..end])
    }
}

fn filter(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let run = |text: &str| {
        let Ok(filter) = Filter::parse(text) else { return };
        for link_type in [0, 1, 101, 113, 276] {
            if let Ok(program) = filter.compile(link_type) {
                for length in [0, 1, 14, 34, 60] {
                    let frame: Vec<u8> = (0..length).map(|place| (place * 7) as u8).collect();
                    std::hint::black_box(program.matches(&frame, length));
                }
            }
        }
        let _ = filter.compile_live(1);
    };
    let (_, once) = measure(|| run(text));
    FILTERS.check("filter", text.len(), 1, once);
    let (_, twice) = measure(|| run(&format!("{text} {text}")));
    check_doubled("filter", once, twice, FILTERS.steps_base);
}

fn files() -> Vec<Vec<u8>> {
    let frame = [0_u8; 60];
    let mut seeds = Vec::new();
    let mut pcap = Vec::new();
    if let Ok(mut writer) = PcapWriter::new(&mut pcap, 1) {
        for number in 0..3 {
            // Writing to memory does not fail.
            let _ = writer.write_frame(number * 1_000_000, &frame, 60);
        }
        let _ = writer.finish();
    }
    seeds.push(pcap);
    // Microseconds, most significant byte first.
    let mut swapped =
        b"\xa1\xb2\xc3\xd4\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x00\x01"
            .to_vec();
    swapped.extend_from_slice(b"\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x04\x00\x00\x00\x04abcd");
    seeds.push(swapped);
    // pcapng: section, interface with a resolution, enhanced packet, simple packet.
    let mut next = b"\x0a\x0d\x0d\x0a\x1c\x00\x00\x00\x4d\x3c\x2b\x1a\x01\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x1c\x00\x00\x00".to_vec();
    next.extend_from_slice(b"\x01\x00\x00\x00\x20\x00\x00\x00\x01\x00\x00\x00\x00\x00\x04\x00\x09\x00\x01\x00\x09\x00\x00\x00\x00\x00\x00\x00\x20\x00\x00\x00");
    next.extend_from_slice(b"\x06\x00\x00\x00\x24\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00\x04\x00\x00\x00abcd\x24\x00\x00\x00");
    next.extend_from_slice(b"\x03\x00\x00\x00\x14\x00\x00\x00\x04\x00\x00\x00abcd\x14\x00\x00\x00");
    seeds.push(next);
    seeds
}

fn filters() -> Vec<Vec<u8>> {
    [
        "",
        "tcp port 104 or udp portrange 5000-5100",
        "host 192.0.2.1 and not net 198.51.100.0/24",
        "vlan 7 && ip6 proto 58",
        "ether host 02:00:00:00:00:01 or arp",
        "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn",
        "ip[2:2] > 576 and (src or dst port 443)",
        "not (icmp or icmp6) and greater 100",
        "mpls 3 and pppoes and ip",
        "ether proto 0x88cc or ether multicast",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
