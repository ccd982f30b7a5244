//! The passport of a device: everything that is known about it, on one page, with where each claim was read.

use std::collections::BTreeMap;
use std::io::Write;

use askama::Template;
use serde::Serialize;
use wardline_model::{Device, DeviceId, Edge, Exposure, Finding, Vulnerability};

use crate::profile::RiskProfile;
use crate::report::{joined, known, reference, shape};

/// A device and all that was found about it.
#[derive(Clone, Debug, Serialize, Template)]
#[template(path = "device_passport.html")]
pub struct DevicePassport {
    /// The device, with its evidence.
    pub device: Device,
    /// What can be seen of its class, and what cannot. Absent where nobody wrote that down.
    pub profile: Option<&'static RiskProfile>,
    /// Findings in which it suffers or acts.
    pub findings: Vec<Finding>,
    /// What is weak about it.
    pub exposures: Vec<Exposure>,
    /// What is to be corrected, the most pressing first. Absent where there are no advisories to match with.
    pub vulnerabilities: Option<Vec<Vulnerability>>,
    /// With whom it speaks, by hour.
    pub edges: Vec<Edge>,
    /// What other devices are called.
    pub names: BTreeMap<DeviceId, String>,
}

/// What a device exchanged with another over one application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Exchange {
    flows: u64,
    sent_bytes: u64,
    received_bytes: u64,
    cleartext_flows: u64,
}

impl DevicePassport {
    /// Writes the page. The same records give the same bytes.
    pub fn write_html(&self, output: &mut impl Write) -> std::io::Result<()> {
        output.write_all(self.render().map_err(std::io::Error::other)?.as_bytes())
    }

    fn name_of(&self, peer: &DeviceId) -> String {
        self.names.get(peer).cloned().unwrap_or_else(|| peer.to_string())
    }

    /// By peer and application, the most talkative first.
    fn exchanges(&self) -> Vec<((&DeviceId, String), Exchange)> {
        let mut by_peer: BTreeMap<(&DeviceId, String), Exchange> = BTreeMap::new();
        for edge in &self.edges {
            let sends = edge.src_device == self.device.id;
            let peer = if sends { &edge.dst_device } else { &edge.src_device };
            let application = match edge.application {
                Some(application) => application.to_string(),
                None => format!("{} port {}", edge.transport, edge.port),
            };
            let exchange = by_peer.entry((peer, application)).or_default();
            let [there, back] = edge.bytes;
            exchange.flows += edge.flows;
            exchange.sent_bytes += if sends { there } else { back };
            exchange.received_bytes += if sends { back } else { there };
            exchange.cleartext_flows += edge.cleartext_flows;
        }
        let mut exchanges: Vec<_> = by_peer.into_iter().collect();
        exchanges.sort_by_key(|(_, exchange)| {
            std::cmp::Reverse(exchange.sent_bytes.saturating_add(exchange.received_bytes))
        });
        exchanges
    }
}
