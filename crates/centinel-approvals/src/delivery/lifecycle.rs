//! What becomes of a pull request: a decision over what we know, what the forge says and what the
//! proposal wants. Nothing here does anything.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::proposal::{ExpectedSaving, ProposalId, by_expected_saving};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{PullRequest, PullState};

/// Shortest time between two updates that change nothing that was proposed.
pub const UPDATE_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Something that was done. The caller keeps these, in their order, and folds them into [`Known`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// A commit was written, and is about to be pushed.
    Committed {
        /// Its id.
        commit: String,
    },
    /// Our branch stands at a commit of ours.
    Pushed {
        /// Its id.
        commit: String,
    },
    /// The pull request is there.
    Opened {
        /// Its number.
        number: u64,
        /// Where people read it.
        url: String,
    },
    /// Its title and body are those of this version.
    Described,
    /// Its labels are set.
    Labelled,
    /// Its reviewers were asked, as far as they can be.
    ReviewersAsked,
    /// A comment was written, once.
    Said {
        /// What about.
        note: Note,
    },
    /// We closed it.
    Closed,
    /// We opened it again.
    Reopened,
    /// Our branch is gone.
    BranchDeleted,
}

/// What we know from steps before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Every commit that we made for this proposal in this repository.
    pub commits: Vec<String>,
    /// The pull request.
    pub pull: Option<u64>,
    /// When branch or text were written last.
    pub updated_at: Option<Timestamp>,
    /// Whether its labels were set.
    pub is_labelled: bool,
    /// Whether its reviewers were asked.
    pub are_reviewers_asked: bool,
    /// Whether we closed it ourselves.
    pub is_closed_by_us: bool,
    /// What was said on it.
    pub said: BTreeSet<Note>,
}

impl Known {
    /// Takes a step into account.
    pub fn apply(&mut self, step: &Step, at: Timestamp) {
        match step {
            Step::Committed { commit } | Step::Pushed { commit } => {
                if !self.commits.contains(commit) {
                    self.commits.push(commit.clone());
                }
                if matches!(step, Step::Pushed { .. }) {
                    self.updated_at = Some(at);
                }
            }
            Step::Opened { number, .. } => self.pull = Some(*number),
            Step::Described => self.updated_at = Some(at),
            Step::Labelled => self.is_labelled = true,
            Step::ReviewersAsked => self.are_reviewers_asked = true,
            Step::Closed => self.is_closed_by_us = true,
            Step::Reopened => self.is_closed_by_us = false,
            Step::Said { note } => {
                self.said.insert(*note);
            }
            Step::BranchDeleted => {}
        }
    }
}

/// What the proposal wants of its pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// It shall be there, as of this version.
    Open,
    /// It shall not, or no longer.
    Close(Ending),
}

/// Why a pull request is closed by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// What it is based on changed; a new version may open it again.
    Obsolete,
    /// Its time ran out.
    Expired,
    /// Its requester took it back.
    Withdrawn,
    /// A person rejected it.
    Rejected,
    /// Another proposal takes its place.
    Superseded,
    /// The values are there already.
    AppliedElsewhere,
}

impl Ending {
    /// The sentence of the comment.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Obsolete => {
                "What this proposal is based on has changed, so its figures no longer hold."
            }
            Self::Expired => "This proposal expired before it was carried out.",
            Self::Withdrawn => "Its requester took this proposal back.",
            Self::Rejected => "A person rejected this proposal.",
            Self::Superseded => "Another proposal takes the place of this one.",
            Self::AppliedElsewhere => "The proposed values are on the base branch already.",
        }
    }

    /// Whether the branch goes, too; a proposal that may come back keeps it, for a forge opens no
    /// pull request again whose branch was moved.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Obsolete)
    }
}

/// A comment that is written once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// Somebody else's commit is on the branch.
    StandBack,
    /// The branch was deleted.
    BranchGone,
    /// The proposal ended, but the branch is no longer ours.
    EndedBesides,
    /// Why we close it.
    Closing(Ending),
    /// What it saves, measured this many days after it was carried out.
    Realised {
        /// Days.
        days: u32,
    },
}

/// What forge and git say now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen<'a> {
    /// The pull request of our branch.
    pub pull: Option<&'a PullRequest>,
    /// Where the branch stands on the server.
    pub head: Head,
    /// How title and body compare with those that we would write.
    pub text: Text,
}

/// How the text of a pull request compares with the one that we would write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// The same.
    Current,
    /// Of this version, in other words.
    Reworded,
    /// Of another version.
    Outdated,
}

/// Where our branch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// It is not there.
    Absent,
    /// At a commit of ours.
    Ours {
        /// Whether that is the commit of this version.
        is_this_version: bool,
        /// Whether an edited file changed on the base branch since.
        is_base_moved: bool,
    },
    /// At somebody else's commit.
    Theirs,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Push the branch where it is not, and open the pull request.
    Open,
    /// Bring our own branch or text up to date.
    Update {
        /// Whether the branch, too.
        pushes: bool,
    },
    /// Open our own closed one again, then update it.
    Reopen,
    /// Set labels, ask reviewers: what an earlier run did not come to.
    Finish,
    /// Say why, and close.
    Close(Ending),
    /// Delete a branch of ours that has no pull request.
    DeleteBranch,
    /// Touch nothing; say so once where there is a pull request.
    StandBack(Note),
    /// A person closed it: the caller decides what that means.
    ClosedBy(Option<String>),
    /// A person merged it: the caller decides what that means.
    MergedBy {
        /// Their login.
        by: Option<String>,
        /// The commit on the base branch.
        commit: Option<String>,
    },
    /// As many are open as may be.
    Wait,
    /// An update without news; not before this time.
    Later(Timestamp),
    /// Everything is as it should be.
    Nothing,
}

/// What is to be done. `has_room` says whether another pull request may be opened ([`admitted`]).
pub fn decide(
    wish: Wish,
    known: &Known,
    seen: &Seen<'_>,
    has_room: bool,
    now: Timestamp,
    update_after: SignedDuration,
) -> Action {
    let Some(pull) = seen.pull else {
        return match (wish, seen.head) {
            (Wish::Close(_), Head::Absent) => Action::Nothing,
            // Pushed, and ended before it was opened.
            (Wish::Close(_), Head::Ours { .. }) => Action::DeleteBranch,
            (_, Head::Theirs) => Action::StandBack(Note::StandBack),
            (Wish::Open, _) if !has_room => Action::Wait,
            (Wish::Open, _) => Action::Open,
        };
    };
    match &pull.state {
        PullState::Merged { by, commit } => {
            Action::MergedBy { by: by.clone(), commit: commit.clone() }
        }
        PullState::Closed { by } => match wish {
            Wish::Close(ending) => match seen.head {
                Head::Ours { .. } if ending.is_final() => Action::DeleteBranch,
                _ => Action::Nothing,
            },
            Wish::Open if !known.is_closed_by_us => Action::ClosedBy(by.clone()),
            Wish::Open => match seen.head {
                Head::Theirs => Action::StandBack(Note::StandBack),
                Head::Absent => Action::StandBack(Note::BranchGone),
                Head::Ours { .. } if has_room => Action::Reopen,
                Head::Ours { .. } => Action::Wait,
            },
        },
        PullState::Open => match (wish, seen.head) {
            (Wish::Close(_), Head::Theirs) => Action::StandBack(Note::EndedBesides),
            (Wish::Close(ending), _) => Action::Close(ending),
            (Wish::Open, Head::Theirs) => Action::StandBack(Note::StandBack),
            (Wish::Open, Head::Absent) => Action::StandBack(Note::BranchGone),
            (Wish::Open, Head::Ours { is_this_version: false, .. }) => {
                Action::Update { pushes: true }
            }
            (Wish::Open, Head::Ours { is_base_moved, .. }) => {
                if seen.text == Text::Outdated {
                    return Action::Update { pushes: is_base_moved };
                }
                if is_base_moved || seen.text != Text::Current {
                    let earliest =
                        known.updated_at.and_then(|at| at.checked_add(update_after).ok());
                    return match earliest.filter(|earliest| now < *earliest) {
                        Some(earliest) => Action::Later(earliest),
                        None => Action::Update { pushes: is_base_moved },
                    };
                }
                if known.is_labelled && known.are_reviewers_asked {
                    Action::Nothing
                } else {
                    Action::Finish
                }
            }
        },
    }
}

/// How many pull requests may be open at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenMax {
    /// In one repository.
    pub per_repository: usize,
    /// Of one owner, over all repositories.
    pub per_owner: usize,
}

impl Default for OpenMax {
    fn default() -> Self {
        Self { per_repository: 5, per_owner: 3 }
    }
}

/// A pull request that is open, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whose.
    pub proposal: ProposalId,
    /// Where.
    pub repository: String,
    /// The team whose spend it is.
    pub owner: String,
    /// What it is expected to save a month.
    pub expected: Option<ExpectedSaving>,
}

/// Which of those that wait may be opened beside those that are open: the largest expected saving first,
/// then the older proposal; one without an estimate comes last. The order is that of the inbox.
pub fn admitted(open: &[Place], waiting: &[Place], max: OpenMax) -> Vec<(ProposalId, String)> {
    let mut repositories: BTreeMap<&str, usize> = BTreeMap::new();
    let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
    for place in open {
        *repositories.entry(&place.repository).or_default() += 1;
        *owners.entry(&place.owner).or_default() += 1;
    }
    let mut waiting: Vec<&Place> = waiting.iter().collect();
    waiting.sort_by(|one, other| {
        let order =
            by_expected_saving((one.proposal, one.expected), (other.proposal, other.expected));
        order.then_with(|| one.repository.cmp(&other.repository))
    });
    let mut admitted = Vec::new();
    for place in waiting {
        let in_repository = repositories.entry(&place.repository).or_default();
        let of_owner = owners.entry(&place.owner).or_default();
        if *in_repository < max.per_repository && *of_owner < max.per_owner {
            *in_repository += 1;
            *of_owner += 1;
            admitted.push((place.proposal, place.repository.clone()));
        }
    }
    admitted
}
