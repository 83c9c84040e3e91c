//! Through the clock. The product reads it in one place; here it is told another time.

use std::sync::Arc;

use centinel_approvals::{AccessPolicy, ApprovalError, Approvals, Decision, Password, Verdict};
use centinel_engine::proposal::{ApprovalPolicy, Channel, Command, Facts, ProposalId};
use centinel_store::{
    Database,
    audit::{AuditKey, Signer},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    Trace::Entry,
    Way,
    stage::{Stage, password},
};

/// Carl approves, and the product tries to carry it out, at so many hours after it was proposed.
fn at_hours(stage: &Stage, decides: i64, executes: i64) -> String {
    let home = stage.home();
    let read = |name: &str| std::fs::read_to_string(home.join(name)).unwrap();
    let (policy, key) = (read("policies/approvals.toml"), read("audit.key"));
    let address = format!("sqlite:{}", home.join("catalogue.sqlite").display());
    let work = async {
        let database = Database::connect(&address).await.unwrap();
        let key = AuditKey::from_pem(&key.into()).unwrap();
        let signer = Signer::new(key, Some(home.join("audit.head"))).unwrap();
        database.sign_with(Some(Arc::new(signer)));
        let policy = ApprovalPolicy::parse(&policy).unwrap();
        let access = Arc::new(AccessPolicy::shipped().unwrap());
        let approvals = Approvals::new(database.clone(), policy, access);
        let id = ProposalId(1);
        let shown = approvals.show(id, Timestamp::UNIX_EPOCH).await.unwrap();
        let proposed_at = shown.events[0].at;
        let at = |hours| proposed_at.checked_add(SignedDuration::from_hours(hours)).unwrap();
        let decision = Decision {
            id,
            version: 1,
            digest: shown.digest.clone(),
            verdict: Verdict::Approve,
            channel: Channel::Cli,
        };
        let proof = Password::new(password("carl").trim());
        let said = |result: Result<String, ApprovalError>| match result {
            Ok(text) => text,
            Err(error) => error.to_string(),
        };
        let decided = approvals.decide(decision, "carl", proof, at(decides)).await;
        let decided = said(decided.map(|view| view.status.as_str().to_owned()));
        let begun =
            approvals.execute(id, &Command::BeginExecution, &Facts::Hold, at(executes)).await;
        let begun = said(begun.map(|view| view.status.as_str().to_owned()));
        database.close().await;
        format!("decided: {decided}; carried out: {begun}")
    };
    let said =
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
    assert!(!said.contains("carried out: executing"), "{said}");
    said
}

pub(super) fn ways() -> Vec<Way> {
    vec![
        Way::new(
            "time: approved after it ran out",
            |stage| at_hours(stage, 73, 73),
            Entry("refused", "person:carl"),
        ),
        Way::new(
            "time: approved by a clock of the far future",
            |stage| at_hours(stage, 24 * 365 * 50, 1),
            Entry("refused", "person:carl"),
        ),
        Way::new(
            "time: carried out by a clock from before it was approved",
            |stage| at_hours(stage, 2, 1),
            Entry("proposal.vote_cast", "carl"),
        )
        .ends(&[("P-1", "approved")])
        .voted(),
        Way::new(
            "time: approved in time, carried out after it ran out",
            |stage| at_hours(stage, 1, 73),
            Entry("proposal.vote_cast", "carl"),
        )
        .ends(&[("P-1", "approved")])
        .voted(),
    ]
}
