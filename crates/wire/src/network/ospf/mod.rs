//! Open Shortest Path First: which routers there are, and who speaks for a network. RFC 2328 appendix A.3 (version 2),
//! RFC 5340 appendix A.3 (version 3).
//!
//! Recognised by IP protocol 89 with a known version and packet type whose length fits.
//!
//! Ignored: the contents of the link-state database but for the number of its announcements, and checksums.

mod message;

pub use message::{Authentication, Message};
