//! DICOM: an association in which one image is stored. PS3.8 section 9.3, PS3.7 annex E, PS3.5 section 7 (implicit VR).

use crate::patients::Patient;

const VERIFICATION: &str = "1.2.840.10008.1.1";
const IMPLICIT: &str = "1.2.840.10008.1.2";
const APPLICATION: &str = "1.2.840.10008.3.1.1.1";

fn pdu(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, 0];
    bytes.extend((body.len() as u32).to_be_bytes());
    bytes.extend(body);
    bytes
}

fn item(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, 0];
    bytes.extend((body.len() as u16).to_be_bytes());
    bytes.extend(body);
    bytes
}

fn title(text: &str) -> [u8; 16] {
    let mut padded = [b' '; 16];
    for (place, byte) in padded.iter_mut().zip(text.bytes()) {
        *place = byte;
    }
    padded
}

fn element(group: u16, number: u16, value: &[u8], padding: u8) -> Vec<u8> {
    let mut bytes = group.to_le_bytes().to_vec();
    bytes.extend(number.to_le_bytes());
    bytes.extend((value.len().next_multiple_of(2) as u32).to_le_bytes());
    bytes.extend(value);
    if !value.len().is_multiple_of(2) {
        bytes.push(padding);
    }
    bytes
}

/// SOP class of an image of this modality.
const fn storage_class(modality: &str) -> &'static str {
    match modality.as_bytes() {
        b"CT" => "1.2.840.10008.5.1.4.1.1.2",
        b"MR" => "1.2.840.10008.5.1.4.1.1.4",
        b"US" => "1.2.840.10008.5.1.4.1.1.6.1",
        _ => "1.2.840.10008.5.1.4.1.1.1.1",
    }
}

/// Who takes part, and what is sent.
pub(crate) struct Study<'a> {
    pub calling: &'a str,
    pub called: &'a str,
    pub modality: &'static str,
    pub vendor: &'static str,
    pub model: &'static str,
    pub serial: &'a str,
    pub patient: &'a Patient,
    pub number: u32,
    pub pixel_bytes: usize,
}

/// Both sides of the association.
pub(crate) fn store(study: &Study<'_>) -> Vec<(bool, Vec<u8>)> {
    let class = storage_class(study.modality);
    let instance = format!("1.2.826.0.1.3680043.9.7777.1.{}", study.number);
    let user = |version: &str| {
        let body = [
            item(0x51, &16_384_u32.to_be_bytes()),
            item(0x52, b"1.2.826.0.1.3680043.9.7777.0"),
            item(0x55, version.as_bytes()),
        ]
        .concat();
        item(0x50, &body)
    };
    let proposal = |id: u8, class: &str| {
        item(
            0x20,
            &[&[id, 0, 0, 0][..], &item(0x30, class.as_bytes()), &item(0x40, IMPLICIT.as_bytes())].concat(),
        )
    };
    let accepted = |id: u8| item(0x21, &[&[id, 0, 0, 0][..], &item(0x40, IMPLICIT.as_bytes())].concat());
    let association = |kind: u8, contexts: &[Vec<u8>], version: &str| {
        let mut body = vec![0, 1, 0, 0];
        body.extend(title(study.called));
        body.extend(title(study.calling));
        body.extend([0; 32]);
        body.extend(item(0x10, APPLICATION.as_bytes()));
        body.extend(contexts.concat());
        body.extend(user(version));
        pdu(kind, &body)
    };
    let request = association(1, &[proposal(1, VERIFICATION), proposal(3, class)], "LAB_SCU_1");
    let accept = association(2, &[accepted(1), accepted(3)], "LAB_SCP_1");
    let command = command(0x0001, class, &instance, study.number as u16, true, None);
    let answer = self::command(0x8001, class, &instance, study.number as u16, false, Some(0));
    let data: Vec<Vec<u8>> = data_set(study, class, &instance)
        .chunks(16_000)
        .collect::<Vec<_>>()
        .iter()
        .enumerate()
        .map(|(place, chunk)| {
            let last = (place + 1) * 16_000 >= data_set_length(study, class, &instance);
            value(3, if last { 2 } else { 0 }, chunk)
        })
        .collect();
    vec![
        (true, request),
        (false, accept),
        (true, value(3, 3, &command)),
        (true, data.concat()),
        (false, value(3, 3, &answer)),
        (true, pdu(5, &[0; 4])),
        (false, pdu(6, &[0; 4])),
    ]
}

fn data_set_length(study: &Study<'_>, class: &str, instance: &str) -> usize {
    data_set(study, class, instance).len()
}

/// P-DATA-TF with one value: flags 1 for a command, 2 for the last piece.
fn value(context: u8, flags: u8, bytes: &[u8]) -> Vec<u8> {
    let mut body = ((bytes.len() + 2) as u32).to_be_bytes().to_vec();
    body.extend([context, flags]);
    body.extend(bytes);
    pdu(4, &body)
}

fn command(
    kind: u16,
    class: &str,
    instance: &str,
    message: u16,
    has_data: bool,
    status: Option<u16>,
) -> Vec<u8> {
    let number = if status.is_some() { 0x0120 } else { 0x0110 };
    let mut elements = [
        element(0, 0x0002, class.as_bytes(), 0),
        element(0, 0x0100, &kind.to_le_bytes(), 0),
        element(0, number, &message.to_le_bytes(), 0),
    ]
    .concat();
    if status.is_none() {
        elements.extend(element(0, 0x0700, &0_u16.to_le_bytes(), 0));
    }
    elements.extend(element(0, 0x0800, &(if has_data { 0_u16 } else { 0x0101 }).to_le_bytes(), 0));
    if let Some(status) = status {
        elements.extend(element(0, 0x0900, &status.to_le_bytes(), 0));
    }
    elements.extend(element(0, 0x1000, instance.as_bytes(), 0));
    [element(0, 0, &(elements.len() as u32).to_le_bytes(), 0), elements].concat()
}

fn data_set(study: &Study<'_>, class: &str, instance: &str) -> Vec<u8> {
    let text = |group, number, value: &str| element(group, number, value.as_bytes(), b' ');
    let name = format!("{}^{}", study.patient.family, study.patient.given);
    [
        element(8, 0x16, class.as_bytes(), 0),
        element(8, 0x18, instance.as_bytes(), 0),
        text(8, 0x50, &format!("ACC{}", study.number)),
        text(8, 0x60, study.modality),
        text(8, 0x70, study.vendor),
        text(8, 0x80, "Lab Hospital"),
        text(8, 0x1010, study.calling),
        text(8, 0x1090, study.model),
        text(0x10, 0x10, &name),
        text(0x10, 0x20, &study.patient.number),
        text(0x10, 0x30, &study.patient.birth_date),
        text(0x18, 0x1000, study.serial),
        text(0x18, 0x1020, "VA40A"),
        element(0x20, 0x0d, format!("1.2.826.0.1.3680043.9.7777.2.{}", study.number).as_bytes(), 0),
        element(0x7fe0, 0x10, &vec![0x5a; study.pixel_bytes], 0),
    ]
    .concat()
}

/// One side's association and its end, with what is said between.
fn associated(
    calling: &str,
    called: &str,
    class: &str,
    between: Vec<(bool, Vec<u8>)>,
) -> Vec<(bool, Vec<u8>)> {
    let user = [item(0x51, &16_384_u32.to_be_bytes()), item(0x52, b"1.2.826.0.1.3680043.9.7777.0")].concat();
    let association = |kind: u8, context: Vec<u8>| {
        let mut body = vec![0, 1, 0, 0];
        body.extend(title(called));
        body.extend(title(calling));
        body.extend([0; 32]);
        body.extend(item(0x10, APPLICATION.as_bytes()));
        body.extend(context);
        body.extend(item(0x50, &user));
        pdu(kind, &body)
    };
    let syntax = item(0x40, IMPLICIT.as_bytes());
    let proposed = item(0x20, &[&[1, 0, 0, 0][..], &item(0x30, class.as_bytes()), &syntax].concat());
    let accepted = item(0x21, &[&[1, 0, 0, 0][..], &syntax].concat());
    let mut said = vec![(true, association(1, proposed)), (false, association(2, accepted))];
    said.extend(between);
    said.extend([(true, pdu(5, &[0; 4])), (false, pdu(6, &[0; 4]))]);
    said
}

fn plain_command(
    kind: u16,
    class: &str,
    has_data: bool,
    status: Option<u16>,
    destination: Option<&str>,
) -> Vec<u8> {
    let number = if status.is_some() { 0x0120 } else { 0x0110 };
    let mut elements = [
        element(0, 0x0002, class.as_bytes(), 0),
        element(0, 0x0100, &kind.to_le_bytes(), 0),
        element(0, number, &[1, 0], 0),
    ]
    .concat();
    if let Some(destination) = destination {
        elements.extend(element(0, 0x0600, destination.as_bytes(), b' '));
    }
    if status.is_none() {
        elements.extend(element(0, 0x0700, &[0, 0], 0));
    }
    elements.extend(element(0, 0x0800, &(if has_data { 0_u16 } else { 0x0101 }).to_le_bytes(), 0));
    if let Some(status) = status {
        elements.extend(element(0, 0x0900, &status.to_le_bytes(), 0));
    }
    [element(0, 0, &(elements.len() as u32).to_le_bytes(), 0), elements].concat()
}

/// C-ECHO.
pub(crate) fn echo(calling: &str, called: &str) -> Vec<(bool, Vec<u8>)> {
    let ask = value(1, 3, &plain_command(0x0030, VERIFICATION, false, None, None));
    let answer = value(1, 3, &plain_command(0x8030, VERIFICATION, false, Some(0), None));
    associated(calling, called, VERIFICATION, vec![(true, ask), (false, answer)])
}

/// C-FIND at study level; without a patient's number it asks for everybody. PS3.4 annex C.
pub(crate) fn find(calling: &str, called: &str, patient: Option<&str>) -> Vec<(bool, Vec<u8>)> {
    const STUDY_ROOT_FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";
    let keys = [
        element(8, 0x52, b"STUDY ", 0),
        element(0x10, 0x10, b"*", b' '),
        element(0x10, 0x20, patient.unwrap_or("").as_bytes(), b' '),
        element(0x20, 0x0d, b"", 0),
    ]
    .concat();
    let keys = if patient.is_some() {
        [
            element(8, 0x52, b"STUDY ", 0),
            element(0x10, 0x20, patient.unwrap_or("").as_bytes(), b' '),
            element(0x20, 0x0d, b"", 0),
        ]
        .concat()
    } else {
        keys
    };
    let ask =
        [value(1, 3, &plain_command(0x0020, STUDY_ROOT_FIND, true, None, None)), value(1, 2, &keys)].concat();
    let answer = value(1, 3, &plain_command(0x8020, STUDY_ROOT_FIND, false, Some(0), None));
    associated(calling, called, STUDY_ROOT_FIND, vec![(true, ask), (false, answer)])
}

/// C-MOVE of a study to a destination.
pub(crate) fn retrieve(calling: &str, called: &str, destination: &str, study: &str) -> Vec<(bool, Vec<u8>)> {
    const STUDY_ROOT_MOVE: &str = "1.2.840.10008.5.1.4.1.2.2.2";
    let keys = [element(8, 0x52, b"STUDY ", 0), element(0x20, 0x0d, study.as_bytes(), 0)].concat();
    let ask = [
        value(1, 3, &plain_command(0x0021, STUDY_ROOT_MOVE, true, None, Some(destination))),
        value(1, 2, &keys),
    ]
    .concat();
    let answer = value(1, 3, &plain_command(0x8021, STUDY_ROOT_MOVE, false, Some(0), None));
    associated(calling, called, STUDY_ROOT_MOVE, vec![(true, ask), (false, answer)])
}
