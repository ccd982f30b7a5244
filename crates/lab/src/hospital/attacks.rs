//! Attacks upon this hospital: who suffers, who acts, and the frames that are sent for it.

use std::net::Ipv4Addr;

use rand::RngExt as _;

use super::{Due, Hospital, Running, SECOND, STEP_NS};
use crate::attack::{AttackKind, AttackPlan};
use crate::devices::Duty;
use crate::frames::{End, Tcp, arp, tcp, udp};

/// Between two frames of a flood.
const FLOOD_STEP_NS: i64 = 700_000;

impl Hospital {
    /// Draws what the plans leave open.
    pub(super) fn plan(&mut self, plans: &[AttackPlan]) {
        for plan in plans {
            let victims: Vec<_> = match plan.kind {
                AttackKind::Flood => self.on_duty(|duty| matches!(duty, Duty::Server | Duty::Modality(_))),
                AttackKind::ArpInterception => {
                    self.on_duty(|duty| matches!(duty, Duty::Monitor(_) | Duty::Pump(_)))
                }
                AttackKind::PatientSwap => self.on_duty(|duty| matches!(duty, Duty::Monitor(_))),
            };
            // The gateway is flooded by nobody here: it is whom everybody else depends on.
            let victims: Vec<_> =
                victims.into_iter().filter(|victim| *victim != self.server("gateway")).collect();
            let desks = self.on_duty(|duty| duty == Duty::Desk);
            let victim = victims[self.chance.random_range(0..victims.len())];
            let source = match plan.kind {
                AttackKind::PatientSwap => victim,
                _ => desks[self.chance.random_range(0..desks.len())],
            };
            let own_bed = match self.devices[victim].duty {
                Duty::Monitor(bed) | Duty::Pump(bed) => bed,
                _ => 0,
            };
            let other_bed =
                (own_bed + 1 + self.chance.random_range(0..self.beds.len() - 1)) % self.beds.len();
            let datagrams = plan.kind == AttackKind::Flood && self.chance.random_bool(0.4);
            let spoofed = plan.kind == AttackKind::Flood && !datagrams && self.chance.random_bool(0.5);
            self.attacks.push(Running { plan: *plan, victim, source, datagrams, spoofed, other_bed });
        }
    }

    pub(super) fn attack(&mut self, now: i64, place: usize, step: u32) {
        let running = self.attacks[place].clone();
        let end = self.start_ns + i64::from(running.plan.start_s + running.plan.length_s) * SECOND;
        if now >= end {
            return;
        }
        let (victim, source) = (self.devices[running.victim].end, self.devices[running.source].end);
        match running.plan.kind {
            AttackKind::ArpInterception => {
                let gateway = self.end_of("gateway");
                self.send(now, arp(2, (source.mac, gateway.ip), (victim.mac, victim.ip), victim.mac));
                self.send(
                    now + STEP_NS,
                    arp(2, (source.mac, victim.ip), (gateway.mac, gateway.ip), gateway.mac),
                );
                self.schedule(now + 2 * SECOND, Due::Attack(place, step + 1));
            }
            AttackKind::Flood => {
                let from = End { port: self.chance.random_range(1_024..65_000), ..source };
                let from = if running.spoofed {
                    End { ip: Ipv4Addr::from(self.chance.random_range(0x0b00_0000..0x6000_0000_u32)), ..from }
                } else {
                    from
                };
                let (identification, sequence) = (self.chance.random(), self.chance.random());
                let frame = if running.datagrams {
                    udp(from.at(40_000), victim.at(5_000), identification, &[0x41; 64])
                } else {
                    let syn = Tcp { sequence, acknowledgment: 0, flags: 2, window: 512 };
                    tcp(from, victim.at(104), identification, syn, &[])
                };
                self.send(now, frame);
                self.schedule(now + FLOOD_STEP_NS, Due::Attack(place, step + 1));
            }
            // Made by the monitor itself: see its vital signs.
            AttackKind::PatientSwap => {}
        }
    }
}
