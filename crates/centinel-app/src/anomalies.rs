//! Anomalies: every part of the spend that is watched, day by day, merged to episodes that people look
//! at, one a cause.

mod question;

use centinel_engine::{
    anomaly::{
        self, Config, Episode, Kin, Metric,
        cause::{self, Sighting},
        watch::{Leaf, LeafDay, LeafTable, Slice},
    },
    period::{HOUR_MICROS, Period, date_of, index_of_date, start_of_day},
};
use centinel_ledger::Seen;
use centinel_store::events;
use jiff::{Timestamp, ToSpan as _, civil::Date};

use crate::{
    App, AppError, ExplainRequest, Explained, Incident,
    found::{About, Found},
    hours::Knowledge,
    parallel::map_with,
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
        let (first, mut after) =
            (first_whole_day(first), date_of(last).tomorrow().unwrap_or(Date::MAX));
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
                (&calendar, &verdicts),
                last_day,
                Knowledge { known_at, as_of },
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
            watched: &watched,
            known: &known,
            verdicts: &verdicts,
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
        Ok(incidents)
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
