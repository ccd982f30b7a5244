//! RTSP: cameras, who watches them, and whether anybody may.

use wardline_model::fact::{CredentialFact, CredentialKind, Protection};
use wardline_model::{Fact, Label, Protocol, Subject};
use wardline_wire::enterprise::http::{Authorization, Challenge};
use wardline_wire::enterprise::recognition::probe_rtsp;
use wardline_wire::enterprise::rtsp::{Head, Start, head};
use wardline_wire::{Consumed, Direction, Sensitive, StreamBuffer, Verdict};

use super::introduction::{attribute, introduction, protection};
use super::{Context, Progress, Stream, StreamAdaptor};

/// Longest head.
const HEAD_BYTES_MAX: usize = 16_384;

pub(super) const STREAM: Stream = Stream {
    protocol: Protocol::Rtsp,
    ports: &[554, 8554],
    probe: |_: Direction, opening: &[u8]| -> Verdict { probe_rtsp(opening) },
    adaptor: || {
        let buffer = || StreamBuffer::new(2 * HEAD_BYTES_MAX);
        Box::new(Adaptor { sides: [buffer(), buffer()], asked: Asked::default() })
    },
};

struct Adaptor {
    sides: [StreamBuffer; 2],
    asked: Asked,
}

/// The last request.
#[derive(Clone, Copy, Default)]
struct Asked {
    /// It asks for a description or for media.
    media: bool,
    /// It came with credentials.
    credentials: bool,
}

impl StreamAdaptor for Adaptor {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let Some(side) = self.sides.get_mut(direction.index()) else { return Progress::Done };
        let asked = &mut self.asked;
        for piece in bytes.chunks(HEAD_BYTES_MAX) {
            let fits = side.feed(piece, |unread| {
                let (found, bytes, skip) = head(unread)?;
                if let Some(head) = found {
                    tell(&head, asked, context);
                }
                Some(Consumed { bytes, skip })
            });
            if !fits {
                return Progress::Done;
            }
        }
        Progress::Continue
    }

    fn gap(&mut self, direction: Direction, length: u64, _: &mut Context<'_>) -> Progress {
        let passed = self.sides.get_mut(direction.index()).is_some_and(|side| side.pass_over(length));
        if passed { Progress::Continue } else { Progress::Done }
    }
}

fn tell(head: &Head<'_>, asked: &mut Asked, context: &mut Context<'_>) {
    match head.start {
        Start::Request(method) => {
            let authorization = head.get(b"authorization").map(Authorization::parse);
            *asked = Asked {
                media: matches!(method, b"DESCRIBE" | b"SETUP" | b"PLAY"),
                credentials: authorization.is_some(),
            };
            if let Some((scheme, Some(credentials))) = authorization {
                credential(scheme, credentials, context);
            }
            let agent = head.get(b"user-agent").and_then(Label::non_empty);
            if context.first_time(("request", &agent)) {
                let mut told = introduction(Protocol::Rtsp, "User-Agent");
                told.role = Some(Label::new("rtsp client"));
                attribute(&mut told, "user agent", agent);
                context.tell(Fact::Identity(Box::new(told)));
            }
        }
        Start::Response(status) => {
            let server = head.get(b"server").and_then(Label::non_empty);
            let challenge = head.get(b"www-authenticate").map(Challenge::parse);
            let realm = challenge.and_then(|challenge| challenge.realm.and_then(Label::non_empty));
            if context.first_time(("response", &server, &realm)) {
                let mut told = introduction(Protocol::Rtsp, "Server");
                told.role = Some(Label::new("rtsp server"));
                told.description = server;
                attribute(&mut told, "realm", realm);
                context.tell(Fact::Identity(Box::new(told)));
            }
            if status == 200 && asked.media && !asked.credentials && context.first_time("open") {
                context.tell(protection(Protocol::Rtsp, "RTSP without a log-in", Protection::Absent));
            }
        }
    }
}

fn credential(scheme: &[u8], credentials: Authorization<'_>, context: &mut Context<'_>) {
    let (kind, account, secret) = match credentials {
        Authorization::Basic { account, secret } => {
            let (account, secret) = (account.expose(), secret.expose());
            let account = context.pseudonym(Subject::Account, Sensitive::new(account.as_slice()));
            let secret = context.pseudonym(Subject::Secret, Sensitive::new(secret.as_slice()));
            (CredentialKind::Basic, Some(account), Some(secret))
        }
        Authorization::Digest { account } => {
            let account = account.map(|account| context.pseudonym(Subject::Account, account));
            (CredentialKind::ChallengeResponse, account, None)
        }
        _ => return,
    };
    if context.first_time(("credential", kind, account, secret)) {
        context.tell(Fact::Credential(Box::new(CredentialFact {
            protocol: Protocol::Rtsp,
            kind,
            field: Label::new(&format!("Authorization: {}", Label::from_bytes(scheme))),
            account,
            secret,
        })));
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    #[test]
    fn an_open_camera_is_told() {
        let asked = b"DESCRIBE rtsp://192.0.2.2/1 RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: Viewer/3\r\n\r\n";
        let answer =
            b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: Example Cam\r\nContent-Length: 3\r\n\r\nv=0$\0\0\x02xx";
        let pieces = [(Direction::Forward, &asked[..]), (Direction::Backward, &answer[..])];
        let (whole, _) = driver::stream(&STREAM, &pieces, usize::MAX);
        let [Fact::Identity(_), Fact::Identity(camera), Fact::Protection(open)] = &whole[..] else {
            panic!("{whole:?}")
        };
        assert_eq!(camera.description, Some(Label::new("Example Cam")));
        assert_eq!(open.strength, Protection::Absent);
        for size in [1, 6, 50] {
            assert_eq!(driver::stream(&STREAM, &pieces, size).0, whole, "{size}");
        }
    }

    #[test]
    fn a_log_in_is_told_without_its_words() {
        let asked = b"DESCRIBE rtsp://192.0.2.2/1 RTSP/1.0\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
        let answer = b"RTSP/1.0 200 OK\r\n\r\n";
        let pieces = [(Direction::Forward, &asked[..]), (Direction::Backward, &answer[..])];
        let (whole, _) = driver::stream(&STREAM, &pieces, usize::MAX);
        assert!(whole.iter().any(|fact| matches!(fact, Fact::Credential(_))));
        assert!(!whole.iter().any(|fact| matches!(fact, Fact::Protection(_))));
        assert!(!format!("{whole:?}").contains("Aladdin"));
    }
}
