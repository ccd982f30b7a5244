//! Lines of text protocols.

/// The first line of `bytes` without its end (CR LF, or LF alone), and how many bytes it takes with it.
pub(crate) fn split_line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = memchr::memchr(b'\n', bytes)?;
    let line = bytes.get(..end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), end + 1))
}

/// Whether bytes could be the begin of a text protocol: printable ASCII, tabs and line ends only.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\t' | b'\r' | b'\n' | 0x20..=0x7e | 0x80..=0xff))
}
