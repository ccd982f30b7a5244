//! Keyed pseudonyms: two sightings of one patient can be compared, nobody can read who it is.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a pseudonym stands for. The same text under two subjects gives unrelated pseudonyms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Account name.
    Account,
    /// Birth date.
    BirthDate,
    /// Content of a message, for comparison of two copies.
    Content,
    /// Path or name of a file, topic or resource.
    Resource,
    /// Message or order identifier.
    Message,
    /// Name of a person.
    PatientName,
    /// Identifier of a patient.
    PatientId,
    /// Password, community string or other secret.
    Secret,
    /// Identifier of a visit or encounter.
    Visit,
}

impl Subject {
    const fn tag(self) -> &'static [u8] {
        match self {
            Self::Account => b"account",
            Self::BirthDate => b"birth-date",
            Self::Content => b"content",
            Self::Resource => b"resource",
            Self::Message => b"message",
            Self::PatientName => b"patient-name",
            Self::PatientId => b"patient-id",
            Self::Secret => b"secret",
            Self::Visit => b"visit",
        }
    }
}

/// The secret under which a site's pseudonyms are made. Without it a pseudonym cannot be guessed back.
#[derive(Clone)]
pub struct PseudonymKey([u8; 32]);

impl PseudonymKey {
    /// Takes 32 bytes of secret.
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The pseudonym of `text` as `subject`. Surrounding white space does not count; case does.
    pub fn pseudonym(&self, subject: Subject, text: &[u8]) -> Pseudonym {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(subject.tag());
        hasher.update(&[0]);
        hasher.update(text.trim_ascii());
        let mut short = [0; 16];
        hasher.finalize_xof().fill(&mut short);
        Pseudonym(u128::from_be_bytes(short))
    }
}

impl fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PseudonymKey(secret)")
    }
}

/// What may leave the parsers of a patient identifier or secret: 128 bits of a keyed hash (BLAKE3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String")]
pub struct Pseudonym(u128);

impl Pseudonym {
    /// The 128 bits.
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// The pseudonym with these bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p-{:032x}", self.0)
    }
}

impl From<Pseudonym> for String {
    fn from(pseudonym: Pseudonym) -> Self {
        pseudonym.to_string()
    }
}

impl TryFrom<String> for Pseudonym {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.strip_prefix("p-")
            .filter(|digits| digits.len() == 32)
            .and_then(|digits| u128::from_str_radix(digits, 16).ok())
            .map(Self)
            .ok_or("not a pseudonym")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depends_on_key_subject_and_text_only() {
        let key = PseudonymKey::new([7; 32]);
        let one = key.pseudonym(Subject::PatientId, b"4711");
        assert_eq!(one, key.pseudonym(Subject::PatientId, b" 4711 "));
        assert_ne!(one, key.pseudonym(Subject::Visit, b"4711"));
        assert_ne!(one, PseudonymKey::new([8; 32]).pseudonym(Subject::PatientId, b"4711"));
        let text = String::from(one);
        assert_eq!(Pseudonym::try_from(text), Ok(one));
        assert_eq!(format!("{key:?}"), "PseudonymKey(secret)");
    }
}
