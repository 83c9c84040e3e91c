//! Accounts outside: who they are here, and what they may decide. Each scenario after the first is an
//! attack.

use centinel_approvals::{
    ApprovalError, Approvals, Attested, Code, OutsideAccount, Proof, Service, Verdict,
};
use centinel_engine::proposal::{Channel, Refusal, Status};
use centinel_store::{StoreError, audit};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    access::enrolled,
    audit::disarm,
    bypass::{insert, run},
    world::{P1, World, account, at, decision, password, rejection},
};

fn minutes(minutes: i64) -> Timestamp {
    at(1).checked_add(SignedDuration::from_mins(minutes)).unwrap()
}

fn login(login: &str) -> Attested {
    Attested::of_forge(Service::Github, "github.com", login).unwrap()
}

async fn linked(world: &World, login_name: &str, person: &str) {
    let code = world.begin_link(&login(login_name), at(0)).await.unwrap();
    let link = world.finish_link(&code, person, password(person), at(0)).await.unwrap();
    assert_eq!((link.person.as_str(), link.account.id()), (person, login_name));
}

async fn refusals(world: &World) -> usize {
    let entries = audit::entries_of_action(&world.database, "refused").await.unwrap();
    entries.len()
}

/// A code, a proof, a vote that says where it came from; the log tells all of it and verifies.
pub(crate) async fn a_code_links_once_and_votes_count(world: World) {
    let world = world.with_people().await;
    let view = world.proposed("9000").await;
    let ben = login("Ben-Of-Search");
    let first = world.begin_link(&ben, minutes(0)).await.unwrap();
    let code = world.begin_link(&ben, minutes(1)).await.unwrap();
    let replaced = world.account_of_code(&first, minutes(1)).await;
    assert!(matches!(replaced, Err(ApprovalError::NoCode)), "the last one counts");
    let shown = world.account_of_code(&code.to_lowercase(), minutes(2)).await.unwrap();
    assert_eq!(shown.to_string(), "github:ben-of-search@github.com");
    assert_eq!(world.linked_person(&ben).await.unwrap(), None);
    world.second.finish_link(&code, "ben", password("ben"), minutes(2)).await.unwrap();
    assert_eq!(world.linked_person(&ben).await.unwrap().as_deref(), Some("ben"));
    let again = world.finish_link(&code, "cora", password("cora"), minutes(3)).await;
    assert!(matches!(again, Err(ApprovalError::NoCode)), "a code counts once");

    let approved = world.decide_by_link(&ben, decision(&view), minutes(4)).await.unwrap();
    assert_eq!(approved.status, Status::Approved);
    let event = serde_json::to_value(&approved.events).unwrap().to_string();
    assert!(event.contains("pull_request") && event.contains("\"ben\""), "{event}");
    let links = world.links().await.unwrap();
    assert_eq!(links.len(), 1);
    assert_eq!(links[0].linked_by, "person:ben");

    let account = ben.account().clone();
    let others = world.unlink("cora", password("cora"), &account, minutes(5)).await;
    assert!(matches!(others, Err(ApprovalError::NotAnAdmin(_))), "{others:?}");
    assert!(world.unlink("ben", password("ben"), &account, minutes(6)).await.unwrap());
    assert!(!world.unlink("ben", password("ben"), &account, minutes(6)).await.unwrap());
    assert_eq!(world.links().await.unwrap(), []);
    let made = world.link_as_admin("ada", password("ada"), "ben", &account, minutes(7)).await;
    assert_eq!(made.unwrap().linked_by, "person:ada");
    assert!(world.unlink("ada", password("ada"), &account, minutes(8)).await.unwrap());
    let verified = audit::verify(&world.database, None).await.unwrap();
    assert_eq!(verified.fault, None);
}

/// Codes that are old, guessed, or asked for all the time.
pub(crate) async fn codes_end(world: World) {
    let world = world.with_people().await;
    let ben = login("ben");
    let code = world.begin_link(&ben, minutes(0)).await.unwrap();
    let late = world.finish_link(&code, "ben", password("ben"), minutes(10)).await;
    assert!(matches!(late, Err(ApprovalError::NoCode)));
    let early = world.finish_link(&code, "ben", password("ben"), minutes(-1)).await;
    assert!(matches!(early, Err(ApprovalError::NoCode)), "a clock that was set back");
    for guess in ["", "0000-0000-0000-0000", "x", &"0".repeat(5000)] {
        let guessed = world.finish_link(guess, "ben", password("ben"), minutes(2)).await;
        assert!(matches!(guessed, Err(ApprovalError::NoCode)), "{guess:?}");
    }
    assert_eq!(refusals(&world).await, 6, "each try is in the log");
    let wrong = world.finish_link(&code, "ben", password("cora"), minutes(2)).await;
    assert!(matches!(wrong, Err(ApprovalError::WrongCredential)));
    for minute in 1..=4 {
        world.begin_link(&ben, minutes(minute)).await.unwrap();
    }
    let many = world.begin_link(&ben, minutes(5)).await;
    assert!(matches!(many, Err(ApprovalError::TooManyCodes(_))));
    world.begin_link(&ben, minutes(11)).await.unwrap();
    assert_eq!(world.links().await.unwrap(), []);
}

/// Two people at once want the same account, through two processes: one has it.
pub(crate) async fn an_account_has_one_person(world: World) {
    let world = world.with_people().await;
    let shared = login("shared");
    let account = shared.account().clone();
    let (one, two) = tokio::join!(
        world.link_as_admin("ada", password("ada"), "ben", &account, at(1)),
        world.second.link_as_admin("ada", password("ada"), "cora", &account, at(1)),
    );
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "{one:?} {two:?}");
    let holder = world.linked_person(&shared).await.unwrap().unwrap();
    let code = world.begin_link(&shared, at(2)).await.unwrap();
    let thief = world.finish_link(&code, "dora", password("dora"), at(2)).await;
    assert!(matches!(thief, Err(ApprovalError::AlreadyLinked(_))));
    assert_eq!(world.linked_person(&shared).await.unwrap(), Some(holder));
    // An admin's right takes an admin's proof, and a link takes a person: tokens and strangers are none.
    let by_ben = world.link_as_admin("ben", password("ben"), "ben", &account, at(2)).await;
    assert!(matches!(by_ben, Err(ApprovalError::NotAnAdmin(_))));
    let token = crate::world::token("bot", &["read", "propose"]);
    world.create_token("ada", password("ada"), token, at(2)).await.unwrap();
    let robot: OutsideAccount = "github:robot".parse().unwrap();
    for nobody in ["bot", "agent:bot", "nobody", ""] {
        let made = world.link_as_admin("ada", password("ada"), nobody, &robot, at(2)).await;
        assert!(matches!(made, Err(ApprovalError::NoAccount(_))), "{nobody}");
    }
    for bot in ["dependabot[bot]", "centinel[bot]", "a b", ""] {
        assert!(Attested::of_forge(Service::Github, "github.com", bot).is_err(), "{bot}");
    }
    let chat = Attested::of_forge(Service::Slack, "T1", "U1");
    assert!(matches!(chat, Err(ApprovalError::NotAForge(_))), "a chat attests nothing this way");
}

/// Everything that a linked account is not enough for.
pub(crate) async fn links_decide_no_more_than_they_may(world: World) {
    let world = world.with_people().await;
    let view = world.proposed("9000").await;
    let stranger = world.decide_by_link(&login("stranger"), decision(&view), at(1)).await;
    assert!(matches!(stranger, Err(ApprovalError::NotLinked(_))));
    for person in ["ada", "ben", "cora", "finn"] {
        linked(&world, &format!("gh-{person}"), person).await;
    }
    let before = refusals(&world).await;
    let (ben, cora, finn) = (login("gh-ben"), login("gh-cora"), login("gh-finn"));
    // The same login at another host is another account.
    let elsewhere = Attested::of_forge(Service::Github, "ghe.example", "gh-ben").unwrap();
    let other = world.decide_by_link(&elsewhere, decision(&view), at(1)).await;
    assert!(matches!(other, Err(ApprovalError::NotLinked(_))));
    let no_role = world.decide_by_link(&finn, decision(&view), at(1)).await;
    assert!(matches!(no_role, Err(ApprovalError::Refused(Refusal::NoRole { .. }))));
    for verdict in [
        Verdict::BreakGlass { reason: "fire".to_owned(), ticket: "INC-1".to_owned() },
        Verdict::Review { note: "fine".to_owned() },
    ] {
        let mut decision = decision(&view);
        decision.verdict = verdict;
        // Named as another channel: the account's own is what counts.
        decision.channel = Channel::Cli;
        let decided = world.decide_by_link(&ben, decision, at(1)).await;
        assert!(matches!(decided, Err(ApprovalError::NotByLink { .. })), "{decided:?}");
    }
    let mut stale = decision(&view);
    stale.version = 2;
    let stale = world.decide_by_link(&ben, stale, at(1)).await;
    assert!(matches!(stale, Err(ApprovalError::Refused(Refusal::OtherVersion { .. }))));
    // A second factor is not claimed.
    let text =
        crate::world::POLICY.replacen("approvers = 1", "approvers = 1\nsecond_factor = true", 1);
    let strict: Approvals = world.under(&text);
    let refused = strict.decide_by_link(&ben, decision(&view), at(1)).await;
    assert!(matches!(refused, Err(ApprovalError::SecondFactorNeeded(P1))), "{refused:?}");
    // Above the amount the policy wants other channels.
    let large = world.proposed("200000").await;
    let refused = world.decide_by_link(&cora, decision(&large), at(1)).await;
    assert!(matches!(refused, Err(ApprovalError::Refused(Refusal::Channel { .. }))));
    // What cannot be undone, under a policy that would allow every channel.
    let lax = world.under(
        "currency = \"USD\"\nexpires_after_hours = 72\nopen_per_requester = 100\n[[rule]]\n\
         name = \"all\"\nreason = \"r\"\napprovers = 1\nroles = [\"finops\", \"owner\"]\n",
    );
    let mut draft = world.draft("70").await;
    draft.reversible = false;
    let system = centinel_approvals::Requester::system();
    let purchase = lax.propose(draft, &system, at(0)).await.unwrap().view;
    let refused = lax.decide_by_link(&cora, decision(&purchase), at(1)).await;
    assert!(matches!(refused, Err(ApprovalError::NotByLink { .. })), "{refused:?}");
    assert_eq!(refusals(&world).await, before + 8, "each try is in the log");
    // Saying no is always possible.
    let rejected = lax.decide_by_link(&cora, rejection(&purchase, "no"), at(1)).await;
    assert_eq!(rejected.unwrap().status, Status::Rejected);
    // Another account of the same human is the same human.
    let mut twin = account("ben-two", &["owner:search"]);
    twin.linked_to = Some("ben".to_owned());
    world.change_account("ada", password("ada"), twin, at(1)).await.unwrap();
    linked(&world, "gh-ben-two", "ben-two").await;
    let two = world.proposed("10001").await;
    world.decide_by_link(&ben, decision(&two), at(1)).await.unwrap();
    let again = world.decide_by_link(&login("gh-ben-two"), decision(&two), at(1)).await;
    assert!(matches!(again, Err(ApprovalError::Refused(Refusal::AlreadyApproved { .. }))));
    let requester = world.authenticate("ada", password("ada"), at(1)).await.unwrap();
    let own = world.propose(world.draft("4321").await, &requester, at(1)).await.unwrap().view;
    let own = world.decide_by_link(&login("gh-ada"), decision(&own), at(1)).await;
    assert!(matches!(own, Err(ApprovalError::Refused(Refusal::Requester { .. }))));
}

/// Somebody leaves, and comes back: the old link does not come back with them.
pub(crate) async fn links_end_with_the_account(world: World) {
    let world = world.with_people().await;
    let view = world.proposed("9000").await;
    linked(&world, "gh-ben", "ben").await;
    let mut gone = account("ben", &["owner:search"]);
    gone.active = false;
    world.change_account("ada", password("ada"), gone, at(1)).await.unwrap();
    let ben = login("gh-ben");
    for _ in 0..2 {
        let decided = world.decide_by_link(&ben, decision(&view), at(2)).await;
        assert!(matches!(decided, Err(ApprovalError::NotLinked(_))), "{decided:?}");
        assert_eq!(world.linked_person(&ben).await.unwrap(), None);
        assert_eq!(world.links().await.unwrap(), []);
        let back = account("ben", &["owner:search"]);
        world.change_account("ada", password("ada"), back, at(2)).await.unwrap();
    }
    let code = world.begin_link(&ben, at(3)).await.unwrap();
    world.finish_link(&code, "ben", password("ben"), at(3)).await.unwrap();
    // A change of roles is no end.
    let roles = account("ben", &["owner:search", "member:other"]);
    world.change_account("ada", password("ada"), roles, at(4)).await.unwrap();
    world.decide_by_link(&ben, decision(&view), at(5)).await.unwrap();
}

/// A session links within five minutes of a proof, and only from our own page.
pub(crate) async fn sessions_link_while_fresh(world: World) {
    let world = world.with_people().await;
    let signed_in = world.sign_in("ben", password("ben"), minutes(0)).await.unwrap();
    let (secret, csrf) = (signed_in.secret.as_str(), signed_in.csrf_token.as_str());
    let code = world.begin_link(&login("gh-ben"), minutes(6)).await.unwrap();
    let forged = world.finish_link_in_session(&code, secret, "x", minutes(6)).await;
    assert!(matches!(forged, Err(ApprovalError::WrongCsrfToken)));
    let old = world.finish_link_in_session(&code, secret, csrf, minutes(6)).await;
    assert!(matches!(old, Err(ApprovalError::ProveAgainToLink)));
    let nobody = Approvals::csrf_token("nobody");
    let none = world.finish_link_in_session(&code, "nobody", &nobody, minutes(6)).await;
    assert!(matches!(none, Err(ApprovalError::NoSession)));
    world.confirm_session(secret, csrf, password("ben"), minutes(7)).await.unwrap();
    let link = world.finish_link_in_session(&code, secret, csrf, minutes(8)).await.unwrap();
    assert_eq!(link.person, "ben");
}

/// Somebody who can write to the database: neither a row nor an entry makes a link.
pub(crate) async fn forged_links_count_for_nothing(world: World) {
    let world = world.with_people().await;
    let view = world.proposed("9000").await;
    let (mine, theirs) = (login("mallory"), login("gh-ben"));
    let code = world.begin_link(&mine, at(1)).await.unwrap();
    world.begin_link(&theirs, at(1)).await.unwrap();
    let intruder = world.intruder().await;
    disarm(&intruder, world.database.backend()).await;
    // Mallory's code pointed at Ben's account, so that Mallory's sign-in would get it.
    let pointed = "update link_code set account = 'github:gh-ben@github.com' \
                   where account = 'github:mallory@github.com'";
    assert_eq!(run(&intruder, pointed).await.unwrap(), 1);
    let finished = world.finish_link(&code, "cora", password("cora"), at(1)).await;
    assert!(matches!(finished, Err(ApprovalError::NoCode)), "{finished:?}");
    // An entry, rightly chained, that says Mallory is Ben.
    let head = audit::head(&world.database).await.unwrap();
    let mut entry = audit::RawEntry {
        sequence: head.sequence + 1,
        at: at(1).as_microsecond(),
        actor: "person:ben".to_owned(),
        action: "link.made".to_owned(),
        subject: format!("link:{}", mine.account()),
        payload: centinel_engine::facts::canonical_json(&json!({ "person": "ben" })).unwrap(),
        previous: head.hash,
        hash: String::new(),
    };
    entry.hash = entry.rehashed();
    insert(&intruder, &entry).await.unwrap();
    let moved =
        format!("update audit_head set sequence = {}, hash = '{}'", entry.sequence, entry.hash);
    assert_eq!(run(&intruder, &moved).await.unwrap(), 1);
    let decided = world.decide_by_link(&mine, decision(&view), at(2)).await;
    assert!(
        matches!(decided, Err(ApprovalError::Store(StoreError::Corrupt { .. }))),
        "{decided:?}"
    );
    assert_eq!(world.show(P1, at(2)).await.unwrap().status, Status::Pending);
    let found = audit::verify(&world.database, None).await.unwrap();
    assert_eq!(found.fault, Some(audit::AuditFault::Unsigned { sequence: entry.sequence }));
}

/// A code that proved somebody for nothing is spent like any other: whoever saw it cannot use it.
pub(crate) async fn what_changes_no_link_spends_its_code(world: World) {
    let world = world.with_people().await;
    let (key, _) = enrolled(&world, "ben", minutes(0)).await;
    let proof =
        |now| Proof::new(password("ben"), Some(Code::new(&crate::sessions::code(&key, now))));
    let account = login("ben").account().clone();
    let now = minutes(5);
    assert!(!world.unlink("ben", proof(now), &account, now).await.unwrap(), "there is none");
    let again = world.sign_in("ben", proof(now), now).await;
    assert!(again.is_err(), "{again:?}");
    world.link_as_admin("ada", password("ada"), "ben", &account, now).await.unwrap();
    let code = world.begin_link(&login("ben"), minutes(10)).await.unwrap();
    let now = minutes(10);
    world.finish_link(&code, "ben", proof(now), now).await.unwrap();
    let again = world.sign_in("ben", proof(now), now).await;
    assert!(again.is_err(), "{again:?}");
}
