//! What is said to whoever is turned away, so that a program knows where to get a token, and for what.
//!
//! # Source
//!
//! RFC 6750, section 3; RFC 9728, section 5.1; MCP 2026-07-28 and 2025-11-25, "Authorization", sections
//! "Protected Resource Metadata Discovery Requirements" and "Scope Challenge Handling".

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use super::Turned;

/// Where a program learns who gives tokens, and which scopes there are. Each text stands between quotes of
/// a header: without quotes, backslashes and control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    metadata: String,
    read_scope: String,
    propose_scope: String,
}

impl Challenge {
    /// The address of the metadata, and the scopes as a program asks for them; `None` for what cannot
    /// stand in a header.
    pub fn new(metadata: &str, read_scope: &str, propose_scope: &str) -> Option<Self> {
        let texts = [metadata, read_scope, propose_scope];
        texts.iter().all(|text| quotable(text) == **text).then(|| Self {
            metadata: metadata.to_owned(),
            read_scope: read_scope.to_owned(),
            propose_scope: propose_scope.to_owned(),
        })
    }

    /// The scope that reads.
    pub fn read_scope(&self) -> &str {
        &self.read_scope
    }

    /// The scope that proposes.
    pub fn propose_scope(&self) -> &str {
        &self.propose_scope
    }
}

/// The answer to a request that was turned away.
pub(super) fn answer(why: &Turned, challenge: Option<&Challenge>) -> Response {
    let status = match why {
        Turned::NoToken | Turned::WrongToken(_) => StatusCode::UNAUTHORIZED,
        Turned::MissingScope(_) | Turned::Unknown(_) => StatusCode::FORBIDDEN,
        Turned::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        Turned::Unanswered => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = (status, format!("{why}\n")).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(value) = asks_for(why, challenge).and_then(|text| text.parse().ok()) {
        headers.insert(header::WWW_AUTHENTICATE, value);
    }
    let wait = match why {
        Turned::TooMany(seconds) => Some(*seconds),
        Turned::Unanswered => Some(5),
        _ => None,
    };
    if let Some(seconds) = wait {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The header `WWW-Authenticate`; `None` where no other token would help.
fn asks_for(why: &Turned, challenge: Option<&Challenge>) -> Option<String> {
    // Who asks for a scope more keeps those that they have: programs ask for exactly what stands here.
    let (error, scope) = match why {
        Turned::NoToken => (None, challenge.map(|told| told.read_scope.clone())),
        Turned::WrongToken(_) => {
            (Some("invalid_token"), challenge.map(|told| told.read_scope.clone()))
        }
        Turned::MissingScope(needed) => {
            let with_read = |told: &Challenge| {
                let read = told.read_scope.as_str();
                if needed == read { read.to_owned() } else { format!("{read} {needed}") }
            };
            (Some("insufficient_scope"), challenge.map(with_read))
        }
        Turned::Unknown(_) | Turned::TooMany(_) | Turned::Unanswered => return None,
    };
    let mut text = "Bearer realm=\"centinel\"".to_owned();
    let mut add = |name: &str, value: &str| {
        text.extend([", ", name, "=\"", &quotable(value), "\""]);
    };
    if let Some(error) = error {
        add("error", error);
        add("error_description", &why.to_string());
    }
    if let Some(scope) = scope {
        add("scope", &scope);
    }
    if let Some(told) = challenge {
        add("resource_metadata", &told.metadata);
    }
    Some(text)
}

/// What may stand between the quotes of a header.
fn quotable(text: &str) -> String {
    let is_plain = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    text.chars().filter(is_plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_says_what_would_help() {
        let told = Challenge::new("https://a/.well-known/x/mcp", "c:read", "c:propose").unwrap();
        let metadata = "resource_metadata=\"https://a/.well-known/x/mcp\"";
        let bearer = "Bearer realm=\"centinel\"";
        let wrong = Turned::WrongToken("it is \"over\"\r\nX: \u{202e}y".to_owned());
        for (why, status, with, without) in [
            (
                Turned::NoToken,
                401,
                Some(format!("{bearer}, scope=\"c:read\", {metadata}")),
                Some(bearer.to_owned()),
            ),
            (
                wrong,
                401,
                Some(format!(
                    "{bearer}, error=\"invalid_token\", error_description=\"it is overX: y\", \
                     scope=\"c:read\", {metadata}"
                )),
                Some(format!(
                    "{bearer}, error=\"invalid_token\", error_description=\"it is overX: y\""
                )),
            ),
            (
                Turned::MissingScope("c:propose".to_owned()),
                403,
                Some(format!(
                    "{bearer}, error=\"insufficient_scope\", error_description=\"the access token \
                     lacks the scope `c:propose`\", scope=\"c:read c:propose\", {metadata}"
                )),
                Some(format!(
                    "{bearer}, error=\"insufficient_scope\", error_description=\"the access token \
                     lacks the scope `c:propose`\""
                )),
            ),
            (Turned::Unknown("nobody".to_owned()), 403, None, None),
            (Turned::TooMany(7), 429, None, None),
            (Turned::Unanswered, 503, None, None),
        ] {
            for (challenge, expected) in [(Some(&told), with), (None, without)] {
                let response = answer(&why, challenge);
                assert_eq!(response.status().as_u16(), status, "{why:?}");
                let shown = response.headers().get(header::WWW_AUTHENTICATE);
                assert_eq!(shown.map(|value| value.to_str().unwrap().to_owned()), expected);
                let waits = response.headers().contains_key(header::RETRY_AFTER);
                assert_eq!(waits, status == 429 || status == 503, "{why:?}");
            }
        }
        for wrong in ["a\"b", "a\\b", "a\nb", "\u{e4}"] {
            assert!(Challenge::new("https://a", wrong, "p").is_none(), "{wrong:?}");
        }
    }
}
