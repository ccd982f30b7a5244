//! One hospital, once attacked or long in peace.

use std::collections::BTreeMap;
use std::net::IpAddr;

use wardline_assess::Assessor;
use wardline_flows::{Frame, Pipeline};
use wardline_lab::{Assault, Campus, CampusOptions, Planned, Variant};
use wardline_model::{
    Attack, CaptureId, DeviceReference, Finding, PseudonymKey, Severity, Site, SiteServer, Timestamp,
};

const SECOND: i64 = 1_000_000_000;

/// A finding above `low`, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Kind.
    pub attack: Attack,
    /// Rule.
    pub detector: String,
    /// What it says.
    pub summary: String,
    /// When it was decided, nanoseconds since 1970.
    pub time_ns: i64,
    /// The disturbances of the hour before it, newest last.
    pub after: Vec<&'static str>,
}

/// What came of an attack.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Seed of the hospital.
    pub seed: u64,
    /// What was done.
    pub variant: &'static Variant,
    /// Found with the right type and address: by which rule, and how long after it began.
    pub found: Option<(String, i64)>,
    /// Serious findings with the right type at another address.
    pub misplaced: Vec<Claim>,
    /// Other serious findings: those from before the attack are false, later ones may be side effects.
    pub before: Vec<Claim>,
    /// Other kinds of serious findings after it began.
    pub beside: Vec<Claim>,
    /// Reports that had been missed when an outage was found.
    pub missed_reports: Option<f64>,
    /// Every serious finding says what would have kept it silent.
    pub explained: bool,
    /// Frames seen.
    pub frames: u64,
    /// Seconds simulated.
    pub seconds: i64,
}

/// What came of a time of peace.
#[derive(Clone, Debug, Default)]
pub struct Peace {
    /// Seed of the hospital.
    pub seed: u64,
    /// Months of single devices.
    pub device_months: f64,
    /// What was claimed, above `low`.
    pub claims: Vec<Claim>,
    /// Disturbances by name.
    pub disturbances: BTreeMap<&'static str, u32>,
    /// Frames seen.
    pub frames: u64,
}

/// The pipeline and what judges, as the program wires them.
struct Watch {
    pipeline: Pipeline,
    assessor: Assessor,
    observations: Vec<wardline_model::Observation>,
    frames: u64,
}

impl Watch {
    fn new(site: Site) -> Self {
        let key = PseudonymKey::new([7; 32]);
        let default_credentials = wardline_assess::default_credentials(&key);
        Self {
            pipeline: Pipeline::new(wardline_flows::Settings {
                workers: 1,
                ..wardline_flows::Settings::new(key)
            }),
            assessor: Assessor::new(wardline_assess::Settings {
                site,
                default_credentials,
                ..wardline_assess::Settings::default()
            }),
            observations: Vec::new(),
            frames: 0,
        }
    }

    fn see(&mut self, time_ns: i64, bytes: &[u8]) {
        const ETHERNET: u16 = 1;
        const DRAIN_EVERY: u64 = 20_000;
        self.frames += 1;
        let frame = Frame {
            capture: CaptureId(0),
            number: self.frames,
            time: Timestamp::from_nanoseconds(time_ns),
            link_type: ETHERNET,
            bytes,
            original_length: bytes.len() as u32,
        };
        self.pipeline.push(frame, &mut self.observations);
        for observation in self.observations.drain(..) {
            self.assessor.observe(&observation);
        }
        if self.frames.is_multiple_of(DRAIN_EVERY) {
            self.assessor.drain();
        }
    }

    fn end(&mut self, time_ns: i64) {
        self.pipeline.finish(&mut self.observations);
        for observation in self.observations.drain(..) {
            self.assessor.observe(&observation);
        }
        self.assessor.finish(Timestamp::from_nanoseconds(time_ns));
    }

    fn serious(&self) -> impl Iterator<Item = &Finding> {
        self.assessor.findings().filter(|finding| finding.severity > Severity::Low)
    }
}

fn claim(finding: &Finding) -> Claim {
    Claim {
        attack: finding.attack,
        detector: finding.detector.to_string(),
        summary: finding.summary.clone(),
        time_ns: finding.time.nanoseconds(),
        after: Vec::new(),
    }
}

/// A false claim with what happened in the hour before it.
fn explained(mut claim: Claim, campus: &Campus) -> Claim {
    const HOUR: i64 = 3_600 * SECOND;
    let before = claim.time_ns - HOUR..=claim.time_ns;
    claim.after = campus
        .happened()
        .iter()
        .filter(|happened| before.contains(&happened.time_ns))
        .map(|happened| happened.name)
        .collect();
    claim
}

/// A number that depends on a seed and on what it is for.
fn drawn(seed: u64, purpose: u64, range: std::ops::Range<u32>) -> u32 {
    let mut value = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ purpose.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value ^= value >> 31;
    value = value.wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^= value >> 29;
    range.start + (value % u64::from(range.end - range.start)) as u32
}

/// Attacks the hospital of a seed.
pub fn attacked(seed: u64, variant: &'static Variant) -> Outcome {
    // A third of what needs no history is seen from the middle on, a minute or two before the attack.
    let running = !variant.needs_history && drawn(seed, 1, 0..3) == 0;
    let start_s = match (variant.needs_history, running) {
        (true, _) => drawn(seed, 2, 900..1_200),
        (false, true) => drawn(seed, 3, 45..150),
        (false, false) => drawn(seed, 4, 300..700),
    };
    let length_s = if variant.stealthy { 900 } else { 300 };
    let planned = Planned { variant, start_s, length_s };
    let options = CampusOptions { running, attacks: vec![planned], ..CampusOptions::default() };
    let mut campus = Campus::new(seed, options);
    let mut watch = Watch::new(Site::default());
    let seconds = i64::from(start_s + length_s + 20);
    let end = campus.start_ns() + seconds * SECOND;
    while let Some(frame) = campus.next().filter(|frame| frame.time_ns < end) {
        watch.see(frame.time_ns, &frame.bytes);
    }
    watch.end(end);
    judge(seed, variant, &campus, &watch, seconds)
}

fn judge(seed: u64, variant: &'static Variant, campus: &Campus, watch: &Watch, seconds: i64) -> Outcome {
    let mut outcome = Outcome {
        seed,
        variant,
        found: None,
        misplaced: Vec::new(),
        before: Vec::new(),
        beside: Vec::new(),
        missed_reports: None,
        explained: watch.serious().all(|finding| !finding.silent_if.is_empty()),
        frames: watch.frames,
        seconds,
    };
    let Some(assault) = campus.assaults().first() else { return outcome };
    for finding in watch.serious() {
        let late = finding.time.nanoseconds() - assault.start_ns;
        if late < 0 {
            outcome.before.push(claim(finding));
        } else if Some(finding.attack) != assault.attack {
            outcome.beside.push(claim(finding));
        } else if !names(finding, assault) {
            outcome.misplaced.push(claim(finding));
        } else if outcome.found.as_ref().is_none_or(|(_, before)| late < *before) {
            outcome.found = Some((finding.detector.to_string(), late));
            outcome.missed_reports =
                assault.period_ns.filter(|period| *period > 0).map(|period| late as f64 / period as f64);
        }
    }
    outcome
}

/// Whether a finding names who suffers, or who acts.
fn names(finding: &Finding, assault: &Assault) -> bool {
    let is = |party: &Option<DeviceReference>, addresses: &[IpAddr]| {
        party.as_ref().and_then(|party| party.ip).is_some_and(|ip| addresses.contains(&ip))
    };
    let by_mac = finding
        .source
        .as_ref()
        .and_then(|source| source.mac)
        .is_some_and(|mac| assault.source_macs.contains(&mac));
    // What suffers is a network, as when all its addresses are asked for: then the kind is all there is.
    is(&finding.device, &assault.victims)
        || is(&finding.source, &assault.sources)
        || by_mac
        || assault.sources.is_empty() && finding.device.is_none()
}

/// Watches the hospital of a seed for days in which much happens but no attack.
pub fn peaceful(seed: u64, days: f64, duty: f64, disturbances_per_day: f64) -> Peace {
    let options = CampusOptions { duty, disturbances_per_day, ..CampusOptions::default() };
    let mut campus = Campus::new(seed, options);
    let servers = campus.servers().into_iter().map(|(ip, role)| SiteServer { ip: ip.into(), role });
    let mut watch = Watch::new(Site { servers: servers.collect(), ..Site::default() });
    let end = campus.start_ns() + (days * 86_400.0 * SECOND as f64) as i64;
    while let Some(frame) = campus.next().filter(|frame| frame.time_ns < end) {
        watch.see(frame.time_ns, &frame.bytes);
    }
    watch.end(end);
    let mut disturbances = BTreeMap::new();
    for happened in campus.happened() {
        *disturbances.entry(happened.name).or_insert(0) += 1;
    }
    Peace {
        seed,
        device_months: campus.device_count() as f64 * days / 30.0,
        claims: watch.serious().map(|finding| explained(claim(finding), &campus)).collect(),
        disturbances,
        frames: watch.frames,
    }
}
