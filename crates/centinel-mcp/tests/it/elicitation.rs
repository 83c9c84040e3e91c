//! A person is asked for what a call lacks, where that is possible; and nowhere is it needed.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::Request,
};
use centinel_mcp::{
    AnomaliesAnswer, AnomaliesRequest, AnomalyRow, Answers, CompareRequest, ComparisonAnswer,
    ExplainRequest, ExplanationAnswer, ForecastAnswer, ForecastRequest, HealthAnswer,
    HealthRequest, HttpOptions, Label, Principal, Reply, SavingsAnswer, SavingsRequest, Server,
    ServerOptions, SpendAnswer, SpendRequest, http_service,
};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ElicitResult, ElicitationAction,
    ElicitationCapability, InputRequiredResult, UrlElicitationCapability,
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{
    client::text,
    fixture::Fixture,
    shelf::{LEGACY, MODERN, Pair, Person, protocol_error},
};

const KEY: [u8; 32] = [7; 32];
const NEEDS_REASON: &str = "`reason` is required\nhint: ";

fn server() -> Server {
    Fixture::new().server(false).asking_with_key(KEY)
}

fn said(content: Value) -> ElicitResult {
    ElicitResult::new(ElicitationAction::Accept).with_content(content)
}

fn budget() -> Value {
    json!({"kind": "budget", "amount": "5", "per": "day"})
}

fn params(tool: &'static str, arguments: &Value) -> CallToolRequestParams {
    let mut request = CallToolRequestParams::new(tool);
    request.arguments = arguments.as_object().cloned();
    request
}

async fn call(pair: &Pair, tool: &'static str, arguments: Value) -> CallToolResult {
    pair.client.call_tool(params(tool, &arguments)).await.unwrap()
}

async fn question(pair: &Pair, tool: &'static str, arguments: &Value) -> InputRequiredResult {
    match pair.client.call_tool_once(params(tool, arguments)).await.unwrap() {
        CallToolResponse::InputRequired(question) => question,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_reason_is_asked_for_and_kept() {
    for version in [MODERN, LEGACY] {
        let person = Person::with([said(json!({"reason": "spend rose"}))]);
        let pair = Pair::of(server(), person, version).await;
        let result = call(&pair, "propose_change", budget()).await;
        assert_eq!(result.is_error, Some(false), "{version}: {result:?}");
        let [asked] = pair.asked().try_into().unwrap();
        assert_eq!(asked["mode"], "form");
        assert_eq!(asked["requestedSchema"]["required"], json!(["reason"]));
        assert_eq!(asked["requestedSchema"]["properties"]["reason"]["type"], "string");
        assert!(asked["message"].as_str().unwrap().contains("It decides nothing."));
        let id = result.structured_content.unwrap()["proposal_id"].clone();
        let one = call(&pair, "proposals", json!({"proposal_id": id})).await;
        assert_eq!(one.structured_content.unwrap()["reason"], "spend rose");
    }
}

/// Whoever does not want to say, or cannot be asked, gets the refusal with the corrected call.
#[tokio::test]
async fn asking_is_never_a_gate() {
    for version in [MODERN, LEGACY] {
        for action in [ElicitationAction::Decline, ElicitationAction::Cancel] {
            let pair = Pair::of(server(), Person::with([ElicitResult::new(action)]), version).await;
            let result = call(&pair, "propose_change", budget()).await;
            assert!(text(&result).starts_with(NEEDS_REASON), "{version}: {result:?}");
            assert_eq!(pair.asked().len(), 1);
        }
        // A client without forms, one with addresses only, and a server without a key.
        let mut only_url = Person::default();
        let url = ElicitationCapability::new().with_url(UrlElicitationCapability::new());
        only_url.capabilities.elicitation = Some(url);
        let form = || Person::with([said(json!({"reason": "x"}))]);
        for (server, person) in [
            (server(), Person::default()),
            (server(), only_url),
            (Fixture::new().server(false), form()),
        ] {
            let pair = Pair::of(server, person, version).await;
            let result = call(&pair, "propose_change", budget()).await;
            assert!(text(&result).starts_with(NEEDS_REASON), "{version}: {result:?}");
            assert!(pair.asked().is_empty());
        }
    }
}

/// Nobody is bothered for a call that would be refused anyway, or that lacks nothing.
#[tokio::test]
async fn people_are_asked_only_when_it_helps() {
    for (tool, arguments, refusal) in [
        ("propose_change", json!({"kind": "budget", "per": "day"}), "`reason` is required"),
        ("propose_change", json!({"kind": "routing", "amount": "5"}), "`reason` is required"),
        ("propose_change", json!({}), "`kind` is required"),
        ("withdraw_proposal", json!({}), "`proposal_id` is required"),
    ] {
        let pair = Pair::of(server(), Person::with([said(json!({"reason": "x"}))]), MODERN).await;
        let result = call(&pair, tool, arguments.clone()).await;
        assert!(text(&result).contains(refusal), "{arguments}: {result:?}");
        assert!(pair.asked().is_empty(), "{arguments}");
    }
    let pair = Pair::of(server(), Person::with([said(json!({"reason": "x"}))]), MODERN).await;
    let mut complete = budget();
    complete["reason"] = json!("said at once");
    call(&pair, "propose_change", complete).await;
    call(&pair, "spend_breakdown", json!({})).await;
    // One open anomaly leaves nothing to choose.
    call(&pair, "explain_change", json!({})).await;
    assert!(pair.asked().is_empty());
    // A withdrawal that lacks its reason alone.
    let result = call(&pair, "withdraw_proposal", json!({"proposal_id": "P-7"})).await;
    assert_eq!((result.is_error, pair.asked().len()), (Some(false), 1));
}

#[tokio::test]
async fn one_of_several_anomalies_is_picked() {
    for version in [MODERN, LEGACY] {
        for (picked, explained) in [("E-12", Some("E-12")), ("all", None)] {
            let person = Person::with([said(json!({"anomaly_id": picked}))]);
            let pair = Pair::of(several(), person, version).await;
            let result = call(&pair, "explain_change", json!({"detail": "full"})).await;
            let answer =
                result.structured_content.unwrap_or_else(|| panic!("{:?}", result.content));
            assert_eq!(answer.get("anomaly_id").and_then(Value::as_str), explained);
            let [asked] = pair.asked().try_into().unwrap();
            let choices = &asked["requestedSchema"]["properties"]["anomaly_id"]["oneOf"];
            assert_eq!(choices[0]["const"], "E-12");
            assert!(choices[0]["title"].as_str().unwrap().starts_with("E-12: `feature` `"));
            assert_eq!(choices[2]["const"], "all");
        }
        // Declined: the answer that the call gets without asking.
        let pair = Pair::of(several(), Person::with([]), version).await;
        let result = call(&pair, "explain_change", json!({})).await;
        assert_eq!(result.is_error, Some(false));
    }
}

/// What comes back is the sealed state of this very call, once, or it is refused.
#[tokio::test]
async fn states_are_bound_to_caller_and_call_and_taken_once() {
    let pair = Pair::of(server(), Person::with([]), MODERN).await;
    let first = question(&pair, "propose_change", &budget()).await;
    let state = first.request_state.unwrap();
    let answered = |arguments: Value, state: &str, tool| {
        let responses = [("reason".to_owned(), json!(said(json!({"reason": "x"}))))];
        params(tool, &arguments)
            .with_request_state(state.to_owned())
            .with_input_responses(responses.into())
    };
    let strange = "`requestState` is not of this call, or too old; call again without it";
    let mut other = budget();
    other["amount"] = json!("50000");
    let mut tampered = state.clone();
    tampered.replace_range(tampered.len() - 2.., "AA");
    let withdrawal = json!({"proposal_id": "P-7"});
    for (what, request) in [
        ("other arguments", answered(other, &state, "propose_change")),
        ("another tool", answered(withdrawal, &state, "withdraw_proposal")),
        ("tampered", answered(budget(), &tampered, "propose_change")),
        ("made up", answered(budget(), "rs1.e30.e30", "propose_change")),
        ("empty", answered(budget(), "", "propose_change")),
    ] {
        let error = protocol_error(pair.client.call_tool_once(request).await);
        assert_eq!(error, (-32602, strange.to_owned()), "{what}");
    }
    // Another process has another key.
    let elsewhere = Fixture::new().server(false).asking_with_key([8; 32]);
    let elsewhere = Pair::of(elsewhere, Person::with([]), MODERN).await;
    let request = answered(budget(), &state, "propose_change");
    assert_eq!(protocol_error(elsewhere.client.call_tool_once(request).await).1, strange);

    let good = answered(budget(), &state, "propose_change");
    let done = pair.client.call_tool_once(good.clone()).await.unwrap();
    let CallToolResponse::Complete(done) = done else { panic!("{done:?}") };
    assert_eq!(done.is_error, Some(false));
    let used = "`requestState` was used already; call again without it";
    assert_eq!(protocol_error(pair.client.call_tool_once(good).await), (-32602, used.to_owned()));
}

#[tokio::test]
async fn answers_that_are_none_are_refused() {
    let pair = Pair::of(server(), Person::with([]), MODERN).await;
    for (response, message) in [
        (json!({"action": "accept"}), "the answer does not have the field that was asked for"),
        (
            json!({"action": "accept", "content": {"reason": 5}}),
            "the answer does not have the field that was asked for",
        ),
        (json!({"action": "approve"}), "the response is no result of an elicitation"),
    ] {
        let state = question(&pair, "propose_change", &budget()).await.request_state.unwrap();
        let request = params("propose_change", &budget())
            .with_request_state(state)
            .with_input_responses([("reason".to_owned(), response.clone())].into());
        let error = protocol_error(pair.client.call_tool_once(request).await);
        assert_eq!(error, (-32602, message.to_owned()), "{response}");
    }
    // Without its answer, a call is asked again.
    let state = question(&pair, "propose_change", &budget()).await.request_state.unwrap();
    let request = params("propose_change", &budget()).with_request_state(state.clone());
    let again = pair.client.call_tool_once(request).await.unwrap();
    let CallToolResponse::InputRequired(again) = again else { panic!("{again:?}") };
    assert_ne!(again.request_state, Some(state));
    // What was offered is all that can be picked.
    let pair = Pair::of(several(), Person::with([]), MODERN).await;
    let state = question(&pair, "explain_change", &json!({})).await.request_state.unwrap();
    let picked = json!(said(json!({"anomaly_id": "E-99"})));
    let request = params("explain_change", &json!({}))
        .with_request_state(state)
        .with_input_responses([("anomaly_id".to_owned(), picked)].into());
    let error = protocol_error(pair.client.call_tool_once(request).await);
    assert_eq!(error.1, "the answer is none of the values that were offered");
}

/// The fixture, with two open anomalies.
struct Several(Arc<Fixture>);

fn several() -> Server {
    let fixture = Arc::new(Fixture::new());
    let options = ServerOptions { read_only: false, call_time_max: Duration::from_secs(30) };
    Server::new(Arc::new(Several(fixture.clone())), fixture, options).asking_with_key(KEY)
}

impl Answers for Several {
    fn anomalies<'a>(
        &'a self,
        caller: &'a Principal,
        request: AnomaliesRequest,
    ) -> Reply<'a, AnomaliesAnswer> {
        Box::pin(async move {
            let mut answer = self.0.anomalies(caller, request).await?;
            let second = AnomalyRow { anomaly_id: Label::new("E-13"), ..answer.rows[0].clone() };
            answer.rows.push(second);
            Ok(answer)
        })
    }

    fn spend<'a>(&'a self, caller: &'a Principal, request: SpendRequest) -> Reply<'a, SpendAnswer> {
        self.0.spend(caller, request)
    }

    fn compare<'a>(
        &'a self,
        caller: &'a Principal,
        request: CompareRequest,
    ) -> Reply<'a, ComparisonAnswer> {
        self.0.compare(caller, request)
    }

    fn explain<'a>(
        &'a self,
        caller: &'a Principal,
        request: ExplainRequest,
    ) -> Reply<'a, ExplanationAnswer> {
        self.0.explain(caller, request)
    }

    fn forecast<'a>(
        &'a self,
        caller: &'a Principal,
        request: ForecastRequest,
    ) -> Reply<'a, ForecastAnswer> {
        self.0.forecast(caller, request)
    }

    fn data_health<'a>(
        &'a self,
        caller: &'a Principal,
        request: HealthRequest,
    ) -> Reply<'a, HealthAnswer> {
        self.0.data_health(caller, request)
    }

    fn savings<'a>(
        &'a self,
        caller: &'a Principal,
        request: SavingsRequest,
    ) -> Reply<'a, SavingsAnswer> {
        self.0.savings(caller, request)
    }
}

/// Over HTTP, where no stream is kept, the new protocol asks and the older ones do not. A state is of
/// the caller that was asked.
#[tokio::test]
async fn over_http_the_question_is_the_answer() {
    let router =
        Router::new().nest("/mcp", http_service(server(), HttpOptions::loopback(Vec::new())));
    let send = async |version: &str, caller: &str, more: Value| -> Value {
        let mut params = json!({
            "name": "propose_change", "arguments": budget(),
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": version,
                "io.modelcontextprotocol/clientInfo": {"name": caller, "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
            },
        });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let request = Request::post("/mcp")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", version)
            .header("mcp-method", "tools/call")
            .header("mcp-name", "propose_change")
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    };
    let first = send(MODERN, "ana's", json!({})).await;
    let first = &first["result"];
    assert_eq!(first["resultType"], "input_required", "{first}");
    assert_eq!(first["inputRequests"]["reason"]["method"], "elicitation/create");
    let answer = json!({"action": "accept", "content": {"reason": "spend rose"}});
    let retry = json!({
        "requestState": first["requestState"], "inputResponses": {"reason": answer},
    });
    let other = send(MODERN, "bo's", retry.clone()).await;
    assert_eq!(other["error"]["code"], -32602, "{other}");
    let done = send(MODERN, "ana's", retry.clone()).await;
    assert_eq!(done["result"]["structuredContent"]["created"], true, "{done}");
    let again = send(MODERN, "ana's", retry).await;
    assert_eq!(again["error"]["code"], -32602, "{again}");
    let older = send(LEGACY, "ana's", json!({})).await;
    let text = older["result"]["content"][0]["text"].as_str().unwrap_or_default();
    assert!(text.starts_with(NEEDS_REASON), "{older}");
}
