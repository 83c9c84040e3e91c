//! Somebody with full power over the database against the chain.

use std::sync::Arc;

use centinel_approvals::{ApprovalError, Requester};
use centinel_engine::{
    facts::{canonical_json, sha256_hex},
    proposal::{Command, Facts},
};
use centinel_store::{
    AuditFault, Backend, Head, Journal, StoreError,
    audit::{self, AuditKey, Knowledge, PublishedHead, RawEntry, Signer},
};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde_json::json;
use sqlx::{AnyPool, AssertSqlSafe, Row as _, any::AnyRow};

use crate::world::{World, account, at, decision, password, rejection, token};

/// Tamperings with a real database, of fourteen kinds.
const ROUNDS: usize = 420;
/// Entries in these logs.
const LENGTH: i64 = 60;

async fn fill(world: &World) -> Head {
    for number in 1..=LENGTH {
        let mut journal = Journal::begin(&world.database).await.unwrap();
        let payload = json!({ "number": number, "text": "Ω \"quoted\" \n" });
        let actor = format!("person:{}", number % 3);
        journal.append(at(number), &actor, "test.entry", "P-1", &payload).await.unwrap();
        // Every third transaction writes two, every fifth is given up.
        if number % 3 == 0 {
            journal.append(at(number), &actor, "test.second", "P-1", &json!({})).await.unwrap();
        }
        if number % 5 != 0 {
            journal.commit().await.unwrap();
        }
    }
    audit::head(&world.database).await.unwrap()
}

pub(crate) async fn heads_and_export_agree(world: World) {
    let head = fill(&world).await;
    assert_eq!(head.to_string().parse(), Ok(head.clone()));
    for bad in ["", "4", "4:", "4:xy", "-1:00", "4:\u{1b}[2K"] {
        assert!(bad.parse::<Head>().is_err(), "{bad}");
    }
    let verified = audit::verify(&world.database, Some(&head)).await.unwrap();
    assert_eq!(
        (verified.entries, verified.head, verified.fault),
        (head.sequence, head.clone(), None)
    );
    // Whoever has the export alone can check it, by the published rule.
    let mut previous = "0".repeat(64);
    let entries = audit::entries_after(&world.database, 0).await.unwrap();
    for entry in &entries {
        let line = serde_json::to_string(entry).unwrap();
        let mut value: serde_json::Value = serde_json::from_str(&line).unwrap();
        let fields = value.as_object_mut().unwrap();
        assert_eq!(fields.remove("previous").unwrap(), previous);
        let hash = fields.remove("hash").unwrap();
        previous = sha256_hex(format!("{previous}{}", canonical_json(&value).unwrap()).as_bytes());
        assert_eq!(hash, previous);
    }
    assert_eq!(previous, head.hash);
}

/// A key that replaces the one before it signs from then on; another one announces nothing.
pub(crate) async fn keys_follow_each_other(world: World) {
    let world = world.with_people().await;
    let first = world.database.signer().unwrap();
    let second = Arc::new(Signer::new(AuditKey::generate().unwrap().0, None).unwrap());
    let stranger = AuditKey::generate().unwrap().0;
    for old in [None, Some(&stranger)] {
        let announced = audit::announce_key(&world.database, Arc::clone(&second), old, at(1)).await;
        assert!(matches!(announced, Err(StoreError::NotOurKey { .. })), "{announced:?}");
    }
    let old = first.key();
    audit::announce_key(&world.database, Arc::clone(&second), Some(old), at(1)).await.unwrap();
    let keys: Vec<_> = audit::keys(&world.database).await.unwrap();
    let ids: Vec<_> = keys.iter().map(|key| key.key.clone()).collect();
    assert_eq!(ids, [old.public().id(), second.key().public().id()]);
    world.proposed("9000").await;
    fill(&world).await;
    let published = audit::published_head(&world.database).await.unwrap();
    assert_eq!(published.to_string().parse(), Ok(published.clone()));
    let PublishedHead::Signed(signed) = &published else { panic!("{published} is not signed") };
    assert_eq!(signed.key, ids[1]);
    let known = Knowledge { heads: vec![published], key: Some(ids[1].clone()) };
    let found = audit::verify_against(&world.database, &known).await.unwrap();
    assert_eq!((found.fault, found.key), (None, Some(ids[1].clone())));
    assert!(found.signed_through >= 50 && found.known_through == found.entries);
    let replaced = Knowledge { key: Some(ids[0].clone()), ..Knowledge::default() };
    let found = audit::verify_against(&world.database, &replaced).await.unwrap();
    assert!(matches!(found.fault, Some(AuditFault::OtherKey { .. })));
}

/// After all that proposals and people go through, the tables are what the log says.
pub(crate) async fn projections_are_folds(world: World) {
    let world = world.with_people().await;
    let wanted = token("bot", &["read"]);
    world.create_token("ada", password("ada"), wanted, at(0)).await.unwrap();
    world.revoke_token("ada", password("ada"), "bot", at(0)).await.unwrap();
    let first = world.proposed("32000").await;
    world.approve(&first, "cora").await.unwrap();
    world.approve(&first, "ben").await.unwrap();
    world.decide(rejection(&first, "no"), "cora", password("cora"), at(2)).await.unwrap();
    let second = world.proposed("9000").await;
    let requester = Requester::system();
    let draft = world.draft("8000").await;
    let second = world.supersede(second.proposal.id, draft, &requester, at(1)).await.unwrap();
    world.approve(&second, "ben").await.unwrap();
    world
        .change_account("ada", password("ada"), account("ben", &["finance"]), at(2))
        .await
        .unwrap();
    assert_eq!(world.expire(at(3)).await.unwrap().len(), 1, "the lost role voids a vote");
    let cora = ("cora", password("cora"));
    world.decide(decision(&second), cora.0, cora.1, at(3)).await.unwrap();
    world.execute(second.proposal.id, &Command::BeginExecution, &Facts::Hold, at(3)).await.unwrap();
    world.execute(second.proposal.id, &Command::Succeed, &Facts::Hold, at(3)).await.unwrap();
    assert_eq!(audit::compare_projections(&world.database).await.unwrap(), []);
    assert_eq!(audit::rebuild_projections(&world.database, at(4)).await.unwrap(), []);
}

/// Rows edited beside the log are named one by one, and written anew only when asked.
pub(crate) async fn edited_projections_are_named_and_rebuilt(world: World) {
    let world = world.with_people().await;
    let shown = world.proposed("9000").await;
    world.approve(&shown, "ben").await.unwrap();
    let intruder = world.intruder().await;
    for (statement, expected) in [
        (
            "update proposal set status = 'executed'",
            "table `proposal`, row `P-1/1`: `status` is `executed`, and the log says `approved`",
        ),
        (
            "update proposal set is_open = 0",
            "table `proposal`, row `P-1/1`: `is_open` is `0`, and the log says `1`",
        ),
        ("delete from proposal", "table `proposal`: row `P-1/1` of the log is missing"),
        (
            "insert into vote values ('P-1', 1, 0, 'cora', 'approve', 1)",
            "table `vote`: row `P-1/1/0/cora/approve` is not in the log",
        ),
        ("delete from vote", "table `vote`: row `P-1/1/0/ben/approve` of the log is missing"),
        (
            "update person set roles = 'admin' where name = 'finn'",
            "table `person`, row `finn`: `roles` is `admin`, and the log says `finance`",
        ),
        (
            "delete from person where name = 'finn'",
            "table `person`: row `finn` of the log is missing",
        ),
    ] {
        // Writing votes anew puts their triggers back.
        disarm(&intruder, world.database.backend()).await;
        sqlx::query(statement).execute(&intruder).await.unwrap();
        let found = audit::compare_projections(&world.database).await.unwrap();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, [expected]);
        assert_eq!(audit::verify(&world.database, None).await.unwrap().fault, None);
        let rebuilt = audit::rebuild_projections(&world.database, at(2)).await.unwrap();
        assert_eq!(rebuilt.len(), 1, "{statement}");
        assert_eq!(audit::compare_projections(&world.database).await.unwrap(), [], "{statement}");
    }
    // The log knows secrets by digest only: such a row is named, and stays.
    let stolen = "update credential set secret = 'x' where person = 'ben'";
    sqlx::query(stolen).execute(&intruder).await.unwrap();
    let found = audit::rebuild_projections(&world.database, at(2)).await.unwrap();
    assert_eq!(
        (found[0].table, found[0].row.as_str(), found.len()),
        ("credential", "ben/password", 1)
    );
    assert_eq!(audit::compare_projections(&world.database).await.unwrap(), found);
}

/// A home that remembers what it signed does not sign a log that was written anew.
pub(crate) async fn a_rewritten_log_is_not_signed_again(world: World) {
    let world = world.with_people().await;
    let folder = tempfile::tempdir().unwrap();
    let memory = folder.path().join("audit.head");
    let old = world.database.signer().unwrap();
    let (key, pem) = AuditKey::generate().unwrap();
    let signer = Arc::new(Signer::new(key, Some(memory.clone())).unwrap());
    audit::announce_key(&world.database, signer, Some(old.key()), at(0)).await.unwrap();
    let shown = world.proposed("9000").await;
    world.approve(&shown, "ben").await.unwrap();
    let intruder = world.intruder().await;
    disarm(&intruder, world.database.backend()).await;
    let cut = audit::keys(&world.database).await.unwrap()[1].since;
    for statement in [
        format!("delete from audit_entry where sequence > {cut}"),
        format!("delete from audit_signature where signed_sequence > {cut}"),
        format!(
            "update audit_head set sequence = {cut}, \
             hash = (select hash from audit_entry where sequence = {cut})"
        ),
        "delete from vote".to_owned(),
        "delete from proposal".to_owned(),
    ] {
        sqlx::query(AssertSqlSafe(statement)).execute(&intruder).await.unwrap();
    }
    let inside = audit::verify(&world.database, None).await.unwrap();
    assert_eq!(inside.fault, None, "only what was kept outside shows a truncation");
    // Another process of the same home.
    let key = AuditKey::from_pem(&pem).unwrap();
    world.database.sign_with(Some(Arc::new(Signer::new(key, Some(memory)).unwrap())));
    let again = world.proposed("9000").await;
    let decided = world.decide(decision(&again), "ben", password("ben"), at(1)).await;
    let rewritten = matches!(decided, Err(ApprovalError::Store(StoreError::Rewritten { .. })));
    assert!(rewritten, "{decided:?}");
    assert!(matches!(
        audit::published_head(&world.database).await,
        Err(StoreError::Rewritten { .. })
    ));
}

/// Somebody with full power over the tables, at random places of a log with signatures, each time on
/// top of an intact log.
pub(crate) async fn every_tampering_is_found(world: World) {
    fill(&world).await;
    let published = audit::published_head(&world.database).await.unwrap();
    let head = published.head().clone();
    let known = Knowledge { heads: vec![published], key: None };
    let intruder = world.intruder().await;
    disarm(&intruder, world.database.backend()).await;
    let tables = Tables::read(&intruder).await;
    let hash = |at: i64| tables.entries[usize::try_from(at - 1).unwrap()].get::<String, _>("hash");
    let last = head.sequence;
    let mut random = Pcg64::seed_from_u64(7);
    for round in 0..ROUNDS {
        let (one, two) = (random.random_range(1..last), random.random_range(1..last));
        // Not the same entry, nor the one that it already follows.
        let other = if one == two || one == two + 1 { last } else { two };
        let column = [
            "at = at + 1",
            "actor = 'x'",
            "action = 'x'",
            "subject = 'P-2'",
            "payload = '{\"forged\":1}'",
            "payload = payload || ' '",
            "previous = upper(previous) || 'x'",
            "hash = hash || 'x'",
        ][random.random_range(0..8)];
        let forged = |at: i64| {
            let mut entry = RawEntry {
                sequence: at,
                at: 5,
                actor: "system".to_owned(),
                action: "forged".to_owned(),
                subject: "P-1".to_owned(),
                payload: "{}".to_owned(),
                previous: hash(at - 1),
                hash: String::new(),
            };
            entry.hash = entry.rehashed();
            let RawEntry { previous, hash, .. } = &entry;
            let insert = format!(
                "insert into audit_entry values ({at}, 5, 'system', 'forged', 'P-1', '{{}}', \
                 '{previous}', '{hash}')"
            );
            [insert, format!("update audit_head set sequence = {at}, hash = '{hash}'")]
        };
        let statements: Vec<String> = match round % 14 {
            0 => vec![format!("update audit_entry set {column} where sequence = {one}")],
            1 => vec![format!("delete from audit_entry where sequence = {one}")],
            // Delete and close the gap.
            2 => vec![
                format!("delete from audit_entry where sequence = {one}"),
                format!("update audit_entry set sequence = -sequence where sequence > {one}"),
                "update audit_entry set sequence = -sequence - 1 where sequence < 0".to_owned(),
            ],
            // Swap two numbers.
            3 => vec![
                format!("update audit_entry set sequence = -1 where sequence = {one}"),
                format!("update audit_entry set sequence = {one} where sequence = {other}"),
                format!("update audit_entry set sequence = {other} where sequence = -1"),
            ],
            // One entry gets another one's past.
            4 => vec![format!(
                "update audit_entry set previous = '{}' where sequence = {one}",
                hash(other)
            )],
            // Cut the end off, with its signatures and the recorded head.
            5 => vec![
                format!("delete from audit_entry where sequence > {one}"),
                format!("delete from audit_signature where signed_sequence > {one}"),
                format!("update audit_head set sequence = {one}, hash = '{}'", hash(one)),
            ],
            // Cut the end off and write another one, rightly chained.
            6 => {
                let mut statements = vec![
                    format!("delete from audit_entry where sequence > {one}"),
                    format!("delete from audit_signature where signed_sequence > {one}"),
                ];
                statements.extend(forged(one + 1));
                statements
            }
            // The row of the head: back, on, another hash, gone.
            7 => vec![format!("update audit_head set sequence = {one}, hash = '{}'", hash(one))],
            8 => vec![format!("update audit_head set sequence = {}", last + one)],
            9 => vec![format!("update audit_head set hash = '{}'", hash(one))],
            // The signatures' table.
            10 => vec![
                "delete from audit_signature where signed_sequence = \
                       (select max(signed_sequence) from audit_signature)"
                    .to_owned(),
            ],
            11 => vec![format!(
                "update audit_signature set {} where signed_sequence = \
                 (select min(signed_sequence) from audit_signature)",
                [
                    "signature = reverse(signature)",
                    "signed_by = '0000000000000000'",
                    "signed_hash = signed_hash || 'x'",
                    "signed_sequence = signed_sequence + 1",
                ][random.random_range(0..4)]
                .replace("reverse(signature)", "substr(signature, 2) || substr(signature, 1, 1)")
            )],
            12 => {
                vec![format!("insert into audit_signature values ({}, 'x', 'x', 'x')", last + one)]
            }
            _ => vec!["delete from audit_signature".to_owned()],
        };
        for statement in &statements {
            sqlx::query(AssertSqlSafe(statement.clone())).execute(&intruder).await.unwrap();
        }
        let found = audit::verify_against(&world.database, &known).await.unwrap();
        assert!(found.fault.is_some(), "{statements:?}");
        if matches!(round % 14, 5) {
            let inside = audit::verify(&world.database, None).await.unwrap();
            assert_eq!(inside.fault, None, "only a head from outside shows a truncation");
        }
        tables.restore(&intruder, &head).await;
    }
    assert_eq!(audit::verify_against(&world.database, &known).await.unwrap().fault, None);
}

/// Takes the triggers away.
pub(crate) async fn disarm(intruder: &AnyPool, backend: Backend) {
    let statements: Vec<String> = match backend {
        Backend::Sqlite => {
            let rows = sqlx::query("select name from sqlite_master where type = 'trigger'");
            let rows = rows.fetch_all(intruder).await.unwrap();
            rows.iter().map(|row| format!("drop trigger {}", row.get::<String, _>(0))).collect()
        }
        Backend::Postgres => ["audit_entry", "audit_head", "audit_signature", "evidence", "vote"]
            .iter()
            .map(|table| format!("alter table {table} disable trigger all"))
            .collect(),
    };
    for statement in statements {
        sqlx::query(AssertSqlSafe(statement)).execute(intruder).await.unwrap();
    }
}

/// The tables as they were.
struct Tables {
    entries: Vec<AnyRow>,
    signatures: Vec<AnyRow>,
}

impl Tables {
    async fn read(intruder: &AnyPool) -> Self {
        let all = async |text: &'static str| sqlx::query(text).fetch_all(intruder).await.unwrap();
        Self {
            entries: all("select * from audit_entry order by sequence").await,
            signatures: all("select * from audit_signature order by signed_sequence").await,
        }
    }

    async fn restore(&self, intruder: &AnyPool, head: &Head) {
        let mut transaction = intruder.begin().await.unwrap();
        for text in ["delete from audit_entry", "delete from audit_signature"] {
            sqlx::query(text).execute(&mut *transaction).await.unwrap();
        }
        for row in &self.entries {
            sqlx::query("insert into audit_entry values ($1, $2, $3, $4, $5, $6, $7, $8)")
                .bind(row.get::<i64, _>("sequence"))
                .bind(row.get::<i64, _>("at"))
                .bind(row.get::<String, _>("actor"))
                .bind(row.get::<String, _>("action"))
                .bind(row.get::<String, _>("subject"))
                .bind(row.get::<String, _>("payload"))
                .bind(row.get::<String, _>("previous"))
                .bind(row.get::<String, _>("hash"))
                .execute(&mut *transaction)
                .await
                .unwrap();
        }
        for row in &self.signatures {
            sqlx::query("insert into audit_signature values ($1, $2, $3, $4)")
                .bind(row.get::<i64, _>("signed_sequence"))
                .bind(row.get::<String, _>("signed_hash"))
                .bind(row.get::<String, _>("signed_by"))
                .bind(row.get::<String, _>("signature"))
                .execute(&mut *transaction)
                .await
                .unwrap();
        }
        sqlx::query("update audit_head set sequence = $1, hash = $2")
            .bind(head.sequence)
            .bind(head.hash.clone())
            .execute(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    }
}
