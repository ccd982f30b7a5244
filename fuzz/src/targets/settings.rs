//! What people and other programs hand in: policies, site files, records.

use serde_json::Value;
use wardline_model::{Policy, Record, Site};

use super::{Target, alone};
use crate::meters::measure;
use crate::oracle::Budget;

/// Read into typed values; TOML is held as a tree of its own first.
const TEXTS: Budget = Budget {
    steps_per_byte: 1_000,
    steps_per_piece: 0,
    steps_base: 200_000,
    peak_per_byte: 400,
    peak_base_bytes: 256 << 10,
    retained_per_byte: 200,
    retained_base_bytes: 64 << 10,
};

pub(super) fn targets() -> impl Iterator<Item = Target> {
    [alone("policy", policy, policies), alone("site", site, sites), alone("record", record, records)]
        .into_iter()
}

/// A policy that is accepted is the same when it is written and read again, and so is what it says of addresses.
fn policy(input: &[u8]) {
    let run = || {
        let policy: Policy = serde_json::from_slice(input).ok()?;
        policy.check().ok()?;
        Some((policy.addresses().len(), policy))
    };
    let (read, cost) = measure(run);
    TEXTS.check("policy", input.len(), 1, cost);
    if let Some((_, policy)) = read {
        let written = serde_json::to_vec(&policy).unwrap_or_default();
        let again: Option<Policy> = serde_json::from_slice(&written).ok();
        assert_eq!(again.as_ref(), Some(&policy), "a policy is read as something else than it was written");
    }
}

fn site(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let run = || {
        let site: Site = toml::from_str(text).map_err(|error| error.to_string()).ok()?;
        site.check().ok()?;
        Some(site)
    };
    let (_, cost) = measure(run);
    TEXTS.check("site", input.len(), 1, cost);
}

/// A record that is read and written holds the same when it is read again.
fn record(input: &[u8]) {
    let (read, cost) = measure(|| serde_json::from_slice::<Record>(input).ok());
    TEXTS.check("record", input.len(), 1, cost);
    if let Some(record) = read {
        let written = serde_json::to_value(&record).unwrap_or(Value::Null);
        let again: Option<Record> = serde_json::from_value(written).ok();
        assert_eq!(again, Some(record), "a record is read as something else than it was written");
    }
}

fn policies() -> Vec<Vec<u8>> {
    [
        r#"{"version":1,"name":"a"}"#,
        r#"{"version":1,"name":"a","zones":[{"name":"icu","within":"deny","reason":"r"}],"groups":[{"name":"pumps","zone":"icu","category":"infusion-pump"},{"name":"servers","zone":"icu","category":"server"}],"rules":[],"members":[{"address":"10.0.0.1/32","group":"pumps"},{"address":"10.0.1.0/24","group":"servers"},{"address":"2001:db8::/64","group":"pumps"}],"protected":[{"from":"10.0.0.1","to":"10.0.1.2","transport":6,"ports":{"first":104,"last":104}}]}"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

fn sites() -> Vec<Vec<u8>> {
    [
        "name = \"Example\"\n[[network]]\nprefix = \"10.20.0.0/16\"\nzone = \"icu\"\n",
        "[[device]]\nmac = \"00:09:fb:00:00:01\"\nvendor = \"V\"\ncategory = \"patient-monitor\"\ncriticality = \"monitoring\"\npatient_contact = true\n",
        "[[maintenance]]\ndays = [\"tuesday\"]\nstart_minute = 60\nlength_minutes = 120\n[[server]]\nip = \"10.20.0.5\"\nrole = \"integration-engine\"\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// Records as the program writes them.
fn records() -> Vec<Vec<u8>> {
    let time = "2026-01-01T00:00:00.000000Z";
    [
        format!(
            r#"{{"type":"edge","hour":"{time}","src_device":"dev-000000000001","dst_device":"dev-000000000002","transport":6,"port":104,"application":"dicom","flows":1,"packets":[1,2],"bytes":[100,200],"encrypted_flows":0,"cleartext_flows":1}}"#
        ),
        format!(
            r#"{{"type":"device","id":"dev-000000000001","macs":["00:09:fb:00:00:01"],"ips":["10.0.0.1"],"hostnames":["a"],"vendor":"V","category":"infusion-pump","criticality":"therapy","protocols":["hl7"],"role":[],"first_seen":"{time}","last_seen":"{time}","confidence":0.3,"evidence":[]}}"#
        ),
    ]
    .map(String::into_bytes)
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_begun_with_is_accepted() {
        for seed in policies() {
            let policy: Policy = serde_json::from_slice(&seed).unwrap();
            policy.check().unwrap();
        }
        for seed in sites() {
            toml::from_str::<Site>(std::str::from_utf8(&seed).unwrap()).unwrap().check().unwrap();
        }
        for seed in records() {
            serde_json::from_slice::<Record>(&seed).unwrap();
        }
    }
}
