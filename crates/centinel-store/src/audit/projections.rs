//! Tables beside the log against the log: what they must hold is a fold of it.
//!
//! No decision reads a role, a vote or a status from these tables; lists and unique keys do. A row that
//! somebody edited is named, and the tables can be written anew.

use std::{collections::BTreeMap, fmt};

use centinel_engine::{
    facts::sha256_hex,
    proposal::{Person, ProposalId},
};
use jiff::Timestamp;
use serde::Serialize;
use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::{Journal, believed, guards, select_entries};
use crate::{Backend, Database, StoreError, people, proposals};

/// A row by its key, its columns by name.
type Rows = BTreeMap<String, BTreeMap<&'static str, String>>;

/// A value that is not what the log says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// The row's key: `P-7/1`, `ana`.
    pub row: String,
    /// The column; `None` when the whole row is too much or missing.
    pub column: Option<&'static str>,
    /// What the table holds.
    pub stored: Option<String>,
    /// What the log says.
    pub logged: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, row, column, stored, logged } = self;
        match (column, stored, logged) {
            (Some(column), Some(stored), Some(logged)) => write!(
                f,
                "table `{table}`, row `{row}`: `{column}` is `{stored}`, and the log says `{logged}`"
            ),
            (_, None, _) => write!(f, "table `{table}`: row `{row}` of the log is missing"),
            _ => write!(f, "table `{table}`: row `{row}` is not in the log"),
        }
    }
}

/// A column and how it is kept.
#[derive(Clone, Copy)]
enum Column {
    Text(&'static str),
    Whole(&'static str),
}

use Column::{Text, Whole};

/// A table: its rows, its key's columns first.
struct Table {
    name: &'static str,
    select: &'static str,
    columns: &'static [Column],
    /// How many columns are the key.
    key: usize,
    /// How it is written anew; `None` where the log does not hold what a row needs.
    rewrite: Option<(&'static str, &'static str)>,
}

const TABLES: [Table; 5] = [
    Table {
        name: "proposal",
        select: "select id, version, number, digest, fingerprint, kind, owner, requester, status, \
                 is_open, expires_at, sequence from proposal",
        columns: &[
            Text("id"),
            Whole("version"),
            Whole("number"),
            Text("digest"),
            Text("fingerprint"),
            Text("kind"),
            Text("owner"),
            Text("requester"),
            Text("status"),
            Whole("is_open"),
            Whole("expires_at"),
            Whole("sequence"),
        ],
        key: 2,
        rewrite: Some((
            "delete from proposal",
            "insert into proposal (id, version, number, digest, fingerprint, kind, owner, \
             requester, status, is_open, expires_at, sequence) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )),
    },
    Table {
        name: "vote",
        select: "select id, version, round, human, decision, sequence from vote",
        columns: &[
            Text("id"),
            Whole("version"),
            Whole("round"),
            Text("human"),
            Text("decision"),
            Whole("sequence"),
        ],
        key: 5,
        rewrite: Some((
            "delete from vote",
            "insert into vote (id, version, round, human, decision, sequence) \
             values ($1, $2, $3, $4, $5, $6)",
        )),
    },
    Table {
        name: "person",
        select: "select name, human, roles, is_active, changed_at from person",
        columns: &[
            Text("name"),
            Text("human"),
            Text("roles"),
            Whole("is_active"),
            Whole("changed_at"),
        ],
        key: 1,
        rewrite: Some((
            "delete from person",
            "insert into person (name, human, roles, is_active, changed_at) \
             values ($1, $2, $3, $4, $5)",
        )),
    },
    // The log knows secrets by digest only, so these rows are compared and cannot be restored.
    Table {
        name: "credential",
        select: "select person, factor, secret from credential",
        columns: &[Text("person"), Text("factor"), Text("secret")],
        key: 2,
        rewrite: None,
    },
    Table {
        name: "service_token",
        select: "select name, scopes, acts_for, is_revoked from service_token",
        columns: &[Text("name"), Text("scopes"), Text("acts_for"), Whole("is_revoked")],
        key: 1,
        rewrite: None,
    },
];

/// Folds the log again and compares proposals, votes, people, credentials and tokens with what their
/// tables hold. Empty when all is as the log says.
///
/// # Errors
///
/// [`StoreError::Corrupt`] when the log itself is not as it was written; [`StoreError::Database`].
pub async fn compare_projections(database: &Database) -> Result<Vec<Difference>, StoreError> {
    // One transaction that writes nothing: between log and tables nobody else writes.
    let mut journal = Journal::begin(database).await?;
    differences(journal.connection()).await
}

/// Writes proposals, votes and people anew from the log, where they differ, and notes that in the log.
/// Returns what differed; credentials and tokens are only named, since the log does not hold secrets.
///
/// # Errors
///
/// As [`compare_projections`].
pub async fn rebuild_projections(
    database: &Database,
    now: Timestamp,
) -> Result<Vec<Difference>, StoreError> {
    let mut journal = Journal::begin(database).await?;
    let backend = database.backend();
    let found = differences(journal.connection()).await?;
    let is_different = |table: &str| found.iter().any(|difference| difference.table == table);
    for table in TABLES.iter().filter(|table| is_different(table.name)) {
        let Some((delete, insert)) = table.rewrite else { continue };
        let connection = journal.connection();
        let mut logged = logged_rows(connection).await?;
        let rows = logged.remove(table.name).unwrap_or_default();
        rewrite(connection, backend, table, (delete, insert), rows).await?;
    }
    if !found.is_empty() {
        journal.append(now, "system", "projection.rebuilt", "audit", &found).await?;
        journal.commit().await?;
    }
    Ok(found)
}

async fn rewrite(
    connection: &mut AnyConnection,
    backend: Backend,
    table: &Table,
    (delete, insert): (&'static str, &'static str),
    rows: Rows,
) -> Result<(), StoreError> {
    let is_guarded = table.name == "vote";
    if is_guarded {
        guards::unguard_votes(connection, backend).await?;
    }
    sqlx::query(delete).execute(&mut *connection).await?;
    for mut row in rows.into_values() {
        let mut query = sqlx::query(insert);
        for column in table.columns {
            query = match column {
                Text(name) => query.bind(row.remove(name).unwrap_or_default()),
                Whole(name) => {
                    let number = row.remove(name).and_then(|text| text.parse::<i64>().ok());
                    query.bind(number.unwrap_or_default())
                }
            };
        }
        query.execute(&mut *connection).await?;
    }
    if is_guarded {
        guards::guard_votes(connection, backend).await?;
    }
    Ok(())
}

async fn differences(connection: &mut AnyConnection) -> Result<Vec<Difference>, StoreError> {
    let mut logged = logged_rows(connection).await?;
    let mut found = Vec::new();
    for table in &TABLES {
        let stored = stored_rows(connection, table).await?;
        let logged = logged.remove(table.name).unwrap_or_default();
        compare(table.name, &stored, &logged, &mut found);
    }
    Ok(found)
}

fn compare(table: &'static str, stored: &Rows, logged: &Rows, found: &mut Vec<Difference>) {
    let whole = |row: &str, stored, logged| Difference {
        table,
        row: row.to_owned(),
        column: None,
        stored,
        logged,
    };
    let is_there = || Some("a row".to_owned());
    for (row, columns) in stored {
        let Some(expected) = logged.get(row) else {
            found.push(whole(row, is_there(), None));
            continue;
        };
        for (column, value) in columns {
            if expected.get(column) != Some(value) {
                found.push(Difference {
                    table,
                    row: row.clone(),
                    column: Some(column),
                    stored: Some(value.clone()),
                    logged: expected.get(column).cloned(),
                });
            }
        }
    }
    let missing = logged.keys().filter(|row| !stored.contains_key(*row));
    found.extend(missing.map(|row| whole(row, None, is_there())));
}

async fn stored_rows(connection: &mut AnyConnection, table: &Table) -> Result<Rows, StoreError> {
    let rows = sqlx::query(table.select).fetch_all(connection).await?;
    rows.iter().map(|row| stored_row(row, table)).collect()
}

fn stored_row(
    row: &AnyRow,
    table: &Table,
) -> Result<(String, BTreeMap<&'static str, String>), StoreError> {
    let mut columns = BTreeMap::new();
    let mut key = Vec::new();
    for (index, column) in table.columns.iter().enumerate() {
        let (name, mut value) = match *column {
            Text(name) => (name, row.try_get::<String, _>(name)?),
            Whole(name) => (name, row.try_get::<i64, _>(name)?.to_string()),
        };
        if name == "secret" {
            value = sha256_hex(value.as_bytes());
        }
        if index < table.key {
            key.push(value.clone());
        }
        columns.insert(name, value);
    }
    Ok((key.join("/"), columns))
}

/// What the tables must hold, by table.
async fn logged_rows(
    connection: &mut AnyConnection,
) -> Result<BTreeMap<&'static str, Rows>, StoreError> {
    let rows = sqlx::query(select_entries!(
        "where action like 'proposal.%' or action like 'person.%' or action like 'credential.%' \
         or action like 'token.%' order by sequence"
    ))
    .fetch_all(&mut *connection)
    .await?;
    let mut by_proposal: BTreeMap<ProposalId, Vec<_>> = BTreeMap::new();
    let mut tables: BTreeMap<&'static str, Rows> = BTreeMap::new();
    for entry in believed(connection, rows.iter()).await? {
        if let Ok(id) = entry.subject.parse::<ProposalId>() {
            by_proposal.entry(id).or_default().push(entry);
        } else if let Some((table, key, columns)) = people::projected(entry)? {
            let row = tables.entry(table).or_default().entry(key).or_default();
            row.extend(columns);
        }
    }
    for (id, entries) in by_proposal {
        let (versions, votes) = proposals::projected(id, entries)?;
        tables.entry("proposal").or_default().extend(versions);
        tables.entry("vote").or_default().extend(votes);
    }
    Ok(tables)
}

/// The columns of an account.
pub(crate) fn person_columns(person: &Person) -> BTreeMap<&'static str, String> {
    let roles: Vec<String> = person.roles.iter().map(ToString::to_string).collect();
    BTreeMap::from([
        ("name", person.name.clone()),
        ("human", person.human.clone()),
        ("roles", roles.join(",")),
        ("is_active", i64::from(person.active).to_string()),
        ("changed_at", person.changed_at.as_microsecond().to_string()),
    ])
}
