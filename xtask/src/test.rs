//! `cargo xtask test`: everything, in steps that can be run alone.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::shell::{self, cargo, command, has, root, say};
use crate::{demo, fuzz, install, tidy};

/// Install what the tests need where it is missing and may be, then run everything.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Only this step (repeatable); `--list` names them.
    #[arg(long, value_name = "STEP")]
    pub only: Vec<String>,
    /// Name the steps and do nothing.
    #[arg(long)]
    pub list: bool,
}

/// A step and what it is for.
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn() -> Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "install", what: "packages that the tests need", run: install::packages },
    Step { name: "tidy", what: "walls, lengths, names, licences, hidden clocks", run: tidy::run },
    Step { name: "format", what: "cargo fmt", run: format },
    Step { name: "pages", what: "types, unit tests and build of the pages", run: pages },
    Step { name: "clippy", what: "lints of every target", run: clippy },
    Step { name: "cargo", what: "every test of every crate", run: tests },
    Step {
        name: "fuzz",
        what: "past crashes and seeded inputs through every fuzz target",
        run: fuzz::replay,
    },
    Step { name: "browser", what: "the pages in a real browser", run: browser },
];

pub(crate) fn run(test: &Test) -> Result<()> {
    if test.list {
        STEPS.iter().for_each(|step| say(&format!("{:8} {}", step.name, step.what)));
        return Ok(());
    }
    if let Some(unknown) = test.only.iter().find(|name| !STEPS.iter().any(|step| step.name == name.as_str()))
    {
        bail!("{unknown}: no such step; --list names them");
    }
    let mut report = Vec::new();
    for step in
        STEPS.iter().filter(|step| test.only.is_empty() || test.only.iter().any(|name| name == step.name))
    {
        say(&format!("\n== {}: {}", step.name, step.what));
        let began = Instant::now();
        let done = (step.run)();
        if let Err(error) = &done {
            say(&format!("{}: {error:#}", step.name));
        }
        report.push((step.name, began.elapsed(), done.is_ok()));
    }
    say("\nstep      seconds");
    for (name, took, passed) in &report {
        say(&format!("{name:8}  {:7.1}  {}", took.as_secs_f64(), if *passed { "passed" } else { "FAILED" }));
    }
    let failed = report.iter().filter(|(.., passed)| !passed).count();
    say(&format!("{} passed, {failed} failed", report.len() - failed));
    if failed > 0 { bail!("{failed} of {} steps failed", report.len()) } else { Ok(()) }
}

fn format() -> Result<()> {
    shell::run(&mut cargo(&["fmt", "--all", "--check"]))
}

fn pages() -> Result<()> {
    demo::pages()?;
    let web = root().join("web");
    shell::run(&mut command("npm", &["run", "check"], &web))?;
    shell::run(&mut command("npm", &["test"], &web))
}

fn clippy() -> Result<()> {
    shell::run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))
}

fn tests() -> Result<()> {
    let mut tests = cargo(&["test", "--workspace", "--no-fail-fast"]);
    if let Some(corpus) = corpus() {
        tests.env("WARDLINE_CORPUS", corpus);
    }
    shell::run(&mut tests)
}

/// The captures of others: where `WARDLINE_CORPUS` says, or beside the checkout.
pub(crate) fn corpus() -> Option<PathBuf> {
    let beside = || root().join("../shared/corpus").canonicalize().ok();
    std::env::var_os("WARDLINE_CORPUS").map(PathBuf::from).or_else(beside).filter(|corpus| corpus.is_dir())
}

/// The pages against a console with an invented hospital.
fn browser() -> Result<()> {
    if !has("chromium") {
        say("left out: chromium is not installed");
        return Ok(());
    }
    shell::run(&mut cargo(&[
        "build",
        "--package",
        "wardline-console",
        "--example",
        "invented_hospital",
        "--quiet",
    ]))?;
    shell::run(&mut cargo(&["build", "--package", "wardline", "--quiet"]))?;
    let web = root().join("web");
    let enforcer = Enforcer::start()?;
    for kind in ["growing", "closed"] {
        let mut console = Console::start(kind, enforcer.as_ref())?;
        let walked =
            shell::run(&mut command("npm", &["run", "e2e", "--", "--base-url", &console.address], &web));
        console.stop();
        walked?;
    }
    Ok(())
}

/// The enforcer in a network namespace of its own: the machine's rules stay as they are.
struct Enforcer {
    namespace: String,
    directory: PathBuf,
    process: Child,
}

impl Enforcer {
    /// `None`, and a line that says so, where this machine refuses namespaces.
    fn start() -> Result<Option<Self>> {
        let namespace = format!("wlxtask{}", std::process::id());
        let made = Command::new("ip").args(["netns", "add", &namespace]).output();
        if !made.is_ok_and(|output| output.status.success()) || !has("nft") {
            say("without an enforcer: no network namespaces or no nft");
            return Ok(None);
        }
        let directory = std::env::temp_dir().join(&namespace);
        std::fs::create_dir_all(&directory)?;
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &namespace]).arg(shell::target().join("debug/wardline"));
        command.args(["segment", "serve", "--state"]).arg(&directory);
        command.arg("--socket").arg(directory.join("socket")).stdout(Stdio::null());
        let process = command.spawn().context("the enforcer cannot be started")?;
        Ok(Some(Self { namespace, directory, process }))
    }
}

impl Drop for Enforcer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // Keepers live on by intent; these are ours.
        let listed = Command::new("ip").args(["netns", "pids", &self.namespace]).output();
        let keepers = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        for keeper in keepers.unwrap_or_default().lines() {
            let _ = Command::new("kill").arg(keeper).output();
        }
        let _ = Command::new("ip").args(["netns", "del", &self.namespace]).output();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

struct Console {
    process: Child,
    address: String,
}

impl Console {
    fn start(kind: &str, enforcer: Option<&Enforcer>) -> Result<Self> {
        let program = shell::target().join("debug/examples/invented_hospital");
        let mut command = Command::new(&program);
        if let Some(enforcer) = enforcer {
            command.env("WARDLINE_ENFORCER", enforcer.directory.join("socket"));
        }
        let mut process = command
            .args(["127.0.0.1:0", kind])
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{}: cannot be started", program.display()))?;
        let output = process.stdout.take().context("the console has an output")?;
        let line = BufReader::new(output).lines().map_while(Result::ok).find(|line| line.contains("http://"));
        let address =
            line.as_deref().and_then(|line| line.split_whitespace().find(|word| word.starts_with("http://")));
        match address {
            Some(address) => Ok(Self { process, address: address.trim_end_matches('/').to_owned() }),
            None => {
                process.kill()?;
                bail!("the console printed no address")
            }
        }
    }

    fn stop(&mut self) {
        // It may have ended by itself; there is nothing to do about it then.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
