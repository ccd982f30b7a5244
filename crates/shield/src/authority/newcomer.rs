//! How a box without certificate gets its first one.

use std::net::SocketAddr;
use std::path::Path;

use rcgen::KeyPair;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::enrolment::{Admission, Answer, hear, say};
use crate::ShieldError;
use crate::files::{make_private_directory, write_private};
use crate::limits::{CONNECT_TIMEOUT, HANDSHAKE_TIMEOUT};
use crate::tls::{self, Identity};

/// Where a box keeps key, certificate and the authority's certificate, below its state directory.
pub(crate) const IDENTITY_FILE: &str = "identity.pem";

/// Enrols this box with `code` and keeps its identity in `state`.
///
/// # Errors
/// When the code is for another name, or the clinic end cannot be reached, is not the one of the code, or refuses.
pub async fn enrol(
    code: &str,
    name: &str,
    clinic_name: &str,
    address: SocketAddr,
    state: &Path,
) -> Result<(), ShieldError> {
    let (secret, fingerprint) = parse(code, name)?;
    let key = KeyPair::generate()?;
    let admission = Admission { name: name.to_owned(), secret, request: super::request(&key)? };
    let connector = TlsConnector::from(tls::of_newcomer(fingerprint)?);
    let server = tls::server_name(clinic_name)?;
    let late = |_| ShieldError::Protocol("the enrolment port does not answer");
    let connection =
        tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await.map_err(late)??;
    let talk = async {
        let mut connection = connector.connect(server, connection).await?;
        say(&mut connection, &admission).await?;
        hear::<Answer>(&mut connection).await
    };
    let answer = tokio::time::timeout(HANDSHAKE_TIMEOUT, talk).await.map_err(late)??;
    let certificate = match answer {
        Answer::Certificate(certificate) => certificate,
        Answer::Refused(why) => return Err(ShieldError::Refused(why)),
    };
    let pem = format!("{}{certificate}", key.serialize_pem());
    let identity = Identity::from_pem(&pem)?;
    if identity.name()?.name != name || tls::fingerprint(&identity.authority) != fingerprint {
        return Err(ShieldError::Protocol("a certificate for somebody else"));
    }
    make_private_directory(state)?;
    write_private(&state.join(IDENTITY_FILE), pem.as_bytes())
}

/// Secret and fingerprint of a code.
fn parse(code: &str, name: &str) -> Result<(String, [u8; 32]), ShieldError> {
    let bad = |what: &str| ShieldError::Authority(format!("the enrolment code {what}"));
    let mut parts = code.trim().split('.');
    let (Some(of), Some(secret), Some(fingerprint), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(bad("is not whole; it has three parts"));
    };
    if of != name {
        return Err(bad(&format!("is for {of}, and this box is called {name}")));
    }
    let mut bytes = [0; 32];
    let (pairs, rest) = fingerprint.as_bytes().as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return Err(bad("is not whole; its last part has 64 digits"));
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let text = std::str::from_utf8(pair).map_err(|_| bad("is not whole"))?;
        *byte = u8::from_str_radix(text, 16).map_err(|_| bad("has a letter that is no digit"))?;
    }
    Ok((secret.to_owned(), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read() {
        let fingerprint = "ab".repeat(32);
        assert_eq!(parse(&format!("w.s.{fingerprint}\n"), "w").unwrap(), ("s".to_owned(), [0xab; 32]));
        for (code, what) in [
            ("w.s".to_owned(), "three parts"),
            (format!("v.s.{fingerprint}"), "is for v"),
            ("w.s.ab".to_owned(), "64 digits"),
            (format!("w.s.{}", "zz".repeat(32)), "no digit"),
        ] {
            assert!(parse(&code, "w").unwrap_err().to_string().contains(what), "{code}");
        }
    }
}
