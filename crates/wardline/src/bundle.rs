//! Feeds on a stick: `feeds bundle`, `feeds import --signed-by`, `feeds snapshot`.
//!
//! A bundle is a folder: files, `SHA256SUMS` (as `sha256sum` writes it) and `SHA256SUMS.minisig`, the detached signature of
//! the list (minisign, Ed25519). Whoever makes it signs with `minisign` itself, so that no secret key comes near this program.
//! Nothing of a bundle is kept before all of it is shown to be what was signed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use flate2::Compression;
use flate2::write::GzEncoder;
use minisign_verify::{PublicKey, Signature};
use sha2::{Digest as _, Sha256};
use wardline_feeds::advisories::{self, FILE_BYTES_MAX, Knowledge, facts};

use crate::collection;

/// The list of files, and its signature.
const LIST: &str = "SHA256SUMS";
const SIGNATURE: &str = "SHA256SUMS.minisig";

/// Files of one bundle, at most.
const FILES_MAX: usize = 100_000;
/// Longest list, and longest signature or key, bytes.
const LIST_BYTES_MAX: u64 = 32 * 1024 * 1024;
const KEY_BYTES_MAX: u64 = 4 * 1024;

/// The snapshot that ships with the program: facts of CISA's medical advisories and of its catalogue, made by `feeds snapshot`.
const SHIPPED: &[u8] = include_bytes!("../../../knowledge/advisories/snapshot.facts.gz");

/// Puts the snapshot that ships with the program among the feeds that are kept, where there are none yet.
pub(crate) fn place_shipped(feeds: &Path) -> Result<()> {
    let any = fs::read_dir(feeds).is_ok_and(|mut entries| entries.next().is_some());
    if any {
        return Ok(());
    }
    fs::create_dir_all(feeds).with_context(|| format!("{}: cannot be made", feeds.display()))?;
    collection::write(&feeds.join("shipped.facts.gz"), SHIPPED)
}

/// Writes the facts among what was said that anybody may pass on; says how many vulnerabilities.
pub(crate) fn snapshot(said: Knowledge, output: &Path) -> Result<usize> {
    let free = facts::free_of_rights(said);
    let vulnerabilities = free.advisories.iter().map(|advisory| advisory.vulnerabilities.len()).sum();
    if vulnerabilities == 0 {
        bail!(
            "nothing that is kept may be passed on: a snapshot takes CISA's advisories and catalogue alone"
        );
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    facts::write_head(&mut packed)?;
    facts::write(&mut packed, free)?;
    collection::write(output, &packed.finish()?)?;
    Ok(vulnerabilities)
}

/// Copies what is kept into a folder, with a list of hashes to be signed; says how many files.
pub(crate) fn write(feeds: &Path, output: &Path) -> Result<usize> {
    let mut files = Vec::new();
    if feeds.is_dir() {
        collection::list(feeds, 0, &mut files)?;
    }
    if files.is_empty() {
        bail!("{}: holds no feeds to pass on; fetch some with `wardline feeds update`", feeds.display());
    }
    let mut list = String::new();
    for path in &files {
        let name = path.strip_prefix(feeds).unwrap_or(path);
        let name = name.to_str().filter(|name| safe(name).is_some());
        let name =
            name.with_context(|| format!("{}: has a name that cannot be passed on", path.display()))?;
        let bytes = fs::read(path).with_context(|| path.display().to_string())?;
        let target = output.join(name);
        fs::create_dir_all(target.parent().unwrap_or(output))
            .with_context(|| format!("{}: cannot be made", output.display()))?;
        collection::write(&target, &bytes)?;
        list.push_str(&format!("{}  {name}\n", hexadecimal(&Sha256::digest(&bytes))));
    }
    collection::write(&output.join(LIST), list.as_bytes())?;
    Ok(files.len())
}

/// A bundle of which every file is what was signed.
pub(crate) struct Checked {
    /// Name within the bundle, and bytes as they came.
    pub files: BTreeMap<String, PathBuf>,
    /// What its maker signed beside the list, such as a time.
    pub comment: String,
}

/// Whether a folder is such a bundle.
pub(crate) fn is_bundle(folder: &Path) -> bool {
    folder.join(LIST).is_file() && folder.join(SIGNATURE).is_file()
}

/// Checks all of a bundle against a public key.
pub(crate) fn check(folder: &Path, key: &Path) -> Result<Checked> {
    let key_text = short_text(key, KEY_BYTES_MAX)?;
    // The file of minisign has a comment above the key; a bare key is welcome as well.
    let bare = key_text
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty() && !line.starts_with("untrusted comment"));
    let key = PublicKey::from_base64(bare.unwrap_or_default())
        .map_err(|error| anyhow!("{}: is no public key of minisign: {error}", key.display()))?;
    let list_path = folder.join(LIST);
    let list = short_text(&list_path, LIST_BYTES_MAX)?;
    let signature_path = folder.join(SIGNATURE);
    let signature = Signature::decode(&short_text(&signature_path, KEY_BYTES_MAX)?)
        .map_err(|error| anyhow!("{}: is no signature of minisign: {error}", signature_path.display()))?;
    key.verify(list.as_bytes(), &signature, true).map_err(|error| {
        anyhow!(
            "{}: is not signed by this key ({error}); nothing of the bundle was kept",
            list_path.display()
        )
    })?;
    let mut files = BTreeMap::new();
    for (number, line) in list.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |what: &str| anyhow!("{}: line {}: {what}", list_path.display(), number + 1);
        let (sum, name) = line.split_once(' ').ok_or_else(|| wrong("holds no hash and name"))?;
        let name = name.trim_start_matches([' ', '*']);
        let relative = safe(name).ok_or_else(|| wrong("the name leads out of the bundle"))?;
        if files.len() >= FILES_MAX {
            bail!("{}: lists more than {FILES_MAX} files", list_path.display());
        }
        let path = folder.join(relative);
        let mut file =
            fs::File::open(&path).with_context(|| format!("{}: is listed and missing", path.display()))?;
        let mut hasher = Sha256::new();
        std::io::copy(&mut file, &mut Hashing(&mut hasher)).with_context(|| path.display().to_string())?;
        if hexadecimal(&hasher.finalize()) != sum.to_ascii_lowercase() {
            bail!(
                "{}: differs from the list that was signed; nothing of the bundle was kept",
                path.display()
            );
        }
        files.insert(name.to_owned(), path);
    }
    Ok(Checked { files, comment: signature.trusted_comment().to_owned() })
}

/// Reads and keeps a file of a bundle that was checked; the hash is that of the file as it came, so it is kept as it came.
pub(crate) fn keep(feeds: &Path, name: &str, path: &Path) -> Result<Knowledge> {
    let bytes = collection::read(path, FILE_BYTES_MAX)?;
    let said = advisories::read(&bytes).with_context(|| path.display().to_string())?;
    let target = feeds.join("bundle").join(name);
    fs::create_dir_all(target.parent().unwrap_or(feeds))
        .with_context(|| format!("{}: cannot be made", target.display()))?;
    collection::write(&target, &fs::read(path).with_context(|| path.display().to_string())?)?;
    Ok(said)
}

fn short_text(path: &Path, bytes_max: u64) -> Result<String> {
    let about = fs::metadata(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    if about.len() > bytes_max {
        bail!("{}: is longer than {bytes_max} bytes", path.display());
    }
    fs::read_to_string(path).with_context(|| format!("{}: cannot be read as text", path.display()))
}

/// A name that stays within its folder.
fn safe(name: &str) -> Option<&Path> {
    let path = Path::new(name);
    let plain = |component: Component<'_>| match component {
        Component::Normal(part) => !part.as_encoded_bytes().starts_with(b"."),
        _ => false,
    };
    (!name.is_empty() && path.components().all(plain)).then_some(path)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Hashing<'a>(&'a mut Sha256);

impl std::io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_their_folder() {
        assert!(safe("csaf/cisa/a.json").is_some());
        for away in ["", "../a", "/etc/passwd", "a/../b", ".hidden", "a/.hidden", "./a"] {
            assert!(safe(away).is_none(), "{away}");
        }
    }

    #[test]
    fn the_shipped_snapshot_is_facts_alone() {
        let folder = tempfile::tempdir().unwrap();
        place_shipped(folder.path()).unwrap();
        let bytes = collection::read(&folder.path().join("shipped.facts.gz"), FILE_BYTES_MAX).unwrap();
        let said = advisories::read(&bytes).unwrap();
        assert!(said.advisories.len() >= 100 && said.exploited.len() >= 1_000, "{}", said.advisories.len());
        assert!(said.predictions.is_empty() && said.disclosures.is_empty() && said.bills.is_empty());
        for advisory in &said.advisories {
            assert!(advisory.publisher.as_str() == "CISA" && advisory.title.is_empty());
            for vulnerability in &advisory.vulnerabilities {
                assert!(vulnerability.title.is_none());
                assert!(vulnerability.remedies.iter().all(|remedy| remedy.text == facts::REMEDY));
            }
        }
        // What is there is not touched.
        fs::write(folder.path().join("shipped.facts.gz"), b"x").unwrap();
        place_shipped(folder.path()).unwrap();
        assert_eq!(fs::read(folder.path().join("shipped.facts.gz")).unwrap(), b"x");
    }
}
