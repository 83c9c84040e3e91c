//! What a proposal becomes in one repository: a branch, the files' new texts, a commit message.

use std::collections::BTreeMap;

use centinel_engine::proposal::{Change, Edit, Proposal, ProposalId};

use super::{GitError, Reviewer, codeowners::Ownership, escape};

/// Edits one file: its path, its bytes, the edits of it. Gives its whole new text, or why not; must
/// refuse where an old value is not there.
pub type EditFile<'a> = dyn Fn(&str, &[u8], &[&Edit]) -> Result<String, String> + Send + Sync + 'a;

/// A proposal in one repository, ready to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Which proposal.
    pub proposal: ProposalId,
    /// Which version of it.
    pub version: u32,
    /// Digest of that version.
    pub digest: String,
    /// The repository by its name in the configuration.
    pub repository: String,
    /// The branch that the change goes to.
    pub base: String,
    /// Our branch; the same over all versions.
    pub branch: String,
    /// Title of the pull request.
    pub title: String,
    /// Its body, Markdown.
    pub body: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// Paths and their whole new text.
    pub files: Vec<(String, String)>,
    /// The message of the one commit, with its trailers.
    pub message: String,
    /// Who is asked to review it, by `CODEOWNERS`.
    pub reviewers: Vec<Reviewer>,
    /// Whether `CODEOWNERS` agrees with the proposal's owner.
    pub ownership: Ownership,
}

/// Why a proposal cannot be delivered to a repository as it is there now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing in it is of this repository.
    #[error("proposal `{proposal}` has no edit in repository `{repository}`")]
    NoEdits {
        /// Which proposal.
        proposal: ProposalId,
        /// The repository by its name.
        repository: String,
    },
    /// A file is not there.
    #[error("`{0}` is not in the repository")]
    NoFile(String),
    /// An edit cannot be made; the old value is not there any more, as a rule.
    #[error("`{file}`: {why}")]
    Edit {
        /// The file.
        file: String,
        /// Why.
        why: String,
    },
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// What editing gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edited {
    /// The new texts.
    Files(Vec<(String, String)>),
    /// Every value is there already.
    Already,
}

/// The edits of a proposal in one repository, by file.
///
/// # Errors
///
/// [`PlanError::NoEdits`] when there are none.
pub fn edits_by_file<'a>(
    proposal: &'a Proposal,
    repository: &str,
) -> Result<BTreeMap<&'a str, Vec<&'a Edit>>, PlanError> {
    let mut files: BTreeMap<&str, Vec<&Edit>> = BTreeMap::new();
    for edit in proposal.edits.iter().filter(|edit| edit.repository == repository) {
        files.entry(&edit.file).or_default().push(edit);
    }
    if files.is_empty() {
        let repository = repository.to_owned();
        return Err(PlanError::NoEdits { proposal: proposal.id, repository });
    }
    Ok(files)
}

/// Edits all files of a plan, or none.
///
/// A value that is there already makes no edit; when every value is, somebody else has carried the
/// proposal out. That is asked by editing backwards: where that succeeds, the new values are there.
///
/// # Errors
///
/// [`PlanError`]: the first file that cannot be edited.
pub fn edit_files(
    edits: &BTreeMap<&str, Vec<&Edit>>,
    contents: &BTreeMap<String, Vec<u8>>,
    edit: &EditFile<'_>,
) -> Result<Edited, PlanError> {
    let mut files = Vec::new();
    for (file, edits) in edits {
        let bytes = contents.get(*file).ok_or_else(|| PlanError::NoFile((*file).to_owned()))?;
        match edit(file, bytes, edits) {
            Ok(text) if text.as_bytes() == bytes.as_slice() => {}
            Ok(text) => files.push(((*file).to_owned(), text)),
            Err(why) => {
                let back: Vec<Edit> = edits
                    .iter()
                    .map(|edit| Edit {
                        from: edit.to.clone(),
                        to: edit.from.clone(),
                        ..(*edit).clone()
                    })
                    .collect();
                let back: Vec<&Edit> = back.iter().collect();
                if edit(file, bytes, &back).is_err() {
                    let why = escape::visible_line(&why).take(300).collect();
                    return Err(PlanError::Edit { file: (*file).to_owned(), why });
                }
            }
        }
    }
    Ok(if files.is_empty() { Edited::Already } else { Edited::Files(files) })
}

/// The branch of a proposal: `centinel/rightsize/search-api-p-7`. For people; the number makes it
/// one of a kind.
pub fn branch_name(proposal: &Proposal) -> String {
    let target = match &proposal.change {
        Change::Budget { scope, .. } => scope.values().cloned().collect::<Vec<_>>().join(" "),
        Change::VirtualTag { name, value, .. } => format!("{name} {value}"),
        Change::Routing { feature, .. } | Change::Caching { feature, .. } => feature.clone(),
        Change::Commitment { provider, offer, .. } => format!("{provider} {offer}"),
        Change::Rightsize { workload, container, .. } if workload == container => workload.clone(),
        Change::Rightsize { workload, container, .. } => format!("{workload} {container}"),
        Change::Schedule { resource, .. } => resource.clone(),
        Change::Cleanup { resource_ids } => resource_ids.first().cloned().unwrap_or_default(),
    };
    let kind = escape::slug(proposal.kind().as_str());
    let id = proposal.id.to_string().to_ascii_lowercase();
    match escape::slug(&target) {
        target if target.is_empty() => format!("centinel/{kind}/{id}"),
        target => format!("centinel/{kind}/{target}-{id}"),
    }
}

/// The message of the commit: subject, what it belongs to, trailers that are read back.
pub fn commit_message(proposal: &Proposal, digest: &str) -> String {
    let subject = format!("finops: {}", proposal.title);
    let which = format!("{} v{}", proposal.id, proposal.version);
    let about = format!("Proposed by Centinel for {}; decided by people.", proposal.owner);
    escape::message(
        &subject,
        &[&about],
        &[("Centinel-Proposal", which.as_str()), ("Centinel-Digest", digest)],
    )
}

/// Labels of a pull request: what it is, how likely it hurts, how much it saves.
pub fn labels(proposal: &Proposal) -> Vec<String> {
    let risk = super::body::risk(proposal.risk);
    let band = proposal.saving.map(|saving| {
        // Bands of whole units of the currency, a power of ten each.
        let whole = saving.mid.amount.0 / 1_000_000_000_000;
        match whole {
            ..100 => "saving:<100",
            100..1_000 => "saving:100+",
            1_000..10_000 => "saving:1k+",
            _ => "saving:10k+",
        }
        .to_owned()
    });
    let mut labels = vec!["finops".to_owned(), format!("risk:{risk}")];
    labels.extend(band);
    labels
}
