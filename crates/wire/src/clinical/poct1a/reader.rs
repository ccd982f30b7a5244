//! Messages out of documents that arrive in pieces, one behind the other.

use super::{Device, Event, Operator, Patient, Result};
use crate::clinical::hl7::time;
use crate::document::xml;
use crate::line::is_text;
use crate::{Direction, Sensitive, Verdict};

/// Types of messages, annex B section "Message types".
const TYPES: &[&[u8]] =
    &[b"HEL", b"DST", b"OBS", b"EVS", b"DTV", b"OPL", b"PTL", b"REQ", b"ACK", b"EOT", b"END", b"ESC", b"KPA"];
/// Longest text kept, bytes, and most topics or directives of one device.
const TEXT_BYTES_MAX: usize = 128;
const LIST_MAX: usize = 12;
/// Most results of one patient that wait for what is told behind them.
const RESULTS_MAX: usize = 64;

/// Reads one direction.
#[derive(Default)]
pub struct Reader {
    xml: xml::Reader,
    walk: Walk,
}

#[derive(Default)]
struct Walk {
    device: Device,
    patient: Patient,
    result: Option<Result>,
    /// A result without a number tells nothing.
    number: Option<f64>,
    results: Vec<Result>,
    observed: Option<i64>,
    /// Quality control and calibration have no patient.
    control: bool,
    operator: Operator,
    staff: bool,
    order: bool,
}

impl Reader {
    /// Feeds the next piece. False when it makes no sense any more.
    pub fn feed(&mut self, bytes: &[u8], tell: &mut dyn FnMut(Event)) -> bool {
        let walk = &mut self.walk;
        self.xml.feed(bytes, &mut |path, event| match event {
            xml::Event::Open(name, attributes) => {
                if path.is_empty() {
                    *walk = Walk::default();
                }
                walk.element(path.first().map_or("", String::as_str), name, attributes, tell);
            }
            xml::Event::Close(name, _) => walk.close(path, name, tell),
        });
        !self.xml.is_lost()
    }
}

fn value<'a>(attributes: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
}

fn short(text: &str) -> String {
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or_default().to_owned()
}

/// `2026-03-02T06:07:08-05:00` as HL7 writes it.
fn moment(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let plain: String = date.chars().filter(|letter| *letter != '-').collect();
    let rest = rest.strip_prefix('T').unwrap_or(rest);
    let zone = rest.find(['+', '-', 'Z']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at_checked(zone)?;
    let clock: String = clock.chars().filter(|letter| *letter != ':').collect();
    time::parse(format!("{plain}{clock}{}", zone.trim_start_matches('Z')).as_bytes())
}

/// The type of a message by the name of its outermost element.
fn message_type(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

impl Walk {
    fn element(
        &mut self,
        root: &str,
        name: &str,
        attributes: &[(String, String)],
        tell: &mut dyn FnMut(Event),
    ) {
        if name == "OBS" {
            self.result = Some(Result::default());
            self.number = None;
            return;
        }
        // Everything else that is read stands in an attribute.
        let Some(text) = value(attributes, "V") else { return };
        let own = || Some(short(text));
        let sensitive = || Some(Sensitive::new(short(text)));
        let add = |list: &mut Vec<String>| {
            if list.len() < LIST_MAX {
                list.push(short(text));
            }
        };
        match name {
            "DEV.device_id" => self.device.device_id = own(),
            "DEV.vendor_id" => self.device.vendor_id = own(),
            "DEV.model_id" => self.device.model_id = own(),
            "DEV.serial_id" => self.device.serial_id = own(),
            "DEV.manufacturer_name" => self.device.manufacturer_name = own(),
            "DEV.device_name" => self.device.device_name = own(),
            "DEV.hw_version" => self.device.hw_version = own(),
            "DEV.sw_version" => self.device.sw_version = own(),
            "DSC.connection_profile_cd" => self.device.connection_profile = own(),
            "DSC.topics_supported_cd" => add(&mut self.device.topics),
            "DSC.directives_supported_cd" => add(&mut self.device.directives),
            "DST.condition_cd" => tell(Event::Condition(short(text))),
            "DTV.command_cd" => tell(Event::Directive(short(text))),
            "SVC.role_cd" => self.control = text != "OBS",
            "SVC.observation_dttm" => self.observed = moment(text),
            "PT.patient_id" => self.patient.identifier = sensitive(),
            "PT.name" => self.patient.name = sensitive(),
            "PT.birth_date" => self.patient.birth_date = sensitive(),
            "PT.gender_cd" => self.patient.sex = true,
            "PT.location" => self.patient.location = own(),
            "OPR.operator_id" => {
                self.staff = true;
                self.operator.identifier = sensitive();
            }
            "ACC.password" if message_type(root) == "OPL" => self.operator.password = sensitive(),
            "ORD.ordering_provider_id" => self.staff = true,
            "ORD.order_id" | "ORD.universal_service_id" => self.order = true,
            _ => self.result(name, text, attributes),
        }
    }

    fn result(&mut self, name: &str, text: &str, attributes: &[(String, String)]) {
        let Some(result) = &mut self.result else { return };
        match name {
            "OBS.observation_id" => {
                result.code = short(text);
                result.system = value(attributes, "SN").map(short);
            }
            "OBS.value" => {
                self.number = text.parse().ok().filter(|number: &f64| number.is_finite());
                result.unit = value(attributes, "U").map(short);
            }
            "OBS.observation_dttm" => result.time = moment(text),
            _ => {}
        }
    }

    fn close(&mut self, path: &[String], name: &str, tell: &mut dyn FnMut(Event)) {
        match name {
            "OBS" => {
                if let (Some(mut result), Some(number)) = (self.result.take(), self.number.take())
                    && !self.control
                    && !result.code.is_empty()
                    && self.results.len() < RESULTS_MAX
                {
                    result.value = number;
                    result.time = result.time.or(self.observed);
                    result.patient = self.patient.clone();
                    self.results.push(result);
                }
            }
            "PT" => {
                if !self.control {
                    tell(Event::Patient(Box::new(self.patient.clone())));
                }
                self.patient = Patient::default();
            }
            // Who measured and who ordered stand behind the results.
            "SVC" => {
                for mut result in std::mem::take(&mut self.results) {
                    result.operator = self.staff;
                    result.order = self.order;
                    tell(Event::Result(Box::new(result)));
                }
                self.control = false;
                self.staff = false;
                self.order = false;
            }
            "OPR" => {
                let operator = std::mem::take(&mut self.operator);
                if path.first().is_some_and(|root| message_type(root) == "OPL") {
                    tell(Event::Operator(Box::new(operator)));
                }
            }
            _ if path.is_empty() => {
                let kind = message_type(name);
                if kind == "HEL" {
                    tell(Event::Hello(Box::new(std::mem::take(&mut self.device))));
                }
                tell(Event::End(short(kind)));
            }
            _ => {}
        }
    }
}

/// Whether the opening bytes of one direction are of such documents.
pub fn probe(_direction: Direction, bytes: &[u8]) -> Verdict {
    let mut rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    if rest.first().is_some_and(|byte| *byte != b'<') {
        return Verdict::NotMine;
    }
    // Declarations and comments before the outermost element.
    while let Some(inside) = rest.strip_prefix(b"<?").or_else(|| rest.strip_prefix(b"<!--")) {
        let Some(end) = memchr::memchr(b'>', inside) else {
            return if is_text(inside) { Verdict::Unsure } else { Verdict::NotMine };
        };
        rest = inside.get(end + 1..).unwrap_or_default().trim_ascii_start();
    }
    let Some(name) = rest.strip_prefix(b"<") else {
        return if rest.is_empty() { Verdict::Unsure } else { Verdict::NotMine };
    };
    let length = name.len().min(3);
    let kind = name.get(..length).unwrap_or_default();
    if !TYPES.iter().any(|known| known.starts_with(kind)) {
        return Verdict::NotMine;
    }
    match name.get(3..) {
        // The release, or the vendor whose own message it is.
        Some([b'.', b'R', b'0'..=b'9', ..]) => Verdict::Certain,
        Some([b'.', b'A'..=b'Z', ..] | [b'.'] | []) => Verdict::Unsure,
        Some(_) => Verdict::NotMine,
        None => Verdict::Unsure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Messages after annex B of an invented device about invented people.
    const STREAM: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<HEL.R01><HDR><HDR.control_id V=\"1\"/>\
        <HDR.version_id V=\"POCT1\"/></HDR><DEV><DEV.device_id V=\"00:00:5E:00:53:01\"/><DEV.vendor_id V=\"INV\"/>\
        <DEV.model_id V=\"BG-1\"/><DEV.serial_id V=\"SN0047\"/><DEV.hw_version V=\"A\"/><DEV.sw_version V=\"2.3.1\"/>\
        <DCP><DCP.application_timeout V=\"100\"/></DCP><DSC><DSC.connection_profile_cd V=\"CS\"/>\
        <DSC.topics_supported_cd V=\"DTV\"/><DSC.topics_supported_cd V=\"OP_LST_I\"/></DSC></DEV></HEL.R01>\
        <DST.R01><DST><DST.status_dttm V=\"2026-03-02T06:07:08-00:00\"/><DST.condition_cd V=\"R\"/></DST></DST.R01>\
        <OBS.R01><SVC><SVC.role_cd V=\"OBS\"/><SVC.observation_dttm V=\"2026-03-02T06:07:08-05:00\"/><PT>\
        <PT.patient_id V=\"4711\"/><PT.location V=\"ICU^R4^2\"/><OBS><OBS.observation_id V=\"2341-6\" DN=\"Glu\" SN=\"LN\"/>\
        <OBS.value V=\"145\" U=\"mg/dL\"/></OBS><OBS><OBS.observation_id V=\"Flu A\" SN=\"INV\"/>\
        <OBS.qualitative_value V=\"negative\"/></OBS></PT><OPR><OPR.operator_id V=\"nurse\"/></OPR></SVC>\
        <SVC><SVC.role_cd V=\"LQC\"/><CTC><OBS><OBS.observation_id V=\"2341-6\" SN=\"LN\"/><OBS.value V=\"90\"/></OBS></CTC>\
        </SVC></OBS.R01>";

    const HOST: &str = "<DTV.R02><DTV><DTV.command_cd V=\"SET_TIME\"/></DTV></DTV.R02><OPL.R01><OPR>\
        <OPR.operator_id V=\"5047\"/><ACC><ACC.password V=\"secret\"/></ACC></OPR></OPL.R01>\
        <PTL.R01><PT><PT.patient_id V=\"4711\"/><PT.name V=\"Muster, Eva\"/><PT.birth_date V=\"1970-02-20\"/></PT></PTL.R01>";

    fn told(pieces: &[&[u8]]) -> Vec<String> {
        let (mut reader, mut told) = (Reader::default(), Vec::new());
        let open = |text: Option<Sensitive<String>>| text.map(Sensitive::expose).unwrap_or_default();
        for piece in pieces {
            reader.feed(piece, &mut |event| {
                told.push(match event {
                    Event::Hello(device) => format!("hello {device:?}"),
                    Event::Condition(code) => format!("condition {code}"),
                    Event::Patient(patient) => format!(
                        "patient {} {} {}",
                        open(patient.identifier),
                        open(patient.name),
                        open(patient.birth_date)
                    ),
                    Event::Result(result) => format!(
                        "{} {:?} {} {:?} {:?} of {} at {:?} {}",
                        result.code,
                        result.system,
                        result.value,
                        result.unit,
                        result.time,
                        open(result.patient.identifier),
                        result.patient.location,
                        result.operator,
                    ),
                    Event::Operator(operator) => {
                        format!("operator {} {}", open(operator.identifier), open(operator.password))
                    }
                    Event::Directive(name) => format!("directive {name}"),
                    Event::End(kind) => format!("end {kind}"),
                });
            });
        }
        told
    }

    #[test]
    fn a_device_says_hello_and_sends_results() {
        let told = told(&[STREAM.as_bytes()]);
        for part in ["00:00:5E:00:53:01", "INV", "BG-1", "SN0047", "2.3.1", "\"CS\"", "OP_LST_I"] {
            assert!(told[0].contains(part), "{part}: {told:?}");
        }
        let time = time::parse(b"20260302110708").unwrap();
        assert_eq!(
            told[1..],
            [
                "end HEL".to_owned(),
                "condition R".to_owned(),
                "end DST".to_owned(),
                "patient 4711  ".to_owned(),
                format!(
                    "2341-6 Some(\"LN\") 145 Some(\"mg/dL\") Some({time}) of 4711 at Some(\"ICU^R4^2\") true"
                ),
                "end OBS".to_owned(),
            ]
        );
    }

    #[test]
    fn a_host_gives_directives_and_lists() {
        let expected = [
            "directive SET_TIME",
            "end DTV",
            "operator 5047 secret",
            "end OPL",
            "patient 4711 Muster, Eva 1970-02-20",
            "end PTL",
        ];
        assert_eq!(told(&[HOST.as_bytes()]), expected);
    }

    #[test]
    fn is_recognised_by_the_outermost_element() {
        let probe = |bytes: &[u8]| super::probe(Direction::Forward, bytes);
        assert_eq!(probe(STREAM.as_bytes()), Verdict::Certain);
        assert_eq!(probe(HOST.as_bytes()), Verdict::Certain);
        for front in ["", "\u{feff}", "<", "<?xml version", "<!-- a", "<H", "<OBS", "<OBS.", "<DTV.INVENTED"]
        {
            assert_eq!(probe(front.as_bytes()), Verdict::Unsure, "{front}");
        }
        for other in ["GET", "<html>", "<s:Envelope>", "<OBSERVATION>", "<?xml?>\n{", "<?\u{1}"] {
            assert_eq!(probe(other.as_bytes()), Verdict::NotMine, "{other}");
        }
    }

    proptest! {
        #[test]
        fn same_events_however_cut(
            bends in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            size in 1_usize..40,
        ) {
            let mut stream = [STREAM, HOST].concat().into_bytes();
            for (place, byte) in bends {
                *place.get_mut(&mut stream) = byte;
            }
            let pieces: Vec<&[u8]> = stream.chunks(size).collect();
            prop_assert_eq!(told(&[&stream]), told(&pieces));
        }
    }
}
