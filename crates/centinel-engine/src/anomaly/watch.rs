//! Which parts of the spend are watched: every value of every dimension, and pairs that matter, chosen
//! by their cost.
//!
//! All slices are sums over the same leaves (label sets with what they did each day), so that two
//! slices with the same leaves are one, and an event of some leaves is known to be one of a slice.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, DateTime};

use super::{HourlySeries, Point, Series};

/// A slice's name by dimension; everything when empty.
pub type Scope = BTreeMap<String, String>;

/// What a label set did on one day.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LeafDay {
    /// Cost of calls, in the currency of the table.
    pub call_cost: f64,
    /// Cost of charges, which know no calls or tokens.
    pub charge_cost: f64,
    /// Business outputs; `None` where the day states none.
    pub outputs: Option<f64>,
    /// Calls.
    pub calls: f64,
    /// Input tokens, cached ones included.
    pub tokens_in: f64,
    /// Input tokens that were read from a cache.
    pub tokens_cached: f64,
    /// Output tokens.
    pub tokens_out: f64,
    /// Calls that failed, and calls that repeat a failed one.
    pub failed_calls: f64,
}

impl LeafDay {
    /// Adds what another did.
    pub fn add(&mut self, other: &Self) {
        self.call_cost += other.call_cost;
        self.charge_cost += other.charge_cost;
        self.calls += other.calls;
        self.tokens_in += other.tokens_in;
        self.tokens_cached += other.tokens_cached;
        self.tokens_out += other.tokens_out;
        self.failed_calls += other.failed_calls;
        if let Some(outputs) = other.outputs {
            self.outputs = Some(self.outputs.unwrap_or(0.0) + outputs);
        }
    }

    /// Cost of calls and charges.
    pub fn cost(&self) -> f64 {
        self.call_cost + self.charge_cost
    }
}

/// A label set, day by day.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// Its values, in the order of [`LeafTable::dimensions`].
    pub labels: Vec<Option<String>>,
    /// One entry a day.
    pub days: Vec<LeafDay>,
}

/// Every label set of a ledger, in one currency.
#[derive(Debug, Clone, PartialEq)]
pub struct LeafTable {
    /// Names of the dimensions.
    pub dimensions: Vec<String>,
    /// The day of the first entry of every leaf.
    pub first_day: Date,
    /// The label sets; their order is that of every sum.
    pub leaves: Vec<Leaf>,
}

/// A part of the spend that is watched.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// What it is.
    pub scope: Scope,
    /// Position of its shape: of two that fit alike, people are shown the one that comes first.
    pub shape: usize,
    /// Positions of its leaves, ascending.
    pub leaves: Vec<usize>,
    /// Its cost over the days by which slices are chosen.
    pub recent_cost: f64,
}

/// The last days by whose cost slices are chosen.
const RECENT_DAYS: usize = 56;
/// A slice of calls and charges has ratios of its calls only where these are at least this share of
/// its cost: a bill of machines in the numerator would be no price of a token.
const CALLS_SHARE_MIN: f64 = 0.95;

impl LeafTable {
    /// The slices of the shapes, each a set of dimensions: of two with the same leaves the one whose
    /// shape comes first, and of all the `most` with the largest recent cost, largest first. A slice
    /// without any cost is left out.
    pub fn slices(&self, shapes: &[&[&str]], most: usize) -> Vec<Slice> {
        let mut found: Vec<Slice> = Vec::new();
        let mut known: BTreeSet<Vec<usize>> = BTreeSet::new();
        for (rank, shape) in shapes.iter().enumerate() {
            let positions: Option<Vec<usize>> = shape
                .iter()
                .map(|name| self.dimensions.iter().position(|dimension| dimension == name))
                .collect();
            let Some(positions) = positions else { continue };
            let mut groups: BTreeMap<Vec<&str>, Vec<usize>> = BTreeMap::new();
            for (index, leaf) in self.leaves.iter().enumerate() {
                let values: Option<Vec<&str>> = positions
                    .iter()
                    .map(|position| leaf.labels.get(*position)?.as_deref())
                    .collect();
                if let Some(values) = values {
                    groups.entry(values).or_default().push(index);
                }
            }
            for (values, leaves) in groups {
                let recent_cost = self.recent_cost(&leaves);
                if recent_cost > 0.0 && known.insert(leaves.clone()) {
                    let names = shape.iter().map(|name| (*name).to_owned());
                    let scope = names.zip(values.into_iter().map(str::to_owned)).collect();
                    found.push(Slice { scope, shape: rank, leaves, recent_cost });
                }
            }
        }
        found.sort_by(|a, b| {
            b.recent_cost.total_cmp(&a.recent_cost).then_with(|| a.scope.cmp(&b.scope))
        });
        found.truncate(most);
        found
    }

    fn recent_cost(&self, leaves: &[usize]) -> f64 {
        let of_leaf = |leaf: &Leaf| -> f64 {
            leaf.days.iter().rev().take(RECENT_DAYS).map(LeafDay::cost).sum()
        };
        leaves.iter().filter_map(|index| self.leaves.get(*index)).map(of_leaf).sum()
    }

    /// The leaves that carry a scope's values.
    pub fn leaves_of(&self, scope: &Scope) -> Vec<usize> {
        let conditions: Option<Vec<(usize, &str)>> = scope
            .iter()
            .map(|(name, value)| {
                let position = self.dimensions.iter().position(|dimension| dimension == name)?;
                Some((position, value.as_str()))
            })
            .collect();
        let Some(conditions) = conditions else { return Vec::new() };
        let is_in = |leaf: &Leaf| {
            conditions.iter().all(|(position, value)| {
                leaf.labels.get(*position).and_then(Option::as_deref) == Some(*value)
            })
        };
        let numbered = self.leaves.iter().enumerate();
        numbered.filter(|(_, leaf)| is_in(leaf)).map(|(index, _)| index).collect()
    }

    /// The share of a slice's recent cost that leaves of `part` have; zero for a slice without cost.
    pub fn share(&self, slice: &Slice, part: &BTreeSet<usize>) -> f64 {
        let common: Vec<usize> =
            slice.leaves.iter().copied().filter(|index| part.contains(index)).collect();
        let whole = self.recent_cost(&slice.leaves);
        if whole > 0.0 { self.recent_cost(&common) / whole } else { 0.0 }
    }

    /// A slice day by day, as the detector judges it.
    pub fn series(&self, slice: &Slice) -> Series {
        let length = self.leaves.first().map_or(0, |leaf| leaf.days.len());
        let mut sums = vec![LeafDay::default(); length];
        for leaf in slice.leaves.iter().filter_map(|index| self.leaves.get(*index)) {
            for (sum, day) in sums.iter_mut().zip(&leaf.days) {
                sum.add(day);
            }
        }
        let of_calls: f64 = sums.iter().map(|day| day.call_cost).sum();
        let whole: f64 = sums.iter().map(LeafDay::cost).sum();
        let has_ratios = of_calls > 0.0 && of_calls >= CALLS_SHARE_MIN * whole;
        let points = sums
            .iter()
            .map(|day| {
                let of_calls = |count: f64| (has_ratios && day.calls > 0.0).then_some(count);
                Point {
                    cost: day.cost(),
                    visible_share: 1.0,
                    outputs: day.outputs.filter(|outputs| has_ratios && *outputs > 0.0),
                    calls: of_calls(day.calls),
                    tokens_in: of_calls(day.tokens_in),
                    tokens_cached: of_calls(day.tokens_cached),
                    failed_calls: of_calls(day.failed_calls),
                    tokens_out: of_calls(day.tokens_out),
                }
            })
            .collect();
        Series { name: name_of(&slice.scope), first_day: self.first_day, points }
    }
}

/// The calls of a slice hour by hour, as the detector judges them. Charges have no part in it: bills come
/// by the day, and late. An hour without calls has none; outputs are unknown where no hour states any.
pub fn hourly_series(scope: &Scope, first_hour: DateTime, hours: &[LeafDay]) -> HourlySeries {
    let has_outputs = hours.iter().any(|hour| hour.outputs.is_some());
    let points = hours.iter().map(|hour| Point {
        outputs: has_outputs.then(|| hour.outputs.unwrap_or(0.0)),
        calls: Some(hour.calls),
        tokens_in: Some(hour.tokens_in),
        tokens_out: Some(hour.tokens_out),
        ..Point::of_cost(hour.call_cost)
    });
    HourlySeries { name: name_of(scope), first_hour, points: points.collect() }
}

/// `feature=search, model=m`; `everything` for the whole.
pub fn name_of(scope: &Scope) -> String {
    if scope.is_empty() {
        return "everything".to_owned();
    }
    let parts: Vec<String> = scope.iter().map(|(name, value)| format!("{name}={value}")).collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn leaf(labels: [Option<&str>; 2], cost: f64, charges: f64) -> Leaf {
        let day = LeafDay {
            call_cost: cost,
            charge_cost: charges,
            calls: cost * 10.0,
            tokens_in: cost * 1000.0,
            tokens_cached: 0.0,
            tokens_out: cost * 100.0,
            failed_calls: 0.0,
            outputs: (cost > 0.0).then_some(cost),
        };
        Leaf { labels: labels.map(|label| label.map(str::to_owned)).to_vec(), days: vec![day; 3] }
    }

    fn table() -> LeafTable {
        LeafTable {
            dimensions: vec!["team".to_owned(), "model".to_owned()],
            first_day: date(2026, 10, 1),
            leaves: vec![
                leaf([Some("a"), Some("m")], 2.0, 0.0),
                leaf([Some("a"), Some("n")], 1.0, 0.0),
                leaf([Some("b"), Some("n")], 4.0, 0.0),
                leaf([Some("b"), None], 0.0, 5.0),
            ],
        }
    }

    #[test]
    fn slices_are_ranked_by_cost_and_none_stands_twice() {
        let shapes: [&[&str]; 4] = [&["team"], &["model"], &["team", "model"], &[]];
        let slices = table().slices(&shapes, 10);
        let names: Vec<String> = slices.iter().map(|slice| name_of(&slice.scope)).collect();
        // Team a and model m is model m; everything has leaves of its own.
        assert_eq!(
            names,
            [
                "everything",
                "team=b",
                "model=n",
                "model=n, team=b",
                "team=a",
                "model=m",
                "model=n, team=a"
            ]
        );
        assert_eq!(table().slices(&shapes, 2).len(), 2);
    }

    #[test]
    fn a_slice_of_machines_and_calls_has_no_price_per_token() {
        let table = table();
        let slices = table.slices(&[&["team"]], 10);
        let mixed = table.series(slices.first().unwrap());
        assert!((mixed.points.first().unwrap().cost - 9.0).abs() < 1e-12);
        assert_eq!(mixed.points.first().unwrap().calls, None);
        let calls = table.series(slices.last().unwrap());
        assert_eq!(calls.points.first().unwrap().calls, Some(30.0));
        assert_eq!(calls.points.first().unwrap().outputs, Some(3.0));
    }

    #[test]
    fn a_scope_has_its_leaves_and_its_share() {
        let table = table();
        let scope: Scope = [("model".to_owned(), "n".to_owned())].into();
        assert_eq!(table.leaves_of(&scope), [1, 2]);
        assert_eq!(table.leaves_of(&Scope::new()).len(), 4);
        assert!(table.leaves_of(&[("planet".to_owned(), "n".to_owned())].into()).is_empty());
        let team = table.slices(&[&["team"]], 1).remove(0);
        let part = table.leaves_of(&scope).into_iter().collect();
        assert!((table.share(&team, &part) - 4.0 / 9.0).abs() < 1e-12);
    }
}
