//! Plain lists: one entry on each line, with comments, and perhaps further columns.

use wardline_model::{Indicator, Label, TrafficLight};

use super::{Intelligence, value};

/// Confidence of an entry of which nobody says how sure he is, of 100.
const CONFIDENCE: u8 = 50;

pub(super) fn read(source: &str, text: &str) -> Intelligence {
    let mut read = Intelligence::default();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) || line.starts_with("//") {
            continue;
        }
        // Lists of abuse databases have several columns, in any order; the first that can be looked for counts.
        let columns = line.split([',', '\t', ';']).chain(line.split_whitespace());
        let pattern = columns
            .clone()
            .find_map(|column| value::ja4(value::refang(column).as_str()))
            .or_else(|| columns.clone().find_map(value::any));
        match pattern {
            Some(pattern) => read.indicators.push(Indicator {
                id: Label::new(&format!("{source}:{}", number + 1)),
                pattern,
                name: Label::new(source),
                source: Label::new(source),
                confidence: CONFIDENCE,
                valid_until: None,
                sharing: TrafficLight::default(),
            }),
            // The first line may name the columns.
            None if number == 0 => {}
            None => {
                read.unreadable += 1;
                read.first_unreadable.get_or_insert_with(|| format!("line {}", number + 1));
            }
        }
    }
    read
}
