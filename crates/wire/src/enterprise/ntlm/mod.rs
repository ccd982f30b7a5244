//! NT LAN Manager authentication: what both sides say about themselves while logging in. MS-NLMP section 2.2.
//!
//! Recognised by the signature `NTLMSSP\0`, wherever it stands in what carries it: SMB, HTTP, RPC.
//!
//! Ignored: the responses to the challenge, but for the fact that they could be read and attacked off-line.

mod message;
mod view;

pub use message::{Message, find, parse};
pub use view::Field;
