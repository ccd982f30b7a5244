//! Devices: what is on the network, and why we think so.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Label, MacAddress, Protocol, Timestamp};

/// Stable identifier of a device: derived from the strongest address it was first known by.
///
/// Written `d-0009fb123456`, `d-v4-c0000201` or `d-v6-…`, the address in hexadecimal. The address itself is kept, since
/// every conversation carries two identifiers and few are ever written as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(Known);

/// By what it is known. What can be read as an address always is, so that equal texts are equal identifiers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Known {
    Mac(MacAddress),
    Ip(IpAddr),
    /// Somebody else's identifier.
    Name(Box<str>),
}

impl From<MacAddress> for DeviceId {
    fn from(mac: MacAddress) -> Self {
        Self(Known::Mac(mac))
    }
}

impl From<IpAddr> for DeviceId {
    fn from(ip: IpAddr) -> Self {
        Self(Known::Ip(ip))
    }
}

impl From<&str> for DeviceId {
    fn from(text: &str) -> Self {
        Self(Known::of_address(text).unwrap_or_else(|| Known::Name(text.into())))
    }
}

impl Known {
    fn of_address(text: &str) -> Option<Self> {
        /// Exactly so many lower-case digits: another spelling is another identifier.
        fn bits(digits: &str, count: usize) -> Option<u128> {
            let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            let exact = digits.len() == count && digits.bytes().all(lower);
            u128::from_str_radix(digits, 16).ok().filter(|_| exact)
        }
        let text = text.strip_prefix("d-")?;
        if let Some(digits) = text.strip_prefix("v4-") {
            return Some(Self::Ip(Ipv4Addr::from_bits(bits(digits, 8)? as u32).into()));
        }
        if let Some(digits) = text.strip_prefix("v6-") {
            return Some(Self::Ip(Ipv6Addr::from_bits(bits(digits, 32)?).into()));
        }
        let [_, _, mac @ ..] = (bits(text, 12)? as u64).to_be_bytes();
        Some(Self::Mac(MacAddress(mac)))
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Known::Mac(mac) => write!(f, "d-{:012x}", mac.to_bits()),
            Known::Ip(IpAddr::V4(ip)) => write!(f, "d-v4-{:08x}", ip.to_bits()),
            Known::Ip(IpAddr::V6(ip)) => write!(f, "d-v6-{:032x}", ip.to_bits()),
            Known::Name(name) => f.write_str(name),
        }
    }
}

impl Serialize for DeviceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?.as_str()))
    }
}

impl JsonSchema for DeviceId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DeviceId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Stable identifier of a device: derived from the strongest address it was first known by.",
            "type": "string"
        })
    }
}

macro_rules! named {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $type {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
        }

        impl $type {
            /// Every value, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name in records.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

named! {
    /// What kind of thing a device is.
    #[derive(Default)]
    Category {
        /// Bedside or transport monitor, or central station.
        PatientMonitor = "patient-monitor",
        /// Infusion, syringe or PCA pump, or its server.
        InfusionPump = "infusion-pump",
        /// Worn insulin pump.
        InsulinPump = "insulin-pump",
        /// Glucose meter or continuous glucose monitor.
        GlucoseMeter = "glucose-meter",
        /// Ventilator.
        Ventilator = "ventilator",
        /// Anaesthesia machine.
        Anesthesia = "anesthesia",
        /// Defibrillator.
        Defibrillator = "defibrillator",
        /// Programmer of implants.
        PacemakerProgrammer = "pacemaker-programmer",
        /// Home or clinic monitor of cardiac implants.
        CardiacImplantMonitor = "cardiac-implant-monitor",
        /// Electrocardiograph.
        Ecg = "ecg",
        /// Blood pressure monitor.
        BloodPressureMonitor = "blood-pressure-monitor",
        /// Pulse oximeter.
        PulseOximeter = "pulse-oximeter",
        /// Other worn sensor.
        Wearable = "wearable",
        /// CT, MR, X-ray, ultrasound …
        ImagingModality = "imaging-modality",
        /// Image archive.
        Pacs = "pacs",
        /// Workstation for reading images.
        RadiologyWorkstation = "radiology-workstation",
        /// Laboratory analyser.
        LabAnalyzer = "lab-analyzer",
        /// Automated dispensing cabinet.
        MedicationCabinet = "medication-cabinet",
        /// Gateway that collects from sensors.
        TelemetryGateway = "telemetry-gateway",
        /// Engine that routes clinical messages.
        IntegrationEngine = "integration-engine",
        /// Electronic health record, or another clinical information system.
        Ehr = "ehr",
        /// Nurse call.
        NurseCall = "nurse-call",
        /// Another medical device.
        MedicalOther = "medical-other",
        /// Server.
        Server = "server",
        /// Workstation or laptop.
        Workstation = "workstation",
        /// Printer.
        Printer = "printer",
        /// Telephone.
        Phone = "phone",
        /// Camera.
        Camera = "camera",
        /// Heating, ventilation, access, medical gas …
        BuildingAutomation = "building-automation",
        /// Switch, router, access point, firewall.
        Network = "network",
        /// Not known.
        #[default]
        Unknown = "unknown",
    }
}

named! {
    /// What depends on a device.
    Criticality {
        /// A patient may die within minutes without it.
        LifeSustaining = "life-sustaining",
        /// It treats.
        Therapy = "therapy",
        /// It diagnoses.
        Diagnostic = "diagnostic",
        /// It watches.
        Monitoring = "monitoring",
        /// Clinical work leans on it.
        Support = "support",
        /// General information technology.
        It = "it",
    }
}

named! {
    /// The attribute that a claim supports.
    DeviceField {
        /// Link address.
        Mac = "mac",
        /// Network address.
        Ip = "ip",
        /// Host name.
        Hostname = "hostname",
        /// Maker.
        Vendor = "vendor",
        /// Model.
        Model = "model",
        /// Category.
        Category = "category",
        /// Operating system.
        Os = "os",
        /// Firmware or software version.
        Firmware = "firmware",
        /// Serial number.
        Serial = "serial",
        /// What it did on the wire.
        Role = "role",
        /// Network zone.
        Zone = "zone",
        /// What depends on it.
        Criticality = "criticality",
        /// Place: switch port, bed, room.
        Location = "location",
        /// Any other attribute; the claim's source names it.
        Attribute = "attribute",
    }
}

impl Category {
    /// Whether it is a medical device or a system that clinical work runs on.
    pub const fn is_medical(self) -> bool {
        !matches!(
            self,
            Self::Server
                | Self::Workstation
                | Self::Printer
                | Self::Phone
                | Self::Camera
                | Self::BuildingAutomation
                | Self::Network
                | Self::Unknown
        )
    }
}

/// One claim about a device and what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// The attribute that it supports.
    pub field: DeviceField,
    /// The value claimed.
    pub value: Label,
    /// The protocol it was read from.
    pub protocol: Protocol,
    /// The protocol's field, such as `dhcp.option.60` or `MSH-3`.
    pub source: Label,
    /// What was read there, if it is not the value itself.
    pub seen: Option<Label>,
    /// The rule or signature that made the claim, if it was not read literally.
    pub rule: Option<Label>,
    /// How much it weighs, 0 to 1.
    pub confidence: f32,
    /// Capture file or interface of the first sighting.
    pub file: Label,
    /// Packet number of the first sighting.
    pub packet: u64,
    /// Time of the first sighting.
    pub time: Timestamp,
}

named! {
    /// In what two sources contradict each other about a device.
    MismatchKind {
        /// An inventory list, or the site file, says something else than the wire.
        Record = "record",
        /// What was certainly one kind of device shows certainly another.
        ClassChanged = "class-changed",
        /// What names one instance, such as a serial number, is told by two devices at the same time.
        TwoPlaces = "two-places",
        /// Lists were given, and the device is in none.
        NotListed = "not-listed",
    }
}

/// Two sources contradict each other about a device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Mismatch {
    /// In what.
    pub kind: MismatchKind,
    /// The attribute.
    pub field: DeviceField,
    /// What was expected: recorded in the list, or believed before.
    pub expected: Option<Label>,
    /// What was seen instead.
    pub seen: Option<Label>,
    /// Who says what was expected: a list and its line, or another device.
    pub source: Label,
}

/// A device. Record `device` of the contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Device {
    /// Stable identifier.
    pub id: DeviceId,
    /// Link addresses, the first known first.
    pub macs: Vec<MacAddress>,
    /// Network addresses in use, the newest first.
    pub ips: Vec<IpAddr>,
    /// Names, the best first.
    pub hostnames: Vec<Label>,
    /// Maker.
    pub vendor: Option<Label>,
    /// Model.
    pub model: Option<Label>,
    /// What kind of thing it is.
    pub category: Category,
    /// Operating system.
    pub os: Option<Label>,
    /// Firmware or software version.
    pub firmware: Option<Label>,
    /// Serial number.
    pub serial: Option<Label>,
    /// Protocols that it spoke.
    pub protocols: BTreeSet<Protocol>,
    /// What it did on the wire, such as `dicom scu`, `hl7 sender`, `dns server`.
    pub role: Vec<Label>,
    /// Zone, from the site file or the network that it is in.
    pub zone: Option<Label>,
    /// What depends on it.
    pub criticality: Option<Criticality>,
    /// First seen.
    pub first_seen: Timestamp,
    /// Last seen.
    pub last_seen: Timestamp,
    /// How sure we are of the category, 0 to 1.
    pub confidence: f32,
    /// Every claim.
    pub evidence: Vec<Claim>,
    /// Where sources contradict each other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mismatches: Vec<Mismatch>,
}

impl Device {
    /// What people would call it: name, or model, or vendor and category, or address.
    pub fn display_name(&self) -> Label {
        if let Some(name) = self.hostnames.first() {
            return name.clone();
        }
        match (&self.vendor, &self.model) {
            (Some(vendor), Some(model)) => Label::new(&format!("{vendor} {model}")),
            (None, Some(model)) => model.clone(),
            // A maker alone names somebody; "unknown" beside it would not.
            (Some(vendor), None) if self.category == Category::Unknown => {
                Label::new(&format!("{vendor} device"))
            }
            (Some(vendor), None) => Label::new(&format!("{vendor} {}", self.category)),
            (None, None) => match (self.ips.first(), self.macs.first()) {
                (Some(ip), _) => Label::new(&ip.to_string()),
                (None, Some(mac)) => Label::new(&mac.to_string()),
                (None, None) => Label::new(&self.id.to_string()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_read_as_they_are_written() {
        let mac = DeviceId::from(MacAddress([0x00, 0x09, 0xfb, 0x12, 0x34, 0xf6]));
        let v4 = DeviceId::from("192.0.2.254".parse::<IpAddr>().unwrap());
        let v6 = DeviceId::from("2001:db8::1f".parse::<IpAddr>().unwrap());
        let written = [mac, v4, v6].map(|id| {
            let text = id.to_string();
            assert_eq!(DeviceId::from(text.as_str()), id);
            assert_eq!(serde_json::from_value::<DeviceId>(serde_json::json!(text)).unwrap(), id);
            assert_eq!(serde_json::to_value(&id).unwrap(), serde_json::json!(text));
            text
        });
        assert_eq!(written, ["d-0009fb1234f6", "d-v4-c00002fe", "d-v6-20010db800000000000000000000001f"]);
        // Sorted like their texts.
        assert!(written.is_sorted());
    }

    #[test]
    fn what_is_no_address_is_kept_as_it_is() {
        for text in ["", "d-", "d-1", "d-0009FB1234F6", "d-+009fb1234f6", "d-v4-c00002f", "mac:00:09:fb"] {
            let id = DeviceId::from(text);
            assert_eq!((id.to_string().as_str(), &id.0), (text, &Known::Name(text.into())));
        }
    }
}
