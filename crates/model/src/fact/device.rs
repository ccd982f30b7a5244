//! Facts that many protocols tell alike: what a device says about itself, what it measured, and what it was
//! told to do. A protocol that says no more than this needs no fact of its own.

use serde::{Deserialize, Serialize};

use crate::fact::{DeviceIdentity, PatientLocation, PatientReference};
use crate::{Bounded, Label, Protocol, Pseudonym, Timestamp};

/// A device introduced itself, or another told about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityFact {
    /// What carried it.
    pub protocol: Protocol,
    /// Who it is about.
    pub subject: IdentitySubject,
    /// Maker, model, serial number, software; `field` names where in the message they stand.
    pub device: DeviceIdentity,
    /// Name of the device on the network, where the protocol has a field for it.
    pub name: Option<Label>,
    /// Free words about what it is, such as a BACnet description or a printer's `printer-info`.
    pub description: Option<Label>,
    /// What it does on the wire, in the words of `knowledge/`: `modbus server`, `sdc provider` …
    pub role: Option<Label>,
    /// Further attributes by the name of the protocol's field, such as `location` or `hardware revision`.
    pub attributes: Bounded<(Label, Label), 12>,
}

/// Who an [`IdentityFact`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentitySubject {
    /// The sender of the message.
    Sender,
    /// The receiver: a request names whom it wants.
    Receiver,
    /// A device behind the sender, such as a monitor behind its gateway or a meter behind its dock.
    Behind,
}

/// A measured value, whichever protocol carried it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasurementFact {
    /// What carried it.
    pub protocol: Protocol,
    /// Code or name of the quantity: an MDC or LOINC code, or the field's name.
    pub code: Label,
    /// Coding system: `MDC`, `LN` …
    pub system: Option<Label>,
    /// The number.
    pub value: f64,
    /// Unit as sent.
    pub unit: Option<Label>,
    /// Time that the device gave.
    pub time: Option<Timestamp>,
    /// Whose value, where the message said so.
    pub patient: Option<PatientReference>,
    /// Bed, where the message said so.
    pub location: Option<PatientLocation>,
    /// Identifier of the measuring device, where it is not the sender.
    pub device: Option<Label>,
}

/// An alarm of a device, whichever protocol carried it. Its words are left out: they may name a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmFact {
    /// What carried it.
    pub protocol: Protocol,
    /// Code of what happened, such as an MDC event.
    pub event: Label,
    /// Its reference identifier.
    pub name: Option<Label>,
    /// Code of what it happened to.
    pub source: Option<Label>,
    /// `start`, `continue`, `end` …
    pub phase: Option<Label>,
    /// `active`, `latched`, `inactive` …
    pub state: Option<Label>,
    /// `enabled`, `audio-paused`, `alert-acknowledged` …
    pub inactivation: Option<Label>,
    /// As sent: `PH`, `PM`, `PL`, `Hi`, `Me`, `Lo` …
    pub priority: Option<Label>,
    /// As sent: physiological (`SP`), technical (`ST`), advisory (`SA`) …
    pub kind: Option<Label>,
    /// Time that the device gave.
    pub time: Option<Timestamp>,
    /// Whose alarm, where the message said so.
    pub patient: Option<PatientReference>,
    /// Bed, where the message said so.
    pub location: Option<PatientLocation>,
    /// Identifier of the device, where it is not the sender.
    pub device: Option<Label>,
    /// Between which values it keeps quiet, where the message said so.
    pub limits: Option<AlarmLimits>,
}

/// Between which values an alarm keeps quiet, in the unit of what it watches.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmLimits {
    /// Alarm is given below it; `None` is never.
    pub lower: Option<f64>,
    /// Alarm is given above it; `None` is never.
    pub upper: Option<f64>,
}

/// A message of IEEE 11073 SDC, and where it stands in the history of its device's description and states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SdcFact {
    /// Last part of the action: `GetMdibResponse`, `EpisodicMetricReport`, `Subscribe` …
    pub action: Label,
    /// MdibVersion, which only grows.
    pub mdib_version: Option<u64>,
    /// SequenceId: the run in which it grows.
    pub sequence: Option<Label>,
}

/// What somebody does with the records of patients on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordVerb {
    /// Looks for records by their attributes.
    Search,
    /// Reads a record.
    Read,
    /// Adds a record.
    Create,
    /// Changes a record.
    Update,
    /// Removes a record.
    Delete,
    /// Takes many records at once.
    Export,
    /// Wants to be told about changes.
    Subscribe,
    /// Calls an operation of the server.
    Invoke,
}

/// Somebody asked a server of records for something; the sender of the observation asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordAccessFact {
    /// What carried it: FHIR or DICOMweb.
    pub protocol: Protocol,
    /// What is done.
    pub verb: RecordVerb,
    /// To what, in the standard's words: `Patient`, `Observation`, `study`, `series` …
    pub resource: Label,
    /// Which one, or whose.
    pub about: Option<Pseudonym>,
    /// Search parameters by name, never their values.
    pub parameters: Bounded<Label, 8>,
    /// The request carried credentials.
    pub authenticated: bool,
    /// HTTP status of the answer, where one was seen.
    pub status: Option<u16>,
}

/// What a command does to the device that receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlOperation {
    /// Reads a value or a setting.
    Read,
    /// Writes a value: a register, a set point, a property.
    Write,
    /// Changes how the device works: configuration, alarm limits, address, time.
    Configure,
    /// Deletes a value, a setting or a file.
    Erase,
    /// Silences, disables or removes an alarm.
    SilenceAlarm,
    /// Starts, resumes.
    Start,
    /// Stops, pauses, disables communication.
    Stop,
    /// Restarts, cold or warm.
    Restart,
    /// Loads a program or firmware into the device, or out of it.
    Program,
    /// Calls an operation of the device that is none of the above.
    Invoke,
}

impl ControlOperation {
    /// Whether the device is another afterwards.
    pub const fn changes(self) -> bool {
        !matches!(self, Self::Read)
    }
}

/// Somebody gave a device a command; the sender of the observation commands, the receiver obeys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlFact {
    /// What carried it.
    pub protocol: Protocol,
    /// What it does.
    pub operation: ControlOperation,
    /// The protocol's own name of the command, such as `Write Multiple Registers` or `ReinitializeDevice`.
    pub command: Label,
    /// What it acts on, such as `holding register 40`; never a value that could be patient data.
    pub object: Option<Label>,
    /// How many objects it acts on.
    pub objects: u32,
    /// Who commands was authenticated inside the protocol.
    pub authenticated: bool,
    /// `None` for a request; for an answer, whether the device did it. An answer goes the other way: its
    /// observation's sender is the device.
    pub accepted: Option<bool>,
}

/// How weak the protection is on which two ends agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// There is none: whoever reaches the sender may use it.
    Absent,
    /// There is one that can be broken.
    Weak,
}

/// A conversation is badly protected; the sender of the observation chose or allowed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectionFact {
    /// What carried it.
    pub protocol: Protocol,
    /// What protects it, as words that fit behind "with", such as `an RC4 ticket`.
    pub scheme: Label,
    /// How weak it is.
    pub strength: Protection,
}

/// In what a message broke the rules that guard it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntegrityFault {
    /// Its checksum is not that of its bytes.
    Checksum,
    /// It was sent again under the same number with another content.
    Altered,
    /// It was sent again.
    Repeated,
    /// A number before it is missing.
    Sequence,
    /// It stands where the standard allows none of its kind.
    Order,
}

impl IntegrityFault {
    /// In plain words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Checksum => "wrong checksum",
            Self::Altered => "same number, other content",
            Self::Repeated => "sent again",
            Self::Sequence => "number missing",
            Self::Order => "out of order",
        }
    }
}

/// A message broke a rule that guards it; `from` of the observation sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegrityFact {
    /// What carried it.
    pub protocol: Protocol,
    /// In what.
    pub fault: IntegrityFault,
    /// Where, in the protocol's terms, such as `frame 3` or `record R`.
    pub place: Label,
    /// Whether its receiver took it all the same, as far as that was seen.
    pub accepted: bool,
}
