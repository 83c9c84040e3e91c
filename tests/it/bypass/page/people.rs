//! Forms of people who signed in, and may not decide what they send.

use std::thread;

use super::{
    super::{Trace::Entry, Way, stage::password},
    at_page, said,
};

const IRREVERSIBLE: &str = r#"
title = "Old volumes away"
risk = "low"
reversible = false
scope = { feature = "answers" }

[change]
kind = "cleanup"
resource_ids = ["vol-1"]
"#;

pub(super) fn ways() -> Vec<Way> {
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
