//! Makers by MAC address prefix: `knowledge/oui/assignments.tsv`, registries of IEEE.

use wardline_model::MacAddress;

const ASSIGNMENTS: &str = include_str!("../../../../knowledge/oui/assignments.tsv");

/// Lengths of prefixes in bits, the longest first: MA-S and IAB, MA-M, MA-L.
const LENGTHS_BITS: [u32; 3] = [36, 28, 24];

/// All assignments, by prefix.
pub(super) struct Oui {
    /// For each of [`LENGTHS_BITS`], prefix and organisation, sorted.
    by_length: [Vec<(u64, &'static str)>; 3],
}

impl Oui {
    /// Those that ship with the program.
    pub(super) fn embedded() -> Self {
        let mut by_length = [const { Vec::new() }; 3];
        for (name, prefixes) in ASSIGNMENTS.lines().filter_map(|line| line.split_once('\t')) {
            for prefix in prefixes.split(' ') {
                let bits = prefix.len() as u32 * 4;
                let place = LENGTHS_BITS.iter().position(|length| *length == bits);
                let list = place.and_then(|place| by_length.get_mut(place));
                if let (Some(list), Ok(number)) = (list, u64::from_str_radix(prefix, 16)) {
                    list.push((number, name));
                }
            }
        }
        by_length.iter_mut().for_each(|list| list.sort_unstable());
        Self { by_length }
    }

    /// The organisation to which the longest prefix of an address was given. `None` for addresses that were
    /// made up locally, and for groups.
    pub(super) fn organization(&self, mac: MacAddress) -> Option<&'static str> {
        if mac.is_local() || !mac.is_station() {
            return None;
        }
        LENGTHS_BITS.iter().zip(&self.by_length).find_map(|(bits, list)| {
            let prefix = mac.to_bits() >> (48 - bits);
            let place = list.binary_search_by_key(&prefix, |(number, _)| *number).ok()?;
            list.get(place).map(|(_, name)| *name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn organization(mac: &str) -> Option<&'static str> {
        Oui::embedded().organization(mac.parse().unwrap())
    }

    #[test]
    fn every_assignment_is_read() {
        let oui = Oui::embedded();
        let read: usize = oui.by_length.iter().map(Vec::len).sum();
        let written: usize = ASSIGNMENTS
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(_, prefixes)| prefixes.split(' ').count())
            .sum();
        assert_eq!(read, written);
        assert!(oui.by_length.iter().all(|list| list.len() > 4_000));
    }

    #[test]
    fn the_longest_prefix_names_the_maker() {
        assert_eq!(organization("00:09:fb:12:34:56"), Some("Philips Patient Monitoring"));
        // 00:50:c2 is a block of IEEE of which parts were given away: 00:50:c2:7d:5 is one of them.
        assert_eq!(organization("00:50:c2:7d:50:01"), Some("DEUTA-WERKE GmbH"));
        assert_eq!(organization("02:09:fb:12:34:56"), None, "made up locally");
        assert_eq!(organization("01:00:5e:00:00:01"), None, "a group");
    }
}
