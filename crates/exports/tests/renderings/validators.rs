//! What others accept: the schema of Kubernetes, and the YANG modules of RFC 8519 and RFC 8520.
//!
//! `cargo xtask test` installs the validators below `target/validators`; where they are missing, the test says so.

use std::path::PathBuf;
use std::process::{Command, Output};

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use wardline_exports::policy as rendered;
use wardline_model::{Policy, Transport};

use crate::policies;

fn validators() -> Option<PathBuf> {
    let place = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/validators"));
    if !place.join("bin/python3").exists() {
        println!("skipped: no validators; cargo xtask test installs them");
        return None;
    }
    Some(place)
}

/// Random policies that every back end can say.
fn some() -> Vec<Policy> {
    let mut runner = TestRunner::deterministic();
    let mut policies: Vec<Policy> =
        (0..8).map(|_| policies::policy().new_tree(&mut runner).unwrap().current()).collect();
    for policy in &mut policies {
        policy.protected.retain(|one| matches!(one.transport, Transport::TCP | Transport::UDP));
    }
    policies
}

fn accepted(output: &Output) {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn kubernetes_own_schema_accepts_the_policies() {
    let Some(validators) = validators() else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("policies.json");
    for policy in some() {
        let text = rendered::kubernetes(&policy).unwrap().text;
        let list: serde_json::Value = serde_json::from_str(&text).unwrap();
        // The validator reads objects, not lists of them: one a document.
        let documents: Vec<String> =
            list["items"].as_array().unwrap().iter().map(|item| format!("---\n{item}\n")).collect();
        std::fs::write(&path, documents.concat()).unwrap();
        let mut command = Command::new(validators.join("bin/kubernetes-validate"));
        accepted(&command.arg("--strict").arg(&path).output().unwrap());
    }
    // It does look: a port that is none is refused.
    let bad = serde_json::json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "x" }, "spec": { "podSelector": {}, "ingress": [{ "ports": [{ "port": [] }] }] } });
    std::fs::write(&path, bad.to_string()).unwrap();
    let output = Command::new(validators.join("bin/kubernetes-validate")).arg("--strict").arg(&path).output();
    assert!(!output.unwrap().status.success());
}

#[test]
fn the_yang_modules_of_mud_accept_the_descriptions() {
    let Some(validators) = validators() else { return };
    let modules = validators.join("share/yang/modules/ietf");
    if Command::new("yanglint").arg("--version").output().is_err() {
        println!("skipped: no yanglint; install libyang2-tools");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("description.json");
    let lint = || {
        let mut command = Command::new("yanglint");
        command.arg("-p").arg(&modules).args(["-t", "config", "-F", "ietf-access-control-list:*"]);
        for module in ["ietf-access-control-list", "ietf-mud", "ietf-acldns"] {
            command.arg(modules.join(format!("{module}.yang")));
        }
        command.arg(&path).output().unwrap()
    };
    for policy in some() {
        for group in &policy.groups {
            let text = rendered::mud(&policy, &group.name, "https://mud.example/pump").unwrap().text;
            std::fs::write(&path, text).unwrap();
            accepted(&lint());
        }
    }
    std::fs::write(&path, r#"{ "ietf-mud:mud": { "mud-version": 1, "mud-url": "https://mud.example/" } }"#)
        .unwrap();
    assert!(!lint().status.success(), "it does look: what is mandatory is missing");
}
