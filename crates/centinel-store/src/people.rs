//! People and their credentials.
//!
//! Accounts are folded from the audit log, and a credential counts only while its digest is the one
//! that the log recorded last: a row edited in the database gives nobody a role or a password.

use std::collections::BTreeMap;

use centinel_engine::{
    facts::sha256_hex,
    proposal::{Directory, Person, Principal},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, Row as _};

use crate::{
    AuditEntry, Database, Journal, StoreError,
    audit::{self, believed, select_entries},
    tokens,
};

const SET_PERSON: &str = "person.set";
const SET_CREDENTIAL: &str = "credential.set";

/// The factor of codes that stand in for a lost second one.
pub const RECOVERY: &str = "recovery";

/// How many failures lock an account, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockRule {
    /// Failures in a row that lock.
    pub failures_max: u32,
    /// How long nothing is tried then.
    pub lasts: SignedDuration,
}

/// What a credential row holds, by digest: part of the log.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialSet {
    factor: String,
    digest: String,
}

/// All accounts.
///
/// # Errors
///
/// [`StoreError::Corrupt`] when the log's entries are not as they were written.
pub async fn directory(database: &Database) -> Result<Directory, StoreError> {
    directory_from(&mut *database.pool().acquire().await?).await
}

/// All accounts, as no other process can change them before the journal ends.
///
/// # Errors
///
/// As [`directory`].
pub async fn directory_locked(journal: &mut Journal) -> Result<Directory, StoreError> {
    directory_from(journal.connection()).await
}

/// Creates or changes an account.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn set_person(
    journal: &mut Journal,
    actor: &Principal,
    person: &Person,
) -> Result<(), StoreError> {
    let at = person.changed_at;
    journal.append(at, &actor.to_string(), SET_PERSON, &subject(&person.name), person).await?;
    let mut columns = audit::person_columns(person);
    sqlx::query(
        "insert into person (name, human, roles, is_active, changed_at) \
         values ($1, $2, $3, $4, $5) on conflict (name) do update set human = excluded.human, \
         roles = excluded.roles, is_active = excluded.is_active, changed_at = excluded.changed_at",
    )
    .bind(person.name.clone())
    .bind(person.human.clone())
    .bind(columns.remove("roles").unwrap_or_default())
    .bind(i64::from(person.active))
    .bind(at.as_microsecond())
    .execute(journal.connection())
    .await?;
    Ok(())
}

/// Sets what an account proves itself with: a password's hash, a second factor's key. An empty secret
/// takes the factor away.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn set_credential(
    journal: &mut Journal,
    actor: &Principal,
    person: &str,
    factor: &str,
    secret: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let set = CredentialSet { factor: factor.to_owned(), digest: sha256_hex(secret.as_bytes()) };
    journal.append(now, &actor.to_string(), SET_CREDENTIAL, &subject(person), &set).await?;
    sqlx::query(
        "insert into credential (person, factor, secret) values ($1, $2, $3) \
         on conflict (person, factor) do update set secret = excluded.secret",
    )
    .bind(person.to_owned())
    .bind(factor.to_owned())
    .bind(secret.to_owned())
    .execute(journal.connection())
    .await?;
    Ok(())
}

/// What an account proves itself with; `None` when it has nothing of the sort.
///
/// # Errors
///
/// [`StoreError::Corrupt`] when the row is not the one that the log recorded.
pub async fn credential(
    database: &Database,
    person: &str,
    factor: &str,
) -> Result<Option<String>, StoreError> {
    credential_from(&mut *database.pool().acquire().await?, person, factor).await
}

/// As [`credential`], as no other process can change it before the journal ends.
///
/// # Errors
///
/// As [`credential`].
pub async fn credential_locked(
    journal: &mut Journal,
    person: &str,
    factor: &str,
) -> Result<Option<String>, StoreError> {
    credential_from(journal.connection(), person, factor).await
}

async fn credential_from(
    connection: &mut AnyConnection,
    person: &str,
    factor: &str,
) -> Result<Option<String>, StoreError> {
    let rows = sqlx::query("select secret from credential where person = $1 and factor = $2")
        .bind(person.to_owned())
        .bind(factor.to_owned())
        .fetch_all(&mut *connection)
        .await?;
    let secret: Option<String> = rows.first().map(|row| row.try_get("secret")).transpose()?;
    let rows =
        sqlx::query(select_entries!("where subject = $1 and action = $2 order by sequence desc"))
            .bind(subject(person))
            .bind(SET_CREDENTIAL)
            .fetch_all(&mut *connection)
            .await?;
    for entry in believed(connection, rows.iter()).await? {
        let set: CredentialSet = read(entry)?;
        if set.factor == factor {
            // A row that is gone is as wrong as another one: without it a factor would not be asked for.
            match &secret {
                Some(kept) if set.digest == sha256_hex(kept.as_bytes()) => {
                    return Ok(secret.filter(|kept| !kept.is_empty()));
                }
                _ => return Err(changed_credential(person)),
            }
        }
    }
    match secret {
        Some(_) => Err(changed_credential(person)),
        None => Ok(None),
    }
}

fn changed_credential(person: &str) -> StoreError {
    StoreError::Corrupt {
        what: "credential of",
        id: person.to_owned(),
        reason: "it is not the one that the audit log recorded".to_owned(),
    }
}

/// Whether an account or what it proves itself with changed after an entry of the log. Spent recovery
/// codes are no change.
pub(crate) async fn changed_after(
    connection: &mut AnyConnection,
    person: &str,
    sequence: i64,
) -> Result<bool, StoreError> {
    let rows =
        sqlx::query(select_entries!("where subject = $1 and sequence > $2 order by sequence"))
            .bind(subject(person))
            .bind(sequence)
            .fetch_all(&mut *connection)
            .await?;
    for entry in believed(connection, rows.iter()).await? {
        match entry.action.as_str() {
            SET_PERSON => return Ok(true),
            SET_CREDENTIAL => {
                let set: CredentialSet = read(entry)?;
                if set.factor != RECOVERY {
                    return Ok(true);
                }
            }
            _ => {}
        }
    }
    Ok(false)
}

/// Whether an account was ended after an entry of the log, even if it is active again.
pub(crate) async fn ended_after(
    connection: &mut AnyConnection,
    person: &str,
    sequence: i64,
) -> Result<bool, StoreError> {
    let rows = sqlx::query(select_entries!(
        "where subject = $1 and action = $2 and sequence > $3 order by sequence"
    ))
    .bind(subject(person))
    .bind(SET_PERSON)
    .bind(sequence)
    .fetch_all(&mut *connection)
    .await?;
    for entry in believed(connection, rows.iter()).await? {
        let person: Person = read(entry)?;
        if !person.active {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Until when no attempt of an account is looked at; `None` when they are.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn locked_until(
    database: &Database,
    person: &str,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let (_, until) = failures(&mut *database.pool().acquire().await?, person).await?;
    Ok(until.filter(|&until| now < until))
}

/// Counts one attempt of an account: `Ok` with whether it counts as a success, or `Err` with the end of
/// the lock that it ran into.
///
/// Attempts are counted one after the other, over all processes. In a lock nothing succeeds, so that
/// of many guesses at the same time only the first few tell anything.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn record_attempt(
    journal: &mut Journal,
    person: &str,
    succeeded: bool,
    rule: LockRule,
    now: Timestamp,
) -> Result<Result<bool, Timestamp>, StoreError> {
    let (count, until) = failures(journal.connection(), person).await?;
    if let Some(until) = until.filter(|&until| now < until) {
        return Ok(Err(until));
    }
    if succeeded && count == 0 {
        return Ok(Ok(true));
    }
    let count =
        if succeeded || until.is_some() { i64::from(!succeeded) } else { count.saturating_add(1) };
    let is_locked = count >= i64::from(rule.failures_max);
    let until = if is_locked { now.checked_add(rule.lasts).unwrap_or(Timestamp::MAX) } else { now };
    sqlx::query(
        "insert into login_failure (person, failures, locked_until) values ($1, $2, $3) \
         on conflict (person) do update set failures = excluded.failures, \
         locked_until = excluded.locked_until",
    )
    .bind(person.to_owned())
    .bind(count)
    .bind(if is_locked { until.as_microsecond() } else { 0 })
    .execute(journal.connection())
    .await?;
    if !succeeded {
        let action = if is_locked { "login.locked" } else { "login.failed" };
        let payload = serde_json::json!({ "failures": count });
        journal.append(now, "system", action, &subject(person), &payload).await?;
    }
    Ok(Ok(succeeded))
}

/// The table, the row's key, and columns.
pub(crate) type Put = (&'static str, String, BTreeMap<&'static str, String>);

/// What an entry puts into a table.
pub(crate) fn projected(entry: AuditEntry) -> Result<Option<Put>, StoreError> {
    let named = |prefix: &str| entry.subject.strip_prefix(prefix).map(str::to_owned);
    Ok(match entry.action.as_str() {
        SET_PERSON => {
            let person: Person = read(entry)?;
            Some(("person", person.name.clone(), audit::person_columns(&person)))
        }
        SET_CREDENTIAL => {
            let person = named("person:").unwrap_or_default();
            let set: CredentialSet = read(entry)?;
            let key = format!("{person}/{}", set.factor);
            let columns = [("person", person), ("factor", set.factor), ("secret", set.digest)];
            Some(("credential", key, columns.into()))
        }
        "token.created" => {
            let token: tokens::ServiceToken = read(entry)?;
            let scopes: Vec<String> = token.scopes.iter().map(ToString::to_string).collect();
            let columns = [
                ("name", token.name.clone()),
                ("scopes", scopes.join(",")),
                ("acts_for", token.acts_for.unwrap_or_default()),
                ("is_revoked", "0".to_owned()),
            ];
            Some(("service_token", token.name, columns.into()))
        }
        "token.revoked" => {
            let columns = BTreeMap::from([("is_revoked", "1".to_owned())]);
            named("token:").map(|name| ("service_token", name, columns))
        }
        _ => None,
    })
}

async fn directory_from(connection: &mut AnyConnection) -> Result<Directory, StoreError> {
    let mut directory = Directory::default();
    for entry in audit::believed_of_action(connection, SET_PERSON).await? {
        directory.insert(read(entry)?);
    }
    Ok(directory)
}

/// Failures so far, and the end of the last lock.
async fn failures(
    connection: &mut AnyConnection,
    person: &str,
) -> Result<(i64, Option<Timestamp>), StoreError> {
    let rows = sqlx::query("select failures, locked_until from login_failure where person = $1")
        .bind(person.to_owned())
        .fetch_all(connection)
        .await?;
    let Some(row) = rows.first() else {
        return Ok((0, None));
    };
    let until: i64 = row.try_get("locked_until")?;
    let until = Timestamp::from_microsecond(until).ok().filter(|_| until > 0);
    Ok((row.try_get("failures")?, until))
}

pub(crate) fn read<T: for<'de> Deserialize<'de>>(entry: AuditEntry) -> Result<T, StoreError> {
    let AuditEntry { sequence, payload, .. } = entry;
    serde_json::from_value(payload).map_err(|error| StoreError::Corrupt {
        what: "audit entry",
        id: sequence.to_string(),
        reason: error.to_string(),
    })
}

fn subject(person: &str) -> String {
    format!("person:{person}")
}
