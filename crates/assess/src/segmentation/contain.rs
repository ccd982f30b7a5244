//! Containment: the smallest cut around one device that stops what it spreads, and what care loses by it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Serialize;
use wardline_model::{Action, Criticality, Judge, Label, Party, Policy, PortRange, Rule, Transport};

/// Cuts, the smallest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// None beyond the policy.
    Watch,
    /// All but what care depends on.
    CareOnly,
    /// Everything but protected conversations.
    Isolate,
}

impl Cut {
    /// Its name on the ladder of quarantine.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::CareOnly => "care-only",
            Self::Isolate => "isolate",
        }
    }
}

/// A conduit that a cut closes for the device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Loss {
    /// Whether the device begins.
    pub begins: bool,
    /// Group at the other end.
    pub with: Label,
    /// IP protocol number.
    pub transport: Transport,
    /// Ports of the answering side.
    pub ports: Vec<PortRange>,
    /// Care depends on it.
    pub care_essential: bool,
    /// Both ends are medical devices.
    pub clinical: bool,
}

/// What one cut leaves and costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// The cut.
    pub cut: Cut,
    /// Other members that the device can still begin a conversation with.
    pub reach: u64,
    /// Life-sustaining members among them.
    pub reach_life_sustaining: u64,
    /// Zones that they are in.
    pub zones: BTreeSet<Label>,
    /// Whether the one who suffers is among them.
    pub reaches_victim: bool,
    /// What it closes.
    pub losses: BTreeSet<Loss>,
}

/// A proposal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Containment {
    /// Group of the device, where the policy knows it.
    pub group: Option<Label>,
    /// Whether the policy says that a life hangs on the device: it is never isolated.
    pub life_sustaining: bool,
    /// The cut proposed.
    pub proposed: Cut,
    /// Why that one.
    pub reason: &'static str,
    /// Every cut.
    pub effects: Vec<Effect>,
}

/// Proposes for the device with `address`, of which `victim` suffers. The policy is one that [`Policy::check`] accepted.
pub fn contain(policy: &Policy, address: IpAddr, victim: Option<IpAddr>) -> Containment {
    let judge = Judge::new(policy);
    let place = |ip| judge.group(Party { ip: Some(ip), device: None });
    let own = place(address);
    let scene = Scene { policy, address, own, victim: victim.and_then(place), sizes: sizes(policy, &judge) };
    let effects = [Cut::Watch, Cut::CareOnly, Cut::Isolate].map(|cut| scene.effect(cut)).to_vec();
    let life_sustaining = policy.members.iter().any(|member| {
        member.criticality == Some(Criticality::LifeSustaining) && member.address.contains(&address)
    });
    let (proposed, reason) = choose(&effects, life_sustaining, own.is_some());
    let group = own.and_then(|own| policy.groups.get(own)).map(|group| group.name.clone());
    Containment { group, life_sustaining, proposed, reason, effects }
}

fn choose(effects: &[Effect], life_sustaining: bool, known: bool) -> (Cut, &'static str) {
    let reach = |cut| effects.iter().find(|effect| effect.cut == cut);
    if !known {
        return (
            Cut::Isolate,
            "the policy does not know the device, and names nothing that care depends on there",
        );
    }
    if reach(Cut::Watch).is_some_and(|effect| effect.reach == 0) {
        return (Cut::Watch, "under the policy the device reaches nobody; apply the policy");
    }
    let care_only = reach(Cut::CareOnly);
    if life_sustaining {
        return (Cut::CareOnly, "a life hangs on the device; it is never isolated");
    }
    if care_only.is_some_and(|effect| effect.reaches_victim || effect.reach_life_sustaining > 0) {
        return (
            Cut::Isolate,
            "what care depends on leads to the one who suffers, or to what keeps a patient alive",
        );
    }
    (Cut::CareOnly, "only conduits that care depends on stay, and none leads to the one who suffers")
}

/// Members of each group, and how many of them a life hangs on.
fn sizes(policy: &Policy, judge: &Judge) -> BTreeMap<usize, [u64; 2]> {
    let mut sizes: BTreeMap<usize, [u64; 2]> = BTreeMap::new();
    for member in &policy.members {
        let Some(group) = judge.group(Party { ip: Some(member.address.addr()), device: None }) else {
            continue;
        };
        let counts = sizes.entry(group).or_default();
        counts[0] += 1;
        counts[1] += u64::from(member.criticality == Some(Criticality::LifeSustaining));
    }
    sizes
}

struct Scene<'a> {
    policy: &'a Policy,
    address: IpAddr,
    own: Option<usize>,
    victim: Option<usize>,
    sizes: BTreeMap<usize, [u64; 2]>,
}

impl Scene<'_> {
    fn effect(&self, cut: Cut) -> Effect {
        let mut effect = Effect {
            cut,
            reach: 0,
            reach_life_sustaining: 0,
            zones: BTreeSet::new(),
            reaches_victim: false,
            losses: BTreeSet::new(),
        };
        let Some(own) = self.own else { return effect };
        let mut reached: BTreeSet<usize> = BTreeSet::new();
        for rule in &self.policy.rules {
            let stays = cut == Cut::Watch || (cut == Cut::CareOnly && rule.care_essential);
            for (begins, here, there) in [(true, &rule.from, &rule.to), (false, &rule.to, &rule.from)] {
                let (Some(here), Some(there)) = (self.place(here), self.place(there)) else { continue };
                if here != own {
                    continue;
                }
                if !stays {
                    effect.losses.insert(self.loss(rule, begins, own, there));
                } else if begins {
                    reached.insert(there);
                }
            }
        }
        if cut == Cut::Watch {
            reached.extend(self.within(own));
        }
        let own_member = self.policy.members.iter().find(|member| member.address.addr() == self.address);
        for group in reached {
            let [size, life_sustaining] = self.sizes.get(&group).copied().unwrap_or_default();
            // The device does not attack itself.
            let itself = u64::from(group == own && own_member.is_some());
            let own_life = own_member.is_some_and(|one| one.criticality == Some(Criticality::LifeSustaining));
            effect.reach += size.saturating_sub(itself);
            effect.reach_life_sustaining += life_sustaining.saturating_sub(itself.min(u64::from(own_life)));
            effect.reaches_victim |= self.victim == Some(group);
            effect.zones.extend(self.policy.groups.get(group).map(|group| group.zone.clone()));
        }
        effect
    }

    fn place(&self, name: &Label) -> Option<usize> {
        self.policy.groups.iter().position(|group| group.name == *name)
    }

    fn loss(&self, rule: &Rule, begins: bool, own: usize, there: usize) -> Loss {
        let groups = [own, there].map(|place| self.policy.groups.get(place));
        Loss {
            begins,
            with: if begins { rule.to.clone() } else { rule.from.clone() },
            transport: rule.transport,
            ports: rule.ports.clone(),
            care_essential: rule.care_essential,
            clinical: groups.iter().flatten().filter(|group| group.category.is_medical()).count() == 2,
        }
    }

    /// Groups that the zone itself lets the device reach.
    fn within(&self, own: usize) -> Vec<usize> {
        let Some(zone) = self.policy.groups.get(own).map(|group| &group.zone) else { return Vec::new() };
        let open = self.policy.zones.iter().any(|one| one.name == *zone && one.within == Action::Accept);
        let groups = self.policy.groups.iter().enumerate();
        groups.filter(|(_, group)| open && group.zone == *zone).map(|(place, _)| place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardline_model::{Category, Group, Member, RuleEvidence, Standing, Zone};

    fn policy() -> Policy {
        let zone = |name: &str, within| Zone { name: name.into(), within, reason: String::new() };
        let group =
            |name: &str, zone: &str, category| Group { name: name.into(), zone: zone.into(), category };
        let member = |address: &str, group: &str, criticality| Member {
            address: address.parse().unwrap(),
            group: group.into(),
            device: None,
            name: None,
            criticality: Some(criticality),
            ward: None,
            reason: String::new(),
        };
        let rule = |to: &str, port, care_essential| Rule {
            from: "pumps".into(),
            to: to.into(),
            transport: Transport::TCP,
            ports: vec![PortRange::one(port)],
            application: None,
            standing: Standing::Common,
            care_essential,
            evidence: RuleEvidence::default(),
        };
        Policy {
            zones: vec![zone("ward", Action::Accept), zone("servers", Action::Deny)],
            groups: vec![
                group("pumps", "ward", Category::InfusionPump),
                group("ventilators", "ward", Category::Ventilator),
                group("records", "servers", Category::Unknown),
                group("shares", "servers", Category::Unknown),
            ],
            members: vec![
                member("10.0.0.1/32", "pumps", Criticality::Therapy),
                member("10.0.0.2/32", "pumps", Criticality::Therapy),
                member("10.0.0.9/32", "ventilators", Criticality::LifeSustaining),
                member("10.0.1.1/32", "records", Criticality::Support),
                member("10.0.1.2/32", "shares", Criticality::It),
            ],
            rules: vec![rule("records", 2575, true), rule("shares", 445, false)],
            ..Policy::empty("p".into())
        }
    }

    fn ip(last: [u8; 2]) -> IpAddr {
        IpAddr::from([10, 0, last[0], last[1]])
    }

    #[test]
    fn the_smallest_cut_keeps_what_care_depends_on() {
        let found = contain(&policy(), ip([0, 1]), Some(ip([1, 2])));
        assert_eq!((found.proposed, found.life_sustaining), (Cut::CareOnly, false));
        let [watch, care_only, isolate] = &found.effects[..] else { panic!("{found:?}") };
        // One other pump, the ventilator and both servers.
        assert_eq!((watch.reach, watch.reach_life_sustaining, watch.reaches_victim), (4, 1, true));
        assert_eq!(
            (care_only.reach, care_only.reach_life_sustaining, care_only.reaches_victim),
            (1, 0, false)
        );
        assert_eq!(care_only.losses.len(), 1);
        assert_eq!((isolate.reach, isolate.losses.len()), (0, 2));
    }

    #[test]
    fn where_care_leads_to_the_victim_only_isolation_stops_it_but_never_for_what_keeps_alive() {
        assert_eq!(contain(&policy(), ip([0, 1]), Some(ip([1, 1]))).proposed, Cut::Isolate);
        let ventilator = contain(&policy(), ip([0, 9]), Some(ip([0, 1])));
        assert!(ventilator.life_sustaining);
        assert_eq!(ventilator.proposed, Cut::CareOnly);
        assert_eq!(contain(&policy(), ip([1, 2]), None).proposed, Cut::Watch);
        assert_eq!(contain(&policy(), ip([7, 7]), None).group, None);
    }
}
