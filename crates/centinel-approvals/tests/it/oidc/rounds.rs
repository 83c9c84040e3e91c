//! One round of a sign-in: whose it is, and how often it counts.

use super::*;

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
