//! A batch into the tables, in one transaction.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use wardline_model::{Device, Edge, Exposure, Finding, FlowRecord, Lifecycle, PlanEvent, Vulnerability};

use super::Failure;
use crate::record::{encode, search_text, undigest};
use crate::{Acknowledged, Batch, Charge, Heard, Progress};

pub(super) fn append(connection: &mut Connection, batch: &Batch) -> Result<Acknowledged, Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    check_charge(&transaction, batch.charge)?;
    for device in &batch.devices {
        put_device(&transaction, device)?;
    }
    for finding in &batch.findings {
        put_finding(&transaction, finding)?;
    }
    for exposure in &batch.exposures {
        put_exposure(&transaction, exposure)?;
    }
    for flow in &batch.flows {
        put_flow(&transaction, flow)?;
    }
    for edge in &batch.edges {
        add_edge(&transaction, edge)?;
    }
    for heard in &batch.heard {
        put_heard(&transaction, heard)?;
    }
    let sequence = put_progress(&transaction, &batch.progress, batch.flows.len() as u64)?;
    transaction.commit()?;
    Ok(Acknowledged { sequence })
}

/// Refuses where another has the charge, or the store was moved.
fn check_charge(transaction: &Transaction<'_>, charge: Option<Charge>) -> Result<(), Failure> {
    let (number, moved): (i64, Option<String>) = transaction
        .prepare_cached("SELECT number, moved_to FROM charge")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    match moved {
        Some(to) => Err(Failure::Moved(to)),
        None if charge.is_some_and(|charge| charge.0 != number.cast_unsigned()) => Err(Failure::Superseded),
        None => Ok(()),
    }
}

pub(super) fn put_heard(transaction: &Transaction<'_>, heard: &Heard) -> Result<(), Failure> {
    transaction.prepare_cached("INSERT OR REPLACE INTO heard VALUES (?1,?2,?3,?4)")?.execute(params![
        heard.sensor,
        heard.spool,
        heard.number.cast_signed(),
        heard.places.cast_signed()
    ])?;
    Ok(())
}

pub(super) fn replace_vulnerabilities(
    connection: &mut Connection,
    queue: &[Vulnerability],
) -> Result<(), Failure> {
    let transaction = connection.transaction()?;
    transaction.execute("DELETE FROM vulnerability", [])?;
    for vulnerability in queue {
        put_vulnerability(&transaction, vulnerability)?;
    }
    transaction.commit()?;
    Ok(())
}

pub(super) fn replace_lifecycles(
    connection: &mut Connection,
    lifecycles: &[Lifecycle],
) -> Result<(), Failure> {
    let transaction = connection.transaction()?;
    transaction.execute("DELETE FROM lifecycle", [])?;
    for lifecycle in lifecycles {
        put_lifecycle(&transaction, lifecycle)?;
    }
    transaction.commit()?;
    Ok(())
}

pub(super) fn put_lifecycle(transaction: &Transaction<'_>, lifecycle: &Lifecycle) -> Result<(), Failure> {
    let id = lifecycle.device.to_string();
    let (record, digest) = encode("lifecycle", &id, lifecycle)?;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO lifecycle VALUES (?1,?2,?3)")?
        .execute(params![id, record, digest])?;
    Ok(())
}

pub(super) fn put_vulnerability(
    transaction: &Transaction<'_>,
    vulnerability: &Vulnerability,
) -> Result<(), Failure> {
    let device = vulnerability.device.to_string();
    let id = format!("{device} {}", vulnerability.cve);
    let (record, digest) = encode("vulnerability", &id, vulnerability)?;
    let search = format!("{}\n{}\n{}", vulnerability.device_name, vulnerability.cve, vulnerability.advisory);
    transaction
        .prepare_cached("INSERT OR REPLACE INTO vulnerability VALUES (?1,?2,?3,?4,?5,?6,?7,?8)")?
        .execute(params![
            id,
            device,
            vulnerability.cve.as_str(),
            vulnerability.rank,
            vulnerability.priority as i64,
            search.to_lowercase(),
            record,
            digest,
        ])?;
    Ok(())
}

pub(super) fn add_plan_event(connection: &Connection, event: &PlanEvent) -> Result<(), Failure> {
    let (device, cve) = (event.device.to_string(), event.cve.as_str());
    let (record, digest) = encode("plan_event", &format!("{device} {cve}"), event)?;
    connection
        .prepare_cached("INSERT INTO plan_event (device, cve, record, digest) VALUES (?1,?2,?3,?4)")?
        .execute(params![device, cve, record, digest])?;
    Ok(())
}

pub(super) fn put_device(transaction: &Transaction<'_>, device: &Device) -> Result<(), Failure> {
    let id = device.id.to_string();
    // A run knows only what it saw itself; the first sighting of an earlier run stands.
    let earlier: Option<(Vec<u8>, Vec<u8>)> = transaction
        .prepare_cached("SELECT record, digest FROM device WHERE id = ?1 AND first_seen < ?2")?
        .query_row(params![id, device.first_seen.nanoseconds()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let mut merged;
    let device = match earlier {
        Some((record, stored)) => {
            let earlier: Device = undigest("device", &id, &record, &stored)?;
            merged = device.clone();
            merged.first_seen = earlier.first_seen;
            &merged
        }
        None => device,
    };
    let (record, digest) = encode("device", &id, device)?;
    transaction
        .prepare_cached(
            "INSERT INTO device VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12) ON CONFLICT (id) DO UPDATE SET
             name=?2, category=?3, vendor=?4, zone=?5, criticality=?6, first_seen=?7, last_seen=?8,
             confidence=?9, search=?10, record=?11, digest=?12",
        )?
        .execute(params![
            id,
            device.display_name().as_str().to_lowercase(),
            device.category.name(),
            device.vendor.as_ref().map_or("", |vendor| vendor.as_str()),
            device.zone.as_ref().map_or("", |zone| zone.as_str()),
            device.criticality.map_or("", |criticality| criticality.name()),
            device.first_seen.nanoseconds(),
            device.last_seen.nanoseconds(),
            f64::from(device.confidence),
            search_text(device),
            record,
            digest,
        ])?;
    Ok(())
}

pub(super) fn put_finding(transaction: &Transaction<'_>, finding: &Finding) -> Result<(), Failure> {
    let (record, digest) = encode("finding", &finding.id, finding)?;
    let device = finding.device.as_ref().and_then(|device| device.id.as_ref()).map(ToString::to_string);
    let source = finding.source.as_ref().and_then(|source| source.id.as_ref()).map(ToString::to_string);
    transaction
        .prepare_cached(
            "INSERT INTO finding VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9) ON CONFLICT (id) DO UPDATE SET
             started=?2, last_seen=?3, attack=?4, severity=?5, device=?6, source=?7, record=?8, digest=?9",
        )?
        .execute(params![
            finding.id,
            finding.started.nanoseconds(),
            finding.last_seen.nanoseconds(),
            finding.attack.name(),
            finding.severity as i64,
            device,
            source,
            record,
            digest,
        ])?;
    Ok(())
}

pub(super) fn put_exposure(transaction: &Transaction<'_>, exposure: &Exposure) -> Result<(), Failure> {
    let (record, digest) = encode("exposure", &exposure.id, exposure)?;
    let device = exposure.device.as_ref().and_then(|device| device.id.as_ref()).map(ToString::to_string);
    let peer = exposure.peer.as_ref().and_then(|peer| peer.id.as_ref()).map(ToString::to_string);
    transaction
        .prepare_cached(
            "INSERT INTO exposure VALUES (?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT (id) DO UPDATE SET
             kind=?2, severity=?3, device=?4, peer=?5, last_seen=?6, record=?7, digest=?8",
        )?
        .execute(params![
            exposure.id,
            exposure.kind.name(),
            exposure.severity as i64,
            device,
            peer,
            exposure.last_seen.nanoseconds(),
            record,
            digest,
        ])?;
    Ok(())
}

pub(super) fn put_flow(transaction: &Transaction<'_>, flow: &FlowRecord) -> Result<(), Failure> {
    let (record, digest) = encode("flow", "", flow)?;
    transaction
        .prepare_cached(
            "INSERT INTO waiting_flow (src_device, dst_device, started, ended, record, digest)
             VALUES (?1,?2,?3,?4,?5,?6)",
        )?
        .execute(params![
            flow.src_device.as_ref().map(ToString::to_string),
            flow.dst_device.as_ref().map(ToString::to_string),
            flow.start.nanoseconds(),
            flow.end.nanoseconds(),
            record,
            digest,
        ])?;
    Ok(())
}

pub(super) fn add_edge(transaction: &Transaction<'_>, edge: &Edge) -> Result<(), Failure> {
    let (hour, src, dst) =
        (edge.hour.nanoseconds(), edge.src_device.to_string(), edge.dst_device.to_string());
    let values = params![
        hour,
        src,
        dst,
        edge.transport.0,
        edge.port,
        edge.application.map_or("", |application| application.name()),
        edge.flows.cast_signed(),
        edge.packets[0].cast_signed(),
        edge.packets[1].cast_signed(),
        edge.bytes[0].cast_signed(),
        edge.bytes[1].cast_signed(),
        edge.encrypted_flows.cast_signed(),
        edge.cleartext_flows.cast_signed(),
    ];
    let grown = transaction
        .prepare_cached(
            "UPDATE edge SET flows=flows+?7, packets_from=packets_from+?8, packets_to=packets_to+?9,
             bytes_from=bytes_from+?10, bytes_to=bytes_to+?11, encrypted=encrypted+?12, cleartext=cleartext+?13
             WHERE hour=?1 AND src=?2 AND dst=?3 AND transport=?4 AND port=?5 AND application=?6",
        )?
        .execute(values)?;
    if grown == 0 {
        transaction
            .prepare_cached("INSERT INTO edge VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)")?
            .execute(values)?;
        transaction
            .prepare_cached("INSERT INTO edge_hour VALUES (?1, 1) ON CONFLICT DO UPDATE SET edges=edges+1")?
            .execute([hour])?;
    }
    Ok(())
}

fn put_progress(transaction: &Transaction<'_>, progress: &Progress, flows: u64) -> Result<u64, Failure> {
    let sequence: i64 = transaction
        .prepare_cached(
            "UPDATE progress SET sequence=sequence+1, packets=packets+?1, bytes=bytes+?2, dropped=dropped+?3,
             flows=flows+?4, newest=max(coalesce(newest, ?5), coalesce(?5, newest)) RETURNING sequence",
        )?
        .query_row(
            params![
                progress.packets.cast_signed(),
                progress.bytes.cast_signed(),
                progress.dropped.cast_signed(),
                flows.cast_signed(),
                progress.newest.map(|time| time.nanoseconds()),
            ],
            |row| row.get(0),
        )?;
    Ok(sequence.cast_unsigned())
}
