//! What can be seen: one type per protocol or transport event.
//!
//! Everything here is bounded: labels have a longest length, lists a greatest number of items. Where a
//! patient, an account or a secret was readable, only its pseudonym is kept.

mod clinical;
mod device;
mod enterprise;
mod files;
mod network;
mod radio;
mod telemetry;
mod transport;
mod web;

pub use clinical::{
    DeviceIdentity, DicomAssociation, DicomCommand, DicomCommandKind, DicomDataset, DicomFact,
    DicomIdentityKind, DicomPresentationContext, Hl7Acknowledgment, Hl7Fact, Hl7Observation, Hl7Value,
    PatientDataFact, PatientField, PatientFields, PatientLocation, PatientReference,
};
pub use device::{
    AlarmFact, AlarmLimits, ControlFact, ControlOperation, IdentityFact, IdentitySubject, IntegrityFact,
    IntegrityFault, MeasurementFact, Protection, ProtectionFact, RecordAccessFact, RecordVerb, SdcFact,
};
pub use enterprise::{
    BannerFact, CredentialFact, CredentialKind, DhcpFact, DhcpMessage, DnsAnswer, DnsData, DnsFact,
    DnsQuestion, NtpFact, RtpFact, SipFact, SipMessage,
};
pub use files::{FileFact, FtpFact, NtlmFact, SmbFact, SmbFileOperation};
pub use network::{
    ArpFact, ArpOperation, IcmpFact, IcmpKind, LinkAdvertisement, NeighborFact, NeighborKind, ReplicaFact,
    RoutingFact, RoutingKind,
};
pub use radio::{RadioLinkEvent, RadioLinkFact};
pub use telemetry::{
    MqttFact, SnmpBinding, SnmpFact, SnmpOperation, SnmpSecurity, SnmpValue, SsdpFact, SsdpKind, TopicShape,
    WsDiscoveryFact, WsDiscoveryKind,
};
pub use transport::{
    AmbiguityKind, AmbiguousStream, Conversation, FlowRate, PaceFact, StackTraits, TcpEvent,
};
pub use web::{
    CertificateFact, HttpFact, HttpRequest, HttpResponse, TlsClientHello, TlsFact, TlsServerHello,
};

use serde::{Deserialize, Serialize};

/// One fact. Large facts are boxed so that the common ones stay small.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "is")]
#[non_exhaustive]
pub enum Fact {
    /// A station sent a frame from this address for the first time since it was forgotten.
    StationSeen,
    /// An ARP message.
    Arp(ArpFact),
    /// An IPv6 neighbour discovery message.
    Neighbor(Box<NeighborFact>),
    /// An ICMP error or redirect.
    Icmp(IcmpFact),
    /// LLDP or CDP.
    LinkAdvertisement(Box<LinkAdvertisement>),
    /// The same packet again with a smaller time to live: it goes round in circles.
    Replica(ReplicaFact),
    /// A conversation began. `from` is who began it as far as the capture shows.
    ConversationStarted(StackTraits),
    /// A TCP conversation changed state.
    Tcp(TcpEvent),
    /// A conversation was fast within the last interval.
    Rate(FlowRate),
    /// A conversation has the pace of speech.
    Pace(PaceFact),
    /// Bytes of a TCP stream or of IP fragments were sent twice with different content.
    Ambiguous(AmbiguousStream),
    /// A conversation ended, timed out, or the capture did.
    ConversationEnded(Box<Conversation>),
    /// DHCP.
    Dhcp(Box<DhcpFact>),
    /// DNS, mDNS, LLMNR or NBNS.
    Dns(Box<DnsFact>),
    /// NTP.
    Ntp(NtpFact),
    /// A server introduced itself (SSH, SMTP, Telnet, FTP, RDP, VNC …).
    Banner(Box<BannerFact>),
    /// Credentials could be read.
    Credential(Box<CredentialFact>),
    /// Patient data could be read.
    PatientData(Box<PatientDataFact>),
    /// HTTP/1.
    Http(Box<HttpFact>),
    /// TLS handshake.
    Tls(Box<TlsFact>),
    /// SMB.
    Smb(Box<SmbFact>),
    /// A file went over the network whole.
    File(Box<FileFact>),
    /// NTLM in whatever carried it.
    Ntlm(Box<NtlmFact>),
    /// FTP control connection.
    Ftp(Box<FtpFact>),
    /// SIP.
    Sip(Box<SipFact>),
    /// An RTP stream was recognised.
    Rtp(RtpFact),
    /// SSDP.
    Ssdp(Box<SsdpFact>),
    /// WS-Discovery.
    WsDiscovery(Box<WsDiscoveryFact>),
    /// SNMP.
    Snmp(Box<SnmpFact>),
    /// MQTT.
    Mqtt(Box<MqttFact>),
    /// HL7 version 2.
    Hl7(Box<Hl7Fact>),
    /// DICOM.
    Dicom(Box<DicomFact>),
    /// What a device says about itself in a protocol that has no fact of its own.
    Identity(Box<IdentityFact>),
    /// A measured value in a protocol that has no fact of its own.
    Measurement(Box<MeasurementFact>),
    /// A device gives alarm.
    Alarm(Box<AlarmFact>),
    /// A message of SDC.
    Sdc(Box<SdcFact>),
    /// A command to a device.
    Control(Box<ControlFact>),
    /// Records of patients are asked for or changed.
    RecordAccess(Box<RecordAccessFact>),
    /// A conversation is badly protected.
    Protection(Box<ProtectionFact>),
    /// OSPF, RIP, VRRP, HSRP or spanning tree.
    Routing(Box<RoutingFact>),
    /// A message broke a rule that guards it.
    Integrity(Box<IntegrityFact>),
    /// A connection over a radio began, was encrypted or ended.
    RadioLink(RadioLinkFact),
}
