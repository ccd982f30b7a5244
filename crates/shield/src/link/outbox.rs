//! What waits for the connection, and in which order it goes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::{Notify, Semaphore};

use crate::ShieldError;
use crate::frame::{Frame, HEADER_BYTES};
use crate::limits::{FRAME_PAYLOAD_BYTES_MAX, OUTBOX_BYTES_MAX, URGENT_BYTES_MAX, WRITE_BYTES_MAX};

/// Which queue the frames of a stream wait in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Alarms and control: before everything else.
    Urgent,
    /// All the rest, first come, first served.
    Ordinary,
    /// Alarms and control of devices whose traffic has a shape: in every cell they have room of their own.
    ShapedUrgent,
    /// What has a shape: only in cells.
    Shaped,
}

/// A constant rate: a cell of `cell_bytes` every `interval_ms`, whether there is something to say or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Interval, milliseconds.
    pub interval_ms: u32,
    /// Length of a cell, bytes, before encryption.
    pub cell_bytes: u32,
    /// Bytes of each cell that only urgent frames may use.
    pub reserved_bytes: u32,
}

impl Shape {
    /// A shape that can be kept: a quarter of each cell is reserved.
    ///
    /// # Errors
    /// When interval or length are out of range.
    pub fn checked(interval_ms: u32, cell_bytes: u32) -> Result<Self, ShieldError> {
        if !(1..=60_000).contains(&interval_ms) || !(128..=16_384).contains(&cell_bytes) {
            return Err(ShieldError::Protocol("a shape out of range: 1 to 60000 ms, 128 to 16384 bytes"));
        }
        Ok(Self { interval_ms, cell_bytes, reserved_bytes: cell_bytes / 4 })
    }
}

#[derive(Debug, Default)]
struct Queues {
    urgent: VecDeque<Frame>,
    urgent_bytes: usize,
    ordinary: VecDeque<Frame>,
    shaped_urgent: VecDeque<Frame>,
    shaped: VecDeque<Frame>,
    /// Lanes of the streams whose lane is not the ordinary one.
    lanes: BTreeMap<u32, Lane>,
    closed: bool,
}

/// All queues of a link.
#[derive(Debug)]
pub(super) struct Outbox {
    queues: Mutex<Queues>,
    is_shaped: bool,
    /// Something waits.
    pub(super) ready: Notify,
    /// Bytes that ordinary and shaped data may still fill.
    pub(super) room: Semaphore,
}

impl Outbox {
    pub(super) fn new(is_shaped: bool) -> Self {
        Self {
            queues: Mutex::default(),
            is_shaped,
            ready: Notify::new(),
            room: Semaphore::new(OUTBOX_BYTES_MAX),
        }
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lane that there is: without a shape, shaped lanes are the plain ones.
    pub(super) const fn lane(&self, wished: Lane) -> Lane {
        match wished {
            Lane::ShapedUrgent if !self.is_shaped => Lane::Urgent,
            Lane::Shaped if !self.is_shaped => Lane::Ordinary,
            lane => lane,
        }
    }

    pub(super) fn set_lane(&self, stream: u32, lane: Lane) {
        let lane = self.lane(lane);
        if lane != Lane::Ordinary {
            self.queues().lanes.insert(stream, lane);
        }
    }

    pub(super) fn lane_of(&self, stream: u32) -> Lane {
        self.queues().lanes.get(&stream).copied().unwrap_or(Lane::Ordinary)
    }

    pub(super) fn forget(&self, stream: u32) {
        self.queues().lanes.remove(&stream);
    }

    /// Whether data of this lane waits for room.
    pub(super) const fn needs_room(lane: Lane) -> bool {
        matches!(lane, Lane::Ordinary | Lane::Shaped)
    }

    pub(super) fn push(&self, lane: Lane, frame: Frame) {
        let mut queues = self.queues();
        if queues.closed {
            return;
        }
        match lane {
            Lane::Urgent => {
                queues.urgent_bytes += frame.length();
                queues.urgent.push_back(frame);
            }
            Lane::Ordinary => queues.ordinary.push_back(frame),
            Lane::ShapedUrgent => queues.shaped_urgent.push_back(frame),
            Lane::Shaped => queues.shaped.push_back(frame),
        }
        drop(queues);
        self.ready.notify_one();
    }

    /// Whether the other end lets urgent frames pile up.
    pub(super) fn is_stuck(&self) -> bool {
        self.queues().urgent_bytes > URGENT_BYTES_MAX
    }

    /// No further frames; what waits may still go.
    pub(super) fn close(&self) {
        self.queues().closed = true;
        self.room.close();
        self.ready.notify_one();
    }

    /// Appends to `out` what may go now, up to a write's length: urgent frames first.
    pub(super) fn take(&self, out: &mut BytesMut) {
        let mut queues = self.queues();
        let mut freed = 0;
        while out.len() < WRITE_BYTES_MAX - FRAME_PAYLOAD_BYTES_MAX {
            if let Some(frame) = queues.urgent.pop_front() {
                queues.urgent_bytes -= frame.length();
                frame.write(out);
            } else if let Some(frame) = queues.ordinary.pop_front() {
                freed += data_length(&frame);
                frame.write(out);
            } else {
                break;
            }
        }
        drop(queues);
        self.room.add_permits(freed);
    }

    /// Appends one cell: what is urgent, then the rest outside of the reserved bytes, then padding. Returns the bytes of
    /// padding, and whether something urgent is left.
    pub(super) fn take_cell(&self, shape: Shape, out: &mut BytesMut) -> (usize, bool) {
        let begin = out.len();
        // Room for the header of the padding is always left.
        let whole = shape.cell_bytes as usize - HEADER_BYTES;
        let mut queues = self.queues();
        fill(&mut queues.shaped_urgent, begin + whole, out);
        let open = whole - shape.reserved_bytes as usize;
        let freed = fill(&mut queues.shaped, begin + open, out);
        let urgent_left = !queues.shaped_urgent.is_empty();
        drop(queues);
        self.room.add_permits(freed);
        let padding = begin + whole - out.len();
        Frame::Padding(padding).write(out);
        (padding, urgent_left)
    }
}

fn data_length(frame: &Frame) -> usize {
    match frame {
        Frame::Data(_, bytes) => bytes.len(),
        _ => 0,
    }
}

/// Moves frames to `out` until it is `end` long; data is split where it does not fit. Returns the bytes of data moved.
fn fill(queue: &mut VecDeque<Frame>, end: usize, out: &mut BytesMut) -> usize {
    let mut data = 0;
    while let Some(frame) = queue.front_mut() {
        let room = end.saturating_sub(out.len());
        if frame.length() <= room {
            data += data_length(frame);
            frame.write(out);
            queue.pop_front();
            continue;
        }
        if let Frame::Data(stream, bytes) = frame
            && room > HEADER_BYTES
        {
            let head: Bytes = bytes.split_to(room - HEADER_BYTES);
            data += head.len();
            Frame::Data(*stream, head).write(out);
        }
        break;
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urgent_frames_go_first() {
        let outbox = Outbox::new(false);
        outbox.push(Lane::Ordinary, Frame::Finish(1));
        outbox.push(outbox.lane(Lane::ShapedUrgent), Frame::Finish(3));
        let mut out = BytesMut::new();
        outbox.take(&mut out);
        assert_eq!(Frame::read(&mut out), Ok(Some(Frame::Finish(3))));
        assert_eq!(Frame::read(&mut out), Ok(Some(Frame::Finish(1))));
    }

    #[test]
    fn cells_are_of_one_length_and_keep_room_for_alarms() {
        let shape = Shape::checked(20, 512).unwrap();
        let outbox = Outbox::new(true);
        let cell = |outbox: &Outbox| {
            let mut out = BytesMut::new();
            let (padding, urgent_left) = outbox.take_cell(shape, &mut out);
            assert_eq!(out.len(), 512);
            let mut frames = Vec::new();
            while let Some(frame) = Frame::read(&mut out).unwrap() {
                frames.push(frame);
            }
            assert!(out.is_empty());
            (frames, padding, urgent_left)
        };
        assert_eq!(cell(&outbox), (vec![Frame::Padding(504)], 504, false));
        // More than one cell of ordinary data, then an alarm: it goes with the next cell, whole.
        let bulk = Bytes::from(vec![7; 1_000]);
        outbox.room.try_acquire_many(1_000).unwrap().forget();
        outbox.push(Lane::Shaped, Frame::Data(1, bulk.clone()));
        outbox.push(Lane::ShapedUrgent, Frame::Data(3, Bytes::from(vec![9; 100])));
        let (frames, ..) = cell(&outbox);
        assert_eq!(frames[0], Frame::Data(3, Bytes::from(vec![9; 100])));
        let mut got = 0;
        for frames in std::iter::once(frames).chain((0..4).map(|_| cell(&outbox).0)) {
            for frame in frames {
                if let Frame::Data(1, bytes) = frame {
                    got += bytes.len();
                }
            }
        }
        assert_eq!(got, 1_000);
        assert_eq!(outbox.room.available_permits(), OUTBOX_BYTES_MAX);
        // More that is urgent than a cell holds is told, so that it can be sent at once.
        outbox.push(Lane::ShapedUrgent, Frame::Data(3, Bytes::from(vec![9; 600])));
        assert!(cell(&outbox).2);
        assert!(!cell(&outbox).2);
    }
}
