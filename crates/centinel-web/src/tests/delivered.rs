//! What the page shows of deliveries, whose texts come from elsewhere.

use axum::http::StatusCode;
use centinel_app::DeliverySeen;
use jiff::SignedDuration;

use super::{
    Site,
    deciding::check,
    people::{clock, edit},
};

const REPOSITORY: &str = "[[repository]]\nname = \"shop\"\nurl = \"https://github.com/org/shop\"\n\
                          forge = \"github\"\ncredential = \"env:TOKEN\"\n";

async fn delivered(site: &Site, url: &str, note: &str) {
    let id = "P-1".parse().unwrap();
    let database = site.app.database();
    let lease = SignedDuration::ZERO;
    database.claim_delivery(id, "shop", "centinel/x", clock(), lease).await.unwrap().unwrap();
    let seen = DeliverySeen {
        state: "open".to_owned(),
        url: Some(url.to_owned()),
        note: Some(note.to_owned()),
        wanted: "open v1".to_owned(),
        is_over: false,
    };
    database.settle_delivery(id, "shop", &seen, clock()).await.unwrap();
}

#[tokio::test]
async fn a_pull_request_is_linked_to_on_its_own_host_alone() {
    let site = Site::with_people(REPOSITORY, "").await;
    site.proposed(|draft| {
        let edit = edit("a.b", "1", "2");
        draft.edits =
            vec![centinel_engine::proposal::Edit { repository: "shop".to_owned(), ..edit }];
    })
    .await;
    let mut ben = site.browser_of("ben").await;
    assert!(!ben.get("/proposals/P-1").await.text().contains("In repositories"));
    let own = "https://github.com/org/shop/pull/7";
    delivered(&site, own, "nobody could be asked").await;
    let page = ben.get("/proposals/P-1").await;
    check(
        &page,
        StatusCode::OK,
        &format!("<a href=\"{own}\" rel=\"noreferrer\">pull request</a>, open"),
    );
    check(&page, StatusCode::OK, "nobody could be asked");
    let inbox = site.get("/api/inbox").await.json();
    assert_eq!(inbox["deliveries"][0]["url"], own, "{inbox}");
    assert_eq!(inbox["deliveries"][0]["id"], "P-1");
    let hostile = "</dd><script>alert(1)</script>\u{202e}";
    for url in ["javascript:alert(1)", "https://github.com.evil.example/", "\"><img src=x>"] {
        delivered(&site, url, hostile).await;
        let page = ben.get("/proposals/P-1").await;
        check(&page, StatusCode::OK, "&#60;script&#62;alert(1)");
        for markup in ["<script", "pull request</a>", "evil.example", "<img", "\u{202e}"] {
            assert!(!page.text().contains(markup), "{url}: {}", page.text());
        }
    }
    // Who does not see the proposal is told of no delivery.
    let mut olaf = site.browser_of("olaf").await;
    assert_eq!(olaf.get("/proposals/P-1").await.status, StatusCode::NOT_FOUND);
    let inbox = olaf.get("/api/inbox").await.json();
    assert_eq!(inbox["deliveries"], serde_json::json!([]));
}
