//! Every prompt says only what exists: its calls are made, its words are looked up.

use std::{collections::BTreeSet, sync::Arc};

use centinel_engine::forecast::CalendarPeriod;
use centinel_mcp::{Answers as _, Filter, ForecastRequest, ForecastWindow, Page, Principal};
use jiff::civil::date;
use rmcp::model::GetPromptRequestParams;
use serde_json::{Value, json};

use crate::{client::Client, fixture::Fixture, shelf::Shelf};

/// Every prompt with nothing but what it needs, and with all that it takes.
fn filled() -> Vec<(&'static str, Value)> {
    vec![
        ("explain_spike", json!({})),
        ("explain_spike", json!({"anomaly_id": "E-12"})),
        ("weekly_review", json!({})),
        ("weekly_review", json!({"week": "2026-W43", "team": "search"})),
        ("budget_review", json!({})),
        ("budget_review", json!({"team": "search", "amount": "32000.50", "span": "quarter"})),
        ("cfo_digest", json!({})),
        ("cfo_digest", json!({"period": "quarter_to_date"})),
        ("onboard_team", json!({"team": "search"})),
    ]
}

async fn text(client: &Client, name: &str, arguments: &Value) -> String {
    let mut request = GetPromptRequestParams::new(name);
    request.arguments = arguments.as_object().cloned();
    let result = client.peer.get_prompt(request).await.unwrap();
    let message = serde_json::to_value(&result.messages[0]).unwrap();
    message["content"]["text"].as_str().unwrap().to_owned()
}

/// Names and words in a schema or an answer: keys, and values of enumerations.
fn collect(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                words.insert(name.clone());
                collect(value, words);
            }
        }
        Value::Array(values) => {
            for value in values {
                if let Value::String(word) = value {
                    words.insert(word.clone());
                }
                collect(value, words);
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn prompts_say_only_what_exists() {
    let server = Fixture::new().server(false).with_documents(Arc::new(Shelf::default()));
    let client = Client::of(server).await;
    let listed = client.peer.list_prompts(None).await.unwrap().prompts;
    let asked: BTreeSet<&str> = filled().iter().map(|(name, _)| *name).collect();
    let names: BTreeSet<&str> = listed.iter().map(|prompt| prompt.name.as_str()).collect();
    assert_eq!(names, asked);
    let tools = client.peer.list_tools(None).await.unwrap().tools;
    let mut words = BTreeSet::new();
    for tool in &tools {
        words.insert(tool.name.to_string());
        collect(&Value::Object((*tool.input_schema).clone()), &mut words);
    }
    for (tool, arguments) in [
        ("explain_change", json!({"anomaly_id": "E-12"})),
        ("forecast", json!({"amount": "1"})),
        ("data_health", json!({})),
        // More rows than a page has.
        ("spend_breakdown", json!({"group_by": "day"})),
    ] {
        collect(&client.call(tool, arguments).await, &mut words);
    }
    // What an answer holds in some cases only.
    let request = ForecastRequest {
        window: ForecastWindow::Calendar(CalendarPeriod::Month),
        group_by: None,
        filter: Filter::default(),
        amount: "1".parse().ok(),
        assumptions: Vec::new(),
        page: Page { offset: 0, limit: 1, as_of: None },
    };
    let fixture = Fixture::new();
    let mut forecast = fixture.forecast(&Principal::agent("test"), request).await.unwrap();
    forecast.reached_on = Some(date(2026, 10, 28));
    collect(&serde_json::to_value(forecast).unwrap(), &mut words);
    let (mut calls, mut answered, mut looked_up) = (0, 0, 0);
    for (name, arguments) in filled() {
        let text = text(&client, name, &arguments).await;
        assert!(text.len() < 6_000, "{name}: {} bytes", text.len());
        let quoted: Vec<&str> = text.split('`').collect();
        assert_eq!(quoted.len() % 2, 1, "{name}: an open quote");
        for (index, word) in quoted.iter().enumerate().skip(1).step_by(2) {
            let follows_with = quoted[index - 1].ends_with(" with ") && index > 2;
            if follows_with && word.starts_with('{') {
                let tool = quoted[index - 2];
                let tool = tools.iter().find(|known| known.name == tool);
                let tool = tool.unwrap_or_else(|| panic!("{name}: no tool before {word}"));
                let arguments: Value = serde_json::from_str(word).unwrap();
                let called: &'static str = Box::leak(tool.name.to_string().into_boxed_str());
                let result = client.try_call(called, arguments).await.unwrap();
                // The fixture's month has ended; whatever else is refused is a mistake in the prompt.
                let shown = crate::client::text(&result);
                let is_empty = shown.starts_with("nothing was spent in this period");
                assert!(
                    is_empty || result.is_error == Some(false),
                    "{name}: {called} {word}: {shown}"
                );
                answered += usize::from(!is_empty);
                calls += 1;
            } else if !arguments.as_object().unwrap().values().any(|given| given == *word) {
                assert!(words.contains(*word), "{name}: `{word}`");
                looked_up += 1;
            }
        }
        // A word with `_` outside of quotes would not have been looked up.
        let prose: String = quoted.iter().step_by(2).copied().collect();
        for word in prose.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            assert!(!word.contains('_') || words.contains(word), "{name}: {word}");
        }
    }
    assert!(calls > 30 && looked_up > 30, "{calls} calls, {looked_up} words");
    assert!(calls - answered < 5, "{answered} of {calls} calls are answered");
}

/// Nothing that is said tells a model to decide, or that it could.
#[tokio::test]
async fn prompts_and_playbooks_leave_decisions_to_people() {
    let client = Client::new().await;
    for (name, arguments) in filled() {
        let text = text(&client, name, &arguments).await.to_lowercase();
        for order in ["approve it", "approve the", "reject the", "apply the", "execute the"] {
            assert!(!text.contains(order), "{name}: {order}");
        }
    }
}
