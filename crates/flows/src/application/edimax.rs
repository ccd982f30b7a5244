//! Edimax: what its plugs and cameras are, as they tell their maker and whoever searches for them.

use wardline_model::fact::DeviceIdentity;
use wardline_model::{Fact, Label, MacAddress, Protocol};
use wardline_wire::enterprise::edimax::{Found, Registration, probe};

use super::introduction::{attribute, introduction};
use super::{Context, Datagram, FirstBytes, Progress};

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::Edimax,
    ports: &[8765, 20560],
    first: FirstBytes::of(&[0..=0xff]),
    probe,
    read,
    encrypted: false,
};

fn read(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    let mut told = introduction(Protocol::Edimax, "model");
    let manufacturer = Some(Label::new("Edimax"));
    if let Ok(registration) = Registration::parse(datagram) {
        let value = |element| registration.value(element).and_then(Label::non_empty);
        told.name = value("alias");
        told.description = value("type");
        told.device = DeviceIdentity {
            manufacturer,
            model: value("model"),
            // The version of the protocol follows it.
            firmware: value("devfwver")
                .map(|text| Label::new(text.as_str().split('#').next().unwrap_or_default())),
            identifier: value("id"),
            ..told.device
        };
        attribute(&mut told, "kind", value("type"));
        attribute(&mut told, "product", value("productid"));
    } else if let Ok(found) = Found::parse(datagram) {
        told.name = Label::non_empty(found.name);
        told.device = DeviceIdentity {
            manufacturer,
            model: Label::non_empty(found.model),
            firmware: Label::non_empty(found.version),
            identifier: Some(Label::new(&MacAddress(found.address).to_string())),
            ..told.device
        };
    }
    // Whoever searches, and what is only asked of a relay, names no model.
    if told.device.model.is_some() && context.first_time((context.direction, &told.device.model, &told.name))
    {
        context.tell(Fact::Identity(Box::new(told)));
    }
    Progress::Continue
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    #[test]
    fn a_plug_is_told_and_a_search_is_not() {
        let text = b"<param><code value=\"1010\" /><model value=\"SP-0000W\" /><type value=\"SmartPlug\" /><devfwver value=\"1.09#010001\" />";
        let facts = driver::datagram(&DATAGRAM, text);
        let [Fact::Identity(told)] = &facts[..] else { panic!("{facts:?}") };
        assert_eq!(told.device.model, Some(Label::new("SP-0000W")));
        assert_eq!(told.device.firmware, Some(Label::new("1.09")));
        assert_eq!(told.description, Some(Label::new("SmartPlug")));
        assert!(
            driver::datagram(&DATAGRAM, b"<param><code value=\"1300\" /><port value=\"51140\" /></param>")
                .is_empty()
        );
        let search = [&[0xff; 6][..], b"EDIMAX\0\0\0\0\0\0\x01\xa1\0\0", &[0; 30]].concat();
        assert!(driver::datagram(&DATAGRAM, &search).is_empty());
    }
}
