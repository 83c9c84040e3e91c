//! The audit log: append-only, hash-chained, without gaps, signed.
//!
//! Every entry's hash is `SHA-256(previous || canonical(entry))`, where `previous` is the hash of the
//! entry before it in lowercase hex (64 zeros for the first) and `canonical` is the canonical JSON of
//! sequence, instant, actor, action, subject and payload. Edits, deletions, insertions, reorderings
//! and splices break the chain. A chain alone can be written anew by whoever can write to the
//! database; so the home's key signs the hash of every entry that decides something ([`decides`]) and
//! of every fiftieth. Cutting entries off the end shows only against a [`PublishedHead`] that somebody
//! kept outside of this database.

mod check;
mod entry;
mod export;
mod fault;
mod guards;
mod journal;
mod key;
mod projections;
mod published;
mod signing;
#[cfg(test)]
mod tampering;

use sqlx::{AnyConnection, Row as _, any::AnyRow};

use crate::{Database, StoreError};

pub use check::{KEY_ANNOUNCED, LogCheck, SIGNED_EVERY, Verification, decides};
pub use entry::{AuditEntry, Head, RawEntry, RawSignature};
pub use export::{ExportEnd, ExportLine, FileCheck, export};
pub use fault::AuditFault;
pub use journal::Journal;
pub use key::{AuditKey, KeyError, KeyId, PublicKey, Signature, SignedHead};
pub use projections::{Difference, compare_projections, rebuild_projections};
pub use published::{Knowledge, PublishedHead};
pub use signing::{AnnouncedKey, Signer, announce_key, keys, published_head, sign_pending};

pub(crate) use entry::select_entries;
pub(crate) use guards::install as install_guards;
pub(crate) use projections::person_columns;
pub(crate) use signing::believed;

/// Entries read at once.
const PAGE: i64 = 1_000;

/// Which entries are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntryFilter {
    /// Written at this instant or later, in UTC microseconds.
    pub from: Option<i64>,
    /// Written before this instant, in UTC microseconds.
    pub until: Option<i64>,
    /// Of exactly this subject.
    pub subject: Option<String>,
    /// Whose action begins so: `proposal.`, `login.failed`.
    pub action: Option<String>,
}

impl EntryFilter {
    /// Whether it leaves nothing out.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

/// Where the log ends.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn head(database: &Database) -> Result<Head, StoreError> {
    let rows = sqlx::query("select sequence, hash from audit_head where name = 'audit'")
        .fetch_all(database.pool())
        .await?;
    head_of(rows.first())
}

/// The newest entry: its number, when it was written in UTC microseconds, and its hash; `None` of an
/// empty log. As long as it is the same, so is everything that is read from the log.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn newest(database: &Database) -> Result<Option<(i64, i64, String)>, StoreError> {
    let row =
        sqlx::query("select sequence, at, hash from audit_entry order by sequence desc limit 1")
            .fetch_optional(database.pool())
            .await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).transpose()
}

/// Reads the whole log and checks every entry, its links, and the ends: the recorded one, and
/// `published` where one is given.
///
/// # Errors
///
/// As [`verify_against`].
pub async fn verify(
    database: &Database,
    published: Option<&Head>,
) -> Result<Verification, StoreError> {
    verify_against(database, &Knowledge::of(published)).await
}

/// Reads the whole log and checks every entry, its links, its signatures, the recorded end, and all
/// that is known from outside.
///
/// # Errors
///
/// [`StoreError::Database`]. What is wrong with the log is no error but the result.
pub async fn verify_against(
    database: &Database,
    known: &Knowledge,
) -> Result<Verification, StoreError> {
    // The end first: what is appended meanwhile is checked too, but not missed.
    let recorded = head(database).await?;
    let mut check = LogCheck::new(known);
    let mut recorded_is_there = recorded == Head::empty();
    'pages: loop {
        let page = page(database, check.last().sequence).await?;
        if page.is_empty() {
            break;
        }
        for row in &page {
            if !check.take(&RawEntry::from_row(row)?) {
                break 'pages;
            }
            recorded_is_there |= *check.last() == recorded;
        }
    }
    let found = check.last().sequence;
    if !recorded_is_there {
        check.note(if found < recorded.sequence {
            AuditFault::Truncated { expected: recorded.sequence, found }
        } else {
            AuditFault::Replaced { sequence: recorded.sequence }
        });
    }
    let mut signatures = signing::signatures(database).await?;
    // Entries and the row of the head are written together, so the row is never behind.
    let now_recorded = head(database).await?.sequence;
    if now_recorded < found {
        check.note(AuditFault::HeadBehind { recorded: now_recorded, found });
    }
    // Entries that came after the last page bring signatures that belong to them.
    signatures.retain(|signature| signature.sequence <= found || signature.sequence > now_recorded);
    Ok(check.finish(&signatures))
}

/// Up to a thousand entries after a sequence number, in order; empty at the end of the log.
///
/// # Errors
///
/// [`StoreError::Corrupt`] for an entry that is not as it was written, [`StoreError::Database`].
pub async fn entries_after(
    database: &Database,
    sequence: i64,
) -> Result<Vec<AuditEntry>, StoreError> {
    filtered_after(database, sequence, &EntryFilter::default()).await
}

/// As [`entries_after`], of those that a filter lets through.
///
/// # Errors
///
/// As [`entries_after`].
pub async fn filtered_after(
    database: &Database,
    sequence: i64,
    filter: &EntryFilter,
) -> Result<Vec<AuditEntry>, StoreError> {
    let rows = sqlx::query(select_entries!(
        "where sequence > $1 and at >= $2 and at < $3 and ($4 = '' or subject = $4) \
         and substr(action, 1, length($5)) = $5 order by sequence limit $6"
    ))
    .bind(sequence)
    .bind(filter.from.unwrap_or(i64::MIN))
    .bind(filter.until.unwrap_or(i64::MAX))
    .bind(filter.subject.clone().unwrap_or_default())
    .bind(filter.action.clone().unwrap_or_default())
    .bind(PAGE)
    .fetch_all(database.pool())
    .await?;
    rows.iter().map(|row| RawEntry::from_row(row)?.checked()).collect()
}

/// Every entry of an action, in order.
///
/// # Errors
///
/// [`StoreError::Corrupt`] for an entry that is not as it was written, [`StoreError::Database`].
pub async fn entries_of_action(
    database: &Database,
    action: &str,
) -> Result<Vec<AuditEntry>, StoreError> {
    let mut connection = database.pool().acquire().await?;
    believed_of_action(&mut connection, action).await
}

/// Every entry of an action, in order, each as [`believed`].
pub(crate) async fn believed_of_action(
    connection: &mut AnyConnection,
    action: &str,
) -> Result<Vec<AuditEntry>, StoreError> {
    let rows = sqlx::query(select_entries!("where action = $1 order by sequence"))
        .bind(action.to_owned())
        .fetch_all(&mut *connection)
        .await?;
    believed(connection, rows.iter()).await
}

async fn page(database: &Database, after: i64) -> Result<Vec<AnyRow>, StoreError> {
    let query = select_entries!("where sequence > $1 order by sequence limit $2");
    Ok(sqlx::query(query).bind(after).bind(PAGE).fetch_all(database.pool()).await?)
}

fn head_of(row: Option<&AnyRow>) -> Result<Head, StoreError> {
    let row = row.ok_or_else(|| StoreError::Corrupt {
        what: "audit head",
        id: "audit".to_owned(),
        reason: "it is missing".to_owned(),
    })?;
    Ok(Head { sequence: row.try_get("sequence")?, hash: row.try_get("hash")? })
}
