//! What the tests need from Debian, where it is missing and we may install it.

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::shell::{has, run, say};

/// Programs, and the packages that bring them.
const PACKAGES: &[(&str, &str)] = &[
    ("tshark", "tshark"),
    ("tcpdump", "tcpdump"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("chromium", "chromium"),
    ("storescp", "dcmtk"),
    ("mosquitto", "mosquitto"),
    ("mosquitto_pub", "mosquitto-clients"),
    // Where Python keeps others of its own on the path, this is Debian's.
    ("/usr/bin/mllp_send", "python3-hl7"),
    ("curl", "curl"),
    ("minisign", "minisign"),
];

/// Installs what is missing. What cannot be installed is said; its tests then say that they are left out.
pub(crate) fn packages() -> Result<()> {
    let missing: Vec<_> =
        PACKAGES.iter().filter(|(program, _)| !has(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    these(&missing).map(drop)
}

/// Installs packages; says whether it could.
pub(crate) fn these(missing: &[&str]) -> Result<bool> {
    let Some(prefix) = apt_get() else {
        say(&format!(
            "missing: {}; not installed, since this needs Debian's apt-get and root or sudo without a password",
            missing.join(", ")
        ));
        return Ok(false);
    };
    say(&format!("installing {}", missing.join(", ")));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new(prefix.first().copied().unwrap_or("apt-get"));
        command.args(prefix.get(1..).unwrap_or_default()).args(arguments);
        command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        command
    };
    run(&mut apt(&["update", "-q"]))?;
    let mut arguments = vec!["install", "-y", "-q", "--no-install-recommends"];
    arguments.extend(missing);
    run(&mut apt(&arguments))?;
    Ok(true)
}

/// How apt-get can be run here.
fn apt_get() -> Option<Vec<&'static str>> {
    let quiet = |program: &str, arguments: &[&str]| {
        let status = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    };
    if !has("apt-get") {
        return None;
    }
    if quiet("sh", &["-c", "test \"$(id -u)\" = 0"]) {
        return Some(vec!["apt-get"]);
    }
    quiet("sudo", &["-n", "true"]).then(|| vec!["sudo", "-n", "--preserve-env=DEBIAN_FRONTEND", "apt-get"])
}
