//! The last days by hours, so that what rises this morning is seen before the day ends.
//!
//! The parts of the spend with the largest cost of calls are judged by the hour, from the cells by hour
//! of the weeks before. Charges have no part in it: bills come by the day, and late.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::{
    anomaly::{
        Alarm, Calendar, Episode, HourlyConfig, HourlyEpisode,
        cause::{Sighting, causes},
        detect_hourly, hourly_episodes,
        watch::{Leaf, LeafDay, LeafTable, Slice, hourly_series},
    },
    period::{DAY_MICROS, Grain, HOUR_MICROS, Period, date_of, start_of_day},
};
use centinel_ledger::SpendQuery;
use jiff::{Timestamp, ToSpan as _, civil::Date, civil::DateTime, tz::TimeZone};

use crate::{
    App, AppError,
    events::Verdicts,
    parallel::map_with,
    watch::{DIMENSIONS, LeafSums, MEASURES, dimension_names},
};

/// Most parts of the spend that are judged by hours.
const SLICES_MAX: usize = 60;
/// Days by whose cost they are chosen.
const RECENT_DAYS: usize = 56;
/// Days up to the newest one whose hours are judged.
const JUDGED_DAYS: i64 = 2;
/// Days before them that tell what is usual.
const USUAL_DAYS: i64 = 56;
/// Days that one question asks for: a sum is kept for each label set and hour of it.
const QUESTION_DAYS: i64 = 7;
/// Hours in a week, and weeks before an episode that tell what a label set usually costs then.
const WEEK_HOURS: i64 = 168;
const USUAL_WEEKS: usize = 4;

/// What was known when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Knowledge {
    /// Hours that are over by then are judged.
    pub(crate) known_at: Timestamp,
    /// Only rows that were known then.
    pub(crate) as_of: Option<Timestamp>,
}

/// An episode that hours show, of one cause.
#[derive(Debug, Clone)]
pub(crate) struct HourlyCause<'a> {
    /// The part of the spend that shows it best.
    pub(crate) slice: &'a Slice,
    /// All that show it.
    pub(crate) members: Vec<&'a Slice>,
    /// When, and what was high.
    pub(crate) episode: HourlyEpisode,
    /// It lasts to the last hour with calls.
    pub(crate) is_open: bool,
}

impl HourlyCause<'_> {
    /// Its first and last day.
    pub(crate) fn days(&self) -> (Date, Date) {
        (self.episode.start.date(), self.episode.last.date())
    }

    /// As an episode of days.
    pub(crate) fn by_days(&self) -> Episode {
        let (start, last) = self.days();
        by_days(&self.episode, start, last)
    }
}

/// Hours that are looked at: `first` to before `end`, of which those from `judged` on are judged.
#[derive(Debug, Clone, Copy)]
struct Hours {
    first: Timestamp,
    judged: Timestamp,
    end: Timestamp,
}

impl App {
    /// What the hours of the last days show, by cause, from the last day that is over and has data and
    /// [`App::hours_of_today`].
    pub(crate) async fn hourly_causes<'a>(
        &self,
        table: &LeafTable,
        slices: &'a [Slice],
        (calendar, verdicts): (&Calendar, &Verdicts),
        (last_day, today): (Date, Option<Timestamp>),
        knowledge: Knowledge,
    ) -> Result<Vec<HourlyCause<'a>>, AppError> {
        let chosen = chosen(table, slices);
        let Some(hours) = hours(last_day, today) else { return Ok(Vec::new()) };
        let sums = self.sums_by_hour(table, &chosen, hours, knowledge).await?;
        let has_calls = |hours: &Vec<LeafDay>| hours.iter().rposition(|hour| hour.calls > 0.0);
        let Some(last) = sums.iter().filter_map(has_calls).max() else { return Ok(Vec::new()) };
        let first_hour = civil(hours.first);
        let of_slice = |(): &mut (), (slice, sums): &(&Slice, Vec<LeafDay>)| {
            let sums = sums.get(..=last).unwrap_or(sums);
            let factor = verdicts.factor(&slice.scope);
            let config = HourlyConfig {
                first_judged_hour: hours_between(hours.first, hours.judged),
                ..HourlyConfig::published(false).raised(factor)
            };
            let series = hourly_series(&slice.scope, first_hour, sums);
            hourly_episodes(&detect_hourly(&series, calendar, &config))
        };
        let chosen: Vec<(&Slice, Vec<LeafDay>)> = chosen.into_iter().zip(sums).collect();
        let episodes = map_with(&chosen, || (), of_slice);
        let mut seen: Vec<(&Slice, HourlyEpisode)> = chosen
            .iter()
            .zip(episodes)
            .flat_map(|((slice, _), found)| found.into_iter().map(|episode| (*slice, episode)))
            .collect();
        // What began before the first hour judged has been told by days.
        let judged = civil(hours.judged);
        seen.retain(|(_, episode)| episode.start > judged);
        let last = first_hour.saturating_add(i64::try_from(last).unwrap_or(0).hours());
        let mut found = Vec::new();
        for (start, end, members) in at_a_time(&seen) {
            let table = self.table_of_hours(start, end, knowledge).await?;
            found.extend(by_cause(&table, &seen, &members, last));
        }
        Ok(found)
    }

    /// The end of the last hour of today that is over, where there are calls in its hours.
    pub(crate) async fn hours_of_today(
        &self,
        Knowledge { known_at, as_of }: Knowledge,
    ) -> Result<Option<Timestamp>, AppError> {
        let today = start_of_day(date_of(known_at));
        let over = known_at.as_microsecond().div_euclid(HOUR_MICROS).saturating_mul(HOUR_MICROS);
        let over = Timestamp::from_microsecond(over).unwrap_or(today);
        let Ok(hours) = Period::new(today, over) else { return Ok(None) };
        let mut query = SpendQuery::new(hours, MEASURES.to_vec());
        query.as_of = as_of;
        let answer = self.ledger.spend(&query).await?;
        Ok(answer.rows.iter().any(|row| row.value(2) > 0).then_some(over))
    }

    /// What each slice did in each hour.
    async fn sums_by_hour(
        &self,
        table: &LeafTable,
        slices: &[&Slice],
        hours: Hours,
        knowledge: Knowledge,
    ) -> Result<Vec<Vec<LeafDay>>, AppError> {
        let length = hours_between(hours.first, hours.end);
        let mut sums = vec![vec![LeafDay::default(); length]; slices.len()];
        let mut slices_of: BTreeMap<Vec<Option<String>>, Vec<usize>> = BTreeMap::new();
        let mut start = hours.first;
        while start < hours.end {
            let next = start.as_microsecond().saturating_add(QUESTION_DAYS * DAY_MICROS);
            let end = Timestamp::from_microsecond(next).unwrap_or(hours.end).min(hours.end);
            let leaves = self.leaf_sums(start, end, Some(Grain::Hour), knowledge).await?;
            let offset = hours_between(hours.first, start);
            for (labels, of_leaf) in leaves {
                let positions = slices_of
                    .entry(labels)
                    .or_insert_with_key(|labels| containing(table, slices, labels));
                for position in &*positions {
                    let here = sums.get_mut(*position).into_iter().flatten().skip(offset);
                    here.zip(&of_leaf).for_each(|(sum, hour)| sum.add(hour));
                }
            }
            start = end;
        }
        Ok(sums)
    }

    /// Every label set over some hours, as the last of 29 days of a table whose days of four weeks
    /// before are the same hours then.
    async fn table_of_hours(
        &self,
        start: DateTime,
        last: DateTime,
        knowledge: Knowledge,
    ) -> Result<LeafTable, AppError> {
        let day = start.date();
        let days = USUAL_WEEKS.saturating_mul(7).saturating_add(1);
        let mut leaves: BTreeMap<Vec<Option<String>>, Vec<LeafDay>> = BTreeMap::new();
        for week in 0..=USUAL_WEEKS {
            let back = WEEK_HOURS.saturating_mul(i64::try_from(week).unwrap_or(0)).hours();
            let (start, end) = (start.saturating_sub(back), last.saturating_sub(back));
            let (start, end) = (instant(start), instant(end.saturating_add(1.hours())));
            let index = USUAL_WEEKS.saturating_sub(week).saturating_mul(7);
            for (labels, sums) in self.leaf_sums(start, end, None, knowledge).await? {
                let leaf = leaves.entry(labels).or_insert_with(|| vec![LeafDay::default(); days]);
                if let (Some(slot), Some(sum)) = (leaf.get_mut(index), sums.first()) {
                    slot.add(sum);
                }
            }
        }
        let leaves = leaves.into_iter().map(|(labels, days)| Leaf { labels, days }).collect();
        let before = i64::try_from(days).unwrap_or(0).saturating_sub(1).days();
        let first_day = day.saturating_sub(before);
        Ok(LeafTable { dimensions: dimension_names(), first_day, leaves })
    }

    /// What each label set did from one instant to another, by grain or in one sum.
    async fn leaf_sums(
        &self,
        start: Timestamp,
        end: Timestamp,
        grain: Option<Grain>,
        knowledge: Knowledge,
    ) -> Result<BTreeMap<Vec<Option<String>>, Vec<LeafDay>>, AppError> {
        let mut query = SpendQuery::new(Period::new(start, end)?, MEASURES.to_vec()).by(DIMENSIONS);
        query.grain = grain;
        query.as_of = knowledge.as_of;
        let answer = self.ledger.spend(&query).await?;
        let length = if grain.is_some() { hours_between(start, end) } else { 1 };
        let place = |at: Option<Timestamp>| at.map_or(0, |at| hours_between(start, at));
        let mut sums = LeafSums::new(length, self.config.organisation.currency);
        for row in &answer.rows {
            sums.add(row, place(row.at));
        }
        Ok(sums.finish())
    }
}

/// The hours to look at: up to the last one that is over, on the newest day with calls.
fn hours(last_day: Date, today: Option<Timestamp>) -> Option<Hours> {
    let (day, end) = match today {
        // The end of an hour may be the start of the next day.
        Some(end) => (date_of(end.saturating_sub(1.microsecond()).unwrap_or(end)), end),
        None => (last_day, start_of_day(last_day.tomorrow().unwrap_or(Date::MAX))),
    };
    let judged = day.saturating_sub((JUDGED_DAYS - 1).days());
    let first = start_of_day(judged.saturating_sub(USUAL_DAYS.days()));
    let hours = Hours { first, judged: start_of_day(judged), end };
    (hours.end > hours.judged).then_some(hours)
}

/// The slices whose calls cost most of late.
fn chosen<'a>(table: &LeafTable, slices: &'a [Slice]) -> Vec<&'a Slice> {
    let of_leaf = |index: &usize| -> f64 {
        let days = table.leaves.get(*index).map(|leaf| leaf.days.iter().rev().take(RECENT_DAYS));
        days.into_iter().flatten().map(|day| day.call_cost).sum()
    };
    let cost = |slice: &Slice| slice.leaves.iter().map(of_leaf).sum::<f64>();
    let mut ranked: Vec<(f64, &Slice)> = slices.iter().map(|slice| (cost(slice), slice)).collect();
    ranked.retain(|(cost, _)| *cost > 0.0);
    ranked.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.scope.cmp(&other.scope)));
    ranked.into_iter().take(SLICES_MAX).map(|(_, slice)| slice).collect()
}

/// Positions of the slices that a label set is part of; it may be newer than the table.
fn containing(table: &LeafTable, slices: &[&Slice], labels: &[Option<String>]) -> Vec<usize> {
    let values: BTreeMap<&str, &str> = table
        .dimensions
        .iter()
        .zip(labels)
        .filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?)))
        .collect();
    let is_in = |slice: &Slice| {
        slice.scope.iter().all(|(name, value)| values.get(name.as_str()) == Some(&value.as_str()))
    };
    let numbered = slices.iter().enumerate();
    numbered.filter(|(_, slice)| is_in(slice)).map(|(position, _)| position).collect()
}

/// Episodes that overlap or follow each other at once: their first and last hour, and their positions.
fn at_a_time(seen: &[(&Slice, HourlyEpisode)]) -> Vec<(DateTime, DateTime, Vec<usize>)> {
    let mut order: Vec<usize> = (0..seen.len()).collect();
    order.sort_by_key(|index| seen.get(*index).map(|(_, episode)| episode.start));
    let mut groups: Vec<(DateTime, DateTime, Vec<usize>)> = Vec::new();
    for index in order {
        let Some((_, episode)) = seen.get(index) else { continue };
        let open = groups.last_mut().filter(|(_, last, _)| episode.start <= *last);
        match open {
            Some((_, last, members)) => {
                *last = (*last).max(episode.last);
                members.push(index);
            }
            None => groups.push((episode.start, episode.last, vec![index])),
        }
    }
    groups
}

/// Puts episodes of the same hours together by cause.
fn by_cause<'a>(
    table: &LeafTable,
    seen: &[(&'a Slice, HourlyEpisode)],
    members: &[usize],
    last_hour: DateTime,
) -> Vec<HourlyCause<'a>> {
    let day = table.leaves.first().map_or(0, |leaf| leaf.days.len()).saturating_sub(1);
    let day = table.first_day.saturating_add(i64::try_from(day).unwrap_or(0).days());
    let seen: Vec<&(&Slice, HourlyEpisode)> =
        members.iter().filter_map(|index| seen.get(*index)).collect();
    let of_table: Vec<(Slice, Episode)> = seen
        .iter()
        .map(|(slice, episode)| {
            let leaves = table.leaves_of(&slice.scope);
            (Slice { leaves, ..(*slice).clone() }, by_days(episode, day, day))
        })
        .collect();
    let sightings: Vec<Sighting<'_>> =
        of_table.iter().map(|(slice, episode)| Sighting { slice, episode }).collect();
    causes(table, &sightings)
        .into_iter()
        .filter_map(|cause| {
            let (slice, episode) = seen.get(cause.lead)?;
            let members = cause.members.iter().filter_map(|index| seen.get(*index));
            Some(HourlyCause {
                slice,
                members: members.map(|(slice, _)| *slice).collect(),
                episode: episode.clone(),
                is_open: episode.reaches(last_hour),
            })
        })
        .collect()
}

/// An episode of hours as one of days.
fn by_days(episode: &HourlyEpisode, start: Date, last: Date) -> Episode {
    let alarm = |alarm: &centinel_engine::anomaly::HourlyAlarm| Alarm {
        series: alarm.series.clone(),
        date: alarm.hour.date(),
        metric: alarm.metric,
        window_days: 1,
        observed: alarm.observed,
        expected: alarm.expected,
        low: alarm.low,
        high: alarm.high,
        effect_ratio: alarm.effect_ratio,
        score: alarm.score,
        impact: alarm.impact,
        impact_of_day: alarm.impact_of_hour,
    };
    Episode {
        series: episode.series.clone(),
        metrics: BTreeSet::clone(&episode.metrics),
        start,
        last,
        impact: episode.impact,
        alarms: episode.alarms.iter().map(alarm).collect(),
    }
}

/// Whole hours from one instant to a later one.
fn hours_between(start: Timestamp, end: Timestamp) -> usize {
    let micros = end.as_microsecond().saturating_sub(start.as_microsecond());
    usize::try_from(micros / HOUR_MICROS).unwrap_or(0)
}

fn civil(at: Timestamp) -> DateTime {
    TimeZone::UTC.to_datetime(at)
}

/// The instant of a time in UTC.
pub(crate) fn instant(at: DateTime) -> Timestamp {
    TimeZone::UTC.to_timestamp(at).unwrap_or(Timestamp::MIN)
}
