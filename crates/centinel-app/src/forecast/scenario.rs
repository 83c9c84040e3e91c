//! A scenario in factors: the observed calls of a model at the price of another, exactly.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::{
    forecast::{Assumption, Factor, ModelChange},
    money::{Decimal, DecimalError, Pico},
    pricing::{CostLine, Meter, Price, PriceBook, PriceQuery, Terms, Unpriced},
    series::Dimension,
    usage::{Usage, UsageClass},
};
use centinel_ledger::{Condition, Measure, SpendQuery};
use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use super::{
    ForecastRequest,
    history::History,
    near::{NEAR_MAX, near},
    recent, too_large,
};
use crate::{App, AppError, UNNAMED};

/// Digits of a ratio of prices after its point.
const RATIO_PLACES: u32 = 12;

/// What a change of model was computed from: the calls of the last 28 days seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelAssumed {
    /// The model that calls are taken from.
    pub model: String,
    /// The model whose price they get, with its provider as the price book spells them.
    pub instead: String,
    /// Its calls.
    pub calls: i128,
    /// What they cost, as booked.
    pub cost: Decimal,
    /// What the same tokens cost at the other model, exactly.
    pub cost_instead: Decimal,
    /// The second over the first, twelve digits; `None` where they cost nothing.
    pub price_ratio: Option<Decimal>,
    /// By class of token, at the prices of the book.
    pub token_classes: Vec<TokenClassAssumed>,
    /// Calls of the model without a price: they are in no figure.
    pub unpriced_calls: i128,
}

/// One class of token of a change of model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenClassAssumed {
    /// What is billed.
    pub token_class: Meter,
    /// How much of it at the model that calls are taken from; `None` where its price is not in the book.
    pub quantity: Option<u64>,
    /// What that costs there.
    pub amount: Option<Decimal>,
    /// How much of it is billed at the other model.
    pub quantity_instead: u64,
    /// What that costs there.
    pub amount_instead: Decimal,
}

/// Calls that are priced alike.
#[derive(Default)]
struct Batch {
    calls: i128,
    cost: Decimal,
    usage: Usage,
}

/// Series, provider, tier, region.
type Key = (String, String, Option<String>, Option<String>);

/// The calls of a model.
#[derive(Default)]
struct Observed {
    by_key: BTreeMap<Key, Batch>,
    /// By series: everything that was booked for the model.
    booked: BTreeMap<String, Decimal>,
    unpriced_calls: i128,
}

impl App {
    /// What the days ahead of each series are multiplied by, and what changes of model are made of.
    pub(super) async fn factors(
        &self,
        request: &ForecastRequest,
        history: &History,
        now: Timestamp,
    ) -> Result<(Vec<Factor>, Vec<ModelAssumed>), AppError> {
        let (mut factors, mut models) = (Vec::new(), Vec::new());
        for assumption in &request.assumptions {
            match assumption {
                Assumption::Volume(factor) => factors.push(factor.clone()),
                Assumption::Model(change) => {
                    let (of_change, model) = self.changed(request, history, change, now).await?;
                    factors.extend(of_change);
                    models.push(model);
                }
            }
        }
        Ok((factors, models))
    }

    async fn changed(
        &self,
        request: &ForecastRequest,
        history: &History,
        change: &ModelChange,
        now: Timestamp,
    ) -> Result<(Vec<Factor>, ModelAssumed), AppError> {
        let observed = self.observed(request, history, &change.model).await?;
        let book = self.book()?;
        if book.currency() != history.currency {
            return Err(refused(
                &change.instead,
                format!("has prices in {} only", book.currency()),
                Vec::new(),
            ));
        }
        // The price of the last day seen, or of today where the book begins later.
        let instants = [before(history.as_of), now];
        let mut instead_cost: BTreeMap<String, (Decimal, Decimal)> = BTreeMap::new();
        let mut answer = ModelAssumed {
            model: change.model.clone(),
            instead: String::new(),
            calls: 0,
            cost: Decimal::ZERO,
            cost_instead: Decimal::ZERO,
            price_ratio: None,
            token_classes: Vec::new(),
            unpriced_calls: observed.unpriced_calls,
        };
        let mut classes: BTreeMap<Meter, TokenClassAssumed> = BTreeMap::new();
        let mut is_listed = true;
        for ((series, provider, tier, region), calls) in &observed.by_key {
            let terms = Terms { calls: u64::try_from(calls.calls).unwrap_or(1), free: None };
            let labels = (provider.as_str(), tier.as_deref(), region.as_deref());
            let price = instead_of(&book, labels, &change.instead, instants)?;
            let unpriced = |error: Unpriced| refused(&change.instead, reason(&error), Vec::new());
            let cost = price.cost_of(&calls.usage, &terms).map_err(unpriced)?;
            let cost = cost.to_decimal().map_err(unpriced)?;
            let lines = price.lines_of(&calls.usage, &terms).map_err(unpriced)?;
            let identity = price.identity();
            answer.instead = format!("{}/{}", identity.provider, identity.model);
            answer.calls = answer.calls.saturating_add(calls.calls);
            add(&mut answer.cost, calls.cost)?;
            add(&mut answer.cost_instead, cost)?;
            let sums = instead_cost.entry(series.clone()).or_default();
            add(&mut sums.0, calls.cost)?;
            add(&mut sums.1, cost)?;
            let own = resolved(&book, labels, &change.model, instants)
                .and_then(|price| price.lines_of(&calls.usage, &terms));
            is_listed &= own.is_ok();
            for line in &lines {
                let class = of_class(&mut classes, line.meter);
                class.quantity_instead = class.quantity_instead.saturating_add(line.quantity);
                add(&mut class.amount_instead, line.amount)?;
            }
            for line in own.iter().flatten() {
                add_own(of_class(&mut classes, line.meter), line)?;
            }
        }
        if !is_listed {
            // Of some of the calls it is not known what the book says: no sum of the others is shown.
            for class in classes.values_mut() {
                (class.quantity, class.amount) = (None, None);
            }
        }
        answer.token_classes = classes.into_values().collect();
        answer.price_ratio =
            answer.cost_instead.quotient(answer.cost, RATIO_PLACES).map_err(too_large)?;
        let factors = factors_of(change, history, &observed, &instead_cost)?;
        Ok((factors, answer))
    }

    /// The calls of a model in the last 28 days seen.
    async fn observed(
        &self,
        request: &ForecastRequest,
        history: &History,
        model: &str,
    ) -> Result<Observed, AppError> {
        let mut measures = vec![Measure::CallCost, Measure::Calls, Measure::UnpricedCalls];
        let fixed = measures.len();
        measures.extend(UsageClass::ALL.iter().copied().map(Measure::Usage));
        let query = SpendQuery::new(recent(history.as_of)?, measures);
        let labels = [Dimension::Provider, Dimension::ServiceTier, Dimension::Region];
        let mut query = self.grouped(query, &request.by).by(labels);
        query.filter.clone_from(&request.filter);
        let of_model = Condition { dimension: Dimension::Model, any_of: [model.to_owned()].into() };
        query.filter.push(of_model);
        // By the hour, calls without a price spoil the fewest beside them.
        query.grain = Some(centinel_engine::period::Grain::Hour);
        let mut found = Observed::default();
        let rows = self.ledger().spend(&query).await?.rows;
        let code = history.currency.to_string();
        let is_ours = |currency: Option<&str>| currency.is_none_or(|other| other == code);
        for row in rows.iter().filter(|row| is_ours(row.currency.as_deref()) && row.value(1) > 0) {
            found.unpriced_calls = found.unpriced_calls.saturating_add(row.value(2));
            let text = |index: usize| row.group.get(index).cloned().flatten();
            let series = text(0).unwrap_or_else(|| UNNAMED.to_owned());
            let cost = row.amount(0).to_decimal();
            add(found.booked.entry(series.clone()).or_default(), cost)?;
            // Which tokens have the price and which have none is not known of an hour with both.
            if row.value(2) > 0 {
                continue;
            }
            let key = (series, text(1).unwrap_or_default(), text(2), text(3));
            let calls = found.by_key.entry(key).or_default();
            calls.calls = calls.calls.saturating_add(row.value(1));
            add(&mut calls.cost, cost)?;
            let mut usage = Usage::ZERO;
            for (index, class) in UsageClass::ALL.iter().enumerate() {
                let count = row.value(fixed.saturating_add(index)).max(0);
                usage.set(*class, u64::try_from(count).unwrap_or(u64::MAX));
            }
            calls.usage.add(&usage);
        }
        if !found.by_key.is_empty() {
            return Ok(found);
        }
        if found.unpriced_calls > 0 {
            let reason = "has no price itself: what its calls cost is not known".to_owned();
            return Err(refused(model, reason, Vec::new()));
        }
        let used = self.used_models(request, history).await?;
        let reason = "was not called in the last 28 days seen".to_owned();
        Err(refused(model, reason, near(model, used.iter().map(String::as_str))))
    }

    async fn used_models(
        &self,
        request: &ForecastRequest,
        history: &History,
    ) -> Result<BTreeSet<String>, AppError> {
        let mut query = SpendQuery::new(recent(history.as_of)?, vec![Measure::Calls]);
        query.filter.clone_from(&request.filter);
        let rows = self.ledger().spend(&query.by([Dimension::Model])).await?.rows;
        let called = rows.into_iter().filter(|row| row.value(0) > 0);
        Ok(called.filter_map(|row| row.group.first().cloned().flatten()).collect())
    }
}

/// By series: what it cost in all with the model's calls at the other's price, over what it cost.
fn factors_of(
    change: &ModelChange,
    history: &History,
    observed: &Observed,
    instead: &BTreeMap<String, (Decimal, Decimal)>,
) -> Result<Vec<Factor>, AppError> {
    let mut factors = Vec::new();
    for (series, (cost, cost_instead)) in instead {
        let all = history.recent_cost.get(series).copied().unwrap_or(Pico::ZERO).to_decimal();
        let booked = observed.booked.get(series).copied().unwrap_or_default();
        let of_model = booked.quotient(all, RATIO_PLACES).map_err(too_large)?;
        let ratio = cost_instead.quotient(*cost, RATIO_PLACES).map_err(too_large)?;
        let (Some(of_model), Some(ratio)) = (of_model, ratio) else { continue };
        let factor = 1.0 + of_model.to_f64() * (ratio.to_f64() - 1.0);
        if factor.is_finite() && factor >= 0.0 {
            factors.push(Factor {
                series: Some(series.clone()),
                factor,
                from: change.from,
                until: change.until,
            });
        }
    }
    Ok(factors)
}

/// The last microsecond before a day.
fn before(day: Date) -> Timestamp {
    let start = centinel_engine::period::start_of_day(day);
    start.saturating_sub(jiff::SignedDuration::from_micros(1)).unwrap_or(start)
}

/// The price of a model at the first instant at which it has one.
fn resolved(
    book: &PriceBook,
    (provider, service_tier, region): (&str, Option<&str>, Option<&str>),
    model: &str,
    instants: [Timestamp; 2],
) -> Result<Price, Unpriced> {
    let at = |at: Timestamp| {
        book.resolve(&PriceQuery { provider, model, service_tier, region, at: Some(at) })
    };
    let [first, second] = instants;
    at(first).or_else(|error| at(second).map_err(|_| error))
}

/// The price of the other model: at the same provider, at the one that its name states, or at the only
/// one that sells it.
fn instead_of(
    book: &PriceBook,
    labels: (&str, Option<&str>, Option<&str>),
    instead: &str,
    instants: [Timestamp; 2],
) -> Result<Price, AppError> {
    let (provider, tier, _) = labels;
    let error = match resolved(book, labels, instead, instants) {
        Ok(price) => return Ok(price),
        Err(error) => error,
    };
    if let Some((stated, model)) = instead.split_once('/')
        && let Ok(price) = resolved(book, (stated, tier, None), model, instants)
    {
        return Ok(price);
    }
    let sellers: BTreeSet<&str> =
        book.models().filter(|(_, model)| *model == instead).map(|(seller, _)| seller).collect();
    let mut prices = sellers
        .iter()
        .filter(|seller| **seller != provider)
        .filter_map(|seller| resolved(book, (seller, tier, None), instead, instants).ok());
    match (prices.next(), prices.next()) {
        (Some(only), None) => return Ok(only),
        (Some(_), Some(_)) => {
            let named = sellers.iter().take(NEAR_MAX).map(|seller| format!("{seller}/{instead}"));
            let reason = format!("has a price at {} providers; state one of them", sellers.len());
            return Err(refused(instead, reason, named.collect()));
        }
        (None, _) => {}
    }
    let names: BTreeSet<&str> = book.models().map(|(_, model)| model).collect();
    let near = if matches!(error, Unpriced::NoModel { .. }) && !names.contains(instead) {
        let model = instead.rsplit('/').next().unwrap_or(instead);
        near(model, names.into_iter())
    } else {
        Vec::new()
    };
    Err(refused(instead, reason(&error), near))
}

fn reason(error: &Unpriced) -> String {
    match error {
        Unpriced::NoModel { .. } => "has no price in the price book".to_owned(),
        other => format!("cannot be priced for these calls: {other}"),
    }
}

fn refused(model: &str, reason: String, near: Vec<String>) -> AppError {
    AppError::Scenario { model: model.chars().take(80).collect(), reason, near }
}

fn of_class(
    classes: &mut BTreeMap<Meter, TokenClassAssumed>,
    meter: Meter,
) -> &mut TokenClassAssumed {
    classes.entry(meter).or_insert(TokenClassAssumed {
        token_class: meter,
        quantity: Some(0),
        amount: Some(Decimal::ZERO),
        quantity_instead: 0,
        amount_instead: Decimal::ZERO,
    })
}

fn add_own(class: &mut TokenClassAssumed, line: &CostLine) -> Result<(), AppError> {
    class.quantity = Some(class.quantity.unwrap_or(0).saturating_add(line.quantity));
    let mut amount = class.amount.unwrap_or_default();
    add(&mut amount, line.amount)?;
    class.amount = Some(amount);
    Ok(())
}

fn add(sum: &mut Decimal, part: Decimal) -> Result<(), AppError> {
    *sum = sum
        .checked_add(part)
        .map_err(|_: DecimalError| AppError::Money(centinel_engine::money::MoneyError::Overflow))?;
    Ok(())
}
