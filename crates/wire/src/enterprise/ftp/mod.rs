//! File Transfer Protocol, control connection: who logs in to what, and which files move. RFC 959 sections 4
//! and 5.3, RFC 2228 (AUTH).
//!
//! Recognised by the greeting (reply 220 that names FTP) or by `USER` as the client's first word; SMTP greets
//! with 220 as well, so a greeting alone that does not say FTP is unsure.
//!
//! Ignored: data connections, whose content is another conversation.

mod message;
mod session;

pub use message::{Message, probe};
pub use session::Session;
