//! A message as it comes in over HTTP: read within a time and a size, and refused as JSON-RPC says
//! where it is none.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest as _, Request},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};

/// Longest time for the body of one request: a client that sends it byte by byte holds nothing for
/// longer.
pub(crate) const READ_TIME_MAX: Duration = Duration::from_secs(30);

/// What every message has around its own content.
#[derive(Debug, Default, Deserialize)]
struct Envelope {
    jsonrpc: Option<Value>,
    id: Option<Value>,
    method: Option<Value>,
}

/// Why a body is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Malformed {
    #[error("the body is not JSON")]
    NotJson,
    #[error("a batch of messages is not taken; send each in a request of its own")]
    Batch,
    #[error("the body is no JSON-RPC message: an object with `jsonrpc` \"2.0\" and a `method`")]
    NoMessage,
    #[error("`params` are not those of this method")]
    Params,
}

impl Malformed {
    /// The code of JSON-RPC.
    fn code(self) -> i32 {
        match self {
            Self::NotJson => -32700,
            Self::Batch | Self::NoMessage => -32600,
            Self::Params => -32602,
        }
    }

    fn response(self, id: Option<&Value>) -> Response {
        let mut answer = json!({
            "jsonrpc": "2.0",
            "error": {"code": self.code(), "message": self.to_string()},
        });
        // The schema of MCP has no null id: a message whose id is not known has none.
        if let (Some(id), Some(fields)) = (id, answer.as_object_mut()) {
            fields.insert("id".to_owned(), id.clone());
        }
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (StatusCode::BAD_REQUEST, kind, answer.to_string()).into_response()
    }
}

impl Envelope {
    fn of(body: &[u8]) -> Result<Self, Malformed> {
        let body = str::from_utf8(body).map_err(|_| Malformed::NotJson)?;
        let _: IgnoredAny = serde_json::from_str(body).map_err(|_| Malformed::NotJson)?;
        match body.trim_start().chars().next() {
            Some('{') => serde_json::from_str(body).map_err(|_| Malformed::NoMessage),
            Some('[') => Err(Malformed::Batch),
            _ => Err(Malformed::NoMessage),
        }
    }

    /// The id, where it can be one.
    fn id(&self) -> Option<&Value> {
        self.id.as_ref().filter(|id| id.is_string() || id.is_i64() || id.is_u64())
    }

    /// What is wrong with a message that is none of the protocol.
    fn fault(&self) -> Malformed {
        let is_version = self.jsonrpc.as_ref().is_some_and(|version| version == "2.0");
        let is_method = self.method.as_ref().is_some_and(Value::is_string);
        let has_wrong_id = self.id.is_some() && self.id().is_none();
        if is_version && is_method && !has_wrong_id {
            Malformed::Params
        } else {
            Malformed::NoMessage
        }
    }
}

/// Reads the body of a POST before anything is done with it. Requests of any other kind go on as they
/// are, to be refused by the protocol.
pub(crate) async fn received(request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !is_json(request.headers()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let whole = Request::from_parts(parts.clone(), body);
    let body = match tokio::time::timeout(READ_TIME_MAX, Bytes::from_request(whole, &())).await {
        Ok(Ok(body)) => body,
        // Larger than allowed, or cut off.
        Ok(Err(rejection)) => return closing(rejection.into_response()),
        Err(_) => {
            let message = format!("no whole request within {} s\n", READ_TIME_MAX.as_secs());
            return closing((StatusCode::REQUEST_TIMEOUT, message).into_response());
        }
    };
    let envelope = match Envelope::of(&body) {
        Ok(envelope) => envelope,
        Err(malformed) => return malformed.response(None),
    };
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    // The media type was right, so this is how the protocol says that the message is none of its own.
    if response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        return envelope.fault().response(envelope.id());
    }
    response
}

/// The same, and the end of the connection: what is left of the body is not read.
fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_a_message_or_says_why_not() {
        let deep = "[".repeat(100_000);
        let closed = format!("{{\"a\":{deep}{}}}", "]".repeat(100_000));
        for (body, expected) in [
            ("", Some(Malformed::NotJson)),
            ("{", Some(Malformed::NotJson)),
            ("{} {}", Some(Malformed::NotJson)),
            ("\u{feff}{}", Some(Malformed::NotJson)),
            (deep.as_str(), Some(Malformed::NotJson)),
            (" [ ]", Some(Malformed::Batch)),
            (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, Some(Malformed::Batch)),
            ("null", Some(Malformed::NoMessage)),
            ("7", Some(Malformed::NoMessage)),
            (r#"{"id":1,"id":2}"#, Some(Malformed::NoMessage)),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, None),
            (closed.as_str(), None),
        ] {
            let shown = &body[..body.len().min(60)];
            assert_eq!(Envelope::of(body.as_bytes()).err(), expected, "{shown}");
        }
    }

    #[test]
    fn a_message_that_is_none_says_which_part() {
        for (body, expected) in [
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, Malformed::Params),
            (r#"{"jsonrpc":"2.0","id":"a","method":"ping","params":7}"#, Malformed::Params),
            (r#"{"jsonrpc":"2.0","method":"ping"}"#, Malformed::Params),
            (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, Malformed::NoMessage),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, Malformed::NoMessage),
            (r#"{"jsonrpc":"2.0","id":[],"method":"ping"}"#, Malformed::NoMessage),
            (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, Malformed::NoMessage),
            (r#"{"jsonrpc":"2.0","id":1}"#, Malformed::NoMessage),
        ] {
            assert_eq!(Envelope::of(body.as_bytes()).unwrap().fault(), expected, "{body}");
        }
    }
}
