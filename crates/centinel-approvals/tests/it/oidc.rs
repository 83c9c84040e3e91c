//! Sign-in through a company's identity provider, and every way of misusing it.

use centinel_approvals::{
    AccountChange, ApprovalError, OutsideAccount, SignedIn,
    oidc::{
        Arrived, Callback, Completed, GroupRoles, OidcError, Provider, ProviderSettings, Providers,
        Round,
    },
};
use centinel_engine::proposal::{Channel, Status};
use centinel_store::audit;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    bypass::run,
    oidc::provider::{CLIENT, Fake, Key, SECRET},
    world::{World, account, at, decision, password},
};

pub(crate) mod provider;
mod tokens;

use self::tokens::Change;
pub(crate) use self::tokens::{
    forged_tokens_let_nobody_in, keys_rotate_within_limits, providers_must_be_who_they_say,
};

const BACK: &str = "http://localhost:8787/sign-in/callback/company";

fn settings(fake: &Fake) -> ProviderSettings {
    ProviderSettings {
        name: "company".to_owned(),
        title: "Example Company".to_owned(),
        issuer: fake.issuer(),
        client_id: CLIENT.to_owned(),
        client_secret: Some(SECRET.into()),
        scopes: vec!["profile".to_owned()],
        second_factor: ["mfa".to_owned(), "urn:example:two".to_owned()].into(),
        creates_accounts: false,
        groups: None,
    }
}

fn providers(settings: ProviderSettings) -> Providers {
    Providers::new(vec![settings]).unwrap()
}

fn seconds(after: Timestamp, seconds: i64) -> Timestamp {
    after.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

/// The account of whoever signs in at the provider now.
fn outside(fake: &Fake) -> OutsideAccount {
    let set = fake.set();
    format!("oidc:{}@{}", set.subject, set.issuer).parse().unwrap()
}

/// A world whose Ben is linked to the provider's person.
async fn linked(world: World) -> (World, Fake) {
    let world = world.with_people().await;
    let fake = Fake::start().await;
    world.link_as_admin("ada", password("ada"), "ben", &outside(&fake), at(0)).await.unwrap();
    (world, fake)
}

/// Out and back, all of it at one instant.
async fn go(
    world: &World,
    fake: &Fake,
    provider: &Provider,
    round: Round<'_>,
    now: Timestamp,
) -> Result<Completed, OidcError> {
    let begun = world.begin_sign_in_with(provider, round, BACK, "/inbox", now).await?;
    fake.set().now = now.as_second();
    let (state, code) = fake.agrees(&begun.location);
    let callback = back(&state, &code);
    world.complete_sign_in_with(provider, &begun.browser_secret, callback, BACK, now).await
}

fn back(state: &str, code: &str) -> Callback {
    Callback {
        state: Some(state.to_owned()),
        code: Some(code.to_owned()),
        issuer: None,
        error: None,
    }
}

async fn sign_in(
    world: &World,
    fake: &Fake,
    provider: &Provider,
    now: Timestamp,
) -> Result<SignedIn, OidcError> {
    let completed = go(world, fake, provider, Round::SignIn, now).await?;
    assert_eq!(completed.goes_to, "/inbox");
    match completed.arrived {
        Arrived::SignedIn(signed_in) => Ok(*signed_in),
        other => panic!("{other:?}"),
    }
}

/// The last entry of the log.
async fn last_entry(world: &World) -> audit::AuditEntry {
    let head = audit::head(&world.database).await.unwrap();
    audit::entries_after(&world.database, head.sequence - 1).await.unwrap().pop().unwrap()
}

/// A person signs in with each kind of key, decides, and proves themselves afresh for what cannot be
/// undone.
pub(crate) async fn people_sign_in_with_the_company(world: World) {
    let (world, fake) = linked(world).await;
    let providers = providers(settings(&fake));
    let company = providers.named("company").unwrap();
    let view = world.proposed("9000").await;
    let signed_in = sign_in(&world, &fake, company, at(1)).await.unwrap();
    assert_eq!(signed_in.session.person, "ben");
    assert!(!signed_in.session.has_second_factor);
    assert!(!signed_in.session.is_fresh(at(1)), "the provider may remember them from yesterday");
    assert!(!format!("{signed_in:?}").contains(&signed_in.secret));
    let decided = centinel_approvals::Decision { channel: Channel::Web, ..decision(&view) };
    let (secret, csrf) = (&signed_in.secret, &signed_in.csrf_token);
    let approved = world.decide_in_session(decided, secret, csrf, at(1)).await.unwrap();
    assert_eq!(approved.status, Status::Approved);

    // Keys of every kind that is taken.
    for (key, algorithms) in [
        (Key::p384("a"), &["ES384"][..]),
        (Key::ed25519("b"), &["EdDSA", "Ed25519"]),
        (Key::rsa("c"), &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
    ] {
        for algorithm in algorithms {
            let key = match key.id.as_str() {
                "a" => Key::p384("a"),
                "b" => Key::ed25519("b"),
                _ => Key::rsa("c"),
            };
            let providers = self::providers(settings(&fake));
            {
                let mut set = fake.set();
                set.keys = vec![Key::p256("other"), key];
                set.signs = 1;
                set.tamper = Some(Box::new(|header, claims| {
                    header["alg"] = (*algorithm).into();
                    // The hash that goes with it is checked elsewhere.
                    claims.as_object_mut().unwrap().remove("at_hash");
                }));
            }
            let company = providers.named("company").unwrap();
            let signed_in = sign_in(&world, &fake, company, at(2)).await;
            assert_eq!(signed_in.unwrap().session.person, "ben", "{algorithm}");
        }
    }
    fake.set().tamper = None;

    // What counts as a second factor, the configuration says.
    let providers = self::providers(settings(&fake));
    let company = providers.named("company").unwrap();
    for (claim, value, expected) in [
        ("amr", json!(["pwd", "mfa"]), true),
        ("amr", json!(["pwd"]), false),
        ("acr", json!("urn:example:two"), true),
        ("acr", json!("MFA"), false),
    ] {
        let shown = format!("{claim} {value}");
        fake.set().tamper = Some(Box::new(move |_, claims| claims[claim] = value.clone()));
        let signed_in = sign_in(&world, &fake, company, at(3)).await.unwrap();
        assert_eq!(signed_in.session.has_second_factor, expected, "{shown}");
    }
    fake.set().tamper = None;
}

/// What cannot be undone takes a proof that the provider says is fresh, of the person themselves.
pub(crate) async fn fresh_proofs_come_from_the_provider(world: World) {
    let (world, fake) = linked(world).await;
    let providers = providers(settings(&fake));
    let company = providers.named("company").unwrap();
    let mut draft = world.draft("900").await;
    draft.reversible = false;
    let system = centinel_approvals::Requester::system();
    let view = world.propose(draft, &system, at(0)).await.unwrap().view;
    let signed_in = sign_in(&world, &fake, company, at(1)).await.unwrap();
    let (secret, csrf) = (signed_in.secret.as_str(), signed_in.csrf_token.as_str());
    let decide = async |now| {
        let decided = centinel_approvals::Decision { channel: Channel::Web, ..decision(&view) };
        world.decide_in_session(decided, secret, csrf, now).await
    };
    let stale = decide(at(1)).await;
    assert!(matches!(stale, Err(ApprovalError::ProveAgain(_))), "{stale:?}");

    let again = Round::ProveAgain(secret, csrf);
    let forged = go(&world, &fake, company, Round::ProveAgain(secret, "forged"), at(1)).await;
    assert!(matches!(forged, Err(OidcError::Approval(ApprovalError::WrongCsrfToken))));
    let begun = world.begin_sign_in_with(company, again, BACK, "/", at(1)).await.unwrap();
    assert!(begun.location.contains("prompt=login&max_age=0"), "{}", begun.location);
    let changes: [(&str, Change); 3] = [
        ("no auth_time", |claims| {
            claims.as_object_mut().unwrap().remove("auth_time");
        }),
        ("an old one", |claims| claims["auth_time"] = (at(1).as_second() - 61).into()),
        ("one of the future", |claims| claims["auth_time"] = (at(1).as_second() + 61).into()),
    ];
    for (what, change) in changes {
        fake.set().tamper = Some(Box::new(move |_, claims| change(claims)));
        let refused = go(&world, &fake, company, again, at(1)).await;
        assert!(matches!(refused, Err(OidcError::NotFresh { .. })), "{what}: {refused:?}");
        assert!(decide(at(1)).await.is_err(), "{what}");
    }
    fake.set().tamper = None;
    // Somebody else, who is linked to somebody else, or to nobody.
    fake.set().subject = "somebody".to_owned();
    let other = go(&world, &fake, company, again, at(1)).await;
    assert!(matches!(other, Err(OidcError::SomebodyElse)), "{other:?}");
    let theirs = outside(&fake);
    world.link_as_admin("ada", password("ada"), "cora", &theirs, at(1)).await.unwrap();
    let other = go(&world, &fake, company, again, at(1)).await;
    assert!(matches!(other, Err(OidcError::SomebodyElse)), "{other:?}");
    fake.set().subject = "7f3a".to_owned();
    let proved = go(&world, &fake, company, again, at(1)).await.unwrap();
    assert!(matches!(proved.arrived, Arrived::ProvedAgain));
    // Ben is no approver of purchases here; that he proved himself is what changed.
    let decided = decide(seconds(at(1), 299)).await;
    assert!(!matches!(decided, Err(ApprovalError::ProveAgain(_))), "{decided:?}");
    let late = decide(seconds(at(1), 301)).await;
    assert!(matches!(late, Err(ApprovalError::ProveAgain(_))), "{late:?}");
}

/// A round is of one browser, one provider, ten minutes, and once.
pub(crate) async fn a_round_belongs_to_one_browser_and_counts_once(world: World) {
    let (world, fake) = linked(world).await;
    let providers = Providers::new(vec![
        settings(&fake),
        ProviderSettings {
            name: "other".to_owned(),
            issuer: "http://127.0.0.1:1".to_owned(),
            ..settings(&fake)
        },
    ])
    .unwrap();
    let company = providers.named("company").unwrap();
    let begin = async || {
        let begun = world.begin_sign_in_with(company, Round::SignIn, BACK, "/", at(1)).await;
        let begun = begun.unwrap();
        fake.set().now = at(1).as_second();
        let (state, code) = fake.agrees(&begun.location);
        (begun.browser_secret, state, code)
    };
    let complete = async |secret: &str, callback: Callback, now| {
        world.complete_sign_in_with(company, secret, callback, BACK, now).await
    };
    let not_pending = |result: Result<Completed, OidcError>, what: &str| {
        assert!(matches!(result, Err(OidcError::NotPending)), "{what}: {result:?}");
    };

    // Another browser's cookie with this state, this cookie with another state, no state at all.
    let (mine, my_state, my_code) = begin().await;
    let (theirs, their_state, their_code) = begin().await;
    assert!(!my_state.contains(&mine) && my_state != their_state);
    not_pending(complete(&theirs, back(&my_state, &my_code), at(1)).await, "another browser");
    not_pending(complete(&mine, back(&their_state, &their_code), at(1)).await, "another state");
    not_pending(
        complete(&mine, Callback { state: None, ..back("", &my_code) }, at(1)).await,
        "none",
    );
    not_pending(complete("", back("", &my_code), at(1)).await, "no cookie");
    // None of these used the round up: no page of another site can take it away.
    assert!(complete(&mine, back(&my_state, &my_code), at(1)).await.is_ok());
    // Once.
    not_pending(complete(&mine, back(&my_state, &my_code), at(1)).await, "twice");
    // The code of one round in another one: PKCE and nonce are those of the first.
    let (third, third_state, _) = begin().await;
    let swapped = complete(&third, back(&third_state, &their_code), at(1)).await;
    assert!(
        matches!(&swapped, Err(OidcError::Refused(said)) if said == "invalid_grant"),
        "{swapped:?}"
    );
    not_pending(complete(&third, back(&third_state, &their_code), at(1)).await, "after a failure");
    // Of clicks at the same time one counts.
    let (four, state, code) = begin().await;
    let (one, two) = tokio::join!(
        complete(&four, back(&state, &code), at(1)),
        complete(&four, back(&state, &code), at(1)),
    );
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);

    // Time.
    let (late, state, code) = begin().await;
    not_pending(complete(&late, back(&state, &code), seconds(at(1), 600)).await, "too late");
    let (early, state, code) = begin().await;
    not_pending(complete(&early, back(&state, &code), seconds(at(1), -1)).await, "set back");

    // Another provider's address to come back to, or another one that answers.
    let (mixed, state, code) = begin().await;
    let other = providers.named("other").unwrap();
    let callback = back(&state, &code);
    let result = world.complete_sign_in_with(other, &mixed, callback, BACK, at(1)).await;
    not_pending(result, "another provider");
    let (mixed, state, code) = begin().await;
    let issuer = Some("https://evil.example".to_owned());
    let refused = complete(&mixed, Callback { issuer, ..back(&state, &code) }, at(1)).await;
    assert!(refused.unwrap_err().to_string().contains("another provider answered"));
    let (named, state, code) = begin().await;
    let issuer = Some(fake.issuer());
    assert!(complete(&named, Callback { issuer, ..back(&state, &code) }, at(1)).await.is_ok());

    // The provider says no, or nothing.
    let (no, state, _) = begin().await;
    let error = Some("access_denied\u{202e}\n".to_owned());
    let callback = Callback { error, code: None, ..back(&state, "") };
    let refused = complete(&no, callback, at(1)).await.unwrap_err().to_string();
    assert_eq!(refused, "the identity provider refused: access_denied\u{fffd} ");
    for code in [String::new(), "x".repeat(5_000)] {
        let (none, state, _) = begin().await;
        let refused = complete(&none, back(&state, &code), at(1)).await;
        assert!(refused.unwrap_err().to_string().contains("no code"));
    }

    // A token of an earlier round: its nonce is another.
    let kept = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let keep = std::sync::Arc::clone(&kept);
    fake.set().rewrite = Some(Box::new(move |_, token| {
        token.clone_into(&mut keep.lock().unwrap());
        token
    }));
    sign_in(&world, &fake, company, at(1)).await.unwrap();
    fake.set().rewrite = Some(Box::new(move |_, _| kept.lock().unwrap().clone()));
    let replayed = sign_in(&world, &fake, company, at(1)).await.unwrap_err();
    assert!(matches!(replayed, OidcError::Claim { name: "nonce", .. }), "{replayed}");
    fake.set().rewrite = None;

    // Another address to come back to than the one that the provider was told.
    let (moved, state, code) = begin().await;
    let callback = back(&state, &code);
    let elsewhere = "http://localhost:9999/sign-in/callback/company";
    let refused = world.complete_sign_in_with(company, &moved, callback, elsewhere, at(1)).await;
    assert!(matches!(refused, Err(OidcError::Refused(_))));
}

/// A link is what the log says, and ends sessions with it; nothing that a provider calls somebody is one.
pub(crate) async fn sign_ins_follow_the_log(world: World) {
    let (world, fake) = linked(world).await;
    let providers = providers(settings(&fake));
    let company = providers.named("company").unwrap();
    let holds = async |secret: &str, now| world.session(secret, now).await.unwrap().is_some();
    let ben = sign_in(&world, &fake, company, at(1)).await.unwrap();
    assert!(holds(&ben.secret, at(1)).await);
    // Unlinked: over. Linked again: still over, and a new one begins.
    world.unlink("ada", password("ada"), &outside(&fake), seconds(at(1), 1)).await.unwrap();
    assert!(!holds(&ben.secret, seconds(at(1), 2)).await);
    let nobody = sign_in(&world, &fake, company, seconds(at(1), 2)).await;
    assert!(matches!(nobody, Err(OidcError::NotLinked(_))), "{nobody:?}");
    let linked = world
        .link_as_admin("ada", password("ada"), "ben", &outside(&fake), seconds(at(1), 3))
        .await;
    linked.unwrap();
    assert!(!holds(&ben.secret, seconds(at(1), 4)).await);
    let ben = sign_in(&world, &fake, company, seconds(at(1), 4)).await.unwrap();
    assert!(holds(&ben.secret, seconds(at(1), 4)).await);
    // Deactivated: over, and no other begins, also while the link is looked at.
    let change =
        AccountChange { active: false, password: None, ..account("ben", &["owner:search"]) };
    world.change_account("ada", password("ada"), change, seconds(at(1), 5)).await.unwrap();
    assert!(!holds(&ben.secret, seconds(at(1), 6)).await);
    let refused = sign_in(&world, &fake, company, seconds(at(1), 6)).await;
    assert!(matches!(refused, Err(OidcError::NotLinked(_) | OidcError::NotActive)), "{refused:?}");

    // Whoever is signed in links themselves: fresh, with their own form, to nobody else's account.
    fake.set().subject = "cora-there".to_owned();
    let cora = world.sign_in("cora", password("cora"), at(2)).await.unwrap();
    let link = Round::Link(&cora.secret, &cora.csrf_token);
    let stale = go(&world, &fake, company, link, seconds(at(2), 301)).await;
    assert!(
        matches!(stale, Err(OidcError::Approval(ApprovalError::ProveAgainToLink))),
        "{stale:?}"
    );
    let forged = go(&world, &fake, company, Round::Link(&cora.secret, "forged"), at(2)).await;
    assert!(matches!(forged, Err(OidcError::Approval(ApprovalError::WrongCsrfToken))));
    let made = go(&world, &fake, company, link, at(2)).await.unwrap();
    assert!(matches!(made.arrived, Arrived::Linked(account) if account == outside(&fake)));
    let signed_in = sign_in(&world, &fake, company, at(2)).await.unwrap();
    assert_eq!(signed_in.session.person, "cora");
    let dora = world.sign_in("dora", password("dora"), at(2)).await.unwrap();
    let link = Round::Link(&dora.secret, &dora.csrf_token);
    let taken = go(&world, &fake, company, link, at(2)).await;
    assert!(
        matches!(taken, Err(OidcError::Approval(ApprovalError::AlreadyLinked(_)))),
        "{taken:?}"
    );
}

/// Rows that somebody put into the database link nobody, sign nobody in and prove nothing.
pub(crate) async fn forged_rounds_lead_nowhere(world: World) {
    let (world, fake) = linked(world).await;
    let providers = providers(settings(&fake));
    let company = providers.named("company").unwrap();
    let intruder = world.intruder().await;
    // Cora has a session; its digest is in the log for everybody who can read the database.
    let cora = world.sign_in("cora", password("cora"), at(1)).await.unwrap();
    let digest = centinel_engine::facts::sha256_hex(cora.secret.as_bytes());
    fake.set().subject = "attacker".to_owned();
    fake.set().now = at(1).as_second();
    for purpose in ["link", "prove_again", "sign_in", "anything"] {
        let begun =
            world.begin_sign_in_with(company, Round::SignIn, BACK, "/", at(1)).await.unwrap();
        let edited =
            format!("update pending_sign_in set purpose = '{purpose}', session = '{digest}'");
        assert_eq!(run(&intruder, &edited).await.unwrap(), 1);
        let (state, code) = fake.agrees(&begun.location);
        // The attacker proves themselves afresh, as themselves.
        fake.set().tamper = Some(Box::new(|_, claims| claims["auth_time"] = claims["iat"].clone()));
        let callback = back(&state, &code);
        let done = world
            .complete_sign_in_with(company, &begun.browser_secret, callback, BACK, at(1))
            .await;
        let refused = matches!(
            (purpose, &done),
            ("link" | "anything", Err(OidcError::NotPending))
                | ("prove_again", Err(OidcError::SomebodyElse))
                | ("sign_in", Err(OidcError::NotLinked(_)))
        );
        assert!(refused, "{purpose}: {done:?}");
    }
    assert!(world.links().await.unwrap().iter().all(|link| link.person == "ben"));

    // A round that somebody else made up, with a browser secret of their own.
    let made_up = "insert into pending_sign_in (digest, provider, purpose, session, goes_to, \
                   begun_at) values ('00', 'company', 'sign_in', '', '//evil.example', 1)";
    assert_eq!(run(&intruder, made_up).await.unwrap(), 1);
    let none = world.complete_sign_in_with(company, "00", back("00", "c"), BACK, at(1)).await;
    assert!(matches!(none, Err(OidcError::NotPending)));
    // A thousand people who went away are forgotten.
    for _ in 0..3 {
        world.begin_sign_in_with(company, Round::SignIn, BACK, "/", at(2)).await.unwrap();
    }
    let (kept,): (i64,) =
        sqlx::query_as("select count(*) from pending_sign_in").fetch_one(&intruder).await.unwrap();
    assert_eq!(kept, 3);
}

/// Accounts made at the first sign-in can do nothing; groups give what the configuration says.
pub(crate) async fn accounts_and_roles_follow_the_configuration(world: World) {
    let (world, fake) = linked(world).await;
    let groups = GroupRoles {
        claim: "groups".to_owned(),
        roles: [("finops-team".to_owned(), ["finops".parse().unwrap()].into())].into(),
    };
    let providers = providers(ProviderSettings {
        creates_accounts: true,
        groups: Some(groups),
        ..settings(&fake)
    });
    let company = providers.named("company").unwrap();
    let as_somebody = |subject: &str, claims: Value| {
        let mut set = fake.set();
        set.subject = subject.to_owned();
        set.tamper = Some(Box::new(move |_, token| {
            for (name, value) in claims.as_object().unwrap() {
                token[name] = value.clone();
            }
        }));
    };
    let people = async || world.people().await.unwrap();
    // Called like Ben, with Ben's address; another person.
    as_somebody("x1", json!({ "email": "ben@example.com", "preferred_username": "Ben" }));
    let new = sign_in(&world, &fake, company, at(1)).await.unwrap();
    assert_eq!(new.session.person, "ben-2");
    let person = people().await.get("ben-2").unwrap().clone();
    assert!(person.roles.is_empty() && person.active && person.human == "ben-2");
    let view = world.proposed("9000").await;
    let decided = centinel_approvals::Decision { channel: Channel::Web, ..decision(&view) };
    let refused = world.decide_in_session(decided, &new.secret, &new.csrf_token, at(1)).await;
    assert!(refused.unwrap_err().is_refusal());
    // The same person again, whatever they are called now.
    as_somebody("x1", json!({ "preferred_username": "somebody-else" }));
    assert_eq!(sign_in(&world, &fake, company, at(1)).await.unwrap().session.person, "ben-2");
    for (name, expected) in [("", "person"), ("\u{430}\u{431}", "person-2"), ("A B/../C", "ab..c")]
    {
        as_somebody(
            &format!("of {expected}").replace(' ', "-"),
            json!({ "preferred_username": name }),
        );
        assert_eq!(sign_in(&world, &fake, company, at(1)).await.unwrap().session.person, expected);
    }

    // Groups: given, kept, taken; every change in the log, with its reason.
    as_somebody("x1", json!({ "groups": ["finops-team", "others"] }));
    let before = audit::head(&world.database).await.unwrap().sequence;
    let with = sign_in(&world, &fake, company, at(2)).await.unwrap();
    assert_eq!(people().await.get("ben-2").unwrap().roles, ["finops".parse().unwrap()].into());
    let written = audit::entries_after(&world.database, before).await.unwrap();
    let actions: Vec<&str> = written.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["sign_in.roles", "person.set", "session.begun"]);
    assert_eq!(written[0].payload["groups"], json!(["finops-team", "others"]));
    assert!(world.session(&with.secret, at(2)).await.unwrap().is_some());
    let again = sign_in(&world, &fake, company, at(2)).await.unwrap();
    assert!(world.session(&with.secret, at(2)).await.unwrap().is_some(), "nothing changed");
    // They vote, and lose the group: session and vote are gone.
    let decided = centinel_approvals::Decision { channel: Channel::Web, ..decision(&view) };
    world.decide_in_session(decided, &again.secret, &again.csrf_token, at(2)).await.unwrap();
    as_somebody("x1", json!({ "groups": [] }));
    sign_in(&world, &fake, company, at(3)).await.unwrap();
    assert!(people().await.get("ben-2").unwrap().roles.is_empty());
    assert!(world.session(&again.secret, at(3)).await.unwrap().is_none());
    // More groups than fit into a token are not none.
    as_somebody("x1", json!({ "_claim_names": { "groups": "src1" } }));
    assert!(sign_in(&world, &fake, company, at(3)).await.is_err());
    // Whoever was sent away does not come back as somebody new, with the roles of their groups.
    let gone = AccountChange { active: false, password: None, ..account("ben-2", &[]) };
    world.change_account("ada", password("ada"), gone, at(3)).await.unwrap();
    let count = people().await.iter().count();
    as_somebody("x1", json!({ "preferred_username": "new", "groups": ["finops-team"] }));
    let refused = sign_in(&world, &fake, company, at(3)).await;
    assert!(matches!(refused, Err(OidcError::NotLinked(_))), "{refused:?}");
    assert_eq!(people().await.iter().count(), count);
    // What an admin gave stays.
    as_somebody("7f3a", json!({ "groups": [] }));
    let ben = sign_in(&world, &fake, company, at(3)).await.unwrap();
    assert_eq!(people().await.get(&ben.session.person).unwrap().roles.len(), 1);
}
