//! The two hellos.

use super::{Extensions, Record, U16List};
use crate::{Error, Layer, Reader, Verdict};

/// Extension types, IANA registry.
pub(super) const SERVER_NAME: u16 = 0;
pub(super) const SIGNATURE_ALGORITHMS: u16 = 13;
pub(super) const APPLICATION_PROTOCOLS: u16 = 16;
pub(super) const SUPPORTED_VERSIONS: u16 = 43;

/// Random of a server hello that is a request to retry, RFC 8446 section 4.1.3.
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Whether a value stands only to keep servers tolerant, RFC 8701.
pub(super) const fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// The client's first words.
#[derive(Clone, Copy, Debug)]
pub struct ClientHello<'a> {
    /// `legacy_version`.
    pub legacy_version: u16,
    /// Cipher suites in wire order. In the form of SSL 2, see [`Self::ssl2_ciphers`].
    pub cipher_suites: U16List<'a>,
    /// Extensions in wire order.
    pub extensions: Extensions<'a>,
    /// Cipher specifications of three bytes, where the hello has the form of SSL 2.
    pub ssl2_ciphers: &'a [u8],
}

impl<'a> ClientHello<'a> {
    /// Reads the body of the handshake message. `datagram` says that it is of DTLS, which adds a cookie.
    pub fn parse(body: &'a [u8], datagram: bool) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Tls, body);
        let legacy_version = reader.u16_be("legacy version")?;
        if !matches!(legacy_version >> 8, 3 | 0xfe | 0x7f) {
            return Err(reader.malformed("legacy version"));
        }
        reader.skip("random", 32)?;
        let length = reader.u8("session id length")?;
        if length > 32 {
            return Err(reader.malformed("session id length"));
        }
        reader.skip("session id", usize::from(length))?;
        if datagram {
            let length = reader.u8("cookie length")?;
            reader.skip("cookie", usize::from(length))?;
        }
        let length = reader.u16_be("cipher suites length")?;
        if length % 2 != 0 {
            return Err(reader.malformed("cipher suites length"));
        }
        let cipher_suites = U16List(reader.take("cipher suites", usize::from(length))?);
        let length = reader.u8("compression methods length")?;
        reader.skip("compression methods", usize::from(length))?;
        Ok(Self {
            legacy_version,
            cipher_suites,
            extensions: read_extensions(&mut reader)?,
            ssl2_ciphers: &[],
        })
    }

    /// Reads a hello in the form of SSL 2, without its length; RFC 5246 appendix E.2.
    pub fn parse_ssl2(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Tls, body);
        if reader.u8("message type")? != 1 {
            return Err(reader.malformed("message type"));
        }
        let legacy_version = reader.u16_be("version")?;
        if legacy_version != 2 && !(0x0300..=0x0304).contains(&legacy_version) {
            return Err(reader.malformed("version"));
        }
        let ciphers = reader.u16_be("cipher specs length")?;
        let session = reader.u16_be("session id length")?;
        let challenge = reader.u16_be("challenge length")?;
        if ciphers % 3 != 0 || ciphers == 0 || !matches!(session, 0 | 16) || !(16..=32).contains(&challenge) {
            return Err(reader.malformed("lengths"));
        }
        let ssl2_ciphers = reader.take("cipher specs", usize::from(ciphers))?;
        reader.skip("session id", usize::from(session))?;
        reader.skip("challenge", usize::from(challenge))?;
        if !reader.is_empty() {
            return Err(reader.malformed("length"));
        }
        Ok(Self {
            legacy_version,
            cipher_suites: U16List::default(),
            extensions: Extensions::default(),
            ssl2_ciphers,
        })
    }

    /// Highest version offered, wire number.
    pub fn version(&self) -> u16 {
        let list = self.extensions.find(SUPPORTED_VERSIONS).and_then(|content| content.get(1..));
        let offered = U16List(list.unwrap_or_default()).iter().filter(|version| !is_grease(*version));
        // DTLS counts its versions downwards, and the drafts of TLS 1.3 begin with 0x7f.
        let rank = |version: &u16| match version >> 8 {
            3 => *version,
            0xfe => 0xffff - *version,
            _ => 0,
        };
        offered.max_by_key(rank).unwrap_or(self.legacy_version)
    }

    /// All suites in wire order; of SSL 2 those that later versions know too.
    pub fn suites(&self) -> impl Iterator<Item = u16> + 'a {
        let old = self.ssl2_ciphers.as_chunks::<3>().0.iter();
        let old =
            old.filter_map(|[kind, high, low]| (*kind == 0).then_some(u16::from_be_bytes([*high, *low])));
        self.cipher_suites.iter().chain(old)
    }

    /// Server name indication.
    pub fn server_name(&self) -> Option<&'a [u8]> {
        let mut reader = Reader::new(Layer::Tls, self.extensions.find(SERVER_NAME)?);
        reader.skip("server name list length", 2).ok()?;
        while let Ok(kind) = reader.u8("name type") {
            let length = reader.u16_be("name length").ok()?;
            let name = reader.take("name", usize::from(length)).ok()?;
            if kind == 0 {
                return Some(name).filter(|name| !name.is_empty());
            }
        }
        None
    }

    /// Application protocols offered, in wire order.
    pub fn protocols(&self) -> impl Iterator<Item = &'a [u8]> {
        read_protocols(self.extensions)
    }
}

/// The server's answer.
#[derive(Clone, Copy, Debug)]
pub struct ServerHello<'a> {
    /// Version chosen, wire number.
    pub version: u16,
    /// Cipher suite chosen.
    pub cipher_suite: u16,
    /// It asks the client for another hello instead.
    pub retry: bool,
    /// Extensions.
    pub extensions: Extensions<'a>,
}

impl<'a> ServerHello<'a> {
    /// Reads the body of the handshake message.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Tls, body);
        let legacy_version = reader.u16_be("legacy version")?;
        if !matches!(legacy_version >> 8, 3 | 0xfe | 0x7f) {
            return Err(reader.malformed("legacy version"));
        }
        let random: [u8; 32] = reader.array("random")?;
        // The drafts 18 to 21 of TLS 1.3 have neither session id nor compression here.
        let draft = legacy_version >> 8 == 0x7f;
        if !draft {
            let length = reader.u8("session id length")?;
            if length > 32 {
                return Err(reader.malformed("session id length"));
            }
            reader.skip("session id", usize::from(length))?;
        }
        let cipher_suite = reader.u16_be("cipher suite")?;
        if !draft {
            reader.skip("compression method", 1)?;
        }
        let extensions = read_extensions(&mut reader)?;
        let selected = extensions.find(SUPPORTED_VERSIONS).and_then(|content| content.first_chunk());
        let version = selected.map_or(legacy_version, |version| u16::from_be_bytes(*version));
        Ok(Self { version, cipher_suite, retry: random == RETRY, extensions })
    }

    /// Application protocol chosen; in TLS 1.3 it is encrypted.
    pub fn protocol(&self) -> Option<&'a [u8]> {
        read_protocols(self.extensions).next()
    }

    /// Whether everything after this message is encrypted: TLS 1.3 and its drafts.
    pub const fn hides_the_rest(&self) -> bool {
        matches!(self.version, 0x0304 | 0x7f00..=0x7fff | 0xfefc)
    }
}

/// Extensions may be missing altogether (RFC 5246 section 7.4.1.2).
fn read_extensions<'a>(reader: &mut Reader<'a>) -> Result<Extensions<'a>, Error> {
    if reader.is_empty() {
        return Ok(Extensions::default());
    }
    let length = reader.u16_be("extensions length")?;
    Ok(Extensions(reader.take("extensions", usize::from(length))?))
}

fn read_protocols<'a>(extensions: Extensions<'a>) -> impl Iterator<Item = &'a [u8]> {
    let content = extensions.find(APPLICATION_PROTOCOLS).unwrap_or_default();
    let mut reader = Reader::new(Layer::Tls, content);
    reader.take_lax(2);
    std::iter::from_fn(move || {
        let length = reader.u8("protocol length").ok()?;
        reader.take("protocol", usize::from(length)).ok().filter(|name| !name.is_empty())
    })
}

/// Whether a stream is TLS. A conversation that began before the capture is known by two records in a row.
pub fn probe(opening: &[u8]) -> Verdict {
    if opening.first().is_some_and(|first| first & 0x80 != 0) {
        return probe_ssl2(opening);
    }
    let (content_type, _, length) = match Record::header(opening) {
        Ok(header) => header,
        Err(error) if error.is_truncated() => return Verdict::Unsure,
        Err(_) => return Verdict::NotMine,
    };
    let fragment = opening.get(Record::HEADER_BYTES..).unwrap_or_default();
    let hello = content_type == 22 && matches!(fragment, [1 | 2, 0, ..]);
    if hello || (content_type == 21 && length == 2 && matches!(fragment, [1 | 2, ..])) {
        return if fragment.len() >= 2 { Verdict::Certain } else { Verdict::Unsure };
    }
    match fragment.get(length..) {
        None => Verdict::Unsure,
        Some([]) if length > 0 => Verdict::Certain,
        Some(next) => match Record::header(next) {
            Ok(_) => Verdict::Certain,
            Err(error) if error.is_truncated() => Verdict::Unsure,
            Err(_) => Verdict::NotMine,
        },
    }
}

fn probe_ssl2(opening: &[u8]) -> Verdict {
    match ssl2_hello(opening) {
        Some(body) => match ClientHello::parse_ssl2(body) {
            Ok(_) => Verdict::Certain,
            Err(_) => Verdict::NotMine,
        },
        None => match opening.get(2..5) {
            Some([1, 3, 0..=4] | [1, 0, 2]) | None => Verdict::Unsure,
            Some(_) => Verdict::NotMine,
        },
    }
}

/// The body of a hello in the form of SSL 2, once it is whole.
pub(super) fn ssl2_hello(opening: &[u8]) -> Option<&[u8]> {
    let (length, rest) = opening.split_first_chunk()?;
    rest.get(..usize::from(u16::from_be_bytes(*length) & 0x7fff))
}

/// Whether a datagram is a record of DTLS, RFC 6347 section 4.1.
pub fn probe_datagram(datagram: &[u8]) -> Verdict {
    match datagram {
        [20..=23, 0xfe, 0xff | 0xfd, _, _, _, _, _, _, _, _, high, low, rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            if length > 0 && length <= rest.len() { Verdict::Certain } else { Verdict::NotMine }
        }
        _ => Verdict::NotMine,
    }
}
