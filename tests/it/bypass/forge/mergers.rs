//! Merges of what was delivered, by somebody whose merge is no approval of it.

use centinel_app::{App, ChangeRequest};
use centinel_approvals::Approvals;
use serde_json::json;

use super::{
    super::{
        Trace::Entry,
        Way,
        stage::{Stage, now, password},
    },
    Forge,
};
use crate::delivery::ROUTE;

pub(super) fn ways() -> Vec<Way> {
    vec![
        Way::new(
            "forge: a merge by nobody that is known here",
            |stage| Forge::open(stage, ROUTE).merge("mallory"),
            Entry("proposal.overtaken", "mallory"),
        )
        .ends(&[("P-4", "overtaken")]),
        Way::new(
            "forge: a merge by a bot",
            |stage| Forge::open(stage, ROUTE).merge("carl-of-shop[bot]"),
            Entry("proposal.overtaken", "[bot]"),
        )
        .ends(&[("P-4", "overtaken")]),
        Way::new(
            "forge: a merge by a member",
            |stage| {
                let forge = Forge::open(stage, ROUTE);
                forge.link("dora");
                forge.merge("dora-of-shop")
            },
            Entry("refused", "person:dora"),
        )
        .ends(&[("P-4", "overtaken")]),
        Way::new(
            "forge: a merge by whoever asked for it",
            |stage| {
                let forge = Forge::with(stage, "");
                forge.link("ben");
                proposed_for_ben(stage);
                forge.deliver();
                forge.merge("ben-of-shop")
            },
            Entry("refused", "person:ben"),
        )
        .ends(&[("P-4", "overtaken")]),
        Way::new(
            "forge: a merge where the rules leave it out",
            |stage| {
                stage.edit("policies/approvals.toml", |text| {
                    let rule = "name = \"everything\"\n";
                    text.replacen(rule, &format!("{rule}channels = [\"cli\", \"web\"]\n"), 1)
                });
                let forge = Forge::open(stage, ROUTE);
                forge.link("carl");
                forge.merge("carl-of-shop")
            },
            Entry("refused", "person:carl"),
        )
        .ends(&[("P-4", "overtaken")]),
        Way::new(
            "forge: one merge where two people are needed",
            |stage| {
                let forge = Forge::open(stage, &ROUTE.replace("\"low\"", "\"high\""));
                forge.link("carl");
                forge.merge("carl-of-shop")
            },
            Entry("proposal.overtaken", "more approvals are missing"),
        )
        .ends(&[("P-4", "overtaken")])
        .voted_on("P-4"),
        Way::new(
            "forge: a merge of what cannot be undone",
            |stage| {
                let change = ROUTE.replace("reversible = true", "reversible = false");
                let forge = Forge::open(stage, &change);
                forge.link("carl");
                forge.merge("carl-of-shop")
            },
            Entry("refused", "person:carl"),
        )
        .ends(&[("P-4", "overtaken")]),
        Way::new(
            "forge: a merge of what was rejected",
            |stage| {
                let forge = Forge::open(stage, ROUTE);
                forge.link("carl");
                let reject = ["reject", "P-4", "--reason", "no", "--as", "ben", "--password-stdin"];
                stage.with_input(&reject, &password("ben")).ok();
                forge.merge("carl-of-shop")
            },
            Entry("delivery.merged", "rejected"),
        )
        .ends(&[("P-4", "rejected")]),
        Way::new(
            "forge: a merge of what was taken back",
            |stage| {
                let forge = Forge::open(stage, ROUTE);
                forge.link("carl");
                stage.run(&["withdraw", "P-4"]).ok();
                forge.merge("carl-of-shop")
            },
            Entry("delivery.merged", "withdrawn"),
        )
        .ends(&[("P-4", "withdrawn")]),
    ]
}

/// `P-4`, asked for by the agent that works for Ben: no tool of agents edits files of a repository, so
/// that the product is asked itself.
fn proposed_for_ben(stage: &Stage) {
    let request = json!({
        "title": "Route answers to gpt-5-mini", "scope": { "feature": "answers" }, "risk": "low",
        "reversible": true,
        "change": { "kind": "routing", "feature": "answers", "from_model": "gpt-5.1",
            "to_model": "gpt-5-mini", "share_ratio": "1" },
        "edit": [{ "repository": "shop", "file": "values.yaml", "path": "answers.model",
            "from": "gpt-5.1", "to": "gpt-5-mini" }],
    });
    let request: ChangeRequest = serde_json::from_value(request).unwrap();
    let work = async {
        let now = now();
        let app = App::open(&stage.home(), None).await.unwrap();
        app.use_audit_key(|_| None, now).await.unwrap();
        let token = app.approvals().token(stage.token("for-ben"), now).await.unwrap();
        let requester = Approvals::requester_of(&token).unwrap();
        app.propose_change(request, &requester, now).await.unwrap();
        app.database().close().await;
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
}
