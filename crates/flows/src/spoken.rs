//! What is spoken in a conversation: asked until one protocol is certain, or all say that it is not theirs.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use wardline_model::Protocol;
use wardline_wire::enterprise::rtp;
use wardline_wire::{Direction, Verdict};

use crate::application::{Context, DATAGRAMS, Datagram, Progress, STREAMS, Stream, StreamAdaptor};

/// Datagrams of a conversation after which nobody is asked any more.
const DATAGRAMS_ASKED_MAX: u8 = 12;
/// Datagrams that must look the same to a protocol that is never certain of one.
const UNSURE_AGREE: u8 = 2;
/// Turns of an opening: pieces of one direction that follow each other are one, or whoever sends a byte at a time would
/// not be recognised.
const PIECES_MAX: usize = 16;

/// What is known of what is spoken.
#[derive(Default)]
pub(crate) enum Spoken {
    /// Nothing was said yet.
    #[default]
    Silent,
    /// A stream that nobody is certain of.
    Opening(Box<Opening>),
    /// A stream that is read.
    Stream(Box<Reader>),
    /// Datagrams that nobody is certain of.
    Undecided(Undecided),
    /// Datagrams that are read by the protocol at this place of [`DATAGRAMS`].
    Datagrams(u8),
    /// Nothing more is read.
    Over { protocol: Option<Protocol>, encrypted: Option<bool> },
}

/// Who reads a stream. Apart from the conversation: of very many few are read, and each would keep room for it.
pub(crate) struct Reader {
    protocol: Protocol,
    adaptor: Box<dyn StreamAdaptor>,
}

/// The begin of a stream.
#[derive(Default)]
pub(crate) struct Opening {
    excluded: u64,
    /// Both directions as they came.
    pieces: Vec<(Direction, Vec<u8>)>,
    /// Each direction by itself.
    sides: [Vec<u8>; 2],
}

/// Datagrams so far. The fields stand so that [`Spoken`] finds room beside them for which of its variants it is: every
/// conversation has one.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Undecided {
    excluded: u64,
    /// Both directions, from the first datagram that may be sound.
    sound: Option<Box<[rtp::Session; 2]>>,
    asked: u8,
    /// A protocol that found the datagrams so far plausible, and how many they are; none of them where there is none.
    leaning: u8,
    plausible: u8,
    no_sound: bool,
}

impl Undecided {
    /// Shows a datagram to those who wait for sound; told when the stream is certain. Most datagrams are none by their
    /// first bytes.
    fn hear(&mut self, direction: Direction, datagram: &[u8]) -> Option<rtp::Recognised> {
        if self.no_sound {
            return None;
        }
        let heard = match &mut self.sound {
            Some(sound) => sound.get_mut(direction.index())?.show(datagram),
            None => {
                let mut first = rtp::Session::default();
                first.show(datagram).inspect(|_| {
                    let mut sound: Box<[rtp::Session; 2]> = Box::default();
                    if let Some(side) = sound.get_mut(direction.index()) {
                        *side = first;
                    }
                    self.sound = Some(sound);
                })
            }
        };
        self.no_sound = heard.is_err();
        heard.ok().flatten()
    }
}

impl Spoken {
    /// Name and encryption of what is spoken.
    pub(crate) fn label(&self) -> (Option<Protocol>, Option<bool>) {
        match self {
            Self::Silent | Self::Opening(_) | Self::Undecided(_) => (None, None),
            Self::Stream(reader) => (Some(reader.protocol), reader.adaptor.encrypted()),
            Self::Datagrams(place) => DATAGRAMS
                .get(usize::from(*place))
                .map_or((None, None), |known| (Some(known.protocol), Some(known.encrypted))),
            Self::Over { protocol, encrypted } => (*protocol, *encrypted),
        }
    }

    /// Whether somebody still wants bytes.
    pub(crate) const fn listens(&self) -> bool {
        !matches!(self, Self::Over { .. })
    }

    /// The next bytes of a stream.
    pub(crate) fn stream(&mut self, bytes: &[u8], opening_bytes: usize, context: &mut Context<'_>) {
        match self {
            Self::Stream(reader) => {
                let progress = reader.adaptor.data(context.direction, bytes, context);
                self.after(progress);
            }
            Self::Silent => self.open(Box::default(), bytes, opening_bytes, context),
            Self::Opening(opening) => {
                let opening = std::mem::take(opening);
                self.open(opening, bytes, opening_bytes, context);
            }
            Self::Undecided(_) | Self::Datagrams(_) | Self::Over { .. } => {}
        }
    }

    /// Bytes of a stream are missing.
    pub(crate) fn gap(&mut self, length: u64, context: &mut Context<'_>) {
        match self {
            Self::Stream(reader) => {
                let progress = reader.adaptor.gap(context.direction, length, context);
                self.after(progress);
            }
            // What comes behind a hole is asked about anew: the opening is of no use.
            Self::Opening(opening) => {
                opening.pieces.clear();
                opening.sides = Default::default();
            }
            _ => {}
        }
    }

    /// The conversation ended.
    pub(crate) fn end(&mut self, context: &mut Context<'_>) {
        if let Self::Stream(reader) = self {
            reader.adaptor.end(context);
        }
    }

    fn after(&mut self, progress: Progress) {
        let (protocol, encrypted) = self.label();
        match progress {
            Progress::Continue => {}
            Progress::Done => *self = Self::Over { protocol, encrypted },
            Progress::Lost => *self = Self::Over { protocol: None, encrypted: None },
        }
    }

    fn open(
        &mut self,
        mut opening: Box<Opening>,
        bytes: &[u8],
        opening_bytes: usize,
        context: &mut Context<'_>,
    ) {
        let direction = context.direction;
        let first = opening.pieces.is_empty();
        let mut side = opening.sides.get_mut(direction.index()).map(std::mem::take).unwrap_or_default();
        let known = !side.is_empty();
        let room = opening_bytes.saturating_sub(side.len());
        side.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
        let decided = if !known {
            // The first piece is shown as it came, however long.
            ask(&mut opening.excluded, direction, bytes, context)
        } else if room > 0 {
            ask(&mut opening.excluded, direction, &side, context)
        } else {
            // Nobody would see anything new.
            None
        };
        if let Some(kept) = opening.sides.get_mut(direction.index()) {
            *kept = side;
        }
        if let Some(stream) = decided {
            let pieces = std::mem::take(&mut opening.pieces);
            self.begin(stream, pieces, bytes, context);
            return;
        }
        let everybody = opening.excluded.count_ones() as usize >= STREAMS.len();
        let full = opening.sides.iter().all(|side| side.len() >= opening_bytes);
        let kept: usize = opening.pieces.iter().map(|(_, piece)| piece.len()).sum();
        if everybody
            || opening.pieces.len() >= PIECES_MAX
            || full
            || kept + bytes.len() > PIECES_MAX * opening_bytes
            || first && bytes.len() > opening_bytes
        {
            *self = Self::Over { protocol: None, encrypted: None };
            return;
        }
        match opening.pieces.last_mut() {
            Some((same, piece)) if *same == direction => piece.extend_from_slice(bytes),
            _ => opening.pieces.push((direction, bytes.to_vec())),
        }
        *self = Self::Opening(opening);
    }

    /// A protocol is certain: it reads what was kept and then what is new.
    fn begin(
        &mut self,
        stream: &Stream,
        pieces: Vec<(Direction, Vec<u8>)>,
        bytes: &[u8],
        context: &mut Context<'_>,
    ) {
        *self = Self::Stream(Box::new(Reader { protocol: stream.protocol, adaptor: (stream.adaptor)() }));
        let direction = context.direction;
        let kept = pieces.iter().map(|(direction, piece)| (*direction, piece.as_slice()));
        for (side, piece) in kept.chain([(direction, bytes)]) {
            if let Self::Stream(reader) = self {
                context.direction = side;
                let progress = reader.adaptor.data(side, piece, context);
                self.after(progress);
            }
        }
        context.direction = direction;
    }

    /// A datagram.
    pub(crate) fn datagram(&mut self, bytes: &[u8], context: &mut Context<'_>) {
        match self {
            Self::Datagrams(place) => {
                let Some(known) = DATAGRAMS.get(usize::from(*place)) else { return };
                match (known.read)(bytes, context) {
                    Progress::Continue => {}
                    // One odd datagram among many does not change what is spoken, but nobody reads it.
                    Progress::Lost => {}
                    Progress::Done => {
                        *self =
                            Self::Over { protocol: Some(known.protocol), encrypted: Some(known.encrypted) };
                    }
                }
            }
            Self::Silent => {
                let mut excluded = 0;
                match ask_datagram(&mut excluded, bytes, context) {
                    Answer::Certain(place, known) => self.begin_datagrams(place, known, bytes, context),
                    Answer::Leaning(place) => {
                        let undecided = Undecided {
                            excluded,
                            asked: 1,
                            leaning: place,
                            plausible: 1,
                            ..Undecided::default()
                        };
                        self.undecided(undecided, bytes, context);
                    }
                    Answer::Nobody => {
                        let undecided = Undecided { excluded, asked: 1, ..Undecided::default() };
                        self.undecided(undecided, bytes, context);
                    }
                }
            }
            Self::Undecided(undecided) => {
                let mut undecided = std::mem::take(undecided);
                undecided.asked = undecided.asked.saturating_add(1);
                match ask_datagram(&mut undecided.excluded, bytes, context) {
                    Answer::Certain(place, known) => {
                        return self.begin_datagrams(place, known, bytes, context);
                    }
                    Answer::Leaning(place) => {
                        let same = undecided.leaning == place;
                        undecided.plausible = if same { undecided.plausible + 1 } else { 1 };
                        undecided.leaning = place;
                        if undecided.plausible >= UNSURE_AGREE
                            && let Some(known) = DATAGRAMS.get(usize::from(place))
                        {
                            return self.begin_datagrams(place, known, bytes, context);
                        }
                    }
                    Answer::Nobody => undecided.plausible = 0,
                }
                self.undecided(undecided, bytes, context);
            }
            Self::Opening(_) | Self::Stream(_) | Self::Over { .. } => {}
        }
    }

    fn begin_datagrams(&mut self, place: u8, known: &Datagram, bytes: &[u8], context: &mut Context<'_>) {
        *self = match (known.read)(bytes, context) {
            Progress::Done => Self::Over { protocol: Some(known.protocol), encrypted: Some(known.encrypted) },
            Progress::Continue | Progress::Lost => Self::Datagrams(place),
        };
    }

    /// Nobody is certain: is it sound, or is it time to stop asking?
    fn undecided(&mut self, mut undecided: Undecided, bytes: &[u8], context: &mut Context<'_>) {
        if let Some(stream) = undecided.hear(context.direction, bytes) {
            context.tell(wardline_model::Fact::Rtp(wardline_model::fact::RtpFact {
                payload_type: stream.payload_type,
                source: stream.source,
                interval_ms: interval_ms(stream),
            }));
            *self = Self::Over { protocol: Some(Protocol::Rtp), encrypted: None };
            return;
        }
        let everybody = undecided.no_sound && undecided.excluded.count_ones() as usize >= DATAGRAMS.len();
        *self = if everybody || undecided.asked >= DATAGRAMS_ASKED_MAX {
            Self::Over { protocol: None, encrypted: None }
        } else {
            Self::Undecided(undecided)
        };
    }
}

/// From steps of the payload's clock to milliseconds: RFC 3551 table 4; 8 kHz where the type is dynamic.
fn interval_ms(stream: rtp::Recognised) -> u16 {
    let clock = match stream.payload_type {
        6 | 16 => 16_000,
        10 | 11 => 44_100,
        14 | 25..=34 => 90_000,
        _ => 8_000,
    };
    u16::try_from(u64::from(stream.timestamp_step) * 1000 / clock).unwrap_or(u16::MAX)
}

/// Which protocols are often found on a port, a bit each; sorted by port.
struct UsualPorts(Vec<(u16, u64)>);

static STREAM_PORTS: LazyLock<UsualPorts> =
    LazyLock::new(|| UsualPorts::new(STREAMS.iter().map(|stream| stream.ports)));
static DATAGRAM_PORTS: LazyLock<UsualPorts> =
    LazyLock::new(|| UsualPorts::new(DATAGRAMS.iter().map(|known| known.ports)));

impl UsualPorts {
    fn new(ports: impl Iterator<Item = &'static [u16]>) -> Self {
        let mut protocols = BTreeMap::new();
        for (place, ports) in ports.enumerate() {
            for port in ports {
                *protocols.entry(*port).or_insert(0) |= 1 << place;
            }
        }
        Self(protocols.into_iter().collect())
    }

    fn at(&self, port: u16) -> u64 {
        let found = self.0.binary_search_by_key(&port, |(port, _)| *port).ok();
        found.and_then(|place| self.0.get(place)).map_or(0, |(_, protocols)| *protocols)
    }

    /// Those who have not said no, in the order in which they are asked: first those that use one of the ports.
    fn order(&self, context: &Context<'_>, known: usize, excluded: u64) -> [Places; 2] {
        let everybody = u64::MAX >> (64 - known.clamp(1, 64));
        let left = everybody & !excluded;
        let usual = left & (self.at(context.initiator.port) | self.at(context.responder.port));
        [Places(usual), Places(left & !usual)]
    }
}

/// Places of protocols, a bit each.
struct Places(u64);

impl Iterator for Places {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let place = self.0.trailing_zeros() as usize;
        // Takes the lowest bit away.
        self.0 &= self.0.checked_sub(1)?;
        Some(place)
    }
}

/// Asks every protocol over TCP that has not said no; those that use one of the ports first.
fn ask(
    excluded: &mut u64,
    direction: Direction,
    bytes: &[u8],
    context: &Context<'_>,
) -> Option<&'static Stream> {
    for place in STREAM_PORTS.order(context, STREAMS.len(), *excluded).into_iter().flatten() {
        let stream = STREAMS.get(place)?;
        match (stream.probe)(direction, bytes) {
            Verdict::Certain => return Some(stream),
            Verdict::Unsure => {}
            Verdict::NotMine => *excluded |= 1 << place,
        }
    }
    None
}

enum Answer {
    Certain(u8, &'static Datagram),
    Leaning(u8),
    Nobody,
}

/// By first byte, who cannot mean it: a bit each.
static RULED_OUT: LazyLock<[u64; 256]> = LazyLock::new(|| {
    std::array::from_fn(|byte| {
        let out = DATAGRAMS.iter().enumerate().filter(|(_, known)| !known.first.contains(byte as u8));
        out.fold(0, |out, (place, _)| out | 1 << place)
    })
});

fn ask_datagram(excluded: &mut u64, bytes: &[u8], context: &Context<'_>) -> Answer {
    let first = bytes.first().and_then(|first| RULED_OUT.get(usize::from(*first)));
    *excluded |= first.copied().unwrap_or_default();
    let mut leaning = None;
    for places in DATAGRAM_PORTS.order(context, DATAGRAMS.len(), *excluded) {
        for place in places {
            let Some(known) = DATAGRAMS.get(place) else { break };
            match (known.probe)(bytes) {
                Verdict::Certain => return Answer::Certain(place as u8, known),
                Verdict::Unsure => leaning = leaning.or(Some(place as u8)),
                Verdict::NotMine => *excluded |= 1 << place,
            }
        }
    }
    leaning.map_or(Answer::Nobody, Answer::Leaning)
}
