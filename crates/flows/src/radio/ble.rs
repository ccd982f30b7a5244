//! Bluetooth Low Energy on the air: who advertises, who connects, what is said while it can be read.

use std::hash::{DefaultHasher, Hasher as _};
use wardline_model::Fact;

use wardline_model::fact::RadioLinkEvent;
use wardline_wire::radio::ble::capture::{Captured, is_sound};
use wardline_wire::radio::ble::gatt::Table;
use wardline_wire::radio::ble::link::{
    ADVERTISING, ADVERTISING_CRC, Address, Advertising, Data, Packet, control,
};
use wardline_wire::{Direction, Error};

use super::link::Link;
use super::told::{Advertisers, Recent};
use super::{DEVICES_MAX, LINKS_MAX, Teller, station, wrong};
use crate::frame::Frame;

/// A connection that a sniffer follows.
#[derive(Debug, Default)]
struct Followed {
    link: Link,
    server: Option<Address>,
    crc_begin: u32,
    /// Sequence bit and content of the newest packet each way.
    newest: [Option<(u8, u64)>; 2],
}

/// All that is heard on the air.
#[derive(Debug)]
pub(super) struct Air {
    advertisers: Advertisers,
    /// What each device offers: a client that knows it does not ask again in the next connection.
    tables: Recent<Address, Table>,
    /// Connections by access address.
    links: Recent<u32, Followed>,
}

impl Default for Air {
    fn default() -> Self {
        Self {
            advertisers: Advertisers::default(),
            tables: Recent::new(DEVICES_MAX),
            links: Recent::new(LINKS_MAX),
        }
    }
}

impl Air {
    pub(super) fn frame(&mut self, frame: &Frame<'_>, teller: &mut Teller<'_>) -> Result<(), Error> {
        let captured = Captured::parse(frame.link_type, frame.bytes)?;
        let packet = Packet::parse(captured.packet)?;
        if packet.access_address == ADVERTISING {
            if !captured.sound.unwrap_or_else(|| is_sound(captured.packet, ADVERTISING_CRC)) {
                return Err(wrong("checksum"));
            }
            return self.advertising(&packet, teller);
        }
        let Some(followed) = self.links.get(&packet.access_address) else {
            // A connection that began before the capture: nobody knows between whom.
            return Ok(());
        };
        if !captured.sound.unwrap_or_else(|| is_sound(captured.packet, followed.crc_begin)) {
            return Err(wrong("checksum"));
        }
        let Some(server) = followed.server else { return Ok(()) };
        let time = teller.sighting.time;
        let table = self.tables.at(server, time);
        if captured.direction.is_some_and(|direction| followed.is_sent_again(direction, &packet)) {
            return Ok(());
        }
        let readable = !followed.link.encrypted || captured.decrypted;
        match Data::parse(&packet) {
            Data::Begin(bytes) if readable => {
                followed.link.piece(true, bytes, captured.direction, table, teller)
            }
            Data::More(bytes) if readable && !bytes.is_empty() => {
                followed.link.piece(false, bytes, captured.direction, table, teller);
            }
            Data::Control(opcode, parameters) if readable => {
                let ends = opcode == control::TERMINATE;
                followed.control(opcode, parameters, captured.direction, teller);
                if ends {
                    followed.link.end(table, teller);
                    self.links.remove(&packet.access_address);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn advertising(&mut self, packet: &Packet<'_>, teller: &mut Teller<'_>) -> Result<(), Error> {
        let time = teller.sighting.time;
        match Advertising::parse(packet)? {
            Advertising::Offer { advertiser, data, connectable } => {
                if let Some(fact) = self.advertisers.see(advertiser, data, connectable, time) {
                    let from = station(advertiser);
                    teller.tell(from, wardline_model::Station::default(), Fact::Identity(Box::new(fact)));
                }
            }
            Advertising::Connect { initiator, advertiser, access_address, crc_begin, interval } => {
                let (central, peripheral) = (station(initiator), station(advertiser));
                *self.links.at(access_address, time) = Followed {
                    link: Link::between(central, peripheral),
                    server: Some(advertiser),
                    crc_begin,
                    newest: [None; 2],
                };
                let interval_us = u32::from(interval) * 1_250;
                teller.link(central, peripheral, RadioLinkEvent::Connected { interval_us });
            }
            Advertising::Directed { .. } | Advertising::Question { .. } | Advertising::Other => {}
        }
        Ok(())
    }
}

impl Followed {
    /// What was not acknowledged is sent again with the same sequence bit: volume 6 part B section 4.5.9.
    fn is_sent_again(&mut self, direction: Direction, packet: &Packet<'_>) -> bool {
        let mut hasher = DefaultHasher::new();
        hasher.write(packet.payload);
        let now = (packet.header & 0x08, hasher.finish());
        let newest = self.newest.get_mut(direction.index());
        newest.is_some_and(|newest| newest.replace(now) == Some(now))
    }

    fn control(
        &mut self,
        opcode: u8,
        parameters: &[u8],
        direction: Option<Direction>,
        teller: &mut Teller<'_>,
    ) {
        let (central, peripheral) = (self.link.central, self.link.peripheral);
        match opcode {
            control::START_ENCRYPTION => {
                self.link.encrypted = true;
                teller.link(central, peripheral, RadioLinkEvent::Encrypted);
            }
            control::PAUSED_ENCRYPTION => self.link.encrypted = false,
            control::TERMINATE => teller.link(central, peripheral, RadioLinkEvent::Ended),
            control::VERSION => {
                let [version, low, high, ..] = parameters else { return };
                let (from, to) = match direction {
                    Some(Direction::Forward) => (central, peripheral),
                    Some(Direction::Backward) => (peripheral, central),
                    None => return,
                };
                let mut fact = super::told::empty("LL_VERSION_IND");
                let company = u16::from_le_bytes([*low, *high]);
                for (name, value) in [
                    ("controller version", format!("{version}")),
                    ("controller company", format!("0x{company:04x}")),
                ] {
                    fact.attributes.push((name.into(), wardline_model::Label::new(&value)));
                }
                teller.tell(from, to, Fact::Identity(Box::new(fact)));
            }
            _ => {}
        }
    }
}
