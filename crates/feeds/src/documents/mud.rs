//! Manufacturer Usage Descriptions (RFC 8520), as files in JSON.

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Map, Value};
use wardline_model::{
    Documented, DocumentedPeer, DocumentedUse, Label, PortRange, Transport, has_ports, is_link_scope,
};

use super::{DocumentError, Read, wrong};

#[derive(Deserialize)]
struct File {
    #[serde(rename = "ietf-mud:mud")]
    mud: Description,
    #[serde(
        rename = "ietf-access-control-list:acls",
        alias = "ietf-access-control-list:access-lists",
        default
    )]
    lists: Lists,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Description {
    mud_version: u8,
    #[serde(default)]
    mfg_name: Option<String>,
    #[serde(default)]
    model_name: Option<String>,
    #[serde(default)]
    from_device_policy: Direction,
    #[serde(default)]
    to_device_policy: Direction,
}

#[derive(Default, Deserialize)]
struct Direction {
    #[serde(rename = "access-lists", default)]
    lists: Named,
}

#[derive(Default, Deserialize)]
struct Named {
    #[serde(rename = "access-list", default)]
    list: Vec<Name>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Default, Deserialize)]
struct Lists {
    #[serde(default)]
    acl: Vec<List>,
}

#[derive(Deserialize)]
struct List {
    name: String,
    #[serde(default)]
    aces: Entries,
}

#[derive(Default, Deserialize)]
struct Entries {
    #[serde(default)]
    ace: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(default)]
    matches: Map<String, Value>,
    #[serde(default)]
    actions: Map<String, Value>,
}

pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Read, DocumentError> {
    let file: File = serde_json::from_slice(bytes).map_err(|error| {
        wrong(format!("line {}", error.line()), "not a MUD file: ".to_owned() + &error.to_string())
    })?;
    if file.mud.mud_version != 1 {
        return Err(wrong("mud-version", format!("{}; version 1 is read", file.mud.mud_version)));
    }
    let label = |text: &Option<String>| text.as_deref().map(Label::new).filter(|label| !label.is_empty());
    let (vendor, model) = (label(&file.mud.mfg_name), label(&file.mud.model_name));
    if vendor.is_none() && model.is_none() {
        return Err(DocumentError::AboutNobody);
    }
    let mut uses = Vec::new();
    let mut not_rules = 0;
    for (from_device, policy) in [(true, &file.mud.from_device_policy), (false, &file.mud.to_device_policy)] {
        for named in &policy.lists.list {
            let list = file.lists.acl.iter().find(|list| list.name == named.name);
            let list = list.ok_or_else(|| {
                wrong(format!("access list '{}'", named.name), "it is named, and not there")
            })?;
            for entry in &list.aces.ace {
                match use_of(name, entry, from_device)? {
                    Some(one) => uses.push(one),
                    None => not_rules += 1,
                }
            }
        }
    }
    // Both directions of a conversation are described; one rule stands for both.
    uses.sort();
    uses.dedup_by(|one, other| {
        (one.begins, &one.peer, one.transport, &one.ports)
            == (other.begins, &other.peer, other.transport, &other.ports)
    });
    Ok(Read { documented: vec![Documented { vendor, model, category: None, uses }], not_rules })
}

/// What an entry allows, as a conversation; `None` where it is none.
fn use_of(file: &str, entry: &Entry, from_device: bool) -> Result<Option<DocumentedUse>, DocumentError> {
    let place = || format!("entry '{}'", entry.name);
    if entry.actions.get("forwarding").and_then(Value::as_str) != Some("accept") {
        return Ok(None);
    }
    let header = |name: &str| entry.matches.get(name).and_then(Value::as_object);
    let network = header("ipv4").or_else(|| header("ipv6"));
    let Some(transport) = transport(entry, network) else { return Ok(None) };
    let Some(peer) = peer(entry, network, from_device).map_err(|problem| wrong(place(), problem))? else {
        return Ok(None);
    };
    let ports = header("tcp").or_else(|| header("udp"));
    let of = |field: &str| -> Result<Option<Vec<PortRange>>, DocumentError> {
        let value = ports.and_then(|ports| ports.get(field));
        value
            .map(|value| ranges(value).ok_or_else(|| wrong(place(), format!("{field} is no port or range"))))
            .transpose()
    };
    let (source, destination) = (of("source-port")?, of("destination-port")?);
    let initiated = ports.and_then(|tcp| tcp.get("ietf-mud:direction-initiated")).and_then(Value::as_str);
    let begins = match initiated {
        Some("from-device") => true,
        Some("to-device") => false,
        Some(_) => return Err(wrong(place(), "direction-initiated is neither from-device nor to-device")),
        // Services have the port that is named: a destination's is that of who answers.
        None => from_device == (destination.is_some() || source.is_none()),
    };
    let service = if begins == from_device { destination } else { source };
    if !has_ports(transport) {
        // Echo replies and the like belong to what they answer.
        return Ok((begins == from_device && !is_reply(entry)).then(|| DocumentedUse {
            begins: from_device,
            peer,
            transport,
            ports: vec![PortRange::ALL],
            source: Label::new(&format!("{file}, {}", entry.name)),
        }));
    }
    Ok(Some(DocumentedUse {
        begins,
        peer,
        transport,
        ports: service.unwrap_or_else(|| vec![PortRange::ALL]),
        source: Label::new(&format!("{file}, {}", entry.name)),
    }))
}

fn is_reply(entry: &Entry) -> bool {
    let kind = entry.matches.get("icmp").and_then(|icmp| icmp.get("type")).and_then(Value::as_u64);
    matches!(kind, Some(0 | 129))
}

fn transport(entry: &Entry, network: Option<&Map<String, Value>>) -> Option<Transport> {
    let number = network.and_then(|fields| fields.get("protocol")).and_then(Value::as_u64);
    if let Some(number) = number {
        return u8::try_from(number).ok().map(Transport);
    }
    let has = |name: &str| entry.matches.contains_key(name);
    if has("tcp") {
        Some(Transport::TCP)
    } else if has("udp") {
        Some(Transport::UDP)
    } else if has("icmp") {
        Some(if has("ipv6") { Transport::ICMP6 } else { Transport::ICMP })
    } else {
        None
    }
}

/// The other end: by class, by name, or by address. `None` where it crosses no router.
fn peer(
    entry: &Entry,
    network: Option<&Map<String, Value>>,
    from_device: bool,
) -> Result<Option<DocumentedPeer>, String> {
    if let Some(class) = entry.matches.get("ietf-mud:mud").and_then(Value::as_object) {
        let has = |name: &str| class.contains_key(name);
        return Ok(Some(if has("same-manufacturer") || has("model") || has("manufacturer") {
            DocumentedPeer::SameKind
        } else if has("local-networks") {
            DocumentedPeer::Local
        } else {
            // `controller` and `my-controller`.
            DocumentedPeer::Server
        }));
    }
    let side = if from_device { "destination" } else { "source" };
    let short = if from_device { "dst" } else { "src" };
    let Some(fields) = network else { return Ok(Some(DocumentedPeer::Local)) };
    if let Some(name) = fields.get(&format!("ietf-acldns:{short}-dnsname")).and_then(Value::as_str) {
        return Ok(Some(DocumentedPeer::Name(Label::new(name))));
    }
    let written = ["ipv4", "ipv6"].iter().find_map(|family| fields.get(&format!("{side}-{family}-network")));
    let Some(written) = written.and_then(Value::as_str) else { return Ok(Some(DocumentedPeer::Local)) };
    let network: IpNet = written.parse().map_err(|_| format!("'{written}' is no network"))?;
    Ok((!is_link_scope(network.addr())).then(|| DocumentedPeer::Network(network.trunc())))
}

/// Ports of RFC 8519: a range, or an operator and a port.
fn ranges(value: &Value) -> Option<Vec<PortRange>> {
    let number =
        |name: &str| value.get(name).and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    if let Some(first) = number("lower-port") {
        let last = number("upper-port").unwrap_or(first);
        return (first <= last).then(|| vec![PortRange { first, last }]);
    }
    let port = number("port")?;
    match value.get("operator").and_then(Value::as_str).unwrap_or("eq") {
        "eq" => Some(vec![PortRange::one(port)]),
        "lte" => Some(vec![PortRange { first: 0, last: port }]),
        "gte" => Some(vec![PortRange { first: port, last: u16::MAX }]),
        "neq" => {
            let below = port.checked_sub(1).map(|last| PortRange { first: 0, last });
            let above = port.checked_add(1).map(|first| PortRange { first, last: u16::MAX });
            Some(below.into_iter().chain(above).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// As makers write: by name, by class, both directions.
    fn file() -> Value {
        json!({
            "ietf-mud:mud": {
                "mud-version": 1, "mud-url": "https://pumps.example/steady.json",
                "last-update": "2026-01-31T10:00:00+00:00", "is-supported": true,
                "mfg-name": "Corvin", "model-name": "SteadyFlow",
                "from-device-policy": { "access-lists": { "access-list": [{ "name": "out" }] } },
                "to-device-policy": { "access-lists": { "access-list": [{ "name": "in" }] } }
            },
            "ietf-access-control-list:acls": { "acl": [
                { "name": "out", "type": "ipv4-acl-type", "aces": { "ace": [
                    { "name": "update", "matches": {
                        "ipv4": { "ietf-acldns:dst-dnsname": "update.pumps.example", "protocol": 6 },
                        "tcp": { "destination-port": { "operator": "eq", "port": 443 },
                                 "ietf-mud:direction-initiated": "from-device" } },
                      "actions": { "forwarding": "accept" } },
                    { "name": "server", "matches": { "ietf-mud:mud": { "my-controller": [null] },
                        "ipv4": { "protocol": 17 }, "udp": { "destination-port": { "lower-port": 5000, "upper-port": 5010 } } },
                      "actions": { "forwarding": "accept" } },
                    { "name": "never", "matches": { "ipv4": { "protocol": 6 } }, "actions": { "forwarding": "drop" } }
                ] } },
                { "name": "in", "type": "ipv4-acl-type", "aces": { "ace": [
                    { "name": "update-back", "matches": {
                        "ipv4": { "ietf-acldns:src-dnsname": "update.pumps.example", "protocol": 6 },
                        "tcp": { "source-port": { "operator": "eq", "port": 443 },
                                 "ietf-mud:direction-initiated": "from-device" } },
                      "actions": { "forwarding": "accept" } },
                    { "name": "service", "matches": {
                        "ipv4": { "protocol": 6, "source-ipv4-network": "10.9.0.0/24" },
                        "tcp": { "destination-port": { "operator": "gte", "port": 65000 } } },
                      "actions": { "forwarding": "accept" } }
                ] } }
            ] }
        })
    }

    #[test]
    fn both_directions_of_a_conversation_are_one_use() {
        let read = read("steady.json", file().to_string().as_bytes()).unwrap();
        assert_eq!(read.not_rules, 1);
        let [documented] = &read.documented[..] else { panic!("{read:?}") };
        assert_eq!(documented.vendor, Some(Label::new("Corvin")));
        let said: Vec<_> = documented
            .uses
            .iter()
            .map(|one| (one.begins, one.peer.clone(), one.transport, one.ports.clone()))
            .collect();
        assert_eq!(
            said,
            [
                (
                    false,
                    DocumentedPeer::Network("10.9.0.0/24".parse().unwrap()),
                    Transport::TCP,
                    vec![PortRange { first: 65_000, last: u16::MAX }]
                ),
                (
                    true,
                    DocumentedPeer::Name("update.pumps.example".into()),
                    Transport::TCP,
                    vec![PortRange::one(443)]
                ),
                (true, DocumentedPeer::Server, Transport::UDP, vec![PortRange { first: 5_000, last: 5_010 }]),
            ]
        );
        assert_eq!(documented.uses[2].source.as_str(), "steady.json, server");
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_place() {
        let change = |path: &str, value: Value| {
            let mut file = file();
            *file.pointer_mut(path).unwrap() = value;
            read("f", file.to_string().as_bytes()).unwrap_err().to_string()
        };
        assert!(change("/ietf-mud:mud/mud-version", json!(2)).contains("version 1 is read"));
        let lists = "/ietf-mud:mud/from-device-policy/access-lists/access-list/0/name";
        assert!(change(lists, json!("gone")).contains("access list 'gone'"));
        let port = "/ietf-access-control-list:acls/acl/0/aces/ace/0/matches/tcp/destination-port";
        assert!(change(port, json!({ "operator": "eq", "port": 70_000 })).contains("entry 'update'"));
        let network = "/ietf-access-control-list:acls/acl/1/aces/ace/1/matches/ipv4/source-ipv4-network";
        assert!(change(network, json!("10.9.0.0/99")).contains("no network"));
        let mut nameless = file();
        let mud = nameless["ietf-mud:mud"].as_object_mut().unwrap();
        mud.remove("mfg-name");
        mud.remove("model-name");
        assert_eq!(read("f", nameless.to_string().as_bytes()), Err(DocumentError::AboutNobody));
    }
}
