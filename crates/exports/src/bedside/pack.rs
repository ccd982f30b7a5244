//! The downtime pack: what a ward needs on paper when nothing else works, made while everything does.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use askama::Template;
use serde::Serialize;
use wardline_model::{Device, Timestamp};

use super::{Class, Deck, Language, State, deck::Words, minute};

/// What to do about one class of devices.
#[derive(Clone, Debug, Serialize)]
pub struct Sheet {
    /// The class, in the words of the deck.
    pub class: String,
    /// Its devices in this ward, by name.
    pub devices: Vec<String>,
    /// What to do where the network fails.
    pub if_down: Vec<String>,
    /// What to do where its values may be wrong.
    pub if_wrong: Vec<String>,
}

/// One ward.
#[derive(Clone, Debug, Serialize)]
pub struct Ward {
    /// Its zone; none where the site file names none.
    pub name: Option<String>,
    /// A sheet per class, the class with the most devices first.
    pub sheets: Vec<Sheet>,
}

/// The downtime pack of a site, a sheet of paper per ward and class. Prints in black and white.
#[derive(Clone, Debug, Serialize, Template)]
#[template(path = "downtime_pack.html")]
pub struct DowntimePack {
    /// Language of the words.
    pub language: Language,
    /// `ltr` or `rtl`.
    pub direction: String,
    /// The newest time in the records.
    pub made: Timestamp,
    /// Wards by name.
    pub wards: Vec<Ward>,
    /// What must be said about the words.
    pub notes: Vec<String>,
    #[serde(skip)]
    words: Words,
    #[serde(skip)]
    hotline: Option<String>,
}

impl DowntimePack {
    /// The pack of these devices. Where no `hotline` is given, a line is left to write it on.
    pub fn new(deck: &Deck, devices: &[Device], now: Timestamp, hotline: Option<&str>) -> Self {
        let mut wards: BTreeMap<Option<String>, BTreeMap<Class, BTreeSet<String>>> = BTreeMap::new();
        for device in devices.iter().filter(|device| device.category.is_medical()) {
            let ward = device.zone.as_ref().map(ToString::to_string);
            let names = wards.entry(ward).or_default().entry(Class::of(device.category)).or_default();
            names.insert(device.display_name().to_string());
        }
        let call = hotline.unwrap_or("__________");
        let sheet = |(class, names): (Class, BTreeSet<String>)| Sheet {
            class: deck.class(class).to_owned(),
            devices: names.into_iter().collect(),
            if_down: deck.steps(class, State::UseStandAlone, call),
            if_wrong: deck.steps(class, State::SwapNow, call),
        };
        let wards = wards.into_iter().map(|(name, classes)| {
            let mut sheets: Vec<_> = classes.into_iter().map(sheet).collect();
            sheets.sort_by_key(|sheet| std::cmp::Reverse(sheet.devices.len()));
            Ward { name, sheets }
        });
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
            made: now,
            wards: wards.collect(),
            notes,
            words: deck.words().clone(),
            hotline: hotline.map(str::to_owned),
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
}
