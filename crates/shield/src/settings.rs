//! What an operator writes, in TOML. Every mistake names its line.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::inspect::Carried;
use crate::limits::{NAME_BYTES_MAX, SERVICES_MAX};
use crate::queue::{Acknowledge, InDoubt};

/// Which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Beside the devices; it makes the link.
    Device,
    /// Beside the servers; it takes links.
    Clinic,
}

/// A mistake in the operator's file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct SettingsError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong and what to write.
    pub what: String,
}

/// The settings of one end.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Name of this end: of a box as it was enrolled, or of the clinic end.
    pub name: Spanned<String>,
    /// Directory for keys, queues and what was learned.
    pub state: PathBuf,
    /// Device end: address of the clinic end's link port.
    pub clinic: Option<Spanned<SocketAddr>>,
    /// Device end: name of the clinic end.
    #[serde(default = "main_clinic")]
    pub clinic_name: Spanned<String>,
    /// Device end: address of the clinic end's enrolment port. Clinic end: where to take enrolments.
    pub enrolment: Option<Spanned<SocketAddr>>,
    /// Clinic end: where to take links.
    pub listen: Option<Spanned<SocketAddr>>,
    /// Clinic end: directory of the authority.
    pub authority: Option<PathBuf>,
    /// Clinic end: seconds that the certificates of boxes last.
    #[serde(default = "one_day")]
    pub certificate_s: Spanned<u32>,
    /// Where findings go as NDJSON; `-` is standard output.
    pub findings: Option<PathBuf>,
    /// Where Prometheus asks; loopback only.
    pub health: Option<Spanned<SocketAddr>>,
    /// Device end: constant rate for the classes that ask for it, in both directions.
    pub shaping: Option<Spanned<Shaping>>,
    /// Classes of devices.
    #[serde(default)]
    pub class: BTreeMap<String, Class>,
    /// What runs through.
    #[serde(default)]
    pub service: Vec<Spanned<Service>>,
}

/// A constant rate.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shaping {
    /// Interval of cells, ms.
    pub interval_ms: u32,
    /// Length of cells, bytes.
    pub cell_bytes: u32,
}

/// How the devices of a class are treated.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Only in cells of constant rate.
    #[serde(default)]
    pub shaped: bool,
    /// Alarms and control: before everything else, and in cells with room of its own.
    #[serde(default)]
    pub urgent: bool,
}

/// Something that runs through: where it comes from, or where it goes to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Name, the same at both ends.
    pub name: Spanned<String>,
    /// The device, as people call it.
    pub device: Option<String>,
    /// Its class.
    pub class: Option<Spanned<String>>,
    /// Where this end takes connections for it.
    pub listen: Option<Spanned<SocketAddr>>,
    /// Where this end connects to for it.
    pub target: Option<Spanned<SocketAddr>>,
    /// What it carries.
    #[serde(default)]
    pub protocol: Carried,
    /// Its allow-list, which is learned while the file is missing.
    pub rules: Option<PathBuf>,
    /// Messages are kept on disk until the far end has them (HL7 only; the same at both ends).
    #[serde(default)]
    pub durable: bool,
    /// Device end, durable: when the sender is told that its message was taken.
    #[serde(default)]
    pub acknowledge: Acknowledge,
    /// Clinic end, durable: what happens to a message of which nobody knows whether its receiver took it.
    #[serde(default)]
    pub in_doubt: InDoubt,
    /// Who may connect; everybody where there is none.
    #[serde(default)]
    pub from: Vec<IpAddr>,
    /// Clinic end: boxes whose streams this service takes; for `listen` the one box to which it goes.
    #[serde(default)]
    pub boxes: Vec<String>,
}

fn main_clinic() -> Spanned<String> {
    Spanned::new(0..0, "main".to_owned())
}

fn one_day() -> Spanned<u32> {
    Spanned::new(0..0, 86_400)
}

impl Settings {
    /// Reads and checks a file. Relative paths in it begin at its directory.
    ///
    /// # Errors
    /// When it cannot be read, or has a mistake.
    pub fn read(path: &Path, role: Role) -> Result<Self, crate::ShieldError> {
        let text = std::fs::read_to_string(path).map_err(crate::ShieldError::file(path))?;
        let mut settings =
            Self::parse(&text, role).map_err(|error| crate::ShieldError::content(path, error.to_string()))?;
        let directory = path.parent().unwrap_or_else(|| Path::new("."));
        let findings = settings.findings.as_mut().filter(|sink| sink.as_os_str() != "-");
        let rules = settings.service.iter_mut().filter_map(|service| service.get_mut().rules.as_mut());
        for file in
            std::iter::once(&mut settings.state).chain(&mut settings.authority).chain(findings).chain(rules)
        {
            *file = directory.join(&file);
        }
        Ok(settings)
    }

    /// Checks text.
    ///
    /// # Errors
    /// The first mistake, with its line.
    pub fn parse(text: &str, role: Role) -> Result<Self, SettingsError> {
        let settings: Self = toml::from_str(text).map_err(|error| SettingsError {
            line: line(text, error.span().map_or(0, |span| span.start)),
            what: error.message().to_owned(),
        })?;
        Check { text, role, settings: &settings }.all()?;
        Ok(settings)
    }

    /// The class of a service.
    pub fn class_of(&self, service: &Service) -> Class {
        service.class.as_ref().and_then(|name| self.class.get(name.get_ref())).copied().unwrap_or_default()
    }
}

pub(crate) fn line(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or(text).matches('\n').count() + 1
}

/// A name that is a label of DNS (RFC 1035 section 2.3.1), as it becomes part of a certificate and of file names.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(fits)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

struct Check<'a> {
    text: &'a str,
    role: Role,
    settings: &'a Settings,
}

impl Check<'_> {
    fn wrong<T, U>(&self, place: &Spanned<T>, what: impl Into<String>) -> Result<U, SettingsError> {
        Err(SettingsError { line: line(self.text, place.span().start), what: what.into() })
    }

    fn name(&self, name: &Spanned<String>) -> Result<(), SettingsError> {
        if is_name(name.get_ref()) {
            return Ok(());
        }
        let what = format!("'{}' is no name: use up to 63 of a-z, 0-9 and -", name.get_ref());
        self.wrong(name, what)
    }

    fn all(&self) -> Result<(), SettingsError> {
        let settings = self.settings;
        self.name(&settings.name)?;
        self.name(&settings.clinic_name)?;
        match self.role {
            Role::Device => {
                if settings.clinic.is_none() {
                    return self.wrong(&settings.name, "a device end needs clinic = \"ADDRESS:PORT\"");
                }
                if let Some(listen) = &settings.listen {
                    return self.wrong(
                        listen,
                        "listen is for the clinic end; a device end has listen within [[service]]",
                    );
                }
            }
            Role::Clinic => {
                if settings.listen.is_none() || settings.authority.is_none() {
                    return self.wrong(
                        &settings.name,
                        "a clinic end needs listen = \"ADDRESS:PORT\" and authority = \"DIRECTORY\"",
                    );
                }
                if let Some(clinic) = &settings.clinic {
                    return self.wrong(clinic, "clinic is for the device end");
                }
                if let Some(shaping) = &settings.shaping {
                    return self.wrong(shaping, "shaping is said at the device end; the clinic end follows");
                }
            }
        }
        if !(10..=90 * 86_400).contains(settings.certificate_s.get_ref()) {
            return self.wrong(&settings.certificate_s, "certificates last 10 seconds to 90 days");
        }
        if let Some(health) = settings.health.as_ref().filter(|health| !health.get_ref().ip().is_loopback()) {
            return self.wrong(health, "health is told on loopback only, such as 127.0.0.1:9443");
        }
        if let Some(shaping) = &settings.shaping {
            let Shaping { interval_ms, cell_bytes } = *shaping.get_ref();
            if crate::link::Shape::checked(interval_ms, cell_bytes).is_err() {
                return self.wrong(shaping, "interval_ms is 1 to 60000, cell_bytes 128 to 16384");
            }
        }
        self.services()
    }

    fn services(&self) -> Result<(), SettingsError> {
        let services = &self.settings.service;
        if let Some(beyond) = services.get(SERVICES_MAX) {
            return self.wrong(beyond, format!("more than {SERVICES_MAX} services; use a further box"));
        }
        let mut names = BTreeSet::new();
        let mut addresses = BTreeSet::new();
        for spanned in services {
            let service = spanned.get_ref();
            self.name(&service.name)?;
            if !names.insert(service.name.get_ref()) {
                return self.wrong(&service.name, "a service of this name is already there");
            }
            match (&service.listen, &service.target) {
                (Some(listen), None) => {
                    if !addresses.insert(*listen.get_ref()) {
                        return self.wrong(listen, "another service listens there");
                    }
                    if self.role == Role::Clinic && service.boxes.len() != 1 {
                        return self.wrong(
                            listen,
                            "a clinic end that listens names the one box: boxes = [\"NAME\"]",
                        );
                    }
                }
                (None, Some(_)) => {}
                _ => return self.wrong(spanned, "a service has either listen or target"),
            }
            if let Some(class) =
                service.class.as_ref().filter(|class| !self.settings.class.contains_key(class.get_ref()))
            {
                return self.wrong(class, format!("no [class.{}] in this file", class.get_ref()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: &str = r#"
name = "ward-3"
state = "state"
clinic = "10.0.0.9:7443"

[class.therapy]
shaped = false
urgent = true

[[service]]
name = "pump-7-hl7"
class = "therapy"
listen = "10.3.0.1:2575"
"#;

    fn mistake(text: &str, role: Role) -> String {
        Settings::parse(text, role).unwrap_err().to_string()
    }

    #[test]
    fn a_whole_file_is_read() {
        let settings = Settings::parse(DEVICE, Role::Device).unwrap();
        let class = settings.class_of(settings.service[0].get_ref());
        assert!(class.urgent && !class.shaped);
    }

    #[test]
    fn every_mistake_names_its_line() {
        let of = |from: &str, to: &str| mistake(&DEVICE.replace(from, to), Role::Device);
        assert!(of("ward-3", "Ward 3").starts_with("line 2: 'Ward 3' is no name"));
        assert!(
            of("10.0.0.9:7443", "10.0.0.9").starts_with("line 4: "),
            "{}",
            of("10.0.0.9:7443", "10.0.0.9")
        );
        assert!(of("urgent = true", "urgnt = true").starts_with("line 8: unknown field"));
        assert!(of("class = \"therapy\"", "class = \"none\"").starts_with("line 12: no [class.none]"));
        assert!(of("listen = \"10.3.0.1:2575\"", "").starts_with("line 10: a service has either"));
        let twice = format!("{DEVICE}\n[[service]]\nname = \"pump-7-hl7\"\ntarget = \"10.3.0.1:1\"\n");
        assert!(mistake(&twice, Role::Device).starts_with("line 16: a service of this name"));
        assert!(mistake(DEVICE, Role::Clinic).starts_with("line 2: a clinic end needs listen"));
        let health = DEVICE.replace("[class", "health = \"10.0.0.1:1\"\n[class");
        assert!(mistake(&health, Role::Device).starts_with("line 6: health is told on loopback"));
    }
}
