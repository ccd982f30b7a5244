//! DHCP for IPv6: who a device says it is. RFC 8415 sections 8, 9, 11 and 21, RFC 4704 (name), RFC 8520 section 10
//! (MUD URL).
//!
//! Recognised by a message type and options that fill the datagram; see
//! [`crate::enterprise::recognition::probe_dhcpv6`].
//!
//! Ignored: authentication, prefixes, what a server gives beside addresses.

mod message;

pub use message::{Identifier, Message};
