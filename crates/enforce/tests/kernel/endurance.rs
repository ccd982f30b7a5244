//! Whatever befalls the enforcer, and whenever: restrictions end with the lease.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::hospital::{FILES, GATEWAY, Hospital, Part, RECORDS, VENTILATOR};

const LEASE_S: u64 = 2;
/// Restrictions may outlive the enforcer by so long.
const LIMIT: Duration = Duration::from_secs(LEASE_S + 1);
/// Between a blow that the keeper survives and the one that it does not: longer than a renewal, shorter than a lease.
const SURVIVED: Duration = Duration::from_millis(1_300);
/// Hospitals that are tried side by side.
const HOSPITALS: u32 = 4;

/// What befalls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    Killed,
    Stopped,
    /// Its clock is set by so many seconds, then it is killed.
    ClockJump(i32),
    /// Its clock is set while nobody confirms: the change is taken back in time by the clock that nobody sets.
    ClockJumpUnconfirmed(i32),
    /// Its disk is full, then it is killed.
    DiskFull,
}

const BLOWS: [Blow; 8] = [
    Blow::Killed,
    Blow::Stopped,
    Blow::ClockJump(3_600),
    Blow::DiskFull,
    Blow::ClockJumpUnconfirmed(-3_600),
    Blow::Stopped,
    Blow::ClockJump(-3_600),
    Blow::Killed,
];

/// Random moments that a seed repeats (xorshift64*).
struct Moments(u64);

impl Moments {
    fn below(&mut self, limit: Duration) -> Duration {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let part = (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f64 / f64::from(1_u32 << 24);
        limit.mul_f64(part)
    }
}

/// Lets a process see another time of day; its monotonic clock stays.
fn clock_library() -> Option<PathBuf> {
    let found = std::fs::read_dir("/usr/lib").ok()?.flatten();
    found
        .map(|entry| entry.path().join("faketime/libfaketime.so.1"))
        .find(|path| path.exists())
        .or_else(|| Some(PathBuf::from("/usr/lib/faketime/libfaketime.so.1")).filter(|path| path.exists()))
}

struct Ward {
    hospital: Hospital,
    _server: Part,
    policy: String,
    untouched: String,
    clock: PathBuf,
    library: Option<PathBuf>,
}

impl Ward {
    fn open() -> Option<Self> {
        let hospital = Hospital::open()?;
        hospital.small_disk();
        let server = crate::served(&hospital);
        let policy = hospital.policy("one", 0);
        let clock = hospital.state().join("clock");
        let library = clock_library();
        if library.is_none() {
            println!("clock jumps are left out: install faketime");
        }
        let untouched = hospital.rules();
        Some(Self { hospital, _server: server, policy, untouched, clock, library })
    }

    fn set_clock(&self, offset_s: i32) {
        std::fs::write(&self.clock, format!("{offset_s:+}\n")).unwrap();
    }

    fn keeper(&self, within_s: u64) -> Part {
        self.set_clock(0);
        let lease = LEASE_S.to_string();
        let generation = self.hospital.ask("r", "apply", &[&self.policy, &within_s.to_string(), &lease]);
        let one = OsStr::new("1");
        let mut variables: Vec<(&str, &OsStr)> = Vec::new();
        if let Some(library) = &self.library {
            variables = vec![
                ("LD_PRELOAD", Path::as_os_str(library)),
                ("FAKETIME_TIMESTAMP_FILE", self.clock.as_os_str()),
                ("FAKETIME_NO_CACHE", one),
                ("FAKETIME_DONT_FAKE_MONOTONIC", one),
                ("DONT_FAKE_MONOTONIC", one),
            ];
        }
        self.hospital.part_with("r", "keep", &[&generation], &variables)
    }

    fn is_restricted(&self) -> bool {
        !self.hospital.connects(VENTILATOR, FILES) && self.hospital.connects(VENTILATOR, RECORDS)
    }

    /// How long restrictions outlived the blow; `None` where it could not be dealt.
    fn suffer(&self, blow: Blow, moment: Duration, confirmed: bool) -> Option<Duration> {
        let jumps = matches!(blow, Blow::ClockJump(_) | Blow::ClockJumpUnconfirmed(_));
        if jumps && self.library.is_none() {
            return None;
        }
        let waits = matches!(blow, Blow::ClockJumpUnconfirmed(_));
        // Long enough that the jump comes before the end.
        let within_s = if waits { 4 } else { 600 };
        let applied = Instant::now();
        let keeper = self.keeper(within_s);
        if confirmed && !waits {
            assert_eq!(self.hospital.ask("r", "confirm", &[]), "true");
        }
        thread::sleep(if waits { moment / 4 } else { moment });
        assert!(self.is_restricted(), "{blow:?} after {moment:?}");
        let mut probe = self.hospital.part("a", "until-open", &[&format!("{GATEWAY}:{FILES}")]);
        assert_eq!(probe.line(), "ready");
        let mut filler = None;
        let mut start = Instant::now();
        match blow {
            Blow::Killed => keeper.signal("-KILL"),
            Blow::Stopped => keeper.signal("-STOP"),
            Blow::ClockJumpUnconfirmed(offset_s) => {
                self.set_clock(offset_s);
                start = applied + Duration::from_secs(within_s);
            }
            Blow::ClockJump(offset_s) => {
                self.set_clock(offset_s);
                start = self.survive(&keeper, blow);
            }
            Blow::DiskFull => {
                filler = Some(self.hospital.fill_disk());
                start = self.survive(&keeper, blow);
            }
        }
        assert_eq!(probe.line(), "open");
        let outlived = start.elapsed();
        assert!(self.hospital.connects(VENTILATOR, RECORDS), "{blow:?}");
        if let Blow::ClockJumpUnconfirmed(offset_s) = blow {
            let off = self.reverted_s() - i64::try_from(crate::parts::now_s()).unwrap();
            assert!((off - i64::from(offset_s)).abs() < 60, "the keeper saw no jump: {off} s");
        }
        if filler.is_some() {
            // It lifts although it cannot be written down; then there is room again.
            self.hospital.ask("r", "rollback", &[]);
            assert_eq!(self.hospital.rules(), self.untouched, "{blow:?}");
        }
        drop((keeper, filler));
        let rolled = self.hospital.ask("r", "rollback", &[]);
        assert!(rolled == "true" || rolled.contains("nothing to roll back"), "{blow:?}: {rolled}");
        assert_eq!(self.hospital.rules(), self.untouched, "{blow:?}");
        Some(outlived)
    }

    /// When, by the keeper's own clock, it took a change back the last time.
    fn reverted_s(&self) -> i64 {
        let start = Instant::now();
        loop {
            let log = std::fs::read_to_string(self.hospital.state().join("enforce/audit.jsonl")).unwrap();
            let last = log.lines().rev().find(|line| line.contains("\"reverted\""));
            if let Some(line) = last.filter(|_| log.lines().next_back() == last) {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                return line["entry"]["time_s"].as_i64().unwrap();
            }
            // The rules change before that is written down.
            assert!(start.elapsed() < Duration::from_secs(5), "{log}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The keeper goes on renewing; then it is killed. Tells when.
    fn survive(&self, keeper: &Part, blow: Blow) -> Instant {
        thread::sleep(SURVIVED);
        assert!(self.is_restricted(), "{blow:?} alone lifts nothing");
        let start = Instant::now();
        keeper.signal("-KILL");
        start
    }
}

/// Deals so many blows at random moments, in several hospitals at once.
fn endure(rounds: u32, hospitals: u32, seed: u64) {
    let ward = |number: u32| {
        let ward = Ward::open()?;
        let mut moments = Moments(seed.wrapping_add(u64::from(number)) | 1);
        let mut outlived = Vec::new();
        for round in (number..rounds).step_by(hospitals as usize) {
            let blow = BLOWS[(round / hospitals + number) as usize % BLOWS.len()];
            let moment = moments.below(Duration::from_secs(LEASE_S + 1));
            let Some(time) = ward.suffer(blow, moment, round % 2 == 0) else { continue };
            assert!(time <= LIMIT, "seed {seed}, round {round}, {blow:?} after {moment:?}: {time:?}");
            outlived.push(time);
        }
        Some(outlived)
    };
    let wards: Vec<Option<Vec<Duration>>> = thread::scope(|scope| {
        let running: Vec<_> = (0..hospitals).map(|number| scope.spawn(move || ward(number))).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let outlived: Vec<Duration> = wards.into_iter().flatten().flatten().collect();
    println!("{} blows, longest {:?}", outlived.len(), outlived.iter().max());
}

#[test]
fn restrictions_end_with_the_lease_whatever_befalls_the_keeper() {
    endure(8, 2, 0x5eed);
}

#[test]
#[ignore = "takes ten minutes"]
fn restrictions_end_with_the_lease_two_hundred_times() {
    let seed = crate::parts::now_s();
    println!("seed {seed}");
    endure(200, HOSPITALS, seed);
}
