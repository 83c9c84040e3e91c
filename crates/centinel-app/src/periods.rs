//! Closing the books of a period, and what becomes known of it afterwards.
//!
//! Facts never change and carry the instant at which they became known. A close keeps the totals
//! that were known then, under a digest; whatever comes later for the period is a restatement with
//! its own instant, beside the close.

use std::collections::BTreeMap;

use centinel_engine::{
    facts::{canonical_json, sha256_hex},
    money::Pico,
    period::Period,
    series::Dimension,
};
use centinel_ledger::{Measure, SegmentKind, SpendQuery};
use centinel_store::periods::{self, ClosedPeriod, RestatementRow};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{App, AppError};

/// What one provider costs in a period, or how that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodTotal {
    /// Who sells; `None` for rows that name nobody.
    pub provider: Option<String>,
    /// Of the amounts; `None` where calls have none.
    pub currency: Option<String>,
    /// Effective cost of charges, and the price of calls.
    pub cost: Pico,
    /// Billed cost of charges, and the price of calls.
    pub billed: Pico,
    /// Calls.
    pub calls: i64,
    /// Calls without a price.
    pub unpriced_calls: i64,
    /// Rows of bills.
    pub charges: i64,
}

/// What became known of a closed period at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restatement {
    /// When.
    pub known_at: Timestamp,
    /// Sources that delivered then.
    pub sources: Vec<String>,
    /// SHA-256 of the changes.
    pub digest: String,
    /// By how much each total changed.
    pub changes: Vec<PeriodTotal>,
}

/// A closed period as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PeriodStatus {
    /// The period.
    pub period: Period,
    /// When it was closed.
    pub closed_at: Timestamp,
    /// Through whom.
    pub actor: String,
    /// SHA-256 of the totals with period and instant.
    pub digest: String,
    /// Whether what the ledger knew at the close still has this digest.
    pub is_intact: bool,
    /// The totals at the close.
    pub totals: Vec<PeriodTotal>,
    /// What became known afterwards, oldest first.
    pub restatements: Vec<Restatement>,
}

impl App {
    /// Closes a period with what is known now, in the catalogue and in the audit log.
    ///
    /// # Errors
    ///
    /// [`AppError::NotOver`] for a period that has not ended; [`AppError::Empty`] when there is
    /// nothing in it; [`AppError::AlreadyClosed`] when a closed period overlaps it.
    pub async fn close_period(
        &self,
        period: Period,
        actor: &str,
        now: Timestamp,
    ) -> Result<PeriodStatus, AppError> {
        if period.end > now {
            return Err(AppError::NotOver(period));
        }
        // Instants are kept to the microsecond.
        let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        let overlaps = |closed: &ClosedPeriod| {
            closed.start_at < period.end_micros() && closed.end_at > period.start_micros()
        };
        if periods::closed(self.database()).await?.iter().any(overlaps) {
            return Err(AppError::AlreadyClosed(period));
        }
        let totals = self.period_totals(period, now).await?;
        if totals.is_empty() {
            return Err(AppError::Empty);
        }
        let (digest, text) = digest(period, now, &totals)?;
        let closed = ClosedPeriod {
            start_at: period.start_micros(),
            end_at: period.end_micros(),
            closed_at: now.as_microsecond(),
            actor: actor.to_owned(),
            digest: digest.clone(),
            totals: text,
        };
        periods::close(self.database(), &closed).await?;
        Ok(PeriodStatus {
            period,
            closed_at: now,
            actor: actor.to_owned(),
            digest,
            is_intact: true,
            totals,
            restatements: Vec::new(),
        })
    }

    /// Every closed period with what came late; restatements that are new are kept and logged.
    ///
    /// # Errors
    ///
    /// Ledger and database errors.
    pub async fn closed_periods(&self, now: Timestamp) -> Result<Vec<PeriodStatus>, AppError> {
        let mut found = Vec::new();
        let mut rows = Vec::new();
        for closed in periods::closed(self.database()).await? {
            let at = |micros| Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH);
            let period = Period::new(at(closed.start_at), at(closed.end_at))?;
            let closed_at = at(closed.closed_at);
            let totals = self.period_totals(period, closed_at).await?;
            let (today, _) = digest(period, closed_at, &totals)?;
            let restatements = self.restatements(period, closed_at, &totals).await?;
            for restatement in &restatements {
                rows.push(RestatementRow {
                    start_at: closed.start_at,
                    end_at: closed.end_at,
                    known_at: restatement.known_at.as_microsecond(),
                    digest: restatement.digest.clone(),
                    changes: canonical(&restatement.changes)?,
                });
            }
            let stated: Kept = serde_json::from_str(&closed.totals)
                .map_err(|error| corrupt(&period, &error.to_string()))?;
            found.push(PeriodStatus {
                period,
                closed_at,
                actor: closed.actor,
                is_intact: today == closed.digest,
                digest: closed.digest,
                totals: stated.totals,
                restatements,
            });
        }
        periods::keep_restatements(self.database(), &rows, now).await?;
        Ok(found)
    }

    async fn restatements(
        &self,
        period: Period,
        closed_at: Timestamp,
        totals: &[PeriodTotal],
    ) -> Result<Vec<Restatement>, AppError> {
        // Files of rows, not imports: prices that were restated are in new files of an old import.
        let batches = self.database().batches().await?;
        let sources: BTreeMap<i64, String> =
            batches.into_iter().map(|batch| (batch.id, batch.source)).collect();
        let window = Some((period.start_micros(), period.end_micros()));
        let mut late: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for kind in [SegmentKind::Calls, SegmentKind::Charges] {
            for segment in self.database().segments(kind.name(), window, None).await? {
                if segment.known_at > closed_at.as_microsecond() {
                    let source = sources.get(&segment.batch).cloned();
                    late.entry(segment.known_at).or_default().extend(source);
                }
            }
        }
        let mut found = Vec::new();
        let mut before = totals.to_vec();
        for (known_at, mut sources) in late {
            let known_at = Timestamp::from_microsecond(known_at).unwrap_or(closed_at);
            let after = self.period_totals(period, known_at).await?;
            let changes = changes(&before, &after);
            if changes.is_empty() {
                continue;
            }
            sources.sort();
            sources.dedup();
            let digest = sha256_hex(canonical(&changes)?.as_bytes());
            found.push(Restatement { known_at, sources, digest, changes });
            before = after;
        }
        Ok(found)
    }

    /// Totals of a period as they were known at an instant, by provider and currency.
    async fn period_totals(
        &self,
        period: Period,
        known_at: Timestamp,
    ) -> Result<Vec<PeriodTotal>, AppError> {
        let measures = vec![
            Measure::Cost,
            Measure::BilledCost,
            Measure::Calls,
            Measure::UnpricedCalls,
            Measure::Charges,
        ];
        let mut query = SpendQuery::new(period, measures).by([Dimension::Provider]);
        query.as_of = Some(known_at);
        let rows = self.ledger.spend(&query).await?.rows;
        let count = |value: i128| i64::try_from(value).unwrap_or(i64::MAX);
        Ok(rows
            .into_iter()
            .map(|row| PeriodTotal {
                provider: row.group.first().cloned().flatten(),
                currency: row.currency.clone(),
                cost: row.amount(0),
                billed: row.amount(1),
                calls: count(row.value(2)),
                unpriced_calls: count(row.value(3)),
                charges: count(row.value(4)),
            })
            .collect())
    }
}

#[derive(Serialize, Deserialize)]
struct Kept {
    start: String,
    end: String,
    closed_at: String,
    totals: Vec<PeriodTotal>,
}

/// The digest of a close, and the text that it is of.
fn digest(
    period: Period,
    closed_at: Timestamp,
    totals: &[PeriodTotal],
) -> Result<(String, String), AppError> {
    let kept = Kept {
        start: period.start.to_string(),
        end: period.end.to_string(),
        closed_at: closed_at.to_string(),
        totals: totals.to_vec(),
    };
    let text = canonical(&kept)?;
    Ok((sha256_hex(text.as_bytes()), text))
}

fn canonical(value: &impl Serialize) -> Result<String, AppError> {
    let failed = |reason: String| {
        AppError::Store(centinel_store::StoreError::Corrupt {
            what: "period",
            id: String::new(),
            reason,
        })
    };
    let value = serde_json::to_value(value).map_err(|error| failed(error.to_string()))?;
    canonical_json(&value).map_err(|error| failed(error.to_string()))
}

fn corrupt(period: &Period, reason: &str) -> AppError {
    AppError::Store(centinel_store::StoreError::Corrupt {
        what: "period",
        id: period.to_string(),
        reason: reason.to_owned(),
    })
}

/// What changed between two states; totals that did not are left out.
fn changes(before: &[PeriodTotal], after: &[PeriodTotal]) -> Vec<PeriodTotal> {
    let key = |total: &PeriodTotal| (total.provider.clone(), total.currency.clone());
    let mut all: BTreeMap<_, (Option<&PeriodTotal>, Option<&PeriodTotal>)> = BTreeMap::new();
    for total in before {
        all.entry(key(total)).or_default().0 = Some(total);
    }
    for total in after {
        all.entry(key(total)).or_default().1 = Some(total);
    }
    let mut changed = Vec::new();
    for ((provider, currency), (before, after)) in all {
        let amount = |of: &dyn Fn(&PeriodTotal) -> i128| {
            after.map_or(0, of).saturating_sub(before.map_or(0, of))
        };
        let count = |of: &dyn Fn(&PeriodTotal) -> i64| {
            after.map_or(0, of).saturating_sub(before.map_or(0, of))
        };
        if before != after {
            changed.push(PeriodTotal {
                provider,
                currency,
                cost: Pico(amount(&|total| total.cost.0)),
                billed: Pico(amount(&|total| total.billed.0)),
                calls: count(&|total| total.calls),
                unpriced_calls: count(&|total| total.unpriced_calls),
                charges: count(&|total| total.charges),
            });
        }
    }
    changed
}
