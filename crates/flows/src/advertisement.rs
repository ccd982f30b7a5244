//! LLDP and CDP as facts.

use wardline_model::fact::LinkAdvertisement;
use wardline_model::{Label, Protocol};
use wardline_wire::Error;
use wardline_wire::link::{cdp, lldp};

/// LLDP.
pub(crate) fn lldp(bytes: &[u8]) -> Result<LinkAdvertisement, Error> {
    let message = lldp::Message::parse(bytes)?;
    Ok(LinkAdvertisement {
        protocol: Protocol::Lldp,
        chassis: message.chassis.and_then(identifier),
        port: message.port.and_then(identifier),
        port_description: message.port_description.and_then(Label::non_empty),
        system_name: message.system_name.and_then(Label::non_empty),
        system_description: message.system_description.and_then(Label::non_empty),
        model: message.model.and_then(Label::non_empty),
        manufacturer: message.manufacturer.and_then(Label::non_empty),
        serial: message.serial.and_then(Label::non_empty),
        firmware: message.firmware.and_then(Label::non_empty),
        management: message.management,
        capabilities: message.capabilities,
        vlan: message.vlan,
        location: place(&message),
        mud_url: message.mud_url.and_then(Label::non_empty),
    })
}

/// CDP.
pub(crate) fn cdp(bytes: &[u8]) -> Result<LinkAdvertisement, Error> {
    let message = cdp::Message::parse(bytes)?;
    Ok(LinkAdvertisement {
        protocol: Protocol::Cdp,
        chassis: None,
        port: message.port.and_then(Label::non_empty),
        port_description: None,
        system_name: message.device.and_then(Label::non_empty),
        system_description: message.software.and_then(Label::non_empty),
        model: message.platform.and_then(Label::non_empty),
        manufacturer: None,
        serial: None,
        firmware: None,
        management: message.address.map(Into::into),
        capabilities: message.capabilities,
        vlan: message.vlan,
        location: message.location.and_then(Label::non_empty),
        mud_url: None,
    })
}

/// A civic address in one line.
fn place(message: &lldp::Message<'_>) -> Option<Label> {
    let parts: Vec<_> = message.civic_parts().filter_map(Label::non_empty).collect();
    let parts: Vec<_> = parts.iter().map(Label::as_str).collect();
    Some(Label::new(&parts.join(", "))).filter(|label| !label.is_empty())
}

/// An identifier as text: a link address is written as one.
fn identifier(identifier: lldp::Identifier<'_>) -> Option<Label> {
    match identifier {
        lldp::Identifier::Mac(mac) => Some(Label::new(&wardline_model::MacAddress(mac).to_string())),
        lldp::Identifier::Text(text) => Label::non_empty(text),
    }
}
