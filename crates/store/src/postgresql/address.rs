//! Which server, and how it is proved to be the right one.

use std::fs::File;
use std::io::BufReader;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use postgres::Config;
use postgres::config::{Host, SslMode};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::StoreError;

/// Longest wait for one connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The address of a server, read and made safe.
pub(super) struct Address {
    pub config: Config,
    pub tls: MakeRustlsConnect,
    /// Host and database, for people: no password.
    pub shown: String,
}

impl Address {
    /// Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…&sslrootcert=FILE`.
    ///
    /// To another machine TLS is demanded unless `sslmode` says otherwise, and the server's certificate is checked
    /// against `sslrootcert`, or what the system trusts.
    pub(super) fn read(text: &str) -> Result<Self, StoreError> {
        let refused = |problem: String| StoreError::Address { place: without_password(text), problem };
        let (rest, roots) = take_parameter(text, "sslrootcert");
        let mut config = Config::from_str(&rest).map_err(|error| {
            // Its source says what is wrong; neither repeats the password.
            let why = std::error::Error::source(&error).map(ToString::to_string);
            refused(why.unwrap_or_else(|| error.to_string()))
        })?;
        if config.get_hosts().is_empty() {
            return Err(refused("it names no host".to_owned()));
        }
        if !rest.contains("sslmode=") {
            let here = config.get_hosts().iter().all(is_here);
            config.ssl_mode(if here { SslMode::Disable } else { SslMode::Require });
        }
        config.application_name("wardline").connect_timeout(CONNECT_TIMEOUT);
        let tls = MakeRustlsConnect::new(tls(roots.as_deref()).map_err(refused)?);
        Ok(Self { shown: shown(&config), config, tls })
    }
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

fn shown(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => String::new(),
    };
    let port = config.get_ports().first().map_or_else(String::new, |port| format!(":{port}"));
    format!("postgres://{host}{port}/{}", config.get_dbname().unwrap_or_default())
}

/// An address as it may be shown.
pub(super) fn without_password(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("postgres", text));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    format!("{scheme}://{}", rest.split('?').next().unwrap_or_default())
}

/// Cuts one parameter out of an address.
fn take_parameter(text: &str, wanted: &str) -> (String, Option<String>) {
    let Some((front, query)) = text.split_once('?') else { return (text.to_owned(), None) };
    let (mut kept, mut found) = (Vec::new(), None);
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some((name, value)) if name == wanted => found = Some(value.to_owned()),
            _ => kept.push(pair),
        }
    }
    let rest = if kept.is_empty() { front.to_owned() } else { format!("{front}?{}", kept.join("&")) };
    (rest, found)
}

fn tls(roots: Option<&str>) -> Result<ClientConfig, String> {
    let mut trusted = RootCertStore::empty();
    match roots {
        Some(path) => {
            let file = File::open(path).map_err(|error| format!("sslrootcert {path}: {error}"))?;
            for certificate in CertificateDer::pem_reader_iter(BufReader::new(file)) {
                let certificate = certificate.map_err(|error| format!("sslrootcert {path}: {error}"))?;
                trusted.add(certificate).map_err(|error| format!("sslrootcert {path}: {error}"))?;
            }
            if trusted.is_empty() {
                return Err(format!("sslrootcert {path}: holds no certificate"));
            }
        }
        None => {
            // Without any, servers with certificates are refused when one is met.
            trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(trusted).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_nobody_its_password_and_demands_tls_of_other_machines() {
        let far = Address::read("postgres://ada:secret@db.example:5433/wardline").unwrap();
        assert_eq!(far.shown, "postgres://db.example:5433/wardline");
        assert_eq!(far.config.get_ssl_mode(), SslMode::Require);
        let near = Address::read("postgres://ada:secret@127.0.0.1/wardline").unwrap();
        assert_eq!(near.config.get_ssl_mode(), SslMode::Disable);
        let asked = Address::read("postgres://ada@db.example/wardline?sslmode=disable").unwrap();
        assert_eq!(asked.config.get_ssl_mode(), SslMode::Disable);
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said_without_its_password() {
        for bad in [
            "postgres://ada:secret@db.example/wardline?colour=red",
            "postgres://ada:secret@db.example:port/wardline",
            "postgres://ada:secret@db.example/wardline?sslrootcert=/nowhere/at/all.pem",
        ] {
            let error = Address::read(bad).err().expect("a refusal").to_string();
            assert!(error.starts_with("--store postgres://db.example"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
