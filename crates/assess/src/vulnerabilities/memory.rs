//! What was matched before, so that a change of one feed matches again only what it touches.
//!
//! What statements meet a device follows from its make, model, version and system, from the statements about products of its
//! makers and its parts, and from nothing else. Of these a digest is kept with each result: where it is the same, so is the
//! result. Catalogues of exploitation and scores decide places, not matches, and touch none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wardline_model::{Device, Label, Match};

use super::{Advisories, Found, Place, subjects};

/// Kinds of devices that are remembered, at most; beyond it they are matched anew.
const KINDS_MAX: usize = 200_000;

/// Make, model, version and operating system: devices of one kind have the same vulnerabilities.
pub(super) type Kind = [Option<Label>; 4];

type Digest = [u8; 16];

/// Results of matching, by kind of device.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct MatchMemory {
    kinds: Vec<(Kind, Digest, Vec<Remembered>)>,
    /// Kinds that the last queue matched anew.
    #[serde(skip)]
    pub matched: usize,
    /// Kinds of which the last queue took what was matched before.
    #[serde(skip)]
    pub kept: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Remembered {
    advisory: Label,
    vulnerability: usize,
    statement: usize,
    matched: Match,
}

/// Digests of statements by maker and by part, and what was matched before, while a queue is made.
pub(super) struct Recall<'a> {
    advisories: &'a Advisories,
    of_maker: BTreeMap<&'a str, Digest>,
    before: BTreeMap<Kind, (Digest, Vec<Remembered>)>,
    after: Vec<(Kind, Digest, Vec<Remembered>)>,
    kept: usize,
}

impl<'a> Recall<'a> {
    pub(super) fn new(advisories: &'a Advisories, memory: &mut MatchMemory) -> Self {
        let before = std::mem::take(&mut memory.kinds);
        let of_maker = advisories
            .by_vendor
            .iter()
            .map(|(maker, places)| (maker.as_str(), advisories.digest(places.iter())))
            .collect();
        Self {
            advisories,
            of_maker,
            before: before.into_iter().map(|(kind, digest, found)| (kind, (digest, found))).collect(),
            after: Vec::new(),
            kept: 0,
        }
    }

    /// What meets devices of a kind: as it was, where nothing that it follows from has changed.
    pub(super) fn matches(&mut self, kind: &Kind, device: &Device) -> Vec<Found> {
        let digest = self.digest(device);
        let known = self.before.remove(kind).filter(|(before, _)| *before == digest);
        let restored = known.and_then(|(_, found)| {
            let restored: Option<Vec<Found>> =
                found.iter().map(|found| self.advisories.restore(found)).collect();
            Some((restored?, found))
        });
        let (found, remembered) = match restored {
            Some(restored) => {
                self.kept += 1;
                restored
            }
            None => {
                let found = self.advisories.matches(device);
                let remembered = found.iter().filter_map(|found| self.advisories.remember(found)).collect();
                (found, remembered)
            }
        };
        self.after.push((kind.clone(), digest, remembered));
        found
    }

    pub(super) fn finish(mut self, memory: &mut MatchMemory) {
        (memory.matched, memory.kept) = (self.after.len() - self.kept, self.kept);
        self.after.truncate(KINDS_MAX);
        memory.kinds = self.after;
    }

    /// Everything from which follows what meets a device, but for itself.
    fn digest(&self, device: &Device) -> Digest {
        let mut hasher = blake3::Hasher::new();
        for subject in subjects(device, self.advisories.products.disclosure(device)) {
            add(&mut hasher, subject.maker.as_bytes());
            add(&mut hasher, subject.model.as_bytes());
            match self.of_maker.get(subject.maker.as_str()) {
                Some(digest) => add(&mut hasher, digest),
                // Where nobody is called so, those count whose names differ by a letter.
                None => {
                    for (maker, digest) in &self.of_maker {
                        if super::product::misspelt(maker, &subject.maker) {
                            add(&mut hasher, digest);
                        }
                    }
                }
            }
        }
        for part in self.advisories.bills.parts(device) {
            add(&mut hasher, part.component.vendor.as_str().as_bytes());
            add(&mut hasher, part.component.name.as_str().as_bytes());
            add(&mut hasher, part.component.version.as_ref().map_or("", Label::as_str).as_bytes());
            add(&mut hasher, &[u8::from(part.sure)]);
            add(&mut hasher, &self.advisories.digest(self.advisories.bills.named(part.component).iter()));
        }
        short(&hasher)
    }
}

fn add(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
}

fn short(hasher: &blake3::Hasher) -> Digest {
    let mut digest = Digest::default();
    hasher.finalize_xof().fill(&mut digest);
    digest
}

impl Advisories {
    /// A digest of statements, with where they stand.
    fn digest<'a>(&self, places: impl Iterator<Item = &'a Place>) -> Digest {
        let mut hasher = blake3::Hasher::new();
        for place in places {
            let Some((vulnerability, statement)) = self.at(*place) else { continue };
            let advisory =
                self.advisories.get(place.0).map(|advisory| advisory.id.as_str()).unwrap_or_default();
            for text in [
                advisory,
                vulnerability.cve.as_str(),
                statement.vendor.as_str(),
                statement.product.as_str(),
                statement.versions.as_str(),
            ] {
                add(&mut hasher, text.as_bytes());
            }
            add(&mut hasher, &(place.1 as u64).to_le_bytes());
            add(&mut hasher, &(place.2 as u64).to_le_bytes());
            add(&mut hasher, &[statement.status as u8]);
        }
        short(&hasher)
    }

    fn remember(&self, found: &Found) -> Option<Remembered> {
        Some(Remembered {
            advisory: self.advisories.get(found.advisory)?.id.clone(),
            vulnerability: found.vulnerability,
            statement: found.statement,
            matched: found.matched.clone(),
        })
    }

    fn restore(&self, found: &Remembered) -> Option<Found> {
        let advisory = self.advisories.binary_search_by(|advisory| advisory.id.cmp(&found.advisory)).ok()?;
        self.at((advisory, found.vulnerability, found.statement))?;
        Some(Found {
            advisory,
            vulnerability: found.vulnerability,
            statement: found.statement,
            matched: found.matched.clone(),
        })
    }
}
