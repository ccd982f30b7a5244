//! Syslog: which host and which of its programs writes. The words of a message are not read.

use wardline_model::{Fact, Label, Protocol};
use wardline_wire::enterprise::recognition::{probe_syslog, probe_syslog_stream};
use wardline_wire::enterprise::syslog::{Message, frame};
use wardline_wire::{Consumed, Direction, StreamBuffer, Verdict};

use super::introduction::{attribute, introduction};
use super::{Context, Datagram, FirstBytes, Progress, Stream, StreamAdaptor};

/// Longest message over a stream; RFC 5424 section 6.1 has receivers take 2,048 bytes.
const MESSAGE_BYTES_MAX: usize = 8_192;

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::Syslog,
    ports: &[514],
    first: FirstBytes::of(&[b'<'..=b'<']),
    probe: probe_syslog,
    read,
    encrypted: false,
};

pub(super) const STREAM: Stream = Stream {
    protocol: Protocol::Syslog,
    ports: &[514, 601],
    probe: |_: Direction, opening: &[u8]| -> Verdict { probe_syslog_stream(opening) },
    adaptor: || Box::new(Adaptor { sender: StreamBuffer::new(2 * MESSAGE_BYTES_MAX) }),
};

struct Adaptor {
    sender: StreamBuffer,
}

impl StreamAdaptor for Adaptor {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        if direction == Direction::Backward {
            return Progress::Continue;
        }
        for piece in bytes.chunks(MESSAGE_BYTES_MAX) {
            let fits = self.sender.feed(piece, |unread| {
                let (message, length) = frame(unread)?;
                if let Ok(message) = Message::parse(message) {
                    tell(&message, context);
                }
                Some(Consumed::exactly(length))
            });
            if !fits {
                return Progress::Done;
            }
        }
        Progress::Continue
    }

    fn gap(&mut self, direction: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        // Behind a hole the next line end is as good as any; what it cuts is no message.
        if direction == Direction::Forward {
            self.sender.clear();
        }
        Progress::Continue
    }
}

fn read(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    let Ok(message) = Message::parse(datagram) else { return Progress::Lost };
    tell(&message, context);
    Progress::Continue
}

fn tell(message: &Message<'_>, context: &mut Context<'_>) {
    if !context.first_time((message.host, message.program)) {
        return;
    }
    let mut told = introduction(Protocol::Syslog, "syslog.hostname");
    // Some write their address, which says nothing new.
    told.name = message
        .host
        .filter(|host| std::str::from_utf8(host).is_ok_and(|text| text.parse::<std::net::IpAddr>().is_err()))
        .and_then(Label::non_empty);
    told.role = Some(Label::new("syslog client"));
    attribute(&mut told, "program", message.program.and_then(Label::non_empty));
    context.tell(Fact::Identity(Box::new(told)));
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    #[test]
    fn host_and_program_are_told_once_and_no_words() {
        let line = b"<34>Oct 11 22:14:15 gw su: secret words\n";
        let twice = [&line[..], line].concat();
        let (whole, _) = driver::stream(&STREAM, &[(Direction::Forward, &twice)], usize::MAX);
        let [Fact::Identity(told)] = &whole[..] else { panic!("{whole:?}") };
        assert_eq!(told.name, Some(Label::new("gw")));
        assert!(!format!("{whole:?}").contains("secret"));
        for size in [1, 7] {
            assert_eq!(driver::stream(&STREAM, &[(Direction::Forward, &twice)], size).0, whole);
        }
        let facts = driver::datagram(&DATAGRAM, b"<34>1 2003-10-11T22:14:15.003Z 192.0.2.7 app - - - words");
        let [Fact::Identity(told)] = &facts[..] else { panic!("{facts:?}") };
        assert_eq!((told.name.clone(), told.attributes.len()), (None, 1));
    }
}
