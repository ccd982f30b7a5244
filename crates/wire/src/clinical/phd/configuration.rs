//! What the objects of an agent are, and how their values stand in fixed reports: section 7.4.7 and the specialisations.

use super::super::mder::{self, list};
use crate::{Error, Reader};

/// Objects of an agent that are remembered, attributes of each in a fixed report, and parts of a compound one. A blood
/// pressure monitor has two objects, a cardiovascular trainer a dozen.
const OBJECTS_MAX: usize = 48;
const MAP_MAX: usize = 8;
pub(super) const PARTS_MAX: usize = 4;

/// Class of numeric objects.
const NUMERIC: u16 = 6;

pub(super) mod attribute {
    //! Codes of attributes, partition 1.
    pub(in super::super) const MODEL: u16 = 2_344;
    pub(in super::super) const PHYSIO: u16 = 2_347;
    pub(in super::super) const SPECIFICATION: u16 = 2_349;
    pub(in super::super) const TYPE: u16 = 2_351;
    pub(in super::super) const STATUS: u16 = 2_375;
    pub(in super::super) const COMPOUND: u16 = 2_379;
    pub(in super::super) const VALUE: u16 = 2_384;
    pub(in super::super) const SYSTEM_ID: u16 = 2_436;
    pub(in super::super) const TIME_STAMP: u16 = 2_448;
    pub(in super::super) const UNIT: u16 = 2_454;
    pub(in super::super) const BATTERY: u16 = 2_460;
    pub(in super::super) const CONFIGURATION: u16 = 2_628;
    pub(in super::super) const BASIC: u16 = 2_636;
    pub(in super::super) const MAP: u16 = 2_645;
    pub(in super::super) const SIMPLE: u16 = 2_646;
    pub(in super::super) const SPECIALIZATIONS: u16 = 2_650;
    pub(in super::super) const COMPOUND_SIMPLE: u16 = 2_676;
    pub(in super::super) const COMPOUND_BASIC: u16 = 2_677;
    pub(in super::super) const PHYSIO_LIST: u16 = 2_678;
}

/// A numeric object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Object {
    pub handle: u16,
    pub partition: u16,
    pub code: u16,
    /// Codes of the parts of a compound value.
    pub parts: Vec<u16>,
    pub unit: u16,
    /// Attributes of a fixed report in their order, with their lengths.
    pub map: Vec<(u16, u16)>,
}

impl Object {
    /// Takes an attribute of the object, from its configuration or from a report.
    pub(super) fn learn(&mut self, attribute: u16, mut value: Reader<'_>) -> Result<(), Error> {
        match attribute {
            attribute::TYPE => {
                self.partition = value.u16_be("partition")?;
                self.code = value.u16_be("type")?;
            }
            attribute::PHYSIO => self.code = value.u16_be("metric-id")?,
            attribute::UNIT => self.unit = value.u16_be("unit-code")?,
            attribute::PHYSIO_LIST => {
                self.parts.clear();
                list(&mut value, "metric-id-list", |part| {
                    let code = part.u16_be("metric-id")?;
                    if self.parts.len() < PARTS_MAX {
                        self.parts.push(code);
                    }
                    Ok(())
                })?;
            }
            attribute::MAP => {
                self.map.clear();
                list(&mut value, "attribute value map", |entry| {
                    let entry = (entry.u16_be("attribute id")?, entry.u16_be("attribute length")?);
                    if self.map.len() < MAP_MAX {
                        self.map.push(entry);
                    }
                    Ok(())
                })?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// A ConfigObjectList: the numeric objects in it.
pub(super) fn objects(reader: &mut Reader<'_>) -> Result<Vec<Object>, Error> {
    let mut objects = Vec::new();
    list(reader, "config-obj-list", |item| {
        let class = item.u16_be("obj-class")?;
        let mut object = Object { handle: item.u16_be("obj-handle")?, ..Object::default() };
        let mut known = Ok(());
        mder::attributes(item, &mut |id, value| known = known.and(object.learn(id, value)))?;
        known?;
        if class == NUMERIC && objects.len() < OBJECTS_MAX {
            objects.push(object);
        }
        Ok(())
    })?;
    Ok(objects)
}

/// The objects of the standard configurations, which an agent need not report: 11073-10404 (0x190, 0x191), -10407 (0x2bc),
/// -10408 (0x320), -10415 (0x5dc), -10417 (0x6a4), each in its clause "Standard configuration".
pub(super) fn standard(configuration: u16) -> Vec<Object> {
    let number = |handle, code, unit, map: &[(u16, u16)]| Object {
        handle,
        partition: 2,
        code,
        parts: Vec::new(),
        unit,
        map: map.to_vec(),
    };
    let time = (attribute::TIME_STAMP, 8);
    let basic = (attribute::BASIC, 2);
    let simple = (attribute::SIMPLE, 4);
    match configuration {
        0x0190 | 0x0191 => vec![number(1, 19_384, 544, &[basic]), number(10, 18_458, 2_720, &[basic])],
        0x02bc => {
            let mut pressure = number(1, 18_948, 3_872, &[(attribute::COMPOUND_BASIC, 10), time]);
            pressure.parts = vec![18_949, 18_950, 18_951];
            vec![pressure, number(2, 18_474, 2_720, &[basic, time])]
        }
        0x0320 => vec![number(1, 19_292, 6_048, &[simple, time])],
        0x05dc => vec![number(1, 57_664, 1_731, &[simple, time])],
        0x06a4 => vec![number(1, 29_112, 2_130, &[basic, time])],
        _ => Vec::new(),
    }
}

/// Reference identifier of a device specialisation by its code in the partition of infrastructure, 11073-20601 annex A;
/// the standard configurations of a specialisation 11073-104zz are those from zz × 100.
pub const fn specialization(code: u16) -> Option<&'static str> {
    Some(match code {
        4_100 => "MDC_DEV_SPEC_PROFILE_PULS_OXIM",
        4_102 => "MDC_DEV_SPEC_PROFILE_ECG",
        4_103 => "MDC_DEV_SPEC_PROFILE_BP",
        4_104 => "MDC_DEV_SPEC_PROFILE_TEMP",
        4_111 => "MDC_DEV_SPEC_PROFILE_SCALE",
        4_113 => "MDC_DEV_SPEC_PROFILE_GLUCOSE",
        4_115 => "MDC_DEV_SPEC_PROFILE_INSULIN_PUMP",
        4_137 => "MDC_DEV_SPEC_PROFILE_HF_CARDIO",
        4_138 => "MDC_DEV_SPEC_PROFILE_HF_STRENGTH",
        4_167 => "MDC_DEV_SPEC_PROFILE_AI_ACTIVITY_HUB",
        4_168 => "MDC_DEV_SPEC_PROFILE_AI_MED_MINDER",
        _ => return None,
    })
}

/// The specialisation of a standard configuration; those from 0x4000 are an agent's own.
pub(super) const fn of_configuration(configuration: u16) -> Option<u16> {
    match configuration {
        0x0001..0x4000 => {
            let code = 4_096 + configuration / 100;
            if specialization(code).is_some() { Some(code) } else { None }
        }
        _ => None,
    }
}
