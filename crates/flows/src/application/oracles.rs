//! What must hold for every protocol, whatever arrives: nothing breaks, what is told is bounded by what was sent, and a
//! stream tells the same however it is cut. The fuzz targets ask the same, and what time and memory it takes.

use proptest::prelude::*;
use wardline_wire::{Direction, Verdict};

use super::DATAGRAMS;
use super::driver::Driver;
use crate::spoken::Spoken;
use crate::trial::{self, Datagram, Stream, openings};

/// Bytes of an opening that are looked at, as in the defaults of `Limits`.
const OPENING_BYTES: usize = 2 << 10;

type Pieces = Vec<(Direction, Vec<u8>)>;

fn direction() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::Forward), Just(Direction::Backward)]
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..120),
        "[ -~\r\n]{0,120}".prop_map(String::into_bytes),
    ]
}

/// The opening of a protocol with some bytes changed, and noise behind it; or noise alone.
fn pieces() -> impl Strategy<Value = Pieces> {
    let opening = (0..=openings::STREAMS.len()).prop_map(|place| -> Pieces {
        let opening = openings::STREAMS.get(place).copied().unwrap_or_default();
        opening.iter().map(|(direction, bytes)| (*direction, bytes.to_vec())).collect()
    });
    let bends =
        proptest::collection::vec((any::<(prop::sample::Index, prop::sample::Index)>(), any::<u8>()), 0..4);
    let behind = proptest::collection::vec((direction(), noise()), 1..4);
    (opening, bends, behind).prop_map(|(mut pieces, bends, behind)| {
        for ((piece, place), byte) in bends {
            if !pieces.is_empty() {
                let (_, bytes) = piece.get_mut(&mut pieces);
                *place.get_mut(bytes) = byte;
            }
        }
        pieces.extend(behind);
        pieces
    })
}

fn borrowed(pieces: &Pieces) -> Vec<(Direction, &[u8])> {
    pieces.iter().map(|(direction, bytes)| (*direction, bytes.as_slice())).collect()
}

/// Whoever could mean a datagram must say so of its first byte.
fn none_is_ruled_out_wrongly(datagram: &[u8]) {
    let Some(first) = datagram.first() else { return };
    for known in DATAGRAMS.iter().filter(|known| !known.first.contains(*first)) {
        assert_eq!((known.probe)(datagram), Verdict::NotMine, "{:?} of {datagram:02x?}", known.protocol);
    }
}

#[test]
fn first_bytes_rule_nobody_out_who_could_mean_it() {
    let openings = openings::DATAGRAMS.iter().map(|opening| opening.to_vec()).chain([openings::dhcp()]);
    for mut opening in openings {
        for first in 0..=u8::MAX {
            opening[0] = first;
            none_is_ruled_out_wrongly(&opening);
        }
    }
}

#[test]
fn an_opening_is_recognised_however_it_is_cut() {
    for opening in openings::STREAMS {
        let recognised = |size: usize| {
            let (mut driver, mut spoken) = (Driver::new(), Spoken::default());
            for (direction, bytes) in *opening {
                for piece in bytes.chunks(size) {
                    driver.with(*direction, |context| spoken.stream(piece, OPENING_BYTES, context));
                }
            }
            (spoken.label(), driver.facts())
        };
        for size in [1, 2, 7] {
            assert_eq!(recognised(usize::MAX), recognised(size), "in pieces of {size}: {opening:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn every_stream_tells_the_same_however_it_is_cut(pieces in pieces(), size in 1_usize..40) {
        let bytes: usize = pieces.iter().map(|(_, bytes)| bytes.len()).sum();
        for stream in Stream::all() {
            let whole = trial::told_in_pieces(stream, &borrowed(&pieces), || usize::MAX);
            let cut = trial::told_in_pieces(stream, &borrowed(&pieces), || size);
            prop_assert_eq!(&whole, &cut, "{}", stream.protocol());
            let facts = whole.0.len();
            prop_assert!(facts <= bytes + 8, "{} told {} facts of {} bytes", stream.protocol(), facts, bytes);
        }
    }

    #[test]
    fn every_stream_survives_holes(pieces in pieces(), hole in 1_u64..5_000) {
        for stream in Stream::all() {
            let mut conversation = stream.begin();
            for (direction, bytes) in &pieces {
                conversation.data(*direction, bytes);
                conversation.gap(*direction, hole);
            }
            conversation.end();
        }
    }

    #[test]
    fn every_datagram_is_answered(behind in noise(), begin in 0..=openings::DATAGRAMS.len()) {
        let begin = openings::DATAGRAMS.get(begin).copied().unwrap_or_default();
        let bytes = [begin, &behind].concat();
        none_is_ruled_out_wrongly(&bytes);
        for datagram in Datagram::all() {
            let mut told = Vec::new();
            datagram.read(&bytes, &mut told);
            prop_assert!(told.len() <= bytes.len() + 1, "{}", datagram.protocol());
        }
        for stream in Stream::all() {
            let _ = stream.probe(Direction::Forward, &bytes);
        }
    }
}
