//! FHIR R4B: a server made with `fhirstarter`, and the clients `fhirclient` and `fhirpy`.

use anyhow::Result;
use serde_json::json;

use super::network::Network;
use super::people::{PEOPLE, Person};
use super::plan::{Plan, StationPlan, station_of_python};
use super::python;

const STATIONS: &[StationPlan] = &[
    station_of_python("archive", 15, "ehr", &["fhirstarter==4.2.0", "uvicorn==0.30.6"]),
    station_of_python("display", 28, "workstation", &["fhirclient==4.4.0"]),
    station_of_python("monitor", 29, "telemetry-gateway", &["fhirpy==2.3.1"]),
];

/// Observations are left, and devices, a patient and observations read.
pub(super) const PLAN: Plan = Plan {
    name: "fhir-python",
    what: "the client fhirpy leaves two observations at a server made with fhirstarter; fhirclient, of SMART Health IT, asks \
           the server what it can, reads a device, all devices of a maker, a patient and observations, and a device that is \
           not there",
    stations: STATIONS,
    names_addresses: true,
    play,
};

const SERVER: &str = include_str!("fhir_server.py");
const READER: &str = include_str!("fhir_reader.py");
const MONITOR: &str = include_str!("fhir_monitor.py");

fn patient(person: &Person) -> serde_json::Value {
    let (year, rest) = person.birth_date.split_at(4);
    let (month, day) = rest.split_at(2);
    json!({
        "resourceType": "Patient",
        "id": person.number,
        "name": [{ "family": person.family, "given": [person.given] }],
        "birthDate": format!("{year}-{month}-{day}"),
    })
}

fn observation(person: &Person, code: &str, value: u32, unit: &str) -> serde_json::Value {
    json!({
        "status": "final",
        "code": { "coding": [{ "system": "http://loinc.org", "code": code }] },
        "subject": { "reference": format!("Patient/{}", person.number) },
        "device": { "reference": "Device/infusion-7" },
        "effectiveDateTime": "2026-03-02T07:31:00Z",
        "valueQuantity": { "value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit },
    })
}

fn play(network: &mut Network) -> Result<()> {
    let device = json!({
        "resourceType": "Device",
        "id": "infusion-7",
        "manufacturer": "Wardline Test Infusion",
        "modelNumber": "Phantom Pump",
        "serialNumber": "WTP-0077",
        "type": { "coding": [{ "system": "http://snomed.info/sct", "code": "182722004", "display": "Infusion pump" }] },
        "deviceName": [{ "name": "Phantom Pump 7", "type": "user-friendly-name" }],
        "version": [{ "value": "2.4.1" }],
        "udiCarrier": [{
            "deviceIdentifier": "09506000134352",
            "carrierHRF": "(01)09506000134352(21)WTP-0077",
        }],
    });
    let [first, _] = &PEOPLE;
    let kept = network.file("kept/device.json", device.to_string())?;
    network.file("kept/patient.json", patient(first).to_string())?;
    let directory = kept.trim_end_matches("/device.json");
    let observations =
        json!([observation(first, "8867-4", 72, "/min"), observation(first, "59408-5", 97, "%")]);
    let observations = network.file("observations.json", observations.to_string())?;
    let server = network.file("server.py", SERVER)?;
    let reader = network.file("reader.py", READER)?;
    let monitor = network.file("monitor.py", MONITOR)?;
    let interpreter = python::interpreter();
    network.serve("archive", &interpreter, &[&server, "192.0.2.15", "8080", directory])?;
    network.wait_for("archive", 't', 8_080)?;
    let base = "http://192.0.2.15:8080";
    network.run("monitor", &interpreter, &[&monitor, base, &observations])?;
    network.run("display", &interpreter, &[&reader, base, first.number])?;
    Ok(())
}
