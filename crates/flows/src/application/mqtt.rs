//! MQTT.

use wardline_model::fact::{CredentialFact, CredentialKind, MqttFact, TopicShape};
use wardline_model::{Fact, Label, Protocol, Subject};
use wardline_wire::enterprise::mqtt::{Connect, Packet, Publish, Session, probe};
use wardline_wire::{Direction, Sensitive};

use super::{Context, Progress, Stream, StreamAdaptor, telemetry};

pub(super) const STREAM: Stream =
    Stream { protocol: Protocol::Mqtt, ports: &[1883, 1884], probe, adaptor: || Box::<Mqtt>::default() };

#[derive(Default)]
struct Mqtt {
    session: Session,
}

impl StreamAdaptor for Mqtt {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let right = self.session.feed(direction, bytes, |packet| match packet {
            Packet::Connect(connect) => self::connect(&connect, context),
            Packet::Connected(reason) => tell(context, MqttFact::Connected { reason }),
            Packet::Publish(publish) => self::publish(&publish, context),
            Packet::Subscribe(filter) => {
                let text = filter.filter;
                let everything = text == b"#" || text.starts_with(b"$SYS") || text == b"+/#";
                let filter = topic(text, context);
                tell(context, MqttFact::Subscribe { filter, everything });
            }
            Packet::Disconnect(reason) => tell(context, MqttFact::Disconnect { reason }),
            Packet::Other(_) => {}
        });
        if right { Progress::Continue } else { Progress::Lost }
    }

    fn gap(&mut self, direction: Direction, length: u64, _: &mut Context<'_>) -> Progress {
        if self.session.gap(direction, length) { Progress::Continue } else { Progress::Done }
    }
}

fn tell(context: &mut Context<'_>, fact: MqttFact) {
    context.tell(Fact::Mqtt(Box::new(fact)));
}

fn connect(connect: &Connect<'_>, context: &mut Context<'_>) {
    let account = connect.account.map(|account| context.pseudonym(Subject::Account, account));
    if let Some(secret) = connect.secret {
        let secret = context.pseudonym(Subject::Secret, secret);
        context.tell(Fact::Credential(Box::new(CredentialFact {
            protocol: Protocol::Mqtt,
            kind: CredentialKind::Password,
            field: Label::new("mqtt.passwd"),
            account,
            secret: Some(secret),
        })));
    }
    let will = connect.will_topic.map(|will| topic(will, context));
    tell(
        context,
        MqttFact::Connect {
            level: connect.level,
            client: Label::from_bytes(connect.client),
            keep_alive_s: connect.keep_alive_s,
            clean: connect.clean,
            will,
            has_account: account.is_some(),
        },
    );
}

/// Levels of a topic that may name a person are taken out: those with digits or other characters.
fn topic(text: &[u8], context: &Context<'_>) -> TopicShape {
    let shape: Vec<_> = text
        .split(|byte| *byte == b'/')
        .map(|level| {
            let plain = level.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-'));
            let wildcard = matches!(level, b"#" | b"+");
            let own = level.first() == Some(&b'$');
            if plain || wildcard || own {
                String::from_utf8_lossy(level).into_owned()
            } else {
                "*".to_owned()
            }
        })
        .collect();
    TopicShape {
        shape: Label::new(&shape.join("/")),
        topic: context.pseudonym(Subject::Resource, Sensitive::new(text)),
    }
}

fn publish(publish: &Publish<'_>, context: &mut Context<'_>) {
    let payload = publish.payload.expose();
    let content = context.pseudonym(Subject::Content, publish.payload);
    let shape = topic(publish.topic, context);
    tell(
        context,
        MqttFact::Publish {
            topic: shape,
            retained: publish.retained,
            duplicate: publish.duplicate,
            quality: publish.quality,
            payload_bytes: u32::try_from(payload.len()).unwrap_or(u32::MAX),
            content,
        },
    );
    // What the broker passes on was told when it came in.
    if context.direction == Direction::Backward {
        return;
    }
    match telemetry::format(payload) {
        Some(format) => telemetry::document(format, payload, Protocol::Mqtt, context),
        None => {
            let name = publish.topic.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            telemetry::single(name, payload, Protocol::Mqtt, context)
        }
    };
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    fn facts(stream: &[u8]) -> Vec<Fact> {
        driver::stream(&STREAM, &[(Direction::Forward, stream)], 7).0
    }

    fn publish(topic: &str, payload: &str) -> Vec<u8> {
        let mut packet = vec![0x30, (2 + topic.len() + payload.len()) as u8, 0, topic.len() as u8];
        packet.extend(topic.as_bytes());
        packet.extend(payload.as_bytes());
        packet
    }

    const CONNECT: &[u8] = b"\x10\x1c\x00\x04MQTT\x04\xc2\x00\x3c\x00\x06pump-7\x00\x01u\x00\x05hunte";

    #[test]
    fn credentials_and_quantities_are_told_and_no_content() {
        let mut stream = CONNECT.to_vec();
        stream.extend(publish("ward/7/vitals", r#"{"patient_id":"X9","hr":72,"spo2":97.5,"note":"x"}"#));
        let facts = facts(&stream);
        assert!(facts.iter().any(|fact| matches!(fact, Fact::Credential(_))));
        let values: Vec<_> = facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Measurement(measured) => {
                    Some((measured.code.as_str(), measured.value, measured.patient.is_some()))
                }
                _ => None,
            })
            .collect();
        assert_eq!(values, [("hr", 72.0, true), ("spo2", 97.5, true)]);
        let text = format!("{facts:?}");
        assert!(text.contains("ward/*/vitals") && !text.contains("X9") && !text.contains("hunte"), "{text}");
    }

    #[test]
    fn who_asks_for_everything_is_told() {
        let mut stream = CONNECT.to_vec();
        stream.extend(b"\x82\x06\x00\x01\x00\x01#\x00");
        assert!(facts(&stream).iter().any(|fact| matches!(fact, Fact::Mqtt(mqtt)
            if matches!(mqtt.as_ref(), MqttFact::Subscribe { everything: true, .. }))));
    }
}
