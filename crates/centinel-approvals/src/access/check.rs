//! What is checked of policies before any is taken.

use std::collections::BTreeMap;

use cedar_policy::{
    ActionConstraint, Effect, EntityUid, Policy, PolicyId, PolicySet, PrincipalConstraint, Schema,
    ValidationMode, Validator,
};
use miette::Diagnostic;

use super::{AccessError, Action, error::line_at};

/// Longest name of a policy.
const ID_CHARS_MAX: usize = 80;

/// Where a policy stands.
struct Place<'f> {
    file: &'f str,
    text: &'f str,
    /// Line of its name.
    line: usize,
}

/// Parses files and checks all policies together.
pub(super) fn policies(files: &[(&str, &str)], schema: &Schema) -> Result<PolicySet, AccessError> {
    let mut policies = PolicySet::new();
    let mut places: BTreeMap<String, Place<'_>> = BTreeMap::new();
    for &(file, text) in files {
        let parsed: PolicySet = text.parse().map_err(|error| unreadable(file, text, &error))?;
        if parsed.templates().next().is_some() {
            let message = "templates (`?principal`, `?resource`) are not used here";
            return Err(AccessError::new((file, 0), message, "write one policy for each case"));
        }
        let mut own: Vec<&Policy> = parsed.policies().collect();
        // `policy10` comes after `policy9`.
        own.sort_by_key(|policy| {
            let id: &str = policy.id().as_ref();
            (id.len(), id.to_owned())
        });
        for policy in own {
            let (id, line) = identity(policy, file, text)?;
            if let Some(other) = places.get(&id) {
                let message = format!("policy `{id}` is there twice, also in `{}`", other.file);
                return Err(AccessError::new((file, line), message, "give each its own `@id`"));
            }
            check_who_decides(policy, &id, (file, line))?;
            let named = policy.new_id(PolicyId::new(&id));
            policies.add(named).map_err(|error| {
                AccessError::new((file, line), error.to_string(), "change the policy's `@id`")
            })?;
            places.insert(id, Place { file, text, line });
        }
    }
    if places.is_empty() {
        let message = "there is no policy, so nobody could do anything";
        return Err(AccessError::new(("", 0), message, "`centinel init` writes the default ones"));
    }
    validate(&policies, &places, schema)?;
    Ok(policies)
}

/// A policy's `@id` and the line on which it stands.
fn identity(policy: &Policy, file: &str, text: &str) -> Result<(String, usize), AccessError> {
    let shown = policy.to_cedar().unwrap_or_default();
    let start = shown.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let line = text.find(start).map_or(1, |offset| line_at(text, offset));
    let id = policy.annotation("id").unwrap_or_default();
    let is_plain = !id.is_empty()
        && id.chars().count() <= ID_CHARS_MAX
        && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_. ".contains(c));
    if !is_plain {
        let message = "a policy has no name of letters, digits, `-`, `_` and `.`";
        return Err(AccessError::new(
            (file, line),
            message,
            "write `@id(\"a-team-sees-…\")` above it",
        ));
    }
    let marked = format!("@id(\"{id}\")");
    let line = text.find(&marked).map_or(line, |offset| line_at(text, offset));
    if policy.annotation("reason").is_none_or(|reason| reason.trim().is_empty()) {
        let message = format!("policy `{id}` gives no reason");
        let hint = "write `@reason(\"…\")` above it: somebody will ask";
        return Err(AccessError::new((file, line), message, hint));
    }
    Ok((id.to_owned(), line))
}

/// A `permit` of what decides must be worded so that it cannot mean an agent.
fn check_who_decides(policy: &Policy, id: &str, place: (&str, usize)) -> Result<(), AccessError> {
    let is_named = |action: Action, uid: &EntityUid| uid.id().unescaped() == action.name();
    let includes = |action: Action| match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => is_named(action, &uid),
        ActionConstraint::In(uids) => uids.iter().any(|uid| is_named(action, uid)),
    };
    let decides = Action::ALL.into_iter().find(|&action| action.is_deciding() && includes(action));
    let Some(action) = decides.filter(|_| policy.effect() == Effect::Permit) else {
        return Ok(());
    };
    let is_of = |kinds: &[&str], name: String| kinds.contains(&name.as_str());
    let no_agent = match policy.principal_constraint() {
        PrincipalConstraint::Any => false,
        PrincipalConstraint::Is(kind) | PrincipalConstraint::IsIn(kind, _) => {
            is_of(&["Person", "System"], kind.to_string())
        }
        PrincipalConstraint::Eq(uid) => is_of(&["Person", "System"], uid.type_name().to_string()),
        PrincipalConstraint::In(uid) => is_of(&["Role"], uid.type_name().to_string()),
    };
    if no_agent {
        return Ok(());
    }
    let message = format!("policy `{id}` could let an agent {}: only people decide", action.name());
    Err(AccessError::new(place, message, "write `principal is Person`, or name the actions"))
}

fn validate(
    policies: &PolicySet,
    places: &BTreeMap<String, Place<'_>>,
    schema: &Schema,
) -> Result<(), AccessError> {
    let result = Validator::new(schema.clone()).validate(policies, ValidationMode::Strict);
    let placed = |id: &PolicyId, diagnostic: &dyn Diagnostic| {
        let id: &str = id.as_ref();
        places.get(id).map_or_else(
            || AccessError::new(("", 0), diagnostic.to_string(), ""),
            |place| located(place.file, place.text, place.line, diagnostic),
        )
    };
    let errors = result.validation_errors().map(|error| placed(error.policy_id(), error));
    let mut found: Vec<AccessError> = errors.collect();
    if found.is_empty() {
        // A policy that can never apply, or hides what it says, is a mistake as well.
        let warnings = result.validation_warnings();
        found.extend(warnings.map(|warning| placed(warning.policy_id(), warning)));
    }
    found.sort_by(|a, b| (&a.file, a.line, &a.message).cmp(&(&b.file, b.line, &b.message)));
    found.into_iter().next().map_or(Ok(()), Err)
}

fn unreadable(file: &str, text: &str, error: &dyn Diagnostic) -> AccessError {
    let found = located(file, text, 1, error);
    let message = format!("not valid Cedar: {}", found.message);
    AccessError::new((file, found.line), message, found.hint)
}

fn located(file: &str, text: &str, line: usize, diagnostic: &dyn Diagnostic) -> AccessError {
    let offset = diagnostic.labels().and_then(|mut labels| labels.next()).map(|l| l.offset());
    let line = offset.map_or(line, |offset| line_at(text, offset));
    let hint = diagnostic.help().map_or_else(
        || "`policies/access/schema.cedarschema` says what there is".to_owned(),
        |help| help.to_string(),
    );
    AccessError::new((file, line), diagnostic.to_string(), hint)
}
