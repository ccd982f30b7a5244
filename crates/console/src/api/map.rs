//! `/map`: who talks to whom, summed over a range of time.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use wardline_model::{
    Category, Criticality, DeviceId, Edge, Label, Protocol, Severity, Timestamp, Transport,
};
use wardline_store::{EdgeQuery, Store, StoreError};

use super::parameters::{Parameters, time};
use super::read;
use crate::Shared;
use crate::problem::Problem;
use crate::rows::findings_of;

/// Edges read at most; of more, the newest.
const EDGES_MAX: u64 = 200_000;

/// Links in an answer at most; of more, those with the most bytes.
const LINKS_MAX: usize = 2_000;

/// Applications of one link at most; of more, those with the most conversations.
const APPLICATIONS_MAX: usize = 8;

/// Which conversations.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    device: Option<DeviceId>,
    #[serde(deserialize_with = "time")]
    since: Option<Timestamp>,
    #[serde(deserialize_with = "time")]
    until: Option<Timestamp>,
}

/// A device on the map.
#[derive(Serialize)]
struct Node {
    id: DeviceId,
    name: Label,
    category: Category,
    zone: Option<Label>,
    criticality: Option<Criticality>,
    findings: u64,
    worst: Option<Severity>,
}

/// What two devices spoke, by the one that began.
#[derive(Serialize)]
struct Link {
    source: DeviceId,
    target: DeviceId,
    #[serde(flatten)]
    volume: Volume,
    applications: Vec<Application>,
    first_hour: Timestamp,
    last_hour: Timestamp,
}

#[derive(Clone, Copy, Default, Serialize)]
struct Volume {
    flows: u64,
    packets: [u64; 2],
    bytes: [u64; 2],
    encrypted_flows: u64,
    cleartext_flows: u64,
}

#[derive(Serialize)]
struct Application {
    application: Option<Protocol>,
    transport: Transport,
    port: u16,
    flows: u64,
}

#[derive(Serialize)]
pub(super) struct Map {
    nodes: Vec<Node>,
    links: Vec<Link>,
    /// Over all links, those that are left out as well.
    total: Volume,
    link_total: usize,
    /// Whether there were more edges than are read for one answer, so that the oldest are missing.
    truncated: bool,
    /// The hours that the edges lie in.
    first_hour: Option<Timestamp>,
    last_hour: Option<Timestamp>,
}

pub(super) async fn map(
    State(shared): State<Shared>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Map>, Problem> {
    let query = EdgeQuery {
        device: asked.device,
        since: asked.since,
        until: asked.until,
        offset: 0,
        limit: EDGES_MAX,
    };
    read(&shared, move |store| draw(store, query)).await.map(Json)
}

fn draw(store: &dyn Store, query: EdgeQuery) -> Result<Map, StoreError> {
    let mut page = store.edges(&query)?;
    let truncated = page.total > EDGES_MAX;
    if truncated {
        // Edges come in the order of time, and the newest matter most.
        page = store.edges(&EdgeQuery { offset: page.total - EDGES_MAX, ..query })?;
    }
    let mut total = Volume::default();
    page.items.iter().for_each(|edge| total.add(edge));
    let first_hour = page.items.iter().map(|edge| edge.hour).min();
    let last_hour = page.items.iter().map(|edge| edge.hour).max();
    let mut links = sum_up(&page.items);
    let link_total = links.len();
    links.sort_by(|one, other| {
        let volume =
            |link: &Link| link.volume.bytes.iter().fold(0_u64, |sum, bytes| sum.saturating_add(*bytes));
        volume(other)
            .cmp(&volume(one))
            .then_with(|| (&one.source, &one.target).cmp(&(&other.source, &other.target)))
    });
    links.truncate(LINKS_MAX);
    let devices: BTreeSet<&DeviceId> = links.iter().flat_map(|link| [&link.source, &link.target]).collect();
    let nodes = devices.into_iter().map(|id| node(id, store)).collect::<Result<_, _>>()?;
    Ok(Map { nodes, links, total, link_total, truncated, first_hour, last_hour })
}

fn node(id: &DeviceId, store: &dyn Store) -> Result<Node, StoreError> {
    let (findings, worst) = findings_of(id, store)?;
    let device = store.device(id)?;
    Ok(match device {
        Some(device) => Node {
            id: id.clone(),
            name: device.display_name(),
            category: device.category,
            zone: device.zone,
            criticality: device.criticality,
            findings,
            worst,
        },
        // Conversations are stored with the device they belonged to then; it may have been merged since.
        None => Node {
            id: id.clone(),
            name: Label::new(&id.0),
            category: Category::Unknown,
            zone: None,
            criticality: None,
            findings,
            worst,
        },
    })
}

/// Makes one link of all edges from one device to another.
fn sum_up(edges: &[Edge]) -> Vec<Link> {
    type Pair<'a> = (&'a DeviceId, &'a DeviceId);
    type Spoken = BTreeMap<(Option<Protocol>, Transport, u16), u64>;
    let mut pairs: BTreeMap<Pair<'_>, (Volume, Spoken, Timestamp, Timestamp)> = BTreeMap::new();
    for edge in edges {
        let (volume, spoken, first, last) = pairs
            .entry((&edge.src_device, &edge.dst_device))
            .or_insert_with(|| (Volume::default(), Spoken::new(), edge.hour, edge.hour));
        volume.add(edge);
        *spoken.entry((edge.application, edge.transport, edge.port)).or_default() += edge.flows;
        *first = edge.hour.min(*first);
        *last = edge.hour.max(*last);
    }
    let links = pairs.into_iter().map(|((source, target), (volume, spoken, first_hour, last_hour))| {
        let mut applications: Vec<Application> = spoken
            .into_iter()
            .map(|((application, transport, port), flows)| Application {
                application,
                transport,
                port,
                flows,
            })
            .collect();
        applications.sort_by_key(|application| std::cmp::Reverse(application.flows));
        applications.truncate(APPLICATIONS_MAX);
        Link { source: source.clone(), target: target.clone(), volume, applications, first_hour, last_hour }
    });
    links.collect()
}

impl Volume {
    fn add(&mut self, edge: &Edge) {
        self.flows = self.flows.saturating_add(edge.flows);
        self.encrypted_flows = self.encrypted_flows.saturating_add(edge.encrypted_flows);
        self.cleartext_flows = self.cleartext_flows.saturating_add(edge.cleartext_flows);
        for (sum, more) in self.packets.iter_mut().zip(edge.packets) {
            *sum = sum.saturating_add(more);
        }
        for (sum, more) in self.bytes.iter_mut().zip(edge.bytes) {
            *sum = sum.saturating_add(more);
        }
    }
}
