//! What the network's own protocols tell: DHCP, SNMP, LLDP, CDP.

use std::net::IpAddr;

use wardline_model::fact::{
    DhcpFact, DhcpMessage, LinkAdvertisement, RoutingFact, SnmpFact, SnmpOperation, SnmpValue,
};
use wardline_model::{DeviceField, Label, Protocol};

use super::{CHOSEN, Notes, READ};
use crate::inventory::DeviceKey;
use crate::knowledge::ClueSource;

impl Notes<'_> {
    /// Who routes and bridges, and who leads.
    pub(super) fn routing(&mut self, told: &RoutingFact) {
        let (field, role) = match told.protocol {
            Protocol::Stp => ("stp.bridge", if told.leads { "root bridge" } else { "bridge" }),
            Protocol::Ospf => ("ospf.srcrouter", "ospf router"),
            Protocol::Rip => ("rip.command", "rip router"),
            Protocol::Vrrp => ("vrrp.prio", "vrrp active router"),
            Protocol::Hsrp if told.leads => ("hsrp.state", "hsrp active router"),
            Protocol::Hsrp => ("hsrp.state", "hsrp router"),
            _ => return,
        };
        self.role(true, told.protocol, field, role);
        let key = self.from();
        self.read(
            key,
            DeviceField::Attribute,
            told.router.as_ref(),
            READ,
            (told.protocol, "router identifier"),
        );
    }

    pub(super) fn dhcp(&mut self, dhcp: &DhcpFact) {
        let client = dhcp
            .client_mac
            .is_station()
            .then(|| self.inventory.anchors.resolve(DeviceKey::Mac(dhcp.client_mac)));
        let by_server = matches!(dhcp.message, DhcpMessage::Offer | DhcpMessage::Ack | DhcpMessage::Nak);
        if by_server {
            self.role(true, Protocol::Dhcp, "dhcp.type", "dhcp server");
            dhcp.routers.iter().for_each(|router| self.default_gateway((*router).into()));
            return;
        }
        self.read(
            client,
            DeviceField::Hostname,
            dhcp.host_name.as_ref(),
            CHOSEN,
            (Protocol::Dhcp, "dhcp.option.12"),
        );
        let domain_name =
            dhcp.domain_name.as_ref().map(|name| Label::new(name.as_str().trim_end_matches('.')));
        self.read(
            client,
            DeviceField::Hostname,
            domain_name.as_ref(),
            CHOSEN,
            (Protocol::Dhcp, "dhcp.option.81"),
        );
        let list = |codes: &[u8]| {
            let codes: Vec<_> = codes.iter().map(u8::to_string).collect();
            Some(Label::new(&codes.join(","))).filter(|label| !label.is_empty())
        };
        let identifier = (Protocol::Dhcp, "dhcp.option.61");
        self.read(client, DeviceField::Attribute, dhcp.client_identifier.as_ref(), READ, identifier);
        let mud_url = (Protocol::Dhcp, "dhcp.option.161");
        self.read(client, DeviceField::Attribute, dhcp.mud_url.as_ref(), READ, mud_url);
        self.clue(
            client,
            Protocol::Dhcp,
            "dhcp.option.60",
            ClueSource::DhcpVendorClass,
            dhcp.vendor_class.as_ref(),
        );
        self.clue(
            client,
            Protocol::Dhcp,
            "dhcp.option.12",
            ClueSource::DhcpHostName,
            dhcp.host_name.as_ref(),
        );
        self.clue(
            client,
            Protocol::Dhcp,
            "dhcp.option.55",
            ClueSource::DhcpParameters,
            list(&dhcp.parameters).as_ref(),
        );
        self.clue(
            client,
            Protocol::Dhcp,
            "dhcp.options",
            ClueSource::DhcpOptions,
            list(&dhcp.options).as_ref(),
        );
    }

    /// What a DHCP server says about one of our devices.
    fn default_gateway(&mut self, ip: IpAddr) {
        let key =
            self.inventory.key_of_address(ip, None).filter(|key| self.inventory.entities.contains_key(key));
        let role = Label::new("default gateway");
        self.read(key, DeviceField::Role, Some(&role), READ, (Protocol::Dhcp, "dhcp.option.3"));
        self.clue(key, Protocol::Dhcp, "dhcp.option.3", ClueSource::Role, Some(&role));
    }

    pub(super) fn snmp(&mut self, snmp: &SnmpFact) {
        if snmp.operation != SnmpOperation::Response && snmp.operation != SnmpOperation::Trap {
            return;
        }
        let key = self.from();
        self.role(true, Protocol::Snmp, "PDU", "snmp agent");
        for binding in &snmp.bindings {
            let object = binding.object.as_str();
            match (object, &binding.value) {
                ("1.3.6.1.2.1.1.1.0", SnmpValue::Text(text)) => {
                    self.read(key, DeviceField::Attribute, Some(text), READ, (Protocol::Snmp, "sysDescr"));
                    self.clue(key, Protocol::Snmp, "sysDescr", ClueSource::SnmpDescription, Some(text));
                }
                ("1.3.6.1.2.1.1.2.0", SnmpValue::Object(id)) => {
                    self.clue(key, Protocol::Snmp, "sysObjectID", ClueSource::SnmpObject, Some(id));
                }
                ("1.3.6.1.2.1.1.5.0", SnmpValue::Text(name)) => {
                    self.read(key, DeviceField::Hostname, Some(name), CHOSEN, (Protocol::Snmp, "sysName"));
                }
                (_, SnmpValue::Text(text)) => {
                    // ENTITY-MIB, RFC 6933: the first entity is the device as a whole.
                    let field = match object.strip_prefix("1.3.6.1.2.1.47.1.1.1.1.") {
                        Some("9.1" | "10.1") => (DeviceField::Firmware, "entPhysicalSoftwareRev"),
                        Some("11.1") => (DeviceField::Serial, "entPhysicalSerialNum"),
                        Some("12.1") => (DeviceField::Vendor, "entPhysicalMfgName"),
                        Some("13.1") => (DeviceField::Model, "entPhysicalModelName"),
                        _ => continue,
                    };
                    self.read(key, field.0, Some(text), READ, (Protocol::Snmp, field.1));
                }
                _ => {}
            }
        }
    }

    pub(super) fn link_advertisement(&mut self, advertisement: &LinkAdvertisement) {
        let key = self.from();
        let protocol = advertisement.protocol;
        self.read(
            key,
            DeviceField::Hostname,
            advertisement.system_name.as_ref(),
            CHOSEN,
            (protocol, "system name"),
        );
        self.read(
            key,
            DeviceField::Vendor,
            advertisement.manufacturer.as_ref(),
            READ,
            (protocol, "manufacturer"),
        );
        self.read(key, DeviceField::Model, advertisement.model.as_ref(), READ, (protocol, "model"));
        self.read(key, DeviceField::Serial, advertisement.serial.as_ref(), READ, (protocol, "serial number"));
        self.read(key, DeviceField::Firmware, advertisement.firmware.as_ref(), READ, (protocol, "firmware"));
        self.clue(
            key,
            protocol,
            "system description",
            ClueSource::LldpDescription,
            advertisement.system_description.as_ref(),
        );
        self.clue(key, protocol, "model", ClueSource::LldpModel, advertisement.model.as_ref());
        let location = advertisement.location.as_ref();
        self.read(key, DeviceField::Location, location, READ, (protocol, "location"));
        // What bridges and routes tells the port of its neighbour; an end station that advertises tells its own.
        for (name, value) in [
            ("chassis", &advertisement.chassis),
            ("port", &advertisement.port),
            ("port description", &advertisement.port_description),
        ] {
            self.read(key, DeviceField::Attribute, value.as_ref(), READ, (protocol, name));
        }
        let mud_url = advertisement.mud_url.as_ref();
        self.read(key, DeviceField::Attribute, mud_url, READ, (protocol, "MUD URL"));
        let capability = match advertisement.capabilities {
            bits if bits & 0x20 != 0 => "telephone",
            bits if bits & 0x08 != 0 => "access point",
            bits if bits & 0x14 != 0 => "bridge or router",
            bits if bits & 0x80 != 0 => "station",
            _ => return,
        };
        self.clue(key, protocol, "capabilities", ClueSource::LldpCapability, Some(&Label::new(capability)));
    }
}
