//! Transport Layer Security: what a handshake tells before it hides the rest. RFC 8446 (1.3), RFC 5246 (1.2)
//! and before, RFC 6066 section 3 (server name), RFC 7301 (application protocols), RFC 6101 appendix E
//! (hello in the form of SSL 2), RFC 9147 (hello over datagrams). The fingerprint is JA4 for TLS clients, as
//! its public description gives it (BSD 3-clause part; none of the other JA4+ methods).
//!
//! Recognised by a record header whose type, version and length fit, followed by a hello or by the next
//! record header.
//!
//! Ignored: key exchange, tickets, OCSP responses, the content of encrypted records, QUIC's handshake (it is
//! encrypted from its first packet).

mod certificate;
mod ja4;
mod message;
mod session;
mod view;

pub use certificate::{Certificate, KeyAlgorithm};
pub use ja4::{Ja4, Transport};
pub use message::{ClientHello, ServerHello, probe, probe_datagram};
pub use session::{Event, Session, State, datagram_hello};
pub use view::{Extensions, Record, U16List};
