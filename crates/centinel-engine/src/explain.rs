//! Why a cost changed: the change split exactly over its drivers.
//!
//! A group (every dimension but the mixed ones, by default `model`) costs
//!
//! ```text
//! Σ over its cells of
//!   outputs × calls/outputs × share of calls
//!   × (input/call × ((1 − cached share) × input price + cached share × cached price)
//!      + output/call × output price)
//!   + what the cell cost beyond that
//! ```
//!
//! and each driver is one of these factors: `volume` (outputs), `calls_per_output`, `mix` (each
//! cell's share of the group's calls), `tokens_per_call`, `cache` (cached share of the input) and
//! `price` (unit prices and the rest). Every driver's effect is its Shapley value: the mean, over all
//! orders of change, of what the change of this driver alone does to the cost. It is exact, depends
//! on no order, gives an unchanged driver exactly zero, survives models that are new or retired, and
//! changes only its sign when the two sides are swapped. The sum of the effects is the change.
//!
//! Conventions for what the formula leaves open:
//!
//! - A factor that is undefined on one side (no calls, no tokens) takes the other side's value.
//! - A group without outputs or without calls on one side, or on both, is all `volume`. Whoever counts
//!   no outputs gives calls in their place ([`cells_from_ledger`] does); `calls_per_output` is zero then.
//! - A cell without unit prices is priced by its own cost per token (without tokens: per call); its
//!   cache effect is then part of `price`.
//!
//! Source: Shapley decomposition of an aggregate (Sun 1998, "refined Laspeyres"; Ang, Huang and Mu
//! 2009), which unlike the logarithmic mean Divisia index needs no substitute for zeros.

mod chance;
mod finding;
mod ledger;
mod measured;
mod rounding;
mod shapley;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use finding::{Finding, bundle, facts_of, percent};
pub use ledger::{LedgerRow, cells_from_ledger};
pub use measured::{Measured, main_driver};
pub use rounding::Waterfall;

use crate::money::{Decimal, Pico};
use shapley::{Amounts, Group, Units};

/// One of the two periods that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The baseline.
    Before,
    /// The days to be explained.
    After,
}

/// A factor of the cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Driver {
    /// Business outputs.
    Volume,
    /// Model calls an output, retries included.
    CallsPerOutput,
    /// Input and output tokens a call.
    TokensPerCall,
    /// Share of the input served from a cache.
    Cache,
    /// Unit prices, and cost beyond tokens times unit price.
    Price,
    /// Each cell's share of its group's calls.
    Mix,
}

impl Driver {
    /// Every driver, in the order of answers and of ties in rounding.
    pub const ALL: [Self; 6] = [
        Self::Volume,
        Self::CallsPerOutput,
        Self::TokensPerCall,
        Self::Cache,
        Self::Price,
        Self::Mix,
    ];

    /// The name on the wire: `tokens_per_call`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::CallsPerOutput => "calls_per_output",
            Self::TokensPerCall => "tokens_per_call",
            Self::Cache => "cache",
            Self::Price => "price",
            Self::Mix => "mix",
        }
    }

    /// The name in a sentence: `tokens per call`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::CallsPerOutput => "calls per output",
            Self::TokensPerCall => "tokens per call",
            Self::Cache => "cache",
            Self::Price => "price",
            Self::Mix => "model mix",
        }
    }
}

/// Prices of one token, in the currency of the costs; `None` where unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnitPrices {
    /// Of an input token that was not read from a cache.
    pub input: Option<Decimal>,
    /// Of an input token that was read from a cache.
    pub cached: Option<Decimal>,
    /// Of an output token.
    pub output: Option<Decimal>,
}

/// What one combination of dimension values used and cost on one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Dimension values by name.
    pub dims: BTreeMap<String, String>,
    /// Which period.
    pub side: Side,
    /// Business outputs; zero where none are counted.
    pub outputs: Decimal,
    /// Model calls.
    pub calls: Decimal,
    /// Input tokens, cached ones included.
    pub tokens_in: Decimal,
    /// Input tokens read from a cache.
    pub tokens_cached: Decimal,
    /// Output tokens, reasoning included.
    pub tokens_out: Decimal,
    /// Output tokens spent on reasoning, where known.
    pub tokens_reasoning: Option<Decimal>,
    /// What all of it cost.
    pub cost: Decimal,
    /// Prices a token, where known.
    pub unit_prices: UnitPrices,
}

/// A positive fraction by which the `before` side is multiplied, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    numerator: u64,
    denominator: u64,
}

impl Scale {
    /// The sides as they are.
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };

    /// `numerator / denominator`, both positive: 7 days compared with 56 are `7 / 56`.
    pub fn new(numerator: u64, denominator: u64) -> Option<Self> {
        (numerator > 0 && denominator > 0).then_some(Self { numerator, denominator })
    }

    /// The fraction as a float, for statistics; never for money.
    #[expect(clippy::cast_precision_loss, reason = "counts of days, far below 2^52")]
    fn to_f64(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }
}

/// Why a cell was left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CellError {
    /// A count or a price below zero.
    #[error("{column} `{value}` is negative")]
    Negative {
        /// Which one, by its column.
        column: &'static str,
        /// Its value.
        value: Decimal,
    },
    /// A part that exceeds its total.
    #[error("{part} `{value}` exceeds {total} `{limit}`")]
    PartExceedsTotal {
        /// The part's column.
        part: &'static str,
        /// Its value.
        value: Decimal,
        /// The total's column.
        total: &'static str,
        /// The total's value.
        limit: Decimal,
    },
    /// The same dimension values and side as an earlier cell, at other prices: they cannot be added.
    #[error("repeats an earlier cell at other unit prices")]
    UnitPricesDiffer,
}

/// A cell that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedCell {
    /// Its position among the cells given.
    pub index: usize,
    /// Why.
    pub reason: CellError,
}

/// Why nothing can be explained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// No cell was given, or none is good.
    #[error("no cells to compare")]
    NoCells,
    /// A mixed dimension that no cell has.
    #[error("unknown dimension `{name}` in the mix; the cells have {known}")]
    UnknownDimension {
        /// As given, cut at 40 characters.
        name: String,
        /// What there is.
        known: String,
    },
    /// An amount beyond 128 bits of pico-units, or a weight beyond 64 bits.
    #[error("an amount does not fit 128 bits of pico-units")]
    Overflow,
}

/// A share of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// `input`, `output` or `reasoning`; with `reasoning`, `output` is the rest of the output.
    #[serde(rename = "driver")]
    pub name: &'static str,
    /// How much of the effect.
    pub amount: Pico,
}

/// What one driver did to the cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// Which one.
    pub driver: Driver,
    /// By how much it moved the cost.
    pub amount: Pico,
    /// Of `tokens_per_call`: which tokens. They add to the amount.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

/// The change of one cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CellEffects {
    /// Dimension values by name.
    pub cell: BTreeMap<String, String>,
    /// Cost before, scaled.
    pub before: Pico,
    /// Cost after.
    pub after: Pico,
    /// The change.
    pub delta: Pico,
    /// Every driver in the order of [`Driver::ALL`]; they add to `delta`.
    pub effects: Vec<Effect>,
}

/// A change of cost, explained.
///
/// INVARIANT: `before + delta = after`; the effects add to `delta`; the cells add, column by column,
/// to the totals. Amounts have 12 decimals; exact values are rounded by largest remainder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decomposition {
    /// Cost before, scaled.
    pub before: Pico,
    /// Cost after.
    pub after: Pico,
    /// The change.
    pub delta: Pico,
    /// Every driver, in the order of [`Driver::ALL`].
    pub effects: Vec<Effect>,
    /// What the effects leave unexplained: zero, computed from the amounts above.
    pub residual: Pico,
    /// The same by cell, in the order of the dimension values.
    pub by_cell: Vec<CellEffects>,
    /// Drivers whose effect is no more than chance makes of so few calls.
    #[serde(skip)]
    pub chance: Vec<Driver>,
    /// Conventions that were applied because data was missing, in whole sentences.
    pub notes: Vec<String>,
    /// Cells that were left out.
    #[serde(skip)]
    pub rejected: Vec<RejectedCell>,
}

/// The two sides of one cell while they are added up.
#[derive(Debug, Default)]
struct Pair {
    before: Option<Cell>,
    after: Option<Cell>,
}

/// Cells by their mixed dimensions.
type CellsOfGroup = BTreeMap<BTreeMap<String, String>, Pair>;

/// Splits a change of cost over its drivers.
///
/// `mix` names the dimensions within which calls move between cells (usually `model`); all others
/// make the groups. The `before` side is multiplied by `scale`. Cells that appear on one side only
/// are zero on the other; cells with the same values and side are added.
///
/// # Errors
///
/// [`ExplainError`]; a bad cell is no error but in [`Decomposition::rejected`].
pub fn decompose(
    cells: &[Cell],
    mix: &[String],
    scale: Scale,
) -> Result<Decomposition, ExplainError> {
    check_mix(cells, mix)?;
    let (groups, rejected) = grouped(cells, mix)?;
    let units = Units::of(cells, scale);
    let mut rows = Vec::new();
    let (mut unpriced, mut without_outputs) = (0_usize, 0_usize);
    for (group_dims, cells) in &groups {
        let amounts: Vec<[Amounts; 2]> = cells
            .values()
            .map(|pair| [units.before(pair.before.as_ref()), units.after(pair.after.as_ref())])
            .collect();
        let group = Group::of(&amounts);
        without_outputs = without_outputs.saturating_add(usize::from(group.lacks_outputs()));
        for (cell_dims, sides) in cells.keys().zip(&amounts) {
            let (effects, own_price) = group.explain(sides, &units);
            unpriced = unpriced.saturating_add(usize::from(own_price));
            let mut dims = group_dims.clone();
            dims.extend(cell_dims.iter().map(|(name, value)| (name.clone(), value.clone())));
            let [before, after] = sides;
            rows.push(rounding::Row {
                dims,
                before: before.cost.clone(),
                after: after.cost.clone(),
                effects,
            });
        }
    }
    if rows.is_empty() {
        return Err(ExplainError::NoCells);
    }
    let knows_reasoning = cells.iter().any(|cell| cell.tokens_reasoning.is_some());
    let mut decomposition =
        rounding::round(rows, &units.money(), knows_reasoning).ok_or(ExplainError::Overflow)?;
    decomposition.chance = chance::drivers(&decomposition, groups.values(), scale);
    if unpriced > 0 {
        decomposition.notes.push(format!(
            "{unpriced} of {} cells have no unit prices: their cache effect is part of price.",
            decomposition.by_cell.len()
        ));
    }
    if without_outputs > 0 {
        decomposition.notes.push(format!(
            "{without_outputs} of {} groups have calls but no outputs: their change is all volume.",
            groups.len()
        ));
    }
    decomposition.rejected = rejected;
    Ok(decomposition)
}

fn check_mix(cells: &[Cell], mix: &[String]) -> Result<(), ExplainError> {
    let known: BTreeSet<&String> = cells.iter().flat_map(|cell| cell.dims.keys()).collect();
    match mix.iter().find(|name| !known.contains(name)) {
        Some(name) if !cells.is_empty() => Err(ExplainError::UnknownDimension {
            name: name.chars().take(40).collect(),
            known: known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        }),
        _ => Ok(()),
    }
}

type Groups = BTreeMap<BTreeMap<String, String>, CellsOfGroup>;

fn grouped(cells: &[Cell], mix: &[String]) -> Result<(Groups, Vec<RejectedCell>), ExplainError> {
    let mut groups = Groups::new();
    let mut rejected = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        if let Err(reason) = cell.check() {
            rejected.push(RejectedCell { index, reason });
            continue;
        }
        let (mixed, group): (BTreeMap<_, _>, BTreeMap<_, _>) =
            cell.dims.clone().into_iter().partition(|(name, _)| mix.contains(name));
        let pair = groups.entry(group).or_default().entry(mixed).or_default();
        let slot = match cell.side {
            Side::Before => &mut pair.before,
            Side::After => &mut pair.after,
        };
        match slot {
            None => *slot = Some(cell.clone()),
            Some(sum) if sum.unit_prices == cell.unit_prices => sum.add(cell)?,
            Some(_) => rejected.push(RejectedCell { index, reason: CellError::UnitPricesDiffer }),
        }
    }
    Ok((groups, rejected))
}

impl Cell {
    /// Checks that counts and prices are not negative and that totals contain their parts.
    ///
    /// # Errors
    ///
    /// [`CellError`], naming the first column that is wrong.
    pub fn check(&self) -> Result<(), CellError> {
        let not_negative = [
            ("outputs", Some(self.outputs)),
            ("calls", Some(self.calls)),
            ("tok_in", Some(self.tokens_in)),
            ("tok_cached", Some(self.tokens_cached)),
            ("tok_out", Some(self.tokens_out)),
            ("tok_reasoning", self.tokens_reasoning),
            ("unit_price_in", self.unit_prices.input),
            ("unit_price_cached", self.unit_prices.cached),
            ("unit_price_out", self.unit_prices.output),
        ];
        for (column, value) in not_negative {
            if let Some(value) = value.filter(|value| value.is_negative()) {
                return Err(CellError::Negative { column, value });
            }
        }
        for (part, value, total, limit) in [
            ("tok_cached", Some(self.tokens_cached), "tok_in", self.tokens_in),
            ("tok_reasoning", self.tokens_reasoning, "tok_out", self.tokens_out),
        ] {
            if let Some(value) = value.filter(|&value| value > limit) {
                return Err(CellError::PartExceedsTotal { part, value, total, limit });
            }
        }
        Ok(())
    }

    fn add(&mut self, other: &Self) -> Result<(), ExplainError> {
        let sum = |left: Decimal, right: Decimal| {
            left.checked_add(right).map_err(|_| ExplainError::Overflow)
        };
        self.outputs = sum(self.outputs, other.outputs)?;
        self.calls = sum(self.calls, other.calls)?;
        self.tokens_in = sum(self.tokens_in, other.tokens_in)?;
        self.tokens_cached = sum(self.tokens_cached, other.tokens_cached)?;
        self.tokens_out = sum(self.tokens_out, other.tokens_out)?;
        self.tokens_reasoning = match (self.tokens_reasoning, other.tokens_reasoning) {
            (Some(left), Some(right)) => Some(sum(left, right)?),
            (left, right) => left.or(right),
        };
        self.cost = sum(self.cost, other.cost)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
