//! Traffic of real software within the hospital: the recordings of `fixtures/recorded`, moved to stations of its own.
//!
//! Link and network addresses become those of the stations, and the checksums of IPv4, TCP and UDP are computed anew;
//! nothing else is touched, so what is spoken is byte for byte what the software said. Recordings whose payloads name
//! addresses are left out: they cannot be moved.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use wardline_model::{Category, MacAddress};

use crate::frames::checksum;
use crate::labels::{DeviceLabel, RecordingLabel};

/// Name and content of each recording.
const CAPTURES: &[(&str, &[u8])] = &[
    ("dicom-dcmtk", include_bytes!("../../../fixtures/recorded/dicom-dcmtk.pcap.zst")),
    ("dicom-orthanc", include_bytes!("../../../fixtures/recorded/dicom-orthanc.pcap.zst")),
    ("hl7-mllp", include_bytes!("../../../fixtures/recorded/hl7-mllp.pcap.zst")),
    ("mqtt-mosquitto", include_bytes!("../../../fixtures/recorded/mqtt-mosquitto.pcap.zst")),
    ("smb-samba", include_bytes!("../../../fixtures/recorded/smb-samba.pcap.zst")),
    ("snmp-netsnmp", include_bytes!("../../../fixtures/recorded/snmp-netsnmp.pcap.zst")),
];
const INDEX: &str = include_str!("../../../fixtures/recorded/index.json");
const CANARIES: &str = include_str!("../../../fixtures/recorded/canaries.txt");

/// The software ran on virtual machines, as most servers do: the prefix of VMware.
const PREFIX: [u8; 3] = [0x00, 0x50, 0x56];
/// Last number of the address of the first such station.
const HOST_FIRST: u8 = 200;
/// A frame is padded to this length on Ethernet, bytes.
const FRAME_BYTES_MIN: usize = 60;

/// A recording as `index.json` tells of it.
#[derive(Debug, Deserialize)]
struct Entry {
    name: String,
    names_addresses: bool,
    stations: Vec<StationEntry>,
}

#[derive(Debug, Deserialize)]
struct StationEntry {
    name: String,
    ip: Option<Ipv4Addr>,
    mac: MacAddress,
    category: Category,
    software: Vec<SoftwareEntry>,
}

#[derive(Debug, Deserialize)]
struct SoftwareEntry {
    package: String,
    version: Option<String>,
}

/// A recording at its new addresses.
#[derive(Clone, Debug)]
struct Recording {
    label: RecordingLabel,
    /// Time after the first frame, and the frame.
    frames: Vec<(i64, Vec<u8>)>,
}

/// The recordings of a hospital, and the stations that they are moved to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorded {
    recordings: Vec<Recording>,
    stations: Vec<DeviceLabel>,
}

impl Recorded {
    /// All recordings, within the network whose addresses begin with `network`.
    pub(crate) fn new(seed: u64, network: [u8; 3]) -> Self {
        let mut chance = ChaCha8Rng::seed_from_u64(seed.rotate_left(32));
        let index: Vec<Entry> = serde_json::from_str(INDEX).unwrap_or_default();
        let mut recorded = Self::default();
        let mut hosts = HOST_FIRST..=u8::MAX - 1;
        for entry in index.iter().filter(|entry| !entry.names_addresses) {
            let Some((_, packed)) = CAPTURES.iter().find(|(name, _)| *name == entry.name) else { continue };
            let (mut macs, mut ips) = (BTreeMap::new(), BTreeMap::new());
            let first = recorded.stations.len();
            for station in &entry.stations {
                let (Some(old), Some(host)) = (station.ip, hosts.next()) else { continue };
                let [a, b, c] = network;
                let ip = Ipv4Addr::new(a, b, c, host);
                let [d, e, f] = PREFIX;
                // VMware gives out the lower quarter of its block by hand.
                let mac = MacAddress([d, e, f, chance.random_range(0..0x40), chance.random(), host]);
                macs.insert(station.mac, mac);
                ips.insert(old, ip);
                recorded.stations.push(DeviceLabel {
                    mac,
                    ip,
                    name: format!("{}-{host}", station.name),
                    vendor: "VMware".to_owned(),
                    model: "virtual".to_owned(),
                    category: station.category,
                    place: "IT".to_owned(),
                });
            }
            let frames = records(&zstd::decode_all(*packed).unwrap_or_default())
                .into_iter()
                .map(|(time_ns, frame)| (time_ns, moved(frame, &macs, &ips)))
                .collect();
            let label = RecordingLabel {
                name: entry.name.clone(),
                software: software(entry),
                stations: recorded.stations[first..].iter().map(|station| station.ip).collect(),
                start_ns: 0,
            };
            recorded.recordings.push(Recording { label, frames });
        }
        recorded
    }

    /// How many recordings there are.
    pub(crate) const fn len(&self) -> usize {
        self.recordings.len()
    }

    /// The frames of a recording that is played now.
    pub(crate) fn play(&mut self, place: usize, now: i64) -> Vec<(i64, Vec<u8>)> {
        let recording = &mut self.recordings[place];
        recording.label.start_ns = now;
        recording.frames.iter().map(|(after_ns, frame)| (now + after_ns, frame.clone())).collect()
    }

    /// The stations.
    pub(crate) fn stations(&self) -> &[DeviceLabel] {
        &self.stations
    }

    /// What was played so far.
    pub(crate) fn labels(&self) -> Vec<RecordingLabel> {
        let played = self.recordings.iter().filter(|recording| recording.label.start_ns != 0);
        played.map(|recording| recording.label.clone()).collect()
    }

    /// What may be in no output: the invented patients, accounts and passwords of the recordings.
    pub(crate) fn canaries() -> impl Iterator<Item = String> {
        CANARIES.lines().map(str::to_owned)
    }
}

/// `package version` of everything that spoke.
fn software(entry: &Entry) -> Vec<String> {
    let all = entry.stations.iter().flat_map(|station| &station.software);
    let mut all: Vec<_> = all
        .map(|software| format!("{} {}", software.package, software.version.as_deref().unwrap_or("?")))
        .collect();
    all.sort();
    all.dedup();
    all
}

/// The records of a classic capture in little endian and microseconds, as tcpdump writes it: nanoseconds after the
/// first one, and the frame.
fn records(capture: &[u8]) -> Vec<(i64, Vec<u8>)> {
    let mut rest = capture.get(24..).unwrap_or_default();
    let mut records = Vec::new();
    let mut first = None;
    while let Some((header, after)) = rest.split_at_checked(16) {
        let word = |place: usize| {
            u32::from_le_bytes([header[place], header[place + 1], header[place + 2], header[place + 3]])
        };
        let time_ns = (i64::from(word(0)) * 1_000_000 + i64::from(word(4))) * 1_000;
        let Some((frame, after)) = after.split_at_checked(word(8) as usize) else { break };
        records.push((time_ns - *first.get_or_insert(time_ns), frame.to_vec()));
        rest = after;
    }
    records
}

/// A frame with other addresses and the checksums that belong to them.
fn moved(
    mut frame: Vec<u8>,
    macs: &BTreeMap<MacAddress, MacAddress>,
    ips: &BTreeMap<Ipv4Addr, Ipv4Addr>,
) -> Vec<u8> {
    const ARP: [u8; 2] = [0x08, 0x06];
    const IPV4: [u8; 2] = [0x08, 0x00];
    let mac = |frame: &mut [u8], place: usize| {
        let old = MacAddress(std::array::from_fn(|index| frame[place + index]));
        frame[place..place + 6].copy_from_slice(&macs.get(&old).unwrap_or(&old).0);
    };
    let ip = |frame: &mut [u8], place: usize| {
        let old = Ipv4Addr::from(std::array::from_fn(|index| frame[place + index]));
        frame[place..place + 4].copy_from_slice(&ips.get(&old).unwrap_or(&old).octets());
    };
    frame.resize(frame.len().max(FRAME_BYTES_MIN), 0);
    mac(&mut frame, 0);
    mac(&mut frame, 6);
    match [frame[12], frame[13]] {
        ARP => {
            mac(&mut frame, 22);
            ip(&mut frame, 28);
            mac(&mut frame, 32);
            ip(&mut frame, 38);
        }
        IPV4 => {
            ip(&mut frame, 26);
            ip(&mut frame, 30);
            summed(&mut frame[14..]);
        }
        _ => {}
    }
    frame
}

/// Computes the checksums of an IPv4 packet (RFC 791) and of the TCP segment or UDP datagram in it (RFC 9293, 768).
fn summed(packet: &mut [u8]) {
    let header_bytes = usize::from(packet[0] & 15) * 4;
    let length = usize::from(u16::from_be_bytes([packet[2], packet[3]])).min(packet.len());
    let (header, rest) = packet[..length].split_at_mut(header_bytes);
    header[10..12].fill(0);
    let sum = checksum(&[header]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    let place = match header[9] {
        6 => 16,
        17 => 6,
        _ => return,
    };
    rest[place..place + 2].fill(0);
    let mut pseudo_header = header[12..20].to_vec();
    pseudo_header.extend([0, header[9]]);
    pseudo_header.extend((rest.len() as u16).to_be_bytes());
    let sum = match checksum(&[&pseudo_header, rest]) {
        // RFC 768: of UDP a sum of zero is sent as its complement, since zero says that there is none.
        0 if header[9] == 17 => 0xffff,
        sum => sum,
    };
    rest[place..place + 2].copy_from_slice(&sum.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recording_is_moved_and_none_keeps_its_addresses() {
        let recorded = Recorded::new(7, [10, 1, 2]);
        assert_eq!(recorded.len(), CAPTURES.len());
        for recording in &recorded.recordings {
            assert!(recording.frames.len() > 40, "{}", recording.label.name);
            assert!(!recording.label.software.is_empty() && recording.label.stations.len() >= 2);
            for (_, frame) in &recording.frames {
                // 192.0.2.0/24 is where they were recorded, 02:00:5e:00:02 began their link addresses.
                assert!(!frame.windows(3).any(|window| window == [192, 0, 2]), "{}", recording.label.name);
                assert!(
                    !frame.windows(5).any(|window| window == [2, 0, 0x5e, 0, 2]),
                    "{}",
                    recording.label.name
                );
                // A fragment could not be summed alone.
                let fragment = frame[12..14] == [8, 0] && (frame[20] & 0x3f, frame[21]) != (0, 0);
                assert!(!fragment, "{}", recording.label.name);
            }
        }
    }

    #[test]
    fn a_seed_gives_the_same_stations() {
        let stations = |seed| Recorded::new(seed, [10, 1, 2]).stations;
        assert_eq!(stations(7), stations(7));
        assert_ne!(stations(7), stations(8));
    }
}
