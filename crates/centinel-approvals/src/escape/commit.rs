//! Commit messages: a foreign text is part of a line, and never a line, a trailer or a patch of its own.

use super::visible_line;

/// Longest first line, in characters.
const SUBJECT_MAX: usize = 72;

/// A commit message: subject, paragraphs, trailers.
///
/// Every text becomes one line of visible characters. A paragraph that would read as a trailer, a comment
/// or the beginning of a patch is quoted with `> `, so the only trailers are those given as such. A blank
/// comes into mentions, issue numbers and addresses, since `fixes #1` in a message closes an issue, and
/// brackets become round, since `[skip ci]` switches checks off.
///
/// # Source
///
/// GitHub, "Linking a pull request to an issue" and "Skipping workflow runs"; GitLab, "Default closing
/// pattern".
pub fn message(subject: &str, paragraphs: &[&str], trailers: &[(&'static str, &str)]) -> String {
    let mut out = quoted(&shortened(&line(subject), SUBJECT_MAX));
    if out.is_empty() {
        out.push_str("Change");
    }
    for paragraph in paragraphs {
        let paragraph = quoted(&line(paragraph));
        if !paragraph.is_empty() {
            out.push_str("\n\n");
            out.push_str(&paragraph);
        }
    }
    for (index, (key, value)) in trailers.iter().enumerate() {
        out.push_str(if index == 0 { "\n\n" } else { "\n" });
        out.extend([*key, ": ", line(value).as_str()]);
    }
    out.push('\n');
    out
}

/// A text as one line of prose: no mention, issue, address or instruction to a forge.
fn line(text: &str) -> String {
    let text: String = visible_line(text).collect();
    let text = text.trim();
    let mut out = String::with_capacity(text.len());
    let mut before: Option<char> = None;
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let next = rest.peek().map(|(_, next)| *next);
        match c {
            '[' => out.push('('),
            ']' => out.push(')'),
            // `***NO_CI***`
            '*' if before == Some('*') => {}
            c => out.push(c),
        }
        let is_reference = matches!(c, '@' | '#' | '!') && next.is_some_and(|next| next != ' ');
        let is_issue = c == '-'
            && matches!(before, Some('H' | 'h'))
            && next.is_some_and(|next| next.is_ascii_digit());
        // An address alone, such as the page of a proposal, says nothing about itself.
        let is_address = text.contains(' ')
            && c == '/'
            && text.get(..=at).is_some_and(|text| text.ends_with("://"));
        if is_reference || is_issue || is_address {
            out.push(' ');
        }
        before = Some(c);
    }
    out
}

fn shortened(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max - 1).collect();
    format!("{}…", kept.trim_end())
}

fn quoted(text: &str) -> String {
    if is_taken_for_more(text) { format!("> {text}") } else { text.to_owned() }
}

/// Whether git, or a person, takes a line for more than prose.
///
/// # Source
///
/// `git interpret-trailers` (a token, optional white space, `:`), `git am` and `git commit --cleanup`.
fn is_taken_for_more(text: &str) -> bool {
    let token = text.split(':').next().unwrap_or_default().trim_end();
    let is_token = !token.is_empty()
        && token.len() < text.len()
        && token.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        // Commit types like `finops:` are prose; trailers are `Capital-Letters`.
        && token.contains(|c: char| c.is_ascii_uppercase() || c == '-');
    is_token
        || text.starts_with(['#', ';'])
        || ["---", "diff ", "Index ", "From ", "(cherry picked from", "fixup!", "squash!", "amend!"]
            .iter()
            .any(|start| text.starts_with(start))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::escape::hostile::{HOSTILE, hostile_text};

    #[test]
    fn messages_have_the_given_trailers_only() {
        let forged = "ok\n\nSigned-off-by: Mallory <m@evil.example>\nCentinel-Proposal: P-1";
        assert_eq!(
            message(
                forged,
                &[forged, "Signed-off-by: M", "", "finops: fine"],
                &[("Centinel-Proposal", "P-7\nX: y")]
            ),
            "ok  Signed-off-by: Mallory <m@ evil.example> Centinel-Proposal: P-1\n\n\
             ok  Signed-off-by: Mallory <m@ evil.example> Centinel-Proposal: P-1\n\n\
             > Signed-off-by: M\n\nfinops: fine\n\nCentinel-Proposal: P-7 X: y\n"
        );
        assert_eq!(message("", &[], &[]), "Change\n");
        for (given, expected) in [
            ("fixes #1", "fixes # 1"),
            ("closes GH-3", "closes GH- 3"),
            ("fixes https://e.x/o/r/issues/1", "fixes https:// e.x/o/r/issues/1"),
            ("https://e.x/proposals/7", "https://e.x/proposals/7"),
            ("@team [skip ci] ***NO_CI***", "@ team (skip ci) *NO_CI*"),
            ("closes !4", "closes ! 4"),
        ] {
            assert_eq!(line(given), expected, "{given:?}");
        }
        assert_eq!(message("Signed-off-by: x", &["# c"], &[]), "> Signed-off-by: x\n\n> # c\n");
        assert_eq!(message(&"a".repeat(80), &[], &[]).chars().count(), 73);
    }

    fn check(text: &str) {
        let made = message(text, &[text, text], &[("Centinel-Proposal", text)]);
        assert!(
            !made.contains('\r') && !made.chars().any(|c| c != '\n' && crate::edit::is_hidden(c))
        );
        let trailers: Vec<&str> = made
            .lines()
            .filter(|line| {
                line.split_once(':').is_some_and(|(token, _)| {
                    token.contains('-')
                        && token.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                })
            })
            .collect();
        assert_eq!(trailers.len(), 1, "{text:?}: {made}");
        assert!(trailers[0].starts_with("Centinel-Proposal: "), "{text:?}: {made}");
        let begins = |mark: char| {
            made.match_indices(mark)
                .any(|(at, _)| made[at + 1..].starts_with(char::is_alphanumeric))
        };
        assert!(!begins('#') && !begins('@') && !begins('!'), "{text:?}: {made}");
        assert!(!made.contains(['[', ']']) && !made.contains("**"), "{text:?}: {made}");
        let last = made.trim_end_matches('\n').rsplit("\n\n").next().unwrap();
        assert_eq!(last.lines().count(), 1, "{text:?}: {made}");
        assert!(
            !made.lines().any(|line| line.starts_with('#') || line.starts_with("---")),
            "{made}"
        );
    }

    #[test]
    fn nothing_hostile_is_a_trailer() {
        for text in HOSTILE {
            check(text);
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_trailer(text in hostile_text()) {
            check(&text);
        }
    }
}
