//! Everything out, and everything in.

use rusqlite::{Connection, Row, TransactionBehavior, params};
use serde::de::DeserializeOwned;
use wardline_model::Timestamp;

use super::read::edge;
use super::{Failure, write};
use crate::conditions::EDGE_COLUMNS;
use crate::record::undigest;
use crate::{Charge, Heard, Item, StoreError, Totals};

type Visit<'a> = &'a mut dyn FnMut(Item) -> Result<(), StoreError>;

/// Gives everything before the conversations to `visit`. The connection is in a transaction, so all is of one moment.
pub(super) fn export_records(connection: &Connection, visit: Visit<'_>) -> Result<(), Failure> {
    records(connection, "device", "SELECT id, record, digest FROM device ORDER BY id", |device| {
        visit(Item::Device(device))
    })?;
    records(connection, "finding", "SELECT id, record, digest FROM finding ORDER BY id", |finding| {
        visit(Item::Finding(finding))
    })?;
    records(connection, "exposure", "SELECT id, record, digest FROM exposure ORDER BY id", |exposure| {
        visit(Item::Exposure(exposure))
    })?;
    records(
        connection,
        "vulnerability",
        "SELECT id, record, digest FROM vulnerability ORDER BY id",
        |vulnerability| visit(Item::Vulnerability(vulnerability)),
    )?;
    records(connection, "lifecycle", "SELECT id, record, digest FROM lifecycle ORDER BY id", |lifecycle| {
        visit(Item::Lifecycle(lifecycle))
    })?;
    records(
        connection,
        "plan_event",
        "SELECT device || ' ' || cve, record, digest FROM plan_event ORDER BY number",
        |event| visit(Item::PlanEvent(event)),
    )?;
    let text =
        format!("SELECT {EDGE_COLUMNS} FROM edge ORDER BY hour, src, dst, transport, port, application");
    let mut statement = connection.prepare(&text)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        visit(Item::Edge(Box::new(edge(row)?)))?;
    }
    Ok(())
}

fn records<T: DeserializeOwned>(
    connection: &Connection,
    table: &'static str,
    text: &str,
    mut visit: impl FnMut(Box<T>) -> Result<(), StoreError>,
) -> Result<(), Failure> {
    let mut statement = connection.prepare(text)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        let record = row.get_ref(1)?.as_blob().unwrap_or_default();
        let stored = row.get_ref(2)?.as_blob().unwrap_or_default();
        visit(undigest(table, &id, record, stored)?)?;
    }
    Ok(())
}

/// Gives the conversations that wait to `visit`, the oldest first.
pub(super) fn export_waiting(connection: &Connection, visit: Visit<'_>) -> Result<(), Failure> {
    records(connection, "flow", "SELECT '', record, digest FROM waiting_flow ORDER BY number", |flow| {
        visit(Item::Flow(flow))
    })
}

/// Gives what was counted to `visit`.
pub(super) fn export_counts(connection: &Connection, visit: Visit<'_>) -> Result<(), Failure> {
    for heard in heard(connection)? {
        visit(Item::Heard(heard))?;
    }
    let totals = connection.query_row(
        "SELECT sequence, packets, bytes, dropped, flows, newest FROM progress",
        [],
        |row| {
            let count = |index: usize| row.get::<_, i64>(index).map(i64::cast_unsigned);
            Ok(Totals {
                sequence: count(0)?,
                packets: count(1)?,
                bytes: count(2)?,
                dropped: count(3)?,
                flows: count(4)?,
                newest: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_nanoseconds),
            })
        },
    )?;
    visit(Item::Totals(totals))?;
    Ok(())
}

pub(super) fn heard(connection: &Connection) -> Result<Vec<Heard>, Failure> {
    let row = |row: &Row<'_>| {
        Ok(Heard {
            sensor: row.get(0)?,
            spool: row.get(1)?,
            number: row.get::<_, i64>(2)?.cast_unsigned(),
            places: row.get::<_, i64>(3)?.cast_unsigned(),
        })
    };
    let mut statement =
        connection.prepare_cached("SELECT sensor, spool, number, places FROM heard ORDER BY sensor")?;
    Ok(statement.query_map([], row)?.collect::<Result<_, _>>()?)
}

/// Takes everything into empty tables, whole or not at all.
pub(super) fn import(
    connection: &mut Connection,
    items: &mut dyn Iterator<Item = Result<Item, StoreError>>,
) -> Result<(), Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let holds: bool = transaction.query_row(
        "SELECT EXISTS (SELECT 1 FROM device) OR EXISTS (SELECT 1 FROM finding) OR EXISTS (SELECT 1 FROM plan_event)
         OR EXISTS (SELECT 1 FROM edge) OR EXISTS (SELECT 1 FROM vulnerability)
         OR (SELECT sequence FROM progress) <> 0",
        [],
        |row| row.get(0),
    )?;
    if holds {
        return Err(Failure::NotEmpty);
    }
    for item in items {
        match item? {
            Item::Device(device) => write::put_device(&transaction, &device)?,
            Item::Finding(finding) => write::put_finding(&transaction, &finding)?,
            Item::Exposure(exposure) => write::put_exposure(&transaction, &exposure)?,
            Item::Vulnerability(vulnerability) => write::put_vulnerability(&transaction, &vulnerability)?,
            Item::Lifecycle(lifecycle) => write::put_lifecycle(&transaction, &lifecycle)?,
            Item::PlanEvent(event) => write::add_plan_event(&transaction, &event)?,
            Item::Edge(edge) => write::add_edge(&transaction, &edge)?,
            Item::Flow(flow) => write::put_flow(&transaction, &flow)?,
            Item::Heard(heard) => write::put_heard(&transaction, &heard)?,
            Item::Totals(totals) => {
                transaction.execute(
                    "UPDATE progress SET sequence=?1, packets=?2, bytes=?3, dropped=?4, flows=?5, newest=?6",
                    params![
                        totals.sequence.cast_signed(),
                        totals.packets.cast_signed(),
                        totals.bytes.cast_signed(),
                        totals.dropped.cast_signed(),
                        totals.flows.cast_signed(),
                        totals.newest.map(Timestamp::nanoseconds),
                    ],
                )?;
            }
        }
    }
    transaction.commit()?;
    Ok(())
}

/// Keeps writers waiting while `work` runs.
pub(super) fn while_still(
    connection: &mut Connection,
    work: &mut dyn FnMut() -> Result<Option<String>, StoreError>,
) -> Result<(), Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if let Some(to) = work()? {
        transaction.execute("UPDATE charge SET moved_to = ?1", [to])?;
    }
    transaction.commit()?;
    Ok(())
}

pub(super) fn take_charge(
    connection: &mut Connection,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Charge>, Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let number = {
        let mut statement = transaction.prepare_cached(
            "UPDATE charge SET number = number + (holder <> ?1), holder = ?1, held_until = ?3
             WHERE holder = ?1 OR held_until <= ?2 RETURNING number",
        )?;
        let mut rows = statement.query(params![holder, now.nanoseconds(), until.nanoseconds()])?;
        rows.next()?.map(|row| row.get::<_, i64>(0)).transpose()?
    };
    transaction.commit()?;
    Ok(number.map(|number| Charge(number.cast_unsigned())))
}
