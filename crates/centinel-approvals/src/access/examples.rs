//! Examples beside the policies: what they must permit and deny to be taken.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::{
    proposal::{Directory, Kind, Person, Principal, Risk, Role, Scope},
    series::Dimension,
};
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    AccessError, AccessPolicy, Action, Resource, Subject, error::line_at, subject::ProposalFacts,
};

const FILE: &str = "tests.toml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "test")]
    tests: Vec<toml::Spanned<Example>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    name: String,
    who: Who,
    on: On,
    #[serde(default)]
    may: Vec<String>,
    #[serde(default)]
    may_not: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Who {
    person: Option<String>,
    agent: Option<String>,
    #[serde(default)]
    system: bool,
    #[serde(default)]
    roles: BTreeSet<Role>,
    #[serde(default)]
    scopes: BTreeSet<Scope>,
    acts_for: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct On {
    spend: Option<BTreeMap<String, String>>,
    proposal: Option<OnProposal>,
    #[serde(default)]
    home: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnProposal {
    kind: Kind,
    owner: String,
    amount: Option<i64>,
    risk: Risk,
    reversible: bool,
    requester: Option<String>,
}

/// Holds policies to their examples.
pub(super) fn check(access: &AccessPolicy, text: &str) -> Result<(), AccessError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_at(text, span.start));
        let hint = "the comment at the top of the shipped file says what it takes";
        AccessError::new((FILE, line), error.message(), hint)
    })?;
    for example in &file.tests {
        let line = line_at(text, example.span().start);
        let example = example.get_ref();
        let wrong = |message: String| {
            let hint = format!("change the policies, or the example `{}`", example.name);
            AccessError::new((FILE, line), message, hint)
        };
        let people = example.who.people();
        let subject = example.who.subject(access, &people);
        let subject = subject
            .ok_or_else(|| wrong("`who` is one of `person`, `agent` and `system`".to_owned()))?;
        let resource = example.on.resource(access).map_err(&wrong)?;
        if example.may.is_empty() && example.may_not.is_empty() {
            return Err(wrong("the example says neither `may` nor `may_not`".to_owned()));
        }
        let lists = [(&example.may, true), (&example.may_not, false)];
        for (name, expected) in lists.into_iter().flat_map(|(l, e)| l.iter().map(move |n| (n, e))) {
            let action = Action::ALL.into_iter().find(|action| action.name() == name);
            let action = action.ok_or_else(|| {
                let known = Action::ALL.map(Action::name).join(", ");
                wrong(format!("there is no action `{name}`; known: {known}"))
            })?;
            if access.allows(&subject, action, &resource) != expected {
                let says = if expected { "is denied" } else { "is permitted" };
                return Err(wrong(format!(
                    "example `{}` does not hold: `{name}` {says}",
                    example.name
                )));
            }
        }
    }
    Ok(())
}

impl Who {
    /// The person of the example, with its roles.
    fn people(&self) -> Directory {
        let mut people = Directory::default();
        if let Some(name) = self.person.as_ref().or(self.acts_for.as_ref()) {
            people.insert(Person {
                name: name.clone(),
                human: name.clone(),
                roles: self.roles.clone(),
                active: true,
                changed_at: Timestamp::UNIX_EPOCH,
            });
        }
        people
    }

    fn subject(&self, access: &AccessPolicy, people: &Directory) -> Option<Subject> {
        let principal = match (&self.person, &self.agent, self.system) {
            (Some(name), None, false) => Principal::person(name),
            (None, Some(token), false) => {
                Principal::Agent { token: token.clone(), acts_for: self.acts_for.clone() }
            }
            (None, None, true) => Principal::System,
            _ => return None,
        };
        access.subject(&principal, &self.scopes, people)
    }
}

impl On {
    fn resource(&self, access: &AccessPolicy) -> Result<Resource, String> {
        let types = &access.types;
        let made = match (&self.spend, &self.proposal, self.home) {
            (Some(labels), None, false) => {
                let owner = labels.get("owner").map(String::as_str);
                let named = labels.iter().filter(|(name, _)| *name != "owner");
                let parsed: Vec<(Dimension, &str)> = named
                    .map(|(name, value)| Ok((name.parse()?, value.as_str())))
                    .collect::<Result<_, centinel_engine::series::DimensionError>>()
                    .map_err(|error| error.to_string())?;
                types.spend(parsed.iter().map(|(dimension, value)| (dimension, *value)), owner)
            }
            (None, Some(of), false) => {
                let word = |value: Result<serde_json::Value, serde_json::Error>| {
                    value.ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
                };
                types.proposal(&ProposalFacts {
                    kind: &word(serde_json::to_value(of.kind)),
                    owner: &of.owner,
                    amount: of.amount,
                    risk: &word(serde_json::to_value(of.risk)),
                    reversible: of.reversible,
                    requester: of.requester.as_deref(),
                })
            }
            (None, None, true) => types.home(),
            _ => None,
        };
        made.ok_or_else(|| "`on` is one of `spend`, `proposal` and `home`".to_owned())
    }
}
