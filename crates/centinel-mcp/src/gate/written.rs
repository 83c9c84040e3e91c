//! Whether a request calls a tool that writes, by its body.

use axum::{
    body::{Body, Bytes, to_bytes},
    http::StatusCode,
};
use serde_json::Value;

use super::Writes;
use crate::message::READ_TIME_MAX;

/// A body of limited length, sent in limited time.
///
/// # Errors
///
/// The status to answer with.
pub(super) async fn bounded(body: Body, bytes_max: usize) -> Result<Bytes, StatusCode> {
    let read = tokio::time::timeout(READ_TIME_MAX, to_bytes(body, bytes_max)).await;
    read.map_err(|_| StatusCode::REQUEST_TIMEOUT)?.map_err(|error| {
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(inner) = cause {
            // The limit's own error has no public type in what this crate depends on.
            if inner.to_string().contains("length limit") {
                return StatusCode::PAYLOAD_TOO_LARGE;
            }
            cause = inner.source();
        }
        StatusCode::BAD_REQUEST
    })
}

/// Whether a body calls a tool that writes, in any of its messages. What is no JSON is refused further on,
/// and the ports ask again: this decides on the status of the answer, they decide on the deed.
pub(super) fn written_tool(body: &[u8], writes: &Writes) -> bool {
    let calls = |message: &Value| {
        let name = message.pointer("/params/name").and_then(Value::as_str);
        message.get("method").is_some_and(|method| method == "tools/call")
            && name.is_some_and(|name| writes(name))
    };
    match serde_json::from_slice(body) {
        Ok(Value::Array(messages)) => messages.iter().any(calls),
        Ok(message) => calls(&message),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_body_says_what_is_called() {
        let writes: Writes = Arc::new(|tool| tool == "propose_change");
        for (body, expected) in [
            (r#"{"method":"tools/call","params":{"name":"propose_change"}}"#, true),
            (r#"{"params":{"name":"propose_change"},"method":"tools/call"}"#, true),
            (
                r#" [{"method":"ping"},{"method":"tools/call","params":{"name":"propose_change"}}]"#,
                true,
            ),
            ("{\"method\":\"tools\\/call\",\"params\":{\"name\":\"propose\\u005fchange\"}}", true),
            (r#"{"method":"tools/call","params":{"name":"spend_breakdown"}}"#, false),
            (r#"{"method":"tools/call","params":{"name":["propose_change"]}}"#, false),
            (r#"{"method":"tools/list","params":{"name":"propose_change"}}"#, false),
            (r#"{"method":"prompts/get","params":{"name":"propose_change"}}"#, false),
            ("", false),
            ("[", false),
            ("[[]]", false),
        ] {
            assert_eq!(written_tool(body.as_bytes(), &writes), expected, "{body}");
        }
    }

    #[tokio::test]
    async fn a_long_body_is_not_read_to_its_end() {
        assert_eq!(bounded(Body::from("12345"), 5).await.unwrap(), "12345");
        assert_eq!(bounded(Body::from("123456"), 5).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
    }
}
