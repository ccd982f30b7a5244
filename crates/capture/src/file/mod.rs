//! Capture files: pcap and pcapng, plain or compressed, from a path, standard input or any reader.

mod byte_order;
mod classic;
mod merge;
mod pcapng;
mod source;
mod timestamp;
mod window;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

pub use merge::MergedCapture;
pub use writer::PcapWriter;

use self::classic::Classic;
use self::pcapng::{Pcapng, SECTION_HEADER_BLOCK};
use self::source::Source;
use self::window::Window;
use crate::error::{CaptureError, CaptureFault};
use crate::frame::Frame;
use crate::limits::READ_BUFFER_BYTES;

/// How far reading has come, for a progress bar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes taken from the file so far, before decompression.
    pub read_bytes: u64,
    /// Size of the file in bytes; `None` for a pipe or a reader.
    pub total_bytes: Option<u64>,
}

/// One capture file, read from front to back.
///
/// # Guarantees
/// Never panics, never reads a byte twice, and holds one buffer of at most [`READ_BUFFER_BYTES`] or one
/// record, whatever the file claims. After an error or the end there are no more frames.
pub struct CaptureFile {
    name: String,
    window: Window,
    format: Format,
    current: Option<Located>,
    total_bytes: Option<u64>,
    finished: bool,
}

#[derive(Debug)]
enum Format {
    Classic(Classic),
    Pcapng(Pcapng),
}

/// A frame within the window.
#[derive(Clone, Copy, Debug)]
struct Located {
    position: usize,
    length: usize,
    number: u64,
    time_ns: i64,
    link_type: u16,
    original_length: u32,
}

impl CaptureFile {
    /// Opens a capture file, or standard input for the path `-`, and reads its header.
    ///
    /// # Errors
    /// When the path cannot be opened or does not start as a capture file does.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, CaptureError> {
        Self::open_with_buffer(path.as_ref(), READ_BUFFER_BYTES)
    }

    /// Reads a capture from standard input.
    ///
    /// # Errors
    /// When standard input is closed or does not start as a capture file does.
    pub fn stdin() -> Result<Self, CaptureError> {
        Self::open("-")
    }

    /// Reads a capture from `reader`; `name` is what errors call it.
    ///
    /// # Errors
    /// When the data does not start as a capture file does.
    pub fn from_reader(name: &str, reader: Box<dyn Read + Send>) -> Result<Self, CaptureError> {
        Self::with_buffer(escape(name), reader, None, READ_BUFFER_BYTES)
    }

    fn open_with_buffer(path: &Path, buffer_bytes: usize) -> Result<Self, CaptureError> {
        let name = display_name(path);
        let fail = |name: &str, fault| CaptureError { file: name.to_owned(), fault };
        if is_standard_input(path) {
            let input = source::standard_input().map_err(|cause| fail(&name, CaptureFault::Open(cause)))?;
            return Self::with_buffer(name, Box::new(input), None, buffer_bytes);
        }
        let file = File::open(path).map_err(|cause| fail(&name, CaptureFault::Open(cause)))?;
        let metadata = file.metadata().map_err(|cause| fail(&name, CaptureFault::Open(cause)))?;
        if metadata.is_dir() {
            return Err(fail(&name, CaptureFault::Directory));
        }
        let total_bytes = metadata.is_file().then_some(metadata.len());
        Self::with_buffer(name, Box::new(file), total_bytes, buffer_bytes)
    }

    fn with_buffer(
        name: String,
        reader: Box<dyn Read + Send>,
        total_bytes: Option<u64>,
        buffer_bytes: usize,
    ) -> Result<Self, CaptureError> {
        match Self::begin(reader, total_bytes, buffer_bytes) {
            Ok((window, format)) => {
                Ok(Self { name, window, format, current: None, total_bytes, finished: false })
            }
            Err(fault) => Err(CaptureError { file: name, fault }),
        }
    }

    fn begin(
        reader: Box<dyn Read + Send>,
        total_bytes: Option<u64>,
        buffer_bytes: usize,
    ) -> Result<(Window, Format), CaptureFault> {
        let source = Source::new(reader).map_err(|cause| CaptureFault::Read { offset: 0, cause })?;
        // A small plain file needs no more buffer than its size (and one byte, to see its end).
        let buffer_bytes = match (total_bytes, source.compression) {
            (Some(total), None) => buffer_bytes.min(usize::try_from(total).unwrap_or(usize::MAX).max(64) + 1),
            _ => buffer_bytes,
        };
        let mut window = Window::new(source, buffer_bytes);
        window.ensure(4).map_err(|cause| read_fault(&window, cause))?;
        let available = window.available();
        let Some(&magic) = available.first_chunk::<4>() else {
            if available.is_empty() {
                return Err(CaptureFault::Empty);
            }
            let mut magic = [0; 4];
            magic.iter_mut().zip(available).for_each(|(to, from)| *to = *from);
            return Err(CaptureFault::Unrecognised { magic });
        };
        let format = if u32::from_le_bytes(magic) == SECTION_HEADER_BLOCK {
            Format::Pcapng(Pcapng::new())
        } else if let Some(variant) = classic::recognise(magic) {
            Format::Classic(Classic::open(&mut window, variant)?)
        } else {
            return Err(CaptureFault::Unrecognised { magic });
        };
        Ok((window, format))
    }

    /// What errors call this file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The next frame, or `None` at the end.
    ///
    /// # Errors
    /// When the file is damaged or cut short here; nothing follows then.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        if self.advance()? { Ok(self.current_frame(0)) } else { Ok(None) }
    }

    /// How far reading has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress { read_bytes: self.window.source().read_bytes(), total_bytes: self.total_bytes }
    }

    /// Moves to the next frame; false at the end.
    #[inline]
    fn advance(&mut self) -> Result<bool, CaptureError> {
        if self.finished {
            self.current = None;
            return Ok(false);
        }
        let located = match &mut self.format {
            Format::Classic(classic) => classic.advance(&mut self.window),
            Format::Pcapng(pcapng) => pcapng.advance(&mut self.window),
        };
        match located {
            Ok(current) => {
                self.finished = current.is_none();
                self.current = current;
                Ok(current.is_some())
            }
            Err(fault) => {
                self.finished = true;
                self.current = None;
                Err(CaptureError { file: self.name.clone(), fault })
            }
        }
    }

    /// Capture time of the current frame.
    #[inline]
    fn current_time_ns(&self) -> Option<i64> {
        self.current.map(|located| located.time_ns)
    }

    /// The frame that the last [`CaptureFile::advance`] came to.
    #[inline]
    fn current_frame(&self, file: u32) -> Option<Frame<'_>> {
        self.current.map(|located| Frame {
            file,
            number: located.number,
            time_ns: located.time_ns,
            link_type: located.link_type,
            captured: self.window.range(located.position, located.length),
            original_length: located.original_length,
        })
    }
}

/// Tells a damaged compression from a failing disk.
fn read_fault(window: &Window, cause: io::Error) -> CaptureFault {
    let offset = window.end_offset();
    match window.source().compression {
        // A decompressor passes the system's own errors through with their number.
        Some(compression) if cause.raw_os_error().is_none() => {
            CaptureFault::Compression { compression, offset, cause }
        }
        _ => CaptureFault::Read { offset, cause },
    }
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn display_name(path: &Path) -> String {
    if is_standard_input(path) { "standard input".to_owned() } else { escape(&path.to_string_lossy()) }
}

/// File names may hold control characters, which must not reach a terminal.
fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_control() {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped
}
