//! An invented hospital, so that pages and tests have something to show without a capture.
//!
//! Nothing in it was seen anywhere: addresses are private, makers and names are made up.

mod talk;
mod trouble;
pub(crate) mod weakness;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use wardline_model::{
    Category, Claim, Criticality, Device, DeviceField, DeviceId, DeviceReference, Label, MacAddress,
    Protocol, Timestamp,
};
use wardline_store::{Batch, Progress};

/// The first packet: 3 March 2026, 06:00 UTC.
pub(crate) const BEGIN: Timestamp = Timestamp::from_seconds(1_772_517_600);

/// Capture hours.
pub(crate) const HOURS: u64 = 7;

struct Kind {
    zone: Option<&'static str>,
    category: Category,
    criticality: Option<Criticality>,
    vendor: Option<&'static str>,
    model: Option<&'static str>,
    name: &'static str,
    protocols: &'static [Protocol],
    count: u8,
}

const fn kind(
    zone: &'static str,
    category: Category,
    criticality: Criticality,
    (vendor, model): (&'static str, &'static str),
    name: &'static str,
    protocols: &'static [Protocol],
    count: u8,
) -> Kind {
    Kind {
        zone: Some(zone),
        category,
        criticality: Some(criticality),
        vendor: Some(vendor),
        model: Some(model),
        name,
        protocols,
        count,
    }
}

use Category as C;
use Criticality as K;
use Protocol as P;

/// Names come from the wire: they may be long and without a place to break, and look like markup.
const LONG_NAME: &str = "reception.main-building.ground-floor.left-wing.telephone-with-a-very-long-name-of-its-own.hospital.example.<script>";

#[rustfmt::skip]
const KINDS: &[Kind] = &[
    kind("Intensive care", C::PatientMonitor, K::Monitoring, ("Halden Medical", "Vigil 8"), "icu-monitor", &[P::Hl7, P::Dhcp, P::Ntp], 10),
    kind("Intensive care", C::Ventilator, K::LifeSustaining, ("Brevia", "Aeris 500"), "icu-vent", &[P::Hl7, P::Dhcp], 6),
    kind("Intensive care", C::InfusionPump, K::Therapy, ("Corvin", "SteadyFlow 2"), "icu-pump", &[P::Http, P::Dhcp], 14),
    kind("Intensive care", C::TelemetryGateway, K::Support, ("Halden Medical", "Vigil Link"), "icu-gateway", &[P::Hl7, P::Tls, P::Ntp], 1),
    kind("Surgical ward", C::PatientMonitor, K::Monitoring, ("Halden Medical", "Vigil 5"), "surg-monitor", &[P::Hl7, P::Dhcp], 8),
    kind("Surgical ward", C::InfusionPump, K::Therapy, ("Corvin", "SteadyFlow 2"), "surg-pump", &[P::Http, P::Dhcp], 9),
    kind("Surgical ward", C::NurseCall, K::Support, ("Ringwell", "Station 3"), "surg-call", &[P::Sip, P::Rtp], 2),
    kind("Imaging", C::ImagingModality, K::Diagnostic, ("Ostra Imaging", "CT 64"), "ct", &[P::Dicom, P::Dns, P::Smb2], 2),
    kind("Imaging", C::ImagingModality, K::Diagnostic, ("Ostra Imaging", "MR 3T"), "mr", &[P::Dicom, P::Dns], 1),
    kind("Imaging", C::RadiologyWorkstation, K::Diagnostic, ("Lumen", "Reader"), "reading", &[P::Dicom, P::Smb2, P::Tls, P::Dns], 3),
    kind("Laboratory", C::LabAnalyzer, K::Diagnostic, ("Tessera", "Hema 3000"), "lab-hema", &[P::Astm, P::Hl7], 3),
    kind("Laboratory", C::LabAnalyzer, K::Diagnostic, ("Tessera", "Gas 7"), "lab-gas", &[P::Astm], 2),
    kind("Pharmacy", C::MedicationCabinet, K::Therapy, ("Cellar", "Dispense 40"), "cabinet", &[P::Tls, P::Dns], 3),
    kind("Data centre", C::Pacs, K::Diagnostic, ("Lumen", "Archive"), "pacs", &[P::Dicom, P::Tls, P::Http], 1),
    kind("Data centre", C::IntegrationEngine, K::Support, ("Junction", "Broker 4"), "integration", &[P::Hl7, P::Tls], 1),
    kind("Data centre", C::Ehr, K::Support, ("Folio", "Chart"), "ehr", &[P::Hl7, P::Tls, P::Fhir], 1),
    kind("Data centre", C::Server, K::It, ("Plain Computing", "R2"), "infra", &[P::Dns, P::Dhcp, P::Ntp, P::Ldap, P::Kerberos], 2),
    kind("Office", C::Workstation, K::It, ("Plain Computing", "D1"), "desk", &[P::Tls, P::Dns, P::Smb2, P::Quic], 12),
    kind("Office", C::Printer, K::It, ("Inkwell", "P30"), "printer", &[P::Ipp, P::Snmp], 2),
    kind("Office", C::Phone, K::It, ("<b>Ringwell & Sons</b> Telecommunications Manufacturing Limited", "<img src=x onerror=alert(1)>"), LONG_NAME, &[P::Sip, P::Rtp], 1),
    kind("Building", C::BuildingAutomation, K::It, ("Thermal", "AHU-2"), "air", &[P::Bacnet], 3),
    kind("Building", C::Camera, K::It, ("Lookout", "C4"), "camera", &[P::Rtsp, P::Rtp], 4),
    kind("Data centre", C::Network, K::It, ("Crossway", "S48"), "switch", &[P::Lldp, P::Stp, P::Snmp], 2),
    Kind { zone: None, category: C::Unknown, criticality: None, vendor: None, model: None, name: "", protocols: &[P::Arp], count: 4 },
    Kind { zone: None, category: C::Server, criticality: None, vendor: None, model: None, name: "", protocols: &[P::Tls], count: 2 },
];

/// So many hospitals, alike but for their addresses, names and zones.
pub(crate) fn sites(count: u8) -> Batch {
    let mut all = batch();
    let first = all.clone();
    for site in 1..count {
        let moved = |id: &DeviceId| {
            DeviceId::from(
                id.to_string().replacen("02:57:4c", &format!("02:57:{:02x}", 0x80 + site), 1).as_str(),
            )
        };
        all.devices.extend(first.devices.iter().cloned().map(|mut device| {
            device.id = moved(&device.id);
            device.macs.iter_mut().for_each(|mac| mac.0[2] = 0x80 + site);
            for ip in &mut device.ips {
                if let IpAddr::V4(address) = ip {
                    let [_, _, group, host] = address.octets();
                    *ip = IpAddr::V4(Ipv4Addr::new(10, 20 + site, group, host));
                }
            }
            for name in &mut device.hostnames {
                *name = Label::new(&format!("site{site}-{name}"));
            }
            device.zone = device.zone.map(|zone| Label::new(&format!("Site {site} {zone}")));
            device
        }));
        all.edges.extend(first.edges.iter().cloned().map(|mut edge| {
            edge.src_device = moved(&edge.src_device);
            edge.dst_device = moved(&edge.dst_device);
            edge
        }));
    }
    all
}

/// Everything there is to store about the hospital.
pub(crate) fn batch() -> Batch {
    let devices = devices();
    let edges = talk::edges(&devices);
    let flows = talk::flows(&devices, 160);
    let findings = trouble::findings(&devices);
    let exposures = trouble::exposures(&devices);
    let packets = edges.iter().map(|edge| edge.packets[0] + edge.packets[1]).sum();
    let bytes = edges.iter().map(|edge| edge.bytes[0] + edge.bytes[1]).sum();
    let progress = Progress { packets, bytes, newest: Some(at(HOURS * 3600 - 9)), dropped: 212 };
    Batch { devices, findings, exposures, flows, edges, progress, ..Batch::default() }
}

/// A time `seconds` after the first packet.
pub(crate) fn at(seconds: u64) -> Timestamp {
    BEGIN.plus_milliseconds(seconds as i64 * 1000 + 127)
}

fn devices() -> Vec<Device> {
    let mut devices = Vec::new();
    for (group, kind) in KINDS.iter().enumerate() {
        for index in 0..kind.count {
            devices.push(device(kind, group as u8, index));
        }
    }
    devices
}

fn device(kind: &Kind, group: u8, index: u8) -> Device {
    let mac = MacAddress([0x02, 0x57, 0x4c, group, 0x10, index]);
    let ip = IpAddr::V4(Ipv4Addr::new(10, 20, group, 10 + index));
    let name = match (kind.name, kind.count) {
        ("", _) => None,
        (name, 1) => Some(Label::new(name)),
        (name, _) => Some(Label::new(&format!("{name}-{:02}", index + 1))),
    };
    let first_seen = at(u64::from(group) * 13 + u64::from(index) * 7);
    let mut evidence = Vec::new();
    let mut claim = |field, value: &str, protocol, source: &str, rule: Option<&str>, confidence| {
        evidence.push(Claim {
            field,
            value: Label::new(value),
            protocol,
            source: Label::new(source),
            seen: rule.map(|_| Label::new(&format!("{value} rev. {index}"))),
            rule: rule.map(Label::new),
            confidence,
            file: Label::new("core-switch-mirror.pcapng"),
            packet: 40 + u64::from(group) * 900 + u64::from(index) * 31 + u64::from(source.len() as u8),
            time: first_seen,
        });
    };
    claim(DeviceField::Mac, &mac.to_string(), P::Ethernet, "eth.src", None, 1.0);
    claim(DeviceField::Ip, &ip.to_string(), P::Arp, "arp.spa", None, 0.99);
    if let Some(name) = &name {
        claim(DeviceField::Hostname, name.as_str(), P::Dhcp, "dhcp.option.12", None, 0.95);
        claim(DeviceField::Hostname, name.as_str(), P::Dns, "dns.ptr", None, 0.8);
    }
    if let Some(vendor) = kind.vendor {
        claim(DeviceField::Vendor, vendor, P::Dhcp, "dhcp.option.60", Some("dhcp-vendor-class"), 0.9);
        claim(DeviceField::Vendor, vendor, P::Hl7, "MSH-3", Some("hl7-sending-application"), 0.7);
    }
    if let Some(model) = kind.model {
        claim(DeviceField::Model, model, P::Dhcp, "dhcp.option.60", Some("dhcp-vendor-class"), 0.85);
        claim(
            DeviceField::Category,
            kind.category.name(),
            P::Dhcp,
            "dhcp.option.60",
            Some("dhcp-vendor-class"),
            0.85,
        );
    }
    if let Some(zone) = kind.zone {
        claim(DeviceField::Zone, zone, P::SiteFile, "network.zone", None, 1.0);
    }
    let old = kind.category == C::RadiologyWorkstation || kind.name == "ct";
    Device {
        id: DeviceId::from(format!("mac:{mac}").as_str()),
        macs: vec![mac],
        ips: vec![ip],
        hostnames: name.into_iter().collect(),
        vendor: kind.vendor.map(Label::new),
        model: kind.model.map(Label::new),
        category: kind.category,
        os: old.then(|| Label::new("Windows 7")),
        firmware: (kind.category == C::InfusionPump).then(|| Label::new("2.4.1")),
        serial: (kind.category == C::Ventilator)
            .then(|| Label::new(&format!("AE5-{:05}", 31_000 + u32::from(index) * 17))),
        protocols: kind.protocols.iter().copied().collect::<BTreeSet<_>>(),
        role: kind
            .protocols
            .first()
            .map(|protocol| Label::new(&format!("{protocol} client")))
            .into_iter()
            .collect(),
        zone: kind.zone.map(Label::new),
        criticality: kind.criticality,
        first_seen,
        last_seen: at(HOURS * 3600 - 30 - u64::from(index) * 11 - u64::from(group)),
        confidence: if kind.model.is_some() { 0.86 } else { 0.2 },
        evidence,
        mismatches: Vec::new(),
    }
}

/// Finds a device by its name.
#[expect(clippy::panic, reason = "the names are those of this module")]
pub(crate) fn named<'a>(devices: &'a [Device], name: &str) -> &'a Device {
    let found = devices.iter().find(|device| device.hostnames.iter().any(|known| known.as_str() == name));
    found.unwrap_or_else(|| panic!("{name} is not in the invented hospital"))
}

/// How a finding names a device.
pub(crate) fn reference(device: &Device) -> DeviceReference {
    DeviceReference {
        id: Some(device.id.clone()),
        ip: device.ips.first().copied(),
        mac: device.macs.first().copied(),
        name: Some(device.display_name()),
    }
}
