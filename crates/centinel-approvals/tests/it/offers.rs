//! What a person is offered is what the machine then does.

use centinel_approvals::{ApprovalError, Approvals, Requester, View};
use centinel_engine::proposal::{Channel, Principal, Refusal, Status};
use centinel_store::audit;

use crate::world::{P1, World, at, decision, password, rejection};

/// Played before each decision, over people of every kind: the same answer, word for word.
pub(crate) async fn offers_are_what_the_machine_does(world: World) {
    let world = world.with_people().await;
    let view = world.proposed("20000").await;
    for (name, waiting) in [("finn", 0), ("ada", 1), ("cora", 1), ("dora", 1), ("nobody", 0)] {
        let found = world.count_waiting_for(name, Channel::Web, at(0)).await.unwrap();
        assert_eq!(found, waiting, "{name}");
    }
    let mut last = None;
    for name in ["finn", "ben", "ada", "ada", "cora", "dora"] {
        let before = world.offers(name, Channel::Cli, at(1)).await.unwrap().remove(0);
        assert_eq!(before, world.offer(P1, name, Channel::Cli, at(1)).await.unwrap());
        let after = world.approve(&view, name).await;
        match (&before.approve, after) {
            (Ok(()), Ok(after)) => {
                assert_eq!(before.completes, after.status == Status::Approved, "{name}");
                last = Some(after.status);
            }
            (Err(offered), Err(ApprovalError::Refused(refused))) => assert_eq!(*offered, refused),
            (offered, after) => panic!("{name}: offered {offered:?}, then {after:?}"),
        }
    }
    assert_eq!(last, Some(Status::Approved));
    for name in ["finn", "ben"] {
        let offer = world.offer(P1, name, Channel::Cli, at(2)).await.unwrap();
        assert!(matches!(offer.withdraw, Err(Refusal::NotTheRequester { .. })));
        assert!(matches!(offer.review, Err(Refusal::NothingToReview(P1))));
        assert!(matches!(offer.break_glass, Err(Refusal::Status { .. })));
        let decided = world.decide(rejection(&view, "no"), name, password(name), at(2)).await;
        assert_eq!(offer.reject.is_ok(), decided.is_ok(), "{name}");
    }
    let offer = world.offer(P1, "ben", Channel::Cli, at(2)).await.unwrap();
    assert!(matches!(offer.confirm, Err(Refusal::Status { .. })), "{:?}", offer.confirm);
    // Offering wrote nothing: the log has what was done, and what was refused.
    let log = audit::entries_after(&world.database, 0).await.unwrap();
    let refused = log.iter().filter(|entry| entry.action == "refused").count();
    assert_eq!(refused, 5, "Finn twice, and Ada, Cora and Dora once");
}

/// Whoever may not see a proposal is told that there is none, whatever they try on it.
pub(crate) async fn what_is_not_seen_is_not_there_to_decide(world: World) {
    let world = world.with_people().await;
    let view = world.proposed("900").await;
    let mel = crate::world::account("mel", &["owner:ads"]);
    world.change_account("ada", password("ada"), mel, at(0)).await.unwrap();
    let sight = world.sight(&Principal::person("mel"), &[].into()).await.unwrap();
    let seen: Approvals = world.seen_by(sight);
    let is_hidden = |error: ApprovalError| {
        matches!(error, ApprovalError::Refused(Refusal::NotFound { id: P1 }))
    };
    assert!(is_hidden(seen.offer(P1, "mel", Channel::Web, at(1)).await.unwrap_err()));
    assert!(seen.offers("mel", Channel::Web, at(1)).await.unwrap().is_empty());
    let decide = async |view: &View| {
        seen.decide(decision(view), "mel", password("mel"), at(1)).await.unwrap_err()
    };
    assert!(is_hidden(decide(&view).await));
    let mel: Requester = seen.authenticate("mel", password("mel"), at(1)).await.unwrap();
    assert!(is_hidden(seen.withdraw(P1, &mel, at(1)).await.unwrap_err()));
    // Not even whether it could be undone.
    let mut draft = world.draft("901").await;
    draft.reversible = false;
    let other = world.propose(draft, &Requester::system(), at(0)).await.unwrap().view;
    let session = seen.sign_in("mel", password("mel"), at(1)).await.unwrap();
    let late =
        seen.decide_in_session(decision(&other), &session.secret, &session.csrf_token, at(1)).await;
    assert!(matches!(late, Err(ApprovalError::Refused(Refusal::NotFound { .. }))));
    let made = centinel_approvals::Confirmation {
        id: other.proposal.id,
        version: 1,
        digest: other.digest.clone(),
        reference: "PO 4711".to_owned(),
        carried_out_at: at(1),
        channel: Channel::Web,
    };
    let facts = centinel_engine::proposal::Facts::Hold;
    let (secret, token) = (&session.secret, &session.csrf_token);
    let done = seen.confirm_in_session(made, secret, token, &facts, at(1)).await;
    assert!(matches!(done, Err(ApprovalError::Refused(Refusal::NotFound { .. }))), "{done:?}");
    let log = audit::entries_after(&world.database, 0).await.unwrap();
    let traces = log.iter().filter(|entry| {
        entry.action == "refused" && entry.actor == "person:mel" && entry.subject.starts_with("P-")
    });
    assert_eq!(traces.count(), 4);
}

/// A form that is none of the session's is an attempt through somebody's browser: it is kept.
pub(crate) async fn forged_forms_leave_a_trace(world: World) {
    let world = world.with_people().await;
    let mut draft = world.draft("900").await;
    draft.reversible = false;
    let view = world.propose(draft, &Requester::system(), at(0)).await.unwrap().view;
    let session = world.sign_in("finn", password("finn"), at(0)).await.unwrap();
    let (secret, csrf) = (session.secret.as_str(), session.csrf_token.as_str());
    let traces = async || {
        let log = audit::entries_after(&world.database, 0).await.unwrap();
        let refused = log.into_iter().filter(|entry| entry.action == "refused");
        refused.map(|entry| (entry.actor, entry.subject)).collect::<Vec<_>>()
    };
    let forged = [
        world.decide_in_session(decision(&view), secret, "forged", at(0)).await.err(),
        world.confirm_session(secret, "forged", password("finn"), at(0)).await.err(),
        world.requester_in_session(secret, "forged", at(0)).await.err(),
        world.sign_out(secret, "forged", at(0)).await.err(),
    ];
    for error in &forged {
        assert!(matches!(error, Some(ApprovalError::WrongCsrfToken)), "{error:?}");
    }
    let by_finn = ("person:finn".to_owned(), "session".to_owned());
    assert_eq!(traces().await, vec![by_finn; 4]);
    // Of somebody who is nobody, there is nothing to keep.
    assert!(world.sign_out("made up", "forged", at(0)).await.is_err());
    assert_eq!(traces().await.len(), 4);
    let late = crate::access::minutes(20);
    let again = world.decide_in_session(decision(&view), secret, csrf, late).await;
    assert!(matches!(again, Err(ApprovalError::ProveAgain(P1))));
    assert_eq!(traces().await.pop(), Some(("person:finn".to_owned(), "P-1".to_owned())));
}
