//! Scenes of messages about patients and of what devices say.

use wardline_model::fact::{
    AmbiguityKind, AmbiguousStream, DeviceIdentity, DicomDataset, DicomFact, Hl7Acknowledgment, Hl7Fact,
    Hl7Observation, Hl7Value, IntegrityFact, IntegrityFault, MeasurementFact, MqttFact, PatientLocation,
    PatientReference, TopicShape,
};
use wardline_model::{Category, Fact, MacAddress, Protocol, Station, Timestamp};

use super::wire::{START_SECONDS, Scene, Wire, label, outside, pseudonym, scene, station};

pub(crate) fn scene_of(rule: &str) -> Option<Scene> {
    Some(match rule {
        "patient-swap" => patient_swap(),
        "impossible-value" => scene(&[(7, Category::BuildingAutomation)], oximeter, |wire| {
            wire.tell(7, 20, reading(140.0));
        })
        .or(|wire| wire.tell(7, 20, reading(96.0))),
        "impossible-jump" => in_the_way(|wire| beats(wire, 12, |_| 190.0)).or(|wire| {
            wire.tell(7, 20, overlap());
            beats(wire, 12, |number| 70.0 + f64::from(number % 7));
        }),
        "living-signal-stands-still" => in_the_way(|wire| beats(wire, 240, |_| 75.0)),
        "two-hearts" => scene(
            MONITOR,
            |wire| hearts(wire, 40, 0.0),
            |wire| {
                wire.tell(7, 20, overlap());
                hearts(wire, 40, 40.0);
            },
        ),
        "bent-frame" => {
            let bent = |accepted| {
                let place = label("frame 3");
                let fault = IntegrityFault::Altered;
                Fact::Integrity(Box::new(IntegrityFact { protocol: Protocol::Astm, fault, place, accepted }))
            };
            scene(&[], |_| (), move |wire| wire.tell(7, 20, bent(true)))
                .or(move |wire| wire.tell(7, 20, bent(false)))
        }
        "contradicting-bytes" => scene(&[], |_| (), |wire| wire.tell(7, 20, overlap())),
        "one-identifier-two-contents" => {
            let usual = |wire: &mut Wire| report(wire, 7, 0..6, 1_000);
            let other_way = Station { mac: Some(MacAddress([0x00, 0x09, 0xfb, 0, 0, 66])), ..station(7) };
            let again = move |wire: &mut Wire, value: f64| {
                let fact = result("a", "7-5", "147842", value, None);
                wire.between(other_way, station(20), Fact::Hl7(Box::new(fact)));
            };
            // The newest message of all, with another value and as it was.
            scene(MONITOR, usual, move |wire| again(wire, 180.0)).or(move |wire| again(wire, 75.0))
        }
        "program-in-message" => {
            let image = |executable| {
                let dataset = DicomDataset { executable, ..DicomDataset::default() };
                Fact::Dicom(Box::new(DicomFact::Dataset(Box::new(dataset))))
            };
            scene(&[], |_| (), move |wire| wire.tell(7, 20, image(true)))
                .or(move |wire| wire.tell(7, 20, image(false)))
        }
        "pseudo-sensor" => {
            let intrude = |wire: &mut Wire, owner: bool| {
                for number in 80..100 {
                    if owner {
                        report(wire, 7, number..number + 1, 2_000);
                    }
                    let fact = result("a", &format!("x{number}"), "147842", 140.0, Some(wire.now()));
                    wire.tell(66, 20, Fact::Hl7(Box::new(fact)));
                    wire.wait(3_000);
                }
            };
            let usual = |wire: &mut Wire| report(wire, 7, 0..80, 5_000);
            scene(&[(7, Category::BuildingAutomation)], usual, move |wire| intrude(wire, true)).or(
                move |wire| {
                    wire.wait(900_000);
                    intrude(wire, false);
                },
            )
        }
        "one-identity-two-places" => {
            let connect = |wire: &mut Wire, device: u8| {
                let fact = MqttFact::Connect {
                    level: 4,
                    client: label("bedside-monitor-5"),
                    keep_alive_s: 60,
                    clean: true,
                    will: None,
                    has_account: false,
                };
                wire.tell(device, 20, Fact::Mqtt(Box::new(fact)));
                wire.wait(5_000);
            };
            scene(
                &[],
                move |wire| (0..5).for_each(|_| connect(wire, 7)),
                move |wire| {
                    for _ in 0..6 {
                        connect(wire, 66);
                        connect(wire, 7);
                    }
                },
            )
            .or(move |wire| {
                wire.wait(3_600_000);
                (0..6).for_each(|_| connect(wire, 66));
            })
        }
        "message-sent-again" => scene(
            MONITOR,
            |wire| report(wire, 7, 0..40, 5_000),
            |wire| {
                for number in 0..6 {
                    let then = Timestamp::from_seconds(START_SECONDS + 5 * i64::from(number));
                    let old = usual_result(number, then);
                    let from = Station { port: 2_222, ..station(7) };
                    wire.between(from, station(20), Fact::Hl7(Box::new(old)));
                    wire.wait(500);
                }
            },
        )
        .or(|wire| report(wire, 7, 40..46, 500)),
        "results-sent-again" => {
            let usual = |wire: &mut Wire| report(wire, 7, 0..30, 5_000);
            scene(MONITOR, usual, |wire| {
                for number in 0..4_u32 {
                    let then = Timestamp::from_seconds(START_SECONDS + 5 * i64::from(number));
                    let value = 70.0 + f64::from(number % 7);
                    let old = result("a", &format!("new{number}"), "147842", value, Some(then));
                    wire.tell(7, 20, Fact::Hl7(Box::new(old)));
                    wire.wait(700);
                }
            })
            .or(|wire| report(wire, 7, 30..34, 700))
        }
        "new-recipient" => scene(
            MONITOR,
            |wire| report(wire, 7, 0..150, 5_000),
            |wire| {
                for number in 150..160 {
                    let fact = usual_result(number, wire.now());
                    wire.between(station(7), outside(), Fact::Hl7(Box::new(fact)));
                    wire.wait(5_000);
                }
            },
        ),
        "message-of-a-stranger" => {
            let broker = Station { port: 80, ..station(20) };
            let publish = move |wire: &mut Wire, from: u8, topic: &str, content: &str| {
                let fact = MqttFact::Publish {
                    topic: TopicShape { shape: label("ward/*/vitals"), topic: pseudonym(topic) },
                    retained: false,
                    duplicate: false,
                    quality: 0,
                    payload_bytes: 64,
                    content: pseudonym(content),
                };
                wire.between(station(from), broker, Fact::Mqtt(Box::new(fact)));
                wire.wait(3_000);
            };
            let usual = move |wire: &mut Wire| {
                (0..30).for_each(|number| publish(wire, 7, "bed 1", &format!("c{number}")));
            };
            scene(&[], usual, move |wire| {
                for number in 0..3 {
                    publish(wire, 66, "bed 1", &format!("evil{number}"));
                    publish(wire, 7, "bed 1", &format!("d{number}"));
                }
            })
            .or_all(move |wire| {
                for number in 0..30 {
                    publish(wire, 7, "bed 1", &format!("c{number}"));
                    publish(wire, 66, "bed 1", &format!("d{number}"));
                }
            })
        }
        "silence" => {
            const WARD: &[(u8, Category)] = &[
                (1, Category::PatientMonitor),
                (2, Category::PatientMonitor),
                (3, Category::PatientMonitor),
                (4, Category::PatientMonitor),
                (5, Category::PatientMonitor),
                (6, Category::PatientMonitor),
            ];
            let usual = |wire: &mut Wire| {
                for number in 0..30 {
                    for device in 1..=6 {
                        report(wire, device, number..number + 1, 800);
                    }
                }
            };
            // Somebody else is still heard, so the capture goes on.
            scene(WARD, usual, |wire| report(wire, 40, 0..30, 5_000))
        }
        _ => return None,
    })
}

const MONITOR: &[(u8, Category)] = &[(7, Category::PatientMonitor)];

/// A contradiction in a stream of device 7: somebody stands in its way.
fn overlap() -> Fact {
    let kind = AmbiguityKind::TcpOverlap;
    Fact::Ambiguous(AmbiguousStream { kind, offset: 100, length: 40, time_to_live_step: -5 })
}

/// A monitor whose readings are altered.
fn in_the_way(altered: impl Fn(&mut Wire)) -> Scene {
    scene(
        MONITOR,
        |wire| beats(wire, 40, |number| 70.0 + f64::from(number % 7)),
        |wire| {
            wire.tell(7, 20, overlap());
            altered(wire);
        },
    )
}

fn beats(wire: &mut Wire, count: u32, value: impl Fn(u32) -> f64) {
    for number in 0..count {
        let control = format!("{}-{number}", wire.milliseconds);
        let fact = result("a", &control, "147842", value(number), Some(wire.now()));
        wire.tell(7, 20, Fact::Hl7(Box::new(fact)));
        wire.wait(5_000);
    }
}

/// Heart rate and pulse of one patient.
fn hearts(wire: &mut Wire, count: u32, apart: f64) {
    for number in 0..count {
        let rate = 70.0 + f64::from(number % 7);
        let control = format!("{}-{number}", wire.milliseconds);
        let mut fact = result("a", &control, "147842", rate, Some(wire.now()));
        fact.observations.push(observed("149530", rate + apart, Some(wire.now())));
        wire.tell(7, 20, Fact::Hl7(Box::new(fact)));
        wire.wait(5_000);
    }
}

fn oximeter(wire: &mut Wire) {
    for number in 0..30 {
        wire.tell(7, 20, reading(95.0 + f64::from(number % 4)));
        wire.wait(2_400);
    }
}

fn reading(value: f64) -> Fact {
    Fact::Measurement(Box::new(MeasurementFact {
        protocol: Protocol::Mqtt,
        code: label("spo2"),
        system: None,
        value,
        unit: None,
        time: None,
        patient: None,
        location: None,
        device: Some(label("ox-1")),
    }))
}

fn observed(code: &str, value: f64, time: Option<Timestamp>) -> Hl7Observation {
    Hl7Observation {
        code: label(code),
        system: Some(label("MDC")),
        value_type: label("NM"),
        value: Hl7Value::Number(value),
        status: Some(label("F")),
        time,
        ..Hl7Observation::default()
    }
}

/// A result of one quantity for one patient.
pub(crate) fn result(
    patient: &str,
    control: &str,
    code: &str,
    value: f64,
    taken: Option<Timestamp>,
) -> Hl7Fact {
    Hl7Fact {
        message: label("ORU"),
        trigger: Some(label("R01")),
        sending_application: Some(label("BEDSIDE")),
        control: Some(pseudonym(control)),
        content: Some(pseudonym(&format!("{control} {patient} {value}"))),
        patient: Some(PatientReference {
            identifier: Some(pseudonym(patient)),
            ..PatientReference::default()
        }),
        observations: [observed(code, value, taken), observed("151562", value / 5.0, taken)]
            .into_iter()
            .collect(),
        ..Hl7Fact::default()
    }
}

fn usual_result(number: u32, taken: Timestamp) -> Hl7Fact {
    result("a", &format!("7-{number}"), "147842", 70.0 + f64::from(number % 7), Some(taken))
}

/// Results of one device, acknowledged; the value goes up and down a little.
fn report(wire: &mut Wire, device: u8, numbers: std::ops::Range<u32>, gap_ms: i64) {
    for number in numbers {
        let control = format!("{device}-{number}");
        let patient = if device == 7 { "a".to_owned() } else { format!("p{device}") };
        let value = 70.0 + f64::from(number % 7);
        let fact = result(&patient, &control, "147842", value, Some(wire.now()));
        wire.tell(device, 20, Fact::Hl7(Box::new(fact)));
        let answer = Hl7Fact {
            message: label("ACK"),
            acknowledgment: Some(Hl7Acknowledgment { code: label("AA"), message: pseudonym(&control) }),
            ..Hl7Fact::default()
        };
        wire.tell(20, device, Fact::Hl7(Box::new(answer)));
        wire.wait(gap_ms);
    }
}

/// Two patients in two beds; then one of them is reported in the bed of the other.
fn patient_swap() -> Scene {
    let patient = |number: u8| PatientReference {
        identifier: Some(pseudonym(&format!("M{number}"))),
        name: Some(pseudonym(&format!("N{number}"))),
        birth_date: Some(pseudonym(&format!("B{number}"))),
        ..PatientReference::default()
    };
    let send = move |wire: &mut Wire, from: u8, kind: (&str, &str), number: u8, place: u8| {
        let mut hl7 = Hl7Fact {
            message: label(kind.0),
            trigger: Some(label(kind.1)),
            patient: Some(patient(number)),
            location: Some(PatientLocation {
                unit: Some(label("ICU")),
                room: Some(label(&format!("R{place}"))),
                bed: Some(label("1")),
                facility: None,
            }),
            ..Hl7Fact::default()
        };
        if kind.0 == "ORU" {
            let identifier = Some(label(&format!("monitor-{place}")));
            hl7.devices.push(DeviceIdentity { identifier, ..DeviceIdentity::default() });
        }
        wire.tell(from, 5, Fact::Hl7(Box::new(hl7)));
        wire.wait(1_000);
    };
    let results = move |wire: &mut Wire, number: u8, place: u8| {
        send(wire, 20 + place, ("ORU", "R01"), number, place);
    };
    let usual = move |wire: &mut Wire| {
        send(wire, 4, ("ADT", "A01"), 1, 1);
        send(wire, 4, ("ADT", "A01"), 2, 2);
        wire.wait(600_000);
        for _ in 0..5 {
            results(wire, 1, 1);
            results(wire, 2, 2);
        }
    };
    scene(&[], usual, move |wire| (0..3).for_each(|_| results(wire, 2, 1))).or(move |wire| {
        send(wire, 4, ("ADT", "A02"), 2, 1);
        (0..3).for_each(|_| results(wire, 2, 1));
    })
}
