//! What a device takes of memory, all of inventory, exposures and detection together.
//!
//! Part of that is the memory of messages and of pairs of stations, whose limits hold for the whole site: it is there with
//! few devices as with many. So a hospital of many devices is held to the bound, and a ward to twice of it.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it measured"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};

use wardline_assess::{Assessor, Settings};
use wardline_flows::{Frame, Pipeline};
use wardline_lab::{Hospital, Options};
use wardline_model::fact::{BannerFact, Conversation, DnsFact, DnsQuestion, StackTraits, TcpEvent};
use wardline_model::{
    CaptureId, Fact, Label, MacAddress, Observation, Protocol, PseudonymKey, Sighting, Station, TcpOutcome,
    Timestamp, Transport,
};

/// The allocator of the system, and how many bytes are in use.
struct Counting(AtomicUsize);

// SAFETY: every request goes to the allocator of the system as it came; beside it only a number is counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.0.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting(AtomicUsize::new(0));

fn allocated() -> usize {
    ALLOCATOR.0.load(Ordering::Relaxed)
}

/// Most bytes per device of a hospital.
const DEVICE_BYTES_MAX: usize = 32 << 10;
/// Most bytes per device of a ward, which has the same memory of messages.
const WARD_DEVICE_BYTES_MAX: usize = 64 << 10;

/// Bytes that an assessor keeps per device after `feed`, less what one keeps that has seen nothing.
fn bytes_per_device(feed: impl FnOnce(&mut Assessor)) -> usize {
    // The first assessor of a process reads the knowledge, which is for all devices together.
    drop(Assessor::new(Settings::default()));
    let before = allocated();
    let mut assessor = Assessor::new(Settings::default());
    feed(&mut assessor);
    drop(assessor.drain());
    let kept = allocated() - before;
    let devices = assessor.device_count();
    let each = kept / devices;
    println!("{devices} devices, {each} bytes each");
    each
}

/// The only test of this file that may run: others would allocate meanwhile.
#[test]
fn a_device_takes_no_more_than_promised() {
    let hour = bytes_per_device(hour_of_a_hospital);
    assert!(hour <= WARD_DEVICE_BYTES_MAX, "an hour of a hospital: {hour} bytes per device");
    let busy = bytes_per_device(busiest_devices);
    assert!(busy <= DEVICE_BYTES_MAX, "devices that do all they can: {busy} bytes per device");
}

fn hour_of_a_hospital(assessor: &mut Assessor) {
    let mut pipeline = Pipeline::new(wardline_flows::Settings::new(PseudonymKey::new([5; 32])));
    let mut told = Vec::new();
    let mut begin = None;
    for (number, frame) in (1..).zip(Hospital::new(3, Options::default())) {
        if frame.time_ns - *begin.get_or_insert(frame.time_ns) > 3_600_000_000_000 {
            break;
        }
        let frame = Frame {
            capture: CaptureId(0),
            number,
            time: Timestamp::from_nanoseconds(frame.time_ns),
            link_type: 1,
            bytes: &frame.bytes,
            original_length: u32::try_from(frame.bytes.len()).unwrap(),
        };
        pipeline.push(frame, &mut told);
        told.drain(..).for_each(|observation| assessor.observe(&observation));
        if number % 8_192 == 0 {
            drop(assessor.drain());
        }
    }
    pipeline.finish(&mut told);
    told.drain(..).for_each(|observation| assessor.observe(&observation));
}

/// Each device says something new about itself again and again, asks for ever new names, and knocks at ever new doors.
fn busiest_devices(assessor: &mut Assessor) {
    const DEVICES: u32 = 2_000;
    const ROUNDS: u32 = 50;
    for round in 0..ROUNDS {
        for number in 0..DEVICES {
            let [_, _, high, low] = number.to_be_bytes();
            let address = |ip: Ipv4Addr, mac: u8, port: u16| Station {
                mac: Some(MacAddress([0x00, 0x09, 0xfb, mac, high, low])),
                ip: Some(IpAddr::V4(ip)),
                port,
                radio: None,
            };
            let from = address(Ipv4Addr::new(10, 1, high, low), 0, 40_000 + round as u16);
            let to = address(Ipv4Addr::new(10, 2, 0, (round % 250) as u8), 1, 1_000 + round as u16);
            let time = Timestamp::from_nanoseconds(
                1_700_000_000_000_000_000 + i64::from(round * DEVICES + number) * 1_000_000,
            );
            let sighting = Sighting { time, capture: CaptureId(0), packet: u64::from(round) };
            let name = format!("device-{number}-{round}-of-a-name-that-is-long.example.org");
            let question = DnsQuestion { name: Label::new(&name), record_type: 1 };
            let dns = DnsFact {
                protocol: Protocol::Dns,
                response: false,
                opcode: 0,
                response_code: 0,
                questions: [question].into_iter().collect(),
                answers: Default::default(),
            };
            let banner = BannerFact {
                protocol: Protocol::Ssh,
                text: Label::new(&format!("SSH-2.0-OpenSSH_{round}.{number}")),
            };
            let traits = StackTraits { time_to_live: 64, syn: true, ..StackTraits::default() };
            let conversation = Conversation {
                start: time,
                end: time,
                first_packet: 1,
                packets: [3, 3],
                bytes: [300, 300],
                application: Some(Protocol::Ssh),
                encrypted: Some(true),
                tcp: Some(if round % 2 == 0 { TcpOutcome::Closed } else { TcpOutcome::Unanswered }),
                server_name: None,
                ja4: None,
                missing_bytes: 0,
            };
            for fact in [
                Fact::ConversationStarted(traits),
                Fact::Tcp(TcpEvent::Opened),
                Fact::Dns(Box::new(dns)),
                Fact::Banner(Box::new(banner)),
                Fact::ConversationEnded(Box::new(conversation)),
            ] {
                assessor.observe(&Observation {
                    sighting,
                    from,
                    to,
                    transport: Some(Transport::TCP),
                    vlan: None,
                    fact,
                });
            }
        }
        drop(assessor.drain());
    }
}
