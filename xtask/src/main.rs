//! `cargo xtask`: everything about this project that is not the program itself.
#![forbid(unsafe_code)]

mod agreement;
mod demo;
mod docs;
mod fuzz;
mod install;
mod record;
mod shell;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Build, test and tidy Wardline.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Build pages and program, and start the console on a simulated hospital.
    Demo(demo::Demo),
    /// Install what the tests need where it is missing and may be, then run everything.
    Test(test::Test),
    /// Measure what a packet costs, beside the least that any program of this kind must do.
    Bench,
    /// Write the pages of `docs/` that are made of the code.
    Docs,
    /// Look for inputs that break, slow down or swell whatever reads bytes of strangers.
    Fuzz(fuzz::Fuzz),
    /// Compare what we read with what tshark reads, and write docs/agreement.md of it.
    Agreement(agreement::Agreement),
    /// Record real software at work, in network namespaces, as fixtures.
    Record(record::Record),
    /// Attack simulated hospitals and leave others in peace, and count what the detectors say; `-- --help` for what
    /// can be chosen.
    Evaluate {
        /// Passed on, such as `--first-seed 10000 --hospitals 12`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Check what no compiler checks: walls between crates, lengths, names, licences, hidden clocks.
    Tidy,
}

fn main() -> ExitCode {
    let done = match CommandLine::parse().verb {
        Verb::Demo(demo) => demo::run(&demo),
        Verb::Test(test) => test::run(&test),
        Verb::Bench => {
            shell::run(&mut shell::cargo(&["bench", "--package", "wardline", "--bench", "packets"]))
        }
        Verb::Docs => docs::run(),
        Verb::Fuzz(fuzz) => fuzz::run(&fuzz),
        Verb::Agreement(agreement) => agreement::write(&agreement),
        Verb::Record(record) => record::run(&record),
        Verb::Evaluate { arguments } => {
            let mut evaluate = shell::cargo(&["run", "--quiet", "--package", "wardline-evaluation", "--"]);
            shell::run(evaluate.args(arguments))
        }
        Verb::Tidy => tidy::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            shell::say(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
