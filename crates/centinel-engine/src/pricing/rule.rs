//! Rules by which a book recognises names: exact ones, parts, patterns, and their combinations.

use regex_lite::{Regex, RegexBuilder};
use serde::Deserialize;

/// A rule as books write it: `{"or": [{"equals": "o3"}, {"starts_with": "o3-2025"}]}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Clause {
    Equals(String),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    Regex(String),
    Or(Vec<Clause>),
    And(Vec<Clause>),
}

/// A rule ready to be tried. Names are compared in lower case; a pattern is searched for in the
/// name in lower case, as written.
#[derive(Debug, Clone)]
pub(super) enum Rule {
    Equals(String),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    Matches(Regex),
    Any(Vec<Rule>),
    All(Vec<Rule>),
}

/// Largest compiled pattern, in bytes: a book from outside must not fill the memory.
const PATTERN_BYTES_MAX: usize = 1 << 18;

impl Rule {
    /// Compiles a rule.
    ///
    /// # Errors
    ///
    /// A pattern that is none, or is too large, in words. Matching takes time linear in the name,
    /// whatever the pattern.
    pub(super) fn compile(clause: &Clause) -> Result<Self, String> {
        let all = |clauses: &[Clause]| -> Result<Vec<Self>, String> {
            clauses.iter().map(Self::compile).collect()
        };
        Ok(match clause {
            Clause::Equals(text) => Self::Equals(text.to_lowercase()),
            Clause::Contains(text) => Self::Contains(text.to_lowercase()),
            Clause::StartsWith(text) => Self::StartsWith(text.to_lowercase()),
            Clause::EndsWith(text) => Self::EndsWith(text.to_lowercase()),
            Clause::Regex(pattern) => {
                let regex = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build();
                Self::Matches(regex.map_err(|error| {
                    let shown: String = pattern.chars().take(80).collect();
                    format!("`{shown}` is no pattern that can be read: {error}")
                })?)
            }
            Clause::Or(clauses) => Self::Any(all(clauses)?),
            Clause::And(clauses) => Self::All(all(clauses)?),
        })
    }

    /// Whether a name, given in lower case, satisfies the rule.
    pub(super) fn matches(&self, name: &str) -> bool {
        match self {
            Self::Equals(text) => name == text,
            Self::Contains(text) => name.contains(text.as_str()),
            Self::StartsWith(text) => name.starts_with(text.as_str()),
            Self::EndsWith(text) => name.ends_with(text.as_str()),
            Self::Matches(regex) => regex.is_match(name),
            Self::Any(rules) => rules.iter().any(|rule| rule.matches(name)),
            Self::All(rules) => rules.iter().all(|rule| rule.matches(name)),
        }
    }

    /// Whether the rule itself speaks of a text, so that a match is meant and not by accident.
    pub(super) fn mentions(&self, text: &str) -> bool {
        match self {
            Self::Equals(own)
            | Self::Contains(own)
            | Self::StartsWith(own)
            | Self::EndsWith(own) => own.contains(text),
            Self::Matches(regex) => regex.as_str().contains(text),
            Self::Any(rules) | Self::All(rules) => rules.iter().any(|rule| rule.mentions(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: &str, name: &str, expected: bool) {
        let clause: Clause = serde_json::from_str(rule).unwrap();
        assert_eq!(Rule::compile(&clause).unwrap().matches(name), expected, "{rule} on {name}");
    }

    #[test]
    fn clauses_combine() {
        check(r#"{"equals":"GPT-4o"}"#, "gpt-4o", true);
        check(r#"{"equals":"gpt-4o"}"#, "gpt-4o-mini", false);
        check(r#"{"contains":"4o"}"#, "gpt-4o-mini", true);
        check(r#"{"starts_with":"gpt-4o-"}"#, "gpt-4o", false);
        check(r#"{"ends_with":"-v1:0"}"#, "us.anthropic.claude-v1:0", true);
        check(r#"{"regex":"^o[134]"}"#, "o3-mini", true);
        check(
            r#"{"regex":"^gpt-5\\.6-sol-\\d{4}-\\d{2}-\\d{2}$"}"#,
            "gpt-5.6-sol-2026-07-09",
            true,
        );
        check(
            r#"{"regex":"^gpt-5\\.6-sol-\\d{4}-\\d{2}-\\d{2}$"}"#,
            "gpt-5x6-sol-2026-07-09",
            false,
        );
        check(r#"{"or":[{"equals":"a"},{"equals":"b"}]}"#, "b", true);
        check(r#"{"and":[{"contains":"a"},{"contains":"b"}]}"#, "cab", true);
        check(r#"{"and":[{"contains":"a"},{"or":[{"equals":"b"}]}]}"#, "a", false);
        check(r#"{"or":[]}"#, "a", false);
    }

    #[test]
    fn a_bad_rule_is_refused() {
        assert!(serde_json::from_str::<Clause>(r#"{"like":"a"}"#).is_err());
        assert!(serde_json::from_str::<Clause>(r#"{"equals":"a","contains":"b"}"#).is_err());
        for pattern in ["(", "a{1000}{1000}"] {
            assert!(Rule::compile(&Clause::Regex(pattern.to_owned())).is_err(), "{pattern}");
        }
        // Time is linear: the classic that takes for ever elsewhere.
        let slow = Rule::compile(&Clause::Regex("^(a+)+$".to_owned())).unwrap();
        assert!(!slow.matches(&("a".repeat(2000) + "!")));
    }
}
