//! What a chat has been told, and what it has told us: messages, requests that were looked at, reminders
//! that somebody put off. None of it decides anything.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::proposal::ProposalId;
use jiff::{SignedDuration, Timestamp};
use sqlx::{Row as _, any::AnyRow};

use crate::{Database, StoreError, database::instant};

/// How long a request is remembered: longer than any sender sends it again.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(48);

/// A message that was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// What it is about: `proposal:P-7`.
    pub key: String,
    /// Where it is.
    pub channel: String,
    /// Its name there.
    pub ts: String,
    /// Digest of what it shows.
    pub shown: String,
}

/// A message that is to be posted by whoever holds this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intent {
    /// When it was first about to be posted.
    pub since: Timestamp,
    /// Somebody before may have posted it, and did not come to say so.
    pub is_retry: bool,
}

/// Keeps that a request came; says whether it is the first time.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn first_time(
    database: &Database,
    key: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let forgotten = now.checked_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
    sqlx::query("delete from chat_seen where seen_at < $1")
        .bind(forgotten.as_microsecond())
        .execute(database.pool())
        .await?;
    let kept = sqlx::query(
        "insert into chat_seen (key, seen_at) values ($1, $2) on conflict (key) do nothing",
    )
    .bind(key.to_owned())
    .bind(now.as_microsecond())
    .execute(database.pool())
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// Takes hold of a message that is to be posted, for as long as `lease`; `None` when it was posted, or
/// somebody else holds it. Of those who ask at the same time, one gets it.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn intend(
    database: &Database,
    key: &str,
    channel: &str,
    now: Timestamp,
    lease: SignedDuration,
) -> Result<Option<Intent>, StoreError> {
    let until = now.checked_add(lease).unwrap_or(Timestamp::MAX).as_microsecond();
    let new = sqlx::query(
        "insert into chat_message (key, channel, ts, shown, intended_at, claimed_until) \
         values ($1, $2, '', '', $3, $4) on conflict (key) do nothing",
    )
    .bind(key.to_owned())
    .bind(channel.to_owned())
    .bind(now.as_microsecond())
    .bind(until)
    .execute(database.pool())
    .await?;
    if new.rows_affected() == 1 {
        return Ok(Some(Intent { since: now, is_retry: false }));
    }
    let rows = sqlx::query(
        "update chat_message set claimed_until = $1, channel = $2 \
         where key = $3 and ts = '' and claimed_until <= $4 returning intended_at",
    )
    .bind(until)
    .bind(channel.to_owned())
    .bind(key.to_owned())
    .bind(now.as_microsecond())
    .fetch_all(database.pool())
    .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Intent { since: instant(row.try_get("intended_at")?), is_retry: true }))
}

/// Gives an intent up: the message was surely not posted.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn give_up(database: &Database, key: &str) -> Result<(), StoreError> {
    sqlx::query("delete from chat_message where key = $1 and ts = ''")
        .bind(key.to_owned())
        .execute(database.pool())
        .await?;
    Ok(())
}

/// Keeps where a message is and what it shows.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn posted(database: &Database, message: &ChatMessage) -> Result<(), StoreError> {
    sqlx::query("update chat_message set channel = $1, ts = $2, shown = $3 where key = $4")
        .bind(message.channel.clone())
        .bind(message.ts.clone())
        .bind(message.shown.clone())
        .bind(message.key.clone())
        .execute(database.pool())
        .await?;
    Ok(())
}

/// Forgets where a message is: it is gone from the chat.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn gone(database: &Database, key: &str) -> Result<(), StoreError> {
    sqlx::query("delete from chat_message where key = $1")
        .bind(key.to_owned())
        .execute(database.pool())
        .await?;
    Ok(())
}

/// The message about something, once it was posted.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn message(database: &Database, key: &str) -> Result<Option<ChatMessage>, StoreError> {
    let rows =
        sqlx::query("select key, channel, ts, shown from chat_message where key = $1 and ts <> ''")
            .bind(key.to_owned())
            .fetch_all(database.pool())
            .await?;
    rows.first().map(message_from).transpose()
}

fn message_from(row: &AnyRow) -> Result<ChatMessage, StoreError> {
    Ok(ChatMessage {
        key: row.try_get("key")?,
        channel: row.try_get("channel")?,
        ts: row.try_get("ts")?,
        shown: row.try_get("shown")?,
    })
}

/// Every message that was posted, by what it is about.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn messages(database: &Database) -> Result<BTreeMap<String, ChatMessage>, StoreError> {
    let rows = sqlx::query("select key, channel, ts, shown from chat_message where ts <> ''")
        .fetch_all(database.pool())
        .await?;
    rows.iter()
        .map(|row| {
            let message = message_from(row)?;
            Ok((message.key.clone(), message))
        })
        .collect()
}

/// Puts reminders of a proposal off, for one person.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn snooze(
    database: &Database,
    person: &str,
    proposal: ProposalId,
    until: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into snooze (person, proposal, until_at) values ($1, $2, $3) \
         on conflict (person, proposal) do update set until_at = excluded.until_at",
    )
    .bind(person.to_owned())
    .bind(proposal.to_string())
    .bind(until.as_microsecond())
    .execute(database.pool())
    .await?;
    Ok(())
}

/// Who is not to be reminded of what now.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn snoozed(
    database: &Database,
    now: Timestamp,
) -> Result<BTreeSet<(String, String)>, StoreError> {
    let rows = sqlx::query("select person, proposal from snooze where until_at > $1")
        .bind(now.as_microsecond())
        .fetch_all(database.pool())
        .await?;
    rows.iter().map(|row| Ok((row.try_get("person")?, row.try_get("proposal")?))).collect()
}
