//! DHCP and DNS: dnsmasq, udhcpc and host.

use anyhow::Result;

use super::network::Network;
use super::plan::{Plan, StationPlan, station};

const STATIONS: &[StationPlan] = &[
    station("names", 16, "server", &["dnsmasq-base"]),
    StationPlan { asks_for_address: true, ..station("pump", 29, "infusion-pump", &["udhcpc", "bind9-host"]) },
];

/// A pump asks for an address and for a name.
pub(super) const PLAN: Plan = Plan {
    name: "dhcp-dnsmasq",
    what: "udhcpc of BusyBox gets an address from dnsmasq; host asks it for an address, a pointer and a name that is not there",
    stations: STATIONS,
    names_addresses: true,
    play,
};

const CONFIGURE: &str =
    "#!/bin/sh\n[ \"$1\" = bound ] && ip address add \"$ip/24\" dev \"$interface\"\nexit 0\n";

fn play(network: &mut Network) -> Result<()> {
    let leases = network.place.join("leases").display().to_string();
    network.serve(
        "names",
        "dnsmasq",
        &[
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--user=root",
            "--interface=eth0",
            "--bind-interfaces",
            "--no-ping",
            "--pid-file=",
            "--dhcp-range=192.0.2.100,192.0.2.120,1h",
            "--dhcp-option=option:router,192.0.2.16",
            "--dhcp-option=option:dns-server,192.0.2.16",
            "--domain=hospital.example",
            "--local=/hospital.example/",
            "--host-record=engine1.hospital.example,192.0.2.12",
            &format!("--dhcp-leasefile={leases}"),
        ],
    )?;
    network.wait_for("names", 'u', 67)?;
    network.wait_for("names", 'u', 53)?;
    let script = network.file("configure.sh", CONFIGURE)?;
    checked_mode(network, &script)?;
    network.run(
        "pump",
        "udhcpc",
        &[
            "-i",
            "eth0",
            "-f",
            "-n",
            "-q",
            "-t",
            "5",
            "-s",
            &script,
            "-x",
            "hostname:pump-301",
            "-V",
            "wardpump 2.4",
        ],
    )?;
    for question in [&["engine1.hospital.example"][..], &["192.0.2.12"]] {
        network.run("pump", "host", &[question, &["192.0.2.16"]].concat())?;
    }
    network.run_refused("pump", "host", &["nobody.hospital.example", "192.0.2.16"])
}

fn checked_mode(network: &Network, script: &str) -> Result<()> {
    network.run("pump", "chmod", &["0755", script]).map(drop)
}
