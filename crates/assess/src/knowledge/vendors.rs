//! The names under which makers are known here: `knowledge/vendors.toml`.

use hashbrown::HashMap;
use serde::Deserialize;
use wardline_model::Label;

const FILE: &str = include_str!("../../../../knowledge/vendors.toml");

/// Words of an alias; longer ones are compared whole only.
const ALIAS_WORDS_MAX: usize = 5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Where the facts were taken from.
    #[serde(rename = "source")]
    _source: String,
    /// Lower case, without dots: words at the end of a company's name that say how it is owned.
    legal_forms: Vec<String>,
    /// Lower case: how the names of those begin who make network modules that others build into their devices.
    part_makers: Vec<String>,
    #[serde(rename = "vendor")]
    vendors: Vec<Vendor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vendor {
    name: Label,
    /// Lower case: the whole name, without legal form.
    #[serde(default)]
    names: Vec<String>,
    /// Lower case: whole words at the beginning of the name.
    #[serde(default)]
    begins: Vec<String>,
    /// The firms that it is or was a part of, under whose name advisories may speak of its products.
    #[serde(default)]
    parents: Vec<Label>,
}

/// Aliases of makers.
pub(super) struct Vendors {
    legal_forms: Vec<String>,
    part_makers: Vec<String>,
    whole: HashMap<String, Label>,
    begins: HashMap<String, Label>,
    /// By the maker's one name.
    parents: HashMap<Label, Vec<Label>>,
}

impl Vendors {
    /// Those that ship with the program. A test reads the file, so here a broken one is left out.
    pub(super) fn embedded() -> Self {
        let mut vendors = Self {
            legal_forms: Vec::new(),
            part_makers: Vec::new(),
            whole: HashMap::new(),
            begins: HashMap::new(),
            parents: HashMap::new(),
        };
        if let Ok(file) = toml::from_str::<File>(FILE) {
            vendors.legal_forms = file.legal_forms;
            vendors.part_makers = file.part_makers;
            for vendor in file.vendors {
                let own = vendor.name.as_str().to_lowercase();
                for name in vendor.names.into_iter().chain([own]) {
                    vendors.whole.insert(name, vendor.name.clone());
                }
                for name in vendor.begins {
                    vendors.begins.insert(name, vendor.name.clone());
                }
                if !vendor.parents.is_empty() {
                    vendors.parents.insert(vendor.name, vendor.parents);
                }
            }
        }
        vendors
    }

    /// Whether who is registered as `organization` makes modules for the devices of others.
    pub(super) fn makes_parts(&self, organization: &str) -> bool {
        let lower = organization.to_lowercase();
        self.part_makers.iter().any(|name| lower.starts_with(name.as_str()))
    }

    /// The name of the maker that `text` names: its alias, or the text without its legal form.
    pub(super) fn name<'a>(&'a self, text: &'a str) -> &'a str {
        let text = self.without_legal_form(text.trim());
        let lower = text.to_lowercase();
        if let Some(name) = self.whole.get(lower.as_str()) {
            return name.as_str();
        }
        let ends = lower
            .char_indices()
            .filter(|(_, letter)| !letter.is_alphanumeric())
            .map(|(place, _)| place)
            .take(ALIAS_WORDS_MAX)
            .chain([lower.len()]);
        let longest = ends.filter_map(|end| self.begins.get(lower.get(..end)?)).last();
        longest.map_or(text, |name| name.as_str())
    }

    /// The firms that a maker, by its one name, is or was a part of.
    pub(super) fn parents(&self, name: &str) -> &[Label] {
        self.parents.get(name).map_or(&[], Vec::as_slice)
    }

    fn without_legal_form<'a>(&self, text: &'a str) -> &'a str {
        let separator =
            |letter: char| letter.is_whitespace() || matches!(letter, ',' | '.' | '&' | '(' | ')');
        let mut rest = text;
        loop {
            let short = rest.trim_end_matches(separator);
            let begin = short.rfind([' ', ',']).map_or(0, |place| place + 1);
            let word: String = short
                .get(begin..)
                .unwrap_or_default()
                .chars()
                .filter(|letter| *letter != '.')
                .flat_map(char::to_lowercase)
                .collect();
            // A name is never stripped to nothing.
            if begin == 0 || !self.legal_forms.contains(&word) {
                return if short.is_empty() { text } else { short };
            }
            rest = short.get(..begin).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_sound() {
        let file: File = toml::from_str(FILE).unwrap();
        assert!(!file._source.is_empty());
        let mut names = std::collections::BTreeSet::new();
        let mut aliases = std::collections::BTreeSet::new();
        for vendor in file.vendors {
            assert!(names.insert(vendor.name.clone()), "{} stands twice", vendor.name);
            for alias in vendor.names.iter().chain(&vendor.begins) {
                assert_eq!(*alias, alias.to_lowercase());
                assert!(aliases.insert(alias.clone()), "{alias} stands twice");
                assert!(alias.split_whitespace().count() <= ALIAS_WORDS_MAX, "{alias} is too long");
            }
        }
    }

    #[test]
    fn the_maker_of_a_module_is_not_that_of_the_device() {
        let vendors = Vendors::embedded();
        assert!(vendors.makes_parts("Espressif Inc."));
        assert!(vendors.makes_parts("HMS Industrial Networks"));
        assert!(!vendors.makes_parts("Philips Medical Systems"));
        assert!(!vendors.makes_parts("Dell Inc."));
    }

    #[test]
    fn one_maker_has_one_name() {
        let vendors = Vendors::embedded();
        for (text, name) in [
            ("Philips Medical Systems", "Philips"),
            ("Philips Patient Monitoring", "Philips"),
            ("GE Healthcare", "GE HealthCare"),
            ("Cisco Systems, Inc", "Cisco"),
            ("HUAWEI TECHNOLOGIES CO.,LTD", "Huawei"),
            ("Mindray Co., Ltd.", "Mindray"),
            ("SIEMENS", "Siemens"),
            ("Drägerwerk AG & Co. KG aA", "Dräger"),
            ("DEUTA-WERKE GmbH", "DEUTA-WERKE"),
            ("Genuine Instruments", "Genuine Instruments"),
            ("Inc.", "Inc"),
            ("", ""),
        ] {
            assert_eq!(vendors.name(text), name, "{text}");
        }
    }
}
