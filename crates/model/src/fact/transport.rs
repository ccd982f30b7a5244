//! Facts of the transport layer and of whole conversations.

use serde::{Deserialize, Serialize};

use crate::{Label, Protocol, TcpOutcome, Timestamp};

/// How the initiator's stack behaves in the first packet of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackTraits {
    /// IP time to live or hop limit.
    pub time_to_live: u8,
    /// Whether a TCP SYN was seen. Without it the conversation began before the capture or is not TCP.
    pub syn: bool,
    /// IPv4 don't fragment.
    pub dont_fragment: bool,
    /// TCP window of the SYN.
    pub window: u16,
    /// TCP maximum segment size, 0 where absent.
    pub segment_size_max: u16,
    /// TCP window scale, 255 where absent.
    pub window_scale: u8,
    /// TCP option kinds in wire order, 0 after the last.
    pub options: [u8; 8],
}

/// A change in a TCP conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TcpEvent {
    /// The responder answered with SYN-ACK; these are its traits.
    Answered(StackTraits),
    /// The three-way handshake is complete.
    Opened,
    /// The responder refused: RST to a SYN.
    Refused,
    /// An open conversation was reset by `from`. The number is the RST's time to live less that of the
    /// sender's earlier packets: other than 0 it may come from somebody else.
    Reset(i16),
}

/// Told once per interval for a conversation that is faster than the configured rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowRate {
    /// Length of the interval, milliseconds.
    pub interval_ms: u32,
    /// Packets from the initiator.
    pub packets_from: u32,
    /// Packets from the responder.
    pub packets_to: u32,
    /// IP bytes from the initiator.
    pub bytes_from: u64,
    /// IP bytes from the responder.
    pub bytes_to: u64,
}

/// A conversation kept the pace of speech for some seconds: packets at 20, 30, 40 or 60 ms, small, of changing size unless
/// they are RTP, mostly one way. Told once per conversation; the sender of the observation is who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaceFact {
    /// Time between packets, milliseconds.
    pub interval_ms: u16,
    /// Mean length of a packet, IP bytes.
    pub bytes_mean: u16,
    /// Whether whoever listens has said anything at all so far: somebody who takes part in a call does.
    pub answered: bool,
}

/// Where two copies of the same bytes differed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AmbiguityKind {
    /// TCP segments overlap with different bytes.
    TcpOverlap,
    /// IP fragments overlap with different bytes.
    FragmentOverlap,
}

/// Data was sent twice with different content, so nobody can know which copy the receiver took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmbiguousStream {
    /// Segments or fragments.
    pub kind: AmbiguityKind,
    /// Offset in the stream or datagram of the first byte that differs.
    pub offset: u64,
    /// How many bytes overlap.
    pub length: u32,
    /// Time to live of the copy that came later, less that of the sender's earlier packets.
    pub time_to_live_step: i16,
}

/// A whole conversation, told when it ends. `from` of the observation is the initiator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// Time of the first packet.
    pub start: Timestamp,
    /// Time of the last packet.
    pub end: Timestamp,
    /// Number of the first packet in its capture.
    pub first_packet: u64,
    /// Packets from the initiator and from the responder.
    pub packets: [u64; 2],
    /// IP bytes (header included, padding not) from the initiator and from the responder.
    pub bytes: [u64; 2],
    /// What was spoken, if it was recognised.
    pub application: Option<Protocol>,
    /// Whether the content was encrypted; `None` where that is not known.
    pub encrypted: Option<bool>,
    /// How the TCP conversation went; `None` for other transports.
    pub tcp: Option<TcpOutcome>,
    /// TLS server name.
    pub server_name: Option<Label>,
    /// JA4 fingerprint of the TLS client.
    pub ja4: Option<Label>,
    /// Bytes of the streams that the capture missed.
    pub missing_bytes: u64,
}
