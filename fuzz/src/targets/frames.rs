//! Frames through the whole pipeline: link layers, tunnels, fragments, segments, recognition.

use std::net::Ipv4Addr;

use wardline_flows::{Frame, Limits, Pipeline, Settings};
use wardline_model::{CaptureId, Fact, Observation, PseudonymKey, Timestamp};
use wardline_wire::Direction;

use super::wire_format::{Ipv4, tcp_segment, udp_datagram};
use super::{Target, frame_seeds};
use crate::corpus::Talk;
use crate::meters::measure;
use crate::oracle::{Budget, check_doubled};

/// Limits that an input of some kilobytes reaches.
const LIMITS: Limits = Limits {
    conversations: 640,
    waiting_bytes: 256 << 10,
    waiting_bytes_per_stream: 2 << 10,
    opening_bytes: 512,
    fragment_bytes: 128 << 10,
    fragmented_datagrams: 8,
    stations: 16,
    rate_packets: 5,
};

/// A frame begins or ends conversations, each of some hundred bytes, and asks every protocol what it holds. What the
/// limits above allow stands in the fixed part.
const FRAMES: Budget = Budget {
    steps_per_byte: 400,
    steps_per_piece: 10_000,
    steps_base: 50_000,
    peak_per_byte: 8,
    peak_base_bytes: 2 << 20,
    retained_per_byte: 4,
    retained_base_bytes: 1 << 20,
};

/// The layer below IP that a fuzzer may choose.
const LINK_TYPES: &[u16] = &[0, 1, 12, 101, 108, 113, 228, 229, 276, 147];
const ETHERNET: u16 = 1;
const RAW_IP: u16 = 101;
const SECOND_NS: i64 = 1_000_000_000;

pub(super) fn targets() -> impl Iterator<Item = Target> {
    let target = |name: &str,
                  run: fn(&[u8]),
                  seeds: fn() -> Vec<Vec<u8>>,
                  adopt: fn(&Talk) -> Option<Vec<u8>>| Target {
        name: name.to_owned(),
        run: Box::new(run),
        seeds: Box::new(seeds),
        adopt: Box::new(adopt),
    };
    [
        target("frames", frames, frame_seeds::frames, frame_seeds::of_talk),
        target("segments", segments, frame_seeds::plans, frame_seeds::plan_of_talk),
        target("fragments", fragments, frame_seeds::plans, frame_seeds::plan_of_talk),
    ]
    .into_iter()
}

/// A frame to show.
struct Shown {
    link_type: u16,
    time_ns: i64,
    bytes: Vec<u8>,
    original_length: u32,
}

impl Shown {
    fn ip(bytes: Vec<u8>) -> Self {
        Self { link_type: RAW_IP, time_ns: 0, original_length: bytes.len() as u32, bytes }
    }
}

/// Any frames: a byte for the layer below, a byte for the time that passed and for how much was cut off, two bytes of
/// length, then the frame.
fn frames(input: &[u8]) {
    let mut shown = Vec::new();
    let (mut rest, mut time_ns) = (input, 0);
    while let Some(([link, step, low, high], after)) = rest.split_first_chunk::<4>() {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
        let (frame, after) = after.split_at(length);
        time_ns += SECOND_NS / 4 * i64::from(step & 0x0f) * if step & 0x10 == 0 { 1 } else { 400 };
        shown.push(Shown {
            link_type: LINK_TYPES[usize::from(*link) % LINK_TYPES.len()],
            time_ns,
            bytes: frame.to_vec(),
            original_length: length as u32 + u32::from(step >> 5),
        });
        rest = after;
    }
    whatever_arrives("frames", &shown);
}

/// What must hold for all frames, and what is told.
fn whatever_arrives(what: &str, shown: &[Shown]) -> Vec<Observation> {
    let bytes: usize = shown.iter().map(|frame| frame.bytes.len()).sum();
    let (_, once) = measure(|| kept(shown, 1));
    FRAMES.check(what, bytes, shown.len(), once);
    let (_, twice) = measure(|| kept(shown, 2));
    check_doubled(what, once, twice, FRAMES.steps_base);
    let (alone, counted) = told(shown, 1);
    // Handing work to threads costs more than all the rest: some inputs are enough.
    if bytes % 61 == 0 {
        let (shared, counted_shared) = told(shown, 3);
        assert_eq!(alone, shared, "workers: {what} tell something else with three workers");
        assert_eq!(counted, counted_shared, "workers: {what} count something else with three workers");
    }
    alone
}

fn pipeline(workers: u16) -> Pipeline {
    let settings = Settings::new(PseudonymKey::new([7; 32]));
    Pipeline::new(Settings { limits: LIMITS, workers, ..settings })
}

fn show(pipeline: &mut Pipeline, number: usize, frame: &Shown, out: &mut Vec<Observation>) {
    pipeline.push(
        Frame {
            capture: CaptureId(0),
            number: number as u64 + 1,
            time: Timestamp::from_nanoseconds(frame.time_ns),
            link_type: frame.link_type,
            bytes: &frame.bytes,
            original_length: frame.original_length,
        },
        out,
    );
}

/// A pipeline that saw the frames so many times over; what it told is handed on.
fn kept(shown: &[Shown], times: usize) -> Pipeline {
    let mut pipeline = pipeline(1);
    let mut out = Vec::new();
    for (number, frame) in std::iter::repeat_n(shown, times).flatten().enumerate() {
        show(&mut pipeline, number, frame, &mut out);
        out.clear();
    }
    pipeline
}

fn told(shown: &[Shown], workers: u16) -> (Vec<Observation>, String) {
    let mut pipeline = pipeline(workers);
    let mut out = Vec::new();
    for (number, frame) in shown.iter().enumerate() {
        show(&mut pipeline, number, frame, &mut out);
    }
    pipeline.finish(&mut out);
    (out, format!("{:?}", pipeline.counters()))
}

/// An input that says how something is taken apart: two ports, a number of steps, two bytes for each, then content.
struct Plan<'a> {
    ports: [u16; 2],
    steps: Vec<[u8; 2]>,
    content: &'a [u8],
}

impl<'a> Plan<'a> {
    fn read(input: &'a [u8]) -> Option<Self> {
        let ([a, b, c, d, count], rest) = input.split_first_chunk::<5>()?;
        let (steps, content) = rest.split_at_checked(usize::from(*count) * 2)?;
        let steps = steps.as_chunks::<2>().0.to_vec();
        Some(Self { ports: [u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])], steps, content })
    }

    /// A part of `length` bytes or fewer.
    fn part(step: [u8; 2], length: usize, unit: usize) -> std::ops::Range<usize> {
        let start = (usize::from(step[0]) * unit).min(length);
        start..(start + (usize::from(step[1] & 0x3f) + 1) * unit).min(length)
    }
}

/// A stream in segments of any order, repeated and overlapping: what was sent is one stream, so nothing is ambiguous.
fn segments(input: &[u8]) {
    let Some(plan) = Plan::read(input) else { return };
    let segment = |sequence: u32, flags, payload: &[u8]| {
        let packet = tcp_segment(plan.ports, sequence, flags, payload);
        Shown::ip(Ipv4::new(6, Direction::Forward).packet(&packet))
    };
    let mut shown = vec![segment(999, 0x02, b"")];
    for step in &plan.steps {
        let part = Plan::part(*step, plan.content.len(), 4);
        shown.push(segment(1_000 + part.start as u32, 0x18, &plan.content[part]));
    }
    shown.push(segment(1_000 + plan.content.len() as u32, 0x11, b""));
    let told = whatever_arrives("segments", &shown);
    let ambiguous = told.iter().find(|observation| matches!(observation.fact, Fact::Ambiguous(_)));
    assert!(ambiguous.is_none(), "overlaps: copies of one stream are called ambiguous: {ambiguous:?}");
}

/// A datagram in fragments of any order, repeated and overlapping, against the same datagram whole.
fn fragments(input: &[u8]) {
    let Some(plan) = Plan::read(input) else { return };
    let content = &plan.content[..plan.content.len().min(8 * 300)];
    let datagram = udp_datagram(plan.ports, content);
    let ip = Ipv4::new(17, Direction::Forward);
    let mut shown = Vec::new();
    let mut covered = vec![false; datagram.len()];
    for step in &plan.steps {
        let part = Plan::part(*step, datagram.len(), 8);
        if part.is_empty() {
            continue;
        }
        covered[part.clone()].fill(true);
        shown.push(Shown::ip(ip.fragment(part.start, part.end < datagram.len(), &datagram[part])));
        if covered.iter().all(|covered| *covered) {
            break;
        }
    }
    let told = whatever_arrives("fragments", &shown);
    let ambiguous = told.iter().find(|observation| matches!(observation.fact, Fact::Ambiguous(_)));
    assert!(ambiguous.is_none(), "overlaps: copies of one datagram are called ambiguous: {ambiguous:?}");
    if covered.iter().all(|covered| *covered) && shown.len() > 1 {
        let whole = whatever_arrives("fragments", &[Shown::ip(ip.packet(&datagram))]);
        assert_eq!(spoken(&whole), spoken(&told), "cuts: fragments tell something else than the whole");
    }
}

/// What was said, and not how it came.
fn spoken(told: &[Observation]) -> Vec<&Fact> {
    let facts = told.iter().map(|observation| &observation.fact);
    facts
        .filter(|fact| {
            !matches!(fact, Fact::ConversationStarted(_) | Fact::ConversationEnded(_) | Fact::Rate(_))
        })
        .collect()
}

/// A frame of Ethernet around a packet, as bytes that [`frames`] reads.
pub(super) fn on_ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    frame.extend_from_slice(&ether_type.to_be_bytes());
    frame.extend_from_slice(payload);
    written(ETHERNET, &frame)
}

/// Any frame, as bytes that [`frames`] reads.
pub(super) fn written(link_type: u16, frame: &[u8]) -> Vec<u8> {
    let link = LINK_TYPES.iter().position(|known| *known == link_type).unwrap_or(0) as u8;
    let mut bytes = vec![link, 1];
    bytes.extend_from_slice(&(frame.len() as u16).to_le_bytes());
    bytes.extend_from_slice(frame);
    bytes
}

/// The two stations of every made conversation.
pub(super) const STATIONS: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)];
