//! How long a server asks us to wait: `Retry-After`, RFC 9110 section 10.2.3.

use wardline_model::Timestamp;

/// Seconds to wait: a number, or a date (section 5.6.7) from now on. `None` where it says nothing that can be read.
pub fn wait_s(value: &str, now: Timestamp) -> Option<u64> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(seconds);
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    let now_s = now.nanoseconds() / 1_000_000_000;
    Some(u64::try_from(date.as_second().saturating_sub(now_s)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_dates_are_understood() {
        let now = Timestamp::from_seconds(1_445_412_420); // 2015-10-21 07:27:00 UTC
        assert_eq!(wait_s("120", now), Some(120));
        assert_eq!(wait_s("Wed, 21 Oct 2015 07:28:00 GMT", now), Some(60));
        assert_eq!(wait_s("Wed, 21 Oct 2015 07:00:00 GMT", now), Some(0));
        assert_eq!(wait_s("soon", now), None);
        assert_eq!(wait_s("-1", now), None);
    }
}
