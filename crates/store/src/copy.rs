//! From one store to another, whichever each is, with proof that the copy holds what its source held.

use std::io::{BufRead, BufReader, Read, Write};

use serde::{Deserialize, Serialize};
use wardline_model::{
    Device, Edge, Exposure, Finding, FlowRecord, Lifecycle, PlanEvent, Timestamp, Vulnerability,
};

use crate::{Heard, Store, StoreError};

/// One thing that a store holds. They come in the order of the variants; records and edges by their keys, conversations
/// and decisions as they were stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "is")]
pub enum Item {
    /// A device.
    Device(Box<Device>),
    /// A finding.
    Finding(Box<Finding>),
    /// An exposure.
    Exposure(Box<Exposure>),
    /// A place in the patch queue.
    Vulnerability(Box<Vulnerability>),
    /// What is known of a device's life.
    Lifecycle(Box<Lifecycle>),
    /// What somebody decided.
    PlanEvent(Box<PlanEvent>),
    /// Who talked to whom within an hour.
    Edge(Box<Edge>),
    /// A conversation.
    Flow(Box<FlowRecord>),
    /// How far a sensor was heard.
    Heard(Heard),
    /// What was counted.
    Totals(Totals),
}

/// What a store has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Number of the newest batch.
    pub sequence: u64,
    /// Packets.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// Packets that the kernel dropped.
    pub dropped: u64,
    /// Conversations that ended.
    pub flows: u64,
    /// Capture time of the newest packet.
    pub newest: Option<Timestamp>,
}

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// How many items.
    pub items: u64,
    /// Digest of all of them, the same in the source and in the copy.
    pub digest: String,
}

/// Counts and digests items as they pass.
#[derive(Default)]
pub struct Proof {
    hasher: blake3::Hasher,
    items: u64,
}

impl Proof {
    /// Takes an item into account.
    pub fn add(&mut self, item: &Item) -> Result<(), StoreError> {
        self.add_line(&line(item)?);
        Ok(())
    }

    fn add_line(&mut self, line: &[u8]) {
        self.hasher.update(line).update(b"\n");
        self.items += 1;
    }

    /// What has passed.
    pub fn end(&self) -> Copied {
        Copied { items: self.items, digest: self.hasher.finalize().to_hex().to_string() }
    }
}

fn line(item: &Item) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(item).map_err(|cause| StoreError::Record { table: "copy", cause })
}

/// What a store holds, as a digest.
pub fn proof(store: &dyn Store) -> Result<Copied, StoreError> {
    let mut proof = Proof::default();
    store.export(&mut |item| proof.add(&item))?;
    Ok(proof.end())
}

/// Copies everything into an empty store, and compares. Nobody can write to the source meanwhile, nor afterwards where
/// `moved` says where it went.
pub fn copy(from: &dyn Store, to: &dyn Store, moved: Option<&str>) -> Result<Copied, StoreError> {
    let mut copied = None;
    from.while_still(&mut || {
        copied = Some(copy_still(from, to)?);
        Ok(moved.map(str::to_owned))
    })?;
    copied.ok_or(StoreError::Superseded)
}

/// Items that may be on their way from one store to the other.
const ITEMS_AHEAD: usize = 4_096;

fn copy_still(from: &dyn Store, to: &dyn Store) -> Result<Copied, StoreError> {
    let mut proved = Proof::default();
    std::thread::scope(|scope| {
        let (send, receive) = std::sync::mpsc::sync_channel(ITEMS_AHEAD);
        let exporting = scope.spawn(move || {
            let mut sent = Ok(());
            let exported = from.export(&mut |item| {
                // Nobody takes any more when the other side failed; it says why.
                sent = send.send(Ok(item)).map_err(|_| StoreError::Superseded);
                if sent.is_ok() { Ok(()) } else { Err(StoreError::Superseded) }
            });
            if let (Err(error), Ok(())) = (exported, sent) {
                // The copy must not be taken for whole.
                let _ = send.send(Err(error));
            }
        });
        let mut counted = Ok(());
        let imported = to.import(&mut receive.into_iter().inspect(|item| {
            if let Ok(item) = item
                && counted.is_ok()
            {
                counted = proved.add(item);
            }
        }));
        let joined = exporting.join().map_err(|_| StoreError::Superseded);
        imported.and(counted).and(joined)
    })?;
    let (expected, found) = (proved.end(), proof(to)?);
    if expected != found {
        return Err(StoreError::Differs { expected: expected.digest, found: found.digest });
    }
    Ok(found)
}

/// The last line of a backup.
#[derive(Serialize, Deserialize)]
struct End {
    items: u64,
    digest: String,
}

/// Writes everything that a store holds: zstd of one line of JSON for each item, and a last line with their digest.
pub fn back_up(store: &dyn Store, output: impl Write) -> Result<Copied, StoreError> {
    let failed = |cause| StoreError::Backup { cause };
    let mut output = zstd::stream::Encoder::new(output, 3).map_err(failed)?;
    let mut proof = Proof::default();
    store.export(&mut |item| {
        let line = line(&item)?;
        proof.add_line(&line);
        output.write_all(&line).and_then(|()| output.write_all(b"\n")).map_err(failed)
    })?;
    let copied = proof.end();
    let end = End { items: copied.items, digest: copied.digest.clone() };
    serde_json::to_writer(&mut output, &end)
        .map_err(|cause| StoreError::Record { table: "backup", cause })?;
    output.write_all(b"\n").map_err(failed)?;
    output.finish().and_then(|mut output| output.flush()).map_err(failed)?;
    Ok(copied)
}

/// Fills an empty store from a backup. A backup that was cut or changed is refused, and nothing of it is stored.
pub fn restore(input: impl Read, store: &dyn Store) -> Result<Copied, StoreError> {
    let failed = |cause| StoreError::Backup { cause };
    let input = zstd::stream::Decoder::new(input).map_err(failed)?;
    let mut lines = Lines { input: BufReader::new(input), proof: Proof::default(), ended: false };
    store.import(&mut lines)?;
    let (expected, found) = (lines.proof.end(), proof(store)?);
    if expected != found {
        return Err(StoreError::Differs { expected: expected.digest, found: found.digest });
    }
    Ok(found)
}

/// The longest line that is read: far above the largest record.
const LINE_BYTES_MAX: u64 = 64 << 20;

struct Lines<R> {
    input: R,
    proof: Proof,
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    fn read(&mut self) -> Result<Option<Item>, StoreError> {
        let broken = |what: &str| StoreError::Backup { cause: std::io::Error::other(what.to_owned()) };
        let mut line = Vec::new();
        let read = (&mut self.input).take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        read.map_err(|cause| StoreError::Backup { cause })?;
        if line.pop() != Some(b'\n') {
            return Err(broken("it ends before its last line; use another backup"));
        }
        if line.starts_with(b"{\"kind\"") {
            let item: Item = serde_json::from_slice(&line)
                .map_err(|cause| StoreError::Record { table: "backup", cause })?;
            self.proof.add_line(&line);
            return Ok(Some(item));
        }
        let end: End =
            serde_json::from_slice(&line).map_err(|cause| StoreError::Record { table: "backup", cause })?;
        let found = self.proof.end();
        if (end.items, &end.digest) != (found.items, &found.digest) {
            return Err(StoreError::Differs { expected: end.digest, found: found.digest });
        }
        Ok(None)
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<Item, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = self.read().transpose();
        self.ended = !matches!(read, Some(Ok(_)));
        read
    }
}
