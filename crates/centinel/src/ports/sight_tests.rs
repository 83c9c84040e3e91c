//! Nothing of what somebody may not see reaches them, on any route and by any tool.
//!
//! Two homes that differ only in what another team spends, in names and in amounts, give somebody who
//! sees one team the same bytes. So whatever the answers hold, it depends on nothing else.

use std::collections::BTreeSet;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use centinel_app::{
    App, BudgetRequest, ChangeRequest, ExpectedSaving, Format, ImportRequest, create_home,
    oidc::Providers,
};
use centinel_approvals::{AccountChange, NewToken, Password, Requester};
use centinel_engine::{
    money::{Decimal, Money},
    proposal::{BudgetPeriod, Change, Risk, UnitOf},
    series::Dimension,
};
use centinel_web::Refusals;
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::commands::serve::router;

pub(crate) const OWN: &str = "alpha";

pub(crate) fn clock() -> Timestamp {
    "2026-11-03T08:00:00Z".parse().unwrap()
}

pub(crate) fn password(name: &str) -> Password {
    Password::new(format!("{name}'s own password"))
}

/// A team's calls of seventy days, with a jump in the last week.
fn calls(team: &str, model: &str, tokens: i64) -> String {
    let first: Timestamp = "2026-08-23T09:00:00Z".parse().unwrap();
    let mut lines = String::new();
    for day in 0..70_i64 {
        let tokens = if day >= 63 { tokens * 5 } else { tokens };
        let at = Timestamp::from_second(first.as_second() + day * 86_400).unwrap();
        let call = json!({
            "call_id": format!("{team}-{day}"), "at": at.to_string(), "provider": "openai",
            "model": model, "feature": format!("{team}-answers"), "team": team,
            "application": format!("{team}-app"), "api_key": format!("key-{team}"),
            "input_tokens": tokens + day * 1000, "output_tokens": 1000,
        });
        lines.extend([call.to_string(), "\n".to_owned()]);
    }
    lines
}

pub(crate) struct Site {
    pub(crate) home: tempfile::TempDir,
    pub(crate) app: App,
    pub(crate) router: Router,
    pub(crate) token: String,
    cookie: String,
}

impl Site {
    /// A home with the calls of the own team and of another, a person and a token of the own team, and
    /// for both teams an event, a proposal and evidence.
    pub(crate) async fn new(other: &str, model: &str, tokens: i64) -> Self {
        let home = tempfile::tempdir().unwrap();
        create_home(home.path()).unwrap();
        let app = App::open(home.path(), None).await.unwrap();
        let teams = [(OWN, "gpt-4o", 1_000_000), (other, model, tokens)];
        for (nonce, (team, model, tokens)) in (0..).zip(teams) {
            let source = Some(format!("gateway-{team}"));
            let request = ImportRequest { source, ..ImportRequest::default() };
            let bytes = calls(team, model, tokens).into_bytes();
            app.import_bytes(bytes, Format::CallEvents, request, clock(), nonce).await.unwrap();
        }
        let unpriced = calls(other, &format!("{other}-model"), tokens).into_bytes();
        let request =
            ImportRequest { source: Some(format!("{other}-own")), ..ImportRequest::default() };
        let unpriced =
            String::from_utf8(unpriced).unwrap().replace("\"call_id\":\"", "\"call_id\":\"u-");
        app.import_bytes(unpriced.into_bytes(), Format::CallEvents, request, clock(), 9)
            .await
            .unwrap();
        let approvals = app.approvals();
        approvals.init_first_person("ada", password("ada"), clock()).await.unwrap();
        for (name, team) in [("ana", OWN), ("bea", other)] {
            let change = AccountChange {
                name: name.to_owned(),
                linked_to: None,
                roles: [format!("owner:{team}").parse().unwrap()].into(),
                active: true,
                password: Some(password(name)),
            };
            approvals.change_account("ada", password("ada"), change, clock()).await.unwrap();
        }
        let wanted = NewToken {
            name: "bot".to_owned(),
            scopes: vec!["read".to_owned(), "propose".to_owned()],
            acts_for: Some("ana".to_owned()),
            expires_at: None,
        };
        let token = approvals.create_token("ada", password("ada"), wanted, clock()).await.unwrap();
        let session = approvals.sign_in("ana", password("ana"), clock()).await.unwrap();
        let page = "http://localhost:8787";
        let providers = Providers::default();
        let router =
            router(&app, page, false, clock, providers, &Refusals::default(), None).unwrap();
        let cookie = format!("centinel_session={}", session.secret);
        let site = Self { home, app, router, token, cookie };
        for team in [OWN, other] {
            let event = json!({
                "event_id": team, "kind": "deploy", "at": "2026-10-25T00:00:00Z",
                "scope": {"team": team}, "note": format!("{team} 2.0"),
            });
            let sent = site.send(Request::post("/v1/events"), &[], event.to_string()).await;
            assert_eq!(sent.0, StatusCode::OK, "{}", sent.1);
            let request = BudgetRequest {
                scope: [(Dimension::Team, team.to_owned())].into(),
                period: BudgetPeriod::Month,
                limit: Money { amount: "500".parse().unwrap(), currency: "USD".parse().unwrap() },
            };
            site.app.propose_budget(request, &Requester::system(), clock()).await.unwrap();
        }
        // A saving of each team: what the other's promises is in no sum of this one's.
        for team in [OWN, other] {
            let request = ChangeRequest {
                title: format!("{team} caches"),
                change: Change::Caching {
                    feature: format!("{team}-answers"),
                    model: "gpt-4o".to_owned(),
                    ttl_seconds: Some(300),
                    previous_ttl_seconds: None,
                },
                edits: Vec::new(),
                scope: [("team".to_owned(), team.to_owned())].into(),
                saves: Some(ExpectedSaving {
                    per: UnitOf::Call,
                    low_percent: Decimal::from_integer(10),
                    mid_percent: Decimal::from_integer(20),
                    high_percent: Decimal::from_integer(30),
                }),
                risk: Risk::Low,
                reversible: true,
                reverts: None,
            };
            site.app.propose_change(request, &Requester::system(), clock()).await.unwrap();
        }
        site
    }

    async fn send(
        &self,
        mut request: axum::http::request::Builder,
        headers: &[(&str, &str)],
        body: String,
    ) -> (StatusCode, String) {
        request = request.header(header::HOST, "localhost:8787");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response =
            self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 64 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (StatusCode, String) {
        self.send(Request::get(path), headers, String::new()).await
    }

    async fn tool(&self, name: &str, arguments: &Value) -> String {
        self.mcp("tools/call", &json!({"name": name, "arguments": arguments})).await
    }

    async fn mcp(&self, method: &str, params: &Value) -> String {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2025-11-25"),
            ("authorization", bearer.as_str()),
        ];
        let (status, body) = self.send(Request::post("/mcp"), &headers, call.to_string()).await;
        assert_eq!(status, StatusCode::OK, "{method}: {body}");
        body
    }

    /// Every answer that the own team's person and token get, by what was asked.
    async fn answers(&self) -> Vec<(String, String)> {
        let bearer = format!("Bearer {}", self.token);
        let shown: [&[(&str, &str)]; 2] =
            [&[("authorization", &bearer)], &[("cookie", &self.cookie)]];
        let mut answers = Vec::new();
        for (index, headers) in shown.into_iter().enumerate() {
            let (status, anomalies) = self.get("/api/anomalies", headers).await;
            assert_eq!(status, StatusCode::OK, "{anomalies}");
            let episode: Value = serde_json::from_str(&anomalies).unwrap();
            let episode = episode["incidents"][0]["id"].as_str().unwrap().to_owned();
            let (_, report) = self.get("/api/report", headers).await;
            let report: Value = serde_json::from_str(&report).unwrap();
            let evidence = report["evidence"].as_str().unwrap().to_owned();
            let mut covered = BTreeSet::new();
            for path in [
                "/",
                "/inbox",
                "/account",
                "/link/AAAA-AAAA-AAAA-AAAA",
                &format!("/episodes/{episode}"),
                "/proposals/P-1",
                "/proposals/P-2",
                "/savings",
                "/digest",
                "/reconciliation",
                &format!("/evidence/{evidence}"),
                "/api/report",
                "/api/spend?by=team,feature,model&period=last_month",
                "/api/spend?by=owner&grain=day&from=2026-09-01&until=2026-11-01",
                "/api/spend?by=source,api_key",
                "/api/spend?by=kind",
                "/api/anomalies",
                &format!("/api/explain/{episode}"),
                "/api/reconciliation",
                "/api/inbox",
                "/api/savings",
                "/metrics",
                "/nowhere",
            ] {
                covered.insert(path.split(['?']).next().unwrap().to_owned());
                let (status, body) = self.get(path, headers).await;
                let body = without_tokens(&body);
                answers.push((format!("{index} {path}"), format!("{status}\n{body}")));
            }
            assert_every_route(&covered);
            answers.push((format!("{index} anomalies"), anomalies));
        }
        answers.extend(self.tool_answers().await);
        answers
    }

    /// Every tool's answers to the site's token.
    pub(crate) async fn tool_answers(&self) -> Vec<(String, String)> {
        let mut answers = Vec::new();
        let tools = super::server(
            self.app.clone(),
            super::PortOptions { read_only: false, review_base: None, token: None },
            clock,
        )
        .tools();
        let mut left: BTreeSet<String> =
            tools.into_iter().map(|tool| tool.name.into_owned()).collect();
        for (name, arguments) in [
            ("spend_breakdown", json!({"group_by": "team", "period": "last_30d"})),
            ("spend_breakdown", json!({"group_by": "model", "compare_to": "previous_period"})),
            ("spend_breakdown", json!({"group_by": "provider", "detail": "full"})),
            ("anomalies", json!({"period": "last_90d", "impact_min": "0", "detail": "full"})),
            ("explain_change", json!({"period": "last_7d", "compare_to": "usual"})),
            ("forecast", json!({"group_by": "team"})),
            ("data_health", json!({"period": "last_90d"})),
            ("proposals", json!({})),
            ("savings", json!({})),
            ("savings", json!({"stage": "open", "detail": "full"})),
            ("proposals", json!({"proposal_id": "P-1"})),
            ("proposals", json!({"proposal_id": "P-2"})),
            (
                "propose_change",
                json!({"kind": "budget", "amount": "70", "per": "month", "reason": "all of it"}),
            ),
            (
                "propose_change",
                json!({
                    "kind": "budget", "amount": "70", "per": "day", "reason": "ours",
                    "scope": {"team": OWN},
                }),
            ),
            ("withdraw_proposal", json!({"proposal_id": "P-2", "reason": "not mine"})),
            ("withdraw_proposal", json!({"proposal_id": "P-5", "reason": "mine"})),
            // Evidence that is not for whoever asks is refused as what does not exist is.
            ("verify_text", json!({"evidence_id": "bundle:000000000000", "text": "x"})),
        ] {
            left.remove(name);
            answers.push((format!("{name} {arguments}"), self.tool(name, &arguments).await));
        }
        assert!(left.is_empty(), "no question for the tools {left:?}");
        answers
    }
}

/// A page without what only this browser knows: forms of two sessions carry two tokens.
fn without_tokens(page: &str) -> String {
    let mut parts = page.split("name=\"csrf\" value=\"");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once('"').unwrap().1);
    }
    text
}

/// The routes that answer, as `centinel-web` has them: one that is added must be asked here too.
fn assert_every_route(covered: &BTreeSet<String>) {
    let source = include_str!("../../../centinel-web/src/lib.rs");
    let routes = source.lines().filter_map(|line| {
        let (path, handler) = line.trim().strip_prefix(".route(\"")?.split_once("\", ")?;
        handler.starts_with("get(").then_some(path)
    });
    // These tell nothing of the rows.
    let silent = [
        "/assets/{file}",
        "/healthz",
        "/readyz",
        "/sign-in",
        "/sign-in/with/{provider}",
        "/sign-in/callback/{provider}",
        "/account/second-factor",
    ];
    let mut count = 0;
    for route in routes.filter(|route| !silent.contains(route)) {
        let (fixed, has_part) =
            route.split_once('{').map_or((route, false), |(fixed, _)| (fixed, true));
        let is_asked = |path: &&String| {
            if has_part {
                path.starts_with(fixed) && path.len() > fixed.len()
            } else {
                *path == fixed
            }
        };
        assert!(covered.iter().any(|path| is_asked(&path)), "no question for {route}");
        count += 1;
    }
    assert!(count >= 11, "{count} routes were found in the source");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_depend_on_nothing_that_is_not_seen() {
    let one = Site::new("bravo", "gpt-4o-mini", 3_000_000).await;
    let two = Site::new("zulu", "gpt-4.1", 40_000_000).await;
    let (seen, other) = (one.answers().await, two.answers().await);
    assert_eq!(seen.len(), other.len());
    // What a secret or random number makes differ, and nothing of the data does.
    for ((question, answer), (_, same)) in seen.iter().zip(&other) {
        for hidden in ["bravo", "zulu", "gpt-4o-mini", "gpt-4.1"] {
            assert!(!answer.contains(hidden) && !same.contains(hidden), "{question}: {answer}");
        }
        assert_eq!(answer, same, "{question}");
    }
    // Refused are those questions alone that ask for what is not seen; all others are answered.
    let refused = |(question, answer): &&(String, String)| {
        let is_tool = question.contains(" {");
        let fails =
            if is_tool { answer.contains("\"isError\":true") } else { !answer.starts_with("200") };
        fails && !question.ends_with("anomalies")
    };
    let refused: Vec<&str> =
        seen.iter().filter(refused).map(|(question, _)| question.as_str()).collect();
    assert_eq!(
        refused,
        [
            // A token has neither an inbox nor an account.
            "0 /inbox",
            "0 /account",
            "0 /link/AAAA-AAAA-AAAA-AAAA",
            "0 /proposals/P-2",
            "0 /nowhere",
            "1 /link/AAAA-AAAA-AAAA-AAAA",
            "1 /proposals/P-2",
            "1 /nowhere",
            "proposals {\"proposal_id\":\"P-2\"}",
            "propose_change {\"kind\":\"budget\",\"amount\":\"70\",\"per\":\"month\",\"reason\":\"all of it\"}",
            "withdraw_proposal {\"proposal_id\":\"P-2\",\"reason\":\"not mine\"}",
            "verify_text {\"evidence_id\":\"bundle:000000000000\",\"text\":\"x\"}",
        ]
    );
    let text = |question: &str| {
        let found = seen.iter().find(|(asked, _)| asked == question);
        found.map(|(_, answer)| answer.clone()).unwrap()
    };
    assert!(text("0 /").contains("of what agent:bot may see"));
    assert!(text("1 /").contains("of what person:ana may see"));
    assert!(text("1 /api/report").contains("\"limited_to\":\"person:ana\""));
    assert!(
        text("1 /proposals/P-1").starts_with("200") && text("1 /proposals/P-2").starts_with("404")
    );
    let refused = seen.iter().find(|(asked, _)| asked.contains("all of it")).unwrap();
    assert!(refused.1.contains("spend that you may not see"), "{}", refused.1);
    let spent = seen.iter().find(|(asked, _)| asked.starts_with("spend_breakdown")).unwrap();
    assert!(spent.1.contains("of what you may see") && spent.1.contains(OWN), "{}", spent.1);

    // Whoever holds the home sees both, so the questions could have told.
    let (_, all) = one.get("/api/spend?by=team,feature,model&period=last_month", &[]).await;
    assert!(all.contains("bravo") && all.contains(OWN) && all.contains("gpt-4o-mini"));
    // Evidence that was computed for somebody else is not there.
    let (_, report) = one.get("/api/report", &[]).await;
    let report: Value = serde_json::from_str(&report).unwrap();
    let evidence = format!("/evidence/{}", report["evidence"].as_str().unwrap());
    assert_eq!(one.get(&evidence, &[]).await.0, StatusCode::OK);
    let cookie = [("cookie", one.cookie.as_str())];
    assert_eq!(one.get(&evidence, &cookie).await.0, StatusCode::NOT_FOUND);
}

/// Documents, and what completes an argument, tell no more than tools do.
#[tokio::test(flavor = "multi_thread")]
async fn documents_depend_on_nothing_that_is_not_seen() {
    let one = Site::new("bravo", "gpt-4o-mini", 3_000_000).await;
    let two = Site::new("zulu", "gpt-4.1", 40_000_000).await;
    let prompt = |name: &str, argument: &str| json!({"ref": {"type": "ref/prompt", "name": name}, "argument": {"name": argument, "value": ""}});
    let form = |uri: &str, argument: &str| json!({"ref": {"type": "ref/resource", "uri": uri}, "argument": {"name": argument, "value": ""}});
    let document = |uri: &str| json!({ "uri": uri });
    let of_all = json!({"name": "spend_breakdown", "arguments": {"group_by": "model"}});
    for (method, params, holds) in [
        ("resources/list", json!({}), "centinel://proposal/P-1"),
        ("resources/read", document("centinel://report/weekly"), OWN),
        ("resources/read", document("centinel://report/weekly/2026-W43"), OWN),
        ("resources/read", document("centinel://proposal/P-1"), "Proposal P-1"),
        ("resources/read", document("centinel://proposal/P-2"), "no proposal"),
        ("resources/read", document("centinel://policy/approvals"), "no resource"),
        ("resources/read", document("centinel://policy/budgets"), "no resource"),
        ("completion/complete", prompt("onboard_team", "team"), OWN),
        ("completion/complete", prompt("explain_spike", "anomaly_id"), "\"values\":[\"E-"),
        ("completion/complete", prompt("weekly_review", "week"), "2026-W43"),
        ("completion/complete", form("centinel://proposal/{proposal_id}", "proposal_id"), "P-1"),
        ("completion/complete", form("centinel://policy/{name}", "name"), "\"values\":[]"),
    ] {
        let (seen, other) = (one.mcp(method, &params).await, two.mcp(method, &params).await);
        assert_eq!(seen, other, "{method} {params}");
        assert!(seen.contains(holds), "{method} {params}: {seen}");
        // A proposal that is not seen is named by whoever asks for it, and nowhere else.
        let hidden = ["bravo", "zulu", "gpt-4o-mini", "gpt-4.1", "policy/", "\"P-2\""];
        let asked = params.to_string();
        for hidden in hidden.into_iter().filter(|hidden| !asked.contains(hidden)) {
            assert!(!seen.contains(hidden), "{method} {params}: {hidden}: {seen}");
        }
    }
    // Evidence of one's own answer is there, that of an answer to somebody else is not.
    let own: Value = serde_json::from_str(&one.mcp("tools/call", &of_all).await).unwrap();
    let own = own["result"]["structuredContent"]["evidence_id"].as_str().unwrap().to_owned();
    let (_, report) = one.get("/api/report", &[]).await;
    let report: Value = serde_json::from_str(&report).unwrap();
    let foreign =
        format!("bundle:{}", report["evidence"].as_str().unwrap().trim_start_matches("bundle:"));
    for (evidence, holds) in [(own, "fact_count"), (foreign, "there is no evidence")] {
        let uri = format!("centinel://evidence/{evidence}");
        let shown = one.mcp("resources/read", &document(&uri)).await;
        assert!(shown.contains(holds), "{uri}: {shown}");
    }
}

/// A token that ends, and one that never was, open nothing; not even what is open without any.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_stop_at_once_and_wrong_ones_are_refused() {
    let site = Site::new("bravo", "gpt-4o-mini", 3_000_000).await;
    let bearer = format!("Bearer {}", site.token);
    let own = [("authorization", bearer.as_str())];
    assert_eq!(site.get("/api/inbox", &own).await.0, StatusCode::OK);
    for wrong in ["Bearer centinel_00", "Bearer ", "Basic YWRhOmFkYQ==", "centinel_00"] {
        let (status, body) = site.get("/api/inbox", &[("authorization", wrong)]).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{wrong}: {body}");
        let mcp = Request::post("/mcp");
        let (status, _) = site.send(mcp, &[("authorization", wrong)], String::new()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    let approvals = site.app.approvals();
    assert!(approvals.revoke_token("ada", password("ada"), "bot", clock()).await.unwrap());
    assert_eq!(site.get("/api/inbox", &own).await.0, StatusCode::UNAUTHORIZED);
    let (status, _) = site.send(Request::post("/mcp"), &own, String::new()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    // Without any, this machine is trusted, unless everybody is to sign in.
    assert_eq!(site.get("/api/inbox", &[]).await.0, StatusCode::OK);
    let path = site.app.home().join("centinel.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}\n[access]\nsign_in = true\n")).unwrap();
    let closed = App::open(site.app.home(), None).await.unwrap();
    let closed = Site {
        router: router(
            &closed,
            "http://localhost:8787",
            false,
            clock,
            Providers::default(),
            &Refusals::default(),
            None,
        )
        .unwrap(),
        ..site
    };
    for path in ["/api/report", "/metrics"] {
        assert_eq!(closed.get(path, &[]).await.0, StatusCode::UNAUTHORIZED, "{path}");
    }
    // A page leads to the form, and tells nothing on the way.
    for path in ["/", "/inbox", "/proposals/P-1", "/evidence/00000000"] {
        let (status, body) = closed.get(path, &[]).await;
        assert_eq!((status, body.as_str()), (StatusCode::SEE_OTHER, ""), "{path}");
    }
    assert_eq!(
        closed.send(Request::post("/mcp"), &[], String::new()).await.0,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(closed.get("/healthz", &[]).await.0, StatusCode::OK);
    let cookie = [("cookie", closed.cookie.as_str())];
    assert_eq!(closed.get("/api/inbox", &cookie).await.0, StatusCode::OK);
    let rows = calls("charlie", "gpt-4o", 1);
    let sent =
        closed.send(Request::post("/v1/calls"), &[("authorization", "Basic eDp5")], rows).await;
    assert_eq!(sent.0, StatusCode::OK, "what takes rows in has senders with headers of their own");
}
