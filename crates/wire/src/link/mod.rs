//! Protocols of the link layer: how a frame says who sent it to whom on this wire, and what it carries.
//!
//! Headers that only point onwards are one file each; protocols that tell something of their own (ARP, LLDP,
//! CDP, spanning tree) have the usual folder.

pub mod arp;
pub mod cdp;
pub mod cooked;
pub mod ethernet;
pub mod llc;
pub mod lldp;
pub mod loopback;
pub mod mpls;
pub mod pppoe;
pub mod stp;
pub mod vlan;

/// EtherTypes (IEEE 802 Numbers, IANA) of what is read or named here.
pub mod ether_type {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// ARP.
    pub const ARP: u16 = 0x0806;
    /// Transparent Ethernet bridging: a whole frame, as in GRE (NVGRE) and Geneve.
    pub const BRIDGED: u16 = 0x6558;
    /// IEEE 802.1Q customer tag.
    pub const VLAN: u16 = 0x8100;
    /// IPv6.
    pub const IPV6: u16 = 0x86dd;
    /// PPP, as in GRE.
    pub const PPP: u16 = 0x880b;
    /// MPLS, unicast.
    pub const MPLS: u16 = 0x8847;
    /// MPLS, multicast (upstream-assigned label).
    pub const MPLS_MULTICAST: u16 = 0x8848;
    /// PPPoE discovery.
    pub const PPPOE_DISCOVERY: u16 = 0x8863;
    /// PPPoE session.
    pub const PPPOE: u16 = 0x8864;
    /// IEEE 802.1X port authentication.
    pub const EAPOL: u16 = 0x888e;
    /// IEEE 802.1ad service tag.
    pub const SERVICE_VLAN: u16 = 0x88a8;
    /// ERSPAN type II, as in GRE.
    pub const ERSPAN_II: u16 = 0x88be;
    /// LLDP.
    pub const LLDP: u16 = 0x88cc;
    /// ERSPAN type III, as in GRE.
    pub const ERSPAN_III: u16 = 0x22eb;
    /// Service tag before 802.1ad was written, still sent by older switches.
    pub const OLD_SERVICE_VLAN: u16 = 0x9100;
    /// The same, another vendor's.
    pub const OTHER_SERVICE_VLAN: u16 = 0x9200;
}
