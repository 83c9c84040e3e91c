//! Who may at all: policies at the moment of a decision, tokens, and what is seen.

use std::collections::BTreeSet;

use centinel_approvals::{ApprovalError, Approvals, NewToken, Requester};
use centinel_engine::proposal::{Command, Deed, Facts, Principal, Refusal, Status};
use centinel_store::{StoreError, audit};
use jiff::{SignedDuration, Timestamp};
use sqlx::AssertSqlSafe;

use crate::world::{P1, World, account, at, decision, password, token};

fn barred(result: Result<impl std::fmt::Debug, ApprovalError>, deed: Deed) {
    match result {
        Err(ApprovalError::Refused(Refusal::NotEligible { deed: found, .. })) => {
            assert_eq!(found, deed);
        }
        other => panic!("{other:?}"),
    }
}

/// What a policy forbids is refused at each step, and leaves a trace.
pub(crate) async fn policies_are_asked_at_every_step(world: World) {
    let world = world.with_people().await;
    let view = world.proposed("9000").await;
    let forbid = |who: &str, action: &str| {
        let text = format!(
            "@id(\"own\")\n@reason(\"a test\")\nforbid ({who}, action == Action::\"{action}\", \
             resource is Proposal);"
        );
        world.under_access(&text)
    };
    let cora = "principal == Person::\"cora\"";
    for (action, deed) in [("approve", Deed::Approve), ("reject", Deed::Reject)] {
        let service = forbid(cora, action);
        let seen = service.show(P1, at(1)).await.unwrap();
        let is_named = seen.standing.eligible.contains(&"cora".to_owned());
        assert_eq!(is_named, deed == Deed::Reject, "standing says so before anybody tries");
        let decided = match deed {
            Deed::Approve => decision(&view),
            _ => crate::world::rejection(&view, "no"),
        };
        barred(service.decide(decided, "cora", password("cora"), at(1)).await, deed);
    }
    let draft = world.draft("100").await;
    let system = forbid("principal is System", "propose");
    barred(system.propose(draft.clone(), &Requester::system(), at(1)).await, Deed::Propose);
    let people = forbid("principal is Person", "propose");
    let ben = world.authenticate("ben", password("ben"), at(1)).await.unwrap();
    barred(people.propose(draft.clone(), &ben, at(1)).await, Deed::Propose);
    let agents = forbid("principal is Agent", "propose");
    barred(agents.propose(draft, &Requester::local_agent(), at(1)).await, Deed::Propose);
    let system = forbid("principal is System", "withdraw");
    barred(system.withdraw(P1, &Requester::system(), at(1)).await, Deed::Withdraw);

    // A policy that forbids execution stops what was approved under that very policy.
    let held = forbid("principal is System", "execute");
    let approved = held.decide(decision(&view), "cora", password("cora"), at(1)).await.unwrap();
    assert_eq!(approved.status, Status::Approved);
    let begun = held.execute(P1, &Command::BeginExecution, &Facts::Hold, at(2)).await;
    barred(begun, Deed::Execute);
    let entries = audit::entries_after(&world.database, 0).await.unwrap();
    let refused = entries.iter().filter(|entry| entry.action == "refused").count();
    assert_eq!(refused, 3, "two decisions and a withdrawal, by people and agents who were known");
}

/// P13, for access policies: a changed one voids the votes, also when it is changed back.
pub(crate) async fn edited_access_policies_void_votes(world: World) {
    let world = world.with_people().await;
    let view = world.proposed("9000").await;
    assert_eq!(world.approve(&view, "cora").await.unwrap().status, Status::Approved);
    let edited = world.under_access(
        "@id(\"own\")\n@reason(\"a test\")\n\
         forbid (principal == Person::\"mallory\", action, resource);",
    );
    assert_ne!(edited.access().digest(), world.access().digest());
    let begun = edited.execute(P1, &Command::BeginExecution, &Facts::Hold, at(2)).await;
    assert!(matches!(begun, Err(ApprovalError::Refused(Refusal::NoLongerApproved { .. }))));
    let refreshed = edited.execute(P1, &Command::Refresh, &Facts::Unchecked, at(2)).await.unwrap();
    assert_eq!((refreshed.status, refreshed.standing.approved_by.len()), (Status::Pending, 0));
    let begun = world.execute(P1, &Command::BeginExecution, &Facts::Hold, at(3)).await;
    assert!(begun.unwrap_err().is_refusal(), "the old policy does not bring the vote back");
    let again = world.decide(decision(&view), "dora", password("dora"), at(3)).await;
    assert_eq!(again.unwrap().status, Status::Approved);
}

/// Proposals are seen by policy: in lists, one by one, and by whoever asked for them.
pub(crate) async fn proposals_are_seen_by_policy(world: World) {
    let world = world.with_people().await;
    for (name, role) in [("ann", "owner:ads"), ("mel", "member:search"), ("zoe", "member:none")] {
        let change = account(name, &[role]);
        world.change_account("ada", password("ada"), change, at(0)).await.unwrap();
    }
    world.proposed("9000").await;
    let zoe = world.authenticate("zoe", password("zoe"), at(0)).await.unwrap();
    let own = world.propose(world.draft("700").await, &zoe, at(0)).await.unwrap().view.proposal.id;
    let everything = vec![P1, own];
    for (name, seen) in [
        ("ada", everything.clone()),
        ("ben", everything.clone()),
        ("mel", everything.clone()),
        ("finn", everything),
        ("ann", vec![]),
        ("zoe", vec![own]),
        ("nobody", vec![]),
    ] {
        let sight = world.sight(&Principal::person(name), &BTreeSet::new()).await.unwrap();
        let service = world.seen_by(sight);
        let ids = |views: Vec<centinel_approvals::View>| {
            views.iter().map(|view| view.proposal.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(service.inbox(at(1)).await.unwrap()), seen, "{name}");
        assert_eq!(ids(service.all(at(1)).await.unwrap()), seen, "{name}");
        for id in [P1, own] {
            let shown = service.show(id, at(1)).await;
            assert_eq!(shown.is_ok(), seen.contains(&id), "{name} {id}");
            if let Err(error) = shown {
                let not_found = ApprovalError::Refused(Refusal::NotFound { id });
                assert_eq!(error.to_string(), not_found.to_string(), "not told that it is there");
            }
        }
    }
}

/// A token lasts until it is revoked, expires, or its person goes; it proposes no more than its person
/// may.
pub(crate) async fn tokens_end(world: World) {
    let world = world.with_people().await;
    let make =
        async |wanted: NewToken| world.create_token("ada", password("ada"), wanted, at(0)).await;
    let of_ben =
        NewToken { acts_for: Some("ben".to_owned()), ..token("bens", &["read", "propose"]) };
    let of_ben = make(of_ben).await.unwrap();
    let short = NewToken { expires_at: Some(finely(2)), ..token("short", &["read"]) };
    let short = make(short).await.unwrap();
    let past = NewToken { expires_at: Some(at(0)), ..token("past", &["read"]) };
    assert!(matches!(make(past).await, Err(ApprovalError::ExpiredToken(_))));
    assert!(matches!(make(token("none", &[])).await, Err(ApprovalError::NoScope(_))));
    for name in ["local", "terminal"] {
        let reserved = make(token(name, &["read"])).await;
        assert!(matches!(reserved, Err(ApprovalError::ReservedName(_))), "{name}");
    }
    let not_admin =
        world.create_token("cora", password("cora"), token("x", &["read"]), at(0)).await;
    assert!(matches!(not_admin, Err(ApprovalError::NotAnAdmin(_))));

    assert!(world.token(&short, at(1)).await.is_ok());
    assert!(matches!(world.token(&short, at(2)).await, Err(ApprovalError::WrongToken)));
    assert!(world.token_named("short", at(1)).await.is_ok());
    assert!(world.token(&format!("{short}0"), at(1)).await.is_err());
    let listed = world.tokens().await.unwrap();
    let names: Vec<&str> = listed.iter().map(|listed| listed.token.name.as_str()).collect();
    assert_eq!(names, ["bens", "short"]);

    let agent = world.authenticate_token(&of_ben, at(1)).await.unwrap();
    assert!(world.propose(world.draft("100").await, &agent, at(1)).await.is_ok());
    let gone = centinel_approvals::AccountChange {
        active: false,
        password: None,
        ..account("ben", &["owner:search"])
    };
    world.change_account("ada", password("ada"), gone, at(2)).await.unwrap();
    assert!(matches!(world.token(&of_ben, at(2)).await, Err(ApprovalError::WrongToken)));
    // A requester that was made before is no way around it.
    barred(world.propose(world.draft("200").await, &agent, at(2)).await, Deed::Propose);
    assert!(world.revoke_token("ada", password("ada"), "short", at(1)).await.unwrap());
    assert!(world.token(&short, at(1)).await.is_err());
    assert!(!world.revoke_token("ada", password("ada"), "short", at(1)).await.unwrap());
}

/// Rows that nobody but the database knows: tokens, sessions and factors made without the log.
pub(crate) async fn forged_rows_prove_nothing(world: World) {
    let world = world.with_people().await;
    let wanted = token("bot", &["read"]);
    let secret = world.create_token("ada", password("ada"), wanted, at(0)).await.unwrap();
    let signed_in = world.sign_in("ben", password("ben"), at(0)).await.unwrap();
    let (_, codes) = enrolled(&world, "cora", at(0)).await;
    let intruder = world.intruder().await;
    let run = async |statement: String| {
        sqlx::query(AssertSqlSafe(statement)).execute(&intruder).await.unwrap();
    };
    let digest = centinel_engine::facts::sha256_hex(b"forged");
    run(format!(
        "insert into service_token (name, digest, scopes, acts_for, is_revoked, expires_at) \
         values ('forged', '{digest}', 'read,propose', '', 0, 0)"
    ))
    .await;
    let forged = world.token("forged", at(1)).await;
    assert!(matches!(forged, Err(ApprovalError::Store(StoreError::Corrupt { .. }))));
    run("update service_token set scopes = 'read,propose' where name = 'bot'".to_owned()).await;
    let widened = world.token(&secret, at(1)).await;
    assert!(matches!(widened, Err(ApprovalError::Store(StoreError::Corrupt { .. }))));

    run(format!("insert into session_use (digest, used_at) values ('{digest}', 1)")).await;
    assert!(world.session("forged", at(1)).await.unwrap().is_none());
    run("delete from session_use".to_owned()).await;
    assert!(world.session(&signed_in.secret, minutes(1)).await.unwrap().is_some());

    // A second factor that is deleted is missed, not forgotten.
    run("delete from credential where person = 'cora' and factor = 'totp'".to_owned()).await;
    let without = world.authenticate("cora", password("cora"), at(1)).await;
    assert!(matches!(without, Err(ApprovalError::Store(StoreError::Corrupt { .. }))));
    drop(codes);
}

/// Hours after the start, and less than what the database keeps.
fn finely(hours: i64) -> Timestamp {
    at(hours).checked_add(SignedDuration::from_nanos(7)).unwrap()
}

pub(crate) fn minutes(minutes: i64) -> Timestamp {
    at(0).checked_add(SignedDuration::from_mins(minutes)).unwrap()
}

/// Sets up a second factor: the key as text, and the recovery codes.
pub(crate) async fn enrolled(
    service: &Approvals,
    name: &str,
    now: Timestamp,
) -> (String, Vec<String>) {
    let enrolment = service.begin_second_factor(name).unwrap();
    let first = centinel_approvals::Code::new(&crate::sessions::code(&enrolment.secret, now));
    let codes =
        service.confirm_second_factor(name, password(name), &enrolment, &first, now).await.unwrap();
    (enrolment.secret.clone(), codes)
}
