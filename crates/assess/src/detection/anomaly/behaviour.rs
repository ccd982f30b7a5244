//! What one device does within one window, as numbers that name nobody: no address, no port, no time of day.

use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;

use wardline_model::fact::{Conversation, DnsFact};
use wardline_model::{Fact, Protocol, TcpOutcome};

/// Numbers per window.
pub(super) const FEATURES: usize = 14;

/// A window in numbers. Counts and sizes are base-2 logarithms of one more, shares lie between 0 and 1.
pub(super) type Vector = [f32; FEATURES];

/// What each number is, as words that fit behind a value.
pub(super) const NAMES: [&str; FEATURES] = [
    "conversations begun (log2)",
    "conversations answered (log2)",
    "peers (log2)",
    "share of peers never met before",
    "bytes sent (log2)",
    "bytes received (log2)",
    "bytes sent to bytes received (log2)",
    "bytes per packet sent (log2)",
    "milliseconds per conversation (log2)",
    "share of conversations that failed",
    "share of conversations that were encrypted",
    "kinds of applications (log2)",
    "messages and readings sent (log2)",
    "orders given and names asked for (log2)",
];

/// Peers and applications told apart within a window.
const PEERS_MAX: usize = 64;
const APPLICATIONS_MAX: usize = 16;
/// Bits of the memory of peers that were met before.
const MET_WORDS: usize = 16;

/// Counts of a window.
#[derive(Clone, Debug, Default)]
pub(super) struct Behaviour {
    conversations: [u32; 2],
    peers: Vec<u32>,
    new_peers: u32,
    bytes: [u64; 2],
    packets_sent: u64,
    duration_ms: u64,
    failed: u32,
    encryption: [u32; 2],
    applications: Vec<Protocol>,
    messages: u32,
    orders: u32,
}

/// Peers that a device met at any time, some of them by mistake: a filter of 1,024 bits.
#[derive(Clone, Debug, Default)]
pub(super) struct Met([u64; MET_WORDS]);

impl Met {
    /// Meets a peer. Whether it was new.
    fn meet(&mut self, peer: u32) -> bool {
        let place = peer as usize % (MET_WORDS * 64);
        let Some(word) = self.0.get_mut(place / 64) else { return false };
        let new = *word & 1 << (place % 64) == 0;
        *word |= 1 << (place % 64);
        new
    }
}

fn hash(thing: impl Hash) -> u32 {
    (foldhash::fast::FixedState::default().hash_one(thing) >> 32) as u32
}

impl Behaviour {
    /// Whether the device did anything at all.
    pub(super) fn is_idle(&self) -> bool {
        self.conversations == [0; 2] && self.messages == 0 && self.orders == 0
    }

    /// Takes part in a conversation, as who began it (0) or as who answered (1).
    pub(super) fn conversation(
        &mut self,
        conversation: &Conversation,
        peer: Option<IpAddr>,
        side: usize,
        met: &mut Met,
    ) {
        let other = 1 - side;
        let count = |place: usize| conversation.bytes.get(place).copied().unwrap_or_default();
        if let Some(begun) = self.conversations.get_mut(side) {
            *begun = begun.saturating_add(1);
        }
        self.bytes[0] = self.bytes[0].saturating_add(count(side));
        self.bytes[1] = self.bytes[1].saturating_add(count(other));
        let packets = conversation.packets.get(side).copied().unwrap_or_default();
        self.packets_sent = self.packets_sent.saturating_add(packets);
        let length = conversation.end.nanoseconds_since(conversation.start).max(0) / 1_000_000;
        self.duration_ms = self.duration_ms.saturating_add(length.unsigned_abs());
        let failed = matches!(
            conversation.tcp,
            Some(TcpOutcome::Unanswered | TcpOutcome::HalfOpen | TcpOutcome::Refused | TcpOutcome::Reset)
        );
        self.failed = self.failed.saturating_add(u32::from(failed));
        match conversation.encrypted {
            Some(true) => self.encryption[0] = self.encryption[0].saturating_add(1),
            Some(false) => self.encryption[1] = self.encryption[1].saturating_add(1),
            None => {}
        }
        if let Some(application) = conversation.application
            && self.applications.len() < APPLICATIONS_MAX
            && !self.applications.contains(&application)
        {
            self.applications.push(application);
        }
        if self.peers.len() >= PEERS_MAX {
            return;
        }
        let peer = hash(peer);
        if !self.peers.contains(&peer) {
            self.peers.push(peer);
            self.new_peers += u32::from(met.meet(peer));
        }
    }

    /// Sent something with a meaning.
    pub(super) fn sent(&mut self, fact: &Fact) {
        match fact {
            Fact::Hl7(_) | Fact::Measurement(_) | Fact::Mqtt(_) | Fact::Dicom(_) | Fact::Sdc(_) => {
                self.messages = self.messages.saturating_add(1);
            }
            Fact::Control(_) => self.orders = self.orders.saturating_add(1),
            Fact::Dns(dns) => self.orders = self.orders.saturating_add(questions(dns)),
            _ => {}
        }
    }

    /// The window in numbers.
    pub(super) fn vector(&self) -> Vector {
        let log = |count: u64| (count as f32 + 1.0).log2();
        let share = |part: u32, whole: u32| part as f32 / whole.max(1) as f32;
        let [begun, answered] = self.conversations;
        let all = begun.saturating_add(answered);
        let [sent, received] = self.bytes;
        [
            log(begun.into()),
            log(answered.into()),
            log(self.peers.len() as u64),
            share(self.new_peers, u32::try_from(self.peers.len()).unwrap_or(u32::MAX)),
            log(sent),
            log(received),
            log(sent) - log(received),
            log(sent / self.packets_sent.max(1)),
            log(self.duration_ms / u64::from(all.max(1))),
            share(self.failed, all),
            share(self.encryption[0], self.encryption[0].saturating_add(self.encryption[1])),
            log(self.applications.len() as u64),
            log(self.messages.into()),
            log(self.orders.into()),
        ]
    }
}

fn questions(dns: &DnsFact) -> u32 {
    if dns.response { 0 } else { u32::try_from(dns.questions.len()).unwrap_or_default() }
}
