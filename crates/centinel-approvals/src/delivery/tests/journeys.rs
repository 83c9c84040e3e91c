//! A proposal becomes a pull request, follows its versions, and is merged or closed by people.

use jiff::ToSpan as _;

use super::super::{
    DeliveryError, GitError, Marker, Outcome, PlanError, PullState, Step, Wish,
    testing::{
        repository::git,
        world::{VALUES, World, edit_of},
    },
};

#[tokio::test]
async fn a_proposal_becomes_a_pull_request() {
    let world = World::new().await;
    let number = world.opened().await;
    let pulls = world.fake.pulls();
    assert_eq!((pulls.len(), number), (1, 1));
    let pull = &pulls[0];
    assert_eq!(pull.branch, "centinel/rightsize/search-api-p-7");
    assert_eq!(
        pull.title,
        "finops(search): right-size search-api CPU 2 → 600m (saves about $412 a month)"
    );
    assert_eq!(pull.base, "main");
    assert_eq!(pull.labels, ["finops", "risk:low", "saving:100+"]);
    assert_eq!(
        (pull.reviewers.as_slice(), pull.teams.as_slice()),
        (["lena".to_owned()].as_slice(), ["search".to_owned()].as_slice())
    );
    let head = world.repository.head(&pull.branch).unwrap();
    let bare = &world.repository.bare;
    let file = git(bare, &["show", &format!("{head}:charts/values.yaml")]);
    assert_eq!(format!("{file}\n"), VALUES.replace("cpu: 2", "cpu: 600m"));
    let changed = git(bare, &["diff", "--numstat", "main", &head]);
    assert_eq!(changed, "1\t1\tcharts/values.yaml");
    let shown = git(bare, &["show", "--no-patch", "--format=%an <%ae> %ct%n%cn%n%B", &head]);
    let digest = world.proposal.digest().unwrap();
    assert_eq!(
        shown,
        format!(
            "Centinel <centinel@shop.example> 1795161600\nCentinel\nfinops: right-size search-api CPU 2 → \
             600m\n\nProposed by Centinel for search; decided by people.\n\nCentinel-Proposal: P-7 \
             v1\nCentinel-Digest: {digest}"
        )
    );
    let trailers = git(bare, &["log", "-1", "--format=%(trailers:only)", &head]);
    assert_eq!(trailers.lines().count(), 2, "{trailers}");
    let marker = Marker::read(&pull.body).unwrap();
    assert_eq!((marker.proposal.as_str(), marker.version), ("P-7", 1));
    assert_eq!((marker.digest, marker.audit_head.as_str()), (digest, "entry 41, 9f3c51"));

    // Running again changes nothing: neither branch, nor text, nor anything that is written.
    let steps = world.steps.kept.lock().unwrap().len();
    world.opened().await;
    assert_eq!(world.steps.kept.lock().unwrap().len(), steps);
    assert_eq!(world.repository.head(&pull.branch).unwrap(), head);
    assert_eq!(world.fake.server.count("POST", "/pulls"), 1);
    assert_eq!(world.fake.server.count("PATCH", "/pulls/1"), 0);
}

#[tokio::test]
async fn a_new_version_is_the_same_pull_request() {
    let mut world = World::new().await;
    world.opened().await;
    let first = world.repository.head(&world.branch()).unwrap();
    world.next_version("500m");
    world.opened().await;
    let second = world.repository.head(&world.branch()).unwrap();
    assert_ne!(first, second);
    let bare = &world.repository.bare;
    assert_eq!(git(bare, &["rev-list", "--count", &format!("main..{second}")]), "1");
    assert!(git(bare, &["show", &second]).contains("+cpu: 500m"));
    let pulls = world.fake.pulls();
    assert_eq!(pulls.len(), 1);
    assert_eq!(Marker::read(&pulls[0].body).unwrap().version, 2);
    assert_eq!(world.repository.branches().len(), 2);
}

#[tokio::test]
async fn updates_without_news_wait_a_day() {
    let mut world = World::new().await;
    world.opened().await;
    // A grown audit log is no news, and what people add to a body stays.
    world.words.audit_head = "entry 99, 77aa".to_owned();
    world.fake.by_person(1, |pull| pull.body.insert_str(0, "We look on Monday.\n\n"));
    world.opened().await;
    assert_eq!(world.fake.server.count("PATCH", "/pulls/1"), 0);
    // Another text of the same version is one, but a small one.
    world.words.why = "It uses 0.5 cores at most.".to_owned();
    world.now = world.now.checked_add(23.hours()).unwrap();
    assert!(matches!(world.run(Wish::Open).await.unwrap(), Outcome::Later(_)));
    world.now = world.now.checked_add(2.hours()).unwrap();
    world.opened().await;
    assert_eq!(world.fake.server.count("PATCH", "/pulls/1"), 1);
    assert!(
        world.fake.pulls()[0].body.contains("0&#46;5")
            || world.fake.pulls()[0].body.contains("0.5")
    );
}

#[tokio::test]
async fn a_moved_base_counts_only_where_it_touches_the_edited_file() {
    let mut world = World::new().await;
    world.opened().await;
    let first = world.repository.head(&world.branch()).unwrap();
    world.now = world.now.checked_add(48.hours()).unwrap();
    world.repository.commit("main", &[("README.md", "hello")], "unrelated");
    world.opened().await;
    assert_eq!(world.repository.head(&world.branch()).unwrap(), first);
    let grown = format!("{VALUES}replicas: 3\n");
    world.repository.commit("main", &[("charts/values.yaml", &grown)], "related");
    world.opened().await;
    let second = world.repository.head(&world.branch()).unwrap();
    assert_ne!(first, second);
    let ahead = git(&world.repository.bare, &["rev-list", "--count", &format!("main..{second}")]);
    assert_eq!(ahead, "1");
}

#[tokio::test]
async fn people_merge_and_close() {
    let world = World::new().await;
    world.opened().await;
    world.fake.by_person(1, |pull| pull.merged_by = Some("lena".to_owned()));
    let merged = world.run(Wish::Open).await.unwrap();
    let expected = Outcome::MergedBy {
        by: Some("lena".to_owned()),
        commit: Some("c0ffee".to_owned()),
        is_as_delivered: true,
    };
    assert_eq!(merged, expected);

    let world = World::new().await;
    world.opened().await;
    world.fake.by_person(1, |pull| {
        pull.is_closed = true;
        pull.closed_by = Some("omar".to_owned());
    });
    for _ in 0..2 {
        let closed = world.run(Wish::Open).await.unwrap();
        assert_eq!(closed, Outcome::ClosedBy(Some("omar".to_owned())));
    }
    // Nothing is opened against their will.
    assert_eq!(world.fake.pulls().len(), 1);
    assert_eq!(world.fake.server.count("PATCH", "/pulls/1"), 0);
}

#[tokio::test]
async fn values_that_are_there_already_need_no_pull_request() {
    let world = World::new().await;
    let done = VALUES.replace("cpu: 2", "cpu: 600m");
    world.repository.commit("main", &[("charts/values.yaml", &done)], "by hand");
    assert_eq!(world.run(Wish::Open).await.unwrap(), Outcome::AlreadyThere);
    assert!(world.fake.pulls().is_empty());
    assert_eq!(world.repository.branches(), ["main"]);
    // Another value is a conflict, and is said.
    let other = VALUES.replace("cpu: 2", "cpu: 3");
    world.repository.commit("main", &[("charts/values.yaml", &other)], "by hand");
    let error = world.run(Wish::Open).await.unwrap_err();
    assert!(
        error.to_string().contains("`charts/values.yaml`: charts/values.yaml has no `cpu: 2`"),
        "{error}"
    );
    assert!(matches!(error, DeliveryError::Plan(PlanError::Edit { .. })));
}

#[tokio::test]
async fn files_that_are_none_are_refused() {
    let mut world = World::new().await;
    for (file, expected) in [
        ("charts/none.yaml", "`charts/none.yaml` is not in the repository"),
        ("charts", "`charts` is a folder, and not a file that is edited"),
        ("link", "`link` is a symbolic link, and not a file that is edited"),
        ("link/values.yaml", "`link/values.yaml` is not in the repository"),
    ] {
        let clone = &world.repository.clone;
        if !clone.join("link").is_symlink() {
            std::os::unix::fs::symlink("charts", clone.join("link")).unwrap();
            world.repository.commit("main", &[], "a link");
        }
        let mut edit = edit_of("cpu", "2", "600m");
        file.clone_into(&mut edit.file);
        world.proposal.edits = vec![edit];
        let error = world.run(Wish::Open).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    world.proposal.edits[0].repository = "other".to_owned();
    let error = world.run(Wish::Open).await.unwrap_err();
    assert_eq!(error.to_string(), "proposal `P-7` has no edit in repository `shop`");
    assert!(world.fake.pulls().is_empty());
}

#[tokio::test]
async fn a_renamed_base_is_named() {
    let mut world = World::new().await;
    world.settings.base = Some("main".to_owned());
    world.opened().await;
    let bare = &world.repository.bare;
    git(bare, &["branch", "-m", "main", "trunk"]);
    git(bare, &["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    let error = world.run(Wish::Open).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "branch `main` is not in the repository; its default branch is `trunk`"
    );
    assert!(matches!(error, DeliveryError::Git(GitError::NoBranch { .. })));
    // Without a configured base, the default is followed.
    world.settings.base = None;
    world.opened().await;
    assert_eq!(world.fake.pulls().len(), 1);
}

#[tokio::test]
async fn one_who_cannot_be_asked_stops_nobody() {
    let world = World::new().await;
    world.repository.commit(
        "main",
        &[("CODEOWNERS", "* @stranger @lena ops@shop.example\n")],
        "owners",
    );
    let Outcome::Open { pull, warnings } = world.run(Wish::Open).await.unwrap() else { panic!() };
    assert_eq!((pull.state, pull.reviewers), (PullState::Open, vec!["lena".to_owned()]));
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("collaborators"), "{warnings:?}");
    // The owner of the spend is not among those of the file: that is said, and nothing is guessed.
    let body = &world.fake.pulls()[0].body;
    assert!(body.contains("**Owners differ.**"), "{body}");
    assert!(world.steps.kept.lock().unwrap().contains(&Step::ReviewersAsked));
}

#[tokio::test]
async fn no_room_no_pull_request() {
    let mut world = World::new().await;
    world.has_room = false;
    assert_eq!(world.run(Wish::Open).await.unwrap(), Outcome::Waits);
    assert_eq!(world.repository.branches(), ["main"]);
    world.has_room = true;
    world.opened().await;
    // One that is open keeps its place.
    world.has_room = false;
    world.next_version("500m");
    world.opened().await;
    assert_eq!(world.fake.pulls().len(), 1);
}
