//! What is known about one address.

use std::collections::BTreeSet;

use wardline_model::{Claim, Protocol, Timestamp};

use super::posterior::Posterior;
use crate::limits::CLAIMS_PER_DEVICE_MAX;

/// Claims and times of one device.
#[derive(Clone, Debug)]
pub(crate) struct Entity {
    first_seen: Timestamp,
    last_seen: Timestamp,
    protocols: BTreeSet<Protocol>,
    claims: Vec<Claim>,
    posterior: Posterior,
}

impl Entity {
    pub(super) fn new(time: Timestamp) -> Self {
        Self {
            first_seen: time,
            last_seen: time,
            protocols: BTreeSet::new(),
            claims: Vec::new(),
            posterior: Posterior::default(),
        }
    }

    pub(super) fn seen(&mut self, time: Timestamp) {
        self.first_seen = self.first_seen.min(time);
        self.last_seen = self.last_seen.max(time);
    }

    /// Adds a claim. Whether it was new.
    pub(super) fn claim(&mut self, claim: Claim) -> bool {
        let known = self.claims.iter().any(|known| {
            known.field == claim.field
                && known.value == claim.value
                && known.protocol == claim.protocol
                && known.source == claim.source
                && known.rule == claim.rule
        });
        if known || self.claims.len() >= CLAIMS_PER_DEVICE_MAX {
            return false;
        }
        self.posterior.add(&claim);
        self.claims.push(claim);
        true
    }

    /// Adds a protocol. Whether it was new.
    pub(super) fn speaks(&mut self, protocol: Protocol) -> bool {
        self.protocols.insert(protocol)
    }

    pub(super) const fn first_seen(&self) -> Timestamp {
        self.first_seen
    }

    pub(super) const fn last_seen(&self) -> Timestamp {
        self.last_seen
    }

    pub(super) const fn protocols(&self) -> &BTreeSet<Protocol> {
        &self.protocols
    }

    pub(super) fn claims(&self) -> &[Claim] {
        &self.claims
    }

    pub(super) const fn posterior(&self) -> &Posterior {
        &self.posterior
    }
}
