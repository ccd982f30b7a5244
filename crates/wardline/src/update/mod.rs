//! `feeds update`: what changed is fetched, shown to be whole, and put in the place of the last good copy.
//!
//! Below the folder of feeds: `csaf/PUBLISHER/*.json`, `kev/`, `epss/`, `cve/records.ndjson.gz`, and `.update/` with the
//! ledger and what is on its way.

pub(crate) mod fetch;
mod ledger;
mod records;
mod report;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use fetch::{Answer, Client};
use ledger::{Kept, Ledger, Validators};
use report::Report;
use wardline_feeds::advisories::{self, FILE_BYTES_MAX};
use wardline_feeds::sources::checksum::Checksum;
use wardline_feeds::sources::directory::{self, Distribution, Listed};
use wardline_feeds::sources::{
    CSAF_DIRECTORY, CSAF_PROVIDER, DOCUMENT_BYTES_MAX, INDEX_BYTES_MAX, PublishedFile, SIDECAR_BYTES_MAX,
    Source,
};

use crate::cli::{FeedSource, FeedsUpdate};
use crate::feed::wall_clock;
use crate::{Outcome, collection, complain};

/// Where the ledger and what is on its way are kept; begins with a dot, so that nobody reads it as a feed.
const WORK: &str = ".update";

/// After how many documents the ledger is written.
const SAVE_EVERY: usize = 50;

/// When each source was last updated.
pub(crate) fn updated(folder: &Path) -> BTreeMap<String, String> {
    Ledger::open(&folder.join(WORK).join("ledger.json")).updated
}

#[expect(clippy::print_stdout, reason = "this verb speaks to its user")]
pub(crate) fn run(folder: &Path, wanted: &FeedsUpdate) -> Result<Outcome> {
    let work = folder.join(WORK);
    fs::create_dir_all(&work).with_context(|| {
        format!("{}: cannot be made; give another place with --state DIR", work.display())
    })?;
    let mut update = Update {
        client: Client::new(&work, Duration::from_secs(wanted.timeout)),
        ledger: Ledger::open(&work.join("ledger.json")),
        folder: folder.to_owned(),
        mirror: wanted.mirror.clone(),
        quiet: wanted.quiet,
    };
    let mut outcome = Outcome::Done;
    for source in Source::ALL {
        if !wanted.only.is_empty() && !wanted.only.iter().any(|only| only.source() == source) {
            continue;
        }
        let mut report = Report::new(source, update.quiet);
        let done = match source {
            Source::Csaf => update.csaf(&wanted.provider, &mut report),
            Source::Cve => update.records(&mut report),
            Source::Kev | Source::Epss | Source::Recalls | Source::Classes | Source::Support => {
                update.files(source, &mut report)
            }
        };
        report.finish();
        if let Err(error) = done {
            report.broken(&format!("{error:#}"));
        } else {
            update.ledger.updated.insert(source.name().to_owned(), wall_clock().to_string());
        }
        update.ledger.save()?;
        for broken in &report.broken {
            complain(&format!("{}: {broken}; the last good copy stays", source.name()));
            outcome = Outcome::Incomplete;
        }
        println!("{report}");
    }
    Ok(outcome)
}

impl FeedSource {
    const fn source(self) -> Source {
        match self {
            Self::Csaf => Source::Csaf,
            Self::Cve => Source::Cve,
            Self::Kev => Source::Kev,
            Self::Epss => Source::Epss,
            Self::Recalls => Source::Recalls,
            Self::Classes => Source::Classes,
            Self::Support => Source::Support,
        }
    }
}

/// How a document is fetched and kept.
#[derive(Clone, Copy)]
struct How {
    bytes_max: u64,
    /// It is compared with the checksum beside it, where there is one.
    checked: bool,
    /// Only the facts in it are kept.
    packed: bool,
}

struct Update {
    client: Client,
    ledger: Ledger,
    folder: PathBuf,
    mirror: Option<String>,
    quiet: bool,
}

impl Update {
    /// A source that is some files: of each the first address that gives a good one. One that is broken harms no other.
    fn files(&mut self, source: Source, report: &mut Report) -> Result<()> {
        let mut reasons = Vec::new();
        for file in source.files() {
            if let Err(error) = self.file(source, file, report) {
                reasons.push(format!("{error:#}"));
            }
        }
        if reasons.is_empty() { Ok(()) } else { bail!("{}", reasons.join("; ")) }
    }

    fn file(&mut self, source: Source, file: &PublishedFile, report: &mut Report) -> Result<()> {
        let kept = if file.packed { format!("{}.facts.gz", file.name) } else { file.name.to_owned() };
        let name = format!("{}/{kept}", source.name());
        let mut reasons = Vec::new();
        for address in self.addresses(source, file) {
            let listed = Listed { address, path: name.clone(), changed: String::new() };
            let how = How { bytes_max: file.bytes_max, checked: self.mirror.is_some(), packed: file.packed };
            match self.document(&listed, how, report) {
                Ok(()) => return Ok(()),
                Err(error) => reasons.push(format!("{error:#}")),
            }
        }
        bail!("{}", reasons.join("; "))
    }

    fn addresses(&self, source: Source, file: &PublishedFile) -> Vec<String> {
        match &self.mirror {
            Some(mirror) => vec![source.mirrored(mirror, file.name)],
            None => file.addresses.iter().map(|address| (*address).to_owned()).collect(),
        }
    }

    /// All documents of CISA (or of the mirror's folder) and of further publishers.
    fn csaf(&mut self, providers: &[String], report: &mut Report) -> Result<()> {
        let mut lists = Vec::new();
        match self.mirror.clone() {
            Some(mirror) => {
                lists.push(("cisa".to_owned(), self.directory(&Source::Csaf.mirrored(&mirror, ""), report)?))
            }
            None => {
                let own = self.provider(CSAF_PROVIDER, report);
                let listed = own.or_else(|_| self.directory(CSAF_DIRECTORY, report))?;
                lists.push(("cisa".to_owned(), listed));
            }
        }
        for provider in providers {
            match self.provider(provider, report) {
                Ok(listed) => lists.push((publisher_folder(provider), listed)),
                Err(error) => report.broken(&format!("{error:#}")),
            }
        }
        let total = lists.iter().map(|(_, listed)| listed.len()).sum();
        let mut seen = 0;
        for (publisher, listed) in lists {
            for document in listed {
                let file = document.path.rsplit('/').next().unwrap_or_default();
                let path = format!("{}/{publisher}/{file}", Source::Csaf.name());
                let document = Listed { path, ..document };
                let how = How { bytes_max: DOCUMENT_BYTES_MAX, checked: true, packed: false };
                if let Err(error) = self.document(&document, how, report) {
                    report.broken(&format!("{error:#}"));
                }
                seen += 1;
                report.show(seen, total);
                if seen.is_multiple_of(SAVE_EVERY) {
                    self.ledger.save()?;
                }
            }
        }
        Ok(())
    }

    /// What a provider lists: of the first of its distributions that can be read.
    fn provider(&self, address: &str, report: &Report) -> Result<Vec<Listed>> {
        let metadata = self.whole(address, report)?.with_context(|| format!("{address}: there is none"))?;
        let distributions = directory::distributions(&metadata).with_context(|| address.to_owned())?;
        let mut reasons = Vec::new();
        for distribution in distributions {
            let listed = match &distribution {
                Distribution::Directory(base) => self.directory(base, report),
                Distribution::Feed(feed) => self.whole(feed, report).and_then(|bytes| {
                    let bytes = bytes.with_context(|| format!("{feed}: there is none"))?;
                    directory::feed(&bytes).with_context(|| feed.clone())
                }),
            };
            match listed {
                Ok(listed) => return Ok(listed),
                Err(error) => reasons.push(format!("{error:#}")),
            }
        }
        bail!("{}", reasons.join("; "))
    }

    /// What a directory lists: in `changes.csv`, which knows dates, or else in `index.txt`.
    fn directory(&self, base: &str, report: &Report) -> Result<Vec<Listed>> {
        let changes = format!("{base}changes.csv");
        if let Some(bytes) = self.whole(&changes, report)? {
            return directory::changes(base, &bytes).with_context(|| changes);
        }
        let index = format!("{base}index.txt");
        let bytes = self.whole(&index, report)?;
        let bytes = bytes.with_context(|| format!("{base}: has neither changes.csv nor index.txt"))?;
        directory::index(base, &bytes).with_context(|| index)
    }

    /// A small file that is not kept.
    fn whole(&self, address: &str, report: &Report) -> Result<Option<Vec<u8>>> {
        match self.client.fetch(address, INDEX_BYTES_MAX, None, &|got, of| report.bytes(got, of))? {
            Answer::Fetched { path, .. } => Ok(Some(take(&path)?)),
            Answer::Unchanged | Answer::Absent => Ok(None),
        }
    }

    /// One document: fetched if it changed, compared with its checksum, read, and kept.
    fn document(&mut self, listed: &Listed, how: How, report: &mut Report) -> Result<()> {
        let kept = self.ledger.kept(&self.folder, &listed.path).filter(|kept| kept.address == listed.address);
        if kept.is_some_and(|kept| !listed.changed.is_empty() && kept.changed == listed.changed) {
            report.unchanged += 1;
            return Ok(());
        }
        let known = kept.map(|kept| kept.validators.clone());
        let shown = |got, of| report.bytes(got, of);
        let (path, validators) =
            match self.client.fetch(&listed.address, how.bytes_max, known.as_ref(), &shown)? {
                Answer::Unchanged => {
                    report.unchanged += 1;
                    self.enter(listed, known.unwrap_or_default());
                    return Ok(());
                }
                Answer::Absent => bail!("{}: there is none", listed.address),
                Answer::Fetched { path, validators } => (path, validators),
            };
        let good = self.good(&path, listed, how, report);
        if good.is_err() {
            let _ = fs::remove_file(&path); // What cannot be removed is written over by the next fetch.
        }
        good?;
        self.replace(&path, &listed.path)?;
        report.fetched += 1;
        self.enter(listed, validators);
        Ok(())
    }

    /// Whether a fetched file is what it should be.
    fn good(&self, path: &Path, listed: &Listed, how: How, report: &mut Report) -> Result<()> {
        let address = &listed.address;
        if how.checked && !self.agrees(path, address)? {
            report.unchecked += 1;
        }
        let bytes = collection::read(path, FILE_BYTES_MAX).with_context(|| address.clone())?;
        let said = advisories::read(&bytes).with_context(|| address.clone())?;
        if said.is_empty() {
            bail!("{address}: says nothing");
        }
        if how.packed { records::pack_facts(path, said) } else { Ok(()) }
    }

    /// Whether a file agrees with its checksum; `false` is: nobody published one.
    fn agrees(&self, path: &Path, address: &str) -> Result<bool> {
        for checksum in Checksum::ALL {
            let sidecar = format!("{address}{}", checksum.suffix());
            let Answer::Fetched { path: sum, .. } =
                self.client.fetch(&sidecar, SIDECAR_BYTES_MAX, None, &|_, _| {})?
            else {
                continue;
            };
            let Some(expected) = checksum.expected(&take(&sum)?) else {
                bail!("{sidecar}: holds no checksum");
            };
            let sum = fs::File::open(path).and_then(|file| checksum.of(file));
            if sum.with_context(|| path.display().to_string())? != expected {
                bail!("{address}: differs from its checksum {}", checksum.suffix());
            }
            return Ok(true);
        }
        Ok(false)
    }

    fn enter(&mut self, listed: &Listed, validators: Validators) {
        let kept = Kept { address: listed.address.clone(), validators, changed: listed.changed.clone() };
        self.ledger.keep(&listed.path, kept);
    }

    /// Puts a file in its place, whole or not at all.
    fn replace(&self, path: &Path, name: &str) -> Result<()> {
        let target = self.folder.join(name);
        let folder = target.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder)
            .and_then(|()| fs::rename(path, &target))
            .and_then(|()| fs::File::open(folder)?.sync_all())
            .with_context(|| format!("{}: cannot be written", target.display()))
    }
}

/// The bytes of a file that is not kept.
fn take(path: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    fs::remove_file(path).with_context(|| path.display().to_string())?;
    Ok(bytes)
}

/// The folder for a publisher: the host of its address.
fn publisher_folder(address: &str) -> String {
    let host = address.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let safe = |letter: char| {
        if letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.') { letter } else { '_' }
    };
    format!("at-{}", host.chars().map(safe).collect::<String>())
}
