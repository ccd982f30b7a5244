//! Telnet until somebody is logged in, and as long as a serial line is carried over it.

use wardline_model::fact::{BannerFact, CredentialFact, CredentialKind};
use wardline_model::{Fact, Label, Protocol, Pseudonym, Subject};
use wardline_wire::Direction;
use wardline_wire::enterprise::telnet::{Event, Session, probe};

use super::serial::Line;
use super::{Context, Progress, Stream, StreamAdaptor};

pub(super) const STREAM: Stream =
    Stream { protocol: Protocol::Telnet, ports: &[23], probe, adaptor: || Box::<Telnet>::default() };

/// Bytes of both directions after which the log-in is long over.
const BYTES_READ: u64 = 64 * 1024;
/// Longest banner told, bytes.
const BANNER_BYTES_MAX: usize = 64;

#[derive(Default)]
struct Telnet {
    session: Session,
    account: Option<Pseudonym>,
    bytes: u64,
    line: Line,
}

impl StreamAdaptor for Telnet {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        self.bytes += bytes.len() as u64;
        let Self { account, line, .. } = self;
        self.session.feed(direction, bytes, |event| match event {
            Event::ComPort(command) => line.control(command, context),
            Event::Text(text) => line.data(text, context),
            Event::Banner(text) => {
                let text =
                    Label::from_bytes(text.get(..text.len().min(BANNER_BYTES_MAX)).unwrap_or_default());
                context.tell(Fact::Banner(Box::new(BannerFact { protocol: Protocol::Telnet, text })));
            }
            Event::Account(name) => *account = Some(context.pseudonym(Subject::Account, name)),
            Event::Password(secret) => {
                let secret = context.pseudonym(Subject::Secret, secret);
                context.tell(Fact::Credential(Box::new(CredentialFact {
                    protocol: Protocol::Telnet,
                    kind: CredentialKind::Password,
                    field: Label::new("password prompt"),
                    account: *account,
                    secret: Some(secret),
                })));
            }
            Event::Refused => *account = None,
        });
        if self.bytes > BYTES_READ && !self.line.is_known() { Progress::Done } else { Progress::Continue }
    }

    fn gap(&mut self, direction: Direction, length: u64, context: &mut Context<'_>) -> Progress {
        self.session.gap();
        self.line.gap(direction, length, context);
        Progress::Continue
    }

    fn end(&mut self, context: &mut Context<'_>) {
        self.line.end(context);
    }
}
