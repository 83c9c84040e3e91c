//! Propose, look, decide, withdraw, execute.

use std::{collections::BTreeSet, sync::Arc};

use centinel_engine::proposal::{
    ApprovalPolicy, Ballot, Channel, Command, Context, Directory, Draft, Eligibility, Event, Facts,
    Principal, Proposal, ProposalId, Refusal, Scope, Standing, State, Status, standing, step,
};
use centinel_store::{Database, Journal, evidence, people, proposals, proposals::Record};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::{AccessPolicy, ApprovalError, Looker, Proof, Requester, Sight, sign_in::Recognised};

/// Most passwords compared at the same time: each takes 19 MiB.
const COMPARISONS_MAX: usize = 4;

/// Proposals over one database and one policy.
#[derive(Debug, Clone)]
pub struct Approvals {
    pub(crate) database: Database,
    policy: Arc<ApprovalPolicy>,
    pub(crate) access: Arc<AccessPolicy>,
    /// What its reader may see, by each that must let it through; all of it without any.
    sights: Vec<Sight>,
    pub(crate) comparisons: Arc<Semaphore>,
}

/// A person's decision on exactly one version, as they saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The proposal.
    pub id: ProposalId,
    /// Its version.
    pub version: u32,
    /// The version's digest, or at least its first eight hex digits.
    pub digest: String,
    /// What they say.
    pub verdict: Verdict,
    /// Where the person decides.
    pub channel: Channel,
}

/// What a person decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No, for good.
    Reject {
        /// Why.
        reason: String,
    },
    /// Yes, alone and at once: an emergency.
    BreakGlass {
        /// Why.
        reason: String,
        /// The incident that it belongs to.
        ticket: String,
    },
    /// An emergency that somebody else began was looked at.
    Review {
        /// What was found.
        note: String,
    },
}

/// What a proposal looks like to whoever reads it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct View {
    /// The current version.
    pub proposal: Proposal,
    /// Its digest.
    pub digest: String,
    /// Where it stands. An expiry that nobody noticed yet is noticed here.
    pub status: Status,
    /// What it needs, has and lacks, under today's people and policy.
    pub standing: Standing,
    /// All that happened to it, over all versions.
    pub events: Vec<Event>,
    /// Number of the entry of the audit log that put it where it stands.
    pub audit_entry: i64,
}

/// The answer to a proposal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proposed {
    /// The proposal.
    pub view: View,
    /// Whether it is new; false when an open one already asked for the same change.
    pub is_new: bool,
}

impl Approvals {
    /// The service over a database, under a policy of approvals and one of access. Votes are bound to
    /// both.
    pub fn new(database: Database, policy: ApprovalPolicy, access: Arc<AccessPolicy>) -> Self {
        let comparisons = Arc::new(Semaphore::new(COMPARISONS_MAX));
        let policy = Arc::new(policy.under_access(access.digest()));
        Self { database, policy, access, sights: Vec::new(), comparisons }
    }

    /// The same service for somebody who does not see every proposal.
    #[must_use]
    pub fn seen_by(&self, sight: Sight) -> Self {
        let sights = self.sights.iter().cloned().chain([sight]).collect();
        Self { sights, ..self.clone() }
    }

    /// Whether it is seen by somebody, who may not see every proposal.
    pub fn has_reader(&self) -> bool {
        !self.sights.is_empty()
    }

    /// The access policy in force.
    pub fn access(&self) -> &Arc<AccessPolicy> {
        &self.access
    }

    /// What somebody may see, by people and policy as they are now.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub async fn sight(
        &self,
        principal: &Principal,
        scopes: &BTreeSet<Scope>,
    ) -> Result<Sight, ApprovalError> {
        let people = people::directory(&self.database).await?;
        let subject = self.access.subject(principal, scopes, &people);
        let account = match principal {
            Principal::Person { name } => Some(name),
            Principal::Agent { acts_for, .. } => acts_for.as_ref(),
            Principal::System => None,
        };
        let looker = Looker {
            principal: principal.clone(),
            scopes: scopes.clone(),
            person: account.and_then(|name| people.get(name)).cloned(),
        };
        Ok(Sight::new(Arc::clone(&self.access), (looker, subject), self.policy.currency))
    }

    pub(crate) fn sees(&self, proposal: &Proposal) -> bool {
        self.sights.iter().all(|sight| sight.sees_proposal(proposal))
    }

    /// Who may do what with a proposal, by the access policy and people as they are now.
    pub(crate) fn eligibility(
        &self,
        proposal: &Proposal,
        people: &Directory,
        asks: Option<&Requester>,
    ) -> Eligibility {
        let asks = asks.map(|asks| (asks.principal(), asks.scopes()));
        self.access.eligibility(proposal, self.policy.currency, people, asks)
    }

    /// The policy in force.
    pub fn policy(&self) -> &ApprovalPolicy {
        &self.policy
    }

    /// Puts a change forward. Asking again for what is already open gives the open one.
    ///
    /// The evidence must be stored before. Figures in the draft come from the engine.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Draft`], [`ApprovalError::NoEvidence`], [`ApprovalError::Refused`].
    pub async fn propose(
        &self,
        draft: Draft,
        requester: &Requester,
        now: Timestamp,
    ) -> Result<Proposed, ApprovalError> {
        let mut journal = Journal::begin(&self.database).await?;
        let people = people::directory_locked(&mut journal).await?;
        let actor = requester.principal();
        let id = proposals::next_id(&mut journal).await?;
        let proposal = Proposal::seal(draft, id, 1, actor.clone(), &self.policy, now)?;
        require_evidence(&mut journal, &proposal).await?;
        let fingerprint = proposal.fingerprint()?;
        if let Some(open) = proposals::open_with_fingerprint(&mut journal, &fingerprint).await? {
            // One that ran out of time makes room.
            let before = required(&mut journal, open).await?;
            let eligibility = self.eligibility(&before.state.proposal, &people, None);
            let system = Principal::System;
            let context = self.context(&system, &people, &eligibility, &Facts::Unchecked, now);
            let after =
                advance(&mut journal, open, Some(&before), &Command::Refresh, &context).await?;
            if after.state.status.is_open() {
                journal.commit().await?;
                return Ok(Proposed { view: self.view(after, &people, now), is_new: false });
            }
        }
        if *actor != Principal::System {
            let open = proposals::count_open(&mut journal, &actor.to_string()).await?;
            if open >= self.policy.open_per_requester {
                return Err(Refusal::TooManyOpen { requester: actor.clone(), open }.into());
            }
        }
        let eligibility = self.eligibility(&proposal, &people, Some(requester));
        let command = Command::Propose(Box::new(proposal));
        let context = self.context(actor, &people, &eligibility, &Facts::Unchecked, now);
        let after = advance(&mut journal, id, None, &command, &context).await?;
        journal.commit().await?;
        Ok(Proposed { view: self.view(after, &people, now), is_new: true })
    }

    /// Puts a new version forward; votes on the old one are gone.
    ///
    /// # Errors
    ///
    /// As [`Self::propose`]; also [`ApprovalError::AlreadyOpen`].
    pub async fn supersede(
        &self,
        id: ProposalId,
        draft: Draft,
        requester: &Requester,
        now: Timestamp,
    ) -> Result<View, ApprovalError> {
        let mut journal = Journal::begin(&self.database).await?;
        let people = people::directory_locked(&mut journal).await?;
        let before = required(&mut journal, id).await?;
        let version = before.state.proposal.version.saturating_add(1);
        let actor = requester.principal();
        let proposal = Proposal::seal(draft, id, version, actor.clone(), &self.policy, now)?;
        require_evidence(&mut journal, &proposal).await?;
        let same = proposals::open_with_fingerprint(&mut journal, &proposal.fingerprint()?).await?;
        if let Some(other) = same.filter(|&other| other != id) {
            return Err(ApprovalError::AlreadyOpen(other));
        }
        let eligibility = self.eligibility(&proposal, &people, Some(requester));
        let command = Command::Propose(Box::new(proposal));
        let context = self.context(actor, &people, &eligibility, &Facts::Unchecked, now);
        let after = advance(&mut journal, id, Some(&before), &command, &context).await?;
        journal.commit().await?;
        Ok(self.view(after, &people, now))
    }

    /// What is open, by number.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub async fn inbox(&self, now: Timestamp) -> Result<Vec<View>, ApprovalError> {
        let people = people::directory(&self.database).await?;
        let mut open = proposals::list(&self.database, true).await?;
        open.retain(|record| self.sees(&record.state.proposal));
        let views = open.into_iter().map(|record| self.view(record, &people, now));
        Ok(views.filter(|view| view.status.is_open()).collect())
    }

    /// Every proposal there is, open or not, by number.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub async fn all(&self, now: Timestamp) -> Result<Vec<View>, ApprovalError> {
        let people = people::directory(&self.database).await?;
        let mut records = proposals::list(&self.database, false).await?;
        records.retain(|record| self.sees(&record.state.proposal));
        Ok(records.into_iter().map(|record| self.view(record, &people, now)).collect())
    }

    /// One proposal with all that happened to it.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotFound`] inside [`ApprovalError::Refused`], [`ApprovalError::Store`].
    pub async fn show(&self, id: ProposalId, now: Timestamp) -> Result<View, ApprovalError> {
        let people = people::directory(&self.database).await?;
        let record = proposals::load(&self.database, id).await?;
        // Whoever may not see it is not told that it is there.
        let record = record.filter(|record| self.sees(&record.state.proposal));
        let record = record.ok_or(Refusal::NotFound { id })?;
        Ok(self.view(record, &people, now))
    }

    /// Decides, as the person whose credential this is. The only way to decide there is.
    ///
    /// What is refused after the person was recognised is kept in the audit log too.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::WrongCredential`], [`ApprovalError::Locked`], [`ApprovalError::Refused`].
    pub async fn decide(
        &self,
        decision: Decision,
        name: &str,
        proof: impl Into<Proof>,
        now: Timestamp,
    ) -> Result<View, ApprovalError> {
        let recognised = self.recognise(name, proof.into(), now).await?;
        self.decide_as(recognised, decision, now).await
    }

    /// Decides as a person who was recognised in this very journal.
    pub(crate) async fn decide_as(
        &self,
        recognised: Recognised,
        decision: Decision,
        now: Timestamp,
    ) -> Result<View, ApprovalError> {
        let Decision { id, version, digest, verdict, channel } = decision;
        let Recognised { mut journal, actor, has_second_factor } = recognised;
        let people = people::directory_locked(&mut journal).await?;
        // Whoever may not see it is not told that it is there.
        let before = proposals::load_locked(&mut journal, id).await?;
        let before = before.filter(|record| self.sees(&record.state.proposal));
        let eligibility = before.as_ref().map_or_else(Eligibility::default, |before| {
            self.eligibility(&before.state.proposal, &people, None)
        });
        let needs_second_factor = before
            .as_ref()
            .is_some_and(|before| self.policy.requirement(&before.state.proposal).second_factor);
        if verdict == Verdict::Approve && needs_second_factor && !has_second_factor {
            let refusal = ApprovalError::SecondFactorNeeded(id);
            let payload = serde_json::json!({ "refusal": refusal.to_string() });
            journal.append(now, &actor.to_string(), "refused", &id.to_string(), &payload).await?;
            journal.commit().await?;
            return Err(refusal);
        }
        let ballot = Ballot { version, digest, channel };
        let command = match verdict {
            Verdict::Approve => Command::Approve(ballot),
            Verdict::Reject { reason } => Command::Reject { ballot, reason },
            Verdict::BreakGlass { reason, ticket } => {
                Command::BreakGlass { ballot, reason, ticket }
            }
            Verdict::Review { note } => Command::Review { note },
        };
        let context = self.context(&actor, &people, &eligibility, &Facts::Unchecked, now);
        let after = traced(journal, before.as_ref(), id, &command, &context).await?;
        Ok(self.view(after, &people, now))
    }

    /// Takes one's own proposal back.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Refused`].
    pub async fn withdraw(
        &self,
        id: ProposalId,
        requester: &Requester,
        now: Timestamp,
    ) -> Result<View, ApprovalError> {
        let mut journal = Journal::begin(&self.database).await?;
        let people = people::directory_locked(&mut journal).await?;
        let before = proposals::load_locked(&mut journal, id).await?;
        let before = before.filter(|record| self.sees(&record.state.proposal));
        let eligibility = before.as_ref().map_or_else(Eligibility::default, |before| {
            self.eligibility(&before.state.proposal, &people, Some(requester))
        });
        let actor = requester.principal();
        let context = self.context(actor, &people, &eligibility, &Facts::Unchecked, now);
        let after = traced(journal, before.as_ref(), id, &Command::Withdraw, &context).await?;
        Ok(self.view(after, &people, now))
    }

    /// Notices what time did: expires, and voids votes of people or rules that changed. Returns what
    /// moved.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub async fn expire(&self, now: Timestamp) -> Result<Vec<View>, ApprovalError> {
        let mut moved = Vec::new();
        for Record { state, .. } in proposals::list(&self.database, true).await? {
            let id = state.proposal.id;
            let view = self.execute(id, &Command::Refresh, &Facts::Unchecked, now).await?;
            if view.status != state.status || view.standing.approved_by.len() < state.votes.len() {
                moved.push(view);
            }
        }
        Ok(moved)
    }

    /// Plays one of Centinel's own commands: [`Command::Refresh`], [`Command::BeginExecution`] and
    /// what reports on it. Of processes that begin at the same time, one succeeds.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Refused`].
    pub async fn execute(
        &self,
        id: ProposalId,
        command: &Command,
        facts: &Facts,
        now: Timestamp,
    ) -> Result<View, ApprovalError> {
        let mut journal = Journal::begin(&self.database).await?;
        let people = people::directory_locked(&mut journal).await?;
        let before = required(&mut journal, id).await?;
        let eligibility = self.eligibility(&before.state.proposal, &people, None);
        let context = self.context(&Principal::System, &people, &eligibility, facts, now);
        let after = advance(&mut journal, id, Some(&before), command, &context).await?;
        journal.commit().await?;
        Ok(self.view(after, &people, now))
    }

    pub(crate) fn context<'a>(
        &'a self,
        actor: &'a Principal,
        people: &'a Directory,
        eligibility: &'a Eligibility,
        facts: &'a Facts,
        now: Timestamp,
    ) -> Context<'a> {
        Context { now, actor, people, policy: &self.policy, eligibility, facts }
    }

    pub(crate) fn view(&self, record: Record, people: &Directory, now: Timestamp) -> View {
        let Record { state, events, sequence } = record;
        let eligibility = self.eligibility(&state.proposal, people, None);
        let standing = standing(&state, &self.policy, people, &eligibility);
        let State { proposal, digest, status, .. } = state;
        let waits = matches!(status, Status::Pending | Status::Approved | Status::Stale);
        let status = if waits && now >= proposal.expires_at { Status::Expired } else { status };
        View { proposal, digest, status, standing, events, audit_entry: sequence }
    }
}

/// Steps and writes what happened; the caller commits.
pub(crate) async fn advance(
    journal: &mut Journal,
    id: ProposalId,
    before: Option<&Record>,
    command: &Command,
    context: &Context<'_>,
) -> Result<Record, ApprovalError> {
    let (state, happened) = step(before.map(|record| &record.state), id, command, context)?;
    proposals::record(journal, before, &happened).await?;
    let mut events = before.map_or_else(Vec::new, |record| record.events.clone());
    let sequence = match (happened.is_empty(), before) {
        (true, Some(before)) => before.sequence,
        _ => journal.head().sequence,
    };
    events.extend(happened);
    Ok(Record { state, events, sequence })
}

/// As [`advance`], and commits; a refusal leaves a trace in the log and nothing else.
pub(crate) async fn traced(
    mut journal: Journal,
    before: Option<&Record>,
    id: ProposalId,
    command: &Command,
    context: &Context<'_>,
) -> Result<Record, ApprovalError> {
    match advance(&mut journal, id, before, command, context).await {
        Ok(record) => {
            journal.commit().await?;
            Ok(record)
        }
        Err(ApprovalError::Refused(refusal)) => {
            let actor = context.actor.to_string();
            let subject = id.to_string();
            journal.append(context.now, &actor, "refused", &subject, &refusal).await?;
            journal.commit().await?;
            Err(refusal.into())
        }
        Err(error) => Err(error),
    }
}

pub(crate) async fn required(
    journal: &mut Journal,
    id: ProposalId,
) -> Result<Record, ApprovalError> {
    Ok(proposals::load_locked(journal, id).await?.ok_or(Refusal::NotFound { id })?)
}

async fn require_evidence(journal: &mut Journal, proposal: &Proposal) -> Result<(), ApprovalError> {
    if evidence::is_kept(journal, &proposal.evidence).await? {
        Ok(())
    } else {
        Err(ApprovalError::NoEvidence(proposal.evidence.chars().take(12).collect()))
    }
}
