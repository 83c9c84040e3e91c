//! Signing in with a company's account, through the routes and as a browser does it.

use axum::http::{StatusCode, header};
use centinel_app::oidc::{ProviderSettings, Providers};
use centinel_engine::proposal::Status;

use super::{
    Answer, Site,
    people::{Browser, clock, password},
};
use crate::{WebState, router};

#[expect(dead_code, reason = "tests of the flow itself use the rest")]
#[path = "../../../centinel-approvals/tests/it/oidc/provider.rs"]
mod provider;

use provider::{CLIENT, Fake, SECRET};

/// A site with people, of whom Ben is linked to the provider's person.
async fn company() -> (Site, Fake) {
    let mut site = Site::with_people("", "").await;
    let fake = Fake::start().await;
    let settings = ProviderSettings {
        name: "company".to_owned(),
        title: "Example <Ltd>".to_owned(),
        issuer: fake.issuer(),
        client_id: CLIENT.to_owned(),
        client_secret: Some(SECRET.to_owned().into()),
        scopes: Vec::new(),
        second_factor: [].into(),
        creates_accounts: false,
        groups: None,
    };
    let providers = Providers::new(vec![settings]).unwrap();
    let state = WebState::new(site.app.clone(), clock, || Ok(7)).signing_in_with(providers);
    site.router = router(state);
    let account = format!("oidc:7f3a@{}", fake.issuer()).parse().unwrap();
    let ada = centinel_app::Password::new(password("ada"));
    site.app.approvals().link_as_admin("ada", ada, "finn", &account, clock()).await.unwrap();
    (site, fake)
}

/// The person agrees at the provider: the address that their browser is sent back to.
fn agreed(fake: &Fake, location: &str) -> String {
    fake.set().now = clock().as_second();
    let (state, code) = fake.agrees(location);
    format!("/sign-in/callback/company?state={state}&code={code}")
}

fn location(answer: &Answer) -> &str {
    answer.headers[header::LOCATION].to_str().unwrap()
}

/// The address that a page leads to by itself.
fn onward(answer: &Answer) -> String {
    let (_, rest) = answer.text().split_once("content=\"0; url=").unwrap();
    rest.split_once('"').unwrap().0.replace("&#38;", "&").replace("&amp;", "&")
}

async fn signs_in(browser: &mut Browser<'_>, fake: &Fake, to: &str) -> Answer {
    let out = browser.get(&format!("/sign-in/with/company?to={to}")).await;
    assert_eq!(out.status, StatusCode::SEE_OTHER, "{}", out.text());
    let back = agreed(fake, location(&out));
    browser.get(&back).await
}

#[tokio::test]
async fn people_sign_in_through_their_company() {
    let (site, fake) = company().await;
    let mut browser = site.browser();
    let form = browser.get("/sign-in?to=/proposals/P-1").await;
    let way = "<a class=\"button second\" href=\"/sign-in/with/company?to=/proposals/P-1\">\
               Sign in with Example &#60;Ltd&#62;</a>";
    assert!(form.text().contains(way), "{}", form.text());
    let out = browser.get("/sign-in/with/company?to=/proposals/P-1").await;
    assert!(location(&out).starts_with(&format!("{}/authorize?tenant=1&", fake.issuer())));
    let cookie = out.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("centinel_round="), "{cookie}");
    assert!(cookie.ends_with("; Path=/sign-in; Max-Age=600; HttpOnly; SameSite=Lax"), "{cookie}");
    let secret = browser.cookies["centinel_round"].clone();
    assert!(!location(&out).contains(&secret), "the secret stays here");
    let back = agreed(&fake, location(&out));
    let other = site.browser().get(&back).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN, "another browser");
    let done = browser.get(&back).await;
    assert_eq!((done.status, location(&done)), (StatusCode::SEE_OTHER, "/proposals/P-1"));
    let cookies: Vec<&str> = done
        .headers
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|cookie| cookie.to_str().unwrap())
        .collect();
    let session = cookies.iter().find(|cookie| cookie.starts_with("centinel_session=")).unwrap();
    assert!(session.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"), "{session}");
    assert!(!browser.cookies.contains_key("centinel_round"));
    assert!(browser.get("/inbox").await.text().contains("<a href=\"/account\">finn</a>"));
    let again = browser.get(&back).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN, "once");
    assert!(browser.get("/inbox").await.text().contains("finn"), "and nothing is taken away");
}

#[tokio::test]
async fn nobody_is_led_elsewhere_or_signed_in_as_somebody_else() {
    let (site, fake) = company().await;
    for to in ["//evil.example", "https://evil.example", "/%5Cevil.example", "/%09/evil.example"] {
        let done = signs_in(&mut site.browser(), &fake, to).await;
        assert_eq!(location(&done), "/inbox", "{to}");
    }
    // Somebody sends Ben a way back of their own sign-in, to have him work in their account.
    let mut attacker = site.browser();
    let out = attacker.get("/sign-in/with/company").await;
    let planted = agreed(&fake, location(&out));
    let mut ben = site.browser();
    ben.get("/sign-in/with/company").await;
    let refused = ben.get(&planted).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(!ben.cookies.contains_key("centinel_session"));
    assert!(refused.text().contains("was not begun by this browser"), "{}", refused.text());
    // Words of the provider are no markup of ours.
    let out = ben.get("/sign-in/with/company").await;
    let (state, _) = fake.agrees(location(&out));
    let said = "%3Cscript%3Ealert(1)%3C/script%3E";
    let back = format!("/sign-in/callback/company?state={state}&error={said}");
    let refused = ben.get(&back).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(!refused.text().contains("<script"), "{}", refused.text());
    // Somebody whom nobody is linked to; a provider that is none; one that is gone.
    fake.set().subject = "nobody".to_owned();
    let refused = signs_in(&mut site.browser(), &fake, "/").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text().contains("centinel person link"), "{}", refused.text());
    let none = site.browser().get("/sign-in/with/other").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    for bad in [
        "/sign-in/callback/company",
        "/sign-in/callback/company?state=&code=",
        "/sign-in/callback/company?state=1&state=2",
        "/sign-in/callback/other?state=1&code=2",
    ] {
        let refused = site.browser().get(bad).await;
        assert!(refused.status.is_client_error(), "{bad}: {}", refused.status);
    }
}

#[tokio::test]
async fn whoever_is_signed_in_links_themselves_and_nobody_does_it_for_them() {
    let (site, fake) = company().await;
    fake.set().subject = "ben-there".to_owned();
    let mut ben = site.browser_of("ben").await;
    let account = ben.get("/account").await;
    assert!(account.text().contains("Link my account at Example &#60;Ltd&#62;"));
    let action = "/sign-in/link/company?to=/account";
    let elsewhere = [("origin", "http://localhost:9999"), ("sec-fetch-site", "same-site")];
    let foreign = ben.post_with(action, &[("csrf", "x")], &elsewhere).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let forged = ben.post(action, &[("csrf", "x")]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN, "{}", forged.text());
    let by_address = ben.get("/sign-in/link/company").await;
    assert_eq!(by_address.status, StatusCode::METHOD_NOT_ALLOWED);
    let nobody = site.browser().post(action, &[("csrf", "x")]).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);

    let out = ben.press("/account", action, &[]).await;
    assert_eq!(out.status, StatusCode::OK);
    let back = agreed(&fake, &onward(&out));
    // A browser keeps the session's cookie back when another site sends it here.
    let session = ben.cookies.remove("centinel_session").unwrap();
    let done = ben.get(&back).await;
    assert_eq!((done.status, location(&done)), (StatusCode::SEE_OTHER, "/account"));
    ben.cookies.insert("centinel_session".to_owned(), session);
    let account = ben.get("/account").await;
    assert!(account.text().contains("oidc:ben-there@http"), "{}", account.text());
    let mut fresh = site.browser();
    assert_eq!(location(&signs_in(&mut fresh, &fake, "/").await), "/");
    assert!(fresh.get("/inbox").await.text().contains("<a href=\"/account\">ben</a>"));
}

#[tokio::test]
async fn what_cannot_be_undone_takes_a_fresh_proof_of_the_provider() {
    let (site, fake) = company().await;
    let id = site.proposed(|draft| draft.reversible = false).await;
    let page = format!("/proposals/{id}");
    let mut finn = site.browser();
    signs_in(&mut finn, &fake, &page).await;
    let shown = finn.get(&page).await;
    let prove = format!("/sign-in/prove/company?to={page}");
    assert!(shown.text().contains(&format!("formaction=\"{prove}\"")), "{}", shown.text());
    let approve = format!("{page}/approve");
    let refused = finn.press(&page, &approve, &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "a sign-in is not fresh by itself");
    // The same form, sent to where one proves oneself.
    let hidden = super::people::Form::of(shown.text(), &approve);
    let fields: Vec<(&str, &str)> =
        hidden.hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let out = finn.post(&prove, &fields).await;
    let away = onward(&out);
    assert!(away.contains("prompt=login") && away.contains("max_age=0"), "{away}");
    let done = finn.get(&agreed(&fake, &away)).await;
    assert_eq!((done.status, location(&done)), (StatusCode::SEE_OTHER, page.as_str()));
    let shown = finn.get(&page).await;
    assert!(!shown.text().contains("formaction"), "{}", shown.text());
    let approved = finn.press(&page, &approve, &[]).await;
    assert_eq!(approved.status, StatusCode::SEE_OTHER, "{}", approved.text());
    let view = site.view(&id).await;
    assert_eq!(view.standing.approved_by, ["finn"]);
    assert_eq!(view.status, Status::Pending, "it takes two");
}
