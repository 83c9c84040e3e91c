//! Slack's `mrkdwn`: no mention, channel, link, emoji or formatting comes out of a foreign text.

use super::visible_line;

/// What keeps Slack from seeing a mark, and people from seeing anything.
const BREAK: char = '\u{200b}';

/// Most characters in the text of a section block.
///
/// # Source
///
/// Slack Block Kit reference, section block: `text` up to 3,000 characters.
pub const SECTION_MAX: usize = 3_000;
/// Most characters of a header block, and of a text in a field of plain text.
///
/// # Source
///
/// Slack Block Kit reference, header block: 150 characters.
pub const HEADER_MAX: usize = 150;

/// A text inside `mrkdwn`, at most `max` UTF-16 units long as it is sent; cut with `…`, never inside an
/// escape. Send it in an object with `verbatim: true`, so that bare host names stay text as well.
///
/// # Source
///
/// Slack, "Formatting text for app surfaces": `&`, `<` and `>` are escaped, as `&amp;`, `&lt;`, `&gt;`.
pub fn text(text: &str, max: usize) -> String {
    let mut pieces: Vec<String> = Vec::new();
    let mut length = 0;
    let mut rest = visible_line(text).peekable();
    while let Some(c) = rest.next() {
        let mut piece = match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            c => c.to_string(),
        };
        // On both sides: a mark formats only between a boundary and a word.
        let is_mark = matches!(c, '*' | '_' | '~' | '`');
        let begins = matches!(c, '@' | '#' | ':') && rest.peek().is_some_and(|next| *next != ' ');
        if is_mark {
            piece.insert(0, BREAK);
        }
        if is_mark || begins {
            piece.push(BREAK);
        }
        length += units(&piece);
        pieces.push(piece);
    }
    if length <= max {
        return pieces.concat();
    }
    // Room for the ellipsis.
    while length + 1 > max {
        let Some(piece) = pieces.pop() else { return String::new() };
        length -= units(&piece);
    }
    pieces.push("…".to_owned());
    pieces.concat()
}

/// A text in a `plain_text` object, which Slack renders as it is but for emoji; cut as [`text`] is.
pub fn plain(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    let mut rest = visible_line(text).peekable();
    while let Some(c) = rest.next() {
        let is_emoji = c == ':' && rest.peek().is_some_and(|next| *next != ' ');
        let more = c.len_utf16() + usize::from(is_emoji);
        let is_last = rest.peek().is_none();
        if length + more + usize::from(!is_last) > max {
            if length < max {
                out.push('…');
            }
            return out;
        }
        length += more;
        out.push(c);
        if is_emoji {
            out.push(BREAK);
        }
    }
    out
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::escape::hostile::{HOSTILE, hostile_text};

    #[test]
    fn marks_are_text() {
        for (given, expected) in [
            ("<!channel>", "&lt;!channel&gt;"),
            ("<@U012AB3CD>", "&lt;@\u{200b}U012AB3CD&gt;"),
            ("a & b", "a &amp; b"),
            ("&lt;", "&amp;lt;"),
            ("*ok*", "\u{200b}*\u{200b}ok\u{200b}*\u{200b}"),
            (":tada:", ":\u{200b}tada:"),
            ("https://e.x", "https:\u{200b}//e.x"),
            ("a: b", "a: b"),
            ("a\r\nb", "a  b"),
        ] {
            assert_eq!(text(given, 100), expected, "{given:?}");
        }
    }

    #[test]
    fn cuts_spare_escapes_and_characters() {
        for (given, max, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("a<<", 6, "a&lt;…"),
            ("a<<", 5, "a…"),
            ("<", 3, "…"),
            ("😀😀", 3, "😀…"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(text(given, max), expected, "{given:?} {max}");
        }
        assert_eq!(plain("abcd", 3), "ab…");
        assert_eq!(plain("abc", 3), "abc");
        assert_eq!(plain(":x:", 10), ":\u{200b}x:");
    }

    fn check(given: &str, max: usize) {
        let escaped = text(given, max);
        assert!(units(&escaped) <= max, "{given:?}");
        let bare = escaped.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
        assert!(!bare.contains(['&', '<', '>', '\n', '\r']), "{given:?}: {escaped}");
        assert!(!escaped.contains("://"), "{given:?}: {escaped}");
        let shown = text(given, usize::MAX)
            .replace(BREAK, "")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&");
        assert_eq!(shown, visible_line(given).collect::<String>(), "{given:?}");
        assert!(units(&plain(given, max)) <= max, "{given:?}");
    }

    #[test]
    fn nothing_hostile_is_a_mark() {
        for text in HOSTILE {
            for max in [0, 1, 2, 7, 3_000] {
                check(text, max);
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_mark(text in hostile_text(), max in 0_usize..60) {
            check(&text, max);
        }
    }
}
