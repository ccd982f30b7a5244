//! The language of versions in advisories.
//!
//! Real advisories write ranges with operators (`>= 1.3.4 | < 1.5.3`), lists (`9.13 | 9.19`), words (`2.3.6 and
//! below`), wildcards (`<= 12.2.x.x`), lettered revisions (`<= B.12`), and in the same field dates, models, part numbers
//! and conditions. What is surely a version is compared; everything else is for a person to read, and is never
//! taken as "not affected".

use std::cmp::Ordering;

/// Longest version, in parts, and longest text.
const PARTS_MAX: usize = 16;
const TEXT_BYTES_MAX: usize = 400;

/// A part of a version: a number, or letters.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Number(u64),
    Letters(String),
    /// `x` or `*`: any.
    Any,
}

/// A version whose parts can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// What stands before the first number, such as the `U` of `U61`; versions of other lines cannot be compared.
    line: String,
    parts: Vec<Part>,
}

impl Version {
    /// Reads a version: at most one word of letters, then numbers and letters between dots, dashes or underscores.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches('.');
        let lower = text.to_ascii_lowercase();
        let text = ["version", "ver.", "firmware", "software", "release", "rev.", "rev", "v.", "sw"]
            .iter()
            .find_map(|word| lower.strip_prefix(word))
            .unwrap_or(&lower)
            .trim();
        // `v2.3`: the letter says that a version follows.
        let text = match text.strip_prefix('v') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => rest,
            _ => text,
        };
        let written = text.len() <= 40
            && !text.is_empty()
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '*' | '+'));
        if !written {
            return None;
        }
        let first_digit = text.find(|c: char| c.is_ascii_digit() || c == '*');
        let (line, numbers) = match first_digit {
            Some(place) => text.split_at(place),
            // One or two letters are a revision: `B`, `K`.
            None if text.len() <= 2 && text != "x" => ("", text),
            None => return None,
        };
        if line.len() > 4 {
            return None;
        }
        // The dot in `B.02` belongs to the line: `B.02` comes before `C.01`.
        let (line, numbers) = match line.strip_suffix('.') {
            Some(letters) if letters.len() == 1 => ("", format!("{letters}.{numbers}")),
            _ => (line, numbers.to_owned()),
        };
        let parts = parts(&numbers);
        (!parts.is_empty() && parts.len() <= PARTS_MAX).then(|| Self { line: line.to_owned(), parts })
    }

    /// Which of two comes first; `None` where they are of different lines.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        if self.line != other.line {
            return None;
        }
        for place in 0..self.parts.len().max(other.parts.len()) {
            let (one, two) = (self.parts.get(place), other.parts.get(place));
            let order = match (one, two) {
                (Some(Part::Any), _) | (_, Some(Part::Any)) => return Some(Ordering::Equal),
                (Some(Part::Number(one)), Some(Part::Number(two))) => one.cmp(two),
                (Some(Part::Letters(one)), Some(Part::Letters(two))) => one.cmp(two),
                (Some(Part::Number(_)), Some(Part::Letters(_)))
                | (Some(Part::Letters(_)), Some(Part::Number(_))) => {
                    return None;
                }
                // `2.0` and `2.0.0` are one; `2.7` and `2.7A` are not.
                (Some(Part::Number(0)), None) | (None, Some(Part::Number(0))) => Ordering::Equal,
                (Some(_), None) => Ordering::Greater,
                (None, Some(_)) => Ordering::Less,
                (None, None) => Ordering::Equal,
            };
            if order != Ordering::Equal {
                return Some(order);
            }
        }
        Some(Ordering::Equal)
    }

    fn has_wildcard(&self) -> bool {
        self.parts.contains(&Part::Any)
    }

    /// Whether this names something within `other`, such as `4.0.2` within `4.0`: whoever writes the shorter one may mean
    /// it or not.
    fn refines(&self, other: &Self) -> bool {
        let longer = self.parts.len() > other.parts.len() && self.parts.starts_with(&other.parts);
        longer && self.line == other.line && self.compare(other) != Some(Ordering::Equal)
    }
}

fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for piece in text.split(['.', '-', '_', '+']).filter(|piece| !piece.is_empty()) {
        if matches!(piece, "x" | "*" | "xx") {
            parts.push(Part::Any);
            continue;
        }
        let mut rest = piece;
        while !rest.is_empty() {
            let digits = rest.chars().take_while(char::is_ascii_digit).count();
            if digits > 0 {
                let (number, after) = rest.split_at(digits);
                // A number too long for a machine is a serial number of some kind; its digits are compared as text.
                parts.push(number.parse().map_or_else(|_| Part::Letters(number.to_owned()), Part::Number));
                rest = after;
            } else {
                let letters = rest.chars().take_while(|c| !c.is_ascii_digit()).count();
                let (word, after) = rest.split_at(letters);
                parts.push(Part::Letters(word.to_owned()));
                rest = after;
            }
        }
    }
    parts
}

/// A bound of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
}

/// One or two bounds that hold together.
pub(crate) type Range = Vec<(Operator, Version)>;

/// What a text of versions says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Versions {
    /// Every version.
    All,
    /// One of these ranges.
    Ranges(Vec<Range>),
    /// Models or part numbers rather than versions.
    Models(Vec<String>),
    /// Letters and a number without a dot (`BT06`, `VS30`), which is as often a version as a model.
    Codes {
        /// Read as versions.
        ranges: Vec<Range>,
        /// Read as models.
        models: Vec<String>,
    },
    /// Something that a person must read.
    Unread,
}

/// Whether a version is among those that a text names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The very version is named.
    Named,
    /// It lies within a range.
    Within,
    /// It lies outside of every range.
    Outside,
    /// It cannot be said.
    Unknown,
}

impl Versions {
    /// Reads what an advisory says.
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = text.as_str();
        let lower = text.to_ascii_lowercase();
        let all = ["", "*", "vers:all/*", "all", "all versions", "any", "n/a", "-", "all version", "*.*"];
        if all.contains(&lower.as_str())
            || lower.strip_prefix("vers:").is_some_and(|rest| rest.ends_with("/*"))
        {
            return Self::All;
        }
        if text.len() > TEXT_BYTES_MAX {
            return Self::Unread;
        }
        // `vers:semver/>=1.0|<2.0` (version range specifier of the purl community).
        let lower = match lower.strip_prefix("vers:").and_then(|rest| rest.split_once('/')) {
            Some((_, constraints)) => constraints.to_owned(),
            None => lower,
        };
        match ranges(&lower) {
            Some(ranges) if ranges.iter().all(is_code) => {
                let models = text.split(['|', ',']).map(|code| code.trim().to_owned()).collect();
                Self::Codes { ranges, models }
            }
            Some(ranges) => Self::Ranges(ranges),
            None => models(text).map_or(Self::Unread, Self::Models),
        }
    }

    /// Whether a version is meant.
    pub(crate) fn holds(&self, version: &Version) -> Answer {
        let ranges = match self {
            Self::Ranges(ranges) | Self::Codes { ranges, .. } => ranges,
            Self::All => return Answer::Within,
            Self::Models(_) | Self::Unread => return Answer::Unknown,
        };
        let mut unknown = false;
        for range in ranges {
            match within(range, version) {
                Some(true) => {
                    let named =
                        matches!(range.as_slice(), [(Operator::Equal, exact)] if !exact.has_wildcard());
                    return if named { Answer::Named } else { Answer::Within };
                }
                Some(false) => {}
                None => unknown = true,
            }
        }
        // What is no version of the list may still be a model, or none of both.
        if unknown || matches!(self, Self::Codes { .. }) { Answer::Unknown } else { Answer::Outside }
    }
}

/// Whether a range is one bare code.
fn is_code(range: &Range) -> bool {
    let [(Operator::Equal, version)] = range.as_slice() else { return false };
    !version.line.is_empty() && version.parts.len() == 1
}

/// Whether all bounds hold; `None` where one cannot be compared.
fn within(range: &Range, version: &Version) -> Option<bool> {
    for (operator, bound) in range {
        let order = version.compare(bound)?;
        let holds = match operator {
            // Below `3.x` is below every 3; a wildcard of `<=` takes them all.
            Operator::Less => order == Ordering::Less,
            Operator::LessOrEqual => order != Ordering::Greater,
            Operator::Greater => order == Ordering::Greater,
            Operator::GreaterOrEqual => order != Ordering::Less,
            Operator::Equal => order == Ordering::Equal,
        };
        if !holds {
            let inclusive = matches!(operator, Operator::LessOrEqual | Operator::Equal);
            return if inclusive && version.refines(bound) { None } else { Some(false) };
        }
    }
    Some(true)
}

/// Ranges and lists; `None` where any word is neither.
fn ranges(text: &str) -> Option<Vec<Range>> {
    let alternatives: Vec<&str> = text.split(" , ").collect();
    if alternatives.len() > 1 {
        let each: Option<Vec<_>> = alternatives.into_iter().map(ranges).collect();
        return each.map(|each| each.into_iter().flatten().collect());
    }
    let terms: Option<Vec<(Operator, Version)>> =
        text.split(['|', ',']).map(str::trim).filter(|term| !term.is_empty()).map(term).collect();
    let terms = terms.filter(|terms| !terms.is_empty())?;
    let lower = |operator: Operator| matches!(operator, Operator::Greater | Operator::GreaterOrEqual);
    let upper = |operator: Operator| matches!(operator, Operator::Less | Operator::LessOrEqual);
    // A lower bound followed by an upper one is a range: between two bounds the bar means "and", elsewhere "or".
    let mut found: Vec<Range> = Vec::new();
    let mut rest = terms.into_iter().peekable();
    while let Some((operator, version)) = rest.next() {
        let closes = lower(operator) && rest.peek().is_some_and(|(next, _)| upper(*next));
        let mut range = vec![(operator, version)];
        if closes && let Some(bound) = rest.next() {
            range.push(bound);
        }
        found.push(range);
    }
    Some(found)
}

/// One bound or version, by sign or by word.
fn term(text: &str) -> Option<(Operator, Version)> {
    let signs: [(&str, Operator); 8] = [
        ("<=", Operator::LessOrEqual),
        ("≤", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("≥", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
        ("==", Operator::Equal),
        ("=", Operator::Equal),
    ];
    for (sign, operator) in signs {
        if let Some(rest) = text.strip_prefix(sign) {
            return Some((operator, Version::parse(rest)?));
        }
    }
    let before = [
        "prior to ",
        "before ",
        "earlier than ",
        "below ",
        "lower than ",
        "older than ",
        "versions prior to ",
        "all versions prior to ",
        "all versions before ",
    ];
    for word in before {
        if let Some(rest) = text.strip_prefix(word) {
            return Some((Operator::Less, Version::parse(rest)?));
        }
    }
    for word in ["up to ", "through ", "up to and including "] {
        if let Some(rest) = text.strip_prefix(word) {
            return Some((Operator::LessOrEqual, Version::parse(rest)?));
        }
    }
    let and_below = [
        " and below",
        " and prior",
        " and earlier",
        " and older",
        " or below",
        " or prior",
        " or earlier",
        " or older",
        " and lower",
        " or lower",
        " and prior versions",
        " and earlier versions",
        " and previous",
    ];
    for words in and_below {
        if let Some(rest) = text.strip_suffix(words) {
            return Some((Operator::LessOrEqual, Version::parse(rest)?));
        }
    }
    for words in
        [" and above", " and later", " and newer", " or later", " or newer", " or above", " and higher"]
    {
        if let Some(rest) = text.strip_suffix(words) {
            return Some((Operator::GreaterOrEqual, Version::parse(rest)?));
        }
    }
    // A bare number without any dot is as often a model as a version.
    let version = Version::parse(text)?;
    let long_number = matches!(version.parts.first(), Some(Part::Number(number)) if *number >= 1_000);
    let dotted = text.contains('.')
        || text.starts_with('v')
        || version.line.is_empty() && version.parts.len() > 1 && !long_number;
    let short_number = matches!(version.parts.as_slice(), [Part::Number(number)] if *number < 100);
    (dotted || short_number || !version.line.is_empty() && version.line.len() <= 2)
        .then_some((Operator::Equal, version))
}

/// `MMT-523(K)` is two models: with the letter and without. `None` where no letter is optional.
fn optional_letter(text: &str) -> Option<String> {
    let mut rest = text;
    let mut written = String::new();
    while let Some((before, after)) = rest.split_once('(') {
        let (letter, after) = after.split_once(')')?;
        let model = before.rsplit([' ', '|', '/']).next().unwrap_or_default();
        if model.is_empty() || letter.len() != 1 || !letter.chars().all(|c| c.is_ascii_alphanumeric()) {
            return None;
        }
        written.push_str(&format!("{before} {model}{letter}"));
        rest = after;
    }
    (!written.is_empty()).then(|| written + rest)
}

/// Names of models: words of which at least one has a digit, between bars or slashes.
fn models(text: &str) -> Option<Vec<String>> {
    let dated = [
        "january",
        "february",
        "march",
        "april",
        "may ",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "20",
    ];
    let lower = text.to_ascii_lowercase();
    let optional = optional_letter(text);
    let text = optional.as_deref().unwrap_or(text);
    if text.contains(['<', '>', '*', '(']) || dated.iter().any(|word| lower.contains(word)) {
        return None;
    }
    let names: Vec<_> = text
        .split(['|', '/', ','])
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    // A model or part number is a word of three characters or more with two digits or more: `2nd` is none.
    let number = |word: &str| {
        word.len() >= 3
            && word.chars().filter(char::is_ascii_digit).count() >= 2
            && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    // A version beside the model (`653 MCE 3.x`) is a condition that must not get lost.
    let named = names.iter().all(|name| name.split(' ').any(number) && !name.contains('.'));
    named.then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(text: &str, version: &str) -> Answer {
        Versions::parse(text).holds(&Version::parse(version).unwrap())
    }

    #[test]
    fn ranges_hold_what_they_say() {
        for (text, version, expected) in [
            ("< 8.2.2", "8.2.1", Answer::Within),
            ("< 8.2.2", "8.2.2", Answer::Outside),
            ("<=2.3.6", "2.3.6", Answer::Within),
            ("2.3.6 and below", "2.3.7", Answer::Outside),
            ("2.3.6 and below", "1.9", Answer::Within),
            (">= 1.3.4 | < 1.5.3", "1.5.2", Answer::Within),
            (">= 1.3.4 | < 1.5.3", "1.5.3", Answer::Outside),
            (">= 1.3.4 | < 1.5.3", "1.3", Answer::Outside),
            ("9.13 | 9.19 | 9.33 | 12.1", "9.19", Answer::Named),
            ("9.13 | 9.19 | 9.33 | 12.1", "9.20", Answer::Outside),
            ("4.X | 5.X", "5.7", Answer::Within),
            ("4.X | 5.X", "6.0", Answer::Outside),
            ("<= 12.2.x.x", "12.2.9.4", Answer::Within),
            ("<= 12.2.x.x", "12.3", Answer::Outside),
            ("< 3.x", "2.9", Answer::Within),
            ("< 3.x", "3.4", Answer::Outside),
            ("<= B.12", "B.07", Answer::Within),
            ("<= B.12", "C.01", Answer::Outside),
            ("<= U61 |<= L81", "U60", Answer::Within),
            ("<= U61 |<= L81", "L82", Answer::Unknown),
            ("<= 2.7A", "2.7", Answer::Within),
            ("2.0", "2.0.0", Answer::Named),
            ("<= K", "J", Answer::Within),
            (">= 1.0 | < 1.2 , >= 2.0 | < 2.4", "2.3", Answer::Within),
            (">= 1.0 | < 1.2 , >= 2.0 | < 2.4", "1.5", Answer::Outside),
            ("prior to 5.0", "4.99", Answer::Within),
            ("vers:all/*", "1", Answer::Within),
            ("vers:semver/>=1.0|<2.0", "1.5", Answer::Within),
        ] {
            assert_eq!(answer(text, version), expected, "{text} and {version}");
        }
    }

    #[test]
    fn what_is_no_version_is_left_to_a_person() {
        for text in [
            "< november 29 2017",
            "Windows 10 Professional Operating System U.S. release",
            "with wireless option (shipped between 26-June-2017 through 07-August 2018)",
            "<8/30/2024",
            "* (end-of-life 2011)",
        ] {
            assert_eq!(Versions::parse(text), Versions::Unread, "{text}");
        }
        assert!(matches!(Versions::parse("MMT-551 / MMT-751"), Versions::Models(_)));
        assert!(matches!(Versions::parse("882400 Gemini GXL 10 Slice"), Versions::Models(_)));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in ".{0,120}", version in "[a-zA-Z0-9._-]{0,20}") {
            let versions = Versions::parse(&text);
            if let Some(version) = Version::parse(&version) {
                let _ = versions.holds(&version);
            }
        }

        #[test]
        fn numbers_are_ordered(one in proptest::collection::vec(0_u64..50, 1..5), two in proptest::collection::vec(0_u64..50, 1..5)) {
            let text = |parts: &[u64]| parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
            let trimmed = |parts: &[u64]| { let mut parts = parts.to_vec(); while parts.last() == Some(&0) { parts.pop(); } parts };
            let (a, b) = (Version::parse(&text(&one)).unwrap(), Version::parse(&text(&two)).unwrap());
            let expected = trimmed(&one).cmp(&trimmed(&two));
            prop_assert_eq!(a.compare(&b), Some(expected));
            prop_assert_eq!(b.compare(&a), Some(expected.reverse()));
        }
    }
}
