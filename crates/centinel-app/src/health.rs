//! Data health: which sources delivered, until when, and what is missing from the figures.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::{
    money::Decimal,
    period::{Grain, Period, date_of, index_of_date},
    series::Dimension,
};
use centinel_ledger::{Measure, SpendQuery};
use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use crate::{App, AppError, SpendGroup, SpendRequest, UnpricedModel, kept::Steps};

/// One source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceHealth {
    /// Its name.
    pub source: String,
    /// `spend`, or `invoice`: kept for reconciliation only.
    pub role: String,
    /// Files imported.
    pub batches: usize,
    /// Rows in the ledger.
    pub rows_accepted: i64,
    /// Rows that the ledger had already.
    pub rows_duplicate: i64,
    /// Rows kept aside, with their reasons.
    pub rows_rejected: i64,
    /// When it delivered last.
    pub last_import: Option<Timestamp>,
    /// The latest instant in its data.
    pub data_until: Option<Timestamp>,
}

/// How far the figures can be trusted.
#[derive(Debug, Clone, Serialize)]
pub struct Health {
    /// Time whose coverage is stated.
    pub period: Period,
    /// Every source, by name.
    pub sources: Vec<SourceHealth>,
    /// Models without a price, most tokens first.
    pub unpriced: Vec<UnpricedModel>,
    /// Share of the period's cost whose owner is known.
    pub owned_ratio: Option<Decimal>,
    /// Calls of the period without a price.
    pub unpriced_calls: i128,
    /// Facts behind the coverage.
    pub evidence: String,
}

impl App {
    /// Every source with what it delivered, by name.
    ///
    /// # Errors
    ///
    /// [`AppError::Store`].
    pub async fn sources(&self) -> Result<Vec<SourceHealth>, AppError> {
        let sources = self.all_sources().await?;
        if self.limited_to().is_none() {
            return Ok(sources);
        }
        let rows = self.rows_by_source().await?;
        let seen = |source: SourceHealth| {
            let rows_accepted = *rows.get(&source.source)?;
            // Duplicates and rejected rows have no labels, so nobody could tell whose they are.
            Some(SourceHealth { rows_accepted, rows_duplicate: 0, rows_rejected: 0, ..source })
        };
        Ok(sources.into_iter().filter_map(seen).collect())
    }

    /// Calls and charges that are seen, by source.
    async fn rows_by_source(&self) -> Result<BTreeMap<String, i64>, AppError> {
        let Some((first, last)) = self.ledger.span().await? else { return Ok(BTreeMap::new()) };
        let days = Period::days(date_of(first), date_of(last).tomorrow().unwrap_or(Date::MAX))?;
        let query =
            SpendQuery::new(days, vec![Measure::Calls, Measure::Charges]).by([Dimension::Source]);
        let mut rows: BTreeMap<String, i64> = BTreeMap::new();
        for row in self.ledger.spend(&query).await?.rows {
            let counted = row.value(0).saturating_add(row.value(1));
            if let Some(Some(source)) = row.group.first() {
                let sum = rows.entry(source.clone()).or_default();
                *sum = sum.saturating_add(i64::try_from(counted).unwrap_or(i64::MAX));
            }
        }
        Ok(rows)
    }

    async fn all_sources(&self) -> Result<Vec<SourceHealth>, AppError> {
        let at = |micros| Timestamp::from_microsecond(micros).ok();
        let batches = self.database().batches().await?;
        let until = self.database().data_until_by_source().await?;
        Ok(self
            .database()
            .sources()
            .await?
            .into_iter()
            .map(|(source, role)| {
                let of: Vec<_> = batches.iter().filter(|batch| batch.source == source).collect();
                SourceHealth {
                    batches: of.len(),
                    rows_accepted: of.iter().map(|batch| batch.rows_accepted).sum(),
                    rows_duplicate: of.iter().map(|batch| batch.rows_duplicate).sum(),
                    rows_rejected: of.iter().map(|batch| batch.rows_rejected).sum(),
                    last_import: of.iter().map(|batch| batch.known_at).max().and_then(at),
                    data_until: until.get(&source).copied().and_then(at),
                    source,
                    role,
                }
            })
            .collect())
    }

    /// How far the figures of a period can be trusted.
    ///
    /// # Errors
    ///
    /// Ledger errors.
    pub async fn health(&self, period: Period, now: Timestamp) -> Result<Health, AppError> {
        let request = SpendRequest {
            period,
            group_by: vec![SpendGroup::Kind],
            filter: Vec::new(),
            grain: None,
            top: None,
            as_of: None,
            scan: centinel_ledger::ScanLevel::Coarsest,
        };
        let settled = self.settled().await?;
        let answer = settled.spend(&request, now).await?;
        Ok(Health {
            period,
            sources: settled.sources().await?,
            unpriced: settled.unpriced_models(period).await?,
            owned_ratio: answer.owned_ratio,
            unpriced_calls: answer.total.unpriced_calls,
            evidence: answer.evidence,
        })
    }

    /// How many days usually lie between two days with rows of a source: the median over all of its
    /// data. A source with a single day is not in the answer.
    ///
    /// # Errors
    ///
    /// Ledger errors.
    pub async fn usual_steps(&self) -> Result<BTreeMap<String, i32>, AppError> {
        let settled = self.settled().await?;
        let key = settled.ledger.state().await?;
        let count = || {
            let app = settled.clone();
            async move { app.count_steps().await.map(Steps) }
        };
        Ok(self.kept.steps.get(&key, count).await?.0.clone())
    }

    async fn count_steps(&self) -> Result<BTreeMap<String, i32>, AppError> {
        let Some((first, last)) = self.ledger.span().await? else { return Ok(BTreeMap::new()) };
        let days = Period::days(date_of(first), date_of(last).tomorrow().unwrap_or(Date::MAX))?;
        let query = SpendQuery::new(days, vec![Measure::Cost, Measure::Outcomes])
            .by([Dimension::Source])
            .every(Grain::Day);
        let mut by_source: BTreeMap<String, BTreeSet<i32>> = BTreeMap::new();
        for row in self.ledger.spend(&query).await?.rows {
            if let (Some(Some(source)), Some(at)) = (row.group.first(), row.at) {
                by_source.entry(source.clone()).or_default().insert(index_of_date(date_of(at)));
            }
        }
        let step = |(source, days): (String, BTreeSet<i32>)| {
            let mut steps: Vec<i32> =
                days.iter().zip(days.iter().skip(1)).map(|(day, next)| next - day).collect();
            steps.sort_unstable();
            Some((source, *steps.get(steps.len() / 2)?))
        };
        Ok(by_source.into_iter().filter_map(step).collect())
    }
}
