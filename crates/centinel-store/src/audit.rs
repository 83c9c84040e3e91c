//! The audit log: append-only, hash-chained, without gaps.
//!
//! Every entry's hash is `SHA-256(previous || canonical(entry))`, where `previous` is the hash of the
//! entry before it in lowercase hex (64 zeros for the first) and `canonical` is the canonical JSON of
//! sequence, instant, actor, action, subject and payload. Edits, deletions, insertions, reorderings
//! and splices break the chain. Cutting entries off its end does not: that shows only against a
//! [`Head`] that was published outside of this database. Heads are unsigned so far; a signature over
//! [`Head`]'s text form is where signing belongs.

mod guards;

use std::{fmt, str::FromStr};

use centinel_engine::facts::{canonical_json, sha256_hex};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{Any, AnyConnection, Row as _, Transaction, any::AnyRow};

use crate::{Database, StoreError};

pub(crate) use guards::install as install_guards;

/// Hash before the first entry.
const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// Entries read at once.
const PAGE: i64 = 1_000;

/// A query for whole entries, which [`AuditEntry::from_row`] reads.
macro_rules! select_entries {
    ($which:literal) => {
        concat!(
            "select sequence, at, actor, action, subject, payload, previous, hash \
             from audit_entry ",
            $which
        )
    };
}
pub(crate) use select_entries;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// 1 first, without gaps.
    pub sequence: i64,
    /// When, in UTC microseconds.
    pub at: i64,
    /// Through whom: `person:ana`, `agent:mcp`, `system`.
    pub actor: String,
    /// What: `proposal.vote_cast`, `person.set`, `login.failed`, ….
    pub action: String,
    /// Of what: `P-7`, `person:ana`.
    pub subject: String,
    /// The whole of it.
    pub payload: Value,
    /// Hash of the entry before.
    pub previous: String,
    /// Hash of this entry.
    pub hash: String,
}

/// Where the log ends. Text form: `42:<64 hex digits>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Sequence number of the last entry; 0 for an empty log.
    pub sequence: i64,
    /// Its hash.
    pub hash: String,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Entries that are as they were written.
    pub entries: i64,
    /// Where the log ends now.
    pub head: Head,
    /// The first thing that is wrong.
    pub fault: Option<AuditFault>,
}

/// What is wrong with the log, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum AuditFault {
    /// A number is missing, or out of order.
    #[error("audit entry {expected} is missing; entry {found} comes next")]
    Missing {
        /// The number that should come.
        expected: i64,
        /// The number that does.
        found: i64,
    },
    /// The content is not what was hashed.
    #[error("audit entry {sequence} was changed after it was written")]
    Changed {
        /// Which.
        sequence: i64,
    },
    /// The entry belongs to another past.
    #[error("audit entry {sequence} does not follow the entry before it")]
    Unlinked {
        /// Which.
        sequence: i64,
    },
    /// The log ends before the head that it had.
    #[error("audit log ends at entry {found}; it once ended at {expected}")]
    Truncated {
        /// Sequence number of the known head.
        expected: i64,
        /// Where it ends now.
        found: i64,
    },
    /// The log has another entry where the known head was.
    #[error("audit entry {sequence} is not the one whose hash was recorded")]
    Replaced {
        /// Which.
        sequence: i64,
    },
}

impl AuditFault {
    /// The first sequence number that cannot be trusted.
    pub fn sequence(&self) -> i64 {
        match self {
            Self::Missing { expected, .. } => *expected,
            Self::Changed { sequence }
            | Self::Unlinked { sequence }
            | Self::Replaced { sequence } => *sequence,
            Self::Truncated { found, .. } => found.saturating_add(1),
        }
    }
}

/// A transaction that writes to the log. Only one is under way at a time, over all processes: what it
/// reads cannot change before it commits. Dropped without [`Journal::commit`], it leaves nothing.
#[derive(Debug)]
pub struct Journal {
    transaction: Transaction<'static, Any>,
    head: Head,
}

impl Journal {
    /// Begins, and waits until no other journal is under way.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`], also when the wait takes too long.
    pub async fn begin(database: &Database) -> Result<Self, StoreError> {
        let mut transaction = database.pool().begin().await?;
        // The first statement writes: SQLite then takes its write lock before it reads anything, and
        // PostgreSQL locks the row and sees what the last holder committed.
        let rows = sqlx::query(
            "update audit_head set sequence = sequence where name = 'audit' \
             returning sequence, hash",
        )
        .fetch_all(&mut *transaction)
        .await?;
        let head = head_of(rows.first())?;
        Ok(Self { transaction, head })
    }

    /// Appends one entry.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] when the payload has no canonical form, [`StoreError::Database`].
    pub async fn append(
        &mut self,
        at: Timestamp,
        actor: &str,
        action: &str,
        subject: &str,
        payload: &impl Serialize,
    ) -> Result<&Head, StoreError> {
        let payload = serde_json::to_value(payload).map_err(|error| unwritable(subject, error))?;
        let mut entry = AuditEntry {
            sequence: self.head.sequence.saturating_add(1),
            at: at.as_microsecond(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            payload,
            previous: self.head.hash.clone(),
            hash: String::new(),
        };
        entry.hash = entry.computed_hash()?;
        let payload = canonical_json(&entry.payload).map_err(|error| unwritable(subject, error))?;
        sqlx::query(
            "insert into audit_entry \
             (sequence, at, actor, action, subject, payload, previous, hash) \
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(entry.sequence)
        .bind(entry.at)
        .bind(entry.actor)
        .bind(entry.action)
        .bind(entry.subject)
        .bind(payload)
        .bind(entry.previous)
        .bind(entry.hash.clone())
        .execute(&mut *self.transaction)
        .await?;
        self.head = Head { sequence: entry.sequence, hash: entry.hash };
        Ok(&self.head)
    }

    /// Makes everything since [`Journal::begin`] durable, at once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`]; nothing has happened then.
    pub async fn commit(mut self) -> Result<Head, StoreError> {
        sqlx::query("update audit_head set sequence = $1, hash = $2 where name = 'audit'")
            .bind(self.head.sequence)
            .bind(self.head.hash.clone())
            .execute(&mut *self.transaction)
            .await?;
        self.transaction.commit().await?;
        Ok(self.head)
    }

    /// Where the log will end.
    pub fn head(&self) -> &Head {
        &self.head
    }

    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
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

/// Reads the whole log and checks every entry, its links, and the ends: the recorded one, and
/// `published` where one is given.
///
/// # Errors
///
/// [`StoreError::Database`]. What is wrong with the log is no error but the result.
pub async fn verify(
    database: &Database,
    published: Option<&Head>,
) -> Result<Verification, StoreError> {
    // The end first: what is appended meanwhile is checked too, but not missed.
    let recorded = head(database).await?;
    let mut last = Head { sequence: 0, hash: GENESIS.to_owned() };
    let known: Vec<&Head> = published.into_iter().chain([&recorded]).collect();
    let mut fault = None;
    'pages: loop {
        let page = page(database, last.sequence).await?;
        if page.is_empty() {
            break;
        }
        for row in &page {
            fault = fault_of(row, &last, &known)?;
            if fault.is_some() {
                break 'pages;
            }
            last = Head { sequence: row.try_get("sequence")?, hash: row.try_get("hash")? };
        }
    }
    let expected = known.iter().map(|head| head.sequence).max().unwrap_or(0);
    if fault.is_none() && last.sequence < expected {
        fault = Some(AuditFault::Truncated { expected, found: last.sequence });
    }
    Ok(Verification { entries: last.sequence, head: last, fault })
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
    page(database, sequence).await?.iter().map(AuditEntry::from_row).collect()
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
    let query = select_entries!("where action = $1 order by sequence");
    let rows = sqlx::query(query).bind(action).fetch_all(database.pool()).await?;
    rows.iter().map(AuditEntry::from_row).collect()
}

async fn page(database: &Database, after: i64) -> Result<Vec<AnyRow>, StoreError> {
    let query = select_entries!("where sequence > $1 order by sequence limit $2");
    Ok(sqlx::query(query).bind(after).bind(PAGE).fetch_all(database.pool()).await?)
}

fn fault_of(row: &AnyRow, last: &Head, known: &[&Head]) -> Result<Option<AuditFault>, StoreError> {
    let expected = last.sequence.saturating_add(1);
    let sequence: i64 = row.try_get("sequence")?;
    if sequence != expected {
        return Ok(Some(AuditFault::Missing { expected, found: sequence }));
    }
    if row.try_get::<String, _>("previous").ok().as_ref() != Some(&last.hash) {
        return Ok(Some(AuditFault::Unlinked { sequence }));
    }
    let Ok(entry) = AuditEntry::from_row(row) else {
        return Ok(Some(AuditFault::Changed { sequence }));
    };
    let is_replaced = known.iter().any(|head| head.sequence == sequence && head.hash != entry.hash);
    Ok(is_replaced.then_some(AuditFault::Replaced { sequence }))
}

fn head_of(row: Option<&AnyRow>) -> Result<Head, StoreError> {
    let row = row.ok_or_else(|| StoreError::Corrupt {
        what: "audit head",
        id: "audit".to_owned(),
        reason: "it is missing".to_owned(),
    })?;
    Ok(Head { sequence: row.try_get("sequence")?, hash: row.try_get("hash")? })
}

fn unwritable(subject: &str, error: impl fmt::Display) -> StoreError {
    StoreError::Corrupt {
        what: "audit entry of",
        id: subject.to_owned(),
        reason: error.to_string(),
    }
}

impl AuditEntry {
    /// Reads a row, and checks that its content is what was hashed.
    pub(crate) fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        let sequence: i64 = row.try_get("sequence")?;
        let corrupt = |reason: &str| StoreError::Corrupt {
            what: "audit entry",
            id: sequence.to_string(),
            reason: reason.to_owned(),
        };
        let text: String = row.try_get("payload")?;
        let payload: Value =
            serde_json::from_str(&text).map_err(|_| corrupt("its payload is not JSON"))?;
        // Only the canonical text was ever written: a duplicate key or a space is an edit.
        if canonical_json(&payload).ok().as_deref() != Some(text.as_str()) {
            return Err(corrupt("its payload was changed"));
        }
        let entry = Self {
            sequence,
            at: row.try_get("at")?,
            actor: row.try_get("actor")?,
            action: row.try_get("action")?,
            subject: row.try_get("subject")?,
            payload,
            previous: row.try_get("previous")?,
            hash: row.try_get("hash")?,
        };
        if entry.computed_hash()? == entry.hash {
            Ok(entry)
        } else {
            Err(corrupt("it was changed after it was written"))
        }
    }

    /// `SHA-256(previous || canonical(entry))` in lowercase hex.
    fn computed_hash(&self) -> Result<String, StoreError> {
        let Self { sequence, at, actor, action, subject, payload, previous, .. } = self;
        let content = serde_json::json!({
            "sequence": sequence,
            "at": at,
            "actor": actor,
            "action": action,
            "subject": subject,
            "payload": payload,
        });
        let text = canonical_json(&content).map_err(|error| unwritable(subject, error))?;
        Ok(sha256_hex(format!("{previous}{text}").as_bytes()))
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequence, self.hash)
    }
}

impl FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.trim()
            .split_once(':')
            .and_then(|(sequence, hash)| Some((sequence.parse().ok()?, hash.to_ascii_lowercase())))
            .filter(|(sequence, hash)| {
                *sequence >= 0 && hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit())
            })
            .map(|(sequence, hash)| Self { sequence, hash })
            .ok_or_else(|| {
                let shown: String =
                    text.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect();
                format!("`{shown}` is not an audit head such as `42:9f3c…` (64 hex digits)")
            })
    }
}
