//! MQTT: mosquitto and its clients.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;

use super::network::Network;
use super::people::{ACCOUNT, PASSWORD, PEOPLE};
use super::plan::{Plan, StationPlan, station};

const STATIONS: &[StationPlan] = &[
    station("broker", 13, "telemetry-gateway", &["mosquitto"]),
    station("display", 25, "workstation", &["mosquitto-clients"]),
    station("sensor", 26, "wearable", &["mosquitto-clients"]),
];

/// A sensor reports to a display through a broker, in both versions and all qualities of service.
pub(super) const PLAN: Plan = Plan {
    name: "mqtt-mosquitto",
    what: "mosquitto_sub listens with a will, in MQTT 3.1.1 and 5; mosquitto_pub reports in all qualities of service, \
           retained and not; one client has a wrong password",
    stations: STATIONS,
    names_addresses: false,
    play,
};

fn play(network: &mut Network) -> Result<()> {
    let passwords = network.file("passwords", "")?;
    network.run("broker", "mosquitto_passwd", &["-b", &passwords, ACCOUNT, PASSWORD])?;
    let configuration = format!(
        "listener 1883\nallow_anonymous false\npassword_file {passwords}\nuser root\npersistence false\nlog_dest stderr\n"
    );
    let configuration = network.file("mosquitto.conf", configuration)?;
    network.serve("broker", "mosquitto", &["-c", &configuration])?;
    network.wait_for("broker", 't', 1_883)?;
    let account = ["-h", "192.0.2.13", "-u", ACCOUNT, "-P", PASSWORD];
    for (version, client, topic) in
        [("mqttv311", "display-301", "ward3/+/vitals"), ("mqttv5", "display-302", "ward3/#")]
    {
        let will = ["--will-topic", "ward3/display/state", "--will-payload", "offline", "--will-qos", "1"];
        let own = ["-V", version, "-i", client, "-t", topic, "-q", "2", "-k", "30"];
        network.serve("display", "mosquitto_sub", &[&account[..], &own, &will].concat())?;
    }
    // Their subscriptions must stand before something is published; nobody but the broker knows when they do.
    sleep(Duration::from_secs(1));
    for (count, quality) in ["0", "1", "2"].into_iter().enumerate() {
        let person = &PEOPLE[count % PEOPLE.len()];
        let message = format!(
            r#"{{"device":"SPO2-{count}","patient_id":"{}","name":"{} {}","heart_rate":7{count},"spo2":97}}"#,
            person.number, person.given, person.family
        );
        let version = if count == 1 { "mqttv5" } else { "mqttv311" };
        let own =
            ["-V", version, "-i", "sensor-301", "-t", "ward3/bed1/vitals", "-q", quality, "-m", &message];
        network.run("sensor", "mosquitto_pub", &[&account[..], &own].concat())?;
    }
    let state = ["-i", "sensor-301", "-t", "ward3/bed1/state", "-m", "on", "--retain"];
    network.run("sensor", "mosquitto_pub", &[&account[..], &state].concat())?;
    network.run_refused(
        "sensor",
        "mosquitto_pub",
        &["-h", "192.0.2.13", "-u", ACCOUNT, "-P", "wrong", "-i", "sensor-302", "-t", "ward3/x", "-m", "x"],
    )?;
    sleep(Duration::from_millis(500));
    Ok(())
}
