//! Bedside cards: what a nurse needs to know about one device, at the bed, in a minute.
//!
//! A card says one of four states or that nothing is known; never that a device is safe, and nothing of
//! vulnerabilities. Its words are data ([`Deck`]): `knowledge/bedside`, one file per language, or the hospital's own
//! files, with owner, version, sign-off and expiry. The states follow public guidance: the FDA's safety communications
//! on infusion pumps (2015), patient monitors (2020, 2025) and ventilators (2025), and the MITRE/FDA regional
//! preparedness playbook (2022).

mod deck;
mod pack;
mod state;

pub use deck::{Deck, DeckError, Language};
pub use pack::{DowntimePack, Ward};
pub use state::{Class, State};

use std::io::Write;

use askama::Template;
use serde::Serialize;
use wardline_model::{Device, DeviceId, Finding, Timestamp};

/// Steps of a card, at most.
pub const STEPS_MAX: usize = 5;
/// Words of a card, at most, without names and times.
pub const WORDS_MAX: usize = 60;

/// What is said about one device at the bed.
#[derive(Clone, Debug, Serialize, Template)]
#[template(path = "bedside_card.html")]
pub struct Card {
    /// Language of the words.
    pub language: Language,
    /// `ltr` or `rtl`.
    pub direction: String,
    /// The device.
    pub device: DeviceId,
    /// What people call it.
    pub name: String,
    /// What kind of thing it is, in the words of the deck.
    pub class: String,
    /// Which state.
    pub state: State,
    /// The state, to be read from a metre away.
    pub title: String,
    /// What that means, in one line.
    pub meaning: String,
    /// What to do, in order.
    pub steps: Vec<String>,
    /// The newest record that the state rests on.
    pub checked: Timestamp,
    /// When the device was last seen.
    pub seen: Timestamp,
    /// Version of the words, and who owns them.
    pub version: String,
    /// Who agreed to the words; a template where nobody has.
    pub signed_off_by: Option<String>,
    /// What must be said about the words themselves: not signed off, expired, the maker's instructions first.
    pub notes: Vec<String>,
    #[serde(skip)]
    words: deck::Words,
    /// Where the style is, where it may not stand in the page.
    #[serde(skip)]
    pub style_address: Option<String>,
}

/// The style of a card, for who serves it at an address of its own.
pub const STYLE: &str = include_str!("../../templates/bedside.css");

impl Card {
    /// The card of a device. `findings` are those in which it suffers or acts; `now` is the newest time in the records;
    /// `hotline` is the number to call; the deck
    /// has words for it where it is not known.
    pub fn new(
        deck: &Deck,
        device: &Device,
        findings: &[Finding],
        now: Timestamp,
        hotline: Option<&str>,
    ) -> Self {
        let class = Class::of(device.category);
        let state = State::of(device, findings, now);
        let (title, meaning) = deck.state(state);
        let mut notes = vec![deck.words().policy.clone()];
        if deck.signed_off_by().is_none() {
            notes.push(deck.words().template.clone());
        }
        if deck.expired(now) {
            notes.push(deck.words().expired.clone());
        }
        Self {
            language: deck.language(),
            direction: deck.direction().to_owned(),
            device: device.id.clone(),
            name: device.display_name().to_string(),
            class: deck.class(class).to_owned(),
            state,
            title: title.to_owned(),
            meaning: meaning.to_owned(),
            steps: deck.steps(class, state, hotline.unwrap_or(&deck.words().hotline)),
            checked: now,
            seen: device.last_seen,
            version: format!("{}, {}", deck.version(), deck.owner()),
            signed_off_by: deck.signed_off_by().map(str::to_owned),
            notes,
            words: deck.words().clone(),
            style_address: None,
        }
    }

    /// Writes the page, which needs nothing else. The same records give the same bytes.
    ///
    /// # Errors
    ///
    /// What the place that is written to says.
    pub fn write_html(&self, output: &mut impl Write) -> std::io::Result<()> {
        output.write_all(self.render().map_err(std::io::Error::other)?.as_bytes())
    }

    /// The card as lines for a terminal.
    pub fn text(&self) -> String {
        let steps: String =
            self.steps.iter().enumerate().map(|(place, step)| format!("  {}. {step}\n", place + 1)).collect();
        format!(
            "{} ({})\n\n  {}\n  {}\n\n{steps}\n{} {}; {} {}\n{}\n",
            self.name,
            self.class,
            self.title,
            self.meaning,
            self.words.checked,
            minute(&self.checked),
            self.words.seen,
            minute(&self.seen),
            self.notes.join(" ")
        )
    }
}

/// A time to the minute, as people read it: `2026-03-02 07:25 UTC`.
fn minute(time: &Timestamp) -> String {
    let text = time.to_string();
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(clock)) => format!("{day} {clock} UTC"),
        _ => text,
    }
}

#[cfg(test)]
mod tests;
