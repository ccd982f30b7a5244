//! Somebody gathers information by asking: MITRE ATT&CK T0842, T0887, T0802, T0861, T1018, T1046, T1590.002.
//!
//! Questions that no device needs for its work: everything from a message broker, all patients of an archive, the
//! whole tree of a management agent, the names of a whole network, a copy of a zone, all records of a health
//! record server. And data that leaves: much more from a medical device to the internet than ever came in.

use std::collections::BTreeSet;
use std::net::IpAddr;

use wardline_model::fact::{
    Conversation, DicomCommandKind, DicomFact, DnsFact, HttpFact, MqttFact, SnmpFact, SnmpOperation,
};
use wardline_model::{Attack, Fact, Observation, Protocol, ServerRole, Severity, Timestamp};

use super::recent::{Different, Recent, Window};
use super::{Alarm, Conversations, Detector, Episodes, World};
use crate::inventory::is_internal;
use crate::limits::SENDERS_MAX;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
/// Reverse look-ups of different addresses within a minute.
const REVERSE_MIN: usize = 30;
/// Different objects of one agent read one after the other within a minute.
const OBJECTS_MIN: usize = 60;
/// Agents asked within a minute by a station that is no management station.
const AGENTS_MIN: usize = 12;
/// Agents that a management station has asked at some time, at the least.
const MANAGED_MIN: usize = 3;
/// What is asked so soon after the capture began was asked before.
const ASKED_BEFORE: i64 = 30 * SECOND;
/// Open questions to an archive within ten minutes.
const OPEN_QUESTIONS_MIN: usize = 3;
/// Different paths of a web server that do not exist, within a minute.
const PATHS_MIN: usize = 30;
/// Bytes to one address outside in one conversation that are no status report.
const OUTWARD_BYTES_MIN: u64 = 2_000_000;
/// By how much what goes out exceeds what comes in.
const OUTWARD_TIMES: u64 = 5;

/// What an alarm of this file says beside who asked whom.
struct Asked {
    detector: &'static str,
    techniques: &'static [&'static str],
    severity: Severity,
    confidence: f32,
    protocol: Protocol,
    field: &'static str,
    value: String,
    summary: String,
    silent_if: &'static str,
    started: Timestamp,
}

/// Questions that nobody needs for his work.
pub(super) struct Enquiry {
    reverse: Recent<IpAddr, Different<u64>>,
    objects: Recent<(IpAddr, IpAddr), Different<u64>>,
    agents: Recent<IpAddr, Different<IpAddr>>,
    /// Since when a station asks, and whom it ever asked, up to [`MANAGED_MIN`].
    managed: Recent<IpAddr, (Option<Timestamp>, BTreeSet<IpAddr>)>,
    open_questions: Recent<(IpAddr, IpAddr), Window>,
    destinations: Recent<IpAddr, Vec<(String, u32)>>,
    missing: Recent<(IpAddr, IpAddr), Different<u64>>,
    /// Who subscribed to everything while normal was learned.
    usual: Recent<(IpAddr, &'static str), bool>,
    outside: Recent<(IpAddr, IpAddr), u64>,
}

impl Default for Enquiry {
    fn default() -> Self {
        Self {
            reverse: Recent::new(SENDERS_MAX),
            objects: Recent::new(SENDERS_MAX),
            agents: Recent::new(SENDERS_MAX),
            managed: Recent::new(SENDERS_MAX),
            open_questions: Recent::new(SENDERS_MAX),
            destinations: Recent::new(SENDERS_MAX),
            missing: Recent::new(SENDERS_MAX),
            usual: Recent::new(SENDERS_MAX),
            outside: Recent::new(SENDERS_MAX),
        }
    }
}

fn hash(text: &str) -> u64 {
    use std::hash::BuildHasher;
    foldhash::fast::FixedState::default().hash_one(text)
}

impl Detector for Enquiry {
    fn conversations(&self) -> Conversations {
        Conversations::Ends
    }

    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
        match &observation.fact {
            Fact::Mqtt(mqtt) => {
                if let MqttFact::Subscribe { filter, everything: true } = mqtt.as_ref() {
                    self.everything(observation, from, filter.shape.as_str(), world, episodes);
                }
            }
            Fact::Snmp(snmp) => self.snmp(observation, (from, to), snmp, world, episodes),
            Fact::Dns(dns) if !dns.response => self.names(observation, from, dns, world, episodes),
            Fact::Dicom(dicom) => self.dicom(observation, (from, to), dicom, world, episodes),
            Fact::Http(http) => self.http(observation, (from, to), http, world, episodes),
            Fact::ConversationEnded(conversation) => {
                self.outward(observation, (from, to), conversation, world, episodes);
            }
            _ => {}
        }
    }
}

impl Enquiry {
    /// Raises unless the same was seen while normal was learned.
    fn raise(&mut self, observation: &Observation, asked: Asked, world: &World<'_>, episodes: &mut Episodes) {
        let Some(from) = observation.from.ip else { return };
        let time = observation.sighting.time;
        let usual = self.usual.at((from, asked.detector), time);
        if world.learning {
            *usual = true;
        }
        let site = world.inventory.site();
        let by_order =
            site.has_role(from, ServerRole::Scanner) || site.has_role(from, ServerRole::Management);
        if *usual || by_order || world.in_maintenance(Some(from), time) {
            return;
        }
        episodes.raise(
            Alarm {
                techniques: asked.techniques,
                severity: asked.severity,
                confidence: asked.confidence,
                summary: asked.summary,
                evidence: vec![world.names.evidence(observation, asked.protocol, asked.field, &asked.value)],
                started: asked.started,
                silent_if: asked.silent_if.to_owned(),
                ..Alarm::about(Attack::PassiveGathering, asked.detector, from.to_string(), observation)
            },
            world.inventory,
        );
    }

    fn everything(
        &mut self,
        observation: &Observation,
        from: IpAddr,
        filter: &str,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        // The broker's own topics tell about the broker, not about patients.
        let own_topics = filter.starts_with("$SYS");
        let asked = Asked {
            detector: "subscribe-to-everything",
            techniques: &["T0842", "T0802", "T1040"],
            severity: if own_topics { Severity::Low } else { Severity::Medium },
            confidence: 0.8,
            protocol: Protocol::Mqtt,
            field: "mqtt.topic of SUBSCRIBE",
            value: filter.to_owned(),
            summary: format!("{from} asks the message broker for every message of every device ({filter})."),
            silent_if: "the filter had named topics, the same station had done so in the baseline, or the site file named it as management",
            started: observation.sighting.time,
        };
        self.raise(observation, asked, world, episodes);
    }

    fn snmp(
        &mut self,
        observation: &Observation,
        (from, to): (IpAddr, IpAddr),
        snmp: &SnmpFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        if !matches!(snmp.operation, SnmpOperation::Get | SnmpOperation::GetNext | SnmpOperation::GetBulk) {
            return;
        }
        let time = observation.sighting.time;
        let agents = self.agents.at(from, time);
        let count = agents.add(to, time, MINUTE);
        let since = agents.first().unwrap_or(time);
        let walks = matches!(snmp.operation, SnmpOperation::GetNext | SnmpOperation::GetBulk);
        let objects = self.objects.at((from, to), time);
        let mut read = 0;
        for binding in snmp.bindings.iter().filter(|_| walks) {
            read = objects.add(hash(binding.object.as_str()), time, MINUTE);
        }
        let walk_since = objects.first().unwrap_or(time);
        let began = world.began;
        let (first, known) = self.managed.at(from, time);
        let first = *first.get_or_insert(time);
        if known.len() < MANAGED_MIN {
            known.insert(to);
        }
        if read >= OBJECTS_MIN {
            // A device of which nobody knows what it is may be a medical one; a management station asks others besides.
            // So does one that asked when the capture began: it asked before.
            let manages = known.len() >= MANAGED_MIN || first.nanoseconds_since(began) < ASKED_BEFORE;
            let unknown = world.inventory.category(&observation.to) == wardline_model::Category::Unknown;
            let matters = world.is_medical(&observation.to) || unknown && !manages;
            let asked = Asked {
                detector: "management-walk",
                techniques: &["T0888", "T0802", "T1602.001"],
                severity: if matters { Severity::Medium } else { Severity::Low },
                confidence: if unknown { 0.55 } else { 0.7 },
                protocol: Protocol::Snmp,
                field: "snmp.name",
                value: format!("{read} objects"),
                summary: format!(
                    "{from} reads the whole management tree of {to} over SNMP ({read} objects within a minute)."
                ),
                silent_if: "the site file named the station as management, or the same had been seen in the baseline",
                started: walk_since,
            };
            self.raise(observation, asked, world, episodes);
        }
        if count >= AGENTS_MIN {
            let asked = Asked {
                detector: "management-sweep",
                techniques: &["T0846", "T1018"],
                severity: Severity::Low,
                confidence: 0.6,
                protocol: Protocol::Snmp,
                field: "ip.dst",
                value: format!("{count} agents"),
                summary: format!("{from} asks {count} stations over SNMP within a minute."),
                silent_if: "the site file named the station as management, or the same had been seen in the baseline",
                started: since,
            };
            self.raise(observation, asked, world, episodes);
        }
    }

    fn names(
        &mut self,
        observation: &Observation,
        from: IpAddr,
        dns: &DnsFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        const PTR: u16 = 12;
        const AXFR: u16 = 252;
        const IXFR: u16 = 251;
        if dns.protocol != Protocol::Dns {
            return;
        }
        let time = observation.sighting.time;
        for question in &dns.questions {
            if matches!(question.record_type, AXFR | IXFR) {
                let server = world.inventory.site().has_role(from, ServerRole::Dns);
                let asked = Asked {
                    detector: "zone-transfer",
                    techniques: &["T1590.002", "T1018"],
                    severity: if server { Severity::Info } else { Severity::Medium },
                    confidence: 0.8,
                    protocol: Protocol::Dns,
                    field: "dns.qry.type",
                    value: question.record_type.to_string(),
                    summary: format!("{from} asks for a copy of the whole zone of names."),
                    silent_if: "the site file named the station as a name server",
                    started: time,
                };
                if !server {
                    self.raise(observation, asked, world, episodes);
                }
            }
            let name = question.name.as_str();
            let reverse =
                question.record_type == PTR && (name.ends_with("in-addr.arpa") || name.ends_with("ip6.arpa"));
            if !reverse {
                continue;
            }
            let window = self.reverse.at(from, time);
            let count = window.add(hash(name), time, MINUTE);
            let since = window.first().unwrap_or(time);
            if count >= REVERSE_MIN && !world.inventory.site().has_role(from, ServerRole::Dns) {
                let asked = Asked {
                    detector: "name-sweep",
                    techniques: &["T1018", "T0846"],
                    severity: Severity::Low,
                    confidence: 0.65,
                    protocol: Protocol::Dns,
                    field: "dns.qry.name",
                    value: format!("{count} different reverse names"),
                    summary: format!("{from} looks up the names of {count} addresses within a minute."),
                    silent_if: "fewer addresses had been looked up, or the site file named the station as a name server, scanner or management",
                    started: since,
                };
                self.raise(observation, asked, world, episodes);
            }
        }
    }

    fn dicom(
        &mut self,
        observation: &Observation,
        (from, to): (IpAddr, IpAddr),
        dicom: &DicomFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let time = observation.sighting.time;
        match dicom {
            DicomFact::Dataset(dataset)
                if dataset.command == Some(DicomCommandKind::CFind)
                    && !dataset.response
                    && dataset.query_open =>
            {
                let worklist = world.inventory.site().has_role(to, ServerRole::Worklist);
                let window = self.open_questions.at((from, to), time);
                let count = window.add(time, 10 * MINUTE);
                let since = window.first().unwrap_or(time);
                if worklist || count < OPEN_QUESTIONS_MIN {
                    return;
                }
                let asked = Asked {
                    detector: "open-patient-query",
                    techniques: &["T0802", "T0861", "T1213"],
                    severity: Severity::Medium,
                    confidence: 0.65,
                    protocol: Protocol::Dicom,
                    field: "(0010,0020), (0010,0010)",
                    value: format!("no patient named in {count} questions"),
                    summary: format!(
                        "{from} asks the archive {to} for all patients ({count} open questions within ten minutes)."
                    ),
                    silent_if: "the questions had named a patient, a study or a date, or the same had been seen in the baseline",
                    started: since,
                };
                self.raise(observation, asked, world, episodes);
            }
            DicomFact::Command(command) if command.kind == DicomCommandKind::CMove && !command.response => {
                let Some(destination) =
                    command.move_destination.as_ref().map(|title| title.as_str().to_owned())
                else {
                    return;
                };
                let known = self.destinations.at(to, time);
                let moves: u32 = known.iter().map(|(_, count)| count).sum();
                let new = match known.iter_mut().find(|(title, _)| *title == destination) {
                    Some((_, count)) => {
                        *count += 1;
                        false
                    }
                    None => {
                        if known.len() < 64 {
                            known.push((destination.clone(), 1));
                        }
                        true
                    }
                };
                // A destination is new only where others were used before.
                if new && moves >= 5 {
                    let asked = Asked {
                        detector: "new-image-destination",
                        techniques: &["T0802", "T1020", "T1213"],
                        severity: Severity::Medium,
                        confidence: 0.6,
                        protocol: Protocol::Dicom,
                        field: "(0000,0600)",
                        value: destination,
                        summary: format!(
                            "{from} has the archive {to} send images to a destination that was never used before."
                        ),
                        silent_if: "images had been sent there before, as the baseline can show",
                        started: time,
                    };
                    self.raise(observation, asked, world, episodes);
                }
            }
            _ => {}
        }
    }

    fn http(
        &mut self,
        observation: &Observation,
        (from, to): (IpAddr, IpAddr),
        http: &HttpFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let time = observation.sighting.time;
        match http {
            HttpFact::Response(response) if response.status == 404 || response.status == 403 => {
                // The answer goes to whoever asked; the packet stands for the path, which the answer does not name.
                let window = self.missing.at((to, from), time);
                let count = window.add(observation.sighting.packet, time, MINUTE);
                let since = window.first().unwrap_or(time);
                if count >= PATHS_MIN {
                    let mut turned = observation.clone();
                    std::mem::swap(&mut turned.from, &mut turned.to);
                    let asked = Asked {
                        detector: "path-guessing",
                        techniques: &["T1595.003", "T1083"],
                        severity: Severity::Medium,
                        confidence: 0.75,
                        protocol: Protocol::Http,
                        field: "http.response.code",
                        value: format!("{count} refusals"),
                        summary: format!(
                            "{to} guesses paths of the web server {from}: {count} of them do not exist or are closed, within a minute."
                        ),
                        silent_if: "most of the paths had existed, or the site file named the station as a scanner",
                        started: since,
                    };
                    self.raise(&turned, asked, world, episodes);
                }
            }
            HttpFact::Request(request) if request.path_shape.as_str().contains("$export") => {
                let asked = Asked {
                    detector: "bulk-export",
                    techniques: &["T1213", "T0802", "T1119"],
                    severity: Severity::Medium,
                    confidence: 0.6,
                    protocol: Protocol::Fhir,
                    field: "http.request.uri",
                    value: "$export".to_owned(),
                    summary: format!(
                        "{from} asks the health record server {to} for all its records at once."
                    ),
                    silent_if: "the export had been seen in the baseline, or a maintenance window had covered it",
                    started: time,
                };
                self.raise(observation, asked, world, episodes);
            }
            _ => {}
        }
    }

    /// Much data from a medical device to the internet.
    fn outward(
        &mut self,
        observation: &Observation,
        (from, to): (IpAddr, IpAddr),
        conversation: &Conversation,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let (inside, outside, turned, sent, received) = match (is_internal(from), is_internal(to)) {
            (true, false) => (from, to, false, conversation.bytes[0], conversation.bytes[1]),
            (false, true) => (to, from, true, conversation.bytes[1], conversation.bytes[0]),
            _ => return,
        };
        if !crate::inventory::is_unicast(outside) {
            return;
        }
        let time = observation.sighting.time;
        let total = self.outside.at((inside, outside), time);
        *total = total.saturating_add(sent);
        let total = *total;
        let mut ordered = observation.clone();
        if turned {
            std::mem::swap(&mut ordered.from, &mut ordered.to);
        }
        let category = world.inventory.category(&ordered.from);
        if !world.is_medical(&ordered.from)
            || total < OUTWARD_BYTES_MIN
            || sent < received.saturating_mul(OUTWARD_TIMES)
        {
            return;
        }
        let asked = Asked {
            detector: "data-leaves",
            techniques: &["T1041", "T1048", "T0882"],
            severity: Severity::High,
            confidence: 0.7,
            protocol: conversation.application.unwrap_or(Protocol::Ipv4),
            field: "bytes sent",
            value: format!("{total}"),
            summary: format!(
                "{inside}, a device of kind {category}, sent {:.1} MB to {outside}, outside the hospital, and got little back.",
                total as f64 / 1e6
            ),
            silent_if: "less had been sent, more had come back, or the same had been seen in the baseline",
            started: conversation.start,
        };
        // The victim is the device whose data leaves; who acts is outside.
        let time = observation.sighting.time;
        let usual = self.usual.at((inside, asked.detector), time);
        if world.learning {
            *usual = true;
        }
        if *usual || world.in_maintenance(Some(inside), time) {
            return;
        }
        episodes.raise(
            Alarm {
                techniques: asked.techniques,
                severity: asked.severity,
                confidence: asked.confidence,
                device: Some(ordered.from),
                source: Some(ordered.to),
                summary: asked.summary,
                evidence: vec![world.names.evidence(observation, asked.protocol, asked.field, &asked.value)],
                started: asked.started,
                silent_if: asked.silent_if.to_owned(),
                ..Alarm::about(
                    Attack::PassiveGathering,
                    asked.detector,
                    format!("{inside} {outside}"),
                    observation,
                )
            },
            world.inventory,
        );
    }
}
