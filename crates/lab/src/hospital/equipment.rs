//! Which devices stand where.

use std::net::Ipv4Addr;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::devices::{ANALYZERS, DESKS, Device, Duty, MODALITIES, MONITORS, PRINTERS, PUMPS, SERVERS};

/// Beds of each ward.
pub(super) const WARDS: &[(&str, usize)] = &[("ICU", 8), ("MED", 7), ("SURG", 6)];

/// The devices of a hospital.
pub(super) fn equip(chance: &mut ChaCha8Rng) -> Vec<Device> {
    let (site, house) = (chance.random_range(1..250_u8), chance.random_range(1..250_u8));
    let mut host = 0_u8;
    let mut number: u32 = chance.random();
    let mut devices = Vec::new();
    let mut next = || {
        host += 1;
        number = number.wrapping_add(1);
        (number, Ipv4Addr::new(10, site, house, host))
    };
    for (_, kind) in SERVERS {
        let (number, ip) = next();
        devices.push(kind.make(number, ip, "IT", Duty::Server));
    }
    let mut bed = 0;
    for (ward, beds) in WARDS {
        for _ in 0..*beds {
            let (number, ip) = next();
            devices.push(MONITORS[chance.random_range(0..MONITORS.len())].make(
                number,
                ip,
                ward,
                Duty::Monitor(bed),
            ));
            if chance.random_bool(0.6) {
                let (number, ip) = next();
                devices.push(PUMPS[chance.random_range(0..PUMPS.len())].make(
                    number,
                    ip,
                    ward,
                    Duty::Pump(bed),
                ));
            }
            bed += 1;
        }
        for _ in 0..4 {
            let (number, ip) = next();
            devices.push(DESKS[chance.random_range(0..DESKS.len())].make(number, ip, ward, Duty::Desk));
        }
        let (number, ip) = next();
        devices.push(PRINTERS[0].make(number, ip, ward, Duty::Printer));
    }
    for (modality, kind) in MODALITIES {
        let (number, ip) = next();
        devices.push(kind.make(number, ip, "imaging", Duty::Modality(modality)));
    }
    for kind in ANALYZERS {
        let (number, ip) = next();
        devices.push(kind.make(number, ip, "laboratory", Duty::Analyzer));
    }
    for place in ["pharmacy", "pharmacy", "IT", "IT"] {
        let (number, ip) = next();
        devices.push(DESKS[0].make(number, ip, place, Duty::Desk));
    }
    devices
}
