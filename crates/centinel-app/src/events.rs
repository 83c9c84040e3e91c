//! Events that people and pipelines tell of, and what people say of episodes.

use std::collections::BTreeMap;

use centinel_engine::{anomaly::watch::Scope, series::Dimension};
use centinel_ledger::Seen;
use centinel_store::events::{self, EventRow, FeedbackRow, NewEvent};
use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    App, AppError, Incident, IncidentState,
    calendar::{About, EventKind, KnownDays, Occasion},
    config::Country,
};

/// An event that is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRequest {
    /// What kind.
    pub kind: EventKind,
    /// What it is about; everything when empty.
    pub scope: Scope,
    /// When it begins.
    pub start: Timestamp,
    /// First instant after it; `None` for the kind's usual length: a planned change is quiet for a
    /// week, the others last their day.
    pub end: Option<Timestamp>,
    /// Why, in words.
    pub note: String,
    /// What tells: `person`, `ci`, `git`.
    pub origin: String,
    /// The teller's own name for it; the same one twice is one event.
    pub external_id: Option<String>,
    /// Through whom.
    pub actor: String,
}

/// An event as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Event {
    /// Its number.
    pub id: i64,
    /// What kind.
    pub kind: EventKind,
    /// What it is about; everything when empty.
    pub scope: Scope,
    /// When it begins.
    pub start: Timestamp,
    /// First instant after it.
    pub end: Timestamp,
    /// Why, in words.
    pub note: String,
    /// What told of it.
    pub origin: String,
    /// Through whom.
    pub actor: String,
}

/// What a person says of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was meant: its days are no part of a usual level, and the level starts anew with it.
    Expected,
    /// It was not worth a look: for 90 days the same slice alarms at a quarter more, at most twice.
    NotUseful,
    /// It was worth it.
    Useful,
}

impl Verdict {
    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expected => "expected",
            Self::NotUseful => "not_useful",
            Self::Useful => "useful",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        [Self::Expected, Self::NotUseful, Self::Useful].into_iter().find(|v| v.name() == name)
    }
}

/// Longest time that a planned change, maintenance or mute may hold.
const DAYS_MAX: i64 = 366;
/// Days without alarms from a planned change on, unless its end is stated.
const QUIET_DAYS: i64 = 7;
/// How long a verdict `not_useful` counts.
const VERDICT_DAYS: i64 = 90;
/// By how much one raises the scores at which its slice alarms.
const VERDICT_FACTOR: f64 = 1.25;
/// The most that all of them raise it.
const VERDICT_FACTOR_MAX: f64 = 2.0;
/// Longest note kept.
const NOTE_CHARS_MAX: usize = 500;

impl App {
    /// Keeps an event; returns it, and whether it is new.
    ///
    /// # Errors
    ///
    /// [`AppError::BadEvent`] for one that ends before it begins, lasts longer than a year, or mutes
    /// without an end; store errors.
    pub async fn add_event(
        &self,
        request: &EventRequest,
        now: Timestamp,
    ) -> Result<(i64, bool), AppError> {
        let bad = |reason: &str| AppError::BadEvent(reason.to_owned());
        if request.kind == EventKind::Mute && request.end.is_none() {
            return Err(bad("a mute needs an end"));
        }
        if let Some(dimension) =
            request.scope.keys().find(|name| name.parse::<Dimension>().is_err())
        {
            return Err(AppError::BadEvent(format!("`{dimension}` is no dimension")));
        }
        let length = match request.kind {
            EventKind::Planned => QUIET_DAYS,
            _ => 1,
        };
        let usual_end = request.start.checked_add((length * 24).hours());
        let end = request.end.map_or_else(|| usual_end.map_err(|_| bad("it never ends")), Ok)?;
        if end <= request.start {
            return Err(bad("it ends before it begins"));
        }
        if end.duration_since(request.start).as_hours() > DAYS_MAX * 24 {
            return Err(bad("it lasts longer than 366 days"));
        }
        let note = request.note.chars().filter(|c| !c.is_control()).take(NOTE_CHARS_MAX);
        let event = NewEvent {
            kind: request.kind.name().to_owned(),
            scope: serde_json::to_string(&request.scope)
                .map_err(|_| bad("its scope is no text"))?,
            start_at: request.start.as_microsecond(),
            end_at: end.as_microsecond(),
            note: note.collect(),
            origin: request.origin.clone(),
            external_id: request.external_id.clone(),
            actor: request.actor.clone(),
            created_at: now.as_microsecond(),
        };
        Ok(events::add(self.database(), &event).await?)
    }

    /// Takes an event back.
    ///
    /// # Errors
    ///
    /// [`AppError::NotFound`]; store errors.
    pub async fn remove_event(&self, id: i64, actor: &str, now: Timestamp) -> Result<(), AppError> {
        if events::remove(self.database(), id, actor, now.as_microsecond()).await? {
            Ok(())
        } else {
            Err(AppError::NotFound { what: "event", id: id.to_string() })
        }
    }

    /// The events that were known at an instant, oldest first.
    ///
    /// # Errors
    ///
    /// Store errors.
    pub async fn events(&self, known_at: Timestamp) -> Result<Vec<Event>, AppError> {
        let rows = events::known_at(self.database(), known_at.as_microsecond()).await?;
        // What is kept was checked when it came; a row of a later version is passed over.
        let events: Vec<Event> = rows.iter().filter_map(event).collect();
        // An event of which nothing is seen is told to nobody.
        let seen = self.seen_of(events.iter().map(|event| &event.scope)).await?;
        let told = events.into_iter().zip(seen).filter(|(_, seen)| *seen != Seen::Nothing);
        Ok(told.map(|(event, _)| event).collect())
    }

    /// Keeps what a person says of an episode.
    ///
    /// # Errors
    ///
    /// [`AppError::NotFound`]; as [`App::incidents`].
    pub async fn judge_incident(
        &self,
        id: &str,
        verdict: Verdict,
        note: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<Incident, AppError> {
        let incident = self.incident(id, now).await?;
        let number = incident.id.trim_start_matches("E-").parse().unwrap_or(0);
        let feedback = FeedbackRow {
            episode: number,
            given_at: now.as_microsecond(),
            verdict: verdict.name().to_owned(),
            series: serde_json::to_string(&incident.scope).unwrap_or_default(),
            start_on: incident.start.to_string(),
            last_on: incident.last.to_string(),
            incident: serde_json::to_string(&incident).unwrap_or_default(),
            note: note.chars().filter(|c| !c.is_control()).take(NOTE_CHARS_MAX).collect(),
            actor: actor.to_owned(),
        };
        events::keep_feedback(self.database(), &feedback).await?;
        self.incident(id, now).await
    }

    /// What was said of episodes up to an instant.
    pub(crate) async fn verdicts(&self, known_at: Timestamp) -> Result<Verdicts, AppError> {
        let rows = events::feedback_until(self.database(), known_at.as_microsecond()).await?;
        let judged = rows.iter().filter_map(Judged::of).collect();
        Ok(Verdicts { judged, known_at })
    }

    /// The calendar file, the country's holidays, the events, and the episodes that were expected, as
    /// known at an instant.
    pub(crate) async fn known_days(
        &self,
        known_at: Timestamp,
        verdicts: &Verdicts,
    ) -> Result<KnownDays, AppError> {
        let mut known = KnownDays::load(&self.home.join("policies").join("calendar.csv"))?;
        let holidays = self.config.calendar.holidays.iter();
        known.extend(holidays.flat_map(Country::days).map(|day| Occasion {
            kind: EventKind::Holiday,
            about: About::Scope(Scope::new()),
            first: day,
            until: day,
        }));
        known.extend(self.events(known_at).await?.into_iter().map(|event| Occasion {
            kind: event.kind,
            first: date(event.start),
            // The last instant of it, not the first after it.
            until: date(event.end.checked_sub(1.microsecond()).unwrap_or(event.end)),
            about: About::Scope(event.scope),
        }));
        known.extend(verdicts.expected());
        Ok(known)
    }
}

fn event(row: &EventRow) -> Option<Event> {
    let EventRow { id, event, .. } = row;
    Some(Event {
        id: *id,
        kind: EventKind::of_name(&event.kind)?,
        scope: serde_json::from_str(&event.scope).ok()?,
        start: Timestamp::from_microsecond(event.start_at).ok()?,
        end: Timestamp::from_microsecond(event.end_at).ok()?,
        note: event.note.clone(),
        origin: event.origin.clone(),
        actor: event.actor.clone(),
    })
}

fn date(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// What was said of episodes.
#[derive(Debug, Clone)]
pub(crate) struct Verdicts {
    judged: Vec<Judged>,
    known_at: Timestamp,
}

#[derive(Debug, Clone)]
struct Judged {
    episode: i64,
    verdict: Verdict,
    scope: Scope,
    start: Date,
    last: Date,
    given_at: Timestamp,
    incident: Option<Incident>,
}

impl Judged {
    fn of(row: &FeedbackRow) -> Option<Self> {
        Some(Self {
            episode: row.episode,
            verdict: Verdict::of_name(&row.verdict)?,
            scope: serde_json::from_str(&row.series).ok()?,
            start: row.start_on.parse().ok()?,
            last: row.last_on.parse().ok()?,
            given_at: Timestamp::from_microsecond(row.given_at).ok()?,
            incident: serde_json::from_str(&row.incident).ok(),
        })
    }
}

/// What of a verdict episodes depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Said {
    episode: i64,
    verdict: Verdict,
    scope: Scope,
    start: Date,
    last: Date,
    given_at: Timestamp,
    /// It was given in the last 90 days.
    is_young: bool,
}

impl Verdicts {
    /// All that depends on these verdicts depends on this of them: rows of verdicts are never changed.
    pub(crate) fn said(&self) -> Vec<Said> {
        let said = self.judged.iter().map(|judged| Said {
            episode: judged.episode,
            verdict: judged.verdict,
            scope: judged.scope.clone(),
            start: judged.start,
            last: judged.last,
            given_at: judged.given_at,
            is_young: self.is_young(judged),
        });
        said.collect()
    }

    fn is_young(&self, judged: &Judged) -> bool {
        self.known_at.duration_since(judged.given_at).as_hours() < VERDICT_DAYS * 24
    }

    /// The last thing said of an episode.
    pub(crate) fn of_episode(&self, episode: i64) -> Option<Verdict> {
        self.judged.iter().rfind(|judged| judged.episode == episode).map(|judged| judged.verdict)
    }

    /// Expected episodes as planned changes: the level starts anew with their first day, and no alarm
    /// is raised through the last day that was known when it was said.
    fn expected(&self) -> impl Iterator<Item = Occasion> + '_ {
        self.last_expected().map(|judged| Occasion {
            kind: EventKind::Planned,
            about: About::Scope(judged.scope.clone()),
            first: judged.start,
            until: judged.last.max(date(judged.given_at)),
        })
    }

    /// Expected episodes as they were when it was said: they are not found again.
    pub(crate) fn expected_incidents(&self) -> impl Iterator<Item = Incident> + '_ {
        self.last_expected().filter_map(|judged| {
            let incident = judged.incident.clone()?;
            let state = IncidentState::Expected;
            Some(Incident { is_open: false, state, verdict: Some(Verdict::Expected), ..incident })
        })
    }

    fn last_expected(&self) -> impl Iterator<Item = &Judged> {
        let last: BTreeMap<i64, &Judged> = self.judged.iter().map(|j| (j.episode, j)).collect();
        last.into_values().filter(|judged| judged.verdict == Verdict::Expected)
    }

    /// By how much the scores at which a slice alarms are raised: a quarter for each `not_useful` of
    /// the last 90 days about this very slice, at most twice the usual ones.
    pub(crate) fn factor(&self, scope: &Scope) -> f64 {
        let counts = |judged: &&Judged| {
            judged.verdict == Verdict::NotUseful && judged.scope == *scope && self.is_young(judged)
        };
        let count = self.judged.iter().filter(counts).count();
        let raised = (0..count).fold(1.0, |factor, _| factor * VERDICT_FACTOR);
        f64::min(raised, VERDICT_FACTOR_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(verdict: Verdict, scope: &str, given_at: &str) -> Judged {
        Judged {
            episode: 1,
            verdict,
            scope: [("feature".to_owned(), scope.to_owned())].into(),
            start: jiff::civil::date(2026, 10, 1),
            last: jiff::civil::date(2026, 10, 3),
            given_at: given_at.parse().unwrap(),
            incident: None,
        }
    }

    #[test]
    fn thresholds_rise_by_the_written_rule_and_fall_again() {
        let now: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        let of = |judged: Vec<Judged>, scope: &str| {
            let verdicts = Verdicts { judged, known_at: now };
            format!("{}", verdicts.factor(&[("feature".to_owned(), scope.to_owned())].into()))
        };
        let said = |at| judged(Verdict::NotUseful, "search", at);
        assert_eq!(of(vec![said("2026-11-01T00:00:00Z")], "search"), "1.25");
        assert_eq!(of(vec![said("2026-11-01T00:00:00Z")], "mail"), "1", "of this slice only");
        assert_eq!(of(vec![said("2026-08-01T00:00:00Z")], "search"), "1", "90 days are over");
        assert_eq!(of(vec![said("2026-11-01T00:00:00Z"); 9], "search"), "2", "at most twice");
        let useful = judged(Verdict::Useful, "search", "2026-11-01T00:00:00Z");
        assert_eq!(of(vec![useful], "search"), "1");
    }

    #[test]
    fn an_expected_episode_is_a_planned_change_until_it_is_said_otherwise() {
        let known_at: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        let expected = judged(Verdict::Expected, "search", "2026-10-05T09:00:00Z");
        let verdicts = Verdicts { judged: vec![expected.clone()], known_at };
        let occasions: Vec<Occasion> = verdicts.expected().collect();
        assert_eq!(occasions.len(), 1);
        assert_eq!(occasions[0].first, jiff::civil::date(2026, 10, 1));
        assert_eq!(occasions[0].until, jiff::civil::date(2026, 10, 5));
        let useful = judged(Verdict::Useful, "search", "2026-10-06T09:00:00Z");
        let verdicts = Verdicts { judged: vec![expected, useful], known_at };
        assert_eq!(verdicts.expected().count(), 0);
    }
}
