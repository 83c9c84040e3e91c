//! Strings of an attacker in every name of the data, through every tool.

use serde_json::{Value, json};

use crate::{client::Client, fixture::Fixture, shelf::Shelf};

/// One string of the corpus.
#[derive(serde::Deserialize)]
struct Attack {
    class: String,
    text: String,
}

/// Put behind each attack, so that it is found wherever it comes out.
const MARK: &str = "zqxmark";

fn corpus() -> Vec<Attack> {
    let corpus: Vec<Attack> =
        serde_json::from_str(include_str!("../../../../tests/fixtures/mcp/injection-corpus.json"))
            .unwrap();
    assert!(corpus.len() >= 100, "{} strings", corpus.len());
    corpus
}

/// Data fields that hold imported strings, wherever they are.
const DATA_FIELDS: [&str; 14] = [
    "group",
    "scope",
    "owner",
    "name",
    "source",
    "model",
    "field",
    "from",
    "to",
    "reason",
    "eligible",
    "proposed_by",
    "not_invoiced",
    "within",
];

#[tokio::test]
async fn imported_strings_stay_in_data_fields() {
    for Attack { class, text: attack } in &corpus() {
        let attack = attack.as_str();
        let hostile = format!("{attack}{MARK}");
        let shelf = Shelf { hostile: hostile.clone() };
        let server =
            Fixture::hostile(&hostile).server(false).with_documents(std::sync::Arc::new(shelf));
        let client = Client::of(server).await;
        let reason: String = format!("because {attack}").chars().take(400).collect();
        let budget = json!({"kind": "budget", "amount": "1", "per": "day", "reason": reason});
        let receipt = client.call("propose_change", budget).await;
        check(&receipt, attack, None);
        for (tool, arguments) in [
            ("spend_breakdown", json!({"group_by": "model"})),
            ("spend_breakdown", json!({"group_by": "team", "compare_to": "usual"})),
            ("anomalies", json!({})),
            ("explain_change", json!({"anomaly_id": "E-12"})),
            ("forecast", json!({"group_by": "feature"})),
            ("data_health", json!({})),
            ("savings", json!({})),
            (
                "verify_text",
                json!({"evidence_id": "bundle:9f3c51aa02de", "text": "It is search [F2], $5 [F1]."}),
            ),
            ("proposals", json!({})),
            ("proposals", json!({"proposal_id": receipt["proposal_id"]})),
        ] {
            // Both forms are the same: `call` sees to it, and holds them against the schema.
            check(&client.call(tool, arguments).await, attack, None);
        }
        for (tool, arguments) in [
            ("spend_breakdown", json!({"filter": {"team": "no such team"}})),
            ("explain_change", json!({"anomaly_id": "E-99"})),
            ("proposals", json!({"proposal_id": "P-99"})),
        ] {
            let text = client.refusal(tool, arguments).await;
            assert!(!text.contains(MARK), "{class}: {text}");
        }
    }
}

fn check(value: &Value, attack: &str, field: Option<&str>) {
    match value {
        Value::String(text) => {
            let visible = text.chars().all(|c| {
                !c.is_control() && !matches!(u32::from(c), 0x200b..=0x200f | 0x202a..=0x202e | 0xe_0000..=0xe_ffff)
            });
            assert!(visible, "{text:?}");
            for mark in ["](", "<", ">"] {
                assert!(!text.contains(mark), "{text:?}");
            }
            let ours = field == Some("review_url");
            assert!(ours || !text.contains("://"), "{text:?}");
            if field.is_some_and(|field| DATA_FIELDS.contains(&field)) {
                assert!(text.chars().count() <= 64, "{text:?}");
            } else {
                // Outside data fields imported words stand in quotes only.
                let prose: String = text.split('`').step_by(2).collect();
                assert!(!prose.contains(MARK), "{field:?}: {text:?}");
                let word = attack.split_whitespace().next().unwrap_or_default();
                let telling = word.len() > 3 && word.chars().all(|c| c.is_ascii_alphabetic());
                // Words that answers have of their own.
                let own = ["evidence", "Proposals", "feature", "model", "Note", "null", "Amounts"];
                let telling = telling && !own.contains(&word);
                assert!(!telling || !prose.contains(word), "{field:?}: {text:?}");
            }
        }
        Value::Array(items) => items.iter().for_each(|item| check(item, attack, field)),
        Value::Object(fields) => {
            for (name, item) in fields {
                let is_name = name.chars().count() <= 64;
                assert!(is_name && !name.contains(MARK), "{name:?} names a field");
                let inherited = field.filter(|&field| field == "scope");
                check(item, attack, Some(inherited.unwrap_or(name)));
            }
        }
        _ => {}
    }
}

/// Requests of an attacker or a broken client: refused in words, never echoed raw, never a panic.
#[tokio::test]
async fn hostile_arguments_are_refused_in_one_breath() {
    let client = Client::new().await;
    for attack in corpus() {
        let attack = attack.text;
        for (tool, arguments) in [
            ("spend_breakdown", json!({ "group_by": &attack })),
            ("spend_breakdown", json!({ &attack: "x" })),
            ("spend_breakdown", json!({"filter": { &attack: "x" }})),
            ("spend_breakdown", json!({"start": &attack, "end": &attack})),
            ("explain_change", json!({ "anomaly_id": &attack })),
            ("proposals", json!({ "cursor": &attack })),
            ("withdraw_proposal", json!({"proposal_id": &attack, "reason": "x"})),
        ] {
            let text = client.refusal(tool, arguments).await;
            assert!(text.len() <= 2_000, "{} bytes", text.len());
            let marks = ["\u{1b}", "\u{202e}", "](", "<", "\r"];
            assert!(!marks.iter().any(|mark| text.contains(mark)), "{text:?}");
        }
    }
}
