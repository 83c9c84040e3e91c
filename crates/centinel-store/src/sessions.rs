//! Sessions of people, and codes that were used.
//!
//! A session is what the audit log says of it under the digest of its secret: when it began, for whom,
//! when the person proved themselves again, when it ended. A row put into the database begins none. It
//! ends as well with every later change of its account or credentials.

use centinel_engine::proposal::Principal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, Row as _};

use crate::{
    Database, Journal, StoreError,
    audit::{believed, select_entries},
    people,
};

const BEGUN: &str = "session.begun";
const CONFIRMED: &str = "session.confirmed";
const ENDED: &str = "session.ended";

/// A session as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Whose it is.
    pub person: String,
    /// A second factor was proved when it began.
    pub has_second_factor: bool,
    /// When it began.
    pub begun_at: Timestamp,
    /// When the person proved themselves last.
    pub confirmed_at: Timestamp,
    /// When it was last used.
    pub used_at: Timestamp,
    /// It was ended, or the account or its credentials changed since it began.
    pub is_over: bool,
}

/// What the log keeps of a beginning.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begun {
    person: String,
    has_second_factor: bool,
}

/// Begins a session.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn begin(
    journal: &mut Journal,
    digest: &str,
    person: &str,
    has_second_factor: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let actor = Principal::person(person).to_string();
    let begun = Begun { person: person.to_owned(), has_second_factor };
    journal.append(now, &actor, BEGUN, &subject(digest), &begun).await?;
    used(journal, digest, now).await
}

/// Notes that the person of a session proved themselves again.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn confirm(
    journal: &mut Journal,
    digest: &str,
    person: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let actor = Principal::person(person).to_string();
    let payload = serde_json::json!({});
    journal.append(now, &actor, CONFIRMED, &subject(digest), &payload).await?;
    used(journal, digest, now).await
}

/// Ends a session.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn end(
    journal: &mut Journal,
    digest: &str,
    person: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let actor = Principal::person(person).to_string();
    let payload = serde_json::json!({});
    journal.append(now, &actor, ENDED, &subject(digest), &payload).await?;
    Ok(())
}

/// Notes that a session is in use.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn used(journal: &mut Journal, digest: &str, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query(
        "insert into session_use (digest, used_at) values ($1, $2) \
         on conflict (digest) do update set used_at = excluded.used_at",
    )
    .bind(digest.to_owned())
    .bind(now.as_microsecond())
    .execute(journal.connection())
    .await?;
    Ok(())
}

/// A session by the digest of its secret.
///
/// # Errors
///
/// [`StoreError::Corrupt`] when the log's entries are not as they were written.
pub async fn find(database: &Database, digest: &str) -> Result<Option<SessionRow>, StoreError> {
    find_in(&mut *database.pool().acquire().await?, digest).await
}

/// As [`find`], as no other process can change it before the journal ends.
///
/// # Errors
///
/// As [`find`].
pub async fn find_locked(
    journal: &mut Journal,
    digest: &str,
) -> Result<Option<SessionRow>, StoreError> {
    find_in(journal.connection(), digest).await
}

/// Keeps that a person's code of a step of time was used; says whether it was the first time.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn use_code(journal: &mut Journal, person: &str, step: i64) -> Result<bool, StoreError> {
    let kept = sqlx::query(
        "insert into used_code (person, step) values ($1, $2) on conflict (person, step) do nothing",
    )
    .bind(person.to_owned())
    .bind(step)
    .execute(journal.connection())
    .await?;
    Ok(kept.rows_affected() == 1)
}

async fn find_in(
    connection: &mut AnyConnection,
    digest: &str,
) -> Result<Option<SessionRow>, StoreError> {
    let rows = sqlx::query(select_entries!("where subject = $1 order by sequence"))
        .bind(subject(digest))
        .fetch_all(&mut *connection)
        .await?;
    let mut found: Option<(SessionRow, i64)> = None;
    for entry in believed(connection, rows.iter()).await? {
        let at = Timestamp::from_microsecond(entry.at).unwrap_or(Timestamp::UNIX_EPOCH);
        match (entry.action.as_str(), &mut found) {
            (BEGUN, None) => {
                let sequence = entry.sequence;
                let Begun { person, has_second_factor } = people::read(entry)?;
                let session = SessionRow {
                    person,
                    has_second_factor,
                    begun_at: at,
                    confirmed_at: at,
                    used_at: at,
                    is_over: false,
                };
                found = Some((session, sequence));
            }
            (CONFIRMED, Some((session, _))) => session.confirmed_at = at,
            (ENDED, Some((session, _))) => session.is_over = true,
            _ => {}
        }
    }
    let Some((mut session, sequence)) = found else { return Ok(None) };
    session.is_over |= people::changed_after(connection, &session.person, sequence).await?;
    let rows = sqlx::query("select used_at from session_use where digest = $1")
        .bind(digest.to_owned())
        .fetch_all(connection)
        .await?;
    if let Some(row) = rows.first() {
        let used_at = Timestamp::from_microsecond(row.try_get("used_at")?);
        session.used_at = used_at.unwrap_or(session.begun_at).max(session.begun_at);
    }
    Ok(Some(session))
}

fn subject(digest: &str) -> String {
    format!("session:{digest}")
}
