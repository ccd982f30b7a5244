//! HTTP/1, and what is spoken over it: FHIR, DICOMweb, IPP, SDC.

mod body;
mod dicomweb;
mod fhir;
#[cfg(test)]
mod recorded;
mod sdc;

use std::collections::VecDeque;

use wardline_model::fact::{
    CredentialFact, CredentialKind, HttpFact, HttpRequest, HttpResponse, PatientDataFact, PatientFields,
    RecordAccessFact,
};
use wardline_model::{Fact, Label, Protocol, Pseudonym, Subject};
use wardline_wire::clinical::fhir::Format;
use wardline_wire::enterprise::http::{Authorization, BodyFormat, Challenge, Event, Field, Head, Request};
use wardline_wire::enterprise::http::{Response, Session, State, fields, path_shape, probe};
use wardline_wire::{Direction, Sensitive};

use self::body::{Body, Reading};
use super::digest::FILE_BYTES_MAX;
use super::{Context, Progress, Stream, StreamAdaptor, ntlm, patient_fields};

pub(super) const STREAM: Stream = Stream {
    protocol: Protocol::Http,
    ports: &[80, 8080, 8000, 8042, 631, 5985, 3128],
    probe,
    adaptor: || Box::new(Adaptor::default()),
};

/// Credentials remembered so that each is told once per conversation.
const CREDENTIALS_MAX: usize = 8;
/// Requests without answer whose meaning is remembered; clients that send so many ahead are none.
const ACCESSES_MAX: usize = 64;

#[derive(Default)]
struct Adaptor {
    session: Session,
    bodies: [Body; 2],
    told: Told,
}

/// What was told already.
#[derive(Default)]
struct Told {
    credentials: Vec<Pseudonym>,
    application: Option<Protocol>,
    anything: bool,
    memory: sdc::Memory,
    /// What the requests asked for that are not answered, oldest first; nothing for one that is of no records.
    asked: VecDeque<Option<Box<RecordAccessFact>>>,
    /// Which way requests go; a conversation that began before the capture may be seen the other way round.
    client: Option<Direction>,
}

impl StreamAdaptor for Adaptor {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let [forward, backward] = &mut self.bodies;
        let body = match direction {
            Direction::Forward => forward,
            Direction::Backward => backward,
        };
        let told = &mut self.told;
        if context.digests.any() {
            self.session.show_whole_bodies(FILE_BYTES_MAX);
        }
        let state = self.session.feed(direction, bytes, |event| match event {
            Event::Request(request) => {
                told.request(request, context);
                body.begin(told.reading(&request.head, true), &request.head, context);
            }
            Event::Response(response) => {
                told.response(response, context);
                body.begin(told.reading(&response.head, false), &response.head, context);
            }
            Event::Body(piece) => {
                body.feed(piece, context);
                body.digest(piece);
            }
            Event::BodyEnd => told.body(body, context),
            Event::BodyRest(piece) => body.digest(piece),
            Event::BodyWhole => body.whole(told.protocol(), context),
        });
        match state {
            State::Open => Progress::Continue,
            State::Switched => Progress::Done,
            // After a message that could be read it stays HTTP, whatever follows.
            State::Lost if self.told.anything => Progress::Done,
            State::Lost => Progress::Lost,
        }
    }

    fn gap(&mut self, direction: Direction, length: u64, context: &mut Context<'_>) -> Progress {
        if let Some(body) = self.bodies.get_mut(direction.index()) {
            self.told.body(body, context);
        }
        if self.session.gap(direction, length) { Progress::Continue } else { Progress::Done }
    }

    fn end(&mut self, context: &mut Context<'_>) {
        for direction in [Direction::Forward, Direction::Backward] {
            context.direction = direction;
            if let Some(body) = self.bodies.get_mut(direction.index()) {
                self.told.body(body, context);
                if self.session.is_whole_at_close(direction) {
                    body.whole(self.told.protocol(), context);
                }
            }
        }
        while !self.told.asked.is_empty() {
            self.told.answered(None, context);
        }
    }
}

impl Told {
    /// What is spoken, as exactly as it is known.
    fn protocol(&self) -> Protocol {
        self.application.unwrap_or(Protocol::Http)
    }

    fn request(&mut self, request: &Request<'_, '_>, context: &mut Context<'_>) {
        let head = &request.head;
        let field = |name| head.get(name).and_then(Label::non_empty);
        self.anything = true;
        let authorization = head.get("authorization").map(Authorization::parse);
        self.recognise(request.target, head, context);
        context.tell(Fact::Http(Box::new(HttpFact::Request(HttpRequest {
            method: Label::new(request.method),
            host: field("host"),
            path_shape: Label::new(&path_shape(request.target)),
            user_agent: field("user-agent"),
            content_type: field("content-type"),
            soap_action: field("soapaction"),
            authorization: authorization.as_ref().and_then(|(scheme, _)| Label::non_empty(scheme)),
            content_length: head.content_length(),
        }))));
        let authenticated = head.get("authorization").is_some() || head.get("cookie").is_some();
        let access = match self.application {
            Some(Protocol::Fhir) => fhir::access(request, authenticated, context),
            _ => dicomweb::access(request, authenticated, context),
        };
        if let Some(access) = &access {
            self.speaks(access.protocol, context);
        }
        self.client = Some(context.direction);
        self.asked.push_back(access);
        if self.asked.len() > ACCESSES_MAX {
            self.answered(None, context);
        }
        let proxy = head.get("proxy-authorization").map(Authorization::parse);
        for (name, read) in [("Authorization", authorization), ("Proxy-Authorization", proxy)] {
            if let Some((scheme, Some(credentials))) = read {
                self.authorization(name, scheme, credentials, context);
            }
        }
        for name in ["x-api-key", "x-auth-token", "apikey", "x-access-token"] {
            if let Some(secret) = head.get(name) {
                self.credential(CredentialKind::Bearer, name, None, Some(Sensitive::new(secret)), context);
            }
        }
        for cookies in head.all("cookie") {
            self.cookies(cookies, context);
        }
        if let Some((_, query)) = request.target.split_once('?') {
            self.login(BodyFormat::Form, query.as_bytes(), context);
        }
    }

    /// Tells what the oldest request asked for, with its answer.
    fn answered(&mut self, status: Option<u16>, context: &mut Context<'_>) {
        let Some(Some(mut access)) = self.asked.pop_front() else { return };
        access.status = status;
        // It is the client who asks, whoever speaks now.
        let client = self.client.unwrap_or(Direction::Forward);
        let direction = std::mem::replace(&mut context.direction, client);
        context.tell(Fact::RecordAccess(access));
        context.direction = direction;
    }

    /// How a body is read: by its type, and by what is spoken.
    fn reading(&mut self, head: &Head<'_, '_>, request: bool) -> Option<Reading> {
        let content_type = head.get("content-type")?;
        if content_type.starts_with(b"application/ipp") {
            return Some(Reading::Printing(Vec::new()));
        }
        if let Some(objects) = dicomweb::Objects::new(content_type, request) {
            return Some(Reading::Dicom(Box::new(objects)));
        }
        let soap = contains_without_case(content_type, b"soap+xml")
            || self.application == Some(Protocol::Sdc) && contains_without_case(content_type, b"xml");
        if soap {
            return Some(Reading::Soap(Box::new(sdc::Envelope::new(&mut self.memory))));
        }
        let lines = contains_without_case(content_type, b"ndjson");
        let format = BodyFormat::from_content_type(content_type).or(lines.then_some(BodyFormat::Json))?;
        let fhir = |format| Some(Reading::Fhir(Box::new(fhir::Resources::new(format))));
        match (self.application, format) {
            (Some(Protocol::Fhir), BodyFormat::Json) => fhir(Format::Json),
            (Some(Protocol::Fhir), BodyFormat::Xml) => fhir(Format::Xml),
            (Some(Protocol::Dicomweb), BodyFormat::Json) => {
                Some(Reading::Dicom(Box::new(dicomweb::Objects::described())))
            }
            (_, format) => Some(Reading::Keep(format, Vec::new())),
        }
    }

    fn response(&mut self, response: &Response<'_, '_>, context: &mut Context<'_>) {
        let head = &response.head;
        let field = |name| head.get(name).and_then(Label::non_empty);
        self.anything = true;
        let challenge = head.get("www-authenticate").map(Challenge::parse);
        self.recognise("", head, context);
        if response.status >= 200 {
            self.answered(Some(response.status), context);
        }
        let authenticate = challenge.as_ref().and_then(|challenge| {
            let scheme = Label::non_empty(challenge.scheme)?;
            Some(match challenge.realm.and_then(Label::non_empty) {
                Some(realm) => Label::new(&format!("{scheme} realm=\"{realm}\"")),
                None => scheme,
            })
        });
        context.tell(Fact::Http(Box::new(HttpFact::Response(HttpResponse {
            status: response.status,
            server: field("server"),
            content_type: field("content-type"),
            authenticate,
            powered_by: field("x-powered-by").or_else(|| field("x-aspnet-version")),
            content_length: head.content_length(),
        }))));
        let proxy = head.get("proxy-authenticate").map(Challenge::parse);
        for token in [challenge, proxy].into_iter().flatten().filter_map(|challenge| challenge.token) {
            ntlm::tell(&token.expose(), Protocol::Http, context);
        }
    }

    /// What is spoken over HTTP: by the path and the types that its standard gives.
    fn recognise(&mut self, target: &str, head: &Head<'_, '_>, context: &mut Context<'_>) {
        let content_type = head.get("content-type").unwrap_or_default();
        let accept = head.get("accept").unwrap_or_default();
        let action = head.get("soapaction").unwrap_or_default();
        let named =
            |needle: &[u8]| [content_type, accept].iter().any(|value| contains_without_case(value, needle));
        let application = if named(b"fhir+") || is_fhir_path(target) {
            Protocol::Fhir
        } else if named(b"application/dicom") {
            Protocol::Dicomweb
        } else if named(b"application/ipp") {
            Protocol::Ipp
        } else if [content_type, action]
            .iter()
            .any(|value| contains_without_case(value, b"ieee.org/downloads/11073"))
        {
            Protocol::Sdc
        } else {
            return;
        };
        self.speaks(application, context);
    }

    fn speaks(&mut self, application: Protocol, context: &mut Context<'_>) {
        self.application = Some(application);
        context.labels.application = Some(application);
    }

    fn authorization(
        &mut self,
        name: &str,
        scheme: &[u8],
        credentials: Authorization<'_>,
        context: &mut Context<'_>,
    ) {
        let field = format!("{name}: {}", Label::from_bytes(scheme));
        match credentials {
            Authorization::Basic { account, secret } => {
                let (account, secret) = (account.expose(), secret.expose());
                let account = Some(Sensitive::new(account.as_slice()));
                let secret = Some(Sensitive::new(secret.as_slice()));
                self.credential(CredentialKind::Basic, &field, account, secret, context);
            }
            Authorization::Digest { account } => {
                self.credential(CredentialKind::ChallengeResponse, &field, account, None, context);
            }
            Authorization::Bearer(secret) => {
                self.credential(CredentialKind::Bearer, &field, None, Some(secret), context);
            }
            Authorization::Token(token) => ntlm::tell(&token.expose(), Protocol::Http, context),
        }
    }

    /// Cookies that keep a session, by the names that the usual frameworks give them.
    fn cookies(&mut self, cookies: &[u8], context: &mut Context<'_>) {
        const NAMES: [&[u8]; 7] = [b"sess", b"sid", b"auth", b"token", b"jwt", b"login", b"identity"];
        for cookie in cookies.split(|byte| *byte == b';').take(64) {
            let mut parts = cookie.splitn(2, |byte| *byte == b'=');
            let name = parts.next().unwrap_or_default();
            let value = Sensitive::new(parts.next().unwrap_or_default());
            if !value.is_empty() && NAMES.iter().any(|known| contains_without_case(name, known)) {
                self.credential(CredentialKind::Bearer, "Cookie", None, Some(value), context);
            }
        }
    }

    /// A log-in form: a field whose name says that it holds a password.
    fn login(&mut self, format: BodyFormat, body: &[u8], context: &mut Context<'_>) {
        let mut account = None;
        let mut secret = None;
        fields(format, body, |Field { key, value }| {
            let Some(value) = value.filter(|value| !value.is_empty()) else { return };
            let key = key.to_ascii_lowercase();
            match key.as_slice() {
                b"password" | b"passwd" | b"pass" | b"pwd" | b"passwort" | b"j_password" | b"loginpas"
                | b"user_password" | b"login_password" => {
                    secret.get_or_insert((key, value));
                }
                b"user" | b"username" | b"login" | b"usr" | b"uname" | b"userid" | b"user_name"
                | b"account" | b"j_username" | b"email" => account = account.or(Some(value)),
                _ => {}
            }
        });
        if let Some((key, secret)) = secret {
            let field = Label::from_bytes(&key);
            self.credential(CredentialKind::Password, field.as_str(), account, Some(secret), context);
        }
    }

    fn credential(
        &mut self,
        kind: CredentialKind,
        field: &str,
        account: Option<Sensitive<&[u8]>>,
        secret: Option<Sensitive<&[u8]>>,
        context: &mut Context<'_>,
    ) {
        let account = account.map(|account| context.pseudonym(Subject::Account, account));
        let secret = secret.map(|secret| context.pseudonym(Subject::Secret, secret));
        let Some(key) = secret.or(account) else { return };
        if self.credentials.contains(&key) {
            return;
        }
        if self.credentials.len() >= CREDENTIALS_MAX {
            self.credentials.remove(0);
        }
        self.credentials.push(key);
        context.tell(Fact::Credential(Box::new(CredentialFact {
            protocol: Protocol::Http,
            kind,
            field: Label::new(field),
            account,
            secret,
        })));
    }

    /// The body is over, or enough of it was seen: looks through one that was kept.
    fn body(&mut self, body: &mut Body, context: &mut Context<'_>) {
        let Some((format, body)) = body.end(&mut self.memory, context) else { return };
        let found = patient_fields::look(format, &body);
        if found.fhir && self.application.is_none() && format == BodyFormat::Json {
            self.speaks(Protocol::Fhir, context);
            let mut resources = fhir::Resources::new(Format::Json);
            resources.feed(&body, context);
            resources.finish(context);
            return;
        }
        if found.fields != PatientFields::default() {
            let protocol = self.application.unwrap_or(Protocol::Http);
            context.tell(Fact::PatientData(Box::new(PatientDataFact { protocol, fields: found.fields })));
        }
        if format != BodyFormat::Xml {
            self.login(format, &body, context);
        }
    }
}

fn contains_without_case(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle))
}

/// Segments of the path in front of the query.
fn segments(target: &str) -> impl Iterator<Item = &str> {
    target.split(['?', '#']).next().unwrap_or_default().split('/')
}

fn is_fhir_path(target: &str) -> bool {
    segments(target).any(|segment| segment.eq_ignore_ascii_case("fhir"))
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;
    use wardline_model::fact::PatientField;

    fn facts(pieces: &[(Direction, &[u8])]) -> Vec<Fact> {
        let (whole, _) = driver::stream(&STREAM, pieces, usize::MAX);
        for size in [1, 2, 7, 100] {
            assert_eq!(driver::stream(&STREAM, pieces, size).0, whole, "{size}");
        }
        whole
    }

    fn credentials(facts: &[Fact]) -> Vec<(CredentialKind, String, bool, bool)> {
        let tell = |fact: &CredentialFact| {
            (fact.kind, fact.field.to_string(), fact.account.is_some(), fact.secret.is_some())
        };
        facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Credential(fact) => Some(tell(fact)),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_request_and_its_credentials_are_told_once() {
        let request = b"GET /cgi/config?user=a&pwd=b HTTP/1.1\r\nHost: pump.example\r\n\
            Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\nCookie: lang=de; JSESSIONID=12345\r\n\r\n";
        let twice = [&request[..], request].concat();
        let facts = facts(&[(Direction::Forward, &twice)]);
        let Fact::Http(http) = &facts[0] else { panic!() };
        let HttpFact::Request(request) = &**http else { panic!() };
        assert_eq!(request.path_shape.as_str(), "/cgi/config");
        assert_eq!(request.authorization, Some(Label::new("Basic")));
        assert_eq!(
            credentials(&facts),
            [
                (CredentialKind::Basic, "Authorization: Basic".to_owned(), true, true),
                (CredentialKind::Bearer, "Cookie".to_owned(), false, true),
                (CredentialKind::Password, "pwd".to_owned(), true, true),
            ]
        );
    }

    #[test]
    fn a_patient_is_noticed_and_not_named() {
        let body =
            br#"{"resourceType":"Patient","name":[{"family":"Examplename"}],"birthDate":"1970-01-01"}"#;
        let head = format!(
            "HTTP/1.1 200 OK\r\nServer: fhird/1.0\r\nContent-Type: application/fhir+json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let request = b"GET /fhir/Patient/Examplename HTTP/1.1\r\n\r\n";
        let response = [head.as_bytes(), body].concat();
        let facts = facts(&[(Direction::Forward, request), (Direction::Backward, &response)]);
        let Some(Fact::PatientData(fact)) = facts.last() else { panic!("{facts:?}") };
        assert_eq!(fact.protocol, Protocol::Fhir);
        assert!(fact.fields.contains(PatientField::BirthDate));
        let text = format!("{facts:?}");
        assert!(!text.contains("Examplename") && !text.contains("1970-01-01"));
    }

    /// Length and SHA-256 of every file told.
    fn files(facts: &[Fact]) -> Vec<(u64, String)> {
        let told = facts.iter().filter_map(|fact| match fact {
            Fact::File(file) => Some((file.bytes, file.digests.get(2)?.to_string())),
            _ => None,
        });
        told.collect()
    }

    fn expected(content: &[u8]) -> (u64, String) {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(content);
        (content.len() as u64, digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    #[test]
    fn a_body_that_is_whole_is_digested_however_it_is_sent() {
        use std::io::Write as _;
        let content: Vec<u8> = (0..20_000_u32).map(|place| (place * 7 % 251) as u8).collect();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&content).unwrap();
        let packed = encoder.finish().unwrap();
        let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n").into_bytes();
        let plain = [head(&format!("Content-Length: {}\r\n", content.len())), content.clone()].concat();
        let gzip = [
            head(&format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", packed.len())),
            packed.clone(),
        ]
        .concat();
        let half = content.len() / 2;
        let chunked = [
            head("Transfer-Encoding: chunked\r\n"),
            format!("{half:x}\r\n").into_bytes(),
            content[..half].to_vec(),
            format!("\r\n{:x}\r\n", content.len() - half).into_bytes(),
            content[half..].to_vec(),
            b"\r\n0\r\n\r\n".to_vec(),
        ]
        .concat();
        let until_close = [head(""), content.clone()].concat();
        let request = b"GET /firmware.bin HTTP/1.1\r\n\r\n";
        for (name, answer) in [("plain", plain), ("gzip", gzip), ("chunked", chunked), ("close", until_close)]
        {
            let told = facts(&[(Direction::Forward, request), (Direction::Backward, &answer)]);
            assert_eq!(files(&told), [expected(&content)], "{name}");
        }
    }

    #[test]
    fn a_part_of_a_file_and_a_body_with_a_hole_are_none() {
        let part =
            b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-3/9\r\nContent-Length: 4\r\n\r\nfile";
        assert_eq!(files(&facts(&[(Direction::Backward, part)])), []);
        let mut driver = driver::Driver::new();
        let mut adaptor = Adaptor::default();
        driver.with(Direction::Backward, |context| {
            adaptor.data(Direction::Backward, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfir", context);
            adaptor.gap(Direction::Backward, 3, context);
            adaptor.data(Direction::Backward, b"are", context)
        });
        assert_eq!(files(&driver.facts()), []);
    }

    #[test]
    fn recognises_what_is_spoken_over_it() {
        for (target, expected) in [
            ("/fhir/Patient", Some(Protocol::Fhir)),
            ("/rs/studies/1.2.840.113619.2/series", Some(Protocol::Dicomweb)),
            ("/dicom-web/studies", Some(Protocol::Dicomweb)),
            ("/index", None),
        ] {
            let mut driver = driver::Driver::new();
            let request = format!("GET {target} HTTP/1.1\r\n\r\n");
            let mut adaptor = Adaptor::default();
            driver.with(Direction::Forward, |context| {
                adaptor.data(Direction::Forward, request.as_bytes(), context)
            });
            assert_eq!(driver.labels.application, expected, "{target}");
        }
    }
}
