//! One effect an approved version, whatever crashes, and none otherwise.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use centinel_approvals::{CarriedOut, Effects, Failure, Found};
use centinel_engine::proposal::{Facts, Proposal, ProposalId, Status};
use centinel_store::audit;
use jiff::{SignedDuration, Timestamp};

use super::world::{World, at};

const P1: ProposalId = ProposalId(1);

/// Where a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dies {
    Nowhere,
    Looking,
    BeforeTheEffect,
    AfterTheEffect,
}

/// A world outside: how often each version had its effect.
#[derive(Debug, Clone)]
struct Outside {
    effects: Arc<Mutex<BTreeMap<String, u32>>>,
    dies: Dies,
    fails: Option<Failure>,
}

impl Outside {
    fn new() -> Self {
        Self { effects: Arc::default(), dies: Dies::Nowhere, fails: None }
    }

    fn dying(&self, dies: Dies) -> Self {
        Self { dies, ..self.clone() }
    }

    fn failing(&self, fails: Failure) -> Self {
        Self { fails: Some(fails), ..self.clone() }
    }

    fn count(&self) -> u32 {
        self.effects.lock().unwrap().values().sum()
    }

    async fn die_if(&self, here: Dies) {
        if self.dies == here {
            // Whoever waits for it drops it: nothing after this point runs.
            std::future::pending::<()>().await;
        }
    }
}

impl Effects for Outside {
    const LEASE: SignedDuration = SignedDuration::from_mins(10);

    async fn find(&self, proposal: &Proposal) -> Result<Found, String> {
        self.die_if(Dies::Looking).await;
        let is_done = self.effects.lock().unwrap().contains_key(&proposal.digest().unwrap());
        Ok(if is_done { Found::Done } else { Found::NotDone })
    }

    async fn perform(&self, proposal: &Proposal) -> Result<(), Failure> {
        self.die_if(Dies::BeforeTheEffect).await;
        if let Some(failure) = &self.fails {
            return Err(failure.clone());
        }
        *self.effects.lock().unwrap().entry(proposal.digest().unwrap()).or_default() += 1;
        self.die_if(Dies::AfterTheEffect).await;
        Ok(())
    }
}

fn minutes(count: i64) -> Timestamp {
    at(2).checked_add(SignedDuration::from_mins(count)).unwrap()
}

async fn approved(world: World) -> World {
    let world = world.with_people().await;
    let proposed = world.proposed("9000").await;
    world.approve(&proposed, "ben").await.unwrap();
    world
}

pub(crate) async fn a_crash_anywhere_leaves_one_effect(world: World) {
    let world = approved(world).await;
    let outside = Outside::new();
    world.begin(P1, &Facts::Hold, minutes(0)).await.unwrap();
    // Each process holds the reminder for ten minutes and dies; the next one comes after that.
    let mut clock = 0;
    for dies in [Dies::Looking, Dies::BeforeTheEffect, Dies::AfterTheEffect] {
        let doomed = outside.dying(dies);
        let work = world.carry_out(&doomed, minutes(clock));
        let ended = tokio::time::timeout(std::time::Duration::from_millis(300), work).await;
        assert!(ended.is_err(), "{dies:?} did not die");
        let too_early = world.second.carry_out(&outside, minutes(clock + 9)).await.unwrap();
        assert_eq!(too_early, [], "somebody may still be at it");
        clock += 11;
    }
    assert_eq!(outside.count(), 1);
    let found = world.second.carry_out(&outside, minutes(clock)).await.unwrap();
    assert_eq!(found, [CarriedOut::Executed { id: P1 }]);
    assert_eq!(outside.count(), 1, "it was there already");
    assert_eq!(world.show(P1, minutes(clock)).await.unwrap().status, Status::Executed);
    assert_eq!(world.carry_out(&outside, minutes(clock + 60)).await.unwrap(), []);
    let again = world.begin(P1, &Facts::Hold, minutes(clock + 60)).await;
    assert!(again.is_err(), "what is executed does not begin again");
    assert_eq!(outside.count(), 1);
}

pub(crate) async fn nothing_is_carried_out_without_an_approval(world: World) {
    let world = world.with_people().await;
    let outside = Outside::new();
    world.proposed("9000").await;
    // Asked each minute, it says no each time, and the log does not grow.
    let before = audit::entries_after(&world.database, 0).await.unwrap().len();
    for minute in 0..3 {
        assert!(world.begin(P1, &Facts::Hold, minutes(minute)).await.is_err());
        assert_eq!(world.carry_out(&outside, minutes(minute)).await.unwrap(), []);
    }
    assert_eq!(audit::entries_after(&world.database, 0).await.unwrap().len(), before);

    // A reminder that somebody wrote into the database has nothing behind it.
    let intruder = world.intruder().await;
    let forged = "insert into outbox (key, proposal, version, attempts, due_at, claimed_until) \
                  values ('00', 'P-1', 1, 0, 0, 0)";
    sqlx::query(forged).execute(&intruder).await.unwrap();
    let edited = "update proposal set status = 'approved'";
    sqlx::query(edited).execute(&intruder).await.unwrap();
    let found = world.carry_out(&outside, minutes(1)).await.unwrap();
    assert_eq!(found, [CarriedOut::Forgotten { id: P1 }]);
    assert_eq!(outside.count(), 0);
    let entries = audit::entries_after(&world.database, 0).await.unwrap();
    assert!(entries.iter().any(|entry| entry.action == "outbox.forgotten"));
}

pub(crate) async fn many_processes_have_one_effect(world: World) {
    let world = approved(world).await;
    let outside = Outside::new();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let service = if number % 2 == 0 { &world.approvals } else { &world.second };
        let (service, outside) = (service.clone(), outside.clone());
        tasks.spawn(async move {
            let begun = service.begin(P1, &Facts::Hold, minutes(0)).await.is_ok();
            service.carry_out(&outside, minutes(0)).await.unwrap();
            begun
        });
    }
    let begun = tasks.join_all().await.into_iter().filter(|begun| *begun).count();
    assert_eq!((begun, outside.count()), (1, 1));
    assert_eq!(world.show(P1, minutes(1)).await.unwrap().status, Status::Executed);
}

pub(crate) async fn failures_are_told_apart(world: World) {
    let world = approved(world).await;
    let outside = Outside::new();
    let no_effect = outside.failing(Failure::NoEffect("the file is gone".to_owned()));
    world.begin(P1, &Facts::Hold, minutes(0)).await.unwrap();
    let found = world.carry_out(&no_effect, minutes(0)).await.unwrap();
    let reason = "the file is gone".to_owned();
    assert_eq!(found, [CarriedOut::Failed { id: P1, reason }]);
    assert_eq!(world.show(P1, minutes(0)).await.unwrap().status, Status::Failed);

    // Nobody knows: it is looked for when the lease is over, and not before.
    world.begin(P1, &Facts::Hold, minutes(1)).await.unwrap();
    let unknown = outside.failing(Failure::Unknown("connection lost".to_owned()));
    let found = world.carry_out(&unknown, minutes(1)).await.unwrap();
    assert!(matches!(found.as_slice(), [CarriedOut::Unknown { .. }]), "{found:?}");
    assert_eq!(world.show(P1, minutes(1)).await.unwrap().status, Status::Unknown);
    assert_eq!(world.carry_out(&outside, minutes(5)).await.unwrap(), []);
    let found = world.carry_out(&outside, minutes(12)).await.unwrap();
    assert!(matches!(found.as_slice(), [CarriedOut::Failed { .. }]), "{found:?}");
    assert_eq!(outside.count(), 0, "an attempt whose outcome is unknown is not repeated blindly");

    world.begin(P1, &Facts::Hold, minutes(13)).await.unwrap();
    let found = world.carry_out(&outside, minutes(13)).await.unwrap();
    assert_eq!(found, [CarriedOut::Executed { id: P1 }]);
    assert_eq!(outside.count(), 1);
}
