//! What clients are shown: names, words, schemas, sizes.

use centinel_engine::facts::canonical_json;
use centinel_mcp::{ChangeKind, Toolsets, answer_schemas, fingerprint};
use serde_json::{Value, json};

use crate::{client::Client, fixture::Fixture};

fn tools() -> Vec<Value> {
    let tools = Fixture::new().server(false).tools();
    tools.iter().map(|tool| serde_json::to_value(tool).unwrap()).collect()
}

/// A file that is kept beside the code, and written anew with `CENTINEL_UPDATE=1`.
fn check_file(name: &str, content: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("CENTINEL_UPDATE").is_some() {
        std::fs::write(&path, content).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        kept, content,
        "{name} is out of date: `CENTINEL_UPDATE=1 cargo test -p centinel-mcp`"
    );
}

#[test]
fn every_tool_is_pinned() {
    for tool in tools() {
        // Object keys in one order, whatever the map behind them.
        let sorted: Value = serde_json::from_str(&canonical_json(&tool).unwrap()).unwrap();
        let name = format!("tool_{}", tool["name"].as_str().unwrap());
        insta::assert_snapshot!(name, serde_json::to_string_pretty(&sorted).unwrap());
    }
}

/// What the product lists: it takes budgets, the one kind of change whose evidence it computes.
#[test]
fn the_list_of_a_release_has_a_fingerprint() {
    let server = Fixture::new().taking(&[ChangeKind::Budget]).server(false);
    assert_eq!(fingerprint(&server.tools()).len(), 64);
    check_file("tool-list.sha256", &format!("{}\n", server.release_line()));
}

#[test]
fn answers_have_schemas() {
    let schemas = answer_schemas();
    let listed: Vec<String> =
        tools().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(schemas.len(), listed.len());
    let canonical = canonical_json(&schemas).unwrap();
    let sorted: Value = serde_json::from_str(&canonical).unwrap();
    check_file("answer-schemas.json", &format!("{}\n", serde_json::to_string(&sorted).unwrap()));
    for tool in tools() {
        let name = tool["name"].as_str().unwrap();
        let schema = &sorted[name];
        let kinds = schema.get("anyOf").and_then(Value::as_array);
        for answer in kinds.map_or(std::slice::from_ref(schema), Vec::as_slice) {
            let required = answer["required"].as_array().unwrap();
            for field in ["summary", "truncated"] {
                assert!(required.contains(&json!(field)), "{name}: {field}");
            }
            // Half an answer would pass a schema that is open.
            assert_eq!(answer["additionalProperties"], json!(false), "{name}");
        }
        if let Some(shown) = tool.get("outputSchema") {
            // Of the full one, so that what is valid against that is valid against it.
            for (field, kind) in shown["properties"].as_object().unwrap() {
                assert_eq!(kind["type"], schema["properties"][field]["type"], "{name}.{field}");
                assert!(schema["required"].as_array().unwrap().contains(&json!(field)), "{name}");
            }
            check_portable(shown, name);
        }
    }
    let wrong = json!({"summary": "x", "proposal_id": "P-1"});
    let schema = jsonschema::draft202012::new(&sorted["propose_change"]).unwrap();
    assert!(!schema.is_valid(&wrong));
}

#[test]
fn the_list_is_small() {
    let tools = tools();
    assert!(tools.len() <= 14);
    let total = serde_json::to_string(&json!({ "tools": tools })).unwrap().len();
    // About 4.1 bytes make a token; tests/independent/mcp_tool_list.py counts tokens.
    assert!(total <= 18_000, "{total} bytes");
    for tool in &tools {
        let bytes = serde_json::to_string(tool).unwrap().len();
        assert!(bytes <= 2_200, "{}: {bytes} bytes", tool["name"]);
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
        assert_eq!(
            (&input["type"], &input["additionalProperties"]),
            (&json!("object"), &json!(false))
        );
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
            "pattern",
            "maxLength",
        ];
        assert!(known.contains(&key.as_str()), "{at}: {key}");
    }
    let kind = object["type"].as_str().unwrap_or_else(|| panic!("{at}: {schema}"));
    if let Some(values) = object.get("enum") {
        assert!(values.as_array().unwrap().iter().all(Value::is_string), "{at}: {values}");
    }
    if kind == "object" {
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
        "verify_text",
    ];
    assert_eq!(names, reading);
    let request = json!({"kind": "budget", "amount": "1", "per": "month", "reason": "x"});
    assert!(client.try_call("propose_change", request).await.is_err());
}

#[tokio::test]
async fn toolsets_leave_tools_out() {
    for (list, read_only, names) in [
        (
            "spend",
            false,
            &["spend_breakdown", "explain_change", "anomalies", "data_health", "verify_text"][..],
        ),
        ("plan", false, &["forecast", "savings"]),
        ("proposals", false, &["proposals", "propose_change", "withdraw_proposal"]),
        ("proposals", true, &["proposals"]),
        ("plan,proposals", true, &["forecast", "proposals", "savings"]),
    ] {
        let toolsets: Toolsets = list.parse().unwrap();
        let server = Fixture::new().server(read_only).with_toolsets(toolsets);
        // What was left out once does not come back.
        let server = server.with_toolsets(Toolsets::all());
        let client = Client::of(server).await;
        let listed = client.peer.list_tools(None).await.unwrap();
        let seen: Vec<_> = listed.tools.iter().map(|tool| tool.name.as_ref()).collect();
        assert_eq!(seen, names, "{list}");
        for tool in ["spend_breakdown", "forecast", "proposals"] {
            let called = client.try_call(tool, json!({})).await;
            assert_eq!(called.is_ok(), names.contains(&tool), "{list}: {tool}");
        }
    }
}

#[test]
fn kinds_are_named_as_on_the_wire() {
    for kind in ChangeKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
}
