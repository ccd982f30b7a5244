//! Conversations move from the database, where they are synced at once, to files, where they take little room.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rusqlite::{Connection, params, params_from_iter};
use wardline_model::FlowRecord;

use super::SqliteStore;
use super::read::Filter;
use crate::record::undigest;
use crate::{FlowFileWriter, FlowQuery, Item, Page, StoreError, read_flow_file};

struct FlowFile {
    name: String,
    flows: u64,
}

impl SqliteStore {
    /// Moves waiting conversations to a file when there are enough of them.
    ///
    /// The file is complete and synced before the rows go; a crash between leaves a file that no table lists
    /// (removed at the next start) and all rows where they were.
    pub(super) fn rotate(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let database = |cause| self.database(cause);
        let (count, last): (i64, Option<i64>) = connection
            .prepare_cached("SELECT count(*), max(number) FROM waiting_flow")
            .and_then(|mut statement| statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))))
            .map_err(database)?;
        let Some(last) = last.filter(|_| count.cast_unsigned() >= self.file_flows) else { return Ok(()) };
        let name = format!("flows-{last:012}.parquet");
        let mut writer = FlowFileWriter::create(&self.flows.join(&name))?;
        let (mut started, mut ended) = (i64::MAX, i64::MIN);
        {
            let mut statement = connection
                .prepare_cached("SELECT record, digest FROM waiting_flow WHERE number <= ?1 ORDER BY number")
                .map_err(database)?;
            let mut rows = statement.query(params![last]).map_err(database)?;
            while let Some(row) = rows.next().map_err(database)? {
                let record: Vec<u8> = row.get(0).map_err(database)?;
                let stored: Vec<u8> = row.get(1).map_err(database)?;
                let flow: FlowRecord = undigest("flow", "", &record, &stored)?;
                started = started.min(flow.start.nanoseconds());
                ended = ended.max(flow.end.nanoseconds());
                writer.push(flow)?;
            }
        }
        writer.finish()?;
        let transaction = connection.transaction().map_err(database)?;
        transaction
            .execute("INSERT INTO flow_file VALUES (?1,?2,?3,?4)", params![name, count, started, ended])
            .map_err(database)?;
        transaction
            .execute("DELETE FROM waiting_flow WHERE number <= ?1", params![last])
            .map_err(database)?;
        transaction.commit().map_err(database)
    }

    /// Removes files that a crash left behind: those that the table does not list.
    pub(super) fn remove_remnants(&self) -> Result<(), StoreError> {
        let listed: BTreeSet<String> =
            self.flow_files(&FlowQuery::default())?.into_iter().map(|file| file.name).collect();
        let at = |path: PathBuf| move |cause| StoreError::File { path, cause };
        for entry in std::fs::read_dir(&self.flows).map_err(at(self.flows.clone()))? {
            let entry = entry.map_err(at(self.flows.clone()))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let ours =
                name.starts_with("flows-") && (name.ends_with(".parquet") || name.ends_with(".unfinished"));
            if ours && !listed.contains(&name) {
                std::fs::remove_file(entry.path()).map_err(at(entry.path()))?;
            }
        }
        Ok(())
    }

    /// Conversations, the newest first: those that wait, then those in files, the newest file first.
    pub(super) fn read_flows(&self, query: &FlowQuery) -> Result<Page<FlowRecord>, StoreError> {
        let wanted = |flow: &FlowRecord| {
            let device = query.device.as_ref();
            device
                .is_none_or(|id| flow.src_device.as_ref() == Some(id) || flow.dst_device.as_ref() == Some(id))
                && query.since.is_none_or(|since| flow.end >= since)
                && query.until.is_none_or(|until| flow.start < until)
        };
        let unfiltered = query.device.is_none() && query.since.is_none() && query.until.is_none();
        let limit = if query.limit == 0 { u64::MAX } else { query.limit };
        let (mut items, waiting) = self.waiting_flows(query, limit)?;
        let mut total = waiting;
        for file in self.flow_files(query)? {
            let full = items.len() as u64 >= limit;
            // Without a filter a whole file before or behind the page need not be read.
            if unfiltered && (full || total + file.flows <= query.offset) {
                total += file.flows;
                continue;
            }
            let mut matching = Vec::new();
            read_flow_file(&self.flows.join(&file.name), |flow| {
                if wanted(&flow) {
                    matching.push(flow);
                }
            })?;
            for flow in matching.into_iter().rev() {
                if total >= query.offset && (items.len() as u64) < limit {
                    items.push(flow);
                }
                total += 1;
            }
        }
        Ok(Page::new(items, total, query.offset))
    }

    /// Every conversation, the oldest first: those in files, the oldest file first, then those that wait.
    pub(super) fn visit_all_flows(&self, visit: &mut dyn FnMut(FlowRecord)) -> Result<(), StoreError> {
        // Asked first: what moves to a file meanwhile is then seen twice rather than never.
        let (waiting, _) = self.waiting_flows(&FlowQuery::default(), u64::MAX)?;
        for file in self.flow_files(&FlowQuery::default())?.into_iter().rev() {
            read_flow_file(&self.flows.join(&file.name), &mut *visit)?;
        }
        waiting.into_iter().rev().for_each(visit);
        Ok(())
    }

    /// Gives the conversations in files to `visit`, as listed when the transaction began, the oldest file first.
    pub(super) fn export_files(
        &self,
        connection: &Connection,
        visit: &mut dyn FnMut(Item) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut files = self.list_files(connection, &FlowQuery::default())?;
        files.reverse();
        for file in files {
            let mut visited = Ok(());
            read_flow_file(&self.flows.join(&file.name), |flow| {
                if visited.is_ok() {
                    visited = visit(Item::Flow(Box::new(flow)));
                }
            })?;
            visited?;
        }
        Ok(())
    }

    fn waiting_flows(&self, query: &FlowQuery, limit: u64) -> Result<(Vec<FlowRecord>, u64), StoreError> {
        let Filter { clause, values } = query.conditions().into();
        let database = |cause| self.database(cause);
        let connection = self.reader();
        let total: i64 = connection
            .prepare_cached(&format!("SELECT count(*) FROM waiting_flow{clause}"))
            .and_then(|mut statement| statement.query_row(params_from_iter(&values), |row| row.get(0)))
            .map_err(database)?;
        let text = format!(
            "SELECT record, digest FROM waiting_flow{clause} ORDER BY number DESC LIMIT {} OFFSET {}",
            i64::try_from(limit).unwrap_or(-1),
            query.offset
        );
        let mut statement = connection.prepare_cached(&text).map_err(database)?;
        let mut rows = statement.query(params_from_iter(&values)).map_err(database)?;
        let mut items = Vec::new();
        while let Some(row) = rows.next().map_err(database)? {
            let record = row.get_ref(0).map_err(database)?.as_blob().unwrap_or_default();
            let stored = row.get_ref(1).map_err(database)?.as_blob().unwrap_or_default();
            items.push(undigest("flow", "", record, stored)?);
        }
        Ok((items, total.cast_unsigned()))
    }

    fn flow_files(&self, query: &FlowQuery) -> Result<Vec<FlowFile>, StoreError> {
        self.list_files(&self.reader(), query)
    }

    /// The newest first.
    fn list_files(&self, connection: &Connection, query: &FlowQuery) -> Result<Vec<FlowFile>, StoreError> {
        let Filter { clause, values } = query.file_conditions().into();
        let text = format!("SELECT name, flows FROM flow_file{clause} ORDER BY name DESC");
        let mut statement = connection.prepare_cached(&text).map_err(|cause| self.database(cause))?;
        let files = statement
            .query_map(params_from_iter(&values), |row| {
                Ok(FlowFile { name: row.get(0)?, flows: row.get::<_, i64>(1)?.cast_unsigned() })
            })
            .and_then(Iterator::collect)
            .map_err(|cause| self.database(cause))?;
        Ok(files)
    }
}
