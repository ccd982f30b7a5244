//! What HL7 and DICOM tell.

use wardline_model::fact::{
    DeviceIdentity, DicomAssociation, DicomCommandKind, DicomFact, Hl7Fact, RecordAccessFact, SdcFact,
};
use wardline_model::{DeviceField, Label, MacAddress, Protocol};

use super::{Notes, OUI, READ};
use crate::inventory::DeviceKey;
use crate::knowledge::ClueSource;

impl Notes<'_> {
    pub(super) fn hl7(&mut self, hl7: &Hl7Fact) {
        let place = Protocol::Hl7;
        if hl7.acknowledgment.is_none() && self.hl7_at_line(hl7) {
            return;
        }
        if hl7.acknowledgment.is_none() {
            self.role(true, place, "MSH-9", "hl7 sender");
            self.role(false, place, "MSH-9", "hl7 receiver");
            self.clue_from(place, "MSH-3", ClueSource::Hl7Application, hl7.sending_application.as_ref());
            self.clue_from(place, "MSH-4", ClueSource::Hl7Facility, hl7.sending_facility.as_ref());
            let receiver = self.to();
            self.clue(
                receiver,
                place,
                "MSH-5",
                ClueSource::Hl7Application,
                hl7.receiving_application.as_ref(),
            );
        } else {
            self.clue_from(place, "MSH-3", ClueSource::Hl7Application, hl7.sending_application.as_ref());
        }
        let [device, ..] = &*hl7.devices else { return };
        // One device in a message is its sender, unless the sender says otherwise or named another before.
        if hl7.behind || self.named_another(device) {
            self.role(true, place, device.field.as_str(), "device gateway");
        } else {
            let key = self.from();
            self.identity(key, place, device);
            self.read(key, DeviceField::Attribute, device.identifier.as_ref(), READ, (place, "identifier"));
            self.eui_maker(key, device);
        }
    }

    fn named_another(&self, device: &DeviceIdentity) -> bool {
        let Some(identifier) = &device.identifier else { return false };
        let entity = self.from().and_then(|key| self.inventory.entities.get(&key));
        entity.is_some_and(|entity| {
            entity.claims().iter().any(|claim| {
                claim.field == DeviceField::Attribute
                    && claim.protocol == Protocol::Hl7
                    && claim.source.as_str() == "identifier"
                    && claim.value != *identifier
            })
        })
    }

    /// An EUI-64 begins with the number that IEEE gave to its maker.
    fn eui_maker(&mut self, key: Option<DeviceKey>, device: &DeviceIdentity) {
        let Some(identifier) = &device.identifier else { return };
        let digits: String = identifier.as_str().chars().filter(char::is_ascii_hexdigit).collect();
        let plain = identifier.as_str().chars().all(|c| c.is_ascii_hexdigit() || matches!(c, '-' | ':'));
        if !plain || digits.len() != 16 {
            return;
        }
        let Some(front) = digits.get(..12).and_then(|front| u64::from_str_radix(front, 16).ok()) else {
            return;
        };
        let [_, _, octets @ ..] = front.to_be_bytes();
        let Some(maker) = self.inventory.knowledge.organization(MacAddress(octets)) else { return };
        let (organization, place) = (Label::new(maker), (Protocol::Hl7, device.field.as_str()));
        if let (Some(key), Some(maker)) = (key, self.inventory.knowledge.vendor(maker)) {
            self.claim(key, DeviceField::Vendor, maker, OUI, place, Some((organization, Label::new("oui"))));
        }
    }

    /// Who asks for records, and who keeps them.
    pub(super) fn record_access(&mut self, access: &RecordAccessFact) {
        let (client, server) = match access.protocol {
            Protocol::Fhir => ("fhir client", "fhir server"),
            Protocol::Dicomweb => ("dicomweb client", "dicomweb server"),
            _ => return,
        };
        self.role(true, access.protocol, "request", client);
        self.role(false, access.protocol, "request", server);
    }

    /// Reports and answers come from the device; what asks, sets and subscribes is a consumer.
    pub(super) fn sdc(&mut self, sdc: &SdcFact) {
        let action = sdc.action.as_str();
        let told = action.ends_with("Report") || action == "WaveformStream" || sdc.mdib_version.is_some();
        let asks = !action.ends_with("Response")
            && ["Get", "Set", "Activate", "Subscribe", "Renew", "Unsubscribe"]
                .iter()
                .any(|verb| action.starts_with(verb));
        if told {
            self.role(true, Protocol::Sdc, "action", "sdc provider");
        } else if asks {
            self.role(true, Protocol::Sdc, "action", "sdc consumer");
        }
    }

    pub(super) fn identity(&mut self, key: Option<DeviceKey>, protocol: Protocol, device: &DeviceIdentity) {
        let place = (protocol, device.field.as_str());
        self.read(key, DeviceField::Vendor, device.manufacturer.as_ref(), 0.9, place);
        self.read(key, DeviceField::Model, device.model.as_ref(), 0.9, place);
        self.read(key, DeviceField::Serial, device.serial.as_ref(), READ, place);
        self.read(key, DeviceField::Firmware, device.firmware.as_ref(), READ, place);
        let source = if protocol == Protocol::Hl7 { ClueSource::Hl7Device } else { ClueSource::DicomModel };
        self.clue(
            key,
            protocol,
            device.field.as_str(),
            source,
            device.model.as_ref().or(device.identifier.as_ref()),
        );
        if protocol == Protocol::Dicom {
            self.clue(
                key,
                protocol,
                "(0008,0070)",
                ClueSource::DicomManufacturer,
                device.manufacturer.as_ref(),
            );
        }
    }

    pub(super) fn dicom(&mut self, dicom: &DicomFact) {
        match dicom {
            DicomFact::AssociateRequest(association) => {
                self.dicom_association(association, true);
                self.role(true, Protocol::Dicom, "A-ASSOCIATE-RQ", "dicom scu");
                self.role(false, Protocol::Dicom, "A-ASSOCIATE-RQ", "dicom scp");
            }
            DicomFact::AssociateAccept(association) => self.dicom_association(association, false),
            DicomFact::Command(command) if !command.response => match command.kind {
                DicomCommandKind::CStore => {
                    self.role(true, Protocol::Dicom, "(0000,0100)", "dicom storage user");
                    self.role(false, Protocol::Dicom, "(0000,0100)", "dicom storage provider");
                }
                DicomCommandKind::CFind => {
                    let worklist = command
                        .sop_class
                        .as_ref()
                        .is_some_and(|class| class.as_str() == "1.2.840.10008.5.1.4.31");
                    let role = if worklist { "dicom worklist provider" } else { "dicom query provider" };
                    self.role(false, Protocol::Dicom, "(0000,0100)", role);
                    self.archive();
                }
                _ => {}
            },
            DicomFact::Dataset(dataset)
                if dataset.command == Some(DicomCommandKind::CStore) && !dataset.response =>
            {
                let key = self.from();
                self.archive();
                // An archive passes on what others made; a modality sends what it made itself.
                if key.is_some_and(|key| !self.has_role(key, "dicom query provider")) {
                    self.identity(key, Protocol::Dicom, &dataset.device);
                    self.clue(
                        key,
                        Protocol::Dicom,
                        "(0008,0060)",
                        ClueSource::DicomModality,
                        dataset.modality.as_ref(),
                    );
                    self.collects(dataset.modality.as_ref());
                }
            }
            _ => {}
        }
    }

    fn dicom_association(&mut self, association: &DicomAssociation, request: bool) {
        let key = self.from();
        let title = if request { &association.calling } else { &association.called };
        self.clue(key, Protocol::Dicom, "AE title", ClueSource::DicomAe, Some(title));
        // Which software speaks, and mostly its version: PS3.7 D.3.3.2.
        for (field, source, value) in [
            (
                "implementation class UID",
                ClueSource::DicomImplementationClass,
                association.implementation_class.as_ref(),
            ),
            (
                "implementation version name",
                ClueSource::DicomImplementationVersion,
                association.implementation_version.as_ref(),
            ),
        ] {
            self.read(key, DeviceField::Attribute, value, READ, (Protocol::Dicom, field));
            self.clue(key, Protocol::Dicom, field, source, value);
        }
    }

    /// What modalities of several kinds store with is where images are kept, whether or not somebody asks for them
    /// while one listens: a workstation gets its images from the archive.
    fn collects(&mut self, modality: Option<&Label>) {
        let (Some(sender), Some(provider), Some(modality)) = (self.from(), self.to(), modality) else {
            return;
        };
        // No more than there are devices.
        if !self.inventory.entities.contains_key(&provider) {
            return;
        }
        let stored = &mut self.inventory.stored;
        let (first, made) = stored.entry(provider).or_insert_with(|| (sender, modality.clone()));
        if *first != sender && made != modality {
            self.role(false, Protocol::Dicom, "(0008,0060)", "dicom storage provider of several modalities");
        }
    }

    /// Whoever takes images and answers questions about them is an archive.
    fn archive(&mut self) {
        if let Some(key) = self.to()
            && self.has_role(key, "dicom query provider")
            && self.has_role(key, "dicom storage provider")
        {
            self.role(false, Protocol::Dicom, "(0000,0100)", "dicom storage and query provider");
        }
    }
}
