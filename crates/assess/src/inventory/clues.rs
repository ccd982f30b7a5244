//! From facts to claims: what each protocol tells about who speaks it.

use std::net::IpAddr;

use wardline_model::fact::{
    CertificateFact, ControlFact, DeviceIdentity, DhcpFact, DhcpMessage, DicomAssociation, DicomCommandKind,
    DicomFact, DnsData, DnsFact, HttpFact, IdentityFact, IdentitySubject, LinkAdvertisement, MqttFact,
    NeighborKind, NtlmFact, SnmpFact, SnmpOperation, SnmpValue, TlsFact, WsDiscoveryFact,
};
use wardline_model::{Claim, DeviceField, Fact, Label, Observation, Protocol};

use super::{DeviceKey, Inventory};
use crate::evidence::CaptureNames;
use crate::knowledge::{Clue, ClueSource};

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
        Fact::Control(control) => notes.commanded(control),
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
        self.inventory.key_of(&self.observation.from)
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
        let new = !self.inventory.entities.contains_key(&key);
        if self.inventory.entity(key, time).is_none() || !new {
            return;
        }
        self.inventory.changed.insert(key);
        if let DeviceKey::Mac(mac) = key
            && let Some(organization) = self.inventory.knowledge.organization(mac)
        {
            let organization = Label::new(organization);
            let place = (Protocol::Ethernet, "eth.src.oui");
            if let Some(maker) = self.inventory.knowledge.vendor(organization.as_str()) {
                let seen = (organization.clone(), Label::new("oui"));
                self.claim(key, DeviceField::Vendor, maker, OUI, place, Some(seen));
            }
            self.clue(Some(key), place.0, place.1, ClueSource::OuiVendor, Some(&organization));
        }
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
        self.inventory.claim(key, claim);
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
        let mut claims = Vec::new();
        self.inventory
            .knowledge
            .claims(&Clue { source, text: text.as_str() }, &mut |claim| claims.push(claim.clone()));
        for claim in claims {
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

    fn clue_from(&mut self, protocol: Protocol, field: &str, source: ClueSource, text: Option<&Label>) {
        let key = self.from();
        self.clue(key, protocol, field, source, text);
    }

    /// What a device did, and what that says.
    fn role(&mut self, sender: bool, protocol: Protocol, field: &str, role: &str) {
        let Some(key) = (if sender { self.from() } else { self.to() }) else { return };
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

    fn dhcp(&mut self, dhcp: &DhcpFact) {
        let client = dhcp.client_mac.is_station().then_some(DeviceKey::Mac(dhcp.client_mac));
        let by_server = matches!(dhcp.message, DhcpMessage::Offer | DhcpMessage::Ack | DhcpMessage::Nak);
        if by_server {
            self.role(true, Protocol::Dhcp, "dhcp.type", "dhcp server");
            dhcp.routers.iter().for_each(|router| self.default_gateway((*router).into()));
            return;
        }
        self.read(
            client,
            DeviceField::Hostname,
            dhcp.host_name.as_ref(),
            CHOSEN,
            (Protocol::Dhcp, "dhcp.option.12"),
        );
        let domain_name =
            dhcp.domain_name.as_ref().map(|name| Label::new(name.as_str().trim_end_matches('.')));
        self.read(
            client,
            DeviceField::Hostname,
            domain_name.as_ref(),
            CHOSEN,
            (Protocol::Dhcp, "dhcp.option.81"),
        );
        let list = |codes: &[u8]| {
            let codes: Vec<_> = codes.iter().map(u8::to_string).collect();
            Some(Label::new(&codes.join(","))).filter(|label| !label.is_empty())
        };
        let mud_url = (Protocol::Dhcp, "dhcp.option.161");
        self.read(client, DeviceField::Attribute, dhcp.mud_url.as_ref(), READ, mud_url);
        self.clue(
            client,
            Protocol::Dhcp,
            "dhcp.option.60",
            ClueSource::DhcpVendorClass,
            dhcp.vendor_class.as_ref(),
        );
        self.clue(
            client,
            Protocol::Dhcp,
            "dhcp.option.12",
            ClueSource::DhcpHostName,
            dhcp.host_name.as_ref(),
        );
        self.clue(
            client,
            Protocol::Dhcp,
            "dhcp.option.55",
            ClueSource::DhcpParameters,
            list(&dhcp.parameters).as_ref(),
        );
        self.clue(
            client,
            Protocol::Dhcp,
            "dhcp.options",
            ClueSource::DhcpOptions,
            list(&dhcp.options).as_ref(),
        );
    }

    /// What a DHCP server says about one of our devices.
    fn default_gateway(&mut self, ip: IpAddr) {
        let key =
            self.inventory.key_of_address(ip, None).filter(|key| self.inventory.entities.contains_key(key));
        let role = Label::new("default gateway");
        self.read(key, DeviceField::Role, Some(&role), READ, (Protocol::Dhcp, "dhcp.option.3"));
        self.clue(key, Protocol::Dhcp, "dhcp.option.3", ClueSource::Role, Some(&role));
    }

    fn dns(&mut self, dns: &DnsFact) {
        if dns.response && dns.protocol == Protocol::Dns {
            self.role(true, Protocol::Dns, "dns.flags.response", "dns server");
        }
        for answer in &dns.answers {
            match (&answer.data, dns.protocol) {
                // Names that a station gives itself: only for its own address.
                (DnsData::Address(ip), Protocol::Mdns | Protocol::Llmnr | Protocol::Nbns)
                    if self.observation.from.ip == Some(*ip) =>
                {
                    self.own_name(dns.protocol, &answer.name);
                }
                (DnsData::Address(ip), Protocol::Dns) => self.name_of(*ip, &answer.name),
                (DnsData::Name(name), Protocol::Mdns) if answer.record_type == 12 => {
                    self.clue_from(Protocol::Mdns, "dns.ptr", ClueSource::MdnsService, Some(&answer.name));
                    self.clue_from(Protocol::Mdns, "dns.ptr.domain_name", ClueSource::MdnsName, Some(name));
                }
                (DnsData::Text(texts), Protocol::Mdns) => {
                    for text in texts {
                        self.clue_from(Protocol::Mdns, "dns.txt", ClueSource::MdnsName, Some(text));
                    }
                }
                _ => {}
            }
        }
    }

    fn own_name(&mut self, protocol: Protocol, name: &Label) {
        let short = Label::new(name.as_str().trim_end_matches('.').trim_end_matches(".local"));
        let key = self.from();
        self.read(key, DeviceField::Hostname, Some(&short), CHOSEN, (protocol, "dns.a"));
        let source = if protocol == Protocol::Mdns { ClueSource::MdnsName } else { ClueSource::DnsName };
        self.clue(key, protocol, "dns.a", source, Some(&short));
    }

    /// What a name server says about one of our devices. It may stand for many, so it weighs little.
    fn name_of(&mut self, ip: IpAddr, name: &Label) {
        let key =
            self.inventory.key_of_address(ip, None).filter(|key| self.inventory.entities.contains_key(key));
        let name = Label::new(name.as_str().trim_end_matches('.'));
        self.read(key, DeviceField::Hostname, Some(&name), HEARSAY, (Protocol::Dns, "dns.a"));
        self.clue(key, Protocol::Dns, "dns.a", ClueSource::DnsName, Some(&name));
    }

    fn http(&mut self, http: &HttpFact) {
        let place = Protocol::Http;
        match http {
            HttpFact::Request(request) => {
                self.clue_from(place, "User-Agent", ClueSource::HttpUserAgent, request.user_agent.as_ref());
            }
            HttpFact::Response(response) => {
                self.clue_from(place, "Server", ClueSource::HttpServer, response.server.as_ref());
                self.clue_from(
                    place,
                    "WWW-Authenticate",
                    ClueSource::HttpRealm,
                    response.authenticate.as_ref(),
                );
                self.clue_from(
                    place,
                    "X-Powered-By",
                    ClueSource::HttpPoweredBy,
                    response.powered_by.as_ref(),
                );
            }
        }
    }

    fn tls(&mut self, tls: &TlsFact) {
        match tls {
            TlsFact::ClientHello(hello) => {
                self.clue_from(
                    Protocol::Tls,
                    "tls.handshake.extensions_server_name",
                    ClueSource::TlsServerName,
                    hello.server_name.as_ref(),
                );
            }
            TlsFact::Certificate(CertificateFact { position: 0, common_name, organization, .. }) => {
                self.clue_from(
                    Protocol::Tls,
                    "x509sat.commonName",
                    ClueSource::TlsCommonName,
                    common_name.as_ref(),
                );
                self.clue_from(
                    Protocol::Tls,
                    "x509sat.organizationName",
                    ClueSource::TlsOrganization,
                    organization.as_ref(),
                );
            }
            _ => {}
        }
    }

    fn ntlm(&mut self, ntlm: &NtlmFact) {
        let key = self.from();
        self.read(
            key,
            DeviceField::Hostname,
            ntlm.computer.as_ref(),
            CHOSEN,
            (Protocol::Ntlm, "ntlmssp.computer"),
        );
        self.read(
            key,
            DeviceField::Hostname,
            ntlm.dns_computer.as_ref(),
            CHOSEN,
            (Protocol::Ntlm, "ntlmssp.dns_computer"),
        );
        let version =
            ntlm.version.map(|(major, minor, build)| Label::new(&format!("{major}.{minor}.{build}")));
        self.clue(key, Protocol::Ntlm, "ntlmssp.version", ClueSource::NtlmVersion, version.as_ref());
    }

    fn snmp(&mut self, snmp: &SnmpFact) {
        if snmp.operation != SnmpOperation::Response && snmp.operation != SnmpOperation::Trap {
            return;
        }
        let key = self.from();
        for binding in &snmp.bindings {
            let object = binding.object.as_str();
            match (object, &binding.value) {
                ("1.3.6.1.2.1.1.1.0", SnmpValue::Text(text)) => {
                    self.clue(key, Protocol::Snmp, "sysDescr", ClueSource::SnmpDescription, Some(text));
                }
                ("1.3.6.1.2.1.1.2.0", SnmpValue::Object(id)) => {
                    self.clue(key, Protocol::Snmp, "sysObjectID", ClueSource::SnmpObject, Some(id));
                }
                ("1.3.6.1.2.1.1.5.0", SnmpValue::Text(name)) => {
                    self.read(key, DeviceField::Hostname, Some(name), CHOSEN, (Protocol::Snmp, "sysName"));
                }
                (_, SnmpValue::Text(text)) => {
                    // ENTITY-MIB, RFC 6933: the first entity is the device as a whole.
                    let field = match object.strip_prefix("1.3.6.1.2.1.47.1.1.1.1.") {
                        Some("9.1" | "10.1") => (DeviceField::Firmware, "entPhysicalSoftwareRev"),
                        Some("11.1") => (DeviceField::Serial, "entPhysicalSerialNum"),
                        Some("12.1") => (DeviceField::Vendor, "entPhysicalMfgName"),
                        Some("13.1") => (DeviceField::Model, "entPhysicalModelName"),
                        _ => continue,
                    };
                    self.read(key, field.0, Some(text), READ, (Protocol::Snmp, field.1));
                }
                _ => {}
            }
        }
    }

    fn link_advertisement(&mut self, advertisement: &LinkAdvertisement) {
        let key = self.from();
        let protocol = advertisement.protocol;
        self.read(
            key,
            DeviceField::Hostname,
            advertisement.system_name.as_ref(),
            CHOSEN,
            (protocol, "system name"),
        );
        self.read(
            key,
            DeviceField::Vendor,
            advertisement.manufacturer.as_ref(),
            READ,
            (protocol, "manufacturer"),
        );
        self.read(key, DeviceField::Model, advertisement.model.as_ref(), READ, (protocol, "model"));
        self.read(key, DeviceField::Serial, advertisement.serial.as_ref(), READ, (protocol, "serial number"));
        self.read(key, DeviceField::Firmware, advertisement.firmware.as_ref(), READ, (protocol, "firmware"));
        self.clue(
            key,
            protocol,
            "system description",
            ClueSource::LldpDescription,
            advertisement.system_description.as_ref(),
        );
        self.clue(key, protocol, "model", ClueSource::LldpModel, advertisement.model.as_ref());
        let mud_url = advertisement.mud_url.as_ref();
        self.read(key, DeviceField::Attribute, mud_url, READ, (protocol, "MUD URL"));
        let capability = match advertisement.capabilities {
            bits if bits & 0x20 != 0 => "telephone",
            bits if bits & 0x08 != 0 => "access point",
            bits if bits & 0x14 != 0 => "bridge or router",
            bits if bits & 0x80 != 0 => "station",
            _ => return,
        };
        self.clue(key, protocol, "capabilities", ClueSource::LldpCapability, Some(&Label::new(capability)));
    }

    fn ws_discovery(&mut self, discovery: &WsDiscoveryFact) {
        use wardline_model::fact::WsDiscoveryKind::{Hello, ProbeMatches, ResolveMatches};
        if !matches!(discovery.kind, Hello | ProbeMatches | ResolveMatches) {
            return;
        }
        for name in &discovery.types {
            self.clue_from(Protocol::WsDiscovery, "Types", ClueSource::WsDiscoveryType, Some(name));
        }
        for scope in &discovery.scopes {
            self.clue_from(Protocol::WsDiscovery, "Scopes", ClueSource::WsDiscoveryScope, Some(scope));
        }
    }

    fn hl7(&mut self, hl7: &wardline_model::fact::Hl7Fact) {
        let place = Protocol::Hl7;
        if hl7.acknowledgment.is_none() {
            self.role(true, place, "MSH-9", "hl7 sender");
            self.role(false, place, "MSH-9", "hl7 receiver");
            self.clue_from(place, "MSH-3", ClueSource::Hl7Application, hl7.sending_application.as_ref());
            self.clue_from(place, "MSH-4", ClueSource::Hl7Facility, hl7.sending_facility.as_ref());
            let receiver = self.to();
            self.clue(
                receiver,
                place,
                "MSH-5",
                ClueSource::Hl7Application,
                hl7.receiving_application.as_ref(),
            );
        } else {
            self.clue_from(place, "MSH-3", ClueSource::Hl7Application, hl7.sending_application.as_ref());
        }
        // One device in a message is its sender; several are behind a gateway.
        if let [device] = &*hl7.devices {
            let key = self.from();
            self.identity(key, place, device);
        }
        if hl7.devices.len() > 1 {
            self.role(true, place, "OBX-18", "device gateway");
        }
    }

    fn identity(&mut self, key: Option<DeviceKey>, protocol: Protocol, device: &DeviceIdentity) {
        let place = (protocol, device.field.as_str());
        self.read(key, DeviceField::Vendor, device.manufacturer.as_ref(), 0.9, place);
        self.read(key, DeviceField::Model, device.model.as_ref(), 0.9, place);
        self.read(key, DeviceField::Serial, device.serial.as_ref(), READ, place);
        self.read(key, DeviceField::Firmware, device.firmware.as_ref(), READ, place);
        let source = if protocol == Protocol::Hl7 { ClueSource::Hl7Device } else { ClueSource::DicomModel };
        self.clue(
            key,
            protocol,
            device.field.as_str(),
            source,
            device.model.as_ref().or(device.identifier.as_ref()),
        );
        if protocol == Protocol::Dicom {
            self.clue(
                key,
                protocol,
                "(0008,0070)",
                ClueSource::DicomManufacturer,
                device.manufacturer.as_ref(),
            );
        }
    }

    /// What a device said about itself in a protocol that has no fact of its own.
    fn introduction(&mut self, told: &IdentityFact) {
        let key = match told.subject {
            IdentitySubject::Sender => self.from(),
            IdentitySubject::Receiver => self.to(),
            IdentitySubject::Behind => {
                self.role(true, told.protocol, told.device.field.as_str(), "device gateway");
                return;
            }
        };
        let device = &told.device;
        let place = (told.protocol, device.field.as_str());
        self.read(key, DeviceField::Vendor, device.manufacturer.as_ref(), 0.9, place);
        self.read(key, DeviceField::Model, device.model.as_ref(), 0.9, place);
        self.read(key, DeviceField::Serial, device.serial.as_ref(), READ, place);
        self.read(key, DeviceField::Firmware, device.firmware.as_ref(), READ, place);
        self.read(key, DeviceField::Hostname, told.name.as_ref(), CHOSEN, place);
        let named = [("UDI", device.udi.as_ref()), ("identifier", device.identifier.as_ref())];
        let further = told.attributes.iter().map(|(name, value)| (name.as_str(), Some(value)));
        for (name, value) in named.into_iter().chain(further) {
            let field = if name == "location" { DeviceField::Location } else { DeviceField::Attribute };
            self.read(key, field, value, READ, (told.protocol, name));
        }
        for (source, text) in [
            (ClueSource::IdentityManufacturer, device.manufacturer.as_ref()),
            (ClueSource::IdentityModel, device.model.as_ref()),
            (ClueSource::IdentityDescription, told.description.as_ref()),
            (ClueSource::IdentityName, told.name.as_ref()),
        ] {
            self.clue(key, told.protocol, device.field.as_str(), source, text);
        }
        if let Some(role) = &told.role {
            let by_sender = told.subject == IdentitySubject::Sender;
            self.role(by_sender, told.protocol, device.field.as_str(), role.as_str());
        }
    }

    /// Whoever is given commands of a protocol of controllers is a controller, or stands in front of one.
    fn commanded(&mut self, control: &ControlFact) {
        let role = match control.protocol {
            Protocol::Modbus => "modbus server",
            Protocol::S7 => "s7 server",
            Protocol::EthernetIp => "ethernet/ip adapter",
            _ => return,
        };
        // An answer shows that there is somebody who obeys; what is only asked may be a scan.
        if control.accepted == Some(true) {
            self.role(true, control.protocol, "function", role);
        }
    }

    fn dicom(&mut self, dicom: &DicomFact) {
        match dicom {
            DicomFact::AssociateRequest(association) => {
                self.dicom_association(association, true);
                self.role(true, Protocol::Dicom, "A-ASSOCIATE-RQ", "dicom scu");
                self.role(false, Protocol::Dicom, "A-ASSOCIATE-RQ", "dicom scp");
            }
            DicomFact::AssociateAccept(association) => self.dicom_association(association, false),
            DicomFact::Command(command) if !command.response => match command.kind {
                DicomCommandKind::CStore => {
                    self.role(true, Protocol::Dicom, "(0000,0100)", "dicom storage user");
                    self.role(false, Protocol::Dicom, "(0000,0100)", "dicom storage provider");
                }
                DicomCommandKind::CFind => {
                    let worklist = command
                        .sop_class
                        .as_ref()
                        .is_some_and(|class| class.as_str() == "1.2.840.10008.5.1.4.31");
                    let role = if worklist { "dicom worklist provider" } else { "dicom query provider" };
                    self.role(false, Protocol::Dicom, "(0000,0100)", role);
                    self.archive();
                }
                _ => {}
            },
            DicomFact::Dataset(dataset)
                if dataset.command == Some(DicomCommandKind::CStore) && !dataset.response =>
            {
                let key = self.from();
                self.archive();
                // An archive passes on what others made; a modality sends what it made itself.
                if key.is_some_and(|key| !self.has_role(key, "dicom query provider")) {
                    self.identity(key, Protocol::Dicom, &dataset.device);
                    self.clue(
                        key,
                        Protocol::Dicom,
                        "(0008,0060)",
                        ClueSource::DicomModality,
                        dataset.modality.as_ref(),
                    );
                }
            }
            _ => {}
        }
    }

    fn dicom_association(&mut self, association: &DicomAssociation, request: bool) {
        let key = self.from();
        let title = if request { &association.calling } else { &association.called };
        self.clue(key, Protocol::Dicom, "AE title", ClueSource::DicomAe, Some(title));
        self.clue(
            key,
            Protocol::Dicom,
            "implementation class UID",
            ClueSource::DicomImplementationClass,
            association.implementation_class.as_ref(),
        );
        self.clue(
            key,
            Protocol::Dicom,
            "implementation version name",
            ClueSource::DicomImplementationVersion,
            association.implementation_version.as_ref(),
        );
    }

    /// Whoever takes images and answers questions about them is an archive.
    fn archive(&mut self) {
        if let Some(key) = self.to()
            && self.has_role(key, "dicom query provider")
            && self.has_role(key, "dicom storage provider")
        {
            self.role(false, Protocol::Dicom, "(0000,0100)", "dicom storage and query provider");
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
