//! Signatures of device families: `knowledge/devices/*.toml`.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use serde::Deserialize;
use wardline_model::{DeviceField, Label};

use super::{Clue, ClueSource, SignatureClaim};

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../knowledge/devices/", $name, ".toml")))),+]
    };
}

/// One file per subject: its name and its text.
const FILES: &[(&str, &str)] = files![
    "analyzers",
    "bluetooth",
    "building",
    "cameras",
    "cardiology",
    "clinical-systems",
    "consumer",
    "imaging",
    "mdc",
    "medication",
    "monitors",
    "network",
    "operating-systems",
    "phones",
    "printers",
    "products",
    "respiratory",
    "roles",
    "servers",
    "services",
];

/// Characters of a version that are kept.
const VERSION_LENGTH_MAX: usize = 32;

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
#[serde(untagged)]
enum OneOrMany {
    One(ClueSource),
    Many(Vec<ClueSource>),
}

impl OneOrMany {
    fn as_slice(&self) -> &[ClueSource] {
        match self {
            Self::One(source) => std::slice::from_ref(source),
            Self::Many(sources) => sources,
        }
    }
}

/// Patterns are lower case and meet the clue's text in lower case; one that fits is enough.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    id: Label,
    /// Where to look.
    clue: OneOrMany,
    /// The text holds it.
    #[serde(default)]
    contains: Vec<String>,
    /// The text is it.
    #[serde(default)]
    equals: Vec<String>,
    /// The text begins with it.
    #[serde(default)]
    begins: Vec<String>,
    /// The text holds it between characters that are neither letters nor digits.
    #[serde(default)]
    words: Vec<String>,
    /// The text is this name of a host, or one below it.
    #[serde(default)]
    domains: Vec<String>,
    /// The text must hold each of them too.
    #[serde(default)]
    with: Vec<String>,
    /// The text must not hold it.
    #[serde(default)]
    except: Vec<String>,
    #[serde(default)]
    claims: BTreeMap<DeviceField, Label>,
    /// The digits, dots, letters and dashes after this are the firmware or software version.
    firmware_after: Option<String>,
    confidence: f32,
}

impl Signature {
    fn fits(&self, text: &str) -> bool {
        (self.equals.iter().any(|part| part == text)
            || self.contains.iter().any(|part| text.contains(part.as_str()))
            || self.begins.iter().any(|part| text.starts_with(part.as_str()))
            || self.words.iter().any(|part| has_word(text, part))
            || self.domains.iter().any(|domain| is_within(text, domain)))
            && self.with.iter().all(|part| text.contains(part.as_str()))
            && !self.except.iter().any(|part| text.contains(part.as_str()))
    }

    fn claim(&self, field: DeviceField, value: Label) -> SignatureClaim {
        SignatureClaim { rule: self.id.clone(), field, value, confidence: self.confidence }
    }

    fn firmware(&self, text: &str) -> Option<Label> {
        let (_, rest) = text.split_once(self.firmware_after.as_deref()?)?;
        let end = rest
            .char_indices()
            .find(|(_, letter)| !letter.is_ascii_alphanumeric() && !matches!(letter, '.' | '-' | '_'))
            .map_or(rest.len(), |(place, _)| place);
        let version = rest.get(..end.min(VERSION_LENGTH_MAX))?.trim_end_matches(['.', '-', '_']);
        version.contains(|letter: char| letter.is_ascii_digit()).then(|| Label::new(version))
    }
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(place, _)| {
        let before = text.get(..place).and_then(|before| before.chars().next_back());
        let after = text.get(place + word.len()..).and_then(|after| after.chars().next());
        ![before, after].into_iter().flatten().any(char::is_alphanumeric)
    })
}

fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

/// All signatures, by the clue that they look at.
pub(super) struct Signatures {
    signatures: Vec<(Signature, Vec<SignatureClaim>)>,
    by_clue: HashMap<ClueSource, Vec<usize>>,
}

impl Signatures {
    /// Those that ship with the program. A test reads them all, so here a broken file is left out.
    pub(super) fn embedded() -> Self {
        let mut all = Self { signatures: Vec::new(), by_clue: HashMap::new() };
        for file in FILES.iter().filter_map(|(_, text)| toml::from_str::<File>(text).ok()) {
            for signature in file.signatures {
                let place = all.signatures.len();
                let mut sources = std::collections::BTreeSet::new();
                for source in signature.clue.as_slice() {
                    sources.insert(*source);
                    sources.extend(source.same_in_identity());
                }
                for source in sources {
                    all.by_clue.entry(source).or_default().push(place);
                }
                let claims = signature.claims.iter();
                let claims = claims.map(|(field, value)| signature.claim(*field, value.clone())).collect();
                all.signatures.push((signature, claims));
            }
        }
        all
    }

    pub(super) fn claims(&self, clue: &Clue<'_>, tell: &mut dyn FnMut(&SignatureClaim)) {
        let Some(candidates) = self.by_clue.get(&clue.source) else { return };
        let text = clue.text.to_lowercase();
        for (signature, claims) in candidates.iter().filter_map(|place| self.signatures.get(*place)) {
            if signature.fits(&text) {
                claims.iter().for_each(&mut *tell);
                if let Some(version) = signature.firmware(&text) {
                    tell(&signature.claim(DeviceField::Firmware, version));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardline_model::Category;

    /// No single signature may be surer than this: makers change names, and people give devices names.
    const CONFIDENCE_MAX: f32 = 0.8;

    fn all() -> Vec<(&'static str, Signature)> {
        let read = |(name, text): &(&'static str, &str)| {
            let file: File = toml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(file._source.len() > 20, "{name} names its source");
            file.signatures.into_iter().map(|signature| (*name, signature)).collect::<Vec<_>>()
        };
        FILES.iter().flat_map(read).collect()
    }

    fn told(source: ClueSource, text: &str) -> Vec<(DeviceField, String)> {
        let mut told = Vec::new();
        Signatures::embedded().claims(&Clue { source, text }, &mut |claim| {
            told.push((claim.field, claim.value.as_str().to_owned()));
        });
        told
    }

    #[test]
    fn every_file_is_sound() {
        let mut ids = std::collections::BTreeSet::new();
        for (file, signature) in all() {
            let id = &signature.id;
            assert!(ids.insert(id.clone()), "{file}: {id} stands twice");
            assert!(signature.confidence > 0.0 && signature.confidence <= CONFIDENCE_MAX, "{file}: {id}");
            let lists = [
                &signature.contains,
                &signature.equals,
                &signature.begins,
                &signature.words,
                &signature.domains,
            ];
            assert!(lists.iter().any(|list| !list.is_empty()), "{file}: {id} looks for nothing");
            assert!(!signature.clue.as_slice().is_empty(), "{file}: {id} looks nowhere");
            assert!(
                !signature.claims.is_empty() || signature.firmware_after.is_some(),
                "{file}: {id} says nothing"
            );
            for part in lists.into_iter().chain([&signature.except, &signature.with]).flatten() {
                assert_eq!(*part, part.to_lowercase(), "{file}: {id}");
                assert!(!part.is_empty(), "{file}: {id}");
            }
            if let Some(category) = signature.claims.get(&DeviceField::Category) {
                let known = Category::ALL.iter().any(|known| known.name() == category.as_str());
                assert!(known, "{file}: {id}: no category {category}");
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_read() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../knowledge/devices");
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().trim_end_matches(".toml").to_owned())
            .collect();
        names.sort();
        assert_eq!(names, FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }

    #[test]
    fn makers_are_named_as_in_the_aliases() {
        let vendors = super::super::vendors::Vendors::embedded();
        for (file, signature) in all() {
            if let Some(vendor) = signature.claims.get(&DeviceField::Vendor) {
                assert_eq!(vendors.name(vendor.as_str()), vendor.as_str(), "{file}: {}", signature.id);
            }
        }
    }

    #[test]
    fn names_of_hosts_are_whole() {
        assert!(is_within("a.example.com", "example.com") && is_within("example.com", "example.com"));
        assert!(!is_within("notexample.com", "example.com") && !is_within("example.com.net", "example.com"));
    }

    #[test]
    fn words_are_whole_and_versions_are_read() {
        assert!(has_word("bed-12 ct scanner", "ct") && has_word("ct", "ct") && has_word("a_ct_1", "ct"));
        assert!(!has_word("director", "ct") && !has_word("ct1", "ct"));
        let told = told(ClueSource::HttpServer, "Apache/2.4.57 (Debian)");
        assert!(told.contains(&(DeviceField::Os, "Debian Linux".to_owned())), "{told:?}");
    }

    #[test]
    fn known_families_are_recognised() {
        for (source, text, field, value) in [
            (ClueSource::OuiVendor, "Philips Patient Monitoring", DeviceField::Category, "patient-monitor"),
            (ClueSource::DicomImplementationClass, "1.3.46.670589.11.0", DeviceField::Vendor, "Philips"),
            (ClueSource::DicomModality, "CT", DeviceField::Category, "imaging-modality"),
            (ClueSource::Hl7Application, "MIRTH CONNECT", DeviceField::Category, "integration-engine"),
            (ClueSource::DhcpVendorClass, "MSFT 5.0", DeviceField::Os, "Windows"),
            (ClueSource::NtlmVersion, "6.1.7601", DeviceField::Os, "Windows 7 or Server 2008 R2"),
            (ClueSource::SnmpObject, "1.3.6.1.4.1.9.1.1208", DeviceField::Vendor, "Cisco"),
            (ClueSource::LldpCapability, "telephone", DeviceField::Category, "phone"),
            (ClueSource::MdnsService, "_ipp._tcp.local", DeviceField::Category, "printer"),
        ] {
            assert!(
                told(source, text).contains(&(field, value.to_owned())),
                "{text}: {:?}",
                told(source, text)
            );
        }
        assert!(told(ClueSource::SnmpObject, "1.3.6.1.4.1.99").is_empty());
        assert!(told(ClueSource::HttpUserAgent, "").is_empty());
    }
}
