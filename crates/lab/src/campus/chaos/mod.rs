//! What goes wrong, or merely on, in peace. Nothing here is an attack, and nothing above `low` may be said of it.

mod bedside;
mod machinery;

use rand::RngExt as _;

use super::{Campus, HAPPENED_MAX, Happened, SECOND};

/// A disturbance.
#[derive(Debug)]
pub struct Disturbance {
    /// Name.
    pub name: &'static str,
    begin: fn(&mut Campus, i64),
}

const fn disturbance(name: &'static str, begin: fn(&mut Campus, i64)) -> Disturbance {
    Disturbance { name, begin }
}

/// Every disturbance.
pub const DISTURBANCES: &[Disturbance] = &[
    disturbance("bed-move", bedside::bed_move),
    disturbance("bed-swap-a17", bedside::swap),
    disturbance("late-admission", bedside::late_admission),
    disturbance("merge-a40", bedside::merge),
    disturbance("cleaning", bedside::cleaning),
    disturbance("battery-swap", bedside::battery),
    disturbance("spare-monitor", bedside::spare),
    disturbance("code-blue", bedside::code_blue),
    disturbance("transport-monitor", bedside::transport),
    disturbance("arterial-line-artefact", bedside::artefact),
    disturbance("irregular-rhythm", bedside::irregular),
    disturbance("shift-change", bedside::shift_change),
    disturbance("device-off-at-night", bedside::switched_off),
    disturbance("roaming", machinery::roaming),
    disturbance("addresses-renewed", machinery::renumber),
    disturbance("router-failover", machinery::failover),
    disturbance("firmware-wave", machinery::firmware),
    disturbance("engine-backlog", machinery::backlog),
    disturbance("archive-outage-resend", machinery::archive_outage),
    disturbance("scan-by-order", machinery::scan_day),
    disturbance("backup", machinery::backup),
    disturbance("clock-step", machinery::clock_step),
    disturbance("summer-time", machinery::summer_time),
    disturbance("telephone-call-outside", machinery::telehealth),
    disturbance("software-update-download", machinery::download),
    disturbance("power-blip", machinery::power_blip),
];

impl Campus {
    /// One disturbance, and the next one in its time.
    pub(super) fn disturb(&mut self, now: i64) {
        let disturbance = &DISTURBANCES[self.chance.random_range(0..DISTURBANCES.len())];
        if self.happened.len() < HAPPENED_MAX {
            self.happened.push(Happened { name: disturbance.name, time_ns: now });
        }
        (disturbance.begin)(self, now);
        let day = 86_400.0 * SECOND as f64;
        let pause = (day / self.options.disturbances_per_day.max(0.01)) as i64;
        let next = now + pause / 2 + self.within(pause);
        self.at(next, Self::disturb);
    }
}
