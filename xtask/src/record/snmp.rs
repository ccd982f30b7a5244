//! SNMP: the agent and the tools of Net-SNMP.

use anyhow::Result;

use super::network::Network;
use super::people::{ACCOUNT, PASSWORD};
use super::plan::{Plan, StationPlan, station};

const STATIONS: &[StationPlan] =
    &[station("power", 14, "building-automation", &["snmpd"]), station("manager", 27, "server", &["snmp"])];

/// A manager reads and sets an agent, in all three versions.
pub(super) const PLAN: Plan = Plan {
    name: "snmp-netsnmp",
    what: "snmpget, snmpwalk and snmpset against snmpd: versions 1 and 2c with communities, version 3 with \
           authentication and encryption, and a community that the agent does not know",
    stations: STATIONS,
    names_addresses: false,
    play,
};

fn play(network: &mut Network) -> Result<()> {
    let configuration = format!(
        "agentAddress udp:161\nrocommunity public\nrwcommunity wardwrite\n\
         sysDescr Net-SNMP agent of an invented power distribution unit\nsysObjectID 1.3.6.1.4.1.8072.3.2.10\n\
         sysName pdu-ward3\nsysServices 72\n\
         createUser {ACCOUNT} SHA {PASSWORD} AES {PASSWORD}\nrouser {ACCOUNT} priv\n"
    );
    let configuration = network.file("snmpd.conf", configuration)?;
    let state = format!("SNMP_PERSISTENT_DIR={}", network.place.display());
    network.serve(
        "power",
        "env",
        &[&state, "snmpd", "-f", "-Lo", "-C", "-c", &configuration, "-I", "-smux"],
    )?;
    network.wait_for("power", 'u', 161)?;
    let run = |program: &str, arguments: &[&str]| -> Result<()> {
        let all = [&[&state[..], "MIBS=", program, "-On", "-r", "0"], arguments].concat();
        network.run("manager", "env", &all).map(drop)
    };
    let (agent, description, contact) = ("192.0.2.14", "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.4.0");
    run("snmpget", &["-v", "1", "-c", "public", agent, description])?;
    run("snmpget", &["-v", "2c", "-c", "public", agent, description, "1.3.6.1.2.1.1.5.0"])?;
    run("snmpwalk", &["-v", "2c", "-c", "public", agent, "1.3.6.1.2.1.1"])?;
    run("snmpset", &["-v", "2c", "-c", "wardwrite", agent, contact, "s", "Technik 4711"])?;
    let secure = [
        "-v", "3", "-l", "authPriv", "-u", ACCOUNT, "-a", "SHA", "-A", PASSWORD, "-x", "AES", "-X", PASSWORD,
    ];
    run("snmpget", &[&secure[..], &[agent, description]].concat())?;
    let unknown =
        [&state, "MIBS=", "snmpget", "-r", "0", "-t", "1", "-v", "2c", "-c", "guess", agent, description];
    network.run_refused("manager", "env", &unknown)
}
