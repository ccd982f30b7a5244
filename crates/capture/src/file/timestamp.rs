//! From a pcapng interface's ticks to nanoseconds (draft-ietf-opsawg-pcapng, `if_tsresol`, `if_tsoffset`).

/// How long a tick is, and where counting starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    tick: Tick,
    offset_ns: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tick {
    /// A tick is this many nanoseconds: 10^0 to 10^-9 s.
    Nanoseconds(u64),
    /// This many ticks make a nanosecond: finer than 10^-9 s.
    PerNanosecond(u64),
    /// A tick is finer than any 64-bit count can carry to a nanosecond.
    Negligible,
    /// This many binary digits of a second: 2^-n s.
    BinaryDigits(u32),
}

impl Default for Clock {
    /// Microseconds since the Unix epoch, the format's default.
    fn default() -> Self {
        Self::new(6, 0)
    }
}

impl Clock {
    /// From the option values: `if_tsresol` (its top bit tells powers of two from powers of ten) and
    /// `if_tsoffset` in seconds.
    pub(super) fn new(resolution: u8, offset_s: i64) -> Self {
        let digits = u32::from(resolution & 0x7f);
        let tick = if resolution & 0x80 != 0 {
            Tick::BinaryDigits(digits)
        } else if digits <= 9 {
            Tick::Nanoseconds(10_u64.pow(9 - digits))
        } else {
            10_u64.checked_pow(digits - 9).map_or(Tick::Negligible, Tick::PerNanosecond)
        };
        Self { tick, offset_ns: offset_s.saturating_mul(1_000_000_000) }
    }

    /// Nanoseconds since the Unix epoch, held at the ends of `i64` where a damaged file exceeds it.
    #[inline]
    pub(super) fn to_nanoseconds(self, ticks: u64) -> i64 {
        let since_offset = match self.tick {
            Tick::Nanoseconds(1) => ticks,
            Tick::Nanoseconds(factor) => ticks.saturating_mul(factor),
            Tick::PerNanosecond(divisor) => ticks / divisor,
            Tick::Negligible => 0,
            Tick::BinaryDigits(digits) => binary_to_nanoseconds(ticks, digits),
        };
        i64::try_from(since_offset).unwrap_or(i64::MAX).saturating_add(self.offset_ns)
    }
}

fn binary_to_nanoseconds(ticks: u64, digits: u32) -> u64 {
    // 64 bits of ticks times 30 bits of nanoseconds per second fit in 128.
    let nanoseconds = (u128::from(ticks) * 1_000_000_000) >> digits.min(127);
    u64::try_from(nanoseconds).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_resolutions() {
        assert_eq!(Clock::default().to_nanoseconds(1_700_000_000_123_456), 1_700_000_000_123_456_000);
        assert_eq!(Clock::new(9, 0).to_nanoseconds(1_700_000_000_123_456_789), 1_700_000_000_123_456_789);
        assert_eq!(Clock::new(0, 0).to_nanoseconds(7), 7_000_000_000);
        assert_eq!(Clock::new(12, 0).to_nanoseconds(5_999), 5);
        assert_eq!(Clock::new(127, 0).to_nanoseconds(u64::MAX), 0);
    }

    #[test]
    fn binary_resolutions() {
        assert_eq!(Clock::new(0x80 | 10, 0).to_nanoseconds(1_536), 1_500_000_000);
        assert_eq!(Clock::new(0x80, 0).to_nanoseconds(3), 3_000_000_000);
        assert_eq!(Clock::new(0x80 | 32, 0).to_nanoseconds(3 << 31), 1_500_000_000);
        assert_eq!(Clock::new(0xff, 0).to_nanoseconds(u64::MAX), 0);
    }

    #[test]
    fn offsets_shift_and_extremes_saturate() {
        assert_eq!(Clock::new(6, 100).to_nanoseconds(5), 100_000_005_000);
        assert_eq!(Clock::new(6, -1).to_nanoseconds(1_000_001), 1_000);
        assert_eq!(Clock::new(0, 0).to_nanoseconds(u64::MAX), i64::MAX);
        assert_eq!(Clock::new(0, i64::MIN).to_nanoseconds(0), i64::MIN);
    }
}
