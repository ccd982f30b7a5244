//! Disclosure statements of makers about the security of medical devices: MDS2, forms HIMSS/NEMA HN 1-2013 and ANSI/NEMA
//! HN 1-2019, as makers send them: a workbook (`.xlsx`) or a table exported from one (CSV).
//!
//! The form's text belongs to NEMA. Questions are known here by their identifiers alone, and what stands between an
//! identifier and its answer is passed over.

mod workbook;

use std::collections::BTreeMap;

use csv::ReaderBuilder;
use wardline_model::{Disclosed, DisclosedAnswer, Disclosure, Label};

use super::FeedError;

pub(super) use workbook::is_workbook;

const KIND: &str = "an MDS2 worksheet";

/// Rows of a worksheet, at most; the longest form has some 250 questions.
const ROWS_MAX: usize = 20_000;
/// Cells of a row, at most.
const CELLS_MAX: usize = 64;
/// Questions that a form must answer to be one.
const ANSWERS_MIN: usize = 5;

/// Sections of both editions, by the letters that begin their questions' identifiers.
const SECTIONS: &[&str] = &[
    "DOC", "MPII", "ALOF", "AUDT", "AUTH", "CNFS", "CSUP", "DIDT", "DTBK", "EMRG", "IGAU", "MLDP", "NAUT",
    "CONN", "PAUT", "PLOK", "RDMP", "SBOM", "SAHD", "SGUD", "STCF", "TXCF", "TXIG", "RMOT", "OTHR",
];

/// Sections of which only one edition knows.
const ONLY_2013: &[&str] = &["CNFS"];
const ONLY_2019: &[&str] = &["DOC", "MPII", "CONN", "SBOM", "RMOT"];

/// The sections of 2013 by their numbers: that form counts its questions (`5-1`) below a heading.
const NUMBERED_2013: &[&str] = &[
    "ALOF", "AUDT", "AUTH", "CNFS", "CSUP", "DIDT", "DTBK", "EMRG", "IGAU", "MLDP", "NAUT", "PAUT", "PLOK",
    "RDMP", "SAHD", "SGUD", "STCF", "TXCF", "TXIG", "OTHR",
];

/// Reads a workbook.
pub(super) fn read_workbook(bytes: &[u8]) -> Result<Disclosure, FeedError> {
    interpret(workbook::rows(bytes)?)
}

/// Reads a table; `None` where it is none of these forms.
pub(super) fn read_table(text: &str) -> Option<Result<Disclosure, FeedError>> {
    let first = text.lines().find(|line| !line.trim().is_empty())?;
    let count = |separator: u8| text.bytes().take(20_000).filter(|byte| *byte == separator).count();
    let separator = [b'\t', b';', b','].into_iter().max_by_key(|separator| count(*separator)).unwrap_or(b',');
    if first.len() > 10_000 || count(separator) == 0 {
        return None;
    }
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .from_reader(text.as_bytes());
    let mut rows: Vec<Vec<String>> = Vec::new();
    for record in reader.records().take(ROWS_MAX) {
        let Ok(record) = record else { break };
        rows.push(record.iter().take(CELLS_MAX).map(str::to_owned).collect());
    }
    let mut section = None;
    let mut asks = |row: &&Vec<String>| {
        section = row.iter().find_map(|cell| heading(cell)).or(section);
        row.iter().any(|cell| identifier(cell, section).is_some())
    };
    let known = rows.iter().filter(|row| asks(row)).count();
    (known >= ANSWERS_MIN).then(|| interpret(rows))
}

/// The identifier of a question: as both editions write it (`CSUP-2.1`), or a number below a section's heading (`5-1.1`).
fn identifier(cell: &str, heading: Option<&str>) -> Option<String> {
    let cell = cell.trim().trim_end_matches('.');
    let (front, number) = cell.split_once(['-', '\u{2013}'])?;
    let numbered = !number.is_empty()
        && number.len() <= 8
        && number.starts_with(|letter: char| letter.is_ascii_digit())
        && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !numbered {
        return None;
    }
    let front = front.trim().to_ascii_uppercase();
    if SECTIONS.contains(&front.as_str()) {
        return Some(format!("{front}-{number}"));
    }
    // The number of the section must be that of the heading above it: dates and part numbers look alike.
    let place: usize = front.parse().ok()?;
    let section = NUMBERED_2013.get(place.checked_sub(1)?)?;
    (heading == Some(*section)).then(|| format!("{section}-{number}"))
}

/// The section that a heading names, such as `CYBER SECURITY PRODUCT UPGRADES (CSUP)`.
fn heading(cell: &str) -> Option<&'static str> {
    let inner = cell.trim().rsplit_once('(')?.1.split_once(')')?.0.trim().to_ascii_uppercase();
    SECTIONS.iter().copied().find(|section| *section == inner)
}

fn said(cell: &str) -> Option<Disclosed> {
    let plain: String =
        cell.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    Some(match plain.as_str() {
        "yes" | "y" => Disclosed::Yes,
        "no" | "n" => Disclosed::No,
        "na" | "notapplicable" => Disclosed::NotApplicable,
        "seenote" | "seenotes" => Disclosed::SeeNote,
        _ if plain.starts_with("seenote") && plain.len() <= 12 => Disclosed::SeeNote,
        _ => return None,
    })
}

/// What the form says of itself above and between its questions.
#[derive(Default)]
struct About {
    vendor: Option<Label>,
    product: Option<Label>,
    released: Option<Label>,
}

fn interpret(rows: Vec<Vec<String>>) -> Result<Disclosure, FeedError> {
    let mut about = About::default();
    let mut answers: BTreeMap<Label, DisclosedAnswer> = BTreeMap::new();
    let (mut section, mut edition) = (None, None);
    let notes = notes(&rows);
    for row in &rows {
        let cells: Vec<&str> = row.iter().map(|cell| cell.trim()).filter(|cell| !cell.is_empty()).collect();
        section = cells.iter().find_map(|cell| heading(cell)).or(section);
        for cell in &cells {
            if cell.contains("HN 1-2019") {
                edition = Some(2019);
            } else if cell.contains("HN 1-2013") {
                edition = edition.or(Some(2013));
            }
        }
        let found =
            cells.iter().enumerate().find_map(|(place, cell)| Some((place, identifier(cell, section)?)));
        let Some((place, id)) = found else {
            describe(&cells, &mut about);
            continue;
        };
        let after = cells.get(place + 1..).unwrap_or_default();
        if id.starts_with("DOC-") {
            document(&id, after, &mut about);
        }
        let Some((at, given)) = after.iter().enumerate().find_map(|(at, cell)| Some((at, said(cell)?)))
        else {
            continue;
        };
        // A note beside the answer, or the number of one that stands elsewhere.
        let beside = after.get(at + 1).copied().unwrap_or_default();
        let note = notes.get(&note_number(beside)).map(String::as_str).unwrap_or(beside);
        let note = Some(Label::new(note)).filter(|note| !note.is_empty() && !is_reference(note.as_str()));
        answers.insert(Label::new(&id), DisclosedAnswer { said: given, note });
    }
    if answers.len() < ANSWERS_MIN {
        return Err(FeedError::Missing {
            kind: KIND,
            field: "answers (Yes, No, N/A or See Note beside CSUP-1 and the like)",
        });
    }
    let vendor = about.vendor.ok_or(FeedError::Missing { kind: KIND, field: "the maker's name (DOC-1)" })?;
    let product =
        about.product.ok_or(FeedError::Missing { kind: KIND, field: "the device's model (DOC-3)" })?;
    let has = |sections: &[&str]| {
        answers
            .keys()
            .any(|id| id.as_str().split_once('-').is_some_and(|(front, _)| sections.contains(&front)))
    };
    let edition = edition.unwrap_or(if has(ONLY_2013) || !has(ONLY_2019) { 2013 } else { 2019 });
    Ok(Disclosure { vendor, product, edition, released: about.released, answers })
}

/// The heads that DOC-1 to DOC-7 of 2019 ask for: maker, description, model, ..., day of release.
fn document(id: &str, after: &[&str], about: &mut About) {
    // The question stands first; what is left is the answer.
    let answer = after.get(1).map(|text| Label::new(text)).filter(|text| !text.is_empty());
    match id {
        "DOC-1" => about.vendor = about.vendor.take().or(answer),
        "DOC-3" => about.product = about.product.take().or(answer),
        "DOC-7" => about.released = about.released.take().or(answer),
        _ => {}
    }
}

/// The heads of 2013, where a title stands before or above its value: `Manufacturer`, `Device Model`, `Document Release Date`.
fn describe(cells: &[&str], about: &mut About) {
    for pair in cells.windows(2) {
        let [title, value] = pair else { continue };
        let plain: String = title
            .chars()
            .filter(char::is_ascii_alphabetic)
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
        let slot = match plain.as_str() {
            "manufacturer" | "manufacturername" | "devicemanufacturer" => &mut about.vendor,
            "devicemodel" | "model" | "modelname" => &mut about.product,
            "documentreleasedate" | "releasedate" => &mut about.released,
            _ => continue,
        };
        if slot.is_none() && !value.is_empty() {
            *slot = Some(Label::new(value));
        }
    }
}

/// Notes that stand by themselves: `Note 3` with its words beside it.
fn notes(rows: &[Vec<String>]) -> BTreeMap<Option<u32>, String> {
    let mut notes = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.iter().map(|cell| cell.trim()).filter(|cell| !cell.is_empty()).collect();
        let [first, rest @ ..] = cells.as_slice() else { continue };
        let lower = first.to_ascii_lowercase();
        let Some(after) = lower.strip_prefix("note") else { continue };
        let digits: String = after.trim_start().chars().take_while(char::is_ascii_digit).collect();
        let Ok(number) = digits.parse::<u32>() else { continue };
        let words = match rest.first() {
            Some(words) => (*words).to_owned(),
            None => {
                let start = first.find(&digits).map_or(0, |place| place + digits.len());
                first.get(start..).unwrap_or_default().trim_start_matches([':', '.', '-', ' ']).to_owned()
            }
        };
        if !words.is_empty() {
            notes.entry(Some(number)).or_insert(words);
        }
    }
    notes
}

/// The number of a note, where a cell is nothing else.
fn note_number(cell: &str) -> Option<u32> {
    let lower = cell.trim().to_ascii_lowercase();
    lower
        .strip_prefix("note")
        .unwrap_or(&lower)
        .trim()
        .trim_end_matches('.')
        .parse()
        .ok()
        .filter(|number| *number > 0)
}

/// The references to other standards that the form prints beside its questions.
fn is_reference(text: &str) -> bool {
    text.starts_with("IEC ")
        || text.starts_with("NIST ")
        || text.starts_with("ISO ")
        || text.starts_with("Section 5.")
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    const TABLE_2019: &str = "ANSI/NEMA HN 1-2019,,,\n\
        DOC-1,-,Example Medical,\nDOC-2,-,Infusion pump,\nDOC-3,-,Pump 700,\nDOC-7,-,2024-02-03,\n\
        MPII-1,-,Yes,\nCSUP-1,-,Yes,\nCSUP-2,-,Yes,Windows 10 IoT Enterprise LTSC 2019\nCSUP-2.2,-,Yes,1\n\
        CSUP-11.2,-,No,\nMLDP-2,-,N/A,\nSBOM-1,-,See Note,Note 2\nRMOT-1,-,yes,\nSTCF-1,-,No,IEC TR 80001-2-2\n\
        Note 1,Only by our own engineers\nNote 2: on request\n";

    #[test]
    fn a_table_of_2019_is_read_with_its_notes() {
        let form = read_table(TABLE_2019).unwrap().unwrap();
        assert_eq!(
            (form.vendor.as_str(), form.product.as_str(), form.edition),
            ("Example Medical", "Pump 700", 2019)
        );
        assert_eq!(form.released, Some(Label::new("2024-02-03")));
        let at = |id: &str| form.answers.get(&Label::new(id)).unwrap();
        assert_eq!(at("CSUP-2").note.as_ref().unwrap().as_str(), "Windows 10 IoT Enterprise LTSC 2019");
        assert_eq!(at("CSUP-2.2").note.as_ref().unwrap().as_str(), "Only by our own engineers");
        assert_eq!(at("SBOM-1").said, Disclosed::SeeNote);
        assert_eq!(at("SBOM-1").note.as_ref().unwrap().as_str(), "on request");
        assert_eq!((at("MLDP-2").said, at("STCF-1").note.clone()), (Disclosed::NotApplicable, None));
    }

    #[test]
    fn a_table_of_2013_counts_its_questions_below_headings() {
        let table = "Manufacturer Disclosure Statement HN 1-2013;;;\nDevice Model;Monitor 9;Manufacturer;Example Medical\n\
            2-1;2-2;;\nCYBER SECURITY PRODUCT UPGRADES (CSUP);;;\n5-1;-;No;3\n5-1.1;-;No;\n\
            MALWARE DETECTION/PROTECTION (MLDP);;;\n10-1;-;Yes;\n10-2;-;No;\n\
            THIRD-PARTY COMPONENTS IN PRODUCT LIFECYCLE ROADMAPS (RDMP);;;\n14-1;-;Yes;Windows 7\n14-2;-;No;\n\
            DATA STORAGE CONFIDENTIALITY (STCF);;;\n17-1;-;No;\nNote 3;The maker installs\n";
        let form = read_table(table).unwrap().unwrap();
        assert_eq!(
            (form.vendor.as_str(), form.product.as_str(), form.edition),
            ("Example Medical", "Monitor 9", 2013)
        );
        let at = |id: &str| form.answers.get(&Label::new(id)).cloned();
        assert_eq!(at("CSUP-1").unwrap().note.unwrap().as_str(), "The maker installs");
        assert_eq!(at("RDMP-1").unwrap().note.unwrap().as_str(), "Windows 7");
        assert_eq!(at("MLDP-2").unwrap().said, Disclosed::No);
        // What only looks like a number of a question is none.
        assert_eq!(at("AUDT-1"), None);
    }

    /// A workbook as spreadsheet programs write it: shared and inline strings, a hidden first sheet, gaps between cells.
    fn workbook() -> Vec<u8> {
        let shared: Vec<&str> = TABLE_2019.lines().flat_map(|line| line.split(',')).collect();
        let mut strings =
            String::from("<sst xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'>");
        let (mut sheet, mut number) = (String::from("<worksheet><sheetData>"), 0);
        for text in &shared {
            // Rich text comes in runs.
            let (one, two) = text.split_at(text.len() / 2);
            strings.push_str(&format!(
                "<si><r><t>{}</t></r><r><t xml:space='preserve'>{}</t></r></si>",
                one.replace('&', "&amp;"),
                two.replace('&', "&amp;")
            ));
        }
        for (row, line) in TABLE_2019.lines().enumerate() {
            sheet.push_str(&format!("<row r='{}'>", row + 1));
            for (column, cell) in line.split(',').enumerate() {
                let name = char::from(b'A' + u8::try_from(column).unwrap());
                if cell == "1" {
                    sheet.push_str(&format!("<c r='{name}{}'><v>1</v></c>", row + 1));
                } else if cell == "Yes" {
                    sheet
                        .push_str(&format!("<c r='{name}{}' t='inlineStr'><is><t>Yes</t></is></c>", row + 1));
                } else if !cell.is_empty() {
                    sheet.push_str(&format!("<c r='{name}{}' t='s'><v>{number}</v></c>", row + 1));
                }
                number += 1;
            }
            sheet.push_str("</row>");
        }
        strings.push_str("</sst>");
        sheet.push_str("</sheetData></worksheet>");
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in [
            ("[Content_Types].xml", "<Types/>"),
            ("xl/workbook.xml", "<workbook/>"),
            ("xl/sharedStrings.xml", strings.as_str()),
            (
                "xl/worksheets/sheet1.xml",
                "<worksheet><sheetData><row><c t='str'><v>Guide</v></c></row></sheetData></worksheet>",
            ),
            ("xl/worksheets/sheet2.xml", sheet.as_str()),
        ] {
            writer.start_file(name, SimpleFileOptions::default()).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn a_workbook_says_what_its_table_says() {
        let bytes = workbook();
        assert!(is_workbook(&bytes));
        let form = read_workbook(&bytes).unwrap();
        assert_eq!(form, read_table(TABLE_2019).unwrap().unwrap());
        let knowledge = super::super::read(&bytes).unwrap();
        assert_eq!(knowledge.disclosures, [form]);
    }

    #[test]
    fn what_is_no_form_is_refused_with_what_it_lacks() {
        assert!(read_table("a,b\nc,d\n").is_none());
        let nameless = TABLE_2019.replace("DOC-1,-,Example Medical,\n", "");
        let error = read_table(&nameless).unwrap().unwrap_err().to_string();
        assert!(error.contains("DOC-1"), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn a_damaged_workbook_is_refused_or_read(place in 0_usize..4_000, value: u8) {
            let mut bytes = workbook();
            let length = bytes.len();
            bytes[place % length] = value;
            let _ = super::super::read(&bytes);
        }
    }
}
