//! Through accounts: one's own, second ones, others'.

use super::{
    Trace::{Entry, Told},
    Way,
    stage::{Stage, password},
};

fn as_admin(stage: &Stage, args: &[&str], admin: &str, input: &str) -> String {
    let more = ["--as", admin, "--password-stdin"];
    stage.with_input(&[args, &more].concat(), input).all()
}

pub(super) fn ways() -> Vec<Way> {
    vec![
        Way::new(
            "people: a member approves",
            |stage| stage.decide("approve", "P-1", "dora").all(),
            Entry("refused", "person:dora"),
        ),
        Way::new(
            "people: two accounts of one human where two people are needed",
            |stage| {
                stage.decide("approve", "P-3", "ada").ok();
                stage.decide("approve", "P-3", "ada2").all()
            },
            Entry("refused", "person:ada2"),
        ),
        Way::new(
            "people: one account twice where two people are needed",
            |stage| {
                stage.decide("approve", "P-3", "carl").ok();
                stage.decide("approve", "P-3", "carl").all()
            },
            Entry("refused", "person:carl"),
        ),
        Way::new(
            "people: whoever has an agent propose approves it",
            |stage| stage.propose_for_ben() + &stage.decide("approve", "P-4", "ben").all(),
            Entry("refused", "person:ben"),
        ),
        Way::new(
            "people: a role for oneself",
            |stage| {
                let args = ["person", "set", "dora", "--role", "admin", "--role", "finops"];
                as_admin(stage, &args, "dora", &password("dora"))
                    + &stage.decide("approve", "P-1", "dora").all()
            },
            Entry("refused", "does not hold the role `admin`"),
        ),
        Way::new(
            "people: a new account, by somebody who is no admin",
            |stage| {
                let args = ["person", "set", "eve", "--role", "finops"];
                let typed = format!("{}a password of eve\n", password("carl"));
                as_admin(stage, &args, "carl", &typed)
                    + &stage.decide("approve", "P-1", "eve").all()
            },
            Entry("refused", "does not hold the role `admin`"),
        ),
        Way::new(
            "people: an admin's name without their password",
            |stage| {
                let args = ["person", "set", "dora", "--role", "finops"];
                as_admin(stage, &args, "ada", &password("dora"))
            },
            Entry("login.failed", "person:ada"),
        ),
        Way::new(
            "people: somebody else's second factor taken away",
            |stage| {
                as_admin(
                    stage,
                    &["person", "reset-second-factor", "carl"],
                    "dora",
                    &password("dora"),
                )
            },
            Entry("refused", "does not hold the role `admin`"),
        ),
        Way::new(
            "people: somebody else's password changed",
            |stage| {
                let args = ["person", "password", "--as", "carl", "--password-stdin"];
                let typed = format!("{}a password of mine\n", password("dora"));
                stage.with_input(&args, &typed).all()
            },
            Entry("login.failed", "person:carl"),
        ),
        Way::new(
            "people: an account that was ended",
            |stage| {
                as_admin(stage, &["person", "remove", "carl"], "ada", &password("ada"));
                stage.decide("approve", "P-1", "carl").all()
            },
            Entry("login.failed", "person:?"),
        ),
        Way::new(
            "people: an approval of somebody who lost the role before it was carried out",
            |stage| {
                stage.decide("approve", "P-1", "carl").ok();
                as_admin(
                    stage,
                    &["person", "set", "carl", "--role", "member:support"],
                    "ada",
                    &password("ada"),
                )
            },
            Entry("proposal.votes_voided", "carl"),
        )
        .voted(),
        Way::new(
            "people: an approval of somebody whose account ended before it was carried out",
            |stage| {
                stage.decide("approve", "P-1", "carl").ok();
                as_admin(stage, &["person", "remove", "carl"], "ada", &password("ada"))
            },
            Entry("proposal.votes_voided", "carl"),
        )
        .voted(),
        Way::new(
            "people: a token with a role",
            |stage| {
                ["finops", "admin", "approve", "owner:support", "execute"]
                    .map(|scope| {
                        let args = ["token", "create", "forged", "--scope", scope];
                        as_admin(stage, &args, "ada", &password("ada"))
                    })
                    .concat()
            },
            Told("only people approve"),
        ),
        Way::new(
            "people: a token by somebody who is no admin",
            |stage| {
                let args = ["token", "create", "mine", "--scope", "propose", "--for", "carl"];
                as_admin(stage, &args, "dora", &password("dora"))
            },
            Entry("refused", "does not hold the role `admin`"),
        ),
    ]
}
