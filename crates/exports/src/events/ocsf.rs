//! OCSF 1.8: Detection Finding (2004), Vulnerability Finding (2002), Network Activity (4001), Device Inventory Info (5001).

use serde_json::{Value, json};
use wardline_model::{
    Category, Device, DeviceReference, Exposure, Finding, FlowRecord, Record, Severity, Vulnerability,
};

use super::{PRODUCT, VERSION, device_name, milliseconds, text, title, transport_name, without_nulls};

const SCHEMA: &str = "1.8.0";

pub(super) fn event(record: &Record) -> Option<Value> {
    Some(without_nulls(match record {
        Record::Finding(finding) => detection(finding),
        Record::Exposure(exposure) => weakness(exposure),
        Record::Vulnerability(vulnerability) => self::vulnerability(vulnerability),
        Record::Flow(flow) => activity(flow),
        Record::Device(device) => inventory(device),
        Record::Edge(_) | Record::Summary(_) => return None,
    }))
}

fn metadata() -> Value {
    json!({"version": SCHEMA, "product": {"name": PRODUCT, "vendor_name": PRODUCT, "version": VERSION}})
}

/// 1 informational to 5 critical.
const fn severity(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 1,
        Severity::Low => 2,
        Severity::Medium => 3,
        Severity::High => 4,
        Severity::Critical => 5,
    }
}

/// What every event of a class begins with. `activity` is 1 for create, 2 for update and so on, as the class says.
fn class(category: u32, class: u32, activity: u32) -> Value {
    json!({
        "category_uid": category, "class_uid": class, "activity_id": activity,
        "type_uid": u64::from(class) * 100 + u64::from(activity), "metadata": metadata(),
    })
}

fn with(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}

fn resource(party: &DeviceReference, role: u8) -> Value {
    json!({"uid": party.id, "name": text(Some(party)), "ip": party.ip, "type": "device", "role_id": role})
}

fn detection(finding: &Finding) -> Value {
    let attacks: Vec<_> =
        finding.techniques.iter().map(|technique| json!({"technique": {"uid": technique}})).collect();
    // 1 is a target, 2 an actor.
    let resources: Vec<_> = [(&finding.device, 1), (&finding.source, 2)]
        .into_iter()
        .filter_map(|(party, role)| Some(resource(party.as_ref()?, role)))
        .collect();
    let evidences: Vec<_> = finding
        .evidence
        .iter()
        .map(|seen| {
            json!({"data": {
                "file": seen.file, "packet": seen.packet, "time": seen.time, "protocol": seen.protocol,
                "field": seen.field, "value": seen.value, "community_id": seen.community_id,
            }})
        })
        .collect();
    with(
        class(2, 2004, if finding.updates == 0 { 1 } else { 2 }),
        json!({
            "time": milliseconds(finding.time),
            "start_time": milliseconds(finding.started),
            "end_time": milliseconds(finding.last_seen),
            "severity_id": severity(finding.severity),
            "confidence_score": (finding.confidence * 100.0).round() as u8,
            "status_id": 1,
            "message": finding.summary,
            "count": finding.observations,
            "finding_info": {
                "uid": finding.id,
                "title": title(finding.attack),
                "desc": finding.summary,
                "types": [finding.attack],
                "first_seen_time": milliseconds(finding.started),
                "last_seen_time": milliseconds(finding.last_seen),
                "analytic": {"name": finding.detector, "type_id": 1},
                "attacks": attacks,
            },
            "remediation": {"desc": finding.playbook.join(" ")},
            "resources": resources,
            "evidences": evidences,
            "unmapped": {"clinical": finding.clinical, "silent_if": finding.silent_if},
        }),
    )
}

fn weakness(exposure: &Exposure) -> Value {
    let resources: Vec<_> = exposure.device.iter().map(|party| resource(party, 1)).collect();
    with(
        class(2, 2004, if exposure.observations <= 1 { 1 } else { 2 }),
        json!({
            "time": milliseconds(exposure.last_seen),
            "severity_id": severity(exposure.severity),
            "status_id": 1,
            "message": exposure.summary,
            "count": exposure.observations,
            "finding_info": {
                "uid": exposure.id,
                "title": exposure.kind,
                "desc": exposure.summary,
                "types": ["exposure"],
                "first_seen_time": milliseconds(exposure.first_seen),
                "last_seen_time": milliseconds(exposure.last_seen),
            },
            "remediation": {"desc": exposure.remedy},
            "resources": resources,
        }),
    )
}

fn vulnerability(vulnerability: &Vulnerability) -> Value {
    let uid = format!("{}-{}", vulnerability.device, vulnerability.cve);
    with(
        class(2, 2002, 1),
        json!({
            // The record has no time of its own; the queue is of now, and the receiver stamps it.
            "time": 0,
            "severity_id": if vulnerability.kev { 5 } else { 99 },
            "severity": vulnerability.priority,
            "status_id": 1,
            "finding_info": {"uid": uid, "title": vulnerability.cve, "types": [vulnerability.advisory]},
            "vulnerabilities": [{
                "cve": {"uid": vulnerability.cve},
                "is_exploit_available": vulnerability.kev,
                "references": [vulnerability.advisory],
            }],
            "resources": [{"uid": vulnerability.device, "name": vulnerability.device_name, "type": "device"}],
            "unmapped": {"rank": vulnerability.rank, "why": vulnerability.why},
        }),
    )
}

fn activity(flow: &FlowRecord) -> Value {
    let endpoint = |ip, port, device: &Option<_>| json!({"ip": ip, "port": port, "uid": device});
    with(
        // 6 is traffic.
        class(4, 4001, 6),
        json!({
            "time": milliseconds(flow.end),
            "start_time": milliseconds(flow.start),
            "end_time": milliseconds(flow.end),
            "severity_id": 1,
            "src_endpoint": endpoint(flow.src, flow.ports[0], &flow.src_device),
            "dst_endpoint": with(
                endpoint(flow.dst, flow.ports[1], &flow.dst_device),
                json!({"hostname": flow.server_name}),
            ),
            "connection_info": {
                "protocol_num": flow.protocol.0,
                "protocol_name": transport_name(flow.protocol),
                "direction_id": 0,
                "community_uid": flow.community_id,
            },
            "app_name": flow.application,
            "traffic": {
                "packets_out": flow.packets[0], "packets_in": flow.packets[1],
                "bytes_out": flow.bytes[0], "bytes_in": flow.bytes[1],
                "packets": flow.packets[0] + flow.packets[1], "bytes": flow.bytes[0] + flow.bytes[1],
            },
        }),
    )
}

/// What OCSF calls a device.
const fn kind(category: Category) -> u8 {
    match category {
        Category::Unknown => 0,
        Category::Server => 1,
        Category::Workstation => 2,
        Category::Phone => 4,
        // IOT: medical devices have no number of their own.
        _ => 7,
    }
}

fn inventory(device: &Device) -> Value {
    with(
        // 2 is collect.
        class(5, 5001, 2),
        json!({
            "time": milliseconds(device.last_seen),
            "severity_id": 1,
            "device": {
                "uid": device.id,
                "type_id": kind(device.category),
                "type": device.category,
                "name": device_name(device),
                "hostname": device.hostnames.first(),
                "ip": device.ips.first(),
                "mac": device.macs.first().map(|mac| mac.to_string().to_uppercase()),
                "vendor_name": device.vendor,
                "model": device.model,
                "zone": device.zone,
                "first_seen_time": milliseconds(device.first_seen),
                "last_seen_time": milliseconds(device.last_seen),
            },
            "unmapped": {
                "firmware": device.firmware, "serial": device.serial, "role": device.role,
                "protocols": device.protocols, "criticality": device.criticality, "confidence": device.confidence,
            },
        }),
    )
}
