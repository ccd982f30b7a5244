//! Real NATS servers on loopback, in a temporary directory: one, or a cluster of three.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::server::for_good;

pub(crate) struct Node {
    pub port: u16,
    monitor: u16,
    settings: std::path::PathBuf,
    child: Option<Child>,
}

pub(crate) struct Cluster {
    pub nodes: Vec<Node>,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Whether the broker is installed; says so if not.
pub(crate) fn is_installed() -> bool {
    let found = Command::new("nats-server").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found {
        println!("left out: nats-server is not installed (Debian: apt-get install nats-server)");
    }
    found
}

impl Cluster {
    /// Starts so many servers; `access` is the file, from the directory on, that `site sensors add` made.
    pub(crate) fn start(directory: &Path, count: usize, access: Option<&str>) -> Self {
        let routes: Vec<_> = (0..count).map(|_| free_port()).collect();
        let nodes = (0..count)
            .map(|number| {
                let (port, monitor) = (free_port(), free_port());
                let settings = directory.join(format!("n{number}.conf"));
                let mut text = format!(
                    "server_name: n{number}\nlisten: \"127.0.0.1:{port}\"\nhttp: \"127.0.0.1:{monitor}\"\n\
                     jetstream {{ store_dir: \"{}\" }}\n",
                    directory.join(format!("n{number}")).display()
                );
                if let Some(access) = access {
                    text.push_str(&format!("include \"{access}\"\n"));
                }
                if count > 1 {
                    let others: Vec<_> =
                        routes.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect();
                    text.push_str(&format!(
                        "cluster {{ name: test, listen: \"127.0.0.1:{}\", no_advertise: true, routes: [{}] }}\n",
                        routes[number],
                        others.join(", ")
                    ));
                }
                fs::write(&settings, text).unwrap();
                Node { port, monitor, settings, child: None }
            })
            .collect();
        let mut cluster = Self { nodes };
        for number in 0..count {
            cluster.launch(number);
        }
        for node in &cluster.nodes {
            let began = Instant::now();
            while TcpStream::connect(("127.0.0.1", node.port)).is_err() {
                assert!(began.elapsed() < Duration::from_secs(30), "a broker does not listen");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        cluster
    }

    pub(crate) fn launch(&mut self, number: usize) {
        let node = &mut self.nodes[number];
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig=KILL", "--", "nats-server", "-c"]).arg(&node.settings);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        node.child = Some(for_good(command));
    }

    /// Ends a server as a power loss would.
    pub(crate) fn kill(&mut self, number: usize) {
        let mut child = self.nodes[number].child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Which server leads the stream, once there is one.
    pub(crate) fn leader(&self, stream: &str) -> usize {
        let began = Instant::now();
        loop {
            for node in &self.nodes {
                let text = get(node.monitor, "/jsz?streams=true&config=true").unwrap_or_default();
                let of_stream = text.split(&format!("\"name\": \"{stream}\"")).nth(1).unwrap_or_default();
                let leader = of_stream.split("\"leader\": \"n").nth(1).and_then(|rest| rest.chars().next());
                if let Some(leader) = leader.and_then(|digit| digit.to_digit(10)) {
                    return leader as usize;
                }
            }
            assert!(began.elapsed() < Duration::from_secs(30), "no server leads {stream}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What `--broker` is given.
    pub(crate) fn servers(&self, scheme: &str) -> Vec<String> {
        self.nodes
            .iter()
            .flat_map(|node| ["--broker".to_owned(), format!("{scheme}://127.0.0.1:{}", node.port)])
            .collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.nodes.iter_mut().filter_map(|node| node.child.as_mut()) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

/// A way to a server that can be cut and mended.
pub(crate) struct Way {
    pub port: u16,
    cut: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Way {
    pub(crate) fn to(target: u16) -> Self {
        use std::sync::atomic::{AtomicBool, Ordering};
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = std::sync::Arc::new(AtomicBool::new(false));
        let is_cut = std::sync::Arc::clone(&cut);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                for (mut from, mut to) in [
                    (near.try_clone().unwrap(), far.try_clone().unwrap()),
                    (far.try_clone().unwrap(), near.try_clone().unwrap()),
                ] {
                    let is_cut = std::sync::Arc::clone(&is_cut);
                    from.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
                    std::thread::spawn(move || {
                        let mut piece = [0; 65_536];
                        while !is_cut.load(Ordering::SeqCst) {
                            match from.read(&mut piece) {
                                Ok(0) => break,
                                Ok(length) if to.write_all(&piece[..length]).is_err() => break,
                                Ok(_) => {}
                                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                                Err(_) => break,
                            }
                        }
                        let _ = from.shutdown(std::net::Shutdown::Both);
                        let _ = to.shutdown(std::net::Shutdown::Both);
                    });
                }
            }
        });
        Self { port, cut }
    }

    pub(crate) fn cut(&self, cut: bool) {
        self.cut.store(cut, std::sync::atomic::Ordering::SeqCst);
    }
}
