//! `/segmentation`: zones and rules as the stored conversations suggest them, and what they would have blocked.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wardline_assess::segmentation::{
    Conversation, Exposed, Proposal, Simulation, Whereabouts, exposed, simulate,
};
use wardline_model::{Action, Category, Criticality, Device, Label, Policy, Rule, Timestamp};
use wardline_store::{DeviceQuery, EdgeQuery, Store, StoreError};

use super::parameters::{Parameters, time};
use super::read;
use crate::Shared;
use crate::problem::Problem;

/// Stored sums that a proposal is made of, at most; of more, the newest.
const EDGES_MAX: u64 = 1_000_000;
/// Stored sums that are read at once.
const EDGES_AT_ONCE: u64 = 50_000;
/// What the proposal is called.
const NAME: &str = "proposed";

/// From when to when to learn, and to try.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    /// Learn from what is before, and try what is after; without it, both from and with everything.
    #[serde(deserialize_with = "time")]
    split: Option<Timestamp>,
}

/// A proposal, kept as long as nothing else is stored.
pub(crate) struct Proposed {
    key: (Option<Timestamp>, u64, u64),
    pub(super) policy: Policy,
    /// SHA-256 of the policy, hexadecimal: names what somebody looked at.
    pub(super) digest: String,
    /// Answered conversations between clinical devices, of all that are stored, that it would have blocked.
    pub(super) clinical_blocked: u64,
    simulation: Simulation,
    exposed: Exposed,
    learned: u64,
    truncated: bool,
}

#[derive(Serialize)]
struct ZoneTold {
    name: Label,
    within: Action,
    reason: String,
    members: u64,
    life_sustaining: u64,
    groups: BTreeMap<Label, GroupTold>,
}

#[derive(Serialize)]
struct GroupTold {
    category: Category,
    members: u64,
}

#[derive(Serialize)]
pub(super) struct Told {
    digest: String,
    zones: Vec<ZoneTold>,
    rules: Vec<Rule>,
    members: u64,
    protected: u64,
    /// Conversations that were learned from.
    conversations: u64,
    /// Whether the oldest were left out.
    truncated: bool,
    clinical_blocked: u64,
    #[serde(flatten)]
    exposed: Exposed,
}

pub(super) async fn zones(
    State(shared): State<Shared>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Told>, Problem> {
    let proposed = proposal(&shared, asked.split).await?;
    let policy = &proposed.policy;
    let mut zones: Vec<ZoneTold> = policy
        .zones
        .iter()
        .map(|zone| ZoneTold {
            name: zone.name.clone(),
            within: zone.within,
            reason: zone.reason.clone(),
            members: 0,
            life_sustaining: 0,
            groups: BTreeMap::new(),
        })
        .collect();
    let places: BTreeMap<Label, usize> =
        zones.iter().enumerate().map(|(place, zone)| (zone.name.clone(), place)).collect();
    let zone_of: BTreeMap<&Label, usize> =
        policy.groups.iter().filter_map(|group| Some((&group.name, *places.get(&group.zone)?))).collect();
    for group in &policy.groups {
        if let Some(zone) = zone_of.get(&group.name).and_then(|place| zones.get_mut(*place)) {
            zone.groups.insert(group.name.clone(), GroupTold { category: group.category, members: 0 });
        }
    }
    for member in &policy.members {
        let Some(zone) = zone_of.get(&member.group).and_then(|place| zones.get_mut(*place)) else { continue };
        zone.members += 1;
        zone.life_sustaining += u64::from(member.criticality == Some(Criticality::LifeSustaining));
        if let Some(group) = zone.groups.get_mut(&member.group) {
            group.members += 1;
        }
    }
    Ok(Json(Told {
        digest: proposed.digest.clone(),
        zones,
        rules: policy.rules.clone(),
        members: policy.members.len() as u64,
        protected: policy.protected.len() as u64,
        conversations: proposed.learned,
        truncated: proposed.truncated,
        clinical_blocked: proposed.clinical_blocked,
        exposed: proposed.exposed.clone(),
    }))
}

/// The whole policy, as the command line reads it.
pub(super) async fn policy(
    State(shared): State<Shared>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Policy>, Problem> {
    Ok(Json(proposal(&shared, asked.split).await?.policy.clone()))
}

pub(super) async fn simulation(
    State(shared): State<Shared>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Simulation>, Problem> {
    Ok(Json(proposal(&shared, asked.split).await?.simulation.clone()))
}

/// The proposal that the stored conversations suggest.
pub(super) async fn proposal(shared: &Shared, split: Option<Timestamp>) -> Result<Arc<Proposed>, Problem> {
    let kept = Arc::clone(&shared.proposed);
    // One after the other: whoever waits finds it made.
    let mut kept = kept.lock_owned().await;
    let known = kept.clone();
    let proposed = read(shared, move |store| {
        let key = (
            split,
            store.edges(&EdgeQuery { limit: 1, ..EdgeQuery::default() })?.total,
            store.devices(&DeviceQuery { limit: 1, ..DeviceQuery::default() })?.total,
        );
        match known.filter(|known| known.key == key) {
            Some(known) => Ok(known),
            None => propose(store, key).map(Arc::new),
        }
    })
    .await?;
    *kept = Some(Arc::clone(&proposed));
    Ok(proposed)
}

fn propose(store: &dyn Store, key: (Option<Timestamp>, u64, u64)) -> Result<Proposed, StoreError> {
    let (split, total, _) = key;
    let devices: Vec<Device> = store.devices(&DeviceQuery::default())?.items;
    let places = Whereabouts::new(&devices);
    let mut proposal = Proposal::new(Label::new(NAME), &devices);
    let mut conversations: Vec<Conversation> = Vec::new();
    let mut learned = 0;
    // Edges come in the order of time, and the newest matter most.
    let mut offset = total.saturating_sub(EDGES_MAX);
    while offset < total {
        let query = EdgeQuery { offset, limit: EDGES_AT_ONCE, ..EdgeQuery::default() };
        let page = store.edges(&query)?;
        if page.items.is_empty() {
            break;
        }
        offset += page.items.len() as u64;
        for conversation in page.items.iter().filter_map(|edge| places.conversation(edge)) {
            if split.is_none_or(|split| conversation.start < split) {
                learned += conversation.flows;
                proposal.learn(&conversation);
            }
            conversations.push(conversation);
        }
    }
    let policy = proposal.finish();
    let whole = simulate(&policy, &conversations);
    let simulation = match split {
        None => whole.clone(),
        Some(split) => {
            conversations.retain(|conversation| conversation.start >= split);
            simulate(&policy, &conversations)
        }
    };
    let bytes = serde_json::to_vec(&policy).unwrap_or_default();
    Ok(Proposed {
        key,
        digest: Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
        clinical_blocked: whole.clinical_blocked,
        exposed: exposed(&policy),
        policy,
        simulation,
        learned,
        truncated: total > EDGES_MAX,
    })
}
