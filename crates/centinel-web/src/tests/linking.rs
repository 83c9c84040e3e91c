//! The page that links an account outside.

use axum::http::StatusCode;
use centinel_app::{Approvals, Attested, Service};

use super::{
    Site,
    people::{clock, minutes_pass, password},
};

async fn code(site: &Site, login: &str) -> String {
    let account = Attested::of_forge(Service::Github, "github.com", login).unwrap();
    site.app.approvals().begin_link(&account, clock()).await.unwrap()
}

#[tokio::test]
async fn an_account_is_named_and_then_linked() {
    let site = Site::with_people("", "").await;
    let first = code(&site, "ben-of-search").await;
    let path = format!("/link/{first}");
    let mut nobody = site.browser();
    let led = nobody.get(&path).await;
    assert_eq!(led.status, StatusCode::SEE_OTHER);
    assert!(led.headers["location"].to_str().unwrap().contains("/sign-in?to=/link/"));

    let mut ben = site.browser_of("ben").await;
    let page = ben.get(&path).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    assert!(page.text().contains("github:ben-of-search@github.com"), "{}", page.text());
    assert!(site.app.approvals().links().await.unwrap().is_empty(), "looking links nothing");
    // A page of another site knows no token; a form without one is refused.
    let forged = ben.post(&path, &[("csrf", "x")]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let csrf = Approvals::csrf_token(&ben.cookies["centinel_session"]);
    let done = ben.press(&path, &path, &[]).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    assert!(done.text().contains("Linked"), "{}", done.text());
    let links = site.app.approvals().links().await.unwrap();
    assert_eq!((links.len(), links[0].person.as_str()), (1, "ben"));
    assert_eq!(ben.get(&path).await.status, StatusCode::NOT_FOUND, "a code counts once");

    // Long after signing in, it takes a proof.
    minutes_pass(6);
    let second = code(&site, "ben-at-home").await;
    let path = format!("/link/{second}");
    assert!(ben.get(&path).await.text().contains("type=\"password\""));
    let stale = ben.post(&path, &[("csrf", &csrf)]).await;
    assert_eq!(stale.status, StatusCode::FORBIDDEN);
    let wrong = ben.post(&path, &[("csrf", &csrf), ("password", "not the password")]).await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert_eq!(site.app.approvals().links().await.unwrap().len(), 1);
    let own = password("ben");
    let done = ben.post(&path, &[("csrf", &csrf), ("password", &own)]).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    // Somebody else's account stays theirs.
    let mut cora = site.browser_of("cora").await;
    let third = code(&site, "ben-at-home").await;
    let csrf = Approvals::csrf_token(&cora.cookies["centinel_session"]);
    let taken = cora.post(&format!("/link/{third}"), &[("csrf", &csrf)]).await;
    assert_eq!(taken.status, StatusCode::CONFLICT);
    assert_eq!(cora.get("/link/nonsense").await.status, StatusCode::NOT_FOUND);
}
