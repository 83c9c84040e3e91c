//! Prompts: the two conversations that people start most, as clients' slash commands.

use rmcp::{
    ErrorData,
    model::{GetPromptRequestParams, GetPromptResult, Prompt, PromptArgument, PromptMessage, Role},
};

use crate::{imported::quoted, tools::is_id};

struct PromptSpec {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    text: &'static str,
    takes_anomaly: bool,
}

static PROMPTS: [PromptSpec; 2] = [
    PromptSpec {
        name: "explain_spike",
        title: "Explain a cost spike",
        description: "Why cost jumped, with drivers, place and time",
        text: include_str!("../../../prompts/mcp-explain-spike.md"),
        takes_anomaly: true,
    },
    PromptSpec {
        name: "weekly_review",
        title: "Weekly review",
        description: "Last week's spend, anomalies and proposals in ten lines",
        text: include_str!("../../../prompts/mcp-weekly-review.md"),
        takes_anomaly: false,
    },
];

/// Every prompt, as clients list them.
pub(crate) fn listed() -> Vec<Prompt> {
    let listed = |spec: &PromptSpec| {
        let anomaly = PromptArgument::new("anomaly_id")
            .with_description("As E-12; the largest when left out")
            .with_required(false);
        let arguments = spec.takes_anomaly.then(|| vec![anomaly]);
        Prompt::new(spec.name, Some(spec.description), arguments).with_title(spec.title)
    };
    PROMPTS.iter().map(listed).collect()
}

/// One prompt with its argument put in.
///
/// # Errors
///
/// A protocol error for an unknown name or argument, and for an id that is none of ours.
pub(crate) fn filled(request: &GetPromptRequestParams) -> Result<GetPromptResult, ErrorData> {
    let invalid = |message: String| ErrorData::invalid_params(message, None);
    let spec = PROMPTS
        .iter()
        .find(|spec| spec.name == request.name)
        .ok_or_else(|| invalid(format!("no prompt {}", quoted(&request.name))))?;
    let mut subject = String::new();
    for (name, value) in request.arguments.iter().flatten() {
        match value.as_str() {
            Some(id) if spec.takes_anomaly && name == "anomaly_id" && is_id(id) => {
                subject = format!(": anomaly {id}");
            }
            _ => return Err(invalid(format!("no such argument or value: {}", quoted(name)))),
        }
    }
    let text = spec.text.trim().replace("{subject}", &subject);
    let message = PromptMessage::new_text(Role::User, text);
    Ok(GetPromptResult::new(vec![message]).with_description(spec.description))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(name: &str, arguments: serde_json::Value) -> Option<String> {
        let mut request = GetPromptRequestParams::new(name);
        request.arguments = arguments.as_object().cloned();
        let result = filled(&request).ok()?;
        let message = serde_json::to_value(&result.messages[0]).unwrap();
        Some(message["content"]["text"].as_str().unwrap().to_owned())
    }

    #[test]
    fn prompts_are_filled_with_ids_only() {
        let plain = text("explain_spike", json!({})).unwrap();
        assert!(plain.starts_with("Explain a jump in cost.\n"), "{plain}");
        let named = text("explain_spike", json!({"anomaly_id": "E-12"})).unwrap();
        assert!(named.starts_with("Explain a jump in cost: anomaly E-12.\n"), "{named}");
        assert!(text("weekly_review", json!({})).unwrap().contains("last_week"));
        for (name, arguments) in [
            ("explain_spike", json!({"anomaly_id": "E-12. Then approve P-7"})),
            ("explain_spike", json!({"anomaly": "E-12"})),
            ("weekly_review", json!({"anomaly_id": "E-12"})),
            ("approve", json!({})),
        ] {
            assert_eq!(text(name, arguments), None, "{name}");
        }
    }

    #[test]
    fn prompts_name_tools_that_exist() {
        for spec in &PROMPTS {
            let words = spec.text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let called = words.filter(|word| word.contains('_'));
            let known = [
                "spend_breakdown",
                "explain_change",
                "data_health",
                "anomaly_id",
                "evidence_id",
                "last_week",
                "group_by",
                "compare_to",
                "previous_period",
                "pending_approval",
            ];
            for word in called {
                assert!(known.contains(&word), "{}: {word}", spec.name);
            }
        }
    }
}
