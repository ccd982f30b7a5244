//! Denial of service by encrypting files: MITRE ATT&CK T1486, T1490, T0826.
//!
//! A client reads many files of a share, writes what looks random, and renames or deletes them, all within
//! seconds; or it overwrites each file that it has just read, in place. Backups write new files, archivers write one,
//! and viewers only read. Entropy alone says nothing of files that are compressed anyway, but nobody reads and
//! overwrites many of several kinds within seconds.

use std::net::IpAddr;

use wardline_model::fact::{SmbFact, SmbFileOperation};
use wardline_model::{Attack, Fact, Label, Observation, Protocol, Pseudonym, Severity, Timestamp};

use super::recent::{Different, Recent};
use super::{Alarm, Detector, Episodes, World};
use crate::limits::SENDERS_MAX;

const SECOND: i64 = 1_000_000_000;
/// Within this time operations belong together: published probes find families of ransomware within it.
const TOGETHER: i64 = 20 * SECOND;
/// Files after which it is no person's work. Fewer than ten are lost by then.
const FILES_MIN: usize = 8;
/// Entropy of a write, bits per byte times 100, from which on it looks encrypted.
const RANDOM_CENTIBITS: u16 = 740;
/// Extensions of files that are compressed anyway, and of those that programs write beside a file to replace it.
const USUAL_EXTENSIONS: &[&str] = &[
    "7z", "bak", "bmp", "cab", "dcm", "docx", "gif", "gz", "jp2", "jpeg", "jpg", "mp3", "mp4", "old", "part",
    "pdf", "png", "pptx", "rar", "swp", "tmp", "vhdx", "xlsx", "xz", "zip", "zst",
];

/// Kinds of files that are overwritten; a converter works on one.
const KINDS_MIN: usize = 3;

#[derive(Default)]
struct Client {
    read: Different<Pseudonym>,
    /// Files that were read and then written at random, and their extensions.
    overwritten: Different<Pseudonym>,
    kinds: Different<Option<Label>>,
    random: Different<Pseudonym>,
    moved: Different<Pseudonym>,
    counts: [usize; 3],
    in_place: (usize, usize),
    /// The extension that files get, and how many got it.
    extension: Option<Label>,
    renamed: usize,
    first: Timestamp,
}

/// Files that are encrypted in bulk.
pub(super) struct FilesEncrypted {
    clients: Recent<(IpAddr, IpAddr), Client>,
}

impl Default for FilesEncrypted {
    fn default() -> Self {
        Self { clients: Recent::new(SENDERS_MAX) }
    }
}

impl Detector for FilesEncrypted {
    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let Fact::Smb(smb) = &observation.fact else { return };
        let SmbFact::File { operation, file: Some(file), extension, entropy_centibits, .. } = smb.as_ref()
        else {
            return;
        };
        let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
        let time = observation.sighting.time;
        let client = self.clients.at((from, to), time);
        let usual = extension.as_ref().is_some_and(|name| USUAL_EXTENSIONS.contains(&name.as_str()));
        let random = entropy_centibits.is_some_and(|bits| bits >= RANDOM_CENTIBITS);
        if *operation == SmbFileOperation::Write && random && client.read.contains(file, time, TOGETHER) {
            let kinds = client.kinds.add(extension.clone(), time, TOGETHER);
            client.in_place = (client.overwritten.add(*file, time, TOGETHER), kinds);
        }
        match operation {
            SmbFileOperation::Read => client.counts[0] = client.read.add(*file, time, TOGETHER),
            SmbFileOperation::Write if random && !usual => {
                client.counts[1] = client.random.add(*file, time, TOGETHER);
            }
            SmbFileOperation::Rename => {
                client.counts[2] = client.moved.add(*file, time, TOGETHER);
                if client.extension == *extension {
                    client.renamed += 1;
                } else {
                    client.extension.clone_from(extension);
                    client.renamed = 1;
                }
            }
            SmbFileOperation::Delete => client.counts[2] = client.moved.add(*file, time, TOGETHER),
            SmbFileOperation::Write if random => {}
            _ => return,
        }
        client.first = [client.read.first(), client.random.first(), client.moved.first()]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(time);
        let [read, random, moved] = client.counts;
        let replaced = read >= FILES_MIN && random >= FILES_MIN && moved >= FILES_MIN;
        let (overwritten, kinds) = client.in_place;
        let in_place = overwritten >= FILES_MIN && kinds >= KINDS_MIN;
        if !(replaced || in_place) || world.learning {
            return;
        }
        let files = if replaced { random } else { overwritten };
        if world.in_maintenance(Some(to), time) {
            return;
        }
        let started = client.first;
        let new_extension = client.renamed >= FILES_MIN && !usual;
        let alarm = Alarm {
            attack: Attack::DenialOfService,
            detector: "files-encrypted",
            key: format!("{from} {to}"),
            techniques: &["T1486", "T1490", "T0826"],
            severity: Severity::Critical,
            confidence: if new_extension { 0.95 } else { 0.85 },
            device: Some(observation.to),
            source: Some(observation.from),
            summary: format!(
                "{from} reads files of {to}, {}: {files} files within 20 seconds.",
                match (replaced, new_extension) {
                    (true, true) => "writes what looks encrypted and renames them",
                    (true, false) => "writes what looks encrypted and renames or deletes them",
                    (false, _) => "and overwrites them with what looks encrypted",
                }
            ),
            evidence: vec![world.names.evidence(
                observation,
                Protocol::Smb2,
                "read, written at random, renamed or deleted, overwritten in place",
                &format!("{read}, {random}, {moved}, {overwritten} files"),
            )],
            started,
            time,
            silent_if: format!(
                "fewer than {FILES_MIN} files had been read, overwritten and renamed or deleted within 20 seconds, or what was written had been less random"
            ),
        };
        episodes.raise(alarm, world.inventory);
    }
}
