//! Proposals: events in the audit log, and the projections that lists and unique keys need.
//!
//! A state is always folded from the log, never read from the projections: an edited row there
//! changes no decision.

use std::collections::BTreeMap;

use centinel_engine::proposal::{Event, Occurrence, ProposalId, State, Status, fold};
use sqlx::{AnyConnection, Row as _};

use crate::{
    AuditEntry, Database, Journal, StoreError,
    audit::{believed, select_entries},
};

/// Prefix of the actions of proposals' events.
const ACTION: &str = "proposal.";

/// A proposal as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub state: State,
    /// All that happened to it, over all versions.
    pub events: Vec<Event>,
    /// Sequence number of the last event.
    pub sequence: i64,
}

/// One proposal; `None` when there is none of this id.
///
/// # Errors
///
/// [`StoreError::Corrupt`] when its events are not as they were written.
pub async fn load(database: &Database, id: ProposalId) -> Result<Option<Record>, StoreError> {
    load_from(&mut *database.pool().acquire().await?, id).await
}

/// One proposal, as no other process can change it before the journal ends.
///
/// # Errors
///
/// As [`load`].
pub async fn load_locked(
    journal: &mut Journal,
    id: ProposalId,
) -> Result<Option<Record>, StoreError> {
    load_from(journal.connection(), id).await
}

/// All proposals that are open, or all there are, by number.
///
/// # Errors
///
/// As [`load`].
pub async fn list(database: &Database, only_open: bool) -> Result<Vec<Record>, StoreError> {
    let mut connection = database.pool().acquire().await?;
    let rows = sqlx::query(select_entries!(
        "where subject in (select id from proposal where is_open >= $1) order by sequence"
    ))
    .bind(i64::from(only_open))
    .fetch_all(&mut *connection)
    .await?;
    let mut by_id: BTreeMap<ProposalId, Vec<AuditEntry>> = BTreeMap::new();
    for entry in believed(&mut connection, rows.iter()).await? {
        if let Ok(id) = entry.subject.parse() {
            by_id.entry(id).or_default().push(entry);
        }
    }
    let mut records = Vec::new();
    for (id, entries) in by_id {
        records.extend(record_of(id, entries)?);
    }
    Ok(records)
}

/// The number of the next new proposal.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn next_id(journal: &mut Journal) -> Result<ProposalId, StoreError> {
    let last: i64 = sqlx::query("select coalesce(max(number), 0) from proposal")
        .fetch_one(journal.connection())
        .await?
        .try_get(0)?;
    let next = u32::try_from(last.saturating_add(1));
    next.map(ProposalId).map_err(|_| corrupt(&last.to_string(), "its number is too large"))
}

/// The open proposal that asks for the same change.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn open_with_fingerprint(
    journal: &mut Journal,
    fingerprint: &str,
) -> Result<Option<ProposalId>, StoreError> {
    let rows = sqlx::query("select id from proposal where fingerprint = $1 and is_open = 1")
        .bind(fingerprint.to_owned())
        .fetch_all(journal.connection())
        .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let id: String = row.try_get("id")?;
    id.parse().map(Some).map_err(|reason: String| corrupt(&id, &reason))
}

/// How many proposals a requester has open.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn count_open(journal: &mut Journal, requester: &str) -> Result<u32, StoreError> {
    let count: i64 =
        sqlx::query("select count(*) from proposal where requester = $1 and is_open = 1")
            .bind(requester.to_owned())
            .fetch_one(journal.connection())
            .await?
            .try_get(0)?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Writes what a step led to: events to the log, their effect to the projections. `before` is what the
/// step started from.
///
/// # Errors
///
/// [`StoreError::Conflict`] when the projections do not stand where `before` does.
pub async fn record(
    journal: &mut Journal,
    before: Option<&Record>,
    events: &[Event],
) -> Result<(), StoreError> {
    let mut before = before.map(|record| (record.state.clone(), record.sequence));
    for event in events {
        let state = before.as_ref().map(|(state, _)| state.clone());
        let Some(after) = State::after(state, event) else {
            return Err(corrupt("of a first event", "it proposes nothing"));
        };
        let id = after.proposal.id.to_string();
        let action = format!("{ACTION}{}", event.what.as_str());
        let head = journal.append(event.at, &event.actor.to_string(), &action, &id, event).await?;
        let written = head.sequence;
        if let Occurrence::Proposed { .. } = event.what {
            if let Some((superseded, sequence)) = &before {
                update(journal, superseded, "superseded", false, *sequence, written).await?;
            }
            insert(journal, &after, written).await?;
        } else if let Some((_, sequence)) = &before {
            insert_vote(journal, &after, event, written).await?;
            let status = after.status;
            update(journal, &after, status.as_str(), status.is_open(), *sequence, written).await?;
        }
        before = Some((after, written));
    }
    Ok(())
}

async fn load_from(
    connection: &mut AnyConnection,
    id: ProposalId,
) -> Result<Option<Record>, StoreError> {
    let rows = sqlx::query(select_entries!("where subject = $1 order by sequence"))
        .bind(id.to_string())
        .fetch_all(&mut *connection)
        .await?;
    record_of(id, believed(connection, rows.iter()).await?)
}

fn record_of(id: ProposalId, entries: Vec<AuditEntry>) -> Result<Option<Record>, StoreError> {
    let mut events = Vec::new();
    let mut sequence = 0;
    for entry in entries {
        if entry.action.starts_with(ACTION) {
            sequence = entry.sequence;
            events.push(event_of(id, entry)?);
        }
    }
    Ok(fold(&events).map(|state| Record { state, events, sequence }))
}

/// What the tables hold of a proposal: its versions and its votes, by their keys.
pub(crate) fn projected(
    id: ProposalId,
    entries: Vec<AuditEntry>,
) -> Result<(Projected, Projected), StoreError> {
    let (mut versions, mut votes) = (Projected::new(), Projected::new());
    let mut state: Option<State> = None;
    for entry in entries.into_iter().filter(|entry| entry.action.starts_with(ACTION)) {
        let sequence = entry.sequence.to_string();
        let event = event_of(id, entry)?;
        let mut move_on = |state: &State, status: &str, is_open: bool| {
            let row = versions.entry(version_key(state)).or_default();
            row.insert("status", status.to_owned());
            row.insert("is_open", i64::from(is_open).to_string());
            row.insert("sequence", sequence.clone());
        };
        if let (Occurrence::Proposed { .. }, Some(superseded)) = (&event.what, &state) {
            move_on(superseded, "superseded", false);
        }
        let Some(after) = State::after(state.take(), &event) else { continue };
        let status = after.status;
        move_on(&after, status.as_str(), status.is_open());
        if let Occurrence::Proposed { .. } = event.what {
            versions.entry(version_key(&after)).or_default().extend(version_columns(&after)?);
        }
        if let Some((human, decision)) = decision_of(&event) {
            let columns = BTreeMap::from([
                ("id", id.to_string()),
                ("version", after.proposal.version.to_string()),
                ("round", after.round.to_string()),
                ("human", human.to_owned()),
                ("decision", decision.to_owned()),
                ("sequence", sequence),
            ]);
            let key = format!("{}/{}/{human}/{decision}", version_key(&after), after.round);
            votes.insert(key, columns);
        }
        state = Some(after);
    }
    Ok((versions, votes))
}

/// Rows by their key, columns by name.
type Projected = BTreeMap<String, BTreeMap<&'static str, String>>;

fn version_key(state: &State) -> String {
    format!("{}/{}", state.proposal.id, state.proposal.version)
}

/// The columns of a version that never change.
fn version_columns(
    State { proposal, digest, .. }: &State,
) -> Result<BTreeMap<&'static str, String>, StoreError> {
    let fingerprint = proposal
        .fingerprint()
        .map_err(|error| corrupt(&proposal.id.to_string(), &error.to_string()))?;
    Ok(BTreeMap::from([
        ("id", proposal.id.to_string()),
        ("version", proposal.version.to_string()),
        ("number", proposal.id.0.to_string()),
        ("digest", digest.clone()),
        ("fingerprint", fingerprint),
        ("kind", proposal.kind().as_str().to_owned()),
        ("owner", proposal.owner.clone()),
        ("requester", proposal.requester.to_string()),
        ("expires_at", proposal.expires_at.as_microsecond().to_string()),
    ]))
}

/// The event of an entry: the same moment, actor and kind as its columns say. The proposal inside must
/// still have the digest that people voted on.
fn event_of(id: ProposalId, entry: AuditEntry) -> Result<Event, StoreError> {
    let event: Event = serde_json::from_value(entry.payload)
        .map_err(|error| corrupt(&id.to_string(), &error.to_string()))?;
    // Who may write which actions is decided by the columns; the payload must not say more.
    if entry.action.strip_prefix(ACTION) != Some(event.what.as_str())
        || entry.actor != event.actor.to_string()
        || entry.at != event.at.as_microsecond()
    {
        return Err(corrupt(&id.to_string(), "an entry says one thing and its payload another"));
    }
    if let Occurrence::Proposed { proposal, digest } = &event.what
        && (proposal.id != id || proposal.digest().ok().as_ref() != Some(digest))
    {
        return Err(corrupt(&id.to_string(), "its content does not match its digest"));
    }
    Ok(event)
}

async fn update(
    journal: &mut Journal,
    state: &State,
    status: &'static str,
    is_open: bool,
    expected: i64,
    written: i64,
) -> Result<(), StoreError> {
    let updated = sqlx::query(
        "update proposal set status = $1, is_open = $2, sequence = $3 \
         where id = $4 and version = $5 and sequence = $6",
    )
    .bind(status)
    .bind(i64::from(is_open))
    .bind(written)
    .bind(state.proposal.id.to_string())
    .bind(i64::from(state.proposal.version))
    .bind(expected)
    .execute(journal.connection())
    .await?;
    if updated.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Conflict { what: "proposal", id: state.proposal.id.to_string() })
    }
}

async fn insert(
    journal: &mut Journal,
    State { proposal, digest, .. }: &State,
    written: i64,
) -> Result<(), StoreError> {
    let fingerprint = proposal
        .fingerprint()
        .map_err(|error| corrupt(&proposal.id.to_string(), &error.to_string()))?;
    sqlx::query(
        "insert into proposal (id, version, number, digest, fingerprint, kind, owner, requester, \
         status, is_open, expires_at, sequence) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11)",
    )
    .bind(proposal.id.to_string())
    .bind(i64::from(proposal.version))
    .bind(i64::from(proposal.id.0))
    .bind(digest.clone())
    .bind(fingerprint)
    .bind(proposal.kind().as_str())
    .bind(proposal.owner.clone())
    .bind(proposal.requester.to_string())
    .bind(Status::Pending.as_str())
    .bind(proposal.expires_at.as_microsecond())
    .bind(written)
    .execute(journal.connection())
    .await?;
    Ok(())
}

/// The primary key refuses a second vote of the same human, should the machine ever let one pass.
async fn insert_vote(
    journal: &mut Journal,
    state: &State,
    event: &Event,
    written: i64,
) -> Result<(), StoreError> {
    let Some((human, decision)) = decision_of(event) else { return Ok(()) };
    sqlx::query(
        "insert into vote (id, version, round, human, decision, sequence) \
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(state.proposal.id.to_string())
    .bind(i64::from(state.proposal.version))
    .bind(i64::from(state.round))
    .bind(human.to_owned())
    .bind(decision)
    .bind(written)
    .execute(journal.connection())
    .await?;
    Ok(())
}

/// The human who decided, and how.
fn decision_of(event: &Event) -> Option<(&str, &'static str)> {
    match &event.what {
        Occurrence::VoteCast { vote, .. } => Some((&vote.human, "approve")),
        Occurrence::Rejected { human, .. } => Some((human, "reject")),
        _ => None,
    }
}

fn corrupt(id: &str, reason: &str) -> StoreError {
    StoreError::Corrupt { what: "proposal", id: id.to_owned(), reason: reason.to_owned() }
}
