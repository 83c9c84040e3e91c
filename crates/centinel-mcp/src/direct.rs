//! The tools without a client: for a program of ours that calls them in its own process.
//!
//! What is called is what a client calls, arguments, mistakes and bounds included; what is left out is the
//! protocol around it.

use jiff::civil::Date;
use rmcp::model::CallToolRequestParams;
use serde_json::{Map, Value};

use crate::{
    arguments,
    imported::quoted,
    ports::{Principal, Refusal},
    server::Server,
};

/// A tool, as whoever chooses among them sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Offered {
    /// Its name.
    pub name: &'static str,
    /// What it answers, and when to use it.
    pub description: &'static str,
    /// JSON schema of its arguments.
    pub arguments: Value,
    /// Whether it changes anything.
    pub writes: bool,
}

impl Server {
    /// The tools of this server, in their order.
    pub fn offered(&self) -> Vec<Offered> {
        let offered = self.known().map(|known| Offered {
            name: known.spec.name,
            description: known.spec.description,
            arguments: Value::Object(known.tool.input_schema.as_ref().clone()),
            writes: known.spec.writes(),
        });
        offered.collect()
    }

    /// Calls a tool, as a client would: the answer's fields, or why there is none.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; never [`Refusal::Amended`], whose edits are in the correction that is shown.
    pub async fn call(
        &self,
        name: &str,
        arguments: Map<String, Value>,
        caller: &Principal,
    ) -> Result<Value, Refusal> {
        let Some(known) = self.known().find(|known| known.spec.name == name) else {
            let names: Vec<_> =
                self.known().map(|known| format!("`{}`", known.spec.name)).collect();
            return Err(Refusal::mistaken(
                format!("there is no tool {}", quoted(name)),
                format!("call one of {}", names.join(", ")),
            ));
        };
        tracing::info!(tool = name, %caller, "called in process");
        let request = CallToolRequestParams::new(known.spec.name).with_arguments(arguments);
        let result = self.answer(known, request, caller).await;
        if let Err(Refusal::Failed { detail }) = &result {
            tracing::error!(error = %detail, "tool failed");
        }
        Ok(result?.structured_content.unwrap_or_default())
    }
}

impl Refusal {
    /// The arguments of the corrected call that a refusal shows; `None` where it shows another step.
    pub fn corrected(&self) -> Option<Map<String, Value>> {
        let Self::Mistaken { correction, .. } = self else { return None };
        arguments::called(correction)
    }
}

/// The arguments that say a period which stands in words: `last week`, `October`, `2026-10-01 to 2026-10-14`.
/// `None` where the words are no period. `data` are the first day of the data and the day that relative
/// periods count from.
pub fn period_arguments(
    words: &str,
    is_ahead: bool,
    data: Option<(Date, Date)>,
) -> Option<Map<String, Value>> {
    arguments::period_in(words, is_ahead, data)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::json;

    use super::*;

    #[test]
    fn periods_in_words_are_arguments() {
        let data = Some((date(2026, 1, 1), date(2026, 11, 5)));
        for (words, is_ahead, arguments) in [
            ("last week", false, json!({"period": "last_week"})),
            ("last 7 days", false, json!({"period": "last_7d"})),
            ("this month", true, json!({"period": "month"})),
            ("October", false, json!({"start": "2026-10-01", "end": "2026-11-01"})),
            ("last 14 days", false, json!({"start": "2026-10-22", "end": "2026-11-05"})),
            (
                "2026-10-01 to 2026-10-14",
                false,
                json!({"start": "2026-10-01", "end": "2026-10-15"}),
            ),
        ] {
            let found = period_arguments(words, is_ahead, data).map(Value::Object);
            assert_eq!(found, Some(arguments), "{words}");
        }
        // Near a word is not the word: this reads sentences.
        for words in ["last wek", "lost week", "why", ""] {
            assert_eq!(period_arguments(words, false, data), None, "{words}");
        }
    }

    #[test]
    fn a_corrected_call_is_read_back() {
        let refusal = Refusal::mistaken("no", r#"call `forecast` with {"period":"month"}"#);
        assert_eq!(refusal.corrected().map(Value::Object), Some(json!({"period": "month"})));
        assert_eq!(Refusal::mistaken("no", "ask again").corrected(), None);
    }
}
