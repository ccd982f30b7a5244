//! One file over HTTP: only if it changed, within bounds, on from where it was cut off, and as patiently as the server asks.
//!
//! RFC 9110: conditional requests (section 13), ranges (section 14), `Retry-After` (section 10.2.3).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};
use ureq::http::{HeaderMap, Response};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};
use wardline_feeds::indicators::taxii;
use wardline_feeds::sources::retry;

use super::ledger::Validators;
use crate::feed::wall_clock;

/// Attempts for a file that bring nothing on.
const ATTEMPTS_MAX: u32 = 4;

/// An attempt that brought this many bytes was not in vain.
const PROGRESS_BYTES: u64 = 64 * 1024;

/// A server that sends less in the time that it has is given up, bytes per second.
const RATE_MIN_BYTES_PER_S: u64 = 1024;

/// Longest wait that a server may ask for, seconds. Whoever wants more is asked another day.
const WAIT_MAX_S: u64 = 120;

const REDIRECTS_MAX: u32 = 5;

/// What came.
pub(crate) enum Answer {
    /// What we have is what there is.
    Unchanged,
    /// There is no such file.
    Absent,
    /// It lies here, whole.
    Fetched {
        /// Where.
        path: PathBuf,
        /// How to ask next time.
        validators: Validators,
    },
}

/// How one attempt ended.
enum Attempt {
    Answered(Answer),
    /// Again, after this many seconds; `brought` bytes came.
    Again {
        why: String,
        wait_s: u64,
        brought: u64,
    },
}

/// Fetches files into a folder.
pub(crate) struct Client {
    agent: Agent,
    accept: Option<String>,
    authorization: Option<String>,
    folder: PathBuf,
    timeout: Duration,
}

impl Client {
    pub(crate) fn new(folder: &Path, timeout: Duration) -> Self {
        let found = rustls_native_certs::load_native_certs();
        let roots: Vec<_> =
            found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .build();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("wardline/", env!("CARGO_PKG_VERSION")))
            .max_redirects(REDIRECTS_MAX)
            .timeout_resolve(Some(timeout))
            .timeout_connect(Some(timeout))
            .timeout_recv_response(Some(timeout))
            .timeout_per_read(Some(timeout))
            .tls_config(tls)
            .build()
            .new_agent();
        Self { agent, accept: None, authorization: None, folder: folder.to_owned(), timeout }
    }

    /// The same, asking for certain media types and saying who asks. A redirection to another host is not told who.
    pub(crate) fn asking(mut self, accept: String, authorization: Option<String>) -> Self {
        (self.accept, self.authorization) = (Some(accept), authorization);
        self
    }

    /// Fetches a file of at most `bytes_max` bytes unless it is the one that is known. `shown` is told how many bytes of
    /// how many have come.
    pub(crate) fn fetch(
        &self,
        address: &str,
        bytes_max: u64,
        known: Option<&Validators>,
        shown: &dyn Fn(u64, Option<u64>),
    ) -> Result<Answer> {
        let part = Part::of(&self.folder, address);
        let mut in_vain = 0;
        loop {
            let attempt =
                self.attempt(address, bytes_max, known, &part, shown).with_context(|| address.to_owned())?;
            match attempt {
                Attempt::Answered(answer) => return Ok(answer),
                Attempt::Again { why, wait_s, brought } => {
                    in_vain = if brought >= PROGRESS_BYTES { 0 } else { in_vain + 1 };
                    if in_vain >= ATTEMPTS_MAX {
                        bail!("{address}: {why}; {in_vain} attempts");
                    }
                    if wait_s > WAIT_MAX_S {
                        bail!("{address}: {why}; it asks to wait {wait_s} s: run this again then");
                    }
                    std::thread::sleep(Duration::from_secs(wait_s));
                }
            }
        }
    }

    fn attempt(
        &self,
        address: &str,
        bytes_max: u64,
        known: Option<&Validators>,
        part: &Part,
        shown: &dyn Fn(u64, Option<u64>),
    ) -> Result<Attempt> {
        let begun = part.begun();
        let mut request = self.agent.get(address).config().https_only(address.starts_with("https:")).build();
        for (name, value) in [("Accept", &self.accept), ("Authorization", &self.authorization)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        if let Some((length, mark)) = &begun {
            request = request.header("Range", format!("bytes={length}-")).header("If-Range", mark);
        } else if let Some(known) = known {
            if let Some(etag) = &known.etag {
                request = request.header("If-None-Match", etag);
            }
            if let Some(date) = &known.last_modified {
                request = request.header("If-Modified-Since", date);
            }
        }
        let answer = match request.call() {
            Ok(answer) => answer,
            Err(error @ (ureq::Error::BadUri(_) | ureq::Error::RequireHttpsOnly(_))) => {
                return Err(error.into());
            }
            Err(error) => return Ok(again(&error, 1, 0)),
        };
        let offset = match (answer.status().as_u16(), begun) {
            (200, _) => 0,
            (206, Some((length, _))) if continues(answer.headers(), length) => length,
            (206 | 416, Some(_)) => {
                part.discard();
                return Ok(again(&"the server lost the part that we have", 0, 0));
            }
            (304, None) => return Ok(Attempt::Answered(Answer::Unchanged)),
            (401 | 403, _) => bail!(
                "answers {}: name the account by --user and --password-file, or --token-file",
                answer.status().as_u16()
            ),
            (404 | 410, _) => return Ok(Attempt::Answered(Answer::Absent)),
            (status @ (429 | 500 | 502 | 503 | 504), _) => {
                let wait = header(answer.headers(), "retry-after")
                    .and_then(|value| retry::wait_s(value, wall_clock()));
                return Ok(again(&format!("answers {status}"), wait.unwrap_or(2), 0));
            }
            (status, _) => bail!("answers {status}"),
        };
        self.body(answer, offset, bytes_max, part, shown)
    }

    fn body(
        &self,
        answer: Response<Body>,
        offset: u64,
        bytes_max: u64,
        part: &Part,
        shown: &dyn Fn(u64, Option<u64>),
    ) -> Result<Attempt> {
        let own = |name| header(answer.headers(), name).map(str::to_owned);
        let validators = Validators {
            etag: own("etag"),
            last_modified: own("last-modified"),
            added_last: own(taxii::DATE_ADDED_LAST).or_else(|| own(taxii::DATE_ADDED_FIRST)),
        };
        let length = header(answer.headers(), "content-length").and_then(|length| length.parse::<u64>().ok());
        let total = length.map(|length| length.saturating_add(offset));
        if total.is_some_and(|total| total > bytes_max) {
            bail!("is {} bytes long; at most {bytes_max} are fetched", total.unwrap_or_default());
        }
        let mut file = part.open(offset, &validators).context("cannot be kept while it is fetched")?;
        let mut reader = answer.into_body().into_with_config().limit(u64::MAX).reader();
        let (mut buffer, mut received, started) = (vec![0; 64 * 1024], 0_u64, Instant::now());
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) => return Ok(again(&error, 1, received)),
            };
            file.write_all(buffer.get(..count).unwrap_or_default()).context("cannot be kept")?;
            received += count as u64;
            if offset + received > bytes_max {
                part.discard();
                bail!("is longer than {bytes_max} bytes");
            }
            let elapsed = started.elapsed();
            if elapsed > self.timeout && received < RATE_MIN_BYTES_PER_S * elapsed.as_secs() {
                return Ok(again(&"sends too slowly", 1, received));
            }
            shown(offset + received, total);
        }
        if let Some(total) = total.filter(|total| offset + received < *total) {
            let why = format!("was cut off after {} of {total} bytes", offset + received);
            return Ok(again(&why, 1, received));
        }
        file.sync_all().context("cannot be kept")?;
        part.forget_mark();
        Ok(Attempt::Answered(Answer::Fetched { path: part.path.clone(), validators }))
    }
}

fn again(why: &impl ToString, wait_s: u64, brought: u64) -> Attempt {
    Attempt::Again { why: why.to_string(), wait_s, brought }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn continues(headers: &HeaderMap, length: u64) -> bool {
    let range = header(headers, "content-range").and_then(|range| range.strip_prefix("bytes "));
    range.and_then(|range| range.split_once('-')).is_some_and(|(from, _)| from.parse() == Ok(length))
}

/// A file that is on its way, with the mark of the version that it is a part of beside it.
struct Part {
    path: PathBuf,
    mark: PathBuf,
}

impl Part {
    fn of(folder: &Path, address: &str) -> Self {
        let name: String =
            Sha256::digest(address.as_bytes()).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        Self { path: folder.join(format!("{name}.part")), mark: folder.join(format!("{name}.mark")) }
    }

    /// How long it is and its mark, where it can be continued.
    fn begun(&self) -> Option<(u64, String)> {
        let mark = fs::read_to_string(&self.mark).ok()?;
        let length = fs::metadata(&self.path).ok()?.len();
        (length > 0 && !mark.is_empty()).then_some((length, mark))
    }

    fn open(&self, offset: u64, validators: &Validators) -> io::Result<File> {
        if offset == 0 {
            match validators.for_range() {
                Some(mark) => fs::write(&self.mark, mark)?,
                None => self.forget_mark(),
            }
        }
        let mut file = OpenOptions::new().create(true).write(true).truncate(offset == 0).open(&self.path)?;
        file.seek(io::SeekFrom::Start(offset))?;
        Ok(file)
    }

    /// What cannot be removed is written over by the next attempt.
    fn forget_mark(&self) {
        let _ = fs::remove_file(&self.mark);
    }

    fn discard(&self) {
        self.forget_mark();
        let _ = fs::remove_file(&self.path);
    }
}
