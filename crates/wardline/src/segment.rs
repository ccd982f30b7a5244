//! `wardline segment`: zones and policy, proposed, simulated, compared, rendered.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use wardline_assess::segmentation::{
    Conversation, Exposed, Proposal, Simulation, Tally, Whereabouts, exposed, simulate,
};
use wardline_capture::MergedCapture;
use wardline_exports::policy as rendering;
use wardline_feeds::documents;
use wardline_model::{Device, Documented, Label, Policy, Rule};
use wardline_store::{DeviceQuery, EdgeQuery};

use crate::analyze::{making, shown};
use crate::cli::{
    Knowledge, Rendering, Segment, SegmentDiff, SegmentPaths, SegmentPropose, SegmentRender, SegmentSimulate,
    Stored,
};
use crate::engine::Engine;
use crate::{Outcome, complain, place};

/// Frames after which what changed is taken over, so that memory does not grow with the capture.
const DRAIN_FRAMES: u64 = 8_192;
/// Conversations kept; more would not fit beside the devices of a campus.
const CONVERSATIONS_MAX: usize = 8_000_000;
/// Stored sums that are read at once.
const EDGES_AT_ONCE: u64 = 50_000;
/// Lines of blocked conversations in the text for people.
const BLOCKED_SHOWN_MAX: usize = 25;

pub(crate) fn run(segment: &Segment) -> Result<Outcome> {
    match segment {
        Segment::Propose(arguments) => run_propose(arguments),
        Segment::Simulate(arguments) => run_simulate(arguments),
        Segment::Diff(arguments) => run_diff(arguments),
        Segment::Paths(arguments) => run_paths(arguments),
        Segment::Render(arguments) => run_render(arguments),
        Segment::Apply(arguments) => crate::enforcement::apply(arguments),
        Segment::Confirm(arguments) => crate::enforcement::confirm(arguments),
        Segment::Rollback(arguments) => crate::enforcement::rollback(arguments),
        Segment::Refresh(arguments) => crate::enforcement::refresh(arguments),
        Segment::Serve(arguments) => crate::enforcement::serve(arguments),
        Segment::Status(arguments) => crate::enforcement::status(arguments),
        Segment::Quarantine(arguments) => crate::enforcement::quarantine(arguments),
        Segment::Port(arguments) => crate::port::run(arguments),
        Segment::HoldPort(arguments) => crate::port::hold(arguments),
        Segment::Contain(arguments) => crate::containment::run(arguments),
        Segment::Keep(arguments) => crate::enforcement::keep(arguments),
        Segment::Log(arguments) => crate::enforcement::log(arguments),
    }
}

/// What captures hold, as far as a policy is concerned.
struct Seen {
    devices: Vec<Device>,
    conversations: Vec<Conversation>,
    outcome: Outcome,
}

fn seen(captures: &[PathBuf], stored: &Stored, knowledge: &Knowledge) -> Result<Seen> {
    if stored.stored { remembered(stored, knowledge) } else { read(captures, knowledge) }
}

/// What the state directory keeps: devices as they are known now, conversations by hour.
fn remembered(stored: &Stored, knowledge: &Knowledge) -> Result<Seen> {
    let state = place::state(knowledge.state.as_deref())?;
    if !place::holds_state(&state) {
        bail!("{}: holds no state yet; name another with --state DIR", state.display());
    }
    let store = place::store(&state)?;
    let devices = store.devices(&DeviceQuery::default())?.items;
    let places = Whereabouts::new(&devices);
    let mut seen = Seen { devices, conversations: Vec::new(), outcome: Outcome::Done };
    let (mut nowhere, mut not_kept) = (0_u64, 0_u64);
    let mut offset = 0;
    loop {
        let query = EdgeQuery {
            device: None,
            since: stored.since,
            until: stored.until,
            newest: false,
            offset,
            limit: EDGES_AT_ONCE,
        };
        let page = store.edges(&query)?;
        for edge in &page.items {
            match places.conversation(edge) {
                None => nowhere += edge.flows,
                Some(_) if seen.conversations.len() >= CONVERSATIONS_MAX => not_kept += edge.flows,
                Some(conversation) => seen.conversations.push(conversation),
            }
        }
        offset += page.items.len() as u64;
        if page.items.is_empty() || offset >= page.total {
            break;
        }
    }
    if nowhere > 0 {
        complain(&format!("{nowhere} conversations are of devices without an address that crosses a router"));
    }
    if not_kept > 0 {
        complain(&format!("{not_kept} conversations were left out; narrow them with --since and --until"));
        seen.outcome = Outcome::Incomplete;
    }
    Ok(seen)
}

/// Reads what makers document.
fn read_documents(paths: &[PathBuf]) -> Result<Vec<Documented>> {
    /// Manuals and MUD files are far smaller.
    const BYTES_MAX: u64 = 16 << 20;
    let mut documented = Vec::new();
    for path in paths {
        let size =
            std::fs::metadata(path).with_context(|| format!("{}: cannot be read", path.display()))?.len();
        if size > BYTES_MAX {
            bail!("{}: {size} bytes are too many for a document (at most {BYTES_MAX})", path.display());
        }
        let bytes = std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let read = documents::read(&shown(path), &bytes).with_context(|| path.display().to_string())?;
        if read.not_rules > 0 {
            complain(&format!("{}: {} entries ask for no rule", path.display(), read.not_rules));
        }
        documented.extend(read.documented);
    }
    Ok(documented)
}

fn read(captures: &[PathBuf], knowledge: &Knowledge) -> Result<Seen> {
    let mut engine = Engine::new(making(knowledge)?);
    for (number, path) in captures.iter().enumerate() {
        engine.name_capture(u32::try_from(number)?, &shown(path));
    }
    let mut capture = MergedCapture::open(captures);
    let mut conversations = Vec::new();
    let mut not_kept = 0_u64;
    let mut keep = |changes: wardline_assess::Changes| {
        for flow in &changes.flows {
            if conversations.len() < CONVERSATIONS_MAX {
                conversations.push(Conversation::from(flow));
            } else {
                not_kept += 1;
            }
        }
        Ok(())
    };
    let mut frames = 0_u64;
    while let Some(frame) = capture.next_frame() {
        frames += 1;
        engine.read(frame);
        if frames.is_multiple_of(DRAIN_FRAMES) {
            keep(engine.drain())?;
        }
    }
    engine.finish(&mut keep)?;
    let errors = capture.take_errors();
    errors.iter().for_each(|error| complain(&error.to_string()));
    if not_kept > 0 {
        complain(&format!(
            "{not_kept} conversations beyond {CONVERSATIONS_MAX} were left out; give fewer captures"
        ));
    }
    let whole = errors.is_empty() && not_kept == 0;
    Ok(Seen {
        devices: engine.assessor().devices(),
        conversations,
        outcome: if whole { Outcome::Done } else { Outcome::Incomplete },
    })
}

/// Reads a policy file and checks it.
pub(crate) fn read_policy(path: &Path) -> Result<Policy> {
    /// A policy of the largest size allowed is smaller.
    const BYTES_MAX: u64 = 256 << 20;
    let size = std::fs::metadata(path).with_context(|| format!("{}: cannot be read", path.display()))?.len();
    if size > BYTES_MAX {
        bail!("{}: {size} bytes are too many for a policy (at most {BYTES_MAX})", path.display());
    }
    let text =
        std::fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let policy: Policy =
        serde_json::from_str(&text).with_context(|| format!("{}: is no policy", path.display()))?;
    policy.check().with_context(|| path.display().to_string())?;
    Ok(policy)
}

fn run_propose(arguments: &SegmentPropose) -> Result<Outcome> {
    let documented = read_documents(&arguments.documents)?;
    let seen = seen(&arguments.captures, &arguments.stored, &arguments.knowledge)?;
    let mut proposal = Proposal::new(Label::new(&arguments.name), &seen.devices);
    seen.conversations.iter().for_each(|conversation| proposal.learn(conversation));
    for one in documented.iter().filter(|one| !seen.devices.iter().any(|device| one.is_about(device))) {
        let named = [&one.vendor, &one.model].map(|name| name.as_ref().map_or("", Label::as_str));
        complain(&format!("a document is about '{}', which is not here", named.join(" ").trim()));
    }
    proposal.document(&documented, &seen.devices);
    if proposal.refused() > 0 {
        complain(&format!("{} conversations were not learned from: too many kinds", proposal.refused()));
    }
    let (policy, unplaced) = proposal.complete();
    unplaced.iter().for_each(|line| complain(&format!("documented, and leads to nobody known here: {line}")));
    policy.check().context("the proposal is not sound")?;
    let Some(path) = &arguments.out else {
        let mut output = BufWriter::new(std::io::stdout().lock());
        serde_json::to_writer_pretty(&mut output, &policy).map_err(std::io::Error::from)?;
        writeln!(output)?;
        output.flush()?;
        return Ok(seen.outcome);
    };
    let file =
        std::fs::File::create(path).with_context(|| format!("{}: cannot be written", path.display()))?;
    let mut file = BufWriter::new(file);
    serde_json::to_writer_pretty(&mut file, &policy).map_err(std::io::Error::from)?;
    writeln!(file)?;
    file.flush().with_context(|| format!("{}: cannot be written", path.display()))?;
    let mut output = std::io::stdout().lock();
    writeln!(
        output,
        "{} zones, {} groups, {} members, {} rules, {} protected conversations, learned from {} conversations.",
        policy.zones.len(),
        policy.groups.len(),
        policy.members.len(),
        policy.rules.len(),
        policy.protected.len(),
        seen.conversations.len()
    )?;
    for zone in &policy.zones {
        writeln!(output, "  {:<40} {}", zone.name.as_str(), zone.reason)?;
    }
    print_flat(&mut output, &exposed(&policy))?;
    writeln!(
        output,
        "Nothing is enforced. Try it on other days: wardline segment simulate {} CAPTURE",
        path.display()
    )?;
    Ok(seen.outcome)
}

fn run_simulate(arguments: &SegmentSimulate) -> Result<Outcome> {
    let policy = read_policy(&arguments.policy)?;
    let seen = seen(&arguments.captures, &arguments.stored, &arguments.knowledge)?;
    let simulation = simulate(&policy, &seen.conversations);
    let mut output = BufWriter::new(std::io::stdout().lock());
    if arguments.json {
        serde_json::to_writer_pretty(&mut output, &simulation).map_err(std::io::Error::from)?;
        writeln!(output)?;
    } else {
        print(&mut output, &simulation)?;
    }
    output.flush()?;
    Ok(seen.outcome)
}

fn print(output: &mut impl Write, simulation: &Simulation) -> Result<()> {
    let Tally { passed, blocked } = simulation.conversations;
    writeln!(
        output,
        "Would pass {passed}, would be blocked {blocked}, not governed {}.",
        simulation.ungoverned
    )?;
    writeln!(
        output,
        "Answered conversations between clinical devices that would be blocked: {}.",
        simulation.clinical_blocked
    )?;
    tallies(output, "By device", &simulation.devices)?;
    tallies(output, "By function", &simulation.functions)?;
    tallies(output, "By ward", &simulation.wards)?;
    tallies(output, "By hour", &simulation.hours)?;
    writeln!(output, "\nReach of a compromised device, addresses in one step (before > after):")?;
    for (group, [before, after]) in &simulation.reach {
        writeln!(output, "  {:<48} {before} > {after}", group.as_str())?;
    }
    if !simulation.blocked.is_empty() {
        writeln!(output, "\nBlocked, clinical first:")?;
    }
    for entry in simulation.blocked.iter().take(BLOCKED_SHOWN_MAX) {
        let mark = if entry.clinical { "clinical  " } else { "          " };
        let (from, to, transport, port) = (&entry.from, &entry.to, entry.transport, entry.port);
        writeln!(
            output,
            "  {mark}{:>7}  {from} > {to} {transport}/{port}  ({})",
            entry.flows, entry.example
        )?;
    }
    let more = simulation.blocked.len().saturating_sub(BLOCKED_SHOWN_MAX);
    if more > 0 {
        writeln!(output, "  and {more} kinds more; --json has all")?;
    }
    Ok(())
}

/// Only lines in which something is blocked: the rest is as before.
fn tallies<K: std::fmt::Display>(
    output: &mut impl Write,
    title: &str,
    tallies: &std::collections::BTreeMap<K, Tally>,
) -> Result<()> {
    let blocked: Vec<_> = tallies.iter().filter(|(_, tally)| tally.blocked > 0).collect();
    if blocked.is_empty() {
        return Ok(());
    }
    writeln!(output, "\n{title} (blocked of all):")?;
    for (key, tally) in blocked.into_iter().take(BLOCKED_SHOWN_MAX) {
        writeln!(output, "  {:<48} {} of {}", key.to_string(), tally.blocked, tally.blocked + tally.passed)?;
    }
    Ok(())
}

/// A rule without what it rests on: two days with the same rule are no difference.
fn rule_line(rule: &Rule) -> String {
    let ports: Vec<_> = rule.ports.iter().map(ToString::to_string).collect();
    format!("rule {} > {} {}/{}", rule.from, rule.to, rule.transport, ports.join(","))
}

fn lines(policy: &Policy) -> std::collections::BTreeSet<String> {
    let zones = policy.zones.iter().map(|zone| format!("zone {} within {:?}", zone.name, zone.within));
    let members =
        policy.members.iter().map(|member| format!("member {} in {}", member.address, member.group));
    let protected = policy
        .protected
        .iter()
        .map(|one| format!("protected {} > {} {}/{}", one.from, one.to, one.transport, one.ports));
    zones.chain(members).chain(protected).chain(policy.rules.iter().map(rule_line)).collect()
}

fn run_diff(arguments: &SegmentDiff) -> Result<Outcome> {
    let (before, after) = (lines(&read_policy(&arguments.before)?), lines(&read_policy(&arguments.after)?));
    let mut output = BufWriter::new(std::io::stdout().lock());
    for line in before.difference(&after) {
        writeln!(output, "- {line}")?;
    }
    for line in after.difference(&before) {
        writeln!(output, "+ {line}")?;
    }
    output.flush()?;
    Ok(Outcome::Done)
}

fn run_paths(arguments: &SegmentPaths) -> Result<Outcome> {
    let after = exposed(&read_policy(&arguments.policy)?);
    let before = arguments.before.as_deref().map(read_policy).transpose()?.map(|policy| exposed(&policy));
    let mut output = BufWriter::new(std::io::stdout().lock());
    if arguments.json {
        serde_json::to_writer_pretty(&mut output, &after).map_err(std::io::Error::from)?;
        writeln!(output)?;
        output.flush()?;
        return Ok(Outcome::Done);
    }
    writeln!(output, "Crown jewels:")?;
    for jewel in &after.jewels {
        writeln!(output, "  {:<48} {} devices: {}", jewel.group.as_str(), jewel.members, jewel.reason)?;
    }
    writeln!(output, "\nShortest ways to what keeps patients alive (without a policy one step is enough):")?;
    for path in &after.paths {
        let was = before.as_ref().and_then(|before| {
            before.paths.iter().find(|one| (&one.from, &one.to) == (&path.from, &path.to))
        });
        let newly = was.is_some_and(|was| was.steps.is_some());
        match &path.steps {
            None if newly => writeln!(output, "  {} > {}: NOW CUT", path.from, path.to)?,
            None => writeln!(output, "  {} > {}: cut", path.from, path.to)?,
            Some(steps) => {
                let steps: Vec<String> = steps.iter().map(step).collect();
                writeln!(output, "  {} {}", path.from, steps.join(" "))?;
            }
        }
    }
    print_flat(&mut output, &after)?;
    writeln!(
        output,
        "\nBlast radius of one compromised device, any number of steps (no policy > this one):"
    )?;
    for (group, [none, this]) in &after.blast_radius {
        let was = before.as_ref().and_then(|before| before.blast_radius.get(group));
        let was = was.map(|[_, was]| format!(" (was {was})")).unwrap_or_default();
        writeln!(output, "  {:<48} {none} > {this}{was}", group.as_str())?;
    }
    output.flush()?;
    Ok(Outcome::Done)
}

fn step(step: &wardline_assess::segmentation::Step) -> String {
    let ports: Vec<_> = step.ports.iter().map(ToString::to_string).collect();
    match step.transport {
        Some(transport) => format!("> {} ({transport}/{})", step.to, ports.join(",")),
        None => format!("> {} (same zone)", step.to),
    }
}

fn print_flat(output: &mut impl Write, exposed: &Exposed) -> Result<()> {
    if exposed.flat_networks.is_empty() {
        return Ok(());
    }
    writeln!(
        output,
        "\nFlat networks: devices of several zones in one, so that no router can draw the line:"
    )?;
    for flat in exposed.flat_networks.iter().take(BLOCKED_SHOWN_MAX) {
        let zones: Vec<String> = flat.zones.iter().map(|(zone, count)| format!("{zone} {count}")).collect();
        let alive = match flat.life_sustaining {
            0 => String::new(),
            count => format!("  {count} KEEP PATIENTS ALIVE"),
        };
        writeln!(output, "  {:<20} {}{alive}", flat.network.to_string(), zones.join(", "))?;
    }
    Ok(())
}

fn run_render(arguments: &SegmentRender) -> Result<Outcome> {
    let policy = read_policy(&arguments.policy)?;
    let whole = |text| rendering::Rendered { text, unsaid: Vec::new() };
    let named = |value: &Option<String>| value.clone().unwrap_or_default();
    let rendered = match arguments.to {
        Rendering::Nftables => whole(rendering::nftables(&policy)),
        Rendering::Cisco => whole(rendering::cisco(&policy)),
        Rendering::Paloalto => whole(rendering::paloalto(&policy)),
        Rendering::Fortios => whole(rendering::fortios(&policy)),
        Rendering::CiscoDacl => rendering::dacl(&policy)?,
        Rendering::Aruba => rendering::aruba(&policy)?,
        Rendering::Kubernetes => rendering::kubernetes(&policy)?,
        Rendering::Mud => {
            let url = named(&arguments.url);
            if !url.starts_with("https://") {
                bail!(
                    "--url {url}: a MUD file is published at an address that begins with https:// (RFC 8520)"
                );
            }
            rendering::mud(&policy, &Label::new(&named(&arguments.group)), &url)?
        }
    };
    for line in &rendered.unsaid {
        complain(&format!("DENIED, since this back end has no words for it: {line}"));
    }
    let mut output = std::io::stdout().lock();
    output.write_all(rendered.text.as_bytes())?;
    Ok(if rendered.unsaid.is_empty() { Outcome::Done } else { Outcome::Incomplete })
}
