//! How far the figures can be trusted.

use centinel_app::SourceHealth;
use centinel_engine::money::Pico;
use centinel_mcp::{
    Coverage, GapCause, HealthAnswer, HealthRequest, Label, PlausibleRange, Reconciliation,
    Refusal, Sentence, SourceRow, SourceState, Unowned, UnownedPlace, UnpricedModel,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    Ports,
    basis::{Asked, count, ended, money, paged, shown_scope},
    refusal::refused,
};
use crate::text::percent;

/// Providers without an invoice named at most.
const NOT_INVOICED_MAX: usize = 10;
/// No source is late before its newest row is this much older than the newest row of all.
const LATE_AFTER: SignedDuration = SignedDuration::from_hours(48);

impl Ports {
    pub(super) async fn health_answer(
        &self,
        request: HealthRequest,
    ) -> Result<HealthAnswer, Refusal> {
        self.unchanged_since(request.page.as_of).await?;
        let asked = self.asked(request.window, request.page.as_of).await?;
        let health = self.app.health(asked.period, asked.now).await.map_err(refused)?;
        let unpriced_calls = count(health.unpriced_calls);
        let tokens = health.unpriced.iter().map(|model| model.tokens).sum();
        let coverage = Coverage {
            owned_ratio: health.owned_ratio,
            unpriced_calls,
            unpriced_tokens: count(tokens),
        };
        let steps = self.app.usual_steps().await.map_err(refused)?;
        let mut rows: Vec<SourceRow> = health
            .sources
            .iter()
            .map(|source| row(source, asked.data.1, steps.get(&source.source).copied()))
            .collect();
        rows.sort_by(|a, b| (a.state, &a.source).cmp(&(b.state, &b.source)));
        let late = rows.iter().filter(|row| row.state != SourceState::Ok).count();
        let rejected: u64 = rows.iter().map(|row| row.rejected_rows).sum();

        let mut summary = Sentence::new("")
            .figure(late)
            .text(" of ")
            .figure(rows.len())
            .text(" sources late, ")
            .figure(rejected)
            .text(" rows kept aside; in ")
            .figure(asked.period)
            .text(", ")
            .figure(unpriced_calls)
            .text(" calls without a price and ");
        summary = match health.owned_ratio {
            Some(ratio) => summary.figure(percent(ratio)).text(" of net cost owned"),
            None => summary.text("no net cost"),
        };
        let mut notes = vec![
            Sentence::new("Rows are counted over all imports, not over the period alone."),
            Sentence::new(
                "A source is late when its newest row is older than the newest of all by twice its \
                 usual step, and by 48 hours at least; a charge counts from its start.",
            ),
        ];
        let unpriced = health.unpriced.iter().map(|model| UnpricedModel {
            model: Label::from(&model.model),
            calls: count(model.calls),
            tokens: count(model.tokens),
            may_have_cost: model.plausible.as_ref().map(|cost| PlausibleRange {
                low: cost.low,
                high: cost.high,
                currency: cost.currency,
            }),
        });
        let currency = self.app.config().organisation.currency;
        let unowned = self.app.unowned(asked.period, currency).await.map_err(refused)?;
        if unowned.cost != Pico::ZERO {
            summary =
                summary.text(", ").figure(money(unowned.cost, currency)).text(" without an owner");
        }
        let reconciliation = self.reconciled(&asked).await?;
        if reconciliation.is_empty() {
            notes.push(Sentence::new("No invoice of the period has come: nothing is reconciled."));
        } else {
            notes.push(Sentence::new(
                "Invoices are compared with the calls of their providers and days, as billed.",
            ));
        }
        if let Some(of) = reconciliation.iter().find(|of| of.currency == currency) {
            let invoiced = Pico::round_half_even(of.invoiced).map_err(Refusal::failed)?.amount;
            let gap = Pico::round_half_even(of.gap).map_err(Refusal::failed)?.amount;
            summary = summary
                .text("; invoices of ")
                .figure(money(invoiced, currency))
                .text(" differ from the ledger by ")
                .figure(money(gap, currency));
        }
        Ok(HealthAnswer {
            summary: ended(summary, &asked),
            unowned: Unowned {
                net: unowned.cost,
                places: unowned
                    .places
                    .iter()
                    .map(|(scope, net)| UnownedPlace { scope: shown_scope(scope), net: *net })
                    .collect(),
                other: Pico::ZERO,
            },
            row_count: count(i128::try_from(rows.len()).unwrap_or(i128::MAX)),
            rows: paged(rows, request.page),
            unpriced: unpriced.collect(),
            reconciliation,
            basis: self.basis(&asked, currency, coverage, health.evidence, notes).await?,
        })
    }
}

impl Ports {
    /// The calls of a period against the invoices of it that have come.
    async fn reconciled(&self, asked: &Asked) -> Result<Vec<Reconciliation>, Refusal> {
        let found = self.app.reconciliation(Some(asked.period)).await.map_err(refused)?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let missing = self.app.not_invoiced(asked.period).await.map_err(refused)?;
        let shown = found.iter().map(|of| Reconciliation {
            currency: of.currency,
            invoiced: of.invoice,
            ledger: of.ledger,
            gap: of.gap,
            causes: of
                .causes
                .iter()
                .map(|cause| GapCause { cause: cause.cause.name(), amount: cause.amount })
                .collect(),
            unexplained_ratio: of.unexplained_share,
            not_invoiced: missing.iter().take(NOT_INVOICED_MAX).map(Label::from).collect(),
        });
        Ok(shown.collect())
    }
}

/// `step` is the usual number of days between days with rows.
fn row(source: &SourceHealth, newest: Timestamp, step: Option<i32>) -> SourceRow {
    let age = source.data_until.map(|until| newest.duration_since(until));
    let twice = SignedDuration::from_hours(i64::from(step.unwrap_or(1)) * 48);
    // Invoices come when they come.
    let is_counted = source.role == "spend";
    let is_late = is_counted && age.is_none_or(|age| age > LATE_AFTER.max(twice));
    SourceRow {
        source: Label::from(&source.source),
        state: if is_late { SourceState::Late } else { SourceState::Ok },
        fresh_until: source.data_until,
        accepted_rows: count(source.rows_accepted.into()),
        rejected_rows: count(source.rows_rejected.into()),
    }
}
