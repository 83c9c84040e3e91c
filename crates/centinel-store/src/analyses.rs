//! Analyses of episodes, and who is told of them.
//!
//! An analysis is kept once for its facts, with its audit entry and with whom it goes to, in one
//! transaction: of two processes that analyse at once, one keeps it, and what a killed one did not come
//! to tell is still due.

use jiff::Timestamp;
use serde_json::json;
use sqlx::{Row as _, any::AnyRow};

use crate::{Database, Journal, StoreError, catalogue::next, database::instant};

/// An analysis that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAnalysis {
    /// The episode's number.
    pub episode: i64,
    /// Digest of the facts that were worded.
    pub facts: String,
    /// Digest of the bundle that holds them.
    pub evidence: String,
    /// Steps, owner and proposals, as JSON.
    pub found: String,
    /// Cited Markdown.
    pub wording: String,
    /// Whose words they are, and how much of them was verified, as JSON.
    pub label: String,
    /// Digest of the plan.
    pub plan: String,
    /// Digest of a model's prompt.
    pub prompt: Option<String>,
    /// The model.
    pub model: Option<String>,
}

/// An analysis as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalysisRow {
    /// Its number.
    pub id: i64,
    /// What was kept.
    pub analysis: NewAnalysis,
    /// When.
    pub created_at: Timestamp,
}

/// Somebody who is told of an episode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRow {
    /// The episode's number.
    pub episode: i64,
    /// Whom; empty for nobody in particular.
    pub recipient: String,
    /// 0 is the owner; the others are next when nobody reacts.
    pub step: i64,
    /// The number of the analysis that is told.
    pub analysis: i64,
    /// Digest of its facts.
    pub facts: String,
    /// From when on they are to be told.
    pub due_at: Timestamp,
    /// When they were first told; `None` until then.
    pub told_at: Option<Timestamp>,
    /// Digest of the facts that they were told last; empty until then.
    pub told: String,
}

impl FindingRow {
    /// Whether they are to be told now, or told anew.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.due_at <= now && self.told != self.facts
    }
}

/// Keeps an analysis, and that `recipient` is to be told of it from now on; everybody who was told of the
/// episode is to be told of the new facts. `None` when these facts were analysed before.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn keep(
    database: &Database,
    new: &NewAnalysis,
    recipient: Option<&str>,
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    let mut journal = Journal::begin(database).await?;
    // Only one journal is under way: what is not there now is not there until it commits.
    let known = sqlx::query("select id from analysis where episode = $1 and facts = $2")
        .bind(new.episode)
        .bind(new.facts.clone())
        .fetch_optional(journal.connection())
        .await?;
    if known.is_some() {
        return Ok(None);
    }
    let id = next(journal.connection(), "analysis").await?;
    sqlx::query(
        "insert into analysis (id, episode, facts, evidence, found, wording, label, plan, prompt, \
         model, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(id)
    .bind(new.episode)
    .bind(new.facts.clone())
    .bind(new.evidence.clone())
    .bind(new.found.clone())
    .bind(new.wording.clone())
    .bind(new.label.clone())
    .bind(new.plan.clone())
    .bind(new.prompt.clone())
    .bind(new.model.clone())
    .bind(now.as_microsecond())
    .execute(journal.connection())
    .await?;
    sqlx::query("update finding set analysis = $1 where episode = $2")
        .bind(id)
        .bind(new.episode)
        .execute(journal.connection())
        .await?;
    if let Some(recipient) = recipient {
        add(&mut journal, new.episode, recipient, 0, id, now).await?;
    }
    let payload = json!({
        "analysis": id, "facts": new.facts, "evidence": new.evidence, "label": new.label,
        "plan": new.plan, "prompt": new.prompt, "model": new.model, "recipient": recipient,
    });
    journal.append(now, "system", "analysis.kept", &subject(new.episode), &payload).await?;
    journal.commit().await?;
    Ok(Some(id))
}

/// Adds somebody who is to be told from now on, where the episode was analysed; says whether they are new.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn escalate(
    database: &Database,
    episode: i64,
    recipient: &str,
    step: i64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut journal = Journal::begin(database).await?;
    let newest = sqlx::query("select max(id) from analysis where episode = $1")
        .bind(episode)
        .fetch_one(journal.connection())
        .await?;
    let Some(analysis) = newest.try_get::<Option<i64>, _>(0)? else { return Ok(false) };
    if !add(&mut journal, episode, recipient, step, analysis, now).await? {
        return Ok(false);
    }
    let payload = json!({ "analysis": analysis, "recipient": recipient, "step": step });
    journal.append(now, "system", "analysis.escalated", &subject(episode), &payload).await?;
    journal.commit().await?;
    Ok(true)
}

async fn add(
    journal: &mut Journal,
    episode: i64,
    recipient: &str,
    step: i64,
    analysis: i64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let added = sqlx::query(
        "insert into finding (episode, recipient, step, analysis, due_at, told_at, told) \
         values ($1, $2, $3, $4, $5, 0, '') on conflict (episode, recipient) do nothing",
    )
    .bind(episode)
    .bind(recipient.to_owned())
    .bind(step)
    .bind(analysis)
    .bind(now.as_microsecond())
    .execute(journal.connection())
    .await?;
    Ok(added.rows_affected() == 1)
}

/// Keeps that somebody was told of facts, with its audit entry; nothing where that is kept already.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn told(
    database: &Database,
    finding: &FindingRow,
    how: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut journal = Journal::begin(database).await?;
    let first = sqlx::query(
        "update finding set told_at = $1 where episode = $2 and recipient = $3 and told_at = 0",
    )
    .bind(now.as_microsecond())
    .bind(finding.episode)
    .bind(finding.recipient.clone())
    .execute(journal.connection())
    .await?;
    let changed = sqlx::query(
        "update finding set told = $1 where episode = $2 and recipient = $3 and told <> $4",
    )
    .bind(finding.facts.clone())
    .bind(finding.episode)
    .bind(finding.recipient.clone())
    .bind(finding.facts.clone())
    .execute(journal.connection())
    .await?;
    if changed.rows_affected() == 0 {
        return Ok(false);
    }
    let payload = json!({
        "analysis": finding.analysis, "facts": finding.facts, "recipient": finding.recipient,
        "how": how, "is_first": first.rows_affected() == 1,
    });
    journal.append(now, "system", "analysis.told", &subject(finding.episode), &payload).await?;
    journal.commit().await?;
    Ok(true)
}

/// Everybody who is or was to be told, by episode and step.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn findings(database: &Database) -> Result<Vec<FindingRow>, StoreError> {
    let rows = sqlx::query(
        "select finding.episode, recipient, step, finding.analysis, analysis.facts, due_at, told_at, \
         told from finding join analysis on analysis.id = finding.analysis \
         order by finding.episode, step, recipient",
    )
    .fetch_all(database.pool())
    .await?;
    let of_row = |row: &AnyRow| {
        let told_at: i64 = row.try_get(6)?;
        Ok(FindingRow {
            episode: row.try_get(0)?,
            recipient: row.try_get(1)?,
            step: row.try_get(2)?,
            analysis: row.try_get(3)?,
            facts: row.try_get(4)?,
            due_at: instant(row.try_get(5)?),
            told_at: (told_at != 0).then(|| instant(told_at)),
            told: row.try_get(7)?,
        })
    };
    rows.iter().map(of_row).collect()
}

/// Whether these facts of an episode were analysed.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn is_known(database: &Database, episode: i64, facts: &str) -> Result<bool, StoreError> {
    let row = sqlx::query("select 1 from analysis where episode = $1 and facts = $2")
        .bind(episode)
        .bind(facts.to_owned())
        .fetch_optional(database.pool())
        .await?;
    Ok(row.is_some())
}

/// The newest analysis of an episode; `None` where there is none.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn newest(database: &Database, episode: i64) -> Result<Option<AnalysisRow>, StoreError> {
    let row = sqlx::query(
        "select id, episode, facts, evidence, found, wording, label, plan, prompt, model, created_at \
         from analysis where episode = $1 order by id desc limit 1",
    )
    .bind(episode)
    .fetch_optional(database.pool())
    .await?;
    let of_row = |row: AnyRow| {
        Ok(AnalysisRow {
            id: row.try_get(0)?,
            analysis: NewAnalysis {
                episode: row.try_get(1)?,
                facts: row.try_get(2)?,
                evidence: row.try_get(3)?,
                found: row.try_get(4)?,
                wording: row.try_get(5)?,
                label: row.try_get(6)?,
                plan: row.try_get(7)?,
                prompt: row.try_get(8)?,
                model: row.try_get(9)?,
            },
            created_at: instant(row.try_get(10)?),
        })
    };
    row.map(of_row).transpose()
}

/// The numbers of the episodes that were analysed.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn episodes(database: &Database) -> Result<Vec<i64>, StoreError> {
    let rows = sqlx::query("select distinct episode from analysis order by episode")
        .fetch_all(database.pool())
        .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

fn subject(episode: i64) -> String {
    format!("episode:E-{episode}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(facts: &str) -> NewAnalysis {
        NewAnalysis {
            episode: 7,
            facts: facts.to_owned(),
            evidence: "e".to_owned(),
            found: "{}".to_owned(),
            wording: "text".to_owned(),
            label: "{}".to_owned(),
            plan: "p".to_owned(),
            prompt: None,
            model: None,
        }
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + minute * 60).unwrap()
    }

    #[tokio::test]
    async fn facts_are_analysed_and_told_once() {
        let db = Database::in_memory().await.unwrap();
        assert_eq!(keep(&db, &new("f1"), Some("support"), at(0)).await.unwrap(), Some(1));
        assert_eq!(keep(&db, &new("f1"), Some("search"), at(1)).await.unwrap(), None);
        assert!(is_known(&db, 7, "f1").await.unwrap());
        let [finding] = &*findings(&db).await.unwrap() else { panic!("one") };
        assert!(finding.is_due(at(0)) && finding.recipient == "support");
        assert!(told(&db, finding, "slack", at(2)).await.unwrap());
        assert!(!told(&db, finding, "slack", at(3)).await.unwrap(), "it is kept already");
        let [finding] = &*findings(&db).await.unwrap() else { panic!("one") };
        assert_eq!((finding.told_at, finding.is_due(at(9))), (Some(at(2)), false));

        // New facts are told to those who know the episode, and counted from when they first heard.
        assert_eq!(keep(&db, &new("f2"), Some("search"), at(4)).await.unwrap(), Some(2));
        let all = findings(&db).await.unwrap();
        assert_eq!(all.iter().filter(|finding| finding.is_due(at(4))).count(), 2);
        let support = all.iter().find(|finding| finding.recipient == "support").unwrap();
        assert!(told(&db, support, "slack", at(5)).await.unwrap());
        assert_eq!(findings(&db).await.unwrap()[1].told_at, Some(at(2)));
        let newest = newest(&db, 7).await.unwrap().unwrap();
        assert_eq!(
            (newest.id, newest.analysis.facts.as_str(), newest.created_at),
            (2, "f2", at(4))
        );
        assert_eq!(episodes(&db).await.unwrap(), [7]);
    }

    #[tokio::test]
    async fn somebody_is_next_once_and_only_of_what_was_analysed() {
        let db = Database::in_memory().await.unwrap();
        assert!(!escalate(&db, 7, "leads", 1, at(0)).await.unwrap());
        keep(&db, &new("f1"), None, at(0)).await.unwrap();
        assert!(escalate(&db, 7, "leads", 1, at(1)).await.unwrap());
        assert!(!escalate(&db, 7, "leads", 2, at(2)).await.unwrap());
        let [finding] = &*findings(&db).await.unwrap() else { panic!("one") };
        assert_eq!((finding.step, finding.due_at), (1, at(1)));
    }

    #[tokio::test]
    async fn an_analysis_is_never_changed() {
        let db = Database::in_memory().await.unwrap();
        keep(&db, &new("f1"), None, at(0)).await.unwrap();
        for statement in ["update analysis set wording = 'x'", "delete from analysis"] {
            assert!(sqlx::query(statement).execute(db.pool()).await.is_err(), "{statement}");
        }
    }

    #[tokio::test]
    async fn of_two_at_once_one_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("sqlite:{}?mode=rwc", folder.path().join("db").display());
        let (one, two) = (
            Database::connect(&address).await.unwrap(),
            Database::connect(&address).await.unwrap(),
        );
        let fact = new("f1");
        let (first, second) =
            tokio::join!(keep(&one, &fact, Some("a"), at(0)), keep(&two, &fact, Some("a"), at(0)));
        assert_eq!([first.unwrap(), second.unwrap()].iter().flatten().count(), 1);
        assert_eq!(findings(&one).await.unwrap().len(), 1);
    }
}
