//! Controllers of buildings and plants.

use wardline_model::Protocol;

use super::CatalogueEntry;

/// By name.
pub(super) const ENTRIES: &[CatalogueEntry] = &[
    CatalogueEntry {
        protocol: Protocol::Bacnet,
        name: "BACnet/IP, ASHRAE 135 annex J",
        attributes: &[
            "device instance",
            "vendor identifier and name",
            "model",
            "serial number",
            "firmware and application software version",
            "object name",
            "description",
            "location",
            "station behind a router",
            "commands: write property, reinitialise, communication control, alarm acknowledgement, files",
        ],
        tested: &["tshark", "captures", "vectors"],
        ignored: "segmented messages; BACnet/SC (seen as TLS); MS/TP and Ethernet without IP",
    },
    CatalogueEntry {
        protocol: Protocol::EthernetIp,
        name: "EtherNet/IP, ODVA volumes 1 and 2",
        attributes: &[
            "vendor",
            "product",
            "product code and device type",
            "serial number",
            "revision",
            "commands: reset, start, stop, write, with answers",
        ],
        tested: &["vectors"],
        ignored: "implicit messages and values",
    },
    CatalogueEntry {
        protocol: Protocol::Modbus,
        name: "Modbus/TCP, Modbus Messaging on TCP/IP 1.0b",
        attributes: &[
            "vendor, product code, revision, product name, model (device identification)",
            "vendor address",
            "commands with function, first object and count",
            "refusals",
        ],
        tested: &["tshark", "captures", "vectors"],
        ignored: "values of registers: nobody knows their meaning without the plant's map; Modbus over RTU in TCP",
    },
    CatalogueEntry {
        protocol: Protocol::OpcUa,
        name: "OPC Unified Architecture, IEC 62541-6",
        attributes: &[
            "endpoint",
            "application and product URI, name",
            "security policy None or deprecated",
            "writes and calls, and whether in nobody's name",
        ],
        tested: &["captures", "vectors"],
        ignored: "values and nodes, messages in several chunks, OPC UA over HTTPS",
    },
    CatalogueEntry {
        protocol: Protocol::S7,
        name: "S7 communication over ISO-on-TCP, RFC 1006",
        attributes: &[
            "module and order number",
            "serial number",
            "firmware",
            "plant name",
            "commands: write, download, upload, start, stop, password",
        ],
        tested: &["tshark", "captures", "vectors"],
        ignored: "S7comm-plus of newer controllers; values of variables",
    },
];
