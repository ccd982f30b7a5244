//! Formats, damage and chunking, on files made here.

use std::io::{Read, Write};

use proptest::prelude::*;

use super::*;
use crate::error::{Compression, Item, Malformation, Quantity};
use crate::link_type;

/// A frame by value, for comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owned {
    number: u64,
    time_ns: i64,
    link_type: u16,
    captured: Vec<u8>,
    original_length: u32,
}

impl From<Frame<'_>> for Owned {
    fn from(frame: Frame<'_>) -> Self {
        Self {
            number: frame.number,
            time_ns: frame.time_ns,
            link_type: frame.link_type,
            captured: frame.captured.to_vec(),
            original_length: frame.original_length,
        }
    }
}

/// Reads everything through a buffer of `buffer_bytes`, in reads of the given sizes.
fn read_all(bytes: &[u8], buffer_bytes: usize, chunks: Vec<usize>) -> (Vec<Owned>, Option<CaptureFault>) {
    let reader =
        Chunked { bytes: bytes.to_vec(), at: 0, chunks: chunks.into_iter().cycle().take(4096).collect() };
    let mut file = match CaptureFile::with_buffer("test".to_owned(), Box::new(reader), None, buffer_bytes) {
        Ok(file) => file,
        Err(error) => return (Vec::new(), Some(error.fault)),
    };
    let mut frames = Vec::new();
    loop {
        match file.next_frame() {
            Ok(Some(frame)) => frames.push(frame.into()),
            Ok(None) => return (frames, None),
            Err(error) => {
                assert!(matches!(file.next_frame(), Ok(None)), "an error is final");
                return (frames, Some(error.fault));
            }
        }
    }
}

fn read(bytes: &[u8]) -> (Vec<Owned>, Option<CaptureFault>) {
    read_all(bytes, READ_BUFFER_BYTES, vec![])
}

/// A reader that hands out its bytes in pieces of chosen sizes, with an interruption now and then.
struct Chunked {
    bytes: Vec<u8>,
    at: usize,
    chunks: Vec<usize>,
}

impl Read for Chunked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let chunk = self.chunks.pop().unwrap_or(usize::MAX);
        if chunk == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let rest = &self.bytes[self.at..];
        let count = chunk.min(rest.len()).min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

/// Writes fields in either byte order.
#[derive(Clone)]
struct Builder {
    bytes: Vec<u8>,
    big: bool,
}

impl Builder {
    fn new(big: bool) -> Self {
        Self { bytes: Vec::new(), big }
    }

    fn u16(mut self, value: u16) -> Self {
        self.bytes.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
        self
    }

    fn u32(mut self, value: u32) -> Self {
        self.bytes.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
        self
    }

    fn raw(mut self, value: &[u8]) -> Self {
        self.bytes.extend(value);
        self
    }

    fn padded(self, value: &[u8]) -> Self {
        let padding = value.len().next_multiple_of(4) - value.len();
        self.raw(value).raw(&vec![0; padding])
    }

    fn block(self, kind: u32, body: impl FnOnce(Self) -> Self) -> Self {
        let body = body(Self::new(self.big)).bytes;
        let length = body.len() as u32 + 12;
        self.u32(kind).u32(length).raw(&body).u32(length)
    }

    fn section(self) -> Self {
        self.block(SECTION_HEADER_BLOCK, |b| b.u32(0x1a2b_3c4d).u16(1).u16(0).raw(&[0xff; 8]))
    }

    fn interface(self, link_type: u16, snap_length: u32, options: &[(u16, &[u8])]) -> Self {
        self.block(1, |b| {
            let b = b.u16(link_type).u16(0).u32(snap_length);
            let b =
                options.iter().fold(b, |b, (code, value)| b.u16(*code).u16(value.len() as u16).padded(value));
            b.u16(0).u16(0)
        })
    }

    fn enhanced(self, interface: u32, ticks: u64, frame: &[u8], original_length: u32) -> Self {
        self.block(6, |b| {
            b.u32(interface)
                .u32((ticks >> 32) as u32)
                .u32(ticks as u32)
                .u32(frame.len() as u32)
                .u32(original_length)
                .padded(frame)
        })
    }

    fn classic(self, magic: u32, minor: u16, link_type: u32) -> Self {
        self.u32(magic).u16(2).u16(minor).u32(0).u32(0).u32(65_535).u32(link_type)
    }
}

fn owned(number: u64, time_ns: i64, link_type: u16, captured: &[u8], original_length: u32) -> Owned {
    Owned { number, time_ns, link_type, captured: captured.to_vec(), original_length }
}

#[test]
fn classic_in_both_orders_and_resolutions() {
    for big in [false, true] {
        for (magic, fraction_ns) in [(0xa1b2_c3d4, 7_000), (0xa1b2_3c4d, 7)] {
            let bytes = Builder::new(big)
                .classic(magic, 4, 0xf000_0000 | 1)
                .u32(10)
                .u32(7)
                .u32(3)
                .u32(60)
                .raw(b"abc")
                .u32(11)
                .u32(7)
                .u32(0)
                .u32(0)
                .bytes;
            let (frames, fault) = read(&bytes);
            assert!(fault.is_none(), "{fault:?}");
            let expected = vec![
                owned(1, 10_000_000_000 + fraction_ns, link_type::ETHERNET, b"abc", 60),
                owned(2, 11_000_000_000 + fraction_ns, link_type::ETHERNET, b"", 0),
            ];
            assert_eq!(frames, expected);
        }
    }
}

#[test]
fn kuznetzov_records_have_eight_more_bytes() {
    let bytes = Builder::new(false)
        .classic(0xa1b2_cd34, 4, 1)
        .u32(1)
        .u32(2)
        .u32(2)
        .u32(2)
        .raw(&[9; 8])
        .raw(b"hi")
        .bytes;
    assert_eq!(read(&bytes).0, vec![owned(1, 1_000_002_000, 1, b"hi", 2)]);
}

#[test]
fn longer_record_headers_behind_the_usual_magic_number_are_noticed() {
    for (extra, frames) in [(0, 1), (0, 3), (4, 3), (8, 3)] {
        let mut file = Builder::new(false).classic(0xa1b2_c3d4, 4, 272);
        for second in 1..=frames {
            file = file
                .u32(1_700_000_000 + second)
                .u32(900_000)
                .u32(6)
                .u32(6)
                .raw(&vec![0x11; extra])
                .raw(b"nordic");
        }
        let (read, fault) = read(&file.bytes);
        assert!(fault.is_none(), "{extra} more bytes: {fault:?}");
        assert_eq!(read.len(), frames as usize, "{extra} more bytes");
        assert!(read.iter().all(|frame| frame.captured == b"nordic"));
    }
}

#[test]
fn a_fraction_below_zero_is_before_its_second() {
    let bytes = Builder::new(false)
        .classic(0xa1b2_c3d4, 4, 1)
        .u32(10)
        .u32((-250_000_i32).cast_unsigned())
        .u32(1)
        .u32(1)
        .raw(b"x")
        .bytes;
    assert_eq!(read(&bytes).0, vec![owned(1, 9_750_000_000, 1, b"x", 1)]);
}

#[test]
fn old_versions_swap_the_lengths() {
    let record = |minor| {
        Builder::new(true).classic(0xa1b2_c3d4, minor, 1).u32(0).u32(0).u32(9).u32(2).raw(b"ab").bytes
    };
    for minor in [2, 3] {
        assert_eq!(read(&record(minor)).0, vec![owned(1, 0, 1, b"ab", 9)], "version 2.{minor}");
    }
    let unknown = Builder::new(true).u32(0xa1b2_c3d4).u16(9).u16(1).raw(&[0; 16]).bytes;
    let (_, fault) = read(&unknown);
    assert!(matches!(
        fault,
        Some(CaptureFault::Malformed { offset: 4, malformation: Malformation::FileVersion(9, 1) })
    ));
}

#[test]
fn pcapng_sections_interfaces_clocks_and_block_kinds() {
    let bytes = Builder::new(false)
        .section()
        .interface(1, 0, &[(2, b"eth0")])
        .interface(101, 4, &[(9, &[9]), (14, &5_i64.to_le_bytes())])
        .enhanced(0, 1_500_000, b"first", 99)
        .block(0x0bad, |b| b.raw(&[0; 8])) // custom block
        .block(5, |b| b.raw(&[0; 12])) // interface statistics
        .enhanced(1, 7, b"second!", 7)
        .block(2, |b| b.u16(1).u16(3).u32(0).u32(8).u32(2).u32(2).padded(b"pb"))
        .bytes;
    let bytes = Builder { bytes, big: true }
        .section()
        .interface(113, 3, &[(9, &[0x80 | 1])])
        .block(3, |b| b.u32(5).padded(b"sim"))
        .enhanced(0, 3, b"last", 4)
        .bytes;
    let (frames, fault) = read(&bytes);
    assert!(fault.is_none(), "{fault:?}");
    let expected = vec![
        owned(1, 1_500_000_000, 1, b"first", 99),
        owned(2, 5_000_000_007, 101, b"second!", 7),
        owned(3, 5_000_000_008, 101, b"pb", 2),
        owned(4, 5_000_000_008, 113, b"sim", 5),
        owned(5, 1_500_000_000, 113, b"last", 4),
    ];
    assert_eq!(frames, expected);
}

#[test]
fn a_cut_file_delivers_what_is_whole_and_says_where_it_ends() {
    let whole = Builder::new(false).classic(0xa1b2_c3d4, 4, 1).u32(1).u32(0).u32(4).u32(4).raw(b"good");
    let second_at = whole.bytes.len();
    let bytes = whole.u32(2).u32(0).u32(4).u32(4).raw(b"evil").bytes;
    for cut in second_at + 1..bytes.len() {
        let (frames, fault) = read(&bytes[..cut]);
        assert_eq!(frames.len(), 1);
        let Some(CaptureFault::Truncated { offset, item: Item::Record(2), missing }) = fault else {
            panic!("{fault:?}");
        };
        assert_eq!(offset, second_at as u64);
        assert!(missing > 0);
    }
    assert!(read(&bytes[..second_at]).1.is_none(), "a cut between records cannot be seen");
    assert!(matches!(
        read(&bytes[..10]).1,
        Some(CaptureFault::Truncated { offset: 0, item: Item::FileHeader, .. })
    ));

    let next_generation =
        Builder::new(false).section().interface(1, 0, &[]).enhanced(0, 0, b"frame", 5).bytes;
    for cut in 1..next_generation.len() {
        if [28, 52].contains(&cut) {
            continue; // between blocks
        }
        let (frames, fault) = read(&next_generation[..cut]);
        assert!(frames.is_empty());
        match fault {
            Some(CaptureFault::Unrecognised { .. }) => assert!(cut < 4),
            Some(CaptureFault::Truncated { offset, item: Item::Block, missing }) => {
                assert_eq!(
                    offset,
                    if cut < 28 {
                        0
                    } else if cut < 52 {
                        28
                    } else {
                        52
                    },
                    "cut at {cut}"
                );
                assert!(missing > 0);
            }
            other => panic!("cut at {cut}: {other:?}"),
        }
    }
}

#[test]
fn damage_is_named() {
    let fault = |bytes: &[u8]| read(bytes).1.expect("a fault");
    assert!(matches!(fault(b""), CaptureFault::Empty));
    assert!(matches!(fault(b"GIF89a"), CaptureFault::Unrecognised { magic: [b'G', b'I', b'F', b'8'] }));
    let absurd = Builder::new(false).classic(0xa1b2_c3d4, 4, 1).u32(0).u32(0).u32(300_000).u32(300_000).bytes;
    assert!(matches!(
        fault(&absurd),
        CaptureFault::OverLimit { offset: 24, quantity: Quantity::FrameBytes, claimed: 300_000, .. }
    ));
    let section = || Builder::new(false).section().interface(1, 0, &[]);
    let at = section().bytes.len() as u64;
    let cases: [(Vec<u8>, Malformation); 5] = [
        (section().u32(77).u32(8).u32(0).bytes, Malformation::BlockLength { kind: 77, length: 8 }),
        (section().u32(77).u32(14).u32(0).bytes, Malformation::BlockLength { kind: 77, length: 14 }),
        (
            section().u32(77).u32(16).u32(0).u32(20).bytes,
            Malformation::BlockLengthsDiffer { leading: 16, trailing: 20 },
        ),
        (section().enhanced(3, 0, b"x", 1).bytes, Malformation::UnknownInterface { named: 3, described: 1 }),
        (
            section().block(6, |b| b.u32(0).u32(0).u32(0).u32(9).u32(9).raw(&[0; 8])).bytes,
            Malformation::FrameBeyondBlock { captured: 9, room: 8 },
        ),
    ];
    for (bytes, expected) in cases {
        match fault(&bytes) {
            CaptureFault::Malformed { offset, malformation } => {
                assert_eq!((offset, malformation), (at, expected));
            }
            other => panic!("{other:?} instead of {expected:?}"),
        }
    }
    let long_block = section().u32(6).u32(1 << 30).bytes;
    assert!(matches!(fault(&long_block), CaptureFault::OverLimit { quantity: Quantity::BlockBytes, .. }));
    let skipped_lie = section().u32(0x77).u32(1 << 30).raw(&[0; 50]).bytes;
    assert!(matches!(fault(&skipped_lie), CaptureFault::Truncated { .. }));
}

fn sample(count: u32) -> Vec<u8> {
    let mut writer = PcapWriter::new(Vec::new(), link_type::ETHERNET).expect("a vector takes everything");
    for index in 0..count {
        let frame = vec![index as u8; 40 + index as usize % 100];
        writer.write_frame(i64::from(index) * 1_000, &frame, 1500).expect("a vector takes everything");
    }
    writer.finish().expect("a vector takes everything")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("a vector takes everything");
    encoder.finish().expect("a vector takes everything")
}

#[test]
fn compression_is_recognised_by_content_and_members_are_joined() {
    let plain = sample(500);
    let (expected, _) = read(&plain);
    assert_eq!(expected.len(), 500);
    let (front, back) = plain.split_at(plain.len() / 3);
    let members = [gzip(front), gzip(back)].concat();
    assert_eq!(read(&members).0, expected);
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3].to_vec();
    let zstandard = |bytes: &[u8]| zstd::encode_all(bytes, 1).expect("compresses");
    let frames = [skippable, zstandard(front), zstandard(back)].concat();
    assert_eq!(read(&frames).0, expected);
}

#[test]
fn damaged_compression_keeps_what_came_before() {
    let plain = sample(5_000);
    let (expected, _) = read(&plain);
    let zstandard = zstd::encode_all(plain.as_slice(), 1).expect("compresses");
    for (whole, kind) in [(gzip(&plain), Compression::Gzip), (zstandard, Compression::Zstandard)] {
        let (frames, fault) = read(&whole[..whole.len() - 9]);
        assert!(
            matches!(fault, Some(CaptureFault::Compression { compression, .. }) if compression == kind),
            "{fault:?}"
        );
        assert_eq!(frames, expected[..frames.len()]);
    }
}

#[test]
fn a_stream_that_expands_without_end_needs_one_buffer() {
    // 64 MiB of a block that is skipped, from a few KiB of gzip.
    let mut bytes = Builder::new(false).section().interface(1, 0, &[]).u32(0xbad).u32((64 << 20) + 12).bytes;
    bytes.resize(bytes.len() + (64 << 20), 0);
    let bytes = Builder { bytes, big: false }.u32((64 << 20) + 12).enhanced(0, 5, b"end", 3).bytes;
    let mut file = CaptureFile::from_reader("bomb", Box::new(io::Cursor::new(gzip(&bytes)))).expect("opens");
    assert_eq!(file.next_frame().expect("reads").map(|frame| frame.captured.len()), Some(3));
    assert!(file.window.capacity_bytes() <= READ_BUFFER_BYTES);
}

#[test]
fn the_writer_refuses_what_no_reader_takes() {
    let mut writer = PcapWriter::new(Vec::new(), 1).expect("a vector takes everything");
    assert!(writer.write_frame(-1, b"x", 1).is_err());
    assert!(writer.write_frame(i64::MAX, b"x", 1).is_err());
    assert!(writer.write_frame(0, &vec![0; 262_145], 1).is_err());
    assert!(writer.write_frame(4_294_967_295_999_999_999, b"x", 1).is_ok());
}

#[test]
fn names_with_control_characters_are_escaped() {
    let error = CaptureFile::open("/nonexistent/\u{1b}[31mred\n").err().expect("no such file");
    assert!(!error.to_string().chars().any(char::is_control), "{error}");
    assert!(error.to_string().contains("check the path"), "{error}");
    assert!(matches!(CaptureFile::open("/").err().expect("a directory").fault, CaptureFault::Directory));
}

prop_compose! {
    fn any_frame()(time_ns in 0..4_294_967_295_999_999_999_i64, captured in proptest::collection::vec(any::<u8>(), 0..300),
        original_length in any::<u32>()) -> (i64, Vec<u8>, u32) {
        (time_ns, captured, original_length)
    }
}

fn any_capture() -> impl Strategy<Value = Vec<u8>> {
    let frames = proptest::collection::vec(any_frame(), 0..20);
    (frames, 0..4_u8, any::<bool>()).prop_map(|(frames, form, big)| match form {
        0 => {
            frames
                .iter()
                .fold(Builder::new(big).classic(0xa1b2_3c4d, 4, 1), |b, (time, bytes, original)| {
                    b.u32((time / 1_000_000_000) as u32)
                        .u32((time % 1_000_000_000) as u32)
                        .u32(bytes.len() as u32)
                        .u32(*original)
                        .raw(bytes)
                })
                .bytes
        }
        1 => {
            frames
                .iter()
                .fold(
                    Builder::new(big).section().interface(1, 0, &[(9, &[9])]),
                    |b, (time, bytes, original)| {
                        b.block(0xbad, |b| b.padded(bytes)).enhanced(0, *time as u64, bytes, *original)
                    },
                )
                .bytes
        }
        form => {
            let mut writer = PcapWriter::new(Vec::new(), 1).expect("a vector takes everything");
            for (time, bytes, original) in &frames {
                writer.write_frame(*time, bytes, *original).expect("a vector takes everything");
            }
            let plain = writer.finish().expect("a vector takes everything");
            if form == 2 { gzip(&plain) } else { zstd::encode_all(plain.as_slice(), 1).expect("compresses") }
        }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(frames in proptest::collection::vec(any_frame(), 0..40), link in any::<u16>()) {
        let mut writer = PcapWriter::new(Vec::new(), link).expect("a vector takes everything");
        for (time, bytes, original) in &frames {
            writer.write_frame(*time, bytes, *original).expect("a vector takes everything");
        }
        let (read, fault) = read(&writer.finish().expect("a vector takes everything"));
        prop_assert!(fault.is_none());
        let expected: Vec<Owned> = frames.iter().zip(1..)
            .map(|((time, bytes, original), number)| owned(number, *time, link, bytes, *original)).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn chunking_and_buffer_size_do_not_matter(
        bytes in any_capture(),
        cut in 0.0..1.2_f64,
        damage in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
        buffer in 64..2048_usize,
        chunks in proptest::collection::vec(0..700_usize, 1..40),
    ) {
        let mut bytes = bytes;
        bytes.truncate((bytes.len() as f64 * cut) as usize);
        if let (Some((index, value)), false) = (damage, bytes.is_empty()) {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        let (expected, expected_fault) = read(&bytes);
        let (frames, fault) = read_all(&bytes, buffer, chunks);
        prop_assert_eq!(frames, expected);
        let compressed = matches!(fault, Some(CaptureFault::Compression { .. }));
        if !compressed {
            prop_assert_eq!(format!("{:?}", fault), format!("{:?}", expected_fault));
        }
    }

    #[test]
    fn any_bytes_end(
        start in prop::sample::select(vec![&b""[..], b"\xa1\xb2\xc3\xd4\0\x02\0\x04", b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"]),
        bytes in proptest::collection::vec(any::<u8>(), 0..2000),
    ) {
        let (frames, _) = read(&[start, &bytes].concat());
        prop_assert!(frames.len() <= bytes.len());
    }
}
