//! The exact effects of one cell: integer numerators over one denominator.
//!
//! Nothing is reduced or divided on the way: all 64 coalitions of a cell share a denominator, so one
//! cell takes a few hundred small multiplications of big integers and no greatest common divisor.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "big integers do not overflow, nothing is divided, and the small numbers are constants"
)]

use num_bigint::BigInt;
use num_traits::{One as _, Zero as _};

use super::{Cell, Driver, Scale, UnitPrices};
use crate::money::Decimal;

/// Shapley weights `s! (5 - s)! / 6!` of a coalition of `s` other drivers, in sixtieths.
const WEIGHTS: [i64; 6] = [10, 2, 1, 1, 2, 10];
const WEIGHT_UNIT: i64 = 60;

/// The units in which [`Amounts`] are whole numbers. The `before` side counts `numerator` of them and
/// the `after` side `denominator` of them for one, which is how [`Scale`] stays a whole number.
#[derive(Debug)]
pub(super) struct Units {
    scale: Scale,
    quantity_decimals: u32,
    money_decimals: u32,
    price_decimals: u32,
}

/// One side of one cell in whole [`Units`].
#[derive(Debug, Clone)]
pub(super) struct Amounts {
    outputs: BigInt,
    calls: BigInt,
    input: BigInt,
    cached: BigInt,
    output: BigInt,
    reasoning: BigInt,
    pub(super) cost: BigInt,
    /// Of an uncached input token, a cached one, an output token.
    prices: [Option<BigInt>; 3],
}

/// Sums over the cells of a group, `[before, after]`.
#[derive(Debug)]
pub(super) struct Group {
    outputs: [BigInt; 2],
    calls: [BigInt; 2],
}

/// Effects of one cell: `numerator / denominator` currency units each.
#[derive(Debug, Clone)]
pub(super) struct Effects {
    /// In the order of [`Driver::ALL`].
    pub(super) drivers: [BigInt; 6],
    /// Of tokens per call: input, output without reasoning, reasoning. They add to the driver.
    pub(super) parts: [BigInt; 3],
    /// Positive.
    pub(super) denominator: BigInt,
}

impl Units {
    /// The coarsest units in which every value of the cells is whole.
    pub(super) fn of(cells: &[Cell], scale: Scale) -> Self {
        let mut units = Self { scale, quantity_decimals: 0, money_decimals: 0, price_decimals: 0 };
        for cell in cells {
            let quantities = [
                cell.outputs,
                cell.calls,
                cell.tokens_in,
                cell.tokens_cached,
                cell.tokens_out,
                cell.tokens_reasoning.unwrap_or_default(),
            ];
            for quantity in quantities {
                units.quantity_decimals = units.quantity_decimals.max(quantity.scale());
            }
            units.money_decimals = units.money_decimals.max(cell.cost.scale());
            let UnitPrices { input, cached, output } = cell.unit_prices;
            for price in [input, cached, output].into_iter().flatten() {
                units.price_decimals = units.price_decimals.max(price.scale());
            }
        }
        units
    }

    /// How many units of money one currency unit is.
    pub(super) fn money(&self) -> BigInt {
        ten_to(self.money_decimals) * self.scale.denominator
    }

    /// How many units one token or call is.
    fn quantity(&self) -> BigInt {
        ten_to(self.quantity_decimals) * self.scale.denominator
    }

    pub(super) fn before(&self, cell: Option<&Cell>) -> Amounts {
        self.amounts(cell, self.scale.numerator)
    }

    pub(super) fn after(&self, cell: Option<&Cell>) -> Amounts {
        self.amounts(cell, self.scale.denominator)
    }

    fn amounts(&self, cell: Option<&Cell>, factor: u64) -> Amounts {
        let quantity = |of: fn(&Cell) -> Decimal| {
            cell.map_or_else(BigInt::zero, |cell| whole(of(cell), self.quantity_decimals) * factor)
        };
        let prices = cell.map_or_else(UnitPrices::default, |cell| cell.unit_prices);
        Amounts {
            outputs: quantity(|cell| cell.outputs),
            calls: quantity(|cell| cell.calls),
            input: quantity(|cell| cell.tokens_in),
            cached: quantity(|cell| cell.tokens_cached),
            output: quantity(|cell| cell.tokens_out),
            reasoning: quantity(|cell| cell.tokens_reasoning.unwrap_or_default()),
            cost: cell
                .map_or_else(BigInt::zero, |cell| whole(cell.cost, self.money_decimals) * factor),
            prices: [prices.input, prices.cached, prices.output]
                .map(|price| price.map(|price| whole(price, self.price_decimals))),
        }
    }
}

fn ten_to(exponent: u32) -> BigInt {
    BigInt::from(10).pow(exponent)
}

fn whole(value: Decimal, decimals: u32) -> BigInt {
    BigInt::from(value.mantissa()) * ten_to(decimals.saturating_sub(value.scale()))
}

impl Effects {
    fn all_in(driver: Driver, change: BigInt, denominator: BigInt) -> Self {
        let mut change = Some(change);
        Self {
            drivers: Driver::ALL.map(|other| {
                if other == driver { change.take().unwrap_or_default() } else { BigInt::zero() }
            }),
            parts: Default::default(),
            denominator,
        }
    }
}

impl Group {
    pub(super) fn of(cells: &[[Amounts; 2]]) -> Self {
        let sums = |of: fn(&Amounts) -> &BigInt| {
            let mut sums = [BigInt::zero(), BigInt::zero()];
            for sides in cells {
                for (sum, side) in sums.iter_mut().zip(sides) {
                    *sum += of(side);
                }
            }
            sums
        };
        Self { outputs: sums(|side| &side.outputs), calls: sums(|side| &side.calls) }
    }

    /// Whether there are calls on both sides, and no outputs at all.
    pub(super) fn lacks_outputs(&self) -> bool {
        self.outputs.iter().all(BigInt::is_zero) && !self.calls.iter().any(BigInt::is_zero)
    }

    /// The effects of one of the group's cells, and whether its own cost had to take the place of
    /// unit prices.
    pub(super) fn explain(&self, sides: &[Amounts; 2], units: &Units) -> (Effects, bool) {
        let [before, after] = sides;
        let change = &after.cost - &before.cost;
        let outputs = &self.outputs;
        if outputs.iter().chain(&self.calls).any(BigInt::is_zero) {
            return (Effects::all_in(Driver::Volume, change, units.money()), false);
        }
        if before.calls.is_zero() && after.calls.is_zero() {
            return (Effects::all_in(Driver::Price, change, units.money()), false);
        }
        let (call, unpriced) = Call::of(sides, units);
        let [outputs_before, outputs_after] = outputs;
        let [calls_before, calls_after] = &self.calls;
        let calls_denominator =
            outputs_before * outputs_after * calls_before * calls_after * units.quantity();
        // Calls of the cell when (volume, calls per output, mix) have changed, by bits.
        let calls: [BigInt; 8] = std::array::from_fn(|changed| {
            let [volume, ratio, share] = bits(changed);
            on(outputs, volume)
                * (on(&self.calls, ratio) * on(outputs, !ratio))
                * (&on(sides, share).calls * on(&self.calls, !share))
        });
        let costs: [[BigInt; 3]; 8] = std::array::from_fn(|changed| call.cost(changed));
        (shapley(&calls, &costs, calls_denominator * call.denominator(), &change, units), unpriced)
    }
}

/// Adds up the 64 coalitions. Everything but `change`, in units of money, is over `denominator`.
fn shapley(
    calls: &[BigInt; 8],
    costs: &[[BigInt; 3]; 8],
    denominator: BigInt,
    change: &BigInt,
    units: &Units,
) -> Effects {
    let mut drivers: [BigInt; 6] = Default::default();
    let mut parts: [BigInt; 3] = Default::default();
    let mut explained = BigInt::zero();
    for (outer, calls) in calls.iter().enumerate() {
        for (inner, terms) in costs.iter().enumerate() {
            // Bits in the order of `Driver::ALL`: volume, calls, tokens, cache, price, mix.
            let coalition = (outer & 3) | (inner << 2) | ((outer & 4) << 3);
            let products = terms.each_ref().map(|term| calls * term);
            let [input, answer, reasoning] = &products;
            let value = input + answer + reasoning;
            for (driver, effect) in drivers.iter_mut().enumerate() {
                *effect += &value * coefficient(coalition, driver);
            }
            let tokens = coefficient(coalition, Driver::TokensPerCall as usize);
            for (part, product) in parts.iter_mut().zip(&products) {
                *part += product * tokens;
            }
            match coalition {
                0 => explained -= value,
                63 => explained += value,
                _ => {}
            }
        }
    }
    // From sixtieths over `denominator` to the common `60 × denominator × money`.
    let money = units.money();
    for effect in drivers.iter_mut().chain(&mut parts) {
        *effect *= &money;
    }
    let beyond = change * &denominator - explained * &money;
    let [_, _, _, _, price, _] = &mut drivers;
    *price += beyond * WEIGHT_UNIT;
    Effects { drivers, parts, denominator: denominator * money * WEIGHT_UNIT }
}

/// How often a coalition's value counts in a driver's Shapley value, in sixtieths.
fn coefficient(coalition: usize, driver: usize) -> i64 {
    let size = coalition.count_ones() as usize;
    if coalition & (1 << driver) != 0 {
        WEIGHTS.get(size - 1).copied().unwrap_or_default()
    } else {
        -WEIGHTS.get(size).copied().unwrap_or_default()
    }
}

/// What a call of one cell takes and costs.
#[derive(Debug)]
struct Call {
    /// Tokens a call: input, output without reasoning, reasoning.
    tokens: Factor<3>,
    /// Shares of the input: not cached, cached.
    cache: Factor<2>,
    /// Prices a token: input, cached input, output.
    prices: Factor<3>,
}

impl Call {
    /// The factors of a cell that has calls, and whether its own cost is the price. A cell without
    /// any tokens, and without prices a token, takes one "token" a call and is priced by the call.
    fn of(sides: &[Amounts; 2], units: &Units) -> (Self, bool) {
        let has_prices = sides.iter().any(|side| side.prices.iter().any(Option::is_some));
        let by_call =
            !has_prices && sides.iter().all(|side| side.input.is_zero() && side.output.is_zero());
        let calls = sides.each_ref().map(|side| side.calls.clone());
        let tokens = Factor::new(
            sides.each_ref().map(|side| {
                let input = if by_call { &side.calls } else { &side.input };
                [input.clone(), &side.output - &side.reasoning, side.reasoning.clone()]
            }),
            calls.clone(),
        );
        let cache = if sides.iter().all(|side| side.input.is_zero()) {
            let uncached = || [BigInt::one(), BigInt::zero()];
            Factor { sides: [uncached(), uncached()], denominator: BigInt::one() }
        } else {
            Factor::new(
                sides.each_ref().map(|side| [&side.input - &side.cached, side.cached.clone()]),
                sides.each_ref().map(|side| side.input.clone()),
            )
        };
        if let Some(prices) = unit_prices(sides).filter(|_| !by_call) {
            let unit = ten_to(units.price_decimals);
            let prices = Factor::new(prices, [unit.clone(), unit]);
            return (Self { tokens, cache, prices }, false);
        }
        // One price for all tokens: what a token of the cell cost, where there are calls.
        let (per_quantity, per_money) =
            (ten_to(units.quantity_decimals), ten_to(units.money_decimals));
        let prices = Factor::new(
            sides.each_ref().map(|side| std::array::from_fn(|_| &side.cost * &per_quantity)),
            sides.each_ref().map(|side| {
                let priced = if by_call || side.calls.is_zero() {
                    side.calls.clone()
                } else {
                    &side.input + &side.output
                };
                priced * &per_money
            }),
        );
        (Self { tokens, cache, prices }, !by_call)
    }

    fn denominator(&self) -> BigInt {
        &self.tokens.denominator * &self.cache.denominator * &self.prices.denominator
    }

    /// Cost of a call when (tokens, cache, price) have changed, by bits: of input, output without
    /// reasoning, reasoning.
    fn cost(&self, changed: usize) -> [BigInt; 3] {
        let [tokens, cache, price] = bits(changed);
        let [input, answer, reasoning] = on(&self.tokens.sides, tokens);
        let [fresh, cached] = on(&self.cache.sides, cache);
        let [price_input, price_cached, price_output] = on(&self.prices.sides, price);
        let output = price_output * &self.cache.denominator;
        [
            input * (fresh * price_input + cached * price_cached),
            answer * &output,
            reasoning * output,
        ]
    }
}

/// Prices by side and class, in units; `None` when a class that was used has no price on any side.
fn unit_prices(sides: &[Amounts; 2]) -> Option<[[BigInt; 3]; 2]> {
    let [before, after] = sides;
    let used = |class: usize| {
        sides.iter().any(|side| match class {
            0 => side.input != side.cached,
            1 => !side.cached.is_zero(),
            _ => !side.output.is_zero(),
        })
    };
    let of_side = |own: &Amounts, other: &Amounts| {
        let mut prices: [BigInt; 3] = Default::default();
        let known = own.prices.iter().zip(&other.prices);
        for (class, (price, (own_price, other_price))) in prices.iter_mut().zip(known).enumerate() {
            let (first, second) = if own.calls.is_zero() {
                (other_price, own_price)
            } else {
                (own_price, other_price)
            };
            match first.as_ref().or(second.as_ref()) {
                Some(known) => price.clone_from(known),
                None if used(class) => return None,
                None => {}
            }
        }
        Some(prices)
    };
    Some([of_side(before, after)?, of_side(after, before)?])
}

/// Fractions on each side, brought over one denominator.
#[derive(Debug)]
struct Factor<const N: usize> {
    /// Numerators, `[before, after]`.
    sides: [[BigInt; N]; 2],
    denominator: BigInt,
}

impl<const N: usize> Factor<N> {
    /// A zero denominator is undefined, and the side takes the other side's value; undefined on both
    /// sides is zero.
    fn new(numerators: [[BigInt; N]; 2], denominators: [BigInt; 2]) -> Self {
        let [before, after] = numerators;
        let [under_before, under_after] = denominators;
        let same = |numerators: [BigInt; N], denominator| Self {
            sides: [numerators.clone(), numerators],
            denominator,
        };
        match (under_before.is_zero(), under_after.is_zero()) {
            (true, true) => same(std::array::from_fn(|_| BigInt::zero()), BigInt::one()),
            (true, false) => same(after, under_after),
            (false, true) => same(before, under_before),
            (false, false) if under_before == under_after => {
                Self { sides: [before, after], denominator: under_before }
            }
            (false, false) => Self {
                sides: [
                    before.map(|numerator| numerator * &under_after),
                    after.map(|numerator| numerator * &under_before),
                ],
                denominator: under_before * under_after,
            },
        }
    }
}

/// The value after where the driver has changed, else the value before.
fn on<T>(sides: &[T; 2], changed: bool) -> &T {
    let [before, after] = sides;
    if changed { after } else { before }
}

fn bits(set: usize) -> [bool; 3] {
    [set & 1 != 0, set & 2 != 0, set & 4 != 0]
}
