//! Over HTTP: both eras of the protocol, and everything that is turned away.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use centinel_mcp::{AccessToken, HttpOptions, http_service};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::fixture::Fixture;

const MODERN: &str = "2026-07-28";
const LEGACY: &str = "2025-11-25";

fn service(tokens: Vec<AccessToken>) -> Router {
    let server = Fixture::new().server(false);
    Router::new().nest("/mcp", http_service(server, HttpOptions::loopback(tokens)))
}

struct Post {
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// A request as a client of that revision sends it.
fn post(version: &str, method: &str, mut params: Value) -> Post {
    let mut headers = vec![
        ("host", "localhost:8787".to_owned()),
        ("content-type", "application/json".to_owned()),
        ("accept", "application/json, text/event-stream".to_owned()),
        ("mcp-protocol-version", version.to_owned()),
    ];
    if version == MODERN {
        headers.push(("mcp-method", method.to_owned()));
        if let Some(name) = params["name"].as_str() {
            headers.push(("mcp-name", name.to_owned()));
        }
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        });
    }
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    Post { headers, body }
}

impl Post {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    async fn send(self, service: &Router) -> (StatusCode, Value) {
        let mut request = Request::post("/mcp");
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(self.body)).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let json = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let value = if json { serde_json::from_slice(&body).unwrap() } else { Value::Null };
        (status, value)
    }
}

fn budget() -> Value {
    let arguments = json!({"kind": "budget", "amount": "5", "per": "day", "reason": "x"});
    json!({"name": "propose_change", "arguments": arguments})
}

#[tokio::test]
async fn both_eras_are_served_without_a_session() {
    let service = service(Vec::new());
    let (status, found) = post(MODERN, "server/discover", json!({})).send(&service).await;
    assert_eq!(status, StatusCode::OK, "{found}");
    let versions = found["result"]["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!(MODERN)) && versions.contains(&json!(LEGACY)));
    assert_eq!(found["result"]["cacheScope"], "private");

    let hello = json!({
        "protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"},
    });
    let (status, hello) = post(LEGACY, "initialize", hello).send(&service).await;
    assert_eq!(status, StatusCode::OK, "{hello}");
    assert_eq!(hello["result"]["protocolVersion"], LEGACY);
    assert_eq!(hello["result"]["serverInfo"]["name"], "centinel");

    for version in [MODERN, LEGACY] {
        let (status, listed) = post(version, "tools/list", json!({})).send(&service).await;
        assert_eq!(status, StatusCode::OK, "{version}: {listed}");
        assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), 10);
        assert_eq!(listed["result"]["cacheScope"], "private");
        let ask = json!({"name": "spend_breakdown", "arguments": {"group_by": "team"}});
        let (status, answer) = post(version, "tools/call", ask).send(&service).await;
        assert_eq!(status, StatusCode::OK, "{version}: {answer}");
        assert_eq!(answer["result"]["structuredContent"]["currency"], "USD");
    }
    let (_, receipt) = post(MODERN, "tools/call", budget()).send(&service).await;
    assert_eq!(receipt["result"]["structuredContent"]["status"], "pending_approval");
}

#[tokio::test]
async fn foreign_hosts_and_origins_are_turned_away() {
    let service = service(Vec::new());
    let list = || post(MODERN, "tools/list", json!({}));
    for (name, value, expected) in [
        ("host", "evil.example", StatusCode::FORBIDDEN),
        ("host", "127.0.0.1:8787", StatusCode::OK),
        ("host", "[::1]:8787", StatusCode::OK),
        ("origin", "http://evil.example", StatusCode::FORBIDDEN),
        ("origin", "null", StatusCode::FORBIDDEN),
        ("origin", "http://localhost.evil.example", StatusCode::FORBIDDEN),
        ("origin", "http://localhost:3000", StatusCode::OK),
        ("origin", "http://127.0.0.1:8787", StatusCode::OK),
    ] {
        let (status, _) = list().with(name, value).send(&service).await;
        assert_eq!(status, expected, "{name}: {value}");
    }
}

#[tokio::test(start_paused = true)]
async fn work_ends_when_the_client_hangs_up() {
    let mut fixture = Fixture::new();
    fixture.delay = Duration::from_hours(1);
    let ended = fixture.ended.clone();
    let service = http_service(fixture.server(false), HttpOptions::loopback(Vec::new()));
    let service = Router::new().nest("/mcp", service);
    let ask = json!({"name": "spend_breakdown", "arguments": {}});
    let call = post(MODERN, "tools/call", ask).send(&service);
    assert!(tokio::time::timeout(Duration::from_secs(1), call).await.is_err());
    // Long before the limit of one call.
    assert!(tokio::time::timeout(Duration::from_secs(1), ended.notified()).await.is_ok());
}

#[tokio::test]
async fn bad_requests_get_their_own_answers() {
    let service = service(Vec::new());
    let list = || post(MODERN, "tools/list", json!({}));
    let mut cut = list();
    cut.body.truncate(20);
    let (status, _) = cut.send(&service).await;
    assert!(status.is_client_error(), "{status}");

    let mut large = post(MODERN, "tools/call", budget());
    large.body.extend(std::iter::repeat_n(' ', (1 << 20) + 1));
    assert_eq!(large.send(&service).await.0, StatusCode::PAYLOAD_TOO_LARGE);

    let (status, _) = list().with("content-type", "text/plain").send(&service).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let (status, error) = list().with("mcp-method", "tools/call").send(&service).await;
    assert_eq!((status, &error["error"]["code"]), (StatusCode::BAD_REQUEST, &json!(-32020)));
    let (status, error) = post("2099-01-01", "tools/list", json!({})).send(&service).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    let (status, error) = post(MODERN, "tools/none", json!({})).send(&service).await;
    assert_eq!((status, &error["error"]["code"]), (StatusCode::NOT_FOUND, &json!(-32601)));
    for method in ["GET", "DELETE"] {
        let request = Request::builder()
            .method(method)
            .uri("/mcp")
            .header("host", "localhost")
            .header("accept", "text/event-stream");
        let response = service.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
}

#[tokio::test]
async fn a_token_is_needed_when_there_is_one() {
    let tokens = vec![
        AccessToken::new("first-secret", "agent:nightly"),
        AccessToken::new("second-secret", "agent:ide"),
    ];
    assert!(!format!("{tokens:?}").contains("secret"));
    let service = service(tokens);
    let call = || post(MODERN, "tools/call", budget());
    for wrong in
        ["", "Bearer", "Bearer ", "Bearer first-secre", "Basic first-secret", "first-secret"]
    {
        let (status, _) = call().with("authorization", wrong).send(&service).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    assert_eq!(call().send(&service).await.0, StatusCode::UNAUTHORIZED);
    let (status, _) = call().with("authorization", "Bearer second-secret").send(&service).await;
    assert_eq!(status, StatusCode::OK);
    let list = json!({"name": "proposals", "arguments": {}});
    let list = post(MODERN, "tools/call", list).with("authorization", "bearer first-secret");
    let (_, listed) = list.send(&service).await;
    // The token's subject counts, not the name that the client gave itself.
    let proposer = &listed["result"]["structuredContent"]["rows"][0]["proposed_by"];
    assert_eq!(proposer, "agent:ide");
}

#[tokio::test]
async fn a_header_may_only_tighten() {
    let service = service(Vec::new());
    for (value, tools) in [("1", 8), ("true", 8), ("yes", 8), ("0", 10), ("false", 10)] {
        let list = post(MODERN, "tools/list", json!({})).with("x-centinel-read-only", value);
        let (_, listed) = list.send(&service).await;
        assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), tools, "{value}");
    }
    let call = post(MODERN, "tools/call", budget()).with("x-centinel-read-only", "1");
    let (_, refused) = call.send(&service).await;
    assert_eq!(refused["error"]["code"], -32602);
    let closed = Fixture::new().server(true);
    let closed =
        Router::new().nest("/mcp", http_service(closed, HttpOptions::loopback(Vec::new())));
    let list = post(MODERN, "tools/list", json!({})).with("x-centinel-read-only", "0");
    let (_, listed) = list.send(&closed).await;
    assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), 8);
}
