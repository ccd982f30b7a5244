//! Names that stand for numbers in a filter: services and protocols of the IANA registries, and the field
//! names of pcap-filter(7). Built in, so that a filter means the same on every machine.

/// Which transports a service name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Tcp,
    Udp,
    /// The name does not restrict the transport.
    Any,
}

use Transport::{Any, Tcp, Udp};

/// Port and transport of a service.
pub(super) fn service(name: &str) -> Option<(u16, Transport)> {
    SERVICES.iter().find(|(known, ..)| *known == name).map(|&(_, port, transport)| (port, transport))
}

/// Number of a protocol above IP (IANA "Protocol Numbers").
pub(super) fn ip_protocol(name: &str) -> Option<u32> {
    find(&IP_PROTOCOLS, name)
}

/// Number of a protocol above the link layer: an EtherType, or an LLC service access point below 1500.
pub(super) fn ether_protocol(name: &str) -> Option<u32> {
    find(&ETHER_PROTOCOLS, name)
}

/// Field offsets and values for byte access, such as `tcpflags` and `icmp-echo`.
pub(super) fn constant(name: &str) -> Option<u32> {
    find(&CONSTANTS, name)
}

fn find(table: &[(&str, u32)], name: &str) -> Option<u32> {
    table.iter().find(|(known, _)| *known == name).map(|&(_, value)| value)
}

/// IANA "Service Name and Transport Protocol Port Number Registry", the part that networks of hospitals use,
/// with the short names that Unix systems add.
const SERVICES: [(&str, u16, Transport); 114] = [
    ("echo", 7, Any),
    ("discard", 9, Any),
    ("daytime", 13, Any),
    ("chargen", 19, Any),
    ("ftp-data", 20, Tcp),
    ("ftp", 21, Tcp),
    ("ssh", 22, Tcp),
    ("telnet", 23, Tcp),
    ("smtp", 25, Tcp),
    ("mail", 25, Tcp),
    ("time", 37, Any),
    ("whois", 43, Tcp),
    ("tacacs", 49, Any),
    ("domain", 53, Any),
    ("bootps", 67, Udp),
    ("bootpc", 68, Udp),
    ("tftp", 69, Udp),
    ("finger", 79, Tcp),
    ("http", 80, Tcp),
    ("www", 80, Tcp),
    ("kerberos", 88, Any),
    ("iso-tsap", 102, Tcp),
    ("acr-nema", 104, Tcp),
    ("dicom", 104, Tcp),
    ("pop3", 110, Tcp),
    ("sunrpc", 111, Any),
    ("auth", 113, Tcp),
    ("nntp", 119, Tcp),
    ("ntp", 123, Udp),
    ("epmap", 135, Tcp),
    ("loc-srv", 135, Tcp),
    ("netbios-ns", 137, Udp),
    ("netbios-dgm", 138, Udp),
    ("netbios-ssn", 139, Tcp),
    ("imap", 143, Tcp),
    ("imap2", 143, Tcp),
    ("snmp", 161, Any),
    ("snmp-trap", 162, Any),
    ("snmptrap", 162, Any),
    ("bgp", 179, Tcp),
    ("ptp-event", 319, Udp),
    ("ptp-general", 320, Udp),
    ("ldap", 389, Any),
    ("svrloc", 427, Any),
    ("https", 443, Any),
    ("microsoft-ds", 445, Tcp),
    ("kpasswd", 464, Any),
    ("smtps", 465, Tcp),
    ("submissions", 465, Tcp),
    ("isakmp", 500, Udp),
    ("exec", 512, Tcp),
    ("login", 513, Tcp),
    ("shell", 514, Tcp),
    ("syslog", 514, Any),
    ("printer", 515, Tcp),
    ("route", 520, Udp),
    ("dhcpv6-client", 546, Udp),
    ("dhcpv6-server", 547, Udp),
    ("afpovertcp", 548, Tcp),
    ("rtsp", 554, Any),
    ("submission", 587, Tcp),
    ("asf-rmcp", 623, Udp),
    ("ipp", 631, Tcp),
    ("ldaps", 636, Any),
    ("ldp", 646, Any),
    ("domain-s", 853, Any),
    ("rsync", 873, Tcp),
    ("ftps-data", 989, Tcp),
    ("ftps", 990, Tcp),
    ("telnets", 992, Tcp),
    ("imaps", 993, Tcp),
    ("pop3s", 995, Tcp),
    ("socks", 1080, Tcp),
    ("openvpn", 1194, Any),
    ("ms-sql-s", 1433, Tcp),
    ("ms-sql-m", 1434, Udp),
    ("l2tp", 1701, Udp),
    ("radius", 1812, Any),
    ("radius-acct", 1813, Any),
    ("ssdp", 1900, Udp),
    ("mqtt", 1883, Tcp),
    ("cisco-sccp", 2000, Tcp),
    ("nfs", 2049, Any),
    ("hl7", 2575, Any),
    ("iscsi-target", 3260, Tcp),
    ("mysql", 3306, Tcp),
    ("ms-wbt-server", 3389, Tcp),
    ("ws-discovery", 3702, Udp),
    ("ipsec-nat-t", 4500, Udp),
    ("vxlan", 4789, Udp),
    ("sip", 5060, Any),
    ("sip-tls", 5061, Any),
    ("xmpp-client", 5222, Tcp),
    ("xmpp-server", 5269, Tcp),
    ("mdns", 5353, Udp),
    ("llmnr", 5355, Any),
    ("postgresql", 5432, Tcp),
    ("coap", 5683, Udp),
    ("coaps", 5684, Udp),
    ("rfb", 5900, Tcp),
    ("vnc", 5900, Tcp),
    ("wsman", 5985, Tcp),
    ("wsmans", 5986, Tcp),
    ("x11", 6000, Tcp),
    ("redis", 6379, Tcp),
    ("syslog-tls", 6514, Tcp),
    ("http-alt", 8080, Tcp),
    ("webcache", 8080, Tcp),
    ("secure-mqtt", 8883, Tcp),
    ("git", 9418, Tcp),
    ("zabbix-agent", 10050, Tcp),
    ("zabbix-trapper", 10051, Tcp),
    ("bacnet", 47808, Udp),
    ("modbus", 502, Tcp),
];

const IP_PROTOCOLS: [(&str, u32); 28] = [
    ("ip", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ipencap", 4),
    ("tcp", 6),
    ("egp", 8),
    ("igp", 9),
    ("igrp", 9),
    ("udp", 17),
    ("rdp", 27),
    ("dccp", 33),
    ("ipv6", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ipv6-icmp", 58),
    ("icmp6", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("eigrp", 88),
    ("ospf", 89),
    ("pim", 103),
    ("vrrp", 112),
    ("l2tp", 115),
    ("sctp", 132),
];

const ETHER_PROTOCOLS: [(&str, u32); 18] = [
    ("ip", 0x0800),
    ("ip6", 0x86dd),
    ("arp", 0x0806),
    ("rarp", 0x8035),
    ("loopback", 0x9000),
    ("mopdl", 0x6001),
    ("moprc", 0x6002),
    ("decnet", 0x6003),
    ("lat", 0x6004),
    ("sca", 0x6007),
    ("atalk", 0x809b),
    ("aarp", 0x80f3),
    ("iso", 0xfe),
    ("netbeui", 0xf0),
    ("ipx", 0xe0),
    ("stp", 0x42),
    ("vexp", 0x805b),
    ("vprod", 0x805c),
];

const CONSTANTS: [(&str, u32); 57] = [
    ("icmptype", 0),
    ("icmpcode", 1),
    ("icmp-echoreply", 0),
    ("icmp-unreach", 3),
    ("icmp-sourcequench", 4),
    ("icmp-redirect", 5),
    ("icmp-echo", 8),
    ("icmp-routeradvert", 9),
    ("icmp-routersolicit", 10),
    ("icmp-timxceed", 11),
    ("icmp-paramprob", 12),
    ("icmp-tstamp", 13),
    ("icmp-tstampreply", 14),
    ("icmp-ireq", 15),
    ("icmp-ireqreply", 16),
    ("icmp-maskreq", 17),
    ("icmp-maskreply", 18),
    ("icmp6type", 0),
    ("icmp6code", 1),
    ("icmp6-destinationunreach", 1),
    ("icmp6-packettoobig", 2),
    ("icmp6-timeexceeded", 3),
    ("icmp6-parameterproblem", 4),
    ("icmp6-echo", 128),
    ("icmp6-echoreply", 129),
    ("icmp6-multicastlistenerquery", 130),
    ("icmp6-multicastlistenerreportv1", 131),
    ("icmp6-multicastlistenerdone", 132),
    ("icmp6-routersolicit", 133),
    ("icmp6-routeradvert", 134),
    ("icmp6-neighborsolicit", 135),
    ("icmp6-neighboradvert", 136),
    ("icmp6-redirect", 137),
    ("icmp6-routerrenum", 138),
    ("icmp6-nodeinformationquery", 139),
    ("icmp6-nodeinformationresponse", 140),
    ("icmp6-ineighbordiscoverysolicit", 141),
    ("icmp6-ineighbordiscoveryadvert", 142),
    ("icmp6-multicastlistenerreportv2", 143),
    ("icmp6-homeagentdiscoveryrequest", 144),
    ("icmp6-homeagentdiscoveryreply", 145),
    ("icmp6-mobileprefixsolicit", 146),
    ("icmp6-mobileprefixadvert", 147),
    ("icmp6-certpathsolicit", 148),
    ("icmp6-certpathadvert", 149),
    ("icmp6-multicastrouteradvert", 151),
    ("icmp6-multicastroutersolicit", 152),
    ("icmp6-multicastrouterterm", 153),
    ("tcpflags", 13),
    ("tcp-fin", 0x01),
    ("tcp-syn", 0x02),
    ("tcp-rst", 0x04),
    ("tcp-push", 0x08),
    ("tcp-ack", 0x10),
    ("tcp-urg", 0x20),
    ("tcp-ece", 0x40),
    ("tcp-cwr", 0x80),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_once() {
        let mut services: Vec<_> = SERVICES.iter().map(|(name, ..)| name).collect();
        services.sort_unstable();
        services.dedup();
        assert_eq!(services.len(), SERVICES.len());
        for table in [&IP_PROTOCOLS[..], &ETHER_PROTOCOLS, &CONSTANTS] {
            let mut names: Vec<_> = table.iter().map(|(name, _)| name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), table.len());
        }
    }
}
