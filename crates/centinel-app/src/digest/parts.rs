//! Parts of a digest: who spent what on what, against which limits, with what outputs.

use std::collections::{BTreeMap, BTreeSet};

use centinel_approvals::View;
use centinel_engine::{
    digest::{Ahead, Limit, Moved, OutputCost, Rank, SavingsSoFar, Waiting},
    forecast::CalendarPeriod,
    money::{Currency, Money, Pico},
    period::Period,
};
use jiff::Timestamp;

use crate::{
    App, AppError, BudgetOutlook, ForecastLine, Outputs, SavingsLine, SpendAnswer, SpendForecast,
    SpendRequest, SpendSums, budget_outlook, cost_per_output,
};

/// Parts that a digest names.
const MOVED_MAX: usize = 5;
/// Outputs that it names.
const OUTPUTS_MAX: usize = 5;
/// A part that moved by less than a hundredth of the whole and less than a tenth of all movement is in the
/// rest.
const OF_WHOLE_MIN: u128 = 100;
const OF_MOVEMENT_MIN: u128 = 10;

/// What a part of the spend is called: its feature, or else its service.
type Name = (&'static str, Option<String>);

/// Sums by owner and part, in one currency; what is in others beside it.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    sums: BTreeMap<(Option<String>, Name), SpendSums>,
    others: BTreeMap<(Option<String>, Currency), Pico>,
}

impl Pairs {
    pub(super) fn of(answer: &SpendAnswer, currency: Currency) -> Self {
        let mut pairs = Self::default();
        for line in &answer.rows {
            let value = |name: &str| line.group.get(name).cloned().flatten();
            let owner = value("owner");
            if line.currency != currency {
                let sum = pairs.others.entry((owner, line.currency)).or_default();
                sum.0 = sum.0.saturating_add(line.sums.cost.0);
                continue;
            }
            let name = match (value("feature"), value("service")) {
                (None, Some(service)) => ("service", Some(service)),
                (feature, _) => ("feature", feature),
            };
            pairs.sums.entry((owner, name)).or_default().add(&line.sums);
        }
        pairs
    }

    /// Owners with spend, by name.
    pub(super) fn owners(&self) -> impl Iterator<Item = &str> {
        let named: BTreeSet<&str> =
            self.sums.keys().filter_map(|(owner, _)| owner.as_deref()).collect();
        named.into_iter()
    }

    /// What an owner, or all, spent; `None` where nothing behind it has a price.
    pub(super) fn cost(&self, owner: Option<&str>) -> Option<Pico> {
        let mut sums = SpendSums::default();
        for ((of, _), part) in &self.sums {
            if owner.is_none() || of.as_deref() == owner {
                sums.add(part);
            }
        }
        (!sums.is_unknown()).then_some(sums.cost)
    }

    /// Calls of an owner without a price.
    pub(super) fn unpriced(&self, owner: &str) -> i128 {
        let of = self.sums.iter().filter(|((of, _), _)| of.as_deref() == Some(owner));
        of.map(|(_, sums)| sums.unpriced_calls).sum()
    }

    /// What an owner, or all, spent in further currencies.
    pub(super) fn others(&self, owner: Option<&str>) -> Vec<Money> {
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        for ((of, currency), amount) in &self.others {
            if owner.is_none() || of.as_deref() == owner {
                let sum = sums.entry(*currency).or_default();
                *sum = sum.saturating_add(amount.0);
            }
        }
        let money = |(currency, amount)| Money { amount: Pico(amount), currency };
        sums.into_iter().filter(|(_, amount)| *amount != 0).map(money).collect()
    }

    /// The place of an owner by spend; the same for equal spend.
    pub(super) fn rank(&self, owner: &str) -> Option<Rank> {
        let cost = self.cost(Some(owner))?;
        let costs: Vec<Pico> = self.owners().filter_map(|owner| self.cost(Some(owner))).collect();
        let place = costs.iter().filter(|other| **other > cost).count().saturating_add(1);
        Some(Rank { place, of: costs.len() })
    }

    fn by_owner(&self) -> BTreeMap<Name, Pico> {
        let mut sums: BTreeMap<Name, Pico> = BTreeMap::new();
        for ((owner, _), part) in &self.sums {
            let sum = sums.entry(("owner", owner.clone())).or_default();
            sum.0 = sum.0.saturating_add(part.cost.0);
        }
        sums
    }

    fn parts_of(&self, owner: &str) -> BTreeMap<Name, Pico> {
        let of = self.sums.iter().filter(|((of, _), _)| of.as_deref() == Some(owner));
        of.map(|((_, name), sums)| (name.clone(), sums.cost)).collect()
    }

    /// The owners of a feature's spend.
    pub(super) fn owners_of(&self, feature: &str) -> BTreeSet<Option<&str>> {
        let is_of = |name: &Name| name.0 == "feature" && name.1.as_deref() == Some(feature);
        let of =
            self.sums.iter().filter(|((_, name), sums)| is_of(name) && sums.cost != Pico::ZERO);
        of.map(|((owner, _), _)| owner.as_deref()).collect()
    }

    fn feature_cost(&self, feature: &str) -> Pico {
        let is_of = |name: &Name| name.0 == "feature" && name.1.as_deref() == Some(feature);
        let of = self.sums.iter().filter(|((_, name), _)| is_of(name));
        Pico(of.map(|(_, sums)| sums.cost.0).fold(0, i128::saturating_add))
    }
}

pub(super) fn moved_owners(now: &Pairs, before: &Pairs) -> Vec<Moved> {
    moved(&now.by_owner(), &before.by_owner())
}

pub(super) fn moved_features(now: &Pairs, before: &Pairs, owner: &str) -> Vec<Moved> {
    moved(&now.parts_of(owner), &before.parts_of(owner))
}

pub(super) fn moved_kinds([now, before]: &[BTreeMap<String, Pico>; 2]) -> Vec<Moved> {
    let named = |sums: &BTreeMap<String, Pico>| {
        sums.iter().map(|(name, cost)| (("kind", Some(name.clone())), *cost)).collect()
    };
    moved(&named(now), &named(before))
}

/// Parts that moved by more than a little, the largest change first. A single part is the whole, of which
/// all was said.
fn moved(now: &BTreeMap<Name, Pico>, before: &BTreeMap<Name, Pico>) -> Vec<Moved> {
    let names: BTreeSet<&Name> = now.keys().chain(before.keys()).collect();
    let cost =
        |sums: &BTreeMap<Name, Pico>, name: &Name| sums.get(name).copied().unwrap_or_default();
    let sum = |sums: &BTreeMap<Name, Pico>| {
        sums.values().map(|cost| cost.0.unsigned_abs()).fold(0, u128::saturating_add)
    };
    let whole = sum(now).max(sum(before));
    let mut moved: Vec<(u128, Moved)> = Vec::new();
    for name in &names {
        let (now, before) = (cost(now, name), cost(before, name));
        let size = now.0.saturating_sub(before.0).unsigned_abs();
        if size > 0 {
            moved.push((size, Moved { by: name.0, name: name.1.clone(), now, before }));
        }
    }
    let movement = moved.iter().map(|(size, _)| *size).fold(0, u128::saturating_add);
    let smallest = (whole / OF_WHOLE_MIN).min(movement / OF_MOVEMENT_MIN);
    moved.retain(|(size, _)| *size >= smallest);
    moved.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    let is_whole = names.len() <= 1;
    moved.into_iter().filter(|_| !is_whole).take(MOVED_MAX).map(|(_, moved)| moved).collect()
}

/// Outputs of features whose spend is wholly an owner's, with what one cost: nothing is split by a guess.
pub(super) fn outputs(
    owner: &str,
    [now, before]: [&Pairs; 2],
    [made, made_before]: &[Outputs; 2],
) -> Vec<OutputCost> {
    let mut found = Vec::new();
    for ((_, feature), outputs) in &made.lines {
        let Some(feature) = feature else { continue };
        if now.owners_of(feature) != BTreeSet::from([Some(owner)]) {
            continue;
        }
        let each = |pairs: &Pairs, outputs: Pico| {
            Pico::try_from(cost_per_output(pairs.feature_cost(feature), outputs)?).ok()
        };
        let cost = now.feature_cost(feature);
        let Some(each_now) = each(now, *outputs) else { continue };
        let earlier = made_before.lines.get(&(None, Some(feature.clone())));
        found.push((
            cost,
            OutputCost {
                feature: feature.clone(),
                outputs: outputs.to_decimal(),
                each: each_now,
                each_before: earlier.and_then(|outputs| each(before, *outputs)),
            },
        ));
    }
    found.sort_by_key(|(cost, _)| std::cmp::Reverse(*cost));
    found.into_iter().take(OUTPUTS_MAX).map(|(_, output)| output).collect()
}

/// A line of a forecast, with its band; `None` without history.
pub(super) fn ahead(line: &ForecastLine, forecast: Option<&SpendForecast>) -> Option<Ahead> {
    let pico = |amount| Pico::round_half_even(amount).ok().map(|rounded| rounded.amount);
    let band = line.forecast.bands.first();
    let band = band.and_then(|band| Some((pico(band.low)?, pico(band.high)?, band.level)));
    Some(Ahead {
        period: forecast?.period,
        seen: pico(line.forecast.seen)?,
        total: pico(line.forecast.period_total?)?,
        // A band of no width is no band.
        band: band.filter(|(low, high, _)| low < high),
    })
}

/// A limit, and whose spend it limits where that is one owner's alone.
#[derive(Debug)]
pub(super) struct OwnedLimit {
    pub(super) limit: Limit,
    pub(super) owner: Option<String>,
}

/// Monthly limits against what is expected, and, where the period is a month, what was spent in it.
pub(super) async fn limits(
    app: &App,
    period: Period,
    pairs: &Pairs,
    now: Timestamp,
) -> Result<Vec<OwnedLimit>, AppError> {
    let outlooks = app.budget_outlooks(CalendarPeriod::Month, &[], &[], now).await?;
    let (first, after) = period.dates();
    let is_month = first.day() == 1 && first.saturating_add(jiff::Span::new().months(1)) == after;
    let mut limits = Vec::new();
    for outlook in outlooks.limits {
        let spent = if is_month {
            spent(app, &outlook.scope, period, outlook.limit, now).await?
        } else {
            None
        };
        let owner = owner_of(&outlook.scope, pairs);
        let spent = spent.map(|spent| (spent, period));
        limits.push(OwnedLimit { owner, limit: Limit { spent, ..limit(outlook) } });
    }
    Ok(limits)
}

/// A limit with what is expected of its spend.
pub(super) fn limit(outlook: BudgetOutlook) -> Limit {
    let forecast = outlook.forecast.as_ref();
    let pico = |amount| Pico::round_half_even(amount).ok().map(|rounded| rounded.amount);
    let expected = forecast.and_then(|forecast| {
        let (first, last) = forecast.days.first().zip(forecast.days.last())?;
        Some(Ahead {
            period: Period::days(first.date, last.date.tomorrow().ok()?).ok()?,
            seen: pico(forecast.seen)?,
            total: pico(forecast.period_total?)?,
            band: None,
        })
    });
    let passing = forecast.and_then(|forecast| forecast.passing);
    Limit {
        scope: outlook.scope,
        every: outlook.period,
        limit: outlook.limit,
        spent: None,
        probability_above: passing.map(|passing| passing.probability_above),
        reached_on: passing.and_then(|passing| passing.date_expected),
        expected,
    }
}

/// What the scope of a limit cost, in the limit's currency; `None` where nothing of it is priced.
async fn spent(
    app: &App,
    scope: &BTreeMap<String, String>,
    period: Period,
    limit: Money,
    now: Timestamp,
) -> Result<Option<Pico>, AppError> {
    let request = SpendRequest {
        period,
        group_by: Vec::new(),
        filter: budget_outlook::conditions(scope)?,
        grain: None,
        top: None,
        as_of: None,
        scan: centinel_ledger::ScanLevel::Coarsest,
    };
    let answer = app.spend(&request, now).await?;
    let line = answer.rows.iter().find(|line| line.currency == limit.currency);
    Ok(match line {
        Some(line) => (!line.sums.is_unknown()).then_some(line.sums.cost),
        None => Some(Pico::ZERO).filter(|_| answer.rows.is_empty()),
    })
}

/// Whose a limit is: of a team's scope, the team; of a feature's, the one owner of its spend.
fn owner_of(scope: &BTreeMap<String, String>, pairs: &Pairs) -> Option<String> {
    if let Some(team) = scope.get("team") {
        return Some(team.clone());
    }
    let owners = pairs.owners_of(scope.get("feature")?);
    let mut owners = owners.into_iter();
    let owner = owners.next().flatten()?;
    owners.next().is_none().then(|| owner.to_owned())
}

pub(super) fn waiting<'v>(open: impl Iterator<Item = &'v View>) -> Waiting {
    let mut waiting = Waiting::default();
    let mut promised: BTreeMap<Currency, Pico> = BTreeMap::new();
    for view in open {
        waiting.ids.push(view.proposal.id.to_string());
        match view.proposal.saving {
            Some(saving) => {
                let sum = promised.entry(saving.mid.currency).or_default();
                sum.0 = sum.0.saturating_add(saving.mid.amount.0);
            }
            None => waiting.without_promise = waiting.without_promise.saturating_add(1),
        }
    }
    waiting.promised =
        promised.into_iter().map(|(currency, amount)| Money { amount, currency }).collect();
    waiting
}

pub(super) fn savings<'l>(lines: impl Iterator<Item = &'l SavingsLine>) -> Vec<SavingsSoFar> {
    let mut sums: BTreeMap<Currency, SavingsSoFar> = BTreeMap::new();
    for line in lines {
        let Some(last) = line.measured.last() else { continue };
        let currency = last.saving.currency;
        let zero = Money::zero(currency);
        let promised = line.promised.map(|promised| promised.mid);
        let sum = sums.entry(currency).or_insert(SavingsSoFar {
            measured: 0,
            realised: zero,
            promised: Some(zero),
        });
        sum.measured = sum.measured.saturating_add(1);
        sum.realised.amount.0 = sum.realised.amount.0.saturating_add(last.saving.amount.0);
        sum.promised = sum.promised.zip(promised).and_then(|(sum, own)| sum.checked_add(own).ok());
    }
    sums.into_values().collect()
}
