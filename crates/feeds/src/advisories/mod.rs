//! Advisories, VEX documents, CVE records, known exploited vulnerabilities and predictions of exploitation.
//!
//! CSAF 2.0 and 2.1 (OASIS), OpenVEX 0.2, CVE records 5.x with CISA's container, NVD API 2.0, CISA KEV, EPSS, bills of
//! materials, disclosure statements (MDS2), recalls and kinds of devices (openFDA), ends of support, and zip archives of
//! these. What a file is, its content says.

pub mod archive;
mod bill;
mod csaf;
mod cve;
mod cyclonedx_vex;
mod disclosure;
mod epss;
pub mod facts;
mod kev;
mod nvd;
mod openvex;
mod recalls;
pub mod score;
mod spdx_3;
mod support;

use std::io::Cursor;

use serde_json::Value;
use thiserror::Error;
use wardline_model::{
    Advisory, BillOfMaterials, DeviceClass, Disclosure, ExploitPrediction, ExploitedVulnerability, Label,
    Recall, StakeholderFacts, SupportPeriod, Timestamp,
};

/// Longest file, bytes.
pub const FILE_BYTES_MAX: usize = 512 * 1024 * 1024;

/// Broken documents of an archive that are named.
pub const UNREADABLE_MAX: usize = 100;

/// What files said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Knowledge {
    /// Advisories, VEX documents and CVE records.
    pub advisories: Vec<Advisory>,
    /// Known exploited vulnerabilities.
    pub exploited: Vec<ExploitedVulnerability>,
    /// Predictions.
    pub predictions: Vec<ExploitPrediction>,
    /// Stakeholder facts of CISA.
    pub stakeholder: Vec<StakeholderFacts>,
    /// What products are made of.
    pub bills: Vec<BillOfMaterials>,
    /// What makers disclose about devices.
    pub disclosures: Vec<Disclosure>,
    /// Recalls of devices.
    pub recalls: Vec<Recall>,
    /// Kinds of devices.
    pub classes: Vec<DeviceClass>,
    /// How long products are supported.
    pub support: Vec<SupportPeriod>,
    /// Documents of an archive that could not be read, each with its name and the reason; the first
    /// [`UNREADABLE_MAX`] of them.
    pub unreadable: Vec<String>,
}

impl Knowledge {
    /// Adds what another file said.
    pub fn merge(&mut self, other: Self) {
        self.advisories.extend(other.advisories);
        self.exploited.extend(other.exploited);
        self.predictions.extend(other.predictions);
        self.stakeholder.extend(other.stakeholder);
        self.bills.extend(other.bills);
        self.disclosures.extend(other.disclosures);
        self.recalls.extend(other.recalls);
        self.classes.extend(other.classes);
        self.support.extend(other.support);
        self.unreadable.extend(other.unreadable);
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.advisories.is_empty()
            && self.exploited.is_empty()
            && self.predictions.is_empty()
            && self.stakeholder.is_empty()
            && self.bills.is_empty()
            && self.disclosures.is_empty()
            && self.recalls.is_empty()
            && self.classes.is_empty()
            && self.support.is_empty()
    }
}

/// Why a file gives nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FeedError {
    /// Longer than [`FILE_BYTES_MAX`].
    #[error("is {0} bytes long; at most {FILE_BYTES_MAX} are read")]
    TooLong(usize),
    /// Begins like JSON and is none.
    #[error("line {line}, column {column}: is no JSON: {reason}; fetch it again")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the reader says.
        reason: String,
    },
    /// A document lacks what makes it one.
    #[error("is {kind} without `{field}`")]
    Missing {
        /// What it is.
        kind: &'static str,
        /// What it lacks.
        field: &'static str,
    },
    /// A line of a table that cannot be read.
    #[error("line {line}: is no {kind}: {reason}")]
    Line {
        /// What it should be.
        kind: &'static str,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// An archive that cannot be unpacked, or a part of one.
    #[error("is a damaged archive: {0}; fetch it again")]
    Archive(String),
    /// An archive that unpacks to more than anybody needs.
    #[error("unpacks to more than {bytes_max} bytes")]
    Bomb {
        /// How many bytes are read at most.
        bytes_max: u64,
    },
    /// An archive of too many documents.
    #[error("holds more than {0} documents")]
    TooMany(usize),
    /// Something else.
    #[error(
        "is neither CSAF, OpenVEX, a CVE record, NVD, a bill of materials (CycloneDX, SPDX), CISA KEV, openFDA, endoflife.date (.json), EPSS, a table of support ends (.csv), MDS2 (.xlsx, .csv), nor a .zip of these"
    )]
    Unknown,
}

/// Reads a file.
pub fn read(bytes: &[u8]) -> Result<Knowledge, FeedError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(FeedError::TooLong(bytes.len()));
    }
    if !bytes.starts_with(b"PK") {
        return read_plain(bytes);
    }
    if disclosure::is_workbook(bytes) {
        let disclosure = disclosure::read_workbook(bytes)?;
        return Ok(Knowledge { disclosures: vec![disclosure], ..Knowledge::default() });
    }
    packed(bytes)
}

fn packed(bytes: &[u8]) -> Result<Knowledge, FeedError> {
    let mut all = Knowledge::default();
    archive::documents(Cursor::new(bytes), |name, said| match said {
        Ok(knowledge) => all.merge(knowledge),
        Err(error) if all.unreadable.len() < UNREADABLE_MAX => {
            all.unreadable.push(format!("{name}: {error}"))
        }
        Err(_) => {}
    })?;
    if all.is_empty() { Err(FeedError::Unknown) } else { Ok(all) }
}

/// Reads a document that is no archive.
fn read_plain(bytes: &[u8]) -> Result<Knowledge, FeedError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if facts::begins(bytes) {
        return facts::read(bytes);
    }
    if recalls::begins(bytes) {
        return recalls::read(bytes);
    }
    let begin = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    match begin {
        Some(b'{' | b'[') => {
            let json: Value = serde_json::from_slice(bytes).map_err(|error| FeedError::Json {
                line: error.line(),
                column: error.column(),
                reason: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
            })?;
            document(&json)
        }
        Some(_) => table(&String::from_utf8_lossy(bytes)),
        None => Err(FeedError::Unknown),
    }
}

/// Reads a document of lines.
fn table(text: &str) -> Result<Knowledge, FeedError> {
    match epss::read(text) {
        Err(FeedError::Unknown) => {}
        read => return read.map(|predictions| Knowledge { predictions, ..Knowledge::default() }),
    }
    if let Some(read) = support::read_table(text) {
        return read.map(|support| Knowledge { support, ..Knowledge::default() });
    }
    match disclosure::read_table(text) {
        Some(read) => {
            read.map(|disclosure| Knowledge { disclosures: vec![disclosure], ..Knowledge::default() })
        }
        None => Err(FeedError::Unknown),
    }
}

fn document(json: &Value) -> Result<Knowledge, FeedError> {
    if let Some(several) = json.as_array() {
        let mut all = Knowledge::default();
        for one in several {
            all.merge(document(one)?);
        }
        return if all.is_empty() { Err(FeedError::Unknown) } else { Ok(all) };
    }
    if json.pointer("/document/csaf_version").is_some() || json.pointer("/document/category").is_some() {
        return csaf::read(json)
            .map(|advisory| Knowledge { advisories: vec![advisory], ..Knowledge::default() });
    }
    if json.get("dataType").and_then(Value::as_str) == Some("CVE_RECORD") || json.get("cveMetadata").is_some()
    {
        return cve::read(json);
    }
    if text(json, "@context").is_some_and(|context| context.contains("openvex")) {
        return openvex::read(json)
            .map(|advisory| Knowledge { advisories: vec![advisory], ..Knowledge::default() });
    }
    if let Some(bill) = bill::read(json) {
        // A document of CycloneDX may hold a bill, statements, or both.
        let statements = match text(json, "bomFormat") {
            Some(_) => cyclonedx_vex::read(json).transpose()?,
            None => None,
        };
        let bills = match bill {
            Ok(bill) => vec![bill],
            Err(_) if statements.is_some() => Vec::new(),
            Err(error) => return Err(error),
        };
        return Ok(Knowledge { advisories: statements.into_iter().collect(), bills, ..Knowledge::default() });
    }
    if nvd::is_response(json) {
        let knowledge = nvd::read(json);
        return if knowledge.is_empty() { Err(FeedError::Unknown) } else { Ok(knowledge) };
    }
    if support::is_answer(json) {
        return support::read(json).map(|support| Knowledge { support, ..Knowledge::default() });
    }
    if spdx_3::is_bill(json) {
        return spdx_3::read(json).map(|bill| Knowledge { bills: vec![bill], ..Knowledge::default() });
    }
    if json.get("catalogVersion").is_some() {
        return kev::read(json).map(|exploited| Knowledge { exploited, ..Knowledge::default() });
    }
    Err(FeedError::Unknown)
}

pub(crate) fn text<'a>(json: &'a Value, field: &str) -> Option<&'a str> {
    json.get(field).and_then(Value::as_str)
}

pub(crate) fn items<'a>(json: &'a Value, field: &str) -> &'a [Value] {
    json.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn label(text: Option<&str>) -> Label {
    Label::new(text.unwrap_or_default())
}

fn timestamp(text: &str) -> Option<Timestamp> {
    let parsed: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(parsed.as_nanosecond()).ok().map(Timestamp::from_nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardline_model::{Exploitation, ProductStatus, RemedyKind};

    const CSAF: &str = r#"{"document": {"category": "csaf_security_advisory", "csaf_version": "2.0", "title": "Example Pump",
      "publisher": {"name": "Example Agency"},
      "tracking": {"id": "ex-1", "version": "2", "current_release_date": "2025-01-02T00:00:00Z"}},
     "product_tree": {"branches": [{"category": "vendor", "name": "Example Medical", "branches": [
       {"category": "product_name", "name": "Pump 7", "branches": [
         {"category": "product_version_range", "name": "< 2.3", "product": {"name": "Pump 7: < 2.3", "product_id": "P1"}}]}]}]},
     "vulnerabilities": [{"cve": "CVE-2025-0001", "product_status": {"known_affected": ["P1"]},
       "scores": [{"cvss_v3": {"version": "3.1", "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "baseScore": 9.8}, "products": ["P1"]}],
       "remediations": [{"category": "vendor_fix", "details": "Update to 2.3.", "product_ids": ["P1"]}]}]}"#;

    #[test]
    fn an_advisory_is_read_to_its_products() {
        let read = read(CSAF.as_bytes()).unwrap();
        let advisory = &read.advisories[0];
        assert_eq!((advisory.id.as_str(), advisory.revision.as_str()), ("ex-1", "2"));
        let [vulnerability] = &advisory.vulnerabilities[..] else { panic!("one") };
        let [product] = &vulnerability.products[..] else { panic!("one") };
        assert_eq!((product.vendor.as_str(), product.product.as_str()), ("Example Medical", "Pump 7"));
        assert_eq!((product.versions.as_str(), product.status), ("< 2.3", ProductStatus::Affected));
        assert_eq!(vulnerability.cvss.as_ref().unwrap().score, 9.8);
        assert_eq!(vulnerability.remedies[0].kind, RemedyKind::Update);
    }

    #[test]
    fn exploitation_is_read_from_its_catalogues() {
        let kev = br#"{"catalogVersion": "2026.01.01", "vulnerabilities": [
            {"cveID": "CVE-2025-0001", "dateAdded": "2026-01-01", "knownRansomwareCampaignUse": "Known"}]}"#;
        let read_kev = read(kev).unwrap();
        assert!(read_kev.exploited[0].ransomware);
        let epss = b"#model_version:v2026.06.15,score_date:2026-06-20T00:00:00+0000\ncve,epss,percentile\nCVE-2025-0001,0.25,0.97\n";
        let read_epss = read(epss).unwrap();
        assert_eq!(read_epss.predictions[0].model.as_str(), "v2026.06.15");
        assert_eq!(read_epss.predictions[0].date.as_str(), "2026-06-20");
        let broken = read(b"#model_version:v1,score_date:2026-01-01\ncve,epss,percentile\nCVE-1,much,0.9\n");
        assert!(broken.unwrap_err().to_string().starts_with("line 3:"));
    }

    #[test]
    fn a_record_tells_versions_and_what_cisa_says() {
        let record = br#"{"dataType": "CVE_RECORD", "cveMetadata": {"cveId": "CVE-2025-0002", "state": "PUBLISHED"},
          "containers": {"cna": {"affected": [{"vendor": "Example", "product": "Viewer", "versions": [
             {"version": "1.0", "lessThan": "1.4", "status": "affected", "versionType": "semver"}]}],
             "metrics": [{"cvssV3_1": {"version": "3.1", "vectorString": "CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", "baseScore": 7.8}}]},
           "adp": [{"metrics": [{"other": {"type": "ssvc", "content": {"options": [
             {"Exploitation": "PoC"}, {"Automatable": "no"}, {"Technical Impact": "Total"}]}}}]}]}}"#;
        let read = read(record).unwrap();
        let product = &read.advisories[0].vulnerabilities[0].products[0];
        assert_eq!(product.versions, ">= 1.0 | < 1.4");
        assert_eq!(read.stakeholder[0].exploitation, Exploitation::ProofOfConcept);
        assert_eq!(read.stakeholder[0].automatable, Some(false));
        assert_eq!(read.stakeholder[0].total_impact, Some(true));
    }

    #[test]
    fn a_statement_of_exploitability_is_read() {
        let vex = br#"{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "v-1", "author": "Example Medical", "version": 1,
          "statements": [{"vulnerability": {"name": "CVE-2025-0003"}, "status": "not_affected",
            "justification": "component_not_present", "products": [{"@id": "pkg:generic/example-medical/pump-7@2.1"}]}]}"#;
        let read = read(vex).unwrap();
        let product = &read.advisories[0].vulnerabilities[0].products[0];
        assert_eq!(product.status, ProductStatus::NotAffected);
        assert_eq!((product.product.as_str(), product.versions.as_str()), ("pump-7", "2.1"));
    }

    #[test]
    fn broken_files_say_where() {
        let error = read(b"{\"document\": \n {\"csaf_version\": }}").unwrap_err().to_string();
        assert!(error.starts_with("line 2"), "{error}");
        assert_eq!(read(b"{}"), Err(FeedError::Unknown));
        assert!(matches!(read(b"PK\x03\x04"), Err(FeedError::Archive(_))));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }

        #[test]
        fn a_cut_advisory_is_refused_and_harms_nobody(cut in 0_usize..1_000) {
            let cut = cut.min(CSAF.len() - 1);
            proptest::prop_assert!(read(&CSAF.as_bytes()[..cut]).is_err());
        }
    }
}
