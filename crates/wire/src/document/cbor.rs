//! CBOR. RFC 8949; a message is read as a whole, since those that carry it are datagrams or frames.
//!
//! Ignored: tags, which are looked through; bignums and decimal fractions.

use super::{DEPTH_MAX, Event, Scalar, TEXT_BYTES_MAX};
use crate::{Error, Layer, Reader, Sensitive};

/// Most items of a message that are read.
const ITEMS_MAX: u32 = 4_096;

/// Reads a message; whether it was well-formed to its end.
pub fn read(bytes: &[u8], tell: &mut dyn FnMut(Event<'_>)) -> bool {
    let mut walk = Walk { reader: Reader::new(Layer::Cbor, bytes), left: ITEMS_MAX };
    walk.item("", 0, tell).is_ok() && walk.reader.is_empty()
}

struct Walk<'a> {
    reader: Reader<'a>,
    left: u32,
}

/// What the first byte of an item says: major type and argument. `None` where a break ends the item.
type Head = (u8, Option<u64>);

impl<'a> Walk<'a> {
    fn head(&mut self) -> Result<Head, Error> {
        let first = self.reader.u8("initial byte")?;
        let argument = match first & 0x1f {
            small @ 0..=23 => Some(u64::from(small)),
            24 => Some(u64::from(self.reader.u8("argument")?)),
            25 => Some(u64::from(self.reader.u16_be("argument")?)),
            26 => Some(u64::from(self.reader.u32_be("argument")?)),
            27 => Some(self.reader.u64_be("argument")?),
            31 => None,
            _ => return Err(self.reader.malformed("initial byte")),
        };
        Ok((first >> 5, argument))
    }

    fn item(&mut self, key: &str, depth: usize, tell: &mut dyn FnMut(Event<'_>)) -> Result<(), Error> {
        self.left = self.left.checked_sub(1).ok_or(self.reader.unsupported("items"))?;
        if depth >= DEPTH_MAX {
            return Err(self.reader.unsupported("nesting"));
        }
        let first = self.reader.rest().first().copied().unwrap_or_default();
        let (major, argument) = self.head()?;
        let mut say = |value| tell(Event::Value(key, Sensitive::new(value)));
        match (major, argument) {
            (0, Some(number)) => say(Scalar::Number(number as f64)),
            (1, Some(number)) => say(Scalar::Number(-1.0 - number as f64)),
            (2, Some(length)) => say(Scalar::Bytes(self.string(length)?)),
            (3, Some(length)) => say(Scalar::Text(text(self.string(length)?))),
            (2 | 3, None) => {
                // In pieces, which do not matter for anything that is measured.
                while !self.takes_break() {
                    let (_, length) = self.head()?;
                    self.string(length.ok_or(self.reader.malformed("piece"))?)?;
                }
                say(Scalar::Nothing);
            }
            (4, length) => {
                let mut left = length.unwrap_or(u64::MAX);
                while left > 0 && !(length.is_none() && self.takes_break()) {
                    self.item(key, depth + 1, tell)?;
                    left -= 1;
                }
            }
            (5, length) => {
                tell(Event::Open(key));
                let mut left = length.unwrap_or(u64::MAX);
                while left > 0 && !(length.is_none() && self.takes_break()) {
                    let name = self.key()?;
                    self.item(&name, depth + 1, tell)?;
                    left -= 1;
                }
                tell(Event::Close);
            }
            (6, Some(_)) => self.item(key, depth + 1, tell)?,
            (7, Some(bits)) => say(match first & 0x1f {
                20 => Scalar::Truth(false),
                21 => Scalar::Truth(true),
                25 => number(half(bits as u16)),
                26 => number(f64::from(f32::from_bits(bits as u32))),
                27 => number(f64::from_bits(bits)),
                _ => Scalar::Nothing,
            }),
            _ => return Err(self.reader.malformed("initial byte")),
        }
        Ok(())
    }

    fn takes_break(&mut self) -> bool {
        let ends = self.reader.rest().first() == Some(&0xff);
        ends && self.reader.skip("break", 1).is_ok()
    }

    fn string(&mut self, length: u64) -> Result<&'a [u8], Error> {
        self.reader.take("string", usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// A key: a text, or a number such as those of SenML and of CoAP's own maps.
    fn key(&mut self) -> Result<String, Error> {
        Ok(match self.head()? {
            (3, Some(length)) => text(self.string(length)?).to_owned(),
            (2, Some(length)) => {
                self.string(length)?;
                String::new()
            }
            (0, Some(number)) => number.to_string(),
            (1, Some(number)) => format!("-{}", u128::from(number) + 1),
            _ => return Err(self.reader.unsupported("key")),
        })
    }
}

const fn number(value: f64) -> Scalar<'static> {
    if value.is_finite() { Scalar::Number(value) } else { Scalar::Nothing }
}

fn text(bytes: &[u8]) -> &str {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or_default()
}

/// RFC 8949 appendix D.
fn half(bits: u16) -> f64 {
    let exponent = i32::from(bits >> 10 & 0x1f);
    let mantissa = f64::from(bits & 0x3ff);
    let value = match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { value } else { -value }
}

#[cfg(test)]
mod tests {
    use super::super::json::tests::write;
    use super::*;
    use proptest::prelude::*;

    fn told(bytes: &[u8]) -> (Vec<String>, bool) {
        let mut all = Vec::new();
        let whole = read(bytes, &mut |event| write(event, &mut all));
        (all, whole)
    }

    #[test]
    fn reads_the_examples_of_the_standard() {
        // RFC 8949 appendix A.
        assert_eq!(told(b"\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00"), (vec!["=1000000000000".to_owned()], true));
        assert_eq!(told(b"\x38\x63"), (vec!["=-100".to_owned()], true));
        assert_eq!(told(b"\xf9\x3e\x00"), (vec!["=1.5".to_owned()], true));
        assert_eq!(told(b"\xf9\xc4\x00"), (vec!["=-4".to_owned()], true));
        let (all, whole) = told(b"\xa2\x61a\x01\x61b\x82\x02\x03");
        assert_eq!((all, whole), (["(", "a=1", "b=2", "b=3", ")"].map(str::to_owned).to_vec(), true));
        let (all, whole) = told(b"\xbf\x63Fun\xf5\x63Amt\x21\xff");
        assert_eq!((all, whole), (["(", "Fun=true", "Amt=-2", ")"].map(str::to_owned).to_vec(), true));
        assert!(!told(b"\xa2\x61a\x01").1);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            prop_assert!(told(&bytes).0.len() <= 2 * bytes.len() + 2);
        }
    }
}
