//! Telnet: a terminal in clear, with the log-in that everybody on the path can read. RFC 854, RFC 855; and the
//! serial ports that device servers give over it, RFC 2217.
//!
//! Recognised by option negotiation (IAC followed by WILL, WONT, DO or DONT and an option) at the begin of a
//! direction. A raw terminal without negotiation cannot be told from other text and is not claimed.
//!
//! Ignored: what is typed and shown after the log-in; only prompts and the answer to them are looked at.

mod session;

pub use session::{ComPort, Event, Session, Setting, probe};
