//! The cheapest commitments for given hours of usage, with a bound on what any could cost.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    HourlyUsage, Offer, Payment, RATIO_PLACES,
    search::{Lane, Market, TooLarge, bit, round_up},
};
use crate::money::{Decimal, DecimalError};

/// What to commit to, and what that does to the cost of the hours given.
///
/// Costs are over these hours only, after existing commitments were applied: those are paid whatever
/// is decided, so neither their cost nor the usage that they cover is in any figure but
/// [`Self::existing`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Optimum {
    /// What to buy; empty when nothing pays.
    pub plans: Vec<Plan>,
    /// Commitments and what stays on demand.
    pub cost: Decimal,
    /// The same usage without new commitments.
    pub on_demand_cost: Decimal,
    /// No set of amounts of these offers costs less: the optimum without increments and minimums.
    pub lower_bound: Decimal,
    /// `cost - lower_bound`: at most what increments and minimums cost, if `exact`.
    pub gap: Decimal,
    /// Share of the commitments that must be used for them to cost what on demand would; `None`
    /// without plans.
    pub break_even_utilization: Option<Decimal>,
    /// Share of the commitments that these hours use; `None` without plans.
    pub utilization: Option<Decimal>,
    /// Share of the on-demand cost that the plans cover; `None` when there is none.
    pub coverage: Option<Decimal>,
    /// `1 - cost / on_demand_cost`; `None` when there is no on-demand cost.
    pub effective_savings_rate: Option<Decimal>,
    /// Whether no admissible amounts cost less: false only when the offers are too many to search.
    pub exact: bool,
    /// Hours of usage.
    pub hours: usize,
    /// Hours missing between the first and the last: left out, not taken as zero.
    pub hours_missing: usize,
    /// Each offer on its own, at its exact optimum.
    pub single_offers: Vec<SingleOffer>,
    /// What existing commitments cover.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub existing: Vec<ExistingUse>,
}

/// A commitment to buy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Name of the offer.
    pub offer: String,
    /// On-demand cost per hour that it covers when fully used.
    pub covered_on_demand_per_hour: Decimal,
    /// What is paid per hour, used or not: `1 - discount` times the above.
    pub commitment_per_hour: Decimal,
    /// Length of the promise.
    pub term_hours: u64,
    /// What is promised in all.
    pub commitment_over_term: Decimal,
    /// When it is paid.
    pub payment: Payment,
}

/// The best amount of one offer when no other is bought; zero when it does not pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SingleOffer {
    /// Name of the offer.
    pub offer: String,
    /// On-demand cost per hour covered when fully used.
    pub covered_on_demand_per_hour: Decimal,
    /// What is paid per hour.
    pub commitment_per_hour: Decimal,
    /// Commitment and what stays on demand, over all hours.
    pub cost: Decimal,
}

/// What an existing commitment does in the hours given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExistingUse {
    /// Name of the offer.
    pub offer: String,
    /// On-demand cost covered.
    pub covered_on_demand: Decimal,
    /// What is paid for the hours before it expires.
    pub commitment: Decimal,
    /// Used share; `None` when it expired before the first hour.
    pub utilization: Option<Decimal>,
}

/// The cost of plans if usage were different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsageChange {
    /// Every hour's usage is multiplied by this.
    pub usage_ratio: Decimal,
    /// Plans and what stays on demand.
    pub cost: Decimal,
    /// The same usage without the plans.
    pub on_demand_cost: Decimal,
}

/// Why there is no optimum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptimizeError {
    /// An offer names a SKU without usage.
    #[error("offer `{offer}` applies to `{sku}`, which is no usage column; columns: {columns}")]
    UnknownSku {
        /// Offer.
        offer: String,
        /// Name in `applies_to`.
        sku: String,
        /// Names of the columns.
        columns: String,
    },
    /// A plan of no offer given.
    #[error("plan of an unknown offer `{0}`")]
    UnknownOffer(String),
    /// More SKUs than bits.
    #[error("more than {} usage columns", usize::BITS)]
    TooManySkus,
    /// The scopes of offers overlap in too many ways.
    #[error("offers overlap in more than {} different sets of usage columns", Market::SCOPES_MAX)]
    TooManyScopes,
    /// An exact cost does not fit.
    #[error("an exact cost does not fit 128 bits; write fewer decimals")]
    Overflow,
}

impl From<TooLarge> for OptimizeError {
    fn from(reason: TooLarge) -> Self {
        match reason {
            TooLarge::Scopes => Self::TooManyScopes,
            TooLarge::Numbers => Self::Overflow,
        }
    }
}

impl From<DecimalError> for OptimizeError {
    fn from(_: DecimalError) -> Self {
        Self::Overflow
    }
}

/// Finds the cheapest admissible amounts of the offers for these hours of usage.
///
/// For one offer with discount `d`, `cost(c) = hours × (1 - d) × c + Σ max(usage - c, 0)` is convex
/// and piecewise linear, so that the optimum is the `d`-quantile of the hours or, with increments and
/// a minimum, an admissible amount beside it. Several offers are optimised together; where they
/// overlap, commitments are taken to be applied so that they cover the most usage, as providers do by
/// applying the narrower ones first. Of equal costs, the smallest promise wins.
///
/// Not in the cost: what lies beyond the hours given, the time value of upfront payments, and the
/// risk that usage falls (see [`cost_at_usage`]).
///
/// # Errors
///
/// [`OptimizeError`].
pub fn optimize(usage: &HourlyUsage, offers: &[Offer]) -> Result<Optimum, OptimizeError> {
    let case = Case::new(usage, offers, Decimal::ONE, &[])?;
    let total = case.total()?;
    let (mut amounts, mut cost, mut bound) = (vec![0; offers.len()], 0_i128, 0_i128);
    let (mut covered, mut grouped, mut exact) = (0_i128, 0_i128, true);
    for group in case.groups() {
        let market = case.market(&group)?;
        let (best, proven) = market.cheapest();
        exact &= proven;
        cost = add(cost, best.cost)?;
        bound = add(bound, case.lower_bound(&group)?)?;
        grouped = add(grouped, market.total())?;
        covered = add(covered, market.total().saturating_sub(market.uncovered(&best.amounts)))?;
        for (offer, amount) in group.iter().zip(best.amounts) {
            if let Some(slot) = amounts.get_mut(*offer) {
                *slot = amount;
            }
        }
    }
    // Usage that no offer applies to costs what it costs in every case.
    let beyond = multiply(total.saturating_sub(grouped), case.one)?;
    let (cost, bound) = (case.cost(add(cost, beyond)?)?, case.cost(add(bound, beyond)?)?);
    let on_demand_cost = case.amount(total)?;

    let mut plans = Vec::new();
    let (mut committed, mut paid) = (0_i128, Decimal::ZERO);
    for (offer, amount) in offers.iter().zip(amounts).filter(|(_, amount)| *amount > 0) {
        let plan = plan(offer, case.amount(amount)?)?;
        committed = add(committed, amount)?;
        paid = paid.checked_add(plan.commitment_per_hour)?;
        plans.push(plan);
    }
    let promised = multiply(committed, case.hours()?)?;
    Ok(Optimum {
        break_even_utilization: ratio(paid, case.amount(committed)?)?,
        utilization: ratio(case.amount(covered)?, case.amount(promised)?)?,
        coverage: ratio(case.amount(covered)?, on_demand_cost)?,
        effective_savings_rate: ratio(on_demand_cost.checked_sub(cost)?, on_demand_cost)?,
        plans,
        gap: cost.checked_sub(bound)?,
        cost,
        on_demand_cost,
        lower_bound: bound,
        exact,
        hours: usage.hours().len(),
        hours_missing: usage.missing().len(),
        single_offers: case.single_offers(total)?,
        existing: case.existing,
    })
}

/// What plans would cost if every hour's usage were multiplied by `usage_ratio`: `0.8` is a fall by
/// 20 %. Existing commitments are applied first, as in [`optimize`].
///
/// # Errors
///
/// [`OptimizeError`], [`OptimizeError::UnknownOffer`] among them.
pub fn cost_at_usage(
    usage: &HourlyUsage,
    offers: &[Offer],
    plans: &[Plan],
    usage_ratio: Decimal,
) -> Result<UsageChange, OptimizeError> {
    let case = Case::new(usage, offers, usage_ratio, plans)?;
    let hours = case.hours()?;
    let mut amounts = vec![Decimal::ZERO; offers.len()];
    let mut cost = Decimal::ZERO;
    for plan in plans {
        let position = offers.iter().position(|offer| offer.name == plan.offer);
        let slot = position.and_then(|position| amounts.get_mut(position));
        let slot = slot.ok_or_else(|| OptimizeError::UnknownOffer(plan.offer.clone()))?;
        *slot = slot.checked_add(plan.covered_on_demand_per_hour)?;
        cost = cost.checked_add(plan.commitment_per_hour.checked_mul_integer(hours)?)?;
    }
    let total = case.total()?;
    let mut on_demand = total;
    for group in case.groups() {
        let market = case.market(&group)?;
        let amounts: Vec<i128> = group
            .iter()
            .map(|offer| case.units(amounts.get(*offer).copied().unwrap_or_default()))
            .collect::<Result<_, _>>()?;
        let covered = market.total().saturating_sub(market.uncovered(&amounts));
        on_demand = on_demand.saturating_sub(covered);
    }
    Ok(UsageChange {
        usage_ratio,
        cost: cost.checked_add(case.amount(on_demand)?)?,
        on_demand_cost: case.amount(total)?,
    })
}

fn plan(offer: &Offer, covered: Decimal) -> Result<Plan, OptimizeError> {
    let commitment = Decimal::ONE.checked_sub(offer.discount)?.checked_mul(covered)?;
    Ok(Plan {
        offer: offer.name.clone(),
        covered_on_demand_per_hour: covered,
        commitment_per_hour: commitment,
        term_hours: offer.term_hours,
        commitment_over_term: commitment.checked_mul_integer(i128::from(offer.term_hours))?,
        payment: offer.payment,
    })
}

/// Usage that existing commitments leave, and the offers, in whole units of `10^-scale`.
struct Case<'a> {
    offers: &'a [Offer],
    lanes: Vec<Lane>,
    /// By SKU, then by hour.
    usage: Vec<Vec<i128>>,
    scale: u32,
    /// `10^rate_scale`: the on-demand price of one unit.
    one: i128,
    rate_scale: u32,
    existing: Vec<ExistingUse>,
}

impl<'a> Case<'a> {
    fn new(
        hourly: &HourlyUsage,
        offers: &'a [Offer],
        usage_ratio: Decimal,
        plans: &[Plan],
    ) -> Result<Self, OptimizeError> {
        let skus = hourly.skus();
        if skus.len() >= usize::BITS as usize {
            return Err(OptimizeError::TooManySkus);
        }
        let mut usage = vec![Vec::new(); skus.len()];
        for (_, amounts) in hourly.hours() {
            for (sku, amount) in usage.iter_mut().zip(amounts) {
                sku.push(amount.checked_mul(usage_ratio)?.max(Decimal::ZERO));
            }
        }
        let starts: Vec<Timestamp> = hourly.hours().map(|(start, _)| start).collect();
        let scopes: Vec<usize> =
            offers.iter().map(|offer| scope(offer, skus)).collect::<Result<_, _>>()?;
        let existing = apply_existing(&mut usage, &starts, offers, &scopes)?;

        let scale = offers
            .iter()
            .flat_map(|offer| [offer.minimum, offer.increment.unwrap_or_default()])
            .chain(plans.iter().map(|plan| plan.covered_on_demand_per_hour))
            .chain(usage.iter().flatten().copied())
            .map(Decimal::scale)
            .max();
        let rate_scale = offers.iter().map(|offer| offer.discount.scale()).max().unwrap_or(0);
        let mut case = Self {
            offers,
            lanes: Vec::new(),
            usage: Vec::new(),
            scale: scale.unwrap_or(0),
            one: Decimal::ONE.mantissa_at(rate_scale).ok_or(OptimizeError::Overflow)?,
            rate_scale,
            existing,
        };
        case.usage = usage
            .into_iter()
            .map(|sku| sku.into_iter().map(|amount| case.units(amount)).collect())
            .collect::<Result<_, _>>()?;
        case.lanes = offers
            .iter()
            .zip(scopes)
            .map(|(offer, scope)| case.lane(offer, scope))
            .collect::<Result<_, _>>()?;
        Ok(case)
    }

    fn lane(&self, offer: &Offer, scope: usize) -> Result<Lane, OptimizeError> {
        let step = offer.increment.map_or(Ok(1), |increment| self.units(increment))?;
        let mut least = self.units(offer.minimum)?.max(step);
        if !offer.spill_over {
            let market =
                Market::new(&self.usage, vec![Lane { scope, rate: 0, step, least }], self.one)?;
            least = least.max(market.peak());
        }
        let discount =
            offer.discount.mantissa_at(self.rate_scale).ok_or(OptimizeError::Overflow)?;
        Ok(Lane {
            scope,
            rate: self.one.saturating_sub(discount),
            step,
            least: round_up(least, step),
        })
    }

    /// Offers by position, grouped so that no two groups apply to the same SKU.
    fn groups(&self) -> Vec<Vec<usize>> {
        let mut groups: Vec<(usize, Vec<usize>)> = Vec::new();
        for (offer, lane) in self.lanes.iter().enumerate() {
            let (touching, mut apart): (Vec<_>, Vec<_>) =
                groups.into_iter().partition(|(scope, _)| scope & lane.scope != 0);
            let (mut scope, mut offers) = (lane.scope, vec![offer]);
            for (other, members) in touching {
                scope |= other;
                offers.extend(members);
            }
            offers.sort_unstable();
            apart.push((scope, offers));
            groups = apart;
        }
        groups.into_iter().map(|(_, offers)| offers).collect()
    }

    fn market(&self, group: &[usize]) -> Result<Market, OptimizeError> {
        Ok(Market::new(&self.usage, self.lanes_of(group), self.one)?)
    }

    fn lanes_of(&self, group: &[usize]) -> Vec<Lane> {
        group.iter().filter_map(|offer| self.lanes.get(*offer)).copied().collect()
    }

    /// The optimum without increments and minimums; where that is too large to search, with one offer
    /// at the best price for everything: cheaper still.
    fn lower_bound(&self, group: &[usize]) -> Result<i128, OptimizeError> {
        let relaxed: Vec<Lane> = self
            .lanes_of(group)
            .into_iter()
            .map(|lane| Lane { step: 1, least: 1, ..lane })
            .collect();
        let scope = relaxed.iter().fold(0, |scope, lane| scope | lane.scope);
        let rate = relaxed.iter().map(|lane| lane.rate).min().unwrap_or(self.one);
        let (best, exact) = Market::new(&self.usage, relaxed, self.one)?.cheapest();
        if exact {
            return Ok(best.cost);
        }
        let pooled = vec![Lane { scope, rate, step: 1, least: 1 }];
        Ok(Market::new(&self.usage, pooled, self.one)?.cheapest().0.cost)
    }

    fn single_offers(&self, total: i128) -> Result<Vec<SingleOffer>, OptimizeError> {
        let single = |(position, offer): (usize, &Offer)| {
            let market = self.market(&[position])?;
            let (best, _) = market.cheapest();
            let beyond = multiply(total.saturating_sub(market.total()), self.one)?;
            let covered = self.amount(best.amounts.first().copied().unwrap_or(0))?;
            let plan = plan(offer, covered)?;
            Ok(SingleOffer {
                offer: plan.offer,
                covered_on_demand_per_hour: covered,
                commitment_per_hour: plan.commitment_per_hour,
                cost: self.cost(add(best.cost, beyond)?)?,
            })
        };
        self.offers.iter().enumerate().map(single).collect()
    }

    fn hours(&self) -> Result<i128, OptimizeError> {
        let hours = self.usage.first().map_or(0, Vec::len);
        i128::try_from(hours).map_err(|_| OptimizeError::Overflow)
    }

    fn total(&self) -> Result<i128, OptimizeError> {
        self.usage.iter().flatten().try_fold(0, |sum, amount| add(sum, *amount))
    }

    fn units(&self, amount: Decimal) -> Result<i128, OptimizeError> {
        amount.mantissa_at(self.scale).ok_or(OptimizeError::Overflow)
    }

    /// Units as an amount.
    fn amount(&self, units: i128) -> Result<Decimal, OptimizeError> {
        Ok(Decimal::new(units, self.scale)?)
    }

    /// Units times a price in parts of `one`, as an amount.
    fn cost(&self, parts: i128) -> Result<Decimal, OptimizeError> {
        let scale = self.scale.checked_add(self.rate_scale).ok_or(OptimizeError::Overflow)?;
        Ok(Decimal::new(parts, scale)?)
    }
}

fn scope(offer: &Offer, skus: &[String]) -> Result<usize, OptimizeError> {
    let Some(named) = &offer.applies_to else {
        return Ok(bit(skus.len()).saturating_sub(1));
    };
    named.iter().try_fold(0, |scope, name| {
        let sku = skus.iter().position(|sku| sku == name);
        sku.map(|sku| scope | bit(sku)).ok_or_else(|| OptimizeError::UnknownSku {
            offer: offer.name.clone(),
            sku: name.chars().take(100).collect(),
            columns: skus.join(", ").chars().take(200).collect(),
        })
    })
}

/// Takes what existing commitments cover out of the usage: those for fewest SKUs first, then the
/// highest discount, then file order; within one, the SKUs in column order.
///
/// AWS applies savings plans likewise, narrow before wide (Savings Plans user guide, "Understanding
/// how Savings Plans apply to your usage").
fn apply_existing(
    usage: &mut [Vec<Decimal>],
    starts: &[Timestamp],
    offers: &[Offer],
    scopes: &[usize],
) -> Result<Vec<ExistingUse>, OptimizeError> {
    let mut order: Vec<(&Offer, usize)> = offers.iter().zip(scopes.iter().copied()).collect();
    order.retain(|(offer, _)| !offer.existing.is_zero());
    order.sort_by_key(|(offer, scope)| (scope.count_ones(), std::cmp::Reverse(offer.discount)));
    let mut used = Vec::new();
    for (offer, scope) in order {
        let active = |start: &Timestamp| offer.expires.is_none_or(|expires| *start < expires);
        let hours = i128::try_from(starts.iter().filter(|start| active(start)).count())
            .map_err(|_| OptimizeError::Overflow)?;
        let mut covered = Decimal::ZERO;
        for (hour, _) in starts.iter().enumerate().filter(|(_, start)| active(start)) {
            let mut left = offer.existing;
            let skus = usage.iter_mut().enumerate().filter(|(sku, _)| scope & bit(*sku) != 0);
            for amount in skus.filter_map(|(_, hours)| hours.get_mut(hour)) {
                let taken = left.min(*amount);
                *amount = amount.checked_sub(taken)?;
                left = left.checked_sub(taken)?;
                covered = covered.checked_add(taken)?;
            }
        }
        let promised = offer.existing.checked_mul_integer(hours)?;
        used.push(ExistingUse {
            offer: offer.name.clone(),
            covered_on_demand: covered,
            commitment: Decimal::ONE.checked_sub(offer.discount)?.checked_mul(promised)?,
            utilization: ratio(covered, promised)?,
        });
    }
    Ok(used)
}

fn ratio(part: Decimal, whole: Decimal) -> Result<Option<Decimal>, OptimizeError> {
    Ok(part.quotient(whole, RATIO_PLACES)?)
}

fn add(left: i128, right: i128) -> Result<i128, OptimizeError> {
    left.checked_add(right).ok_or(OptimizeError::Overflow)
}

fn multiply(left: i128, right: i128) -> Result<i128, OptimizeError> {
    left.checked_mul(right).ok_or(OptimizeError::Overflow)
}

#[cfg(test)]
mod tests;
