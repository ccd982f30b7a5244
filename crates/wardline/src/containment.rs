//! `wardline segment contain`: from a finding to the smallest cut.

use std::io::Write as _;
use std::net::IpAddr;

use anyhow::{Context as _, Result, bail};
use wardline_assess::segmentation::{Containment, Cut, contain};
use wardline_model::{Finding, Policy};
use wardline_store::FindingQuery;

use crate::cli::SegmentContain;
use crate::list::reference;
use crate::segment::read_policy;
use crate::{Outcome, place};

/// Conduits shown to a person.
const LOSSES_SHOWN_MAX: usize = 25;

pub(crate) fn run(arguments: &SegmentContain) -> Result<Outcome> {
    let policy = read_policy(&arguments.policy)?;
    let finding = find(arguments)?;
    let (device, victim) = parties(&finding, &policy)?;
    let containment = contain(&policy, device, victim);
    let mut output = std::io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut output, &containment).map_err(std::io::Error::from)?;
        writeln!(output)?;
        return Ok(Outcome::Done);
    }
    writeln!(output, "{}", finding.summary)?;
    writeln!(
        output,
        "Acts: {}. Suffers: {}.",
        reference(finding.source.as_ref()),
        reference(finding.device.as_ref())
    )?;
    print(&mut output, &containment, device)?;
    Ok(Outcome::Done)
}

fn find(arguments: &SegmentContain) -> Result<Finding> {
    let state = place::state(arguments.place.state.as_deref())?;
    if !place::holds_state(&state) {
        bail!("{}: holds no state yet; name another with --state DIR", state.display());
    }
    let page = place::store(&state)?.findings(&FindingQuery::default())?;
    let found = page.items.into_iter().find(|finding| finding.id == arguments.finding);
    found
        .with_context(|| format!("no finding '{}'; `wardline findings --json` lists them", arguments.finding))
}

/// Who is cut off, and who suffers. Who acts may be outside: then the one who suffers is what can be cut off here.
fn parties(finding: &Finding, policy: &Policy) -> Result<(IpAddr, Option<IpAddr>)> {
    let source = finding.source.as_ref().and_then(|one| one.ip);
    let device = finding.device.as_ref().and_then(|one| one.ip);
    let known = |ip: &IpAddr| policy.members.iter().any(|member| member.address.contains(ip));
    match (source.filter(known), device) {
        (Some(source), victim) => Ok((source, victim)),
        (None, Some(device)) => Ok((device, None)),
        (None, None) => {
            let address = source.context("the finding names no address: nothing here can cut it off")?;
            Ok((address, None))
        }
    }
}

fn print(output: &mut impl std::io::Write, containment: &Containment, device: IpAddr) -> Result<()> {
    let proposed = containment.proposed;
    for effect in &containment.effects {
        let mark = if effect.cut == proposed { ">" } else { " " };
        let victim = if effect.reaches_victim { ", among them who suffers" } else { "" };
        writeln!(
            output,
            "{mark} {:<10} still begins with {} devices in {} zones, {} life-sustaining{victim}; closes {} conduits",
            effect.cut.name(),
            effect.reach,
            effect.zones.len(),
            effect.reach_life_sustaining,
            effect.losses.len()
        )?;
    }
    writeln!(output, "Proposed: {}: {}.", proposed.name(), containment.reason)?;
    let losses = containment.effects.iter().filter(|effect| effect.cut == proposed);
    for loss in losses.flat_map(|effect| &effect.losses).take(LOSSES_SHOWN_MAX) {
        let ports: Vec<_> = loss.ports.iter().map(ToString::to_string).collect();
        let direction = if loss.begins { "to" } else { "from" };
        let care = if loss.care_essential { "  CARE DEPENDS ON IT" } else { "" };
        let clinical = if loss.clinical { "  clinical" } else { "" };
        writeln!(
            output,
            "  closes {direction} {} {}/{}{clinical}{care}",
            loss.with,
            loss.transport,
            ports.join(",")
        )?;
    }
    writeln!(
        output,
        "Cut is what this machine forwards. What stays within one switch does not pass here: there, take the port down."
    )?;
    if proposed == Cut::Watch {
        writeln!(output, "Do it: wardline segment apply POLICY --by PERSON")?;
        return Ok(());
    }
    writeln!(
        output,
        "Do it: wardline segment quarantine {device} --step {} --policy POLICY --reason TEXT --by PERSON --second PERSON",
        proposed.name()
    )?;
    Ok(())
}
