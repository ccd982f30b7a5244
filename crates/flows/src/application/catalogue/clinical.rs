//! Clinical protocols.

use wardline_model::Protocol;

use super::CatalogueEntry;

/// By name.
pub(super) const ENTRIES: &[CatalogueEntry] = &[
    CatalogueEntry {
        protocol: Protocol::Astm,
        name: "ASTM E1381 and E1394: CLSI LIS01-A2 and LIS02-A2, with or without frames",
        attributes: &[
            "sender: model, software version, serial (told by their form)",
            "further components of the sender",
            "receiver, processing, version",
            "role: sends results, or sends orders",
            "access password (pseudonym)",
            "results with test code, value, unit, time, instrument",
            "patient (pseudonyms), bed",
            "patient fields readable (kinds)",
            "frames: wrong checksum, altered, repeated, missing; records out of order",
            "systems behind one sender",
        ],
        tested: &["vectors"],
        ignored: "comments, scientific and maker's records; orders as commands; the time-outs of section 6.5",
    },
    CatalogueEntry {
        protocol: Protocol::Dicom,
        name: "DICOM upper layer and message exchange, PS3.8 and PS3.7",
        attributes: &[
            "AE titles",
            "implementation class and version",
            "SOP classes offered and accepted",
            "user identity kind",
            "commands with status",
            "move destination",
            "modality",
            "manufacturer, model, serial, software versions, station name",
            "institution",
            "patient, study, accession (pseudonyms)",
            "patient fields readable (kinds)",
            "programs hidden in data sets",
        ],
        tested: &["captures", "vectors"],
        ignored: "pixel data, sequences, and values of a data set beyond its head; compressed transfer syntaxes of data sets",
    },
    CatalogueEntry {
        protocol: Protocol::Hl7,
        name: "HL7 version 2 over MLLP",
        attributes: &[
            "sending and receiving application and facility",
            "message and trigger",
            "version",
            "message time",
            "control identifier (pseudonym)",
            "patient, visit, order (pseudonyms)",
            "bed",
            "observations with code, value, unit, status, time",
            "devices (OBX-18) with UDI, serial, model",
            "acknowledgement code",
            "malformed segments",
            "patient fields readable (kinds)",
        ],
        tested: &["captures", "vectors"],
        ignored: "batches are read message by message; Z segments; free text of results",
    },
];
