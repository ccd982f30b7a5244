//! Bluetooth between host and controller: the same devices and connections, seen above the encryption of the air.

use wardline_model::fact::RadioLinkEvent;
use wardline_model::{CaptureId, Fact, Station};
use wardline_wire::radio::ble::gatt::Table;
use wardline_wire::radio::ble::link::Address;
use wardline_wire::radio::hci::{Packet, direction, reports};
use wardline_wire::{Direction, Error};

use super::link::Link;
use super::told::{Advertisers, Recent};
use super::{DEVICES_MAX, LINKS_MAX, Teller, station};
use crate::frame::Frame;

/// A connection of a controller.
#[derive(Debug, Default)]
struct Open {
    link: Link,
    /// Whether the host's controller is the central.
    central: bool,
    server: Option<Address>,
}

/// All controllers.
#[derive(Debug)]
pub(super) struct Controllers {
    advertisers: Advertisers,
    tables: Recent<(CaptureId, Address), Table>,
    links: Recent<(CaptureId, u16), Open>,
    own: Recent<CaptureId, Option<Address>>,
}

impl Default for Controllers {
    fn default() -> Self {
        Self {
            advertisers: Advertisers::default(),
            tables: Recent::new(DEVICES_MAX),
            links: Recent::new(LINKS_MAX),
            own: Recent::new(LINKS_MAX),
        }
    }
}

impl Controllers {
    pub(super) fn frame(&mut self, frame: &Frame<'_>, teller: &mut Teller<'_>) -> Result<(), Error> {
        let (received, bytes) = if frame.link_type == 201 {
            let (received, bytes) = direction(frame.bytes)?;
            (Some(received), bytes)
        } else {
            (None, frame.bytes)
        };
        let time = teller.sighting.time;
        let capture = frame.capture;
        match Packet::parse(bytes)? {
            Packet::Own(address) => *self.own.at(capture, time) = Some(address),
            Packet::Reports(bytes, extended) => {
                let advertisers = &mut self.advertisers;
                reports(bytes, extended, |address, connectable, data| {
                    if let Some(fact) = advertisers.see(address, data, connectable, time) {
                        teller.tell(station(address), Station::default(), Fact::Identity(Box::new(fact)));
                    }
                })?;
            }
            Packet::Connected { handle, central, peer, interval } => {
                let own = self.own.at(capture, time).map(station).unwrap_or_default();
                let peer_station = station(peer);
                let (first, second) = if central { (own, peer_station) } else { (peer_station, own) };
                let server = if central { Some(peer) } else { *self.own.at(capture, time) };
                *self.links.at((capture, handle), time) =
                    Open { link: Link::between(first, second), central, server };
                let interval_us = u32::from(interval) * 1_250;
                teller.link(first, second, RadioLinkEvent::Connected { interval_us });
            }
            Packet::Disconnected(handle) => {
                if let Some(mut open) = self.links.remove(&(capture, handle)) {
                    let table = self.tables.at((capture, open.address()), time);
                    open.link.end(table, teller);
                    teller.link(open.link.central, open.link.peripheral, RadioLinkEvent::Ended);
                }
            }
            Packet::Encryption(handle, on) => {
                if let Some(open) = self.links.get(&(capture, handle)) {
                    if on && !open.link.encrypted {
                        teller.link(open.link.central, open.link.peripheral, RadioLinkEvent::Encrypted);
                    }
                    open.link.encrypted = on;
                }
            }
            Packet::Data { handle, begins, bytes } => {
                let Some(open) = self.links.get(&(capture, handle)) else { return Ok(()) };
                let way = received.map(|received| {
                    if received != open.central { Direction::Forward } else { Direction::Backward }
                });
                let table = self.tables.at((capture, open.address()), time);
                open.link.piece(begins, bytes, way, table, teller);
            }
            Packet::Other => {}
        }
        Ok(())
    }
}

impl Open {
    /// Whose table it is; that of nobody where the controller never told its own address.
    fn address(&self) -> Address {
        self.server.unwrap_or(Address { bytes: [0; 6], random: false })
    }
}
