//! Invented people. No name, number or date is of anybody.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

const FAMILY: &[&str] = &[
    "Quellwasser",
    "Brindlemoor",
    "Zapfenberg",
    "Ostrowitz",
    "Fennimarsh",
    "Kalderwick",
    "Vandermolle",
    "Tsirkonis",
    "Hollunderbach",
    "Perigastro",
    "Wexcombery",
    "Ardenvale",
];
const GIVEN: &[&str] = &[
    "Thessaly",
    "Ormund",
    "Perdita",
    "Caspian",
    "Liselotta",
    "Evander",
    "Marigold",
    "Tiberius",
    "Ottoline",
    "Leander",
];

/// An invented patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Patient {
    pub number: String,
    pub family: String,
    pub given: String,
    pub birth_date: String,
    pub visit: String,
}

impl Patient {
    pub(crate) fn invent(chance: &mut ChaCha8Rng, count: u32) -> Self {
        let number = 40_000_000 + chance.random_range(0..9_000_000_u32);
        Self {
            number: format!("{number}"),
            family: format!("{}{}", FAMILY[chance.random_range(0..FAMILY.len())], letters(count)),
            given: GIVEN[chance.random_range(0..GIVEN.len())].to_owned(),
            birth_date: format!(
                "{}{:02}{:02}",
                chance.random_range(1931..2008),
                chance.random_range(1..=12),
                chance.random_range(1..=28)
            ),
            visit: format!("VN{}", 700_000 + count),
        }
    }
}

/// A number in letters, so that every family name is another one.
fn letters(mut number: u32) -> String {
    let mut text = String::new();
    loop {
        text.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
        if number == 0 {
            return text;
        }
    }
}
