//! Pairing the tokens of one class: first those at one price, then what is left.

use std::collections::BTreeSet;

use super::{
    ReconcileError,
    exact::{near, share, sum},
    group::{Cell, Lot},
};
use crate::money::Decimal;

/// Tokens that both sides have, at two prices.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) ledger: Lot,
    pub(super) invoice: Lot,
    pub(super) quantity: Decimal,
    /// How far the invoice's amount may be off by its rounding.
    pub(super) tolerance: Decimal,
}

/// What one side has beyond the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beyond {
    /// Units that the invoice has beyond the ledger; `None` where it states none.
    pub(super) quantity: Option<Decimal>,
    /// What they cost: the invoice's price of what it has beyond, the ledger's of what it lacks.
    pub(super) amount: Decimal,
    /// Whether any of it has no price in the ledger.
    pub(super) is_unpriced: bool,
}

/// A cell, settled: `rounding + Σ pairs (invoice − ledger) + beyond` is its gap.
#[derive(Debug, Clone, Default)]
pub(super) struct Settled {
    pub(super) rounding: Decimal,
    pub(super) pairs: Vec<Pair>,
    pub(super) beyond: Option<Beyond>,
}

/// How an invoice rounds: the unit of its last decimal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rounding {
    pub(super) unit: Decimal,
}

impl Rounding {
    pub(super) fn tolerance(self, rows: u32) -> Result<Decimal, ReconcileError> {
        // A bill that was written through a float is off in its last digits.
        let least = Decimal::new(1, 9)?;
        Ok(self.unit.checked_mul_integer(rows.into())?.max(least))
    }
}

/// Settles a cell. `prices` are those that the ledger has for the class on any day.
pub(super) fn settle(
    cell: &Cell,
    prices: &BTreeSet<Decimal>,
    rounding: Rounding,
) -> Result<Settled, ReconcileError> {
    let lots = || cell.invoice.iter();
    let is_counted = lots().all(|lot| lot.quantity.is_some())
        && cell.ledger.iter().all(|lot| lot.quantity.is_some());
    if !is_counted {
        return amounts_only(cell, rounding);
    }
    let mut ledger = cell.ledger.clone();
    let mut invoice = at_known_prices(cell, rounding)?;
    let wholes: Vec<Decimal> =
        invoice.iter().map(|(lot, _)| lot.quantity.unwrap_or_default()).collect();
    if invoice.iter().any(|(_, at)| at.is_none())
        && let Some(settled) = mixed(cell, prices, rounding)?
    {
        return Ok(settled);
    }
    let mut settled = Settled::default();
    for pass in 0..4_u8 {
        for left in &mut ledger {
            for ((right, at), whole) in invoice.iter_mut().zip(&wholes) {
                let is_same_price = left.unit.is_some() && *at == left.unit;
                let is_alike = is_compatible(left, right);
                let fits = match pass {
                    0 => is_same_price && is_alike,
                    1 => is_same_price,
                    2 => is_alike,
                    _ => true,
                };
                if fits && let Some(pair) = take(left, right, *whole, rounding)? {
                    if is_same_price {
                        let off = pair.invoice.amount.checked_sub(pair.ledger.amount)?;
                        settled.rounding = settled.rounding.checked_add(off)?;
                    } else {
                        settled.pairs.push(pair);
                    }
                }
            }
        }
    }
    let mut beyond =
        Beyond { quantity: Some(Decimal::ZERO), amount: Decimal::ZERO, is_unpriced: false };
    for lot in &ledger {
        let Some(quantity) = lot.quantity.filter(|quantity| !quantity.is_zero()) else {
            settled.rounding = settled.rounding.checked_sub(lot.amount)?;
            continue;
        };
        beyond.add(quantity.checked_neg()?, lot.amount.checked_neg()?)?;
        beyond.is_unpriced |= !lot.is_priced;
    }
    for (lot, at) in &invoice {
        let quantity = lot.quantity.unwrap_or_default();
        match at {
            // The invoice's own rounding is no part of what is beyond.
            Some(unit) => {
                let exact = quantity.checked_mul(*unit)?;
                beyond.add(quantity, exact)?;
                let off = lot.amount.checked_sub(exact)?;
                settled.rounding = settled.rounding.checked_add(off)?;
            }
            None => beyond.add(quantity, lot.amount)?,
        }
    }
    let is_nothing = beyond.quantity == Some(Decimal::ZERO) && beyond.amount.is_zero();
    settled.beyond = (!is_nothing).then_some(beyond);
    Ok(settled)
}

impl Beyond {
    fn add(&mut self, quantity: Decimal, amount: Decimal) -> Result<(), ReconcileError> {
        self.quantity = self.quantity.map(|sum| sum.checked_add(quantity)).transpose()?;
        self.amount = self.amount.checked_add(amount)?;
        Ok(())
    }

    /// What the comparison of quantities looks at: units, or amounts where there are none.
    pub(super) fn measure(&self) -> Decimal {
        self.quantity.unwrap_or(self.amount)
    }
}

/// A row that adds up tokens of two prices: those of the ledger at the ledger's, and more at a price
/// that the ledger has on another day (calls of the day before, billed on the day of a new price).
fn mixed(
    cell: &Cell,
    prices: &BTreeSet<Decimal>,
    rounding: Rounding,
) -> Result<Option<Settled>, ReconcileError> {
    let both = |lots: &[Lot]| -> Result<(Decimal, Decimal), ReconcileError> {
        let quantity = sum(lots.iter().map(|lot| lot.quantity.unwrap_or_default()))?;
        Ok((quantity, sum(lots.iter().map(|lot| lot.amount))?))
    };
    let ((have, ours), (billed, theirs)) = (both(&cell.ledger)?, both(&cell.invoice)?);
    let (more, rest) = (billed.checked_sub(have)?, theirs.checked_sub(ours)?);
    if more <= Decimal::ZERO || cell.ledger.iter().any(|lot| !lot.is_priced) {
        return Ok(None);
    }
    let rows = cell.invoice.iter().map(|lot| lot.rows).fold(0, u32::saturating_add);
    for price in prices {
        let amount = more.checked_mul(*price)?;
        if near(amount, rest, rounding.tolerance(rows)?)? {
            let beyond = Beyond { quantity: Some(more), amount, is_unpriced: false };
            let rounding = rest.checked_sub(amount)?;
            return Ok(Some(Settled { rounding, beyond: Some(beyond), pairs: Vec::new() }));
        }
    }
    Ok(None)
}

/// Each lot of the invoice with the ledger's price that it has, if it has one of them.
fn at_known_prices(
    cell: &Cell,
    rounding: Rounding,
) -> Result<Vec<(Lot, Option<Decimal>)>, ReconcileError> {
    let mut found = Vec::new();
    for lot in &cell.invoice {
        let quantity = lot.quantity.unwrap_or_default();
        let tolerance = rounding.tolerance(lot.rows)?;
        let mut at = None;
        // Alike lots first: two tiers may round to one amount.
        let alike = cell.ledger.iter().filter(|other| is_compatible(other, lot));
        let rest = cell.ledger.iter().filter(|other| !is_compatible(other, lot));
        let mut best = None;
        for unit in alike.chain(rest).filter_map(|other| other.unit) {
            let off = super::exact::abs(lot.amount.checked_sub(quantity.checked_mul(unit)?)?)?;
            if off <= tolerance && best.is_none_or(|best| off < best) {
                best = Some(off);
                at = Some(unit);
            }
        }
        found.push((lot.clone(), at));
    }
    Ok(found)
}

/// Whether nothing that both sides state differs.
pub(super) fn is_compatible(ledger: &Lot, invoice: &Lot) -> bool {
    let tier = invoice.tier.is_none() || invoice.tier == ledger.tier;
    let region = match (&ledger.region, &invoice.region) {
        (Some(left), Some(right)) => left == right,
        _ => true,
    };
    tier && region
}

/// Takes what both lots have, of an invoice's lot that was `whole`; `None` where one is empty.
fn take(
    left: &mut Lot,
    right: &mut Lot,
    whole: Decimal,
    rounding: Rounding,
) -> Result<Option<Pair>, ReconcileError> {
    let (have, want) = (left.quantity.unwrap_or_default(), right.quantity.unwrap_or_default());
    if have <= Decimal::ZERO || want <= Decimal::ZERO {
        return Ok(None);
    }
    let quantity = have.min(want);
    // A row is rounded once: its pairs share that by their quantities.
    let tolerance = share(rounding.tolerance(right.rows)?, quantity, whole)?;
    let ledger = cut(left, quantity)?;
    let invoice = cut(right, quantity)?;
    Ok(Some(Pair { ledger, invoice, quantity, tolerance }))
}

/// Takes a quantity off a lot, with its share of the amounts.
fn cut(lot: &mut Lot, quantity: Decimal) -> Result<Lot, ReconcileError> {
    let whole = lot.quantity.unwrap_or_default();
    let mut part = lot.clone();
    part.quantity = Some(quantity);
    part.amount = match lot.unit {
        Some(unit) if whole != quantity => quantity.checked_mul(unit)?,
        _ => share(lot.amount, quantity, whole)?,
    };
    part.list = lot.list.map(|list| share(list, quantity, whole)).transpose()?;
    part.contracted = lot.contracted.map(|cost| share(cost, quantity, whole)).transpose()?;
    lot.amount = lot.amount.checked_sub(part.amount)?;
    lot.list = lot.list.zip(part.list).map(|(all, part)| all.checked_sub(part)).transpose()?;
    lot.contracted =
        lot.contracted.zip(part.contracted).map(|(all, part)| all.checked_sub(part)).transpose()?;
    lot.quantity = Some(whole.checked_sub(quantity)?);
    Ok(part)
}

/// A cell whose quantities are not known on both sides: its amounts as one.
fn amounts_only(cell: &Cell, rounding: Rounding) -> Result<Settled, ReconcileError> {
    let ledger = sum(cell.ledger.iter().map(|lot| lot.amount))?;
    let invoice = sum(cell.invoice.iter().map(|lot| lot.amount))?;
    let rows = cell.invoice.iter().map(|lot| lot.rows).fold(0, u32::saturating_add);
    let amount = invoice.checked_sub(ledger)?;
    if !cell.ledger.is_empty() && rows > 0 && near(invoice, ledger, rounding.tolerance(rows)?)? {
        return Ok(Settled { rounding: amount, ..Settled::default() });
    }
    let is_unpriced = cell.ledger.iter().any(|lot| !lot.is_priced);
    let beyond = Beyond { quantity: None, amount, is_unpriced };
    Ok(Settled { beyond: Some(beyond), ..Settled::default() })
}
