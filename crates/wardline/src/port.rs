//! `wardline segment port`: the session of one device at its switch.

use std::io::Write as _;

use anyhow::{Context as _, Result, bail};
use wardline_enforce::PortOrder;
use wardline_enforce::quarantine::{Request, Step};
use wardline_enforce::radius::Restriction;

use crate::cli::{SegmentHoldPort, SegmentPort};
use crate::enforcement::{now_s, open, start_beside};
use crate::segment::read_policy;
use crate::{Outcome, complain};

/// Entries of an access list for one port; switches hold some sixty.
const ENTRIES_MAX: usize = 64;

pub(crate) fn run(arguments: &SegmentPort) -> Result<Outcome> {
    let (enforcer, state) = open(&arguments.place)?;
    let mut output = std::io::stdout().lock();
    if arguments.release {
        enforcer.release_port(&arguments.station, &arguments.by, now_s())?;
        writeln!(output, "Released. The switch admits {} anew.", arguments.station)?;
        return Ok(Outcome::Done);
    }
    let missing = |what| format!("{what} is missing");
    let request = Request {
        device: arguments.device.clone().with_context(|| missing("the device"))?,
        step: Step::Isolate,
        duration_s: arguments.duration,
        reason: arguments.reason.clone().unwrap_or_default(),
        by: arguments.by.clone(),
        second: arguments.second.clone(),
    };
    let secret = arguments.secret.clone().with_context(|| missing("--secret"))?;
    let order = PortOrder {
        station: arguments.station.clone(),
        switch: arguments.switch.with_context(|| missing("--switch"))?,
        // Whoever renews it may stand somewhere else.
        secret: std::path::absolute(&secret).with_context(|| secret.display().to_string())?,
        restriction: restriction(arguments)?,
        lease_s: arguments.lease,
    };
    let knowledge = arguments.policy.as_deref().map(read_policy).transpose()?;
    let held = enforcer.hold_port(&request, &order, knowledge.as_ref(), now_s())?;
    start_beside(&["hold-port", held.station.as_str()], &state)?;
    writeln!(
        output,
        "Restricted at {}. Without renewal the switch lets {} go after {} s.",
        held.switch, held.station, held.lease_s
    )?;
    Ok(Outcome::Done)
}

fn restriction(arguments: &SegmentPort) -> Result<Restriction> {
    let wanted = &arguments.restriction;
    match (&wanted.filter, wanted.vlan, &wanted.role, &wanted.acl) {
        (Some(name), ..) => Ok(Restriction::Filter(name.clone())),
        (None, Some(number), ..) => Ok(Restriction::Vlan(number)),
        (None, None, Some(name), _) => Ok(Restriction::ArubaRole(name.clone())),
        (None, None, None, Some(path)) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("{}: cannot be read", path.display()))?;
            let entries =
                text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('!'));
            let entries: Vec<String> = entries.map(str::to_owned).collect();
            if entries.len() > ENTRIES_MAX {
                bail!("{}: {} entries; a port holds {ENTRIES_MAX}", path.display(), entries.len());
            }
            Ok(Restriction::CiscoAccessList(entries))
        }
        (None, None, None, None) => bail!("say how: --filter, --vlan, --role or --acl"),
    }
}

pub(crate) fn hold(arguments: &SegmentHoldPort) -> Result<Outcome> {
    let (enforcer, _) = open(&arguments.place)?;
    enforcer.keep_port(&arguments.station, |error| complain(&error.to_string()))?;
    Ok(Outcome::Done)
}
