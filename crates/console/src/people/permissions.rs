//! Which roles may ask for which addresses of the API.
//!
//! Nobody reaches what is not listed here, so that a new address cannot be forgotten: it does not answer until somebody
//! decided who may ask.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What somebody is here for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Security analyst.
    Analyst,
    /// Biomedical or clinical engineer.
    ClinicalEngineer,
    /// Network engineer.
    NetworkEngineer,
    /// Nurses and physicians of a ward.
    Ward,
    /// Whoever checks.
    Auditor,
    /// Whoever manages accounts.
    Administrator,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Analyst,
        Self::ClinicalEngineer,
        Self::NetworkEngineer,
        Self::Ward,
        Self::Auditor,
        Self::Administrator,
    ];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Analyst => "analyst",
            Self::ClinicalEngineer => "clinical-engineer",
            Self::NetworkEngineer => "network-engineer",
            Self::Ward => "ward",
            Self::Auditor => "auditor",
            Self::Administrator => "administrator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|role| role.name()).collect();
            format!("use one of: {}", names.join(", "))
        })
    }
}

/// An address of the API.
#[derive(Debug)]
pub(crate) struct Route {
    /// Below `/api/v1`; `{id}` stands for one part.
    pub path: &'static str,
    pub roles: &'static [Role],
    /// Whether what it tells can be limited to one zone. Where it cannot, accounts of one zone may not ask.
    pub by_zone: bool,
}

const EVERYBODY: &[Role] = &Role::ALL;
const STAFF: &[Role] =
    &[Role::Analyst, Role::ClinicalEngineer, Role::NetworkEngineer, Role::Auditor, Role::Administrator];

/// Who draws lines.
const DRAWERS: &[Role] = &[Role::NetworkEngineer, Role::Administrator];
/// Who looks at the wards, and says that care goes on.
const CONFIRMERS: &[Role] = &[Role::ClinicalEngineer, Role::NetworkEngineer, Role::Administrator];
/// Who may lift what restricts: everybody who could see that it hurts.
const LIFTERS: &[Role] = &[Role::Analyst, Role::ClinicalEngineer, Role::NetworkEngineer, Role::Administrator];

/// Addresses that change something, beside that of the session; they are asked with POST.
pub(crate) const CHANGES: [&str; 3] = ["/enforcement/apply", "/enforcement/confirm", "/enforcement/rollback"];

const fn route(path: &'static str, roles: &'static [Role], by_zone: bool) -> Route {
    Route { path, roles, by_zone }
}

/// Every address that answers with records.
pub(crate) const ROUTES: &[Route] = &[
    route("/health", EVERYBODY, true),
    route("/devices", EVERYBODY, true),
    route("/devices/{id}", EVERYBODY, true),
    route("/overview", STAFF, false),
    route("/findings", STAFF, false),
    route("/findings/{id}", STAFF, false),
    route("/devices/{id}/windows", STAFF, false),
    route("/exposures", STAFF, false),
    route("/vulnerabilities", STAFF, false),
    route("/training/{id}", STAFF, false),
    route("/flows", STAFF, false),
    route("/map", STAFF, false),
    route("/segmentation", STAFF, false),
    route("/segmentation/policy", STAFF, false),
    route("/segmentation/simulation", STAFF, false),
    route("/enforcement", STAFF, false),
    route("/enforcement/apply", DRAWERS, false),
    route("/enforcement/confirm", CONFIRMERS, false),
    route("/enforcement/rollback", LIFTERS, false),
    route("/events", STAFF, false),
];

/// What is said of a path below `/api/v1`.
pub(crate) fn route_of(path: &str) -> Option<&'static Route> {
    let fits = |route: &&Route| {
        let (mut pattern, mut parts) = (route.path.split('/'), path.split('/'));
        loop {
            match (pattern.next(), parts.next()) {
                (None, None) => return true,
                (Some("{id}"), Some(part)) if !part.is_empty() => {}
                (Some(expected), Some(part)) if expected == part => {}
                _ => return false,
            }
        }
    };
    ROUTES.iter().find(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_route_or_none() {
        assert_eq!(route_of("/devices").map(|route| route.path), Some("/devices"));
        assert_eq!(route_of("/devices/d-1").map(|route| route.path), Some("/devices/{id}"));
        for path in ["/devices/", "/devices/d-1/x", "/devices//windows", "/nothing", "", "/"] {
            assert!(route_of(path).is_none(), "{path}");
        }
    }

    #[test]
    fn roles_are_read_as_they_are_written() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{role}\""));
        }
        assert!("root".parse::<Role>().unwrap_err().contains("clinical-engineer"));
    }
}
