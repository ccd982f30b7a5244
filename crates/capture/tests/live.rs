//! Live capture on a pair of virtual interfaces in a network namespace of the test's own.
//!
//! Needs the right to make namespaces and the `ip` program; skipped with a line where either is missing.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a test fails by panic and says what it skips")]

use std::collections::HashMap;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::Command;
use std::time::Duration;

use wardline_capture::{Filter, LiveError, LiveRing, LiveSettings, link_type};

#[path = "tcpdump/filters.rs"]
#[expect(dead_code, reason = "the comparison with tcpdump uses the rest")]
mod filters;
#[path = "tcpdump/frames.rs"]
#[expect(dead_code, reason = "the comparison with tcpdump uses the rest")]
mod frames;

const PATIENCE: Duration = Duration::from_millis(300);

/// Runs `test` in a thread with a network namespace of its own, in which `near` and `far` are the two ends of
/// a cable.
fn with_cable(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::spawn(move || {
        // SAFETY: takes flags only; moves this thread alone into a new network namespace.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
            println!("skipped: no right to make a network namespace");
            return;
        }
        // Without IPv6 the interfaces say nothing of their own accord.
        let _ = std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
        let steps = [
            "link add near type veth peer name far",
            "link set near arp off up",
            "link set far arp off up",
            "link set lo up",
        ];
        for step in steps {
            match Command::new("ip").args(step.split(' ')).status() {
                Ok(status) if status.success() => {}
                outcome => {
                    println!("skipped: ip {step}: {outcome:?}");
                    return;
                }
            }
        }
        wait_for_cable();
        test();
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// The kernel brings a cable up a moment after it is told to.
fn wait_for_cable() {
    let is_up = || {
        let output = Command::new("ip").args(["-o", "link", "show", "up"]).output().expect("ip runs");
        String::from_utf8_lossy(&output.stdout).matches("state UP").count() == 2
    };
    let mut tries = 0;
    while !is_up() {
        tries += 1;
        assert!(tries < 100, "the cable does not come up");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Puts frames on the cable. Only tests send.
struct Sender(OwnedFd);

impl Sender {
    fn on(interface: &str) -> Self {
        let name = std::ffi::CString::new(interface).expect("a name");
        // SAFETY: `socket` takes no pointers; `if_nametoindex` reads a string that lives through the call;
        // the address is a plain structure that lives through `bind`, with its length told.
        unsafe {
            let descriptor = libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0);
            assert!(descriptor >= 0, "a packet socket");
            let sender = Self(OwnedFd::from_raw_fd(descriptor));
            let mut address: libc::sockaddr_ll = std::mem::zeroed();
            address.sll_family = libc::AF_PACKET as u16;
            address.sll_ifindex = libc::if_nametoindex(name.as_ptr()).cast_signed();
            let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
            assert_eq!(libc::bind(descriptor, std::ptr::from_ref(&address).cast(), length), 0);
            sender
        }
    }

    fn send(&self, frame: &[u8]) {
        // SAFETY: the bytes live through the call and their length is told.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        assert_eq!(sent, frame.len().cast_signed(), "{}", std::io::Error::last_os_error());
    }
}

/// An Ethernet frame with IPv4 and UDP between two ports, behind VLAN tags, `padding` bytes of payload.
fn udp_frame(tags: &[u16], source: u16, destination: u16, number: u32, padding: usize) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    for tag in tags {
        frame.extend([0x81, 0x00]);
        frame.extend(tag.to_be_bytes());
    }
    let length = (20 + 8 + 4 + padding) as u16;
    frame.extend([0x08, 0x00, 0x45, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    // The address of the lower port is always the same, so that a flow has two directions.
    let (from, to) = if source < destination { (1, 2) } else { (2, 1) };
    frame.extend([192, 0, 2, from, 192, 0, 2, to]);
    frame.extend(source.to_be_bytes());
    frame.extend(destination.to_be_bytes());
    frame.extend((length - 20).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(number.to_be_bytes());
    frame.extend((0..padding).map(|at| at as u8));
    frame
}

fn open_one(settings: &LiveSettings) -> LiveRing {
    LiveRing::open(settings).expect("opens").pop().expect("a ring")
}

fn filtered(text: &str) -> LiveSettings {
    LiveSettings { filter: Some(Filter::parse(text).expect("a filter")), ..LiveSettings::new("far") }
}

/// All frames that arrive until none does for a while.
fn drain(ring: &mut LiveRing) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some(frame) = ring.next_frame(PATIENCE).expect("reads") {
        assert_eq!(frame.original_length as usize, frame.captured.len());
        frames.push(frame.captured.to_vec());
    }
    frames
}

#[test]
fn frames_arrive_complete_in_order_and_with_times() {
    with_cable(|| {
        let mut ring = open_one(&LiveSettings::new("far"));
        assert_eq!(ring.link_type(), link_type::ETHERNET);
        let sender = Sender::on("near");
        let sent: Vec<_> =
            (0..20_000).map(|number| udp_frame(&[], 9, 53, number, number as usize % 1_450)).collect();
        for frame in &sent {
            sender.send(frame);
        }
        let mut last_ns = 0;
        let mut arrived = 0;
        while let Some(frame) = ring.next_frame(PATIENCE).expect("reads") {
            assert_eq!(frame.captured, sent[arrived], "frame {arrived}");
            arrived += 1;
            assert_eq!(frame.number, arrived as u64);
            assert_eq!((frame.file, frame.link_type), (0, link_type::ETHERNET));
            assert!(frame.time_ns >= last_ns, "times go on");
            last_ns = frame.time_ns;
        }
        assert_eq!(arrived, sent.len());
        assert!(last_ns > 1_600_000_000_000_000_000, "nanoseconds since 1970");
        let counters = ring.counters().expect("counters");
        assert_eq!((counters.received, counters.dropped), (20_000, 0));
    });
}

#[test]
fn the_kernel_runs_the_filter() {
    with_cable(|| {
        let mut ring = open_one(&filtered("udp dst port 53 and less 100"));
        let sender = Sender::on("near");
        for number in 0..300 {
            sender.send(&udp_frame(&[], 9, if number % 3 == 0 { 53 } else { 54 }, number, 10));
            sender.send(&udp_frame(&[], 9, 53, number, 500));
        }
        let frames = drain(&mut ring);
        assert_eq!(frames.len(), 100);
        assert!(frames.iter().all(|frame| frame.len() < 100 && frame[36..38] == [0, 53]));
        assert_eq!(ring.counters().expect("counters").received, 100, "others never came here");
    });
}

/// The kernel accepts every program and gives the verdict of our own interpreter.
#[test]
fn the_kernel_and_the_interpreter_agree() {
    with_cable(|| {
        let mut chance = frames::Chance::new(4);
        let mut sent: Vec<Vec<u8>> = std::iter::repeat_with(|| frames::ethernet(&mut chance))
            // On tagged frames the two see different frames, as the filter's description says.
            .filter(|frame| ![[0x81, 0x00], [0x88, 0xa8], [0x91, 0x00]].contains(&[frame[12], frame[13]]))
            .take(400)
            .collect();
        sent.sort();
        sent.dedup();
        let sender = Sender::on("near");
        let usable: Vec<_> = filters::ALL.into_iter().filter(|text| Filter::parse(text).is_ok()).collect();
        for batch in usable.chunks(20) {
            let small = |text| LiveSettings { ring_bytes: 1 << 20, ..filtered(text) };
            let mut rings: Vec<_> = batch.iter().map(|text| open_one(&small(text))).collect();
            for frame in &sent {
                sender.send(frame);
            }
            std::thread::sleep(Duration::from_millis(100));
            for (ring, text) in rings.iter_mut().zip(batch) {
                let mut arrived = Vec::new();
                while let Some(frame) = ring.next_frame(Duration::ZERO).expect("reads") {
                    arrived.push(frame.captured.to_vec());
                }
                let program = Filter::parse(text).expect("a filter").compile(link_type::ETHERNET);
                let program = program.expect("compiles");
                let expected: Vec<_> =
                    sent.iter().filter(|frame| program.matches(frame, frame.len() as u32)).cloned().collect();
                assert_eq!(arrived, expected, "{text:?}");
            }
        }
    });
}

#[test]
fn vlan_tags_are_in_the_frames_and_in_the_filters() {
    with_cable(|| {
        let filters = [
            ("", 4),
            ("vlan", 3),
            ("vlan 5", 2),
            ("vlan 5 and udp", 1),
            ("vlan 5 and vlan 6", 1),
            ("vlan 5 and vlan 6 and udp dst port 53", 1),
            ("vlan 7", 1),
            ("not vlan", 1),
        ];
        let mut rings: Vec<_> = filters.map(|(text, _)| open_one(&filtered(text))).into();
        let sender = Sender::on("near");
        let sent: Vec<_> =
            [&[][..], &[5], &[5, 6], &[0xe007]].map(|tags| udp_frame(tags, 9, 53, 0, 40)).into();
        for frame in &sent {
            sender.send(frame);
        }
        for (ring, (text, count)) in rings.iter_mut().zip(filters) {
            let frames = drain(ring);
            assert_eq!(frames.len(), count, "{text:?}");
            assert!(frames.iter().all(|frame| sent.contains(frame)), "{text:?}: tags are back in place");
        }
    });
}

#[test]
fn what_does_not_fit_is_dropped_and_counted() {
    with_cable(|| {
        let settings = LiveSettings { ring_bytes: 1 << 20, ..LiveSettings::new("far") };
        let mut ring = open_one(&settings);
        let sender = Sender::on("near");
        for number in 0..5_000 {
            sender.send(&udp_frame(&[], 9, 53, number, 1_400));
        }
        std::thread::sleep(Duration::from_millis(50));
        let counters = ring.counters().expect("counters");
        assert_eq!(counters.received, 5_000);
        assert!(counters.dropped > 3_000 && counters.freezes > 0, "{counters:?}");
        assert_eq!(drain(&mut ring).len() as u64, 5_000 - counters.dropped);
        sender.send(&udp_frame(&[], 9, 53, 1, 0));
        assert_eq!(drain(&mut ring).len(), 1, "the ring goes on after having been full");
        assert_eq!(ring.counters().expect("counters").received, 5_001, "counters add up");
    });
}

#[test]
fn fan_out_gives_each_frame_once_and_flows_whole() {
    with_cable(|| {
        let settings = LiveSettings { rings: 4, ring_bytes: 8 << 20, ..LiveSettings::new("far") };
        let mut rings = LiveRing::open(&settings).expect("opens");
        assert_eq!(rings.len(), 4);
        let sender = Sender::on("near");
        let mut sent = 0;
        for number in 0..2_000 {
            let port = 1_000 + number as u16 % 100;
            let frame = if number % 2 == 0 {
                udp_frame(&[], 53, port, number, 20)
            } else {
                udp_frame(&[], port, 53, number, 20)
            };
            sender.send(&frame);
            sent += 1;
        }
        let mut flow_rings = HashMap::new();
        let mut numbers = Vec::new();
        let mut used = 0;
        for (index, ring) in rings.iter_mut().enumerate() {
            let frames = drain(ring);
            used += usize::from(!frames.is_empty());
            for frame in frames {
                let ports = [[frame[34], frame[35]], [frame[36], frame[37]]];
                let port = ports.into_iter().max().expect("two ports");
                assert_eq!(*flow_rings.entry(port).or_insert(index), index, "both directions together");
                numbers.push(u32::from_be_bytes(frame[42..46].try_into().expect("four bytes")));
            }
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (0..sent).collect::<Vec<_>>());
        assert!(used > 1, "the work is shared");
    });
}

#[test]
fn loopback_frames_come_once() {
    with_cable(|| {
        let filter = Some(Filter::parse("udp dst port 9999").expect("a filter"));
        let mut ring = open_one(&LiveSettings { filter, ..LiveSettings::new("lo") });
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        for _ in 0..10 {
            let _ = socket.send_to(b"hello", "127.0.0.1:9999");
        }
        assert_eq!(drain(&mut ring).len(), 10);
    });
}

#[test]
fn failures_are_told_apart() {
    with_cable(|| {
        let error = LiveRing::open(&LiveSettings::new("ward7")).expect_err("none such");
        assert!(matches!(error, LiveError::NoSuchInterface { .. }), "{error}");
        let error = LiveRing::open(&LiveSettings::new("a name that is far too long")).expect_err("none such");
        assert!(matches!(error, LiveError::NoSuchInterface { .. }), "{error}");
        let error =
            LiveRing::open(&LiveSettings { rings: 0, ..LiveSettings::new("far") }).expect_err("no rings");
        assert!(error.to_string().contains("rings is 0"), "{error}");

        let mut ring = open_one(&LiveSettings::new("far"));
        assert!(matches!(ring.next_frame(Duration::from_millis(5)), Ok(None)), "silence is no error");
        let down = Command::new("ip").args(["link", "set", "far", "down"]).status().expect("ip runs");
        assert!(down.success());
        assert!(matches!(ring.next_frame(PATIENCE), Err(LiveError::InterfaceDown { .. })));
        assert!(matches!(ring.next_frame(Duration::from_millis(5)), Ok(None)), "told once");
        let error = LiveRing::open(&LiveSettings::new("far")).expect_err("down");
        assert!(matches!(error, LiveError::InterfaceDown { .. }), "{error}");
        let up = Command::new("ip").args(["link", "set", "far", "up"]).status().expect("ip runs");
        assert!(up.success());
        wait_for_cable();
        Sender::on("near").send(&udp_frame(&[], 9, 53, 0, 0));
        assert_eq!(drain(&mut ring).len(), 1, "the same ring goes on when the interface is up again");

        // SAFETY: takes numbers only; gives this thread alone the rights of nobody.
        assert_eq!(unsafe { libc::syscall(libc::SYS_setresuid, 65_534, 65_534, 65_534) }, 0);
        let error = LiveRing::open(&LiveSettings::new("far")).expect_err("no right");
        assert!(matches!(error, LiveError::Permission { .. }), "{error}");
        assert!(error.to_string().contains("setcap cap_net_raw"), "{error}");
    });
}
