//! A segmentation policy as the rules of a firewall.
//!
//! Renderings only write text; nothing here enforces anything. Give them only what
//! [`wardline_model::Policy::check`] accepted: names and numbers then need no escaping.

mod cisco;
mod fortios;
mod nftables;
mod ordered;
mod paloalto;

pub use cisco::cisco;
pub use fortios::fortios;
pub use nftables::nftables;
pub use paloalto::paloalto;
