//! SNMP: what a device says about itself, who asks it and who changes it.

use wardline_model::fact::{
    CredentialFact, CredentialKind, SnmpBinding, SnmpFact, SnmpOperation, SnmpSecurity, SnmpValue,
};
use wardline_model::{Fact, Label, Protocol, Subject};
use wardline_wire::enterprise::snmp::{
    Binding, Message, ObjectIdentifier, Operation, Security, Value, probe,
};

use super::{Context, Datagram, FirstBytes, Progress};

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::Snmp,
    ports: &[161, 162],
    first: FirstBytes::of(&[0x30..=0x30]),
    probe,
    read,
    encrypted: false,
};

fn read(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    let Ok(message) = Message::parse(datagram) else { return Progress::Lost };
    // An answer only repeats the community of its request.
    let asks = !matches!(message.operation, Operation::Response | Operation::Report);
    if let Some(community) = message.community.filter(|community| asks && !community.is_empty()) {
        let secret = Some(context.pseudonym(Subject::Secret, community));
        context.tell(Fact::Credential(Box::new(CredentialFact {
            protocol: Protocol::Snmp,
            kind: CredentialKind::Community,
            field: Label::new("community"),
            account: None,
            secret,
        })));
    }
    context.tell(Fact::Snmp(Box::new(fact(&message))));
    Progress::Continue
}

fn fact(message: &Message<'_>) -> SnmpFact {
    let engine: String = message.engine.iter().take(32).map(|byte| format!("{byte:02x}")).collect();
    SnmpFact {
        version: message.version,
        operation: match message.operation {
            Operation::Get => SnmpOperation::Get,
            Operation::GetNext => SnmpOperation::GetNext,
            Operation::GetBulk => SnmpOperation::GetBulk,
            Operation::Set => SnmpOperation::Set,
            Operation::Response => SnmpOperation::Response,
            Operation::Trap | Operation::TrapV1 => SnmpOperation::Trap,
            Operation::Inform => SnmpOperation::Inform,
            Operation::Report => SnmpOperation::Report,
            Operation::Encrypted => SnmpOperation::Encrypted,
        },
        security: match message.security {
            Security::Community => SnmpSecurity::Community,
            Security::NoAuthentication => SnmpSecurity::NoAuthentication,
            Security::Authenticated => SnmpSecurity::Authenticated,
            Security::Encrypted => SnmpSecurity::Encrypted,
        },
        error: message.error,
        bindings: message.bindings.iter().map(binding).collect(),
        engine: Label::non_empty(engine.as_bytes()),
    }
}

fn binding(binding: Binding<'_>) -> SnmpBinding {
    let value = match binding.value {
        Value::Number(number) => SnmpValue::Number(number),
        Value::Object(object) => SnmpValue::Object(Label::new(&object.to_string())),
        Value::Address(address) => SnmpValue::Address(address.into()),
        Value::Octets(octets) => match text(octets).filter(|_| describes_the_device(binding.object)) {
            Some(text) => SnmpValue::Text(text),
            None => SnmpValue::Opaque(u32::try_from(octets.len()).unwrap_or(u32::MAX)),
        },
        Value::Other(length) => SnmpValue::Opaque(u32::try_from(length).unwrap_or(u32::MAX)),
        Value::Empty => SnmpValue::Empty,
    };
    SnmpBinding { object: Label::new(&binding.object.to_string()), value }
}

/// Printable text; white space and a final zero byte do no harm.
fn text(octets: &[u8]) -> Option<Label> {
    let octets = octets.strip_suffix(&[0]).unwrap_or(octets);
    let printable = |byte: &u8| matches!(byte, b'\t' | b'\r' | b'\n' | 0x20..=0x7e | 0x80..=0xff);
    Label::non_empty(octets).filter(|_| octets.iter().all(printable))
}

/// Objects whose text describes the device itself. The contact person (`sysContact`) is not among them.
fn describes_the_device(object: ObjectIdentifier<'_>) -> bool {
    /// Below `mib-2`, 1.3.6.1.2.1: encoded without the five bytes of that.
    const BELOW_MIB2: [&[u8]; 12] = [
        &[1, 1],              // sysDescr
        &[1, 5],              // sysName
        &[1, 6],              // sysLocation
        &[1, 9, 1, 3],        // sysORDescr
        &[25, 3, 2, 1, 3],    // hrDeviceDescr
        &[25, 6, 3, 1, 2],    // hrSWInstalledName
        &[33, 1, 1],          // upsIdent
        &[43, 5, 1, 1, 16],   // prtGeneralPrinterName
        &[43, 5, 1, 1, 17],   // prtGeneralSerialNumber
        &[43, 15, 1, 1, 5],   // prtInterpreterDescription
        &[47, 1, 1, 1, 1],    // entPhysicalTable
        &[47, 1, 2, 1, 1, 2], // entLogicalDescr
    ];
    let Some(below) = object.0.strip_prefix(&[0x2b, 6, 1, 2, 1]) else { return false };
    BELOW_MIB2.iter().any(|prefix| below.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    /// A response of version 2c with one object of text, whose last arc but one is `arc` of the system group.
    fn response(operation: u8, arc: u8) -> Vec<u8> {
        let mut bytes = vec![0x30, 43, 2, 1, 1, 4, 6];
        bytes.extend(b"public");
        bytes.extend([operation, 30, 2, 1, 9, 2, 1, 0, 2, 1, 0, 0x30, 19, 0x30, 17, 6, 8]);
        bytes.extend([0x2b, 6, 1, 2, 1, 1, arc, 0, 4, 5]);
        bytes.extend(b"A. B.");
        bytes
    }

    fn value(facts: &[Fact]) -> SnmpValue {
        match facts.last() {
            Some(Fact::Snmp(fact)) => fact.bindings[0].value.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_text_that_describes_the_device_is_told() {
        assert_eq!(value(&driver::datagram(&DATAGRAM, &response(0xa2, 1))), SnmpValue::Text("A. B.".into()));
        assert_eq!(value(&driver::datagram(&DATAGRAM, &response(0xa2, 4))), SnmpValue::Opaque(5));
    }

    #[test]
    fn a_community_is_told_as_a_pseudonym_by_who_asks() {
        let facts = driver::datagram(&DATAGRAM, &response(0xa3, 5));
        let Fact::Credential(credential) = &facts[0] else { panic!("{facts:?}") };
        assert_eq!(credential.kind, CredentialKind::Community);
        assert!(!format!("{facts:?}").contains("public"));
        assert_eq!(driver::datagram(&DATAGRAM, &response(0xa2, 5)).len(), 1);
    }
}
