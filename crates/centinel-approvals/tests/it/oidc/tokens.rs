//! Tokens that are not the issuer's word, keys that change, providers that are somebody else.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use centinel_approvals::oidc::{GroupRoles, OidcError, ProviderSettings, Providers, TokenType};
use centinel_store::audit;
use serde_json::{Value, json};

use super::{last_entry, linked, providers, seconds, settings, sign_in};
use crate::{
    oidc::provider::{CLIENT, Fake, Key, token},
    world::{World, at},
};

/// Changes to header and claims.
type Tamper = fn(&mut Value, &mut Value);
/// Changes to claims, or to a document.
pub(super) type Change = fn(&mut Value);
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
            |_, c| c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA".into(),
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
