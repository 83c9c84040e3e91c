//! Who owns a file, as `CODEOWNERS` says it.
//!
//! # Source
//!
//! GitHub, "About code owners" (the pattern of `.gitignore` without negation and character ranges; the
//! last match wins; a pattern without owners owns nothing); GitLab, "Code Owners syntax" (sections,
//! each with its own last match, and default owners of a section).

use std::collections::{BTreeMap, BTreeSet};

use super::Reviewer;

/// Where the file lies, first one first; GitLab's own folder comes last.
pub const CODEOWNERS_FILES: [&str; 4] =
    [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/// Most rules that are read; the file of the largest repositories has a few thousand.
const RULES_MAX: usize = 20_000;
/// Longest path or pattern that is compared, in parts.
const PARTS_MAX: usize = 64;

/// A `CODEOWNERS` file, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeOwners {
    sections: Vec<Vec<Rule>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    parts: Vec<String>,
    /// A pattern with a slash at its end is a folder, and owns what lies in it.
    is_folder: bool,
    owners: Vec<String>,
}

/// What the file says about the proposal's owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// No file, or nobody owns the files in it.
    Nobody,
    /// The handles of the proposal's team are among the owners.
    Agrees,
    /// Others own the files.
    Differs,
    /// Which handles the proposal's team has is not configured.
    NotKnown,
    /// The file is there, but cannot be read: a link, or too large.
    Unreadable,
}

impl CodeOwners {
    /// Reads a file. A line that is none is skipped, as the forges do; what is no text owns nothing.
    pub fn parse(file: &[u8]) -> Self {
        let text = String::from_utf8_lossy(file);
        let mut sections = vec![Vec::new()];
        let mut default: Vec<String> = Vec::new();
        let mut count = 0_usize;
        for line in text.lines() {
            let line = line.trim();
            if let Some(head) = section(line) {
                default = owners(head);
                sections.push(Vec::new());
                continue;
            }
            let Some((pattern, rest)) = pattern(line) else { continue };
            count += 1;
            if count > RULES_MAX {
                break;
            }
            let mut owners = owners(rest);
            if owners.is_empty() {
                owners.clone_from(&default);
            }
            if let Some(rule) = Rule::new(&pattern, owners)
                && let Some(section) = sections.last_mut()
            {
                section.push(rule);
            }
        }
        Self { sections }
    }

    /// The owners of a file, as they are written: `@login`, `@organisation/team`, an address.
    pub fn of(&self, file: &str) -> Vec<&str> {
        let parts: Vec<&str> = file.split('/').collect();
        let mut found = Vec::new();
        for section in &self.sections {
            let rule = section.iter().rev().find(|rule| rule.matches(&parts));
            for owner in rule.into_iter().flat_map(|rule| &rule.owners) {
                if !found.contains(&owner.as_str()) {
                    found.push(owner);
                }
            }
        }
        found
    }

    /// The owners of all of these files.
    pub fn of_all<'a>(&self, files: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        files.into_iter().flat_map(|file| self.of(file)).map(str::to_owned).collect()
    }
}

/// Compares the owners of files with the proposal's team, by a configured map of teams to handles.
/// Nothing is guessed from names that look alike.
pub fn ownership(
    owners: &BTreeSet<String>,
    team: &str,
    handles: &BTreeMap<String, Vec<String>>,
) -> Ownership {
    if owners.is_empty() {
        return Ownership::Nobody;
    }
    let Some(handles) = handles.get(team) else { return Ownership::NotKnown };
    let is_ours = |owner: &String| {
        let bare = |text: &str| text.trim_start_matches('@').to_ascii_lowercase();
        handles.iter().any(|handle| bare(handle) == bare(owner))
    };
    if owners.iter().any(is_ours) { Ownership::Agrees } else { Ownership::Differs }
}

/// Owners who can be asked to review; addresses cannot.
pub fn reviewers(owners: &BTreeSet<String>) -> Vec<Reviewer> {
    let reviewer = |owner: &String| {
        let handle = owner.strip_prefix('@').filter(|handle| !handle.is_empty())?;
        Some(match handle.rsplit_once('/') {
            Some((_, team)) => Reviewer::Team(team.to_owned()),
            None => Reviewer::Person(handle.to_owned()),
        })
    };
    let all: BTreeSet<Reviewer> = owners.iter().filter_map(reviewer).collect();
    all.into_iter().collect()
}

/// What follows the head of a section (`[Name]`, `^[Name][2]`); `None` for other lines.
fn section(line: &str) -> Option<&str> {
    let (_, rest) = line.strip_prefix('^').unwrap_or(line).strip_prefix('[')?.split_once(']')?;
    match rest.strip_prefix('[') {
        Some(count) => Some(count.split_once(']')?.1),
        None => Some(rest),
    }
}

/// The pattern of a line, its escapes resolved where they are of spaces, and the rest.
fn pattern(line: &str) -> Option<(String, &str)> {
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let mut pattern = String::new();
    let mut letters = line.char_indices();
    while let Some((at, c)) = letters.next() {
        match c {
            '\\' => {
                let (_, next) = letters.next()?;
                if !next.is_whitespace() && next != '#' {
                    pattern.push('\\');
                }
                pattern.push(next);
            }
            c if c.is_whitespace() => return Some((pattern, line.get(at..)?)),
            c => pattern.push(c),
        }
    }
    Some((pattern, ""))
}

/// Handles and addresses until a comment begins.
fn owners(text: &str) -> Vec<String> {
    text.split_whitespace()
        .take_while(|word| !word.starts_with('#'))
        .filter(|word| word.contains('@'))
        .map(str::to_owned)
        .collect()
}

impl Rule {
    fn new(pattern: &str, owners: Vec<String>) -> Option<Self> {
        // GitHub has neither negation nor ranges: such a line owns nothing.
        if pattern.starts_with('!') || pattern.contains('[') {
            return None;
        }
        let is_folder = pattern.ends_with('/');
        let body = pattern.trim_end_matches('/');
        // A slash at the beginning or in the middle holds the pattern to the root.
        let is_anchored = body.contains('/');
        let mut parts: Vec<String> = Vec::new();
        if !is_anchored {
            parts.push("**".to_owned());
        }
        for part in body.split('/').filter(|part| !part.is_empty()) {
            // Two in a row are one, and would only cost time.
            if part != "**" || parts.last().is_none_or(|last| last != "**") {
                parts.push(part.to_owned());
            }
        }
        let is_read = !parts.is_empty() && parts.len() <= PARTS_MAX;
        is_read.then_some(Self { parts, is_folder, owners })
    }

    /// Whether the file, or a folder above it, is what the pattern names.
    fn matches(&self, path: &[&str]) -> bool {
        if path.len() > PARTS_MAX {
            return false;
        }
        // `reached` holds, for each count of path parts, whether the pattern so far can end there.
        let mut reached = vec![false; path.len() + 1];
        if let Some(first) = reached.first_mut() {
            *first = true;
        }
        for part in &self.parts {
            let mut next = vec![false; path.len() + 1];
            if part == "**" {
                let mut any = false;
                for (slot, before) in next.iter_mut().zip(&reached) {
                    any |= *before;
                    *slot = any;
                }
            } else {
                for ((before, name), slot) in reached.iter().zip(path).zip(next.iter_mut().skip(1))
                {
                    *slot = *before && part_matches(part, name);
                }
            }
            reached = next;
        }
        let whole = reached.last().copied().unwrap_or(false);
        let above = reached.iter().rev().skip(1).any(|ended| *ended);
        let last = self.parts.last().map(String::as_str);
        match last {
            // `docs/*` is what lies in `docs`, and nothing deeper.
            Some("*") if !self.is_folder && self.parts.len() > 1 && !self.is_anywhere() => whole,
            _ if self.is_folder => above,
            _ => whole || above,
        }
    }

    /// Whether the pattern is one part without a slash, as `*` or `*.tf`.
    fn is_anywhere(&self) -> bool {
        self.parts.len() == 2 && self.parts.first().is_some_and(|part| part == "**")
    }
}

/// Whether one part of a path fits one part of a pattern: `*` any characters, `?` one, `\x` itself.
fn part_matches(pattern: &str, name: &str) -> bool {
    enum Piece {
        Any,
        One,
        Letter(char),
    }
    let mut pieces = Vec::new();
    let mut letters = pattern.chars();
    while let Some(c) = letters.next() {
        pieces.push(match c {
            '*' => Piece::Any,
            '?' => Piece::One,
            '\\' => Piece::Letter(letters.next().unwrap_or('\\')),
            c => Piece::Letter(c),
        });
    }
    let name: Vec<char> = name.chars().collect();
    let mut reached = vec![false; name.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for piece in pieces {
        let mut next = vec![false; name.len() + 1];
        if let Piece::Any = piece {
            let mut any = false;
            for (slot, before) in next.iter_mut().zip(&reached) {
                any |= *before;
                *slot = any;
            }
        } else {
            for ((before, c), slot) in reached.iter().zip(&name).zip(next.iter_mut().skip(1)) {
                let fits = match piece {
                    Piece::Letter(wanted) => wanted == *c,
                    _ => true,
                };
                *slot = *before && fits;
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &str, path: &str, expected: &[&str]) {
        assert_eq!(CodeOwners::parse(file.as_bytes()).of(path), expected, "{file:?}: {path}");
    }

    /// The examples of GitHub's own page, and what they leave out.
    #[test]
    fn patterns_match_as_github_says() {
        for (pattern, path, owned) in [
            ("*", "a/b/c.rs", true),
            ("*.js", "a/b.js", true),
            ("*.js", "a/b.jsx", false),
            ("/build/logs/", "build/logs/a/b.txt", true),
            ("/build/logs/", "x/build/logs/a", false),
            ("docs/*", "docs/getting-started.md", true),
            ("docs/*", "docs/build-app/troubleshooting.md", false),
            ("apps/", "x/apps/y/z", true),
            ("apps/", "apps", false),
            ("/docs/", "docs/a", true),
            ("/docs", "docs/a/b", true),
            ("/scripts/**", "scripts/a/b", true),
            ("**/logs", "build/logs/x", true),
            ("**/logs", "deeply/nested/logs", true),
            ("**/logs", "blogs", false),
            ("/apps/github", "apps/github/x", true),
            ("charts/**/values.yaml", "charts/values.yaml", true),
            ("charts/**/values.yaml", "charts/a/b/values.yaml", true),
            ("charts/**/values.yaml", "charts/a/values.yml", false),
            ("/a?c", "abc", true),
            ("/a?c", "ac", false),
            ("Docs/", "docs/a", false),
            ("/with\\ space/x", "with space/x", true),
            ("!*.rs", "a.rs", false),
            ("/a[bc]", "ab", false),
            ("**", "a/b", true),
            ("/**/**/**/a", "x/y/a", true),
        ] {
            check(&format!("{pattern} @team\n"), path, if owned { &["@team"] } else { &[] });
        }
    }

    #[test]
    fn the_last_match_wins() {
        let file =
            "# all\n* @all # of it\n*.tf @org/infra sre@example.com\n/live/ @live\n/live/free\n";
        check(file, "a.rs", &["@all"]);
        check(file, "x/main.tf", &["@org/infra", "sre@example.com"]);
        check(file, "live/main.tf", &["@live"]);
        check(file, "live/free/main.tf", &[]);
        check("", "a", &[]);
        check("\u{0}\u{ff}\n*\n", "a", &[]);
    }

    #[test]
    fn sections_add_up() {
        let file = "* @all\n[Docs] @docs\n*.md\n^[Infra][2] @sre\n*.tf\nlive/ @live\n";
        check(file, "a.md", &["@all", "@docs"]);
        check(file, "main.tf", &["@all", "@sre"]);
        check(file, "live/main.tf", &["@all", "@live"]);
    }

    #[test]
    fn a_hostile_file_costs_little() {
        let pattern = format!("/{}x @a\n", "**/*a*a*a*a*a*a/".repeat(30));
        check(&pattern.repeat(50), &"aaaaaaaaaaaaaaaaaaaa/".repeat(40), &[]);
    }

    #[test]
    fn ownership_is_compared_and_not_guessed() {
        let set = |owners: &[&str]| owners.iter().map(|one| (*one).to_owned()).collect();
        let handles = BTreeMap::from([("search".to_owned(), vec!["@Org/Search".to_owned()])]);
        for (owners, team, expected) in [
            (vec![], "search", Ownership::Nobody),
            (vec!["@org/search", "@x"], "search", Ownership::Agrees),
            (vec!["@org/search-infra"], "search", Ownership::Differs),
            (vec!["@org/ads"], "ads", Ownership::NotKnown),
        ] {
            assert_eq!(ownership(&set(&owners), team, &handles), expected, "{owners:?} {team}");
        }
        let asked = reviewers(&set(&["@b", "@org/team", "a@example.com", "@"]));
        assert_eq!(asked, [Reviewer::Person("b".into()), Reviewer::Team("team".into())]);
    }
}
