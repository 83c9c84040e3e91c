//! Patterns over paths.

use super::Dialect;

/// Longest path or pattern that is compared, in parts.
const PARTS_MAX: usize = 64;

/// A pattern, as parts between slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathPattern {
    parts: Vec<String>,
    /// A slash at its end: what lies below, and not the name itself.
    is_folder: bool,
    /// Whether a name that is a folder stands for what lies below it, too.
    owns_below: bool,
}

impl PathPattern {
    /// `None` for a pattern that is empty or has too many parts.
    pub(super) fn new(text: &str, dialect: Dialect) -> Option<Self> {
        let is_folder = text.ends_with('/');
        let body = text.trim_end_matches('/');
        let is_anchored = match dialect {
            // A slash at the beginning or in the middle holds the pattern to the root.
            Dialect::Github => body.contains('/'),
            Dialect::Gitlab => text.starts_with('/'),
        };
        let mut written: Vec<&str> = body.split('/').filter(|part| !part.is_empty()).collect();
        // At the end of a pattern, two stars are one to GitLab.
        if dialect == Dialect::Gitlab
            && !is_folder
            && let Some(last) = written.last_mut().filter(|last| **last == "**")
        {
            *last = "*";
        }
        // To GitHub, `docs/*` is what lies in `docs` and nothing deeper, and a name may be a folder.
        let ends_in_star = written.last().is_some_and(|last| *last == "*");
        let owns_below = dialect == Dialect::Github && !(ends_in_star && is_anchored);
        let mut parts: Vec<String> = Vec::new();
        for part in (!is_anchored).then_some("**").into_iter().chain(written) {
            // Two in a row are one, and would only cost time.
            if part != "**" || parts.last().is_none_or(|last| last != "**") {
                parts.push(part.to_owned());
            }
        }
        let is_read = (!body.is_empty() || is_folder) && parts.len() <= PARTS_MAX;
        is_read.then_some(Self { parts, is_folder, owns_below })
    }

    /// Whether the file, or a folder above it, is what the pattern names.
    pub(super) fn matches(&self, path: &[&str]) -> bool {
        if path.len() > PARTS_MAX {
            return false;
        }
        // `reached` holds, for each count of path parts, whether the pattern so far can end there.
        let mut reached = vec![false; path.len().saturating_add(1)];
        if let Some(first) = reached.first_mut() {
            *first = true;
        }
        for part in &self.parts {
            let mut next = vec![false; reached.len()];
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
        if self.is_folder { above } else { whole || (self.owns_below && above) }
    }
}

enum Piece {
    Any,
    One,
    Letter(char),
}

/// Whether one part of a path fits one part of a pattern: `*` any characters, `?` one, `\x` itself.
fn part_matches(pattern: &str, name: &str) -> bool {
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
    let mut reached = vec![false; name.len().saturating_add(1)];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for piece in pieces {
        let mut next = vec![false; reached.len()];
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
