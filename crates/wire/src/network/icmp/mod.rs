//! Internet Control Message Protocol: RFC 792; extensions of RFC 4884 are passed over.
//!
//! Recognised by IP protocol 1. Errors and redirects quote the packet that caused them; its addresses,
//! transport and ports are read from the quotation, which may be as short as the header and eight bytes.
//!
//! Ignored: the content of echo messages (counted as a conversation), timestamps, and the checksum.

mod message;
mod view;

pub use message::{Kind, Message, Quoted};
pub use view::View;
