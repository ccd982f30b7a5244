//! Facts of management and telemetry protocols: SNMP, MQTT, SSDP, WS-Discovery.

use serde::{Deserialize, Serialize};

use crate::{Bounded, Label, Pseudonym};

/// SNMP operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are those of RFC 3416")]
pub enum SnmpOperation {
    Get,
    GetNext,
    GetBulk,
    Set,
    Response,
    Trap,
    Inform,
    Report,
    /// Encrypted, so the operation is hidden.
    Encrypted,
}

/// How a message is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SnmpSecurity {
    /// Version 1 or 2c: a community in clear.
    Community,
    /// Version 3 without authentication.
    NoAuthentication,
    /// Version 3 authenticated, in clear.
    Authenticated,
    /// Version 3 authenticated and encrypted.
    Encrypted,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SnmpValue {
    /// Integer, counter, gauge or time ticks.
    Number(i64),
    /// Printable text; only for objects that describe the device itself (system group, ENTITY-MIB,
    /// HOST-RESOURCES, printer and UPS identity).
    Text(Label),
    /// Object identifier, dotted.
    Object(Label),
    /// Address.
    Address(std::net::IpAddr),
    /// Anything else: length in bytes.
    Opaque(u32),
    /// Null, as in a request, or "no such object".
    Empty,
}

/// An object and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnmpBinding {
    /// Object identifier, dotted.
    pub object: Label,
    /// Its value.
    pub value: SnmpValue,
}

/// SNMP, RFC 1157, RFC 3416, RFC 3412.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnmpFact {
    /// Version: 1, 2 (for 2c) or 3.
    pub version: u8,
    /// What is asked.
    pub operation: SnmpOperation,
    /// How it is protected.
    pub security: SnmpSecurity,
    /// Error status of a response.
    pub error: u8,
    /// Objects.
    pub bindings: Bounded<SnmpBinding, 16>,
    /// Version 3 engine identifier, hexadecimal.
    pub engine: Option<Label>,
}

/// A topic with what may name a person taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicShape {
    /// Levels made of letters, `_` and `-` only stay; others become `*`; wildcards stay.
    pub shape: Label,
    /// Pseudonym of the whole topic.
    pub topic: Pseudonym,
}

/// MQTT 3.1.1 and 5.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MqttFact {
    /// CONNECT.
    Connect {
        /// Protocol level: 3 (3.1), 4 (3.1.1) or 5.
        level: u8,
        /// Client identifier.
        client: Label,
        /// Keep-alive, seconds.
        keep_alive_s: u16,
        /// Starts without an old session.
        clean: bool,
        /// Topic of the will message.
        will: Option<TopicShape>,
        /// A user name is sent.
        has_account: bool,
    },
    /// CONNACK with its reason code; 0 is accepted.
    Connected {
        /// Reason code.
        reason: u8,
    },
    /// PUBLISH.
    Publish {
        /// Topic.
        topic: TopicShape,
        /// Kept by the broker for those who come later.
        retained: bool,
        /// Sent again.
        duplicate: bool,
        /// Quality of service, 0 to 2.
        quality: u8,
        /// Length of the payload; 0 and retained deletes what was kept.
        payload_bytes: u32,
        /// Keyed hash of the payload.
        content: Pseudonym,
    },
    /// SUBSCRIBE, one filter.
    Subscribe {
        /// Filter.
        filter: TopicShape,
        /// Asks for everything (`#`) or for the broker's own topics (`$SYS`).
        everything: bool,
    },
    /// DISCONNECT with its reason code; 0 is normal.
    Disconnect {
        /// Reason code.
        reason: u8,
    },
}

/// SSDP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SsdpKind {
    /// `NOTIFY ssdp:alive`.
    Alive,
    /// `NOTIFY ssdp:byebye`.
    ByeBye,
    /// `M-SEARCH`.
    Search,
    /// Answer to a search.
    Answer,
}

/// SSDP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SsdpFact {
    /// Which message.
    pub kind: SsdpKind,
    /// NT or ST: what is offered or looked for.
    pub target: Option<Label>,
    /// USN.
    pub name: Option<Label>,
    /// SERVER or USER-AGENT.
    pub server: Option<Label>,
    /// LOCATION.
    pub location: Option<Label>,
}

/// WS-Discovery message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of OASIS WS-Discovery 1.1")]
pub enum WsDiscoveryKind {
    Hello,
    Bye,
    Probe,
    ProbeMatches,
    Resolve,
    ResolveMatches,
}

/// WS-Discovery, as used by printers, cameras (ONVIF) and medical devices (IEEE 11073 SDC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WsDiscoveryFact {
    /// Which message.
    pub kind: WsDiscoveryKind,
    /// Endpoint reference address.
    pub endpoint: Option<Label>,
    /// Types, local names only.
    pub types: Bounded<Label, 8>,
    /// Scopes.
    pub scopes: Bounded<Label, 16>,
    /// Transport addresses.
    pub addresses: Bounded<Label, 4>,
    /// The device says that it speaks SDC (`MedicalDevice` type).
    pub medical: bool,
}
