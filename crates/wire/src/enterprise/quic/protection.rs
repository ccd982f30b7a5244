//! Keys of Initial packets and how they are used: RFC 9001 section 5.

use ring::aead::quic::{AES_128, HeaderProtectionKey};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

use super::packet::{Initial, Version};

/// RFC 9001 section 5.2.
const SALT_ONE: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,
    0xbb, 0x7f, 0x0a,
];
/// RFC 9369 section 3.3.1.
const SALT_TWO: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9,
    0xbd, 0x2e, 0xd9,
];
/// draft-ietf-quic-tls-29 section 5.2.
const SALT_DRAFT_29: [u8; 20] = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43,
    0x90, 0xa8, 0x99,
];

/// Bytes of an authentication tag.
const TAG_BYTES: usize = 16;

/// What a client's Initial packets are protected with.
pub(super) struct Keys {
    packet: LessSafeKey,
    vector: [u8; 12],
    header: HeaderProtectionKey,
}

/// A length of key material.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label, RFC 8446 section 7.1, with an empty context.
fn expand<const N: usize>(secret: &Prk, label: &str) -> Option<[u8; N]> {
    let label_length = u8::try_from(label.len() + 6).ok()?;
    let length = u16::try_from(N).ok()?.to_be_bytes();
    let info: [&[u8]; 5] = [&length, &[label_length], b"tls13 ", label.as_bytes(), &[0]];
    let mut key = [0; N];
    secret.expand(&info, Length(N)).ok()?.fill(&mut key).ok()?;
    Some(key)
}

impl Keys {
    /// Keys of the client for the connection that it began with this destination identifier.
    pub(super) fn new(version: Version, destination: &[u8]) -> Option<Self> {
        let (salt, prefix) = match version {
            Version::One => (SALT_ONE, "quic"),
            Version::Two => (SALT_TWO, "quicv2"),
            Version::Draft29 => (SALT_DRAFT_29, "quic"),
        };
        let initial = Salt::new(HKDF_SHA256, &salt).extract(destination);
        let client: [u8; 32] = expand(&initial, "client in")?;
        let client = Prk::new_less_safe(HKDF_SHA256, &client);
        let key: [u8; 16] = expand(&client, &format!("{prefix} key"))?;
        let header: [u8; 16] = expand(&client, &format!("{prefix} hp"))?;
        Some(Self {
            packet: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?),
            vector: expand(&client, &format!("{prefix} iv"))?,
            header: HeaderProtectionKey::new(&AES_128, &header).ok()?,
        })
    }

    /// The payload of a packet, if it was protected with these keys.
    pub(super) fn open(&self, packet: &Initial<'_>) -> Option<Vec<u8>> {
        let mut bytes = packet.bytes.to_vec();
        let sample_at = packet.number_at.checked_add(4)?;
        let sample = bytes.get(sample_at..sample_at.checked_add(16)?)?;
        let [first_mask, number_mask @ ..] = self.header.new_mask(sample).ok()?;
        let first = bytes.first_mut()?;
        *first ^= first_mask & 0x0f;
        let number_length = usize::from(*first & 3) + 1;
        let payload_at = packet.number_at.checked_add(number_length)?;
        let mut number = 0_u32;
        for (byte, mask) in bytes.get_mut(packet.number_at..payload_at)?.iter_mut().zip(number_mask) {
            *byte ^= mask;
            number = number << 8 | u32::from(*byte);
        }
        let mut nonce = self.vector;
        for (byte, part) in nonce.iter_mut().rev().zip(number.to_be_bytes().into_iter().rev()) {
            *byte ^= part;
        }
        let (header, payload) = bytes.split_at_mut_checked(payload_at)?;
        let length = payload.len().checked_sub(TAG_BYTES)?;
        self.packet.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(&*header), payload).ok()?;
        let mut payload = bytes.split_off(payload_at);
        payload.truncate(length);
        Some(payload)
    }
}
