//! What devices say of themselves in protocols that have no fact of their own, and what they are told to do.

use wardline_model::fact::{ControlFact, DeviceIdentity, IdentityFact, IdentitySubject};
use wardline_model::{DeviceField, Label, MacAddress, Protocol};

use super::{CHOSEN, HEARSAY, Notes, READ};
use crate::inventory::DeviceKey;
use crate::knowledge::ClueSource;

impl Notes<'_> {
    /// What a device said about itself in a protocol that has no fact of its own.
    pub(super) fn introduction(&mut self, told: &IdentityFact) {
        let device = &told.device;
        let key = match told.subject {
            IdentitySubject::Sender => {
                self.at_line(told.protocol, device, told.name.as_ref()).or_else(|| self.from())
            }
            IdentitySubject::Receiver => self.to(),
            IdentitySubject::Behind => self.behind(told),
        };
        if self.observation.from.radio.is_some() {
            self.speaks(told.protocol);
        }
        let place = (told.protocol, device.field.as_str());
        // A collector of log lines passes on what others wrote.
        let chosen = if told.protocol == Protocol::Syslog { HEARSAY } else { CHOSEN };
        self.read(key, DeviceField::Hostname, told.name.as_ref(), chosen, place);
        self.equipment(key, told.protocol, device);
        for (name, value) in &told.attributes {
            let name = name.as_str();
            let field = if name == "location" { DeviceField::Location } else { DeviceField::Attribute };
            self.read(key, field, Some(value), READ, (told.protocol, name));
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
        let identifier = told.device.identifier.as_ref();
        let mac = identifier.and_then(|identifier| identifier.as_str().parse::<MacAddress>().ok());
        // A relay passes on the questions of whoever is in its network; it is no gateway of devices.
        if told.protocol == Protocol::Dhcpv6 {
            self.role(true, told.protocol, field, "dhcp relay");
            return mac.filter(|mac| mac.is_station()).map(DeviceKey::Mac);
        }
        self.role(true, told.protocol, field, "device gateway");
        let gateway = self.from()?;
        let key = DeviceKey::behind(gateway, &told.device, told.name.as_ref())?;
        let through = Label::new(&gateway.id().to_string());
        self.read(Some(key), DeviceField::Attribute, Some(&through), READ, (told.protocol, "behind"));
        self.inventory.speaks(key, told.protocol, self.observation.sighting.time);
        Some(key)
    }

    /// Maker, model, serial number and software, as a message names them.
    fn equipment(&mut self, key: Option<DeviceKey>, protocol: Protocol, device: &DeviceIdentity) {
        let place = (protocol, device.field.as_str());
        self.read(key, DeviceField::Vendor, device.manufacturer.as_ref(), 0.9, place);
        self.read(key, DeviceField::Model, device.model.as_ref(), 0.9, place);
        self.read(key, DeviceField::Serial, device.serial.as_ref(), READ, place);
        self.read(key, DeviceField::Firmware, device.firmware.as_ref(), READ, place);
        for (name, value) in [("UDI", &device.udi), ("identifier", &device.identifier)] {
            self.read(key, DeviceField::Attribute, value.as_ref(), READ, (protocol, name));
        }
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
