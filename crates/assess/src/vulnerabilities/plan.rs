//! Plans: what was decided about a vulnerability, what may be decided next, and when a device has time.

use thiserror::Error;
use wardline_model::{
    Edge, PatchException, PatchStatus, PatchWindow, Plan, PlanAction, PlanEvent, RemedyKind, Timestamp,
    Vulnerability,
};

/// Why something may not be decided.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotAllowed {
    /// The maker has not said that the device may be touched.
    #[error(
        "the maker must approve this correction before the device is touched; write down where he does (`wardline patch approve`), and until then: {0}"
    )]
    NeedsApproval(&'static str),
    /// There is nothing to install.
    #[error("no correction is known that could be installed; {0}")]
    NothingToInstall(&'static str),
    /// An exception that has ended when it begins.
    #[error("the last day {0} is past")]
    Past(String),
}

/// What the network does meanwhile.
const MEANWHILE: &str = "let it speak with the servers that it needs and with nobody else (`wardline segment propose`), or put a shield before it (`wardline shield`)";

/// What was decided about one vulnerability, as it stands on a day (`2026-01-31`).
pub fn plan(vulnerability: &Vulnerability, events: &[PlanEvent], today: &str) -> Plan {
    let mut plan = Plan::default();
    for event in events {
        match &event.action {
            PlanAction::Assign { owner, due } => {
                (plan.owner, plan.due) = (Some(owner.clone()), Some(due.clone()));
            }
            PlanAction::Approve { reference } => plan.approval = Some(reference.clone()),
            PlanAction::Except { reason, until } => {
                plan.exception = Some(PatchException {
                    approver: event.by.clone(),
                    reason: reason.clone(),
                    until: until.clone(),
                    expired: until.as_str() < today,
                });
            }
            PlanAction::Status { status } => plan.status = *status,
        }
        plan.history.push(event.clone());
    }
    let excepted = plan.exception.as_ref().is_some_and(|exception| !exception.expired);
    let done = matches!(plan.status, PatchStatus::Patched | PatchStatus::Mitigated) || excepted;
    plan.overdue = !done && plan.due.as_ref().is_some_and(|due| due.as_str() < today);
    plan.next = next(vulnerability, &plan, excepted);
    plan
}

fn next(vulnerability: &Vulnerability, plan: &Plan, excepted: bool) -> String {
    if excepted && let Some(exception) = &plan.exception {
        return format!("Nothing until {}: {}.", exception.until, exception.reason);
    }
    match plan.status {
        PatchStatus::Patched => "See that the device shows its new version.".to_owned(),
        PatchStatus::Mitigated => {
            "Ask the maker for a correction; the network keeps it away meanwhile.".to_owned()
        }
        _ if plan.owner.is_none() => "Name somebody who sees to it, and a day.".to_owned(),
        _ if vulnerability.fix.kind != RemedyKind::Update => {
            format!("As nothing can be installed, {MEANWHILE}.")
        }
        _ if vulnerability.fix.needs_vendor_approval && plan.approval.is_none() => {
            format!("Ask the maker whether this device may be corrected; until he approves, {MEANWHILE}.")
        }
        PatchStatus::Open => "Set a time at which the device can be spared.".to_owned(),
        PatchStatus::Planned => "Install the correction at the time that was set.".to_owned(),
    }
}

/// Whether something may be decided on a day. A medical device is not corrected before its maker approves.
pub fn allowed(
    vulnerability: &Vulnerability,
    plan: &Plan,
    action: &PlanAction,
    today: &str,
) -> Result<(), NotAllowed> {
    match action {
        PlanAction::Status { status: PatchStatus::Planned | PatchStatus::Patched } => {
            if vulnerability.fix.kind != RemedyKind::Update {
                Err(NotAllowed::NothingToInstall(MEANWHILE))
            } else if vulnerability.fix.needs_vendor_approval && plan.approval.is_none() {
                Err(NotAllowed::NeedsApproval(MEANWHILE))
            } else {
                Ok(())
            }
        }
        PlanAction::Except { until: day, .. } | PlanAction::Assign { due: day, .. }
            if day.as_str() < today =>
        {
            Err(NotAllowed::Past(day.to_string()))
        }
        _ => Ok(()),
    }
}

const HOUR_NANOSECONDS: i64 = 3_600_000_000_000;
const HOURS_OF_WEEK: usize = 168;
/// A window of an hour is none: there must be time to go back.
const WINDOW_HOURS_MIN: usize = 2;
const WINDOW_HOURS_MAX: usize = 8;
const WINDOWS_MAX: usize = 3;
/// An hour is quiet when it has at most this share of the busiest one, per cent.
const QUIET_PERCENT: u64 = 5;

/// The quietest hours of a device's week, by its own conversations from `since` to `until`. `None` where it was watched for
/// less than a week: what is not known is no quiet hour.
pub fn windows(edges: &[Edge], since: Timestamp, until: Timestamp) -> Option<Vec<PatchWindow>> {
    let hours = until.nanoseconds().saturating_sub(since.nanoseconds()) / HOUR_NANOSECONDS;
    let weeks = u64::try_from(hours).ok()? / HOURS_OF_WEEK as u64;
    if weeks == 0 {
        return None;
    }
    let mut of_hour = [0_u64; HOURS_OF_WEEK];
    for edge in edges.iter().filter(|edge| edge.hour >= since && edge.hour < until) {
        if let Some(count) = of_hour.get_mut(hour_of_week(edge.hour)) {
            *count = count.saturating_add(edge.flows);
        }
    }
    let busiest = of_hour.iter().copied().max().unwrap_or_default();
    let quiet = |hour: usize| {
        of_hour
            .get(hour % HOURS_OF_WEEK)
            .is_some_and(|count| count.saturating_mul(100) <= busiest * QUIET_PERCENT)
    };
    let mut found: Vec<(u64, usize, usize)> = Vec::new();
    let mut hour = 0;
    while hour < HOURS_OF_WEEK {
        let length = (0..WINDOW_HOURS_MAX).take_while(|more| quiet(hour + more)).count();
        if length >= WINDOW_HOURS_MIN {
            let sum = (hour..hour + length).filter_map(|hour| of_hour.get(hour % HOURS_OF_WEEK)).sum();
            found.push((sum, hour, length));
        }
        hour += length.max(1);
    }
    found.sort_by_key(|(sum, hour, length)| (*sum, std::cmp::Reverse(*length), *hour));
    found.truncate(WINDOWS_MAX);
    let window = |(sum, hour, length): (u64, usize, usize)| PatchWindow {
        weekday: u8::try_from(hour / 24).unwrap_or_default(),
        hour: u8::try_from(hour % 24).unwrap_or_default(),
        hours: u8::try_from(length).unwrap_or_default(),
        conversations: sum.div_ceil(weeks),
    };
    Some(found.into_iter().map(window).collect())
}

/// Hours since Monday, midnight of UTC. The first of January 1970 was a Thursday.
fn hour_of_week(time: Timestamp) -> usize {
    const THURSDAY_HOURS: i64 = 3 * 24;
    let hours = time.nanoseconds().div_euclid(HOUR_NANOSECONDS) + THURSDAY_HOURS;
    usize::try_from(hours.rem_euclid(HOURS_OF_WEEK as i64)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardline_model::{
        Basis, DeviceId, Exploitation, Fix, HumanImpact, Label, Match, MatchKind, Priority, Reach, Transport,
    };

    fn vulnerability(kind: RemedyKind) -> Vulnerability {
        Vulnerability {
            device: DeviceId::from("d-000000000001"),
            device_name: Label::new("pump"),
            cve: Label::new("CVE-2025-0001"),
            advisory: Label::new("a"),
            matched: Match { kind: MatchKind::Range, reason: String::new() },
            cvss: None,
            rubric: None,
            epss: None,
            kev: false,
            priority: Priority::Track,
            rank: 1,
            basis: Basis {
                exploitation: Exploitation::None,
                exploited_since: None,
                reach: Reach::Controlled,
                zones: 0,
                automatable: false,
                human_impact: HumanImpact::High,
                revision: Label::new("1"),
                released: None,
                unsupported: false,
            },
            fix: Fix { kind, text: String::new(), needs_vendor_approval: kind == RemedyKind::Update },
            why: Vec::new(),
            plan: None,
        }
    }

    fn event(number: i64, action: PlanAction) -> PlanEvent {
        PlanEvent {
            time: Timestamp::from_nanoseconds(number),
            by: Label::new("Ada"),
            device: DeviceId::from("d-000000000001"),
            cve: Label::new("CVE-2025-0001"),
            action,
        }
    }

    #[test]
    fn a_medical_device_is_not_corrected_before_its_maker_approves() {
        let pump = vulnerability(RemedyKind::Update);
        let planned = PlanAction::Status { status: PatchStatus::Planned };
        let owner = event(1, PlanAction::Assign { owner: Label::new("Bo"), due: Label::new("2026-02-01") });
        let before = plan(&pump, std::slice::from_ref(&owner), "2026-01-01");
        assert!(matches!(allowed(&pump, &before, &planned, "2026-01-01"), Err(NotAllowed::NeedsApproval(_))));
        assert!(before.next.contains("segment propose"), "{}", before.next);
        let approved = event(2, PlanAction::Approve { reference: Label::new("bulletin 7") });
        let after = plan(&pump, &[owner, approved], "2026-01-01");
        assert_eq!(allowed(&pump, &after, &planned, "2026-01-01"), Ok(()));
        assert_eq!(after.history.len(), 2);
        let none = vulnerability(RemedyKind::CompensatingControl);
        assert!(matches!(
            allowed(&none, &after, &planned, "2026-01-01"),
            Err(NotAllowed::NothingToInstall(_))
        ));
    }

    #[test]
    fn exceptions_and_days_end() {
        let pump = vulnerability(RemedyKind::Mitigation);
        let owner = event(1, PlanAction::Assign { owner: Label::new("Bo"), due: Label::new("2026-02-01") });
        let except = PlanAction::Except { reason: Label::new("in use"), until: Label::new("2026-03-01") };
        let events = [owner, event(2, except.clone())];
        let during = plan(&pump, &events, "2026-03-01");
        assert!(!during.overdue && during.next.starts_with("Nothing until 2026-03-01"));
        let after = plan(&pump, &events, "2026-03-02");
        assert!(after.overdue && after.exception.as_ref().unwrap().expired);
        assert!(matches!(allowed(&pump, &after, &except, "2026-03-02"), Err(NotAllowed::Past(_))));
    }

    #[test]
    fn windows_are_where_a_device_is_quiet_in_every_week() {
        let at = |hour: i64| Timestamp::from_nanoseconds(hour * HOUR_NANOSECONDS);
        let edge = |hour: i64, flows: u64| Edge {
            hour: at(hour),
            src_device: DeviceId::from("d-000000000001"),
            dst_device: DeviceId::from("d-000000000002"),
            transport: Transport::TCP,
            port: 80,
            application: None,
            flows,
            packets: [1, 1],
            bytes: [1, 1],
            encrypted_flows: 0,
            cleartext_flows: flows,
        };
        // Two weeks from a Thursday; quiet from 1 to 5 on Sundays only.
        let quiet = |hour: i64| (hour + 72) % 168 / 24 == 6 && (1..5).contains(&((hour + 72) % 24));
        let edges: Vec<Edge> = (0..336).map(|hour| edge(hour, if quiet(hour) { 1 } else { 100 })).collect();
        let found = windows(&edges, at(0), at(336)).unwrap();
        assert_eq!(found, [PatchWindow { weekday: 6, hour: 1, hours: 4, conversations: 4 }]);
        assert_eq!(windows(&edges, at(0), at(100)), None, "less than a week tells nothing");
    }
}
