//! Which zone a device belongs in, by what it is and what depends on it.

use wardline_model::{Action, Category, Criticality, Device, Label};

/// Zone and group of a device, and why.
///
/// It depends on this device alone, so a device that is added moves no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Zone.
    pub zone: Label,
    /// Group within it.
    pub group: Label,
    /// What the zone does with conversations that stay within it.
    pub within: Action,
    /// Why the zone exists.
    pub zone_reason: &'static str,
    /// Why the device is in it.
    pub reason: String,
}

/// Where a device belongs.
pub fn placement(device: &Device) -> Placement {
    let (family, within, zone_reason) = family(device.category, device.criticality);
    let ward = device.zone.as_ref().filter(|_| at_the_bedside(device)).map(|ward| name_part(ward.as_str()));
    let zone = match &ward {
        Some(ward) if !ward.is_empty() => format!("{family}-{ward}"),
        _ => family.to_owned(),
    };
    let mut reason = format!("category {}", device.category);
    if let Some(criticality) = device.criticality {
        reason.push_str(&format!(", {criticality}"));
    }
    if let Some(ward) = device.zone.as_ref().filter(|_| ward.is_some()) {
        reason.push_str(&format!(", in {ward}"));
    }
    let zone: String = zone.chars().take(ZONE_CHARACTERS_MAX).collect();
    Placement {
        group: Label::new(&format!("{zone}/{}", device.category)),
        zone: Label::new(&zone),
        within,
        zone_reason,
        reason,
    }
}

/// A zone's name with the longest category behind it stays within what renderings can carry.
const ZONE_CHARACTERS_MAX: usize = 38;

/// Devices of a ward stay apart from those of the next, so that what spreads in one stays there.
fn at_the_bedside(device: &Device) -> bool {
    matches!(
        device.criticality,
        Some(Criticality::LifeSustaining | Criticality::Therapy | Criticality::Monitoring)
    )
}

fn family(category: Category, criticality: Option<Criticality>) -> (&'static str, Action, &'static str) {
    const BEDSIDE: &str = "bedside devices talk to their servers, not to each other, unless that was seen";
    if criticality == Some(Criticality::LifeSustaining) {
        return ("life-sustaining", Action::Deny, "a patient may die within minutes without these devices");
    }
    match category {
        Category::Pacs | Category::IntegrationEngine | Category::Ehr | Category::MedicationCabinet => (
            "clinical-systems",
            Action::Accept,
            "systems that clinical work runs on; they talk to each other in many ways",
        ),
        Category::ImagingModality | Category::RadiologyWorkstation => {
            ("imaging", Action::Deny, "scanners talk to archive and worklist, not to each other")
        }
        Category::LabAnalyzer => ("laboratory", Action::Deny, "analysers talk to their information system"),
        Category::Server => ("servers", Action::Accept, "general servers"),
        Category::Network => ("network", Action::Accept, "what carries the traffic of all others"),
        Category::Workstation => {
            ("workstations", Action::Deny, "the usual way in; malware spreads from one to the next")
        }
        Category::Printer | Category::Phone | Category::Camera => {
            ("office", Action::Deny, "printers, telephones and cameras are rarely patched")
        }
        Category::BuildingAutomation => ("building", Action::Deny, "heating, ventilation, doors, gases"),
        Category::Unknown => {
            ("unclassified", Action::Deny, "nobody knows yet what these are; classify them first")
        }
        _ => match criticality {
            Some(Criticality::Therapy) => ("therapy", Action::Deny, BEDSIDE),
            Some(Criticality::Monitoring) => ("monitoring", Action::Deny, BEDSIDE),
            _ => ("medical", Action::Deny, BEDSIDE),
        },
    }
}

fn name_part(text: &str) -> String {
    let mut part = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            part.push(c.to_ascii_lowercase());
        } else if !part.ends_with('-') && !part.is_empty() {
            part.push('-');
        }
    }
    part.trim_end_matches('-').to_owned()
}
