//! What people and pipelines say of time: planned changes, deploys, maintenance, holidays, mutes; and
//! what they said of episodes.

use serde_json::json;
use sqlx::Row as _;

use crate::{Database, Journal, StoreError, catalogue::next, database::instant};

/// An event that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// `planned`, `deploy`, `maintenance`, `holiday`, `mute`.
    pub kind: String,
    /// Canonical JSON of dimension and value; `{}` is everything.
    pub scope: String,
    /// First instant, UTC microseconds.
    pub start_at: i64,
    /// First instant after it.
    pub end_at: i64,
    /// Why, in words.
    pub note: String,
    /// What said it: `person`, `ci`, `git`.
    pub origin: String,
    /// Its own name for it, unique within `origin`; `None` makes one.
    pub external_id: Option<String>,
    /// Through whom.
    pub actor: String,
    /// When it became known.
    pub created_at: i64,
}

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its number.
    pub id: i64,
    /// What was kept.
    pub event: NewEvent,
    /// When it was taken back; `None` while it holds.
    pub removed_at: Option<i64>,
}

/// What a person said of an episode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackRow {
    /// The episode's number.
    pub episode: i64,
    /// When, UTC microseconds.
    pub given_at: i64,
    /// `expected`, `not_useful`, `useful`.
    pub verdict: String,
    /// The slice that the episode is named after.
    pub series: String,
    /// The episode's first day, ISO 8601.
    pub start_on: String,
    /// Its last day when it was said.
    pub last_on: String,
    /// The episode as it was then, as JSON.
    pub incident: String,
    /// In words.
    pub note: String,
    /// Who said it.
    pub actor: String,
}

/// Keeps an event with its audit entry; returns its number, and whether it is new: the same origin and
/// name is the same event, and the first one stays.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn add(database: &Database, event: &NewEvent) -> Result<(i64, bool), StoreError> {
    let mut journal = Journal::begin(database).await?;
    if let Some(external) = &event.external_id {
        let known = sqlx::query("select id from event where origin = $1 and external_id = $2")
            .bind(event.origin.clone())
            .bind(external.clone())
            .fetch_optional(journal.connection())
            .await?;
        if let Some(row) = known {
            return Ok((row.try_get(0)?, false));
        }
    }
    let id = next(journal.connection(), "event").await?;
    let external_id = event.external_id.clone().unwrap_or_else(|| id.to_string());
    sqlx::query(
        "insert into event (id, kind, scope, start_at, end_at, note, origin, external_id, actor, \
         created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(id)
    .bind(event.kind.clone())
    .bind(event.scope.clone())
    .bind(event.start_at)
    .bind(event.end_at)
    .bind(event.note.clone())
    .bind(event.origin.clone())
    .bind(external_id)
    .bind(event.actor.clone())
    .bind(event.created_at)
    .execute(journal.connection())
    .await?;
    let payload = json!({
        "kind": event.kind, "scope": event.scope, "note": event.note, "origin": event.origin,
        "start_at": event.start_at.to_string(), "end_at": event.end_at.to_string(),
    });
    let at = instant(event.created_at);
    journal.append(at, &event.actor, "event.added", &format!("event:{id}"), &payload).await?;
    journal.commit().await?;
    Ok((id, true))
}

/// Takes an event back, from now on; returns whether there was one that held.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn remove(
    database: &Database,
    id: i64,
    actor: &str,
    removed_at: i64,
) -> Result<bool, StoreError> {
    let mut journal = Journal::begin(database).await?;
    let done = sqlx::query("update event set removed_at = $1 where id = $2 and removed_at is null")
        .bind(removed_at)
        .bind(id)
        .execute(journal.connection())
        .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    let subject = format!("event:{id}");
    journal.append(instant(removed_at), actor, "event.removed", &subject, &json!({})).await?;
    journal.commit().await?;
    Ok(true)
}

/// The events that were known and held at an instant, oldest first.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn known_at(database: &Database, at: i64) -> Result<Vec<EventRow>, StoreError> {
    let rows = sqlx::query(
        "select id, kind, scope, start_at, end_at, note, origin, external_id, actor, created_at, \
         removed_at from event where created_at <= $1 and (removed_at is null or removed_at > $2) \
         order by start_at, id",
    )
    .bind(at)
    .bind(at)
    .fetch_all(database.pool())
    .await?;
    let of_row = |row: &sqlx::any::AnyRow| {
        Ok(EventRow {
            id: row.try_get(0)?,
            event: NewEvent {
                kind: row.try_get(1)?,
                scope: row.try_get(2)?,
                start_at: row.try_get(3)?,
                end_at: row.try_get(4)?,
                note: row.try_get(5)?,
                origin: row.try_get(6)?,
                external_id: Some(row.try_get(7)?),
                actor: row.try_get(8)?,
                created_at: row.try_get(9)?,
            },
            removed_at: row.try_get(10)?,
        })
    };
    rows.iter().map(of_row).collect()
}

/// Keeps what a person said of an episode, with its audit entry.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn keep_feedback(database: &Database, feedback: &FeedbackRow) -> Result<(), StoreError> {
    let mut journal = Journal::begin(database).await?;
    sqlx::query(
        "insert into episode_feedback (episode, given_at, verdict, series, start_on, last_on, \
         incident, note, actor) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(feedback.episode)
    .bind(feedback.given_at)
    .bind(feedback.verdict.clone())
    .bind(feedback.series.clone())
    .bind(feedback.start_on.clone())
    .bind(feedback.last_on.clone())
    .bind(feedback.incident.clone())
    .bind(feedback.note.clone())
    .bind(feedback.actor.clone())
    .execute(journal.connection())
    .await?;
    let subject = format!("episode:E-{}", feedback.episode);
    let payload = json!({ "verdict": feedback.verdict, "series": feedback.series,
        "start_on": feedback.start_on, "note": feedback.note });
    let at = instant(feedback.given_at);
    journal.append(at, &feedback.actor, "episode.feedback", &subject, &payload).await?;
    journal.commit().await?;
    Ok(())
}

/// What was said of episodes up to an instant, oldest first.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn feedback_until(database: &Database, at: i64) -> Result<Vec<FeedbackRow>, StoreError> {
    let rows = sqlx::query(
        "select episode, given_at, verdict, series, start_on, last_on, incident, note, actor \
         from episode_feedback where given_at <= $1 order by given_at, episode",
    )
    .bind(at)
    .fetch_all(database.pool())
    .await?;
    let of_row = |row: &sqlx::any::AnyRow| {
        Ok(FeedbackRow {
            episode: row.try_get(0)?,
            given_at: row.try_get(1)?,
            verdict: row.try_get(2)?,
            series: row.try_get(3)?,
            start_on: row.try_get(4)?,
            last_on: row.try_get(5)?,
            incident: row.try_get(6)?,
            note: row.try_get(7)?,
            actor: row.try_get(8)?,
        })
    };
    rows.iter().map(of_row).collect()
}

/// How often anything was said or taken back: as long as it is the same, so are events and verdicts.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn count(database: &Database) -> Result<(i64, i64, i64), StoreError> {
    let row = sqlx::query(
        "select (select count(*) from event), \
         (select count(*) from event where removed_at is not null), \
         (select count(*) from episode_feedback)",
    )
    .fetch_one(database.pool())
    .await?;
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
}

/// A name under which an episode is met: the slice, and its first day in ISO 8601.
pub type EpisodeName = (String, String);

/// Episodes of the same names that are told apart at most.
const NAMESAKES_MAX: usize = 8;

/// The names of an episode as the first of its names, the second, and so on.
fn namesakes(names: &[EpisodeName], copy: usize) -> Vec<EpisodeName> {
    let renamed = |(series, start): &EpisodeName| match copy {
        1 => (series.clone(), start.clone()),
        // A unit separator, which no name of a slice has.
        _ => (format!("{series}\u{1f}{copy}"), start.clone()),
    };
    names.iter().map(renamed).collect()
}

/// Gives each episode its number, the same number for ever: one that is met under any of its names
/// keeps the number that this name has. `is_same` says whether two first days of one slice are of one
/// episode, as late data can move them.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn number_episodes(
    database: &Database,
    episodes: &[Vec<EpisodeName>],
    is_same: impl Fn(&str, &str) -> bool + Send + Sync,
    found_at: i64,
) -> Result<Vec<i64>, StoreError> {
    let rows = sqlx::query("select series, start_on, episode from episode_name order by episode")
        .fetch_all(database.pool())
        .await?;
    let mut known: Vec<(EpisodeName, i64)> = Vec::with_capacity(rows.len());
    for row in &rows {
        known.push(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?));
    }
    // 0 stands for an episode that nobody has met.
    let mut numbers: Vec<i64> = Vec::with_capacity(episodes.len());
    let mut named: Vec<Vec<EpisodeName>> = Vec::with_capacity(episodes.len());
    let is_known = |name: &EpisodeName| known.iter().any(|(other, _)| other == name);
    for episode in episodes {
        // Where every name belongs to an episode of its own, it is known by its second, its third.
        let (number, names) = (1..=NAMESAKES_MAX)
            .find_map(|copy| {
                let names = namesakes(episode, copy);
                let is_met = |(series, start): &EpisodeName| {
                    names.iter().any(|(own, day)| own == series && is_same(day, start))
                };
                let met = known.iter().filter(|(name, _)| is_met(name)).map(|(_, number)| *number);
                let own = met.into_iter().find(|number| !numbers.contains(number));
                let is_free = |name: &EpisodeName| {
                    !is_known(name) && !named.iter().flatten().any(|other| other == name)
                };
                match own {
                    Some(number) => Some((number, names)),
                    None => names.iter().any(is_free).then_some((0, names)),
                }
            })
            .unwrap_or((0, episode.clone()));
        numbers.push(number);
        named.push(names);
    }
    if numbers.contains(&0) || named.iter().flatten().any(|name| !is_known(name)) {
        let mut tx = database.begin_write().await?;
        for (names, number) in named.iter().zip(&mut numbers) {
            if *number == 0 {
                let Some((series, start_on)) = names.first() else { continue };
                *number = next(&mut tx, "episode").await?;
                sqlx::query(
                    "insert into episode (id, series, start_on, found_at) \
                     values ($1, $2, $3, $4) on conflict (series, start_on) do nothing",
                )
                .bind(*number)
                .bind(series.clone())
                .bind(start_on.clone())
                .bind(found_at)
                .execute(&mut *tx)
                .await?;
            }
            for (series, start_on) in names {
                sqlx::query(
                    "insert into episode_name (series, start_on, episode) values ($1, $2, $3) \
                     on conflict (series, start_on) do nothing",
                )
                .bind(series.clone())
                .bind(start_on.clone())
                .bind(*number)
                .execute(&mut *tx)
                .await?;
            }
        }
        tx.commit().await?;
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(series: &str, start: &str) -> EpisodeName {
        (series.to_owned(), start.to_owned())
    }

    #[tokio::test]
    async fn an_episode_keeps_its_number_also_where_another_has_its_name() {
        let db = Database::in_memory().await.unwrap();
        let near = |one: &str, other: &str| one.get(..9) == other.get(..9);
        let found = [
            vec![name("team=a", "2026-10-01")],
            vec![name("team=a", "2026-10-01")],
            vec![name("team=b", "2026-10-01"), name("team=a", "2026-10-01")],
            vec![name("team=c", "2026-10-01")],
        ];
        let first = number_episodes(&db, &found, near, 1).await.unwrap();
        assert_eq!(first, [1, 2, 3, 4]);
        for _ in 0..3 {
            assert_eq!(number_episodes(&db, &found, near, 2).await.unwrap(), first);
        }
        // Late data moves a first day, and brings one more.
        let moved = [
            vec![name("team=a", "2026-10-02")],
            vec![name("team=a", "2026-10-01")],
            vec![name("team=d", "2026-10-01")],
            vec![name("team=c", "2026-10-03")],
        ];
        let again = number_episodes(&db, &moved, near, 3).await.unwrap();
        assert_eq!((again[0], again[1], again[3]), (1, 2, 4));
        assert_eq!(again[2], 5);
        assert_eq!(number_episodes(&db, &moved, near, 4).await.unwrap(), again);
    }
}
