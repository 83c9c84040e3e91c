//! A bare mirror of a repository elsewhere: what is read, built and pushed.

use std::path::{Path, PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;

use super::{
    Commit, Git, GitError, NewCommit,
    error::said,
    repository::{Repository, check_branch},
    run::{Call, Ran},
};

/// A repository that git reaches over HTTP, and the credential for it.
#[derive(Debug, Clone)]
pub struct Remote {
    url: String,
    origin: String,
    credential: Option<(String, SecretString)>,
}

/// Where branches of a repository stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heads {
    /// The base branch by name: the one that was asked for, or the default.
    pub base_branch: String,
    /// Its commit.
    pub base: String,
    /// The commit of our branch; `None` where there is none.
    pub branch: Option<String>,
}

/// A bare mirror in a folder of ours. One call at a time uses it.
#[derive(Debug)]
pub struct Mirror {
    repository: Repository,
    remote: Remote,
    turn: Mutex<()>,
}

impl Remote {
    /// An address with a user and a secret, as a token has them (`x-access-token` for GitHub, `oauth2`
    /// for GitLab). `trusted_plain` says that the secret may go there without encryption.
    ///
    /// # Errors
    ///
    /// [`GitError`] for any address but `https://`, or `http://` to this machine or a trusted network.
    pub fn new(
        url: &str,
        credential: Option<(String, SecretString)>,
        trusted_plain: bool,
    ) -> Result<Self, GitError> {
        let shown = || crate::delivery::http::shown(url);
        let parsed = reqwest::Url::parse(url).map_err(|_| GitError::Address(shown()))?;
        let is_plain = parsed.scheme() == "http";
        let has_user = !parsed.username().is_empty() || parsed.password().is_some();
        if !(is_plain || parsed.scheme() == "https") || has_user || parsed.query().is_some() {
            return Err(GitError::Address(shown()));
        }
        if is_plain && !trusted_plain && !crate::delivery::http::is_here(&parsed) {
            return Err(GitError::Unencrypted(shown()));
        }
        if let Some((user, secret)) = &credential
            && (user.contains(|c: char| c == ':' || c.is_control())
                || secret.expose_secret().trim().contains(char::is_control))
        {
            return Err(GitError::Credential(shown()));
        }
        let origin = format!("{}/", parsed.origin().ascii_serialization());
        Ok(Self { url: parsed.to_string(), origin, credential })
    }

    /// Settings of a call that goes there: one protocol, one header for one origin.
    fn settings(&self) -> Vec<(String, String)> {
        let scheme = if self.url.starts_with("https:") { "https" } else { "http" };
        let mut settings = vec![(format!("protocol.{scheme}.allow"), "always".to_owned())];
        if let Some((user, secret)) = &self.credential {
            let pair = format!("{user}:{}", secret.expose_secret().trim());
            settings.push((
                format!("http.{}.extraHeader", self.origin),
                format!("Authorization: Basic {}", BASE64_STANDARD.encode(pair)),
            ));
        }
        settings
    }
}

impl Mirror {
    /// The mirror in a folder, which is made where there is none.
    ///
    /// # Errors
    ///
    /// [`GitError`] when the folder or git cannot be used.
    pub async fn open(git: Git, folder: PathBuf, remote: Remote) -> Result<Self, GitError> {
        std::fs::create_dir_all(&folder).map_err(|error| GitError::folder(&folder, &error))?;
        if !folder.join("HEAD").exists() {
            let call = Call::new("init").args(["--bare", "--quiet", "--template=", "--"]);
            git.must(call.arg(&folder)).await?;
        }
        // The folder is named in full: git asks where it is, and must not find a repository above it.
        let folder =
            std::fs::canonicalize(&folder).map_err(|error| GitError::folder(&folder, &error))?;
        Ok(Self { repository: Repository { git, folder }, remote, turn: Mutex::new(()) })
    }

    fn call(&self, command: &'static str) -> Call {
        self.repository.call(command).environment("GIT_DIR", self.repository.folder.clone())
    }

    /// Runs a call that goes to the server.
    async fn ask(&self, call: Call) -> Result<Ran, GitError> {
        self.repository.git.run(call.settings(self.remote.settings())).await
    }

    fn refused(&self, command: &'static str, ran: &Ran) -> GitError {
        let text = String::from_utf8_lossy(&ran.errors);
        let unauthorized =
            ["Authentication failed", "could not read Username", "error: 401", "error: 403"];
        if unauthorized.iter().any(|part| text.contains(part)) {
            return GitError::Unauthorized(crate::delivery::http::shown(&self.remote.url));
        }
        GitError::Failed { command, said: said(&ran.errors) }
    }

    /// Where a branch stands on the server; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`GitError`] when the server cannot be asked.
    pub async fn head(&self, branch: &str) -> Result<Option<String>, GitError> {
        check_branch(branch)?;
        let name = format!("refs/heads/{branch}");
        let call = self.call("ls-remote").args(["--", &self.remote.url, &name]);
        let ran = self.ask(call).await?;
        if ran.code != Some(0) {
            return Err(self.refused("ls-remote", &ran));
        }
        let text = String::from_utf8_lossy(&ran.output);
        // A pattern also matches the ends of longer names.
        let found = text.lines().filter_map(|line| line.split_once('\t'));
        Ok(found.filter(|(_, found)| *found == name).map(|(id, _)| id.to_owned()).next())
    }

    /// The branch that the server's `HEAD` names.
    ///
    /// # Errors
    ///
    /// [`GitError`] when the server cannot be asked.
    pub async fn default_branch(&self) -> Result<Option<String>, GitError> {
        let call = self.call("ls-remote").args(["--symref", "--", &self.remote.url, "HEAD"]);
        let ran = self.ask(call).await?;
        if ran.code != Some(0) {
            return Err(self.refused("ls-remote", &ran));
        }
        let text = String::from_utf8_lossy(&ran.output);
        let name = text.lines().find_map(|line| line.strip_prefix("ref: refs/heads/"));
        Ok(name.and_then(|line| line.split('\t').next()).map(str::to_owned))
    }

    /// Fetches the base branch (the default one without a name) and our branch, as far as it is there.
    ///
    /// # Errors
    ///
    /// [`GitError::NoBranch`] when the base is not there, or no longer.
    pub async fn fetch(&self, base: Option<&str>, branch: &str) -> Result<Heads, GitError> {
        let _turn = self.turn.lock().await;
        let base = match base {
            Some(base) => base.to_owned(),
            None => self
                .default_branch()
                .await?
                .ok_or_else(|| GitError::NoBranch { branch: "HEAD".to_owned(), default: None })?,
        };
        if self.head(&base).await?.is_none() {
            let default = self.default_branch().await?;
            return Err(GitError::NoBranch { branch: base, default });
        }
        let has_branch = self.head(branch).await?.is_some();
        // Two commits deep: of our branch, its parent is needed to see whether the commit is ours.
        let mut call = self
            .call("fetch")
            .args(["--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"])
            .args(["--depth=2", "--", &self.remote.url])
            .arg(format!("+refs/heads/{base}:refs/centinel/base"));
        if has_branch {
            call = call.arg(format!("+refs/heads/{branch}:refs/centinel/branch"));
        }
        let ran = self.ask(call).await?;
        if ran.code != Some(0) {
            return Err(self.refused("fetch", &ran));
        }
        // Two fixed names, read while the turn is ours: names of branches may exclude each other
        // (`a` and `a/b`), and commits stay without a name, for nothing is collected.
        let resolve = async |name| self.repository.resolve(name).await;
        let branch_head = if has_branch { resolve("refs/centinel/branch").await? } else { None };
        let base_head = resolve("refs/centinel/base").await?.ok_or(GitError::Answer("fetch"))?;
        Ok(Heads { base_branch: base, base: base_head, branch: branch_head })
    }

    /// A file at a fetched commit; `None` where there is none. Links, submodules, folders and files of
    /// more than 1 MiB are refused.
    ///
    /// # Errors
    ///
    /// [`GitError`].
    pub async fn file(&self, commit: &str, file: &str) -> Result<Option<Vec<u8>>, GitError> {
        self.repository.file(commit, file).await
    }

    /// Whether a file is the same at two fetched commits.
    ///
    /// # Errors
    ///
    /// [`GitError`].
    pub async fn same_file(&self, one: &str, two: &str, file: &str) -> Result<bool, GitError> {
        self.repository.same_file(one, two, file).await
    }

    /// A fetched commit.
    ///
    /// # Errors
    ///
    /// [`GitError`].
    pub async fn commit(&self, id: &str) -> Result<Commit, GitError> {
        self.repository.commit(id).await
    }

    /// Writes a commit into the mirror; nothing is pushed yet.
    ///
    /// # Errors
    ///
    /// [`GitError`]; [`GitError::Unchanged`] when the files are that way already.
    pub async fn write(&self, new: &NewCommit) -> Result<String, GitError> {
        let _turn = self.turn.lock().await;
        self.repository.write(new).await
    }

    /// Pushes a commit to a branch that stands where we say, and nowhere else: `expected` is the commit
    /// that is replaced, `None` a branch that does not exist. A push whose answer got lost is looked
    /// for before it counts as failed.
    ///
    /// # Errors
    ///
    /// [`GitError::Moved`] when somebody else pushed, [`GitError::Rejected`] when the server refuses.
    pub async fn push(
        &self,
        branch: &str,
        commit: &str,
        expected: Option<&str>,
    ) -> Result<(), GitError> {
        self.push_ref(branch, Some(commit), expected).await
    }

    /// Deletes a branch that stands at a commit of ours.
    ///
    /// # Errors
    ///
    /// As [`Self::push`].
    pub async fn delete(&self, branch: &str, expected: &str) -> Result<(), GitError> {
        self.push_ref(branch, None, Some(expected)).await
    }

    async fn push_ref(
        &self,
        branch: &str,
        commit: Option<&str>,
        expected: Option<&str>,
    ) -> Result<(), GitError> {
        check_branch(branch)?;
        let _turn = self.turn.lock().await;
        let lease = format!("--force-with-lease=refs/heads/{branch}:{}", expected.unwrap_or(""));
        let call = self
            .call("push")
            .args(["--porcelain", "--no-verify", "--no-follow-tags", &lease, "--"])
            .args([&self.remote.url, &format!("{}:refs/heads/{branch}", commit.unwrap_or(""))]);
        let failed = match self.ask(call).await {
            Ok(ran) if ran.code == Some(0) => return Ok(()),
            Ok(ran) => self.push_refused(branch, &ran),
            Err(error) => error,
        };
        match self.head(branch).await {
            Ok(head) if head.as_deref() == commit => Ok(()),
            _ => Err(failed),
        }
    }

    /// What git says about a reference that was not updated: `!`, from and to, summary and reason.
    fn push_refused(&self, branch: &str, ran: &Ran) -> GitError {
        const MOVED: [&str; 7] = [
            "stale info",
            "fetch first",
            "non-fast-forward",
            "cannot lock ref",
            "incorrect old value",
            "failed to update ref",
            "reference already exists",
        ];
        let output = String::from_utf8_lossy(&ran.output);
        let Some(line) = output.lines().find(|line| line.starts_with('!')) else {
            return self.refused("push", ran);
        };
        let summary = line.rsplit('\t').next().unwrap_or_default();
        if MOVED.iter().any(|part| summary.contains(part)) {
            return GitError::Moved { branch: branch.to_owned() };
        }
        // The reason of a hook stands in what the server said before: `remote: …`.
        let errors = String::from_utf8_lossy(&ran.errors);
        let remote: Vec<&str> =
            errors.lines().filter_map(|line| line.strip_prefix("remote:")).map(str::trim).collect();
        let both = format!("{summary}\n{}", remote.join("\n"));
        GitError::Rejected { branch: branch.to_owned(), said: said(both.as_bytes()) }
    }

    /// The folder of the mirror.
    pub fn folder(&self) -> &Path {
        &self.repository.folder
    }
}
