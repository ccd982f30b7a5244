//! Domain Name System and its relatives, which share its message: multicast DNS, LLMNR and the NetBIOS name
//! service. Who is called what, who offers which service, who looks for whom. RFC 1035 section 4,
//! RFC 6762 (mDNS), RFC 4795 (LLMNR), RFC 1002 section 4.2 (NBNS), RFC 7766 (DNS over TCP).
//!
//! Recognised by a header whose opcode and counts are possible and whose sections can be walked to the end of
//! the message. The four relatives look alike: NBNS is told by its encoded names, mDNS and LLMNR by the
//! multicast address or port to which they are bound by their standards.
//!
//! A compression pointer may only point backwards, so that every name ends; a name has at most 255 bytes.
//!
//! Ignored: the authority section (it names zones, not devices), EDNS options, DNSSEC records.

mod message;
mod name;
mod netbios;
mod session;
mod view;

pub use message::{Data, Message, Question, Record, Texts, probe, probe_netbios};
pub use name::Name;
pub use netbios::{NodeNames, node_name};
pub use session::{Session, probe_stream};
pub use view::View;
