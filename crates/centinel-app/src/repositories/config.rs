//! `[[repository]]` and `[delivery]` of `centinel.toml`.

use std::{collections::BTreeMap, path::PathBuf};

use centinel_approvals::{Service, delivery::OpenMax};
use centinel_engine::{
    attribution::{Dialect, Tie, TieError},
    proposal::Edit,
};
use serde::Deserialize;

use crate::live::CredentialRef;

/// `[[repository]]`: where proposals that change files are delivered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositoryConfig {
    /// As edits of proposals name it.
    pub name: String,
    /// A clone on this machine, relative to the home; instead of `url`.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// Where git reaches it.
    #[serde(default)]
    pub url: Option<String>,
    /// Where pull requests are opened.
    #[serde(default)]
    pub forge: Option<ForgeKind>,
    /// The address of the forge's API; that of its public service where absent.
    #[serde(default)]
    pub api: Option<String>,
    /// `owner/name` on the forge; the path of `url` where absent.
    #[serde(default)]
    pub project: Option<String>,
    /// Where the token is kept.
    #[serde(default)]
    pub credential: Option<CredentialRef>,
    /// Where the secret of its webhook is kept.
    #[serde(default)]
    pub webhook_secret: Option<CredentialRef>,
    /// The branch that changes go to; the repository's default, and `main` of a clone, where absent.
    #[serde(default)]
    pub base: Option<String>,
    /// Handles of teams as `CODEOWNERS` writes them, by owner.
    #[serde(default)]
    pub handles: BTreeMap<String, Vec<String>>,
    /// Labels besides our own.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Nothing is opened before it is approved.
    #[serde(default)]
    pub after_approval: bool,
    /// The token may go there without encryption: a network of one's own.
    #[serde(default)]
    pub plain_http: bool,
    /// Which spend its code makes: `CODEOWNERS` of these paths then answers whose it is where nothing
    /// else does.
    #[serde(default)]
    pub spend: Vec<SpendOfCode>,
}

/// `[[repository.spend]]`: spend, and the paths of the code that makes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpendOfCode {
    /// Patterns by dimension, as in `owners.toml`; all of them must match.
    #[serde(rename = "match")]
    pub matching: BTreeMap<String, OneOrMany>,
    /// Files, and folders with a slash at their end; the whole repository where absent.
    #[serde(default)]
    pub paths: Vec<String>,
}

/// A pattern, or several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a pattern in quotes, or a list of them")]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several; one of them must match.
    Many(Vec<String>),
}

impl SpendOfCode {
    /// As the engine takes it.
    pub(crate) fn tie(&self) -> Result<Tie, TieError> {
        let patterns = |texts: &OneOrMany| match texts {
            OneOrMany::One(text) => vec![text.clone()],
            OneOrMany::Many(texts) => texts.clone(),
        };
        let matching = self.matching.iter().map(|(name, texts)| (name.clone(), patterns(texts)));
        Tie::new(&matching.collect(), &self.paths)
    }
}

/// Which forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForgeKind {
    /// GitHub, in the cloud and Enterprise.
    Github,
    /// GitLab.
    Gitlab,
}

impl ForgeKind {
    /// As which forge `CODEOWNERS` is read.
    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::Github => Dialect::Github,
            Self::Gitlab => Dialect::Gitlab,
        }
    }

    /// Whose accounts people have there.
    pub(super) fn service(self) -> Service {
        match self {
            Self::Github => Service::Github,
            Self::Gitlab => Service::Gitlab,
        }
    }
}

/// `[delivery]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeliveryConfig {
    /// Who commits.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Most that is open in one repository.
    pub open_per_repository: usize,
    /// Most that is open of one owner.
    pub open_per_owner: usize,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        let OpenMax { per_repository, per_owner } = OpenMax::default();
        Self {
            name: "Centinel".to_owned(),
            email: "centinel@localhost".to_owned(),
            open_per_repository: per_repository,
            open_per_owner: per_owner,
        }
    }
}

impl RepositoryConfig {
    /// What is wrong with it, in words.
    fn problem(&self) -> Option<&'static str> {
        let is_local = self.path.is_some();
        if self.name.is_empty() || self.name == Edit::HOME {
            return Some("its name is taken: edits of the home's own policies have it");
        }
        if is_local == self.url.is_some() {
            return Some("it needs either `path`, a clone, or `url`");
        }
        if is_local && (self.forge.is_some() || self.credential.is_some() || self.api.is_some()) {
            return Some("a clone has neither `forge` nor `api` nor `credential`");
        }
        if !is_local && self.forge.is_none() {
            return Some("it needs `forge`: `github` or `gitlab`");
        }
        if !is_local && self.credential.is_none() {
            return Some(
                "it needs `credential`, where its token is kept: `env:NAME` or `file:PATH`",
            );
        }
        None
    }

    /// `owner/name` on the forge.
    pub(super) fn project(&self) -> Option<String> {
        let of_url = || {
            let (_, rest) = self.url.as_deref()?.split_once("://")?;
            let (_, path) = rest.split_once('/')?;
            let path = path.trim_end_matches('/');
            Some(path.strip_suffix(".git").unwrap_or(path).to_owned())
        };
        self.project.clone().or_else(of_url)
    }
}

/// What is wrong with the repositories of a configuration, in words.
pub(crate) fn problem(repositories: &[RepositoryConfig]) -> Option<String> {
    for (index, repository) in repositories.iter().enumerate() {
        let name = &repository.name;
        let is_twice = repositories.iter().take(index).any(|other| other.name == *name);
        let problem = is_twice.then_some("there are two of this name").or(repository.problem());
        let untied = || {
            let wrong = repository.spend.iter().find_map(|spend| spend.tie().err())?;
            Some(format!("its [[repository.spend]]: {wrong}"))
        };
        if let Some(problem) = problem.map(str::to_owned).or_else(untied) {
            let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
            return Some(format!("[[repository]] `{name}`: {problem}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_says_where_it_is_and_how_it_is_reached() {
        for (text, expected) in [
            ("name = 'infra'\npath = '/srv/infra'", None),
            (
                "name = 'infra'\nurl = 'https://github.com/a/b.git'\nforge = 'github'\n\
                 credential = 'env:TOKEN'",
                None,
            ),
            ("name = 'home'\npath = '/srv/infra'", Some("its name is taken")),
            ("name = 'infra'", Some("either `path`, a clone, or `url`")),
            ("name = 'i'\npath = 'a'\n[[spend]]\nmatch = { feature = 'chat-*' }", None),
            (
                "name = 'i'\npath = 'a'\n[[spend]]\nmatch = { feature = ['a', 'b'] }\npaths = ['x/']",
                None,
            ),
            ("name = 'i'\npath = 'a'\n[[spend]]\nmatch = {}", Some("names no dimension")),
            (
                "name = 'i'\npath = 'a'\n[[spend]]\nmatch = { feature = 'a' }\npaths = ['../x']",
                Some("`../x` is no path"),
            ),
            ("name = 'infra'\npath = 'a'\nurl = 'https://h/a/b'", Some("either `path`")),
            ("name = 'infra'\npath = 'a'\nforge = 'github'", Some("neither `forge`")),
            ("name = 'infra'\nurl = 'https://h/a/b'", Some("needs `forge`")),
            ("name = 'i'\nurl = 'https://h/a/b'\nforge = 'gitlab'", Some("needs `credential`")),
        ] {
            let repository: RepositoryConfig = toml::from_str(text).unwrap();
            let problem = problem(std::slice::from_ref(&repository));
            match expected {
                None => assert_eq!(problem, None, "{text}"),
                Some(part) => assert!(problem.unwrap().contains(part), "{text}"),
            }
        }
        let twice: RepositoryConfig = toml::from_str("name = 'a'\npath = 'b'").unwrap();
        assert!(problem(&[twice.clone(), twice]).unwrap().contains("two of this name"));
    }

    #[test]
    fn the_project_is_the_path_of_the_address() {
        for (text, expected) in [
            ("url = 'https://github.com/acme/infra.git'", Some("acme/infra")),
            ("url = 'https://git.acme.internal/group/sub/infra/'", Some("group/sub/infra")),
            ("url = 'https://h/x.git'\nproject = 'a/b'", Some("a/b")),
            ("path = 'a'", None),
        ] {
            let text = format!("name = 'n'\n{text}");
            let repository: RepositoryConfig = toml::from_str(&text).unwrap();
            assert_eq!(repository.project().as_deref(), expected, "{text}");
        }
    }
}
