//! The classic pcap format (draft-ietf-opsawg-pcap): a file header of 24 bytes, then records.
//!
//! Read: microseconds and nanoseconds, either byte order, the longer record header of Alexey Kuznetzov's
//! patched libpcap, and the swapped lengths of files written before version 2.4. Some writers (Red Hat 6.1's
//! tcpdump, Nokia's firewalls, the nRF Sniffer for Bluetooth LE) put a longer record header behind the usual
//! magic number; as in Wireshark, the second record tells: see `find_record_header_bytes`. The frame check
//! sequence bits of the link-type field are dropped: frames are handed on as stored.

use super::byte_order::ByteOrder;
use super::window::Window;
use super::{Located, read_fault};
use crate::error::{CaptureFault, Item, Malformation, Quantity};
use crate::limits::FRAME_BYTES_MAX;

const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const MAGIC_KUZNETZOV: u32 = 0xa1b2_cd34;

const FILE_HEADER_BYTES: usize = 24;
const RECORD_HEADER_BYTES: usize = 16;
/// Two neighbouring frames are at most this far apart where an unusual record header is believed: a day.
const NEIGHBOUR_GAP_S_MAX: u32 = 86_400;

/// What a magic number says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variant {
    byte_order: ByteOrder,
    nanoseconds_per_tick: i64,
    /// Sizes of record header that are known behind this magic number, the usual one first.
    record_header_bytes: &'static [usize],
}

/// Which of the two lengths of a record comes first.
#[derive(Clone, Copy, Debug)]
enum LengthOrder {
    CapturedFirst,
    OriginalFirst,
    /// Version 2.3: some writers used either order; the captured length is the smaller one.
    SmallerIsCaptured,
}

/// State of reading one classic file.
#[derive(Debug)]
pub(super) struct Classic {
    byte_order: ByteOrder,
    nanoseconds_per_tick: i64,
    record_header_bytes: usize,
    length_order: LengthOrder,
    link_type: u16,
    frames: u64,
}

/// The fields that every record header starts with.
#[derive(Clone, Copy, Debug)]
struct Record {
    seconds: u32,
    /// Signed: writers that shift times store fractions below zero, as the C structure behind it is.
    ticks: i32,
    captured: u32,
    original_length: u32,
}

/// What the first four bytes of a file say, if they are one of this format's magic numbers.
pub(super) fn recognise(magic: [u8; 4]) -> Option<Variant> {
    for byte_order in [ByteOrder::Little, ByteOrder::Big] {
        // 24: interface index, protocol, packet type. 20: Nokia's four bytes. 28: Kuznetzov's of 1999-09-15.
        let (nanoseconds_per_tick, record_header_bytes): (i64, &[usize]) = match byte_order.u32(magic) {
            MAGIC_MICROSECONDS => (1_000, &[RECORD_HEADER_BYTES, 24, 20]),
            MAGIC_NANOSECONDS => (1, &[RECORD_HEADER_BYTES]),
            MAGIC_KUZNETZOV => (1_000, &[24, 28]),
            _ => continue,
        };
        return Some(Variant { byte_order, nanoseconds_per_tick, record_header_bytes });
    }
    None
}

impl Classic {
    /// Reads the file header.
    pub(super) fn open(window: &mut Window, variant: Variant) -> Result<Self, CaptureFault> {
        let byte_order = variant.byte_order;
        let whole = window.ensure(FILE_HEADER_BYTES).map_err(|cause| read_fault(window, cause))?;
        let Some(header) = window.available().first_chunk::<FILE_HEADER_BYTES>().filter(|_| whole) else {
            let missing = (FILE_HEADER_BYTES - window.available().len()) as u64;
            return Err(CaptureFault::Truncated { offset: 0, item: Item::FileHeader, missing });
        };
        let major = byte_order.u16([header[4], header[5]]);
        let minor = byte_order.u16([header[6], header[7]]);
        let length_order = match (major, minor) {
            (2, 3) => LengthOrder::SmallerIsCaptured,
            // 543.0 is what DG/UX's tcpdump wrote.
            (2, 0..=2) | (543, 0) => LengthOrder::OriginalFirst,
            (2, _) => LengthOrder::CapturedFirst,
            _ => {
                let malformation = Malformation::FileVersion(major, minor);
                return Err(CaptureFault::Malformed { offset: 4, malformation });
            }
        };
        // Bits 16 to 31 hold the frame check sequence length and reserved bits.
        let network = byte_order.u32([header[20], header[21], header[22], header[23]]);
        window.consume(FILE_HEADER_BYTES);
        let mut classic = Self {
            byte_order,
            nanoseconds_per_tick: variant.nanoseconds_per_tick,
            record_header_bytes: RECORD_HEADER_BYTES,
            length_order,
            link_type: (network & 0xffff) as u16,
            frames: 0,
        };
        classic.record_header_bytes = classic.find_record_header_bytes(window, variant.record_header_bytes);
        Ok(classic)
    }

    /// Which size of record header the file uses: the first of `sizes`, unless what follows the first frame
    /// then makes no sense and does with another size. Failures to read are left for [`Classic::advance`].
    fn find_record_header_bytes(&self, window: &mut Window, sizes: &[usize]) -> usize {
        let usual = sizes.first().copied().unwrap_or(RECORD_HEADER_BYTES);
        let Some(first) = self.peek_record(window, 0).filter(|first| self.is_plausible(first)) else {
            return usual;
        };
        let second = |window: &mut Window, size| self.peek_record(window, size + first.captured as usize);
        if second(window, usual).is_none_or(|record| self.is_plausible(&record)) {
            return usual;
        }
        let fits = |size: &&usize| {
            second(window, **size).is_some_and(|record| {
                self.is_plausible(&record) && record.seconds.abs_diff(first.seconds) < NEIGHBOUR_GAP_S_MAX
            })
        };
        sizes.iter().find(fits).copied().unwrap_or(usual)
    }

    fn is_plausible(&self, record: &Record) -> bool {
        (0..1_000_000_000).contains(&(i64::from(record.ticks) * self.nanoseconds_per_tick))
            && record.captured <= FRAME_BYTES_MAX
            && record.captured <= record.original_length
    }

    /// The record header `ahead` bytes on, if the file goes on that far.
    fn peek_record(&self, window: &mut Window, ahead: usize) -> Option<Record> {
        if !matches!(window.ensure(ahead + RECORD_HEADER_BYTES), Ok(true)) {
            return None;
        }
        window.available().get(ahead..)?.first_chunk().map(|header| self.record(header))
    }

    #[inline]
    fn record(&self, header: &[u8; RECORD_HEADER_BYTES]) -> Record {
        let field = |at: usize| self.byte_order.u32_at(header, at).unwrap_or_default();
        let (first, second) = (field(8), field(12));
        let (captured, original_length) = match self.length_order {
            LengthOrder::CapturedFirst => (first, second),
            LengthOrder::OriginalFirst => (second, first),
            LengthOrder::SmallerIsCaptured => (first.min(second), first.max(second)),
        };
        Record { seconds: field(0), ticks: field(4).cast_signed(), captured, original_length }
    }

    /// Finds the next record's frame and consumes the record. `None` at the end of the file.
    #[inline]
    pub(super) fn advance(&mut self, window: &mut Window) -> Result<Option<Located>, CaptureFault> {
        let header_bytes = self.record_header_bytes;
        if !matches!(window.ensure(header_bytes), Ok(true)) {
            return self.end_of_records(window, header_bytes);
        }
        let Some(header) = window.available().first_chunk::<RECORD_HEADER_BYTES>() else {
            return Ok(None);
        };
        let Record { seconds, ticks, captured, original_length } = self.record(header);
        if captured > FRAME_BYTES_MAX {
            return Err(CaptureFault::OverLimit {
                offset: window.offset(),
                quantity: Quantity::FrameBytes,
                claimed: captured.into(),
                limit: FRAME_BYTES_MAX.into(),
            });
        }
        let length = captured as usize;
        if !matches!(window.ensure(header_bytes + length), Ok(true)) {
            return self.end_of_records(window, header_bytes + length);
        }
        self.frames += 1;
        let position = window.position() + header_bytes;
        window.consume(header_bytes + length);
        Ok(Some(Located {
            position,
            length,
            number: self.frames,
            time_ns: i64::from(seconds) * 1_000_000_000 + i64::from(ticks) * self.nanoseconds_per_tick,
            link_type: self.link_type,
            original_length,
        }))
    }

    /// The clean end of the file, or why the next `wanted` bytes are not there.
    #[cold]
    fn end_of_records(&self, window: &mut Window, wanted: usize) -> Result<Option<Located>, CaptureFault> {
        match window.ensure(wanted) {
            Err(cause) => Err(read_fault(window, cause)),
            Ok(_) if window.available().is_empty() => Ok(None),
            Ok(_) => Err(CaptureFault::Truncated {
                offset: window.offset(),
                item: Item::Record(self.frames + 1),
                missing: wanted.saturating_sub(window.available().len()) as u64,
            }),
        }
    }
}
