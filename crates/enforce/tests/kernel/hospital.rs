//! Two wards and a router between them, as network namespaces that end with the test.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use wardline_model::{
    Action, Category, Criticality, Group, Member, Policy, PortRange, ProtectedConversation, Rule,
    RuleEvidence, Standing, Transport, Zone,
};

/// Ventilator in ward one, and its alarm gateway in ward two.
pub(crate) const VENTILATOR: &str = "10.77.1.2";
pub(crate) const GATEWAY: &str = "10.77.2.2";
/// Protected UDP port of the gateway.
pub(crate) const ALARMS: u16 = 6_000;
/// TCP port that the policy names.
pub(crate) const RECORDS: u16 = 2_575;
/// TCP port that no policy names.
pub(crate) const FILES: u16 = 445;

static NEXT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Hospital {
    prefix: String,
    pub(crate) directory: tempfile::TempDir,
}

impl Hospital {
    /// `None`, and a line that says so, where this machine refuses namespaces.
    pub(crate) fn open() -> Option<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("wl{}x{number}", std::process::id());
        let hospital = Self { prefix, directory: tempfile::tempdir().unwrap() };
        let refused = |what: &str| println!("skipped: {what}; run as root with iproute2 and nftables");
        if Command::new("nft").arg("--version").output().is_err() {
            refused("no nft");
            return None;
        }
        for role in ["r", "a", "b"] {
            let made = Command::new("ip").args(["netns", "add", &hospital.name(role)]).output();
            if !made.is_ok_and(|output| output.status.success()) {
                refused("no network namespaces");
                return None;
            }
        }
        hospital.inside("r", &["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
        for (role, subnet) in [("a", "10.77.1"), ("b", "10.77.2")] {
            let (near, far) = (format!("to-{role}"), hospital.name(role));
            hospital.inside(
                "r",
                &["ip", "link", "add", &near, "type", "veth", "peer", "name", "ward", "netns", &far],
            );
            hospital.inside("r", &["ip", "addr", "add", &format!("{subnet}.1/24"), "dev", &near]);
            hospital.inside("r", &["ip", "link", "set", &near, "up"]);
            hospital.inside(role, &["ip", "link", "set", "lo", "up"]);
            for last in [2, 3] {
                hospital.inside(role, &["ip", "addr", "add", &format!("{subnet}.{last}/24"), "dev", "ward"]);
            }
            hospital.inside(role, &["ip", "link", "set", "ward", "up"]);
            hospital.inside(role, &["ip", "route", "add", "default", "via", &format!("{subnet}.1")]);
        }
        Some(hospital)
    }

    fn name(&self, role: &str) -> String {
        format!("{}{role}", self.prefix)
    }

    pub(crate) fn state(&self) -> &Path {
        self.directory.path()
    }

    /// Runs a program in one of the namespaces; it must succeed.
    pub(crate) fn inside(&self, role: &str, command: &[&str]) -> String {
        let output = self.command(role).args(command).output().unwrap();
        succeeded(&output, command);
        String::from_utf8(output.stdout).unwrap()
    }

    fn command(&self, role: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(role)]);
        command
    }

    /// Starts a part of this test program in a namespace.
    pub(crate) fn part(&self, role: &str, part: &str, arguments: &[&str]) -> Part {
        self.part_with(role, part, arguments, &[])
    }

    /// As [`Self::part`], with variables of its own.
    pub(crate) fn part_with(
        &self,
        role: &str,
        part: &str,
        arguments: &[&str],
        variables: &[(&str, &OsStr)],
    ) -> Part {
        let mut command = self.command(role);
        command.envs(variables.iter().copied());
        command.arg(std::env::current_exe().unwrap());
        command.args(["--exact", "parts::part", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env("PART", part).env("PART_ARGUMENTS", arguments.join(" "));
        command.env("PART_STATE", self.state()).stdout(Stdio::piped()).stdin(Stdio::null());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Part { child, output }
    }

    /// Runs a part to its end and returns what it answered.
    pub(crate) fn ask(&self, role: &str, part: &str, arguments: &[&str]) -> String {
        self.part(role, part, arguments).answer()
    }

    /// Counts alarms where they arrive, whether or not anybody reads them.
    pub(crate) fn count_arrivals(&self) {
        let counter = format!(
            "add table ip seen; add chain ip seen c {{ type filter hook input priority 0; }}; \
             add rule ip seen c udp dport {ALARMS} counter"
        );
        self.inside("b", &["nft", &counter]);
    }

    pub(crate) fn arrived(&self) -> u64 {
        let listing = self.inside("b", &["nft", "list", "table", "ip", "seen"]);
        let (_, counted) = listing.split_once("counter packets ").unwrap();
        counted.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Datagrams that found no room in the receiver's buffer.
    pub(crate) fn overflowed(&self) -> u64 {
        let counters = self.inside("b", &["cat", "/proc/net/snmp"]);
        let mut lines = counters.lines().filter(|line| line.starts_with("Udp: ")).map(str::split_whitespace);
        let (mut names, mut values) = (lines.next().unwrap(), lines.next().unwrap());
        let place = names.position(|name| name == "RcvbufErrors").unwrap();
        values.nth(place).unwrap().parse().unwrap()
    }

    /// Gives the enforcer a small disk of its own, which can be filled.
    pub(crate) fn small_disk(&self) {
        let place = self.disk();
        std::fs::create_dir(&place).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&place).output();
        succeeded(&mounted.unwrap(), &["mount"]);
    }

    fn disk(&self) -> PathBuf {
        self.state().join("enforce")
    }

    /// Leaves not a byte on the small disk until what is returned is dropped.
    pub(crate) fn fill_disk(&self) -> Filler {
        let filler = Filler(self.disk().join("filler"));
        let mut file = std::fs::File::create(&filler.0).unwrap();
        for size in [64 * 1024, 1_024, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        filler
    }

    pub(crate) fn rules(&self) -> String {
        self.inside("r", &["nft", "-s", "list", "ruleset"])
    }

    /// Whether a TCP connection from ward one to ward two is answered.
    pub(crate) fn connects(&self, source: &str, port: u16) -> bool {
        self.ask("a", "connect", &[source, &format!("{GATEWAY}:{port}")]) == "yes"
    }

    /// Writes a policy; `extra` rules make one policy differ from another.
    pub(crate) fn policy(&self, name: &str, extra: u16) -> String {
        let path = self.state().join(format!("{name}.json"));
        std::fs::write(&path, serde_json::to_vec(&policy(name, extra)).unwrap()).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// Fills a disk while it lives.
pub(crate) struct Filler(PathBuf);

impl Drop for Filler {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Drop for Hospital {
    fn drop(&mut self) {
        for role in ["r", "a", "b"] {
            let name = self.name(role);
            let listed = Command::new("ip").args(["netns", "pids", &name]).output();
            let processes = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
            for process in processes.unwrap_or_default().lines() {
                let _ = Command::new("kill").args(["-KILL", process]).output();
            }
            let _ = Command::new("ip").args(["netns", "del", &name]).output();
        }
        // Fails where there is none.
        let _ = Command::new("umount").arg(self.disk()).output();
    }
}

/// A running part of the test program.
pub(crate) struct Part {
    pub(crate) child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Part {
    /// The next line that it answers with; its own lines begin with `=`.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        while self.output.read_line(&mut line).unwrap() > 0 {
            // The harness writes its own words before, on the same line.
            if let Some((_, answer)) = line.split_once('=') {
                return answer.trim().to_owned();
            }
            line.clear();
        }
        String::new()
    }

    pub(crate) fn answer(mut self) -> String {
        let answer = self.line();
        assert!(self.child.wait().unwrap().success(), "{answer}");
        answer
    }

    pub(crate) fn signal(&self, signal: &str) {
        let output = Command::new("kill").args([signal, &self.child.id().to_string()]).output().unwrap();
        succeeded(&output, &["kill", signal]);
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn succeeded(output: &Output, command: &[&str]) {
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Ward one may begin with ward two on the port of records only.
pub(crate) fn policy(name: &str, extra: u16) -> Policy {
    let zone = |name: &str| Zone { name: name.into(), within: Action::Accept, reason: String::new() };
    let group =
        |name: &str| Group { name: name.into(), zone: name.into(), category: Category::PatientMonitor };
    let member = |address: &str, group: &str, criticality| Member {
        address: address.parse().unwrap(),
        group: group.into(),
        device: None,
        name: None,
        criticality: Some(criticality),
        ward: None,
        reason: String::new(),
    };
    let rule = |port| Rule {
        from: "one".into(),
        to: "two".into(),
        transport: Transport::TCP,
        ports: vec![PortRange::one(port)],
        application: None,
        standing: Standing::Manual,
        care_essential: port == RECORDS,
        evidence: RuleEvidence::default(),
    };
    Policy {
        zones: vec![zone("one"), zone("two")],
        groups: vec![group("one"), group("two")],
        members: vec![
            member("10.77.1.2/32", "one", Criticality::LifeSustaining),
            member("10.77.1.3/32", "one", Criticality::Monitoring),
            member("10.77.2.0/24", "two", Criticality::Support),
        ],
        rules: std::iter::once(rule(RECORDS)).chain((0..extra).map(|number| rule(9_000 + number))).collect(),
        protected: vec![ProtectedConversation {
            from: VENTILATOR.parse().unwrap(),
            to: GATEWAY.parse().unwrap(),
            transport: Transport::UDP,
            ports: PortRange::one(ALARMS),
        }],
        ..Policy::empty(name.into())
    }
}
