//! `CODEOWNERS` files: who owns which file, as GitHub and GitLab read them.
//!
//! The two differ: a pattern with a slash inside is held to the root on GitHub and found anywhere on
//! GitLab, and only GitLab has sections, exclusions and default owners. A line that the forge would skip
//! is skipped here, and kept with the reason.
//!
//! # Source
//!
//! GitHub, "About code owners" (patterns of `.gitignore` without negation, character ranges and an
//! escaped `#`; the last match wins; a pattern without owners owns nothing; a line with a mistake is
//! skipped; files of 3 MB and more are not loaded). GitLab, "Syntax of `CODEOWNERS` file" (sections, each
//! with its own last match; sections of one name are one, whatever its case; default owners;
//! exclusions, which nothing in their section takes back; `#` begins a comment at the start of a line only).

mod line;
mod pattern;

use std::collections::{BTreeMap, BTreeSet};

use self::{
    line::{Owners, Read},
    pattern::PathPattern,
};

/// As which forge a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// GitHub.
    Github,
    /// GitLab.
    Gitlab,
}

impl Dialect {
    /// Where the file lies, the first one that is there counts.
    pub fn files(self) -> &'static [&'static str] {
        match self {
            Self::Github => &[".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"],
            Self::Gitlab => &["CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"],
        }
    }

    /// The dialect of a file of which nobody says where it is pushed to: by its folder, and else by
    /// whether it has sections.
    pub fn of_file(path: &str, text: &[u8]) -> Self {
        let has_sections = || {
            let text = String::from_utf8_lossy(text);
            text.lines().any(|line| line::section(line.trim()).is_some())
        };
        let is_gitlab =
            !path.starts_with(".github/") && (path.starts_with(".gitlab/") || has_sections());
        if is_gitlab { Self::Gitlab } else { Self::Github }
    }
}

/// A `CODEOWNERS` file, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeOwners {
    sections: Vec<Section>,
    rejected: Vec<RejectedLine>,
}

/// A line that owns nothing, because it is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedLine {
    /// Its number, from 1.
    pub line: usize,
    /// Why, in words.
    pub reason: &'static str,
}

/// What one section of a file says of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matched<'a> {
    /// The section's name; empty before the first one.
    pub section: &'a str,
    /// The line that decides, from 1.
    pub line: usize,
    /// Its pattern, as written.
    pub pattern: &'a str,
    /// `@login`, `@organisation/team`, an address, `@@role`; none where the line says that nobody does.
    pub owners: &'a [String],
}

/// A file that is too large to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("CODEOWNERS has {bytes} bytes; files of {max} bytes and more are not read", max = CodeOwners::BYTES_MAX)]
pub struct TooLarge {
    /// How large it is.
    pub bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Section {
    /// As first written.
    name: String,
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    line: usize,
    text: String,
    pattern: PathPattern,
    is_exclusion: bool,
    owners: Vec<String>,
}

impl CodeOwners {
    /// Size from which a file is not read, in bytes: that of GitHub.
    pub const BYTES_MAX: usize = 3 * 1024 * 1024;
    /// Most rules that are read; the file of the largest repositories has a few thousand.
    pub const RULES_MAX: usize = 20_000;

    /// Reads a file. What is no text in it stands as the replacement character, and so names no file.
    ///
    /// # Errors
    ///
    /// [`TooLarge`].
    pub fn parse(file: &[u8], dialect: Dialect) -> Result<Self, TooLarge> {
        if file.len() >= Self::BYTES_MAX {
            return Err(TooLarge { bytes: file.len() });
        }
        let text = String::from_utf8_lossy(file);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut read = Self { sections: vec![Section::default()], rejected: Vec::new() };
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        let (mut current, mut defaults, mut count) = (0_usize, Vec::new(), 0_usize);
        for (number, line) in (1_usize..).zip(text.lines()) {
            match line::read(line.trim(), dialect) {
                Ok(Read::Nothing) => {}
                Ok(Read::Section { name, owners }) => {
                    let last = read.sections.len();
                    current = *places.entry(name.to_lowercase()).or_insert(last);
                    if current == last {
                        read.sections.push(Section { name, rules: Vec::new() });
                    }
                    defaults = owners;
                }
                Ok(Read::Rule { text, pattern, is_exclusion, owners }) => {
                    count = count.saturating_add(1);
                    if count > Self::RULES_MAX {
                        read.reject(number, "the file has more rules than are read");
                        continue;
                    }
                    let owners = match owners {
                        Owners::Named(owners) => owners,
                        Owners::None if is_exclusion => Vec::new(),
                        Owners::None => defaults.clone(),
                    };
                    if let Some(section) = read.sections.get_mut(current) {
                        let line = number;
                        section.rules.push(Rule { line, text, pattern, is_exclusion, owners });
                    }
                }
                Err(reason) => read.reject(number, reason),
            }
        }
        Ok(read)
    }

    /// Lines that own nothing because they are none, in order.
    pub fn rejected(&self) -> &[RejectedLine] {
        &self.rejected
    }

    /// What each section says of a path, in their order; a section that says nothing is left out. A path
    /// that ends in `/` is a folder, and is asked for as a file in it that no pattern names.
    pub fn matching(&self, path: &str) -> Vec<Matched<'_>> {
        let path = path.trim_start_matches('/');
        let unnamed;
        let path = if path.is_empty() || path.ends_with('/') {
            unnamed = format!("{path}{UNNAMED_FILE}");
            &unnamed
        } else {
            path
        };
        let parts: Vec<&str> = path.split('/').collect();
        self.sections.iter().filter_map(|section| section.matching(&parts)).collect()
    }

    /// The owners of a path over all sections, as they are written.
    pub fn of(&self, path: &str) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        for owner in self.matching(path).into_iter().flat_map(|matched| matched.owners) {
            if !found.contains(&owner.as_str()) {
                found.push(owner);
            }
        }
        found
    }

    /// The owners of all of these files.
    pub fn of_all<'a>(&self, files: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        files.into_iter().flat_map(|file| self.of(file)).map(str::to_owned).collect()
    }

    fn reject(&mut self, line: usize, reason: &'static str) {
        self.rejected.push(RejectedLine { line, reason });
    }
}

/// A file's name that patterns match by `*` alone: no keyboard has it.
const UNNAMED_FILE: &str = "\u{f8ff}\u{f8fe}\u{f8fd}\u{f8fc}\u{f8fb}\u{f8fa}\u{f8f9}\u{f8f8}";

impl Section {
    fn matching(&self, path: &[&str]) -> Option<Matched<'_>> {
        let hits = || self.rules.iter().filter(|rule| rule.pattern.matches(path));
        // What is excluded cannot be taken in again.
        if hits().any(|rule| rule.is_exclusion) {
            return None;
        }
        let rule = hits().next_back()?;
        Some(Matched {
            section: &self.name,
            line: rule.line,
            pattern: &rule.text,
            owners: &rule.owners,
        })
    }
}

#[cfg(test)]
mod tests;
