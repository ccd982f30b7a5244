//! Credentials in header fields.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::Sensitive;

/// Longest credentials decoded, bytes.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Padding is often forgotten.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// An Authorization or Proxy-Authorization field.
#[derive(Clone)]
pub enum Authorization<'a> {
    /// Account and password but for base64.
    Basic {
        /// Account.
        account: Sensitive<Vec<u8>>,
        /// Password.
        secret: Sensitive<Vec<u8>>,
    },
    /// Digest: the account is readable.
    Digest {
        /// Account.
        account: Option<Sensitive<&'a [u8]>>,
    },
    /// NTLM or Negotiate: the decoded token.
    Token(Sensitive<Vec<u8>>),
    /// Bearer or a scheme of a vendor: everything behind its name lets its bearer in.
    Bearer(Sensitive<&'a [u8]>),
}

impl<'a> Authorization<'a> {
    /// Reads the value of the field: its scheme, and what it holds where that could be read.
    pub fn parse(value: &'a [u8]) -> (&'a [u8], Option<Self>) {
        let end = memchr::memchr(b' ', value).unwrap_or(value.len());
        let (scheme, rest) = value.split_at_checked(end).unwrap_or((value, &[]));
        let rest = rest.trim_ascii();
        if rest.is_empty() {
            // Without a scheme it is nothing but a secret, which must not be taken for one.
            let known = [&b"basic"[..], b"digest", b"ntlm", b"negotiate", b"bearer"];
            let is_scheme = known.iter().any(|name| name.eq_ignore_ascii_case(scheme));
            return if is_scheme {
                (scheme, None)
            } else {
                (&[], Some(Self::Bearer(Sensitive::new(scheme))))
            };
        }
        let read = match scheme.to_ascii_lowercase().as_slice() {
            b"basic" => basic(rest),
            b"digest" => {
                let account = parameter(rest, b"username").map(Sensitive::new);
                Some(Self::Digest { account })
            }
            b"ntlm" | b"negotiate" => token(rest).map(Self::Token),
            _ => Some(Self::Bearer(Sensitive::new(rest))),
        };
        (scheme, read)
    }
}

fn basic(encoded: &[u8]) -> Option<Authorization<'static>> {
    let decoded = token(encoded)?.expose();
    let colon = memchr::memchr(b':', &decoded)?;
    let (account, secret) = decoded.split_at_checked(colon)?;
    let secret = secret.get(1..).unwrap_or_default();
    Some(Authorization::Basic {
        account: Sensitive::new(account.to_vec()),
        secret: Sensitive::new(secret.to_vec()),
    })
}

fn token(encoded: &[u8]) -> Option<Sensitive<Vec<u8>>> {
    if encoded.len() > TOKEN_BYTES_MAX {
        return None;
    }
    BASE64.decode(encoded).ok().map(Sensitive::new)
}

/// A WWW-Authenticate or Proxy-Authenticate field.
#[derive(Clone)]
pub struct Challenge<'a> {
    /// Scheme.
    pub scheme: &'a [u8],
    /// Realm, as devices name themselves in it.
    pub realm: Option<&'a [u8]>,
    /// Decoded token of NTLM or Negotiate.
    pub token: Option<Sensitive<Vec<u8>>>,
}

impl<'a> Challenge<'a> {
    /// Reads the value of the field; of several challenges the first.
    pub fn parse(value: &'a [u8]) -> Self {
        let end = memchr::memchr(b' ', value).unwrap_or(value.len());
        let (scheme, rest) = value.split_at_checked(end).unwrap_or((value, &[]));
        let rest = rest.trim_ascii();
        let has_token = scheme.eq_ignore_ascii_case(b"ntlm") || scheme.eq_ignore_ascii_case(b"negotiate");
        let token = if has_token && !rest.is_empty() { token(rest) } else { None };
        Self { scheme, realm: parameter(rest, b"realm"), token }
    }
}

/// The value of a parameter such as `realm="..."`, RFC 9110 section 11.2.
fn parameter<'a>(list: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = list;
    loop {
        let equals = memchr::memchr(b'=', rest)?;
        let (key, after) = rest.split_at_checked(equals)?;
        let key = key.rsplit(|byte| matches!(byte, b',' | b' ')).next().unwrap_or_default();
        let value = after.get(1..)?.trim_ascii_start();
        let (value, next) = match value.split_first() {
            Some((b'"', quoted)) => {
                let end = memchr::memchr(b'"', quoted).unwrap_or(quoted.len());
                (quoted.get(..end)?, quoted.get(end + 1..).unwrap_or_default())
            }
            _ => {
                let end = memchr::memchr(b',', value).unwrap_or(value.len());
                (value.get(..end)?.trim_ascii(), value.get(end..)?)
            }
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_example_of_rfc_7617() {
        let (scheme, read) = Authorization::parse(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(scheme, b"Basic");
        let Some(Authorization::Basic { account, secret }) = read else { panic!() };
        assert_eq!((account.expose(), secret.expose()), (b"Aladdin".to_vec(), b"open sesame".to_vec()));
    }

    #[test]
    fn reads_digest_and_bearer() {
        let digest = b"Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/a=b\"";
        let (_, Some(Authorization::Digest { account: Some(account) })) = Authorization::parse(digest) else {
            panic!()
        };
        assert_eq!(account.expose(), b"Mufasa");
        assert_eq!(parameter(&digest[7..], b"realm"), Some(&b"http-auth@example.org"[..]));
        let (scheme, Some(Authorization::Bearer(secret))) = Authorization::parse(b"abc") else { panic!() };
        assert_eq!((scheme, secret.expose()), (&b""[..], &b"abc"[..]));
    }

    #[test]
    fn reads_a_challenge() {
        let challenge = Challenge::parse(b"Basic realm=\"Infusion Gateway\", charset=\"UTF-8\"");
        assert_eq!((challenge.scheme, challenge.realm), (&b"Basic"[..], Some(&b"Infusion Gateway"[..])));
        assert!(challenge.token.is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = Authorization::parse(&bytes);
            let _ = Challenge::parse(&bytes);
            let _ = parameter(&bytes, b"realm");
        }
    }
}
