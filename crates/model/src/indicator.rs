//! Indicators of compromise: what threat intelligence says to look for.

use std::net::IpAddr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Label, Timestamp};

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "value")]
pub enum Pattern {
    /// A network address or network.
    Network(IpNet),
    /// A domain name, lower case, with all names below it.
    Domain(Label),
    /// Host of a web address, lower case. The path is not kept: it may name a person.
    UrlHost(Label),
    /// JA4 fingerprint of a TLS client.
    Ja4(Label),
    /// SHA-1 or SHA-256 of a certificate, lower-case hexadecimal.
    Certificate(Label),
    /// MD5, SHA-1, SHA-256 or SHA-512 of a file, lower-case hexadecimal.
    File(Label),
    /// User-Agent of a web client.
    UserAgent(Label),
}

/// Which digests of files are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DigestAlgorithms {
    /// RFC 1321.
    pub md5: bool,
    /// FIPS 180-4.
    pub sha1: bool,
    /// FIPS 180-4.
    pub sha256: bool,
    /// FIPS 180-4.
    pub sha512: bool,
}

impl DigestAlgorithms {
    /// Those that some patterns need. The length of a digest tells its algorithm.
    pub fn of<'a>(patterns: impl IntoIterator<Item = &'a Pattern>) -> Self {
        let mut needed = Self::default();
        for pattern in patterns {
            if let Pattern::File(digest) = pattern {
                match digest.as_str().len() {
                    32 => needed.md5 = true,
                    40 => needed.sha1 = true,
                    64 => needed.sha256 = true,
                    128 => needed.sha512 = true,
                    _ => {}
                }
            }
        }
        needed
    }

    /// Whether any is asked for.
    pub const fn any(self) -> bool {
        self.md5 || self.sha1 || self.sha256 || self.sha512
    }
}

/// Traffic light protocol 2.0 (FIRST): with whom it may be shared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum TrafficLight {
    Clear,
    Green,
    #[default]
    Amber,
    AmberStrict,
    Red,
}

/// An indicator and what is known about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Indicator {
    /// Identifier of its source: a STIX or MISP identifier, or file and line.
    pub id: Label,
    /// What to look for.
    pub pattern: Pattern,
    /// What it is called.
    pub name: Label,
    /// File, feed or collection that it came from.
    pub source: Label,
    /// Confidence of the source, 0 to 100.
    pub confidence: u8,
    /// When it ceases to hold.
    pub valid_until: Option<Timestamp>,
    /// With whom it may be shared.
    pub sharing: TrafficLight,
}

/// A list of what is known to be harmless, or too common to mean anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarningList {
    /// What it is called.
    pub name: Label,
    /// Networks.
    pub networks: Vec<IpNet>,
    /// Domain names, lower case, each with all names below it.
    pub domains: Vec<Label>,
    /// Hashes of files.
    pub hashes: Vec<Label>,
}

impl WarningList {
    /// Whether an indicator would hit what the list names.
    pub fn covers(&self, pattern: &Pattern) -> bool {
        match pattern {
            Pattern::Network(network) => self.networks.iter().any(|known| known.contains(network)),
            Pattern::Domain(name) | Pattern::UrlHost(name) => {
                let address = name.as_str().parse::<IpAddr>().ok();
                self.domains.iter().any(|known| is_below(name.as_str(), known.as_str()))
                    || address.is_some_and(|ip| self.networks.iter().any(|network| network.contains(&ip)))
            }
            Pattern::File(hash) => self.hashes.contains(hash),
            Pattern::Ja4(_) | Pattern::Certificate(_) | Pattern::UserAgent(_) => false,
        }
    }
}

/// Whether a name is a domain or stands below it; both lower case.
pub fn is_below(name: &str, domain: &str) -> bool {
    let domain = domain.trim_start_matches('.');
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')) && !domain.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_a_domain() {
        assert!(is_below("a.example.org", "example.org"));
        assert!(is_below("example.org", "example.org"));
        assert!(!is_below("badexample.org", "example.org"));
        assert!(!is_below("example.org", ""));
    }

    #[test]
    fn a_list_covers_what_lies_within() {
        let list = WarningList {
            networks: vec!["10.0.0.0/8".parse().unwrap_or_default()],
            ..WarningList::default()
        };
        assert!(list.covers(&Pattern::Network("10.1.2.3/32".parse().unwrap_or_default())));
        assert!(!list.covers(&Pattern::Network("0.0.0.0/0".parse().unwrap_or_default())));
    }
}
