//! The words of the cards, as data, in one language.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use wardline_model::Timestamp;

use super::{Class, STEPS_MAX, State, WORDS_MAX};

/// A language that ships with the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// French.
    Fr,
    /// Spanish.
    Es,
    /// Arabic, from right to left.
    Ar,
}

impl Language {
    /// Every language.
    pub const ALL: &'static [Self] = &[Self::En, Self::De, Self::Fr, Self::Es, Self::Ar];

    /// Its ISO 639-1 code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Fr => "fr",
            Self::Es => "es",
            Self::Ar => "ar",
        }
    }

    const fn shipped(self) -> &'static str {
        match self {
            Self::En => include_str!("../../../../knowledge/bedside/en.toml"),
            Self::De => include_str!("../../../../knowledge/bedside/de.toml"),
            Self::Fr => include_str!("../../../../knowledge/bedside/fr.toml"),
            Self::Es => include_str!("../../../../knowledge/bedside/es.toml"),
            Self::Ar => include_str!("../../../../knowledge/bedside/ar.toml"),
        }
    }
}

impl std::str::FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|language| language.code() == text)
            .ok_or_else(|| format!("{text}: the cards speak en, de, fr, es and ar"))
    }
}

/// What is wrong with a file of words.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeckError {
    /// It is not of the form; the message names the line.
    #[error("not a file of bedside words: {0}")]
    Form(String),
    /// A card would be too long to be read at the bed.
    #[error(
        "the card of {class} in the state {state} has {steps} steps and {words} words; {STEPS_MAX} steps and {WORDS_MAX} words are the most"
    )]
    Long {
        /// Which class.
        class: String,
        /// Which state.
        state: &'static str,
        /// Steps that it has.
        steps: usize,
        /// Words that it has.
        words: usize,
    },
    /// A device may never be called safe.
    #[error("a state is called {0:?}: no card may say that a device is safe")]
    Safe(String),
    /// The date until which the words hold cannot be read.
    #[error("expires = {0:?} is no date; write YYYY-MM-DD, or leave it empty")]
    Expires(String),
}

/// Single words and lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    pub checked: String,
    pub seen: String,
    pub call_blank: String,
    pub hotline: String,
    pub template: String,
    pub expired: String,
    pub policy: String,
    pub pack: String,
    pub ward: String,
    pub device: String,
    pub made: String,
    pub no_ward: String,
    pub if_down: String,
    pub if_wrong: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateWords {
    title: String,
    meaning: String,
    /// The whole of what to do, where it does not depend on the class.
    #[serde(default)]
    steps: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct States {
    #[serde(rename = "use-normally")]
    use_normally: StateWords,
    #[serde(rename = "use-stand-alone")]
    use_stand_alone: StateWords,
    #[serde(rename = "do-not-start")]
    do_not_start: StateWords,
    #[serde(rename = "swap-now")]
    swap_now: StateWords,
    unknown: StateWords,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassWords {
    name: String,
    /// What to do where its values or its doing may be wrong.
    integrity: Vec<String>,
    /// What to do where its network fails.
    availability: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Common {
    look: String,
    leave: String,
    call: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    language: Language,
    direction: String,
    version: String,
    owner: String,
    #[serde(default)]
    signed_off_by: String,
    #[serde(default)]
    expires: String,
    words: Words,
    states: States,
    common: Common,
    classes: BTreeMap<Class, ClassWords>,
}

/// The words of every card in one language.
#[derive(Clone, Debug)]
pub struct Deck {
    file: File,
}

impl Deck {
    /// The words that ship with the program: templates, which nobody has signed off.
    ///
    /// # Errors
    ///
    /// Those of [`Deck::read`]; a test keeps the shipped words free of them.
    pub fn shipped(language: Language) -> Result<Self, DeckError> {
        Self::read(language.shipped())
    }

    /// Reads a hospital's own words, in the form of `knowledge/bedside/en.toml`.
    ///
    /// # Errors
    ///
    /// [`DeckError`] where the file is not of the form, a class is missing, or a card would be too long to be read.
    pub fn read(text: &str) -> Result<Self, DeckError> {
        let file: File =
            toml::from_str(text).map_err(|error| DeckError::Form(error.to_string().trim().to_owned()))?;
        if let Some(missing) = Class::ALL.iter().find(|class| !file.classes.contains_key(class)) {
            return Err(DeckError::Form(format!("the class {} is missing", name_of(*missing))));
        }
        let expires = file.expires.trim();
        if !expires.is_empty() && day(expires).is_none() {
            return Err(DeckError::Expires(expires.to_owned()));
        }
        let deck = Self { file };
        for state in State::ALL {
            let (title, meaning) = deck.state(*state);
            if says_safe(title) {
                return Err(DeckError::Safe(title.to_owned()));
            }
            for class in Class::ALL {
                let steps = deck.steps(*class, *state, "1234");
                let words = [title, meaning].into_iter().chain(steps.iter().map(String::as_str));
                let words = words.map(|text| text.split_whitespace().count()).sum();
                if steps.is_empty() || steps.len() > STEPS_MAX || words > WORDS_MAX {
                    return Err(DeckError::Long {
                        class: name_of(*class),
                        state: state.name(),
                        steps: steps.len(),
                        words,
                    });
                }
            }
        }
        Ok(deck)
    }

    /// The language of the words.
    pub const fn language(&self) -> Language {
        self.file.language
    }

    pub(super) fn direction(&self) -> &str {
        if self.file.direction == "rtl" { "rtl" } else { "ltr" }
    }

    pub(super) const fn words(&self) -> &Words {
        &self.file.words
    }

    pub(super) fn version(&self) -> &str {
        &self.file.version
    }

    pub(super) fn owner(&self) -> &str {
        &self.file.owner
    }

    pub(super) fn signed_off_by(&self) -> Option<&str> {
        Some(self.file.signed_off_by.trim()).filter(|name| !name.is_empty())
    }

    /// Whether the words no longer hold.
    pub(super) fn expired(&self, now: Timestamp) -> bool {
        let today = now.to_string();
        let expires = self.file.expires.trim();
        // Dates of this form are ordered as text.
        day(expires).is_some() && today.get(..10).is_some_and(|today| today > expires)
    }

    pub(super) fn class(&self, class: Class) -> &str {
        self.file.classes.get(&class).map_or("", |words| &words.name)
    }

    pub(super) fn state(&self, state: State) -> (&str, &str) {
        let words = self.state_words(state);
        (&words.title, &words.meaning)
    }

    /// What to do, in order.
    pub(super) fn steps(&self, class: Class, state: State, hotline: &str) -> Vec<String> {
        let common = &self.file.common;
        let own = self.file.classes.get(&class);
        let steps: Vec<&String> = match state {
            State::Unknown | State::UseNormally => self.state_words(state).steps.iter().collect(),
            State::UseStandAlone => std::iter::once(&common.look)
                .chain(own.iter().flat_map(|words| &words.availability))
                .chain([&common.call])
                .collect(),
            State::DoNotStart | State::SwapNow => std::iter::once(&common.look)
                .chain(own.iter().flat_map(|words| &words.integrity))
                .chain([&common.leave, &common.call])
                .collect(),
        };
        steps.into_iter().map(|step| step.replace("{hotline}", hotline)).collect()
    }

    const fn state_words(&self, state: State) -> &StateWords {
        let states = &self.file.states;
        match state {
            State::Unknown => &states.unknown,
            State::UseNormally => &states.use_normally,
            State::UseStandAlone => &states.use_stand_alone,
            State::DoNotStart => &states.do_not_start,
            State::SwapNow => &states.swap_now,
        }
    }
}

/// A class as it is written in a file of words.
fn name_of(class: Class) -> String {
    serde_json::to_value(class)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_else(|| format!("{class:?}"))
}

/// Whether a title claims what nobody can know.
fn says_safe(title: &str) -> bool {
    let title = title.to_lowercase();
    ["safe", "sicher", "sûr", "seguro", "آمن"].iter().any(|word| title.contains(word))
}

/// A day of the form YYYY-MM-DD.
fn day(text: &str) -> Option<&str> {
    let shape: String =
        text.chars().map(|letter| if letter.is_ascii_digit() { '9' } else { letter }).collect();
    (shape == "9999-99-99").then_some(text)
}
