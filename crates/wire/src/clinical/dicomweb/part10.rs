//! An object as a file has it: preamble, `DICM`, file meta information, data set. PS3.10 section 7.1.

use crate::clinical::dicom::{Element, Encoding, elements};
use crate::clinical::executable;
use crate::{Layer, Reader};

/// How much of the front of an object is read, bytes: equipment and patient stand in its first few kilobytes.
pub const HEAD_BYTES_READ: usize = 16 * 1024;

/// The front of an object.
#[derive(Clone, Copy)]
pub struct Part10<'a> {
    /// The 128 bytes in front of `DICM` begin like a program (CVE-2019-11687).
    pub executable: bool,
    /// (0002,0010).
    pub encoding: Encoding,
    /// File meta information, explicit VR, little endian.
    pub meta: &'a [u8],
    /// The data set, as far as it is there.
    pub dataset: &'a [u8],
}

impl<'a> Part10<'a> {
    /// Reads the front of an object; `None` where it is none.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(Layer::Dicom, bytes);
        let preamble = reader.take("preamble", 128).ok()?;
        if reader.take("prefix", 4).ok()? != b"DICM" {
            return None;
        }
        // (0002,0000) UL 4: how long the rest of the meta information is.
        let head: [u8; 8] = reader.array("group length").ok()?;
        if head != [2, 0, 0, 0, b'U', b'L', 4, 0] {
            return None;
        }
        let length = reader.u32_le("group length").ok()?;
        let meta = reader.take_lax(usize::try_from(length).unwrap_or(usize::MAX));
        let mut encoding = Encoding::Unknown;
        elements(Encoding::Explicit, meta, &mut |Element { tag, value }| {
            if tag == (2, 0x0010) {
                encoding = Encoding::of(value);
            }
        });
        Some(Self {
            executable: executable::begins_like_a_program(preamble),
            encoding,
            meta,
            dataset: reader.rest(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(preamble: &[u8]) -> Vec<u8> {
        let mut bytes = preamble.to_vec();
        bytes.resize(128, 0);
        let syntax = b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\0";
        bytes.extend_from_slice(b"DICM\x02\x00\x00\x00UL\x04\x00");
        bytes.extend_from_slice(&(syntax.len() as u32).to_le_bytes());
        bytes.extend_from_slice(syntax);
        bytes.extend_from_slice(b"\x08\x00\x60\x00CS\x02\x00CT");
        bytes
    }

    #[test]
    fn finds_the_data_set_and_a_program_in_front_of_it() {
        let bytes = object(b"");
        let read = Part10::parse(&bytes).unwrap();
        assert!(!read.executable && read.encoding == Encoding::Explicit);
        let mut modality = None;
        elements(read.encoding, read.dataset, &mut |element| {
            modality = Some((element.tag, element.value.to_vec()));
        });
        assert_eq!(modality, Some(((8, 0x60), b"CT".to_vec())));
        assert!(Part10::parse(&object(b"MZ\x90\0\x03\0\0\0")).unwrap().executable);
        assert!(Part10::parse(&bytes[..140]).is_none());
    }
}
