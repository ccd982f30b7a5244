//! Several sensors of one site over real brokers and a real database: what one machine would conclude, nothing lost,
//! nothing twice, whatever breaks meanwhile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod broker;
#[allow(dead_code, reason = "the tests of the store do more to a server")]
#[path = "../../../store/tests/suite/server.rs"]
mod server;
mod split;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use broker::{Cluster, Way};
use server::{Server, for_good};
use split::{Part, split};
use wardline_lab::{AttackKind, AttackPlan, Hospital, Options, write_capture};
use wardline_model::{Device, Finding, Record};
use wardline_store::{DeviceQuery, EdgeQuery, FindingQuery, FlowQuery, PostgresStore, SqliteStore, Store};

const SENSORS: [&str; 3] = ["a", "b", "c"];
const STREAM: &str = "WARDLINE-north";

fn wardline() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig=KILL", "--", env!("CARGO_BIN_EXE_wardline")]);
    command.stdin(Stdio::null()).env_remove("WARDLINE_STORE").env_remove("WARDLINE_KEY");
    command
}

fn capture(directory: &Path, seed: u64, seconds: u32) -> PathBuf {
    let plan = |kind, start_s, length_s| AttackPlan { kind, start_s, length_s };
    let attacks = vec![
        plan(AttackKind::ArpInterception, 120, 60),
        plan(AttackKind::PatientSwap, 200, 60),
        plan(AttackKind::Flood, 300, 3),
    ];
    let path = directory.join("whole.pcap");
    let hospital = Hospital::new(seed, Options { attacks, ..Options::default() });
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    write_capture(hospital, seconds, &mut file).unwrap();
    path
}

/// What makes a finding the same, whoever saw it: everything but the names and numbers of packets.
fn essence(finding: &Finding) -> String {
    let who = |device: &Option<wardline_model::DeviceReference>| {
        device.as_ref().map(|device| (device.id.clone(), device.ip, device.mac))
    };
    format!(
        "{} {} {} {:?} {:?} {} {}",
        finding.attack,
        finding.detector,
        finding.severity,
        who(&finding.device),
        who(&finding.source),
        finding.started,
        finding.summary
    )
}

fn essences(findings: &[Finding]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for finding in findings {
        *counts.entry(essence(finding)).or_default() += 1;
    }
    counts
}

/// What one machine concludes from the whole capture.
struct Expected {
    findings: Vec<Finding>,
    devices: Vec<Device>,
    flows: usize,
    packets: u64,
}

fn alone(directory: &Path, capture: &Path, key: &Path) -> Expected {
    let output = wardline()
        .arg("analyze")
        .arg(capture)
        .args(["--json", "--quiet", "--key"])
        .arg(key)
        .env("WARDLINE_STATE", directory.join("alone"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut expected = Expected { findings: vec![], devices: vec![], flows: 0, packets: 0 };
    for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice(line).unwrap() {
            Record::Finding(finding) => expected.findings.push(*finding),
            Record::Device(device) => expected.devices.push(*device),
            Record::Flow(_) => expected.flows += 1,
            Record::Summary(summary) => expected.packets = summary.packets,
            _ => {}
        }
    }
    assert!(expected.findings.len() >= 3, "the capture holds attacks");
    expected
}

/// Compares what a store holds with what one machine concluded.
fn compare(store: &dyn Store, expected: &Expected, frames_read: u64) {
    let found = store.findings(&FindingQuery::default()).unwrap().items;
    assert_eq!(essences(&found), essences(&expected.findings));
    let devices = store.devices(&DeviceQuery::default()).unwrap().items;
    let brief = |device: &Device| {
        (device.id.clone(), device.ips.clone(), device.macs.clone(), device.category, device.vendor.clone())
    };
    let mut ours: Vec<_> = devices.iter().map(brief).collect();
    let mut theirs: Vec<_> = expected.devices.iter().map(brief).collect();
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs);
    let flows = store.flows(&FlowQuery { limit: 1, ..FlowQuery::default() }).unwrap().total;
    assert_eq!(flows, expected.flows as u64, "conversations");
    let edges = store.edges(&EdgeQuery::default()).unwrap().items;
    let told: u64 = edges.iter().map(|edge| edge.flows).sum();
    let in_edges = store.overview().unwrap();
    assert!(told > 0 && told <= in_edges.flows, "{told} conversations in edges");
    assert_eq!(in_edges.packets, frames_read, "every packet is counted once");
    store.verify().unwrap();
}

struct Site<'a> {
    directory: &'a Path,
    key: PathBuf,
    /// The access folder, where there are certificates.
    access: Option<PathBuf>,
    store: String,
    servers: Vec<String>,
}

impl Site<'_> {
    fn identity(&self, command: &mut Command, folder: &str) {
        if let Some(access) = &self.access {
            command.arg("--identity").arg(access.join(folder));
        }
    }

    fn worker(&self, number: u8, replicas: &str, more: &[&str]) -> Child {
        let mut command = wardline();
        command.args(["site", "run", "--until-ended", "--site-name", "north", "--replicas", replicas]);
        command.args(&self.servers).args(["--store", &self.store, "--key"]).arg(&self.key).args(more);
        self.identity(&mut command, "site");
        self.start(command, &format!("worker-{number}"))
    }

    fn sensor(&self, part: &Part, servers: &[String], speed: &str, more: &[&str]) -> Child {
        let mut command = wardline();
        command.args(["sensor", "--name", part.name, "--site-name", "north", "--workers", "1", "--replay"]);
        command.arg(&part.path).args(["--speed", speed]).args(servers).args(more);
        command.arg("--key").arg(&self.key);
        self.identity(&mut command, &format!("sensor-{}", part.name));
        self.start(command, &format!("sensor-{}", part.name))
    }

    fn start(&self, mut command: Command, name: &str) -> Child {
        let log = self.directory.join(format!("{name}.log"));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        command.env("WARDLINE_STATE", self.directory.join(name)).stdout(Stdio::null()).stderr(log);
        for_good(command)
    }

    fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.join(format!("{name}.log"))).unwrap_or_default()
    }

    fn wait(&self, mut child: Child, name: &str) {
        let began = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{name}: {status}: {}", self.log(name));
                return;
            }
            if began.elapsed() > Duration::from_secs(180) {
                child.kill().unwrap();
                panic!("{name} does not end: {}", self.log(name));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn secret(directory: &Path) -> PathBuf {
    let key = directory.join("site.key");
    std::fs::write(&key, [7; 32]).unwrap();
    key
}

#[test]
fn three_sensors_and_a_directory_conclude_what_one_machine_does() {
    if !broker::is_installed() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (directory, key) = (directory.path(), secret(directory.path()));
    let whole = capture(directory, 71, 420);
    let expected = alone(directory, &whole, &key);
    let parts = split(&whole, &SENSORS);
    let cluster = Cluster::start(directory, 1, None);
    let store = directory.join("store");
    let site = Site {
        directory,
        key,
        access: None,
        store: store.to_str().unwrap().to_owned(),
        servers: cluster.servers("nats"),
    };
    let waits = ["--expect", "a", "--expect", "b", "--expect", "c", "--patience", "600"];
    let worker = site.worker(1, "1", &waits);
    let sensors: Vec<_> =
        parts.iter().map(|part| (part.name, site.sensor(part, &site.servers, "0", &[]))).collect();
    for (name, sensor) in sensors {
        site.wait(sensor, &format!("sensor-{name}"));
    }
    site.wait(worker, "worker-1");
    compare(&SqliteStore::open(&store).unwrap(), &expected, parts.iter().map(|part| part.frames).sum());
}

#[test]
fn whatever_breaks_nothing_is_lost_and_nothing_is_twice() {
    if !broker::is_installed() {
        return;
    }
    let Some(mut database) = Server::start() else { return };
    let directory = tempfile::tempdir().unwrap();
    let (directory, key) = (directory.path(), secret(directory.path()));
    let whole = capture(directory, 72, 420);
    let expected = alone(directory, &whole, &key);
    let mut parts = split(&whole, &SENSORS);
    // The clock of the third is two seconds behind, and it is known.
    parts[2].set_clock_back(2);
    let access = directory.join("access");
    for name in SENSORS {
        let output = wardline()
            .args(["site", "sensors", "add", name, "--site-name", "north", "--access"])
            .arg(&access)
            .arg("--key")
            .arg(&key)
            .env("WARDLINE_STATE", directory.join("admin"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let mut cluster = Cluster::start(directory, 3, Some("access/nats.conf"));
    let address = database.database("north");
    let site = Site {
        directory,
        key,
        access: Some(access),
        store: address.clone(),
        servers: cluster.servers("tls"),
    };
    let waits = ["--expect", "a", "--expect", "b", "--expect", "c", "--patience", "600"];
    let first = site.worker(1, "3", &waits);
    // The first has the charge before the second asks for it.
    let leader = cluster.leader(STREAM);
    std::thread::sleep(Duration::from_secs(2));
    let second = site.worker(2, "3", &waits);
    // The third sensor comes to the cluster over ways that can be cut.
    let ways: Vec<_> = cluster.nodes.iter().map(|node| Way::to(node.port)).collect();
    let over_ways: Vec<_> = ways
        .iter()
        .flat_map(|way| ["--broker".to_owned(), format!("tls://127.0.0.1:{}", way.port)])
        .collect();
    // 420 seconds of traffic in 14.
    let mut sensors = vec![];
    for part in &parts {
        let third = part.name == "c";
        let servers = if third { &over_ways } else { &site.servers };
        let more: &[&str] = if third { &["--clock-behind", "2"] } else { &[] };
        sensors.push((part.name, site.sensor(part, servers, "30", more)));
    }
    let pause = || std::thread::sleep(Duration::from_millis(2_500));
    pause();
    ways.iter().for_each(|way| way.cut(true));
    cluster.kill(leader);
    pause();
    kill(first);
    pause();
    database.crash_and_restart();
    cluster.launch(leader);
    pause();
    ways.iter().for_each(|way| way.cut(false));
    for (name, sensor) in sensors {
        site.wait(sensor, &format!("sensor-{name}"));
    }
    site.wait(second, "worker-2");
    assert!(site.log("worker-2").contains("stands by"), "the second took over: {}", site.log("worker-2"));
    let store = PostgresStore::open(&address).unwrap();
    compare(&store, &expected, parts.iter().map(|part| part.frames).sum());
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}
