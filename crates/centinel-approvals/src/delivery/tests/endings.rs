//! Pull requests that we close, with their reason, and those that are no longer ours to close.

use super::super::{Ending, Note, Outcome, Wish, testing::world::World};

#[tokio::test]
async fn endings_are_said_once_and_close() {
    for ending in [
        Ending::Expired,
        Ending::Withdrawn,
        Ending::Rejected,
        Ending::Superseded,
        Ending::AppliedElsewhere,
    ] {
        let world = World::new().await;
        world.opened().await;
        for _ in 0..3 {
            assert_eq!(
                world.run(Wish::Close(ending)).await.unwrap(),
                Outcome::Closed,
                "{ending:?}"
            );
        }
        let pulls = world.fake.pulls();
        assert!(pulls[0].is_closed);
        assert_eq!(pulls[0].comments.len(), 1);
        assert!(pulls[0].comments[0].1.starts_with(ending.sentence()), "{:?}", pulls[0].comments);
        assert_eq!(world.repository.branches(), ["main"]);
    }
}

#[tokio::test]
async fn what_became_obsolete_may_come_back() {
    let mut world = World::new().await;
    world.opened().await;
    let obsolete = Wish::Close(Ending::Obsolete);
    assert_eq!(world.run(obsolete).await.unwrap(), Outcome::Closed);
    assert!(world.fake.pulls()[0].is_closed);
    assert_eq!(world.repository.branches().len(), 2);
    world.next_version("500m");
    assert_eq!(world.opened().await, 1);
    let pulls = world.fake.pulls();
    assert_eq!((pulls.len(), pulls[0].is_closed), (1, false));
    assert!(pulls[0].body.contains("P-7 v2"));
    // It may become obsolete again, and that is said again.
    assert_eq!(world.run(obsolete).await.unwrap(), Outcome::Closed);
    assert_eq!(world.fake.pulls()[0].comments.len(), 2);
}

#[tokio::test]
async fn what_was_never_opened_needs_no_closing() {
    let world = World::new().await;
    let rejected = Wish::Close(Ending::Rejected);
    assert_eq!(world.run(rejected).await.unwrap(), Outcome::Closed);
    // Pushed, and killed before it was opened: the branch goes.
    *world.steps.lost.lock().unwrap() = Some(1);
    world.run(Wish::Open).await.unwrap_err();
    assert_eq!(world.repository.branches().len(), 2);
    assert_eq!(world.run(rejected).await.unwrap(), Outcome::Closed);
    assert_eq!(world.repository.branches(), ["main"]);
    assert!(world.fake.pulls().is_empty());
}

#[tokio::test]
async fn a_persons_commit_is_never_touched() {
    let mut world = World::new().await;
    world.opened().await;
    let theirs = world.person_commits();
    for _ in 0..3 {
        assert_eq!(world.run(Wish::Open).await.unwrap(), Outcome::StoodBack(Note::StandBack));
    }
    world.next_version("500m");
    assert_eq!(world.run(Wish::Open).await.unwrap(), Outcome::StoodBack(Note::StandBack));
    let rejected = Wish::Close(Ending::Rejected);
    for _ in 0..2 {
        assert_eq!(world.run(rejected).await.unwrap(), Outcome::StoodBack(Note::EndedBesides));
    }
    assert_eq!(world.repository.head(&world.branch()).unwrap(), theirs);
    let pulls = world.fake.pulls();
    assert!(!pulls[0].is_closed);
    assert_eq!(pulls[0].comments.len(), 2, "{:?}", pulls[0].comments);
    // Their merge is still followed.
    world.fake.by_person(1, |pull| pull.merged_by = Some("lena".to_owned()));
    let merged = world.run(rejected).await.unwrap();
    assert!(matches!(merged, Outcome::MergedBy { by: Some(by), .. } if by == "lena"));
}

/// Who merges approves what was delivered, and nothing else that happens to have its name.
#[tokio::test]
async fn a_merge_is_of_what_was_merged() {
    type Act = fn(&mut World);
    let cases: [(&str, Act, bool); 6] = [
        ("as it was delivered", |_| {}, true),
        (
            "a journal that was lost",
            |world| world.steps.known.lock().unwrap().commits.clear(),
            true,
        ),
        ("somebody's commit on top", |world| drop(world.person_commits()), false),
        (
            "to another branch",
            |world| world.fake.by_person(1, |pull| pull.base = "release".to_owned()),
            false,
        ),
        ("an earlier version", |world| world.next_version("500m"), false),
        (
            "a branch that is nowhere, and a commit that nobody knows",
            |world| {
                world.steps.known.lock().unwrap().commits.clear();
                let branch = world.branch();
                super::super::testing::repository::git(
                    &world.repository.bare,
                    &["branch", "-D", &branch],
                );
            },
            false,
        ),
    ];
    for (what, act, expected) in cases {
        let mut world = World::new().await;
        world.opened().await;
        act(&mut world);
        world.fake.by_person(1, |pull| pull.merged_by = Some("lena".to_owned()));
        match world.run(Wish::Open).await.unwrap() {
            Outcome::MergedBy { is_as_delivered, .. } => {
                assert_eq!(is_as_delivered, expected, "{what}");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_deleted_branch_is_not_pushed_again() {
    let world = World::new().await;
    world.opened().await;
    let branch = world.branch();
    super::super::testing::repository::git(&world.repository.bare, &["branch", "-D", &branch]);
    for _ in 0..2 {
        assert_eq!(world.run(Wish::Open).await.unwrap(), Outcome::StoodBack(Note::BranchGone));
    }
    assert_eq!(world.repository.branches(), ["main"]);
    assert_eq!(world.fake.pulls()[0].comments.len(), 1);
    let expired = world.run(Wish::Close(Ending::Expired)).await.unwrap();
    assert_eq!(expired, Outcome::Closed);
    assert!(world.fake.pulls()[0].is_closed);
}

/// The mark is looked for on every page of comments.
#[tokio::test]
async fn comments_are_read_to_the_end() {
    let world = World::new().await;
    world.opened().await;
    world.person_commits();
    world.run(Wish::Open).await.unwrap();
    world.fake.by_person(1, |pull| {
        let chat = (0..250).map(|number| ("omar".to_owned(), format!("and {number}?")));
        pull.comments.splice(0..0, chat);
    });
    world.run(Wish::Open).await.unwrap();
    let pulls = world.fake.pulls();
    let ours = pulls[0].comments.iter().filter(|(author, _)| author == "centinel[bot]");
    assert_eq!(ours.count(), 1);
}
