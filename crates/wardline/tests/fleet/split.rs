//! One capture as several sensors would see it.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

/// What one sensor sees.
pub(crate) struct Part {
    pub name: &'static str,
    pub path: PathBuf,
    pub frames: u64,
}

const HEAD: usize = 24;
const RECORD: usize = 16;

/// Splits a classic capture of Ethernet by conversation: each sensor sees those of some addresses whole, and all see what
/// goes to everybody.
pub(crate) fn split(whole: &Path, names: &[&'static str]) -> Vec<Part> {
    let bytes = fs::read(whole).unwrap();
    let mut files: Vec<Vec<u8>> = names.iter().map(|_| bytes[..HEAD].to_vec()).collect();
    let mut frames = vec![0; names.len()];
    for (start, end) in records(&bytes) {
        let frame = &bytes[start + RECORD..end];
        let to_all = frame[0] & 1 == 1;
        let place = usize::try_from(conversation(frame) % names.len() as u64).unwrap();
        for (sensor, file) in files.iter_mut().enumerate() {
            if to_all || sensor == place {
                file.extend_from_slice(&bytes[start..end]);
                frames[sensor] += 1;
            }
        }
    }
    names
        .iter()
        .zip(files)
        .zip(frames)
        .map(|((name, file), frames)| {
            assert!(frames > 100, "sensor {name} sees something");
            let path = whole.with_file_name(format!("{name}.pcap"));
            fs::write(&path, file).unwrap();
            Part { name, path, frames }
        })
        .collect()
}

impl Part {
    /// As if the clock of the sensor were so many seconds behind.
    pub(crate) fn set_clock_back(&mut self, seconds: u32) {
        let mut bytes = fs::read(&self.path).unwrap();
        for (start, _) in records(&bytes.clone()) {
            let time = u32::from_le_bytes(bytes[start..start + 4].try_into().unwrap());
            bytes[start..start + 4].copy_from_slice(&(time - seconds).to_le_bytes());
        }
        fs::write(&self.path, bytes).unwrap();
    }
}

/// Begin and end of every record.
fn records(bytes: &[u8]) -> Vec<(usize, usize)> {
    assert!(matches!(bytes[..4], [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1]), "little endian");
    let mut places = Vec::new();
    let mut start = HEAD;
    while start + RECORD <= bytes.len() {
        let length = u32::from_le_bytes(bytes[start + 8..start + 12].try_into().unwrap());
        let end = start + RECORD + length as usize;
        places.push((start, end));
        start = end;
    }
    places
}

/// The same for both directions.
fn conversation(frame: &[u8]) -> u64 {
    let (one, other) = match frame[12..14] {
        [0x08, 0x00] => (&frame[26..30], &frame[30..34]),
        _ => (&frame[0..6], &frame[6..12]),
    };
    let mut hasher = DefaultHasher::new();
    one.min(other).hash(&mut hasher);
    one.max(other).hash(&mut hasher);
    hasher.finish()
}
