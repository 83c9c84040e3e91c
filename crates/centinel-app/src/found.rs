//! What days and hours found, put together to what people are told.

use centinel_engine::{
    anomaly::{
        Episode,
        cause::Cause,
        watch::{Slice, name_of},
    },
    money::{Currency, Decimal, Pico},
};
use centinel_store::events::EpisodeName;
use jiff::{Timestamp, ToSpan as _, civil::Date};

use crate::{
    AppError, Incident, IncidentState,
    anomalies::are_near,
    calendar::KnownDays,
    events::{Verdict, Verdicts},
    hours::{HourlyCause, instant},
    incident::{effects, main_alarm},
    watch::{Watched, owner_of},
};

/// An episode of one cause, before it has a number.
pub(crate) struct Found<'a> {
    slice: &'a Slice,
    pub(crate) episode: Episode,
    /// The names under which it is met, that of its slice first. Its number is looked up by them, so
    /// they are the same each time: dimensions and values, and the first day.
    pub(crate) names: Vec<EpisodeName>,
    /// Further slices that show it, by name.
    seen_in: Vec<String>,
    is_open: bool,
    began_at: Option<Timestamp>,
    last_hour: Option<Timestamp>,
}

impl<'a> Found<'a> {
    /// What days show.
    pub(crate) fn of_days(
        cause: &Cause,
        seen: &[(&'a Slice, Episode)],
        last_day: Date,
    ) -> Option<Self> {
        let (slice, episode) = seen.get(cause.lead)?;
        let others = cause.members.iter().filter(|member| **member != cause.lead);
        let members: Vec<&(&Slice, Episode)> = std::iter::once(&cause.lead)
            .chain(others)
            .filter_map(|index| seen.get(*index))
            .collect();
        let name = |(slice, episode): &&(&Slice, Episode)| {
            (name_of(&slice.scope), episode.start.to_string())
        };
        Some(Self {
            slice,
            episode: episode.clone(),
            names: members.iter().map(name).collect(),
            seen_in: names_of(members.iter().skip(1).map(|(slice, _)| *slice)),
            is_open: last_day.since(episode.last).is_ok_and(|span| span.get_days() <= 1),
            began_at: None,
            last_hour: None,
        })
    }

    /// What hours alone show.
    pub(crate) fn of_hours(cause: &HourlyCause<'a>) -> Self {
        let (start, _) = cause.days();
        Self {
            slice: cause.slice,
            episode: cause.by_days(),
            names: vec![(name_of(&cause.slice.scope), start.to_string())],
            seen_in: names_of(cause.members.iter().copied().filter(|s| *s != cause.slice)),
            is_open: cause.is_open,
            began_at: Some(instant(cause.episode.start)),
            last_hour: Some(instant(cause.episode.last)),
        }
    }

    /// Whether what hours show is this: a slice of both, at the same time.
    pub(crate) fn is_of(&self, cause: &HourlyCause<'_>) -> bool {
        let (start, last) = cause.days();
        let is_near = are_near(&self.episode.start.to_string(), &start.to_string())
            || (start <= self.episode.last.saturating_add(1.day()) && self.episode.start <= last);
        let own = name_of(&cause.slice.scope);
        let is_member = cause.members.contains(&self.slice);
        is_near && (is_member || self.names.iter().any(|(name, _)| *name == own))
    }

    /// Takes in what hours show of it: when it began; hours alone grow by it.
    pub(crate) fn join(&mut self, cause: &HourlyCause<'_>) {
        let (start, last) = (instant(cause.episode.start), instant(cause.episode.last));
        if let Some(last_hour) = &mut self.last_hour {
            let further = cause.by_days();
            *last_hour = last.max(*last_hour);
            self.began_at = self.began_at.min(Some(start));
            self.is_open |= cause.is_open;
            self.episode.start = self.episode.start.min(further.start);
            self.episode.last = self.episode.last.max(further.last);
            self.episode.impact =
                self.episode.impact.checked_add(further.impact).unwrap_or(self.episode.impact);
            self.episode.metrics.extend(further.metrics);
            self.episode.alarms.extend(further.alarms);
            return;
        }
        let (day, _) = cause.days();
        let is_first_day = day == self.episode.start
            || day.tomorrow().is_ok_and(|tomorrow| tomorrow == self.episode.start);
        if is_first_day {
            self.began_at = Some(self.began_at.map_or(start, |known| known.min(start)));
        }
    }
}

fn names_of<'s>(slices: impl Iterator<Item = &'s Slice>) -> Vec<String> {
    let mut names: Vec<String> = slices.map(|slice| name_of(&slice.scope)).collect();
    names.sort();
    names.dedup();
    names
}

/// What is known beside an episode.
pub(crate) struct About<'a> {
    /// Impact from which people asked to be told.
    pub(crate) minimum: Decimal,
    /// The first day by whose cost an owner is told.
    pub(crate) recent: Date,
    pub(crate) currency: Currency,
    /// From which part of its cost on an episode is an owner's.
    pub(crate) main_owner_percent: u8,
    pub(crate) watched: &'a Watched,
    pub(crate) known: &'a KnownDays,
    pub(crate) verdicts: &'a Verdicts,
}

impl About<'_> {
    /// The episode as people are told of it; `None` without an alarm, which no episode is.
    pub(crate) fn incident(
        &self,
        found: &Found<'_>,
        number: i64,
    ) -> Result<Option<Incident>, AppError> {
        let Found { slice, episode, is_open, .. } = found;
        let Some(alarm) = main_alarm(&episode.alarms) else { return Ok(None) };
        let verdict = self.verdicts.of_episode(number);
        let state = if self.known.is_muted(&slice.scope, episode.start) {
            IncidentState::Muted
        } else if verdict == Some(Verdict::Expected) {
            IncidentState::Expected
        } else if *is_open {
            IncidentState::Open
        } else {
            IncidentState::Ended
        };
        Ok(Some(Incident {
            main_metric: alarm.metric,
            observed: Some(alarm.observed).filter(|value| !value.is_zero()),
            expected: (!alarm.observed.is_zero()).then_some(alarm.expected),
            id: format!("E-{number}"),
            scope: slice.scope.clone(),
            metrics: episode.metrics.clone(),
            start: episode.start,
            last: episode.last,
            is_open: *is_open && matches!(state, IncidentState::Open),
            state,
            verdict,
            impact: Pico::round_half_even(episode.impact)?.amount,
            currency: self.currency,
            effects: effects(&episode.alarms),
            owner: owner_of(self.watched, &slice.leaves, self.recent, self.main_owner_percent),
            is_small: episode.impact < self.minimum,
            seen_in: found.seen_in.clone(),
            began_at: found.began_at,
            last_hour: found.last_hour,
            within: None,
        }))
    }
}
