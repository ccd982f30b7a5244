//! Radio captures: frames to observations, without conversations of IP.
//!
//! Bluetooth Low Energy on the air ([`ble`]) and between host and controller ([`hci`]), and IEEE 802.15.4
//! ([`ieee802154`]). Stations are known by their radio address; a private address names nobody and is told as such.
//! All state is bounded by the limits below; what has not been heard of for longest goes first.

mod ble;
mod hci;
mod ieee802154;
mod link;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
mod told;

use wardline_model::fact::{RadioLinkEvent, RadioLinkFact};
use wardline_model::{Fact, MacAddress, Observation, Protocol, RadioAddress, Sighting, Station};
use wardline_wire::radio::ble::link::Address;
use wardline_wire::{Error, Fault, Layer};

use crate::counters::Counters;
use crate::frame::Frame;

/// Connections that are followed at the same time; a sniffer follows few, a controller has some ten.
const LINKS_MAX: usize = 256;
/// Devices of which is remembered what they offer and what was told of them.
const DEVICES_MAX: usize = 4_096;

/// State of everything heard on radios.
#[derive(Default)]
pub(crate) struct Radio {
    ble: ble::Air,
    hci: hci::Controllers,
    ieee802154: ieee802154::Networks,
}

/// Link types that are read: 802.15.4, Bluetooth controllers, Bluetooth LE, PPI around it.
pub(crate) const fn reads_link_type(number: u16) -> bool {
    matches!(number, 187 | 192 | 195 | 201 | 230 | 251 | 256 | 272)
}

impl Radio {
    /// Reads a frame.
    pub(crate) fn frame(&mut self, frame: &Frame<'_>, counters: &mut Counters, out: &mut Vec<Observation>) {
        let sighting = Sighting { time: frame.time, capture: frame.capture, packet: frame.number };
        let mut teller = Teller { sighting, out };
        let read = match frame.link_type {
            187 | 201 => self.hci.frame(frame, &mut teller),
            195 => self.ieee802154.frame(frame, true, &mut teller),
            230 => self.ieee802154.frame(frame, false, &mut teller),
            _ => self.ble.frame(frame, &mut teller),
        };
        if let Err(error) = read {
            counters.error(error);
        }
    }
}

/// Where facts of a frame go.
struct Teller<'a> {
    sighting: Sighting,
    out: &'a mut Vec<Observation>,
}

impl Teller<'_> {
    fn tell(&mut self, from: Station, to: Station, fact: Fact) {
        self.out.push(Observation { sighting: self.sighting, from, to, transport: None, vlan: None, fact });
    }

    fn link(&mut self, from: Station, to: Station, event: RadioLinkEvent) {
        self.tell(from, to, Fact::RadioLink(RadioLinkFact { protocol: Protocol::Ble, event }));
    }
}

/// A station by its Bluetooth address: a public one is a MAC address.
fn station(address: Address) -> Station {
    let radio = match (address.random, address.is_static()) {
        (false, _) => return Station { mac: Some(MacAddress(address.bytes)), ..Station::default() },
        (true, true) => RadioAddress::BleStatic(address.bytes),
        (true, false) => RadioAddress::BlePrivate(address.bytes),
    };
    Station { radio: Some(radio), ..Station::default() }
}

const fn wrong(field: &'static str) -> Error {
    Error { layer: Layer::Ble, field, offset: 0, fault: Fault::Malformed }
}
