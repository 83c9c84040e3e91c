//! Names from the data, as Markdown shows them and does nothing else with them.

/// A name from the data, so that Markdown shows it and does nothing else with it.
pub(crate) fn escaped(name: &str) -> String {
    let mut text = String::new();
    let mut before = ' ';
    for (index, c) in name.char_indices() {
        let rest = name.get(index..).unwrap_or_default();
        let inside_word =
            before.is_alphanumeric() && rest.chars().nth(1).is_some_and(char::is_alphanumeric);
        // At the start of a line these begin a list or a rule.
        let is_first = index == 0;
        let was_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let active = match c {
            '-' | '+' | '=' => is_first,
            '.' | ')' if was_number && !inside_word => true,
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '!' | '#' | '~' | '&' | '@' | '$' => {
                true
            }
            '_' => !inside_word,
            ':' => rest.starts_with("://"),
            '.' => text.to_ascii_lowercase().ends_with("www"),
            _ => false,
        };
        if active {
            text.push('\\');
        }
        if !c.is_control() {
            text.push(c);
        }
        before = c;
    }
    text
}
