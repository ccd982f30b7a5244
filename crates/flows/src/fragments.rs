//! IP fragments become datagrams again: RFC 791 section 3.2, RFC 8200 section 4.5.
//!
//! Where fragments overlap, the first data stays. Overlapping data that differs is reported and never guessed.

use std::net::IpAddr;

use hashbrown::HashMap;
use wardline_model::Timestamp;

use crate::counters::Counters;
use crate::decode::{Fragment, Ip};
use crate::limits::Limits;

/// How long fragments wait for others: RFC 1122 section 3.3.2 asks for 60 to 120 seconds of a host; a monitor
/// needs less, since its copies come in order.
const WAIT_NANOSECONDS: i64 = 30 * 1_000_000_000;
/// Longest datagram, bytes.
const DATAGRAM_BYTES_MAX: u32 = 65_535;
/// Fragments of one datagram.
const PIECES_MAX: usize = 1_024;

type Key = (IpAddr, IpAddr, u8, u32);

struct Waiting {
    since: Timestamp,
    bytes: Vec<u8>,
    /// Ranges that are present, sorted, not touching.
    present: Vec<(u32, u32)>,
    total: Option<u32>,
    pieces: usize,
    /// Next header of an IPv6 datagram, told by its first fragment.
    protocol: u8,
    ambiguous: bool,
}

/// What a fragment led to.
pub(crate) struct Outcome {
    /// The payload of the whole datagram and its protocol, when this was the last piece.
    pub whole: Option<(u8, Vec<u8>)>,
    /// Offset and length of an overlap whose bytes differ, told once per datagram.
    pub ambiguous: Option<(u32, u32)>,
}

/// Datagrams of which fragments wait.
pub(crate) struct Fragments {
    waiting: HashMap<Key, Waiting, foldhash::fast::FixedState>,
    bytes: usize,
    limits: Limits,
}

impl Fragments {
    /// Nobody outside knows the seed, so nobody can make identifications that collide.
    pub(crate) fn new(limits: Limits, seed: u64) -> Self {
        let hasher = foldhash::fast::FixedState::with_seed(seed);
        Self { waiting: HashMap::with_hasher(hasher), bytes: 0, limits }
    }

    /// Takes a fragment.
    pub(crate) fn add(
        &mut self,
        ip: &Ip<'_>,
        fragment: Fragment,
        now: Timestamp,
        counters: &mut Counters,
    ) -> Outcome {
        counters.fragments += 1;
        let nothing = Outcome { whole: None, ambiguous: None };
        let length = u32::try_from(ip.payload.len()).unwrap_or(u32::MAX);
        let end = fragment.offset.saturating_add(length);
        // A piece that the capture cut can never become a whole datagram.
        if end > DATAGRAM_BYTES_MAX || length < ip.payload_length {
            counters.refuse("fragments cut or beyond the longest datagram");
            return nothing;
        }
        let key = (
            ip.source,
            ip.destination,
            if ip.source.is_ipv4() { ip.protocol } else { 0 },
            fragment.identification,
        );
        if !self.waiting.contains_key(&key) && !self.room(now, counters) {
            return nothing;
        }
        let waiting = self.waiting.entry(key).or_insert_with(|| Waiting {
            since: now,
            bytes: Vec::new(),
            present: Vec::new(),
            total: None,
            pieces: 0,
            protocol: ip.protocol,
            ambiguous: false,
        });
        waiting.pieces += 1;
        if waiting.pieces > PIECES_MAX {
            counters.refuse("fragments of one datagram");
            return nothing;
        }
        if fragment.offset == 0 {
            waiting.protocol = ip.protocol;
        }
        let before = waiting.bytes.len();
        let overlap = waiting.put(fragment.offset, ip.payload);
        self.bytes += waiting.bytes.len() - before;
        if !fragment.more {
            waiting.total.get_or_insert(end);
        }
        let ambiguous = overlap.filter(|_| !std::mem::replace(&mut waiting.ambiguous, overlap.is_some()));
        let complete = waiting.total.is_some_and(|total| waiting.present.first() == Some(&(0, total)));
        if !complete {
            return Outcome { whole: None, ambiguous };
        }
        let whole = self.waiting.remove(&key).map(|waiting| {
            self.bytes -= waiting.bytes.len();
            (waiting.protocol, waiting.bytes)
        });
        counters.reassembled += 1;
        Outcome { whole, ambiguous }
    }

    /// Makes room for another datagram by giving up those that waited too long, then the oldest.
    fn room(&mut self, now: Timestamp, counters: &mut Counters) -> bool {
        let full = |this: &Self| {
            this.waiting.len() >= this.limits.fragmented_datagrams || this.bytes >= this.limits.fragment_bytes
        };
        if !full(self) {
            return true;
        }
        let mut freed = 0;
        self.waiting.retain(|_, waiting| {
            let keep = now.nanoseconds_since(waiting.since) < WAIT_NANOSECONDS;
            freed += if keep { 0 } else { waiting.bytes.len() };
            keep
        });
        self.bytes -= freed;
        if full(self) {
            counters.refuse("fragmented datagrams");
            // Half of them at once, the oldest, so that a flood does not make every fragment costly.
            let mut ages: Vec<_> = self.waiting.iter().map(|(key, waiting)| (waiting.since, *key)).collect();
            ages.sort_unstable();
            for (_, key) in ages.iter().take(ages.len() / 2 + 1) {
                if let Some(waiting) = self.waiting.remove(key) {
                    self.bytes -= waiting.bytes.len();
                }
            }
        }
        true
    }
}

impl Waiting {
    /// Puts a piece where nothing is yet. Returns offset and length of an overlap whose bytes differ.
    fn put(&mut self, offset: u32, piece: &[u8]) -> Option<(u32, u32)> {
        let end = offset + piece.len() as u32;
        if self.bytes.len() < end as usize {
            self.bytes.resize(end as usize, 0);
        }
        let mut differs = None;
        let mut place = offset;
        for index in 0..=self.present.len() {
            let (start, stop) = self.present.get(index).copied().unwrap_or((end, end));
            let (start, stop) = (start.clamp(offset, end), stop.clamp(offset, end));
            // The hole in front of this range takes the piece, the range itself keeps what it has.
            if place < start {
                self.copy(place, start, offset, piece);
            }
            if start < stop && !self.same(start, stop, offset, piece) {
                differs.get_or_insert((start, stop - start));
            }
            place = place.max(stop);
        }
        self.present.push((offset, end));
        self.present.sort_unstable();
        self.present.dedup_by(|next, first| {
            let touches = next.0 <= first.1;
            if touches {
                first.1 = first.1.max(next.1);
            }
            touches
        });
        differs
    }

    fn copy(&mut self, from: u32, to: u32, offset: u32, piece: &[u8]) {
        let target = self.bytes.get_mut(from as usize..to as usize);
        if let (Some(target), Some(source)) =
            (target, piece.get((from - offset) as usize..(to - offset) as usize))
        {
            target.copy_from_slice(source);
        }
    }

    fn same(&self, from: u32, to: u32, offset: u32, piece: &[u8]) -> bool {
        self.bytes.get(from as usize..to as usize)
            == piece.get((from - offset) as usize..(to - offset) as usize)
    }
}
