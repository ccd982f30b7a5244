//! `/map`: who talks to whom, summed over a range of time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use wardline_assess::segmentation::placement;
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

/// Links in an answer at most; of more, those of devices that a finding names, then those with the most bytes.
const LINKS_MAX: usize = 5_000;

/// Applications of one link at most; of more, those with the most conversations.
const APPLICATIONS_MAX: usize = 8;

/// Which conversations.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    device: Option<DeviceId>,
    /// Only links with an end in this zone; empty is no known zone.
    zone: Option<String>,
    #[serde(deserialize_with = "time")]
    since: Option<Timestamp>,
    #[serde(deserialize_with = "time")]
    until: Option<Timestamp>,
}

/// A device on the map.
#[derive(Clone, Serialize)]
struct Node {
    id: DeviceId,
    name: Label,
    category: Category,
    zone: Option<Label>,
    /// Zone of the segmentation that it belongs in.
    segment: Option<Label>,
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
        device: asked.device.clone(),
        since: asked.since,
        until: asked.until,
        newest: true,
        offset: 0,
        limit: EDGES_MAX,
    };
    read(&shared, move |store| draw(store, query, asked.zone.as_deref())).await.map(Json)
}

fn draw(store: &dyn Store, query: EdgeQuery, zone: Option<&str>) -> Result<Map, StoreError> {
    // The newest matter most.
    let page = store.edges(&query)?;
    let truncated = page.total > EDGES_MAX;
    let mut links = sum_up(&page.items);
    let mut nodes = BTreeMap::new();
    for id in links.iter().flat_map(|link| [&link.source, &link.target]) {
        if !nodes.contains_key(id) {
            nodes.insert(id.clone(), node(id, store)?);
        }
    }
    let known = |id: &DeviceId| nodes.get(id);
    if let Some(zone) = zone {
        let inside = |id: &DeviceId| {
            known(id).is_some_and(|node| node.zone.as_ref().map_or("", Label::as_str) == zone)
        };
        links.retain(|link| inside(&link.source) || inside(&link.target));
    }
    let mut total = Volume::default();
    links.iter().for_each(|link| total.add(&link.volume));
    let link_total = links.len();
    let first_hour = links.iter().map(|link| link.first_hour).min();
    let last_hour = links.iter().map(|link| link.last_hour).max();
    if link_total > LINKS_MAX {
        let named = |id: &DeviceId| known(id).is_some_and(|node| node.findings > 0);
        links.sort_by_key(|link| {
            Reverse((named(&link.source) || named(&link.target), link.volume.all_bytes()))
        });
        links.truncate(LINKS_MAX);
    }
    links.sort_by_key(|link| Reverse(link.volume.all_bytes()));
    let shown: BTreeSet<&DeviceId> = links.iter().flat_map(|link| [&link.source, &link.target]).collect();
    let nodes = nodes.iter().filter(|(id, _)| shown.contains(id)).map(|(_, node)| node.clone()).collect();
    Ok(Map { nodes, links, total, link_total, truncated, first_hour, last_hour })
}

fn node(id: &DeviceId, store: &dyn Store) -> Result<Node, StoreError> {
    let (findings, worst) = findings_of(id, store)?;
    // Conversations are stored with the device they belonged to then; it may have been merged since.
    let unknown = || Node {
        id: id.clone(),
        name: Label::new(&id.to_string()),
        category: Category::Unknown,
        zone: None,
        segment: None,
        criticality: None,
        findings,
        worst,
    };
    Ok(store.device(id)?.map_or_else(unknown, |device| Node {
        id: id.clone(),
        name: device.display_name(),
        category: device.category,
        segment: Some(placement(&device).zone),
        zone: device.zone,
        criticality: device.criticality,
        findings,
        worst,
    }))
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
        volume.add(&Volume::from(edge));
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
        applications.sort_by_key(|application| Reverse(application.flows));
        applications.truncate(APPLICATIONS_MAX);
        Link { source: source.clone(), target: target.clone(), volume, applications, first_hour, last_hour }
    });
    links.collect()
}

impl Volume {
    fn add(&mut self, other: &Self) {
        self.flows = self.flows.saturating_add(other.flows);
        self.encrypted_flows = self.encrypted_flows.saturating_add(other.encrypted_flows);
        self.cleartext_flows = self.cleartext_flows.saturating_add(other.cleartext_flows);
        for (sum, more) in self.packets.iter_mut().zip(other.packets) {
            *sum = sum.saturating_add(more);
        }
        for (sum, more) in self.bytes.iter_mut().zip(other.bytes) {
            *sum = sum.saturating_add(more);
        }
    }

    fn all_bytes(&self) -> u64 {
        self.bytes.iter().fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }
}

impl From<&Edge> for Volume {
    fn from(edge: &Edge) -> Self {
        Self {
            flows: edge.flows,
            packets: edge.packets,
            bytes: edge.bytes,
            encrypted_flows: edge.encrypted_flows,
            cleartext_flows: edge.cleartext_flows,
        }
    }
}
