//! What carrying a proposal out changes, wherever its files are.

use centinel_approvals::{
    Effects, Failure, Found, HomeEdits,
    delivery::{
        EditFile, Edited, GitError, PlanError, branch_name, edit_files, edit_text, edits_by_file,
    },
};
use centinel_engine::proposal::Proposal;
use jiff::SignedDuration;

use super::{Repositories, Way, repository_of};

/// How files of repositories are edited.
pub(super) const EDIT: &EditFile<'static> = &edit_text;

/// The home's policies, and files of repositories: the ones are edited here, the others by a merge.
#[derive(Debug)]
pub(crate) struct AllEffects<'a> {
    pub(crate) home: HomeEdits,
    pub(crate) repositories: &'a Repositories,
}

impl Effects for AllEffects<'_> {
    const LEASE: SignedDuration = HomeEdits::LEASE;

    async fn find(&self, proposal: &Proposal) -> Result<Found, String> {
        match repository_of(proposal) {
            Some(repository) => self.repositories.find(proposal, repository).await,
            None => self.home.find(proposal).await,
        }
    }

    async fn perform(&self, proposal: &Proposal) -> Result<(), Failure> {
        match repository_of(proposal) {
            // A merge is a person's. Without it there is no effect, and none is made.
            Some(_) => Err(Failure::NoEffect("its pull request is not merged".to_owned())),
            None => self.home.perform(proposal).await,
        }
    }
}

impl Repositories {
    /// Whether the proposed values are on the base branch.
    pub(super) async fn find(&self, proposal: &Proposal, name: &str) -> Result<Found, String> {
        let repository = self.get(name)?;
        let edits = edits_by_file(proposal, name).map_err(|error| error.to_string())?;
        let branch = branch_name(proposal);
        let mut contents = std::collections::BTreeMap::new();
        let failed = |error: GitError| error.to_string();
        let base = match &repository.way {
            Way::Forge { mirror, .. } => {
                let base = repository.settings.base.as_deref();
                mirror.fetch(base, &branch).await.map_err(failed)?.base
            }
            Way::Local(local) => local.state(&branch).await.map_err(failed)?.base,
        };
        for file in edits.keys() {
            let bytes = match &repository.way {
                Way::Forge { mirror, .. } => mirror.file(&base, file).await,
                Way::Local(local) => local.file(&base, file).await,
            };
            if let Some(bytes) = bytes.map_err(failed)? {
                contents.insert((*file).to_owned(), bytes);
            }
        }
        match edit_files(&edits, &contents, EDIT) {
            Ok(Edited::Already) => Ok(Found::Done),
            Ok(Edited::Files(_)) => Ok(Found::NotDone),
            Err(PlanError::Git(error)) => Err(error.to_string()),
            Err(error) => Ok(Found::Changed(error.to_string())),
        }
    }
}
