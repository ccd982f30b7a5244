//! Conversations out of a folder of captures, as inputs to begin with. They stay in memory and in the folder that the caller
//! names, which `cargo xtask fuzz` removes: real captures are never copied into the project.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use wardline_capture::{CaptureFile, link_type};
use wardline_wire::Direction;

/// Longest file that is read, bytes.
const FILE_BYTES_MAX: u64 = 32 << 20;
/// Conversations taken from one file.
const TALKS_MAX: usize = 200;
/// Bytes of payload kept of one conversation.
const TALK_BYTES_MAX: usize = 6 << 10;

/// What was said in a conversation, in the order of the capture.
pub struct Talk {
    /// Over TCP; else over UDP.
    pub tcp: bool,
    /// Who said what; forward is whoever spoke first.
    pub pieces: Vec<(Direction, Vec<u8>)>,
}

/// Every conversation over IPv4 on Ethernet in the captures of a folder, as far as the limits allow.
pub fn talks(folder: &Path) -> Vec<Talk> {
    files(folder).iter().flat_map(|file| of_file(file)).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.metadata().is_ok_and(|file| file.len() <= FILE_BYTES_MAX) {
            found.push(path);
        }
    }
    found.sort();
    found
}

type Side = (Ipv4Addr, u16);

fn of_file(path: &Path) -> Vec<Talk> {
    let Ok(mut file) = CaptureFile::open(path) else { return Vec::new() };
    let mut talks: BTreeMap<(bool, Side, Side), (Side, Talk)> = BTreeMap::new();
    // A damaged end does not spoil what came before.
    while let Ok(Some(frame)) = file.next_frame() {
        if frame.link_type != link_type::ETHERNET {
            continue;
        }
        let Some((tcp, from, to, payload)) = payload(frame.captured) else { continue };
        let key = (tcp, from.min(to), from.max(to));
        if talks.len() >= TALKS_MAX && !talks.contains_key(&key) {
            continue;
        }
        let (first, talk) = talks.entry(key).or_insert((from, Talk { tcp, pieces: Vec::new() }));
        let kept: usize = talk.pieces.iter().map(|(_, piece)| piece.len()).sum();
        let piece = payload.get(..payload.len().min(TALK_BYTES_MAX.saturating_sub(kept))).unwrap_or_default();
        if !piece.is_empty() {
            let direction = if *first == from { Direction::Forward } else { Direction::Backward };
            talk.pieces.push((direction, piece.to_vec()));
        }
    }
    talks.into_values().map(|(_, talk)| talk).filter(|talk| !talk.pieces.is_empty()).collect()
}

/// The payload of TCP or UDP in a frame, and between whom.
fn payload(frame: &[u8]) -> Option<(bool, Side, Side, &[u8])> {
    let packet = frame.strip_prefix(frame.get(..12)?)?.strip_prefix(&[8, 0])?;
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let length = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
    let address = |place: usize| Some(Ipv4Addr::from(*packet.get(place..)?.first_chunk::<4>()?));
    let body = packet.get(..length)?.get(header..)?;
    let [a, b, c, d, ..] = *body else { return None };
    let from = (address(12)?, u16::from_be_bytes([a, b]));
    let to = (address(16)?, u16::from_be_bytes([c, d]));
    match packet.get(9)? {
        6 => Some((true, from, to, body.get(usize::from(body.get(12)? >> 4) * 4..)?)),
        17 => Some((false, from, to, body.get(8..)?)),
        _ => None,
    }
}
