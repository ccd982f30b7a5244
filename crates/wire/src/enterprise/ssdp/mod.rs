//! Simple Service Discovery Protocol: devices that announce what they are. UPnP Device Architecture 2.0
//! section 1.
//!
//! Recognised by its three start lines: `NOTIFY * HTTP/1.1`, `M-SEARCH * HTTP/1.1`, and a response whose
//! fields hold a search target and a unique service name.
//!
//! Ignored: cache control, boot and configuration identifiers, and the description at LOCATION, which is
//! fetched over HTTP.

mod message;

pub use message::{Kind, Message, probe};
