//! Where things are in a frame, and how a link layer says what it carries.
//!
//! `vlan`, `mpls` and `pppoes` move these places for all tests after them in the text, as pcap-filter(7) says.

use super::condition::{Condition, Test, Value, Width};
use super::error::FilterFault;
use crate::link_type;

pub(super) const ETHERTYPE_IPV4: u32 = 0x0800;
pub(super) const ETHERTYPE_ARP: u32 = 0x0806;
pub(super) const ETHERTYPE_RARP: u32 = 0x8035;
pub(super) const ETHERTYPE_IPV6: u32 = 0x86dd;
const ETHERTYPE_VLAN: u32 = 0x8100;
const ETHERTYPE_PROVIDER_VLAN: u32 = 0x88a8;
const ETHERTYPE_QINQ: u32 = 0x9100;
const ETHERTYPE_MPLS: u32 = 0x8847;
const ETHERTYPE_IPX: u32 = 0x8137;
const ETHERTYPE_ATALK: u32 = 0x809b;
const ETHERTYPE_AARP: u32 = 0x80f3;
pub(super) const ETHERTYPE_PPPOE_DISCOVERY: u32 = 0x8863;
const ETHERTYPE_PPPOE_SESSION: u32 = 0x8864;

/// Largest length that an Ethernet type field can mean.
const ETHERNET_LENGTH_MAX: u32 = 1500;
const LLC_IPX: u32 = 0xe0;
const LLC_NETBEUI: u32 = 0xf0;
const LLC_ISO: u32 = 0xfe;
/// "Protocol" of a Linux cooked frame that carries IPX without 802.2.
const COOKED_802_3: u32 = 1;
/// "Protocol" of a Linux cooked frame that carries 802.2.
const COOKED_802_2: u32 = 4;

/// Ancillary data that the Linux kernel offers as loads beyond every frame (`SKF_AD_OFF`).
const ANCILLARY: u32 = 0xffff_f000;
pub(super) const ANCILLARY_PACKET_TYPE: u32 = ANCILLARY + 4;
const ANCILLARY_VLAN_TAG: u32 = ANCILLARY + 44;
pub(super) const ANCILLARY_VLAN_PRESENT: u32 = ANCILLARY + 48;

/// A link layer that filters know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Ethernet,
    LinuxCooked1,
    LinuxCooked2,
    /// Address family before the packet.
    Loopback,
    Ppp,
    /// IPv4 or IPv6 by the version nibble.
    RawIp,
    RawIpv4,
    RawIpv6,
}

impl Link {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ethernet => "Ethernet",
            Self::LinuxCooked1 | Self::LinuxCooked2 => "Linux cooked",
            Self::Loopback => "BSD loopback",
            Self::Ppp => "PPP",
            Self::RawIp | Self::RawIpv4 | Self::RawIpv6 => "raw IP",
        }
    }
}

/// Where the tests to come find their bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layers {
    pub(super) link: Link,
    /// First byte of the link-layer header.
    pub(super) link_header: u32,
    /// The field that names the protocol of the payload.
    link_type_field: u32,
    /// First byte behind the link-layer header.
    payload: u32,
    /// First byte of the network layer: behind MPLS labels where there are any.
    pub(super) network: u32,
    pub(super) mpls_labels: u32,
    /// The kernel took the outermost VLAN tag out of the frame and offers it beside.
    tag_beside_frame: bool,
}

impl Layers {
    pub(super) fn new(link_type: u16, tag_beside_frame: bool) -> Result<Self, FilterFault> {
        let (link, link_type_field, payload) = match link_type {
            link_type::ETHERNET => (Link::Ethernet, 12, 14),
            link_type::LINUX_SLL => (Link::LinuxCooked1, 14, 16),
            link_type::LINUX_SLL2 => (Link::LinuxCooked2, 0, 20),
            link_type::NULL | link_type::LOOP => (Link::Loopback, 0, 4),
            link_type::PPP => (Link::Ppp, 2, 4),
            link_type::RAW | link_type::RAW_BSD | link_type::RAW_OPENBSD => (Link::RawIp, 0, 0),
            link_type::IPV4 => (Link::RawIpv4, 0, 0),
            link_type::IPV6 => (Link::RawIpv6, 0, 0),
            _ => return Err(FilterFault::LinkType(link_type)),
        };
        Ok(Self {
            link,
            link_header: 0,
            link_type_field,
            payload,
            network: payload,
            mpls_labels: 0,
            tag_beside_frame,
        })
    }

    /// The frame's payload is of this protocol: an EtherType, or an LLC service access point up to 1500.
    pub(super) fn carries(&self, protocol: u32) -> Result<Condition, FilterFault> {
        if self.mpls_labels > 0 {
            return self.carries_behind_mpls(protocol);
        }
        let family = |ipv4, ipv6| match protocol {
            ETHERTYPE_IPV4 => ipv4,
            ETHERTYPE_IPV6 => ipv6,
            _ => Condition::Constant(false),
        };
        let version = |nibble: u32| Condition::masked(self.link_header, Width::Byte, nibble << 4, 0xf0);
        Ok(match self.link {
            Link::Ethernet | Link::LinuxCooked1 | Link::LinuxCooked2 => self.ether_type_or_llc(protocol),
            Link::Loopback => family(self.family_is(&[2]), self.family_is(&[10, 24, 28, 30])),
            Link::Ppp => self.type_field_is(ppp_protocol(protocol)),
            Link::RawIp => family(version(4), version(6)),
            Link::RawIpv4 => family(Condition::Constant(true), Condition::Constant(false)),
            Link::RawIpv6 => family(Condition::Constant(false), Condition::Constant(true)),
        })
    }

    fn type_field_is(&self, value: u32) -> Condition {
        Condition::equal(self.link_type_field, Width::Half, value)
    }

    /// The address family, which each system numbers its own way for IPv6, in either byte order: a file
    /// does not say which machine wrote it.
    fn family_is(&self, families: &[u32]) -> Condition {
        let one = |family: u32| Condition::equal(self.link_header, Width::Word, family);
        families
            .iter()
            .flat_map(|family| [family.swap_bytes(), *family])
            .fold(Condition::Constant(false), |any, family| any.or(one(family)))
    }

    fn ether_type_or_llc(&self, protocol: u32) -> Condition {
        match protocol {
            LLC_ISO | LLC_NETBEUI => {
                self.is_802_2().and(Condition::equal(self.payload, Width::Half, protocol << 8 | protocol))
            }
            LLC_IPX => {
                let type_field = self.type_field_is(ETHERTYPE_IPX);
                let snap = self.snap(0, ETHERTYPE_IPX);
                let llc = Condition::equal(self.payload, Width::Byte, LLC_IPX);
                if self.link == Link::Ethernet {
                    let raw = Condition::equal(self.payload, Width::Half, 0xffff);
                    return type_field.or(self.is_802_2().and(snap.or(llc).or(raw)));
                }
                let raw = self.type_field_is(COOKED_802_3);
                type_field.or(raw).or(self.is_802_2().and(llc.or(snap)))
            }
            ETHERTYPE_ATALK | ETHERTYPE_AARP => {
                let organisation = if protocol == ETHERTYPE_ATALK { 0x08_0007 } else { 0 };
                let snap = self.is_802_2().and(self.snap(organisation, protocol));
                self.type_field_is(protocol).or(snap)
            }
            0..=ETHERNET_LENGTH_MAX => {
                self.is_802_2().and(Condition::equal(self.payload, Width::Byte, protocol))
            }
            _ => self.type_field_is(protocol),
        }
    }

    /// The frame carries 802.2 logical link control.
    fn is_802_2(&self) -> Condition {
        if self.link == Link::Ethernet {
            let field = Value::At { offset: self.link_type_field, width: Width::Half };
            return Condition::compare(field, u32::MAX, Test::Greater, ETHERNET_LENGTH_MAX).negated();
        }
        self.type_field_is(COOKED_802_2)
    }

    /// 802.2 SNAP with an organisation and a protocol.
    fn snap(&self, organisation: u32, protocol: u32) -> Condition {
        let tail = (organisation & 0xffff) << 16 | protocol;
        Condition::equal(self.payload + 4, Width::Word, tail).and(Condition::equal(
            self.payload,
            Width::Word,
            0xaaaa_0300 | organisation >> 16,
        ))
    }

    fn carries_behind_mpls(&self, protocol: u32) -> Result<Condition, FilterFault> {
        let version = match protocol {
            ETHERTYPE_IPV4 => 0x40,
            ETHERTYPE_IPV6 => 0x60,
            _ => {
                return Err(FilterFault::Qualifier {
                    qualifier: "mpls",
                    what: "a protocol other than ip and ip6",
                });
            }
        };
        let bottom_of_stack = Condition::masked(self.network - 2, Width::Byte, 1, 1);
        Ok(bottom_of_stack.and(Condition::masked(self.network, Width::Byte, version, 0xf0)))
    }

    /// A VLAN tag; what follows in the filter is about the frame behind it.
    pub(super) fn enter_vlan(&mut self, number: Option<u32>) -> Result<Condition, FilterFault> {
        if self.mpls_labels > 0 {
            return Err(FilterFault::Qualifier { qualifier: "mpls", what: "vlan behind it" });
        }
        if self.link != Link::Ethernet {
            return Err(FilterFault::LinkLayer { what: "vlan", link: self.link.name() });
        }
        let number = at_most(number, "VLAN number", 0x0fff)?;
        if std::mem::take(&mut self.tag_beside_frame) {
            // The program is for frames with such a tag: its presence was tested in front.
            return Ok(number.map_or(Condition::Constant(true), |number| {
                Condition::masked(ANCILLARY_VLAN_TAG, Width::Byte, number, 0x0fff)
            }));
        }
        let mut tagged = self
            .type_field_is(ETHERTYPE_VLAN)
            .or(self.type_field_is(ETHERTYPE_PROVIDER_VLAN))
            .or(self.type_field_is(ETHERTYPE_QINQ));
        if let Some(number) = number {
            tagged = tagged.and(Condition::masked(self.payload, Width::Half, number, 0x0fff));
        }
        self.payload += 4;
        self.network += 4;
        self.link_type_field += 4;
        Ok(tagged)
    }

    /// An MPLS label; what follows in the filter is about the packet behind it.
    pub(super) fn enter_mpls(&mut self, label: Option<u32>) -> Result<Condition, FilterFault> {
        let mut labelled = if self.mpls_labels > 0 {
            Condition::masked(self.network - 2, Width::Byte, 0, 1)
        } else {
            match self.link {
                Link::Ethernet | Link::Ppp => self.carries(ETHERTYPE_MPLS)?,
                link => return Err(FilterFault::LinkLayer { what: "mpls", link: link.name() }),
            }
        };
        if let Some(label) = at_most(label, "MPLS label", 0x000f_ffff)? {
            labelled = labelled.and(Condition::masked(self.network, Width::Word, label << 12, 0xffff_f000));
        }
        self.network += 4;
        self.mpls_labels += 1;
        Ok(labelled)
    }

    /// A PPPoE session (RFC 2516); what follows in the filter is about the PPP frame in it.
    pub(super) fn enter_pppoe_session(&mut self, session: Option<u32>) -> Result<Condition, FilterFault> {
        let mut in_session = self.carries(ETHERTYPE_PPPOE_SESSION)?;
        if let Some(session) = at_most(session, "PPPoE session", 0xffff)? {
            in_session = in_session.and(Condition::masked(self.network, Width::Word, session, 0xffff));
        }
        self.link = Link::Ppp;
        self.link_header = self.network + 6;
        self.link_type_field = self.link_header;
        self.payload = self.link_header + 2;
        self.network = self.payload;
        Ok(in_session)
    }
}

fn at_most(number: Option<u32>, quantity: &'static str, limit: u32) -> Result<Option<u32>, FilterFault> {
    match number {
        Some(value) if value > limit => {
            Err(FilterFault::TooLarge { value: value.to_string(), quantity, limit })
        }
        _ => Ok(number),
    }
}

/// The PPP protocol number that carries what an EtherType names (IANA "PPP DLL Protocol Numbers").
fn ppp_protocol(ether_type: u32) -> u32 {
    match ether_type {
        ETHERTYPE_IPV4 => 0x0021,
        ETHERTYPE_IPV6 => 0x0057,
        ETHERTYPE_MPLS => 0x0281,
        0x6003 => 0x0027,
        ETHERTYPE_ATALK => 0x0029,
        0x0600 => 0x0025,
        LLC_ISO => 0x0023,
        0x42 => 0x0031,
        LLC_IPX => 0x002b,
        other => other,
    }
}
