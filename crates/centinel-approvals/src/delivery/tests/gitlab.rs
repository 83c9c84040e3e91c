//! The same journeys on GitLab.

use super::super::{
    Ending, Forge, GitLab, Note, Outcome, Reviewer, Wish,
    testing::{
        gitlab::FakeGitLab,
        repository::TOKEN,
        world::{World, now, quick},
    },
};

fn gitlab(fake: &FakeGitLab) -> GitLab {
    GitLab::new(&fake.server.base(), "org/shop", TOKEN.into(), quick(), 1, now, false).unwrap()
}

#[tokio::test]
async fn a_proposal_becomes_a_merge_request() {
    let mut world = World::new().await;
    let fake = FakeGitLab::start(&world.repository.bare);
    let forge = gitlab(&fake);
    // The answer to the request that makes it is lost; it is found.
    *fake.lost.lock().unwrap() = 1;
    let Outcome::Open { pull, .. } = world.run_on(&forge, Wish::Open).await.unwrap() else {
        panic!()
    };
    assert_eq!((pull.number, pull.reviewers), (1, vec!["lena".to_owned()]));
    let merges = fake.merges.lock().unwrap().clone();
    assert_eq!(merges.len(), 1);
    assert_eq!(merges[0].labels, ["finops", "risk:low", "saving:100+"]);
    assert!(merges[0].title.starts_with("finops(search): right-size"));
    assert_eq!(merges[0].base, "main");

    world.next_version("500m");
    let Outcome::Open { .. } = world.run_on(&forge, Wish::Open).await.unwrap() else { panic!() };
    assert!(fake.merges.lock().unwrap()[0].body.contains("P-7 v2"));

    world.person_commits();
    for _ in 0..2 {
        let outcome = world.run_on(&forge, Wish::Open).await.unwrap();
        assert_eq!(outcome, Outcome::StoodBack(Note::StandBack));
    }
    assert_eq!(fake.merges.lock().unwrap()[0].comments.len(), 1);

    fake.merges.lock().unwrap()[0].merged_by = Some("lena".to_owned());
    let outcome = world.run_on(&forge, Wish::Open).await.unwrap();
    let commit = Some("c0ffee".to_owned());
    // Somebody's commit is on the branch: that is what was merged.
    let by = Some("lena".to_owned());
    assert_eq!(outcome, Outcome::MergedBy { by, commit, is_as_delivered: false });
}

#[tokio::test]
async fn merge_requests_close_and_are_closed() {
    let world = World::new().await;
    let fake = FakeGitLab::start(&world.repository.bare);
    let forge = gitlab(&fake);
    world.run_on(&forge, Wish::Open).await.unwrap();
    let obsolete = Wish::Close(Ending::Obsolete);
    assert_eq!(world.run_on(&forge, obsolete).await.unwrap(), Outcome::Closed);
    assert!(fake.merges.lock().unwrap()[0].is_closed);
    let Outcome::Open { .. } = world.run_on(&forge, Wish::Open).await.unwrap() else { panic!() };
    {
        let mut merges = fake.merges.lock().unwrap();
        merges[0].is_closed = true;
        merges[0].closed_by = Some("omar".to_owned());
    }
    let closed = world.run_on(&forge, Wish::Open).await.unwrap();
    assert_eq!(closed, Outcome::ClosedBy(Some("omar".to_owned())));
}

#[tokio::test]
async fn strangers_and_wrong_tokens_are_named() {
    let world = World::new().await;
    let fake = FakeGitLab::start(&world.repository.bare);
    world.run_on(&gitlab(&fake), Wish::Open).await.unwrap();
    let who = [Reviewer::Person("stranger".to_owned()), Reviewer::Person("lena".to_owned())];
    let error = gitlab(&fake).request_reviewers(1, &who).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot be asked to review: unknown: stranger");
    let wrong =
        GitLab::new(&fake.server.base(), "org/shop", "wrong".into(), quick(), 1, now, false)
            .unwrap();
    let error = wrong.find("x").await.unwrap_err().to_string();
    assert!(error.contains("does not accept the credential (401): 401 Unauthorized"), "{error}");
}
