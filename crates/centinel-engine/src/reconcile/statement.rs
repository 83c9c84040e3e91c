//! What is said: the two sums, the gap, its causes, and the parts they consist of.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use serde::Serialize;

use super::{
    Cause, Part, ReconcileError,
    exact::{abs, sum},
};
use crate::{
    money::{Currency, Decimal},
    period::Period,
};

/// Rows of the invoice that are not about models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Excluded {
    /// How many.
    pub rows: u64,
    /// What they add up to.
    pub amount: Decimal,
}

/// One cause, with all its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CauseTotal {
    /// Why.
    pub cause: Cause,
    /// Sum of its parts: invoice less ledger.
    pub amount: Decimal,
    /// How many parts.
    pub parts: usize,
    /// What fits equally well, of what is unexplained.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Cause>,
    /// What in the data says so; the weightiest three.
    pub evidence: Vec<String>,
}

/// A comparison in one currency.
///
/// `invoice − ledger = gap = Σ causes = Σ parts`, exactly; what is unexplained is one of the causes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// Currency of the invoice.
    pub currency: Currency,
    /// Currency of the ledger, where it is another one: `ledger` is then at par, and its conversion
    /// is the cause `currency`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger_currency: Option<Currency>,
    /// What is compared.
    pub period: Option<Period>,
    /// Sum of the calls' costs.
    pub ledger: Decimal,
    /// Sum of the rows.
    pub invoice: Decimal,
    /// Invoice less ledger.
    pub gap: Decimal,
    /// By cause, in the order of [`Cause::ALL`]; those without a part are left out.
    pub causes: Vec<CauseTotal>,
    /// What has no cause: the sum of the parts that are unexplained.
    pub unexplained: Decimal,
    /// The same without regard to sign, divided by the invoice; 4 decimals, `None` without one.
    pub unexplained_share: Option<Decimal>,
    /// Calls of the ledger.
    pub calls: u64,
    /// Calls that the ledger has no price for.
    pub unpriced_calls: u64,
    /// Rows of the invoice.
    pub rows: usize,
    /// Rows that are not about models, and so in neither sum.
    pub excluded: Excluded,
    /// Where the invoice is coarser than the ledger, and what was assumed.
    pub notes: Vec<String>,
    /// Every part, the largest first.
    pub parts: Vec<Part>,
}

/// The two sides, added up.
pub(super) struct Sides {
    pub(super) currency: Currency,
    pub(super) ledger_currency: Currency,
    pub(super) period: Option<Period>,
    pub(super) ledger: Decimal,
    pub(super) invoice: Decimal,
    pub(super) calls: u64,
    pub(super) rows: usize,
    pub(super) unpriced_calls: u64,
    pub(super) excluded: Excluded,
}

impl Statement {
    pub(super) fn new(
        sides: Sides,
        mut parts: Vec<Part>,
        mut notes: Vec<String>,
    ) -> Result<Self, ReconcileError> {
        let gap = sides.invoice.checked_sub(sides.ledger)?;
        let left = gap.checked_sub(sum(parts.iter().map(|part| part.amount))?)?;
        // INVARIANT: nothing is left. Were something left, it would be no cause's, so it is shown as
        // what it is.
        if !left.is_zero() {
            parts.push(Part {
                cause: Cause::Unexplained,
                amount: left,
                candidates: Vec::new(),
                provider: String::new(),
                model: None,
                day: None,
                project: None,
                api_key: None,
                token_class: None,
                quantity: None,
                evidence: "lost in this comparison".to_owned(),
            });
        }
        let mut parts = merged(parts)?;
        let size = |part: &Part| abs(part.amount).unwrap_or(part.amount);
        parts.sort_by_cached_key(|part| {
            (
                std::cmp::Reverse(size(part)),
                part.cause,
                part.day.clone(),
                part.model.clone(),
                part.token_class,
                part.api_key.clone(),
                part.project.clone(),
            )
        });
        let causes = totals(&parts)?;
        let is_open = |part: &&Part| part.cause == Cause::Unexplained;
        let unexplained = sum(parts.iter().filter(is_open).map(|part| part.amount))?;
        let without_sign = sum(parts.iter().filter(is_open).map(size))?;
        let invoice = abs(sides.invoice)?;
        notes.sort();
        notes.dedup();
        Ok(Self {
            currency: sides.currency,
            ledger_currency: (sides.ledger_currency != sides.currency)
                .then_some(sides.ledger_currency),
            period: sides.period,
            ledger: sides.ledger,
            invoice: sides.invoice,
            gap,
            causes,
            unexplained,
            unexplained_share: without_sign.quotient(invoice, 4)?,
            calls: sides.calls,
            unpriced_calls: sides.unpriced_calls,
            rows: sides.rows,
            excluded: sides.excluded,
            notes,
            parts,
        })
    }
}

/// Parts that speak of one thing, in the words that the invoice has for it, as one: what differs up
/// and down within a row of the invoice is not known to differ. Parts that come to nothing are left
/// out.
fn merged(parts: Vec<Part>) -> Result<Vec<Part>, ReconcileError> {
    let mut merged: BTreeMap<_, Part> = BTreeMap::new();
    for part in parts {
        let key = (
            (part.cause, part.candidates.clone(), part.evidence.clone()),
            (part.provider.clone(), part.model.clone(), part.day.clone()),
            (part.project.clone(), part.api_key.clone(), part.token_class),
        );
        match merged.entry(key) {
            Entry::Vacant(slot) => {
                slot.insert(part);
            }
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.amount = known.amount.checked_add(part.amount)?;
                known.quantity = match (known.quantity, part.quantity) {
                    (Some(one), Some(other)) => Some(one.checked_add(other)?),
                    (one, other) => one.or(other),
                };
            }
        }
    }
    Ok(merged.into_values().filter(|part| !part.amount.is_zero()).collect())
}

fn totals(parts: &[Part]) -> Result<Vec<CauseTotal>, ReconcileError> {
    let mut by_cause: BTreeMap<Cause, Vec<&Part>> = BTreeMap::new();
    for part in parts {
        by_cause.entry(part.cause).or_default().push(part);
    }
    let mut totals = Vec::new();
    for (cause, parts) in by_cause {
        let candidates: BTreeSet<Cause> =
            parts.iter().flat_map(|part| part.candidates.iter().copied()).collect();
        // Parts come the largest first.
        let mut evidence: Vec<String> = Vec::new();
        for part in &parts {
            if evidence.len() < 3 && !evidence.contains(&part.evidence) {
                evidence.push(part.evidence.clone());
            }
        }
        totals.push(CauseTotal {
            cause,
            amount: sum(parts.iter().map(|part| part.amount))?,
            parts: parts.len(),
            candidates: candidates.into_iter().collect(),
            evidence,
        });
    }
    Ok(totals)
}
