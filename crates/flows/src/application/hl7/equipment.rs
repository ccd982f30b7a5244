//! Which devices a message names, what it says about each, and which of them made a value: IHE PCD Technical Framework
//! volume 2, transactions PCD-01 and PCD-04, and HL7 v2.8 section 7.4.4 (PRT).
//!
//! A device is named once, where its system is observed (OBX-18), and its parts follow under the first number of OBX-4.
//! What is said of one device is never said of another.

use wardline_model::fact::{DeviceIdentity, IdentityFact, IdentitySubject};
use wardline_model::{Bounded, Label, Protocol};
use wardline_wire::clinical::hl7::{Repetition, Segment};
use wardline_wire::clinical::mdc::{self, Attribute, Containment, Level};
use wardline_wire::clinical::udi::Udi;

use super::label;

/// Devices of one message, as many as the fact holds.
const DEVICES_MAX: usize = 8;

/// Types of universal identifiers (HL7 table 0301) and other words that stand where a model is expected.
const IDENTIFIER_TYPES: &[&str] =
    &["EUI-64", "EUI64", "EUI", "ISO", "OID", "UUID", "GUID", "DNS", "URI", "URL", "L", "MAC", "UDI"];

#[derive(Default)]
pub(super) struct Equipment {
    devices: Vec<Device>,
    /// Of which device the last observation was: a PRT behind it is about that one.
    last: Option<usize>,
}

#[derive(Default)]
struct Device {
    identity: DeviceIdentity,
    system: Option<u32>,
    kind: Option<Label>,
    attributes: Bounded<(Label, Label), 12>,
}

impl Device {
    fn attribute(&mut self, name: &str, value: Option<Label>) {
        if let Some(value) = value {
            let pair = (Label::new(name), value);
            if !self.attributes.contains(&pair) {
                self.attributes.push(pair);
            }
        }
    }

    /// The carrier of a UDI, or its device identifier alone.
    fn udi(&mut self, text: &Label) {
        let Some(udi) = Udi::parse(text.as_str()) else {
            self.identity.udi.get_or_insert_with(|| text.clone());
            return;
        };
        self.identity.udi = Some(Label::new(&udi.device));
        if let Some(serial) = &udi.serial {
            self.identity.serial.get_or_insert_with(|| Label::new(serial));
        }
        self.attribute("udi agency", Some(Label::new(udi.agency.name())));
        self.attribute("lot", udi.lot.as_deref().map(Label::new));
        self.attribute("manufactured", udi.manufactured.as_deref().map(Label::new));
        self.attribute("expires", udi.expires.as_deref().map(Label::new));
    }

    fn tells_more_than_its_name(&self) -> bool {
        let DeviceIdentity { udi, manufacturer, serial, firmware, .. } = &self.identity;
        self.kind.is_some()
            || !self.attributes.is_empty()
            || [udi, manufacturer, serial, firmware].into_iter().any(Option::is_some)
    }
}

impl Equipment {
    /// Learns from an OBX; answers which device it is about.
    pub(super) fn observation(&mut self, segment: &Segment<'_>) -> Option<u8> {
        let place = containment(segment);
        let mut named = None;
        for repetition in segment.field(18).repetitions() {
            let place = place.map(|place| place.system);
            let device = self.named(equipment(&repetition, "OBX-18"), place);
            named = named.or(device);
        }
        let device = named.or_else(|| self.of_system(place?.system));
        let code = segment.field(3).first();
        let (code, name) = (label(&code, 1).unwrap_or_default(), label(&code, 2).unwrap_or_default());
        // The system may be described before, or without, its identifier.
        let level = mdc::device_level(code.as_str(), name.as_str());
        let attribute = mdc::attribute(code.as_str(), name.as_str());
        let device = match (device, place) {
            (None, Some(place)) if level.is_some() || attribute.is_some() => self.add(Device {
                system: Some(place.system),
                identity: DeviceIdentity { field: Label::new("OBX-4"), ..DeviceIdentity::default() },
                ..Device::default()
            }),
            (device, _) => device,
        };
        self.last = device;
        let index = device?;
        let device = self.devices.get_mut(index)?;
        let reference = match (code.as_str().starts_with("MDC"), name.is_empty()) {
            (true, _) => code,
            (false, false) => name,
            (false, true) => Label::new(&format!("MDC {code}")),
        };
        match level {
            Some(Level::System) => device.kind = device.kind.take().or(Some(reference)),
            Some(Level::Subsystem) => device.attribute("subsystem", Some(reference)),
            Some(Level::Channel) | None => {}
        }
        if let Some(attribute) = attribute {
            describe(device, attribute, segment);
        }
        u8::try_from(index).ok()
    }

    /// PRT: PRT-10 names a device or is the carrier of its UDI, PRT-16 to PRT-22 are the parts of it, PRT-9 is where it is.
    pub(super) fn participation(&mut self, segment: &Segment<'_>) {
        let first = |number| label(&segment.field(number).first(), 1);
        let mut found = equipment(&segment.field(10).first(), "PRT-10");
        let carrier = found.identifier.clone().filter(|text| Udi::parse(text.as_str()).is_some());
        if carrier.is_some() {
            found = DeviceIdentity { field: found.field, ..DeviceIdentity::default() };
        }
        let (udi, serial) = (first(16), first(20));
        let names = found.identifier.is_some();
        if !names && carrier.is_none() && udi.is_none() && serial.is_none() {
            return;
        }
        let index = match (names, self.last) {
            // Parts of a UDI behind an observation are of the device that was observed.
            (false, Some(last)) => Some(last),
            (false, None) => self.add(Device { identity: found, ..Device::default() }),
            (true, _) => self.named(found, None),
        };
        let Some(device) = index.and_then(|index| self.devices.get_mut(index)) else { return };
        for text in [carrier, udi].into_iter().flatten() {
            device.udi(&text);
        }
        if let Some(serial) = serial {
            device.identity.serial.get_or_insert(serial);
        }
        device.attribute("manufactured", first(17));
        device.attribute("expires", first(18));
        device.attribute("lot", first(19));
        device.attribute("device type", label(&segment.field(22).first(), 2).or_else(|| first(22)));
    }

    /// The devices, what is told of them, and whether they are behind the sender. `sender` is the identifier that the
    /// sender gave itself (MSH-3.2).
    pub(super) fn finish(mut self, sender: Option<&Label>) -> (Vec<DeviceIdentity>, Vec<IdentityFact>, bool) {
        let behind = match self.devices.as_slice() {
            [] => false,
            [device] => {
                let own = device.identity.identifier.as_ref();
                let differs = sender.zip(own).is_some_and(|(sender, own)| sender != own);
                differs && sender.is_some_and(|sender| is_hexadecimal(sender.as_str()))
            }
            _ => true,
        };
        let subject = if behind { IdentitySubject::Behind } else { IdentitySubject::Sender };
        let identities = self.devices.iter().map(|device| device.identity.clone()).collect();
        self.devices.retain(Device::tells_more_than_its_name);
        let told = self.devices.into_iter().map(|device| IdentityFact {
            protocol: Protocol::Hl7,
            subject,
            device: device.identity,
            name: None,
            description: device.kind,
            role: None,
            attributes: device.attributes,
        });
        (identities, told.collect(), behind)
    }

    /// The device with this identifier.
    fn named(&mut self, identity: DeviceIdentity, system: Option<u32>) -> Option<usize> {
        identity.identifier.as_ref()?;
        let known = self.devices.iter().position(|device| {
            device.identity.identifier == identity.identifier
                || device.identity.identifier.is_none() && device.system.is_some() && device.system == system
        });
        let Some(index) = known else {
            return self.add(Device { identity, system, ..Device::default() });
        };
        let device = self.devices.get_mut(index)?;
        device.system = device.system.or(system);
        if device.identity.identifier.is_none() {
            device.identity.identifier = identity.identifier;
            device.identity.field = identity.field;
            device.identity.model = device.identity.model.take().or(identity.model);
        }
        Some(index)
    }

    fn of_system(&self, system: u32) -> Option<usize> {
        self.devices.iter().position(|device| device.system == Some(system))
    }

    fn add(&mut self, device: Device) -> Option<usize> {
        if self.devices.len() >= DEVICES_MAX {
            return None;
        }
        self.devices.push(device);
        Some(self.devices.len() - 1)
    }
}

/// OBX-4, where it is dotted.
pub(super) fn containment(segment: &Segment<'_>) -> Option<Containment> {
    Containment::parse(label(&segment.field(4).first(), 1)?.as_str())
}

fn describe(device: &mut Device, attribute: Attribute, segment: &Segment<'_>) {
    let value = segment.field(5).first();
    // A coded value has its words behind its code.
    let text = label(&value, 2).or_else(|| label(&value, 1));
    let identity = &mut device.identity;
    let place = match attribute {
        Attribute::Manufacturer => &mut identity.manufacturer,
        Attribute::ModelNumber => &mut identity.model,
        Attribute::SerialNumber => &mut identity.serial,
        Attribute::FirmwareRevision => &mut identity.firmware,
        Attribute::SystemId => {
            identity.identifier = identity.identifier.take().or_else(|| label(&value, 1));
            return;
        }
        Attribute::PartNumber => return device.attribute("part number", text),
        Attribute::HardwareRevision => return device.attribute("hardware revision", text),
        Attribute::SoftwareRevision => return device.attribute("software revision", text),
        Attribute::ProtocolRevision => return device.attribute("protocol revision", text),
        Attribute::Gmdn => return device.attribute("GMDN", text),
    };
    // What a device says in a field of its own counts more than what a name space hints.
    *place = text.or_else(|| place.take());
}

/// EI: identifier, namespace, universal identifier and its type. Section 2.A.28.
fn equipment(value: &Repetition<'_>, field: &str) -> DeviceIdentity {
    DeviceIdentity {
        identifier: label(value, 1).or_else(|| label(value, 3)),
        // IHE PCD-01: the namespace names the kind of device for whoever made the identifier.
        model: label(value, 2)
            .filter(|name| !IDENTIFIER_TYPES.iter().any(|kind| kind.eq_ignore_ascii_case(name.as_str())))
            .filter(|name| !is_hexadecimal(name.as_str())),
        field: Label::new(field),
        ..DeviceIdentity::default()
    }
}

/// An EUI-64 and the like.
fn is_hexadecimal(text: &str) -> bool {
    text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b':'))
}
