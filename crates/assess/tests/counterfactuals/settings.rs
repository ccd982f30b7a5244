//! Scenes of settings, alarms, routes and radio.

use std::net::{IpAddr, Ipv4Addr};

use wardline_model::fact::{
    AlarmFact, ControlFact, ControlOperation, DeviceIdentity, IdentityFact, IdentitySubject, MqttFact,
    RadioLinkEvent, RadioLinkFact, RoutingFact, RoutingKind, SdcFact, SnmpBinding, SnmpFact, SnmpOperation,
    SnmpSecurity, SnmpValue, TopicShape,
};
use wardline_model::{Bounded, Category, Fact, Protocol, RadioAddress, Station};

use super::wire::{Scene, Wire, label, pseudonym, scene, scene_over, station};

pub(crate) fn scene_of(rule: &str) -> Option<Scene> {
    Some(match rule {
        "commanded" => {
            let usual = |wire: &mut Wire| {
                for _ in 0..100 {
                    wire.tell(30, 7, control(Protocol::Modbus, ControlOperation::Read, false));
                    wire.wait(4_000);
                }
            };
            scene(&[(7, Category::InfusionPump)], usual, |wire| {
                wire.tell(66, 7, control(Protocol::Modbus, ControlOperation::Erase, false));
            })
        }
        "settings-written" => scene(
            &[],
            |_| (),
            |wire| {
                for target in 100..106 {
                    wire.tell(66, target, erase());
                    wire.wait(500);
                }
            },
        ),
        "kept-settings-deleted" => {
            let publish = |payload_bytes| {
                Fact::Mqtt(Box::new(MqttFact::Publish {
                    topic: TopicShape { shape: label("ward/pump/alarm-limits"), topic: pseudonym("t") },
                    retained: true,
                    duplicate: false,
                    quality: 1,
                    payload_bytes,
                    content: pseudonym("x"),
                }))
            };
            scene(&[], |_| (), move |wire| wire.tell(66, 20, publish(0)))
                .or(move |wire| wire.tell(66, 20, publish(12)))
        }
        "alarm-lost-on-order" => scene(&[], ward, |wire| {
            wire.tell(66, 1, control(Protocol::Sdc, ControlOperation::Configure, false));
            wire.wait(2_000);
            wire.tell(1, 20, alarm("Off"));
        }),
        "alarms-off-together" => scene(&[], ward, |wire| {
            for device in 1..=6 {
                wire.tell(device, 20, alarm("Off"));
                wire.wait(4_000);
            }
        }),
        "sequence-of-another" => {
            let both = |wire: &mut Wire, forged: u64| {
                for version in 10..20 {
                    wire.tell(1, 20, told(version));
                    wire.tell(66, 20, told(version + forged));
                    wire.wait(5_000);
                }
            };
            let usual = |wire: &mut Wire| {
                for version in 1..10 {
                    wire.tell(1, 20, told(version));
                    wire.wait(5_000);
                }
            };
            scene(&[], usual, move |wire| both(wire, 500)).or(move |wire| both(wire, 0))
        }
        "new-root-bridge" => scene_over(None, &[], tree, |wire| {
            bridge(wire, 66, (FORGED, FORGED));
            bridge(wire, 2, (SWITCH, FORGED));
        }),
        "leadership-fought-over" => scene_over(None, &[], tree, |wire| {
            for _ in 0..4 {
                bridge(wire, 2, (SWITCH, FORGED));
                bridge(wire, 2, (SWITCH, ROOT));
            }
        }),
        "new-leading-router" => {
            let hello = |wire: &mut Wire, from: u8, priority: u32| {
                let address = IpAddr::V4(Ipv4Addr::new(10, 20, 3, 254));
                let fact = RoutingFact {
                    leads: true,
                    group: Some(label("7")),
                    priority: Some(priority),
                    addresses: std::iter::once(address).collect(),
                    ..routing(Protocol::Vrrp, RoutingKind::Hello)
                };
                wire.tell(from, 18, Fact::Routing(Box::new(fact)));
                wire.wait(400_000);
            };
            scene_over(None, &[], move |wire| hello(wire, 250, 110), move |wire| hello(wire, 66, 255))
        }
        "new-router" => {
            let announce = |wire: &mut Wire, from: u8| {
                let fact = RoutingFact { default_route: true, ..routing(Protocol::Rip, RoutingKind::Routes) };
                wire.tell(from, 18, Fact::Routing(Box::new(fact)));
                wire.wait(400_000);
            };
            scene_over(None, &[], move |wire| announce(wire, 250), move |wire| announce(wire, 66))
        }
        "encryption-given-up" => {
            let order = |wire: &mut Wire, protected: bool| {
                link(wire, RadioLinkEvent::Connected { interval_us: 30_000 });
                let fact = control(Protocol::Ble, ControlOperation::Erase, protected);
                wire.between(phone(), sensor(), fact);
            };
            let usual = |wire: &mut Wire| {
                for _ in 0..3 {
                    link(wire, RadioLinkEvent::Connected { interval_us: 30_000 });
                    link(wire, RadioLinkEvent::Encrypted);
                    link(wire, RadioLinkEvent::Ended);
                }
            };
            scene_over(None, &[], usual, move |wire| order(wire, false)).or(move |wire| order(wire, true))
        }
        "one-radio-address-two-devices" => {
            let introduce = |wire: &mut Wire, serial: &str| {
                let identity = IdentityFact {
                    protocol: Protocol::Ble,
                    subject: IdentitySubject::Sender,
                    device: DeviceIdentity { serial: Some(label(serial)), ..DeviceIdentity::default() },
                    name: None,
                    description: None,
                    role: None,
                    attributes: Bounded::new(),
                };
                wire.between(sensor(), phone(), Fact::Identity(Box::new(identity)));
            };
            scene_over(None, &[], move |wire| introduce(wire, "SN-1"), move |wire| introduce(wire, "SN-2"))
                .or(move |wire| introduce(wire, "SN-1"))
        }
        _ => return None,
    })
}

fn control(protocol: Protocol, operation: ControlOperation, authenticated: bool) -> Fact {
    Fact::Control(Box::new(ControlFact {
        protocol,
        operation,
        command: label("Write"),
        object: Some(label("holding register 3")),
        objects: 1,
        authenticated,
        accepted: None,
    }))
}

fn erase() -> Fact {
    let binding = SnmpBinding { object: label("1.3.6.1.2.1.1.4.0"), value: SnmpValue::Text(label("")) };
    Fact::Snmp(Box::new(SnmpFact {
        version: 2,
        operation: SnmpOperation::Set,
        security: SnmpSecurity::Community,
        error: 0,
        bindings: std::iter::once(binding).collect(),
        engine: None,
    }))
}

fn alarm(activation: &str) -> Fact {
    Fact::Alarm(Box::new(AlarmFact {
        protocol: Protocol::Sdc,
        event: label("rate.limit"),
        name: None,
        source: None,
        phase: None,
        state: Some(label("false")),
        inactivation: Some(label(activation)),
        priority: None,
        kind: None,
        time: None,
        patient: None,
        location: None,
        device: None,
        limits: None,
    }))
}

fn ward(wire: &mut Wire) {
    for device in 1..=8 {
        wire.tell(device, 20, alarm("On"));
    }
    wire.wait(1_200_000);
}

fn told(version: u64) -> Fact {
    Fact::Sdc(Box::new(SdcFact {
        action: label("EpisodicMetricReport"),
        mdib_version: Some(version),
        sequence: Some(label("urn:uuid:0b6d1c0e-6f63-4d3a-8d3c-0c2ad9b7c7aa")),
    }))
}

fn routing(protocol: Protocol, kind: RoutingKind) -> RoutingFact {
    RoutingFact {
        protocol,
        kind,
        router: None,
        leader: None,
        leads: false,
        group: None,
        priority: None,
        addresses: Bounded::new(),
        routes: 0,
        default_route: false,
        authenticated: Some(false),
    }
}

const ROOT: &str = "4096/00:1c:0e:00:00:01";
const SWITCH: &str = "32768/00:1c:0e:00:00:02";
const FORGED: &str = "0/00:09:fb:00:00:42";

fn bridge(wire: &mut Wire, from: u8, (own, root): (&str, &str)) {
    let fact = RoutingFact {
        router: Some(label(own)),
        leader: Some(label(root)),
        leads: own == root,
        ..routing(Protocol::Stp, RoutingKind::Hello)
    };
    let from = Station { ip: None, port: 0, ..station(from) };
    wire.between(from, Station::default(), Fact::Routing(Box::new(fact)));
    wire.wait(5_000);
}

fn tree(wire: &mut Wire) {
    bridge(wire, 2, (SWITCH, ROOT));
    wire.wait(400_000);
    bridge(wire, 2, (SWITCH, ROOT));
}

fn sensor() -> Station {
    Station { radio: Some(RadioAddress::BleStatic([0xc1, 0, 0, 0, 0, 1])), ..Station::default() }
}

fn phone() -> Station {
    Station { radio: Some(RadioAddress::BlePrivate([0x41; 6])), ..Station::default() }
}

fn link(wire: &mut Wire, event: RadioLinkEvent) {
    wire.between(phone(), sensor(), Fact::RadioLink(RadioLinkFact { protocol: Protocol::Ble, event }));
    wire.wait(1_000);
}
