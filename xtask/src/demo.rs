//! `cargo xtask demo`: from a fresh checkout to a console that lives.

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::shell::{self, cargo, command, has, root, say, target};

/// Build pages and program, and start the console on a simulated hospital.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Passed on to `wardline demo`, such as `--seed 7` or `--listen 127.0.0.1:9000`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<String>,
}

fn program(arguments: &[String]) -> Result<()> {
    let program = target().join("release/wardline");
    let mut wardline = std::process::Command::new(&program);
    wardline.arg("demo").args(arguments);
    shell::run(&mut wardline)
}

pub(crate) fn run(demo: &Demo) -> Result<()> {
    say("1 of 3: the pages");
    pages()?;
    say("2 of 3: the program (the first time this takes some minutes)");
    shell::run(&mut cargo(&["build", "--release", "--package", "wardline"]))?;
    say("3 of 3: the console; open the address that it prints");
    program(&demo.arguments)
}

/// Builds the pages that the program embeds.
pub(crate) fn pages() -> Result<()> {
    node()?;
    let web = root().join("web");
    shell::run(&mut command("npm", &["ci", "--no-audit", "--no-fund", "--ignore-scripts"], &web))?;
    shell::run(&mut command("npm", &["run", "build"], &web))
}

/// Node.js, new enough for Vite.
fn node() -> Result<()> {
    const MAJOR_MIN: u32 = 20;
    if !has("node") || !has("npm") {
        bail!(
            "Node.js {MAJOR_MIN} or newer and npm are needed to build the pages; install them, then run this again"
        );
    }
    let output = std::process::Command::new("node").arg("--version").output().context("node --version")?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let major: u32 =
        version.trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
    if major < MAJOR_MIN {
        bail!("Node.js {MAJOR_MIN} or newer is needed to build the pages; this is {version}");
    }
    Ok(())
}
