//! Threat intelligence that came late: looked for in conversations that are stored.
//!
//! What a stored conversation still tells are its ends, its server name and the JA4 of its client. Names that were only
//! asked for, certificates, user agents and files are looked for in traffic alone.

use std::collections::BTreeMap;
use std::net::IpAddr;

use wardline_model::fact::Conversation;
use wardline_model::{
    CaptureId, Device, DeviceId, Fact, Finding, FlowRecord, Indicator, KnownDevice, Label, Observation,
    Sighting, Site, Station, WarningList,
};

use crate::detection::{Episodes, Roles, ThreatIntelligence, World};
use crate::evidence::CaptureNames;
use crate::inventory::Inventory;
use crate::limits::STATIONS_MAX;

/// What evidence calls the place where a conversation was found; its number there stands for that of a packet.
const PLACE: &str = "stored conversations";

/// Looks for indicators in stored conversations.
pub struct RetroHunt<'a> {
    devices: BTreeMap<&'a DeviceId, &'a Device>,
    inventory: Inventory,
    roles: Roles,
    names: CaptureNames,
    hunter: ThreatIntelligence,
    episodes: Episodes,
    /// Whose an address was when it was last seen.
    owners: BTreeMap<IpAddr, DeviceId>,
    seen: u64,
}

impl<'a> RetroHunt<'a> {
    /// A hunt that has seen nothing. `devices` are those that are stored: what they are decides how loud a hit is.
    pub fn new(
        mut site: Site,
        devices: &'a [Device],
        indicators: Vec<Indicator>,
        warning_lists: &[WarningList],
    ) -> Self {
        let known = devices.iter().flat_map(|device| {
            let category = Some(device.category);
            device.ips.iter().map(move |ip| KnownDevice { ip: Some(*ip), category, ..KnownDevice::default() })
        });
        // What the site file says of an address counts first.
        site.devices.extend(known.take(STATIONS_MAX));
        let mut names = CaptureNames::default();
        names.set(CaptureId(0), Label::new(PLACE));
        Self {
            devices: devices.iter().map(|device| (&device.id, device)).collect(),
            inventory: Inventory::new(site),
            roles: Roles::default(),
            names,
            hunter: ThreatIntelligence::new(indicators, warning_lists),
            episodes: Episodes::default(),
            owners: BTreeMap::new(),
            seen: 0,
        }
    }

    /// Sees a conversation. They come in the order in which they ended.
    pub fn see(&mut self, flow: &FlowRecord) {
        self.seen += 1;
        let ends = [(flow.src, &flow.src_device), (flow.dst, &flow.dst_device)];
        for (ip, device) in ends {
            if let Some(device) = device
                && (self.owners.len() < STATIONS_MAX || self.owners.contains_key(&ip))
                && self.owners.get(&ip) != Some(device)
            {
                self.owners.insert(ip, device.clone());
            }
        }
        let station = |ip, port| Station { ip: Some(ip), port, ..Station::default() };
        let observation = Observation {
            sighting: Sighting { time: flow.end, capture: CaptureId(0), packet: self.seen },
            from: station(flow.src, flow.ports[0]),
            to: station(flow.dst, flow.ports[1]),
            transport: Some(flow.protocol),
            vlan: flow.vlan,
            fact: Fact::ConversationEnded(Box::new(Conversation {
                start: flow.start,
                end: flow.end,
                first_packet: 0,
                packets: flow.packets,
                bytes: flow.bytes,
                application: flow.application,
                encrypted: flow.encrypted,
                tcp: flow.tcp,
                server_name: flow.server_name.clone(),
                ja4: flow
                    .fingerprints
                    .iter()
                    .find_map(|print| print.as_str().strip_prefix("ja4=").map(Label::new)),
                missing_bytes: 0,
            })),
        };
        let world = World {
            inventory: &self.inventory,
            names: &self.names,
            roles: &self.roles,
            learning: false,
            began: observation.sighting.time,
        };
        self.hunter.stored(&observation, &world, &mut self.episodes);
    }

    /// How many conversations were seen.
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    /// What was found, with the devices that it concerns.
    pub fn finish(mut self) -> Vec<Finding> {
        let mut findings = self.episodes.drain(&self.inventory);
        for finding in &mut findings {
            for party in [&mut finding.device, &mut finding.source].into_iter().flatten() {
                let owner = party.ip.and_then(|ip| self.owners.get(&ip));
                if let Some(device) = owner.and_then(|owner| self.devices.get(owner)) {
                    party.id = Some(device.id.clone());
                    party.mac = device.macs.first().copied();
                    party.name = Some(device.display_name());
                }
            }
        }
        findings
    }
}
