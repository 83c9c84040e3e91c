//! Through the page, as browsers, programs and other sites' pages reach it.

use std::thread;

use centinel_approvals::Approvals;
use centinel_engine::facts::sha256_hex;
use jiff::Timestamp;

use super::{
    Trace::{Counted, Entry, Found, Told},
    Way, rows,
    stage::{Stage, password},
};
use crate::page::{Answer, Served};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// The page, and what a form of `P-1` sends.
struct Page<'s> {
    stage: &'s Stage,
    served: Served,
    origin: String,
    digest: String,
}

/// What `/metrics` says to whoever asks from this machine.
pub(super) fn metrics(served: &Served) -> String {
    served.get("/metrics", "").body
}

fn said(answer: &Answer) -> String {
    format!("{}\n{}\n", answer.status, answer.body)
}

/// Tries something at the page, and says what was counted as well.
fn at_page(stage: &Stage, attempt: impl FnOnce(&Page<'_>) -> String) -> String {
    let digest = stage.digest("P-1");
    let served = Served::of(&stage.home());
    let origin = format!("http://{}", served.host);
    let page = Page { stage, served, origin, digest };
    attempt(&page) + &metrics(&page.served)
}

impl Page<'_> {
    /// The cookie of a form that nobody filled in yet, and its token.
    fn form(&self) -> (String, String) {
        let form = self.served.get("/sign-in", "");
        let cookie = form.header("set-cookie").unwrap().split_once(';').unwrap().0.to_owned();
        (cookie, form.hidden("/sign-in", "token"))
    }

    fn try_to_sign_in(&self, name: &str, typed: &str) -> Answer {
        let (cookie, token) = self.form();
        let typed = [("token", token.as_str()), ("name", name), ("password", typed.trim())];
        self.served.post("/sign-in", &cookie, &self.origin, &typed)
    }

    /// The cookie of somebody's session.
    fn sign_in(&self, name: &str) -> String {
        let signed_in = self.try_to_sign_in(name, &password(name));
        assert_eq!(signed_in.status, 303, "{}", signed_in.body);
        signed_in.header("set-cookie").unwrap().split_once(';').unwrap().0.to_owned()
    }

    /// What only a page of this session knows.
    fn token(&self, session: &str) -> String {
        self.served.get("/inbox", session).hidden("/sign-out", "csrf")
    }

    /// What the form that approves `P-1` sends.
    fn ballot(&self, csrf: &str) -> String {
        format!("csrf={csrf}&version=1&digest={}", self.digest)
    }

    /// Sends a body to the form that approves `P-1`, from our own page but for `headers`.
    fn approve(&self, cookie: &str, headers: &[(&str, &str)], body: &str) -> String {
        self.post("/proposals/P-1/approve", cookie, headers, body)
    }

    fn post(&self, path: &str, cookie: &str, headers: &[(&str, &str)], body: &str) -> String {
        self.send(&format!("POST {path}"), cookie, headers, body)
    }

    fn send(&self, what: &str, cookie: &str, headers: &[(&str, &str)], body: &str) -> String {
        let usual = [("Cookie", cookie), ("Origin", self.origin.as_str()), FORM];
        let is_given = |name: &str| headers.iter().any(|(given, _)| *given == name);
        let mut all: Vec<_> = usual.into_iter().filter(|(name, _)| !is_given(name)).collect();
        // An empty value takes a header away.
        all.extend(headers.iter().filter(|(_, value)| !value.is_empty()));
        said(&self.served.send(what, &all, body))
    }

    /// A rightly filled form of somebody, with other headers.
    fn approve_as(&self, name: &str, headers: &[(&str, &str)]) -> String {
        let session = self.sign_in(name);
        let body = self.ballot(&self.token(&session));
        self.approve(&session, headers, &body)
    }

    /// A form of `P-1` that somebody sends to another address, with more in it.
    fn sent_as(&self, name: &str, path: &str, more: &str) -> String {
        let session = self.sign_in(name);
        let body = self.ballot(&self.token(&session)) + more;
        self.post(path, &session, &[], &body)
    }
}

/// An identity provider that is nowhere.
const COMPANY: &str = "\n[[identity_provider]]\nname = \"company\"\ntitle = \"Example\"\n\
    issuer = \"http://127.0.0.1:9\"\nclient_id = \"centinel\"\n";

const IRREVERSIBLE: &str = r#"
title = "Old volumes away"
risk = "low"
reversible = false
scope = { feature = "answers" }

[change]
kind = "cleanup"
resource_ids = ["vol-1"]
"#;

fn of_other_pages() -> Vec<Way> {
    const FOREIGN: &str = "does not come from a page of this server";
    vec![
        Way::new(
            "page: a form of another site",
            |stage| {
                at_page(stage, |page| {
                    page.approve_as("carl", &[("Origin", "https://evil.example")])
                })
            },
            Counted("foreign_page"),
        ),
        Way::new(
            "page: a form of a page on another port of this machine",
            |stage| {
                at_page(stage, |page| page.approve_as("carl", &[("Origin", "http://localhost:1")]))
            },
            Entry("refused", FOREIGN),
        ),
        Way::new(
            "page: a form of nowhere",
            |stage| at_page(stage, |page| page.approve_as("carl", &[("Origin", "")])),
            Entry("refused", FOREIGN),
        ),
        Way::new(
            "page: a form of a page that calls itself `null`",
            |stage| at_page(stage, |page| page.approve_as("carl", &[("Origin", "null")])),
            Counted("foreign_page"),
        ),
        Way::new(
            "page: a form of which the browser says that another site sent it",
            |stage| {
                at_page(stage, |page| {
                    page.approve_as("carl", &[("Sec-Fetch-Site", "cross-site")])
                        + &page.approve_as("carl", &[("Sec-Fetch-Site", "same-site")])
                })
            },
            Entry("refused", FOREIGN),
        ),
        Way::new(
            "page: a form without its token, or with a wrong one",
            |stage| {
                at_page(stage, |page| {
                    let session = page.sign_in("carl");
                    ["", "0", &"0".repeat(64)]
                        .map(|csrf| page.approve(&session, &[], &page.ballot(csrf)))
                        .concat()
                })
            },
            Entry("refused", "page of this session"),
        ),
        Way::new(
            "page: a form with the token of another session",
            |stage| {
                at_page(stage, |page| {
                    let (mine, theirs) = (page.sign_in("dora"), page.sign_in("carl"));
                    page.approve(&theirs, &[], &page.ballot(&page.token(&mine)))
                })
            },
            Entry("refused", "page of this session"),
        ),
        Way::new(
            "page: signing a browser in as somebody else",
            |stage| {
                at_page(stage, |page| {
                    let typed = format!("name=carl&password={}", password("carl").trim());
                    page.post("/sign-in", "", &[], &typed.replace(' ', "+"))
                })
            },
            Counted("wrong_form"),
        ),
    ]
}

fn of_nobody() -> Vec<Way> {
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
                        Timestamp::now().as_microsecond()
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

fn of_requests() -> Vec<Way> {
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

fn of_people() -> Vec<Way> {
    vec![
        Way::new(
            "page: a member's form, made by hand",
            |stage| at_page(stage, |page| page.approve_as("dora", &[])),
            Entry("refused", "person:dora"),
        ),
        Way::new(
            "page: the form of another proposal",
            |stage| at_page(stage, |page| page.sent_as("carl", "/proposals/P-3/approve", "")),
            Entry("refused", "person:carl"),
        ),
        Way::new(
            "page: the form of another version",
            |stage| {
                at_page(stage, |page| {
                    let session = page.sign_in("carl");
                    let csrf = page.token(&session);
                    ["0", "2", "4294967295"]
                        .map(|version| {
                            let body =
                                format!("csrf={csrf}&version={version}&digest={}", page.digest);
                            page.approve(&session, &[], &body)
                        })
                        .concat()
                })
            },
            Entry("refused", "person:carl"),
        ),
        Way::new(
            "page: a form whose digest names nothing",
            |stage| {
                at_page(stage, |page| {
                    let session = page.sign_in("carl");
                    let csrf = page.token(&session);
                    ["", "0", &page.digest[..4], &"0".repeat(64)]
                        .map(|digest| {
                            let body = format!("csrf={csrf}&version=1&digest={digest}");
                            page.approve(&session, &[], &body)
                        })
                        .concat()
                })
            },
            Entry("refused", "person:carl"),
        ),
        Way::new(
            "page: a second account where two people are needed",
            |stage| {
                let digest = stage.digest("P-3");
                at_page(stage, |page| {
                    ["ada", "ada2"]
                        .map(|name| {
                            let session = page.sign_in(name);
                            let csrf = page.token(&session);
                            let body = format!("csrf={csrf}&version=1&digest={digest}");
                            page.post("/proposals/P-3/approve", &session, &[], &body)
                        })
                        .concat()
                })
            },
            Entry("refused", "person:ada2"),
        ),
        Way::new(
            "page: the same button four times at once where two people are needed",
            |stage| {
                let digest = stage.digest("P-3");
                let said = at_page(stage, |page| {
                    let session = page.sign_in("carl");
                    let csrf = page.token(&session);
                    let body = format!("csrf={csrf}&version=1&digest={digest}");
                    let press = || page.post("/proposals/P-3/approve", &session, &[], &body);
                    thread::scope(|scope| {
                        let pressed: Vec<_> = (0..4).map(|_| scope.spawn(press)).collect();
                        pressed.into_iter().map(|press| press.join().unwrap()).collect::<String>()
                    })
                });
                let shown = stage.run(&["--json", "show", "P-3"]).ok().json();
                assert_eq!(shown["standing"]["approved_by"], serde_json::json!(["carl"]));
                said
            },
            Entry("refused", "person:carl"),
        ),
        Way::new(
            "page: whoever asked for it approves it",
            |stage| {
                stage.propose_for_ben();
                let digest = stage.digest("P-4");
                at_page(stage, |page| {
                    let session = page.sign_in("ben");
                    let csrf = page.token(&session);
                    let body = format!("csrf={csrf}&version=1&digest={digest}");
                    page.post("/proposals/P-4/approve", &session, &[], &body)
                })
            },
            Entry("refused", "person:ben"),
        ),
        Way::new(
            "page: an emergency of somebody without that role",
            |stage| {
                at_page(stage, |page| {
                    let more = format!("&reason=fire&ticket=T-1&password={}", password("carl"));
                    let more = more.trim().replace(' ', "+");
                    page.sent_as("carl", "/proposals/P-1/emergency", &more)
                })
            },
            Entry("refused", "person:carl"),
        ),
        Way::new(
            "page: an emergency without proving oneself",
            |stage| {
                at_page(stage, |page| {
                    let more = "&reason=fire&ticket=T-1";
                    page.sent_as("carl", "/proposals/P-1/emergency", more)
                })
            },
            Entry("login.failed", "person:carl"),
        ),
        Way::new(
            "page: what cannot be undone, without proving oneself again",
            |stage| {
                stage.propose(IRREVERSIBLE);
                let digest = stage.digest("P-4");
                at_page(stage, |page| {
                    let session = page.sign_in("carl");
                    let csrf = page.token(&session);
                    let body = format!("csrf={csrf}&version=1&digest={digest}");
                    page.post("/proposals/P-4/approve", &session, &[], &body)
                })
            },
            Entry("login.failed", "person:carl"),
        ),
        Way::new(
            "page: taking back what somebody else asked for, to ask again in one's own name",
            |stage| at_page(stage, |page| page.sent_as("carl", "/proposals/P-1/withdraw", "")),
            Entry("refused", "person:carl"),
        ),
        Way::new(
            "page: the review of an emergency that is none",
            |stage| {
                at_page(stage, |page| {
                    page.sent_as("carl", "/proposals/P-1/review", "&note=approved")
                })
            },
            Entry("refused", "person:carl"),
        ),
        Way::new(
            "page: guessing a password until it is right",
            |stage| {
                at_page(stage, |page| {
                    let guesses: String = (0..6)
                        .map(|n| said(&page.try_to_sign_in("carl", &format!("{n}"))))
                        .collect();
                    guesses + &said(&page.try_to_sign_in("carl", &password("carl")))
                })
            },
            Entry("login.locked", "person:carl"),
        ),
    ]
}

fn of_links() -> Vec<Way> {
    vec![
        Way::new(
            "page: guessing the code of somebody's account",
            |stage| {
                at_page(stage, |page| {
                    let session = page.sign_in("dora");
                    let csrf = format!("csrf={}", page.token(&session));
                    ["AAAA-AAAA-AAAA-AAAA", "7K3M-9QXA-PB2C-V0ZT", "%27%20or%201=1"]
                        .map(|code| {
                            let path = format!("/link/{code}");
                            said(&page.served.get(&path, &session))
                                + &page.post(&path, &session, &[], &csrf)
                        })
                        .concat()
                })
            },
            Counted("wrong_credential"),
        ),
        Way::new(
            "page: coming back from a provider that was never gone to",
            |stage| {
                stage.append("centinel.toml", COMPANY);
                at_page(stage, |page| {
                    let path = "/sign-in/callback/company?code=carl&state=";
                    let round = format!("centinel_round={}", "ab".repeat(32));
                    [("", "x"), ("", ""), (&round[..], "ab"), (&round[..], "abababababababababab")]
                        .map(|(cookie, state)| {
                            said(&page.served.get(&format!("{path}{state}"), cookie))
                        })
                        .concat()
                })
            },
            Counted("wrong_credential"),
        ),
        Way::new(
            "page: coming back from a provider that nobody configured",
            |stage| {
                at_page(stage, |page| {
                    said(&page.served.get("/sign-in/callback/mine?state=x&code=carl", ""))
                })
            },
            Told("404"),
        ),
        Way::new(
            "page: an account of a provider linked to somebody else's session",
            |stage| {
                stage.append("centinel.toml", COMPANY);
                at_page(stage, |page| {
                    let session = page.sign_in("carl");
                    let evil = [("Origin", "http://localhost:1")];
                    page.post("/sign-in/link/company", &session, &evil, "csrf=0")
                        + &page.post("/sign-in/link/company", &session, &[], "csrf=0")
                })
            },
            Entry("refused", "person:carl"),
        ),
    ]
}

pub(super) fn ways() -> Vec<Way> {
    [of_other_pages(), of_nobody(), of_requests(), of_people(), of_links()]
        .into_iter()
        .flatten()
        .collect()
}
