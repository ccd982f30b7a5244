//! The same packet again and again with a smaller time to live: it goes round in circles.
//!
//! After Hengartner et al., "Detection and analysis of routing loops in packet traces" (2002): at least three
//! copies, at least two hops apart, within five seconds. Copies that a mirror port makes have the same time to
//! live and are no loop.

use std::hash::BuildHasher as _;

use wardline_model::Timestamp;
use wardline_model::fact::ReplicaFact;

use crate::decode::Ip;

/// Packets remembered; a new one takes the place of another with the same low bits.
const PLACES: usize = 1 << 15;
const WITHIN_NANOSECONDS: i64 = 5 * 1_000_000_000;
const COPIES_MIN: u32 = 3;
const HOPS_MIN: u8 = 2;
/// Payload bytes that tell one packet from another.
const PAYLOAD_BYTES: usize = 32;

#[derive(Clone, Copy, Default)]
struct Seen {
    hash: u64,
    time: i64,
    copies: u32,
    time_to_live: u8,
    hops: u8,
}

/// Packets seen lately.
pub(crate) struct Replicas {
    seen: Vec<Seen>,
    hasher: foldhash::fast::FixedState,
}

impl Replicas {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seen: vec![Seen::default(); PLACES], hasher: foldhash::fast::FixedState::with_seed(seed) }
    }

    /// Sees a packet. Told when it is a copy in a loop.
    #[inline]
    pub(crate) fn see(&mut self, ip: &Ip<'_>, now: Timestamp) -> Option<ReplicaFact> {
        // Without an identification, as in IPv6, equal packets cannot be told from a repeated one.
        if ip.identification == 0 || ip.time_to_live < HOPS_MIN {
            return None;
        }
        let front = ip.payload.get(..PAYLOAD_BYTES.min(ip.payload.len())).unwrap_or_default();
        let hash = self.hasher.hash_one((
            ip.source,
            ip.destination,
            ip.identification,
            ip.protocol,
            ip.length,
            front,
        ));
        let seen = self.seen.get_mut(hash as usize % PLACES)?;
        let fresh = now.nanoseconds().saturating_sub(seen.time) <= WITHIN_NANOSECONDS;
        if seen.hash != hash || !fresh {
            *seen = Seen { hash, time: now.nanoseconds(), copies: 1, time_to_live: ip.time_to_live, hops: 0 };
            return None;
        }
        let hops = seen.time_to_live.checked_sub(ip.time_to_live).filter(|hops| *hops >= HOPS_MIN)?;
        let steady = seen.hops == 0 || seen.hops == hops;
        *seen = Seen {
            copies: if steady { seen.copies + 1 } else { 2 },
            time: now.nanoseconds(),
            time_to_live: ip.time_to_live,
            hops,
            ..*seen
        };
        (seen.copies >= COPIES_MIN).then_some(ReplicaFact {
            copies: seen.copies,
            hops,
            time_to_live: ip.time_to_live,
        })
    }
}
