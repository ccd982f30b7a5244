//! Unique Device Identification: what the carrier on a device's label says.
//!
//! The three agencies that FDA (21 CFR 830) and the European Union (Regulation 2017/745 article 27) accredited for devices,
//! each with its own way of writing:
//!
//! * GS1 (General Specifications section 3): element strings, either as people read them, `(01)…(21)…`, or as a scanner
//!   gives them, with group separators behind elements without a fixed length;
//! * HIBCC (ANSI/HIBC 2.6): `+` labeller, product and link character, then `/` and a secondary string;
//! * ICCBBA (ST-011): `=/` donation and product codes of tissue and blood.
//!
//! Ignored: check characters, since a carrier misprinted is still the device's; the structures of blood components, which
//! are no devices.

/// Longest carrier read, bytes; the longest of GS1 has 74 characters behind its device identifier.
const CARRIER_BYTES_MAX: usize = 256;
/// Most elements of a carrier that are read.
const ELEMENTS_MAX: usize = 16;
/// What separates elements in a scanned string: FNC1, which scanners give as a group separator.
const SEPARATOR: char = '\u{1d}';

/// Who issued an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agency {
    /// GS1.
    Gs1,
    /// Health Industry Business Communications Council.
    Hibcc,
    /// International Council for Commonality in Blood Banking Automation.
    Iccbba,
}

impl Agency {
    /// Its usual name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gs1 => "GS1",
            Self::Hibcc => "HIBCC",
            Self::Iccbba => "ICCBBA",
        }
    }
}

/// What a carrier says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Udi {
    /// Who issued it.
    pub agency: Agency,
    /// Device identifier: names maker and model.
    pub device: String,
    /// Serial number.
    pub serial: Option<String>,
    /// Lot or batch.
    pub lot: Option<String>,
    /// When it was made, as written: `YYMMDD` of GS1, `YYYYMMDD` of the others.
    pub manufactured: Option<String>,
    /// Until when it may be used, as written.
    pub expires: Option<String>,
}

impl Udi {
    /// Reads a carrier in either form; `None` where it is none of the three.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > CARRIER_BYTES_MAX || !text.is_ascii() {
            return None;
        }
        if text.starts_with('(') {
            return gs1_readable(text);
        }
        if text.starts_with('+') {
            return hibcc(text);
        }
        if text.starts_with('=') || text.starts_with('&') {
            return iccbba(text);
        }
        gs1_scanned(text)
    }

    const fn new(agency: Agency) -> Self {
        Self { agency, device: String::new(), serial: None, lot: None, manufactured: None, expires: None }
    }

    fn whole(self) -> Option<Self> {
        (!self.device.is_empty()).then_some(self)
    }

    fn element(&mut self, identifier: &str, value: &str) {
        let value = value.trim();
        if value.is_empty() {
            return;
        }
        let place = match identifier {
            "01" => {
                self.device = value.to_owned();
                return;
            }
            "10" => &mut self.lot,
            "11" => &mut self.manufactured,
            "17" => &mut self.expires,
            "21" => &mut self.serial,
            _ => return,
        };
        place.get_or_insert_with(|| value.to_owned());
    }
}

/// `(01)09506000134352(17)251231(10)ABC(21)123`.
fn gs1_readable(text: &str) -> Option<Udi> {
    let mut udi = Udi::new(Agency::Gs1);
    for element in text.split('(').skip(1).take(ELEMENTS_MAX) {
        let (identifier, value) = element.split_once(')')?;
        udi.element(identifier, value);
    }
    // A parenthesis may also begin something else altogether.
    udi.whole().filter(|udi| is_gtin(&udi.device))
}

/// `0109506000134352` and what follows it.
fn gs1_scanned(text: &str) -> Option<Udi> {
    let mut rest = text.strip_prefix("]C1").or_else(|| text.strip_prefix("]d2")).unwrap_or(text);
    let mut udi = Udi::new(Agency::Gs1);
    for _ in 0..ELEMENTS_MAX {
        rest = rest.trim_start_matches(SEPARATOR);
        let (Some(identifier), Some(after)) = (rest.get(..2), rest.get(2..)) else { break };
        let end = match identifier {
            "01" => 14,
            "11" | "13" | "15" | "17" => 6,
            "10" | "21" => after.find(SEPARATOR).unwrap_or(after.len()).min(20),
            _ => after.find(SEPARATOR).unwrap_or(after.len()),
        };
        udi.element(identifier, after.get(..end)?);
        rest = after.get(end..)?;
    }
    let digits = |date: &Option<String>| {
        date.as_ref().is_none_or(|date| date.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let sane = is_gtin(&udi.device) && digits(&udi.expires) && digits(&udi.manufactured);
    udi.whole().filter(|_| sane)
}

/// Fourteen digits whose last is the check digit, GS1 General Specifications section 7.9.
fn is_gtin(text: &str) -> bool {
    if text.len() != 14 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let sum: u32 = text
        .bytes()
        .enumerate()
        .map(|(place, byte)| u32::from(byte - b'0') * if place % 2 == 0 { 3 } else { 1 })
        .sum();
    sum.is_multiple_of(10)
}

/// `+A123PRODUCT1/$$7SERIAL/16D20251231C`: the primary string, then one or more secondary ones.
fn hibcc(text: &str) -> Option<Udi> {
    let mut udi = Udi::new(Agency::Hibcc);
    let mut parts = text.trim_matches('*').split('/');
    let primary = parts.next()?.strip_prefix('+')?;
    // Labeller (a letter and three more), product, unit of measure; secondary data follow in the same string or not.
    let labeller = primary.get(..4)?;
    let plausible = labeller.starts_with(|first: char| first.is_ascii_uppercase())
        && primary.len() >= 6
        && primary.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'.');
    if !plausible {
        return None;
    }
    let secondary: Vec<_> = parts.take(ELEMENTS_MAX).collect();
    // Without a secondary string the check character ends the primary one.
    let end = if secondary.is_empty() { primary.len() - 1 } else { primary.len() };
    udi.device = primary.get(..end)?.to_owned();
    let last = secondary.len().saturating_sub(1);
    for (place, part) in secondary.iter().enumerate() {
        let part = if place == last { drop_last(part) } else { part };
        hibcc_secondary(&mut udi, part);
    }
    udi.whole()
}

/// ANSI/HIBC 2.6 table 2 and appendix B.
fn hibcc_secondary(udi: &mut Udi, part: &str) {
    if let Some(rest) = part.strip_prefix("$$+") {
        udi.element("21", after_date(rest));
    } else if let Some(rest) = part.strip_prefix("$$") {
        udi.element("10", after_date(rest));
    } else if let Some(rest) = part.strip_prefix("$+") {
        udi.element("21", rest);
    } else if let Some(rest) = part.strip_prefix('$') {
        udi.element("10", rest);
    } else if let Some(rest) = part.strip_prefix("16D") {
        udi.element("11", rest);
    } else if let Some(rest) = part.strip_prefix("14D") {
        udi.element("17", rest);
    } else if let Some(rest) = part.strip_prefix('S') {
        udi.element("21", rest);
    }
}

/// A date of expiry in front of a lot or serial number: its first digit tells how it is written.
fn after_date(text: &str) -> &str {
    let skip = match text.as_bytes().first() {
        Some(b'2') => 7,
        Some(b'3') => 7,
        Some(b'4') => 9,
        Some(b'5') => 6,
        Some(b'6') => 8,
        Some(b'7') => 1,
        // No flag: month and year.
        Some(b'0' | b'1') => 4,
        _ => 0,
    };
    text.get(skip..).unwrap_or_default()
}

fn drop_last(text: &str) -> &str {
    text.get(..text.len().saturating_sub(1)).unwrap_or_default()
}

/// `=/A9999XYZ100T0944=,000025=A99971312345600=>014032=}013032`.
fn iccbba(text: &str) -> Option<Udi> {
    let mut udi = Udi::new(Agency::Iccbba);
    // A lot begins with `&,1`, a serial number with `=,`.
    let text = text.replace("&,1", "=!");
    for element in text.split('=').skip(1).take(ELEMENTS_MAX) {
        if let Some(code) = element.strip_prefix('/') {
            udi.device = code.to_owned();
        } else if let Some(serial) = element.strip_prefix(',') {
            udi.element("21", serial);
        } else if let Some(expires) = element.strip_prefix('>') {
            udi.element("17", expires);
        } else if let Some(made) = element.strip_prefix('}') {
            udi.element("11", made);
        } else if let Some(lot) = element.strip_prefix('!') {
            udi.element("10", lot);
        }
    }
    udi.whole()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_gs1_as_people_and_as_scanners_write_it() {
        for text in [
            "(01)09506000134352(11)240101(17)291231(10)LOT-A(21)SN 77",
            "0109506000134352112401011729123110LOT-A\u{1d}21SN 77",
            "]d20109506000134352112401011729123110LOT-A\u{1d}21SN 77",
        ] {
            let udi = Udi::parse(text).unwrap();
            assert_eq!((udi.agency, udi.device.as_str()), (Agency::Gs1, "09506000134352"), "{text}");
            assert_eq!(udi.serial.as_deref(), Some("SN 77"));
            assert_eq!(udi.lot.as_deref(), Some("LOT-A"));
            assert_eq!(udi.manufactured.as_deref(), Some("240101"));
            assert_eq!(udi.expires.as_deref(), Some("291231"));
        }
        assert_eq!(Udi::parse("09506000134352"), None);
        assert_eq!(Udi::parse("0109506000134353"), None, "its check digit is wrong");
    }

    #[test]
    fn reads_hibcc() {
        let udi = Udi::parse(
            "+H123PARTNO1234567890120/$$420020216LOT123456789012345/SXYZ456789012345678/16D20130202C",
        )
        .unwrap();
        assert_eq!((udi.agency, udi.device.as_str()), (Agency::Hibcc, "H123PARTNO1234567890120"));
        assert_eq!(udi.lot.as_deref(), Some("LOT123456789012345"));
        assert_eq!(udi.serial.as_deref(), Some("XYZ456789012345678"));
        assert_eq!(udi.manufactured.as_deref(), Some("20130202"));
        assert_eq!(Udi::parse("+A99912341C").unwrap().device, "A99912341");
        assert_eq!(Udi::parse("+49 30 1234567"), None);
    }

    #[test]
    fn reads_iccbba() {
        let udi = Udi::parse("=/A9999XYZ100T0944=,000025=A99971312345600=>014032=}013032").unwrap();
        assert_eq!((udi.agency, udi.device.as_str()), (Agency::Iccbba, "A9999XYZ100T0944"));
        assert_eq!(udi.serial.as_deref(), Some("000025"));
        assert_eq!(udi.expires.as_deref(), Some("014032"));
        assert_eq!(udi.manufactured.as_deref(), Some("013032"));
        assert_eq!(Udi::parse("=/A9999XYZ100T0944&,1LOT7").unwrap().lot.as_deref(), Some("LOT7"));
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "[()+=/,$&A-Z0-9\u{1d}>}]{0,80}", other: String) {
            let _ = (Udi::parse(&text), Udi::parse(&other));
        }
    }
}
