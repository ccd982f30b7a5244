//! Link, network and transport layers.

use wardline_model::Protocol;

use super::CatalogueEntry;

/// By name.
pub(super) const ENTRIES: &[CatalogueEntry] = &[
    CatalogueEntry {
        protocol: Protocol::Arp,
        name: "Address Resolution Protocol, RFC 826",
        attributes: &["sender and target addresses", "operation"],
        tested: &["captures", "vectors"],
        ignored: "other networks than IPv4 over Ethernet",
    },
    CatalogueEntry {
        protocol: Protocol::Cdp,
        name: "Cisco Discovery Protocol",
        attributes: &["name", "port", "platform", "software", "address", "capabilities", "native VLAN"],
        tested: &["captures", "vectors"],
        ignored: "power and voice settings",
    },
    CatalogueEntry {
        protocol: Protocol::Ethernet,
        name: "IEEE 802.3 with VLAN tags, LLC, PPPoE, MPLS",
        attributes: &["addresses", "maker by registry of IEEE", "VLAN"],
        tested: &["captures", "vectors"],
        ignored: "MACsec",
    },
    CatalogueEntry {
        protocol: Protocol::Icmp,
        name: "ICMP, RFC 792 and RFC 4443",
        attributes: &["errors with the conversation that they are about", "redirects"],
        tested: &["captures", "vectors"],
        ignored: "contents of echoes",
    },
    CatalogueEntry {
        protocol: Protocol::Ipv4,
        name: "IP version 4, RFC 791; GRE, ERSPAN, VXLAN, IP in IP",
        attributes: &["addresses", "time to live", "fragments that contradict each other"],
        tested: &["captures", "vectors"],
        ignored: "options",
    },
    CatalogueEntry {
        protocol: Protocol::Ipv6,
        name: "IP version 6, RFC 8200",
        attributes: &["addresses", "hop limit", "fragments that contradict each other"],
        tested: &["captures", "vectors"],
        ignored: "ESP",
    },
    CatalogueEntry {
        protocol: Protocol::Lldp,
        name: "LLDP, IEEE 802.1AB; LLDP-MED, TIA-1057",
        attributes: &[
            "chassis and port",
            "port description",
            "system name and description",
            "maker, model, serial, firmware",
            "management address",
            "capabilities",
            "VLAN",
            "MUD URL",
        ],
        tested: &["captures", "vectors"],
        ignored: "power and network policies",
    },
    CatalogueEntry {
        protocol: Protocol::NeighborDiscovery,
        name: "Neighbour Discovery, RFC 4861",
        attributes: &["addresses and link addresses", "routers", "flags"],
        tested: &["captures", "vectors"],
        ignored: "prefixes and their lifetimes",
    },
    CatalogueEntry {
        protocol: Protocol::Tcp,
        name: "TCP, RFC 9293",
        attributes: &[
            "traits of the stack",
            "how a conversation began and ended",
            "bytes sent twice with different content",
        ],
        tested: &["captures", "vectors"],
        ignored: "urgent data",
    },
    CatalogueEntry {
        protocol: Protocol::Udp,
        name: "UDP, RFC 768",
        attributes: &["conversations"],
        tested: &["captures", "vectors"],
        ignored: "checksums",
    },
];
