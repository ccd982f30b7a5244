//! SMB: Samba's server and client.

use anyhow::Result;

use super::network::Network;
use super::network::checked;
use super::people::{ACCOUNT, PASSWORD, PEOPLE};
use super::plan::{Plan, StationPlan, station};

const STATIONS: &[StationPlan] =
    &[station("files", 15, "server", &["samba"]), station("desk", 28, "workstation", &["smbclient"])];

/// A desk lists, writes and reads a share.
pub(super) const PLAN: Plan = Plan {
    name: "smb-samba",
    what: "smbclient lists the shares of smbd, writes a report to one of them and reads it back over SMB 3, \
           once under SMB 2.1, and once with a wrong password",
    stations: STATIONS,
    names_addresses: false,
    play,
};

fn play(network: &mut Network) -> Result<()> {
    let place = network.place.display().to_string();
    for directory in ["smb", "share"] {
        std::fs::create_dir_all(network.place.join(directory))?;
    }
    // Samba wants an account of Unix behind each of its own.
    let names = network.file("smb/names", format!("root = {ACCOUNT}\n"))?;
    let directories: String = ["private", "lock", "state", "cache", "pid", "ncalrpc", "binddns"]
        .iter()
        .map(|kind| {
            let name = if *kind == "ncalrpc" || *kind == "binddns" { "dir" } else { "directory" };
            format!("{kind} {name} = {place}/smb\n")
        })
        .collect();
    let configuration = format!(
        "[global]\nnetbios name = FILES1\nworkgroup = HOSPITAL\nserver string = Invented files\n\
         disable netbios = yes\nsmb ports = 445\nusername map = {names}\nload printers = no\nprintcap name = /dev/null\n\
         disable spoolss = yes\nrpc start on demand helpers = no\nlog level = 1\n{directories}\
         [reports]\npath = {place}/share\nread only = no\n"
    );
    let server = network.file("smb.conf", configuration)?;
    let desk = network.file("desk.conf", "[global]\nnetbios name = DESK12\nworkgroup = HOSPITAL\n")?;
    let mut account = network.command("files", "sh", &["-c"]);
    account.arg(format!("printf '{PASSWORD}\\n{PASSWORD}\\n' | smbpasswd -c '{server}' -L -s -a root"));
    checked(&mut account)?;
    network.serve(
        "files",
        "smbd",
        &["--foreground", "--no-process-group", "--debug-stdout", "--configfile", &server],
    )?;
    network.wait_for("files", 't', 445)?;

    let person = &PEOPLE[1];
    let report = format!("Report of {} {}, {}: nothing found.\n", person.given, person.family, person.number);
    network.file("report.txt", report)?;
    let user = format!("{ACCOUNT}%{PASSWORD}");
    let address = ["--configfile", &desk, "-I", "192.0.2.15", "-U", &user];
    network.run("desk", "smbclient", &[&address[..], &["-L", "//FILES1"]].concat())?;
    let work = ["//FILES1/reports", "-c", "put report.txt; ls; get report.txt back.txt"];
    network.run("desk", "smbclient", &[&address[..], &work].concat())?;
    let older = ["-m", "SMB2_10", "//FILES1/reports", "-c", "ls"];
    network.run("desk", "smbclient", &[&address[..], &older].concat())?;
    let wrong = format!("{ACCOUNT}%wrong");
    network.run_refused(
        "desk",
        "smbclient",
        &["--configfile", &desk, "-I", "192.0.2.15", "-U", &wrong, "//FILES1/reports", "-c", "ls"],
    )
}
