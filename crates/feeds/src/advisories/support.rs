//! How long products are supported: endoflife.date (API 1, one product or all of them), and tables of one's own.
//!
//! A table is CSV with a head. It must name `product`, and one of `support_end` and `security_end`; `vendor`, `version`,
//! `latest` and `latest_date` help. Days are written as 2025-10-14.

use csv::ReaderBuilder;
use serde_json::Value;
use wardline_model::{Label, SupportPeriod};

use super::{FeedError, items, text};

const KIND: &str = "line of a table of support ends";

/// Lines of versions in one document, at most.
const PERIODS_MAX: usize = 100_000;
/// Names of one product, at most.
const NAMES_MAX: usize = 8;

/// Whether a document is one of endoflife.date.
pub(super) fn is_answer(json: &Value) -> bool {
    text(json, "schema_version").is_some() && json.get("result").is_some()
}

pub(super) fn read(json: &Value) -> Result<Vec<SupportPeriod>, FeedError> {
    let result = json.get("result").unwrap_or(&Value::Null);
    let mut periods = Vec::new();
    match result.as_array() {
        Some(products) => products.iter().for_each(|product| add(product, &mut periods)),
        None => add(result, &mut periods),
    }
    if periods.len() > PERIODS_MAX {
        return Err(FeedError::TooMany(PERIODS_MAX));
    }
    if periods.is_empty() {
        return Err(FeedError::Missing {
            kind: "an answer of endoflife.date",
            field: "a product with releases",
        });
    }
    Ok(periods)
}

fn add(product: &Value, periods: &mut Vec<SupportPeriod>) {
    let Some(name) = text(product, "name") else { return };
    let mut products: Vec<Label> = Vec::new();
    let aliases = items(product, "aliases").iter().filter_map(Value::as_str);
    for name in text(product, "label").into_iter().chain([name]).chain(aliases) {
        let name = Label::new(&name.replace('-', " "));
        if products.len() < NAMES_MAX && !products.contains(&name) {
            products.push(name);
        }
    }
    // Who makes it is told by CPE, if at all.
    let by_cpe = items(product, "identifiers").iter().find_map(|identifier| {
        let id = text(identifier, "id").filter(|id| id.starts_with("cpe:"))?;
        id.trim_start_matches("cpe:2.3:")
            .trim_start_matches("cpe:/")
            .split(':')
            .nth(1)
            .map(|vendor| vendor.replace('_', " "))
    });
    for release in items(product, "releases") {
        let Some(cycle) = text(release, "name") else { continue };
        let latest = release.get("latest");
        // Where a product has one end only, it is that of corrections.
        let eol = text(release, "eolFrom").and_then(day);
        let longer = text(release, "eoesFrom").and_then(day);
        periods.push(SupportPeriod {
            vendor: Label::new(by_cpe.as_deref().unwrap_or_default()),
            products: products.clone(),
            cycle: Label::new(cycle),
            ends: text(release, "eoasFrom").and_then(day).or_else(|| eol.clone()),
            security_ends: longer.or(eol),
            latest: latest.and_then(|latest| text(latest, "name")).map(Label::new),
            latest_released: latest.and_then(|latest| text(latest, "date")).and_then(day),
            source: Label::new("endoflife.date"),
        });
    }
}

/// A day as 2025-10-14.
fn day(text: &str) -> Option<Label> {
    text.parse::<jiff::civil::Date>().ok().map(|date| Label::new(&date.to_string()))
}

/// Reads a table; `None` where its head is that of another.
pub(super) fn read_table(text: &str) -> Option<Result<Vec<SupportPeriod>, FeedError>> {
    let first = text.lines().next()?;
    let separator = [b',', b';', b'\t']
        .into_iter()
        .max_by_key(|separator| first.bytes().filter(|byte| byte == separator).count())
        .unwrap_or(b',');
    let mut reader = ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(text.as_bytes());
    let head = reader.headers().ok()?.clone();
    let place = |names: &[&str]| {
        head.iter().position(|title| {
            let plain = title.trim().to_ascii_lowercase().replace([' ', '-'], "_");
            names.contains(&plain.as_str())
        })
    };
    let product = place(&["product", "name", "model"])?;
    let ends = place(&["support_end", "end_of_support", "eos", "support"]);
    let security_ends = place(&["security_end", "end_of_life", "eol", "end_of_security_support"]);
    if ends.is_none() && security_ends.is_none() {
        return None;
    }
    let vendor = place(&["vendor", "manufacturer", "maker"]);
    let cycle = place(&["version", "cycle", "release"]);
    let (latest, latest_released) = (place(&["latest"]), place(&["latest_date", "latest_released"]));
    let mut periods = Vec::new();
    for (number, record) in reader.records().enumerate() {
        let line = number + 2;
        let wrong = |reason| FeedError::Line { kind: KIND, line, reason };
        let Ok(record) = record else { return Some(Err(wrong("it is no CSV"))) };
        let cell = |place: Option<usize>| {
            place.and_then(|place| record.get(place)).map(str::trim).filter(|cell| !cell.is_empty())
        };
        let date = |place: Option<usize>| match cell(place) {
            Some(text) => day(text).map(Some).ok_or_else(|| wrong("a day is not written as 2025-10-14")),
            None => Ok(None),
        };
        let Some(name) = cell(Some(product)) else { continue };
        let (ends, security_ends, latest_released) =
            match (date(ends), date(security_ends), date(latest_released)) {
                (Ok(ends), Ok(security_ends), Ok(latest_released)) => (ends, security_ends, latest_released),
                (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => return Some(Err(error)),
            };
        if periods.len() >= PERIODS_MAX {
            return Some(Err(FeedError::TooMany(PERIODS_MAX)));
        }
        periods.push(SupportPeriod {
            vendor: Label::new(cell(vendor).unwrap_or_default()),
            products: vec![Label::new(name)],
            cycle: Label::new(cell(cycle).unwrap_or_default()),
            ends,
            security_ends,
            latest: cell(latest).map(Label::new),
            latest_released,
            source: Label::new("a table of support ends"),
        });
    }
    Some(if periods.is_empty() {
        Err(FeedError::Missing { kind: "a table of support ends", field: "lines" })
    } else {
        Ok(periods)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_and_all_of_them_are_read() {
        let product = r#"{"name": "example-os", "aliases": ["exos"], "label": "Example OS", "category": "os",
          "identifiers": [{"type": "cpe", "id": "cpe:2.3:o:example_maker:example_os"}],
          "releases": [{"name": "10", "releaseDate": "2015-07-29", "eoasFrom": "2020-10-13", "eolFrom": "2025-10-14", "eoesFrom": null,
             "latest": {"name": "10.0.7", "date": "2025-10-14"}}, {"name": "11", "eolFrom": null, "eoasFrom": null}]}"#;
        let one = format!(r#"{{"schema_version": "1.2.0", "result": {product}}}"#);
        let all = format!(r#"{{"schema_version": "1.2.0", "total": 1, "result": [{product}]}}"#);
        let read = super::super::read(one.as_bytes()).unwrap();
        assert_eq!(read, super::super::read(all.as_bytes()).unwrap());
        let period = &read.support[0];
        assert_eq!((period.vendor.as_str(), period.cycle.as_str()), ("example maker", "10"));
        assert_eq!(period.products, ["Example OS", "example os", "exos"].map(Label::new));
        assert_eq!(period.ends.as_ref().unwrap().as_str(), "2020-10-13");
        assert_eq!(period.security_ends.as_ref().unwrap().as_str(), "2025-10-14");
        assert_eq!(read.support[1].ends, None);
        assert!(super::super::read(br#"{"schema_version": "1.2.0", "result": []}"#).is_err());
    }

    #[test]
    fn a_table_of_ones_own_is_read_and_a_wrong_day_is_named() {
        let table = b"vendor;product;version;support end;latest;latest date\nExample Medical;Pump 700;2.x;2024-12-31;2.9;2024-06-01\n";
        let read = super::super::read(table).unwrap();
        assert_eq!(read.support[0].ends.as_ref().unwrap().as_str(), "2024-12-31");
        assert_eq!(read.support[0].latest_released.as_ref().unwrap().as_str(), "2024-06-01");
        let wrong =
            super::super::read(b"product,support_end\nPump 700,31.12.2024\n").unwrap_err().to_string();
        assert!(wrong.starts_with("line 2") && wrong.contains("2025-10-14"), "{wrong}");
    }
}
