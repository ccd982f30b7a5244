//! Who is signed in, and who tried too often.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// A session that nobody uses ends after this time.
const IDLE_MAX: Duration = Duration::from_secs(30 * 60);
/// And every session after this one: a shift.
pub(super) const AGE_MAX: Duration = Duration::from_secs(12 * 3_600);
const SESSIONS_MAX: usize = 10_000;
/// Names and addresses that failed, of which count is kept.
const FAILURES_MAX: usize = 10_000;
/// Attempts that may fail for a name before it has to wait.
const NAME_FREE: u32 = 5;
/// For an address many people may sign in.
const ADDRESS_FREE: u32 = 20;
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);

struct Session {
    name: String,
    began: Instant,
    used: Instant,
}

/// Sessions by the digest of what the browser shows.
#[derive(Default)]
pub(super) struct Sessions(HashMap<String, Session>);

impl Sessions {
    pub(super) fn begin(&mut self, digest: String, name: &str, now: Instant) {
        self.0.retain(|_, session| session.lasts(now));
        if self.0.len() >= SESSIONS_MAX {
            let oldest = self.0.iter().min_by_key(|(_, session)| session.used);
            if let Some(oldest) = oldest.map(|(digest, _)| digest.clone()) {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(digest, Session { name: name.to_owned(), began: now, used: now });
    }

    /// Whose session it is, while it lasts; it was used now.
    pub(super) fn name(&mut self, digest: &str, now: Instant) -> Option<String> {
        let session = self.0.get_mut(digest).filter(|session| session.lasts(now))?;
        session.used = now;
        Some(session.name.clone())
    }

    pub(super) fn end(&mut self, digest: &str) {
        self.0.remove(digest);
    }
}

impl Session {
    fn lasts(&self, now: Instant) -> bool {
        now.duration_since(self.used) < IDLE_MAX && now.duration_since(self.began) < AGE_MAX
    }
}

/// Who is tried, or who tries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Tried {
    Name(String),
    Address(IpAddr),
}

impl Tried {
    const fn free(&self) -> u32 {
        match self {
            Self::Name(_) => NAME_FREE,
            Self::Address(_) => ADDRESS_FREE,
        }
    }
}

/// Attempts that failed: after some, each further one has to wait twice as long.
#[derive(Default)]
pub(super) struct Failures(HashMap<Tried, (u32, Instant)>);

impl Failures {
    /// How long the next attempt has to wait.
    pub(super) fn wait(&self, tried: &Tried, now: Instant) -> Option<Duration> {
        let (count, last) = self.0.get(tried)?;
        let over = count.checked_sub(tried.free())?;
        let wait = Duration::from_secs(1_u64 << over.min(10)).min(WAIT_MAX);
        wait.checked_sub(now.duration_since(*last)).filter(|left| !left.is_zero())
    }

    /// Counts an attempt as failed. Before it is judged, so that many at once are not all the first.
    pub(super) fn failed(&mut self, tried: Tried, now: Instant) {
        if self.0.len() >= FAILURES_MAX && !self.0.contains_key(&tried) {
            self.0.retain(|_, (_, last)| now.duration_since(*last) < WAIT_MAX);
            let oldest = self.0.iter().min_by_key(|(_, (_, last))| *last).map(|(tried, _)| tried.clone());
            if let Some(oldest) = oldest.filter(|_| self.0.len() >= FAILURES_MAX) {
                self.0.remove(&oldest);
            }
        }
        let (count, last) = self.0.entry(tried).or_insert((0, now));
        // A quarter of an hour without an attempt makes good.
        *count = if now.duration_since(*last) >= WAIT_MAX { 1 } else { count.saturating_add(1) };
        *last = now;
    }

    /// One attempt did not fail after all.
    pub(super) fn did_not_fail(&mut self, tried: &Tried) {
        if let Some((count, _)) = self.0.get_mut(tried) {
            *count = count.saturating_sub(1);
        }
    }

    /// What failed before is forgotten.
    pub(super) fn succeeded(&mut self, tried: &Tried) {
        self.0.remove(tried);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_nobody_uses_it_and_after_a_shift() {
        let (mut sessions, begin) = (Sessions::default(), Instant::now());
        let after = |minutes: u64| begin + Duration::from_secs(minutes * 60);
        sessions.begin("one".to_owned(), "ada", begin);
        assert_eq!(sessions.name("one", after(29)).as_deref(), Some("ada"));
        assert_eq!(sessions.name("one", after(58)).as_deref(), Some("ada"));
        assert_eq!(sessions.name("one", after(89)), None);
        sessions.begin("two".to_owned(), "ben", begin);
        for minutes in (0..720).step_by(20) {
            assert!(sessions.name("two", after(minutes)).is_some());
        }
        assert_eq!(sessions.name("two", after(720)), None);
        sessions.begin("three".to_owned(), "ada", begin);
        sessions.end("three");
        assert_eq!(sessions.name("three", begin), None);
    }

    #[test]
    fn who_fails_often_waits_longer_each_time_and_is_forgiven() {
        let (mut failures, begin) = (Failures::default(), Instant::now());
        let tried = Tried::Name("ada".to_owned());
        for _ in 0..NAME_FREE - 1 {
            failures.failed(tried.clone(), begin);
            assert_eq!(failures.wait(&tried, begin), None);
        }
        let waits: Vec<_> = (0..14)
            .map(|_| {
                failures.failed(tried.clone(), begin);
                failures.wait(&tried, begin).unwrap().as_secs()
            })
            .collect();
        assert!(waits.is_sorted() && waits[0] == 1 && waits[13] == 900, "{waits:?}");
        assert_eq!(failures.wait(&tried, begin + WAIT_MAX), None);
        failures.failed(tried.clone(), begin + WAIT_MAX);
        assert_eq!(failures.wait(&tried, begin + WAIT_MAX), None, "it begins anew");
        failures.succeeded(&tried);
        assert_eq!(failures.wait(&tried, begin), None);
    }
}
