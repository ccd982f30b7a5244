//! Medical Device Encoding Rules: how the protocols of IEEE 11073 write numbers, times and lists of attributes. IEEE
//! 11073-20601 section 6 (data types) and annex F (encoding); the codes are those of IEEE 11073-10101.
//!
//! Everything is most significant byte first and has the length that its type gives it; lists carry a count and a length.

use std::borrow::Cow;

use super::hl7::time;
use crate::{Error, Reader};

/// Partition of units.
const DIMENSIONS: u32 = 4;

/// SFLOAT-Type: exponent of 4 bits, mantissa of 12. `None` for its special values.
pub fn sfloat(bits: u16) -> Option<f64> {
    let mantissa = i32::from((bits << 4) as i16 >> 4);
    let exponent = i32::from(bits as i16 >> 12);
    // NaN, not at this resolution, infinities, reserved: 0x7ff, 0x800, 0x7fe, 0x802, 0x801.
    (!matches!(bits & 0x0fff, 0x07fe..=0x0802)).then(|| f64::from(mantissa) * 10_f64.powi(exponent))
}

/// FLOAT-Type: exponent of 8 bits, mantissa of 24. `None` for its special values, and beyond what a number here can be.
pub fn float(bits: u32) -> Option<f64> {
    let mantissa = (bits << 8) as i32 >> 8;
    let exponent = i32::from((bits >> 24) as u8 as i8);
    (!matches!(bits & 0x00ff_ffff, 0x007f_fffe..=0x0080_0002))
        .then(|| f64::from(mantissa) * 10_f64.powi(exponent))
}

/// A code together with its partition: partition × 65,536 + code, as other protocols of the family write it.
pub const fn code(partition: u16, term: u16) -> u32 {
    (partition as u32) << 16 | term as u32
}

/// AbsoluteTime: century, year, month, day, hour, minute, second and hundredths, as binary-coded decimals. Nanoseconds from
/// 1970 as if its clock showed UTC; `None` for what is no time, such as all zeros of a clock that was never set.
pub fn absolute_time(bytes: [u8; 8]) -> Option<i64> {
    let [century, year, month, day, hour, minute, second, hundredth] = bytes;
    let text = format!(
        "{century:02x}{year:02x}{month:02x}{day:02x}{hour:02x}{minute:02x}{second:02x}.{hundredth:02x}"
    );
    time::parse(text.as_bytes())
}

/// An AttributeList, IEEE 11073-20601 section 6.4: `tell` gets the identifier and the value of each attribute. What was
/// whole before an error is told.
pub fn attributes<'a>(reader: &mut Reader<'a>, tell: &mut dyn FnMut(u16, Reader<'a>)) -> Result<(), Error> {
    list(reader, "attribute list", |reader| {
        let attribute = reader.u16_be("attribute id")?;
        let length = usize::from(reader.u16_be("attribute length")?);
        tell(attribute, reader.sub("attribute value", length)?);
        Ok(())
    })
}

/// A list with its count and its length in bytes: `item` reads one item.
pub(super) fn list<'a>(
    reader: &mut Reader<'a>,
    field: &'static str,
    mut item: impl FnMut(&mut Reader<'a>) -> Result<(), Error>,
) -> Result<(), Error> {
    let count = reader.u16_be(field)?;
    let length = usize::from(reader.u16_be(field)?);
    let mut items = reader.sub(field, length)?;
    for _ in 0..count {
        // An item of no bytes would not end.
        let before = items.remaining();
        item(&mut items)?;
        if items.remaining() == before {
            break;
        }
    }
    Ok(())
}

/// An octet string or VariableLabel: its length and that many bytes.
pub fn octets<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<&'a [u8], Error> {
    let length = usize::from(reader.u16_be(field)?);
    reader.take(field, length)
}

/// What an entry of a production specification says, IEEE 11073-20601 section 6.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum Specification {
    Serial,
    Part,
    Hardware,
    Software,
    Firmware,
    Protocol,
    Gmdn,
}

/// A ProductionSpec: `tell` gets what an entry says, of which component (0 is the device as a whole), and its text.
pub fn production_specification<'a>(
    reader: &mut Reader<'a>,
    tell: &mut dyn FnMut(Specification, u16, &'a [u8]),
) -> Result<(), Error> {
    list(reader, "production specification", |reader| {
        let kind = reader.u16_be("spec-type")?;
        let component = reader.u16_be("component-id")?;
        let text = octets(reader, "prod-spec")?;
        let kind = match kind {
            1 => Specification::Serial,
            2 => Specification::Part,
            3 => Specification::Hardware,
            4 => Specification::Software,
            5 => Specification::Firmware,
            6 => Specification::Protocol,
            7 => Specification::Gmdn,
            _ => return Ok(()),
        };
        tell(kind, component, text);
        Ok(())
    })
}

/// A SystemModel: manufacturer and model number.
pub fn system_model<'a>(reader: &mut Reader<'a>) -> Result<(&'a [u8], &'a [u8]), Error> {
    Ok((octets(reader, "manufacturer")?, octets(reader, "model-number")?))
}

/// A unit as UCUM writes it. Codes of units come in blocks of 32, one for each decimal prefix (IEEE 11073-10101 annex A.4);
/// of a unit that is not here the code is given.
pub fn unit(code: u16) -> Cow<'static, str> {
    let prefix = match code & 0x1f {
        0 => "",
        3 => "k",
        16 => "d",
        17 => "c",
        18 => "m",
        19 => "u",
        20 => "n",
        _ => return Cow::Owned((DIMENSIONS << 16 | u32::from(code)).to_string()),
    };
    let base = match code & !0x1f {
        512 => "1",
        544 => "%",
        1_280 => "m",
        1_376 => "[in_i]",
        1_600 => "L",
        1_728 => "g",
        1_760 => "[lb_av]",
        1_952 => "kg/m2",
        2_112 => "g/dL",
        2_176 => "s",
        2_208 => "min",
        2_240 => "h",
        2_272 => "d",
        // Beats, pulses, breaths.
        2_720 | 2_784 => "/min",
        3_072 => "L/min",
        3_104 => "L/h",
        3_840 => "Pa",
        3_872 => "mm[Hg]",
        3_904 => "cm[H2O]",
        4_256 => "V",
        4_416 => "[degF]",
        4_704 => "mol/L",
        5_472 => "[iU]",
        6_048 => "Cel",
        _ => return Cow::Owned((DIMENSIONS << 16 | u32::from(code)).to_string()),
    };
    if prefix.is_empty() { Cow::Borrowed(base) } else { Cow::Owned(format!("{prefix}{base}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layer;
    use proptest::prelude::*;

    #[test]
    fn numbers_and_what_is_none() {
        assert_eq!([0x0072, 0xf35c, 0x0fff].map(sfloat), [Some(114.0), Some(86.0), Some(-1.0)]);
        for special in [0x07ff, 0x0800, 0x07fe, 0x0802, 0x0801] {
            assert_eq!(sfloat(special), None);
        }
        assert_eq!(float(0xff00_016c).map(|value| (value * 10.0).round()), Some(364.0));
        for special in [0x007f_ffff, 0x0080_0000, 0x007f_fffe, 0x0080_0002] {
            assert_eq!(float(special), None);
        }
    }

    #[test]
    fn times_are_decimals_in_nibbles() {
        let time = |text: &str| time::parse(text.as_bytes());
        assert_eq!(absolute_time([0x20, 0x26, 0x03, 0x02, 0x06, 0x07, 0x08, 0x50]), time("20260302060708.5"));
        assert_eq!(absolute_time([0; 8]), None);
        assert_eq!(absolute_time([0xff; 8]), None);
    }

    #[test]
    fn units_with_their_prefixes() {
        let units = [544, 2_720, 3_872, 3_843, 2_130, 4_722, 1_731, 6_048, 3_122, 5_472].map(unit);
        assert_eq!(units, ["%", "/min", "mm[Hg]", "kPa", "mg/dL", "mmol/L", "kg", "Cel", "mL/h", "[iU]"]);
        assert_eq!(unit(9_999), "272143");
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let mut told = 0;
            let _ = attributes(&mut Reader::new(Layer::Phd, &bytes), &mut |_, _| told += 1);
            let _ = production_specification(&mut Reader::new(Layer::Phd, &bytes), &mut |_, _, _| told += 1);
            prop_assert!(told <= bytes.len());
        }
    }
}
