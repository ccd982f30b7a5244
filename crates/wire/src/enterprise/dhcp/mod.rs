//! Dynamic Host Configuration Protocol for IPv4: who a device says it is, and which address it gets.
//! RFC 2131 (messages), RFC 2132 (options), RFC 3004 (user class), RFC 4702 (client FQDN), RFC 8520 (MUD URL).
//!
//! Recognised by the BOOTP operation, hardware address length and the magic cookie `63 82 53 63`.
//!
//! Options are walked in the order of the wire, because that order is a trait of the client's software.
//! Ignored: BOOTP without the cookie, authentication (RFC 3118), and the joining of options longer than 255
//! bytes (RFC 3396), of which we read none.

mod message;
mod view;

pub use message::{Addresses, ClientName, Message, probe};
pub use view::{DhcpOption, Options, View};
