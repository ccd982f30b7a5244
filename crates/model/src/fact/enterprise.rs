//! Facts of naming, addressing, time, voice and log-in protocols.

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

use crate::{Bounded, Label, MacAddress, Protocol, Pseudonym};

/// DHCP message type, RFC 2132 section 9.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum DhcpMessage {
    Discover,
    Offer,
    Request,
    Decline,
    Ack,
    Nak,
    Release,
    Inform,
    /// No message type option: BOOTP, or a type of a later RFC.
    Other(u8),
}

/// A DHCPv4 message. Facts about the client hold for messages of both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DhcpFact {
    /// Option 53.
    pub message: DhcpMessage,
    /// `chaddr`.
    pub client_mac: MacAddress,
    /// `ciaddr`, if the client already has an address.
    pub client_ip: Option<Ipv4Addr>,
    /// `yiaddr`: the address that the server gives.
    pub your_ip: Option<Ipv4Addr>,
    /// Option 50.
    pub requested_ip: Option<Ipv4Addr>,
    /// Option 54.
    pub server: Option<Ipv4Addr>,
    /// `giaddr`: the relay.
    pub relay: Option<Ipv4Addr>,
    /// Option 12.
    pub host_name: Option<Label>,
    /// Option 81.
    pub domain_name: Option<Label>,
    /// Option 60.
    pub vendor_class: Option<Label>,
    /// Option 77.
    pub user_class: Option<Label>,
    /// The unique identifier (DUID) within option 61, RFC 4361, hexadecimal. It stays when the link address is made up
    /// anew.
    pub client_identifier: Option<Label>,
    /// Option 55 in wire order.
    pub parameters: Bounded<u8, 64>,
    /// Codes of all options in wire order.
    pub options: Bounded<u8, 64>,
    /// Option 51, seconds.
    pub lease_s: Option<u32>,
    /// Option 3.
    pub routers: Bounded<Ipv4Addr, 4>,
    /// Option 6.
    pub name_servers: Bounded<Ipv4Addr, 4>,
    /// Option 161: MUD URL, RFC 8520 section 10.
    pub mud_url: Option<Label>,
}

/// A name asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsQuestion {
    /// The name.
    pub name: Label,
    /// Record type, IANA registry.
    pub record_type: u16,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DnsData {
    /// A, AAAA, or the address of an NBNS record.
    Address(IpAddr),
    /// CNAME, PTR, NS.
    Name(Label),
    /// SRV.
    Service {
        /// Port of the service.
        port: u16,
        /// Host that offers it.
        target: Label,
    },
    /// First strings of a TXT record.
    Text(Bounded<Label, 16>),
    /// Another type: length of its data in bytes.
    Other(u16),
}

/// A record of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsAnswer {
    /// Whose record.
    pub name: Label,
    /// Record type, IANA registry.
    pub record_type: u16,
    /// Time to live, seconds.
    pub ttl_s: u32,
    /// What it says.
    pub data: DnsData,
}

/// A message of DNS or one of its relatives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsFact {
    /// [`Protocol::Dns`], [`Protocol::Mdns`], [`Protocol::Llmnr`] or [`Protocol::Nbns`].
    pub protocol: Protocol,
    /// Answer rather than question.
    pub response: bool,
    /// Opcode; 5 is a registration in NBNS.
    pub opcode: u8,
    /// Response code; 3 is "no such name".
    pub response_code: u8,
    /// What was asked.
    pub questions: Bounded<DnsQuestion, 8>,
    /// What was answered (answer and additional sections).
    pub answers: Bounded<DnsAnswer, 24>,
}

/// An NTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NtpFact {
    /// Version.
    pub version: u8,
    /// Mode: 3 client, 4 server, 5 broadcast, 6 control, 7 private.
    pub mode: u8,
    /// Stratum; 1 is a reference clock.
    pub stratum: u8,
}

/// A server's words before anybody logs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BannerFact {
    /// Which protocol.
    pub protocol: Protocol,
    /// First line, cut short.
    pub text: Label,
}

/// How credentials were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// Account and password in clear.
    Password,
    /// SNMP community, or another shared word.
    Community,
    /// HTTP Basic: password in clear but for base64.
    Basic,
    /// A token that lets its bearer in: cookie or API key.
    Bearer,
    /// A challenge-response that can be attacked off-line: NTLM, HTTP Digest, CRAM.
    ChallengeResponse,
}

/// Credentials that anybody on the path could read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialFact {
    /// What carried them.
    pub protocol: Protocol,
    /// How.
    pub kind: CredentialKind,
    /// The field that held the secret, in the protocol's own terms, such as `PASS` or `mqtt.passwd`.
    pub field: Label,
    /// Whose.
    pub account: Option<Pseudonym>,
    /// The secret.
    pub secret: Option<Pseudonym>,
}

/// A SIP request or answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SipMessage {
    /// Method, such as INVITE.
    Request(Label),
    /// Status code.
    Response(u16),
}

/// SIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SipFact {
    /// Which message.
    pub message: SipMessage,
    /// User-Agent or Server.
    pub agent: Option<Label>,
    /// Call-ID.
    pub call: Option<Pseudonym>,
    /// Where audio is to be sent, from the session description.
    pub media: Option<(IpAddr, u16)>,
}

/// An RTP stream, told once when it is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtpFact {
    /// Payload type, RFC 3551.
    pub payload_type: u8,
    /// Synchronisation source.
    pub source: u32,
    /// Milliseconds between packets, the median so far.
    pub interval_ms: u16,
}
