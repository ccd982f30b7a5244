//! What devices say of themselves in protocols that have no fact of their own, and what they are told to do.

use wardline_model::fact::{ControlFact, IdentityFact, IdentitySubject};
use wardline_model::{DeviceField, Label, Protocol};

use super::super::DeviceKey;
use super::{CHOSEN, Notes, READ};
use crate::knowledge::ClueSource;

impl Notes<'_> {
    /// What a device said about itself in a protocol that has no fact of its own.
    pub(super) fn introduction(&mut self, told: &IdentityFact) {
        let key = match told.subject {
            IdentitySubject::Sender => self.from(),
            IdentitySubject::Receiver => self.to(),
            IdentitySubject::Behind => self.behind(told),
        };
        if self.observation.from.radio.is_some() {
            self.speaks(told.protocol);
        }
        let device = &told.device;
        let place = (told.protocol, device.field.as_str());
        self.read(key, DeviceField::Vendor, device.manufacturer.as_ref(), 0.9, place);
        self.read(key, DeviceField::Model, device.model.as_ref(), 0.9, place);
        self.read(key, DeviceField::Serial, device.serial.as_ref(), READ, place);
        self.read(key, DeviceField::Firmware, device.firmware.as_ref(), READ, place);
        self.read(key, DeviceField::Hostname, told.name.as_ref(), CHOSEN, place);
        let named = [("UDI", device.udi.as_ref()), ("identifier", device.identifier.as_ref())];
        let further = told.attributes.iter().map(|(name, value)| (name.as_str(), Some(value)));
        for (name, value) in named.into_iter().chain(further) {
            let field = if name == "location" { DeviceField::Location } else { DeviceField::Attribute };
            self.read(key, field, value, READ, (told.protocol, name));
        }
        for (source, text) in [
            (ClueSource::IdentityManufacturer, device.manufacturer.as_ref()),
            (ClueSource::IdentityModel, device.model.as_ref()),
            (ClueSource::IdentityDescription, told.description.as_ref()),
            (ClueSource::IdentityName, told.name.as_ref()),
        ] {
            self.clue(key, told.protocol, device.field.as_str(), source, text);
        }
        if let Some(role) = &told.role {
            self.role_of(key, told.protocol, device.field.as_str(), role.as_str());
        }
    }

    /// The device that the sender speaks for.
    fn behind(&mut self, told: &IdentityFact) -> Option<DeviceKey> {
        let field = told.device.field.as_str();
        self.role(true, told.protocol, field, "device gateway");
        let gateway = self.from()?;
        let key = DeviceKey::behind(gateway, &told.device, told.name.as_ref())?;
        let through = Label::new(&gateway.id().0);
        self.read(Some(key), DeviceField::Attribute, Some(&through), READ, (told.protocol, "behind"));
        self.inventory.speaks(key, told.protocol, self.observation.sighting.time);
        Some(key)
    }

    /// Whoever is given commands of a protocol of controllers is a controller, or stands in front of one.
    pub(super) fn commanded(&mut self, control: &ControlFact) {
        let role = match control.protocol {
            Protocol::Modbus => "modbus server",
            Protocol::S7 => "s7 server",
            Protocol::EthernetIp => "ethernet/ip adapter",
            _ => return,
        };
        // An answer shows that there is somebody who obeys; what is only asked may be a scan.
        if control.accepted == Some(true) {
            self.role(true, control.protocol, "function", role);
        }
    }
}
