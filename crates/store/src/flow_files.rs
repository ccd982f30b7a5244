//! Files of conversations: Parquet with zstd, one row each, that DuckDB, Spark, Polars and others read.

use std::fs::File;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use arrow_array::builder::{
    BooleanBuilder, ListBuilder, StringBuilder, TimestampNanosecondBuilder, UInt8Builder, UInt16Builder,
    UInt64Builder,
};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{TimestampNanosecondType, UInt8Type, UInt16Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::ChunkReader;
use wardline_model::{DeviceId, FlowRecord, Label, Protocol, TcpOutcome, Timestamp, Transport};

use crate::StoreError;

/// Rows that are turned into columns at once.
const BATCH_ROWS: usize = 16_384;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let required = |name, kind| Field::new(name, kind, false);
    let optional = |name, kind| Field::new(name, kind, true);
    Arc::new(Schema::new(vec![
        optional("community_id", DataType::Utf8),
        required("src", DataType::Utf8),
        required("dst", DataType::Utf8),
        required("src_port", DataType::UInt16),
        required("dst_port", DataType::UInt16),
        required("protocol", DataType::UInt8),
        optional("application", DataType::Utf8),
        optional("vlan", DataType::UInt16),
        required("start", time.clone()),
        required("end", time),
        required("src_packets", DataType::UInt64),
        required("dst_packets", DataType::UInt64),
        required("src_bytes", DataType::UInt64),
        required("dst_bytes", DataType::UInt64),
        optional("src_device", DataType::Utf8),
        optional("dst_device", DataType::Utf8),
        optional("encrypted", DataType::Boolean),
        optional("tcp", DataType::Utf8),
        optional("server_name", DataType::Utf8),
        required("fingerprints", DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))),
    ]))
});

/// A file of conversations in memory.
pub(crate) struct FlowBytes {
    writer: ArrowWriter<Vec<u8>>,
    rows: Vec<FlowRecord>,
}

impl FlowBytes {
    pub(crate) fn create() -> Result<Self, StoreError> {
        let writer = ArrowWriter::try_new(Vec::new(), SCHEMA.clone(), Some(properties()));
        Ok(Self { writer: writer.map_err(in_memory)?, rows: Vec::new() })
    }

    pub(crate) fn push(&mut self, flow: FlowRecord) -> Result<(), StoreError> {
        self.rows.push(flow);
        if self.rows.len() >= BATCH_ROWS { self.write_rows() } else { Ok(()) }
    }

    pub(crate) fn finish(mut self) -> Result<Vec<u8>, StoreError> {
        self.write_rows()?;
        self.writer.into_inner().map_err(in_memory)
    }

    fn write_rows(&mut self) -> Result<(), StoreError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let batch = columns(&self.rows).map_err(|cause| in_memory(ParquetError::from(cause)))?;
        self.rows.clear();
        self.writer.write(&batch).map_err(in_memory)
    }
}

fn in_memory(cause: ParquetError) -> StoreError {
    StoreError::FlowFile { path: PathBuf::from("conversations"), cause }
}

/// Reads a file of conversations that lies in memory.
pub(crate) fn read_flow_bytes(
    name: &str,
    contents: bytes::Bytes,
    visit: impl FnMut(FlowRecord),
) -> Result<(), StoreError> {
    read(Path::new(name), contents, visit)
}

fn properties() -> WriterProperties {
    let level = ZstdLevel::try_new(3).unwrap_or_default();
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        // The same conversations shall give the same bytes, whichever build wrote them.
        .set_created_by("wardline".to_owned())
        .build()
}

/// Writes a file of conversations. It appears under its name only when it is complete and synced.
pub struct FlowFileWriter {
    path: PathBuf,
    unfinished: PathBuf,
    writer: ArrowWriter<File>,
    rows: Vec<FlowRecord>,
}

impl FlowFileWriter {
    /// Begins a file that will be called `path`.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        let unfinished = path.with_extension("parquet.unfinished");
        let file = File::create(&unfinished)
            .map_err(|cause| StoreError::File { path: unfinished.clone(), cause })?;
        let writer = ArrowWriter::try_new(file, SCHEMA.clone(), Some(properties()))
            .map_err(|cause| StoreError::FlowFile { path: path.to_owned(), cause })?;
        Ok(Self { path: path.to_owned(), unfinished, writer, rows: Vec::new() })
    }

    /// Adds a conversation.
    pub fn push(&mut self, flow: FlowRecord) -> Result<(), StoreError> {
        self.rows.push(flow);
        if self.rows.len() >= BATCH_ROWS { self.write_rows() } else { Ok(()) }
    }

    /// Completes the file, syncs it and gives it its name.
    pub fn finish(mut self) -> Result<(), StoreError> {
        self.write_rows()?;
        let Self { path, unfinished, writer, .. } = self;
        let file = writer.into_inner().map_err(|cause| StoreError::FlowFile { path: path.clone(), cause })?;
        let at = |path: &Path| {
            let path = path.to_owned();
            move |cause| StoreError::File { path, cause }
        };
        file.sync_all().map_err(at(&unfinished))?;
        std::fs::rename(&unfinished, &path).map_err(at(&path))?;
        // The new name itself must survive as well.
        let directory =
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(at(directory))
    }

    fn write_rows(&mut self) -> Result<(), StoreError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let damaged = |cause| StoreError::FlowFile { path: self.path.clone(), cause };
        let batch = columns(&self.rows).map_err(|cause| damaged(ParquetError::from(cause)))?;
        self.rows.clear();
        self.writer.write(&batch).map_err(damaged)
    }
}

fn text<T>(rows: &[FlowRecord], value: impl Fn(&FlowRecord) -> Option<T>) -> ArrayRef
where
    T: std::fmt::Display,
{
    let mut builder = StringBuilder::new();
    for row in rows {
        builder.append_option(value(row).map(|value| value.to_string()));
    }
    Arc::new(builder.finish())
}

fn columns(rows: &[FlowRecord]) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let numbers16 = |value: &dyn Fn(&FlowRecord) -> Option<u16>| -> ArrayRef {
        let mut builder = UInt16Builder::with_capacity(rows.len());
        rows.iter().for_each(|row| builder.append_option(value(row)));
        Arc::new(builder.finish())
    };
    let numbers64 = |value: &dyn Fn(&FlowRecord) -> u64| -> ArrayRef {
        let mut builder = UInt64Builder::with_capacity(rows.len());
        rows.iter().for_each(|row| builder.append_value(value(row)));
        Arc::new(builder.finish())
    };
    let times = |value: &dyn Fn(&FlowRecord) -> Timestamp| -> ArrayRef {
        let mut builder = TimestampNanosecondBuilder::with_capacity(rows.len());
        rows.iter().for_each(|row| builder.append_value(value(row).nanoseconds()));
        Arc::new(builder.finish().with_timezone("UTC"))
    };
    let mut transports = UInt8Builder::with_capacity(rows.len());
    let mut encrypted = BooleanBuilder::with_capacity(rows.len());
    let mut fingerprints = ListBuilder::new(StringBuilder::new());
    for row in rows {
        transports.append_value(row.protocol.0);
        encrypted.append_option(row.encrypted);
        row.fingerprints
            .iter()
            .for_each(|fingerprint| fingerprints.values().append_value(fingerprint.as_str()));
        fingerprints.append(true);
    }
    RecordBatch::try_new(
        SCHEMA.clone(),
        vec![
            text(rows, |row| row.community_id),
            text(rows, |row| Some(row.src)),
            text(rows, |row| Some(row.dst)),
            numbers16(&|row| Some(row.ports[0])),
            numbers16(&|row| Some(row.ports[1])),
            Arc::new(transports.finish()),
            text(rows, |row| row.application),
            numbers16(&|row| row.vlan),
            times(&|row| row.start),
            times(&|row| row.end),
            numbers64(&|row| row.packets[0]),
            numbers64(&|row| row.packets[1]),
            numbers64(&|row| row.bytes[0]),
            numbers64(&|row| row.bytes[1]),
            text(rows, |row| row.src_device.clone()),
            text(rows, |row| row.dst_device.clone()),
            Arc::new(encrypted.finish()),
            text(rows, |row| row.tcp.map(outcome_name)),
            text(rows, |row| row.server_name.clone()),
            Arc::new(fingerprints.finish()),
        ],
    )
}

const OUTCOMES: [TcpOutcome; 7] = [
    TcpOutcome::Unanswered,
    TcpOutcome::HalfOpen,
    TcpOutcome::Refused,
    TcpOutcome::Open,
    TcpOutcome::Closed,
    TcpOutcome::Reset,
    TcpOutcome::MidStream,
];

const fn outcome_name(outcome: TcpOutcome) -> &'static str {
    match outcome {
        TcpOutcome::Unanswered => "unanswered",
        TcpOutcome::HalfOpen => "half-open",
        TcpOutcome::Refused => "refused",
        TcpOutcome::Open => "open",
        TcpOutcome::Closed => "closed",
        TcpOutcome::Reset => "reset",
        TcpOutcome::MidStream => "mid-stream",
    }
}

/// Reads a file of conversations and gives each to `visit`.
pub fn read_flow_file(path: &Path, visit: impl FnMut(FlowRecord)) -> Result<(), StoreError> {
    let file = File::open(path).map_err(|cause| StoreError::File { path: path.to_owned(), cause })?;
    read(path, file, visit)
}

fn read(
    path: &Path,
    file: impl ChunkReader + 'static,
    mut visit: impl FnMut(FlowRecord),
) -> Result<(), StoreError> {
    let damaged = |cause| StoreError::FlowFile { path: path.to_owned(), cause };
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|builder| builder.build())
        .map_err(damaged)?;
    for batch in reader {
        let batch = batch.map_err(|cause| damaged(ParquetError::from(cause)))?;
        for row in 0..batch.num_rows() {
            let record = record(&batch, row).ok_or_else(|| {
                damaged(ParquetError::General("columns are not those of Wardline".to_owned()))
            })?;
            visit(record);
        }
    }
    Ok(())
}

/// A row, if the batch has the columns of [`SCHEMA`].
fn record(batch: &RecordBatch, row: usize) -> Option<FlowRecord> {
    let string = |name: &str| -> Option<Option<&str>> {
        let column: &StringArray = batch.column_by_name(name)?.as_string_opt()?;
        Some((!column.is_null(row)).then(|| column.value(row)))
    };
    let address = |name: &str| -> Option<IpAddr> { string(name)??.parse().ok() };
    let number16 = |name: &str| -> Option<Option<u16>> {
        let column = batch.column_by_name(name)?.as_primitive_opt::<UInt16Type>()?;
        Some((!column.is_null(row)).then(|| column.value(row)))
    };
    let number64 = |name: &str| -> Option<u64> {
        Some(batch.column_by_name(name)?.as_primitive_opt::<UInt64Type>()?.value(row))
    };
    let time = |name: &str| -> Option<Timestamp> {
        let column = batch.column_by_name(name)?.as_primitive_opt::<TimestampNanosecondType>()?;
        Some(Timestamp::from_nanoseconds(column.value(row)))
    };
    let encrypted = batch.column_by_name("encrypted")?.as_boolean_opt()?;
    let fingerprints = batch.column_by_name("fingerprints")?.as_list_opt::<i32>()?.value(row);
    let fingerprints: &StringArray = fingerprints.as_string_opt()?;
    Some(FlowRecord {
        community_id: string("community_id")?.map(str::parse).transpose().ok()?,
        src: address("src")?,
        dst: address("dst")?,
        ports: [number16("src_port")??, number16("dst_port")??],
        protocol: Transport(batch.column_by_name("protocol")?.as_primitive_opt::<UInt8Type>()?.value(row)),
        application: string("application")?
            .and_then(|name| Protocol::ALL.iter().copied().find(|protocol| protocol.name() == name)),
        vlan: number16("vlan")?,
        start: time("start")?,
        end: time("end")?,
        packets: [number64("src_packets")?, number64("dst_packets")?],
        bytes: [number64("src_bytes")?, number64("dst_bytes")?],
        src_device: string("src_device")?.map(DeviceId::from),
        dst_device: string("dst_device")?.map(DeviceId::from),
        encrypted: (!encrypted.is_null(row)).then(|| encrypted.value(row)),
        tcp: string("tcp")?
            .and_then(|name| OUTCOMES.into_iter().find(|outcome| outcome_name(*outcome) == name)),
        server_name: string("server_name")?.map(Label::new),
        fingerprints: fingerprints.iter().flatten().map(Label::new).collect(),
    })
}

#[cfg(test)]
mod tests {
    use wardline_model::CommunityId;

    use super::*;

    pub(crate) fn flow(number: u16) -> FlowRecord {
        FlowRecord {
            community_id: CommunityId::new(
                Transport::TCP,
                ("192.0.2.7".parse().unwrap(), number),
                ("192.0.2.8".parse().unwrap(), 104),
            ),
            src: "192.0.2.7".parse().unwrap(),
            dst: "2001:db8::1".parse().unwrap(),
            ports: [number, 104],
            protocol: Transport::TCP,
            application: Some(Protocol::Dicom),
            vlan: number.is_multiple_of(2).then_some(12),
            start: Timestamp::from_nanoseconds(1_700_000_000_000_000_001 + i64::from(number)),
            end: Timestamp::from_nanoseconds(1_700_000_001_000_000_001 + i64::from(number)),
            packets: [3, 4],
            bytes: [300, u64::MAX],
            src_device: Some(DeviceId::from("d-1")),
            dst_device: None,
            encrypted: [None, Some(true), Some(false)][usize::from(number % 3)],
            tcp: Some(OUTCOMES[usize::from(number) % OUTCOMES.len()]),
            server_name: None,
            fingerprints: vec![Label::new("ja4=t13d1516h2_8daaf6152771_b186095e22b6")],
        }
    }

    #[test]
    fn what_is_written_is_read_and_the_same_rows_give_the_same_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let flows: Vec<_> = (0..20_000).map(flow).collect();
        let paths = ["one", "two"].map(|name| directory.path().join(name).with_extension("parquet"));
        for path in &paths {
            let mut writer = FlowFileWriter::create(path).unwrap();
            flows.iter().cloned().for_each(|flow| writer.push(flow).unwrap());
            writer.finish().unwrap();
        }
        let mut read = Vec::new();
        read_flow_file(&paths[0], |flow| read.push(flow)).unwrap();
        assert_eq!(read, flows);
        assert_eq!(std::fs::read(&paths[0]).unwrap(), std::fs::read(&paths[1]).unwrap());
    }

    #[test]
    fn a_damaged_file_is_an_error_with_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bad.parquet");
        std::fs::write(&path, b"PAR1 and then nothing of use PAR1").unwrap();
        let error = read_flow_file(&path, |_| {}).unwrap_err().to_string();
        assert!(error.contains("bad.parquet"), "{error}");
    }
}
