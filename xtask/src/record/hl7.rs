//! HL7 over MLLP: the sender and the receiver of the Python library `hl7`.

use anyhow::Result;

use super::network::Network;
use super::people::{PEOPLE, Person};
use super::plan::{Plan, StationPlan, station};

const STATIONS: &[StationPlan] = &[
    station("engine", 12, "integration-engine", &["python3-hl7"]),
    station("record", 23, "ehr", &["python3-hl7"]),
    station("monitor", 24, "patient-monitor", &["python3-hl7"]),
];

/// Admissions, an order, and results, each acknowledged.
pub(super) const PLAN: Plan = Plan {
    name: "hl7-mllp",
    what: "the client of the Python library hl7 admits two patients (ADT^A01), orders an examination (ORM^O01), reports vital signs (ORU^R01) \
           and discharges (ADT^A03) to a receiver made of hl7.mllp, which acknowledges each",
    stations: STATIONS,
    names_addresses: false,
    play,
};

/// The receiver, as its library's manual shows it.
const RECEIVER: &str = include_str!("mllp_receiver.py");
/// A sender of the library's client. Its `mllp_send` takes away the end of the last segment.
const SENDER: &str = include_str!("mllp_sender.py");

fn header(sender: &str, kind: &str, control: u32) -> String {
    format!(
        "MSH|^~\\&|{sender}|WARD3|ENGINE|HOSPITAL|202603020730{control:02}||{kind}|WLM{control:05}|P|2.5.1\r"
    )
}

fn identification(person: &Person) -> String {
    let Person { family, given, number, birth_date, sex, .. } = person;
    format!("PID|1||{number}^^^HOSPITAL^MR||{family}^{given}||{birth_date}|{sex}\r")
}

fn visit(person: &Person, bed: &str) -> String {
    format!("PV1|1|I|{bed}||||||||||||||||{}\r", person.visit)
}

fn event(kind: &str, person: &Person, bed: &str, control: u32) -> String {
    let event = kind.split('^').nth(1).unwrap_or_default();
    format!(
        "{}EVN|{event}|20260302073000\r{}{}",
        header("RECORD", kind, control),
        identification(person),
        visit(person, bed)
    )
}

fn order(person: &Person, control: u32) -> String {
    format!(
        "{}{}ORC|NW|{accession}^RECORD\rOBR|1|{accession}^RECORD||71250^CT THORAX^C4|||20260302080000\r",
        header("RECORD", "ORM^O01^ORM_O01", control),
        identification(person),
        accession = person.accession
    )
}

fn vital_signs(person: &Person, bed: &str, control: u32) -> String {
    format!(
        "{}{}{}OBR|1||R{control}^MONITOR|182777000^monitoring of patient^SCT|||20260302073100\r\
         OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|72|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||20260302073100||||02005E000218^^02005E000218^EUI-48\r\
         OBX|2|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.2.1.1|97|262688^MDC_DIM_PERCENT^MDC|||||F|||20260302073100\r",
        header("MONITOR", "ORU^R01^ORU_R01", control),
        identification(person),
        visit(person, bed)
    )
}

fn play(network: &mut Network) -> Result<()> {
    let receiver = network.file("receiver.py", RECEIVER)?;
    let sender = network.file("sender.py", SENDER)?;
    network.serve("engine", "/usr/bin/python3", &[&receiver, "2575"])?;
    network.wait_for("engine", 't', 2_575)?;
    let [first, second] = &PEOPLE;
    let (bed, other_bed) = ("WARD3^R301^1", "WARD3^R302^1");
    let messages = [
        ("record", event("ADT^A01^ADT_A01", first, bed, 1) + &event("ADT^A01^ADT_A01", second, other_bed, 2)),
        ("record", order(first, 3)),
        ("monitor", (4..9).map(|control| vital_signs(first, bed, control)).collect()),
        ("record", event("ADT^A03^ADT_A03", first, bed, 9)),
    ];
    for (count, (station, text)) in messages.iter().enumerate() {
        let file = network.file(&format!("message{count}.hl7"), text)?;
        network.run(station, "/usr/bin/python3", &[&sender, "192.0.2.12", "2575", &file])?;
    }
    Ok(())
}
