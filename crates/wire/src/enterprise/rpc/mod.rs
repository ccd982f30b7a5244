//! ONC remote procedure calls, version 2: RFC 5531, over UDP and over TCP (record marking, section 11); with it the
//! port mapper (RFC 1833), the mount protocol (RFC 1813 appendix I) and the network file system (RFC 1813, RFC 8881).
//!
//! Recognised by a call of version 2 to a program in the range that RFC 5531 section 8.3 gives to the standard, whose
//! credentials fit, or by a record mark in front of one.
//!
//! Ignored: arguments and results but for the path of a mount, so names and contents of files are never read;
//! fragments behind the first of a record; Kerberos inside of the credentials.

mod message;

pub use message::{Call, Flavor, Message, Reply, probe, probe_stream, record};
