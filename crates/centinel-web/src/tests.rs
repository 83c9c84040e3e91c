//! The routes over a small home.

mod by_hand;
mod company;
mod deciding;
mod delivered;
mod hostile;
mod linking;
mod people;
mod second_factor;
mod signing_in;

use std::{io::Write as _, path::Path};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, header},
};
use centinel_app::{App, BudgetRequest, ImportRequest, create_home};
use centinel_engine::{
    money::{Currency, Money, Pico},
    proposal::BudgetPeriod,
    series::Dimension,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{BODY_BYTES_MAX, WebState, router};

const HOSTILE: &str = "<script>alert(1)</script>\u{202e}\u{200b}\"'&";

struct Site {
    _home: tempfile::TempDir,
    app: App,
    router: Router,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

fn now() -> Timestamp {
    "2026-11-03T08:00:00Z".parse().unwrap()
}

impl Site {
    async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        create_home(home.path()).unwrap();
        let app = App::open(home.path(), None).await.unwrap();
        let router = router(WebState::new(app.clone(), now, || Ok(7)));
        Self { _home: home, app, router }
    }

    /// Seventy days of two features; the first costs five times as much in the last seven days.
    async fn with_data() -> Self {
        let site = Self::new().await;
        let first: Timestamp = "2026-08-23T09:00:00Z".parse().unwrap();
        let mut lines = String::new();
        for day in 0..70_i64 {
            for (feature, model) in [(HOSTILE, "gpt-4o"), ("search", "gpt-4o-mini"), ("x", HOSTILE)]
            {
                let tokens = if feature == HOSTILE && day >= 63 { 5_000_000 } else { 1_000_000 };
                let at = Timestamp::from_second(first.as_second() + day * 86_400).unwrap();
                let call = json!({
                    "call_id": format!("{feature}-{day}"), "at": at.to_string(),
                    "provider": "openai", "model": model, "feature": feature,
                    "input_tokens": tokens + day * 1000, "output_tokens": 1000,
                });
                lines.extend([call.to_string(), "\n".to_owned()]);
            }
        }
        let answer = site.post("/v1/calls", &[], lines.into_bytes()).await;
        assert_eq!((answer.status, &answer.json()["accepted"]), (StatusCode::OK, &json!(210)));
        site
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).header(header::HOST, "localhost:8787");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let mut request = Request::post(path).header(header::HOST, "127.0.0.1:8787");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn propose(&self) {
        let request = BudgetRequest {
            scope: [(Dimension::Feature, "search".to_owned())].into(),
            period: BudgetPeriod::Month,
            limit: Money { amount: Pico(500 * Pico::ONE.0), currency: Currency::USD },
        };
        let requester = centinel_app::Requester::system();
        self.app.propose_budget(request, &requester, now()).await.unwrap();
    }
}

#[tokio::test]
async fn every_page_answers_and_escapes_what_was_imported() {
    let site = Site::with_data().await;
    site.propose().await;
    let incidents = site.get("/api/anomalies").await.json();
    let episode = incidents["incidents"][0]["id"].as_str().unwrap().to_owned();
    let bundle = site.get("/api/report").await.json()["evidence"].as_str().unwrap().to_owned();
    let prefix = bundle.trim_start_matches("bundle:");
    for path in [
        "/".to_owned(),
        format!("/episodes/{episode}"),
        format!("/episodes/{}", episode.to_lowercase()),
        "/proposals/P-1".to_owned(),
        "/digest".to_owned(),
        format!("/evidence/{prefix}"),
        format!("/evidence/{bundle}"),
    ] {
        let page = site.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text());
        let text = page.text();
        assert!(text.starts_with("<!doctype html>") && text.trim_end().ends_with("</html>"));
        assert!(!text.contains("<script") && !text.contains("style=\""), "{path}");
        assert!(!text.contains(['\u{202e}', '\u{200b}']), "{path}");
        let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"));
        assert_eq!(page.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(page.headers[header::REFERRER_POLICY], "same-origin");
        assert!(policy.contains("form-action 'self'"), "{policy}");
    }
    let overview = site.get("/").await;
    for expected in [
        "October 2026",
        "&#60;script&#62;alert(1)",
        "/proposals/P-1",
        "which of them wait for you",
        "1\u{a0}more approval: owner of",
        "gpt-4o-mini",
        "1\u{a0}model, ",
    ] {
        assert!(overview.text().contains(expected), "{expected}\n{}", overview.text());
    }
    let proposal = site.get("/proposals/P-1").await;
    assert!(proposal.text().contains("centinel approve P-1 --as NAME --digest "));
    let json = site.get(&format!("/evidence/{prefix}.json")).await;
    assert_eq!(json.json()["facts"][0]["role"], "total");
}

#[tokio::test]
async fn what_began_with_a_change_is_on_its_page_as_in_its_text() {
    let site = Site::with_data().await;
    let call = |day: i64| {
        let at = Timestamp::from_second(1_792_918_800 + day * 86_400).unwrap();
        json!({
            "call_id": format!("new-{day}"), "at": at.to_string(), "provider": "openai",
            "model": "gpt-4o-mini", "feature": HOSTILE, "input_tokens": 7_000_000,
            "output_tokens": 1000,
        })
    };
    let lines: Vec<String> = (0..7).map(|day| call(day).to_string()).collect();
    site.post("/v1/calls", &[], lines.join("\n").into_bytes()).await;
    let deploy = json!({
        "event_id": "e", "kind": "deploy", "at": "2026-10-25T08:00:00Z",
        "scope": {"feature": HOSTILE}, "note": HOSTILE,
    });
    site.post("/v1/events", &[], deploy.to_string().into_bytes()).await;

    let incidents = site.get("/api/anomalies").await.json();
    let incidents = incidents["incidents"].as_array().unwrap();
    let about = json!({"feature": HOSTILE});
    let id = incidents.iter().find(|incident| incident["scope"] == about).unwrap()["id"].clone();
    let id = id.as_str().unwrap();
    let explained = site.get(&format!("/api/explain/{id}")).await.json();
    let links = explained["circumstances"]["links"].as_array().unwrap();
    let kinds: Vec<&Value> = links.iter().map(|link| &link["kind"]).collect();
    assert_eq!(kinds, ["new_model", "deploy"], "{explained}");
    assert_eq!(links[1]["amount"], Value::Null, "a deploy coincides");

    // The text says the model's part, and the page the same.
    let text = explained["text"].as_str().unwrap();
    let said = text.split_once("new model gpt-4o-mini from 2026-10-25: ").unwrap().1;
    let amount = said.split(" (").next().unwrap();
    assert!(amount.starts_with("+$"), "{text}");
    let page = site.get(&format!("/episodes/{id}")).await;
    let page = page.text();
    let row = page.split_once("<td>new model gpt-4o-mini</td>").unwrap().1;
    assert!(row.split_once("</tr>").unwrap().0.contains(amount), "{amount}: {page}");
    let row = page.split_once("<td>deploy ").unwrap().1.split_once("</tr>").unwrap().0;
    assert!(row.contains("coincided") && row.contains("&#60;script&#62;"), "{row}");
    assert!(!page.contains("<script"), "{page}");
}

#[tokio::test]
async fn the_first_screen_follows_the_data() {
    let site = Site::with_data().await;
    let before = site.get("/").await;
    assert_eq!(before.body, site.get("/").await.body);
    assert!(before.text().contains("Nothing waits."));
    site.propose().await;
    assert!(site.get("/").await.text().contains("Budget of $500.00 a month for feature search"));
    let total = site.get("/api/report").await.json()["total"].clone();
    let call = r#"{"call_id":"new","at":"2026-10-30T12:00:00Z","provider":"openai","model":"gpt-4o","input_tokens":1000000,"output_tokens":0}"#;
    site.post("/v1/calls", &[], call.into()).await;
    assert_ne!(site.get("/api/report").await.json()["total"], total);
}

#[tokio::test]
async fn an_empty_home_says_what_to_do() {
    let site = Site::new().await;
    let page = site.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("centinel import FILE"), "{}", page.text());
    let report = site.get("/api/report").await;
    assert_eq!(report.status, StatusCode::NOT_FOUND);
    assert_eq!(report.json()["error"]["message"], "the ledger is empty");
    assert_eq!(site.get("/api/inbox").await.json(), json!({ "proposals": [], "deliveries": [] }));
}

#[tokio::test]
async fn what_is_not_there_is_said_in_a_page_or_in_json() {
    let site = Site::with_data().await;
    for path in [
        "/nothing",
        "/episodes/E-999",
        "/episodes/%3Cb%3E",
        "/proposals/P-99",
        "/proposals/x",
        "/evidence/abc",
        "/evidence/0123456789abcdef",
        "/evidence/%25%25%25%25%25%25%25%25",
    ] {
        let page = site.get(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(page.text().contains("<h1>Not found</h1>") && !page.text().contains("<b>"));
    }
    for (path, status) in [
        ("/api/explain/E-999", StatusCode::NOT_FOUND),
        ("/evidence/abc.json", StatusCode::NOT_FOUND),
        ("/api/spend?by=nonsense%20here", StatusCode::BAD_REQUEST),
        ("/api/spend?by=kind,owner", StatusCode::BAD_REQUEST),
        ("/api/spend?from=2026-10-01", StatusCode::BAD_REQUEST),
        ("/api/spend?from=2026-10-02&until=2026-10-02", StatusCode::BAD_REQUEST),
        ("/api/spend?from=yesterday&until=2026-10-02", StatusCode::BAD_REQUEST),
        ("/api/spend?grain=minute", StatusCode::BAD_REQUEST),
        ("/api/spend?whatever=1", StatusCode::BAD_REQUEST),
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert!(answer.json()["error"]["message"].is_string(), "{path}");
    }
    let request = Request::post("/").header(header::HOST, "localhost").body(Body::empty());
    assert_eq!(site.send(request.unwrap()).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn spend_is_asked_by_address() {
    let site = Site::with_data().await;
    let path = "/api/spend?by=model,feature&from=2026-10-01&until=2026-10-03&grain=day&top=1";
    let answer = site.get(path).await.json();
    assert_eq!(answer["currency"], "USD");
    assert_eq!(answer["rows"].as_array().unwrap().len(), 2);
    assert_eq!(answer["rows"][0]["at"], "2026-10-01T00:00:00Z");
    assert_eq!(answer["other_groups"], 2);
    // gpt-4o at $2.50 and $10, gpt-4o-mini at $0.15 and $0.60 a million; days 39 and 40.
    assert_eq!(answer["total"]["cost"], "5.53055");
}

#[tokio::test]
async fn only_own_names_are_answered() {
    let site = Site::with_data().await;
    for (host, origin, status) in [
        (Some("localhost"), None, StatusCode::OK),
        (Some("[::1]:8787"), Some("http://localhost:8787"), StatusCode::OK),
        (Some("rebound.example:8787"), None, StatusCode::FORBIDDEN),
        (Some("localhost"), Some("http://evil.example"), StatusCode::FORBIDDEN),
        (Some("localhost"), Some("null"), StatusCode::FORBIDDEN),
        (None, None, StatusCode::FORBIDDEN),
    ] {
        for path in ["/", "/api/inbox", "/metrics", "/no-such-page"] {
            let mut request = Request::get(path);
            request = host.into_iter().fold(request, |r, host| r.header(header::HOST, host));
            request =
                origin.into_iter().fold(request, |r, origin| r.header(header::ORIGIN, origin));
            let answer = site.send(request.body(Body::empty()).unwrap()).await;
            let status = match path {
                "/no-such-page" if status == StatusCode::OK => StatusCode::NOT_FOUND,
                _ => status,
            };
            assert_eq!(answer.status, status, "{host:?} {origin:?} {path}");
            assert!(answer.headers.contains_key(header::CONTENT_SECURITY_POLICY));
        }
    }
}

#[tokio::test]
async fn rows_are_taken_once() {
    let site = Site::new().await;
    let calls = concat!(
        r#"{"call_id":"a","at":"2026-10-01T00:00:00Z","provider":"openai","model":"gpt-4o","input_tokens":1,"output_tokens":1}"#,
        "\n",
        r#"{"call_id":"b","at":"never","provider":"openai","model":"gpt-4o","input_tokens":1,"output_tokens":1}"#,
    );
    let outcomes = r#"{"outcome_id":"o","at":"2026-10-01T00:00:00Z","kind":"ticket","quantity":1,"feature":"f"}"#;
    let payloads = r#"[{"id":"l","call_type":"acompletion","startTime":1790000000.5,"endTime":1790000001,"model":"gpt-4o","custom_llm_provider":"openai","prompt_tokens":1,"completion_tokens":1,"total_tokens":2,"response_cost":0.1,"status":"success","metadata":{}}]"#;
    for (path, body, rejected) in
        [("/v1/calls", calls, 1), ("/v1/litellm", payloads, 0), ("/v1/outcomes", outcomes, 0)]
    {
        let first = site.post(path, &[], body.into()).await;
        assert_eq!(first.status, StatusCode::OK, "{}", first.text());
        let first = first.json();
        assert_eq!((&first["accepted"], &first["duplicate"]), (&json!(1), &json!(0)), "{path}");
        assert_eq!(first["rejected_count"], rejected);
        if rejected == 1 {
            assert_eq!(first["rejected"][0]["row"], 2);
            assert!(first["rejected"][0]["reason"].as_str().unwrap().contains("never"));
        }
        // The same body, compressed: the same rows. And the same row in another body.
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(body.as_bytes()).unwrap();
        let headers = [("content-encoding", "gzip")];
        let again = site.post(path, &headers, gzip.finish().unwrap()).await.json();
        assert_eq!((&again["accepted"], &again["duplicate"]), (&json!(0), &json!(1)), "{path}");
        let other = site.post(path, &[], format!("{body}\n\n").into_bytes()).await.json();
        assert_eq!((&other["accepted"], &other["duplicate"]), (&json!(0), &json!(1)), "{path}");
    }
}

#[tokio::test]
async fn spans_are_answered_in_their_encoding() {
    let site = Site::new().await;
    let attribute = |key: &str, value: Value| json!({ "key": key, "value": value });
    let span = json!({
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
        "name": "chat gpt-4o", "kind": 3,
        "startTimeUnixNano": "1790000000000000000", "endTimeUnixNano": "1790000001000000000",
        "attributes": [
            attribute("gen_ai.operation.name", json!({ "stringValue": "chat" })),
            attribute("gen_ai.provider.name", json!({ "stringValue": "openai" })),
            attribute("gen_ai.request.model", json!({ "stringValue": "gpt-4o" })),
            attribute("gen_ai.usage.input_tokens", json!({ "intValue": "100" })),
            attribute("gen_ai.usage.output_tokens", json!({ "intValue": "10" })),
        ],
    });
    let payload = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span, 7] }] }] });
    let json_type = [("content-type", "application/json; charset=utf-8")];
    let answer = site.post("/v1/traces", &json_type, payload.to_string().into_bytes()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json()["partialSuccess"]["rejectedSpans"], "1");
    let sources = site.app.sources().await.unwrap();
    assert_eq!((sources[0].source.as_str(), sources[0].rows_accepted), ("otlp", 1));

    let protobuf = [("content-type", "application/x-protobuf")];
    let empty = site.post("/v1/traces", &protobuf, Vec::new()).await;
    assert_eq!((empty.status, empty.body.len()), (StatusCode::OK, 0));
    assert_eq!(empty.headers[header::CONTENT_TYPE], "application/x-protobuf");
    let bad = site.post("/v1/traces", &protobuf, b"\xff\xff\xff".to_vec()).await;
    assert_eq!((bad.status, &bad.body[..2]), (StatusCode::BAD_REQUEST, &[8, 3][..]));
    let bad = site.post("/v1/traces", &json_type, b"{".to_vec()).await;
    assert_eq!((bad.status, &bad.json()["code"]), (StatusCode::BAD_REQUEST, &json!(3)));
    let other = site.post("/v1/traces", &[("content-type", "text/plain")], b"{}".to_vec()).await;
    assert_eq!(other.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn bad_bodies_are_answered_in_one_line() {
    let site = Site::new().await;
    let zeros = {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&vec![b' '; BODY_BYTES_MAX + 1]).unwrap();
        gzip.finish().unwrap()
    };
    for (headers, body, status) in [
        (&[("content-encoding", "gzip")][..], b"not gzip".to_vec(), StatusCode::BAD_REQUEST),
        (&[("content-encoding", "br")], b"{}".to_vec(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (&[("content-encoding", "gzip")], zeros, StatusCode::PAYLOAD_TOO_LARGE),
        (&[], vec![b'x'; BODY_BYTES_MAX + 1], StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        for path in ["/v1/calls", "/v1/outcomes"] {
            let answer = site.post(path, headers, body.clone()).await;
            assert_eq!(answer.status, status, "{path} {headers:?}: {}", answer.text());
            let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(!message.is_empty() && !message.contains('\n'), "{message}");
        }
    }
    // What is no row is a rejected row, whatever it holds.
    let answer = site.post("/v1/calls", &[], b"\x00\xff\n[[[[\n\"\n".to_vec()).await;
    assert!(answer.status == StatusCode::BAD_REQUEST || answer.json()["accepted"] == 0);
}

#[tokio::test]
async fn pipelines_tell_of_events_once_and_mute_nothing() {
    let site = Site::new().await;
    let lines = [
        r#"{"event_id":"d1","kind":"deploy","at":"2026-10-03T14:05:00Z","scope":{"feature":"search"},"note":"2.4"}"#,
        r#"{"event_id":"d1","kind":"deploy","at":"2026-10-04T14:05:00Z"}"#,
        r#"{"event_id":"m1","kind":"mute","at":"2026-10-03T00:00:00Z","until":"2026-10-04T00:00:00Z"}"#,
        r#"{"event_id":"p1","kind":"planned","at":"2026-10-03T00:00:00Z","until":"2026-12-04T00:00:00Z"}"#,
        r#"{"event_id":"p2","kind":"planned","at":"2026-10-03T00:00:00Z","scope":{"planet":"mars"}}"#,
        "no event",
    ];
    let answer = site.post("/v1/events", &[], lines.join("\n").into_bytes()).await.json();
    assert_eq!((&answer["accepted"], &answer["duplicate"]), (&1.into(), &1.into()), "{answer}");
    let rejected: Vec<(u64, String)> = answer["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["row"].as_u64().unwrap(), row["reason"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(rejected.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [3, 4, 5, 6]);
    assert!(rejected[0].1.contains("for a person to say"), "{rejected:?}");
    assert!(rejected[1].1.contains("14 days"), "{rejected:?}");
    assert!(rejected[2].1.contains("`planet` is no dimension"), "{rejected:?}");
    let known = site.app.events(now()).await.unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].note, "2.4");
}

#[tokio::test]
async fn health_and_metrics() {
    let site = Site::with_data().await;
    let hostile = ImportRequest { source: Some("a\"b\\c".to_owned()), ..ImportRequest::default() };
    let call = r#"{"call_id":"z","at":"2026-10-01T00:00:00Z","provider":"openai","model":"gpt-4o","input_tokens":1,"output_tokens":1}"#;
    let format = centinel_app::Format::CallEvents;
    site.app.import_bytes(call.into(), format, hostile, now(), 1).await.unwrap();
    assert_eq!(site.get("/healthz").await.text(), "ok\n");
    assert_eq!(site.get("/readyz").await.text(), "ready\n");
    let metrics = site.get("/metrics").await;
    let mime = metrics.headers[header::CONTENT_TYPE].to_str().unwrap();
    assert!(mime.starts_with("application/openmetrics-text"));
    assert!(metrics.text().contains("centinel_ledger_rows{source=\"http-calls\"} 210\n"));
    assert!(metrics.text().contains("centinel_ledger_rows{source=\"a\\\"b\\\\c\"} 1\n"));
    assert!(metrics.text().ends_with("# EOF\n"));
    site.app.database().close().await;
    assert_eq!(site.get("/healthz").await.status, StatusCode::OK);
    assert_eq!(site.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_stylesheet_may_be_kept_for_good() {
    let site = Site::new().await;
    let style = site.get(&crate::assets::style_address()).await;
    assert_eq!(style.headers[header::CONTENT_TYPE], "text/css; charset=utf-8");
    assert!(style.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert_eq!(site.get(&crate::assets::icon_address()).await.status, StatusCode::OK);
    for missing in ["/assets/style.000000000000.css", "/assets/..%2fCargo.toml"] {
        assert_eq!(site.get(missing).await.status, StatusCode::NOT_FOUND, "{missing}");
    }
}

/// askama escapes unless told not to.
#[test]
fn no_template_leaves_text_unescaped() {
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    for file in std::fs::read_dir(templates).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for unsafe_word in
            ["|safe", "| safe", "{% raw", "escape(", "<script", "style=\"", "http://", "https://"]
        {
            assert!(!text.contains(unsafe_word), "{}: {unsafe_word}", path.display());
        }
    }
}
