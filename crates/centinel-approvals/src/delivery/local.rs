//! Delivery into a clone on this machine, without any forge.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    EditFile, Edited, GitError, Local, NewCommit, Note, Order, PlanError, Signature, Wish,
    branch_name, commit_message, edit_files, edits_by_file,
};

/// Delivers into a local clone: a branch with one commit, and a patch.
pub struct LocalDelivery<'a> {
    /// The clone.
    pub local: &'a Local,
    /// Edits files.
    pub edit: &'a EditFile<'a>,
    /// Who commits.
    pub signature: &'a Signature,
    /// The folder of patches.
    pub patches: PathBuf,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalOutcome {
    /// Branch and patch are there; a person merges the one or applies the other.
    Ready {
        /// The branch.
        branch: String,
        /// Its commit.
        commit: String,
        /// The patch.
        patch: PathBuf,
    },
    /// Our branch is part of the base branch.
    Merged {
        /// Its commit.
        commit: String,
    },
    /// The proposed values are on the base branch already.
    AlreadyThere,
    /// Somebody else's commit is on the branch: it was not touched.
    StoodBack(Note),
    /// Nothing of ours is left there.
    Gone,
}

impl LocalDelivery<'_> {
    /// Brings branch and patch to where the order wants them; may be called again at any time.
    /// Working tree, index and what is checked out are never touched.
    ///
    /// # Errors
    ///
    /// [`PlanError`] when the proposal does not fit the clone, or git does not do it;
    /// [`GitError::CheckedOut`] when somebody works on the branch.
    pub async fn run(&self, order: &Order<'_>) -> Result<LocalOutcome, PlanError> {
        let branch = order.branch.map_or_else(|| branch_name(order.proposal), str::to_owned);
        let state = self.local.state(&branch).await?;
        if let Some(commit) = state.branch.clone().filter(|_| state.is_merged) {
            // A branch that was never more than the base is not merged, it is somebody's.
            if self.is_ours(order, &commit).await? {
                return Ok(LocalOutcome::Merged { commit });
            }
        }
        let is_ours = match &state.branch {
            Some(head) => self.is_ours(order, head).await?,
            None => true,
        };
        if !is_ours {
            return Ok(LocalOutcome::StoodBack(match order.wish {
                Wish::Open => Note::StandBack,
                Wish::Close(_) => Note::EndedBesides,
            }));
        }
        if let Wish::Close(_) = order.wish {
            return self.withdraw(order, &branch, state.branch.as_deref()).await;
        }
        let Some(new) = self.planned(order, &state.base).await? else {
            return Ok(LocalOutcome::AlreadyThere);
        };
        // The branch of this version stays where it is while the edited files are as they were.
        let kept = match &state.branch {
            Some(head) => self.rebuilt(order, head).await.ok().flatten().filter(|id| id == head),
            None => None,
        };
        let commit = match kept {
            Some(head) if self.still_fits(&head, &new).await? => head,
            _ => self.local.write(&new).await?,
        };
        self.local.set_branch(&branch, &commit, state.branch.as_deref()).await?;
        let patch = self.local.patch(&commit, &self.patches, &patch_name(order)).await?;
        Ok(LocalOutcome::Ready { branch, commit, patch })
    }

    async fn withdraw(
        &self,
        order: &Order<'_>,
        branch: &str,
        head: Option<&str>,
    ) -> Result<LocalOutcome, PlanError> {
        if let Some(head) = head {
            self.local.delete_branch(branch, head).await?;
        }
        let patch = self.patches.join(format!("{}.patch", patch_name(order)));
        match std::fs::remove_file(&patch) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(GitError::folder(&patch, &error).into())
            }
            _ => Ok(LocalOutcome::Gone),
        }
    }

    /// Whether the commit's parent has the edited files as the base has them.
    async fn still_fits(&self, head: &str, new: &NewCommit) -> Result<bool, GitError> {
        let commit = self.local.commit(head).await?;
        let parent = commit.parents.first().map(String::as_str).unwrap_or_default();
        for (file, _) in &new.files {
            if self.local.file(parent, file).await? != self.local.file(&new.parent, file).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a commit is ours; a failure to look is no answer.
    async fn is_ours(&self, order: &Order<'_>, head: &str) -> Result<bool, PlanError> {
        if order.known.commits.iter().any(|commit| commit == head) {
            return Ok(true);
        }
        match self.rebuilt(order, head).await {
            Ok(commit) => Ok(commit.as_deref() == Some(head)),
            Err(PlanError::Git(error)) if !error.is_about_files() => Err(error.into()),
            Err(_) => Ok(false),
        }
    }

    /// The commit that we would write upon the parent of another.
    async fn rebuilt(&self, order: &Order<'_>, head: &str) -> Result<Option<String>, PlanError> {
        let commit = self.local.commit(head).await?;
        let [parent] = commit.parents.as_slice() else { return Ok(None) };
        if commit.committer_email != self.signature.email {
            return Ok(None);
        }
        match self.planned(order, parent).await? {
            Some(new) => Ok(Some(self.local.write(&new).await?)),
            None => Ok(None),
        }
    }

    /// The commit of this version upon a parent; `None` when the values are there already.
    async fn planned(
        &self,
        order: &Order<'_>,
        parent: &str,
    ) -> Result<Option<NewCommit>, PlanError> {
        let edits = edits_by_file(order.proposal, order.repository)?;
        let mut contents = BTreeMap::new();
        for file in edits.keys() {
            if let Some(bytes) = self.local.file(parent, file).await? {
                contents.insert((*file).to_owned(), bytes);
            }
        }
        Ok(match edit_files(&edits, &contents, self.edit)? {
            Edited::Already => None,
            Edited::Files(files) => Some(NewCommit {
                parent: parent.to_owned(),
                files,
                message: commit_message(order.proposal, order.digest),
                signature: self.signature.clone(),
                date: order.proposal.created_at,
            }),
        })
    }
}

/// `P-7-v1`.
fn patch_name(order: &Order<'_>) -> String {
    format!("{}-v{}", order.proposal.id, order.proposal.version)
}
