//! What only looks, and what only reads like markup.

use axum::http::StatusCode;

use super::{
    Site,
    deciding::{EMERGENCY, location},
    people::edit,
};

/// A link, an image, a prefetch: nothing that is only asked for changes anything.
#[tokio::test]
async fn asking_for_a_page_changes_nothing() {
    let site = Site::with_people("", EMERGENCY).await;
    site.proposed(|draft| draft.edits = vec![edit("a.b", "1", "2")]).await;
    let mut browsers = Vec::new();
    for name in ["ada", "ben", "eve", "olaf"] {
        browsers.push(site.browser_of(name).await);
    }
    browsers.push(site.browser());
    let source = include_str!("../lib.rs");
    let routes: Vec<String> = source
        .split(".route(\"")
        .skip(1)
        .map(|rest| rest.split_once('"').unwrap().0)
        .map(|route| route.replace("{id}", "P-1").replace("{address}", "x").replace("{file}", "x"))
        .collect();
    assert!(routes.len() > 25, "{routes:?}");
    let before = site.log().await;
    for browser in &mut browsers {
        for route in &routes {
            let fields = "csrf=x&version=1&digest=x&reason=x&name=ben&password=x&done=approved";
            for path in [route.clone(), format!("{route}?{fields}")] {
                let answer = browser.get(&path).await;
                assert_ne!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
            }
        }
    }
    let after = site.log().await;
    let added: Vec<&str> = after.iter().skip(before.len()).map(|e| e.action.as_str()).collect();
    assert!(added.is_empty(), "{added:?}");
    assert_eq!(after, before);
}

/// What anybody could have written into a title, an owner, an edit or a reason stays text.
#[tokio::test]
async fn hostile_text_stays_text_on_every_page() {
    for hostile in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</title></textarea></form><form action=https://evil.example>",
        "<!-- --><style>*{display:none}</style>",
        "javascript:alert(1)",
        "&lt;b&gt; &amp; &#60;script&#62;",
        "{{ 7*7 }} ${7*7} {% raw %}",
        "[x](javascript:alert(1)) <@U012AB3CD> @all",
        "=cmd|' /C calc'!A0",
    ] {
        let site = Site::with_people("", "").await;
        let long = format!("{hostile}{}", "y".repeat(300));
        site.proposed(|draft| {
            draft.title = hostile.to_owned();
            draft.owner = hostile.to_owned();
            draft.edits = vec![edit(hostile, hostile, &long)];
        })
        .await;
        let mut cora = site.browser_of("cora").await;
        let mut pages = vec![cora.get("/inbox").await, cora.get("/proposals/P-1").await];
        let reason = [("reason", hostile)];
        let done = cora.press("/proposals/P-1", "/proposals/P-1/reject", &reason).await;
        pages.push(cora.get(location(&done)).await);
        pages.push(cora.get("/inbox").await);
        pages.push(cora.get("/").await);
        pages.push(cora.post("/proposals/P-1/reject", &[("reason", hostile)]).await);
        let wrong = [("name", hostile), ("password", "x"), ("to", hostile)];
        pages.push(site.browser().press("/sign-in", "/sign-in", &wrong[..2]).await);
        for page in &pages {
            let text = page.text();
            for markup in
                ["<script", "<img", "<style", "<!-- ", "' onmouse", "evil.example>", "href=\"java"]
            {
                assert!(!text.contains(markup), "{markup}: {text}");
            }
            // Every form there is, is ours.
            for form in text.split("<form ").skip(1) {
                assert!(form.starts_with("method=\"post\" action=\"/"), "{form}");
            }
            assert!(!text.contains(" onmouseover='"), "{text}");
        }
        // And all of it can be read.
        let shown =
            &pages[1].text().replace("&#60;", "<").replace("&#62;", ">").replace("&#34;", "\"");
        let shown = shown.replace("&#39;", "'").replace("&#38;", "&");
        assert!(shown.contains(&long), "{hostile}: the whole edit is there");
        assert!(shown.contains("show all"));
    }
}
