//! `wardline schema`: the records as JSON Schema, from the Rust types.

use std::io::Write as _;

use anyhow::Result;
use wardline_model::{
    Device, Edge, Exposure, Finding, FlowRecord, Lifecycle, Policy, Record, Summary, Vulnerability,
};

use crate::Outcome;
use crate::cli::{RecordName, Schema};

pub(crate) fn run(arguments: &Schema) -> Result<Outcome> {
    let schema = match arguments.record {
        None => schemars::schema_for!(Record),
        Some(RecordName::Device) => schemars::schema_for!(Device),
        Some(RecordName::Finding) => schemars::schema_for!(Finding),
        Some(RecordName::Exposure) => schemars::schema_for!(Exposure),
        Some(RecordName::Vulnerability) => schemars::schema_for!(Vulnerability),
        Some(RecordName::Flow) => schemars::schema_for!(FlowRecord),
        Some(RecordName::Edge) => schemars::schema_for!(Edge),
        Some(RecordName::Summary) => schemars::schema_for!(Summary),
        Some(RecordName::Lifecycle) => schemars::schema_for!(Lifecycle),
        Some(RecordName::Policy) => schemars::schema_for!(Policy),
    };
    let mut output = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut output, &schema)?;
    writeln!(output)?;
    Ok(Outcome::Done)
}
