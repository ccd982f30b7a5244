//! Addresses of stations on the network, and the Community ID of a conversation.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use arrayvec::ArrayVec;
use base64::Engine as _;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha1::{Digest, Sha1};

/// An IEEE 802 MAC address (EUI-48), written `00:09:fb:12:34:56`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Whether the group bit is set: broadcast and multicast addresses never name one station.
    pub const fn is_group(self) -> bool {
        self.0[0] & 0x01 != 0
    }

    /// Whether the address was made up locally (randomised, virtual), so that its prefix names no maker.
    pub const fn is_local(self) -> bool {
        self.0[0] & 0x02 != 0
    }

    /// Whether this is `00:00:00:00:00:00`, which names nobody.
    pub fn is_zero(self) -> bool {
        self.0 == [0; 6]
    }

    /// Whether the address can name one station.
    pub fn is_station(self) -> bool {
        !self.is_group() && !self.is_zero()
    }

    /// Whether the address belongs to a router redundancy protocol: VRRP (RFC 5798 section 7.3) or HSRP.
    pub const fn is_virtual_router(self) -> bool {
        matches!(
            self.0,
            [0x00, 0x00, 0x5e, 0x00, 0x01 | 0x02, _]
                | [0x00, 0x00, 0x0c, 0x07, 0xac, _]
                | [0x00, 0x00, 0x0c, 0x9f, 0xf0..=0xff, _]
        )
    }

    /// The address as a number of 48 bits.
    pub const fn to_bits(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for MacAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "not a MAC address; write it as 00:09:fb:12:34:56";
        let mut bytes = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2).ok_or(WRONG)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| WRONG)?;
        }
        if parts.next().is_some() { Err(WRONG) } else { Ok(Self(bytes)) }
    }
}

impl Serialize for MacAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MacAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for MacAddress {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MacAddress".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^([0-9a-f]{2}:){5}[0-9a-f]{2}$" })
    }
}

/// Address of a station on a radio link, where it is no IEEE 802 MAC address.
///
/// A public address of Bluetooth is a MAC address and is kept as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RadioAddress {
    /// Bluetooth LE, random static: the same until the device is switched off, for most devices for ever.
    BleStatic([u8; 6]),
    /// Bluetooth LE, private: another one every quarter of an hour, so it names nobody.
    BlePrivate([u8; 6]),
    /// IEEE 802.15.4, extended: an EUI-64.
    Ieee802154Extended([u8; 8]),
    /// IEEE 802.15.4, short, as given by the coordinator of a network (PAN).
    Ieee802154Short {
        /// PAN identifier.
        network: u16,
        /// Short address.
        address: u16,
    },
}

impl RadioAddress {
    /// Whether the address stays with its station.
    pub const fn is_lasting(self) -> bool {
        !matches!(self, Self::BlePrivate(_))
    }
}

impl fmt::Display for RadioAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BleStatic(address) | Self::BlePrivate(address) => MacAddress(*address).fmt(f),
            Self::Ieee802154Extended(address) => {
                for (place, byte) in address.iter().enumerate() {
                    write!(f, "{}{byte:02x}", if place == 0 { "" } else { ":" })?;
                }
                Ok(())
            }
            Self::Ieee802154Short { network, address } => write!(f, "{network:04x}/{address:04x}"),
        }
    }
}

/// One end of what was seen: the addresses that the frame gave it.
///
/// The MAC address is that of the frame, so for a station behind a router it is the router's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Station {
    /// Link address in the frame, if the link has any.
    pub mac: Option<MacAddress>,
    /// Network address, if the frame carried IP.
    pub ip: Option<IpAddr>,
    /// TCP, UDP or SCTP port; 0 where there is none.
    pub port: u16,
    /// Address on a radio link that is no MAC address.
    pub radio: Option<RadioAddress>,
}

/// What runs directly over IP: the protocol number of the IANA registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Transport(pub u8);

impl Transport {
    /// Internet Control Message Protocol.
    pub const ICMP: Self = Self(1);
    /// Transmission Control Protocol.
    pub const TCP: Self = Self(6);
    /// User Datagram Protocol.
    pub const UDP: Self = Self(17);
    /// ICMP for IPv6.
    pub const ICMP6: Self = Self(58);
    /// Stream Control Transmission Protocol.
    pub const SCTP: Self = Self(132);
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ICMP => f.write_str("icmp"),
            Self::TCP => f.write_str("tcp"),
            Self::UDP => f.write_str("udp"),
            Self::ICMP6 => f.write_str("icmp6"),
            Self::SCTP => f.write_str("sctp"),
            Self(number) => write!(f, "ip-{number}"),
        }
    }
}

/// The Community ID (version 1, seed 0) of a conversation: the join key that other tools compute as well.
///
/// Written `1:` and the base64 of a SHA-1 digest. The digest is made when it is asked for: every conversation has one,
/// and few are ever written or compared.
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(transparent)]
pub struct CommunityId(#[schemars(with = "String")] Identified);

#[derive(Clone, Copy, Debug)]
enum Identified {
    /// By what is digested: the lower end first, but for ICMP messages without a counterpart.
    Ends { transport: Transport, first: (IpAddr, u16), second: (IpAddr, u16) },
    /// By a digest that somebody else made.
    Digest([u8; 20]),
}

impl CommunityId {
    /// Computes the identifier as the Community ID specification, version 1, says.
    ///
    /// For ICMP, give type and code as the two ports; pairs such as echo request and reply are made
    /// one conversation. Addresses of different families have no identifier.
    pub fn new(transport: Transport, source: (IpAddr, u16), destination: (IpAddr, u16)) -> Option<Self> {
        let (source_port, destination_port, one_way) = match transport {
            Transport::ICMP => icmp_ports(source.1, destination.1, icmp_counterpart),
            Transport::ICMP6 => icmp_ports(source.1, destination.1, icmp6_counterpart),
            _ => (source.1, destination.1, false),
        };
        let mut first = (source.0, source_port);
        let mut second = (destination.0, destination_port);
        if !one_way && first > second {
            std::mem::swap(&mut first, &mut second);
        }
        let one_family = first.0.is_ipv4() == second.0.is_ipv4();
        one_family.then_some(Self(Identified::Ends { transport, first, second }))
    }

    fn digest(&self) -> [u8; 20] {
        let (transport, first, second) = match self.0 {
            Identified::Ends { transport, first, second } => (transport, first, second),
            Identified::Digest(digest) => return digest,
        };
        // Seed, both addresses, protocol and padding, both ports: one block for the hash.
        let mut input = ArrayVec::<u8, 40>::new();
        input.extend([0, 0]);
        for ip in [first.0, second.0] {
            match ip {
                IpAddr::V4(ip) => input.extend(ip.octets()),
                IpAddr::V6(ip) => input.extend(ip.octets()),
            }
        }
        input.extend([transport.0, 0]);
        let has_ports = matches!(
            transport,
            Transport::ICMP | Transport::TCP | Transport::UDP | Transport::ICMP6 | Transport::SCTP
        );
        if has_ports {
            input.extend(first.1.to_be_bytes());
            input.extend(second.1.to_be_bytes());
        }
        Sha1::digest(&input).into()
    }
}

/// Two are the same that digest the same, whoever made the digest.
impl PartialEq for CommunityId {
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}

impl Eq for CommunityId {}

impl fmt::Display for CommunityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1:{}", Base64Display::new(&self.digest(), &STANDARD))
    }
}

impl FromStr for CommunityId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "not a Community ID of version 1; it is written 1:LQU9qZlK+B5F3KDmev6m5PMibrg=";
        let digest = text.strip_prefix("1:").ok_or(WRONG)?;
        let digest = STANDARD.decode(digest).map_err(|_| WRONG)?;
        digest.try_into().map(|digest| Self(Identified::Digest(digest))).map_err(|_| WRONG)
    }
}

impl Serialize for CommunityId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CommunityId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The two "ports" of an ICMP message, and whether it stands alone (no counterpart, so no ordering).
fn icmp_ports(kind: u16, code: u16, counterpart: fn(u16) -> Option<u16>) -> (u16, u16, bool) {
    match counterpart(kind) {
        Some(other) => (kind, other, false),
        None => (kind, code, true),
    }
}

const fn icmp_counterpart(kind: u16) -> Option<u16> {
    Some(match kind {
        0 => 8,
        8 => 0,
        9 => 10,
        10 => 9,
        13 => 14,
        14 => 13,
        15 => 16,
        16 => 15,
        17 => 18,
        18 => 17,
        _ => return None,
    })
}

const fn icmp6_counterpart(kind: u16) -> Option<u16> {
    Some(match kind {
        128 => 129,
        129 => 128,
        130 => 131,
        131 => 130,
        133 => 134,
        134 => 133,
        135 => 136,
        136 => 135,
        139 => 140,
        140 => 139,
        144 => 145,
        145 => 144,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn community_id_matches_the_published_reference() {
        // The worked example of the Community ID specification.
        let one = ("128.232.110.120".parse().unwrap(), 34855);
        let two = ("66.35.250.204".parse().unwrap(), 80);
        let id = CommunityId::new(Transport::TCP, one, two).unwrap();
        assert_eq!(id.to_string(), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        assert_eq!("1:LQU9qZlK+B5F3KDmev6m5PMibrg=".parse(), Ok(id));
        assert!("2:LQU9qZlK+B5F3KDmev6m5PMibrg=".parse::<CommunityId>().is_err());
        assert!("1:LQU9qZlK".parse::<CommunityId>().is_err());
        assert_eq!(CommunityId::new(Transport::TCP, two, one), Some(id));
    }

    #[test]
    fn echo_request_and_reply_are_one_conversation() {
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let two: IpAddr = "192.0.2.2".parse().unwrap();
        let request = CommunityId::new(Transport::ICMP, (one, 8), (two, 0));
        let reply = CommunityId::new(Transport::ICMP, (two, 0), (one, 0));
        assert_eq!(request, reply);
    }

    #[test]
    fn mac_address_text_round_trips_and_knows_its_bits() {
        let mac: MacAddress = "00-09-FB-12-34-56".parse().unwrap();
        assert_eq!(mac.to_string(), "00:09:fb:12:34:56");
        assert!(!mac.is_local() && mac.is_station());
        assert!(MacAddress::BROADCAST.is_group());
        assert!("00:09:fb:12:34".parse::<MacAddress>().is_err());
        assert!("00:00:5e:00:01:07".parse::<MacAddress>().unwrap().is_virtual_router());
    }
}
