//! `wardline devices`, `findings`, `exposures`, `flows`: what the state directory holds.

use std::collections::BTreeSet;
use std::io::{BufWriter, Write};
use std::sync::Arc;

use anyhow::{Result, bail};
use serde::Serialize;
use wardline_exports::RiskProfile;
use wardline_model::{
    Category, Device, DeviceId, DeviceReference, Exposure, Finding, FlowRecord, Lifecycle, Record,
};
use wardline_store::{DeviceQuery, ExposureQuery, FindingQuery, FlowQuery, Store};

use crate::cli::{Devices, Exposures, Findings, Flows, Listing};
use crate::{Outcome, place};

fn open(listing: &Listing) -> Result<Arc<dyn Store>> {
    let state = place::state(listing.state.as_deref())?;
    if !place::holds_state(&state) {
        bail!(
            "{}: holds no state yet; fill it with `wardline watch -i IFACE` or `wardline serve --replay CAPTURE`, or name another with --state DIR",
            state.display()
        );
    }
    place::store(&state)
}

/// A device, with what is known of its life, and of its class before anything is seen.
#[derive(Serialize)]
struct ListedDevice {
    #[serde(flatten)]
    record: Record,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifecycle: Option<Lifecycle>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk_profile: Option<&'static RiskProfile>,
}

pub(crate) fn devices(arguments: &Devices) -> Result<Outcome> {
    let store = open(&arguments.listing)?;
    let page = store.devices(&DeviceQuery {
        text: arguments.text.clone(),
        category: arguments.category,
        zone: arguments.zone.clone(),
        limit: arguments.listing.limit,
        ..DeviceQuery::default()
    })?;
    let categories: BTreeSet<Category> = page.items.iter().map(|device| device.category).collect();
    print(
        &arguments.listing,
        page.items,
        page.total,
        |device| {
            let lifecycle = store.lifecycle(&device.id)?;
            let risk_profile = RiskProfile::of(device.category).filter(|_| arguments.risks);
            Ok(ListedDevice { record: Record::Device(Box::new(device)), lifecycle, risk_profile })
        },
        &DEVICE_HEAD,
        device_row,
    )?;
    if arguments.risks && !arguments.listing.json {
        let mut output = std::io::stdout().lock();
        risks(&mut output, &categories)?;
    }
    Ok(Outcome::Done)
}

/// What is known of the classes that these categories belong to, each once.
fn risks(output: &mut impl Write, categories: &BTreeSet<Category>) -> std::io::Result<()> {
    let mut told = BTreeSet::new();
    for profile in categories.iter().filter_map(|category| RiskProfile::of(*category)) {
        if !told.insert(&profile.class) {
            continue;
        }
        writeln!(output, "\n{}", profile.class)?;
        for (head, lines) in
            [("seen", &profile.seen), ("not seen", &profile.unseen), ("may go wrong", &profile.risks)]
        {
            for line in lines {
                writeln!(output, "  {head:12}  {line}")?;
            }
        }
        writeln!(output, "  {:12}  {}", "source", profile.source)?;
    }
    Ok(())
}

pub(crate) fn findings(arguments: &Findings) -> Result<Outcome> {
    let page = open(&arguments.listing)?.findings(&FindingQuery {
        severity_min: arguments.severity,
        attack: arguments.attack,
        device: arguments.device.as_deref().map(DeviceId::from),
        limit: arguments.listing.limit,
        ..FindingQuery::default()
    })?;
    print(
        &arguments.listing,
        page.items,
        page.total,
        |finding| Ok(Record::Finding(Box::new(finding))),
        &FINDING_HEAD,
        finding_row,
    )
}

pub(crate) fn exposures(arguments: &Exposures) -> Result<Outcome> {
    let page = open(&arguments.listing)?.exposures(&ExposureQuery {
        kind: arguments.kind,
        severity_min: arguments.severity,
        device: arguments.device.as_deref().map(DeviceId::from),
        limit: arguments.listing.limit,
        ..ExposureQuery::default()
    })?;
    print(
        &arguments.listing,
        page.items,
        page.total,
        |exposure| Ok(Record::Exposure(Box::new(exposure))),
        &EXPOSURE_HEAD,
        exposure_row,
    )
}

pub(crate) fn flows(arguments: &Flows) -> Result<Outcome> {
    let page = open(&arguments.listing)?.flows(&FlowQuery {
        device: arguments.device.as_deref().map(DeviceId::from),
        limit: arguments.listing.limit,
        ..FlowQuery::default()
    })?;
    print(
        &arguments.listing,
        page.items,
        page.total,
        |flow| Ok(Record::Flow(Box::new(flow))),
        &FLOW_HEAD,
        flow_row,
    )
}

fn print<T, R: Serialize, const N: usize>(
    listing: &Listing,
    items: Vec<T>,
    total: u64,
    record: impl Fn(T) -> Result<R>,
    head: &[&str; N],
    row: impl Fn(&T) -> [String; N],
) -> Result<Outcome> {
    let mut output = BufWriter::new(std::io::stdout().lock());
    if listing.json {
        for item in items {
            serde_json::to_writer(&mut output, &record(item)?)?;
            writeln!(output)?;
        }
    } else {
        let shown = items.len() as u64;
        table(&mut output, head, &items.iter().map(row).collect::<Vec<_>>())?;
        if shown < total {
            writeln!(output, "{shown} of {total}; --limit 0 shows all")?;
        }
    }
    output.flush()?;
    Ok(Outcome::Done)
}

/// Columns as wide as their widest cell; a person reads them, a program takes `--json`.
pub(crate) fn table<const N: usize>(
    output: &mut impl Write,
    head: &[&str; N],
    rows: &[[String; N]],
) -> std::io::Result<()> {
    let mut widths = head.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut line = |cells: &mut dyn Iterator<Item = &str>| -> std::io::Result<()> {
        let mut text = String::new();
        for (cell, width) in cells.zip(widths) {
            text.push_str(&format!("{cell:width$}  "));
        }
        writeln!(output, "{}", text.trim_end())
    };
    line(&mut head.iter().copied())?;
    for row in rows {
        line(&mut row.iter().map(String::as_str))?;
    }
    Ok(())
}

fn some(value: Option<&impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), ToString::to_string)
}

pub(crate) const DEVICE_HEAD: [&str; 7] = ["NAME", "CATEGORY", "VENDOR", "MODEL", "ADDRESS", "MAC", "SURE"];

pub(crate) fn device_row(device: &Device) -> [String; 7] {
    [
        device.display_name().to_string(),
        device.category.to_string(),
        some(device.vendor.as_ref()),
        some(device.model.as_ref()),
        some(device.ips.first()),
        some(device.macs.first()),
        format!("{:.0} %", device.confidence * 100.0),
    ]
}

/// A device as a person would call it.
pub(crate) fn reference(device: Option<&DeviceReference>) -> String {
    let Some(device) = device else { return "-".to_owned() };
    let address = device.ip.map(|ip| ip.to_string()).or_else(|| device.mac.map(|mac| mac.to_string()));
    match (&device.name, address) {
        (Some(name), Some(address)) if name.as_str() != address => format!("{name} ({address})"),
        (Some(name), _) => name.to_string(),
        (None, Some(address)) => address,
        (None, None) => some(device.id.as_ref()),
    }
}

pub(crate) const FINDING_HEAD: [&str; 5] = ["SEVERITY", "ATTACK", "STARTED", "DEVICE", "SUMMARY"];

pub(crate) fn finding_row(finding: &Finding) -> [String; 5] {
    [
        finding.severity.to_string(),
        finding.attack.to_string(),
        finding.started.to_string(),
        reference(finding.device.as_ref()),
        finding.summary.clone(),
    ]
}

pub(crate) const EXPOSURE_HEAD: [&str; 4] = ["SEVERITY", "KIND", "DEVICE", "SUMMARY"];

pub(crate) fn exposure_row(exposure: &Exposure) -> [String; 4] {
    [
        exposure.severity.to_string(),
        exposure.kind.to_string(),
        reference(exposure.device.as_ref()),
        exposure.summary.clone(),
    ]
}

const FLOW_HEAD: [&str; 7] = ["START", "FROM", "TO", "TRANSPORT", "SPOKEN", "PACKETS", "BYTES"];

fn flow_row(flow: &FlowRecord) -> [String; 7] {
    [
        flow.start.to_string(),
        std::net::SocketAddr::new(flow.src, flow.ports[0]).to_string(),
        std::net::SocketAddr::new(flow.dst, flow.ports[1]).to_string(),
        flow.protocol.to_string(),
        some(flow.application.as_ref()),
        format!("{}/{}", flow.packets[0], flow.packets[1]),
        format!("{}/{}", flow.bytes[0], flow.bytes[1]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_told_once_and_silence_is_not_taken_for_safety() {
        let mut output = Vec::new();
        let categories = [Category::InsulinPump, Category::GlucoseMeter, Category::Printer];
        risks(&mut output, &categories.into_iter().collect()).unwrap();
        let text = String::from_utf8(output).unwrap();
        let profile = RiskProfile::of(Category::InsulinPump).unwrap();
        assert_eq!(text.matches(&profile.class).count(), 1, "{text}");
        assert!(text.contains(&format!("not seen      {}", profile.unseen[0])), "{text}");
    }

    #[test]
    fn the_profile_stands_in_the_record_of_a_device() {
        let profile = RiskProfile::of(Category::InsulinPump).unwrap();
        let pump = serde_json::json!({
            "type": "device", "id": "d-ble-c10000000001", "macs": [], "ips": [], "hostnames": [], "vendor": null, "model": null,
            "category": "insulin-pump", "os": null, "firmware": null, "serial": null, "protocols": [], "role": [], "zone": null,
            "criticality": null, "first_seen": "2026-03-02T06:00:00.000000Z", "last_seen": "2026-03-02T06:00:00.000000Z",
            "confidence": 0.5, "evidence": []
        });
        let device = |risk_profile| {
            let record: Record = serde_json::from_value(pump.clone()).unwrap();
            serde_json::to_value(ListedDevice { record, lifecycle: None, risk_profile }).unwrap()
        };
        let told = device(Some(profile));
        assert_eq!(
            (&told["type"], &told["risk_profile"]["class"]),
            (&"device".into(), &profile.class.clone().into())
        );
        assert_eq!(device(None).get("risk_profile"), None);
    }

    #[test]
    fn columns_are_as_wide_as_needed() {
        let mut output = Vec::new();
        table(&mut output, &["A", "LONG"], &[["wide cell".into(), "x".into()]]).unwrap();
        assert_eq!(String::from_utf8(output).unwrap(), "A          LONG\nwide cell  x\n");
    }
}
