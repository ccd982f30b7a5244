//! Half-space trees (Tan, Ting and Liu, "Fast anomaly detection for streaming data", 2011): how crowded the place is in
//! which a window lies, and how rare that is among windows that the trees did not learn from.
//!
//! Where trees cut is drawn from a constant: the same windows make the same trees on every machine.

use super::behaviour::{FEATURES, Vector};

/// Windows of which a model is made: every other one grows the trees, the rest says what is usual.
pub(super) const REFERENCE: usize = 512;
const TREES: usize = 25;
const DEPTH: u32 = 8;
const NODES: usize = (1 << (DEPTH + 1)) - 1;
/// A node with fewer windows is not looked into any further.
const CROWD_MIN: u16 = 12;
const SEED: u64 = 0x5deb_1a7e_2026_0001;

/// A model of one type of device.
pub(super) struct Forest {
    trees: Vec<Tree>,
    /// Scores of windows that were kept apart, least first.
    usual: Vec<f32>,
    ranges: [Range; FEATURES],
}

struct Tree {
    /// Which number is cut, and where, for each inner node.
    cuts: Vec<(u8, f32)>,
    /// Windows in each node.
    mass: Vec<u16>,
}

/// How one number is spread.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Range {
    pub low: f32,
    pub high: f32,
    pub median: f32,
    /// Median of the distances from the median.
    pub spread: f32,
}

impl Range {
    fn of(reference: &[Vector], feature: usize) -> Self {
        let mut values: Vec<f32> =
            reference.iter().filter_map(|vector| vector.get(feature).copied()).collect();
        values.sort_unstable_by(f32::total_cmp);
        let middle = |values: &[f32]| values.get(values.len() / 2).copied().unwrap_or_default();
        let median = middle(&values);
        let (low, high) =
            (values.first().copied().unwrap_or_default(), values.last().copied().unwrap_or_default());
        let mut distances: Vec<f32> = values.iter().map(|value| (value - median).abs()).collect();
        distances.sort_unstable_by(f32::total_cmp);
        Self { low, high, median, spread: middle(&distances) }
    }

    /// Whether a value lies beyond all that was seen, by a tenth of the width and at least a fifth of a unit.
    pub(super) fn is_outside(&self, value: f32) -> bool {
        let margin = ((self.high - self.low) * 0.1).max(0.2);
        value < self.low - margin || value > self.high + margin
    }

    /// How far a value is from the median, in spreads.
    pub(super) fn distance(&self, value: f32) -> f32 {
        (value - self.median).abs() / (1.4826 * self.spread).max(0.1)
    }
}

/// Numbers that look random: xorshift of Marsaglia.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Between 0 and 1.
    fn share(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }
}

impl Tree {
    fn new(ranges: &[Range; FEATURES], draw: &mut Draw) -> Self {
        // Each tree has a space of its own around what was seen.
        let mut space = [(0.0, 0.0); FEATURES];
        for (bounds, range) in space.iter_mut().zip(ranges) {
            let width = (range.high - range.low).max(0.5);
            let half = width * (0.75 + 0.5 * draw.share());
            let centre = f32::midpoint(range.low, range.high);
            *bounds = (centre - half, centre + half);
        }
        let mut tree = Self { cuts: Vec::with_capacity(NODES / 2), mass: vec![0; NODES] };
        let mut level = vec![space];
        for _ in 0..DEPTH {
            let mut next = Vec::with_capacity(level.len() * 2);
            for space in level {
                let feature = (draw.next() % FEATURES as u64) as usize;
                let Some((low, high)) = space.get(feature).copied() else { continue };
                // Not in the middle: a cut beside all that was seen parts at once what lies beyond.
                let cut = low + (high - low) * draw.share();
                tree.cuts.push((feature as u8, cut));
                for bounds in [(low, cut), (cut, high)] {
                    let mut half = space;
                    if let Some(side) = half.get_mut(feature) {
                        *side = bounds;
                    }
                    next.push(half);
                }
            }
            level = next;
        }
        tree
    }

    /// The nodes that a window passes, from the root on, each with its depth.
    fn path<'a>(&'a self, vector: &'a Vector) -> impl Iterator<Item = usize> + 'a {
        std::iter::successors(Some(0_usize), |node| {
            let (feature, cut) = self.cuts.get(*node).copied()?;
            let right = vector.get(usize::from(feature)).is_some_and(|value| *value >= cut);
            Some(2 * node + 1 + usize::from(right))
        })
    }

    fn learn(&mut self, vector: &Vector) {
        let path: Vec<usize> = self.path(vector).collect();
        for node in path {
            if let Some(mass) = self.mass.get_mut(node) {
                *mass = mass.saturating_add(1);
            }
        }
    }

    fn score(&self, vector: &Vector) -> f32 {
        let mut score = 0.0;
        for (depth, node) in self.path(vector).enumerate() {
            let mass = self.mass.get(node).copied().unwrap_or_default();
            score = f32::from(mass) * (1_u32 << depth) as f32;
            if mass < CROWD_MIN {
                break;
            }
        }
        score
    }
}

impl Forest {
    /// A model of what is usual.
    pub(super) fn grow(reference: &[Vector]) -> Self {
        let ranges = std::array::from_fn(|feature| Range::of(reference, feature));
        let mut draw = Draw(SEED);
        let mut trees: Vec<Tree> = (0..TREES).map(|_| Tree::new(&ranges, &mut draw)).collect();
        for vector in reference.iter().step_by(2) {
            trees.iter_mut().for_each(|tree| tree.learn(vector));
        }
        let mut forest = Self { trees, usual: Vec::new(), ranges };
        let mut usual: Vec<f32> =
            reference.iter().skip(1).step_by(2).map(|vector| forest.score(vector)).collect();
        usual.sort_unstable_by(f32::total_cmp);
        forest.usual = usual;
        forest
    }

    fn score(&self, vector: &Vector) -> f32 {
        self.trees.iter().map(|tree| tree.score(vector)).sum()
    }

    /// Of windows like those that it was grown from, how many are as lonely as this one: a p-value.
    pub(super) fn p_value(&self, vector: &Vector) -> f32 {
        let score = self.score(vector);
        let lonelier = self.usual.partition_point(|usual| *usual <= score);
        (lonelier + 1) as f32 / (self.usual.len() + 1) as f32
    }

    pub(super) fn range(&self, feature: usize) -> Range {
        self.ranges.get(feature).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows that vary a little, the same in every run.
    fn windows(count: usize, seed: u64) -> Vec<Vector> {
        let mut draw = Draw(seed);
        (0..count).map(|_| std::array::from_fn(|feature| feature as f32 + draw.share())).collect()
    }

    #[test]
    fn what_is_usual_has_p_values_spread_evenly_and_what_is_not_has_the_least() {
        let forest = Forest::grow(&windows(REFERENCE, 1));
        let p_values: Vec<f32> = windows(400, 2).iter().map(|window| forest.p_value(window)).collect();
        let low = p_values.iter().filter(|p| **p <= 0.1).count();
        assert!((15..=75).contains(&low), "a tenth of 400, not {low}");
        let mut strange = windows(1, 3)[0];
        for feature in [0, 4, 7] {
            strange[feature] += 6.0;
        }
        assert!(forest.p_value(&strange) < 0.01, "{}", forest.p_value(&strange));
        assert!(forest.range(4).is_outside(strange[4]) && !forest.range(5).is_outside(strange[5]));
    }

    #[test]
    fn the_same_windows_make_the_same_trees() {
        let p = || Forest::grow(&windows(REFERENCE, 1)).p_value(&windows(1, 9)[0]);
        assert_eq!(p().to_bits(), p().to_bits());
    }

    /// Numbers of a flow in WUSTL-EHMS-2020 that name nobody and tell no time: no address, port, direction, flags or number
    /// of the packet, and nothing of the patient.
    const WUSTL_COLUMNS: [&str; FEATURES] = [
        "SrcBytes",
        "DstBytes",
        "SrcLoad",
        "DstLoad",
        "SIntPkt",
        "DIntPkt",
        "SrcJitter",
        "DstJitter",
        "sMaxPktSz",
        "dMaxPktSz",
        "Dur",
        "TotPkts",
        "Rate",
        "Loss",
    ];

    /// Flows of WUSTL-EHMS-2020 in order, each with whether it was an attack.
    fn wustl(table: &str) -> Vec<(Vector, bool)> {
        let mut lines = table.lines();
        let header: Vec<_> = lines.next().unwrap().split(',').map(str::trim).collect();
        let place = |name: &str| header.iter().position(|column| *column == name).unwrap();
        let columns = WUSTL_COLUMNS.map(place);
        let label = place("Label");
        let flow = |line: &str| {
            let cells: Vec<_> = line.split(',').map(str::trim).collect();
            let number = |column: usize| cells[column].parse::<f32>().unwrap_or_default();
            (columns.map(|column| (1.0 + number(column).max(0.0)).log2()), cells[label] == "1")
        };
        lines.map(flow).collect()
    }

    /// What these trees reach on somebody else's data: grown from peace of the first two fifths of the time, asked about the
    /// rest. The figures stand in `docs/evaluation.md`; they are no reason to be proud of.
    #[test]
    #[allow(clippy::print_stdout, reason = "it says what it measured")]
    fn flows_of_wustl_ehms_are_scored_by_time() {
        let Some(corpus) = std::env::var_os("WARDLINE_CORPUS") else { return };
        let name = "labelled/WUSTL-EHMS-IoMT-Security-Analysis__wustl-ehms-2020_with_attacks_categories.csv";
        let table = std::fs::read_to_string(std::path::Path::new(&corpus).join(name)).unwrap();
        let flows = wustl(&table);
        let (early, late) = flows.split_at(flows.len() * 2 / 5);
        let peace: Vec<_> = early.iter().filter(|(_, attack)| !attack).map(|(flow, _)| *flow).collect();
        let step = peace.len() / REFERENCE;
        let reference: Vec<_> = peace.iter().step_by(step).take(REFERENCE).copied().collect();
        let forest = Forest::grow(&reference);

        let scores = |wanted: bool| {
            let chosen = late.iter().filter(move |(_, attack)| *attack == wanted);
            let mut scores: Vec<f32> = chosen.map(|(flow, _)| forest.score(flow)).collect();
            scores.sort_unstable_by(f32::total_cmp);
            scores
        };
        let (attacks, usual) = (scores(true), scores(false));
        // How often an attack is lonelier than peace; half where they are as lonely (Mann and Whitney).
        let wins: f64 = attacks
            .iter()
            .map(|score| {
                let below = usual.partition_point(|other| other < score);
                let same = usual.partition_point(|other| other <= score) - below;
                (usual.len() - below - same) as f64 + 0.5 * same as f64
            })
            .sum();
        let area = wins / (attacks.len() * usual.len()) as f64;
        let share = |count: usize, of: usize| count as f64 / of as f64;
        let found_at = |rate: f64| {
            let limit = usual[(usual.len() as f64 * rate) as usize];
            share(attacks.partition_point(|score| *score < limit), attacks.len())
        };
        let told = |wanted: bool| {
            let chosen: Vec<_> = late.iter().filter(|(_, attack)| *attack == wanted).collect();
            let told = chosen.iter().filter(|(flow, _)| {
                let beyond =
                    (0..FEATURES).filter(|feature| forest.range(*feature).is_outside(flow[*feature])).count();
                forest.p_value(flow) <= 0.01 && beyond >= 2
            });
            share(told.count(), chosen.len())
        };
        println!(
            "{} flows of peace, {} of attacks: area {area:.3}; found {:.3} at 1 % false, {:.3} at 0.1 %; by the rule of one window {:.3}, false {:.4}",
            usual.len(),
            attacks.len(),
            found_at(0.01),
            found_at(0.001),
            told(true),
            told(false)
        );
        assert_eq!(flows.iter().filter(|(_, attack)| *attack).count(), 2_046);
        assert!((0.5..1.0).contains(&area), "{area}");
    }
}
