//! Calls that take long become tasks, for clients that say that they know tasks.

use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, ClientCapabilities, GetTaskParams,
    UpdateTaskParams,
};
use serde_json::{Value, json};

use crate::{
    fixture::Fixture,
    shelf::{LEGACY, MODERN, Pair, Person, protocol_error},
};

async fn pair(delay: u64, version: &str, knows_tasks: bool) -> Pair {
    let mut fixture = Fixture::new();
    fixture.delay = Duration::from_secs(delay);
    let mut person = Person::default();
    if knows_tasks {
        person.capabilities = ClientCapabilities::builder().enable_tasks().build();
    }
    Pair::of(fixture.server(false), person, version).await
}

async fn call(pair: &Pair, tool: &'static str, arguments: Value) -> CallToolResponse {
    let mut request = CallToolRequestParams::new(tool);
    request.arguments = arguments.as_object().cloned();
    pair.client.call_tool_once(request).await.unwrap()
}

async fn shown(pair: &Pair, id: &str) -> Value {
    let task = pair.client.get_task(GetTaskParams::new(id)).await.unwrap();
    serde_json::to_value(task).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_long_read_is_a_task_with_the_same_result() {
    let slow = pair(10, MODERN, true).await;
    let arguments = json!({"group_by": "team"});
    let CallToolResponse::Task(created) = call(&slow, "spend_breakdown", arguments.clone()).await
    else {
        panic!("no task")
    };
    let id = created.task.task_id;
    let working = shown(&slow, &id).await;
    assert_eq!(working["status"], "working");
    assert_eq!(working["pollIntervalMs"], 1_000);
    assert!(working.get("result").is_none());
    slow.client.update_task(UpdateTaskParams::new(&id, [].into())).await.unwrap();
    tokio::time::sleep(Duration::from_secs(15)).await;
    let done = shown(&slow, &id).await;
    assert_eq!(done["status"], "completed");
    let quick = pair(0, MODERN, true).await;
    let CallToolResponse::Complete(at_once) = call(&quick, "spend_breakdown", arguments).await
    else {
        panic!("a quick call is no task")
    };
    assert_eq!(done["result"]["structuredContent"], at_once.structured_content.unwrap());
    assert_eq!(done["result"]["isError"], false);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_completed_task() {
    let slow = pair(10, MODERN, true).await;
    let empty = json!({"start": "2020-01-01", "end": "2020-02-01"});
    let CallToolResponse::Task(created) = call(&slow, "spend_breakdown", empty).await else {
        panic!("no task")
    };
    tokio::time::sleep(Duration::from_secs(15)).await;
    let done = shown(&slow, &created.task.task_id).await;
    assert_eq!((&done["status"], &done["result"]["isError"]), (&json!("completed"), &json!(true)));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_task_ends_its_work() {
    let mut fixture = Fixture::new();
    fixture.delay = Duration::from_secs(20);
    let ended = fixture.ended.clone();
    let person = Person {
        capabilities: ClientCapabilities::builder().enable_tasks().build(),
        ..Person::default()
    };
    let pair = Pair::of(fixture.server(false), person, MODERN).await;
    let CallToolResponse::Task(created) = call(&pair, "spend_breakdown", json!({})).await else {
        panic!("no task")
    };
    let id = created.task.task_id;
    pair.client.cancel_task(CancelTaskParams::new(&id)).await.unwrap();
    // Long before it would have ended by itself.
    tokio::time::timeout(Duration::from_secs(5), ended.notified()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(shown(&pair, &id).await["status"], "cancelled");
    pair.client.cancel_task(CancelTaskParams::new(&id)).await.unwrap();
}

/// Nobody gets a task who does not know them, nor does anything that writes become one.
#[tokio::test(start_paused = true)]
async fn others_wait_for_their_answer() {
    for (version, knows_tasks) in [(MODERN, false), (LEGACY, true), (LEGACY, false)] {
        let slow = pair(10, version, knows_tasks).await;
        let response = call(&slow, "spend_breakdown", json!({})).await;
        assert!(matches!(response, CallToolResponse::Complete(_)), "{version}: {response:?}");
    }
    let undeclared = pair(0, MODERN, false).await;
    let error = protocol_error(undeclared.client.get_task(GetTaskParams::new("x")).await);
    assert_eq!(error.0, -32021, "{error:?}");
    let declared = pair(0, MODERN, true).await;
    let error = protocol_error(declared.client.get_task(GetTaskParams::new("a\u{202e}b")).await);
    assert_eq!(error, (-32602, "no task `ab` of this caller; make the call again".to_owned()));
}
