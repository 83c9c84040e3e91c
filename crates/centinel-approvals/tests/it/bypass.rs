//! Ways around a person's decision, none of which leads anywhere.

use centinel_approvals::{ApprovalError, Password};
use centinel_engine::proposal::{Command, Facts, ScopeError, Status};
use centinel_store::{StoreError, audit};
use sqlx::{AnyPool, AssertSqlSafe};

use crate::world::{P1, World, at, password};

async fn run(intruder: &AnyPool, statement: &str) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(AssertSqlSafe(statement.to_owned())).execute(intruder).await?;
    Ok(done.rows_affected())
}

/// Somebody who can write to the tables, but leaves the log alone.
pub(crate) async fn edited_rows_decide_nothing(world: World) {
    let world = world.with_people().await;
    let proposed = world.proposed("9000").await;
    let intruder = world.intruder().await;
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
        let made = world.create_token("ada", password("ada"), "bot", &scopes, None, at(0)).await;
        assert!(matches!(made, Err(ApprovalError::Scope(ScopeError::Approving(_)))), "{role}");
    }
    let make = |name, scopes| world.create_token("ada", password("ada"), name, scopes, None, at(0));
    let secret = make("bot", &["propose"]).await.unwrap();
    let reader = make("reader", &["read"]).await.unwrap();
    let taken = make("bot", &["propose"]).await;
    assert!(matches!(taken, Err(ApprovalError::Store(StoreError::Conflict { .. }))));
    let reader = world.authenticate_token(&reader).await;
    assert!(matches!(reader, Err(ApprovalError::MissingScope { .. })));
    // A token is no person: not as a password, and not as a name.
    for (name, text) in [("bot", secret.as_str()), ("ada", &secret), ("agent:bot", &secret)] {
        assert!(world.authenticate(name, Password::new(text), at(0)).await.is_err(), "{name}");
    }
    let intruder = world.intruder().await;
    let edited = "update service_token set scopes = 'propose,finops' where name = 'bot'";
    assert_eq!(run(&intruder, edited).await.unwrap(), 1);
    let loaded = world.authenticate_token(&secret).await;
    let error = loaded.unwrap_err().to_string();
    let expected = "stored service token `bot` cannot be read: \
                    a service token cannot hold `finops`: only people approve";
    assert_eq!(error, expected);
}

/// The triggers: a second lock behind the chain.
pub(crate) async fn the_log_refuses_edits(world: World) {
    let world = world.with_people().await;
    world.proposed("9000").await;
    let intruder = world.intruder().await;
    for statement in [
        "update audit_entry set actor = 'person:ben' where sequence = 3",
        "update audit_entry set payload = payload",
        "delete from audit_entry where sequence = 3",
        "delete from audit_entry",
        "update evidence set bundle = '{}'",
    ] {
        assert!(run(&intruder, statement).await.is_err(), "{statement}");
    }
    assert_eq!(audit::verify(&world.database, None).await.unwrap().fault, None);
}
