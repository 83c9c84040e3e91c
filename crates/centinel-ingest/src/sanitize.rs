//! Imported text is hostile: what of it reaches a message or a column.

use std::{borrow::Cow, fmt};

use sha2::{Digest as _, Sha256};

/// Longest text column kept, in characters.
pub(crate) const TEXT_CHARS_MAX: usize = 1_000;

/// A value as it is quoted in a message: in backticks, 40 characters at most, control characters
/// and backticks replaced.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        f.write_char('`')?;
        for (position, c) in self.0.chars().enumerate() {
            if position == 40 {
                f.write_char('…')?;
                break;
            }
            f.write_char(if is_hidden(c) || c == '`' { ' ' } else { c })?;
        }
        f.write_char('`')
    }
}

/// Control characters, and the marks that reorder or hide text.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Column names in a message: the first ones, and how many more there are.
pub(crate) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let text = names.iter().take(SHOWN).map(|name| shown_line(name)).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{text} and {more} more"),
        _ => text,
    }
}

/// A column name as it is shown: one line, 80 characters at most.
pub(crate) fn shown_line(name: &str) -> String {
    let mut text: String =
        name.chars().take(80).map(|c| if is_hidden(c) { ' ' } else { c }).collect();
    if name.chars().nth(80).is_some() {
        text.push('…');
    }
    text
}

/// Copies a text column into a slot, re-using its buffer: trimmed, without hidden characters, cut at
/// [`TEXT_CHARS_MAX`]; nothing left is no value.
pub(crate) fn set_text(slot: &mut Option<String>, value: &str) {
    let value = value.trim();
    if value.is_empty() {
        *slot = None;
        return;
    }
    let text = slot.get_or_insert_default();
    text.clear();
    if value.len() <= TEXT_CHARS_MAX && value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        text.push_str(value);
    } else {
        text.extend(value.chars().filter(|&c| !is_hidden(c)).take(TEXT_CHARS_MAX));
        if text.is_empty() {
            *slot = None;
        }
    }
}

/// A credential as it may be kept: ids and names as they are, what looks like a secret only as the
/// start of its digest.
pub(crate) fn credential_id(value: &str) -> Cow<'_, str> {
    const SECRET_PREFIXES: [&str; 9] =
        ["sk-", "sk_", "gsk_", "xai-", "hf_", "pplx-", "AIza", "Bearer ", "r8_"];
    let is_secret =
        value.len() >= 20 && SECRET_PREFIXES.iter().any(|prefix| value.starts_with(prefix));
    if !is_secret {
        return Cow::Borrowed(value);
    }
    let digest = Sha256::digest(value.as_bytes());
    let mut id = String::from("sha256:");
    for byte in digest.iter().take(8) {
        // Writing to a String cannot fail.
        let _ = fmt::Write::write_fmt(&mut id, format_args!("{byte:02x}"));
    }
    Cow::Owned(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_kept() {
        assert_eq!(credential_id("key_03AURACTO"), "key_03AURACTO");
        let kept = credential_id("sk-proj-0123456789abcdefghij");
        assert!(kept.starts_with("sha256:") && kept.len() == 23, "{kept}");
    }

    #[test]
    fn shown_values_stay_on_one_line() {
        assert_eq!(Shown("a\nb`c\u{202e}").to_string(), "`a b c `");
        assert_eq!(Shown(&"x".repeat(50)).to_string(), format!("`{}…`", "x".repeat(40)));
    }

    #[test]
    fn text_columns_are_cleaned_and_capped() {
        let mut slot = Some("before".to_owned());
        set_text(&mut slot, " a\u{1b}[31mb ");
        assert_eq!(slot.as_deref(), Some("a[31mb"));
        set_text(&mut slot, &"ß".repeat(2_000));
        assert_eq!(slot.as_ref().unwrap().chars().count(), TEXT_CHARS_MAX);
        set_text(&mut slot, "\u{7}");
        assert_eq!(slot, None);
    }
}
