//! What tshark says of a capture.

use std::path::Path;
use std::process::Command;

/// Whether it is here.
pub(crate) fn is_installed() -> bool {
    Command::new("tshark").arg("--version").output().is_ok()
}

/// How many frames match a display filter, with every checksum looked at.
pub(crate) fn count(capture: &Path, filter: &str) -> usize {
    let output = Command::new("tshark")
        .args([
            "-o",
            "tcp.check_checksum:TRUE",
            "-o",
            "udp.check_checksum:TRUE",
            "-o",
            "ip.check_checksum:TRUE",
        ])
        .args(["-Y", filter, "-T", "fields", "-e", "frame.number", "-r"])
        .arg(capture)
        .output()
        .unwrap();
    assert!(output.status.success(), "{filter}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().count()
}

/// Nothing is said to be wrong with a checksum.
pub(crate) fn checksums_are_right(capture: &Path, of: &str) {
    for wrong in ["tcp.checksum.status == 0", "udp.checksum.status == 0", "ip.checksum.status == 0"] {
        assert_eq!(count(capture, wrong), 0, "{of}: {wrong}");
    }
}
