//! FTP control connections.

use wardline_model::fact::{BannerFact, CredentialFact, CredentialKind, FtpFact};
use wardline_model::{Fact, Label, Protocol, Pseudonym, Subject};
use wardline_wire::Direction;
use wardline_wire::enterprise::ftp::{Message, Session, probe};

use super::names::extension;
use super::{Context, Progress, Stream, StreamAdaptor};

pub(super) const STREAM: Stream =
    Stream { protocol: Protocol::Ftp, ports: &[21], probe, adaptor: || Box::<Ftp>::default() };

#[derive(Default)]
struct Ftp {
    session: Session,
    account: Option<Pseudonym>,
    greeted: bool,
    protecting: bool,
    protected: bool,
}

impl StreamAdaptor for Ftp {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let Self { session, account, greeted, protecting, protected } = self;
        let readable = session.feed(direction, bytes, |message| match message {
            Message::Command { verb, argument } => {
                let verb = verb.to_ascii_uppercase();
                *protecting = verb == b"AUTH";
                let mut file = None;
                match verb.as_slice() {
                    b"USER" => *account = Some(context.pseudonym(Subject::Account, argument)),
                    b"PASS" => {
                        let secret = context.pseudonym(Subject::Secret, argument);
                        context.tell(Fact::Credential(Box::new(CredentialFact {
                            protocol: Protocol::Ftp,
                            kind: CredentialKind::Password,
                            field: Label::new("PASS"),
                            account: *account,
                            secret: Some(secret),
                        })));
                    }
                    b"RETR" | b"STOR" | b"APPE" | b"DELE" | b"RNTO" => file = extension(argument.expose()),
                    _ => {}
                }
                context.tell(Fact::Ftp(Box::new(FtpFact {
                    command: Label::from_bytes(&verb),
                    reply: 0,
                    extension: file,
                })));
            }
            Message::Reply { code, text, .. } => {
                if code == 220 && !*greeted {
                    *greeted = true;
                    context.tell(Fact::Banner(Box::new(BannerFact {
                        protocol: Protocol::Ftp,
                        text: Label::from_bytes(text),
                    })));
                }
                *protected |= code == 234 && *protecting;
                context.tell(Fact::Ftp(Box::new(FtpFact {
                    command: Label::default(),
                    reply: code,
                    extension: None,
                })));
            }
        });
        match (readable, self.protected) {
            (true, false) => Progress::Continue,
            _ => Progress::Done,
        }
    }

    fn gap(&mut self, direction: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        self.session.gap(direction);
        Progress::Continue
    }

    fn encrypted(&self) -> Option<bool> {
        Some(self.protected)
    }
}
