//! What GitHub answers when it does not do what it is asked.

use std::time::{Duration, Instant};

use serde_json::json;

use super::super::{
    Forge, ForgeError, GitHub, NewPullRequest, Outcome, PullState, Wish,
    testing::{
        github::Wrong,
        repository::TOKEN,
        server::{Answer, Server},
        world::{World, github, now, quick},
    },
};

#[tokio::test]
async fn failures_that_pass_are_tried_again() {
    let secondary = json!({ "message": "You have exceeded a secondary rate limit." });
    let message = json!({ "message": "busy" });
    for (method, end, what) in [
        ("GET", "/pulls", Wrong::Answer(500, message.clone(), vec![])),
        ("GET", "/pulls", Wrong::Answer(502, message.clone(), vec![])),
        ("GET", "/pulls", Wrong::LostAfter),
        ("GET", "/pulls", Wrong::Answer(403, secondary.clone(), vec![("retry-after", "1")])),
        ("POST", "/pulls", Wrong::Answer(403, secondary.clone(), vec![("retry-after", "1")])),
        ("POST", "/pulls", Wrong::Answer(429, message.clone(), vec![("retry-after", "0")])),
        ("POST", "/pulls", Wrong::LostAfter),
        ("POST", "/pulls", Wrong::FailedAfter(500)),
        ("POST", "/pulls", Wrong::FailedAfter(502)),
        ("POST", "/labels", Wrong::LostAfter),
        ("POST", "/labels", Wrong::FailedAfter(500)),
    ] {
        let world = World::new().await;
        let shown = format!("{method} {end} {what:?}");
        let waits = shown.contains("\"1\"");
        world.fake.fail(method, end, what);
        let started = Instant::now();
        let Ok(Outcome::Open { .. }) = world.run(Wish::Open).await else { panic!("{shown}") };
        assert!(!waits || started.elapsed() >= Duration::from_secs(1), "{shown}");
        let pulls = world.fake.pulls();
        assert_eq!(pulls.len(), 1, "{shown}");
        assert_eq!(pulls[0].labels.len(), 3, "{shown}");
        assert!(world.fake.state.lock().unwrap().faults.is_empty(), "{shown}");
    }
}

/// What was not done, though nobody could know: the next run does it, once.
#[tokio::test]
async fn a_request_that_may_have_had_its_effect_is_looked_for() {
    let world = World::new().await;
    world.fake.fail("POST", "/pulls", Wrong::Answer(500, json!({}), vec![]));
    let error = world.run(Wish::Open).await.unwrap_err().to_string();
    assert!(error.contains("nobody knows whether"), "{error}");
    assert_eq!(world.fake.server.count("POST", "/pulls"), 1);
    world.opened().await;
    assert_eq!(world.fake.pulls().len(), 1);
}

#[tokio::test]
async fn one_that_exists_already_is_used() {
    let world = World::new().await;
    world.opened().await;
    let forge = github(&world.fake.server.base());
    let new = NewPullRequest {
        branch: world.branch(),
        base: "main".to_owned(),
        title: "t".to_owned(),
        body: "b".to_owned(),
    };
    let pull = forge.open(&new).await.unwrap();
    assert_eq!((pull.number, pull.state), (1, PullState::Open));
    assert_eq!(world.fake.pulls().len(), 1);
    // Any other 422 is what it says.
    let none = NewPullRequest { branch: "centinel/none".to_owned(), ..new };
    let error = forge.open(&none).await.unwrap_err().to_string();
    assert!(error.contains("/repos/org/shop/pulls` answered 422: Validation Failed"), "{error}");
}

#[tokio::test]
async fn failures_that_stay_are_named() {
    for (status, body, headers, expected) in [
        (401, json!({ "message": "Bad credentials" }), vec![], "(401): Bad credentials"),
        (
            403,
            json!({ "message": "Resource not accessible" }),
            vec![],
            "(403): Resource not accessible",
        ),
        (
            404,
            json!({ "message": "Not Found" }),
            vec![],
            "/pulls` is not there, or the credential may not see it",
        ),
        (
            301,
            json!({}),
            vec![("location", "http://localhost:1/x")],
            "redirects, as for a repository",
        ),
        (403, json!({ "message": "exceeded a secondary rate limit" }), vec![], "asks to wait 60 s"),
        (429, json!({}), vec![("retry-after", "3600")], "asks to wait 3600 s"),
        (
            403,
            json!({ "message": "API rate limit exceeded" }),
            vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795348860")],
            "asks to wait 60 s",
        ),
        (400, json!({ "message": format!("bad \u{1b}[31m{TOKEN}\n# x") }), vec![], "400: bad"),
        (200, json!({ "pulls": [] }), vec![], "is not what its documentation says"),
    ] {
        let world = World::new().await;
        world.fake.fail("GET", "/pulls", Wrong::Answer(status, body, headers));
        let error = world.run(Wish::Open).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("head="), "{text}");
        assert!(!format!("{error:?}").contains("hunter2"), "{text}");
        assert!(!text.contains(['\u{1b}', '\n']), "{text}");
    }
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_again() {
    let world = World::new().await;
    world.opened().await;
    let forge = github(&world.fake.server.base());
    let first = forge.read(1).await.unwrap();
    let second = forge.read(1).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(world.fake.state.lock().unwrap().not_modified, 1);
    world.fake.by_person(1, |pull| pull.labels.push("x".to_owned()));
    assert!(forge.read(1).await.unwrap().labels.contains(&"x".to_owned()));
}

#[tokio::test]
async fn bounds_hold() {
    let endless = Server::start(|asked| {
        if asked.path.ends_with("/comments") {
            let item = json!({ "user": { "login": "x" }, "body": "x" });
            return Answer::json(200, &vec![item; 100].into());
        }
        Answer::new(200, vec![b' '; 2 << 20])
    });
    let forge = github(&endless.base());
    let error = forge.comments(1).await.unwrap_err();
    assert!(matches!(error, ForgeError::TooLong { pages: 5, .. }), "{error}");
    let error = forge.read(1).await.unwrap_err();
    assert!(matches!(error, ForgeError::TooLarge { .. }), "{error}");
    let nobody = github("http://127.0.0.1:9");
    let error = nobody.read(1).await.unwrap_err();
    assert!(matches!(error, ForgeError::Lost { .. }), "{error}");
    assert!(error.passes());
}

#[test]
fn what_is_no_forge_is_refused() {
    let made = |base: &str, repository: &str, token: &str| {
        GitHub::new(base, repository, token.into(), quick(), 1, now, false).map(drop)
    };
    assert!(made("https://github.example/api/v3", "org/shop", "x\n").is_ok());
    for (base, repository, token) in [
        ("http://github.example", "org/shop", "x"),
        ("https://u:p@github.example", "org/shop", "x"),
        ("github.example", "org/shop", "x"),
        ("https://github.example", "shop", "x"),
        ("https://github.example", "org/..", "x"),
        ("https://github.example", "org/a/b", "x"),
        ("https://github.example", "org/shop?x", "x"),
        ("https://github.example", "org/shop", "x\ny"),
    ] {
        let error = made(base, repository, token).unwrap_err();
        assert!(!error.to_string().contains("u:p"), "{error}");
    }
}
