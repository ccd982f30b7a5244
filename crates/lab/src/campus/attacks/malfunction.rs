//! A device loses its settings, or is told to stop.

use rand::RngExt as _;
use wardline_model::Attack::NodeMalfunction;

use super::{Made, Role, Variant, crude, stealthy};
use crate::campus::day::{MODBUS, MQTT};
use crate::campus::{Campus, SECOND};
use crate::speech::{control, telemetry};

pub(super) const VARIANTS: &[Variant] = &[
    crude(NodeMalfunction, "settings-erased-over-snmp", snmp),
    crude(NodeMalfunction, "kept-settings-deleted", retained),
    crude(NodeMalfunction, "registers-overwritten", registers),
    crude(NodeMalfunction, "factory-reset-over-web", web),
    crude(NodeMalfunction, "restarted-over-bacnet", bacnet),
    stealthy(NodeMalfunction, "one-limit-changed", limit),
];

fn snmp(campus: &mut Campus, now: i64, _: i64) -> Made {
    let victim = campus.one_with(|role| matches!(role, Role::Modality(_)));
    let intruder = campus.intrude(0);
    let mut number = 0_u16;
    campus.every(now, SECOND, now + 6 * SECOND, move |campus, now| {
        number += 1;
        let arcs = [1, 3, 6, 1, 4, 1, 2_021, 7, u32::from(number), 0];
        let ask = telemetry::snmp("private", telemetry::Request::Set, number, &arcs, Some(""));
        let answer = telemetry::snmp("private", telemetry::Request::Response, number, &arcs, Some(""));
        campus.ask(now, intruder, (victim, 161), &ask, &answer);
    });
    Made { victims: vec![victim], sources: vec![intruder], ..Made::default() }
}

fn retained(campus: &mut Campus, now: i64, _: i64) -> Made {
    let (broker, intruder) = (campus.the(Role::Broker), campus.intrude(0));
    let word = ["config", "alarm/limits", "settings/contact", "threshold"][campus.chance.random_range(0..4)];
    let mut number = 0;
    campus.every(now, SECOND, now + 6 * SECOND, move |campus, now| {
        number += 1;
        let said = [
            (true, telemetry::connect("tool", 60, None)),
            (false, telemetry::connected(0)),
            (true, telemetry::publish(&format!("devices/bed{number}/{word}"), b"", true)),
        ];
        campus.talk(now, intruder, (broker, MQTT), &said);
    });
    Made { victims: vec![broker], sources: vec![intruder], ..Made::default() }
}

fn registers(campus: &mut Campus, now: i64, _: i64) -> Made {
    let (chiller, intruder) = (campus.the(Role::Chiller), campus.intrude(0));
    let mut register = 0_u16;
    campus.every(now, SECOND / 4, now + 12 * SECOND, move |campus, now| {
        register += 8;
        let (ask, answer) = control::modbus_write(register, register, &[0; 8]);
        campus.talk(now, intruder, (chiller, MODBUS), &[(true, ask), (false, answer)]);
    });
    Made { victims: vec![chiller], sources: vec![intruder], ..Made::default() }
}

fn medical(campus: &mut Campus) -> usize {
    let devices = campus.reporters(|role| matches!(role, Role::Monitor | Role::Pump | Role::Ventilator));
    campus.pick(&devices)
}

fn web(campus: &mut Campus, now: i64, _: i64) -> Made {
    let (device, intruder) = (medical(campus), campus.intrude(0));
    let path = ["/api/v1/factory-reset", "/cgi-bin/restore_defaults", "/device/config/erase"]
        [campus.chance.random_range(0..3)];
    let said = [
        (true, control::web_request("POST", path, "device", "curl/7.88.1", "{}")),
        (false, control::web_answer("200 OK", "lighttpd", "{\"ok\":true}")),
    ];
    campus.talk(now, intruder, (device, 80), &said);
    Made { victims: vec![device], sources: vec![intruder], ..Made::default() }
}

fn bacnet(campus: &mut Campus, now: i64, _: i64) -> Made {
    let (controller, intruder) = (campus.the(Role::Chiller), campus.intrude(0));
    campus.ask(
        now,
        intruder,
        (controller, 47_808),
        &control::bacnet_read(1, 3),
        &control::bacnet_done(1, 12),
    );
    let mut invoke = 1_u8;
    campus.every(now + SECOND / 2, SECOND / 5, now + 6 * SECOND, move |campus, now| {
        invoke = invoke.wrapping_add(1);
        let ask = control::bacnet_write(invoke, u16::from(invoke), 0.0);
        campus.ask(now, intruder, (controller, 47_808), &ask, &control::bacnet_done(invoke, 15));
    });
    campus.at(now + 6 * SECOND, move |campus, now| {
        campus.ask(
            now,
            intruder,
            (controller, 47_808),
            &control::bacnet_restart(99),
            &control::bacnet_done(99, 20),
        );
    });
    Made { victims: vec![controller], sources: vec![intruder], ..Made::default() }
}

fn limit(campus: &mut Campus, now: i64, _: i64) -> Made {
    let (device, intruder) = (medical(campus), campus.intrude(0));
    let said = [
        (
            true,
            control::web_request("PUT", "/api/v1/alarm/limits", "device", "Mozilla/5.0", "{\"hr_high\":250}"),
        ),
        (false, control::web_answer("200 OK", "lighttpd", "{}")),
    ];
    campus.talk(now, intruder, (device, 80), &said);
    Made { victims: vec![device], sources: vec![intruder], ..Made::default() }
}
