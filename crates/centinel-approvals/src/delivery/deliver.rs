//! Does what [`decide`] says, step by step. Each step is repeatable: what was done before a crash is
//! found, not done again.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::attribution::CodeOwners;

use super::{
    Action, DeliveryError, EditFile, Edited, Ending, Forge, ForgeError, GitError, Head, Journal,
    Mirror, NewCommit, NewPullRequest, Note, Order, Outcome, Ownership, Planned, PullRequest,
    PullState, Reviewer, Seen, Settings, Step, Text, Wish, body, branch_name, codeowners,
    commit_message, decide, edit_files, edits_by_file,
    notes::{comment, mark},
    planned, title,
};

/// Delivers to one repository.
pub struct Delivery<'a> {
    /// The mirror of the repository.
    pub mirror: &'a Mirror,
    /// Its forge.
    pub forge: &'a dyn Forge,
    /// Edits files.
    pub edit: &'a EditFile<'a>,
    /// What is configured.
    pub settings: &'a Settings,
    /// Keeps steps.
    pub journal: &'a dyn Journal,
}

/// What was looked at: enough to decide, and to act.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Looked {
    branch: String,
    pull: Option<PullRequest>,
    head: Option<String>,
    stand: Head,
    plan: Option<Plan>,
}

/// A plan and the commit that it starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Plan {
    planned: Planned,
    base: String,
}

impl Delivery<'_> {
    /// Looks, decides, acts; may be called again at any time, after any failure.
    ///
    /// # Errors
    ///
    /// [`DeliveryError`]. A refused or impossible step leaves what was done before it, and the next
    /// call finds it.
    pub async fn run(&self, order: &Order<'_>) -> Result<Outcome, DeliveryError> {
        let looked = match self.look(order).await {
            Ok(Some(looked)) => looked,
            Ok(None) => return Ok(Outcome::AlreadyThere),
            Err(error) => return Err(error),
        };
        let text = match (&looked.pull, &looked.plan) {
            (Some(pull), Some(plan)) => body::compare(&pull.body, &plan.planned.body),
            _ => Text::Current,
        };
        let is_open = looked.pull.as_ref().is_some_and(|pull| pull.state == PullState::Open);
        if is_open && order.known.is_closed_by_us && order.wish == Wish::Open {
            // Opened again before a crash, and not noted: whoever closes it from here is a person.
            self.note(Step::Reopened).await?;
        }
        let seen = Seen { pull: looked.pull.as_ref(), head: looked.stand, text };
        let after = self.settings.update_after;
        let action = decide(order.wish, order.known, &seen, order.has_room, order.now, after);
        tracing::debug!(proposal = %order.proposal.id, repository = order.repository, ?action, "delivery");
        self.act(order, &looked, action).await
    }

    /// What forge and git say; `None` when the values are there already and nothing of ours is open.
    async fn look(&self, order: &Order<'_>) -> Result<Option<Looked>, DeliveryError> {
        let branch = order.branch.map_or_else(|| branch_name(order.proposal), str::to_owned);
        let pull = self.pull(order, &branch).await?;
        let is_over = pull.as_ref().is_some_and(|pull| pull.state != PullState::Open);
        if order.wish == Wish::Open && !is_over {
            return self.look_to_open(order, branch, pull).await;
        }
        let head = self.mirror.head(&branch).await?;
        let stand = match &head {
            None => Head::Absent,
            Some(head) if self.is_ours(order, head, &branch).await? => {
                Head::Ours { is_this_version: false, is_base_moved: false }
            }
            Some(_) => Head::Theirs,
        };
        Ok(Some(Looked { branch, pull, head, stand, plan: None }))
    }

    async fn look_to_open(
        &self,
        order: &Order<'_>,
        branch: String,
        pull: Option<PullRequest>,
    ) -> Result<Option<Looked>, DeliveryError> {
        let heads = self.mirror.fetch(self.settings.base.as_deref(), &branch).await?;
        let edits = edits_by_file(order.proposal, order.repository)?;
        let contents = self.contents(&heads.base, edits.keys().copied()).await?;
        let files = match edit_files(&edits, &contents, self.edit)? {
            Edited::Files(files) => files,
            Edited::Already => return Ok(None),
        };
        let planned = self.plan(order, &heads.base_branch, &heads.base, &branch, files).await?;
        let stand = match &heads.branch {
            None => Head::Absent,
            Some(head) => self.stand(order, &planned, head, &heads.base).await?,
        };
        let plan = Some(Plan { planned, base: heads.base });
        Ok(Some(Looked { branch, pull, head: heads.branch, stand, plan }))
    }

    async fn pull(
        &self,
        order: &Order<'_>,
        branch: &str,
    ) -> Result<Option<PullRequest>, DeliveryError> {
        if let Some(number) = order.known.pull {
            match self.forge.read(number).await {
                Ok(pull) => return Ok(Some(pull)),
                Err(ForgeError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.forge.find(branch).await?)
    }

    async fn contents(
        &self,
        commit: &str,
        files: impl IntoIterator<Item = &str>,
    ) -> Result<BTreeMap<String, Vec<u8>>, GitError> {
        let mut contents = BTreeMap::new();
        for file in files {
            if let Some(bytes) = self.mirror.file(commit, file).await? {
                contents.insert(file.to_owned(), bytes);
            }
        }
        Ok(contents)
    }

    async fn plan(
        &self,
        order: &Order<'_>,
        base_branch: &str,
        base: &str,
        branch: &str,
        files: Vec<(String, String)>,
    ) -> Result<Planned, DeliveryError> {
        let proposal = order.proposal;
        let edits = edits_by_file(proposal, order.repository)?;
        let (owners, ownership) = match self.code_owners(base).await? {
            Some(file) => {
                let owners = file.of_all(edits.keys().copied());
                let ownership =
                    codeowners::ownership(&owners, &proposal.owner, &self.settings.handles);
                (owners, ownership)
            }
            None => (BTreeSet::new(), Ownership::Unreadable),
        };
        let names: Vec<String> = owners.iter().cloned().collect();
        let mut labels = planned::labels(proposal);
        labels.extend(self.settings.labels.iter().cloned());
        Ok(Planned {
            proposal: proposal.id,
            version: proposal.version,
            digest: order.digest.to_owned(),
            repository: order.repository.to_owned(),
            base: base_branch.to_owned(),
            branch: branch.to_owned(),
            title: title(proposal),
            body: body::body(
                proposal,
                order.digest,
                order.repository,
                order.words,
                &ownership,
                &names,
            ),
            labels,
            files,
            message: commit_message(proposal, order.digest),
            reviewers: codeowners::reviewers(&owners),
            ownership,
        })
    }

    /// The first `CODEOWNERS` there is, empty where there is none; `None` where it cannot be read.
    async fn code_owners(&self, commit: &str) -> Result<Option<CodeOwners>, GitError> {
        for file in self.settings.dialect.files() {
            match self.mirror.file(commit, file).await {
                Ok(Some(bytes)) => return Ok(CodeOwners::parse(&bytes, self.settings.dialect).ok()),
                Ok(None) => {}
                Err(GitError::NotAFile { .. } | GitError::TooLarge { .. }) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(Some(CodeOwners::default()))
    }

    /// Where a fetched branch stands.
    async fn stand(
        &self,
        order: &Order<'_>,
        planned: &Planned,
        head: &str,
        base: &str,
    ) -> Result<Head, DeliveryError> {
        if !self.is_known_or_rebuilt(order, head).await? {
            return Ok(Head::Theirs);
        }
        let commit = self.mirror.commit(head).await?;
        let parent = commit.parents.first().map(String::as_str).unwrap_or_default();
        let mut is_base_moved = false;
        for (file, _) in &planned.files {
            is_base_moved |= !self.mirror.same_file(parent, base, file).await?;
        }
        let is_this_version = commit.message == planned.message;
        Ok(Head::Ours { is_this_version, is_base_moved })
    }

    /// Whether the commit of a branch that may not be fetched yet is ours.
    async fn is_ours(
        &self,
        order: &Order<'_>,
        head: &str,
        branch: &str,
    ) -> Result<bool, DeliveryError> {
        if order.known.commits.iter().any(|commit| commit == head) {
            return Ok(true);
        }
        match self.mirror.fetch(self.settings.base.as_deref(), branch).await {
            Ok(heads) if heads.branch.as_deref() == Some(head) => {
                self.is_known_or_rebuilt(order, head).await
            }
            Ok(_) | Err(GitError::NoBranch { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a fetched commit is ours: one that was noted, or one that we would write byte for byte
    /// upon its parent. A name, an address or a trailer proves nothing: anybody can write them. A
    /// failure to look is no answer.
    async fn is_known_or_rebuilt(
        &self,
        order: &Order<'_>,
        head: &str,
    ) -> Result<bool, DeliveryError> {
        if order.known.commits.iter().any(|commit| commit == head) {
            return Ok(true);
        }
        match self.rebuilt(order, head).await {
            Ok(commit) => Ok(commit.as_deref() == Some(head)),
            Err(DeliveryError::Plan(_)) => Ok(false),
            Err(DeliveryError::Git(error)) if error.is_about_files() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether a merged pull request proposed our commit of this very version, to the branch that it is
    /// for. Whoever may push can put anything on a branch of our name, or open a pull request of it:
    /// that somebody merged one says nothing of what they merged.
    async fn is_as_delivered(
        &self,
        order: &Order<'_>,
        pull: &PullRequest,
        branch: &str,
    ) -> Result<bool, DeliveryError> {
        if !self.is_ours(order, &pull.head, branch).await? {
            return Ok(false);
        }
        let base = match &self.settings.base {
            Some(base) => Some(base.clone()),
            None => self.mirror.default_branch().await?,
        };
        if base.as_deref() != Some(pull.base.as_str()) {
            return Ok(false);
        }
        let mut commit = self.mirror.commit(&pull.head).await;
        if commit.is_err() {
            // The mirror may be a new one. A commit that is nowhere any more cannot be compared.
            match self.mirror.fetch(self.settings.base.as_deref(), branch).await {
                Ok(_) | Err(GitError::NoBranch { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            commit = self.mirror.commit(&pull.head).await;
        }
        let message = commit_message(order.proposal, order.digest);
        Ok(commit.is_ok_and(|commit| commit.message == message))
    }

    async fn rebuilt(
        &self,
        order: &Order<'_>,
        head: &str,
    ) -> Result<Option<String>, DeliveryError> {
        let commit = self.mirror.commit(head).await?;
        let [parent] = commit.parents.as_slice() else { return Ok(None) };
        if commit.committer_email != self.settings.signature.email {
            return Ok(None);
        }
        let edits = edits_by_file(order.proposal, order.repository)?;
        let contents = self.contents(parent, edits.keys().copied()).await?;
        let Edited::Files(files) = edit_files(&edits, &contents, self.edit)? else {
            return Ok(None);
        };
        let message = commit_message(order.proposal, order.digest);
        Ok(Some(self.mirror.write(&self.new_commit(order, parent, files, message)).await?))
    }

    /// The commit of a version: its date is that of the version, so the same content is the same
    /// commit on every run.
    fn new_commit(
        &self,
        order: &Order<'_>,
        parent: &str,
        files: Vec<(String, String)>,
        message: String,
    ) -> NewCommit {
        NewCommit {
            parent: parent.to_owned(),
            files,
            message,
            signature: self.settings.signature.clone(),
            date: order.proposal.created_at,
        }
    }

    async fn note(&self, step: Step) -> Result<(), DeliveryError> {
        self.journal.note(&step).await.map_err(DeliveryError::Journal)
    }

    async fn act(
        &self,
        order: &Order<'_>,
        looked: &Looked,
        action: Action,
    ) -> Result<Outcome, DeliveryError> {
        match action {
            Action::Wait => Ok(Outcome::Waits),
            Action::Later(until) => Ok(Outcome::Later(until)),
            Action::ClosedBy(by) => Ok(Outcome::ClosedBy(by)),
            Action::MergedBy { by, commit } => {
                let is_as_delivered = match &looked.pull {
                    Some(pull) => self.is_as_delivered(order, pull, &looked.branch).await?,
                    None => false,
                };
                Ok(Outcome::MergedBy { by, commit, is_as_delivered })
            }
            Action::Nothing => match (&looked.pull, order.wish) {
                (Some(pull), Wish::Open) => {
                    Ok(Outcome::Open { pull: Box::new(pull.clone()), warnings: Vec::new() })
                }
                (_, Wish::Close(_)) => {
                    self.note_closed(order, looked).await?;
                    Ok(Outcome::Closed)
                }
                _ => Ok(Outcome::Closed),
            },
            Action::DeleteBranch => {
                self.note_closed(order, looked).await?;
                self.delete_branch(looked).await
            }
            Action::Close(ending) => self.close(order, looked, ending).await,
            Action::StandBack(note) => {
                if let Some(pull) = &looked.pull {
                    self.say_once(order, pull.number, note, &comment(order, note)).await?;
                }
                Ok(Outcome::StoodBack(note))
            }
            Action::Open | Action::Finish => self.publish(order, looked, false, false).await,
            Action::Update { pushes } => self.publish(order, looked, pushes, true).await,
            Action::Reopen => {
                if let Some(pull) = &looked.pull {
                    self.forge.reopen(pull.number).await?;
                    self.note(Step::Reopened).await?;
                }
                // The forge is asked anew: what it says now is what is brought up to date.
                let branch = looked.branch.clone();
                let pull = self.pull(order, &branch).await?;
                let Some(looked) = self.look_to_open(order, branch, pull).await? else {
                    return Ok(Outcome::AlreadyThere);
                };
                let pushes = matches!(
                    looked.stand,
                    Head::Ours { is_this_version: false, .. }
                        | Head::Ours { is_base_moved: true, .. }
                );
                self.publish(order, &looked, pushes, true).await
            }
        }
    }

    /// Pushes where it has to, opens where there is none, describes, labels, asks.
    async fn publish(
        &self,
        order: &Order<'_>,
        looked: &Looked,
        pushes: bool,
        describes: bool,
    ) -> Result<Outcome, DeliveryError> {
        let Some(Plan { planned, base }) = &looked.plan else { return Ok(Outcome::Closed) };
        let is_stale =
            !matches!(looked.stand, Head::Ours { is_this_version: true, is_base_moved: false });
        let needs_push = pushes || looked.head.is_none() || (looked.pull.is_none() && is_stale);
        if needs_push && !self.push(order, looked, planned, base).await? {
            return Ok(Outcome::StoodBack(Note::StandBack));
        }
        let pull = match &looked.pull {
            Some(pull) => pull.clone(),
            None => self.open(planned).await?,
        };
        let mut warnings = Vec::new();
        let text = (&planned.title, &planned.body);
        // Found rather than opened: it may be an older text.
        let is_old = body::compare(&pull.body, &planned.body) != Text::Current;
        if (describes || looked.pull.is_none()) && (is_old || pull.title != planned.title) {
            self.forge.describe(pull.number, text.0, text.1).await?;
            self.note(Step::Described).await?;
        }
        if looked.pull.is_some() && order.known.pull.is_none() {
            // Opened before a crash, and not noted. From here it is known what it shows.
            self.note(Step::Opened { number: pull.number, url: pull.url.clone() }).await?;
        }
        if !order.known.is_labelled {
            let missing: Vec<String> = planned
                .labels
                .iter()
                .filter(|label| !pull.labels.contains(label))
                .cloned()
                .collect();
            if !missing.is_empty() {
                self.forge.label(pull.number, &missing).await?;
            }
            self.note(Step::Labelled).await?;
        }
        if !order.known.are_reviewers_asked {
            let asked: BTreeSet<String> = pull.reviewers.iter().cloned().collect();
            let missing: Vec<_> = planned
                .reviewers
                .iter()
                .filter(|reviewer| match reviewer {
                    Reviewer::Person(name) | Reviewer::Team(name) => !asked.contains(name),
                })
                .cloned()
                .collect();
            // One who cannot be asked is asked alone, so that the others are.
            if self.forge.request_reviewers(pull.number, &missing).await.is_err() {
                for reviewer in &missing {
                    let one = std::slice::from_ref(reviewer);
                    match self.forge.request_reviewers(pull.number, one).await {
                        Ok(()) => {}
                        Err(error) if error.passes() => return Err(error.into()),
                        Err(error) => warnings.push(error.to_string()),
                    }
                }
            }
            self.note(Step::ReviewersAsked).await?;
        }
        let pull = Box::new(self.forge.read(pull.number).await?);
        Ok(Outcome::Open { pull, warnings })
    }

    /// Pushes the commit of this version; `false` when somebody else was faster.
    async fn push(
        &self,
        order: &Order<'_>,
        looked: &Looked,
        planned: &Planned,
        base: &str,
    ) -> Result<bool, DeliveryError> {
        let new = self.new_commit(order, base, planned.files.clone(), planned.message.clone());
        let commit = self.mirror.write(&new).await?;
        // Noted before it is pushed: whatever happens then, the branch is known to be ours.
        self.note(Step::Committed { commit: commit.clone() }).await?;
        if looked.head.as_deref() != Some(&commit) {
            match self.mirror.push(&looked.branch, &commit, looked.head.as_deref()).await {
                Ok(()) => {}
                Err(GitError::Moved { .. }) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        self.note(Step::Pushed { commit }).await?;
        Ok(true)
    }

    async fn open(&self, planned: &Planned) -> Result<PullRequest, DeliveryError> {
        let new = NewPullRequest {
            branch: planned.branch.clone(),
            base: planned.base.clone(),
            title: planned.title.clone(),
            body: planned.body.clone(),
        };
        let pull = self.forge.open(&new).await?;
        self.note(Step::Opened { number: pull.number, url: pull.url.clone() }).await?;
        Ok(pull)
    }

    async fn close(
        &self,
        order: &Order<'_>,
        looked: &Looked,
        ending: Ending,
    ) -> Result<Outcome, DeliveryError> {
        if let Some(pull) = &looked.pull {
            let note = Note::Closing(ending);
            self.say_once(order, pull.number, note, &comment(order, note)).await?;
            self.forge.close(pull.number).await?;
            self.note(Step::Closed).await?;
        }
        match looked.stand {
            Head::Ours { .. } if ending.is_final() => self.delete_branch(looked).await,
            _ => Ok(Outcome::Closed),
        }
    }

    /// Notes that we closed a pull request, where a crash kept us from it: else that would look like a
    /// person's act once the proposal comes back.
    async fn note_closed(&self, order: &Order<'_>, looked: &Looked) -> Result<(), DeliveryError> {
        let (Some(pull), Wish::Close(ending)) = (&looked.pull, order.wish) else { return Ok(()) };
        if order.known.is_closed_by_us {
            return Ok(());
        }
        let mark = mark(order, Note::Closing(ending));
        let comments = self.forge.comments(pull.number).await?;
        if comments.iter().any(|comment| comment.body.contains(&mark)) {
            self.note(Step::Closed).await?;
        }
        Ok(())
    }

    /// Deletes the branch where it stands at our commit; one that moved meanwhile is left.
    async fn delete_branch(&self, looked: &Looked) -> Result<Outcome, DeliveryError> {
        if let Some(head) = &looked.head {
            match self.mirror.delete(&looked.branch, head).await {
                Ok(()) => self.note(Step::BranchDeleted).await?,
                Err(GitError::Moved { .. }) => return Ok(Outcome::StoodBack(Note::EndedBesides)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Outcome::Closed)
    }

    /// Comments, unless a comment with the same mark is there.
    pub(super) async fn say_once(
        &self,
        order: &Order<'_>,
        number: u64,
        note: Note,
        text: &str,
    ) -> Result<(), DeliveryError> {
        // What was said and noted is not looked for again at every look.
        let is_of_version = matches!(note, Note::Closing(_));
        if !is_of_version && order.known.said.contains(&note) {
            return Ok(());
        }
        let mark = mark(order, note);
        let comments = self.forge.comments(number).await?;
        if !comments.iter().any(|comment| comment.body.contains(&mark)) {
            match self.forge.comment(number, &format!("{text}\n\n{mark}")).await {
                // Looked for by the next run, which finds it or writes it.
                Err(error @ ForgeError::Unknown { .. }) => {
                    let comments = self.forge.comments(number).await?;
                    if !comments.iter().any(|comment| comment.body.contains(&mark)) {
                        return Err(error.into());
                    }
                }
                other => other?,
            }
        }
        self.note(Step::Said { note }).await
    }
}
