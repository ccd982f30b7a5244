//! Filters give the verdicts that tcpdump gives, on frames made here and on the corpus.
//!
//! Each filter is run by the real tcpdump over a file in which every frame has its own time, and by ours; the
//! frames let through must be the same. On frames that are cut short this is so with tcpdump's optimiser off:
//! it drops loads that a cut frame would have failed. Skipped where tcpdump is not installed.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a test fails by panic and says what it skips")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use wardline_capture::{CaptureFile, Filter, PcapWriter, link_type};

#[path = "tcpdump/filters.rs"]
mod filters;
#[path = "tcpdump/frames.rs"]
mod frames;

use frames::Chance;

/// What tcpdump makes of a filter on a file.
enum Verdict {
    /// Times of the frames that it lets through.
    Frames(BTreeSet<i64>),
    /// It refuses the filter, with its reason.
    Refused(String),
}

fn tcpdump_is_missing() -> bool {
    let missing = Command::new("tcpdump").arg("--version").output().is_err();
    if missing {
        println!("skipped: tcpdump is not installed");
    }
    missing
}

/// Whether frames are cut short, as by a snap length.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    None,
    Some,
}

/// Filters that are taken here and by tcpdump refused, or the other way round, on purpose.
const DELIBERATE: [&str; 2] = ["net 0/0", "ip proto 300"];

/// libpcap compares service access points with EtherTypes in Linux cooked v2 frames.
fn is_on_802_2(filter: &str) -> bool {
    let names = ["iso", "stp", "ipx", "netbeui", "atalk", "aarp", "ether proto 0x42", "ether proto 0xfe"];
    names.contains(&filter)
}

fn ask_tcpdump(file: &Path, filter: &str, cut: Cut) -> Verdict {
    let output = Command::new("tcpdump")
        .args((cut == Cut::Some).then_some("-O"))
        .args(["-n", "-w", "-", "-r"])
        .arg(file)
        .args(["--", filter])
        .output()
        .expect("tcpdump runs");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    if complaint.contains("expression rejects all packets") {
        return Verdict::Frames(BTreeSet::new());
    }
    if !output.status.success() {
        return Verdict::Refused(complaint);
    }
    let mut times = BTreeSet::new();
    let reader = Box::new(std::io::Cursor::new(output.stdout));
    let mut capture = CaptureFile::from_reader("tcpdump's answer", reader).expect("a capture");
    while let Some(frame) = capture.next_frame().expect("a whole capture") {
        times.insert(frame.time_ns);
    }
    Verdict::Frames(times)
}

fn ask_ourselves(file: &Path, filter: &str) -> Verdict {
    let mut filter = match Filter::parse(filter) {
        Ok(filter) => filter,
        Err(error) => return Verdict::Refused(error.to_string()),
    };
    let mut times = BTreeSet::new();
    let mut capture = CaptureFile::open(file).expect("a capture");
    while let Some(frame) = capture.next_frame().expect("a whole capture") {
        match filter.matches(&frame) {
            Ok(true) => {
                times.insert(frame.time_ns);
            }
            Ok(false) => {}
            Err(error) => return Verdict::Refused(error.to_string()),
        }
    }
    Verdict::Frames(times)
}

/// What differs between the two, if anything.
fn difference(file: &Path, filter: &str, cut: Cut) -> Option<String> {
    match (ask_tcpdump(file, filter, cut), ask_ourselves(file, filter)) {
        (Verdict::Frames(theirs), Verdict::Frames(ours)) if theirs == ours => None,
        (Verdict::Refused(_), Verdict::Refused(_)) => None,
        _ if DELIBERATE.contains(&filter) => None,
        (Verdict::Frames(theirs), Verdict::Frames(ours)) => {
            let missed: Vec<_> = theirs.difference(&ours).take(3).collect();
            let extra: Vec<_> = ours.difference(&theirs).take(3).collect();
            Some(format!(
                "{filter:?}: tcpdump {} frames, ours {}; missed at {missed:?}, extra at {extra:?}",
                theirs.len(),
                ours.len()
            ))
        }
        (Verdict::Refused(reason), Verdict::Frames(_)) => {
            Some(format!("{filter:?}: tcpdump refuses ({}), ours takes it", reason.trim()))
        }
        (Verdict::Frames(_), Verdict::Refused(reason)) => Some(format!("{filter:?}: ours refuses: {reason}")),
    }
}

fn write_frames(folder: &Path, link_type: u16, frames: &[Vec<u8>], cut: Cut, chance: &mut Chance) -> PathBuf {
    let path = folder.join(format!("link{link_type}.pcap"));
    let file = std::fs::File::create(&path).expect("a file");
    let mut writer = PcapWriter::new(std::io::BufWriter::new(file), link_type).expect("a header");
    for (frame, time_ns) in frames.iter().zip((1000..).step_by(1000)) {
        let cut_this = cut == Cut::Some && chance.one_in(4);
        let kept = if cut_this { chance.below(frame.len() + 1) } else { frame.len() };
        let original_length = u32::try_from(frame.len()).expect("short frames");
        writer.write_frame(time_ns, &frame[..kept], original_length).expect("written");
    }
    writer.finish().expect("written");
    path
}

fn check(file: &Path, cut: Cut, filters: impl IntoIterator<Item = String>) {
    let mut asked = 0;
    let differences: Vec<String> = filters
        .into_iter()
        .inspect(|_| asked += 1)
        .filter_map(|filter| difference(file, &filter, cut))
        .collect();
    println!("{asked} filters on {}", file.display());
    assert!(
        differences.is_empty(),
        "{} of {asked} differ on {}:\n{}",
        differences.len(),
        file.display(),
        differences.join("\n")
    );
}

fn listed() -> impl Iterator<Item = String> {
    filters::ALL.iter().map(|filter| (*filter).to_owned())
}

#[test]
fn every_listed_filter_agrees_on_ethernet() {
    if tcpdump_is_missing() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut chance = Chance::new(1);
    let frames: Vec<_> = (0..4_000).map(|_| frames::ethernet(&mut chance)).collect();
    for cut in [Cut::None, Cut::Some] {
        let file = write_frames(folder.path(), link_type::ETHERNET, &frames, cut, &mut chance);
        check(&file, cut, listed());
    }
}

#[test]
fn every_listed_filter_agrees_on_other_links() {
    if tcpdump_is_missing() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for link in [link_type::LINUX_SLL, link_type::LINUX_SLL2, link_type::RAW, link_type::LOOP, link_type::PPP]
    {
        let mut chance = Chance::new(u64::from(link) + 2);
        let frames: Vec<_> = (0..600).map(|_| frames::on_link(link, &mut chance)).collect();
        for cut in [Cut::None, Cut::Some] {
            let file = write_frames(folder.path(), link, &frames, cut, &mut chance);
            check(
                &file,
                cut,
                listed().filter(|filter| link != link_type::LINUX_SLL2 || !is_on_802_2(filter)),
            );
        }
    }
}

#[test]
fn composed_filters_agree() {
    if tcpdump_is_missing() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut chance = Chance::new(3);
    let frames: Vec<_> = (0..2_000).map(|_| frames::ethernet(&mut chance)).collect();
    let composed: Vec<_> = (0..250).map(|_| filters::compose(&mut chance)).collect();
    for cut in [Cut::None, Cut::Some] {
        let file = write_frames(folder.path(), link_type::ETHERNET, &frames, cut, &mut chance);
        check(&file, cut, composed.iter().cloned());
    }
}

#[test]
fn filters_agree_on_the_corpus() {
    let Some(corpus) = std::env::var_os("WARDLINE_CORPUS") else {
        println!("skipped: WARDLINE_CORPUS is not set");
        return;
    };
    if tcpdump_is_missing() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for link in [link_type::ETHERNET, link_type::LINUX_SLL, link_type::RAW] {
        // One file with frames of many captures, each with a time of its own.
        let frames = corpus_frames(Path::new(&corpus), link);
        let path = folder.path().join(format!("corpus{link}.pcap"));
        let file = std::fs::File::create(&path).expect("a file");
        let mut writer = PcapWriter::new(std::io::BufWriter::new(file), link).expect("a header");
        for ((captured, original_length), time_ns) in frames.iter().zip((1000..).step_by(1000)) {
            writer.write_frame(time_ns, captured, *original_length).expect("written");
        }
        writer.finish().expect("written");
        println!("{} frames of link type {link}", frames.len());
        // Captures may have been taken with a snap length.
        check(&path, Cut::Some, listed());
    }
}

/// Up to 40 frames from each capture of the corpus.
fn corpus_frames(folder: &Path, link: u16) -> Vec<(Vec<u8>, u32)> {
    let mut frames = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the corpus is readable").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(mut capture) = CaptureFile::open(&path) else { continue };
            let mut taken = 0;
            while let Ok(Some(frame)) = capture.next_frame() {
                if frame.link_type == link && taken < 40 {
                    frames.push((frame.captured.to_vec(), frame.original_length));
                    taken += 1;
                }
            }
        }
    }
    frames
}
