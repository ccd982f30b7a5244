//! What can be wrong with a message, and whose fault it is.

use thiserror::Error;

/// The protocol that a parser was reading, for error messages and counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are the protocols' own")]
pub enum Layer {
    Ethernet,
    Vlan,
    Llc,
    LinuxCooked,
    Loopback,
    Arp,
    Lldp,
    Cdp,
    Stp,
    Ipv4,
    Ipv6,
    Icmp,
    Icmp6,
    Tcp,
    Udp,
    Gre,
    Erspan,
    Vxlan,
    Dhcp,
    Dns,
    Nbns,
    Http,
    Tls,
    X509,
    Quic,
    Smb1,
    Smb2,
    Ntlm,
    Ssdp,
    WsDiscovery,
    Snmp,
    Mqtt,
    Ntp,
    Telnet,
    Ftp,
    Sip,
    Rtp,
    Ssh,
    Hl7,
    Mllp,
    Dicom,
    Fhir,
    Astm,
    Modbus,
    Bacnet,
    S7,
    EthernetIp,
    Ldap,
    Kerberos,
    Radius,
    Vnc,
    Rpc,
    Tftp,
    Ipp,
    Stun,
    Edimax,
    Syslog,
    Ospf,
    Vrrp,
    Hsrp,
    Rip,
    OpcUa,
    Cbor,
    Coap,
    Ble,
    Hci,
    Ieee802154,
    Phd,
    Intellivue,
    Poct1a,
}

/// The cause of an error, by who is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The capture ends before the field does: cut by the snap length, or more is to come.
    Truncated {
        /// How many more bytes the field needs.
        missing: usize,
    },
    /// The sender broke the standard.
    Malformed,
    /// Allowed by the standard, not read by us.
    Unsupported,
    /// Allowed by the standard, but beyond a limit of ours.
    OverLimit {
        /// The limit.
        limit: usize,
    },
}

/// A message could not be read. Holds no byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{layer:?}: {field} at byte {offset}: {fault:?}")]
pub struct Error {
    /// Protocol.
    pub layer: Layer,
    /// Field, in the standard's terms.
    pub field: &'static str,
    /// Offset of the field from the start of the message, bytes.
    pub offset: usize,
    /// What is wrong.
    pub fault: Fault,
}

impl Error {
    /// Whether more bytes could mend it.
    pub const fn is_truncated(&self) -> bool {
        matches!(self.fault, Fault::Truncated { .. })
    }
}
