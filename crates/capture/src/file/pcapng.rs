//! The pcapng format (draft-ietf-opsawg-pcapng): sections of blocks.
//!
//! Frames come from Enhanced (6), Simple (3) and obsolete Packet (2) blocks; sections may follow each other
//! in either byte order, each with its own interfaces. Every other block is skipped unread but for its two
//! lengths: names, statistics, secrets, journal entries and custom blocks hold no frame.

use super::byte_order::ByteOrder;
use super::timestamp::Clock;
use super::window::Window;
use super::{Located, read_fault};
use crate::error::{CaptureFault, Item, Malformation, Quantity};
use crate::limits::{BLOCK_BYTES_MAX, FRAME_BYTES_MAX, INTERFACES_MAX};

/// Reads the same in both byte orders.
pub(super) const SECTION_HEADER_BLOCK: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION_BLOCK: u32 = 1;
const PACKET_BLOCK: u32 = 2;
const SIMPLE_PACKET_BLOCK: u32 = 3;
const ENHANCED_PACKET_BLOCK: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// Block type and total length.
const BLOCK_PREFIX_BYTES: usize = 8;
/// Block type, total length, and total length again behind the body.
const BLOCK_FRAME_BYTES: u32 = 12;
const SECTION_HEADER_BYTES_MIN: u32 = 28;

const OPTION_END: u16 = 0;
const OPTION_TIME_RESOLUTION: u16 = 9;
const OPTION_TIME_OFFSET: u16 = 14;

#[derive(Clone, Copy, Debug)]
struct Interface {
    link_type: u16,
    snap_length: u32,
    clock: Clock,
}

/// State of reading one pcapng file.
#[derive(Debug)]
pub(super) struct Pcapng {
    byte_order: ByteOrder,
    interfaces: Vec<Interface>,
    frames: u64,
    last_time_ns: i64,
}

/// Where in a packet block's body the frame is, before it is checked against the block.
struct Packet {
    interface: u32,
    /// Offset of the frame in the block.
    header_bytes: usize,
    ticks: Option<u64>,
    captured: u32,
    original_length: u32,
}

impl Pcapng {
    /// For a file whose first four bytes are [`SECTION_HEADER_BLOCK`]; the section itself is read with the
    /// first frame.
    pub(super) fn new() -> Self {
        Self { byte_order: ByteOrder::Little, interfaces: Vec::new(), frames: 0, last_time_ns: 0 }
    }

    /// Finds the next frame and consumes the blocks up to and with it. `None` at the end of the file.
    #[inline]
    pub(super) fn advance(&mut self, window: &mut Window) -> Result<Option<Located>, CaptureFault> {
        loop {
            if !matches!(window.ensure(BLOCK_PREFIX_BYTES), Ok(true)) {
                return end_of_blocks(window, BLOCK_PREFIX_BYTES);
            }
            let Some(&[k0, k1, k2, k3, l0, l1, l2, l3]) = window.available().first_chunk() else {
                return Ok(None);
            };
            let kind = self.byte_order.u32([k0, k1, k2, k3]);
            if kind == SECTION_HEADER_BLOCK {
                self.begin_section(window)?;
                continue;
            }
            let length = self.byte_order.u32([l0, l1, l2, l3]);
            if length < BLOCK_FRAME_BYTES || !length.is_multiple_of(4) {
                return malformed(window, Malformation::BlockLength { kind, length });
            }
            match kind {
                ENHANCED_PACKET_BLOCK | SIMPLE_PACKET_BLOCK | PACKET_BLOCK => {
                    return self.packet(window, kind, length).map(Some);
                }
                INTERFACE_DESCRIPTION_BLOCK => self.describe_interface(window, kind, length)?,
                _ => self.skip_block(window, length)?,
            }
        }
    }

    /// Holds a whole block in the window and checks the length behind it.
    #[inline]
    fn hold_block(&self, window: &mut Window, length: u32) -> Result<(), CaptureFault> {
        if length > BLOCK_BYTES_MAX {
            return Err(CaptureFault::OverLimit {
                offset: window.offset(),
                quantity: Quantity::BlockBytes,
                claimed: length.into(),
                limit: BLOCK_BYTES_MAX.into(),
            });
        }
        let whole = length as usize;
        if !matches!(window.ensure(whole), Ok(true)) {
            return end_of_blocks(window, whole).map(|_| ());
        }
        self.check_trailing_length(window, whole - 4, length)
    }

    /// The length behind a block must repeat the one in front of it.
    #[inline]
    fn check_trailing_length(&self, window: &Window, at: usize, leading: u32) -> Result<(), CaptureFault> {
        match self.byte_order.u32_at(window.available(), at) {
            Some(trailing) if trailing != leading => {
                malformed(window, Malformation::BlockLengthsDiffer { leading, trailing })
            }
            _ => Ok(()),
        }
    }

    fn begin_section(&mut self, window: &mut Window) -> Result<(), CaptureFault> {
        const PREFIX: usize = SECTION_HEADER_BYTES_MIN as usize;
        if !matches!(window.ensure(PREFIX), Ok(true)) {
            return end_of_blocks(window, PREFIX).map(|_| ());
        }
        let bytes = window.available();
        let magic = ByteOrder::Little.u32_at(bytes, 8).unwrap_or_default();
        let byte_order = match magic {
            BYTE_ORDER_MAGIC => ByteOrder::Little,
            _ if magic.swap_bytes() == BYTE_ORDER_MAGIC => ByteOrder::Big,
            _ => return malformed(window, Malformation::ByteOrderMagic(magic)),
        };
        let length = byte_order.u32_at(bytes, 4).unwrap_or_default();
        let major = byte_order.u16_at(bytes, 12).unwrap_or_default();
        let minor = byte_order.u16_at(bytes, 14).unwrap_or_default();
        if length < SECTION_HEADER_BYTES_MIN || !length.is_multiple_of(4) {
            let kind = SECTION_HEADER_BLOCK;
            return malformed(window, Malformation::BlockLength { kind, length });
        }
        // Minor version 2 was written by some tools and reads the same.
        if major != 1 || !(minor == 0 || minor == 2) {
            return malformed(window, Malformation::SectionVersion(major, minor));
        }
        self.byte_order = byte_order;
        self.interfaces.clear();
        self.skip_block(window, length)
    }

    fn describe_interface(
        &mut self,
        window: &mut Window,
        kind: u32,
        length: u32,
    ) -> Result<(), CaptureFault> {
        if length < 20 {
            return malformed(window, Malformation::BlockLength { kind, length });
        }
        self.hold_block(window, length)?;
        if self.interfaces.len() >= INTERFACES_MAX {
            return Err(CaptureFault::OverLimit {
                offset: window.offset(),
                quantity: Quantity::Interfaces,
                claimed: INTERFACES_MAX as u64 + 1,
                limit: INTERFACES_MAX as u64,
            });
        }
        let whole = length as usize;
        let block = window.available().get(..whole - 4).unwrap_or_default();
        self.interfaces.push(Interface {
            link_type: self.byte_order.u16_at(block, 8).unwrap_or_default(),
            snap_length: self.byte_order.u32_at(block, 12).unwrap_or_default(),
            clock: self.clock(block.get(16..).unwrap_or_default()),
        });
        window.consume(whole);
        Ok(())
    }

    /// The clock from an interface's options. Options that do not parse end the list: the frames can still
    /// be read, with the default resolution.
    fn clock(&self, mut options: &[u8]) -> Clock {
        let mut resolution = 6;
        let mut offset_s = 0;
        while let (Some(code), Some(length)) =
            (self.byte_order.u16_at(options, 0), self.byte_order.u16_at(options, 2))
        {
            let length = usize::from(length);
            let Some(value) = options.get(4..4 + length) else {
                break;
            };
            match (code, value) {
                (OPTION_END, _) => break,
                (OPTION_TIME_RESOLUTION, &[value]) => resolution = value,
                (OPTION_TIME_OFFSET, _) => {
                    offset_s = self.byte_order.u64_at(value, 0).map_or(0, u64::cast_signed);
                }
                _ => {}
            }
            options = options.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        }
        Clock::new(resolution, offset_s)
    }

    #[inline]
    fn packet(&mut self, window: &mut Window, kind: u32, length: u32) -> Result<Located, CaptureFault> {
        self.hold_block(window, length)?;
        let whole = length as usize;
        let block = window.available().get(..whole - 4).unwrap_or_default();
        let Some(packet) = self.read_packet(kind, block) else {
            return malformed(window, Malformation::BlockLength { kind, length });
        };
        let Some(&interface) = self.interfaces.get(packet.interface as usize) else {
            let described = self.interfaces.len();
            return malformed(window, Malformation::UnknownInterface { named: packet.interface, described });
        };
        let room = (block.len() - packet.header_bytes) as u32;
        let captured = if kind == SIMPLE_PACKET_BLOCK {
            // A simple block does not say how much was captured: the snap length or the block bounds it.
            let snap_length = if interface.snap_length == 0 { u32::MAX } else { interface.snap_length };
            packet.original_length.min(snap_length).min(room)
        } else {
            packet.captured
        };
        if captured > room {
            return malformed(window, Malformation::FrameBeyondBlock { captured, room });
        }
        if captured > FRAME_BYTES_MAX {
            return Err(CaptureFault::OverLimit {
                offset: window.offset(),
                quantity: Quantity::FrameBytes,
                claimed: captured.into(),
                limit: FRAME_BYTES_MAX.into(),
            });
        }
        if let Some(ticks) = packet.ticks {
            self.last_time_ns = interface.clock.to_nanoseconds(ticks);
        }
        self.frames += 1;
        let position = window.position() + packet.header_bytes;
        window.consume(whole);
        Ok(Located {
            position,
            length: captured as usize,
            number: self.frames,
            time_ns: self.last_time_ns,
            link_type: interface.link_type,
            original_length: packet.original_length,
        })
    }

    /// The fixed fields of a packet block, `None` when the block is too short for them.
    #[inline]
    fn read_packet(&self, kind: u32, block: &[u8]) -> Option<Packet> {
        let order = self.byte_order;
        if kind == SIMPLE_PACKET_BLOCK {
            let original_length = order.u32_at(block, 8)?;
            return Some(Packet {
                interface: 0,
                header_bytes: 12,
                ticks: None,
                captured: 0,
                original_length,
            });
        }
        let fields = block.first_chunk::<28>()?;
        let interface = if kind == PACKET_BLOCK {
            // The obsolete block has a 16-bit interface and a drop count where the new one has 32 bits.
            order.u16_at(fields, 8)?.into()
        } else {
            order.u32_at(fields, 8)?
        };
        let high = u64::from(order.u32_at(fields, 12)?);
        let low = u64::from(order.u32_at(fields, 16)?);
        Some(Packet {
            interface,
            header_bytes: 28,
            ticks: Some(high << 32 | low),
            captured: order.u32_at(fields, 20)?,
            original_length: order.u32_at(fields, 24)?,
        })
    }

    /// Passes over a block without holding it, whatever its length.
    fn skip_block(&self, window: &mut Window, length: u32) -> Result<(), CaptureFault> {
        let offset = window.offset();
        let missing = window.skip(u64::from(length) - 4).map_err(|cause| read_fault(window, cause))?;
        if missing > 0 {
            return Err(CaptureFault::Truncated { offset, item: Item::Block, missing: missing + 4 });
        }
        if !matches!(window.ensure(4), Ok(true)) {
            return end_of_block_that_began(window, offset);
        }
        match self.byte_order.u32_at(window.available(), 0) {
            Some(trailing) if trailing != length => Err(CaptureFault::Malformed {
                offset,
                malformation: Malformation::BlockLengthsDiffer { leading: length, trailing },
            }),
            _ => {
                window.consume(4);
                Ok(())
            }
        }
    }
}

fn malformed<T>(window: &Window, malformation: Malformation) -> Result<T, CaptureFault> {
    Err(CaptureFault::Malformed { offset: window.offset(), malformation })
}

/// The clean end between two blocks, or why the next `wanted` bytes are not there.
#[cold]
fn end_of_blocks(window: &mut Window, wanted: usize) -> Result<Option<Located>, CaptureFault> {
    match window.ensure(wanted) {
        Err(cause) => Err(read_fault(window, cause)),
        Ok(_) if window.available().is_empty() => Ok(None),
        Ok(_) => Err(CaptureFault::Truncated {
            offset: window.offset(),
            item: Item::Block,
            missing: wanted.saturating_sub(window.available().len()) as u64,
        }),
    }
}

#[cold]
fn end_of_block_that_began(window: &mut Window, offset: u64) -> Result<(), CaptureFault> {
    match window.ensure(4) {
        Err(cause) => Err(read_fault(window, cause)),
        Ok(_) => {
            let missing = 4 - window.available().len().min(4) as u64;
            Err(CaptureFault::Truncated { offset, item: Item::Block, missing })
        }
    }
}
