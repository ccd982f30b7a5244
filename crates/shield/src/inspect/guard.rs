//! Allow-lists: learned, reviewed, enforced.
//!
//! ```toml
//! mode = "enforce"                       # or "learn"
//! [allow]
//! calling_ae = ["CT1"]                   # DICOM
//! called_ae = ["PACS"]
//! sop_class = ["1.2.840.10008.5.1.4.1.1.2"]
//! command = ["C-STORE-RQ", "C-ECHO-RQ"]
//! message_type = ["ORU^R01"]             # HL7: MSH-9.1 and 9.2
//! sender = ["MONITOR|ICU"]               # HL7: MSH-3.1 and 4.1
//! client = ["pump-*"]                    # MQTT
//! publish = ["ward/+/pump/#"]
//! subscribe = ["ward/+/orders"]
//! request = ["GET /fhir/Patient/*", "POST /fhir/**"]   # HTTP
//! ```
//!
//! A list that is not there allows nothing. `*` and `+` stand for one part between slashes, `**` and `#` for all that
//! follow, `*` at the end of a part for the rest of it. While a file is missing or says `learn`, everything but programs
//! passes, and what was seen is kept beside it as `FILE.learned`, ready to be reviewed and put in its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::Carried;
use crate::ShieldError;
use crate::files::write_private;

/// Entries that one list learns; a device that does more needs a pattern.
const ENTRIES_MAX: usize = 1_000;
/// Bytes of unfinished messages that all connections of a service may hold together. Each may hold
/// [`FREE_BYTES`] in any case, so that a few that are stuck do not stop the rest.
const HELD_BYTES_MAX: usize = 32 * 1024 * 1024;
const FREE_BYTES: usize = 4 * 1024;
/// Longest entry, bytes.
const ENTRY_BYTES_MAX: usize = 256;

/// Whether the list is being learned or holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Everything passes and is noted.
    #[default]
    Learn,
    /// Only what is listed passes.
    Enforce,
}

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// DICOM calling application entity.
    CallingAe,
    /// DICOM called application entity.
    CalledAe,
    /// DICOM SOP class of a command.
    SopClass,
    /// DICOM command.
    Command,
    /// HL7 message type and event.
    MessageType,
    /// HL7 sending application and facility.
    Sender,
    /// MQTT client identifier.
    Client,
    /// MQTT topics that the client publishes.
    Publish,
    /// MQTT topic filters that the client subscribes to.
    Subscribe,
    /// HTTP method and path.
    Request,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    allow: BTreeMap<List, BTreeSet<String>>,
}

/// The allow-list of one service.
#[derive(Debug)]
pub struct Guard {
    carried: Carried,
    rules: Rules,
    learned: Mutex<(Rules, bool)>,
    draft: Option<PathBuf>,
    held: AtomicUsize,
}

impl Guard {
    /// Reads the rules of a service. Without a file everything passes and nothing is kept.
    ///
    /// # Errors
    /// When the file has a mistake; it is named with its line.
    pub fn open(carried: Carried, path: Option<&Path>) -> Result<Self, ShieldError> {
        let rules = match path.map(|path| (path, std::fs::read_to_string(path))) {
            None => Rules::default(),
            Some((_, Err(error))) if error.kind() == std::io::ErrorKind::NotFound => Rules::default(),
            Some((path, Err(error))) => return Err(ShieldError::file(path)(error)),
            Some((path, Ok(text))) => toml::from_str(&text).map_err(|error| {
                let line = crate::settings::line(&text, error.span().map_or(0, |span| span.start));
                ShieldError::content(path, format!("line {line}: {}", error.message()))
            })?,
        };
        let draft = path.map(|path| {
            let mut name = path.as_os_str().to_owned();
            name.push(".learned");
            PathBuf::from(name)
        });
        // What was learned before a restart is not lost.
        let before = draft.as_ref().and_then(|draft| std::fs::read_to_string(draft).ok());
        let before: Rules = before.and_then(|text| toml::from_str(&text).ok()).unwrap_or_default();
        let learned = Rules { mode: Mode::Enforce, allow: before.allow };
        Ok(Self { carried, rules, learned: Mutex::new((learned, false)), draft, held: AtomicUsize::new(0) })
    }

    /// What the service carries.
    pub const fn carried(&self) -> Carried {
        self.carried
    }

    /// Whether the list holds.
    pub fn enforces(&self) -> bool {
        self.rules.mode == Mode::Enforce
    }

    /// A connection that held `before` bytes of unfinished messages holds `now`. False when that is too much.
    pub(super) fn hold(&self, before: usize, now: usize) -> bool {
        self.held.fetch_sub(before, Ordering::Relaxed);
        let others = self.held.fetch_add(now, Ordering::Relaxed);
        now <= FREE_BYTES || others + now <= HELD_BYTES_MAX
    }

    /// Whether `value` may pass. While learning it may, and is noted as `general`: without what is particular to a patient.
    pub fn allows(&self, list: List, value: &str, general: &str) -> bool {
        if self.enforces() {
            let covers = if list == List::Subscribe { covers } else { matches };
            return self
                .rules
                .allow
                .get(&list)
                .is_some_and(|entries| entries.iter().any(|entry| covers(entry, value)));
        }
        let general = wardline_model::Label::from_bytes(general.as_bytes()).to_string();
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = learned.0.allow.entry(list).or_default();
        if general.len() <= ENTRY_BYTES_MAX && entries.len() < ENTRIES_MAX && entries.insert(general) {
            learned.1 = true;
        }
        true
    }

    /// Keeps what was learned since the last time.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self) -> Result<(), ShieldError> {
        let Some(draft) = &self.draft else { return Ok(()) };
        let text = {
            let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
            if !std::mem::take(&mut learned.1) {
                return Ok(());
            }
            toml::to_string_pretty(&learned.0)
                .map_err(|error| ShieldError::content(draft, error.to_string()))?
        };
        write_private(draft, text.as_bytes())
    }
}

/// Whether `entry` stands for `value`.
fn matches(entry: &str, value: &str) -> bool {
    let mut entries = entry.split('/');
    let mut values = value.split('/');
    loop {
        match (entries.next(), values.next()) {
            (Some("#" | "**"), _) => return true,
            (None, None) => return true,
            (Some(entry), Some(value)) if part_matches(entry, value) => {}
            _ => return false,
        }
    }
}

fn part_matches(entry: &str, value: &str) -> bool {
    match entry.strip_suffix('*') {
        Some(begin) => value.starts_with(begin),
        None => entry == "+" || entry == value,
    }
}

/// Whether every topic of the filter `wanted` is one of `entry`. OASIS MQTT 5 section 4.7.1.
fn covers(entry: &str, wanted: &str) -> bool {
    let mut entries = entry.split('/');
    let mut wanteds = wanted.split('/');
    loop {
        match (entries.next(), wanteds.next()) {
            (Some("#" | "**"), _) => return true,
            (None, None) => return true,
            (Some(_), Some("#")) => return false,
            (Some("+" | "*"), Some(_)) => {}
            (Some(_), Some("+")) => return false,
            (Some(entry), Some(wanted)) if part_matches(entry, wanted) => {}
            _ => return false,
        }
    }
}

/// A path or topic without what may be particular to a patient: parts with digits, or that are no plain words, become
/// `any`.
pub(super) fn general(path: &str, any: &str) -> String {
    let is_word = |part: &str| {
        part.len() <= 40
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b'$' | b'.'))
    };
    let is_pattern = |part: &str| matches!(part, "+" | "#");
    path.split('/')
        .map(|part| if is_word(part) || is_pattern(part) { part } else { any })
        .collect::<Vec<_>>()
        .join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_what_they_say() {
        for (entry, value, fits) in [
            ("CT1", "CT1", true),
            ("CT1", "CT12", false),
            ("pump-*", "pump-7", true),
            ("GET /fhir/Patient/*", "GET /fhir/Patient/7", true),
            ("GET /fhir/Patient/*", "GET /fhir/Patient/7/x", false),
            ("GET /fhir/**", "GET /fhir/Patient/7/x", true),
            ("GET /fhir/**", "POST /fhir/Patient", false),
            ("ward/+/hr", "ward/7/hr", true),
            ("ward/+/hr", "ward/7/8/hr", false),
        ] {
            assert_eq!(matches(entry, value), fits, "{entry} {value}");
        }
        for (entry, wanted, fits) in [
            ("ward/#", "ward/+/hr", true),
            ("ward/+/hr", "ward/+/hr", true),
            ("ward/7/hr", "ward/+/hr", false),
            ("ward/+/hr", "ward/#", false),
            ("ward/+", "#", false),
        ] {
            assert_eq!(covers(entry, wanted), fits, "{entry} {wanted}");
        }
        assert_eq!(general("/fhir/Patient/A17/$everything", "*"), "/fhir/Patient/*/$everything");
    }

    #[test]
    fn unfinished_messages_are_held_up_to_a_limit() {
        let guard = Guard::open(Carried::Hl7, None).unwrap();
        assert!(guard.hold(0, HELD_BYTES_MAX));
        assert!(guard.hold(0, FREE_BYTES) && !guard.hold(0, FREE_BYTES + 1));
        guard.hold(FREE_BYTES, 0);
        guard.hold(HELD_BYTES_MAX, 0);
        assert!(guard.hold(FREE_BYTES + 1, FREE_BYTES + 2));
    }

    #[test]
    fn what_is_learned_can_be_enforced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ct.toml");
        let guard = Guard::open(Carried::Dicom, Some(&path)).unwrap();
        assert!(!guard.enforces() && guard.allows(List::CallingAe, "CT1", "CT1"));
        guard.keep().unwrap();
        std::fs::rename(directory.path().join("ct.toml.learned"), &path).unwrap();
        let guard = Guard::open(Carried::Dicom, Some(&path)).unwrap();
        assert!(guard.enforces());
        assert!(guard.allows(List::CallingAe, "CT1", "CT1"));
        assert!(
            !guard.allows(List::CallingAe, "CT2", "CT2") && !guard.allows(List::Command, "C-ECHO-RQ", "")
        );
        std::fs::write(&path, "mode = \"enforce\"\n[allow]\ncolour = [\"red\"]\n").unwrap();
        assert!(Guard::open(Carried::Dicom, Some(&path)).unwrap_err().to_string().contains("line 3"));
    }
}
