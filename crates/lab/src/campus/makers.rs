//! What can be bought: makers and models, true ones and invented ones.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use wardline_model::Category;

use super::layout::Role;
use crate::devices::{self, LINUX, SMALL, WINDOWS};

pub(super) use crate::devices::Kind;

/// A kind of machine; its time to live says which system it runs.
const fn kind(
    prefix: [u8; 3],
    (vendor, model): (&'static str, &'static str),
    category: Category,
    name: &'static str,
    time_to_live: u8,
) -> Kind {
    let (vendor_class, parameters): (_, &[u8]) = match time_to_live {
        128 => ("MSFT 5.0", WINDOWS),
        64 => ("", LINUX),
        _ => ("", SMALL),
    };
    devices::kind(prefix, (vendor, model), category, name, time_to_live, (vendor_class, parameters))
}

/// One of several.
pub(super) fn one_of<T>(of: &'static [T], chance: &mut ChaCha8Rng) -> &'static T {
    &of[chance.random_range(0..of.len())]
}

pub(super) const MONITORS: &[Kind] = &[
    kind([0x00, 0x09, 0xfb], ("Philips", "IntelliVue MX700"), Category::PatientMonitor, "MX700", 64),
    kind([0x00, 0x00, 0xa1], ("GE", "CARESCAPE B850"), Category::PatientMonitor, "B850", 128),
    kind([0x00, 0x30, 0x82], ("Draeger", "Infinity Delta"), Category::PatientMonitor, "DELTA", 255),
    kind([0x9c, 0x31, 0x5e], ("Auremed", "Vigil 12"), Category::PatientMonitor, "VIGIL", 64),
    kind([0xd0, 0x77, 0x14], ("Norhaven Clinical", "BedView 4"), Category::PatientMonitor, "BV4", 128),
];
pub(super) const PUMPS: &[Kind] = &[
    kind([0x00, 0x11, 0xbb], ("BD", "Alaris 8015"), Category::InfusionPump, "ALARIS", 64),
    kind([0x00, 0x03, 0xb1], ("ICU Medical", "Plum 360"), Category::InfusionPump, "PLUM", 255),
    kind([0x58, 0x2c, 0x91], ("Lumenflow", "LF-200"), Category::InfusionPump, "LF200", 64),
];
pub(super) const VENTILATORS: &[Kind] = &[
    kind([0x00, 0x30, 0x82], ("Draeger", "Evita V500"), Category::Ventilator, "EVITA", 255),
    kind([0x7a, 0x10, 0x3c], ("Respira", "RV-9"), Category::Ventilator, "RV9", 64),
];
pub(super) const SENSORS: &[Kind] = &[
    kind([0x24, 0x0a, 0xc4], ("Espressif", "ESP32"), Category::Wearable, "PATCH", 255),
    kind([0x64, 0x1b, 0x2f], ("Thermotrack", "T1"), Category::MedicalOther, "TTRACK", 64),
];
pub(super) const MODALITIES: &[(&str, Kind)] = &[
    ("CT", kind([0x08, 0x00, 0x06], ("Siemens", "SOMATOM Force"), Category::ImagingModality, "CT", 128)),
    ("MR", kind([0x00, 0x00, 0xa1], ("GE", "SIGNA Artist"), Category::ImagingModality, "MR", 64)),
    ("DX", kind([0x00, 0x00, 0x85], ("Canon", "CXDI-702C"), Category::ImagingModality, "DX", 128)),
    ("US", kind([0x40, 0x5e, 0x12], ("Sonovia", "S9"), Category::ImagingModality, "US", 64)),
];
pub(super) const ANALYZERS: &[Kind] = &[
    kind([0x00, 0x30, 0x11], ("Roche", "cobas 8000"), Category::LabAnalyzer, "COBAS", 128),
    kind([0x34, 0x91, 0x6e], ("Hemalyte", "H5"), Category::LabAnalyzer, "HLYTE", 64),
];
pub(super) const DESKS: &[Kind] = &[
    kind([0x00, 0x14, 0x22], ("Dell", "OptiPlex 7090"), Category::Workstation, "WS", 128),
    kind([0x3c, 0xd9, 0x2b], ("HP", "EliteDesk 800"), Category::Workstation, "PC", 128),
];
pub(super) const PRINTER: Kind =
    kind([0x00, 0x1b, 0xa9], ("Brother", "HL-L6400DW"), Category::Printer, "BRW", 64);
pub(super) const PHONE: Kind = kind([0x00, 0x04, 0xf2], ("Polycom", "VVX 450"), Category::Phone, "VVX", 64);
pub(super) const CAMERA: Kind = kind([0x00, 0x40, 0x8c], ("Axis", "P3245"), Category::Camera, "axis", 64);
pub(super) const CHILLER: Kind =
    kind([0x00, 0x80, 0xf4], ("Schneider", "M221"), Category::BuildingAutomation, "HVAC", 255);
pub(super) const GATEWAY: Kind =
    kind([0x00, 0x09, 0xfb], ("Philips", "PIC iX"), Category::TelemetryGateway, "CENTRAL", 128);
pub(super) const INTRUDER: Kind =
    kind([0xf4, 0x8c, 0x50], ("Intel", "laptop"), Category::Workstation, "kali", 64);
pub(super) const INTERNET: Kind = kind([0x00, 0x00, 0x5e], ("", "host"), Category::Unknown, "host", 64);
pub(super) const SERVERS: &[(Role, Kind)] = &[
    (Role::Names, kind([0x00, 0x15, 0x5d], ("Microsoft", "Windows Server"), Category::Server, "dc", 128)),
    (
        Role::Engine,
        kind([0x00, 0x50, 0x56], ("VMware", "virtual"), Category::IntegrationEngine, "engine", 64),
    ),
    (Role::Archive, kind([0x00, 0x50, 0x56], ("VMware", "virtual"), Category::Pacs, "pacs", 64)),
    (Role::Record, kind([0x00, 0x50, 0x56], ("VMware", "virtual"), Category::Ehr, "ehr", 128)),
    (Role::Files, kind([0x00, 0x15, 0x5d], ("Microsoft", "Windows Server"), Category::Server, "files", 128)),
    (Role::Broker, kind([0x00, 0x50, 0x56], ("VMware", "virtual"), Category::Server, "mqtt", 64)),
    (Role::Building, kind([0x00, 0x50, 0x56], ("VMware", "virtual"), Category::Server, "bms", 64)),
    (Role::Management, kind([0x00, 0x50, 0x56], ("VMware", "virtual"), Category::Server, "nms", 64)),
];
