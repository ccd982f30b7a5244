//! Conversations: rows until there are enough of them, then files of Parquet, which take a tenth of the room.

use std::collections::VecDeque;

use postgres::{Client, GenericClient};
use wardline_model::FlowRecord;

use super::read::{Filter, count, part};
use super::{Failure, PostgresStore};
use crate::flow_files::{FlowBytes, read_flow_bytes};
use crate::record::{digest, undigest};
use crate::{FlowQuery, Page, StoreError};

impl PostgresStore {
    /// Makes a file of the conversations that wait when there are enough of them, in one transaction.
    pub(super) fn rotate(&self) -> Result<(), StoreError> {
        let file_flows = self.file_flows;
        self.ask(|client| rotate(client, file_flows))
    }

    /// Conversations, the newest first: those that wait, then those in files, the newest file first.
    pub(super) fn read_flows(&self, query: &FlowQuery) -> Result<Page<FlowRecord>, StoreError> {
        self.ask(|client| read_flows(client, query))
    }

    /// Every conversation, the oldest first: those in files, the oldest file first, then those that wait.
    pub(super) fn visit_all_flows(&self, visit: &mut dyn FnMut(FlowRecord)) -> Result<(), StoreError> {
        let mut client = self.client()?;
        let mut visited = |flow| {
            visit(flow);
            Ok(())
        };
        let mut snapshot = || -> Result<(), Failure> {
            let builder = client.build_transaction().read_only(true);
            let mut transaction =
                builder.isolation_level(postgres::IsolationLevel::RepeatableRead).start()?;
            visit_flows(&mut transaction, &mut visited)
        };
        snapshot().map_err(|failure| self.at(failure))
    }
}

fn rotate(client: &mut Client, file_flows: u64) -> Result<(), Failure> {
    // Counting them would read them all, at every batch. Numbers that were never used make a file a little smaller.
    let text = "SELECT coalesce(max(number) - min(number) + 1, 0) FROM waiting_flow";
    let waiting = client.query_one(text, &[])?.try_get::<_, i64>(0)?.cast_unsigned();
    if waiting < file_flows {
        return Ok(());
    }
    let mut transaction = client.transaction()?;
    // Another writer must not make a file of the same rows.
    let rows = transaction.query(
        "SELECT number, record, digest FROM waiting_flow ORDER BY number FOR UPDATE SKIP LOCKED",
        &[],
    )?;
    let Some(last) = rows.last().map(|row| row.try_get::<_, i64>(0)).transpose()? else { return Ok(()) };
    let mut file = FlowBytes::create()?;
    let (mut started, mut ended) = (i64::MAX, i64::MIN);
    let mut numbers = Vec::with_capacity(rows.len());
    for row in &rows {
        numbers.push(row.try_get::<_, i64>(0)?);
        let flow: FlowRecord = undigest("flow", "", row.try_get(1)?, row.try_get(2)?)?;
        started = started.min(flow.start.nanoseconds());
        ended = ended.max(flow.end.nanoseconds());
        file.push(flow)?;
    }
    let name = format!("flows-{last:012}.parquet");
    let contents = file.finish()?;
    let digest = digest("flow_file", &name, &contents);
    transaction.execute(
        "INSERT INTO flow_file VALUES ($1,$2,$3,$4,$5,$6)",
        &[
            &name,
            &i64::try_from(numbers.len()).unwrap_or(i64::MAX),
            &started,
            &ended,
            &contents,
            &digest.as_slice(),
        ],
    )?;
    transaction.execute("DELETE FROM waiting_flow WHERE number = ANY($1)", &[&numbers])?;
    transaction.commit()?;
    Ok(())
}

struct FlowFile {
    name: String,
    flows: u64,
}

fn flow_files(
    client: &mut impl GenericClient,
    query: &FlowQuery,
    direction: &str,
) -> Result<Vec<FlowFile>, Failure> {
    let filter = Filter::from(query.file_conditions());
    let text = format!("SELECT name, flows FROM flow_file{} ORDER BY name {direction}", filter.clause);
    let rows = client.query(&text, &filter.values())?;
    rows.iter()
        .map(|row| Ok(FlowFile { name: row.try_get(0)?, flows: row.try_get::<_, i64>(1)?.cast_unsigned() }))
        .collect()
}

fn read_file(
    client: &mut impl GenericClient,
    name: &str,
    visit: impl FnMut(FlowRecord),
) -> Result<(), Failure> {
    let row = client.query_one("SELECT contents, digest FROM flow_file WHERE name = $1", &[&name])?;
    let contents: Vec<u8> = row.try_get(0)?;
    let stored: &[u8] = row.try_get(1)?;
    if digest("flow_file", name, &contents) != stored {
        return Err(StoreError::Damaged { table: "flow_file", id: name.to_owned() }.into());
    }
    Ok(read_flow_bytes(name, contents.into(), visit)?)
}

fn read_flows(client: &mut Client, query: &FlowQuery) -> Result<Page<FlowRecord>, Failure> {
    let wanted = |flow: &FlowRecord| {
        let device = query.device.as_ref();
        device.is_none_or(|id| flow.src_device.as_ref() == Some(id) || flow.dst_device.as_ref() == Some(id))
            && query.since.is_none_or(|since| flow.end >= since)
            && query.until.is_none_or(|until| flow.start < until)
    };
    let unfiltered = query.device.is_none() && query.since.is_none() && query.until.is_none();
    let limit = if query.limit == 0 { u64::MAX } else { query.limit };
    // What moves to a file meanwhile is seen where it was.
    let builder = client.build_transaction().read_only(true);
    let mut transaction = builder.isolation_level(postgres::IsolationLevel::RepeatableRead).start()?;
    let filter = Filter::from(query.conditions());
    let mut total = count(&mut transaction, "waiting_flow", &filter)?;
    let text = format!(
        "SELECT record, digest FROM waiting_flow{} ORDER BY number DESC {}",
        filter.clause,
        part(query.limit, query.offset)
    );
    let mut items = Vec::new();
    for row in transaction.query(&text, &filter.values())? {
        items.push(undigest("flow", "", row.try_get(0)?, row.try_get(1)?)?);
    }
    for file in flow_files(&mut transaction, query, "DESC")? {
        let full = items.len() as u64 >= limit;
        // Without a filter a whole file before or behind the page need not be read.
        if unfiltered && (full || total + file.flows <= query.offset) {
            total += file.flows;
            continue;
        }
        let mut matching = VecDeque::new();
        read_file(&mut transaction, &file.name, |flow| {
            if wanted(&flow) {
                matching.push_front(flow);
            }
        })?;
        for flow in matching {
            if total >= query.offset && (items.len() as u64) < limit {
                items.push(flow);
            }
            total += 1;
        }
    }
    Ok(Page::new(items, total, query.offset))
}

/// Gives every conversation to `visit`, the oldest first.
pub(super) fn visit_flows(
    client: &mut impl GenericClient,
    visit: &mut dyn FnMut(FlowRecord) -> Result<(), StoreError>,
) -> Result<(), Failure> {
    let mut visited = Ok(());
    for file in flow_files(client, &FlowQuery::default(), "ASC")? {
        read_file(client, &file.name, |flow| {
            if visited.is_ok() {
                visited = visit(flow);
            }
        })?;
        std::mem::replace(&mut visited, Ok(()))?;
    }
    for row in client.query("SELECT record, digest FROM waiting_flow ORDER BY number", &[])? {
        visit(undigest("flow", "", row.try_get(0)?, row.try_get(1)?)?)?;
    }
    Ok(())
}
