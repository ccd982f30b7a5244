//! What was matched before, kept between runs. It saves time only: without it, or with one of another program, everything is
//! matched anew.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use wardline_assess::MatchMemory;

use crate::collection;

/// Longest memory, bytes, unpacked.
const BYTES_MAX: u64 = 512 * 1024 * 1024;

#[derive(Deserialize)]
struct Kept {
    program: String,
    memory: MatchMemory,
}

#[derive(Serialize)]
struct Keep<'a> {
    program: &'a str,
    memory: &'a MatchMemory,
}

fn place(state: &Path) -> PathBuf {
    state.join("matches.json.gz")
}

/// This very program: another one may match in another way.
fn program() -> String {
    let about = std::env::current_exe().and_then(std::fs::metadata);
    let about = about.and_then(|about| Ok((about.len(), about.modified()?)));
    format!("{} {about:?}", env!("CARGO_PKG_VERSION"))
}

pub(super) fn read(state: &Path) -> MatchMemory {
    let kept = std::fs::File::open(place(state)).ok().and_then(|file| {
        let mut bytes = Vec::new();
        GzDecoder::new(file).take(BYTES_MAX).read_to_end(&mut bytes).ok()?;
        serde_json::from_slice::<Kept>(&bytes).ok()
    });
    kept.filter(|kept| kept.program == program()).map(|kept| kept.memory).unwrap_or_default()
}

pub(super) fn write(state: &Path, memory: &MatchMemory) -> Result<()> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::new(3));
    serde_json::to_writer(&mut packed, &Keep { program: &program(), memory }).context("what was matched")?;
    packed.flush()?;
    collection::write(&place(state), &packed.finish()?)
}
