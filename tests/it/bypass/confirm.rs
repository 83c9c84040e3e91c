//! Through the word that something was carried out by hand.

use super::{
    Trace::{Entry, Told},
    Way,
    stage::{Stage, password},
};

/// A change that nobody but people can carry out.
const BY_HAND: &str = r#"
title = "Answers by a smaller model, set by hand"
risk = "low"
reversible = true
scope = { feature = "answers" }

[change]
kind = "routing"
feature = "answers"
from_model = "gpt-5.1"
to_model = "gpt-5-mini"
share_ratio = "1"
"#;

/// The word of somebody, or of whoever knows their password.
fn confirm(stage: &Stage, id: &str, name: &str, more: &[&str], typed: &str) -> String {
    let args = ["confirm", id, "--reference", "T-1", "--as", name, "--password-stdin"];
    stage.with_input(&[&args, more].concat(), typed).all()
}

pub(super) fn ways() -> Vec<Way> {
    vec![
        Way::new(
            "confirm: what nobody approved",
            |stage| {
                stage.propose(BY_HAND);
                confirm(stage, "P-4", "carl", &[], &password("carl"))
            },
            Entry("refused", "person:carl"),
        ),
        Way::new(
            "confirm: what the product carries out itself, before it is approved",
            |stage| confirm(stage, "P-1", "carl", &[], &password("carl")),
            Entry("refused", "person:carl"),
        ),
        Way::new(
            "confirm: what the product carries out itself, once it is approved",
            |stage| {
                stage.decide("approve", "P-1", "carl").ok();
                let said = confirm(stage, "P-1", "carl", &[], &password("carl"));
                let reject = ["reject", "P-1", "--reason", "no", "--as", "ben", "--password-stdin"];
                said + &stage.with_input(&reject, &password("ben")).ok().all()
            },
            Entry("refused", "person:carl"),
        )
        .ends(&[("P-1", "rejected")])
        .voted(),
        Way::new(
            "confirm: an agent's token as a password",
            |stage| {
                stage.propose(BY_HAND);
                stage.decide("approve", "P-4", "carl").ok();
                let secret = format!("{}\n", stage.token("bot"));
                confirm(stage, "P-4", "carl", &[], &secret)
            },
            Entry("login.failed", "person:carl"),
        )
        .ends(&[("P-4", "approved")])
        .voted_on("P-4"),
        Way::new(
            "confirm: an agent by its name",
            |stage| {
                stage.propose(BY_HAND);
                let secret = format!("{}\n", stage.token("bot"));
                confirm(stage, "P-4", "bot", &[], &secret)
            },
            Entry("login.failed", "person:?"),
        ),
        Way::new(
            "confirm: somebody without that role",
            |stage| {
                stage.propose(BY_HAND);
                stage.decide("approve", "P-4", "carl").ok();
                confirm(stage, "P-4", "dora", &[], &password("dora"))
            },
            Entry("refused", "person:dora"),
        )
        .ends(&[("P-4", "approved")])
        .voted_on("P-4"),
        Way::new(
            "confirm: done before it was approved",
            |stage| {
                stage.propose(BY_HAND);
                stage.decide("approve", "P-4", "carl").ok();
                let at = ["--at", "2026-01-01T00:00:00Z"];
                confirm(stage, "P-4", "carl", &at, &password("carl"))
            },
            Entry("refused", "person:carl"),
        )
        .ends(&[("P-4", "approved")])
        .voted_on("P-4"),
        Way::new(
            "confirm: done in the future",
            |stage| {
                stage.propose(BY_HAND);
                stage.decide("approve", "P-4", "carl").ok();
                let at = ["--at", "2199-01-01T00:00:00Z"];
                confirm(stage, "P-4", "carl", &at, &password("carl"))
            },
            Entry("refused", "person:carl"),
        )
        .ends(&[("P-4", "approved")])
        .voted_on("P-4"),
        Way::new(
            "confirm: another version, another digest",
            |stage| {
                stage.propose(BY_HAND);
                stage.decide("approve", "P-4", "carl").ok();
                let of_p1 = stage.digest("P-1");
                [["--version", "2"], ["--digest", &of_p1]]
                    .map(|more| confirm(stage, "P-4", "carl", &more, &password("carl")))
                    .concat()
            },
            Entry("refused", "person:carl"),
        )
        .ends(&[("P-4", "approved")])
        .voted_on("P-4"),
        Way::new(
            "confirm: nobody's word",
            |stage| {
                stage.propose(BY_HAND);
                stage.run(&["confirm", "P-4", "--reference", "T-1", "--as", "carl"]).all()
            },
            Told("this needs a person at a terminal"),
        ),
    ]
}
