//! APDUs: section 8 and annex A.

use super::super::mder::{self, Specification};
use super::configuration::{attribute, of_configuration};
use crate::{Error, Layer, Reader};

/// Specialisations told of one agent.
const SPECIALIZATIONS_MAX: usize = 4;

/// Choices of ApduType, annex A.8.
pub(super) mod choice {
    pub(in super::super) const ASSOCIATION_REQUEST: u16 = 0xe200;
    pub(in super::super) const ASSOCIATION_RESPONSE: u16 = 0xe300;
    pub(in super::super) const RELEASE_REQUEST: u16 = 0xe400;
    pub(in super::super) const RELEASE_RESPONSE: u16 = 0xe500;
    pub(in super::super) const ABORT: u16 = 0xe600;
    pub(in super::super) const PRESENTATION: u16 = 0xe700;
}

/// Data protocol 11073-20601.
pub(super) const DATA_PROTOCOL: u16 = 0x5079;

/// What both ends say of themselves when they associate: PhdAssociationInformation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Association<'a> {
    /// EUI-64 of the sender.
    pub system_id: &'a [u8],
    /// The sender is an agent; otherwise a manager.
    pub agent: bool,
    /// Identifier of the configuration that it will use.
    pub configuration: u16,
    /// Code of the device specialisation, where the configuration is a standard one.
    pub specialization: Option<u16>,
}

impl<'a> Association<'a> {
    /// Behind the version of an AarqApdu: the first data protocol that is 20601.
    pub(super) fn request(reader: &mut Reader<'a>) -> Result<Option<Self>, Error> {
        reader.skip("assoc-version", 4)?;
        let mut found = None;
        mder::list(reader, "data-proto-list", |protocol| {
            let association = Self::protocol(protocol)?;
            found = found.or(association);
            Ok(())
        })?;
        Ok(found)
    }

    /// A DataProto.
    pub(super) fn protocol(reader: &mut Reader<'a>) -> Result<Option<Self>, Error> {
        let protocol = reader.u16_be("data-proto-id")?;
        let length = usize::from(reader.u16_be("data-proto-info")?);
        let mut information = reader.sub("data-proto-info", length)?;
        if protocol != DATA_PROTOCOL || length == 0 {
            return Ok(None);
        }
        information.skip("protocol-version, encoding-rules, nomenclature-version, functional-units", 14)?;
        let agent = information.u32_be("system-type")? & 0x0080_0000 != 0;
        let system_id = mder::octets(&mut information, "system-id")?;
        let configuration = information.u16_be("dev-config-id")?;
        let specialization = of_configuration(configuration).filter(|_| agent);
        Ok(Some(Self { system_id, agent, configuration, specialization }))
    }
}

/// What a medical device system says of itself: attributes of the MDS object, section 6.3.2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub struct Device<'a> {
    pub manufacturer: Option<&'a [u8]>,
    pub model: Option<&'a [u8]>,
    pub system_id: Option<&'a [u8]>,
    pub configuration: Option<u16>,
    /// Codes of device specialisations.
    pub specializations: Vec<u16>,
    /// Percent.
    pub battery: Option<u16>,
    /// Entries of the production specification, the first of each kind.
    pub specification: Vec<(Specification, &'a [u8])>,
}

impl<'a> Device<'a> {
    pub(super) fn attribute(&mut self, attribute: u16, mut value: Reader<'a>) -> Result<(), Error> {
        match attribute {
            attribute::MODEL => {
                let (manufacturer, model) = mder::system_model(&mut value)?;
                self.manufacturer = Some(manufacturer);
                self.model = Some(model);
            }
            attribute::SPECIFICATION => {
                mder::production_specification(&mut value, &mut |kind, _, text| {
                    if self.specification.iter().all(|(known, _)| *known != kind) {
                        self.specification.push((kind, text));
                    }
                })?;
            }
            attribute::SYSTEM_ID => self.system_id = Some(mder::octets(&mut value, "system-id")?),
            attribute::CONFIGURATION => self.configuration = Some(value.u16_be("dev-config-id")?),
            attribute::BATTERY => self.battery = Some(value.u16_be("battery level")?),
            attribute::SPECIALIZATIONS => {
                mder::list(&mut value, "system-type-spec-list", |entry| {
                    let code = entry.u16_be("type")?;
                    entry.skip("version", 2)?;
                    if self.specializations.len() < SPECIALIZATIONS_MAX {
                        self.specializations.push(code);
                    }
                    Ok(())
                })?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// What a manager tells an agent to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// An action on the object with this handle.
    Action(u16, u16),
    /// An attribute of the object with this handle is set.
    Set(u16),
}

impl Command {
    /// Handle of the object.
    pub const fn handle(self) -> u16 {
        match self {
            Self::Action(handle, _) | Self::Set(handle) => handle,
        }
    }

    /// Name of the action, partition 1 of the nomenclature.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Action(_, 3_084) => "Clear-Segments",
            Self::Action(_, 3_085) => "Get-Segment-Info",
            Self::Action(_, 3_095) => "Set-Time",
            Self::Action(_, 3_099) => "Data-Request",
            Self::Action(_, 3_100) => "Trig-Segment-Data-Xfer",
            Self::Action(..) => "Action",
            Self::Set(_) => "Set",
        }
    }
}

/// Messages of a DataApdu, annex A.9.
pub(super) mod service {
    pub(in super::super) const EVENT_REPORT: u16 = 0x0100;
    pub(in super::super) const CONFIRMED_EVENT_REPORT: u16 = 0x0101;
    pub(in super::super) const SET: u16 = 0x0104;
    pub(in super::super) const CONFIRMED_SET: u16 = 0x0105;
    pub(in super::super) const ACTION: u16 = 0x0106;
    pub(in super::super) const CONFIRMED_ACTION: u16 = 0x0107;
    pub(in super::super) const GET_RESULT: u16 = 0x0203;

    /// Whether a message may be of this kind.
    pub(in super::super) const fn is_known(service: u16) -> bool {
        matches!(
            service,
            0x0100 | 0x0101 | 0x0103..=0x0107 | 0x0201 | 0x0203 | 0x0205 | 0x0207 | 0x0300 | 0x0400
        )
    }
}

/// A message within a presentation APDU: what it is, and its content.
pub(super) fn data<'a>(octets: &'a [u8]) -> Result<(u16, Reader<'a>), Error> {
    let mut reader = Reader::new(Layer::Phd, octets);
    reader.skip("invoke-id", 2)?;
    let service = reader.u16_be("message")?;
    let length = usize::from(reader.u16_be("message length")?);
    Ok((service, reader.sub("message", length)?))
}
