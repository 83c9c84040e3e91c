//! Propose, look, decide, withdraw, execute.

use std::sync::Arc;

use centinel_engine::proposal::{
    ApprovalPolicy, Ballot, Channel, Command, Context, Directory, Draft, Event, Facts, Principal,
    Proposal, ProposalId, Refusal, Standing, State, Status, standing, step,
};
use centinel_store::{Database, Journal, evidence, people, proposals, proposals::Record};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::{ApprovalError, Factor, Requester};

/// Most passwords compared at the same time: each takes 19 MiB.
const COMPARISONS_MAX: usize = 4;

/// Proposals over one database and one policy.
#[derive(Debug, Clone)]
pub struct Approvals {
    pub(crate) database: Database,
    policy: Arc<ApprovalPolicy>,
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
    /// Yes or no.
    pub verdict: Verdict,
    /// Where the person decides.
    pub channel: Channel,
}

/// Yes or no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No, for good.
    Reject {
        /// Why.
        reason: String,
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
    /// The service over a database, under a policy.
    pub fn new(database: Database, policy: ApprovalPolicy) -> Self {
        let comparisons = Arc::new(Semaphore::new(COMPARISONS_MAX));
        Self { database, policy: Arc::new(policy), comparisons }
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
            let context = self.context(&Principal::System, &people, &Facts::Unchecked, now);
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
        let command = Command::Propose(Box::new(proposal));
        let context = self.context(actor, &people, &Facts::Unchecked, now);
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
        let command = Command::Propose(Box::new(proposal));
        let context = self.context(actor, &people, &Facts::Unchecked, now);
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
        let open = proposals::list(&self.database, true).await?;
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
        let records = proposals::list(&self.database, false).await?;
        Ok(records.into_iter().map(|record| self.view(record, &people, now)).collect())
    }

    /// One proposal with all that happened to it.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotFound`] inside [`ApprovalError::Refused`], [`ApprovalError::Store`].
    pub async fn show(&self, id: ProposalId, now: Timestamp) -> Result<View, ApprovalError> {
        let people = people::directory(&self.database).await?;
        let record = proposals::load(&self.database, id).await?.ok_or(Refusal::NotFound { id })?;
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
        credential: impl Factor,
        now: Timestamp,
    ) -> Result<View, ApprovalError> {
        let Decision { id, version, digest, verdict, channel } = decision;
        let (mut journal, actor) = self.recognise(name, credential, now).await?;
        let people = people::directory_locked(&mut journal).await?;
        let ballot = Ballot { version, digest, channel };
        let command = match verdict {
            Verdict::Approve => Command::Approve(ballot),
            Verdict::Reject { reason } => Command::Reject { ballot, reason },
        };
        let context = self.context(&actor, &people, &Facts::Unchecked, now);
        let after = traced(journal, id, &command, &context).await?;
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
        let context = self.context(requester.principal(), &people, &Facts::Unchecked, now);
        let after = traced(journal, id, &Command::Withdraw, &context).await?;
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
        let context = self.context(&Principal::System, &people, facts, now);
        let after = advance(&mut journal, id, Some(&before), command, &context).await?;
        journal.commit().await?;
        Ok(self.view(after, &people, now))
    }

    fn context<'a>(
        &'a self,
        actor: &'a Principal,
        people: &'a Directory,
        facts: &'a Facts,
        now: Timestamp,
    ) -> Context<'a> {
        Context { now, actor, people, policy: &self.policy, facts }
    }

    fn view(&self, record: Record, people: &Directory, now: Timestamp) -> View {
        let Record { state, events, .. } = record;
        let standing = standing(&state, &self.policy, people);
        let State { proposal, digest, status, .. } = state;
        let waits = matches!(status, Status::Pending | Status::Approved | Status::Stale);
        let status = if waits && now >= proposal.expires_at { Status::Expired } else { status };
        View { proposal, digest, status, standing, events }
    }
}

/// Steps and writes what happened; the caller commits.
async fn advance(
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
async fn traced(
    mut journal: Journal,
    id: ProposalId,
    command: &Command,
    context: &Context<'_>,
) -> Result<Record, ApprovalError> {
    let before = proposals::load_locked(&mut journal, id).await?;
    match advance(&mut journal, id, before.as_ref(), command, context).await {
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

async fn required(journal: &mut Journal, id: ProposalId) -> Result<Record, ApprovalError> {
    Ok(proposals::load_locked(journal, id).await?.ok_or(Refusal::NotFound { id })?)
}

async fn require_evidence(journal: &mut Journal, proposal: &Proposal) -> Result<(), ApprovalError> {
    if evidence::is_kept(journal, &proposal.evidence).await? {
        Ok(())
    } else {
        Err(ApprovalError::NoEvidence(proposal.evidence.chars().take(12).collect()))
    }
}
