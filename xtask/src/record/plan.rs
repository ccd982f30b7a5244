//! What is recorded: who takes part, with which software.

use anyhow::Result;

use super::network::Network;

/// A station of a recording.
pub(super) struct StationPlan {
    /// Its name, and of its namespace.
    pub name: &'static str,
    /// The last number of its address.
    pub host: u8,
    /// What kind of thing it stands for, as in records of devices.
    pub category: &'static str,
    /// Debian packages whose programs run on it.
    pub packages: &'static [&'static str],
    /// Software from PyPI that runs on it, each with its version: `fhirpy==2.3.1`.
    pub python: &'static [&'static str],
    /// It has no address until a server gives it one.
    pub asks_for_address: bool,
}

/// A recording.
pub(super) struct Plan {
    /// Name of the file, without its endings.
    pub name: &'static str,
    /// What happens, in a line.
    pub what: &'static str,
    pub stations: &'static [StationPlan],
    /// Whether payloads name addresses: such a recording cannot be moved to other addresses.
    pub names_addresses: bool,
    pub play: fn(&mut Network) -> Result<()>,
}

pub(super) const fn station(
    name: &'static str,
    host: u8,
    category: &'static str,
    packages: &'static [&'static str],
) -> StationPlan {
    StationPlan { name, host, category, packages, python: &[], asks_for_address: false }
}

pub(super) const fn station_of_python(
    name: &'static str,
    host: u8,
    category: &'static str,
    python: &'static [&'static str],
) -> StationPlan {
    StationPlan { name, host, category, packages: &["python3-venv"], python, asks_for_address: false }
}
