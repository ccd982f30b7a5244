//! Signatures of device families: `knowledge/devices/*.toml`.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use serde::Deserialize;
use wardline_model::{DeviceField, Label};

use super::{Clue, ClueSource, SignatureClaim};

/// One file each.
const FILES: &[&str] = &[include_str!("../../../../knowledge/devices/roles.toml")];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Where the facts were taken from.
    #[serde(rename = "source")]
    _source: String,
    #[serde(rename = "signature")]
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    id: Label,
    clue: ClueSource,
    /// Lower case; the clue's text, lower case, must hold one of them.
    #[serde(default)]
    contains: Vec<String>,
    /// Lower case; the clue's text, lower case, must be one of them.
    #[serde(default)]
    equals: Vec<String>,
    /// Lower case; the clue's text, lower case, must begin with one of them.
    #[serde(default)]
    begins: Vec<String>,
    claims: BTreeMap<DeviceField, Label>,
    confidence: f32,
}

/// All signatures, by the clue that they look at.
pub(super) struct Signatures {
    by_clue: HashMap<ClueSource, Vec<(Signature, Vec<SignatureClaim>)>>,
}

impl Signatures {
    /// Those that ship with the program. A test reads them all, so here a broken file is left out.
    pub(super) fn embedded() -> Self {
        let mut by_clue: HashMap<ClueSource, Vec<_>> = HashMap::new();
        for file in FILES.iter().filter_map(|text| toml::from_str::<File>(text).ok()) {
            for signature in file.signatures {
                let claims: Vec<_> = signature
                    .claims
                    .iter()
                    .map(|(field, value)| SignatureClaim {
                        rule: signature.id.clone(),
                        field: *field,
                        value: value.clone(),
                        confidence: signature.confidence,
                    })
                    .collect();
                by_clue.entry(signature.clue).or_default().push((signature, claims));
            }
        }
        Self { by_clue }
    }

    pub(super) fn claims(&self, clue: &Clue<'_>, tell: &mut dyn FnMut(&SignatureClaim)) {
        let Some(candidates) = self.by_clue.get(&clue.source) else { return };
        let text = clue.text.to_lowercase();
        for (signature, claims) in candidates {
            let fits = signature.equals.contains(&text)
                || signature.contains.iter().any(|part| text.contains(part.as_str()))
                || signature.begins.iter().any(|part| text.starts_with(part.as_str()));
            if fits {
                claims.iter().for_each(&mut *tell);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardline_model::Category;

    #[test]
    fn every_file_is_sound() {
        let mut ids = std::collections::BTreeSet::new();
        for text in FILES {
            let file: File = toml::from_str(text).unwrap();
            assert!(!file._source.is_empty(), "a file names its source");
            for signature in file.signatures {
                assert!(ids.insert(signature.id.clone()), "{} stands twice", signature.id);
                assert!((0.0..=1.0).contains(&signature.confidence), "{}", signature.id);
                for patterns in [&signature.contains, &signature.equals, &signature.begins] {
                    assert!(patterns.iter().all(|part| *part == part.to_lowercase()), "{}", signature.id);
                }
                if let Some(category) = signature.claims.get(&DeviceField::Category) {
                    assert!(
                        Category::ALL.iter().any(|known| known.name() == category.as_str()),
                        "{category}"
                    );
                }
            }
        }
    }
}
