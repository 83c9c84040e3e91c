//! The MCP client of the Rust SDK asks the product: discover, list, call, propose, take a call back; over
//! both transports, by the newest revision and by the last with a handshake.

use std::process::Stdio;

use rmcp::{
    RoleClient,
    model::{
        CallToolRequest, CallToolRequestParams, CallToolResult, ClientConfig, ClientRequest,
        GetPromptRequestParams, ProtocolVersion,
    },
    service::{ClientLifecycleMode, ClientServiceExt as _, PeerRequestOptions, RunningService},
    transport::{StreamableHttpClientTransport, TokioChildProcess},
};
use serde_json::{Value, json};

use crate::{first_steps::log, page::Served, product::Home};

/// A connected client.
type Client = RunningService<RoleClient, ClientConfig>;

fn config() -> ClientConfig {
    let mut config = ClientConfig::default();
    "rust-check".clone_into(&mut config.client_info.name);
    config
}

/// How a client of that revision opens the conversation.
fn lifecycle(version: &ProtocolVersion) -> ClientLifecycleMode {
    if *version == ProtocolVersion::V_2026_07_28 {
        ClientLifecycleMode::Discover { preferred_versions: vec![version.clone()] }
    } else {
        ClientLifecycleMode::Initialize
    }
}

async fn over_stdio(home: &Home, version: &ProtocolVersion) -> Client {
    let binary = assert_cmd::Command::cargo_bin("centinel").unwrap();
    let mut command = tokio::process::Command::new(binary.get_program());
    command.arg("--home").arg(home.path()).arg("mcp").stderr(Stdio::null());
    let transport = TokioChildProcess::new(command).unwrap();
    config().serve_with_lifecycle(transport, lifecycle(version)).await.unwrap()
}

async fn over_http(served: &Served, version: &ProtocolVersion) -> Client {
    let transport = StreamableHttpClientTransport::from_uri(format!("http://{}/mcp", served.host));
    config().serve_with_lifecycle(transport, lifecycle(version)).await.unwrap()
}

fn call(tool: &'static str, arguments: &Value) -> CallToolRequestParams {
    let mut request = CallToolRequestParams::new(tool);
    request.arguments = arguments.as_object().cloned();
    request
}

/// The answer of a call that is no error.
fn answered(result: CallToolResult) -> Value {
    assert_eq!(result.is_error, Some(false), "{result:?}");
    result.structured_content.unwrap()
}

/// What every client does; returns the id of its proposal.
async fn asks(client: &Client, case: &str) -> String {
    let tools = client.list_all_tools().await.unwrap();
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    assert!(names.contains(&"spend_breakdown"), "{case}: {names:?}");
    assert!(!names.iter().any(|name| name.contains("approve")), "{case}: {names:?}");
    let prompts = client.list_all_prompts().await.unwrap();
    assert!(prompts.iter().any(|prompt| prompt.name == "weekly_review"), "{case}: {prompts:?}");
    let prompt = client.get_prompt(GetPromptRequestParams::new("weekly_review")).await.unwrap();
    assert!(!prompt.messages.is_empty(), "{case}");

    let period = json!({"start": "2026-09-01", "end": "2026-10-01", "group_by": "model"});
    let spend = answered(client.call_tool(call("spend_breakdown", &period)).await.unwrap());
    let net = spend["total"]["net"].as_str().unwrap();
    assert!(net.bytes().any(|digit| (b'1'..=b'9').contains(&digit)), "{case}: net {net}");

    let budget = json!({"kind": "budget", "amount": "30000", "per": "month", "reason": case});
    let receipt = answered(client.call_tool(call("propose_change", &budget)).await.unwrap());
    assert_eq!(receipt["status"], "pending_approval", "{case}");

    // A call that is taken back is over, and the next one is answered.
    let long =
        ClientRequest::CallToolRequest(CallToolRequest::new(call("explain_change", &period_of())));
    let under_way = client.send_cancellable_request(long, PeerRequestOptions::default());
    under_way.await.unwrap().cancel(Some("no longer needed".to_owned())).await.unwrap();
    answered(client.call_tool(call("data_health", &json!({}))).await.unwrap());

    let refused = client.call_tool(call("approve", &json!({"proposal_id": "P-1"}))).await;
    assert!(refused.is_err(), "{case}: {refused:?}");
    receipt["proposal_id"].as_str().unwrap().to_owned()
}

fn period_of() -> Value {
    json!({"start": "2026-09-01", "end": "2026-10-01", "compare_to": "previous_period"})
}

#[tokio::test]
async fn the_rust_sdk_asks_over_both_transports_in_both_eras() {
    let home = Home::new();
    let log = home.file("calls.csv", &log());
    home.run(&["import", &log.display().to_string()]).ok();
    let served = Served::of(&home.path());
    let mut proposals = Vec::new();
    for version in [ProtocolVersion::V_2026_07_28, ProtocolVersion::V_2025_11_25] {
        for (transport, client) in [
            ("stdio", over_stdio(&home, &version).await),
            ("HTTP", over_http(&served, &version).await),
        ] {
            let case = format!("{transport}, {version}");
            let found = client.peer_info().unwrap();
            assert_eq!(found.protocol_version, version, "{case}");
            proposals.push(asks(&client, &case).await);
            client.cancel().await.unwrap();
        }
    }
    let inbox = home.run(&["--json", "inbox"]).ok().json();
    let waiting: Vec<_> =
        inbox["proposals"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
    for proposal in proposals {
        assert!(waiting.contains(&json!(proposal)), "{proposal} is not in {waiting:?}");
    }
}
