//! Whether the product of an advisory is the device here: by names, since advisories carry no other identity.

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
    /// One or more distinctive words are shared; others differ or are missing.
    Partly,
    /// Every distinctive word of one is in the other.
    Wholly,
}

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

/// Compares what a device is called with what an advisory names.
pub(crate) fn likeness(device: &str, product: &str, vendor: &str) -> Option<Likeness> {
    let vendor = words(vendor);
    let (device, product) = (distinctive(&words(device), &vendor), distinctive(&words(product), &vendor));
    if device.is_empty() || product.is_empty() {
        return None;
    }
    let shared: Vec<_> = device.iter().filter(|word| product.contains(word)).collect();
    if shared.is_empty() {
        return None;
    }
    let all_of = |some: &[String], other: &[String]| some.iter().all(|word| other.contains(word));
    if all_of(&device, &product) || all_of(&product, &device) {
        return Some(Likeness::Wholly);
    }
    // Two models of one line share its name and differ in their numbers: they are two products.
    let numbers = |words: &[String]| words.iter().any(|word| has_digit(word));
    let shares_number = shared.iter().any(|word| has_digit(word) && word.len() >= 2);
    if numbers(&device) && numbers(&product) && !shares_number {
        return None;
    }
    let telling = shares_number || shared.iter().any(|word| word.len() >= 5);
    telling.then_some(Likeness::Partly)
}

/// Whether one of the models that an advisory lists is the device's.
pub(crate) fn names_model(device: &str, models: &[String]) -> bool {
    let device = words(device);
    models.iter().any(|model| {
        let model = words(model);
        model.iter().any(|word| has_digit(word) && word.len() >= 3 && device.contains(word))
    })
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
        assert_eq!(likeness("Space Infusomat", "Perfusor", "B. Braun"), None);
        assert_eq!(likeness("patient monitor", "monitor", "Any"), None);
        assert_eq!(likeness("Vista 120", "Vista 120 S", "Dräger"), wholly);
        assert_eq!(
            likeness("IntelliSpace Portal 9", "IntelliSpace Perinatal", "Philips"),
            Some(Likeness::Partly)
        );
    }

    #[test]
    fn models_may_stand_where_versions_should() {
        let models = ["MMT-551".to_owned(), "MMT-751 MiniMed 530G".to_owned()];
        assert!(names_model("MiniMed 530G MMT-751", &models));
        assert!(!names_model("MiniMed 670G MMT-1780", &models));
    }
}
