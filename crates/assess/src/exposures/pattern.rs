//! What remains to be seen of conversations whose content nobody can read: how long they are, and when.
//!
//! Who hears a device in cipher sees of each of its conversations a length and a pause. Were both always the same, they
//! would say nothing; what they say in bits is the entropy of the pair, in classes of powers of two. It is an upper bound of
//! what somebody can infer of what the device is doing (T. M. Cover and J. A. Thomas, Elements of Information Theory,
//! second edition, section 2.8), whoever does it and however.
//!
//! The estimate is that of G. A. Miller ("Note on the bias of information estimates", 1955), which adds to the entropy of the
//! sample what is missed on average; its standard error is that of G. P. Basharin ("On a statistical estimate for the entropy
//! of a sequence of independent random variables", 1959), with the term of second order of B. Harris ("The statistical
//! estimation of entropy in the non-parametric case", 1975). Conversations of a device are no independent draws, so the
//! interval is that of the sample and not of all that may come.

use wardline_model::fact::{Conversation, PatientFields};
use wardline_model::{ExposureKind, Label, Protocol, Severity, Timestamp};

use super::{Scene, Sighting};
use crate::inventory::{DeviceKey, Map};
use crate::limits::PATTERNS_MAX;

/// What tells this cause of a leak from others.
pub(super) const CAUSE: &str = "pattern";

/// Classes of length: up to 64 bytes, to 128, and so on to 2 MiB and more.
const LENGTHS: usize = 16;
/// Classes of the pause since the conversation before: up to 128 ms, to 256 ms, and so on to 4 minutes and more.
const PAUSES: usize = 12;
/// Conversations after which it is told first; again at twice as many, and so on.
const TOLD_FIRST: u32 = 128;
/// Conversations after which a device is counted no more: the estimate will not change.
const COUNTED_MAX: u32 = 60_000;
/// Bits below which it is not worth a word.
const BITS_MIN: f64 = 0.5;

/// How a device has spoken.
#[derive(Clone, Debug)]
struct Pattern {
    counts: Box<[u16; LENGTHS * PAUSES]>,
    count: u32,
    last: Timestamp,
}

/// How medical devices speak.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    devices: Map<DeviceKey, Pattern>,
}

/// Bits for each event, with the bounds of 95 %.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bits {
    estimate: f64,
    low: f64,
    high: f64,
}

/// Entropy of the distribution that these counts were drawn from.
fn bits(counts: &[u16], count: u32) -> Bits {
    let n = f64::from(count.max(1));
    let shares = || counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / n);
    let entropy: f64 = shares().map(|share| -share * share.ln()).sum();
    let squares: f64 = shares().map(|share| share * share.ln() * share.ln()).sum();
    let missed = (shares().count() as f64 - 1.0).max(0.0) / (2.0 * n);
    let estimate = entropy + missed;
    // The second term is all there is where every class is as frequent.
    let error = 1.96 * ((squares - entropy * entropy).max(0.0) / n + missed / n).sqrt();
    let in_bits = |nats: f64| nats.max(0.0) / std::f64::consts::LN_2;
    Bits { estimate: in_bits(estimate), low: in_bits(estimate - error), high: in_bits(estimate + error) }
}

/// The class of a number: what `first` holds, then each twice as much.
fn class(number: u64, first: u32, classes: usize) -> usize {
    let power = 64 - number.max(1).saturating_sub(1).leading_zeros();
    (power.saturating_sub(first) as usize).min(classes - 1)
}

impl Patterns {
    /// A conversation of a medical device ended.
    pub(super) fn conversation(
        &mut self,
        scene: &Scene<'_>,
        conversation: &Conversation,
    ) -> Option<Sighting> {
        let observation = scene.observation;
        if !scene.inventory.category(&observation.from).is_medical() {
            return None;
        }
        let key = scene.inventory.key_of(&observation.from)?;
        if self.devices.len() >= PATTERNS_MAX && !self.devices.contains_key(&key) {
            return None;
        }
        let pattern = self.devices.entry(key).or_insert_with(|| Pattern {
            counts: Box::new([0; LENGTHS * PAUSES]),
            count: 0,
            last: conversation.start,
        });
        let pause = conversation.start.nanoseconds_since(pattern.last).unsigned_abs() / 1_000_000;
        pattern.last = pattern.last.max(conversation.start);
        if pattern.count >= COUNTED_MAX {
            return None;
        }
        let length = class(conversation.bytes.iter().sum(), 6, LENGTHS);
        let place = length * PAUSES + class(pause, 7, PAUSES);
        if let Some(counted) = pattern.counts.get_mut(place) {
            *counted += 1;
            pattern.count += 1;
        }
        let due = pattern.count.is_multiple_of(TOLD_FIRST) && (pattern.count / TOLD_FIRST).is_power_of_two();
        let bits = due.then(|| bits(pattern.counts.as_slice(), pattern.count))?;
        let count = pattern.count;
        (bits.low >= BITS_MIN).then(|| Sighting {
            kind: ExposureKind::MetadataLeak,
            protocol: Protocol::Ipv4,
            cause: Label::new(CAUSE),
            device: Some(observation.from),
            peer: None,
            severity: Severity::Low,
            fields: PatientFields::default(),
            summary: format!(
                "{{device}} shows at most {:.1} bits of what it does with the length and the time of each conversation, however well its content is hidden (95 %: {:.1} to {:.1}, by Miller's estimate over {count} conversations); a device that always spoke alike would show none.",
                bits.estimate, bits.low, bits.high
            ),
            remedy: "Keep who can hear it few: a segment of its own. Where this matters, lead it through a tunnel that pads its packets and fills its pauses (RFC 4303 section 2.7, traffic flow confidentiality).".to_owned(),
            evidence: scene.names.evidence(
                observation,
                Protocol::Ipv4,
                "length and time of conversations",
                &format!("{:.2} bits each, {count} conversations", bits.estimate),
            ),
            time: observation.sighting.time,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fair_choice_of_eight_is_three_bits() {
        let estimate = bits(&[125; 8], 1_000);
        assert!((estimate.estimate - 3.0).abs() < 0.01, "{estimate:?}");
        assert!(estimate.low <= 3.0 && estimate.high >= 3.0, "{estimate:?}");
        assert_eq!(bits(&[1_000, 0, 0], 1_000), Bits { estimate: 0.0, low: 0.0, high: 0.0 });
    }

    /// The interval holds the truth about as often as it says, and the estimate is not biased as the sample's entropy is.
    #[test]
    fn the_interval_holds_the_truth() {
        let shares = [0.4, 0.2, 0.15, 0.1, 0.05, 0.04, 0.03, 0.02, 0.01];
        let truth: f64 = shares.iter().map(|share: &f64| -share * share.log2()).sum();
        let (mut held, mut sum, mut state) = (0, 0.0, 7_u64);
        for _ in 0..400 {
            let mut counts = [0_u16; 9];
            for _ in 0..300 {
                // SplitMix64.
                state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut value = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                let mut left = ((value ^ (value >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
                let place = shares.iter().position(|share| {
                    left -= share;
                    left < 0.0
                });
                counts[place.unwrap_or(8)] += 1;
            }
            let estimate = bits(&counts, 300);
            held += u32::from(estimate.low <= truth && truth <= estimate.high);
            sum += estimate.estimate;
        }
        assert!((364..=396).contains(&held), "{held} of 400");
        assert!((sum / 400.0 - truth).abs() < 0.01, "{} for {truth}", sum / 400.0);
    }

    #[test]
    fn classes_are_powers_of_two() {
        assert_eq!(
            [0, 64, 65, 128, 129, u64::MAX].map(|length| class(length, 6, LENGTHS)),
            [0, 0, 1, 1, 2, 15]
        );
        assert_eq!([0, 128, 129, 300_000].map(|pause| class(pause, 7, PAUSES)), [0, 0, 1, 11]);
    }
}
