//! A switch, its RADIUS server and a device, in two network namespaces that end with the test.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wardline_enforce::quarantine::{Request, Step};
use wardline_enforce::radius::{Restriction, Switch};
use wardline_enforce::{Enforcer, PortOrder};
use wardline_model::{Criticality, Group, Member, Policy, Zone};

/// Where the RADIUS server takes orders, and where the switch does.
pub(crate) const ORDERS_PORT: u16 = 3_800;
pub(crate) const SWITCH_PORT: u16 = 3_799;
const SECRET: &str = "correct-horse";

static NEXT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Site {
    prefix: String,
    pub(crate) directory: tempfile::TempDir,
}

pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Site {
    /// `None`, and a line that says so, where this machine has not what is needed.
    pub(crate) fn open() -> Option<Self> {
        let programs = ["freeradius", "hostapd", "wpa_supplicant"];
        let there = |program: &&str| {
            std::path::Path::new(&format!("/usr/sbin/{program}")).exists()
                || std::path::Path::new(&format!("/sbin/{program}")).exists()
        };
        if !programs.iter().all(there) {
            println!("skipped: install freeradius, hostapd and wpasupplicant");
            return None;
        }
        let prefix = format!("wlaaa{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let site = Self { prefix, directory: tempfile::tempdir().unwrap() };
        for role in ["s", "d"] {
            let made = Command::new("ip").args(["netns", "add", &site.name(role)]).output();
            if !made.is_ok_and(|output| output.status.success()) {
                println!("skipped: no network namespaces; run as root with iproute2");
                return None;
            }
            site.inside(role, &["ip", "link", "set", "lo", "up"]);
        }
        let device = site.name("d");
        site.inside(
            "s",
            &["ip", "link", "add", "port", "type", "veth", "peer", "name", "eth", "netns", &device],
        );
        site.inside("s", &["ip", "link", "set", "port", "up"]);
        site.inside("d", &["ip", "link", "set", "eth", "up"]);
        fs::write(site.path("secret"), format!("{SECRET}\n")).unwrap();
        Some(site)
    }

    fn name(&self, role: &str) -> String {
        format!("{}{role}", self.prefix)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    fn command(&self, role: &str, command: &[&str]) -> Command {
        let mut run = Command::new("ip");
        run.args(["netns", "exec", &self.name(role)]).args(command);
        run
    }

    fn inside(&self, role: &str, command: &[&str]) -> String {
        let output = self.command(role, command).output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn start(&self, role: &str, command: &[&str], log: &str) -> Running {
        let log = fs::File::create(self.path(log)).unwrap();
        let mut run = self.command(role, command);
        run.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Running(run.spawn().unwrap())
    }

    /// FreeRADIUS: admits the device, and takes orders as a switch would.
    pub(crate) fn server(&self) -> Running {
        let directory = self.path("");
        let configuration = SERVER.replace("DIRECTORY", directory.trim_end_matches('/'));
        fs::write(self.path("radiusd.conf"), configuration).unwrap();
        let server = self.start(
            "s",
            &["freeradius", "-fxl", "stdout", "-d", &directory, "-n", "radiusd"],
            "server.log",
        );
        self.wait_until("the server is ready", || {
            self.log("server.log").contains("Ready to process requests")
        });
        server
    }

    /// hostapd: a switch port with IEEE 802.1X.
    pub(crate) fn switch(&self) -> Running {
        fs::write(self.path("hostapd.conf"), SWITCH.replace("DIRECTORY", &self.path("ctl"))).unwrap();
        self.start("s", &["hostapd", &self.path("hostapd.conf")], "switch.log")
    }

    /// wpa_supplicant: a device that knows its password.
    pub(crate) fn device(&self) -> Running {
        fs::write(self.path("device.conf"), DEVICE.replace("DIRECTORY", &self.path("asks"))).unwrap();
        let configuration = format!("-c{}", self.path("device.conf"));
        self.start("d", &["wpa_supplicant", "-Dwired", "-ieth", &configuration], "device.log")
    }

    pub(crate) fn is_admitted(&self) -> bool {
        let output =
            self.command("s", &["hostapd_cli", "-p", &self.path("ctl"), "all_sta"]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).contains("[AUTHORIZED]")
    }

    /// The device notices that its session ended, as it would by its link, and asks to be admitted.
    pub(crate) fn ask_again(&self) {
        self.inside("d", &["wpa_cli", "-p", &self.path("asks"), "-i", "eth", "reassociate"]);
    }

    pub(crate) fn station(&self) -> String {
        self.inside("d", &["cat", "/sys/class/net/eth/address"]).trim().to_owned()
    }

    pub(crate) fn wait_until(&self, what: &str, done: impl Fn() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "{what}: {} {}",
                self.log("server.log"),
                self.log("switch.log")
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    pub(crate) fn log(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Orders that the server took.
    pub(crate) fn orders_seen(&self) -> usize {
        self.log("server.log").matches("Received CoA-Request").count()
    }

    fn part(&self, arguments: &[&str]) -> Command {
        let program = std::env::current_exe().unwrap();
        let mut command = self.command("s", &[program.to_str().unwrap()]);
        command.args(["--exact", "site::part", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env("PART", arguments.join(" ")).env("PART_DIRECTORY", self.directory.path());
        command
    }

    /// Gives an order from beside the switch, and tells what came of it.
    pub(crate) fn order(&self, what: &str, port: u16, station: &str, form: &str, secret: &str) -> String {
        let form = if form.is_empty() { "-" } else { form };
        let output = self.part(&[what, &port.to_string(), station, form, secret]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let answer =
            text.lines().find_map(|line| line.split_once('=').map(|(_, answer)| answer.trim().to_owned()));
        answer.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
    }

    pub(crate) fn keeper(&self, station: &str) -> Running {
        let mut part = self.part(&["keep", "0", station, "-", "right"]);
        Running(part.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for role in ["s", "d"] {
            let name = self.name(role);
            let listed = Command::new("ip").args(["netns", "pids", &name]).output();
            let processes = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
            for process in processes.unwrap_or_default().lines() {
                let _ = Command::new("kill").args(["-KILL", process]).output();
            }
            let _ = Command::new("ip").args(["netns", "del", &name]).output();
        }
    }
}

fn policy() -> Policy {
    let member = |address: &str, criticality| Member {
        address: address.parse().unwrap(),
        group: "ward/pump".into(),
        device: None,
        name: None,
        criticality: Some(criticality),
        ward: None,
        reason: String::new(),
    };
    Policy {
        zones: vec![Zone {
            name: "ward".into(),
            within: wardline_model::Action::Deny,
            reason: String::new(),
        }],
        groups: vec![Group {
            name: "ward/pump".into(),
            zone: "ward".into(),
            category: wardline_model::Category::InfusionPump,
        }],
        members: vec![
            member("10.9.0.1/32", Criticality::Therapy),
            member("10.9.0.2/32", Criticality::LifeSustaining),
        ],
        ..Policy::empty("ward".into())
    }
}

/// Not a test of its own: runs inside the namespace of the switch.
#[test]
#[ignore = "started by the other tests, in a namespace"]
fn part() {
    let Ok(part) = std::env::var("PART") else { return };
    let directory = std::path::PathBuf::from(std::env::var_os("PART_DIRECTORY").unwrap());
    let words: Vec<&str> = part.split(' ').collect();
    let [what, port, station, form, secret] = words[..] else { panic!("{part}") };
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    let secret = if secret == "right" { SECRET } else { "battery-staple" };
    let switch = Switch { address, secret: secret.into() };
    let enforcer = Enforcer::open(&directory.join("enforce")).unwrap();
    let restriction = match form {
        "vlan" => Restriction::Vlan(666),
        "role" => Restriction::ArubaRole("wl-g0".to_owned()),
        "acl" => Restriction::CiscoAccessList(vec![
            "permit tcp any host 10.1.0.1 eq 2575".to_owned(),
            "deny ip any any".to_owned(),
        ]),
        _ => Restriction::Filter("quarantine".to_owned()),
    };
    let answer = match what {
        "restrict" => switch.restrict(station, &restriction, 60, now_s).map(|answer| format!("{answer:?}")),
        "disconnect" => switch.disconnect(station, now_s).map(|answer| format!("{answer:?}")),
        "hold" | "hold-alive" => {
            let device = if what == "hold" { "10.9.0.1" } else { "10.9.0.2" };
            let request = Request {
                device: device.to_owned(),
                step: Step::Isolate,
                duration_s: 60,
                reason: "scans its ward".to_owned(),
                by: "A".to_owned(),
                second: (form != "-").then(|| form.to_owned()),
            };
            let order = PortOrder {
                station: station.to_owned(),
                switch: address,
                secret: directory.join("secret"),
                restriction,
                lease_s: 3,
            };
            enforcer.hold_port(&request, &order, Some(&policy()), now_s).map(|_| "held".to_owned())
        }
        "keep" => enforcer.keep_port(station, |error| println!("{error}")).map(|()| "kept".to_owned()),
        "release" => enforcer.release_port(station, "A", now_s).map(|()| "released".to_owned()),
        other => panic!("no part {other}"),
    };
    println!("={}", answer.unwrap_or_else(|error| error.to_string()));
}

const SERVER: &str = r#"
prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = DIRECTORY
run_dir = DIRECTORY
logdir = DIRECTORY
name = radius
pidfile = DIRECTORY/radius.pid
log {
  destination = stdout
}
security {
  allow_vulnerable_openssl = yes
}
modules {
  always ok {
    rcode = ok
  }
  always reject {
    rcode = reject
  }
  eap {
    default_eap_type = md5
    timer_expire = 60
    md5 {
    }
  }
}
client here {
  ipaddr = 127.0.0.1
  secret = correct-horse
}
server admission {
  listen {
    type = auth
    ipaddr = 127.0.0.1
    port = 1812
  }
  authorize {
    update control {
      Cleartext-Password := "battery"
    }
    eap
  }
  authenticate {
    eap
  }
}
server orders {
  listen {
    type = coa
    ipaddr = 127.0.0.1
    port = 3800
  }
  recv-coa {
    if (&Calling-Station-Id != "02-00-00-00-00-07" || !&Message-Authenticator || !&Event-Timestamp) {
      reject
    }
    elsif (&Packet-Type == Disconnect-Request) {
      ok
    }
    elsif ((&Session-Timeout != 60 && &Session-Timeout != 3) || &Termination-Action != RADIUS-Request) {
      reject
    }
    elsif (&Filter-Id && &Filter-Id == "quarantine") {
      ok
    }
    elsif (&Aruba-User-Role && &Aruba-User-Role == "wl-g0") {
      ok
    }
    elsif (&Tunnel-Type == VLAN && &Tunnel-Medium-Type == IEEE-802 && &Tunnel-Private-Group-Id == "666") {
      ok
    }
    elsif (&Cisco-AVPair[0] == "ip:inacl#10=permit tcp any host 10.1.0.1 eq 2575" && &Cisco-AVPair[1] == "ip:inacl#20=deny ip any any") {
      ok
    }
    else {
      reject
    }
  }
  send-coa {
    ok
  }
}
"#;

const SWITCH: &str = "interface=port
driver=wired
ieee8021x=1
eap_reauth_period=0
own_ip_addr=127.0.0.1
nas_identifier=switch
auth_server_addr=127.0.0.1
auth_server_port=1812
auth_server_shared_secret=correct-horse
radius_das_port=3799
radius_das_client=127.0.0.1 correct-horse
radius_das_require_event_timestamp=1
radius_das_require_message_authenticator=1
ctrl_interface=DIRECTORY
";

const DEVICE: &str = r#"ctrl_interface=DIRECTORY
ap_scan=0
network={
  key_mgmt=IEEE8021X
  eap=MD5
  identity="pump"
  password="battery"
  eapol_flags=0
}
"#;
