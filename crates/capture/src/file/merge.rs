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

    /// What is left of a file that gives no frame at all.
    fn done(&mut self, file: &CaptureFile) -> Input {
        let progress = file.progress();
        // What a damaged file still held will not be read: count it as done, or the bar never fills.
        self.closed_bytes += progress.total_bytes.unwrap_or(progress.read_bytes);
        Input::Done { total_bytes: progress.total_bytes }
    }

    /// The next frame of all files, or `None` when all are at their end. [`Frame::file`] says which file.
    #[inline]
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        if !self.goes_on() {
            self.switch();
        }
        let index = self.current?;
        match self.inputs.get(index as usize) {
            Some(Input::Open(file)) => file.current_frame(index),
            _ => None,
        }
    }

    /// Moves the input that was delivered last on; true when its next frame is the earliest of all, the
    /// usual case in rotated files.
    #[inline]
    fn goes_on(&mut self) -> bool {
        let Some(input) = self.current else { return false };
        let Some(Input::Open(file)) = self.inputs.get_mut(input as usize) else { return false };
        if let Err(error) = file.advance() {
            self.errors.push(error);
        }
        let Some(time_ns) = file.current_time_ns() else { return false };
        self.waiting.peek().is_none_or(|Reverse(earliest)| *earliest > Due { time_ns, input })
    }

    /// Puts the current input back in the queue, or aside when it is at its end, and takes the earliest.
    fn switch(&mut self) {
        if let Some(input) = self.current.take()
            && let Some(slot) = self.inputs.get_mut(input as usize)
            && let Input::Open(file) = slot
        {
            if let Some(time_ns) = file.current_time_ns() {
                self.waiting.push(Reverse(Due { time_ns, input }));
            } else {
                let progress = file.progress();
                self.closed_bytes += progress.total_bytes.unwrap_or(progress.read_bytes);
                *slot = Input::Done { total_bytes: progress.total_bytes };
            }
        }
        while let Some(Reverse(Due { input, .. })) = self.waiting.pop() {
            if !matches!(self.inputs.get(input as usize), Some(Input::Parked { .. })) {
                self.current = Some(input);
                return;
            }
            self.reopen(input);
        }
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

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;
    use crate::error::CaptureFault;
    use crate::file::PcapWriter;

    /// A capture whose frames have these times and one byte: their place in the file.
    fn capture(times_ns: &[i64]) -> Vec<u8> {
        let mut writer = PcapWriter::new(Vec::new(), 1).expect("a vector takes everything");
        for (time_ns, place) in times_ns.iter().zip(0_u8..) {
            writer.write_frame(*time_ns, &[place], 1).expect("a vector takes everything");
        }
        writer.finish().expect("a vector takes everything")
    }

    fn write(folder: &TempDir, files: &[Vec<u8>]) -> Vec<PathBuf> {
        let paths: Vec<PathBuf> =
            (0..files.len()).map(|index| folder.path().join(format!("{index}.pcap"))).collect();
        for (path, bytes) in paths.iter().zip(files) {
            fs::write(path, bytes).expect("written");
        }
        paths
    }

    /// (time, file, number) of every frame in the order of delivery, and the errors.
    fn drain(mut merged: MergedCapture) -> (Vec<(i64, u32, u64)>, Vec<CaptureError>) {
        let mut order = Vec::new();
        while let Some(frame) = merged.next_frame() {
            assert_eq!(u64::from(frame.captured[0]) + 1, frame.number);
            order.push((frame.time_ns, frame.file, frame.number));
        }
        assert!(merged.next_frame().is_none(), "the end is final");
        let progress = merged.progress();
        assert_eq!(Some(progress.read_bytes), progress.total_bytes);
        (order, merged.take_errors())
    }

    fn merge(files: &[Vec<u8>]) -> (Vec<(i64, u32, u64)>, Vec<CaptureError>) {
        let folder = tempfile::tempdir().expect("a folder");
        drain(MergedCapture::open(write(&folder, files)))
    }

    #[test]
    fn equal_times_keep_the_order_of_files_and_backward_clocks_that_of_the_file() {
        let (order, errors) = merge(&[capture(&[10, 10, 40]), capture(&[10, 30, 5, 35]), capture(&[])]);
        assert!(errors.is_empty());
        let expected = [(10, 0, 1), (10, 0, 2), (10, 1, 1), (30, 1, 2), (5, 1, 3), (35, 1, 4), (40, 0, 3)];
        assert_eq!(order, expected);
    }

    #[test]
    fn a_bad_file_is_named_and_does_not_stop_the_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut cut = capture(&[15, 25]);
        cut.truncate(cut.len() - 1);
        let mut paths = write(&folder, &[capture(&[10, 20, 30]), b"garbage".to_vec(), cut, Vec::new()]);
        paths.push(folder.path().join("missing.pcap"));
        paths.push(folder.path().to_owned());
        let (order, errors) = drain(MergedCapture::open(&paths));
        assert_eq!(order, [(10, 0, 1), (15, 2, 1), (20, 0, 2), (30, 0, 3)]);
        assert_eq!(errors.len(), 5);
        let of = |name: &str| &errors.iter().find(|error| error.file.ends_with(name)).expect(name).fault;
        assert!(matches!(of("1.pcap"), CaptureFault::Unrecognised { .. }));
        assert!(matches!(of("2.pcap"), CaptureFault::Truncated { offset: 41, missing: 1, .. }));
        assert!(matches!(of("3.pcap"), CaptureFault::Empty));
        assert!(matches!(of("missing.pcap"), CaptureFault::Open(_)));
        assert!(errors.iter().any(|error| matches!(error.fault, CaptureFault::Directory)));
    }

    #[test]
    fn many_files_are_read_with_few_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let files: Vec<_> = (0..500).map(|file| capture(&[file, file + 1, 1_000 - file])).collect();
        let merged = MergedCapture::open(write(&folder, &files));
        let open = merged.inputs.iter().filter(|input| matches!(input, Input::Open(_))).count();
        assert_eq!(open, MERGE_OPEN_FILES_MAX);
        let (order, errors) = drain(merged);
        assert!(errors.is_empty());
        assert_eq!(order.len(), 1_500);
        assert!(order.is_sorted(), "by time, then file, then number");
    }

    #[test]
    fn a_parked_file_that_vanishes_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = write(&folder, &vec![capture(&[1]); MERGE_OPEN_FILES_MAX + 2]);
        let merged = MergedCapture::open(&paths);
        fs::remove_file(paths.last().expect("paths")).expect("removed");
        let (order, errors) = drain(merged);
        assert_eq!(order.len(), MERGE_OPEN_FILES_MAX + 1);
        assert!(matches!(errors.as_slice(), [CaptureError { fault: CaptureFault::Open(_), .. }]));
    }

    proptest! {
        #[test]
        fn merging_is_a_stable_merge(
            files in proptest::collection::vec(proptest::collection::vec(0..50_i64, 0..20), 0..8)
        ) {
            let mut sorted = files.clone();
            sorted.iter_mut().for_each(|times| times.sort_unstable());
            let captures: Vec<_> = sorted.iter().map(|times| capture(times)).collect();
            let (order, errors) = merge(&captures);
            prop_assert!(errors.is_empty());
            let mut expected: Vec<_> = sorted.iter().zip(0_u32..)
                .flat_map(|(times, file)| times.iter().zip(1_u64..).map(move |(time, number)| (*time, file, number)))
                .collect();
            expected.sort_unstable();
            prop_assert_eq!(order, expected);
        }
    }
}
