//! Calls of the MCP server inside this process: the messages that HTTP carries, without a socket.
//!
//! `evals/bench/mcp_latency.py --in-process` asks what it asks over HTTP here: it names a folder in
//! `CENTINEL_CALLS` with a `home` and the calls as `calls.jsonl`, and finds in `times.jsonl` what each
//! call took, in microseconds. Without it, a small generated company is asked.

use std::{fs, path::PathBuf, time::Instant};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use centinel_app::App;
use centinel_mcp::{HttpOptions, http_service};
use centinel_world::WorldConfig;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{PortOptions, server, tests};

const REVISION: &str = "2026-07-28";
const BODY_BYTES_MAX: usize = 1 << 20;

async fn call(router: &Router, tool: &str, arguments: &Value) -> Value {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": tool, "arguments": arguments, "_meta": {
            "io.modelcontextprotocol/protocolVersion": REVISION,
            "io.modelcontextprotocol/clientInfo": {"name": "in-process", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }},
    });
    let request = Request::post("/mcp")
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json, text/event-stream")
        .header("mcp-protocol-version", REVISION)
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool)
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), BODY_BYTES_MAX).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{tool} {arguments}: {body:?}");
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_ne!(answer["result"]["isError"], json!(true), "{tool} {arguments}: {answer}");
    answer["result"]["structuredContent"].clone()
}

/// What is asked of a generated company when nobody names anything else.
fn own_calls() -> Vec<Value> {
    [
        ("spend_breakdown", json!({"period": "last_30d", "group_by": "team"})),
        ("explain_change", json!({"period": "last_7d"})),
        ("anomalies", json!({"period": "last_90d", "status": "all"})),
        ("forecast", json!({})),
        ("data_health", json!({})),
        ("proposals", json!({})),
        ("savings", json!({})),
    ]
    .into_iter()
    .map(|(tool, arguments)| json!({"tool": tool, "arguments": arguments}))
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_answered_in_process() {
    let given = std::env::var_os("CENTINEL_CALLS").map(PathBuf::from);
    let (_folder, app, calls, clock) = if let Some(folder) = &given {
        let app = App::open(&folder.join("home"), None).await.unwrap();
        let lines = fs::read_to_string(folder.join("calls.jsonl")).unwrap();
        let calls = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (None, app, calls, crate::context::now as fn() -> jiff::Timestamp)
    } else {
        let (folder, ports) = tests::home(&WorldConfig::small()).await;
        (Some(folder), ports.app, own_calls(), ports.clock)
    };
    let mcp = server(app, PortOptions::default(), clock);
    let router = Router::new().nest("/mcp", http_service(mcp, HttpOptions::loopback(Vec::new())));
    let mut times = Vec::new();
    for asked in &calls {
        let tool = asked["tool"].as_str().unwrap();
        let begun = Instant::now();
        let answer = call(&router, tool, &asked["arguments"]).await;
        let micros = begun.elapsed().as_micros();
        assert!(answer["summary"].is_string(), "{tool}: {answer}");
        times.push(json!({"tool": tool, "micros": u64::try_from(micros).unwrap()}).to_string());
    }
    assert_eq!(times.len(), calls.len());
    if let Some(folder) = given {
        fs::write(folder.join("times.jsonl"), times.join("\n")).unwrap();
    }
}
