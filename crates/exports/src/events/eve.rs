//! EVE JSON as Suricata 7 writes it; what is ours stands under `iomt`.

use serde_json::{Value, json};
use wardline_model::{Finding, FlowRecord, Record, TcpOutcome, Timestamp};

use super::{VERSION, number, priority, text, title, transport_name, without_nulls};

pub(super) fn event(record: &Record) -> Option<Value> {
    Some(without_nulls(match record {
        Record::Finding(finding) => alert(finding),
        Record::Flow(flow) => self::flow(flow),
        _ => return None,
    }))
}

/// Suricata writes the offset without a colon.
fn time(time: Timestamp) -> String {
    format!("{}+0000", time.to_string().trim_end_matches('Z'))
}

fn alert(finding: &Finding) -> Value {
    let evidence = finding.evidence.first();
    json!({
        "timestamp": time(finding.time),
        "event_type": "alert",
        "src_ip": finding.source.as_ref().and_then(|source| source.ip),
        "dest_ip": finding.device.as_ref().and_then(|device| device.ip),
        "community_id": evidence.and_then(|evidence| evidence.community_id),
        "pcap_filename": evidence.map(|evidence| &evidence.file),
        "pcap_cnt": evidence.map(|evidence| evidence.packet),
        "alert": {
            "action": "allowed",
            "gid": 1,
            "signature_id": number(finding.detector.as_str()),
            "rev": 1,
            "signature": format!("WARDLINE {} {}", title(finding.attack), finding.detector),
            "category": finding.attack,
            "severity": priority(finding.severity),
            "metadata": {
                "mitre_technique_id": finding.techniques,
                "confidence": [format!("{:.0}", finding.confidence * 100.0)],
            },
        },
        "iomt": {
            "version": VERSION,
            "id": finding.id,
            "updates": finding.updates,
            "severity": finding.severity,
            "device": text(finding.device.as_ref()),
            "source": text(finding.source.as_ref()),
            "started": finding.started,
            "last_seen": finding.last_seen,
            "summary": finding.summary,
            "silent_if": finding.silent_if,
            "clinical": finding.clinical,
            "playbook": finding.playbook,
        },
    })
}

fn flow(flow: &FlowRecord) -> Value {
    let seconds = flow.end.seconds_since(flow.start).max(0.0);
    json!({
        "timestamp": time(flow.end),
        "event_type": "flow",
        "vlan": flow.vlan.map(|vlan| [vlan]),
        "src_ip": flow.src,
        "src_port": flow.ports[0],
        "dest_ip": flow.dst,
        "dest_port": flow.ports[1],
        "proto": transport_name(flow.protocol).to_uppercase(),
        "app_proto": flow.application,
        "community_id": flow.community_id,
        "flow": {
            "pkts_toserver": flow.packets[0],
            "pkts_toclient": flow.packets[1],
            "bytes_toserver": flow.bytes[0],
            "bytes_toclient": flow.bytes[1],
            "start": time(flow.start),
            "end": time(flow.end),
            // As seconds are counted there.
            "age": seconds as u64,
            "state": match flow.tcp {
                Some(TcpOutcome::Unanswered) => "new",
                Some(TcpOutcome::Closed | TcpOutcome::Reset | TcpOutcome::Refused) => "closed",
                _ => "established",
            },
            "reason": "timeout",
            "alerted": false,
        },
        "iomt": {
            "version": VERSION,
            "src_device": flow.src_device,
            "dest_device": flow.dst_device,
            "encrypted": flow.encrypted,
            "server_name": flow.server_name,
            "fingerprints": flow.fingerprints,
        },
    })
}
