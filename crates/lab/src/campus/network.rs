//! How frames get to the mirror port: routers, tags, and whoever stands in between.

use std::cmp::Reverse;

use rand::RngExt as _;

use super::layout::{OUTSIDE, SERVERS, Vantage};
use super::{Campus, SECOND};
use crate::conversation::{Connection, Said, Timed, conversation};
use crate::frames::{End, after_hops, between, link_addresses, tagged, udp};
use wardline_model::MacAddress;

/// Between two frames of a conversation.
pub(super) const STEP_NS: i64 = 300_000;
/// What a router needs.
const ROUTED_NS: i64 = 15_000;

impl Campus {
    /// A frame as its sender makes it: to a station of another network its link addresses are those of both ends, and
    /// are made right here.
    pub(super) fn emit(&mut self, time_ns: i64, frame: Vec<u8>) {
        let (to, from) = link_addresses(&frame);
        if to.0[0] & 1 == 1 {
            let subnet = self.network_of(from, to);
            return self.show(time_ns, frame, subnet);
        }
        let (source, destination) = (self.network_of(from, to), self.network_of(to, from));
        if self.passes_intruder(time_ns, &frame, (source, destination)) {
            return;
        }
        self.travel(time_ns, &frame, (source, destination));
    }

    fn network_of(&self, mac: MacAddress, peer: MacAddress) -> usize {
        self.subnet_of.get(&mac).copied().unwrap_or_else(|| {
            // A router's own side is that of whom it speaks to.
            self.subnet_of.get(&peer).copied().filter(|subnet| *subnet != OUTSIDE).unwrap_or(SERVERS)
        })
    }

    fn router_of(&self, subnet: usize) -> MacAddress {
        self.layout.router(if subnet == OUTSIDE { SERVERS } else { subnet }).mac
    }

    fn travel(&mut self, time_ns: i64, frame: &[u8], (source, destination): (usize, usize)) {
        if source == destination {
            return self.show(time_ns, frame.to_vec(), source);
        }
        let (to, from) = link_addresses(frame);
        let near = between(frame, self.router_of(source), from);
        let far = between(&after_hops(frame, 1), to, self.router_of(destination));
        for (side, bytes, late) in [(source, near, 0), (destination, far, ROUTED_NS)] {
            let other = if side == source { destination } else { source };
            let seen = match self.layout.vantage {
                // The line outside shows what the wards say there; of the servers their own switch shows it already.
                Vantage::Servers if side == OUTSIDE => self.layout.uplink && other != SERVERS,
                _ if side == OUTSIDE => false,
                Vantage::Trunk | Vantage::Flat => true,
                Vantage::Servers => side == SERVERS,
                Vantage::Wards => side != SERVERS || other == OUTSIDE,
            };
            if seen {
                self.show(time_ns + late, bytes, side);
            }
        }
    }

    /// Whoever stands in between gets the frame, and passes it on.
    fn passes_intruder(&mut self, time_ns: i64, frame: &[u8], (source, destination): (usize, usize)) -> bool {
        let Some(way) = self.interception.clone().filter(|way| time_ns < way.until) else { return false };
        let (to, from) = link_addresses(frame);
        let victim_subnet = self.subnet_of.get(&way.victim).copied().unwrap_or(SERVERS);
        // The peer is a neighbour, or the router with everything behind it.
        let behind = |mac: MacAddress, subnet: usize| {
            mac == way.peer || way.peer == self.router_of(victim_subnet) && subnet != victim_subnet
        };
        let outward = from == way.victim && behind(to, destination);
        let inward = to == way.victim && behind(from, source);
        if !(outward || inward) || from == way.by || to == way.by {
            return false;
        }
        let altered = (way.alter)(frame).unwrap_or_else(|| frame.to_vec());
        if outward {
            let passed = after_hops(&altered, 1);
            self.show(time_ns, between(frame, way.by, way.victim), victim_subnet);
            self.travel(time_ns + STEP_NS / 3, &between(&passed, to, way.by), (victim_subnet, destination));
        } else {
            let arrived = if source == victim_subnet { frame.to_vec() } else { after_hops(frame, 1) };
            self.show(time_ns, between(&arrived, way.by, way.peer), victim_subnet);
            self.show(
                time_ns + STEP_NS / 3,
                between(&after_hops(&altered, 2), way.victim, way.by),
                victim_subnet,
            );
        }
        true
    }

    /// The mirror port sees a frame of a network.
    pub(super) fn show(&mut self, time_ns: i64, frame: Vec<u8>, subnet: usize) {
        if self.layout.vantage == Vantage::Servers && subnet != SERVERS && subnet != OUTSIDE {
            return;
        }
        let vlan = self.layout.subnets.get(subnet).map(|subnet| subnet.vlan);
        let frame = match vlan {
            Some(vlan) if self.layout.tagged => tagged(&frame, vlan),
            _ => frame,
        };
        self.count += 1;
        self.frames.push(Reverse((time_ns, self.count, frame)));
    }

    pub(super) fn emit_all(&mut self, frames: Vec<Timed>) {
        for (time_ns, frame) in frames {
            self.emit(time_ns, frame);
        }
    }

    /// Two units' ends; IPv6 where both have it.
    pub(super) fn ends(&self, client: usize, server: usize) -> (End, End) {
        (self.unit(client).end, self.unit(server).end)
    }

    pub(super) fn port(&mut self) -> u16 {
        self.chance.random_range(49_200..65_000)
    }

    /// A whole conversation between two machines.
    pub(super) fn talk(&mut self, now: i64, client: usize, (server, port): (usize, u16), said: &[Said]) {
        let (from, to) = self.ends(client, server);
        let from = from.at(self.port());
        self.talk_between(now, from, to.at(port), said);
    }

    pub(super) fn talk_between(&mut self, now: i64, client: End, server: End, said: &[Said]) {
        let sequence = self.chance.random();
        let frames = conversation(client, server, (now, STEP_NS), sequence, said);
        self.emit_all(frames);
    }

    /// A datagram and its answer.
    pub(super) fn ask(
        &mut self,
        now: i64,
        client: usize,
        (server, port): (usize, u16),
        question: &[u8],
        answer: &[u8],
    ) {
        let (from, to) = self.ends(client, server);
        let (from, to) = (from.at(self.port()), to.at(port));
        let identification = self.chance.random();
        self.emit(now, udp(from, to, identification, question));
        self.emit(now + 2 * STEP_NS, udp(to, from, identification ^ 0x55, answer));
    }

    /// A datagram that nobody answers.
    pub(super) fn tell(&mut self, now: i64, from: End, to: End, bytes: &[u8]) {
        let identification = self.chance.random();
        self.emit(now, udp(from, to, identification, bytes));
    }

    /// Says something over a unit's standing connection, opening it where there is none; over a new one where the
    /// unit makes one each time.
    pub(super) fn say(&mut self, now: i64, client: usize, (server, port): (usize, u16), said: &[Said]) {
        if !self.unit(client).persistent {
            return self.talk(now, client, (server, port), said);
        }
        let (from, to) = self.ends(client, server);
        let mut begin = now;
        let mut line = match self.unit_mut(client).line.take() {
            Some(line) if line.ends[1].ip == to.ip => line,
            _ => {
                let (from, sequence) = (from.at(self.port()), self.chance.random());
                let mut line = Connection::new(from, to.at(port), sequence, STEP_NS);
                // It was open before the capture began.
                if !(self.options.running && now < self.options.start_ns + 90 * SECOND) {
                    let opened = line.open(now);
                    self.emit_all(opened);
                    begin = now + 4 * STEP_NS;
                }
                line
            }
        };
        let frames = line.say(begin, said);
        self.emit_all(frames);
        self.unit_mut(client).line = Some(line);
    }
}
