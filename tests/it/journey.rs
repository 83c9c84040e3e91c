//! The whole journey in one test: a spike, its finding, a proposal, the message and the pull request, a
//! person's approval, a merge, the execution, the saving that came of it, the audit log.
//!
//! Over the real product with a clock of its own: git's HTTP server, a forge and a Slack with a memory.

use std::sync::atomic::{AtomicI64, Ordering};

use centinel_app::{
    App, ChangeRequest, Format, Git, ImportRequest, Password, Requester, create_home,
    live::{Limits, Outside},
};
use centinel_engine::{explain::Driver, facts::hex, proposal::Status};
use jiff::Timestamp;
use ring::hmac;
use serde_json::json;

use crate::{
    delivery::VALUES,
    fake_slack::FakeSlack,
    forges::{
        github::FakeGitHub,
        repository::{Repository, TOKEN},
    },
};

/// What the clock of the journey says, in seconds.
static NOW: AtomicI64 = AtomicI64::new(0);
const SIGNING: &str = "8f742231b10e8888abcd99yyyzzz85a5";

fn clock() -> Timestamp {
    Timestamp::from_second(NOW.load(Ordering::SeqCst)).unwrap()
}

fn set_clock(text: &str) -> Timestamp {
    let at: Timestamp = text.parse().unwrap();
    NOW.store(at.as_second(), Ordering::SeqCst);
    at
}

fn outside() -> Outside {
    Outside {
        variable: |name| match name {
            "FORGE" => Some(TOKEN.to_owned()),
            "BOT" => Some("xoxb-1".to_owned()),
            "SIGNING" => Some(SIGNING.to_owned()),
            _ => None,
        },
        now: clock,
        seed: 7,
        limits: Limits::default(),
    }
}

/// Calls of `answers` and of another feature, 60 a day each, from a day on.
fn calls(first: &str, days: i64, answers: (&str, i64), nonce: u64) -> Vec<u8> {
    let first: Timestamp = first.parse().unwrap();
    let mut lines = String::new();
    for day in 0..days {
        for call in 0..60 {
            let at = first.as_second() + day * 86_400 + call * 1_200;
            let at = Timestamp::from_second(at).unwrap().to_string();
            // No two calls are of the same size, and no two days either.
            let size = |tokens: i64| tokens + (day * 7 + call * 13) % 41;
            for (feature, team, model, tokens) in
                [("answers", "support", answers.0, answers.1), ("mail", "office", "gpt-5.1", 3_000)]
            {
                let call = json!({
                    "call_id": format!("{nonce}-{feature}-{day}-{call}"), "at": at,
                    "provider": "openai", "model": model, "feature": feature, "team": team,
                    "input_tokens": size(tokens), "output_tokens": 300,
                });
                lines.extend([call.to_string(), "\n".to_owned()]);
            }
        }
    }
    lines.into_bytes()
}

async fn import(app: &App, bytes: Vec<u8>, now: Timestamp, nonce: u64) {
    let request = ImportRequest { source: Some("gateway".to_owned()), ..ImportRequest::default() };
    let imported = app.import_bytes(bytes, Format::CallEvents, request, now, nonce).await.unwrap();
    assert!(imported.report.first_rejected.is_empty(), "{:?}", imported.report);
}

/// A request of Slack as it comes over HTTP, and what its sender is told.
async fn slack_sends(
    slack: &centinel_app::Slack,
    fake: &FakeSlack,
    pairs: &[(&str, &str)],
) -> String {
    let mut url = reqwest::Url::parse("http://x/").unwrap();
    url.query_pairs_mut().extend_pairs(pairs);
    let body = url.query().unwrap().to_owned();
    let second = clock().as_second().to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SIGNING.as_bytes());
    let tag = hmac::sign(&key, format!("v0:{second}:{body}").as_bytes());
    let tag = format!("v0={}", hex(tag.as_ref()));
    slack.take(Some(&second), Some(&tag), body.as_bytes(), clock()).unwrap();
    slack.work_once(clock).await;
    fake.last_whisper()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_spike_to_a_saving_that_was_measured() {
    let now = set_clock("2026-11-01T08:00:00Z");
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    create_home(&home).unwrap();
    let owners = "* @release-manager\n";
    let files = [("values.yaml", VALUES), (".github/CODEOWNERS", owners)];
    let repository = Repository::new(&folder.path().join("forge"), &files);
    let github = FakeGitHub::start(&repository.bare);
    let chat = FakeSlack::start().await;
    chat.member("UADA", json!({}));
    let config = format!(
        "[[repository]]\nname = \"shop\"\nurl = \"{}\"\nforge = \"github\"\napi = \"{}\"\n\
         credential = \"env:FORGE\"\n\
         [slack]\nteam = \"T1\"\nchannel = \"C1\"\nbot_token = \"env:BOT\"\n\
         signing_secret = \"env:SIGNING\"\napi = \"{}/api\"\n\
         [access]\naddress = \"https://centinel.example.com\"\n",
        repository.url(),
        github.server.base(),
        chat.base,
    );
    std::fs::write(home.join("centinel.toml"), config).unwrap();
    let app = App::open(&home, None).await.unwrap();
    app.use_audit_key(|_| None, now).await.unwrap();
    let password = || Password::new("ada's own password".to_owned());
    app.approvals().init_first_person("ada", password(), now).await.unwrap();
    let git_time = std::time::Duration::from_mins(1);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let repositories = app.repositories(&Git::new("git", path, git_time), &outside()).await;
    let slack = app.slack(&outside()).unwrap().unwrap();

    // A spike: for three days, prompts are four times as long.
    import(&app, calls("2026-08-20T00:05:00Z", 70, ("gpt-5.1", 2_000), 1), now, 1).await;
    import(&app, calls("2026-10-29T00:05:00Z", 3, ("gpt-5.1", 8_000), 2), now, 2).await;
    let incidents = app.incidents(now).await.unwrap();
    let open: Vec<_> = incidents.iter().filter(|incident| incident.is_open).collect();
    let [incident] = open.as_slice() else { panic!("{incidents:#?}") };
    assert_eq!(incident.start.to_string(), "2026-10-29");
    assert_eq!(incident.scope.get("feature").map(String::as_str), Some("answers"));
    let (_, explained) = app.explain_incident(&incident.id, None, now).await.unwrap();
    assert_eq!(explained.main_driver, Some(Driver::TokensPerCall), "{}", explained.text);

    // A proposal, its message and its pull request.
    let request: ChangeRequest = serde_json::from_value(json!({
        "title": "Route answers to gpt-5-mini", "risk": "low", "reversible": true,
        "scope": { "feature": "answers" },
        "saves": { "per": "call", "low_percent": "60", "mid_percent": "75", "high_percent": "90" },
        "change": {
            "kind": "routing", "feature": "answers", "from_model": "gpt-5.1",
            "to_model": "gpt-5-mini", "share_ratio": "1",
        },
        "edit": [{
            "repository": "shop", "file": "values.yaml", "path": "answers.model",
            "from": "gpt-5.1", "to": "gpt-5-mini",
        }],
    }))
    .unwrap();
    let now = set_clock("2026-11-01T08:10:00Z");
    let proposed = app.propose_change(request, &Requester::system(), now).await.unwrap().view;
    let (id, digest) = (proposed.proposal.id, proposed.digest.clone());
    let promised = proposed.proposal.saving.unwrap().mid;
    let opened = Box::pin(app.deliver(&repositories, now)).await.unwrap();
    assert_eq!(opened[0].seen.state, "open", "{opened:?}");
    app.slack_step(now, &outside()).await.unwrap();
    let card = chat.message(0);
    assert!(card.contains("Route answers to gpt-5-mini") && card.contains("\"approve\""), "{card}");
    let pull = github.pulls().remove(0);
    assert!(pull.body.contains(&digest) && pull.body.contains("gpt-5-mini"), "{}", pull.body);

    // Ada links her account by signing in, and approves with a click.
    let now = set_clock("2026-11-01T08:20:00Z");
    let command = [
        ("command", "/centinel"),
        ("text", "link"),
        ("team_id", "T1"),
        ("user_id", "UADA"),
        ("trigger_id", "1.1.a"),
        ("response_url", &format!("{}/answers", chat.base)),
    ];
    let said = slack_sends(&slack, &chat, &command).await;
    let code = said.split('`').nth(1).unwrap_or_else(|| panic!("{said}"));
    app.approvals().finish_link(code, "ada", password(), now).await.unwrap();
    let click = json!({
        "type": "block_actions", "team": { "id": "T1" }, "trigger_id": "2.2.b",
        "user": { "id": "UADA", "team_id": "T1" },
        "response_url": format!("{}/answers", chat.base),
        "actions": [{
            "action_id": "approve", "type": "button",
            "value": format!("{id}/{}/{digest}", proposed.proposal.version),
        }],
    });
    let said = slack_sends(&slack, &chat, &[("payload", &click.to_string())]).await;
    assert!(said.contains("Your approval of P-1 is recorded"), "{said}");
    assert_eq!(app.approvals().show(id, now).await.unwrap().status, Status::Approved);

    // Nothing happens before somebody merges it; then it was carried out by that.
    app.execute_approved(&repositories, now).await.unwrap();
    assert_eq!(app.approvals().show(id, now).await.unwrap().status, Status::Approved);
    let now = set_clock("2026-11-01T09:00:00Z");
    let merged = VALUES.replace("gpt-5.1 #", "gpt-5-mini #");
    repository.commit("main", &[("values.yaml", &merged)], "Merge pull request #1");
    github.by_person(1, |pull| pull.merged_by = Some("release-manager".to_owned()));
    Box::pin(app.deliver(&repositories, now)).await.unwrap();
    assert_eq!(app.approvals().show(id, now).await.unwrap().status, Status::Executed);
    app.slack_step(now, &outside()).await.unwrap();
    assert!(!chat.message(0).contains("\"approve\""), "{}", chat.message(0));

    // What it saves is measured on later spend, after 7 and after 30 days, and said where it was proposed.
    for (first, days, now, after) in [
        ("2026-11-02T00:05:00Z", 8, "2026-11-10T06:00:00Z", 7),
        ("2026-11-10T00:05:00Z", 24, "2026-12-04T06:00:00Z", 30),
    ] {
        let now = set_clock(now);
        import(&app, calls(first, days, ("gpt-5-mini", 8_000), after.into()), now, after.into())
            .await;
        let measured = app.measure_savings(now).await.unwrap();
        assert_eq!(measured.iter().map(|one| one.days).collect::<Vec<_>>(), [after]);
        for _ in 0..2 {
            app.tell_savings(&repositories, now).await.unwrap();
        }
        let comments = github.pulls().remove(0).comments;
        let told: Vec<_> =
            comments.iter().filter(|(_, text)| text.contains("a month, measured")).collect();
        assert_eq!(told.len(), if after == 7 { 1 } else { 2 }, "{comments:?}");
        assert!(told.last().unwrap().1.contains(&promised.to_string()), "{told:?}");
    }
    let savings = app.savings(clock()).await.unwrap();
    let [line] = savings.lines.as_slice() else { panic!("{savings:#?}") };
    assert_eq!(line.measured.len(), 2);
    assert!(line.measured[1].saving.amount.0 > 0, "{line:#?}");
    assert!(savings.summary.contains(&line.measured[1].saving.to_string()), "{}", savings.summary);

    // The log holds against the head that was published in the pull request before anybody decided.
    let (_, rest) = pull.body.split_once("Audit head").unwrap();
    let head = rest.split('`').nth(1).unwrap();
    app.database().close().await;
    let verified = assert_cmd::Command::cargo_bin("centinel")
        .unwrap()
        .arg("--home")
        .arg(&home)
        .args(["audit", "verify", "--head", head])
        .assert();
    let verified = verified.success().get_output().stdout.clone();
    assert!(!verified.is_empty());
}
