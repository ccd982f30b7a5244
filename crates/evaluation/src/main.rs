//! Scores the detectors: `cargo xtask evaluate`.
#![forbid(unsafe_code)]

use std::io::Write as _;
use std::path::PathBuf;

use clap::Parser;
use wardline_evaluation::{Claim, Done, Outcome, Peace, Scope, run, table};

/// Attack simulated hospitals and leave others in peace; count what is found.
#[derive(Debug, Parser)]
struct Arguments {
    /// First seed: below 1,000 to tune, from 10,000 to report.
    #[arg(long, default_value_t = 1)]
    first_seed: u64,
    /// Hospitals for each variant of an attack.
    #[arg(long, default_value_t = 6)]
    hospitals: u32,
    /// Hospitals for each stealthy variant.
    #[arg(long, default_value_t = 3)]
    stealthy: u32,
    /// Hospitals in peace.
    #[arg(long, default_value_t = 4)]
    peaceful: u32,
    /// Days of peace of each.
    #[arg(long, default_value_t = 1.0)]
    days: f64,
    /// Share of the ordinary traffic in peace.
    #[arg(long, default_value_t = 0.2)]
    duty: f64,
    /// Disturbances a day in peace.
    #[arg(long, default_value_t = 40.0)]
    disturbances: f64,
    /// Only attacks or variants with this in their name.
    #[arg(long)]
    only: Option<String>,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// The day that the report names.
    #[arg(long, default_value = "an unknown day")]
    date: String,
    /// A page of which the part below its line `<!-- results -->` is written anew.
    #[arg(long)]
    page: Option<PathBuf>,
    /// Also say what was missed and what was claimed falsely, each as soon as it is known.
    #[arg(long)]
    list: bool,
}

/// What separates the words of a page from its results.
const MARK: &str = "<!-- results -->";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let scope = Scope {
        first_seed: arguments.first_seed,
        hospitals_per_variant: arguments.hospitals,
        hospitals_per_stealthy: arguments.stealthy,
        peaceful_hospitals: arguments.peaceful,
        days: arguments.days,
        duty: arguments.duty,
        disturbances_per_day: arguments.disturbances,
        only: arguments.only.clone(),
        threads: arguments.threads,
    };
    let results = run(&scope, &|done| {
        // Whoever closed the pipe wants to hear no more of it.
        let _ = if arguments.list { list(done, &mut std::io::stderr().lock()) } else { Ok(()) };
    });
    let command = format!(
        "cargo xtask evaluate --first-seed {} --hospitals {} --stealthy {} --peaceful {} --days {} --duty {} --disturbances {}",
        arguments.first_seed,
        arguments.hospitals,
        arguments.stealthy,
        arguments.peaceful,
        arguments.days,
        arguments.duty,
        arguments.disturbances
    );
    let text = table(&results, &scope, &arguments.date, &command);
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes())?;
    if let Some(page) = &arguments.page {
        let before = std::fs::read_to_string(page)?;
        let words = before.split(MARK).next().unwrap_or_default();
        std::fs::write(page, format!("{words}{MARK}\n\n{text}"))?;
    }
    Ok(())
}

fn list(done: &Done, output: &mut impl std::io::Write) -> std::io::Result<()> {
    match done {
        Done::Attack(outcome) => attack(outcome, output),
        Done::Peace(peace) => peaceful(peace, output),
    }
}

fn attack(outcome: &Outcome, output: &mut impl std::io::Write) -> std::io::Result<()> {
    let (seed, name) = (outcome.seed, outcome.variant.name);
    match &outcome.found {
        Some((detector, late)) => {
            writeln!(output, "found: seed {seed} {name}: {detector} after {:.1} s", *late as f64 / 1e9)?;
        }
        None if outcome.variant.attack.is_some() => writeln!(output, "missed: seed {seed} {name}")?,
        None => {}
    }
    let missed: &[Claim] = if outcome.found.is_none() { &outcome.misplaced } else { &[] };
    let claims = [("before", &*outcome.before), ("beside", &*outcome.beside), ("at another address", missed)];
    for (when, claims) in claims {
        for claim in claims {
            let (kind, detector) = (claim.attack.name(), &claim.detector);
            writeln!(output, "{when}: seed {seed} {name}: {kind} {detector}: {}", claim.summary)?;
        }
    }
    Ok(())
}

fn peaceful(peace: &Peace, output: &mut impl std::io::Write) -> std::io::Result<()> {
    let (seed, months) = (peace.seed, peace.device_months);
    writeln!(output, "peace: seed {seed}, {months:.1} device-months, {} false", peace.claims.len())?;
    for claim in &peace.claims {
        let (kind, detector) = (claim.attack.name(), &claim.detector);
        let (second, after) = (claim.time_ns / 1_000_000_000, claim.after.join(", "));
        writeln!(
            output,
            "false: seed {seed} at {second} after {after}: {kind} {detector}: {}",
            claim.summary
        )?;
    }
    Ok(())
}
