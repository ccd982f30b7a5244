//! `wardline segment`: zones and policy, proposed, simulated, compared, rendered.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use wardline_assess::segmentation::{Conversation, Simulation, Tally, propose, simulate};
use wardline_capture::MergedCapture;
use wardline_model::{Device, Label, Policy, Rule};

use crate::analyze::{making, shown};
use crate::cli::{
    Knowledge, Rendering, Segment, SegmentDiff, SegmentPropose, SegmentRender, SegmentSimulate,
};
use crate::engine::Engine;
use crate::{Outcome, complain};

/// Frames after which what changed is taken over, so that memory does not grow with the capture.
const DRAIN_FRAMES: u64 = 8_192;
/// Conversations kept; more would not fit beside the devices of a campus.
const CONVERSATIONS_MAX: usize = 8_000_000;
/// Lines of blocked conversations in the text for people.
const BLOCKED_SHOWN_MAX: usize = 25;

pub(crate) fn run(segment: &Segment) -> Result<Outcome> {
    match segment {
        Segment::Propose(arguments) => run_propose(arguments),
        Segment::Simulate(arguments) => run_simulate(arguments),
        Segment::Diff(arguments) => run_diff(arguments),
        Segment::Render(arguments) => run_render(arguments),
        Segment::Apply(arguments) => crate::enforcement::apply(arguments),
        Segment::Confirm(arguments) => crate::enforcement::confirm(arguments),
        Segment::Rollback(arguments) => crate::enforcement::rollback(arguments),
        Segment::Status(arguments) => crate::enforcement::status(arguments),
        Segment::Quarantine(arguments) => crate::enforcement::quarantine(arguments),
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
    let seen = read(&arguments.captures, &arguments.knowledge)?;
    let policy = propose(Label::new(&arguments.name), &seen.devices, &seen.conversations);
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
    writeln!(
        output,
        "Nothing is enforced. Try it on other days: wardline segment simulate {} CAPTURE",
        path.display()
    )?;
    Ok(seen.outcome)
}

fn run_simulate(arguments: &SegmentSimulate) -> Result<Outcome> {
    let policy = read_policy(&arguments.policy)?;
    let seen = read(&arguments.captures, &arguments.knowledge)?;
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

fn run_render(arguments: &SegmentRender) -> Result<Outcome> {
    let policy = read_policy(&arguments.policy)?;
    let text = match arguments.to {
        Rendering::Nftables => wardline_exports::policy::nftables(&policy),
        Rendering::Cisco => wardline_exports::policy::cisco(&policy),
        Rendering::Paloalto => wardline_exports::policy::paloalto(&policy),
        Rendering::Fortios => wardline_exports::policy::fortios(&policy),
    };
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes())?;
    Ok(Outcome::Done)
}
