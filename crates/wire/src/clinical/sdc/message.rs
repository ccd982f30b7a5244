//! What messages say.

use crate::Sensitive;

/// A part of a message.
pub enum Event {
    /// What the device is, as DPWS tells it.
    Model(Box<Model>),
    /// A medical device system of the description.
    System(Box<System>),
    /// A measured value.
    Value(Box<Value>),
    /// A condition of alarm, or a signal of it.
    Alarm(Box<Alarm>),
    /// Whom the device is at.
    Patient(Box<Patient>),
    /// Where the device is.
    Location(Location),
    /// Somebody wants the device to do something.
    Request(Request),
    /// What became of it: `Wait`, `Start`, `Fin`, `Fail`, `Cnclld` …
    Invocation(String),
    /// The message is over.
    Header(Header),
}

/// Actions that change something, IEEE 11073-10207 section 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum Action {
    SetValue,
    SetString,
    SetMetricState,
    SetComponentState,
    SetContextState,
    SetAlertState,
    Activate,
}

impl Action {
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "SetValue" => Self::SetValue,
            "SetString" => Self::SetString,
            "SetMetricState" => Self::SetMetricState,
            "SetComponentState" => Self::SetComponentState,
            "SetContextState" => Self::SetContextState,
            "SetAlertState" => Self::SetAlertState,
            "Activate" => Self::Activate,
            _ => return None,
        })
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SetValue => "SetValue",
            Self::SetString => "SetString",
            Self::SetMetricState => "SetMetricState",
            Self::SetComponentState => "SetComponentState",
            Self::SetContextState => "SetContextState",
            Self::SetAlertState => "SetAlertState",
            Self::Activate => "Activate",
        }
    }
}

/// A request to do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What.
    pub action: Action,
    /// Handle of the operation.
    pub operation: String,
    /// An alarm is to be silenced: a signal is to be off or paused.
    pub silences: bool,
}

/// DPWS 1.1 section 5.1, ThisModel and ThisDevice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub struct Model {
    pub manufacturer: Option<String>,
    pub manufacturer_url: Option<String>,
    pub model_name: Option<String>,
    pub model_number: Option<String>,
    pub model_url: Option<String>,
    pub presentation_url: Option<String>,
    pub friendly_name: Option<String>,
    pub firmware_version: Option<String>,
    pub serial_number: Option<String>,
    /// Types of the services that it hosts.
    pub services: Vec<String>,
}

/// An MDS of the description, IEEE 11073-10207 section 5.3, with its meta data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub struct System {
    pub handle: String,
    pub code: Option<String>,
    pub udi_device_identifier: Option<String>,
    pub udi_carrier: Option<String>,
    pub manufacturer: Option<String>,
    pub model_name: Option<String>,
    pub model_number: Option<String>,
    pub serial_number: Option<String>,
    pub lot_number: Option<String>,
    pub manufacture_date: Option<String>,
    pub expiration_date: Option<String>,
    /// Code of the kind of specification, and what it says.
    pub specifications: Vec<(String, String)>,
    /// Codes of its subsystems.
    pub subsystems: Vec<String>,
    pub channels: u32,
    pub metrics: u32,
    pub alarms: u32,
    pub operations: u32,
}

/// What is known of something with a handle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub struct Component {
    pub code: Option<String>,
    pub unit: Option<String>,
    pub kind: Option<String>,
    pub priority: Option<String>,
}

/// A metric value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Value {
    /// Handle of its descriptor.
    pub handle: String,
    /// What is known of the descriptor, if the conversation held it.
    pub component: Component,
    /// The number.
    pub value: f64,
    /// `Vld`, `Ong`, `Inv`, `Qst` …
    pub validity: Option<String>,
    /// Milliseconds since 1970.
    pub time_ms: Option<u64>,
}

/// State of an alert condition or signal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alarm {
    /// Handle of its descriptor.
    pub handle: String,
    /// What is known of the descriptor, if the conversation held it.
    pub component: Component,
    /// The condition is there; for a signal `On`, `Off`, `Latch`, `Ack`.
    pub presence: String,
    /// `On`, `Off`, `Psd`.
    pub activation: Option<String>,
    /// The values beyond which it gives alarm, section 5.4.5: a side that is not monitored has none. `None` where the
    /// state is not that of a limit, or does not say.
    pub limits: Option<[Option<f64>; 2]>,
}

/// PatientContextState, section 5.4.
#[derive(Clone, Default)]
pub struct Patient {
    /// First identification: its extension, and its root.
    pub identifier: Option<Sensitive<String>>,
    /// Root of it.
    pub root: Option<String>,
    /// Given name.
    pub given: Option<Sensitive<String>>,
    /// Family name.
    pub family: Option<Sensitive<String>>,
    /// Date of birth.
    pub birth_date: Option<Sensitive<String>>,
    /// Sex is told.
    pub sex: bool,
}

/// LocationContextState, section 5.4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub struct Location {
    pub point_of_care: Option<String>,
    pub room: Option<String>,
    pub bed: Option<String>,
    pub facility: Option<String>,
}

/// What a message is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Last part of the action, or name of the first element of the body.
    pub action: String,
    /// The action is of one of the standards read here.
    pub ours: bool,
    /// Version of the description and states.
    pub mdib_version: Option<u64>,
    /// Which run of versions.
    pub sequence: Option<String>,
}
