//! A window that slides over capture data: large reads in, whole records out, no copy per record.

use std::io::{self, Read};

use super::source::Source;

/// The bytes between what has been consumed and what has been read.
///
/// Consumed bytes stay in place until the next [`Window::ensure`] that must read, so a frame's range stays
/// valid until then.
pub(super) struct Window {
    source: Source,
    buffer: Vec<u8>,
    capacity: usize,
    start: usize,
    end: usize,
    consumed: u64,
}

impl Window {
    /// A window of `capacity` bytes; memory is taken at the first read, and more only for a record that
    /// does not fit (whose length the caller has checked against a limit).
    pub(super) fn new(source: Source, capacity: usize) -> Self {
        Self { source, buffer: Vec::new(), capacity, start: 0, end: 0, consumed: 0 }
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// Offset of the next unconsumed byte from the start of the capture data.
    pub(super) fn offset(&self) -> u64 {
        self.consumed
    }

    /// Offset of the end of what was read.
    pub(super) fn end_offset(&self) -> u64 {
        self.consumed + (self.end - self.start) as u64
    }

    /// Position of the next unconsumed byte within the buffer, for [`Window::range`].
    #[inline]
    pub(super) fn position(&self) -> usize {
        self.start
    }

    #[inline]
    pub(super) fn available(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Bytes at a position that was valid since the last read.
    #[inline]
    pub(super) fn range(&self, position: usize, length: usize) -> &[u8] {
        self.buffer.get(position..position + length).unwrap_or_default()
    }

    #[inline]
    pub(super) fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.end - self.start);
        self.start += count;
        self.consumed += count as u64;
    }

    /// Reads until `count` unconsumed bytes are there. False when the data ends before.
    ///
    /// # Errors
    /// What the source answers; the bytes before the error stay available.
    #[inline]
    pub(super) fn ensure(&mut self, count: usize) -> io::Result<bool> {
        if self.end - self.start >= count { Ok(true) } else { self.fill(count) }
    }

    /// Consumes `count` bytes without holding them. Answers how many are missing at the end of the data.
    ///
    /// # Errors
    /// As [`Window::ensure`].
    pub(super) fn skip(&mut self, count: u64) -> io::Result<u64> {
        let mut left = count;
        while left > 0 {
            if !self.ensure(1)? {
                break;
            }
            let step = left.min((self.end - self.start) as u64);
            self.consume(usize::try_from(step).unwrap_or(0));
            left -= step;
        }
        Ok(left)
    }

    /// Memory held, for the tests that bound it.
    #[cfg(test)]
    pub(super) fn capacity_bytes(&self) -> usize {
        self.buffer.len()
    }

    #[cold]
    fn fill(&mut self, count: usize) -> io::Result<bool> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let wanted = self.capacity.max(count);
        if self.buffer.len() < wanted {
            if self.end == 0 {
                // A fresh zeroed allocation costs no memory before it is read into.
                self.buffer = vec![0; wanted];
            } else {
                self.buffer.resize(wanted, 0);
            }
        }
        while self.end < count {
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.source.read(room) {
                Ok(0) => return Ok(false),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
