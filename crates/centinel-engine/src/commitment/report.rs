//! What bought commitments are worth: use, waste, coverage and savings, from FOCUS rows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::RATIO_PLACES;
use crate::{
    focus::{ChargeCategory, CommitmentDiscountStatus},
    money::{Currency, Decimal, DecimalError},
};

/// The columns of a FOCUS row that a commitment report needs; `None` is null or no such column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitmentRow {
    /// Position in the input, for rejections.
    pub row: u64,
    /// `ChargeCategory`.
    pub charge_category: ChargeCategory,
    /// `CommitmentDiscountId`.
    pub commitment_discount_id: Option<String>,
    /// `CommitmentDiscountStatus`.
    pub commitment_discount_status: Option<CommitmentDiscountStatus>,
    /// `CommitmentDiscountQuantity` (since FOCUS 1.1), in `commitment_discount_unit`.
    pub commitment_discount_quantity: Option<Decimal>,
    /// `CommitmentDiscountUnit`.
    pub commitment_discount_unit: Option<String>,
    /// `PricingCategory`.
    pub pricing_category: Option<String>,
    /// What was used.
    pub service: ServiceKey,
    /// `BillingCurrency`.
    pub currency: Currency,
    /// `BilledCost`.
    pub billed_cost: Decimal,
    /// `EffectiveCost`.
    pub effective_cost: Decimal,
    /// `ListCost`.
    pub list_cost: Option<Decimal>,
}

/// The service that a charge is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ServiceKey {
    /// `ServiceProviderName`, before FOCUS 1.3 `ProviderName`.
    pub provider: String,
    /// `ServiceCategory`.
    pub category: String,
    /// `ServiceName`.
    pub name: String,
}

/// All commitments in the rows, and sums by currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommitmentReport {
    /// By `CommitmentDiscountId`, then currency.
    pub commitments: Vec<CommitmentSummary>,
    /// By currency.
    pub totals: Vec<CurrencyTotal>,
    /// What counts as usage that a commitment could have covered.
    pub eligible: &'static str,
    /// Rows left out, and why.
    #[serde(skip)]
    pub rejected: Vec<(u64, RowError)>,
}

/// One commitment in one currency. Whatever cannot be known is `None`, with a reason in `unknown`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommitmentSummary {
    /// `CommitmentDiscountId`.
    pub commitment_discount_id: String,
    /// Of every amount.
    pub currency: Currency,
    /// Quantity consumed, in `unit`.
    pub used: Option<Decimal>,
    /// Quantity that expired unconsumed, in `unit`.
    pub unused: Option<Decimal>,
    /// `CommitmentDiscountUnit` of every usage row.
    pub unit: Option<String>,
    /// `used / (used + unused)`; by amortised cost where the rows have no quantities.
    pub utilization: Option<Decimal>,
    /// What `utilization` divides: `quantity` or `effective_cost`.
    pub utilization_basis: Option<&'static str>,
    /// Share of the on-demand-equivalent cost of the services it was for that this one covered.
    pub coverage: Option<Decimal>,
    /// `EffectiveCost` of the used rows.
    pub used_cost: Option<Decimal>,
    /// `EffectiveCost` of the unused rows: paid for nothing.
    pub waste: Option<Decimal>,
    /// `ListCost` of the used rows: what they would cost on demand. Unused rows carry a `ListCost`
    /// too, which nobody would have paid.
    pub on_demand_equivalent: Option<Decimal>,
    /// `1 - (used_cost + waste) / on_demand_equivalent`; negative when the commitment lost money.
    pub effective_savings_rate: Option<Decimal>,
    /// `BilledCost` of the purchase rows: the same money as the usage rows' `EffectiveCost`, at
    /// another time, and never added to it.
    pub purchase_billed_cost: Decimal,
    /// `EffectiveCost` of the purchase rows; not zero only where a bill does not amortise.
    pub purchase_effective_cost: Decimal,
    /// `EffectiveCost` of tax, credit and adjustment rows; in none of the figures above.
    pub other_effective_cost: Decimal,
    /// Rows counted.
    pub rows: u64,
    /// Why a figure is not known, by its name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: BTreeMap<&'static str, Unknown>,
}

/// All commitments of one currency together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CurrencyTotal {
    /// Of every amount.
    pub currency: Currency,
    /// How many commitments.
    pub commitments: u64,
    /// Sum of `used_cost` and `waste` over the commitments where these are known; `None`: of none.
    pub effective_cost: Option<Decimal>,
    /// Sum of `waste` over the same.
    pub waste: Option<Decimal>,
    /// Commitments whose cost is not known and not in these sums.
    pub commitments_without_cost: u64,
    /// Covered share of the on-demand-equivalent cost of all services with a commitment.
    pub coverage: Option<Decimal>,
    /// `1 - actual / on-demand equivalent` of the commitments and the eligible usage beside them.
    pub effective_savings_rate: Option<Decimal>,
    /// Why a figure is not known, by its name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: BTreeMap<&'static str, Unknown>,
}

/// Why a figure is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// Only purchases, taxes and the like.
    #[error("the rows hold no usage of it")]
    NoUsage,
    /// Quantities of several units cannot be added.
    #[error("usage rows are in different units: {0}")]
    MixedUnits(String),
    /// Some usage rows have a quantity and some have none.
    #[error("{missing} of {rows} usage rows have no CommitmentDiscountQuantity")]
    QuantityMissing {
        /// Rows without.
        missing: u64,
        /// All usage rows.
        rows: u64,
    },
    /// FOCUS 1.0 has no such column.
    #[error("usage rows have no CommitmentDiscountQuantity")]
    NoQuantity,
    /// All usage rows cost nothing, so that the cost must be elsewhere.
    #[error("EffectiveCost is 0 in every usage row: the rows do not amortise it")]
    NotAmortized,
    /// No on-demand equivalent without list prices.
    #[error("{0} rows have no ListCost")]
    NoListCost(u64),
    /// Not known whether rows could have been covered.
    #[error("{0} usage rows of its services have no PricingCategory")]
    NoPricingCategory(u64),
    /// Nothing to divide by.
    #[error("there is nothing to divide by")]
    ZeroWhole,
}

impl Serialize for Unknown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a row was left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// FOCUS: not null for usage rows of a commitment discount.
    #[error("usage row of a commitment has no CommitmentDiscountStatus")]
    NoStatus,
}

/// What counts as usage that a commitment could have covered: FOCUS says so only since 1.4
/// (`CommitmentProgramEligibilityDetails`).
const ELIGIBLE: &str =
    "usage with PricingCategory Standard of the same ServiceName and ServiceCategory in these rows";

/// Reports each commitment in the rows.
///
/// Purchase rows are stated apart and counted in no ratio: they are the same money as the usage rows
/// that draw them down.
///
/// # Errors
///
/// [`DecimalError::Overflow`] when an exact sum does not fit.
///
/// # Source
///
/// FOCUS 1.2, columns `CommitmentDiscountStatus`, `CommitmentDiscountQuantity`, `EffectiveCost`;
/// effective savings rate: FinOps Foundation, "How to Calculate Effective Savings Rate".
pub fn commitment_report(
    rows: impl IntoIterator<Item = CommitmentRow>,
) -> Result<CommitmentReport, DecimalError> {
    let mut tallies: BTreeMap<(String, Currency), Tally> = BTreeMap::new();
    let mut markets: BTreeMap<(Currency, ServiceKey), Market> = BTreeMap::new();
    let mut rejected = Vec::new();
    for row in rows {
        let is_usage = row.charge_category == ChargeCategory::Usage;
        let market = (row.currency, row.service.clone());
        let Some(id) = row.commitment_discount_id.clone() else {
            if is_usage {
                markets.entry(market).or_default().add_uncommitted(&row)?;
            }
            continue;
        };
        if is_usage && row.commitment_discount_status.is_none() {
            rejected.push((row.row, RowError::NoStatus));
            continue;
        }
        if is_usage {
            markets.entry(market).or_default().add_committed(&row)?;
        }
        tallies.entry((id, row.currency)).or_default().add(row)?;
    }
    let mut commitments = Vec::new();
    let mut by_currency: BTreeMap<Currency, Vec<(&Tally, CommitmentSummary)>> = BTreeMap::new();
    for ((id, currency), tally) in &tallies {
        let summary = tally.summary(id, *currency, &markets)?;
        by_currency.entry(*currency).or_default().push((tally, summary.clone()));
        commitments.push(summary);
    }
    let totals = by_currency
        .into_iter()
        .map(|(currency, members)| total(currency, &members, &markets))
        .collect::<Result<_, _>>()?;
    Ok(CommitmentReport { commitments, totals, eligible: ELIGIBLE, rejected })
}

/// A sum over rows of which some may not say.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    known: Decimal,
    missing: u64,
}

impl Sum {
    fn add(&mut self, value: Option<Decimal>) -> Result<(), DecimalError> {
        match value {
            Some(value) => self.known = self.known.checked_add(value)?,
            None => self.missing = self.missing.saturating_add(1),
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<(), DecimalError> {
        self.missing = self.missing.saturating_add(other.missing);
        self.known = self.known.checked_add(other.known)?;
        Ok(())
    }
}

/// Usage of one service in one currency.
#[derive(Debug, Clone, Copy, Default)]
struct Market {
    /// `ListCost` of usage that commitments covered.
    covered: Sum,
    /// `ListCost` and `EffectiveCost` of usage that they could have covered.
    eligible: Sum,
    eligible_cost: Decimal,
    /// Usage rows that do not say whether they are eligible.
    unclear: u64,
}

impl Market {
    fn add_committed(&mut self, row: &CommitmentRow) -> Result<(), DecimalError> {
        if row.commitment_discount_status == Some(CommitmentDiscountStatus::Used) {
            self.covered.add(row.list_cost)?;
        }
        Ok(())
    }

    fn add_uncommitted(&mut self, row: &CommitmentRow) -> Result<(), DecimalError> {
        match &row.pricing_category {
            None => self.unclear = self.unclear.saturating_add(1),
            Some(category) if category.eq_ignore_ascii_case("standard") => {
                self.eligible.add(row.list_cost)?;
                self.eligible_cost = self.eligible_cost.checked_add(row.effective_cost)?;
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Several services as one.
    fn joined<'a>(
        services: impl IntoIterator<Item = &'a ServiceKey>,
        currency: Currency,
        markets: &BTreeMap<(Currency, ServiceKey), Self>,
    ) -> Result<Self, DecimalError> {
        let mut joined = Self::default();
        for service in services {
            if let Some(market) = markets.get(&(currency, service.clone())) {
                joined.covered.merge(market.covered)?;
                joined.eligible.merge(market.eligible)?;
                joined.eligible_cost = joined.eligible_cost.checked_add(market.eligible_cost)?;
                joined.unclear = joined.unclear.saturating_add(market.unclear);
            }
        }
        Ok(joined)
    }

    /// On-demand-equivalent cost of covered and eligible usage.
    fn whole(&self) -> Result<Result<Decimal, Unknown>, DecimalError> {
        let missing = self.covered.missing.saturating_add(self.eligible.missing);
        Ok(if missing > 0 {
            Err(Unknown::NoListCost(missing))
        } else if self.unclear > 0 {
            Err(Unknown::NoPricingCategory(self.unclear))
        } else {
            Ok(self.covered.known.checked_add(self.eligible.known)?)
        })
    }
}

/// Sums of one commitment.
#[derive(Debug, Clone, Default)]
struct Tally {
    rows: u64,
    usage_rows: u64,
    used: Sum,
    unused: Sum,
    units: BTreeSet<Option<String>>,
    used_cost: Decimal,
    unused_cost: Decimal,
    is_amortized: bool,
    list_cost: Sum,
    services: BTreeSet<ServiceKey>,
    purchase_billed_cost: Decimal,
    purchase_effective_cost: Decimal,
    other_effective_cost: Decimal,
}

impl Tally {
    fn add(&mut self, row: CommitmentRow) -> Result<(), DecimalError> {
        self.rows = self.rows.saturating_add(1);
        match (row.charge_category, row.commitment_discount_status) {
            (ChargeCategory::Usage, Some(status)) => {
                self.usage_rows = self.usage_rows.saturating_add(1);
                self.is_amortized |= !row.effective_cost.is_zero();
                if row.commitment_discount_quantity.is_some() {
                    self.units.insert(row.commitment_discount_unit);
                }
                let (quantity, cost) = match status {
                    CommitmentDiscountStatus::Used => {
                        self.list_cost.add(row.list_cost)?;
                        (&mut self.used, &mut self.used_cost)
                    }
                    CommitmentDiscountStatus::Unused => (&mut self.unused, &mut self.unused_cost),
                };
                quantity.add(row.commitment_discount_quantity)?;
                *cost = cost.checked_add(row.effective_cost)?;
                self.services.insert(row.service);
            }
            (ChargeCategory::Purchase, _) => {
                self.purchase_billed_cost =
                    self.purchase_billed_cost.checked_add(row.billed_cost)?;
                self.purchase_effective_cost =
                    self.purchase_effective_cost.checked_add(row.effective_cost)?;
            }
            _ => {
                self.other_effective_cost =
                    self.other_effective_cost.checked_add(row.effective_cost)?;
            }
        }
        Ok(())
    }

    /// Used and unused quantity with their unit.
    fn quantities(&self) -> Result<(Decimal, Decimal, Option<String>), Unknown> {
        let missing = self.used.missing.saturating_add(self.unused.missing);
        if self.usage_rows == 0 {
            return Err(Unknown::NoUsage);
        }
        if missing == self.usage_rows {
            return Err(Unknown::NoQuantity);
        }
        if missing > 0 {
            return Err(Unknown::QuantityMissing { missing, rows: self.usage_rows });
        }
        if self.units.len() > 1 {
            let name = |unit: &Option<String>| unit.clone().unwrap_or_else(|| "none".into());
            let units: Vec<String> = self.units.iter().take(5).map(name).collect();
            return Err(Unknown::MixedUnits(units.join(", ")));
        }
        Ok((self.used.known, self.unused.known, self.units.first().cloned().flatten()))
    }

    /// Amortised cost of the used and the unused rows.
    fn costs(&self) -> Result<(Decimal, Decimal), Unknown> {
        if self.usage_rows == 0 {
            Err(Unknown::NoUsage)
        } else if self.is_amortized {
            Ok((self.used_cost, self.unused_cost))
        } else {
            Err(Unknown::NotAmortized)
        }
    }

    fn on_demand_equivalent(&self) -> Result<Decimal, Unknown> {
        if self.usage_rows == 0 {
            Err(Unknown::NoUsage)
        } else if self.list_cost.missing > 0 {
            Err(Unknown::NoListCost(self.list_cost.missing))
        } else {
            Ok(self.list_cost.known)
        }
    }

    fn summary(
        &self,
        id: &str,
        currency: Currency,
        markets: &BTreeMap<(Currency, ServiceKey), Market>,
    ) -> Result<CommitmentSummary, DecimalError> {
        let mut unknown = BTreeMap::new();
        let (quantities, costs) = (self.quantities(), self.costs());
        let (utilization, utilization_basis) = match (&quantities, &costs) {
            (Ok((used, unused, _)), _) => (share(*used, *unused)?, Some("quantity")),
            (Err(reason @ Unknown::MixedUnits(_)), _) => (Err(reason.clone()), None),
            (_, Ok((used, unused))) => (share(*used, *unused)?, Some("effective_cost")),
            (_, Err(reason)) => (Err(reason.clone()), None),
        };
        let equivalent = self.on_demand_equivalent();
        let savings = match (&costs, &equivalent) {
            (Ok((used, unused)), Ok(whole)) => savings_rate(used.checked_add(*unused)?, *whole)?,
            (Err(reason), _) | (_, Err(reason)) => Err(reason.clone()),
        };
        let whole = Market::joined(&self.services, currency, markets)?.whole()?;
        let coverage = match (&equivalent, whole) {
            (Ok(covered), Ok(whole)) => ratio(*covered, whole)?,
            (Err(reason), _) => Err(reason.clone()),
            (_, Err(reason)) => Err(reason),
        };
        let utilization = known("utilization", utilization, &mut unknown);
        let costs = known("waste", costs, &mut unknown);
        let quantities = known("used", quantities, &mut unknown);
        Ok(CommitmentSummary {
            commitment_discount_id: id.to_owned(),
            currency,
            used: quantities.as_ref().map(|(used, ..)| *used),
            unused: quantities.as_ref().map(|(_, unused, _)| *unused),
            unit: quantities.and_then(|(.., unit)| unit),
            utilization_basis: utilization_basis.filter(|_| utilization.is_some()),
            utilization,
            coverage: known("coverage", coverage, &mut unknown),
            used_cost: costs.map(|(used, _)| used),
            waste: costs.map(|(_, unused)| unused),
            on_demand_equivalent: known("on_demand_equivalent", equivalent, &mut unknown),
            effective_savings_rate: known("effective_savings_rate", savings, &mut unknown),
            purchase_billed_cost: self.purchase_billed_cost,
            purchase_effective_cost: self.purchase_effective_cost,
            other_effective_cost: self.other_effective_cost,
            rows: self.rows,
            unknown,
        })
    }
}

fn total(
    currency: Currency,
    members: &[(&Tally, CommitmentSummary)],
    markets: &BTreeMap<(Currency, ServiceKey), Market>,
) -> Result<CurrencyTotal, DecimalError> {
    let services: BTreeSet<&ServiceKey> =
        members.iter().flat_map(|(tally, _)| &tally.services).collect();
    let market = Market::joined(services, currency, markets)?;
    let (mut effective_cost, mut waste) = (Decimal::ZERO, Decimal::ZERO);
    let mut first_unknown = None;
    let mut commitments_without_cost = 0_u64;
    for (tally, _) in members {
        match tally.costs() {
            Ok((used, unused)) => {
                effective_cost = effective_cost.checked_add(used)?.checked_add(unused)?;
                waste = waste.checked_add(unused)?;
            }
            Err(reason) => {
                commitments_without_cost = commitments_without_cost.saturating_add(1);
                first_unknown = first_unknown.or(Some(reason));
            }
        }
    }
    let whole = market.whole()?;
    let coverage = match whole.clone() {
        Ok(whole) => ratio(market.covered.known, whole)?,
        Err(reason) => Err(reason),
    };
    let savings = match (first_unknown, whole) {
        (Some(reason), _) | (None, Err(reason)) => Err(reason),
        (None, Ok(whole)) => {
            savings_rate(effective_cost.checked_add(market.eligible_cost)?, whole)?
        }
    };
    let mut unknown = BTreeMap::new();
    let commitments = u64::try_from(members.len()).unwrap_or(u64::MAX);
    let some_known = commitments_without_cost < commitments;
    Ok(CurrencyTotal {
        currency,
        commitments,
        effective_cost: some_known.then_some(effective_cost),
        waste: some_known.then_some(waste),
        commitments_without_cost,
        coverage: known("coverage", coverage, &mut unknown),
        effective_savings_rate: known("effective_savings_rate", savings, &mut unknown),
        unknown,
    })
}

fn share(used: Decimal, unused: Decimal) -> Result<Result<Decimal, Unknown>, DecimalError> {
    ratio(used, used.checked_add(unused)?)
}

fn savings_rate(
    actual: Decimal,
    equivalent: Decimal,
) -> Result<Result<Decimal, Unknown>, DecimalError> {
    ratio(equivalent.checked_sub(actual)?, equivalent)
}

fn ratio(part: Decimal, whole: Decimal) -> Result<Result<Decimal, Unknown>, DecimalError> {
    Ok(part.quotient(whole, RATIO_PLACES)?.ok_or(Unknown::ZeroWhole))
}

fn known<T>(
    figure: &'static str,
    value: Result<T, Unknown>,
    unknown: &mut BTreeMap<&'static str, Unknown>,
) -> Option<T> {
    value.map_err(|reason| unknown.insert(figure, reason)).ok()
}

#[cfg(test)]
mod tests;
