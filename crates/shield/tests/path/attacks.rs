//! Somebody on the path between the two ends, who does what such people do.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use wardline_model::Attack;

use crate::pair::{self, PATIENCE, Pair, until, value};

/// What is done to the records of TLS in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Nothing.
    Watch,
    /// The bit with this number of the record with this number is turned over.
    Flip { record: usize, bit: usize },
    /// The record comes twice.
    Replay { record: usize },
    /// The record comes after the next one.
    Reorder { record: usize },
    /// The record is left out.
    Drop { record: usize },
    /// The connection ends in the middle of the record.
    Cut { record: usize },
    /// A made-up record is put before it.
    Inject { record: usize },
}

impl Deed {
    fn record(self) -> Option<usize> {
        match self {
            Self::Watch => None,
            Self::Flip { record, .. }
            | Self::Replay { record }
            | Self::Reorder { record }
            | Self::Drop { record }
            | Self::Cut { record }
            | Self::Inject { record } => Some(record),
        }
    }
}

/// A proxy between the two ends.
pub(crate) struct Meddler {
    pub(crate) address: SocketAddr,
    deed: Arc<Mutex<(Deed, bool)>>,
    lengths: Arc<Mutex<Vec<usize>>>,
    seen: Arc<Mutex<Vec<u8>>>,
    done: Arc<AtomicUsize>,
}

impl Meddler {
    pub(crate) async fn start(link: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let deed = Arc::new(Mutex::new((Deed::Watch, false)));
        let (lengths, seen) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let done = Arc::new(AtomicUsize::new(0));
        let shared = (Arc::clone(&deed), Arc::clone(&lengths), Arc::clone(&seen), Arc::clone(&done));
        tokio::spawn(async move {
            while let Ok((inner, _)) = listener.accept().await {
                let Ok(outer) = TcpStream::connect(link).await else { continue };
                let _ = (inner.set_nodelay(true), outer.set_nodelay(true));
                let ((inner_read, inner_write), (outer_read, outer_write)) =
                    (inner.into_split(), outer.into_split());
                let (deed, lengths, seen, done) = shared.clone();
                let (deed, backward) = std::mem::replace(&mut *deed.lock().unwrap(), (Deed::Watch, false));
                let of = |direction| if direction == backward { deed } else { Deed::Watch };
                tokio::spawn(pass(
                    outer_read,
                    inner_write,
                    of(true),
                    lengths.clone(),
                    seen.clone(),
                    done.clone(),
                ));
                tokio::spawn(pass(inner_read, outer_write, of(false), lengths, seen, done));
            }
        });
        Self { address, deed, lengths, seen, done }
    }

    /// To the next connection; `backward` is from the clinic end to the device end.
    pub(crate) fn set(&self, deed: Deed, backward: bool) {
        *self.deed.lock().unwrap() = (deed, backward);
    }

    pub(crate) fn record_lengths(&self) -> Vec<usize> {
        self.lengths.lock().unwrap().clone()
    }

    /// Everything that went by.
    pub(crate) fn seen(&self) -> Vec<u8> {
        self.seen.lock().unwrap().clone()
    }
}

async fn record(read: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 5];
    read.read_exact(&mut bytes).await.ok()?;
    let length = usize::from(u16::from_be_bytes([bytes[3], bytes[4]]));
    bytes.resize(5 + length, 0);
    read.read_exact(&mut bytes[5..]).await.ok()?;
    Some(bytes)
}

async fn pass(
    mut read: OwnedReadHalf,
    mut write: OwnedWriteHalf,
    deed: Deed,
    lengths: Arc<Mutex<Vec<usize>>>,
    seen: Arc<Mutex<Vec<u8>>>,
    done: Arc<AtomicUsize>,
) {
    let mut held: Option<Vec<u8>> = None;
    let mut number = 0;
    while let Some(mut bytes) = record(&mut read).await {
        lengths.lock().unwrap().push(bytes.len() - 5);
        seen.lock().unwrap().extend_from_slice(&bytes);
        if deed.record() == Some(number) {
            done.fetch_add(1, Ordering::Relaxed);
        }
        let mut out = Vec::new();
        match deed {
            Deed::Flip { record, bit } if record == number => {
                // Of the content: a wrong length alone would only make the other end wait.
                let bit = 40 + bit % ((bytes.len() - 5) * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
                out.extend(&bytes);
            }
            Deed::Replay { record } if record == number => out.extend([bytes.clone(), bytes].concat()),
            Deed::Reorder { record } if record == number => held = Some(bytes),
            Deed::Drop { record } if record == number => {}
            Deed::Cut { record } if record == number => {
                let _ = write.write_all(&bytes[..bytes.len() / 2]).await;
                return;
            }
            Deed::Inject { record } if record == number => {
                out.extend([0x17, 3, 3, 0, 64]);
                out.extend([0x5a; 64]);
                out.extend(&bytes);
            }
            _ => out.extend(&bytes),
        }
        if !matches!(deed, Deed::Reorder { record } if record == number)
            && let Some(held) = held.take()
        {
            out.extend(held);
        }
        number += 1;
        if write.write_all(&out).await.is_err() {
            return;
        }
    }
    let _ = write.shutdown().await;
}

/// A server that takes numbered lines and keeps them all, whole or not.
async fn keep(address: SocketAddr) -> Arc<Mutex<Vec<u8>>> {
    let listener = TcpListener::bind(address).await.unwrap();
    let kept = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::clone(&kept);
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            own.lock().unwrap().clear();
            let own = Arc::clone(&own);
            tokio::spawn(async move {
                let mut piece = vec![0; 4096];
                while let Ok(length @ 1..) = connection.read(&mut piece).await {
                    own.lock().unwrap().extend_from_slice(&piece[..length]);
                    if connection.write_all(&piece[..length]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    kept
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
}

/// A number that looks like chance and is the same each time.
fn scramble(number: usize) -> usize {
    let mut z = (number as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (z ^ (z >> 27)) as usize
}

/// Sends the pattern through while the meddler does each deed to a link made for it; nothing altered may come out.
async fn meddle(deeds: impl Iterator<Item = (Deed, bool)>) -> Pair {
    let pair = Pair::new();
    let kept = keep(pair.target).await;
    let meddler = Meddler::start(pair.link).await;
    let clinic = pair.clinic();
    pair.enrol().await.unwrap();
    let expected = pattern(3_000);
    let mut wanted = 0;
    for (deed, backward) in deeds {
        wanted += 1;
        meddler.set(deed, backward);
        let device = pair.device(meddler.address);
        // One link is meddled with; what the box tries after that is left alone.
        let talk = async {
            let mut connection = loop {
                if let Ok(connection) = TcpStream::connect(pair.device).await {
                    break connection;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            };
            let mut got = Vec::new();
            let mut piece = vec![0; 4096];
            for part in expected.chunks(1_000) {
                if connection.write_all(part).await.is_err() {
                    break;
                }
                match tokio::time::timeout(Duration::from_secs(8), connection.read(&mut piece)).await {
                    Ok(Ok(length @ 1..)) => got.extend_from_slice(&piece[..length]),
                    _ => break,
                }
            }
            assert!(expected.starts_with(&got), "{deed:?} changed an answer");
        };
        tokio::time::timeout(PATIENCE, talk).await.expect("an end");
        assert!(expected.starts_with(&kept.lock().unwrap()), "{deed:?} changed what was delivered");
        device.kill().await;
    }
    clinic.stop().await;
    // A link that carries little has fewer records one way than the other.
    let done = meddler.done.load(Ordering::Relaxed);
    assert!(done * 10 >= wanted * 8, "{done} of {wanted} deeds were done");
    pair
}

/// Records of a link until the first data: hello, (change cipher spec), certificate and so on; enough to hit all of them.
const RECORDS: usize = 9;

#[tokio::test(flavor = "multi_thread")]
async fn deeds_on_the_path_change_nothing_and_are_reported() {
    let deeds = |record| {
        [
            Deed::Replay { record },
            Deed::Reorder { record },
            Deed::Drop { record },
            Deed::Cut { record },
            Deed::Inject { record },
        ]
    };
    let all = (1..RECORDS).step_by(2).flat_map(deeds).flat_map(|deed| [(deed, false), (deed, true)]);
    let pair = meddle(all).await;
    let (clinic, device) = (pair.findings("clinic"), pair.findings("device"));
    for findings in [&clinic, &device] {
        assert!(
            findings.iter().any(|finding| finding.detector.as_str() == "shield-path-tampered"
                && finding.attack == Attack::MessageCorruption),
            "{findings:?}"
        );
    }
}

fn flips(count: usize) -> impl Iterator<Item = (Deed, bool)> {
    (0..count).map(|number| {
        let chance = scramble(number);
        (Deed::Flip { record: chance % RECORDS, bit: chance / RECORDS % 100_000 }, chance.is_multiple_of(2))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_turned_bit_is_delivered() {
    meddle(flips(100)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: ten thousand links"]
async fn none_of_ten_thousand_turned_bits_is_delivered() {
    meddle(flips(10_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_readable_goes_by() {
    let pair = Pair::new();
    let server = pair::echo(pair.target).await;
    let meddler = Meddler::start(pair.link).await;
    let clinic = pair.clinic();
    pair.enrol().await.unwrap();
    let device = pair.device(meddler.address);
    until("link", || value(&device.counters.links_up) == 1).await;
    let canaries: [&[u8]; 4] = [b"CANARY^JANE^Q", b"MSH|^~\\&|", b"/Patient/CANARY", b"ward-3"];
    for canary in canaries {
        assert_eq!(pair::ask(pair.device, canary).await.unwrap(), canary);
    }
    device.stop().await;
    clinic.stop().await;
    let seen = meddler.seen();
    assert!(seen.len() > 1_000);
    for canary in canaries {
        assert!(!seen.windows(canary.len()).any(|window| window == canary), "{canary:?}");
    }
    // The named group of the only key exchange, X25519MLKEM768 (0x11ec), is in the first record.
    assert!(seen[..512].windows(2).any(|two| two == [0x11, 0xec]));
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_breaks_resumes_its_session() {
    let pair = Pair::new();
    let server = pair::echo(pair.target).await;
    let meddler = Meddler::start(pair.link).await;
    let clinic = pair.clinic();
    pair.enrol().await.unwrap();
    // The first link is cut when its data flows; what comes after is left alone.
    meddler.set(Deed::Cut { record: 7 }, false);
    let device = pair.device(meddler.address);
    until("first", || value(&device.counters.links_total) >= 1).await;
    meddler.set(Deed::Watch, false);
    until("second", || value(&device.counters.links_total) >= 2).await;
    assert!(value(&clinic.counters.handshakes_resumed_total) >= 1);
    assert_eq!(pair::ask(pair.device, b"again").await.unwrap(), b"again");
    device.stop().await;
    clinic.stop().await;
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn rogue_boxes_and_old_versions_are_refused_and_reported() {
    let pair = Pair::new();
    let (clinic, device) = pair.start().await;
    device.stop().await;
    // A box of another authority.
    let other = Pair::new();
    let other_clinic = other.clinic();
    other.enrol().await.unwrap();
    other_clinic.stop().await;
    std::fs::remove_dir_all(pair.path("device")).unwrap();
    std::fs::rename(other.path("device"), pair.path("device")).unwrap();
    let rogue = pair.device(pair.link);
    until("reported by the box", || !pair.findings("device").is_empty()).await;
    assert_eq!(value(&rogue.counters.links_total), 0);
    rogue.stop().await;
    // A hello of TLS 1.2: version 0x0303, no extension that would offer 1.3.
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0xc0, 0x2f, 1, 0]);
    let mut hello = vec![0x16, 3, 1, 0, (body.len() + 4) as u8, 1, 0, 0, body.len() as u8];
    hello.extend(body);
    let mut old = TcpStream::connect(pair.link).await.unwrap();
    old.write_all(&hello).await.unwrap();
    let mut answer = Vec::new();
    let _ = old.read_to_end(&mut answer).await;
    // An alert, fatal, and nothing else.
    assert!(answer.len() == 7 && answer.starts_with(&[0x15, 3, 3, 0, 2, 2]), "{answer:?}");
    until("downgrade", || {
        pair.findings("clinic").iter().any(|finding| finding.detector.as_str() == "shield-path-downgrade")
    })
    .await;
    clinic.stop().await;
}
