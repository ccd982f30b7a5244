//! The demonstration shows a patch queue without any feeds: by the snapshot of facts that ships with the program.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Ends the demonstration with the test, however that ends.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_demonstration_has_a_patch_queue_without_feeds() {
    let state = tempfile::tempdir().unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_wardline"))
        .args(["demo", "--listen", "127.0.0.1:0", "--state"])
        .arg(state.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut demo = Demo(child.unwrap());
    let mut line = String::new();
    BufReader::new(demo.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
    let ask = |path: &str| -> serde_json::Value {
        let mut answer = ureq::get(format!("{address}api/v1{path}")).call().unwrap();
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
    };
    // Devices come first, and the queue is computed every half minute; a busy machine may take its time.
    let queue = (0..300).find_map(|_| {
        std::thread::sleep(Duration::from_secs(1));
        let queue = ask("/vulnerabilities?limit=1");
        (queue["total"].as_u64() > Some(0)).then_some(queue)
    });
    let first = queue.unwrap_or_else(|| panic!("no vulnerability of any device"))["items"][0].clone();
    assert!(first["advisory"].as_str().unwrap().starts_with("ICSMA-"), "{first}");
    let device = ask(&format!("/devices/{}", first["device"].as_str().unwrap()));
    assert_eq!(device["lifecycle"]["answers"].as_array().unwrap().len(), 5);
}
