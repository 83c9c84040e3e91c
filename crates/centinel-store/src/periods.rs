//! Closed periods, and what became known of them afterwards.

use jiff::Timestamp;
use serde_json::json;
use sqlx::Row as _;

use crate::{Database, Journal, StoreError, database::instant};

/// A closed period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedPeriod {
    /// First instant, UTC microseconds.
    pub start_at: i64,
    /// First instant after it.
    pub end_at: i64,
    /// When it was closed: what was known then is what was closed.
    pub closed_at: i64,
    /// Through whom.
    pub actor: String,
    /// SHA-256 of the totals with their period and instant, hex.
    pub digest: String,
    /// The totals, as canonical JSON.
    pub totals: String,
}

/// What became known of a closed period at an instant after its close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestatementRow {
    /// First instant of the period.
    pub start_at: i64,
    /// First instant after it.
    pub end_at: i64,
    /// When it became known.
    pub known_at: i64,
    /// SHA-256 of the changes, hex.
    pub digest: String,
    /// The changes, as canonical JSON.
    pub changes: String,
}

/// Closes a period: the row and its audit entry, at once.
///
/// # Errors
///
/// [`StoreError::Conflict`] when a closed period overlaps it, [`StoreError::Database`].
pub async fn close(database: &Database, period: &ClosedPeriod) -> Result<(), StoreError> {
    let mut journal = Journal::begin(database).await?;
    let overlapping = sqlx::query(
        "select start_at from closed_period where start_at < $1 and end_at > $2 limit 1",
    )
    .bind(period.end_at)
    .bind(period.start_at)
    .fetch_all(journal.connection())
    .await?;
    let subject = subject(period.start_at, period.end_at);
    if !overlapping.is_empty() {
        return Err(StoreError::Conflict { what: "period", id: subject });
    }
    sqlx::query(
        "insert into closed_period (start_at, end_at, closed_at, actor, digest, totals) \
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(period.start_at)
    .bind(period.end_at)
    .bind(period.closed_at)
    .bind(period.actor.clone())
    .bind(period.digest.clone())
    .bind(period.totals.clone())
    .execute(journal.connection())
    .await?;
    let at = instant(period.closed_at);
    let payload = json!({ "digest": period.digest });
    journal.append(at, &period.actor, "period.closed", &subject, &payload).await?;
    journal.commit().await?;
    Ok(())
}

/// Every closed period, oldest first.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn closed(database: &Database) -> Result<Vec<ClosedPeriod>, StoreError> {
    let rows = sqlx::query(
        "select start_at, end_at, closed_at, actor, digest, totals from closed_period \
         order by start_at",
    )
    .fetch_all(database.pool())
    .await?;
    let of_row = |row: &sqlx::any::AnyRow| {
        Ok(ClosedPeriod {
            start_at: row.try_get(0)?,
            end_at: row.try_get(1)?,
            closed_at: row.try_get(2)?,
            actor: row.try_get(3)?,
            digest: row.try_get(4)?,
            totals: row.try_get(5)?,
        })
    };
    rows.iter().map(of_row).collect()
}

/// Keeps restatements that are not kept yet, each with its audit entry; returns how many were new.
///
/// # Errors
///
/// [`StoreError::Database`]; none is kept then.
pub async fn keep_restatements(
    database: &Database,
    restatements: &[RestatementRow],
    now: Timestamp,
) -> Result<usize, StoreError> {
    let rows = sqlx::query("select start_at, end_at, known_at from period_restatement")
        .fetch_all(database.pool())
        .await?;
    let mut known = std::collections::BTreeSet::<(i64, i64, i64)>::new();
    for row in &rows {
        known.insert((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    }
    let is_new = |row: &&RestatementRow| !known.contains(&(row.start_at, row.end_at, row.known_at));
    let fresh: Vec<&RestatementRow> = restatements.iter().filter(is_new).collect();
    if fresh.is_empty() {
        return Ok(0);
    }
    let mut journal = Journal::begin(database).await?;
    let mut kept = 0;
    for row in fresh {
        let done = sqlx::query(
            "insert into period_restatement (start_at, end_at, known_at, digest, changes) \
             values ($1, $2, $3, $4, $5) on conflict (start_at, end_at, known_at) do nothing",
        )
        .bind(row.start_at)
        .bind(row.end_at)
        .bind(row.known_at)
        .bind(row.digest.clone())
        .bind(row.changes.clone())
        .execute(journal.connection())
        .await?;
        if done.rows_affected() > 0 {
            kept += 1;
            let subject = subject(row.start_at, row.end_at);
            let payload = json!({ "digest": row.digest, "known_at": row.known_at });
            journal.append(now, "system", "period.restated", &subject, &payload).await?;
        }
    }
    journal.commit().await?;
    Ok(kept)
}

fn subject(start_at: i64, end_at: i64) -> String {
    format!("period:{}/{}", instant(start_at), instant(end_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(start_at: i64, end_at: i64) -> ClosedPeriod {
        ClosedPeriod {
            start_at,
            end_at,
            closed_at: 1_000,
            actor: "terminal".to_owned(),
            digest: "d".to_owned(),
            totals: "[]".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_period_is_closed_once_and_restated_once() {
        let database = Database::in_memory().await.unwrap();
        close(&database, &period(0, 100)).await.unwrap();
        for (start, end) in [(0, 100), (50, 150), (-10, 1), (10, 20)] {
            let refused = close(&database, &period(start, end)).await;
            assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{start} {end}");
        }
        close(&database, &period(100, 200)).await.unwrap();
        assert_eq!(closed(&database).await.unwrap(), [period(0, 100), period(100, 200)]);
        let late = [RestatementRow {
            start_at: 0,
            end_at: 100,
            known_at: 2_000,
            digest: "e".to_owned(),
            changes: "[]".to_owned(),
        }];
        let now = instant(3_000);
        assert_eq!(keep_restatements(&database, &late, now).await.unwrap(), 1);
        assert_eq!(keep_restatements(&database, &late, now).await.unwrap(), 0);
        let log = crate::audit::verify(&database, None).await.unwrap();
        assert_eq!((log.entries, log.fault), (3, None));
    }
}
