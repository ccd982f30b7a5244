//! What may be told of the names of files.

use wardline_model::Label;

/// Longest extension told, bytes; what is longer is a name, not a kind.
const EXTENSION_BYTES_MAX: usize = 12;

/// The extension of a file name, lower case, if it is one: letters and digits behind the last dot.
pub(super) fn extension(name: &[u8]) -> Option<Label> {
    let name = name.rsplit(|byte| matches!(byte, b'/' | b'\\')).next()?;
    let dot = name.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0)?;
    let extension = name.get(dot + 1..)?;
    let plausible = (1..=EXTENSION_BYTES_MAX).contains(&extension.len())
        && extension.iter().all(u8::is_ascii_alphanumeric)
        // Digits alone may be a date of birth or a number of a patient.
        && extension.iter().any(u8::is_ascii_alphabetic);
    plausible.then(|| Label::from_bytes(&extension.to_ascii_lowercase()))
}

/// UTF-16 little endian as text; what is no character becomes the replacement character.
pub(super) fn from_utf16(bytes: &[u8]) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_kinds_are_told() {
        assert_eq!(extension(b"scans/A.DCM"), Some(Label::new("dcm")));
        assert_eq!(extension(b"a.tar.GZ"), Some(Label::new("gz")));
        for name in
            [&b"example.19700101"[..], b".profile", b"example", b"x.a longer name", b"dir.d/name", b""]
        {
            assert_eq!(extension(name), None, "{}", String::from_utf8_lossy(name));
        }
        assert_eq!(from_utf16(b"C\0T\0"), "CT");
    }
}
