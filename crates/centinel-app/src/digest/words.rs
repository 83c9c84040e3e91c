//! A digest in words that a model chose: kept once for its facts, and checked whenever it is shown.
//!
//! The standard wording is there always. A model's words stand before it where the facts are exactly those
//! that were worded; they are never looked for while somebody waits for a page.

use centinel_engine::facts::Bundle;
use centinel_store::wordings::{self, NewWording};
use jiff::Timestamp;
use serde::Serialize;

use super::Digest;
use crate::{
    App, AppError, Label, Wording, plain,
    wording::{facts_digest, verified, word},
};

/// A digest's words where a model was asked for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DigestWords {
    /// Cited Markdown; the standard wording where no model's words were taken.
    pub text: String,
    /// The same for people.
    #[serde(skip)]
    pub plain: String,
    /// Whose words they are, for people.
    pub label: String,
    /// Why they are no model's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Digest of the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// When they were kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
}

impl DigestWords {
    fn new(text: String, label: &Label) -> Self {
        Self {
            plain: plain(&text),
            label: label.in_words(),
            reason: label.reason().map(str::to_owned),
            text,
            prompt: None,
            model: None,
            created_at: None,
        }
    }
}

impl Digest {
    /// The words of a model that stand before the standard wording; `None` where there are none.
    pub fn by_model(&self) -> Option<&DigestWords> {
        self.narrative.as_ref().filter(|words| words.created_at.is_some())
    }

    /// Whose words are shown, for people.
    pub fn label(&self) -> &str {
        self.narrative.as_ref().map_or("standard wording", |words| &words.label)
    }
}

impl App {
    /// A digest with a model's words: those that are kept for its facts, or new ones, which are kept where
    /// every figure, name and date of them is verified. Else it is as it was, and says why.
    ///
    /// # Errors
    ///
    /// [`AppError::Store`].
    pub async fn narrate(
        &self,
        mut digest: Digest,
        wording: &dyn Wording,
        now: Timestamp,
    ) -> Result<Digest, AppError> {
        if digest.by_model().is_some() {
            return Ok(digest);
        }
        let format = self.number_format();
        if !format.reads_as_cited() {
            let reason = format!("numbers of `{}` are written by it alone", format.locale());
            let label = Label::Standard { refused: false, reason: Some(reason) };
            digest.narrative = Some(DigestWords::new(digest.cited.clone(), &label));
            return Ok(digest);
        }
        let worded = word(&digest.facts, &digest.cited, Some(wording)).await;
        let is_by_model = worded.label.is_by_model();
        let mut words = DigestWords::new(worded.text, &worded.label);
        words.prompt.clone_from(&worded.prompt);
        words.model.clone_from(&worded.model);
        if let (true, Some(prompt), Some(model)) = (is_by_model, worded.prompt, worded.model) {
            let new = NewWording {
                facts: facts_digest(&digest.facts),
                question: digest.question.clone(),
                evidence: digest.facts.digest(),
                wording: words.text.clone(),
                label: serde_json::to_string(&worded.label).unwrap_or_default(),
                prompt,
                model,
            };
            wordings::keep(self.database(), &new, now).await?;
            // Those of another process, where it was faster.
            digest.narrative = self.kept_words(&digest.facts).await?;
        } else {
            digest.narrative = Some(words);
        }
        Ok(digest)
    }

    /// The words that are kept for these facts, where they are verified against them now.
    pub(super) async fn kept_words(&self, facts: &Bundle) -> Result<Option<DigestWords>, AppError> {
        let format = self.number_format();
        let row = wordings::of_facts(self.database(), &facts_digest(facts)).await?;
        let Some(row) = row.filter(|_| format.reads_as_cited()) else { return Ok(None) };
        let kept = row.wording;
        let label: Option<Label> = serde_json::from_str(&kept.label).ok();
        let is_of_it = kept.question == facts.question && verified(facts, &kept.wording).is_some();
        let Some(label) = label.filter(|label| is_of_it && label.is_by_model()) else {
            return Ok(None);
        };
        let words = DigestWords::new(kept.wording, &label);
        let (prompt, model) = (Some(kept.prompt), Some(kept.model));
        Ok(Some(DigestWords { prompt, model, created_at: Some(row.created_at), ..words }))
    }
}
