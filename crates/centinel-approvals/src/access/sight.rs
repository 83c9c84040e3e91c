//! What one viewer sees.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use centinel_engine::{
    money::Currency,
    proposal::{Person, Principal, Proposal, Scope},
    series::{Dimension, SeriesKey},
};

use super::{AccessPolicy, Action, Subject};

/// What policies look at of a part of the spend, and who is accountable for it.
type Looked = (Vec<(Dimension, String)>, Option<String>);

/// Who looks: all that a sight under one set of policies depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Looker {
    /// Who.
    pub principal: Principal,
    /// What their token may do.
    pub scopes: BTreeSet<Scope>,
    /// The account of the person, or of the one that the agent works for, as it is.
    pub person: Option<Person>,
}

/// What one viewer sees under a set of policies. Cheap to clone; what was asked once is remembered, so
/// it is made anew when people or policies change.
#[derive(Clone)]
pub struct Sight {
    access: Arc<AccessPolicy>,
    looker: Arc<Looker>,
    /// `None` sees nothing.
    subject: Option<Subject>,
    currency: Currency,
    known: Arc<Mutex<HashMap<Looked, bool>>>,
}

impl Sight {
    pub(crate) fn new(
        access: Arc<AccessPolicy>,
        (looker, subject): (Looker, Option<Subject>),
        currency: Currency,
    ) -> Self {
        Self { access, looker: Arc::new(looker), subject, currency, known: Arc::default() }
    }

    /// Who looks. Under the same policies, equal ones see the same.
    pub fn looker(&self) -> &Looker {
        &self.looker
    }

    /// Who looks; `None` for an account that is no more.
    pub fn principal(&self) -> Option<&Principal> {
        self.subject.as_ref().map(Subject::principal)
    }

    /// Whether a part of the spend is seen, by its labels and the one accountable for it.
    pub fn sees_spend(&self, key: &SeriesKey, owner: Option<&str>) -> bool {
        let Some(subject) = &self.subject else { return false };
        let looked: Looked = (self.access.looked_at(key), owner.map(str::to_owned));
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&sees) = known().get(&looked) {
            return sees;
        }
        let resource = self.access.spend(key, owner);
        let sees = resource.is_some_and(|spend| self.access.allows(subject, Action::See, &spend));
        known().insert(looked, sees);
        sees
    }

    /// Whether a proposal is seen.
    pub fn sees_proposal(&self, proposal: &Proposal) -> bool {
        let resource = self.access.proposal(proposal, self.currency);
        let asked = self.subject.as_ref().zip(resource);
        asked.is_some_and(|(subject, seen)| self.access.allows(subject, Action::See, &seen))
    }
}

impl fmt::Debug for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sight").field("principal", &self.principal()).finish_non_exhaustive()
    }
}
