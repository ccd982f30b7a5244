//! Facts of the link and network layers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::{Bounded, Label, MacAddress, Protocol, Transport};

/// ARP operation, RFC 826.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArpOperation {
    /// Who has this address?
    Request,
    /// This address is mine.
    Reply,
}

/// An ARP message for IPv4 over Ethernet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArpFact {
    /// Request or reply.
    pub operation: ArpOperation,
    /// `arp.sha`: who claims to speak.
    pub sender_mac: MacAddress,
    /// `arp.spa`: the address that it claims. Unspecified in a probe (RFC 5227).
    pub sender_ip: Ipv4Addr,
    /// `arp.tha`: zero in a request.
    pub target_mac: MacAddress,
    /// `arp.tpa`: the address asked for or answered to.
    pub target_ip: Ipv4Addr,
}

/// Kind of a neighbour discovery message, RFC 4861 section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NeighborKind {
    /// A host asks for routers.
    RouterSolicitation,
    /// A router tells its prefix and lifetime.
    RouterAdvertisement,
    /// Who has this address?
    NeighborSolicitation,
    /// This address is mine.
    NeighborAdvertisement,
    /// Use another first hop.
    Redirect,
}

/// An IPv6 neighbour discovery message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighborFact {
    /// Which message.
    pub kind: NeighborKind,
    /// The address in question; unspecified for router messages.
    pub target: Ipv6Addr,
    /// Source or target link-layer address option.
    pub link_address: Option<MacAddress>,
    /// The sender says that it is a router.
    pub router: bool,
    /// The answer was asked for.
    pub solicited: bool,
    /// The answer shall replace what neighbours remember.
    pub overriding: bool,
}

/// ICMP messages worth telling; echo is a conversation and told as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IcmpKind {
    /// Destination, port or protocol unreachable; the number is the code.
    Unreachable(u8),
    /// The time to live ran out.
    TimeExceeded,
    /// Use another gateway.
    Redirect,
    /// Another type.
    Other(u8),
}

/// An ICMP error or redirect, with the conversation that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IcmpFact {
    /// Which message.
    pub kind: IcmpKind,
    /// Source, destination and transport of the packet that caused it.
    pub about: Option<(IpAddr, IpAddr, Transport)>,
    /// For a redirect: the gateway to use.
    pub gateway: Option<IpAddr>,
}

/// The same IP packet seen again with a smaller time to live, as in a forwarding loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaFact {
    /// How many copies so far, the first one included.
    pub copies: u32,
    /// By how much the time to live fell from copy to copy.
    pub hops: u8,
    /// Time to live of the newest copy.
    pub time_to_live: u8,
}

/// What a switch, phone or access point tells its neighbours: LLDP (IEEE 802.1AB, TIA-1057) or CDP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkAdvertisement {
    /// [`Protocol::Lldp`] or [`Protocol::Cdp`].
    pub protocol: Protocol,
    /// Chassis or device identifier.
    pub chassis: Option<Label>,
    /// Port identifier.
    pub port: Option<Label>,
    /// Port description.
    pub port_description: Option<Label>,
    /// System name.
    pub system_name: Option<Label>,
    /// System description, or CDP software version.
    pub system_description: Option<Label>,
    /// CDP platform, or LLDP-MED model name.
    pub model: Option<Label>,
    /// LLDP-MED manufacturer.
    pub manufacturer: Option<Label>,
    /// LLDP-MED serial number.
    pub serial: Option<Label>,
    /// LLDP-MED firmware or software revision.
    pub firmware: Option<Label>,
    /// Management address.
    pub management: Option<IpAddr>,
    /// Capability bits as in LLDP (bridge 0x04, access point 0x08, router 0x10, telephone 0x20, station 0x80).
    pub capabilities: u16,
    /// Port VLAN.
    pub vlan: Option<u16>,
    /// Place: LLDP-MED civic address, CDP location.
    pub location: Option<Label>,
    /// MUD URL (RFC 8520 section 11).
    pub mud_url: Option<Label>,
}

/// What a router or bridge does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoutingKind {
    /// It is there, or leads.
    Hello,
    /// It wants to lead: HSRP coup.
    Claim,
    /// It no longer leads.
    Resignation,
    /// It tells routes.
    Routes,
    /// The tree of bridges is being built anew.
    Change,
}

/// A message of a routing or spanning tree protocol: who routes, who bridges, and who speaks for the others.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RoutingFact {
    /// [`Protocol::Ospf`], [`Protocol::Rip`], [`Protocol::Vrrp`], [`Protocol::Hsrp`] or [`Protocol::Stp`].
    pub protocol: Protocol,
    /// What it does.
    pub kind: RoutingKind,
    /// The sender's identifier: OSPF router identifier; for spanning tree priority and address of the bridge.
    pub router: Option<Label>,
    /// Whom the sender believes to lead: OSPF designated router, root bridge.
    pub leader: Option<Label>,
    /// The sender leads: VRRP and HSRP active router, root bridge.
    pub leads: bool,
    /// OSPF area, or group of VRRP and HSRP.
    pub group: Option<Label>,
    /// Priority by which the leader is chosen; for spanning tree the lowest wins, else the highest.
    pub priority: Option<u32>,
    /// Virtual addresses of VRRP and HSRP.
    pub addresses: Bounded<IpAddr, 4>,
    /// Routes (RIP) or announcements (OSPF) in the message.
    pub routes: u32,
    /// One of the routes is the way to everywhere (RIP).
    pub default_route: bool,
    /// It is protected by a keyed digest. `None` where the protocol leaves that to others.
    pub authenticated: Option<bool>,
}
