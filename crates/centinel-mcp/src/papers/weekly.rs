//! The weekly report: what a week cost, what changed, what waits, and how far to trust it.

use centinel_engine::{money::Pico, period::Period, series::Dimension};

use super::{Desk, Paper, money, signed};
use crate::{
    answer::{AnomaliesAnswer, Basis, ComparisonAnswer, HealthAnswer, SpendAnswer},
    ports::Refusal,
    proposal::{ProposalStatus, ProposalsAnswer, ProposalsRequest},
    request::{
        AnomaliesRequest, AnomalyFilter, CompareRequest, Filter, Grouping, HealthRequest, Page,
        SpendRequest,
    },
    week::Week,
    window::{CompareTo, RelativePeriod, Window},
};

/// Rows of each list.
const ROWS_MAX: u32 = 8;
const PAGE: Page = Page { offset: 0, limit: ROWS_MAX, as_of: None };

/// The report of a week; of the last whole one when none is named.
///
/// # Errors
///
/// That of the spend answer. What else cannot be answered is said to be missing.
pub(crate) async fn weekly(desk: Desk<'_>, week: Option<Week>) -> Result<String, Refusal> {
    let window =
        match week {
            None => Window::Relative(RelativePeriod::LastWeek),
            Some(week) => Window::Exact(week.period().ok_or_else(|| {
                Refusal::mistaken("this week has no end", "name one as `2026-W43`")
            })?),
        };
    let by = |dimension, window| SpendRequest {
        window,
        grouping: Grouping::By(dimension),
        filter: Filter::default(),
        page: PAGE,
    };
    let spend = desk.answers.spend(desk.caller, by(Dimension::Provider, window)).await?;
    // What a relative week is, is said by the first answer, so that all parts are of the same days.
    let period = spend.basis.period;
    let window = Window::Exact(period);
    let models = desk.answers.spend(desk.caller, by(Dimension::Model, window)).await;
    let compare = CompareRequest {
        window,
        compare_to: CompareTo::PreviousPeriod,
        grouping: Grouping::By(Dimension::Team),
        filter: Filter::default(),
        page: PAGE,
    };
    let compare = desk.answers.compare(desk.caller, compare).await;
    let anomalies = AnomaliesRequest {
        window,
        filter: Filter::default(),
        status: AnomalyFilter::All,
        impact_min: None,
        page: PAGE,
    };
    let anomalies = desk.answers.anomalies(desk.caller, anomalies).await;
    let waiting =
        ProposalsRequest { status: Some(ProposalStatus::PendingApproval), kind: None, page: PAGE };
    let waiting = desk.proposals.list(waiting, desk.caller).await;
    let health = HealthRequest { window, page: PAGE };
    let health = desk.answers.data_health(desk.caller, health).await;

    let mut paper = Paper::new("Weekly report ");
    paper.figure(Week::of(period.dates().0)).text(": ").figure(period);
    spent(&mut paper, &spend)?;
    paper.heading("By model");
    if let Some(answer) = known(&mut paper, &models) {
        groups(&mut paper, answer, "Model ", "Without a model")?;
    }
    paper.heading("Change on the week before");
    if let Some(answer) = known(&mut paper, &compare) {
        changed(&mut paper, answer)?;
    }
    paper.heading("Anomalies");
    if let Some(answer) = known(&mut paper, &anomalies) {
        unusual(&mut paper, answer);
    }
    paper.heading("Waiting for a person");
    if let Some(answer) = known(&mut paper, &waiting) {
        undecided(&mut paper, answer);
    }
    paper.heading("How far to trust it");
    if let Some(answer) = known(&mut paper, &health) {
        trusted(&mut paper, answer);
    }
    let mut bases: Vec<(&'static str, &Basis)> = vec![("spend", &spend.basis)];
    bases.extend(models.iter().map(|answer| ("spend by model", &answer.basis)));
    bases.extend(compare.iter().map(|answer| ("change", &answer.basis)));
    bases.extend(anomalies.iter().map(|answer| ("anomalies", &answer.basis)));
    bases.extend(health.iter().map(|answer| ("data health", &answer.basis)));
    paper.grounds(&bases);
    Ok(paper.finish())
}

/// A part's answer; where there is none, the paper says why.
fn known<'a, A>(paper: &mut Paper, answer: &'a Result<A, Refusal>) -> Option<&'a A> {
    let refusal = match answer {
        Ok(answer) => return Some(answer),
        Err(refusal) => refusal,
    };
    let shown = match refusal {
        Refusal::Mistaken { message, .. }
        | Refusal::Amended { message, .. }
        | Refusal::Denied { message } => message,
        Refusal::Failed { detail } => {
            tracing::error!(error = %detail, "a part of the weekly report failed");
            "it could not be computed; the cause is in the log"
        }
    };
    paper.paragraph().text("Not known: ").message(shown).text(".");
    None
}

fn spent(paper: &mut Paper, answer: &SpendAnswer) -> Result<(), Refusal> {
    let currency = answer.basis.currency;
    paper.paragraph().sentence(&answer.summary).heading("Spend");
    paper.item().text("Net ").figure(money(answer.total.net, currency));
    paper.text(", gross ").figure(money(answer.total.gross, currency));
    if let Some(calls) = answer.total.calls {
        paper.text(", ").figure(calls).text(" calls");
    }
    groups(paper, answer, "Provider ", "Without a provider")
}

/// The rows of a breakdown, and what the others add up to.
fn groups(
    paper: &mut Paper,
    answer: &SpendAnswer,
    named: &'static str,
    nameless: &'static str,
) -> Result<(), Refusal> {
    let currency = answer.basis.currency;
    for row in &answer.rows {
        paper.item();
        match &row.group {
            Some(group) => paper.text(named).name(group.as_str()),
            None => paper.text(nameless),
        };
        paper.text(": net ").figure(money(row.spend.net, currency));
    }
    let shown = answer.rows.iter().map(|row| row.spend.net);
    others(paper, answer.row_count, answer.rows.len(), answer.total.net, shown, |amount| {
        format!("net {}", money(amount, currency))
    })
}

fn changed(paper: &mut Paper, answer: &ComparisonAnswer) -> Result<(), Refusal> {
    let currency = answer.basis.currency;
    let change = answer.total.change;
    paper.paragraph().sentence(&answer.summary);
    paper.item().text("Before: ").figure(money(change.before, currency)).text(" (");
    let baseline: Period = answer.baseline;
    paper.figure(baseline).text("), after: ").figure(money(change.after, currency));
    paper.text(", change: ").figure(signed(change.delta, currency));
    for effect in answer.total.effects.iter().filter(|effect| effect.amount != Pico::ZERO) {
        paper.item().text("Of it by ").word(&effect.driver).text(": ");
        paper.figure(signed(effect.amount, currency));
    }
    for row in &answer.rows {
        paper.item();
        match &row.group {
            Some(group) => paper.text("Team ").name(group.as_str()),
            None => paper.text("Without a team"),
        };
        paper.text(": ").figure(signed(row.change.delta, currency)).text(" to ");
        paper.figure(money(row.change.after, currency));
        if let Some(driver) = &row.main_driver {
            paper.text(", mostly by ").word(driver);
        }
    }
    let shown = answer.rows.iter().map(|row| row.change.delta);
    others(paper, answer.row_count, answer.rows.len(), change.delta, shown, |amount| {
        signed(amount, currency)
    })
}

/// What the rows that are not shown add up to, so that the list makes its total.
fn others(
    paper: &mut Paper,
    row_count: u64,
    shown_count: usize,
    total: Pico,
    shown: impl Iterator<Item = Pico>,
    word: impl Fn(Pico) -> String,
) -> Result<(), Refusal> {
    let left = row_count.saturating_sub(u64::try_from(shown_count).unwrap_or(u64::MAX));
    if left > 0 {
        let shown = Pico::checked_sum(shown).map_err(Refusal::failed)?;
        let rest = total.checked_sub(shown).map_err(Refusal::failed)?;
        paper.item().figure(left).text(if left == 1 { " other: " } else { " others together: " });
        paper.figure(word(rest));
    }
    Ok(())
}

fn unusual(paper: &mut Paper, answer: &AnomaliesAnswer) {
    let currency = answer.basis.currency;
    paper.paragraph().sentence(&answer.summary);
    for row in &answer.rows {
        paper.item().figure(&row.anomaly_id).text(" (");
        paper.text(if row.open { "open" } else { "over" }).text("): ").scope(&row.scope);
        paper.text(", ").word(&row.metric).text(" since ").figure(row.started_at);
        paper.text(", ").figure(signed(row.impact, currency)).text(" against the usual; ");
        match &row.owner {
            Some(owner) => paper.text("owner ").name(owner.as_str()),
            None => paper.text("no owner"),
        };
        if let Some(proposal_id) = &row.proposal_id {
            paper.text("; proposal ").figure(proposal_id);
        }
    }
    let shown = answer.rows.iter().map(|row| row.impact);
    // Overlapping anomalies are counted once in the total, so the rest is a number of rows only.
    more(paper, answer.row_count, shown.count());
}

fn undecided(paper: &mut Paper, answer: &ProposalsAnswer) {
    paper.paragraph().sentence(&answer.summary);
    for row in &answer.rows {
        paper.item().figure(&row.proposal_id).text(" (").word(&row.kind).text("): ");
        paper.sentence(&row.title).text(" by ").name(row.proposed_by.as_str());
        if let Some(expires_at) = row.expires_at {
            paper.text(", lapses ").figure(expires_at);
        }
        if let Some(saving) = &row.monthly_saving {
            paper.text(", promises ").figure(saving.low).text(" to ").figure(saving.high);
            paper.text(" a month");
        }
    }
    more(paper, answer.row_count, answer.rows.len());
}

fn trusted(paper: &mut Paper, answer: &HealthAnswer) {
    let coverage = &answer.basis.coverage;
    paper.paragraph().sentence(&answer.summary);
    if let Some(owned_ratio) = coverage.owned_ratio {
        paper.item().text("Share of net cost with an owner: ").figure(owned_ratio);
    }
    if coverage.unpriced_calls > 0 {
        paper.item().figure(coverage.unpriced_calls).text(" calls without a price");
    }
}

fn more(paper: &mut Paper, row_count: u64, shown_count: usize) {
    let left = row_count.saturating_sub(u64::try_from(shown_count).unwrap_or(u64::MAX));
    if left > 0 {
        paper.item().figure(left).text(" more");
    }
}
