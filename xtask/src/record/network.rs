//! A small network of its own: stations in network namespaces around a bridge, and somebody who listens at it.
//!
//! Nothing in here reaches the network of the machine: no namespace has a way out. Addresses are of the block that
//! RFC 5737 keeps for documentation, link addresses are locally administered.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::plan::StationPlan;

/// Longest wait for a server to listen.
const READY_MAX: Duration = Duration::from_secs(30);
/// Longest run of a client. Some hang when their server is unhappy.
const CLIENT_SECONDS_MAX: &str = "60";

/// The namespaces of one recording, a directory for the files of its programs, and what still runs.
pub(super) struct Network {
    prefix: String,
    stations: &'static [StationPlan],
    /// Where programs keep their files; gone afterwards.
    pub place: PathBuf,
    running: Vec<Child>,
    listener: Option<Child>,
}

/// The block for documentation.
pub(super) fn address(station: &StationPlan) -> String {
    format!("192.0.2.{}", station.host)
}

/// A link address that nobody was given by the IEEE.
pub(super) fn link_address(station: &StationPlan) -> String {
    format!("02:00:5e:00:02:{:02x}", station.host)
}

impl Network {
    /// Makes namespaces, cables and the bridge, and begins to listen.
    pub(super) fn new(stations: &'static [StationPlan], capture: &Path) -> Result<Self> {
        let number = std::process::id();
        let place = std::env::temp_dir().join(format!("wardline-record-{number}"));
        std::fs::create_dir_all(&place).with_context(|| place.display().to_string())?;
        let mut network =
            Self { prefix: format!("wlrec{number}"), stations, place, running: Vec::new(), listener: None };
        network.build()?;
        network.listen(capture)?;
        Ok(network)
    }

    fn name(&self, station: &str) -> String {
        format!("{}-{station}", self.prefix)
    }

    fn build(&self) -> Result<()> {
        let switch = self.name("switch");
        ip(&["netns", "add", &switch])?;
        quiet(&switch)?;
        ip(&[
            "-n",
            &switch,
            "link",
            "add",
            "br0",
            "type",
            "bridge",
            "stp_state",
            "0",
            "mcast_snooping",
            "0",
        ])?;
        ip(&["-n", &switch, "link", "set", "br0", "up"])?;
        for station in self.stations {
            let (own, port) = (self.name(station.name), format!("p{}", station.host));
            ip(&["netns", "add", &own])?;
            quiet(&own)?;
            let link = link_address(station);
            ip(&[
                "-n", &own, "link", "add", "eth0", "address", &link, "type", "veth", "peer", "name", &port,
                "netns", &switch,
            ])?;
            ip(&["-n", &switch, "link", "set", &port, "master", "br0", "up"])?;
            if !station.asks_for_address {
                ip(&["-n", &own, "address", "add", &format!("{}/24", address(station)), "dev", "eth0"])?;
            }
            ip(&["-n", &own, "link", "set", "lo", "up"])?;
            ip(&["-n", &own, "link", "set", "eth0", "up"])?;
            // What the kernel leaves to a network card would be missing on the wire: checksums, and the cutting of
            // large segments.
            let offloads = ["-K", "eth0", "tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off"];
            checked(Command::new("ip").args(["netns", "exec", &own, "ethtool"]).args(offloads))?;
        }
        Ok(())
    }

    fn listen(&mut self, capture: &Path) -> Result<()> {
        let mut tcpdump = Command::new("ip");
        tcpdump.args([
            "netns",
            "exec",
            &self.name("switch"),
            "tcpdump",
            "-i",
            "br0",
            "--immediate-mode",
            "-U",
            "-s",
            "0",
            "-Z",
            "root",
            "-w",
        ]);
        let child = tcpdump.arg(capture).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        self.listener = Some(child);
        let began = Instant::now();
        // The header of the file is written once the kernel hands over packets.
        while std::fs::metadata(capture).map_or(0, |file| file.len()) < 24 {
            if began.elapsed() > READY_MAX {
                bail!("tcpdump does not begin");
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// A command in the namespace of a station, under a host name of its own: software tells it to others.
    pub(super) fn command(&self, station: &str, program: &str, arguments: &[&str]) -> Command {
        const NAMED: &str = r#"hostname "$0" && exec "$@""#;
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(station), "unshare", "--uts", "sh", "-c", NAMED, station]);
        command.arg(program).args(arguments);
        command.current_dir(&self.place).env("HOME", &self.place).env("LC_ALL", "C").stdin(Stdio::null());
        command
    }

    /// Starts a server; it and its children end with this network.
    pub(super) fn serve(&mut self, station: &str, program: &str, arguments: &[&str]) -> Result<()> {
        let mut server = self.command(station, "unshare", &["--pid", "--fork", "--kill-child", program]);
        let log = std::fs::File::create(self.place.join(format!("{station}-{}.log", self.running.len())))?;
        server.args(arguments).stdout(log.try_clone()?).stderr(log);
        self.running.push(server.spawn().with_context(|| format!("{program} cannot be started"))?);
        Ok(())
    }

    /// Runs a client to its end.
    pub(super) fn run(&self, station: &str, program: &str, arguments: &[&str]) -> Result<Output> {
        let mut client = self.command(station, "timeout", &["--kill-after=5", CLIENT_SECONDS_MAX, program]);
        checked(client.args(arguments))
    }

    /// Runs a client that is expected to be turned away.
    pub(super) fn run_refused(&self, station: &str, program: &str, arguments: &[&str]) -> Result<()> {
        let mut client = self.command(station, "timeout", &["--kill-after=5", CLIENT_SECONDS_MAX, program]);
        let output = client.args(arguments).output().with_context(|| program.to_owned())?;
        if output.status.success() {
            bail!("{program} {arguments:?} was expected to be refused")
        } else {
            Ok(())
        }
    }

    /// Waits until a port is listened at; `transport` is `t` or `u`.
    pub(super) fn wait_for(&self, station: &str, transport: char, port: u16) -> Result<()> {
        let began = Instant::now();
        let (flags, port) = (format!("-Hln{transport}"), format!("sport = :{port}"));
        while began.elapsed() < READY_MAX {
            let output = self.command(station, "ss", &[&flags, &port]).output().context("ss")?;
            if !output.stdout.is_empty() {
                return Ok(());
            }
            sleep(Duration::from_millis(100));
        }
        bail!("{station}: nobody listens at {port} ({transport}): {}", self.logs())
    }

    /// Writes a file for a program, and returns its path.
    pub(super) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> Result<String> {
        let path = self.place.join(name);
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        std::fs::write(&path, content).with_context(|| path.display().to_string())?;
        Ok(path.display().to_string())
    }

    /// What the servers said: to be shown when something does not work.
    pub(super) fn logs(&self) -> String {
        let files = std::fs::read_dir(&self.place).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut logs: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|end| end == "log")).collect();
        logs.sort();
        logs.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect::<Vec<_>>().join("\n")
    }

    /// Ends the servers, lets the last packets arrive, and closes the capture.
    pub(super) fn finish(mut self) -> Result<()> {
        self.stop_servers();
        sleep(Duration::from_millis(300));
        let Some(mut listener) = self.listener.take() else { return Ok(()) };
        // Asked rather than killed, so that it writes what it still holds.
        checked(Command::new("kill").args(["-TERM", &listener.id().to_string()]))?;
        listener.wait().context("tcpdump")?;
        Ok(())
    }

    fn stop_servers(&mut self) {
        for mut server in self.running.drain(..).rev() {
            // It may have ended by itself; there is nothing to do about it then.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.stop_servers();
        if let Some(mut listener) = self.listener.take() {
            let _ = listener.kill();
            let _ = listener.wait();
        }
        for station in self.stations.iter().map(|station| station.name).chain(["switch"]) {
            let _ = ip(&["netns", "delete", &self.name(station)]);
        }
        let _ = std::fs::remove_dir_all(&self.place);
    }
}

/// No address of IPv6 by itself: its announcements are the kernel's, not the recorded software's.
fn quiet(namespace: &str) -> Result<()> {
    for scope in ["all", "default"] {
        let setting = format!("net.ipv6.conf.{scope}.disable_ipv6=1");
        checked(Command::new("ip").args(["netns", "exec", namespace, "sysctl", "-q", "-w", &setting]))?;
    }
    Ok(())
}

fn ip(arguments: &[&str]) -> Result<Output> {
    checked(Command::new("ip").args(arguments))
}

/// The output of a command that must succeed.
pub(super) fn checked(command: &mut Command) -> Result<Output> {
    let shown = format!("{command:?}");
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("{shown}: cannot be started"))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = [output.stdout, output.stderr].concat();
    bail!("{shown}: {}: {}", output.status, String::from_utf8_lossy(&said).trim())
}
