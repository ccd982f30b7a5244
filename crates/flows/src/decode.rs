//! From a frame to the IP packet in it: link layer, tags, tunnels.

use std::net::IpAddr;

use wardline_model::MacAddress;
use wardline_wire::link::ethernet::{self, Carried};
use wardline_wire::link::llc::Llc;
use wardline_wire::link::vlan::Tag;
use wardline_wire::link::{arp, cooked::Cooked, ether_type, loopback, mpls, pppoe};
use wardline_wire::network::{erspan::Erspan, gre::Gre, ipv4, ipv6, vxlan};
use wardline_wire::transport::udp;
use wardline_wire::{Error, Fault, Layer, Verdict};

use crate::frame::Frame;
use crate::limits::{TAGS_MAX, TUNNELS_MAX};

/// Link types that are read: Ethernet, Linux cooked, raw IP, loopback, and those of radios.
pub const fn reads_link_type(number: u16) -> bool {
    matches!(number, 0 | 1 | 12 | 14 | 101 | 108 | 113 | 228 | 229 | 276)
        || crate::radio::reads_link_type(number)
}

/// Addresses of the link layer, as far as the link has any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub source: Option<MacAddress>,
    pub destination: Option<MacAddress>,
    pub vlan: Option<u16>,
}

/// An IP packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ip<'a> {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub protocol: u8,
    pub time_to_live: u8,
    pub dont_fragment: bool,
    /// IPv4 identification; 0 for IPv6.
    pub identification: u32,
    pub fragment: Option<Fragment>,
    /// Header and payload as sent, bytes.
    pub length: u32,
    /// Payload as sent, bytes.
    pub payload_length: u32,
    /// Payload as captured.
    pub payload: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Fragment {
    pub identification: u32,
    pub offset: u32,
    pub more: bool,
}

/// What a frame carried.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content<'a> {
    Ip(Ip<'a>),
    Arp(arp::Message),
    Lldp(&'a [u8]),
    Cdp(&'a [u8]),
    SpanningTree(&'a [u8]),
    /// Something that is known and says no more than that its sender is there.
    Presence,
}

/// A frame taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decoded<'a> {
    pub link: Link,
    pub content: Content<'a>,
}

/// Takes a frame apart down to the innermost IP packet.
///
/// What nearly every frame goes through is compiled into one piece, so that nothing is copied from step to step: only
/// what is in a tunnel is read by calls, in [`Decoder::inside`] and [`Decoder::bridged`].
#[inline(always)]
pub(crate) fn decode(link_type: u16, bytes: &[u8], original_length: u32) -> Result<Decoded<'_>, Error> {
    let missing = original_length.saturating_sub(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let decoder = Decoder { missing, depth: 0 };
    match link_type {
        1 => decoder.ethernet(bytes),
        113 => decoder.cooked(Cooked::parse(bytes)?),
        276 => decoder.cooked(Cooked::parse_v2(bytes)?),
        0 | 108 => {
            let (kind, rest) = loopback::parse(bytes)?;
            decoder.typed(Link::default(), kind, rest)
        }
        _ => decoder.raw(bytes),
    }
}

/// Whether a frame holds an IP packet, beneath its link layer, tags and tunnels: the first thing that the pipeline finds
/// out about it, asked for alone.
pub fn holds_ip(frame: &Frame<'_>) -> bool {
    let decoded = decode(frame.link_type, frame.bytes, frame.original_length);
    matches!(decoded, Ok(Decoded { content: Content::Ip(_), .. }))
}

#[derive(Clone, Copy)]
struct Decoder {
    /// Bytes that the capture cut off the end of the frame.
    missing: u32,
    depth: u8,
}

impl Decoder {
    #[inline(always)]
    fn ethernet<'a>(self, bytes: &'a [u8]) -> Result<Decoded<'a>, Error> {
        let frame = ethernet::Frame::parse(bytes)?;
        let link = Link {
            source: Some(MacAddress(frame.source)),
            destination: Some(MacAddress(frame.destination)),
            vlan: None,
        };
        self.carried(link, frame.carried, frame.payload)
    }

    fn cooked<'a>(self, (cooked, rest): (Cooked, &'a [u8])) -> Result<Decoded<'a>, Error> {
        let link = Link { source: cooked.source.map(MacAddress), ..Link::default() };
        self.carried(link, cooked.carried, rest)
    }

    fn raw<'a>(self, bytes: &'a [u8]) -> Result<Decoded<'a>, Error> {
        let kind = match bytes.first().map(|byte| byte >> 4) {
            Some(4) => ether_type::IPV4,
            Some(6) => ether_type::IPV6,
            _ => return Err(unsupported(Layer::Ipv4, "version")),
        };
        self.typed(Link::default(), kind, bytes)
    }

    #[inline(always)]
    fn carried<'a>(self, link: Link, carried: Carried, bytes: &'a [u8]) -> Result<Decoded<'a>, Error> {
        match carried {
            Carried::Type(kind) => self.typed(link, kind, bytes),
            Carried::Llc => self.llc(link, bytes),
        }
    }

    #[inline(never)]
    fn llc<'a>(self, link: Link, bytes: &'a [u8]) -> Result<Decoded<'a>, Error> {
        let (llc, rest) = Llc::parse(bytes)?;
        match llc {
            Llc::Type(kind) => self.typed(link, kind, rest),
            Llc::Organization([0, 0, 0x0c], 0x2000) => Ok(Decoded { link, content: Content::Cdp(rest) }),
            // The second is how Cisco sends one tree per VLAN.
            Llc::SpanningTree | Llc::Organization([0, 0, 0x0c], 0x010b) => {
                Ok(Decoded { link, content: Content::SpanningTree(rest) })
            }
            Llc::Organization(..) | Llc::AccessPoint(_) => Ok(Decoded { link, content: Content::Presence }),
        }
    }

    #[inline(always)]
    fn typed<'a>(self, mut link: Link, mut kind: u16, mut bytes: &'a [u8]) -> Result<Decoded<'a>, Error> {
        for _ in 0..=TAGS_MAX {
            let content = match kind {
                ether_type::IPV4 => return self.ipv4(link, bytes),
                ether_type::IPV6 => return self.ipv6(link, bytes),
                ether_type::ARP => match arp::Message::parse(bytes) {
                    Ok(message) => Content::Arp(message),
                    // Inverse ARP and ARP for other networks say that the sender is there.
                    Err(error) if error.fault == Fault::Unsupported => Content::Presence,
                    Err(error) => return Err(error),
                },
                ether_type::LLDP => Content::Lldp(bytes),
                ether_type::PPPOE => {
                    let (inner, rest) = pppoe::parse(bytes)?;
                    (kind, bytes) = (inner, rest);
                    continue;
                }
                ether_type::MPLS | ether_type::MPLS_MULTICAST => match mpls::parse(bytes)? {
                    (mpls::Carried::Type(inner), rest) => {
                        (kind, bytes) = (inner, rest);
                        continue;
                    }
                    (mpls::Carried::Ethernet, rest) => return self.deeper()?.bridged(rest),
                },
                _ if Tag::announced_by(kind) => {
                    let (tag, rest) = Tag::parse(bytes)?;
                    link.vlan = link.vlan.or(Some(tag.identifier).filter(|identifier| *identifier != 0));
                    match ethernet::carried(tag.length_or_type, rest)? {
                        (Carried::Type(inner), rest) => {
                            (kind, bytes) = (inner, rest);
                            continue;
                        }
                        (Carried::Llc, rest) => return self.llc(link, rest),
                    }
                }
                _ => Content::Presence,
            };
            return Ok(Decoded { link, content });
        }
        Err(Error {
            layer: Layer::Vlan,
            field: "tags",
            offset: 0,
            fault: Fault::OverLimit { limit: TAGS_MAX },
        })
    }

    #[inline(always)]
    fn ipv4<'a>(self, link: Link, bytes: &'a [u8]) -> Result<Decoded<'a>, Error> {
        let packet = ipv4::Packet::parse(bytes, self.missing)?;
        let ip = Ip {
            source: packet.source.into(),
            destination: packet.destination.into(),
            protocol: packet.protocol,
            time_to_live: packet.time_to_live,
            dont_fragment: packet.dont_fragment,
            identification: u32::from(packet.identification),
            fragment: packet.fragment.map(|fragment| Fragment {
                identification: u32::from(packet.identification),
                offset: fragment.offset,
                more: fragment.more,
            }),
            length: packet.length,
            payload_length: packet.payload_length,
            payload: packet.payload,
        };
        self.ip(link, ip)
    }

    #[inline]
    fn ipv6<'a>(self, link: Link, bytes: &'a [u8]) -> Result<Decoded<'a>, Error> {
        let packet = ipv6::Packet::parse(bytes, self.missing)?;
        let ip = Ip {
            source: packet.source.into(),
            destination: packet.destination.into(),
            protocol: packet.protocol,
            time_to_live: packet.hop_limit,
            dont_fragment: false,
            identification: 0,
            fragment: packet.fragment.map(|fragment| Fragment {
                identification: fragment.identification,
                offset: fragment.offset,
                more: fragment.more,
            }),
            length: packet.length,
            payload_length: packet.payload_length,
            payload: packet.payload,
        };
        self.ip(link, ip)
    }

    #[inline(always)]
    fn ip<'a>(self, link: Link, ip: Ip<'a>) -> Result<Decoded<'a>, Error> {
        let tunnel = match ip.protocol {
            4 | 41 | 47 => true,
            // Cheap first: flags and reserved bytes of the header behind the UDP header.
            17 => matches!(ip.payload, [_, _, _, _, _, _, _, _, 8, 0, 0, 0, ..]),
            _ => false,
        };
        if tunnel
            && ip.fragment.is_none()
            && let Some(inside) = self.inside(link, ip.protocol, ip.payload)
        {
            return Ok(inside);
        }
        Ok(Decoded { link, content: Content::Ip(ip) })
    }

    /// What is in a tunnel. A tunnel whose inside cannot be read is a conversation like any other.
    #[cold]
    #[inline(never)]
    fn inside<'a>(self, link: Link, protocol: u8, payload: &'a [u8]) -> Option<Decoded<'a>> {
        let inner = match protocol {
            4 | 41 => self.deeper().and_then(|decoder| decoder.raw(payload)),
            47 => self.deeper().and_then(|decoder| decoder.gre(payload)),
            _ => self.vxlan(payload)?,
        };
        let mut decoded = inner.ok()?;
        // The outer addresses are those of the tunnel; raw IP inside keeps the link that it came over.
        if decoded.link == Link::default() {
            decoded.link = link;
        }
        Some(decoded)
    }

    /// An Ethernet frame in a tunnel.
    #[cold]
    #[inline(never)]
    fn bridged<'a>(self, bytes: &'a [u8]) -> Result<Decoded<'a>, Error> {
        self.ethernet(bytes)
    }

    fn deeper(self) -> Result<Self, Error> {
        if self.depth >= TUNNELS_MAX {
            let fault = Fault::OverLimit { limit: usize::from(TUNNELS_MAX) };
            return Err(Error { layer: Layer::Gre, field: "tunnels", offset: 0, fault });
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn gre<'a>(self, bytes: &'a [u8]) -> Result<Decoded<'a>, Error> {
        let (gre, rest) = Gre::parse(bytes)?;
        match gre.protocol {
            // Without a sequence number there is no ERSPAN header: type I.
            ether_type::ERSPAN_II if gre.sequence.is_none() => self.bridged(rest),
            ether_type::ERSPAN_II | ether_type::ERSPAN_III => {
                let (erspan, frame) = Erspan::parse(rest)?;
                let mut decoded = self.bridged(frame)?;
                decoded.link.vlan = decoded.link.vlan.or(Some(erspan.vlan).filter(|vlan| *vlan != 0));
                Ok(decoded)
            }
            ether_type::BRIDGED => self.bridged(rest),
            ether_type::PPP => {
                let (kind, rest) = pppoe::ppp(rest)?;
                self.typed(Link::default(), kind, rest)
            }
            ether_type::IPV4 | ether_type::IPV6 => self.typed(Link::default(), gre.protocol, rest),
            _ => Err(unsupported(Layer::Gre, "protocol type")),
        }
    }

    fn vxlan<'a>(self, payload: &'a [u8]) -> Option<Result<Decoded<'a>, Error>> {
        let datagram =
            udp::Datagram::parse(payload, u32::try_from(payload.len()).unwrap_or(u32::MAX)).ok()?;
        let sure = match vxlan::probe(datagram.payload) {
            Verdict::Certain => true,
            Verdict::Unsure => datagram.destination_port == vxlan::Vxlan::PORT,
            Verdict::NotMine => false,
        };
        let (_, frame) = vxlan::Vxlan::parse(datagram.payload).ok().filter(|_| sure)?;
        Some(self.deeper().and_then(|decoder| decoder.bridged(frame)))
    }
}

const fn unsupported(layer: Layer, field: &'static str) -> Error {
    Error { layer, field, offset: 0, fault: Fault::Unsupported }
}
