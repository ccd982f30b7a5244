//! What a card may say, and how it is said.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use wardline_model::{
    Attack, Category, Criticality, Device, DeviceId, DeviceReference, Finding, Label, Severity, Timestamp,
};

use super::{Card, Class, Deck, DeckError, DowntimePack, Language, State};

const HOUR: i64 = 3_600;

fn device(category: Category) -> Device {
    Device {
        id: DeviceId::from("d-1"),
        macs: Vec::new(),
        ips: Vec::new(),
        hostnames: vec![Label::new("BED-4 <b>")],
        vendor: None,
        model: None,
        category,
        os: None,
        firmware: None,
        serial: None,
        protocols: BTreeSet::new(),
        role: Vec::new(),
        zone: Some(Label::new("icu")),
        criticality: None,
        first_seen: Timestamp::from_seconds(0),
        last_seen: Timestamp::from_seconds(100 * HOUR),
        confidence: 0.9,
        evidence: Vec::new(),
        mismatches: Vec::new(),
    }
}

fn finding(attack: Attack, severity: Severity, hour: i64) -> Finding {
    let time = Timestamp::from_seconds(hour * HOUR);
    Finding {
        id: "f-1".to_owned(),
        time,
        started: time,
        last_seen: time,
        attack,
        techniques: Vec::new(),
        detector: Label::new("test"),
        severity,
        confidence: 0.9,
        device: Some(DeviceReference { id: Some(DeviceId::from("d-1")), ip: None, mac: None, name: None }),
        source: None,
        summary: String::new(),
        evidence: Vec::new(),
        observations: 1,
        updates: 1,
        silent_if: String::new(),
        clinical: String::new(),
        playbook: Vec::new(),
    }
}

fn now() -> Timestamp {
    Timestamp::from_seconds(100 * HOUR)
}

#[test]
fn every_shipped_card_is_short_and_has_every_class() {
    for language in Language::ALL {
        let deck = Deck::shipped(*language).unwrap();
        assert_eq!(deck.language(), *language);
        assert!(deck.signed_off_by().is_none(), "only a hospital signs off");
    }
}

/// Flesch and Kincaid's grade of English text; a syllable is a run of vowels, a silent e at the end is none.
fn grade(text: &str) -> f64 {
    let sentences = text.split(['.', '!', '?', ':']).filter(|part| !part.trim().is_empty()).count();
    let words: Vec<String> = text
        .split_whitespace()
        .map(|word| word.chars().filter(|letter| letter.is_alphabetic()).collect::<String>().to_lowercase())
        .filter(|word| !word.is_empty())
        .collect();
    let syllables: usize = words
        .iter()
        .map(|word| {
            let vowels: Vec<bool> = word.chars().map(|letter| "aeiouy".contains(letter)).collect();
            let runs = vowels
                .iter()
                .enumerate()
                .filter(|(place, vowel)| **vowel && (*place == 0 || !vowels[place - 1]));
            let silent = word.ends_with('e') && !word.ends_with("le") && word.len() > 2;
            (runs.count() - usize::from(silent)).max(1)
        })
        .sum();
    let (words, syllables) = (words.len() as f64, syllables as f64);
    0.39 * words / sentences.max(1) as f64 + 11.8 * syllables / words - 15.59
}

#[test]
fn english_cards_are_read_by_grade_eight() {
    assert!(
        grade("The multidisciplinary organisation systematically operationalises interoperability.") > 12.0
    );
    let deck = Deck::shipped(Language::En).unwrap();
    for class in Class::ALL {
        for state in State::ALL {
            let (_, meaning) = deck.state(*state);
            let text = format!("{meaning} {}", deck.steps(*class, *state, "1234").join(" "));
            let grade = grade(&text);
            assert!(grade <= 8.0, "{class:?} {state:?}: grade {grade:.1}: {text}");
        }
    }
}

#[test]
fn sentences_of_every_language_are_short() {
    for language in Language::ALL {
        let deck = Deck::shipped(*language).unwrap();
        for class in Class::ALL {
            for state in State::ALL {
                for sentence in deck.steps(*class, *state, "1234").iter().flat_map(|step| step.split('.')) {
                    let words = sentence.split_whitespace().count();
                    assert!(words <= 12, "{language:?} {class:?}: {words} words: {sentence}");
                }
            }
        }
    }
}

#[test]
fn the_state_follows_what_happened_and_whom() {
    let of = |category, findings: &[Finding]| State::of(&device(category), findings, now());
    let pump = Category::InfusionPump;
    assert_eq!(of(pump, &[]), State::UseNormally);
    assert_eq!(of(Category::Unknown, &[]), State::Unknown, "what it is is not known");
    let altered = finding(Attack::MessageCorruption, Severity::Critical, 99);
    assert_eq!(of(pump, std::slice::from_ref(&altered)), State::SwapNow);
    assert_eq!(of(Category::PatientMonitor, std::slice::from_ref(&altered)), State::DoNotStart);
    let down = finding(Attack::DenialOfService, Severity::High, 99);
    assert_eq!(of(pump, std::slice::from_ref(&down)), State::UseStandAlone);
    assert_eq!(of(pump, &[down, altered.clone()]), State::SwapNow, "the worst counts");
    assert_eq!(of(pump, &[finding(Attack::Eavesdropping, Severity::High, 99)]), State::UseNormally);
    assert_eq!(of(pump, &[finding(Attack::PassiveGathering, Severity::High, 99)]), State::UseStandAlone);
    assert_eq!(of(pump, &[finding(Attack::MessageCorruption, Severity::Low, 99)]), State::UseNormally);
    assert_eq!(
        of(pump, &[finding(Attack::MessageCorruption, Severity::High, 70)]),
        State::UseNormally,
        "old"
    );
    let other = Finding { device: None, ..altered.clone() };
    assert_eq!(of(pump, std::slice::from_ref(&other)), State::UseNormally, "another device");
    let acts = Finding { source: altered.device.clone(), device: None, ..altered };
    assert_eq!(of(pump, &[acts]), State::SwapNow, "it attacks others");
    let silent = Device { last_seen: Timestamp::from_seconds(70 * HOUR), ..device(pump) };
    assert_eq!(State::of(&silent, &[], now()), State::Unknown);
    let vital = Device { criticality: Some(Criticality::LifeSustaining), ..device(Category::MedicalOther) };
    assert_eq!(State::of(&vital, &[finding(Attack::Physical, Severity::High, 99)], now()), State::SwapNow);
}

#[test]
fn a_card_says_when_it_was_checked_and_that_nobody_signed_it_off() {
    let deck = Deck::shipped(Language::Ar).unwrap();
    let card = Card::new(&deck, &device(Category::InfusionPump), &[], now(), Some("1234"));
    let mut page = Vec::new();
    card.write_html(&mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("dir=\"rtl\"") && page.contains("lang=\"ar\""));
    assert!(page.contains("1970-01-05 04:00 UTC"), "{page}");
    assert!(page.contains(&deck.words().template));
    assert!(page.contains("BED-4 &#60;b&#62;"), "names are escaped: {page}");
    assert!(!page.contains("://") && !page.contains("src="), "loads nothing");
    let english = Card::new(
        &Deck::shipped(Language::En).unwrap(),
        &device(Category::Ventilator),
        &[],
        now(),
        Some("1234"),
    );
    assert!(english.text().contains("USE NORMALLY") && english.text().contains("1234"));
    for language in Language::ALL {
        let deck = Deck::shipped(*language).unwrap();
        let card = Card::new(&deck, &device(Category::Ventilator), &[], now(), None);
        assert!(card.steps.iter().any(|step| step.contains(&deck.words().hotline)), "{:?}", card.steps);
    }
}

#[test]
fn a_hospital_brings_its_own_words_and_errors_say_what_is_wrong() {
    let shipped = include_str!("../../../../knowledge/bedside/en.toml");
    let own = shipped
        .replace("signed_off_by = \"\"", "signed_off_by = \"A. Example, HTM\"")
        .replace("expires = \"\"", "expires = \"1970-01-04\"");
    let deck = Deck::read(&own).unwrap();
    let card = Card::new(&deck, &device(Category::InfusionPump), &[], now(), Some("1234"));
    assert_eq!(card.signed_off_by.as_deref(), Some("A. Example, HTM"));
    assert!(card.notes.contains(&deck.words().expired), "{:?}", card.notes);
    assert!(!card.notes.contains(&deck.words().template));

    let safe = shipped.replace("USE NORMALLY", "SAFE TO USE");
    assert!(matches!(Deck::read(&safe), Err(DeckError::Safe(_))));
    let long = shipped.replace("Use another monitor.", &"word ".repeat(60));
    assert!(Deck::read(&long).unwrap_err().to_string().contains("patient-monitor"));
    let missing = shipped.replace("[classes.nurse-call]", "[classes.nurse-bell]");
    assert!(Deck::read(&missing).unwrap_err().to_string().contains("nurse-bell"));
    let date = shipped.replace("expires = \"\"", "expires = \"next May\"");
    assert!(matches!(Deck::read(&date), Err(DeckError::Expires(_))));
}

#[test]
fn the_pack_holds_a_sheet_for_each_class_of_each_ward_and_room_to_write() {
    let deck = Deck::shipped(Language::En).unwrap();
    let devices = [
        device(Category::InfusionPump),
        device(Category::PatientMonitor),
        Device { zone: None, ..device(Category::PatientMonitor) },
        device(Category::Printer),
    ];
    let pack = DowntimePack::new(&deck, &devices, now(), None);
    let mut page = Vec::new();
    pack.write_html(&mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    assert_eq!(page.matches("<section>").count(), 3);
    assert!(page.contains("No known ward") && page.contains("class=\"blank\""));
    assert!(page.contains("Keep the infusion running."));
}
