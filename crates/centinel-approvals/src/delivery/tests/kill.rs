//! Killed after every step, then run again: exactly one branch, one commit, one pull request.

use super::super::{
    DeliveryError, Ending, Outcome, Step, Wish,
    testing::{repository::git, world::World},
};

/// How many steps a whole run notes.
async fn steps_of(prepare: impl AsyncFn(&mut World), wish: Wish) -> usize {
    let mut world = World::new().await;
    prepare(&mut world).await;
    let before = *world.steps.count.lock().unwrap();
    world.run(wish).await.unwrap();
    *world.steps.count.lock().unwrap() - before
}

/// Kills at every step of a run, and twice in a row at each, and checks what is there afterwards.
async fn killed_everywhere(prepare: impl AsyncFn(&mut World), wish: Wish, check: impl Fn(&World)) {
    let steps = steps_of(&prepare, wish).await;
    assert!(steps > 0);
    for step in 0..steps {
        for kills in [1, 2] {
            let mut world = World::new().await;
            prepare(&mut world).await;
            for kill in 0..kills {
                let count = *world.steps.count.lock().unwrap();
                *world.steps.lost.lock().unwrap() =
                    Some(if kill == 0 { count + step } else { count });
                match world.run(wish).await {
                    Err(DeliveryError::Journal(_)) => {}
                    // The second time, nothing may be left to do.
                    Ok(_) if kill > 0 => {}
                    other => panic!("step {step}, kill {kill}: {other:?}"),
                }
            }
            *world.steps.lost.lock().unwrap() = None;
            world.run(wish).await.unwrap();
            check(&world);
            let count = *world.steps.count.lock().unwrap();
            world.run(wish).await.unwrap();
            assert_eq!(
                *world.steps.count.lock().unwrap(),
                count,
                "step {step}: a run too many did something"
            );
        }
    }
}

fn is_one_of_all(world: &World, line: &str) {
    let pulls = world.fake.pulls();
    assert_eq!(pulls.len(), 1);
    assert!(!pulls[0].is_closed);
    assert_eq!(pulls[0].labels.len(), 3);
    assert_eq!((pulls[0].reviewers.len(), pulls[0].teams.len()), (1, 1));
    assert!(pulls[0].comments.is_empty());
    assert_eq!(world.fake.server.count("POST", "/pulls"), 1);
    assert_eq!(world.repository.branches(), [world.branch().as_str(), "main"]);
    let branch = world.branch();
    let bare = &world.repository.bare;
    assert_eq!(git(bare, &["rev-list", "--count", &format!("main..{branch}")]), "1");
    assert!(git(bare, &["show", &branch]).contains(line));
}

#[tokio::test]
async fn opening() {
    let check = |world: &World| {
        is_one_of_all(world, "+cpu: 600m");
        let steps = world.steps.kept.lock().unwrap();
        let opened = steps.iter().filter(|step| matches!(step, Step::Opened { .. })).count();
        assert!(opened <= 1, "{steps:?}");
    };
    killed_everywhere(async |_| {}, Wish::Open, check).await;
}

#[tokio::test]
async fn updating() {
    let prepare = async |world: &mut World| {
        world.opened().await;
        world.next_version("500m");
    };
    let check = |world: &World| {
        is_one_of_all(world, "+cpu: 500m");
        assert!(world.fake.pulls()[0].body.contains("P-7 v2"));
    };
    killed_everywhere(prepare, Wish::Open, check).await;
}

#[tokio::test]
async fn closing() {
    let prepare = async |world: &mut World| {
        world.opened().await;
    };
    let check = |world: &World| {
        let pulls = world.fake.pulls();
        assert!(pulls.len() == 1 && pulls[0].is_closed);
        assert_eq!(pulls[0].comments.len(), 1);
        assert_eq!(world.repository.branches(), ["main"]);
    };
    killed_everywhere(prepare, Wish::Close(Ending::Withdrawn), check).await;
}

#[tokio::test]
async fn closing_for_a_while() {
    let prepare = async |world: &mut World| {
        world.opened().await;
    };
    let check = |world: &World| {
        let pulls = world.fake.pulls();
        assert!(pulls.len() == 1 && pulls[0].is_closed);
        assert_eq!(world.repository.branches().len(), 2);
        assert!(world.steps.known.lock().unwrap().is_closed_by_us);
    };
    killed_everywhere(prepare, Wish::Close(Ending::Obsolete), check).await;
}

#[tokio::test]
async fn coming_back() {
    let prepare = async |world: &mut World| {
        world.opened().await;
        world.run(Wish::Close(Ending::Obsolete)).await.unwrap();
        world.next_version("500m");
    };
    let check = |world: &World| {
        let pulls = world.fake.pulls();
        assert!(pulls.len() == 1 && !pulls[0].is_closed);
        assert!(pulls[0].body.contains("P-7 v2"));
        assert!(git(&world.repository.bare, &["show", &world.branch()]).contains("+cpu: 500m"));
    };
    killed_everywhere(prepare, Wish::Open, check).await;
}

/// Nothing at all was kept: not the commit, not the number. What is there is found by its content.
#[tokio::test]
async fn with_an_empty_memory() {
    let world = World::new().await;
    world.opened().await;
    *world.steps.known.lock().unwrap() = super::super::Known::default();
    let Outcome::Open { pull, .. } = world.run(Wish::Open).await.unwrap() else { panic!() };
    assert_eq!(pull.number, 1);
    is_one_of_all(&world, "+cpu: 600m");
}
