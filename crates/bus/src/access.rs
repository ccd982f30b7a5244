//! Who may speak at the broker: an authority, certificates, and the broker's own settings made of them.
//!
//! A folder holds the authority of a site, one folder for each participant, and `nats.conf`. The broker knows a
//! participant by its certificate alone, and lets a sensor publish under its own name and hear what is for it; everything
//! else is refused. To remove a sensor is to remove its name from the settings.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};

use crate::link::check_name;
use crate::{BusError, Names};

/// How long certificates hold.
const DAYS: i64 = 825;
/// How long the authority holds.
const AUTHORITY_DAYS: i64 = 3_650;
/// Clocks may differ by so much: certificates begin earlier.
const EARLIER: Duration = Duration::minutes(5);

/// The folder.
#[derive(Clone, Debug)]
pub struct Access {
    folder: PathBuf,
    site: String,
}

/// What is made for a participant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Certificate of the authority (PEM).
    pub authority: PathBuf,
    /// Its certificate (PEM).
    pub certificate: PathBuf,
    /// Its key (PEM).
    pub key: PathBuf,
}

impl Access {
    /// The folder of a site; the authority is made if there is none, and the settings with it.
    pub fn open(folder: &Path, site: &str, now_s: i64) -> Result<Self, BusError> {
        check_name(site)?;
        make_private(folder)?;
        let access = Self { folder: folder.to_owned(), site: site.to_owned() };
        if !access.authority().0.exists() {
            access.make_authority(now_s)?;
            access.issue("site", &[], now_s)?;
            access.issue("broker", &["localhost".to_owned(), "127.0.0.1".to_owned()], now_s)?;
        }
        access.write_settings()?;
        Ok(access)
    }

    /// Lets a sensor in. Its folder is what it needs: nothing of it is needed here any more.
    pub fn add_sensor(&self, name: &str, now_s: i64) -> Result<Identity, BusError> {
        check_name(name)?;
        let path = self.folder.join(participant(name));
        if path.exists() || matches!(name, "site" | "broker" | "authority") {
            return Err(BusError::Exists { path });
        }
        let identity = self.issue(&participant(name), &[], now_s)?;
        self.write_settings()?;
        Ok(identity)
    }

    /// Lets a sensor in no longer; the broker has to read its settings again (`nats-server --signal reload`).
    pub fn remove_sensor(&self, name: &str) -> Result<(), BusError> {
        check_name(name)?;
        let path = self.folder.join(participant(name));
        fs::remove_dir_all(&path).map_err(BusError::file(&path))?;
        self.write_settings()
    }

    /// A certificate for a server of the broker, of these names and addresses.
    pub fn add_broker(&self, names: &[String], now_s: i64) -> Result<Identity, BusError> {
        self.issue("broker", names, now_s)
    }

    /// Names of the sensors that are let in.
    pub fn sensors(&self) -> Result<BTreeSet<String>, BusError> {
        let mut sensors = BTreeSet::new();
        for entry in fs::read_dir(&self.folder).map_err(BusError::file(&self.folder))? {
            let entry = entry.map_err(BusError::file(&self.folder))?;
            if let Some(name) = entry.file_name().to_str().and_then(|name| name.strip_prefix("sensor-")) {
                sensors.insert(name.to_owned());
            }
        }
        Ok(sensors)
    }

    /// What a participant (`site`, `broker`, or a sensor) proves itself with.
    pub fn identity(&self, folder: &str) -> Identity {
        let place = self.folder.join(folder);
        Identity {
            authority: place.join("authority.pem"),
            certificate: place.join("certificate.pem"),
            key: place.join("key.pem"),
        }
    }

    /// The broker's settings.
    pub fn settings(&self) -> PathBuf {
        self.folder.join("nats.conf")
    }

    fn authority(&self) -> (PathBuf, PathBuf) {
        let place = self.folder.join("authority");
        (place.join("certificate.pem"), place.join("key.pem"))
    }

    /// By what the broker knows a participant: a name in its certificate.
    fn user(&self, folder: &str) -> String {
        format!("{folder}.{}.wardline", self.site).to_ascii_lowercase()
    }

    fn make_authority(&self, now_s: i64) -> Result<(), BusError> {
        let name = format!("Wardline sensors of {}", self.site);
        let failed = |cause| BusError::Certificate { name: name.clone(), cause };
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name.clone());
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        holds(&mut params, now_s, AUTHORITY_DAYS);
        let certificate = params.self_signed(&key).map_err(failed)?;
        let (certificate_path, key_path) = self.authority();
        make_private(&self.folder.join("authority"))?;
        write_private(&key_path, key.serialize_pem().as_bytes())?;
        write_private(&certificate_path, certificate.pem().as_bytes())
    }

    fn issue(&self, folder: &str, names: &[String], now_s: i64) -> Result<Identity, BusError> {
        let failed = |cause| BusError::Certificate { name: folder.to_owned(), cause };
        let (certificate_path, key_path) = self.authority();
        let read = |path: &Path| fs::read_to_string(path).map_err(BusError::file(path));
        let authority_key = KeyPair::from_pem(&read(&key_path)?).map_err(failed)?;
        let issuer = Issuer::from_ca_cert_pem(&read(&certificate_path)?, authority_key).map_err(failed)?;
        let key = KeyPair::generate().map_err(failed)?;
        let user = self.user(folder);
        let all: Vec<_> = std::iter::once(user.clone()).chain(names.iter().cloned()).collect();
        // The broker takes the first name that it knows as a user; those of its servers are none.
        let mut params = CertificateParams::new(all).map_err(failed)?;
        params.distinguished_name.push(DnType::CommonName, user);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if folder == "broker" {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        debug_assert!(params.subject_alt_names.iter().any(|name| matches!(name, SanType::DnsName(_))));
        holds(&mut params, now_s, DAYS);
        let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
        let identity = self.identity(folder);
        make_private(&self.folder.join(folder))?;
        write_private(&identity.authority, read(&certificate_path)?.as_bytes())?;
        write_private(&identity.key, key.serialize_pem().as_bytes())?;
        write_private(&identity.certificate, certificate.pem().as_bytes())?;
        Ok(identity)
    }

    /// Writes the broker's settings anew: everybody who is let in, and what each may do.
    fn write_settings(&self) -> Result<(), BusError> {
        let names = Names::new(&self.site)?;
        let broker = self.identity("broker");
        let mut users = format!(
            "    {{ user: \"{}\", permissions: {{ publish: [\"$JS.API.>\", \"$JS.ACK.>\", \"{}\"], subscribe: [\"{}\", \"{}.>\"] }} }}\n",
            self.user("site"),
            names.stored("*"),
            names.signs("*"),
            names.inbox("site"),
        );
        for sensor in self.sensors()? {
            users.push_str(&format!(
                "    {{ user: \"{}\", permissions: {{ publish: [\"{}\", \"{}\"], subscribe: [\"{}\", \"{}.>\"] }} }}\n",
                self.user(&participant(&sensor)),
                names.parcels(&sensor),
                names.signs(&sensor),
                names.stored(&sensor),
                names.inbox(&sensor),
            ));
        }
        let text = format!(
            "# Made by `wardline site sensors`; changes here are lost. Include it in the settings of each server, which say\n\
             # where it listens, where it keeps its streams, and which cluster it is of.\n\
             tls {{\n  cert_file: \"{}\"\n  key_file: \"{}\"\n  ca_file: \"{}\"\n  verify_and_map: true\n}}\n\
             max_payload: 8MB\n\
             authorization {{\n  users: [\n{users}  ]\n}}\n",
            broker.certificate.display(),
            broker.key.display(),
            broker.authority.display(),
        );
        write_private(&self.settings(), text.as_bytes())
    }
}

fn participant(sensor: &str) -> String {
    format!("sensor-{sensor}")
}

fn holds(params: &mut CertificateParams, now_s: i64, days: i64) {
    let now = OffsetDateTime::from_unix_timestamp(now_s).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    params.not_before = now - EARLIER;
    params.not_after = now + Duration::days(days);
}

fn make_private(folder: &Path) -> Result<(), BusError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(BusError::file(folder))
}

/// Writes a file that only its owner may read; it is there whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), BusError> {
    use std::io::Write as _;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let _ = fs::remove_file(&unfinished);
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(BusError::file(&unfinished))?;
    fs::rename(&unfinished, path).map_err(BusError::file(path))
}
