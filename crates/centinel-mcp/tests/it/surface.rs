//! What clients are shown: names, words, schemas, sizes.

use centinel_engine::facts::{canonical_json, sha256_hex};
use centinel_mcp::ChangeKind;
use serde_json::{Value, json};

use crate::{client::Client, fixture::Fixture};

fn tools() -> Vec<Value> {
    let tools = Fixture::new().server(false).tools();
    tools.iter().map(|tool| serde_json::to_value(tool).unwrap()).collect()
}

#[test]
fn the_whole_list_is_pinned() {
    let tools = tools();
    let canonical = canonical_json(&tools).unwrap();
    // Object keys in one order, whatever the map behind them.
    let sorted: Value = serde_json::from_str(&canonical).unwrap();
    insta::assert_snapshot!("tools", serde_json::to_string_pretty(&sorted).unwrap());
    insta::assert_snapshot!("fingerprint", sha256_hex(canonical.as_bytes()));
}

#[test]
fn the_list_is_small() {
    let tools = tools();
    assert!(tools.len() <= 14);
    let total = serde_json::to_string(&json!({ "tools": tools })).unwrap().len();
    assert!(total <= 18_000, "{total} bytes");
    for tool in &tools {
        let bytes = serde_json::to_string(tool).unwrap().len();
        assert!(bytes <= 2_100, "{}: {bytes} bytes", tool["name"]);
    }
}

#[test]
fn every_tool_says_what_it_is() {
    for tool in tools() {
        let name = tool["name"].as_str().unwrap();
        assert!(name.len() <= 32 && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        let words = tool["description"].as_str().unwrap().split_whitespace().count();
        assert!((15..=60).contains(&words), "{name}: {words} words");
        assert!(!tool["title"].as_str().unwrap().is_empty());
        let writes = ["propose_change", "withdraw_proposal"].contains(&name);
        assert_eq!(
            tool["annotations"],
            json!({
                "readOnlyHint": !writes,
                "destructiveHint": name == "withdraw_proposal",
                "idempotentHint": true,
                "openWorldHint": false,
            }),
            "{name}"
        );
        for verb in ["approve", "reject", "apply", "execute", "decide", "fetch", "sql", "query"] {
            assert!(!name.contains(verb), "{name}");
        }
    }
}

#[test]
fn schemas_are_portable() {
    for tool in tools() {
        let input = &tool["inputSchema"];
        assert_eq!(input["type"], "object");
        check_portable(input, &format!("{}", tool["name"]));
        for (name, property) in input["properties"].as_object().unwrap() {
            // The names say it all: start, end, group_by values; the rest is described.
            let described = property.get("description").is_some();
            assert!(described || property.get("enum").is_some(), "{}.{name}", tool["name"]);
        }
    }
}

fn check_portable(schema: &Value, at: &str) {
    let object = schema.as_object().unwrap_or_else(|| panic!("{at}: {schema}"));
    for key in object.keys() {
        let known = [
            "type",
            "description",
            "properties",
            "required",
            "additionalProperties",
            "enum",
            "items",
        ];
        assert!(known.contains(&key.as_str()), "{at}: {key}");
    }
    let kind = object["type"].as_str().unwrap_or_else(|| panic!("{at}: {schema}"));
    if let Some(values) = object.get("enum") {
        assert!(values.as_array().unwrap().iter().all(Value::is_string), "{at}: {values}");
    }
    if kind == "object" {
        assert_eq!(object["additionalProperties"], json!(false), "{at}");
        for (name, property) in object["properties"].as_object().unwrap() {
            check_portable(property, &format!("{at}.{name}"));
        }
        for name in object.get("required").and_then(Value::as_array).into_iter().flatten() {
            assert!(object["properties"].get(name.as_str().unwrap()).is_some(), "{at}.{name}");
        }
    }
}

#[tokio::test]
async fn instructions_are_short_and_sent() {
    let client = Client::new().await;
    let info = client.peer.peer_info().unwrap();
    let instructions = info.instructions.clone().unwrap();
    let words = instructions.split_whitespace().count();
    assert!((60..=120).contains(&words), "{words} words");
    for tool in ["spend_breakdown", "anomalies", "explain_change", "data_health", "propose_change"]
    {
        assert!(instructions.contains(tool), "{tool}");
    }
}

#[tokio::test]
async fn a_read_only_server_has_no_writing_tools() {
    let client = Client::of(Fixture::new().server(true)).await;
    let listed = client.peer.list_tools(None).await.unwrap();
    let names: Vec<_> = listed.tools.iter().map(|tool| tool.name.as_ref()).collect();
    let reading = [
        "spend_breakdown",
        "explain_change",
        "anomalies",
        "forecast",
        "data_health",
        "proposals",
        "savings",
    ];
    assert_eq!(names, reading);
    let request = json!({"kind": "budget", "amount": "1", "per": "month", "reason": "x"});
    assert!(client.try_call("propose_change", request).await.is_err());
}

#[test]
fn kinds_are_named_as_on_the_wire() {
    for kind in ChangeKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
}
