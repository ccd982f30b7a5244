//! Doors that stand open: readable protocols, remote access, the internet, control without log-in.

use std::net::IpAddr;

use wardline_model::fact::{
    ControlFact, ControlOperation, Conversation, MqttFact, PatientFields, RecordAccessFact, RecordVerb,
};
use wardline_model::{ExposureKind, Label, Protocol, Severity, Station};

use super::{Scene, Sighting};
use crate::inventory::is_internal;

fn sighting(
    scene: &Scene<'_>,
    kind: ExposureKind,
    protocol: Protocol,
    severity: Severity,
    summary: String,
    remedy: &str,
) -> Sighting {
    let observation = scene.observation;
    Sighting {
        kind,
        protocol,
        cause: Label::default(),
        device: Some(observation.to),
        peer: Some(observation.from),
        severity,
        fields: PatientFields::default(),
        summary,
        remedy: remedy.to_owned(),
        evidence: scene.names.evidence(observation, protocol, "conversation", protocol.name()),
        time: observation.sighting.time,
    }
}

pub(super) fn conversation(scene: &Scene<'_>, conversation: &Conversation) -> Vec<Sighting> {
    // What nobody answered is an attempt, not an open door.
    if conversation.packets.contains(&0) {
        return Vec::new();
    }
    let mut sightings = Vec::new();
    sightings.extend(internet(scene, conversation));
    if let Some(protocol) = conversation.application {
        sightings.extend(unencrypted(scene, protocol, conversation));
        sightings.extend(remote_access(scene, protocol));
        sightings.extend(without_log_in(scene, protocol));
    }
    sightings
}

/// Protocols that are made for medical data or for managing devices; that web pages are readable is told where
/// they carry something that matters.
fn unencrypted(scene: &Scene<'_>, protocol: Protocol, conversation: &Conversation) -> Option<Sighting> {
    let severity = match protocol {
        Protocol::Hl7
        | Protocol::Dicom
        | Protocol::Fhir
        | Protocol::Dicomweb
        | Protocol::Astm
        | Protocol::Poct1a
        | Protocol::Phd
        | Protocol::IntellivueDataExport
        | Protocol::Mqtt
        | Protocol::Telnet => Severity::Medium,
        Protocol::Ftp | Protocol::Tftp | Protocol::Vnc | Protocol::Smb1 => Severity::Low,
        _ => return None,
    };
    (conversation.encrypted != Some(true)).then(|| {
        sighting(
            scene,
            ExposureKind::UnencryptedProtocol,
            protocol,
            severity,
            format!("{{device}} and {{peer}} speak {protocol} without encryption."),
            "Turn on encryption where both ends can; otherwise keep this conversation in a segment of its own, and allow it between these two only.",
        )
    })
}

/// Somebody from elsewhere works on a medical device.
fn remote_access(scene: &Scene<'_>, protocol: Protocol) -> Option<Sighting> {
    if !matches!(protocol, Protocol::Rdp | Protocol::Vnc | Protocol::Telnet | Protocol::Ssh) {
        return None;
    }
    let (from, to) = (scene.observation.from, scene.observation.to);
    if !scene.inventory.category(&to).is_medical() {
        return None;
    }
    let zone = |ip: Option<IpAddr>| scene.inventory.site().network_of(ip?)?.zone.clone();
    let severity = match (zone(from.ip), zone(to.ip)) {
        _ if is_outside(scene, &from) => Severity::High,
        (Some(one), Some(other)) if one == other => Severity::Low,
        (Some(_), Some(_)) => Severity::Medium,
        _ => Severity::Low,
    };
    Some(sighting(
        scene,
        ExposureKind::RemoteAccess,
        protocol,
        severity,
        format!("{{peer}} can work on the medical device {{device}} over {protocol}."),
        "Allow remote access from one jump host only, with log-in of its own and a record of each session; close it while nobody needs it.",
    ))
}

/// A medical device and a public address talk.
fn internet(scene: &Scene<'_>, conversation: &Conversation) -> Option<Sighting> {
    let (from, to) = (scene.observation.from, scene.observation.to);
    let (device, peer, inbound) = match (is_outside(scene, &from), is_outside(scene, &to)) {
        (true, false) => (to, from, true),
        (false, true) => (from, to, false),
        _ => return None,
    };
    if !scene.inventory.category(&device).is_medical() {
        return None;
    }
    let protocol = conversation.application.unwrap_or(match scene.observation.transport {
        Some(wardline_model::Transport::UDP) => Protocol::Udp,
        _ => Protocol::Tcp,
    });
    let (severity, summary, cause) = if inbound {
        (
            Severity::High,
            "{peer}, a public address, opened a conversation with the medical device {device}.",
            "inbound",
        )
    } else if conversation.encrypted == Some(true) || matches!(protocol, Protocol::Dns | Protocol::Ntp) {
        (Severity::Low, "The medical device {device} talks with {peer}, a public address.", "outbound")
    } else {
        (
            Severity::Medium,
            "The medical device {device} talks with {peer}, a public address, without encryption that we could see.",
            "outbound",
        )
    };
    let mut sighting = sighting(
        scene,
        ExposureKind::InternetExposed,
        protocol,
        severity,
        summary.to_owned(),
        "Let medical devices reach the internet only through a proxy that allows the few names their makers give; never let the internet reach them.",
    );
    sighting.device = Some(device);
    sighting.peer = Some(peer);
    sighting.cause = Label::new(cause);
    Some(sighting)
}

/// A unicast address that is neither private nor of the site.
pub(super) fn is_outside(scene: &Scene<'_>, station: &Station) -> bool {
    station.ip.is_some_and(|ip| {
        crate::inventory::is_unicast(ip)
            && !is_internal(ip)
            && scene.inventory.key_of(station).is_none()
            && scene.inventory.site().network_of(ip).is_none()
    })
}

/// Protocols whose standards know no log-in: who reaches the port gives orders.
fn without_log_in(scene: &Scene<'_>, protocol: Protocol) -> Option<Sighting> {
    let severity = match protocol {
        Protocol::IntellivueDataExport => Severity::Medium,
        Protocol::Modbus | Protocol::Bacnet | Protocol::S7 | Protocol::EthernetIp => Severity::Low,
        _ => return None,
    };
    Some(sighting(
        scene,
        ExposureKind::UnauthenticatedControl,
        protocol,
        severity,
        format!("{{device}} takes orders over {protocol} from whoever reaches it; {{peer}} did."),
        "The protocol has no log-in: let only its own controller or gateway reach this port.",
    ))
}

/// A command that changes a device, given without log-in. Told of the command, or of the answer that it was done.
pub(super) fn control(scene: &Scene<'_>, control: &ControlFact) -> Option<Sighting> {
    use ControlOperation::{Configure, Erase, Program, Restart, SilenceAlarm, Stop};
    if control.authenticated || !control.operation.changes() || control.accepted == Some(false) {
        return None;
    }
    let (from, to) = (scene.observation.from, scene.observation.to);
    let (device, peer) = if control.accepted.is_some() { (from, to) } else { (to, from) };
    // A command to all has no device of ours.
    scene.inventory.key_of(&device)?;
    let drastic = matches!(control.operation, Configure | Erase | Program | Restart | SilenceAlarm | Stop);
    let severity = match (scene.inventory.category(&device).is_medical(), drastic) {
        (true, _) => Severity::High,
        (false, true) => Severity::Medium,
        (false, false) => Severity::Low,
    };
    let mut sighting = sighting(
        scene,
        ExposureKind::UnauthenticatedControl,
        control.protocol,
        severity,
        format!(
            "{{device}} takes orders over {} from whoever reaches it; {{peer}} gave some.",
            control.protocol
        ),
        "Let only the device's own controller or gateway reach this port; where the device can ask for a log-in, turn that on.",
    );
    (sighting.device, sighting.peer) = (Some(device), Some(peer));
    sighting.evidence =
        scene.names.evidence(scene.observation, control.protocol, "command", control.command.as_str());
    Some(sighting)
}

/// Records that are changed or taken by the thousand without log-in, in clear. That they can be read is told by the patient
/// data in the answer.
pub(super) fn records(scene: &Scene<'_>, access: &RecordAccessFact) -> Option<Sighting> {
    use RecordVerb::{Create, Delete, Export, Update};
    let granted = access.status.is_some_and(|status| (200..300).contains(&status));
    if access.authenticated || !granted || !matches!(access.verb, Create | Update | Delete | Export) {
        return None;
    }
    let (from, to) = (scene.observation.from, scene.observation.to);
    scene.inventory.key_of(&to)?;
    let mut sighting = sighting(
        scene,
        ExposureKind::UnauthenticatedControl,
        access.protocol,
        Severity::High,
        format!(
            "{{device}} changes or hands out records of patients over {} without log-in; {{peer}} made use of it.",
            access.protocol
        ),
        "Have the server ask for a token or a client certificate over TLS for every request, and refuse all others.",
    );
    (sighting.device, sighting.peer) = (Some(to), Some(from));
    sighting.evidence =
        scene.names.evidence(scene.observation, access.protocol, "request", access.resource.as_str());
    Some(sighting)
}

/// A broker that anybody may use. Told by the broker's answer, which is seen only where nothing is encrypted;
/// whether an account was sent stands in the question, so it is told when a client without one goes on to publish.
pub(super) fn mqtt(scene: &Scene<'_>, mqtt: &MqttFact) -> Option<Sighting> {
    let MqttFact::Connect { has_account: false, .. } = mqtt else { return None };
    Some(sighting(
        scene,
        ExposureKind::UnauthenticatedControl,
        Protocol::Mqtt,
        Severity::Medium,
        "{peer} uses the broker {device} without account: whoever reaches it may read and send everything."
            .to_owned(),
        "Have the broker ask every client for a certificate or an account, and allow each only its own topics.",
    ))
}
