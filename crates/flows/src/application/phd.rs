//! IEEE 11073-20601: which personal health device measures what, and who manages it.

use wardline_model::fact::{
    ControlFact, ControlOperation, IdentitySubject, MeasurementFact, PatientField, PatientFields,
};
use wardline_model::{Fact, Label, Protocol, Timestamp};
use wardline_wire::Direction;
use wardline_wire::clinical::mder::Specification;
use wardline_wire::clinical::phd::{
    Association, Command, Device, Event, Numeric, Session, probe, specialization,
};

use super::introduction::{attribute, introduction};
use super::patient::Patient;
use super::{Context, Progress, Stream, StreamAdaptor};

pub(super) const STREAM: Stream =
    Stream { protocol: Protocol::Phd, ports: &[], probe, adaptor: || Box::<Phd>::default() };

/// Further agents behind one end that are told apart in one conversation.
const AGENTS_MAX: usize = 16;

#[derive(Default)]
struct Phd {
    session: Session,
    agents: Agents,
}

/// Agents that associated, the first being the station itself.
#[derive(Default)]
struct Agents {
    known: Vec<Label>,
    current: Option<Label>,
}

impl StreamAdaptor for Phd {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let Self { session, agents } = self;
        let ours = session.feed(direction, bytes, &mut |event| agents.take(event, context));
        if ours { Progress::Continue } else { Progress::Lost }
    }

    fn gap(&mut self, direction: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        self.session.gap(direction);
        Progress::Continue
    }
}

impl Agents {
    fn take(&mut self, event: Event<'_>, context: &mut Context<'_>) {
        match event {
            Event::Request(association) => self.request(&association, context),
            Event::Response(_, association) => {
                if let Some(manager) = association.filter(|association| !association.agent) {
                    let mut told = introduction(Protocol::Phd, "system-id");
                    told.device.identifier = system_id(manager.system_id);
                    told.role = Some(Label::new("phd manager"));
                    context.tell(Fact::Identity(Box::new(told)));
                }
            }
            Event::Device(device) => self.device(&device, context),
            Event::Numeric(number) => self.numeric(number, context),
            Event::Command(command) => tell_command(command, context),
            Event::End => self.current = None,
        }
    }

    /// Who an agent is that associates: another than the first of a conversation is behind the same end.
    fn request(&mut self, association: &Association<'_>, context: &mut Context<'_>) {
        let identifier = system_id(association.system_id);
        self.current.clone_from(&identifier);
        if let Some(identifier) = identifier.clone().filter(|id| !self.known.contains(id))
            && self.known.len() < AGENTS_MAX
        {
            self.known.push(identifier);
        }
        let mut told = introduction(Protocol::Phd, "system-id");
        told.subject = self.subject();
        told.device.identifier = identifier;
        told.role = Some(Label::new(if association.agent { "phd agent" } else { "phd manager" }));
        told.description = association.specialization.and_then(specialization).map(Label::new);
        attribute(
            &mut told,
            "configuration",
            Some(Label::new(&format!("{:#06x}", association.configuration))),
        );
        context.tell(Fact::Identity(Box::new(told)));
    }

    fn subject(&self) -> IdentitySubject {
        let first = self.known.first();
        if self.current.is_none() || self.current.as_ref() == first {
            IdentitySubject::Sender
        } else {
            IdentitySubject::Behind
        }
    }

    fn device(&mut self, device: &Device<'_>, context: &mut Context<'_>) {
        let mut told = introduction(Protocol::Phd, "MDS");
        told.role = Some(Label::new("phd agent"));
        if let Some(identifier) = device.system_id.and_then(system_id) {
            self.current = Some(identifier);
        }
        told.subject = self.subject();
        told.device.identifier.clone_from(&self.current);
        told.device.manufacturer = device.manufacturer.and_then(Label::non_empty);
        told.device.model = device.model.and_then(Label::non_empty);
        let specified = |kind: Specification| {
            let found = device.specification.iter().find(|(known, _)| *known == kind);
            found.and_then(|(_, text)| Label::non_empty(text))
        };
        told.device.serial = specified(Specification::Serial);
        let (firmware, software) = (specified(Specification::Firmware), specified(Specification::Software));
        told.device.firmware = firmware.or_else(|| software.clone());
        told.description = device.specializations.iter().copied().find_map(specialization).map(Label::new);
        for (name, kind) in [
            ("part number", Specification::Part),
            ("hardware revision", Specification::Hardware),
            ("software revision", Specification::Software),
            ("protocol revision", Specification::Protocol),
            ("GMDN", Specification::Gmdn),
        ] {
            attribute(&mut told, name, specified(kind));
        }
        let number = |number: u16| Label::new(&number.to_string());
        for code in &device.specializations {
            attribute(&mut told, "device specialization", Some(number(*code)));
        }
        attribute(&mut told, "battery level", device.battery.map(number));
        context.tell(Fact::Identity(Box::new(told)));
    }

    fn numeric(&self, number: Numeric, context: &mut Context<'_>) {
        let behind = self.subject() == IdentitySubject::Behind;
        context.tell(Fact::Measurement(Box::new(MeasurementFact {
            protocol: Protocol::Phd,
            code: Label::new(&number.code.to_string()),
            system: Some(Label::new("MDC")),
            value: number.value,
            unit: number.unit.map(|unit| Label::new(&unit)),
            time: number.time.map(Timestamp::from_nanoseconds),
            patient: None,
            location: None,
            device: self.current.clone().filter(|_| behind),
        })));
        if context.first_time("results") {
            let mut fields = PatientFields::default();
            fields.insert(PatientField::Result);
            Patient::tell(fields, Protocol::Phd, context);
        }
    }
}

/// An EUI-64 as IHE PCD-01 writes it.
fn system_id(bytes: &[u8]) -> Option<Label> {
    let known = bytes.iter().any(|byte| *byte != 0) && bytes.len() <= 16;
    known.then(|| Label::new(&bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>()))
}

fn tell_command(command: Command, context: &mut Context<'_>) {
    let operation = match command.name() {
        "Clear-Segments" => ControlOperation::Erase,
        "Set-Time" | "Set" => ControlOperation::Configure,
        "Get-Segment-Info" | "Data-Request" | "Trig-Segment-Data-Xfer" => ControlOperation::Read,
        _ => ControlOperation::Invoke,
    };
    // What only reads is repeated all day.
    if !operation.changes() && !context.first_time(("command", command.name())) {
        return;
    }
    context.tell(Fact::Control(Box::new(ControlFact {
        protocol: Protocol::Phd,
        operation,
        command: Label::new(command.name()),
        object: Some(Label::new(&format!("object {}", command.handle()))),
        objects: 1,
        // The standard has no log-in.
        authenticated: false,
        accepted: None,
    })));
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    /// An oximeter of standard configuration 0x190 associates (11073-20601 annex H.2.1).
    const REQUEST: &[u8] = b"\xe2\x00\x00\x32\x80\x00\x00\x00\x00\x01\x00\x2a\x50\x79\x00\x26\x80\x00\x00\x00\x80\x00\x80\x00\x00\x00\
        \x00\x00\x00\x00\x00\x80\x00\x00\x00\x08\x00\x11\x22\x33\x44\x55\x66\x77\x01\x90\x00\x01\x01\x00\x00\x00\x00\x00";
    /// A fixed report of SpO2 98 % and pulse 61.
    const REPORT: &[u8] = b"\xe7\x00\x00\x26\x00\x24\x00\x01\x01\x01\x00\x1e\x00\x00\xff\xff\xff\xff\x0d\x1d\x00\x14\xf0\x00\x00\x01\
        \x00\x02\x00\x0c\x00\x01\x00\x02\x00\x62\x00\x0a\x00\x02\x00\x3d";
    /// The time is set.
    const SET_TIME: &[u8] = b"\xe7\x00\x00\x1a\x00\x18\x00\x02\x01\x07\x00\x12\x00\x00\x0c\x17\x00\x0c\x20\x26\x03\x02\x06\x07\x08\x00\
        \x00\x00\x00\x00";

    fn facts(pieces: &[(Direction, &[u8])]) -> Vec<Fact> {
        driver::stream(&STREAM, pieces, usize::MAX).0
    }

    #[test]
    fn an_oximeter_its_values_and_who_sets_its_clock() {
        let facts = facts(&[
            (Direction::Forward, REQUEST),
            (Direction::Forward, REPORT),
            (Direction::Backward, SET_TIME),
        ]);
        let [
            Fact::Identity(agent),
            Fact::Measurement(oxygen),
            Fact::PatientData(_),
            Fact::Measurement(pulse),
            Fact::Control(control),
        ] = facts.as_slice()
        else {
            panic!("{facts:?}")
        };
        assert_eq!(agent.device.identifier, Some(Label::new("0011223344556677")));
        assert_eq!(agent.description, Some(Label::new("MDC_DEV_SPEC_PROFILE_PULS_OXIM")));
        assert_eq!(agent.subject, IdentitySubject::Sender);
        assert_eq!((oxygen.code.as_str(), oxygen.value, pulse.value), ("150456", 98.0, 61.0));
        assert_eq!(oxygen.unit, Some(Label::new("%")));
        assert_eq!((control.operation, control.command.as_str()), (ControlOperation::Configure, "Set-Time"));
    }

    #[test]
    fn a_second_agent_is_behind_the_same_end() {
        let mut second = REQUEST.to_vec();
        second[38] = 0xaa;
        let facts = facts(&[
            (Direction::Forward, REQUEST),
            (Direction::Forward, b"\xe4\x00\x00\x02\x00\x00"),
            (Direction::Forward, &second),
            (Direction::Forward, REPORT),
        ]);
        let subjects: Vec<_> = facts
            .iter()
            .filter_map(|fact| if let Fact::Identity(told) = fact { Some(told.subject) } else { None })
            .collect();
        assert_eq!(subjects, [IdentitySubject::Sender, IdentitySubject::Behind]);
        let behind = facts
            .iter()
            .find_map(|fact| if let Fact::Measurement(told) = fact { told.device.clone() } else { None });
        assert!(behind.is_some_and(|device| device.as_str().starts_with("0011AA")), "{facts:?}");
    }
}
