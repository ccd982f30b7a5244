//! IEEE 802.15.4: who is there, in which network, and whether its frames are protected.

use wardline_model::{CaptureId, Fact, Label, Protocol, RadioAddress, Station};
use wardline_wire::Error;
use wardline_wire::radio::ieee802154::{Address, Frame as Header, Kind, Trailer};

use super::told::{Recent, empty};
use super::{DEVICES_MAX, LINKS_MAX, Teller};
use crate::frame::Frame;

/// Broadcast, and "no short address": section 7.3.2.
const NOBODY: [u16; 2] = [0xffff, 0xfffe];

/// What was told of a station.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Told {
    open: bool,
    secured: bool,
    beacon: bool,
}

/// Stations of all networks.
#[derive(Debug)]
pub(super) struct Networks {
    told: Recent<RadioAddress, Told>,
    /// Captures in which a check sequence was right: in the others a receiver may have put something in its place.
    checked: Recent<CaptureId, bool>,
}

impl Default for Networks {
    fn default() -> Self {
        Self { told: Recent::new(DEVICES_MAX), checked: Recent::new(LINKS_MAX) }
    }
}

impl Networks {
    pub(super) fn frame(
        &mut self,
        frame: &Frame<'_>,
        checked: bool,
        teller: &mut Teller<'_>,
    ) -> Result<(), Error> {
        let header = self.header(frame, checked)?;
        let Some(source) = header.source.and_then(radio) else { return Ok(()) };
        let told = self.told.at(source, teller.sighting.time);
        let mut now = *told;
        match header.kind {
            Kind::Data | Kind::Command(_) if header.secured => now.secured = true,
            Kind::Data => now.open = true,
            Kind::Beacon => now.beacon = true,
            _ => {}
        }
        if now == *told {
            return Ok(());
        }
        *told = now;
        let mut fact = empty("MAC header");
        fact.protocol = Protocol::Ieee802154;
        let network = header.source.map(|(network, _)| network).unwrap_or_default();
        let security = if header.secured { "link layer security" } else { "none at the link layer" };
        let attributes =
            [("PAN identifier", format!("0x{network:04x}")), ("frame security", security.to_owned())];
        for (name, value) in attributes {
            fact.attributes.push((Label::new(name), Label::new(&value)));
        }
        fact.role = now.beacon.then(|| Label::new("802.15.4 coordinator"));
        let to = header
            .destination
            .and_then(radio)
            .map(|radio| Station { radio: Some(radio), ..Station::default() });
        let from = Station { radio: Some(source), ..Station::default() };
        teller.tell(from, to.unwrap_or_default(), Fact::Identity(Box::new(fact)));
        Ok(())
    }
}

impl Networks {
    fn header(&mut self, frame: &Frame<'_>, checked: bool) -> Result<Header, Error> {
        if !checked {
            return Header::parse(frame.bytes, Trailer::None);
        }
        let right = self.checked.at(frame.capture, frame.time);
        let header = Header::parse(frame.bytes, Trailer::CheckSequence);
        *right |= header.is_ok();
        if *right { header } else { Header::parse(frame.bytes, Trailer::Receiver) }
    }
}

/// The station behind an address, if it is one.
fn radio((network, address): (u16, Address)) -> Option<RadioAddress> {
    match address {
        Address::Short(address) if NOBODY.contains(&address) => None,
        Address::Short(address) => Some(RadioAddress::Ieee802154Short { network, address }),
        Address::Extended(bytes) => Some(RadioAddress::Ieee802154Extended(bytes)),
    }
}
