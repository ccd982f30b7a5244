//! Both ends in this process, on loopback, with files of their own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wardline_model::{Finding, Record};
use wardline_shield::authority::{self, Authority};
use wardline_shield::{Counters, Role, Settings, ShieldError, clinic, device};

/// Longest wait for something that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn now_s() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// An address of loopback where nobody listens.
pub(crate) fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Waits until `done`.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..PATIENCE.as_millis() / 20 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never: {what}");
}

/// An end with threads of its own, so that it can be killed as a process is.
pub(crate) struct Running {
    pub(crate) counters: Arc<Counters>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), ShieldError>>,
    runtime: Option<Runtime>,
}

impl Running {
    fn start<F>(run: impl FnOnce(Arc<Counters>, watch::Receiver<bool>) -> F) -> Self
    where
        F: Future<Output = Result<(), ShieldError>> + Send + 'static,
    {
        let counters = Arc::new(Counters::default());
        let (stop, stopped) = watch::channel(false);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let task = runtime.spawn(run(Arc::clone(&counters), stopped));
        Self { counters, stop, task, runtime: Some(runtime) }
    }

    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        (&mut self.task).await.unwrap().unwrap();
    }

    /// Everything ends at once, without a word.
    pub(crate) async fn kill(mut self) {
        if let Some(runtime) = self.runtime.take() {
            let ending = move || runtime.shutdown_timeout(Duration::from_secs(5));
            tokio::task::spawn_blocking(ending).await.unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

pub(crate) struct Pair {
    pub(crate) directory: TempDir,
    pub(crate) link: SocketAddr,
    pub(crate) enrolment: SocketAddr,
    pub(crate) device: SocketAddr,
    pub(crate) target: SocketAddr,
    /// Lines added to the clinic end's settings.
    pub(crate) clinic_more: String,
    /// Lines added to the device end's settings.
    pub(crate) device_more: String,
    /// Lines added to the clinic end's service.
    pub(crate) clinic_work_more: String,
    /// Lines added to the device end's service.
    pub(crate) work_more: String,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Authority::create(&directory.path().join("authority"), now_s()).unwrap();
        Self {
            directory,
            link: free_address(),
            enrolment: free_address(),
            device: free_address(),
            target: free_address(),
            clinic_more: String::new(),
            device_more: String::new(),
            clinic_work_more: String::new(),
            work_more: String::new(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn authority(&self) -> Authority {
        Authority::open(&self.path("authority")).unwrap()
    }

    pub(crate) fn clinic_settings(&self) -> String {
        format!(
            "name = \"main\"\nstate = \"{0}\"\nauthority = \"{1}\"\nlisten = \"{2}\"\nenrolment = \"{3}\"\nfindings = \"{4}\"\n{5}\n\
             [class.alarm]\nurgent = true\n\
             [[service]]\nname = \"work\"\ntarget = \"{6}\"\n{7}\n",
            self.path("clinic").display(),
            self.path("authority").display(),
            self.link,
            self.enrolment,
            self.path("clinic.ndjson").display(),
            self.clinic_more,
            self.target,
            self.clinic_work_more,
        )
    }

    pub(crate) fn device_settings(&self, via: SocketAddr) -> String {
        format!(
            "name = \"ward-3\"\nstate = \"{0}\"\nclinic = \"{via}\"\nfindings = \"{1}\"\n{2}\n\
             [[service]]\nname = \"work\"\nlisten = \"{3}\"\n{4}\n",
            self.path("device").display(),
            self.path("device.ndjson").display(),
            self.device_more,
            self.device,
            self.work_more,
        )
    }

    pub(crate) fn clinic(&self) -> Running {
        let settings = Settings::parse(&self.clinic_settings(), Role::Clinic).unwrap();
        Running::start(|counters, stopped| clinic::run(settings, counters, stopped))
    }

    pub(crate) fn device(&self, via: SocketAddr) -> Running {
        let settings = Settings::parse(&self.device_settings(via), Role::Device).unwrap();
        Running::start(|counters, stopped| device::run(settings, counters, stopped))
    }

    pub(crate) async fn enrol(&self) -> Result<(), ShieldError> {
        let code = self.authority().code("ward-3", 600, now_s()).unwrap();
        self.enrol_with(&code).await
    }

    pub(crate) async fn enrol_with(&self, code: &str) -> Result<(), ShieldError> {
        for _ in 0..100 {
            match authority::enrol(code, "ward-3", "main", self.enrolment, &self.path("device")).await {
                // The clinic end may not listen yet.
                Err(ShieldError::Connection(error))
                    if error.kind() == std::io::ErrorKind::ConnectionRefused =>
                {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                done => return done,
            }
        }
        panic!("the enrolment port never listened");
    }

    /// Both ends, enrolled and linked.
    pub(crate) async fn start(&self) -> (Running, Running) {
        let clinic = self.clinic();
        self.enrol().await.unwrap();
        let device = self.device(self.link);
        until("link", || device.counters.links_up.load(Ordering::Relaxed) == 1).await;
        (clinic, device)
    }

    pub(crate) fn findings(&self, end: &str) -> Vec<Finding> {
        findings(&self.path(&format!("{end}.ndjson")))
    }
}

fn findings(path: &Path) -> Vec<Finding> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .filter_map(|line| match serde_json::from_str(line) {
            Ok(Record::Finding(finding)) => Some(*finding),
            _ => None,
        })
        .collect()
}

/// A server that sends back what it gets, and ends when its client does.
pub(crate) async fn echo(address: SocketAddr) -> JoinHandle<()> {
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut read, mut write) = connection.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
                let _ = write.shutdown().await;
            });
        }
    })
}

/// Sends `message` through and gives back everything that came until the end.
pub(crate) async fn ask(address: SocketAddr, message: &[u8]) -> std::io::Result<Vec<u8>> {
    let connection = TcpStream::connect(address).await?;
    let (mut read, mut write) = connection.into_split();
    let message = message.to_vec();
    let writing = tokio::spawn(async move {
        let _ = write.write_all(&message).await;
        let _ = write.shutdown().await;
        write
    });
    let mut got = Vec::new();
    let done = tokio::time::timeout(PATIENCE, read.read_to_end(&mut got)).await.expect("an answer");
    drop(writing.await);
    done.map(|_| got)
}

pub(crate) fn value(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
