//! Sessions of people: a second kind of proof, for the page.
//!
//! A session begins with password and second factor. Its secret lies in the person's browser, its digest
//! in the audit log. It ends when it is idle, after half a day, by signing out, and with every change of
//! the account or its credentials. A request that changes something carries a second text that a page
//! of another site cannot know.

use std::fmt;

use centinel_engine::{
    facts::sha256_hex,
    proposal::{Principal, ProposalId},
};
use centinel_store::{
    Journal,
    links::OutsideAccount,
    proposals, sessions,
    sessions::{Beginning, SessionRow},
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use subtle::ConstantTimeEq as _;

use crate::{
    ApprovalError, Approvals, Decision, Proof, Requester, Verdict, View, accounts::random_hex,
    sign_in::Recognised,
};

/// A session that was not used for this long is over.
const IDLE_MAX: SignedDuration = SignedDuration::from_mins(60);
/// A session is over this long after it began.
const LIFETIME: SignedDuration = SignedDuration::from_hours(12);
/// What cannot be undone is approved within this time of a proof.
pub(crate) const FRESH: SignedDuration = SignedDuration::from_mins(5);
/// Use is noted this often.
const NOTED_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// A session that was just begun. The secret is shown once, to the person's browser.
pub struct SignedIn {
    /// What the browser keeps and sends with every request.
    pub secret: String,
    /// What a form carries; see [`Approvals::csrf_token`].
    pub csrf_token: String,
    /// The session.
    pub session: Session,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn").field("session", &self.session).finish_non_exhaustive()
    }
}

/// A session that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Session {
    /// Whose it is.
    pub person: String,
    /// A second factor was proved when it began.
    pub has_second_factor: bool,
    /// When it began.
    pub begun_at: Timestamp,
    /// When the person proved themselves last.
    pub confirmed_at: Timestamp,
    /// When it ends at the latest.
    pub ends_at: Timestamp,
    /// The account of an identity provider that it began with; `None` for a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub through: Option<OutsideAccount>,
}

impl Session {
    /// Whether the person proved themselves so lately that they may approve what cannot be undone.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.duration_since(self.confirmed_at) <= FRESH
    }
}

impl Approvals {
    /// Begins a session.
    ///
    /// # Errors
    ///
    /// As [`Self::authenticate`].
    pub async fn sign_in(
        &self,
        name: &str,
        proof: impl Into<Proof>,
        now: Timestamp,
    ) -> Result<SignedIn, ApprovalError> {
        let recognised = self.recognise(name, proof.into(), now).await?;
        let Recognised { journal, has_second_factor, .. } = recognised;
        begin(journal, name, Beginning { has_second_factor, ..Beginning::default() }, now).await
    }

    /// The session of a secret, while it holds; `None` when there is none.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub async fn session(
        &self,
        secret: &str,
        now: Timestamp,
    ) -> Result<Option<Session>, ApprovalError> {
        let digest = digest(secret);
        let Some(row) = sessions::find(&self.database, &digest).await? else { return Ok(None) };
        let used_at = row.used_at;
        let Some(session) = holding(row, now) else { return Ok(None) };
        if now.duration_since(used_at) >= NOTED_EVERY {
            let mut journal = Journal::begin(&self.database).await?;
            sessions::used(&mut journal, &digest, now).await?;
            journal.commit().await?;
        }
        Ok(Some(session))
    }

    /// A secret for a form of somebody who has no session yet: the cookie that goes with it.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Secret`].
    pub fn form_secret() -> Result<String, ApprovalError> {
        random_hex()
    }

    /// The text that a form of a session carries. A page of another site sends the browser's cookie
    /// along, and does not know this.
    pub fn csrf_token(secret: &str) -> String {
        sha256_hex(format!("csrf:{secret}").as_bytes())
    }

    /// The person of a session proves themselves again.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::NoSession`], [`ApprovalError::WrongCsrfToken`]; as [`Self::authenticate`].
    pub async fn confirm_session(
        &self,
        secret: &str,
        csrf_token: &str,
        proof: impl Into<Proof>,
        now: Timestamp,
    ) -> Result<(), ApprovalError> {
        self.check_csrf(secret, csrf_token, now).await?;
        let session = self.session(secret, now).await?.ok_or(ApprovalError::NoSession)?;
        let recognised = self.recognise(&session.person, proof.into(), now).await?;
        let mut journal = recognised.journal;
        sessions::confirm(&mut journal, &digest(secret), &session.person, now).await?;
        journal.commit().await?;
        Ok(())
    }

    /// Decides as the person of a session. What cannot be undone is approved only within five minutes
    /// of a proof.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::NoSession`], [`ApprovalError::WrongCsrfToken`],
    /// [`ApprovalError::ProveAgain`]; as [`Self::decide`].
    pub async fn decide_in_session(
        &self,
        decision: Decision,
        secret: &str,
        csrf_token: &str,
        now: Timestamp,
    ) -> Result<View, ApprovalError> {
        let needs_proof = (decision.verdict == Verdict::Approve).then_some(decision.id);
        let recognised = self.recognise_session(secret, csrf_token, needs_proof, now).await?;
        self.decide_as(recognised, decision, now).await
    }

    /// The person of a session, in the journal in which they act. `needs_proof` is the proposal for which
    /// they have to have proved themselves lately, if it cannot be undone; that they had not is kept in
    /// the log.
    pub(crate) async fn recognise_session(
        &self,
        secret: &str,
        csrf_token: &str,
        needs_proof: Option<ProposalId>,
        now: Timestamp,
    ) -> Result<Recognised, ApprovalError> {
        let (mut journal, session) = self.session_journal(secret, csrf_token, now).await?;
        let actor = Principal::person(&session.person);
        if let Some(id) = needs_proof
            && !session.is_fresh(now)
            && !self.is_reversible(&mut journal, id).await?
        {
            let refusal = ApprovalError::ProveAgain(id);
            let payload = serde_json::json!({ "refusal": refusal.to_string() });
            journal.append(now, &actor.to_string(), "refused", &id.to_string(), &payload).await?;
            journal.commit().await?;
            return Err(refusal);
        }
        Ok(Recognised { journal, actor, has_second_factor: session.has_second_factor })
    }

    /// The person of a session, as somebody who may propose and withdraw.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::NoSession`], [`ApprovalError::WrongCsrfToken`].
    pub async fn requester_in_session(
        &self,
        secret: &str,
        csrf_token: &str,
        now: Timestamp,
    ) -> Result<Requester, ApprovalError> {
        self.check_csrf(secret, csrf_token, now).await?;
        let session = self.session(secret, now).await?.ok_or(ApprovalError::NoSession)?;
        Ok(Requester::person(Principal::person(&session.person)))
    }

    /// Ends a session; does nothing when it is over.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::WrongCsrfToken`], [`ApprovalError::Store`].
    pub async fn sign_out(
        &self,
        secret: &str,
        csrf_token: &str,
        now: Timestamp,
    ) -> Result<(), ApprovalError> {
        match self.session_journal(secret, csrf_token, now).await {
            Ok((mut journal, session)) => {
                sessions::end(&mut journal, &digest(secret), &session.person, now).await?;
                journal.commit().await?;
                Ok(())
            }
            Err(ApprovalError::NoSession) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A journal, and the session that holds while no other process can end it.
    pub(crate) async fn session_journal(
        &self,
        secret: &str,
        csrf_token: &str,
        now: Timestamp,
    ) -> Result<(Journal, Session), ApprovalError> {
        self.check_csrf(secret, csrf_token, now).await?;
        let mut journal = Journal::begin(&self.database).await?;
        let row = sessions::find_locked(&mut journal, &digest(secret)).await?;
        let session = row.and_then(|row| holding(row, now)).ok_or(ApprovalError::NoSession)?;
        Ok((journal, session))
    }

    /// Whether a proposal can be undone. One that is not there for this reader can: what comes next
    /// says that there is none.
    pub(crate) async fn is_reversible(
        &self,
        journal: &mut Journal,
        id: ProposalId,
    ) -> Result<bool, ApprovalError> {
        let record = proposals::load_locked(journal, id).await?;
        let record = record.filter(|record| self.sees(&record.state.proposal));
        Ok(record.is_none_or(|record| record.state.proposal.reversible))
    }

    /// Whether a request carries what only a page of its session knows. Where the session holds, one that
    /// does not is kept in the log: somebody tried to act through this person's browser.
    async fn check_csrf(
        &self,
        secret: &str,
        csrf_token: &str,
        now: Timestamp,
    ) -> Result<(), ApprovalError> {
        let expected = Self::csrf_token(secret);
        if bool::from(expected.as_bytes().ct_eq(csrf_token.as_bytes())) {
            return Ok(());
        }
        let refusal = ApprovalError::WrongCsrfToken;
        if let Some(session) = self.session(secret, now).await? {
            let actor = Principal::person(&session.person);
            self.keep_refusal(&actor, "session", &refusal.to_string(), now).await?;
        }
        Err(refusal)
    }
}

/// Begins a session of a person who was recognised in this journal.
pub(crate) async fn begin(
    mut journal: Journal,
    person: &str,
    beginning: Beginning,
    now: Timestamp,
) -> Result<SignedIn, ApprovalError> {
    let Beginning { has_second_factor, through, proved_at } = beginning.clone();
    let secret = random_hex()?;
    sessions::begin(&mut journal, &digest(&secret), person, beginning, now).await?;
    journal.commit().await?;
    let confirmed_at = if through.is_some() { proved_at } else { Some(now) };
    Ok(SignedIn {
        csrf_token: Approvals::csrf_token(&secret),
        secret,
        session: Session {
            person: person.to_owned(),
            has_second_factor,
            begun_at: now,
            confirmed_at: confirmed_at.unwrap_or(Timestamp::UNIX_EPOCH).min(now),
            ends_at: after(now, LIFETIME),
            through,
        },
    })
}

/// The session of a row, unless it is over at an instant.
pub(crate) fn holding(row: SessionRow, now: Timestamp) -> Option<Session> {
    let SessionRow { person, has_second_factor, begun_at, confirmed_at, used_at, through, is_over } =
        row;
    let ends_at = after(begun_at, LIFETIME);
    // A clock that was set back ends it too.
    let holds = !is_over && begun_at <= now && now < ends_at && now < after(used_at, IDLE_MAX);
    holds.then_some(Session { person, has_second_factor, begun_at, confirmed_at, ends_at, through })
}

pub(crate) fn digest(secret: &str) -> String {
    sha256_hex(secret.as_bytes())
}

fn after(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
}
