//! One line of a `CODEOWNERS` file.

use super::{Dialect, pattern::PathPattern};

/// What a line says.
pub(super) enum Read {
    /// Blank, or a comment.
    Nothing,
    /// The head of a section, with the owners of entries that name none.
    Section { name: String, owners: Vec<String> },
    /// An entry.
    Rule { text: String, pattern: PathPattern, is_exclusion: bool, owners: Owners },
}

/// Who is named in an entry.
pub(super) enum Owners {
    None,
    Named(Vec<String>),
}

/// Reads a line without the space around it; the reason where it is none.
pub(super) fn read(line: &str, dialect: Dialect) -> Result<Read, &'static str> {
    if line.is_empty() || line.starts_with('#') {
        return Ok(Read::Nothing);
    }
    if dialect == Dialect::Gitlab
        && let Some((name, rest)) = section(line)
    {
        if name.trim().is_empty() {
            return Err("a section has no name");
        }
        let owners = named(rest, dialect)?;
        return Ok(Read::Section { name: name.trim().to_owned(), owners });
    }
    let (text, rest) = split(line)?;
    let (body, is_exclusion) = match (dialect, text.strip_prefix('!')) {
        (_, None) => (text.as_str(), false),
        (Dialect::Gitlab, Some(body)) => (body, true),
        (Dialect::Github, Some(_)) => return Err("GitHub takes no pattern back with `!`"),
    };
    if body.contains('[') {
        return Err("character ranges are not read");
    }
    if dialect == Dialect::Github && line.starts_with("\\#") {
        return Err("GitHub does not read an escaped `#`");
    }
    let pattern = PathPattern::new(body, dialect).ok_or("the pattern is empty or too deep")?;
    let owners = named(rest, dialect)?;
    let owners = if owners.is_empty() { Owners::None } else { Owners::Named(owners) };
    Ok(Read::Rule { text, pattern, is_exclusion, owners })
}

/// Name of a section (`[Name]`, `^[Name][2]`) and what follows its head; `None` for other lines.
pub(super) fn section(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix('^').unwrap_or(line).strip_prefix('[')?.split_once(']')?;
    match rest.strip_prefix('[') {
        Some(count) => {
            let (count, rest) = count.split_once(']')?;
            let is_count = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
            is_count.then_some((name, rest))
        }
        // `[a]b` is a pattern.
        None => (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some((name, rest)),
    }
}

/// The pattern of a line, escapes of spaces and `#` resolved, and what follows.
fn split(line: &str) -> Result<(String, &str), &'static str> {
    let mut pattern = String::new();
    let mut letters = line.char_indices();
    while let Some((at, c)) = letters.next() {
        match c {
            '\\' => {
                let (_, next) = letters.next().ok_or("the pattern ends in a backslash")?;
                if !next.is_whitespace() && next != '#' {
                    pattern.push('\\');
                }
                pattern.push(next);
            }
            c if c.is_whitespace() => {
                return Ok((pattern, line.get(at..).unwrap_or_default()));
            }
            c => pattern.push(c),
        }
    }
    Ok((pattern, ""))
}

/// Logins, teams, addresses and roles. GitHub ends at a comment and skips a line that holds anything
/// else; GitLab has no comment there, and passes over what is no owner.
fn named(text: &str, dialect: Dialect) -> Result<Vec<String>, &'static str> {
    let mut owners = Vec::new();
    for word in text.split_whitespace() {
        if dialect == Dialect::Github && word.starts_with('#') {
            break;
        }
        if is_owner(word, dialect) {
            owners.push(word.to_owned());
        } else if dialect == Dialect::Github {
            return Err("an owner is neither `@login`, `@organisation/team` nor an address");
        }
    }
    Ok(owners)
}

fn is_owner(word: &str, dialect: Dialect) -> bool {
    let is_plain = |text: &str| {
        !text.is_empty()
            && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    if word.chars().count() > 254 {
        return false;
    }
    if let Some(role) = word.strip_prefix("@@") {
        let role = role.strip_suffix('s').unwrap_or(role);
        return dialect == Dialect::Gitlab && matches!(role, "developer" | "maintainer" | "owner");
    }
    match word.strip_prefix('@') {
        Some(handle) => {
            let parts = handle.split('/').count();
            let deepest = if dialect == Dialect::Github { 2 } else { 20 };
            parts <= deepest && handle.split('/').all(is_plain)
        }
        None => word.split_once('@').is_some_and(|(name, host)| {
            let is_name = |c: char| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
            !name.is_empty() && name.chars().all(is_name) && is_plain(host)
        }),
    }
}
