//! Who is eligible at all, before roles and quorum are looked at.
//!
//! The access policy is evaluated outside of the machine, at the moment of a command, and handed in as
//! plain data: so the machine stays a function of its arguments.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Principal;

/// What somebody does with a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Put it forward.
    Propose,
    /// Say yes.
    Approve,
    /// Say no.
    Reject,
    /// Take it back.
    Withdraw,
    /// Take it forward alone, in an emergency.
    BreakGlass,
    /// Carry it out.
    Execute,
    /// Say that it was carried out by hand.
    Confirm,
}

impl Deed {
    /// Every deed.
    pub const ALL: [Self; 7] = [
        Self::Propose,
        Self::Approve,
        Self::Reject,
        Self::Withdraw,
        Self::BreakGlass,
        Self::Execute,
        Self::Confirm,
    ];

    /// The name in policies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Propose => "propose",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Withdraw => "withdraw",
            Self::BreakGlass => "break_glass",
            Self::Execute => "execute",
            Self::Confirm => "confirm",
        }
    }
}

/// Who may do what with one proposal, as the access policy says now. The default lets nobody do
/// anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Eligibility {
    is_open: bool,
    may: BTreeSet<(Deed, Principal)>,
}

impl Eligibility {
    /// No access policy: roles and quorum alone decide.
    pub fn everyone() -> Self {
        Self { is_open: true, may: BTreeSet::new() }
    }

    /// Lets somebody do something. What only people do is never let to anybody else.
    pub fn allow(&mut self, deed: Deed, principal: Principal) {
        let is_decision =
            matches!(deed, Deed::Approve | Deed::Reject | Deed::BreakGlass | Deed::Confirm);
        let is_person = matches!(principal, Principal::Person { .. });
        let is_agent = matches!(principal, Principal::Agent { .. });
        if (is_person || !is_decision) && !(is_agent && deed == Deed::Execute) {
            self.may.insert((deed, principal));
        }
    }

    /// Whether somebody may.
    pub fn allows(&self, deed: Deed, principal: &Principal) -> bool {
        self.is_open || self.may.contains(&(deed, principal.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_may_by_default_and_no_agent_ever_decides() {
        let agent = Principal::Agent { token: "bot".to_owned(), acts_for: Some("ana".to_owned()) };
        let mut eligibility = Eligibility::default();
        for deed in Deed::ALL {
            assert!(!eligibility.allows(deed, &Principal::person("ana")), "{deed:?}");
            for principal in [Principal::person("ana"), agent.clone(), Principal::System] {
                eligibility.allow(deed, principal);
            }
        }
        for (deed, person, agents, system) in [
            (Deed::Propose, true, true, true),
            (Deed::Approve, true, false, false),
            (Deed::Reject, true, false, false),
            (Deed::Withdraw, true, true, true),
            (Deed::BreakGlass, true, false, false),
            (Deed::Execute, true, false, true),
            (Deed::Confirm, true, false, false),
        ] {
            let allows = |principal: Principal| eligibility.allows(deed, &principal);
            let found = (
                allows(Principal::person("ana")),
                allows(agent.clone()),
                allows(Principal::System),
            );
            assert_eq!(found, (person, agents, system), "{deed:?}");
            assert!(!allows(Principal::person("ben")), "{deed:?}");
        }
    }
}
