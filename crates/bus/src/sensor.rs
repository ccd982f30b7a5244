//! The sensor's end: from the spool to the broker, again and again until the site has it.

use std::collections::VecDeque;
use std::future::IntoFuture as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, context::PublishError, publish::PublishAck};
use async_nats::{Client, HeaderMap};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use wardline_model::Timestamp;

use crate::link::check_name;
use crate::{BusError, ClockComparison, Link, Names, Parcel, Spool};

/// Parcels that are on their way at the same time.
const ON_THEIR_WAY: usize = 32;
/// Between two signs of life.
const SIGN_INTERVAL: Duration = Duration::from_secs(1);
/// A parcel that the broker took and the site has not stored for so long is sent again, while the site answers: a broker
/// can lose what it acknowledged.
const SEND_AGAIN: Duration = Duration::from_secs(60);
/// Pause when there is nothing to send.
const PAUSE: Duration = Duration::from_millis(50);

/// A sign of life: the site answers it with [`Stored`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sign {
    pub asked_ns: i64,
    pub spool: String,
    pub next: u64,
}

/// What the site says to a sensor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// Of which spool, and up to which number everything is stored.
    pub spool: String,
    pub number: u64,
    /// Of an answer: the time of the question, and the site's time.
    pub clock: Option<(i64, i64)>,
}

/// How a sensor is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SensorHealth {
    /// Parcels that wait for the site.
    pub waiting: u64,
    /// Bytes of the spool.
    pub spool_bytes: u64,
    /// By how much this clock is behind the site's, nanoseconds, as far as it is known.
    pub clock_behind_ns: Option<i64>,
}

/// The sensor's end. Parcels are given to it by one thread and sent by [`Sensor::run`] in another.
pub struct Sensor {
    name: String,
    names: Names,
    spool: Mutex<Spool>,
    clock: Mutex<ClockComparison>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Neither spool nor clock is left half changed by a panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sensor {
    /// A sensor of this name over its spool.
    pub fn new(name: &str, names: Names, spool: Spool) -> Result<Self, BusError> {
        check_name(name)?;
        let (spool, clock) = (Mutex::new(spool), Mutex::default());
        Ok(Self { name: name.to_owned(), names, spool, clock })
    }

    /// Puts a parcel on disk. `false` where there was no room for its observations; its counts are kept.
    pub fn tell(&self, parcel: Parcel) -> Result<bool, BusError> {
        Ok(locked(&self.spool).push(parcel)?.is_some())
    }

    /// How it is.
    pub fn health(&self) -> SensorHealth {
        let spool = locked(&self.spool);
        SensorHealth {
            waiting: spool.waiting(),
            spool_bytes: spool.bytes(),
            clock_behind_ns: locked(&self.clock).behind_ns(),
        }
    }

    /// Sends what there is, forever. `now` is this machine's clock.
    pub async fn run(
        self: Arc<Self>,
        link: Link,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Result<(), BusError> {
        let client = link.connect(&format!("sensor {}", self.name), &self.names.inbox(&self.name)).await?;
        let broker = |cause: String| BusError::Broker { servers: link.servers.join(","), cause };
        let mut answers = client
            .subscribe(self.names.stored(&self.name))
            .await
            .map_err(|error| broker(error.to_string()))?;
        let mut sending = Sending::new(&client, self.names.parcels(&self.name));
        let mut sign = tokio::time::interval(SIGN_INTERVAL);
        sign.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                Some(answer) = answers.next() => {
                    if let Ok(stored) = serde_json::from_slice::<Stored>(&answer.payload) {
                        self.heard(&stored, now())?;
                        sending.heard(&self);
                    }
                }
                _ = sign.tick() => self.sign(&client, now()).await,
                sent = sending.step(&self) => sent?,
            }
        }
    }

    async fn sign(&self, client: &Client, now: Timestamp) {
        let sign = {
            let spool = locked(&self.spool);
            Sign { asked_ns: now.nanoseconds(), spool: spool.id().to_owned(), next: spool.next() }
        };
        if let Ok(text) = serde_json::to_vec(&sign) {
            // Without a link there is nobody to hear it; the next one follows in a second.
            let _ = client.publish(self.names.signs(&self.name), text.into()).await;
        }
    }

    fn heard(&self, stored: &Stored, now: Timestamp) -> Result<(), BusError> {
        if let Some((asked, answered)) = stored.clock {
            locked(&self.clock).answer(asked, answered, now.nanoseconds());
        }
        let mut spool = locked(&self.spool);
        if stored.spool == spool.id() { spool.confirm(stored.number) } else { Ok(()) }
    }
}

/// The broker's word that it has a parcel, once it comes.
type Answer = Pin<Box<dyn Future<Output = Result<PublishAck, PublishError>> + Send>>;

/// Parcels on their way.
struct Sending {
    context: jetstream::Context,
    subject: String,
    /// The next parcel to send.
    next: u64,
    flying: VecDeque<(u64, Answer)>,
    /// When the site last got on, and how far.
    progress: (Instant, u64),
    /// How often everything was sent again: the broker then must not leave it out as known.
    round: u64,
}

impl Sending {
    fn new(client: &Client, subject: String) -> Self {
        let mut context = jetstream::new(client.clone());
        context.set_timeout(Duration::from_secs(5));
        Self {
            context,
            subject,
            next: 0,
            flying: Default::default(),
            progress: (Instant::now(), 0),
            round: 0,
        }
    }

    /// The site answered: if it did not get on for long though parcels were taken, they are sent again.
    fn heard(&mut self, sensor: &Sensor) {
        let first = locked(&sensor.spool).first();
        if first != self.progress.1 || self.next <= first {
            self.progress = (Instant::now(), first);
        } else if self.progress.0.elapsed() > SEND_AGAIN {
            tracing::warn!("the site has not got parcel {first}; sending it again");
            self.round += 1;
            self.again(first);
        }
    }

    fn again(&mut self, number: u64) {
        self.flying.clear();
        self.next = number;
        self.progress = (Instant::now(), number);
    }

    /// Sends one parcel, or waits for the broker to take one, or for there to be one.
    async fn step(&mut self, sensor: &Sensor) -> Result<(), BusError> {
        let (first, end) = {
            let spool = locked(&sensor.spool);
            (spool.first(), spool.next())
        };
        self.next = self.next.max(first);
        if self.flying.len() >= ON_THEIR_WAY || self.next >= end {
            let Some((number, _)) = self.flying.front() else {
                tokio::time::sleep(PAUSE).await;
                return Ok(());
            };
            let number = *number;
            // Dropped and asked again where something else comes first, so it stays in its place until it is answered.
            let taken = match self.flying.front_mut() {
                Some((_, answer)) => answer.await,
                None => return Ok(()),
            };
            self.flying.pop_front();
            if let Err(error) = taken {
                tracing::debug!("parcel {number}: {error}");
                tokio::time::sleep(PAUSE).await;
                self.again(number);
            }
            return Ok(());
        }
        let number = self.next;
        let (bytes, id) = {
            let spool = locked(&sensor.spool);
            (spool.read(number)?, format!("{}-{number}-{}", spool.id(), self.round))
        };
        let Some(bytes) = bytes else {
            self.next = number + 1;
            return Ok(());
        };
        let mut headers = HeaderMap::new();
        // The broker leaves out what comes twice within its window; the site does for ever.
        headers.insert("Nats-Msg-Id", id.as_str());
        match self.context.publish_with_headers(self.subject.clone(), headers, bytes.into()).await {
            Ok(answer) => {
                self.flying.push_back((number, answer.into_future()));
                self.next = number + 1;
            }
            Err(error) => {
                tracing::debug!("parcel {number}: {error}");
                tokio::time::sleep(PAUSE).await;
                self.again(number);
            }
        }
        Ok(())
    }
}
