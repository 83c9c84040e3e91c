//! Markdown as GitHub and GitLab render it: no markup, link, mention, reference, quick action or emoji
//! comes out of a foreign text.

use super::visible_line;

/// What keeps a renderer from seeing a reference, and people from seeing anything.
const BREAK: &str = "&#8203;";

/// A text between other text on a line, in a table cell or a heading.
///
/// Characters of markup become numeric references, which CommonMark never takes for structure. Mentions
/// and issue links are found after rendering, so a zero-width space stands behind their first character.
///
/// # Source
///
/// CommonMark 0.31.2, section 2.5, "Entity and numeric character references".
pub fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let line: String = visible_line(text).collect();
    let mut rest = line.trim().chars().peekable();
    let mut before: Option<char> = None;
    while let Some(c) = rest.next() {
        let next = rest.peek().copied();
        let is_plain = c.is_alphanumeric()
            || matches!(c, ' ' | ',' | '\'' | '\u{fffd}')
            || (c == '.' && before.is_some_and(|c| !c.is_ascii_digit()))
            || (matches!(c, '-' | '/' | '(' | ')' | '%') && before.is_some())
            || !c.is_ascii();
        if is_plain {
            out.push(c);
        } else {
            out.extend(["&#", u32::from(c).to_string().as_str(), ";"]);
        }
        // `@name`, `#1`, `!1`, `$1`, `~label`, `%milestone`, `&1`, `^1`, `:emoji:`, `http://`, `www.`.
        let begins = matches!(c, '@' | '#' | '!' | '$' | '~' | '%' | '&' | '^' | ':' | '*')
            && next.is_some_and(|next| !matches!(next, ' ' | ',' | '.' | ')'));
        let is_www = c == '.' && before.is_some_and(|c| matches!(c, 'w' | 'W'));
        // `GH-1` is an issue, too.
        let is_issue = c == '-'
            && before.is_some_and(|c| matches!(c, 'H' | 'h'))
            && next.is_some_and(|next| next.is_ascii_digit());
        if begins || is_www || is_issue {
            out.push_str(BREAK);
        }
        before = Some(c);
    }
    out
}

/// A text as code on a line; the fence is longer than any run of backticks in it.
pub fn code(text: &str) -> String {
    let line: String = visible_line(text).collect();
    if line.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let longest = line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // One space on each side is taken off again; without it, backticks at an end would join the fence.
    let needs_space = line.starts_with(['`', ' ']) || line.ends_with(['`', ' ']);
    let space = if needs_space { " " } else { "" };
    format!("{fence}{space}{line}{space}{fence}")
}

/// A text as code in a table cell, where a bar needs a backslash even in code.
pub fn code_cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::escape::hostile::{HOSTILE, hostile_text};

    #[test]
    fn texts_read_as_themselves() {
        for (given, expected) in [
            ("right-size search-api CPU 2 -> 500m", "right-size search-api CPU 2 -&#62; 500m"),
            ("saves 12.5 %, about", "saves 12&#46;5 %, about"),
            ("@octocat", "&#64;&#8203;octocat"),
            ("see #1", "see &#35;&#8203;1"),
            ("GH-3", "GH-&#8203;3"),
            ("/close", "&#47;close"),
            ("- [x] a", "&#45; &#91;x&#93; a"),
            ("<b>", "&#60;b&#62;"),
            ("https://e.x/y", "https&#58;&#8203;//e.x/y"),
            ("www.e.x", "www.&#8203;e.x"),
            ("a\n\n# b", "a  &#35; b"),
            ("a\u{202e}b\u{200b}c", "a\u{fffd}b\u{fffd}c"),
            ("1. a", "1&#46; a"),
            ("a | b", "a &#124; b"),
        ] {
            assert_eq!(text(given), expected, "{given:?}");
        }
    }

    #[test]
    fn code_has_a_fence_of_its_own() {
        for (given, expected) in [
            ("a", "`a`"),
            ("a`b", "``a`b``"),
            ("`a`", "`` `a` ``"),
            ("``", "``` `` ```"),
            ("", "(empty)"),
            ("\n", "(empty)"),
            (" a ", "`  a  `"),
            ("a\nb", "`a b`"),
        ] {
            assert_eq!(code(given), expected, "{given:?}");
        }
        assert_eq!(code_cell("a|b"), "`a\\|b`");
    }

    /// What a renderer shows: references decoded, breaks gone.
    fn shown(escaped: &str) -> String {
        let mut out = String::new();
        let mut rest = escaped;
        while let Some(at) = rest.find("&#") {
            out.push_str(&rest[..at]);
            let (code, after) = rest[at + 2..].split_once(';').unwrap();
            let c = char::from_u32(code.parse().unwrap()).unwrap();
            if c != '\u{200b}' {
                out.push(c);
            }
            rest = after;
        }
        out + rest
    }

    fn check(given: &str) {
        let escaped = text(given);
        let visible: String = visible_line(given).collect();
        assert_eq!(shown(&escaped), visible.trim(), "{given:?}");
        let bare = regex_lite::Regex::new("&#[0-9]+;")
            .unwrap()
            .replace_all(&escaped, "\u{1}")
            .into_owned();
        let active = |c: char| "<>[]*_`|~\\@#!&^:$=+\"{}?;\n\r".contains(c);
        assert!(!bare.contains(active), "{given:?}: {escaped}");
        let starts = |c: char| "-/(%)".contains(c);
        assert!(!bare.starts_with(starts), "{given:?}: {escaped}");
        assert!(!escaped.to_lowercase().contains("://"), "{given:?}: {escaped}");
        let www = escaped.to_lowercase();
        assert!(
            www.match_indices("www.").all(|(at, _)| www[at..].starts_with("www.&#8203;")),
            "{escaped}"
        );

        let escaped = code(given);
        assert!(!escaped.contains(['\n', '\r']) && !escaped.contains(crate::edit::is_hidden));
        let fence = escaped.chars().take_while(|c| *c == '`').count();
        if fence > 0 {
            let inside = &escaped[fence..escaped.len() - fence];
            let runs = inside.split(|c| c != '`').map(str::len);
            assert!(runs.into_iter().all(|run| run != fence), "{given:?}: {escaped}");
        }
    }

    #[test]
    fn nothing_hostile_is_markup() {
        for text in HOSTILE {
            check(text);
        }
    }

    proptest! {
        #[test]
        fn no_text_is_markup(text in hostile_text()) {
            check(&text);
        }
    }
}
