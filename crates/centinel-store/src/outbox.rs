//! The outbox: what was begun and is not known to be finished.
//!
//! A row is written in the transaction that begins an execution and removed in the one that ends it, so
//! that a crash in between leaves a reminder. Whoever works on a row holds it for a while (a lease);
//! when that has run out, the next one looks after it. Nothing is carried out because a row says so: what
//! there is to do, and whether it was approved, comes from the log.

use centinel_engine::proposal::ProposalId;
use jiff::{SignedDuration, Timestamp};
use sqlx::{Row as _, any::AnyRow};

use crate::{Database, Journal, StoreError};

/// A reminder that somebody holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reminder {
    /// The execution's key, as its event in the log has it.
    pub key: String,
    /// Of which proposal.
    pub proposal: ProposalId,
    /// Of which version.
    pub version: u32,
    /// How often it was held, this time included.
    pub attempts: u32,
}

/// Writes a reminder; one of the same key that is there already becomes due.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn remind(
    journal: &mut Journal,
    key: &str,
    proposal: ProposalId,
    version: u32,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into outbox (key, proposal, version, attempts, due_at, claimed_until) \
         values ($1, $2, $3, 0, $4, 0) \
         on conflict (key) do update set due_at = excluded.due_at, claimed_until = 0",
    )
    .bind(key.to_owned())
    .bind(proposal.to_string())
    .bind(i64::from(version))
    .bind(due_at.as_microsecond())
    .execute(journal.connection())
    .await?;
    Ok(())
}

/// Takes hold of a reminder that is due and that nobody holds, for as long as `lease`; `None` when there
/// is none. Of those who ask at the same time, one gets it.
///
/// # Errors
///
/// [`StoreError::Corrupt`] for a row that nobody of us wrote, [`StoreError::Database`].
pub async fn take(
    database: &Database,
    now: Timestamp,
    lease: SignedDuration,
) -> Result<Option<Reminder>, StoreError> {
    let until = now.checked_add(lease).unwrap_or(Timestamp::MAX);
    // The outer condition is checked again when the row is written, so that two cannot both take it.
    let rows = sqlx::query(
        "update outbox set claimed_until = $1, attempts = attempts + 1 \
         where claimed_until <= $2 and key = (select key from outbox \
         where due_at <= $3 and claimed_until <= $4 order by due_at, key limit 1) \
         returning key, proposal, version, attempts",
    )
    .bind(until.as_microsecond())
    .bind(now.as_microsecond())
    .bind(now.as_microsecond())
    .bind(now.as_microsecond())
    .fetch_all(database.pool())
    .await?;
    rows.first().map(reminder).transpose()
}

/// Removes a reminder: the execution has ended, or the log knows of none.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn forget(journal: &mut Journal, key: &str) -> Result<(), StoreError> {
    sqlx::query("delete from outbox where key = $1")
        .bind(key.to_owned())
        .execute(journal.connection())
        .await?;
    Ok(())
}

fn reminder(row: &AnyRow) -> Result<Reminder, StoreError> {
    let key: String = row.try_get("key")?;
    let proposal: String = row.try_get("proposal")?;
    let corrupt = |reason: &str| StoreError::Corrupt {
        what: "outbox row",
        id: key.chars().take(12).collect(),
        reason: reason.to_owned(),
    };
    let number = |name: &str| -> Result<u32, StoreError> {
        u32::try_from(row.try_get::<i64, _>(name)?).map_err(|_| corrupt("a number is out of range"))
    };
    Ok(Reminder {
        proposal: proposal.parse().map_err(|reason: String| corrupt(&reason))?,
        version: number("version")?,
        attempts: number("attempts")?,
        key,
    })
}
