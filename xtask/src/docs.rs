//! `cargo xtask docs`: pages that are made of the code.

use anyhow::{Context as _, Result, bail};

use crate::shell::{cargo, root, say};

/// Pages, the crate that makes each, and its example that prints it.
const PAGES: &[(&str, &str, &str)] = &[("docs/protocols.md", "wardline-flows", "protocols")];

pub(crate) fn run() -> Result<()> {
    for (page, package, example) in PAGES {
        let output = cargo(&["run", "--quiet", "--package", package, "--example", example])
            .stderr(std::process::Stdio::inherit())
            .output()
            .with_context(|| format!("{package}: example {example} cannot be run"))?;
        if !output.status.success() {
            bail!("{package}: example {example}: {}", output.status);
        }
        std::fs::write(root().join(page), &output.stdout).with_context(|| format!("{page}: not written"))?;
        say(page);
    }
    Ok(())
}
