//! Who may see, propose, approve and execute at all: Cedar policies, checked when they are read and
//! evaluated at the moment of a question, a decision and an execution.
//!
//! How many people of which roles a proposal needs is not here but in the approval policy; both must
//! let a decision pass. INVARIANT: no policy lets an agent decide. The schema, which is part of the
//! program, knows approving and rejecting for people alone; a policy whose words would include agents is
//! refused; and rules that no file can take away forbid it once more.

mod check;
mod error;
mod examples;
mod sight;
mod subject;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Policy, PolicyId, PolicySet, Request, Schema,
};
use centinel_engine::{
    facts::{canonical_json, sha256_hex},
    money::{Currency, Pico},
    proposal::{Deed, Directory, Eligibility, Person, Principal, Proposal, Scope},
    series::{Dimension, SeriesKey},
};

pub use error::AccessError;
pub use sight::{Looker, Sight};
use subject::{Face, ProposalFacts, Types, labels, requester};
pub use subject::{Resource, Subject};

/// The schema: what policies can speak of.
pub const SCHEMA: &str = include_str!("../../../policies/access/schema.cedarschema");
/// The policies that every home starts with, and that hold where a home has none.
pub const SHIPPED: [(&str, &str); 1] =
    [("default.cedar", include_str!("../../../policies/access/default.cedar"))];
/// The examples that they are held to.
pub const SHIPPED_TESTS: &str = include_str!("../../../policies/access/tests.toml");

/// What no file can take away.
const BUILT_IN: &str = r#"
forbid (principal is Agent, action in [Action::"approve", Action::"reject", Action::"break_glass",
  Action::"confirm", Action::"execute", Action::"administer"], resource);
forbid (principal is System, action in [Action::"approve", Action::"reject",
  Action::"break_glass", Action::"confirm", Action::"administer"], resource);
"#;

/// What somebody may do, by policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Look at a part of the spend, or at a proposal.
    See,
    /// Do something with a proposal.
    Do(Deed),
    /// Manage people and tokens.
    Administer,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 9] = [
        Self::See,
        Self::Do(Deed::Propose),
        Self::Do(Deed::Withdraw),
        Self::Do(Deed::Approve),
        Self::Do(Deed::Reject),
        Self::Do(Deed::BreakGlass),
        Self::Do(Deed::Execute),
        Self::Do(Deed::Confirm),
        Self::Administer,
    ];

    /// The name in policies.
    pub fn name(self) -> &'static str {
        match self {
            Self::See => "see",
            Self::Do(deed) => deed.name(),
            Self::Administer => "administer",
        }
    }

    /// Whether it decides something.
    fn is_deciding(self) -> bool {
        matches!(
            self,
            Self::Do(
                Deed::Approve | Deed::Reject | Deed::BreakGlass | Deed::Execute | Deed::Confirm,
            ) | Self::Administer
        )
    }
}

/// A set of access policies that was checked.
pub struct AccessPolicy {
    schema: Schema,
    policies: PolicySet,
    types: Types,
    /// Dimensions that some policy looks at; `None` when it may be any.
    dimensions: Option<BTreeSet<Dimension>>,
    digest: String,
}

impl AccessPolicy {
    /// Reads policies, each with its file's name, and checks them: their words, the schema, who could
    /// decide, and the examples of `tests`.
    ///
    /// # Errors
    ///
    /// [`AccessError`] with file and line. Nothing is taken of a set with one mistake.
    pub fn parse(files: &[(&str, &str)], tests: Option<&str>) -> Result<Self, AccessError> {
        let internal = |message: String| AccessError::new(("", 0), message, "report this");
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA)
            .map_err(|error| internal(format!("the schema cannot be read: {error}")))?;
        let types = Types::new().ok_or_else(|| internal("a type has no name".to_owned()))?;
        let mut policies = check::policies(files, &schema)?;
        let digest = digest(&policies).map_err(internal)?;
        let dimensions = dimensions(&policies);
        for (number, policy) in built_in().map_err(internal)?.into_iter().enumerate() {
            let id = PolicyId::new(format!("centinel: only people decide ({number})"));
            policies.add(policy.new_id(id)).map_err(|error| internal(error.to_string()))?;
        }
        let access = Self { schema, policies, types, dimensions, digest };
        if let Some(tests) = tests {
            examples::check(&access, tests)?;
        }
        Ok(access)
    }

    /// The policies that ship.
    ///
    /// # Errors
    ///
    /// None, as a test makes sure.
    pub fn shipped() -> Result<Self, AccessError> {
        Self::parse(&SHIPPED, Some(SHIPPED_TESTS))
    }

    /// Digest of the policies, whatever their layout and files: votes are bound to it.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Somebody who asks; `None` for an account that is not there or not active, and for its agents.
    pub fn subject(
        &self,
        principal: &Principal,
        scopes: &BTreeSet<Scope>,
        people: &Directory,
    ) -> Option<Subject> {
        self.types.subject(principal, scopes, people)
    }

    /// A proposal as something to ask about. Its amount is compared in whole units of `currency`,
    /// rounded up; in another currency it is unknown.
    pub fn proposal(&self, proposal: &Proposal, currency: Currency) -> Option<Resource> {
        let amount = proposal.amount_at_stake.filter(|money| money.currency == currency);
        let word = |value: Result<serde_json::Value, _>| {
            value.ok().and_then(|word| word.as_str().map(str::to_owned))
        };
        let risk = word(serde_json::to_value(proposal.risk))?;
        let kind = word(serde_json::to_value(proposal.kind()))?;
        self.types.proposal(&ProposalFacts {
            kind: &kind,
            owner: &proposal.owner,
            amount: amount.map(|money| whole_units(money.amount)),
            risk: &risk,
            reversible: proposal.reversible,
            requester: requester(proposal),
        })
    }

    /// A part of the spend as something to ask about.
    pub fn spend(&self, key: &SeriesKey, owner: Option<&str>) -> Option<Resource> {
        self.types.spend(labels(key, |dimension| self.uses(dimension)), owner)
    }

    /// The labels of a part of the spend that policies look at: parts with the same ones are seen by
    /// the same people.
    pub(crate) fn looked_at(&self, key: &SeriesKey) -> Vec<(Dimension, String)> {
        let labels = labels(key, |dimension| self.uses(dimension));
        labels.map(|(dimension, value)| (dimension.clone(), value.to_owned())).collect()
    }

    fn uses(&self, dimension: &Dimension) -> bool {
        self.dimensions.as_ref().is_none_or(|used| used.contains(dimension))
    }

    /// Whether somebody may do something. What cannot be evaluated is denied.
    pub fn allows(&self, subject: &Subject, action: Action, resource: &Resource) -> bool {
        let is_person = matches!(subject.principal(), Principal::Person { .. });
        let is_agent = matches!(subject.principal(), Principal::Agent { .. });
        // An agent's second face is its person, who may decide; the agent still may not.
        if action.is_deciding() && !is_person && (is_agent || action != Action::Do(Deed::Execute)) {
            return false;
        }
        !subject.faces.is_empty()
            && subject.faces.iter().all(|face| self.allows_face(face, action, resource))
    }

    fn allows_face(&self, face: &Face, action: Action, resource: &Resource) -> bool {
        let request = self.types.action(action).and_then(|action| {
            let (principal, resource) = (face.uid.clone(), resource.uid.clone());
            let (context, schema) = (Context::empty(), Some(&self.schema));
            Request::new(principal, action, resource, context, schema).ok()
        });
        let entities = face.entities.iter().chain(&resource.entities).cloned();
        let entities = Entities::from_entities(entities, None).ok();
        let (Some(request), Some(entities)) = (request, entities) else { return false };
        let response = Authorizer::new().is_authorized(&request, &self.policies, &entities);
        // A `forbid` that failed must not count as one that does not apply.
        response.decision() == Decision::Allow && response.diagnostics().errors().next().is_none()
    }

    /// Whether a person manages people and tokens.
    pub fn administers(&self, person: &Person, people: &Directory) -> bool {
        let principal = Principal::person(&person.name);
        let subject = self.subject(&principal, &BTreeSet::new(), people);
        let home = self.types.home();
        subject
            .zip(home)
            .is_some_and(|(subject, home)| self.allows(&subject, Action::Administer, &home))
    }

    /// Who may do what with a proposal: every account that holds a role, Centinel itself, and the one
    /// who asks now.
    pub fn eligibility(
        &self,
        proposal: &Proposal,
        currency: Currency,
        people: &Directory,
        asks: Option<(&Principal, &BTreeSet<Scope>)>,
    ) -> Eligibility {
        let mut eligibility = Eligibility::default();
        let Some(resource) = self.proposal(proposal, currency) else { return eligibility };
        let none = BTreeSet::new();
        let deciders = people.iter().filter(|person| person.active && !person.roles.is_empty());
        let deciders: Vec<Principal> = deciders.map(|p| Principal::person(&p.name)).collect();
        let system = Principal::System;
        let deciding = [Deed::Approve, Deed::Reject, Deed::BreakGlass, Deed::Confirm].as_slice();
        let asking = [Deed::Propose, Deed::Withdraw, Deed::Execute].as_slice();
        let of_deciders = deciders.iter().map(|decider| (decider, &none, deciding));
        let of_others = std::iter::once((&system, &none, asking));
        let of_asker = asks.into_iter().map(|(asks, scopes)| (asks, scopes, asking));
        for (principal, scopes, deeds) in of_deciders.chain(of_others).chain(of_asker) {
            let Some(subject) = self.subject(principal, scopes, people) else { continue };
            for &deed in deeds {
                if self.allows(&subject, Action::Do(deed), &resource) {
                    eligibility.allow(deed, principal.clone());
                }
            }
        }
        eligibility
    }
}

impl fmt::Debug for AccessPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessPolicy").field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// An amount in whole units, rounded up: a policy never sees less than there is.
fn whole_units(amount: Pico) -> i64 {
    let units = amount.0.div_euclid(Pico::ONE.0);
    let rest = amount.0.rem_euclid(Pico::ONE.0);
    i64::try_from(units.saturating_add(i128::from(rest > 0))).unwrap_or(i64::MAX)
}

/// What decides is forbidden to all but people by policies of the program's own.
fn built_in() -> Result<Vec<Policy>, String> {
    let set: PolicySet = BUILT_IN.parse().map_err(|error| format!("{error}"))?;
    Ok(set.policies().cloned().collect())
}

/// Of the policies' meaning by their ids, so that neither comments nor files change it.
fn digest(policies: &PolicySet) -> Result<String, String> {
    let mut meaning = BTreeMap::new();
    for policy in policies.policies() {
        let id: &str = policy.id().as_ref();
        meaning.insert(id.to_owned(), policy.to_json().map_err(|error| error.to_string())?);
    }
    let text = canonical_json(&meaning).map_err(|error| error.to_string())?;
    Ok(sha256_hex(text.as_bytes()))
}

/// The dimensions whose names occur as attributes; `None` when a tag is looked up, which may be any.
fn dimensions(policies: &PolicySet) -> Option<BTreeSet<Dimension>> {
    let mut words = BTreeSet::new();
    for policy in policies.policies() {
        collect(&policy.to_json().ok()?, &mut words);
    }
    if words.contains("getTag") || words.contains("hasTag") {
        return None;
    }
    Some(words.iter().filter_map(|word| word.parse().ok()).collect())
}

/// Every key and text of a JSON value: more than the attributes, and all of them.
fn collect(value: &serde_json::Value, words: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::String(text) => {
            words.insert(text.clone());
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                words.insert(name.clone());
                collect(value, words);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
