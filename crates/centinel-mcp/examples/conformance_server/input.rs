//! Tools and a prompt that need something of the client before they answer: they say what, the client
//! calls again with it. Nothing is kept in between; a state goes out sealed and comes back.

use centinel_engine::facts::sha256_hex;
use rmcp::{
    ErrorData,
    model::{ClientCapabilities, InputRequiredResult, InputResponses},
};
use serde_json::{Value, json};

use crate::content::{said, typed};

/// Seals states. A product takes a secret of its own here.
const KEY: &str = "the conformance suite sees no other state than ours";

/// What a client sent along.
pub(crate) struct Given<'a> {
    pub(crate) responses: Option<&'a InputResponses>,
    pub(crate) state: Option<&'a str>,
    pub(crate) capabilities: ClientCapabilities,
}

/// The answer to a call.
pub(crate) enum Turn {
    /// Something is needed first.
    Needs(InputRequiredResult),
    /// The result.
    Done(Value),
}

impl Given<'_> {
    /// What a person gave for `key`; `None` unless they accepted and gave an object.
    fn accepted(&self, key: &str) -> Option<&Value> {
        let response = self.responses?.get(key)?;
        let content = response.get("content").filter(|content| content.is_object());
        content.filter(|_| response.get("action").is_some_and(|action| action == "accept"))
    }

    /// A text that a person gave.
    fn text(&self, key: &str, field: &str) -> Option<&str> {
        self.accepted(key)?.get(field)?.as_str()
    }

    /// The step that a state says was reached.
    ///
    /// # Errors
    ///
    /// Invalid parameters where the state is none of ours.
    fn step(&self) -> Result<Option<&str>, ErrorData> {
        let Some(state) = self.state else { return Ok(None) };
        let opened = state.split_once('.').filter(|(step, seal)| seal_of(step) == *seal);
        match opened {
            Some((step, _)) => Ok(Some(step)),
            None => Err(ErrorData::invalid_params("`requestState` is none of this server", None)),
        }
    }
}

fn seal_of(step: &str) -> String {
    let inner = sha256_hex(format!("{KEY}/{step}").as_bytes());
    sha256_hex(format!("{KEY}/{inner}").as_bytes())
}

fn sealed(step: &str) -> String {
    format!("{step}.{}", seal_of(step))
}

/// A form with one field.
fn form(message: &str, field: &str, kind: &str) -> Value {
    let schema = json!({
        "type": "object",
        "properties": {field: {"type": kind}},
        "required": [field],
    });
    let params = json!({"mode": "form", "message": message, "requestedSchema": schema});
    json!({"method": "elicitation/create", "params": params})
}

fn question(text: &str) -> Value {
    let message = json!({"role": "user", "content": {"type": "text", "text": text}});
    let params = json!({"messages": [message], "maxTokens": 100});
    json!({"method": "sampling/createMessage", "params": params})
}

fn roots() -> Value {
    json!({"method": "roots/list"})
}

fn needs(requests: &Value, state: Option<&str>) -> Result<Turn, ErrorData> {
    let mut result = json!({"resultType": "input_required", "inputRequests": requests});
    if let (Some(state), Some(fields)) = (state, result.as_object_mut()) {
        fields.insert("requestState".to_owned(), sealed(state).into());
    }
    typed(result).map(Turn::Needs)
}

fn done(text: impl AsRef<str>) -> Turn {
    Turn::Done(said(text))
}

/// Answers a call of one of these tools; `None` for any other.
pub(crate) fn of_tool(name: &str, given: &Given<'_>) -> Option<Result<Turn, ErrorData>> {
    let answer = match name.strip_prefix("test_input_required_result_")? {
        "elicitation" => match given.text("user_name", "name") {
            Some(name) => Ok(done(format!("Hello, {name}!"))),
            None => {
                needs(&json!({"user_name": form("What is your name?", "name", "string")}), None)
            }
        },
        "sampling" => match given.responses.and_then(|all| all.get("capital_question")) {
            Some(answer) => Ok(done(answer.to_string())),
            None => {
                let asked = question("What is the capital of France?");
                needs(&json!({"capital_question": asked}), None)
            }
        },
        "list_roots" => match given.responses.and_then(|all| all.get("client_roots")) {
            Some(answer) => Ok(done(answer.to_string())),
            None => needs(&json!({"client_roots": roots()}), None),
        },
        "request_state" | "tampered_state" => confirmed(given),
        "multiple_inputs" => several(given),
        "multi_round" => rounds(given),
        "capabilities" => by_capability(&given.capabilities),
        _ => return None,
    };
    Some(answer)
}

fn confirmed(given: &Given<'_>) -> Result<Turn, ErrorData> {
    let step = given.step()?;
    if step == Some("asked") && given.accepted("confirm").is_some() {
        return Ok(done("state-ok"));
    }
    needs(&json!({"confirm": form("Please confirm", "ok", "boolean")}), Some("asked"))
}

fn several(given: &Given<'_>) -> Result<Turn, ErrorData> {
    let keys = ["user_name", "greeting", "client_roots"];
    let has_all = given
        .responses
        .is_some_and(|responses| keys.iter().all(|&key| responses.contains_key(key)));
    if given.step()? == Some("asked") && has_all {
        return Ok(done("all three arrived"));
    }
    let requests = json!({
        "user_name": form("What is your name?", "name", "string"),
        "greeting": question("Generate a greeting"),
        "client_roots": roots(),
    });
    needs(&requests, Some("asked"))
}

fn rounds(given: &Given<'_>) -> Result<Turn, ErrorData> {
    match (given.step()?, given.text("step1", "name"), given.text("step2", "color")) {
        (Some("second"), _, Some(color)) => Ok(done(format!("{color} it is"))),
        (Some("first"), Some(_), _) => {
            let asked = form("Step 2: What is your favorite color?", "color", "string");
            needs(&json!({"step2": asked}), Some("second"))
        }
        _ => {
            let asked = form("Step 1: What is your name?", "name", "string");
            needs(&json!({"step1": asked}), Some("first"))
        }
    }
}

/// Asks only for what the client says it can give.
fn by_capability(capabilities: &ClientCapabilities) -> Result<Turn, ErrorData> {
    let mut requests = serde_json::Map::new();
    let declared = serde_json::to_value(capabilities).unwrap_or_default();
    for (capability, key, request) in [
        ("sampling", "greeting", question("Generate a greeting")),
        ("elicitation", "user_name", form("What is your name?", "name", "string")),
        ("roots", "client_roots", roots()),
    ] {
        if declared.get(capability).is_some() {
            requests.insert(key.to_owned(), request);
        }
    }
    if requests.is_empty() { Ok(done("nothing to ask for")) } else { needs(&requests.into(), None) }
}

/// Answers a call of the prompt that needs a context.
pub(crate) fn of_prompt(given: &Given<'_>) -> Result<Turn, ErrorData> {
    let Some(context) = given.text("user_context", "context") else {
        let asked = form("What context should the prompt use?", "context", "string");
        return needs(&json!({"user_context": asked}), None);
    };
    let content = json!({"type": "text", "text": format!("Use this context: {context}")});
    Ok(Turn::Done(json!({"messages": [{"role": "user", "content": content}]})))
}
