//! A switch, access point or controller that takes orders about sessions.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::packet::{Attribute, Code, Packet};
use crate::state::EnforceError;

/// Where orders are taken (RFC 5176 section 2.2); some makers use 1700.
pub const PORT: u16 = 3_799;
/// Sent again where nothing comes back (RFC 5080 section 2.2.1, shortened: the lease ends soon).
const TRIES: [Duration; 3] =
    [Duration::from_millis(1_000), Duration::from_millis(2_000), Duration::from_millis(3_000)];

// Attributes of RFC 2865, RFC 2869 and RFC 3580.
const FILTER_ID: u8 = 11;
const SESSION_TIMEOUT: u8 = 27;
const TERMINATION_ACTION: u8 = 29;
const CALLING_STATION_ID: u8 = 31;
const EVENT_TIMESTAMP: u8 = 55;
const TUNNEL_TYPE: u8 = 64;
const TUNNEL_MEDIUM_TYPE: u8 = 65;
const TUNNEL_PRIVATE_GROUP_ID: u8 = 81;
/// Why it was refused (RFC 5176 section 3.5).
const ERROR_CAUSE: u8 = 101;

const CISCO: u32 = 9;
const CISCO_AV_PAIR: u8 = 1;
const ARUBA: u32 = 14_823;
const ARUBA_USER_ROLE: u8 = 1;
/// Terminating the session means: ask the RADIUS server again.
const RADIUS_REQUEST: u32 = 1;
const VLAN: u32 = 13;
const IEEE_802: u32 = 6;

/// What a session shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restriction {
    /// Under a filter that the switch knows by name.
    Filter(String),
    /// In a virtual network.
    Vlan(u16),
    /// In a role of Aruba.
    ArubaRole(String),
    /// Under these entries of an access list of Cisco.
    CiscoAccessList(Vec<String>),
}

impl Restriction {
    fn attributes(&self) -> Vec<Attribute> {
        match self {
            Self::Filter(name) => vec![Attribute::text(FILTER_ID, name)],
            Self::Vlan(number) => vec![
                Attribute::number(TUNNEL_TYPE, VLAN),
                Attribute::number(TUNNEL_MEDIUM_TYPE, IEEE_802),
                Attribute::text(TUNNEL_PRIVATE_GROUP_ID, &number.to_string()),
            ],
            Self::ArubaRole(name) => vec![Attribute::vendor(ARUBA, ARUBA_USER_ROLE, name)],
            Self::CiscoAccessList(entries) => entries
                .iter()
                .enumerate()
                .map(|(place, entry)| {
                    Attribute::vendor(CISCO, CISCO_AV_PAIR, &format!("ip:inacl#{}={entry}", (place + 1) * 10))
                })
                .collect(),
        }
    }
}

/// What a switch says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done.
    Done,
    /// Not done, for a reason of RFC 5176 section 3.5, where one was given.
    Refused(Option<u32>),
}

/// Somebody who takes orders.
#[derive(Clone, Debug)]
pub struct Switch {
    /// Where.
    pub address: SocketAddr,
    /// What both know.
    pub secret: Vec<u8>,
}

impl Switch {
    /// Restricts the session of a station (its link address, as the switch writes it) for so many seconds; ask again in time to
    /// go on. `now_s` is seconds since 1970.
    pub fn restrict(
        &self,
        station: &str,
        restriction: &Restriction,
        lease_s: u32,
        now_s: u64,
    ) -> Result<Answer, EnforceError> {
        let mut attributes = vec![Attribute::text(CALLING_STATION_ID, station)];
        attributes.extend(restriction.attributes());
        attributes.push(Attribute::number(SESSION_TIMEOUT, lease_s));
        attributes.push(Attribute::number(TERMINATION_ACTION, RADIUS_REQUEST));
        self.order(Code::CoaRequest, attributes, now_s)
    }

    /// Ends the session of a station: whoever it is has to be admitted anew, as before.
    pub fn disconnect(&self, station: &str, now_s: u64) -> Result<Answer, EnforceError> {
        self.order(Code::DisconnectRequest, vec![Attribute::text(CALLING_STATION_ID, station)], now_s)
    }

    fn order(&self, code: Code, mut attributes: Vec<Attribute>, now_s: u64) -> Result<Answer, EnforceError> {
        // Against somebody who recorded an order (RFC 5176 section 6.3).
        attributes.push(Attribute::number(EVENT_TIMESTAMP, u32::try_from(now_s).unwrap_or(u32::MAX)));
        let failed = |cause| EnforceError::Switch { address: self.address, cause };
        let local: SocketAddr = if self.address.is_ipv4() {
            SocketAddr::from(([0, 0, 0, 0], 0))
        } else {
            SocketAddr::from(([0_u16; 8], 0))
        };
        let socket = UdpSocket::bind(local).map_err(failed)?;
        socket.connect(self.address).map_err(failed)?;
        // A socket of its own for each order: any identifier will do, and repeats are known by it.
        let identifier = u8::try_from(now_s % 256).unwrap_or_default();
        let request = Packet { code, identifier, attributes }.request(&self.secret)?;
        let mut bytes = [0; 4_096];
        for patience in TRIES {
            socket.send(&request).map_err(failed)?;
            let end = Instant::now() + patience;
            loop {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                socket.set_read_timeout(Some(left)).map_err(failed)?;
                let Ok(length) = socket.recv(&mut bytes) else { break };
                // Forged answers are passed over, so that nobody can take the true one's place.
                let Ok(answer) =
                    Packet::answer(bytes.get(..length).unwrap_or_default(), &request, &self.secret)
                else {
                    continue;
                };
                let cause = answer.attributes.iter().find(|one| one.kind == ERROR_CAUSE);
                return Ok(match (code, answer.code) {
                    (Code::CoaRequest, Code::CoaAck) | (Code::DisconnectRequest, Code::DisconnectAck) => {
                        Answer::Done
                    }
                    _ => Answer::Refused(cause.and_then(Attribute::as_number)),
                });
            }
        }
        Err(failed(std::io::ErrorKind::TimedOut.into()))
    }
}
