//! Cells of CSV that people open in a spreadsheet.

use centinel_engine::money::Decimal;

/// A text as one cell: quoted where it must be, and with `'` before what a spreadsheet would compute.
///
/// # Source
///
/// RFC 4180; OWASP, "CSV Injection".
pub fn cell(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => c,
            c if crate::edit::is_hidden(c) => '\u{fffd}',
            c => c,
        })
        .collect();
    let is_formula =
        |c: char| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '＝' | '＋' | '－' | '＠');
    let is_number = text.parse::<Decimal>().is_ok();
    let risky = text.starts_with(['\t', '\r']) || text.trim_start().starts_with(is_formula);
    let prefix = if risky && !is_number { "'" } else { "" };
    if text.contains([',', ';', '"', '\n', '\r', '\t']) || text.trim() != text {
        return format!("\"{prefix}{}\"", text.replace('"', "\"\""));
    }
    format!("{prefix}{text}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::escape::hostile::{HOSTILE, hostile_text};

    #[test]
    fn formulas_are_text() {
        for (given, expected) in [
            ("plain", "plain"),
            ("=1+1", "'=1+1"),
            (" =1+1", "\"' =1+1\""),
            ("-5", "-5"),
            ("-5+1", "'-5+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("＝1", "'＝1"),
            ("", ""),
        ] {
            assert_eq!(cell(given), expected, "{given:?}");
        }
    }

    fn check(text: &str) {
        let made = cell(text);
        let inside = match made.strip_prefix('"') {
            Some(rest) => {
                let rest = rest.strip_suffix('"').unwrap();
                assert!(!rest.replace("\"\"", "").contains('"'), "{text:?}: {made}");
                rest.replace("\"\"", "\"")
            }
            None => {
                assert!(!made.contains([',', '"', '\n', '\r']), "{text:?}: {made}");
                made.clone()
            }
        };
        let is_number = inside.parse::<Decimal>().is_ok();
        let starts = inside.trim_start().starts_with(['=', '+', '-', '@']);
        assert!(is_number || !starts, "{text:?}: {made}");
    }

    #[test]
    fn nothing_hostile_is_a_formula() {
        for text in HOSTILE {
            check(text);
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_formula(text in hostile_text()) {
            check(&text);
        }
    }
}
