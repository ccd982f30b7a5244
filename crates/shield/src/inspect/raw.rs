//! Bytes of which nothing is known. A file of DICOM (PS3.10 section 7.1) whose preamble begins like a program is stopped
//! all the same (CVE-2019-11687).

use bytes::Bytes;
use wardline_model::Protocol;
use wardline_wire::Direction;
use wardline_wire::clinical::executable::begins_like_a_program;

use super::Refused;
use crate::report::Notice;

/// Length of the preamble and of `DICM` behind it, bytes.
const PREAMBLE_BYTES: usize = 128;
const HEAD_BYTES: usize = PREAMBLE_BYTES + 4;

/// The beginnings of both directions.
#[derive(Debug, Default)]
pub struct Raw {
    heads: [Vec<u8>; 2],
}

impl Raw {
    pub(super) fn pass(&mut self, direction: Direction, bytes: Bytes) -> Result<Bytes, Box<Refused>> {
        if let Some(head) = self.heads.get_mut(direction.index()).filter(|head| head.len() < HEAD_BYTES) {
            let room = HEAD_BYTES - head.len();
            head.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
            if is_program_file(head) {
                return Err(Box::new(Refused {
                    notice: Notice::Program,
                    protocol: Protocol::Dicom,
                    field: "preamble",
                    value: "a DICOM file that begins like a program".to_owned(),
                    answer: Bytes::new(),
                    farewell: Bytes::new(),
                }));
            }
        }
        Ok(bytes)
    }
}

/// Whether `head` is that of a DICOM file with a program in its preamble.
pub(super) fn is_program_file(head: &[u8]) -> bool {
    let (preamble, rest) = head.split_at_checked(PREAMBLE_BYTES).unwrap_or((head, &[]));
    rest.starts_with(b"DICM") && begins_like_a_program(preamble)
}
