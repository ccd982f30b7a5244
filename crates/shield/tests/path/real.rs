//! Programs that hospitals run, through the shield: they work as before, learn their list, and are held to it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use wardline_model::Attack;

use crate::pair::{Pair, Running, until};

/// Where Debian keeps a program; says so where it is missing, and the test is then left out.
#[expect(clippy::print_stdout, reason = "a test that is left out says so")]
fn program(name: &str) -> Option<PathBuf> {
    let found = ["/usr/bin", "/usr/sbin", "/usr/local/bin"].iter().map(|place| Path::new(place).join(name));
    let found = found.into_iter().find(|path| path.exists());
    if found.is_none() {
        println!("left out: {name} is not installed");
    }
    found
}

/// A program that is ended with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn serve(mut command: Command, address: SocketAddr) -> Server {
    let server = Server(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    for _ in 0..500 {
        if TcpStream::connect(address).await.is_ok() {
            return server;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the server never listened");
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output().unwrap()).await.unwrap()
}

fn with(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// What was learned becomes the list, and the device end starts again with it.
async fn enforce(pair: &Pair, device: Running) -> Running {
    device.stop().await;
    std::fs::rename(pair.path("rules.toml.learned"), pair.path("rules.toml")).expect("something was learned");
    let device = pair.device(pair.link);
    until("link", || crate::pair::value(&device.counters.links_up) == 1).await;
    device
}

fn guarded(protocol: &str) -> Pair {
    let mut pair = Pair::new();
    pair.work_more = format!("protocol = \"{protocol}\"\nrules = \"{}\"", pair.path("rules.toml").display());
    pair
}

async fn reported(pair: &Pair, detector: &str, says: &str) {
    until("a finding", || {
        pair.findings("device").iter().any(|finding| {
            finding.detector.as_str() == detector
                && finding.attack == Attack::PolicyViolation
                && finding.evidence.iter().any(|item| item.value.as_str().contains(says))
        })
    })
    .await;
}

const PICTURE: &str = "# Dicom-Data-Set
# Used TransferSyntax: Little Endian Explicit
(0008,0016) UI [1.2.840.10008.5.1.4.1.1.7]
(0008,0018) UI [1.2.826.0.1.3680043.2.1]
(0008,0060) CS [OT]
(0010,0010) PN [CANARY^JANE]
(0010,0020) LO [47]
(0020,000d) UI [1.2.826.0.1.3680043.2.2]
(0020,000e) UI [1.2.826.0.1.3680043.2.3]
";

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_stored_and_strangers_are_rejected() {
    let (Some(maker), Some(sender), Some(taker)) =
        (program("dump2dcm"), program("storescu"), program("storescp"))
    else {
        return;
    };
    let pair = guarded("dicom");
    std::fs::write(pair.path("picture.txt"), PICTURE).unwrap();
    let (text, file) = (pair.path("picture.txt"), pair.path("picture.dcm"));
    let made = run(with(&maker, &[text.to_str().unwrap(), file.to_str().unwrap()])).await;
    assert!(made.status.success(), "{made:?}");
    let kept = pair.path("kept");
    std::fs::create_dir(&kept).unwrap();
    let port = pair.target.port().to_string();
    let _archive =
        serve(with(&taker, &["-aet", "PACS", "-od", kept.to_str().unwrap(), &port]), pair.target).await;
    let (clinic, device) = pair.start().await;
    let send = |calling: &'static str| {
        let (port, file) = (pair.device.port().to_string(), file.to_str().unwrap().to_owned());
        run(with(&sender, &["-aec", "PACS", "-aet", calling, "127.0.0.1", &port, &file]))
    };
    let sent = send("CT1").await;
    assert!(sent.status.success(), "{sent:?}");
    assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 1);
    let device = enforce(&pair, device).await;
    let sent = send("CT1").await;
    assert!(sent.status.success(), "{sent:?}");
    let refused = send("EVIL").await;
    assert!(!refused.status.success());
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("Calling AE Title Not Recognized"),
        "{refused:?}"
    );
    reported(&pair, "shield-not-allowed", "EVIL").await;
    device.stop().await;
    clinic.stop().await;
    for name in ["device.ndjson", "clinic.ndjson", "rules.toml"] {
        let text = std::fs::read_to_string(pair.path(name)).unwrap_or_default();
        assert!(!text.contains("CANARY"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_are_published_and_other_topics_are_not() {
    let (Some(broker), Some(publisher), Some(subscriber)) =
        (program("mosquitto"), program("mosquitto_pub"), program("mosquitto_sub"))
    else {
        return;
    };
    let pair = guarded("mqtt");
    let settings =
        format!("listener {} 127.0.0.1\nallow_anonymous true\npersistence false\n", pair.target.port());
    std::fs::write(pair.path("broker.conf"), settings).unwrap();
    let path = pair.path("broker.conf");
    let _broker = serve(with(&broker, &["-c", path.to_str().unwrap()]), pair.target).await;
    let (clinic, device) = pair.start().await;
    let publish = |topic: &'static str| {
        let port = pair.device.port().to_string();
        run(with(
            &publisher,
            &["-p", &port, "-i", "pump-7", "-q", "1", "-t", topic, "-m", "72", "-V", "mqttv5"],
        ))
    };
    let direct = pair.target.port().to_string();
    let listening = run(with(&subscriber, &["-p", &direct, "-t", "#", "-C", "2", "-W", "50", "-F", "%t %p"]));
    let listening = tokio::spawn(listening);
    // Until the subscriber is there nobody hears a reading; it asks for two and gets the first two that it hears.
    while !listening.is_finished() {
        let sent = publish("ward/3/hr").await;
        assert!(sent.status.success(), "{sent:?}");
    }
    let heard = listening.await.unwrap();
    assert_eq!(String::from_utf8_lossy(&heard.stdout), "ward/3/hr 72\nward/3/hr 72\n");
    let device = enforce(&pair, device).await;
    assert!(publish("ward/9/hr").await.status.success(), "one pattern for all wards");
    assert!(!publish("ward/3/dose").await.status.success());
    reported(&pair, "shield-not-allowed", "publishing to ward/+/dose").await;
    device.stop().await;
    clinic.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resources_are_read_and_not_deleted() {
    let Some(client) = program("curl") else { return };
    let pair = guarded("http");
    let listener = TcpListener::bind(pair.target).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    if connection.read_buf(&mut head).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let _ = connection
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
                    .await;
            });
        }
    });
    let (clinic, device) = pair.start().await;
    let ask = |method: &'static str, path: &'static str| {
        let address = format!("http://{}{path}", pair.device);
        run(with(&client, &["-s", "-m", "20", "-X", method, "-w", " %{http_code}", &address]))
    };
    let answer = |output: Output| String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(answer(ask("GET", "/fhir/Patient/1").await), "{} 200");
    let device = enforce(&pair, device).await;
    assert_eq!(answer(ask("GET", "/fhir/Patient/2?x=y").await), "{} 200");
    assert_eq!(answer(ask("DELETE", "/fhir/Patient/2").await), "refused by the shield.\n 403");
    reported(&pair, "shield-not-allowed", "DELETE /fhir/Patient/*").await;
    device.stop().await;
    clinic.stop().await;
}
