//! What is told of conversations of software that we did not write; see `recorded/README.md`.

use wardline_model::fact::{ControlOperation, DicomFact, RecordVerb};
use wardline_model::{Fact, Label, Protocol};
use wardline_wire::Direction::{Backward, Forward};

use super::STREAM;
use crate::application::driver;

fn facts(client: &[u8], server: &[u8]) -> Vec<Fact> {
    let pieces = [(Forward, client), (Backward, server)];
    let (whole, _) = driver::stream(&STREAM, &pieces, usize::MAX);
    for size in [1, 61, 1460] {
        assert_eq!(driver::stream(&STREAM, &pieces, size).0, whole, "{size}");
    }
    let text = format!("{whole:?}");
    for canary in ["Muster", "Eva", "X-4711", "X-0047", "19700228"] {
        assert!(!text.contains(canary), "a canary got out");
    }
    whole
}

#[test]
fn the_provider_and_consumer_of_sdc11073() {
    let facts = facts(
        include_bytes!("recorded/sdc11073-consumer.http"),
        include_bytes!("recorded/sdc11073-provider.http"),
    );
    let identities: Vec<_> = facts
        .iter()
        .filter_map(|fact| if let Fact::Identity(told) = fact { Some(told) } else { None })
        .collect();
    let named = |text: &str| Some(Label::new(text));
    let model = identities.iter().find(|told| told.device.field.as_str().starts_with("ThisModel")).unwrap();
    assert_eq!(model.device.manufacturer, named("Example Medical"));
    assert_eq!(model.device.model, named("Bedside 7"));
    assert_eq!((&model.device.firmware, &model.device.serial), (&named("4.2.1"), &named("SN-0815")));
    let system = identities.iter().find(|told| told.device.field.as_str() == "MdsDescriptor").unwrap();
    assert_eq!(system.device.udi, named("09506000134352"));
    assert_eq!(system.description, named("MDC 69965"));
    assert_eq!(system.device.firmware, named("4.2.1"));
    let value =
        facts.iter().find_map(|fact| if let Fact::Measurement(value) = fact { Some(value) } else { None });
    let value = value.unwrap();
    assert_eq!((value.code.as_str(), value.value), ("150456", 98.0));
    assert!(facts.iter().any(|fact| matches!(fact, Fact::Alarm(alarm)
        if alarm.event.as_str() == "196674" && alarm.priority == named("Hi"))));
    let controls: Vec<_> = facts
        .iter()
        .filter_map(|fact| if let Fact::Control(control) = fact { Some(control) } else { None })
        .collect();
    assert_eq!((controls[0].operation, &controls[0].object), (ControlOperation::Write, &named("op.limit")));
    let actions: Vec<_> = facts
        .iter()
        .filter_map(|fact| if let Fact::Sdc(sdc) = fact { Some(sdc.action.as_str()) } else { None })
        .collect();
    for action in ["Subscribe", "GetMdib", "GetMdibResponse", "Unsubscribe"] {
        assert!(actions.contains(&action), "{action}: {actions:?}");
    }
    assert!(
        facts.iter().any(|fact| matches!(fact, Fact::PatientData(data) if data.protocol == Protocol::Sdc))
    );
}

#[test]
fn a_report_of_sdc11073_without_its_description() {
    let facts = facts(include_bytes!("recorded/sdc11073-report.http"), b"");
    let value =
        facts.iter().find_map(|fact| if let Fact::Measurement(value) = fact { Some(value) } else { None });
    let value = value.unwrap();
    assert_eq!((value.code.as_str(), value.value), ("numeric.spo2", 97.0));
    assert_eq!(value.system, Some(Label::new("handle")));
    assert!(value.time.is_some());
}

#[test]
fn orthanc_and_its_dicomweb() {
    let facts =
        facts(include_bytes!("recorded/orthanc-client.http"), include_bytes!("recorded/orthanc-server.http"));
    let verbs: Vec<_> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::RecordAccess(access) => Some((access.verb, access.resource.as_str(), access.status)),
            _ => None,
        })
        .collect();
    let ok = Some(200);
    assert_eq!(
        verbs,
        [
            (RecordVerb::Create, "study", ok),
            (RecordVerb::Search, "study", ok),
            (RecordVerb::Read, "metadata", ok),
            (RecordVerb::Read, "instance", ok),
            (RecordVerb::Read, "instance", ok),
        ]
    );
    let equipped = facts
        .iter()
        .filter(|fact| {
            matches!(fact, Fact::Dicom(dicom) if matches!(dicom.as_ref(), DicomFact::Dataset(dataset)
                if dataset.device.serial == Some(Label::new("SN12"))
                    && dataset.device.firmware == Some(Label::new("3.1"))
                    && dataset.modality == Some(Label::new("CT"))
                    && dataset.patient.is_some()))
        })
        .count();
    // Stored, described, taken as a part, taken alone.
    assert_eq!(equipped, 4);
}
