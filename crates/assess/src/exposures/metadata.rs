//! What is told to everybody although nobody asked, and what stays readable of a conversation that is encrypted: which
//! medical device is where, and whom it reports to. MITRE ATT&CK T1592 and T1590 name what it is good for.

use wardline_model::fact::{
    IdentityFact, IdentitySubject, LinkAdvertisement, PatientFields, TlsClientHello, WsDiscoveryFact,
    WsDiscoveryKind,
};
use wardline_model::{ExposureKind, Label, Protocol, Severity};

use super::access::is_outside;
use super::{Scene, Sighting};

/// A device that says of itself, to all that listen, what it is.
pub(super) fn introduction(scene: &Scene<'_>, told: &IdentityFact) -> Option<Sighting> {
    if told.subject != IdentitySubject::Sender || !to_everybody(scene) {
        return None;
    }
    let device = &told.device;
    let location = told.attributes.iter().any(|(name, _)| name.as_str() == "location");
    announcement(
        scene,
        told.protocol,
        device.field.as_str(),
        &[
            ("model", device.model.is_some()),
            ("serial number", device.serial.is_some()),
            ("software", device.firmware.is_some()),
            ("identifier", device.identifier.is_some()),
            ("name", told.name.is_some()),
            ("place", location),
        ],
    )
}

/// The same over LLDP or CDP: the switch needs no more than the port.
pub(super) fn link_advertisement(scene: &Scene<'_>, told: &LinkAdvertisement) -> Option<Sighting> {
    announcement(
        scene,
        told.protocol,
        "advertisement",
        &[
            ("model", told.model.is_some()),
            ("serial number", told.serial.is_some()),
            ("software", told.firmware.is_some()),
            ("place", told.location.is_some()),
        ],
    )
}

/// The same by WS-Discovery, whose scopes may hold bed and ward.
pub(super) fn ws_discovery(scene: &Scene<'_>, told: &WsDiscoveryFact) -> Option<Sighting> {
    if told.kind != WsDiscoveryKind::Hello || !to_everybody(scene) {
        return None;
    }
    let place = told.scopes.iter().any(|scope| scope.as_str().contains("ctxt.loc"));
    announcement(
        scene,
        Protocol::WsDiscovery,
        "Hello",
        &[("kind of device", told.medical), ("identifier", told.endpoint.is_some()), ("place", place)],
    )
}

/// A server name stands readable in front of what is encrypted; to a public address it leaves the house.
pub(super) fn client_hello(scene: &Scene<'_>, hello: &TlsClientHello) -> Option<Sighting> {
    let observation = scene.observation;
    let name = hello.server_name.as_ref()?;
    let leaves =
        is_outside(scene, &observation.to) && scene.inventory.category(&observation.from).is_medical();
    leaves.then(|| Sighting {
        kind: ExposureKind::MetadataLeak,
        protocol: Protocol::Tls,
        cause: Label::new("server name"),
        device: Some(observation.from),
        peer: None,
        severity: Severity::Low,
        fields: PatientFields::default(),
        summary: "{device} names in clear, on the way through the internet, whom it reports to; who reads that knows what kind of device is here and when it is used.".to_owned(),
        remedy: "Lead its conversations through a proxy or a tunnel of the hospital; where its maker offers Encrypted Client Hello, have it turned on.".to_owned(),
        evidence: scene.names.evidence(observation, Protocol::Tls, "server name", name.as_str()),
        time: observation.sighting.time,
    })
}

fn to_everybody(scene: &Scene<'_>) -> bool {
    let (from, to) = (scene.observation.from, scene.observation.to);
    let group = to.mac.is_some_and(|mac| !mac.is_station());
    let radio = from.radio.is_some() && to.radio.is_none();
    group || radio || to.ip.is_some_and(|ip| !crate::inventory::is_unicast(ip))
}

/// `what` it says, and whether it does. One thing alone, such as a name, is what announcements are made for.
fn announcement(
    scene: &Scene<'_>,
    protocol: Protocol,
    field: &str,
    what: &[(&str, bool)],
) -> Option<Sighting> {
    let observation = scene.observation;
    let said: Vec<_> = what.iter().filter(|(_, said)| *said).map(|(name, _)| *name).collect();
    if said.len() < 2 || !scene.inventory.category(&observation.from).is_medical() {
        return None;
    }
    let said = said.join(", ");
    let audience =
        if observation.from.radio.is_some() { "within reach of its radio" } else { "in its network" };
    Some(Sighting {
        kind: ExposureKind::MetadataLeak,
        protocol,
        cause: Label::default(),
        device: Some(observation.from),
        peer: None,
        severity: Severity::Low,
        fields: PatientFields::default(),
        summary: format!("{{device}} tells everybody {audience} over {protocol} which medical device it is: {said}."),
        remedy: "Turn the announcement off where nobody needs it; otherwise keep the device in a segment of its own, so that only those hear it who work with it.".to_owned(),
        evidence: scene.names.evidence(observation, protocol, field, &said),
        time: observation.sighting.time,
    })
}
