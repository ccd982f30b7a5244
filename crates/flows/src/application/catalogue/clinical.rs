//! Clinical protocols.

use wardline_model::Protocol;

use super::CatalogueEntry;

/// By name.
pub(super) const ENTRIES: &[CatalogueEntry] = &[
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
