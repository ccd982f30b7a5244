//! RADIUS dynamic authorization (RFC 5176): a switch, access point or controller is told to restrict the session of one device, or
//! to end it. The second way to enforce, for what one switch carries and no router sees.
//!
//! Restriction is a lease here as well: it comes with `Session-Timeout` and `Termination-Action` (RFC 2865 sections 5.27 and 5.29),
//! so that a device whose lease nobody renews is admitted anew, as before.

mod packet;
mod switch;

pub use packet::{Attribute, Code, Packet, RadiusError};
pub use switch::{Answer, PORT, Restriction, Switch};
