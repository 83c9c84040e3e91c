//! The client against a server that misbehaves in every way that servers do.

use std::time::{Duration, Instant};

use super::*;
use crate::testing::{Reply, Server};

const SECRET: &str = "sk-test-hunter2-0123456789";

fn quick() -> Limits {
    Limits {
        download: Duration::from_secs(5),
        tries: 3,
        request: Duration::from_millis(700),
        first_wait: Duration::from_millis(2),
        longest_wait: Duration::from_secs(2),
        pause: Duration::ZERO,
        body_bytes: 1 << 16,
        pages: 20,
    }
}

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn client(limits: Limits) -> Client {
    Client::new(Auth::Bearer(SECRET.into()), limits, 1, now).unwrap()
}

async fn ask(server: &Server) -> Result<Answer, FetchError> {
    let base = Address::parse(&server.base(), false).unwrap();
    client(quick()).ask(&Question::get(base.at("/v1/list", [("after", "x".into())]))).await
}

#[tokio::test]
async fn failures_that_pass_are_tried_again() {
    for (first, tries) in [
        (Reply::status(500, "{}"), 2),
        (Reply::status(503, "busy"), 2),
        (Reply::status(429, "{}"), 2),
        (Reply { is_cut: true, ..Reply::ok("{\"data\":[") }, 2),
        (Reply::ok("{}"), 1),
    ] {
        let shown = format!("{first:?}");
        let server = Server::start(
            move |number, _| if number == 0 { first.clone() } else { Reply::ok("{}") },
        );
        assert_eq!(ask(&server).await.unwrap().body, b"{}", "{shown}");
        let asked = server.asked();
        assert_eq!(asked.len(), tries, "{shown}");
        assert!(asked.iter().all(|asked| asked.method == "GET"));
        assert!(asked[0].headers.contains(&format!("authorization: Bearer {SECRET}")));
    }
}

#[tokio::test]
async fn failures_that_stay_are_named() {
    for (reply, tries, expected) in [
        (Reply::status(401, r#"{"error":{"message":"Incorrect key"}}"#), 1, "401): Incorrect key"),
        (Reply::status(403, r#"{"error":"no scope"}"#), 1, "(403): no scope"),
        (Reply::status(404, "<html>"), 1, "/v1/list` answered 404"),
        (Reply::status(500, ""), 3, "after 3 tries"),
        (Reply { is_cut: true, ..Reply::ok("{") }, 3, "cut off"),
        (Reply::ok("x".repeat(1 << 17)), 1, "more than 65536 bytes"),
        (Reply::status(429, "").with("retry-after: 3600"), 1, "asks to wait 3600 s"),
        (Reply::status(302, "").with("location: http://localhost:1/x"), 1, "to another host"),
    ] {
        let server = Server::start(move |_, _| reply.clone());
        let error = ask(&server).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("`http://127.0.0.1:"), "{error}");
        assert!(!error.contains("after=x"), "{error}");
        assert_eq!(server.asked().len(), tries, "{error}");
    }
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_kept() {
    for header in ["retry-after: 1", "retry-after: Sun, 22 Nov 2026 12:00:01 GMT"] {
        let reply = Reply::status(429, "{}").with(header);
        let server = Server::start(
            move |number, _| if number == 0 { reply.clone() } else { Reply::ok("1") },
        );
        let started = Instant::now();
        ask(&server).await.unwrap();
        assert!(started.elapsed() >= Duration::from_secs(1), "{header}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left() {
    let server = Server::start(|_, _| {
        std::thread::sleep(Duration::from_secs(3));
        Reply::ok("")
    });
    let base = Address::parse(&server.base(), false).unwrap();
    let limits = Limits { tries: 1, ..quick() };
    let error = client(limits).ask(&Question::get(base.at("/x", []))).await.unwrap_err();
    assert!(matches!(error, FetchError::Timeout { .. }), "{error}");
    let nobody = Address::parse("http://127.0.0.1:9", false).unwrap();
    let error = client(quick()).ask(&Question::get(nobody)).await.unwrap_err().to_string();
    assert!(error.contains("after 3 tries: `http://127.0.0.1:9/` cannot be reached"), "{error}");
}

#[tokio::test]
async fn redirects_stay_on_their_host() {
    let server = Server::start(|number, _| match number {
        0 => Reply::status(307, "").with("location: /v2/list"),
        _ => Reply::ok("here"),
    });
    assert_eq!(ask(&server).await.unwrap().body, b"here");
    assert_eq!(server.asked()[1].target, "/v2/list");
    // The same machine under another port is another host.
    let other = Server::start(|_, _| Reply::ok("stolen"));
    let elsewhere = format!("location: {}/x", other.base());
    let server = Server::start(move |_, _| Reply::status(307, "").with(&elsewhere));
    assert!(matches!(ask(&server).await, Err(FetchError::Redirected { .. })));
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn a_secret_is_shown_nowhere() {
    let said =
        format!(r#"{{"error":{{"message":"bad key {SECRET}, or sk-test-hunt****6789\n"}}}}"#);
    let server = Server::start(move |_, _| Reply::status(401, said.clone()));
    let error = ask(&server).await.unwrap_err();
    let client = client(quick());
    let wrong = Client::new(Auth::Bearer("a\nb".into()), quick(), 1, now).unwrap();
    let base = Address::parse(&server.base(), false).unwrap();
    let malformed = wrong.ask(&Question::get(base)).await.unwrap_err();
    assert!(matches!(malformed, FetchError::BadCredential), "{malformed}");
    for text in [error.to_string(), format!("{error:?}"), format!("{client:?}")] {
        assert!(!text.contains("hunt") && !text.contains("6789"), "{text}");
    }
    assert!(error.to_string().contains("bad key [credential]"), "{error}");
}

#[tokio::test]
async fn a_secret_is_not_sent_readable() {
    let base = Address::parse("http://gateway.example", false).unwrap();
    let error = client(quick()).ask(&Question::get(base)).await.unwrap_err();
    assert!(matches!(error, FetchError::Unencrypted { .. }), "{error}");
    assert!(error.hint().unwrap().contains("plain_http"));
}

#[tokio::test]
async fn a_question_with_a_body_is_posted() {
    let server = Server::start(|_, _| Reply::ok("[]").with("date: Sun, 22 Nov 2026 11:59:00 GMT"));
    let base = Address::parse(&server.base(), false).unwrap();
    let question = Question { query_body: Some("{\"limit\":1}".into()), ..Question::get(base) };
    let answer = client(quick()).ask(&question).await.unwrap();
    assert_eq!(answer.date, Some("2026-11-22T11:59:00Z".parse().unwrap()));
    let asked = &server.asked()[0];
    assert_eq!((asked.method.as_str(), asked.body.as_str()), ("POST", "{\"limit\":1}"));
}
