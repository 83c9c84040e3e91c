//! Somebody with full power over the database against the chain.

use centinel_engine::facts::{canonical_json, sha256_hex};
use centinel_store::{AuditFault, Backend, Head, Journal, audit};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde_json::json;
use sqlx::{AnyPool, AssertSqlSafe, Row as _};

use crate::world::{World, at};

/// Entries in these logs.
const LENGTH: i64 = 40;

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

/// Edits, deletions, reorderings, insertions, splices and truncations at random places, each on top
/// of an intact log and undone afterwards.
pub(crate) async fn every_tampering_is_found(world: World) {
    let head = fill(&world).await;
    let intruder = world.intruder().await;
    disarm(&intruder, world.database.backend()).await;
    let rows = sqlx::query("select * from audit_entry order by sequence");
    let rows = rows.fetch_all(&intruder).await.unwrap();
    let hash = |at: i64| rows[usize::try_from(at - 1).unwrap()].get::<String, _>("hash");
    let mut random = Pcg64::seed_from_u64(7);
    for round in 0..300 {
        let last = head.sequence;
        let (one, two) = (random.random_range(1..last), random.random_range(1..last));
        // Not the same entry, nor the one that it already follows.
        let other = if one == two || one == two + 1 { last } else { two };
        let column = [
            "at = at + 1",
            "actor = 'system'",
            "action = 'x'",
            "subject = 'P-2'",
            "payload = '{\"forged\":1}'",
            "payload = payload || ' '",
            "hash = upper(hash)",
        ][random.random_range(0..7)];
        let statements: Vec<String> = match round % 7 {
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
            // Splice: one entry gets another one's past.
            4 => vec![format!(
                "update audit_entry set previous = '{}' where sequence = {one}",
                hash(other)
            )],
            // Cut the end off, with the recorded head.
            5 => vec![
                format!("delete from audit_entry where sequence > {one}"),
                format!("update audit_head set sequence = {one}, hash = '{}'", hash(one)),
            ],
            // Cut the end off and write another one, rightly chained.
            _ => {
                let content = json!({ "sequence": one + 1, "at": 5, "actor": "system",
                    "action": "forged", "subject": "P-1", "payload": {} });
                let text = format!("{}{}", hash(one), canonical_json(&content).unwrap());
                let forged = sha256_hex(text.as_bytes());
                vec![
                    format!("delete from audit_entry where sequence > {one}"),
                    format!(
                        "insert into audit_entry values ({}, 5, 'system', 'forged', 'P-1', '{{}}', \
                         '{}', '{forged}')",
                        one + 1,
                        hash(one)
                    ),
                    format!("update audit_head set sequence = {}, hash = '{forged}'", one + 1),
                ]
            }
        };
        for statement in &statements {
            sqlx::query(AssertSqlSafe(statement.clone())).execute(&intruder).await.unwrap();
        }
        let found = audit::verify(&world.database, Some(&head)).await.unwrap();
        let fault = found.fault.unwrap_or_else(|| panic!("{statements:?}"));
        let sequence = fault.sequence();
        match round % 7 {
            0..=2 => assert_eq!(sequence, one, "{statements:?}: {fault}"),
            3 => assert_eq!(sequence, one.min(other), "{statements:?}: {fault}"),
            4 => assert_eq!(sequence, one, "{statements:?}: {fault}"),
            5 => assert_eq!(fault, AuditFault::Truncated { expected: last, found: one }),
            _ if one + 1 == last => assert_eq!(fault, AuditFault::Replaced { sequence: last }),
            _ => assert_eq!(fault, AuditFault::Truncated { expected: last, found: one + 1 }),
        }
        if round % 7 >= 5 {
            let inside = audit::verify(&world.database, None).await.unwrap();
            assert_eq!(inside.fault, None, "only a head from outside shows a truncation");
        }
        restore(&intruder, &rows, &head).await;
    }
    assert_eq!(audit::verify(&world.database, Some(&head)).await.unwrap().fault, None);
}

async fn disarm(intruder: &AnyPool, backend: Backend) {
    let statements: &[&'static str] = match backend {
        Backend::Sqlite => &[
            "drop trigger audit_entry_is_never_changed",
            "drop trigger audit_entry_is_never_deleted",
        ],
        Backend::Postgres => &["alter table audit_entry disable trigger all"],
    };
    for statement in statements {
        sqlx::query(*statement).execute(intruder).await.unwrap();
    }
}

async fn restore(intruder: &AnyPool, rows: &[sqlx::any::AnyRow], head: &Head) {
    let mut transaction = intruder.begin().await.unwrap();
    sqlx::query("delete from audit_entry").execute(&mut *transaction).await.unwrap();
    for row in rows {
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
    sqlx::query("update audit_head set sequence = $1, hash = $2")
        .bind(head.sequence)
        .bind(head.hash.clone())
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}
