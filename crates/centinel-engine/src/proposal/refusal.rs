//! Why something was refused, in words for the person who asked.

use jiff::Timestamp;
use serde::Serialize;

use super::{Channel, Deed, Principal, ProposalId, Requirement, RoleKind, Status};
use crate::money::Money;

/// Why a command changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "refusal", content = "details", rename_all = "snake_case")]
pub enum Refusal {
    /// The requester, or an account of the same human, tried to decide.
    #[error("proposal `{id}` needs {}, and its requester cannot be one", approvers(requirement))]
    Requester {
        /// Which proposal.
        id: ProposalId,
        /// What it needs.
        requirement: Box<Requirement>,
    },
    /// None of the person's roles counts here.
    #[error(
        "proposal `{id}` needs the role {}, which `{name}` does not hold",
        role_list(roles, owner)
    )]
    NoRole {
        /// Which proposal.
        id: ProposalId,
        /// Who tried.
        name: String,
        /// Roles that count.
        roles: Vec<RoleKind>,
        /// The team that owns it.
        owner: String,
    },
    /// The access policy does not let this principal do it at all.
    #[error("the access policy does not let `{principal}` {} proposal `{id}`", deed.name())]
    NotEligible {
        /// Which proposal.
        id: ProposalId,
        /// Who tried.
        principal: Principal,
        /// What.
        deed: Deed,
    },
    /// Only people decide.
    #[error("`{principal}` cannot decide proposal `{id}`: only people approve")]
    NotAPerson {
        /// Which proposal.
        id: ProposalId,
        /// Who tried.
        principal: Principal,
    },
    /// No such account, or not active any more.
    #[error("`{0}` is not an active account")]
    NotActive(String),
    /// This human has approved already.
    #[error("`{name}` has already approved proposal `{id}`; each person counts once")]
    AlreadyApproved {
        /// Which proposal.
        id: ProposalId,
        /// Who tried.
        name: String,
    },
    /// There is no such proposal.
    #[error("there is no proposal `{id}`")]
    NotFound {
        /// As asked for.
        id: ProposalId,
    },
    /// The person looked at another version.
    #[error(
        "proposal `{id}` is now at version {current}; version {given} can no longer be decided"
    )]
    OtherVersion {
        /// Which proposal.
        id: ProposalId,
        /// The version given.
        given: u32,
        /// The current one.
        current: u32,
    },
    /// The person looked at another content.
    #[error("digest `{given}` is not that of proposal `{id}` version {version}")]
    OtherDigest {
        /// Which proposal.
        id: ProposalId,
        /// Its current version.
        version: u32,
        /// The digest given, shortened.
        given: String,
    },
    /// It is decided, executed, withdrawn or otherwise past this command.
    #[error("proposal `{id}` is {status}")]
    Status {
        /// Which proposal.
        id: ProposalId,
        /// Where it is.
        status: Status,
    },
    /// Its time is over.
    #[error("proposal `{id}` expired at {expired_at}")]
    Expired {
        /// Which proposal.
        id: ProposalId,
        /// When.
        expired_at: Timestamp,
    },
    /// The facts behind it have changed.
    #[error("the facts behind proposal `{id}` have changed: {what}")]
    FactsChanged {
        /// Which proposal.
        id: ProposalId,
        /// What is different.
        what: String,
    },
    /// Nothing is executed on facts that nobody looked at again.
    #[error("the facts behind proposal `{0}` were not computed again")]
    FactsUnchecked(ProposalId),
    /// A freeze holds.
    #[error("nothing like proposal `{id}` is approved or executed until {until}: {reason}")]
    Frozen {
        /// Which proposal.
        id: ProposalId,
        /// End of the freeze.
        until: Timestamp,
        /// Why there is one.
        reason: String,
    },
    /// The policy does not allow approving here.
    #[error("proposal `{id}` cannot be approved through {}", channel.as_str())]
    Channel {
        /// Which proposal.
        id: ProposalId,
        /// Where the person tried.
        channel: Channel,
    },
    /// The approval is too fresh to be executed.
    #[error("proposal `{id}` can be executed from {from} on, not before")]
    CoolingDown {
        /// Which proposal.
        id: ProposalId,
        /// First instant.
        from: Timestamp,
    },
    /// The approvals no longer suffice.
    #[error("proposal `{id}` is no longer approved: it needs {}", approvers(requirement))]
    NoLongerApproved {
        /// Which proposal.
        id: ProposalId,
        /// What it needs.
        requirement: Box<Requirement>,
    },
    /// The policy forbids this outright.
    #[error("policy rule `{rule}` does not allow `{kind}` proposals like this one")]
    Denied {
        /// The rule.
        rule: String,
        /// The kind of change.
        kind: super::Kind,
    },
    /// Only whoever asked for it may withdraw or replace it.
    #[error("proposal `{id}` was requested by `{requester}`, who alone can withdraw or replace it")]
    NotTheRequester {
        /// Which proposal.
        id: ProposalId,
        /// Who asked for it.
        requester: Principal,
    },
    /// The requester has too much open.
    #[error("`{requester}` already has {open} open proposals")]
    TooManyOpen {
        /// Who asks.
        requester: Principal,
        /// How many.
        open: u32,
    },
    /// This can be taken back by nobody, or the policy knows no emergency.
    #[error("the glass of proposal `{id}` cannot be broken: {why}")]
    NoEmergency {
        /// Which proposal.
        id: ProposalId,
        /// Why.
        why: &'static str,
    },
    /// An emergency says why, and which ticket it is about.
    #[error("breaking the glass of `{0}` needs a reason and a ticket that can all be seen")]
    Emergency(ProposalId),
    /// Whoever broke the glass does not review it.
    #[error("`{name}` broke the glass of proposal `{id}`; somebody else reviews it")]
    OwnEmergency {
        /// Which proposal.
        id: ProposalId,
        /// Who tried.
        name: String,
    },
    /// There is nothing to review.
    #[error("proposal `{0}` has no emergency to review")]
    NothingToReview(ProposalId),
    /// What was done outside is not what was approved.
    #[error("proposal `{id}` cannot be confirmed as carried out: {why}")]
    NotConfirmable {
        /// Which proposal.
        id: ProposalId,
        /// Why.
        why: &'static str,
    },
    /// Whoever carried it out says under which number it is known outside.
    #[error(
        "confirming proposal `{0}` needs a reference of 1 to 200 characters that can all be seen"
    )]
    Reference(ProposalId),
    /// A measurement that is no later one.
    #[error("proposal `{id}` was measured after {after} days already")]
    MeasuredAlready {
        /// Which proposal.
        id: ProposalId,
        /// Days of the last measurement.
        after: u32,
    },
    /// A rejection says why.
    #[error("rejecting proposal `{0}` needs a reason of 1 to 1000 characters that can all be seen")]
    Reason(ProposalId),
    /// The command's time lies before what already happened.
    #[error("the clock says {now}, but proposal `{id}` already changed at {last}")]
    ClockBehind {
        /// Which proposal.
        id: ProposalId,
        /// Time of the command.
        now: Timestamp,
        /// Time of the last event.
        last: Timestamp,
    },
    /// The proposal does not follow its predecessor, or was not made under the policy in force.
    #[error("proposal `{id}` version {version} does not follow: {why}")]
    NotNext {
        /// Which proposal.
        id: ProposalId,
        /// The version given.
        version: u32,
        /// Why.
        why: &'static str,
    },
    /// Only Centinel itself does this.
    #[error("`{0}` cannot do this: only Centinel executes and expires proposals")]
    NotTheSystem(Principal),
}

impl Refusal {
    /// What the person can do now; `None` when nothing.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Requester { id, .. } => {
                format!("`centinel show {id}` lists who can decide; you can withdraw it")
            }
            Self::NotEligible { .. } => "see `policies/access/`".to_owned(),
            Self::NoRole { id, .. } => format!("`centinel show {id}` lists who can decide"),
            Self::NotAPerson { id, .. } => {
                format!("a person decides with `centinel approve {id}` or `centinel reject {id}`")
            }
            Self::OtherVersion { id, .. } | Self::OtherDigest { id, .. } => {
                format!("look at it again: `centinel show {id}`")
            }
            Self::Expired { id, .. } | Self::FactsChanged { id, .. } => {
                format!("propose it again on today's figures; `centinel show {id}` has the change")
            }
            Self::FactsUnchecked(id) => {
                format!("compute the evidence of `{id}` again and hand in the result")
            }
            Self::Frozen { id, .. } => format!("it can still be rejected: `centinel reject {id}`"),
            Self::Channel { id, .. } => format!("use `centinel approve {id}` or the web page"),
            Self::NoLongerApproved { id, .. } => {
                format!("people or rules changed since; approve it again: `centinel approve {id}`")
            }
            Self::Denied { .. } => "see `policies/approvals.toml`".to_owned(),
            Self::TooManyOpen { .. } => "withdraw some, or wait until they expire".to_owned(),
            Self::NotFound { .. } => "`centinel inbox` lists what is open".to_owned(),
            Self::AlreadyApproved { id, .. } => {
                format!("`centinel show {id}` lists whose approval is missing")
            }
            Self::NotTheRequester { id, .. } => {
                format!("whoever may approve it can reject it: `centinel reject {id}`")
            }
            Self::ClockBehind { .. } => "set this machine's clock".to_owned(),
            Self::NoEmergency { id, .. } => {
                format!("get it approved: `centinel show {id}` lists who can decide")
            }
            Self::OwnEmergency { id, .. } => format!("`centinel show {id}` lists who can decide"),
            Self::NotConfirmable { id, .. } => {
                format!("`centinel show {id}` says what was approved, and when")
            }
            Self::NotActive(_)
            | Self::Reference(_)
            | Self::Emergency(_)
            | Self::NothingToReview(_)
            | Self::MeasuredAlready { .. }
            | Self::Status { .. }
            | Self::CoolingDown { .. }
            | Self::Reason(_)
            | Self::NotNext { .. }
            | Self::NotTheSystem(_) => return None,
        })
    }
}

/// `two approvers above $10,000`, `one approver`.
fn approvers(requirement: &Requirement) -> String {
    const WORDS: [&str; 6] = ["no", "one", "two", "three", "four", "five"];
    let count = usize::try_from(requirement.approvers)
        .ok()
        .and_then(|count| WORDS.get(count))
        .map_or_else(|| requirement.approvers.to_string(), |&word| word.to_owned());
    let noun = if requirement.approvers == 1 { "approver" } else { "approvers" };
    match requirement.above {
        Some(above) => format!("{count} {noun} above {}", whole(above)),
        None => format!("{count} {noun}"),
    }
}

/// `$10,000` rather than `$10,000.00`.
fn whole(money: Money) -> String {
    money.to_string().replacen(".00", "", 1)
}

/// ``owner of `search`, finops or admin``.
fn role_list(roles: &[RoleKind], owner: &str) -> String {
    let names: Vec<String> = roles.iter().map(|role| role.describe(owner)).collect();
    match names.split_last() {
        None => "that no rule names".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}
