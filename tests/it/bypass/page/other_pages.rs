//! Forms that pages of other sites send, or that carry what only another page knows.

use super::{
    super::{
        Trace::{Counted, Entry},
        Way,
        stage::password,
    },
    at_page,
};

pub(super) fn ways() -> Vec<Way> {
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
