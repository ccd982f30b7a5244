//! Frames: how many streams share one connection.
//!
//! Each frame is a header of eight bytes and a payload of at most [`FRAME_PAYLOAD_BYTES_MAX`]:
//!
//! ```text
//! kind u8 | reserved u8 = 0 | length of payload u16 | stream u32        (most significant byte first)
//! ```
//!
//! | kind | payload | meaning |
//! | --- | --- | --- |
//! | 1 hello | version u8, shaping interval u32 (ms), cell u32 (bytes) | first frame of either end; shaping is the device end's wish |
//! | 2 open | name of the service | a new stream; numbers are odd from the device end, even from the clinic end, and grow |
//! | 3 data | bytes | within the receiver's window |
//! | 4 credit | u32 | the sender may send so many bytes more |
//! | 5 finish | | nothing follows in this direction |
//! | 6 reset | [`Reason`] u8 | the stream is over in both directions; what was under way is lost |
//! | 7 ping, 8 pong | u64 | whether the link lives, and its delay |
//! | 9 go away | [`Reason`] u8 | no further streams; with some reasons the link is over |
//! | 10 renew | certificate signing request, DER | device end to clinic end |
//! | 11 renewed | certificate, PEM | the answer |
//! | 12 padding | zeros | nothing |
//!
//! Order, integrity and freshness are those of the TLS connection underneath. A stream ends well only by `finish` from
//! either side: a connection that is cut is a reset of all its streams, so that nothing truncated passes as whole.
//! An unknown kind, a reserved byte that is not zero, or a payload that does not fit ends the link.

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::limits::FRAME_PAYLOAD_BYTES_MAX;

/// Length of a header, bytes.
pub const HEADER_BYTES: usize = 8;
/// Version of this protocol.
pub const VERSION: u8 = 1;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $text:literal;)+) => {
        /// Why something ended.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Reason {
            $($(#[$doc])* $variant = $number,)+
        }

        impl Reason {
            /// As words.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

reasons! {
    /// Whoever spoke through the stream closed or broke it.
    Closed = 1, "the connection was closed";
    /// No such service, or not for this box.
    UnknownService = 2, "no such service for this box";
    /// The target cannot be reached.
    Unreachable = 3, "the target cannot be reached";
    /// An allow-list forbids what was said.
    Forbidden = 4, "the allow-list forbids it";
    /// Too many streams.
    Full = 5, "too many connections";
    /// Nothing was taken for too long.
    Stalled = 6, "its peer takes nothing";
    /// The end stops, or makes room for a newer link.
    Draining = 7, "the end is stopping or has a newer link";
    /// The box is revoked.
    Revoked = 8, "this box is revoked";
    /// The certificate has expired.
    Expired = 9, "the certificate has expired";
    /// The rules of this protocol were broken.
    Protocol = 10, "the protocol was broken";
}

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// First of either end.
    Hello {
        /// [`VERSION`].
        version: u8,
        /// Wished interval of cells, ms; 0 is none.
        interval_ms: u32,
        /// Wished length of cells, bytes.
        cell_bytes: u32,
    },
    /// A new stream to a service.
    Open(u32, Bytes),
    /// Bytes of a stream.
    Data(u32, Bytes),
    /// Room in the window.
    Credit(u32, u32),
    /// End of one direction.
    Finish(u32),
    /// End of a stream.
    Reset(u32, Reason),
    /// Question.
    Ping(u64),
    /// Answer.
    Pong(u64),
    /// End of the link.
    GoAway(Reason),
    /// Request for a certificate.
    Renew(Bytes),
    /// A certificate.
    Renewed(Bytes),
    /// Nothing, so many bytes.
    Padding(usize),
}

impl Frame {
    /// Length on the connection before encryption, bytes.
    pub fn length(&self) -> usize {
        HEADER_BYTES
            + match self {
                Self::Hello { .. } => 9,
                Self::Open(_, bytes) | Self::Data(_, bytes) | Self::Renew(bytes) | Self::Renewed(bytes) => {
                    bytes.len()
                }
                Self::Credit(..) => 4,
                Self::Finish(_) => 0,
                Self::Reset(..) | Self::GoAway(_) => 1,
                Self::Ping(_) | Self::Pong(_) => 8,
                Self::Padding(length) => *length,
            }
    }

    /// Appends it to `out`. A payload beyond the limit is cut: senders split before.
    pub fn write(&self, out: &mut BytesMut) {
        let (kind, stream) = match self {
            Self::Hello { .. } => (1, 0),
            Self::Open(stream, _) => (2, *stream),
            Self::Data(stream, _) => (3, *stream),
            Self::Credit(stream, _) => (4, *stream),
            Self::Finish(stream) => (5, *stream),
            Self::Reset(stream, _) => (6, *stream),
            Self::Ping(_) => (7, 0),
            Self::Pong(_) => (8, 0),
            Self::GoAway(_) => (9, 0),
            Self::Renew(_) => (10, 0),
            Self::Renewed(_) => (11, 0),
            Self::Padding(_) => (12, 0),
        };
        let length = (self.length() - HEADER_BYTES).min(FRAME_PAYLOAD_BYTES_MAX);
        out.reserve(HEADER_BYTES + length);
        out.put_u8(kind);
        out.put_u8(0);
        out.put_u16(length as u16);
        out.put_u32(stream);
        match self {
            Self::Hello { version, interval_ms, cell_bytes } => {
                out.put_u8(*version);
                out.put_u32(*interval_ms);
                out.put_u32(*cell_bytes);
            }
            Self::Open(_, bytes) | Self::Data(_, bytes) | Self::Renew(bytes) | Self::Renewed(bytes) => {
                out.extend_from_slice(bytes.get(..length).unwrap_or_default());
            }
            Self::Credit(_, credit) => out.put_u32(*credit),
            Self::Finish(_) => {}
            Self::Reset(_, reason) | Self::GoAway(reason) => out.put_u8(*reason as u8),
            Self::Ping(number) | Self::Pong(number) => out.put_u64(*number),
            Self::Padding(_) => out.put_bytes(0, length),
        }
    }

    /// Takes the first frame from `unread`. `Ok(None)` when it is not whole yet.
    ///
    /// # Errors
    /// What was broken; the connection is of no more use.
    pub fn read(unread: &mut BytesMut) -> Result<Option<Self>, &'static str> {
        let Some(&[kind, reserved, high, low, a, b, c, d]) = unread.first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let stream = u32::from_be_bytes([a, b, c, d]);
        if reserved != 0 || length > FRAME_PAYLOAD_BYTES_MAX {
            return Err("a frame header that makes no sense");
        }
        let Some(payload) = unread.get(HEADER_BYTES..HEADER_BYTES + length) else { return Ok(None) };
        // Copied, so that a slow stream holds its own bytes and not the whole buffer.
        let frame = Self::decode(kind, stream, payload).ok_or("a frame that makes no sense")?;
        let _ = unread.split_to(HEADER_BYTES + length);
        Ok(Some(frame))
    }

    fn decode(kind: u8, stream: u32, payload: &[u8]) -> Option<Self> {
        let of_stream = matches!(kind, 2..=6);
        if of_stream == (stream == 0) {
            return None;
        }
        let copied = || Bytes::copy_from_slice(payload);
        let number = || payload.try_into().ok().map(u64::from_be_bytes);
        let reason = || match payload {
            [number] => Reason::from_number(*number),
            _ => None,
        };
        Some(match kind {
            1 => {
                let (&[version, i, j, k, l, m, n, o, p], []) = payload.split_first_chunk::<9>()? else {
                    return None;
                };
                Self::Hello {
                    version,
                    interval_ms: u32::from_be_bytes([i, j, k, l]),
                    cell_bytes: u32::from_be_bytes([m, n, o, p]),
                }
            }
            2 => Self::Open(stream, copied()),
            3 if !payload.is_empty() => Self::Data(stream, copied()),
            4 => Self::Credit(stream, payload.try_into().ok().map(u32::from_be_bytes)?),
            5 if payload.is_empty() => Self::Finish(stream),
            6 => Self::Reset(stream, reason()?),
            7 => Self::Ping(number()?),
            8 => Self::Pong(number()?),
            9 => Self::GoAway(reason()?),
            10 => Self::Renew(copied()),
            11 => Self::Renewed(copied()),
            12 => Self::Padding(payload.len()),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_frame() -> impl Strategy<Value = Frame> {
        let bytes = || proptest::collection::vec(any::<u8>(), 1..200).prop_map(Bytes::from);
        let stream = 1_u32..;
        prop_oneof![
            (any::<u8>(), any::<u32>(), any::<u32>()).prop_map(|(version, interval_ms, cell_bytes)| {
                Frame::Hello { version, interval_ms, cell_bytes }
            }),
            (stream.clone(), bytes()).prop_map(|(stream, bytes)| Frame::Open(stream, bytes)),
            (stream.clone(), bytes()).prop_map(|(stream, bytes)| Frame::Data(stream, bytes)),
            (stream.clone(), any::<u32>()).prop_map(|(stream, credit)| Frame::Credit(stream, credit)),
            stream.clone().prop_map(Frame::Finish),
            stream.prop_map(|stream| Frame::Reset(stream, Reason::Forbidden)),
            any::<u64>().prop_map(Frame::Ping),
            any::<u64>().prop_map(Frame::Pong),
            Just(Frame::GoAway(Reason::Revoked)),
            bytes().prop_map(Frame::Renew),
            bytes().prop_map(Frame::Renewed),
            (0_usize..FRAME_PAYLOAD_BYTES_MAX).prop_map(Frame::Padding),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_however_cut(frames in proptest::collection::vec(any_frame(), 0..12), cut in 1_usize..64) {
            let mut written = BytesMut::new();
            for frame in &frames {
                let before = written.len();
                frame.write(&mut written);
                prop_assert_eq!(written.len() - before, frame.length());
            }
            let mut unread = BytesMut::new();
            let mut read = Vec::new();
            for piece in written.chunks(cut) {
                unread.extend_from_slice(piece);
                while let Some(frame) = Frame::read(&mut unread).unwrap() {
                    read.push(frame);
                }
            }
            prop_assert_eq!(read, frames);
            prop_assert!(unread.is_empty());
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let mut unread = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = Frame::read(&mut unread) {}
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for nonsense in [
            &[3, 1, 0, 0, 0, 0, 0, 1][..],
            &[3, 0, 0, 0, 0, 0, 0, 1],
            &[3, 0, 0, 1, 0, 0, 0, 0, 1],
            &[99, 0, 0, 0, 0, 0, 0, 0],
            &[7, 0, 0xff, 0xff, 0, 0, 0, 0],
        ] {
            assert!(Frame::read(&mut BytesMut::from(nonsense)).is_err(), "{nonsense:?}");
        }
    }
}
