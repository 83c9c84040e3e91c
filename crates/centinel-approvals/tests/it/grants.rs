//! The database role of a process that speaks for agents: it proposes, and PostgreSQL itself refuses
//! every decision.

use centinel_approvals::{ApprovalError, Approvals, Requester};
use centinel_engine::{
    facts::canonical_json,
    proposal::{Command, Facts, Proposal, Status},
};
use centinel_store::{
    agent_grants,
    audit::{self, RawEntry},
};
use serde_json::{Value, json};
use sqlx::{AnyPool, AssertSqlSafe};

use crate::world::{P1, World, at, decision, password};

const ROLE: &str = "centinel_test_agent";

async fn run(pool: &AnyPool, statement: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(pool).await.map(|_| ())
}

/// The role's own connections: the service, and a raw one.
async fn as_role(world: &World, schema: &str) -> (Approvals, AnyPool) {
    let owner = world.intruder().await;
    let create = format!(
        "do $$ begin create role {ROLE} login; exception when duplicate_object then null; end $$"
    );
    run(&owner, &create).await.unwrap();
    let grants = agent_grants(ROLE, schema).unwrap();
    // Twice: an upgrade runs it again.
    run(&owner, &grants).await.unwrap();
    run(&owner, &grants).await.unwrap();
    let address = world.address().replacen("centinel@", &format!("{ROLE}@"), 1);
    assert_ne!(address, world.address());
    (world.connected_at(&address).await, AnyPool::connect(&address).await.unwrap())
}

/// An entry as the program would write it next, with the right hash.
async fn entry(
    world: &World,
    actor: &str,
    action: &str,
    subject: &str,
    payload: &Value,
) -> RawEntry {
    let head = audit::head(&world.database).await.unwrap();
    let mut entry = RawEntry {
        sequence: head.sequence + 1,
        at: at(1).as_microsecond(),
        actor: actor.to_owned(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        payload: canonical_json(payload).unwrap(),
        previous: head.hash,
        hash: String::new(),
    };
    entry.hash = entry.rehashed();
    entry
}

async fn append(pool: &AnyPool, entry: &RawEntry) -> Result<(), sqlx::Error> {
    sqlx::query("insert into audit_entry values ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(entry.sequence)
        .bind(entry.at)
        .bind(entry.actor.clone())
        .bind(entry.action.clone())
        .bind(entry.subject.clone())
        .bind(entry.payload.clone())
        .bind(entry.previous.clone())
        .bind(entry.hash.clone())
        .execute(pool)
        .await
        .map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_role_proposes_and_writes_no_decision() {
    let schema = "agent_role";
    let Some(world) = World::on_server(schema).await else { return };
    let world = world.with_people().await;
    let ours = world.proposed("9000").await;
    let (service, raw) = as_role(&world, schema).await;
    let agent = Requester::local_agent();

    // What it may: propose, put forward a further version of its own, withdraw, look.
    let proposed = service.propose(world.draft("8000").await, &agent, at(1)).await.unwrap();
    assert!(proposed.is_new);
    let own = proposed.view.proposal.id;
    let again = service.propose(world.draft("8000").await, &agent, at(1)).await.unwrap();
    assert!(!again.is_new);
    let second = service.supersede(own, world.draft("8500").await, &agent, at(1)).await.unwrap();
    assert_eq!((second.proposal.version, second.status), (2, Status::Pending));
    assert_eq!(service.inbox(at(1)).await.unwrap().len(), 2);
    let third = service.propose(world.draft("700").await, &agent, at(1)).await.unwrap().view;
    let withdrawn = service.withdraw(third.proposal.id, &agent, at(1)).await.unwrap();
    assert_eq!(withdrawn.status, Status::Withdrawn);
    // A refusal leaves its trace.
    let refused = service.withdraw(P1, &agent, at(1)).await;
    assert!(matches!(refused, Err(ApprovalError::Refused(_))), "{refused:?}");

    // What it may not, through the program.
    let decided = service.decide(decision(&ours), "ben", password("ben"), at(1)).await;
    assert!(matches!(decided, Err(ApprovalError::Store(_))), "{decided:?}");
    let executed = service.execute(P1, &Command::BeginExecution, &Facts::Hold, at(1)).await;
    assert!(executed.is_err());
    let system = service.propose(world.draft("600").await, &Requester::system(), at(1)).await;
    assert!(matches!(system, Err(ApprovalError::Store(_))), "{system:?}");

    // What it may not, by hand.
    let before = audit::head(&world.database).await.unwrap();
    for statement in STATEMENTS {
        let done = run(&raw, statement).await;
        assert!(done.is_err(), "{statement}");
    }
    for forged in forged_entries(&world, &second.proposal, &ours.proposal).await {
        assert!(append(&raw, &forged).await.is_err(), "{forged:?}");
    }
    assert_eq!(audit::head(&world.database).await.unwrap(), before);
    assert_eq!(audit::compare_projections(&world.database).await.unwrap(), []);
    assert_eq!(audit::verify(&world.database, None).await.unwrap().fault, None);
    assert_eq!(world.show(P1, at(1)).await.unwrap().status, Status::Pending);

    // A person decides what the agent proposed, and the owner of the tables works on as before.
    let approved = world.approve(&second, "ben").await.unwrap();
    assert_eq!(approved.status, Status::Approved);
    assert_eq!(audit::verify(&world.database, None).await.unwrap().fault, None);
    // Of an approved proposal it can still write no vote and no execution.
    for statement in STATEMENTS {
        assert!(run(&raw, statement).await.is_err(), "{statement}");
    }
}

/// Entries that the role must not write, each with the hash that it must have.
async fn forged_entries(world: &World, own: &Proposal, ours: &Proposal) -> Vec<RawEntry> {
    let agent = json!({ "type": "agent", "token": "local" });
    let event = |actor: &Value, what: Value| json!({ "at": at(1).to_string(), "actor": actor, "what": what });
    let (id, other) = (own.id.to_string(), ours.id.to_string());
    let vote = json!({ "event": "vote_cast", "version": 2, "digest": own.digest().unwrap(), "vote": {
        "name": "ben", "human": "ben", "at": at(1).to_string(), "channel": "cli",
        "policy_version": own.policy_version } });
    let ben = json!({ "type": "person", "name": "ben" });
    let system = json!({ "type": "system" });
    let put = |proposal: &Proposal, change: fn(&mut Value)| {
        let mut value = serde_json::to_value(proposal).unwrap();
        change(&mut value);
        json!({ "event": "proposed", "digest": "00", "proposal": value })
    };
    let mut forged = Vec::new();
    for (actor, action, subject, payload) in [
        ("person:ben", "proposal.vote_cast", &id, event(&ben, vote.clone())),
        ("agent:local", "proposal.vote_cast", &id, event(&ben, vote.clone())),
        // The column says what is allowed, the payload what is not.
        ("agent:local", "proposal.proposed", &id, event(&ben, vote.clone())),
        ("agent:local", "proposal.proposed", &id, event(&agent, vote)),
        ("agent:local", "proposal.withdrawn", &id, event(&agent, json!({ "event": "approved" }))),
        ("system", "proposal.approved", &id, event(&system, json!({ "event": "approved" }))),
        ("agent:local", "proposal.approved", &id, event(&agent, json!({ "event": "approved" }))),
        ("system", "proposal.executed", &id, event(&system, json!({ "event": "executed" }))),
        (
            "system",
            "proposal.execution_begun",
            &id,
            event(&system, json!({ "event": "execution_begun", "key": "x", "attempt": 1 })),
        ),
        (
            "agent:local",
            "proposal.rejected",
            &other,
            event(
                &agent,
                json!({ "event": "rejected",
            "name": "ben", "human": "ben", "channel": "cli", "reason": "no" }),
            ),
        ),
        (
            "agent:local",
            "proposal.votes_voided",
            &id,
            event(
                &agent,
                json!({ "event": "votes_voided",
            "people": ["ben"], "why": "policy_changed" }),
            ),
        ),
        // Somebody else's proposal: taken back, taken over, begun anew.
        (
            "agent:local",
            "proposal.withdrawn",
            &other,
            event(&agent, json!({ "event": "withdrawn" })),
        ),
        (
            "agent:local",
            "proposal.proposed",
            &other,
            event(
                &agent,
                put(ours, |value| {
                    value["version"] = json!(2);
                    value["requester"] = json!({ "type": "agent", "token": "local" });
                }),
            ),
        ),
        (
            "agent:local",
            "proposal.proposed",
            &other,
            event(
                &agent,
                put(ours, |value| {
                    value["requester"] = json!({ "type": "agent", "token": "local" });
                }),
            ),
        ),
        // In a person's name, or the system's.
        (
            "person:ben",
            "proposal.proposed",
            &"P-99".to_owned(),
            event(
                &ben,
                put(own, |value| {
                    value["id"] = json!("P-99");
                    value["version"] = json!(1);
                    value["requester"] = json!({ "type": "person", "name": "ben" });
                }),
            ),
        ),
        (
            "agent:local",
            "proposal.proposed",
            &"P-99".to_owned(),
            event(
                &agent,
                put(own, |value| {
                    value["id"] = json!("P-99");
                    value["version"] = json!(1);
                    value["requester"] = json!({ "type": "system" });
                }),
            ),
        ),
        (
            "system",
            "person.set",
            &"person:eve".to_owned(),
            json!({ "name": "eve", "human": "eve",
            "roles": ["admin"], "active": true, "changed_at": at(1).to_string() }),
        ),
        (
            "system",
            "credential.set",
            &"person:ben".to_owned(),
            json!({ "factor": "password",
            "digest": "x" }),
        ),
        ("system", "token.created", &"token:x".to_owned(), json!({})),
        ("system", "audit.key_announced", &"audit".to_owned(), json!({})),
        ("system", "policies.loaded", &"policies".to_owned(), json!({})),
        ("system", "projection.rebuilt", &"audit".to_owned(), json!([])),
    ] {
        forged.push(entry(world, actor, action, subject, &payload).await);
    }
    // What would be allowed, with a hash or a payload that is not what it must be.
    let allowed = entry(world, "agent:local", "refused", &id, &json!({ "why": "no" })).await;
    for change in [
        (|entry| entry.hash = "0".repeat(64)) as fn(&mut RawEntry),
        |entry| {
            entry.payload = "{\"why\": \"no\"}".to_owned();
            entry.hash = entry.rehashed();
        },
        |entry| {
            entry.payload = "{\"why\":\"no\",\"why\":\"yes\"}".to_owned();
            entry.hash = entry.rehashed();
        },
        |entry| {
            entry.sequence += 1;
            entry.hash = entry.rehashed();
        },
        |entry| {
            entry.previous = "0".repeat(64);
            entry.hash = entry.rehashed();
        },
    ] {
        let mut entry = allowed.clone();
        change(&mut entry);
        forged.push(entry);
    }
    forged
}

/// Statements that the role must not run, each after the other through the same connection.
const STATEMENTS: [&str; 52] = [
    "insert into vote values ('P-1', 1, 0, 'ben', 'approve', 1)",
    "insert into vote select id, version, 0, 'ben', 'approve', sequence from proposal",
    "update vote set decision = 'approve'",
    "delete from vote",
    "truncate vote",
    "update proposal set status = 'approved'",
    "update proposal set status = 'approved', is_open = 0 where id = 'P-2'",
    "update proposal set is_open = 1",
    "update proposal set owner = 'x'",
    "update proposal set digest = 'x'",
    "update proposal set requester = 'agent:local'",
    "delete from proposal",
    "truncate proposal",
    "insert into proposal select 'P-50', 1, 50, digest, 'x', kind, owner, requester, 'approved', 1, \
     expires_at, sequence from proposal where id = 'P-2' and version = 2",
    "insert into proposal select 'P-50', 1, 50, digest, 'x', kind, owner, requester, 'pending', 1, \
     expires_at, sequence from proposal where id = 'P-2' and version = 2",
    "update audit_entry set payload = payload",
    "update audit_entry set action = 'proposal.approved' where action = 'proposal.proposed'",
    "delete from audit_entry",
    "truncate audit_entry",
    "update audit_head set sequence = 1",
    "update audit_head set sequence = sequence + 1",
    "update audit_head set hash = 'x'",
    "update audit_head set name = 'x'",
    "insert into audit_head values ('b', 0, 'x')",
    "delete from audit_head",
    "insert into audit_signature values (1, 'x', 'x', 'x')",
    "update audit_signature set signature = 'x'",
    "delete from audit_signature",
    "update evidence set bundle = '{}'",
    "delete from evidence",
    "insert into person values ('eve', 'eve', 'admin', 1, 0)",
    "update person set roles = 'admin'",
    "delete from person",
    "select secret from credential",
    "select count(*) from credential",
    "insert into credential values ('eve', 'password', 'x')",
    "update credential set secret = 'x'",
    "delete from credential",
    "select digest from service_token",
    "insert into service_token values ('x', 'x', 'propose', '', 0)",
    "update service_token set is_revoked = 0",
    "select failures from login_failure",
    "delete from login_failure",
    "alter table audit_entry disable trigger all",
    "alter table audit_entry disable row level security",
    "drop policy centinel_test_agent_appends on audit_entry",
    "drop trigger audit_entry_follows on audit_entry",
    "create or replace function centinel_append_only() returns trigger language plpgsql as \
     $$ begin return old; end $$",
    "create table mine (id bigint)",
    "set session_replication_role = replica",
    "set role centinel",
    "grant insert on credential to public",
];
