//! Many at the same moment, through two pools.

use centinel_approvals::{ApprovalError, Password, Requester};
use centinel_engine::proposal::{Command, Facts, Occurrence, Status};
use centinel_store::audit;
use tokio::task::JoinSet;

use crate::world::{P1, World, at, decision, password, rejection};

async fn click(world: &World, limit: &str, names: &[&'static str]) -> (usize, Vec<Occurrence>) {
    let proposed = world.proposed(limit).await;
    let mut clicks = JoinSet::new();
    for number in 0..100 {
        let service = if number % 2 == 0 { &world.approvals } else { &world.second }.clone();
        let (decision, name) = (decision(&proposed), names[number % names.len()]);
        clicks.spawn(async move { service.decide(decision, name, password(name), at(1)).await });
    }
    let mut accepted = 0;
    while let Some(click) = clicks.join_next().await {
        match click.unwrap() {
            Ok(_) => accepted += 1,
            Err(ApprovalError::Refused(_)) => {}
            Err(error) => panic!("{error}: {error:?}"),
        }
    }
    assert_eq!(audit::verify(&world.database, None).await.unwrap().fault, None);
    let shown = world.show(P1, at(1)).await.unwrap();
    assert_eq!(shown.status, Status::Approved);
    (accepted, shown.events.into_iter().map(|event| event.what).collect())
}

fn count(events: &[Occurrence], word: &str) -> usize {
    events.iter().filter(|what| what.as_str() == word).count()
}

pub(crate) async fn hundred_clicks_of_one_person_are_one_decision(world: World) {
    let world = world.with_people().await;
    let (accepted, events) = click(&world, "9000", &["ben"]).await;
    assert_eq!(accepted, 1);
    assert_eq!((count(&events, "vote_cast"), count(&events, "approved")), (1, 1));
}

pub(crate) async fn hundred_clicks_of_four_people_are_one_approval(world: World) {
    let world = world.with_people().await;
    let (accepted, events) = click(&world, "200000", &["ben", "cora", "dora", "finn"]).await;
    assert_eq!(accepted, count(&events, "vote_cast"));
    assert_eq!(count(&events, "approved"), 1);
    // Three people, one of them Finn: Finn may come last, after all others.
    assert!((3..=4).contains(&accepted), "{accepted}");
}

/// Two people, who click ten times each at the same moment: two votes, one approval.
pub(crate) async fn two_people_at_once_are_two_votes(world: World) {
    let world = world.with_people().await;
    let (accepted, events) = click(&world, "32000", &["ben", "cora"]).await;
    assert_eq!(accepted, 2);
    assert_eq!((count(&events, "vote_cast"), count(&events, "approved")), (2, 1));
}

/// Yes and no at the same moment: whatever came first, one rejection ends it, and nothing is executed.
pub(crate) async fn approval_and_rejection_race_to_one_end(world: World) {
    let world = world.with_people().await;
    let proposed = world.proposed("9000").await;
    let mut clicks = JoinSet::new();
    for number in 0..100 {
        let service = if number % 2 == 0 { &world.approvals } else { &world.second }.clone();
        let (decision, name) = match number % 4 {
            0 | 1 => (decision(&proposed), "ben"),
            _ => (rejection(&proposed, "not now"), "cora"),
        };
        clicks.spawn(async move { service.decide(decision, name, password(name), at(1)).await });
    }
    let mut accepted = 0;
    while let Some(click) = clicks.join_next().await {
        match click.unwrap() {
            Ok(_) => accepted += 1,
            Err(ApprovalError::Refused(_)) => {}
            Err(error) => panic!("{error}: {error:?}"),
        }
    }
    let shown = world.show(P1, at(1)).await.unwrap();
    let events: Vec<Occurrence> = shown.events.into_iter().map(|event| event.what).collect();
    assert_eq!((shown.status, count(&events, "rejected")), (Status::Rejected, 1));
    assert_eq!(accepted, 1 + count(&events, "vote_cast"));
    assert!(count(&events, "vote_cast") <= 1 && count(&events, "approved") <= 1);
    let executed = world.execute(P1, &Command::BeginExecution, &Facts::Hold, at(2)).await;
    assert!(executed.unwrap_err().is_refusal());
    assert_eq!(audit::verify(&world.database, None).await.unwrap().fault, None);
}

/// A hundred processes that begin at the same moment: one does.
pub(crate) async fn hundred_executions_begin_once(world: World) {
    let world = world.with_people().await;
    let proposed = world.proposed("9000").await;
    world.approve(&proposed, "ben").await.unwrap();
    let mut beginnings = JoinSet::new();
    for number in 0..100 {
        let service = if number % 2 == 0 { &world.approvals } else { &world.second }.clone();
        beginnings.spawn(async move {
            service.execute(P1, &Command::BeginExecution, &Facts::Hold, at(2)).await
        });
    }
    let mut begun = 0;
    while let Some(beginning) = beginnings.join_next().await {
        match beginning.unwrap() {
            Ok(_) => begun += 1,
            Err(ApprovalError::Refused(_)) => {}
            Err(error) => panic!("{error}: {error:?}"),
        }
    }
    let shown = world.show(P1, at(2)).await.unwrap();
    let events: Vec<Occurrence> = shown.events.into_iter().map(|event| event.what).collect();
    assert_eq!((begun, count(&events, "execution_begun")), (1, 1));
    assert_eq!(audit::verify(&world.database, None).await.unwrap().fault, None);
}

/// Of many guesses at the same moment only five are told that they are wrong; the right password
/// among the rest is told nothing.
pub(crate) async fn parallel_guesses_lock_the_account(world: World) {
    let world = world.with_people().await;
    let mut guesses = JoinSet::new();
    for number in 0..30 {
        let service = if number % 2 == 0 { &world.approvals } else { &world.second }.clone();
        let guess = Password::new(format!("the {number}th guess of many"));
        guesses.spawn(async move { service.authenticate("ben", guess, at(1)).await });
    }
    let (mut wrong, mut locked) = (0, 0);
    while let Some(guess) = guesses.join_next().await {
        match guess.unwrap() {
            Err(ApprovalError::WrongCredential) => wrong += 1,
            Err(ApprovalError::Locked { .. }) => locked += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((wrong, locked), (5, 25));
    let right = world.authenticate("ben", password("ben"), at(1)).await;
    assert!(matches!(right, Err(ApprovalError::Locked { .. })));
    world.authenticate("ben", password("ben"), at(2)).await.unwrap();
    world.authenticate("cora", password("cora"), at(1)).await.unwrap();
}

pub(crate) async fn parallel_proposals_of_one_change_are_one(world: World) {
    let draft = world.draft("9000").await;
    let mut proposals = JoinSet::new();
    for number in 0..20 {
        let service = if number % 2 == 0 { &world.approvals } else { &world.second }.clone();
        let mut draft = draft.clone();
        // Two changes, ten times each.
        draft.owner = format!("team-{}", number % 4 / 2);
        proposals.spawn(async move { service.propose(draft, &Requester::system(), at(0)).await });
    }
    let mut new = 0;
    while let Some(proposed) = proposals.join_next().await {
        new += usize::from(proposed.unwrap().unwrap().is_new);
    }
    let open = world.inbox(at(0)).await.unwrap();
    let ids: Vec<u32> = open.iter().map(|view| view.proposal.id.0).collect();
    assert_eq!((new, ids), (2, vec![1, 2]));
}
