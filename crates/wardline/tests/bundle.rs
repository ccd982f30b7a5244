//! Feeds carried to a place without a way to the internet: a bundle signed by minisign itself, and every way to forge one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod program;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use program::{refused, said, wardline};

const ADVISORY: &str = r#"{"document": {"category": "csaf_security_advisory", "csaf_version": "2.0", "title": "Words of others",
  "publisher": {"name": "CISA"}, "tracking": {"id": "ex-1", "version": "2", "current_release_date": "2025-01-02T00:00:00Z"}},
 "product_tree": {"branches": [{"category": "vendor", "name": "Example Medical", "branches": [
   {"category": "product_name", "name": "Pump 700", "branches": [
     {"category": "product_version_range", "name": "< 2.3", "product": {"name": "Pump 700: < 2.3", "product_id": "P1"}}]}]}]},
 "vulnerabilities": [{"cve": "CVE-2025-0001", "title": "More words", "product_status": {"known_affected": ["P1"]},
   "remediations": [{"category": "vendor_fix", "details": "Still more words.", "product_ids": ["P1"]}]}]}"#;

fn minisign(arguments: &[&str]) -> bool {
    let run = Command::new("minisign").args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}

/// A bundle with one advisory, not signed yet.
fn bundle(folder: &Path) -> String {
    let here = folder.join("connected");
    let advisory = folder.join("advisory.json");
    fs::write(&advisory, ADVISORY).unwrap();
    said(&wardline(&here, &["feeds", "import", advisory.to_str().unwrap()]));
    let carried = folder.join("carried").to_str().unwrap().to_owned();
    let words = said(&wardline(&here, &["feeds", "bundle", &carried]));
    assert!(words.starts_with("1 files") && words.contains("minisign -S -m"), "{words}");
    carried
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_signed_bundle_is_kept_and_a_forged_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (key, public, other) = (path(folder, "key"), path(folder, "key.pub"), path(folder, "other.pub"));
    if !minisign(&["-G", "-W", "-p", &public, "-s", &key]) {
        println!("left out: minisign is not installed");
        return;
    }
    assert!(minisign(&["-G", "-W", "-p", &other, "-s", &path(folder, "other")]));
    let carried = bundle(folder);
    let list = format!("{carried}/SHA256SUMS");
    let apart = folder.join("apart");
    let import = |key: &str| wardline(&apart, &["feeds", "import", "--signed-by", key, &carried]);
    let kept = || fs::read_dir(apart.join("feeds/bundle")).is_ok_and(|mut files| files.next().is_some());

    assert!(refused(&import(&public)).contains("SHA256SUMS.minisig"), "nobody signed it yet");
    assert!(minisign(&["-S", "-W", "-s", &key, "-m", &list, "-t", "feeds of Monday"]));
    // Whoever forgets the key is told, rather than taken at his word.
    assert!(refused(&wardline(&apart, &["feeds", "import", &carried])).contains("--signed-by"));
    assert!(refused(&import(&other)).contains("is not signed by this key"));
    assert!(refused(&import(&list)).contains("is no public key"));

    let file = fs::read_dir(&carried).unwrap().flatten().map(|entry| entry.path());
    let file = file.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "json")).unwrap();
    let good = fs::read(&file).unwrap();
    fs::write(&file, [good.as_slice(), b" "].concat()).unwrap();
    assert!(refused(&import(&public)).contains("differs from the list that was signed"));
    fs::remove_file(&file).unwrap();
    assert!(refused(&import(&public)).contains("is listed and missing"));
    fs::write(&file, &good).unwrap();
    let list_text = fs::read_to_string(&list).unwrap();
    fs::write(&list, list_text.replace(".json", ".jsoo")).unwrap();
    assert!(refused(&import(&public)).contains("is not signed by this key"));
    assert!(!kept(), "nothing of a forged bundle is kept");

    fs::write(&list, &list_text).unwrap();
    let words = said(&import(&public));
    assert!(words.contains("feeds of Monday") && words.contains("kept 1 files"), "{words}");
    let status: serde_json::Value =
        serde_json::from_str(&said(&wardline(&apart, &["feeds", "status", "--json"]))).unwrap();
    assert_eq!(status["vulnerabilities"], 1);

    // A list that leads elsewhere is refused, even signed.
    fs::write(&list, list_text.replacen("  ", "  ../", 1)).unwrap();
    assert!(minisign(&["-S", "-W", "-s", &key, "-m", &list]));
    assert!(refused(&import(&public)).contains("leads out of the bundle"));
}

#[test]
fn a_snapshot_holds_facts_and_no_words_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, state) = (folder.path(), folder.path().join("state"));
    let (advisory, out) = (path(folder, "advisory.json"), path(folder, "snapshot.facts.gz"));
    fs::write(&advisory, ADVISORY).unwrap();
    let make =
        |out: &str| said(&wardline(&state, &["feeds", "snapshot", "--out", out, "--feeds", &advisory]));
    assert!(make(&out).contains("facts of 1 vulnerabilities"));
    let bytes = fs::read(&out).unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(bytes.as_slice()), &mut text).unwrap();
    assert!(
        text.contains("CVE-2025-0001") && text.contains("< 2.3") && !text.to_lowercase().contains("words"),
        "{text}"
    );
    // The same facts give the same bytes.
    make(&path(folder, "again.gz"));
    assert_eq!(fs::read(folder.join("again.gz")).unwrap(), bytes);
    // It is a feed like others.
    assert!(said(&wardline(&state, &["feeds", "import", &out])).contains("1 vulnerabilities"));
    // What others own is not passed on.
    fs::write(&advisory, ADVISORY.replace("CISA", "Example Medical")).unwrap();
    let empty = path(folder, "empty");
    let none = wardline(Path::new(&empty), &["feeds", "snapshot", "--out", &out, "--feeds", &advisory]);
    assert!(refused(&none).contains("nothing that is kept may be passed on"));
}
