//! From facts to claims: what each protocol tells about who speaks it.

mod clinical;
mod introduction;
mod lines;
mod names;
mod network;
mod services;
mod web;

use std::sync::Arc;

use wardline_model::fact::{MqttFact, NeighborKind, SmbFact};
use wardline_model::{Claim, DeviceField, Fact, Label, MacAddress, Observation, Protocol, RadioAddress};

use super::{DeviceKey, Inventory};
use crate::evidence::CaptureNames;
use crate::knowledge::{Clue, ClueSource, SignatureClaim};
use crate::limits::CLUES_MAX;

/// A value that was read literally from a field that exists to say it.
const READ: f32 = 0.95;
/// A value that its owner chose, such as a name.
const CHOSEN: f32 = 0.8;
/// A value that another station told.
const HEARSAY: f32 = 0.6;
/// Who made the network interface, who is often but not always the maker of the device.
const OUI: f32 = 0.5;

/// Learns what an observation tells about both of its ends.
pub(super) fn observe(inventory: &mut Inventory, observation: &Observation, names: &CaptureNames) {
    let mut notes = Notes { inventory, observation, names };
    notes.presence();
    match &observation.fact {
        Fact::Dhcp(dhcp) => notes.dhcp(dhcp),
        Fact::Dns(dns) => notes.dns(dns),
        Fact::Http(http) => notes.http(http),
        Fact::Tls(tls) => notes.tls(tls),
        Fact::Ntlm(ntlm) => notes.ntlm(ntlm),
        Fact::Snmp(snmp) => notes.snmp(snmp),
        Fact::Smb(smb) if matches!(smb.as_ref(), SmbFact::Negotiated { .. }) => {
            notes.role(true, Protocol::Smb2, "dialect", "smb server");
        }
        Fact::LinkAdvertisement(advertisement) => notes.link_advertisement(advertisement),
        Fact::WsDiscovery(discovery) => notes.ws_discovery(discovery),
        Fact::Ssdp(ssdp) => {
            notes.clue_from(Protocol::Ssdp, "SERVER", ClueSource::SsdpServer, ssdp.server.as_ref());
            notes.clue_from(
                Protocol::Ssdp,
                "NT",
                ClueSource::SsdpTarget,
                ssdp.target.as_ref().filter(|_| ssdp.kind != wardline_model::fact::SsdpKind::Search),
            );
        }
        Fact::Mqtt(mqtt) => {
            if let MqttFact::Connect { client, .. } = mqtt.as_ref() {
                notes.clue_from(Protocol::Mqtt, "mqtt.clientid", ClueSource::MqttClient, Some(client));
                notes.role(true, Protocol::Mqtt, "CONNECT", "mqtt client");
                notes.role(false, Protocol::Mqtt, "CONNECT", "mqtt broker");
            }
        }
        Fact::Sip(sip) => {
            notes.clue_from(Protocol::Sip, "User-Agent", ClueSource::SipAgent, sip.agent.as_ref())
        }
        Fact::Banner(banner) => {
            let source =
                if banner.protocol == Protocol::Ftp { ClueSource::FtpBanner } else { ClueSource::Banner };
            notes.clue_from(banner.protocol, "banner", source, Some(&banner.text));
            if banner.protocol == Protocol::Smtp && banner.text.as_str().starts_with("220") {
                notes.role(true, Protocol::Smtp, "banner", "mail server");
            }
        }
        Fact::Hl7(hl7) => notes.hl7(hl7),
        Fact::Dicom(dicom) => notes.dicom(dicom),
        Fact::Identity(identity) => notes.introduction(identity),
        Fact::Measurement(told) if observation.transport.is_none() => notes.speaks(told.protocol),
        Fact::RadioLink(link) => {
            notes.speaks(link.protocol);
            notes.role(true, link.protocol, "connection", "ble central");
        }
        Fact::Control(control) => notes.commanded(control),
        Fact::Routing(routing) => notes.routing(routing),
        Fact::RecordAccess(access) => notes.record_access(access),
        Fact::Sdc(sdc) => notes.sdc(sdc),
        Fact::Alarm(alarm) => notes.role(true, alarm.protocol, "alarm", "alarm source"),
        Fact::Neighbor(neighbor) if neighbor.kind == NeighborKind::RouterAdvertisement => {
            notes.role(true, Protocol::NeighborDiscovery, "router advertisement", "router");
        }
        Fact::Ntp(ntp) if ntp.mode == 4 => notes.role(true, Protocol::Ntp, "mode", "ntp server"),
        Fact::ConversationEnded(conversation) => {
            if let Some(application) = conversation.application {
                notes.speaks(application);
            }
        }
        _ => {}
    }
}

struct Notes<'a> {
    inventory: &'a mut Inventory,
    observation: &'a Observation,
    names: &'a CaptureNames,
}

impl Notes<'_> {
    fn from(&self) -> Option<DeviceKey> {
        self.inventory.sender.1
    }

    /// The receiver. Its link address in the frame may be that of a group, which names nobody.
    fn to(&self) -> Option<DeviceKey> {
        self.inventory.key_of(&self.observation.to)
    }

    /// That a station is there at all, and who made it.
    fn presence(&mut self) {
        let time = self.observation.sighting.time;
        let Some(key) = self.from() else { return };
        let proves = match &self.observation.fact {
            // Whoever sends from a made-up address is never answered.
            Fact::StationSeen
            | Fact::ConversationStarted(_)
            | Fact::Rate(_)
            | Fact::Icmp(_)
            | Fact::Replica(_) => {
                matches!(key, DeviceKey::Mac(_))
            }
            Fact::ConversationEnded(conversation) => {
                matches!(key, DeviceKey::Mac(_)) || conversation.packets.iter().all(|packets| *packets > 0)
            }
            _ => true,
        };
        if !proves {
            return;
        }
        let known = self.inventory.len();
        if self.inventory.entity(key, time).is_none() || self.inventory.len() == known {
            return;
        }
        self.inventory.changed.insert(key);
        self.maker(key);
    }

    /// Who made the network interface of a device that was not known before.
    fn maker(&mut self, key: DeviceKey) {
        // An EUI-64 begins with the same prefix of its maker as a MAC address.
        let (prefixed, place) = match key {
            DeviceKey::Mac(mac) if self.observation.from.mac == Some(mac) => {
                (Some(mac), (Protocol::Ethernet, "eth.src.oui"))
            }
            DeviceKey::Mac(mac) => (Some(mac), (Protocol::Ethernet, "link address")),
            DeviceKey::Radio(RadioAddress::Ieee802154Extended([a, b, c, d, e, f, ..])) => {
                (Some(MacAddress([a, b, c, d, e, f])), (Protocol::Ieee802154, "wpan.src64"))
            }
            _ => (None, (Protocol::Ethernet, "eth.src.oui")),
        };
        if let Some(organization) = prefixed.and_then(|mac| self.inventory.knowledge.organization(mac)) {
            let organization = Label::new(organization);
            if self.inventory.knowledge.makes_parts(organization.as_str()) {
                let maker = organization.clone();
                self.claim(key, DeviceField::Attribute, maker, READ, place, None);
            } else if let Some(maker) = self.inventory.knowledge.vendor(organization.as_str()) {
                let seen = (organization.clone(), Label::new("oui"));
                self.claim(key, DeviceField::Vendor, maker, OUI, place, Some(seen));
            }
            self.clue(Some(key), place.0, place.1, ClueSource::OuiVendor, Some(&organization));
        }
        self.radio_address(key, "");
    }

    /// `by`: what was seen, and the signature that made a claim of it, where it was not read literally.
    fn claim(
        &mut self,
        key: DeviceKey,
        field: DeviceField,
        value: Label,
        confidence: f32,
        (protocol, source): (Protocol, &str),
        by: Option<(Label, Label)>,
    ) {
        if value.is_empty() {
            return;
        }
        let sighting = self.observation.sighting;
        let (seen, rule) = by.unzip();
        let claim = Claim {
            field,
            value,
            protocol,
            source: Label::new(source),
            seen,
            rule,
            confidence,
            file: self.names.get(sighting.capture),
            packet: sighting.packet,
            time: sighting.time,
        };
        let new = !self.inventory.entities.contains_key(&key);
        self.inventory.claim(key, claim);
        // Whatever made it known: a client of DHCP is, before it has an address.
        if new && self.inventory.entities.contains_key(&key) {
            self.maker(key);
        }
    }

    /// A value read literally.
    fn read(
        &mut self,
        key: Option<DeviceKey>,
        field: DeviceField,
        value: Option<&Label>,
        confidence: f32,
        place: (Protocol, &str),
    ) {
        if let (Some(key), Some(value)) = (key, value) {
            let value = if field == DeviceField::Vendor {
                self.inventory.knowledge.vendor(value.as_str()).unwrap_or_else(|| value.clone())
            } else {
                value.clone()
            };
            self.claim(key, field, value, confidence, place, None);
        }
    }

    /// What signatures say about a clue.
    fn clue(
        &mut self,
        key: Option<DeviceKey>,
        protocol: Protocol,
        field: &str,
        source: ClueSource,
        text: Option<&Label>,
    ) {
        let (Some(key), Some(text)) = (key, text) else { return };
        let claims = self.claims_of(source, text);
        for claim in claims.iter().cloned() {
            let place = (protocol, field);
            self.claim(
                key,
                claim.field,
                claim.value,
                claim.confidence,
                place,
                Some((text.clone(), claim.rule)),
            );
        }
    }

    /// What signatures say about a text. A device says the same of itself in every message, so it is looked up once.
    fn claims_of(&mut self, source: ClueSource, text: &Label) -> Arc<[SignatureClaim]> {
        let known = &mut self.inventory.clues;
        if let Some(claims) = known.get(&source).and_then(|texts| texts.get(text)) {
            return Arc::clone(claims);
        }
        let mut claims = Vec::new();
        let clue = Clue { source, text: text.as_str() };
        self.inventory.knowledge.claims(&clue, &mut |claim| claims.push(claim.clone()));
        let claims: Arc<[SignatureClaim]> = claims.into();
        let texts = known.entry(source).or_default();
        // What is forgotten is looked up anew.
        if texts.len() >= CLUES_MAX {
            texts.clear();
        }
        texts.insert(text.clone(), Arc::clone(&claims));
        claims
    }

    fn clue_from(&mut self, protocol: Protocol, field: &str, source: ClueSource, text: Option<&Label>) {
        let key = self.from();
        self.clue(key, protocol, field, source, text);
    }

    /// What a device did, and what that says.
    fn role(&mut self, sender: bool, protocol: Protocol, field: &str, role: &str) {
        let key = if sender { self.from() } else { self.to() };
        self.role_of(key, protocol, field, role);
    }

    /// The address of a radio of IEEE 802.15.4, and what its owner does: makers number their devices, registered or not.
    fn radio_address(&mut self, key: DeviceKey, role: &str) {
        if let DeviceKey::Radio(RadioAddress::Ieee802154Extended(address)) = key {
            let digits: String = address.iter().map(|octet| format!("{octet:02x}")).collect();
            let text = Label::new(format!("{digits} {role}").trim_end());
            self.clue(Some(key), Protocol::Ieee802154, "wpan.src64", ClueSource::RadioAddress, Some(&text));
        }
    }

    fn role_of(&mut self, key: Option<DeviceKey>, protocol: Protocol, field: &str, role: &str) {
        let Some(key) = key else { return };
        self.radio_address(key, role);
        let role = Label::new(role);
        self.claim(key, DeviceField::Role, role.clone(), 0.9, (protocol, field), None);
        self.clue(Some(key), protocol, field, ClueSource::Role, Some(&role));
    }

    fn speaks(&mut self, protocol: Protocol) {
        let time = self.observation.sighting.time;
        for key in [self.from(), self.to()].into_iter().flatten() {
            if self.inventory.entities.contains_key(&key) {
                self.inventory.speaks(key, protocol, time);
            }
        }
    }

    fn has_role(&self, key: DeviceKey, role: &str) -> bool {
        let entity = self.inventory.entities.get(&key);
        entity.is_some_and(|entity| {
            entity
                .claims()
                .iter()
                .any(|claim| claim.field == DeviceField::Role && claim.value.as_str() == role)
        })
    }
}
