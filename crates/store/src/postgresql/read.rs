//! Questions to the tables.

use std::collections::BTreeMap;

use postgres::types::ToSql;
use postgres::{Client, GenericClient, Row};
use serde::de::DeserializeOwned;
use wardline_model::{
    Attack, Category, Criticality, Device, DeviceId, Edge, Exposure, ExposureKind, Finding, PlanEvent,
    Protocol, Severity, Timestamp, Transport, Vulnerability,
};

use super::Failure;
use crate::conditions::{Condition, Conditions, DIGESTED, EDGE_COLUMNS, Value};
use crate::record::undigest;
use crate::{DeviceQuery, EdgeQuery, ExposureQuery, FindingQuery, Heard, Overview, Page, VulnerabilityQuery};

/// Conditions as this database writes them, with their values.
#[derive(Default)]
pub(super) struct Filter {
    pub clause: String,
    values: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Filter {
    pub(super) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(|value| value.as_ref() as &(dyn ToSql + Sync)).collect()
    }
}

/// No text in a database holds NUL: what is stored lost it, and whoever searches for it finds nothing.
impl From<Conditions> for Filter {
    fn from(conditions: Conditions) -> Self {
        let (mut terms, mut values) = (Vec::new(), Vec::<Box<dyn ToSql + Sync + Send>>::new());
        for condition in conditions.0 {
            let term = match condition {
                Condition::Compares(term, Value::Text(text)) => {
                    values.push(Box::new(text.replace('\0', "")));
                    term
                }
                Condition::Compares(term, Value::Number(number)) => {
                    values.push(Box::new(number));
                    term
                }
                Condition::Holds(text) if text.contains('\0') => "FALSE",
                Condition::Holds(text) => {
                    values.push(Box::new(text));
                    "strpos(search, ?) > 0"
                }
            };
            terms.push(term.replace('?', &format!("${}", values.len())));
        }
        let clause = if terms.is_empty() { String::new() } else { format!(" WHERE {}", terms.join(" AND ")) };
        Self { clause, values }
    }
}

/// The part of a list that is wanted; 0 is all.
pub(super) fn part(limit: u64, offset: u64) -> String {
    let limit = if limit == 0 { "ALL".to_owned() } else { limit.min(i64::MAX.cast_unsigned()).to_string() };
    format!("LIMIT {limit} OFFSET {}", offset.min(i64::MAX.cast_unsigned()))
}

pub(super) fn count(client: &mut impl GenericClient, table: &str, filter: &Filter) -> Result<u64, Failure> {
    let text = format!("SELECT count(*) FROM {table}{}", filter.clause);
    Ok(client.query_one(&text, &filter.values())?.try_get::<_, i64>(0)?.cast_unsigned())
}

fn page<T: DeserializeOwned>(
    client: &mut Client,
    table: &'static str,
    conditions: Conditions,
    order: &str,
    (offset, limit): (u64, u64),
) -> Result<Page<T>, Failure> {
    let filter = conditions.into();
    let total = count(client, table, &filter)?;
    let text = format!(
        "SELECT id, record, digest FROM {table}{} ORDER BY {order} {}",
        filter.clause,
        part(limit, offset)
    );
    let rows = client.query(&text, &filter.values())?;
    let items = rows.iter().map(|row| record(table, row)).collect::<Result<_, _>>()?;
    Ok(Page::new(items, total, offset))
}

/// The record of a row that begins with its identifier, its bytes and their digest.
pub(super) fn record<T: DeserializeOwned>(table: &'static str, row: &Row) -> Result<T, Failure> {
    let id: &str = row.try_get(0)?;
    Ok(undigest(table, id, row.try_get(1)?, row.try_get(2)?)?)
}

pub(super) fn one<T: DeserializeOwned>(
    client: &mut Client,
    table: &'static str,
    id: &str,
) -> Result<Option<T>, Failure> {
    if id.contains('\0') {
        return Ok(None);
    }
    let text = format!("SELECT id, record, digest FROM {table} WHERE id = $1");
    client.query_opt(&text, &[&id])?.map(|row| record(table, &row)).transpose()
}

pub(super) fn devices(client: &mut Client, query: &DeviceQuery) -> Result<Page<Device>, Failure> {
    page(client, "device", query.conditions(), &query.order(), (query.offset, query.limit))
}

pub(super) fn findings(client: &mut Client, query: &FindingQuery) -> Result<Page<Finding>, Failure> {
    page(client, "finding", query.conditions(), FindingQuery::ORDER, (query.offset, query.limit))
}

pub(super) fn exposures(client: &mut Client, query: &ExposureQuery) -> Result<Page<Exposure>, Failure> {
    page(client, "exposure", query.conditions(), ExposureQuery::ORDER, (query.offset, query.limit))
}

pub(super) fn vulnerabilities(
    client: &mut Client,
    query: &VulnerabilityQuery,
) -> Result<Page<Vulnerability>, Failure> {
    let part = (query.offset, query.limit);
    page(client, "vulnerability", query.conditions(), VulnerabilityQuery::ORDER, part)
}

pub(super) fn plan_events(client: &mut Client, device: Option<&DeviceId>) -> Result<Vec<PlanEvent>, Failure> {
    let filter = Filter::from(Conditions::plan_events(device));
    let text = format!(
        "SELECT device || ' ' || cve, record, digest FROM plan_event{} ORDER BY number",
        filter.clause
    );
    client.query(&text, &filter.values())?.iter().map(|row| record("plan_event", row)).collect()
}

pub(super) fn edges(client: &mut Client, query: &EdgeQuery) -> Result<Page<Edge>, Failure> {
    let filter = query.conditions().into();
    let total = match query.device {
        Some(_) => count(client, "edge", &filter)?,
        None => {
            let text = format!("SELECT coalesce(sum(edges), 0)::bigint FROM edge_hour{}", filter.clause);
            client.query_one(&text, &filter.values())?.try_get::<_, i64>(0)?.cast_unsigned()
        }
    };
    let (order, offset) = query.part(total);
    let text = format!(
        "SELECT {EDGE_COLUMNS} FROM edge{} ORDER BY {order} {}",
        filter.clause,
        part(query.limit, offset)
    );
    let rows = client.query(&text, &filter.values())?;
    let mut items = rows.iter().map(edge).collect::<Result<Vec<_>, _>>()?;
    if query.newest {
        items.reverse();
    }
    let begin = query.begin(total, items.len());
    Ok(Page::new(items, total, begin))
}

/// Reads [`EDGE_COLUMNS`].
pub(super) fn edge(row: &Row) -> Result<Edge, Failure> {
    let number = |index: usize| row.try_get::<_, i64>(index);
    let count = |index: usize| number(index).map(i64::cast_unsigned);
    let application: &str = row.try_get(5)?;
    Ok(Edge {
        hour: Timestamp::from_nanoseconds(number(0)?),
        src_device: row.try_get::<_, &str>(1)?.into(),
        dst_device: row.try_get::<_, &str>(2)?.into(),
        transport: Transport(u8::try_from(number(3)?).unwrap_or_default()),
        port: u16::try_from(number(4)?).unwrap_or_default(),
        application: Protocol::ALL.iter().copied().find(|protocol| protocol.name() == application),
        flows: count(6)?,
        packets: [count(7)?, count(8)?],
        bytes: [count(9)?, count(10)?],
        encrypted_flows: count(11)?,
        cleartext_flows: count(12)?,
    })
}

pub(super) fn overview(client: &mut Client) -> Result<Overview, Failure> {
    // All counts are of the same moment.
    let mut client = client.build_transaction().read_only(true);
    client = client.isolation_level(postgres::IsolationLevel::RepeatableRead);
    let mut transaction = client.start()?;
    let mut overview = Overview {
        devices: by_name(&mut transaction, "device", "category", Category::ALL, |value| value.name())?,
        criticalities: by_name(&mut transaction, "device", "criticality", Criticality::ALL, |value| {
            value.name()
        })?,
        attacks: by_name(&mut transaction, "finding", "attack", Attack::ALL, |value| value.name())?,
        exposures: by_name(&mut transaction, "exposure", "kind", ExposureKind::ALL, |value| value.name())?,
        ..Overview::default()
    };
    for row in transaction.query("SELECT severity, count(*) FROM finding GROUP BY severity", &[])? {
        let severity: i64 = row.try_get(0)?;
        if let Some(severity) = Severity::ALL.iter().find(|known| **known as i64 == severity) {
            overview.findings.insert(*severity, row.try_get::<_, i64>(1)?.cast_unsigned());
        }
    }
    for row in transaction.query("SELECT zone, count(*) FROM device GROUP BY zone", &[])? {
        overview.zones.insert(row.try_get(0)?, row.try_get::<_, i64>(1)?.cast_unsigned());
    }
    let row = transaction
        .query_one("SELECT count(*) FILTER (WHERE vendor = ''), min(first_seen) FROM device", &[])?;
    overview.without_vendor = row.try_get::<_, i64>(0)?.cast_unsigned();
    overview.oldest = row.try_get::<_, Option<i64>>(1)?.map(Timestamp::from_nanoseconds);
    overview.vulnerabilities = count(&mut transaction, "vulnerability", &Filter::default())?;
    let row = transaction
        .query_one("SELECT packets, bytes, dropped, flows, newest, sequence FROM progress", &[])?;
    overview.packets = row.try_get::<_, i64>(0)?.cast_unsigned();
    overview.bytes = row.try_get::<_, i64>(1)?.cast_unsigned();
    overview.dropped = row.try_get::<_, i64>(2)?.cast_unsigned();
    overview.flows = row.try_get::<_, i64>(3)?.cast_unsigned();
    overview.newest = row.try_get::<_, Option<i64>>(4)?.map(Timestamp::from_nanoseconds);
    overview.sequence = row.try_get::<_, i64>(5)?.cast_unsigned();
    Ok(overview)
}

fn by_name<K: Ord + Copy>(
    client: &mut impl GenericClient,
    table: &str,
    column: &str,
    known: &[K],
    name: impl Fn(K) -> &'static str,
) -> Result<BTreeMap<K, u64>, Failure> {
    let text = format!("SELECT {column}, count(*) FROM {table} GROUP BY {column}");
    let mut counts = BTreeMap::new();
    for row in client.query(&text, &[])? {
        let value: &str = row.try_get(0)?;
        if let Some(key) = known.iter().copied().find(|key| name(*key) == value) {
            counts.insert(key, row.try_get::<_, i64>(1)?.cast_unsigned());
        }
    }
    Ok(counts)
}

pub(super) fn heard(client: &mut Client) -> Result<Vec<Heard>, Failure> {
    let rows = client.query("SELECT sensor, spool, number, places FROM heard ORDER BY sensor", &[])?;
    rows.iter().map(heard_row).collect()
}

pub(super) fn heard_row(row: &Row) -> Result<Heard, Failure> {
    Ok(Heard {
        sensor: row.try_get(0)?,
        spool: row.try_get(1)?,
        number: row.try_get::<_, i64>(2)?.cast_unsigned(),
        places: row.try_get::<_, i64>(3)?.cast_unsigned(),
    })
}

/// Reads every record and compares its digest. Returns how many there are.
pub(super) fn verify_digests(client: &mut Client) -> Result<u64, Failure> {
    let mut checked = 0;
    for (table, text) in DIGESTED {
        let mut rows = client.query_raw(text, std::iter::empty::<&str>())?;
        while let Some(row) = postgres::fallible_iterator::FallibleIterator::next(&mut rows)? {
            record::<serde_json::Value>(table, &row)?;
            checked += 1;
        }
    }
    Ok(checked)
}
