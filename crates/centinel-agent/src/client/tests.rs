//! The client against servers of every dialect, and servers that misbehave.

use std::{fmt::Write as _, path::Path, time::Duration};

use tokio::time::Instant;

use super::*;
use crate::testing::{Answer, SECRET, Server, chat, now, quick, run};

/// A fixture: the status, the content type, an empty line, the body as it came.
fn fixture(path: &Path) -> Answer {
    let bytes = std::fs::read(path).unwrap();
    let mut parts = bytes.splitn(4, |byte| *byte == b'\n');
    let mut line = || String::from_utf8(parts.next().unwrap().to_vec()).unwrap();
    let (status, kind, empty) = (line().parse().unwrap(), line(), line());
    assert_eq!(empty, "", "{path:?}");
    Answer::of(status, parts.next().unwrap()).with(&format!("content-type: {kind}"))
}

async fn ask(base: &str, run: &Run, limits: Limits) -> Result<Reply, Fault> {
    let chat = chat(base, limits);
    let question = Question {
        messages: vec![Message::User("word it".to_owned())],
        tools: Vec::new(),
        schema: None,
        mode: Mode::Text,
        output_tokens_max: 50,
    };
    let asking = Asking { run, task: "explain", until: Instant::now() + limits.time };
    chat.ask(&question, asking).await
}

/// Every fixture, by its name.
fn fixtures() -> Vec<(String, Answer)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/dialects");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let named = |path: &std::path::PathBuf| {
        (path.file_stem().unwrap().to_string_lossy().into_owned(), fixture(path))
    };
    paths.iter().map(named).collect()
}

/// Each body ends in a reply or a typed fault; what was used is known, or taken at its worst.
#[tokio::test]
async fn every_dialect_is_read() {
    let fixtures = fixtures();
    let count = fixtures.len();
    let mut told = String::new();
    for (name, answer) in fixtures {
        let server = Server::saying(vec![answer]);
        let run = run();
        let limits = Limits { tries: 1, ..quick() };
        let outcome = ask(&server.base(), &run, limits).await;
        let _ = match outcome {
            Ok(Reply { text, finish, tool_calls, model, usage }) => {
                let mut calls = String::new();
                for ToolCall { id, name, arguments } in tool_calls {
                    let _ = write!(calls, " calls {name}{arguments} as `{id}`");
                }
                let model = model.unwrap_or_else(|| "?".to_owned());
                let usage = usage.map_or("usage unknown".to_owned(), |usage| format!("{usage:?}"));
                write!(told, "{name}: {text:?}{calls} {finish:?} by {model}, {usage}")
            }
            Err(fault) => {
                let said = fault.said().map(|said| format!(": {said}")).unwrap_or_default();
                write!(told, "{name}: FAULT {fault}{said}")
            }
        };
        let charged: Vec<&str> = run
            .take_calls()
            .iter()
            .map(|call| if call.is_worst_case { "; charged at worst" } else { "; charged" })
            .collect();
        told.push_str(&charged.concat());
        told.push('\n');
    }
    assert!(count >= 80, "{count}");
    assert!(!told.contains("hunter2"), "{told}");
    insta::assert_snapshot!(told);
}

/// A body that is cut anywhere says all of what it says, or is a fault; none is read as less.
#[test]
fn a_cut_is_never_half_an_answer() {
    for (name, answer) in fixtures() {
        let whole = String::from_utf8(answer.body).unwrap();
        let read = |body: &str| {
            let exchange =
                Exchange { status: answer.status, retry_after_ms: None, body: body.to_owned() };
            answer::read(&exchange, "openai", "m-1", &SECRET.into()).outcome
        };
        let said = |outcome: &Result<Reply, Fault>| {
            outcome.as_ref().ok().map(|reply| (reply.text.clone(), reply.tool_calls.clone()))
        };
        let expected = said(&read(&whole));
        for (end, _) in whole.char_indices() {
            let found = said(&read(&whole[..end]));
            assert!(found.is_none() || found == expected, "{name} at {end}: {found:?}");
        }
    }
}

/// Whatever comes, reading it ends, and an error holds no more than a line.
#[test]
fn any_bytes_end_in_a_reply_or_a_fault() {
    for (name, answer) in fixtures() {
        for (place, byte) in [(3, b'"'), (5, b'{'), (7, 0), (11, 0xff), (13, b'\n')] {
            for start in 0..place {
                let mut body = answer.body.clone();
                for byte_of in body.iter_mut().skip(start).step_by(place * 5) {
                    *byte_of = byte;
                }
                let body = String::from_utf8_lossy(&body).into_owned();
                let exchange = Exchange { status: answer.status, retry_after_ms: None, body };
                let read = answer::read(&exchange, "openai", "m-1", &SECRET.into());
                let said = read.outcome.err().and_then(|fault| fault.said().map(str::to_owned));
                let said = said.unwrap_or_default();
                assert!(said.len() < 900 && !said.contains('\n'), "{name}: {said:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    for (first, tries) in [
        (Answer::of(500, "{}"), 2),
        (Answer::of(503, "busy"), 2),
        (Answer::of(429, "{}"), 2),
        (Answer::of(429, "{}").with("retry-after-ms: 5"), 2),
        (Answer::chat("x"), 1),
    ] {
        let server = Server::saying(vec![first, Answer::chat("Spend rose.")]);
        let reply = ask(&server.base(), &run(), quick()).await.unwrap();
        assert_eq!(reply.finish, Finish::Stop);
        let asked = server.asked();
        assert_eq!(asked.len(), tries);
        assert_eq!(asked[0].path, "/v1/chat/completions");
        assert!(asked[0].headers.contains(&format!("authorization: Bearer {SECRET}")));
        assert_eq!(asked[0].body["max_completion_tokens"], 50);
    }
}

#[tokio::test]
async fn what_stays_is_named() {
    let cut = Answer { is_cut: true, ..Answer::chat("Spend rose.") };
    let garbage: Vec<u8> = (0..4000_u32).map(|n| u8::try_from(n * 7 % 251).unwrap()).collect();
    for (answer, tries, expected) in [
        (Answer::of(429, "{}").with("retry-after: 3600"), 1, "asks to wait 3600 s"),
        (Answer::of(429, "{}"), 3, "busy or broken (429)"),
        (cut, 1, "was cut off"),
        (Answer::of(200, "x".repeat(1 << 17)), 1, "more than 65536 bytes"),
        (Answer::of(200, garbage), 1, "no chat completion"),
        (Answer::of(200, "[".repeat(50_000)), 1, "no chat completion"),
        (Answer::of(401, "{}"), 1, "refuses the credential (401)"),
    ] {
        let server = Server::saying(vec![answer]);
        let fault = ask(&server.base(), &run(), quick()).await.unwrap_err().to_string();
        assert!(fault.contains(expected), "{fault}");
        assert_eq!(server.asked().len(), tries, "{fault}");
    }
}

#[tokio::test]
async fn a_slow_server_is_left() {
    let wait = Duration::from_secs(30);
    for (answer, fault) in [
        (Answer { wait, ..Answer::chat("late") }, "no usable answer within"),
        (Answer { is_cut: true, wait, ..Answer::chat("late") }, "no usable answer within"),
    ] {
        let server = Server::saying(vec![answer]);
        let run = run();
        let limits = Limits { time: Duration::from_millis(300), ..quick() };
        let found = ask(&server.base(), &run, limits).await.unwrap_err().to_string();
        assert!(found.contains(fault), "{found}");
        let calls = run.take_calls();
        assert!(calls.len() == 1 && calls[0].is_worst_case, "{calls:?}");
    }
    let nobody = ask("http://127.0.0.1:9/v1", &run(), quick()).await.unwrap_err();
    assert!(matches!(nobody, Fault::Unreachable { .. }), "{nobody}");
}

/// The same machine under another port is another host.
#[tokio::test]
async fn nobody_else_is_asked() {
    let other = Server::saying(vec![Answer::chat("stolen")]);
    for place in [format!("http://127.0.0.1:{}/v1", other.port), "/v1/elsewhere".to_owned()] {
        for status in [301, 302, 307, 308] {
            let answer = Answer::of(status, "").with(&format!("location: {place}"));
            let server = Server::saying(vec![answer]);
            let fault = ask(&server.base(), &run(), quick()).await.unwrap_err();
            assert_eq!(fault, Fault::Redirected);
            assert_eq!(server.asked().len(), 1);
        }
    }
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn a_limit_by_another_name_is_tried() {
    let refusal = r#"{"error":{"message":"Unsupported parameter: 'max_completion_tokens'"}}"#;
    let server = Server::start(move |_, asked| {
        if asked.body.get("max_tokens").is_some() {
            Answer::chat("Spend rose.")
        } else {
            Answer::of(400, refusal)
        }
    });
    let chat = chat(&server.base(), quick());
    for expected in [2, 3] {
        let run = run();
        let question = Question {
            messages: vec![Message::User("word it".to_owned())],
            tools: Vec::new(),
            schema: None,
            mode: Mode::Text,
            output_tokens_max: 50,
        };
        let until = Instant::now() + quick().time;
        chat.ask(&question, Asking { run: &run, task: "explain", until }).await.unwrap();
        assert_eq!(server.asked().len(), expected, "the name is remembered");
    }
}

#[tokio::test]
async fn each_try_is_paid_for() {
    let server = Server::saying(vec![Answer::of(500, "{}"), Answer::chat("Spend rose.")]);
    let run = run();
    ask(&server.base(), &run, quick()).await.unwrap();
    let calls = run.take_calls();
    let ids: Vec<&str> = calls.iter().map(|call| call.call_id.as_str()).collect();
    assert_eq!(ids, ["narrator-0000000000000007-1", "narrator-0000000000000007-2"]);
    assert!(calls[0].is_worst_case && calls[0].status == CallStatus::Error, "{calls:?}");
    assert!(!calls[1].is_worst_case && calls[1].status == CallStatus::Ok, "{calls:?}");
    assert_eq!(calls[1].usage.tokens_total(), 17);
    assert!(calls[0].usage.tokens_total() > 50, "{calls:?}");
    assert_eq!(calls[1].at, now());
    assert!(run.take_calls().is_empty());
}

/// Whoever asked hung up: the server may have worked for it all the same.
#[tokio::test]
async fn a_question_that_nobody_waits_for_any_more_is_noted_at_its_most() {
    let slow =
        Answer { wait: std::time::Duration::from_millis(900), ..Answer::chat("Spend rose.") };
    let server = Server::saying(vec![slow]);
    let run = run();
    let base = server.base();
    let asked = ask(&base, &run, quick());
    let waited = std::time::Duration::from_millis(300);
    assert!(tokio::time::timeout(waited, asked).await.is_err(), "nobody waits");
    let calls = run.take_calls();
    assert_eq!((server.asked().len(), calls.len()), (1, 1), "{calls:?}");
    assert!(calls[0].is_worst_case && calls[0].status == CallStatus::Error, "{calls:?}");
    assert!(calls[0].usage.tokens_total() > 50 && calls[0].latency_ms >= 200, "{calls:?}");
    assert_eq!(calls[0].call_id, "narrator-0000000000000007-1");
}

#[tokio::test]
async fn nothing_is_asked_that_cannot_be_paid() {
    let server = Server::saying(vec![Answer::chat("Spend rose.")]);
    let run = Run::new(crate::budget::RunBudget::new(crate::testing::budget("0.001")), 7);
    let fault = ask(&server.base(), &run, quick()).await.unwrap_err();
    assert!(matches!(fault, Fault::CapReached(_)), "{fault}");
    assert!(server.asked().is_empty());
    let small = Limits { prompt_bytes: 20, ..quick() };
    let fault = ask(&server.base(), &crate::testing::run(), small).await.unwrap_err();
    assert!(matches!(fault, Fault::PromptTooLarge { .. }), "{fault}");
    assert!(server.asked().is_empty());
}
