//! ICMP for IPv6 (RFC 4443) and Neighbour Discovery (RFC 4861).
//!
//! Recognised by IP protocol 58. Neighbour Discovery counts only with a hop limit of 255, as RFC 4861
//! section 6.1 and 7.1 demand of every receiver; the caller checks that, because only it knows the hop limit.
//!
//! Ignored: prefixes and lifetimes of router advertisements, multicast listener reports, the checksum.

mod message;

pub use message::{Discovery, Kind, Message, Neighbor};
