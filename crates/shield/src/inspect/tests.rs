use super::*;
use proptest::prelude::*;

fn guard(carried: Carried, rules: &str) -> (tempfile::TempDir, Arc<Guard>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rules.toml");
    std::fs::write(&path, rules).unwrap();
    let guard = Guard::open(carried, Some(&path)).unwrap();
    (directory, Arc::new(guard))
}

fn forward(inspector: &mut Inspector, bytes: &[u8]) -> Result<Bytes, Box<Refused>> {
    inspector.pass(Direction::Forward, Bytes::copy_from_slice(bytes))
}

const HL7: &[u8] =
    b"\x0bMSH|^~\\&|MON|ICU|EHR|H|20260101||ORU^R01|17|P|2.5\rPID|1||9^^^H\rOBX|1|NM|HR||72\r\x1c\r";

#[test]
fn hl7_is_allowed_by_type_and_sender() {
    let (_kept, guard) = guard(
        Carried::Hl7,
        "mode = \"enforce\"\n[allow]\nmessage_type = [\"ORU^R01\"]\nsender = [\"MON|ICU\"]\n",
    );
    let mut inspector = Inspector::new(&guard);
    let (front, back) = HL7.split_at(30);
    assert!(forward(&mut inspector, front).unwrap().is_empty(), "held until whole");
    assert_eq!(forward(&mut inspector, back).unwrap(), HL7);
    let other = String::from_utf8(HL7.to_vec()).unwrap().replace("ORU^R01", "ORM^O01");
    let refused = forward(&mut inspector, other.as_bytes()).unwrap_err();
    assert_eq!((refused.notice, refused.field), (Notice::Forbidden, "MSH-9"));
    assert_eq!(
        &refused.answer[..],
        b"\x0bMSH|^~\\&|EHR|H|MON|ICU|||ACK|17|P|2.5\rMSA|AR|17|refused by the shield\r\x1c\r"
    );
    assert!(!refused.value.contains("9^^^H"));
}

#[test]
fn programs_are_stopped_while_learning() {
    let guard = Arc::new(Guard::open(Carried::Hl7, None).unwrap());
    let with = |content: &str| {
        let text = String::from_utf8(HL7.to_vec()).unwrap();
        text.replace("|72", &format!("|APP^Octet-stream^Base64^{content}")).into_bytes()
    };
    let mut inspector = Inspector::new(&guard);
    assert!(forward(&mut inspector, &with("JVBERi0xLjQK")).is_ok());
    let refused = forward(&mut inspector, &with("f0VMRgIBAQA=")).unwrap_err();
    assert_eq!(refused.notice, Notice::Program);
    assert!(refused.value.contains("OBX"));
    let raw = Arc::new(Guard::open(Carried::Raw, None).unwrap());
    let mut file = b"\x7fELF".to_vec();
    file.resize(128, 0);
    file.extend(b"DICM\x02\0\0\0UL");
    assert_eq!(forward(&mut Inspector::new(&raw), &file).unwrap_err().notice, Notice::Program);
    file[0] = 0;
    assert!(forward(&mut Inspector::new(&raw), &file).is_ok());
}

#[test]
fn mqtt_is_allowed_by_client_and_topic() {
    let (_kept, guard) = guard(
        Carried::Mqtt,
        "mode = \"enforce\"\n[allow]\nclient = [\"pump-*\"]\npublish = [\"ward/+/hr\"]\n",
    );
    let connect = b"\x10\x12\x00\x04MQTT\x04\x02\x00\x3c\x00\x06pump-7";
    let mut inspector = Inspector::new(&guard);
    assert_eq!(forward(&mut inspector, connect).unwrap(), &connect[..]);
    assert!(forward(&mut inspector, b"\x30\x0d\x00\x09ward/7/hr72").is_ok());
    let refused = forward(&mut inspector, b"\x82\x06\x00\x01\x00\x01#\x00").unwrap_err();
    assert_eq!((refused.notice, refused.field), (Notice::Forbidden, "topic filter"));
    let mut stranger = Inspector::new(&guard);
    let refused = forward(&mut stranger, b"\x10\x12\x00\x04MQTT\x04\x02\x00\x3c\x00\x06evil-7").unwrap_err();
    assert_eq!(&refused.answer[..], [0x20, 2, 0, 5]);
    let early = forward(&mut Inspector::new(&guard), b"\x30\x0d\x00\x09ward/7/hr72").unwrap_err();
    assert_eq!(early.notice, Notice::NotTheProtocol, "no hello");
}

#[test]
fn http_is_allowed_by_method_and_path() {
    let (_kept, guard) =
        guard(Carried::Http, "mode = \"enforce\"\n[allow]\nrequest = [\"GET /fhir/Patient/*\"]\n");
    let mut inspector = Inspector::new(&guard);
    assert!(forward(&mut inspector, b"GET /fhir/Patient/7?x=y HTTP/1.1\r\nHost: h\r\n\r\n").is_ok());
    for wrong in ["DELETE /fhir/Patient/7", "GET /fhir/Patient/..%2fadmin", "GET /admin/JANE7"] {
        let head = format!("{wrong} HTTP/1.1\r\nHost: h\r\n\r\n");
        let refused = forward(&mut Inspector::new(&guard), head.as_bytes()).unwrap_err();
        assert!(
            refused.answer.starts_with(b"HTTP/1.1 403 ")
                && refused.answer.ends_with(b"\r\n\r\nrefused by the shield.\n")
        );
        assert!(!refused.value.contains("JANE7"), "{}", refused.value);
    }
    assert_eq!(
        forward(&mut Inspector::new(&guard), b"\x16\x03\x01\x00\x01\x01\r\n\r\n").unwrap_err().notice,
        Notice::NotTheProtocol
    );
}

fn association(calling: &[u8; 16]) -> Vec<u8> {
    let mut body = vec![0, 1, 0, 0];
    body.extend(b"PACS            ");
    body.extend(calling);
    body.extend([0; 32]);
    let mut pdu = vec![1, 0, 0, 0, 0, body.len() as u8];
    pdu.extend(body);
    pdu
}

fn command_pdu(field: u16, class: &[u8]) -> Vec<u8> {
    let mut set = Vec::new();
    let mut put = |element: u16, value: &[u8]| {
        set.extend([0, 0]);
        set.extend(element.to_le_bytes());
        set.extend((value.len() as u32).to_le_bytes());
        set.extend(value);
    };
    put(0x0002, class);
    put(0x0100, &field.to_le_bytes());
    let mut pdu = vec![4, 0];
    pdu.extend((set.len() as u32 + 6).to_be_bytes());
    pdu.extend((set.len() as u32 + 2).to_be_bytes());
    pdu.extend([1, 3]);
    pdu.extend(set);
    pdu
}

#[test]
fn dicom_is_allowed_by_title_command_and_class() {
    let (_kept, guard) = guard(
        Carried::Dicom,
        "mode = \"enforce\"\n[allow]\ncalling_ae = [\"CT1\"]\ncalled_ae = [\"PACS\"]\ncommand = [\"C-ECHO-RQ\"]\nsop_class = [\"1.2.840.10008.1.1\"]\n",
    );
    let mut inspector = Inspector::new(&guard);
    assert!(forward(&mut inspector, &association(b"CT1             ")).is_ok());
    let echo = command_pdu(0x0030, b"1.2.840.10008.1.1\0");
    assert_eq!(forward(&mut inspector, &echo).unwrap(), echo);
    let refused = forward(&mut inspector, &command_pdu(0x0020, b"1.2.840.10008.1.1\0")).unwrap_err();
    assert_eq!(refused.value, "command C-FIND-RQ");
    assert_eq!((&refused.answer[..1], &refused.farewell[..1]), (&[7_u8][..], &[7_u8][..]));
    let refused = forward(&mut Inspector::new(&guard), &association(b"EVIL            ")).unwrap_err();
    assert_eq!(&refused.answer[..], [3, 0, 0, 0, 0, 4, 0, 1, 1, 3]);
    let early = forward(&mut Inspector::new(&guard), &echo).unwrap_err();
    assert_eq!(early.notice, Notice::NotTheProtocol);
    // A request that cannot be read is not waved through.
    let mut broken = association(b"CT1             ");
    broken.extend([0x20, 0, 0, 9, 1]);
    broken[5] += 5;
    assert!(forward(&mut Inspector::new(&guard), &broken).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_answered_and_what_passes_was_sent(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..8), which in 0_usize..5) {
        let carried = [Carried::Raw, Carried::Dicom, Carried::Hl7, Carried::Mqtt, Carried::Http][which];
        let guard = Arc::new(Guard::open(carried, None).unwrap());
        let mut inspector = Inspector::new(&guard);
        let (mut sent, mut passed) = (Vec::new(), Vec::new());
        for piece in pieces {
            sent.extend_from_slice(&piece);
            let Ok(out) = forward(&mut inspector, &piece) else { break };
            passed.extend_from_slice(&out);
        }
        prop_assert!(sent.starts_with(&passed));
    }
}
