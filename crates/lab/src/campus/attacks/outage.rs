//! A device stops, alone or with its neighbours, or a service does.

use wardline_model::Attack::Outage;

use super::{Made, Role, Variant, crude, later, stealthy};
use crate::campus::{Campus, MINUTE, SECOND};

pub(super) const VARIANTS: &[Variant] = &[
    later(crude(Outage, "power-cut", power_cut)),
    later(crude(Outage, "reports-stop", reports_stop)),
    later(crude(Outage, "ward-switch-fails", ward)),
    later(crude(Outage, "service-refuses", refuses)),
    later(crude(Outage, "service-silent", silent)),
    later(stealthy(Outage, "slowly-starved", starved)),
];

fn victim(campus: &mut Campus) -> usize {
    let devices = campus.reporters(|role| matches!(role, Role::Monitor | Role::Pump | Role::Ventilator));
    campus.pick(&devices)
}

/// The device, or the gateway that speaks for it.
fn speaking(campus: &Campus, device: usize) -> Made {
    let unit = campus.unit(device);
    let victims = [Some(device), unit.via].into_iter().flatten().collect();
    Made { victims, period_ns: Some(unit.period_ns), ..Made::default() }
}

fn power_cut(campus: &mut Campus, _: i64, _: i64) -> Made {
    let device = victim(campus);
    campus.unit_mut(device).dead_until = i64::MAX;
    speaking(campus, device)
}

fn reports_stop(campus: &mut Campus, _: i64, _: i64) -> Made {
    let device = victim(campus);
    campus.unit_mut(device).mute_until = i64::MAX;
    speaking(campus, device)
}

fn ward(campus: &mut Campus, _: i64, _: i64) -> Made {
    let (device, engine) = (victim(campus), campus.the(Role::Engine));
    let subnet = campus.unit(device).subnet;
    let beds: Vec<_> =
        campus.unit(device).bed.map(|bed| campus.layout.beds[bed][0].clone()).into_iter().collect();
    let mut made = Made { victims: vec![engine], period_ns: Some(0), ..Made::default() };
    for place in campus.with_role(|role| role != Role::Internet) {
        let unit = campus.unit(place);
        let here = unit.bed.is_some_and(|bed| beds.contains(&campus.layout.beds[bed][0]))
            || subnet != super::SERVERS && unit.subnet == subnet;
        if here {
            made.period_ns = made.period_ns.max(unit.bed.map(|_| unit.period_ns));
            // The gateway that speaks for it may stand elsewhere.
            made.victims.extend([Some(place), unit.via].into_iter().flatten());
            campus.unit_mut(place).dead_until = i64::MAX;
        }
    }
    made
}

fn refuses(campus: &mut Campus, _: i64, _: i64) -> Made {
    campus.engine_refuses = true;
    silent(campus, 0, 0)
}

fn silent(campus: &mut Campus, _: i64, _: i64) -> Made {
    let engine = campus.the(Role::Engine);
    campus.unit_mut(engine).dead_until = i64::MAX;
    let periods = campus.reporters(|_| true).into_iter().map(|place| campus.unit(place).period_ns);
    let period_ns = periods.min();
    Made { victims: vec![engine], period_ns, ..Made::default() }
}

/// The pauses grow little by little, until nothing comes.
fn starved(campus: &mut Campus, now: i64, _: i64) -> Made {
    let device = victim(campus);
    let made = speaking(campus, device);
    campus.every(now, 30 * SECOND, now + 12 * MINUTE, move |campus, _| {
        let unit = campus.unit_mut(device);
        unit.period_ns = (unit.period_ns * 6 / 5).min(20 * MINUTE);
    });
    campus.at(now + 12 * MINUTE, move |campus, _| campus.unit_mut(device).mute_until = i64::MAX);
    made
}
