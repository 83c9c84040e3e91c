//! Who asks and what they ask about, as policies see them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use cedar_policy::{Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use centinel_engine::{
    proposal::{Directory, Person, Principal, Proposal, Role, Scope},
    series::{Dimension, SeriesKey},
};

use super::Action;

/// Somebody who asks, with all that policies can say about them. An agent that acts for a person is
/// two: both must be let.
#[derive(Debug, Clone)]
pub struct Subject {
    principal: Principal,
    pub(super) faces: Vec<Face>,
}

/// One entity that asks, and the entities that its attributes name.
#[derive(Debug, Clone)]
pub(super) struct Face {
    pub(super) uid: EntityUid,
    pub(super) entities: Vec<Entity>,
}

/// What is asked about.
#[derive(Debug, Clone)]
pub struct Resource {
    pub(super) uid: EntityUid,
    pub(super) entities: Vec<Entity>,
}

/// Entity types, parsed once.
#[derive(Debug, Clone)]
pub(super) struct Types(BTreeMap<&'static str, EntityTypeName>);

const TYPES: [&str; 11] = [
    "Action", "Agent", "Home", "Kind", "Person", "Proposal", "Risk", "Role", "Scope", "Spend",
    "System",
];

impl Types {
    /// `None` when a name is no name, which a test rules out.
    pub(super) fn new() -> Option<Self> {
        let parsed = TYPES.into_iter().map(|name| Some((name, name.parse().ok()?)));
        parsed.collect::<Option<_>>().map(Self)
    }

    fn uid(&self, kind: &'static str, id: &str) -> Option<EntityUid> {
        let kind = self.0.get(kind)?.clone();
        Some(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
    }

    pub(super) fn action(&self, action: Action) -> Option<EntityUid> {
        self.uid("Action", action.name())
    }

    /// `None` for a person who is not there or not active, and for an agent of such a person: nobody
    /// stands for them.
    pub(super) fn subject(
        &self,
        principal: &Principal,
        scopes: &BTreeSet<Scope>,
        people: &Directory,
    ) -> Option<Subject> {
        let active = |name: &str| people.get(name).filter(|person| person.active);
        let faces = match principal {
            Principal::Person { name } => vec![self.person(active(name)?)?],
            Principal::Agent { token, acts_for } => {
                let person = match acts_for {
                    Some(name) => Some(self.person(active(name)?)?),
                    None => None,
                };
                let agent = self.agent(token, scopes, person.as_ref())?;
                std::iter::once(agent).chain(person).collect()
            }
            Principal::System => {
                let uid = self.uid("System", "centinel")?;
                let entity = Entity::new_no_attrs(uid.clone(), HashSet::new());
                vec![Face { uid, entities: vec![entity] }]
            }
        };
        Some(Subject { principal: principal.clone(), faces })
    }

    fn person(&self, person: &Person) -> Option<Face> {
        let (mut owns, mut teams, mut roles) = (Vec::new(), Vec::new(), HashSet::new());
        let text = |team: &String| RestrictedExpression::new_string(team.clone());
        for role in &person.roles {
            match role {
                Role::Owner(team) => {
                    owns.push(text(team));
                    teams.push(text(team));
                }
                Role::Member(team) => teams.push(text(team)),
                Role::Finops | Role::Finance | Role::Admin | Role::Emergency => {
                    roles.insert(self.uid("Role", &role.to_string())?);
                }
            }
        }
        let uid = self.uid("Person", &person.name)?;
        let attributes = [
            ("owns".to_owned(), RestrictedExpression::new_set(owns)),
            ("teams".to_owned(), RestrictedExpression::new_set(teams)),
        ];
        let entity = Entity::new(uid.clone(), attributes.into(), roles).ok()?;
        Some(Face { uid, entities: vec![entity] })
    }

    fn agent(&self, token: &str, scopes: &BTreeSet<Scope>, person: Option<&Face>) -> Option<Face> {
        let uid = self.uid("Agent", token)?;
        let acts_for = person.map(|face| {
            let person = RestrictedExpression::new_entity_uid(face.uid.clone());
            ("acts_for".to_owned(), person)
        });
        let scopes = scopes.iter().map(|scope| self.uid("Scope", &scope.to_string()));
        let scopes = scopes.collect::<Option<HashSet<_>>>()?;
        let entity = Entity::new(uid.clone(), acts_for.into_iter().collect(), scopes).ok()?;
        let of_person = person.into_iter().flat_map(|face| face.entities.iter().cloned());
        Some(Face { uid, entities: std::iter::once(entity).chain(of_person).collect() })
    }

    pub(super) fn home(&self) -> Option<Resource> {
        let uid = self.uid("Home", "home")?;
        let entity = Entity::new_no_attrs(uid.clone(), HashSet::new());
        Some(Resource { uid, entities: vec![entity] })
    }

    /// A part of the spend with the labels that `uses` lets through.
    pub(super) fn spend<'k>(
        &self,
        labels: impl Iterator<Item = (&'k Dimension, &'k str)>,
        owner: Option<&str>,
    ) -> Option<Resource> {
        let text = |value: &str| RestrictedExpression::new_string(value.to_owned());
        let (mut attributes, mut tags) = (Vec::new(), Vec::new());
        attributes.extend(owner.map(|owner| ("owner".to_owned(), text(owner))));
        for (dimension, value) in labels {
            match dimension {
                Dimension::Tag(key) => tags.push((key.to_string(), text(value))),
                named => attributes.push((named.to_string(), text(value))),
            }
        }
        let uid = self.uid("Spend", "spend")?;
        let entity = Entity::new_with_tags(uid.clone(), attributes, [], tags).ok()?;
        Some(Resource { uid, entities: vec![entity] })
    }

    /// A proposal; `amount` is what is at stake in whole units.
    pub(super) fn proposal(&self, facts: &ProposalFacts<'_>) -> Option<Resource> {
        let text = |value: &str| RestrictedExpression::new_string(value.to_owned());
        let entity = |kind, id: &str| self.uid(kind, id).map(RestrictedExpression::new_entity_uid);
        let mut attributes = vec![
            ("kind".to_owned(), entity("Kind", facts.kind)?),
            ("owner".to_owned(), text(facts.owner)),
            ("risk".to_owned(), entity("Risk", facts.risk)?),
            ("reversible".to_owned(), RestrictedExpression::new_bool(facts.reversible)),
        ];
        if let Some(amount) = facts.amount {
            attributes.push(("amount".to_owned(), RestrictedExpression::new_long(amount)));
        }
        if let Some(requester) = facts.requester {
            attributes.push(("requester".to_owned(), entity("Person", requester)?));
        }
        let uid = self.uid("Proposal", "proposal")?;
        let entity = Entity::new(uid.clone(), attributes.into_iter().collect(), HashSet::new());
        Some(Resource { uid, entities: vec![entity.ok()?] })
    }
}

/// What policies can say about a proposal.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProposalFacts<'p> {
    pub(super) kind: &'p str,
    pub(super) owner: &'p str,
    pub(super) amount: Option<i64>,
    pub(super) risk: &'p str,
    pub(super) reversible: bool,
    pub(super) requester: Option<&'p str>,
}

/// The person who asked for a proposal, also through an agent.
pub(super) fn requester(proposal: &Proposal) -> Option<&str> {
    match &proposal.requester {
        Principal::Person { name } => Some(name),
        Principal::Agent { acts_for, .. } => acts_for.as_deref(),
        Principal::System => None,
    }
}

/// Labels of a series, those alone that some policy looks at.
pub(super) fn labels<'k>(
    key: &'k SeriesKey,
    is_used: impl Fn(&Dimension) -> bool + 'k,
) -> impl Iterator<Item = (&'k Dimension, &'k str)> {
    let labels = key.0.iter().filter(move |(dimension, _)| is_used(dimension));
    labels.map(|(dimension, value)| (dimension, &**value))
}

impl Subject {
    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}
