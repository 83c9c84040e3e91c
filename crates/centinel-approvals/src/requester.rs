//! Who proposes and withdraws.

use std::collections::BTreeSet;

use centinel_engine::proposal::{Principal, Scope};

/// Agents without a token. No service token has such a name.
pub(crate) const WITHOUT_TOKEN: [&str; 2] = [LOCAL, TERMINAL];
const LOCAL: &str = "local";
const TERMINAL: &str = "terminal";

/// A principal that was authenticated, or that needs no authentication because it cannot decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requester {
    principal: Principal,
    scopes: BTreeSet<Scope>,
}

impl Requester {
    /// Centinel's own analysis.
    pub fn system() -> Self {
        Self { principal: Principal::System, scopes: BTreeSet::new() }
    }

    /// A program on this machine without a token: MCP over standard input and output.
    pub fn local_agent() -> Self {
        Self::without_token(LOCAL)
    }

    /// Whoever types a command without a credential. That is no proof of a person, so it can propose as an
    /// agent does; and it is not the program of [`Self::local_agent`], which takes back nothing of theirs.
    pub fn terminal() -> Self {
        Self::without_token(TERMINAL)
    }

    fn without_token(name: &str) -> Self {
        let principal = Principal::Agent { token: name.to_owned(), acts_for: None };
        Self { principal, scopes: [Scope::Read, Scope::Propose].into() }
    }

    /// A program that a person let in at their identity provider. It proposes for the person, who then
    /// counts as the requester too and cannot approve; it is never the person.
    ///
    /// All programs of one person are one agent, `agent:oauth:ana`: what one was told, the others may
    /// know. No service token has a `:` in its name.
    pub fn on_behalf_of(person: &str, scopes: BTreeSet<Scope>) -> Self {
        let token = format!("oauth:{person}");
        Self { principal: Principal::Agent { token, acts_for: Some(person.to_owned()) }, scopes }
    }

    pub(crate) fn person(principal: Principal) -> Self {
        Self { principal, scopes: BTreeSet::new() }
    }

    pub(crate) fn agent(principal: Principal, scopes: BTreeSet<Scope>) -> Self {
        Self { principal, scopes }
    }

    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Whether an agent's token is for this; false for people, who need no token.
    pub fn has_scope(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// What an agent's token is for; empty for people.
    pub(crate) fn scopes(&self) -> &BTreeSet<Scope> {
        &self.scopes
    }
}
