//! Which devices a hospital has, and how each speaks.

use std::net::Ipv4Addr;

use wardline_model::{Category, MacAddress};

use crate::frames::End;

/// What a device does all day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Reports vital signs of the bed with this number to the engine.
    Monitor(usize),
    /// Reports infusions of the bed with this number to the engine.
    Pump(usize),
    /// Sends images to the archive.
    Modality(&'static str),
    /// Sends laboratory results to the engine.
    Analyzer,
    /// Looks up names and pages.
    Desk,
    /// Prints, and announces itself.
    Printer,
    /// Answers only.
    Server,
}

/// A device.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub end: End,
    pub name: String,
    pub vendor: &'static str,
    pub model: &'static str,
    pub category: Category,
    pub place: &'static str,
    pub duty: Duty,
    /// DHCP option 60 and, as it stands on the wire, option 55.
    pub vendor_class: &'static str,
    pub parameters: &'static [u8],
}

/// A kind of device of which a hospital may have several.
#[derive(Debug)]
pub(crate) struct Kind {
    pub prefix: [u8; 3],
    pub vendor: &'static str,
    pub model: &'static str,
    pub category: Category,
    pub name: &'static str,
    pub time_to_live: u8,
    pub vendor_class: &'static str,
    pub parameters: &'static [u8],
}

/// DHCP option 55 as these systems ask.
pub(crate) const WINDOWS: &[u8] = &[1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252];
pub(crate) const LINUX: &[u8] = &[1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 121, 42];
pub(crate) const SMALL: &[u8] = &[1, 3, 6, 15];

pub(crate) const fn kind(
    prefix: [u8; 3],
    (vendor, model): (&'static str, &'static str),
    category: Category,
    name: &'static str,
    time_to_live: u8,
    (vendor_class, parameters): (&'static str, &'static [u8]),
) -> Kind {
    Kind { prefix, vendor, model, category, name, time_to_live, vendor_class, parameters }
}

/// Patient monitors: IEEE prefixes of their makers.
pub(crate) const MONITORS: &[Kind] = &[
    kind(
        [0x00, 0x09, 0xfb],
        ("Philips", "IntelliVue MX700"),
        Category::PatientMonitor,
        "MX700",
        64,
        ("", SMALL),
    ),
    kind([0x00, 0x00, 0xa1], ("GE", "CARESCAPE B850"), Category::PatientMonitor, "B850", 128, ("", SMALL)),
    kind(
        [0x00, 0x30, 0x82],
        ("Draeger", "Infinity Delta"),
        Category::PatientMonitor,
        "DELTA",
        255,
        ("", SMALL),
    ),
];
/// Pumps.
pub(crate) const PUMPS: &[Kind] = &[
    kind([0x00, 0x11, 0xbb], ("BD", "Alaris 8015"), Category::InfusionPump, "ALARIS", 64, ("", SMALL)),
    kind([0x00, 0x03, 0xb1], ("ICU Medical", "Plum 360"), Category::InfusionPump, "PLUM", 255, ("", SMALL)),
];
/// Scanners, with what they make.
pub(crate) const MODALITIES: &[(&str, Kind)] = &[
    (
        "CT",
        kind(
            [0x08, 0x00, 0x06],
            ("Siemens", "SOMATOM Force"),
            Category::ImagingModality,
            "CT",
            128,
            ("MSFT 5.0", WINDOWS),
        ),
    ),
    (
        "MR",
        kind([0x00, 0x00, 0xa1], ("GE", "SIGNA Artist"), Category::ImagingModality, "MR", 64, ("", LINUX)),
    ),
    (
        "DX",
        kind(
            [0x00, 0x00, 0x85],
            ("Canon", "CXDI-702C"),
            Category::ImagingModality,
            "DX",
            128,
            ("MSFT 5.0", WINDOWS),
        ),
    ),
    (
        "US",
        kind(
            [0x00, 0x09, 0xfb],
            ("Philips", "EPIQ 7"),
            Category::ImagingModality,
            "US",
            128,
            ("MSFT 5.0", WINDOWS),
        ),
    ),
];
/// Analysers.
pub(crate) const ANALYZERS: &[Kind] = &[
    kind(
        [0x00, 0x30, 0x11],
        ("Roche", "cobas 8000"),
        Category::LabAnalyzer,
        "COBAS",
        128,
        ("MSFT 5.0", WINDOWS),
    ),
    kind([0x00, 0x60, 0x35], ("Sysmex", "XN-1000"), Category::LabAnalyzer, "XN", 128, ("MSFT 5.0", WINDOWS)),
];
/// Desks.
pub(crate) const DESKS: &[Kind] = &[
    kind(
        [0x00, 0x14, 0x22],
        ("Dell", "OptiPlex 7090"),
        Category::Workstation,
        "WS",
        128,
        ("MSFT 5.0", WINDOWS),
    ),
    kind(
        [0x3c, 0xd9, 0x2b],
        ("HP", "EliteDesk 800"),
        Category::Workstation,
        "PC",
        128,
        ("MSFT 5.0", WINDOWS),
    ),
];
/// Printers.
pub(crate) const PRINTERS: &[Kind] =
    &[kind([0x00, 0x1b, 0xa9], ("Brother", "HL-L6400DW"), Category::Printer, "BRW", 64, ("", SMALL))];
/// Servers, by what they are for.
pub(crate) const SERVERS: &[(&str, Kind)] = &[
    (
        "gateway",
        kind([0x00, 0x1b, 0x17], ("Palo Alto Networks", "PA-3220"), Category::Network, "gw", 64, ("", LINUX)),
    ),
    (
        "names",
        kind(
            [0x00, 0x15, 0x5d],
            ("Microsoft", "Windows Server"),
            Category::Server,
            "dc1",
            128,
            ("", WINDOWS),
        ),
    ),
    (
        "engine",
        kind(
            [0x00, 0x50, 0x56],
            ("VMware", "virtual"),
            Category::IntegrationEngine,
            "engine1",
            64,
            ("", LINUX),
        ),
    ),
    ("archive", kind([0x00, 0x50, 0x56], ("VMware", "virtual"), Category::Pacs, "pacs1", 64, ("", LINUX))),
    ("record", kind([0x00, 0x50, 0x56], ("VMware", "virtual"), Category::Ehr, "ehr1", 64, ("", LINUX))),
    ("files", kind([0x00, 0x50, 0x56], ("VMware", "virtual"), Category::Server, "web1", 64, ("", LINUX))),
];

impl Kind {
    /// A device of this kind.
    pub(crate) fn make(&self, number: u32, ip: Ipv4Addr, place: &'static str, duty: Duty) -> Device {
        let [a, b, c] = self.prefix;
        let [_, d, e, f] = (number.wrapping_mul(2_654_435_761) >> 8).to_be_bytes();
        let name = if duty == Duty::Server {
            self.name.to_owned()
        } else {
            format!("{}-{:04X}", self.name, number.wrapping_mul(7919) & 0xffff)
        };
        Device {
            end: End {
                mac: MacAddress([a, b, c, d, e, f]),
                ip,
                ip6: None,
                port: 0,
                time_to_live: self.time_to_live,
            },
            name,
            vendor: self.vendor,
            model: self.model,
            category: self.category,
            place,
            duty,
            vendor_class: self.vendor_class,
            parameters: self.parameters,
        }
    }
}
