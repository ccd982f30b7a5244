//! Real software speaks in network namespaces of this test while `wardline watch` listens at a port to which the bridge
//! copies everything, as a mirror port does. Everybody in it is invented; no packet leaves the namespaces.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it leaves out"
)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use wardline_model::{Device, ExposureKind, Record};

/// Programs of Debian, and the packages that bring them.
const TOOLS: &[(&str, &str)] = &[
    ("/usr/bin/dump2dcm", "dcmtk"),
    ("/usr/bin/storescp", "dcmtk"),
    ("/usr/bin/storescu", "dcmtk"),
    ("/usr/sbin/mosquitto", "mosquitto"),
    ("/usr/bin/mosquitto_pub", "mosquitto-clients"),
    ("/usr/bin/mllp_send", "python3-hl7"),
    ("/usr/bin/unshare", "util-linux"),
];

/// Stations: name, and last number of the addresses.
const STATIONS: &[(&str, u8)] =
    &[("archive", 10), ("scanner", 20), ("broker", 13), ("sensor", 26), ("engine", 12), ("record", 23)];

const PATIENT: (&str, &str, &str) = ("Quarzenmoor", "Ilsabetha", "WLR8830417");
const PASSWORD: &str = "Fjordkiesel27";

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(90);

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Namespaces of stations around a bridge, one more in which Wardline listens, and whatever runs in them.
struct Network {
    prefix: String,
    place: tempfile::TempDir,
    running: Vec<Child>,
}

impl Network {
    fn open() -> Option<Self> {
        for (program, package) in TOOLS {
            if !Path::new(program).exists() {
                println!("left out: {program} is missing; Debian's package {package} brings it");
                return None;
            }
        }
        let prefix = format!("wllive{}", std::process::id());
        if !succeeds(Command::new("ip").args(["netns", "add", &format!("{prefix}-switch")])) {
            println!("left out: run as root with iproute2, where network namespaces may be made");
            return None;
        }
        let network = Self { prefix, place: tempfile::tempdir().unwrap(), running: Vec::new() };
        let switch = network.name("switch");
        // A bridge that forgets at once where everybody is sends everything to every port: the sensor's is the mirror port.
        ip(&["-n", &switch, "link", "add", "br0", "type", "bridge", "stp_state", "0", "ageing_time", "0"]);
        ip(&["-n", &switch, "link", "set", "br0", "up"]);
        for (station, host) in STATIONS.iter().copied().chain([("sensor-port", 99)]) {
            let (own, port, link) =
                (network.name(station), format!("p{host}"), format!("02:00:5e:00:02:{host:02x}"));
            ip(&["netns", "add", &own]);
            ip(&[
                "-n", &own, "link", "add", "eth0", "address", &link, "type", "veth", "peer", "name", &port,
                "netns", &switch,
            ]);
            ip(&["-n", &switch, "link", "set", &port, "master", "br0", "up"]);
            if station != "sensor-port" {
                ip(&["-n", &own, "address", "add", &format!("192.0.2.{host}/24"), "dev", "eth0"]);
            }
            ip(&["-n", &own, "link", "set", "lo", "up"]);
            ip(&["-n", &own, "link", "set", "eth0", "up"]);
        }
        Some(network)
    }

    fn name(&self, station: &str) -> String {
        format!("{}-{station}", self.prefix)
    }

    fn command(&self, station: &str, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(station), program]).args(arguments);
        command.current_dir(self.place.path()).env("LC_ALL", "C").stdin(Stdio::null());
        command
    }

    /// A client, run to its end.
    fn run(&self, station: &str, program: &str, arguments: &[&str]) {
        let output =
            self.command(station, "timeout", &[&["60", program], arguments].concat()).output().unwrap();
        assert!(output.status.success(), "{program}: {}", said(&output));
    }

    /// A server, which ends with this network.
    fn serve(&mut self, station: &str, program: &str, arguments: &[&str], port: u16) {
        let whole = [&["--pid", "--fork", "--kill-child", program], arguments].concat();
        let mut server = self.command(station, "unshare", &whole);
        self.running.push(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let sport = format!("sport = :{port}");
        wait(&format!("{program} to listen"), || {
            self.command(station, "ss", &["-Hlnt", &sport])
                .output()
                .is_ok_and(|output| !output.stdout.is_empty())
        });
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.place.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
        for (station, _) in STATIONS.iter().copied().chain([("sensor-port", 0), ("switch", 0)]) {
            let _ = Command::new("ip").args(["netns", "delete", &self.name(station)]).output();
        }
    }
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().unwrap();
    assert!(output.status.success(), "ip {arguments:?}: {}", said(&output));
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Wardline at the mirror port.
struct Watch {
    process: Child,
    state: String,
}

impl Watch {
    fn start(network: &Network) -> Self {
        let state = network.place.path().join("state").display().to_string();
        let mut command = network.command(
            "sensor-port",
            env!("CARGO_BIN_EXE_wardline"),
            &["watch", "-i", "eth0", "--state", &state],
        );
        let mut process = command.env_remove("WARDLINE_KEY").stderr(Stdio::piped()).spawn().unwrap();
        let complaints = BufReader::new(process.stderr.take().unwrap());
        let listening = complaints.lines().map_while(Result::ok).any(|line| line.contains("listening on"));
        assert!(listening, "wardline watch did not begin");
        Self { process, state }
    }

    fn list(&self, verb: &str) -> Vec<Record> {
        let output = Command::new(env!("CARGO_BIN_EXE_wardline"))
            .args([verb, "--json", "--state", &self.state])
            .output()
            .unwrap();
        let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    fn device(&self, host: u8) -> Option<Device> {
        let mac = format!("02:00:5e:00:02:{host:02x}");
        self.list("devices").into_iter().find_map(|record| match record {
            Record::Device(device) if device.macs.iter().any(|known| known.to_string() == mac) => {
                Some(*device)
            }
            _ => None,
        })
    }

    fn plays(&self, host: u8, role: &str) -> bool {
        self.device(host).is_some_and(|device| device.role.iter().any(|told| told.as_str() == role))
    }

    fn exposed(&self, kind: ExposureKind, host: u8) -> bool {
        let ip = format!("192.0.2.{host}");
        self.list("exposures").into_iter().any(|record| match record {
            Record::Exposure(exposure) => {
                let told = exposure.device.as_ref().and_then(|device| device.ip);
                exposure.kind == kind && told.is_some_and(|told| told.to_string() == ip)
            }
            _ => false,
        })
    }

    /// Asks it to end, as a person does, and waits until it has.
    fn end(&mut self) {
        assert!(succeeds(Command::new("kill").args(["-TERM", &self.process.id().to_string()])));
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An image (PS3.3 A.7, secondary capture) as dump2dcm reads it.
fn image() -> String {
    let (family, given, number) = PATIENT;
    format!(
        "(0008,0016) UI [1.2.840.10008.5.1.4.1.1.7]\n(0008,0018) UI [2.25.302108.1.1]\n(0008,0060) CS [US]\n\
         (0008,0070) LO [Wardline Test Imaging]\n(0008,1090) LO [Echo Two]\n(0010,0010) PN [{family}^{given}]\n\
         (0010,0020) LO [{number}]\n(0018,1000) LO [WTI-0043]\n(0018,1020) LO [2.7]\n\
         (0020,000d) UI [2.25.302108]\n(0020,000e) UI [2.25.302108.1]\n"
    )
}

fn dicom(network: &mut Network) {
    let (dump, image) = (network.file("image.dump", &image()), network.file("image.dcm", ""));
    network.run("scanner", "/usr/bin/dump2dcm", &[&dump, &image]);
    network.serve("archive", "/usr/bin/storescp", &["--aetitle", "ARCHIVE1", "--ignore", "104"], 104);
    let titles = ["-aet", "ECHO2", "-aec", "ARCHIVE1", "192.0.2.10", "104"];
    network.run("scanner", "/usr/bin/storescu", &[&titles[..], &[&image]].concat());
}

fn mqtt(network: &mut Network) {
    let passwords = network.file("passwords", "");
    network.run("broker", "/usr/bin/mosquitto_passwd", &["-b", &passwords, "wardstaff", PASSWORD]);
    let configuration =
        format!("listener 1883\nallow_anonymous false\npassword_file {passwords}\nuser root\n");
    let configuration = network.file("mosquitto.conf", &configuration);
    network.serve("broker", "/usr/sbin/mosquitto", &["-c", &configuration], 1_883);
    let message = format!(r#"{{"patient_id":"{}","heart_rate":71}}"#, PATIENT.2);
    network.run(
        "sensor",
        "/usr/bin/mosquitto_pub",
        &[
            "-h",
            "192.0.2.13",
            "-u",
            "wardstaff",
            "-P",
            PASSWORD,
            "-q",
            "1",
            "-t",
            "ward3/bed1/vitals",
            "-m",
            &message,
        ],
    );
}

fn hl7(network: &mut Network) {
    let receiver = network.file("receiver.py", include_str!("../../../xtask/src/record/mllp_receiver.py"));
    network.serve("engine", "/usr/bin/python3", &[&receiver, "2575"], 2_575);
    let (family, given, number) = PATIENT;
    let message = format!(
        "\u{b}MSH|^~\\&|RECORD|WARD3|ENGINE|HOSPITAL|20260302073001||ADT^A01^ADT_A01|WLM00001|P|2.5.1\r\
         EVN|A01|20260302073000\rPID|1||{number}^^^HOSPITAL^MR||{family}^{given}\rPV1|1|I|WARD3^R301^1\r\u{1c}\r"
    );
    let message = network.file("message.hl7", &message);
    network.run(
        "record",
        "/usr/bin/mllp_send",
        &["--quiet", "--file", &message, "--port", "2575", "192.0.2.12"],
    );
}

#[test]
fn what_real_software_says_at_a_mirror_port_is_known_afterwards() {
    let Some(mut network) = Network::open() else { return };
    let mut watch = Watch::start(&network);
    dicom(&mut network);
    mqtt(&mut network);
    hl7(&mut network);
    for (host, role) in [
        (10, "dicom scp"),
        (20, "dicom scu"),
        (13, "mqtt broker"),
        (26, "mqtt client"),
        (12, "hl7 receiver"),
        (23, "hl7 sender"),
    ] {
        wait(&format!("192.0.2.{host} as {role}"), || watch.plays(host, role));
    }
    for (host, kind) in [
        (20, ExposureKind::CleartextPhi),
        (26, ExposureKind::CleartextPhi),
        (23, ExposureKind::CleartextPhi),
        (13, ExposureKind::CleartextCredentials),
    ] {
        wait(&format!("{kind} of 192.0.2.{host}"), || watch.exposed(kind, host));
    }
    watch.end();
    let scanner = watch.device(20).unwrap();
    assert_eq!(scanner.model.unwrap().as_str(), "Echo Two");
    assert_eq!(scanner.serial.unwrap().as_str(), "WTI-0043");
    assert!(watch.list("findings").is_empty(), "{:#?}", watch.list("findings"));
    for entry in
        fs::read_dir(&watch.state).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
    {
        let bytes = fs::read(&entry).unwrap();
        for canary in [PATIENT.0, PATIENT.1, PATIENT.2, PASSWORD] {
            let found =
                bytes.windows(canary.len()).any(|window| window.eq_ignore_ascii_case(canary.as_bytes()));
            assert!(!found, "{}: what may not get out", entry.display());
        }
    }
}
