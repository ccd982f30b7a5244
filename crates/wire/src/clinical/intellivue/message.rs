//! Attributes of objects and what they mean: chapter "Attribute Data Types and Constants Used".

use std::borrow::Cow;

use super::super::mder::{self, Specification, list};
use super::Body;
use crate::{Error, Reader, Sensitive};

/// Ports told of one monitor, and entries of its production specification.
const PORTS_MAX: usize = 8;
const SPECIFICATION_MAX: usize = 16;

/// The monitor as a whole among the components of its production specification.
const MEASUREMENT_SERVER: u16 = 8;

/// States of a measurement that say that the value is none of a patient's: its first octet.
const UNFIT: u16 = 0xff00;

/// Classes of objects that are polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polled {
    /// The monitor itself.
    System,
    /// Numbers.
    Numerics,
    /// Alarms.
    Alarms,
    /// Who the patient is.
    Demographics,
    /// Something else, such as waves.
    Other,
}

impl Polled {
    /// By code.
    pub const fn of(class: u16) -> Self {
        match class {
            6 => Self::Numerics,
            33 => Self::System,
            42 => Self::Demographics,
            54 => Self::Alarms,
            _ => Self::Other,
        }
    }
}

/// What a monitor says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Monitor<'a> {
    /// Maker.
    pub manufacturer: Option<&'a [u8]>,
    /// Model number.
    pub model: Option<&'a [u8]>,
    /// System identifier: the link address of its network interface.
    pub system_id: Option<&'a [u8]>,
    /// Link address and IPv4 address of its network interface.
    pub address: Option<([u8; 6], [u8; 4])>,
    /// Where it accepts associations.
    pub ports: Vec<Port>,
    /// Bed.
    pub bed: Option<String>,
    /// Operating mode: bits of the guide.
    pub mode: Option<u16>,
    /// Serial number, revisions and parts: which, of which component, and what.
    pub specification: Vec<(Specification, u16, &'a [u8])>,
}

/// An entry of its protocol support.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// 1 association control, 2 fetch, 5 data export.
    pub application: u16,
    /// 1 UDP, 3 TCP.
    pub transport: u16,
    /// Port.
    pub port: u16,
}

impl<'a> Monitor<'a> {
    /// An entry of its production specification: of the monitor rather than of a part, where both are told.
    pub fn specified(&self, kind: Specification) -> Option<&'a [u8]> {
        let of = |whole: bool| {
            let mut entries = self.specification.iter();
            let found = entries.find(|(known, component, _)| {
                *known == kind && (!whole || matches!(*component, 0 | MEASUREMENT_SERVER))
            });
            found.map(|(_, _, text)| *text)
        };
        of(true).or_else(|| of(false))
    }

    fn attribute(&mut self, attribute: u16, mut value: Reader<'a>) -> Result<(), Error> {
        match attribute {
            0x0928 => {
                let (manufacturer, model) = mder::system_model(&mut value)?;
                self.manufacturer = Some(manufacturer);
                self.model = Some(model);
            }
            0x0984 => self.system_id = Some(mder::octets(&mut value, "system id")?),
            0xf100 => self.address = Some((value.array("mac_address")?, value.array("ip_address")?)),
            0xf101 => {
                list(&mut value, "protocol support", |entry| {
                    let application = entry.u16_be("appl_proto")?;
                    let transport = entry.u16_be("trans_proto")?;
                    let port = Port { application, transport, port: entry.u16_be("port_number")? };
                    entry.skip("options", 2)?;
                    if self.ports.len() < PORTS_MAX && !self.ports.contains(&port) {
                        self.ports.push(port);
                    }
                    Ok(())
                })?;
            }
            0x091e => self.bed = string(&mut value)?,
            0x0946 => self.mode = Some(value.u16_be("operating mode")?),
            0x092d => {
                mder::production_specification(&mut value, &mut |kind, component, text| {
                    if self.specification.len() < SPECIFICATION_MAX {
                        self.specification.push((kind, component, text));
                    }
                })?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The attributes of a monitor, of a connect indication, a created system object or one that was polled.
pub fn monitor<'a>(attributes: &mut Reader<'a>) -> Monitor<'a> {
    let mut monitor = Monitor::default();
    // What is wrong is left out; the rest is told all the same.
    let _ = mder::attributes(attributes, &mut |id, value| {
        let _ = monitor.attribute(id, value);
    });
    monitor
}

/// A String: UTF-16 behind its length, with an end of zeros. `None` where it is empty.
fn string(value: &mut Reader<'_>) -> Result<Option<String>, Error> {
    let bytes = mder::octets(value, "string")?;
    let letters = bytes.chunks_exact(2).filter_map(|pair| Some(u16::from_be_bytes(*pair.first_chunk()?)));
    let text: String = char::decode_utf16(letters.take_while(|letter| *letter != 0))
        .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// A number.
#[derive(Clone, Debug, PartialEq)]
pub struct Numeric {
    /// Code in the partition of measurements: 131,072 + physio_id.
    pub code: u32,
    /// The number.
    pub value: f64,
    /// Unit, as UCUM writes it.
    pub unit: Cow<'static, str>,
}

/// The numbers of an answer to a poll, those that are valid.
pub fn numerics(body: &Body<'_>, tell: &mut dyn FnMut(Numeric)) -> Result<(), Error> {
    body.objects(&mut |_, attributes| {
        mder::attributes(attributes, &mut |id, mut value| {
            let _ = match id {
                0x0950 => numeric(&mut value, tell),
                0x094b => list(&mut value, "compound value", |value| numeric(value, tell)),
                _ => Ok(()),
            };
        })
    })
}

/// NuObsValue.
fn numeric(reader: &mut Reader<'_>, tell: &mut dyn FnMut(Numeric)) -> Result<(), Error> {
    let code = mder::code(2, reader.u16_be("physio_id")?);
    let state = reader.u16_be("state")?;
    let unit = reader.u16_be("unit_code")?;
    let value = mder::float(reader.u32_be("value")?);
    if let Some(value) = value.filter(|_| state & UNFIT == 0) {
        tell(Numeric { code, value, unit: mder::unit(unit) });
    }
    Ok(())
}

/// Whether the patient or the technique gives alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmKind {
    /// Physiological.
    Patient,
    /// Technical: an inoperative sensor, a lead that is off.
    Technical,
}

/// An active alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Which list it stands in.
    pub kind: AlarmKind,
    /// What it is about: a code of the partition of measurements or of objects.
    pub source: u16,
    /// What happened: 196,608 + code, in the partition of events.
    pub code: u32,
    /// 1 low, 2 medium, 4 high; technical in the low byte, physiological in the high one.
    pub priority: u16,
    /// Bits of its state.
    pub state: u16,
}

impl Alarm {
    /// It is switched off.
    pub const INHIBITED: u16 = 0x8000;
    /// It is paused.
    pub const SUSPENDED: u16 = 0x4000;
    /// What caused it is over, but nobody has taken note.
    pub const LATCHED: u16 = 0x2000;
    /// Somebody has taken note.
    pub const SILENCED: u16 = 0x1000;
    /// The monitor is tested, on standby or demonstrates.
    pub const NO_PATIENT: u16 = 0x0700;
}

/// The active alarms in an answer to a poll.
pub fn alarms(body: &Body<'_>, tell: &mut dyn FnMut(Alarm)) -> Result<(), Error> {
    body.objects(&mut |_, attributes| {
        mder::attributes(attributes, &mut |id, mut value| {
            let kind = match id {
                0x0902 => AlarmKind::Patient,
                0x0904 => AlarmKind::Technical,
                _ => return,
            };
            let _ = list(&mut value, "alarm list", |entry| {
                let source = entry.u16_be("al_source")?;
                let code = mder::code(3, entry.u16_be("al_code")?);
                let priority = entry.u16_be("al_type")?;
                let state = entry.u16_be("al_state")?;
                entry.skip("object and alert_info_id", 8)?;
                mder::octets(entry, "alert info")?;
                tell(Alarm { kind, source, code, priority, state });
                Ok(())
            });
        })
    })
}

/// Who the patient is.
#[derive(Clone, Default)]
pub struct Demographics {
    /// 0 none, 1 pre-admitted, 2 admitted, 8 discharged.
    pub state: Option<u16>,
    /// Identifier.
    pub identifier: Option<Sensitive<String>>,
    /// Family name.
    pub family: Option<Sensitive<String>>,
    /// Given name.
    pub given: Option<Sensitive<String>>,
    /// Date of birth, eight digits.
    pub birth_date: Option<Sensitive<String>>,
    /// Sex is told.
    pub sex: bool,
    /// There are notes.
    pub notes: bool,
}

/// The demographics in an answer to a poll: of the last patient object in it.
pub fn demographics(body: &Body<'_>) -> Result<Demographics, Error> {
    let mut patient = Demographics::default();
    body.objects(&mut |_, attributes| {
        mder::attributes(attributes, &mut |id, mut value| {
            let _ = patient.attribute(id, &mut value);
        })
    })?;
    Ok(patient)
}

impl Demographics {
    fn attribute(&mut self, attribute: u16, value: &mut Reader<'_>) -> Result<(), Error> {
        match attribute {
            0x0957 => self.state = Some(value.u16_be("demographics state")?),
            0x095a => self.identifier = string(value)?.map(Sensitive::new),
            0x095c => self.family = string(value)?.map(Sensitive::new),
            0x095d => self.given = string(value)?.map(Sensitive::new),
            0x0958 => {
                let date: [u8; 8] = value.array("date of birth")?;
                let known = mder::absolute_time(date).is_some();
                let [century, year, month, day, ..] = date;
                self.birth_date =
                    known.then(|| Sensitive::new(format!("{century:02x}{year:02x}{month:02x}{day:02x}")));
            }
            // Unknown and unspecified say nothing.
            0x0961 => self.sex = matches!(value.u16_be("sex")?, 1 | 2),
            0xf129 | 0xf12a => self.notes |= string(value)?.is_some(),
            _ => {}
        }
        Ok(())
    }
}
