//! Who a message is about: from what was readable to pseudonyms, and which kinds of patient data were there.
//!
//! The written forms are those of [`wardline_wire::clinical::identity`], so that one patient is the same in every protocol.

use wardline_model::fact::{PatientDataFact, PatientField, PatientFields, PatientReference};
use wardline_model::{Fact, Protocol, Pseudonym, Subject};
use wardline_wire::Sensitive;
use wardline_wire::clinical::identity;

use super::Context;

/// What a message says of its patient so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Patient {
    pub reference: PatientReference,
    pub fields: PatientFields,
}

impl Patient {
    /// An identifier of the patient: the first is that by which the patient is known, all others stand beside it.
    pub(super) fn identifier(&mut self, id: Sensitive<&[u8]>, context: &Context<'_>) {
        let Some(id) = identity::identifier(id, None) else { return };
        self.fields.insert(PatientField::Identifier);
        let id = pseudonym(Subject::PatientId, id, context);
        match self.reference.identifier {
            None => self.reference.identifier = Some(id),
            Some(known) if known == id || self.reference.other_identifiers.contains(&id) => {}
            Some(_) => self.reference.other_identifiers.push(id),
        }
    }

    /// Family and given name.
    pub(super) fn name(&mut self, family: Sensitive<&[u8]>, given: Sensitive<&[u8]>, context: &Context<'_>) {
        let Some(name) = identity::name(family, given) else { return };
        self.fields.insert(PatientField::Name);
        self.reference.name = Some(pseudonym(Subject::PatientName, name, context));
    }

    /// Birth date.
    pub(super) fn birth_date(&mut self, date: Sensitive<&[u8]>, context: &Context<'_>) {
        let Some(date) = identity::birth_date(date) else { return };
        self.fields.insert(PatientField::BirthDate);
        self.reference.birth_date = Some(pseudonym(Subject::BirthDate, date, context));
    }

    /// Whom a measurement belongs to, where that was said.
    pub(super) fn reference(&self) -> Option<PatientReference> {
        Some(self.reference.clone()).filter(|reference| *reference != PatientReference::default())
    }

    /// Tells which kinds were readable, if any.
    pub(super) fn tell(fields: PatientFields, protocol: Protocol, context: &mut Context<'_>) {
        if !fields.is_empty() {
            context.tell(Fact::PatientData(Box::new(PatientDataFact { protocol, fields })));
        }
    }
}

fn pseudonym(subject: Subject, text: Sensitive<String>, context: &Context<'_>) -> Pseudonym {
    let text = text.expose();
    context.pseudonym(subject, Sensitive::new(text.as_bytes()))
}
