//! Packets of RFC 2865 section 3, with the authenticators of RFC 5176 section 2.3 and of RFC 3579 section 3.2.

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use thiserror::Error;

const HEADER_BYTES: usize = 20;
/// Longest packet (RFC 2865 section 3).
const PACKET_BYTES_MAX: usize = 4_096;
/// Longest value of an attribute.
const VALUE_BYTES_MAX: usize = 253;
/// Type of the attribute that proves who sent the packet (RFC 3579 section 3.2).
const MESSAGE_AUTHENTICATOR: u8 = 80;
const AUTHENTICATOR_BYTES: usize = 16;

/// What a packet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// End a session.
    DisconnectRequest = 40,
    /// It was ended.
    DisconnectAck = 41,
    /// It was not.
    DisconnectNak = 42,
    /// Change what a session may.
    CoaRequest = 43,
    /// It was changed.
    CoaAck = 44,
    /// It was not.
    CoaNak = 45,
}

impl Code {
    const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            40 => Self::DisconnectRequest,
            41 => Self::DisconnectAck,
            42 => Self::DisconnectNak,
            43 => Self::CoaRequest,
            44 => Self::CoaAck,
            45 => Self::CoaNak,
            _ => return None,
        })
    }
}

/// What is wrong with a packet.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RadiusError {
    /// It cannot be sent.
    #[error("a RADIUS attribute of type {0} is too long")]
    TooLong(u8),
    /// There is no room for all attributes.
    #[error("too many RADIUS attributes for one packet of {PACKET_BYTES_MAX} bytes")]
    TooMany,
    /// It is none, or none of these.
    #[error("no RADIUS packet of RFC 5176")]
    Malformed,
    /// Somebody else sent it, or the secret is another.
    #[error("the answer was not made with the shared secret")]
    Forged,
}

/// An attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Type.
    pub kind: u8,
    /// Value.
    pub value: Vec<u8>,
}

impl Attribute {
    /// A text.
    pub fn text(kind: u8, text: &str) -> Self {
        Self { kind, value: text.as_bytes().to_vec() }
    }

    /// A number.
    pub fn number(kind: u8, number: u32) -> Self {
        Self { kind, value: number.to_be_bytes().to_vec() }
    }

    /// A text of a vendor (RFC 2865 section 5.26).
    pub fn vendor(vendor: u32, kind: u8, text: &str) -> Self {
        let length = u8::try_from(text.len() + 2).unwrap_or(u8::MAX);
        let value = [&vendor.to_be_bytes()[..], &[kind, length], text.as_bytes()].concat();
        Self { kind: 26, value }
    }

    /// The value as a number.
    pub fn as_number(&self) -> Option<u32> {
        self.value.as_slice().try_into().ok().map(u32::from_be_bytes)
    }
}

/// A packet whose authenticators were made or checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// What it is for.
    pub code: Code,
    /// Which request an answer belongs to.
    pub identifier: u8,
    /// Attributes, without the one that proves.
    pub attributes: Vec<Attribute>,
}

impl Packet {
    /// A request as bytes. What proves stands first, so that nobody can put attributes before it.
    pub fn request(&self, secret: &[u8]) -> Result<Vec<u8>, RadiusError> {
        let mut bytes = vec![self.code as u8, self.identifier, 0, 0];
        bytes.extend([0; AUTHENTICATOR_BYTES]);
        let proof = bytes.len() + 2;
        push(&mut bytes, MESSAGE_AUTHENTICATOR, &[0; AUTHENTICATOR_BYTES])?;
        for attribute in &self.attributes {
            push(&mut bytes, attribute.kind, &attribute.value)?;
        }
        let length = u16::try_from(bytes.len()).map_err(|_| RadiusError::TooMany)?;
        put(&mut bytes, 2, &length.to_be_bytes());
        let authentic = authenticate(secret, &bytes);
        put(&mut bytes, proof, &authentic);
        let digest = Md5::new().chain_update(&bytes).chain_update(secret).finalize();
        put(&mut bytes, 4, &digest);
        Ok(bytes)
    }

    /// Reads the answer to a request, and checks who sent it.
    pub fn answer(bytes: &[u8], request: &[u8], secret: &[u8]) -> Result<Self, RadiusError> {
        let asked = request.get(4..HEADER_BYTES).ok_or(RadiusError::Malformed)?;
        let [code, identifier, high, low, ..] = *bytes else { return Err(RadiusError::Malformed) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if !(HEADER_BYTES..=PACKET_BYTES_MAX).contains(&length) {
            return Err(RadiusError::Malformed);
        }
        // What is beyond the length is padding (RFC 2865 section 3).
        let bytes = bytes.get(..length).ok_or(RadiusError::Malformed)?;
        let code = Code::from_byte(code).ok_or(RadiusError::Malformed)?;
        let told = bytes.get(4..HEADER_BYTES).ok_or(RadiusError::Malformed)?;
        let mut whole = bytes.to_vec();
        put(&mut whole, 4, asked);
        let digest = Md5::new().chain_update(&whole).chain_update(secret).finalize();
        if digest.as_slice() != told || request.get(1) != Some(&identifier) {
            return Err(RadiusError::Forged);
        }
        let mut attributes = Vec::new();
        let mut place = HEADER_BYTES;
        while place < bytes.len() {
            let kind = bytes.get(place).copied().ok_or(RadiusError::Malformed)?;
            let size = bytes.get(place + 1).copied().map(usize::from).filter(|size| *size >= 2);
            let size = size.ok_or(RadiusError::Malformed)?;
            let value = bytes.get(place + 2..place + size).ok_or(RadiusError::Malformed)?;
            if kind == MESSAGE_AUTHENTICATOR {
                let mut blank = whole.clone();
                put(&mut blank, place + 2, &[0; AUTHENTICATOR_BYTES]);
                if authenticate(secret, &blank) != value {
                    return Err(RadiusError::Forged);
                }
            } else {
                attributes.push(Attribute { kind, value: value.to_vec() });
            }
            place += size;
        }
        Ok(Self { code, identifier, attributes })
    }
}

fn push(bytes: &mut Vec<u8>, kind: u8, value: &[u8]) -> Result<(), RadiusError> {
    if value.len() > VALUE_BYTES_MAX {
        return Err(RadiusError::TooLong(kind));
    }
    let length = u8::try_from(value.len() + 2).map_err(|_| RadiusError::TooLong(kind))?;
    bytes.extend([kind, length]);
    bytes.extend(value);
    if bytes.len() > PACKET_BYTES_MAX { Err(RadiusError::TooMany) } else { Ok(()) }
}

fn put(bytes: &mut [u8], place: usize, what: &[u8]) {
    if let Some(slice) = bytes.get_mut(place..place + what.len()) {
        slice.copy_from_slice(what);
    }
}

/// HMAC-MD5 over the packet with blank authenticators, as the standard wants it.
fn authenticate(secret: &[u8], bytes: &[u8]) -> Vec<u8> {
    Hmac::<Md5>::new_from_slice(secret)
        .map(|mac| mac.chain_update(bytes).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acknowledgement(request: &[u8], secret: &[u8]) -> Vec<u8> {
        let mut bytes = vec![Code::CoaAck as u8, request[1], 0, 20];
        bytes.extend(&request[4..20]);
        let digest = Md5::new().chain_update(&bytes).chain_update(secret).finalize();
        put(&mut bytes, 4, &digest);
        bytes
    }

    #[test]
    fn an_answer_counts_only_where_it_was_made_with_the_secret_for_this_request() {
        let packet = |identifier| Packet {
            code: Code::CoaRequest,
            identifier,
            attributes: vec![Attribute::text(11, "quarantine")],
        };
        let request = packet(7).request(b"secret").unwrap();
        assert_eq!(usize::from(u16::from_be_bytes([request[2], request[3]])), request.len());
        let answer = acknowledgement(&request, b"secret");
        assert_eq!(Packet::answer(&answer, &request, b"secret").unwrap().code, Code::CoaAck);
        assert_eq!(Packet::answer(&answer, &request, b"other"), Err(RadiusError::Forged));
        let other = packet(8).request(b"secret").unwrap();
        assert_eq!(Packet::answer(&answer, &other, b"secret"), Err(RadiusError::Forged));
        for length in 0..answer.len() {
            assert!(Packet::answer(&answer[..length], &request, b"secret").is_err());
        }
        let mut flipped = answer.clone();
        for place in 0..flipped.len() {
            flipped[place] ^= 1;
            assert!(Packet::answer(&flipped, &request, b"secret").is_err(), "byte {place}");
            flipped[place] ^= 1;
        }
    }

    #[test]
    fn what_does_not_fit_is_not_sent() {
        let packet = |attributes| Packet { code: Code::CoaRequest, identifier: 1, attributes };
        let long = packet(vec![Attribute::text(11, &"x".repeat(254))]);
        assert_eq!(long.request(b"s"), Err(RadiusError::TooLong(11)));
        let many = packet(vec![Attribute::text(11, &"x".repeat(250)); 17]);
        assert_eq!(many.request(b"s"), Err(RadiusError::TooMany));
    }
}
