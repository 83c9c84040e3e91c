//! Accounts that Slack vouches for, of people who may not decide here.

use std::{thread, time::Duration};

use serde_json::json;

use super::{
    super::{
        Trace::{Entry, Found, Told},
        Way, rows,
        stage::password,
    },
    SECRET, form, in_chat,
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
            "slack: a guest",
            |stage| {
                in_chat(stage, &["carl"], |chat| {
                    chat.of_account(json!({ "is_restricted": true }))
                        + &chat.of_account(json!({ "is_ultra_restricted": true }))
                })
            },
            Entry("refused", "a guest"),
        ),
        Way::new(
            "slack: a bot",
            |stage| in_chat(stage, &["carl"], |chat| chat.of_account(json!({ "is_bot": true }))),
            Entry("refused", "a bot decides nothing"),
        ),
        Way::new(
            "slack: an account that was deactivated there",
            |stage| in_chat(stage, &["carl"], |chat| chat.of_account(json!({ "deleted": true }))),
            Entry("refused", "deactivated"),
        ),
        Way::new(
            "slack: an account that is linked to nobody",
            |stage| in_chat(stage, &[], |chat| chat.click("carl", "approve", "P-1")),
            Entry("refused", "slack:UCARL@T1"),
        ),
        Way::new(
            "slack: an account that is linked to somebody whose account ended",
            |stage| {
                in_chat(stage, &["carl"], |chat| {
                    let args = ["person", "remove", "carl", "--as", "ada", "--password-stdin"];
                    stage.with_input(&args, &password("ada")).ok();
                    chat.click("carl", "approve", "P-1")
                })
            },
            Entry("refused", "slack:UCARL@T1"),
        ),
        Way::new(
            "slack: an agent by its name",
            |stage| {
                in_chat(stage, &["carl"], |chat| {
                    ["bot", "agent:bot", "person:carl", "carl"]
                        .map(|id| chat.changed(|click| click["user"]["id"] = id.into()))
                        .concat()
                })
            },
            Told("no interaction and no command"),
        ),
        Way::new(
            "slack: a member",
            |stage| in_chat(stage, &["dora"], |chat| chat.click("dora", "approve", "P-1")),
            Entry("refused", "person:dora"),
        ),
        Way::new(
            "slack: a second account where two people are needed",
            |stage| {
                in_chat(stage, &["ada", "ada2"], |chat| {
                    chat.click("ada", "approve", "P-3") + &chat.click("ada2", "approve", "P-3")
                })
            },
            Entry("refused", "person:ada2"),
        ),
        Way::new(
            "slack: whoever asked for it",
            |stage| {
                stage.propose_for_ben();
                in_chat(stage, &["ben"], |chat| chat.click("ben", "approve", "P-4"))
            },
            Entry("refused", "person:ben"),
        ),
        Way::new(
            "slack: where the rules leave it out",
            |stage| {
                stage.edit("policies/approvals.toml", |text| {
                    let rule = "name = \"everything\"\n";
                    text.replacen(rule, &format!("{rule}channels = [\"cli\", \"web\"]\n"), 1)
                });
                in_chat(stage, &["carl"], |chat| chat.click("carl", "approve", "P-1"))
            },
            Entry("refused", "person:carl"),
        ),
        Way::new(
            "slack: what cannot be undone",
            |stage| {
                stage.propose(IRREVERSIBLE);
                in_chat(stage, &["carl"], |chat| chat.click("carl", "approve", "P-4"))
            },
            Entry("refused", "person:carl"),
        ),
        Way::new(
            "slack: one's own account linked to somebody else, in the audit log",
            |stage| {
                in_chat(stage, &[], |chat| {
                    let clicked = chat.payload("eve", "approve", &chat.value("P-1"));
                    let payload = r#"{"person":"carl"}"#;
                    let said = rows::written(stage, "link.made", "link:slack:UEVE@T1", payload);
                    // Nobody can be told of a click that fails; what stands behind it is looked at too.
                    let body = form(&[("payload", &clicked.to_string())]);
                    let said = said + &chat.hook(&body, SECRET, 0, &[]);
                    thread::sleep(Duration::from_millis(300));
                    said
                })
            },
            Found,
        ),
        Way::new(
            "slack: one's own account linked to somebody else, without an admin",
            |stage| {
                in_chat(stage, &[], |chat| {
                    let args = ["person", "link", "carl", "slack:UDORA@T1", "--as", "dora"];
                    let args = [&args[..], &["--password-stdin"]].concat();
                    let said = stage.with_input(&args, &password("dora")).all();
                    said + &chat.click("dora", "approve", "P-1")
                })
            },
            Entry("refused", "does not hold the role `admin`"),
        ),
    ]
}
