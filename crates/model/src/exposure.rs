//! Exposures: something is weak.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fact::PatientField;
use crate::{DeviceReference, Evidence, Severity, Timestamp};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// The kind of weakness.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum ExposureKind {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
        }

        impl ExposureKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name in records.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

kinds! {
    /// Patient data travels readable.
    CleartextPhi = "cleartext-phi",
    /// Credentials travel readable.
    CleartextCredentials = "cleartext-credentials",
    /// The maker's default credentials are in use.
    DefaultCredentials = "default-credentials",
    /// One secret on many devices.
    HardCodedCredentials = "hard-coded-credentials",
    /// Anybody may give orders.
    UnauthenticatedControl = "unauthenticated-control",
    /// A protocol without encryption.
    UnencryptedProtocol = "unencrypted-protocol",
    /// Encryption that can be broken.
    WeakCrypto = "weak-crypto",
    /// An operating system without support.
    LegacyOs = "legacy-os",
    /// Remote access.
    RemoteAccess = "remote-access",
    /// Speaks with the internet.
    InternetExposed = "internet-exposed",
    /// Medical devices among everything else.
    FlatNetwork = "flat-network",
    /// What it is and with whom it speaks is told to everybody, or can be read around what is encrypted.
    MetadataLeak = "metadata-leak",
}

impl fmt::Display for ExposureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who could listen to what is readable, and how much there is to hear. A silent listener leaves no trace, so this is no
/// detection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hearing {
    /// For each kind of patient data, the hours of the clock in which it was readable; their sum.
    pub field_hours: u64,
    /// Networks that it crosses: those of the site file, or else the /24 of each end.
    pub networks: Vec<String>,
    /// Devices known in these networks: each could listen, by itself or by luring the packets.
    pub devices: u32,
    /// It leaves the site, and everybody on its way could listen.
    pub outside: bool,
}

/// Something is weak. Record `exposure` of the contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exposure {
    /// Stable identifier.
    pub id: String,
    /// Whose weakness.
    pub device: Option<DeviceReference>,
    /// With whom it showed, if it is about a conversation.
    pub peer: Option<DeviceReference>,
    /// Kind.
    pub kind: ExposureKind,
    /// How bad.
    pub severity: Severity,
    /// One sentence.
    pub summary: String,
    /// Which kinds of patient data were readable; never what they said.
    pub patient_fields: Vec<PatientField>,
    /// Who could hear it, where patient data were readable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hearing: Option<Hearing>,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// How often it was seen.
    pub observations: u64,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// What to do.
    pub remedy: String,
}
