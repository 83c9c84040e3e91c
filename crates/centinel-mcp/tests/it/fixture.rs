//! Ports over a small ledger of fixed rows: October 2026 of a company with a few models and features.
//! Sums are computed, so that filters, pages and remainders are real.

// Beside this file, wherever it is included from.
#[path = "fixture_proposals.rs"]
mod proposals;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use centinel_engine::{
    forecast::Method,
    money::{Currency, Decimal, Money, Pico},
    period::{Grain, Period, start_of_day},
    series::Dimension,
};
use centinel_mcp::{
    AnomaliesAnswer, AnomaliesRequest, AnomalyFilter, AnomalyRow, Answers, Basis, BudgetOutlook,
    BudgetPeriod, CalibrationRow, Change, ChangeKind, CompareRequest, CompareTo, ComparisonAnswer,
    ComparisonRow, Coverage, Decomposition, Driver, Edit, Effect, Expected, ExplainRequest,
    ExplanationAnswer, Filter, ForecastAnswer, ForecastRequest, ForecastRow, ForecastWindow,
    GapCause, GrossSides, Grouping, HealthAnswer, HealthRequest, Label, Link, Metric, Page, Place,
    Principal, ProposalAnswer, ProposalDraft, Receipt, Reconciliation, Refusal, RelativePeriod,
    Reply, SavingsAnswer, SavingsRequest, SavingsRow, SavingsStage, SavingsSum, Sentence, Server,
    ServerOptions, SourceRow, SourceState, Spend, SpendAnswer, SpendRequest, SpendRow, Unowned,
    UnownedPlace, UnpricedModel, Window, previous_period, quoted, year_before,
};
use jiff::civil::{Date, date};
use tokio::sync::Notify;

/// The day after the last one with data.
const TODAY: Date = date(2026, 11, 1);
const EVIDENCE: &str = "bundle:9f3c51aa02de";
const HOW_TO_DECIDE: &str = "A person decides with `centinel approve` or on the review page.";

/// What every call of one day, model and feature cost together.
#[derive(Debug, Clone)]
struct Row {
    day: Date,
    labels: BTreeMap<Dimension, String>,
    spend: Spend,
}

/// The fixed ledger and the proposals made so far.
pub(crate) struct Fixture {
    rows: Vec<Row>,
    /// Put before names of the data, as an attacker would.
    hostile: String,
    proposals: Mutex<Vec<(ProposalDraft, Principal, ProposalAnswer)>>,
    /// What can be proposed.
    kinds: Vec<ChangeKind>,
    /// How long a breakdown takes.
    pub(crate) delay: Duration,
    /// Told whenever a breakdown ends, one way or the other.
    pub(crate) ended: Arc<Notify>,
}

struct TellWhenDropped(Arc<Notify>);

impl Drop for TellWhenDropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Fixture {
    /// October with four models in four features.
    pub(crate) fn new() -> Self {
        Self::with(&["gpt-5.1", "gpt-5.1-mini", "claude-sonnet", "gemini-pro"], "")
    }

    /// The same for other kinds of change than all.
    pub(crate) fn taking(self, kinds: &[ChangeKind]) -> Self {
        Self { kinds: kinds.to_vec(), ..self }
    }

    /// October with many models.
    pub(crate) fn wide(models: usize) -> Self {
        let names: Vec<String> = (0..models).map(|n| format!("model-{n:03}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Self::with(&names, "")
    }

    /// October with a string of an attacker's choice in every name of the data.
    pub(crate) fn hostile(text: &str) -> Self {
        Self::with(&["gpt-5.1", "claude-sonnet"], text)
    }

    fn with(models: &[&str], hostile: &str) -> Self {
        let features = [
            ("support-answers", "support-platform"),
            ("code-review", "engineering"),
            ("search-summary", "search"),
            ("batch-labels", "search"),
        ];
        let mut rows = Vec::new();
        for day in 1..=31_i8 {
            for (m, model) in (1_i128..).zip(models) {
                for (f, (feature, team)) in (1_i128..).zip(features) {
                    // Tokens per call of support-answers rise on the 24th.
                    let rise = if f == 1 && day >= 24 { 168 } else { 100 };
                    let tokens = 1_000 * rise * (5 - f) / m;
                    let net = Pico(tokens * 12_500_000_000 / 3);
                    let labels = [
                        (Dimension::Model, format!("{hostile}{model}")),
                        (Dimension::Provider, "provider".to_owned()),
                        (Dimension::Feature, format!("{hostile}{feature}")),
                        (Dimension::Team, format!("{hostile}{team}")),
                    ];
                    rows.push(Row {
                        day: date(2026, 10, day),
                        labels: labels.into(),
                        spend: Spend {
                            gross: Pico(net.0 * 11 / 10),
                            net,
                            calls: u64::try_from(100 * (5 - f)).ok(),
                            tokens: u64::try_from(tokens).ok(),
                            input_tokens: u64::try_from(tokens / 2).ok(),
                            output_tokens: u64::try_from(tokens - tokens / 2).ok(),
                            ..nothing()
                        },
                    });
                }
            }
        }
        Self {
            rows,
            hostile: hostile.to_owned(),
            proposals: Mutex::default(),
            kinds: ChangeKind::ALL.to_vec(),
            delay: Duration::ZERO,
            ended: Arc::default(),
        }
    }

    /// A server over this ledger.
    pub(crate) fn server(self, read_only: bool) -> Server {
        let fixture = Arc::new(self);
        let call_time_max = Duration::from_secs(30);
        Server::new(fixture.clone(), fixture, ServerOptions { read_only, call_time_max })
    }

    fn name(&self, text: &str) -> String {
        format!("{}{text}", self.hostile)
    }

    fn rows<'a>(&'a self, period: Period, filter: &'a Filter) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| {
            period.contains(start_of_day(row.day))
                && filter
                    .0
                    .iter()
                    .all(|(dimension, value)| row.labels.get(dimension) == Some(value))
        })
    }

    /// Spend by group, largest first, or in time order.
    fn groups(
        &self,
        period: Period,
        filter: &Filter,
        by: &Grouping,
    ) -> Result<Vec<(Option<String>, Spend)>, Refusal> {
        let mut groups: BTreeMap<Option<String>, Spend> = BTreeMap::new();
        for row in self.rows(period, filter) {
            let key = match by {
                Grouping::By(dimension) => row.labels.get(dimension).cloned(),
                Grouping::Owner => row.labels.get(&Dimension::Team).cloned(),
                Grouping::Kind => Some("AI tokens".to_owned()),
                Grouping::Over(Grain::Month) => Some(row.day.first_of_month().to_string()),
                Grouping::Over(_) => Some(row.day.to_string()),
            };
            let group = groups.entry(key).or_insert(nothing());
            *group = sum(*group, row.spend)?;
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        if !matches!(by, Grouping::Over(_)) {
            groups.sort_by_key(|(_, spend)| std::cmp::Reverse(spend.net));
        }
        Ok(groups)
    }

    fn gross(
        &self,
        period: Period,
        before: Option<Period>,
        filter: &Filter,
    ) -> Result<GrossSides, Refusal> {
        let before = before.map(|before| self.total(before, filter)).transpose()?;
        Ok(GrossSides {
            before: before.map(|before| before.gross),
            after: self.total(period, filter)?.gross,
        })
    }

    fn total(&self, period: Period, filter: &Filter) -> Result<Spend, Refusal> {
        self.rows(period, filter).try_fold(nothing(), |total, row| sum(total, row.spend))
    }

    fn basis(&self, period: Period) -> Basis {
        Basis {
            currency: Currency::USD,
            period,
            as_of: start_of_day(TODAY),
            fresh_until: Some(start_of_day(TODAY)),
            coverage: Coverage {
                owned_ratio: "0.914".parse().ok(),
                unpriced_calls: 12,
                unpriced_tokens: 1_200_000,
            },
            evidence_id: EVIDENCE.to_owned(),
            notes: vec![
                Sentence::new("Periods count from the end of the data, ").figure(TODAY).text("."),
                Sentence::new("The invoice of ").name(&self.name("provider-9")).text(" is open."),
            ],
        }
    }

    fn change(
        &self,
        period: Period,
        before: Period,
        filter: &Filter,
    ) -> Result<Decomposition, Refusal> {
        let change = change(self.total(before, filter)?.net, self.total(period, filter)?.net)?;
        let volume = Pico(change.delta.0 / 10);
        let effects = vec![
            Effect { driver: Driver::TokensPerCall, amount: minus(change.delta, volume)? },
            Effect { driver: Driver::Volume, amount: volume },
            Effect { driver: Driver::Price, amount: Pico::ZERO },
        ];
        Ok(Decomposition { change, effects })
    }
}

impl Answers for Fixture {
    fn spend<'a>(&'a self, _: &'a Principal, request: SpendRequest) -> Reply<'a, SpendAnswer> {
        Box::pin(async move {
            let _ended = TellWhenDropped(self.ended.clone());
            tokio::time::sleep(self.delay).await;
            let period = resolved(request.window)?;
            let total = self.total(period, &request.filter)?;
            let groups = self.groups(period, &request.filter, &request.grouping)?;
            if groups.is_empty() {
                let message = "nothing was spent in this period with this filter";
                let edits = ["filter", "start", "end", "period"].map(Edit::without).to_vec();
                return Err(Refusal::amended(message, edits));
            }
            let row_count = groups.len() as u64;
            let rows = paged(groups, request.page)
                .map(|(group, spend)| SpendRow {
                    group: group.map(Label::from),
                    spend,
                    share_ratio: "0.25".parse().ok(),
                })
                .collect::<Vec<_>>();
            let first = rows.first().and_then(|row| row.group.clone());
            let summary = Sentence::new("Net spend was ")
                .figure(usd(total.net))
                .text(" from ")
                .figure(period)
                .text("; the first row is ")
                .name(first.as_ref().map_or("not attributed", Label::as_str))
                .text(".");
            Ok(SpendAnswer { summary, total, rows, row_count, basis: self.basis(period) })
        })
    }

    fn compare<'a>(
        &'a self,
        _: &'a Principal,
        request: CompareRequest,
    ) -> Reply<'a, ComparisonAnswer> {
        Box::pin(async move {
            let period = resolved(request.window)?;
            let baseline = baseline(period, request.compare_to)?;
            let total = self.change(period, baseline, &request.filter)?;
            let before: BTreeMap<_, _> =
                self.groups(baseline, &request.filter, &request.grouping)?.into_iter().collect();
            let groups = self.groups(period, &request.filter, &request.grouping)?;
            let row_count = groups.len() as u64;
            let mut rows = Vec::new();
            for (group, after) in groups {
                let before = before.get(&group).map_or(Pico::ZERO, |spend| spend.net);
                rows.push(ComparisonRow {
                    group: group.map(Label::from),
                    change: change(before, after.net)?,
                    main_driver: Some(Driver::TokensPerCall),
                });
            }
            rows.sort_by_key(|row| std::cmp::Reverse(row.change.delta.0.abs()));
            let summary = Sentence::new("Net spend changed by ")
                .figure(usd(total.change.delta))
                .text(", mostly tokens per call.");
            Ok(ComparisonAnswer {
                summary,
                total,
                gross: self.gross(period, Some(baseline), &request.filter)?,
                rows: paged(rows, request.page).collect(),
                row_count,
                baseline,
                basis: self.basis(period),
            })
        })
    }

    fn anomalies<'a>(
        &'a self,
        _: &'a Principal,
        request: AnomaliesRequest,
    ) -> Reply<'a, AnomaliesAnswer> {
        Box::pin(async move {
            let period = resolved(request.window)?;
            let total_impact = Pico(4_147_680_000_000_000);
            let row = AnomalyRow {
                anomaly_id: Label::new("E-12"),
                open: true,
                scope: self.scope(),
                within: None,
                metric: Metric::TokensPerCall,
                started_at: start_of_day(date(2026, 10, 24)),
                ended_at: None,
                observed: Some(decimal("1680")),
                expected: Some(decimal("1000")),
                impact: total_impact,
                owner: Some(Label::from(self.name("support-platform"))),
                proposal_id: None,
            };
            let wanted = request.status != AnomalyFilter::Closed
                && request.impact_min.is_none_or(|impact| impact <= total_impact);
            let rows = if wanted { vec![row] } else { Vec::new() };
            Ok(AnomaliesAnswer {
                summary: Sentence::new("Anomalies cost ")
                    .figure(usd(total_impact))
                    .text(" so far."),
                total_impact,
                row_count: rows.len() as u64,
                rows: paged(rows, request.page).collect(),
                basis: self.basis(period),
            })
        })
    }

    fn explain<'a>(
        &'a self,
        _: &'a Principal,
        request: ExplainRequest,
    ) -> Reply<'a, ExplanationAnswer> {
        Box::pin(async move {
            let (window, compare_to, filter, anomaly_id) = match request {
                ExplainRequest::Anomaly { anomaly_id } if anomaly_id == "E-12" => {
                    let days = Period::days(date(2026, 10, 24), TODAY).map_err(Refusal::failed)?;
                    let feature = (Dimension::Feature, self.name("support-answers"));
                    let filter = Filter([feature].into());
                    (Window::Exact(days), CompareTo::Usual, filter, Some(Label::new("E-12")))
                }
                ExplainRequest::Anomaly { anomaly_id } => {
                    let message = format!("no anomaly {}", quoted(&anomaly_id));
                    return Err(Refusal::mistaken(message, "list ids with `anomalies`"));
                }
                ExplainRequest::Scope { window, compare_to, filter } => {
                    (window, compare_to, filter, None)
                }
            };
            let period = resolved(window)?;
            let baseline = baseline(period, compare_to)?;
            let decomposition = self.change(period, baseline, &filter)?;
            let delta = decomposition.change.delta;
            Ok(ExplanationAnswer {
                summary: Sentence::new("Net spend changed by ")
                    .figure(usd(delta))
                    .text(" on ")
                    .name(&self.name("support-answers"))
                    .text("."),
                anomaly_id,
                scope: self.scope(),
                decomposition,
                gross: self.gross(period, None, &filter)?,
                usual_range_ratio: "0.09".parse().ok(),
                places: vec![Place { scope: self.scope(), delta, share_ratio: "1".parse().ok() }],
                started_at: Some(start_of_day(date(2026, 10, 24))),
                links: vec![Link {
                    at: start_of_day(date(2026, 10, 24)),
                    kind: "deploy",
                    name: Label::from(self.name("support-api 2026.41")),
                    contribution: None,
                    share_ratio: None,
                }],
                ruled_out: vec![Sentence::new("The price list is unchanged.")],
                owner: Some(Label::from(self.name("support-platform"))),
                proposal_id: None,
                baseline,
                basis: self.basis(period),
            })
        })
    }

    fn forecast<'a>(
        &'a self,
        _: &'a Principal,
        request: ForecastRequest,
    ) -> Reply<'a, ForecastAnswer> {
        Box::pin(async move {
            let october = resolved(Window::Relative(RelativePeriod::LastMonth))?;
            let grouping = Grouping::By(request.group_by.unwrap_or(Dimension::Provider));
            // As much as in October.
            let expected = |net: Pico| Expected {
                seen: Pico::ZERO,
                expected: Some(net),
                low_80: Some(net),
                high_80: Some(net),
                low_95: None,
                high_95: None,
                without_assumptions: (!request.assumptions.is_empty()).then_some(net),
            };
            let total = expected(self.total(october, &request.filter)?.net);
            let groups = self.groups(october, &request.filter, &grouping)?;
            let row_count = groups.len() as u64;
            let rows = paged(groups, request.page).map(|(group, spend)| ForecastRow {
                group: Label::from(group.unwrap_or_default()),
                expected: expected(spend.net),
                method: Method::Course,
                unpriced_calls: 0,
            });
            let period = match request.window {
                ForecastWindow::Calendar(period) => {
                    let (first, after) = period.of(TODAY);
                    Period::days(first, after).map_err(Refusal::failed)?
                }
                ForecastWindow::Exact(period) => period,
            };
            Ok(ForecastAnswer {
                summary: Sentence::new("November is expected to cost what October did."),
                rows: rows.collect(),
                total,
                first_day_ahead: TODAY,
                probability_above: request.amount.and_then(|_| "0.5".parse().ok()),
                reached_on: None,
                models_assumed: Vec::new(),
                budgets: vec![BudgetOutlook {
                    scope: self.scope(),
                    per: BudgetPeriod::Month,
                    limit: Pico::ONE,
                    seen: Some(Pico::ZERO),
                    expected: Some(Pico::ONE),
                    probability_above: "0.5".parse().ok(),
                    reached_on: Some(TODAY),
                }],
                row_count,
                basis: self.basis(period),
            })
        })
    }

    fn data_health<'a>(
        &'a self,
        _: &'a Principal,
        request: HealthRequest,
    ) -> Reply<'a, HealthAnswer> {
        Box::pin(async move {
            let period = resolved(request.window)?;
            let rows = vec![SourceRow {
                source: Label::from(self.name("calls.csv")),
                state: SourceState::Ok,
                fresh_until: Some(start_of_day(TODAY)),
                accepted_rows: self.rows.len() as u64,
                rejected_rows: 3,
            }];
            Ok(HealthAnswer {
                summary: Sentence::new("One source is fresh; one model has no price."),
                row_count: rows.len() as u64,
                rows: paged(rows, request.page).collect(),
                unpriced: vec![UnpricedModel {
                    model: Label::from(self.name("in-house-7b")),
                    calls: 12,
                    tokens: 1_200_000,
                    may_have_cost: None,
                }],
                unowned: Unowned {
                    net: money("12.5").amount,
                    places: vec![UnownedPlace { scope: self.scope(), net: money("12").amount }],
                    other: money("0.5").amount,
                },
                reconciliation: vec![Reconciliation {
                    currency: Currency::USD,
                    invoiced: decimal("1"),
                    ledger: decimal("1.25"),
                    gap: decimal("-0.25"),
                    causes: vec![GapCause { cause: "unexplained", amount: decimal("-0.25") }],
                    unexplained_ratio: Some(decimal("0.25")),
                    not_invoiced: vec![Label::from(self.name("provider-9"))],
                }],
                basis: self.basis(period),
            })
        })
    }

    fn days<'a>(&'a self, _: &'a Principal) -> Reply<'a, Option<(Date, Date)>> {
        Box::pin(async { Ok(Some((date(2026, 10, 1), TODAY))) })
    }

    /// A company of long titles: thirty measured proposals, and one that nobody knows the saving of.
    fn savings<'a>(
        &'a self,
        _: &'a Principal,
        request: SavingsRequest,
    ) -> Reply<'a, SavingsAnswer> {
        Box::pin(async move {
            let row = |number: u32| {
                let is_known = number < 31;
                let stage = if is_known { SavingsStage::Realised } else { SavingsStage::Open };
                SavingsRow {
                    proposal_id: Label::from(format!("P-{number}")),
                    kind: Label::new("caching"),
                    title: Sentence::new("").name(&self.name(&"caching ".repeat(20))),
                    stage,
                    promised: is_known.then(|| money("1000")),
                    expected: is_known.then(|| money("870.5")),
                    realised: is_known.then(|| money("812.345678901234")),
                    measured_days: is_known.then_some(7),
                    not_measured: Some(Sentence::new("30 whole days are over on 2026-11-30")),
                    evidence_id: EVIDENCE.to_owned(),
                }
            };
            let rows: Vec<SavingsRow> = (1..=31)
                .map(row)
                .filter(|row| request.stage.is_none_or(|stage| stage == row.stage))
                .collect();
            let sum = |stage, proposals, amounts: Option<(&str, &str)>| SavingsSum {
                stage,
                proposals,
                currency: amounts.map(|_| Currency::USD),
                promised: amounts.map(|(promised, _)| money(promised)),
                realised: amounts.map(|(_, realised)| money(realised)),
            };
            Ok(SavingsAnswer {
                summary: Sentence::new("$24,370.37 of $30,000.00 promised a month came (81 %)."),
                stages: vec![
                    sum(SavingsStage::Realised, 30, Some(("30000", "24370.37036703702"))),
                    sum(SavingsStage::Open, 1, None),
                ],
                calibration: vec![CalibrationRow {
                    kind: Label::new("caching"),
                    measured: 30,
                    ratio: Some(decimal("0.8123")),
                    factor: decimal("0.8343"),
                }],
                row_count: rows.len() as u64,
                rows: paged(rows, request.page).collect(),
                as_of: start_of_day(TODAY),
                fresh_until: Some(start_of_day(TODAY)),
            })
        })
    }
}

impl Fixture {
    fn scope(&self) -> BTreeMap<Label, Label> {
        [(Label::new("feature"), Label::from(self.name("support-answers")))].into()
    }

    fn receipt(answer: &ProposalAnswer, created: bool) -> Receipt {
        Receipt {
            summary: answer.summary.clone(),
            proposal_id: answer.row.proposal_id.clone(),
            version: answer.version,
            status: answer.row.status,
            digest: answer.digest.clone(),
            created,
            expires_at: answer.row.expires_at,
            how_to_decide: answer.how_to_decide.clone(),
            review_url: answer.review_url.clone(),
            evidence_id: answer.basis.evidence_id.clone(),
        }
    }
}

fn resolved(window: Window) -> Result<Period, Refusal> {
    match window {
        Window::Exact(period) => Ok(period),
        Window::Relative(relative) => relative.resolve(TODAY).map_err(Refusal::failed),
    }
}

fn baseline(period: Period, compare_to: CompareTo) -> Result<Period, Refusal> {
    let before = match compare_to {
        CompareTo::PreviousPeriod | CompareTo::Usual => previous_period(period),
        CompareTo::YearBefore => year_before(period),
    };
    before.ok_or_else(|| Refusal::mistaken("no time before this period", "ask for a later one"))
}

fn paged<T>(rows: Vec<T>, page: Page) -> impl Iterator<Item = T> {
    let offset = usize::try_from(page.offset).unwrap_or(usize::MAX);
    rows.into_iter().skip(offset).take(page.limit as usize)
}

fn nothing() -> Spend {
    let none = Some(0);
    Spend {
        calls: none,
        tokens: none,
        input_tokens: none,
        cached_input_tokens: none,
        output_tokens: none,
        ..Spend::default()
    }
}

fn sum(left: Spend, right: Spend) -> Result<Spend, Refusal> {
    let both = |left: Option<u64>, right: Option<u64>| left.zip(right).map(|(one, two)| one + two);
    Ok(Spend {
        gross: left.gross.checked_add(right.gross).map_err(Refusal::failed)?,
        net: left.net.checked_add(right.net).map_err(Refusal::failed)?,
        calls: both(left.calls, right.calls),
        tokens: both(left.tokens, right.tokens),
        input_tokens: both(left.input_tokens, right.input_tokens),
        cached_input_tokens: both(left.cached_input_tokens, right.cached_input_tokens),
        output_tokens: both(left.output_tokens, right.output_tokens),
        ..Spend::default()
    })
}

fn minus(left: Pico, right: Pico) -> Result<Pico, Refusal> {
    left.checked_sub(right).map_err(Refusal::failed)
}

fn change(before: Pico, after: Pico) -> Result<Change, Refusal> {
    Ok(Change { before, after, delta: minus(after, before)? })
}

fn usd(amount: Pico) -> Money {
    Money { amount, currency: Currency::USD }
}

fn money(text: &str) -> Money {
    usd(text.parse().unwrap_or_default())
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap_or_default()
}
