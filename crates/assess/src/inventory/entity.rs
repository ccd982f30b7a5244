//! What is known about one address.

use std::collections::BTreeSet;

use wardline_model::{Claim, DeviceField, Label, Protocol, Timestamp};

use super::posterior::Posterior;
use crate::limits::CLAIMS_PER_DEVICE_MAX;

/// After this time with a category another one is a change, not a better guess: 10 minutes.
const SETTLED_NANOSECONDS: i64 = 600 * 1_000_000_000;
/// By how much the last sighting is newer than the one that was told, when it is told again: 5 minutes.
const RETOLD_NANOSECONDS: i64 = 300 * 1_000_000_000;

/// Claims and times of one device.
#[derive(Clone, Debug)]
pub(crate) struct Entity {
    first_seen: Timestamp,
    last_seen: Timestamp,
    /// `last_seen` as it was told last.
    told: Timestamp,
    protocols: BTreeSet<Protocol>,
    claims: Vec<Claim>,
    posterior: Posterior,
    /// The first category that was certain, and since when.
    settled: Option<(Label, Timestamp)>,
    /// Categories of which there was a sign until then; there are no more than categories.
    early: Vec<Label>,
    /// What it was, and what it shows now.
    change: Option<(Label, Label)>,
    /// It was asked for names, so those for which it asks are of interest to others.
    asks_for_others: bool,
}

impl Entity {
    pub(super) fn new(time: Timestamp) -> Self {
        Self {
            first_seen: time,
            last_seen: time,
            told: time,
            protocols: BTreeSet::new(),
            claims: Vec::new(),
            posterior: Posterior::default(),
            settled: None,
            early: Vec::new(),
            change: None,
            asks_for_others: false,
        }
    }

    /// It was asked for names.
    pub(super) const fn asks_for_others(&mut self) {
        self.asks_for_others = true;
    }

    /// Whether it was ever asked for names.
    pub(super) const fn is_asking_for_others(&self) -> bool {
        self.asks_for_others
    }

    pub(super) fn seen(&mut self, time: Timestamp) {
        self.first_seen = self.first_seen.min(time);
        self.last_seen = self.last_seen.max(time);
    }

    /// Whether what was told of the last sighting is too old.
    pub(super) const fn is_overdue(&self) -> bool {
        self.last_seen.nanoseconds_since(self.told) >= RETOLD_NANOSECONDS
    }

    /// Its record is told now.
    pub(super) const fn tell(&mut self) {
        self.told = self.last_seen;
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
        if claim.field == DeviceField::Category {
            self.settle(&claim.value, claim.time);
        }
        self.claims.push(claim);
        true
    }

    /// Notices when a device that was certainly of one category shows certainly another, of which there was no sign
    /// before. What is believed stays: whoever takes the address of a device does not become it.
    fn settle(&mut self, value: &Label, time: Timestamp) {
        match &self.settled {
            None => self.settled = self.posterior.sure(DeviceField::Category).map(|sure| (sure, time)),
            Some((before, since)) if time.nanoseconds_since(*since) >= SETTLED_NANOSECONDS => {
                let late = !self.early.contains(value) && value != before;
                if late && self.posterior.is_sure(DeviceField::Category, value) {
                    self.change = Some((before.clone(), value.clone()));
                }
                return;
            }
            Some(_) => {}
        }
        if !self.early.contains(value) {
            self.early.push(value.clone());
        }
    }

    /// The change of category that was not yet told.
    pub(super) const fn take_change(&mut self) -> Option<(Label, Label)> {
        self.change.take()
    }

    /// What was learnt of the same device under another address.
    pub(super) fn absorb(&mut self, other: Self) {
        for claim in other.claims {
            self.claim(claim);
        }
        self.protocols.extend(other.protocols);
        self.asks_for_others |= other.asks_for_others;
        self.seen(other.first_seen);
        self.seen(other.last_seen);
        // What two addresses say together is no change of either.
        self.change = None;
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
