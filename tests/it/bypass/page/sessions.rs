//! Without a session of somebody who may decide: none, one of one's own making, one that is over.

use centinel_approvals::Approvals;
use centinel_engine::facts::sha256_hex;

use super::{
    super::{
        Trace::{Counted, Entry, Found},
        Way, rows,
        stage::{now, password},
    },
    at_page, said,
};

pub(super) fn ways() -> Vec<Way> {
    vec![
        Way::new(
            "page: nobody",
            |stage| at_page(stage, |page| page.approve("", &[], &page.ballot("0"))),
            Counted("no_session"),
        ),
        Way::new(
            "page: a session that was made up",
            |stage| {
                at_page(stage, |page| {
                    let planted = format!("centinel_session={}", "ab".repeat(32));
                    page.approve(&planted, &[], &page.ballot("0"))
                })
            },
            Counted("no_session"),
        ),
        Way::new(
            "page: two sessions, one of them planted",
            |stage| {
                at_page(stage, |page| {
                    let session = page.sign_in("carl");
                    let body = page.ballot(&page.token(&session));
                    let both = format!("centinel_session={}; {session}", "ab".repeat(32));
                    page.approve(&both, &[], &body)
                })
            },
            Counted("two_cookies"),
        ),
        Way::new(
            "page: a session from before the password was changed",
            |stage| {
                at_page(stage, |page| {
                    let session = page.sign_in("carl");
                    let body = page.ballot(&page.token(&session));
                    let args = ["person", "password", "--as", "carl", "--password-stdin"];
                    let typed = format!("{}another password of carl\n", password("carl"));
                    page.stage.with_input(&args, &typed).ok();
                    page.approve(&session, &[], &body)
                })
            },
            Counted("no_session"),
        ),
        Way::new(
            "page: a session from before the account ended",
            |stage| {
                at_page(stage, |page| {
                    let session = page.sign_in("carl");
                    let body = page.ballot(&page.token(&session));
                    let args = ["person", "remove", "carl", "--as", "ada", "--password-stdin"];
                    page.stage.with_input(&args, &password("ada")).ok();
                    page.approve(&session, &[], &body)
                })
            },
            Counted("no_session"),
        ),
        Way::new(
            "page: a session that was signed out",
            |stage| {
                at_page(stage, |page| {
                    let session = page.sign_in("carl");
                    let csrf = page.token(&session);
                    page.post("/sign-out", &session, &[], &format!("csrf={csrf}"));
                    page.approve(&session, &[], &page.ballot(&csrf))
                })
            },
            Counted("no_session"),
        ),
        Way::new(
            "page: a session's digest, read from the audit log, as its cookie",
            |stage| {
                at_page(stage, |page| {
                    let csrf = page.token(&page.sign_in("carl"));
                    let entries = page.stage.entries();
                    let begun = entries.iter().find(|entry| entry.action == "session.begun");
                    let digest = begun.unwrap().subject.trim_start_matches("session:").to_owned();
                    page.approve(&format!("centinel_session={digest}"), &[], &page.ballot(&csrf))
                })
            },
            Counted("no_session"),
        ),
        Way::new(
            "page: a session of Carl's, written into the audit log",
            |stage| {
                at_page(stage, |page| {
                    let secret = "ab".repeat(32);
                    let digest = sha256_hex(secret.as_bytes());
                    let begun = r#"{"person":"carl","has_second_factor":false}"#;
                    let subject = format!("session:{digest}");
                    let said = rows::written(page.stage, "session.begun", &subject, begun);
                    page.stage.write(&[format!(
                        "insert into session_use (digest, used_at) values ('{digest}', \
                         {})",
                        now().as_microsecond()
                    )]);
                    let csrf = Approvals::csrf_token(&secret);
                    let cookie = format!("centinel_session={secret}");
                    said + &page.approve(&cookie, &[], &page.ballot(&csrf))
                })
            },
            Found,
        ),
        Way::new(
            "page: a service token in the place of a session",
            |stage| {
                at_page(stage, |page| {
                    let cookie = format!("centinel_session={}", page.stage.token("bot"));
                    page.approve(&cookie, &[], &page.ballot("0"))
                })
            },
            Counted("no_session"),
        ),
        Way::new(
            "page: a service token in its header",
            |stage| {
                at_page(stage, |page| {
                    let shown = format!("Bearer {}", page.stage.token("bot"));
                    let headers = [("Authorization", shown.as_str())];
                    page.approve("", &headers, &page.ballot("0"))
                })
            },
            Entry("refused", "agent:bot"),
        ),
        Way::new(
            "page: a service token beside somebody's session",
            |stage| {
                at_page(stage, |page| {
                    let shown = format!("Bearer {}", page.stage.token("for-ben"));
                    page.approve_as("carl", &[("Authorization", &shown)])
                })
            },
            Entry("refused", "for-ben"),
        ),
        Way::new(
            "page: a service token as a password",
            |stage| {
                at_page(stage, |page| said(&page.try_to_sign_in("carl", page.stage.token("bot"))))
            },
            Entry("login.failed", "person:carl"),
        ),
        Way::new(
            "page: names that a proxy would send",
            |stage| {
                at_page(stage, |page| {
                    let names = ["X-Forwarded-User", "X-Remote-User", "Remote-User", "X-Auth-User"];
                    let mut headers: Vec<_> = names.map(|name| (name, "carl")).to_vec();
                    headers.push(("X-Forwarded-For", "127.0.0.1"));
                    page.approve("", &headers, &page.ballot("0"))
                })
            },
            Counted("no_session"),
        ),
    ]
}
