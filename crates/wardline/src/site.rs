//! `wardline site`: what all sensors tell, in one order, to conclusions in the store.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use wardline_assess::{Assessor, Changes};
use wardline_bus::access::Access;
use wardline_bus::{Counted, FromSensor, Merge, Names, Parcel, Site, Wanted};
use wardline_model::{Label, Timestamp};
use wardline_store::{Batch, Charge, Heard, Progress, Store, StoreError};

use crate::analyze::making;
use crate::cli::{AccessPlace, Knowledge, SensorsVerb, SiteRun, SiteVerb};
use crate::engine::{Making, assess_settings};
use crate::feed::{BATCH_TIME, NAP, Stop, wall_clock};
use crate::sensor::{link, shared_key};
use crate::serve::{asked_to_end, runtime};
use crate::{Outcome, complain, place};

/// For how long a worker takes the charge, and how often it renews it.
const CHARGE_MS: i64 = 10_000;
const RENEWAL: Duration = Duration::from_secs(3);
/// Between two questions of a worker that stands by.
const STAND_BY: Duration = Duration::from_secs(1);
/// Sensors ask every second; one whose link broke just now hears by another answer that everything is stored.
const LAST_ANSWERS: Duration = Duration::from_secs(3);
/// Observations after which a batch is stored.
const BATCH_OBSERVATIONS: u64 = 8_192;
const SECOND_NS: i64 = 1_000_000_000;

pub(crate) fn run(verb: &SiteVerb) -> Result<Outcome> {
    match verb {
        SiteVerb::Run(arguments) => conclude(arguments),
        SiteVerb::Sensors(verb) => sensors(verb),
    }
}

fn sensors(verb: &SensorsVerb) -> Result<Outcome> {
    let now_s = wall_clock().nanoseconds() / SECOND_NS;
    let open = |place: &AccessPlace| Access::open(&place.access, &place.site_name, now_s);
    let mut output = std::io::stdout().lock();
    match verb {
        SensorsVerb::Add { name, place, server_names } => {
            let access = open(place)?;
            if !server_names.is_empty() {
                access.add_broker(server_names, now_s)?;
            }
            let identity = access.add_sensor(name, now_s)?;
            let folder = identity.key.parent().context("an identity lies in a folder")?;
            let state = place::state(place.state.as_deref())?;
            place::share_key(place.key.as_deref(), &state, &folder.join("pseudonym.key"))?;
            let of_site = access.identity("site").key.with_file_name("pseudonym.key");
            if !of_site.exists() {
                place::share_key(place.key.as_deref(), &state, &of_site)?;
            }
            writeln!(output, "Take {} to the sensor, and leave no copy:", folder.display())?;
            writeln!(
                output,
                "  wardline sensor --name {name} --site-name {} --identity DIR --broker tls://SERVER:4222 -i IFACE",
                place.site_name
            )?;
            writeln!(
                output,
                "Let the broker read {} again: nats-server --signal reload",
                access.settings().display()
            )?;
        }
        SensorsVerb::List { place } => {
            for name in open(place)?.sensors()? {
                writeln!(output, "{name}")?;
            }
        }
        SensorsVerb::Remove { name, place } => {
            let access = open(place)?;
            access.remove_sensor(name)?;
            writeln!(
                output,
                "Let the broker read {} again: nats-server --signal reload",
                access.settings().display()
            )?;
        }
    }
    Ok(Outcome::Done)
}

fn conclude(arguments: &SiteRun) -> Result<Outcome> {
    if !arguments.knowledge.baseline.is_empty() {
        bail!("--baseline: a site learns from its sensors; leave it out");
    }
    let key = arguments.knowledge.key.clone().or_else(|| shared_key(&arguments.broker));
    let making = making(&Knowledge { key, ..arguments.knowledge.clone() })?;
    let store = place::store(&place::state(arguments.knowledge.state.as_deref())?)?;
    let (runtime, stop) = (runtime()?, Stop::default());
    runtime.spawn({
        let stop = Arc::clone(&stop);
        async move {
            asked_to_end().await;
            stop.store(true, Ordering::Relaxed);
        }
    });
    let wanted = Wanted {
        replicas: usize::from(arguments.replicas),
        kept: Duration::from_secs(arguments.kept_hours.max(1) * 3_600),
        bytes_max: arguments.kept_gib.map_or(-1, |gib| i64::from(gib) << 30),
    };
    let names = Names::new(&arguments.broker.site_name)?;
    let site = runtime.block_on(Site::connect(&link(&arguments.broker), names, wanted))?;
    let holder = format!("{}-{}", std::process::id(), wall_clock().nanoseconds());
    let mut said = false;
    while !stop.load(Ordering::Relaxed) {
        let now = wall_clock();
        let Some(charge) = store.take_charge(&holder, now, now.plus_milliseconds(CHARGE_MS))? else {
            if !said {
                complain("another worker concludes; this one stands by");
                said = true;
            }
            std::thread::sleep(STAND_BY);
            continue;
        };
        said = false;
        let mut worker = Worker::new(&making, store.as_ref(), charge, &holder, arguments);
        match worker.work(&site, &runtime, &stop) {
            Ok(()) => break,
            Err(error) if is_superseded(&error) => {
                complain("another worker has taken over; this one stands by")
            }
            Err(error) => {
                // Nothing is lost: what is not stored was not acknowledged.
                complain(&format!("{error:#}; beginning again from what is stored"));
                std::thread::sleep(STAND_BY);
            }
        }
    }
    // Whoever stands by need not wait until the time is over.
    let now = wall_clock();
    store.take_charge(&holder, now, now)?;
    Ok(Outcome::Done)
}

fn is_superseded(error: &anyhow::Error) -> bool {
    error.downcast_ref::<StoreError>().is_some_and(|error| matches!(error, StoreError::Superseded))
}

/// One worker, from when it takes the charge until it loses it.
struct Worker<'a> {
    assessor: Assessor,
    merge: Merge,
    store: &'a dyn Store,
    charge: Charge,
    holder: &'a str,
    arguments: &'a SiteRun,
    /// How far each sensor is stored.
    stored: BTreeMap<String, Heard>,
    /// What parcels counted that are not stored whole, by sensor and number.
    counted: BTreeMap<(String, u64), Counted>,
    observed: u64,
    told: Instant,
    renewed: Instant,
    /// Since when nothing more is expected.
    finished: Option<Instant>,
}

impl<'a> Worker<'a> {
    fn new(
        making: &Making,
        store: &'a dyn Store,
        charge: Charge,
        holder: &'a str,
        arguments: &'a SiteRun,
    ) -> Self {
        Self {
            assessor: Assessor::new(assess_settings(making)),
            merge: Merge::new(i64::MAX),
            store,
            charge,
            holder,
            arguments,
            stored: BTreeMap::new(),
            counted: BTreeMap::new(),
            observed: 0,
            told: Instant::now(),
            renewed: Instant::now(),
            finished: None,
        }
    }

    fn work(&mut self, site: &Site, runtime: &tokio::runtime::Runtime, stop: &Stop) -> Result<()> {
        self.stored = self.store.heard()?.into_iter().map(|heard| (heard.sensor.clone(), heard)).collect();
        let behind = self.recall(site, runtime, stop)?;
        for heard in self.stored.values() {
            self.merge.go_on_behind(&heard.sensor, &heard.spool, heard.number);
        }
        self.arguments.expected.iter().for_each(|name| self.merge.expect(name));
        self.merge.set_patience(i64::from(self.arguments.patience) * SECOND_NS);
        let mut sensors = {
            let _inside = runtime.enter();
            site.listen(behind)
        };
        while !stop.load(Ordering::Relaxed) {
            self.renew()?;
            let waited = runtime.block_on(async { tokio::time::timeout(NAP, sensors.recv()).await });
            let idle = match waited {
                Ok(Some(told)) => {
                    self.take(told, site, runtime)?;
                    // Whatever else has come is taken before anything is concluded: it may be older.
                    while let Ok(told) = sensors.try_recv() {
                        self.take(told, site, runtime)?;
                    }
                    false
                }
                Ok(None) => bail!("the link to the broker ended"),
                Err(_) => true,
            };
            self.assess();
            if idle && let Some(frontier) = self.merge.live_frontier(wall_clock()) {
                self.assessor.advance(frontier);
            }
            let due = self.observed >= BATCH_OBSERVATIONS || self.told.elapsed() >= BATCH_TIME;
            if due {
                let changes = self.assessor.drain();
                self.tell(changes, site, runtime)?;
            }
            if self.merge.all_ended() && self.finished.is_none() && idle {
                self.finished = Some(Instant::now());
                let changes = self.assessor.finish(self.merge.reached());
                self.tell(changes, site, runtime)?;
            }
            let over = self.finished.is_some_and(|since| since.elapsed() > LAST_ANSWERS);
            if over && self.arguments.until_ended {
                return Ok(runtime.block_on(site.flush())?);
            }
        }
        let changes = self.assessor.drain();
        self.tell(changes, site, runtime)?;
        Ok(runtime.block_on(site.flush())?)
    }

    /// Learns again what was concluded from, as far as the broker keeps it. What follows is stored already. Returns from
    /// where in the stream to go on.
    fn recall(&mut self, site: &Site, runtime: &tokio::runtime::Runtime, stop: &Stop) -> Result<u64> {
        let mut sensors = {
            let _inside = runtime.enter();
            site.listen(0)
        };
        let (mut first_new, mut last) = (None, 0);
        for name in self.stored.keys() {
            self.merge.expect(name);
        }
        loop {
            self.renew()?;
            if stop.load(Ordering::Relaxed) {
                return Ok(0);
            }
            match runtime.block_on(async { tokio::time::timeout(NAP, sensors.recv()).await }) {
                Ok(Some(FromSensor::Parcel { sensor, parcel, sequence })) => {
                    last = sequence;
                    let old = self.old_part(&sensor, &parcel);
                    if old < parcel.observations.len() as u64 || old == 0 {
                        first_new.get_or_insert(sequence);
                    }
                    if old > 0 {
                        self.merge.push_part(&sensor, *parcel, 0..old);
                    }
                    self.recollect();
                }
                Ok(Some(FromSensor::CaughtUp)) => break,
                Ok(Some(FromSensor::Alive { .. } | FromSensor::Unreadable(_))) | Err(_) => {}
                Ok(None) => bail!("the link to the broker ended"),
            }
        }
        self.merge.set_patience(-1);
        self.recollect();
        self.assessor.drain();
        self.observed = 0;
        Ok(first_new.unwrap_or(last + 1))
    }

    /// How many observations of a parcel are stored already; `u64::MAX` for all.
    fn old_part(&self, sensor: &str, parcel: &Parcel) -> u64 {
        match self.stored.get(sensor) {
            Some(heard) if heard.spool == parcel.spool && parcel.number <= heard.number => u64::MAX,
            Some(heard) if heard.spool == parcel.spool && parcel.number == heard.number + 1 => heard.places,
            _ => 0,
        }
    }

    fn recollect(&mut self) {
        self.assess();
        if self.observed >= BATCH_OBSERVATIONS {
            self.observed = 0;
            self.assessor.drain();
        }
    }

    fn take(&mut self, told: FromSensor, site: &Site, runtime: &tokio::runtime::Runtime) -> Result<()> {
        let now = wall_clock();
        match told {
            FromSensor::Parcel { sensor, parcel, .. } => {
                self.merge.alive(&sensor, now);
                let old = self.old_part(&sensor, &parcel);
                for (number, counted) in self.merge.push_part(&sensor, *parcel, old..u64::MAX) {
                    self.counted.insert((sensor.clone(), number), counted);
                    self.finished = None;
                }
            }
            FromSensor::Alive { sensor, spool, asked_ns } => {
                self.merge.alive(&sensor, now);
                let known = self.stored.get(&sensor).filter(|heard| heard.spool == spool);
                let number = known.map_or(0, |heard| heard.number);
                runtime.block_on(site.stored(&sensor, &spool, number, Some((asked_ns, now))))?;
            }
            FromSensor::Unreadable(error) => complain(&error.to_string()),
            FromSensor::CaughtUp => {}
        }
        Ok(())
    }

    fn assess(&mut self) {
        let now = wall_clock();
        for (capture, name) in self.merge.take_names() {
            self.assessor.name_capture(capture, Label::new(&name));
        }
        while let Some((_, merged)) = self.merge.pop(now) {
            self.assessor.observe(&merged.observation);
            self.observed += 1;
            if self.observed >= BATCH_OBSERVATIONS {
                break;
            }
        }
    }

    /// Stores what changed and how far every sensor was heard, and only then tells the sensors.
    fn tell(&mut self, changes: Changes, site: &Site, runtime: &tokio::runtime::Runtime) -> Result<()> {
        (self.told, self.observed) = (Instant::now(), 0);
        let heard: Vec<_> = self
            .merge
            .handed_on()
            .map(|(sensor, spool, number, places)| Heard {
                sensor: sensor.to_owned(),
                spool: spool.to_owned(),
                number,
                places,
            })
            .filter(|heard| self.stored.get(&heard.sensor) != Some(heard))
            .collect();
        let mut progress = Progress::default();
        for heard in &heard {
            let until = (heard.sensor.clone(), heard.number);
            let from = (heard.sensor.clone(), 0);
            let whole: Vec<_> = self.counted.range(from..=until).map(|(key, _)| key.clone()).collect();
            for counted in whole.iter().filter_map(|key| self.counted.remove(key)) {
                progress.packets += counted.packets;
                progress.bytes += counted.bytes;
                progress.dropped += counted.dropped;
                if counted.given_up > 0 {
                    complain(&format!(
                        "sensor {}: {} observations were given up because its spool was full",
                        heard.sensor, counted.given_up
                    ));
                }
            }
        }
        if self.merge.reached() > Timestamp::from_nanoseconds(i64::MIN) {
            progress.newest = Some(self.merge.reached());
        }
        let Changes { devices, findings, exposures, flows, edges } = changes;
        let nothing = devices.is_empty()
            && findings.is_empty()
            && exposures.is_empty()
            && flows.is_empty()
            && edges.is_empty()
            && heard.is_empty();
        if nothing {
            return Ok(());
        }
        let charge = Some(self.charge);
        let batch = Batch { devices, findings, exposures, flows, edges, progress, heard, charge };
        self.store.append(&batch)?;
        for heard in batch.heard {
            runtime.block_on(site.stored(&heard.sensor, &heard.spool, heard.number, None))?;
            self.stored.insert(heard.sensor.clone(), heard);
        }
        Ok(())
    }

    fn renew(&mut self) -> Result<()> {
        if self.renewed.elapsed() < RENEWAL {
            return Ok(());
        }
        self.renewed = Instant::now();
        let now = wall_clock();
        match self.store.take_charge(self.holder, now, now.plus_milliseconds(CHARGE_MS))? {
            Some(charge) if charge == self.charge => Ok(()),
            _ => Err(StoreError::Superseded.into()),
        }
    }
}
