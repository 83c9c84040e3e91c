//! Cells from the ledger: the baseline scaled exactly to the days compared.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cell, ExplainError, Scale, Side, UnitPrices};
use crate::{
    money::{Decimal, Pico},
    usage::{Usage, UsageClass},
};

/// Sums of the ledger over rows that share dimension values (and, in a baseline, the weekday).
#[derive(Debug, Clone)]
pub struct LedgerRow {
    /// Dimension values by name.
    pub dims: BTreeMap<String, String>,
    /// Business outputs.
    pub outputs: Decimal,
    /// Model calls.
    pub calls: u64,
    /// Token counts.
    pub usage: Usage,
    /// What it cost.
    pub cost: Pico,
    /// Of the cost: input tokens that were not read from a cache (cache writes included), input
    /// tokens that were, output tokens. `None` where the ledger has no cost by class.
    pub class_costs: Option<[Pico; 3]>,
}

/// Adds ledger rows up to cells, and gives the [`Scale`] with which to decompose them.
///
/// A baseline row counts `scale` times: the number of days of its weekday that are compared over the
/// number of days of that weekday that it sums. Weights stay exact: they are brought to one
/// denominator, which the returned scale takes away again.
///
/// Groups without any outputs count their calls as outputs.
///
/// Effective unit prices are class cost over class tokens, cut at 24 decimals; the rest is cost
/// beyond tokens times unit price.
///
/// # Errors
///
/// [`ExplainError::Overflow`] when a weighted sum does not fit 128 bits.
pub fn cells_from_ledger(
    baseline: &[(Scale, LedgerRow)],
    compared: &[LedgerRow],
) -> Result<(Vec<Cell>, Scale), ExplainError> {
    let cells = || {
        let denominator = baseline
            .iter()
            .try_fold(1, |common, (scale, _)| least_common_multiple(common, scale.denominator))?;
        let mut sums: BTreeMap<(&BTreeMap<String, String>, Side), Sums> = BTreeMap::new();
        for (scale, row) in baseline {
            let factor =
                denominator.checked_div(scale.denominator)?.checked_mul(scale.numerator)?;
            sums.entry((&row.dims, Side::Before)).or_default().add(row, factor.into())?;
        }
        for row in compared {
            sums.entry((&row.dims, Side::After)).or_default().add(row, 1)?;
        }
        count_calls_where_no_outputs_are(&mut sums);
        let cells: Option<Vec<Cell>> = sums
            .into_iter()
            .map(|((dims, side), sums)| sums.into_cell(dims.clone(), side))
            .collect();
        Some((cells?, Scale::new(1, denominator)?))
    };
    cells().ok_or(ExplainError::Overflow)
}

/// Calls take the place of outputs in groups (all dimensions but the model) that have none on either
/// side: a feature whose outputs nobody counts can still be split by what its calls did.
fn count_calls_where_no_outputs_are(sums: &mut BTreeMap<(&BTreeMap<String, String>, Side), Sums>) {
    let group = |dims: &BTreeMap<String, String>| {
        let mut group = dims.clone();
        group.remove("model");
        group
    };
    let counted: BTreeSet<BTreeMap<String, String>> = sums
        .iter()
        .filter(|(_, sums)| !sums.outputs.is_zero())
        .map(|((dims, _), _)| group(dims))
        .collect();
    for (_, sums) in sums.iter_mut().filter(|((dims, _), _)| !counted.contains(&group(dims))) {
        sums.outputs = Decimal::from_integer(sums.calls);
    }
}

/// Weighted sums of one cell.
#[derive(Debug)]
struct Sums {
    outputs: Decimal,
    calls: i128,
    input: i128,
    cached: i128,
    output: i128,
    reasoning: i128,
    cost: i128,
    class_costs: Option<[i128; 3]>,
}

impl Default for Sums {
    fn default() -> Self {
        Self {
            outputs: Decimal::ZERO,
            calls: 0,
            input: 0,
            cached: 0,
            output: 0,
            reasoning: 0,
            cost: 0,
            class_costs: Some([0; 3]),
        }
    }
}

impl Sums {
    fn add(&mut self, row: &LedgerRow, factor: i128) -> Option<()> {
        let outputs = row.outputs.checked_mul_integer(factor).ok()?;
        self.outputs = self.outputs.checked_add(outputs).ok()?;
        let tokens = |class| i128::from(row.usage.get(class));
        for (sum, value) in [
            (&mut self.calls, row.calls.into()),
            (&mut self.input, tokens(UsageClass::InputTokensTotal)),
            (&mut self.cached, tokens(UsageClass::CacheReadTokens)),
            (&mut self.output, tokens(UsageClass::OutputTokensTotal)),
            (&mut self.reasoning, tokens(UsageClass::ReasoningTokens)),
            (&mut self.cost, row.cost.0),
        ] {
            *sum = sum.checked_add(value.checked_mul(factor)?)?;
        }
        match (&mut self.class_costs, row.class_costs) {
            (Some(sums), Some(costs)) => {
                for (sum, cost) in sums.iter_mut().zip(costs) {
                    *sum = sum.checked_add(cost.0.checked_mul(factor)?)?;
                }
            }
            (sums, _) => *sums = None,
        }
        Some(())
    }

    fn into_cell(self, dims: BTreeMap<String, String>, side: Side) -> Option<Cell> {
        let fresh = self.input.checked_sub(self.cached)?;
        let [input, cached, output] =
            self.class_costs.map_or([None; 3], |[input, cached, output]| {
                [
                    unit_price(input, fresh),
                    unit_price(cached, self.cached),
                    unit_price(output, self.output),
                ]
            });
        Some(Cell {
            dims,
            side,
            outputs: self.outputs,
            calls: Decimal::from_integer(self.calls),
            tokens_in: Decimal::from_integer(self.input),
            tokens_cached: Decimal::from_integer(self.cached),
            tokens_out: Decimal::from_integer(self.output),
            tokens_reasoning: Some(Decimal::from_integer(self.reasoning)),
            cost: Pico(self.cost).to_decimal(),
            unit_prices: UnitPrices { input, cached, output },
        })
    }
}

/// Pico-units over tokens, cut at 24 decimals; `None` without tokens, or below zero (a credit).
fn unit_price(cost: i128, tokens: i128) -> Option<Decimal> {
    let price = cost.checked_mul(Pico::ONE.0)?.checked_div(tokens).filter(|price| *price >= 0)?;
    Decimal::new(price, 24).ok()
}

fn least_common_multiple(a: u64, b: u64) -> Option<u64> {
    let (mut divisor, mut rest) = (a, b);
    while rest != 0 {
        (divisor, rest) = (rest, divisor.checked_rem(rest)?);
    }
    a.checked_div(divisor)?.checked_mul(b)
}
