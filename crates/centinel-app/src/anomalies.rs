//! Anomalies: every part of the spend that is watched, day by day, merged to episodes that people look
//! at, one a cause.

mod question;

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::{
    anomaly::{
        self, Alarm, Config, Episode, Kin, Metric,
        cause::{self, Cause, Sighting},
        watch::{Leaf, LeafDay, LeafTable, Slice, name_of},
    },
    money::{Currency, Decimal, Pico},
    period::{Period, date_of, index_of_date},
};
use centinel_store::events::{self, EpisodeName};
use jiff::{Timestamp, ToSpan as _, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    App, AppError, ExplainRequest, Explained,
    events::Verdict,
    watch::{SHAPES, owner_of},
};

/// An episode as people see it.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// The last day with data is part of it, and nobody said that it was meant or muted it.
    pub is_open: bool,
    /// Where it stands.
    pub state: IncidentState,
    /// The last thing that a person said of it.
    pub verdict: Option<Verdict>,
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
    /// Further parts of the spend that show it.
    pub seen_in: Vec<String>,
    /// Of an episode of everything: where at least half of its change is; empty where no place holds
    /// that much. `None` for an episode that has a scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<BTreeMap<String, String>>,
}

impl Incident {
    /// Whether people are shown it without asking: nobody muted it or said that it was meant.
    pub fn is_shown(&self) -> bool {
        matches!(self.state, IncidentState::Open | IncidentState::Ended)
    }
}

/// Where an episode stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// The last day with data is part of it.
    Open,
    /// Its level is usual again.
    Ended,
    /// A person said that it was meant.
    Expected,
    /// A mute of somebody's holds it.
    Muted,
}

/// Days by which late data may move the first day of an episode that keeps its number.
const START_DAYS_MAX: i32 = 2;

impl App {
    /// Every episode of the ledger, those with the largest impact first.
    ///
    /// # Errors
    ///
    /// [`AppError::Empty`] without data; ledger and calendar errors.
    pub async fn incidents(&self, now: Timestamp) -> Result<Vec<Incident>, AppError> {
        self.incidents_known_at(now, None).await
    }

    /// Every episode as it was known at an instant: from the rows, events and verdicts known then, the
    /// days judged that were over.
    ///
    /// # Errors
    ///
    /// As [`App::incidents`].
    pub async fn incidents_as_of(
        &self,
        as_of: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Incident>, AppError> {
        self.incidents_known_at(as_of.min(now), Some(as_of)).await
    }

    async fn incidents_known_at(
        &self,
        known_at: Timestamp,
        as_of: Option<Timestamp>,
    ) -> Result<Vec<Incident>, AppError> {
        let (first, last) = self.ledger.span_as_of(as_of).await?.ok_or(AppError::Empty)?;
        // A day is judged when it is over.
        let over = date_of(known_at);
        let (first, mut after) = (date_of(first), date_of(last).tomorrow().unwrap_or(Date::MAX));
        after = after.min(over);
        if after <= first {
            return Ok(Vec::new());
        }
        let days = Period::days(first, after)?;
        let currency = self.config.organisation.currency;
        let watched = self.leaves(days, currency, as_of).await?;
        let Some(last_day) = last_day(&watched.table) else { return Ok(Vec::new()) };
        let verdicts = self.verdicts(known_at).await?;
        let known = self.known_days(known_at, &verdicts).await?;
        let slices = watched.table.slices(&SHAPES, self.config.attention.slices_max);
        let calendar = known.calendar(&watched.table, &slices);
        let mut seen: Vec<(&Slice, Episode)> = Vec::new();
        let judged = |slice: &Slice| {
            let mut series = watched.table.series(slice);
            series.points.truncate(days_until(first, last_day));
            series
        };
        let mut kin = Kin::of(slices.iter().take(Kin::SERIES_MAX).map(judged));
        for slice in &slices {
            let config = raised(of_ledger(), verdicts.factor(&slice.scope));
            let series = judged(slice);
            let siblings = kin.siblings(&series);
            let alarms = anomaly::detect_among(&series, siblings, &calendar, &config);
            seen.extend(anomaly::episodes(&alarms).into_iter().map(|episode| (slice, episode)));
        }
        let sightings: Vec<Sighting<'_>> =
            seen.iter().map(|(slice, episode)| Sighting { slice, episode }).collect();
        let mut causes = cause::causes(&watched.table, &sightings);
        let impact_of = |cause: &Cause| seen.get(cause.lead).map(|(_, episode)| episode.impact);
        causes.sort_by_key(|cause| std::cmp::Reverse(impact_of(cause)));
        let names: Vec<Vec<EpisodeName>> =
            causes.iter().map(|cause| episode_names(cause, &seen)).collect();
        let is_same = |one: &str, other: &str| are_near(one, other);
        let database = self.database();
        let numbers =
            events::number_episodes(database, &names, is_same, known_at.as_microsecond()).await?;
        let minimum = self.config.attention.minimum_impact.to_decimal();
        let recent = last_day.saturating_sub(RECENT_DAYS.days());
        let mut incidents = Vec::new();
        for (cause, number) in causes.iter().zip(numbers) {
            let Some((slice, episode)) = seen.get(cause.lead) else { continue };
            // An episode has at least one alarm.
            let Some(alarm) = main_alarm(&episode.alarms) else { continue };
            let is_open = last_day.since(episode.last).is_ok_and(|span| span.get_days() <= 1);
            let verdict = verdicts.of_episode(number);
            let state = if known.is_muted(&slice.scope, episode.start) {
                IncidentState::Muted
            } else if verdict == Some(Verdict::Expected) {
                IncidentState::Expected
            } else if is_open {
                IncidentState::Open
            } else {
                IncidentState::Ended
            };
            let mut seen_in: Vec<String> = cause
                .members
                .iter()
                .filter(|member| **member != cause.lead)
                .filter_map(|member| seen.get(*member))
                .map(|(slice, _)| name_of(&slice.scope))
                .collect();
            seen_in.sort();
            seen_in.dedup();
            incidents.push(Incident {
                main_metric: alarm.metric,
                observed: Some(alarm.observed).filter(|value| !value.is_zero()),
                expected: Some(alarm.expected).filter(|value| !value.is_zero()),
                id: format!("E-{number}"),
                scope: slice.scope.clone(),
                metrics: episode.metrics.clone(),
                start: episode.start,
                last: episode.last,
                is_open: is_open && matches!(state, IncidentState::Open),
                state,
                verdict,
                impact: Pico::round_half_even(episode.impact)?.amount,
                currency,
                effects: effects(&episode.alarms),
                owner: owner_of(&watched, &slice.leaves, recent),
                is_small: episode.impact < minimum,
                seen_in,
                within: None,
            });
        }
        let expected = verdicts.expected_incidents();
        let gone: Vec<Incident> =
            expected.filter(|gone| incidents.iter().all(|found| found.id != gone.id)).collect();
        incidents.extend(gone);
        incidents.sort_by(|a, b| b.impact.cmp(&a.impact).then_with(|| a.start.cmp(&b.start)));
        for index in 0..incidents.len() {
            self.say_where(&mut incidents, index, as_of, known_at).await?;
        }
        Ok(incidents)
    }

    /// One episode by its id.
    ///
    /// # Errors
    ///
    /// [`AppError::NotFound`]; as [`App::incidents`].
    pub async fn incident(&self, id: &str, now: Timestamp) -> Result<Incident, AppError> {
        find(&self.incidents(now).await?, id)
    }

    /// One episode by its id, explained over its days (the last 28 of a longer one): as it is known, or
    /// as it was known at an instant.
    ///
    /// # Errors
    ///
    /// [`AppError::NotFound`]; as [`App::explain_change`].
    pub async fn explain_incident(
        &self,
        id: &str,
        as_of: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(Incident, Explained), AppError> {
        let known_at = as_of.map_or(now, |as_of| as_of.min(now));
        let incidents = self.incidents_known_at(known_at, as_of).await?;
        let incident = find(&incidents, id)?;
        let request = self.incident_request(&incident, &incidents, known_at).await?;
        let explained = self.explain_change(&ExplainRequest { as_of, ..request }, now).await?;
        Ok((incident, explained))
    }
}

/// Days by whose cost an owner is told.
const RECENT_DAYS: i32 = 56;

fn find(incidents: &[Incident], id: &str) -> Result<Incident, AppError> {
    let found = incidents.iter().find(|incident| incident.id.eq_ignore_ascii_case(id.trim()));
    found
        .cloned()
        .ok_or_else(|| AppError::NotFound { what: "episode", id: id.chars().take(40).collect() })
}

/// The last day on which anything cost something.
fn last_day(table: &LeafTable) -> Option<Date> {
    let of_leaf = |leaf: &Leaf| leaf.days.iter().rposition(|day| *day != LeafDay::default());
    let index = table.leaves.iter().filter_map(of_leaf).max()?;
    table.first_day.checked_add(i64::try_from(index).ok()?.days()).ok()
}

/// Days from a first to a last one, both counted.
fn days_until(first: Date, last: Date) -> usize {
    let count = index_of_date(last).saturating_sub(index_of_date(first)).saturating_add(1);
    usize::try_from(count).unwrap_or(0)
}

/// The settings of a slice whose scores to alarm at were raised.
fn raised(config: Config, factor: f64) -> Config {
    Config {
        total_score_min: config.total_score_min * factor,
        driver_score_min: config.driver_score_min * factor,
        ..config
    }
}

/// The names under which a cause is met, that of its lead first. The number of an episode is looked up
/// by them, so they are the same each time: dimensions and values, and the first day.
fn episode_names(cause: &Cause, seen: &[(&Slice, Episode)]) -> Vec<EpisodeName> {
    let others = cause.members.iter().filter(|member| **member != cause.lead);
    std::iter::once(&cause.lead)
        .chain(others)
        .filter_map(|index| seen.get(*index))
        .map(|(slice, episode)| (name_of(&slice.scope), episode.start.to_string()))
        .collect()
}

/// Whether two first days are near enough to be of one episode.
fn are_near(one: &str, other: &str) -> bool {
    let (Ok(one), Ok(other)) = (one.parse::<Date>(), other.parse::<Date>()) else { return false };
    one.since(other).is_ok_and(|span| span.get_days().abs() <= START_DAYS_MAX)
}

/// The largest excess of each metric, as text.
fn effects(alarms: &[Alarm]) -> BTreeMap<String, String> {
    let mut effects: BTreeMap<String, f64> = BTreeMap::new();
    for alarm in alarms {
        let effect = effects.entry(metric_name(alarm.metric)).or_default();
        *effect = effect.max(alarm.effect_ratio);
    }
    effects.into_iter().map(|(name, ratio)| (name, ratio_text(ratio))).collect()
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

/// The settings for what a ledger tells.
fn of_ledger() -> Config {
    Config { metrics: Metric::OF_LEDGER.to_vec(), ..Config::published(false) }
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
