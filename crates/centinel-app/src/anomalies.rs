//! Anomalies: every part of the spend that is watched, day by day, merged to episodes that people look
//! at, one a cause.

mod question;

use std::sync::Arc;

use centinel_engine::{
    anomaly::{
        self, Config, Episode, Kin, Metric,
        cause::{self, Sighting},
        watch::{Leaf, LeafDay, LeafTable, Slice},
    },
    period::{HOUR_MICROS, Period, date_of, index_of_date, start_of_day},
};
use centinel_ledger::{LedgerState, Seen};
use centinel_store::events;
use jiff::{Timestamp, ToSpan as _, civil::Date};

use crate::{
    App, AppError, ExplainRequest, Explained, Incident,
    calendar::KnownDays,
    events::{Said, Verdicts},
    found::{About, Found},
    hours::Knowledge,
    memo::Weigh,
    parallel::{aside, map_with},
    watch::SHAPES,
};

/// Days by which late data may move the first day of an episode that keeps its number.
const START_DAYS_MAX: i32 = 2;

impl App {
    /// Every episode of the ledger, those with the largest impact first.
    ///
    /// # Errors
    ///
    /// [`AppError::Empty`] without data; ledger and calendar errors.
    pub async fn incidents(&self, now: Timestamp) -> Result<Vec<Incident>, AppError> {
        Ok(self.incidents_known_at(now, None).await?.0.clone())
    }

    /// Finds every episode, unless it is known.
    pub(crate) async fn episodes(&self, now: Timestamp) -> Result<(), AppError> {
        self.incidents_known_at(now, None).await.map(drop)
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
        Ok(self.incidents_known_at(as_of.min(now), Some(as_of)).await?.0.clone())
    }

    /// Found once, and kept as long as nothing that they depend on is another.
    pub(crate) async fn incidents_known_at(
        &self,
        known_at: Timestamp,
        as_of: Option<Timestamp>,
    ) -> Result<Arc<Incidents>, AppError> {
        self.settled().await?.incidents_of(known_at, as_of).await
    }

    async fn incidents_of(
        &self,
        known_at: Timestamp,
        as_of: Option<Timestamp>,
    ) -> Result<Arc<Incidents>, AppError> {
        let ledger = self.ledger.state().await?;
        let (first, last) = self.ledger.span_as_of(as_of).await?.ok_or(AppError::Empty)?;
        // A day is judged when it is over.
        let over = date_of(known_at);
        let (first, mut after) =
            (first_whole_day(first), date_of(last).tomorrow().unwrap_or(Date::MAX));
        after = after.min(over);
        if after <= first {
            return Ok(Arc::default());
        }
        let days = Period::days(first, after)?;
        let verdicts = self.verdicts(known_at).await?;
        let known = self.known_days(known_at, &verdicts).await?;
        let today = self.hours_of_today(Knowledge { known_at, as_of }).await?;
        let key = IncidentsKey {
            ledger,
            reader: self.limited_to().map(str::to_owned),
            as_of,
            days,
            today,
            said: verdicts.said(),
            known: known.clone(),
        };
        let begun = Arc::new((days, known, verdicts, today));
        let find = || {
            let (app, begun) = (self.clone(), Arc::clone(&begun));
            aside(async move { app.find_incidents(Knowledge { known_at, as_of }, &begun).await })
        };
        self.kept.incidents.get(&key, find).await
    }

    /// Finds them. What is asked of whom is in `begun`: the days judged, what is known of days, what was
    /// said, and the end of today's hours that have data.
    async fn find_incidents(
        &self,
        knowledge: Knowledge,
        begun: &(Period, KnownDays, Verdicts, Option<Timestamp>),
    ) -> Result<Incidents, AppError> {
        let Knowledge { known_at, as_of } = knowledge;
        let (days, known, verdicts, today) = begun;
        let first = days.dates().0;
        let currency = self.config.organisation.currency;
        let watched = self.leaves(*days, currency, as_of).await?;
        let Some(last_day) = last_day(&watched.table) else { return Ok(Incidents::default()) };
        let slices = watched.table.slices(&SHAPES, self.config.attention.slices_max);
        let calendar = known.calendar(&watched.table, &slices);
        let judged = |slice: &Slice| {
            let mut series = watched.table.series(slice);
            series.points.truncate(days_until(first, last_day));
            series
        };
        let kin = || Kin::of(slices.iter().take(Kin::SERIES_MAX).map(judged));
        let of_slice = |kin: &mut Kin, slice: &Slice| {
            let config = raised(of_ledger(), verdicts.factor(&slice.scope));
            let series = judged(slice);
            let siblings = kin.siblings(&series);
            anomaly::episodes(&anomaly::detect_among(&series, siblings, &calendar, &config))
        };
        let episodes = map_with(&slices, kin, of_slice);
        let of_slices = slices.iter().zip(episodes);
        let seen: Vec<(&Slice, Episode)> = of_slices
            .flat_map(|(slice, found)| found.into_iter().map(move |episode| (slice, episode)))
            .collect();
        let sightings: Vec<Sighting<'_>> =
            seen.iter().map(|(slice, episode)| Sighting { slice, episode }).collect();
        let causes = cause::causes(&watched.table, &sightings);
        let by_hour = self
            .hourly_causes(
                &watched.table,
                &slices,
                (&calendar, verdicts),
                (last_day, *today),
                knowledge,
            )
            .await?;
        let mut found: Vec<Found<'_>> =
            causes.iter().filter_map(|cause| Found::of_days(cause, &seen, last_day)).collect();
        for cause in &by_hour {
            match found.iter_mut().find(|found| found.is_of(cause)) {
                Some(found) => found.join(cause),
                None => found.push(Found::of_hours(cause)),
            }
        }
        found.sort_by_key(|found| std::cmp::Reverse(found.episode.impact));
        let names = self.episode_names(&found, &slices).await?;
        let is_same = |one: &str, other: &str| are_near(one, other);
        let database = self.database();
        let numbers =
            events::number_episodes(database, &names, is_same, known_at.as_microsecond()).await?;
        let about = About {
            minimum: self.config.attention.minimum_impact.to_decimal(),
            recent: last_day.saturating_sub(RECENT_DAYS.days()),
            currency,
            main_owner_percent: self.escalation.main_owner_percent,
            watched: &watched,
            known,
            verdicts,
        };
        let mut incidents = Vec::new();
        for (found, number) in found.iter().zip(numbers) {
            incidents.extend(about.incident(found, number)?);
        }
        let expected = verdicts.expected_incidents();
        let gone: Vec<Incident> =
            expected.filter(|gone| incidents.iter().all(|found| found.id != gone.id)).collect();
        incidents.extend(self.wholly_seen(gone).await?);
        incidents.sort_by(|a, b| b.impact.cmp(&a.impact).then_with(|| a.start.cmp(&b.start)));
        for index in 0..incidents.len() {
            self.say_where(&mut incidents, index, as_of, known_at).await?;
        }
        Ok(Incidents(incidents))
    }

    /// Episodes that others judged, of which every figure is of what is seen. What else shows them was
    /// found among everything.
    async fn wholly_seen(&self, judged: Vec<Incident>) -> Result<Vec<Incident>, AppError> {
        if self.limit.is_none() {
            return Ok(judged);
        }
        let seen = self.seen_of(judged.iter().map(|incident| &incident.scope)).await?;
        let whole = judged.into_iter().zip(seen).filter(|(_, seen)| *seen == Seen::All);
        Ok(whole
            .map(|(incident, _)| Incident { seen_in: Vec::new(), within: None, ..incident })
            .collect())
    }

    /// One episode by its id.
    ///
    /// # Errors
    ///
    /// [`AppError::NotFound`]; as [`App::incidents`].
    pub async fn incident(&self, id: &str, now: Timestamp) -> Result<Incident, AppError> {
        find(&self.incidents_known_at(now, None).await?.0, id)
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
        let incident = find(&incidents.0, id)?;
        let request = self.incident_request(&incident, &incidents.0, known_at).await?;
        let explained = self.explain_change(&ExplainRequest { as_of, ..request }, now).await?;
        Ok((incident, explained))
    }
}

/// Every episode of a ledger.
#[derive(Debug, Clone, Default)]
pub(crate) struct Incidents(pub(crate) Vec<Incident>);

impl Weigh for Incidents {
    fn weight(&self) -> usize {
        let texts = |incident: &Incident| {
            let scopes = incident.scope.iter().chain(incident.within.iter().flatten());
            let scopes: usize = scopes.map(|(name, value)| name.len() + value.len() + 64).sum();
            let seen_in: usize = incident.seen_in.iter().map(|name| name.len() + 24).sum();
            let effects = incident.effects.len() * 96 + incident.metrics.len() * 32;
            size_of::<Incident>() + scopes + seen_in + effects
        };
        self.0.iter().map(texts).sum()
    }
}

/// All that episodes depend on. Configuration and ownership are read once, when the home is opened, and
/// what is kept goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct IncidentsKey {
    ledger: LedgerState,
    /// Whose numbers they have, where somebody sees a part.
    reader: Option<String>,
    as_of: Option<Timestamp>,
    /// The days that are judged: those that are over.
    days: Period,
    /// The end of the hours of today that are judged, where there are calls in them.
    today: Option<Timestamp>,
    said: Vec<Said>,
    known: KnownDays,
}

/// Days by whose cost an owner is told.
const RECENT_DAYS: i32 = 56;

fn find(incidents: &[Incident], id: &str) -> Result<Incident, AppError> {
    let found = incidents.iter().find(|incident| incident.id.eq_ignore_ascii_case(id.trim()));
    found
        .cloned()
        .ok_or_else(|| AppError::NotFound { what: "episode", id: id.chars().take(40).collect() })
}

/// The day from which data begin; the next one where they begin within it, since part of a day is no
/// usual one.
fn first_whole_day(first: Timestamp) -> Date {
    let day = date_of(first);
    let into = first.as_microsecond().saturating_sub(start_of_day(day).as_microsecond());
    if into < HOUR_MICROS { day } else { day.tomorrow().unwrap_or(day) }
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

/// Whether two first days are near enough to be of one episode.
pub(crate) fn are_near(one: &str, other: &str) -> bool {
    let (Ok(one), Ok(other)) = (one.parse::<Date>(), other.parse::<Date>()) else { return false };
    one.since(other).is_ok_and(|span| span.get_days().abs() <= START_DAYS_MAX)
}

/// The settings for what a ledger tells.
fn of_ledger() -> Config {
    Config { metrics: Metric::OF_LEDGER.to_vec(), ..Config::published(false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_of_a_first_day_is_left_out() {
        let first = |at: &str| first_whole_day(at.parse().unwrap()).to_string();
        assert_eq!(first("2026-03-02T00:00:00Z"), "2026-03-02");
        assert_eq!(first("2026-03-02T00:59:59Z"), "2026-03-02");
        assert_eq!(first("2026-03-02T09:00:00Z"), "2026-03-03");
    }
}
