//! The broker: where it is, who we are to it, and what things are called there.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};

use crate::BusError;

/// Longest wait before another attempt.
const RECONNECT_MAX: Duration = Duration::from_secs(5);

/// What things of a site are called at the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    site: String,
}

impl Names {
    /// The names of a site.
    pub fn new(site: &str) -> Result<Self, BusError> {
        check_name(site)?;
        Ok(Self { site: site.to_owned() })
    }

    /// The stream of the site's parcels.
    pub fn stream(&self) -> String {
        format!("WARDLINE-{}", self.site)
    }

    /// Where a sensor puts its parcels; `*` for all sensors.
    pub fn parcels(&self, sensor: &str) -> String {
        format!("wardline.{}.parcels.{sensor}", self.site)
    }

    /// Where a sensor says that it lives.
    pub fn signs(&self, sensor: &str) -> String {
        format!("wardline.{}.signs.{sensor}", self.site)
    }

    /// Where a sensor hears what is stored.
    pub fn stored(&self, sensor: &str) -> String {
        format!("wardline.{}.stored.{sensor}", self.site)
    }

    /// Where answers to a sensor go: no other hears them.
    pub fn inbox(&self, sensor: &str) -> String {
        format!("_INBOX.{}.{sensor}", self.site)
    }

    /// The sensor that a subject is of: its last part.
    pub(crate) fn sensor_of<'a>(&self, subject: &'a str) -> &'a str {
        subject.rsplit('.').next().unwrap_or_default()
    }
}

/// Refuses what would mean something else in a subject, a path or a certificate.
pub fn check_name(name: &str) -> Result<(), BusError> {
    let good = (1..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !name.starts_with('-');
    if good { Ok(()) } else { Err(BusError::Name { name: name.to_owned() }) }
}

/// How to reach the broker.
#[derive(Clone, Debug, Default)]
pub struct Link {
    /// Servers of its cluster: `tls://HOST:PORT`, or `nats://` without encryption, on this machine only.
    pub servers: Vec<String>,
    /// Certificate of the authority that the servers' certificates are of (PEM).
    pub authority: Option<PathBuf>,
    /// Our certificate and key (PEM).
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl Link {
    /// Connects, in the background: what is sent before there is a connection waits.
    pub(crate) async fn connect(&self, name: &str, inbox: &str) -> Result<Client, BusError> {
        let shown = self.servers.join(",");
        let failed = |cause: String| BusError::Broker { servers: shown.clone(), cause };
        let encrypted = self.authority.is_some() || self.identity.is_some();
        let servers = self
            .servers
            .iter()
            .map(|server| server.parse::<async_nats::ServerAddr>())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| failed(error.to_string()))?;
        if servers.is_empty() {
            return Err(failed("no server is named".to_owned()));
        }
        // One library for all encryption, whatever others in the program link.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let local = |server: &async_nats::ServerAddr| {
            server.host() == "localhost"
                || server.host().parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        };
        if !encrypted && !servers.iter().all(local) {
            return Err(failed(
                "another machine is spoken to with certificates only; name --authority, --certificate and --key"
                    .to_owned(),
            ));
        }
        let mut options = ConnectOptions::new()
            .name(name)
            .custom_inbox_prefix(inbox)
            .retry_on_initial_connect()
            .require_tls(encrypted)
            .request_timeout(Some(Duration::from_secs(5)))
            .reconnect_delay_callback(|attempt| {
                let tenths = u32::try_from(attempt).unwrap_or(u32::MAX).saturating_mul(2);
                (Duration::from_millis(100) * tenths.min(50)).min(RECONNECT_MAX)
            })
            .event_callback(move |event| {
                let shown = shown.clone();
                async move {
                    match event {
                        Event::Connected => tracing::info!("{shown}: connected"),
                        Event::Disconnected => tracing::warn!("{shown}: the link is gone; trying again"),
                        other => tracing::warn!("{shown}: {other}"),
                    }
                }
            });
        if let Some(authority) = &self.authority {
            options = options.add_root_certificates(authority.clone());
        }
        if let Some((certificate, key)) = &self.identity {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        let failed = |cause: String| BusError::Broker { servers: self.servers.join(","), cause };
        async_nats::connect_with_options(servers, options).await.map_err(|error| failed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_something_else_to_a_broker_are_refused() {
        for good in ["icu", "Ward-7", "0"] {
            check_name(good).unwrap();
        }
        for bad in ["", "a.b", "*", ">", "a b", "-x", "\u{e9}", &"x".repeat(33)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
