//! Several capture files as one, in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};

use super::{CaptureFile, Progress, is_standard_input};
use crate::error::CaptureError;
use crate::frame::Frame;
use crate::limits::{MERGE_BUFFER_BYTES, MERGE_OPEN_FILES_MAX, READ_BUFFER_BYTES, READ_BUFFER_BYTES_MIN};

/// Capture files merged by time; equal times by the order of the files, then of the frames.
///
/// Each file is read in its own order: a file whose clock ran backwards is not sorted. A file that fails is
/// set aside with its error (see [`MergedCapture::take_errors`]) and the others go on.
///
/// # Guarantees
/// Memory stays within [`MERGE_BUFFER_BYTES`] plus one buffer of 64 KiB for each file whose time span
/// overlaps; the result depends only on the files and their order.
pub struct MergedCapture {
    inputs: Vec<Input>,
    /// The next frame's time of every input but the current one, earliest first.
    waiting: BinaryHeap<Reverse<Due>>,
    /// The input whose frame was delivered last.
    current: Option<u32>,
    errors: Vec<CaptureError>,
    buffer_bytes: usize,
    /// What files that are done or set aside contributed to [`MergedCapture::progress`].
    closed_bytes: u64,
}

/// When an input's next frame is due. Orders by time, then by the input's place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    time_ns: i64,
    input: u32,
}

enum Input {
    Open(Box<CaptureFile>),
    /// Looked at, then closed until its first frame is due.
    Parked {
        path: PathBuf,
        total_bytes: u64,
    },
    Done {
        total_bytes: Option<u64>,
    },
}

impl MergedCapture {
    /// Opens all `paths` (`-` is standard input) and looks at the first frame of each. Files that cannot be
    /// read leave an error behind and no frames.
    pub fn open<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Self {
        let paths: Vec<PathBuf> = paths.into_iter().map(|path| path.as_ref().to_owned()).collect();
        let share = MERGE_BUFFER_BYTES / paths.len().max(1);
        let mut merged = Self::empty(share.clamp(READ_BUFFER_BYTES_MIN, READ_BUFFER_BYTES));
        let mut open_files = 0;
        for path in paths {
            let index = merged.next_index();
            let opened = CaptureFile::open_with_buffer(&path, merged.buffer_bytes);
            let mut input = merged.admit(index, opened);
            if let Input::Open(file) = &input {
                open_files += 1;
                if open_files > MERGE_OPEN_FILES_MAX
                    && let Some(total_bytes) = file.total_bytes
                    && !is_standard_input(&path)
                {
                    open_files -= 1;
                    input = Input::Parked { path, total_bytes };
                }
            }
            merged.inputs.push(input);
        }
        merged
    }

    /// Merges captures that are already open.
    #[must_use]
    pub fn from_files(files: Vec<CaptureFile>) -> Self {
        let mut merged = Self::empty(READ_BUFFER_BYTES);
        for file in files {
            let index = merged.next_index();
            let input = merged.admit(index, Ok(file));
            merged.inputs.push(input);
        }
        merged
    }

    fn empty(buffer_bytes: usize) -> Self {
        Self {
            inputs: Vec::new(),
            waiting: BinaryHeap::new(),
            current: None,
            errors: Vec::new(),
            buffer_bytes,
            closed_bytes: 0,
        }
    }

    fn next_index(&self) -> u32 {
        u32::try_from(self.inputs.len()).unwrap_or(u32::MAX)
    }

    /// Moves a file to its first frame and queues it.
    fn admit(&mut self, input: u32, opened: Result<CaptureFile, CaptureError>) -> Input {
        match opened {
            Ok(mut file) => match file.advance() {
                Ok(_) => match file.current_time_ns() {
                    Some(time_ns) => {
                        self.waiting.push(Reverse(Due { time_ns, input }));
                        Input::Open(Box::new(file))
                    }
                    None => self.done(&file),
                },
                Err(error) => {
                    self.errors.push(error);
                    self.done(&file)
                }
            },
            Err(error) => {
                self.errors.push(error);
                Input::Done { total_bytes: Some(0) }
            }
        }
    }

    fn done(&mut self, file: &CaptureFile) -> Input {
        let progress = file.progress();
        // What a damaged file still held will not be read: count it as done, or the bar never fills.
        self.closed_bytes += progress.total_bytes.unwrap_or(progress.read_bytes);
        Input::Done { total_bytes: progress.total_bytes }
    }

    /// The next frame of all files, or `None` when all are at their end. [`Frame::file`] says which file.
    #[inline]
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        loop {
            let due = match self.current.take() {
                Some(current) => self.after(current)?,
                None => self.waiting.pop()?.0,
            };
            if let Some(Input::Parked { .. }) = self.inputs.get(due.input as usize) {
                self.reopen(due.input);
                continue;
            }
            self.current = Some(due.input);
            break;
        }
        let index = self.current?;
        match self.inputs.get(index as usize) {
            Some(Input::Open(file)) => file.current_frame(index),
            _ => None,
        }
    }

    /// Moves the input that was delivered last on, and answers whose turn it is.
    #[inline]
    fn after(&mut self, current: u32) -> Option<Due> {
        if let Some(slot) = self.inputs.get_mut(current as usize)
            && let Input::Open(file) = slot
        {
            let advanced = file.advance();
            if let Some(time_ns) = file.current_time_ns() {
                let due = Due { time_ns, input: current };
                return Some(match self.waiting.peek_mut() {
                    // The usual case in rotated files: the same file goes on, the queue is left alone.
                    Some(mut earliest) if earliest.0 < due => std::mem::replace(&mut earliest.0, due),
                    _ => due,
                });
            }
            let progress = file.progress();
            self.closed_bytes += progress.total_bytes.unwrap_or(progress.read_bytes);
            *slot = Input::Done { total_bytes: progress.total_bytes };
            self.errors.extend(advanced.err());
        }
        self.waiting.pop().map(|Reverse(due)| due)
    }

    /// Opens a parked input again and queues it by what it holds now.
    #[cold]
    fn reopen(&mut self, input: u32) {
        let Some(Input::Parked { path, .. }) = self.inputs.get(input as usize) else {
            return;
        };
        let opened = CaptureFile::open_with_buffer(path, self.buffer_bytes);
        let reopened = self.admit(input, opened);
        if let Some(slot) = self.inputs.get_mut(input as usize) {
            *slot = reopened;
        }
    }

    /// Errors of files since the last call: each is set aside with everything after the fault.
    pub fn take_errors(&mut self) -> Vec<CaptureError> {
        std::mem::take(&mut self.errors)
    }

    /// How far reading has come over all files; the total is known only when every file's is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let mut read_bytes = self.closed_bytes;
        let mut total_bytes = Some(0_u64);
        for input in &self.inputs {
            let total = match input {
                Input::Open(file) => {
                    let progress = file.progress();
                    read_bytes += progress.read_bytes;
                    progress.total_bytes
                }
                Input::Parked { total_bytes, .. } => Some(*total_bytes),
                Input::Done { total_bytes } => *total_bytes,
            };
            total_bytes = total_bytes.zip(total).map(|(sum, total)| sum.saturating_add(total));
        }
        Progress { read_bytes, total_bytes }
    }
}
