//! What messages say.

use crate::Sensitive;

/// A part of a message.
pub enum Event {
    /// HEL: a device says hello.
    Hello(Box<Device>),
    /// DST: how a device is: `R` ready, `B` busy, `L` locked …
    Condition(String),
    /// A patient of a result or of a list is over.
    Patient(Box<Patient>),
    /// OBS: a result of a patient that is a number.
    Result(Box<Result>),
    /// OPL: an operator of a list.
    Operator(Box<Operator>),
    /// DTV: a directive by name, such as `SET_TIME` or `LOCK`.
    Directive(String),
    /// A message is over: its type, such as `OBS`.
    End(String),
}

/// DEV object: who a device is. Annex B, section "Hello message".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub struct Device {
    pub device_id: Option<String>,
    pub vendor_id: Option<String>,
    pub model_id: Option<String>,
    pub serial_id: Option<String>,
    pub manufacturer_name: Option<String>,
    pub device_name: Option<String>,
    pub hw_version: Option<String>,
    pub sw_version: Option<String>,
    pub connection_profile: Option<String>,
    /// Topics and directives that it supports, the vendor's own among them.
    pub topics: Vec<String>,
    pub directives: Vec<String>,
}

/// PT object: whom a result or an entry of a list is about.
#[derive(Clone, Default)]
pub struct Patient {
    /// Identifier.
    pub identifier: Option<Sensitive<String>>,
    /// Name as one text.
    pub name: Option<Sensitive<String>>,
    /// Date of birth.
    pub birth_date: Option<Sensitive<String>>,
    /// Sex is told.
    pub sex: bool,
    /// Unit, room and bed, as in HL7.
    pub location: Option<String>,
}

/// OBS object.
#[derive(Clone, Default)]
pub struct Result {
    /// Code of the analyte.
    pub code: String,
    /// Coding system: `LN`, or the vendor.
    pub system: Option<String>,
    /// The number.
    pub value: f64,
    /// Unit.
    pub unit: Option<String>,
    /// Nanoseconds since 1970.
    pub time: Option<i64>,
    /// Whose.
    pub patient: Patient,
    /// An operator or a clinician is told beside it.
    pub operator: bool,
    /// An order is told beside it.
    pub order: bool,
}

/// OPR object of a list of operators.
#[derive(Clone, Default)]
pub struct Operator {
    /// By what he logs in.
    pub identifier: Option<Sensitive<String>>,
    /// His password, which some send readable.
    pub password: Option<Sensitive<String>>,
}
