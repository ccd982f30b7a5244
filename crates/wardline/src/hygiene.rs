//! Advisories and the patch queue: `feeds update`, `feeds import`, `feeds status`, `patch`, and `--feeds` of `analyze`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use wardline_assess::Advisories;
use wardline_feeds::advisories::{self, FILE_BYTES_MAX, Knowledge};
use wardline_model::{Device, Exposure, Record, Vulnerability};
use wardline_store::{DeviceQuery, ExposureQuery, SqliteStore, Store as _};

use crate::cli::{Feeds, FeedsVerb, Patch};
use crate::list::table;
use crate::{Outcome, collection, complain, place, update};

/// Where they are kept, below the state directory.
const FOLDER: &str = "feeds";

pub(crate) fn run(arguments: &Feeds) -> Result<Outcome> {
    let state = place::state(arguments.state.as_deref())?;
    match &arguments.verb {
        FeedsVerb::Update(wanted) => update::run(&state.join(FOLDER), wanted),
        FeedsVerb::Import { paths } => import(&state, paths),
        FeedsVerb::Status { json } => status(&state, *json),
    }
}

/// Everything that is kept, and what these files and folders hold. What cannot be read is said and left out.
pub(crate) fn gather(state: &Path, given: &[PathBuf]) -> Result<Advisories> {
    let mut files = Vec::new();
    let kept = state.join(FOLDER);
    if kept.is_dir() {
        collection::list(&kept, 0, &mut files)?;
    }
    for path in given {
        collection::list(path, 0, &mut files)?;
    }
    let mut all = Knowledge::default();
    for file in files {
        match read(&file) {
            Ok(knowledge) => all.merge(knowledge),
            Err(error) => complain(&format!("{error:#}")),
        }
    }
    let advisories = Advisories::new(all.advisories, all.exploited, all.predictions, all.stakeholder);
    Ok(advisories.with_bills(all.bills))
}

fn read(path: &Path) -> Result<Knowledge> {
    let bytes = collection::read(path, FILE_BYTES_MAX)?;
    let knowledge = advisories::read(&bytes).with_context(|| path.display().to_string())?;
    for broken in &knowledge.unreadable {
        complain(&format!("{}: {broken}", path.display()));
    }
    Ok(knowledge)
}

#[expect(clippy::print_stdout, reason = "this verb speaks to its user")]
fn import(state: &Path, paths: &[PathBuf]) -> Result<Outcome> {
    let folder = state.join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| {
        format!("{}: cannot be made; give another place with --state DIR", folder.display())
    })?;
    let mut files = Vec::new();
    for path in paths {
        collection::list(path, 0, &mut files)?;
    }
    let (mut kept, mut broken) = (Counts::default(), 0);
    for path in &files {
        let bytes = collection::read(path, FILE_BYTES_MAX)?;
        match advisories::read(&bytes).with_context(|| path.display().to_string()) {
            Ok(knowledge) => {
                collection::keep(&folder, path, &bytes)?;
                kept.add(&knowledge);
            }
            Err(error) => {
                complain(&format!("{error:#}"));
                broken += 1;
            }
        }
    }
    println!("kept {} files: {}", files.len() - broken, kept.words());
    Ok(if broken > 0 { Outcome::Incomplete } else { Outcome::Done })
}

/// How much of what there is.
#[derive(Default)]
struct Counts {
    advisories: usize,
    vulnerabilities: usize,
    exploited: usize,
    predictions: usize,
    bills: usize,
    newest: BTreeMap<&'static str, String>,
}

impl Counts {
    fn add(&mut self, knowledge: &Knowledge) {
        self.advisories += knowledge.advisories.len();
        self.vulnerabilities +=
            knowledge.advisories.iter().map(|advisory| advisory.vulnerabilities.len()).sum::<usize>();
        self.exploited += knowledge.exploited.len();
        self.predictions += knowledge.predictions.len();
        self.bills += knowledge.bills.len();
        let released = knowledge.advisories.iter().filter_map(|advisory| advisory.released).max();
        self.date("advisory", released.map(|time| time.to_string()));
        self.date("exploited", knowledge.exploited.iter().map(|entry| entry.added.to_string()).max());
        self.date("prediction", knowledge.predictions.first().map(|entry| entry.date.to_string()));
    }

    fn date(&mut self, of: &'static str, date: Option<String>) {
        if let Some(date) = date.filter(|date| !date.is_empty()) {
            let known = self.newest.entry(of).or_default();
            if *known < date {
                *known = date;
            }
        }
    }

    fn words(&self) -> String {
        format!(
            "{} advisories and records with {} vulnerabilities, {} known exploited, {} predictions, {} bills of materials",
            self.advisories, self.vulnerabilities, self.exploited, self.predictions, self.bills
        )
    }
}

#[expect(clippy::print_stdout, reason = "this verb speaks to its user")]
fn status(state: &Path, json: bool) -> Result<Outcome> {
    let folder = state.join(FOLDER);
    let mut files = Vec::new();
    if folder.is_dir() {
        collection::list(&folder, 0, &mut files)?;
    }
    let (mut counts, mut outcome) = (Counts::default(), Outcome::Done);
    for path in &files {
        match read(path) {
            Ok(knowledge) => counts.add(&knowledge),
            Err(error) => {
                complain(&format!("{error:#}"));
                outcome = Outcome::Incomplete;
            }
        }
    }
    if json {
        let record = serde_json::json!({
            "files": files.len(), "advisories": counts.advisories, "vulnerabilities": counts.vulnerabilities,
            "exploited": counts.exploited, "predictions": counts.predictions, "bills": counts.bills, "newest": counts.newest,
            "updated": update::updated(&folder),
        });
        println!("{record}");
    } else if files.is_empty() {
        println!(
            "No feeds are kept in {}. Add some: wardline feeds update, or wardline feeds import DIR",
            folder.display()
        );
    } else {
        println!("{} files in {}: {}", files.len(), folder.display(), counts.words());
        for (of, date) in &counts.newest {
            println!("newest {of}: {date}");
        }
        for (source, time) in update::updated(&folder) {
            println!("{source} last updated: {time}");
        }
    }
    Ok(outcome)
}

pub(crate) fn patch(arguments: &Patch) -> Result<Outcome> {
    let state = place::state(arguments.listing.state.as_deref())?;
    let database = state.join("wardline.db");
    if !database.exists() {
        bail!(
            "{}: holds no devices yet; fill it with `wardline watch -i IFACE` or `wardline serve --replay CAPTURE`, or name another with --state DIR",
            state.display()
        );
    }
    let advisories = gather(&state, &arguments.feeds)?;
    if advisories.is_empty() {
        bail!(
            "there are no advisories to match with; add some with `wardline feeds update` or `wardline feeds import DIR`, or name them with --feeds DIR"
        );
    }
    let store = SqliteStore::open(&state)?;
    let devices = store.devices(&DeviceQuery::default())?.items;
    let exposures = store.exposures(&ExposureQuery::default())?.items;
    let mut queue = queue(&advisories, &devices, &exposures);
    if let Some(device) = &arguments.device {
        let device = wardline_model::DeviceId::from(device.as_str());
        queue.retain(|vulnerability| vulnerability.device == device);
    }
    let total = queue.len();
    if arguments.listing.limit > 0 {
        queue.truncate(usize::try_from(arguments.listing.limit).unwrap_or(usize::MAX));
    }
    let mut output = BufWriter::new(std::io::stdout().lock());
    if arguments.listing.json {
        for vulnerability in queue {
            serde_json::to_writer(&mut output, &Record::Vulnerability(Box::new(vulnerability)))?;
            writeln!(output)?;
        }
    } else if queue.is_empty() {
        writeln!(
            output,
            "No advisory names a device of these. What nobody has named may still be vulnerable."
        )?;
    } else {
        let rows: Vec<_> = queue.iter().map(row).collect();
        table(&mut output, &HEAD, &rows)?;
        writeln!(output, "{} of {total}; the reason for each place: add --json", rows.len())?;
    }
    output.flush()?;
    Ok(Outcome::Done)
}

/// The queue of these devices.
pub(crate) fn queue(
    advisories: &Advisories,
    devices: &[Device],
    exposures: &[Exposure],
) -> Vec<Vulnerability> {
    advisories.queue(devices, exposures)
}

const HEAD: [&str; 8] = ["rank", "priority", "device", "vulnerability", "match", "cvss", "kev", "what to do"];

fn row(vulnerability: &Vulnerability) -> [String; 8] {
    const WORDS: usize = 70;
    let text: String =
        vulnerability.fix.text.chars().map(|c| if c == '\n' { ' ' } else { c }).take(WORDS).collect();
    [
        vulnerability.rank.to_string(),
        vulnerability.priority.name().to_owned(),
        vulnerability.device_name.to_string(),
        vulnerability.cve.to_string(),
        format!("{:?}", vulnerability.matched.kind).to_lowercase(),
        vulnerability.cvss.as_ref().map_or_else(|| "-".to_owned(), |cvss| format!("{:.1}", cvss.score)),
        if vulnerability.kev { "yes" } else { "-" }.to_owned(),
        text,
    ]
}
