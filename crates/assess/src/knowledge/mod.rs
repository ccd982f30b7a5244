//! What is known, as data: `knowledge/` of the project, embedded.

mod oui;
mod signatures;
mod vendors;

use std::sync::LazyLock;

use wardline_model::{DeviceField, Label, MacAddress};

use oui::Oui;
use signatures::Signatures;
use vendors::Vendors;

/// Where a clue was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ClueSource {
    OuiVendor,
    DhcpVendorClass,
    DhcpHostName,
    DhcpParameters,
    DhcpOptions,
    DnsName,
    MdnsName,
    MdnsService,
    SsdpServer,
    SsdpTarget,
    WsDiscoveryType,
    WsDiscoveryScope,
    SnmpDescription,
    SnmpObject,
    HttpServer,
    HttpUserAgent,
    HttpRealm,
    HttpPoweredBy,
    TlsCommonName,
    TlsOrganization,
    TlsServerName,
    NtlmVersion,
    LldpDescription,
    LldpModel,
    LldpCapability,
    DicomImplementationClass,
    DicomImplementationVersion,
    DicomAe,
    DicomModality,
    DicomManufacturer,
    DicomModel,
    Hl7Application,
    Hl7Facility,
    Hl7Device,
    MqttClient,
    SipAgent,
    Banner,
    FtpBanner,
    /// Name of a server that a device asked for or spoke to, where only devices do.
    Service,
    /// The same, where the maker's programs on telephones and computers do so too: told only of what the maker built, or
    /// of what is built around a bought network module.
    SharedService,
    /// IEEE 802.15.4 extended address in hexadecimal digits, and what its owner does in the network.
    RadioAddress,
    /// Manufacturer in an [`wardline_model::fact::IdentityFact`], whatever the protocol.
    IdentityManufacturer,
    /// Model there.
    IdentityModel,
    /// Free words there.
    IdentityDescription,
    /// Name there.
    IdentityName,
    Role,
}

impl ClueSource {
    /// Where the same words stand in a [`wardline_model::fact::IdentityFact`]: a model is a model, whatever the
    /// protocol that told it.
    const fn same_in_identity(self) -> Option<Self> {
        match self {
            Self::DicomModel | Self::Hl7Device | Self::LldpModel => Some(Self::IdentityModel),
            Self::DicomManufacturer => Some(Self::IdentityManufacturer),
            Self::SnmpDescription => Some(Self::IdentityDescription),
            _ => None,
        }
    }
}

/// Something read on the wire that may tell what a device is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clue<'a> {
    pub source: ClueSource,
    pub text: &'a str,
}

/// What a signature says about a device that shows its clue.
#[derive(Clone, Debug)]
pub(crate) struct SignatureClaim {
    pub rule: Label,
    pub field: DeviceField,
    pub value: Label,
    pub confidence: f32,
}

/// Everything known.
pub(crate) struct Knowledge {
    signatures: Signatures,
    oui: Oui,
    vendors: Vendors,
}

static EMBEDDED: LazyLock<Knowledge> = LazyLock::new(|| Knowledge {
    signatures: Signatures::embedded(),
    oui: Oui::embedded(),
    vendors: Vendors::embedded(),
});

impl Knowledge {
    /// What ships with the program.
    pub(crate) fn embedded() -> &'static Self {
        &EMBEDDED
    }

    /// To whom IEEE gave the prefix of this link address, as registered there.
    pub(crate) fn organization(&self, mac: MacAddress) -> Option<&'static str> {
        self.oui.organization(mac)
    }

    /// The name under which a maker is known here.
    pub(crate) fn vendor(&self, text: &str) -> Option<Label> {
        Some(Label::new(self.vendors.name(text))).filter(|label| !label.is_empty())
    }

    /// The firms that a maker, by its one name, is or was a part of.
    pub(crate) fn parents(&self, vendor: &str) -> &[Label] {
        self.vendors.parents(vendor)
    }

    /// Whether an organisation makes network modules that others build into their devices.
    pub(crate) fn makes_parts(&self, organization: &str) -> bool {
        self.vendors.makes_parts(organization)
    }

    /// Gives every claim that a clue supports to `tell`.
    pub(crate) fn claims(&self, clue: &Clue<'_>, tell: &mut dyn FnMut(&SignatureClaim)) {
        self.signatures.claims(clue, tell);
    }
}
