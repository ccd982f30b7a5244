//! Protocols of the network layer: IP of both versions, its control messages, and the tunnels in which
//! mirror ports and overlay networks put whole frames.

pub mod erspan;
pub mod gre;
pub mod hsrp;
pub mod icmp;
pub mod icmp6;
pub mod ipv4;
pub mod ipv6;
pub mod ospf;
pub mod rip;
pub mod vrrp;
pub mod vxlan;
