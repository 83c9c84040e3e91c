//! Requests of other shapes, to other addresses, under other names.

use super::{
    super::{
        Trace::{Counted, Told},
        Way,
    },
    at_page,
};

pub(super) fn ways() -> Vec<Way> {
    vec![
        Way::new(
            "page: looking at the address of a form",
            |stage| {
                at_page(stage, |page| {
                    let session = page.sign_in("carl");
                    let query = page.ballot(&page.token(&session));
                    let path = format!("GET /proposals/P-1/approve?{query}");
                    page.send(&path, &session, &[], "")
                })
            },
            Told("405"),
        ),
        Way::new(
            "page: other methods, and headers that ask for one",
            |stage| {
                at_page(stage, |page| {
                    let session = page.sign_in("carl");
                    let body = page.ballot(&page.token(&session)) + "&_method=POST";
                    let path = "/proposals/P-1/approve";
                    let override_ = [("X-HTTP-Method-Override", "POST"), ("X-Method", "POST")];
                    ["GET", "PUT", "PATCH", "DELETE", "HEAD"]
                        .map(|method| {
                            page.send(&format!("{method} {path}"), &session, &override_, &body)
                        })
                        .concat()
                })
            },
            Told("405"),
        ),
        Way::new(
            "page: a form in the address, and nothing sent",
            |stage| {
                at_page(stage, |page| {
                    let session = page.sign_in("carl");
                    let query = page.ballot(&page.token(&session));
                    page.post(&format!("/proposals/P-1/approve?{query}"), &session, &[], "")
                })
            },
            Counted("wrong_form"),
        ),
        Way::new(
            "page: a form of other types",
            |stage| {
                at_page(stage, |page| {
                    let session = page.sign_in("carl");
                    let csrf = page.token(&session);
                    let json = serde_json::json!({ "csrf": csrf, "version": 1,
                        "digest": page.digest });
                    ["application/json", "text/plain", "multipart/form-data; boundary=x"]
                        .map(|kind| {
                            page.approve(&session, &[("Content-Type", kind)], &json.to_string())
                        })
                        .concat()
                })
            },
            Counted("wrong_form"),
        ),
        Way::new(
            "page: a form that says something twice",
            |stage| {
                at_page(stage, |page| {
                    let digest = page.stage.digest("P-3");
                    page.sent_as("carl", "/proposals/P-1/approve", &format!("&digest={digest}"))
                        + &page.sent_as("carl", "/proposals/P-1/approve", "&version=1")
                })
            },
            Counted("wrong_form"),
        ),
        Way::new(
            "page: addresses that are nearly those of forms",
            |stage| {
                at_page(stage, |page| {
                    let session = page.sign_in("carl");
                    let body = page.ballot(&page.token(&session));
                    [
                        "/proposals/P-1%2Fapprove",
                        "/proposals/P-1/approve/",
                        "//proposals/P-1/approve",
                        "/proposals/../proposals/P-1/approve",
                        "/api/proposals/P-1/approve",
                        "/proposals/P-1/execute",
                        "/proposals/P-1/status",
                    ]
                    .map(|path| page.post(path, &session, &[], &body))
                    .concat()
                })
            },
            Told("404"),
        ),
        Way::new(
            "page: another name of this machine",
            |stage| {
                at_page(stage, |page| {
                    ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io"]
                        .map(|host| {
                            let origin = format!("http://{host}");
                            let headers = [("Host", host), ("Origin", origin.as_str())];
                            page.approve_as("carl", &headers)
                        })
                        .concat()
                })
            },
            Counted("foreign_host"),
        ),
        Way::new(
            "page: two names at once, and one in the address",
            |stage| {
                at_page(stage, |page| {
                    let session = page.sign_in("carl");
                    let body = page.ballot(&page.token(&session));
                    let evil = [("Origin", "http://evil.example")];
                    let two = [("Host", &page.served.host[..]), ("Host", "evil.example"), evil[0]];
                    let whole = "POST http://evil.example/proposals/P-1/approve";
                    page.approve(&session, &two, &body) + &page.send(whole, &session, &evil, &body)
                })
            },
            Counted("foreign_host"),
        ),
        Way::new(
            "page: another site's name by the headers of a proxy",
            |stage| {
                at_page(stage, |page| {
                    let headers = [
                        ("Origin", "https://evil.example"),
                        ("X-Forwarded-Host", "evil.example"),
                        ("X-Forwarded-Proto", "https"),
                        ("Forwarded", "host=evil.example;proto=https"),
                        ("X-Original-URL", "/proposals/P-1/approve"),
                    ];
                    page.approve_as("carl", &headers)
                })
            },
            Counted("foreign_page"),
        ),
    ]
}
