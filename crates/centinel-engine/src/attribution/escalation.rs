//! The escalation policy: from which part on a change is one owner's, who is next when nobody reacts, and
//! who takes what nobody is stated to own.

use serde::{Deserialize, Serialize};

use super::Pattern;

/// Who is told of a finding, and who next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EscalationPolicy {
    /// Part of a change, in percent, from which on it is its owner's alone. At least 50, so that no two
    /// owners have more.
    pub main_owner_percent: u8,
    /// Who takes what nobody is stated to own, or several share; `None` for nobody.
    pub unowned: Option<String>,
    rules: Vec<EscalationRule>,
}

/// Who is next for some owners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EscalationRule {
    /// Owners by name.
    pub owners: Vec<Pattern>,
    /// Why.
    pub reason: String,
    /// In order of their days.
    pub steps: Vec<EscalationStep>,
}

/// Somebody who is told when nobody reacted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscalationStep {
    /// Days after the owner was told; 0 is at once.
    pub after_days: u16,
    /// Whom.
    pub to: String,
}

/// Why a policy cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EscalationPolicyError {
    /// Not TOML, or a key that is unknown, missing or of the wrong kind.
    #[error("line {line}: {message}")]
    Syntax {
        /// Line in the file, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// A share that two owners could have, or none.
    #[error(
        "`main_owner_percent` is `{0}`; it is from 50 to 100, so that at most one owner has it"
    )]
    MainOwner(u8),
    /// A text that is empty, too long or not printable.
    #[error("{place}: `{key}` is empty, longer than 200 characters or not printable")]
    Text {
        /// Which rule, or the file.
        place: String,
        /// Key.
        key: &'static str,
    },
    /// Too many rules, or too many steps in one.
    #[error("more than {0}")]
    TooMany(&'static str),
    /// Steps that are none, go backwards or repeat somebody.
    #[error("rule {rule}: {reason}")]
    Steps {
        /// Position of the rule, from 1.
        rule: usize,
        /// What is wrong, in words.
        reason: &'static str,
    },
    /// An example that does not hold.
    #[error("rule {rule}: example `{example}` of `{list}` {problem}")]
    Example {
        /// Position of the rule, from 1.
        rule: usize,
        /// `matches` or `does_not_match`.
        list: &'static str,
        /// The owner in it.
        example: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A rule without an example is not tested.
    #[error("rule {rule}: `matches` holds no example of what the rule is for")]
    NoExample {
        /// Position of the rule, from 1.
        rule: usize,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    #[serde(default = "half")]
    main_owner_percent: u8,
    #[serde(default)]
    unowned: Option<String>,
    #[serde(default)]
    escalation: Vec<RuleTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    owner: OneOrMany,
    reason: String,
    steps: Vec<EscalationStep>,
    #[serde(default)]
    matches: Vec<String>,
    #[serde(default)]
    does_not_match: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "an owner in quotes, or a list of them")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

fn half() -> u8 {
    50
}

impl Default for EscalationPolicy {
    fn default() -> Self {
        Self { main_owner_percent: half(), unowned: None, rules: Vec::new() }
    }
}

impl EscalationPolicy {
    /// Most rules in a file.
    pub const RULES_MAX: usize = 1_000;
    /// Most steps in a rule.
    pub const STEPS_MAX: usize = 8;
    /// Most days until a step.
    pub const DAYS_MAX: u16 = 90;

    /// Reads a policy and tries every rule on its examples.
    ///
    /// # Errors
    ///
    /// [`EscalationPolicyError`], with the line or the rule at fault.
    pub fn parse(text: &str) -> Result<Self, EscalationPolicyError> {
        let file: PolicyFile = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count().saturating_add(1);
            let message = error.message().replace('\n', ", ");
            EscalationPolicyError::Syntax { line, message }
        })?;
        if !(50..=100).contains(&file.main_owner_percent) {
            return Err(EscalationPolicyError::MainOwner(file.main_owner_percent));
        }
        if file.escalation.len() > Self::RULES_MAX {
            return Err(EscalationPolicyError::TooMany("1,000 rules"));
        }
        if let Some(unowned) = &file.unowned {
            check_text("the file", "unowned", unowned)?;
        }
        let mut policy = Self {
            main_owner_percent: file.main_owner_percent,
            unowned: file.unowned,
            rules: Vec::new(),
        };
        for (table, rule) in file.escalation.into_iter().zip(1..) {
            policy.rules.push(table.to_rule(rule)?);
            policy.check_examples(&table, rule)?;
        }
        Ok(policy)
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[EscalationRule] {
        &self.rules
    }

    /// Who is next where an owner does not react: by the first rule that names the owner.
    pub fn steps_of(&self, owner: &str) -> &[EscalationStep] {
        self.deciding(owner).map_or(&[], |(rule, _)| &rule.steps)
    }

    /// Who is told of what nobody is stated to own, and who next.
    pub fn steps_of_unowned(&self) -> Vec<EscalationStep> {
        let Some(unowned) = &self.unowned else { return Vec::new() };
        let first = EscalationStep { after_days: 0, to: unowned.clone() };
        std::iter::once(first).chain(self.steps_of(unowned).iter().cloned()).collect()
    }

    fn deciding(&self, owner: &str) -> Option<(&EscalationRule, usize)> {
        self.rules.iter().zip(1..).find(|(rule, _)| rule.names(owner))
    }

    /// Tries the last rule, number `rule`, on its examples, behind the rules above it.
    fn check_examples(&self, table: &RuleTable, rule: usize) -> Result<(), EscalationPolicyError> {
        let wrong = |list, example: &String, problem| {
            let example = example.chars().filter(|c| !c.is_control()).take(60).collect();
            Err(EscalationPolicyError::Example { rule, list, example, problem })
        };
        if table.matches.is_empty() {
            return Err(EscalationPolicyError::NoExample { rule });
        }
        let is_named =
            |owner: &String| self.rules.last().is_some_and(|last| last.names(owner.as_str()));
        for example in &table.matches {
            if !is_named(example) {
                return wrong("matches", example, "does not match");
            }
            if self.deciding(example).is_some_and(|(_, by)| by != rule) {
                return wrong("matches", example, "is taken by a rule above it");
            }
        }
        match table.does_not_match.iter().find(|example| is_named(example)) {
            Some(example) => wrong("does_not_match", example, "matches"),
            None => Ok(()),
        }
    }
}

impl EscalationRule {
    fn names(&self, owner: &str) -> bool {
        self.owners.iter().any(|pattern| pattern.matches(owner))
    }
}

impl RuleTable {
    fn to_rule(&self, rule: usize) -> Result<EscalationRule, EscalationPolicyError> {
        let place = format!("rule {rule}");
        check_text(&place, "reason", &self.reason)?;
        let owners = match &self.owner {
            OneOrMany::One(owner) => std::slice::from_ref(owner),
            OneOrMany::Many(owners) => owners.as_slice(),
        };
        let owners: Option<Vec<Pattern>> = owners.iter().map(|text| Pattern::new(text)).collect();
        let owners = owners.filter(|owners| !owners.is_empty());
        let owners =
            owners.ok_or(EscalationPolicyError::Text { place: place.clone(), key: "owner" })?;
        let wrong = |reason| Err(EscalationPolicyError::Steps { rule, reason });
        if self.steps.is_empty() {
            return wrong("`steps` names nobody");
        }
        if self.steps.len() > EscalationPolicy::STEPS_MAX {
            return Err(EscalationPolicyError::TooMany("8 steps in a rule"));
        }
        let mut last = 0;
        for (index, step) in self.steps.iter().enumerate() {
            check_text(&place, "to", &step.to)?;
            if step.after_days <= last || step.after_days > EscalationPolicy::DAYS_MAX {
                return wrong(
                    "`after_days` of its steps are not from 1 to 90, each later than the one before",
                );
            }
            if self.steps.iter().take(index).any(|earlier| earlier.to == step.to) {
                return wrong("a step names somebody who was told before");
            }
            last = step.after_days;
        }
        Ok(EscalationRule { owners, reason: self.reason.clone(), steps: self.steps.clone() })
    }
}

fn check_text(place: &str, key: &'static str, text: &str) -> Result<(), EscalationPolicyError> {
    let is_fine = !text.trim().is_empty()
        && text.chars().count() <= 200
        && !text.chars().any(char::is_control);
    if is_fine { Ok(()) } else { Err(EscalationPolicyError::Text { place: place.to_owned(), key }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
main_owner_percent = 60
unowned = "finops"

[[escalation]]
owner = ["support-*", "tickets"]
reason = "Their leads decide"
steps = [{ after_days = 2, to = "support-leads" }, { after_days = 5, to = "finops" }]
matches = ["support-platform", "tickets"]
does_not_match = ["search"]

[[escalation]]
owner = "*"
reason = "Everybody else"
steps = [{ after_days = 7, to = "finance" }]
matches = ["search", "finops"]
"#;

    #[test]
    fn the_first_rule_that_names_the_owner_says_who_is_next() {
        let policy = EscalationPolicy::parse(POLICY).unwrap();
        let told = |owner: &str| -> Vec<(u16, String)> {
            policy.steps_of(owner).iter().map(|step| (step.after_days, step.to.clone())).collect()
        };
        assert_eq!(told("support-x"), [(2, "support-leads".into()), (5, "finops".into())]);
        assert_eq!(told("search"), [(7, "finance".into())]);
        let unowned: Vec<_> = policy.steps_of_unowned().into_iter().map(|step| step.to).collect();
        assert_eq!(unowned, ["finops", "finance"]);
        let none = EscalationPolicy::parse("").unwrap();
        assert_eq!((none.main_owner_percent, none.steps_of_unowned()), (50, Vec::new()));
        assert!(none.steps_of("search").is_empty());
    }

    #[test]
    fn a_policy_that_is_wrong_is_refused() {
        for (from, to, expected) in [
            ("= 60", "= 49", "`main_owner_percent` is `49`"),
            ("\"finops\"\n", "\" \"\n", "the file: `unowned` is empty"),
            ("\"tickets\"]\nreason", "\"\"]\nreason", "rule 1: `owner` is empty"),
            (
                "\"support-platform\", \"tickets\"]",
                "\"search\"]",
                "rule 1: example `search` of `matches` does not match",
            ),
            ("[\"search\"]", "[\"support-y\"]", "example `support-y` of `does_not_match` matches"),
            (
                "[\"search\", \"finops\"]",
                "[\"tickets\"]",
                "rule 2: example `tickets` of `matches` is taken",
            ),
            ("matches = [\"search\", \"finops\"]", "", "rule 2: `matches` holds no example"),
            ("after_days = 5", "after_days = 2", "rule 1: `after_days`"),
            ("after_days = 5", "after_days = 91", "rule 1: `after_days`"),
            ("after_days = 2", "after_days = 0", "rule 1: `after_days`"),
            ("to = \"finops\"", "to = \"support-leads\"", "somebody who was told before"),
            ("[{ after_days = 7, to = \"finance\" }]", "[]", "rule 2: `steps` names nobody"),
            ("reason = \"Every", "because = \"Every", "line 14: unknown field `because`"),
        ] {
            assert!(POLICY.contains(from), "{from}");
            let error = EscalationPolicy::parse(&POLICY.replacen(from, to, 1)).unwrap_err();
            assert!(error.to_string().contains(expected), "{to}: {error}");
        }
    }

    /// The file that ships names nobody; its commented examples (`#` without a space) work.
    #[test]
    fn the_shipped_policy_and_its_examples_are_valid() {
        let shipped = include_str!("../../../../policies/escalation.toml");
        assert_eq!(EscalationPolicy::parse(shipped), Ok(EscalationPolicy::default()));
        let lines = shipped.lines().map(|line| match line.strip_prefix('#') {
            Some(code) if !code.starts_with(' ') => code,
            _ => line,
        });
        let enabled = EscalationPolicy::parse(&lines.collect::<Vec<_>>().join("\n")).unwrap();
        assert_eq!((enabled.rules().len(), enabled.unowned.as_deref()), (2, Some("finops")));
    }
}
