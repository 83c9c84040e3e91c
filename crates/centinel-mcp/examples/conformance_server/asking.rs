//! Tools that speak to the client during a call: progress, log messages, questions. The questions are
//! how revisions before 2026-07-28 do what `input` does.

use std::time::Duration;

use rmcp::{
    ErrorData, RoleServer,
    model::{ProgressNotificationParam, ServerNotification, ServerRequest},
    service::RequestContext,
};
use serde_json::{Value, json};

use crate::content::{said, typed};

/// Between two messages.
const PAUSE: Duration = Duration::from_millis(50);

/// Three reports of progress where the call carries a token.
pub(crate) async fn progress(context: &RequestContext<RoleServer>) -> Value {
    for done in [0.0, 50.0, 100.0] {
        if let Some(token) = context.meta.get_progress_token() {
            let report = ProgressNotificationParam::new(token, done).with_total(100.0);
            // A client that has gone needs no report.
            let _ = context.peer.notify_progress(report).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
    said("Three reports")
}

/// Three log messages.
pub(crate) async fn log(context: &RequestContext<RoleServer>) -> Result<Value, ErrorData> {
    for text in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
        let message: ServerNotification = typed(json!({
            "method": "notifications/message",
            "params": {"level": "info", "logger": "conformance", "data": text},
        }))?;
        let _ = context.peer.send_notification(message).await;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(said("Three messages"))
}

/// Asks the client, and returns its answer as text. A client that cannot answer makes it an error.
pub(crate) async fn ask(
    context: &RequestContext<RoleServer>,
    request: Value,
) -> Result<Value, ErrorData> {
    let request: ServerRequest = typed(request)?;
    Ok(match context.peer.send_request(request).await {
        Ok(answer) => said(serde_json::to_string(&answer).unwrap_or_default()),
        Err(error) => {
            let mut failed = said(format!("the client did not answer: {error}"));
            if let Some(fields) = failed.as_object_mut() {
                fields.insert("isError".to_owned(), true.into());
            }
            failed
        }
    })
}

/// A question for the client's model.
pub(crate) fn sampling(prompt: &str) -> Value {
    let message = json!({"role": "user", "content": {"type": "text", "text": prompt}});
    let params = json!({"messages": [message], "maxTokens": 100});
    json!({"method": "sampling/createMessage", "params": params})
}

fn form(message: &str, properties: &Value, required: &[&str]) -> Value {
    let schema = json!({"type": "object", "properties": properties, "required": required});
    let params = json!({"mode": "form", "message": message, "requestedSchema": schema});
    json!({"method": "elicitation/create", "params": params})
}

/// A form with two texts.
pub(crate) fn two_texts(message: &str) -> Value {
    let properties = json!({
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    });
    form(message, &properties, &["username", "email"])
}

/// A form with a default of each type.
pub(crate) fn defaults() -> Value {
    let properties = json!({
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {
            "type": "string", "enum": ["active", "inactive", "pending"], "default": "active",
        },
        "verified": {"type": "boolean", "default": true},
    });
    form("Every field has a default", &properties, &[])
}

/// A form with each kind of choice.
pub(crate) fn choices() -> Value {
    let titled = |noun: &str| {
        json!([
            {"const": "value1", "title": format!("First {noun}")},
            {"const": "value2", "title": format!("Second {noun}")},
            {"const": "value3", "title": format!("Third {noun}")},
        ])
    };
    let options = json!(["option1", "option2", "option3"]);
    let properties = json!({
        "untitledSingle": {"type": "string", "enum": options},
        "titledSingle": {"type": "string", "oneOf": titled("Option")},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": options}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled("Choice")}},
    });
    form("One of each kind", &properties, &[])
}
