//! A share of all conversations, with everything that they keep.
//!
//! Which conversation belongs to which shard depends on its addresses only, and a shard sees its packets in order, so
//! results do not depend on who runs it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use wardline_model::fact::{
    AmbiguityKind, AmbiguousStream, FlowRate, IcmpFact, IcmpKind, PaceFact, StackTraits, TcpEvent,
};
use wardline_model::{
    DigestAlgorithms, Fact, Observation, Protocol, PseudonymKey, Sighting, Station, Transport,
};
use wardline_wire::network::{icmp, icmp6};
use wardline_wire::transport::{tcp, tcp::flags, udp};
use wardline_wire::{Direction, Error};

use crate::application::{Context, ConversationLabels};
use crate::conversation::{Key, NO_MAC, Second, State, Talk, traits};
use crate::counters::Counters;
use crate::decode::Link;
use crate::index::{Index, KeyHash};
use crate::limits::{Limits, SHARDS};
use crate::reassembly::{Budget, Half, Overlap, Piece};
use crate::talks::Talks;

const SECOND: i64 = 1_000_000_000;
/// A sweep over all conversations takes so many ticks.
const SWEEP_TICKS: usize = 16;
/// Conversations that are looked at to find one that makes room.
const EVICTION_LOOKS: usize = 32;
/// Packets within a second after which a rate is told at once.
const FAST_PACKETS: u32 = 1_000;

/// Packets within a second below which nobody speaks.
const VOICE_PACKETS_MIN: u32 = 16;
/// Seconds at the pace of speech after which it is told.
const VOICE_SECONDS: u8 = 10;

/// A packet that is known to belong to a shard, without its payload.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Packet {
    pub sighting: Sighting,
    pub link: Link,
    pub key: Key,
    pub hash: KeyHash,
    /// It went from the low to the high end of the key.
    pub upward: bool,
    pub time_to_live: u8,
    pub dont_fragment: bool,
    /// IP header and payload as sent, bytes.
    pub length: u32,
    pub payload_length: u32,
}

impl Packet {
    /// Addresses and ports of its sender and its receiver.
    fn ends(&self) -> [(IpAddr, u16); 2] {
        [self.key.end(self.upward), self.key.end(!self.upward)]
    }
}

/// Where the conversation of a packet may lie. It is looked at again before it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guess(u32);

impl Guess {
    /// Nothing is known.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

/// What every shard is made with.
#[derive(Clone)]
pub(crate) struct Making {
    pub limits: Limits,
    pub key: PseudonymKey,
    pub protected: Arc<BTreeSet<IpAddr>>,
    pub digests: DigestAlgorithms,
}

/// A share of all conversations.
pub(crate) struct Shard {
    making: Making,
    index: Index,
    talks: Talks,
    conversations_max: usize,
    budget: Budget,
    sweep: usize,
    /// Where the conversation of the packet at hand may lie.
    guess: Guess,
    counters: Counters,
}

impl Shard {
    pub(crate) fn new(making: Making) -> Self {
        let limits = making.limits;
        let budget = Budget {
            waiting: 0,
            waiting_max: limits.waiting_bytes / SHARDS,
            per_stream_max: limits.waiting_bytes_per_stream,
        };
        Self {
            conversations_max: (limits.conversations / SHARDS).max(1),
            making,
            index: Index::default(),
            talks: Talks::default(),
            budget,
            sweep: 0,
            guess: Guess::NONE,
            counters: Counters::default(),
        }
    }

    pub(crate) const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Asks for the part of the index that tells where the conversation of a packet lies, and waits for nothing.
    pub(crate) fn fetch(&self, packet: &Packet) {
        self.index.fetch(packet.hash);
    }

    /// Guesses where the conversation of a packet lies, and asks for it without waiting for it.
    pub(crate) fn guess(&self, packet: &Packet) -> Guess {
        let Some(place) = self.index.find(packet.hash, |_| true) else { return Guess::NONE };
        self.talks.fetch(place as usize);
        Guess(place)
    }

    /// Reads a packet.
    pub(crate) fn packet(
        &mut self,
        packet: &Packet,
        payload: &[u8],
        guess: Guess,
        out: &mut Vec<Observation>,
    ) {
        self.guess = guess;
        let read = match packet.key.transport() {
            Transport::TCP => self.tcp(packet, payload, out),
            Transport::UDP => self.udp(packet, payload, out),
            Transport::ICMP => self.icmp(packet, payload, out),
            Transport::ICMP6 => self.icmp6(packet, payload, out),
            _ => {
                self.find_or_begin(packet, State::Datagrams, |_| {}, out);
                Ok(())
            }
        };
        if let Err(error) = read {
            self.counters.error(error);
        }
    }

    /// A second of capture time has passed: conversations that are silent for too long end.
    pub(crate) fn tick(&mut self, sighting: Sighting, out: &mut Vec<Observation>) {
        let places = self.talks.places();
        let looks = places / SWEEP_TICKS + 1;
        for _ in 0..looks.min(places) {
            self.sweep = (self.sweep + 1) % places;
            let over = self
                .talks
                .get(self.sweep)
                .is_some_and(|talk| sighting.time.nanoseconds_since(talk.end) > talk.patience());
            if over {
                self.end(self.sweep, sighting, out);
            }
        }
    }

    /// The capture ended: all conversations do.
    pub(crate) fn finish(&mut self, sighting: Sighting, out: &mut Vec<Observation>) {
        let mut talks = std::mem::take(&mut self.talks);
        self.index = Index::default();
        for place in 0..talks.places() {
            if let Some(talk) = talks.take(place) {
                self.close(talk, sighting, out);
            }
        }
    }

    fn tcp(&mut self, packet: &Packet, payload: &[u8], out: &mut Vec<Observation>) -> Result<(), Error> {
        let segment = tcp::Segment::parse(payload, packet.payload_length)?;
        let syn = segment.has(flags::SYN);
        if syn && !segment.has(flags::ACK) {
            self.end_if_over(packet, out);
        }
        let state = match (syn, segment.has(flags::ACK)) {
            (true, false) => State::Asked,
            (true, true) => State::Answered,
            (false, _) => State::MidStream,
        };
        let stack = |traits: &mut StackTraits| {
            if syn {
                let options = tcp::SynOptions::parse(segment.options);
                traits.syn = true;
                traits.window = segment.window;
                traits.segment_size_max = options.segment_size_max.unwrap_or(0);
                traits.window_scale = options.window_scale.unwrap_or(255);
                traits.options = options.kinds;
            }
        };
        let Some(place) = self.find_or_begin(packet, state, stack, out) else { return Ok(()) };
        let Some(talk) = self.talks.get_mut(place) else { return Ok(()) };
        let direction = talk.direction(packet.upward);
        if syn {
            let half = talk.halves.get_or_insert_default();
            if let Some(half) = half.get_mut(direction.index()) {
                half.begin(segment.sequence);
            }
        }
        progress(talk, &segment, direction, packet, stack, out);
        if segment.payload_length > 0 && talk.listens {
            Reading { talk, budget: &mut self.budget, making: &self.making, packet }
                .segment(&segment, direction, out);
        }
        Ok(())
    }

    fn udp(&mut self, packet: &Packet, payload: &[u8], out: &mut Vec<Observation>) -> Result<(), Error> {
        let datagram = udp::Datagram::parse(payload, packet.payload_length)?;
        let Some(place) = self.find_or_begin(packet, State::Datagrams, |_| {}, out) else { return Ok(()) };
        let Some(talk) = self.talks.get_mut(place) else { return Ok(()) };
        if !datagram.payload.is_empty() && talk.listens {
            let direction = talk.direction(packet.upward);
            Reading { talk, budget: &mut self.budget, making: &self.making, packet }.datagram(
                datagram.payload,
                direction,
                out,
            );
        }
        Ok(())
    }

    fn icmp(&mut self, packet: &Packet, payload: &[u8], out: &mut Vec<Observation>) -> Result<(), Error> {
        let message = icmp::Message::parse(payload)?;
        self.find_or_begin(packet, State::Datagrams, |_| {}, out);
        let (kind, gateway) = match message.kind {
            icmp::Kind::Unreachable(code) => (IcmpKind::Unreachable(code), None),
            icmp::Kind::TimeExceeded => (IcmpKind::TimeExceeded, None),
            icmp::Kind::Redirect(gateway) => (IcmpKind::Redirect, Some(IpAddr::V4(gateway))),
            icmp::Kind::Echo | icmp::Kind::EchoReply | icmp::Kind::Other(_) => return Ok(()),
        };
        tell_icmp(packet, kind, gateway, message.about, out);
        Ok(())
    }

    fn icmp6(&mut self, packet: &Packet, payload: &[u8], out: &mut Vec<Observation>) -> Result<(), Error> {
        let message = icmp6::Message::parse(payload)?;
        self.find_or_begin(packet, State::Datagrams, |_| {}, out);
        let kind = match message.kind {
            icmp6::Kind::Unreachable(code) => IcmpKind::Unreachable(code),
            icmp6::Kind::TimeExceeded => IcmpKind::TimeExceeded,
            _ => return Ok(()),
        };
        tell_icmp(packet, kind, None, message.about, out);
        Ok(())
    }

    /// A new SYN on the ports of a conversation that is over, or that nobody ever answered for long, begins a new one.
    fn end_if_over(&mut self, packet: &Packet, out: &mut Vec<Observation>) {
        let Some(place) = self.place(packet) else { return };
        let over = self.talks.get(place).is_some_and(|talk| {
            let silent = packet.sighting.time.nanoseconds_since(talk.end);
            matches!(talk.state, State::Closed | State::Reset | State::Refused) || silent > talk.patience()
        });
        if over {
            self.end(place, packet.sighting, out);
        }
    }

    #[inline]
    fn place(&self, packet: &Packet) -> Option<usize> {
        let same = |place: u32| self.talks.get(place as usize).is_some_and(|talk| talk.key == packet.key);
        // A conversation is at one place only, so a right guess needs no look into the index.
        if same(self.guess.0) {
            return Some(self.guess.0 as usize);
        }
        self.index.find(packet.hash, same).map(|place| place as usize)
    }

    /// The conversation of a packet, counted; a new one is told.
    fn find_or_begin(
        &mut self,
        packet: &Packet,
        state: State,
        stack: impl FnOnce(&mut StackTraits),
        out: &mut Vec<Observation>,
    ) -> Option<usize> {
        let place = match self.place(packet) {
            Some(place) => {
                let talk = self.talks.get(place)?;
                // The sweep comes by only now and then; a conversation that was silent for too long is another one.
                let over = packet.sighting.time.nanoseconds_since(talk.end) > talk.patience();
                if over && talk.state == State::Datagrams {
                    self.end(place, packet.sighting, out);
                    self.begin(packet, state, stack, out)?
                } else {
                    place
                }
            }
            None => self.begin(packet, state, stack, out)?,
        };
        let rate_packets = self.making.limits.rate_packets;
        let talk = self.talks.get_mut(place)?;
        count(talk, packet, rate_packets, out);
        Some(place)
    }

    fn begin(
        &mut self,
        packet: &Packet,
        state: State,
        stack: impl FnOnce(&mut StackTraits),
        out: &mut Vec<Observation>,
    ) -> Option<usize> {
        if self.index.len() >= self.conversations_max {
            self.make_room(packet.sighting, out);
        }
        self.counters.conversations += 1;
        let from_low = packet.upward != turned(packet, state);
        let talk = Talk::new(packet, from_low, state);
        let mut traits = traits(packet.time_to_live, packet.dont_fragment);
        stack(&mut traits);
        let (mut from, mut to) = (talk.initiator(), talk.responder());
        let sender = talk.direction(packet.upward);
        let (source, destination) =
            if sender == Direction::Forward { (&mut from, &mut to) } else { (&mut to, &mut from) };
        source.mac = packet.link.source;
        destination.mac = packet.link.destination;
        // The traits are those of the sender, who is the initiator but for an answer that came first.
        if sender == Direction::Forward {
            tell(packet.sighting, (from, to), &talk, Fact::ConversationStarted(traits), out);
        }
        let place = self.talks.insert(talk);
        self.index.insert(packet.hash, place as u32);
        Some(place)
    }

    /// Ends the conversation that is worth least among some.
    fn make_room(&mut self, sighting: Sighting, out: &mut Vec<Observation>) {
        let mut least = None;
        let places = self.talks.places();
        for _ in 0..EVICTION_LOOKS.min(places) {
            self.sweep = (self.sweep + 1) % places;
            if let Some(talk) = self.talks.get(self.sweep) {
                let ends = [talk.initiator().ip, talk.responder().ip];
                let protected = !self.making.protected.is_empty()
                    && ends.into_iter().flatten().any(|ip| self.making.protected.contains(&ip));
                let worth = (talk.worth(protected), self.sweep);
                if least.is_none_or(|least| worth < least) {
                    least = Some(worth);
                }
            }
        }
        if let Some((_, place)) = least {
            self.counters.refuse("conversations ended early to make room");
            self.end(place, sighting, out);
        }
    }

    fn end(&mut self, place: usize, sighting: Sighting, out: &mut Vec<Observation>) {
        let Some(talk) = self.talks.take(place) else { return };
        self.index.remove(talk.hash, place as u32);
        self.close(talk, sighting, out);
    }

    /// Tells all that is left of a conversation, and that it ended.
    fn close(&mut self, mut talk: Talk, sighting: Sighting, out: &mut Vec<Observation>) {
        let packet = Packet {
            sighting,
            link: Link { vlan: talk.vlan(), ..Link::default() },
            key: talk.key,
            hash: talk.hash,
            upward: talk.from_low,
            time_to_live: 0,
            dont_fragment: false,
            length: 0,
            payload_length: 0,
        };
        Reading { talk: &mut talk, budget: &mut self.budget, making: &self.making, packet: &packet }.end(out);
        if !talk.second.told
            && talk.second.packets[0].saturating_add(talk.second.packets[1])
                >= self.making.limits.rate_packets
        {
            tell_rate(&mut talk, sighting, out);
        }
        let ends = (talk.initiator(), talk.responder());
        let summary = talk.summary();
        // What the talk says of itself carries the capture that it was in, and the packet that ended it.
        let sighting = Sighting { capture: talk.capture, ..sighting };
        tell(sighting, ends, &talk, Fact::ConversationEnded(Box::new(summary)), out);
    }
}

/// Whether the first packet seen is an answer: its receiver then began the conversation.
fn turned(packet: &Packet, state: State) -> bool {
    match state {
        State::Answered => true,
        // Begun before the capture: the smaller port, where it is a registered one, is the server's.
        State::MidStream => {
            let [(_, source), (_, destination)] = packet.ends();
            source < destination && source < 1024
                || source < destination && source < 49_152 && destination >= 49_152
        }
        _ => false,
    }
}

fn tell(
    sighting: Sighting,
    (from, to): (Station, Station),
    talk: &Talk,
    fact: Fact,
    out: &mut Vec<Observation>,
) {
    out.push(Observation {
        sighting,
        from,
        to,
        transport: Some(talk.key.transport()),
        vlan: talk.vlan(),
        fact,
    });
}

fn tell_icmp(
    packet: &Packet,
    kind: IcmpKind,
    gateway: Option<IpAddr>,
    about: Option<icmp::Quoted>,
    out: &mut Vec<Observation>,
) {
    let about = about.map(|about| (about.source, about.destination, Transport(about.protocol)));
    let [(source, _), (destination, _)] = packet.ends();
    out.push(Observation {
        sighting: packet.sighting,
        from: Station { mac: packet.link.source, ip: Some(source), ..Station::default() },
        to: Station { mac: packet.link.destination, ip: Some(destination), ..Station::default() },
        transport: Some(packet.key.transport()),
        vlan: packet.link.vlan,
        fact: Fact::Icmp(IcmpFact { kind, about, gateway }),
    });
}

/// Counts a packet, and tells the rate of the second that it ends.
#[inline]
fn count(talk: &mut Talk, packet: &Packet, rate_packets: u32, out: &mut Vec<Observation>) {
    let side = talk.direction(packet.upward).index();
    let time = packet.sighting.time;
    let begin = time.nanoseconds().div_euclid(SECOND) as u16;
    if begin != talk.second.begin {
        if talk.second.packets[0].saturating_add(talk.second.packets[1]) >= rate_packets && !talk.second.told
        {
            tell_rate(talk, packet.sighting, out);
        }
        if talk.second.packets[0].max(talk.second.packets[1]) >= VOICE_PACKETS_MIN {
            tell_pace(talk, packet.sighting, out);
        }
        talk.second = Second { begin, ..Second::default() };
    }
    talk.end = talk.end.max(time);
    talk.packets[side] += 1;
    talk.bytes[side] += u64::from(packet.length);
    let length = packet.length;
    talk.second.packets[side] = talk.second.packets[side].saturating_add(1);
    talk.second.bytes[side] = talk.second.bytes[side].saturating_add(length);
    talk.second.squares[side] = talk.second.squares[side].saturating_add(length.saturating_mul(length));
    if let Some(mac) = packet.link.source {
        talk.macs[side] = mac;
    }
    if talk.macs[1 - side] == NO_MAC
        && let Some(mac) = packet.link.destination.filter(|mac| !mac.is_group())
    {
        talk.macs[1 - side] = mac;
    }
    if talk.second.packets[0].saturating_add(talk.second.packets[1]) >= FAST_PACKETS && !talk.second.told {
        tell_rate(talk, packet.sighting, out);
    }
}

/// Tells what happened within the running second, if it was much.
fn tell_rate(talk: &mut Talk, sighting: Sighting, out: &mut Vec<Observation>) {
    let second = talk.second;
    if second.packets == [0, 0] {
        return;
    }
    talk.second.told = true;
    let ends = (talk.initiator(), talk.responder());
    let rate = FlowRate {
        interval_ms: 1_000,
        packets_from: second.packets[0],
        packets_to: second.packets[1],
        bytes_from: second.bytes[0].into(),
        bytes_to: second.bytes[1].into(),
    };
    tell(sighting, ends, talk, Fact::Rate(rate), out);
}

/// Tells that a conversation has the pace of speech, once.
fn tell_pace(talk: &mut Talk, sighting: Sighting, out: &mut Vec<Observation>) {
    const TOLD: u8 = u8::MAX;
    if talk.voice_seconds == TOLD {
        return;
    }
    let is_sound = talk.spoken.label().0 == Some(Protocol::Rtp);
    let Some((side, interval_ms)) = talk.second.voice(is_sound) else {
        talk.voice_seconds = talk.voice_seconds.saturating_sub(1);
        return;
    };
    talk.voice_seconds += 1;
    if talk.voice_seconds < VOICE_SECONDS {
        return;
    }
    talk.voice_seconds = TOLD;
    let (one, other) = (talk.initiator(), talk.responder());
    let bytes_mean = talk.second.bytes[side] / talk.second.packets[side].max(1);
    let pace = PaceFact {
        interval_ms,
        bytes_mean: u16::try_from(bytes_mean).unwrap_or(u16::MAX),
        answered: talk.packets[1 - side] > 0,
    };
    tell(sighting, if side == 0 { (one, other) } else { (other, one) }, talk, Fact::Pace(pace), out);
}

/// How far the conversation is after this segment.
fn progress(
    talk: &mut Talk,
    segment: &tcp::Segment<'_>,
    direction: Direction,
    packet: &Packet,
    stack: impl FnOnce(&mut StackTraits),
    out: &mut Vec<Observation>,
) {
    let side = direction.index();
    let ends = match direction {
        Direction::Forward => (talk.initiator(), talk.responder()),
        Direction::Backward => (talk.responder(), talk.initiator()),
    };
    let event = match (talk.state, direction) {
        _ if segment.has(flags::RST) => {
            let refused = talk.state == State::Asked && direction == Direction::Backward;
            let was_over = matches!(talk.state, State::Reset | State::Refused | State::Closed);
            talk.state = match talk.state {
                State::Closed => State::Closed,
                _ if refused => State::Refused,
                // A half-open scan resets what was answered: it stays half-open.
                State::Answered => State::Answered,
                State::Refused => State::Refused,
                _ => State::Reset,
            };
            let usual = talk.time_to_live[side];
            // A scanner makes its SYN by itself; the RST to the answer comes from its system.
            let half_open = talk.state == State::Answered;
            let step =
                if usual == 0 || half_open { 0 } else { i16::from(packet.time_to_live) - i16::from(usual) };
            match (was_over, refused) {
                (true, _) => None,
                (false, true) => Some(TcpEvent::Refused),
                (false, false) => Some(TcpEvent::Reset(step)),
            }
        }
        (State::Asked | State::Answered, Direction::Backward) if segment.has(flags::SYN | flags::ACK) => {
            let first = talk.time_to_live[side] == 0;
            talk.state = State::Answered;
            let mut traits = traits(packet.time_to_live, packet.dont_fragment);
            stack(&mut traits);
            first.then_some(TcpEvent::Answered(traits))
        }
        (State::Answered, Direction::Forward) if segment.has(flags::ACK) && !segment.has(flags::SYN) => {
            talk.state = State::Open;
            Some(TcpEvent::Opened)
        }
        // The answer was not captured, but data flows both ways.
        (State::Asked, Direction::Backward) if segment.has(flags::ACK) && !segment.has(flags::SYN) => {
            talk.state = State::Open;
            Some(TcpEvent::Opened)
        }
        _ => None,
    };
    if segment.has(flags::FIN) {
        talk.finished |= 1 << side;
        if talk.finished == 0b11 && talk.state != State::Reset {
            talk.state = State::Closed;
        }
    }
    if !segment.has(flags::RST) {
        talk.time_to_live[side] = packet.time_to_live;
    }
    if let Some(event) = event {
        tell(packet.sighting, ends, talk, Fact::Tcp(event), out);
    }
}

/// A conversation whose content is read.
struct Reading<'a> {
    talk: &'a mut Talk,
    budget: &'a mut Budget,
    making: &'a Making,
    packet: &'a Packet,
}

impl Reading<'_> {
    fn segment(&mut self, segment: &tcp::Segment<'_>, direction: Direction, out: &mut Vec<Observation>) {
        let mut halves = self.talk.halves.take().unwrap_or_default();
        let cut = segment.payload_length.saturating_sub(segment.payload.len() as u32);
        let Some(half) = halves.get_mut(direction.index()) else { return };
        let overlap = self.with(direction, out, |spoken, opening_bytes, context, budget| {
            half.push(segment.sequence, segment.payload, cut, budget, &mut |piece| match piece {
                Piece::Data(bytes) => spoken.stream(bytes, opening_bytes, context),
                Piece::Gap(length) => spoken.gap(length, context),
            })
        });
        if let Some(overlap) = overlap {
            self.ambiguous(overlap, direction, out);
        }
        self.keep(halves);
    }

    /// Nobody reads any more: what was kept for reading goes.
    fn keep(&mut self, mut halves: Box<[Half; 2]>) {
        if self.talk.listens {
            self.talk.halves = Some(halves);
        } else {
            self.missing(&halves);
            halves.iter_mut().for_each(|half| half.release(self.budget));
        }
    }

    fn datagram(&mut self, bytes: &[u8], direction: Direction, out: &mut Vec<Observation>) {
        self.with(direction, out, |spoken, _, context, _| spoken.datagram(bytes, context));
    }

    fn end(&mut self, out: &mut Vec<Observation>) {
        let Some(mut halves) = self.talk.halves.take() else { return };
        for (half, direction) in halves.iter_mut().zip([Direction::Forward, Direction::Backward]) {
            self.with(direction, out, |spoken, opening_bytes, context, budget| {
                half.finish(budget, &mut |piece| match piece {
                    Piece::Data(bytes) => spoken.stream(bytes, opening_bytes, context),
                    Piece::Gap(length) => spoken.gap(length, context),
                });
            });
            half.release(self.budget);
        }
        self.with(Direction::Forward, out, |spoken, _, context, _| spoken.end(context));
        self.missing(&halves);
    }

    /// Keeps how much is missing of streams that nobody reads any more.
    fn missing(&mut self, halves: &[Half; 2]) {
        let missing = halves.iter().map(Half::missing).sum::<u64>();
        if missing > 0 {
            self.talk.labels.get_or_insert_default().missing_bytes += missing;
        }
    }

    /// Runs `read` with everything that an adaptor may know.
    fn with<R>(
        &mut self,
        direction: Direction,
        out: &mut Vec<Observation>,
        read: impl FnOnce(&mut crate::spoken::Spoken, usize, &mut Context<'_>, &mut Budget) -> R,
    ) -> R {
        let mut labels = self.talk.labels.take();
        let mut fresh = ConversationLabels::default();
        let mut spoken = std::mem::take(&mut self.talk.spoken);
        let mut context = Context {
            sighting: self.packet.sighting,
            initiator: self.talk.initiator(),
            responder: self.talk.responder(),
            transport: self.talk.key.transport(),
            vlan: self.talk.vlan(),
            direction,
            digests: self.making.digests,
            key: &self.making.key,
            out,
            labels: labels.as_deref_mut().unwrap_or(&mut fresh),
        };
        let result = read(&mut spoken, self.making.limits.opening_bytes, &mut context, self.budget);
        let said = !fresh.is_empty();
        self.talk.labels = labels.or_else(|| said.then(|| Box::new(fresh)));
        self.talk.listens = spoken.listens();
        self.talk.spoken = spoken;
        result
    }

    fn ambiguous(&self, overlap: Overlap, direction: Direction, out: &mut Vec<Observation>) {
        let ends = match direction {
            Direction::Forward => (self.talk.initiator(), self.talk.responder()),
            Direction::Backward => (self.talk.responder(), self.talk.initiator()),
        };
        let usual = self.talk.time_to_live[direction.index()];
        let fact = AmbiguousStream {
            kind: AmbiguityKind::TcpOverlap,
            offset: overlap.offset,
            length: overlap.length,
            time_to_live_step: i16::from(self.packet.time_to_live) - i16::from(usual),
        };
        tell(self.packet.sighting, ends, self.talk, Fact::Ambiguous(fact), out);
    }
}
