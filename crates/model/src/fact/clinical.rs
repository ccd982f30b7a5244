//! Facts of clinical protocols: HL7 version 2 and DICOM, and who the patient is without saying who.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Bounded, Label, Protocol, Pseudonym, Timestamp};

macro_rules! patient_fields {
    ($($(#[$doc:meta])* $variant:ident = $bit:literal, $name:literal;)+) => {
        /// A kind of patient data.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum PatientField {
            $($(#[$doc])* $variant,)+
        }

        impl PatientField {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            const fn bit(self) -> u16 {
                match self { $(Self::$variant => 1 << $bit,)+ }
            }

            /// Its name in plain words.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

patient_fields! {
    /// Name of the patient.
    Name = 0, "name";
    /// Patient identifier (medical record number).
    Identifier = 1, "patient identifier";
    /// Birth date.
    BirthDate = 2, "birth date";
    /// Sex.
    Sex = 3, "sex";
    /// Address.
    Address = 4, "address";
    /// Telephone number.
    Telephone = 5, "telephone";
    /// Visit or account number.
    Visit = 6, "visit number";
    /// Social security or insurance number.
    Insurance = 7, "insurance number";
    /// Next of kin.
    Kin = 8, "next of kin";
    /// Results, vital signs, findings.
    Result = 9, "results";
    /// Orders and prescriptions.
    Order = 10, "orders";
    /// Diagnosis.
    Diagnosis = 11, "diagnosis";
    /// Pictures and waveforms.
    Image = 12, "images or waveforms";
    /// Who treats the patient.
    Clinician = 13, "clinician";
    /// Bed or room.
    Location = 14, "location";
}

/// A set of kinds of patient data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PatientFields(u16);

impl PatientFields {
    /// Adds a kind.
    pub const fn insert(&mut self, field: PatientField) {
        self.0 |= field.bit();
    }

    /// Adds all kinds of another set.
    pub const fn merge(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether the kind is in the set.
    pub const fn contains(self, field: PatientField) -> bool {
        self.0 & field.bit() != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds in the set.
    pub fn iter(self) -> impl Iterator<Item = PatientField> {
        PatientField::ALL.iter().copied().filter(move |field| self.contains(*field))
    }

    /// Whether the set tells who the patient is.
    pub const fn identifies(self) -> bool {
        self.contains(PatientField::Name)
            || self.contains(PatientField::Identifier)
            || self.contains(PatientField::Insurance)
    }
}

/// Patient data travelled readable: which kinds, never what they said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientDataFact {
    /// What carried it.
    pub protocol: Protocol,
    /// Which kinds.
    pub fields: PatientFields,
}

/// Who a message is about, in pseudonyms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientReference {
    /// Patient identifier together with its assigning authority.
    pub identifier: Option<Pseudonym>,
    /// Further identifiers of the same patient.
    pub other_identifiers: Bounded<Pseudonym, 4>,
    /// Family and given name, upper case.
    pub name: Option<Pseudonym>,
    /// Birth date, digits only.
    pub birth_date: Option<Pseudonym>,
    /// Visit number.
    pub visit: Option<Pseudonym>,
}

/// Where a patient lies: HL7 PL data type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PatientLocation {
    /// Point of care: nursing unit.
    pub unit: Option<Label>,
    /// Room.
    pub room: Option<Label>,
    /// Bed.
    pub bed: Option<Label>,
    /// Facility.
    pub facility: Option<Label>,
}

/// A device as a message names it: OBX-18, PRT-10, DICOM equipment module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceIdentity {
    /// Instance identifier: EUI-64 or local identifier.
    pub identifier: Option<Label>,
    /// UDI device identifier.
    pub udi: Option<Label>,
    /// Manufacturer.
    pub manufacturer: Option<Label>,
    /// Model.
    pub model: Option<Label>,
    /// Serial number.
    pub serial: Option<Label>,
    /// Software or firmware.
    pub firmware: Option<Label>,
    /// Which field told it, in the standard's terms, such as `OBX-18`.
    pub field: Label,
}

/// The value of an observation, as far as it is a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Hl7Value {
    /// A number.
    Number(f64),
    /// Text of this many characters.
    Text(u32),
    /// Encapsulated data of this many bytes that begins like a program (MZ, ELF, Mach-O, script).
    Executable(u32),
    /// No value.
    #[default]
    Empty,
}

/// An OBX segment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hl7Observation {
    /// OBX-3.1.
    pub code: Label,
    /// OBX-3.2: the reference identifier of an MDC code.
    pub name: Option<Label>,
    /// OBX-4 in the dotted notation of IHE PCD-01: device, subsystem, channel, metric.
    pub place: Option<Label>,
    /// Which of [`Hl7Fact::devices`] measured it.
    pub device: Option<u8>,
    /// OBX-3.3: `MDC`, `LN` …
    pub system: Option<Label>,
    /// OBX-2.
    pub value_type: Label,
    /// OBX-5.
    pub value: Hl7Value,
    /// OBX-6.1.
    pub unit: Option<Label>,
    /// OBX-11: `F`, `C`, `R` …
    pub status: Option<Label>,
    /// OBX-14.
    pub time: Option<Timestamp>,
}

/// MSA segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hl7Acknowledgment {
    /// MSA-1: `AA`, `AE`, `AR`, `CA`, `CE`, `CR`.
    pub code: Label,
    /// MSA-2.
    pub message: Pseudonym,
}

/// An HL7 version 2 message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hl7Fact {
    /// MSH-9.1, such as `ORU`.
    pub message: Label,
    /// MSH-9.2, such as `R01`.
    pub trigger: Option<Label>,
    /// MSH-12.
    pub version: Option<Label>,
    /// MSH-3.
    pub sending_application: Option<Label>,
    /// MSH-4.
    pub sending_facility: Option<Label>,
    /// MSH-5.
    pub receiving_application: Option<Label>,
    /// MSH-6.
    pub receiving_facility: Option<Label>,
    /// MSH-7, if it could be read.
    pub time: Option<Timestamp>,
    /// MSH-10.
    pub control: Option<Pseudonym>,
    /// Keyed hash of everything but MSH-7, to tell a resent message from one that was altered.
    pub content: Option<Pseudonym>,
    /// PID and PV1-19.
    pub patient: Option<PatientReference>,
    /// A second patient: MRG of a merge, the second PID of a swap.
    pub other_patient: Option<PatientReference>,
    /// PV1-3.
    pub location: Option<PatientLocation>,
    /// PV1-6.
    pub prior_location: Option<PatientLocation>,
    /// Location of the second patient of a swap.
    pub other_location: Option<PatientLocation>,
    /// OBX.
    pub observations: Bounded<Hl7Observation, 48>,
    /// Devices named.
    pub devices: Bounded<DeviceIdentity, 8>,
    /// The devices are behind the sender: there are several, or the sender named itself otherwise.
    pub behind: bool,
    /// ORC-2/OBR-2 or ORC-3/OBR-3.
    pub order: Option<Pseudonym>,
    /// MSA.
    pub acknowledgment: Option<Hl7Acknowledgment>,
    /// Segments that were not well formed.
    pub malformed_segments: u16,
}

/// How a DICOM user identity is sent, PS3.7 D.3.3.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of PS3.7 table D.3-14")]
pub enum DicomIdentityKind {
    Username,
    UsernamePasscode,
    Kerberos,
    Saml,
    Jwt,
    Other(u8),
}

/// A proposed or accepted presentation context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DicomPresentationContext {
    /// SOP class; empty in an acceptance, which names only the context.
    pub abstract_syntax: Label,
    /// Accepted, or proposed.
    pub accepted: bool,
}

/// A-ASSOCIATE-RQ or -AC, PS3.8 section 9.3.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DicomAssociation {
    /// Who asks.
    pub calling: Label,
    /// Who is asked.
    pub called: Label,
    /// Implementation class UID.
    pub implementation_class: Option<Label>,
    /// Implementation version name.
    pub implementation_version: Option<Label>,
    /// Greatest PDU length, bytes; 0 is no limit.
    pub pdu_length_max: u32,
    /// Contexts.
    pub contexts: Bounded<DicomPresentationContext, 32>,
    /// User identity, if one was sent.
    pub identity: Option<DicomIdentityKind>,
}

/// DIMSE command, PS3.7 annex E.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are those of PS3.7 table E.1-1")]
pub enum DicomCommandKind {
    CStore,
    CGet,
    CFind,
    CMove,
    CEcho,
    CCancel,
    NEventReport,
    NGet,
    NSet,
    NAction,
    NCreate,
    NDelete,
    Other(u16),
}

/// A command set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DicomCommand {
    /// Which command.
    pub kind: DicomCommandKind,
    /// Answer rather than request.
    pub response: bool,
    /// (0000,0002) or (0000,0003).
    pub sop_class: Option<Label>,
    /// (0000,1000) or (0000,1001).
    pub sop_instance: Option<Pseudonym>,
    /// (0000,0110) or (0000,0120).
    pub message_id: u16,
    /// (0000,0900) of an answer.
    pub status: Option<u16>,
    /// (0000,0600) of a C-MOVE.
    pub move_destination: Option<Label>,
}

/// The head of a data set: equipment, and who it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DicomDataset {
    /// The command that carried it.
    pub command: Option<DicomCommandKind>,
    /// Answer rather than request.
    pub response: bool,
    /// (0008,0060).
    pub modality: Option<Label>,
    /// Equipment module and (0008,1010) as `identifier`.
    pub device: DeviceIdentity,
    /// (0008,0080).
    pub institution: Option<Label>,
    /// (0010,0020), (0010,0010), (0010,0030).
    pub patient: Option<PatientReference>,
    /// (0008,0050).
    pub accession: Option<Pseudonym>,
    /// (0020,000D).
    pub study: Option<Pseudonym>,
    /// A private or encapsulated element begins like a program.
    pub executable: bool,
    /// For a query: how many keys were given a value rather than left open.
    pub query_keys: u16,
    /// For a query: a patient key was only a wildcard, or none was given.
    pub query_open: bool,
}

/// DICOM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DicomFact {
    /// A-ASSOCIATE-RQ.
    AssociateRequest(DicomAssociation),
    /// A-ASSOCIATE-AC.
    AssociateAccept(DicomAssociation),
    /// A-ASSOCIATE-RJ.
    AssociateReject {
        /// 1 permanent, 2 transient.
        result: u8,
        /// Who refused.
        source: u8,
        /// Why.
        reason: u8,
    },
    /// A-RELEASE-RQ.
    Release,
    /// A-ABORT.
    Abort {
        /// 0 user, 2 provider.
        source: u8,
        /// Why.
        reason: u8,
    },
    /// A command.
    Command(DicomCommand),
    /// A data set.
    Dataset(Box<DicomDataset>),
}
