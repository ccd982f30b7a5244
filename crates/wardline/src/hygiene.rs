//! Advisories: `feeds update`, `feeds import`, `feeds status`, `feeds backtest`, and `--feeds` of `analyze`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use wardline_assess::{Advisories, Products, Share};
use wardline_feeds::advisories::score::base_score;
use wardline_feeds::advisories::{self, FILE_BYTES_MAX, Knowledge};

use crate::cli::{Feeds, FeedsVerb};
use crate::feed::wall_clock;
use crate::list::table;
use crate::{Outcome, bundle, collection, complain, patch, place, update};

/// Where they are kept, below the state directory.
pub(crate) const FOLDER: &str = "feeds";

pub(crate) fn run(arguments: &Feeds) -> Result<Outcome> {
    let state = place::state(arguments.state.as_deref())?;
    match &arguments.verb {
        FeedsVerb::Update(wanted) => {
            let outcome = update::run(&state.join(FOLDER), wanted)?;
            patch::after_feeds(&state)?;
            Ok(outcome)
        }
        FeedsVerb::Import { paths, signed_by } => {
            let outcome = match signed_by {
                Some(key) => import_signed(&state, paths, key)?,
                None => import(&state, paths)?,
            };
            patch::after_feeds(&state)?;
            Ok(outcome)
        }
        FeedsVerb::Bundle { folder } => pass_on(&state, folder),
        FeedsVerb::Snapshot { out, feeds } => snapshot(&state, out, feeds),
        FeedsVerb::Status { json } => status(&state, *json),
        FeedsVerb::Backtest { before, later, feeds, json } => backtest(&state, before, later, feeds, *json),
    }
}

/// Everything that is kept, and what these files and folders hold. What cannot be read is said and left out.
pub(crate) fn gather(state: &Path, given: &[PathBuf]) -> Result<Advisories> {
    let all = knowledge(state, given)?;
    let day: String = wall_clock().to_string().chars().take(10).collect();
    let products = Products::new(all.disclosures, all.recalls, all.classes, all.support);
    let advisories = Advisories::new(all.advisories, all.exploited, all.predictions, all.stakeholder);
    Ok(advisories.with_bills(all.bills).with_products(products, &day).with_rubric(base_score))
}

fn knowledge(state: &Path, given: &[PathBuf]) -> Result<Knowledge> {
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
    Ok(all)
}

fn read(path: &Path) -> Result<Knowledge> {
    let bytes = collection::read(path, FILE_BYTES_MAX)?;
    let knowledge = advisories::read(&bytes).with_context(|| path.display().to_string())?;
    for broken in &knowledge.unreadable {
        complain(&format!("{}: {broken}", path.display()));
    }
    Ok(knowledge)
}

/// Copies what is kept for a place without a way to the internet.
#[expect(clippy::print_stdout, reason = "this verb speaks to its user")]
fn pass_on(state: &Path, folder: &Path) -> Result<Outcome> {
    let count = bundle::write(&state.join(FOLDER), folder)?;
    println!(
        "{count} files in {0}. Sign the list: minisign -S -m {0}/SHA256SUMS\nThere: wardline feeds import --signed-by KEY.pub {0}",
        folder.display()
    );
    Ok(Outcome::Done)
}

#[expect(clippy::print_stdout, reason = "this verb speaks to its user")]
fn snapshot(state: &Path, out: &Path, feeds: &[PathBuf]) -> Result<Outcome> {
    let count = bundle::snapshot(knowledge(state, feeds)?, out)?;
    println!("{}: facts of {count} vulnerabilities, and no text of others", out.display());
    Ok(Outcome::Done)
}

/// Keeps bundles of which every file is what was signed.
#[expect(clippy::print_stdout, reason = "this verb speaks to its user")]
fn import_signed(state: &Path, paths: &[PathBuf], key: &Path) -> Result<Outcome> {
    let (mut kept, mut files, mut broken) = (Counts::default(), 0, 0);
    for folder in paths {
        let checked = bundle::check(folder, key)?;
        println!("{}: signed, and says: {}", folder.display(), checked.comment);
        for (name, path) in &checked.files {
            match bundle::keep(&state.join(FOLDER), name, path) {
                Ok(knowledge) => {
                    kept.add(&knowledge);
                    files += 1;
                }
                Err(error) => {
                    complain(&format!("{error:#}"));
                    broken += 1;
                }
            }
        }
    }
    println!("kept {files} files: {}", kept.words());
    Ok(if broken > 0 { Outcome::Incomplete } else { Outcome::Done })
}

#[expect(clippy::print_stdout, reason = "this verb speaks to its user")]
fn import(state: &Path, paths: &[PathBuf]) -> Result<Outcome> {
    if let Some(signed) = paths.iter().find(|path| bundle::is_bundle(path)) {
        bail!(
            "{}: is a signed bundle; say whose signature it must carry with --signed-by KEY.pub",
            signed.display()
        );
    }
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
    disclosures: usize,
    recalls: usize,
    classes: usize,
    support: usize,
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
        self.disclosures += knowledge.disclosures.len();
        self.recalls += knowledge.recalls.len();
        self.classes += knowledge.classes.len();
        self.support += knowledge.support.len();
        self.date("recall", knowledge.recalls.iter().map(|entry| entry.begun.to_string()).max());
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
            "{} advisories and records with {} vulnerabilities, {} known exploited, {} predictions, {} bills of materials, {} disclosure statements, {} recalls, {} kinds of devices, {} ends of support",
            self.advisories,
            self.vulnerabilities,
            self.exploited,
            self.predictions,
            self.bills,
            self.disclosures,
            self.recalls,
            self.classes,
            self.support
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
            "exploited": counts.exploited, "predictions": counts.predictions, "bills": counts.bills, "disclosures": counts.disclosures,
            "recalls": counts.recalls, "classes": counts.classes, "support": counts.support, "newest": counts.newest,
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

/// How well rules would have told what became known to be exploited.
fn backtest(state: &Path, before: &Path, later: &Path, given: &[PathBuf], json: bool) -> Result<Outcome> {
    let (known, later) = (read(before)?.exploited, read(later)?.exploited);
    if known.is_empty() || later.is_empty() {
        bail!("--before and --later each want a catalogue of CISA (known_exploited_vulnerabilities.json)");
    }
    let mut all = knowledge(state, given)?;
    all.exploited = known;
    let advisories = Advisories::new(all.advisories, all.exploited, all.predictions, all.stakeholder);
    let results = advisories.backtest(&later);
    let mut output = std::io::stdout().lock();
    let share = |share: Share| {
        let percent = |value: f64| format!("{:.1}", value * 100.0);
        format!(
            "{}% ({}-{}; {} of {})",
            percent(share.value()),
            percent(share.low),
            percent(share.high),
            share.count,
            share.of
        )
    };
    if json {
        for result in results {
            let share = |share: Share| {
                serde_json::json!({
                    "count": share.count, "of": share.of, "low": share.low, "high": share.high,
                })
            };
            let record = serde_json::json!({
                "rule": result.rule, "effort": share(result.effort), "coverage": share(result.coverage),
                "efficiency": share(result.efficiency),
            });
            writeln!(output, "{record}")?;
        }
    } else {
        let rows: Vec<_> = results
            .iter()
            .map(|result| {
                [result.rule.clone(), share(result.effort), share(result.coverage), share(result.efficiency)]
            })
            .collect();
        table(&mut output, &["RULE", "EFFORT", "COVERAGE", "EFFICIENCY"], &rows)?;
        writeln!(
            output,
            "Ends of intervals are of 95 % (Wilson). A vulnerability that an advisory or record names counts once."
        )?;
    }
    Ok(Outcome::Done)
}
