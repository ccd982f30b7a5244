//! The site's end: parcels in the order of the stream, signs of life, and answers about what is stored.

use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::{Client, jetstream};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use wardline_model::Timestamp;

use crate::sensor::{Sign, Stored};
use crate::{BusError, Link, Names, Parcel};

/// Parcels that may wait for the thread that concludes.
const PARCELS_WAITING: usize = 64;
/// Pause before the broker is asked again for what it just could not give.
const PAUSE: Duration = Duration::from_millis(500);

/// What the site wants of the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// On how many servers of the cluster each parcel lies: 1, 3 or 5.
    pub replicas: usize,
    /// How long parcels are kept, whether stored or not: whoever takes over learns from them what was seen until then.
    pub kept: Duration,
    /// Bytes after which the oldest go; -1 is as many as the broker allows.
    pub bytes_max: i64,
}

/// What comes from a sensor.
#[derive(Debug)]
pub enum FromSensor {
    /// A parcel.
    Parcel {
        /// Whose.
        sensor: String,
        /// The parcel, its times on the site's clock.
        parcel: Box<Parcel>,
        /// Its place in the stream.
        sequence: u64,
    },
    /// Something cannot be read; what is wrong with it.
    Unreadable(BusError),
    /// Everything that the stream held when it was opened has come.
    CaughtUp,
    /// A sign of life.
    Alive {
        /// Whose.
        sensor: String,
        /// Which spool it has.
        spool: String,
        /// The question's time on the sensor's clock, to be given back.
        asked_ns: i64,
    },
}

/// The site's end, connected.
pub struct Site {
    client: Client,
    names: Names,
    servers: String,
}

impl Site {
    /// Connects, and sees to it that there is a stream.
    pub async fn connect(link: &Link, names: Names, wanted: Wanted) -> Result<Self, BusError> {
        let client = link.connect("site", &names.inbox("site")).await?;
        let site = Self { client, names, servers: link.servers.join(",") };
        let mut tries = 0;
        // A cluster that starts has no leader for some seconds.
        while let Err(error) = site.make_stream(wanted).await {
            tries += 1;
            if tries >= 60 {
                return Err(error);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(site)
    }

    async fn make_stream(&self, wanted: Wanted) -> Result<(), BusError> {
        let config = Config {
            name: self.names.stream(),
            subjects: vec![self.names.parcels("*")],
            storage: StorageType::File,
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::Old,
            num_replicas: wanted.replicas,
            max_age: wanted.kept,
            max_bytes: wanted.bytes_max,
            duplicate_window: Duration::from_secs(120).min(wanted.kept),
            ..Config::default()
        };
        let context = self.context();
        match context.get_stream(&config.name).await {
            Ok(_) => context.update_stream(&config).await.map(drop).map_err(|error| self.failed(error)),
            Err(_) => context.create_stream(config).await.map(drop).map_err(|error| self.failed(error)),
        }
    }

    fn context(&self) -> jetstream::Context {
        let mut context = jetstream::new(self.client.clone());
        context.set_timeout(Duration::from_secs(5));
        context
    }

    fn failed(&self, cause: impl ToString) -> BusError {
        BusError::Broker { servers: self.servers.clone(), cause: cause.to_string() }
    }

    /// Everything that the stream holds and will hold from `sequence` on, and signs of life. It ends when nobody listens.
    pub fn listen(&self, sequence: u64) -> mpsc::Receiver<FromSensor> {
        let (send, receive) = mpsc::channel(PARCELS_WAITING);
        let (client, names, context) = (self.client.clone(), self.names.clone(), self.context());
        tokio::spawn(signs(client, names.clone(), send.clone()));
        tokio::spawn(parcels(context, names, send, sequence.saturating_sub(1)));
        receive
    }

    /// Waits until everything that was said is on its way.
    pub async fn flush(&self) -> Result<(), BusError> {
        let flushed = tokio::time::timeout(Duration::from_secs(5), self.client.flush()).await;
        match flushed {
            Ok(Err(error)) => Err(self.failed(error)),
            // Sensors ask again.
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }

    /// Says to a sensor up to which number what follows is stored; `clock` answers a sign of life.
    pub async fn stored(
        &self,
        sensor: &str,
        spool: &str,
        number: u64,
        clock: Option<(i64, Timestamp)>,
    ) -> Result<(), BusError> {
        let clock = clock.map(|(asked, now)| (asked, now.nanoseconds()));
        let stored = Stored { spool: spool.to_owned(), number, clock };
        let text = serde_json::to_vec(&stored).map_err(|error| self.failed(error))?;
        let sent = self.client.publish(self.names.stored(sensor), text.into()).await;
        sent.map_err(|error| self.failed(error))
    }
}

async fn signs(client: Client, names: Names, send: mpsc::Sender<FromSensor>) {
    let Ok(mut signs) = client.subscribe(names.signs("*")).await else { return };
    while let Some(message) = signs.next().await {
        let Ok(sign) = serde_json::from_slice::<Sign>(&message.payload) else { continue };
        let sensor = names.sensor_of(&message.subject).to_owned();
        let alive = FromSensor::Alive { sensor, spool: sign.spool, asked_ns: sign.asked_ns };
        if send.send(alive).await.is_err() {
            return;
        }
    }
}

/// Reads the stream. Whatever breaks, it goes on behind the last message that was handed on.
async fn parcels(context: jetstream::Context, names: Names, send: mpsc::Sender<FromSensor>, mut last: u64) {
    let mut caught_up = false;
    loop {
        if send.is_closed() {
            return;
        }
        let deliver_policy = match last {
            0 => DeliverPolicy::All,
            last => DeliverPolicy::ByStartSequence { start_sequence: last + 1 },
        };
        let config = OrderedConfig {
            filter_subject: names.parcels("*"),
            deliver_policy,
            max_batch: 64,
            ..OrderedConfig::default()
        };
        let opened = async {
            let mut stream = context.get_stream(names.stream()).await.ok()?;
            let state = stream.info().await.ok()?.state.clone();
            let consumer = stream.create_consumer(config).await.ok()?;
            Some((state, consumer.messages().await.ok()?))
        };
        let Some((state, mut messages)) = opened.await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        if !caught_up && (state.messages == 0 || state.last_sequence <= last) {
            caught_up = true;
            if send.send(FromSensor::CaughtUp).await.is_err() {
                return;
            }
        }
        let held = state.last_sequence;
        while let Some(message) = messages.next().await {
            let Ok(message) = message else { break };
            let Ok(info) = message.info() else { break };
            let sequence = info.stream_sequence;
            if sequence <= last {
                continue;
            }
            let sensor = names.sensor_of(&message.subject).to_owned();
            let told = match Parcel::decode(&sensor, &message.payload) {
                Ok(parcel) => FromSensor::Parcel { sensor, parcel: Box::new(parcel), sequence },
                Err(error) => FromSensor::Unreadable(error),
            };
            if send.send(told).await.is_err() {
                return;
            }
            last = sequence;
            if !caught_up && sequence >= held {
                caught_up = true;
                if send.send(FromSensor::CaughtUp).await.is_err() {
                    return;
                }
            }
        }
    }
}
