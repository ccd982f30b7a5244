//! Observations in order, and scenes: what is usual, and the attack in it.

use std::net::{IpAddr, Ipv4Addr};

use wardline_assess::{Assessor, Settings};
use wardline_model::{
    Category, Fact, Finding, Indicator, KnownDevice, Label, MacAddress, Observation, Pseudonym, PseudonymKey,
    Sighting, Site, Station, Subject, Timestamp, Transport,
};

pub(crate) const START_SECONDS: i64 = 1_772_434_800;
const DAY_MS: i64 = 86_400_000;

/// Everything that was seen, in order.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) observations: Vec<Observation>,
    pub(crate) milliseconds: i64,
    pub(crate) transport: Option<Transport>,
}

impl Wire {
    pub(crate) fn wait(&mut self, milliseconds: i64) {
        self.milliseconds += milliseconds;
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_seconds(START_SECONDS).plus_milliseconds(self.milliseconds)
    }

    pub(crate) fn tell(&mut self, from: u8, to: u8, fact: Fact) {
        self.between(station(from), station(to), fact);
    }

    pub(crate) fn between(&mut self, from: Station, to: Station, fact: Fact) {
        let packet = self.observations.len() as u64 + 1;
        let sighting = Sighting { time: self.now(), packet, ..Sighting::default() };
        let transport = self.transport;
        self.observations.push(Observation { sighting, from, to, transport, vlan: None, fact });
    }
}

/// What was seen, and what it could have been instead.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) site: Site,
    pub(crate) indicators: Vec<Indicator>,
    /// What is usual, and what is the attack.
    pub(crate) before: Vec<Observation>,
    pub(crate) attack: Vec<Observation>,
    /// In place of both, or of the attack alone: the same, but for what the words of the counterfactual name.
    pub(crate) otherwise: Option<(Option<Vec<Observation>>, Vec<Observation>)>,
}

/// A scene of TCP among devices of known kinds.
pub(crate) fn scene(
    devices: &[(u8, Category)],
    before: impl Fn(&mut Wire),
    attack: impl Fn(&mut Wire),
) -> Scene {
    scene_over(Some(Transport::TCP), devices, before, attack)
}

/// A scene over another transport.
pub(crate) fn scene_over(
    transport: Option<Transport>,
    devices: &[(u8, Category)],
    before: impl Fn(&mut Wire),
    attack: impl Fn(&mut Wire),
) -> Scene {
    let known = devices.iter().map(|(last, category)| KnownDevice {
        ip: Some(ip(*last)),
        category: Some(*category),
        ..KnownDevice::default()
    });
    let mut wire = Wire { observations: Vec::new(), milliseconds: 0, transport };
    before(&mut wire);
    let usual = wire.observations.len();
    attack(&mut wire);
    let attack = wire.observations.split_off(usual);
    Scene {
        site: Site { devices: known.collect(), ..Site::default() },
        indicators: Vec::new(),
        before: wire.observations,
        attack,
        otherwise: None,
    }
}

impl Scene {
    /// What could have been seen in place of the attack.
    pub(crate) fn or(mut self, otherwise: impl Fn(&mut Wire)) -> Self {
        let begin = self.attack.first().or(self.before.last()).map(|seen| seen.sighting.time);
        let start = Timestamp::from_seconds(START_SECONDS);
        let milliseconds = begin.map_or(0, |begin| begin.nanoseconds_since(start) / 1_000_000);
        let transport = self.attack.first().and_then(|seen| seen.transport);
        let mut wire = Wire { observations: Vec::new(), milliseconds, transport };
        otherwise(&mut wire);
        self.otherwise = Some((None, wire.observations));
        self
    }

    /// What could have been seen from the start.
    pub(crate) fn or_all(mut self, otherwise: impl Fn(&mut Wire)) -> Self {
        let transport = self.attack.first().and_then(|seen| seen.transport);
        let mut wire = Wire { observations: Vec::new(), milliseconds: 0, transport };
        otherwise(&mut wire);
        self.otherwise = Some((Some(Vec::new()), wire.observations));
        self
    }

    /// What is found, of which rule.
    pub(crate) fn findings(&self, rule: &str) -> Vec<Finding> {
        self.run(&[], &self.attack, rule)
    }

    /// The same, with what a baseline showed.
    pub(crate) fn run(&self, baseline: &[Observation], attack: &[Observation], rule: &str) -> Vec<Finding> {
        let settings =
            Settings { site: self.site.clone(), indicators: self.indicators.clone(), ..Settings::default() };
        let mut assessor = Assessor::new(settings);
        for observation in baseline {
            let mut yesterday = observation.clone();
            yesterday.sighting.time = yesterday.sighting.time.plus_milliseconds(-DAY_MS);
            assessor.learn(&yesterday);
        }
        self.before.iter().chain(attack).for_each(|observation| assessor.observe(observation));
        let last = self.before.iter().chain(attack).last();
        assessor.finish(last.map_or_else(Timestamp::default, |last| last.sighting.time));
        assessor.findings().filter(|finding| finding.detector.as_str() == rule).cloned().collect()
    }
}

pub(crate) fn ip(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 20, 3, last))
}

pub(crate) fn mac(last: u8) -> MacAddress {
    MacAddress([0x00, 0x09, 0xfb, 0, 0, last])
}

pub(crate) fn station(last: u8) -> Station {
    Station { mac: Some(mac(last)), ip: Some(ip(last)), port: 1000, radio: None }
}

/// Somebody on the internet, seen through the router.
pub(crate) fn outside() -> Station {
    Station {
        mac: Some(mac(1)),
        ip: Some(IpAddr::V4(Ipv4Addr::new(93, 184, 216, 34))),
        port: 443,
        radio: None,
    }
}

pub(crate) fn pseudonym(text: &str) -> Pseudonym {
    PseudonymKey::new([3; 32]).pseudonym(Subject::Content, text.as_bytes())
}

pub(crate) fn label(text: &str) -> Label {
    Label::new(text)
}
