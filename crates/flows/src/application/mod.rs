//! What is spoken in a conversation: recognised by content, read by one adaptor per protocol.
//!
//! `wire` reads bytes; an adaptor turns its messages into [`wardline_model::Fact`]s and is the place where
//! patient data and secrets become pseudonyms. To add a protocol: a module here, a line in [`STREAMS`] or
//! [`DATAGRAMS`].

mod astm;
mod bacnet;
mod banner;
mod catalogue;
mod coap;
mod context;
#[cfg(test)]
mod corpus;
mod dhcp;
mod dhcpv6;
mod dicom;
mod digest;
mod dns;
pub(crate) mod driver;
mod edimax;
mod ethernet_ip;
mod first_bytes;
mod ftp;
mod hl7;
mod http;
mod intellivue;
mod introduction;
mod ipp;
mod kerberos;
mod ldap;
mod lpd;
mod modbus;
mod mqtt;
mod names;
mod nfs;
mod ntlm;
mod ntp;
mod opc_ua;
#[cfg(test)]
mod oracles;
mod patient;
mod patient_fields;
mod phd;
mod poct1a;
mod quic;
mod radius;
mod recognition;
pub(crate) mod routing;
mod rtsp;
mod s7;
mod serial;
mod sip;
mod smb;
mod snmp;
mod ssdp;
mod ssh;
mod stun;
mod syslog;
mod telemetry;
mod telnet;
mod tftp;
mod tls;
mod vnc;
mod ws_discovery;

pub use catalogue::{CatalogueEntry, CatalogueFamily, catalogue, catalogue_page};
pub(crate) use context::{Context, ConversationLabels};
pub(crate) use first_bytes::FirstBytes;

use wardline_model::Protocol;
use wardline_wire::{Direction, Verdict};

/// What an adaptor wants after it was shown something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More bytes of the stream.
    Continue,
    /// Nothing more: the rest of the conversation tells nothing (it is encrypted, or a bulk transfer).
    Done,
    /// It is not this protocol after all.
    Lost,
}

/// Reads one conversation over TCP.
pub(crate) trait StreamAdaptor: Send {
    /// The next bytes of one direction, in order, without holes. Pieces are cut anywhere.
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress;

    /// The capture missed `length` bytes of one direction: find the next message by itself, or give up.
    fn gap(&mut self, direction: Direction, length: u64, context: &mut Context<'_>) -> Progress;

    /// The conversation ended: what only waited for more may be told now. `context` has any direction.
    fn end(&mut self, _context: &mut Context<'_>) {}

    /// Whether the content is encrypted; `None` where that is not known yet.
    fn encrypted(&self) -> Option<bool> {
        Some(false)
    }
}

/// A protocol over TCP.
pub(crate) struct Stream {
    /// Its name.
    pub protocol: Protocol,
    /// Ports on which it is often found: they decide who is asked first, never the answer.
    pub ports: &'static [u16],
    /// Judges the opening bytes of one direction. A conversation that began before the capture may be shown
    /// from its middle, and its directions may be the other way round.
    pub probe: fn(Direction, &[u8]) -> Verdict,
    /// Makes an adaptor for one conversation.
    pub adaptor: fn() -> Box<dyn StreamAdaptor>,
}

/// A protocol over UDP, whose messages stand alone.
pub(crate) struct Datagram {
    /// Its name.
    pub protocol: Protocol,
    /// Ports on which it is often found: they decide who is asked first, never the answer.
    pub ports: &'static [u16],
    /// First bytes without which [`Self::probe`] says no: it is not asked then.
    pub first: FirstBytes,
    /// Judges a datagram.
    pub probe: fn(&[u8]) -> Verdict,
    /// Reads a datagram. Answers [`Progress::Done`] when later datagrams tell nothing.
    pub read: fn(&[u8], &mut Context<'_>) -> Progress,
    /// Whether the content is encrypted.
    pub encrypted: bool,
}

/// Protocols over TCP, in the order in which they are asked. One line each, by name; 64 at most.
pub(crate) static STREAMS: &[Stream] = &[
    astm::STREAM,
    banner::RDP,
    banner::SMTP,
    dicom::STREAM,
    dns::STREAM,
    ethernet_ip::STREAM,
    ftp::STREAM,
    hl7::STREAM,
    http::STREAM,
    kerberos::STREAM,
    ldap::STREAM,
    lpd::STREAM,
    modbus::STREAM,
    mqtt::STREAM,
    nfs::STREAM,
    opc_ua::STREAM,
    phd::STREAM,
    poct1a::STREAM,
    recognition::HTTP2,
    rtsp::STREAM,
    s7::STREAM,
    sip::STREAM,
    smb::STREAM,
    ssh::STREAM,
    syslog::STREAM,
    telnet::STREAM,
    tls::STREAM,
    vnc::STREAM,
];

/// Protocols over UDP, in the order in which they are asked: first those with a mark of their own, then those
/// that are told by the whole of a datagram. One line each; 64 at most.
pub(crate) static DATAGRAMS: &[Datagram] = &[
    dhcp::DATAGRAM,
    bacnet::DATAGRAM,
    kerberos::DATAGRAM,
    ldap::DATAGRAM,
    edimax::DATAGRAM,
    ethernet_ip::DATAGRAM,
    intellivue::DATAGRAM,
    nfs::DATAGRAM,
    quic::DATAGRAM,
    radius::DATAGRAM,
    routing::RIP,
    stun::DATAGRAM,
    syslog::DATAGRAM,
    tftp::DATAGRAM,
    dns::NBNS,
    dns::DNS,
    dns::MDNS,
    dns::LLMNR,
    dhcpv6::DATAGRAM,
    ntp::DATAGRAM,
    sip::DATAGRAM,
    snmp::DATAGRAM,
    ssdp::DATAGRAM,
    tls::DATAGRAM,
    ws_discovery::DATAGRAM,
    coap::DATAGRAM,
    routing::HSRP,
];
