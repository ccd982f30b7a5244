//! What could not be read, and what was refused.

use std::collections::BTreeMap;

use wardline_wire::{Error, Fault, Layer};

/// Counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// Conversations that began.
    pub conversations: u64,
    /// IP fragments.
    pub fragments: u64,
    /// Datagrams that were put together.
    pub reassembled: u64,
    undecoded: BTreeMap<(Layer, &'static str, &'static str), u64>,
    unreadable_link_types: BTreeMap<u16, u64>,
    refused: BTreeMap<&'static str, u64>,
}

impl Counters {
    /// Packets that could not be decoded to their end, by reason.
    pub fn undecoded(&self) -> BTreeMap<String, u64> {
        let by_layer = self.undecoded.iter().map(|((layer, field, fault), count)| {
            (format!("{} {field}: {fault}", format!("{layer:?}").to_lowercase()), *count)
        });
        let by_link = self
            .unreadable_link_types
            .iter()
            .map(|(number, count)| (format!("link type {number}: not read"), *count));
        by_layer.chain(by_link).collect()
    }

    /// What was refused because a limit was reached, by limit.
    pub fn over_limit(&self) -> BTreeMap<String, u64> {
        self.refused.iter().map(|(limit, count)| ((*limit).to_owned(), *count)).collect()
    }

    #[cold]
    pub(crate) fn error(&mut self, error: Error) {
        let fault = match error.fault {
            Fault::Truncated { .. } => "cut short",
            Fault::Malformed => "malformed",
            Fault::Unsupported => "not read",
            Fault::OverLimit { .. } => "over limit",
        };
        *self.undecoded.entry((error.layer, error.field, fault)).or_default() += 1;
    }

    #[cold]
    pub(crate) fn link_type(&mut self, number: u16) {
        *self.unreadable_link_types.entry(number).or_default() += 1;
    }

    #[cold]
    pub(crate) fn refuse(&mut self, limit: &'static str) {
        *self.refused.entry(limit).or_default() += 1;
    }

    /// Adds the counts of another part of the same run.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.conversations += other.conversations;
        self.fragments += other.fragments;
        self.reassembled += other.reassembled;
        for (reason, count) in &other.undecoded {
            *self.undecoded.entry(*reason).or_default() += count;
        }
        for (number, count) in &other.unreadable_link_types {
            *self.unreadable_link_types.entry(*number).or_default() += count;
        }
        for (limit, count) in &other.refused {
            *self.refused.entry(limit).or_default() += count;
        }
    }
}
