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
        attributes: &[
            "name",
            "port",
            "platform",
            "software",
            "address",
            "capabilities",
            "native VLAN",
            "location",
        ],
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
        protocol: Protocol::Hsrp,
        name: "Hot Standby Router Protocol, RFC 2281, and version 2",
        attributes: &[
            "group, priority, state",
            "virtual address",
            "claims and resignations",
            "authentication",
        ],
        tested: &["tshark", "captures", "vectors"],
        ignored: "timers and passwords",
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
            "location (civic address)",
            "MUD URL",
        ],
        tested: &["captures", "vectors"],
        ignored: "power and network policies, coordinates",
    },
    CatalogueEntry {
        protocol: Protocol::NeighborDiscovery,
        name: "Neighbour Discovery, RFC 4861",
        attributes: &["addresses and link addresses", "routers", "flags"],
        tested: &["captures", "vectors"],
        ignored: "prefixes and their lifetimes",
    },
    CatalogueEntry {
        protocol: Protocol::Ospf,
        name: "Open Shortest Path First, RFC 2328 and RFC 5340",
        attributes: &[
            "router",
            "area",
            "designated router",
            "priority",
            "authentication",
            "announcements (count)",
        ],
        tested: &["vectors"],
        ignored: "the link-state database",
    },
    CatalogueEntry {
        protocol: Protocol::Rip,
        name: "Routing Information Protocol, RFC 2453",
        attributes: &["routers", "routes (count), default route", "authentication"],
        tested: &["tshark", "captures", "vectors"],
        ignored: "the routes, RIPng",
    },
    CatalogueEntry {
        protocol: Protocol::Stp,
        name: "Spanning Tree Protocol, IEEE 802.1D; per VLAN as Cisco sends it",
        attributes: &["bridge", "root bridge and changes of it", "priority", "changes of topology"],
        tested: &["captures", "vectors"],
        ignored: "instances of multiple spanning trees, timers",
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
    CatalogueEntry {
        protocol: Protocol::Vrrp,
        name: "Virtual Router Redundancy Protocol, RFC 3768 and RFC 9568",
        attributes: &["active router", "group, priority", "virtual addresses", "resignation"],
        tested: &["captures", "vectors"],
        ignored: "timers",
    },
];
