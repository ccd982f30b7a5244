//! `multipart/related`, RFC 2387 and RFC 2046 section 5.1, of which only the head of each part is kept.

use super::HEAD_BYTES_READ;

/// Longest head fields of a part, bytes.
const FIELDS_BYTES_MAX: usize = 4 * 1024;
/// Longest boundary, RFC 2046 section 5.1.1.
const BOUNDARY_BYTES_MAX: usize = 70;
/// Most parts of one body that are told; a study of thousands of images says the same in each.
const PARTS_MAX: u32 = 256;

/// A part.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// Content-Type, as written.
    pub content_type: &'a [u8],
    /// The first [`HEAD_BYTES_READ`] bytes, or all of it.
    pub head: &'a [u8],
}

/// The boundary that a Content-Type names.
pub fn boundary(content_type: &[u8]) -> Option<&[u8]> {
    let place = memchr::memmem::find(&content_type.to_ascii_lowercase(), b"boundary=")? + b"boundary=".len();
    let value = content_type.get(place..)?;
    let value = match value.split_first()? {
        (b'"', quoted) => quoted.split(|byte| *byte == b'"').next()?,
        _ => value.split(|byte| matches!(byte, b';' | b' ' | b'\t')).next()?,
    };
    (!value.is_empty() && value.len() <= BOUNDARY_BYTES_MAX).then_some(value)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In front of the first part, or in one whose head was told: only the next delimiter counts.
    Outside,
    Fields,
    Body,
}

/// Reads a body in pieces.
#[derive(Clone, Debug)]
pub struct Multipart {
    delimiter: Vec<u8>,
    pending: Vec<u8>,
    content_type: Vec<u8>,
    place: Place,
    told: u32,
}

impl Multipart {
    /// A body with this boundary.
    pub fn new(boundary: &[u8]) -> Self {
        let delimiter = [b"\r\n--", boundary].concat();
        // The first delimiter has no line end in front of it.
        Self {
            delimiter,
            pending: b"\r\n".to_vec(),
            content_type: Vec::new(),
            place: Place::Outside,
            told: 0,
        }
    }

    /// Feeds the next piece.
    pub fn feed(&mut self, bytes: &[u8], tell: &mut dyn FnMut(Part<'_>)) {
        // Small steps bound what is kept, whatever the size of the piece.
        for step in bytes.chunks(8 * 1024) {
            self.pending.extend_from_slice(step);
            while self.step(tell) {}
        }
    }

    /// The body is over.
    pub fn finish(mut self, tell: &mut dyn FnMut(Part<'_>)) {
        if self.place == Place::Body {
            let end = self.pending.len().min(HEAD_BYTES_READ);
            self.tell(end, tell);
        }
    }

    /// Whether something was taken from the front.
    fn step(&mut self, tell: &mut dyn FnMut(Part<'_>)) -> bool {
        match self.place {
            Place::Outside => match memchr::memmem::find(&self.pending, &self.delimiter) {
                Some(at) => {
                    self.pending.drain(..at + self.delimiter.len());
                    self.place = Place::Fields;
                    true
                }
                None => {
                    // A delimiter may have begun.
                    let keep = self.delimiter.len() - 1;
                    self.pending.drain(..self.pending.len().saturating_sub(keep));
                    false
                }
            },
            Place::Fields => match memchr::memmem::find(&self.pending, b"\r\n\r\n") {
                Some(end) => {
                    self.content_type = content_type(self.pending.get(..end).unwrap_or_default()).to_vec();
                    self.pending.drain(..end + 4);
                    self.place = Place::Body;
                    true
                }
                None => {
                    if self.pending.len() > FIELDS_BYTES_MAX {
                        self.place = Place::Outside;
                        return true;
                    }
                    false
                }
            },
            Place::Body => {
                let longest = HEAD_BYTES_READ + self.delimiter.len();
                let window = self.pending.get(..self.pending.len().min(longest)).unwrap_or_default();
                let end = match memchr::memmem::find(window, &self.delimiter) {
                    Some(end) => end,
                    None if self.pending.len() >= longest => HEAD_BYTES_READ,
                    None => return false,
                };
                self.tell(end.min(HEAD_BYTES_READ), tell);
                self.pending.drain(..end);
                self.place = Place::Outside;
                true
            }
        }
    }

    fn tell(&mut self, end: usize, tell: &mut dyn FnMut(Part<'_>)) {
        self.told += 1;
        if self.told <= PARTS_MAX {
            let head = self.pending.get(..end).unwrap_or_default();
            tell(Part { content_type: &self.content_type, head });
        }
    }
}

fn content_type(fields: &[u8]) -> &[u8] {
    fields
        .split(|byte| *byte == b'\n')
        .find_map(|line| {
            let (name, value) = line.split_at_checked(memchr::memchr(b':', line)?)?;
            name.trim_ascii()
                .eq_ignore_ascii_case(b"content-type")
                .then(|| value.get(1..).unwrap_or_default().trim_ascii())
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BODY: &[u8] =
        b"--b1\r\nContent-Type: application/dicom\r\nContent-Length: 3\r\n\r\nabc\r\n--b1\r\n\
        content-type: application/dicom; x=y\r\n\r\n\r\n--b\r\n\r\n--b1--\r\n";

    fn read(body: &[u8], size: usize) -> Vec<(String, usize)> {
        let mut reader = Multipart::new(b"b1");
        let mut all = Vec::new();
        let mut take = |part: Part<'_>| {
            all.push((String::from_utf8_lossy(part.content_type).into_owned(), part.head.len()))
        };
        body.chunks(size).for_each(|piece| reader.feed(piece, &mut take));
        reader.finish(&mut take);
        all
    }

    #[test]
    fn tells_each_part() {
        let told = read(BODY, 4096);
        assert_eq!(told, [("application/dicom".to_owned(), 3), ("application/dicom; x=y".to_owned(), 7)]);
        assert_eq!(
            boundary(b"multipart/related; type=\"application/dicom\"; boundary=\"a b\""),
            Some(&b"a b"[..])
        );
        assert_eq!(boundary(b"multipart/related;boundary=b1; start=x"), Some(&b"b1"[..]));
    }

    #[test]
    fn keeps_the_head_of_a_long_part_only() {
        let long =
            [&b"--b1\r\n\r\n"[..], &vec![0; 3 * HEAD_BYTES_READ], b"\r\n--b1\r\n\r\nx\r\n--b1--"].concat();
        let lengths: Vec<_> = read(&long, 1500).into_iter().map(|(_, length)| length).collect();
        assert_eq!(lengths, [HEAD_BYTES_READ, 1]);
    }

    proptest! {
        #[test]
        fn same_parts_however_cut(size in 1usize..60, noise in "[-b1\r\n:x]{0,80}") {
            prop_assert_eq!(read(BODY, 4096), read(BODY, size));
            prop_assert_eq!(read(noise.as_bytes(), 4096), read(noise.as_bytes(), size));
        }
    }
}
