//! Which addresses are one device although they differ: what names an instance, whatever its address.
//!
//! Phones and laptops make up link addresses, and what is behind a router is known by a network address that a
//! server gives anew. Such a device is known again by something stronger: its serial number, its DHCP identifier,
//! or, for a made-up link address, the name that it gives itself. It is never guessed: an anchor that two devices
//! show at the same time names nobody, and two addresses that registries gave out are never put together.

use wardline_model::{Claim, DeviceField, Label, Protocol, Timestamp};

use super::{DeviceKey, Map};
use crate::limits::{ALIASES_MAX, ANCHORS_MAX};

/// How long the old address may still have been heard after the new one appeared: a roaming station is silent for
/// seconds, and what ends a conversation is told late. 2 minutes.
const OVERLAP_NANOSECONDS: i64 = 120 * 1_000_000_000;
/// How long an address must be silent before another with the same name takes its place: 10 minutes.
const SILENCE_NANOSECONDS: i64 = 600 * 1_000_000_000;
/// Shortest serial number that is taken for one.
const SERIAL_LENGTH_MIN: usize = 5;
/// Shortest name that is taken for one of its own.
const NAME_LENGTH_MIN: usize = 6;
/// Names that come with the device and that every other has as well.
const COMMON_NAMES: &[&str] = &[
    "android",
    "localhost",
    "iphone",
    "ipad",
    "galaxy",
    "macbook",
    "laptop",
    "desktop",
    "ubuntu",
    "debian",
    "raspberrypi",
    "espressif",
    "unknown",
    "printer",
    "monitor",
    "device",
    "router",
    "windows",
];

/// Something that names one instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Anchor {
    Serial(Label),
    /// DHCP unique identifier.
    Client(Label),
    /// A name that a device gives itself.
    Name(Label),
}

impl Anchor {
    /// The anchor in a claim, if it is one.
    pub(super) fn of(claim: &Claim) -> Option<Self> {
        let text = claim.value.as_str().trim().to_lowercase();
        let source = claim.source.as_str();
        match claim.field {
            DeviceField::Serial if claim.rule.is_none() && claim.confidence >= 0.9 && is_serial(&text) => {
                Some(Self::Serial(Label::new(&text)))
            }
            DeviceField::Attribute if matches!(source, "DUID" | "dhcp.option.61") => {
                Some(Self::Client(Label::new(&text)))
            }
            DeviceField::Hostname if matches!(claim.protocol, Protocol::Dhcp | Protocol::Dhcpv6) => {
                let short = text.split('.').next().unwrap_or_default();
                let common = COMMON_NAMES
                    .iter()
                    .any(|common| short.trim_end_matches(|c: char| !c.is_alphabetic()) == *common);
                (short.len() >= NAME_LENGTH_MIN && !common).then(|| Self::Name(Label::new(short)))
            }
            _ => None,
        }
    }

    pub(super) const fn value(&self) -> &Label {
        match self {
            Self::Serial(value) | Self::Client(value) | Self::Name(value) => value,
        }
    }
}

/// Long enough, with a digit, and not the same all over, as placeholders are.
fn is_serial(text: &str) -> bool {
    let mut letters = text.chars().filter(|letter| letter.is_alphanumeric());
    let first = letters.next();
    text.chars().filter(|letter| letter.is_alphanumeric()).count() >= SERIAL_LENGTH_MIN
        && text.contains(|letter: char| letter.is_ascii_digit())
        && letters.any(|letter| Some(letter) != first)
        && !matches!(text, "12345" | "123456" | "1234567" | "12345678" | "123456789" | "0123456789")
}

/// Who shows an anchor.
#[derive(Clone, Copy, Debug)]
struct Holder {
    key: DeviceKey,
    /// Two showed it at the same time: it names nobody.
    ambiguous: bool,
}

/// When a device was heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

/// What an anchor says about a device that shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// Nothing new.
    Nothing,
    /// `from` is the same device as `to`.
    Same { from: DeviceKey, to: DeviceKey },
    /// Another device shows the same at the same time.
    Elsewhere(DeviceKey),
}

/// Anchors, and the addresses that turned out to be one device.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    holders: Map<Anchor, Holder>,
    aliases: Map<DeviceKey, DeviceKey>,
    /// Other addresses of a device, in the order in which they were found.
    others: Map<DeviceKey, Vec<DeviceKey>>,
}

impl Anchors {
    /// The device that a key belongs to.
    pub(super) fn resolve(&self, key: DeviceKey) -> DeviceKey {
        self.aliases.get(&key).copied().unwrap_or(key)
    }

    /// Other keys under which a device was seen.
    pub(super) fn others(&self, key: DeviceKey) -> &[DeviceKey] {
        self.others.get(&key).map_or(&[], Vec::as_slice)
    }

    /// A device shows an anchor. `heard` tells when a device was heard, `agree` whether nothing speaks against two
    /// being one.
    pub(super) fn meet(
        &mut self,
        key: DeviceKey,
        anchor: Anchor,
        heard: impl Fn(DeviceKey) -> Option<Heard>,
        agree: impl Fn(DeviceKey, DeviceKey) -> bool,
    ) -> Met {
        let by_name = matches!(anchor, Anchor::Name(_));
        let room = self.holders.len() < ANCHORS_MAX;
        let Some(holder) = self.holders.get_mut(&anchor) else {
            if room {
                self.holders.insert(anchor, Holder { key, ambiguous: false });
            }
            return Met::Nothing;
        };
        let before = self.aliases.get(&holder.key).copied().unwrap_or(holder.key);
        if before == key || holder.ambiguous {
            return Met::Nothing;
        }
        let (Some(old), Some(new)) = (heard(before), heard(key)) else {
            holder.key = key;
            return Met::Nothing;
        };
        // A gateway tells of a device that is also seen itself.
        let behind = match (before, key) {
            (DeviceKey::Behind(_), _) => Some((before, key)),
            (_, DeviceKey::Behind(_)) => Some((key, before)),
            _ => None,
        };
        if let Some((from, to)) = behind.filter(|_| !by_name && agree(before, key)) {
            holder.key = to;
            return self.join(from, to);
        }
        if new.first.nanoseconds_since(old.last) < -OVERLAP_NANOSECONDS {
            holder.ambiguous = by_name;
            return if by_name { Met::Nothing } else { Met::Elsewhere(before) };
        }
        // Names are shared more often than numbers: the old address must have been silent for a while.
        if by_name && new.last.nanoseconds_since(old.last) < SILENCE_NANOSECONDS {
            return Met::Nothing;
        }
        let movable = match key {
            DeviceKey::Mac(mac) => mac.is_local(),
            // Names of servers are given to whoever has the address.
            DeviceKey::Ip(_) | DeviceKey::Behind(_) => !by_name,
            // Those that change are not known at all.
            DeviceKey::Radio(_) => false,
        };
        if movable && agree(before, key) {
            return self.join(key, before);
        }
        // A name goes with the place, a serial number with the device: both may have a new address now.
        holder.key = key;
        Met::Nothing
    }

    fn join(&mut self, from: DeviceKey, to: DeviceKey) -> Met {
        if self.aliases.len() >= ALIASES_MAX
            || self.others.contains_key(&from)
            || self.aliases.contains_key(&to)
        {
            return Met::Nothing;
        }
        self.aliases.insert(from, to);
        self.others.entry(to).or_default().push(from);
        Met::Same { from, to }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_no_serial_numbers() {
        for text in ["", "n/a", "unknown", "00000000", "123456", "abcdef", "12"] {
            assert!(!is_serial(text), "{text}");
        }
        assert!(is_serial("us43201") && is_serial("4711-08"));
    }
}
