//! Every limit of this crate, with its unit and reason.

/// How much may be kept. The defaults hold a million conversations within 512 MiB for the whole program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Conversations at the same time, over all shards. At about 300 bytes each.
    pub conversations: usize,
    /// Bytes of streams that wait for a missing segment, over all shards.
    pub waiting_bytes: usize,
    /// Bytes of one direction of one stream that wait for a missing segment: what a window of a sender with long
    /// reordering holds. Beyond it the missing segment is given up.
    pub waiting_bytes_per_stream: usize,
    /// Bytes of the opening of one direction that are kept to find out what is spoken.
    pub opening_bytes: usize,
    /// Bytes of IP fragments that wait for others.
    pub fragment_bytes: usize,
    /// IP datagrams of which fragments wait.
    pub fragmented_datagrams: usize,
    /// Link addresses remembered as seen, of stations that speak no IP.
    pub stations: usize,
    /// Packets per second above which a conversation's rate is told.
    pub rate_packets: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            conversations: 600_000,
            waiting_bytes: 64 << 20,
            waiting_bytes_per_stream: 256 << 10,
            opening_bytes: 2 << 10,
            fragment_bytes: 16 << 20,
            fragmented_datagrams: 4_096,
            stations: 65_536,
            rate_packets: 200,
        }
    }
}

/// Logical shards. Fixed, so that results do not depend on the number of workers.
pub(crate) const SHARDS: usize = 64;

/// Tunnels within tunnels that are followed.
pub(crate) const TUNNELS_MAX: u8 = 4;

/// VLAN tags in a row that are followed.
pub(crate) const TAGS_MAX: usize = 8;
