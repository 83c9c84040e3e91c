//! Why git did not do it.

use std::{path::Path, time::Duration};

/// Longest part of what git or a server said that is shown, in characters.
const SAID_MAX: usize = 300;

/// Why git did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// The binary is not there, or may not be run.
    #[error("`{program}` cannot be started: {reason}")]
    Start {
        /// The binary.
        program: String,
        /// Why.
        reason: String,
    },
    /// A call did not end.
    #[error("`git {command}` did not end within {} s", limit.as_secs())]
    Timeout {
        /// The command.
        command: &'static str,
        /// Its limit.
        limit: Duration,
    },
    /// An answer or a file that is too long to be read.
    #[error("`{what}` has more than {bytes} bytes")]
    TooLarge {
        /// The file, or the command.
        what: String,
        /// The limit.
        bytes: usize,
    },
    /// Any other failure.
    #[error("`git {command}`: {said}")]
    Failed {
        /// The command.
        command: &'static str,
        /// What git said.
        said: String,
    },
    /// The answer of a command is not what its documentation says.
    #[error("the answer of `git {0}` cannot be read")]
    Answer(&'static str),
    /// The address of a repository that is not asked.
    #[error(
        "`{0}` is no address of a repository: `https://host/path.git`, without user and password"
    )]
    Address(String),
    /// A credential would travel readable.
    #[error("`{0}` is not encrypted: the credential was not sent")]
    Unencrypted(String),
    /// The credential cannot stand in a header.
    #[error("the credential of `{0}` holds characters that no credential has")]
    Credential(String),
    /// The credential is unknown, or may not do this.
    #[error("`{0}` does not accept the credential for this repository")]
    Unauthorized(String),
    /// A name that git does not take for a branch.
    #[error("`{0}` is no name of a branch")]
    BranchName(String),
    /// The branch is not there.
    #[error("branch `{branch}` is not in the repository{}", default.as_ref().map(|name| format!("; its default branch is `{name}`")).unwrap_or_default())]
    NoBranch {
        /// The branch.
        branch: String,
        /// The branch that the repository names instead.
        default: Option<String>,
    },
    /// The server refused the push: a hook, a protected branch, a missing right.
    #[error("the server refused the push to `{branch}`: {said}")]
    Rejected {
        /// The branch.
        branch: String,
        /// What the server said.
        said: String,
    },
    /// Somebody else pushed since we looked; nothing was written.
    #[error("branch `{branch}` is no longer at the commit that we know: nothing was pushed")]
    Moved {
        /// The branch.
        branch: String,
    },
    /// The branch is somebody's working tree.
    #[error("branch `{branch}` is checked out in `{folder}`")]
    CheckedOut {
        /// The branch.
        branch: String,
        /// The working tree.
        folder: String,
    },
    /// A file that is none.
    #[error("`{file}` is {what}, and not a file that is edited")]
    NotAFile {
        /// Its path in the repository.
        file: String,
        /// What it is.
        what: &'static str,
    },
    /// The files are already as the commit would make them.
    #[error("the commit would change nothing")]
    Unchanged,
    /// A folder of ours cannot be used.
    #[error("`{path}`: {reason}")]
    Folder {
        /// The folder or file.
        path: String,
        /// Why.
        reason: String,
    },
}

impl GitError {
    pub(in super::super) fn folder(path: &Path, error: &std::io::Error) -> Self {
        Self::Folder { path: path.display().to_string(), reason: error.to_string().to_lowercase() }
    }

    /// Whether it is about what a commit holds, and not about git or the way to a server.
    pub(in crate::delivery) fn is_about_files(&self) -> bool {
        matches!(self, Self::NotAFile { .. } | Self::TooLarge { .. } | Self::Unchanged)
    }

    /// What the person can do now; `None` when the message says it all.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Start { .. } => Some("install git 2.31 or later, or state where it lies"),
            Self::Unauthorized(_) => Some("the token needs the right to write contents"),
            Self::Unencrypted(_) => {
                Some("use `https://`, or state `plain_http = true` for a network of your own")
            }
            Self::Rejected { .. } => {
                Some("a rule of the repository must let Centinel push to `centinel/…`")
            }
            Self::CheckedOut { .. } => Some("check out another branch there; nothing was touched"),
            Self::NoBranch { .. } => Some("correct `base` of the repository in the configuration"),
            _ => None,
        }
    }
}

/// What a program said, fit to be shown: visible, on one line, short.
pub(super) fn said(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        // Progress, and what git thinks of its user, is no reason.
        if line.starts_with("hint:") || line.starts_with("To ") {
            continue;
        }
        lines.push(crate::delivery::escape::visible_line(line).collect());
    }
    let joined = lines.join("; ");
    if joined.is_empty() {
        return "no reason given".to_owned();
    }
    joined.chars().take(SAID_MAX).collect()
}
