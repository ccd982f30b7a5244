//! Every protocol that is registered in `wardline-flows`, over TCP and UDP.

use wardline_flows::trial::{self, Conversation, Datagram, Stream, openings};
use wardline_wire::{Direction, Verdict};

use super::Target;
use crate::dialogue::Dialogue;
use crate::meters::{Cost, measure};
use crate::oracle::{Budget, check_doubled};

/// Of pieces as they come in segments.
const WHOLE: Budget = Budget {
    steps_per_byte: 250,
    steps_per_piece: 2_000,
    steps_base: 15_000,
    peak_per_byte: 8,
    peak_base_bytes: 32 << 10,
    retained_per_byte: 4,
    retained_base_bytes: 16 << 10,
};

/// Of a byte in each segment: what a piece costs is spent for every byte.
const BYTEWISE: Budget = Budget { steps_per_byte: 0, steps_per_piece: 1_200, ..WHOLE };

/// Facts for which there is room before memory is measured: they are handed on with each packet.
const FACTS_AT_ONCE: usize = 4_096;

pub(super) fn targets() -> impl Iterator<Item = Target> {
    let streams = Stream::all().map(|stream| Target {
        name: format!("stream-{}", stream.protocol()),
        run: Box::new(move |input| conversation(stream, input)),
        seeds: Box::new(stream_seeds),
        adopt: Box::new(move |talk| {
            let pieces: Vec<_> =
                talk.pieces.iter().map(|(direction, piece)| (*direction, piece.as_slice())).collect();
            let mine =
                |(direction, piece): &(Direction, &[u8])| stream.probe(*direction, piece) == Verdict::Certain;
            (talk.tcp && pieces.iter().any(mine)).then(|| Dialogue::write(&pieces))
        }),
    });
    let datagrams = Datagram::all().map(|datagram| Target {
        name: format!("datagram-{}", datagram.protocol()),
        run: Box::new(move |input| message(datagram, input)),
        seeds: Box::new(move || {
            openings::DATAGRAMS.iter().map(|bytes| bytes.to_vec()).chain([openings::dhcp()]).collect()
        }),
        adopt: Box::new(move |talk| {
            let mine = |(_, piece): &&(Direction, Vec<u8>)| datagram.probe(piece) != Verdict::NotMine;
            talk.pieces.iter().find(mine).filter(|_| !talk.tcp).map(|(_, piece)| piece.clone())
        }),
    });
    streams.chain(datagrams)
}

/// Bytes put into the middle of an opening, so that its message does not end for long.
const STRETCH_BYTES: usize = 6_000;

/// Every opening, and every opening that does not end: who looks at it anew for each byte takes too many steps.
fn stream_seeds() -> Vec<Vec<u8>> {
    let stretched = openings::STREAMS.iter().map(|pieces| {
        let (direction, first) = pieces[0];
        let (begin, end) = first.split_at(first.len() * 2 / 3);
        let long = [begin, &[b'a'; STRETCH_BYTES], end].concat();
        Dialogue::write(&[(direction, &long)])
    });
    openings::STREAMS.iter().map(|pieces| Dialogue::write(pieces)).chain(stretched).collect()
}

fn conversation(stream: Stream, input: &[u8]) {
    let dialogue = Dialogue::read(input);
    let name = stream.protocol().name();
    for (direction, bytes) in &dialogue.pieces {
        let (_, cost) = measure(|| stream.probe(*direction, bytes));
        WHOLE.check(&format!("probe of {name}"), bytes.len(), 1, cost);
    }

    let pieces = &dialogue.pieces;
    let (_, once) = shown(stream, pieces, usize::MAX);
    WHOLE.check(name, dialogue.bytes(), pieces.len(), once);
    let doubled = [pieces.as_slice(), pieces.as_slice()].concat();
    let (_, twice) = shown(stream, &doubled, usize::MAX);
    check_doubled(name, once, twice, WHOLE.steps_base);
    let (_, bytewise) = shown(stream, pieces, 1);
    BYTEWISE.check(&format!("{name} byte by byte"), dialogue.bytes(), dialogue.bytes(), bytewise);

    let whole = trial::told_in_pieces(stream, pieces, || usize::MAX);
    assert!(
        whole.0.len() <= dialogue.bytes() + 8,
        "memory: {name} told {} facts of {} bytes",
        whole.0.len(),
        dialogue.bytes()
    );
    let by_byte = trial::told_in_pieces(stream, pieces, || 1);
    assert_eq!(whole, by_byte, "cuts: {name} tells something else byte by byte");
    let cut = trial::told_in_pieces(stream, pieces, dialogue.cuts());
    assert_eq!(whole, cut, "cuts: {name} tells something else in random pieces");

    holes(stream, &dialogue);
}

/// What it costs to show a conversation in pieces of a length; what was told is handed on with each piece.
fn shown(stream: Stream, pieces: &[(Direction, &[u8])], length: usize) -> (Conversation, Cost) {
    let mut told = Vec::with_capacity(FACTS_AT_ONCE);
    measure(move || {
        let mut conversation = stream.begin();
        std::mem::swap(conversation.told(), &mut told);
        for (direction, bytes) in pieces {
            for piece in bytes.chunks(length.max(1)) {
                conversation.data(*direction, piece);
                conversation.told().clear();
            }
        }
        conversation
    })
}

/// The same, with a hole behind every piece.
fn holes(stream: Stream, dialogue: &Dialogue<'_>) {
    let mut conversation = stream.begin();
    let mut cut = dialogue.cuts();
    for (direction, bytes) in &dialogue.pieces {
        conversation.data(*direction, bytes);
        conversation.gap(*direction, cut() as u64);
    }
    conversation.end();
}

fn message(datagram: Datagram, bytes: &[u8]) {
    let name = datagram.protocol().name();
    let (_, cost) = measure(|| datagram.probe(bytes));
    WHOLE.check(&format!("probe of {name}"), bytes.len(), 1, cost);
    let mut told = Vec::with_capacity(FACTS_AT_ONCE);
    let (_, cost) = measure(|| {
        datagram.read(bytes, &mut told);
        // What is told goes on its way; nothing else may stay.
        told.clear();
    });
    WHOLE.check(name, bytes.len(), 1, cost);
    datagram.read(bytes, &mut told);
    assert!(
        told.len() <= bytes.len() + 8,
        "memory: {name} told {} facts of {} bytes",
        told.len(),
        bytes.len()
    );
}
