//! Where proposals were delivered to, and who looks after them now.
//!
//! A row is a reminder with a lease, as in the outbox: which repository is to be looked at, what it
//! looked like last, for people. Steps and decisions stand in the audit log.

use centinel_engine::proposal::ProposalId;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sqlx::{Row as _, any::AnyRow};

use crate::{Database, StoreError};

/// One proposal in one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryRow {
    /// Which proposal.
    pub proposal: ProposalId,
    /// The repository by its name in the configuration.
    pub repository: String,
    /// Our branch there; the same over all versions.
    pub branch: String,
    /// What it looked like last.
    #[serde(flatten)]
    pub seen: DeliverySeen,
    /// When it was looked at last; `None` when it is to be looked at now.
    pub looked_at: Option<Timestamp>,
}

/// What a delivery looked like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliverySeen {
    /// One word: `open`, `merged`, `waiting`, ….
    pub state: String,
    /// Where people read it: the address of a pull request, or a patch.
    pub url: Option<String>,
    /// What people should know of it; may hold foreign text.
    pub note: Option<String>,
    /// What was wanted of it: when this changes, it is looked at at once.
    #[serde(skip)]
    pub wanted: String,
    /// Whether nothing is left to be looked after.
    pub is_over: bool,
}

impl Database {
    /// Takes hold of a delivery, which is made where there is none; `None` while somebody else holds it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`], [`StoreError::Database`].
    pub async fn claim_delivery(
        &self,
        proposal: ProposalId,
        repository: &str,
        branch: &str,
        now: Timestamp,
        lease: SignedDuration,
    ) -> Result<Option<DeliveryRow>, StoreError> {
        sqlx::query(
            "insert into deliveries (proposal, repository, branch, state, url, note, wanted, is_over, \
             looked_at, claimed_until) values ($1, $2, $3, 'new', null, null, '', 0, 0, 0) \
             on conflict (proposal, repository) do nothing",
        )
        .bind(proposal.to_string())
        .bind(repository.to_owned())
        .bind(branch.to_owned())
        .execute(self.pool())
        .await?;
        let until = now.checked_add(lease).unwrap_or(Timestamp::MAX);
        let rows = sqlx::query(
            "update deliveries set claimed_until = $1 \
             where proposal = $2 and repository = $3 and claimed_until <= $4 \
             returning proposal, repository, branch, state, url, note, wanted, is_over, looked_at",
        )
        .bind(until.as_microsecond())
        .bind(proposal.to_string())
        .bind(repository.to_owned())
        .bind(now.as_microsecond())
        .fetch_all(self.pool())
        .await?;
        rows.first().map(row).transpose()
    }

    /// Notes what a delivery looks like, and lets go of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn settle_delivery(
        &self,
        proposal: ProposalId,
        repository: &str,
        seen: &DeliverySeen,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "update deliveries set state = $1, url = $2, note = $3, wanted = $4, is_over = $5, \
             looked_at = $6, claimed_until = 0 where proposal = $7 and repository = $8",
        )
        .bind(seen.state.clone())
        .bind(seen.url.clone())
        .bind(seen.note.clone())
        .bind(seen.wanted.clone())
        .bind(i64::from(seen.is_over))
        .bind(now.as_microsecond())
        .bind(proposal.to_string())
        .bind(repository.to_owned())
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Every delivery, or those that are to be looked after, by proposal.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`], [`StoreError::Database`].
    pub async fn deliveries(&self, only_open: bool) -> Result<Vec<DeliveryRow>, StoreError> {
        let rows = sqlx::query(
            "select proposal, repository, branch, state, url, note, wanted, is_over, looked_at \
             from deliveries where is_over <= $1 order by proposal, repository",
        )
        .bind(i64::from(!only_open))
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(row).collect()
    }

    /// Where a proposal was delivered to.
    ///
    /// # Errors
    ///
    /// As [`Self::deliveries`].
    pub async fn deliveries_of(
        &self,
        proposal: ProposalId,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let rows = sqlx::query(
            "select proposal, repository, branch, state, url, note, wanted, is_over, looked_at \
             from deliveries where proposal = $1 order by repository",
        )
        .bind(proposal.to_string())
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(row).collect()
    }

    /// What is open in a repository, or in all, is looked at the next time, however lately it was; tells how
    /// many.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn wake_deliveries(&self, repository: Option<&str>) -> Result<u64, StoreError> {
        let query = match repository {
            Some(name) => {
                let query =
                    "update deliveries set looked_at = 0 where is_over = 0 and repository = $1";
                sqlx::query(query).bind(name.to_owned())
            }
            None => sqlx::query("update deliveries set looked_at = 0 where is_over = 0"),
        };
        Ok(query.execute(self.pool()).await?.rows_affected())
    }
}

fn row(row: &AnyRow) -> Result<DeliveryRow, StoreError> {
    let proposal: String = row.try_get("proposal")?;
    let looked_at: i64 = row.try_get("looked_at")?;
    let corrupt = |reason: String| StoreError::Corrupt {
        what: "delivery",
        id: proposal.chars().take(12).collect(),
        reason,
    };
    Ok(DeliveryRow {
        proposal: proposal.parse().map_err(corrupt)?,
        repository: row.try_get("repository")?,
        branch: row.try_get("branch")?,
        seen: DeliverySeen {
            state: row.try_get("state")?,
            url: row.try_get("url")?,
            note: row.try_get("note")?,
            wanted: row.try_get("wanted")?,
            is_over: row.try_get::<i64, _>("is_over")? != 0,
        },
        looked_at: (looked_at > 0)
            .then(|| Timestamp::from_microsecond(looked_at))
            .transpose()
            .map_err(|_| corrupt("an instant is out of range".to_owned()))?,
    })
}
