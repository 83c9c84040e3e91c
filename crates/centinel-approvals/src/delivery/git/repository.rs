//! What a mirror and a clone have in common: files at a commit, commits without a working tree.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use jiff::Timestamp;

use super::{
    Git, GitError,
    run::{Call, Ran},
};

/// Largest file that is read, in bytes.
pub(crate) const FILE_BYTES_MAX: usize = 1 << 20;

/// Tells the temporary indices of one process apart.
static INDEX: AtomicU64 = AtomicU64::new(0);

/// Who commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// A name, as `Centinel`.
    pub name: String,
    /// An address, by which commits of ours are told from those of others.
    pub email: String,
}

/// A commit to be written. The same content gives the same commit, so writing it twice is writing it
/// once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommit {
    /// The commit that it changes.
    pub parent: String,
    /// Paths and their whole new text; each is a file of the parent.
    pub files: Vec<(String, String)>,
    /// The message, trailers included.
    pub message: String,
    /// Author and committer.
    pub signature: Signature,
    /// The date of both.
    pub date: Timestamp,
}

/// A commit that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its parents.
    pub parents: Vec<String>,
    /// The committer's address.
    pub committer_email: String,
    /// The message, as far as it is text.
    pub message: String,
}

/// A repository on this machine, bare or the folder of a clone.
#[derive(Debug, Clone)]
pub(super) struct Repository {
    pub(super) git: Git,
    pub(super) folder: PathBuf,
}

impl Repository {
    pub(super) fn call(&self, command: &'static str) -> Call {
        Call::new(command).within(&self.folder)
    }

    /// The commit that a name stands for; `None` where it stands for none.
    pub(super) async fn resolve(&self, name: &str) -> Result<Option<String>, GitError> {
        let call = self
            .call("rev-parse")
            .args(["--verify", "--quiet", "--end-of-options"])
            .arg(format!("{name}^{{commit}}"));
        let Ran { code, output, .. } = self.git.run(call).await?;
        Ok((code == Some(0)).then(|| String::from_utf8_lossy(&output).trim().to_owned()))
    }

    /// A file at a commit; `None` where there is none.
    pub(super) async fn file(&self, commit: &str, file: &str) -> Result<Option<Vec<u8>>, GitError> {
        let Some(entry) = self.entry(commit, file).await? else { return Ok(None) };
        if entry.bytes > FILE_BYTES_MAX {
            return Err(GitError::TooLarge { what: file.to_owned(), bytes: FILE_BYTES_MAX });
        }
        let call = self.call("cat-file").arg("blob").arg(&entry.blob).bytes_max(FILE_BYTES_MAX);
        self.git.must(call).await.map(Some)
    }

    async fn entry(&self, commit: &str, file: &str) -> Result<Option<Entry>, GitError> {
        let call = self
            .call("ls-tree")
            .args(["-z", "-l", "--full-tree", "--end-of-options"])
            .args([commit, "--", file]);
        let output = self.git.must(call).await?;
        let text = String::from_utf8(output).map_err(|_| GitError::Answer("ls-tree"))?;
        let Some(line) = text.split('\0').find(|line| !line.is_empty()) else { return Ok(None) };
        let (head, _) = line.split_once('\t').ok_or(GitError::Answer("ls-tree"))?;
        let mut words = head.split_whitespace();
        let (Some(mode), Some(_), Some(blob), Some(bytes)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(GitError::Answer("ls-tree"));
        };
        let what = match mode {
            "100644" | "100755" => {
                let bytes = bytes.parse().map_err(|_| GitError::Answer("ls-tree"))?;
                let (mode, blob) = (mode.to_owned(), blob.to_owned());
                return Ok(Some(Entry { mode, blob, bytes }));
            }
            "120000" => "a symbolic link",
            "160000" => "a submodule",
            "040000" => "a folder",
            _ => "of a kind that is not known",
        };
        Err(GitError::NotAFile { file: file.to_owned(), what })
    }

    /// Writes a commit through an index of its own; no working tree, index or branch is touched.
    pub(super) async fn write(&self, new: &NewCommit) -> Result<String, GitError> {
        let git_folder = self.git.line(self.call("rev-parse").arg("--absolute-git-dir")).await?;
        let number = INDEX.fetch_add(1, Ordering::Relaxed);
        let name = format!("centinel-index-{}-{number}", std::process::id());
        let index = Path::new(&git_folder).join(name);
        let written = self.write_through(new, &index).await;
        // Left over only where the process was killed; nothing reads it again.
        let _ = std::fs::remove_file(&index);
        written
    }

    async fn write_through(&self, new: &NewCommit, index: &Path) -> Result<String, GitError> {
        let indexed = |command| self.call(command).environment("GIT_INDEX_FILE", index);
        let parent_tree = format!("{}^{{tree}}", new.parent);
        self.git.must(indexed("read-tree").arg(&parent_tree)).await?;
        let mut lines = Vec::new();
        for (file, text) in &new.files {
            let Some(entry) = self.entry(&new.parent, file).await? else {
                return Err(GitError::NotAFile { file: file.clone(), what: "not there" });
            };
            let hash = self.call("hash-object").args(["-w", "--no-filters", "--stdin"]);
            let blob = self.git.line(hash.input(text.clone().into_bytes())).await?;
            lines.extend(format!("{} {blob}\t{file}\0", entry.mode).into_bytes());
        }
        let update = indexed("update-index").args(["-z", "--index-info"]);
        self.git.must(update.input(lines)).await?;
        let tree = self.git.line(indexed("write-tree")).await?;
        if Some(&tree) == self.tree(&new.parent).await?.as_ref() {
            return Err(GitError::Unchanged);
        }
        let date = format!("{} +0000", new.date.as_second());
        let Signature { name, email } = &new.signature;
        let call = self
            .call("commit-tree")
            .args([&tree, "-p", &new.parent])
            .environment("GIT_AUTHOR_NAME", name)
            .environment("GIT_AUTHOR_EMAIL", email)
            .environment("GIT_AUTHOR_DATE", &date)
            .environment("GIT_COMMITTER_NAME", name)
            .environment("GIT_COMMITTER_EMAIL", email)
            .environment("GIT_COMMITTER_DATE", &date)
            .input(new.message.clone().into_bytes());
        self.git.line(call).await
    }

    async fn tree(&self, commit: &str) -> Result<Option<String>, GitError> {
        let name = format!("{commit}^{{tree}}");
        let call = self.call("rev-parse").args(["--verify", "--end-of-options"]).arg(name);
        let Ran { code, output, .. } = self.git.run(call).await?;
        Ok((code == Some(0)).then(|| String::from_utf8_lossy(&output).trim().to_owned()))
    }

    /// Parents, committer and message of a commit.
    pub(super) async fn commit(&self, id: &str) -> Result<Commit, GitError> {
        let output = self.git.must(self.call("cat-file").args(["commit", id])).await?;
        let text = String::from_utf8_lossy(&output);
        let (head, message) = text.split_once("\n\n").ok_or(GitError::Answer("cat-file"))?;
        let field = |name: &'static str| {
            head.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix(' '))
        };
        let committer = field("committer").next().unwrap_or_default();
        let email = committer.rsplit_once('>').and_then(|(before, _)| before.rsplit_once('<'));
        Ok(Commit {
            parents: field("parent").map(str::to_owned).collect(),
            committer_email: email.map_or_else(String::new, |(_, email)| email.to_owned()),
            message: message.to_owned(),
        })
    }

    /// Whether two commits hold the same file; both absent is the same.
    pub(super) async fn same_file(
        &self,
        one: &str,
        other: &str,
        file: &str,
    ) -> Result<bool, GitError> {
        Ok(self.entry(one, file).await? == self.entry(other, file).await?)
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    mode: String,
    blob: String,
    bytes: usize,
}

/// Whether git takes a text for the name of a branch, and takes it for nothing else.
///
/// # Source
///
/// `git check-ref-format`.
pub(super) fn check_branch(name: &str) -> Result<(), GitError> {
    let bad_char = |c: char| {
        c.is_control() || c.is_whitespace() || matches!(c, '~' | '^' | ':' | '?' | '*' | '[' | '\\')
    };
    let bad_part = |part: &str| {
        part.is_empty()
            || part.starts_with('.')
            || part.ends_with('.')
            || Path::new(part).extension().is_some_and(|end| end.eq_ignore_ascii_case("lock"))
    };
    let is_bad = name.is_empty()
        || name.len() > 200
        || name.starts_with('-')
        || name == "@"
        || name == "HEAD"
        || name.contains("..")
        || name.contains("@{")
        || name.contains(bad_char)
        || name.split('/').any(bad_part);
    if is_bad {
        let shown = crate::delivery::escape::visible_line(name).take(80).collect();
        return Err(GitError::BranchName(shown));
    }
    Ok(())
}
