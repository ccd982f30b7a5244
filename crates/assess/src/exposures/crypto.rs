//! Encryption and authentication that can be broken: RFC 8996, RFC 9325, RFC 7465, RFC 3414.

use wardline_model::fact::{
    BannerFact, CertificateFact, PatientFields, Protection, ProtectionFact, SmbFact, SnmpFact, SnmpOperation,
    SnmpSecurity, TlsFact, TlsServerHello,
};
use wardline_model::{ExposureKind, Label, Protocol, Severity};

use super::{Scene, Sighting};

const UPDATE: &str = "Allow TLS 1.2 and 1.3 with current cipher suites only; where the device cannot, ask its maker for an update, and put an encrypting gateway in front of it until then.";
const RENEW: &str = "Renew the certificate with a current key and signature (RSA of 2048 bits or more, or elliptic curve; SHA-256).";

/// The weakness is that of who speaks: the server that chose, the owner of the certificate.
fn weak(scene: &Scene<'_>, protocol: Protocol, cause: &str, severity: Severity, field: &str) -> Sighting {
    let observation = scene.observation;
    Sighting {
        kind: ExposureKind::WeakCrypto,
        protocol,
        cause: Label::new(cause),
        device: Some(observation.from),
        peer: Some(observation.to),
        severity,
        fields: PatientFields::default(),
        summary: format!(
            "{{device}} protects its conversation with {{peer}} with {cause}, which can be broken."
        ),
        remedy: UPDATE.to_owned(),
        evidence: scene.names.evidence(observation, protocol, field, cause),
        time: observation.sighting.time,
    }
}

pub(super) fn tls(scene: &Scene<'_>, tls: &TlsFact) -> Vec<Sighting> {
    match tls {
        TlsFact::ServerHello(hello) => server_hello(scene, hello),
        TlsFact::Certificate(certificate) if certificate.position == 0 => {
            self::certificate(scene, certificate)
        }
        _ => Vec::new(),
    }
}

fn server_hello(scene: &Scene<'_>, hello: &TlsServerHello) -> Vec<Sighting> {
    let version = match hello.version {
        0x0200 => Some(("SSL 2", Severity::High)),
        0x0300 => Some(("SSL 3", Severity::High)),
        0x0301 => Some(("TLS 1.0", Severity::Medium)),
        0x0302 => Some(("TLS 1.1", Severity::Medium)),
        // DTLS counts down from 0xfeff.
        0xfeff => Some(("DTLS 1.0", Severity::Medium)),
        _ => None,
    };
    let suite = weak_cipher_suite(hello.cipher_suite);
    let version =
        version.map(|(name, severity)| weak(scene, Protocol::Tls, name, severity, "tls.handshake.version"));
    let suite =
        suite.map(|(name, severity)| weak(scene, Protocol::Tls, name, severity, "tls.handshake.ciphersuite"));
    version.into_iter().chain(suite).collect()
}

/// Cipher suites that RFC 9325 section 4.1 forbids, by the IANA registry of cipher suites.
const fn weak_cipher_suite(suite: u16) -> Option<(&'static str, Severity)> {
    Some(match suite {
        0x0000..=0x0002 | 0x002c..=0x002e | 0x003b | 0xc001 | 0xc006 | 0xc00b | 0xc010 | 0xc015 => {
            ("a cipher suite without encryption", Severity::High)
        }
        0x0003
        | 0x0006
        | 0x0008
        | 0x000b
        | 0x000e
        | 0x0011
        | 0x0014
        | 0x0017
        | 0x0019
        | 0x0026..=0x002b
        | 0x0062..=0x0065 => ("an export cipher suite", Severity::High),
        0x0018 | 0x001a | 0x001b | 0x0034 | 0x003a | 0x0046 | 0x006c | 0x006d | 0x0089 | 0xc016..=0xc019 => {
            ("a cipher suite without authentication", Severity::High)
        }
        0x0004 | 0x0005 | 0x0020 | 0x0024 | 0x0066 | 0x008a | 0x008e | 0x0092 | 0xc002 | 0xc007 | 0xc00c
        | 0xc011 | 0xc033 => ("RC4", Severity::Medium),
        0x0009 | 0x000c | 0x000f | 0x0012 | 0x0015 | 0x001e | 0x0022 => ("single DES", Severity::High),
        0x000a
        | 0x000d
        | 0x0010
        | 0x0013
        | 0x0016
        | 0x001f
        | 0x0023
        | 0x008b
        | 0x008f
        | 0x0093
        | 0xc003
        | 0xc008
        | 0xc00d
        | 0xc012
        | 0xc01a..=0xc01c
        | 0xc034 => ("triple DES", Severity::Medium),
        _ => return None,
    })
}

fn certificate(scene: &Scene<'_>, certificate: &CertificateFact) -> Vec<Sighting> {
    const RSA_BITS_MIN: u16 = 2_048;
    let mut sightings = Vec::new();
    let mut tell = |cause: &str, summary: &str, severity, field| {
        let mut sighting = weak(scene, Protocol::Tls, cause, severity, field);
        summary.clone_into(&mut sighting.summary);
        RENEW.clone_into(&mut sighting.remedy);
        // A certificate is the same for all who ask.
        sighting.peer = None;
        sightings.push(sighting);
    };
    let signature = certificate.signature_algorithm.as_str().to_lowercase();
    if signature.contains("md5") || signature.contains("md2") {
        tell(
            "an MD5 signature",
            "The certificate of {device} is signed with MD5, which can be forged.",
            Severity::High,
            "x509.signature",
        );
    } else if signature.contains("sha1") || signature.contains("sha-1") {
        tell(
            "a SHA-1 signature",
            "The certificate of {device} is signed with SHA-1, which can be forged.",
            Severity::Low,
            "x509.signature",
        );
    }
    if certificate.key_algorithm.as_str().eq_ignore_ascii_case("rsa")
        && (1..RSA_BITS_MIN).contains(&certificate.key_bits)
    {
        tell(
            "a short RSA key",
            "The certificate of {device} has an RSA key of less than 2048 bits.",
            Severity::Medium,
            "x509.key",
        );
    }
    if certificate.not_after < scene.observation.sighting.time {
        tell(
            "an expired certificate",
            "The certificate of {device} had expired.",
            Severity::Low,
            "x509.notAfter",
        );
    }
    sightings
}

/// SSH before version 2, RFC 4253 section 5.1. `1.99` means that version 2 is spoken as well.
pub(super) fn banner(scene: &Scene<'_>, banner: &BannerFact) -> Option<Sighting> {
    let text = banner.text.as_str();
    let old = banner.protocol == Protocol::Ssh && text.starts_with("SSH-1.") && !text.starts_with("SSH-1.99");
    old.then(|| weak(scene, Protocol::Ssh, "SSH version 1", Severity::High, "ssh.protocol"))
}

/// A protection that can be broken, or none where there should be one.
pub(super) fn protection(scene: &Scene<'_>, told: &ProtectionFact) -> Option<Sighting> {
    // What is weak is the device that chose it, and that must be one of ours.
    scene.inventory.key_of(&scene.observation.from)?;
    let scheme = told.scheme.as_str();
    let mut sighting = weak(scene, told.protocol, scheme, Severity::Medium, "negotiation");
    if told.strength == Protection::Absent {
        sighting.kind = ExposureKind::RemoteAccess;
        sighting.severity = Severity::High;
        sighting.summary =
            format!("{{device}} let {{peer}} work on it over {scheme}: whoever reaches it may.");
    }
    sighting.remedy = format!(
        "Set {} up with encryption and a log-in of its own, where the device's maker allows it; until then let only one jump host reach it.",
        told.protocol
    );
    Some(sighting)
}

/// Version 3 without authentication: RFC 3414. Discovery of the engine (an empty request, a report) is normal.
pub(super) fn snmp(scene: &Scene<'_>, snmp: &SnmpFact) -> Option<Sighting> {
    let answers = snmp.operation == SnmpOperation::Response && !snmp.bindings.is_empty();
    (answers && snmp.version == 3 && snmp.security == SnmpSecurity::NoAuthentication).then(|| {
        weak(
            scene,
            Protocol::Snmp,
            "SNMP version 3 without authentication",
            Severity::Medium,
            "snmp.msgSecurityParameters",
        )
    })
}

/// SMB 1, which its maker has withdrawn.
pub(super) fn smb(scene: &Scene<'_>, smb: &SmbFact) -> Option<Sighting> {
    let old = matches!(smb, SmbFact::Negotiated { dialect: 0x0100, .. });
    old.then(|| {
        let mut sighting = weak(scene, Protocol::Smb1, "SMB 1", Severity::Medium, "smb.dialect");
        sighting.remedy = "Turn SMB 1 off where the device's maker allows it; otherwise let only the one server that needs it reach the device.".to_owned();
        sighting
    })
}
