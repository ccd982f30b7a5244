//! HL7 v2.6 over MLLP: admissions, vital signs, laboratory results, acknowledgments.

use wardline_model::Timestamp;

use crate::patients::Patient;

/// A message in its block.
fn block(segments: &[String]) -> Vec<u8> {
    let mut bytes = vec![0x0b];
    for segment in segments {
        bytes.extend(segment.as_bytes());
        bytes.push(b'\r');
    }
    bytes.extend([0x1c, b'\r']);
    bytes
}

fn header(sender: &str, receiver: &str, kind: &str, time: &str, control: &str) -> String {
    format!("MSH|^~\\&|{sender}|HOSP|{receiver}|HOSP|{time}||{kind}|{control}|P|2.6")
}

fn pid(patient: &Patient) -> String {
    format!(
        "PID|||{}^^^HOSP^MR||{}^{}||{}|U",
        patient.number, patient.family, patient.given, patient.birth_date
    )
}

/// ADT: `event` is A01, A02, A03 …
pub(crate) fn admission(event: &str, patient: &Patient, bed: &str, time: &str, control: &str) -> Vec<u8> {
    block(&[
        header("ADT", "ENGINE", &format!("ADT^{event}^ADT_A01"), time, control),
        format!("EVN|{event}|{time}"),
        pid(patient),
        format!("PV1||I|{bed}||||||||||||||||{}", patient.visit),
    ])
}

/// One vital sign or result: code, name, value, unit.
pub(crate) type Measured = (&'static str, &'static str, f64, &'static str);

/// ORU by a device.
pub(crate) fn results(
    (sender, device): (&str, &str),
    patient: &Patient,
    bed: &str,
    time: &str,
    control: &str,
    measured: &[Measured],
) -> Vec<u8> {
    let mut segments = vec![
        header(sender, "ENGINE", "ORU^R01^ORU_R01", time, control),
        pid(patient),
        format!("PV1||I|{bed}"),
        format!("OBR|1|{control}|{control}|182777000^monitoring of patient^SCT|||{time}"),
    ];
    for (number, (code, name, value, unit)) in measured.iter().enumerate() {
        segments.push(format!(
            "OBX|{}|NM|{code}^{name}^MDC||{value:.1}|{unit}^{unit}^UCUM|||||F|||{time}||||{device}",
            number + 1
        ));
    }
    block(&segments)
}

/// ACK.
pub(crate) fn acknowledgment(receiver: &str, time: &str, control: &str) -> Vec<u8> {
    block(&[header("ENGINE", receiver, "ACK", time, &format!("A{control}")), format!("MSA|AA|{control}")])
}

/// `YYYYMMDDHHMMSS`, UTC.
pub(crate) fn time(time_ns: i64) -> String {
    let text = Timestamp::from_nanoseconds(time_ns).to_string();
    text.chars().filter(char::is_ascii_digit).take(14).collect()
}
