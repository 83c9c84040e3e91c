//! What a period will cost: from the ledger's days, by a dimension and in total.
//!
//! The total is forecast by kind of spend, whatever the lines are put together by, and lines by another
//! dimension are moved to add up to it: one question has one total.

mod history;
mod near;
mod scenario;

use std::{collections::BTreeMap, sync::Arc};

use centinel_engine::{
    facts::{Bundle, BundleBuilder, FactStatus},
    forecast::{
        self, Assumption, Backtest, BacktestPeriods, CalendarPeriod, Factor, Forecast, Forecasts,
        Prepared, Question,
    },
    money::{Currency, Decimal, Money, Pico},
    period::{Period, start_of_day},
};
use centinel_ledger::Condition;
use jiff::{Timestamp, ToSpan as _, civil::Date};
use serde::Serialize;

pub use history::LateSource;
pub(crate) use history::{History, HistoryKey};
pub use scenario::{ModelAssumed, TokenClassAssumed};

use crate::{App, AppError, SpendGroup, UnpricedModel, memo::Weigh, parallel::aside};

/// Fewest whole days of data that say anything about a month.
const HISTORY_DAYS_MIN: usize = 14;
/// Days whose calls say what share has no price, and what a model is used for.
const RECENT_DAYS: i64 = 28;

/// Which days are forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForecastPeriod {
    /// The period of the calendar that the first day without data is in.
    Calendar(CalendarPeriod),
    /// From a day, or the first of its month, until another, or the end of the month.
    Days(Option<Date>, Option<Date>),
}

/// A question about what a period will cost.
#[derive(Debug, Clone)]
pub struct ForecastRequest {
    /// Which days.
    pub period: ForecastPeriod,
    /// What lines are put together by.
    pub by: SpendGroup,
    /// Conditions on dimensions.
    pub filter: Vec<Condition>,
    /// Only days before are seen, where the data goes on.
    pub as_of: Option<Date>,
    /// Probabilities of the bands, in percent.
    pub levels: Vec<u32>,
    /// Bands of every day, too.
    pub daily: bool,
    /// An amount whose passing is asked about.
    pub amount: Option<Decimal>,
    /// Scenario.
    pub assumptions: Vec<Assumption>,
}

impl ForecastRequest {
    /// The month that the first day without data is in, by kind of spend, with an 80 % band.
    pub fn month() -> Self {
        Self {
            period: ForecastPeriod::Calendar(CalendarPeriod::Month),
            by: SpendGroup::Kind,
            filter: Vec::new(),
            as_of: None,
            levels: vec![80],
            daily: false,
            amount: None,
            assumptions: Vec::new(),
        }
    }

    fn question(&self, as_of: Date) -> Question {
        let mut question = match self.period {
            ForecastPeriod::Calendar(period) => Question::period_of(period, as_of),
            ForecastPeriod::Days(from, until) => {
                let mut question = Question::month_of(as_of);
                if let Some(from) = from {
                    question.from = from;
                    question.until = Question::month_of(from.max(as_of)).until;
                }
                question.until = until.unwrap_or(question.until);
                question
            }
        };
        question.levels.clone_from(&self.levels);
        question.amount = self.amount;
        question.daily = self.daily;
        question
    }
}

/// A question about how good forecasts would have been.
#[derive(Debug, Clone)]
pub struct BacktestRequest {
    /// What series are put together by.
    pub by: SpendGroup,
    /// Conditions on dimensions.
    pub filter: Vec<Condition>,
    /// Which periods, from where.
    pub periods: BacktestPeriods,
    /// How many of them, the latest ones.
    pub periods_max: usize,
}

/// One line of a forecast.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ForecastLine {
    /// The forecast, under the scenario where there is one.
    #[serde(flatten)]
    pub forecast: Forecast,
    /// The point without the scenario, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_assumptions: Option<Decimal>,
    /// `period_total` less that. Estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Decimal>,
    /// Calls of the last 28 days seen that have no price: what such calls cost is in no figure.
    pub unpriced_calls: i128,
}

/// What a period will cost.
#[derive(Debug, Clone, Serialize)]
pub struct SpendForecast {
    /// The days forecast.
    pub period: Period,
    /// The first day that is not seen.
    pub as_of: Date,
    /// Of every amount.
    pub currency: Currency,
    /// All lines together; its bands are its own.
    pub total: ForecastLine,
    /// What lines are put together by.
    pub by: String,
    /// The lines, largest first; they add up to the total exactly. Without history there is no figure.
    pub lines: Vec<ForecastLine>,
    /// What a change of model was computed from, in the order of the assumptions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models_assumed: Vec<ModelAssumed>,
    /// The first day of the data.
    pub history_from: Date,
    /// Models without a price in the last 28 days seen.
    pub unpriced: Vec<UnpricedModel>,
    /// Sources that have brought nothing for longer than is usual for them and a week: what they would
    /// bring is in no figure.
    pub late_sources: Vec<LateSource>,
    /// Currencies whose spend is in no figure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_currencies: Vec<String>,
    /// Address of the facts behind the answer.
    pub evidence: String,
}

impl App {
    /// What a period will cost.
    ///
    /// # Errors
    ///
    /// [`AppError::Empty`] without data, [`AppError::TooLittleHistory`] with fewer than 14 whole days,
    /// [`AppError::Scenario`] for a model that cannot be assumed; ledger and calendar errors.
    pub async fn forecast(
        &self,
        request: &ForecastRequest,
        now: Timestamp,
    ) -> Result<SpendForecast, AppError> {
        self.settled().await?.forecast_of(request, now).await
    }

    async fn forecast_of(
        &self,
        request: &ForecastRequest,
        now: Timestamp,
    ) -> Result<SpendForecast, AppError> {
        let (plain, prepared, history) = self.prepare_forecast(request, now).await?;
        let kinds = match &request.by {
            SpendGroup::Kind => None,
            _ => {
                let of_kinds = ForecastRequest { by: SpendGroup::Kind, ..request.clone() };
                let (_, prepared, history) = self.prepare_forecast(&of_kinds, now).await?;
                Some((prepared, history))
            }
        };
        let prepared_kinds = kinds.as_ref().map(|(prepared, _)| &prepared.0);
        let usual = forecasts(&prepared.0, prepared_kinds, (&plain, &plain))?;
        let mut models_assumed = Vec::new();
        let scenario = if request.assumptions.is_empty() {
            None
        } else {
            let (factors, models) = self.factors(request, &history, now).await?;
            models_assumed = models;
            let of_kinds = match &kinds {
                None => factors.clone(),
                Some((_, kinds)) => {
                    let by_kind = ForecastRequest { by: SpendGroup::Kind, ..request.clone() };
                    self.factors(&by_kind, kinds, now).await?.0
                }
            };
            let with = |assumptions: Vec<Factor>| Question { assumptions, ..plain.clone() };
            Some(forecasts(&prepared.0, prepared_kinds, (&with(factors), &with(of_kinds)))?)
        };
        let period = Period::days(plain.from, plain.until)?;
        let mut answer = SpendForecast {
            period,
            as_of: history.as_of,
            currency: history.currency,
            total: line(&usual.total, scenario.as_ref().map(|found| &found.total), &history)?,
            by: request.by.to_string(),
            lines: Vec::new(),
            models_assumed,
            history_from: history.first_day,
            unpriced: self.unpriced_models(recent(history.as_of)?).await?,
            late_sources: history.late_sources.clone(),
            other_currencies: history.other_currencies.clone(),
            evidence: String::new(),
        };
        for (index, usual) in usual.series.iter().enumerate() {
            let scenario = scenario.as_ref().and_then(|found| found.series.get(index));
            answer.lines.push(line(usual, scenario, &history)?);
        }
        answer.lines.sort_by(|a, b| {
            let (one, other) = (&a.forecast, &b.forecast);
            other.period_total.cmp(&one.period_total).then_with(|| one.series.cmp(&other.series))
        });
        answer.evidence = self.keep_evidence(&facts(&answer)?, now).await?;
        Ok(answer)
    }

    /// How good forecasts of the ledger's series would have been.
    ///
    /// # Errors
    ///
    /// [`AppError::Empty`] without data, [`AppError::Backtest`] with too little; ledger errors.
    pub async fn backtest(
        &self,
        request: &BacktestRequest,
        now: Timestamp,
    ) -> Result<Backtest, AppError> {
        let (_, history) = self.history(&request.by, &request.filter, None, now).await?;
        let (series, calendar) = (&history.series, &history.calendar);
        Ok(forecast::backtest(series, calendar, request.periods, request.periods_max)?)
    }
}

/// The days of a question, prepared.
#[derive(Debug)]
pub(crate) struct PreparedDays(Prepared);

impl Weigh for PreparedDays {
    fn weight(&self) -> usize {
        self.0.weight()
    }
}

/// All that prepared days depend on: the series, and the days from the first one that is not seen to
/// the end of the period.
pub(crate) type PreparedKey = (HistoryKey, [Date; 3]);

impl App {
    /// What the engine is asked without a scenario, the days of it prepared, and what they are of.
    pub(crate) async fn prepare_forecast(
        &self,
        request: &ForecastRequest,
        now: Timestamp,
    ) -> Result<(Question, Arc<PreparedDays>, Arc<History>), AppError> {
        let ForecastRequest { by, filter, as_of, .. } = request;
        let (key, history) = self.history(by, filter, *as_of, now).await?;
        let question = request.question(history.as_of);
        let prepared = self.prepared(key, &history, &question).await?;
        Ok((question, prepared, history))
    }

    /// The days of a question, prepared once for all questions about the same days.
    async fn prepared(
        &self,
        key: HistoryKey,
        history: &Arc<History>,
        question: &Question,
    ) -> Result<Arc<PreparedDays>, AppError> {
        let key = (key, [question.as_of, question.from, question.until]);
        let prepare = || {
            let (history, question) = (Arc::clone(history), question.clone());
            aside(async move {
                let History { series, calendar, .. } = &*history;
                Ok(PreparedDays(Prepared::of(series, calendar, &question)?))
            })
        };
        self.kept.prepared.get(&key, prepare).await
    }
}

/// Forecasts by the kinds of spend, and lines by another dimension moved to their total.
fn forecasts(
    prepared: &Prepared,
    kinds: Option<&Prepared>,
    (question, of_kinds): (&Question, &Question),
) -> Result<Forecasts, AppError> {
    let Some(kinds) = kinds else { return Ok(prepared.forecast(question)?) };
    let whole = kinds.forecast(of_kinds)?.total;
    Ok(prepared.forecast_parts(question, &whole)?)
}

fn line(
    usual: &Forecast,
    scenario: Option<&Forecast>,
    history: &History,
) -> Result<ForecastLine, AppError> {
    let unpriced_calls = if usual.series == forecast::TOTAL {
        history.unpriced_calls.values().sum()
    } else {
        history.unpriced_calls.get(&usual.series).copied().unwrap_or(0)
    };
    let forecast = scenario.unwrap_or(usual).clone();
    let without_assumptions = scenario.and(usual.period_total);
    let difference = match (without_assumptions, forecast.period_total) {
        (Some(before), Some(after)) => Some(after.checked_sub(before).map_err(too_large)?),
        _ => None,
    };
    Ok(ForecastLine { forecast, without_assumptions, difference, unpriced_calls })
}

fn too_large(_: centinel_engine::money::DecimalError) -> AppError {
    AppError::Money(centinel_engine::money::MoneyError::Overflow)
}

/// The last 28 days before a day.
fn recent(as_of: Date) -> Result<Period, AppError> {
    Ok(Period::days(as_of.saturating_sub(RECENT_DAYS.days()), as_of)?)
}

/// What was seen is exact, what lies ahead is estimated.
fn facts(answer: &SpendForecast) -> Result<Bundle, AppError> {
    let money = |amount: Decimal| -> Result<Money, AppError> {
        let amount = Pico::round_half_even(amount)?.amount;
        Ok(Money { amount, currency: answer.currency })
    };
    let mut builder = BundleBuilder::new("forecast", Some(start_of_day(answer.as_of)));
    let named = |line: &ForecastLine| match line.forecast.series.as_str() {
        forecast::TOTAL => BTreeMap::new(),
        name => [(answer.by.clone(), name.to_owned())].into(),
    };
    for line in std::iter::once(&answer.total).chain(&answer.lines).take(100) {
        builder.about(named(line), Some(answer.period));
        builder.status(FactStatus::Final);
        builder.money("seen", money(line.forecast.seen)?);
        builder.status(FactStatus::Estimated);
        if let Some(total) = line.forecast.period_total {
            builder.money("forecast", money(total)?);
            if line.forecast.series == forecast::TOTAL {
                builder.required();
            }
        }
        for band in &line.forecast.bands {
            builder.money(&format!("low_{}", band.level), money(band.low)?);
            builder.money(&format!("high_{}", band.level), money(band.high)?);
        }
        if let Some(before) = line.without_assumptions {
            builder.money("without_assumptions", money(before)?);
        }
    }
    builder.status(FactStatus::Final);
    builder.caveat(
        "What lies ahead is an estimate; bands speak of days in which nothing new happens.",
    );
    if answer.total.unpriced_calls > 0 {
        builder.about(BTreeMap::new(), recent(answer.as_of).ok());
        builder.count("unpriced_calls", answer.total.unpriced_calls, "calls");
        builder.required();
        builder.caveat("What calls without a price cost is in no amount.");
    }
    Ok(builder.build())
}
