//! The ladder against a server that says what it is told to.

use std::{sync::Mutex as StdMutex, time::Duration};

use serde_json::json;

use super::*;
use crate::{
    Cassette, Limits, Transport,
    sheet::tests::sheet,
    testing::{Answer, SECRET, Server, budget, chat, endpoint, now, quick},
};

const STANDARD: &str = "The cost rose: +$350.00 [F4].";

/// Refuses a sentence that holds `bad`; of the draft without such, something must be left.
#[derive(Default)]
struct Strict {
    judged: StdMutex<u32>,
}

impl Strict {
    fn texts(draft: &Value) -> Vec<String> {
        let sentences = draft["sentences"].as_array().cloned().unwrap_or_default();
        sentences.iter().map(|one| one["text"].as_str().unwrap_or("bad").to_owned()).collect()
    }
}

impl Judge for Strict {
    fn sheet(&self) -> Sheet {
        sheet()
    }

    fn schema(&self) -> Value {
        json!({ "type": "object" })
    }

    fn judge(&self, draft: &Value) -> Judged {
        *self.judged.lock().unwrap() += 1;
        let texts = Self::texts(draft);
        let faults: Vec<DraftFault> = (1..)
            .zip(&texts)
            .filter(|(_, text)| text.contains("bad"))
            .map(|(number, _)| DraftFault {
                sentence: Some(number),
                rule: "word".to_owned(),
                detail: "it is bad".to_owned(),
            })
            .collect();
        if faults.is_empty() {
            let verified = texts.len();
            Judged::Accepted(Accepted { text: texts.join(" "), verified, dropped: 0 })
        } else {
            Judged::Faulty(faults)
        }
    }

    fn without_faults(&self, draft: &Value) -> Option<Accepted> {
        let texts = Self::texts(draft);
        let good: Vec<&str> =
            texts.iter().map(String::as_str).filter(|text| !text.contains("bad")).collect();
        let (verified, dropped) = (good.len(), texts.len() - good.len());
        let text = good.join(" ");
        (verified > 0).then_some(Accepted { text, verified, dropped })
    }
}

fn draft(texts: &[&str]) -> Answer {
    let sentences: Vec<Value> =
        texts.iter().map(|text| json!({ "kind": "observe", "text": text, "cites": [] })).collect();
    Answer::chat(&json!({ "sentences": sentences }).to_string())
}

fn narrator(server: &Server, limits: Limits) -> Narrator {
    Narrator::new(chat(&server.base(), limits), budget("1000"), Settings::default())
}

async fn word(server: &Server) -> Worded {
    let narrator = narrator(server, quick());
    narrator.word(Task::Explain, &Strict::default(), STANDARD, &narrator.begin_run(1)).await
}

#[tokio::test]
async fn a_draft_climbs_down_the_ladder() {
    for (answers, text, label, turns) in [
        (vec![draft(&["It rose."])], "It rose.", "worded by a model, 1 of 1 figures verified", 1),
        (
            vec![draft(&["bad"]), draft(&["It rose."])],
            "It rose.",
            "worded by a model, 1 of 1 figures verified",
            2,
        ),
        (
            vec![draft(&["bad"]), draft(&["bad"]), draft(&["So.", "It rose."])],
            "So. It rose.",
            "worded by a model, 2 of 2 figures verified",
            3,
        ),
        (
            vec![draft(&["bad"]), draft(&["bad"]), draft(&["It rose.", "bad"])],
            "It rose.",
            "worded by a model, 1 sentence left out, 1 of 1 figures verified",
            3,
        ),
        (vec![draft(&["bad"])], STANDARD, "standard wording", 3),
    ] {
        let server = Server::saying(answers);
        let worded = word(&server).await;
        assert_eq!((worded.text.as_str(), worded.label.to_string().as_str()), (text, label));
        assert_eq!(worded.turns, turns);
        assert_eq!(server.asked().len(), usize::try_from(turns).unwrap());
        assert_eq!(worded.calls.len(), server.asked().len());
        assert_eq!(worded.prompt, Some(Task::Explain.id()));
    }
}

#[tokio::test]
async fn a_repair_is_told_what_is_wrong() {
    let server = Server::saying(vec![draft(&["It rose.", "bad"]), draft(&["It rose."])]);
    let worded = word(&server).await;
    let asked = server.asked();
    let messages = asked[1].body["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 4, "rules, facts, the draft, its faults");
    let told = messages[3]["content"].as_str().unwrap();
    assert!(told.contains(r#"{"sentence":2,"rule":"word","detail":"it is bad"}"#), "{told}");
    assert_eq!(worded.faults.len(), 1);
}

/// Whatever goes wrong, the standard wording stands, with the reason.
#[tokio::test]
async fn every_failure_ends_in_the_standard_wording() {
    let wait = Duration::from_secs(30);
    for (answer, reason) in [
        (Answer::of(500, "{}"), "busy or broken (500)"),
        (Answer::of(429, "{}").with("retry-after: 3600"), "asks to wait 3600 s"),
        (Answer::of(401, "{}"), "refuses the credential"),
        (Answer::of(200, "no"), "no chat completion"),
        (Answer { is_cut: true, ..draft(&["It rose."]) }, "was cut off"),
        (Answer { wait, ..draft(&["It rose."]) }, "no usable answer within"),
        (Answer::of(200, "x".repeat(1 << 17)), "more than"),
        (Answer::chat("I would rather talk."), "no draft in JSON"),
        (Answer::of(307, "").with("location: http://127.0.0.1:9/"), "redirects"),
    ] {
        let server = Server::saying(vec![answer]);
        let limits = Limits { time: Duration::from_millis(600), ..quick() };
        let narrator = narrator(&server, limits);
        let run = narrator.begin_run(1);
        let worded = narrator.word(Task::Explain, &Strict::default(), STANDARD, &run).await;
        assert_eq!(worded.text, STANDARD);
        let Label::Standard { reason: Some(found) } = worded.label else {
            panic!("{:?}", worded.label)
        };
        assert!(found.contains(reason), "{found}");
        assert!(!found.contains(SECRET));
    }
}

#[tokio::test]
async fn a_server_is_asked_in_the_mode_that_it_knows() {
    for (knows, modes) in [
        ("json_schema", vec!["json_schema"]),
        ("json_object", vec!["json_schema", "json_object"]),
        ("text", vec!["json_schema", "json_object", "text"]),
    ] {
        let server = Server::start(move |_, asked| {
            let format = asked.body.pointer("/response_format/type");
            let mode = format.and_then(Value::as_str).unwrap_or("text");
            if mode == knows {
                draft(&["It rose."])
            } else {
                Answer::of(400, r#"{"error":"response_format is not supported"}"#)
            }
        });
        let narrator = narrator(&server, quick());
        for round in [modes.len(), modes.len() + 1] {
            let run = narrator.begin_run(1);
            let worded = narrator.word(Task::Cfo, &Strict::default(), STANDARD, &run).await;
            assert_eq!(worded.text, "It rose.");
            assert_eq!(worded.mode.map(Mode::name), Some(knows));
            assert_eq!(server.asked().len(), round, "what it knows is remembered");
        }
    }
}

#[tokio::test]
async fn a_server_that_refuses_everything_says_nothing_of_modes() {
    let refusal = Answer::of(400, r#"{"error":"this model's context is too short"}"#);
    let server = Server::saying(vec![refusal.clone(), refusal.clone(), refusal, draft(&["So."])]);
    let narrator = narrator(&server, quick());
    for (text, mode) in [(STANDARD, Mode::JsonSchema), ("So.", Mode::JsonSchema)] {
        let run = narrator.begin_run(1);
        let worded = narrator.word(Task::Explain, &Strict::default(), STANDARD, &run).await;
        assert_eq!((worded.text.as_str(), narrator.mode()), (text, mode));
    }
}

/// A server that ignores the schema and talks is asked more plainly.
#[tokio::test]
async fn words_instead_of_json_loosen_the_mode() {
    let fenced = Answer::chat(
        "Here:\n```json\n{\"sentences\":[{\"kind\":\"observe\",\"text\":\"It rose.\",\"cites\":[]}]}\n```",
    );
    let server = Server::saying(vec![Answer::chat("Gladly! It rose."), fenced]);
    let worded = word(&server).await;
    assert_eq!((worded.text.as_str(), worded.mode), ("It rose.", Some(Mode::JsonObject)));
}

#[tokio::test]
async fn a_run_ends_at_its_cap() {
    let mut dear = draft(&["bad"]);
    let body = String::from_utf8(dear.body).unwrap();
    dear.body = body.replace("\"prompt_tokens\":12", "\"prompt_tokens\":4000").into();
    let server = Server::saying(vec![dear]);
    let chat = chat(&server.base(), quick());
    // Enough for one question at its worst, not for two.
    let narrator = Narrator::new(chat, budget("0.2"), Settings::default());
    let run = narrator.begin_run(1);
    let judge = Strict::default();
    let mut worded = narrator.word(Task::Explain, &judge, STANDARD, &run).await;
    let mut asked = 0;
    // What was used is charged, so a few questions go through before the worst no longer fits.
    while !worded.calls.is_empty() {
        asked += worded.calls.len();
        worded = narrator.word(Task::Explain, &judge, STANDARD, &run).await;
    }
    assert_eq!(server.asked().len(), asked);
    let Label::Standard { reason: Some(reason) } = worded.label else { panic!("{worded:?}") };
    assert!(reason.contains("cap is reached: $0.20 a run"), "{reason}");
    assert!(worded.calls.is_empty());
}

#[tokio::test]
async fn a_cassette_answers_as_the_server_did() {
    let server = Server::saying(vec![draft(&["bad"]), draft(&["It rose."])]);
    let tape = Arc::new(Cassette::default());
    let record = Transport::Record(tape.clone());
    let on = |transport, base: &str| {
        let chat = Chat::new(endpoint(base), transport, quick(), now).unwrap();
        Narrator::new(chat, budget("1000"), Settings::default())
    };
    let narrator = on(record, &server.base());
    let live =
        narrator.word(Task::Digest, &Strict::default(), STANDARD, &narrator.begin_run(1)).await;
    let lines = tape.to_lines().unwrap();
    assert!(!lines.contains(SECRET) && lines.lines().count() == 2, "{lines}");

    // Nothing listens there: what answers is the cassette.
    let replay = |lines: &str| Transport::Replay(Arc::new(Cassette::of_lines(lines).unwrap()));
    let narrator = on(replay(&lines), "http://127.0.0.1:9/v1");
    let played =
        narrator.word(Task::Digest, &Strict::default(), STANDARD, &narrator.begin_run(1)).await;
    assert_eq!((played.text, played.label), (live.text, live.label));

    let narrator = on(replay(&lines), "http://127.0.0.1:9/v1");
    let missed =
        narrator.word(Task::Cfo, &Strict::default(), STANDARD, &narrator.begin_run(1)).await;
    let Label::Standard { reason: Some(reason) } = missed.label else { panic!("{missed:?}") };
    assert!(reason.contains("`/body/messages/0/content` was `"), "{reason}");
    assert!(missed.calls.is_empty(), "nothing was asked, nothing is billed");
}
