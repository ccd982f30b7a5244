//! Messages one after the other, and where their bodies end.

use std::collections::VecDeque;

use super::message::{FIELDS_MAX, HEAD_BYTES_MAX, parse_request, parse_response};
use super::{Head, Request, Response};
use crate::{Consumed, Direction, StreamBuffer};

/// Requests in flight whose method is kept; pipelining beyond that is not believed.
const PIPELINE_MAX: usize = 64;

/// What a session tells.
#[derive(Clone, Copy, Debug)]
pub enum Event<'e> {
    /// A request head.
    Request(&'e Request<'e, 'e>),
    /// A response head.
    Response(&'e Response<'e, 'e>),
    /// The next piece of the beginning of the body, in order.
    Body(&'e [u8]),
    /// Nothing more of the beginning of the body will be shown.
    BodyEnd,
    /// The next piece of the body behind its beginning: only where [`Session::show_whole_bodies`] was asked for.
    BodyRest(&'e [u8]),
    /// The body was shown to its last byte, without a hole: likewise.
    BodyWhole,
}

/// How a session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// More messages may follow.
    Open,
    /// Another protocol follows: after an upgrade or CONNECT.
    Switched,
    /// It is not HTTP.
    Lost,
}

/// Where one direction stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Head,
    /// Within a body of which this many bytes are left.
    Body(u64),
    ChunkSize,
    /// Within a chunk of which this many bytes are left.
    Chunk(u64),
    /// At the line end behind a chunk.
    ChunkEnd,
    Trailer,
    /// Within a body that ends with the conversation.
    UntilClose,
}

/// What a request makes of its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Head,
    Connect,
    Other,
}

#[derive(Clone, Debug)]
struct Side {
    buffer: StreamBuffer,
    place: Place,
    /// Bytes of the present body that may still be shown.
    show: usize,
    /// And bytes behind those; `None` where the body was not shown whole so far.
    rest: Option<usize>,
}

impl Default for Side {
    fn default() -> Self {
        Self { buffer: StreamBuffer::new(HEAD_BYTES_MAX), place: Place::Head, show: 0, rest: None }
    }
}

/// Both directions of an HTTP conversation.
#[derive(Clone, Debug, Default)]
pub struct Session {
    sides: [Side; 2],
    asked: VecDeque<Asked>,
    /// A request asked for another protocol.
    switched: bool,
    /// Bytes shown of each body behind its beginning.
    rest_max: Option<usize>,
}

impl Session {
    /// How much of each body is shown, bytes. It is shown in place and costs no memory here; whoever wants to keep it
    /// has a limit of its own.
    pub const BODY_BYTES_SHOWN: usize = 4 << 20;

    /// Shows bodies of at most so many bytes to their last.
    pub const fn show_whole_bodies(&mut self, bytes_max: usize) {
        self.rest_max = Some(bytes_max.saturating_sub(Self::BODY_BYTES_SHOWN));
    }

    /// The conversation is over: whether the present body of a direction, which ends with it, was shown whole.
    pub fn is_whole_at_close(&self, direction: Direction) -> bool {
        self.sides
            .get(direction.index())
            .is_some_and(|side| side.place == Place::UntilClose && side.rest.is_some())
    }

    /// Feeds the next piece of one direction.
    pub fn feed(&mut self, direction: Direction, piece: &[u8], mut tell: impl FnMut(Event<'_>)) -> State {
        let [forward, backward] = &mut self.sides;
        let side = match direction {
            Direction::Forward => forward,
            Direction::Backward => backward,
        };
        let (asked, switched, rest_max) = (&mut self.asked, &mut self.switched, self.rest_max);
        let mut lost = false;
        let Side { buffer, place, show, rest } = side;
        let fits = buffer.feed_and_tell_seen(piece, |bytes, seen| {
            if lost || *switched {
                return Some(Consumed::exactly(bytes.len()));
            }
            let mut side = Reading { place, show, rest, rest_max, asked, switched, tell: &mut tell };
            match side.step(bytes, seen) {
                Ok(consumed) => consumed,
                Err(NotHttp) => {
                    lost = true;
                    Some(Consumed::exactly(bytes.len()))
                }
            }
        });
        match (fits && !lost, self.switched) {
            (false, _) => State::Lost,
            (true, true) => State::Switched,
            (true, false) => State::Open,
        }
    }

    /// The capture missed bytes of one direction. Returns whether the session can go on: it can when they all
    /// belong to a body.
    pub fn gap(&mut self, direction: Direction, length: u64) -> bool {
        let [forward, backward] = &mut self.sides;
        let side = match direction {
            Direction::Forward => forward,
            Direction::Backward => backward,
        };
        side.show = 0;
        side.rest = None;
        if side.buffer.pass_over(length) {
            return true;
        }
        match &mut side.place {
            Place::Body(left) | Place::Chunk(left) if *left >= length => {
                *left -= length;
                if side.place == Place::Body(0) {
                    side.place = Place::Head;
                } else if side.place == Place::Chunk(0) {
                    side.place = Place::ChunkEnd;
                }
                true
            }
            Place::UntilClose => true,
            _ => false,
        }
    }
}

/// Bytes of a start line that are looked at before it is whole.
const START_BYTES: usize = 16;

struct NotHttp;

struct Reading<'s, F> {
    place: &'s mut Place,
    show: &'s mut usize,
    rest: &'s mut Option<usize>,
    rest_max: Option<usize>,
    asked: &'s mut VecDeque<Asked>,
    switched: &'s mut bool,
    tell: &'s mut F,
}

impl<F: FnMut(Event<'_>)> Reading<'_, F> {
    fn step(&mut self, bytes: &[u8], seen: usize) -> Result<Option<Consumed>, NotHttp> {
        match *self.place {
            Place::Head => self.head(bytes, seen),
            Place::Body(left) => {
                let (consumed, left) = self.content(bytes, left);
                *self.place = if left == 0 { self.end() } else { Place::Body(left) };
                Ok(Some(consumed))
            }
            Place::Chunk(left) => {
                let (consumed, left) = self.content(bytes, left);
                *self.place = if left == 0 { Place::ChunkEnd } else { Place::Chunk(left) };
                Ok(Some(consumed))
            }
            Place::UntilClose => {
                let (consumed, _) = self.content(bytes, u64::MAX);
                Ok(Some(consumed))
            }
            Place::ChunkSize => self.chunk_size(bytes),
            Place::ChunkEnd => {
                let Some((line, length)) = line(bytes)? else { return Ok(None) };
                if !line.is_empty() {
                    return Err(NotHttp);
                }
                *self.place = Place::ChunkSize;
                Ok(Some(Consumed::exactly(length)))
            }
            Place::Trailer => {
                let Some((line, length)) = line(bytes)? else { return Ok(None) };
                if line.is_empty() {
                    *self.place = self.end();
                }
                Ok(Some(Consumed::exactly(length)))
            }
        }
    }

    /// Shows what may be shown of `left` bytes of content and passes over the rest.
    fn content(&mut self, bytes: &[u8], left: u64) -> (Consumed, u64) {
        let left_or_more = usize::try_from(left).unwrap_or(usize::MAX);
        if *self.show == 0
            && let Some(rest) = self.rest
        {
            let within = left_or_more.min(*rest).min(bytes.len());
            if within > 0 {
                (self.tell)(Event::BodyRest(bytes.get(..within).unwrap_or_default()));
                *rest -= within;
                return (Consumed::exactly(within), left.saturating_sub(within as u64));
            }
            *self.rest = None;
        }
        let within = left_or_more.min(*self.show).min(bytes.len());
        if within == 0 {
            return (Consumed { bytes: 0, skip: left }, 0);
        }
        (self.tell)(Event::Body(bytes.get(..within).unwrap_or_default()));
        *self.show -= within;
        if *self.show == 0 {
            (self.tell)(Event::BodyEnd);
        }
        (Consumed::exactly(within), left.saturating_sub(within as u64))
    }

    /// The body is over.
    fn end(&mut self) -> Place {
        if std::mem::take(self.show) > 0 {
            (self.tell)(Event::BodyEnd);
        }
        if self.rest.take().is_some() {
            (self.tell)(Event::BodyWhole);
        }
        Place::Head
    }

    fn head(&mut self, bytes: &[u8], seen: usize) -> Result<Option<Consumed>, NotHttp> {
        // Empty lines before a start line are passed over, RFC 9112 section 2.2.
        let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        if blank > 0 {
            return Ok(Some(Consumed::exactly(blank)));
        }
        // Parsed only when it is whole, so that small pieces do not cost a parse each; what cannot begin a message is
        // refused by its first bytes. Either way the answer does not depend on how the stream is cut.
        let begin = bytes.iter().take(START_BYTES).take_while(|byte| !matches!(byte, b'\r' | b'\n'));
        if begin.into_iter().any(|byte| !matches!(byte, b' '..=b'~')) {
            return Err(NotHttp);
        }
        // The end may begin within what was seen.
        let new = bytes.get(seen.saturating_sub(2)..).unwrap_or_default();
        let whole =
            memchr::memmem::find(new, b"\n\r\n").is_some() || memchr::memmem::find(new, b"\n\n").is_some();
        if !whole {
            return Ok(None);
        }
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        if bytes.starts_with(b"HTTP/") {
            let parsed = parse_response(bytes, &mut fields).map_err(|_| NotHttp)?;
            let Some((response, length)) = parsed else { return Ok(None) };
            (self.tell)(Event::Response(&response));
            self.after_response(&response);
            return Ok(Some(Consumed::exactly(length)));
        }
        if b"HTTP/".starts_with(bytes) {
            return Ok(None);
        }
        let parsed = parse_request(bytes, &mut fields).map_err(|_| NotHttp)?;
        let Some((request, length)) = parsed else { return Ok(None) };
        (self.tell)(Event::Request(&request));
        if self.asked.len() < PIPELINE_MAX {
            self.asked.push_back(match request.method {
                "HEAD" => Asked::Head,
                "CONNECT" => Asked::Connect,
                _ => Asked::Other,
            });
        }
        // A request without a length has no body, RFC 9112 section 6.3.
        self.begin_body(&request.head, Place::Head);
        Ok(Some(Consumed::exactly(length)))
    }

    fn after_response(&mut self, response: &Response<'_, '_>) {
        let interim = (100..200).contains(&response.status);
        if response.status == 101 {
            *self.switched = true;
            return;
        }
        let asked = if interim { None } else { self.asked.pop_front() };
        if asked == Some(Asked::Connect) && (200..300).contains(&response.status) {
            *self.switched = true;
        } else if interim || matches!(response.status, 204 | 304) || asked == Some(Asked::Head) {
            *self.place = Place::Head;
        } else {
            self.begin_body(&response.head, Place::UntilClose);
        }
    }

    fn begin_body(&mut self, head: &Head<'_, '_>, otherwise: Place) {
        let (place, show) = if head.is_chunked() {
            (Place::ChunkSize, true)
        } else {
            match head.content_length() {
                Some(0) => (Place::Head, false),
                Some(length) => (Place::Body(length), true),
                None => (otherwise, otherwise == Place::UntilClose),
            }
        };
        *self.place = place;
        *self.show = if show { Session::BODY_BYTES_SHOWN } else { 0 };
        *self.rest = self.rest_max.filter(|_| show);
    }

    fn chunk_size(&mut self, bytes: &[u8]) -> Result<Option<Consumed>, NotHttp> {
        let Some((line, length)) = line(bytes)? else { return Ok(None) };
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let size = std::str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
        *self.place = match size.ok_or(NotHttp)? {
            0 => Place::Trailer,
            size => Place::Chunk(size),
        };
        Ok(Some(Consumed::exactly(length)))
    }
}

/// The first line without its end, and its length with it; `None` when it is not whole.
fn line(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, NotHttp> {
    match crate::line::split_line(bytes) {
        Some(line) => Ok(Some(line)),
        None if bytes.len() > 4096 => Err(NotHttp),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::probe;
    use super::*;
    use crate::Verdict;
    use proptest::prelude::*;

    /// Bodies are joined, because their pieces depend on the cut.
    fn read(pieces: &[(Direction, &[u8])]) -> (Vec<String>, State) {
        let mut session = Session::default();
        let mut told = Vec::new();
        let mut body = Vec::new();
        let mut state = State::Open;
        for (direction, piece) in pieces {
            state = session.feed(*direction, piece, |event| match event {
                Event::Request(request) => told.push(format!("{} {}", request.method, request.target)),
                Event::Response(response) => told.push(response.status.to_string()),
                Event::Body(piece) => body.extend_from_slice(piece),
                Event::BodyEnd => {
                    told.push(format!("[{}]", String::from_utf8_lossy(&std::mem::take(&mut body))));
                }
                Event::BodyRest(_) | Event::BodyWhole => told.push("more than was asked for".to_owned()),
            });
            if state != State::Open {
                break;
            }
        }
        (told, state)
    }

    const REQUESTS: &[u8] = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nHEAD /b HTTP/1.1\r\n\r\n\
        POST /c HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /d HTTP/1.0\n\n";
    const RESPONSES: &[u8] =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n4;x=y\r\n two\r\n\
        0\r\nTrailer: t\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n\
        HTTP/1.1 204 No Content\r\n\r\nHTTP/1.0 200 OK\r\n\r\nuntil the end";

    #[test]
    fn follows_pipelined_requests_and_their_responses() {
        let (told, state) = read(&[(Direction::Forward, REQUESTS), (Direction::Backward, RESPONSES)]);
        assert_eq!(
            told,
            [
                "GET /a",
                "HEAD /b",
                "POST /c",
                "[abc]",
                "GET /d",
                "200",
                "[one two]",
                "200",
                "100",
                "204",
                "200"
            ]
        );
        assert_eq!(state, State::Open);
    }

    #[test]
    fn shows_a_body_whole_where_that_is_asked_for() {
        let shown = |length: usize, limit: usize| {
            let head = format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
            let mut session = Session::default();
            session.show_whole_bodies(limit);
            let (mut bytes, mut whole) = (0, false);
            let mut feed = |piece: &[u8]| {
                session.feed(Direction::Forward, piece, |event| match event {
                    Event::Body(piece) | Event::BodyRest(piece) => bytes += piece.len(),
                    Event::BodyWhole => whole = true,
                    _ => {}
                });
            };
            feed(head.as_bytes());
            vec![7; length].chunks(60_000).for_each(&mut feed);
            (bytes, whole)
        };
        let beginning = Session::BODY_BYTES_SHOWN;
        for length in [1, beginning, beginning + 1, beginning + 100_000] {
            assert_eq!(shown(length, beginning + 100_000), (length, true));
        }
        assert_eq!(shown(beginning + 100_001, beginning + 100_000), (beginning + 100_000, false));
    }

    #[test]
    fn shows_only_the_beginning_of_a_body() {
        let head = b"POST / HTTP/1.1\r\nContent-Length: 5000000\r\n\r\n";
        let stream = [&head[..], &vec![b'x'; 5_000_000], b"GET /next HTTP/1.1\r\n\r\n"].concat();
        let (told, _) = read(&[(Direction::Forward, &stream)]);
        assert_eq!(told.len(), 3);
        assert_eq!(told[1].len(), Session::BODY_BYTES_SHOWN + 2);
        assert_eq!(told[2], "GET /next");
    }

    #[test]
    fn another_protocol_follows_an_upgrade_and_a_tunnel() {
        let upgrade = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
        let switching = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x05hello";
        assert_eq!(
            read(&[(Direction::Forward, upgrade), (Direction::Backward, switching)]).1,
            State::Switched
        );
        let connect = b"CONNECT x:443 HTTP/1.1\r\n\r\n";
        let established = b"HTTP/1.1 200 Connection established\r\n\r\n\x16\x03\x03";
        assert_eq!(
            read(&[(Direction::Forward, connect), (Direction::Backward, established)]).1,
            State::Switched
        );
    }

    #[test]
    fn a_hole_within_a_body_does_no_harm() {
        let mut session = Session::default();
        let mut targets = Vec::new();
        let mut feed = |session: &mut Session, bytes: &[u8]| {
            session.feed(Direction::Forward, bytes, |event| {
                if let Event::Request(request) = event {
                    targets.push(request.target.to_owned());
                }
            })
        };
        feed(&mut session, b"POST /a HTTP/1.1\r\nContent-Length: 50000\r\n\r\nx");
        assert!(session.gap(Direction::Forward, 40_000));
        feed(&mut session, &[b'y'; 9_999]);
        feed(&mut session, b"GET /b HTTP/1.1\r\n\r\n");
        assert!(!session.gap(Direction::Forward, 1));
        assert_eq!(targets, ["/a", "/b"]);
    }

    #[test]
    fn recognises_requests_and_responses() {
        for (opening, verdict) in [
            (&b"GET / HTTP/1.1\r\n"[..], Verdict::Certain),
            (b"HTTP/1.0 200 OK", Verdict::Certain),
            (b"POS", Verdict::Unsure),
            (b"GET /long", Verdict::Unsure),
            (b"OPTIONS rtsp://x RTSP/1.0\r\n", Verdict::NotMine),
            (b"MSH|^~\\&|", Verdict::NotMine),
        ] {
            assert_eq!(probe(Direction::Forward, opening), verdict, "{}", opening.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn same_messages_however_cut(size in 1usize..120) {
            let mut pieces: Vec<(Direction, &[u8])> = Vec::new();
            pieces.extend(REQUESTS.chunks(size).map(|piece| (Direction::Forward, piece)));
            pieces.extend(RESPONSES.chunks(size).map(|piece| (Direction::Backward, piece)));
            prop_assert_eq!(
                read(&pieces),
                read(&[(Direction::Forward, REQUESTS), (Direction::Backward, RESPONSES)])
            );
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, cut in 1usize..50) {
            let _ = probe(Direction::Forward, &bytes);
            let pieces: Vec<(Direction, &[u8])> =
                bytes.chunks(cut).map(|piece| (Direction::Forward, piece)).collect();
            let _ = read(&pieces);
        }
    }
}
