//! Who proposes and withdraws.

use centinel_engine::proposal::Principal;

/// A principal that was authenticated, or that needs no authentication because it cannot decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requester(Principal);

impl Requester {
    /// Centinel's own analysis.
    pub fn system() -> Self {
        Self(Principal::System)
    }

    /// An agent on this machine without a token: MCP over standard input and output.
    pub fn local_agent() -> Self {
        Self(Principal::Agent { token: "local".to_owned(), acts_for: None })
    }

    pub(crate) fn authenticated(principal: Principal) -> Self {
        Self(principal)
    }

    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.0
    }
}
