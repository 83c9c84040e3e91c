//! A second factor, from its key to the form that asks for its code.

use axum::http::StatusCode;

use super::{
    Site,
    deciding::{check, location},
    people::{Form, minutes_pass, password},
};

#[tokio::test]
async fn a_second_factor_is_set_up_and_asked_for() {
    let site = Site::with_people("", "").await;
    site.proposed(|draft| draft.reversible = false).await;
    let mut finn = site.browser_of("finn").await;
    let path = "/account/second-factor";
    let page = finn.get(path).await;
    check(&page, StatusCode::OK, "<svg class=\"key\" viewBox=\"0 0 ");
    let form = Form::of(page.text(), path);
    let key = form.value("key").to_owned();
    assert_ne!(key, Form::of(finn.get(path).await.text(), path).value("key"), "a key a visit");
    let secret = password("finn");
    let now = code(&key);
    let with = |first: &str, secret: &str| {
        let mut fields = form.hidden.clone();
        fields.extend([("first", first), ("password", secret)].map(|(n, v)| (n.into(), v.into())));
        fields
    };
    for (fields, status, said) in [
        (with("000000", &secret), StatusCode::UNPROCESSABLE_ENTITY, "The code is not the one"),
        (with(&now, "not the password"), StatusCode::FORBIDDEN, "password or code is wrong"),
    ] {
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let answer = finn.post(path, &fields).await;
        check(&answer, status, said);
        assert_eq!(Form::of(answer.text(), path).value("key"), key, "the app has it already");
        let forged = [&fields[..], &[("csrf", "x")]].concat();
        assert_eq!(finn.clone().post(path, &forged).await.status, StatusCode::BAD_REQUEST);
        let forged: Vec<_> = fields.iter().copied().filter(|(name, _)| *name != "csrf").collect();
        assert_eq!(finn.clone().post(path, &forged).await.status, StatusCode::FORBIDDEN);
    }
    let fields = with(&now, &secret);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let done = finn.post(path, &fields).await;
    check(&done, StatusCode::OK, "They are shown this one time.");
    assert!(!finn.cookies.contains_key("centinel_session"), "every session is over");
    let (_, codes) = done.text().split_once("<pre><code>").unwrap();
    let recovery = codes.lines().next().unwrap().to_owned();

    // From now on a password alone opens nothing, and says no more than a wrong one.
    let alone = finn.sign_in("finn", &secret).await;
    check(&alone, StatusCode::FORBIDDEN, "An account with a second factor needs its code.");
    minutes_pass(1);
    let typed = [("name", "finn"), ("password", secret.as_str())];
    let with_code = [&typed[..], &[("code", recovery.as_str())]].concat();
    let signed_in = finn.press("/sign-in", "/sign-in", &with_code).await;
    assert_eq!(location(&signed_in), "/inbox");
    let page = finn.get("/proposals/P-1").await;
    check(&page, StatusCode::OK, "id=\"approve-code\" name=\"code\"");
    let approve = "/proposals/P-1/approve";
    let without = finn.press("/proposals/P-1", approve, &[("password", &secret)]).await;
    check(&without, StatusCode::FORBIDDEN, "A code of the second factor is needed.");
    minutes_pass(1);
    let proof = [("password", secret.clone()), ("code", code(&key))];
    let proof: Vec<(&str, &str)> = proof.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let done = finn.press("/proposals/P-1", approve, &proof).await;
    assert_eq!(location(&done), "/proposals/P-1?done=approved");
}

/// The code of a key now, as an app makes it (RFC 6238).
fn code(key: &str) -> String {
    let bits = key.chars().flat_map(|c| {
        let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).unwrap();
        (0..5).rev().map(move |bit| u8::from(value & (1 << bit) != 0))
    });
    let bits: Vec<u8> = bits.collect();
    let bytes =
        bits.chunks_exact(8).map(|byte| byte.iter().fold(0_u8, |sum, bit| (sum << 1) | bit));
    let key: Vec<u8> = bytes.collect();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let step = super::people::clock().as_second() / 30;
    let tag = ring::hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[19] & 15);
    let number = u32::from_be_bytes(tag[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}
