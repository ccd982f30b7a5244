//! What runs through a service is read, and held against the allow-list of that service.
//!
//! TCP ends at each end of the shield, so overlaps and odd segments end here. A message is passed on when it is whole and
//! allowed. What is refused is answered as its protocol wants, and reported without patient data. Programs in fields that
//! hold pictures, reports or waveforms are stopped in either mode.
//!
//! Not read: what is encrypted between device and server; the bodies of HTTP beyond their beginning; HTTP/2.

mod dicom;
mod guard;
mod hl7;
mod http;
mod mqtt;
mod raw;

use bytes::{Bytes, BytesMut};
pub use guard::{Guard, List, Mode};
pub(crate) use hl7::{HELD, answer, block, framed, judge, not_hl7, settles};
use serde::Deserialize;
use std::sync::Arc;
use wardline_model::Protocol;
use wardline_wire::Direction;

use crate::report::Notice;

/// Longest message that is held until it is judged, bytes; a longer one is refused.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a service carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Carried {
    /// Anything.
    #[default]
    Raw,
    /// DICOM upper layer.
    Dicom,
    /// HL7 version 2 over MLLP.
    Hl7,
    /// MQTT.
    Mqtt,
    /// HTTP/1, FHIR included.
    Http,
}

/// Why something does not pass, and what both sides are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What it is.
    pub notice: Notice,
    /// Protocol that was read.
    pub protocol: Protocol,
    /// Field that was read.
    pub field: &'static str,
    /// What is wrong with it, without patient data.
    pub value: String,
    /// For whoever sent it.
    pub answer: Bytes,
    /// For whoever would have got it.
    pub farewell: Bytes,
}

/// Reads one connection.
#[derive(Debug)]
pub enum Inspector {
    /// Nothing is known.
    Raw(raw::Raw),
    /// DICOM.
    Dicom(Box<dicom::Dicom>),
    /// HL7.
    Hl7(Box<hl7::Hl7>),
    /// MQTT.
    Mqtt(Box<mqtt::Mqtt>),
    /// HTTP.
    Http(Box<http::Http>),
}

impl Inspector {
    /// Reads a connection of the service that `guard` guards.
    pub fn new(guard: &Arc<Guard>) -> Self {
        let own = Arc::clone(guard);
        match guard.carried() {
            Carried::Raw => Self::Raw(raw::Raw::default()),
            Carried::Dicom => Self::Dicom(Box::new(dicom::Dicom::new(own))),
            Carried::Hl7 => Self::Hl7(Box::new(hl7::Hl7::new(own))),
            Carried::Mqtt => Self::Mqtt(Box::new(mqtt::Mqtt::new(own))),
            Carried::Http => Self::Http(Box::new(http::Http::new(own))),
        }
    }

    /// Takes the next bytes of one direction, and gives what may pass now.
    ///
    /// # Errors
    /// When the connection must end.
    pub fn pass(&mut self, direction: Direction, bytes: Bytes) -> Result<Bytes, Box<Refused>> {
        match self {
            Self::Raw(raw) => raw.pass(direction, bytes),
            Self::Dicom(dicom) => dicom.pass(direction, &bytes),
            Self::Hl7(hl7) => hl7.pass(direction, &bytes),
            Self::Mqtt(mqtt) => mqtt.pass(direction, &bytes),
            Self::Http(http) => http.pass(direction, bytes),
        }
    }
}

/// Counts what is held of unfinished messages against the service's limit, until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    guard: Arc<Guard>,
    bytes: usize,
}

impl Hold {
    pub(crate) const fn new(guard: Arc<Guard>) -> Self {
        Self { guard, bytes: 0 }
    }

    /// So many bytes are held now. False when that is too much for the service.
    pub(crate) fn is_fine_with(&mut self, bytes: usize) -> bool {
        let fine = self.guard.hold(self.bytes, bytes);
        self.bytes = bytes;
        fine
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.guard.hold(self.bytes, 0);
    }
}

/// Bytes of one direction that are not a whole message yet.
#[derive(Debug)]
struct Pending {
    bytes: BytesMut,
    /// Bytes of the first message in which its end was looked for already.
    looked: usize,
    hold: Hold,
}

/// Where the first message ends.
enum Cut {
    /// After so many bytes.
    At(usize),
    /// Not here yet.
    More,
    /// Never: this is something else, or too long.
    Never,
}

impl Pending {
    fn both(guard: &Arc<Guard>) -> [Self; 2] {
        let one = || Self { bytes: BytesMut::new(), looked: 0, hold: Hold::new(Arc::clone(guard)) };
        [one(), one()]
    }

    /// Appends `bytes` and gives whole messages to `judge` in order. `cut` gets what is unread, and in how many bytes of it
    /// the end was looked for already.
    fn each(
        &mut self,
        bytes: &[u8],
        cut: impl Fn(&[u8], usize) -> Cut,
        never: impl FnOnce() -> Box<Refused>,
        mut judge: impl FnMut(&[u8]) -> Result<(), Box<Refused>>,
    ) -> Result<Bytes, Box<Refused>> {
        self.bytes.extend_from_slice(bytes);
        let mut end = 0;
        loop {
            let unread = self.bytes.get(end..).unwrap_or_default();
            match cut(unread, self.looked) {
                Cut::At(length) => {
                    judge(unread.get(..length).unwrap_or_default())?;
                    end += length;
                    self.looked = 0;
                }
                Cut::More if unread.len() <= MESSAGE_BYTES_MAX => {
                    self.looked = unread.len();
                    break;
                }
                Cut::More | Cut::Never => return Err(never()),
            }
        }
        let whole = self.bytes.split_to(end).freeze();
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
        }
        if self.hold.is_fine_with(self.bytes.len()) { Ok(whole) } else { Err(too_much(never())) }
    }
}

/// Too many unfinished messages of a service are held.
pub(crate) fn too_much(mut refused: Box<Refused>) -> Box<Refused> {
    refused.notice = Notice::Flood;
    "too many unfinished messages at once".clone_into(&mut refused.value);
    refused
}

#[cfg(test)]
mod tests;
