//! The transports by themselves: what is no message, what takes long, what is taken back.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    http::{Request, Response, StatusCode},
};
use centinel_mcp::{HttpOptions, Server, http_service};
use rmcp::ServiceExt as _;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    sync::Notify,
    task::JoinSet,
    time::timeout,
};
use tower::ServiceExt as _;

use crate::fixture::Fixture;

const MODERN: &str = "2026-07-28";
const LEGACY: &str = "2025-11-25";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A server whose answers take that long, and what tells that the work for one has ended.
fn slow(delay: Duration) -> (Arc<Notify>, Server) {
    let mut fixture = Fixture::new();
    fixture.delay = delay;
    (fixture.ended.clone(), fixture.server(false))
}

/// The same over HTTP.
fn service(delay: Duration) -> (Arc<Notify>, Router) {
    let (ended, server) = slow(delay);
    let router = http_service(server, HttpOptions::loopback(Vec::new()));
    (ended, Router::new().nest("/mcp", router))
}

fn request(version: &str) -> axum::http::request::Builder {
    Request::post("/mcp")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", version)
}

/// A call of `spend_breakdown` with more in its `_meta`.
fn call(version: &str, more: &Value) -> Value {
    let mut meta = more.as_object().cloned().unwrap_or_default();
    if version == MODERN {
        let info = json!({"name": "raw", "version": "1"});
        for (name, value) in [
            ("protocolVersion", json!(MODERN)),
            ("clientInfo", info),
            ("clientCapabilities", json!({})),
        ] {
            meta.insert(format!("io.modelcontextprotocol/{name}"), value);
        }
    }
    let params = json!({"name": "spend_breakdown", "arguments": {}, "_meta": meta});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
}

fn posted(version: &str, more: &Value) -> Request<Body> {
    let mut post = request(version);
    if version == MODERN {
        post = post.header("mcp-method", "tools/call").header("mcp-name", "spend_breakdown");
    }
    post.body(Body::from(call(version, more).to_string())).unwrap()
}

async fn sent(service: &Router, request: Request<Body>) -> Response<Body> {
    service.clone().oneshot(request).await.unwrap()
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn what_is_no_message_is_told_so() {
    let (_, service) = service(Duration::ZERO);
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}{}}}"#,
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    let batch = format!("[{0},{0}]", call(LEGACY, &json!({})));
    for (body, code, id) in [
        ("", -32700, None),
        ("{", -32700, None),
        ("not json", -32700, None),
        ("\u{0}", -32700, None),
        (batch.as_str(), -32600, None),
        ("[]", -32600, None),
        ("null", -32600, None),
        ("\"ping\"", -32600, None),
        ("{}", -32600, None),
        (r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#, -32600, Some(json!(7))),
        (r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, -32600, None),
        (r#"{"jsonrpc":"2.0","id":"a","method":7}"#, -32600, Some(json!("a"))),
        (deep.as_str(), -32602, Some(json!(1))),
    ] {
        let post = request(LEGACY).body(Body::from(body.to_owned())).unwrap();
        let response = sent(&service, post).await;
        let shown = &body[..body.len().min(60)];
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{shown}");
        assert_eq!(header(&response, "content-type"), "application/json", "{shown}");
        let answer: Value = serde_json::from_str(&text(response).await).unwrap();
        assert_eq!(answer["jsonrpc"], "2.0", "{shown}");
        assert_eq!(answer["error"]["code"], code, "{shown}: {answer}");
        assert_eq!(answer.get("id"), id.as_ref(), "{shown}: {answer}");
    }
}

#[tokio::test]
async fn no_cache_keeps_an_answer() {
    let (_, service) = service(Duration::ZERO);
    let get = Request::get("/mcp").header("host", "localhost").body(Body::empty()).unwrap();
    let foreign = posted(MODERN, &json!({}));
    let (mut parts, body) = foreign.into_parts();
    parts.headers.insert("host", "evil.example".parse().unwrap());
    for (request, status) in [
        (posted(MODERN, &json!({})), StatusCode::OK),
        (posted(LEGACY, &json!({})), StatusCode::OK),
        (get, StatusCode::METHOD_NOT_ALLOWED),
        (Request::from_parts(parts, body), StatusCode::FORBIDDEN),
        (request(MODERN).body(Body::from("{")).unwrap(), StatusCode::BAD_REQUEST),
    ] {
        let response = sent(&service, request).await;
        assert_eq!(response.status(), status);
        assert_eq!(header(&response, "cache-control"), "private, no-store", "{status}");
    }
}

/// A body of which the last byte never comes: one a second, so that something always does.
fn endless() -> Body {
    let bytes = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok::<_, io::Error>(Bytes::from_static(b" ")), ()))
    });
    Body::from_stream(bytes)
}

#[tokio::test(start_paused = true)]
async fn a_body_has_a_time_to_arrive() {
    let (_, service) = service(Duration::ZERO);
    let slow = request(MODERN).body(endless()).unwrap();
    let begun = tokio::time::Instant::now();
    let response = timeout(Duration::from_mins(2), sent(&service, slow)).await.unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(header(&response, "connection"), "close");
    assert_eq!(begun.elapsed().as_secs(), 30);
}

/// The messages of a stream of events.
fn events(stream: &str) -> Vec<Value> {
    let data = stream.lines().filter_map(|line| line.strip_prefix("data:"));
    data.map(|text| serde_json::from_str(text.trim()).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_long_tells_who_asked_to_be_told() {
    let token = json!({"progressToken": "p-1"});
    for (version, seconds, meta, reports) in [
        (MODERN, 7, &token, 3),
        (LEGACY, 7, &token, 3),
        (MODERN, 1, &token, 0),
        (MODERN, 7, &json!({}), 0),
        (LEGACY, 7, &json!({}), 0),
    ] {
        let (_, service) = service(Duration::from_secs(seconds));
        let response = sent(&service, posted(version, meta)).await;
        let case = format!("{version}, {seconds} s, {meta}");
        assert_eq!(response.status(), StatusCode::OK, "{case}");
        let (kind, buffering) =
            if reports == 0 { ("application/json", "") } else { ("text/event-stream", "no") };
        assert_eq!(header(&response, "content-type"), kind, "{case}");
        assert_eq!(header(&response, "x-accel-buffering"), buffering, "{case}");
        assert!(header(&response, "cache-control").contains("private"), "{case}");
        let body = text(response).await;
        if reports == 0 {
            let answer: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(answer["result"]["structuredContent"]["currency"], "USD", "{case}");
            continue;
        }
        let mut messages = events(&body);
        let answer = messages.pop().unwrap();
        assert_eq!(answer["result"]["structuredContent"]["currency"], "USD", "{case}");
        assert_eq!(messages.len(), reports, "{case}: {messages:?}");
        let mut before = 0.0;
        for message in messages {
            assert_eq!(message["method"], "notifications/progress", "{case}");
            assert_eq!(message["params"]["progressToken"], "p-1", "{case}");
            let progress = message["params"]["progress"].as_f64().unwrap();
            assert!(progress > before, "{case}: {progress} after {before}");
            before = progress;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn work_ends_when_the_reader_of_a_stream_leaves() {
    let (work, service) = service(Duration::from_hours(1));
    let response = sent(&service, posted(MODERN, &json!({"progressToken": 1}))).await;
    assert_eq!(header(&response, "content-type"), "text/event-stream");
    let ended = work.notified();
    drop(response);
    // Long before the limit of one call.
    assert!(timeout(Duration::from_secs(1), ended).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn more_calls_than_turns_wait_for_theirs() {
    for (seconds, answered, message) in [
        (
            12,
            32,
            "no turn within 30 s: 16 other calls are being answered\nhint: call again in a moment",
        ),
        (31, 0, "no answer within 30 s\nhint: narrow the period or the filter"),
    ] {
        let (_, service) = service(Duration::from_secs(seconds));
        let mut calls = JoinSet::new();
        for _ in 0..80 {
            let service = service.clone();
            calls
                .spawn(async move { text(sent(&service, posted(MODERN, &json!({}))).await).await });
        }
        let (mut done, mut told) = (0, 0);
        for body in calls.join_all().await {
            let answer: Value = serde_json::from_str(&body).unwrap();
            let result = &answer["result"];
            if result["isError"] == false {
                done += 1;
            } else if result["content"][0]["text"] == message {
                told += 1;
            }
        }
        assert_eq!(done, answered, "{seconds} s a call");
        assert!(told > 0, "{seconds} s a call: nobody was told `{message}`");
    }
}

/// The server over lines, as over standard input and output.
struct Lines {
    write: tokio::io::WriteHalf<tokio::io::DuplexStream>,
    read: tokio::io::Lines<BufReader<tokio::io::ReadHalf<tokio::io::DuplexStream>>>,
    /// Ends with the conversation.
    _serving: JoinSet<()>,
}

impl Lines {
    fn to(server: Server) -> Self {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let running = server.serve(far).await.unwrap();
            running.waiting().await.unwrap();
        });
        let (read, write) = tokio::io::split(near);
        Self { write, read: BufReader::new(read).lines(), _serving: serving }
    }

    async fn send(&mut self, message: &Value) {
        self.write.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn next(&mut self) -> Value {
        let line = timeout(Duration::from_mins(2), self.read.next_line()).await.unwrap();
        serde_json::from_str(&line.unwrap().unwrap()).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_taken_back_ends_and_is_not_answered() {
    for version in [MODERN, LEGACY] {
        let (work, server) = slow(Duration::from_hours(1));
        let mut lines = Lines::to(server);
        if version == LEGACY {
            let hello = json!({
                "protocolVersion": LEGACY, "capabilities": {},
                "clientInfo": {"name": "raw", "version": "1"},
            });
            let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello});
            lines.send(&hello).await;
            assert_eq!(lines.next().await["result"]["protocolVersion"], LEGACY);
            let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
            lines.send(&ready).await;
        }
        let ended = work.notified();
        lines.send(&call(version, &json!({"progressToken": 1}))).await;
        let news = lines.next().await;
        assert_eq!(news["method"], "notifications/progress", "{version}: {news}");
        lines
            .send(&json!({
                "jsonrpc": "2.0", "method": "notifications/cancelled",
                "params": {"requestId": 1, "reason": "no longer needed"},
            }))
            .await;
        assert!(timeout(Duration::from_secs(1), ended).await.is_ok(), "{version}");
        // The next answer is that of the next request.
        let mut list = call(version, &json!({}));
        list["id"] = json!(2);
        list["method"] = json!("tools/list");
        list["params"].as_object_mut().unwrap().retain(|name, _| name == "_meta");
        lines.send(&list).await;
        let answer = lines.next().await;
        assert_eq!(answer["id"], 2, "{version}: {answer}");
    }
}

#[tokio::test]
async fn lines_that_are_no_message_do_not_end_the_conversation() {
    let mut lines = Lines::to(Fixture::new().server(false));
    lines.send(&call(MODERN, &json!({}))).await;
    assert_eq!(lines.next().await["id"], 1);
    for line in ["not json", "[]", "{}", "{\"jsonrpc\":\"2.0\",\"id\":9}", "\u{0}", ""] {
        lines.write.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }
    let mut again = call(MODERN, &json!({}));
    again["id"] = json!("again");
    lines.send(&again).await;
    loop {
        let answer = lines.next().await;
        if answer["id"] == "again" {
            assert_eq!(answer["result"]["structuredContent"]["currency"], "USD");
            break;
        }
        assert!(answer["error"]["code"].is_i64(), "{answer}");
    }
}

/// What is logged, as a file would have it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_line_of_the_log_names_the_trace() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::INFO)
        .with_writer(move || writer.clone())
        .finish();
    // Of this thread, which is the only one of this test. Where there is a single subscriber, another
    // thread, which has none, may decide for all that a line is of interest to nobody; so there are two.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().finish());
    let _guard = tracing::subscriber::set_default(subscriber);
    tracing::callsite::rebuild_interest_cache();
    let other = "11111111111111111111111111111111";
    let other_parent = format!("00-{other}-2222222222222222-01");
    for (version, meta, http, expected) in [
        (MODERN, json!({"traceparent": PARENT}), None, Some(TRACE)),
        (LEGACY, json!({"traceparent": PARENT}), None, Some(TRACE)),
        (MODERN, json!({}), Some(PARENT), Some(TRACE)),
        (MODERN, json!({"traceparent": PARENT}), Some(other_parent.as_str()), Some(TRACE)),
        (MODERN, json!({"traceparent": "00-\u{1b}[31m-x-01"}), Some(PARENT), Some(TRACE)),
        (MODERN, json!({"traceparent": "x".repeat(5000)}), None, None),
        (MODERN, json!({"traceparent": 7}), None, None),
        (MODERN, json!({}), None, None),
    ] {
        log.0.lock().unwrap().clear();
        let (_, service) = service(Duration::ZERO);
        let mut post = posted(version, &meta);
        if let Some(value) = http {
            post.headers_mut().insert("traceparent", value.parse().unwrap());
        }
        let response = sent(&service, post).await;
        assert_eq!(response.status(), StatusCode::OK, "{meta}");
        let _ = text(response).await;
        let bytes = log.0.lock().unwrap().clone();
        let logged = String::from_utf8(bytes).unwrap();
        let line = logged.lines().find(|line| line.contains("call ended"));
        let line = line.unwrap_or_else(|| panic!("no line of the call in {logged}"));
        assert!(line.contains("tool=\"spend_breakdown\""), "{line}");
        assert!(line.len() < 500, "{line}");
        match expected {
            Some(trace) => assert!(line.contains(&format!("trace_id={trace}")), "{line}"),
            None => assert!(!line.contains("trace_id"), "{line}"),
        }
    }
}
