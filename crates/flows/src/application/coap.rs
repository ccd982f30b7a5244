//! CoAP: what small devices serve, what they measure, and who sets them.

use wardline_model::fact::{ControlFact, ControlOperation, DeviceIdentity, IdentityFact, IdentitySubject};
use wardline_model::{Bounded, Fact, Label, Protocol};
use wardline_wire::enterprise::coap::{Link, Message, Method, links};
use wardline_wire::enterprise::http::path_shape;
use wardline_wire::enterprise::recognition::probe_coap;

use super::telemetry::{self, Format};
use super::{Context, Datagram, FirstBytes, Progress};

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::Coap,
    ports: &[5683],
    first: FirstBytes::of(&[0x40..=0x7f]),
    probe: probe_coap,
    read,
    encrypted: false,
};

/// Content formats, RFC 7252 section 12.3 and RFC 8428 section 12.3.
const LINK_FORMAT: u16 = 40;
const CBOR: u16 = 60;
const SENML_CBOR: u16 = 112;

fn read(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    // What only looks like a message of its own tells nothing, but the next may.
    let Ok(message) = Message::parse(datagram) else { return Progress::Continue };
    let measured = payload(&message, context);
    if let Some(method) = message.method {
        // A device that reports its values gives no orders.
        if !measured {
            request(method, &message, context);
        }
    } else if let Some((class, _)) = message.answer.filter(|(class, _)| matches!(class, 2 | 4 | 5)) {
        let role = (class == 2).then(|| Label::new("coap server"));
        let found = if message.content_format == Some(LINK_FORMAT) {
            links(&message.payload.clone().expose())
        } else {
            Vec::new()
        };
        if role.is_some() && (measured || !found.is_empty()) {
            context.tell(Fact::Identity(Box::new(served(role, &found))));
        }
    }
    Progress::Continue
}

/// Reads what is carried; whether it told a measurement.
fn payload(message: &Message, context: &mut Context<'_>) -> bool {
    let payload = message.payload.clone().expose();
    if payload.is_empty() || message.content_format == Some(LINK_FORMAT) {
        return false;
    }
    let format = match message.content_format {
        Some(CBOR | SENML_CBOR) => Some(Format::Cbor),
        _ => telemetry::format(&payload),
    };
    match format {
        Some(format) => telemetry::document(format, &payload, Protocol::Coap, context),
        None => {
            let name = message.path.rsplit('/').next().unwrap_or_default();
            telemetry::single(name.as_bytes(), &payload, Protocol::Coap, context)
        }
    }
}

fn request(method: Method, message: &Message, context: &mut Context<'_>) {
    let operation = match method {
        Method::Get | Method::Fetch => ControlOperation::Read,
        Method::Put | Method::Patch => ControlOperation::Write,
        Method::Post => ControlOperation::Invoke,
        Method::Delete => ControlOperation::Erase,
    };
    let command =
        if message.observe { format!("{} Observe", method.name()) } else { method.name().to_owned() };
    context.tell(Fact::Control(Box::new(ControlFact {
        protocol: Protocol::Coap,
        operation,
        command: Label::new(&command),
        object: Some(Label::new(&path_shape(&message.path))).filter(|shape| shape.as_str() != "*"),
        objects: 1,
        // Without DTLS or OSCORE nobody proved who he is.
        authenticated: false,
        accepted: None,
    })));
}

/// A device that serves, with the kinds of its resources (RFC 6690 sections 3.1 and 3.2).
fn served(role: Option<Label>, found: &[Link]) -> IdentityFact {
    let mut attributes: Bounded<(Label, Label), 12> = Bounded::new();
    for link in found {
        let of = |name: &str| link.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        // A link of this relation names the software, and is no resource.
        if of("rel").is_some_and(|relation| relation == "impl-info") {
            attributes.push((Label::new("implementation"), Label::new(&link.target)));
            continue;
        }
        for (name, key) in [("resource type", "rt"), ("interface", "if")] {
            let pair = of(key).map(|value| (Label::new(name), Label::new(value)));
            if let Some(pair) = pair.filter(|pair| !attributes.contains(pair)) {
                attributes.push(pair);
            }
        }
        attributes.push((Label::new("resource"), Label::new(&path_shape(&link.target))));
    }
    IdentityFact {
        protocol: Protocol::Coap,
        subject: IdentitySubject::Sender,
        device: DeviceIdentity { field: Label::new("response"), ..DeviceIdentity::default() },
        name: None,
        description: None,
        role,
        attributes,
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    #[test]
    fn values_are_told_and_who_reports_them_gives_no_orders() {
        let report = b"\x41\x03\x00\x01\x07\xb6vitals\x11\x32\xff{\"hr\":72,\"patient_id\":\"X9\"}";
        let facts = driver::datagram(&DATAGRAM, report);
        assert!(
            matches!(&facts[0], Fact::Measurement(value) if value.value == 72.0 && value.patient.is_some())
        );
        assert!(!facts.iter().any(|fact| matches!(fact, Fact::Control(_))));
        let observed = b"\x61\x45\x00\x01\x07\x61\x02\x61\x3c\xff\xa1\x62hr\x18\x48";
        let facts = driver::datagram(&DATAGRAM, observed);
        assert!(matches!(&facts[0], Fact::Measurement(value) if value.value == 72.0));
        assert!(matches!(&facts[1], Fact::Identity(told) if told.role == Some(Label::new("coap server"))));
    }

    #[test]
    fn who_sets_a_device_is_told() {
        let facts = driver::datagram(&DATAGRAM, b"\x41\x03\x00\x01\x07\xb5limit\x04high\xff120");
        let [Fact::Control(control)] = facts.as_slice() else { panic!("{facts:?}") };
        assert_eq!(control.operation, ControlOperation::Write);
        assert_eq!(control.object, Some(Label::new("/limit/high")));
    }

    #[test]
    fn what_a_device_serves_is_told() {
        let answer = b"\x61\x45\x00\x01\x07\xc1\x28\xff</hr>;rt=\"heart-rate\";if=\"sensor\"";
        let facts = driver::datagram(&DATAGRAM, answer);
        let [Fact::Identity(told)] = facts.as_slice() else { panic!("{facts:?}") };
        assert!(told.attributes.contains(&(Label::new("resource type"), Label::new("heart-rate"))));
        assert!(told.attributes.contains(&(Label::new("resource"), Label::new("/hr"))));
    }

    /// Answers of a server of aiocoap 0.4.17 (PyPI), recorded on loopback: `.well-known/core`, an observed resource in
    /// SenML, one in CBOR; and what a client asked for.
    #[test]
    fn a_server_of_aiocoap() {
        let core = b"bE\x89#\x06\r\xc1(\xff</.well-known/core>;ct=\"40\",</vitals>;rt=\"heart-rate\";if=\"sensor\";obs,</spo2>,\
            <https://christian.amsuess.com/tools/aiocoap/#version-0.4.17>;rel=\"impl-info\"";
        let facts = driver::datagram(&DATAGRAM, core);
        let [Fact::Identity(told)] = facts.as_slice() else { panic!("{facts:?}") };
        let implementation = told.attributes.iter().find(|(name, _)| name.as_str() == "implementation");
        assert!(implementation.unwrap().1.as_str().ends_with("version-0.4.17"));
        assert!(told.attributes.contains(&(Label::new("resource type"), Label::new("heart-rate"))));
        let observed = b"bE\x89$\x06\x0e`an\xff[{\"bn\": \"urn:dev:mac:0024befffe804ff1/\", \"n\": \"hr\", \"u\": \"beat/min\", \"v\": 72}]";
        let facts = driver::datagram(&DATAGRAM, observed);
        assert!(matches!(&facts[0], Fact::Measurement(value) if value.value == 72.0
            && value.unit == Some(Label::new("beat/min")) && value.device == Some(Label::new("urn:dev:mac:0024befffe804ff1"))));
        let binary = b"bE\x89%\x06\x0f\xc1<\xff\xa2dspo2\xfb@X`\x00\x00\x00\x00\x00jpatient_idfX-0047";
        let facts = driver::datagram(&DATAGRAM, binary);
        assert!(
            matches!(&facts[0], Fact::Measurement(value) if value.value == 97.5 && value.patient.is_some())
        );
        assert!(facts.iter().any(|fact| matches!(fact, Fact::PatientData(_))));
        assert!(!format!("{facts:?}").contains("0047"));
        let asked = driver::datagram(&DATAGRAM, b"B\x01\x89$\x06\x0e`Vvitals");
        assert!(matches!(&asked[0], Fact::Control(control) if control.command.as_str() == "GET Observe"));
    }
}
