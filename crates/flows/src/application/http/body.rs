//! What is done with the body that one direction sends: looked through at its end, or read as it comes.

use std::io::Write as _;

use flate2::write::{GzDecoder, ZlibDecoder};
use wardline_model::Fact;
use wardline_wire::enterprise::http::{BodyFormat, Head};

use super::dicomweb::Objects;
use super::fhir::Resources;
use super::sdc::{Envelope, Memory};
use crate::application::digest::{FILE_BYTES_MAX, FileDigest};
use crate::application::{Context, Protocol, ipp};

/// How much of a body is kept to be looked through at its end, bytes.
const KEPT_BYTES_MAX: usize = 16 * 1024;
/// How much is read of a body that was compressed, bytes, and in which steps it is taken apart: one step may grow a
/// thousandfold.
const INFLATED_BYTES_MAX: usize = 4 << 20;
const STEP_BYTES: usize = 256;

/// What reads a body.
pub(super) enum Reading {
    /// Kept until it is over.
    Keep(BodyFormat, Vec<u8>),
    /// FHIR resources.
    Fhir(Box<Resources>),
    /// DICOM objects or their descriptions.
    Dicom(Box<Objects>),
    /// A SOAP envelope.
    Soap(Box<Envelope>),
    /// A message of the printing protocol, kept until it is over.
    Printing(Vec<u8>),
}

/// The bodies of one direction, one after the other.
#[derive(Default)]
pub(super) struct Body {
    reading: Option<Reading>,
    inflate: Option<Inflate>,
    digesting: Option<Box<Digesting>>,
}

/// A body of which digests are made. It goes on where reading ends.
struct Digesting {
    inflate: Option<Inflate>,
    digest: FileDigest,
}

/// What a body that was kept is, when it is over.
pub(super) type Kept = (BodyFormat, Vec<u8>);

impl Body {
    /// A body that is read like this.
    pub(super) fn begin(&mut self, reading: Option<Reading>, head: &Head<'_, '_>, context: &Context<'_>) {
        let coding = head.get("content-encoding").unwrap_or(b"identity").to_ascii_lowercase();
        // A part of a file is no file, and no record of a patient is digested.
        let is_file =
            head.get("content-range").is_none() && matches!(reading, None | Some(Reading::Keep(..)));
        let digest = FileDigest::new(context.digests).filter(|_| is_file);
        let coding = || match coding.as_slice() {
            b"gzip" | b"x-gzip" => Some(Some(Coding::Gzip(Box::new(GzDecoder::new(Vec::new()))))),
            b"deflate" => Some(Some(Coding::Zlib(Box::new(ZlibDecoder::new(Vec::new()))))),
            b"identity" | b"" => Some(None),
            // What cannot be taken apart cannot be read.
            _ => None,
        };
        *self = Self::default();
        if let Some(reading) = reading
            && let Some(coding) = coding()
        {
            self.reading = Some(reading);
            self.inflate = coding.map(|coding| Inflate::new(coding, INFLATED_BYTES_MAX));
        }
        if let Some(digest) = digest
            && let Some(coding) = coding()
        {
            let inflate = coding.map(|coding| Inflate::new(coding, FILE_BYTES_MAX));
            self.digesting = Some(Box::new(Digesting { inflate, digest }));
        }
    }

    /// The next piece, wherever it stands in the body.
    pub(super) fn digest(&mut self, bytes: &[u8]) {
        let Some(digesting) = &mut self.digesting else { return };
        let Digesting { inflate, digest } = digesting.as_mut();
        match inflate {
            None => digest.feed(bytes),
            Some(inflate) => {
                if !inflate.feed(bytes, &mut |plain| digest.feed(plain)) {
                    self.digesting = None;
                }
            }
        }
    }

    /// The body was shown whole.
    pub(super) fn whole(&mut self, protocol: Protocol, context: &mut Context<'_>) {
        let Some(digesting) = self.digesting.take() else { return };
        let Digesting { inflate, mut digest } = *digesting;
        let makes_sense = inflate.is_none_or(|mut inflate| inflate.step(&mut |plain| digest.feed(plain)));
        if let Some(file) = digest.finish(protocol).filter(|_| makes_sense) {
            context.tell(Fact::File(Box::new(file)));
        }
    }

    /// The next piece.
    pub(super) fn feed(&mut self, bytes: &[u8], context: &mut Context<'_>) {
        let Some(reading) = &mut self.reading else { return };
        let Some(inflate) = &mut self.inflate else {
            return reading.feed(bytes, context);
        };
        if !inflate.feed(bytes, &mut |plain| reading.feed(plain, context)) {
            self.reading = None;
        }
    }

    /// The body is over, or nothing more of it will be seen.
    pub(super) fn end(&mut self, memory: &mut Memory, context: &mut Context<'_>) -> Option<Kept> {
        if let (Some(mut inflate), Some(reading)) = (self.inflate.take(), &mut self.reading) {
            inflate.step(&mut |plain| reading.feed(plain, context));
        }
        match self.reading.take()? {
            Reading::Keep(format, body) => return Some((format, body)).filter(|(_, body)| !body.is_empty()),
            Reading::Fhir(resources) => resources.finish(context),
            Reading::Dicom(objects) => objects.finish(context),
            Reading::Soap(envelope) => envelope.finish(memory, context),
            Reading::Printing(body) => ipp::tell(&body, context),
        }
        None
    }
}

impl Reading {
    fn feed(&mut self, bytes: &[u8], context: &mut Context<'_>) {
        match self {
            Self::Keep(_, body) | Self::Printing(body) => {
                let room = KEPT_BYTES_MAX.saturating_sub(body.len());
                body.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
            }
            Self::Fhir(resources) => resources.feed(bytes, context),
            Self::Dicom(objects) => objects.feed(bytes, context),
            Self::Soap(envelope) => envelope.feed(bytes, context),
        }
    }
}

/// A content coding, RFC 9110 section 8.4.1.
enum Coding {
    Gzip(Box<GzDecoder<Vec<u8>>>),
    Zlib(Box<ZlibDecoder<Vec<u8>>>),
}

/// Takes a content coding off, in steps that stand at the same places of the stream however it is cut.
struct Inflate {
    coding: Coding,
    pending: Vec<u8>,
    /// How much may still come out of it.
    left: usize,
}

impl Inflate {
    const fn new(coding: Coding, bytes_max: usize) -> Self {
        Self { coding, pending: Vec::new(), left: bytes_max }
    }

    /// Whether the content makes sense and is not too long.
    fn feed(&mut self, bytes: &[u8], tell: &mut dyn FnMut(&[u8])) -> bool {
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = STEP_BYTES.saturating_sub(self.pending.len());
            let (piece, after) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            self.pending.extend_from_slice(piece);
            rest = after;
            if self.pending.len() >= STEP_BYTES && !self.step(tell) {
                return false;
            }
        }
        true
    }

    fn step(&mut self, tell: &mut dyn FnMut(&[u8])) -> bool {
        let pending = std::mem::take(&mut self.pending);
        let written = match &mut self.coding {
            Coding::Gzip(decoder) => decoder.write_all(&pending).and_then(|()| decoder.flush()),
            Coding::Zlib(decoder) => decoder.write_all(&pending).and_then(|()| decoder.flush()),
        };
        let plain = match &mut self.coding {
            Coding::Gzip(decoder) => std::mem::take(decoder.get_mut()),
            Coding::Zlib(decoder) => std::mem::take(decoder.get_mut()),
        };
        let Some(left) = self.left.checked_sub(plain.len()).filter(|_| written.is_ok()) else { return false };
        self.left = left;
        tell(&plain);
        true
    }
}
