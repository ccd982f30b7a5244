//! Who asks: by the cookie of a session or by the token of a program.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, header};
use serde::Deserialize;
use tokio::sync::Semaphore;
use wardline_model::Timestamp;

use super::accounts::{self, PASSWORD_BYTES_MAX};
use super::sessions::{AGE_MAX, Failures, Sessions, Tried};
use super::{AccountError, Accounts, Visitor};

/// Passwords that are checked at the same time: each takes 19 MiB and some tens of milliseconds.
const CHECKS_MAX: usize = 2;
/// The file of accounts is looked at so often at most.
const REFRESH: Duration = Duration::from_secs(1);

/// What somebody signs in with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    name: String,
    password: String,
    #[serde(default)]
    code: Option<String>,
}

/// Why somebody does not get in. A wrong name and a wrong password are one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Wrong,
    /// The password is right; a code is asked for as well.
    CodeMissing,
    Wait(Duration),
    /// Too many at once.
    Busy,
}

struct Inner {
    accounts: Accounts,
    looked: Instant,
    sessions: Sessions,
    failures: Failures,
    /// By name: the step of time of the last code, which is good once.
    codes: HashMap<String, u64>,
}

/// Knows who may enter.
pub(crate) struct Doorkeeper {
    inner: Mutex<Inner>,
    checks: Semaphore,
    /// A hash that nobody has the password of: who does not exist is refused as slowly as who does.
    decoy: String,
    /// Whether the way to the browser is TLS.
    secure: bool,
}

impl Doorkeeper {
    pub(crate) fn new(accounts: Accounts, secure: bool) -> Result<Self, AccountError> {
        let inner = Inner {
            accounts,
            looked: Instant::now(),
            sessions: Sessions::default(),
            failures: Failures::default(),
            codes: HashMap::new(),
        };
        let decoy = accounts::decoy()?;
        Ok(Self { inner: Mutex::new(inner), checks: Semaphore::new(CHECKS_MAX), decoy, secure })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nobody leaves it half changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Name of the cookie. The prefix binds it to this host, and to TLS.
    const fn cookie(&self) -> &'static str {
        if self.secure { "__Host-wardline" } else { "wardline" }
    }

    /// Begins a session. Gives who it is and the cookie to set.
    pub(crate) async fn sign_in(
        &self,
        from: Option<IpAddr>,
        asked: SignIn,
    ) -> Result<(Visitor, String), Refusal> {
        let tried: Vec<_> =
            [Some(Tried::Name(asked.name.clone())), from.map(Tried::Address)].into_iter().flatten().collect();
        let hash = {
            let mut inner = self.lock();
            let now = Instant::now();
            if let Some(wait) = tried.iter().filter_map(|tried| inner.failures.wait(tried, now)).max() {
                return Err(Refusal::Wait(wait));
            }
            tried.iter().for_each(|tried| inner.failures.failed(tried.clone(), now));
            inner.refresh();
            inner.accounts.get(&asked.name).cloned()
        };
        let permit = self.checks.acquire().await.map_err(|_| Refusal::Busy)?;
        let decoy = self.decoy.clone();
        let SignIn { name, password, code } = asked;
        let checked = tokio::task::spawn_blocking(move || match hash {
            _ if password.len() > PASSWORD_BYTES_MAX => None,
            Some(account) => account.is_password(&password).then_some(account),
            None => {
                accounts::is_password(&decoy, &password);
                None
            }
        });
        let account = checked.await.map_err(|_| Refusal::Busy)?;
        drop(permit);
        let mut inner = self.lock();
        let now = Instant::now();
        let right = match (account, code.filter(|code| !code.is_empty())) {
            (Some(account), None) if account.has_second_factor() => {
                tried.iter().for_each(|tried| inner.failures.did_not_fail(tried));
                return Err(Refusal::CodeMissing);
            }
            (Some(account), Some(code)) if account.has_second_factor() => {
                let step = account.code_step(&code, now_s());
                let fresh = step.filter(|step| inner.codes.get(&name).is_none_or(|used| step > used));
                fresh.map(|step| {
                    inner.codes.insert(name.clone(), step);
                    account
                })
            }
            (account, _) => account,
        };
        let account = right.ok_or(Refusal::Wrong)?;
        let secret = accounts::random().map_err(|_| Refusal::Busy)?;
        let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        // What an address did before stays: it may be trying many names.
        tried.iter().for_each(|tried| inner.failures.did_not_fail(tried));
        inner.failures.succeeded(&Tried::Name(name.clone()));
        inner.sessions.begin(accounts::digest(&secret), &name, now);
        let cookie = self.set_cookie(&secret, AGE_MAX.as_secs());
        Ok((Visitor { name, role: account.role, zone: account.zone }, cookie))
    }

    /// Ends a session. Gives the cookie that takes the browser's away.
    pub(crate) fn sign_out(&self, headers: &HeaderMap) -> String {
        if let Some(secret) = self.session_secret(headers) {
            self.lock().sessions.end(&accounts::digest(secret));
        }
        self.set_cookie("", 0)
    }

    /// Who asks.
    pub(crate) fn visitor(&self, headers: &HeaderMap) -> Option<Visitor> {
        let mut inner = self.lock();
        inner.refresh();
        let inner = &mut *inner;
        let bearer =
            headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let account = match (bearer, self.session_secret(headers)) {
            (Some(token), _) => inner
                .accounts
                .of_token(token, Timestamp::from_seconds(i64::try_from(now_s()).unwrap_or(i64::MAX)))?,
            (None, Some(secret)) => {
                let name = inner.sessions.name(&accounts::digest(secret), Instant::now())?;
                // Whoever was removed meanwhile is out.
                inner.accounts.get(&name)?
            }
            (None, None) => return None,
        };
        Some(Visitor { name: account.name.clone(), role: account.role, zone: account.zone.clone() })
    }

    fn session_secret<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find_map(|(name, value)| (name == self.cookie()).then_some(value))
    }

    fn set_cookie(&self, value: &str, age_s: u64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age_s}{secure}", self.cookie())
    }
}

impl Inner {
    /// Accounts are managed by a program of their own: what it changed holds within a second.
    fn refresh(&mut self) {
        if self.looked.elapsed() < REFRESH {
            return;
        }
        self.looked = Instant::now();
        if let Err(error) = self.accounts.refresh() {
            tracing::error!(%error, "the accounts could not be read again; those of before stay");
        }
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
