//! Sign-in through a company's identity provider, and every way of misusing it.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use centinel_approvals::{
    AccountChange, ApprovalError, OutsideAccount, SignedIn,
    oidc::{
        Arrived, Callback, Completed, GroupRoles, OidcError, Provider, ProviderSettings, Providers,
        Round, TokenType,
    },
};
use centinel_engine::proposal::{Channel, Status};
use centinel_store::audit;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    bypass::run,
    oidc::provider::{CLIENT, Fake, Key, SECRET, token},
    world::{World, account, at, decision, password},
};

pub(crate) mod provider;

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

/// Changes to header and claims.
type Tamper = fn(&mut Value, &mut Value);
/// Changes to claims, or to a document.
type Change = fn(&mut Value);
/// Changes to a token after it was signed.
type Rewrite = fn(String) -> String;
type ChangeSettings = fn(&mut ProviderSettings);

/// Each of these is refused, with its reason, and leaves a trace; then the true one is let in.
pub(crate) async fn forged_tokens_let_nobody_in(world: World) {
    let (world, fake) = linked(world).await;
    let now = at(1);
    let attacks: &[(&str, Tamper, &str)] = &[
        ("no algorithm", |h, _| h["alg"] = "none".into(), "signed with `none`"),
        ("no algorithm in capitals", |h, _| h["alg"] = "nOnE".into(), "signed with `nOnE`"),
        ("the public key as secret", |h, _| h["alg"] = "HS256".into(), "signed with `HS256`"),
        ("another algorithm's name", |h, _| h["alg"] = "RS256".into(), "no key `one`"),
        ("another curve's name", |h, _| h["alg"] = "ES384".into(), "no key `one`"),
        ("a key that is not there", |h, _| h["kid"] = "two".into(), "no key `two`"),
        ("a key named as a path", |h, _| h["kid"] = "../../etc/passwd".into(), "no key `../../etc"),
        ("no key where that is unclear", |h, _| h["kid"] = Value::Null, ""),
        ("what must be understood", |h, _| h["crit"] = json!(["exp"]), "demands"),
        ("an access token", |h, _| h["typ"] = "at+jwt".into(), "made for something else"),
        ("a logout token", |h, _| h["typ"] = "logout+jwt".into(), "made for something else"),
        ("another issuer", |_, c| c["iss"] = "https://evil.example".into(), "`iss`"),
        (
            "the issuer with a slash",
            |_, c| {
                c["iss"] = format!("{}/", c["iss"].as_str().unwrap()).into();
            },
            "`iss`",
        ),
        ("another audience", |_, c| c["aud"] = "another".into(), "`aud`"),
        (
            "no audience",
            |_, c| {
                c.as_object_mut().unwrap().remove("aud");
            },
            "claims cannot be read",
        ),
        ("an empty list of audiences", |_, c| c["aud"] = json!([]), "`aud`"),
        ("several audiences without azp", |_, c| c["aud"] = json!([CLIENT, "another"]), "`azp`"),
        (
            "several audiences, made for another",
            |_, c| {
                c["aud"] = json!([CLIENT, "another"]);
                c["azp"] = "another".into();
            },
            "`azp`",
        ),
        ("made for another", |_, c| c["azp"] = "another".into(), "`azp`"),
        ("expired", |_, c| c["exp"] = (c["iat"].as_i64().unwrap() - 60).into(), "`exp`"),
        (
            "no expiry",
            |_, c| {
                c.as_object_mut().unwrap().remove("exp");
            },
            "claims cannot be read",
        ),
        ("an expiry in words", |_, c| c["exp"] = "4102444800".into(), "claims cannot be read"),
        ("an expiry beyond time", |_, c| c["exp"] = json!(1e300), "claims cannot be read"),
        ("not yet", |_, c| c["nbf"] = (c["iat"].as_i64().unwrap() + 61).into(), "`nbf`"),
        ("not yet, in words", |_, c| c["nbf"] = "9999999999".into(), "claims cannot be read"),
        ("not yet, as nothing", |_, c| c["nbf"] = Value::Null, "claims cannot be read"),
        ("made in the future", |_, c| c["iat"] = (c["iat"].as_i64().unwrap() + 61).into(), "`iat`"),
        (
            "made before it was asked for",
            |_, c| {
                c["iat"] = (c["iat"].as_i64().unwrap() - 61).into();
            },
            "`iat`",
        ),
        (
            "made at no time",
            |_, c| {
                c.as_object_mut().unwrap().remove("iat");
            },
            "`iat`",
        ),
        ("another nonce", |_, c| c["nonce"] = "0".into(), "`nonce`"),
        (
            "no nonce",
            |_, c| {
                c.as_object_mut().unwrap().remove("nonce");
            },
            "`nonce`",
        ),
        ("a nonce of another type", |_, c| c["nonce"] = json!(["x"]), "claims cannot be read"),
        (
            "another access token",
            |_, c| c["at_hash"] = "MTIzNDU2Nzg5MDEyMzQ1Ng".into(),
            "`at_hash`",
        ),
        ("somebody who is not linked", |_, c| c["sub"] = "7f3b".into(), "nobody here is linked"),
        ("a subject in other letters", |_, c| c["sub"] = "7F3A".into(), "nobody here is linked"),
        ("no subject", |_, c| c["sub"] = "".into(), "`sub`"),
        ("an endless subject", |_, c| c["sub"] = "x".repeat(256).into(), "`sub`"),
        ("a subject that looks like another", |_, c| c["sub"] = "7f3a\u{200b}".into(), "account `"),
        (
            "somebody else's address",
            |_, c| {
                c["sub"] = "attacker".into();
                c["email"] = "ben@example.com".into();
                c["email_verified"] = true.into();
                c["preferred_username"] = "ben".into();
            },
            "nobody here is linked",
        ),
        ("too long", |_, c| c["padding"] = "x".repeat(40_000).into(), "too long"),
    ];
    for (name, tamper, expected) in attacks {
        let providers = providers(settings(&fake));
        let company = providers.named("company").unwrap();
        {
            let mut set = fake.set();
            set.keys = vec![Key::p256("one")];
            set.tamper = Some(Box::new(*tamper));
        }
        if *name == "no key where that is unclear" {
            fake.set().keys.push(Key::p256("two"));
        }
        let before = audit::head(&world.database).await.unwrap();
        let refused = sign_in(&world, &fake, company, now).await;
        let error = refused.expect_err(name).to_string();
        let expected = if expected.is_empty() { "several could be the token's" } else { expected };
        assert!(error.contains(expected), "{name}: {error}");
        let entry = last_entry(&world).await;
        assert_eq!(entry.sequence, before.sequence + 1, "{name}: one trace and nothing else");
        assert_eq!(entry.action, "sign_in.refused", "{name}");
    }

    // What is done to a token after it was signed.
    let rewrites: &[(&str, Rewrite, &str)] = &[
        (
            "a claim exchanged",
            |token| {
                let parts: Vec<&str> = token.split('.').collect();
                let claims = BASE64_URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
                let claims = String::from_utf8(claims).unwrap().replace("7f3a", "7f3b");
                format!("{}.{}.{}", parts[0], BASE64_URL_SAFE_NO_PAD.encode(claims), parts[2])
            },
            "signature is wrong",
        ),
        (
            "the signature cut off",
            |token| format!("{}.", token.rsplit_once('.').unwrap().0),
            "signature is wrong",
        ),
        (
            "the signature left out",
            |token| token.rsplit_once('.').unwrap().0.to_owned(),
            "three parts",
        ),
        ("a part too many", |token| format!("{token}.e30"), "three parts"),
        ("padded", |token| format!("{token}="), "three parts"),
        ("another base64", |token| token.replace(['-', '_'], "+") + "+", "three parts"),
        ("not a token", |_| "hello".to_owned(), "three parts"),
        ("nothing", |_| String::new(), "three parts"),
        (
            "a header twice",
            |token| {
                let (_, rest) = token.split_once('.').unwrap();
                let header = r#"{"alg":"ES256","alg":"none","kid":"one"}"#;
                format!("{}.{rest}", BASE64_URL_SAFE_NO_PAD.encode(header))
            },
            "header",
        ),
    ];
    for (name, rewrite, expected) in rewrites {
        let providers = providers(settings(&fake));
        let company = providers.named("company").unwrap();
        {
            let mut set = fake.set();
            set.tamper = None;
            let rewrite = *rewrite;
            set.rewrite = Some(Box::new(move |_, token| rewrite(token)));
        }
        let error = sign_in(&world, &fake, company, now).await.expect_err(name).to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }

    // A key of the attacker's own, and every way for a header to bring it along.
    let attacker = Key::p256("one");
    let jwk = attacker.jwk();
    let evil = Fake::start().await;
    evil.set().keys = vec![attacker];
    for (name, member) in [
        ("jwk", jwk.clone()),
        ("jku", format!("{}/keys", evil.issuer()).into()),
        ("x5u", format!("{}/keys", evil.issuer()).into()),
        ("x5c", json!(["MIIB"])),
    ] {
        let providers = providers(settings(&fake));
        let company = providers.named("company").unwrap();
        let evil = evil.clone();
        {
            let mut set = fake.set();
            set.rewrite = Some(Box::new(move |grant, token| {
                let claims = token.split('.').nth(1).unwrap();
                let claims: Value =
                    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap())
                        .unwrap();
                assert_eq!(claims["nonce"], grant.query["nonce"]);
                let mut header = json!({ "alg": "ES256", "kid": "one" });
                header[name] = member.clone();
                self::token(&evil.set().keys[0], &header, &claims)
            }));
        }
        let error = sign_in(&world, &fake, company, now).await.expect_err(name);
        assert!(matches!(error, OidcError::Signature), "{name}: {error}");
    }
    assert_eq!(evil.asked("keys"), 0, "no address of a header is ever asked");

    fake.set().rewrite = None;
    let providers = providers(settings(&fake));
    let company = providers.named("company").unwrap();
    let signed_in = sign_in(&world, &fake, company, now).await.unwrap();
    assert_eq!(signed_in.session.person, "ben");
    // Members of a header that name keys are not read, so a true signature counts beside them.
    fake.set().tamper = Some(Box::new(|header, _| header["jku"] = "https://evil.example".into()));
    assert!(sign_in(&world, &fake, company, now).await.is_ok());
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

/// Keys are read again for one that is not known, and not for every token that names one.
pub(crate) async fn keys_rotate_within_limits(world: World) {
    let (world, fake) = linked(world).await;
    let providers = providers(settings(&fake));
    let company = providers.named("company").unwrap();
    let sign_in = async |now| sign_in(&world, &fake, company, now).await;
    sign_in(at(1)).await.unwrap();
    sign_in(at(1)).await.unwrap();
    assert_eq!((fake.asked("discovery"), fake.asked("keys")), (1, 1));
    // The provider signs with a new key; after a minute it is asked for.
    fake.set().keys = vec![Key::p256("new")];
    assert!(matches!(sign_in(seconds(at(1), 59)).await, Err(OidcError::UnknownKey(_))));
    assert_eq!(fake.asked("keys"), 1);
    sign_in(seconds(at(1), 60)).await.unwrap();
    assert_eq!(fake.asked("keys"), 2);
    // A hundred tokens that name keys which nobody has: one question.
    let key = Key::p256("x");
    for number in 0..100 {
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": format!("k{number}") });
        let token = token(&key, &header, &json!({}));
        let at = seconds(at(1), 130);
        let refused = company.check(&token, TokenType::Access, "api", at).await;
        assert!(matches!(refused, Err(OidcError::UnknownKey(_))));
    }
    assert_eq!(fake.asked("keys"), 3);
    // A provider that has no answer is asked no more often.
    fake.set().key_set = Some("no".to_owned());
    let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": "gone" });
    let unknown = token(&key, &header, &json!({}));
    for expected in [4, 4, 4] {
        let at = seconds(at(1), 200);
        assert!(company.check(&unknown, TokenType::Access, "api", at).await.is_err());
        assert_eq!(fake.asked("keys"), expected);
    }
    // A key that was withdrawn counts for an hour at most.
    fake.set().key_set = Some(r#"{"keys":[]}"#.to_owned());
    sign_in(at(2)).await.unwrap();
    assert!(matches!(sign_in(seconds(at(2), 131)).await, Err(OidcError::UnknownKey(_))));

    // Keys of other purposes, types and algorithms are no keys; two of one name are none.
    let good = Key::p256("k");
    fake.set().keys = vec![Key::p256("k")];
    let with = |member: &str, value: Value| {
        let mut jwk = good.jwk();
        jwk[member] = value;
        jwk
    };
    let mut hour = 3;
    for (what, keys, expected) in [
        ("as it is", vec![good.jwk()], true),
        ("unnamed", vec![with("kid", Value::Null)], false),
        ("for encryption", vec![with("use", "enc".into())], false),
        ("for signing only", vec![with("key_ops", json!(["sign"]))], false),
        ("to verify", vec![with("key_ops", json!(["verify"]))], true),
        ("of another algorithm", vec![with("alg", "ES384".into())], false),
        ("of this algorithm", vec![with("alg", "ES256".into())], true),
        ("a shared secret", vec![json!({ "kty": "oct", "kid": "k", "k": "c2VjcmV0" })], false),
        ("off the curve", vec![with("x", BASE64_URL_SAFE_NO_PAD.encode([1; 32]).into())], false),
        ("short", vec![with("x", "AQ".into())], false),
        ("two of one name", vec![good.jwk(), good.jwk()], false),
        ("one name, two types", vec![good.jwk(), Key::ed25519("k").jwk()], true),
        ("beside strange ones", vec![json!(7), json!({}), good.jwk()], true),
        ("too many", vec![good.jwk(); 65], false),
    ] {
        hour += 2;
        fake.set().key_set = Some(json!({ "keys": keys }).to_string());
        // Another client may have asked for it: an access token is for whoever `aud` says.
        let claims = json!({ "iss": fake.issuer(), "sub": "s", "aud": "api", "azp": "another",
            "exp": at(hour).as_second() + 60, "iat": at(hour).as_second() });
        let header = json!({ "alg": "ES256", "typ": "application/AT+JWT", "kid": "k" });
        let token = token(&good, &header, &claims);
        let checked = company.check(&token, TokenType::Access, "api", at(hour)).await;
        assert_eq!(checked.is_ok(), expected, "{what}: {checked:?}");
        // The same token opens nothing for another audience, and signs nobody in.
        assert!(company.check(&token, TokenType::Access, "other", at(hour)).await.is_err());
        assert!(company.check(&token, TokenType::Id, "api", at(hour)).await.is_err());
    }
}

/// Documents that are not the provider's, and providers that nobody could trust.
pub(crate) async fn providers_must_be_who_they_say(world: World) {
    let (world, fake) = linked(world).await;
    let wrong: &[(&str, Change, &str)] = &[
        ("another issuer", |d| d["issuer"] = "https://evil.example".into(), "not of `http://127"),
        (
            "an issuer with a slash",
            |d| {
                d["issuer"] = format!("{}/", d["issuer"].as_str().unwrap()).into();
            },
            "not of",
        ),
        (
            "no issuer",
            |d| {
                d.as_object_mut().unwrap().remove("issuer");
            },
            "missing field",
        ),
        (
            "plain tokens elsewhere",
            |d| {
                d["token_endpoint"] = "http://evil.example/token".into();
            },
            "is no address",
        ),
        (
            "plain keys elsewhere",
            |d| d["jwks_uri"] = "http://evil.example/k".into(),
            "is no address",
        ),
        ("keys in a file", |d| d["jwks_uri"] = "file:///etc/passwd".into(), "is no address"),
        (
            "a script",
            |d| {
                d["authorization_endpoint"] = "javascript:alert(1)".into();
            },
            "is no address",
        ),
        (
            "somebody's password",
            |d| {
                d["token_endpoint"] = "https://a:b@id.example/token".into();
            },
            "is no address",
        ),
        ("no addresses", |d| d["token_endpoint"] = json!({}), "invalid type"),
        ("endless", |d| d["padding"] = "x".repeat(300_000).into(), "longer than"),
        (
            "keys that are moved",
            |d| {
                d["jwks_uri"] = format!("{}/moved", d["issuer"].as_str().unwrap()).into();
            },
            "it answered 302",
        ),
        (
            "keys that are not there",
            |d| {
                d["jwks_uri"] = format!("{}/none", d["issuer"].as_str().unwrap()).into();
            },
            "it answered 404",
        ),
        (
            "one that names itself, and did not",
            |d| {
                d["authorization_response_iss_parameter_supported"] = true.into();
            },
            "did not name itself",
        ),
    ];
    for (name, change, expected) in wrong {
        let providers = providers(settings(&fake));
        fake.set().discovery = Some(Box::new(*change));
        let company = providers.named("company").unwrap();
        let error = sign_in(&world, &fake, company, at(1)).await.expect_err(name).to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
    fake.set().discovery = None;
    for (name, keys) in [
        ("endless keys", format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(300_000))),
        ("no keys", "[]".to_owned()),
        ("keys of another type", r#"{"keys":{}}"#.to_owned()),
    ] {
        let providers = providers(settings(&fake));
        fake.set().key_set = Some(keys);
        let company = providers.named("company").unwrap();
        assert!(sign_in(&world, &fake, company, at(1)).await.is_err(), "{name}");
    }
    fake.set().key_set = None;
    // The secret in the form, where the provider wants it there.
    fake.set().discovery = Some(Box::new(|document| {
        document["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]);
    }));
    let providers = providers(settings(&fake));
    assert!(sign_in(&world, &fake, providers.named("company").unwrap(), at(1)).await.is_ok());
    fake.set().discovery = None;
    // A wrong secret, and none.
    for secret in [Some("wrong".into()), None] {
        let providers =
            self::providers(ProviderSettings { client_secret: secret, ..settings(&fake) });
        let company = providers.named("company").unwrap();
        let refused = sign_in(&world, &fake, company, at(1)).await;
        assert!(matches!(&refused, Err(OidcError::Refused(said)) if said == "invalid_client"));
    }

    // Settings.
    let with = |change: fn(&mut ProviderSettings)| {
        let mut settings = settings(&fake);
        change(&mut settings);
        Providers::new(vec![settings]).map(|_| ()).map_err(|error| error.to_string())
    };
    let admins = |settings: &mut ProviderSettings| {
        let roles = BTreeMap::from([("all".to_owned(), ["admin".parse().unwrap()].into())]);
        settings.groups = Some(GroupRoles { claim: "groups".to_owned(), roles });
    };
    let wrong: [(ChangeSettings, &str); 8] = [
        (|s| s.issuer = "http://id.example".to_owned(), "`https` address"),
        (|s| s.issuer = "https://id.example?x=1".to_owned(), "`https` address"),
        (|s| s.issuer = "https://a:b@id.example".to_owned(), "`https` address"),
        (|s| s.issuer = "id.example".to_owned(), "`https` address"),
        (|s| s.name = "Company".to_owned(), "its name"),
        (|s| s.name = "../x".to_owned(), "its name"),
        (|s| s.client_id = " ".to_owned(), "client_id"),
        (admins, "no role `admin`"),
    ];
    for (change, expected) in wrong {
        let refused = with(change).unwrap_err();
        assert!(refused.contains(expected), "{refused}");
    }
    assert!(with(|s| s.issuer = "https://id.example/tenant/v2.0".to_owned()).is_ok());
    assert!(Providers::new(vec![settings(&fake), settings(&fake)]).is_err());
    assert!(Providers::default().named("company").is_err());
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
