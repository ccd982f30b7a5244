//! One patient's data as another's.

use rand::RngExt as _;
use wardline_model::Attack::FalseNode;

use super::{Made, Role, Variant, crude, later, stealthy, with_beds};
use crate::campus::day::Twist;
use crate::campus::{Campus, SECOND};

pub(super) const VARIANTS: &[Variant] = &[
    later(crude(FalseNode, "other-patient-from-bed", swap)),
    later(crude(FalseNode, "two-monitors-exchanged", exchanged)),
    later(crude(FalseNode, "identifier-of-another", identifier)),
    with_beds(later(crude(FalseNode, "other-bed", bed))),
    later(stealthy(FalseNode, "one-message-in-six", some)),
];

/// A monitor, its bed, and another bed.
fn drawn(campus: &mut Campus) -> (usize, usize, usize) {
    let monitors = campus.reporters(|role| role == Role::Monitor);
    let device = campus.pick(&monitors);
    let own = campus.unit(device).bed.unwrap_or(0);
    let beds = campus.beds.len();
    let other = (own + 1 + campus.chance.random_range(0..beds - 1)) % beds;
    (device, own, other)
}

fn made(campus: &Campus, devices: &[usize]) -> Made {
    let speakers: Vec<_> =
        devices.iter().flat_map(|place| [Some(*place), campus.unit(*place).via]).flatten().collect();
    Made { victims: speakers.clone(), sources: speakers, period_ns: Some(campus.unit(devices[0]).period_ns) }
}

fn swap(campus: &mut Campus, _: i64, _: i64) -> Made {
    let (device, _, other) = drawn(campus);
    campus.unit_mut(device).reports_as = Some(other);
    made(campus, &[device])
}

fn exchanged(campus: &mut Campus, _: i64, _: i64) -> Made {
    let (device, own, other) = drawn(campus);
    let second = campus.reporters(|role| role == Role::Monitor);
    let second = second.into_iter().find(|place| campus.unit(*place).bed == Some(other)).unwrap_or(device);
    campus.unit_mut(device).reports_as = Some(other);
    campus.unit_mut(second).reports_as = Some(own);
    made(campus, &[device, second])
}

fn identifier(campus: &mut Campus, _: i64, _: i64) -> Made {
    let (device, _, other) = drawn(campus);
    campus.unit_mut(device).twist = Twist { identifier_of: Some(other), ..Twist::default() };
    made(campus, &[device])
}

/// The results name another bed than the one in which the patient lies.
fn bed(campus: &mut Campus, _: i64, _: i64) -> Made {
    let (device, _, other) = drawn(campus);
    campus.unit_mut(device).twist = Twist { bed: Some(other), ..Twist::default() };
    made(campus, &[device])
}

fn some(campus: &mut Campus, now: i64, until: i64) -> Made {
    let (device, _, other) = drawn(campus);
    let period = campus.unit(device).period_ns;
    campus.every(now, 6 * period, until, move |campus, now| {
        campus.unit_mut(device).reports_as = Some(other);
        campus.at(now + period + SECOND / 2, move |campus, _| campus.unit_mut(device).reports_as = None);
    });
    made(campus, &[device])
}
