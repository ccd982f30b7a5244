//! What an intruder could reach: the crown jewels, the shortest ways to what keeps patients alive, networks in which no line can
//! be drawn, and how far one compromised device reaches.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ipnet::IpNet;
use serde::Serialize;
use wardline_model::{Action, Category, Criticality, Label, Policy, PortRange, Transport};

/// Groups from whose devices care depends on a group, from which on that group is a crown jewel.
const DEPENDANTS_MIN: usize = 3;
/// Network prefix within which devices are taken to reach each other without a router: as most sites cut their networks.
const PREFIX_V4: u8 = 24;
const PREFIX_V6: u8 = 64;

/// A group whose loss hurts most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jewel {
    /// Group.
    pub group: Label,
    /// Its members.
    pub members: u64,
    /// Why.
    pub reason: String,
}

/// A step of a way: what the policy lets one group begin with the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Group that is reached.
    pub to: Label,
    /// IP protocol number; none where the zone accepts everything.
    pub transport: Option<Transport>,
    /// Ports of the answering side.
    pub ports: Vec<PortRange>,
}

/// The shortest way from where intruders come in to what keeps patients alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Path {
    /// Group that it begins in.
    pub from: Label,
    /// Group that it ends in.
    pub to: Label,
    /// Steps; none where the policy cuts it. Without a policy one step is enough.
    pub steps: Option<Vec<Step>>,
}

/// A network in which devices of several zones live: what they say to each other passes no router, so that no router can
/// draw the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlatNetwork {
    /// Network.
    #[serde(rename = "network")]
    pub network: IpNet,
    /// Members by zone.
    pub zones: BTreeMap<Label, u64>,
    /// Life-sustaining members.
    pub life_sustaining: u64,
}

/// What an intruder could reach under a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exposed {
    /// Crown jewels, those that keep patients alive first.
    pub jewels: Vec<Jewel>,
    /// Shortest ways to life-sustaining groups, the shortest first, those that are cut last.
    pub paths: Vec<Path>,
    /// Networks in which no line can be drawn, the most mixed first.
    pub flat_networks: Vec<FlatNetwork>,
    /// Members that one compromised device of each group reaches in any number of steps: without a policy, and with it.
    pub blast_radius: BTreeMap<Label, [u64; 2]>,
}

/// Finds out, for a policy that [`Policy::check`] accepted.
pub fn exposed(policy: &Policy) -> Exposed {
    let map = Map::new(policy);
    Exposed {
        jewels: map.jewels(),
        paths: map.paths(),
        flat_networks: flat_networks(policy),
        blast_radius: map.blast_radius(),
    }
}

/// Where malware and people who mean harm usually begin: what reads mail, what is rarely patched, what nobody knows.
const fn is_way_in(category: Category) -> bool {
    matches!(
        category,
        Category::Workstation
            | Category::Printer
            | Category::Phone
            | Category::Camera
            | Category::BuildingAutomation
            | Category::Unknown
    )
}

struct Map<'a> {
    policy: &'a Policy,
    /// What each group may begin, by group, the first rule for each pair.
    next: Vec<BTreeMap<usize, Option<usize>>>,
    sizes: Vec<u64>,
    life_sustaining: Vec<u64>,
}

impl<'a> Map<'a> {
    fn new(policy: &'a Policy) -> Self {
        let places: BTreeMap<&Label, usize> =
            policy.groups.iter().enumerate().map(|(place, group)| (&group.name, place)).collect();
        let count = policy.groups.len();
        let mut map = Self {
            policy,
            next: vec![BTreeMap::new(); count],
            sizes: vec![0; count],
            life_sustaining: vec![0; count],
        };
        for (number, rule) in policy.rules.iter().enumerate() {
            if let (Some(from), Some(to)) = (places.get(&rule.from), places.get(&rule.to))
                && let Some(next) = map.next.get_mut(*from)
            {
                next.entry(*to).or_insert(Some(number));
            }
        }
        let open: BTreeSet<&Label> =
            policy.zones.iter().filter(|zone| zone.within == Action::Accept).map(|zone| &zone.name).collect();
        let mut together: BTreeMap<&Label, Vec<usize>> = BTreeMap::new();
        for (place, group) in policy.groups.iter().enumerate().filter(|(_, group)| open.contains(&group.zone))
        {
            together.entry(&group.zone).or_default().push(place);
        }
        for places in together.values() {
            for from in places {
                if let Some(next) = map.next.get_mut(*from) {
                    next.extend(places.iter().map(|to| (*to, None)));
                }
            }
        }
        for member in &policy.members {
            let Some(place) = places.get(&member.group) else { continue };
            if let Some(size) = map.sizes.get_mut(*place) {
                *size += 1;
            }
            if member.criticality == Some(Criticality::LifeSustaining)
                && let Some(size) = map.life_sustaining.get_mut(*place)
            {
                *size += 1;
            }
        }
        map
    }

    fn name(&self, place: usize) -> Label {
        self.policy.groups.get(place).map(|group| group.name.clone()).unwrap_or_default()
    }

    fn size(&self, place: usize) -> u64 {
        self.sizes.get(place).copied().unwrap_or_default()
    }

    fn keeps_alive(&self, place: usize) -> bool {
        self.life_sustaining.get(place).is_some_and(|size| *size > 0)
    }

    fn jewels(&self) -> Vec<Jewel> {
        let mut dependants: BTreeMap<&Label, BTreeSet<&Label>> = BTreeMap::new();
        for rule in self.policy.rules.iter().filter(|rule| rule.care_essential && rule.from != rule.to) {
            dependants.entry(&rule.to).or_default().insert(&rule.from);
        }
        let mut jewels: Vec<(bool, usize, Jewel)> = Vec::new();
        for (place, group) in self.policy.groups.iter().enumerate() {
            let leaning = dependants.get(&group.name).map_or(0, BTreeSet::len);
            let alive = self.life_sustaining.get(place).copied().unwrap_or_default();
            let reason = if alive > 0 {
                format!("{alive} of its devices keep patients alive")
            } else if leaning >= DEPENDANTS_MIN {
                format!("care of {leaning} other groups depends on it")
            } else {
                continue;
            };
            jewels.push((
                alive == 0,
                leaning,
                Jewel { group: group.name.clone(), members: self.size(place), reason },
            ));
        }
        jewels.sort_by_key(|(not_alive, leaning, _)| (*not_alive, std::cmp::Reverse(*leaning)));
        jewels.into_iter().map(|(.., jewel)| jewel).collect()
    }

    /// For each group that keeps patients alive, the shortest way from each kind of way in.
    fn paths(&self) -> Vec<Path> {
        let groups = self.policy.groups.iter().enumerate();
        let ways_in: Vec<usize> = groups
            .filter(|(place, group)| {
                is_way_in(group.category) && self.size(*place) > 0 && !self.keeps_alive(*place)
            })
            .map(|(place, _)| place)
            .collect();
        let mut paths = Vec::new();
        for from in ways_in {
            let before = self.search(from);
            for to in (0..self.policy.groups.len()).filter(|place| self.keeps_alive(*place)) {
                let steps = before.get(&to).map(|_| self.steps(&before, from, to));
                paths.push(Path { from: self.name(from), to: self.name(to), steps });
            }
        }
        paths.sort_by_key(|path| path.steps.as_ref().map_or(usize::MAX, Vec::len));
        paths
    }

    /// Groups that are reached, each with the one before it.
    fn search(&self, from: usize) -> BTreeMap<usize, usize> {
        let mut before = BTreeMap::new();
        let mut waiting = VecDeque::from([from]);
        while let Some(place) = waiting.pop_front() {
            for next in self.next.get(place).into_iter().flat_map(BTreeMap::keys) {
                if !before.contains_key(next) {
                    before.insert(*next, place);
                    waiting.push_back(*next);
                }
            }
        }
        before
    }

    fn steps(&self, before: &BTreeMap<usize, usize>, from: usize, to: usize) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut place = to;
        while place != from || steps.is_empty() {
            let Some(earlier) = before.get(&place) else { break };
            let rule = self.next.get(*earlier).and_then(|next| next.get(&place)).copied().flatten();
            let rule = rule.and_then(|number| self.policy.rules.get(number));
            steps.push(Step {
                to: self.name(place),
                transport: rule.map(|rule| rule.transport),
                ports: rule.map(|rule| rule.ports.clone()).unwrap_or_default(),
            });
            place = *earlier;
        }
        steps.reverse();
        steps
    }

    fn blast_radius(&self) -> BTreeMap<Label, [u64; 2]> {
        let all: u64 = self.sizes.iter().sum();
        let groups = (0..self.policy.groups.len()).filter(|place| self.size(*place) > 0);
        groups
            .map(|place| {
                let reached = self.search(place);
                let sum: u64 = reached.keys().map(|other| self.size(*other)).sum();
                // The one that is compromised is not reached by itself.
                let itself = u64::from(reached.contains_key(&place));
                (self.name(place), [all.saturating_sub(1), sum.saturating_sub(itself)])
            })
            .collect()
    }
}

fn flat_networks(policy: &Policy) -> Vec<FlatNetwork> {
    let zone_of: BTreeMap<&Label, &Label> =
        policy.groups.iter().map(|group| (&group.name, &group.zone)).collect();
    let mut networks: BTreeMap<IpNet, FlatNetwork> = BTreeMap::new();
    for member in policy.members.iter().filter(|member| member.device.is_some()) {
        let Some(zone) = zone_of.get(&member.group) else { continue };
        let address = member.address.addr();
        let prefix = if address.is_ipv4() { PREFIX_V4 } else { PREFIX_V6 };
        let Ok(network) = IpNet::new(address, prefix).map(|network| network.trunc()) else { continue };
        let flat = networks.entry(network).or_insert_with(|| FlatNetwork {
            network,
            zones: BTreeMap::new(),
            life_sustaining: 0,
        });
        *flat.zones.entry((*zone).clone()).or_default() += 1;
        flat.life_sustaining += u64::from(member.criticality == Some(Criticality::LifeSustaining));
    }
    // What carries the traffic of all others is everywhere.
    let borders = |flat: &FlatNetwork| flat.zones.keys().filter(|zone| zone.as_str() != "network").count();
    let mut flat: Vec<FlatNetwork> = networks.into_values().filter(|flat| borders(flat) > 1).collect();
    flat.sort_by_key(|flat| std::cmp::Reverse((flat.life_sustaining > 0, borders(flat))));
    flat
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardline_model::{Group, Member, Rule, RuleEvidence, Standing, Zone};

    fn policy() -> Policy {
        let zone = |name: &str, within| Zone { name: name.into(), within, reason: String::new() };
        let group =
            |name: &str, zone: &str, category| Group { name: name.into(), zone: zone.into(), category };
        let member = |address: &str, group: &str, criticality| Member {
            address: address.parse().unwrap(),
            group: group.into(),
            device: Some(address.into()),
            name: None,
            criticality,
            ward: None,
            reason: String::new(),
        };
        let rule = |from: &str, to: &str, port| Rule {
            from: from.into(),
            to: to.into(),
            transport: Transport::TCP,
            ports: vec![PortRange::one(port)],
            application: None,
            standing: Standing::Common,
            care_essential: true,
            evidence: RuleEvidence::default(),
        };
        Policy {
            zones: vec![
                zone("desks", Action::Deny),
                zone("systems", Action::Accept),
                zone("alive", Action::Deny),
            ],
            groups: vec![
                group("desks/desk", "desks", Category::Workstation),
                group("systems/records", "systems", Category::Ehr),
                group("systems/engine", "systems", Category::IntegrationEngine),
                group("alive/ventilator", "alive", Category::Ventilator),
            ],
            members: vec![
                member("10.0.0.1/32", "desks/desk", None),
                member("10.0.0.2/32", "desks/desk", None),
                member("10.0.1.1/32", "systems/records", None),
                member("10.0.1.2/32", "systems/engine", None),
                member("10.0.0.9/32", "alive/ventilator", Some(Criticality::LifeSustaining)),
            ],
            rules: vec![
                rule("desks/desk", "systems/records", 443),
                rule("systems/engine", "alive/ventilator", 9_000),
            ],
            ..Policy::empty("p".into())
        }
    }

    #[test]
    fn the_shortest_way_to_what_keeps_alive_is_shown_step_by_step() {
        let exposed = exposed(&policy());
        let [path] = &exposed.paths[..] else { panic!("{exposed:?}") };
        let steps = path.steps.as_ref().unwrap();
        let to: Vec<_> = steps.iter().map(|step| step.to.as_str()).collect();
        assert_eq!(to, ["systems/records", "systems/engine", "alive/ventilator"]);
        assert_eq!((steps[0].transport, steps[1].transport), (Some(Transport::TCP), None));
        assert_eq!(exposed.jewels[0].group.as_str(), "alive/ventilator");
        // A desk reaches both systems and the ventilator, not the other desk.
        assert_eq!(exposed.blast_radius[&Label::new("desks/desk")], [4, 3]);
        assert_eq!(exposed.blast_radius[&Label::new("alive/ventilator")], [4, 0]);
    }

    #[test]
    fn a_policy_without_the_last_step_cuts_the_way() {
        let mut policy = policy();
        policy.rules.pop();
        assert_eq!(exposed(&policy).paths[0].steps, None);
    }

    #[test]
    fn devices_of_two_zones_in_one_network_are_flat() {
        let exposed = exposed(&policy());
        let [flat] = &exposed.flat_networks[..] else { panic!("{exposed:?}") };
        assert_eq!((flat.network.to_string().as_str(), flat.life_sustaining), ("10.0.0.0/24", 1));
        assert_eq!(flat.zones[&Label::new("desks")], 2);
    }
}
