//! `wardline shield`: the two ends of the protected path, and which boxes may use it.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use wardline_shield::authority::{self, Authority};
use wardline_shield::{Counters, Role, Settings, ShieldError, clinic, device};

use crate::Outcome;
use crate::cli::{AuthorityPlace, Shield, ShieldAuthority, ShieldClinic, ShieldDevice};

pub(crate) fn run(shield: &Shield) -> Result<Outcome> {
    match shield {
        Shield::Device(arguments) => run_device(arguments),
        Shield::Clinic(arguments) => run_clinic(arguments),
        Shield::Authority(verb) => run_authority(verb),
    }
}

fn run_device(arguments: &ShieldDevice) -> Result<Outcome> {
    let settings = Settings::read(&arguments.settings, Role::Device)?;
    if arguments.check {
        return Ok(Outcome::Done);
    }
    let Some(code) = &arguments.enrol else { return serve(settings, device::run) };
    let code = if code == "-" {
        std::io::read_to_string(std::io::stdin()).context("the code cannot be read from standard input")?
    } else {
        code.clone()
    };
    let address = settings.enrolment.as_ref().map(|address| *address.get_ref());
    let address =
        address.context("the settings name no port to enrol at; write enrolment = \"ADDRESS:PORT\"")?;
    let name = settings.name.get_ref();
    runtime()?.block_on(authority::enrol(
        &code,
        name,
        settings.clinic_name.get_ref(),
        address,
        &settings.state,
    ))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{name} is enrolled with {}", settings.clinic_name.get_ref())?;
    Ok(Outcome::Done)
}

fn run_clinic(arguments: &ShieldClinic) -> Result<Outcome> {
    let settings = Settings::read(&arguments.settings, Role::Clinic)?;
    if arguments.check {
        return Ok(Outcome::Done);
    }
    serve(settings, clinic::run)
}

/// Runs an end until SIGTERM or Ctrl-C.
fn serve<F>(
    settings: Settings,
    run: impl FnOnce(Settings, Arc<Counters>, watch::Receiver<bool>) -> F,
) -> Result<Outcome>
where
    F: Future<Output = Result<(), ShieldError>>,
{
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(tracing::Level::INFO).init();
    runtime()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            stop.send_replace(true);
            // The receivers see it as long as this task lives.
            std::future::pending::<()>().await;
        });
        run(settings, Arc::new(Counters::default()), stopped).await?;
        Ok(Outcome::Done)
    })
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads for the shield")
}

fn run_authority(verb: &ShieldAuthority) -> Result<Outcome> {
    let mut out = std::io::stdout().lock();
    let now_s = u64::try_from(Timestamp::now().as_second()).unwrap_or(0);
    let open = |place: &AuthorityPlace| Authority::open(&place.authority);
    match verb {
        ShieldAuthority::Init { place } => {
            Authority::create(&place.authority, now_s)?;
            writeln!(
                out,
                "an authority is in {}; keep a copy of this directory where nobody else reads it",
                place.authority.display()
            )?;
        }
        ShieldAuthority::Enrol { name, minutes, place } => {
            writeln!(out, "{}", open(place)?.code(name, u64::from(*minutes) * 60, now_s)?)?;
        }
        ShieldAuthority::Revoke { name, place } => {
            open(place)?.revoke(name, now_s)?;
            writeln!(out, "{name} is revoked")?;
        }
        ShieldAuthority::Status { json, place } => {
            let boxes = open(place)?.boxes()?;
            if *json {
                let codes: Vec<_> = boxes
                    .codes(now_s)
                    .map(|(name, expires_s)| serde_json::json!({ "name": name, "expires": time(expires_s) }))
                    .collect();
                let records: Vec<_> = boxes
                    .boxes
                    .iter()
                    .map(|(name, record)| {
                        serde_json::json!({
                            "name": name,
                            "generation": record.generation,
                            "enrolled": time(record.enrolled_s),
                            "certificate_expires": time(record.expires_s),
                            "revoked": record.revoked_s.map(time),
                        })
                    })
                    .collect();
                writeln!(out, "{}", serde_json::json!({ "boxes": records, "codes": codes }))?;
                return Ok(Outcome::Done);
            }
            for (name, record) in &boxes.boxes {
                let standing = match record.revoked_s {
                    Some(revoked_s) => format!("revoked {}", time(revoked_s)),
                    None if record.expires_s <= now_s => {
                        format!("certificate expired {}", time(record.expires_s))
                    }
                    None => format!("certificate until {}", time(record.expires_s)),
                };
                writeln!(
                    out,
                    "{name:24} enrolled {} (generation {}), {standing}",
                    time(record.enrolled_s),
                    record.generation
                )?;
            }
            for (name, expires_s) in boxes.codes(now_s) {
                writeln!(out, "{name:24} code until {}", time(expires_s))?;
            }
        }
    }
    Ok(Outcome::Done)
}

fn time(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "unknown".to_owned(), |time| time.to_string())
}
