//! Facts of HTTP and TLS.

use serde::{Deserialize, Serialize};

use crate::{Bounded, Label, Timestamp};

/// A request head.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// Method.
    pub method: Label,
    /// Host header.
    pub host: Option<Label>,
    /// Path with everything that may name a person taken out: letters-only segments stay, others become `*`,
    /// the query is left out.
    pub path_shape: Label,
    /// User-Agent.
    pub user_agent: Option<Label>,
    /// Content-Type.
    pub content_type: Option<Label>,
    /// SOAPAction.
    pub soap_action: Option<Label>,
    /// Scheme of the Authorization header.
    pub authorization: Option<Label>,
    /// Content-Length.
    pub content_length: Option<u64>,
}

/// A response head.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpResponse {
    /// Status code.
    pub status: u16,
    /// Server.
    pub server: Option<Label>,
    /// Content-Type.
    pub content_type: Option<Label>,
    /// WWW-Authenticate: scheme and realm.
    pub authenticate: Option<Label>,
    /// X-Powered-By and the like.
    pub powered_by: Option<Label>,
    /// Content-Length.
    pub content_length: Option<u64>,
}

/// An HTTP/1 message head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpFact {
    /// Client to server.
    Request(HttpRequest),
    /// Server to client.
    Response(HttpResponse),
}

/// ClientHello.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsClientHello {
    /// Highest version offered, wire number (0x0304 is TLS 1.3).
    pub version: u16,
    /// Server name indication.
    pub server_name: Option<Label>,
    /// Application protocols offered.
    pub protocols: Bounded<Label, 8>,
    /// JA4 fingerprint.
    pub ja4: Label,
    /// Carried by QUIC or DTLS rather than TCP.
    pub datagram: bool,
}

/// ServerHello.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsServerHello {
    /// Version chosen, wire number.
    pub version: u16,
    /// Cipher suite chosen, IANA number.
    pub cipher_suite: u16,
    /// Application protocol chosen.
    pub protocol: Option<Label>,
}

/// A certificate that could be read (TLS 1.2 and before).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFact {
    /// Sent by the server rather than the client.
    pub server: bool,
    /// Place in the chain, 0 is the end entity.
    pub position: u8,
    /// Subject common name.
    pub common_name: Option<Label>,
    /// Subject organisation.
    pub organization: Option<Label>,
    /// Subject organisational unit.
    pub unit: Option<Label>,
    /// Issuer common name.
    pub issuer: Option<Label>,
    /// DNS names of the subject.
    pub names: Bounded<Label, 8>,
    /// Serial number, hexadecimal.
    pub serial: Label,
    /// Begin of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// Public key algorithm, such as `rsa` or `ec`.
    pub key_algorithm: Label,
    /// Public key length, bits.
    pub key_bits: u16,
    /// Signature algorithm, such as `sha1-rsa`.
    pub signature_algorithm: Label,
    /// Subject equals issuer.
    pub self_signed: bool,
    /// SHA-256 of the certificate, hexadecimal.
    pub fingerprint: Label,
}

/// A TLS handshake message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsFact {
    /// The client's first words.
    ClientHello(TlsClientHello),
    /// The server's answer.
    ServerHello(TlsServerHello),
    /// A certificate.
    Certificate(CertificateFact),
    /// A fatal alert: its description number.
    Alert(u8),
}
