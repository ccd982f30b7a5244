//! Kerberos 5: who logs in to which domain, and with what encryption. RFC 4120, RFC 3961, RFC 4757, RFC 8429.
//!
//! Recognised by an application tag around a sequence that begins with version 5; over TCP with the length in
//! front (section 7.2.2); see [`crate::enterprise::recognition::probe_kerberos`].
//!
//! Ignored: tickets and everything else that is encrypted, pre-authentication other than its presence,
//! AP messages (they are carried by other protocols), passwords changed over port 464.

mod message;

pub use message::{Kind, Message};
