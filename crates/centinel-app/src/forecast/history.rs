//! The ledger's days as series, up to the day from which something is missing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use centinel_engine::{
    anomaly::Calendar,
    forecast::Series,
    money::{Currency, Decimal, Pico},
    period::{Grain, Period, date_of, index_of_date},
    series::Dimension,
};
use centinel_ledger::{Condition, LedgerState, Measure, SpendQuery};
use jiff::{Timestamp, ToSpan as _, civil::Date};
use serde::Serialize;

use super::{HISTORY_DAYS_MIN, recent};
use crate::{
    App, AppError, SpendGroup, UNNAMED, When,
    calendar::{About, EventKind, KnownDays, Occasion, PART_SHARE_MIN},
    memo::Weigh,
    spend::kind_of,
};

/// A source that is behind the newest one by more days than this, beyond its usual step, is waited for
/// no longer.
const LATE_DAYS: i32 = 7;
/// Parts of the spend whose share is looked up for what is known of their days.
const SCOPES_MAX: usize = 64;

/// A source that is waited for no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LateSource {
    /// Its name.
    pub source: String,
    /// The last day that it brought.
    pub last_day: Date,
}

/// All that series of the ledger's days depend on. Ownership and configuration are read once, when the
/// home is opened, and what is kept goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct HistoryKey {
    ledger: LedgerState,
    by: SpendGroup,
    filter: Vec<Condition>,
    as_of: Option<Date>,
    today: Date,
    known: KnownDays,
}

/// Series with what is known about their days.
#[derive(Debug)]
pub(crate) struct History {
    pub(super) series: Vec<Series>,
    pub(super) calendar: Calendar,
    /// The first day that is not seen.
    pub(super) as_of: Date,
    pub(super) first_day: Date,
    pub(super) currency: Currency,
    /// By series: calls of the last 28 days without a price.
    pub(super) unpriced_calls: BTreeMap<String, i128>,
    /// By series: cost of the last 28 days.
    pub(super) recent_cost: BTreeMap<String, Pico>,
    pub(super) late_sources: Vec<LateSource>,
    pub(super) other_currencies: Vec<String>,
}

impl Weigh for History {
    fn weight(&self) -> usize {
        let of_series =
            |series: &Series| series.name.len() + series.costs.len() * size_of::<Decimal>();
        let named = self.unpriced_calls.len() + self.recent_cost.len();
        // Days of the calendar are few, for each series at most.
        let calendar = self.series.len() * 512;
        self.series.iter().map(of_series).sum::<usize>() + named * 96 + calendar
    }
}

const MEASURES: [Measure; 4] =
    [Measure::Cost, Measure::Calls, Measure::UnpricedCalls, Measure::Charges];

/// One series on its way.
#[derive(Default)]
struct Group {
    by_day: BTreeMap<Date, Pico>,
    calls: i128,
    unpriced: i128,
    charges: i128,
}

impl Group {
    /// As the engine wants it; without a day where no price is known of anything: that is no zero.
    fn series(&self, name: &str, as_of: Date) -> Series {
        let is_unknown = self.charges == 0 && self.calls > 0 && self.calls == self.unpriced;
        let first_day = self.by_day.keys().next().copied().filter(|_| !is_unknown);
        let first_day = first_day.unwrap_or(as_of);
        let days = first_day.series(1.day()).take_while(|day| *day < as_of);
        let cost = |day: Date| -> Decimal {
            self.by_day.get(&day).copied().unwrap_or(Pico::ZERO).to_decimal()
        };
        Series { name: name.to_owned(), first_day, costs: days.map(cost).collect() }
    }
}

impl App {
    /// The days before `as_of`, or before the first one that a source has not brought yet; read once,
    /// and kept as long as nothing that they depend on is another.
    pub(super) async fn history(
        &self,
        by: &SpendGroup,
        filter: &[Condition],
        as_of: Option<Date>,
        now: Timestamp,
    ) -> Result<(HistoryKey, Arc<History>), AppError> {
        let ledger = self.ledger().state().await?;
        let data = self.ledger().span().await?.ok_or(AppError::Empty)?;
        let key = HistoryKey {
            ledger,
            by: by.clone(),
            filter: filter.to_vec(),
            as_of,
            today: When::All.resolve(now, Some(data))?.today,
            known: self.known_days(now, &self.verdicts(now).await?).await?,
        };
        let read = || {
            let (app, key) = (self.clone(), key.clone());
            async move { app.read_history(&key, data).await }
        };
        let history = self.kept.histories.get(&key, read).await?;
        Ok((key, history))
    }

    async fn read_history(
        &self,
        key: &HistoryKey,
        data: (Timestamp, Timestamp),
    ) -> Result<History, AppError> {
        let HistoryKey { by, filter, as_of, today, known, .. } = key;
        let (complete, late_sources) = self.complete_until(data, *today).await?;
        let as_of = as_of.unwrap_or(complete).min(complete);
        let data_from = date_of(data.0);
        let too_little = |first: Date, days: i32| AppError::TooLittleHistory {
            needed: HISTORY_DAYS_MIN,
            days: usize::try_from(days).unwrap_or(0),
            first,
        };
        if as_of <= data_from {
            return Err(too_little(data_from, 0));
        }
        let mut query =
            self.grouped(SpendQuery::new(Period::days(data_from, as_of)?, MEASURES.to_vec()), by);
        query.filter.clone_from(filter);
        query.grain = Some(Grain::Day);
        let rows = self.ledger().spend(&query).await?.rows;
        let home = self.config().organisation.currency;
        let currency_of =
            |code: Option<&str>| code.and_then(|code| code.parse().ok()).unwrap_or(home);
        let mut currencies: BTreeSet<Currency> =
            rows.iter().map(|row| currency_of(row.currency.as_deref())).collect();
        // The organisation's own currency, or else the only one there is.
        let currency = match (currencies.first(), currencies.len()) {
            (Some(only), 1) => *only,
            _ => home,
        };
        currencies.remove(&currency);
        let since = recent(as_of)?.dates().0;
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        let mut unpriced_calls: BTreeMap<String, i128> = BTreeMap::new();
        let mut recent_cost: BTreeMap<String, Pico> = BTreeMap::new();
        for row in rows.iter().filter(|row| currency_of(row.currency.as_deref()) == currency) {
            let Some(day) = row.at.map(date_of) else { continue };
            let name = row.group.first().cloned().flatten().unwrap_or_else(|| UNNAMED.to_owned());
            if day >= since {
                let calls = unpriced_calls.entry(name.clone()).or_default();
                *calls = calls.saturating_add(row.value(2));
                let cost = recent_cost.entry(name.clone()).or_insert(Pico::ZERO);
                cost.0 = cost.0.saturating_add(row.value(0));
            }
            let group = groups.entry(name).or_default();
            let cost = group.by_day.entry(day).or_insert(Pico::ZERO);
            cost.0 = cost.0.saturating_add(row.value(0));
            group.calls = group.calls.saturating_add(row.value(1));
            group.unpriced = group.unpriced.saturating_add(row.value(2));
            group.charges = group.charges.saturating_add(row.value(3));
        }
        let first_day = groups.values().filter_map(|group| group.by_day.keys().next()).min();
        let first_day = *first_day.ok_or_else(|| AppError::NotFound {
            what: "spend before",
            id: format!("{as_of}{}", if filter.is_empty() { "" } else { " with this filter" }),
        })?;
        let days = index_of_date(as_of).saturating_sub(index_of_date(first_day));
        if days < i32::try_from(HISTORY_DAYS_MIN).unwrap_or(i32::MAX) {
            return Err(too_little(first_day, days));
        }
        let series = groups.iter().map(|(name, group)| group.series(name, as_of)).collect();
        let names: Vec<&String> = groups.keys().collect();
        Ok(History {
            calendar: self.forecast_calendar((by, known), &names, &recent_cost, as_of).await?,
            series,
            as_of,
            first_day,
            currency,
            unpriced_calls,
            recent_cost,
            late_sources,
            other_currencies: currencies.iter().map(ToString::to_string).collect(),
        })
    }

    /// A query by what lines are put together by, first in its groups.
    pub(super) fn grouped(&self, query: SpendQuery, by: &SpendGroup) -> SpendQuery {
        match by {
            SpendGroup::Dimension(dimension) => query.by([dimension.clone()]),
            SpendGroup::Owner => {
                let app = self.clone();
                query.by_class(move |key| app.owner_of(key).owner().map(str::to_owned))
            }
            SpendGroup::Kind => query.by_class(|key| Some(kind_of(key).to_owned())),
        }
    }

    /// The first day that some source has not brought yet, today at the latest; and sources that are so
    /// far behind that they are waited for no longer.
    pub(crate) async fn complete_until(
        &self,
        data: (Timestamp, Timestamp),
        today: Date,
    ) -> Result<(Date, Vec<LateSource>), AppError> {
        let days = Period::days(date_of(data.0), date_of(data.1).tomorrow().unwrap_or(Date::MAX))?;
        let query = SpendQuery::new(days, vec![Measure::Cost, Measure::Calls])
            .by([Dimension::Source])
            .every(Grain::Day);
        let mut last_days: BTreeMap<String, Date> = BTreeMap::new();
        for row in self.ledger().spend(&query).await?.rows {
            let (Some(Some(source)), Some(at)) = (row.group.first(), row.at) else { continue };
            if row.value(0) != 0 || row.value(1) != 0 {
                let last = last_days.entry(source.clone()).or_insert(Date::MIN);
                *last = date_of(at).max(*last);
            }
        }
        let steps = self.usual_steps().await?;
        let mut delivered: Vec<(Date, LateSource)> = Vec::new();
        for (source, last_day) in last_days {
            // A source that comes by the month has delivered up to its next step.
            let step = steps.get(&source).copied().unwrap_or(1).max(1);
            delivered.push((last_day.saturating_add(step.days()), LateSource { source, last_day }));
        }
        let newest = delivered.iter().map(|(after, _)| *after).max().unwrap_or(today).min(today);
        let is_late =
            |after: Date| index_of_date(newest).saturating_sub(index_of_date(after)) > LATE_DAYS;
        let (late, waited): (Vec<_>, Vec<_>) =
            delivered.into_iter().partition(|(after, _)| is_late(*after));
        let complete = waited.into_iter().map(|(after, _)| after).min().unwrap_or(today).min(today);
        Ok((complete, late.into_iter().map(|(_, source)| source).collect()))
    }

    /// What is known of days, for each series that it is about or a large part of which it is about.
    async fn forecast_calendar(
        &self,
        (by, known): (&SpendGroup, &KnownDays),
        names: &[&String],
        recent_cost: &BTreeMap<String, Pico>,
        as_of: Date,
    ) -> Result<Calendar, AppError> {
        let mut calendar = Calendar::default();
        let mut shares: BTreeMap<BTreeMap<String, String>, BTreeSet<String>> = BTreeMap::new();
        for occasion in known.occasions() {
            let scope = match (&occasion.about, occasion.kind) {
                (_, EventKind::Deploy | EventKind::Mute) => continue,
                (About::Scope(scope), _) if scope.is_empty() => {
                    occasion.add_to(&mut calendar, "*");
                    continue;
                }
                (About::Value(value), _) => {
                    add_named(occasion, names, value, &mut calendar);
                    continue;
                }
                (About::Scope(scope), _) => scope,
            };
            if !shares.contains_key(scope) && shares.len() < SCOPES_MAX {
                let found = self.moved_by(scope, by, recent_cost, as_of).await?;
                shares.insert(scope.clone(), found);
            }
            for name in shares.get(scope).into_iter().flatten() {
                occasion.add_to(&mut calendar, name);
            }
        }
        Ok(calendar)
    }

    /// The series of whose recent cost a scope is a part large enough to move them.
    async fn moved_by(
        &self,
        scope: &BTreeMap<String, String>,
        by: &SpendGroup,
        recent_cost: &BTreeMap<String, Pico>,
        as_of: Date,
    ) -> Result<BTreeSet<String>, AppError> {
        let query = SpendQuery::new(recent(as_of)?, vec![Measure::Cost]);
        let mut query = self.grouped(query, by);
        for (name, value) in scope {
            // A name that is no dimension has no cost.
            let Ok(dimension) = name.parse() else { return Ok(BTreeSet::new()) };
            query.filter.push(Condition { dimension, any_of: [value.clone()].into() });
        }
        let rows = self.ledger().spend(&query).await?.rows;
        let is_large = |name: &String, cost: Pico| {
            let all = recent_cost.get(name).map_or(0.0, |cost| cost.to_f64());
            all > 0.0 && cost.to_f64() / all >= PART_SHARE_MIN
        };
        let named = rows.into_iter().map(|row| {
            let name = row.group.first().cloned().flatten();
            (name.unwrap_or_else(|| UNNAMED.to_owned()), row.amount(0))
        });
        Ok(named.filter(|(name, cost)| is_large(name, *cost)).map(|(name, _)| name).collect())
    }
}

fn add_named(occasion: &Occasion, names: &[&String], value: &str, calendar: &mut Calendar) {
    if let Some(name) = names.iter().find(|name| name.as_str() == value) {
        occasion.add_to(calendar, name);
    }
}
