//! Through Slack: what its clicks are made of, forged and replayed, and people who may not decide there.

mod people;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use ring::hmac;
use serde_json::{Value, json};

use super::{
    Trace::{Counted, Entry, Told},
    Way, page,
    stage::{Stage, now},
};
use crate::{fake_slack::FakeSlack, page::Served};

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// A workspace, and a server that takes its clicks.
struct Chat<'s> {
    stage: &'s Stage,
    fake: FakeSlack,
    served: Served,
    clicks: AtomicU32,
}

fn user(name: &str) -> String {
    format!("U{}", name.to_uppercase())
}

/// Tries something in a workspace whose users `linked` are people of the home, and says what was counted
/// as well.
fn in_chat(stage: &Stage, linked: &[&str], attempt: impl FnOnce(&Chat<'_>) -> String) -> String {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let fake = runtime.block_on(FakeSlack::start());
    for (file, secret) in [("slack-bot", "xoxb-1"), ("slack-signing", SECRET)] {
        std::fs::write(stage.home().join(file), secret).unwrap();
    }
    let api = &fake.base;
    stage.append(
        "centinel.toml",
        &format!(
            "\n[slack]\nteam = \"T1\"\nchannel = \"C1\"\nbot_token = \"file:slack-bot\"\n\
             signing_secret = \"file:slack-signing\"\napi = \"{api}/api\"\n"
        ),
    );
    for name in ["ada", "ada2", "ben", "carl", "dora", "eve"] {
        fake.member(&user(name), json!({}));
    }
    for name in linked {
        stage.link(name, &format!("slack:{}@T1", user(name)));
    }
    let served = Served::of(&stage.home());
    let chat = Chat { stage, fake, served, clicks: AtomicU32::new(0) };
    let said = attempt(&chat) + &page::metrics(&chat.served);
    // The server ends before the workspace that it talks to.
    drop(chat);
    said
}

fn form(pairs: &[(&str, &str)]) -> String {
    let mut url = reqwest::Url::parse("http://x/").unwrap();
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap().to_owned()
}

fn signature(secret: &str, second: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("v0:{second}:{body}").as_bytes());
    format!("v0={}", centinel_engine::facts::hex(tag.as_ref()))
}

impl Chat<'_> {
    /// A click of a user, on a button of ours, as Slack would tell it.
    fn payload(&self, name: &str, action: &str, value: &str) -> Value {
        let click = self.clicks.fetch_add(1, Ordering::SeqCst);
        json!({
            "type": "block_actions", "team": { "id": "T1" },
            "trigger_id": format!("{click}.47445629121.803a0bc887a14d10"),
            "user": { "id": user(name), "team_id": "T1", "name": "carl" },
            "response_url": format!("{}/answers", self.fake.base),
            "actions": [{ "action_id": action, "value": value, "type": "button" }],
        })
    }

    fn value(&self, id: &str) -> String {
        format!("{id}/1/{}", self.stage.digest(id))
    }

    /// A request to the hook, with a signature of so many seconds from now.
    fn hook(&self, body: &str, secret: &str, seconds: i64, more: &[(&str, &str)]) -> String {
        let second = now().as_second() + seconds;
        let (second, tag) = (second.to_string(), signature(secret, second, body));
        let mut headers = vec![
            ("X-Slack-Request-Timestamp", second.as_str()),
            ("X-Slack-Signature", tag.as_str()),
        ];
        headers.extend_from_slice(more);
        let answer = self.served.send("POST /hooks/slack", &headers, body);
        format!("{} {}\n", answer.status, answer.body)
    }

    /// A request that is rightly signed, and what its user is told.
    fn signed(&self, body: &str) -> String {
        let before = self.fake.told().whispers.len();
        let said = self.hook(body, SECRET, 0, &[]);
        for _ in 0..1_000 {
            if self.fake.told().whispers.len() > before {
                break;
            }
            // Nobody is told of what was not taken.
            if !said.starts_with("200") {
                return said;
            }
            thread::sleep(Duration::from_millis(10));
        }
        said + &self.fake.last_whisper() + "\n"
    }

    fn send(&self, payload: &Value) -> String {
        self.signed(&form(&[("payload", &payload.to_string())]))
    }

    fn click(&self, name: &str, action: &str, id: &str) -> String {
        self.send(&self.payload(name, action, &self.value(id)))
    }

    /// A click that approves `P-1`, changed before it is signed.
    fn changed(&self, change: impl Fn(&mut Value)) -> String {
        let mut payload = self.payload("carl", "approve", &self.value("P-1"));
        change(&mut payload);
        self.send(&payload)
    }

    /// A form that approves `P-1`, not signed yet.
    fn body(&self) -> String {
        let payload = self.payload("carl", "approve", &self.value("P-1"));
        form(&[("payload", &payload.to_string())])
    }

    /// A click of Carl's after Slack says something else of his account.
    fn of_account(&self, is: Value) -> String {
        self.fake.member(&user("carl"), is);
        self.click("carl", "approve", "P-1")
    }
}

/// What nobody signed.
fn of_nobody() -> Vec<Way> {
    vec![
        Way::new(
            "slack: a signature of somebody who has not the secret",
            |stage| {
                in_chat(stage, &["carl"], |chat| {
                    let body = chat.body();
                    chat.hook(&body, "another secret", 0, &[]) + &chat.hook(&body, "x", 0, &[])
                })
            },
            Counted("wrong_signature"),
        ),
        Way::new(
            "slack: no signature, or two",
            |stage| {
                in_chat(stage, &["carl"], |chat| {
                    let body = chat.body();
                    let bare = chat.served.send("POST /hooks/slack", &[], &body);
                    bare.body + &chat.hook(&body, SECRET, 0, &[("X-Slack-Signature", "v0=00")])
                })
            },
            Counted("wrong_signature"),
        ),
        Way::new(
            "slack: a click of six minutes ago, and one of the future",
            |stage| {
                in_chat(stage, &["carl"], |chat| {
                    chat.hook(&chat.body(), SECRET, -360, &[])
                        + &chat.hook(&chat.body(), SECRET, 360, &[])
                })
            },
            Counted("wrong_signature"),
        ),
        Way::new(
            "slack: the signature of another click",
            |stage| {
                in_chat(stage, &["carl"], |chat| {
                    let second = now().as_second();
                    let tag = signature(SECRET, second, "payload=%7B%7D");
                    let second = second.to_string();
                    let headers = [
                        ("X-Slack-Request-Timestamp", second.as_str()),
                        ("X-Slack-Signature", tag.as_str()),
                    ];
                    chat.served.send("POST /hooks/slack", &headers, &chat.body()).body
                })
            },
            Counted("wrong_signature"),
        ),
        Way::new(
            "slack: a click that a page of another site sends",
            |stage| {
                in_chat(stage, &["carl"], |chat| {
                    chat.hook(&chat.body(), SECRET, 0, &[("Origin", "https://evil.example")])
                })
            },
            Counted("foreign_page"),
        ),
    ]
}

/// What Slack signed, and does not mean what it says.
fn of_clicks() -> Vec<Way> {
    vec![
        Way::new(
            "slack: a click, replayed",
            |stage| {
                in_chat(stage, &["carl"], |chat| {
                    let click = chat.payload("carl", "approve", &chat.value("P-3"));
                    chat.send(&click) + &chat.send(&click)
                })
            },
            Entry("refused", "this was received already"),
        ),
        Way::new(
            "slack: two clicks at once",
            |stage| {
                let said = in_chat(stage, &["carl"], |chat| {
                    let value = chat.value("P-3");
                    let click = || {
                        let payload = chat.payload("carl", "approve", &value).to_string();
                        chat.hook(&form(&[("payload", &payload)]), SECRET, 0, &[])
                    };
                    let said = thread::scope(|scope| {
                        let clicks: Vec<_> = (0..3).map(|_| scope.spawn(click)).collect();
                        clicks.into_iter().map(|click| click.join().unwrap()).collect::<String>()
                    });
                    // The last one stands behind them in the queue.
                    said + &chat.click("dora", "approve", "P-3")
                        + &chat.click("dora", "approve", "P-3")
                        + &chat.click("dora", "approve", "P-3")
                        + &chat.click("dora", "approve", "P-3")
                });
                let shown = stage.run(&["--json", "show", "P-3"]).ok().json();
                assert_eq!(shown["standing"]["approved_by"], json!(["carl"]), "{said}");
                said
            },
            Entry("refused", "person:carl"),
        ),
        Way::new(
            "slack: another workspace",
            |stage| {
                in_chat(stage, &["carl"], |chat| {
                    chat.changed(|click| click["team"]["id"] = "T2".into())
                })
            },
            Entry("refused", "another workspace"),
        ),
        Way::new(
            "slack: an account of another workspace, in a shared channel",
            |stage| {
                in_chat(stage, &["carl"], |chat| {
                    chat.changed(|click| click["user"]["team_id"] = "T2".into())
                        + &chat.of_account(json!({ "is_stranger": true }))
                })
            },
            Entry("refused", "another workspace"),
        ),
        Way::new(
            "slack: a button of an old version",
            |stage| {
                in_chat(stage, &["carl"], |chat| {
                    let digest = stage.digest("P-1");
                    let value = format!("P-1/2/{digest}");
                    chat.send(&chat.payload("carl", "approve", &value))
                })
            },
            Entry("refused", "person:carl"),
        ),
        Way::new(
            "slack: a button of another digest",
            |stage| {
                in_chat(stage, &["carl"], |chat| {
                    let digest = stage.digest("P-3");
                    [format!("P-1/1/{digest}"), format!("P-1/1/{}", "0".repeat(64))]
                        .map(|value| chat.send(&chat.payload("carl", "approve", &value)))
                        .concat()
                })
            },
            Entry("refused", "person:carl"),
        ),
        Way::new(
            "slack: a value that is none of ours",
            |stage| {
                in_chat(stage, &["carl"], |chat| {
                    let digest = stage.digest("P-1");
                    ["P-1".to_owned(), format!("P-1/1/{}", &digest[..8]), format!("P-1//{digest}")]
                        .map(|value| chat.send(&chat.payload("carl", "approve", &value)))
                        .concat()
                })
            },
            Entry("refused", "a button of another message"),
        ),
        Way::new(
            "slack: buttons that are not there",
            |stage| {
                in_chat(stage, &["carl"], |chat| {
                    ["emergency", "confirm", "review", "execute", "APPROVE"]
                        .map(|action| chat.click("carl", action, "P-1"))
                        .concat()
                })
            },
            Entry("refused", "a button of another message"),
        ),
        Way::new(
            "slack: two buttons in one click",
            |stage| {
                in_chat(stage, &["carl"], |chat| {
                    chat.changed(|click| {
                        let action = click["actions"][0].clone();
                        click["actions"].as_array_mut().unwrap().push(action);
                    })
                })
            },
            Entry("refused", "a button of another message"),
        ),
        Way::new(
            "slack: a window sent off with another proposal in it",
            |stage| {
                in_chat(stage, &["carl"], |chat| {
                    let window = |callback: &str, metadata: &str| {
                        chat.changed(|click| {
                            click["type"] = "view_submission".into();
                            click["view"] = json!({
                                "callback_id": callback, "private_metadata": metadata,
                                "state": { "values": { "reason": { "reason": {
                                    "value": "approved" } } } },
                            });
                        })
                    };
                    let of_p3 = format!("P-1/1/{}", stage.digest("P-3"));
                    window("approve", &chat.value("P-1")) + &window("reason", &of_p3)
                })
            },
            Entry("refused", "person:carl"),
        ),
        Way::new(
            "slack: words of approval",
            |stage| {
                in_chat(stage, &["carl"], |chat| {
                    let commands = ["approve P-1", "P-1 approved", "approve P-1 --as carl"];
                    let said = commands.map(|text| {
                        let trigger = format!("word.{}", text.len());
                        chat.signed(&form(&[
                            ("command", "/centinel"),
                            ("text", text),
                            ("team_id", "T1"),
                            ("user_id", "UCARL"),
                            ("trigger_id", &trigger),
                            ("response_url", &format!("{}/answers", chat.fake.base)),
                        ]))
                    });
                    let message = json!({ "type": "event_callback", "event": { "type": "message",
                        "user": "UCARL", "text": "approved P-1" } });
                    said.concat() + &chat.signed(&message.to_string())
                })
            },
            Told("/centinel inbox"),
        ),
    ]
}

pub(super) fn ways() -> Vec<Way> {
    [of_nobody(), of_clicks(), people::ways()].into_iter().flatten().collect()
}
