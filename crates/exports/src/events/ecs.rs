//! Elastic Common Schema 8; what is ours stands under `wardline`.

use serde_json::{Value, json};
use wardline_model::{Device, Exposure, Finding, FlowRecord, Record, Severity, Vulnerability};

use super::{PRODUCT, VERSION, device_name, title, transport_name, without_nulls};

const SCHEMA: &str = "8.17.0";

pub(super) fn event(record: &Record) -> Option<Value> {
    let mut event = match record {
        Record::Finding(finding) => alert(finding),
        Record::Exposure(exposure) => weakness(exposure),
        Record::Vulnerability(vulnerability) => self::vulnerability(vulnerability),
        Record::Flow(flow) => connection(flow),
        Record::Device(device) => host(device),
        Record::Edge(_) | Record::Summary(_) => return None,
    };
    if let Value::Object(fields) = &mut event {
        fields.insert("ecs".to_owned(), json!({"version": SCHEMA}));
        fields.insert(
            "observer".to_owned(),
            json!({"type": "ids", "vendor": PRODUCT, "product": PRODUCT, "version": VERSION}),
        );
    }
    Some(without_nulls(event))
}

/// 0 to 100, as Elastic's own rules count.
const fn risk(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 0,
        Severity::Low => 21,
        Severity::Medium => 47,
        Severity::High => 73,
        Severity::Critical => 99,
    }
}

fn alert(finding: &Finding) -> Value {
    let ip = |party: &Option<wardline_model::DeviceReference>| party.as_ref().and_then(|party| party.ip);
    json!({
        "@timestamp": finding.time,
        "message": finding.summary,
        "event": {
            "kind": "alert",
            "category": ["intrusion_detection"],
            "type": ["info"],
            "id": finding.id,
            "start": finding.started,
            "end": finding.last_seen,
            "severity": risk(finding.severity),
            "risk_score": risk(finding.severity),
            "dataset": "wardline.finding",
            "module": "wardline",
            "provider": finding.detector,
        },
        "rule": {"name": finding.detector, "category": finding.attack, "description": title(finding.attack)},
        "threat": {
            "framework": "MITRE ATT&CK",
            "technique": {"id": finding.techniques},
        },
        "host": finding.device.as_ref().map(|device| {
            json!({"id": device.id, "name": device.name, "ip": device.ip.map(|ip| [ip])})
        }),
        "source": ip(&finding.source).map(|ip| json!({"ip": ip, "address": ip.to_string()})),
        "destination": ip(&finding.device).map(|ip| json!({"ip": ip, "address": ip.to_string()})),
        "network": {"community_id": finding.evidence.first().and_then(|seen| seen.community_id)},
        "wardline": {
            "severity": finding.severity, "confidence": finding.confidence, "updates": finding.updates,
            "observations": finding.observations, "silent_if": finding.silent_if, "clinical": finding.clinical,
            "playbook": finding.playbook, "evidence": finding.evidence,
        },
    })
}

fn weakness(exposure: &Exposure) -> Value {
    json!({
        "@timestamp": exposure.last_seen,
        "message": exposure.summary,
        "event": {
            "kind": "state", "category": ["vulnerability"], "type": ["info"], "id": exposure.id,
            "start": exposure.first_seen, "end": exposure.last_seen, "severity": risk(exposure.severity),
            "dataset": "wardline.exposure", "module": "wardline",
        },
        "rule": {"name": exposure.kind},
        "host": exposure.device.as_ref().map(|device| {
            json!({"id": device.id, "name": device.name, "ip": device.ip.map(|ip| [ip])})
        }),
        "wardline": {
            "severity": exposure.severity, "remedy": exposure.remedy, "observations": exposure.observations,
            "patient_fields": exposure.patient_fields,
        },
    })
}

fn vulnerability(vulnerability: &Vulnerability) -> Value {
    json!({
        "event": {
            "kind": "state", "category": ["vulnerability"], "type": ["info"],
            "dataset": "wardline.vulnerability", "module": "wardline",
        },
        "host": {"id": vulnerability.device, "name": vulnerability.device_name},
        "vulnerability": {
            "id": vulnerability.cve, "enumeration": "CVE", "reference": vulnerability.advisory,
            "scanner": {"vendor": PRODUCT},
        },
        "wardline": {
            "rank": vulnerability.rank, "priority": vulnerability.priority, "kev": vulnerability.kev,
            "why": vulnerability.why,
        },
    })
}

fn connection(flow: &FlowRecord) -> Value {
    let end = |side: usize, ip: std::net::IpAddr| {
        json!({
            "ip": ip, "address": ip.to_string(), "port": flow.ports[side], "bytes": flow.bytes[side],
            "packets": flow.packets[side],
        })
    };
    json!({
        "@timestamp": flow.end,
        "event": {
            "kind": "event", "category": ["network"], "type": ["connection", "end"], "start": flow.start,
            "end": flow.end, "duration": flow.end.nanoseconds_since(flow.start).max(0),
            "dataset": "wardline.flow", "module": "wardline",
        },
        "source": end(0, flow.src),
        "destination": end(1, flow.dst),
        "network": {
            "transport": transport_name(flow.protocol),
            "protocol": flow.application,
            "iana_number": flow.protocol.0.to_string(),
            "community_id": flow.community_id,
            "bytes": flow.bytes[0] + flow.bytes[1],
            "packets": flow.packets[0] + flow.packets[1],
            "vlan": {"id": flow.vlan.map(|vlan| vlan.to_string())},
        },
        "tls": {"client": {"server_name": flow.server_name}},
        "wardline": {
            "src_device": flow.src_device, "dst_device": flow.dst_device, "encrypted": flow.encrypted,
            "fingerprints": flow.fingerprints,
        },
    })
}

fn host(device: &Device) -> Value {
    let macs: Vec<_> =
        device.macs.iter().map(|mac| mac.to_string().to_uppercase().replace(':', "-")).collect();
    json!({
        "@timestamp": device.last_seen,
        "event": {
            "kind": "asset", "category": ["host"], "type": ["info"], "dataset": "wardline.device",
            "module": "wardline",
        },
        "host": {
            "id": device.id, "name": device_name(device), "hostname": device.hostnames.first(), "ip": device.ips,
            "mac": macs, "type": device.category, "os": {"full": device.os},
        },
        "device": {
            "id": device.id, "manufacturer": device.vendor, "model": {"identifier": device.model},
            "serial_number": device.serial,
        },
        "wardline": {
            "firmware": device.firmware, "zone": device.zone, "criticality": device.criticality,
            "role": device.role, "protocols": device.protocols, "confidence": device.confidence,
        },
    })
}
