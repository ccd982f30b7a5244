//! Whether the product of an advisory is the device here: by names, since advisories carry no other identity.

use std::collections::BTreeSet;

/// Words that tell one product from another as little as "the".
const GENERIC: &[&str] = &[
    "the",
    "and",
    "for",
    "with",
    "of",
    "all",
    "a",
    "on",
    "in",
    "patient",
    "monitor",
    "monitors",
    "monitoring",
    "system",
    "systems",
    "pump",
    "pumps",
    "infusion",
    "syringe",
    "device",
    "devices",
    "series",
    "software",
    "version",
    "versions",
    "medical",
    "model",
    "models",
    "module",
    "modules",
    "product",
    "products",
    "family",
    "application",
    "platform",
    "server",
    "client",
    "workstation",
    "station",
    "central",
    "wireless",
    "network",
    "networked",
    "digital",
    "portable",
    "unit",
    "units",
    "hardware",
    "firmware",
    "gateway",
    "analyzer",
    "ventilator",
    "anesthesia",
    "defibrillator",
    "ultrasound",
    "imaging",
    "mobile",
    "interface",
    "control",
    "controller",
    "healthcare",
    "health",
    "edition",
    "suite",
    "manager",
    "solution",
    "solutions",
    "machine",
    "information",
    "programmer",
    "printer",
];

/// How well names meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Likeness {
    /// One or more distinctive words are shared, or nearly; others differ or are missing.
    Partly,
    /// Every distinctive word of one is in the other, and every number of the product in the device's name.
    Wholly,
}

/// Shortest word of which one letter may be wrong.
const MISSPELT_LETTERS_MIN: usize = 5;

/// Words of a name: letters and digits in lower case, with dashes taken out of model numbers.
pub(crate) fn words(name: &str) -> Vec<String> {
    let lower = name.to_lowercase().replace(['®', '™'], " ");
    let mut words: Vec<String> = Vec::new();
    for word in lower.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '+'))) {
        let joined: String = word.chars().filter(|c| c.is_alphanumeric() || *c == '+').collect();
        if !joined.is_empty() && !words.contains(&joined) {
            words.push(joined);
        }
    }
    words
}

fn has_digit(word: &str) -> bool {
    word.chars().any(|c| c.is_ascii_digit())
}

/// Words that name a product: not generic, not the maker's own name.
fn distinctive(words: &[String], vendor: &[String]) -> Vec<String> {
    words.iter().filter(|word| !GENERIC.contains(&word.as_str()) && !vendor.contains(word)).cloned().collect()
}

/// The words of a product, the series of models among them (`MX400-MX850`), and what a device must tell to be it.
struct Product {
    words: Vec<String>,
    series: Vec<Series>,
    /// Words with a digit outside of brackets; what stands in brackets is a remark.
    numbers: Vec<String>,
}

/// Models from one number to another.
struct Series {
    letters: String,
    first: u32,
    last: u32,
}

impl Series {
    /// Reads `MX400-MX850` or `MX400-550`.
    fn read(word: &str) -> Option<Self> {
        let (first, last) = word.split_once('-')?;
        let number = |text: &str| {
            let place = text.find(|c: char| c.is_ascii_digit())?;
            let (letters, digits) = text.split_at(place);
            Some((letters.to_owned(), digits.parse::<u32>().ok()?))
        };
        let ((letters, first), (again, last)) = (number(first)?, number(last)?);
        let one_line = !letters.is_empty() && (again.is_empty() || again == letters);
        (one_line && first < last).then_some(Self { letters, first, last })
    }

    fn holds(&self, word: &str) -> bool {
        let digits = word.strip_prefix(self.letters.as_str());
        digits
            .and_then(|digits| digits.parse::<u32>().ok())
            .is_some_and(|number| (self.first..=self.last).contains(&number))
    }
}

impl Product {
    fn read(name: &str, vendor: &[String]) -> Self {
        let lower = name.to_lowercase();
        let series: Vec<Series> =
            lower.split(|c: char| !(c.is_alphanumeric() || c == '-')).filter_map(Series::read).collect();
        let bare = match (lower.find('('), lower.rfind(')')) {
            (Some(open), Some(close)) if open > 0 && open < close => {
                let (before, rest) = lower.split_at(open);
                format!("{before} {}", rest.split_at(close - open).1)
            }
            _ => lower.clone(),
        };
        let of_series = |word: &String| series.iter().any(|series| word.starts_with(&series.letters));
        let numbers = distinctive(&words(&bare), vendor)
            .into_iter()
            .filter(|word| has_digit(word) && !of_series(word))
            .collect();
        Self { words: distinctive(&words(name), vendor), series, numbers }
    }

    fn has(&self, word: &String) -> bool {
        self.words.contains(word) || self.series.iter().any(|series| series.holds(word))
    }
}

/// Compares what a device is called with what an advisory names.
pub(crate) fn likeness(device: &str, product: &str, vendor: &str) -> Option<Likeness> {
    if words(device) == words(product) && !device.is_empty() {
        return Some(Likeness::Wholly);
    }
    let vendor = words(vendor);
    let device = distinctive(&words(device), &vendor);
    let product = Product::read(product, &vendor);
    if device.is_empty() || product.words.is_empty() {
        return None;
    }
    let shared: Vec<_> = device.iter().filter(|word| product.has(word)).collect();
    let nearly = device.iter().any(|word| product.words.iter().any(|other| misspelt(word, other)));
    if shared.is_empty() {
        return nearly.then_some(Likeness::Partly);
    }
    let told = |number: &String| device.contains(number);
    if shared.len() == device.len() {
        // Of a product of several models one is enough; a device that tells none may be another.
        let which = product.numbers.is_empty() && product.series.is_empty()
            || product.numbers.iter().any(told)
            || shared.iter().any(|word| product.series.iter().any(|series| series.holds(word)));
        return Some(if which { Likeness::Wholly } else { Likeness::Partly });
    }
    if product.words.iter().all(|word| device.contains(word)) {
        return Some(Likeness::Wholly);
    }
    // Two models of one line share its name and differ in their numbers: they are two products.
    let numbers = |words: &[String]| -> BTreeSet<String> {
        words.iter().filter(|word| has_digit(word)).cloned().collect()
    };
    let (here, there) = (numbers(&device), numbers(&product.words));
    let shares_number = shared.iter().any(|word| has_digit(word) && word.len() >= 2);
    if !here.is_empty() && !there.is_empty() && !shares_number && here != there {
        return None;
    }
    let telling = shares_number || nearly || shared.iter().any(|word| word.len() >= 5);
    telling.then_some(Likeness::Partly)
}

/// Whether two words are one but for a letter that is missing, wrong, one too many or changed with its neighbour.
/// Numbers tell models apart, so words of different digits never are.
pub(crate) fn misspelt(one: &str, other: &str) -> bool {
    let digits = |word: &str| word.chars().filter(char::is_ascii_digit).collect::<String>();
    if one == other
        || one.len().min(other.len()) < MISSPELT_LETTERS_MIN
        || one.len().abs_diff(other.len()) > 4
        || digits(one) != digits(other)
    {
        return false;
    }
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let same = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    let (one, other) = (one.get(same..).unwrap_or_default(), other.get(same..).unwrap_or_default());
    let after = |letters: usize, word: &[char]| word.get(letters..).unwrap_or_default().to_vec();
    let changed = matches!((one, other), ([a, b, ..], [c, d, ..]) if a == d && b == c)
        && after(2, one) == after(2, other);
    changed || after(1, one) == after(1, other) || after(1, one) == other || one == after(1, other)
}

/// Whether one of the models that an advisory lists is the device's.
pub(crate) fn names_model(device: &str, models: &[String]) -> bool {
    let device = words(device);
    models.iter().any(|model| {
        let model = words(model);
        model.iter().any(|word| has_digit(word) && word.len() >= 3 && device.contains(word))
    })
}

/// Whether a device's name has no number that its product's name lacks.
pub(crate) fn tells_no_other(device: &str, product: &str) -> bool {
    let product = words(product);
    words(device).iter().all(|word| !has_digit(word) || product.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_meet_by_what_tells_products_apart() {
        let wholly = Some(Likeness::Wholly);
        assert_eq!(likeness("IntelliVue MX450", "IntelliVue Patient Monitors MX450", "Philips"), wholly);
        assert_eq!(likeness("MX450", "IntelliVue MX450", "Philips"), wholly);
        assert_eq!(likeness("Alaris PC Unit 8015", "Alaris PC Unit, Model 8015", "BD"), wholly);
        assert_eq!(likeness("Plum A+", "Plum A+ Infusion System", "Hospira"), wholly);
        assert_eq!(likeness("IntelliVue MX450", "IntelliVue MX800", "Philips"), None);
        assert_eq!(likeness("IntelliVue MX450", "IntelliVue patient monitor MX400-MX850", "Philips"), wholly);
        assert_eq!(likeness("IntelliVue MX900", "IntelliVue patient monitor MX400-MX850", "Philips"), None);
        assert_eq!(likeness("SpaceStation", "SpaceStation (part number 8713140U)", "B. Braun"), wholly);
        assert_eq!(likeness("Space Infusomat", "Perfusor", "B. Braun"), None);
        assert_eq!(likeness("patient monitor", "monitor", "Any"), None);
        assert_eq!(likeness("Vista 120", "Vista 120 S", "Dräger"), wholly);
        assert_eq!(
            likeness("IntelliSpace Portal 9", "IntelliSpace Perinatal", "Philips"),
            Some(Likeness::Partly)
        );
    }

    #[test]
    fn a_model_that_is_not_told_or_misspelt_needs_a_person() {
        let partly = Some(Likeness::Partly);
        assert_eq!(likeness("Discovery", "Discovery NM530c", "GE Healthcare"), partly);
        assert_eq!(likeness("IntelliVeu MX450", "IntelliVue MX450", "Philips"), partly);
        assert_eq!(likeness("Xcelra", "Xcelera", "Philips"), partly);
        assert!(!misspelt("mx4500", "mx4501") && !misspelt("pumpa", "pumpen"));
    }

    #[test]
    fn models_may_stand_where_versions_should() {
        let models = ["MMT-551".to_owned(), "MMT-751 MiniMed 530G".to_owned()];
        assert!(names_model("MiniMed 530G MMT-751", &models));
        assert!(!names_model("MiniMed 670G MMT-1780", &models));
    }
}
