//! The cells of a workbook (ECMA-376, Office Open XML, part 1, section 18.3): text and numbers of all sheets, row by row.
//! Formulas, styles and whatever else a workbook holds are passed over.

use std::io::{Cursor, Read as _};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use super::super::FeedError;
use super::{CELLS_MAX, ROWS_MAX};

/// Longest part of a workbook, bytes, unpacked.
const PART_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Sheets that are read.
const SHEETS_MAX: usize = 32;
/// Shared texts, at most.
const TEXTS_MAX: usize = 100_000;
/// Longest text of a cell, bytes.
const CELL_BYTES_MAX: usize = 4_000;

/// Whether an archive is a workbook.
pub(in super::super) fn is_workbook(bytes: &[u8]) -> bool {
    ZipArchive::new(Cursor::new(bytes))
        .is_ok_and(|archive| archive.index_for_name("xl/workbook.xml").is_some())
}

/// All rows of all sheets.
pub(super) fn rows(bytes: &[u8]) -> Result<Vec<Vec<String>>, FeedError> {
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| FeedError::Archive(error.to_string()))?;
    let texts = match part(&mut archive, "xl/sharedStrings.xml")? {
        Some(xml) => texts(&xml)?,
        None => Vec::new(),
    };
    let mut all = Vec::new();
    for number in 1..=SHEETS_MAX {
        let Some(xml) = part(&mut archive, &format!("xl/worksheets/sheet{number}.xml"))? else { continue };
        sheet(&xml, &texts, &mut all)?;
    }
    Ok(all)
}

fn part(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Option<String>, FeedError> {
    let Some(place) = archive.index_for_name(name) else { return Ok(None) };
    let file = archive.by_index(place).map_err(|error| FeedError::Archive(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(PART_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| FeedError::Archive(error.to_string()))?;
    if bytes.len() as u64 > PART_BYTES_MAX {
        return Err(FeedError::Bomb { bytes_max: PART_BYTES_MAX });
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn broken(error: &quick_xml::Error) -> FeedError {
    FeedError::Archive(format!("a sheet is no XML: {error}"))
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    Some(tag.try_get_attribute(name).ok()??.value.into_owned())
}

fn add(text: &mut String, more: &str) {
    let room = CELL_BYTES_MAX.saturating_sub(text.len());
    text.push_str(more.get(..more.floor_char_boundary(room)).unwrap_or_default());
}

/// What `&name;` stands for.
fn resolve(name: &str) -> String {
    let number = name.strip_prefix('#').and_then(|digits| match digits.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok(),
        None => digits.parse().ok(),
    });
    match (name, number.and_then(char::from_u32)) {
        ("amp", _) => "&".to_owned(),
        ("lt", _) => "<".to_owned(),
        ("gt", _) => ">".to_owned(),
        ("quot", _) => "\"".to_owned(),
        ("apos", _) => "'".to_owned(),
        (_, Some(letter)) => letter.to_string(),
        _ => String::new(),
    }
}

/// The texts that cells share (section 18.4.9): of each all its runs, without how they are pronounced.
fn texts(xml: &str) -> Result<Vec<String>, FeedError> {
    let mut reader = Reader::from_str(xml);
    let (mut texts, mut text, mut in_text, mut in_phonetic) = (Vec::new(), String::new(), false, false);
    loop {
        match reader.read_event().map_err(|error| broken(&error))? {
            Event::Start(tag) => match tag.local_name().as_ref() {
                "si" => text.clear(),
                "rPh" => in_phonetic = true,
                "t" => in_text = !in_phonetic,
                _ => {}
            },
            Event::Text(more) if in_text => add(&mut text, more.as_ref()),
            Event::GeneralRef(name) if in_text => add(&mut text, &resolve(name.as_ref())),
            Event::End(tag) => match tag.local_name().as_ref() {
                "t" => in_text = false,
                "rPh" => in_phonetic = false,
                "si" => {
                    if texts.len() >= TEXTS_MAX {
                        return Err(FeedError::TooMany(TEXTS_MAX));
                    }
                    texts.push(std::mem::take(&mut text));
                }
                _ => {}
            },
            Event::Eof => return Ok(texts),
            _ => {}
        }
    }
}

/// The rows of a sheet: a cell is a text of its own, or the number of a shared one.
fn sheet(xml: &str, texts: &[String], rows: &mut Vec<Vec<String>>) -> Result<(), FeedError> {
    let mut reader = Reader::from_str(xml);
    let (mut row, mut text) = (Vec::new(), String::new());
    let (mut in_value, mut shared) = (false, false);
    loop {
        match reader.read_event().map_err(|error| broken(&error))? {
            Event::Start(tag) => match tag.local_name().as_ref() {
                "row" => row = Vec::new(),
                "c" => {
                    text.clear();
                    shared = attribute(&tag, "t").as_deref() == Some("s");
                }
                "v" | "t" => in_value = true,
                _ => {}
            },
            Event::Text(more) if in_value => add(&mut text, more.as_ref()),
            Event::GeneralRef(name) if in_value => add(&mut text, &resolve(name.as_ref())),
            Event::End(tag) => match tag.local_name().as_ref() {
                "v" | "t" => in_value = false,
                "c" if row.len() < CELLS_MAX => {
                    let cell = std::mem::take(&mut text);
                    row.push(if shared {
                        cell.trim()
                            .parse()
                            .ok()
                            .and_then(|place: usize| texts.get(place))
                            .cloned()
                            .unwrap_or_default()
                    } else {
                        cell
                    });
                }
                "row" => {
                    if rows.len() >= ROWS_MAX {
                        return Ok(());
                    }
                    rows.push(std::mem::take(&mut row));
                }
                _ => {}
            },
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}
