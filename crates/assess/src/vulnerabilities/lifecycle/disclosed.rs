//! What a maker's disclosure statement says about properties of a device: which question of which edition asks for what.

use wardline_model::{Disclosed, DisclosedAnswer, DisclosedProperty, Disclosure, Label};

/// A property, and the identifier of the question for it in the edition of 2013 and in that of 2019.
const PROPERTIES: &[(&str, Option<&str>, Option<&str>)] = &[
    ("holds patient data", None, Some("MPII-1")),
    ("has an operating system", Some("RDMP-1"), Some("CSUP-2")),
    ("owner may install corrections of the operating system", Some("CSUP-1"), Some("CSUP-2.4")),
    ("maker's engineer must install corrections", None, Some("CSUP-2.2")),
    ("corrections can be installed remotely", Some("CSUP-1.1"), Some("CSUP-2.3")),
    ("maker tells when updates are approved", None, Some("CSUP-7")),
    ("maker reviews updates in a cycle", None, Some("CSUP-11.2")),
    ("supports anti-malware software", Some("MLDP-1"), Some("MLDP-2")),
    ("encrypts data at rest", Some("STCF-1"), Some("STCF-1")),
    ("encrypts personal data on the network", Some("TXCF-2"), Some("TXCF-2")),
    ("can be serviced remotely", Some("OTHR-1"), Some("RMOT-1")),
    ("bill of materials is available", Some("RDMP-2"), Some("SBOM-1")),
    ("maker publishes when support ends", None, Some("RDMP-3")),
];

/// The answer to the question for a property, and its identifier.
pub(super) fn answer<'a>(
    form: &'a Disclosure,
    property: &str,
) -> Option<(&'static str, &'a DisclosedAnswer)> {
    let (_, of_2013, of_2019) = PROPERTIES.iter().find(|(known, ..)| *known == property)?;
    let id = if form.edition == 2013 { of_2013 } else { of_2019 };
    let id = (*id)?;
    Some((id, form.answers.get(id)?))
}

/// Yes or no, where that is what was answered.
pub(super) fn is_so(form: &Disclosure, property: &str) -> Option<bool> {
    match answer(form, property)?.1.said {
        Disclosed::Yes => Some(true),
        Disclosed::No => Some(false),
        Disclosed::NotApplicable | Disclosed::SeeNote => None,
    }
}

/// The operating system that the maker names beside the question for it.
pub(in super::super) fn system(form: &Disclosure) -> Option<Label> {
    let (_, answer) = answer(form, "has an operating system")?;
    answer.note.clone().filter(|_| answer.said != Disclosed::No)
}

/// All that was disclosed of what is asked for here.
pub(super) fn properties(form: &Disclosure) -> Vec<DisclosedProperty> {
    let known = PROPERTIES.iter().filter_map(|(property, ..)| {
        let (id, answer) = answer(form, property)?;
        Some(DisclosedProperty {
            property: Label::new(property),
            question: Label::new(id),
            said: answer.said,
            note: answer.note.clone(),
        })
    });
    known.collect()
}
