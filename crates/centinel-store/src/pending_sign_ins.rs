//! Sign-ins through an identity provider that are under way.
//!
//! A row is a reminder and proves nothing: whoever finishes holds the secret that it is the digest of,
//! and what a session is to be linked to was announced in the log.

use jiff::Timestamp;
use sqlx::Row as _;

use crate::{Journal, StoreError, database::instant};

/// Most that are kept: of more, the oldest are forgotten.
const KEPT_MAX: i64 = 1_000;

/// A sign-in that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingSignIn {
    /// Digest of what the browser keeps.
    pub digest: String,
    /// The provider's name.
    pub provider: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Where the browser goes then, within our own pages.
    pub goes_to: String,
    /// When it began.
    pub begun_at: Timestamp,
}

/// What a sign-in is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// A session.
    SignIn,
    /// A fresh proof, in the session of this digest.
    ProveAgain(String),
    /// To link the person of the session of this digest.
    Link(String),
}

impl Purpose {
    fn columns(&self) -> (&'static str, &str) {
        match self {
            Self::SignIn => ("sign_in", ""),
            Self::ProveAgain(session) => ("prove_again", session),
            Self::Link(session) => ("link", session),
        }
    }

    fn read(name: &str, session: String) -> Option<Self> {
        Some(match name {
            "sign_in" => Self::SignIn,
            "prove_again" => Self::ProveAgain(session),
            "link" => Self::Link(session),
            _ => return None,
        })
    }
}

/// Keeps one, and forgets those that began before an instant.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn keep(
    journal: &mut Journal,
    pending: &PendingSignIn,
    forgotten_before: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "delete from pending_sign_in where begun_at < $1 or digest in \
         (select digest from pending_sign_in order by begun_at desc, digest limit 10000 offset $2)",
    )
    .bind(forgotten_before.as_microsecond())
    .bind(KEPT_MAX - 1)
    .execute(journal.connection())
    .await?;
    let (purpose, session) = pending.purpose.columns();
    sqlx::query(
        "insert into pending_sign_in (digest, provider, purpose, session, goes_to, begun_at) \
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(pending.digest.clone())
    .bind(pending.provider.clone())
    .bind(purpose)
    .bind(session.to_owned())
    .bind(pending.goes_to.clone())
    .bind(pending.begun_at.as_microsecond())
    .execute(journal.connection())
    .await?;
    Ok(())
}

/// Takes one, so that nobody else can; `None` when there is none of this digest.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn take(
    journal: &mut Journal,
    digest: &str,
) -> Result<Option<PendingSignIn>, StoreError> {
    let rows = sqlx::query(
        "delete from pending_sign_in where digest = $1 \
         returning provider, purpose, session, goes_to, begun_at",
    )
    .bind(digest.to_owned())
    .fetch_all(journal.connection())
    .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (purpose, session): (String, String) = (row.try_get("purpose")?, row.try_get("session")?);
    // A purpose that nobody wrote is as good as no row.
    let Some(purpose) = Purpose::read(&purpose, session) else { return Ok(None) };
    Ok(Some(PendingSignIn {
        digest: digest.to_owned(),
        provider: row.try_get("provider")?,
        purpose,
        goes_to: row.try_get("goes_to")?,
        begun_at: instant(row.try_get("begun_at")?),
    }))
}
