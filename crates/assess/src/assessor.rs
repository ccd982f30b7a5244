//! The one way in and out: observations in, conclusions out.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use indexmap::map::Entry;
use wardline_model::{
    CaptureId, Device, Edge, Exposure, Fact, Finding, FlowRecord, Indicator, Label, Observation, Policy,
    Site, Timestamp, Transport, WarningList,
};

use wardline_model::fact::Conversation;

use crate::Changes;
use crate::detection::{self, Conversations, Detector, Episodes, Roles, World};
use crate::evidence::CaptureNames;
use crate::exposures::{DefaultCredential, Exposures};
use crate::inventory::{DeviceKey, Inventory};
use crate::limits::{EDGES_MAX, FLOWS_MAX};

/// What an assessor is told beforehand.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What the user knows about the site.
    pub site: Site,
    /// Credentials that everybody can look up, as they look under the site's key: see
    /// [`crate::default_credentials`].
    pub default_credentials: Vec<DefaultCredential>,
    /// What threat intelligence says to look for.
    pub indicators: Vec<Indicator>,
    /// What is never looked for, whoever says so.
    pub warning_lists: Vec<WarningList>,
    /// The policy that the site adopted, if it did: what it forbids becomes findings. It passed [`Policy::check`].
    pub policy: Option<Policy>,
}

/// Makes one edge of many conversations.
type EdgeKey = (Timestamp, (DeviceKey, DeviceKey), u8, u16, Option<wardline_model::Protocol>);

/// What the conversations of an edge come to.
#[derive(Clone, Copy, Default)]
struct Totals {
    flows: u64,
    packets: [u64; 2],
    bytes: [u64; 2],
    encrypted_flows: u64,
    cleartext_flows: u64,
}

impl Totals {
    fn add(&mut self, conversation: &Conversation) {
        self.flows += 1;
        for side in 0..2 {
            self.packets[side] += conversation.packets[side];
            self.bytes[side] += conversation.bytes[side];
        }
        self.encrypted_flows += u64::from(conversation.encrypted == Some(true));
        self.cleartext_flows += u64::from(conversation.encrypted == Some(false));
    }

    /// The edge of this key.
    fn edge(self, (hour, devices, transport, port, application): EdgeKey) -> Edge {
        Edge {
            hour,
            src_device: devices.0.id(),
            dst_device: devices.1.id(),
            transport: Transport(transport),
            port,
            application,
            flows: self.flows,
            packets: self.packets,
            bytes: self.bytes,
            encrypted_flows: self.encrypted_flows,
            cleartext_flows: self.cleartext_flows,
        }
    }
}

/// Turns observations into conclusions.
pub struct Assessor {
    inventory: Inventory,
    exposures: Exposures,
    detectors: Vec<Box<dyn Detector>>,
    /// The places of those that look at the begin of conversations, and of those that look at their end.
    begin_detectors: Vec<usize>,
    end_detectors: Vec<usize>,
    episodes: Episodes,
    roles: Roles,
    names: CaptureNames,
    flows: Vec<FlowRecord>,
    /// In the order in which they came up, which is the same for the same traffic.
    edges: IndexMap<EdgeKey, Totals, foldhash::fast::FixedState>,
    refused_flows: u64,
    refused_edges: u64,
    /// When the first thing was seen.
    began: Option<Timestamp>,
    now: Timestamp,
}

impl Assessor {
    /// An assessor that has seen nothing.
    pub fn new(settings: Settings) -> Self {
        let mut detectors = detection::all(settings.indicators, &settings.warning_lists);
        detectors.extend(settings.policy.as_ref().map(detection::policy_violation));
        let seeing = |part: Conversations| {
            let seen =
                detectors.iter().enumerate().map(|(place, detector)| (place, detector.conversations()));
            seen.filter(|(_, seen)| [part, Conversations::Both].contains(seen))
                .map(|(place, _)| place)
                .collect()
        };
        Self {
            begin_detectors: seeing(Conversations::Begins),
            end_detectors: seeing(Conversations::Ends),
            exposures: Exposures::new(settings.default_credentials),
            inventory: Inventory::new(settings.site),
            detectors,
            episodes: Episodes::default(),
            roles: Roles::default(),
            names: CaptureNames::default(),
            flows: Vec::new(),
            edges: IndexMap::default(),
            refused_flows: 0,
            refused_edges: 0,
            began: None,
            now: Timestamp::default(),
        }
    }

    /// Gives a capture the name that evidence will carry.
    pub fn name_capture(&mut self, capture: CaptureId, name: Label) {
        self.names.set(capture, name);
    }

    /// Learns what is normal from an observation of a baseline, and reports nothing from it.
    pub fn learn(&mut self, observation: &Observation) {
        let began = *self.began.get_or_insert(observation.sighting.time);
        self.inventory.face(observation);
        self.roles.observe(observation);
        let world = World {
            inventory: &self.inventory,
            names: &self.names,
            roles: &self.roles,
            learning: true,
            began,
        };
        for detector in &mut self.detectors {
            detector.observe(observation, &world, &mut self.episodes);
        }
    }

    /// Sees an observation. They come in the order in which the pipeline told them.
    pub fn observe(&mut self, observation: &Observation) {
        let began = *self.began.get_or_insert(observation.sighting.time);
        self.now = self.now.max(observation.sighting.time);
        self.inventory.observe(observation, &self.names);
        self.roles.observe(observation);
        self.exposures.observe(observation, &self.inventory, &self.names);
        let world = World {
            inventory: &self.inventory,
            names: &self.names,
            roles: &self.roles,
            learning: false,
            began,
        };
        let some = match observation.fact {
            Fact::ConversationStarted(_) => Some(&self.begin_detectors),
            Fact::ConversationEnded(_) => Some(&self.end_detectors),
            _ => None,
        };
        match some {
            Some(places) => {
                for place in places {
                    if let Some(detector) = self.detectors.get_mut(*place) {
                        detector.observe(observation, &world, &mut self.episodes);
                    }
                }
            }
            None => {
                for detector in &mut self.detectors {
                    detector.observe(observation, &world, &mut self.episodes);
                }
            }
        }
        if let Fact::ConversationEnded(conversation) = &observation.fact {
            self.ended(observation, conversation);
        }
    }

    /// Tells that time has passed without an observation.
    pub fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        let began = self.began.unwrap_or(self.now);
        let world = World {
            inventory: &self.inventory,
            names: &self.names,
            roles: &self.roles,
            learning: false,
            began,
        };
        for detector in &mut self.detectors {
            detector.advance(self.now, &world, &mut self.episodes);
        }
    }

    /// What changed since it was last asked.
    pub fn drain(&mut self) -> Changes {
        let devices = self.inventory.drain();
        self.exposures.review(&devices, &self.inventory);
        let expected_flows = self.flows.len() + self.flows.len() / 8;
        Changes {
            devices,
            findings: self.episodes.drain(&self.inventory),
            exposures: self.exposures.drain(&self.inventory),
            // About as many will come until the next time; growing to them step by step costs more than the records.
            flows: std::mem::replace(&mut self.flows, Vec::with_capacity(expected_flows)),
            // The table keeps its room: about as many will come again.
            edges: self.edges.drain(..).map(|(key, totals)| totals.edge(key)).collect(),
        }
    }

    /// Ends the run.
    pub fn finish(&mut self, end: Timestamp) -> Changes {
        self.advance(end);
        let devices = self.inventory.devices();
        self.exposures.review(&devices, &self.inventory);
        self.exposures.review_site(&devices, &self.inventory);
        self.episodes.complete_all(&self.inventory);
        self.exposures.complete_all(&self.inventory);
        self.drain()
    }

    /// Every device.
    pub fn devices(&self) -> Vec<Device> {
        self.inventory.devices()
    }

    /// Inventory lists beside what was seen. `None` where no list was given.
    pub fn inventory_comparison(&self) -> Option<wardline_model::InventoryComparison> {
        self.inventory.comparison(&self.inventory.devices())
    }

    /// How many devices there are.
    pub fn device_count(&self) -> usize {
        self.inventory.len()
    }

    /// Every finding.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.episodes.findings()
    }

    /// Every exposure.
    pub fn exposures(&self) -> impl Iterator<Item = &Exposure> {
        self.exposures.exposures()
    }

    /// What was refused because a limit was reached, by limit.
    pub fn over_limit(&self) -> BTreeMap<String, u64> {
        let counts = [
            ("devices", self.inventory.refused()),
            ("findings", self.episodes.refused()),
            ("exposures", self.exposures.refused()),
            ("flow records", self.refused_flows),
            ("edges", self.refused_edges),
        ];
        counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| (name.to_owned(), count))
            .collect()
    }

    fn ended(&mut self, observation: &Observation, conversation: &Conversation) {
        let (Some(src), Some(dst), Some(protocol)) =
            (observation.from.ip, observation.to.ip, observation.transport)
        else {
            return;
        };
        let [from, to] = self.inventory.ends();
        let flow = FlowRecord {
            community_id: observation.community_id(),
            src,
            dst,
            ports: [observation.from.port, observation.to.port],
            protocol,
            application: conversation.application,
            vlan: observation.vlan,
            start: conversation.start,
            end: conversation.end,
            packets: conversation.packets,
            bytes: conversation.bytes,
            src_device: from.map(DeviceKey::id),
            dst_device: to.map(DeviceKey::id),
            encrypted: conversation.encrypted,
            tcp: conversation.tcp,
            server_name: conversation.server_name.clone(),
            fingerprints: conversation.ja4.iter().map(|ja4| Label::new(&format!("ja4={ja4}"))).collect(),
        };
        if let (Some(source), Some(destination)) = (from, to) {
            self.add_to_edge((source, destination), (protocol, observation.to.port), conversation);
        }
        if self.flows.len() < FLOWS_MAX {
            self.flows.push(flow);
        } else {
            self.refused_flows += 1;
        }
    }

    fn add_to_edge(
        &mut self,
        devices: (DeviceKey, DeviceKey),
        (transport, port): (Transport, u16),
        conversation: &Conversation,
    ) {
        const HOUR_NANOSECONDS: i64 = 3_600_000_000_000;
        /// Ports above are chosen for one conversation and tell nothing.
        const REGISTERED_PORT_MAX: u16 = 49_151;
        let start = conversation.start.nanoseconds();
        let hour = Timestamp::from_nanoseconds(start.saturating_sub(start.rem_euclid(HOUR_NANOSECONDS)));
        let port = if port <= REGISTERED_PORT_MAX { port } else { 0 };
        let full = self.edges.len() >= EDGES_MAX;
        match self.edges.entry((hour, devices, transport.0, port, conversation.application)) {
            Entry::Occupied(mut edge) => edge.get_mut().add(conversation),
            Entry::Vacant(_) if full => self.refused_edges += 1,
            Entry::Vacant(edge) => edge.insert(Totals::default()).add(conversation),
        }
    }
}
