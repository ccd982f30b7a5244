//! What stands out when the devices themselves are looked at: systems without support, mixed networks.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use ipnet::IpNet;
use serde::Deserialize;
use wardline_model::fact::PatientFields;
use wardline_model::{
    Category, Device, DeviceField, Evidence, ExposureKind, Label, Protocol, Severity, Site, Station,
};

use super::Sighting;

const FILE: &str = include_str!("../../../../knowledge/legacy-systems.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "source")]
    _source: String,
    #[serde(rename = "system")]
    systems: Vec<System>,
}

/// An operating system without support.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct System {
    /// As signatures name it.
    os: Label,
    /// Last day of general support, ISO 8601.
    support_ended: String,
    /// Some editions have a longer one.
    #[serde(default)]
    some_longer: bool,
}

static SYSTEMS: LazyLock<Vec<System>> =
    LazyLock::new(|| toml::from_str::<File>(FILE).map(|file| file.systems).unwrap_or_default());

/// Last day of general support of an operating system by its name here, and whether some editions have a longer one.
pub(crate) fn support_ended(os: &Label) -> Option<(&'static str, bool)> {
    let system = SYSTEMS.iter().find(|system| system.os == *os)?;
    Some((&system.support_ended, system.some_longer))
}

/// Station of a device, for naming it.
fn station(device: &Device) -> Station {
    Station { mac: device.macs.first().copied(), ip: device.ips.first().copied(), ..Station::default() }
}

pub(super) fn legacy_os(device: &Device) -> Option<Sighting> {
    let os = device.os.as_ref()?;
    let system = SYSTEMS.iter().find(|system| system.os == *os)?;
    let claim = device.evidence.iter().find(|claim| claim.field == DeviceField::Os && claim.value == *os)?;
    let severity = match (device.category.is_medical(), system.some_longer) {
        (_, true) => Severity::Low,
        (true, false) => Severity::High,
        (false, false) => Severity::Medium,
    };
    let longer = if system.some_longer { " for most editions" } else { "" };
    Some(Sighting {
        kind: ExposureKind::LegacyOs,
        protocol: claim.protocol,
        cause: os.clone(),
        device: Some(station(device)),
        peer: None,
        severity,
        fields: PatientFields::default(),
        summary: format!(
            "{{device}} runs {os}, which has had no general support since {}{longer}.",
            system.support_ended
        ),
        remedy: "Ask the maker for a supported version. Until it comes: a segment of its own, only the conversations that its work needs, no browsing, no mail, no shares.".to_owned(),
        evidence: Evidence {
            file: claim.file.clone(),
            packet: claim.packet,
            time: claim.time,
            community_id: None,
            protocol: claim.protocol,
            field: claim.source.clone(),
            value: claim.seen.clone().unwrap_or_else(|| claim.value.clone()),
        },
        time: claim.time,
    })
}

/// Networks in which medical devices stand among computers, printers, telephones and cameras.
pub(super) fn flat_networks(devices: &[Device], site: &Site) -> Vec<Sighting> {
    /// From this many of both on it is a mixture rather than a gateway with its console.
    const EACH_MIN: usize = 3;
    let mut networks: BTreeMap<IpNet, (Vec<&Device>, Vec<&Device>)> = BTreeMap::new();
    for device in devices {
        let Some(network) = device.ips.first().and_then(|ip| network_of(*ip, site)) else { continue };
        let (medical, other) = networks.entry(network).or_default();
        match device.category {
            Category::Workstation
            | Category::Printer
            | Category::Phone
            | Category::Camera
            | Category::BuildingAutomation => other.push(device),
            category if category.is_medical() => medical.push(device),
            _ => {}
        }
    }
    let mixed = |(network, (medical, other)): (IpNet, (Vec<&Device>, Vec<&Device>))| {
        if medical.len() < EACH_MIN || other.len() < EACH_MIN {
            return None;
        }
        let claim = other.first()?.evidence.iter().find(|claim| claim.field == DeviceField::Category)?;
        Some(Sighting {
            kind: ExposureKind::FlatNetwork,
            protocol: Protocol::Ipv4,
            cause: Label::new(&network.to_string()),
            device: None,
            peer: None,
            severity: Severity::Medium,
            fields: PatientFields::default(),
            summary: format!(
                "In {network} {} medical devices stand among {} computers, printers, telephones or cameras.",
                medical.len(),
                other.len()
            ),
            remedy: "Give medical devices zones of their own and allow between zones only what is needed; `wardline segment propose` drafts it.".to_owned(),
            evidence: Evidence {
                file: claim.file.clone(),
                packet: claim.packet,
                time: claim.time,
                community_id: None,
                protocol: claim.protocol,
                field: claim.source.clone(),
                value: claim.value.clone(),
            },
            time: medical.iter().chain(&other).map(|device| device.last_seen).max()?,
        })
    };
    networks.into_iter().filter_map(mixed).collect()
}

/// The network that the site file names, or what usually is one.
pub(super) fn network_of(ip: IpAddr, site: &Site) -> Option<IpNet> {
    match (site.network_of(ip), ip) {
        (Some(network), _) => Some(network.prefix),
        (None, IpAddr::V4(_)) => IpNet::new(ip, 24).ok().map(|network| network.trunc()),
        (None, IpAddr::V6(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_sound() {
        let file: File = toml::from_str(FILE).unwrap();
        assert!(!file._source.is_empty());
        for system in file.systems {
            let date = system.support_ended.as_bytes();
            assert!(date.len() == 10 && date[4] == b'-' && date[7] == b'-', "{}", system.os);
        }
    }
}
