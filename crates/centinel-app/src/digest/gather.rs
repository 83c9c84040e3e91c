//! What the digests of a period need, asked for once.

use std::collections::{BTreeMap, BTreeSet};

use centinel_approvals::View;
use centinel_engine::{
    digest::{Finding, InvoiceGap, Late, Summary, SummaryKind, Unpriced},
    money::{Currency, Decimal, Money, Pico},
    period::{Period, date_of, start_of_day},
    proposal::{Change, Stage, Status},
    series::Dimension,
};
use centinel_ledger::ScanLevel;
use jiff::{Timestamp, ToSpan as _, civil::Date};

use super::parts::{self, Pairs};
use crate::{
    App, AppError, ForecastRequest, Incident, Outputs, SavingsLine, SpendForecast, SpendGroup,
    SpendRequest, plausible_total,
};

/// Days after which a source that brings nothing is told of no longer: it is not late, it is gone.
const LATE_DAYS_MAX: i64 = 60;
/// Days that may lie between a period and the forecast that is told with it.
const AHEAD_DAYS_MAX: i32 = 31;
/// Episodes that a digest names, and a month in paragraphs.
const FINDINGS_MAX: usize = 5;
const FINDINGS_MAX_MONTHLY: usize = 3;

/// What the digests of a period need.
pub(super) struct Gathered {
    kind: SummaryKind,
    period: Period,
    before: Option<Period>,
    currency: Currency,
    limited_to: Option<String>,
    as_of: Timestamp,
    is_complete: bool,
    late: Vec<Late>,
    now: Pairs,
    earlier: Pairs,
    by_kind: [BTreeMap<String, Pico>; 2],
    owned_ratio: Option<Decimal>,
    outputs: [Outputs; 2],
    findings: Vec<Finding>,
    open: Vec<View>,
    savings: Vec<SavingsLine>,
    ahead: Option<SpendForecast>,
    limits: Vec<parts::OwnedLimit>,
    gaps: Vec<InvoiceGap>,
    unpriced: Unpriced,
}

impl Gathered {
    pub(super) async fn of(
        app: &App,
        kind: SummaryKind,
        period: Period,
        data: (Timestamp, Timestamp),
        now: Timestamp,
    ) -> Result<Self, AppError> {
        let pairs = app.spend(&by_pairs(period), now).await?;
        let currency = pairs.currency;
        // Compared with a period that the ledger has from its first day on, or with none.
        let before = before(period).filter(|before| date_of(data.0) <= before.dates().0);
        let earlier = match before {
            Some(before) => Pairs::of(&app.spend(&by_pairs(before), now).await?, currency),
            None => Pairs::default(),
        };
        let by_kind = [
            kinds(app, Some(period), currency, now).await?,
            kinds(app, before, currency, now).await?,
        ];
        let (complete, late) = app.complete_until(data, date_of(now)).await?;
        let (first, after) = period.dates();
        let gone = first.saturating_sub(LATE_DAYS_MAX.days());
        let is_late = |day: Date| (gone..after).contains(&day);
        let late = late.into_iter().filter(|late| is_late(late.last_day));
        let open = app.approvals.inbox(now).await?;
        let savings = app.savings(now).await?.lines;
        let ahead = ahead(app, after, now).await?;
        let now_pairs = Pairs::of(&pairs, currency);
        let limits = parts::limits(app, period, &now_pairs, now).await?;
        let models = app.unpriced_models(period).await?;
        let plausible = plausible_total(&models).filter(|(_, _, without)| *without == 0);
        let outputs = [
            app.outputs(&by_feature(period)).await?,
            match before {
                Some(before) => app.outputs(&by_feature(before)).await?,
                None => Outputs::default(),
            },
        ];
        let findings = findings(app, period, &open, now).await?;
        Ok(Self {
            kind,
            period,
            before,
            currency,
            limited_to: app.limited_to().map(str::to_owned),
            as_of: data.1,
            is_complete: start_of_day(complete) >= period.end && now >= period.end,
            late: late.map(|late| (late.source, late.last_day)).collect(),
            now: now_pairs,
            earlier,
            by_kind,
            owned_ratio: pairs.owned_ratio,
            outputs,
            findings,
            open,
            savings,
            ahead,
            limits,
            gaps: gaps(app, period).await?,
            unpriced: Unpriced {
                calls: models.iter().map(|model| model.calls).sum(),
                models: models.len(),
                plausible: plausible.map(|(low, high, _)| (low, high)),
            },
        })
    }

    /// Everybody who had spend in the period or the one before, or has a proposal open, by name.
    pub(super) fn owners(&self) -> Vec<String> {
        let spent = self.now.owners().chain(self.earlier.owners()).map(str::to_owned);
        let asked = self.open.iter().map(|view| view.proposal.owner.clone());
        let asked = asked.filter(|owner| !owner.trim().is_empty());
        spent.chain(asked).collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// What is said of all spend that is seen.
    pub(super) fn of_all(&self) -> Summary {
        let is_monthly = self.kind != SummaryKind::Weekly;
        let moved = if is_monthly {
            parts::moved_kinds(&self.by_kind)
        } else {
            parts::moved_owners(&self.now, &self.earlier)
        };
        let total = self.ahead.as_ref().map(|forecast| &forecast.total);
        Summary {
            cost: self.now.cost(None),
            cost_before: self.before.and_then(|_| self.earlier.cost(None)),
            other_currencies: self.now.others(None),
            moved: if self.before.is_some() { moved } else { Vec::new() },
            ahead: total.and_then(|line| parts::ahead(line, self.ahead.as_ref())),
            gaps: self.gaps.clone(),
            owned_ratio: self.owned_ratio,
            unpriced: self.unpriced.clone(),
            late: self.late.clone(),
            ..self.common(None)
        }
    }

    /// What is said of an owner's spend.
    pub(super) fn of_owner(&self, owner: &str) -> Summary {
        let moved = parts::moved_features(&self.now, &self.earlier, owner);
        let lines = self.ahead.iter().flat_map(|forecast| &forecast.lines);
        let line = lines.into_iter().find(|line| line.forecast.series == owner);
        let is_scorecard = self.kind == SummaryKind::Scorecard;
        Summary {
            cost: self.now.cost(Some(owner)),
            cost_before: self.before.and_then(|_| self.earlier.cost(Some(owner))),
            other_currencies: self.now.others(Some(owner)),
            rank: is_scorecard.then(|| self.now.rank(owner)).flatten(),
            moved: if self.before.is_some() { moved } else { Vec::new() },
            outputs: parts::outputs(owner, [&self.now, &self.earlier], &self.outputs),
            ahead: line.and_then(|line| parts::ahead(line, self.ahead.as_ref())),
            unpriced: Unpriced { calls: self.now.unpriced(owner), ..Unpriced::default() },
            ..self.common(Some(owner))
        }
    }

    /// What is picked by the owner alone.
    fn common(&self, owner: Option<&str>) -> Summary {
        let is_of = |of: Option<&str>| owner.is_none() || of == owner;
        let mut findings = self.findings.iter().filter(|finding| is_of(finding.owner.as_deref()));
        let findings_max = match self.kind {
            SummaryKind::Monthly => FINDINGS_MAX_MONTHLY,
            SummaryKind::Weekly | SummaryKind::Scorecard => FINDINGS_MAX,
        };
        let named: Vec<Finding> = findings.by_ref().take(findings_max).cloned().collect();
        let open = self.open.iter().filter(|view| is_of(Some(&view.proposal.owner)));
        let savings = self.savings.iter().filter(|line| is_of(Some(&line.owner)));
        let limits = self.limits.iter().filter(|limit| is_of(limit.owner.as_deref()));
        let limits: Vec<_> = limits.map(|limit| limit.limit.clone()).collect();
        let known = limits.iter().filter(|limit| limit.spent.is_some());
        let kept = known.clone().filter(|limit| !limit.was_passed()).count();
        let limits_kept = (self.kind != SummaryKind::Weekly).then(|| (known.count(), kept));
        let is_named = |limit: &centinel_engine::digest::Limit| {
            limit.is_at_risk() || (self.kind != SummaryKind::Weekly && limit.was_passed())
        };
        Summary {
            kind: self.kind,
            owner: owner.map(str::to_owned),
            limited_to: self.limited_to.clone(),
            period: self.period,
            before: self.before,
            currency: self.currency,
            as_of: Some(self.as_of),
            is_complete: self.is_complete,
            cost: None,
            cost_before: None,
            other_currencies: Vec::new(),
            rank: None,
            moved: Vec::new(),
            outputs: Vec::new(),
            findings: named,
            findings_more: findings.count(),
            ahead: None,
            limits: limits.into_iter().filter(is_named).map(|limit| self.told(limit)).collect(),
            limits_kept,
            waiting: parts::waiting(open.filter(|view| view.status == Status::Pending)),
            savings: parts::savings(savings.filter(|line| line.stage == Stage::Realised)),
            gaps: Vec::new(),
            owned_ratio: None,
            unpriced: Unpriced::default(),
            late: Vec::new(),
        }
    }

    /// A weekly digest looks ahead; what a month spent of a limit is for those who look back.
    fn told(&self, limit: centinel_engine::digest::Limit) -> centinel_engine::digest::Limit {
        let is_told = self.kind != SummaryKind::Weekly && limit.was_passed();
        centinel_engine::digest::Limit { spent: limit.spent.filter(|_| is_told), ..limit }
    }
}

/// The period that one is compared with: the calendar month before a calendar month, else the days just
/// before, as many.
fn before(period: Period) -> Option<Period> {
    let (first, after) = period.dates();
    let is_month = first.day() == 1 && first.saturating_add(1.month()) == after;
    if is_month {
        return Period::days(first.saturating_sub(1.month()), first).ok();
    }
    period.before()
}

fn question(period: Period, group_by: Vec<SpendGroup>) -> SpendRequest {
    SpendRequest {
        period,
        group_by,
        filter: Vec::new(),
        grain: None,
        top: None,
        as_of: None,
        scan: ScanLevel::Coarsest,
    }
}

/// By feature and service, with who owns each.
fn by_pairs(period: Period) -> SpendRequest {
    let groups = vec![
        SpendGroup::Dimension(Dimension::Feature),
        SpendGroup::Dimension(Dimension::Service),
        SpendGroup::Owner,
    ];
    question(period, groups)
}

fn by_feature(period: Period) -> SpendRequest {
    question(period, vec![SpendGroup::Dimension(Dimension::Feature)])
}

async fn kinds(
    app: &App,
    period: Option<Period>,
    currency: Currency,
    now: Timestamp,
) -> Result<BTreeMap<String, Pico>, AppError> {
    let Some(period) = period else { return Ok(BTreeMap::new()) };
    let answer = app.spend(&question(period, vec![SpendGroup::Kind]), now).await?;
    let lines = answer.rows.into_iter().filter(|line| line.currency == currency);
    let named = |line: crate::SpendLine| {
        let name = line.group.into_values().flatten().next().unwrap_or_default();
        (name, line.sums.cost)
    };
    Ok(lines.map(named).collect())
}

/// The month that goes on, by owner; `None` where there is too little history, and for a period of long
/// ago.
async fn ahead(app: &App, after: Date, now: Timestamp) -> Result<Option<SpendForecast>, AppError> {
    let request = ForecastRequest { by: SpendGroup::Owner, ..ForecastRequest::month() };
    let forecast = match app.forecast(&request, now).await {
        Ok(forecast) => forecast,
        Err(AppError::TooLittleHistory { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let days = after.until(forecast.as_of).map_or(i32::MAX, |span| span.get_days());
    Ok((days <= AHEAD_DAYS_MAX).then_some(forecast))
}

/// Episodes with a day in the period that people are shown, the largest first.
async fn findings(
    app: &App,
    period: Period,
    open: &[View],
    now: Timestamp,
) -> Result<Vec<Finding>, AppError> {
    let (first, after) = period.dates();
    let incidents = app.incidents(now).await?;
    let is_told = |incident: &&Incident| {
        !incident.is_small
            && incident.is_shown()
            && incident.last >= first
            && incident.start < after
    };
    Ok(incidents.iter().filter(is_told).map(|incident| finding(incident, open)).collect())
}

/// An episode for the standard wording, with the open proposals about the same part of the spend.
pub(super) fn finding(incident: &Incident, open: &[View]) -> Finding {
    let is_about = |view: &&View| matches!(&view.proposal.change, Change::Budget { scope, .. } if *scope == incident.scope);
    let excess = incident.effects.get(&crate::incident::metric_name(incident.main_metric));
    let excess = excess.and_then(|ratio| ratio.parse::<Decimal>().ok());
    Finding {
        id: incident.id.clone(),
        scope: incident.scope.clone(),
        within: incident.within.clone().unwrap_or_default(),
        since: incident.start,
        until: (!incident.is_open).then_some(incident.last),
        impact: Money { amount: incident.impact, currency: incident.currency },
        metric: incident.main_metric,
        excess: excess.and_then(|ratio| ratio.checked_mul_integer(100).ok()),
        owner: incident.owner.clone(),
        proposals: open.iter().filter(is_about).map(|view| view.proposal.id.to_string()).collect(),
    }
}

/// Invoices of a period against the ledger. Whoever sees a part sees no invoice, which is one of all.
async fn gaps(app: &App, period: Period) -> Result<Vec<InvoiceGap>, AppError> {
    if app.limited_to().is_some() {
        return Ok(Vec::new());
    }
    let mut gaps = Vec::new();
    for statement in app.reconciliation(Some(period)).await? {
        let pico = |amount: Decimal| Pico::round_half_even(amount).map(|rounded| rounded.amount);
        if statement.invoice.is_zero() {
            continue;
        }
        gaps.push(InvoiceGap {
            invoice: Money { amount: pico(statement.invoice)?, currency: statement.currency },
            gap: pico(statement.gap)?,
            unexplained: pico(statement.unexplained)?,
        });
    }
    Ok(gaps)
}
