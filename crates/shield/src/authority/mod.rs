//! The certificate authority of the boxes.
//!
//! A directory on the clinic end: the authority's key and certificate, and which boxes there are. The command line and a
//! running clinic end may use it at the same time: every change is made under a lock, and is on disk before it counts.
//!
//! A box is let in by a one-time code. The code names the box, holds a secret of 128 random bits of which only the digest
//! is kept, and the fingerprint of the authority, so that the box knows to whom it gives the secret. Certificates are
//! short-lived; a box renews its own over its link. Each enrolment under a name begins a new generation: certificates of
//! earlier ones hold no longer.

mod enrolment;
mod newcomer;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::{constant_time, digest, rand};
pub use enrolment::{Admission, serve};
pub(crate) use newcomer::IDENTITY_FILE;
pub use newcomer::enrol;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};

use crate::ShieldError;
use crate::files::{make_private_directory, read_private, write_private};
use crate::limits::BOXES_MAX;
use crate::settings::is_name;
use crate::tls::{self, Identity, Peer};

/// How long the authority's own certificate lasts, seconds: ten years.
const AUTHORITY_S: u64 = 10 * 365 * 86_400;
/// Clocks may differ by so much, seconds: certificates begin earlier.
pub(crate) const CLOCK_DIFFERENCE_S: u64 = 300;

/// What is known of a box.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoxRecord {
    /// How often it was enrolled.
    pub generation: u32,
    /// When it was enrolled, seconds since 1970.
    pub enrolled_s: u64,
    /// When it was revoked.
    pub revoked_s: Option<u64>,
    /// Until when its newest certificate holds.
    pub expires_s: u64,
}

/// A code that was given out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Code {
    /// SHA-256 of the secret, hexadecimal.
    digest: String,
    expires_s: u64,
}

/// Time of change and number of the file of the boxes: another one after every change.
pub type Stamp = (std::time::SystemTime, u64);

/// Boxes and codes, as they stand in `boxes.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boxes {
    /// By name.
    pub boxes: BTreeMap<String, BoxRecord>,
    codes: BTreeMap<String, Code>,
}

/// Whether a box may be here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Good,
    /// It is revoked, or was enrolled anew since.
    Revoked,
    /// Nobody enrolled it.
    Unknown,
}

impl Boxes {
    /// Whether the holder of a certificate may be here.
    pub fn standing(&self, peer: &Peer) -> Standing {
        match self.boxes.get(&peer.name) {
            Some(record) if record.revoked_s.is_some() || record.generation != peer.generation => {
                Standing::Revoked
            }
            Some(_) => Standing::Good,
            None => Standing::Unknown,
        }
    }

    /// Codes that may still be used at `now_s`: name and end.
    pub fn codes(&self, now_s: u64) -> impl Iterator<Item = (&str, u64)> {
        self.codes
            .iter()
            .filter(move |(_, code)| code.expires_s > now_s)
            .map(|(name, code)| (name.as_str(), code.expires_s))
    }
}

/// The authority.
pub struct Authority {
    directory: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    certificate_pem: String,
}

impl Authority {
    /// Makes an authority in a directory that has none.
    ///
    /// # Errors
    /// When there is one, or the directory cannot be written.
    pub fn create(directory: &Path, now_s: u64) -> Result<Self, ShieldError> {
        make_private_directory(directory)?;
        let _lock = lock(directory)?;
        if directory.join("authority.pem").exists() {
            return Err(ShieldError::Authority(format!(
                "{}: there is an authority already",
                directory.display()
            )));
        }
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Wardline shield authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(serial()?);
        (params.not_before, params.not_after) =
            (time(now_s.saturating_sub(CLOCK_DIFFERENCE_S))?, time(now_s + AUTHORITY_S)?);
        let certificate = params.self_signed(&key)?;
        // The certificate last: an authority is there when its certificate is.
        write_private(&directory.join("authority.key"), key.serialize_pem().as_bytes())?;
        write_boxes(directory, &Boxes::default())?;
        write_private(&directory.join("authority.pem"), certificate.pem().as_bytes())?;
        Self::open(directory)
    }

    /// Opens it.
    ///
    /// # Errors
    /// When there is none, or others may read its key.
    pub fn open(directory: &Path) -> Result<Self, ShieldError> {
        let path = directory.join("authority.pem");
        let certificate_pem = std::fs::read_to_string(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => ShieldError::content(
                directory,
                "no authority here; make one with `wardline shield authority init`",
            ),
            _ => ShieldError::file(&path)(source),
        })?;
        let key = KeyPair::from_pem(&read_private(&directory.join("authority.key"))?)?;
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
            .map_err(|_| ShieldError::content(&path, "no certificate in it"))?;
        let issuer = Issuer::from_ca_cert_der(&certificate, key)?;
        Ok(Self { directory: directory.to_owned(), issuer, certificate, certificate_pem })
    }

    /// Boxes and codes as they are now.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn boxes(&self) -> Result<Boxes, ShieldError> {
        read_boxes(&self.directory)
    }

    /// Something that changes whenever the boxes do.
    pub fn stamp(&self) -> Option<Stamp> {
        let metadata = std::fs::metadata(self.directory.join("boxes.json")).ok()?;
        // Every change makes a new file.
        Some((metadata.modified().ok()?, std::os::unix::fs::MetadataExt::ino(&metadata)))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Boxes) -> Result<T, ShieldError>) -> Result<T, ShieldError> {
        let _lock = lock(&self.directory)?;
        let mut boxes = read_boxes(&self.directory)?;
        let done = change(&mut boxes)?;
        write_boxes(&self.directory, &boxes)?;
        Ok(done)
    }

    /// A one-time code for the box `name`. A box that is there goes on until the code is used.
    ///
    /// # Errors
    /// When the name is none, there are too many boxes, or the disk fails.
    pub fn code(&self, name: &str, valid_s: u64, now_s: u64) -> Result<String, ShieldError> {
        if !is_name(name) {
            return Err(ShieldError::Authority(format!(
                "'{name}' is no name: use up to 63 of a-z, 0-9 and -"
            )));
        }
        let secret = hexadecimal(&random::<16>()?);
        self.change(|boxes| {
            boxes.codes.retain(|_, code| code.expires_s > now_s);
            if boxes.boxes.len().max(boxes.codes.len()) >= BOXES_MAX {
                return Err(ShieldError::Authority(format!("more than {BOXES_MAX} boxes")));
            }
            let code = Code { digest: digest_of(&secret), expires_s: now_s + valid_s };
            boxes.codes.insert(name.to_owned(), code);
            Ok(())
        })?;
        Ok(format!("{name}.{secret}.{}", hexadecimal(&tls::fingerprint(&self.certificate))))
    }

    /// Takes a code and gives a certificate for it. The code is gone on disk before the certificate is made.
    ///
    /// # Errors
    /// When the code is wrong, used, or too old: which of them is not told.
    pub fn redeem(&self, admission: &Admission, valid_s: u32, now_s: u64) -> Result<String, ShieldError> {
        let request = parse_request(&admission.request)?;
        let generation = self.change(|boxes| {
            let code = boxes.codes.get(&admission.name);
            let given = digest_of(&admission.secret);
            let right = code.is_some_and(|code| {
                code.expires_s > now_s
                    && constant_time::verify_slices_are_equal(code.digest.as_bytes(), given.as_bytes())
                        .is_ok()
            });
            if !right {
                return Err(ShieldError::Authority("the code is wrong, was used, or is too old".to_owned()));
            }
            boxes.codes.remove(&admission.name);
            let record = boxes.boxes.entry(admission.name.clone()).or_default();
            record.generation += 1;
            (record.enrolled_s, record.revoked_s) = (now_s, None);
            record.expires_s = now_s + u64::from(valid_s);
            Ok(record.generation)
        })?;
        let name = tls::box_name(&admission.name, generation);
        self.sign(request, &name, ExtendedKeyUsagePurpose::ClientAuth, u64::from(valid_s), now_s)
    }

    /// A new certificate for a box whose link is up.
    ///
    /// # Errors
    /// When the box is revoked, or the request makes no sense.
    pub fn renew(
        &self,
        peer: &Peer,
        request: &[u8],
        valid_s: u32,
        now_s: u64,
    ) -> Result<String, ShieldError> {
        let request = parse_request(request)?;
        self.change(|boxes| {
            if boxes.standing(peer) != Standing::Good {
                return Err(ShieldError::Authority("the box is revoked".to_owned()));
            }
            if let Some(record) = boxes.boxes.get_mut(&peer.name) {
                record.expires_s = now_s + u64::from(valid_s);
            }
            Ok(())
        })?;
        let name = tls::box_name(&peer.name, peer.generation);
        self.sign(request, &name, ExtendedKeyUsagePurpose::ClientAuth, u64::from(valid_s), now_s)
    }

    /// Revokes a box: running links end within a second or two, and no further one is made.
    ///
    /// # Errors
    /// When there is no such box.
    pub fn revoke(&self, name: &str, now_s: u64) -> Result<(), ShieldError> {
        self.change(|boxes| {
            let code = boxes.codes.remove(name);
            match boxes.boxes.get_mut(name) {
                Some(record) => {
                    record.revoked_s.get_or_insert(now_s);
                    Ok(())
                }
                None if code.is_some() => Ok(()),
                None => Err(ShieldError::Authority(format!("{name}: no such box; `status` lists them"))),
            }
        })
    }

    /// A fresh key and certificate for the clinic end itself. The key never leaves memory.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn clinic_identity(&self, name: &str, valid_s: u64, now_s: u64) -> Result<Identity, ShieldError> {
        let key = KeyPair::generate()?;
        let request = request(&key)?;
        let name = tls::clinic_name(name);
        let pem =
            self.sign(parse_request(&request)?, &name, ExtendedKeyUsagePurpose::ServerAuth, valid_s, now_s)?;
        Identity::from_pem(&format!("{}{pem}", key.serialize_pem()))
    }

    /// Signs; the request gives the key and nothing else. Certificate and that of the authority, PEM.
    fn sign(
        &self,
        mut request: CertificateSigningRequestParams,
        name: &str,
        usage: ExtendedKeyUsagePurpose,
        valid_s: u64,
        now_s: u64,
    ) -> Result<String, ShieldError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Wardline shield");
        let name =
            name.to_owned().try_into().map_err(|_| ShieldError::Authority(format!("{name}: no name")))?;
        params.subject_alt_names = vec![SanType::DnsName(name)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(serial()?);
        (params.not_before, params.not_after) =
            (time(now_s.saturating_sub(CLOCK_DIFFERENCE_S))?, time(now_s + valid_s)?);
        request.params = params;
        let certificate = request.signed_by(&self.issuer)?;
        Ok(format!("{}{}", certificate.pem(), self.certificate_pem))
    }
}

/// A request for a certificate: proof that the key is held, and nothing else.
pub(crate) fn request(key: &KeyPair) -> Result<Vec<u8>, ShieldError> {
    Ok(CertificateParams::default().serialize_request(key)?.der().to_vec())
}

fn parse_request(der: &[u8]) -> Result<CertificateSigningRequestParams, ShieldError> {
    let request = CertificateSigningRequestParams::from_der(&der.into())?;
    if request.public_key.algorithm() != &rcgen::PKCS_ECDSA_P256_SHA256 {
        return Err(ShieldError::Authority("the key is not of P-256".to_owned()));
    }
    Ok(request)
}

fn random<const N: usize>() -> Result<[u8; N], ShieldError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| ShieldError::Authority("no randomness".to_owned()))?;
    Ok(bytes)
}

/// 127 random bits, positive (RFC 5280 section 4.1.2.2).
fn serial() -> Result<SerialNumber, ShieldError> {
    let mut bytes = random::<16>()?;
    if let Some(first) = bytes.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    Ok(SerialNumber::from_slice(&bytes))
}

fn time(seconds: u64) -> Result<time::OffsetDateTime, ShieldError> {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| time::OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or_else(|| ShieldError::Authority("the clock of this machine is wrong".to_owned()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest_of(secret: &str) -> String {
    hexadecimal(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref())
}

fn lock(directory: &Path) -> Result<File, ShieldError> {
    let path = directory.join("lock");
    let file = OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(ShieldError::file(&path))?;
    file.lock().map_err(ShieldError::file(&path))?;
    Ok(file)
}

fn read_boxes(directory: &Path) -> Result<Boxes, ShieldError> {
    let path = directory.join("boxes.json");
    let text = read_private(&path)?;
    serde_json::from_str(&text).map_err(|error| ShieldError::content(&path, error.to_string()))
}

fn write_boxes(directory: &Path, boxes: &Boxes) -> Result<(), ShieldError> {
    let text = serde_json::to_vec_pretty(boxes).map_err(|error| ShieldError::Authority(error.to_string()))?;
    write_private(&directory.join("boxes.json"), &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_790_000_000;

    fn admission(code: &str) -> (Admission, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut parts = code.split('.');
        let (name, secret) = (parts.next().unwrap().to_owned(), parts.next().unwrap().to_owned());
        (Admission { name, secret, request: request(&key).unwrap() }, key)
    }

    #[test]
    fn a_code_holds_once_and_not_for_long() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::create(directory.path(), NOW_S).unwrap();
        let code = authority.code("ward-3", 3_600, NOW_S).unwrap();
        assert!(
            !std::fs::read_to_string(directory.path().join("boxes.json"))
                .unwrap()
                .contains(code.split('.').nth(1).unwrap())
        );
        let (mut wrong, _) = admission(&code);
        wrong.secret.replace_range(0..1, "x");
        assert!(authority.redeem(&wrong, 600, NOW_S).is_err());
        let (right, key) = admission(&code);
        assert!(authority.redeem(&right, 600, NOW_S + 3_600).is_err(), "too old");
        let pem = authority.redeem(&right, 600, NOW_S + 60).unwrap();
        assert!(authority.redeem(&right, 600, NOW_S + 60).is_err(), "used");
        let identity = Identity::from_pem(&format!("{}{pem}", key.serialize_pem())).unwrap();
        let peer = identity.name().unwrap();
        assert_eq!((peer.name.as_str(), peer.generation, peer.expires_s), ("ward-3", 1, NOW_S + 660));
        assert!(tls::of_box(&identity).is_ok());
        assert!(Authority::create(directory.path(), NOW_S).is_err());
    }

    #[test]
    fn revoked_is_revoked_until_enrolled_anew() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::create(directory.path(), NOW_S).unwrap();
        let enrol = || {
            let (admission, key) = admission(&authority.code("ward-3", 60, NOW_S).unwrap());
            let pem = authority.redeem(&admission, 600, NOW_S).unwrap();
            Identity::from_pem(&format!("{}{pem}", key.serialize_pem())).unwrap().name().unwrap()
        };
        let first = enrol();
        let standing = |peer: &Peer| authority.boxes().unwrap().standing(peer);
        assert_eq!(standing(&first), Standing::Good);
        let key = KeyPair::generate().unwrap();
        assert!(authority.renew(&first, &request(&key).unwrap(), 600, NOW_S).is_ok());
        let stamp = authority.stamp();
        authority.revoke("ward-3", NOW_S).unwrap();
        assert_ne!(authority.stamp(), stamp);
        assert_eq!(standing(&first), Standing::Revoked);
        assert!(authority.renew(&first, &request(&key).unwrap(), 600, NOW_S).is_err());
        let second = enrol();
        assert_eq!((standing(&first), standing(&second)), (Standing::Revoked, Standing::Good));
        assert_eq!(standing(&Peer { name: "other".into(), ..second }), Standing::Unknown);
        assert!(authority.revoke("other", NOW_S).is_err());
        assert!(authority.code("Ward 3", 60, NOW_S).is_err());
    }

    #[test]
    fn a_request_gets_the_name_of_its_code_and_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::create(directory.path(), NOW_S).unwrap();
        let (mut admission, key) = admission(&authority.code("ward-3", 60, NOW_S).unwrap());
        let mut params = CertificateParams::new(vec![tls::clinic_name("main")]).unwrap();
        params.is_ca = IsCa::NoCa;
        params.insert_extended_key_usage(ExtendedKeyUsagePurpose::ServerAuth);
        admission.request = params.serialize_request(&key).unwrap().der().to_vec();
        let pem = authority.redeem(&admission, 600, NOW_S).unwrap();
        let identity = Identity::from_pem(&format!("{}{pem}", key.serialize_pem())).unwrap();
        assert_eq!(identity.name().unwrap().name, "ward-3");
        let (_, parsed) = x509_parser::parse_x509_certificate(&identity.certificate).unwrap();
        let usage = parsed.extended_key_usage().unwrap().unwrap().value.clone();
        assert!(usage.client_auth && !usage.server_auth);
    }
}
