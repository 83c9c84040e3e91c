//! A clone on this machine, without any forge: a branch, a commit, and a patch beside them.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use super::{
    Git, GitError, NewCommit,
    repository::{Repository, check_branch},
    run::Ran,
};

/// Largest patch, in bytes.
const PATCH_BYTES_MAX: usize = 8 << 20;

/// A clone on this machine. Its working tree, its index and what it has checked out stay as they are.
#[derive(Debug)]
pub struct Local {
    repository: Repository,
    base: String,
}

/// Where a clone stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalState {
    /// The commit of the base branch.
    pub base: String,
    /// The commit of our branch; `None` where there is none.
    pub branch: Option<String>,
    /// Whether our branch is part of the base branch.
    pub is_merged: bool,
}

impl Local {
    /// A clone by its folder, with the branch that changes start from.
    ///
    /// # Errors
    ///
    /// [`GitError`] when the folder is no repository.
    pub async fn open(git: Git, folder: &Path, base: &str) -> Result<Self, GitError> {
        check_branch(base)?;
        let folder = fs::canonicalize(folder).map_err(|error| GitError::folder(folder, &error))?;
        let repository = Repository { git, folder };
        repository.git.line(repository.call("rev-parse").arg("--absolute-git-dir")).await?;
        Ok(Self { repository, base: base.to_owned() })
    }

    /// Where base and branch stand.
    ///
    /// # Errors
    ///
    /// [`GitError::NoBranch`] when the clone has no such base.
    pub async fn state(&self, branch: &str) -> Result<LocalState, GitError> {
        check_branch(branch)?;
        let named = async |name: &str| self.repository.resolve(&format!("refs/heads/{name}")).await;
        let Some(base) = named(&self.base).await? else {
            return Err(GitError::NoBranch { branch: self.base.clone(), default: None });
        };
        let head = named(branch).await?;
        let is_merged = match &head {
            Some(head) => self.is_ancestor(head, &base).await?,
            None => false,
        };
        Ok(LocalState { base, branch: head, is_merged })
    }

    /// A file at a commit, as [`super::Mirror::file`].
    ///
    /// # Errors
    ///
    /// [`GitError`].
    pub async fn file(&self, commit: &str, file: &str) -> Result<Option<Vec<u8>>, GitError> {
        self.repository.file(commit, file).await
    }

    /// A commit, as [`super::Mirror::commit`].
    ///
    /// # Errors
    ///
    /// [`GitError`].
    pub async fn commit(&self, id: &str) -> Result<super::Commit, GitError> {
        self.repository.commit(id).await
    }

    /// Writes a commit; no branch shows it yet.
    ///
    /// # Errors
    ///
    /// [`GitError`]; [`GitError::Unchanged`] when the files are that way already.
    pub async fn write(&self, new: &NewCommit) -> Result<String, GitError> {
        self.repository.write(new).await
    }

    /// Lets a branch show a commit. `expected` is the commit that it shows now, `None` a branch that
    /// does not exist.
    ///
    /// # Errors
    ///
    /// [`GitError::CheckedOut`] when somebody works on the branch, [`GitError::Moved`] when it stands
    /// elsewhere by now.
    pub async fn set_branch(
        &self,
        branch: &str,
        commit: &str,
        expected: Option<&str>,
    ) -> Result<(), GitError> {
        check_branch(branch)?;
        let name = format!("refs/heads/{branch}");
        if self.repository.resolve(&name).await?.as_deref() == Some(commit) {
            return Ok(());
        }
        if let Some(folder) = self.checked_out(&name).await? {
            return Err(GitError::CheckedOut { branch: branch.to_owned(), folder });
        }
        let none = "0".repeat(commit.len());
        let call = self.repository.call("update-ref").args(["-m", "centinel: proposal"]);
        let call = call.args(["--", &name, commit, expected.unwrap_or(&none)]);
        let Ran { code, .. } = self.repository.git.run(call).await?;
        if code == Some(0) { Ok(()) } else { Err(GitError::Moved { branch: branch.to_owned() }) }
    }

    /// Deletes a branch that stands at a commit of ours.
    ///
    /// # Errors
    ///
    /// As [`Self::set_branch`].
    pub async fn delete_branch(&self, branch: &str, expected: &str) -> Result<(), GitError> {
        check_branch(branch)?;
        let name = format!("refs/heads/{branch}");
        if let Some(folder) = self.checked_out(&name).await? {
            return Err(GitError::CheckedOut { branch: branch.to_owned(), folder });
        }
        let call = self.repository.call("update-ref").args(["-d", "--", &name, expected]);
        let Ran { code, .. } = self.repository.git.run(call).await?;
        if code == Some(0) { Ok(()) } else { Err(GitError::Moved { branch: branch.to_owned() }) }
    }

    /// The working tree that shows a reference, or works on it (a rebase, a bisection).
    async fn checked_out(&self, name: &str) -> Result<Option<String>, GitError> {
        let call = self.repository.call("worktree").args(["list", "--porcelain", "-z"]);
        let output = self.repository.git.must(call).await?;
        let text = String::from_utf8_lossy(&output);
        let mut folder = None;
        for line in text.split('\0') {
            if let Some(path) = line.strip_prefix("worktree ") {
                folder = Some(path.to_owned());
            }
            if line.strip_prefix("branch ") == Some(name) {
                return Ok(folder);
            }
        }
        Ok(None)
    }

    async fn is_ancestor(&self, one: &str, of: &str) -> Result<bool, GitError> {
        let call = self.repository.call("merge-base").args(["--is-ancestor", one, of]);
        Ok(self.repository.git.run(call).await?.code == Some(0))
    }

    /// Writes a commit as `NAME.patch` into a folder, and gives the file. The same commit gives the same
    /// bytes; a file is there whole, or not at all.
    ///
    /// # Errors
    ///
    /// [`GitError`] when the folder cannot be written.
    pub async fn patch(
        &self,
        commit: &str,
        folder: &Path,
        name: &str,
    ) -> Result<PathBuf, GitError> {
        let call = self
            .repository
            .call("format-patch")
            .args(["-1", "--stdout", "--no-signature", "--full-index", "--no-ext-diff"])
            .args(["--no-textconv", "--no-renames", "--no-attach", "--no-thread", "--no-numbered"])
            .args(["--no-add-header", "--no-cc", "--no-to", "--no-signoff", "--no-notes"])
            .args(["--no-base", "--subject-prefix=PATCH", "--unified=3", commit])
            .bytes_max(PATCH_BYTES_MAX);
        let patch = self.repository.git.must(call).await?;
        let path = folder.join(format!("{name}.patch"));
        let temporary = folder.join(format!(".{name}.patch.{}", std::process::id()));
        let written = fs::create_dir_all(folder)
            .and_then(|()| File::create(&temporary))
            .and_then(|mut file| file.write_all(&patch).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&temporary, &path))
            .and_then(|()| File::open(folder)?.sync_all());
        written.map_err(|error| GitError::folder(&path, &error))?;
        Ok(path)
    }
}
