//! What must hold for every protocol, whatever arrives: nothing breaks, what is told is bounded by what was sent, and a
//! stream tells the same however it is cut.

use proptest::prelude::*;
use wardline_model::Fact;
use wardline_wire::Direction;

use super::driver::{self, Driver};
use super::{DATAGRAMS, Progress, STREAMS, Stream};

/// Openings of each protocol, so that the bytes behind them are read as its own.
const OPENINGS: &[&[u8]] = &[
    b"",
    b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    b"\x0bMSH|^~\\&|A|B|C|D|20260101||ORU^R01|1|P|2.5\rPID|||1\rOBX|1|NM|147842^HR^MDC||72\r\x1c\r",
    b"\x10\x1c\x00\x04MQTT\x04\xc2\x00\x3c\x00\x06pump-7\x00\x01u\x00\x05hunte",
    b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
    b"220 ftp.example ready\r\nUSER a\r\nPASS b\r\n",
    b"\xff\xfd\x18\xff\xfd\x20login: ",
    b"\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x02",
    b"\x03\x00\x00\x16\x11\xe0\x00\x00\x00\x01\x00\xc0\x01\x0a",
    b"\x00\x00\x00\x45\xfeSMB\x40\x00",
    b"\x01\x00\x00\x00\x00\x44\x00\x01\x00\x00",
    b"REGISTER sip:a.example SIP/2.0\r\nCall-ID: 1\r\n\r\n",
];

/// Facts of one conversation in pieces of a size, and how it ended.
fn told(protocol: &Stream, pieces: &[(Direction, Vec<u8>)], size: usize) -> (Vec<Fact>, Progress) {
    let borrowed: Vec<_> = pieces.iter().map(|(direction, bytes)| (*direction, bytes.as_slice())).collect();
    driver::stream(protocol, &borrowed, size)
}

fn pieces() -> impl Strategy<Value = Vec<(Direction, Vec<u8>)>> {
    let noise = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..120),
        "[ -~\r\n]{0,120}".prop_map(String::into_bytes),
        (0..OPENINGS.len(), proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4))
            .prop_map(|(opening, bends)| {
                let mut bytes = OPENINGS[opening].to_vec();
                for (place, byte) in bends {
                    if !bytes.is_empty() {
                        let place = place.index(bytes.len());
                        bytes[place] = byte;
                    }
                }
                bytes
            }),
    ];
    let piece = (prop_oneof![Just(Direction::Forward), Just(Direction::Backward)], noise);
    proptest::collection::vec(piece, 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn every_stream_tells_the_same_however_it_is_cut(pieces in pieces(), size in 1_usize..40) {
        for protocol in STREAMS {
            let (whole, _) = told(protocol, &pieces, usize::MAX);
            let (cut, _) = told(protocol, &pieces, size);
            prop_assert_eq!(&whole, &cut, "{}", protocol.protocol);
            let bytes: usize = pieces.iter().map(|(_, bytes)| bytes.len()).sum();
            prop_assert!(whole.len() <= bytes + 8, "{} told {} facts of {} bytes", protocol.protocol, whole.len(), bytes);
        }
    }

    #[test]
    fn every_stream_survives_holes(pieces in pieces(), hole in 1_u64..5_000) {
        for protocol in STREAMS {
            let mut driver = Driver::new();
            let mut adaptor = (protocol.adaptor)();
            for (direction, bytes) in &pieces {
                let goes_on = driver.with(*direction, |context| adaptor.data(*direction, bytes, context))
                    == Progress::Continue
                    && driver.with(*direction, |context| adaptor.gap(*direction, hole, context)) == Progress::Continue;
                if !goes_on {
                    break;
                }
            }
            driver.with(Direction::Forward, |context| adaptor.end(context));
        }
    }

    #[test]
    fn every_datagram_is_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300), begin in 0..4_usize) {
        let begins: [&[u8]; 4] = [b"", b"\x81\x0a\x00\x00\x01\x00", b"\x30\x20\x02\x01\x01\x04\x06public", b"\x02\x01\x06\x00"];
        let datagram = [begins[begin], &bytes].concat();
        for protocol in DATAGRAMS {
            let _ = (protocol.probe)(&datagram);
            let facts = driver::datagram(protocol, &datagram);
            prop_assert!(facts.len() <= datagram.len() + 1, "{}", protocol.protocol);
        }
        for protocol in STREAMS {
            let _ = (protocol.probe)(Direction::Forward, &datagram);
        }
    }
}
