//! Through the database, by somebody who can write to every table, and has not the key.

use centinel_store::audit::RawEntry;
use sqlx::Row as _;

use super::{
    Trace::{Entry, Found, Told},
    Way,
    stage::{Stage, password},
};

/// Entries as they are stored, changed by hand and chained anew: every hash is right again.
pub(super) fn rewritten(stage: &Stage, change: impl Fn(&mut Vec<RawEntry>)) -> String {
    stage.write(&[] as &[&str]);
    stage.in_database(async |pool| {
        let rows = sqlx::query(
            "select sequence, at, actor, action, subject, payload, previous, hash from audit_entry \
             order by sequence",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        let entry = |row: &sqlx::any::AnyRow| RawEntry {
            sequence: row.get(0),
            at: row.get(1),
            actor: row.get(2),
            action: row.get(3),
            subject: row.get(4),
            payload: row.get(5),
            previous: row.get(6),
            hash: row.get(7),
        };
        let mut entries: Vec<RawEntry> = rows.iter().map(entry).collect();
        change(&mut entries);
        let mut previous = "0".repeat(64);
        sqlx::query("delete from audit_entry").execute(&pool).await.unwrap();
        for (number, entry) in entries.iter_mut().enumerate() {
            entry.sequence = i64::try_from(number).unwrap() + 1;
            entry.previous.clone_from(&previous);
            entry.hash = entry.rehashed();
            previous.clone_from(&entry.hash);
            sqlx::query("insert into audit_entry values ($1, $2, $3, $4, $5, $6, $7, $8)")
                .bind(entry.sequence)
                .bind(entry.at)
                .bind(entry.actor.clone())
                .bind(entry.action.clone())
                .bind(entry.subject.clone())
                .bind(entry.payload.clone())
                .bind(entry.previous.clone())
                .bind(entry.hash.clone())
                .execute(&pool)
                .await
                .unwrap();
        }
        sqlx::query("update audit_head set sequence = $1, hash = $2")
            .bind(i64::try_from(entries.len()).unwrap())
            .bind(previous)
            .execute(&pool)
            .await
            .unwrap();
    });
    stage.run(&["inbox"]).all() + &stage.run(&["execute"]).all()
}

/// One entry more, of Carl's: rightly chained, and signed by nobody.
pub(super) fn written(stage: &Stage, action: &str, subject: &str, payload: &str) -> String {
    rewritten(stage, |entries| {
        let last = entries.last().unwrap().clone();
        entries.push(RawEntry {
            actor: "person:carl".to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            payload: payload.to_owned(),
            ..last
        });
    })
}

/// The entries of `P-2` from its vote on, once more for `P-1`.
fn copied_approval(entries: &[RawEntry]) -> Vec<RawEntry> {
    let of_p2 = entries.iter().filter(|entry| entry.subject == "P-2");
    let decided = of_p2.filter(|entry| {
        matches!(entry.action.as_str(), "proposal.vote_cast" | "proposal.approved")
    });
    decided.map(|entry| RawEntry { subject: "P-1".to_owned(), ..entry.clone() }).collect()
}

pub(super) fn ways() -> Vec<Way> {
    vec![
        Way::new(
            "rows: a status",
            |stage| stage.write(&["update proposal set status = 'approved' where id = 'P-1'"]),
            Found,
        ),
        Way::new(
            "rows: an executed one approved again",
            |stage| {
                stage.write(&[
                    "update proposal set status = 'approved', is_open = 1 where id = 'P-2'",
                ])
            },
            Found,
        ),
        Way::new(
            "rows: votes",
            |stage| {
                stage.write(&[
                    "insert into vote (id, version, round, human, decision, sequence) values \
                    ('P-1', 1, 0, 'carl', 'approve', 1), ('P-3', 1, 0, 'carl', 'approve', 1), \
                    ('P-3', 1, 0, 'ben', 'approve', 1)",
                ])
            },
            Found,
        ),
        Way::new(
            "rows: a role",
            |stage| {
                stage.write(&["update person set roles = 'admin,finops' where name = 'dora'"])
                    + &stage.decide("approve", "P-1", "dora").all()
            },
            Found,
        ),
        Way::new(
            "rows: somebody's password in the place of another's",
            |stage| {
                stage.write(&[
                    "update credential set secret = (select secret from credential where \
                    person = 'dora' and factor = 'password') where person = 'carl'",
                ]);
                let typed = password("dora");
                stage
                    .with_input(&["approve", "P-1", "--as", "carl", "--password-stdin"], &typed)
                    .all()
            },
            Found,
        ),
        Way::new(
            "rows: a new account with a password of one's own",
            |stage| {
                stage.write(&[
                    "insert into person select 'eve', 'eve', 'finops', 1, changed_at from person \
                     where name = 'carl'",
                    "insert into credential select 'eve', factor, secret from credential where \
                     person = 'dora'",
                ]);
                let typed = password("dora");
                stage
                    .with_input(&["approve", "P-1", "--as", "eve", "--password-stdin"], &typed)
                    .all()
            },
            Found,
        ),
        Way::new(
            "rows: two humans out of one",
            |stage| {
                stage.write(&["update person set human = 'ada2' where name = 'ada2'"]);
                stage.decide("approve", "P-3", "ada").ok();
                stage.decide("approve", "P-3", "ada2").all()
            },
            Entry("refused", "person:ada2"),
        ),
        Way::new(
            "rows: the lock of a guessed account taken away",
            |stage| {
                let guess = |n: usize| {
                    let typed = format!("a guess {n} of it\n");
                    let args = ["approve", "P-1", "--as", "carl", "--password-stdin"];
                    stage.with_input(&args, &typed).all()
                };
                let first: String = (0..5).map(guess).collect();
                stage.write(&["delete from login_failure"]);
                first + &(5..8).map(guess).collect::<String>()
            },
            Entry("login.locked", "person:carl"),
        ),
        Way::new(
            "rows: scopes of a token",
            |stage| {
                stage.write(&["update service_token set scopes = 'finops,propose,read'"]);
                stage.mcp(&[], Some(stage.token("bot")), &[])
            },
            Found,
        ),
        Way::new(
            "rows: a token that was never made",
            |stage| {
                stage.write(&[
                    "insert into service_token (name, digest, scopes, acts_for, is_revoked, \
                    expires_at) values ('mine', \
                    '5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9', \
                    'propose,read', 'carl', 0, 0)",
                ]);
                stage.mcp(&[], Some("0"), &[])
            },
            Found,
        ),
        Way::new(
            "rows: a reminder to carry out what nobody approved",
            |stage| {
                stage.write(&["insert into outbox (key, proposal, version, attempts, due_at, \
                    claimed_until) values ('P-1/1', 'P-1', 1, 0, 0, 0)"]);
                stage.run(&["execute"]).all()
            },
            Told("a reminder that nothing approved stands behind is removed"),
        ),
        Way::new(
            "rows: a reminder to carry out once more what was carried out",
            |stage| {
                stage.write(&["insert into outbox (key, proposal, version, attempts, due_at, \
                    claimed_until) values ('P-2/1', 'P-2', 1, 0, 0, 0)"]);
                stage.run(&["execute"]).all()
            },
            Told("a reminder that nothing approved stands behind is removed"),
        ),
        Way::new(
            "rows: evidence exchanged",
            |stage| {
                stage.write(&["update evidence set bundle = replace(bundle, '\"', '\" ')"]);
                let evidence = stage.run(&["--json", "show", "P-1"]).json()["proposal"]["evidence"]
                    .as_str()
                    .unwrap()
                    .to_owned();
                stage.run(&["show", &format!("bundle:{evidence}")]).all()
            },
            Told("cannot be read"),
        ),
        Way::new(
            "log: an approval at the end, rightly chained",
            |stage| {
                rewritten(stage, |entries| {
                    let copied = copied_approval(entries);
                    assert!(copied.len() >= 2, "{copied:?}");
                    entries.extend(copied);
                })
            },
            Found,
        ),
        Way::new(
            "log: an approval in the middle, all of it chained anew",
            |stage| {
                rewritten(stage, |entries| {
                    let copied = copied_approval(entries);
                    let middle = entries.iter().position(|e| e.subject == "P-2").unwrap();
                    entries.splice(middle..middle, copied);
                })
            },
            Found,
        ),
        Way::new(
            "log: the approval of one proposal made that of another",
            |stage| {
                rewritten(stage, |entries| {
                    let copied = copied_approval(entries);
                    for entry in entries
                        .iter_mut()
                        .filter(|entry| copied.iter().any(|copy| copy.hash == entry.hash))
                    {
                        "P-1".clone_into(&mut entry.subject);
                    }
                })
            },
            Found,
        ),
        Way::new(
            "log: a role in the entry of an account",
            |stage| {
                rewritten(stage, |entries| {
                    let dora = entries
                        .iter_mut()
                        .find(|e| e.action == "person.set" && e.subject == "person:dora")
                        .unwrap();
                    let changed = dora.payload.replace("member:support", "finops");
                    assert_ne!(changed, dora.payload);
                    dora.payload = changed;
                }) + &stage.decide("approve", "P-1", "dora").all()
            },
            Found,
        ),
        Way::new(
            "log: two entries in the other order",
            |stage| {
                rewritten(stage, |entries| {
                    let last = entries.len() - 1;
                    entries.swap(last, last - 1);
                })
            },
            Found,
        ),
        Way::new(
            "log: a decision cut out",
            |stage| {
                rewritten(stage, |entries| {
                    entries.retain(|e| !(e.subject == "P-2" && e.action == "proposal.executed"));
                })
            },
            Found,
        )
        .ends(&[("P-2", "executing")]),
        Way::new(
            "log: a rejection cut off the end",
            |stage| {
                let reject = ["reject", "P-1", "--reason", "no", "--as", "ben", "--password-stdin"];
                stage.with_input(&reject, &password("ben")).ok();
                rewritten(stage, |entries| {
                    while entries.last().unwrap().subject == "P-1" {
                        entries.pop();
                    }
                }) + &stage.decide("approve", "P-1", "carl").all()
            },
            Found,
        ),
        Way::new(
            "log: the announcement of a key of one's own",
            |stage| {
                rewritten(stage, |entries| {
                    let key = entries.iter().find(|e| e.action == "audit.key_announced").unwrap();
                    let key = key.clone();
                    let copied = copied_approval(entries);
                    entries.push(key);
                    entries.extend(copied);
                })
            },
            Found,
        ),
        Way::new(
            "log: every signature taken away",
            |stage| {
                rewritten(stage, |entries| {
                    let copied = copied_approval(entries);
                    entries.extend(copied);
                });
                stage.write(&["delete from audit_signature"]) + &stage.run(&["execute"]).all()
            },
            Found,
        ),
        Way::new(
            "log: an approval with the signature of another entry",
            |stage| {
                rewritten(stage, |entries| {
                    let copied = copied_approval(entries);
                    entries.extend(copied);
                });
                stage.write(&["insert into audit_signature select (select max(sequence) from \
                    audit_entry), (select hash from audit_head), signed_by, signature from \
                    audit_signature order by signed_sequence desc limit 1"])
                    + &stage.run(&["execute"]).all()
            },
            Found,
        ),
    ]
}
