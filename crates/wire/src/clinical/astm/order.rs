//! Which record may follow which: LIS02-A2 section 5.3, message hierarchy.

/// How deep a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Header and terminator.
    Message,
    /// Patient, request, scientific.
    Patient,
    /// Order.
    Order,
    /// Result.
    Result,
}

/// Watches the order of the records of one direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Order {
    level: Option<Level>,
}

impl Order {
    /// Takes the kind of the next record. Whether it may stand there: a record must follow one of its own level, of a
    /// deeper one, or of the level just above; comments and manufacturer's records stand anywhere within a message.
    pub fn next(&mut self, kind: u8) -> bool {
        let level = match kind {
            b'H' => {
                // A header without the end of the message before it breaks that one off.
                let fits = self.level.is_none();
                self.level = Some(Level::Message);
                return fits;
            }
            b'L' => return self.level.take().is_some(),
            b'P' | b'Q' | b'S' => Level::Patient,
            b'O' => Level::Order,
            b'R' => Level::Result,
            _ => return self.level.is_some(),
        };
        let above = match level {
            Level::Message | Level::Patient => Level::Message,
            Level::Order => Level::Patient,
            Level::Result => Level::Order,
        };
        let fits = self.level.is_some_and(|before| before >= above);
        // Told once: what hangs below a record out of place is in its place.
        self.level = Some(level);
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misplaced(kinds: &[u8]) -> Vec<usize> {
        let mut order = Order::default();
        (0..kinds.len()).filter(|place| !order.next(kinds[*place])).collect()
    }

    #[test]
    fn knows_the_hierarchy() {
        assert!(misplaced(b"HPORRCOMRPCORLHQL").is_empty());
        assert_eq!(misplaced(b"HORL"), [1]);
        assert_eq!(misplaced(b"HPRL"), [2]);
        assert_eq!(misplaced(b"PORL"), [0]);
        assert_eq!(misplaced(b"HPOHPL"), [3]);
        assert_eq!(misplaced(b"HLR"), [2]);
    }
}
