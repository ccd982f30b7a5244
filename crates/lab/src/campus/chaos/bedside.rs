//! Patients are moved, devices are swapped, cleaned and carried about, signals are what they are.

use rand::RngExt as _;

use crate::campus::day::Twist;
use crate::campus::layout::Role;
use crate::campus::{Campus, MINUTE, SECOND};

fn two_beds(campus: &mut Campus) -> (usize, usize) {
    let beds = campus.beds.len();
    let one = campus.chance.random_range(0..beds);
    (one, (one + 1 + campus.chance.random_range(0..beds - 1)) % beds)
}

fn monitor(campus: &mut Campus) -> usize {
    let monitors = campus.reporters(|role| role == Role::Monitor);
    campus.pick(&monitors)
}

/// The patient of one bed goes to another one that was left.
pub(super) fn bed_move(campus: &mut Campus, now: i64) {
    let (from, to) = two_beds(campus);
    campus.admission(now, "A03", to, None);
    campus.beds[to].empty_until = now + 5 * MINUTE;
    campus.beds[from].empty_until = now + 20 * MINUTE;
    campus.at(now + 5 * MINUTE, move |campus, now| {
        let patient = campus.beds[from].patient.clone();
        campus.beds[to].patient = patient;
        campus.beds[from].patient = campus.invent();
        campus.admission(now, "A02", to, None);
    });
    campus.at(now + 20 * MINUTE, move |campus, now| campus.admission(now, "A01", from, None));
}

/// Two patients change places; the monitors are told a minute later.
pub(super) fn swap(campus: &mut Campus, now: i64) {
    let (one, two) = two_beds(campus);
    let late = campus.within(2 * MINUTE);
    for place in campus.reporters(|_| true) {
        let bed = campus.unit(place).bed;
        let other = if bed == Some(one) { two } else { one };
        if bed == Some(one) || bed == Some(two) {
            campus.unit_mut(place).reports_as = Some(other);
            campus.at(now + late, move |campus, _| campus.unit_mut(place).reports_as = None);
        }
    }
    let (first, second) = (campus.beds[one].patient.clone(), campus.beds[two].patient.clone());
    (campus.beds[one].patient, campus.beds[two].patient) = (second, first);
    campus.admission(now, "A17", one, Some(two));
}

/// The admission is typed in long after the patient came.
pub(super) fn late_admission(campus: &mut Campus, now: i64) {
    let bed = campus.chance.random_range(0..campus.beds.len());
    campus.admission(now, "A03", bed, None);
    campus.beds[bed].empty_until = now + 4 * MINUTE;
    let patient = campus.invent();
    campus.at(now + 4 * MINUTE, move |campus, _| campus.beds[bed].patient = patient);
    let late = 5 * MINUTE + campus.within(115 * MINUTE);
    campus.at(now + late, move |campus, now| campus.admission(now, "A01", bed, None));
}

/// A patient who was admitted twice becomes one.
pub(super) fn merge(campus: &mut Campus, now: i64) {
    let bed = campus.chance.random_range(0..campus.beds.len());
    let old = campus.beds[bed].patient.clone();
    let mut new = old.clone();
    new.number = campus.invent().number;
    campus.beds[bed].patient = new;
    // The message names the patient that stays, and the identifier that goes.
    let record = campus.the(Role::Record);
    let engine = campus.the(Role::Engine);
    let time = campus.shown_time(now, record);
    campus.control += 1;
    let control = campus.dialect.control(campus.control, &time, &mut campus.chance);
    let place = campus.layout.beds[bed].clone();
    let message = campus.dialect.admission(
        "A40",
        &campus.beds[bed].patient,
        &place,
        (&time, &control),
        Some((&old, &place)),
    );
    let answer = campus.dialect.acknowledgment(&control, &time);
    campus.talk(now, record, (engine, crate::campus::day::MLLP), &[(true, message), (false, answer)]);
}

/// After a discharge the devices of the bed are switched off and cleaned.
pub(super) fn cleaning(campus: &mut Campus, now: i64) {
    let bed = campus.chance.random_range(0..campus.beds.len());
    campus.discharge(now, bed, 40 * MINUTE);
    for place in campus.reporters(|_| true) {
        if campus.unit(place).bed == Some(bed) {
            campus.unit_mut(place).dead_until = now + 38 * MINUTE;
            campus.unit_mut(place).line = None;
            campus.at(now + 38 * MINUTE, move |campus, now| campus.lease(now, place));
        }
    }
}

/// A minute or three without current, and the same device comes back.
pub(super) fn battery(campus: &mut Campus, now: i64) {
    let devices = campus.reporters(|role| matches!(role, Role::Pump | Role::Monitor));
    let device = campus.pick(&devices);
    let back = now + MINUTE / 2 + campus.within(MINUTE);
    campus.unit_mut(device).dead_until = back;
    campus.unit_mut(device).line = None;
    campus.at(back, move |campus, now| campus.lease(now, device));
}

/// A broken monitor is taken away, a spare of the same kind comes; the patient stays. Some hospitals give an address to
/// the bed, others to the device.
pub(super) fn spare(campus: &mut Campus, now: i64) {
    let place = monitor(campus);
    campus.unit_mut(place).dead_until = now + 3 * MINUTE;
    campus.at(now + 3 * MINUTE, move |campus, now| {
        let subnet = campus.unit(place).subnet;
        let address = campus.layout.free_address(subnet, &mut campus.chance);
        let keeps = campus.chance.random_bool(0.5);
        let number = campus.chance.random_range(0..9_999_u32);
        let octets: [u8; 3] = campus.chance.random();
        let unit = campus.unit_mut(place);
        unit.end.mac.0[3..].copy_from_slice(&octets);
        unit.serial = format!("{}{number:04}S", unit.kind.name);
        unit.name = format!("{}-{number:04}", unit.kind.name);
        unit.line = None;
        if !keeps {
            unit.end.ip = address;
        }
        campus.register(place);
        campus.lease(now, place);
    });
}

/// Much happens at one bed: alarms, a bolus, messages every second.
pub(super) fn code_blue(campus: &mut Campus, now: i64) {
    let bed = campus.chance.random_range(0..campus.beds.len());
    let devices: Vec<_> =
        campus.reporters(|_| true).into_iter().filter(|place| campus.unit(*place).bed == Some(bed)).collect();
    for place in devices {
        let pause = SECOND + campus.within(SECOND);
        let pause = campus.thinned(pause);
        campus.every(now, pause, now + 6 * MINUTE, move |campus, now| {
            if now >= campus.unit(place).dead_until {
                let mut vitals = campus.unit(place).vitals;
                vitals.heart = f64::from(campus.chance.random_range(30..190));
                vitals.oxygen = f64::from(campus.chance.random_range(62..96));
                campus.unit_mut(place).vitals = vitals;
                campus.report(now, place, Twist::default());
            }
        });
    }
}

/// A small monitor goes with the patient to the scanner: for a while two report him, then one from elsewhere.
pub(super) fn transport(campus: &mut Campus, now: i64) {
    let bedside = monitor(campus);
    let unit = campus.unit(bedside).clone();
    let parked = (0..campus.layout.units.len()).find(|place| {
        let other = campus.unit(*place);
        other.role == Role::Transport && other.subnet == unit.subnet && other.mute_until < now
    });
    let place = parked
        .unwrap_or_else(|| campus.layout.add(Role::Transport, unit.kind, unit.subnet, &mut campus.chance));
    campus.unit_mut(place).bed = unit.bed;
    // It is on its way until then.
    campus.unit_mut(place).mute_until = now + 25 * MINUTE;
    campus.unit_mut(place).end.ip = campus.layout.free_address(unit.subnet, &mut campus.chance);
    campus.register(place);
    campus.lease(now, place);
    let heart = unit.vitals;
    campus.unit_mut(place).vitals = heart;
    campus.at(now + MINUTE, move |campus, now| campus.unit_mut(bedside).mute_until = now + 25 * MINUTE);
    let period = unit.period_ns.max(5 * SECOND);
    campus.every(now + MINUTE / 2, period, now + 24 * MINUTE, move |campus, now| {
        let mut vitals = campus.unit(place).vitals;
        vitals.drift(&mut campus.chance);
        campus.unit_mut(place).vitals = vitals;
        let readings = [
            (crate::speech::dialect::HEART_RATE, vitals.heart.round()),
            (crate::speech::dialect::OXYGEN, vitals.oxygen.round()),
        ];
        let (message, control) = campus.compose(now, place, &readings, Twist::default());
        campus.deliver(now, place, message, &control);
    });
}

/// The line is flushed: for some readings pressure is far off.
pub(super) fn artefact(campus: &mut Campus, now: i64) {
    let device = monitor(campus);
    let before = campus.unit(device).vitals.systolic;
    campus.unit_mut(device).vitals.systolic = 290.0;
    let period = campus.unit(device).period_ns;
    campus.at(now + 2 * period, move |campus, _| campus.unit_mut(device).vitals.systolic = before);
}

/// Atrial fibrillation: not every beat is a pulse.
pub(super) fn irregular(campus: &mut Campus, now: i64) {
    let device = monitor(campus);
    campus.unit_mut(device).vitals.irregular = true;
    campus.at(now + 90 * MINUTE, move |campus, _| campus.unit_mut(device).vitals.irregular = false);
}

/// Everybody logs in at once, and alarm limits are looked at.
pub(super) fn shift_change(campus: &mut Campus, now: i64) {
    for place in campus.with_role(|role| role == Role::Desk) {
        for _ in 0..6 {
            let at = now + campus.within(5 * MINUTE);
            campus.at(at, move |campus, now| campus.log_in(now, place));
        }
    }
}

/// A device is switched off for the night, with its patient still there.
pub(super) fn switched_off(campus: &mut Campus, now: i64) {
    let pumps = campus.reporters(|role| role == Role::Pump);
    let pump = campus.pick(&pumps);
    let bed = campus.unit(pump).bed.unwrap_or(0);
    campus.discharge(now, bed, 6 * 60 * MINUTE);
}
