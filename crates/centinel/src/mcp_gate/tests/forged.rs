//! Tokens that are not the issuer's word for this server, and requests that would pass for others.

use axum::http::{Request, StatusCode};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{ANA, CONFIG, Key, LOCAL, RESOURCE, Site, Stage, clock, list, posted, provider};

type Change = fn(&mut Value, &mut Value);

/// Each of these is 401, with what it was refused for; then the true one is let in.
#[tokio::test(flavor = "multi_thread")]
async fn forged_tokens_open_nothing() {
    let mut stage = Stage::new().await;
    let attacks: &[(&str, Change, &str)] = &[
        ("no algorithm", |h, _| h["alg"] = "none".into(), "signed with `none`"),
        ("no algorithm in capitals", |h, _| h["alg"] = "NONE".into(), "signed with `NONE`"),
        ("the public key as secret", |h, _| h["alg"] = "HS256".into(), "signed with `HS256`"),
        ("another algorithm's name", |h, _| h["alg"] = "RS256".into(), "no key `one`"),
        ("a key that is not there", |h, _| h["kid"] = "two".into(), "no key `two`"),
        ("a key named as a path", |h, _| h["kid"] = "../../dev/null".into(), "no key"),
        ("a key named as a question", |h, _| h["kid"] = "' or 1=1 --".into(), "no key"),
        ("a key that is a list", |h, _| h["kid"] = json!(["one"]), "header is not one"),
        ("a key of its own", |h, _| h["jwk"] = json!({"kty": "EC"}), ""),
        ("a key from elsewhere", |h, _| h["jku"] = "https://evil.example/keys".into(), ""),
        ("what must be understood", |h, _| h["crit"] = json!(["exp"]), "demands"),
        ("an identity token", |h, _| h["typ"] = "JWT".into(), "made for something else"),
        ("a token of no type", |h, _| h["typ"] = Value::Null, "made for something else"),
        ("a logout token", |h, _| h["typ"] = "logout+jwt".into(), "made for something else"),
        ("another audience", |_, c| c["aud"] = "https://other.example/mcp".into(), "`aud`"),
        ("the page's audience", |_, c| c["aud"] = "page".into(), "`aud`"),
        ("a longer audience", |_, c| c["aud"] = format!("{RESOURCE}/").into(), "`aud`"),
        ("an audience in capitals", |_, c| c["aud"] = RESOURCE.to_uppercase().into(), "`aud`"),
        ("no audience", |_, c| drop(c.as_object_mut().unwrap().remove("aud")), "cannot be read"),
        ("an empty list", |_, c| c["aud"] = json!([]), "`aud`"),
        ("another issuer", |_, c| c["iss"] = "https://evil.example".into(), "`iss`"),
        (
            "the issuer with a slash",
            |_, c| c["iss"] = format!("{}/", c["iss"].as_str().unwrap()).into(),
            "`iss`",
        ),
        ("expired", |_, c| c["exp"] = (c["iat"].as_i64().unwrap() - 60).into(), "`exp`"),
        ("no expiry", |_, c| drop(c.as_object_mut().unwrap().remove("exp")), "cannot be read"),
        ("an expiry in words", |_, c| c["exp"] = "9999999999".into(), "cannot be read"),
        ("not yet", |_, c| c["nbf"] = (c["iat"].as_i64().unwrap() + 61).into(), "`nbf`"),
        ("made in the future", |_, c| c["iat"] = (c["iat"].as_i64().unwrap() + 61).into(), "`iat`"),
        ("made at no time", |_, c| drop(c.as_object_mut().unwrap().remove("iat")), "`iat`"),
        ("of nobody", |_, c| c["sub"] = "".into(), "`sub`"),
        ("bound to a key", |_, c| c["cnf"] = json!({"jkt": "x"}), "`cnf`"),
        ("a scope that is a list", |_, c| c["scope"] = json!(["centinel:read"]), "cannot be read"),
    ];
    for (what, change, expected) in attacks {
        let token = stage.changed(change);
        let answer = stage.with_token(&token, &list()).await;
        if expected.is_empty() {
            // What a header says of keys is not read, so it does no harm either.
            assert_eq!(answer.status, StatusCode::OK, "{what}: {}", answer.body);
            continue;
        }
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}: {}", answer.body);
        assert!(answer.body.contains(expected), "{what}: {}", answer.body);
        let challenge = answer.challenge();
        assert!(challenge.contains("error=\"invalid_token\""), "{what}: {challenge}");
        assert!(!answer.body.contains(&token), "{what}");
    }
    // Somebody else's key, under the name of the issuer's.
    let stolen = {
        let other = Key::p256("one");
        let now = clock().as_second();
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": "one" });
        let claims = json!({
            "iss": stage.fake.issuer(), "sub": ANA, "aud": RESOURCE, "iat": now, "exp": now + 300,
            "scope": "centinel:read",
        });
        provider::token(&other, &header, &claims)
    };
    let genuine = stage.changed(|_, _| {});
    let (signed, signature) = genuine.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let other = BASE64_URL_SAFE_NO_PAD.encode(json!({ "sub": "ada" }).to_string());
    for (what, token) in [
        ("another key", stolen),
        ("no signature", format!("{signed}.")),
        ("half a signature", format!("{signed}.{}", &signature[..20])),
        ("other claims", format!("{header}.{other}.{signature}")),
        ("two parts", signed.to_owned()),
        ("four parts", format!("{genuine}.x")),
        ("dots alone", "..".to_owned()),
        ("much", format!("{}.{}", "x".repeat(20_000), "y".repeat(20_000))),
        ("a token of another service", "centinel_00".to_owned()),
        ("nearly the home's", format!("{LOCAL}x")),
    ] {
        let answer = stage.with_token(&token, &list()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}: {}", answer.body);
    }
    assert!(stage.counted("wrong_token").await > 30);
    assert_eq!(stage.with_token(&genuine, &list()).await.status, StatusCode::OK);
    // Keys that the issuer took away hold no longer than they are kept: a new server does not know them.
    stage.fake.set().keys = vec![Key::p256("next")];
    stage.restart(false);
    assert_eq!(stage.with_token(&genuine, &list()).await.status, StatusCode::UNAUTHORIZED);
    let next = stage.changed(|_, _| {});
    assert_eq!(stage.with_token(&next, &list()).await.status, StatusCode::OK);
}

/// Where a token stands decides whether it counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_in_one_header_alone() {
    let stage = Stage::new().await;
    let token = stage.changed(|_, _| {});
    let (bearer, lower) = (format!("Bearer {token}"), format!("bEARER   {token}"));
    let local = format!("Bearer {LOCAL}");
    for (what, headers, expected) in [
        ("as it should be", &[("authorization", bearer.as_str())][..], StatusCode::OK),
        ("in other letters", &[("authorization", &lower)], StatusCode::OK),
        (
            "twice",
            &[("authorization", &bearer), ("authorization", &bearer)],
            StatusCode::UNAUTHORIZED,
        ),
        (
            "with another",
            &[("authorization", &bearer), ("authorization", &local)],
            StatusCode::UNAUTHORIZED,
        ),
        (
            "with a password",
            &[("authorization", &bearer), ("authorization", "Basic eDp5")],
            StatusCode::UNAUTHORIZED,
        ),
        (
            "in another scheme",
            &[("authorization", &format!("DPoP {token}"))],
            StatusCode::UNAUTHORIZED,
        ),
        ("for a proxy", &[("proxy-authorization", &bearer)], StatusCode::UNAUTHORIZED),
        ("in a header of its own", &[("x-access-token", &token)], StatusCode::UNAUTHORIZED),
        ("as a cookie", &[("cookie", &format!("access_token={token}"))], StatusCode::UNAUTHORIZED),
        ("bare", &[("authorization", &token)], StatusCode::UNAUTHORIZED),
    ] {
        let answer = stage.message(headers, &list()).await;
        assert_eq!(answer.status, expected, "{what}: {}", answer.body);
    }
    for address in [format!("/mcp?access_token={token}"), format!("/mcp?token={LOCAL}")] {
        let mut request = posted(&[], list().to_string(), None);
        *request.uri_mut() = address.parse().unwrap();
        assert_eq!(stage.send(request).await.status, StatusCode::UNAUTHORIZED, "{address}");
        // A form that holds one is no message, and its token none.
        let form = Request::post("/mcp").header("host", "localhost");
        let form = form.header("content-type", "application/x-www-form-urlencoded");
        let body = address.split_once('?').unwrap().1.to_owned();
        let answer = stage.send(form.body(body.into()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{address}");
    }
}

/// An issuer that does not mark its access tokens, and the identity tokens that could pass for them.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_type_the_claims_tell_identity_tokens() {
    let site = Site::new("bravo", "gpt-4o-mini", 3_000_000).await;
    let config = format!("token_type = \"JWT\"\naudience = \"api://centinel\"\n{CONFIG}");
    let stage = Stage::of(site, "", &config).await;
    let cases: &[(&str, Change, StatusCode)] = &[
        ("as such issuers make them", |_, _| {}, StatusCode::OK),
        ("without a type", |h, _| drop(h.as_object_mut().unwrap().remove("typ")), StatusCode::OK),
        ("marked all the same", |h, _| h["typ"] = "at+jwt".into(), StatusCode::OK),
        (
            "scopes as some write them",
            |_, c| {
                c.as_object_mut().unwrap().remove("scope");
                c["scp"] = json!(["centinel:read"]);
            },
            StatusCode::OK,
        ),
        ("a nonce", |_, c| c["nonce"] = "x".into(), StatusCode::UNAUTHORIZED),
        ("a hash of a token", |_, c| c["at_hash"] = "x".into(), StatusCode::UNAUTHORIZED),
        ("a hash of a code", |_, c| c["c_hash"] = "x".into(), StatusCode::UNAUTHORIZED),
        ("an event", |_, c| c["events"] = json!({}), StatusCode::UNAUTHORIZED),
        ("of the page", |_, c| c["aud"] = "page".into(), StatusCode::UNAUTHORIZED),
        ("of the address", |_, c| c["aud"] = RESOURCE.into(), StatusCode::UNAUTHORIZED),
        (
            "no scope",
            |_, c| drop(c.as_object_mut().unwrap().remove("scope")),
            StatusCode::FORBIDDEN,
        ),
        ("a logout token", |h, _| h["typ"] = "logout+jwt".into(), StatusCode::UNAUTHORIZED),
    ];
    for (what, change, expected) in cases {
        let token = stage.changed(|header, claims| {
            header["typ"] = "JWT".into();
            claims["aud"] = "api://centinel".into();
            change(header, claims);
        });
        let answer = stage.with_token(&token, &list()).await;
        assert_eq!(answer.status, *expected, "{what}: {}", answer.body);
    }
}

/// A provider that does not answer refuses nobody, and lets nobody in.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_provider_a_token_cannot_be_checked() {
    let stage = Stage::new().await;
    stage.fake.set().discovery = Some(Box::new(|document| *document = json!({})));
    let token = stage.changed(|_, _| {});
    let answer = stage.with_token(&token, &list()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
    assert!(answer.headers.contains_key("retry-after") && answer.challenge().is_empty());
    let service = stage.site.token.clone();
    assert_eq!(stage.with_token(&service, &list()).await.status, StatusCode::OK);
    stage.fake.set().discovery = None;
    assert_eq!(stage.with_token(&token, &list()).await.status, StatusCode::OK);
}
