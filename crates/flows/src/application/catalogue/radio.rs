//! Protocols of radio captures.

use wardline_model::Protocol;

use super::CatalogueEntry;

/// By name.
pub(super) const ENTRIES: &[CatalogueEntry] = &[
    CatalogueEntry {
        protocol: Protocol::Ble,
        name: "Bluetooth Low Energy, Core Specification 5.4: link types 251, 256, 272, PPI, and controllers' logs (187, 201)",
        attributes: &[
            "address and its kind; private addresses are no devices",
            "name, appearance, services, company",
            "manufacturer, model, serial, firmware, hardware, software (Device Information)",
            "system and PnP identifier",
            "controller version and company",
            "connections, their interval and end",
            "pairing method and its weakness",
            "start of encryption",
            "heart rate, SpO2, pulse, blood pressure, temperature, glucose, weight",
            "writes to control points of the health services",
            "patient fields readable (kinds)",
        ],
        tested: &["bumble (recorded)", "tshark", "captures", "vectors"],
        ignored: "extended and periodic advertising beyond its first address; isochronous channels; L2CAP channels other than ATT and SMP; connections that began before the capture, since nobody knows between whom",
    },
    CatalogueEntry {
        protocol: Protocol::Ieee802154,
        name: "IEEE 802.15.4-2020 MAC header: link types 195 and 230",
        attributes: &[
            "extended or short address",
            "maker by EUI-64",
            "PAN identifier",
            "frame security",
            "coordinator",
        ],
        tested: &["captures", "vectors"],
        ignored: "what frames carry (ZigBee, Thread, makers' own), information elements",
    },
];
