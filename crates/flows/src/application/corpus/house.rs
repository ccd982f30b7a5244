//! Controllers of buildings, domains and network access.

use wardline_model::fact::ControlOperation;
use wardline_model::{Fact, Label};

use super::super::{bacnet, kerberos, modbus, radius, s7};
use super::{Said, datagrams, streams};

/// Values of one field, in order.
fn put(said: &mut Said, field: &'static str, values: &[String]) {
    if !values.is_empty() {
        said.entry(field).or_default().extend_from_slice(values);
    }
}

fn attribute(fact: &Fact, name: &str) -> Option<String> {
    let Fact::Identity(told) = fact else { return None };
    let (_, value) = told.attributes.iter().find(|(known, _)| known.as_str() == name)?;
    Some(value.to_string())
}

#[test]
fn modbus_writes_agree_with_tshark() {
    let fields = ["modbus.func_code"];
    let filter = "modbus.func_code in {5, 6, 15, 16, 21, 22, 23} && tcp.dstport == 502 && mbtcp";
    streams::compare(
        "modbus",
        filter,
        &["modbus"],
        &fields,
        &modbus::STREAM,
        |fact, said| {
            if let Fact::Control(control) = fact
                && control.operation == ControlOperation::Write
                && control.accepted.is_none()
            {
                put(said, "write", &[control.command.to_string()]);
            }
        },
        |row, said| {
            for code in row.first().into_iter().flatten() {
                let name = match code.as_str() {
                    "5" => "Write Single Coil",
                    "6" => "Write Single Register",
                    "15" => "Write Multiple Coils",
                    "16" => "Write Multiple Registers",
                    "21" => "Write File Record",
                    "22" => "Mask Write Register",
                    "23" => "Read/Write Multiple Registers",
                    _ => continue,
                };
                put(said, "write", &[name.to_owned()]);
            }
        },
    );
}

#[test]
fn bacnet_agrees_with_tshark() {
    let fields = ["bacapp.vendor_identifier"];
    datagrams::compare(
        "bacnet",
        "bacapp.unconfirmed_service == 0 && udp && !icmp",
        &["bacnet", "bvlc", "bacapp"],
        &fields,
        &bacnet::DATAGRAM,
        |fact| {
            let mut said = Said::new();
            put(&mut said, "maker", &[attribute(fact, "vendor identifier")?]);
            Some(said)
        },
        |row| {
            let mut said = Said::new();
            put(&mut said, "maker", row.first().map_or(&[], Vec::as_slice));
            said
        },
    );
}

#[test]
fn s7_agrees_with_tshark() {
    let filter = "s7comm.header.rosctr == 1 && s7comm.param.func in {5, 26, 41}";
    streams::compare(
        "s7",
        filter,
        &["s7comm"],
        &["s7comm.param.func"],
        &s7::STREAM,
        |fact, said| {
            if let Fact::Control(control) = fact
                && control.accepted.is_none()
            {
                let code = match control.command.as_str() {
                    "Write Var" => 5,
                    "Request Download" => 26,
                    "PLC Stop" => 41,
                    _ => return,
                };
                put(said, "function", &[code.to_string()]);
            }
        },
        |row, said| {
            let codes: Vec<_> =
                row.first().into_iter().flatten().map(|code| super::number(code).to_string()).collect();
            put(said, "function", &codes);
        },
    );
}

#[test]
fn radius_agrees_with_tshark() {
    datagrams::compare(
        "radius",
        "radius.code in {1, 4} && udp && !icmp",
        &["radius"],
        &["radius.NAS_Identifier"],
        &radius::DATAGRAM,
        |fact| {
            let Fact::Identity(told) = fact else { return None };
            let mut said = Said::new();
            let name: Vec<_> = told.name.iter().map(Label::to_string).collect();
            put(&mut said, "access server", &name);
            Some(said)
        },
        |row| {
            let mut said = Said::new();
            put(&mut said, "access server", row.first().map_or(&[], Vec::as_slice));
            said
        },
    );
}

#[test]
fn kerberos_agrees_with_tshark() {
    datagrams::compare(
        "kerberos",
        "kerberos.msg_type in {11, 13} && udp && !icmp",
        &["kerberos"],
        &["kerberos.crealm"],
        &kerberos::DATAGRAM,
        |fact| {
            let mut said = Said::new();
            put(&mut said, "domain", &[attribute(fact, "domain")?]);
            Some(said)
        },
        |row| {
            let mut said = Said::new();
            put(&mut said, "domain", row.first().map_or(&[], Vec::as_slice));
            said
        },
    );
}
