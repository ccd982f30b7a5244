//! Ethernet: the frame of nearly every wired network. IEEE 802.3 clause 3.2, and Ethernet II.
//!
//! The two bytes after the addresses are a length up to 1500 (then IEEE 802.2 LLC follows) and an EtherType
//! from 1536. The values between are not defined.
//!
//! Ignored: the frame check sequence, which captures rarely hold; padding, which the inner length bounds.

mod message;
mod view;

pub use message::{Carried, Frame, carried};
pub use view::View;
