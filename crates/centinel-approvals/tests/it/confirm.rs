//! What was carried out by hand: whose word counts, when, once, and with a trace.

use centinel_approvals::{ApprovalError, Approvals, Confirmation, Decision, Verdict, View};
use centinel_engine::{
    money::{Currency, Money},
    proposal::{Change, Channel, Edit, Facts, Occurrence, Refusal, Status},
};
use centinel_store::audit;
use jiff::Timestamp;
use serde_json::json;

use crate::{
    bypass::{insert, run},
    world::{P1, World, at, decision, password},
};

fn confirmation(view: &View, carried_out_at: Timestamp) -> Confirmation {
    Confirmation {
        id: view.proposal.id,
        version: view.proposal.version,
        digest: view.digest[..12].to_owned(),
        reference: "PO 4711".to_owned(),
        carried_out_at,
        channel: Channel::Cli,
    }
}

/// Small enough for two people.
fn cost() -> Money {
    Money { amount: "900".parse().unwrap(), currency: Currency::USD }
}

async fn refusals(world: &World) -> usize {
    let entries = audit::entries_after(&world.database, 0).await.unwrap();
    entries.iter().filter(|entry| entry.action == "refused").count()
}

/// By a person whom the access policy names, for what was approved before, once.
pub(crate) async fn a_word_counts_under_an_approval(world: World) {
    let world = world.with_people().await;
    let view = world.proposed("9000").await;
    let hold = &Facts::Hold;
    let confirm = async |name: &str, confirmation: Confirmation, now: i64| {
        world.confirm(confirmation, name, password(name), hold, at(now)).await
    };
    // Nobody approved it: what was done is not made good.
    let early = confirm("ben", confirmation(&view, at(0)), 0).await;
    let is_pending =
        |error: &ApprovalError| matches!(error, ApprovalError::Refused(Refusal::Status { .. }));
    assert!(early.as_ref().is_err_and(is_pending), "{early:?}");
    world.approve(&view, "ben").await.unwrap();
    let before = confirm("ben", confirmation(&view, at(0)), 2).await.unwrap_err();
    assert!(before.to_string().contains("it was not approved"), "{before}");

    for (wrong, expected) in [
        (Confirmation { version: 2, ..confirmation(&view, at(2)) }, "now at version 1"),
        (
            Confirmation { digest: "0".repeat(12), ..confirmation(&view, at(2)) },
            "is not that of proposal",
        ),
        (
            Confirmation { channel: Channel::Slack, ..confirmation(&view, at(2)) },
            "in the terminal or on the page",
        ),
        (
            Confirmation { channel: Channel::PullRequest, ..confirmation(&view, at(2)) },
            "in the terminal or on the page",
        ),
        (
            Confirmation { reference: "\u{202e}1174 OP".to_owned(), ..confirmation(&view, at(2)) },
            "needs a reference",
        ),
        (confirmation(&view, at(3)), "has not come yet"),
    ] {
        let refused = confirm("ben", wrong, 2).await.unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
    }
    for facts in [Facts::Unchecked, Facts::Changed("the offer is gone".to_owned())] {
        let made = confirmation(&view, at(2));
        let refused = world.confirm(made, "ben", password("ben"), &facts, at(2)).await;
        assert!(refused.is_err(), "{facts:?}");
    }
    let guessed = world
        .confirm(confirmation(&view, at(2)), "ben", password("cora"), hold, at(2))
        .await
        .unwrap_err();
    assert!(matches!(guessed, ApprovalError::WrongCredential), "{guessed}");
    assert_eq!(world.show(P1, at(2)).await.unwrap().status, Status::Approved);
    // Each was somebody known, so each left a trace.
    assert_eq!(refusals(&world).await, 10);

    let done = confirm("cora", confirmation(&view, at(2)), 3).await.unwrap();
    assert_eq!(done.status, Status::Executed);
    let last = done.events.last().unwrap();
    assert_eq!(last.carried_out_at(), Some(at(2)));
    let again = confirm("ben", confirmation(&view, at(3)), 3).await;
    assert!(again.as_ref().is_err_and(is_pending), "{again:?}");
    let entries = audit::entries_after(&world.database, 0).await.unwrap();
    let entry = entries.iter().find(|entry| entry.sequence == done.audit_entry).unwrap();
    assert_eq!(
        (entry.action.as_str(), entry.actor.as_str()),
        ("proposal.confirmed", "person:cora")
    );
    assert!(audit::decides(&entry.action), "it counts with its signature only");
    assert_eq!(entry.payload["what"]["reference"], "PO 4711");
}

/// Of twenty at the same time, one.
pub(crate) async fn many_words_are_one_effect(world: World) {
    let world = world.with_people().await;
    let view = world.proposed("9000").await;
    world.approve(&view, "ben").await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let service: &Approvals = if number % 2 == 0 { &world.approvals } else { &world.second };
        let (service, made) = (service.clone(), confirmation(&view, at(2)));
        tasks.spawn(async move {
            service.confirm(made, "ben", password("ben"), &Facts::Hold, at(2)).await.is_ok()
        });
    }
    let counted = tasks.join_all().await.into_iter().filter(|counted| *counted).count();
    assert_eq!(counted, 1);
    let events = world.show(P1, at(3)).await.unwrap().events;
    let confirmed = events.iter().filter(|event| event.carried_out_at().is_some());
    assert_eq!(confirmed.count(), 1);
}

/// What is carried out from here is nobody's to confirm; what nobody may confirm stays as it is; and a
/// vote that no longer counts covers nothing.
pub(crate) async fn a_word_changes_no_other_rule(world: World) {
    let world = world.with_people().await;
    let edit = Edit {
        repository: "charts".to_owned(),
        file: "values.yaml".to_owned(),
        path: "cpu".to_owned(),
        from: Some("2".to_owned()),
        to: Some("1".to_owned()),
    };
    let mut draft = world.draft("9000").await;
    draft.edits.push(edit);
    let system = centinel_approvals::Requester::system();
    let edited = world.propose(draft, &system, at(0)).await.unwrap().view;
    world.approve(&edited, "ben").await.unwrap();
    let made = confirmation(&edited, at(2));
    let refused = world.confirm(made, "ben", password("ben"), &Facts::Hold, at(2)).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("by Centinel or by a merge"), "{refused}");

    let mut draft = world.draft("8000").await;
    draft.change = Change::Cleanup { resource_ids: vec!["vol-1".to_owned()] };
    draft.cost_touched = Some(cost());
    let purchase = world.propose(draft, &system, at(0)).await.unwrap().view;
    for name in ["cora", "finn"] {
        world.decide(decision(&purchase), name, password(name), at(1)).await.unwrap();
    }
    let barred = world.under_access(
        "@id(\"nobody-confirms\") @reason(\"closed\") \
         forbid (principal is Person, action == Action::\"confirm\", resource is Proposal);",
    );
    let made = || confirmation(&purchase, at(26));
    let refused = barred.confirm(made(), "cora", password("cora"), &Facts::Hold, at(26)).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("does not let `person:cora` confirm"), "{refused}");
    let early = world.confirm(
        confirmation(&purchase, at(20)),
        "cora",
        password("cora"),
        &Facts::Hold,
        at(20),
    );
    assert!(early.await.unwrap_err().to_string().contains("can be executed from"));
    // A session that was not proved lately does not say it of what cannot be undone.
    let session = world.sign_in("cora", password("cora"), at(26)).await.unwrap();
    let late = at(26).checked_add(jiff::SignedDuration::from_mins(20)).unwrap();
    let (secret, token) = (session.secret, session.csrf_token);
    let say = |token: &str, now| {
        let (secret, token) = (secret.clone(), token.to_owned());
        let world = &world;
        let made = Confirmation { channel: Channel::Web, ..made() };
        async move { world.confirm_in_session(made, &secret, &token, &Facts::Hold, now).await }
    };
    let before = refusals(&world).await;
    let stale = say(&token, late).await;
    assert!(matches!(stale, Err(ApprovalError::ProveAgain(_))), "{stale:?}");
    assert_eq!(refusals(&world).await, before + 1, "it is kept, as that of a decision is");
    let foreign = say("not the form's", late).await;
    assert!(matches!(foreign, Err(ApprovalError::WrongCsrfToken)), "{foreign:?}");
    world.confirm_session(&secret, &token, password("cora"), late).await.unwrap();
    let done = say(&token, late).await.unwrap();
    let Occurrence::Confirmed { channel, name, .. } = &done.events.last().unwrap().what else {
        panic!("{done:?}");
    };
    assert_eq!((*channel, name.as_str(), done.status), (Channel::Web, "cora", Status::Executed));

    // Rejecting is how people say that it will not be done.
    let mut draft = world.draft("7000").await;
    draft.change = Change::Cleanup { resource_ids: vec!["vol-2".to_owned()] };
    draft.cost_touched = Some(cost());
    let given_up = world.propose(draft, &system, at(0)).await.unwrap().view;
    for name in ["cora", "finn"] {
        world.decide(decision(&given_up), name, password(name), at(27)).await.unwrap();
    }
    let verdict = Verdict::Reject { reason: "the offer is gone".to_owned() };
    let no = Decision { verdict, ..decision(&given_up) };
    let ended = world.decide(no, "finn", password("finn"), at(28)).await.unwrap();
    assert_eq!(ended.status, Status::Rejected);
}

/// An entry written into the log by somebody without the key confirms nothing.
pub(crate) async fn a_forged_word_counts_for_nothing(world: World) {
    let world = world.with_people().await;
    let view = world.proposed("9000").await;
    world.approve(&view, "ben").await.unwrap();
    let head = audit::head(&world.database).await.unwrap();
    let event = json!({
        "at": at(2).to_string(),
        "actor": { "type": "person", "name": "ben" },
        "what": {
            "event": "confirmed", "name": "ben", "human": "ben", "channel": "cli",
            "reference": "PO 4711", "carried_out_at": at(2).to_string(),
            "version": 1, "digest": view.digest,
        },
    });
    let mut entry = audit::RawEntry {
        sequence: head.sequence + 1,
        at: at(2).as_microsecond(),
        actor: "person:ben".to_owned(),
        action: "proposal.confirmed".to_owned(),
        subject: "P-1".to_owned(),
        payload: centinel_engine::facts::canonical_json(&event).unwrap(),
        previous: head.hash,
        hash: String::new(),
    };
    entry.hash = entry.rehashed();
    let intruder = world.intruder().await;
    insert(&intruder, &entry).await.unwrap();
    let moved =
        format!("update audit_head set sequence = {}, hash = '{}'", entry.sequence, entry.hash);
    assert_eq!(run(&intruder, &moved).await.unwrap(), 1);
    assert!(world.show(P1, at(3)).await.is_err(), "nobody is shown what nobody said");
    let found = audit::verify(&world.database, None).await.unwrap();
    assert_eq!(found.fault, Some(audit::AuditFault::Unsigned { sequence: entry.sequence }));
}
