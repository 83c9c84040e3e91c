//! Evidence: bundles as canonical JSON under their digest.

use centinel_engine::facts::{Bundle, sha256_hex};
use jiff::Timestamp;
use sqlx::Row as _;

use crate::{Database, Journal, StoreError};

/// Keeps a bundle and returns its digest; keeping it twice is keeping it once.
///
/// # Errors
///
/// [`StoreError::Corrupt`] when it has no canonical form, [`StoreError::Database`].
pub async fn put(
    database: &Database,
    bundle: &Bundle,
    now: Timestamp,
) -> Result<String, StoreError> {
    let text =
        bundle.to_canonical().map_err(|error| corrupt(&bundle.question, &error.to_string()))?;
    let digest = sha256_hex(text.as_bytes());
    // A write waits for other writers and for the disk, and most answers are given more than once.
    let known = sqlx::query("select 1 from evidence where digest = $1")
        .bind(digest.clone())
        .fetch_optional(database.pool())
        .await?;
    if known.is_some() {
        return Ok(digest);
    }
    sqlx::query(
        "insert into evidence (digest, bundle, stored_at) values ($1, $2, $3) \
         on conflict (digest) do nothing",
    )
    .bind(digest.clone())
    .bind(text)
    .bind(now.as_microsecond())
    .execute(database.pool())
    .await?;
    Ok(digest)
}

/// Lets somebody who does not see everything open a bundle again that was computed for them.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn allow_reader(
    database: &Database,
    digest: &str,
    reader: &str,
) -> Result<(), StoreError> {
    if is_reader(database, digest, reader).await? {
        return Ok(());
    }
    sqlx::query(
        "insert into evidence_reader (digest, reader) values ($1, $2) \
         on conflict (digest, reader) do nothing",
    )
    .bind(digest.to_owned())
    .bind(reader.to_owned())
    .execute(database.pool())
    .await?;
    Ok(())
}

/// Whether a bundle was computed for somebody.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn is_reader(
    database: &Database,
    digest: &str,
    reader: &str,
) -> Result<bool, StoreError> {
    let rows = sqlx::query("select digest from evidence_reader where digest = $1 and reader = $2")
        .bind(digest.to_owned())
        .bind(reader.to_owned())
        .fetch_all(database.pool())
        .await?;
    Ok(!rows.is_empty())
}

/// The bundle of a digest, or of a prefix of at least eight hex digits that only one has;
/// `bundle:` in front is ignored. `None` when there is none.
///
/// # Errors
///
/// [`StoreError::Corrupt`] when the prefix is too short or has several bundles, or when the stored
/// text no longer has its digest.
pub async fn get(database: &Database, digest: &str) -> Result<Option<Bundle>, StoreError> {
    let prefix = digest.trim().trim_start_matches("bundle:").to_ascii_lowercase();
    if !(8..=64).contains(&prefix.len()) || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let shown: String = prefix.chars().take(64).collect();
        return Err(corrupt(&shown, "a bundle is named by 8 to 64 hex digits"));
    }
    let rows = sqlx::query("select digest, bundle from evidence where digest like $1 limit 2")
        .bind(format!("{prefix}%"))
        .fetch_all(database.pool())
        .await?;
    let row = match rows.as_slice() {
        [] => return Ok(None),
        [row] => row,
        _ => return Err(corrupt(&prefix, "several bundles begin with it; give more digits")),
    };
    let (digest, text): (String, String) = (row.try_get("digest")?, row.try_get("bundle")?);
    if sha256_hex(text.as_bytes()) != digest {
        return Err(corrupt(&digest, "it was changed after it was stored"));
    }
    serde_json::from_str(&text).map(Some).map_err(|error| corrupt(&digest, &error.to_string()))
}

/// Whether a bundle is kept under exactly this digest.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn is_kept(journal: &mut Journal, digest: &str) -> Result<bool, StoreError> {
    let rows = sqlx::query("select digest from evidence where digest = $1")
        .bind(digest.to_owned())
        .fetch_all(journal.connection())
        .await?;
    Ok(!rows.is_empty())
}

fn corrupt(id: &str, reason: &str) -> StoreError {
    StoreError::Corrupt { what: "evidence", id: id.to_owned(), reason: reason.to_owned() }
}
