//! LDAP: log-ins to the directory, and what the directory says of itself. RFC 4511, RFC 4512 section 5.1.
//!
//! Recognised by its BER sequence with a message identifier and a known operation; see
//! [`crate::enterprise::recognition::probe_ldap`].
//!
//! Ignored: what is searched and found, except for the root entry; SASL credentials; everything after
//! StartTLS or a SASL security layer.

mod message;

pub use message::{Attributes, Message, Operation, element_length};
