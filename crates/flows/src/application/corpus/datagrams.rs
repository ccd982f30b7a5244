//! DHCP, DNS and its relatives, SNMP.

use wardline_model::fact::{DhcpMessage, DnsData};
use wardline_model::{Fact, Label, Protocol};

use super::super::{Datagram, dhcp, dns, driver, snmp};
use super::{Comparison, Said, captures, from_hexadecimal, number, sound, tshark};

/// Fields of the payload itself, in front of those of the protocol.
const PAYLOAD: [&str; 3] = ["frame.number", "udp.payload", "udp.port"];

/// Compares every datagram of a protocol; `theirs` is given the protocol's fields.
pub(super) fn compare(
    name: &str,
    filter: &str,
    protocols: &[&str],
    fields: &[&str],
    datagram: &Datagram,
    ours: fn(&Fact) -> Option<Said>,
    theirs: fn(&[Vec<String>]) -> Said,
) {
    let mut comparison = Comparison::default();
    let captures = captures(protocols);
    if captures.is_empty() {
        return;
    }
    let all: Vec<&str> = PAYLOAD.iter().chain(fields).copied().collect();
    for capture in &captures {
        for row in tshark(capture, &sound(filter), &all) {
            // Datagrams within datagrams are shown by their inner one only: too rare to be told apart here.
            let (Some([frame]), Some([payload])) =
                (row.first().map(Vec::as_slice), row.get(1).map(Vec::as_slice))
            else {
                continue;
            };
            let place = format!("{} {frame}", capture.file_name().unwrap().to_string_lossy());
            let bytes = from_hexadecimal(payload);
            let facts = driver::datagram(datagram, &bytes);
            let said = facts.iter().find_map(ours).unwrap_or_default();
            comparison.add(&place, &said, &theirs(&row[PAYLOAD.len()..]));
        }
    }
    comparison.finish(name);
}

fn put(said: &mut Said, field: &'static str, value: Option<String>) {
    if let Some(value) = value {
        said.entry(field).or_default().push(value);
    }
}

fn first(values: &[String]) -> Option<String> {
    values.first().cloned()
}

/// Text as a label would show it, so that only the reading is compared.
fn label(text: &str) -> String {
    Label::new(text).as_str().to_owned()
}

fn not_zero(values: &[String]) -> Option<String> {
    first(values).filter(|address| address != "0.0.0.0")
}

#[test]
fn dhcp_agrees_with_tshark() {
    let fields = [
        "dhcp.option.dhcp",
        "dhcp.hw.mac_addr",
        "dhcp.ip.client",
        "dhcp.ip.your",
        "dhcp.ip.relay",
        "dhcp.option.requested_ip_address",
        "dhcp.option.dhcp_server_id",
        "dhcp.option.hostname",
        "dhcp.fqdn.name",
        "dhcp.option.vendor_class_id",
        "dhcp.option.request_list_item",
        "dhcp.option.type",
        "dhcp.option.ip_address_lease_time",
        "dhcp.option.router",
        "dhcp.option.domain_name_server",
    ];
    compare("dhcp", "dhcp.cookie && !icmp", &["dhcp"], &fields, &dhcp::DATAGRAM, our_dhcp, their_dhcp);
}

fn our_dhcp(fact: &Fact) -> Option<Said> {
    let Fact::Dhcp(fact) = fact else { return None };
    let mut said = Said::new();
    let message = match fact.message {
        DhcpMessage::Discover => 1,
        DhcpMessage::Offer => 2,
        DhcpMessage::Request => 3,
        DhcpMessage::Decline => 4,
        DhcpMessage::Ack => 5,
        DhcpMessage::Nak => 6,
        DhcpMessage::Release => 7,
        DhcpMessage::Inform => 8,
        DhcpMessage::Other(other) => other,
    };
    put(&mut said, "message", Some(message.to_string()).filter(|text| text != "0"));
    put(&mut said, "client mac", Some(fact.client_mac.to_string()));
    put(&mut said, "client ip", fact.client_ip.map(|ip| ip.to_string()));
    put(&mut said, "your ip", fact.your_ip.map(|ip| ip.to_string()));
    put(&mut said, "relay", fact.relay.map(|ip| ip.to_string()));
    put(&mut said, "requested ip", fact.requested_ip.map(|ip| ip.to_string()));
    put(&mut said, "server", fact.server.map(|ip| ip.to_string()));
    put(&mut said, "host name", fact.host_name.as_ref().map(Label::to_string));
    put(&mut said, "domain name", fact.domain_name.as_ref().map(Label::to_string));
    put(&mut said, "vendor class", fact.vendor_class.as_ref().map(Label::to_string));
    put(&mut said, "lease", fact.lease_s.map(|seconds| seconds.to_string()));
    said.insert("parameters", fact.parameters.iter().map(u8::to_string).collect());
    said.insert("options", fact.options.iter().map(u8::to_string).collect());
    said.insert("routers", fact.routers.iter().map(ToString::to_string).collect());
    said.insert("name servers", fact.name_servers.iter().map(ToString::to_string).collect());
    Some(said)
}

fn their_dhcp(row: &[Vec<String>]) -> Said {
    let mut said = Said::new();
    put(&mut said, "message", first(&row[0]));
    put(&mut said, "client mac", Some(first(&row[1]).unwrap_or_else(|| "00:00:00:00:00:00".to_owned())));
    put(&mut said, "client ip", not_zero(&row[2]));
    put(&mut said, "your ip", not_zero(&row[3]));
    put(&mut said, "relay", not_zero(&row[4]));
    put(&mut said, "requested ip", first(&row[5]));
    put(&mut said, "server", first(&row[6]));
    put(&mut said, "host name", first(&row[7]).map(|text| label(&text)));
    put(&mut said, "domain name", first(&row[8]).map(|text| label(&text)));
    put(&mut said, "vendor class", first(&row[9]).map(|text| label(&text)));
    put(&mut said, "lease", first(&row[12]));
    said.insert("parameters", row[10].iter().take(64).cloned().collect());
    said.insert(
        "options",
        row[11].iter().filter(|code| !matches!(code.as_str(), "0" | "255")).take(64).cloned().collect(),
    );
    said.insert("routers", row[13].iter().take(4).cloned().collect());
    said.insert("name servers", row[14].iter().take(4).cloned().collect());
    said
}

#[test]
fn dns_agrees_with_tshark() {
    let fields = [
        "dns.flags.response",
        "dns.flags.opcode",
        "dns.flags.rcode",
        "dns.qry.name",
        "dns.qry.type",
        "dns.a",
        "dns.aaaa",
        "dns.ptr.domain_name",
        "dns.cname",
        "dns.srv.target",
        "dns.srv.port",
        "dns.count.auth_rr",
    ];
    let filter = "(dns || mdns || llmnr) && udp && !icmp && !icmpv6";
    compare("dns", filter, &["dns", "mdns", "llmnr"], &fields, &dns::DNS, our_dns, their_dns);
}

fn our_dns(fact: &Fact) -> Option<Said> {
    let Fact::Dns(fact) = fact else { return None };
    let mut said = Said::new();
    put(&mut said, "response", Some(u8::from(fact.response).to_string()));
    put(&mut said, "opcode", Some(fact.opcode.to_string()));
    put(&mut said, "response code", fact.response.then(|| fact.response_code.to_string()));
    for question in &fact.questions {
        let name = question.name.to_string();
        put(&mut said, "question", Some(if name.is_empty() { "<Root>".to_owned() } else { name }));
        put(&mut said, "question type", Some(question.record_type.to_string()));
    }
    // Of long answers only the beginning is told.
    if fact.answers.refused() > 0 {
        put(&mut said, "no records", Some(String::new()));
    }
    for answer in &fact.answers {
        let (field, value) = match (&answer.data, answer.record_type) {
            (DnsData::Address(address), 1) => ("a", address.to_string()),
            (DnsData::Address(address), _) => ("aaaa", address.to_string()),
            (DnsData::Name(name), 12) => ("ptr", name.to_string()),
            (DnsData::Name(name), 5) => ("cname", name.to_string()),
            (DnsData::Service { port, target }, _) => {
                put(&mut said, "srv port", Some(port.to_string()));
                ("srv target", target.to_string())
            }
            _ => continue,
        };
        put(&mut said, field, Some(value));
    }
    Some(said)
}

fn their_dns(row: &[Vec<String>]) -> Said {
    let mut said = Said::new();
    let response = row[0].first().map(|text| u8::from(text == "1" || text == "True").to_string());
    put(&mut said, "response", response);
    put(&mut said, "opcode", first(&row[1]));
    put(&mut said, "response code", first(&row[2]));
    said.insert("question", row[3].iter().take(8).map(|name| label(name)).collect());
    said.insert("question type", row[4].iter().take(8).map(|kind| number(kind).to_string()).collect());
    // The authority section is not told; tshark does not tell the sections apart.
    if row[11].first().is_some_and(|count| count != "0") {
        put(&mut said, "no records", Some(String::new()));
    }
    let kept = |values: &[String]| values.iter().map(|value| label(value)).collect::<Vec<_>>();
    said.insert("a", kept(&row[5]));
    said.insert("aaaa", kept(&row[6]));
    said.insert("ptr", kept(&row[7]));
    said.insert("cname", kept(&row[8]));
    said.insert("srv target", kept(&row[9]));
    said.insert("srv port", kept(&row[10]));
    said
}

#[test]
fn nbns_agrees_with_tshark() {
    let fields = ["nbns.flags.response", "nbns.flags.opcode", "nbns.addr", "nbns.type"];
    compare("nbns", "nbns && udp && !icmp", &["nbns"], &fields, &dns::NBNS, our_nbns, their_nbns);
}

fn our_nbns(fact: &Fact) -> Option<Said> {
    let Fact::Dns(fact) = fact else { return None };
    assert_eq!(fact.protocol, Protocol::Nbns);
    let mut said = Said::new();
    put(&mut said, "response", Some(u8::from(fact.response).to_string()));
    put(&mut said, "opcode", Some(fact.opcode.to_string()));
    let address = fact.answers.iter().find_map(|answer| match answer.data {
        DnsData::Address(address) => Some(address.to_string()),
        _ => None,
    });
    put(&mut said, "address", address);
    let question = fact.questions.iter().map(|question| question.record_type);
    let answer = fact.answers.iter().map(|answer| answer.record_type);
    put(&mut said, "type", question.chain(answer).next().map(|kind| kind.to_string()));
    Some(said)
}

fn their_nbns(row: &[Vec<String>]) -> Said {
    let mut said = Said::new();
    let response = row[0].first().map(|text| u8::from(text == "1" || text == "True").to_string());
    put(&mut said, "response", response);
    put(&mut said, "opcode", first(&row[1]));
    put(&mut said, "address", first(&row[2]));
    put(&mut said, "type", row[3].first().map(|kind| number(kind).to_string()));
    said
}

#[test]
fn snmp_agrees_with_tshark() {
    let fields = [
        "snmp.version",
        "snmp.msgVersion",
        "snmp.name",
        "snmp.error_status",
        "snmp.msgAuthoritativeEngineID",
    ];
    compare("snmp", "snmp && udp && !icmp", &["snmp"], &fields, &snmp::DATAGRAM, our_snmp, their_snmp);
}

fn our_snmp(fact: &Fact) -> Option<Said> {
    let Fact::Snmp(fact) = fact else { return None };
    let mut said = Said::new();
    put(&mut said, "version", Some(fact.version.to_string()));
    said.insert("object", fact.bindings.iter().map(|binding| binding.object.to_string()).collect());
    put(&mut said, "error", Some(fact.error.to_string()).filter(|error| error != "0"));
    put(&mut said, "engine", fact.engine.as_ref().map(Label::to_string));
    Some(said)
}

fn their_snmp(row: &[Vec<String>]) -> Said {
    let mut said = Said::new();
    let [version, version3, objects, error, engine] = row else { return said };
    let version = first(version).or_else(|| first(version3)).map(|version| match number(&version) {
        0 => "1".to_owned(),
        1 => "2".to_owned(),
        other => other.to_string(),
    });
    put(&mut said, "version", version);
    said.insert("object", objects.iter().take(16).cloned().collect());
    put(&mut said, "error", first(error).filter(|error| error != "0"));
    put(
        &mut said,
        "engine",
        first(engine).map(|engine| engine.replace(':', "")).filter(|engine| engine != "<MISSING>"),
    );
    said
}
