//! A segmentation policy as the rules of a firewall.
//!
//! Renderings only write text; nothing here enforces anything. Give them only what
//! [`wardline_model::Policy::check`] accepted: names and numbers then need no escaping.

mod nftables;

pub use nftables::nftables;
