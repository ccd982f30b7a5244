//! TLS 1.3 between the two ends, and nothing older.
//!
//! Key exchange is X25519 with ML-KEM-768 and nothing else: what is recorded today stays closed to a quantum computer of
//! tomorrow (draft-ietf-tls-ecdhe-mlkem). That needs aws-lc-rs; ring has no ML-KEM. Both ends are ours, so nothing has to be
//! offered for others. No early data: it could be replayed.

use std::io;
use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider_of_aws};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error,
    RootCertStore, ServerConfig, SignatureScheme,
};

use crate::ShieldError;

/// Application protocol (RFC 7301): another program on either port is refused in the handshake.
const LINK_PROTOCOL: &[u8] = b"wardline-shield/1";
const ENROLMENT_PROTOCOL: &[u8] = b"wardline-shield-enrol/1";
/// Names in certificates end so. `.internal` is reserved for private use.
const BOX_SUFFIX: &str = ".box.shield.internal";
const CLINIC_SUFFIX: &str = ".clinic.shield.internal";

/// What a failure of TLS says about who is on the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Blame {
    /// A record was altered on its way, put in, left out, or came twice.
    Corrupted,
    /// The connection was cut without the word that ends it.
    Truncated,
    /// An older version or weaker key exchange was asked for.
    Downgrade,
    /// No certificate, or one of another authority or another name.
    Stranger,
    /// A certificate of ours whose time is over.
    Expired,
    /// Messages that make no sense here.
    Injected,
    /// The other end refused what this one showed.
    Refused,
}

/// What the words of TLS in `error` mean; `None` when it is about something else.
pub fn blame(error: &io::Error) -> Option<Blame> {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return Some(Blame::Truncated);
    }
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match error {
        Error::DecryptError | Error::AlertReceived(AlertDescription::BadRecordMac) => Blame::Corrupted,
        Error::PeerIncompatible(_)
        | Error::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
            Blame::Downgrade
        }
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            Blame::Expired
        }
        Error::InvalidCertificate(_) | Error::NoCertificatesPresented => Blame::Stranger,
        Error::AlertReceived(_) => Blame::Refused,
        _ => Blame::Injected,
    })
}

/// A key, its certificate, and the authority that both ends trust.
pub struct Identity {
    /// Certificate.
    pub certificate: CertificateDer<'static>,
    /// Private key.
    pub key: PrivateKeyDer<'static>,
    /// Certificate of the authority.
    pub authority: CertificateDer<'static>,
}

impl Identity {
    /// Reads a key, a certificate and the certificate of the authority, in this order, in PEM.
    ///
    /// # Errors
    /// When one is missing or is none.
    pub fn from_pem(pem: &str) -> Result<Self, ShieldError> {
        let bad =
            |_| ShieldError::Certificate("the file of the identity is not whole; enrol anew".to_owned());
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(bad)?;
        let mut certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
        let mut next = || {
            certificates.next().transpose().map_err(bad)?.ok_or_else(|| {
                ShieldError::Certificate(
                    "the file of the identity lacks a certificate; enrol anew".to_owned(),
                )
            })
        };
        Ok(Self { certificate: next()?, authority: next()?, key })
    }

    /// Who this is.
    ///
    /// # Errors
    /// When the certificate is none of this authority's kind.
    pub fn name(&self) -> Result<Peer, ShieldError> {
        Peer::read(&self.certificate)
    }
}

/// What a certificate says of its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Name of the box or clinic end.
    pub name: String,
    /// How often a box was enrolled under this name; only the last enrolment holds. 0 for a clinic end.
    pub generation: u32,
    /// Seconds since 1970 after which it does not hold.
    pub expires_s: u64,
    /// Seconds since 1970 before which it does not hold.
    pub begins_s: u64,
}

impl Peer {
    /// Reads a certificate. That it is signed is TLS's affair.
    ///
    /// # Errors
    /// When it lacks what our authority writes.
    pub fn read(certificate: &CertificateDer<'_>) -> Result<Self, ShieldError> {
        let bad = || ShieldError::Certificate("not one of this authority's kind".to_owned());
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).map_err(|_| bad())?;
        let names = parsed.subject_alternative_name().ok().flatten().ok_or_else(bad)?;
        let name = names.value.general_names.iter().find_map(|name| match name {
            x509_parser::extensions::GeneralName::DNSName(name) => Some(*name),
            _ => None,
        });
        let (name, generation) = parts(name.ok_or_else(bad)?).ok_or_else(bad)?;
        let seconds = |time: x509_parser::time::ASN1Time| u64::try_from(time.timestamp()).unwrap_or(0);
        let validity = parsed.validity();
        Ok(Self {
            name: name.to_owned(),
            generation,
            begins_s: seconds(validity.not_before),
            expires_s: seconds(validity.not_after),
        })
    }
}

fn parts(name: &str) -> Option<(&str, u32)> {
    if let Some(name) = name.strip_suffix(CLINIC_SUFFIX) {
        return Some((name, 0));
    }
    let (name, generation) = name.strip_suffix(BOX_SUFFIX)?.rsplit_once('.')?;
    Some((name, generation.parse().ok().filter(|generation| *generation > 0)?))
}

/// The name in the certificate of a box.
pub(crate) fn box_name(name: &str, generation: u32) -> String {
    format!("{name}.{generation}{BOX_SUFFIX}")
}

/// The name in the certificate of a clinic end.
pub(crate) fn clinic_name(name: &str) -> String {
    format!("{name}{CLINIC_SUFFIX}")
}

pub(crate) fn server_name(clinic: &str) -> Result<ServerName<'static>, ShieldError> {
    ServerName::try_from(clinic_name(clinic))
        .map_err(|_| ShieldError::Certificate(format!("{clinic}: not the name of a clinic end")))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            provider_of_aws::cipher_suite::TLS13_AES_256_GCM_SHA384,
            // For boxes without instructions for AES.
            provider_of_aws::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        kx_groups: vec![provider_of_aws::kx_group::X25519MLKEM768],
        ..provider_of_aws::default_provider()
    })
}

fn roots(authority: &CertificateDer<'static>) -> Result<Arc<RootCertStore>, ShieldError> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone())?;
    Ok(Arc::new(roots))
}

/// How a box connects to its clinic end. Sessions are resumed as long as this value lives.
///
/// # Errors
/// When the identity does not fit together.
pub fn of_box(identity: &Identity) -> Result<Arc<ClientConfig>, ShieldError> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots(&identity.authority)?)
        .with_client_auth_cert(vec![identity.certificate.clone()], identity.key.clone_key())?;
    config.alpn_protocols = vec![LINK_PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}

/// How a clinic end takes boxes. `tickets` outlives the certificate, so that sessions are resumed when it is renewed.
///
/// # Errors
/// When the identity does not fit together.
pub fn of_clinic(
    identity: &Identity,
    tickets: &Arc<dyn rustls::server::ProducesTickets>,
) -> Result<Arc<ServerConfig>, ShieldError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(&identity.authority)?, provider())
        .build()
        .map_err(|error| ShieldError::Certificate(error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![identity.certificate.clone()], identity.key.clone_key())?;
    config.alpn_protocols = vec![LINK_PROTOCOL.to_vec()];
    config.ticketer = Arc::clone(tickets);
    Ok(Arc::new(config))
}

/// Keys for tickets, changed every six hours.
///
/// # Errors
/// When there is no randomness.
pub fn tickets() -> Result<Arc<dyn rustls::server::ProducesTickets>, ShieldError> {
    Ok(provider_of_aws::Ticketer::new()?)
}

/// How a clinic end takes a box that has no certificate yet: it shows its own and that of the authority.
///
/// # Errors
/// When the identity does not fit together.
pub fn of_enrolment(identity: &Identity) -> Result<Arc<ServerConfig>, ShieldError> {
    let chain = vec![identity.certificate.clone(), identity.authority.clone()];
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, identity.key.clone_key())?;
    config.alpn_protocols = vec![ENROLMENT_PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}

/// How a box without certificate connects: it knows the authority's fingerprint from its enrolment code.
///
/// # Errors
/// Never in practice: the versions and suites are constant.
pub fn of_newcomer(fingerprint: [u8; 32]) -> Result<Arc<ClientConfig>, ShieldError> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { fingerprint }))
        .with_no_client_auth();
    config.alpn_protocols = vec![ENROLMENT_PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}

/// SHA-256 of a certificate.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> [u8; 32] {
    let mut out = [0; 32];
    let digest = digest::digest(&digest::SHA256, certificate);
    // SHA-256 has 32 bytes.
    if let Some(bytes) = digest.as_ref().first_chunk::<32>() {
        out = *bytes;
    }
    out
}

/// Trusts the one authority with this fingerprint, which the server shows behind its own certificate.
#[derive(Debug)]
struct Pinned {
    fingerprint: [u8; 32],
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let unknown = || Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let authority = intermediates
            .iter()
            .find(|certificate| fingerprint(certificate) == self.fingerprint)
            .ok_or_else(unknown)?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|_| unknown())?;
        verifier.verify_server_cert(end_entity, &[], server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken here".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = provider_of_aws::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider_of_aws::default_provider().signature_verification_algorithms.supported_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        None
    }
}
