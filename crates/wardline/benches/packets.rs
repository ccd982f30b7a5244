//! What a packet costs, beside the least that any program of this kind must do.
//!
//! Two mixes are made here: large packets of few conversations, and small packets of very many. What they carry is no
//! protocol's, so each is made a second time with something that is read in part: the large packets as downloads over
//! HTTP, every tenth of the many conversations as a question to a name server and its answer. The last mix is a ward of
//! the simulated hospital, whose messages are read to the last field. The floor reads the headers, hashes the
//! addresses and counts the packet in a table. Everything runs in one thread, in turns, and the fastest turn counts:
//! noise only ever adds. Times are of the thread on the processor, as the kernel counts them. Memory is what the whole
//! takes at most beyond the mix itself, in a turn of its own before the others.
//!
//! Run it by `cargo xtask bench`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark speaks to its user and may stop")]

use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use hashbrown::HashMap;
use wardline_assess::{Assessor, Settings};
use wardline_capture::MergedCapture;
use wardline_flows::{Frame, Pipeline, holds_ip};
use wardline_lab::{Hospital, Options, write_capture};
use wardline_model::{CaptureId, Observation, PseudonymKey, Timestamp};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TURNS: usize = 5;
const ETHERNET: u16 = 1;
/// Small packets; each conversation has four.
const SMALL_PACKETS: u32 = 800_000;
const DEVICES: u32 = 2_000;
const LARGE_PACKETS: u32 = 400_000;
const LARGE_CONVERSATIONS: u32 = 64;
/// The whole may cost so many times the floor.
const BOUND: f64 = 8.0;

/// Packets one after the other, as in a capture file.
#[derive(Default)]
struct Mix {
    bytes: Vec<u8>,
    packets: Vec<(i64, usize, usize)>,
}

impl Mix {
    fn push(&mut self, time_ns: i64, packet: &[u8]) {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(packet);
        self.packets.push((time_ns, begin, self.bytes.len()));
    }

    fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        self.packets.iter().zip(1..).map(|((time_ns, begin, end), number)| Frame {
            capture: CaptureId(0),
            number,
            time: Timestamp::from_nanoseconds(*time_ns),
            link_type: ETHERNET,
            bytes: &self.bytes[*begin..*end],
            original_length: (end - begin) as u32,
        })
    }

    fn mean_bytes(&self) -> usize {
        self.bytes.len() / self.packets.len()
    }
}

/// An Ethernet frame with IPv4; the checksums are left out, as network cards do.
fn frame(
    protocol: u8,
    from: ([u8; 4], u16),
    to: ([u8; 4], u16),
    transport: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(54 + payload.len());
    bytes.extend([2, 0, 0, 0, 0, to.0[3], 2, 0, 0, 0, 1, from.0[3], 8, 0]);
    let length = (20 + 4 + transport.len() + payload.len()) as u16;
    bytes.extend([0x45, 0]);
    bytes.extend(length.to_be_bytes());
    bytes.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
    bytes.extend(from.0);
    bytes.extend(to.0);
    bytes.extend(from.1.to_be_bytes());
    bytes.extend(to.1.to_be_bytes());
    bytes.extend(transport);
    bytes.extend(payload);
    bytes
}

/// TCP after the ports: sequence, acknowledgement, offset, flags, window, checksum, urgent pointer.
fn tcp(sequence: u32, flags: u8) -> Vec<u8> {
    let mut bytes = sequence.to_be_bytes().to_vec();
    bytes.extend([0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes
}

/// Bytes that are no protocol's.
fn nothing(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place * 31 % 251) as u8).collect()
}

/// Few conversations, full packets: of nothing, or each a download over HTTP.
fn large(read: bool) -> Mix {
    let mut mix = Mix::default();
    let mut sequences = vec![0_u32; LARGE_CONVERSATIONS as usize];
    let body = nothing(1_400);
    let mut head =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 4000000000\r\n\r\n"
            .to_vec();
    head.resize(1_400, b'.');
    for number in 0..LARGE_PACKETS {
        let talk = number % LARGE_CONVERSATIONS;
        let (client, server) = (([10, 1, 0, talk as u8], 40_000), ([10, 2, 0, 1], 9_000));
        let sequence = &mut sequences[talk as usize];
        let (flags, payload): (u8, &[u8]) = match number / LARGE_CONVERSATIONS {
            0 => (2, &[]),
            1 if read => (16, &head),
            _ => (16, &body),
        };
        mix.push(i64::from(number) * 1_000, &frame(6, client, server, &tcp(*sequence, flags), payload));
        *sequence = sequence.wrapping_add(payload.len() as u32 + u32::from(flags == 2));
    }
    mix
}

/// A question for the address of `ward.example`, or its answer: RFC 1035 section 4.
fn name(number: u32, answer: bool) -> Vec<u8> {
    let [.., high, low] = number.to_be_bytes();
    let mut bytes = vec![high, low, if answer { 0x81 } else { 1 }, 0, 0, 1, 0, u8::from(answer), 0, 0, 0, 0];
    bytes.extend(b"\x04ward\x07example\0\0\x01\0\x01");
    if answer {
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 10, 9, 9, 9]);
    }
    bytes
}

/// Very many conversations of four small packets: of nothing, or every tenth about names.
fn small(read: bool) -> Mix {
    let mut mix = Mix::default();
    let conversations = SMALL_PACKETS / 4;
    let nothing = nothing(20);
    for number in 0..SMALL_PACKETS {
        let talk = number % conversations;
        // The devices of a large hospital, each with a hundred conversations.
        let [_, _, middle, low] = (talk % DEVICES).to_be_bytes();
        let port = 20_000 + (talk / DEVICES) as u16;
        let names = read && talk.is_multiple_of(10);
        let server_port = if names { 53 } else { 7_777 };
        let (client, server) =
            (([10, 1, middle, low], port), ([10, 200, 0, (talk % 200) as u8], server_port));
        let answer = !(number / conversations).is_multiple_of(2);
        let (from, to) = if answer { (server, client) } else { (client, server) };
        let payload = if names { name(number, answer) } else { nothing.clone() };
        // UDP after the ports: length, checksum.
        let udp = [0, 8 + payload.len() as u8, 0, 0];
        mix.push(i64::from(number) * 2_000, &frame(17, from, to, &udp, &payload));
    }
    mix
}

/// An hour of the simulated hospital.
fn clinical(directory: &Path) -> Mix {
    let path = directory.join("clinical.pcap");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    write_capture(Hospital::new(3, Options::default()), 3_600, &mut file).unwrap();
    drop(file);
    let mut mix = Mix::default();
    let mut capture = MergedCapture::open(&[path]);
    while let Some(frame) = capture.next_frame() {
        mix.push(frame.time_ns, frame.captured);
    }
    mix
}

/// Nanoseconds that this thread has had a processor (Linux, `proc_pid_schedstat`).
fn processor_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

/// Nanoseconds per packet of the fastest and of the slowest turn.
fn measure(packets: usize, mut turn: impl FnMut()) -> (f64, f64) {
    // The kernel counts in ticks of some milliseconds: a turn lasts for many of them.
    const TURN_NS: u64 = 300_000_000;
    let turns = (0..TURNS).map(|_| {
        let before = processor_ns();
        let mut rounds = 0;
        while processor_ns() - before < TURN_NS {
            turn();
            rounds += 1;
        }
        (processor_ns() - before) as f64 / packets as f64 / f64::from(rounds)
    });
    turns.fold((f64::INFINITY, 0.0), |(least, most): (f64, f64), turn| (least.min(turn), most.max(turn)))
}

#[derive(Default)]
struct Count {
    packets: u64,
    bytes: u64,
    last: i64,
}

/// Headers, hash, table.
fn floor(mix: &Mix) -> usize {
    let mut table: HashMap<[u8; 13], Count, foldhash::fast::FixedState> = HashMap::default();
    for frame in mix.frames() {
        let Some(header) = frame.bytes.get(14..38) else { continue };
        if frame.bytes.get(12..14) != Some(&[8, 0]) || header[0] != 0x45 {
            continue;
        }
        let (one, two) = ((&header[12..16], &header[20..22]), (&header[16..20], &header[22..24]));
        let (low, high) = if one <= two { (one, two) } else { (two, one) };
        let mut key = [header[9]; 13];
        key[..4].copy_from_slice(low.0);
        key[4..6].copy_from_slice(low.1);
        key[6..10].copy_from_slice(high.0);
        key[10..12].copy_from_slice(high.1);
        let count = table.entry(key).or_default();
        count.packets += 1;
        count.bytes += u64::from(frame.original_length);
        count.last = frame.time.nanoseconds();
    }
    table.len()
}

fn pipeline() -> Pipeline {
    Pipeline::new(wardline_flows::Settings::new(PseudonymKey::new([5; 32])))
}

fn decode(mix: &Mix) -> usize {
    mix.frames().filter(holds_ip).count()
}

fn flows(mix: &Mix) -> usize {
    let mut pipeline = pipeline();
    let mut observations: Vec<Observation> = Vec::new();
    let mut told = 0;
    for frame in mix.frames() {
        pipeline.push(frame, &mut observations);
        told += observations.len();
        observations.clear();
    }
    pipeline.finish(&mut observations);
    told + observations.len()
}

fn whole(mix: &Mix) -> usize {
    let mut pipeline = pipeline();
    let mut assessor = Assessor::new(Settings::default());
    let mut observations: Vec<Observation> = Vec::new();
    let mut drained = 0;
    for (number, frame) in mix.frames().enumerate() {
        pipeline.push(frame, &mut observations);
        observations.drain(..).for_each(|observation| assessor.observe(&observation));
        if number % 8_192 == 0 {
            drained += assessor.drain().flows.len();
        }
    }
    pipeline.finish_in_parts(&mut observations, |observations| {
        observations.drain(..).for_each(|observation| assessor.observe(&observation));
        drained += assessor.drain().flows.len();
    });
    drained + assessor.finish(Timestamp::default()).devices.len()
}

/// Memory of this process in MiB, by its name in proc_pid_status(5).
fn memory_mib(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// What a turn takes of memory at most beyond what is there before, MiB.
fn peak_mib(turn: impl FnOnce()) -> f64 {
    // 5 sets the peak back to what is resident now: proc_pid_clear_refs(5).
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = memory_mib("VmRSS");
    turn();
    memory_mib("VmHWM") - before
}

/// A capture file of the mix, as others read it.
fn save(mix: &Mix, path: &Path) {
    let mut bytes = Vec::with_capacity(mix.bytes.len() + 16 * mix.packets.len() + 24);
    bytes.extend(0xa1b2_3c4d_u32.to_le_bytes());
    bytes.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0]);
    for (time_ns, begin, end) in &mix.packets {
        bytes.extend(((time_ns / 1_000_000_000) as u32).to_le_bytes());
        bytes.extend(((time_ns % 1_000_000_000) as u32).to_le_bytes());
        bytes.extend(((end - begin) as u32).to_le_bytes());
        bytes.extend(((end - begin) as u32).to_le_bytes());
        bytes.extend(&mix.bytes[*begin..*end]);
    }
    std::fs::write(path, bytes).unwrap();
}

fn reading(path: &Path) -> usize {
    let mut capture = MergedCapture::open(&[path.to_owned()]);
    let mut bytes = 0;
    while let Some(frame) = capture.next_frame() {
        bytes += frame.captured.len();
    }
    bytes
}

/// Processor time of a program over a capture, in nanoseconds per packet; `None` where it is not installed.
fn other(program: &str, arguments: &[&str], path: &Path, packets: usize) -> Option<f64> {
    let children = || {
        let text = std::fs::read_to_string("/proc/self/stat").unwrap();
        let fields: Vec<_> = text.rsplit(')').next().unwrap().split_whitespace().collect();
        // Fields 16 and 17 of proc_pid_stat: user and system time of children that were waited for, 1/100 s.
        fields[13].parse::<u64>().unwrap() + fields[14].parse::<u64>().unwrap()
    };
    let before = children();
    let path = path.to_str().unwrap();
    let arguments: Vec<_> =
        arguments.iter().map(|argument| if *argument == "CAPTURE" { path } else { argument }).collect();
    let ran = Command::new(program)
        .args(arguments)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    ran.ok()?.success().then(|| (children() - before) as f64 * 1e7 / packets as f64)
}

fn main() {
    let directory = tempfile::tempdir().unwrap();
    /// What it is called, whether the bound holds for it, and how it is made.
    type Kind<'a> = (&'a str, bool, Box<dyn Fn() -> Mix + 'a>);
    let kinds: [Kind<'_>; 5] = [
        ("large packets", true, Box::new(|| large(false))),
        ("small packets", true, Box::new(|| small(false))),
        ("large packets of downloads", false, Box::new(|| large(true))),
        ("small packets, a tenth about names", false, Box::new(|| small(true))),
        ("a ward", false, Box::new(|| clinical(directory.path()))),
    ];
    println!(
        "Nanoseconds of processor per packet; the fastest of {TURNS} turns (the slowest in brackets).\n"
    );
    println!(
        "| mix | packets | mean bytes | floor | read file | decode | flows | whole | whole / floor | memory MiB | tshark | softflowd |"
    );
    println!("| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |");
    let mut beyond = Vec::new();
    // `cargo bench` adds `--bench`; a word of the user chooses mixes.
    let chosen = std::env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
    for (name, bounded, make) in kinds.iter().filter(|(name, ..)| name.contains(&chosen)) {
        let mix = &make();
        let memory = peak_mib(|| {
            black_box(whole(mix));
        });
        let packets = mix.packets.len();
        let path = directory.path().join("mix.pcap");
        save(mix, &path);
        let (least, least_slow) = measure(packets, || {
            black_box(floor(mix));
        });
        let (read, _) = measure(packets, || {
            black_box(reading(&path));
        });
        let (decoded, _) = measure(packets, || {
            black_box(decode(mix));
        });
        let (flow, _) = measure(packets, || {
            black_box(flows(mix));
        });
        let (all, all_slow) = measure(packets, || {
            black_box(whole(mix));
        });
        let ratio = all / least;
        let shown = |cost: Option<f64>| cost.map_or_else(|| "-".to_owned(), |cost| format!("{cost:.0}"));
        let tshark = other("tshark", &["-n", "-q", "-r", "CAPTURE", "-z", "conv,ip"], &path, packets);
        let softflowd = other("softflowd", &["-r", "CAPTURE", "-n", "127.0.0.1:9"], &path, packets);
        println!(
            "| {name} | {packets} | {} | {least:.0} ({least_slow:.0}) | {read:.0} | {decoded:.0} | {flow:.0} | {all:.0} ({all_slow:.0}) | {ratio:.1} | {memory:.0} | {} | {} |",
            mix.mean_bytes(),
            shown(tshark),
            shown(softflowd),
        );
        if ratio > BOUND && *bounded {
            beyond.push(*name);
        }
    }
    match beyond.as_slice() {
        [] => println!("\nThe whole costs at most {BOUND} times the floor on both synthetic mixes."),
        names => println!("\nBEYOND THE BOUND of {BOUND} times the floor: {}.", names.join(", ")),
    }
}
