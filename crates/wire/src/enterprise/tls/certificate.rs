//! X.509 certificates, RFC 5280, as far as they tell about a device.

use sha2::{Digest, Sha256};
use x509_parser::asn1_rs::Any;
use x509_parser::nom::Parser;
use x509_parser::prelude::{X509Certificate, X509CertificateParser};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AttributeTypeAndValue, SubjectPublicKeyInfo};

use crate::{Error, Fault, Layer, Reader};

/// Kind of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the algorithms' own")]
pub enum KeyAlgorithm {
    Rsa,
    Ec,
    Dsa,
    Ed25519,
    Ed448,
    Other,
}

/// A certificate. Extensions that are not well formed, as devices have them, do no harm: they are not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Subject common name.
    pub common_name: Option<String>,
    /// Subject organisation.
    pub organization: Option<String>,
    /// Subject organisational unit.
    pub unit: Option<String>,
    /// Issuer common name, or its organisation where it has none.
    pub issuer: Option<String>,
    /// DNS names of the subject, at most [`Self::NAMES_MAX`].
    pub names: Vec<String>,
    /// Serial number, hexadecimal as encoded.
    pub serial: String,
    /// Begin of validity, seconds since 1970.
    pub not_before_s: i64,
    /// End of validity, seconds since 1970.
    pub not_after_s: i64,
    /// Public key algorithm.
    pub key_algorithm: KeyAlgorithm,
    /// Public key length, bits; 0 where it is not known.
    pub key_bits: u16,
    /// Signature algorithm, such as `sha256-rsa`; dotted object identifier where it has no short name here.
    pub signature_algorithm: String,
    /// Subject equals issuer.
    pub self_signed: bool,
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
}

impl Certificate {
    /// Most DNS names read.
    pub const NAMES_MAX: usize = 32;
    /// Longest name read, bytes.
    pub const NAME_BYTES_MAX: usize = 255;

    /// Reads a certificate in DER.
    pub fn parse(der: &[u8]) -> Result<Self, Error> {
        let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
        let malformed =
            Error { layer: Layer::X509, field: "certificate", offset: 0, fault: Fault::Malformed };
        let (_, certificate) = parser.parse(der).map_err(|_| malformed)?;
        let subject = certificate.subject();
        let issuer = certificate.issuer();
        let issuer_name = issuer.iter_common_name().next().or_else(|| issuer.iter_organization().next());
        Ok(Self {
            common_name: subject.iter_common_name().next().and_then(text),
            organization: subject.iter_organization().next().and_then(text),
            unit: subject.iter_organizational_unit().next().and_then(text),
            issuer: issuer_name.and_then(text),
            names: dns_names(&certificate),
            serial: hexadecimal(certificate.raw_serial()),
            not_before_s: certificate.validity().not_before.timestamp(),
            not_after_s: certificate.validity().not_after.timestamp(),
            key_algorithm: key_algorithm(certificate.public_key()),
            key_bits: key_bits(certificate.public_key()),
            signature_algorithm: signature_name(&certificate.signature_algorithm.algorithm.to_id_string()),
            self_signed: subject.as_raw() == issuer.as_raw(),
            fingerprint: Sha256::digest(der).into(),
        })
    }
}

/// The value of a name's attribute, whichever string type it has.
fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let value: &Any<'_> = attribute.attr_value();
    let bytes = value.data;
    let bytes = bytes.get(..bytes.len().min(Certificate::NAME_BYTES_MAX)).unwrap_or_default();
    // BMPString (tag 30) is UTF-16 big endian; T61String and the others are ASCII in practice.
    let text = if value.tag().0 == 30 {
        let units = bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair));
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    } else {
        String::from_utf8_lossy(bytes).into_owned()
    };
    Some(text).filter(|text| !text.trim().is_empty())
}

/// DNS names of the subject alternative name extension (2.5.29.17), RFC 5280 section 4.2.1.6.
fn dns_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extension =
        certificate.iter_extensions().find(|extension| extension.oid.as_bytes() == [0x55, 0x1d, 0x11]);
    let mut names = Vec::new();
    let mut reader = Reader::new(Layer::X509, extension.map_or(&[], |extension| extension.value));
    let Ok((0x30, list)) = element(&mut reader) else { return names };
    let mut reader = Reader::new(Layer::X509, list);
    while let Ok((tag, value)) = element(&mut reader) {
        if tag == 0x82 && names.len() < Certificate::NAMES_MAX {
            let value = value.get(..value.len().min(Certificate::NAME_BYTES_MAX)).unwrap_or_default();
            names.push(String::from_utf8_lossy(value).into_owned());
        }
    }
    names
}

/// One DER element: tag and content.
fn element<'a>(reader: &mut Reader<'a>) -> Result<(u8, &'a [u8]), Error> {
    let tag = reader.u8("tag")?;
    let length = match reader.u8("length")? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(reader.u8("length")?),
        0x82 => usize::from(reader.u16_be("length")?),
        _ => return Err(reader.unsupported("length")),
    };
    Ok((tag, reader.take("content", length)?))
}

fn key_algorithm(key: &SubjectPublicKeyInfo<'_>) -> KeyAlgorithm {
    match key.algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => KeyAlgorithm::Rsa,
        "1.2.840.10045.2.1" => KeyAlgorithm::Ec,
        "1.2.840.10040.4.1" => KeyAlgorithm::Dsa,
        "1.3.101.112" => KeyAlgorithm::Ed25519,
        "1.3.101.113" => KeyAlgorithm::Ed448,
        _ => KeyAlgorithm::Other,
    }
}

fn key_bits(key: &SubjectPublicKeyInfo<'_>) -> u16 {
    let bits = match (key_algorithm(key), key.parsed()) {
        (KeyAlgorithm::Rsa, Ok(PublicKey::RSA(rsa))) => integer_bits(rsa.modulus),
        (KeyAlgorithm::Dsa, Ok(PublicKey::DSA(modulus))) => integer_bits(modulus),
        (KeyAlgorithm::Ec, _) => {
            let curve = key.algorithm.parameters.as_ref().map(|curve| curve.data);
            match curve {
                // secp521r1, RFC 5480 section 2.1.1.1, is the usual curve whose size is not whole bytes.
                Some([0x2b, 0x81, 0x04, 0x00, 0x23]) => 521,
                // A point is 4, x, y uncompressed; 2 or 3, x compressed.
                _ => match key.subject_public_key.data.as_ref() {
                    [4, point @ ..] => point.len() * 4,
                    [2 | 3, point @ ..] => point.len() * 8,
                    _ => 0,
                },
            }
        }
        (KeyAlgorithm::Ed25519, _) => 256,
        (KeyAlgorithm::Ed448, _) => 456,
        _ => 0,
    };
    u16::try_from(bits).unwrap_or(u16::MAX)
}

/// Bits of an unsigned integer without its leading zeros.
fn integer_bits(bytes: &[u8]) -> usize {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let significant = bytes.get(start..).unwrap_or_default();
    let leading = significant.first().map_or(0, |byte| byte.leading_zeros() as usize);
    significant.len() * 8 - leading
}

fn signature_name(identifier: &str) -> String {
    let name = match identifier {
        "1.2.840.113549.1.1.2" => "md2-rsa",
        "1.2.840.113549.1.1.4" => "md5-rsa",
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => "sha1-rsa",
        "1.2.840.113549.1.1.10" => "rsa-pss",
        "1.2.840.113549.1.1.11" => "sha256-rsa",
        "1.2.840.113549.1.1.12" => "sha384-rsa",
        "1.2.840.113549.1.1.13" => "sha512-rsa",
        "1.2.840.113549.1.1.14" => "sha224-rsa",
        "1.2.840.10040.4.3" => "sha1-dsa",
        "2.16.840.1.101.3.4.3.2" => "sha256-dsa",
        "1.2.840.10045.4.1" => "sha1-ecdsa",
        "1.2.840.10045.4.3.1" => "sha224-ecdsa",
        "1.2.840.10045.4.3.2" => "sha256-ecdsa",
        "1.2.840.10045.4.3.3" => "sha384-ecdsa",
        "1.2.840.10045.4.3.4" => "sha512-ecdsa",
        "1.3.101.112" => "ed25519",
        "1.3.101.113" => "ed448",
        other => other,
    };
    name.to_owned()
}

fn hexadecimal(bytes: &[u8]) -> String {
    // RFC 5280 section 4.1.2.2 allows 20 bytes; some devices write more.
    bytes.iter().take(64).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_the_bits_of_a_key() {
        assert_eq!(integer_bits(&[0, 0x80, 0]), 16);
        assert_eq!(integer_bits(&[0x01, 0xff]), 9);
        assert_eq!(integer_bits(&[]), 0);
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(bytes: Vec<u8>) {
            let _ = Certificate::parse(&bytes);
        }
    }
}
