//! Questions to the tables.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use serde::de::DeserializeOwned;
use wardline_model::{
    Attack, Category, Criticality, Device, DeviceId, Edge, Exposure, ExposureKind, Finding, PlanEvent,
    Protocol, Severity, Timestamp, Transport, Vulnerability,
};

use super::Failure;
use crate::conditions::{self, Condition, Conditions, DIGESTED, EDGE_COLUMNS};
use crate::query::sql_limit;
use crate::record::undigest;
use crate::{DeviceQuery, EdgeQuery, ExposureQuery, FindingQuery, Overview, Page, VulnerabilityQuery};

/// Conditions as this database writes them, with their values.
pub(super) struct Filter {
    pub clause: String,
    pub values: Vec<Value>,
}

impl From<Conditions> for Filter {
    fn from(conditions: Conditions) -> Self {
        let (mut terms, mut values) = (Vec::new(), Vec::new());
        for condition in conditions.0 {
            let (term, value) = match condition {
                Condition::Compares(term, conditions::Value::Text(text)) => (term, text.into()),
                Condition::Compares(term, conditions::Value::Number(number)) => (term, number.into()),
                Condition::Holds(text) => ("instr(search, ?) > 0", text.into()),
            };
            values.push(value);
            terms.push(term.replace('?', &format!("?{}", values.len())));
        }
        let clause = if terms.is_empty() { String::new() } else { format!(" WHERE {}", terms.join(" AND ")) };
        Self { clause, values }
    }
}

fn page<T: DeserializeOwned>(
    connection: &Connection,
    table: &'static str,
    conditions: Conditions,
    order: &str,
    (offset, limit): (u64, u64),
) -> Result<Page<T>, Failure> {
    let Filter { clause, values } = conditions.into();
    let total: i64 = connection
        .prepare_cached(&format!("SELECT count(*) FROM {table}{clause}"))?
        .query_row(params_from_iter(&values), |row| row.get(0))?;
    let text = format!(
        "SELECT id, record, digest FROM {table}{clause} ORDER BY {order} LIMIT {} OFFSET {offset}",
        sql_limit(limit)
    );
    let mut statement = connection.prepare_cached(&text)?;
    let mut rows = statement.query(params_from_iter(&values))?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        let record = row.get_ref(1)?.as_blob().unwrap_or_default();
        let stored = row.get_ref(2)?.as_blob().unwrap_or_default();
        items.push(undigest(table, &id, record, stored)?);
    }
    Ok(Page::new(items, total.cast_unsigned(), offset))
}

pub(super) fn one<T: DeserializeOwned>(
    connection: &Connection,
    table: &'static str,
    id: &str,
) -> Result<Option<T>, Failure> {
    let found: Option<(Vec<u8>, Vec<u8>)> = connection
        .prepare_cached(&format!("SELECT record, digest FROM {table} WHERE id = ?1"))?
        .query_row(params![id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(found.map(|(record, stored)| undigest(table, id, &record, &stored)).transpose()?)
}

pub(super) fn devices(connection: &Connection, query: &DeviceQuery) -> Result<Page<Device>, Failure> {
    page(connection, "device", query.conditions(), &query.order(), (query.offset, query.limit))
}

pub(super) fn findings(connection: &Connection, query: &FindingQuery) -> Result<Page<Finding>, Failure> {
    page(connection, "finding", query.conditions(), FindingQuery::ORDER, (query.offset, query.limit))
}

pub(super) fn exposures(connection: &Connection, query: &ExposureQuery) -> Result<Page<Exposure>, Failure> {
    page(connection, "exposure", query.conditions(), ExposureQuery::ORDER, (query.offset, query.limit))
}

pub(super) fn vulnerabilities(
    connection: &Connection,
    query: &VulnerabilityQuery,
) -> Result<Page<Vulnerability>, Failure> {
    let part = (query.offset, query.limit);
    page(connection, "vulnerability", query.conditions(), VulnerabilityQuery::ORDER, part)
}

pub(super) fn plan_events(
    connection: &Connection,
    device: Option<&DeviceId>,
) -> Result<Vec<PlanEvent>, Failure> {
    let Filter { clause, values } = Conditions::plan_events(device).into();
    let text = format!("SELECT device || ' ' || cve, record, digest FROM plan_event{clause} ORDER BY number");
    let mut statement = connection.prepare_cached(&text)?;
    let mut rows = statement.query(params_from_iter(&values))?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        let record = row.get_ref(1)?.as_blob().unwrap_or_default();
        let stored = row.get_ref(2)?.as_blob().unwrap_or_default();
        events.push(undigest("plan_event", &id, record, stored)?);
    }
    Ok(events)
}

pub(super) fn edges(connection: &Connection, query: &EdgeQuery) -> Result<Page<Edge>, Failure> {
    let Filter { clause, values } = query.conditions().into();
    let counted = match query.device {
        Some(_) => format!("SELECT count(*) FROM edge{clause}"),
        None => format!("SELECT coalesce(sum(edges), 0) FROM edge_hour{clause}"),
    };
    let total: i64 =
        connection.prepare_cached(&counted)?.query_row(params_from_iter(&values), |row| row.get(0))?;
    let (order, offset) = query.part(total.cast_unsigned());
    let text = format!(
        "SELECT {EDGE_COLUMNS} FROM edge{clause} ORDER BY {order} LIMIT {} OFFSET {offset}",
        sql_limit(query.limit),
    );
    let mut statement = connection.prepare_cached(&text)?;
    let mut items = statement.query_map(params_from_iter(&values), edge)?.collect::<Result<Vec<_>, _>>()?;
    if query.newest {
        items.reverse();
    }
    let begin = query.begin(total.cast_unsigned(), items.len());
    Ok(Page::new(items, total.cast_unsigned(), begin))
}

/// Reads [`EDGE_COLUMNS`].
pub(super) fn edge(row: &rusqlite::Row<'_>) -> rusqlite::Result<Edge> {
    let count = |index: usize| row.get::<_, i64>(index).map(i64::cast_unsigned);
    let application: String = row.get(5)?;
    Ok(Edge {
        hour: Timestamp::from_nanoseconds(row.get(0)?),
        src_device: row.get_ref(1)?.as_str()?.into(),
        dst_device: row.get_ref(2)?.as_str()?.into(),
        transport: Transport(row.get(3)?),
        port: row.get(4)?,
        application: Protocol::ALL.iter().copied().find(|protocol| protocol.name() == application),
        flows: count(6)?,
        packets: [count(7)?, count(8)?],
        bytes: [count(9)?, count(10)?],
        encrypted_flows: count(11)?,
        cleartext_flows: count(12)?,
    })
}

pub(super) fn overview(connection: &Connection) -> Result<Overview, Failure> {
    let mut overview = Overview {
        devices: by_name(connection, "device", "category", Category::ALL, |value| value.name())?,
        criticalities: by_name(connection, "device", "criticality", Criticality::ALL, |value| value.name())?,
        attacks: by_name(connection, "finding", "attack", Attack::ALL, |value| value.name())?,
        exposures: by_name(connection, "exposure", "kind", ExposureKind::ALL, |value| value.name())?,
        ..Overview::default()
    };
    let mut statement =
        connection.prepare_cached("SELECT severity, count(*) FROM finding GROUP BY severity")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let severity: i64 = row.get(0)?;
        if let Some(severity) = Severity::ALL.iter().find(|known| **known as i64 == severity) {
            overview.findings.insert(*severity, row.get::<_, i64>(1)?.cast_unsigned());
        }
    }
    let mut statement = connection.prepare_cached("SELECT zone, count(*) FROM device GROUP BY zone")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        overview.zones.insert(row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned());
    }
    connection
        .prepare_cached("SELECT count(*) FILTER (WHERE vendor = ''), min(first_seen) FROM device")?
        .query_row([], |row| {
            overview.without_vendor = row.get::<_, i64>(0)?.cast_unsigned();
            overview.oldest = row.get::<_, Option<i64>>(1)?.map(Timestamp::from_nanoseconds);
            Ok(())
        })?;
    overview.vulnerabilities = connection
        .prepare_cached("SELECT count(*) FROM vulnerability")?
        .query_row([], |row| row.get::<_, i64>(0))?
        .cast_unsigned();
    connection
        .prepare_cached("SELECT packets, bytes, dropped, flows, newest, sequence FROM progress")?
        .query_row([], |row| {
            overview.packets = row.get::<_, i64>(0)?.cast_unsigned();
            overview.bytes = row.get::<_, i64>(1)?.cast_unsigned();
            overview.dropped = row.get::<_, i64>(2)?.cast_unsigned();
            overview.flows = row.get::<_, i64>(3)?.cast_unsigned();
            overview.newest = row.get::<_, Option<i64>>(4)?.map(Timestamp::from_nanoseconds);
            overview.sequence = row.get::<_, i64>(5)?.cast_unsigned();
            Ok(())
        })?;
    Ok(overview)
}

fn by_name<K: Ord + Copy>(
    connection: &Connection,
    table: &str,
    column: &str,
    known: &[K],
    name: impl Fn(K) -> &'static str,
) -> Result<BTreeMap<K, u64>, Failure> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {column}, count(*) FROM {table} GROUP BY {column}"))?;
    let mut rows = statement.query([])?;
    let mut counts = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let value: String = row.get(0)?;
        if let Some(key) = known.iter().copied().find(|key| name(*key) == value) {
            counts.insert(key, row.get::<_, i64>(1)?.cast_unsigned());
        }
    }
    Ok(counts)
}

/// Reads every record and compares its digest. Returns how many there are.
pub(super) fn verify_digests(connection: &Connection) -> Result<u64, Failure> {
    let mut count = 0;
    for (table, text) in DIGESTED {
        let mut statement = connection.prepare_cached(text)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: String = row.get(0)?;
            let record = row.get_ref(1)?.as_blob().unwrap_or_default();
            let stored = row.get_ref(2)?.as_blob().unwrap_or_default();
            undigest::<serde_json::Value>(table, &id, record, stored)?;
            count += 1;
        }
    }
    Ok(count)
}
