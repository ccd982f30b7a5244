//! Where a capture file's bytes come from: a file, a pipe or a reader, through gzip or zstd if the first
//! bytes say so, whatever the name says.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Compression;
use crate::limits::ZSTD_WINDOW_LOG_MAX;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// RFC 8878, section 3.1.1: Zstandard frame; 3.1.2: skippable frames are 0x184D2A50 to 0x184D2A5F.
const ZSTANDARD_MAGIC: u32 = 0xfd2f_b528;
const ZSTANDARD_SKIPPABLE_MAGIC: u32 = 0x184d_2a50;

/// Decompressed capture data, and how far the file behind it has been read.
pub(super) struct Source {
    reader: Box<dyn Read + Send>,
    pub(super) compression: Option<Compression>,
    read_bytes: Arc<AtomicU64>,
}

impl Source {
    /// Looks at the first bytes of `raw` and puts a decompressor in front if they ask for one.
    pub(super) fn new(raw: Box<dyn Read + Send>) -> io::Result<Self> {
        let read_bytes = Arc::new(AtomicU64::new(0));
        let mut raw = Counted { raw, read_bytes: Arc::clone(&read_bytes) };
        let mut prefix = [0; 4];
        let prefix_length = read_up_to(&mut raw, &mut prefix)?;
        let compression = recognise(prefix.get(..prefix_length).unwrap_or_default());
        let whole = Prefixed { prefix, next: 0, end: prefix_length, rest: raw };
        let reader: Box<dyn Read + Send> = match compression {
            None => Box::new(whole),
            Some(Compression::Gzip) => {
                let buffered = io::BufReader::with_capacity(1 << 16, whole);
                Box::new(flate2::bufread::MultiGzDecoder::new(buffered))
            }
            Some(Compression::Zstandard) => {
                let mut decoder = zstd::stream::read::Decoder::new(whole)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Box::new(decoder)
            }
        };
        Ok(Self { reader, compression, read_bytes })
    }

    /// Bytes taken from the file, before decompression.
    pub(super) fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

fn recognise(prefix: &[u8]) -> Option<Compression> {
    if prefix.starts_with(&GZIP_MAGIC) {
        return Some(Compression::Gzip);
    }
    let magic = u32::from_le_bytes(*prefix.first_chunk::<4>()?);
    (magic == ZSTANDARD_MAGIC || magic & 0xffff_fff0 == ZSTANDARD_SKIPPABLE_MAGIC)
        .then_some(Compression::Zstandard)
}

/// Reads until `buffer` is full or the input ends; says how much came.
fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Counts what is read, so that a progress bar can follow the compressed size.
struct Counted {
    raw: Box<dyn Read + Send>,
    read_bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.raw.read(buffer)?;
        self.read_bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// The bytes looked at to recognise the compression, then the rest.
struct Prefixed {
    prefix: [u8; 4],
    next: usize,
    end: usize,
    rest: Counted,
}

impl Read for Prefixed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let waiting = self.prefix.get(self.next..self.end).unwrap_or_default();
        if waiting.is_empty() {
            return self.rest.read(buffer);
        }
        let count = waiting.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), waiting.get(..count)) {
            to.copy_from_slice(from);
        }
        self.next += count;
        Ok(count)
    }
}

/// Standard input as a file of its own, past the small buffer of [`io::Stdin`].
pub(super) fn standard_input() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}
