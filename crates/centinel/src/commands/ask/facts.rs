//! Answers of the ports as facts that can be worded.
//!
//! Nothing is computed here but what the engine computes of it: figures are those of the answer, exact.

use std::collections::BTreeMap;

use centinel_app::{App, AppError};
use centinel_engine::{
    anomaly,
    digest::{
        Ahead, Asked, Breakdown, Episodes, Finding, Health, InvoiceGap, Limit, MovedPart, Outlook,
        Parts, Progress, ProgressKind, Promised, SavingsSoFar, Unpriced, Waiting, excess,
        with_moved_parts,
    },
    facts::{Bundle, BundleBuilder},
    money::{Currency, Decimal, Money, Pico},
    period::date_of,
    proposal::{self, ProposalId, Stage},
};
use centinel_mcp::{
    AnomaliesAnswer, AnomalyRow, BudgetOutlook, BudgetPeriod, CompareRequest, ComparisonAnswer,
    Filter, ForecastAnswer, ForecastRequest, ForecastWindow, Grouping, HealthAnswer, Metric,
    ProposalAnswer, SavingsAnswer, SavingsStage, Sentence, SourceState, SpendAnswer, SpendRequest,
};
use jiff::Timestamp;

use super::noted::Told;

/// Proposals of a list whose content is told.
const PROPOSALS_MAX: usize = 3;

/// Places without an owner that are named.
const UNOWNED_MAX: usize = 5;

/// The facts of an answer, where they are kept, and what is remarked beside them.
pub(super) struct Facts {
    pub(super) bundles: Vec<Bundle>,
    pub(super) evidence_id: Option<String>,
    pub(super) notes: Vec<String>,
}

impl Facts {
    /// Of what an answer remarks, that which says how the times of a question were taken and what is in no
    /// amount; the rest is among the facts, or holds of every answer.
    fn kept(bundle: Bundle, evidence_id: &str, notes: &[Sentence]) -> Self {
        let is_told = |note: &&str| {
            ["The data ", "There is spend in "].iter().any(|opening| note.starts_with(opening))
        };
        let notes = notes.iter().map(Sentence::as_str).filter(is_told).map(str::to_owned);
        let evidence_id = Some(evidence_id.to_owned());
        Self { bundles: vec![bundle], evidence_id, notes: notes.collect() }
    }
}

/// The facts of what a port told.
pub(super) async fn of(told: Told, app: &App, now: Timestamp) -> Result<Facts, AppError> {
    let limited_to = app.limited_to().map(str::to_owned);
    Ok(match told {
        Told::Spend(request, answer) => {
            let kept = app.evidence(&answer.basis.evidence_id).await?;
            let bundle = breakdown(&request, &answer, &kept, limited_to).bundle();
            Facts::kept(bundle, &answer.basis.evidence_id, &answer.basis.notes)
        }
        Told::Comparison(request, answer) => {
            let explained = app.evidence(&answer.basis.evidence_id).await?;
            let bundle = comparison(explained, &request, &answer);
            Facts::kept(bundle, &answer.basis.evidence_id, &answer.basis.notes)
        }
        Told::Explanation(answer) => {
            let explained = app.evidence(&answer.basis.evidence_id).await?;
            Facts::kept(explained, &answer.basis.evidence_id, &answer.basis.notes)
        }
        Told::Anomalies(answer) => {
            let bundle = episodes(&answer, limited_to).bundle();
            Facts::kept(bundle, &answer.basis.evidence_id, &answer.basis.notes)
        }
        Told::Forecast(request, answer) => {
            let bundle = forecast(&request, &answer, limited_to);
            Facts::kept(bundle, &answer.basis.evidence_id, &answer.basis.notes)
        }
        Told::Health(answer) => {
            let bundle = health(&answer, limited_to).bundle();
            Facts::kept(bundle, &answer.basis.evidence_id, &answer.basis.notes)
        }
        Told::Proposals(answer) => {
            let ids: Vec<&str> = answer.rows.iter().map(|row| row.proposal_id.as_str()).collect();
            queue(app, &ids, answer.row_count, now).await?
        }
        Told::Proposal(answer) => {
            let notes = vec![deciders(&answer)];
            let bundle = one_proposal(app, answer.row.proposal_id.as_str(), now).await?;
            let evidence_id = Some(answer.basis.evidence_id);
            Facts { bundles: bundle.into_iter().collect(), evidence_id, notes }
        }
        Told::Receipt(receipt) => {
            let bundle = one_proposal(app, receipt.proposal_id.as_str(), now).await?;
            let notes = [&receipt.summary, &receipt.how_to_decide];
            let notes = notes.map(|note| note.as_str().to_owned()).to_vec();
            let evidence_id = Some(receipt.evidence_id);
            Facts { bundles: bundle.into_iter().collect(), evidence_id, notes }
        }
        Told::Savings(answer) => {
            Facts { bundles: vec![savings(&answer).bundle()], evidence_id: None, notes: Vec::new() }
        }
    })
}

fn scope(filter: &Filter) -> BTreeMap<String, String> {
    filter.0.iter().map(|(dimension, value)| (dimension.to_string(), value.clone())).collect()
}

fn shown_scope(scope: &centinel_mcp::Scope) -> BTreeMap<String, String> {
    scope.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

/// `kept` is the evidence, which says of which parts no call has a price.
fn breakdown(
    request: &SpendRequest,
    answer: &SpendAnswer,
    kept: &Bundle,
    limited_to: Option<String>,
) -> Breakdown {
    let unpriced: Vec<&BTreeMap<String, String>> =
        kept.facts.iter().filter(|of| of.role == "unpriced_calls").map(|of| &of.dims).collect();
    let by = match &request.grouping {
        Grouping::By(dimension) => Some(dimension.to_string()),
        Grouping::Owner => Some("owner".to_owned()),
        Grouping::Kind => Some("kind".to_owned()),
        Grouping::Over(_) => None,
    };
    let rows = answer.rows.iter();
    let parts = match by {
        Some(dimension) => {
            let costs = rows.map(|row| {
                let name = row.group.as_ref().map(ToString::to_string);
                let value = name.as_deref().unwrap_or("(none)");
                let is_known =
                    !unpriced.iter().any(|of| of.get(&dimension).is_some_and(|of| of == value));
                (name, is_known.then_some(row.spend.net))
            });
            Parts::Of { costs: costs.collect(), dimension }
        }
        None => Parts::OverTime(
            rows.filter_map(|row| {
                Some((row.group.as_ref()?.as_str().parse().ok()?, row.spend.net))
            })
            .collect(),
        ),
    };
    let unpriced_calls = answer.basis.coverage.unpriced_calls;
    let is_known = answer.total.net != Pico::ZERO || unpriced_calls == 0;
    Breakdown {
        period: answer.basis.period,
        as_of: Some(answer.basis.as_of),
        currency: answer.basis.currency,
        scope: scope(&request.filter),
        total: is_known.then_some(answer.total.net),
        calls: answer.total.calls,
        tokens: answer.total.tokens,
        parts,
        parts_all: answer.row_count,
        unpriced_calls,
        limited_to,
    }
}

fn comparison(explained: Bundle, request: &CompareRequest, answer: &ComparisonAnswer) -> Bundle {
    let Grouping::By(dimension) = &request.grouping else { return explained };
    let part = |row: &centinel_mcp::ComparisonRow| MovedPart {
        name: row.group.as_ref().map(ToString::to_string),
        now: row.change.after,
        before: row.change.before,
    };
    let parts: Vec<MovedPart> = answer.rows.iter().map(part).collect();
    let times = (answer.basis.period, answer.baseline, answer.basis.currency);
    with_moved_parts(explained, &dimension.to_string(), &parts, times)
}

fn episodes(answer: &AnomaliesAnswer, limited_to: Option<String>) -> Episodes {
    let currency = answer.basis.currency;
    Episodes {
        period: answer.basis.period,
        as_of: Some(answer.basis.as_of),
        findings: answer.rows.iter().map(|row| finding(row, currency)).collect(),
        all: answer.row_count,
        impact: Money { amount: answer.total_impact, currency },
        limited_to,
    }
}

fn finding(row: &AnomalyRow, currency: Currency) -> Finding {
    let last_moment = |ended: Timestamp| ended.checked_sub(jiff::SignedDuration::from_micros(1));
    let above = row.observed.zip(row.expected).and_then(|(seen, usual)| excess(seen, usual));
    Finding {
        id: row.anomaly_id.to_string(),
        scope: shown_scope(&row.scope),
        within: row.within.as_ref().map(shown_scope).unwrap_or_default(),
        since: date_of(row.started_at),
        until: row.ended_at.and_then(|ended| last_moment(ended).ok()).map(date_of),
        impact: Money { amount: row.impact, currency },
        metric: metric(row.metric),
        excess: above.filter(|above| *above > Decimal::ZERO),
        owner: row.owner.as_ref().map(ToString::to_string),
        proposals: row.proposal_id.iter().map(ToString::to_string).collect(),
    }
}

fn metric(metric: Metric) -> anomaly::Metric {
    match metric {
        Metric::Total => anomaly::Metric::Total,
        Metric::CostPerOutput => anomaly::Metric::CostPerOutput,
        Metric::TokensPerCall => anomaly::Metric::TokensPerCall,
        Metric::PricePerToken => anomaly::Metric::PricePerToken,
        Metric::CallsPerOutput => anomaly::Metric::CallsPerOutput,
        Metric::CacheMissShare => anomaly::Metric::CacheMissShare,
        Metric::FailedCallShare => anomaly::Metric::FailedCallShare,
    }
}

fn forecast(
    request: &ForecastRequest,
    answer: &ForecastAnswer,
    limited_to: Option<String>,
) -> Bundle {
    let basis = &answer.basis;
    let Some(total) = answer.total.expected else {
        let mut facts = BundleBuilder::new("outlook", Some(basis.as_of));
        facts.about(scope(&request.filter), Some(basis.period));
        let seen = Money { amount: answer.total.seen, currency: basis.currency };
        facts.money("ahead.seen", seen);
        facts.caveat("The history is too short for a forecast.");
        return facts.build();
    };
    let band = answer.total.low_80.zip(answer.total.high_80).map(|(low, high)| (low, high, 80));
    let by = request.group_by.as_ref().map_or_else(|| "kind".to_owned(), ToString::to_string);
    let expected = |row: &centinel_mcp::ForecastRow| {
        let name = Some(row.group.to_string()).filter(|name| name != "(none)");
        Some((name, row.expected.expected?))
    };
    let asked = request.amount.and_then(|amount| {
        Some(Asked {
            amount: Pico::round_half_even(amount).ok()?.amount,
            probability_above: answer.probability_above.map(Decimal::to_f64),
            reached_on: answer.reached_on,
        })
    });
    let outlook = Outlook {
        ahead: Ahead { period: basis.period, seen: answer.total.seen, total, band },
        scope: scope(&request.filter),
        asked,
        without_scenario: answer.total.without_assumptions,
        as_of: Some(basis.as_of),
        currency: basis.currency,
        parts: answer.rows.iter().filter_map(expected).collect(),
        by,
        limits: answer.budgets.iter().map(|budget| limit(budget, answer)).collect(),
        unpriced_calls: answer.basis.coverage.unpriced_calls.into(),
        late: Vec::new(),
        limited_to,
    };
    let mut bundle = outlook.bundle();
    if matches!(request.window, ForecastWindow::Calendar(_)) && answer.budgets.is_empty() {
        bundle.caveats.push("No budget is set for this kind of period.".to_owned());
    }
    bundle
}

fn limit(budget: &BudgetOutlook, answer: &ForecastAnswer) -> Limit {
    let ahead = |(seen, total)| Ahead { period: answer.basis.period, seen, total, band: None };
    Limit {
        scope: shown_scope(&budget.scope),
        every: match budget.per {
            BudgetPeriod::Day => proposal::BudgetPeriod::Day,
            BudgetPeriod::Week => proposal::BudgetPeriod::Week,
            BudgetPeriod::Month => proposal::BudgetPeriod::Month,
            BudgetPeriod::Quarter => proposal::BudgetPeriod::Quarter,
            BudgetPeriod::Year => proposal::BudgetPeriod::Year,
        },
        limit: Money { amount: budget.limit, currency: answer.basis.currency },
        spent: None,
        expected: budget.seen.zip(budget.expected).map(ahead),
        probability_above: budget.probability_above.map(Decimal::to_f64),
        reached_on: budget.reached_on,
    }
}

fn health(answer: &HealthAnswer, limited_to: Option<String>) -> Health {
    let with_state = |state| answer.rows.iter().filter(move |row| row.state == state);
    let late = with_state(SourceState::Late)
        .filter_map(|row| Some((row.source.to_string(), date_of(row.fresh_until?))));
    let unpriced = &answer.unpriced;
    let coverage = &answer.basis.coverage;
    let in_pico = |amount: Decimal| Pico::round_half_even(amount).ok().map(|of| of.amount);
    let gaps = answer.reconciliation.iter().filter_map(|of| {
        let unexplained = of.causes.iter().find(|cause| cause.cause == "unexplained");
        let unexplained = unexplained.map_or(Some(Pico::ZERO), |cause| in_pico(cause.amount));
        let invoice = Money { amount: in_pico(of.invoiced)?, currency: of.currency };
        Some(InvoiceGap { invoice, gap: in_pico(of.gap)?, unexplained: unexplained? })
    });
    let places = answer.unowned.places.iter().take(UNOWNED_MAX);
    Health {
        period: answer.basis.period,
        as_of: Some(answer.basis.as_of),
        currency: answer.basis.currency,
        sources: answer.row_count,
        late: late.collect(),
        failing: with_state(SourceState::Failing).map(|row| row.source.to_string()).collect(),
        rows_rejected: answer.rows.iter().map(|row| row.rejected_rows).sum(),
        // The models are named up to five; how many there are is not known beyond.
        unpriced: Unpriced {
            calls: coverage.unpriced_calls.into(),
            models: if unpriced.len() < 5 { unpriced.len() } else { 0 },
            plausible: None,
        },
        owned_ratio: coverage.owned_ratio,
        unowned: answer.unowned.net,
        unowned_places: places.map(|place| (shown_scope(&place.scope), place.net)).collect(),
        gaps: gaps.collect(),
        limited_to,
    }
}

/// What waits, then the content of the first of those that were listed.
async fn queue(app: &App, ids: &[&str], all: u64, now: Timestamp) -> Result<Facts, AppError> {
    let open = app.approvals().inbox(now).await?;
    let mut promised: BTreeMap<Currency, i128> = BTreeMap::new();
    let mut without_promise = 0_usize;
    for view in &open {
        match view.proposal.saving {
            Some(saving) => {
                let sum = promised.entry(saving.mid.currency).or_default();
                *sum = sum.saturating_add(saving.mid.amount.0);
            }
            None => without_promise += 1,
        }
    }
    let waiting = Waiting {
        ids: open.iter().map(|view| view.proposal.id.to_string()).collect(),
        promised: promised
            .into_iter()
            .map(|(currency, amount)| Money { amount: Pico(amount), currency })
            .collect(),
        without_promise,
    };
    let progress = Progress {
        question: ProgressKind::Queue,
        as_of: Some(now),
        all,
        waiting,
        under_way: Vec::new(),
        measured: Vec::new(),
    };
    let mut bundles = vec![progress.bundle()];
    for id in ids.iter().take(PROPOSALS_MAX) {
        bundles.extend(one_proposal(app, id, now).await?);
    }
    Ok(Facts { bundles, evidence_id: None, notes: Vec::new() })
}

async fn one_proposal(app: &App, id: &str, now: Timestamp) -> Result<Option<Bundle>, AppError> {
    let Ok(id) = id.parse::<ProposalId>() else { return Ok(None) };
    Ok(Some(app.proposal_wording(id, now).await?.facts))
}

fn savings(answer: &SavingsAnswer) -> Progress {
    let sums = |stage| answer.stages.iter().filter(move |sum| sum.stage == stage);
    let measured = sums(SavingsStage::Realised).filter_map(|sum| {
        Some(SavingsSoFar {
            measured: sum.proposals,
            realised: sum.realised?,
            promised: sum.promised,
        })
    });
    let under_way = [
        (SavingsStage::Open, Stage::Open),
        (SavingsStage::Approved, Stage::Approved),
        (SavingsStage::Executed, Stage::Executed),
    ];
    let under_way = under_way.into_iter().flat_map(|(stage, of)| {
        sums(stage).filter_map(move |sum| {
            Some(Promised { stage: of, proposals: sum.proposals, promised: sum.promised? })
        })
    });
    Progress {
        question: ProgressKind::Savings,
        as_of: Some(answer.as_of),
        all: answer.row_count,
        waiting: Waiting::default(),
        under_way: under_way.collect(),
        measured: measured.collect(),
    }
}

/// Who may decide a proposal, and how.
pub(super) fn deciders(answer: &ProposalAnswer) -> String {
    let eligible: Vec<String> =
        answer.eligible.iter().map(|who| centinel_mcp::quoted(who.as_str())).collect();
    let who =
        if eligible.is_empty() { "nobody at the moment".to_owned() } else { eligible.join(", ") };
    format!("May decide: {who}. {}", answer.how_to_decide.as_str())
}
