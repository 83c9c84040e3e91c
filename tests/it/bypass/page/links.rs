//! Codes that link accounts, and ways back from identity providers.

use super::{
    super::{
        Trace::{Counted, Entry, Told},
        Way,
    },
    at_page, said,
};

/// An identity provider that is nowhere.
const COMPANY: &str = "\n[[identity_provider]]\nname = \"company\"\ntitle = \"Example\"\n\
    issuer = \"http://127.0.0.1:9\"\nclient_id = \"centinel\"\n";

pub(super) fn ways() -> Vec<Way> {
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
