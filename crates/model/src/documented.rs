//! What makers document: with whom their devices talk, also when nobody has seen it yet.

use ipnet::IpNet;

use crate::{Category, Device, Label, PortRange, Transport};

/// The other end of a documented conversation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentedPeer {
    /// Address or network.
    Network(IpNet),
    /// Name in the DNS.
    Name(Label),
    /// Every device of a category.
    Category(Category),
    /// Devices of the same kind.
    SameKind,
    /// Servers that such devices work with, whoever they are.
    Server,
    /// Whoever is at the site and such devices talk with.
    Local,
}

/// One documented conversation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DocumentedUse {
    /// Whether the device begins.
    pub begins: bool,
    /// The other end.
    pub peer: DocumentedPeer,
    /// IP protocol number.
    pub transport: Transport,
    /// Ports of the answering side; [`PortRange::ALL`] for transports without ports.
    pub ports: Vec<PortRange>,
    /// Where it is written: document, and section or entry.
    pub source: Label,
}

/// What a document says about the devices that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Documented {
    /// Maker.
    pub vendor: Option<Label>,
    /// Model.
    pub model: Option<Label>,
    /// Category.
    pub category: Option<Category>,
    /// Conversations.
    pub uses: Vec<DocumentedUse>,
}

impl Documented {
    /// Whether it is about a device: everything that it names must fit. One that names nothing is about nobody.
    pub fn is_about(&self, device: &Device) -> bool {
        let within = |wanted: &Option<Label>, has: &Option<Label>| match (wanted, has) {
            (None, _) => true,
            (Some(wanted), Some(has)) => {
                has.as_str().to_lowercase().contains(&wanted.as_str().to_lowercase())
            }
            (Some(_), None) => false,
        };
        let names_any = self.vendor.is_some() || self.model.is_some() || self.category.is_some();
        names_any
            && within(&self.vendor, &device.vendor)
            && within(&self.model, &device.model)
            && self.category.is_none_or(|category| category == device.category)
    }
}
