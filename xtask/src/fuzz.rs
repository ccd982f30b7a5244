//! `cargo xtask fuzz`: everything that reads bytes of strangers, under libFuzzer, and again what it found before.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::shell::{self, command, has, root, say};

/// Look for inputs that break, slow down or swell whatever reads bytes of strangers.
#[derive(Debug, Args)]
pub(crate) struct Fuzz {
    /// What to look at (several are looked at in turn); without any, the targets are listed.
    pub target: Vec<String>,
    /// How long each target is looked at, seconds.
    #[arg(long, default_value_t = 60)]
    pub seconds: u32,
    /// Longest input, bytes.
    #[arg(long, default_value_t = 8_192)]
    pub bytes: u32,
    /// Every target, one after the other.
    #[arg(long, conflicts_with = "target")]
    pub all: bool,
}

/// Counts a step at every branch target: see fuzz/src/meters.c.
const STEPS: &str = "-Cllvm-args=-sanitizer-coverage-trace-pc";
/// The same for stable Rust, where cargo-fuzz adds nothing.
const STEPS_ALONE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3";

pub(crate) fn run(fuzz: &Fuzz) -> Result<()> {
    if !has("cargo-fuzz") {
        shell::run(&mut command("cargo", &["install", "--locked", "cargo-fuzz"], &root()))?;
    }
    let mut build = nightly(&["fuzz", "build", "--sanitizer", "none", "fuzz"]);
    shell::run(build.env("RUSTFLAGS", STEPS))?;
    let program = program()?;
    let known = targets(&program)?;
    let chosen = if fuzz.all { known.clone() } else { fuzz.target.clone() };
    if chosen.is_empty() {
        known.iter().for_each(|name| say(name));
        return Ok(());
    }
    if let Some(unknown) = chosen.iter().find(|name| !known.contains(name)) {
        bail!("{unknown}: no such target; without one they are listed");
    }
    let mut broken = Vec::new();
    for target in &chosen {
        if !look(&program, target, fuzz)? {
            broken.push(target.as_str());
        }
    }
    if broken.is_empty() { Ok(()) } else { bail!("found something in {}", broken.join(", ")) }
}

/// Past crashes, and a fixed number of seeded inputs, on stable Rust: a step of `cargo xtask test`.
pub(crate) fn replay() -> Result<()> {
    let mut test = command("cargo", &["test", "--quiet", "--target", host()], &root().join("fuzz"));
    test.env("RUSTFLAGS", format!("{STEPS_ALONE} {STEPS}")).env("WARDLINE_FUZZ_STEPS", "1");
    shell::run(&mut test)
}

const fn host() -> &'static str {
    if cfg!(target_arch = "aarch64") { "aarch64-unknown-linux-gnu" } else { "x86_64-unknown-linux-gnu" }
}

/// Cargo of the nightly toolchain, which libFuzzer's instrumentation needs.
fn nightly(arguments: &[&str]) -> Command {
    let mut command = command("rustup", &["run", "nightly", "cargo"], &root().join("fuzz"));
    // The cargo that runs us would hand its own toolchain on.
    command.args(arguments).env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    command
}

fn program() -> Result<PathBuf> {
    let program = root().join("fuzz/target").join(host()).join("release/fuzz");
    if program.is_file() { Ok(program) } else { bail!("{}: was not built", program.display()) }
}

fn targets(program: &Path) -> Result<Vec<String>> {
    let output =
        Command::new(program).env("WARDLINE_FUZZ_LIST", "1").output().context("the list of targets")?;
    Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
}

/// Looks at one target; false when something was found, which is then kept.
fn look(program: &Path, target: &str, fuzz: &Fuzz) -> Result<bool> {
    say(&format!("\n== {target}, {} s", fuzz.seconds));
    // With real captures among the seeds, what grows from them is not kept.
    let passing = std::env::var_os("WARDLINE_CORPUS")
        .map(|_| std::env::temp_dir().join(format!("wardline-fuzz-{}-{target}", std::process::id())));
    let corpus = passing.clone().unwrap_or_else(|| root().join("fuzz/corpus").join(target));
    let found = root().join("fuzz/artifacts").join(target);
    let regressions = root().join("fuzz/regressions").join(target);
    for directory in [&corpus, &found] {
        fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    }
    let before = crashes(&found)?;
    let mut run = Command::new(program);
    run.current_dir(root()).env("WARDLINE_FUZZ_TARGET", target).env("WARDLINE_FUZZ_SEEDS", &corpus);
    run.arg(format!("-max_total_time={}", fuzz.seconds)).arg(format!("-max_len={}", fuzz.bytes));
    run.args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0"]);
    run.arg(format!("-artifact_prefix={}/", found.display())).arg(&corpus);
    if regressions.is_dir() {
        run.arg(&regressions);
    }
    let sound = shell::run(&mut run).is_ok();
    if let Some(passing) = &passing {
        fs::remove_dir_all(passing).with_context(|| passing.display().to_string())?;
    }
    if sound {
        return Ok(true);
    }
    for crash in crashes(&found)?.difference(&before) {
        if passing.is_some() {
            say(&format!("{}: may hold real data; write it anew by hand as a regression", crash.display()));
        } else {
            keep(program, target, crash, &regressions)?;
        }
    }
    Ok(false)
}

fn crashes(directory: &Path) -> Result<BTreeSet<PathBuf>> {
    let files = fs::read_dir(directory).with_context(|| directory.display().to_string())?;
    files.map(|file| Ok(file?.path())).collect()
}

/// Makes an input as small as it can be while it still breaks, and puts it among the regressions.
fn keep(program: &Path, target: &str, crash: &Path, regressions: &Path) -> Result<()> {
    fs::create_dir_all(regressions)?;
    let name = crash.file_name().context("a file that was found has a name")?.to_string_lossy();
    let name: String = name.chars().take("crash-".len() + 12).collect();
    let kept = regressions.join(name);
    fs::copy(crash, &kept)?;
    let smaller = crash.with_extension("smaller");
    let mut minimise = Command::new(program);
    minimise.env("WARDLINE_FUZZ_TARGET", target).args(["-minimize_crash=1", "-max_total_time=30"]);
    minimise.arg(format!("-exact_artifact_path={}", smaller.display())).arg(crash);
    // It fails when nothing smaller breaks; what was found is kept as it is then.
    let _ = minimise.output();
    if smaller.is_file() {
        fs::copy(&smaller, &kept)?;
        fs::remove_file(&smaller)?;
    }
    say(&format!("kept as {}; say in docs/fuzzing.md what it was", kept.display()));
    Ok(())
}
