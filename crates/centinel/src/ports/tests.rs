use std::collections::BTreeMap;

use centinel_app::{App, ImportRequest, Progress, create_home};
use centinel_engine::{
    forecast::CalendarPeriod,
    money::Pico,
    period::{Grain, Period},
    series::Dimension,
};
use centinel_ledger::{Measure, ScanLevel, SpendQuery};
use centinel_mcp::{
    AnomaliesRequest, AnomalyFilter, Answers as _, BudgetPeriod, ChangeKind, CompareRequest,
    CompareTo, Documents as _, ExplainRequest, Filter, ForecastRequest, ForecastWindow, Grouping,
    HealthRequest, Label, OnBreach, Page, Principal, ProposalDraft, ProposalSink as _,
    ProposalStatus, ProposalsRequest, ProposedChange, Refusal, RelativePeriod, SpendAnswer,
    SpendRequest, Window,
};
use centinel_world::{FileRole, World, WorldConfig};
use jiff::{Timestamp, civil::date};

use super::Ports;

/// Three weeks after the data ends.
fn clock() -> Timestamp {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

/// A home with a generated company in it; the folder lives as long as the first value.
pub(super) async fn home(config: &WorldConfig) -> (tempfile::TempDir, Ports) {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    let home = folder.path().join("home");
    let manifest = World::generate(config).write(&files).unwrap();
    create_home(&home).unwrap();
    let app = App::open(&home, None).await.unwrap();
    let roles = [FileRole::Calls, FileRole::Charges, FileRole::Outcomes, FileRole::Invoice];
    for (nonce, entry) in (0..).zip(manifest.files.iter().filter(|f| roles.contains(&f.role))) {
        let path = files.join(&entry.file);
        let is_invoice = entry.role == FileRole::Invoice;
        let request = ImportRequest { is_invoice, ..ImportRequest::default() };
        let progress = std::sync::Arc::new(Progress::default());
        app.import_file(&path, request, progress, clock(), nonce).await.unwrap();
    }
    (
        folder,
        Ports {
            app,
            clock,
            review_base: Some("http://localhost:8787/".to_owned()),
            token: None,
            requester: centinel_approvals::Requester::local_agent(),
        },
    )
}

pub(super) fn caller() -> Principal {
    Principal::agent("test")
}

pub(super) fn page(offset: u64, as_of: Option<Timestamp>) -> Page {
    Page { offset, limit: 3, as_of }
}

pub(super) fn sum(amounts: impl IntoIterator<Item = Pico>) -> Pico {
    Pico::checked_sum(amounts).unwrap()
}

/// What the ledger says, from raw rows.
async fn ledger_cost(ports: &Ports, period: Period) -> Pico {
    let mut query = SpendQuery::new(period, vec![Measure::Cost]);
    query.scan = ScanLevel::Raw;
    let table = ports.app.ledger().spend(&query).await.unwrap();
    sum(table.rows.iter().map(|row| row.amount(0)))
}

/// All pages of a breakdown, put together.
pub(super) async fn whole(ports: &Ports, window: Window, grouping: &Grouping) -> SpendAnswer {
    let ask = async |page| {
        let filter = Filter::default();
        let request = SpendRequest { window, grouping: grouping.clone(), filter, page };
        ports.spend(&caller(), request).await.unwrap()
    };
    let mut answer = ask(page(0, None)).await;
    let as_of = Some(answer.basis.as_of);
    while (answer.rows.len() as u64) < answer.row_count {
        let further = ask(page(answer.rows.len() as u64, as_of)).await;
        assert_eq!(further.total, answer.total);
        assert!(!further.rows.is_empty());
        answer.rows.extend(further.rows);
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_reconcile_with_the_ledger() {
    let config = WorldConfig { days: 90, calls_per_day: 240, ..WorldConfig::halden() };
    let (_folder, ports) = home(&config).await;
    spend_reconciles(&ports).await;
    comparisons_add_up(&ports).await;
    anomalies_are_explained(&ports).await;
    forecasts_add_up(&ports).await;
    health_is_stated(&ports).await;
    mistakes_are_named(&ports).await;
}

async fn spend_reconciles(ports: &Ports) {
    let window = Window::Relative(RelativePeriod::LastMonth);
    let groupings = [
        Grouping::By(Dimension::Model),
        Grouping::By(Dimension::Service),
        Grouping::By(Dimension::Tag("cost-center".into())),
        Grouping::Over(Grain::Day),
        Grouping::Over(Grain::Week),
    ];
    let mut totals = Vec::new();
    for grouping in groupings {
        let answer = whole(ports, window, &grouping).await;
        let net = sum(answer.rows.iter().map(|row| row.spend.net));
        let gross = sum(answer.rows.iter().map(|row| row.spend.gross));
        assert_eq!((net, gross), (answer.total.net, answer.total.gross), "{grouping:?}");
        let calls: u64 = answer.rows.iter().filter_map(|row| row.spend.calls).sum();
        assert_eq!(Some(calls), answer.total.calls, "{grouping:?}");
        assert_eq!(answer.basis.period.to_string(), "2026-10-01 to 2026-10-31");
        assert_eq!(ledger_cost(ports, answer.basis.period).await, net);
        assert!(answer.total.gross > answer.total.net, "commitments are discounts");
        totals.push(answer.total);
        let told = answer.basis.notes.iter().any(|note| note.as_str().contains("2026-11-01"));
        assert!(told, "the data is old: {:?}", answer.basis.notes);
    }
    assert!(totals.windows(2).all(|pair| pair[0] == pair[1]));
    let to_date = Window::Relative(RelativePeriod::MonthToDate);
    let to_date = whole(ports, to_date, &Grouping::By(Dimension::Model)).await;
    assert_eq!(to_date.total, totals[0]);
}

async fn forecasts_add_up(ports: &Ports) {
    let month = |group_by, assumptions| ForecastRequest {
        window: ForecastWindow::Calendar(CalendarPeriod::Month),
        group_by,
        filter: Filter::default(),
        amount: "1".parse().ok(),
        assumptions,
        page: Page { offset: 0, limit: 1_000, as_of: None },
    };
    let mut totals = Vec::new();
    for dimension in [None, Some(Dimension::Feature), Some(Dimension::Model)] {
        let answer = ports.forecast(&caller(), month(dimension, Vec::new())).await.unwrap();
        assert_eq!(answer.basis.period.to_string(), "2026-11-01 to 2026-11-30");
        assert_eq!(answer.first_day_ahead, date(2026, 11, 1));
        let expected = sum(answer.rows.iter().filter_map(|row| row.expected.expected));
        assert_eq!(Some(expected), answer.total.expected, "rows add up to the total");
        let above = answer.probability_above.unwrap();
        assert!(above >= "0.99".parse().unwrap() && above <= "1".parse().unwrap(), "{above}");
        assert!(answer.basis.coverage.unpriced_calls > 0, "the world has models without a price");
        assert!(answer.summary.as_str().contains("calls have no price"));
        let total = &answer.total;
        totals.push((total.expected, [total.low_80, total.high_80, total.low_95, total.high_95]));
    }
    assert!(totals.windows(2).all(|pair| pair[0] == pair[1]), "one question has one total");
    let more = vec!["volume +100%".parse().unwrap()];
    let twice = ports.forecast(&caller(), month(None, more)).await.unwrap();
    assert_eq!(twice.total.without_assumptions, totals[0].0);
    let ratio = twice.total.expected.unwrap().to_f64() / totals[0].0.unwrap().to_f64();
    assert!((ratio - 2.0).abs() < 1e-9, "{ratio}");
    let unknown = vec!["model gpt-none -> gpt-5-mini".parse().unwrap()];
    let refused = ports.forecast(&caller(), month(None, unknown)).await.unwrap_err();
    let Refusal::Mistaken { message, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(message, "model `gpt-none` was not called in the last 28 days seen");
}

async fn comparisons_add_up(ports: &Ports) {
    let window = Window::Relative(RelativePeriod::Last7d);
    for compare_to in [CompareTo::PreviousPeriod, CompareTo::Usual] {
        let mut totals = Vec::new();
        for dimension in
            [Dimension::Feature, Dimension::Model, Dimension::Team, Dimension::Provider]
        {
            let request = CompareRequest {
                window,
                compare_to,
                grouping: Grouping::By(dimension.clone()),
                filter: Filter::default(),
                page: Page { offset: 0, limit: 1_000, as_of: None },
            };
            let answer = ports.compare(&caller(), request).await.unwrap();
            let total = answer.total.change;
            assert_eq!(answer.rows.len() as u64, answer.row_count);
            let changes = || answer.rows.iter().map(|row| row.change);
            for (parts, whole) in [
                (sum(changes().map(|change| change.before)), total.before),
                (sum(changes().map(|change| change.after)), total.after),
                (sum(changes().map(|change| change.delta)), total.delta),
                (sum(answer.total.effects.iter().map(|effect| effect.amount)), total.delta),
            ] {
                assert_eq!(parts, whole, "{compare_to:?} by {dimension}");
            }
            assert_eq!(ledger_cost(ports, answer.basis.period).await, total.after);
            if compare_to == CompareTo::PreviousPeriod {
                assert_eq!(ledger_cost(ports, answer.baseline).await, total.before);
            }
            totals.push(answer.total);
        }
        assert!(totals.windows(2).all(|pair| pair[0] == pair[1]));
    }
}

async fn anomalies_are_explained(ports: &Ports) {
    let ask = async |status, impact_min| {
        let request = AnomaliesRequest {
            window: Window::Relative(RelativePeriod::Last90d),
            filter: Filter::default(),
            status,
            impact_min,
            page: Page { offset: 0, limit: 1_000, as_of: None },
        };
        ports.anomalies(&caller(), request).await.unwrap()
    };
    let all = ask(AnomalyFilter::All, Some(Pico::ZERO)).await;
    let open = ask(AnomalyFilter::Open, Some(Pico::ZERO)).await;
    let closed = ask(AnomalyFilter::Closed, Some(Pico::ZERO)).await;
    assert!(all.row_count > 0, "events are planted in the generated company");
    assert_eq!(open.row_count + closed.row_count, all.row_count);
    assert_eq!(sum(all.rows.iter().map(|row| row.impact)), all.total_impact);
    assert!(all.rows.windows(2).all(|pair| pair[0].impact >= pair[1].impact));
    for row in &all.rows {
        assert_eq!(row.observed.is_some(), row.expected.is_some());
        assert!(row.observed.is_none() || row.observed > row.expected, "{row:?}");
    }
    for row in all.rows.iter().take(3) {
        let anomaly_id = row.anomaly_id.as_str().to_owned();
        let request = ExplainRequest::Anomaly { anomaly_id };
        let why = ports.explain(&caller(), request).await.unwrap();
        let change = why.decomposition.change;
        assert_eq!(sum(why.decomposition.effects.iter().map(|e| e.amount)), change.delta);
        assert_eq!(
            (why.scope, why.anomaly_id.as_ref()),
            (row.scope.clone(), Some(&row.anomaly_id))
        );
        assert!(!why.places.is_empty());
    }
}

async fn health_is_stated(ports: &Ports) {
    let page = Page { offset: 0, limit: 100, as_of: None };
    let request = HealthRequest { window: Window::Relative(RelativePeriod::LastMonth), page };
    let health = ports.data_health(&caller(), request).await.unwrap();
    let accepted: u64 = health.rows.iter().map(|row| row.accepted_rows).sum();
    assert!(accepted > 0 && health.basis.fresh_until.is_some());
    let calls: u64 = health.unpriced.iter().map(|model| model.calls).sum();
    assert_eq!(calls, health.basis.coverage.unpriced_calls);
    let tokens: u64 = health.unpriced.iter().map(|model| model.tokens).sum();
    assert_eq!(tokens, health.basis.coverage.unpriced_tokens);
}

async fn mistakes_are_named(ports: &Ports) {
    let ask = async |window, filter: &[(Dimension, &str)]| {
        let values = filter.iter().map(|(name, value)| (name.clone(), (*value).to_owned()));
        let filter = Filter(values.collect::<BTreeMap<_, _>>());
        let grouping = Grouping::By(Dimension::Model);
        ports.spend(&caller(), SpendRequest { window, grouping, filter, page: page(0, None) }).await
    };
    let days = |start, end| Window::Exact(Period::days(start, end).unwrap());
    let minute = |text: &str| text.parse::<Timestamp>().unwrap();
    let partial = Period::new(minute("2026-10-05T10:30:00Z"), minute("2026-10-05T12:00:00Z"));
    for (window, filter, message) in [
        (days(date(2027, 1, 1), date(2027, 2, 1)), &[][..], "there is no data in"),
        (Window::Exact(partial.unwrap()), &[], "whole hours"),
        (
            Window::Relative(RelativePeriod::Last7d),
            &[(Dimension::Feature, "no such feature")],
            "no row has `feature` `no such feature`; the nearest are `",
        ),
    ] {
        let Err(Refusal::Amended { message: given, .. }) = ask(window, filter).await else {
            panic!("{message}: answered");
        };
        assert!(given.contains(message), "{given}");
    }
    let compare = CompareRequest {
        window: Window::Relative(RelativePeriod::Last7d),
        compare_to: CompareTo::YearBefore,
        grouping: Grouping::By(Dimension::Model),
        filter: Filter::default(),
        page: page(0, None),
    };
    assert!(matches!(ports.compare(&caller(), compare).await, Err(Refusal::Amended { .. })));
    let unknown = ExplainRequest::Anomaly { anomaly_id: "E-9999".to_owned() };
    assert!(matches!(ports.explain(&caller(), unknown).await, Err(Refusal::Mistaken { .. })));
}

fn budget(amount: &str, on_breach: OnBreach) -> ProposalDraft {
    ProposalDraft {
        change: ProposedChange::Budget {
            scope: Filter::default(),
            amount: amount.parse().unwrap(),
            currency: None,
            per: BudgetPeriod::Month,
            on_breach,
        },
        reason: "spend rose".to_owned(),
        evidence_id: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn proposals_wait_for_a_person() {
    let (_folder, ports) = home(&WorldConfig::small()).await;
    let asker = caller();
    assert_eq!(ports.kinds(), [ChangeKind::Budget]);
    let receipt = ports.create(budget("32000", OnBreach::Alert), &asker).await.unwrap();
    assert_eq!((receipt.status, receipt.created), (ProposalStatus::PendingApproval, true));
    assert_eq!(receipt.review_url.as_deref(), Some("http://localhost:8787/proposals/P-1"));
    assert!(receipt.how_to_decide.as_str().contains("centinel approve P-1"));

    let again = ports.create(budget("32000.00", OnBreach::Alert), &asker).await.unwrap();
    assert_eq!((again.proposal_id.as_str(), again.created), ("P-1", false));
    assert_eq!(again.digest, receipt.digest);

    // People see it where they decide; nobody has.
    let inbox = ports.app.approvals().inbox(clock()).await.unwrap();
    assert_eq!(inbox.len(), 1);
    assert_eq!((&inbox[0].digest, inbox[0].events.len()), (&receipt.digest, 1));
    assert_eq!(inbox[0].proposal.requester.to_string(), "agent:local");
    let one = ports.get("P-1", &asker).await.unwrap();
    assert_eq!((one.row.status, &one.digest), (ProposalStatus::PendingApproval, &receipt.digest));
    assert_eq!(one.changes[0].to.as_ref().unwrap().as_str(), "32000 USD");
    assert_eq!(one.basis.evidence_id, receipt.evidence_id);

    for (draft, message) in [
        (budget("32000", OnBreach::Deny), "cannot refuse calls"),
        (
            ProposalDraft {
                evidence_id: Some("bundle:000000000000".to_owned()),
                ..budget("1", OnBreach::Alert)
            },
            "no evidence",
        ),
    ] {
        let Err(Refusal::Amended { message: given, .. }) = ports.create(draft, &asker).await else {
            panic!("{message}: written");
        };
        assert!(given.contains(message), "{given}");
    }

    let listed = async |status| {
        let page = Page { offset: 0, limit: 10, as_of: None };
        let request = ProposalsRequest { status, kind: None, page };
        ports.list(request, &asker).await.unwrap().row_count
    };
    assert_eq!(listed(Some(ProposalStatus::PendingApproval)).await, 1);
    for attempt in ["first", "second"] {
        let withdrawn = ports.withdraw("P-1", attempt, &asker).await.unwrap();
        assert_eq!(withdrawn.status, ProposalStatus::Withdrawn, "{attempt}");
    }
    assert!(ports.app.approvals().inbox(clock()).await.unwrap().is_empty());
    assert_eq!(listed(Some(ProposalStatus::PendingApproval)).await, 0);
    assert_eq!(listed(None).await, 1);
    let unknown = ports.withdraw("P-2", "x", &asker).await;
    assert!(matches!(unknown, Err(Refusal::Mistaken { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_requester_keeps_its_proposal() {
    let (_folder, ports) = home(&WorldConfig::small()).await;
    let request = |limit: &str| centinel_app::BudgetRequest {
        scope: BTreeMap::new(),
        period: centinel_engine::proposal::BudgetPeriod::Month,
        limit: super::basis::money(limit.parse().unwrap(), "USD".parse().unwrap()),
    };
    let system = centinel_approvals::Requester::system();
    let terminal = centinel_approvals::Requester::terminal();
    for (requester, limit, id) in [(system, "9000", "P-1"), (terminal, "9001", "P-2")] {
        ports.app.propose_budget(request(limit), &requester, clock()).await.unwrap();
        let refused = ports.withdraw(id, "not mine", &caller()).await;
        assert!(matches!(refused, Err(Refusal::Denied { .. })), "{refused:?}");
    }
}

/// Policies as they are in the home, evidence that was given, names and days of the data.
#[tokio::test(flavor = "multi_thread")]
async fn documents_are_those_of_the_home() {
    let (folder, ports) = home(&WorldConfig::small()).await;
    let who = caller();
    let names = async || -> Vec<String> {
        let policies = ports.policies(&who).await.unwrap();
        policies.into_iter().map(|policy| policy.name).collect()
    };
    let shipped = ["approvals", "owners", "escalation", "budgets", "access.default"];
    assert_eq!(names().await, shipped);
    let policies_folder = folder.path().join("home/policies");
    // What is no policy is not shown, whatever it is called.
    std::fs::write(policies_folder.join("secret.toml"), "key = \"s3cret\"\n").unwrap();
    std::fs::write(policies_folder.join("access/notes.txt"), "s3cret\n").unwrap();
    std::fs::write(policies_folder.join("calendar.csv"), "date,name\n").unwrap();
    let policies = ports.policies(&who).await.unwrap();
    assert!(policies.iter().all(|policy| !policy.text.contains("s3cret")));
    let with_calendar =
        ["approvals", "owners", "escalation", "budgets", "calendar", "access.default"];
    assert_eq!(names().await, with_calendar);

    let grouping = Grouping::By(Dimension::Team);
    let window = Window::Relative(RelativePeriod::Last90d);
    let filter = Filter::default();
    let page = Page { offset: 0, limit: 100, as_of: None };
    let request = SpendRequest { window, grouping, filter, page };
    let spend = ports.spend(&who, request).await.unwrap();
    let bundle = ports.evidence(&who, &spend.basis.evidence_id).await.unwrap();
    assert_eq!(bundle.address(), spend.basis.evidence_id);
    let none = ports.evidence(&who, "bundle:000000000000").await;
    assert!(matches!(none, Err(Refusal::Mistaken { .. })), "{none:?}");

    let teams = ports.values(&who, Dimension::Team).await.unwrap();
    let rows: Vec<&str> =
        spend.rows.iter().filter_map(|row| row.group.as_ref()).map(Label::as_str).collect();
    assert!(!teams.is_empty());
    assert_eq!(teams, rows);
    let span = ports.span(&who).await.unwrap().unwrap();
    assert!(span.start < span.end && span.end <= clock());
}

/// A home without data has no weeks and no names, and says so without failing.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_home_completes_to_nothing() {
    let folder = tempfile::tempdir().unwrap();
    create_home(folder.path()).unwrap();
    let app = App::open(folder.path(), None).await.unwrap();
    let requester = centinel_approvals::Requester::local_agent();
    let ports = Ports { app, clock, review_base: None, token: None, requester };
    assert_eq!(ports.span(&caller()).await, Ok(None));
    let none = ports.values(&caller(), Dimension::Team).await;
    assert!(matches!(none, Err(Refusal::Mistaken { .. })), "{none:?}");
}

/// What MCP offers holds no word for deciding.
#[tokio::test(flavor = "multi_thread")]
async fn no_tool_decides() {
    let folder = tempfile::tempdir().unwrap();
    create_home(folder.path()).unwrap();
    let app = App::open(folder.path(), None).await.unwrap();
    let tools = |read_only| {
        let options = super::PortOptions { read_only, review_base: None, token: None };
        let tools = super::server(app.clone(), options, clock).tools();
        tools.into_iter().map(|tool| tool.name.into_owned()).collect::<Vec<_>>()
    };
    let reading = [
        "spend_breakdown",
        "anomalies",
        "explain_change",
        "forecast",
        "data_health",
        "proposals",
        "savings",
        "verify_text",
    ];
    let (mut all, mut read_only) = (tools(false), tools(true));
    all.sort();
    read_only.sort();
    let mut expected = reading.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(read_only, expected);
    expected.extend(["propose_change", "withdraw_proposal"].map(str::to_owned));
    expected.sort();
    assert_eq!(all, expected);
}
