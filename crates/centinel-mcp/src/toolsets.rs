//! Groups of tools that can be left out: by whoever starts the server, and further by each request.

use std::{fmt, str::FromStr};

use axum::http::HeaderMap;

use crate::imported::quoted;

/// A request with this header sees the tools of the sets that it names, `spend,plan`, as far as the
/// server has them. It leaves out, and never adds.
pub const TOOLSETS_HEADER: &str = "x-centinel-toolsets";

/// A group of tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Toolset {
    /// What was spent, why it changed, and how far the figures can be trusted.
    Spend,
    /// What will be spent and saved.
    Plan,
    /// What waits for people, and proposing more.
    Proposals,
}

/// Some of the [`Toolset`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Toolsets([bool; Toolset::ALL.len()]);

/// Why a list of toolsets cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolsetError {
    /// A name that is none of theirs.
    #[error("there is no toolset {}; there are `spend`, `plan`, `proposals`", quoted(.0))]
    Unknown(String),
    /// A list without a name.
    #[error("no toolset is named; there are `spend`, `plan`, `proposals`")]
    Empty,
}

impl Toolset {
    /// Every toolset.
    pub const ALL: [Self; 3] = [Self::Spend, Self::Plan, Self::Proposals];

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spend => "spend",
            Self::Plan => "plan",
            Self::Proposals => "proposals",
        }
    }
}

impl fmt::Display for Toolset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Toolsets {
    /// All of them.
    pub fn all() -> Self {
        Self(Toolset::ALL.map(|_| true))
    }

    /// Whether one is among them.
    pub fn contains(self, toolset: Toolset) -> bool {
        Toolset::ALL.into_iter().zip(self.0).any(|(known, is_in)| known == toolset && is_in)
    }

    /// What both have.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(Toolset::ALL.map(|toolset| self.contains(toolset) && other.contains(toolset)))
    }

    /// What a request is to see of these: fewer where its header names some.
    ///
    /// # Errors
    ///
    /// [`ToolsetError`] for a header that names none, or one that there is none of.
    pub(crate) fn narrowed_by(self, headers: &HeaderMap) -> Result<Self, ToolsetError> {
        let mut named = headers.get_all(TOOLSETS_HEADER).iter().peekable();
        if named.peek().is_none() {
            return Ok(self);
        }
        // Several lines of one header are one list.
        let lines = named.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let list = lines.collect::<Vec<_>>().join(",");
        Ok(self.and(list.parse()?))
    }
}

impl Default for Toolsets {
    fn default() -> Self {
        Self::all()
    }
}

impl fmt::Display for Toolsets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Toolset::ALL.into_iter().filter(|toolset| self.contains(*toolset));
        f.pad(&named.map(Toolset::name).collect::<Vec<_>>().join(","))
    }
}

impl FromStr for Toolsets {
    type Err = ToolsetError;

    fn from_str(list: &str) -> Result<Self, ToolsetError> {
        let names = || list.split(',').map(str::trim).filter(|name| !name.is_empty());
        let is_known = |name: &&str| Toolset::ALL.iter().any(|toolset| toolset.name() == *name);
        if let Some(unknown) = names().find(|name| !is_known(name)) {
            return Err(ToolsetError::Unknown(unknown.to_owned()));
        }
        let named = Self(Toolset::ALL.map(|toolset| names().any(|name| name == toolset.name())));
        if names().next().is_none() { Err(ToolsetError::Empty) } else { Ok(named) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_or_refused_with_what_there_is() {
        for (list, shown) in [
            ("spend", "spend"),
            (" proposals , spend ,spend", "spend,proposals"),
            ("spend,plan,proposals", "spend,plan,proposals"),
        ] {
            assert_eq!(list.parse::<Toolsets>().unwrap().to_string(), shown, "{list}");
        }
        for list in ["", " , ", "all", "Spend", "spend;plan", "spend,admin", "spend,\u{202e}x\n`y`"]
        {
            let error = list.parse::<Toolsets>().unwrap_err().to_string();
            assert!(error.ends_with("there are `spend`, `plan`, `proposals`"), "{error}");
            assert!(!error.contains('\u{202e}') && !error.contains('\n'), "{error:?}");
        }
    }

    #[test]
    fn a_header_only_leaves_out() {
        let of = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(TOOLSETS_HEADER, line.parse().unwrap());
            }
            headers
        };
        let server: Toolsets = "spend,proposals".parse().unwrap();
        for (lines, seen) in [
            (&[] as &[&str], "spend,proposals"),
            (&["spend"], "spend"),
            (&["plan"], ""),
            (&["spend,plan,proposals"], "spend,proposals"),
            (&["spend", "proposals"], "spend,proposals"),
        ] {
            assert_eq!(server.narrowed_by(&of(lines)).unwrap().to_string(), seen, "{lines:?}");
        }
        for lines in [&[""] as &[&str], &["all"], &["spend", "everything"]] {
            assert!(server.narrowed_by(&of(lines)).is_err(), "{lines:?}");
        }
    }
}
