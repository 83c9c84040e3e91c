//! Slack: messages, clicks, and everything that somebody could try with either.

use centinel_approvals::{
    ApprovalError, Decision, Requester, Verdict, View, signature,
    slack::{Access, Ack, Desk, Settings, SlackClient, Told},
    teams::Teams,
};
use centinel_engine::proposal::{Channel, ProposalId, Status};
use centinel_store::audit;
use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::{
    fake_slack::{FakeSlack, Trouble},
    world::{P1, World, account, at, decision, password},
};

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// A workspace with Ada, Ben, Cora, Dora and Finn in it, none of them linked.
pub(crate) struct Chat {
    pub(crate) fake: FakeSlack,
    pub(crate) desk: Desk,
    trigger: std::sync::atomic::AtomicU32,
}

fn user(name: &str) -> String {
    format!("U{}", name.to_uppercase())
}

impl Chat {
    pub(crate) async fn over(world: &World, digest: Option<&str>) -> Self {
        let fake = FakeSlack::start().await;
        for name in ["ada", "ben", "cora", "dora", "finn"] {
            fake.member(&user(name), json!({}));
        }
        let access = Access {
            api: format!("{}/api", fake.base),
            bot_token: SecretString::from("xoxb-1"),
            app_token: Some(SecretString::from("xapp-1")),
        };
        let settings = Settings {
            team: "T1".to_owned(),
            channel: "C1".to_owned(),
            page: "https://centinel.example".to_owned(),
            digest: digest.map(|text| text.parse().unwrap()),
        };
        let client = SlackClient::new(access).unwrap();
        let desk = Desk::new(world.approvals.clone(), client, settings);
        Self { fake, desk, trigger: std::sync::atomic::AtomicU32::default() }
    }

    fn trigger(&self) -> String {
        let number = self.trigger.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        format!("{number}.47445629121.803a0bc887a14d10d2c447fce8b6703c")
    }

    pub(crate) fn payload(&self, name: &str, action: &str, value: &str) -> Value {
        json!({
            "type": "block_actions", "team": { "id": "T1" }, "trigger_id": self.trigger(),
            "user": { "id": user(name), "team_id": "T1", "name": "whatever they like" },
            "response_url": format!("{}/answers", self.fake.base),
            "actions": [{ "action_id": action, "value": value, "type": "button" }],
        })
    }

    /// A payload as it comes over HTTP, rightly signed; what the sender gets, and what the user is told.
    async fn post(&self, body: &str, now: Timestamp) -> (Ack, Option<String>) {
        let second = now.as_second().to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        let tag = hmac::sign(&key, format!("v0:{second}:{body}").as_bytes());
        let tag = format!("v0={}", centinel_engine::facts::hex(tag.as_ref()));
        let secret = SecretString::from(SECRET);
        let signed =
            signature::slack(&secret, Some(&second), Some(&tag), body.as_bytes(), now).unwrap();
        let (ack, work) = Desk::receive(signed).unwrap();
        match work {
            Some(work) => (ack, Some(self.desk.work(work, now).await.unwrap())),
            None => (ack, None),
        }
    }

    async fn send(&self, payload: &Value, now: Timestamp) -> String {
        self.post(&form(&[("payload", &payload.to_string())]), now).await.1.unwrap_or_default()
    }

    async fn click(&self, name: &str, action: &str, view: &View, now: Timestamp) -> String {
        self.send(&self.payload(name, action, &value(view)), now).await
    }

    async fn command(&self, name: &str, text: &str, now: Timestamp) -> String {
        let (user, trigger) = (user(name), self.trigger());
        let body = form(&[
            ("command", "/centinel"),
            ("text", text),
            ("team_id", "T1"),
            ("user_id", &user),
            ("trigger_id", &trigger),
            ("response_url", &format!("{}/answers", self.fake.base)),
        ]);
        self.post(&body, now).await.1.unwrap()
    }

    async fn link(&self, world: &World, name: &str) {
        let said = self.command(name, "link", at(0)).await;
        let code = said.split('`').nth(1).unwrap();
        world.finish_link(code, name, password(name), at(0)).await.unwrap();
    }
}

fn form(pairs: &[(&str, &str)]) -> String {
    let mut url = reqwest::Url::parse("http://x/").unwrap();
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap().to_owned()
}

pub(crate) fn value(view: &View) -> String {
    format!("{}/{}/{}", view.proposal.id, view.proposal.version, view.digest)
}

async fn refusals(world: &World) -> usize {
    audit::entries_of_action(&world.database, "refused").await.unwrap().len()
}

fn posted(key: &str) -> Told {
    Told::Posted { key: key.to_owned() }
}

/// A proposal is one message, which tells who decided, when, and how many are still missing.
pub(crate) async fn a_proposal_is_one_message(world: World) {
    let world = world.with_people().await;
    let chat = Chat::over(&world, None).await;
    chat.link(&world, "ben").await;
    chat.link(&world, "cora").await;
    let small = world.proposed("9000").await;
    let large = world.proposed("20000").await;
    let told = chat.desk.step(at(0)).await.unwrap();
    assert_eq!(told, [posted("proposal:P-1"), posted("proposal:P-2")]);
    assert_eq!(chat.desk.step(at(0)).await.unwrap(), []);
    let shown = chat.fake.message(1);
    assert!(shown.contains("0 of 2 approvals") && shown.contains("\"approve\""), "{shown}");
    assert!(shown.contains("$20,000.00 at stake"), "{shown}");
    let head = audit::head(&world.database).await.unwrap();
    assert!(shown.contains(&format!("audit head `{head}")), "{shown}");

    let said = chat.click("ben", "approve", &large, at(1)).await;
    assert_eq!(said, "Your approval of P-2 is recorded: 1 of 2.");
    assert_eq!(chat.fake.last_whisper(), said);
    let shown = chat.fake.message(1);
    assert!(shown.contains("1 of 2 approvals") && shown.contains("\"approve\""), "{shown}");
    assert!(shown.contains("ben approved it in Slack, 2026-11-02 09:00 UTC"), "{shown}");
    let said = chat.click("cora", "approve", &large, at(1)).await;
    assert!(said.starts_with("Your approval of P-2 is recorded. P-2: Approved"), "{said}");
    let shown = chat.fake.message(1);
    assert!(shown.contains("2 of 2 approvals") && !shown.contains("\"approve\""), "{shown}");
    assert!(!shown.contains("\"reject\""), "buttons are gone: {shown}");
    // What is decided elsewhere is shown as well, by the next round.
    world.approve(&small, "cora").await.unwrap();
    let told = chat.desk.step(at(1)).await.unwrap();
    assert_eq!(told, [Told::Edited { key: "proposal:P-1".to_owned() }]);
    assert!(chat.fake.message(0).contains("cora approved it in the terminal"));
    assert_eq!(chat.fake.told().messages.len(), 2, "edited in place");
    let inbox = chat.command("cora", "inbox", at(1)).await;
    assert_eq!(inbox, "Nothing waits for you.");
    world.proposed("7000").await;
    let inbox = chat.command("cora", " INBOX ", at(1)).await;
    assert!(
        inbox.contains("<https://centinel.example/proposals/P-3|P-3> budget of $7000"),
        "{inbox}"
    );
    assert!(chat.command("dora", "help", at(1)).await.contains("/centinel inbox"));
    assert_eq!(audit::verify(&world.database, None).await.unwrap().fault, None);
}

/// No takes a reason, asked for in a window of its own.
pub(crate) async fn no_takes_a_reason(world: World) {
    let world = world.with_people().await;
    let chat = Chat::over(&world, None).await;
    chat.link(&world, "ben").await;
    let view = world.proposed("9000").await;
    chat.desk.step(at(0)).await.unwrap();
    chat.fake.trouble("views.open", Trouble::Refused("expired_trigger_id"));
    let said = chat.click("ben", "reject", &view, at(1)).await;
    assert!(said.contains("try again"), "{said}");
    chat.click("ben", "reject", &view, at(1)).await;
    assert_eq!(world.show(P1, at(1)).await.unwrap().status, Status::Pending, "nothing decided yet");
    let modal = chat.fake.told().views.pop().unwrap();
    assert_eq!(modal["private_metadata"], value(&view));
    let answer = |reason: &str| {
        json!({
            "type": "view_submission", "team": { "id": "T1" }, "trigger_id": chat.trigger(),
            "user": { "id": "UBEN", "team_id": "T1" },
            "view": {
                "callback_id": "reason", "private_metadata": modal["private_metadata"],
                "state": { "values": { "reason": { "reason": { "value": reason } } } },
            },
        })
    };
    for bad in ["", "  ", "a\nb", "\u{202e}txt.exe", &"x".repeat(1001)] {
        let body = form(&[("payload", &answer(bad).to_string())]);
        let (ack, said) = chat.post(&body, at(1)).await;
        assert!(matches!(ack, Ack::Says(value) if value["response_action"] == "errors"), "{bad:?}");
        assert_eq!(said, None);
    }
    let said = chat.send(&answer("the <!channel> limit is too low"), at(1)).await;
    assert_eq!(said, "P-1 is rejected.");
    let shown = chat.fake.message(0);
    assert!(
        shown.contains("ben rejected it in Slack") && shown.contains("&lt;!channel&gt;"),
        "{shown}"
    );
    assert!(!shown.contains("<!channel>") && !shown.contains("\"approve\""), "{shown}");
}

/// What anybody could try with a click: nothing is decided, the log tells of it, and so does an answer.
pub(crate) async fn clicks_that_decide_nothing(world: World) {
    let world = world.with_people().await;
    let chat = Chat::over(&world, None).await;
    for name in ["ada", "ben", "cora", "finn"] {
        chat.link(&world, name).await;
    }
    let view = world.proposed("9000").await;
    chat.desk.step(at(0)).await.unwrap();
    let good = value(&view);
    let payload = |change: fn(&mut Value)| {
        let mut payload = chat.payload("ben", "approve", &good);
        change(&mut payload);
        payload
    };
    for (attack, payload, expected) in [
        ("another workspace", payload(|p| p["team"]["id"] = "T2".into()), "another workspace"),
        (
            "an account of another workspace",
            payload(|p| p["user"]["team_id"] = "T2".into()),
            "another",
        ),
        ("nobody's account", payload(|p| p["user"]["id"] = "UDORA".into()), "/centinel link"),
        ("an unknown account", payload(|p| p["user"]["id"] = "UNOBODY".into()), "does not know"),
        ("no role", payload(|p| p["user"]["id"] = "UFINN".into()), "needs the role"),
        (
            "another button",
            payload(|p| p["actions"][0]["action_id"] = "approve_all".into()),
            "none of",
        ),
        ("a value of words", payload(|p| p["actions"][0]["value"] = "P-1".into()), "none of"),
        ("no value", payload(|p| p["actions"][0]["value"] = Value::Null), "none of"),
        (
            "two buttons at once",
            payload(|p| {
                let action = p["actions"][0].clone();
                p["actions"].as_array_mut().unwrap().push(action);
            }),
            "none of",
        ),
    ] {
        let before = refusals(&world).await;
        let said = chat.send(&payload, at(1)).await;
        assert!(said.contains(expected), "{attack}: {said}");
        assert_eq!(chat.fake.last_whisper(), said, "{attack}");
        assert_eq!(world.show(P1, at(1)).await.unwrap().status, Status::Pending, "{attack}");
        assert_eq!(refusals(&world).await, before + 1, "{attack}");
    }
    // What the button says is somebody else's words: another version, digest, proposal.
    let digest = "0".repeat(64);
    for (attack, value, expected) in [
        ("an old version", format!("P-1/7/{}", view.digest), "facts changed"),
        ("another digest", format!("P-1/1/{digest}"), "not what P-1 says"),
        ("an unknown proposal", format!("P-9/1/{digest}"), "no proposal"),
    ] {
        let before = refusals(&world).await;
        let said = chat.send(&chat.payload("ben", "approve", &value), at(1)).await;
        assert!(said.contains(expected), "{attack}: {said}");
        assert_eq!(refusals(&world).await, before + 1, "{attack}");
    }
    // Accounts that Slack says are no members.
    for (attack, change, expected) in [
        ("a guest", json!({ "is_restricted": true }), "guest"),
        ("a guest of one channel", json!({ "is_ultra_restricted": true }), "guest"),
        ("a bot", json!({ "is_bot": true }), "bot"),
        ("a stranger of a shared channel", json!({ "is_stranger": true }), "another workspace"),
        ("a deactivated account", json!({ "deleted": true }), "deactivated"),
        ("an account that Slack says little of", json!({ "is_bot": null }), "does not say"),
    ] {
        chat.fake.member("UBEN", change);
        let before = refusals(&world).await;
        let said = chat.click("ben", "approve", &view, at(1)).await;
        assert!(said.contains(expected), "{attack}: {said}");
        assert_eq!(refusals(&world).await, before + 1, "{attack}");
        let said = chat.command("ben", "link", at(1)).await;
        assert!(said.contains(expected), "{attack} gets no code either: {said}");
    }
    chat.fake.member("UBEN", json!({}));
    chat.fake.trouble("users.info", Trouble::Lost);
    let said = chat.click("ben", "approve", &view, at(1)).await;
    assert!(said.contains("try again"), "{said}");
    assert_eq!(world.show(P1, at(1)).await.unwrap().status, Status::Pending);

    // The same click twice: the very request, the same trigger over another way, and a second click.
    let twice = chat.payload("ben", "approve", &value(&world.proposed("20000").await));
    chat.send(&twice, at(1)).await;
    let before = refusals(&world).await;
    let said = chat.send(&twice, at(1)).await;
    assert!(said.contains("received already"), "{said}");
    let later = at(1).checked_add(SignedDuration::from_secs(9)).unwrap();
    assert!(chat.send(&twice, later).await.contains("received already"), "signed anew");
    let open = world.show(ProposalId(2), at(1)).await.unwrap();
    let said = chat.click("ben", "approve", &open, later).await;
    assert!(said.contains("recorded already"), "{said}");
    assert_eq!(refusals(&world).await, before + 3);
    assert_eq!(world.show(ProposalId(2), at(1)).await.unwrap().standing.approved_by, ["ben"]);

    // Whoever left.
    let mut gone = account("ben", &["owner:search"]);
    gone.active = false;
    world.change_account("ada", password("ada"), gone, at(1)).await.unwrap();
    let said = chat.click("ben", "approve", &view, later).await;
    assert!(said.contains("linked to nobody"), "{said}");
    assert_eq!(world.show(P1, at(1)).await.unwrap().status, Status::Pending);
    assert_eq!(audit::verify(&world.database, None).await.unwrap().fault, None);
}

/// What the policy, or the kind of change, keeps out of a chat; and people who count as one.
pub(crate) async fn some_decisions_are_not_for_a_chat(world: World) {
    let world = world.with_people().await;
    let chat = Chat::over(&world, None).await;
    for name in ["ada", "ben", "cora"] {
        chat.link(&world, name).await;
    }
    let large = world.proposed("200000").await;
    let mut draft = world.draft("70").await;
    draft.reversible = false;
    let final_one = world.propose(draft, &Requester::system(), at(0)).await.unwrap().view;
    let ada = world.authenticate("ada", password("ada"), at(0)).await.unwrap();
    let own = world.propose(world.draft("4321").await, &ada, at(0)).await.unwrap().view;
    chat.desk.step(at(0)).await.unwrap();
    for index in [0, 1] {
        let shown = chat.fake.message(index);
        assert!(!shown.contains("\"approve\""), "{shown}");
        assert!(shown.contains("Approve on the page"), "{shown}");
    }
    for (view, name, expected) in [
        (&large, "cora", "cannot be approved through Slack"),
        (&final_one, "cora", "not decided through Slack"),
        (&own, "ada", "requester cannot be one"),
    ] {
        let said = chat.click(name, "approve", view, at(1)).await;
        assert!(said.contains(expected), "{said}");
        let now = world.show(view.proposal.id, at(1)).await.unwrap();
        assert_eq!(now.status, Status::Pending);
    }
    // A second account of the same human, with a Slack account of its own.
    let mut twin = account("ben-two", &["owner:search"]);
    twin.linked_to = Some("ben".to_owned());
    world.change_account("ada", password("ada"), twin, at(0)).await.unwrap();
    chat.fake.member("UTWIN", json!({}));
    let outside = "slack:UTWIN@T1".parse().unwrap();
    world.link_as_admin("ada", password("ada"), "ben-two", &outside, at(0)).await.unwrap();
    let two = world.proposed("20000").await;
    chat.click("ben", "approve", &two, at(1)).await;
    let said = chat.click("twin", "approve", &two, at(1)).await;
    assert!(said.contains("recorded already"), "{said}");
    // Two people at the same moment are two votes.
    let three = world.proposed("20001").await;
    let (one, other) = tokio::join!(
        chat.click("ben", "approve", &three, at(1)),
        chat.click("cora", "approve", &three, at(1)),
    );
    assert!(one.contains("recorded") && other.contains("recorded"), "{one} {other}");
    let now = world.show(three.proposal.id, at(1)).await.unwrap();
    assert_eq!(now.status, Status::Approved);
}

/// Whoever posts is killed between the post and its note, is put off, or finds the message gone.
pub(crate) async fn a_message_is_posted_once(world: World) {
    let world = world.with_people().await;
    let chat = Chat::over(&world, None).await;
    world.proposed("9000").await;
    chat.fake.trouble("chat.postMessage", Trouble::Lost);
    let told = chat.desk.step(at(0)).await.unwrap();
    assert!(matches!(told.as_slice(), [Told::Failed { .. }]), "{told:?}");
    assert_eq!(chat.desk.step(at(0)).await.unwrap(), [], "somebody may still be at it");
    let told = chat.desk.step(at(1)).await.unwrap();
    assert_eq!(told, [posted("proposal:P-1")], "found, not posted again");
    assert_eq!((chat.fake.calls("chat.postMessage"), chat.fake.told().messages.len()), (1, 1));
    chat.desk.step(at(1)).await.unwrap();
    assert_eq!(chat.desk.step(at(1)).await.unwrap(), []);

    // Put off, and then done; refused for good is tried from the start.
    world.proposed("9001").await;
    chat.fake.trouble("chat.postMessage", Trouble::Wait(0));
    assert_eq!(chat.desk.step(at(2)).await.unwrap(), [posted("proposal:P-2")]);
    world.proposed("9002").await;
    chat.fake.trouble("chat.postMessage", Trouble::Refused("not_in_channel"));
    let told = chat.desk.step(at(2)).await.unwrap();
    assert!(
        matches!(&told[..], [Told::Failed { reason, .. }] if reason.contains("`not_in_channel`"))
    );
    assert_eq!(chat.desk.step(at(2)).await.unwrap(), [posted("proposal:P-3")]);

    // Without the right to look through the channel, one too many is possible and no more.
    world.proposed("9003").await;
    chat.fake.trouble("chat.postMessage", Trouble::Lost);
    chat.fake.trouble("conversations.history", Trouble::Refused("missing_scope"));
    chat.desk.step(at(3)).await.unwrap();
    assert_eq!(chat.desk.step(at(4)).await.unwrap(), [posted("proposal:P-4")]);
    assert_eq!(chat.desk.step(at(4)).await.unwrap(), []);
    assert_eq!(chat.fake.told().messages.len(), 5);

    // Deleted by somebody: posted anew, since it still waits.
    chat.fake.told().messages.remove(0);
    let view = world.show(P1, at(4)).await.unwrap();
    world.decide(decision(&view), "ben", password("ben"), at(4)).await.unwrap();
    chat.desk.step(at(5)).await.unwrap();
    assert_eq!(chat.desk.step(at(5)).await.unwrap(), [posted("proposal:P-1")]);
    // Two processes at once.
    world.proposed("9004").await;
    let (one, two) = tokio::join!(chat.desk.step(at(6)), chat.desk.step(at(6)));
    let posts = [one.unwrap(), two.unwrap()].concat();
    assert_eq!(posts.iter().filter(|told| **told == posted("proposal:P-5")).count(), 1);
}

/// An emergency calls those who could have decided; a summary calls those who did not ask for quiet.
pub(crate) async fn people_are_called_when_it_matters(world: World) {
    let world = world.with_people().await;
    let glass = "\n[break_glass]\nexpires_after_hours = 4\nreview_within_hours = 48\n";
    let policy = format!("{}{glass}", *crate::world::POLICY);
    let world = world.governed_by(&policy);
    let emergency = account("eve", &["emergency"]);
    world.change_account("ada", password("ada"), emergency, at(0)).await.unwrap();
    let chat = Chat::over(&world, Some("daily 08:30")).await;
    for name in ["ben", "cora", "finn"] {
        chat.link(&world, name).await;
    }
    let view = world.proposed("9000").await;
    world.proposed("9001").await;
    assert_eq!(chat.desk.step(at(0)).await.unwrap().len(), 2, "no summary before its time");
    let said =
        chat.click("ben", "snooze", &world.show(ProposalId(2), at(0)).await.unwrap(), at(0)).await;
    assert!(said.contains("not reminded of P-2 until 2026-11-03"), "{said}");
    let said = chat.click("dora", "snooze", &view, at(0)).await;
    assert!(said.contains("/centinel link"), "{said}");
    let glass = Decision {
        verdict: Verdict::BreakGlass {
            reason: "<!channel> the cluster burns".to_owned(),
            ticket: "INC-7".to_owned(),
        },
        channel: Channel::Cli,
        ..decision(&view)
    };
    world.decide(glass, "eve", password("eve"), at(0)).await.unwrap();
    let told = chat.desk.step(at(1)).await.unwrap();
    assert!(
        told.iter()
            .any(|told| matches!(told, Told::Posted { key } if key.starts_with("emergency:P-1"))),
        "{told:?}"
    );
    assert!(told.contains(&posted("digest:2026-11-02T08:30")), "{told:?}");
    assert_eq!(chat.desk.step(at(1)).await.unwrap(), [], "each once");
    let (alert, summary) = (chat.fake.message(2), chat.fake.message(3));
    assert!(alert.contains("<@UBEN>") && alert.contains("<@UCORA>"), "{alert}");
    assert!(!alert.contains("UFINN") && !alert.contains("<!channel>"), "{alert}");
    assert!(summary.contains("*Waiting* (1)") && summary.contains("*Decided* (1)"), "{summary}");
    assert!(summary.contains("<@UCORA>") && !summary.contains("<@UBEN>"), "{summary}");
    // Nothing is posted where there is nothing to say.
    let quiet =
        Chat::over(&World::in_memory().await.with_people().await, Some("daily 08:30")).await;
    assert_eq!(quiet.desk.step(at(1)).await.unwrap(), []);
}

/// Teams is told once, with a link and nothing to decide with; its webhook is told to nobody.
pub(crate) async fn teams_gets_a_card_with_a_link(world: World) {
    let world = world.with_people().await;
    let fake = FakeSlack::start().await;
    let mut draft = world.draft("9000").await;
    draft.title = "[x](https://evil.example) **now** @all".to_owned();
    draft.owner = "search [x](https://evil.example)".to_owned();
    world.propose(draft, &Requester::system(), at(0)).await.unwrap();
    let teams = |address: &str| {
        let webhook = SecretString::from(address.to_owned());
        Teams::new(world.approvals.clone(), webhook, "https://centinel.example")
    };
    for open in ["http://teams.example/hunter2", "hunter2", "ftp://127.0.0.1/hunter2"] {
        let error = teams(open).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
    let teams = teams(&format!("{}/teams", fake.base)).unwrap();
    fake.trouble("teams", Trouble::Lost);
    let told = teams.step(at(0)).await.unwrap();
    assert!(
        matches!(&told[..], [Told::Failed { reason, .. }] if !reason.contains("127.0.0.1")),
        "{told:?}"
    );
    assert_eq!(teams.step(at(1)).await.unwrap(), [posted("teams:P-1:1")]);
    assert_eq!(teams.step(at(1)).await.unwrap(), []);
    let card = fake.told().cards[0].clone();
    let content = &card["attachments"][0]["content"];
    assert_eq!(content["actions"][0]["url"], "https://centinel.example/proposals/P-1");
    assert_eq!(content["actions"].as_array().unwrap().len(), 1);
    for block in content["body"].as_array().unwrap() {
        match block["type"].as_str().unwrap() {
            "RichTextBlock" => assert_eq!(block["inlines"][0]["type"], "TextRun"),
            "FactSet" => assert!(!block["facts"].to_string().contains("evil"), "{block}"),
            other => panic!("{other} knows Markdown"),
        }
    }
}

/// Requests that nobody of Slack would send, though rightly signed.
pub(crate) async fn signed_nonsense_is_refused(world: World) {
    let secret = SecretString::from(SECRET);
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let now = at(1);
    for body in [
        String::new(),
        "payload=".to_owned(),
        "payload={}".to_owned(),
        "payload=%00".to_owned(),
        "payload=%7B%7D&payload=%7B%7D".to_owned(),
        "command=%2Fother&team_id=T1&user_id=U1".to_owned(),
        "command=%2Fcentinel&team_id=T1".to_owned(),
        "command=%2Fcentinel&team_id=T1&user_id=U1&user_id=U2".to_owned(),
        "command=%2Fcentinel&team_id=T1&user_id=%3C!channel%3E".to_owned(),
        form(&[(
            "payload",
            &json!({ "type": "block_actions", "user": { "id": "U1" },
            "actions": [{ "action_id": "approve" }] })
            .to_string(),
        )]),
        form(&[("payload", &"[".repeat(100_000))]),
    ] {
        let second = now.as_second().to_string();
        let tag = hmac::sign(&key, format!("v0:{second}:{body}").as_bytes());
        let tag = format!("v0={}", centinel_engine::facts::hex(tag.as_ref()));
        let signed =
            signature::slack(&secret, Some(&second), Some(&tag), body.as_bytes(), now).unwrap();
        assert!(Desk::receive(signed).is_err(), "{}", &body[..body.len().min(80)]);
    }
    assert!(matches!(world.show(P1, now).await, Err(ApprovalError::Refused(_))));
}
