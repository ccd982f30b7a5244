//! FHIR R4 and R5: a `Device`, a list of them, or a `Bundle` with them among others.

use std::net::IpAddr;

use serde_json::Value;
use wardline_model::{KnownDevice, MacAddress};

use super::{DEVICES_MAX, InventoryError, label, listed};

pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Vec<KnownDevice>, InventoryError> {
    let json: Value = serde_json::from_slice(bytes).map_err(|error| InventoryError::Line {
        line: error.line() as u64,
        problem: format!("column {}: not well formed JSON", error.column()),
    })?;
    let resources: Vec<&Value> = match &json {
        Value::Array(list) => list.iter().collect(),
        one if kind(one) == Some("Bundle") => {
            items(one, "entry").filter_map(|entry| entry.get("resource")).collect()
        }
        one => vec![one],
    };
    if !resources.iter().any(|resource| kind(resource).is_some()) {
        return Err(InventoryError::Unknown);
    }
    let devices = resources.into_iter().enumerate().filter(|(_, resource)| kind(resource) == Some("Device"));
    Ok(devices.map(|(place, resource)| device(name, place, resource)).take(DEVICES_MAX + 1).collect())
}

fn kind(resource: &Value) -> Option<&str> {
    resource.get("resourceType")?.as_str()
}

fn items<'a>(resource: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    resource.get(field).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(resource: &'a Value, field: &str) -> Option<&'a str> {
    resource.get(field)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

fn device(name: &str, place: usize, resource: &Value) -> KnownDevice {
    let identifier =
        text(resource, "id").map_or_else(|| format!("entry {}", place + 1), |id| format!("Device/{id}"));
    let identifiers = || items(resource, "identifier").filter_map(|identifier| text(identifier, "value"));
    // R4 has `deviceName.name`, R5 `name.value`; both say which is the user's own.
    let names = || items(resource, "deviceName").chain(items(resource, "name"));
    let own = names().find(|one| text(one, "type") == Some("user-friendly-name")).or_else(|| names().next());
    let host = text(resource, "url").and_then(|url| url.split("//").nth(1)?.split(['/', ':']).next());
    let reference =
        |field: &str| resource.get(field).and_then(|found| text(found, "display")).and_then(label);
    KnownDevice {
        mac: identifiers().find_map(|value| value.parse::<MacAddress>().ok()),
        ip: host.into_iter().chain(identifiers()).find_map(|value| value.parse::<IpAddr>().ok()),
        name: own.and_then(|one| text(one, "name").or_else(|| text(one, "value"))).and_then(label),
        vendor: text(resource, "manufacturer").and_then(label),
        model: text(resource, "modelNumber").and_then(label),
        firmware: items(resource, "version").find_map(|version| text(version, "value")).and_then(label),
        serial: text(resource, "serialNumber").and_then(label),
        owner: reference("owner"),
        location: reference("location"),
        listed: listed(name, identifier),
        ..KnownDevice::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_devices_of_a_bundle_and_nobody_else() {
        let bundle = r#"{"resourceType":"Bundle","type":"collection","entry":[
            {"resource":{"resourceType":"Patient","id":"p"}},
            {"resource":{"resourceType":"Device","id":"m1","manufacturer":"Philips","modelNumber":"MX800",
             "serialNumber":"DE1234567","identifier":[{"value":"00:09:FB:00:00:01"}],"url":"http://10.0.0.7/x",
             "version":[{"value":"M.03"}],"deviceName":[{"name":"Bed 3","type":"user-friendly-name"}],
             "location":{"display":"ICU"}}}]}"#;
        let devices = read("devices.json", bundle.as_bytes()).unwrap();
        let [device] = &devices[..] else { panic!("{devices:?}") };
        assert_eq!(device.mac, Some("00:09:fb:00:00:01".parse().unwrap()));
        assert_eq!(device.ip, Some("10.0.0.7".parse().unwrap()));
        assert_eq!(device.firmware.as_ref().unwrap().as_str(), "M.03");
        assert_eq!(device.listed.as_ref().unwrap().as_str(), "devices.json, Device/m1");
    }

    #[test]
    fn what_is_no_fhir_is_refused() {
        assert_eq!(read("x", b"{\"a\":1}"), Err(InventoryError::Unknown));
        assert!(read("x", b"{\n\"a\":").unwrap_err().to_string().starts_with("line 2"));
    }
}
