//! Signing in and out, and what tries to do it for somebody else.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};

use super::{
    Site,
    people::{Form, HOST, ORIGIN, encoded, minutes_pass, password},
};

#[tokio::test]
async fn a_form_signs_in_and_a_button_signs_out() {
    let site = Site::with_people("", "").await;
    let mut browser = site.browser();
    let form = browser.get("/sign-in?to=/proposals/P-7%3Fdone%3Dapproved").await;
    assert_eq!(form.status, StatusCode::OK);
    let cookie = form.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("centinel_form="), "{cookie}");
    assert!(cookie.ends_with("; Path=/sign-in; Max-Age=3600; HttpOnly; SameSite=Strict"));
    assert!(form.headers[header::CACHE_CONTROL] == "no-store");
    let hidden = Form::of(form.text(), "/sign-in");
    assert_eq!(hidden.value("to"), "/proposals/P-7?done=approved");
    for label in
        ["for=\"name\"", "for=\"password\"", "for=\"code\"", "autocomplete=\"one-time-code\""]
    {
        assert!(form.text().contains(label), "{label}");
    }

    let typed = [("name", " ben "), ("password", &password("ben"))];
    let answer = browser.press("/sign-in?to=/inbox%3Fx", "/sign-in", &typed).await;
    assert_eq!(
        (answer.status, &answer.headers[header::LOCATION]),
        (StatusCode::SEE_OTHER, "/inbox?x".parse().as_ref().unwrap())
    );
    let cookies: Vec<&str> = answer
        .headers
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|cookie| cookie.to_str().unwrap())
        .collect();
    let session = cookies.iter().find(|cookie| cookie.starts_with("centinel_session=")).unwrap();
    assert!(session.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"), "{session}");
    assert!(cookies.iter().any(|cookie| cookie.starts_with("centinel_form=;")));

    let inbox = browser.get("/inbox").await;
    assert_eq!(inbox.status, StatusCode::OK);
    assert!(inbox.text().contains("<a href=\"/account\">ben</a>"), "{}", inbox.text());
    let again = browser.get("/sign-in?to=/account").await;
    assert_eq!(again.headers[header::LOCATION], "/account", "whoever is in needs no form");

    let stolen = browser.clone();
    let out = browser.press("/inbox", "/sign-out", &[]).await;
    assert_eq!(out.headers[header::LOCATION], "/sign-in?done=signed_out");
    assert!(!browser.cookies.contains_key("centinel_session"));
    assert!(browser.get("/sign-in?done=signed_out").await.text().contains("You are signed out."));
    let mut stolen = stolen;
    let late = stolen.get("/inbox").await;
    assert_eq!(
        late.headers[header::LOCATION],
        "/sign-in?to=/inbox",
        "the old cookie is worth nothing"
    );
}

#[tokio::test]
async fn a_wrong_answer_says_the_same_for_every_name() {
    let site = Site::with_people("", "").await;
    let mut browser = site.browser();
    let problem = |text: &str| {
        let (_, rest) = text.split_once("role=\"alert\">").unwrap();
        rest.split_once("</p>").unwrap().0.to_owned()
    };
    let mut said = Vec::new();
    for (name, secret) in [
        ("ben", "not the password"),
        ("nobody", "not the password"),
        ("?", ""),
        ("<script>alert(1)</script>", "x"),
        ("' or 1=1 --", &password("ben")),
    ] {
        let answer = browser.sign_in(name, secret).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}");
        assert!(!answer.text().contains("<script"), "{name}");
        assert!(!browser.cookies.contains_key("centinel_session"));
        said.push(problem(answer.text()));
    }
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");

    // Of five wrong ones in a row, the name is locked, known or not; the right one does not help.
    for name in ["cora", "nobody"] {
        for _ in 0..5 {
            browser.sign_in(name, "not the password").await;
        }
    }
    let known = browser.sign_in("cora", &password("cora")).await;
    let unknown = browser.sign_in("nobody", "x").await;
    assert_eq!(
        (known.status, unknown.status),
        (StatusCode::TOO_MANY_REQUESTS, StatusCode::TOO_MANY_REQUESTS)
    );
    assert_eq!(problem(known.text()), problem(unknown.text()));
    minutes_pass(16);
    assert_eq!(browser.sign_in("cora", &password("cora")).await.status, StatusCode::SEE_OTHER);
    let log = site.log().await;
    let failed = log.iter().filter(|entry| entry.action == "login.failed").count();
    assert!(failed >= 9, "{failed} attempts are in the log");
    let metrics = site.get("/metrics").await;
    assert!(
        metrics.text().contains("centinel_refused_requests_total{reason=\"wrong_credential\"} ")
    );
}

/// Another site that signs a browser in as itself would see what its person does there.
#[tokio::test]
async fn no_other_site_signs_a_browser_in() {
    let site = Site::with_people("", "").await;
    let before = site.log().await.len();
    let mut browser = site.browser();
    let form = Form::of(browser.get("/sign-in").await.text(), "/sign-in");
    let token = form.value("token").to_owned();
    let secret = password("olaf");
    let fields = [("name", "olaf"), ("password", secret.as_str()), ("token", token.as_str())];
    let own = ("origin", ORIGIN);
    for headers in [
        &[][..],
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://localhost:3000")],
        &[("origin", "http://127.0.0.1:8787")],
        &[("origin", "https://localhost:8787")],
        &[("origin", "http://localhost:8787.evil.example")],
        &[own, ("origin", "http://evil.example")],
        &[own, ("sec-fetch-site", "cross-site")],
        &[own, ("sec-fetch-site", "same-site")],
        &[own, ("sec-fetch-site", "none")],
        &[own, ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
    ] {
        let answer = browser.post_with("/sign-in", &fields, headers).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
        assert!(!browser.cookies.contains_key("centinel_session"), "{headers:?}");
    }
    // Its own form, but not that of this browser.
    let mut other = site.browser();
    let without_cookie = other.post("/sign-in", &fields).await;
    assert_eq!(without_cookie.status, StatusCode::FORBIDDEN);
    other.get("/sign-in").await;
    assert_eq!(other.post("/sign-in", &fields).await.status, StatusCode::FORBIDDEN);
    let planted = browser.clone();
    let cookies = format!("{}; centinel_form={}", planted.cookie_header(), "0".repeat(64));
    let request = Request::post("/sign-in")
        .header(header::HOST, HOST)
        .header(header::ORIGIN, ORIGIN)
        .header(header::COOKIE, cookies)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(encoded(&fields)));
    assert_eq!(site.send(request.unwrap()).await.status, StatusCode::FORBIDDEN, "two cookies");
    // What is no form, and what is asked for instead of sent.
    for (kind, body) in [
        ("text/plain", encoded(&fields)),
        ("application/json", "{\"name\":\"olaf\"}".to_owned()),
        ("application/x-www-form-urlencoded", "name=olaf".to_owned()),
        ("application/x-www-form-urlencoded", "name=olaf&name=ben&password=x".to_owned()),
        ("application/x-www-form-urlencoded", "x".repeat(1 << 17)),
    ] {
        let request = Request::post("/sign-in")
            .header(header::HOST, HOST)
            .header(header::ORIGIN, ORIGIN)
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body));
        let answer = site.send(request.unwrap()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{kind}");
    }
    let asked = browser.get(&format!("/sign-in?{}", encoded(&fields))).await;
    assert!(asked.status == StatusCode::OK && !browser.cookies.contains_key("centinel_session"));
    assert_eq!(site.log().await.len(), before, "nobody was recognised, so nobody is accused");
    let metrics = site.get("/metrics").await;
    for reason in ["foreign_page", "wrong_form"] {
        let line = format!("centinel_refused_requests_total{{reason=\"{reason}\"}} ");
        let (_, count) = metrics.text().split_once(&line).unwrap();
        assert!(!count.starts_with('0'), "{reason}");
    }
    // The same form, sent from our own page, works.
    assert_eq!(browser.post("/sign-in", &fields).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn nobody_is_sent_to_another_server() {
    let site = Site::with_people("", "").await;
    for evil in [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\r\nLocation: https://evil.example",
        "\u{2f}\u{2f}evil.example",
        "/sign-out",
        "",
    ] {
        let mut browser = site.browser();
        let path = format!("/sign-in?{}", encoded(&[("to", evil)]));
        let hidden = Form::of(browser.get(&path).await.text(), "/sign-in");
        assert_eq!(hidden.value("to"), "/inbox", "{evil:?}");
        // Also when it is written into the form itself.
        let token = hidden.value("token").to_owned();
        let secret = password("ben");
        let fields =
            [("name", "ben"), ("password", secret.as_str()), ("token", &token), ("to", evil)];
        let answer = browser.post("/sign-in", &fields).await;
        assert_eq!(answer.headers[header::LOCATION], "/inbox", "{evil:?}");
        let again = browser.get(&path).await;
        assert_eq!(again.headers[header::LOCATION], "/inbox", "{evil:?}");
    }
}

#[tokio::test]
async fn where_everybody_signs_in_a_page_leads_there_and_back() {
    let site = Site::with_people("[access]\nsign_in = true", "").await;
    site.proposed(|_| ()).await;
    let mut browser = site.browser();
    for path in
        ["/", "/inbox", "/account", "/proposals/P-1", "/proposals/P-99", "/reconciliation", "/no"]
    {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert_eq!(answer.headers[header::LOCATION], *format!("/sign-in?to={path}"));
    }
    for path in ["/api/report", "/api/inbox", "/metrics", "/evidence/0123456789abcdef.json"] {
        assert_eq!(browser.get(path).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let form = browser.get("/sign-in").await;
    assert_eq!(form.status, StatusCode::OK, "{}", form.text());
    assert!(!form.text().contains("search"), "the form tells nothing of the home");
    browser.sign_in("ben", &password("ben")).await;
    assert_eq!(browser.get("/proposals/P-1").await.status, StatusCode::OK);
    let mut other = site.browser_of("olaf").await;
    assert_eq!(other.get("/proposals/P-1").await.status, StatusCode::NOT_FOUND, "another team's");
}

/// `SameSite=Strict`: a link in a chat message comes without the cookie, and the page asks once more.
#[tokio::test]
async fn a_link_of_another_site_arrives_signed_in() {
    let site = Site::with_people("", "").await;
    site.proposed(|_| ()).await;
    let follow = async |path: &str, cookie: &str, from: &str| {
        let request = Request::get(path)
            .header(header::HOST, HOST)
            .header("sec-fetch-site", from)
            .header("sec-fetch-mode", "navigate")
            .header(header::COOKIE, cookie);
        site.send(request.body(Body::empty()).unwrap()).await
    };
    let arrived = follow("/proposals/P-1?a=b", "", "cross-site").await;
    assert_eq!(arrived.status, StatusCode::OK);
    assert!(arrived.text().contains("content=\"0; url=/proposals/P-1?a=b\""), "{}", arrived.text());
    assert!(!arrived.text().contains("budget of"), "it tells nothing");
    let hostile = follow("/%22%3E%3Cscript%3E", "", "cross-site").await;
    assert!(!hostile.text().contains("<script"));
    for (cookie, from) in [("", "same-origin"), ("", "none"), ("centinel_session=1", "cross-site")]
    {
        let page = follow("/proposals/P-1", cookie, from).await;
        assert!(page.text().contains("budget of $9000"), "{from}");
    }
    assert!(follow("/sign-in", "", "cross-site").await.text().contains("name=\"password\""));
}

#[tokio::test]
async fn over_https_the_cookies_stay_there() {
    let config = "[access]\naddress = \"https://centinel.example\"";
    let site = Site::with_people(config, "").await;
    let ask = async |host: &str| {
        let request = Request::get("/sign-in").header(header::HOST, host);
        site.send(request.body(Body::empty()).unwrap()).await
    };
    let cookie = |answer: &super::Answer| {
        answer.headers[header::SET_COOKIE].to_str().unwrap().ends_with("; SameSite=Strict; Secure")
    };
    assert!(cookie(&ask("centinel.example").await));
    assert!(!cookie(&ask("localhost:8787").await));
    assert_eq!(ask("evil.example").await.status, StatusCode::FORBIDDEN);
    assert_eq!(ask("centinel.example.evil.example").await.status, StatusCode::FORBIDDEN);
    let send = async |origin: &str| {
        let request = Request::post("/sign-out")
            .header(header::HOST, "centinel.example")
            .header(header::ORIGIN, origin)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        site.send(request.body(Body::from("csrf=x")).unwrap()).await.status
    };
    assert_eq!(send("https://centinel.example").await, StatusCode::SEE_OTHER);
    assert_eq!(send("http://centinel.example").await, StatusCode::FORBIDDEN);
    assert_eq!(send("http://localhost:8787").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_home_without_people_says_how_to_make_one() {
    let site = Site::new().await;
    let form = site.get("/sign-in").await;
    assert!(form.text().contains("centinel init --person NAME"), "{}", form.text());
    assert!(Form::find(form.text(), "/sign-in").is_none());
}
