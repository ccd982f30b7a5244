//! The names of protocols, as they appear in records.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! protocols {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// A protocol that Wardline recognises by content. Its text form is the field's usual short name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[non_exhaustive]
        pub enum Protocol {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
        }

        impl Protocol {
            /// Every protocol, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The short name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

protocols! {
    /// IEEE 802.3 and its tags.
    Ethernet = "ethernet",
    /// Address Resolution Protocol, RFC 826.
    Arp = "arp",
    /// Link Layer Discovery Protocol, IEEE 802.1AB.
    Lldp = "lldp",
    /// Cisco Discovery Protocol.
    Cdp = "cdp",
    /// Spanning Tree Protocol, IEEE 802.1D.
    Stp = "stp",
    /// IP version 4, RFC 791.
    Ipv4 = "ipv4",
    /// IP version 6, RFC 8200.
    Ipv6 = "ipv6",
    /// Internet Control Message Protocol, RFC 792 and RFC 4443.
    Icmp = "icmp",
    /// Neighbour Discovery, RFC 4861.
    NeighborDiscovery = "nd",
    /// Transmission Control Protocol, RFC 9293.
    Tcp = "tcp",
    /// User Datagram Protocol, RFC 768.
    Udp = "udp",
    /// Dynamic Host Configuration Protocol, RFC 2131.
    Dhcp = "dhcp",
    /// DHCP for IPv6, RFC 8415.
    Dhcpv6 = "dhcpv6",
    /// Domain Name System, RFC 1035.
    Dns = "dns",
    /// Multicast DNS, RFC 6762.
    Mdns = "mdns",
    /// Link-Local Multicast Name Resolution, RFC 4795.
    Llmnr = "llmnr",
    /// NetBIOS Name Service, RFC 1002.
    Nbns = "nbns",
    /// Hypertext Transfer Protocol 1.x, RFC 9112.
    Http = "http",
    /// HTTP/2 in clear, RFC 9113.
    Http2 = "http2",
    /// Transport Layer Security, RFC 8446 and before.
    Tls = "tls",
    /// QUIC, RFC 9000.
    Quic = "quic",
    /// Server Message Block 2 and 3, MS-SMB2.
    Smb2 = "smb2",
    /// Server Message Block 1, MS-CIFS.
    Smb1 = "smb1",
    /// NT LAN Manager authentication, MS-NLMP.
    Ntlm = "ntlm",
    /// Simple Service Discovery Protocol, UPnP Device Architecture.
    Ssdp = "ssdp",
    /// Web Services Dynamic Discovery, OASIS WS-Discovery 1.1.
    WsDiscovery = "ws-discovery",
    /// Simple Network Management Protocol, RFC 1157, RFC 3416, RFC 3412.
    Snmp = "snmp",
    /// MQTT 3.1.1 and 5, OASIS.
    Mqtt = "mqtt",
    /// Network Time Protocol, RFC 5905.
    Ntp = "ntp",
    /// Telnet, RFC 854.
    Telnet = "telnet",
    /// File Transfer Protocol, RFC 959.
    Ftp = "ftp",
    /// Trivial File Transfer Protocol, RFC 1350.
    Tftp = "tftp",
    /// Session Initiation Protocol, RFC 3261.
    Sip = "sip",
    /// Real-time Transport Protocol, RFC 3550.
    Rtp = "rtp",
    /// Real Time Streaming Protocol, RFC 7826.
    Rtsp = "rtsp",
    /// Secure Shell, RFC 4253.
    Ssh = "ssh",
    /// Remote Desktop Protocol, MS-RDPBCGR.
    Rdp = "rdp",
    /// Remote Framebuffer (VNC), RFC 6143.
    Vnc = "vnc",
    /// Simple Mail Transfer Protocol, RFC 5321.
    Smtp = "smtp",
    /// Lightweight Directory Access Protocol, RFC 4511.
    Ldap = "ldap",
    /// Kerberos 5, RFC 4120.
    Kerberos = "kerberos",
    /// RADIUS, RFC 2865.
    Radius = "radius",
    /// Syslog, RFC 5424 and RFC 3164.
    Syslog = "syslog",
    /// HL7 version 2 over MLLP.
    Hl7 = "hl7",
    /// DICOM upper layer and message exchange, PS3.8 and PS3.7.
    Dicom = "dicom",
    /// HL7 FHIR over HTTP.
    Fhir = "fhir",
    /// DICOMweb, PS3.18.
    Dicomweb = "dicomweb",
    /// IEEE 11073 service-oriented device connectivity.
    Sdc = "sdc",
    /// CLSI LIS01/LIS02 (ASTM E1381/E1394).
    Astm = "astm",
    /// POCT1-A point-of-care connectivity.
    Poct1a = "poct1-a",
    /// Philips IntelliVue Data Export.
    IntellivueDataExport = "intellivue-data-export",
    /// BACnet/IP, ASHRAE 135 annex J.
    Bacnet = "bacnet",
    /// Modbus/TCP.
    Modbus = "modbus",
    /// Siemens S7 communication over ISO-on-TCP.
    S7 = "s7",
    /// Constrained Application Protocol, RFC 7252.
    Coap = "coap",
    /// Internet Printing Protocol, RFC 8010.
    Ipp = "ipp",
    /// Line Printer Daemon, RFC 1179.
    Lpd = "lpd",
    /// Network File System and its mount protocol over ONC RPC, RFC 1813, RFC 5531.
    Nfs = "nfs",
    /// EtherNet/IP, ODVA volume 2.
    EthernetIp = "ethernet-ip",
    /// OPC Unified Architecture, IEC 62541-6.
    OpcUa = "opc-ua",
    /// Open Shortest Path First, RFC 2328.
    Ospf = "ospf",
    /// Routing Information Protocol, RFC 2453.
    Rip = "rip",
    /// Virtual Router Redundancy Protocol, RFC 9568.
    Vrrp = "vrrp",
    /// Hot Standby Router Protocol, RFC 2281.
    Hsrp = "hsrp",
    /// IEEE 11073-20601 personal health device communication.
    Phd = "ieee11073-phd",
    /// Text or binary of a serial line carried over IP by a device server.
    SerialOverIp = "serial-over-ip",
    /// Bluetooth Low Energy, link layer, L2CAP and GATT.
    Ble = "ble",
    /// IEEE 802.15.4.
    Ieee802154 = "ieee802154",
    /// Session Traversal Utilities for NAT, RFC 8489.
    Stun = "stun",
    /// Registration of Edimax devices at their maker's servers, and their answers to a search.
    Edimax = "edimax",
    /// What the user's site file said.
    SiteFile = "site-file",
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
