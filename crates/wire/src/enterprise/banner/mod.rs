//! What a server says before anybody logs in: SSH, SMTP, RDP; and how VNC begins.
//!
//! * SSH: the identification line `SSH-2.0-…` of both sides, RFC 4253 section 4.2.
//! * SMTP: reply 220 and the client's `EHLO` or `HELO`, RFC 5321 section 4.2.
//! * RDP: X.224 connection request and confirm in a TPKT, MS-RDPBCGR section 2.2.1.1.
//! * VNC: `RFB 003.008`, RFC 6143 section 7.1.1.
//!
//! Ignored: everything after the first line. SSH and RDP go on encrypted.

mod message;

pub use message::{Banner, Kind, parse, probe_rdp, probe_smtp, probe_ssh, probe_vnc};
