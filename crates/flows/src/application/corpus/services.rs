//! SSH, syslog, TFTP, RTSP, DHCPv6, HSRP and RIP.

use wardline_model::{Fact, Label};

use super::super::{dhcpv6, routing, rtsp, ssh, syslog, tftp};
use super::{Said, datagrams, streams};

/// Values of one field, in order.
fn put(said: &mut Said, field: &'static str, values: &[String]) {
    if !values.is_empty() {
        said.entry(field).or_default().extend_from_slice(values);
    }
}

fn label(text: &str) -> String {
    Label::new(text).as_str().to_owned()
}

fn column(row: &[Vec<String>], place: usize) -> &[String] {
    row.get(place).map_or(&[], Vec::as_slice)
}

fn attribute(fact: &Fact, name: &str) -> Option<String> {
    let Fact::Identity(told) = fact else { return None };
    told.attributes.iter().find(|(known, _)| known.as_str() == name).map(|(_, value)| value.to_string())
}

#[test]
fn ssh_agrees_with_tshark() {
    streams::compare(
        "ssh",
        "ssh.kex.hassh || ssh.kex.hasshserver",
        &["ssh"],
        &["ssh.kex.hassh", "ssh.kex.hasshserver"],
        &ssh::STREAM,
        |fact, said| {
            put(said, "hassh", &attribute(fact, "hassh").into_iter().collect::<Vec<_>>());
            put(said, "hassh server", &attribute(fact, "hassh server").into_iter().collect::<Vec<_>>());
        },
        |row, said| {
            put(said, "hassh", column(row, 0));
            put(said, "hassh server", column(row, 1));
        },
    );
}

#[test]
fn syslog_agrees_with_tshark() {
    datagrams::compare(
        "syslog",
        "syslog && udp && syslog.hostname",
        &["syslog"],
        &["syslog.hostname"],
        &syslog::DATAGRAM,
        |fact| {
            let Fact::Identity(told) = fact else { return None };
            let mut said = Said::new();
            put(&mut said, "host", &told.name.iter().map(Label::to_string).collect::<Vec<_>>());
            Some(said)
        },
        |row| {
            let mut said = Said::new();
            // Where the host is left out, tshark takes the program for it.
            let host = |name: &&String| name.parse::<std::net::IpAddr>().is_err() && !name.ends_with(':');
            let names = column(row, 0).iter().filter(host);
            put(&mut said, "host", &names.map(|name| label(name)).collect::<Vec<_>>());
            said
        },
    );
}

#[test]
fn tftp_agrees_with_tshark() {
    datagrams::compare(
        "tftp",
        "tftp.opcode in {1, 2} && !icmp",
        &["tftp"],
        &["tftp.opcode"],
        &tftp::DATAGRAM,
        |fact| {
            let Fact::Control(control) = fact else { return None };
            let mut said = Said::new();
            put(&mut said, "write", &[control.operation.changes().to_string()]);
            Some(said)
        },
        |row| {
            let mut said = Said::new();
            let writes = column(row, 0).iter().map(|code| (super::number(code) == 2).to_string());
            put(&mut said, "write", &writes.collect::<Vec<_>>());
            said
        },
    );
}

#[test]
fn rtsp_agrees_with_tshark() {
    streams::compare(
        "rtsp",
        "rtsp.status",
        &["rtsp"],
        &["rtsp.status"],
        &rtsp::STREAM,
        |fact, said| {
            if let Fact::Identity(told) = fact
                && told.role.as_ref().is_some_and(|role| role.as_str() == "rtsp server")
            {
                said.insert("server", vec!["yes".to_owned()]);
            }
        },
        |row, said| {
            if !column(row, 0).is_empty() {
                said.insert("server", vec!["yes".to_owned()]);
            }
        },
    );
}

#[test]
fn dhcpv6_agrees_with_tshark() {
    datagrams::compare(
        "dhcpv6",
        "dhcpv6.msgtype in {1, 3, 4, 5, 6, 8, 9, 11} && dhcpv6.duid.bytes && udp && !icmpv6",
        &["dhcpv6"],
        &["dhcpv6.client_domain"],
        &dhcpv6::DATAGRAM,
        |fact| {
            let Fact::Identity(told) = fact else { return None };
            let mut said = Said::new();
            put(&mut said, "name", &told.name.iter().map(Label::to_string).collect::<Vec<_>>());
            Some(said)
        },
        |row| {
            let mut said = Said::new();
            let names = column(row, 0).iter().map(|name| label(name.trim_end_matches('.')));
            put(&mut said, "name", &names.collect::<Vec<_>>());
            said
        },
    );
}

#[test]
fn hsrp_agrees_with_tshark() {
    datagrams::compare(
        "hsrp",
        "hsrp && udp && (hsrp.priority || hsrp2.priority)",
        &["hsrp"],
        &["hsrp.priority", "hsrp2.priority"],
        &routing::HSRP,
        |fact| {
            let Fact::Routing(told) = fact else { return None };
            let mut said = Said::new();
            put(
                &mut said,
                "priority",
                &told.priority.map(|priority| priority.to_string()).into_iter().collect::<Vec<_>>(),
            );
            Some(said)
        },
        |row| {
            let mut said = Said::new();
            put(&mut said, "priority", column(row, 0));
            put(&mut said, "priority", column(row, 1));
            said
        },
    );
}

#[test]
fn rip_agrees_with_tshark() {
    datagrams::compare(
        "rip",
        "rip.command == 2 && udp && !icmp",
        &["rip"],
        &["rip.metric"],
        &routing::RIP,
        |fact| {
            let Fact::Routing(told) = fact else { return None };
            let mut said = Said::new();
            put(&mut said, "routes", &[told.routes.to_string()]);
            Some(said)
        },
        |row| {
            let mut said = Said::new();
            put(&mut said, "routes", &[column(row, 0).len().to_string()]);
            said
        },
    );
}
