//! Services and characteristics: volume 3 part G, and the assigned numbers of the Bluetooth SIG.

use std::collections::BTreeMap;

use super::att::{Message, Uuid};

/// Characteristics remembered of one server; the largest known devices have some hundred.
const CHARACTERISTICS_MAX: usize = 512;
/// Services remembered of one server.
const SERVICES_MAX: usize = 64;
/// Longest attribute: part F section 3.2.9.
const VALUE_BYTES_MAX: usize = 512;

const PRIMARY_SERVICE: Uuid = Uuid::short(0x2800);
const CHARACTERISTIC: Uuid = Uuid::short(0x2803);

/// What a server offers, as far as a client asked for it.
#[derive(Clone, Debug, Default)]
pub struct Table {
    services: Vec<Uuid>,
    characteristics: BTreeMap<u16, Uuid>,
}

impl Table {
    /// The services, as they were found.
    pub fn services(&self) -> &[Uuid] {
        &self.services
    }

    /// What stands at a handle, if that was found.
    pub fn characteristic(&self, handle: u16) -> Option<Uuid> {
        self.characteristics.get(&handle).copied()
    }

    fn service(&mut self, service: Uuid) -> bool {
        let new = self.services.len() < SERVICES_MAX && !self.services.contains(&service);
        if new {
            self.services.push(service);
        }
        new
    }

    fn learn(&mut self, handle: u16, uuid: Uuid) {
        if self.characteristics.len() < CHARACTERISTICS_MAX || self.characteristics.contains_key(&handle) {
            self.characteristics.insert(handle, uuid);
        }
    }
}

/// What a message of the attribute protocol means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A service was found.
    Service(Uuid),
    /// A characteristic was read, or told by the server unasked.
    Read(Uuid, &'a [u8]),
    /// A characteristic was written.
    Written(Uuid, &'a [u8]),
}

#[derive(Clone, Debug)]
enum Asked {
    ByGroup(Uuid),
    ByType(Uuid),
    ByValue(Uuid, Uuid),
    Handle(u16),
}

/// One client and one server on one link.
#[derive(Clone, Debug, Default)]
pub struct Session {
    asked: Option<Asked>,
    /// A value that is read in parts.
    part: Option<(u16, Vec<u8>)>,
    mtu: [u16; 2],
}

impl Session {
    /// Takes a message of the attribute protocol; `from_client` says who sent it.
    pub fn take(
        &mut self,
        message: &Message<'_>,
        from_client: bool,
        table: &mut Table,
        tell: &mut dyn FnMut(Event<'_>),
    ) {
        match *message {
            Message::ReadBlob(handle, offset) => {
                let goes_on = self
                    .part
                    .as_ref()
                    .is_some_and(|(known, value)| *known == handle && value.len() == usize::from(offset));
                if !goes_on {
                    self.end_part(table, tell);
                    self.part = (offset == 0).then(|| (handle, Vec::new()));
                }
                self.asked = Some(Asked::Handle(handle));
            }
            _ if from_client => {
                self.end_part(table, tell);
                self.asked = match *message {
                    Message::ReadByGroup(kind) => Some(Asked::ByGroup(kind)),
                    Message::ReadByType(kind) => Some(Asked::ByType(kind)),
                    Message::FindByValue(kind, value) => {
                        Uuid::parse(value).map(|value| Asked::ByValue(kind, value))
                    }
                    Message::Read(handle) => Some(Asked::Handle(handle)),
                    Message::ExchangeMtu(mtu) => {
                        self.mtu[0] = mtu;
                        None
                    }
                    Message::Write(handle, value) => {
                        if let Some(uuid) = table.characteristic(handle) {
                            tell(Event::Written(uuid, value));
                        }
                        None
                    }
                    _ => None,
                };
            }
            _ => self.answer(message, table, tell),
        }
    }

    fn answer(&mut self, message: &Message<'_>, table: &mut Table, tell: &mut dyn FnMut(Event<'_>)) {
        if let Message::Notify(handle, value) = *message {
            if let Some(uuid) = table.characteristic(handle) {
                tell(Event::Read(uuid, value));
            }
            return;
        }
        match (*message, self.asked.take()) {
            (Message::ExchangeMtu(mtu), _) => self.mtu[1] = mtu,
            (Message::Grouped(length, entries), Some(Asked::ByGroup(kind))) if kind == PRIMARY_SERVICE => {
                for entry in parts(entries, length) {
                    let service = entry.get(4..).and_then(Uuid::parse);
                    service.into_iter().filter(|service| table.service(*service)).for_each(|service| {
                        tell(Event::Service(service));
                    });
                }
            }
            (Message::Found(_), Some(Asked::ByValue(PRIMARY_SERVICE, service))) if table.service(service) => {
                tell(Event::Service(service));
            }
            (Message::Typed(length, entries), Some(Asked::ByType(kind))) if kind == CHARACTERISTIC => {
                for entry in parts(entries, length) {
                    if let Some([_, _, _, low, high, uuid @ ..]) = Some(entry)
                        && let Some(uuid) = Uuid::parse(uuid)
                    {
                        table.learn(u16::from_le_bytes([*low, *high]), uuid);
                    }
                }
            }
            (Message::Typed(length, entries), Some(Asked::ByType(kind))) => {
                for entry in parts(entries, length) {
                    if let [low, high, value @ ..] = entry {
                        table.learn(u16::from_le_bytes([*low, *high]), kind);
                        tell(Event::Read(kind, value));
                    }
                }
            }
            (Message::Value(value), Some(Asked::Handle(handle))) => {
                // A value that fills the message may go on.
                let mtu = self.mtu[0].min(self.mtu[1]).max(23);
                if value.len() + 1 >= usize::from(mtu) {
                    self.part = Some((handle, value.to_vec()));
                } else if let Some(uuid) = table.characteristic(handle) {
                    tell(Event::Read(uuid, value));
                }
            }
            (Message::Blob(more), Some(Asked::Handle(_))) => {
                if let Some((_, value)) = &mut self.part {
                    let room = VALUE_BYTES_MAX.saturating_sub(value.len());
                    value.extend_from_slice(more.get(..more.len().min(room)).unwrap_or_default());
                }
            }
            (Message::Error(..), Some(Asked::Handle(_))) => self.end_part(table, tell),
            _ => {}
        }
    }

    /// A value that was read in parts is whole, or will not become so.
    pub fn end_part(&mut self, table: &Table, tell: &mut dyn FnMut(Event<'_>)) {
        if let Some((handle, value)) = self.part.take()
            && let Some(uuid) = table.characteristic(handle)
        {
            tell(Event::Read(uuid, &value));
        }
    }
}

fn parts(entries: &[u8], length: usize) -> impl Iterator<Item = &[u8]> {
    // A length of nothing would never end.
    entries.chunks(length.max(2)).filter(move |entry| entry.len() == length)
}

/// The name of a service, for those that bear on health or on the device itself.
pub const fn service_name(number: u16) -> Option<&'static str> {
    Some(match number {
        0x1800 => "Generic Access",
        0x1801 => "Generic Attribute",
        0x1805 => "Current Time",
        0x1808 => "Glucose",
        0x1809 => "Health Thermometer",
        0x180a => "Device Information",
        0x180d => "Heart Rate",
        0x180f => "Battery",
        0x1810 => "Blood Pressure",
        0x1814 => "Running Speed and Cadence",
        0x1816 => "Cycling Speed and Cadence",
        0x181b => "Body Composition",
        0x181c => "User Data",
        0x181d => "Weight Scale",
        0x181e => "Bond Management",
        0x181f => "Continuous Glucose Monitoring",
        0x1822 => "Pulse Oximeter",
        0x1823 => "HTTP Proxy",
        0x183a => "Insulin Delivery",
        0x183b => "Binary Sensor",
        0x183c => "Emergency Configuration",
        0x183e => "Physical Activity Monitor",
        0x1840 => "Generic Health Sensor",
        _ => return None,
    })
}

/// Whether a service carries how a person fares.
pub const fn is_health_service(number: u16) -> bool {
    matches!(
        number,
        0x1808 | 0x1809 | 0x180d | 0x1810 | 0x181b..=0x181d | 0x181f | 0x1822 | 0x183a | 0x183e | 0x1840
    )
}

/// The name of an appearance by its category, for those of health devices: assigned numbers section 2.6.
pub const fn appearance_name(appearance: u16) -> Option<&'static str> {
    Some(match appearance >> 6 {
        0x001 => "Phone",
        0x002 => "Computer",
        0x003 => "Watch",
        0x00c => "Thermometer",
        0x00d => "Heart Rate Sensor",
        0x00e => "Blood Pressure",
        0x010 => "Glucose Meter",
        0x031 => "Pulse Oximeter",
        0x032 => "Weight Scale",
        0x033 => "Personal Mobility Device",
        0x034 => "Continuous Glucose Monitor",
        0x035 => "Insulin Pump",
        0x036 => "Medication Delivery",
        0x037 => "Spirometer",
        _ => return None,
    })
}
