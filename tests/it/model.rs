//! A model's endpoint that says what it is told to: true drafts of whatever it is asked, false ones, and
//! every way in which a server fails.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

/// What it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// A true draft.
    Good,
    /// A draft with a figure of its own, however often it is asked to mend it.
    Wrong,
    /// Nothing that is a draft.
    Garbage,
    /// Nothing at all.
    Silence,
    /// Come back in an hour.
    Busy,
    /// The beginning of an answer.
    Cut,
}

/// The endpoint; it ends with the process of the tests.
pub(crate) struct Model {
    pub(crate) base: String,
    says: Arc<Mutex<Says>>,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Model {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        let says = Arc::new(Mutex::new(Says::Good));
        let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (said, log) = (Arc::clone(&says), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (said, log) = (Arc::clone(&said), Arc::clone(&log));
                thread::spawn(move || answer(&stream, &said, &log));
            }
        });
        Self { base, says, asked }
    }

    /// From now on.
    pub(crate) fn says(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }

    /// The questions so far.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(stream: &TcpStream, says: &Mutex<Says>, log: &Mutex<Vec<Value>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            if line.trim().is_empty() {
                break;
            }
            continue;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let asked: Value = serde_json::from_slice(&body).ok()?;
    let says = *says.lock().unwrap();
    log.lock().unwrap().push(asked.clone());
    let completion = |text: &str| {
        json!({
            "model": "m-1",
            "choices": [{ "message": { "content": text }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1000 },
        })
        .to_string()
    };
    let mut stream = stream;
    match says {
        Says::Silence => thread::sleep(Duration::from_mins(1)),
        Says::Busy => send(stream, "429 X\r\nretry-after: 3600", "{}", 0)?,
        Says::Garbage => send(stream, "200 X", &completion("I would rather not say."), 0)?,
        Says::Cut => send(stream, "200 X", &completion("{\"sentences\":"), 500)?,
        Says::Good => send(stream, "200 X", &completion(&draft(&asked, "")), 0)?,
        Says::Wrong => {
            send(stream, "200 X", &completion(&draft(&asked, "It cost $9,999.99 in all.")), 0)?;
        }
    }
    stream.flush().ok()?;
    stream.shutdown(Shutdown::Both).ok()
}

/// Sends so many bytes fewer than are announced.
fn send(mut stream: &TcpStream, status: &str, body: &str, missing: usize) -> Option<()> {
    let mut head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n");
    let _ = write!(head, "content-length: {}\r\n\r\n", body.len() + missing);
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()
}

/// A draft that says what must be said, from nothing but the prompt; in place of its first sentence, where
/// there is one, something else.
fn draft(asked: &Value, instead: &str) -> String {
    let prompt = asked["messages"][1]["content"].as_str().unwrap_or_default();
    let fact = |role: &str| {
        let mut lines = prompt.lines().filter_map(|line| line.split_once(' '));
        lines.find_map(|(id, rest)| {
            let (_, what) = rest.split_once(": ")?;
            let (what, _) = what.split_once(';')?;
            (what == role && id.starts_with('F')).then(|| format!("{{{{{id}}}}}"))
        })
    };
    let verb = |slot: &str| slot.replace("}}", "|verb}}");
    let mut sentences = Vec::new();
    let mut say = |kind: &str, text: Option<String>| {
        sentences.extend(text.map(|text| json!({ "kind": kind, "text": text, "cites": [] })));
    };
    if !instead.is_empty() {
        say("observe", Some(instead.to_owned()));
    } else if let Some(cost) = fact("cost") {
        let owner = fact("about.owner");
        say(
            "observe",
            Some(match owner {
                Some(owner) => format!("{owner} spent {cost}."),
                None => format!("Spend came to {cost}."),
            }),
        );
        say("observe", fact("delta").map(|delta| format!("It {} by {delta}.", verb(&delta))));
        let episode = fact("episode.1.scope.feature").zip(fact("episode.1.impact"));
        say(
            "observe",
            episode.map(|(name, impact)| {
                format!("{name} has cost an estimated {impact} more than expected.")
            }),
        );
        let ahead = fact("ahead.total");
        say("observe", ahead.map(|ahead| format!("The month is expected to cost {ahead}.")));
    } else {
        let about = fact("about.feature").unwrap_or_default();
        say(
            "observe",
            fact("delta").map(|delta| format!("The cost of {about} {} by {delta}.", verb(&delta))),
        );
        say(
            "attribute",
            fact("main_driver")
                .zip(fact("effect.tokens_per_call"))
                .map(|(driver, effect)| format!("Its contribution is {driver}: {effect}.")),
        );
        say("observe", fact("owner").map(|owner| format!("The spend belongs to {owner}.")));
    }
    json!({ "sentences": sentences }).to_string()
}
