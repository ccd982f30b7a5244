//! The Wardline program: command line and wiring. Every decision lives in a room below.
#![forbid(unsafe_code)]

mod account;
mod analyze;
mod bedside;
mod bundle;
mod cli;
mod collection;
mod containment;
mod enforcement;
mod engine;
mod export;
mod feed;
mod hygiene;
mod intel;
mod list;
mod measure;
mod patch;
mod place;
mod port;
mod report;
mod schema;
mod segment;
mod sensor;
mod serve;
mod shield;
mod site;
mod site_file;
mod store;
mod training;
mod update;

use std::process::ExitCode;

use clap::Parser as _;
use cli::{CommandLine, Verb};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How a verb ended, when it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Everything was done.
    Done,
    /// Some input could not be read; what is wrong was already said.
    Incomplete,
    /// A finding reached the severity of `--fail-on`.
    Reached,
}

fn main() -> ExitCode {
    let line = CommandLine::parse();
    if let Some(address) = &line.store {
        place::use_store(address);
    }
    let outcome = match line.verb {
        Verb::Analyze(analyze) => analyze::run(&analyze),
        Verb::Watch(watch) => serve::watch(&watch),
        Verb::Serve(serve) => serve::serve(&serve),
        Verb::Demo(demo) => serve::demo(&demo),
        Verb::Sensor(arguments) => sensor::run(&arguments),
        Verb::Site(verb) => site::run(&verb),
        Verb::Devices(devices) => list::devices(&devices),
        Verb::Findings(findings) => list::findings(&findings),
        Verb::Exposures(exposures) => list::exposures(&exposures),
        Verb::Flows(flows) => list::flows(&flows),
        Verb::Patch(patch) => patch::run(&patch),
        Verb::Feeds(feeds) => hygiene::run(&feeds),
        Verb::Intel(intel) => intel::run(&intel),
        Verb::Segment(segment) => segment::run(&segment),
        Verb::Shield(shield) => shield::run(&shield),
        Verb::Report(report) => report::run(&report),
        Verb::Export(arguments) => export::run(&arguments),
        Verb::Bedside(bedside) => bedside::run(&bedside),
        Verb::Training(training) => training::run(&training),
        Verb::Account(arguments) => account::run(&arguments),
        Verb::Audit(audit) => report::verify(&audit),
        Verb::Store(verb) => store::run(&verb),
        Verb::Schema(schema) => schema::run(&schema),
    };
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Incomplete) => ExitCode::from(1),
        Ok(Outcome::Reached) => ExitCode::from(3),
        // Whoever read our output has seen enough (`wardline flows | head`).
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::from(1)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

/// One line on standard error.
#[expect(clippy::print_stderr, reason = "this is where the program speaks to its user")]
fn complain(text: &str) {
    eprintln!("wardline: {}", text.replace('\n', "; "));
}
