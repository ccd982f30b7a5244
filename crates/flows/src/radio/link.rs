//! One connection: L2CAP messages put together, and what ATT and SMP in them tell.

use std::collections::BTreeSet;

use wardline_model::fact::{
    ControlFact, ControlOperation, MeasurementFact, PatientDataFact, PatientField, PatientFields, Protection,
    ProtectionFact, RadioLinkEvent,
};
use wardline_model::{Fact, Label, Protocol, Station};
use wardline_wire::Direction;
use wardline_wire::radio::ble::att::{self, Uuid};
use wardline_wire::radio::ble::gatt::{self, Event, Table};
use wardline_wire::radio::ble::smp::{self, Agreement, Features, Method};
use wardline_wire::radio::ble::value;

use super::Teller;
use super::told::{empty, service_text};

/// Longest L2CAP message that is put together, bytes: an ATT value of 512 with its header fits.
const MESSAGE_BYTES_MAX: usize = 1_024;
/// L2CAP channels: volume 3 part A section 2.1.
const ATT: u16 = 0x0004;
const SMP: u16 = 0x0006;

/// A connection between two stations.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub central: Station,
    pub peripheral: Station,
    /// The air carries what nobody but both ends can read.
    pub encrypted: bool,
    messages: [Vec<u8>; 2],
    /// With the peripheral as server, and with the central as server.
    sessions: [gatt::Session; 2],
    central_table: Table,
    pairing: Option<Features>,
    told: BTreeSet<u16>,
    fields: PatientFields,
}

impl Link {
    /// Between two stations.
    pub(super) fn between(central: Station, peripheral: Station) -> Self {
        Self { central, peripheral, ..Self::default() }
    }

    /// A piece of an L2CAP message. `table` is what the peripheral is known to offer.
    pub(super) fn piece(
        &mut self,
        begins: bool,
        bytes: &[u8],
        direction: Option<Direction>,
        table: &mut Table,
        teller: &mut Teller<'_>,
    ) {
        // Where nobody says which way a packet went, messages in parts cannot be told apart by direction.
        let place = direction.unwrap_or(Direction::Forward).index();
        let Some(message) = self.messages.get_mut(place) else { return };
        if begins {
            message.clear();
        } else if message.is_empty() {
            return;
        }
        if message.len() + bytes.len() > MESSAGE_BYTES_MAX {
            message.clear();
            return;
        }
        message.extend_from_slice(bytes);
        let [low, high, channel_low, channel_high, body @ ..] = message.as_slice() else { return };
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let Some(body) = body.get(..length) else { return };
        let channel = u16::from_le_bytes([*channel_low, *channel_high]);
        let body = body.to_vec();
        message.clear();
        match channel {
            ATT => self.att(&body, direction, table, teller),
            SMP => self.smp(&body, direction, teller),
            _ => {}
        }
    }

    fn att(&mut self, body: &[u8], direction: Option<Direction>, table: &mut Table, teller: &mut Teller<'_>) {
        let Ok(message) = att::Message::parse(body) else { return };
        let by_client = match (message.by_client(), direction) {
            (Some(by_client), _) => by_client,
            // Most often the central asks.
            (None, Some(direction)) => direction == Direction::Forward,
            (None, None) => return,
        };
        // A client that speaks as peripheral asks the central.
        let central_serves =
            direction.is_some_and(|direction| (direction == Direction::Forward) != by_client);
        let Self { sessions: [one, other], central_table, .. } = self;
        let (session, table) = if central_serves { (other, central_table) } else { (one, table) };
        let mut events: Vec<(u8, Uuid, Vec<u8>)> = Vec::new();
        session.take(&message, by_client, table, &mut |event| {
            events.push(match event {
                Event::Service(service) => (0, service, Vec::new()),
                Event::Read(uuid, value) => (1, uuid, value.to_vec()),
                Event::Written(uuid, value) => (2, uuid, value.to_vec()),
            });
        });
        let (server, client) =
            if central_serves { (self.central, self.peripheral) } else { (self.peripheral, self.central) };
        for (kind, uuid, value) in events {
            match (kind, uuid.assigned()) {
                (0, _) => service(uuid, server, client, teller),
                (1, Some(number)) => self.read(number, &value, (server, client), teller),
                (2, Some(number)) => self.written(number, &value, (server, client), teller),
                _ => {}
            }
        }
    }

    /// A characteristic whose value went from the server to the client.
    fn read(
        &mut self,
        number: u16,
        value: &[u8],
        (server, client): (Station, Station),
        teller: &mut Teller<'_>,
    ) {
        if let Some(fact) = identity(number, value)
            && self.told.insert(number)
        {
            teller.tell(server, client, Fact::Identity(Box::new(fact)));
        }
        let mut field = user_data(number);
        let _ = value::quantities(number, value, &mut |quantity| {
            field = Some(PatientField::Result);
            teller.tell(
                server,
                client,
                Fact::Measurement(Box::new(MeasurementFact {
                    protocol: Protocol::Ble,
                    code: Label::new(&quantity.code.to_string()),
                    system: Some(Label::new("MDC")),
                    value: quantity.value,
                    unit: Some(Label::new(quantity.unit)),
                    time: None,
                    patient: None,
                    location: None,
                    device: None,
                })),
            );
        });
        if let Some(field) = field.filter(|field| !self.encrypted && !self.fields.contains(*field)) {
            self.fields.insert(field);
            let mut fields = PatientFields::default();
            fields.insert(field);
            let data = PatientDataFact { protocol: Protocol::Ble, fields };
            teller.tell(server, client, Fact::PatientData(Box::new(data)));
        }
    }

    fn smp(&mut self, body: &[u8], _: Option<Direction>, teller: &mut Teller<'_>) {
        match smp::Message::parse(body) {
            Ok(smp::Message::Request(features)) => self.pairing = Some(features),
            Ok(smp::Message::Response(features)) => {
                let Some(initiator) = self.pairing.take() else { return };
                let agreement = Agreement::of(initiator, features);
                let weakness = weakness(agreement);
                let sound = weakness.is_none();
                teller.link(self.central, self.peripheral, RadioLinkEvent::Paired { sound });
                if let Some(scheme) = weakness {
                    let protection = ProtectionFact {
                        protocol: Protocol::Ble,
                        scheme: Label::new(scheme),
                        strength: Protection::Weak,
                    };
                    teller.tell(self.peripheral, self.central, Fact::Protection(Box::new(protection)));
                }
            }
            Ok(smp::Message::Failed(_) | smp::Message::Other(_)) | Err(_) => {}
        }
    }

    /// Control points of the health services: who writes there gives an order.
    fn written(
        &self,
        number: u16,
        value: &[u8],
        (server, client): (Station, Station),
        teller: &mut Teller<'_>,
    ) {
        use ControlOperation::{Configure, Erase, Invoke, Read, Start, Stop};
        let opcode = value.first().copied().unwrap_or(0);
        let (command, operation) = match (number, opcode) {
            // Record Access Control Point: GLS 1.0 section 3.4, CGMS 1.0 section 3.7; insulin delivery's own.
            (0x2a52 | 0x2b27, 2) => ("Record Access Control Point: delete stored records", Erase),
            (0x2a52 | 0x2b27, 3) => ("Record Access Control Point: abort", Stop),
            (0x2a52 | 0x2b27, _) => ("Record Access Control Point", Read),
            // CGM Specific Ops Control Point: CGMS 1.0 section 3.8.
            (0x2aac, 0x1a) => ("CGM Specific Ops Control Point: start the session", Start),
            (0x2aac, 0x1b) => ("CGM Specific Ops Control Point: stop the session", Stop),
            (0x2aac, 1 | 4 | 7 | 10 | 13 | 16 | 19 | 22 | 25) => {
                ("CGM Specific Ops Control Point: set", Configure)
            }
            (0x2aac, _) => ("CGM Specific Ops Control Point", Read),
            (0x2b25 | 0x2b26, _) => ("IDD Command Control Point", Invoke),
            (0x2b24, _) => ("IDD Status Reader Control Point", Read),
            (0x2a39, _) => ("Heart Rate Control Point", Configure),
            (0x2a2b, _) => ("Current Time", Configure),
            _ => return,
        };
        let control = ControlFact {
            protocol: Protocol::Ble,
            operation,
            command: Label::new(command),
            object: Some(Label::new(&format!("characteristic 0x{number:04x}, opcode 0x{opcode:02x}"))),
            objects: 1,
            // The profiles know no log-in of their own: only who shares the key of the link is known.
            authenticated: self.encrypted,
            accepted: None,
        };
        teller.tell(client, server, Fact::Control(Box::new(control)));
    }

    /// The connection ended: what only waited for more is told.
    pub(super) fn end(&mut self, table: &Table, teller: &mut Teller<'_>) {
        let mut values: Vec<(Uuid, Vec<u8>)> = Vec::new();
        let [session, _] = &mut self.sessions;
        session.end_part(table, &mut |event| {
            if let Event::Read(uuid, value) = event {
                values.push((uuid, value.to_vec()));
            }
        });
        for (uuid, value) in values {
            if let Some(number) = uuid.assigned() {
                self.read(number, &value, (self.peripheral, self.central), teller);
            }
        }
    }
}

/// What is weak about how two ends came to their key, as words that fit behind "with".
const fn weakness(agreement: Agreement) -> Option<&'static str> {
    match (agreement.secure_connections, agreement.method) {
        (false, Method::JustWorks) => Some("legacy pairing without a number to compare (Just Works)"),
        (false, Method::Passkey) => Some("legacy pairing, whose passkey a listener can compute"),
        (true, Method::JustWorks) => Some("pairing without a number to compare (Just Works)"),
        _ if agreement.key_bytes < 16 => Some("a key of less than 16 bytes"),
        _ => None,
    }
}

/// A service that a client found.
fn service(uuid: Uuid, server: Station, client: Station, teller: &mut Teller<'_>) {
    let text = service_text(uuid);
    let mut fact = empty("primary service");
    fact.description = Some(Label::new(&format!("service {text}")));
    fact.attributes.push((Label::new("service"), text));
    fact.role = uuid.assigned().is_some_and(gatt::is_health_service).then(|| Label::new("ble health sensor"));
    teller.tell(server, client, Fact::Identity(Box::new(fact)));
}

/// Device Information Service 1.1 section 3, and the name and appearance of Generic Access.
fn identity(number: u16, value: &[u8]) -> Option<wardline_model::fact::IdentityFact> {
    let text = || Label::non_empty(value).filter(|text| !text.as_str().contains('\u{fffd}'));
    let hexadecimal = || {
        let digits: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
        Label::non_empty(digits.as_bytes())
    };
    let (field, attribute) = match number {
        0x2a00 => ("Device Name", None),
        0x2a23 => ("System ID", None),
        0x2a24 => ("Model Number String", None),
        0x2a25 => ("Serial Number String", None),
        0x2a26 => ("Firmware Revision String", None),
        0x2a27 => ("Hardware Revision String", Some("hardware revision")),
        0x2a28 => ("Software Revision String", Some("software revision")),
        0x2a29 => ("Manufacturer Name String", None),
        0x2a50 => ("PnP ID", Some("PnP ID")),
        0x2a01 => ("Appearance", None),
        _ => return None,
    };
    let mut fact = empty(field);
    match number {
        0x2a00 => fact.name = Some(text()?),
        0x2a01 => {
            let [low, high] = value.first_chunk::<2>()?;
            let appearance = u16::from_le_bytes([*low, *high]);
            let name = gatt::appearance_name(appearance).unwrap_or("appearance");
            fact.description = Some(Label::new(&format!("appearance {name} (0x{appearance:04x})")));
        }
        0x2a23 => {
            fact.device.identifier = Some(hexadecimal().filter(|_| value.iter().any(|byte| *byte != 0))?)
        }
        0x2a24 => fact.device.model = Some(text()?),
        0x2a25 => fact.device.serial = Some(text()?),
        0x2a26 => fact.device.firmware = Some(text()?),
        0x2a29 => fact.device.manufacturer = Some(text()?),
        0x2a50 => fact.attributes.push((Label::new(attribute?), hexadecimal()?)),
        _ => fact.attributes.push((Label::new(attribute?), text()?)),
    }
    Some(fact)
}

/// User Data Service 1.1 section 3: who the person is.
const fn user_data(number: u16) -> Option<PatientField> {
    Some(match number {
        0x2a8a | 0x2a90 => PatientField::Name,
        0x2a85 => PatientField::BirthDate,
        0x2a8c => PatientField::Sex,
        0x2a87 => PatientField::Address,
        _ => return None,
    })
}
