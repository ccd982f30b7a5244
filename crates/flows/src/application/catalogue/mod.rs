//! Which protocols are read, what is taken from each, what that was tested against, and what is ignored.
//!
//! Every adaptor and every protocol of the link and network layers has an entry here, in the file of its family; a
//! test refuses an adaptor without one. `docs/protocols.md` is made of this: `cargo xtask docs`.

mod building;
mod clinical;
mod enterprise;
mod network;
mod page;
mod radio;

pub use page::catalogue_page;

use wardline_model::Protocol;

/// What is read of one protocol.
#[derive(Clone, Copy, Debug)]
pub struct CatalogueEntry {
    /// The protocol.
    pub protocol: Protocol,
    /// Its name in full, with the standard that was followed.
    pub name: &'static str,
    /// Attributes taken from it, in the words of the records. Empty where it is only recognised.
    pub attributes: &'static [&'static str],
    /// Software that we did not write, captures, and vectors made by hand from the standard.
    pub tested: &'static [&'static str],
    /// What is not read, and why where that is not plain.
    pub ignored: &'static str,
}

/// A family of protocols.
#[derive(Clone, Copy, Debug)]
pub struct CatalogueFamily {
    /// Its heading.
    pub name: &'static str,
    /// Its protocols.
    pub entries: &'static [CatalogueEntry],
}

/// All families, each with its protocols by name.
pub const fn catalogue() -> &'static [CatalogueFamily] {
    &[
        CatalogueFamily { name: "Clinical", entries: clinical::ENTRIES },
        CatalogueFamily { name: "Buildings and controllers", entries: building::ENTRIES },
        CatalogueFamily { name: "The rest of the house", entries: enterprise::ENTRIES },
        CatalogueFamily { name: "Link, network and transport", entries: network::ENTRIES },
        CatalogueFamily { name: "Radio", entries: radio::ENTRIES },
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{DATAGRAMS, STREAMS};
    use super::*;

    /// Protocols that no adaptor of [`STREAMS`] or [`DATAGRAMS`] reads: those of the layers below, and those inside
    /// of others.
    const ELSEWHERE: &[Protocol] = &[
        Protocol::Arp,
        Protocol::Ble,
        Protocol::Cdp,
        Protocol::Dicomweb,
        Protocol::Ethernet,
        Protocol::Fhir,
        Protocol::Icmp,
        Protocol::Ieee802154,
        Protocol::Ipp,
        Protocol::Ipv4,
        Protocol::Ipv6,
        Protocol::Lldp,
        Protocol::NeighborDiscovery,
        Protocol::Ntlm,
        Protocol::Ospf,
        Protocol::Rtp,
        Protocol::Sdc,
        Protocol::SerialOverIp,
        Protocol::Stp,
        Protocol::Tcp,
        Protocol::Udp,
        Protocol::Vrrp,
    ];

    fn entries() -> impl Iterator<Item = &'static CatalogueEntry> {
        catalogue().iter().flat_map(|family| family.entries)
    }

    #[test]
    fn every_protocol_that_is_read_has_an_entry() {
        let known: BTreeSet<_> = entries().map(|entry| entry.protocol).collect();
        let streams = STREAMS.iter().map(|stream| stream.protocol);
        let datagrams = DATAGRAMS.iter().map(|datagram| datagram.protocol);
        let missing: Vec<_> = streams
            .chain(datagrams)
            .chain(ELSEWHERE.iter().copied())
            .filter(|protocol| !known.contains(protocol))
            .collect();
        assert!(missing.is_empty(), "no entry in the catalogue: {missing:?}");
    }

    #[test]
    fn entries_are_whole_and_in_order() {
        for family in catalogue() {
            let names: Vec<_> = family.entries.iter().map(|entry| entry.protocol.name()).collect();
            assert!(names.is_sorted(), "{}: {names:?}", family.name);
        }
        let all: Vec<_> = entries().map(|entry| entry.protocol).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "an entry stands twice");
        for entry in entries() {
            assert!(!entry.tested.is_empty(), "{}: tested against nothing", entry.protocol);
            assert!(!entry.ignored.is_empty(), "{}: what is ignored?", entry.protocol);
            let texts = entry.attributes.iter().chain(entry.tested).chain([&entry.name, &entry.ignored]);
            for text in texts {
                assert!(!text.contains(['|', '\n']), "{}: {text} breaks the table", entry.protocol);
            }
        }
    }

    #[test]
    fn the_page_is_that_of_the_code() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocols.md");
        let written = std::fs::read_to_string(page).unwrap_or_default();
        assert!(written == catalogue_page(), "docs/protocols.md is old: run `cargo xtask docs`");
    }
}
