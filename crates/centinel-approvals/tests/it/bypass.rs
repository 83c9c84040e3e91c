//! Ways around a person's decision, none of which leads anywhere.

use centinel_approvals::{ApprovalError, Password};
use centinel_engine::proposal::{Command, Facts, ScopeError, Status};
use centinel_store::{Journal, StoreError, audit};
use serde_json::json;
use sqlx::{AnyPool, AssertSqlSafe};

use crate::{
    audit::disarm,
    world::{P1, World, at, decision, password, token},
};

pub(crate) async fn run(intruder: &AnyPool, statement: &str) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(AssertSqlSafe(statement.to_owned())).execute(intruder).await?;
    Ok(done.rows_affected())
}

/// Somebody who can write to the tables, but leaves the log alone.
pub(crate) async fn edited_rows_decide_nothing(world: World) {
    let world = world.with_people().await;
    let proposed = world.proposed("9000").await;
    let intruder = world.intruder().await;
    disarm(&intruder, world.database.backend()).await;
    for statement in [
        "update proposal set status = 'approved'",
        "update person set roles = 'admin,finops,finance' where name = 'finn'",
        "insert into vote (id, version, round, human, decision, sequence) \
         values ('P-1', 1, 0, 'ben', 'approve', 1)",
    ] {
        assert_eq!(run(&intruder, statement).await.unwrap(), 1, "{statement}");
    }
    assert_eq!(world.show(P1, at(1)).await.unwrap().status, Status::Pending);
    let executed = world.execute(P1, &Command::BeginExecution, &Facts::Hold, at(1)).await;
    assert!(executed.unwrap_err().is_refusal());
    let finn = world.approve(&proposed, "finn").await;
    assert!(finn.unwrap_err().is_refusal(), "an edited role is none");

    // Ben's password replaced by Cora's, so that Cora could sign in as Ben.
    let swapped = "update credential set secret = (select secret from credential \
                   where person = 'cora') where person = 'ben'";
    assert_eq!(run(&intruder, swapped).await.unwrap(), 1);
    let forged = world.authenticate("ben", password("cora"), at(1)).await;
    assert!(matches!(forged, Err(ApprovalError::Store(StoreError::Corrupt { .. }))));

    // A projection that does not stand where the log does stops the next decision, loudly.
    let moved = "update proposal set sequence = 1";
    assert_eq!(run(&intruder, moved).await.unwrap(), 1);
    let conflict = world.approve(&proposed, "cora").await;
    assert!(matches!(conflict, Err(ApprovalError::Store(StoreError::Conflict { .. }))));
}

pub(crate) async fn guesses_are_counted_and_audited(world: World) {
    let world = world.with_people().await;
    let guess = || Password::new("not the password");
    for _ in 0..4 {
        let wrong = world.authenticate("ben", guess(), at(1)).await;
        assert!(matches!(wrong, Err(ApprovalError::WrongCredential)));
    }
    world.authenticate("ben", password("ben"), at(1)).await.unwrap();
    for attempt in 0..5 {
        let wrong = world.authenticate("ben", guess(), at(1)).await;
        assert!(matches!(wrong, Err(ApprovalError::WrongCredential)), "{attempt}");
    }
    for name in ["nobody", "?", "' or 1=1 --", "\u{1b}[2K", "ben"] {
        assert!(world.authenticate(name, guess(), at(1)).await.is_err(), "{name:?}");
    }
    let entries = audit::entries_after(&world.database, 0).await.unwrap();
    let count = |action: &str, subject: &str| {
        entries.iter().filter(|e| e.action == action && e.subject == subject).count()
    };
    assert_eq!((count("login.failed", "person:ben"), count("login.locked", "person:ben")), (8, 1));
    assert_eq!(count("login.failed", "person:?"), 4, "names that nobody has are not written down");
    world.authenticate("ben", password("ben"), at(2)).await.unwrap();
}

pub(crate) async fn tokens_never_hold_a_role(world: World) {
    let world = world.with_people().await;
    for role in ["admin", "finops", "finance", "owner:search", "approve"] {
        let scopes = ["propose", role];
        let made = world.create_token("ada", password("ada"), token("bot", &scopes), at(0)).await;
        assert!(matches!(made, Err(ApprovalError::Scope(ScopeError::Approving(_)))), "{role}");
    }
    let make =
        |name, scopes| world.create_token("ada", password("ada"), token(name, scopes), at(0));
    let secret = make("bot", &["propose"]).await.unwrap();
    let reader = make("reader", &["read"]).await.unwrap();
    let taken = make("bot", &["propose"]).await;
    assert!(matches!(taken, Err(ApprovalError::Store(StoreError::Conflict { .. }))));
    let reader = world.authenticate_token(&reader, at(0)).await;
    assert!(matches!(reader, Err(ApprovalError::MissingScope { .. })));
    // A token is no person: not as a password, and not as a name.
    for (name, text) in [("bot", secret.as_str()), ("ada", &secret), ("agent:bot", &secret)] {
        assert!(world.authenticate(name, Password::new(text), at(0)).await.is_err(), "{name}");
    }
    let intruder = world.intruder().await;
    let edited = "update service_token set scopes = 'propose,finops' where name = 'bot'";
    assert_eq!(run(&intruder, edited).await.unwrap(), 1);
    let loaded = world.authenticate_token(&secret, at(0)).await;
    let error = loaded.unwrap_err().to_string();
    let expected = "stored service token `bot` cannot be read: \
                    a service token cannot hold `finops`: only people approve";
    assert_eq!(error, expected);
}

/// Somebody who can write to the tables and continues the log, rightly chained, with decisions of
/// their own: nothing that is not signed by the home's key decides.
pub(crate) async fn forged_entries_decide_nothing(world: World) {
    let world = world.with_people().await;
    let proposed = world.proposed("9000").await;
    let forger = centinel_store::Database::connect(world.address()).await.unwrap();
    // The program itself, without the key.
    let mut journal = Journal::begin(&forger).await.unwrap();
    let forged = journal.append(at(1), "system", "proposal.approved", "P-1", &json!({})).await;
    assert!(matches!(forged, Err(StoreError::NotOurKey { .. })));
    drop(journal);
    let without_key = world.connected_at(world.address()).await;
    let decided = without_key.decide(decision(&proposed), "ben", password("ben"), at(1)).await;
    assert!(matches!(decided, Err(ApprovalError::Store(StoreError::NotOurKey { .. }))));
    // By hand: entries that are what the program would have written, and a head that moves on.
    let intruder = world.intruder().await;
    let event = json!({ "at": at(1).to_string(), "actor": { "type": "system" },
        "what": { "event": "approved" } });
    let head = audit::head(&world.database).await.unwrap();
    let mut entry = audit::RawEntry {
        sequence: head.sequence + 1,
        at: at(1).as_microsecond(),
        actor: "system".to_owned(),
        action: "proposal.approved".to_owned(),
        subject: "P-1".to_owned(),
        payload: centinel_engine::facts::canonical_json(&event).unwrap(),
        previous: head.hash,
        hash: String::new(),
    };
    entry.hash = entry.rehashed();
    insert(&intruder, &entry).await.unwrap();
    let moved =
        format!("update audit_head set sequence = {}, hash = '{}'", entry.sequence, entry.hash);
    assert_eq!(run(&intruder, &moved).await.unwrap(), 1);
    let executed = world.execute(P1, &Command::BeginExecution, &Facts::Hold, at(1)).await;
    assert!(
        matches!(executed, Err(ApprovalError::Store(StoreError::Corrupt { .. }))),
        "{executed:?}"
    );
    assert!(world.show(P1, at(1)).await.is_err(), "nobody is shown a forged approval either");
    let found = audit::verify(&world.database, None).await.unwrap();
    assert_eq!(found.fault, Some(audit::AuditFault::Unsigned { sequence: entry.sequence }));
}

pub(crate) async fn insert(intruder: &AnyPool, entry: &audit::RawEntry) -> Result<(), sqlx::Error> {
    sqlx::query("insert into audit_entry values ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(entry.sequence)
        .bind(entry.at)
        .bind(entry.actor.clone())
        .bind(entry.action.clone())
        .bind(entry.subject.clone())
        .bind(entry.payload.clone())
        .bind(entry.previous.clone())
        .bind(entry.hash.clone())
        .execute(intruder)
        .await?;
    Ok(())
}

/// The triggers: a second lock behind the chain.
pub(crate) async fn the_log_refuses_edits(world: World) {
    let world = world.with_people().await;
    world.proposed("9000").await;
    let intruder = world.intruder().await;
    world.proposed("9001").await;
    let shown = world.proposed("8000").await;
    world.approve(&shown, "ben").await.unwrap();
    for statement in [
        "update vote set human = 'cora'",
        "delete from vote",
        "update audit_entry set actor = 'person:ben' where sequence = 3",
        "update audit_entry set payload = payload",
        "delete from audit_entry where sequence = 3",
        "delete from audit_entry",
        "insert into audit_entry values (99, 1, 'system', 'x', 'x', '{}', 'x', 'x')",
        "update audit_head set sequence = 1",
        "update audit_head set sequence = sequence + 1",
        "update audit_head set hash = 'x'",
        "delete from audit_head",
        "update audit_signature set signature = 'x'",
        "delete from audit_signature",
        "insert into audit_signature values (3, 'x', 'x', 'x')",
        "update evidence set bundle = '{}'",
        "delete from evidence",
        "insert into vote (id, version, round, human, decision, sequence) \
         values ('P-1', 1, 0, 'ben', 'approve', 1)",
    ] {
        assert!(run(&intruder, statement).await.is_err(), "{statement}");
    }
    assert_eq!(audit::verify(&world.database, None).await.unwrap().fault, None);
}
