//! A Slack of our own: the methods of its Web API that are used, on this machine, with the limits of
//! Block Kit checked once more, and with ways to fail.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Something that goes wrong, once.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trouble {
    /// 429, with so many seconds to wait.
    Wait(u64),
    /// It is done, and the answer gets lost.
    Lost,
    /// `ok: false` with a word.
    Refused(&'static str),
}

#[derive(Debug, Clone)]
pub(crate) struct Posted {
    pub(crate) ts: String,
    pub(crate) text: String,
    pub(crate) blocks: Value,
    metadata: Value,
    pub(crate) edits: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) messages: Vec<Posted>,
    /// User and text, as only they see it.
    pub(crate) whispers: Vec<String>,
    pub(crate) views: Vec<Value>,
    pub(crate) users: BTreeMap<String, Value>,
    pub(crate) troubles: BTreeMap<&'static str, VecDeque<Trouble>>,
    pub(crate) calls: Vec<String>,
    /// What came to a webhook of Teams.
    pub(crate) cards: Vec<Value>,
    /// Where the next socket is.
    pub(crate) socket: String,
}

#[derive(Debug, Clone)]
pub(crate) struct FakeSlack {
    told: Arc<Mutex<Told>>,
    pub(crate) base: String,
}

impl FakeSlack {
    #[expect(clippy::disallowed_methods, reason = "a server beside the test")]
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let told: Arc<Mutex<Told>> = Arc::default();
        let router = Router::new()
            .route("/api/{method}", post(method))
            .route("/answers", post(answer))
            .route("/teams", post(card))
            .with_state(Arc::clone(&told));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { told, base }
    }

    pub(crate) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap()
    }

    /// A member of the workspace, changed by some fields.
    pub(crate) fn member(&self, id: &str, changes: Value) {
        let mut user = json!({
            "id": id, "team_id": "T1", "deleted": false, "is_bot": false, "is_restricted": false,
            "is_ultra_restricted": false,
        });
        for (name, value) in changes.as_object().unwrap() {
            user[name] = value.clone();
        }
        self.told().users.insert(id.to_owned(), user);
    }

    pub(crate) fn trouble(&self, method: &'static str, trouble: Trouble) {
        self.told().troubles.entry(method).or_default().push_back(trouble);
    }

    pub(crate) fn calls(&self, method: &str) -> usize {
        self.told().calls.iter().filter(|called| *called == method).count()
    }

    pub(crate) fn last_whisper(&self) -> String {
        self.told().whispers.last().cloned().unwrap_or_default()
    }

    /// The last text of the message at a place, blocks and all.
    pub(crate) fn message(&self, index: usize) -> String {
        let told = self.told();
        format!("{} {}", told.messages[index].text, told.messages[index].blocks)
    }
}

async fn answer(State(told): State<Arc<Mutex<Told>>>, body: Bytes) -> StatusCode {
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["response_type"], "ephemeral");
    told.lock().unwrap().whispers.push(body["text"].as_str().unwrap().to_owned());
    StatusCode::OK
}

async fn card(State(told): State<Arc<Mutex<Told>>>, body: Bytes) -> StatusCode {
    let mut told = told.lock().unwrap();
    if told.troubles.get_mut("teams").and_then(VecDeque::pop_front).is_some() {
        return StatusCode::BAD_GATEWAY;
    }
    assert!(body.len() < 28_000);
    told.cards.push(serde_json::from_slice(&body).unwrap());
    StatusCode::ACCEPTED
}

async fn method(
    State(told): State<Arc<Mutex<Told>>>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let token = if method == "apps.connections.open" { "xapp-1" } else { "xoxb-1" };
    assert_eq!(headers["authorization"], format!("Bearer {token}"));
    let form = reqwest::Url::parse("http://x/").map(|mut url| {
        url.set_query(Some(std::str::from_utf8(&body).unwrap()));
        url.query_pairs().into_owned().collect::<BTreeMap<String, String>>()
    });
    let form = form.unwrap();
    let mut told = told.lock().unwrap();
    told.calls.push(method.clone());
    let trouble = told.troubles.get_mut(method.as_str()).and_then(VecDeque::pop_front);
    match trouble {
        Some(Trouble::Wait(seconds)) => {
            return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", seconds.to_string())])
                .into_response();
        }
        Some(Trouble::Refused(word)) => {
            return json!({ "ok": false, "error": word }).to_string().into_response();
        }
        _ => {}
    }
    let done = done(&mut told, &method, &form);
    if matches!(trouble, Some(Trouble::Lost)) {
        return (StatusCode::BAD_GATEWAY, "<html>").into_response();
    }
    done.to_string().into_response()
}

fn done(told: &mut Told, method: &str, form: &BTreeMap<String, String>) -> Value {
    let field = |name: &str| form.get(name).cloned().unwrap_or_default();
    let refused = |word: &str| json!({ "ok": false, "error": word });
    let blocks = || -> Value {
        let blocks: Value = serde_json::from_str(&field("blocks")).unwrap();
        check_blocks(&blocks, 50);
        assert!((1..=4_000).contains(&field("text").len()));
        blocks
    };
    match method {
        "chat.postMessage" => {
            let ts = format!("17{:08}.000100", told.messages.len());
            told.messages.push(Posted {
                ts: ts.clone(),
                text: field("text"),
                blocks: blocks(),
                metadata: serde_json::from_str(&field("metadata")).unwrap(),
                edits: 0,
            });
            json!({ "ok": true, "channel": field("channel"), "ts": ts })
        }
        "chat.update" => {
            let (ts, text, blocks) = (field("ts"), field("text"), blocks());
            let Some(message) = told.messages.iter_mut().find(|message| message.ts == ts) else {
                return refused("message_not_found");
            };
            (message.text, message.blocks) = (text, blocks);
            message.edits += 1;
            json!({ "ok": true })
        }
        "conversations.history" => {
            assert!(field("oldest").parse::<i64>().is_ok());
            let messages: Vec<Value> = told
                .messages
                .iter()
                .map(|message| json!({ "bot_id": "B1", "ts": message.ts, "metadata": message.metadata }))
                .collect();
            json!({ "ok": true, "messages": messages })
        }
        "chat.postEphemeral" => {
            told.whispers.push(field("text"));
            json!({ "ok": true })
        }
        "views.open" => {
            let view: Value = serde_json::from_str(&field("view")).unwrap();
            assert!(view["title"]["text"].as_str().unwrap().chars().count() <= 24);
            check_blocks(&view["blocks"], 100);
            told.views.push(view);
            json!({ "ok": true })
        }
        "users.info" => match told.users.get(&field("user")) {
            Some(user) => json!({ "ok": true, "user": user }),
            None => refused("user_not_found"),
        },
        "apps.connections.open" => json!({ "ok": true, "url": told.socket }),
        other => panic!("no method {other}"),
    }
}

/// The limits of Block Kit, counted here a second time.
pub(crate) fn check_blocks(blocks: &Value, most: usize) {
    let blocks = blocks.as_array().unwrap();
    assert!((1..=most).contains(&blocks.len()));
    let text = |value: &Value, max: usize| {
        let text = value["text"].as_str().unwrap();
        assert!((1..=max).contains(&text.encode_utf16().count()), "{max}: {text}");
    };
    for block in blocks {
        match block["type"].as_str().unwrap() {
            "header" => text(&block["text"], 150),
            "section" if block["fields"].is_array() => {
                let fields = block["fields"].as_array().unwrap();
                assert!((1..=10).contains(&fields.len()));
                for field in fields {
                    text(field, 2_000);
                }
            }
            "section" => text(&block["text"], 3_000),
            "context" => {
                let elements = block["elements"].as_array().unwrap();
                assert!((1..=10).contains(&elements.len()));
                for element in elements {
                    text(element, 3_000);
                }
            }
            "actions" => {
                let elements = block["elements"].as_array().unwrap();
                assert!((1..=25).contains(&elements.len()));
                for button in elements {
                    text(&button["text"], 75);
                    assert!(button["value"].as_str().is_none_or(|value| value.len() <= 2_000));
                    assert!(button["url"].as_str().is_none_or(|url| url.len() <= 3_000));
                    if let Some(confirm) = button.get("confirm") {
                        text(&confirm["title"], 100);
                        text(&confirm["text"], 300);
                        text(&confirm["confirm"], 30);
                        text(&confirm["deny"], 30);
                    }
                }
            }
            "input" => text(&block["label"], 2_000),
            other => panic!("no block {other}"),
        }
    }
}
