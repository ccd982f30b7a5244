//! What a finding means at the bedside, and what to do, in plain words.
//!
//! Templates: a hospital's own clinical engineers and nurses have the last word. Nothing here claims that a
//! device is safe, and no step stops a therapy before another one runs.

use wardline_model::{Attack, Category};

/// What it means at the bedside.
pub(super) fn clinical(attack: Attack, category: Category) -> String {
    let device = noun(category);
    match attack {
        Attack::PassiveGathering => format!(
            "Somebody may read or change what {device} sends and receives. Therapy goes on; what is shown elsewhere may be wrong or late."
        ),
        Attack::DenialOfService => format!(
            "{} may stop sending and answering. Central displays and alarms that depend on the network may be silent.",
            capital(device)
        ),
        Attack::FalseNode => {
            "Readings of one patient may be filed under another. Do not treat by charted values of these patients until they are checked at the bed.".to_owned()
        }
        Attack::MessageCorruption => format!("Values that came from {device} may have been altered on their way."),
        Attack::Outage => format!("{} no longer reports. It may still work at the bed.", capital(device)),
        Attack::Physical => format!("What calls itself {device} may be another device. Its readings may be false."),
        Attack::Routing => "Messages go in circles: readings may come late, twice or not at all.".to_owned(),
        Attack::Eavesdropping => "Somebody may listen in on a room.".to_owned(),
        Attack::TrafficAnalysis => "Extra or repeated messages were sent: charted values may be doubled or old.".to_owned(),
        Attack::NodeMalfunction => format!("Settings of {device} were changed or erased over the network. Alarm limits may be off."),
        Attack::ThreatIntel | Attack::PolicyViolation | Attack::Anomaly => {
            "No effect on patients is known. Care goes on as usual.".to_owned()
        }
    }
}

/// What to do, in order.
pub(super) fn steps(attack: Attack, category: Category) -> Vec<String> {
    let mut steps: Vec<&str> = Vec::new();
    if category.is_medical() {
        steps.push("Look at the patient, not at the screen; check the reading by an independent method.");
    }
    match category {
        Category::InfusionPump | Category::InsulinPump => steps.push("Compare the pump's own display with the order; keep it running until a replacement runs."),
        Category::Ventilator | Category::Anesthesia => steps.push("Stay with the patient; compare measured volumes with the patient; keep ventilation going. Never unplug the network of a device in use without the clinician at the bed."),
        Category::PatientMonitor => steps.push("Use the monitor at the bed with its local alarms on; do not rely on the central station."),
        _ => {}
    }
    steps.extend_from_slice(match attack {
        Attack::PassiveGathering => &[
            "Find the switch port of the source's MAC address and shut it, or move it to quarantine.",
            "Clear the ARP caches of the gateway and of the devices named, then watch whether the claim returns.",
            "Treat every password that crossed the segment since the start as known to others.",
        ][..],
        Attack::DenialOfService => &[
            "Limit or block the source at the switch or firewall next to it; leave the device's own required conversations alone.",
            "Ask the ward whether the device still works at the bed; switch to the downtime procedure where central views are needed.",
            "When it is over, check that the device reports again and that its clock is right.",
        ],
        Attack::FalseNode => &[
            "At the bed: compare the wristband with the patient shown on the monitor, by two identifiers.",
            "Correct the assignment of the monitor to the patient, and mark results of the time named as in doubt.",
            "Look for the station that sent the results: a wrong admission, or a station that should not send them.",
        ],
        Attack::MessageCorruption => &[
            "Compare the value at the device with the value in the record, and correct the record.",
            "Find who stands between the two: compare the paths named in the evidence.",
        ],
        Attack::Outage => &[
            "Go to the device: is it on, and does its own screen work?",
            "If several are silent at once, look at the switch or access point that they share.",
        ],
        _ => &["Open the evidence and compare it with what is expected of this device at this time."],
    });
    steps
        .push("Call clinical engineering and information security; write down time, place and what you saw.");
    steps.into_iter().map(str::to_owned).collect()
}

const fn noun(category: Category) -> &'static str {
    match category {
        Category::PatientMonitor => "the patient monitor",
        Category::InfusionPump => "the infusion pump",
        Category::Ventilator => "the ventilator",
        Category::Anesthesia => "the anaesthesia machine",
        Category::ImagingModality => "the scanner",
        Category::Pacs => "the image archive",
        Category::LabAnalyzer => "the analyser",
        Category::IntegrationEngine => "the message engine",
        Category::Ehr => "the health record",
        Category::MedicationCabinet => "the medication cabinet",
        _ => "this device",
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
