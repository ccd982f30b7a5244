//! Data that leaves by a way made for something else: MITRE ATT&CK T1048.003, T1071.004, T1572.
//!
//! Names that carry data are long, random and each asked once, all below one domain; echo requests that carry data
//! are answered with other data. Both gather and take away what is inside, whoever put them there.

use std::net::IpAddr;

use wardline_model::fact::{Conversation, DnsFact};
use wardline_model::{Attack, Fact, Observation, Protocol, Severity, Timestamp, Transport};

use super::recent::{Different, Recent};
use super::{Alarm, Conversations, Detector, Episodes, World};
use crate::limits::SENDERS_MAX;

const SECOND: i64 = 1_000_000_000;
/// Different names below one domain, within this time, that carry data.
const NAMES_MIN: usize = 25;
const TOGETHER: i64 = 120 * SECOND;
/// Length of what stands before the domain.
const PREFIX_MIN: usize = 24;
/// Bits of information per character of random text; words of a language have about 3 to 3.5.
const ENTROPY_MIN: f64 = 3.6;
/// Length of a name beyond which there is hardly room for a domain of words.
const WHOLE_NAME_MIN: usize = 120;
/// Record types NULL, and those for private use (RFC 6895 section 3.1).
const TYPE_NULL: u16 = 10;
const TYPE_PRIVATE: u16 = 65_280;
/// Echo packets each way of a conversation.
const ECHOES_MIN: u64 = 30;

/// Data in names and in echo requests.
pub(super) struct Tunnel {
    names: Recent<(IpAddr, String), Different<u64>>,
}

impl Default for Tunnel {
    fn default() -> Self {
        Self { names: Recent::new(SENDERS_MAX) }
    }
}

impl Detector for Tunnel {
    fn conversations(&self) -> Conversations {
        Conversations::Ends
    }

    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        match &observation.fact {
            Fact::Dns(dns) if !dns.response && dns.protocol == Protocol::Dns => {
                self.names(observation, dns, world, episodes);
            }
            Fact::ConversationEnded(conversation) if observation.transport == Some(Transport::ICMP) => {
                echoes(observation, conversation, world, episodes);
            }
            _ => {}
        }
    }
}

/// What may carry data in a name, and the domain below which it stands.
fn split(name: &str) -> Option<(&str, &str)> {
    let name = name.trim_end_matches('.');
    let mut dots = name.rmatch_indices('.').map(|(place, _)| place);
    let _top = dots.next()?;
    let second = dots.next()?;
    // Under `co.uk` and the like the domain is one label longer.
    let (prefix, domain) = (name.get(..second)?, name.get(second + 1..)?);
    let short = domain.split('.').all(|label| label.len() <= 3);
    match (short, prefix.rfind('.')) {
        (true, Some(place)) => Some((prefix.get(..place)?, name.get(place + 1..)?)),
        _ => Some((prefix, domain)),
    }
}

/// Shannon entropy of the characters, bits.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = text.len() as f64;
    counts.iter().filter(|count| **count > 0).fold(0.0, |bits, count| {
        let share = f64::from(*count) / total;
        bits - share * share.log2()
    })
}

/// Encoded data: many different characters, digits among them.
fn looks_random(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    digits * 10 >= text.len() && entropy(text) >= ENTROPY_MIN
}

impl Tunnel {
    fn names(
        &mut self,
        observation: &Observation,
        dns: &DnsFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        use std::hash::BuildHasher;
        let Some(from) = observation.from.ip else { return };
        let time = observation.sighting.time;
        for question in &dns.questions {
            let name = question.name.as_str();
            let Some((mut prefix, mut domain)) = split(name) else { continue };
            // Names that are data from end to end are below no domain; types that nobody asks for carry answers.
            if name.len() >= WHOLE_NAME_MIN {
                (prefix, domain) = (name, "no domain");
            }
            let odd_type = matches!(question.record_type, TYPE_NULL | TYPE_PRIVATE..);
            let carries = prefix.len() >= PREFIX_MIN && looks_random(prefix) || odd_type && prefix.len() >= 4;
            if !carries || domain.ends_with("arpa") {
                continue;
            }
            let window = self.names.at((from, domain.to_ascii_lowercase()), time);
            let count = window.add(foldhash::fast::FixedState::default().hash_one(prefix), time, TOGETHER);
            let started = window.first().unwrap_or(time);
            if count < NAMES_MIN || world.learning {
                continue;
            }
            let medical = world.is_medical(&observation.from);
            raise(
                observation,
                (Protocol::Dns, "dns.qry.name", format!("{count} different names below {domain}")),
                format!(
                    "{from} hides data in {count} names below {domain} that it asks for: a tunnel through the name service."
                ),
                "the names had been fewer, shorter or made of words",
                (if medical { Severity::High } else { Severity::Medium }, started, "name-tunnel"),
                world,
                episodes,
            );
        }
    }
}

/// An echo is the same both ways; where the answers carry something else, two talk.
fn echoes(
    observation: &Observation,
    conversation: &Conversation,
    world: &World<'_>,
    episodes: &mut Episodes,
) {
    let ([sent, answered], [out, back]) = (conversation.packets, conversation.bytes);
    let mean = |bytes: u64, packets: u64| bytes.checked_div(packets).unwrap_or(0);
    let (one, other) = (mean(out, sent), mean(back, answered));
    let differ = one.abs_diff(other) > 32 && one.abs_diff(other) * 5 > one.min(other);
    if sent < ECHOES_MIN || answered < ECHOES_MIN || !differ || world.learning {
        return;
    }
    let (from, to) = (observation.from.ip, observation.to.ip);
    let name = |ip: Option<IpAddr>| ip.map(|ip| ip.to_string()).unwrap_or_default();
    raise(
        observation,
        (Protocol::Icmp, "data.len", format!("{one} bytes one way, {other} the other")),
        format!(
            "{} and {} talk in echo requests whose answers carry other data: a tunnel.",
            name(from),
            name(to)
        ),
        "the answers had carried what was sent, as an echo does",
        (Severity::Medium, conversation.start, "echo-tunnel"),
        world,
        episodes,
    );
}

fn raise(
    observation: &Observation,
    (protocol, field, value): (Protocol, &'static str, String),
    summary: String,
    silent_if: &'static str,
    (severity, started, detector): (Severity, Timestamp, &'static str),
    world: &World<'_>,
    episodes: &mut Episodes,
) {
    let from = observation.from.ip.map(|ip| ip.to_string()).unwrap_or_default();
    episodes.raise(
        Alarm {
            techniques: &["T1048.003", "T1071.004", "T1572"],
            severity,
            confidence: 0.75,
            device: Some(observation.from),
            source: Some(observation.from),
            summary,
            evidence: vec![world.names.evidence(observation, protocol, field, &value)],
            started,
            silent_if: silent_if.to_owned(),
            ..Alarm::about(Attack::PassiveGathering, detector, from, observation)
        },
        world.inventory,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_at_the_registered_domain() {
        assert_eq!(split("a.b.example.org"), Some(("a.b", "example.org")));
        assert_eq!(split("a.b.example.co.uk."), Some(("a.b", "example.co.uk")));
        assert_eq!(split("localhost"), None);
    }

    #[test]
    fn random_text_has_more_bits_than_words() {
        assert!(looks_random("ks8f3h2lq9x0zv7b4n1m6c5w"));
        assert!(!looks_random("www12.some-long-ordinary-name"));
        assert!(entropy("aaaaaaaaaaaaaaaaaaaaaaaaaa") < 0.1);
    }
}
