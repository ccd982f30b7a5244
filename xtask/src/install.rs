//! What the tests need from Debian, where it is missing and we may install it.

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::shell::{has, run, say, target};

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
    ("yanglint", "libyang2-tools"),
    ("faketime", "faketime"),
    ("freeradius", "freeradius"),
    ("hostapd", "hostapd"),
    ("wpa_supplicant", "wpasupplicant"),
    ("docker-compose", "docker-compose"),
    ("nats-server", "nats-server"),
    // Its programs are on no path but those of its own versions.
    ("pg_lsclusters", "postgresql"),
];

/// Validators of what is exported, from PyPI: the YANG modules of RFC 8519 and RFC 8520, the schemas of Kubernetes.
const VALIDATORS: [&str; 2] = ["pyang==2.7.1", "kubernetes-validate==1.37.0"];

/// Installs what is missing. What cannot be installed is said; its tests then say that they are left out.
pub(crate) fn packages() -> Result<()> {
    let missing: Vec<_> =
        PACKAGES.iter().filter(|(program, _)| !has(program)).map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        these(&missing)?;
    }
    validators()
}

/// Makes a place for validators below `target`, where it is missing. Without Python their tests say that they are left out.
fn validators() -> Result<()> {
    let place = target().join("validators");
    if place.join("bin/kubernetes-validate").exists() {
        return Ok(());
    }
    let python = |program: &std::path::Path, arguments: &[&str]| {
        let status = Command::new(program).args(arguments).stdin(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    say("installing validators below target/validators");
    let made = python("python3".as_ref(), &["-m", "venv", &place.to_string_lossy()]);
    let pip = [&["-m", "pip", "install", "--quiet"], &VALIDATORS[..]].concat();
    if !made || !python(&place.join("bin/python3"), &pip) {
        say("left out: python3 with venv and a package index are needed");
    }
    Ok(())
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
