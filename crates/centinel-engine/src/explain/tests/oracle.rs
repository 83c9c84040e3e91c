//! The definition, written down a second time with fractions: every order of change, one by one.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_rational::Ratio;
use num_traits::Zero as _;

use super::{Cell, Side, UnitPrices};
use crate::money::Decimal;

pub(super) type Fraction = Ratio<BigInt>;

fn fraction(value: Decimal) -> Fraction {
    Fraction::new(value.mantissa().into(), BigInt::from(10).pow(value.scale()))
}

/// Factors of a cell on one side; `None` is undefined.
#[derive(Clone)]
struct Factors {
    share: Fraction,
    tokens: Option<[Fraction; 2]>,
    cached: Option<Fraction>,
    prices: Option<[Fraction; 3]>,
    cost: Fraction,
}

pub(super) fn effects(cells: &[Cell]) -> Vec<Fraction> {
    let mut groups: BTreeMap<&str, BTreeMap<&str, [Option<&Cell>; 2]>> = BTreeMap::new();
    for cell in cells {
        let group = groups.entry(cell.dims["feature"].as_str()).or_default();
        group.entry(cell.dims["model"].as_str()).or_default()
            [usize::from(cell.side == Side::After)] = Some(cell);
    }
    let mut effects = vec![Fraction::zero(); 6];
    for group in groups.values() {
        for (effect, of_group) in effects.iter_mut().zip(group_effects(group)) {
            *effect += of_group;
        }
    }
    effects
}

fn group_effects(group: &BTreeMap<&str, [Option<&Cell>; 2]>) -> Vec<Fraction> {
    let sum = |side: usize, of: fn(&Cell) -> Decimal| -> Fraction {
        group.values().filter_map(|sides| sides[side]).map(|cell| fraction(of(cell))).sum()
    };
    let calls = [0, 1].map(|side| sum(side, |cell| cell.calls));
    let outputs = [0, 1].map(|side| sum(side, |cell| cell.outputs));
    let mut effects = vec![Fraction::zero(); 6];
    if outputs.iter().chain(&calls).any(Fraction::is_zero) {
        effects[0] = sum(1, |cell| cell.cost) - sum(0, |cell| cell.cost);
        return effects;
    }
    let before_in_orders = before_in_orders();
    for cell in group.values() {
        let factors = cell_factors(cell, &calls);
        let values: Vec<Fraction> = (0..64)
            .map(|changed| {
                let state: [usize; 6] = std::array::from_fn(|driver| changed >> driver & 1);
                let [.., price, _] = state;
                let beyond = &factors[price].cost - predict(&factors, &calls, [price; 6], &outputs);
                predict(&factors, &calls, state, &outputs) + beyond
            })
            .collect();
        for ((driver, changed), times) in &before_in_orders {
            let change = &values[changed | 1 << driver] - &values[*changed];
            effects[*driver] += change * Fraction::new((*times).into(), 720.into());
        }
    }
    effects
}

/// How many of the 720 orders change a driver when just that set of others has changed.
fn before_in_orders() -> BTreeMap<(usize, usize), u32> {
    let mut orders = Vec::new();
    permutations(&mut vec![], &mut orders);
    let mut times = BTreeMap::new();
    for order in orders {
        let mut changed = 0;
        for driver in order {
            *times.entry((driver, changed)).or_default() += 1;
            changed |= 1 << driver;
        }
    }
    times
}

/// A factor on a side; where it is undefined there, on the other.
fn at<T: Clone>(factors: &[Factors; 2], side: usize, of: fn(&Factors) -> Option<T>) -> Option<T> {
    of(&factors[side]).or_else(|| of(&factors[1 - side]))
}

fn predict(
    factors: &[Factors; 2],
    calls: &[Fraction; 2],
    state: [usize; 6],
    outputs: &[Fraction; 2],
) -> Fraction {
    let [volume, ratio, tokens, cache, price, mix] = state;
    let Some([input, output]) = at(factors, tokens, |side| side.tokens.clone()) else {
        return Fraction::zero();
    };
    let cached = at(factors, cache, |side| side.cached.clone()).unwrap_or_default();
    let Some([price_in, price_cached, price_out]) = at(factors, price, |side| side.prices.clone())
    else {
        return Fraction::zero();
    };
    let one = Fraction::from_integer(1.into());
    &outputs[volume]
        * (&calls[ratio] / &outputs[ratio])
        * &factors[mix].share
        * (input * ((one - &cached) * price_in + cached * price_cached) + output * price_out)
}

fn cell_factors(cell: &[Option<&Cell>; 2], calls: &[Fraction; 2]) -> [Factors; 2] {
    let of = |side: usize, of: fn(&Cell) -> Decimal| {
        cell[side].map_or_else(Fraction::zero, |cell| fraction(of(cell)))
    };
    let numbers = [0, 1].map(|side| {
        (
            of(side, |cell| cell.calls),
            of(side, |cell| cell.tokens_in),
            of(side, |cell| cell.tokens_cached),
            of(side, |cell| cell.tokens_out),
            of(side, |cell| cell.cost),
        )
    });
    // The generator gives all three prices or none.
    let priced = cell.iter().flatten().any(|cell| cell.unit_prices.input.is_some());
    let tokenless =
        !priced && numbers.iter().all(|(_, input, _, output, _)| (input + output).is_zero());
    [0, 1].map(|side| {
        let (own_calls, input, cached, output, cost) = &numbers[side];
        let called = !own_calls.is_zero();
        let tokens = called.then(|| {
            if tokenless {
                [Fraction::from_integer(1.into()), Fraction::zero()]
            } else {
                [input / own_calls, output / own_calls]
            }
        });
        let all = if tokenless { own_calls.clone() } else { input + output };
        let prices = if priced {
            // A price that is known only where there are no calls is better than none.
            let other = cell[1 - side].is_some_and(|cell| cell.unit_prices.input.is_some());
            cell[side].filter(|_| called || !other).and_then(|cell| {
                let UnitPrices { input, cached, output } = cell.unit_prices;
                Some([fraction(input?), fraction(cached?), fraction(output?)])
            })
        } else {
            (called && !all.is_zero()).then(|| {
                let price = cost / all;
                [price.clone(), price.clone(), price]
            })
        };
        Factors {
            share: own_calls / &calls[side],
            tokens,
            cached: (!input.is_zero()).then(|| cached / input),
            prices,
            cost: cost.clone(),
        }
    })
}

fn permutations(order: &mut Vec<usize>, orders: &mut Vec<Vec<usize>>) {
    if order.len() == 6 {
        orders.push(order.clone());
        return;
    }
    for driver in 0..6 {
        if !order.contains(&driver) {
            order.push(driver);
            permutations(order, orders);
            order.pop();
        }
    }
}
