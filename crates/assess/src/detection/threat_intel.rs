//! What threat intelligence says to look for, seen on the wire.
//!
//! An indicator is hearsay: its confidence, its age and how common its value is decide how loud a hit is. Whatever a
//! warning list covers is never looked for. A station that is only knocked at by an address from a list has suffered
//! nothing: half of the internet does that.

use std::net::IpAddr;

use ipnet::IpNet;
use wardline_model::fact::{Conversation, DnsData, DnsFact, FileFact, HttpFact, TlsFact};
use wardline_model::{
    Attack, Fact, Indicator, Label, Observation, Pattern, Protocol, Severity, Timestamp, WarningList,
};

use super::recent::Recent;
use super::{Alarm, Conversations, Detector, Episodes, World};
use crate::inventory::{Map, is_internal};
use crate::limits::SENDERS_MAX;

/// Confidence of an indicator from which on a hit by itself is serious, of 100.
const CONFIDENT: u8 = 70;
/// Labels of a name that are looked up, from the right.
const LABELS_MAX: usize = 12;

/// Indicators, ready to be asked about.
#[derive(Default)]
pub(super) struct Intelligence {
    indicators: Vec<Indicator>,
    addresses: Map<IpAddr, usize>,
    networks: Vec<(IpNet, usize)>,
    domains: Map<Label, usize>,
    hosts: Map<Label, usize>,
    ja4: Map<Label, usize>,
    certificates: Map<Label, usize>,
    agents: Map<Label, usize>,
    files: Map<Label, usize>,
}

impl Intelligence {
    /// Leaves out what a warning list covers; of several indicators for one value the most confident counts.
    pub(super) fn new(mut indicators: Vec<Indicator>, warning_lists: &[WarningList]) -> Self {
        indicators.retain(|indicator| !warning_lists.iter().any(|list| list.covers(&indicator.pattern)));
        indicators
            .sort_by(|one, other| other.confidence.cmp(&one.confidence).then_with(|| one.id.cmp(&other.id)));
        let mut all = Self::default();
        for (place, indicator) in indicators.iter().enumerate() {
            match &indicator.pattern {
                Pattern::Network(network) if network.prefix_len() == network.max_prefix_len() => {
                    all.addresses.entry(network.addr()).or_insert(place);
                }
                Pattern::Network(network) => all.networks.push((*network, place)),
                Pattern::Domain(name) => {
                    all.domains.entry(name.clone()).or_insert(place);
                }
                Pattern::UrlHost(host) => {
                    all.hosts.entry(host.clone()).or_insert(place);
                }
                Pattern::Ja4(print) => {
                    all.ja4.entry(print.clone()).or_insert(place);
                }
                Pattern::Certificate(hash) => {
                    all.certificates.entry(hash.clone()).or_insert(place);
                }
                Pattern::UserAgent(agent) => {
                    all.agents.entry(agent.clone()).or_insert(place);
                }
                Pattern::File(digest) => {
                    all.files.entry(digest.clone()).or_insert(place);
                }
            }
        }
        all.indicators = indicators;
        all
    }

    fn address(&self, ip: IpAddr) -> Option<&Indicator> {
        let place = self.addresses.get(&ip).copied().or_else(|| {
            self.networks.iter().find(|(network, _)| network.contains(&ip)).map(|(_, place)| *place)
        })?;
        self.indicators.get(place)
    }

    /// The name itself, or a domain that it stands below.
    fn name(&self, name: &str) -> Option<&Indicator> {
        if self.domains.is_empty() {
            return None;
        }
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let mut rest = name.as_str();
        for _ in 0..LABELS_MAX {
            if let Some(place) = self.domains.get(rest) {
                return self.indicators.get(*place);
            }
            rest = rest.split_once('.')?.1;
        }
        None
    }

    fn is_empty(&self) -> bool {
        self.indicators.is_empty()
    }
}

/// Hits of indicators.
pub(crate) struct ThreatIntelligence {
    intelligence: Intelligence,
    /// Addresses that a name of an indicator led to, so that the conversation is told with its name.
    asked: Recent<IpAddr, Option<usize>>,
}

impl ThreatIntelligence {
    pub(crate) fn new(indicators: Vec<Indicator>, warning_lists: &[WarningList]) -> Self {
        Self { intelligence: Intelligence::new(indicators, warning_lists), asked: Recent::new(SENDERS_MAX) }
    }
}

impl Detector for ThreatIntelligence {
    fn conversations(&self) -> Conversations {
        // There is nothing to compare them with.
        if self.intelligence.is_empty() { Conversations::Neither } else { Conversations::Both }
    }

    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        if self.intelligence.is_empty() || world.learning {
            return;
        }
        match &observation.fact {
            Fact::Dns(dns) => self.dns(observation, dns, world, episodes),
            Fact::Tls(tls) => self.tls(observation, tls, world, episodes),
            Fact::File(file) => self.file(observation, file, world, episodes),
            Fact::Http(http) => {
                if let HttpFact::Request(request) = http.as_ref() {
                    let host = request.host.as_ref().map(|host| host.as_str().to_ascii_lowercase());
                    let host = host.as_deref().map(|host| host.split(':').next().unwrap_or(host));
                    if let Some(host) = host {
                        let web = self.intelligence.hosts.get(host).copied();
                        let found = web
                            .and_then(|place| self.intelligence.indicators.get(place))
                            .or_else(|| self.intelligence.name(host));
                        self.hit(
                            observation,
                            found,
                            (Protocol::Http, "http.host", host),
                            true,
                            world,
                            episodes,
                        );
                    }
                    if let Some(agent) = &request.user_agent {
                        let place = self.intelligence.agents.get(agent).copied();
                        let found = place.and_then(|place| self.intelligence.indicators.get(place));
                        let field = (Protocol::Http, "http.user_agent", agent.as_str());
                        self.hit(observation, found, field, true, world, episodes);
                    }
                }
            }
            // A conversation that both ends took part in; who is only knocked at is not told.
            Fact::ConversationEnded(conversation) => {
                let talked = took_part(conversation);
                self.conversation(observation, talked, world, episodes);
            }
            // From inside to an address of a list: the attempt alone tells.
            Fact::ConversationStarted(_) if observation.to.ip.is_some_and(|ip| !is_internal(ip)) => {
                self.conversation(observation, false, world, episodes);
            }
            _ => {}
        }
    }
}

impl ThreatIntelligence {
    /// A conversation that is over and of which only the record is left.
    pub(crate) fn stored(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let Fact::ConversationEnded(conversation) = &observation.fact else { return };
        let talked = took_part(conversation);
        let at = |map: &Map<Label, usize>, value: &Label| {
            map.get(value).and_then(|place| self.intelligence.indicators.get(*place))
        };
        if let Some(print) = &conversation.ja4 {
            let field = (Protocol::Tls, "tls.handshake.ja4", print.as_str());
            self.hit(observation, at(&self.intelligence.ja4, print), field, talked, world, episodes);
        }
        if let Some(name) = &conversation.server_name {
            let found = self.intelligence.name(name.as_str()).or_else(|| at(&self.intelligence.hosts, name));
            let field = (Protocol::Tls, "tls.handshake.extensions_server_name", name.as_str());
            self.hit(observation, found, field, talked, world, episodes);
        }
        self.conversation(observation, talked, world, episodes);
    }

    fn dns(&mut self, observation: &Observation, dns: &DnsFact, world: &World<'_>, episodes: &mut Episodes) {
        if dns.response {
            for answer in &dns.answers {
                if let DnsData::Address(ip) = &answer.data
                    && let Some(indicator) = self.intelligence.name(answer.name.as_str())
                {
                    let place =
                        self.intelligence.indicators.iter().position(|known| known.id == indicator.id);
                    *self.asked.at(*ip, observation.sighting.time) = place;
                }
            }
            return;
        }
        for question in &dns.questions {
            let name = question.name.as_str();
            let found = self.intelligence.name(name);
            self.hit(observation, found, (dns.protocol, "dns.qry.name", name), true, world, episodes);
        }
    }

    fn tls(&self, observation: &Observation, tls: &TlsFact, world: &World<'_>, episodes: &mut Episodes) {
        let at = |map: &Map<Label, usize>, value: &Label| {
            map.get(value).and_then(|place| self.intelligence.indicators.get(*place))
        };
        match tls {
            TlsFact::ClientHello(hello) => {
                let print = at(&self.intelligence.ja4, &hello.ja4);
                let field = (Protocol::Tls, "tls.handshake.ja4", hello.ja4.as_str());
                self.hit(observation, print, field, true, world, episodes);
                if let Some(name) = &hello.server_name {
                    let found =
                        self.intelligence.name(name.as_str()).or_else(|| at(&self.intelligence.hosts, name));
                    let field = (Protocol::Tls, "tls.handshake.extensions_server_name", name.as_str());
                    self.hit(observation, found, field, true, world, episodes);
                }
            }
            TlsFact::Certificate(certificate) => {
                let found = at(&self.intelligence.certificates, &certificate.fingerprint);
                let field = (Protocol::Tls, "sha256 of the certificate", certificate.fingerprint.as_str());
                // The server sends it; who asked for it is the device.
                let mut turned = observation.clone();
                if certificate.server {
                    std::mem::swap(&mut turned.from, &mut turned.to);
                }
                self.hit(&turned, found, field, true, world, episodes);
            }
            _ => {}
        }
    }

    /// The device is who received the file, or, where that is no machine of the house, who sent it.
    fn file(&self, observation: &Observation, file: &FileFact, world: &World<'_>, episodes: &mut Episodes) {
        let found = file.digests.iter().find_map(|digest| {
            let place = self.intelligence.files.get(digest)?;
            Some((digest, self.intelligence.indicators.get(*place)?))
        });
        let Some((digest, indicator)) = found else { return };
        let mut turned = observation.clone();
        if observation.to.ip.is_some_and(is_internal) {
            std::mem::swap(&mut turned.from, &mut turned.to);
        }
        let field = (file.protocol, "digest of a file", digest.as_str());
        self.hit(&turned, Some(indicator), field, true, world, episodes);
    }

    fn conversation(
        &mut self,
        observation: &Observation,
        talked: bool,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
        for (ip, outward) in [(to, true), (from, false)] {
            if is_internal(ip) {
                continue;
            }
            let by_name = self.asked.get_mut(&ip).copied().flatten();
            let found = self
                .intelligence
                .address(ip)
                .or_else(|| by_name.and_then(|place| self.intelligence.indicators.get(place)));
            if !outward && !talked {
                continue;
            }
            let mut seen = observation.clone();
            if !outward {
                std::mem::swap(&mut seen.from, &mut seen.to);
            }
            let field = (Protocol::Ipv4, if outward { "ip.dst" } else { "ip.src" }, ip.to_string());
            self.hit(&seen, found, (field.0, field.1, field.2.as_str()), talked, world, episodes);
        }
    }

    /// `observation` goes from the device to what the indicator names.
    fn hit(
        &self,
        observation: &Observation,
        indicator: Option<&Indicator>,
        (protocol, field, value): (Protocol, &'static str, &str),
        sure: bool,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let Some(indicator) = indicator else { return };
        let Some(from) = observation.from.ip else { return };
        let time = observation.sighting.time;
        if expired(indicator, time) {
            return;
        }
        let medical = world.is_medical(&observation.from);
        let confident = indicator.confidence >= CONFIDENT;
        let severity = match (medical, confident, sure) {
            (true, true, true) => Severity::Critical,
            (true, ..) => Severity::High,
            (false, true, true) => Severity::High,
            (false, _, true) => Severity::Medium,
            (false, _, false) => Severity::Low,
        };
        let until = indicator.valid_until.map(|until| format!(", valid until {until}")).unwrap_or_default();
        episodes.raise(
            Alarm {
                techniques: &["T1071", "T0884", "T0869"],
                severity,
                confidence: (f32::from(indicator.confidence) / 100.0).clamp(0.1, 0.95),
                device: Some(observation.from),
                source: observation.to.ip.filter(|ip| !is_internal(*ip)).map(|_| observation.to),
                summary: format!("{from} meets \u{201c}{}\u{201d} of {}: {value}.", indicator.name, indicator.source),
                evidence: vec![
                    world.names.evidence(observation, protocol, field, value),
                    world.names.evidence(
                        observation,
                        protocol,
                        "indicator",
                        &format!("{} (confidence {} of 100{until})", indicator.id, indicator.confidence),
                    ),
                ],
                silent_if: "the indicator had expired, a warning list had covered its value, or the value had been another".to_owned(),
                ..Alarm::about(Attack::ThreatIntel, "indicator", format!("{from} {}", indicator.id), observation)
            },
            world.inventory,
        );
    }
}

/// Whether both ends took part in a conversation.
fn took_part(conversation: &Conversation) -> bool {
    conversation.bytes.iter().all(|bytes| *bytes > 400)
}

fn expired(indicator: &Indicator, now: Timestamp) -> bool {
    indicator.valid_until.is_some_and(|until| until <= now)
}
