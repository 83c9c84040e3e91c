//! From exact effects to amounts that add up, across and down.
//!
//! Everything is rounded with the change pointing up and turned back afterwards, so that swapping the
//! sides negates every amount, ties included. A driver without an effect keeps exactly zero.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "big integers do not overflow, divisors are positive, and sums of amounts are far below \
              128 bits because every amount has been checked to fit with six digits to spare"
)]

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_traits::{Euclid as _, Signed as _, ToPrimitive as _, Zero};

use super::{CellEffects, Decomposition, Driver, Effect, Part, shapley::Effects};
use crate::money::Pico;

const DRIVERS: usize = Driver::ALL.len();
/// Drivers, then the parts of tokens per call.
const COLUMNS: usize = DRIVERS + 3;

/// One cell, exact.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) dims: BTreeMap<String, String>,
    /// Cost in units of money.
    pub(super) before: BigInt,
    /// Cost in units of money.
    pub(super) after: BigInt,
    pub(super) effects: Effects,
}

/// A decomposition at the precision of a display: it adds up as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waterfall {
    /// Cost before.
    pub before: Pico,
    /// Cost after.
    pub after: Pico,
    /// The change.
    pub delta: Pico,
    /// Every driver, in the order of [`Driver::ALL`].
    pub effects: Vec<(Driver, Pico)>,
}

impl Decomposition {
    /// The amounts at `places` decimals (12 at most), rounded by largest remainder so that the
    /// effects add to the change, and the change leads from before to after, as shown.
    pub fn rounded(&self, places: u32) -> Waterfall {
        let unit = 10_i128.pow(Pico::SCALE.saturating_sub(places));
        let [before, after] =
            [self.before, self.after].map(|amount| amount.to_display(places).mantissa_at(places));
        let sign = if self.delta.0 < 0 { -1 } else { 1 };
        let exact = || self.effects.iter().map(|effect| effect.amount.0 * sign);
        let floors: Vec<i128> = exact().map(|amount| amount.div_euclid(unit)).collect();
        let remainders: Vec<i128> = exact().map(|amount| amount.rem_euclid(unit)).collect();
        let (before, after) = (before.unwrap_or(0), after.unwrap_or(0));
        let shown = apportion(&floors, &remainders, (after - before) * sign);
        Waterfall {
            before: Pico(before * unit),
            after: Pico(after * unit),
            delta: Pico((after - before) * unit),
            effects: Driver::ALL
                .into_iter()
                .zip(shown)
                .map(|(driver, amount)| (driver, Pico(amount * sign * unit)))
                .collect(),
        }
    }
}

/// A number of pico-units: a whole part, and the rest over a denominator that is kept apart.
#[derive(Debug, Clone, Default)]
struct Split {
    floor: i128,
    remainder: BigInt,
}

/// The columns of one row, and the denominator of their remainders.
#[derive(Debug)]
struct SplitRow {
    columns: [Split; COLUMNS],
    denominator: BigInt,
}

/// Rounds all amounts at 12 decimals; `None` when one does not fit. `money` is the units of
/// [`Row::before`] in one currency unit.
pub(super) fn round(
    rows: Vec<Row>,
    money: &BigInt,
    knows_reasoning: bool,
) -> Option<Decomposition> {
    let sign = orientation(&rows);
    let (before, before_by_row) = round_side(rows.iter().map(|row| &row.before), money)?;
    let (after, after_by_row) = round_side(rows.iter().map(|row| &row.after), money)?;
    let delta = after - before;

    let split: Vec<SplitRow> =
        rows.iter().map(|row| split_row(&row.effects, sign)).collect::<Option<_>>()?;
    let sums = column_sums(&split)?;
    let (drivers, parts) = sums.split_at_checked(DRIVERS)?;
    let totals = apportion_split(drivers, delta * sign);
    let mut amounts: Vec<Vec<i128>> = Vec::with_capacity(rows.len());
    for (row, (before, after)) in split.iter().zip(before_by_row.iter().zip(&after_by_row)) {
        let (drivers, _) = row.columns.split_at_checked(DRIVERS)?;
        amounts.push(apportion_split(drivers, (after - before) * sign));
    }
    balance(&split, &mut amounts, &totals);

    let turn = |amount: i128| Pico(amount * sign);
    let effects = |amounts: &[i128]| -> Vec<Effect> {
        Driver::ALL
            .into_iter()
            .zip(amounts)
            .map(|(driver, amount)| Effect { driver, amount: turn(*amount), parts: Vec::new() })
            .collect()
    };
    let mut total_effects = effects(&totals);
    if let Some(tokens) = total_effects.get_mut(Driver::TokensPerCall as usize)
        && parts.iter().any(|part| !part.is_zero())
    {
        let shown = apportion_split(parts, tokens.amount.0 * sign);
        let names = ["input", "output", "reasoning"].into_iter();
        tokens.parts = names
            .zip(shown)
            .filter(|(name, _)| knows_reasoning || *name != "reasoning")
            .map(|(name, amount)| Part { name, amount: turn(amount) })
            .collect();
    }
    let explained: i128 = total_effects.iter().map(|effect| effect.amount.0).sum();
    let sides = before_by_row.into_iter().zip(after_by_row);
    Some(Decomposition {
        before: Pico(before),
        after: Pico(after),
        delta: Pico(delta),
        effects: total_effects,
        residual: Pico(delta - explained),
        by_cell: rows
            .into_iter()
            .zip(sides)
            .zip(&amounts)
            .map(|((row, (before, after)), amounts)| CellEffects {
                cell: row.dims,
                before: Pico(before),
                after: Pico(after),
                delta: Pico(after - before),
                effects: effects(amounts),
            })
            .collect(),
        chance: Vec::new(),
        notes: Vec::new(),
        rejected: Vec::new(),
    })
}

/// 1, or -1 when the first number that is not zero (the change, then the rows' effects) is negative.
fn orientation(rows: &[Row]) -> i128 {
    let change: BigInt = rows.iter().map(|row| &row.after - &row.before).sum();
    let negative = std::iter::once(&change)
        .chain(rows.iter().flat_map(|row| &row.effects.drivers))
        .find(|number| !number.is_zero())
        .is_some_and(BigInt::is_negative);
    if negative { -1 } else { 1 }
}

fn pico_unit() -> BigInt {
    BigInt::from(Pico::ONE.0)
}

/// An amount that leaves room for sums of a million like it.
fn fitting(amount: &BigInt) -> Option<i128> {
    amount.to_i128().filter(|amount| amount.unsigned_abs() < u128::MAX >> 22)
}

/// The sum of one side at 12 decimals, half-even, and its rows, which add to it.
fn round_side<'a>(
    costs: impl Iterator<Item = &'a BigInt> + Clone,
    money: &BigInt,
) -> Option<(i128, Vec<i128>)> {
    let sum = costs.clone().sum::<BigInt>() * pico_unit();
    let (floor, remainder) = sum.div_rem_euclid(money);
    let twice: BigInt = remainder * 2;
    let up = match twice.cmp(money) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => floor.bit(0),
        std::cmp::Ordering::Greater => true,
    };
    let total = fitting(&(floor + i64::from(up)))?;
    let (mut floors, mut remainders) = (Vec::new(), Vec::new());
    for cost in costs {
        let (floor, remainder) = (cost * pico_unit()).div_rem_euclid(money);
        floors.push(fitting(&floor)?);
        remainders.push(remainder);
    }
    Some((total, apportion(&floors, &remainders, total)))
}

fn split_row(effects: &Effects, sign: i128) -> Option<SplitRow> {
    let mut columns: [Split; COLUMNS] = Default::default();
    let exact = effects.drivers.iter().chain(&effects.parts);
    for (column, numerator) in columns.iter_mut().zip(exact) {
        if !numerator.is_zero() {
            let (floor, remainder) =
                (numerator * (sign * Pico::ONE.0)).div_rem_euclid(&effects.denominator);
            *column = Split { floor: fitting(&floor)?, remainder };
        }
    }
    Some(SplitRow { columns, denominator: effects.denominator.clone() })
}

impl Split {
    fn is_zero(&self) -> bool {
        self.floor == 0 && self.remainder.is_zero()
    }
}

/// Sums of the columns. Their remainders are over one denominator, but not over a known one: they
/// are good for comparing only.
fn column_sums(rows: &[SplitRow]) -> Option<[Split; COLUMNS]> {
    let mut floors = [0_i128; COLUMNS];
    for row in rows {
        for (sum, column) in floors.iter_mut().zip(&row.columns) {
            *sum = sum.checked_add(column.floor)?;
        }
    }
    let (remainders, unit) = fixed_point_sums(rows).unwrap_or_else(|| exact_sums(rows));
    let mut sums: [Split; COLUMNS] = Default::default();
    for ((sum, floor), remainder) in sums.iter_mut().zip(floors).zip(remainders) {
        let (carry, remainder) = remainder.div_rem_euclid(&unit);
        *sum = Split { floor: floor.checked_add(carry.to_i128()?)?, remainder };
    }
    Some(sums)
}

/// Sums of the remainders in units of `1 / (60 × 2^192)` of a pico-unit; `None` where what is lost
/// below could change a floor or an order. Without it, thousands of cells with denominators of their
/// own would have to be brought over one of millions of bits.
fn fixed_point_sums(rows: &[SplitRow]) -> Option<([BigInt; COLUMNS], BigInt)> {
    // Sixtieths, because halves to sixths are what Shapley weights leave of round amounts.
    let unit = BigInt::from(60) << 192;
    let mut sums: [BigInt; COLUMNS] = Default::default();
    let mut lost = [0_u64; COLUMNS];
    for row in rows {
        for ((sum, lost), column) in sums.iter_mut().zip(&mut lost).zip(&row.columns) {
            if !column.remainder.is_zero() {
                let scaled: BigInt = &column.remainder * &unit;
                let (scaled, rest) = scaled.div_rem_euclid(&row.denominator);
                *sum += scaled;
                *lost += u64::from(!rest.is_zero());
            }
        }
    }
    // What was lost is less than one unit a row and never nothing: every exact fraction lies between
    // its own and that many further, which is only in doubt where these ranges touch. Columns that
    // agree row by row (two drivers that doubled alike) tie whatever was lost.
    let mut fractions: Vec<(BigInt, u64, usize)> = sums
        .iter()
        .zip(lost)
        .enumerate()
        .map(|(column, (sum, lost))| (sum.rem_euclid(&unit), lost, column))
        .collect();
    fractions.sort();
    let carries = fractions.iter().any(|(fraction, lost, _)| *lost > 0 && fraction + lost >= unit);
    let collides = fractions.windows(2).any(|pair| match pair {
        [(low, lost, left), (high, lost_high, right)] => {
            lost + lost_high > 0 && low + lost >= *high && !columns_agree(rows, *left, *right)
        }
        _ => false,
    });
    if carries || collides {
        return None;
    }
    // A fraction of which all was lost is still not zero.
    for (sum, lost) in sums.iter_mut().zip(lost) {
        *sum += u64::from(lost > 0);
    }
    Some((sums, unit))
}

fn columns_agree(rows: &[SplitRow], left: usize, right: usize) -> bool {
    let remainder = |row: &SplitRow, column: usize| {
        row.columns.get(column).map(|column| column.remainder.clone())
    };
    rows.iter().all(|row| remainder(row, left) == remainder(row, right))
}

/// The same sums over the product of all denominators.
fn exact_sums(rows: &[SplitRow]) -> ([BigInt; COLUMNS], BigInt) {
    match rows {
        [] => (Default::default(), BigInt::from(1)),
        [row] => {
            (row.columns.each_ref().map(|column| column.remainder.clone()), row.denominator.clone())
        }
        rows => {
            let (left, right) = rows.split_at(rows.len() / 2);
            let ((mut left, under_left), (right, under_right)) =
                (exact_sums(left), exact_sums(right));
            for (left, right) in left.iter_mut().zip(right) {
                *left = &*left * &under_right + right * &under_left;
            }
            (left, under_left * under_right)
        }
    }
}

fn apportion_split(columns: &[Split], total: i128) -> Vec<i128> {
    let floors: Vec<i128> = columns.iter().map(|column| column.floor).collect();
    let remainders: Vec<BigInt> = columns.iter().map(|column| column.remainder.clone()).collect();
    apportion(&floors, &remainders, total)
}

/// Largest remainder: whole numbers that add to `total`, near `floor + remainder`. Of equal
/// remainders the first wins; an entry of exactly zero is not touched, unless all are.
fn apportion<R: Ord + Zero>(floors: &[i128], remainders: &[R], total: i128) -> Vec<i128> {
    let mut amounts = floors.to_vec();
    let left = total - floors.iter().sum::<i128>();
    if left == 0 {
        return amounts;
    }
    let entries = || amounts.iter().zip(remainders).enumerate();
    let mut order: Vec<usize> = entries()
        .filter(|(_, (floor, remainder))| **floor != 0 || !remainder.is_zero())
        .map(|(index, _)| index)
        .collect();
    if order.is_empty() {
        order = entries().map(|(index, _)| index).collect();
    }
    order.sort_by(|a, b| remainders.get(*b).cmp(&remainders.get(*a)));
    if left < 0 {
        order.reverse();
    }
    let mut rest = left.unsigned_abs();
    for index in order.iter().cycle() {
        if rest == 0 {
            break;
        }
        if let Some(amount) = amounts.get_mut(*index) {
            *amount += left.signum();
        }
        rest -= 1;
    }
    amounts
}

/// How far a cell's amount may be moved to make the columns add up, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freedom {
    /// Between the two whole numbers around the exact amount.
    Fraction,
    /// Anywhere, unless the exact amount is zero.
    NotZero,
    /// Anywhere.
    Any,
}

impl Freedom {
    fn permits(self, exact: &Split, amount: i128, step: i128) -> bool {
        match self {
            Self::Fraction => {
                !exact.remainder.is_zero() && amount == exact.floor + i128::from(step < 0)
            }
            Self::NotZero => !exact.is_zero(),
            Self::Any => true,
        }
    }
}

/// Moves units within rows, which keep their sums, until every column adds to its total.
///
/// Rows are rounded on their own first; what the columns then lack is small. A unit goes from a
/// column that has too much to one that lacks it, if need be through others (a flow over six nodes).
fn balance(rows: &[SplitRow], amounts: &mut [Vec<i128>], totals: &[i128]) {
    for freedom in [Freedom::Fraction, Freedom::NotZero, Freedom::Any] {
        loop {
            let gaps: Vec<i128> = totals
                .iter()
                .enumerate()
                .map(|(column, total)| {
                    total - amounts.iter().filter_map(|row| row.get(column)).sum::<i128>()
                })
                .collect();
            if gaps.iter().all(|gap| *gap == 0) {
                return;
            }
            let capacity = capacities(rows, amounts, freedom);
            let Some(path) = path(&gaps, &capacity) else { break };
            let ends = path.first().zip(path.last());
            let gap = ends.map_or(0, |((from, _), (_, to))| {
                let gap = |column: &usize| gaps.get(*column).copied().unwrap_or(0).unsigned_abs();
                gap(from).min(gap(to))
            });
            let width = path.iter().map(|step| capacity.get(step).copied().unwrap_or(0)).min();
            let units = gap.min(width.unwrap_or(0));
            for (from, to) in path {
                shift(rows, amounts, freedom, (from, to), units);
            }
        }
    }
}

/// How many rows could move a unit, by (from, to) column.
fn capacities(
    rows: &[SplitRow],
    amounts: &[Vec<i128>],
    freedom: Freedom,
) -> BTreeMap<(usize, usize), u128> {
    let mut capacity = BTreeMap::new();
    for (row, amounts) in rows.iter().zip(amounts) {
        let may = |step: i128| {
            let entries = row.columns.iter().zip(amounts).enumerate();
            entries
                .filter(move |(_, (exact, amount))| freedom.permits(exact, **amount, step))
                .map(|(column, _)| column)
        };
        for from in may(-1) {
            for to in may(1).filter(|to| *to != from) {
                *capacity.entry((from, to)).or_default() += 1;
            }
        }
    }
    capacity
}

/// The shortest way from a column with too much to one with too little, as steps.
fn path(gaps: &[i128], capacity: &BTreeMap<(usize, usize), u128>) -> Option<Vec<(usize, usize)>> {
    let surplus = gaps.iter().enumerate().filter(|(_, gap)| **gap < 0);
    let mut ways: Vec<(usize, Vec<(usize, usize)>)> =
        surplus.map(|(column, _)| (column, Vec::new())).collect();
    let mut seen: Vec<usize> = ways.iter().map(|(column, _)| *column).collect();
    let mut next = 0;
    while let Some((at, way)) = ways.get(next).cloned() {
        if gaps.get(at).is_some_and(|gap| *gap > 0) {
            return Some(way);
        }
        for step in capacity.keys().filter(|(from, _)| *from == at) {
            if !seen.contains(&step.1) {
                seen.push(step.1);
                ways.push((step.1, way.iter().copied().chain([*step]).collect()));
            }
        }
        next += 1;
    }
    None
}

fn shift(
    rows: &[SplitRow],
    amounts: &mut [Vec<i128>],
    freedom: Freedom,
    (from, to): (usize, usize),
    mut units: u128,
) {
    for (row, amounts) in rows.iter().zip(amounts) {
        if units == 0 {
            return;
        }
        let permits = |column: usize, step: i128| {
            let entry = row.columns.get(column).zip(amounts.get(column));
            entry.is_some_and(|(exact, amount)| freedom.permits(exact, *amount, step))
        };
        if permits(from, -1) && permits(to, 1) {
            for (column, step) in [(from, -1), (to, 1)] {
                if let Some(amount) = amounts.get_mut(column) {
                    *amount += step;
                }
            }
            units -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(numerators: &[i64], denominator: u32) -> SplitRow {
        let mut columns: [Split; COLUMNS] = Default::default();
        for (column, numerator) in columns.iter_mut().zip(numerators) {
            let denominator = i64::from(denominator);
            *column = Split {
                floor: numerator.div_euclid(&denominator).into(),
                remainder: numerator.rem_euclid(&denominator).into(),
            };
        }
        SplitRow { columns, denominator: denominator.into() }
    }

    /// Whole parts, and the order of the rests, which is all that rounding asks for.
    fn read((sums, unit): ([BigInt; COLUMNS], BigInt)) -> (Vec<BigInt>, Vec<usize>, Vec<bool>) {
        let (carries, rests): (Vec<_>, Vec<_>) =
            sums.iter().map(|sum| sum.div_rem_euclid(&unit)).unzip();
        let mut order: Vec<usize> = (0..rests.len()).collect();
        order.sort_by(|a, b| rests[*a].cmp(&rests[*b]));
        (carries, order, rests.iter().map(Zero::is_zero).collect())
    }

    #[test]
    fn equal_rests_that_fixed_point_cannot_hold_are_left_to_exact_sums() {
        // A seventh has no end in sixtieths and binary; four sevenths are as much as 3 + 1 of them.
        assert_eq!(fixed_point_sums(&[row(&[4, 3], 7), row(&[0, 1], 7)]), None);
        assert!(fixed_point_sums(&[row(&[1, 1, 2], 7)]).is_some());
        // Six sevenths and a seventh are one.
        assert_eq!(fixed_point_sums(&[row(&[6], 7), row(&[1], 7)]), None);
        assert!(fixed_point_sums(&[row(&[1, 2, 3], 12)]).is_some());
    }

    #[test]
    fn an_amount_of_zero_is_not_touched() {
        assert_eq!(apportion(&[0, 0, 0], &[0, 1, 1], 2), [0, 1, 1]);
        assert_eq!(apportion(&[1, 0, 2], &[0, 0, 0], 4), [2, 0, 2]);
        assert_eq!(apportion(&[1, 0, 2], &[0, 0, 0], 2), [1, 0, 1]);
        assert_eq!(apportion(&[0, 0], &[0, 0], 1), [1, 0]);
    }

    proptest! {
        #[test]
        fn fixed_point_and_exact_sums_agree(
            rows in proptest::collection::vec(
                (proptest::collection::vec(-1000_i64..1000, COLUMNS), 1_u32..500), 1..20,
            )
        ) {
            let rows: Vec<SplitRow> =
                rows.iter().map(|(numerators, denominator)| row(numerators, *denominator)).collect();
            if let Some(sums) = fixed_point_sums(&rows) {
                prop_assert_eq!(read(sums), read(exact_sums(&rows)));
            }
        }
    }
}
