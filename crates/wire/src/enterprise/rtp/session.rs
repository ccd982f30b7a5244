//! A stream of RTP packets.

use super::View;

/// Packets in a row after which a stream is certain.
const CERTAIN_AFTER: u8 = 6;

/// A stream that is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// Payload type.
    pub payload_type: u8,
    /// Synchronisation source.
    pub source: u32,
    /// Units of the payload's clock from packet to packet.
    pub timestamp_step: u32,
}

/// One direction of datagrams that may be a stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Session {
    last: Option<View>,
    in_row: u8,
}

impl Session {
    /// Shows the next datagram. `Err` when it cannot be RTP; `Ok(Some)` once, when the stream is certain.
    pub fn show(&mut self, datagram: &[u8]) -> Result<Option<Recognised>, crate::Error> {
        let view = View::new(datagram)?;
        let follows = self.last.is_some_and(|last| {
            last.source == view.source
                && last.payload_type == view.payload_type
                && view.sequence.wrapping_sub(last.sequence) == 1
                && view.timestamp.wrapping_sub(last.timestamp) <= 90_000
                && view.payload_bytes > 0
        });
        let step = self.last.map_or(0, |last| view.timestamp.wrapping_sub(last.timestamp));
        self.last = Some(view);
        self.in_row = if follows { self.in_row.saturating_add(1) } else { 0 };
        Ok((self.in_row == CERTAIN_AFTER).then_some(Recognised {
            payload_type: view.payload_type,
            source: view.source,
            timestamp_step: step,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(sequence: u16, source: u32) -> Vec<u8> {
        let mut bytes = vec![0x80, 0];
        bytes.extend(sequence.to_be_bytes());
        bytes.extend((u32::from(sequence) * 160).to_be_bytes());
        bytes.extend(source.to_be_bytes());
        bytes.extend([0xd5; 160]);
        bytes
    }

    #[test]
    fn several_packets_in_a_row_make_a_stream_once() {
        let mut session = Session::default();
        let told: Vec<_> =
            (10..30).filter_map(|sequence| session.show(&packet(sequence, 7)).unwrap()).collect();
        assert_eq!(told, [Recognised { payload_type: 0, source: 7, timestamp_step: 160 }]);
    }

    #[test]
    fn changing_sources_are_no_stream() {
        let mut session = Session::default();
        assert!(
            (0..100).all(|sequence| session.show(&packet(sequence, u32::from(sequence))).unwrap().is_none())
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(datagrams: Vec<Vec<u8>>) {
            let mut session = Session::default();
            for datagram in datagrams {
                let _ = session.show(&datagram);
            }
        }
    }
}
