//! What is in a block of the ring: a head, then frames each behind a head of its own.

use std::mem::{offset_of, size_of};

/// Length of a VLAN tag in a frame, in bytes (IEEE 802.1Q, clause 9).
pub(super) const VLAN_TAG_BYTES: usize = 4;
/// Where the tag belongs: behind both MAC addresses.
const VLAN_TAG_AT: usize = 12;
const ETHERTYPE_VLAN: u16 = 0x8100;

/// Where the socket address of each frame is, behind its aligned head.
const ADDRESS_AT: usize = size_of::<libc::tpacket3_hdr>().next_multiple_of(libc::TPACKET_ALIGNMENT);

/// Number of frames in a block, and where the first is.
pub(super) fn head(block: &[u8]) -> Option<(u32, usize)> {
    let head = offset_of!(libc::tpacket_block_desc, hdr);
    let frames = u32_at(block, head + offset_of!(libc::tpacket_hdr_v1, num_pkts))?;
    let first = u32_at(block, head + offset_of!(libc::tpacket_hdr_v1, offset_to_first_pkt))?;
    Some((frames, first as usize))
}

/// A frame in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where the next frame's head is, 0 after the last.
    pub(super) next: usize,
    pub(super) start: usize,
    pub(super) length: usize,
    pub(super) time_ns: i64,
    pub(super) original_length: u32,
    /// `PACKET_HOST`, `PACKET_OUTGOING`, ... of `<linux/if_packet.h>`.
    pub(super) packet_type: u8,
}

/// The frame whose head is at `at`; its VLAN tag is put back where the interface took one out and
/// `restore_tag` asks for it. `None` when the head or frame lies beyond the block, which a sound kernel
/// never gives.
pub(super) fn entry(block: &mut [u8], at: usize, restore_tag: bool) -> Option<Entry> {
    let head = block.get(at..)?;
    let field = |offset| u32_at(head, offset);
    let status = field(offset_of!(libc::tpacket3_hdr, tp_status))?;
    let length = field(offset_of!(libc::tpacket3_hdr, tp_snaplen))? as usize;
    let seconds = field(offset_of!(libc::tpacket3_hdr, tp_sec))?;
    let nanoseconds = field(offset_of!(libc::tpacket3_hdr, tp_nsec))?;
    let next = field(offset_of!(libc::tpacket3_hdr, tp_next_offset))? as usize;
    let variant = offset_of!(libc::tpacket3_hdr, hv1);
    let tag = field(variant + offset_of!(libc::tpacket_hdr_variant1, tp_vlan_tci))?;
    let tag_protocol = u16_at(head, variant + offset_of!(libc::tpacket_hdr_variant1, tp_vlan_tpid))?;
    let start = at + usize::from(u16_at(head, offset_of!(libc::tpacket3_hdr, tp_mac))?);
    let mut entry = Entry {
        next: if next == 0 { 0 } else { at.checked_add(next)? },
        start,
        length,
        time_ns: i64::from(seconds) * 1_000_000_000 + i64::from(nanoseconds),
        original_length: field(offset_of!(libc::tpacket3_hdr, tp_len))?,
        packet_type: *head.get(ADDRESS_AT + offset_of!(libc::sockaddr_ll, sll_pkttype))?,
    };
    block.get(start..start.checked_add(length)?)?;
    if restore_tag && status & libc::TP_STATUS_VLAN_VALID != 0 && length >= VLAN_TAG_AT {
        let has_protocol = status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
        let protocol = if has_protocol { tag_protocol } else { ETHERTYPE_VLAN };
        put_tag_back(block, at + ADDRESS_AT, &mut entry, protocol, tag as u16)?;
    }
    Some(entry)
}

/// Moves the MAC addresses forward into the reserved bytes and writes the tag behind them.
fn put_tag_back(
    block: &mut [u8],
    address_at: usize,
    entry: &mut Entry,
    protocol: u16,
    tag: u16,
) -> Option<()> {
    let start = entry.start.checked_sub(VLAN_TAG_BYTES)?;
    if start < address_at + size_of::<libc::sockaddr_ll>() {
        return None;
    }
    let space = block.get_mut(start..start + VLAN_TAG_AT + VLAN_TAG_BYTES)?;
    space.copy_within(VLAN_TAG_BYTES.., 0);
    let [p0, p1] = protocol.to_be_bytes();
    let [t0, t1] = tag.to_be_bytes();
    space.get_mut(VLAN_TAG_AT..)?.copy_from_slice(&[p0, p1, t0, t1]);
    entry.start = start;
    entry.length += VLAN_TAG_BYTES;
    entry.original_length = entry.original_length.saturating_add(VLAN_TAG_BYTES as u32);
    Some(())
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A block with one frame whose head is at 48 and whose bytes are at 48 + 100.
    fn block(status: u32, frame: &[u8]) -> Vec<u8> {
        let mut block = vec![0; 48 + 100];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(12, &1_u32.to_ne_bytes());
        put(16, &48_u32.to_ne_bytes());
        put(48 + 4, &7_u32.to_ne_bytes());
        put(48 + 8, &9_u32.to_ne_bytes());
        put(48 + 12, &(frame.len() as u32).to_ne_bytes());
        put(48 + 16, &1_000_u32.to_ne_bytes());
        put(48 + 20, &status.to_ne_bytes());
        put(48 + 24, &100_u16.to_ne_bytes());
        put(48 + 32, &0xa123_u32.to_ne_bytes());
        put(48 + 36, &0x88a8_u16.to_ne_bytes());
        put(48 + ADDRESS_AT + 10, &[3]);
        block.extend(frame);
        block
    }

    #[test]
    fn a_frame_is_found_with_its_time_and_lengths() {
        let mut block = block(libc::TP_STATUS_USER, b"frame with no tag");
        assert_eq!(head(&block), Some((1, 48)));
        let entry = entry(&mut block, 48, true).expect("a frame");
        assert_eq!(&block[entry.start..entry.start + entry.length], b"frame with no tag");
        assert_eq!((entry.time_ns, entry.original_length, entry.packet_type), (7_000_000_009, 1_000, 3));
        assert_eq!(entry.next, 0);
    }

    #[test]
    fn a_tag_is_put_back_behind_the_addresses() {
        let tagged = libc::TP_STATUS_VLAN_VALID | libc::TP_STATUS_VLAN_TPID_VALID;
        let mut bytes = block(tagged, b"destinsource\x08\x00payload");
        let found = entry(&mut bytes, 48, true).expect("a frame");
        assert_eq!(
            &bytes[found.start..found.start + found.length],
            b"destinsource\x88\xa8\xa1\x23\x08\x00payload"
        );
        assert_eq!(found.original_length, 1_004);
        let mut bytes = block(libc::TP_STATUS_VLAN_VALID, b"destinsource\x08\x00");
        let found = entry(&mut bytes, 48, true).expect("a frame");
        assert_eq!(&bytes[found.start + 12..found.start + 14], b"\x81\x00");
        let mut bytes = block(tagged, b"too short");
        assert_eq!(entry(&mut bytes, 48, true).expect("a frame").length, 9);
    }

    proptest! {
        #[test]
        fn any_block_is_answered(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..400),
            at in 0..500_usize,
        ) {
            if let Some(entry) = entry(&mut bytes, at, true) {
                prop_assert!(entry.start + entry.length <= bytes.len());
            }
            let _ = head(&bytes);
        }
    }
}
