//! Through the policies, between a vote and what it leads to.

use std::fs;

use super::{
    Trace::{Entry, Told},
    Way,
    stage::Stage,
};

const EVERYBODY: &str = "@id(\"own\")\n@reason(\"a test\")\n\
    permit (principal is Person, action == Action::\"approve\", resource);\n";
const FORBIDS: &str = "@id(\"own\")\n@reason(\"a test\")\n\
    forbid (principal is Person, action == Action::\"approve\", resource is Proposal)\n\
    when { resource.kind == Kind::\"commitment\" };\n";
const APPROVALS: &str = "policies/approvals.toml";

/// One of two votes, and then easier rules: the vote counts under the rules that it was cast under, so
/// that it does not count now, and is void as soon as anybody looks closer.
fn eased(stage: &Stage, change: impl Fn(String) -> String) -> String {
    stage.decide("approve", "P-3", "carl").ok();
    stage.edit(APPROVALS, change);
    let said = stage.run(&["execute"]).all();
    let shown = stage.run(&["--json", "show", "P-3"]).ok().json();
    assert_eq!(shown["standing"]["approved_by"], serde_json::json!([]), "{shown}");
    said
}

pub(super) fn ways() -> Vec<Way> {
    vec![
        Way::new(
            "policies: one approver where two were needed, after the first vote",
            |stage| {
                eased(stage, |text| {
                    text.replace("approvers = 2", "approvers = 1")
                        .replace("approvers = 3", "approvers = 1")
                })
            },
            Entry("policies.loaded", "approvals.toml"),
        ),
        Way::new(
            "policies: a rule taken away after the first vote",
            |stage| {
                eased(stage, |text| {
                    let start = text.find("[[rule]]\nname = \"high risk\"").unwrap();
                    let end = text[start + 5..].find("[[rule]]").unwrap() + start + 5;
                    format!("{}{}", &text[..start], &text[end..])
                })
            },
            Entry("policies.loaded", "approvals.toml"),
        ),
        Way::new(
            "policies: another currency after the first vote",
            |stage| eased(stage, |text| text.replace("currency = \"USD\"", "currency = \"JPY\"")),
            Entry("policies.loaded", "approvals.toml"),
        ),
        Way::new(
            "policies: stricter rules between approval and execution",
            |stage| {
                stage.decide("approve", "P-1", "carl").ok();
                stage.edit(APPROVALS, |text| text.replace("approvers = 1", "approvers = 2"));
                stage.run(&["execute"]).all()
            },
            Entry("proposal.votes_voided", "carl"),
        )
        .voted(),
        Way::new(
            "policies: a second factor wanted between approval and execution",
            |stage| {
                stage.decide("approve", "P-1", "carl").ok();
                stage.edit(APPROVALS, |text| {
                    text.replacen("approvers = 1", "approvers = 1\nsecond_factor = true", 1)
                });
                stage.run(&["execute"]).all()
            },
            Entry("proposal.votes_voided", "carl"),
        )
        .voted(),
        Way::new(
            "policies: nobody at all",
            |stage| {
                stage.edit(APPROVALS, |text| text.replace("approvers = 1", "approvers = 0"));
                let said = stage.run(&["execute"]).all();
                stage.edit(APPROVALS, |text| text.replace("approvers = 0", "approvers = 1"));
                said
            },
            Told("approvals.toml"),
        ),
        Way::new(
            "policies: no rules at all",
            |stage| {
                let path = stage.home().join(APPROVALS);
                let text = fs::read_to_string(&path).unwrap();
                fs::write(&path, &text[..text.find("[[rule]]").unwrap()]).unwrap();
                let said =
                    stage.run(&["execute"]).all() + &stage.decide("approve", "P-3", "carl").all();
                fs::write(&path, text).unwrap();
                said
            },
            Told("rule"),
        ),
        Way::new(
            "policies: an agent that may approve",
            |stage| {
                let path = stage.home().join("policies/access/own.cedar");
                let policy = "@id(\"own\")\n@reason(\"a test\")\n\
                    permit (principal is Agent, action == Action::\"approve\", resource);\n";
                fs::write(&path, policy).unwrap();
                let said = stage.run(&["execute"]).all();
                fs::remove_file(path).unwrap();
                said
            },
            Told("could let an agent approve"),
        ),
        Way::new(
            "policies: everybody may approve, which the home's own examples contradict",
            |stage| {
                stage.decide("approve", "P-3", "carl").ok();
                let path = stage.home().join("policies/access/own.cedar");
                fs::write(&path, EVERYBODY).unwrap();
                let said = stage.run(&["execute"]).all();
                fs::remove_file(path).unwrap();
                said
            },
            Told("does not hold: `approve` is permitted"),
        ),
        Way::new(
            "policies: everybody may approve, the examples taken away as well",
            |stage| {
                stage.decide("approve", "P-3", "carl").ok();
                fs::remove_file(stage.home().join("policies/access/tests.toml")).unwrap();
                fs::write(stage.home().join("policies/access/own.cedar"), EVERYBODY).unwrap();
                // One more vote makes it two, of which one was cast under other policies.
                stage.decide("approve", "P-3", "dora").all()
            },
            Entry("refused", "person:dora"),
        ),
        Way::new(
            "policies: one that forbids, taken away between approval and execution",
            |stage| {
                let path = stage.home().join("policies/access/own.cedar");
                fs::write(&path, FORBIDS).unwrap();
                stage.decide("approve", "P-1", "carl").ok();
                fs::remove_file(path).unwrap();
                stage.run(&["execute"]).all()
            },
            Entry("proposal.votes_voided", "carl"),
        )
        .voted(),
        Way::new(
            "policies: one that forbids, added between approval and execution",
            |stage| {
                stage.decide("approve", "P-1", "carl").ok();
                fs::write(stage.home().join("policies/access/own.cedar"), FORBIDS).unwrap();
                stage.run(&["execute"]).all()
            },
            Entry("proposal.votes_voided", "carl"),
        )
        .voted(),
        Way::new(
            "policies: words that nobody knows",
            |stage| {
                let path = stage.home().join(APPROVALS);
                let text = fs::read_to_string(&path).unwrap();
                let said = ["auto_approve = true\n", "approved = [\"P-1\"]\n", "dry_run = false\n"]
                    .map(|line| {
                        fs::write(&path, format!("{line}{text}")).unwrap();
                        stage.run(&["execute"]).all()
                    })
                    .concat();
                fs::write(&path, text).unwrap();
                said
            },
            Told("unknown field"),
        ),
    ]
}
