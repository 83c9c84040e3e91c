//! The cheapest amounts of several commitments over one set of hours, in whole numbers.
//!
//! In one hour, commitments with capacities `c` cover as much usage as flows from them to the SKUs
//! they apply to. By max-flow min-cut that is the least, over all sets `M` of scopes, of the usage
//! that `M` reaches plus the capacity outside `M`. So the cost is convex in the amounts, and in any
//! single amount it is piecewise linear with one breakpoint an hour: its minimum is a quantile.

/// What one offer is to the search. Amounts are in units of on-demand cost per hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lane {
    /// SKUs covered, one bit each.
    pub(super) scope: usize,
    /// Price of one unit for an hour, in parts of [`Market::one`].
    pub(super) rate: i128,
    /// Amounts bought are multiples of this; 1 is as good as continuous, since every breakpoint is a
    /// whole number.
    pub(super) step: i128,
    /// Least positive amount, a multiple of `step`.
    pub(super) least: i128,
}

/// Usage of a group of SKUs and the lanes that compete for it.
pub(super) struct Market {
    lanes: Vec<Lane>,
    /// Distinct scopes; a set of them is a bit mask over this list.
    scopes: Vec<usize>,
    /// By set of scopes: usage of each hour that the set reaches.
    reached: Vec<Vec<i128>>,
    shape: Shape,
    /// Price of one unit for an hour on demand.
    one: i128,
    hours: i128,
}

/// How the scopes overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Each lies in the next.
    Chain,
    /// Of any two, one lies in the other or they share nothing.
    Nested,
    /// Some two share a part of each.
    Crossing,
}

/// Amounts by lane, and what they cost over all hours. Ordered by cost, then by what is promised.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// Commitments and on-demand rest, in parts of [`Market::one`].
    pub(super) cost: i128,
    payment: i128,
    pub(super) amounts: Vec<i128>,
}

/// Why a market cannot be set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooLarge {
    /// More than [`Market::SCOPES_MAX`] different sets of SKUs overlap.
    Scopes,
    /// A cost could exceed 128 bits.
    Numbers,
}

/// Amounts that a bought lane may take: `low`, `low + step`, … up to `high`.
#[derive(Debug, Clone, Copy)]
struct Range {
    lane: usize,
    step: i128,
    low: i128,
    high: i128,
}

impl Market {
    /// Most different, overlapping sets of SKUs: their sets are enumerated.
    pub(super) const SCOPES_MAX: usize = 6;
    /// Most lanes whose sets are enumerated.
    const LANES_MAX: usize = 10;
    /// Most hours visited in a search that tries everything: seconds. Larger ones are not started.
    const VISITS_MAX: u128 = 500_000_000;

    /// `usage` holds one vector of hours a SKU.
    pub(super) fn new(usage: &[Vec<i128>], lanes: Vec<Lane>, one: i128) -> Result<Self, TooLarge> {
        let mut scopes: Vec<usize> = lanes.iter().map(|lane| lane.scope).collect();
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.len() > Self::SCOPES_MAX {
            return Err(TooLarge::Scopes);
        }
        let hours = usage.first().map_or(0, Vec::len);
        let reached: Vec<Vec<i128>> = (0..bit(scopes.len()))
            .map(|set| usage_of(usage, union(&scopes, set), hours).ok_or(TooLarge::Numbers))
            .collect::<Result<_, _>>()?;
        let hours = i128::try_from(hours).map_err(|_| TooLarge::Numbers)?;
        let shape = shape(&scopes);
        let market = Self { lanes, scopes, reached, shape, one, hours };
        market.largest_cost().ok_or(TooLarge::Numbers)?;
        Ok(market)
    }

    /// Proof that no sum below can overflow: every lane at its highest amount, usage on top, twice.
    fn largest_cost(&self) -> Option<i128> {
        let peak = self.peak();
        self.lanes
            .iter()
            .try_fold(peak, |sum, lane| {
                let rounded_up = peak.max(lane.least).checked_add(lane.step)?;
                sum.checked_add(rounded_up)?.checked_add(lane.step)
            })?
            .checked_mul(self.hours)?
            .checked_mul(self.one)?
            .checked_mul(4)
    }

    /// Usage of each hour that any lane reaches.
    fn all_usage(&self) -> &[i128] {
        self.reached.last().map(Vec::as_slice).unwrap_or_default()
    }

    /// The highest hour of the usage that any lane reaches.
    pub(super) fn peak(&self) -> i128 {
        self.all_usage().iter().copied().max().unwrap_or(0)
    }

    /// Usage of all hours that any lane reaches.
    pub(super) fn total(&self) -> i128 {
        self.all_usage().iter().fold(0, |sum, usage| sum.saturating_add(*usage))
    }

    /// Usage that these amounts leave on demand, over all hours.
    pub(super) fn uncovered(&self, amounts: &[i128]) -> i128 {
        let covered = self.flows(amounts, |_| true);
        covered.iter().fold(self.total(), |sum, covered| sum.saturating_sub(*covered))
    }

    /// The cheapest amounts, and whether that is proven.
    ///
    /// Each set of lanes that could be bought is searched on its own. Of several lanes for the same
    /// usage, only the one with the best price needs many steps: as soon as another holds a common
    /// multiple of both steps above its least amount, moving that much over costs no more.
    pub(super) fn cheapest(&self) -> (Candidate, bool) {
        let lanes = self.undominated();
        let ranges: Option<Vec<Vec<Range>>> = (lanes.len() <= Self::LANES_MAX)
            .then(|| (1..bit(lanes.len())).map(|bought| self.ranges(&lanes, bought)).collect());
        let nothing = self.candidate(vec![0; self.lanes.len()]);
        match ranges {
            Some(ranges) if self.visits(&ranges) <= Self::VISITS_MAX => {
                let mut amounts = vec![0; self.lanes.len()];
                let best = ranges
                    .iter()
                    .map(|ranges| self.search(ranges, &mut amounts))
                    .fold(nothing, Candidate::min);
                (best, true)
            }
            _ => (self.descend(&lanes, nothing), false),
        }
    }

    /// Lanes by price, without those that another one replaces at any amount and no higher price.
    fn undominated(&self) -> Vec<usize> {
        let replaces = |one: &Lane, other: &Lane| {
            one.rate <= other.rate
                && other.scope & !one.scope == 0
                && other.step.checked_rem(one.step) == Some(0)
                && one.least <= other.least
        };
        let mut kept: Vec<(usize, &Lane)> = self
            .lanes
            .iter()
            .enumerate()
            .filter(|(index, lane)| {
                !self.lanes.iter().enumerate().any(|(other_index, other)| {
                    replaces(other, lane) && (other_index < *index || !replaces(lane, other))
                })
            })
            .filter(|(_, lane)| lane.rate < self.one)
            .collect();
        kept.sort_by_key(|(index, lane)| (lane.rate, *index));
        kept.into_iter().map(|(index, _)| index).collect()
    }

    /// The amounts to try when exactly the lanes in `bought` (bits over `lanes`) are bought; the last
    /// range is the one that is solved in one step.
    fn ranges(&self, lanes: &[usize], bought: usize) -> Vec<Range> {
        let mut bought_lanes = lanes
            .iter()
            .enumerate()
            .filter(|(position, _)| bought & bit(*position) != 0)
            .filter_map(|(_, index)| Some((*index, self.lanes.get(*index)?)));
        let Some((first, best)) = bought_lanes.next() else {
            return Vec::new();
        };
        let mut ranges =
            vec![Range { lane: first, step: best.step, low: best.least, high: self.enough(best) }];
        for (lane, other) in bought_lanes {
            let mut high = self.enough(other);
            if other.scope & !best.scope == 0 {
                let common = common_multiple(other.step, best.step).unwrap_or(i128::MAX);
                high = high.min(
                    other.least.saturating_add(common).saturating_sub(other.step).max(other.least),
                );
            }
            ranges.push(Range { lane, step: other.step, low: other.least, high });
        }
        // Coarse steps first allow bisection, few amounts first are quick to list.
        let mut few_first = ranges.clone();
        few_first.sort_by_key(|range| (range.count(), range.lane));
        ranges.sort_by_key(|range| (std::cmp::Reverse(range.step), range.count(), range.lane));
        if self.sweeps(&ranges) <= self.sweeps(&few_first) { ranges } else { few_first }
    }

    /// The least admissible amount that covers the lane's peak hour: more is never useful.
    fn enough(&self, lane: &Lane) -> i128 {
        let set = self.set_of(lane.scope);
        let peak = self.reached.get(set).into_iter().flatten().copied().max().unwrap_or(0);
        round_up(peak, lane.step).max(lane.least)
    }

    /// The set that holds just this scope.
    fn set_of(&self, scope: usize) -> usize {
        let position = self.scopes.iter().position(|other| *other == scope).unwrap_or(0);
        bit(position)
    }

    /// Hours looked at, over all searches.
    fn visits(&self, searches: &[Vec<Range>]) -> u128 {
        let sweep = self.hours.unsigned_abs().saturating_mul(self.reached.len() as u128);
        searches
            .iter()
            .fold(0_u128, |sum, ranges| sum.saturating_add(self.sweeps(ranges)))
            .saturating_mul(sweep)
    }

    /// Most times that one search solves its last range.
    fn sweeps(&self, ranges: &[Range]) -> u128 {
        match ranges {
            [] | [_] => 1,
            [range, inner @ ..] => self.tries(range, inner).saturating_mul(self.sweeps(inner)),
        }
    }

    /// Whether the cost, minimised over the inner ranges, is convex in the amount of `range`.
    ///
    /// Two amounts on one grid, or any number of a chain in cumulative form, make an L♮-convex
    /// function (for two, with one sign turned): that stays so on every coarser grid and under partial
    /// minimisation (Murota, Discrete Convex Analysis, chapter 7). Three nested amounts have whole
    /// optima, but only on the grid of the usage itself. Beyond that nothing is claimed.
    fn is_convex(&self, range: &Range, inner: &[Range]) -> bool {
        let Some(step) = inner.first().map(|range| range.step) else {
            return true;
        };
        let on_one_grid =
            inner.iter().all(|other| other.step == step) && range.step.checked_rem(step) == Some(0);
        let is_proven = match (inner.len(), self.shape) {
            (1, _) | (_, Shape::Chain) => true,
            (2, Shape::Nested) => step == 1,
            _ => false,
        };
        on_one_grid && is_proven
    }

    /// Most amounts of `range` that are tried.
    fn tries(&self, range: &Range, inner: &[Range]) -> u128 {
        let count = range.count();
        if self.is_convex(range, inner) {
            let bits = u128::BITS.saturating_sub(count.leading_zeros());
            u128::from(bits).saturating_mul(2).saturating_add(1)
        } else {
            count
        }
    }

    /// The cheapest amounts within the ranges. `amounts` is zero in all lanes of `ranges`, before and
    /// after.
    fn search(&self, ranges: &[Range], amounts: &mut Vec<i128>) -> Candidate {
        match ranges {
            [] => self.candidate(amounts.clone()),
            [last] => self.best_amount(last, amounts),
            [range, inner @ ..] => {
                let mut at = |amount| {
                    set(amounts, range.lane, amount);
                    let found = self.search(inner, amounts);
                    set(amounts, range.lane, 0);
                    found
                };
                if self.is_convex(range, inner) {
                    range.convex_minimum(at)
                } else {
                    let mut best = at(range.low);
                    let mut amount = range.low.saturating_add(range.step);
                    while amount <= range.high {
                        best = best.min(at(amount));
                        amount = amount.saturating_add(range.step);
                    }
                    best
                }
            }
        }
    }

    /// The best amount of one lane, the other amounts given: the cost falls while more hours have
    /// room for the next unit than pay for it, so the minimum is at a quantile of the room, or at the
    /// admissible amounts beside it.
    fn best_amount(&self, range: &Range, amounts: &[i128]) -> Candidate {
        let Some(lane) = self.lanes.get(range.lane) else {
            return self.candidate(amounts.to_vec());
        };
        // Flow as a function of this lane's amount `c`: the lesser of `base + c` and `ceiling`.
        let own = self.set_of(lane.scope);
        let base = self.flows(amounts, |set| set & own == 0);
        let ceiling = self.flows(amounts, |set| set & own != 0);
        let mut uncovered = self.total();
        let mut room: Vec<i128> = base
            .iter()
            .zip(&ceiling)
            .map(|(base, ceiling)| {
                uncovered = uncovered.saturating_sub(*base.min(ceiling));
                ceiling.saturating_sub(*base).max(0)
            })
            .collect();
        // One unit for all hours costs `rate × hours`; it pays when more than this many hours use it.
        let paying =
            self.hours.saturating_mul(lane.rate).checked_div(self.one).unwrap_or(self.hours);
        let optimum = usize::try_from(paying).ok().filter(|paying| *paying < room.len()).map_or(
            0,
            |paying| {
                let (_, nth, _) = room.select_nth_unstable_by(paying, |a, b| b.cmp(a));
                *nth
            },
        );
        let with = |amount: i128| {
            let mut amounts = amounts.to_vec();
            set(&mut amounts, range.lane, amount);
            let left =
                room.iter().fold(uncovered, |left, room| left.saturating_sub(amount.min(*room)));
            self.priced(amounts, left)
        };
        let below = round_down(optimum, lane.step).max(range.low);
        let above = round_up(optimum, lane.step).max(range.low);
        with(below).min(with(above))
    }

    /// Exact in each lane by turns, from each lane's own best: for groups too large to search.
    fn descend(&self, lanes: &[usize], nothing: Candidate) -> Candidate {
        const ROUNDS_MAX: usize = 50;
        let mut best = nothing.clone();
        for start in lanes {
            let mut current = nothing.clone();
            let order = || std::iter::once(start).chain(lanes.iter().filter(|lane| *lane != start));
            for _ in 0..ROUNDS_MAX {
                let before = current.cost;
                for index in order() {
                    let Some(lane) = self.lanes.get(*index) else { continue };
                    let mut amounts = current.amounts.clone();
                    set(&mut amounts, *index, 0);
                    let range =
                        Range { lane: *index, step: lane.step, low: lane.least, high: i128::MAX };
                    let bought = self.best_amount(&range, &amounts);
                    current = current.min(self.candidate(amounts)).min(bought);
                }
                if current.cost >= before {
                    break;
                }
            }
            best = best.min(current);
        }
        best
    }

    pub(super) fn candidate(&self, amounts: Vec<i128>) -> Candidate {
        let uncovered = self.uncovered(&amounts);
        self.priced(amounts, uncovered)
    }

    fn priced(&self, amounts: Vec<i128>, uncovered: i128) -> Candidate {
        let per_hour = self.lanes.iter().zip(&amounts).fold(0_i128, |sum, (lane, amount)| {
            sum.saturating_add(lane.rate.saturating_mul(*amount))
        });
        let payment = per_hour.saturating_mul(self.hours);
        let cost = payment.saturating_add(uncovered.saturating_mul(self.one));
        Candidate { cost, payment, amounts }
    }

    /// For each hour the least cut over the sets of scopes that `counts` admits, where the lanes have
    /// these amounts: over all sets, what they cover.
    fn flows(&self, amounts: &[i128], counts: impl Fn(usize) -> bool) -> Vec<i128> {
        let mut least = vec![i128::MAX; self.all_usage().len()];
        for (set, reached) in self.reached.iter().enumerate().filter(|(set, _)| counts(*set)) {
            let outside = self
                .lanes
                .iter()
                .zip(amounts)
                .filter(|(lane, _)| self.set_of(lane.scope) & set == 0)
                .fold(0_i128, |sum, (_, amount)| sum.saturating_add(*amount));
            for (least, reached) in least.iter_mut().zip(reached) {
                *least = (*least).min(reached.saturating_add(outside));
            }
        }
        least
    }
}

impl Range {
    fn count(&self) -> u128 {
        let width = self.high.saturating_sub(self.low).checked_div(self.step).unwrap_or(0);
        width.unsigned_abs().saturating_add(1)
    }

    /// The first amount from which the cost rises, by bisection.
    fn convex_minimum(&self, mut at: impl FnMut(i128) -> Candidate) -> Candidate {
        let amount = |index: i128| self.low.saturating_add(index.saturating_mul(self.step));
        let (mut low, mut high) =
            (0_i128, i128::try_from(self.count().saturating_sub(1)).unwrap_or(i128::MAX));
        while low < high {
            let middle = low.midpoint(high);
            let next = middle.saturating_add(1);
            if at(amount(next)).cost < at(amount(middle)).cost {
                low = next;
            } else {
                high = middle;
            }
        }
        at(amount(low))
    }
}

/// The set of one position.
pub(super) fn bit(position: usize) -> usize {
    u32::try_from(position).ok().and_then(|position| 1_usize.checked_shl(position)).unwrap_or(0)
}

/// The SKUs of a set of scopes.
fn union(scopes: &[usize], set: usize) -> usize {
    scopes.iter().enumerate().fold(
        0,
        |skus, (position, scope)| {
            if set & bit(position) == 0 { skus } else { skus | scope }
        },
    )
}

fn shape(scopes: &[usize]) -> Shape {
    let every = |holds: fn(usize, usize, usize) -> bool| {
        scopes.iter().all(|one| scopes.iter().all(|other| holds(*one, *other, one & other)))
    };
    if every(|one, other, shared| shared == one || shared == other) {
        Shape::Chain
    } else if every(|one, other, shared| shared == 0 || shared == one || shared == other) {
        Shape::Nested
    } else {
        Shape::Crossing
    }
}

fn usage_of(usage: &[Vec<i128>], skus: usize, hours: usize) -> Option<Vec<i128>> {
    let mut sum = vec![0_i128; hours];
    for (_, amounts) in usage.iter().enumerate().filter(|(sku, _)| skus & bit(*sku) != 0) {
        for (sum, amount) in sum.iter_mut().zip(amounts) {
            *sum = sum.checked_add(*amount)?;
        }
    }
    Some(sum)
}

fn set(amounts: &mut [i128], lane: usize, amount: i128) {
    if let Some(slot) = amounts.get_mut(lane) {
        *slot = amount;
    }
}

/// The greatest multiple of `step` that is not above a value of at least 0.
fn round_down(value: i128, step: i128) -> i128 {
    value.saturating_sub(value.checked_rem(step).unwrap_or(0))
}

/// The least multiple of `step` that is not below a value of at least 0.
pub(super) fn round_up(value: i128, step: i128) -> i128 {
    let down = round_down(value, step);
    if down == value { value } else { down.saturating_add(step) }
}

fn common_multiple(left: i128, right: i128) -> Option<i128> {
    let (mut a, mut b) = (left, right);
    while b != 0 {
        (a, b) = (b, a.checked_rem(b)?);
    }
    left.checked_div(a)?.checked_mul(right)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lane(scope: usize, rate: i128, step: i128, least: i128) -> Lane {
        Lane { scope, rate, step, least: round_up(least.max(step), step) }
    }

    /// Every admissible combination up to the peak, the slow way: amounts are used up SKU by SKU by a
    /// maximum flow found by augmenting one unit at a time.
    fn brute_force(usage: &[Vec<i128>], lanes: &[Lane], one: i128) -> i128 {
        let hours = usage[0].len();
        let peak: i128 = (0..hours).map(|h| usage.iter().map(|u| u[h]).sum()).max().unwrap_or(0);
        let admissible = |lane: &Lane| {
            let high = round_up(peak, lane.step).max(lane.least);
            let bought = (0..=high).filter(|c| *c >= lane.least && c % lane.step == 0);
            std::iter::once(0).chain(bought).collect::<Vec<_>>()
        };
        let mut combinations = vec![vec![]];
        for lane in lanes {
            let amounts = admissible(lane);
            combinations = combinations
                .into_iter()
                .flat_map(|before: Vec<i128>| {
                    amounts.iter().map(move |c| [before.clone(), vec![*c]].concat())
                })
                .collect();
        }
        let reached: usize = lanes.iter().fold(0, |skus, lane| skus | lane.scope);
        combinations
            .into_iter()
            .map(|amounts| {
                (0..hours)
                    .map(|h| {
                        let demand: Vec<i128> = (0..usage.len())
                            .map(|s| if reached & (1 << s) == 0 { 0 } else { usage[s][h] })
                            .collect();
                        let covered = unit_flow(&demand, lanes, &amounts);
                        let paid: i128 =
                            lanes.iter().zip(&amounts).map(|(lane, c)| lane.rate * c).sum();
                        paid + one * (demand.iter().sum::<i128>() - covered)
                    })
                    .sum()
            })
            .min()
            .unwrap()
    }

    fn unit_flow(demand: &[i128], lanes: &[Lane], amounts: &[i128]) -> i128 {
        let mut from = vec![vec![0_i128; demand.len()]; lanes.len()];
        let mut flow = 0;
        loop {
            // Breadth-first over lanes: from a lane with capacity left to a SKU with demand left.
            let used = |from: &Vec<Vec<i128>>, l: usize| from[l].iter().sum::<i128>();
            let served = |from: &Vec<Vec<i128>>, s: usize| from.iter().map(|f| f[s]).sum::<i128>();
            let mut parent: Vec<Option<(usize, usize)>> = vec![None; lanes.len()];
            let mut queue: Vec<usize> =
                (0..lanes.len()).filter(|l| used(&from, *l) < amounts[*l]).collect();
            let mut seen = queue.clone();
            let mut found = None;
            'search: while !queue.is_empty() {
                let l = queue.remove(0);
                for s in (0..demand.len()).filter(|s| lanes[l].scope & (1 << s) != 0) {
                    if served(&from, s) < demand[s] {
                        found = Some((l, s));
                        break 'search;
                    }
                    for other in 0..lanes.len() {
                        if from[other][s] > 0 && !seen.contains(&other) {
                            seen.push(other);
                            parent[other] = Some((l, s));
                            queue.push(other);
                        }
                    }
                }
            }
            let Some((mut l, s)) = found else { return flow };
            from[l][s] += 1;
            while let Some((before, via)) = parent[l] {
                from[l][via] -= 1;
                from[before][via] += 1;
                l = before;
            }
            flow += 1;
        }
    }

    fn check(usage: &[Vec<i128>], lanes: &[Lane]) -> Result<(), TestCaseError> {
        let market = Market::new(usage, lanes.to_vec(), 100).unwrap();
        let (found, exact) = market.cheapest();
        prop_assert!(exact);
        prop_assert_eq!(&market.candidate(found.amounts.clone()), &found);
        for (amount, lane) in found.amounts.iter().zip(lanes) {
            prop_assert!(*amount == 0 || (*amount >= lane.least && amount % lane.step == 0));
        }
        prop_assert_eq!(found.cost, brute_force(usage, lanes, 100));
        let descended =
            market.descend(&market.undominated(), market.candidate(vec![0; lanes.len()]));
        prop_assert!(descended.cost >= found.cost);
        Ok(())
    }

    fn any_lane(scope: impl Strategy<Value = usize>) -> impl Strategy<Value = Lane> {
        (scope, 0_i128..=100, 1_i128..=5, 0_i128..=8)
            .prop_map(|(scope, rate, step, least)| lane(scope, rate, step, least))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn one_lane_equals_brute_force(
            usage in prop::collection::vec(0_i128..=40, 1..=30),
            lane in any_lane(Just(1)),
        ) {
            check(&[usage], &[lane])?;
        }

        #[test]
        fn lanes_for_the_same_usage_equal_brute_force(
            usage in prop::collection::vec(0_i128..=14, 1..=8),
            lanes in prop::collection::vec(any_lane(Just(1)), 2..=3),
        ) {
            check(&[usage], &lanes)?;
        }

        #[test]
        fn overlapping_lanes_equal_brute_force(
            usage in prop::collection::vec([0_i128..=5, 0_i128..=5, 0_i128..=5], 1..=4),
            lanes in prop::collection::vec(any_lane(1_usize..=7), 2..=3),
        ) {
            let by_sku: Vec<Vec<i128>> =
                (0..3).map(|sku| usage.iter().map(|hour| hour[sku]).collect()).collect();
            check(&by_sku, &lanes)?;
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn lanes_on_one_grid_equal_brute_force(
            usage in prop::collection::vec([0_i128..=6, 0_i128..=6, 0_i128..=6], 1..=5),
            rates in [1_i128..=100, 1_i128..=100, 1_i128..=100],
            step in 1_i128..=3,
            coarser in 1_i128..=2,
            least in 1_i128..=4,
            scopes in prop::sample::select(vec![
                [0b001, 0b010, 0b011], // nested
                [0b001, 0b011, 0b111], // a chain
                [0b011, 0b110, 0b101], // crossing
            ]),
        ) {
            let by_sku: Vec<Vec<i128>> =
                (0..3).map(|sku| usage.iter().map(|hour| hour[sku]).collect()).collect();
            let lanes = [
                lane(scopes[0], rates[0], step * coarser, 1),
                lane(scopes[1], rates[1], step, least),
                lane(scopes[2], rates[2], step, 1),
            ];
            check(&by_sku, &lanes)?;
            check(&by_sku, &lanes[..2])?;
        }
    }

    /// AWS's case: a cheap plan for one SKU inside a dearer plan for all, in fine steps. The bisection
    /// must visit thousands of points, not billions.
    #[test]
    fn fine_nested_lanes_are_solved_exactly() {
        let hours = 0..8760_i128;
        let one_sku: Vec<i128> = hours.clone().map(|h| 1_000_000_000 * (h % 24)).collect();
        let another: Vec<i128> = hours.map(|h| 700_000_000 * (h % 7)).collect();
        let lanes = vec![lane(0b01, 60, 1_000, 1), lane(0b11, 72, 1_000, 1)];
        let market = Market::new(&[one_sku, another], lanes, 100).unwrap();
        let (found, exact) = market.cheapest();
        assert!(exact);
        // No neighbour is cheaper, near or far, which for a convex function is a proof in the axes
        // and diagonals tried.
        for by in [1_000, 1_000_000, 100_000_000] {
            for (x, y) in [(1, 0), (-1, 0), (0, 1), (0, -1), (1, -1), (-1, 1), (1, 1), (-1, -1)] {
                let moved = vec![found.amounts[0] + x * by, found.amounts[1] + y * by];
                assert!(market.candidate(moved).cost >= found.cost);
            }
        }
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let usage = vec![vec![1_i128]; 7];
        let lanes = |count: usize| (0..count).map(|bit| lane(1 << bit | 1, 50, 1, 1)).collect();
        assert_eq!(Market::new(&usage, lanes(7), 100).err(), Some(TooLarge::Scopes));
        assert!(Market::new(&usage, lanes(6), 100).is_ok());
        let huge = vec![vec![i128::MAX / 300]];
        assert_eq!(Market::new(&huge, lanes(1), 100).err(), Some(TooLarge::Numbers));
    }
}
