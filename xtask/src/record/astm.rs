//! ASTM E1381 and E1394: the client and the server of the Python library `astm`.

use anyhow::Result;
use serde_json::json;

use super::network::Network;
use super::people::{PEOPLE, Person};
use super::plan::{Plan, StationPlan, station_of_python};
use super::python;

const SOFTWARE: &[&str] = &["astm-2025==1.0.0"];
const STATIONS: &[StationPlan] = &[
    station_of_python("host", 14, "integration-engine", SOFTWARE),
    station_of_python("analyzer", 27, "lab-analyzer", SOFTWARE),
];

/// Results of two samples, each record in a frame that is acknowledged.
pub(super) const PLAN: Plan = Plan {
    name: "astm-python",
    what: "the client of the Python library astm sends the results of two samples, in frames of ASTM E1381 with records of \
           E1394, to the library's server, which acknowledges each",
    stations: STATIONS,
    names_addresses: false,
    play,
};

const HOST: &str = include_str!("astm_host.py");
const ANALYZER: &str = include_str!("astm_analyzer.py");

fn records(person: &Person, sample: &str, glucose: &str) -> Vec<serde_json::Value> {
    let Person { family, given, number, birth_date, sex, .. } = person;
    let test = json!([null, null, null, "GLU"]);
    vec![
        json!([
            "H",
            "\\^&",
            null,
            null,
            ["Phantom Chem", "3.4", "WTA-0031"],
            null,
            null,
            null,
            null,
            null,
            null,
            "P",
            "LIS2-A2",
            "20260302073000"
        ]),
        json!(["P", "1", number, null, null, [family, given], null, birth_date, sex]),
        json!(["O", "1", sample, null, test, "R"]),
        json!(["R", "1", test, glucose, "mmol/L", null, "N", null, "F", null, null, null, "20260302072500"]),
        json!(["L", "1", "N"]),
    ]
}

fn play(network: &mut Network) -> Result<()> {
    let host = network.file("host.py", HOST)?;
    let analyzer = network.file("analyzer.py", ANALYZER)?;
    let interpreter = python::interpreter();
    network.serve("host", &interpreter, &[&host, "192.0.2.14", "15200"])?;
    network.wait_for("host", 't', 15_200)?;
    let [first, second] = &PEOPLE;
    let all = [records(first, "S7", "5.5"), records(second, "S8", "11.2")].concat();
    let file = network.file("records.json", serde_json::to_string(&all)?)?;
    network.run("analyzer", &interpreter, &[&analyzer, "192.0.2.14", "15200", &file])?;
    Ok(())
}
