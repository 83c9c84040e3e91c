//! Patterns over dimension values.

use std::fmt;

/// A value, or a value with `*` for any run of characters (also none). Case counts; nothing else is
/// special.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Longest pattern, in characters.
    pub const CHARS_MAX: usize = 200;

    /// `None` when the text is empty (no value is), too long, or holds control characters.
    pub fn new(text: &str) -> Option<Self> {
        let fits = !text.is_empty()
            && text.chars().count() <= Self::CHARS_MAX
            && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned()))
    }

    /// Whether a value is meant.
    pub fn matches(&self, value: &str) -> bool {
        let Some((head, rest)) = self.0.split_once('*') else {
            return self.0 == value;
        };
        let Some(mut left) = value.strip_prefix(head) else {
            return false;
        };
        let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
        // The leftmost place of each piece leaves the most for the next one.
        for piece in middle.split('*') {
            match left.split_once(piece) {
                _ if piece.is_empty() => {}
                Some((_, after)) => left = after,
                None => return false,
            }
        }
        left.ends_with(tail)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, tried out character by character.
    fn slow(pattern: &[char], value: &[char]) -> bool {
        match (pattern.first(), value.first()) {
            (None, None) => true,
            (Some('*'), _) => {
                slow(&pattern[1..], value) || (!value.is_empty() && slow(pattern, &value[1..]))
            }
            (Some(one), Some(other)) if one == other => slow(&pattern[1..], &value[1..]),
            _ => false,
        }
    }

    #[test]
    fn stars_stand_for_any_run() {
        for (pattern, value, expected) in [
            ("support-*", "support-answers", true),
            ("support-*", "support-", true),
            ("support-*", "support", false),
            ("support-*", "Support-answers", false),
            ("*-prod", "search-prod", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("*b*", "abc", true),
            ("*", "", true),
            ("x.y", "xay", false),
            ("ß*", "ßa", true),
        ] {
            assert_eq!(
                Pattern::new(pattern).unwrap().matches(value),
                expected,
                "{pattern} {value}"
            );
        }
        assert_eq!(Pattern::new(""), None);
        assert_eq!(Pattern::new("a\nb"), None);
        assert_eq!(Pattern::new(&"a".repeat(201)), None);
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*]{1,8}", value in "[ab]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = slow(&chars(&pattern), &chars(&value));
            prop_assert_eq!(Pattern::new(&pattern).unwrap().matches(&value), expected);
        }

        #[test]
        fn a_value_matches_itself(value in "[^*\\p{Cc}]{1,40}") {
            prop_assert!(Pattern::new(&value).unwrap().matches(&value));
        }
    }
}
