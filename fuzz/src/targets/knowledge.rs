//! Outside knowledge: advisories, bills of materials, indicators, directories of documents, archives.

use std::io::{Cursor, Write as _};

use wardline_feeds::sources::checksum::Checksum;
use wardline_feeds::sources::{directory, release, retry};
use wardline_feeds::{advisories, indicators};
use wardline_model::Timestamp;

use super::{Target, alone};
use crate::meters::{Cost, measure};
use crate::oracle::{Budget, check_doubled};

/// A document is taken into memory as JSON before it is read; two bytes of it (`0,`) become a value of 32 bytes, in lists
/// that grow by doubling.
const DOCUMENTS: Budget = Budget {
    steps_per_byte: 500,
    steps_per_piece: 0,
    steps_base: 100_000,
    peak_per_byte: 160,
    peak_base_bytes: 256 << 10,
    retained_per_byte: 64,
    retained_base_bytes: 64 << 10,
};
/// An archive may unpack a thousandfold, a document at a time.
const ARCHIVES: Budget = Budget { peak_base_bytes: 64 << 20, steps_base: 20_000_000, ..DOCUMENTS };

pub(super) fn targets() -> impl Iterator<Item = Target> {
    [
        alone("advisories", documents, advisory_seeds),
        alone("advisories-archive", archive, archive_seeds),
        alone("indicators", intelligence, indicator_seeds),
        alone("sources", sources, source_seeds),
    ]
    .into_iter()
}

/// What reading cost; what was read is still held then.
fn cost<T>(read: impl FnOnce() -> T) -> Cost {
    let (_, cost) = measure(read);
    cost
}

fn documents(input: &[u8]) {
    if input.starts_with(b"PK") {
        return;
    }
    let once = cost(|| advisories::read(input));
    DOCUMENTS.check("advisories", input.len(), 1, once);
    // A list of documents is a document, and so is the table of predictions with its lines twice.
    let twice = if input.starts_with(b"{") {
        cost(|| advisories::read(&[b"[", input, b",", input, b"]"].concat()))
    } else {
        cost(|| advisories::read(&[input, b"\n", input].concat()))
    };
    check_doubled("advisories", once, twice, DOCUMENTS.steps_base);
    // The facts that are kept of it are read again as the same facts.
    if let Ok(read) = advisories::read(input) {
        let facts = facts_of(read);
        match advisories::read(&facts) {
            Ok(again) => {
                assert_eq!(facts, facts_of(again), "what is written as facts is read as something else")
            }
            Err(error) => panic!("what is written as facts is not read: {error}"),
        }
    }
    if let Ok(text) = std::str::from_utf8(input) {
        let score = advisories::score::base_score(text);
        assert!(score.is_none_or(|score| (0.0..=10.0).contains(&score)), "{score:?}");
    }
}

fn facts_of(knowledge: advisories::Knowledge) -> Vec<u8> {
    let mut facts = Vec::new();
    // Writing to memory does not fail.
    let _ = advisories::facts::write_head(&mut facts);
    let _ = advisories::facts::write(&mut facts, knowledge);
    facts
}

fn archive(input: &[u8]) {
    ARCHIVES.check("archive", input.len(), 1, cost(|| advisories::read(input)));
    let mut inner = Vec::new();
    // What is inside need be no archive.
    let _ = advisories::archive::unwrap_inner(Cursor::new(input), &mut inner, 1 << 20);
    assert!(inner.len() <= (1 << 20) + 1);
}

fn intelligence(input: &[u8]) {
    let once = cost(|| indicators::read("input", input));
    DOCUMENTS.check("indicators", input.len(), 1, once);
    let twice = if input.starts_with(b"{") {
        // Two events, as MISP hands them out.
        cost(|| indicators::read("input", &[b"[", input, b",", input, b"]"].concat()))
    } else {
        cost(|| indicators::read("input", &[input, b"\n", input].concat()))
    };
    check_doubled("indicators", once, twice, DOCUMENTS.steps_base);
}

fn sources(input: &[u8]) {
    let base = "https://example.org/csaf/";
    let all = || {
        (
            directory::distributions(input),
            directory::changes(base, input),
            directory::index(base, input),
            directory::feed(input),
            release::archive(input),
            Checksum::Sha512.expected(input),
            Checksum::Sha256.expected(input),
            std::str::from_utf8(input).ok().and_then(|text| retry::wait_s(text, Timestamp::default())),
        )
    };
    let budget = Budget { steps_per_byte: 1_500, ..DOCUMENTS };
    budget.check("sources", input.len(), 1, cost(all));
    for listed in
        [directory::changes(base, input), directory::index(base, input)].into_iter().flatten().flatten()
    {
        assert!(
            listed.address.starts_with(base) && !listed.path.split('/').any(|part| part == ".."),
            "a document outside its directory: {}",
            listed.path
        );
    }
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn advisory_seeds() -> Vec<Vec<u8>> {
    texts(&[
        r#"{"document":{"category":"csaf_security_advisory","csaf_version":"2.0","title":"T","publisher":{"name":"P"},"tracking":{"id":"A-1","initial_release_date":"2026-01-01T00:00:00Z","current_release_date":"2026-01-02T00:00:00Z"}},"product_tree":{"branches":[{"category":"vendor","name":"V","branches":[{"category":"product_name","name":"N","branches":[{"category":"product_version_range","name":"vers:generic/<2.0","product":{"product_id":"P1","name":"V N <2.0"}}]}]}]},"vulnerabilities":[{"cve":"CVE-2026-0001","product_status":{"known_affected":["P1"]},"scores":[{"products":["P1"],"cvss_v3":{"vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}],"remediations":[{"category":"vendor_fix","product_ids":["P1"],"details":"d"}]}]}"#,
        r#"{"dataType":"CVE_RECORD","dataVersion":"5.1","cveMetadata":{"cveId":"CVE-2026-0001","state":"PUBLISHED"},"containers":{"cna":{"affected":[{"vendor":"V","product":"N","versions":[{"version":"1.0","lessThan":"2.0","status":"affected","versionType":"semver"}]}],"descriptions":[{"lang":"en","value":"d"}],"metrics":[{"cvssV3_1":{"vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"}}]},"adp":[{"metrics":[{"other":{"type":"ssvc","content":{"options":[{"Exploitation":"active"}]}}}]}]}}"#,
        r#"{"resultsPerPage":1,"format":"NVD_CVE","version":"2.0","vulnerabilities":[{"cve":{"id":"CVE-2026-0001","descriptions":[{"lang":"en","value":"d"}],"configurations":[{"nodes":[{"operator":"OR","cpeMatch":[{"vulnerable":true,"criteria":"cpe:2.3:o:v:n:*:*:*:*:*:*:*:*","versionEndExcluding":"2.0"}]}]}]}}]}"#,
        r#"{"@context":"https://openvex.dev/ns/v0.2.0","@id":"x","author":"a","timestamp":"2026-01-01T00:00:00Z","version":1,"statements":[{"vulnerability":{"name":"CVE-2026-0001"},"products":[{"@id":"pkg:generic/n@1.0"}],"status":"not_affected","justification":"component_not_present"}]}"#,
        r#"{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"component":{"name":"pump","version":"1","type":"device"}},"components":[{"type":"library","name":"openssl","version":"3.0.1","purl":"pkg:generic/openssl@3.0.1","components":[{"name":"zlib","version":"1.2"}]}]}"#,
        r#"{"spdxVersion":"SPDX-2.3","name":"pump","packages":[{"name":"openssl","versionInfo":"3.0.1","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:generic/openssl@3.0.1"}]}]}"#,
        r#"{"title":"t","catalogVersion":"2026.01.01","dateReleased":"2026-01-01T00:00:00Z","vulnerabilities":[{"cveID":"CVE-2026-0001","vendorProject":"V","product":"N","dateAdded":"2026-01-01","dueDate":"2026-02-01","knownRansomwareCampaignUse":"Known"}]}"#,
        "#model_version:v2025.03.14,score_date:2026-01-01T00:00:00+0000\ncve,epss,percentile\nCVE-2026-0001,0.5,0.9\n",
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
        "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:L/A:N",
        "AV:N/AC:L/Au:N/C:C/I:C/A:C",
    ])
}

fn archive_seeds() -> Vec<Vec<u8>> {
    let documents = advisory_seeds();
    let pack = |entries: &[(&str, &[u8])]| {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in entries {
            // Writing to memory does not fail.
            let _ = writer.start_file(*name, zip::write::SimpleFileOptions::default());
            let _ = writer.write_all(bytes);
        }
        writer.finish().map(Cursor::into_inner).unwrap_or_default()
    };
    let one = pack(&[("a/CVE-2026-0001.json", &documents[1]), ("b.json", &documents[6]), ("c.txt", b"no")]);
    let two = pack(&[("cves.zip", &one)]);
    vec![one, two]
}

fn indicator_seeds() -> Vec<Vec<u8>> {
    texts(&[
        r#"{"type":"bundle","id":"bundle--1","objects":[{"type":"indicator","id":"indicator--1","name":"n","pattern_type":"stix","confidence":80,"pattern":"[ipv4-addr:value = '198.51.100.7' OR domain-name:value = 'Bad.Example.org']","valid_until":"2027-01-01T00:00:00Z"}]}"#,
        r#"{"objects":[{"type":"indicator","id":"indicator--2","pattern_type":"stix","pattern":"[file:hashes.'SHA-256' = '0000000000000000000000000000000000000000000000000000000000000000'] AND [url:value = 'http://bad.example/a']"}]}"#,
        r#"{"Event":{"info":"i","Attribute":[{"type":"ip-dst|port","value":"198.51.100.7|80","to_ids":true},{"type":"domain","value":"bad.example","to_ids":true}],"Object":[{"Attribute":[{"type":"sha256","value":"00"}]}],"Tag":[{"name":"tlp:red"}]}}"#,
        r#"{"name":"w","type":"cidr","list":["192.0.2.0/24","example.org"]}"#,
        "# list\n198.51.100.7\n198.51.100.0/24,comment\nbad[.]example\nhxxp://bad.example/a\n0000000000000000000000000000000000000000000000000000000000000000\n2001:db8::1\n",
    ])
}

fn source_seeds() -> Vec<Vec<u8>> {
    texts(&[
        r#"{"distributions":[{"directory_url":"https://example.org/csaf/"},{"rolie":{"feeds":[{"tlp_label":"WHITE","url":"https://example.org/feed.json"}]}}]}"#,
        "\"2026/a.json\",\"2026-01-01T00:00:00Z\"\n2025/b.json,2025-01-01T00:00:00Z\n",
        "2026/a.json\n2025/b.json\n",
        r#"{"feed":{"entry":[{"id":"a","updated":"2026-01-01T00:00:00Z","link":[{"rel":"self","href":"https://example.org/a.json"}],"content":{"src":"https://example.org/a.json"}}]}}"#,
        r#"{"tag_name":"cve_2026-01-02_0000Z","assets":[{"name":"2026-01-02_all_CVEs_at_midnight.zip.zip","browser_download_url":"https://example.org/all.zip.zip"}]}"#,
        "00000000000000000000000000000000000000000000000000000000000000ff  a.json\n",
        "120",
        "Wed, 21 Oct 2026 07:28:00 GMT",
    ])
}
