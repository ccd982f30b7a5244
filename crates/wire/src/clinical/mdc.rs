//! Medical device codes: the part of the nomenclature that tells about devices and their alarms. IEEE 11073-10101 and its
//! amendments; 11073-20601 for production specifications; IHE PCD Technical Framework volume 2 for the facets of alarms.
//!
//! A code is a number whose upper half is its partition, and has a reference identifier such as `MDC_ECG_HEART_RATE`.
//! Senders mix both, and their order, so that either is looked at.
//!
//! Ignored: the codes of measurements, which are kept as they are, since their names travel with them.

/// What a device is made of, from the whole to the part: IEEE 11073-10201.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Medical device system: the device.
    System,
    /// Virtual medical device: a subsystem, such as an oximeter in a monitor.
    Subsystem,
    /// Channel.
    Channel,
}

/// Something that a device says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the nomenclature")]
pub enum Attribute {
    Manufacturer,
    ModelNumber,
    SerialNumber,
    PartNumber,
    HardwareRevision,
    SoftwareRevision,
    FirmwareRevision,
    ProtocolRevision,
    Gmdn,
    SystemId,
}

/// What a message of alarms says, IHE PCD-04.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmFacet {
    /// What happened.
    Event,
    /// What it happened to.
    Source,
    /// Begins, goes on, ends.
    Phase,
    /// Active, latched, inactive.
    State,
    /// Enabled, audio paused, acknowledged.
    Inactivation,
    /// High, medium, low.
    Priority,
    /// Physiological, technical, advisory.
    Kind,
}

/// Number of the partition of objects, and where the types of devices lie in it.
const OBJECTS: u32 = 1;
const DEVICE_TYPES: core::ops::Range<u32> = 0x1000..0x2000;
/// Partition of events.
const EVENTS: u32 = 3;

/// The partition and the code within it.
fn split(code: &str) -> Option<(u32, u32)> {
    let code: u32 = code.parse().ok()?;
    Some((code >> 16, code & 0xffff))
}

/// Either writing of a code that is a reference identifier.
fn reference<'a>(code: &'a str, name: &'a str) -> &'a str {
    if code.starts_with("MDC") { code } else { name }
}

/// Whether a code names a kind of device, and of which level.
pub fn device_level(code: &str, name: &str) -> Option<Level> {
    let name = reference(code, name);
    if name.starts_with("MDC_DEV_") {
        let ends = |end: &str| name.ends_with(end);
        return if ends("_MDS") {
            Some(Level::System)
        } else if ends("_VMD") {
            Some(Level::Subsystem)
        } else {
            name.contains("_CHAN").then_some(Level::Channel)
        };
    }
    match split(code)? {
        // Types of devices come in fours: the thing itself, as a system, as a subsystem, as a channel.
        (OBJECTS, number) if DEVICE_TYPES.contains(&number) => match number % 4 {
            1 => Some(Level::System),
            2 => Some(Level::Subsystem),
            3 => Some(Level::Channel),
            _ => None,
        },
        _ => None,
    }
}

/// What an observation says about the device itself.
pub fn attribute(code: &str, name: &str) -> Option<Attribute> {
    Some(match (code, reference(code, name)) {
        ("531969", _) | (_, "MDC_ID_MODEL_NUMBER") => Attribute::ModelNumber,
        ("531970", _) | (_, "MDC_ID_MODEL_MANUFACTURER") => Attribute::Manufacturer,
        ("531972", _) | (_, "MDC_ID_PROD_SPEC_SERIAL") => Attribute::SerialNumber,
        ("531973", _) | (_, "MDC_ID_PROD_SPEC_PART") => Attribute::PartNumber,
        ("531974", _) | (_, "MDC_ID_PROD_SPEC_HW") => Attribute::HardwareRevision,
        ("531975", _) | (_, "MDC_ID_PROD_SPEC_SW") => Attribute::SoftwareRevision,
        ("531976", _) | (_, "MDC_ID_PROD_SPEC_FW") => Attribute::FirmwareRevision,
        ("531977", _) | (_, "MDC_ID_PROD_SPEC_PROTOCOL" | "MDC_ID_PROD_SPEC_PROTOCOL_REV") => {
            Attribute::ProtocolRevision
        }
        ("531978", _) | (_, "MDC_ID_PROD_SPEC_GMDN") => Attribute::Gmdn,
        ("67972", _) | (_, "MDC_ATTR_SYS_ID") => Attribute::SystemId,
        _ => return None,
    })
}

/// What an observation says about an alarm.
pub fn alarm_facet(code: &str, name: &str) -> Option<AlarmFacet> {
    Some(match (code, reference(code, name)) {
        ("68480", _) | (_, "MDC_ATTR_ALERT_SOURCE") => AlarmFacet::Source,
        ("68481", _) | (_, "MDC_ATTR_EVENT_PHASE" | "MDC_ATTR_EVT_PHASE") => AlarmFacet::Phase,
        ("68482", _) | (_, "MDC_ATTR_ALARM_STATE" | "MDC_ATTR_ALERT_STATE") => AlarmFacet::State,
        ("68483", _) | (_, "MDC_ATTR_ALARM_INACTIVATION_STATE") => AlarmFacet::Inactivation,
        ("68484", _) | (_, "MDC_ATTR_ALARM_PRIORITY") => AlarmFacet::Priority,
        ("68485", _) | (_, "MDC_ATTR_ALERT_TYPE") => AlarmFacet::Kind,
        (_, reference) if reference.starts_with("MDC_EVT_") || reference.starts_with("MDCX_EVT_") => {
            AlarmFacet::Event
        }
        (code, _) if split(code).is_some_and(|(partition, _)| partition == EVENTS) => AlarmFacet::Event,
        _ => return None,
    })
}

/// Where in a device an observation was made: OBX-4 of IHE PCD-01 (volume 2, B.8.4), `MDS.VMD.channel.metric`, and for
/// some a facet behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Containment {
    /// Which device of the message.
    pub system: u32,
    /// Which subsystem; 0 is the device as a whole.
    pub subsystem: u32,
    /// Which channel.
    pub channel: u32,
    /// Which metric; some senders repeat its code here.
    pub metric: u32,
    /// Which facet of it.
    pub facet: Option<u32>,
}

impl Containment {
    /// Reads the dotted notation.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim().split('.').map(|part| part.parse::<u32>().ok());
        let containment = Self {
            system: numbers.next()??,
            subsystem: numbers.next()??,
            channel: numbers.next()??,
            metric: numbers.next()??,
            facet: numbers.next().flatten(),
        };
        numbers.next().is_none().then_some(containment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_devices_by_number_and_by_name() {
        assert_eq!(device_level("69965", ""), Some(Level::System));
        assert_eq!(device_level("69965", "MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS"), Some(Level::System));
        assert_eq!(device_level("MDC_DEV_PUMP_INFUS_VMD", "69986"), Some(Level::Subsystem));
        assert_eq!(device_level("69986", ""), Some(Level::Subsystem));
        assert_eq!(device_level("147842", "MDC_ECG_HEART_RATE"), None);
        assert_eq!(device_level("8867-4", "Heart rate"), None);
    }

    #[test]
    fn knows_attributes_and_facets() {
        assert_eq!(attribute("531972", ""), Some(Attribute::SerialNumber));
        assert_eq!(attribute("0", "MDC_ID_MODEL_MANUFACTURER"), Some(Attribute::Manufacturer));
        assert_eq!(alarm_facet("68481", ""), Some(AlarmFacet::Phase));
        assert_eq!(alarm_facet("196674", "MDC_EVT_LO_VAL_LT_LIM"), Some(AlarmFacet::Event));
        assert_eq!(alarm_facet("147842", "MDC_ECG_HEART_RATE"), None);
    }

    #[test]
    fn reads_where_a_value_was_measured() {
        assert_eq!(Containment::parse("1.3.1.150456").unwrap().metric, 150_456);
        let place = Containment::parse("2.1.3.15.2").unwrap();
        assert_eq!((place.system, place.subsystem, place.facet), (2, 1, Some(2)));
        assert_eq!(Containment::parse("1"), None);
        assert_eq!(Containment::parse("1.2.3.4.5.6"), None);
    }
}
