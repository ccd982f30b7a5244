//! `wardline patch`: the queue, what is decided about it, and what would be if.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use serde::Serialize;
use wardline_assess::{Advisories, Surroundings, allowed, plan, windows};
use wardline_exports::{VexAuthor, VexForm, vex};
use wardline_model::{
    Device, DeviceId, Label, Lifecycle, PatchWindow, PlanAction, PlanEvent, Record, Timestamp, Vulnerability,
};
use wardline_store::{DeviceQuery, EdgeQuery, ExposureQuery, Store, VulnerabilityQuery};

use crate::cli::{Patch, PatchVerb, Place, Simulate, Subject, VexKind};
use crate::feed::wall_clock;
use crate::hygiene;
use crate::list::table;
use crate::{Outcome, complain, place};

mod memory;

/// How far back conversations tell who reaches a device and when it has time.
const HEARD_DAYS: i64 = 28;
const DAY_NANOSECONDS: i64 = 86_400_000_000_000;

/// Sums of conversations that are read at once.
const EDGES_AT_ONCE: u64 = 50_000;

pub(crate) fn run(arguments: &Patch) -> Result<Outcome> {
    match &arguments.verb {
        None => queue(arguments),
        Some(PatchVerb::Show { device, json, place }) => show(device, *json, place),
        Some(PatchVerb::Assign { subject, owner, due }) => {
            decide(subject, PlanAction::Assign { owner: owner.clone(), due: due.clone() })
        }
        Some(PatchVerb::Approve { subject, reference }) => {
            decide(subject, PlanAction::Approve { reference: reference.clone() })
        }
        Some(PatchVerb::Except { subject, reason, until }) => {
            decide(subject, PlanAction::Except { reason: reason.clone(), until: until.clone() })
        }
        Some(PatchVerb::Status { subject, status }) => {
            decide(subject, PlanAction::Status { status: *status })
        }
        Some(PatchVerb::Vex { to, publisher, namespace, place }) => tell(*to, publisher, namespace, place),
        Some(PatchVerb::Simulate(supposed)) => simulate(supposed),
    }
}

fn open(state: &Path) -> Result<Arc<dyn Store>> {
    if !place::holds_state(state) {
        bail!(
            "{}: holds no devices yet; fill it with `wardline watch -i IFACE` or `wardline serve --replay CAPTURE`, or name another with --state DIR",
            state.display()
        );
    }
    place::store(state)
}

fn gather(state: &Path, feeds: &[PathBuf]) -> Result<Advisories> {
    let advisories = hygiene::gather(state, feeds)?;
    if advisories.is_empty() {
        bail!(
            "there are no advisories to match with; add some with `wardline feeds update` or `wardline feeds import DIR`, or name them with --feeds DIR"
        );
    }
    Ok(advisories)
}

/// The queue of what the store holds.
pub(crate) fn compute(store: &dyn Store, advisories: &Advisories) -> Result<Vec<Vulnerability>> {
    let (devices, surroundings) = around(store)?;
    Ok(advisories.queue_within(&devices, &surroundings))
}

/// Computes the queue and what is known of devices' lives, and keeps both in the store, for the console and for reports.
/// What was matched before is kept in the state directory, so that only what changed is matched again.
fn refresh(state: &Path, store: &dyn Store, advisories: &Advisories) -> Result<Refreshed> {
    let (devices, surroundings) = around(store)?;
    let mut memory = memory::read(state);
    let queue = advisories.queue_remembering(&devices, &surroundings, &mut memory);
    store.replace_vulnerabilities(&queue)?;
    store.replace_lifecycles(&advisories.lifecycles(&devices, &queue))?;
    memory::write(state, &memory)?;
    Ok(Refreshed { queue, matched: memory.matched, kinds: memory.matched + memory.kept })
}

/// A queue that was computed again.
struct Refreshed {
    queue: Vec<Vulnerability>,
    /// Kinds of devices that were matched, of how many.
    matched: usize,
    kinds: usize,
}

/// Computes the queue again where feeds changed, if there is anything to compute it from.
#[expect(clippy::print_stdout, reason = "this verb speaks to its user")]
pub(crate) fn after_feeds(state: &Path) -> Result<()> {
    if !place::holds_state(state) {
        return Ok(());
    }
    let Refreshed { queue, matched, kinds } =
        refresh(state, place::store(state)?.as_ref(), &hygiene::gather(state, &[])?)?;
    println!(
        "matched again: {matched} of {kinds} kinds of devices; {} vulnerabilities in the queue",
        queue.len()
    );
    Ok(())
}

/// How long the queue of a running console may be behind what was seen.
pub(crate) const REFRESH: Duration = Duration::from_secs(3_600);
/// The same in a demonstration.
pub(crate) const OFTEN: Duration = Duration::from_secs(30);
/// How long after the start it is first computed: devices must come first.
const FIRST: Duration = Duration::from_secs(10);

/// Computes the queue so often, until it is told to stop.
pub(crate) fn keep_fresh(state: &Path, store: &dyn Store, often: Duration, stop: &AtomicBool) {
    let mut due = Instant::now() + FIRST;
    while !stop.load(Ordering::Relaxed) {
        if Instant::now() >= due {
            due = Instant::now() + often;
            let refreshed =
                hygiene::gather(state, &[]).and_then(|advisories| refresh(state, store, &advisories));
            if let Err(error) = refreshed {
                complain(&format!("the patch queue stays as it was: {error:#}"));
            }
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn around(store: &dyn Store) -> Result<(Vec<Device>, Surroundings)> {
    let devices = store.devices(&DeviceQuery::default())?.items;
    let exposures = store.exposures(&ExposureQuery::default())?.items;
    let mut surroundings = Surroundings::new(&exposures);
    let since = store.overview()?.newest.map(|newest| days_before(newest, HEARD_DAYS));
    let mut query = EdgeQuery { since, limit: EDGES_AT_ONCE, ..EdgeQuery::default() };
    loop {
        let page = store.edges(&query)?;
        surroundings.hear(&devices, &page.items);
        match page.next {
            Some(next) => query.offset = next,
            None => return Ok((devices, surroundings)),
        }
    }
}

fn days_before(time: Timestamp, days: i64) -> Timestamp {
    Timestamp::from_nanoseconds(time.nanoseconds().saturating_sub(days * DAY_NANOSECONDS))
}

/// The day in UTC, as plans write it.
fn today() -> String {
    wall_clock().to_string().chars().take(10).collect()
}

/// Decisions by device and vulnerability.
type Decisions = BTreeMap<(DeviceId, String), Vec<PlanEvent>>;

fn decisions(events: Vec<PlanEvent>) -> Decisions {
    let mut by_subject = Decisions::new();
    for event in events {
        by_subject.entry((event.device.clone(), event.cve.to_string())).or_default().push(event);
    }
    by_subject
}

fn with_plan(mut vulnerability: Vulnerability, decisions: &Decisions, today: &str) -> Vulnerability {
    let subject = (vulnerability.device.clone(), vulnerability.cve.to_string());
    if let Some(events) = decisions.get(&subject) {
        vulnerability.plan = Some(plan(&vulnerability, events, today));
    }
    vulnerability
}

fn queue(arguments: &Patch) -> Result<Outcome> {
    let state = place::state(arguments.listing.state.as_deref())?;
    let store = open(&state)?;
    let advisories = gather(&state, &arguments.feeds)?;
    let mut queue = refresh(&state, store.as_ref(), &advisories)?.queue;
    if let Some(device) = &arguments.device {
        let device = DeviceId::from(device.as_str());
        queue.retain(|vulnerability| vulnerability.device == device);
    }
    let total = queue.len();
    if arguments.listing.limit > 0 {
        queue.truncate(usize::try_from(arguments.listing.limit).unwrap_or(usize::MAX));
    }
    let (decisions, today) = (decisions(store.plan_events(None)?), today());
    let queue: Vec<_> = queue.into_iter().map(|entry| with_plan(entry, &decisions, &today)).collect();
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

const HEAD: [&str; 9] =
    ["rank", "priority", "device", "vulnerability", "match", "cvss", "kev", "status", "what to do"];

fn row(vulnerability: &Vulnerability) -> [String; 9] {
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
        vulnerability.plan.as_ref().map_or("-", |plan| plan.status.name()).to_owned(),
        text,
    ]
}

/// The queue of one device as it was last computed.
fn of_device(store: &dyn Store, device: &DeviceId) -> Result<Vec<Vulnerability>> {
    let query = VulnerabilityQuery { device: Some(device.clone()), ..VulnerabilityQuery::default() };
    Ok(store.vulnerabilities(&query)?.items)
}

fn decide(subject: &Subject, action: PlanAction) -> Result<Outcome> {
    let store = open(&place::state(subject.place.state.as_deref())?)?;
    let device = DeviceId::from(subject.device.as_str());
    let found = of_device(store.as_ref(), &device)?;
    let vulnerability = found.iter().find(|entry| entry.cve == subject.cve).ok_or_else(|| {
        anyhow!("{} of {device} is not in the queue; see `wardline patch --device {device}`", subject.cve)
    })?;
    let mut events = store.plan_events(Some(&device))?;
    events.retain(|event| event.cve == subject.cve);
    let today = today();
    allowed(vulnerability, &plan(vulnerability, &events, &today), &action, &today)?;
    let event =
        PlanEvent { time: wall_clock(), by: subject.by.clone(), device, cve: subject.cve.clone(), action };
    store.add_plan_event(&event)?;
    events.push(event);
    let mut output = std::io::stdout().lock();
    writeln!(output, "kept. Next: {}", plan(vulnerability, &events, &today).next)?;
    Ok(Outcome::Done)
}

/// What `patch show` tells of a device.
#[derive(Serialize)]
struct Shown {
    device: DeviceId,
    /// What is known of its life; `null` where it was not computed yet.
    lifecycle: Option<Lifecycle>,
    /// Quiet hours of its week; `null` where it was watched for less than one.
    windows: Option<Vec<PatchWindow>>,
    vulnerabilities: Vec<Vulnerability>,
}

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

fn show(device: &str, json: bool, place: &Place) -> Result<Outcome> {
    let store = open(&place::state(place.state.as_deref())?)?;
    let id = DeviceId::from(device);
    let Some(device) = store.device(&id)? else { bail!("{id} is not known; see `wardline devices`") };
    let since = device.first_seen.max(days_before(device.last_seen, HEARD_DAYS));
    let query = EdgeQuery {
        device: Some(id.clone()),
        since: Some(since),
        limit: EDGES_AT_ONCE,
        ..EdgeQuery::default()
    };
    let windows = windows(&store.edges(&query)?.items, since, device.last_seen);
    let (decisions, today) = (decisions(store.plan_events(Some(&id))?), today());
    let vulnerabilities = of_device(store.as_ref(), &id)?
        .into_iter()
        .map(|entry| with_plan(entry, &decisions, &today))
        .collect();
    let shown = Shown { lifecycle: store.lifecycle(&id)?, device: id, windows, vulnerabilities };
    let mut output = BufWriter::new(std::io::stdout().lock());
    if json {
        serde_json::to_writer(&mut output, &shown)?;
        writeln!(output)?;
    } else {
        print(&shown, &mut output)?;
    }
    output.flush()?;
    Ok(Outcome::Done)
}

fn print(shown: &Shown, output: &mut impl Write) -> Result<()> {
    for answer in shown.lifecycle.iter().flat_map(|lifecycle| &lifecycle.answers) {
        let sources: Vec<_> = answer.sources.iter().map(Label::as_str).collect();
        let from = if sources.is_empty() { String::new() } else { format!(" ({})", sources.join("; ")) };
        writeln!(output, "{}{from}", answer.answer)?;
    }
    if shown.lifecycle.is_some() {
        writeln!(output)?;
    }
    match &shown.windows {
        None => writeln!(output, "When it has time is not known: it was watched for less than a week.")?,
        Some(windows) if windows.is_empty() => {
            writeln!(output, "No two hours of its week are quiet: ask the ward when it can be spared.")?;
        }
        Some(windows) => {
            writeln!(output, "Quiet hours of its week (UTC); ask the ward all the same:")?;
            for window in windows {
                let day = DAYS.get(usize::from(window.weekday)).copied().unwrap_or_default();
                let (hour, hours) = (window.hour, window.hours);
                writeln!(
                    output,
                    "  {day} from {hour:02}:00 for {hours} hours, {} conversations",
                    window.conversations
                )?;
            }
        }
    }
    for vulnerability in &shown.vulnerabilities {
        writeln!(
            output,
            "\n{} {} ({})",
            vulnerability.rank,
            vulnerability.cve,
            vulnerability.priority.name()
        )?;
        for reason in &vulnerability.why {
            writeln!(output, "  {reason}")?;
        }
        match &vulnerability.plan {
            None => writeln!(output, "  Nothing is decided yet.")?,
            Some(plan) => {
                let late = if plan.overdue { ", overdue" } else { "" };
                writeln!(output, "  Status: {}{late}. {}", plan.status.name(), plan.next)?;
                for event in &plan.history {
                    let action = serde_json::to_string(&event.action)?;
                    writeln!(output, "    {} {}: {action}", event.time, event.by)?;
                }
            }
        }
    }
    Ok(())
}

/// Writes VEX of the queue as it was last computed.
fn tell(to: VexKind, publisher: &Label, namespace: &str, place: &Place) -> Result<Outcome> {
    let store = open(&place::state(place.state.as_deref())?)?;
    let form = match to {
        VexKind::Csaf => VexForm::Csaf,
        VexKind::Openvex => VexForm::OpenVex,
        VexKind::Cyclonedx => VexForm::CycloneDx,
    };
    let devices = store.devices(&DeviceQuery::default())?.items;
    let queue = store.vulnerabilities(&VulnerabilityQuery::default())?.items;
    if queue.is_empty() {
        bail!("the queue is empty, so there is nothing to tell; compute it with `wardline patch`");
    }
    let author =
        VexAuthor { name: publisher.to_string(), namespace: namespace.to_owned(), time: wall_clock() };
    let document = vex(form, &devices, &queue, &store.plan_events(None)?, &author);
    let mut output = BufWriter::new(std::io::stdout().lock());
    serde_json::to_writer_pretty(&mut output, &document)?;
    writeln!(output)?;
    output.flush()?;
    Ok(Outcome::Done)
}

/// How many vulnerabilities and devices there are of each priority.
#[derive(Default, Serialize)]
struct Counts {
    vulnerabilities: BTreeMap<&'static str, usize>,
    devices: BTreeMap<&'static str, usize>,
}

impl Counts {
    fn of(queue: &[Vulnerability]) -> Self {
        let mut counts = Self::default();
        let mut worst = BTreeMap::new();
        for vulnerability in queue {
            *counts.vulnerabilities.entry(vulnerability.priority.name()).or_default() += 1;
            let priority = worst.entry(&vulnerability.device).or_insert(vulnerability.priority);
            *priority = vulnerability.priority.max(*priority);
        }
        for priority in worst.values() {
            *counts.devices.entry(priority.name()).or_default() += 1;
        }
        counts
    }
}

fn simulate(arguments: &Simulate) -> Result<Outcome> {
    let state = place::state(arguments.place.state.as_deref())?;
    let store = open(&state)?;
    let advisories = gather(&state, &arguments.feeds)?;
    let (devices, mut surroundings) = around(store.as_ref())?;
    let supposed = &arguments.supposed;
    let patched: BTreeSet<DeviceId> =
        supposed.patched.iter().map(|device| DeviceId::from(device.as_str())).collect();
    if let Some(unknown) = patched.iter().find(|id| devices.iter().all(|device| device.id != **id)) {
        bail!("{unknown} is not known; see `wardline devices`");
    }
    let zone_of = |device: &Device| device.zone.as_ref().is_some_and(|zone| supposed.alone.contains(zone));
    if !supposed.alone.is_empty() && !devices.iter().any(zone_of) {
        bail!("no device is in such a zone; see `wardline devices --json`");
    }
    let before = advisories.queue_within(&devices, &surroundings);
    for device in devices.iter().filter(|device| zone_of(device)) {
        surroundings.alone(&device.id);
    }
    let mut after = advisories.queue_within(&devices, &surroundings);
    after.retain(|entry| !patched.contains(&entry.device) && !supposed.corrected.contains(&entry.cve));
    let (before, after) = (Counts::of(&before), Counts::of(&after));
    let mut output = std::io::stdout().lock();
    if arguments.json {
        writeln!(output, "{}", serde_json::json!({ "before": before, "after": after }))?;
        return Ok(Outcome::Done);
    }
    let count = |counts: &BTreeMap<&'static str, usize>, name: &str| {
        counts.get(name).copied().unwrap_or_default().to_string()
    };
    let rows: Vec<_> = ["act", "attend", "track*", "track"]
        .into_iter()
        .map(|name| {
            [
                name.to_owned(),
                count(&before.vulnerabilities, name),
                count(&after.vulnerabilities, name),
                count(&before.devices, name),
                count(&after.devices, name),
            ]
        })
        .collect();
    table(&mut output, &["PRIORITY", "VULNERABILITIES", "THEN", "DEVICES BY THEIR WORST", "THEN"], &rows)?;
    Ok(Outcome::Done)
}
