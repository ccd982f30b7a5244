//! A file of entries, each whole on disk before anybody hears of it.
//!
//! ```text
//! length u32 | first 16 bytes of BLAKE3 of the rest | kind u8 | number u64 | bytes        (most significant byte first)
//! ```
//!
//! Entries are written by a thread of their own, as many as wait in one go, with one sync for all of them. An end that was
//! torn by a crash was never confirmed, and is cut off. A broken entry before a whole one is no crash: the journal is
//! refused, as somebody or the disk altered it.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::sync::oneshot;

use crate::ShieldError;
use crate::files::write_private;

/// Entries that wait for the disk; more make their sender wait.
const WAITING_MAX: usize = 4_096;
/// Entries that one sync confirms at most.
const BATCH_MAX: usize = 512;
/// Longest entry, bytes.
const ENTRY_BYTES_MAX: usize = 16 * 1024 * 1024;
const DIGEST_BYTES: usize = 16;
const HEAD_BYTES: usize = 4 + DIGEST_BYTES;

/// An entry. What kind and number mean is the affair of whoever writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub kind: u8,
    pub number: u64,
    pub bytes: Vec<u8>,
}

impl Entry {
    fn write(&self, out: &mut Vec<u8>) {
        let mut body = Vec::with_capacity(9 + self.bytes.len());
        body.push(self.kind);
        body.extend_from_slice(&self.number.to_be_bytes());
        body.extend_from_slice(&self.bytes);
        out.extend_from_slice(&(body.len() as u32).to_be_bytes());
        out.extend_from_slice(&digest(&body));
        out.extend_from_slice(&body);
    }

    /// The first entry of `unread` and its length on disk.
    fn read(unread: &[u8]) -> Option<(Self, usize)> {
        let (length, rest) = unread.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        let (told, rest) = rest.split_first_chunk::<DIGEST_BYTES>()?;
        let body = rest.get(..length)?;
        let (&kind, after) = body.split_first()?;
        let (number, bytes) = after.split_first_chunk::<8>()?;
        (digest(body) == *told).then(|| {
            let entry = Self { kind, number: u64::from_be_bytes(*number), bytes: bytes.to_vec() };
            (entry, HEAD_BYTES + length)
        })
    }
}

fn digest(body: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut out = [0; DIGEST_BYTES];
    // BLAKE3 has 32 bytes.
    if let Some(first) = blake3::hash(body).as_bytes().first_chunk::<DIGEST_BYTES>() {
        out = *first;
    }
    out
}

enum Order {
    Append(Entry, oneshot::Sender<()>),
    /// Everything that is still of use; the file begins anew with it.
    Rewrite(Vec<Entry>),
}

/// A journal that is open.
#[derive(Debug)]
pub(super) struct Journal {
    orders: SyncSender<Order>,
}

impl Journal {
    /// Opens or begins a journal, and gives what it holds.
    ///
    /// # Errors
    /// When it cannot be read or written, or was altered.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Entry>), ShieldError> {
        let open = || OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
        let mut file = open().map_err(ShieldError::file(path))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(ShieldError::file(path))?;
        let (entries, whole) = entries(&text).map_err(|at| {
            ShieldError::content(
                path,
                format!("altered at byte {at}; put it aside and look into it, messages may be missing"),
            )
        })?;
        if whole < text.len() {
            let cut = || {
                file.set_len(whole as u64)?;
                file.sync_all()
            };
            cut().map_err(ShieldError::file(path))?;
        }
        let (orders, waiting) = sync_channel(WAITING_MAX);
        let writer = Writer { path: path.to_owned(), file };
        std::thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run(&waiting))?;
        Ok((Self { orders }, entries))
    }

    /// Hands an entry to the disk. The receiver hears when it is there; it is dropped when the disk fails. Entries are
    /// written in the order of these calls.
    pub(super) fn append(&self, kind: u8, number: u64, bytes: Vec<u8>) -> oneshot::Receiver<()> {
        let (done, wait) = oneshot::channel();
        // A writer that is gone drops the order, and with it the sender.
        let _ = self.orders.send(Order::Append(Entry { kind, number, bytes }, done));
        wait
    }

    /// Begins the file anew with what is still of use.
    pub(super) fn rewrite(&self, entries: Vec<Entry>) {
        // As above; nothing is lost when it does not happen.
        let _ = self.orders.send(Order::Rewrite(entries));
    }
}

/// Entries, and the length of those that are whole.
fn entries(text: &[u8]) -> Result<(Vec<Entry>, usize), usize> {
    let mut entries = Vec::new();
    let mut at = 0;
    while let Some((entry, length)) = Entry::read(text.get(at..).unwrap_or_default()) {
        entries.push(entry);
        at += length;
    }
    let unread = text.get(at..).unwrap_or_default();
    let length = unread.first_chunk::<4>().map_or(0, |length| u32::from_be_bytes(*length) as usize);
    let after = unread.get(HEAD_BYTES + length..).unwrap_or_default();
    if length <= ENTRY_BYTES_MAX && Entry::read(after).is_some() {
        return Err(at);
    }
    Ok((entries, at))
}

struct Writer {
    path: PathBuf,
    file: File,
}

impl Writer {
    fn run(mut self, waiting: &Receiver<Order>) {
        while let Ok(first) = waiting.recv() {
            if let Err(error) = self.batch(first, waiting) {
                // Nothing is confirmed any more: senders are told nothing, and try again.
                tracing::error!(path = %self.path.display(), %error, "the journal cannot be written");
                return;
            }
        }
    }

    fn batch(&mut self, first: Order, waiting: &Receiver<Order>) -> Result<(), ShieldError> {
        let (mut out, mut confirmed, mut next) = (Vec::new(), Vec::new(), Some(first));
        while let Some(order) = next.take() {
            match order {
                Order::Append(entry, done) => {
                    entry.write(&mut out);
                    confirmed.push(done);
                }
                Order::Rewrite(entries) => {
                    // What came before it is in the snapshot.
                    let mut fresh = Vec::new();
                    entries.iter().for_each(|entry| entry.write(&mut fresh));
                    write_private(&self.path, &fresh)?;
                    let open = || {
                        let mut file = OpenOptions::new().read(true).append(true).open(&self.path)?;
                        file.seek(std::io::SeekFrom::End(0))?;
                        Ok(file)
                    };
                    self.file = open().map_err(ShieldError::file(&self.path))?;
                    out.clear();
                }
            }
            if confirmed.len() < BATCH_MAX {
                next = waiting.try_recv().ok();
            }
        }
        let mut write = || {
            self.file.write_all(&out)?;
            self.file.sync_data()
        };
        write().map_err(ShieldError::file(&self.path))?;
        for done in confirmed {
            // Whoever waited may be gone; the entry stays.
            let _ = done.send(());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64) -> Entry {
        Entry { kind: 1, number, bytes: vec![number as u8; 50] }
    }

    #[tokio::test]
    async fn what_is_confirmed_is_there_and_what_is_torn_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let (journal, empty) = Journal::open(&path).unwrap();
        assert!(empty.is_empty());
        for number in 1..=3 {
            journal.append(1, number, entry(number).bytes).await.unwrap();
        }
        let whole = std::fs::read(&path).unwrap();
        // Torn anywhere within the last entry.
        let last = whole.len() / 3 * 2;
        for end in [last + 1, last + 30, whole.len() - 1] {
            std::fs::write(&path, &whole[..end]).unwrap();
            let (_, entries) = Journal::open(&path).unwrap();
            assert_eq!(entries, [entry(1), entry(2)]);
            assert_eq!(std::fs::read(&path).unwrap().len(), last);
        }
        // A bit that turned in the middle is no crash.
        for at in [HEAD_BYTES + 3, 9] {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            std::fs::write(&path, &altered).unwrap();
            assert!(Journal::open(&path).unwrap_err().to_string().contains("altered at byte 0"));
        }
    }

    #[tokio::test]
    async fn a_rewritten_journal_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let (journal, _) = Journal::open(&path).unwrap();
        for number in 1..=9 {
            journal.append(1, number, entry(number).bytes).await.unwrap();
        }
        journal.rewrite(vec![entry(9)]);
        journal.append(1, 10, entry(10).bytes).await.unwrap();
        assert_eq!(Journal::open(&path).unwrap().1, [entry(9), entry(10)]);
    }
}
