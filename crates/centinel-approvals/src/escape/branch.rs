//! Names of branches from foreign words.

/// Longest slug, in characters.
const SLUG_MAX: usize = 48;

/// `centinel/KIND/SLUG-FINGERPRINT`: lowercase letters, digits and single hyphens between two slashes.
///
/// The slug is for people; the eight digits of the fingerprint tell branches apart. Nothing that git
/// forbids or interprets can occur: no `..`, `@{`, `.lock`, leading hyphen, space or control character.
///
/// # Source
///
/// `git check-ref-format`.
pub fn name(kind: &str, target: &str, fingerprint: &str) -> String {
    let digits: String =
        fingerprint.chars().filter(char::is_ascii_hexdigit).take(8).collect::<String>();
    let digits = digits.to_ascii_lowercase();
    let parts = [slug(target), digits];
    let last: Vec<&str> =
        parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    let last = if last.is_empty() { "change".to_owned() } else { last.join("-") };
    let kind = slug(kind);
    let kind = if kind.is_empty() { "change" } else { &kind };
    format!("centinel/{kind}/{last}")
}

/// A text as lowercase words with hyphens; empty when it has no ASCII letter or digit.
pub fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= SLUG_MAX {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::escape::hostile::{HOSTILE, hostile_text};

    #[test]
    fn names_are_words() {
        for (kind, target, fingerprint, expected) in [
            (
                "rightsize",
                "Search API: CPU",
                "9c1e77ab00",
                "centinel/rightsize/search-api-cpu-9c1e77ab",
            ),
            ("virtual_tag", "a..b.lock", "0123456789", "centinel/virtual-tag/a-b-lock-01234567"),
            ("", "", "", "centinel/change/change"),
            ("x", "日本", "ABCDEF01", "centinel/x/abcdef01"),
            ("x", "-rf /", "zz", "centinel/x/rf"),
        ] {
            assert_eq!(name(kind, target, fingerprint), expected);
        }
        assert!(name("x", &"a".repeat(500), "01234567").len() < 80);
    }

    fn check(text: &str) {
        for made in [name("k", text, "0123abcd"), name(text, text, text)] {
            assert!(made.starts_with("centinel/") && made.len() <= 120, "{made}");
            assert_eq!(made.split('/').count(), 3, "{made}");
            for part in made.split('/') {
                let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                assert!(!part.is_empty() && part.chars().all(is_word), "{text:?}: {made}");
                assert!(!part.starts_with('-') && !part.ends_with('-'), "{text:?}: {made}");
            }
        }
    }

    #[test]
    fn nothing_hostile_is_more_than_a_name() {
        for text in HOSTILE {
            check(text);
        }
    }

    proptest! {
        #[test]
        fn no_text_is_more_than_a_name(text in hostile_text()) {
            check(&text);
        }
    }
}
