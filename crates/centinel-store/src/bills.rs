//! What bills cover, which batch took whose place, and what contracts commit to.

use sqlx::{Any, Row as _, Transaction};

use crate::{Database, StoreError, objects};

/// A part of a bill that a batch holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BillPart {
    /// Whose bill.
    pub account: String,
    /// First instant of the billing period, microseconds.
    pub period: i64,
    /// A bit for each day of the month on which a charge starts.
    pub days: i64,
}

/// A part of a bill, and the batch that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPart {
    /// The batch.
    pub batch: i64,
    /// Its file.
    pub file_name: String,
    /// When it was committed, microseconds.
    pub known_at: i64,
    /// The part.
    pub part: BillPart,
}

/// A contract commitment as it was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitmentRow {
    /// Its own id.
    pub id: String,
    /// What it says, as JSON.
    pub body: String,
}

/// What else an import of a bill commits, with its batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BillFacts {
    /// The parts of bills that it holds.
    pub parts: Vec<BillPart>,
    /// The batches whose place it takes.
    pub replaces: Vec<i64>,
    /// Contract commitments, the latest of each.
    pub commitments: Vec<CommitmentRow>,
}

/// Writes the facts of a batch that is being committed.
pub(crate) async fn write(
    tx: &mut Transaction<'_, Any>,
    batch: i64,
    source: &str,
    known_at: i64,
    facts: &BillFacts,
) -> Result<(), StoreError> {
    for part in &facts.parts {
        sqlx::query("insert into bill_part (batch, account, period, days) values ($1, $2, $3, $4)")
            .bind(batch)
            .bind(&part.account)
            .bind(part.period)
            .bind(part.days)
            .execute(&mut **tx)
            .await?;
    }
    for &replaced in &facts.replaces {
        sqlx::query("update import_batch set superseded_by = $1 where id = $2")
            .bind(batch)
            .bind(replaced)
            .execute(&mut **tx)
            .await?;
        sqlx::query("update segment set retired_at = $1 where batch = $2 and retired_at is null")
            .bind(known_at)
            .bind(replaced)
            .execute(&mut **tx)
            .await?;
        objects::supersede(tx, replaced).await?;
    }
    for commitment in &facts.commitments {
        sqlx::query(
            "insert into contract_commitment (source, id, batch, known_at, body) \
             values ($1, $2, $3, $4, $5) on conflict (source, id) do update \
             set batch = excluded.batch, known_at = excluded.known_at, body = excluded.body",
        )
        .bind(source)
        .bind(&commitment.id)
        .bind(batch)
        .bind(known_at)
        .bind(&commitment.body)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

impl Database {
    /// The parts of bills that the live batches of a source hold.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn bill_parts(&self, source: &str) -> Result<Vec<HeldPart>, StoreError> {
        let rows = sqlx::query(
            "select bill_part.batch, import_batch.file_name, import_batch.known_at, \
             bill_part.account, bill_part.period, bill_part.days \
             from bill_part join import_batch on bill_part.batch = import_batch.id \
             where import_batch.source = $1 and import_batch.superseded_by is null \
             order by bill_part.batch, bill_part.account, bill_part.period",
        )
        .bind(source)
        .fetch_all(self.pool())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(HeldPart {
                    batch: row.try_get(0)?,
                    file_name: row.try_get(1)?,
                    known_at: row.try_get(2)?,
                    part: BillPart {
                        account: row.try_get(3)?,
                        period: row.try_get(4)?,
                        days: row.try_get(5)?,
                    },
                })
            })
            .collect()
    }

    /// The batch that took the place of a batch, if one did.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn superseded_by(&self, batch: i64) -> Result<Option<i64>, StoreError> {
        let row = sqlx::query("select superseded_by from import_batch where id = $1")
            .bind(batch)
            .fetch_optional(self.pool())
            .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?.flatten())
    }

    /// Every contract commitment with its source, by source and id.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn contract_commitments(&self) -> Result<Vec<(String, CommitmentRow)>, StoreError> {
        let rows =
            sqlx::query("select source, id, body from contract_commitment order by source, id")
                .fetch_all(self.pool())
                .await?;
        rows.iter()
            .map(|row| {
                let commitment = CommitmentRow { id: row.try_get(1)?, body: row.try_get(2)? };
                Ok((row.try_get(0)?, commitment))
            })
            .collect()
    }
}
