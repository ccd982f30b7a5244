//! HL7 points in time: DTM, v2.5.1 section 2.A.22, `YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]`.

/// Nanoseconds from 1970-01-01T00:00:00Z to the time that `text` names, or `None` where it names none.
///
/// A date is the least that counts. Without a zone the time is taken as UTC: a sender's local zone is not
/// on the wire, and a fixed choice keeps differences between messages of one sender right.
pub fn parse(text: &[u8]) -> Option<i64> {
    // v2.2 and before: the degree of precision follows as a second component.
    let text = text.split(|byte| *byte == b'^').next().unwrap_or_default().trim_ascii();
    let zone_at = text.iter().position(|byte| matches!(byte, b'+' | b'-')).unwrap_or(text.len());
    let (local, zone) = text.split_at(zone_at);
    let mut parts = local.splitn(2, |byte| *byte == b'.');
    let (whole, fraction) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if !matches!(whole.len(), 8 | 10 | 12 | 14) {
        return None;
    }
    let at = |place: usize, length: usize| whole.get(place..place + length).map_or(Some(0), digits);
    let (year, month, day) = (at(0, 4)?, at(4, 2)?, at(6, 2)?);
    let (hour, minute, second) = (at(8, 2)?, at(10, 2)?, at(12, 2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1678..=2261).contains(&year) || !(1..=days_in_month).contains(&day) {
        return None;
    }
    // Second 60 is a leap second.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    (seconds - offset_s(zone)?).checked_mul(1_000_000_000)?.checked_add(nanoseconds(fraction)?)
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter()
        .try_fold(0_i64, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

fn nanoseconds(fraction: &[u8]) -> Option<i64> {
    let known = fraction.get(..fraction.len().min(9))?;
    let scale = 9_u32.checked_sub(u32::try_from(known.len()).ok()?)?;
    Some(digits(known)? * 10_i64.pow(scale))
}

fn offset_s(zone: &[u8]) -> Option<i64> {
    let Some((sign, zone)) = zone.split_first() else { return Some(0) };
    let (hours, minutes) = zone.split_at_checked(2)?;
    let minutes = minutes.strip_prefix(b":").unwrap_or(minutes);
    let seconds = digits(hours)? * 3_600 + digits(minutes)? * 60;
    (zone.len() <= 5 && seconds <= 15 * 3_600).then_some(if *sign == b'-' { -seconds } else { seconds })
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar. The year is taken to begin in March, so that
/// the leap day is its last; 400 years have 146 097 days.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_each_precision_and_zone() {
        let seconds = |text: &[u8]| parse(text).map(|time| time / 1_000_000_000);
        assert_eq!(seconds(b"19700101"), Some(0));
        assert_eq!(seconds(b"20231114221320"), Some(1_700_000_000));
        assert_eq!(seconds(b"20231114231320+0100"), Some(1_700_000_000));
        assert_eq!(seconds(b"20231114164320-0530"), Some(1_700_000_000));
        assert_eq!(seconds(b"202311142213^M"), Some(1_699_999_980));
        assert_eq!(seconds(b"20240229"), Some(1_709_164_800));
        assert_eq!(parse(b"19700101000000.1234+0000"), Some(123_400_000));
        assert_eq!(seconds(b"20180129192342.245"), Some(1_517_253_822));
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [&b""[..], b"2024", b"20240230", b"20241301", b"2024010125", b"2024O101", b"20240101+9"] {
            assert_eq!(parse(text), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(text in "[0-9+\\-.^:]{0,32}", bytes: Vec<u8>) {
            let _ = (parse(text.as_bytes()), parse(&bytes));
        }
    }
}
