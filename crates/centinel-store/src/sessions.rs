//! Sessions of people, and codes that were used.
//!
//! A session is what the audit log says of it under the digest of its secret: when it began, for whom,
//! when the person proved themselves again, when it ended. A row put into the database begins none. It
//! ends as well with every later change of its account or credentials, and with the link of the account
//! outside that it began with.

use centinel_engine::proposal::Principal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, Row as _};

use crate::{
    Database, Journal, StoreError,
    audit::{believed, select_entries},
    links,
    links::OutsideAccount,
    people,
};

const BEGUN: &str = "session.begun";
const CONFIRMED: &str = "session.confirmed";
const LINK_BEGUN: &str = "session.link_begun";
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
    /// The account of an identity provider that it began with; `None` for a password.
    pub through: Option<OutsideAccount>,
    /// It was ended, or the account, its credentials, or its link to the identity provider changed since
    /// it began.
    pub is_over: bool,
}

/// How a session begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Beginning {
    /// A second factor was proved.
    pub has_second_factor: bool,
    /// The account of an identity provider that it begins with; `None` for a password.
    pub through: Option<OutsideAccount>,
    /// When the person proved themselves to that provider, where it says so. With a password that is now.
    pub proved_at: Option<Timestamp>,
}

/// What the log keeps of a beginning.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begun {
    person: String,
    has_second_factor: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    through: Option<OutsideAccount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proved_at: Option<Timestamp>,
}

/// What the log keeps of a session that is to be linked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkBegun {
    pending: String,
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
    beginning: Beginning,
    now: Timestamp,
) -> Result<(), StoreError> {
    let actor = Principal::person(person).to_string();
    let Beginning { has_second_factor, through, proved_at } = beginning;
    let begun = Begun { person: person.to_owned(), has_second_factor, through, proved_at };
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

/// Notes that a session's person wants an account of an identity provider linked to theirs, by the
/// sign-in of this digest.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn begin_link(
    journal: &mut Journal,
    digest: &str,
    person: &str,
    pending: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let actor = Principal::person(person).to_string();
    let begun = LinkBegun { pending: pending.to_owned() };
    journal.append(now, &actor, LINK_BEGUN, &subject(digest), &begun).await?;
    Ok(())
}

/// Whether the log says that a session's person began to link by the sign-in of this digest. A row that
/// says so is not enough: whoever can write one would link their own account to somebody's session.
///
/// # Errors
///
/// [`StoreError::Corrupt`] when the log's entries are not as they were written.
pub async fn has_begun_link(
    journal: &mut Journal,
    digest: &str,
    pending: &str,
) -> Result<bool, StoreError> {
    let connection = journal.connection();
    let rows = sqlx::query(select_entries!("where subject = $1 and action = $2 order by sequence"))
        .bind(subject(digest))
        .bind(LINK_BEGUN)
        .fetch_all(&mut *connection)
        .await?;
    for entry in believed(connection, rows.iter()).await? {
        let begun: LinkBegun = people::read(entry)?;
        if begun.pending == pending {
            return Ok(true);
        }
    }
    Ok(false)
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
                let Begun { person, has_second_factor, through, proved_at } = people::read(entry)?;
                // A provider may let in whom it remembers of yesterday.
                let confirmed_at = match &through {
                    Some(_) => proved_at.unwrap_or(Timestamp::UNIX_EPOCH).min(at),
                    None => at,
                };
                let session = SessionRow {
                    person,
                    has_second_factor,
                    begun_at: at,
                    confirmed_at,
                    used_at: at,
                    through,
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
    if let Some(account) = &session.through {
        let link = links::state_in(connection, account).await?.link;
        // One that was taken away and made again is another one.
        session.is_over |= !link.is_some_and(|link| {
            link.person == session.person && link.linked_at <= session.begun_at
        });
    }
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
