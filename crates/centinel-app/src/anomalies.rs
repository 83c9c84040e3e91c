//! Anomalies: every feature and every service, day by day, merged to episodes that people look at.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::{
    anomaly::{self, Alarm, Config, Episode, Metric, Point, Series},
    money::{Currency, Decimal, Pico},
    period::{DAY_MICROS, Grain, Period, date_of, index_of_date},
    series::Dimension,
    usage::UsageClass,
};
use centinel_ledger::{Condition, Measure, SpendQuery};
use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use crate::{App, AppError, ExplainRequest, Explained, calendar::KnownDays};

/// An episode as people see it.
#[derive(Debug, Clone, Serialize)]
pub struct Incident {
    /// `E-1`, …: the same for as long as the episode is known.
    pub id: String,
    /// What it is about, by dimension.
    pub scope: BTreeMap<String, String>,
    /// What was unusually high.
    pub metrics: BTreeSet<Metric>,
    /// The one of them that exceeded its usual value most, as a share.
    pub main_metric: Metric,
    /// Its value over the window of its latest alarm; `None` where a day of the window does not state
    /// what it is made of. Estimate.
    pub observed: Option<Decimal>,
    /// What it would usually have been. Estimate.
    pub expected: Option<Decimal>,
    /// First day.
    pub start: Date,
    /// Last day so far.
    pub last: Date,
    /// The last day with data is part of it.
    pub is_open: bool,
    /// Cost beyond the expected, an estimate.
    pub impact: Pico,
    /// Of `impact`.
    pub currency: Currency,
    /// The largest excess of a metric, as a share: 0.68 is 68 % more.
    pub effects: BTreeMap<String, String>,
    /// Who is accountable, if that is known.
    pub owner: Option<String>,
    /// The impact is below the minimum that people asked for.
    pub is_small: bool,
}

/// What is watched: features of calls, services of charges.
const SLICES: [Dimension; 2] = [Dimension::Feature, Dimension::Service];

impl App {
    /// Every episode of the ledger, those with the largest impact first.
    ///
    /// # Errors
    ///
    /// [`AppError::Empty`] without data; ledger and calendar errors.
    pub async fn incidents(&self, now: Timestamp) -> Result<Vec<Incident>, AppError> {
        let (first, last) = self.ledger.span().await?.ok_or(AppError::Empty)?;
        let (first, last_day) = (date_of(first), date_of(last));
        let days = Period::days(first, last_day.tomorrow().unwrap_or(Date::MAX))?;
        let known = self.known_days()?;
        let calendar = known.calendar();
        let config = Config::published(false);
        let currency = self.config.organisation.currency;
        let minimum = self.config.attention.minimum_impact.to_decimal();
        let mut found: Vec<(Dimension, Episode)> = Vec::new();
        for dimension in SLICES {
            for series in self.daily_series(&dimension, days, currency).await? {
                let alarms = anomaly::detect(&series, &calendar, &config);
                found
                    .extend(anomaly::episodes(&alarms).into_iter().map(|e| (dimension.clone(), e)));
            }
        }
        found.sort_by(|(_, a), (_, b)| {
            b.impact.cmp(&a.impact).then_with(|| (&a.series, a.start).cmp(&(&b.series, b.start)))
        });
        let names: Vec<(String, String)> = found
            .iter()
            .map(|(dimension, e)| (format!("{dimension}={}", e.series), e.start.to_string()))
            .collect();
        let numbers = self.database().number_episodes(&names, now.as_microsecond()).await?;
        let owners = self.owners_by_slice(days).await?;
        let mut incidents = Vec::new();
        for ((dimension, episode), number) in found.into_iter().zip(numbers) {
            let mut effects: BTreeMap<String, f64> = BTreeMap::new();
            for alarm in &episode.alarms {
                let effect = effects.entry(metric_name(alarm.metric)).or_default();
                *effect = effect.max(alarm.effect_ratio);
            }
            let owner = owners.get(&(dimension.to_string(), episode.series.clone())).cloned();
            // An episode has at least one alarm.
            let Some(alarm) = main_alarm(&episode.alarms) else { continue };
            incidents.push(Incident {
                main_metric: alarm.metric,
                observed: Some(alarm.observed).filter(|value| !value.is_zero()),
                expected: Some(alarm.expected).filter(|value| !value.is_zero()),
                id: format!("E-{number}"),
                scope: [(dimension.to_string(), episode.series)].into(),
                metrics: episode.metrics,
                start: episode.start,
                last: episode.last,
                is_open: last_day.since(episode.last).is_ok_and(|span| span.get_days() <= 1),
                impact: Pico::round_half_even(episode.impact)?.amount,
                currency,
                effects: effects
                    .into_iter()
                    .map(|(name, ratio)| (name, ratio_text(ratio)))
                    .collect(),
                owner: owner.flatten(),
                is_small: episode.impact < minimum,
            });
        }
        Ok(incidents)
    }

    /// One episode by its id, explained over its days (the last 28 of a longer one).
    ///
    /// # Errors
    ///
    /// [`AppError::NotFound`]; as [`App::explain_change`].
    pub async fn explain_incident(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<(Incident, Explained), AppError> {
        let incidents = self.incidents(now).await?;
        let incident = incidents
            .iter()
            .find(|incident| incident.id.eq_ignore_ascii_case(id.trim()))
            .cloned()
            .ok_or_else(|| AppError::NotFound {
                what: "episode",
                id: id.chars().take(40).collect(),
            })?;
        let request = self.incident_request(&incident, &incidents)?;
        let explained = self.explain_change(&request, now).await?;
        Ok((incident, explained))
    }

    /// The question that explains an episode.
    pub(crate) fn incident_request(
        &self,
        incident: &Incident,
        all: &[Incident],
    ) -> Result<ExplainRequest, AppError> {
        let first = incident.last.saturating_sub(jiff::Span::new().days(27)).max(incident.start);
        let period = Period::days(first, incident.last.tomorrow().unwrap_or(Date::MAX))?;
        let filter = incident
            .scope
            .iter()
            .map(|(dimension, value)| {
                Ok(Condition {
                    dimension: dimension.parse().map_err(|_| AppError::NotFound {
                        what: "dimension",
                        id: dimension.clone(),
                    })?,
                    any_of: [value.clone()].into(),
                })
            })
            .collect::<Result<_, AppError>>()?;
        let left_out = self.left_out(&incident.scope, all)?;
        Ok(ExplainRequest { filter, period, compare_to: None, left_out })
    }

    /// Days that are no part of the usual level of a scope: holidays, planned changes and its known
    /// episodes.
    ///
    /// # Errors
    ///
    /// As [`App::incidents`].
    pub async fn unusual_days(
        &self,
        scope: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<BTreeSet<Date>, AppError> {
        self.left_out(scope, &self.incidents(now).await?)
    }

    fn left_out(
        &self,
        scope: &BTreeMap<String, String>,
        incidents: &[Incident],
    ) -> Result<BTreeSet<Date>, AppError> {
        // Without a name, what the calendar says of every series.
        let name = scope.values().next().map(String::as_str).unwrap_or_default();
        let mut left_out = self.known_days()?.of(name);
        for incident in incidents.iter().filter(|incident| incident.scope == *scope) {
            let days = std::iter::successors(Some(incident.start), |day| day.tomorrow().ok());
            left_out.extend(days.take_while(|day| *day <= incident.last));
        }
        Ok(left_out)
    }

    pub(crate) fn known_days(&self) -> Result<KnownDays, AppError> {
        Ok(KnownDays::load(&self.home.join("policies").join("calendar.csv"))?)
    }

    /// One series a value of a dimension, over the days of a period.
    async fn daily_series(
        &self,
        dimension: &Dimension,
        days: Period,
        currency: Currency,
    ) -> Result<Vec<Series>, AppError> {
        let measures = vec![
            Measure::Cost,
            Measure::Calls,
            Measure::Usage(UsageClass::InputTokensTotal),
            Measure::Usage(UsageClass::OutputTokensTotal),
            Measure::Outcomes,
        ];
        let query = SpendQuery::new(days, measures).by([dimension.clone()]).every(Grain::Day);
        let table = self.ledger.spend(&query).await?;
        let (first, _) = days.dates();
        let length =
            usize::try_from((days.end_micros() - days.start_micros()) / DAY_MICROS).unwrap_or(0);
        let empty = Point {
            cost: 0.0,
            visible_share: 1.0,
            outputs: None,
            calls: None,
            tokens_in: None,
            tokens_out: None,
        };
        let mut series: BTreeMap<String, Vec<Point>> = BTreeMap::new();
        for row in &table.rows {
            let (Some(Some(name)), Some(at)) = (row.group.first(), row.at) else { continue };
            let is_ours = row.currency.as_deref() == Some(currency.as_str());
            // Outcomes have no currency.
            if !is_ours && row.currency.is_some() {
                continue;
            }
            let points = series.entry(name.clone()).or_insert_with(|| vec![empty; length]);
            let offset = index_of_date(date_of(at)).saturating_sub(index_of_date(first));
            let Some(point) = usize::try_from(offset).ok().and_then(|at| points.get_mut(at)) else {
                continue;
            };
            if is_ours {
                point.cost += row.amount(0).to_f64();
                if row.value(1) > 0 {
                    point.calls = Some(float(row.value(1)));
                    point.tokens_in = Some(float(row.value(2)));
                    point.tokens_out = Some(float(row.value(3)));
                }
            } else if row.value(4) > 0 {
                point.outputs = Some(row.amount(4).to_f64());
            }
        }
        let named = series.into_iter();
        Ok(named.map(|(name, points)| Series { name, first_day: first, points }).collect())
    }

    /// The owner of most of the cost of each slice.
    async fn owners_by_slice(
        &self,
        days: Period,
    ) -> Result<BTreeMap<(String, String), Option<String>>, AppError> {
        let mut owners = BTreeMap::new();
        for dimension in SLICES {
            let app = self.clone();
            let query = SpendQuery::new(days, vec![Measure::Cost])
                .by([dimension.clone()])
                .by_class(move |key| app.owner_of(key).owner().map(str::to_owned));
            let mut largest: BTreeMap<String, i128> = BTreeMap::new();
            for row in self.ledger.spend(&query).await?.rows {
                let [Some(value), owner] = row.group.as_slice() else { continue };
                let cost = row.value(0);
                if largest.get(value).is_none_or(|most| cost > *most) {
                    largest.insert(value.clone(), cost);
                    owners.insert((dimension.to_string(), value.clone()), owner.clone());
                }
            }
        }
        Ok(owners)
    }
}

/// The latest alarm of the metric with the largest excess; one whose value is known, if there is one.
fn main_alarm(alarms: &[Alarm]) -> Option<&Alarm> {
    let rank = |alarm: &&Alarm| (!alarm.expected.is_zero(), alarm.effect_ratio);
    let largest = alarms.iter().max_by(|a, b| {
        let ((known, ratio), (other_known, other_ratio)) = (rank(a), rank(b));
        known.cmp(&other_known).then(ratio.total_cmp(&other_ratio))
    })?;
    alarms
        .iter()
        .filter(|alarm| alarm.metric == largest.metric)
        .max_by_key(|alarm| (!alarm.expected.is_zero(), alarm.date))
}

/// `tokens_per_call`.
pub(crate) fn metric_name(metric: Metric) -> String {
    serde_json::to_value(metric)
        .ok()
        .and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// A ratio at four decimals, as text: statistics travel as strings as well.
fn ratio_text(ratio: f64) -> String {
    format!("{ratio:.4}")
}

#[expect(clippy::cast_precision_loss, reason = "statistics accept the nearest float")]
fn float(count: i128) -> f64 {
    count as f64
}
