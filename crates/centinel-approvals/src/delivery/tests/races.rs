//! Pushes that are refused, overtaken, or whose answer is lost.

use super::super::{
    DeliveryError, GitError, Mirror, Note, Outcome, Remote, Wish,
    testing::{
        repository::{TOKEN, push_as_person},
        world::{VALUES, World, product_git},
    },
};

#[tokio::test]
async fn a_refused_push_says_what_the_server_says() {
    let world = World::new().await;
    world.repository.protect();
    let error = world.run(Wish::Open).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("refused the push to `centinel/rightsize/search-api-p-7`"), "{text}");
    assert!(text.contains("branch is protected: ask"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(matches!(error, DeliveryError::Git(GitError::Rejected { .. })));
    assert!(world.fake.pulls().is_empty());
    // Once the rule is gone, the next run goes on.
    world.repository.unprotect();
    world.opened().await;
    assert_eq!(world.fake.pulls().len(), 1);
}

/// Somebody takes our branch between our look and our push, or while the push is on its way.
#[tokio::test]
async fn whoever_was_faster_keeps_the_branch() {
    for is_on_the_way in [false, true] {
        for had_branch in [false, true] {
            let mut world = World::new().await;
            if had_branch {
                world.opened().await;
                world.next_version("500m");
            }
            let (clone, branch) = (world.repository.clone.clone(), world.branch());
            let theirs = VALUES.replace("cpu: 2", "cpu: 1");
            let act = move || {
                push_as_person(&clone, &branch, &[("charts/values.yaml", &theirs)], "mine");
            };
            if is_on_the_way {
                world.repository.before_push(act);
            } else {
                world.steps.on_commit(act);
            }
            let case = format!("on the way {is_on_the_way}, branch before {had_branch}");
            let outcome = world.run(Wish::Open).await.unwrap();
            assert_eq!(outcome, Outcome::StoodBack(Note::StandBack), "{case}");
            let head = world.repository.head(&world.branch()).unwrap();
            let bare = &world.repository.bare;
            let author =
                super::super::testing::repository::git(bare, &["log", "-1", "--format=%an", &head]);
            assert_eq!(author, "Ada", "{case}");
            let outcome = world.run(Wish::Open).await.unwrap();
            assert_eq!(outcome, Outcome::StoodBack(Note::StandBack), "{case}");
            let comments: usize = world.fake.pulls().iter().map(|pull| pull.comments.len()).sum();
            assert_eq!(comments, usize::from(had_branch), "{case}");
        }
    }
}

#[tokio::test]
async fn a_push_whose_answer_is_lost_was_done() {
    let world = World::new().await;
    world.repository.lose_answers(1);
    world.opened().await;
    assert_eq!(world.repository.server.count("POST", "git-receive-pack"), 1);
    assert_eq!(world.fake.pulls().len(), 1);
}

/// Anybody can write our name, our address and our trailers; the content is what counts.
#[tokio::test]
async fn a_forged_commit_is_not_ours() {
    let world = World::new().await;
    let clone = &world.repository.clone;
    let run = |arguments: &[&str]| super::super::testing::repository::git(clone, arguments);
    run(&["checkout", "--quiet", "-b", "forged"]);
    std::fs::write(clone.join("charts/values.yaml"), "cpu: 600m\nmemory: 64Gi\n").unwrap();
    let digest = world.proposal.digest().unwrap();
    let message = super::super::commit_message(&world.proposal, &digest);
    run(&["config", "user.name", "Centinel"]);
    run(&["config", "user.email", "centinel@shop.example"]);
    let status = std::process::Command::new("git")
        .args(["commit", "--quiet", "-am", &message])
        .current_dir(clone)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .status()
        .unwrap();
    assert!(status.success());
    run(&["push", "--quiet", "origin", &format!("HEAD:refs/heads/{}", world.branch())]);
    let forged = run(&["rev-parse", "HEAD"]);
    assert_eq!(world.run(Wish::Open).await.unwrap(), Outcome::StoodBack(Note::StandBack));
    assert_eq!(world.repository.head(&world.branch()).unwrap(), forged);
    assert!(world.fake.pulls().is_empty());
}

#[tokio::test]
async fn a_wrong_credential_is_said_and_not_shown() {
    let world = World::new().await;
    let url = format!("{}/org/shop.git", world.repository.server.base());
    let wrong = format!("{TOKEN}wrong");
    let credential = Some(("x-access-token".to_owned(), wrong.clone().into()));
    let remote = Remote::new(&url, credential, false).unwrap();
    let shown = format!("{remote:?}");
    let mirror = Mirror::open(product_git(), world.folder.path().join("mirrors/other"), remote)
        .await
        .unwrap();
    let error = mirror.fetch(None, "centinel/x").await.unwrap_err();
    assert!(matches!(error, GitError::Unauthorized(_)), "{error}");
    assert!(!format!("{error} {error:?} {shown}").contains("hunter2"));
    // Nothing that is left on disk holds it either.
    let config = std::fs::read_to_string(mirror.folder().join("config")).unwrap();
    assert!(!config.contains("hunter2") && !config.contains("127.0.0.1"), "{config}");
}

#[test]
fn addresses_of_repositories() {
    for (url, is_right) in [
        ("https://github.example/org/shop.git", true),
        ("http://127.0.0.1:1/org/shop.git", true),
        ("http://git.internal/org/shop.git", false),
        ("https://x:y@github.example/org/shop.git", false),
        ("ssh://git@github.example/org/shop.git", false),
        ("git@github.example:org/shop.git", false),
        ("ext::sh -c touch% /x", false),
        ("file:///etc", false),
        ("--upload-pack=touch", false),
        ("/etc", false),
    ] {
        let remote = Remote::new(url, None, false);
        assert_eq!(remote.is_ok(), is_right, "{url}: {remote:?}");
        assert!(!format!("{remote:?}").contains("x:y@"));
    }
}
