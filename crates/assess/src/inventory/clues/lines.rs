//! Devices whose serial port a device server (Moxa, Lantronix, Digi and others) gives to the network, on a TCP port without
//! any protocol of its own.
//!
//! What arrives there is what the line carries, from the address of the device server. Who speaks is told by content, as
//! everywhere; that it is not the device server itself is told by what that one is known to be.

use wardline_model::fact::{DeviceIdentity, Hl7Fact};
use wardline_model::{DeviceField, Label, Protocol};

use super::{Notes, READ};
use crate::inventory::DeviceKey;
use crate::knowledge::ClueSource;

/// What a device server does.
const ROLE: &str = "serial device server";
/// The signature of makers whose boxes stand between a line and the network. Modules that are built into devices have
/// makers of their own: what they send is said by the device around them.
const BOXES: &str = "oui-device-server-box";

impl Notes<'_> {
    /// The device at the line, where a device server sends what it says.
    pub(super) fn at_line(
        &mut self,
        protocol: Protocol,
        device: &DeviceIdentity,
        name: Option<&Label>,
    ) -> Option<DeviceKey> {
        let lines = [Protocol::Astm, Protocol::Hl7, Protocol::Phd, Protocol::Poct1a];
        let gateway = self.from().filter(|_| lines.contains(&protocol))?;
        let known = self.inventory.entities.get(&gateway)?;
        let is_device_server = known.claims().iter().any(|claim| {
            claim.field == DeviceField::Role && claim.value.as_str() == ROLE
                || claim.rule.as_ref().is_some_and(|rule| rule.as_str() == BOXES)
        });
        if !is_device_server {
            return None;
        }
        let key = DeviceKey::behind(gateway, device, name)?;
        let field = device.field.as_str();
        self.role(true, protocol, field, ROLE);
        let through = Label::new(&gateway.id().to_string());
        self.read(Some(key), DeviceField::Attribute, Some(&through), READ, (protocol, "behind"));
        self.inventory.speaks(key, protocol, self.observation.sighting.time);
        Some(key)
    }

    /// What HL7 from a line tells. Whether it did.
    pub(super) fn hl7_at_line(&mut self, hl7: &Hl7Fact) -> bool {
        let none = DeviceIdentity { field: Label::new("MSH-3"), ..DeviceIdentity::default() };
        let device = hl7.devices.first().unwrap_or(&none);
        let place = Protocol::Hl7;
        let Some(key) = self.at_line(place, device, hl7.sending_application.as_ref()) else { return false };
        self.role_of(Some(key), place, "MSH-9", "hl7 sender");
        self.role(false, place, "MSH-9", "hl7 receiver");
        self.clue(Some(key), place, "MSH-3", ClueSource::Hl7Application, hl7.sending_application.as_ref());
        self.clue(Some(key), place, "MSH-4", ClueSource::Hl7Facility, hl7.sending_facility.as_ref());
        self.read(
            Some(key),
            DeviceField::Hostname,
            hl7.sending_application.as_ref(),
            super::CHOSEN,
            (place, "MSH-3"),
        );
        if !hl7.behind {
            self.identity(Some(key), place, device);
        }
        true
    }
}
