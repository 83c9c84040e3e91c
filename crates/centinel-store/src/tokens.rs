//! Service tokens: what agents show.
//!
//! A token counts only as the audit log recorded it: a row put into the database, or changed there, is
//! none.

use std::collections::BTreeSet;

use centinel_engine::proposal::{Principal, Scope};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{Row as _, any::AnyRow};

use crate::{
    Database, Journal, StoreError,
    audit::{believed, select_entries},
    people::read,
};

const TOKEN_CREATED: &str = "token.created";
const TOKEN_REVOKED: &str = "token.revoked";

/// What a token's row holds, by digest: part of the log.
#[derive(Debug, Serialize, Deserialize)]
struct TokenCreated {
    #[serde(flatten)]
    token: ServiceToken,
    digest: String,
}

/// A service token: what an agent shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceToken {
    /// Its name.
    pub name: String,
    /// What it may do. No scope decides.
    pub scopes: BTreeSet<Scope>,
    /// The account that it works for.
    pub acts_for: Option<String>,
    /// From when on it is none any more; `None` for one that lasts until it is revoked.
    pub expires_at: Option<Timestamp>,
}

/// A token and whether it was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedToken {
    /// The token.
    #[serde(flatten)]
    pub token: ServiceToken,
    /// It was ended by an admin.
    pub is_revoked: bool,
}

impl ServiceToken {
    /// Who asks when this token does.
    pub fn principal(&self) -> Principal {
        Principal::Agent { token: self.name.clone(), acts_for: self.acts_for.clone() }
    }
}

/// Keeps a service token by its digest.
///
/// # Errors
///
/// [`StoreError::Conflict`] when the name is taken.
pub async fn add(
    journal: &mut Journal,
    actor: &Principal,
    token: &ServiceToken,
    secret_digest: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let scopes: Vec<String> = token.scopes.iter().map(ToString::to_string).collect();
    let added = sqlx::query(
        "insert into service_token (name, digest, scopes, acts_for, is_revoked, expires_at) \
         values ($1, $2, $3, $4, 0, $5) on conflict (name) do nothing",
    )
    .bind(token.name.clone())
    .bind(secret_digest.to_owned())
    .bind(scopes.join(","))
    .bind(token.acts_for.clone().unwrap_or_default())
    .bind(token.expires_at.map_or(0, Timestamp::as_microsecond))
    .execute(journal.connection())
    .await?;
    if added.rows_affected() != 1 {
        return Err(StoreError::Conflict { what: "service token", id: token.name.clone() });
    }
    let subject = format!("token:{}", token.name);
    let created = TokenCreated { token: token.clone(), digest: secret_digest.to_owned() };
    journal.append(now, &actor.to_string(), TOKEN_CREATED, &subject, &created).await?;
    Ok(())
}

/// Ends a service token; says whether there was one.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn revoke(
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
    journal.append(now, &actor.to_string(), TOKEN_REVOKED, &subject, &payload).await?;
    Ok(true)
}

/// The token of a secret, by the secret's digest; `None` when there is none or it was revoked.
///
/// # Errors
///
/// [`StoreError::Corrupt`] when its row holds anything but the scopes of a token, a role above all, or
/// is not the one that the log recorded.
pub async fn of_secret(
    database: &Database,
    secret_digest: &str,
) -> Result<Option<ServiceToken>, StoreError> {
    let rows = sqlx::query(
        "select name, digest, scopes, acts_for, is_revoked, expires_at from service_token \
         where digest = $1",
    )
    .bind(secret_digest.to_owned())
    .fetch_all(database.pool())
    .await?;
    in_force(database, rows.first()).await
}

/// A token by its name; `None` when there is none or it was revoked.
///
/// # Errors
///
/// As [`of_secret`].
pub async fn named(database: &Database, name: &str) -> Result<Option<ServiceToken>, StoreError> {
    let rows = sqlx::query(
        "select name, digest, scopes, acts_for, is_revoked, expires_at from service_token \
         where name = $1",
    )
    .bind(name.to_owned())
    .fetch_all(database.pool())
    .await?;
    in_force(database, rows.first()).await
}

/// Every token there ever was, by name.
///
/// # Errors
///
/// As [`of_secret`].
pub async fn all(database: &Database) -> Result<Vec<ListedToken>, StoreError> {
    let rows = sqlx::query(
        "select name, digest, scopes, acts_for, is_revoked, expires_at from service_token \
         order by name",
    )
    .fetch_all(database.pool())
    .await?;
    let listed = |row| {
        let token = token_from(row)?;
        let is_revoked = row.try_get::<i64, _>("is_revoked")? != 0;
        Ok(ListedToken { token, is_revoked })
    };
    rows.iter().map(listed).collect()
}

/// The token of a row, unless it was revoked; checked against the log.
async fn in_force(
    database: &Database,
    row: Option<&AnyRow>,
) -> Result<Option<ServiceToken>, StoreError> {
    let Some(row) = row else { return Ok(None) };
    let token = token_from(row)?;
    let digest: String = row.try_get("digest")?;
    let mut is_revoked = row.try_get::<i64, _>("is_revoked")? != 0;
    let mut connection = database.pool().acquire().await?;
    let rows = sqlx::query(select_entries!("where subject = $1 order by sequence"))
        .bind(format!("token:{}", token.name))
        .fetch_all(&mut *connection)
        .await?;
    let mut is_recorded = false;
    for entry in believed(&mut connection, rows.iter()).await? {
        match entry.action.as_str() {
            TOKEN_CREATED => {
                let created: TokenCreated = read(entry)?;
                is_recorded = created.token == token && created.digest == digest;
            }
            TOKEN_REVOKED => is_revoked = true,
            _ => {}
        }
    }
    if is_revoked {
        Ok(None)
    } else if is_recorded {
        Ok(Some(token))
    } else {
        let reason = "it is not the one that the audit log recorded".to_owned();
        Err(StoreError::Corrupt { what: "service token", id: token.name, reason })
    }
}

fn token_from(row: &AnyRow) -> Result<ServiceToken, StoreError> {
    let (name, scopes): (String, String) = (row.try_get("name")?, row.try_get("scopes")?);
    let scopes: Result<BTreeSet<Scope>, _> = scopes.split(',').map(str::parse).collect();
    let scopes = scopes.map_err(|error| StoreError::Corrupt {
        what: "service token",
        id: name.clone(),
        reason: error.to_string(),
    })?;
    let acts_for: String = row.try_get("acts_for")?;
    let acts_for = Some(acts_for).filter(|name| !name.is_empty());
    let expires_at: i64 = row.try_get("expires_at")?;
    let expires_at = Timestamp::from_microsecond(expires_at).ok().filter(|_| expires_at != 0);
    Ok(ServiceToken { name, scopes, acts_for, expires_at })
}
