//! Every limit of the shield, with its unit and why it has this value.

use std::time::Duration;

/// Payload of a frame, bytes: with its header it fills one TLS record (RFC 8446 section 5.1).
pub const FRAME_PAYLOAD_BYTES_MAX: usize = 16 * 1024 - crate::frame::HEADER_BYTES;
/// Bytes that a new stream may send before its receiver took any. 10,000 slow peers hold 80 MiB.
pub const WINDOW_BYTES_START: u32 = 8 * 1024;
/// Most bytes that a stream may have under way: a gigabit at 8 ms.
pub const WINDOW_BYTES_MAX: u32 = 1024 * 1024;
/// Bytes by which the windows of all streams of a link together may grow beyond their start.
pub const WINDOW_GROWTH_BYTES_MAX: u32 = 64 * 1024 * 1024;
/// Bytes of ordinary streams that wait for the connection. More would only make everybody wait longer.
pub const OUTBOX_BYTES_MAX: usize = 512 * 1024;
/// Bytes of urgent frames that wait; beyond it the link is given up, as its peer does not read.
pub const URGENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes that go into one write.
pub const WRITE_BYTES_MAX: usize = 64 * 1024;
/// Streams of a link that are open at once. A further one is refused.
pub const STREAMS_MAX: usize = 10_000;
/// Local connections of an end that are open at once. A further one is closed at once.
pub const CONNECTIONS_MAX: usize = 10_000;
/// Local connections from one address that are open at once: one device gone wild leaves room for the others.
pub const CONNECTIONS_PER_SOURCE_MAX: usize = 4_096;
/// TLS handshakes under way at once. A further connection is closed at once.
pub const HANDSHAKES_MAX: usize = 256;
/// TLS handshakes under way from one address: one source cannot take all places.
pub const HANDSHAKES_PER_SOURCE_MAX: usize = 32;
/// How long a TLS handshake and the greeting after it may take.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection to the other end, or to a target, may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a link is asked whether it lives.
pub const PING_INTERVAL: Duration = Duration::from_secs(1);
/// After how long without a word a link is given up.
pub const SILENCE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection of a device waits for a link that is being made anew.
pub const LINK_WAIT: Duration = Duration::from_secs(3);
/// How long a peer may take none of what waits for it before its connection is closed.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// First and longest pause before a link is tried again.
pub const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// Pause after the other end said that this one is revoked or not enrolled.
pub const BACK_OFF_REFUSED: Duration = Duration::from_secs(30);
/// How long SIGTERM lets connections end by themselves.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Services of one end.
pub const SERVICES_MAX: usize = 1_000;
/// Longest name of a box, service or class, bytes.
pub const NAME_BYTES_MAX: usize = 63;
/// Boxes that an authority knows, revoked ones included.
pub const BOXES_MAX: usize = 10_000;
/// Findings that grow at once; of more only the count is kept.
pub const FINDINGS_MAX: usize = 1_024;
/// Findings that wait for their file; more are dropped and counted.
pub const FINDINGS_WAITING_MAX: usize = 4_096;
