//! VNC: the handshake of the Remote Framebuffer protocol, which says whether anybody may log in. RFC 6143
//! sections 7.1.1 and 7.1.2.
//!
//! Recognised by `RFB 00`; see [`crate::enterprise::banner::probe_vnc`].
//!
//! Ignored: the log-in itself and the screen. Old servers choose for themselves (version 3.3); newer ones
//! offer a list from which the client chooses.

mod message;

pub use message::{Security, chosen_security};
