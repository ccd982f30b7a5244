//! The XML of nmap (`-oX`, its nmap.dtd): hosts that were up, with their addresses, names and makers.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use wardline_model::KnownDevice;

use super::{DEVICES_MAX, InventoryError, label, listed};

pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Vec<KnownDevice>, InventoryError> {
    let mut reader = Reader::from_reader(bytes);
    let mut devices: Vec<KnownDevice> = Vec::new();
    let mut host: Option<KnownDevice> = None;
    let mut ours = false;
    let mut up = true;
    loop {
        let place = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let line = || 1 + bytes.iter().take(place).filter(|byte| **byte == b'\n').count() as u64;
        match reader.read_event() {
            Ok(Event::Start(tag) | Event::Empty(tag)) => match tag.name().as_ref() {
                "nmaprun" => ours = true,
                "host" => {
                    up = true;
                    let number = devices.len() + 1;
                    host = Some(KnownDevice {
                        listed: listed(name, format_args!("host {number}")),
                        ..KnownDevice::default()
                    });
                }
                "status" => up = attribute(&tag, "state").is_none_or(|state| state == "up"),
                "address" => {
                    if let Some(host) = &mut host {
                        address(host, &tag)
                            .map_err(|problem| InventoryError::Line { line: line(), problem })?;
                    }
                }
                "hostname" => {
                    if let Some(host) = host.as_mut().filter(|host| host.name.is_none()) {
                        host.name = attribute(&tag, "name").as_deref().and_then(label);
                    }
                }
                _ => {}
            },
            Ok(Event::End(tag)) if tag.name().as_ref() == "host" => {
                devices.extend(host.take().filter(|host| up && (host.mac.is_some() || host.ip.is_some())));
                if devices.len() > DEVICES_MAX {
                    return Err(InventoryError::TooMany(DEVICES_MAX));
                }
            }
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(error) => return Err(InventoryError::Line { line: line(), problem: error.to_string() }),
        }
    }
    if ours { Ok(devices) } else { Err(InventoryError::Unknown) }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.try_get_attribute(name).ok()??;
    Some(found.value.into_owned())
}

fn address(host: &mut KnownDevice, tag: &BytesStart<'_>) -> Result<(), String> {
    let Some(text) = attribute(tag, "addr") else { return Ok(()) };
    if attribute(tag, "addrtype").as_deref() == Some("mac") {
        host.mac = Some(text.parse().map_err(|_| format!("'{text}' is no link address"))?);
        host.vendor = attribute(tag, "vendor").as_deref().and_then(label);
    } else if host.ip.is_none() {
        host.ip = Some(text.parse().map_err(|_| format!("'{text}' is no network address"))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_hosts_that_are_up() {
        let xml = br#"<?xml version="1.0"?><!DOCTYPE nmaprun>
<nmaprun scanner="nmap"><host><status state="up"/><address addr="10.0.0.7" addrtype="ipv4"/>
<address addr="00:09:FB:00:00:01" addrtype="mac" vendor="Philips Patient Monitoring"/>
<hostnames><hostname name="bed3.example" type="PTR"/></hostnames></host>
<host><status state="down"/><address addr="10.0.0.8" addrtype="ipv4"/></host></nmaprun>"#;
        let devices = read("scan.xml", xml).unwrap();
        let [device] = &devices[..] else { panic!("{devices:?}") };
        assert_eq!(device.mac, Some("00:09:fb:00:00:01".parse().unwrap()));
        assert_eq!(device.name.as_ref().unwrap().as_str(), "bed3.example");
        assert_eq!(read("x", b"<html></html>"), Err(InventoryError::Unknown));
    }
}
