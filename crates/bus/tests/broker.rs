//! Against a real broker: a sensor speaks for itself and for nobody else, and what it tells arrives once and in order.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_nats::{ConnectOptions, Event};
use wardline_bus::access::{Access, Identity};
use wardline_bus::{
    BusError, Counted, FromSensor, Link, Names, Parcel, Sensor, Site, Spool, SpoolLimits, Wanted,
};
use wardline_model::Timestamp;

struct Broker {
    child: Child,
    port: u16,
}

impl Broker {
    /// A server with the settings of an access folder; `None` where none is installed.
    fn start(directory: &Path, port: Option<u16>) -> Option<Self> {
        if Command::new("nats-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            println!("left out: nats-server is not installed (Debian: apt-get install nats-server)");
            return None;
        }
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let port = port.unwrap_or_else(free);
        let settings = directory.join("broker.conf");
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{}\" }}\ninclude \"access/nats.conf\"\n",
            directory.join("streams").display()
        );
        std::fs::write(&settings, text).unwrap();
        let mut command = Command::new("nats-server");
        command.arg("-c").arg(&settings).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(30), "the broker does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { child, port })
    }

    fn link(&self, identity: &Identity) -> Link {
        Link {
            servers: vec![format!("tls://127.0.0.1:{}", self.port)],
            authority: Some(identity.authority.clone()),
            identity: Some((identity.certificate.clone(), identity.key.clone())),
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_nanoseconds(i64::try_from(since.as_nanos()).unwrap())
}

fn now_s() -> i64 {
    now().nanoseconds() / 1_000_000_000
}

fn access(directory: &Path) -> Access {
    let access = Access::open(&directory.join("access"), "north", now_s()).unwrap();
    for name in ["a", "b"] {
        access.add_sensor(name, now_s()).unwrap();
    }
    access
}

const WANTED: Wanted = Wanted { replicas: 1, kept: Duration::from_secs(3_600), bytes_max: -1 };

async fn site(broker: &Broker, access: &Access) -> Site {
    let link = broker.link(&access.identity("site"));
    Site::connect(&link, Names::new("north").unwrap(), WANTED).await.unwrap()
}

/// The next thing that is no sign of life.
async fn next(heard: &mut tokio::sync::mpsc::Receiver<FromSensor>) -> FromSensor {
    loop {
        match tokio::time::timeout(Duration::from_secs(30), heard.recv()).await.unwrap().unwrap() {
            FromSensor::Alive { .. } => {}
            other => return other,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sensor_speaks_for_nobody_else_and_hears_nothing_of_others() {
    let directory = tempfile::tempdir().unwrap();
    let access = access(directory.path());
    let Some(broker) = Broker::start(directory.path(), None) else { return };
    let names = Names::new("north").unwrap();
    let site = site(&broker, &access).await;
    let mut heard = site.listen(0);
    assert!(matches!(next(&mut heard).await, FromSensor::CaughtUp));
    let identity = access.identity("sensor-a");
    let refused = Arc::new(Mutex::new(Vec::new()));
    let client = ConnectOptions::new()
        .add_root_certificates(identity.authority.clone())
        .add_client_certificate(identity.certificate.clone(), identity.key.clone())
        .require_tls(true)
        .custom_inbox_prefix(names.inbox("a"))
        .event_callback({
            let refused = Arc::clone(&refused);
            move |event| {
                if let Event::ServerError(error) = &event {
                    refused.lock().unwrap().push(error.to_string().to_lowercase());
                }
                async {}
            }
        })
        .connect(format!("tls://127.0.0.1:{}", broker.port))
        .await
        .unwrap();
    let mut forbidden = Vec::new();
    for subject in [names.parcels("b"), names.signs("b"), names.stored("a"), "$JS.API.STREAM.DELETE.X".into()]
    {
        client.publish(subject.clone(), "{}".into()).await.unwrap();
        forbidden.push(subject);
    }
    let mut held = Vec::new();
    for subject in [names.stored("b"), names.parcels("*"), names.inbox("b") + ".>", ">".into()] {
        held.push(client.subscribe(subject.clone()).await.unwrap());
        forbidden.push(subject);
    }
    client.flush().await.unwrap();
    let began = Instant::now();
    while refused.lock().unwrap().len() < forbidden.len() && began.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let refused = refused.lock().unwrap().clone();
    for subject in forbidden {
        let quoted = format!("\"{}\"", subject.to_lowercase());
        assert!(refused.iter().any(|text| text.contains(&quoted)), "{subject}: {refused:?}");
    }
    // What is its own is let through: a parcel that nobody can read names its sensor, and it is the first that came.
    client.publish(names.parcels("a"), "nonsense".into()).await.unwrap();
    match next(&mut heard).await {
        FromSensor::Unreadable(BusError::Parcel { sensor, .. }) => assert_eq!(sensor, "a"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_comes_in_without_a_certificate_of_the_site() {
    let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ours, theirs) = (access(directory.path()), access(elsewhere.path()));
    let Some(broker) = Broker::start(directory.path(), None) else { return };
    let address = format!("tls://127.0.0.1:{}", broker.port);
    let (identity, strange) = (ours.identity("sensor-a"), theirs.identity("sensor-a"));
    let trusting = |authority: &Path| {
        ConnectOptions::new().add_root_certificates(authority.to_owned()).require_tls(true)
    };
    let known = |options: ConnectOptions, identity: &Identity| {
        options.add_client_certificate(identity.certificate.clone(), identity.key.clone())
    };
    assert!(trusting(&identity.authority).connect(address.clone()).await.is_err(), "no certificate");
    let stranger = known(trusting(&identity.authority), &strange);
    assert!(stranger.connect(address.clone()).await.is_err(), "a certificate of another site");
    let fooled = known(trusting(&strange.authority), &identity);
    assert!(fooled.connect(address.clone()).await.is_err(), "a broker of another site");
    known(trusting(&identity.authority), &identity).connect(address).await.expect("its own");
    let far = Link { servers: vec!["nats://192.0.2.1:4222".to_owned()], ..Link::default() };
    let error = Site::connect(&far, Names::new("north").unwrap(), WANTED).await.err().unwrap().to_string();
    assert!(error.contains("certificates only"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parcels_arrive_once_and_in_order_though_the_broker_forgets_everything() {
    let directory = tempfile::tempdir().unwrap();
    let access = access(directory.path());
    let Some(broker) = Broker::start(directory.path(), None) else { return };
    let port = broker.port;
    let spool = Spool::open(&directory.path().join("spool"), SpoolLimits::default()).unwrap();
    let id = spool.id().to_owned();
    let sensor = Arc::new(Sensor::new("a", Names::new("north").unwrap(), spool).unwrap());
    let tell = |packets: std::ops::Range<u64>| {
        for packets in packets {
            let counted = Counted { packets, ..Counted::default() };
            assert!(sensor.tell(Parcel { counted, ..Parcel::default() }).unwrap());
        }
    };
    tell(1..101);
    // The clock of the sensor is two seconds behind.
    let behind = || now().plus_milliseconds(-2_000);
    let link = broker.link(&access.identity("sensor-a"));
    let sending = tokio::spawn(Arc::clone(&sensor).run(link.clone(), behind));
    let first = site(&broker, &access).await;
    let mut heard = first.listen(0);
    let mut expected = 1;
    let mut answers = 0;
    while expected <= 100 || answers < 2 {
        match tokio::time::timeout(Duration::from_secs(30), heard.recv()).await.unwrap().unwrap() {
            FromSensor::Parcel { sensor, parcel, .. } => {
                assert_eq!(
                    (sensor.as_str(), parcel.number, parcel.counted.packets),
                    ("a", expected, expected)
                );
                expected += 1;
                // Of the rest nothing was stored.
                first.stored("a", &id, parcel.number.min(60), None).await.unwrap();
            }
            FromSensor::Alive { sensor, asked_ns, .. } => {
                first.stored(&sensor, &id, 0, Some((asked_ns, now()))).await.unwrap();
                answers += 1;
            }
            FromSensor::CaughtUp => {}
            FromSensor::Unreadable(error) => panic!("{error}"),
        }
    }
    let began = Instant::now();
    while sensor.health().waiting > 40 || sensor.health().clock_behind_ns.is_none() {
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", sensor.health());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(sensor.health().clock_behind_ns, Some(2_000_000_000));
    // The broker dies and has lost its streams; a sensor that begins again has everything that was not stored.
    sending.abort();
    drop((broker, heard, first));
    std::fs::remove_dir_all(directory.path().join("streams")).unwrap();
    tell(101..111);
    let broker = Broker::start(directory.path(), Some(port)).unwrap();
    let second = site(&broker, &access).await;
    tokio::spawn(Arc::clone(&sensor).run(link, behind));
    let mut heard = second.listen(0);
    let mut numbers = Vec::new();
    while numbers.last() != Some(&110) {
        if let FromSensor::Parcel { parcel, .. } = next(&mut heard).await {
            numbers.push(parcel.number);
        }
    }
    assert_eq!(numbers, (61..=110).collect::<Vec<_>>());
}
