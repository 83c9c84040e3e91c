//! The ownership policy: rules in order, each with its own tests.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Ownership, Pattern};
use crate::series::{Dimension, DimensionError, Labels, SeriesKey};

/// Who owns which series. The first rule that matches decides, so that narrow rules stand above wide
/// ones; where none matches, the series' own `team` is the owner.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnershipPolicy {
    rules: Vec<OwnerRule>,
}

/// One rule: every dimension named must have a value that one of its patterns matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerRule {
    /// Team that owns what the rule matches.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Patterns by dimension, at least one dimension.
    pub patterns: BTreeMap<Dimension, Vec<Pattern>>,
}

/// Dimension values in a rule's examples, as written.
pub type Example = BTreeMap<String, String>;

/// Why a policy cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OwnershipPolicyError {
    /// Not TOML, or a key that is unknown, missing or of the wrong kind.
    #[error("line {line}: {message}")]
    Syntax {
        /// Line in the file, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// More than [`OwnershipPolicy::RULES_MAX`].
    #[error("more than {max} rules", max = OwnershipPolicy::RULES_MAX)]
    TooManyRules,
    /// A text that is empty, too long or not printable.
    #[error("rule {rule}: `{key}` is empty, longer than 200 characters or not printable")]
    Text {
        /// Position of the rule, from 1.
        rule: usize,
        /// Key.
        key: &'static str,
    },
    /// A rule for everything is written as such, with a pattern.
    #[error("rule {rule}: `match` names no dimension; `{{ provider = \"*\" }}` is every provider")]
    NoMatch {
        /// Position of the rule, from 1.
        rule: usize,
    },
    /// A key that is no dimension.
    #[error("rule {rule}: {source}")]
    Dimension {
        /// Position of the rule, from 1.
        rule: usize,
        /// The key.
        source: DimensionError,
    },
    /// A rule without an example is not tested.
    #[error("rule {rule}: `matches` holds no example of what the rule is for")]
    NoExample {
        /// Position of the rule, from 1.
        rule: usize,
    },
    /// An example of `matches` that the rule does not match.
    #[error("rule {rule}: example {example} of `matches` does not match")]
    ExampleMissed {
        /// Position of the rule, from 1.
        rule: usize,
        /// Position of the example, from 1.
        example: usize,
    },
    /// An example of `does_not_match` that the rule matches.
    #[error("rule {rule}: example {example} of `does_not_match` matches")]
    ExampleMatched {
        /// Position of the rule, from 1.
        rule: usize,
        /// Position of the example, from 1.
        example: usize,
    },
    /// An example of `matches` that an earlier rule takes.
    #[error("rule {rule}: example {example} of `matches` is taken by rule {by} above it")]
    ExampleShadowed {
        /// Position of the rule, from 1.
        rule: usize,
        /// Position of the example, from 1.
        example: usize,
        /// Position of the earlier rule, from 1.
        by: usize,
    },
}

/// A policy file, as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    #[serde(default)]
    owner: Vec<RuleTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    owner: String,
    reason: String,
    #[serde(rename = "match")]
    patterns: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    matches: Vec<Example>,
    #[serde(default)]
    does_not_match: Vec<Example>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a pattern in quotes, or a list of them")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OwnershipPolicy {
    /// Most rules in a file.
    pub const RULES_MAX: usize = 1_000;

    /// Reads a policy and tries every rule on its examples.
    ///
    /// # Errors
    ///
    /// [`OwnershipPolicyError`], with the line or the rule at fault.
    pub fn parse(text: &str) -> Result<Self, OwnershipPolicyError> {
        let file: PolicyFile = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count().saturating_add(1);
            OwnershipPolicyError::Syntax { line, message: error.message().replace('\n', ", ") }
        })?;
        if file.owner.len() > Self::RULES_MAX {
            return Err(OwnershipPolicyError::TooManyRules);
        }
        let mut policy = Self::default();
        for (table, rule) in file.owner.into_iter().zip(1..) {
            policy.rules.push(table.to_rule(rule)?);
            policy.check_examples(&table, rule)?;
        }
        Ok(policy)
    }

    /// The rules, in order; the first one is number 1.
    pub fn rules(&self) -> &[OwnerRule] {
        &self.rules
    }

    /// Who owns a series.
    pub fn ownership(&self, series: &SeriesKey) -> Ownership {
        if let Some((rule, position)) = self.matching(series).next() {
            return Ownership::Stated { owner: rule.owner.clone(), rule: position };
        }
        match series.get(&Dimension::Team) {
            Some(team) => Ownership::FromTag(team.to_owned()),
            None => Ownership::Unknown,
        }
    }

    /// Every rule that matches a series, with its position from 1; the first one decides.
    pub fn matching(&self, series: &SeriesKey) -> impl Iterator<Item = (&OwnerRule, usize)> {
        self.rules.iter().zip(1..).filter(|(rule, _)| rule.matches(series))
    }

    /// Tries the last rule, number `rule`, on its examples, behind the rules above it.
    fn check_examples(&self, table: &RuleTable, rule: usize) -> Result<(), OwnershipPolicyError> {
        if table.matches.is_empty() {
            return Err(OwnershipPolicyError::NoExample { rule });
        }
        for (example, position) in table.matches.iter().zip(1..) {
            let series = series(example, rule)?;
            let mut matching = self.matching(&series).map(|(_, position)| position);
            let first = matching.next();
            match first {
                Some(first) if first == rule => {}
                Some(by) if matching.any(|other| other == rule) => {
                    return Err(OwnershipPolicyError::ExampleShadowed {
                        rule,
                        example: position,
                        by,
                    });
                }
                _ => return Err(OwnershipPolicyError::ExampleMissed { rule, example: position }),
            }
        }
        for (example, position) in table.does_not_match.iter().zip(1..) {
            let series = series(example, rule)?;
            if self.matching(&series).any(|(_, other)| other == rule) {
                return Err(OwnershipPolicyError::ExampleMatched { rule, example: position });
            }
        }
        Ok(())
    }
}

impl OwnerRule {
    /// Whether every dimension named has a value that one of its patterns matches.
    pub fn matches(&self, series: &SeriesKey) -> bool {
        is_match(&self.patterns, series)
    }
}

/// Whether every dimension named has a value that one of its patterns matches.
pub(super) fn is_match(patterns: &BTreeMap<Dimension, Vec<Pattern>>, series: &SeriesKey) -> bool {
    patterns.iter().all(|(dimension, patterns)| {
        let value = series.get(dimension);
        value.is_some_and(|value| patterns.iter().any(|pattern| pattern.matches(value)))
    })
}

/// Patterns by dimension from their texts; why they are none, in words.
pub(super) fn patterns(
    texts: &BTreeMap<String, Vec<String>>,
) -> Result<BTreeMap<Dimension, Vec<Pattern>>, String> {
    let mut patterns = BTreeMap::new();
    for (name, texts) in texts {
        let dimension: Dimension =
            name.parse().map_err(|error: DimensionError| error.to_string())?;
        let read: Option<Vec<Pattern>> = texts.iter().map(|text| Pattern::new(text)).collect();
        let read = read.filter(|patterns| !patterns.is_empty());
        let read =
            read.ok_or_else(|| format!("`{dimension}` has no pattern, or one that is none"))?;
        patterns.insert(dimension, read);
    }
    Ok(patterns)
}

impl RuleTable {
    fn to_rule(&self, rule: usize) -> Result<OwnerRule, OwnershipPolicyError> {
        for (key, text) in [("owner", &self.owner), ("reason", &self.reason)] {
            let is_fine = !text.trim().is_empty()
                && text.chars().count() <= 200
                && !text.chars().any(char::is_control);
            if !is_fine {
                return Err(OwnershipPolicyError::Text { rule, key });
            }
        }
        if self.patterns.is_empty() {
            return Err(OwnershipPolicyError::NoMatch { rule });
        }
        let mut patterns = BTreeMap::new();
        for (name, texts) in &self.patterns {
            let texts = match texts {
                OneOrMany::One(text) => std::slice::from_ref(text),
                OneOrMany::Many(texts) => texts.as_slice(),
            };
            let read: Option<Vec<Pattern>> = texts.iter().map(|text| Pattern::new(text)).collect();
            let read = read
                .filter(|patterns| !patterns.is_empty())
                .ok_or(OwnershipPolicyError::Text { rule, key: "match" })?;
            patterns.insert(dimension(name, rule)?, read);
        }
        Ok(OwnerRule { owner: self.owner.clone(), reason: self.reason.clone(), patterns })
    }
}

fn dimension(name: &str, rule: usize) -> Result<Dimension, OwnershipPolicyError> {
    name.parse().map_err(|source| OwnershipPolicyError::Dimension { rule, source })
}

/// An example as a series, its values cleaned as imported ones are.
fn series(example: &Example, rule: usize) -> Result<SeriesKey, OwnershipPolicyError> {
    let mut labels = Labels::default();
    for (name, value) in example {
        labels.set(dimension(name, rule)?, value);
    }
    Ok(labels.to_key())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{OwnershipPolicyError as Error, *};

    const POLICY: &str = r#"
        [[owner]]
        owner = "search-platform"
        reason = "Evaluation runs of search are search's own"
        match = { feature = "support-*", "tag:purpose" = "search-evaluation" }
        matches = [{ feature = "support-answers", "tag:purpose" = "search-evaluation" }]

        [[owner]]
        owner = "support-platform"
        reason = "Runs everything that answers tickets"
        match = { feature = ["support-*", "ticket-triage"] }
        matches = [{ feature = "support-answers" }, { feature = "ticket-triage", team = "search" }]
        does_not_match = [{ feature = "search-answers" }, { team = "support-platform" }]
    "#;

    fn series_of(values: &[(&str, &str)]) -> SeriesKey {
        values.iter().map(|(name, value)| (name.parse().unwrap(), *value)).collect()
    }

    #[test]
    fn the_first_rule_that_matches_decides_then_the_team() {
        let policy = OwnershipPolicy::parse(POLICY).unwrap();
        let stated = |owner: &str, rule| Ownership::Stated { owner: owner.into(), rule };
        for (values, expected) in [
            (&[("feature", "support-answers")][..], stated("support-platform", 2)),
            (
                &[("feature", "support-x"), ("tag:purpose", "search-evaluation")],
                stated("search-platform", 1),
            ),
            (&[("feature", "ticket-triage"), ("team", "search")], stated("support-platform", 2)),
            (
                &[("feature", "checkout"), ("team", "payments")],
                Ownership::FromTag("payments".into()),
            ),
            (&[("feature", "checkout")], Ownership::Unknown),
            (&[], Ownership::Unknown),
        ] {
            assert_eq!(policy.ownership(&series_of(values)), expected, "{values:?}");
        }
        let both = series_of(&[("feature", "support-x"), ("tag:purpose", "search-evaluation")]);
        let positions: Vec<usize> = policy.matching(&both).map(|(_, position)| position).collect();
        assert_eq!(positions, [1, 2]);
        assert_eq!(policy.rules()[1].reason, "Runs everything that answers tickets");
    }

    #[test]
    fn a_policy_that_fails_its_own_examples_is_refused() {
        let changed = |from: &str, to: &str| {
            assert!(POLICY.contains(from), "{from}");
            OwnershipPolicy::parse(&POLICY.replacen(from, to, 1)).unwrap_err()
        };
        for (from, to, expected) in [
            (
                "matches = [{ feature = \"support-answers\" }",
                "matches = [{ feature = \"answers\" }",
                Error::ExampleMissed { rule: 2, example: 1 },
            ),
            (
                "{ team = \"support-platform\" }]",
                "{ feature = \"support-\" }]",
                Error::ExampleMatched { rule: 2, example: 2 },
            ),
            (
                ", \"tag:purpose\" = \"search-evaluation\" }\n",
                "}\n",
                Error::ExampleShadowed { rule: 2, example: 1, by: 1 },
            ),
            ("[\"support-*\", \"ticket-triage\"]", "[]", Error::Text { rule: 2, key: "match" }),
            ("\"search-platform\"", "\" \"", Error::Text { rule: 1, key: "owner" }),
            ("\"search-platform\"", "\"a\\u001bb\"", Error::Text { rule: 1, key: "owner" }),
            ("{ feature = [\"support-*\", \"ticket-triage\"] }", "{}", Error::NoMatch { rule: 2 }),
            (
                "match = { feature = [",
                "match = { features = [",
                Error::Dimension { rule: 2, source: DimensionError { name: "features".into() } },
            ),
            (
                "matches = [{ feature = \"support-answers\", \"tag:purpose\" = \"search-evaluation\" }]",
                "",
                Error::NoExample { rule: 1 },
            ),
        ] {
            assert_eq!(changed(from, to), expected, "{to}");
        }
        let message = changed("reason = \"Runs", "because = \"Runs").to_string();
        assert!(message.starts_with("line 10: unknown field `because`"), "{message}");
        assert_eq!(OwnershipPolicy::parse(""), Ok(OwnershipPolicy::default()));
    }

    /// The file that ships has no active rule; its commented examples (`#` without a space) work.
    #[test]
    fn the_shipped_policy_and_its_examples_are_valid() {
        let shipped = include_str!("../../../../policies/owners.toml");
        assert_eq!(OwnershipPolicy::parse(shipped), Ok(OwnershipPolicy::default()));
        let lines = shipped.lines().map(|line| match line.strip_prefix('#') {
            Some(code) if !code.starts_with(' ') => code,
            _ => line,
        });
        let enabled = OwnershipPolicy::parse(&lines.collect::<Vec<_>>().join("\n")).unwrap();
        assert_eq!(enabled.rules().len(), 3);
    }

    proptest! {
        /// A rule that cannot match, wherever it stands, changes nobody's ownership.
        #[test]
        fn rules_that_do_not_match_change_nothing(
            features in prop::collection::vec("[a-c]{1,3}", 1..6),
            value in "[a-c]{1,3}",
            at in 0_usize..6,
        ) {
            let rule = |feature: &str, owner: &str| OwnerRule {
                owner: owner.into(),
                reason: "test".into(),
                patterns: [(Dimension::Feature, vec![Pattern::new(feature).unwrap()])].into(),
            };
            let rules: Vec<OwnerRule> =
                features.iter().map(|feature| rule(&format!("{feature}*"), feature)).collect();
            let series = series_of(&[("feature", &value), ("team", "fallback")]);
            let before = OwnershipPolicy { rules: rules.clone() }.ownership(&series);
            let first = features.iter().find(|feature| value.starts_with(feature.as_str()));
            let expected = first.map_or("fallback", |feature| feature.as_str());
            prop_assert_eq!(before.owner(), Some(expected));
            let mut more = rules;
            more.insert(at.min(more.len()), rule("z*", "nobody"));
            let after = OwnershipPolicy { rules: more }.ownership(&series);
            prop_assert_eq!(after.owner(), before.owner());
        }
    }
}
