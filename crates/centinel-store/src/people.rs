//! People, their credentials, and the service tokens of agents.
//!
//! Accounts are folded from the audit log, and a credential counts only while its digest is the one
//! that the log recorded last: a row edited in the database gives nobody a role or a password.

use std::collections::BTreeSet;

use centinel_engine::{
    facts::sha256_hex,
    proposal::{Directory, Person, Principal, Scope},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, Row as _};

use crate::{AuditEntry, Database, Journal, StoreError, audit::select_entries};

const SET_PERSON: &str = "person.set";
const SET_CREDENTIAL: &str = "credential.set";

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

/// A service token: what an agent shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceToken {
    /// Its name.
    pub name: String,
    /// What it may do. No scope decides.
    pub scopes: BTreeSet<Scope>,
    /// The account that it works for.
    pub acts_for: Option<String>,
}

impl ServiceToken {
    /// Who asks when this token does.
    pub fn principal(&self) -> Principal {
        Principal::Agent { token: self.name.clone(), acts_for: self.acts_for.clone() }
    }
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
    let roles: Vec<String> = person.roles.iter().map(ToString::to_string).collect();
    sqlx::query(
        "insert into person (name, human, roles, is_active, changed_at) \
         values ($1, $2, $3, $4, $5) on conflict (name) do update set human = excluded.human, \
         roles = excluded.roles, is_active = excluded.is_active, changed_at = excluded.changed_at",
    )
    .bind(person.name.clone())
    .bind(person.human.clone())
    .bind(roles.join(","))
    .bind(i64::from(person.active))
    .bind(at.as_microsecond())
    .execute(journal.connection())
    .await?;
    Ok(())
}

/// Sets what an account proves itself with: a password's hash, later a second factor's key.
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
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let secret: String = row.try_get("secret")?;
    let rows =
        sqlx::query(select_entries!("where subject = $1 and action = $2 order by sequence desc"))
            .bind(subject(person))
            .bind(SET_CREDENTIAL)
            .fetch_all(&mut *connection)
            .await?;
    for row in &rows {
        let set: CredentialSet = read(AuditEntry::from_row(row)?)?;
        if set.factor == factor {
            if set.digest == sha256_hex(secret.as_bytes()) {
                return Ok(Some(secret));
            }
            break;
        }
    }
    Err(StoreError::Corrupt {
        what: "credential of",
        id: person.to_owned(),
        reason: "it is not the one that the audit log recorded".to_owned(),
    })
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

/// Keeps a service token by its digest.
///
/// # Errors
///
/// [`StoreError::Conflict`] when the name is taken.
pub async fn add_token(
    journal: &mut Journal,
    actor: &Principal,
    token: &ServiceToken,
    secret_digest: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let scopes: Vec<String> = token.scopes.iter().map(ToString::to_string).collect();
    let added = sqlx::query(
        "insert into service_token (name, digest, scopes, acts_for, is_revoked) \
         values ($1, $2, $3, $4, 0) on conflict (name) do nothing",
    )
    .bind(token.name.clone())
    .bind(secret_digest.to_owned())
    .bind(scopes.join(","))
    .bind(token.acts_for.clone().unwrap_or_default())
    .execute(journal.connection())
    .await?;
    if added.rows_affected() != 1 {
        return Err(StoreError::Conflict { what: "service token", id: token.name.clone() });
    }
    let subject = format!("token:{}", token.name);
    journal.append(now, &actor.to_string(), "token.created", &subject, token).await?;
    Ok(())
}

/// Ends a service token; says whether there was one.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn revoke_token(
    journal: &mut Journal,
    actor: &Principal,
    name: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let revoked =
        sqlx::query("update service_token set is_revoked = 1 where name = $1 and is_revoked = 0")
            .bind(name.to_owned())
            .execute(journal.connection())
            .await?;
    if revoked.rows_affected() == 0 {
        return Ok(false);
    }
    let subject = format!("token:{name}");
    let payload = serde_json::json!({});
    journal.append(now, &actor.to_string(), "token.revoked", &subject, &payload).await?;
    Ok(true)
}

/// The token of a secret, by the secret's digest; `None` when there is none or it was revoked.
///
/// # Errors
///
/// [`StoreError::Corrupt`] when its row holds anything but the scopes of a token, a role above all.
pub async fn token(
    database: &Database,
    secret_digest: &str,
) -> Result<Option<ServiceToken>, StoreError> {
    let rows = sqlx::query(
        "select name, scopes, acts_for from service_token where digest = $1 and is_revoked = 0",
    )
    .bind(secret_digest.to_owned())
    .fetch_all(database.pool())
    .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let (name, scopes): (String, String) = (row.try_get("name")?, row.try_get("scopes")?);
    let scopes: Result<BTreeSet<Scope>, _> = scopes.split(',').map(str::parse).collect();
    let scopes = scopes.map_err(|error| StoreError::Corrupt {
        what: "service token",
        id: name.clone(),
        reason: error.to_string(),
    })?;
    let acts_for: String = row.try_get("acts_for")?;
    let acts_for = Some(acts_for).filter(|name| !name.is_empty());
    Ok(Some(ServiceToken { name, scopes, acts_for }))
}

async fn directory_from(connection: &mut AnyConnection) -> Result<Directory, StoreError> {
    let rows = sqlx::query(select_entries!("where action = $1 order by sequence"))
        .bind(SET_PERSON)
        .fetch_all(connection)
        .await?;
    let mut directory = Directory::default();
    for row in &rows {
        directory.insert(read(AuditEntry::from_row(row)?)?);
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

fn read<T: for<'de> Deserialize<'de>>(entry: AuditEntry) -> Result<T, StoreError> {
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
