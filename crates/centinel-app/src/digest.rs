//! Digests: a week or a month in words, for the organisation and for each owner. The standard wording is there
//! always; a model's ([`words`]) stands before it where one was made of these facts.
//!
//! What all of them need is asked for once ([`gather::Gathered`]); an owner's digest takes its part of it.
//! Whoever sees a part of the spend gets a digest of that part.

mod config;
mod gather;
mod mail;
mod parts;
mod single;
#[cfg(test)]
mod tests;
mod words;

use centinel_engine::{
    digest::{Summary, SummaryKind},
    facts::Bundle,
    narrative::{self, Document, NumberFormat},
    period::Period,
};
use jiff::Timestamp;
use serde::Serialize;

pub use config::{DigestConfig, DigestOwnerConfig, DigestTopic, MailAddress};
pub use mail::{Mail, mail_file_name};
pub use single::Standard;
pub use words::DigestWords;

use crate::{App, AppError, When};
use gather::Gathered;

/// A question for digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigestRequest {
    /// What for.
    pub kind: SummaryKind,
    /// Which days; without them, the last whole week, or month.
    pub period: Option<Period>,
}

impl DigestRequest {
    /// Of the last whole week, or month.
    pub fn latest(kind: SummaryKind) -> Self {
        Self { kind, period: None }
    }
}

/// A digest.
#[derive(Debug, Clone, Serialize)]
pub struct Digest {
    /// `digest`, `cfo`, `scorecard`.
    pub question: String,
    /// Whose spend; absent for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The days.
    pub period: Period,
    /// There is nothing in it that anybody has to hear.
    pub is_quiet: bool,
    /// Its message in a few words.
    pub subject: String,
    /// The standard wording in plain text, numbers as the organisation's place writes them.
    pub text: String,
    /// The same in Markdown, every mention cited by the id of its fact.
    pub cited: String,
    /// Where the facts are kept.
    pub evidence: String,
    /// What became of a model's words, where there are any or one was asked for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub narrative: Option<DigestWords>,
    /// The facts.
    pub facts: Bundle,
    /// The same in parts.
    #[serde(skip)]
    pub document: Document,
}

impl App {
    /// The digest of all spend that is seen, or of one owner.
    ///
    /// # Errors
    ///
    /// [`AppError::Empty`] without data, [`AppError::NotFound`] for an owner without spend in the period
    /// or the one before, and without proposals; those of the questions behind it.
    pub async fn digest(
        &self,
        request: &DigestRequest,
        owner: Option<&str>,
        now: Timestamp,
    ) -> Result<Digest, AppError> {
        let gathered = self.gathered(request, now).await?;
        let summary = match owner {
            None => gathered.of_all(),
            Some(owner) if gathered.owners().iter().any(|known| known == owner) => {
                gathered.of_owner(owner)
            }
            Some(owner) => {
                let id = owner.chars().take(40).collect();
                return Err(AppError::NotFound { what: "owner with spend", id });
            }
        };
        self.worded(&summary, now).await
    }

    /// Every owner's digest, by name.
    ///
    /// # Errors
    ///
    /// As [`Self::digest`].
    pub async fn owner_digests(
        &self,
        request: &DigestRequest,
        now: Timestamp,
    ) -> Result<Vec<Digest>, AppError> {
        let gathered = self.gathered(request, now).await?;
        let mut digests = Vec::new();
        for owner in gathered.owners() {
            digests.push(self.worded(&gathered.of_owner(&owner), now).await?);
        }
        Ok(digests)
    }

    async fn gathered(
        &self,
        request: &DigestRequest,
        now: Timestamp,
    ) -> Result<Gathered, AppError> {
        let settled = self.settled().await?;
        let data = settled.ledger.span().await?.ok_or(AppError::Empty)?;
        let period = match request.period {
            Some(period) => period,
            None => {
                let when = match request.kind {
                    SummaryKind::Weekly => When::LastWeek,
                    SummaryKind::Monthly | SummaryKind::Scorecard => When::LastMonth,
                };
                when.resolve(now, Some(data))?.period
            }
        };
        Gathered::of(&settled, request.kind, period, data, now).await
    }

    async fn worded(&self, summary: &Summary, now: Timestamp) -> Result<Digest, AppError> {
        let facts = summary.bundle();
        let evidence = self.keep_evidence(&facts, now).await?;
        let document = narrative::document(&facts).unwrap_or_default();
        let format = self.number_format();
        let narrative = self.kept_words(&facts).await?;
        Ok(Digest {
            question: facts.question.clone(),
            owner: summary.owner.clone(),
            period: summary.period,
            is_quiet: summary.is_quiet(self.config.attention.minimum_impact),
            subject: narrative::subject(&facts, &format),
            text: document.plain(&format),
            cited: document.cited(),
            evidence,
            narrative,
            facts,
            document,
        })
    }

    /// How the organisation's place writes numbers.
    pub fn number_format(&self) -> NumberFormat {
        self.config.organisation.locale
    }
}
