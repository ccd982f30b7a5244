//! Threat intelligence from servers: TAXII 2.1, MISP feeds, and files by their address.
//!
//! What was fetched lies among what was imported. A ledger beside it says what was asked for, so that the next time only
//! what is new comes; of secrets it holds only where they lie.

use std::collections::BTreeMap;
use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use wardline_feeds::indicators::taxii::{self, Collection, Objects, Resource};
use wardline_feeds::indicators::{self, FILE_BYTES_MAX, misp};

use super::FOLDER;
use crate::cli::Access;
use crate::collection;
use crate::update::fetch::{Answer, Client};

/// What is on its way, and the ledger; begins with a dot, so that nobody reads it as intelligence.
const WORK: &str = ".remote";
/// Objects asked for at once. A server may send fewer.
const PAGE_OBJECTS: u32 = 5_000;
/// Pages of one collection; a server that goes on for longer goes on for ever.
const PAGES_MAX: usize = 10_000;
const COLLECTIONS_MAX: usize = 256;
/// From a server to its collections there are three steps.
const STEPS_MAX: usize = 4;
/// Events of a MISP feed.
const EVENTS_MAX: usize = 200_000;
/// Letters of a title that the name of a file takes over.
const NAME_LENGTH_MAX: usize = 64;
/// Longest secret, bytes.
const SECRET_BYTES_MAX: u64 = 8 * 1024;

/// What was asked for so far.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Ledger {
    /// Addresses that were given, and how they are entered.
    #[serde(default)]
    sources: BTreeMap<String, Access>,
    /// By address of the objects of a collection.
    #[serde(default)]
    collections: BTreeMap<String, Kept>,
    /// By address of a MISP feed: when each event changed.
    #[serde(default)]
    events: BTreeMap<String, BTreeMap<String, String>>,
}

/// A collection that is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    file: String,
    /// When the newest object that we have was added to it.
    added: Option<String>,
}

/// Whether an argument of `intel import` is an address.
pub(crate) fn is_address(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.starts_with("https://") || text.starts_with("http://"))
}

/// Fetches from servers into the state directory.
pub(crate) struct Remote {
    folder: PathBuf,
    ledger: Ledger,
    quiet: bool,
}

impl Remote {
    pub(crate) fn open(state: &Path, quiet: bool) -> Result<Self> {
        let folder = state.join(FOLDER);
        let work = folder.join(WORK);
        fs::create_dir_all(&work).with_context(|| {
            format!("{}: cannot be made; give another place with --state DIR", work.display())
        })?;
        let read = fs::read(work.join("ledger.json")).ok();
        let ledger = read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Ok(Self { folder, ledger, quiet })
    }

    /// Addresses that were given before.
    pub(crate) fn sources(&self) -> Vec<(String, Access)> {
        self.ledger.sources.iter().map(|(address, access)| (address.clone(), access.clone())).collect()
    }

    /// Fetches what is new at an address. Says what came, a line for each collection, feed or file.
    pub(crate) fn fetch(&mut self, address: &str, access: &Access) -> Result<Vec<String>> {
        let authorization = authorization(access)?;
        if authorization.is_some() && !address.starts_with("https://") && !is_of_this_machine(address) {
            bail!("{address}: a password is sent over https:// only");
        }
        let client = Client::new(&self.folder.join(WORK), Duration::from_secs(access.timeout))
            .asking(format!("{}, application/json;q=0.9, */*;q=0.1", taxii::MEDIA_TYPE), authorization);
        let mut visit = Visit { client, remote: self, access, origin: origin(address), said: Vec::new() };
        let done = visit.step(address, STEPS_MAX);
        let said = visit.said;
        if done.is_ok() {
            // The next time may be from another folder.
            let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
            let access = Access {
                password_file: access.password_file.as_ref().map(absolute),
                token_file: access.token_file.as_ref().map(absolute),
                ..access.clone()
            };
            self.ledger.sources.insert(address.to_owned(), access);
        }
        self.save()?;
        done.map(|()| said)
    }

    fn save(&self) -> Result<()> {
        collection::write(&self.folder.join(WORK).join("ledger.json"), &serde_json::to_vec(&self.ledger)?)
    }
}

/// One address that was given, with what it leads to.
struct Visit<'r> {
    client: Client,
    remote: &'r mut Remote,
    access: &'r Access,
    /// Scheme, host and port: a server leads to no other.
    origin: String,
    said: Vec<String>,
}

impl Visit<'_> {
    fn step(&mut self, address: &str, left: usize) -> Result<()> {
        if left == 0 {
            bail!("{address}: leads from one address to the next without end");
        }
        let (bytes, _) = self.get(address, self.bar(address).as_ref())?;
        match taxii::read(&bytes) {
            Some(Resource::Discovery { roots }) => {
                let roots: Vec<_> = roots.iter().map(|root| absolute(&self.origin, root)).collect();
                roots.iter().try_for_each(|root| self.step(root, left - 1))
            }
            Some(Resource::Root) => self.step(&below(address, "collections/"), left - 1),
            Some(Resource::Collections(collections)) => self.collections(address, &collections),
            Some(Resource::Collection(collection)) => self.collection(address, &collection),
            Some(Resource::Envelope { .. }) => self.objects(address, "collection"),
            None => match misp::manifest(&bytes) {
                Some(events) => self.events(address, events),
                None => self.file(address, &bytes),
            },
        }
    }

    /// The bytes at an address, and when the newest of its objects was added.
    fn get(&self, address: &str, bar: Option<&ProgressBar>) -> Result<(Vec<u8>, Option<String>)> {
        if origin(address) != self.origin {
            bail!("{address}: is of another server than {}; give that address by itself", self.origin);
        }
        let shown = |received: u64, _| {
            if let Some(bar) = bar {
                bar.set_prefix(format!("{} kB", received / 1_000));
            }
        };
        match self.client.fetch(address, FILE_BYTES_MAX as u64, None, &shown)? {
            Answer::Fetched { path, validators } => {
                let bytes = collection::read(&path, FILE_BYTES_MAX)?;
                // It is kept elsewhere, or not at all.
                let _ = fs::remove_file(path);
                Ok((bytes, validators.added_last))
            }
            Answer::Unchanged | Answer::Absent => bail!("{address}: there is nothing"),
        }
    }

    fn collections(&mut self, address: &str, collections: &[Collection]) -> Result<()> {
        let chosen = &self.access.collection;
        let wanted = |collection: &&Collection| {
            collection.can_read
                && (chosen.is_empty()
                    || chosen.iter().any(|id| *id == collection.id || *id == collection.title))
        };
        let wanted: Vec<_> = collections.iter().filter(wanted).take(COLLECTIONS_MAX).collect();
        if wanted.is_empty() {
            let titles: Vec<_> = collections.iter().map(|collection| collection.title.as_str()).collect();
            bail!("{address}: none of its collections may be read or was asked for: {}", titles.join(", "));
        }
        for collection in wanted {
            self.collection(&below(address, &format!("{}/", collection.id)), collection)?;
        }
        Ok(())
    }

    fn collection(&mut self, address: &str, collection: &Collection) -> Result<()> {
        if !collection.can_read {
            bail!("{address}: \u{201c}{}\u{201d} may not be read by this account", collection.title);
        }
        self.objects(&below(address, "objects/"), &collection.title)
    }

    /// What is new of a collection, page by page, put together with what is kept of it.
    fn objects(&mut self, address: &str, title: &str) -> Result<()> {
        let file = format!("taxii-{}-{}.json", mark(address), short(title));
        let kept = self.remote.ledger.collections.get(address);
        let path = self.remote.folder.join(&file);
        // Without the file nothing is known, whatever the ledger says.
        let known = kept.filter(|kept| kept.file == file && path.is_file());
        let mut added = known.and_then(|kept| kept.added.clone());
        let mut objects = match known {
            Some(_) => Objects::of_bundle(&fs::read(&path)?),
            None => Objects::default(),
        };
        let bar = self.bar(title);
        let (mut next, mut came, mut since) = (None::<String>, 0_usize, added.clone());
        for page in 0.. {
            if page >= PAGES_MAX {
                bail!("{address}: has more than {PAGES_MAX} pages");
            }
            let mut asked = format!("{address}?limit={PAGE_OBJECTS}");
            for (name, value) in [("added_after", &since), ("next", &next)] {
                if let Some(value) = value {
                    asked = format!("{asked}&{name}={}", encoded(value));
                }
            }
            let (bytes, newest) = self.get(&asked, bar.as_ref())?;
            let Some(Resource::Envelope { more, next: following, objects: these }) = taxii::read(&bytes)
            else {
                bail!("{asked}: is no envelope of TAXII 2.1");
            };
            came += these.len();
            these.into_iter().for_each(|object| objects.add(object));
            if let Some(bar) = &bar {
                bar.set_message(format!("{title}: {came} objects"));
            }
            let advanced = newest.is_some() && newest != since;
            added = newest.or(added);
            match (more, following) {
                (false, _) => break,
                (true, Some(following)) => next = Some(following),
                // Without a word on how to ask for more, what came last tells (section 3.4).
                (true, None) if advanced => (since, next) = (added.clone(), None),
                (true, None) => bail!("{address}: has more and does not say how to ask for it"),
            }
        }
        drop(bar);
        let bundle = objects.bundle();
        let read = indicators::read(&file, &bundle).with_context(|| address.to_owned())?;
        collection::write(&path, &bundle)?;
        self.remote.ledger.collections.insert(address.to_owned(), Kept { file, added });
        self.said.push(format!(
            "{title}: {came} new objects, {} kept, {} indicators of them",
            objects.len(),
            read.indicators.len()
        ));
        Ok(())
    }

    /// A MISP feed: events that changed, and those that went.
    fn events(&mut self, address: &str, mut events: BTreeMap<String, String>) -> Result<()> {
        if events.len() > EVENTS_MAX {
            bail!("{address}: lists more than {EVENTS_MAX} events");
        }
        let base = address.trim_end_matches("manifest.json").to_owned();
        let known = self.remote.ledger.events.remove(&base).unwrap_or_default();
        let place = |event: &str| format!("misp-{}-{event}.json", mark(&base));
        let (mut came, mut broken, mut indicators) = (0, Vec::new(), 0);
        let bar = self.bar(address);
        for (event, changed) in events.clone() {
            let path = self.remote.folder.join(place(&event));
            if known.get(&event) == Some(&changed) && path.is_file() {
                continue;
            }
            let fetched = self.get(&format!("{base}{event}.json"), bar.as_ref()).and_then(|(bytes, _)| {
                let read =
                    indicators::read(&event, &bytes).map_err(|error| anyhow!("{event}.json: {error}"))?;
                collection::write(&path, &bytes)?;
                Ok(read.indicators.len())
            });
            match fetched {
                Ok(count) => (came, indicators) = (came + 1, indicators + count),
                Err(error) => {
                    // It is asked for again the next time; what we have of it stays.
                    events.remove(&event);
                    broken.push(format!("{error:#}"));
                }
            }
            if let Some(bar) = &bar {
                bar.set_message(format!("{came} events"));
            }
        }
        drop(bar);
        for gone in known.keys().filter(|event| !events.contains_key(*event)) {
            if !broken.iter().any(|broken| broken.contains(gone.as_str())) {
                let _ = fs::remove_file(self.remote.folder.join(place(gone)));
            }
        }
        let all = events.len();
        self.remote.ledger.events.insert(base, events);
        self.said.push(format!("{address}: {came} new events of {all}, {indicators} indicators in them"));
        match broken.as_slice() {
            [] => Ok(()),
            [first, ..] => bail!("{} events could not be taken, the first: {first}", broken.len()),
        }
    }

    /// A bundle, an event or a list.
    fn file(&mut self, address: &str, bytes: &[u8]) -> Result<()> {
        let last = address.split(['?', '#']).next().unwrap_or(address).rsplit('/').next().unwrap_or_default();
        let file = format!("web-{}-{}", mark(address), short(last));
        let read = indicators::read(&file, bytes).with_context(|| address.to_owned())?;
        collection::write(&self.remote.folder.join(file), bytes)?;
        self.said.push(format!(
            "{address}: {} indicators, {} warning lists, {} skipped",
            read.indicators.len(),
            read.warning_lists.len(),
            read.skipped
        ));
        Ok(())
    }

    fn bar(&self, message: &str) -> Option<ProgressBar> {
        (!self.remote.quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new_spinner().with_message(message.to_owned());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        })
    }
}

/// What proves who asks, from the files that were named.
fn authorization(access: &Access) -> Result<Option<String>> {
    let secret = |path: &Path| -> Result<String> {
        let length = fs::metadata(path).map(|about| about.len());
        let length = length.with_context(|| format!("{}: cannot be read", path.display()))?;
        if length > SECRET_BYTES_MAX {
            bail!("{}: is {length} bytes long; a secret on one line is expected", path.display());
        }
        let text = fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))?;
        Ok(text.trim().to_owned())
    };
    Ok(match (&access.user, &access.password_file, &access.token_file) {
        (Some(user), Some(password), _) => {
            Some(format!("Basic {}", STANDARD.encode(format!("{user}:{}", secret(password)?))))
        }
        (_, _, Some(token)) => Some(format!("Bearer {}", secret(token)?)),
        _ => None,
    })
}

/// Whether what is sent to an address stays on this machine.
fn is_of_this_machine(address: &str) -> bool {
    let host = address.trim_start_matches("http://").split('/').next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Scheme, host and port of an address.
fn origin(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("https", address));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    format!("{scheme}://{}", host.to_ascii_lowercase())
}

/// An address as a server writes it: whole, or from its own root.
fn absolute(origin: &str, address: &str) -> String {
    if address.contains("://") {
        return address.to_owned();
    }
    format!("{origin}/{}", address.trim_start_matches('/'))
}

fn below(address: &str, part: &str) -> String {
    format!("{}/{part}", address.split(['?', '#']).next().unwrap_or(address).trim_end_matches('/'))
}

/// A value of a query: RFC 3986 section 2.1.
fn encoded(value: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    value.bytes().map(byte).collect()
}

fn mark(address: &str) -> String {
    collection::mark(address.as_bytes())
}

/// A part of a file's name, whatever a server calls its collections.
fn short(text: &str) -> String {
    collection::plain(text).chars().take(NAME_LENGTH_MAX).collect()
}
