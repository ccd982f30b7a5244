//! Server Message Block: files of others, shares, named pipes. MS-SMB2 section 2.2; SMB 1 (MS-CIFS) as far as
//! the choice of a dialect.
//!
//! Recognised by a NetBIOS session header (type 0, 24-bit length) in front of `\xfeSMB`, `\xffSMB` or, once
//! encrypted, `\xfdSMB`.
//!
//! Ignored: what files contain, but for the entropy of what is written, which tells encrypted from other
//! content; oplocks, leases, change notification. Of a message longer than [`MESSAGE_BYTES_READ`]
//! only the front is read: commands stand there, data behind.

mod message;
mod session;
mod view;

pub use message::{Body, FileId, Message, PENDING, entropy_centibits};
pub use session::{MESSAGE_BYTES_READ, Packet, Session, probe};
pub use view::{Command, Header};
