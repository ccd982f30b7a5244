//! The ten attacks, each in variants from crude to stealthy. Victim, attacker and time are drawn from the seed.

mod corruption;
mod denial;
mod eavesdropping;
mod extra_messages;
mod false_node;
mod gathering;
mod malfunction;
mod outage;
mod physical;
mod routing;

use wardline_model::{Attack, MacAddress};

use super::layout::{Role, SERVERS, Vantage};
use super::{Assault, Campus, Interception, SECOND};
use crate::frames::{End, arp};

/// A way to make an attack.
#[derive(Debug)]
pub struct Variant {
    /// Kind, as in findings; none for a control, in which nothing can be found.
    pub attack: Option<Attack>,
    /// Name.
    pub name: &'static str,
    /// Made to be hard to see: shown, not promised.
    pub stealthy: bool,
    /// A rhythm must be known before: the capture has to begin long before it.
    pub needs_history: bool,
    /// Results must name a bed: where they never do, the attack would change nothing on the wire.
    pub needs_beds: bool,
    /// It is said to somebody outside: where the mirror port does not show that line, nobody could see it.
    pub crosses_border: bool,
    begin: fn(&mut Campus, i64, i64) -> Made,
}

/// Who suffers and who acts, as places of units.
#[derive(Debug, Default)]
struct Made {
    victims: Vec<usize>,
    sources: Vec<usize>,
    period_ns: Option<i64>,
}

const fn crude(attack: Attack, name: &'static str, begin: fn(&mut Campus, i64, i64) -> Made) -> Variant {
    Variant {
        attack: Some(attack),
        name,
        stealthy: false,
        needs_history: false,
        needs_beds: false,
        crosses_border: false,
        begin,
    }
}

const fn stealthy(attack: Attack, name: &'static str, begin: fn(&mut Campus, i64, i64) -> Made) -> Variant {
    Variant { stealthy: true, ..crude(attack, name, begin) }
}

/// After a time in which the hospital was seen as it is.
const fn later(variant: Variant) -> Variant {
    Variant { needs_history: true, ..variant }
}

/// Between a ward and the world outside.
const fn across_the_border(variant: Variant) -> Variant {
    Variant { crosses_border: true, ..variant }
}

/// Where results name beds.
const fn with_beds(variant: Variant) -> Variant {
    Variant { needs_beds: true, ..variant }
}

const fn control(name: &'static str) -> Variant {
    Variant { attack: None, ..stealthy(Attack::PassiveGathering, name, nothing) }
}

/// What sends nothing: a tap that listens, a microphone that records. Nobody can claim to have seen it.
pub const CONTROLS: &[Variant] = &[control("pure-tap"), control("local-recording")];

fn nothing(_: &mut Campus, _: i64, _: i64) -> Made {
    Made::default()
}

/// Every variant of every attack.
pub fn variants() -> impl Iterator<Item = &'static Variant> {
    [
        outage::VARIANTS,
        physical::VARIANTS,
        corruption::VARIANTS,
        false_node::VARIANTS,
        gathering::VARIANTS,
        routing::VARIANTS,
        eavesdropping::VARIANTS,
        extra_messages::VARIANTS,
        denial::VARIANTS,
        malfunction::VARIANTS,
    ]
    .into_iter()
    .flatten()
}

impl Campus {
    pub(super) fn plan(&mut self) {
        for planned in self.options.attacks.clone() {
            let begin = self.options.start_ns + i64::from(planned.start_s) * SECOND;
            let end = begin + i64::from(planned.length_s) * SECOND;
            self.at(begin, move |campus, now| {
                let made = (planned.variant.begin)(campus, now, end);
                let addresses = |places: &[usize]| -> Vec<std::net::IpAddr> {
                    places.iter().map(|place| campus.unit(*place).end.ip.into()).collect()
                };
                campus.assaults.push(Assault {
                    attack: planned.variant.attack,
                    variant: planned.variant.name,
                    stealthy: planned.variant.stealthy,
                    start_ns: now,
                    victims: addresses(&made.victims),
                    sources: addresses(&made.sources),
                    source_macs: made.sources.iter().map(|place| campus.unit(*place).end.mac).collect(),
                    period_ns: made.period_ns,
                });
            });
        }
    }

    /// Whoever has one of these roles and reports.
    pub(super) fn reporters(&self, wanted: impl Fn(Role) -> bool) -> Vec<usize> {
        let mut places = self.with_role(wanted);
        places.retain(|place| self.unit(*place).bed.is_some());
        places
    }

    fn one_with(&mut self, wanted: impl Fn(Role) -> bool) -> usize {
        let places = self.with_role(wanted);
        self.pick(&places)
    }

    /// A network whose inner life the mirror port shows, and that has medical devices where there is one.
    fn visible_subnet(&mut self) -> usize {
        if self.layout.vantage == Vantage::Servers {
            return SERVERS;
        }
        let devices = self.reporters(|role| matches!(role, Role::Monitor | Role::Pump));
        let device = self.pick(&devices);
        self.unit(device).subnet
    }

    /// Somebody of a network.
    fn neighbour(&mut self, subnet: usize, wanted: impl Fn(Role) -> bool) -> usize {
        let mut places = self.with_role(wanted);
        places.retain(|place| self.unit(*place).subnet == subnet);
        self.pick(&places)
    }

    /// An intruder puts himself between a victim and a peer of its network by ARP, every so often.
    fn intercept(
        &mut self,
        (now, until): (i64, i64),
        victim: End,
        peer: End,
        (by, every_ns): (usize, i64),
        alter: fn(&[u8]) -> Option<Vec<u8>>,
    ) {
        let (mac, subnet) = (self.unit(by).end.mac, self.unit(by).subnet);
        self.interception = Some(Interception { victim: victim.mac, peer: peer.mac, by: mac, until, alter });
        // He first asks where both are.
        let own = self.unit(by).end.ip;
        for (step, end) in [victim, peer].into_iter().enumerate() {
            let at = now + step as i64 * SECOND / 100;
            self.show(at, arp(1, (mac, own), (MacAddress::default(), end.ip), MacAddress::BROADCAST), subnet);
            self.show(at + SECOND / 1_000, arp(2, (end.mac, end.ip), (mac, own), mac), subnet);
        }
        self.every(now + SECOND / 20, every_ns, until, move |campus, now| {
            let claims = [(peer.ip, victim), (victim.ip, peer)];
            for (step, (claimed, told)) in claims.into_iter().enumerate() {
                let frame = arp(2, (mac, claimed), (told.mac, told.ip), told.mac);
                campus.show(now + step as i64 * SECOND / 2_000, frame, subnet);
            }
        });
    }
}
