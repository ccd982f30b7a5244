//! Recalls and kinds of medical devices, as openFDA gives them: `device/enforcement`, `device/recall` and
//! `device/classification` (answers of the interface, and the files of its downloads; CC0).
//!
//! All recalls together are hundreds of megabytes of words. They are read without a tree of the document, and of each only
//! what is compared or shown is kept.

use serde::Deserialize;
use wardline_model::{DeviceClass, Label, Recall};

use super::{FeedError, Knowledge};

/// Longest description and list of lots that is kept, bytes: names stand in front.
const WORDS_BYTES_MAX: usize = 400;

/// How far into a document its publisher names himself.
const HEAD_BYTES: usize = 4_096;

#[derive(Deserialize)]
struct Answer {
    results: Vec<Entry>,
}

/// Fields of the three kinds of entries; which it is, those that are there tell.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    // device/enforcement
    recall_number: Option<String>,
    classification: Option<String>,
    recall_initiation_date: Option<String>,
    termination_date: Option<String>,
    product_type: Option<String>,
    // device/recall
    product_res_number: Option<String>,
    event_date_initiated: Option<String>,
    event_date_terminated: Option<String>,
    recall_status: Option<String>,
    // both
    recalling_firm: Option<String>,
    product_description: Option<String>,
    code_info: Option<String>,
    reason_for_recall: Option<String>,
    // device/recall and device/classification
    product_code: Option<String>,
    // device/classification
    device_name: Option<String>,
    device_class: Option<String>,
    life_sustain_support_flag: Option<String>,
    // Answers of the interface repeat the class here.
    openfda: Option<Harmonized>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Harmonized {
    device_name: Option<String>,
    device_class: Option<String>,
}

/// Whether a document comes from openFDA: each says so in front.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(HEAD_BYTES)).unwrap_or_default();
    head.starts_with(b"{") && head.windows(12).any(|window| window == b"open.fda.gov")
}

pub(super) fn read(bytes: &[u8]) -> Result<Knowledge, FeedError> {
    let answer: Answer = serde_json::from_slice(bytes).map_err(|error| FeedError::Json {
        line: error.line(),
        column: error.column(),
        reason: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
    })?;
    let mut knowledge = Knowledge::default();
    for entry in answer.results {
        knowledge.classes.extend(entry.class());
        knowledge.recalls.extend(entry.recall());
    }
    if knowledge.is_empty() {
        return Err(FeedError::Missing {
            kind: "an answer of openFDA",
            field: "device recalls or classifications",
        });
    }
    Ok(knowledge)
}

impl Entry {
    fn recall(self) -> Option<Recall> {
        if self.product_type.as_deref().is_some_and(|kind| kind != "Devices") {
            return None;
        }
        let number = self.recall_number.or(self.product_res_number).filter(|number| !number.is_empty())?;
        let ended = self.termination_date.or(self.event_date_terminated).as_deref().and_then(day);
        let terminated = self.recall_status.as_deref() == Some("Terminated");
        let begun = self.recall_initiation_date.or(self.event_date_initiated).as_deref().and_then(day);
        Some(Recall {
            number: Label::new(&number),
            class: self.classification.as_deref().and_then(roman),
            firm: Label::new(&self.recalling_firm?),
            product: cut(self.product_description.unwrap_or_default()),
            codes: cut(self.code_info.unwrap_or_default()),
            reason: Label::new(&self.reason_for_recall.unwrap_or_default()),
            product_code: self.product_code.as_deref().map(Label::new),
            // That it has ended counts, whatever became of the day.
            ended: ended.or_else(|| terminated.then(|| Label::new("an unknown day"))),
            begun: begun.unwrap_or_default(),
        })
    }

    fn class(&self) -> Option<DeviceClass> {
        let code = self.product_code.as_deref().filter(|code| code.len() == 3)?;
        let of_answer = self.openfda.as_ref();
        let name = self.device_name.as_deref().or_else(|| of_answer?.device_name.as_deref());
        let class = self.device_class.as_deref().or_else(|| of_answer?.device_class.as_deref());
        Some(DeviceClass {
            code: Label::new(code),
            name: Label::new(name.filter(|name| !name.is_empty())?),
            class: class.and_then(|class| class.parse().ok()).filter(|class| (1..=3).contains(class)),
            life_sustaining: self.life_sustain_support_flag.as_deref() == Some("Y"),
        })
    }
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(WORDS_BYTES_MAX));
    text
}

fn roman(class: &str) -> Option<u8> {
    match class.trim_start_matches("Class ").trim() {
        "I" => Some(1),
        "II" => Some(2),
        "III" => Some(3),
        _ => None,
    }
}

/// A day as `20240131`, `2024-01-31` or with a time behind it.
fn day(text: &str) -> Option<Label> {
    let digits: String = text.chars().filter(char::is_ascii_digit).take(8).collect();
    let (year, month, of_month) = (digits.get(..4)?, digits.get(4..6)?, digits.get(6..8)?);
    Some(Label::new(&format!("{year}-{month}-{of_month}")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn recalls_of_both_kinds_are_read() {
        let enforcement = br#"{"meta": {"license": "https://open.fda.gov/license/", "results": {"total": 2}}, "results": [
          {"recall_number": "Z-0001-2024", "classification": "Class I", "status": "Ongoing", "product_type": "Devices",
           "recalling_firm": "Example Medical, Inc.", "product_description": "Pump 700 infusion pump", "code_info": "Software 2.1 and 2.2",
           "reason_for_recall": "May stop.", "recall_initiation_date": "20240131"},
          {"recall_number": "F-0001-2024", "product_type": "Food", "recalling_firm": "Example Foods"}]}"#;
        let knowledge = super::super::read(enforcement).unwrap();
        let [recall] = &knowledge.recalls[..] else { panic!("food is no device") };
        assert_eq!(
            (recall.class, recall.begun.as_str(), recall.ended.clone()),
            (Some(1), "2024-01-31", None)
        );
        let recall = br#"{"meta": {"terms": "https://open.fda.gov/terms/"}, "results": [
          {"product_res_number": "Z-0002-2023", "event_date_initiated": "2023-02-03", "recall_status": "Terminated",
           "event_date_terminated": "2023-09-01", "recalling_firm": "Example Medical", "product_code": "FRN",
           "product_description": "Pump 600", "openfda": {"device_name": "Pump, Infusion", "device_class": "2"}}]}"#;
        let knowledge = super::super::read(recall).unwrap();
        assert_eq!(knowledge.recalls[0].ended.as_ref().unwrap().as_str(), "2023-09-01");
        assert_eq!((knowledge.classes[0].code.as_str(), knowledge.classes[0].class), ("FRN", Some(2)));
    }

    #[test]
    fn kinds_of_devices_are_read() {
        let answer = br#"{"meta": {"license": "https://open.fda.gov/license/"}, "results": [
          {"product_code": "CBK", "device_name": "Ventilator, Continuous, Facility Use", "device_class": "2", "life_sustain_support_flag": "Y"},
          {"product_code": "ABC", "device_name": "Unclassified thing", "device_class": "U", "life_sustain_support_flag": "N"}]}"#;
        let knowledge = super::super::read(answer).unwrap();
        assert!(knowledge.classes[0].life_sustaining && knowledge.recalls.is_empty());
        assert_eq!(knowledge.classes[1].class, None);
        let broken = super::super::read(
            br#"{"meta": {"license": "https://open.fda.gov/license/"}, "results": [{"x"}]}"#,
        );
        assert!(broken.unwrap_err().to_string().starts_with("line 1"));
        assert!(
            super::super::read(br#"{"meta": {"license": "https://open.fda.gov/license/"}, "results": []}"#)
                .is_err()
        );
    }
}
