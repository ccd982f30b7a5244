//! A PostgreSQL server of one's own, in a temporary directory, on loopback, run by a user without privileges.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A server that ends with the process that started it.
pub(crate) struct Server {
    programs: PathBuf,
    directory: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
    encrypted: bool,
}

impl Server {
    /// Starts one, or says that PostgreSQL is not installed.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            println!("left out: PostgreSQL is not installed (Debian: apt-get install postgresql)");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(directory.path()));
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { programs, directory, port, child: None, encrypted: false };
        run(server
            .program("initdb")
            .args(["--no-sync", "-A", "trust", "-U", "wardline", "-E", "UTF8"])
            .args(["--locale=C.UTF-8", "-D", server.data().to_str().unwrap()]));
        server.launch();
        Some(server)
    }

    /// Speaks TLS from the next start on, with a certificate of its own for 127.0.0.1. Returns where that lies.
    pub(crate) fn encrypt(&mut self) -> PathBuf {
        let (certificate, key) =
            (self.directory.path().join("server.pem"), self.directory.path().join("key.pem"));
        let settings = self.directory.path().join("openssl.cnf");
        let text = "[req]\ndistinguished_name = name\nx509_extensions = server\n[name]\n\
                    [server]\nbasicConstraints = CA:FALSE\nsubjectAltName = IP:127.0.0.1\n";
        std::fs::write(&settings, text).unwrap();
        let mut make = Command::new("openssl");
        make.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ]);
        make.args(["-subj", "/CN=db", "-config"]).arg(&settings);
        run(make.arg("-keyout").arg(&key).arg("-out").arg(&certificate));
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&key).arg(&certificate));
        }
        run(Command::new("chmod").arg("600").arg(&key));
        self.encrypted = true;
        self.stop();
        self.launch();
        certificate
    }

    /// Address of a new, empty database.
    pub(crate) fn database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE \"{name}\""));
        self.address(name)
    }

    pub(crate) fn address(&self, database: &str) -> String {
        format!("postgres://wardline@127.0.0.1:{}/{database}", self.port)
    }

    /// Lets the server do something, past the program under test.
    pub(crate) fn sql(&self, database: &str, text: &str) {
        run(self.program("psql").args([
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            &self.address(database),
            "-c",
            text,
        ]));
    }

    /// Ends the server as a power loss would, without a word to anybody, and starts it again.
    pub(crate) fn crash_and_restart(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        self.launch();
    }

    /// Stops it, as an administrator does for an update, without waiting for clients.
    pub(crate) fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        run(Command::new("kill").args(["-INT", &child.id().to_string()]));
        child.wait().unwrap();
    }

    /// Starts it, and waits until it answers.
    pub(crate) fn launch(&mut self) {
        let mut command = self.program("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(self.directory.path());
        command.args(["-c", "listen_addresses=127.0.0.1", "-p", &self.port.to_string()]);
        if self.encrypted {
            for (name, file) in [("ssl_cert_file", "server.pem"), ("ssl_key_file", "key.pem")] {
                command.arg("-c").arg(format!("{name}={}", self.directory.path().join(file).display()));
            }
            command.args(["-c", "ssl=on"]);
        }
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(for_good(command));
        let began = Instant::now();
        loop {
            let mut ready = self.program("pg_isready");
            ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if ready.status().unwrap().success() {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "the server does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A program of PostgreSQL; it refuses to be run by root.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new("setpriv");
        if is_root() {
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
        }
        command.args(["--pdeathsig=KILL", "--"]).arg(self.programs.join(name));
        command.current_dir("/");
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

/// Where the programs of the newest PostgreSQL are.
fn programs() -> Option<PathBuf> {
    let mut versions: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|path| path.join("initdb").is_file())
        .collect();
    versions.sort();
    versions.pop()
}

pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Starts a program that is to end with this process: the kernel ends it with the thread that started it, so that
/// thread stays.
pub(crate) fn for_good(mut command: Command) -> Child {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        send.send(command.spawn()).unwrap();
        loop {
            std::thread::park();
        }
    });
    receive.recv().unwrap().unwrap()
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
