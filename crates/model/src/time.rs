//! Points in capture time.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z, as the capture recorded it.
///
/// Serialised as RFC 3339 UTC with microseconds, or nanoseconds where the capture had them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time `nanoseconds` after the Unix epoch.
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// The time `seconds` after the Unix epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// Nanoseconds from `earlier` to here; negative when `earlier` is later.
    pub const fn nanoseconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Seconds from `earlier` to here; negative when `earlier` is later.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.nanoseconds_since(earlier) as f64 / 1e9
    }

    /// This time moved by `milliseconds`, stopping at the ends of the range.
    pub const fn plus_milliseconds(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds.saturating_mul(1_000_000)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every i64 of nanoseconds lies between the years 1677 and 2262, which jiff can represent.
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(time) if self.0 % 1_000 == 0 => write!(f, "{time:.6}"),
            Ok(time) => write!(f, "{time:.9}"),
            Err(_) => Err(fmt::Error),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        i64::try_from(time.as_nanosecond())
            .map(Self)
            .map_err(|_| de::Error::custom("time outside the years 1678 to 2262"))
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "date-time",
            "description": "RFC 3339 UTC, at least microseconds"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_microseconds_and_keeps_nanoseconds() {
        let whole = Timestamp::from_nanoseconds(1_700_000_000_123_456_000);
        assert_eq!(whole.to_string(), "2023-11-14T22:13:20.123456Z");
        let fine = Timestamp::from_nanoseconds(1_700_000_000_123_456_789);
        assert_eq!(fine.to_string(), "2023-11-14T22:13:20.123456789Z");
        let back: Timestamp = serde_json::from_str(&serde_json::to_string(&fine).unwrap()).unwrap();
        assert_eq!(back, fine);
    }

    #[test]
    fn every_value_can_be_printed() {
        for nanoseconds in [i64::MIN, -1, 0, i64::MAX] {
            assert!(!Timestamp::from_nanoseconds(nanoseconds).to_string().is_empty());
        }
    }
}
