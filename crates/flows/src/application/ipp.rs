//! IPP: what a printer says about itself, in the bodies of HTTP.

use wardline_model::fact::IdentityFact;
use wardline_model::{Fact, Label, Protocol};
use wardline_wire::enterprise::ipp::Message;

use super::Context;
use super::introduction::{attribute, introduction};

/// The body of an answer, of which the begin was kept.
pub(super) fn tell(body: &[u8], context: &mut Context<'_>) {
    let Ok(message) = Message::parse(body) else { return };
    let mut told = introduction(Protocol::Ipp, "printer-make-and-model");
    told.role = Some(Label::new("ipp printer"));
    for found in message.printer() {
        let Some(value) = Label::non_empty(found.value) else { continue };
        match found.name {
            b"printer-make-and-model" => told.device.model = Some(value),
            b"printer-name" | b"printer-dns-sd-name" if told.name.is_none() => told.name = Some(value),
            b"printer-info" => told.description = Some(value),
            b"printer-location" => attribute(&mut told, "location", Some(value)),
            b"printer-uuid" => told.device.identifier = Some(value),
            b"printer-serial-number" => told.device.serial = Some(value),
            b"printer-firmware-string-version" if told.device.firmware.is_none() => {
                told.device.firmware = Some(value);
            }
            b"printer-device-id" => device_id(&mut told, value.as_str()),
            _ => {}
        }
    }
    let anything = told.device.model.is_some() || told.device.manufacturer.is_some() || told.name.is_some();
    if anything && context.first_time((&told.device.model, &told.device.serial, &told.name)) {
        context.tell(Fact::Identity(Box::new(told)));
    }
}

/// IEEE 1284 section 7.6: keys and values between semicolons.
fn device_id(told: &mut IdentityFact, text: &str) {
    for (key, value) in text.split(';').filter_map(|part| part.split_once(':')) {
        let value = Some(Label::new(value)).filter(|value| !value.is_empty());
        match key.trim() {
            "MFG" | "MANUFACTURER" => told.device.manufacturer = value,
            "MDL" | "MODEL" if told.device.model.is_none() => told.device.model = value,
            "SN" | "SERN" | "SERIALNUMBER" if told.device.serial.is_none() => told.device.serial = value,
            _ => {}
        }
    }
}
