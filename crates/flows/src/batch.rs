//! What waits for the shards, in the order of frames.

use std::ops::Range;

use wardline_model::Sighting;

use crate::shard::Packet;

/// One thing for a shard to do.
pub(crate) enum Item {
    /// Read a packet, whose payload lies there in [`Batch::bytes`].
    Packet { shard: u16, packet: Packet, payload: Range<u32> },
    /// End what has been silent for too long: for every shard.
    Tick(Sighting),
    /// End every conversation.
    Finish { shard: u16, newest: Sighting },
}

/// Things to do, in order.
#[derive(Default)]
pub(crate) struct Batch {
    /// Frames so far.
    pub frames: usize,
    /// Each with the place of its frame in the batch.
    pub work: Vec<(u32, Item)>,
    /// Payloads, one after the other.
    bytes: Vec<u8>,
}

impl Batch {
    pub(crate) fn add(&mut self, item: Item) {
        self.work.push((self.frames as u32, item));
    }

    /// Adds a packet of the frame at hand.
    #[inline]
    pub(crate) fn add_packet(&mut self, shard: usize, packet: Packet, payload: &[u8]) {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(payload);
        let payload = start..self.bytes.len() as u32;
        self.add(Item::Packet { shard: shard as u16, packet, payload });
    }

    /// The payload of a packet.
    pub(crate) fn payload(&self, place: &Range<u32>) -> &[u8] {
        self.bytes.get(place.start as usize..place.end as usize).unwrap_or_default()
    }

    pub(crate) fn clear(&mut self) {
        self.frames = 0;
        self.work.clear();
        self.bytes.clear();
    }
}
