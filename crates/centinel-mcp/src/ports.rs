//! The two ports: what the server needs from the product, and nothing more.
//!
//! INVARIANT: no function here decides, applies or fetches. A proposal leaves `pending_approval`
//! only through code that this crate cannot name.

use std::{fmt, future::Future, pin::Pin};

use jiff::civil::Date;

use crate::{
    answer::{AnomaliesAnswer, ComparisonAnswer, ExplanationAnswer, HealthAnswer, SpendAnswer},
    forecast::{ForecastAnswer, ForecastRequest},
    imported::clean,
    proposal::{
        ChangeKind, ProposalAnswer, ProposalDraft, ProposalsAnswer, ProposalsRequest, Receipt,
    },
    request::{AnomaliesRequest, CompareRequest, ExplainRequest, HealthRequest, SpendRequest},
    savings::{SavingsAnswer, SavingsRequest},
};

/// A port's answer, some time later. It is dropped, at any point where it waits, when the client
/// hangs up or time is over: reads stop there, writes happen in one transaction or not at all.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send + 'a>>;

/// Bounded reads. Every answer is limited to what `caller` may see.
///
/// Amounts, counts and remainders are those of the rows that the caller may see; a row that is
/// hidden from the caller is in no total.
pub trait Answers: Send + Sync + 'static {
    /// Spend of a period by one dimension or by time.
    fn spend<'a>(&'a self, caller: &'a Principal, request: SpendRequest) -> Reply<'a, SpendAnswer>;

    /// Spend of two periods, with the exact effect of each driver. A row for every group that has
    /// cost on either side.
    fn compare<'a>(
        &'a self,
        caller: &'a Principal,
        request: CompareRequest,
    ) -> Reply<'a, ComparisonAnswer>;

    /// Open and past anomalies, largest impact first.
    fn anomalies<'a>(
        &'a self,
        caller: &'a Principal,
        request: AnomaliesRequest,
    ) -> Reply<'a, AnomaliesAnswer>;

    /// Why spend changed: drivers, place, time, and what was ruled out.
    fn explain<'a>(
        &'a self,
        caller: &'a Principal,
        request: ExplainRequest,
    ) -> Reply<'a, ExplanationAnswer>;

    /// What a period will cost, with bands.
    fn forecast<'a>(
        &'a self,
        caller: &'a Principal,
        request: ForecastRequest,
    ) -> Reply<'a, ForecastAnswer>;

    /// How far the figures can be trusted: freshness, coverage, rejects, reconciliation.
    fn data_health<'a>(
        &'a self,
        caller: &'a Principal,
        request: HealthRequest,
    ) -> Reply<'a, HealthAnswer>;

    /// What proposals promised, and what became of it: the largest expected saving first.
    fn savings<'a>(
        &'a self,
        caller: &'a Principal,
        request: SavingsRequest,
    ) -> Reply<'a, SavingsAnswer>;

    /// The first day of the data, and the day that relative periods count from; `None` where that is not
    /// known. It completes what a caller leaves open, a month without its year, in the call that it is shown.
    fn days<'a>(&'a self, _caller: &'a Principal) -> Reply<'a, Option<(Date, Date)>> {
        Box::pin(async { Ok(None) })
    }
}

/// Where proposals are written and read.
pub trait ProposalSink: Send + Sync + 'static {
    /// The kinds that can be proposed here. Read once, when the server is built.
    fn kinds(&self) -> Vec<ChangeKind>;

    /// Writes an immutable proposal, pending a person's decision. Idempotent: while a proposal with
    /// the same [`ProposalDraft::fingerprint`] is open, it is returned instead, with
    /// [`Receipt::created`] false.
    fn create<'a>(&'a self, draft: ProposalDraft, proposer: &'a Principal) -> Reply<'a, Receipt>;

    /// One proposal.
    fn get<'a>(&'a self, proposal_id: &'a str, caller: &'a Principal) -> Reply<'a, ProposalAnswer>;

    /// Proposals, in the order of [`ProposalsRequest::page`].
    fn list<'a>(
        &'a self,
        request: ProposalsRequest,
        caller: &'a Principal,
    ) -> Reply<'a, ProposalsAnswer>;

    /// Withdraws a pending proposal of the same proposer; refuses any other. Idempotent: a
    /// proposal that is already withdrawn is returned as it is.
    fn withdraw<'a>(
        &'a self,
        proposal_id: &'a str,
        reason: &'a str,
        proposer: &'a Principal,
    ) -> Reply<'a, Receipt>;
}

/// Who asks. Never a person: a person decides elsewhere, with a session of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal {
    name: String,
    kind: Kind,
    may_propose: bool,
}

/// What is known of a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Client,
    Subject,
    Token,
    Delegate,
}

/// What is known of whoever asks, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// A client known only by the name that it gave itself. Proves nothing.
    Client,
    /// The subject of a token that the server was started with.
    Subject(&'a str),
    /// A service token that was verified, by its name.
    Token(&'a str),
    /// A program that a person let in at their identity provider, by the person's account name.
    OnBehalfOf(&'a str),
}

/// Before the name of a token. A name that a client gives itself begins with `agent:`.
const TOKEN: &str = "token:";
/// Before the account name of the person that a program works for.
const OAUTH: &str = "oauth:";

impl Principal {
    /// Characters of a principal at most, its prefix included.
    pub const CHARS_MAX: usize = 64;

    /// A client known only by the name that it gave itself: `agent:claude-code`. Proves nothing.
    pub fn agent(client_name: &str) -> Self {
        let slug: String = clean(client_name, 48)
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' })
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let slug = slug.trim_matches('-');
        let name = format!("agent:{}", if slug.is_empty() { "unknown" } else { slug });
        Self { name, kind: Kind::Client, may_propose: true }
    }

    /// The subject of a token that was verified.
    pub fn subject(subject: &str) -> Self {
        let name = clean(subject, Self::CHARS_MAX);
        Self { name, kind: Kind::Subject, may_propose: true }
    }

    /// A service token that was verified, by its name. No client can name itself so.
    pub fn token(name: &str) -> Self {
        // Not shortened: another token could have the rest of the name.
        Self { name: format!("{TOKEN}{name}"), kind: Kind::Token, may_propose: true }
    }

    /// A program that a person let in at their identity provider, by the person's account name. It
    /// works for the person and is not them.
    pub fn on_behalf_of(person: &str) -> Self {
        // Not shortened, as above.
        Self { name: format!("{OAUTH}{person}"), kind: Kind::Delegate, may_propose: true }
    }

    /// The same without the right to propose, whatever it could do otherwise: what it showed was not
    /// given for that.
    #[must_use]
    pub fn reading_only(self) -> Self {
        Self { may_propose: false, ..self }
    }

    /// Whether what it showed was given for proposing. What it may propose, the port says.
    pub fn may_propose(&self) -> bool {
        self.may_propose
    }

    /// What is known of it.
    pub fn standing(&self) -> Standing<'_> {
        let after = |prefix| self.name.strip_prefix(prefix).unwrap_or_default();
        match self.kind {
            Kind::Client => Standing::Client,
            Kind::Subject => Standing::Subject(&self.name),
            Kind::Token => Standing::Token(after(TOKEN)),
            Kind::Delegate => Standing::OnBehalfOf(after(OAUTH)),
        }
    }

    /// The name of the service token that was verified; `None` for any other principal.
    pub fn token_name(&self) -> Option<&str> {
        match self.standing() {
            Standing::Token(name) => Some(name),
            Standing::Client | Standing::Subject(_) | Standing::OnBehalfOf(_) => None,
        }
    }

    /// `agent:claude-code`, `token:nightly`, `oauth:ana`, or a token's subject.
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

/// Why there is no answer. The client's model reads it, so it says what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request cannot be answered as it stands: an unknown name or id, a period without data, a
    /// limit. Imported names in it are [`quoted`](crate::quoted).
    #[error("{message}")]
    Mistaken {
        /// What is wrong, and what is allowed: one lowercase line without a final period.
        message: String,
        /// A call or a step that works, as in ``list ids with `anomalies` ``.
        correction: String,
    },
    /// The request is well formed, and the data has nothing for it as it stands. The server shows the same
    /// call with these changes, which is answered.
    #[error("{message}")]
    Amended {
        /// As in [`Refusal::Mistaken`].
        message: String,
        /// What to change in the arguments of the call.
        edits: Vec<Edit>,
    },
    /// The caller may not do this.
    #[error("{message}")]
    Denied {
        /// Which policy says so, in one lowercase line.
        message: String,
    },
    /// The answer could not be computed, and it is not the caller's fault.
    #[error("{detail}")]
    Failed {
        /// For the log; never shown to the client.
        detail: String,
    },
}

/// A change to the arguments of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Which argument: `period`, or `filter.team`.
    pub argument: String,
    /// Its value; `None` leaves it out.
    pub value: Option<String>,
}

impl Edit {
    /// Gives an argument a value.
    pub fn set(argument: impl Into<String>, value: impl Into<String>) -> Self {
        Self { argument: argument.into(), value: Some(value.into()) }
    }

    /// Leaves an argument out.
    pub fn without(argument: impl Into<String>) -> Self {
        Self { argument: argument.into(), value: None }
    }
}

impl Refusal {
    /// A [`Refusal::Amended`].
    pub fn amended(message: impl Into<String>, edits: Vec<Edit>) -> Self {
        Self::Amended { message: message.into(), edits }
    }

    /// A [`Refusal::Mistaken`].
    pub fn mistaken(message: impl Into<String>, correction: impl Into<String>) -> Self {
        Self::Mistaken { message: message.into(), correction: correction.into() }
    }

    /// A [`Refusal::Failed`] with its cause, for the log.
    pub fn failed(cause: impl fmt::Display) -> Self {
        Self::Failed { detail: cause.to_string() }
    }

    /// What the client reads: one or two lines.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Mistaken { message, correction } => {
                format!("{}\nhint: {}", clean(message, 600), clean(correction, 900))
            }
            // The server has put the corrected call in before it shows one.
            Self::Amended { message, .. } => clean(message, 600),
            Self::Denied { message } => {
                format!("{}\nhint: ask a person who may; do not retry", clean(message, 600))
            }
            Self::Failed { .. } => "the call failed inside Centinel\n\
                                    hint: try once more, then tell the user; the cause is in \
                                    Centinel's log"
                .to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_names_itself_within_limits() {
        for (given, principal) in [
            ("claude-code", "agent:claude-code"),
            ("Visual Studio Code", "agent:visual-studio-code"),
            ("person:alice\n", "agent:person-alice"),
            ("token:nightly", "agent:token-nightly"),
            ("\u{202e}\u{200b}", "agent:unknown"),
            ("", "agent:unknown"),
        ] {
            assert_eq!(Principal::agent(given).as_str(), principal);
            assert_eq!(Principal::agent(given).token_name(), None, "{given}");
        }
        assert_eq!(Principal::token("nightly").token_name(), Some("nightly"));
        // A subject that looks like something else is still a subject.
        let forged = Principal::subject("token:nightly");
        assert_eq!(
            (forged.token_name(), forged.standing()),
            (None, Standing::Subject("token:nightly"))
        );
        let delegate = Principal::on_behalf_of("ana");
        assert_eq!(delegate.standing(), Standing::OnBehalfOf("ana"));
        assert!(delegate.token_name().is_none() && delegate.may_propose());
        assert!(!delegate.reading_only().may_propose());
        assert!(Principal::agent(&"x".repeat(500)).as_str().len() <= Principal::CHARS_MAX);
    }

    #[test]
    fn causes_stay_in_the_log() {
        let refusal = Refusal::failed("SELECT * FROM cells: disk I/O error");
        assert!(!refusal.shown().contains("SELECT"));
        assert!(refusal.to_string().contains("SELECT"));
    }
}
