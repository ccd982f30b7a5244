//! What a sensor tells at once.

use std::collections::BTreeMap;
use std::io::Read as _;

use serde::{Deserialize, Serialize};
use wardline_model::{Fact, Observation, Timestamp};

use crate::BusError;

/// The form that this program writes.
const VERSION: u32 = 1;
/// Above this a parcel is refused: a sensor makes far smaller ones.
const BYTES_MAX: u64 = 128 << 20;
/// zstd: fast, and still a fifteenth of the text.
const LEVEL: i32 = 1;

/// Observations of one sensor, in the order in which it told them, and how far it has read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parcel {
    /// The form it is written in; set when it is.
    pub version: u32,
    /// Which spool numbers it: another begins anew.
    pub spool: String,
    /// Number in the spool, from 1, without gaps.
    pub number: u64,
    /// Nothing of an earlier capture time follows. Later parcels may tell of this very moment.
    pub until: Timestamp,
    /// The source has ended: nothing follows until another parcel says otherwise.
    pub ended: bool,
    /// It listens to an interface, so that silence is silence and not a pause of a recording.
    pub live: bool,
    /// By how much times must be moved to be those of the site's clock, nanoseconds.
    pub clock_behind_ns: i64,
    /// Names of captures, where they are new.
    pub captures: BTreeMap<u32, String>,
    /// What was counted since the last parcel.
    pub counted: Counted,
    /// What was seen.
    pub observations: Vec<Observation>,
}

/// What a sensor counts. Counts are told even where observations had to be given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Packets.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// Packets that the kernel dropped.
    pub dropped: u64,
    /// Observations that were given up because the spool was full.
    pub given_up: u64,
}

impl Counted {
    /// Adds what another parcel counted.
    pub const fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.dropped += other.dropped;
        self.given_up += other.given_up;
    }
}

impl Parcel {
    /// The parcel as it travels and lies on disk.
    pub(crate) fn encode(&mut self) -> Result<Vec<u8>, BusError> {
        self.version = VERSION;
        let failed = |cause: String| BusError::Parcel { sensor: "this sensor".to_owned(), cause };
        let text = serde_json::to_vec(self).map_err(|error| failed(error.to_string()))?;
        zstd::bulk::compress(&text, LEVEL).map_err(|error| failed(error.to_string()))
    }

    /// Reads a parcel, with its times on the site's clock.
    pub(crate) fn decode(sensor: &str, bytes: &[u8]) -> Result<Self, BusError> {
        let failed = |cause: String| BusError::Parcel { sensor: sensor.to_owned(), cause };
        let mut text = Vec::new();
        zstd::stream::Decoder::new(bytes)
            .and_then(|decoder| decoder.take(BYTES_MAX + 1).read_to_end(&mut text))
            .map_err(|error| failed(error.to_string()))?;
        if text.len() as u64 > BYTES_MAX {
            return Err(failed(format!("it is longer than {BYTES_MAX} bytes")));
        }
        let mut parcel: Self = serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))?;
        if parcel.version != VERSION {
            return Err(failed(format!("it is of version {}, not {VERSION}", parcel.version)));
        }
        parcel.put_on_the_sites_clock();
        Ok(parcel)
    }

    fn put_on_the_sites_clock(&mut self) {
        let behind = std::mem::take(&mut self.clock_behind_ns);
        if behind == 0 {
            return;
        }
        let moved = |time: &mut Timestamp| {
            *time = Timestamp::from_nanoseconds(time.nanoseconds().saturating_add(behind));
        };
        moved(&mut self.until);
        for observation in &mut self.observations {
            moved(&mut observation.sighting.time);
            // The only other times that are a capture's and not the wire's.
            if let Fact::ConversationEnded(conversation) = &mut observation.fact {
                moved(&mut conversation.start);
                moved(&mut conversation.end);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_is_read_as_written_and_on_the_sites_clock() {
        let mut parcel = Parcel {
            spool: "s".to_owned(),
            number: 7,
            until: Timestamp::from_seconds(100),
            observations: vec![Observation {
                sighting: wardline_model::Sighting {
                    time: Timestamp::from_seconds(99),
                    ..Default::default()
                },
                from: Default::default(),
                to: Default::default(),
                transport: None,
                vlan: None,
                fact: Fact::StationSeen,
            }],
            ..Parcel::default()
        };
        let bytes = parcel.encode().unwrap();
        assert_eq!(Parcel::decode("icu", &bytes).unwrap(), parcel);
        parcel.clock_behind_ns = -2_000_000_000;
        let read = Parcel::decode("icu", &parcel.encode().unwrap()).unwrap();
        assert_eq!(read.until, Timestamp::from_seconds(98));
        assert_eq!(read.observations[0].sighting.time, Timestamp::from_seconds(97));
    }

    #[test]
    fn what_is_no_parcel_is_refused_with_the_name_of_its_sensor() {
        let mut newer = Parcel::default();
        newer.encode().unwrap();
        newer.version = 99;
        let newer = zstd::bulk::compress(&serde_json::to_vec(&newer).unwrap(), 1).unwrap();
        for bytes in [b"nonsense".to_vec(), Vec::new(), newer] {
            let error = Parcel::decode("icu", &bytes).unwrap_err().to_string();
            assert!(error.contains("icu"), "{error}");
        }
    }
}
