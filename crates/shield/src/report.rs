//! What was refused, as findings of the contract.
//!
//! One attack is one finding that grows: it is written when it begins, then at most once a second while it goes on. A
//! finding says which field of which protocol was wrong, and never what a patient's field said.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use wardline_model::{
    Attack, DeviceReference, Evidence, Finding, Label, Protocol, Record, Severity, Timestamp,
};

use crate::ShieldError;
use crate::counters::{self, Counters};
use crate::limits::{FINDINGS_MAX, FINDINGS_WAITING_MAX};
use crate::tls::Blame;

/// A finding that nothing added to for so long is over, seconds.
const QUIET_S: u64 = 3_600;
/// Length at which the file of findings is put aside as `.1`, bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// TLS says that somebody is on the path.
    Path(Blame),
    /// A box that is revoked, or whose certificate belongs to an earlier enrolment.
    RevokedBox,
    /// A wrong enrolment code.
    WrongCode,
    /// A box asked for what is not its own.
    ForeignService,
    /// The other end broke the protocol of the link.
    BrokenProtocol,
    /// The allow-list forbids it.
    Forbidden,
    /// It is not what the service is for.
    NotTheProtocol,
    /// A program where none belongs.
    Program,
    /// A message came again.
    Repeated,
    /// Messages are missing, or came in another order.
    OutOfOrder,
    /// Nobody knows whether the receiver took a message.
    InDoubt,
    /// Too many connections.
    Flood,
    /// The link is down.
    LinkDown,
}

/// What a notice means.
struct Meaning {
    detector: &'static str,
    attack: Attack,
    severity: Severity,
    techniques: &'static [&'static str],
    confidence: f32,
    clinical: &'static str,
    playbook: &'static [&'static str],
    silent_if: &'static str,
}

impl Notice {
    const fn meaning(self) -> Meaning {
        let path = Meaning {
            detector: "shield-path-tampered",
            attack: Attack::MessageCorruption,
            severity: Severity::High,
            techniques: &["T0830", "T1557"],
            confidence: 0.8,
            clinical: "Nothing altered was delivered. While somebody disturbs the path, messages come late.",
            playbook: &[
                "Look at switches and cables between the two boxes for a machine that does not belong there.",
                "If the link does not stay up, treat the devices of this box as unmonitored until it does.",
            ],
            silent_if: "the bytes arrived as they were sent",
        };
        match self {
            Self::Path(Blame::Corrupted | Blame::Injected) => path,
            Self::Path(Blame::Truncated) => Meaning {
                detector: "shield-path-cut",
                attack: Attack::Outage,
                severity: Severity::Low,
                techniques: &["T0814"],
                confidence: 0.5,
                clinical: "What was under way was not delivered as if it were whole. The link is made anew by itself.",
                playbook: &[
                    "See whether the other end was restarted or lost power; if not, look at the path.",
                ],
                silent_if: "the other end had closed the link in good order",
            },
            Self::Path(Blame::Downgrade) => Meaning {
                detector: "shield-path-downgrade",
                attack: Attack::Eavesdropping,
                techniques: &["T1562.010"],
                silent_if: "TLS 1.3 with X25519MLKEM768 had been offered",
                ..path
            },
            Self::Path(Blame::Stranger | Blame::Expired | Blame::Refused) => Meaning {
                detector: "shield-rogue-box",
                attack: Attack::Physical,
                techniques: &["T0848", "T1200"],
                clinical: "A box that is not enrolled here was not let in. Nothing of it reached a device or server.",
                playbook: &[
                    "Find the machine with this address.",
                    "If it is one of yours, its certificate ran out while it was off: enrol it anew.",
                ],
                silent_if: "it had shown a certificate of this authority that holds",
                ..path
            },
            Self::RevokedBox => Meaning {
                detector: "shield-revoked-box",
                attack: Attack::Physical,
                techniques: &["T1078", "T1200"],
                confidence: 1.0,
                clinical: "A box that was revoked, or replaced by a newer enrolment, was not let in.",
                playbook: &["Find the machine with this address: it holds the key of a lost box."],
                silent_if: "it had been enrolled since",
                ..path
            },
            Self::WrongCode => Meaning {
                detector: "shield-wrong-enrolment",
                attack: Attack::Physical,
                severity: Severity::Medium,
                techniques: &["T1110", "T1200"],
                confidence: 0.6,
                clinical: "Nobody was let in.",
                playbook: &[
                    "Ask whoever enrols boxes today. If nobody does, find the machine with this address.",
                ],
                silent_if: "the code had been right",
            },
            Self::ForeignService => Meaning {
                detector: "shield-foreign-service",
                attack: Attack::PolicyViolation,
                severity: Severity::Medium,
                techniques: &["T0886"],
                clinical: "The connection was refused. If it is wanted, the device behind it does not work now.",
                playbook: &[
                    "Compare the services of both ends. If they agree, the box was altered: revoke it.",
                ],
                silent_if: "the clinic end had this service for this box",
                ..path
            },
            Self::BrokenProtocol => Meaning { detector: "shield-broken-protocol", ..path },
            Self::Forbidden => Meaning {
                detector: "shield-not-allowed",
                attack: Attack::PolicyViolation,
                severity: Severity::Medium,
                techniques: &["T0855"],
                confidence: 1.0,
                clinical: "The message was not delivered, and its sender was told so.",
                playbook: &[
                    "If the device ought to do this, add it to the allow-list of its service.",
                    "If not, somebody speaks through the device: take it from the network and look at it.",
                ],
                silent_if: "the allow-list had held it",
            },
            Self::NotTheProtocol => Meaning {
                detector: "shield-other-protocol",
                attack: Attack::PolicyViolation,
                severity: Severity::Medium,
                techniques: &["T0885"],
                confidence: 0.9,
                clinical: "The connection was ended.",
                playbook: &[
                    "See whether the service names the right protocol; if it does, look at the device.",
                ],
                silent_if: "the bytes had been of the protocol of the service",
            },
            Self::Program => Meaning {
                detector: "shield-program-in-message",
                techniques: &["T1565.002", "T1027"],
                confidence: 0.9,
                clinical: "The message was not delivered. What it reports is missing until it is sent without the program.",
                playbook: &[
                    "Take the sender from the network and look at it.",
                    "Ask for the picture or result again once the sender is clean.",
                ],
                silent_if: "no field had begun like a program",
                ..path
            },
            Self::Repeated => Meaning {
                detector: "shield-message-repeated",
                attack: Attack::TrafficAnalysis,
                severity: Severity::Low,
                techniques: &["T0856"],
                confidence: 0.5,
                clinical: "The message was acknowledged as before and not delivered again.",
                playbook: &[
                    "One repeat is a sender that waited too long. Many are a replay: look at who sends.",
                ],
                silent_if: "no message of the same content had gone before",
            },
            Self::OutOfOrder => Meaning {
                detector: "shield-message-order",
                clinical: "Messages out of their order were not delivered; the sending box sends from the gap on.",
                playbook: &["The state of one box was altered or put back from a copy: look at it."],
                silent_if: "messages had come in the order of their numbers",
                ..path
            },
            Self::InDoubt => Meaning {
                detector: "shield-message-in-doubt",
                attack: Attack::Outage,
                severity: Severity::Medium,
                techniques: &["T0826"],
                confidence: 1.0,
                clinical: "The box stopped between sending a message and hearing that it was taken. The receiver may have it or not.",
                playbook: &[
                    "Look in the receiver for the message with this number, and release or drop it there.",
                ],
                silent_if: "the receiver had answered before the box stopped",
            },
            Self::Flood => Meaning {
                detector: "shield-flood",
                attack: Attack::DenialOfService,
                techniques: &["T0814", "T1499"],
                clinical: "Connections beyond the limit were closed. Links that are up are not affected.",
                playbook: &["Find the machine with this address, and take it from the network."],
                silent_if: "fewer connections had been open",
                ..path
            },
            Self::LinkDown => Meaning {
                detector: "shield-link-down",
                attack: Attack::Outage,
                techniques: &["T0814"],
                confidence: 1.0,
                clinical: "Devices of this box do not reach their servers through the shield. Messages are kept where the service is durable.",
                playbook: &["See whether the other end and the network between the boxes work."],
                silent_if: "the link had been up",
                ..path
            },
        }
    }
}

/// One observation.
#[derive(Clone, Debug)]
pub struct Observation {
    /// What it is.
    pub notice: Notice,
    /// The device concerned, as people call it.
    pub device: Option<String>,
    /// Who acts, where an address is known.
    pub source: Option<IpAddr>,
    /// Name of who acts, such as a box.
    pub source_name: Option<String>,
    /// Protocol that was read.
    pub protocol: Protocol,
    /// Field that was read.
    pub field: &'static str,
    /// What it said, without patient data.
    pub value: String,
}

impl Observation {
    /// An observation of the link itself.
    pub fn of_path(notice: Notice, source: Option<IpAddr>, value: impl Into<String>) -> Self {
        Self {
            notice,
            device: None,
            source,
            source_name: None,
            protocol: Protocol::Tls,
            field: "link",
            value: value.into(),
        }
    }
}

/// Takes observations and writes findings, in a thread of its own.
#[derive(Clone, Debug)]
pub struct Reporter {
    queue: SyncSender<(Observation, Timestamp)>,
    counters: Arc<Counters>,
}

impl Reporter {
    /// Writes to the file `sink`, to standard output for `-`, or nowhere. The thread ends with the last clone.
    ///
    /// # Errors
    /// When the file cannot be opened, or there is no thread.
    pub fn start(end: &str, sink: Option<&Path>, counters: &Arc<Counters>) -> Result<Self, ShieldError> {
        let sink = match sink {
            None => Sink::Nowhere,
            Some(path) if path == Path::new("-") => Sink::Standard,
            Some(path) => Sink::File(path.to_owned(), open(path)?),
        };
        let (queue, waiting) = sync_channel(FINDINGS_WAITING_MAX);
        let (end, own) = (end.to_owned(), Arc::clone(counters));
        std::thread::Builder::new()
            .name("findings".to_owned())
            .spawn(move || Book { end, sink, growing: BTreeMap::new(), counters: own }.run(&waiting))?;
        Ok(Self { queue, counters: Arc::clone(counters) })
    }

    /// Takes an observation; never waits.
    pub fn report(&self, observation: Observation) {
        tracing::warn!(
            detector = observation.notice.meaning().detector,
            device = observation.device.as_deref(),
            source = observation.source.map(tracing::field::display),
            value = observation.value,
            "refused or noticed"
        );
        if self.queue.try_send((observation, now())).is_err() {
            counters::add(&self.counters.findings_dropped_total, 1);
        }
    }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanoseconds(i64::try_from(since.as_micros()).unwrap_or(i64::MAX).saturating_mul(1_000))
}

fn open(path: &Path) -> Result<File, ShieldError> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(ShieldError::file(path))
}

enum Sink {
    Nowhere,
    Standard,
    File(PathBuf, File),
}

impl Sink {
    fn write(&mut self, line: &[u8]) {
        // A disk that is full must not stop the path of a device; the log and the counters still tell.
        let _ = match self {
            Self::Nowhere => Ok(()),
            Self::Standard => std::io::stdout().lock().write_all(line),
            Self::File(path, file) => {
                if file.metadata().is_ok_and(|metadata| metadata.len() > FILE_BYTES_MAX) {
                    let mut aside = path.clone().into_os_string();
                    aside.push(".1");
                    if std::fs::rename(&path, aside).is_ok()
                        && let Ok(fresh) = open(path)
                    {
                        *file = fresh;
                    }
                }
                file.write_all(line)
            }
        };
    }
}

type Key = (Notice, Option<String>, Option<IpAddr>, Option<String>);

/// Findings that grow.
struct Book {
    end: String,
    sink: Sink,
    growing: BTreeMap<Key, (Finding, bool)>,
    counters: Arc<Counters>,
}

impl Book {
    fn run(mut self, waiting: &Receiver<(Observation, Timestamp)>) {
        loop {
            match waiting.recv_timeout(Duration::from_secs(1)) {
                Ok((observation, time)) => self.take(observation, time),
                Err(RecvTimeoutError::Timeout) => self.flush(now()),
                Err(RecvTimeoutError::Disconnected) => return self.flush(now()),
            }
        }
    }

    fn take(&mut self, observation: Observation, time: Timestamp) {
        let key = (
            observation.notice,
            observation.device.clone(),
            observation.source,
            observation.source_name.clone(),
        );
        if let Some((finding, grown)) = self.growing.get_mut(&key) {
            finding.observations += 1;
            (finding.time, finding.last_seen, *grown) = (time, time, true);
            // The first items and the newest.
            finding.evidence.truncate(4);
            finding.evidence.push(evidence(&self.end, &observation, time, finding.observations));
            return;
        }
        if self.growing.len() >= FINDINGS_MAX {
            counters::add(&self.counters.findings_dropped_total, 1);
            return;
        }
        let finding = self.begin(&observation, time, &key);
        self.write(&finding);
        self.growing.insert(key, (finding, false));
    }

    fn flush(&mut self, time: Timestamp) {
        let mut growing = std::mem::take(&mut self.growing);
        for (finding, grown) in growing.values_mut().filter(|(_, grown)| *grown) {
            finding.updates += 1;
            *grown = false;
            self.write(finding);
        }
        growing.retain(|_, (finding, _)| time.seconds_since(finding.last_seen) < QUIET_S as f64);
        self.growing = growing;
    }

    fn write(&mut self, finding: &Finding) {
        if let Ok(mut line) = serde_json::to_vec(&Record::Finding(Box::new(finding.clone()))) {
            line.push(b'\n');
            self.sink.write(&line);
        }
    }

    fn begin(&self, observation: &Observation, time: Timestamp, key: &Key) -> Finding {
        let meaning = observation.notice.meaning();
        let mut digest = blake3::Hasher::new();
        digest.update(format!("{}|{key:?}|{}", self.end, time.nanoseconds()).as_bytes());
        let named = |ip: Option<IpAddr>, name: Option<&String>| {
            (ip.is_some() || name.is_some()).then(|| DeviceReference {
                id: None,
                ip,
                mac: None,
                name: name.map(|name| Label::new(name)),
            })
        };
        let about = observation.device.as_ref().map(|device| format!(" of {device}")).unwrap_or_default();
        Finding {
            id: digest.finalize().to_hex().chars().take(16).collect(),
            time,
            started: time,
            last_seen: time,
            attack: meaning.attack,
            techniques: meaning.techniques.iter().map(|technique| (*technique).to_owned()).collect(),
            detector: Label::new(meaning.detector),
            severity: meaning.severity,
            confidence: meaning.confidence,
            device: named(None, observation.device.as_ref()),
            source: named(observation.source, observation.source_name.as_ref()),
            summary: Label::new(&format!(
                "The shield {} refused or noticed something{about}: {}.",
                self.end, observation.value
            ))
            .to_string(),
            evidence: vec![evidence(&self.end, observation, time, 1)],
            observations: 1,
            updates: 0,
            silent_if: meaning.silent_if.to_owned(),
            clinical: meaning.clinical.to_owned(),
            playbook: meaning.playbook.iter().map(|step| (*step).to_owned()).collect(),
        }
    }
}

fn evidence(end: &str, observation: &Observation, time: Timestamp, number: u64) -> Evidence {
    Evidence {
        file: Label::new(&format!("shield:{end}")),
        packet: number,
        time,
        community_id: None,
        protocol: observation.protocol,
        field: Label::new(observation.field),
        value: Label::new(&observation.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_attack_is_one_finding_that_grows() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("findings.ndjson");
        let counters = Arc::new(Counters::default());
        let reporter = Reporter::start("main", Some(&path), &counters).unwrap();
        let source = Some("10.0.0.7".parse().unwrap());
        for _ in 0..3 {
            reporter.report(Observation::of_path(Notice::Path(Blame::Stranger), source, "no certificate"));
        }
        drop(reporter);
        let last = |lines: &[Record]| match lines.last() {
            Some(Record::Finding(finding)) => (**finding).clone(),
            _ => panic!("a finding"),
        };
        for _ in 0..500 {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<Record> =
                text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            if lines.len() == 2 {
                let finding = last(&lines);
                assert_eq!(
                    (finding.attack, finding.observations, finding.updates, finding.detector.as_str()),
                    (Attack::Physical, 3, 1, "shield-rogue-box")
                );
                assert_eq!(last(&lines[..1]).id, finding.id);
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("two lines");
    }
}
