//! The approval policy: how many people of which roles a proposal needs.
//!
//! Rules only ever add: every rule that matches counts, and the strictest of each demand wins. A
//! condition is a lower bound (`above`, `risk`, `irreversible`), so that a larger, riskier or less
//! reversible proposal matches at least the rules that a smaller one does: demands never fall.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Kind, Proposal, Risk, RoleKind};
use crate::{
    facts::{CanonicalError, canonical_json, sha256_hex},
    money::{Currency, Money, Pico},
};

/// Who decides what. Parsed from `policies/approvals.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalPolicy {
    /// Currency of `above` in all rules.
    pub currency: Currency,
    /// Lifetime of a proposal.
    pub expires_after_hours: u32,
    /// Most proposals that one requester may have open.
    pub open_per_requester: u32,
    /// All rules, in the order of the file.
    pub rules: Vec<Rule>,
    /// When nothing is approved or executed.
    pub freezes: Vec<Freeze>,
    /// How one person carries a change out in an emergency; absent forbids it.
    pub break_glass: Option<BreakGlass>,
    digest: String,
}

/// One rule: when it matches, and what it demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// How people refer to it.
    pub name: String,
    /// Why it exists.
    pub reason: String,
    /// Kinds it is about; empty means all.
    #[serde(default)]
    pub kinds: Vec<Kind>,
    /// Matches amounts at stake above this one, and unknown amounts; absent matches all.
    #[serde(default)]
    pub above: Option<Pico>,
    /// Matches this risk and higher; absent matches all.
    #[serde(default)]
    pub risk: Option<Risk>,
    /// Matches only what cannot be undone.
    #[serde(default)]
    pub irreversible: bool,
    /// Distinct people who must approve; at least one.
    pub approvers: u32,
    /// Roles that may decide; empty leaves it to other rules.
    #[serde(default)]
    pub roles: Vec<RoleKind>,
    /// Roles of which each must be among the approvers.
    #[serde(default)]
    pub includes: Vec<RoleKind>,
    /// Time that must pass between approval and execution.
    #[serde(default)]
    pub cool_down_hours: u32,
    /// Channels on which approving is allowed; empty allows all.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// Whoever approves proves themselves with a second factor too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub second_factor: bool,
    /// Nobody may propose this at all.
    #[serde(default)]
    pub deny: bool,
    /// Examples that the rule must match.
    #[serde(default)]
    pub matches: Vec<Case>,
    /// Examples that the rule must not match.
    #[serde(default)]
    pub does_not_match: Vec<Case>,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Kind of change.
    pub kind: Kind,
    /// Amount at stake in the policy's currency; absent is unknown.
    #[serde(default)]
    pub amount: Option<Pico>,
    /// Risk of the change.
    pub risk: Risk,
    /// Whether it can be undone.
    pub reversible: bool,
}

/// A time in which nothing is approved or executed; rejecting is always possible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// First instant of it.
    pub start: Timestamp,
    /// First instant after it.
    pub end: Timestamp,
    /// Kinds it holds for; empty means all.
    #[serde(default)]
    pub kinds: Vec<Kind>,
    /// Why.
    pub reason: String,
}

/// One person with the role `emergency` instead of a quorum and its cool-down; freezes still hold. Never
/// for purchases, deletions and whatever else cannot be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakGlass {
    /// How long it may be executed after that.
    pub expires_after_hours: u32,
    /// Until when somebody else has to have looked at it.
    pub review_within_hours: u32,
}

/// Where a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A terminal.
    Cli,
    /// The web page.
    Web,
    /// A Slack message.
    Slack,
    /// A merge.
    PullRequest,
}

/// What all matching rules demand together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// Distinct people who must approve.
    pub approvers: u32,
    /// The amount above which that many are needed; absent when not because of the amount.
    pub above: Option<Money>,
    /// Roles that may decide.
    pub roles: BTreeSet<RoleKind>,
    /// Roles of which each must be among the approvers.
    pub includes: BTreeSet<RoleKind>,
    /// Time between approval and execution.
    pub cool_down_hours: u32,
    /// Channels on which approving is allowed.
    pub channels: BTreeSet<Channel>,
    /// Whether whoever approves needs a second factor.
    pub second_factor: bool,
    /// The rule that forbids it.
    pub denied_by: Option<String>,
    /// Every rule that matched, by name.
    pub rules: Vec<String>,
}

/// Why a policy file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file is not valid TOML of the expected shape.
    #[error("approval policy: {0}")]
    Toml(String),
    /// A rule demands nobody.
    #[error("approval rule `{0}` needs at least one approver")]
    NoApprover(String),
    /// Two rules share a name.
    #[error("approval rule `{0}` is there twice")]
    Duplicate(String),
    /// Some proposal would match no rule that names roles.
    #[error("approval policy needs one rule without conditions that names `roles`")]
    NoGeneralRule,
    /// Two rules leave nobody, or no channel, to decide with.
    #[error("approval rules `{0}` and `{1}` share no {2}: what matches both can never be decided")]
    Disjoint(String, String, &'static str),
    /// An example says otherwise than the rule.
    #[error("approval rule `{rule}`: example {number} of `{list}` does not hold")]
    Example {
        /// The rule.
        rule: String,
        /// `matches` or `does_not_match`.
        list: &'static str,
        /// Position, from 1.
        number: usize,
    },
    /// A freeze ends before it starts.
    #[error("freeze `{0}` ends before it starts")]
    Freeze(String),
    /// An emergency of no time, or of a week.
    #[error("`break_glass` must last 1 to 24 hours and be reviewed within 1 to 720")]
    BreakGlass,
    /// The emergency role is for breaking the glass alone.
    #[error("approval rule `{0}` names the role `emergency`, which approves nothing")]
    Emergency(String),
    /// A lifetime of no time.
    #[error("`expires_after_hours` must be 1 to 8760")]
    Lifetime,
    /// The policy has no canonical form.
    #[error("approval policy: {0}")]
    Canonical(#[from] CanonicalError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    currency: Currency,
    expires_after_hours: u32,
    open_per_requester: u32,
    #[serde(default, rename = "rule")]
    rules: Vec<Rule>,
    #[serde(default, rename = "freeze")]
    freezes: Vec<Freeze>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    break_glass: Option<BreakGlass>,
}

impl ApprovalPolicy {
    /// Reads a policy and checks it, its own examples included.
    ///
    /// # Errors
    ///
    /// [`PolicyError`]; a policy that contradicts its examples is not taken.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let file: PolicyFile = toml::from_str(text).map_err(|error| {
            let place = error.span().map_or(String::new(), |span| {
                let line = text.get(..span.start).map_or(0, |before| before.matches('\n').count());
                format!("line {}: ", line.saturating_add(1))
            });
            PolicyError::Toml(format!("{place}{}", error.message().replace('\n', "; ")))
        })?;
        check(&file)?;
        // Comments, layout and examples' order of keys do not change what a vote was cast under.
        let digest = sha256_hex(canonical_json(&file)?.as_bytes());
        let PolicyFile {
            currency,
            expires_after_hours,
            open_per_requester,
            rules,
            freezes,
            break_glass,
        } = file;
        Ok(Self {
            currency,
            expires_after_hours,
            open_per_requester,
            rules,
            freezes,
            break_glass,
            digest,
        })
    }

    /// Digest of the meaning of the policy: votes are bound to it.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The same rules, bound to an access policy as well: a vote that was cast under another one no
    /// longer counts.
    #[must_use]
    pub fn under_access(self, access_digest: &str) -> Self {
        let digest = sha256_hex(format!("{}\n{access_digest}", self.digest).as_bytes());
        Self { digest, ..self }
    }

    /// What a proposal needs under this policy.
    pub fn requirement(&self, proposal: &Proposal) -> Requirement {
        let amount = proposal
            .amount_at_stake
            // Another currency cannot be compared: treated as unknown, that is as the largest.
            .filter(|money| money.currency == self.currency)
            .map(|money| money.amount);
        self.requirement_of(&Case {
            kind: proposal.kind(),
            amount,
            risk: proposal.risk,
            reversible: proposal.reversible,
        })
    }

    /// What any proposal of this description needs.
    pub fn requirement_of(&self, case: &Case) -> Requirement {
        let mut requirement = Requirement {
            approvers: 1,
            above: None,
            roles: BTreeSet::new(),
            includes: BTreeSet::new(),
            cool_down_hours: 0,
            channels: Channel::ALL.into(),
            second_factor: false,
            denied_by: None,
            rules: Vec::new(),
        };
        let mut roles: Option<BTreeSet<RoleKind>> = None;
        for rule in self.rules.iter().filter(|rule| rule.is_match(case)) {
            if rule.approvers > requirement.approvers {
                requirement.approvers = rule.approvers;
                requirement.above =
                    rule.above.map(|amount| Money { amount, currency: self.currency });
            }
            if !rule.roles.is_empty() {
                let named = rule.roles.iter().copied().collect();
                roles = Some(roles.map_or_else(|| BTreeSet::clone(&named), |had| &had & &named));
            }
            requirement.includes.extend(&rule.includes);
            requirement.cool_down_hours = requirement.cool_down_hours.max(rule.cool_down_hours);
            if !rule.channels.is_empty() {
                requirement.channels.retain(|channel| rule.channels.contains(channel));
            }
            requirement.second_factor |= rule.second_factor;
            if rule.deny && requirement.denied_by.is_none() {
                requirement.denied_by = Some(rule.name.clone());
            }
            requirement.rules.push(rule.name.clone());
        }
        // Who must be among the approvers may of course approve.
        requirement.roles = &roles.unwrap_or_default() | &requirement.includes;
        requirement
    }

    /// The freeze that holds for a kind at an instant.
    pub fn freeze(&self, kind: Kind, at: Timestamp) -> Option<&Freeze> {
        self.freezes.iter().find(|freeze| {
            freeze.start <= at
                && at < freeze.end
                && (freeze.kinds.is_empty() || freeze.kinds.contains(&kind))
        })
    }
}

impl Rule {
    fn is_match(&self, case: &Case) -> bool {
        let above = match (self.above, case.amount) {
            (None, _) | (Some(_), None) => true,
            (Some(above), Some(amount)) => amount > above,
        };
        above
            && (self.kinds.is_empty() || self.kinds.contains(&case.kind))
            && self.risk.is_none_or(|risk| case.risk >= risk)
            && (!self.irreversible || !case.reversible)
    }

    fn is_general(&self) -> bool {
        self.kinds.is_empty()
            && self.above.is_none()
            && self.risk.is_none()
            && !self.irreversible
            && !self.roles.is_empty()
    }
}

impl Channel {
    /// All channels.
    pub const ALL: [Self; 4] = [Self::Cli, Self::Web, Self::Slack, Self::PullRequest];

    /// As people say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cli => "the terminal",
            Self::Web => "the web page",
            Self::Slack => "Slack",
            Self::PullRequest => "a pull request",
        }
    }
}

fn check(file: &PolicyFile) -> Result<(), PolicyError> {
    if !(1..=8_760).contains(&file.expires_after_hours) {
        return Err(PolicyError::Lifetime);
    }
    if let Some(BreakGlass { expires_after_hours, review_within_hours }) = file.break_glass
        && !((1..=24).contains(&expires_after_hours) && (1..=720).contains(&review_within_hours))
    {
        return Err(PolicyError::BreakGlass);
    }
    if !file.rules.iter().any(Rule::is_general) {
        return Err(PolicyError::NoGeneralRule);
    }
    for (index, rule) in file.rules.iter().enumerate() {
        if rule.approvers == 0 {
            return Err(PolicyError::NoApprover(rule.name.clone()));
        }
        if rule.roles.iter().chain(&rule.includes).any(|role| *role == RoleKind::Emergency) {
            return Err(PolicyError::Emergency(rule.name.clone()));
        }
        for other in file.rules.iter().take(index) {
            if other.name == rule.name {
                return Err(PolicyError::Duplicate(rule.name.clone()));
            }
            let pair = |what| PolicyError::Disjoint(other.name.clone(), rule.name.clone(), what);
            if is_disjoint(&rule.roles, &other.roles) {
                return Err(pair("role"));
            }
            if is_disjoint(&rule.channels, &other.channels) {
                return Err(pair("channel"));
            }
        }
        let lists =
            [("matches", &rule.matches, true), ("does_not_match", &rule.does_not_match, false)];
        for (list, cases, expected) in lists {
            if let Some(position) = cases.iter().position(|case| rule.is_match(case) != expected) {
                let number = position.saturating_add(1);
                return Err(PolicyError::Example { rule: rule.name.clone(), list, number });
            }
        }
    }
    match file.freezes.iter().find(|freeze| freeze.end <= freeze.start) {
        Some(freeze) => Err(PolicyError::Freeze(freeze.reason.clone())),
        None => Ok(()),
    }
}

/// Whether two rules both restrict something, and to nothing in common.
fn is_disjoint<T: PartialEq>(left: &[T], right: &[T]) -> bool {
    !left.is_empty() && !right.is_empty() && !left.iter().any(|item| right.contains(item))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proposal::scenarios::POLICY;

    /// The policy that ships.
    const SHIPPED: &str = include_str!("../../../../policies/approvals.toml");

    fn case(amount: &str, risk: Risk, reversible: bool) -> Case {
        Case { kind: Kind::Budget, amount: Some(amount.parse().unwrap()), risk, reversible }
    }

    #[test]
    fn the_shipped_policy_is_valid_and_grows_with_the_amount() {
        let policy = ApprovalPolicy::parse(SHIPPED).unwrap();
        for (case, approvers, includes, cool_down_hours) in [
            (case("10000", Risk::Low, true), 1, vec![], 0),
            (case("10000.000000000001", Risk::Low, true), 2, vec![RoleKind::Finops], 0),
            (case("100001", Risk::Low, true), 3, vec![RoleKind::Finops, RoleKind::Finance], 24),
            (case("1", Risk::High, true), 2, vec![], 0),
            (case("1", Risk::Low, false), 2, vec![RoleKind::Finance], 24),
            (
                Case { amount: None, ..case("0", Risk::Low, true) },
                3,
                vec![RoleKind::Finops, RoleKind::Finance],
                24,
            ),
        ] {
            let found = policy.requirement_of(&case);
            let includes = includes.into_iter().collect();
            assert_eq!(
                (found.approvers, found.includes, found.cool_down_hours),
                (approvers, includes, cool_down_hours),
                "{case:?}"
            );
        }
    }

    #[test]
    fn digest_is_of_the_meaning() {
        let policy = ApprovalPolicy::parse(POLICY).unwrap();
        let commented = ApprovalPolicy::parse(&format!("# a comment\n{POLICY}\n")).unwrap();
        assert_eq!(policy.digest(), commented.digest());
        let stricter = POLICY.replacen("approvers = 1", "approvers = 2", 1);
        assert_ne!(ApprovalPolicy::parse(&stricter).unwrap().digest(), policy.digest());
        let (one, two) = (policy.clone().under_access("a"), policy.clone().under_access("b"));
        assert!(one.digest() != policy.digest() && one.digest() != two.digest());
        assert_eq!(policy.clone().under_access("a").digest(), one.digest());
    }

    #[test]
    fn bad_policies_are_not_taken() {
        let replaced = |from: &str, to: &str| ApprovalPolicy::parse(&POLICY.replacen(from, to, 1));
        assert!(matches!(replaced("currency", "curency"), Err(PolicyError::Toml(_))));
        assert!(matches!(
            replaced("approvers = 1", "approvers = 0"),
            Err(PolicyError::NoApprover(_))
        ));
        assert!(matches!(replaced("above = \"500\"", "above = 500.0"), Err(PolicyError::Toml(_))));
        assert!(matches!(
            replaced("expires_after_hours = 72", "expires_after_hours = 0"),
            Err(PolicyError::Lifetime)
        ));
        assert!(matches!(
            replaced("name = \"above $500\"", "name = \"all\""),
            Err(PolicyError::Duplicate(_))
        ));
        assert!(matches!(
            replaced("amount = \"501\"", "amount = \"500\""),
            Err(PolicyError::Example { list: "matches", number: 1, .. })
        ));
        assert!(matches!(
            replaced("roles = [\"owner\", \"finops\"]", ""),
            Err(PolicyError::NoGeneralRule)
        ));
        let disjoint = POLICY.replacen("approvers = 2", "approvers = 2\nroles = [\"admin\"]", 1);
        assert!(matches!(ApprovalPolicy::parse(&disjoint), Err(PolicyError::Disjoint(..))));
        let error = ApprovalPolicy::parse("currency = \"USD\"\nfoo = 1").unwrap_err().to_string();
        assert!(error.starts_with("approval policy: line 2: "), "{error}");
        assert!(!error.contains('\n'));
    }

    fn risk() -> impl Strategy<Value = Risk> {
        prop_oneof![Just(Risk::Low), Just(Risk::Medium), Just(Risk::High)]
    }

    fn rule() -> impl Strategy<Value = Rule> {
        let role = || prop_oneof![Just(RoleKind::Owner), Just(RoleKind::Finops)];
        (
            proptest::option::of(0_i128..1_000),
            proptest::option::of(risk()),
            any::<bool>(),
            1_u32..5,
            proptest::collection::vec(role(), 0..2),
            0_u32..48,
            any::<bool>(),
        )
            .prop_map(
                |(
                    above,
                    risk,
                    irreversible,
                    approvers,
                    includes,
                    cool_down_hours,
                    includes_second_factor,
                )| Rule {
                    name: String::new(),
                    reason: String::new(),
                    kinds: vec![],
                    above: above.map(Pico),
                    risk,
                    irreversible,
                    approvers,
                    roles: vec![],
                    includes,
                    cool_down_hours,
                    channels: vec![],
                    second_factor: includes_second_factor,
                    deny: false,
                    matches: vec![],
                    does_not_match: vec![],
                },
            )
    }

    proptest! {
        /// P9: whatever the rules, more at stake never needs fewer people, roles or hours.
        #[test]
        fn demands_never_fall(
            rules in proptest::collection::vec(rule(), 0..8),
            (small, more) in (0_i128..1_000, 0_i128..1_000),
            (low, other) in (risk(), risk()),
            reversible in any::<bool>(),
            unknown in any::<bool>(),
        ) {
            let policy = ApprovalPolicy { rules, ..ApprovalPolicy::parse(POLICY).unwrap() };
            let less = Case {
                kind: Kind::Routing,
                amount: Some(Pico(small)),
                risk: low.min(other),
                reversible: true,
            };
            let larger = Case {
                amount: (!unknown).then_some(Pico(small + more)),
                risk: low.max(other),
                reversible,
                ..less
            };
            let (less, larger) = (policy.requirement_of(&less), policy.requirement_of(&larger));
            prop_assert!(less.approvers <= larger.approvers);
            prop_assert!(less.includes.is_subset(&larger.includes));
            prop_assert!(less.cool_down_hours <= larger.cool_down_hours);
            prop_assert!(less.second_factor <= larger.second_factor);
        }
    }
}
