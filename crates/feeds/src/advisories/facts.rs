//! Facts packed for quick reading: one fact a line, in JSON, after a first line that says so.
//!
//! Our own form. It holds identifiers, products, versions, scores and dates, and no text of others: 350,000 CVE records
//! become a hundredth of what they were.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use wardline_model::{
    Advisory, DeviceClass, ExploitPrediction, ExploitedVulnerability, Label, Recall, StakeholderFacts,
    SupportPeriod,
};

use super::{FeedError, Knowledge};

/// The first line.
const HEAD: &str = r#"{"wardline_facts":1}"#;

/// What stands in the place of a remedy's text.
pub const REMEDY: &str = "The record of this vulnerability tells of a remedy: read it there.";

const KIND: &str = "packed fact";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Fact {
    Advisory(Advisory),
    Exploited(ExploitedVulnerability),
    Prediction(ExploitPrediction),
    Stakeholder(StakeholderFacts),
    Recall(Recall),
    Class(DeviceClass),
    Support(SupportPeriod),
}

/// Writes the first line.
pub fn write_head(output: &mut impl Write) -> io::Result<()> {
    writeln!(output, "{HEAD}")
}

/// Writes what one document said, without its texts.
pub fn write(output: &mut impl Write, knowledge: Knowledge) -> io::Result<()> {
    let advisories = knowledge.advisories.into_iter().map(|advisory| Fact::Advisory(without_text(advisory)));
    let exploited = knowledge.exploited.into_iter().map(Fact::Exploited);
    let predictions = knowledge.predictions.into_iter().map(Fact::Prediction);
    let stakeholder = knowledge.stakeholder.into_iter().map(Fact::Stakeholder);
    let recalls = knowledge.recalls.into_iter().map(Fact::Recall);
    let classes = knowledge.classes.into_iter().map(Fact::Class);
    let support = knowledge.support.into_iter().map(Fact::Support);
    let said = advisories.chain(exploited).chain(predictions).chain(stakeholder);
    for fact in said.chain(recalls).chain(classes).chain(support) {
        serde_json::to_writer(&mut *output, &fact)?;
        writeln!(output)?;
    }
    Ok(())
}

/// Whose advisories anybody may pass on: works of the government of the United States (17 U.S.C. 105).
const FREE_PUBLISHERS: &[&str] = &["CISA"];

/// What anybody may pass on, by its source: advisories and catalogue of CISA, its stakeholder facts (CC0), recalls and kinds of
/// devices of FDA (CC0). Records of the CVE Program, predictions, statements of makers and their bills are left out, whatever
/// they would allow.
pub fn free_of_rights(said: Knowledge) -> Knowledge {
    let Knowledge { mut advisories, exploited, stakeholder, recalls, classes, .. } = said;
    advisories.retain(|advisory| FREE_PUBLISHERS.contains(&advisory.publisher.as_str()));
    advisories.sort_by(|one, other| (&one.id, one.released).cmp(&(&other.id, other.released)));
    let named: std::collections::BTreeSet<&Label> = advisories
        .iter()
        .flat_map(|advisory| &advisory.vulnerabilities)
        .map(|vulnerability| &vulnerability.cve)
        .collect();
    let stakeholder = stakeholder.into_iter().filter(|facts| named.contains(&facts.cve)).collect();
    Knowledge { advisories, exploited, stakeholder, recalls, classes, ..Knowledge::default() }
}

fn without_text(mut advisory: Advisory) -> Advisory {
    advisory.title = Label::default();
    for vulnerability in &mut advisory.vulnerabilities {
        vulnerability.title = None;
        for remedy in &mut vulnerability.remedies {
            remedy.text = REMEDY.to_owned();
        }
    }
    advisory
}

/// Whether a file begins as one of packed facts does.
pub(super) fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(br#"{"wardline_facts""#)
}

pub(super) fn read(bytes: &[u8]) -> Result<Knowledge, FeedError> {
    let mut all = Knowledge::default();
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if number == 0 {
            if line.trim_ascii() != HEAD.as_bytes() {
                let reason = "is of another version; fetch it again with `wardline feeds update`";
                return Err(FeedError::Line { kind: KIND, line: 1, reason });
            }
            continue;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let fact = serde_json::from_slice(line).map_err(|_| FeedError::Line {
            kind: KIND,
            line: number + 1,
            reason: "is damaged; fetch it again with `wardline feeds update`",
        })?;
        match fact {
            Fact::Advisory(fact) => all.advisories.push(fact),
            Fact::Exploited(fact) => all.exploited.push(fact),
            Fact::Prediction(fact) => all.predictions.push(fact),
            Fact::Stakeholder(fact) => all.stakeholder.push(fact),
            Fact::Recall(fact) => all.recalls.push(fact),
            Fact::Class(fact) => all.classes.push(fact),
            Fact::Support(fact) => all.support.push(fact),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_read_again_but_for_the_texts() {
        let record =
            br#"{"dataType": "CVE_RECORD", "cveMetadata": {"cveId": "CVE-2025-0002", "state": "PUBLISHED"},
          "containers": {"cna": {"title": "A title", "affected": [{"vendor": "Example", "product": "Viewer",
            "versions": [{"version": "1.0", "status": "affected"}]}],
            "solutions": [{"lang": "en", "value": "Some words."}]}}}"#;
        let knowledge = super::super::read(record).unwrap();
        let mut packed = Vec::new();
        write_head(&mut packed).unwrap();
        write(&mut packed, knowledge.clone()).unwrap();
        let again = super::super::read(&packed).unwrap();
        let (one, other) = (&knowledge.advisories[0], &again.advisories[0]);
        assert_eq!(one.vulnerabilities[0].products, other.vulnerabilities[0].products);
        assert!(!String::from_utf8(packed.clone()).unwrap().contains("Some words"));
        assert!(free_of_rights(knowledge).is_empty(), "records of the CVE Program are not ours to pass on");
        packed.truncate(packed.len() - 4);
        assert!(super::super::read(&packed).unwrap_err().to_string().starts_with("line 2"));
    }
}
