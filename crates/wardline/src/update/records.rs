//! All CVE records: an archive of 500 MB, packed here to the facts that are matched.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Seek as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use flate2::Compression;
use flate2::write::GzEncoder;
use wardline_feeds::advisories::{Knowledge, archive, facts};
use wardline_feeds::sources::directory::Listed;
use wardline_feeds::sources::{CVE_ARCHIVE, CVE_RELEASE, Source, release};

use super::fetch::Answer;
use super::report::Report;
use super::{Update, WORK};

/// Where they are kept, below the folder of feeds.
const PACKED: &str = "cve/records.ndjson.gz";

impl Update {
    /// Fetches and packs the records of the latest release, or of the mirror.
    pub(super) fn records(&mut self, report: &mut Report) -> Result<()> {
        let (address, checked) = match &self.mirror {
            Some(mirror) => (Source::Cve.mirrored(mirror, CVE_ARCHIVE.name), true),
            None => {
                let about = self.whole(CVE_RELEASE, report)?.context("the latest release cannot be found")?;
                (release::archive(&about).context(CVE_RELEASE)?, false)
            }
        };
        let kept = self.ledger.kept(&self.folder, PACKED).filter(|kept| kept.address == address);
        // A release never changes; what a mirror holds may.
        if kept.is_some() && self.mirror.is_none() {
            report.unchanged += 1;
            return Ok(());
        }
        let known = kept.map(|kept| kept.validators.clone());
        let shown = |got, of| report.bytes(got, of);
        let (path, validators) =
            match self.client.fetch(&address, CVE_ARCHIVE.bytes_max, known.as_ref(), &shown)? {
                Answer::Unchanged => {
                    report.unchanged += 1;
                    return Ok(());
                }
                Answer::Absent => bail!("{address}: there is none"),
                Answer::Fetched { path, validators } => (path, validators),
            };
        let packed = self.folder.join(WORK).join("records.part");
        let good = if checked { self.agrees(&path, &address) } else { Ok(true) };
        let good = good.and_then(|agreed| {
            report.unchecked += usize::from(!agreed);
            pack(&path, &packed, report)
        });
        fs::remove_file(&path).with_context(|| path.display().to_string())?;
        good.with_context(|| address.clone())?;
        self.replace(&packed, PACKED)?;
        report.fetched += 1;
        let listed = Listed { address, path: PACKED.to_owned(), changed: String::new() };
        self.enter(&listed, validators);
        Ok(())
    }
}

/// Puts the facts that a file said in its place.
pub(super) fn pack_facts(path: &Path, said: Knowledge) -> Result<()> {
    let mut output = GzEncoder::new(BufWriter::new(File::create(path)?), Compression::new(5));
    facts::write_head(&mut output)?;
    facts::write(&mut output, said).with_context(|| path.display().to_string())?;
    output.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(())
}

/// Packs the records of an archive, which may lie in another one.
fn pack(archive_path: &Path, packed: &Path, report: &mut Report) -> Result<()> {
    let inner_path = archive_path.with_extension("inner");
    let mut inner = File::options().read(true).write(true).create(true).truncate(true).open(&inner_path)?;
    let mut scratch = BufWriter::new(&mut inner);
    let outer = BufReader::new(File::open(archive_path)?);
    let unwrapped = archive::unwrap_inner(outer, &mut scratch, CVE_ARCHIVE.bytes_max);
    let flushed = scratch.flush();
    drop(scratch);
    // The name is given up at once: the open file lives on, and an interrupted run leaves nothing behind.
    fs::remove_file(&inner_path)?;
    flushed.with_context(|| packed.display().to_string())?;
    let mut input = if unwrapped?.is_some() { inner } else { File::open(archive_path)? };
    input.rewind()?;
    let mut output = GzEncoder::new(BufWriter::new(File::create(packed)?), Compression::new(5));
    facts::write_head(&mut output)?;
    let (mut kept, mut failed) = (0_u64, None::<io::Error>);
    archive::documents(BufReader::new(input), |name, said| match said {
        Ok(knowledge) if failed.is_none() => {
            kept += u64::from(!knowledge.is_empty());
            failed = facts::write(&mut output, knowledge).err();
        }
        Ok(_) => {}
        Err(error) => report.broken(&format!("{name}: {error}")),
    })?;
    if let Some(error) = failed {
        return Err(error).with_context(|| packed.display().to_string());
    }
    if kept == 0 {
        bail!("holds no CVE records");
    }
    output.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(())
}
