//! What people and agents do all day.

use centinel_approvals::{AccountChange, ApprovalError, NewToken, Requester};
use centinel_engine::proposal::{Command, Facts, Occurrence, Refusal, Status};
use centinel_store::audit;

use crate::world::{P1, POLICY, World, account, at, decision, password, rejection, token};

pub(crate) async fn propose_show_approve_verify(world: World) {
    let world = world.with_people().await;
    let proposed = world.proposed("9000").await;
    assert_eq!((proposed.proposal.id, proposed.status), (P1, Status::Pending));
    assert_eq!(proposed.standing.eligible, ["ada", "ben", "cora", "dora"]);

    let again = world.propose(world.draft("9000").await, &Requester::local_agent(), at(1)).await;
    let again = again.unwrap();
    assert!(!again.is_new, "the same change is open once");
    assert_eq!(again.view.digest, proposed.digest);

    let approved = world.approve(&proposed, "ben").await.unwrap();
    assert_eq!((approved.status, approved.standing.approved_by.len()), (Status::Approved, 1));
    assert_eq!(world.show(P1, at(2)).await.unwrap(), approved, "the log restores the state");
    assert_eq!(world.inbox(at(2)).await.unwrap(), [approved]);

    let other = world.proposed("8000").await;
    let reason = "the forecast is from before the price cut";
    let ben = ("ben", password("ben"));
    let rejected = world.decide(rejection(&other, reason), ben.0, ben.1, at(2)).await.unwrap();
    assert_eq!(rejected.status, Status::Rejected);
    assert_eq!(world.inbox(at(2)).await.unwrap().len(), 1);

    let verified = audit::verify(&world.database, None).await.unwrap();
    assert_eq!(verified.fault, None);
    // The key, five people and passwords, two proposals, a vote, its approval, a rejection.
    assert_eq!(verified.entries, 1 + 5 + 5 + 2 + 1 + 1 + 1);
}

pub(crate) async fn one_person_suffices_only_below_the_limit(world: World) {
    world.init_first_person("ada", password("ada"), at(0)).await.unwrap();
    let twice = world.init_first_person("eve", password("eve"), at(0)).await;
    assert!(matches!(twice, Err(ApprovalError::AlreadyInitialised)));
    let small = world.proposed("10000").await;
    assert_eq!(world.approve(&small, "ada").await.unwrap().status, Status::Approved);
    let large = world.proposed("32000").await;
    let half = world.approve(&large, "ada").await.unwrap();
    assert_eq!((half.status, half.standing.missing), (Status::Pending, 1));
    assert!(half.standing.eligible.is_empty(), "there is nobody else");

    let ada = world.authenticate("ada", password("ada"), at(1)).await.unwrap();
    let own = world.propose(world.draft("33000").await, &ada, at(1)).await.unwrap().view;
    let refused = world.approve(&own, "ada").await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "proposal `P-3` needs two approvers above $10,000, and its requester cannot be one"
    );
    let hint = "`centinel show P-3` lists who can decide; you can withdraw it";
    assert_eq!((refused.hint().unwrap().as_str(), refused.is_refusal()), (hint, true));
    let trace = audit::entries_after(&world.database, 0).await.unwrap();
    let last = trace.last().unwrap();
    assert_eq!((last.action.as_str(), last.subject.as_str()), ("refused", "P-3"));
}

pub(crate) async fn agents_propose_and_withdraw_their_own_only(world: World) {
    let world = world.with_people().await;
    let wanted = NewToken { acts_for: Some("ben".to_owned()), ..token("ci", &["read", "propose"]) };
    let secret = world.create_token("ada", password("ada"), wanted, at(0)).await.unwrap();
    let agent = world.authenticate_token(&secret, at(0)).await.unwrap();
    let own = world.propose(world.draft("100").await, &agent, at(0)).await.unwrap().view;
    let refused = world.approve(&own, "ben").await;
    assert!(
        matches!(refused, Err(ApprovalError::Refused(Refusal::Requester { .. }))),
        "the token works for Ben"
    );
    let systems = world.proposed("200").await;
    let foreign = world.withdraw(systems.proposal.id, &agent, at(1)).await;
    assert!(matches!(foreign, Err(ApprovalError::Refused(Refusal::NotTheRequester { .. }))));
    let withdrawn = world.withdraw(own.proposal.id, &agent, at(1)).await.unwrap();
    assert_eq!(withdrawn.status, Status::Withdrawn);
    assert!(world.revoke_token("ada", password("ada"), "ci", at(1)).await.unwrap());
    let revoked = world.authenticate_token(&secret, at(0)).await;
    assert!(matches!(revoked, Err(ApprovalError::WrongToken)));
    let mut other = world.draft("300").await;
    other.evidence = "0".repeat(64);
    let unfounded = world.propose(other, &agent, at(1)).await;
    assert!(matches!(unfounded, Err(ApprovalError::NoEvidence(_))));
}

pub(crate) async fn new_versions_void_old_votes(world: World) {
    let world = world.with_people().await;
    let first = world.proposed("32000").await;
    world.approve(&first, "cora").await.unwrap();
    let ben = world.authenticate("ben", password("ben"), at(1)).await.unwrap();
    let agent = Requester::local_agent();
    let foreign = world.supersede(P1, world.draft("1").await, &agent, at(1)).await;
    assert!(matches!(foreign, Err(ApprovalError::Refused(Refusal::NotTheRequester { .. }))));
    let second = world.supersede(P1, world.draft("31000").await, &ben, at(1)).await.unwrap();
    assert_eq!((second.proposal.version, second.standing.approved_by.len()), (2, 0));
    let stale = world.approve(&first, "dora").await;
    assert!(matches!(stale, Err(ApprovalError::Refused(Refusal::OtherVersion { .. }))));
    let mut swapped = decision(&second);
    swapped.digest = first.digest.clone();
    let swapped = world.decide(swapped, "dora", password("dora"), at(1)).await;
    assert!(matches!(swapped, Err(ApprovalError::Refused(Refusal::OtherDigest { .. }))));
    let author = world.approve(&second, "ben").await;
    assert!(matches!(author, Err(ApprovalError::Refused(Refusal::Requester { .. }))));
    world.approve(&second, "cora").await.unwrap();
    assert_eq!(world.approve(&second, "dora").await.unwrap().status, Status::Approved);
}

pub(crate) async fn lost_roles_and_edited_policies_void_votes(world: World) {
    let world = world.with_people().await;
    let proposed = world.proposed("32000").await;
    world.approve(&proposed, "cora").await.unwrap();
    let demoted = AccountChange { roles: [].into(), password: None, ..account("cora", &[]) };
    world.change_account("ada", password("ada"), demoted, at(2)).await.unwrap();
    let restored = AccountChange { password: None, ..account("cora", &["finops"]) };
    world.change_account("ada", password("ada"), restored, at(2)).await.unwrap();
    let one = world.decide(decision(&proposed), "dora", password("dora"), at(3)).await.unwrap();
    assert_eq!(one.standing.approved_by, ["dora"], "Cora's vote went with her role");
    let two = world.decide(decision(&proposed), "cora", password("cora"), at(3)).await.unwrap();
    assert_eq!(two.status, Status::Approved, "and she may vote again");

    let stricter =
        world.under(&POLICY.replace("open_per_requester = 100", "open_per_requester = 9"));
    let hold = Facts::Hold;
    let refused = stricter.execute(P1, &Command::BeginExecution, &hold, at(4)).await;
    assert!(matches!(refused, Err(ApprovalError::Refused(Refusal::NoLongerApproved { .. }))));
    let moved = stricter.expire(at(4)).await.unwrap();
    assert_eq!((moved.len(), moved[0].status), (1, Status::Pending));
    let back = world.execute(P1, &Command::BeginExecution, &hold, at(4)).await;
    assert!(
        matches!(back, Err(ApprovalError::Refused(Refusal::Status { .. }))),
        "the old policy does not revive old votes"
    );
}

pub(crate) async fn execution_is_claimed_once(world: World) {
    let world = world.with_people().await;
    let proposed = world.proposed("9000").await;
    world.approve(&proposed, "ben").await.unwrap();
    let begin = Command::BeginExecution;
    let unchecked = world.execute(P1, &begin, &Facts::Unchecked, at(2)).await;
    assert!(matches!(unchecked, Err(ApprovalError::Refused(Refusal::FactsUnchecked(_)))));
    let (one, two) = tokio::join!(
        world.execute(P1, &begin, &Facts::Hold, at(2)),
        world.second.execute(P1, &begin, &Facts::Hold, at(2)),
    );
    assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|&&ok| ok).count(), 1);
    world.execute(P1, &Command::LoseTrack, &Facts::Unchecked, at(2)).await.unwrap();
    let again = world.execute(P1, &begin, &Facts::Hold, at(2)).await;
    assert!(again.is_err(), "what is unknown is looked at, not repeated");
    let done = world.execute(P1, &Command::Succeed, &Facts::Unchecked, at(3)).await.unwrap();
    assert_eq!(done.status, Status::Executed);
    let keys = done.events.iter().filter_map(|event| match &event.what {
        Occurrence::ExecutionBegun { key, .. } => Some(key),
        _ => None,
    });
    assert_eq!(keys.count(), 1);
}

pub(crate) async fn time_runs_out(world: World) {
    let world = world.with_people().await;
    let proposed = world.proposed("9000").await;
    let late = world.decide(decision(&proposed), "ben", password("ben"), at(72)).await;
    assert!(matches!(late, Err(ApprovalError::Refused(Refusal::Expired { .. }))));
    assert_eq!(world.show(P1, at(72)).await.unwrap().status, Status::Expired);
    assert!(world.inbox(at(72)).await.unwrap().is_empty());
    let early = world.decide(decision(&proposed), "ben", password("ben"), at(71)).await;
    assert!(early.is_ok(), "nothing was written when it was late");
    assert_eq!(world.expire(at(72)).await.unwrap().len(), 1);
    assert!(world.expire(at(72)).await.unwrap().is_empty());
    let again = world.propose(world.draft("9000").await, &Requester::system(), at(73)).await;
    assert_eq!(again.unwrap().view.proposal.id.to_string(), "P-2");
}

pub(crate) async fn numbers_have_no_gaps(world: World) {
    for number in 1..=5_u32 {
        let view = world.proposed(&number.to_string()).await;
        assert_eq!(view.proposal.id.0, number);
        let mut bad = world.draft("7").await;
        bad.title = String::new();
        assert!(world.propose(bad, &Requester::system(), at(0)).await.is_err());
    }
}

pub(crate) async fn admins_manage_people(world: World) {
    let world = world.with_people().await;
    let by_ben = world.change_account("ben", password("ben"), account("eve", &["admin"]), at(1));
    assert!(matches!(by_ben.await, Err(ApprovalError::NotAnAdmin(_))));
    let last = AccountChange { password: None, ..account("ada", &["finops"]) };
    let last = world.change_account("ada", password("ada"), last, at(1)).await;
    assert!(matches!(last, Err(ApprovalError::LastAdmin(_))));
    for bad in ["", "Eve", "e ve", "?", "eve\n", "е"] {
        let named = world.change_account("ada", password("ada"), account(bad, &[]), at(1)).await;
        assert!(matches!(named, Err(ApprovalError::Name(_))), "{bad:?}");
    }
    let without = AccountChange { password: None, ..account("eve", &[]) };
    let without = world.change_account("ada", password("ada"), without, at(1)).await;
    assert!(matches!(without, Err(ApprovalError::NoPassword(_))));
    let second =
        AccountChange { linked_to: Some("cora".to_owned()), ..account("cora-2", &["finops"]) };
    world.change_account("ada", password("ada"), second, at(1)).await.unwrap();
    let proposed = world.proposed("32000").await;
    world.approve(&proposed, "cora").await.unwrap();
    let linked = world.approve(&proposed, "cora-2").await;
    assert!(matches!(linked, Err(ApprovalError::Refused(Refusal::AlreadyApproved { .. }))));
    world.change_password("cora", password("cora"), password("new cora"), at(1)).await.unwrap();
    let old = world.authenticate("cora", password("cora"), at(1)).await;
    assert!(matches!(old, Err(ApprovalError::WrongCredential)));
    world.authenticate("cora", password("new cora"), at(1)).await.unwrap();
}
