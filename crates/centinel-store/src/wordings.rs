//! Words of models that are kept for facts.
//!
//! Kept once for the same facts, with their audit entry in one transaction: of two processes that word the
//! same facts at once, one keeps its words.

use jiff::Timestamp;
use serde_json::json;
use sqlx::Row as _;

use crate::{Database, Journal, StoreError, database::instant};

/// Words that are to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWording {
    /// Digest of what the facts say.
    pub facts: String,
    /// What they answer.
    pub question: String,
    /// Digest of a bundle that holds them.
    pub evidence: String,
    /// Cited Markdown.
    pub wording: String,
    /// Whose words they are, and how much of them was verified, as JSON.
    pub label: String,
    /// Digest of the prompt.
    pub prompt: String,
    /// The model.
    pub model: String,
}

/// Words as they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordingRow {
    /// What was kept.
    pub wording: NewWording,
    /// When.
    pub created_at: Timestamp,
}

/// Keeps words; says whether they are the first for these facts.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn keep(
    database: &Database,
    new: &NewWording,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut journal = Journal::begin(database).await?;
    let added = sqlx::query(
        "insert into wording (facts, question, evidence, wording, label, prompt, model, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (facts) do nothing",
    )
    .bind(new.facts.clone())
    .bind(new.question.clone())
    .bind(new.evidence.clone())
    .bind(new.wording.clone())
    .bind(new.label.clone())
    .bind(new.prompt.clone())
    .bind(new.model.clone())
    .bind(now.as_microsecond())
    .execute(journal.connection())
    .await?;
    if added.rows_affected() == 0 {
        return Ok(false);
    }
    let payload = json!({
        "question": new.question, "facts": new.facts, "label": new.label, "prompt": new.prompt,
        "model": new.model,
    });
    let subject = format!("bundle:{}", new.evidence);
    journal.append(now, "system", "wording.kept", &subject, &payload).await?;
    journal.commit().await?;
    Ok(true)
}

/// The words that are kept for facts; `None` where there are none.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn of_facts(database: &Database, facts: &str) -> Result<Option<WordingRow>, StoreError> {
    let row = sqlx::query(
        "select question, evidence, wording, label, prompt, model, created_at from wording \
         where facts = $1",
    )
    .bind(facts.to_owned())
    .fetch_optional(database.pool())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let wording = NewWording {
        facts: facts.to_owned(),
        question: row.try_get(0)?,
        evidence: row.try_get(1)?,
        wording: row.try_get(2)?,
        label: row.try_get(3)?,
        prompt: row.try_get(4)?,
        model: row.try_get(5)?,
    };
    Ok(Some(WordingRow { wording, created_at: instant(row.try_get(6)?) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(wording: &str) -> NewWording {
        NewWording {
            facts: "f1".to_owned(),
            question: "digest".to_owned(),
            evidence: "e".to_owned(),
            wording: wording.to_owned(),
            label: "{}".to_owned(),
            prompt: "p".to_owned(),
            model: "m".to_owned(),
        }
    }

    #[tokio::test]
    async fn facts_have_words_once_and_they_are_never_changed() {
        let db = Database::in_memory().await.unwrap();
        let at = |minute: i64| Timestamp::from_second(1_790_000_000 + minute * 60).unwrap();
        assert_eq!(of_facts(&db, "f1").await.unwrap(), None);
        assert!(keep(&db, &new("first"), at(0)).await.unwrap());
        assert!(!keep(&db, &new("second"), at(1)).await.unwrap());
        let kept = of_facts(&db, "f1").await.unwrap().unwrap();
        assert_eq!(kept, WordingRow { wording: new("first"), created_at: at(0) });
        let entries = crate::audit::entries_of_action(&db, "wording.kept").await.unwrap();
        assert_eq!(entries.len(), 1);
        for statement in ["update wording set wording = 'x'", "delete from wording"] {
            assert!(sqlx::query(statement).execute(db.pool()).await.is_err(), "{statement}");
        }
    }
}
