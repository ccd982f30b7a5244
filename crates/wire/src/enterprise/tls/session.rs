//! A handshake over a stream: records, and messages across records.

use super::message::ssl2_hello;
use super::{ClientHello, Record, ServerHello};
use crate::{Consumed, Direction, Error, Layer, Reader, StreamBuffer};

/// Longest handshake message kept, bytes: room for a chain of certificates. Longer ones are passed over.
const MESSAGE_BYTES_MAX: usize = 128 * 1024;

/// Encrypted records of one direction after which nothing readable follows, whatever the other side does.
/// A client's early data (RFC 8446 section 2.3) may come before the server's hello.
const ENCRYPTED_RECORDS: u8 = 8;

/// What a session tells.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The client's hello.
    ClientHello(ClientHello<'a>),
    /// The server's hello. A request to retry is not told.
    ServerHello(ServerHello<'a>),
    /// A certificate in DER.
    Certificate {
        /// Place in the chain.
        position: u8,
        /// Sent by the server, as far as the hellos told who that is.
        server: bool,
        /// Its bytes.
        der: &'a [u8],
    },
    /// A fatal alert, readable: its description.
    Alert(u8),
}

/// How a session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// More may be readable.
    Readable,
    /// Everything from here on is encrypted.
    Encrypted,
    /// It is not TLS.
    Lost,
}

#[derive(Clone, Debug)]
struct Side {
    records: StreamBuffer,
    messages: StreamBuffer,
    /// Bytes of the stream were seen.
    begun: bool,
    /// What follows from this side is encrypted.
    encrypted: bool,
    encrypted_records: u8,
}

impl Default for Side {
    fn default() -> Self {
        Self {
            records: StreamBuffer::new(Record::HEADER_BYTES + Record::FRAGMENT_BYTES_MAX + 0x8000),
            messages: StreamBuffer::new(MESSAGE_BYTES_MAX),
            begun: false,
            encrypted: false,
            encrypted_records: 0,
        }
    }
}

/// What both sides have said so far.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    server: Option<Direction>,
    retry: bool,
    hidden: bool,
    lost: bool,
}

/// Both directions of a TLS conversation.
#[derive(Clone, Debug, Default)]
pub struct Session {
    sides: [Side; 2],
    progress: Progress,
}

impl Session {
    /// Feeds the next piece of one direction.
    pub fn feed(&mut self, direction: Direction, piece: &[u8], mut tell: impl FnMut(Event<'_>)) -> State {
        let [forward, backward] = &mut self.sides;
        let side = match direction {
            Direction::Forward => forward,
            Direction::Backward => backward,
        };
        let progress = &mut self.progress;
        let Side { records, messages, begun, encrypted, encrypted_records } = side;
        let fits = records.feed(piece, |bytes| {
            if progress.lost || progress.hidden {
                return Some(Consumed::exactly(bytes.len()));
            }
            if !*begun && bytes.first().is_some_and(|first| first & 0x80 != 0) {
                return read_ssl2(bytes, begun, direction, progress, &mut tell);
            }
            let record = match Record::new(bytes) {
                Ok(record) => record,
                Err(error) if error.is_truncated() => return None,
                Err(_) => {
                    progress.lost = true;
                    return Some(Consumed::exactly(bytes.len()));
                }
            };
            *begun = true;
            match record.content_type {
                22 if !*encrypted || is_second_hello(record.fragment) => {
                    let fits = messages
                        .feed(record.fragment, |bytes| read_message(bytes, direction, progress, &mut tell));
                    progress.lost |= !fits;
                }
                21 if !*encrypted => {
                    if let [2, description] = record.fragment {
                        tell(Event::Alert(*description));
                    }
                }
                // In TLS 1.3 it has no meaning, and a client may send it before its second hello.
                20 => *encrypted |= !progress.retry,
                23 => {
                    *encrypted = true;
                    *encrypted_records = encrypted_records.saturating_add(1);
                }
                _ => {}
            }
            Some(Consumed::exactly(Record::HEADER_BYTES + record.fragment.len()))
        });
        if !fits || self.progress.lost {
            return State::Lost;
        }
        let [one, two] = &self.sides;
        let long = |side: &Side| side.encrypted_records >= ENCRYPTED_RECORDS;
        if self.progress.hidden || (one.encrypted && two.encrypted) || long(one) || long(two) {
            State::Encrypted
        } else {
            State::Readable
        }
    }
}

/// Whether a record behind a change of cipher holds a whole client hello: the answer to a request to retry
/// that the capture missed. Encrypted content looks so by chance once in 2^32.
fn is_second_hello(fragment: &[u8]) -> bool {
    match fragment {
        [1, 0, high, low, body @ ..] => usize::from(u16::from_be_bytes([*high, *low])) == body.len(),
        _ => false,
    }
}

fn read_ssl2(
    bytes: &[u8],
    begun: &mut bool,
    direction: Direction,
    progress: &mut Progress,
    tell: &mut impl FnMut(Event<'_>),
) -> Option<Consumed> {
    let body = ssl2_hello(bytes)?;
    match ClientHello::parse_ssl2(body) {
        Ok(hello) => {
            *begun = true;
            progress.server = Some(direction.reverse());
            tell(Event::ClientHello(hello));
        }
        Err(_) => progress.lost = true,
    }
    Some(Consumed::exactly(2 + body.len()))
}

/// Reads the handshake message at the front of `bytes`, RFC 8446 section 4.
fn read_message(
    bytes: &[u8],
    direction: Direction,
    progress: &mut Progress,
    tell: &mut impl FnMut(Event<'_>),
) -> Option<Consumed> {
    let mut reader = Reader::new(Layer::Tls, bytes);
    let kind = reader.u8("message type").ok()?;
    let length = reader.u24_be("message length").ok()?;
    let whole = usize::try_from(length).unwrap_or(usize::MAX);
    // Only these are read; what is longer than the limit is passed over without being kept.
    if !matches!(kind, 1 | 2 | 11) || whole + 4 > MESSAGE_BYTES_MAX {
        if !matches!(kind, 0..=26 | 67 | 254) {
            // Encrypted without a change of cipher, as where the capture began late.
            progress.lost = true;
        }
        return Some(Consumed { bytes: 4, skip: u64::from(length) });
    }
    let body = reader.take("message", whole).ok()?;
    let read = match kind {
        1 => ClientHello::parse(body, false).map(|hello| {
            progress.server = Some(direction.reverse());
            tell(Event::ClientHello(hello));
        }),
        2 => ServerHello::parse(body).map(|hello| {
            progress.server = Some(direction);
            if hello.retry {
                progress.retry = true;
            } else {
                tell(Event::ServerHello(hello));
                progress.hidden = hello.hides_the_rest();
            }
        }),
        _ => read_certificates(body, progress.server.is_none_or(|server| server == direction), tell),
    };
    progress.lost |= read.is_err();
    Some(Consumed::exactly(4 + body.len()))
}

/// Certificate message, RFC 5246 section 7.4.2.
fn read_certificates(body: &[u8], server: bool, tell: &mut impl FnMut(Event<'_>)) -> Result<(), Error> {
    let mut reader = Reader::new(Layer::Tls, body);
    let length = reader.u24_be("certificate list length")?;
    let mut list = reader.sub("certificate list", usize::try_from(length).unwrap_or(usize::MAX))?;
    let mut position = 0;
    while !list.is_empty() {
        let length = list.u24_be("certificate length")?;
        let der = list.take("certificate", usize::try_from(length).unwrap_or(usize::MAX))?;
        tell(Event::Certificate { position, server, der });
        position = position.saturating_add(1);
    }
    Ok(())
}

/// The client's hello in a datagram of DTLS, unless it is in fragments; RFC 6347 section 4.2.2.
pub fn datagram_hello(datagram: &[u8]) -> Option<ClientHello<'_>> {
    let mut reader = Reader::new(Layer::Tls, datagram);
    if reader.u8("content type").ok()? != 22 || reader.u8("record version").ok()? != 0xfe {
        return None;
    }
    reader.skip("record version, epoch and sequence", 9).ok()?;
    let length = reader.u16_be("record length").ok()?;
    let mut record = reader.sub("fragment", usize::from(length)).ok()?;
    if record.u8("message type").ok()? != 1 {
        return None;
    }
    let length = record.u24_be("message length").ok()?;
    record.skip("message sequence", 2).ok()?;
    let offset = record.u24_be("fragment offset").ok()?;
    let fragment = record.u24_be("fragment length").ok()?;
    if offset != 0 || fragment != length {
        return None;
    }
    ClientHello::parse(record.take("message", usize::try_from(length).ok()?).ok()?, true).ok()
}

#[cfg(test)]
mod tests {
    use super::super::probe;
    use super::*;
    use crate::Verdict;
    use proptest::prelude::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 0], &u16::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat()
    }

    fn records(content_type: u8, content: &[u8], size: usize) -> Vec<u8> {
        content
            .chunks(size)
            .flat_map(|part| {
                let length = u16::try_from(part.len()).unwrap().to_be_bytes();
                [&[content_type, 3, 1], &length[..], part].concat()
            })
            .collect()
    }

    fn client_hello() -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.push(0);
        body.extend([0, 4, 0x13, 1, 0xc0, 0x2f, 1, 0]);
        let name = b"pacs.example";
        body.extend([0, 21 + 7, 0, 0, 0, 17, 0, 15, 0, 0, 12]);
        body.extend(name);
        body.extend([0, 43, 0, 3, 2, 3, 4]);
        message(1, &body)
    }

    fn server_hello() -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([9; 32]);
        body.extend([0, 0xc0, 0x2f, 0]);
        message(2, &body)
    }

    fn read(pieces: &[(Direction, &[u8])]) -> (Vec<String>, State) {
        let mut session = Session::default();
        let mut told = Vec::new();
        let mut state = State::Readable;
        for (direction, piece) in pieces {
            state = session.feed(*direction, piece, |event| {
                told.push(match event {
                    Event::ClientHello(hello) => {
                        let name = hello.server_name().unwrap_or_default();
                        format!("client {:04x} {}", hello.version(), name.escape_ascii())
                    }
                    Event::ServerHello(hello) => {
                        format!("server {:04x} {:04x}", hello.version, hello.cipher_suite)
                    }
                    Event::Certificate { position, server, der } => {
                        format!("certificate {position} {server} {}", der.len())
                    }
                    Event::Alert(description) => format!("alert {description}"),
                });
            });
        }
        (told, state)
    }

    #[test]
    fn reads_a_handshake_across_records_of_any_size() {
        let chain = message(11, &[0, 0, 11, 0, 0, 2, 1, 2, 0, 0, 3, 1, 2, 3]);
        let server = [server_hello(), chain].concat();
        for size in 1..60 {
            let hello = records(22, &client_hello(), size);
            let answer = records(22, &server, size);
            let end = [20, 3, 3, 0, 1, 1];
            let (told, state) = read(&[
                (Direction::Forward, &hello),
                (Direction::Backward, &answer),
                (Direction::Forward, &end),
                (Direction::Backward, &end),
            ]);
            assert_eq!(
                told,
                [
                    "client 0304 pacs.example",
                    "server 0303 c02f",
                    "certificate 0 true 2",
                    "certificate 1 true 3"
                ]
            );
            assert_eq!(state, State::Encrypted);
        }
    }

    #[test]
    fn a_retry_is_followed_by_another_hello() {
        let mut retry = vec![3, 3];
        retry.extend(b"\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91");
        retry.extend(b"\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c");
        retry.extend([0, 0x13, 1, 0, 0, 6, 0, 43, 0, 2, 3, 4]);
        let mut chosen = retry.clone();
        chosen[2] = 0;
        let (told, state) = read(&[
            (Direction::Forward, &records(22, &client_hello(), 500)),
            (Direction::Backward, &records(22, &message(2, &retry), 500)),
            (Direction::Backward, &[20, 3, 3, 0, 1, 1]),
            (Direction::Forward, &[20, 3, 3, 0, 1, 1]),
            (Direction::Forward, &records(22, &client_hello(), 500)),
            (Direction::Backward, &records(22, &message(2, &chosen), 500)),
        ]);
        assert_eq!(told, ["client 0304 pacs.example", "client 0304 pacs.example", "server 0304 1301"]);
        assert_eq!(state, State::Encrypted);
    }

    #[test]
    fn a_second_hello_is_read_even_if_the_request_to_retry_was_missed() {
        let hello = records(22, &client_hello(), 500);
        let stream = [&hello[..], &[20, 3, 3, 0, 1, 1], &hello].concat();
        assert_eq!(read(&[(Direction::Forward, &stream)]).0.len(), 2);
    }

    #[test]
    fn reads_a_hello_in_the_form_of_ssl2() {
        let mut body = vec![1, 3, 0, 0, 6, 0, 0, 0, 16, 0, 0, 5, 1, 0, 0x80];
        body.extend([4; 16]);
        let stream = [&[0x80, u8::try_from(body.len()).unwrap()][..], &body].concat();
        assert_eq!(probe(&stream), Verdict::Certain);
        assert_eq!(probe(&stream[..7]), Verdict::Unsure);
        assert_eq!(read(&[(Direction::Forward, &stream)]).0, ["client 0300 "]);
    }

    #[test]
    fn recognises_hellos_alerts_and_records_in_a_row() {
        assert_eq!(probe(&records(22, &client_hello(), 500)), Verdict::Certain);
        assert_eq!(probe(&[22, 3, 1]), Verdict::Unsure);
        assert_eq!(probe(&[21, 3, 3, 0, 2, 2, 40]), Verdict::Certain);
        assert_eq!(probe(&records(23, &[5; 90], 40)), Verdict::Certain);
        assert_eq!(probe(b"GET / HTTP/1.1\r\n\r\n"), Verdict::NotMine);
        assert_eq!(read(&[(Direction::Forward, &[21, 3, 3, 0, 2, 2, 40])]).0, ["alert 40"]);
    }

    proptest! {
        #[test]
        fn same_events_however_cut(size in 1usize..80, cut in 1usize..40) {
            let hello = records(22, &client_hello(), size);
            let answer = records(22, &server_hello(), size);
            let whole = read(&[(Direction::Forward, &hello), (Direction::Backward, &answer)]);
            let mut pieces: Vec<(Direction, &[u8])> = Vec::new();
            pieces.extend(hello.chunks(cut).map(|piece| (Direction::Forward, piece)));
            pieces.extend(answer.chunks(cut).map(|piece| (Direction::Backward, piece)));
            prop_assert_eq!(whole, read(&pieces));
        }

        #[test]
        fn any_bytes_are_answered(mut bytes: Vec<u8>, content_type in 20u8..24) {
            let _ = probe(&bytes);
            let _ = datagram_hello(&bytes);
            let _ = read(&[(Direction::Forward, &bytes)]);
            bytes.truncate(200);
            let _ = read(&[(Direction::Forward, &records(content_type, &bytes, 50))]);
            let _ = ClientHello::parse(&bytes, true).map(|hello| (hello.version(), hello.server_name().is_some()));
        }
    }
}
