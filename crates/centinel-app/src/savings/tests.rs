//! A change carried out by hand, from its proposal to its place in the ledger of savings.

use std::{collections::BTreeMap, fs};

use centinel_approvals::{Confirmation, Decision, Password, Requester, Verdict};
use centinel_engine::{
    money::Decimal,
    proposal::{Change, Channel, Facts, Kind, Occurrence, Payment, Risk, UnitOf},
};

use super::*;
use crate::{ChangeRequest, ExpectedSaving as Expects, Format, ImportRequest, create_home};

struct Office {
    _folder: tempfile::TempDir,
    app: App,
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn password() -> Password {
    Password::new("ada's own password".to_owned())
}

impl Office {
    /// A home with one person, and a call a day at 09:00 from 21 September to 2 November.
    async fn new(more_policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        create_home(folder.path()).unwrap();
        let policy = folder.path().join("policies/approvals.toml");
        let text = fs::read_to_string(&policy).unwrap();
        fs::write(&policy, format!("{text}\n{more_policy}")).unwrap();
        let app = App::open(folder.path(), None).await.unwrap();
        app.use_audit_key(|_| None, at("2026-11-01T00:00:00Z")).await.unwrap();
        app.approvals()
            .init_first_person("ada", password(), at("2026-11-01T00:00:00Z"))
            .await
            .unwrap();
        let office = Self { _folder: folder, app };
        office.calls("2026-09-21T09:00:00Z", 43, 1_000_000, 1).await;
        office
    }

    async fn calls(&self, first: &str, days: i64, tokens: i64, nonce: u64) {
        let mut lines = String::new();
        for day in 0..days {
            let at = Timestamp::from_second(at(first).as_second() + day * 86_400).unwrap();
            let call = serde_json::json!({
                "call_id": format!("{nonce}-{day}"), "at": at.to_string(), "provider": "openai",
                "model": "gpt-4o", "feature": "answers", "team": "support",
                "input_tokens": tokens, "output_tokens": 1000,
            });
            lines.extend([call.to_string(), "\n".to_owned()]);
        }
        let request =
            ImportRequest { source: Some("gateway".to_owned()), ..ImportRequest::default() };
        let bytes = lines.into_bytes();
        let now = at("2026-12-24T00:00:00Z");
        self.app.import_bytes(bytes, Format::CallEvents, request, now, nonce).await.unwrap();
    }

    async fn proposed(&self, change: Change, percent: Option<&str>, now: &str) -> View {
        let request = request(&format!("{} by hand", change.kind()), change, percent);
        self.app.propose_change(request, &Requester::system(), at(now)).await.unwrap().view
    }

    async fn approved(&self, view: &View, now: &str) {
        let decision = Decision {
            id: view.proposal.id,
            version: 1,
            digest: view.digest.clone(),
            verdict: Verdict::Approve,
            channel: Channel::Cli,
        };
        self.app.approvals().decide(decision, "ada", password(), at(now)).await.unwrap();
    }

    async fn confirmed(&self, view: &View, done: &str, now: &str) -> Result<View, AppError> {
        let confirmation = Confirmation {
            id: view.proposal.id,
            version: 1,
            digest: view.digest.clone(),
            reference: "CHG-4711".to_owned(),
            carried_out_at: at(done),
            channel: Channel::Cli,
        };
        self.app.confirm(confirmation, "ada", password(), at(now)).await
    }
}

fn request(title: &str, change: Change, percent: Option<&str>) -> ChangeRequest {
    let percent = percent.map(|text| text.parse::<Decimal>().unwrap());
    ChangeRequest {
        title: title.to_owned(),
        change,
        edits: Vec::new(),
        scope: BTreeMap::from([("feature".to_owned(), "answers".to_owned())]),
        saves: percent.map(|mid| Expects {
            per: UnitOf::Call,
            low_percent: Decimal::from_integer(1),
            mid_percent: mid,
            high_percent: Decimal::from_integer(90),
        }),
        risk: Risk::Low,
        reversible: true,
        reverts: None,
    }
}

fn caching() -> Change {
    Change::Caching {
        feature: "answers".to_owned(),
        model: "gpt-4o".to_owned(),
        ttl_seconds: Some(300),
        previous_ttl_seconds: None,
    }
}

#[tokio::test]
async fn what_is_done_by_hand_is_confirmed_measured_and_traced() {
    let office = Office::new("").await;
    let app = &office.app;
    // On the morning of a day whose calls have come already: both look at the same whole days.
    let now = "2026-11-02T12:00:00Z";
    let caching = office.proposed(caching(), Some("50"), now).await;
    let counted = app.evidence(&caching.proposal.evidence).await.unwrap();
    let days = counted.facts.iter().find(|fact| fact.role == "days").unwrap();
    assert_eq!(days.value, "28");
    assert_eq!(
        app.days_before(at(now)).await.unwrap(),
        Some((date(2026, 10, 5), date(2026, 11, 2)))
    );
    let facts = app.facts_behind(&caching.proposal, &app.home_edits(), at(now)).await.unwrap();
    assert_eq!(facts, Facts::Hold);
    let small = Change::Commitment {
        provider: "openai".to_owned(),
        offer: "1y".to_owned(),
        commitment_per_hour: "0.001 USD".split_once(' ').map(money).unwrap(),
        term_hours: 8_760,
        payment: Payment::NoUpfront,
    };
    let purchase = office.proposed(small, Some("20"), now).await;
    let unknown = Change::Cleanup { resource_ids: vec!["vol-1".to_owned()] };
    let unknown = office.proposed(unknown, None, now).await;

    // Before anybody approved it, nobody's word counts.
    let early = office.confirmed(&caching, now, now).await.unwrap_err();
    assert_eq!(early.to_string(), "proposal `P-1` is waiting for approval");
    office.approved(&caching, "2026-11-02T13:00:00Z").await;
    let before = office.confirmed(&caching, now, "2026-11-02T14:00:00Z").await.unwrap_err();
    assert!(before.to_string().contains("it was not approved"), "{before}");
    let done = "2026-11-02T14:00:00Z";
    let executed = office.confirmed(&caching, done, "2026-11-03T14:00:00Z").await.unwrap();
    assert_eq!(executed.status, Status::Executed);
    let savings = app.savings(at("2026-11-03T15:00:00Z")).await.unwrap();
    let line = savings.lines.iter().find(|line| line.id == caching.proposal.id).unwrap();
    assert_eq!(line.executed_at, Some(at(done)));
    assert_eq!(line.reference.as_deref(), Some("CHG-4711"));
    let early = NotMeasured::TooEarly { days: 7, from: date(2026, 11, 10) };
    assert_eq!(line.not_measured, Some(early));
    let open = &savings.stages[0];
    assert_eq!((open.stage, open.proposals, open.without_promise), (Stage::Open, 2, 1));
    assert_eq!(open.amounts[0].promised, purchase.proposal.saving);
    assert!(savings.summary.contains("is carried out and not measured yet"), "{}", savings.summary);
    assert!(savings.summary.ends_with("1 proposal states no saving."), "{}", savings.summary);
    // It is signed, and leads to its entry in the log.
    let database = app.database();
    let entries = centinel_store::audit::entries_after(database, 0).await.unwrap();
    let entry = entries.iter().find(|entry| entry.sequence == line.audit_entry).unwrap();
    assert_eq!(entry.action, "proposal.confirmed");
    assert!(centinel_store::audit::decides(&entry.action));

    // Half the tokens a call afterwards, and no measurement before the ledger has the days.
    assert!(app.measure_savings(at("2026-11-20T00:00:00Z")).await.unwrap().is_empty());
    let late = app.savings(at("2026-11-20T00:00:00Z")).await.unwrap();
    let why = late.lines.iter().find(|line| line.id == caching.proposal.id).unwrap().not_measured;
    assert_eq!(why, Some(NotMeasured::NoSpend { days: 7, until: date(2026, 11, 10) }));
    office.calls("2026-11-03T09:00:00Z", 10, 500_000, 2).await;
    let measured = app.measure_savings(at("2026-11-20T00:00:00Z")).await.unwrap();
    assert_eq!(measured.len(), 1);

    let savings = app.savings(at("2026-11-20T00:00:00Z")).await.unwrap();
    let line = savings.lines.iter().find(|line| line.id == caching.proposal.id).unwrap();
    assert_eq!(line.stage, Stage::Realised);
    // Half of the input is saved, and nothing of the little output.
    assert_eq!((line.measured[0].days, line.measured[0].share_percent), (7, Some(99)));
    assert!(matches!(line.not_measured, Some(NotMeasured::TooEarly { days: 30, .. })));
    // The sums are those of the lines, and what is not known is counted, not added.
    let of = |stage| savings.stages.iter().find(|sum| sum.stage == stage).unwrap();
    assert_eq!(of(Stage::Realised).amounts[0].realised, Some(line.measured[0].saving));
    assert_eq!(of(Stage::Realised).amounts[0].promised, line.promised);
    // The other two ran out of time.
    assert_eq!((of(Stage::Ended).proposals, of(Stage::Ended).without_promise), (2, 1));
    let kind = &savings.calibration[0];
    assert_eq!((kind.kind, kind.measured, kind.within_interval), (Kind::Caching, 1, 1));
    assert!(savings.summary.contains("(99 %)"), "{}", savings.summary);
    let order: Vec<ProposalId> =
        app.ranked_inbox(at(now)).await.unwrap().iter().map(|(view, _)| view.proposal.id).collect();
    assert_eq!(order, [purchase.proposal.id, unknown.proposal.id]);

    // Taken back by a proposal of its own, it saves nothing any more; what was measured stays known.
    let mut back = request("Caching off again", self::caching(), None);
    back.reverts = Some(caching.proposal.id);
    let again = "2026-11-20T10:00:00Z";
    let back = app.propose_change(back, &Requester::system(), at(again)).await.unwrap().view;
    office.approved(&back, "2026-11-20T11:00:00Z").await;
    office.confirmed(&back, "2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z").await.unwrap();
    assert!(app.measure_savings(at("2026-12-24T00:00:00Z")).await.unwrap().is_empty());
    let savings = app.savings(at("2026-12-24T00:00:00Z")).await.unwrap();
    let line = savings.lines.iter().find(|line| line.id == caching.proposal.id).unwrap();
    assert_eq!((line.status, line.stage), (Status::RolledBack, Stage::Ended));
    assert_eq!((line.measured.len(), line.not_measured), (1, None));
    assert_eq!(savings.stages[3].proposals, 0);
    assert_eq!(savings.calibration[0].measured, 1);
}

#[tokio::test]
async fn an_emergency_is_listed_until_somebody_else_has_looked() {
    // The shipped policy knows no emergencies: a home opts in.
    let emergencies = "[break_glass]\nexpires_after_hours = 4\nreview_within_hours = 48\n";
    let office = Office::new(emergencies).await;
    let app = &office.app;
    let approvals = app.approvals();
    let now = at("2026-11-02T12:00:00Z");
    for (name, linked_to, role) in
        [("emma", None, "emergency"), ("finn", None, "finops"), ("emma-2", Some("emma"), "finops")]
    {
        let change = centinel_approvals::AccountChange {
            name: name.to_owned(),
            linked_to: linked_to.map(str::to_owned),
            roles: [role.parse().unwrap()].into(),
            active: true,
            password: Some(password()),
        };
        approvals.change_account("ada", password(), change, now).await.unwrap();
    }
    let view = office.proposed(caching(), Some("50"), "2026-11-02T12:00:00Z").await;
    let decide = async |verdict, name: &str, now: &str| {
        let decision = Decision {
            id: view.proposal.id,
            version: 1,
            digest: view.digest.clone(),
            verdict,
            channel: Channel::Cli,
        };
        approvals.decide(decision, name, password(), at(now)).await
    };
    let glass = Verdict::BreakGlass { reason: "runaway".to_owned(), ticket: "INC-7".to_owned() };
    decide(glass, "emma", "2026-11-02T13:00:00Z").await.unwrap();
    let reviews = app.open_reviews(at("2026-11-02T14:00:00Z")).await.unwrap();
    assert_eq!(reviews.len(), 1);
    assert_eq!((reviews[0].glass.name.as_str(), reviews[0].is_overdue), ("emma", false));
    assert_eq!(reviews[0].alert, ["ada", "finn"]);
    let later = app.open_reviews(at("2026-12-24T14:00:00Z")).await.unwrap();
    assert!(later[0].is_overdue);
    decide(Verdict::Review { note: "fine".to_owned() }, "finn", "2026-11-02T15:00:00Z")
        .await
        .unwrap();
    assert!(app.open_reviews(at("2026-11-02T16:00:00Z")).await.unwrap().is_empty());
    assert!(view.events.iter().all(|event| !matches!(event.what, Occurrence::Confirmed { .. })));
}

fn date(year: i16, month: i8, day: i8) -> Date {
    jiff::civil::date(year, month, day)
}

fn money((amount, currency): (&str, &str)) -> Money {
    Money { amount: amount.parse().unwrap(), currency: currency.parse().unwrap() }
}
