//! What is asked for, as conditions and orders of SQL: the same for every back end.

use wardline_model::{DeviceId, Timestamp};

use crate::{DeviceQuery, DeviceSort, EdgeQuery, ExposureQuery, FindingQuery, FlowQuery, VulnerabilityQuery};

const HOUR_NANOSECONDS: i64 = 3_600_000_000_000;

/// What a column is compared with.
pub(crate) enum Value {
    /// Text that is the same.
    Text(String),
    /// A number.
    Number(i64),
}

/// One condition.
pub(crate) enum Condition {
    /// A term in which every `?` stands for the value.
    Compares(&'static str, Value),
    /// The text that is searched holds this one, in small letters.
    Holds(String),
}

/// Conditions that all have to hold.
#[derive(Default)]
pub(crate) struct Conditions(pub Vec<Condition>);

impl Conditions {
    fn text(mut self, term: &'static str, text: Option<impl ToString>) -> Self {
        self.0.extend(text.map(|text| Condition::Compares(term, Value::Text(text.to_string()))));
        self
    }

    fn number(mut self, term: &'static str, number: Option<i64>) -> Self {
        self.0.extend(number.map(|number| Condition::Compares(term, Value::Number(number))));
        self
    }

    fn holds(mut self, text: Option<&String>) -> Self {
        self.0.extend(text.map(|text| Condition::Holds(text.trim().to_lowercase())));
        self
    }

    fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Decisions about a device.
    pub(crate) fn plan_events(device: Option<&DeviceId>) -> Self {
        Self::default().text("device = ?", device)
    }
}

impl DeviceQuery {
    pub(crate) fn conditions(&self) -> Conditions {
        Conditions::default()
            .holds(self.text.as_ref())
            .text("category = ?", self.category.map(|category| category.name()))
            .text("zone = ?", self.zone.as_ref())
            .text("criticality = ?", self.criticality.map(|criticality| criticality.name()))
    }

    pub(crate) fn order(&self) -> String {
        let column = match self.sort {
            DeviceSort::Name => "name",
            DeviceSort::Category => "category",
            DeviceSort::Vendor => "vendor",
            DeviceSort::LastSeen => "last_seen",
            DeviceSort::FirstSeen => "first_seen",
            DeviceSort::Confidence => "confidence",
        };
        let direction = if self.descending { "DESC" } else { "ASC" };
        if column == "name" {
            format!("name {direction}, id {direction}")
        } else {
            format!("{column} {direction}, name, id")
        }
    }
}

impl FindingQuery {
    pub(crate) const ORDER: &str = "last_seen DESC, id";

    pub(crate) fn conditions(&self) -> Conditions {
        Conditions::default()
            .number("severity >= ?", self.severity_min.map(|severity| severity as i64))
            .text("attack = ?", self.attack.map(|attack| attack.name()))
            .text("(device = ? OR source = ?)", self.device.as_ref())
            .number("last_seen >= ?", self.since.map(Timestamp::nanoseconds))
            .number("started < ?", self.until.map(Timestamp::nanoseconds))
    }
}

impl ExposureQuery {
    pub(crate) const ORDER: &str = "severity DESC, last_seen DESC, id";

    pub(crate) fn conditions(&self) -> Conditions {
        Conditions::default()
            .text("kind = ?", self.kind.map(|kind| kind.name()))
            .number("severity >= ?", self.severity_min.map(|severity| severity as i64))
            .text("(device = ? OR peer = ?)", self.device.as_ref())
    }
}

impl VulnerabilityQuery {
    pub(crate) const ORDER: &str = "rank";

    pub(crate) fn conditions(&self) -> Conditions {
        Conditions::default()
            .holds(self.text.as_ref())
            .number("priority >= ?", self.priority_min.map(|priority| priority as i64))
            .text("device = ?", self.device.as_ref())
    }
}

impl FlowQuery {
    /// Of conversations that wait for their file.
    pub(crate) fn conditions(&self) -> Conditions {
        let times = self.file_conditions();
        Conditions::default().text("(src_device = ? OR dst_device = ?)", self.device.as_ref()).and(times)
    }

    /// Of files of conversations.
    pub(crate) fn file_conditions(&self) -> Conditions {
        Conditions::default()
            .number("ended >= ?", self.since.map(Timestamp::nanoseconds))
            .number("started < ?", self.until.map(Timestamp::nanoseconds))
    }
}

impl EdgeQuery {
    pub(crate) fn conditions(&self) -> Conditions {
        let since = self.since.map(|time| time.nanoseconds().saturating_sub(HOUR_NANOSECONDS));
        Conditions::default()
            .text("(src = ? OR dst = ?)", self.device.as_ref())
            .number("hour > ?", since)
            .number("hour < ?", self.until.map(Timestamp::nanoseconds))
    }

    /// The order, and how many are left out. The newest are asked for from the end: whatever lies before them need not be
    /// passed.
    pub(crate) fn part(&self, total: u64) -> (String, u64) {
        let columns = ["hour", "src", "dst", "transport", "port", "application"];
        if self.newest {
            (columns.map(|column| format!("{column} DESC")).join(", "), 0)
        } else {
            (columns.join(", "), self.offset.min(total))
        }
    }
}

/// Columns of an edge, in the order in which both back ends read them.
pub(crate) const EDGE_COLUMNS: &str = "hour, src, dst, transport, port, application, flows, packets_from, packets_to, \
                                       bytes_from, bytes_to, encrypted, cleartext";

/// Every record that has a digest: its table, and a question for identifier, bytes and digest of all of them.
pub(crate) const DIGESTED: [(&str, &str); 7] = [
    ("device", "SELECT id, record, digest FROM device"),
    ("finding", "SELECT id, record, digest FROM finding"),
    ("exposure", "SELECT id, record, digest FROM exposure"),
    ("vulnerability", "SELECT id, record, digest FROM vulnerability"),
    ("lifecycle", "SELECT id, record, digest FROM lifecycle"),
    ("plan_event", "SELECT device || ' ' || cve, record, digest FROM plan_event"),
    ("flow", "SELECT '', record, digest FROM waiting_flow"),
];
