//! Common Event Format, revision 25: a line for a finding or an exposure.

use wardline_model::{DeviceReference, Record, Severity, Timestamp};

use super::{PRODUCT, VERSION, milliseconds, title};

pub(super) fn event(record: &Record) -> Option<String> {
    match record {
        Record::Finding(finding) => {
            let mut line =
                Line::new(finding.detector.as_str(), title(finding.attack), finding.severity, finding.time);
            line.party("dst", "dhost", finding.device.as_ref());
            line.party("src", "shost", finding.source.as_ref());
            line.field("externalId", &finding.id);
            line.field("cat", finding.attack.name());
            line.field("start", &milliseconds(finding.started).to_string());
            line.field("end", &milliseconds(finding.last_seen).to_string());
            line.field("cnt", &finding.observations.to_string());
            line.custom(1, "technique", &finding.techniques.join(" "));
            line.custom(2, "silentIf", &finding.silent_if);
            line.custom(3, "clinical", &finding.clinical);
            line.field("msg", &finding.summary);
            Some(line.0)
        }
        Record::Exposure(exposure) => {
            let kind = exposure.kind.name();
            let mut line = Line::new(kind, kind, exposure.severity, exposure.last_seen);
            line.party("dst", "dhost", exposure.device.as_ref());
            line.party("src", "shost", exposure.peer.as_ref());
            line.field("externalId", &exposure.id);
            line.field("cat", "exposure");
            line.field("cnt", &exposure.observations.to_string());
            line.custom(1, "remedy", &exposure.remedy);
            line.field("msg", &exposure.summary);
            Some(line.0)
        }
        _ => None,
    }
}

struct Line(String);

impl Line {
    fn new(signature: &str, name: &str, severity: Severity, time: Timestamp) -> Self {
        let severity = match severity {
            Severity::Info => 1,
            Severity::Low => 3,
            Severity::Medium => 5,
            Severity::High => 8,
            Severity::Critical => 10,
        };
        let head = |text: &str| text.replace('\\', "\\\\").replace('|', "\\|").replace(['\r', '\n'], " ");
        let (signature, name) = (head(signature), head(name));
        let mut line = Self(format!("CEF:0|{PRODUCT}|{PRODUCT}|{VERSION}|{signature}|{name}|{severity}|"));
        line.field("rt", &milliseconds(time).to_string());
        line
    }

    /// A field of the extension; one without a value is left out.
    fn field(&mut self, key: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        let value = value.replace('\\', "\\\\").replace('=', "\\=").replace('\r', "").replace('\n', "\\n");
        if !self.0.ends_with('|') {
            self.0.push(' ');
        }
        self.0.push_str(&format!("{key}={value}"));
    }

    fn custom(&mut self, number: u8, label: &str, value: &str) {
        if !value.is_empty() {
            self.field(&format!("cs{number}"), value);
            self.field(&format!("cs{number}Label"), label);
        }
    }

    fn party(&mut self, address: &str, host: &str, party: Option<&DeviceReference>) {
        let Some(party) = party else { return };
        // `src` and `dst` are of version 4; version 6 has custom fields.
        match party.ip {
            Some(std::net::IpAddr::V4(ip)) => self.field(address, &ip.to_string()),
            Some(std::net::IpAddr::V6(ip)) => {
                let number = if address == "src" { 2 } else { 3 };
                self.field(&format!("c6a{number}"), &ip.to_string());
                let label = if address == "src" { "Source IPv6 Address" } else { "Destination IPv6 Address" };
                self.field(&format!("c6a{number}Label"), label);
            }
            None => {}
        }
        if let Some(name) = &party.name {
            self.field(host, name.as_str());
        }
    }
}
