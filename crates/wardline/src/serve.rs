//! `wardline watch`, `serve` and `demo`: a run into the store, and the console over it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, bail};
use wardline_capture::{Filter, LiveRing, LiveSettings};
use wardline_console::{Accounts, Entrance, Live, Tls};
use wardline_lab::Hospital;
use wardline_store::{SqliteStore, Store};

use crate::analyze::{filter, learn, making};
use crate::cli::{Demo, Knowledge, Serve, TlsOptions, Watch};
use crate::engine::Engine;
use crate::feed::{Feeder, Stop};
use crate::{Outcome, bundle, complain, hygiene, patch, place};

pub(crate) fn watch(arguments: &Watch) -> Result<Outcome> {
    let filter = filter(arguments.filter.as_deref())?;
    let rings = open_interface(&arguments.interface, filter, arguments.knowledge.workers)?;
    let (store, stop) = (open_store(&arguments.knowledge)?, Stop::default());
    let engine = engine(&arguments.knowledge)?;
    let runtime = runtime()?;
    runtime.spawn({
        let stop = Arc::clone(&stop);
        async move {
            asked_to_end().await;
            stop.store(true, Ordering::Relaxed);
        }
    });
    complain(&format!("listening on {}; Ctrl-C ends", arguments.interface));
    let mut feeder = Feeder::new(engine, store, Live::new(), None, stop);
    feeder.json = arguments.json;
    feeder.watch(rings, &arguments.interface)?;
    Ok(Outcome::Done)
}

pub(crate) fn serve(arguments: &Serve) -> Result<Outcome> {
    let filter = filter(arguments.filter.as_deref())?;
    if !arguments.speed.is_finite() || arguments.speed < 0.0 {
        bail!(
            "--speed {}: use 1 for as recorded, 60 for sixty times faster, 0 for as fast as possible",
            arguments.speed
        );
    }
    let store = open_store(&arguments.knowledge)?;
    let source = match (&arguments.watch, arguments.replay.as_slice()) {
        (Some(interface), _) => Source::Interface(
            open_interface(interface, filter.clone(), arguments.knowledge.workers)?,
            interface.clone(),
        ),
        (None, []) => Source::Nothing,
        (None, captures) => Source::Captures(captures.to_vec(), arguments.speed),
    };
    let engine = engine(&arguments.knowledge)?;
    // The kernel filters what comes live.
    let filter = filter.filter(|_| arguments.watch.is_none());
    let state = place::state(arguments.knowledge.state.as_deref())?;
    let mut entrance = entrance(&state, arguments.listen, &arguments.tls)?;
    entrance.enforcer.clone_from(&arguments.enforcer);
    console(arguments.listen, entrance, engine, (store, state), source, filter)
}

/// Whoever has an account, and TLS where others could listen on the way.
fn entrance(state: &Path, listen: SocketAddr, options: &TlsOptions) -> Result<Entrance> {
    let accounts = Accounts::open(state)?;
    let wanted = options.tls || options.tls_certificate.is_some() || !options.tls_name.is_empty();
    let tls = match (&options.tls_certificate, &options.tls_key) {
        (Some(certificate), Some(key)) => Some(Tls::from_files(certificate, key)?),
        // Without accounts other machines are refused anyway: no certificate is made for them.
        _ if wanted || !listen.ip().is_loopback() && !accounts.is_empty() => {
            let mut names = options.tls_name.clone();
            if !listen.ip().is_unspecified() {
                names.push(listen.ip().to_string());
            }
            Some(Tls::own(state, &names)?)
        }
        _ => None,
    };
    Ok(Entrance { accounts: Some(accounts), tls, enforcer: None })
}

pub(crate) fn demo(arguments: &Demo) -> Result<Outcome> {
    let knowledge = &arguments.knowledge;
    // A demo leaves nothing behind, and shows nothing of an earlier one, unless it is told where to keep it.
    let scratch = tempdir(knowledge.state.as_deref())?;
    let state = knowledge.state.clone().unwrap_or_else(|| scratch.path.clone());
    let knowledge = Knowledge { state: Some(state.clone()), ..knowledge.clone() };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&state)?);
    bundle::place_shipped(&state.join(hygiene::FOLDER))?;
    let hospital = Hospital::for_demonstration(arguments.seed, !arguments.peaceful);
    let engine = engine(&knowledge)?;
    let source = Source::Simulation(Box::new(hospital), arguments.speed);
    console(arguments.listen, Entrance::default(), engine, (store, state), source, None)
}

/// Where frames come from.
enum Source {
    Nothing,
    Interface(Vec<LiveRing>, String),
    Captures(Vec<PathBuf>, f64),
    Simulation(Box<Hospital>, f64),
}

/// Serves the console while a thread of its own feeds the store.
fn console(
    listen: SocketAddr,
    entrance: Entrance,
    engine: Engine,
    (store, state): (Arc<dyn Store>, PathBuf),
    source: Source,
    filter: Option<Filter>,
) -> Result<Outcome> {
    let (live, stop) = (Live::new(), Arc::new(AtomicBool::new(false)));
    // Devices of a demonstration come within minutes.
    let often = if matches!(source, Source::Simulation(..)) { patch::OFTEN } else { patch::REFRESH };
    let runtime = runtime()?;
    let listener = runtime.block_on(wardline_console::bind(listen, &entrance))?;
    let address = listener.local_addr()?;
    let mut feeder = Feeder::new(engine, Arc::clone(&store), live.clone(), filter, Arc::clone(&stop));
    let feeding = std::thread::Builder::new().name("feed".to_owned()).spawn(move || {
        let fed = match source {
            Source::Nothing => Ok(Vec::new()),
            Source::Interface(capture, name) => feeder.watch(capture, &name).map(|()| Vec::new()),
            Source::Captures(captures, speed) => feeder.replay(&captures, speed),
            Source::Simulation(hospital, speed) => feeder.simulate(*hospital, speed).map(|()| Vec::new()),
        };
        // The console goes on showing what was stored, whatever became of the source.
        match fed {
            Ok(errors) => errors.iter().for_each(|error| complain(error)),
            Err(error) => complain(&format!("{error:#}")),
        }
    })?;
    let queueing = std::thread::Builder::new().name("patch-queue".to_owned()).spawn({
        let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
        move || patch::keep_fresh(&state, store.as_ref(), often, &stop)
    })?;
    announce(address, entrance.tls.as_ref())?;
    runtime.block_on(wardline_console::serve(listener, entrance, store, live, asked_to_end()))?;
    stop.store(true, Ordering::Relaxed);
    if feeding.join().is_err() {
        bail!("the thread that reads frames broke off");
    }
    if queueing.join().is_err() {
        bail!("the thread that computes the patch queue broke off");
    }
    Ok(Outcome::Done)
}

/// The address on standard output, for people and for programs that started us.
fn announce(address: SocketAddr, tls: Option<&Tls>) -> Result<()> {
    use std::io::Write as _;
    let mut output = std::io::stdout().lock();
    let scheme = if tls.is_some() { "https" } else { "http" };
    writeln!(output, "Wardline console: {scheme}://{address}/  (Ctrl-C ends)")?;
    if let Some(tls) = tls {
        writeln!(output, "SHA-256 of its certificate: {}", tls.fingerprint)?;
    }
    Ok(output.flush()?)
}

fn engine(knowledge: &Knowledge) -> Result<Engine> {
    let mut engine = Engine::new(making(knowledge)?);
    for error in learn(&mut engine, &knowledge.baseline, false)? {
        complain(&error);
    }
    Ok(engine)
}

fn open_store(knowledge: &Knowledge) -> Result<Arc<dyn Store>> {
    place::store(&place::state(knowledge.state.as_deref())?)
}

/// Most rings that one interface is shared over: beyond it the pipeline's front is the narrow place.
const RINGS_MAX: u16 = 4;

pub(crate) fn open_interface(interface: &str, filter: Option<Filter>, workers: u16) -> Result<Vec<LiveRing>> {
    let rings = usize::from(workers.clamp(1, RINGS_MAX));
    Ok(LiveRing::open(&LiveSettings { rings, filter, ..LiveSettings::new(interface) })?)
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("no runtime")
}

/// Ends with Ctrl-C or SIGTERM.
pub(crate) async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

/// A directory that goes away with the program.
struct Scratch {
    path: PathBuf,
    mine: bool,
}

fn tempdir(given: Option<&Path>) -> Result<Scratch> {
    let path = std::env::temp_dir().join(format!("wardline-demo-{}", std::process::id()));
    if given.is_none() {
        std::fs::create_dir_all(&path).with_context(|| format!("{}: cannot be made", path.display()))?;
    }
    Ok(Scratch { path, mine: given.is_none() })
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.mine {
            // Nothing of worth is lost when this fails.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
