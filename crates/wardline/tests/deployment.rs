//! What is shipped to start the program elsewhere is what those who start it accept.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

fn deploy() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

fn accepted(command: &mut Command, missing: &str) {
    let Ok(output) = command.output() else {
        println!("left out: {missing}");
        return;
    };
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn systemd_accepts_the_units() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["wardline-sensor.service", "wardline-site.service", "wardline-console.service"] {
        let unit = fs::read_to_string(deploy().join("systemd").join(name)).unwrap();
        // The program is not installed where this runs.
        let unit = unit.replace("/usr/bin/wardline", env!("CARGO_BIN_EXE_wardline"));
        let path = directory.path().join(name);
        fs::write(&path, unit).unwrap();
        let mut verify = Command::new("systemd-analyze");
        accepted(verify.args(["verify", "--man=no"]).arg(&path), "systemd-analyze is not installed");
    }
}

#[test]
fn compose_accepts_its_file() {
    let mut compose = Command::new("docker-compose");
    compose
        .arg("-f")
        .arg(deploy().join("compose.yaml"))
        .args(["config", "-q"])
        .env("POSTGRES_PASSWORD", "invented");
    accepted(&mut compose, "docker-compose is not installed (Debian: apt-get install docker-compose)");
}
