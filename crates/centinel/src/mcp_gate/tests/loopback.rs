//! Who comes in without a provider: by the connection, by the home's token, by a service token.

use axum::http::StatusCode;

use super::{Answer, CONFIG, LOCAL, Site, Stage, list, posted};

async fn sent(stage: &Stage, headers: &[(&str, &str)], is_own_user: Option<bool>) -> Answer {
    stage.send(posted(headers, list().to_string(), is_own_user)).await
}

async fn site() -> Site {
    Site::new("bravo", "gpt-4o-mini", 3_000_000).await
}

/// `[mcp]` without another name.
const HERE: &str = "\n";

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_a_process_of_the_same_user_comes_in() {
    let stage = Stage::of(site().await, "", HERE).await;
    let (ok, needs_token) = (StatusCode::OK, StatusCode::UNAUTHORIZED);
    for (what, headers, is_own_user, expected) in [
        ("a process of the same user", &[][..], Some(true), ok),
        ("a process of another", &[], Some(false), needs_token),
        ("nobody can tell", &[], None, needs_token),
        ("handed on", &[("x-forwarded-for", "203.0.113.7")], Some(true), needs_token),
        ("handed on, in the standard's words", &[("forwarded", "for=x")], Some(true), needs_token),
        ("handed on, by another word", &[("X-Forwarded-Proto", "https")], Some(true), needs_token),
        ("by way of a proxy", &[("via", "1.1 proxy")], Some(true), needs_token),
        ("from a wide network", &[("cf-connecting-ip", "203.0.113.7")], Some(true), needs_token),
        ("a wrong token", &[("authorization", "Bearer wrong")], Some(true), needs_token),
        ("an empty one", &[("authorization", "")], Some(true), needs_token),
        ("to another name", &[("host", "evil.example")], Some(true), StatusCode::FORBIDDEN),
        (
            "from another page",
            &[("origin", "https://evil.example")],
            Some(true),
            StatusCode::FORBIDDEN,
        ),
    ] {
        let answer = sent(&stage, headers, is_own_user).await;
        assert_eq!(answer.status, expected, "{what}: {}", answer.body);
    }
    let local = format!("Bearer {LOCAL}");
    for is_own_user in [Some(true), Some(false), None] {
        let answer = sent(&stage, &[("authorization", &local)], is_own_user).await;
        assert_eq!(answer.status, ok, "the home's token, whoever shows it");
    }
    let handed_on = [("authorization", local.as_str()), ("x-forwarded-for", "203.0.113.7")];
    assert_eq!(sent(&stage, &handed_on, None).await.status, ok, "and whatever stands between");
    // It opens `/mcp`, and nothing else.
    for path in ["/api/inbox", "/api/report", "/metrics"] {
        let request = axum::http::Request::get(path).header("host", "localhost");
        let request = request.header("authorization", &local);
        let answer = stage.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(answer.status, needs_token, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_everybody_signs_in_the_home_opens_nothing() {
    let stage = Stage::of(site().await, "sign_in = true", HERE).await;
    let local = format!("Bearer {LOCAL}");
    for (headers, is_own_user) in
        [(&[][..], Some(true)), (&[("authorization", local.as_str())], Some(true))]
    {
        let answer = sent(&stage, headers, is_own_user).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{headers:?}");
    }
    let service = stage.site.token.clone();
    assert_eq!(stage.with_token(&service, &list()).await.status, StatusCode::OK);
    let token = stage.token(super::ANA, "centinel:read");
    assert_eq!(stage.with_token(&token, &list()).await.status, StatusCode::UNAUTHORIZED, "`aud`");
}

/// Behind a name of its own, something hands requests on: a connection then says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn behind_another_name_a_token_is_needed_and_that_name_is_answered() {
    let address = "address = \"https://finops.example.com\"";
    for (access, mcp) in [(address, HERE), ("", CONFIG)] {
        let stage = Stage::of(site().await, access, mcp).await;
        let without = sent(&stage, &[], Some(true)).await;
        assert_eq!(without.status, StatusCode::UNAUTHORIZED, "{access}");
        let local = format!("Bearer {LOCAL}");
        let bearer = ("authorization", local.as_str());
        let (ok, refused) = (StatusCode::OK, StatusCode::FORBIDDEN);
        for (headers, expected) in [
            ([("host", "finops.example.com"), ("x", "y")], ok),
            ([("host", "FINOPS.example.com:443"), ("x", "y")], ok),
            ([("host", "finops.example.com.evil.example"), ("x", "y")], refused),
            ([("host", "xfinops.example.com"), ("x", "y")], refused),
            ([("host", "example.com"), ("x", "y")], refused),
            ([("host", "finops.example.com"), ("origin", "https://finops.example.com")], ok),
            ([("host", "finops.example.com"), ("origin", "https://finops.example.com:443")], ok),
            ([("host", "finops.example.com"), ("origin", "http://finops.example.com")], refused),
            (
                [("host", "finops.example.com"), ("origin", "https://finops.example.com:8443")],
                refused,
            ),
            ([("host", "finops.example.com"), ("origin", "https://other.example.com")], refused),
            ([("host", "finops.example.com"), ("origin", "null")], refused),
            ([("host", "localhost:8787"), ("origin", "http://localhost:3000")], ok),
        ] {
            let answer = sent(&stage, &[&headers[..], &[bearer]].concat(), None).await;
            assert_eq!(answer.status, expected, "{access} {headers:?}: {}", answer.body);
            // A browser is told of no permission: only pages of the server's own name may read answers.
            assert!(!answer.headers.contains_key("access-control-allow-origin"));
        }
    }
}

/// A browser asks first whether a page of another name may ask: it is told nothing.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_names_get_no_permission() {
    let stage = Stage::of(site().await, "", HERE).await;
    for origin in ["http://localhost:6274", "https://inspector.example"] {
        let mut request = posted(
            &[
                ("origin", origin),
                ("access-control-request-method", "POST"),
                ("access-control-request-headers", "authorization,content-type"),
            ],
            String::new(),
            Some(true),
        );
        *request.method_mut() = axum::http::Method::OPTIONS;
        let answer = stage.send(request).await;
        assert!(answer.status.is_client_error(), "{origin}: {}", answer.status);
        let permitted =
            answer.headers.keys().any(|name| name.as_str().starts_with("access-control"));
        assert!(!permitted, "{origin}: {:?}", answer.headers);
    }
}

/// Over a real connection, as `centinel serve` takes them: this test's process is of the server's user.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn the_kernel_says_whose_process_asks() {
    use std::io::{Read as _, Write as _};

    let stage = Stage::of(site().await, "", HERE).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = stage.site.router.clone();
    let served = crate::listen::serve(listener, router, std::future::pending());
    let asked = tokio::task::spawn_blocking(move || {
        let ask = |headers: &str| {
            let body = list().to_string();
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            let head = format!(
                "POST /mcp HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\
                 Accept: application/json, text/event-stream\r\n\
                 MCP-Protocol-Version: 2025-11-25\r\n{headers}\r\n{body}",
                body.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer.split(' ').nth(1).unwrap().to_owned()
        };
        ["", "X-Forwarded-For: 203.0.113.7\r\n", "Authorization: Bearer wrong\r\n"].map(ask)
    });
    tokio::select! {
        () = served => panic!("served to its end"),
        statuses = asked => assert_eq!(statuses.unwrap(), ["200", "401", "401"]),
    }
}
