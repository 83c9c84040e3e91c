//! `POST /hooks/slack`: clicks, answers and commands of Slack.

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use centinel_app::{HookError, Slack};
use jiff::Timestamp;

use crate::headers::once;

/// Largest body taken, in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, Clone)]
struct Hook {
    slack: Slack,
    clock: fn() -> Timestamp,
}

/// The route, for the binary to merge beside the gated ones. What it takes waits in the queue of `slack`,
/// so that Slack has its answer within its three seconds.
pub fn router(slack: Slack, clock: fn() -> Timestamp) -> Router {
    Router::new().route("/hooks/slack", post(taken)).with_state(Hook { slack, clock })
}

async fn taken(State(hook): State<Hook>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // A browser's page says where it is from; Slack is no browser.
    if parts.headers.contains_key(header::ORIGIN) {
        return (StatusCode::FORBIDDEN, "pages are not answered\n").into_response();
    }
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "at most 1 MiB is read\n").into_response();
    };
    answer(&hook, &parts.headers, &body)
}

fn answer(hook: &Hook, headers: &HeaderMap, body: &Bytes) -> Response {
    let timestamp = once(headers, "x-slack-request-timestamp");
    let signature = once(headers, "x-slack-signature");
    match hook.slack.take(timestamp, signature, body, (hook.clock)()) {
        Ok(None) => StatusCode::OK.into_response(),
        Ok(Some(json)) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(error) => (status(&error), format!("{error}\n")).into_response(),
    }
}

fn status(error: &HookError) -> StatusCode {
    use centinel_app::SignatureError;
    match error {
        HookError::NotConfigured => StatusCode::NOT_FOUND,
        HookError::Signature(SignatureError::Missing(_)) | HookError::Unreadable(_) => {
            StatusCode::BAD_REQUEST
        }
        HookError::Signature(SignatureError::Wrong | SignatureError::Stale) => {
            StatusCode::FORBIDDEN
        }
        HookError::Busy => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use centinel_app::{App, create_home, live::Outside};
    use tower::ServiceExt as _;

    use super::*;
    use crate::WebState;

    const BODY: &str = "command=%2Fcentinel&text=help&team_id=T1&user_id=U1&trigger_id=1.2.3";
    /// HMAC-SHA256 of `v0:1531420618:` and the body, with the secret of Slack's documentation.
    const SIGNATURE: &str = "v0=68481a2ad618ac0782ee2f6d85b677e81843292bf8f80f6efdf06adb50f101d6";
    /// The example of Slack's documentation: rightly signed, and no command of ours.
    const OTHERS: (&str, &str) = (
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=\
         G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-\
         collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F39770088\
         5554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447\
         fce8b6703c",
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    );

    fn clock() -> Timestamp {
        Timestamp::from_second(1_531_420_620).unwrap()
    }

    fn outside() -> Outside {
        Outside {
            variable: |name| match name {
                "SIGNING" => Some("8f742231b10e8888abcd99yyyzzz85a5".to_owned()),
                "BOT" => Some("xoxb-1".to_owned()),
                _ => None,
            },
            now: clock,
            seed: 1,
            limits: centinel_app::live::Limits::default(),
        }
    }

    async fn site(lines: &str) -> (tempfile::TempDir, Router) {
        let home = tempfile::tempdir().unwrap();
        create_home(home.path()).unwrap();
        let config = format!(
            "[slack]\nteam = \"T1\"\nchannel = \"C1\"\nbot_token = \"env:BOT\"\n\
             api = \"http://127.0.0.1:9/api\"\n{lines}\n"
        );
        std::fs::write(home.path().join("centinel.toml"), config).unwrap();
        let app = App::open(home.path(), None).await.unwrap();
        let slack = app.slack(&outside()).unwrap().unwrap();
        let gated = crate::router(WebState::new(app, clock, || Ok(7)));
        (home, gated.merge(router(slack, clock)))
    }

    /// Sends a request as a tunnel would, under a name that is not ours.
    async fn send(router: &Router, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> u16 {
        let mut request = Request::post(path).header(header::HOST, "centinel.tunnel.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).unwrap();
        router.clone().oneshot(request).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn only_what_slack_signed_is_taken() {
        let (_home, router) = site("signing_secret = \"env:SIGNING\"").await;
        let at = ("x-slack-request-timestamp", "1531420618");
        let signed = ("x-slack-signature", SIGNATURE);
        let others = ("x-slack-signature", OTHERS.1);
        let old = ("x-slack-request-timestamp", "1531420317");
        let page = ("origin", "https://evil.example");
        let large = "x".repeat(BODY_BYTES_MAX + 1);
        for (what, headers, body, expected) in [
            ("as it is", vec![at, signed], BODY, 200),
            ("again: taken, and refused when it is looked at", vec![at, signed], BODY, 200),
            ("not ours", vec![at, others], OTHERS.0, 400),
            ("no signature", vec![at], BODY, 400),
            ("no time", vec![signed], BODY, 400),
            ("two signatures", vec![at, signed, signed], BODY, 400),
            ("another body", vec![at, signed], &BODY.replace("U1", "U2"), 403),
            ("another's signature", vec![at, others], BODY, 403),
            ("another time", vec![old, signed], BODY, 403),
            ("no body", vec![at, signed], "", 403),
            ("a page", vec![at, signed, page], BODY, 403),
            ("too large", vec![at, signed], &large, 413),
        ] {
            let status = send(&router, "/hooks/slack", &headers, body.into()).await;
            assert_eq!(status, expected, "{what}");
        }
        // The gate still stands before everything else.
        assert_eq!(send(&router, "/v1/calls", &[], Vec::new()).await, 403);
        assert_eq!(send(&router, "/mcp", &[], Vec::new()).await, 403);
    }

    #[tokio::test]
    async fn without_a_secret_nothing_is_taken() {
        let (_home, router) = site("").await;
        let headers =
            [("x-slack-request-timestamp", "1531420618"), ("x-slack-signature", SIGNATURE)];
        assert_eq!(send(&router, "/hooks/slack", &headers, BODY.into()).await, 404);
    }
}
