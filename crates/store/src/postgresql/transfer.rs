//! Everything out, and everything in.

use postgres::fallible_iterator::FallibleIterator as _;
use postgres::{Client, GenericClient, IsolationLevel};
use serde::de::DeserializeOwned;
use wardline_model::Timestamp;

use super::read::{edge, heard_row, record};
use super::{Failure, flows, write};
use crate::conditions::EDGE_COLUMNS;
use crate::{Batch, Item, StoreError, Totals};

type Visit<'a> = &'a mut dyn FnMut(Item) -> Result<(), StoreError>;

/// Gives everything to `visit`, as of one moment.
pub(super) fn export(client: &mut Client, visit: Visit<'_>) -> Result<(), Failure> {
    let builder = client.build_transaction().read_only(true);
    let mut client = builder.isolation_level(IsolationLevel::RepeatableRead).start()?;
    records(&mut client, "device", "SELECT id, record, digest FROM device ORDER BY id", |device| {
        visit(Item::Device(device))
    })?;
    records(&mut client, "finding", "SELECT id, record, digest FROM finding ORDER BY id", |finding| {
        visit(Item::Finding(finding))
    })?;
    records(&mut client, "exposure", "SELECT id, record, digest FROM exposure ORDER BY id", |exposure| {
        visit(Item::Exposure(exposure))
    })?;
    records(
        &mut client,
        "vulnerability",
        "SELECT id, record, digest FROM vulnerability ORDER BY id",
        |vulnerability| visit(Item::Vulnerability(vulnerability)),
    )?;
    records(&mut client, "lifecycle", "SELECT id, record, digest FROM lifecycle ORDER BY id", |lifecycle| {
        visit(Item::Lifecycle(lifecycle))
    })?;
    records(
        &mut client,
        "plan_event",
        "SELECT device || ' ' || cve, record, digest FROM plan_event ORDER BY number",
        |event| visit(Item::PlanEvent(event)),
    )?;
    let text =
        format!("SELECT {EDGE_COLUMNS} FROM edge ORDER BY hour, src, dst, transport, port, application");
    let mut rows = client.query_raw(&text, std::iter::empty::<&str>())?;
    while let Some(row) = rows.next()? {
        visit(Item::Edge(Box::new(edge(&row)?)))?;
    }
    drop(rows);
    flows::visit_flows(&mut client, &mut |flow| visit(Item::Flow(Box::new(flow))))?;
    for row in client.query("SELECT sensor, spool, number, places FROM heard ORDER BY sensor", &[])? {
        visit(Item::Heard(heard_row(&row)?))?;
    }
    let row =
        client.query_one("SELECT sequence, packets, bytes, dropped, flows, newest FROM progress", &[])?;
    let count = |index: usize| row.try_get::<_, i64>(index).map(i64::cast_unsigned);
    visit(Item::Totals(Totals {
        sequence: count(0)?,
        packets: count(1)?,
        bytes: count(2)?,
        dropped: count(3)?,
        flows: count(4)?,
        newest: row.try_get::<_, Option<i64>>(5)?.map(Timestamp::from_nanoseconds),
    }))?;
    Ok(())
}

fn records<T: DeserializeOwned>(
    client: &mut impl GenericClient,
    table: &'static str,
    text: &str,
    mut visit: impl FnMut(Box<T>) -> Result<(), StoreError>,
) -> Result<(), Failure> {
    let mut rows = client.query_raw(text, std::iter::empty::<&str>())?;
    while let Some(row) = rows.next()? {
        visit(Box::new(record(table, &row)?))?;
    }
    Ok(())
}

/// Items that are stored by one statement.
const ITEMS_AT_ONCE: usize = 2_000;

/// Takes everything into empty tables, whole or not at all.
pub(super) fn import(
    client: &mut Client,
    items: &mut dyn Iterator<Item = Result<Item, StoreError>>,
) -> Result<(), Failure> {
    let mut transaction = client.transaction()?;
    let row = transaction.query_one("SELECT sequence FROM progress FOR UPDATE", &[])?;
    let holds = "SELECT EXISTS (SELECT FROM device) OR EXISTS (SELECT FROM finding) OR EXISTS (SELECT FROM plan_event)
                 OR EXISTS (SELECT FROM edge) OR EXISTS (SELECT FROM vulnerability)";
    if row.try_get::<_, i64>(0)? != 0 || transaction.query_one(holds, &[])?.try_get(0)? {
        return Err(Failure::NotEmpty);
    }
    let (mut batch, mut queue, mut waiting) = (Batch::default(), Vec::new(), 0);
    let mut put = |batch: &mut Batch, queue: &mut Vec<_>| -> Result<(), Failure> {
        write::put_devices(&mut transaction, &batch.devices)?;
        write::put_findings(&mut transaction, &batch.findings)?;
        write::put_exposures(&mut transaction, &batch.exposures)?;
        write::put_vulnerabilities(&mut transaction, queue)?;
        write::add_edges(&mut transaction, &batch.edges)?;
        write::put_flows(&mut transaction, &batch.flows)?;
        write::put_heard(&mut transaction, &batch.heard)?;
        *batch = Batch::default();
        queue.clear();
        Ok(())
    };
    let (mut events, mut lifecycles) = (Vec::new(), Vec::new());
    let mut totals = Totals::default();
    for item in items {
        match item? {
            Item::Device(device) => batch.devices.push(*device),
            Item::Finding(finding) => batch.findings.push(*finding),
            Item::Exposure(exposure) => batch.exposures.push(*exposure),
            Item::Vulnerability(vulnerability) => queue.push(*vulnerability),
            Item::Lifecycle(lifecycle) => lifecycles.push(*lifecycle),
            Item::PlanEvent(event) => events.push(event),
            Item::Edge(edge) => batch.edges.push(*edge),
            Item::Flow(flow) => batch.flows.push(*flow),
            Item::Heard(heard) => batch.heard.push(heard),
            Item::Totals(counted) => totals = counted,
        }
        waiting += 1;
        if waiting >= ITEMS_AT_ONCE {
            put(&mut batch, &mut queue)?;
            waiting = 0;
        }
    }
    put(&mut batch, &mut queue)?;
    write::put_lifecycles(&mut transaction, &lifecycles)?;
    for event in &events {
        write::add_plan_event(&mut transaction, event)?;
    }
    transaction.execute(
        "UPDATE progress SET sequence = $1, packets = $2, bytes = $3, dropped = $4, flows = $5, newest = $6",
        &[
            &totals.sequence.cast_signed(),
            &totals.packets.cast_signed(),
            &totals.bytes.cast_signed(),
            &totals.dropped.cast_signed(),
            &totals.flows.cast_signed(),
            &totals.newest.map(Timestamp::nanoseconds),
        ],
    )?;
    transaction.commit()?;
    Ok(())
}

/// Keeps writers waiting while `work` runs: each of them first reads the row of the charge to share it.
pub(super) fn while_still(
    client: &mut Client,
    work: &mut dyn FnMut() -> Result<Option<String>, StoreError>,
) -> Result<(), Failure> {
    let mut transaction = client.transaction()?;
    transaction.execute("SELECT FROM charge FOR UPDATE", &[])?;
    if let Some(to) = work()? {
        transaction.execute("UPDATE charge SET moved_to = $1", &[&to])?;
    }
    transaction.commit()?;
    Ok(())
}
