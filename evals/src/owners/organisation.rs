//! Generated organisations whose ownership is known.

use std::{collections::BTreeMap, fmt::Write as _};

use centinel_engine::{
    attribution::Dialect,
    series::{Dimension, Labels, SeriesKey},
};

use crate::random::Random;

/// An organisation: its files, and what they state of each series.
#[derive(Debug, Clone)]
pub(super) struct Organisation {
    /// `owners.toml`.
    pub(super) rules: String,
    pub(super) repositories: Vec<Repository>,
    /// Handles of teams, where they are configured.
    pub(super) handles: BTreeMap<String, Vec<String>>,
    pub(super) cases: Vec<Case>,
    pub(super) mixtures: Vec<Mixture>,
}

/// A repository, and the spend that is tied to it.
#[derive(Debug, Clone)]
pub(super) struct Repository {
    pub(super) name: String,
    pub(super) dialect: Dialect,
    /// `CODEOWNERS`; `None` for one that cannot be read.
    pub(super) file: Option<String>,
    /// Pattern of features, and a path.
    pub(super) ties: Vec<(String, String)>,
}

/// A series, and whose it is.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) kind: &'static str,
    pub(super) series: SeriesKey,
    pub(super) truth: Truth,
}

/// Whose a series is, by what the organisation states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Truth {
    /// Somebody's; what else names others.
    Stated { name: String, contradicted_by: Vec<String> },
    /// Nobody's.
    Nobody,
    /// Several are named, and none is stated to answer.
    Several(Vec<String>),
}

/// A change over several series, by place among the cases, and whose it is.
#[derive(Debug, Clone)]
pub(super) struct Mixture {
    pub(super) kind: &'static str,
    pub(super) parts: Vec<(usize, i64)>,
    pub(super) owner: Option<String>,
}

/// Names that a careless reader takes for something else.
const HOSTILE: [&str; 12] = [
    "unknown",
    "nobody",
    "@channel",
    "<!here>",
    "a \"quoted\" team",
    "back\\slash",
    "[F1]",
    "team] = \"x\"",
    "équipe ß 東京",
    "null",
    "*",
    "\u{202e}desrever",
];

/// How a feature's owner is stated, one after the other for each team.
const WAYS: usize = 13;
/// Teams of an organisation.
const TEAMS: usize = 14;
/// Changes over several features of an organisation.
const MIXTURES: usize = 60;

/// What is written while an organisation is drawn.
struct Draft {
    random: Random,
    rules: Vec<String>,
    lines: [String; 2],
    ties: [Vec<(String, String)>; 3],
    handles: BTreeMap<String, Vec<String>>,
    cases: Vec<Case>,
}

/// The organisation of a seed.
pub(super) fn generate(seed: u64) -> Organisation {
    let mut draft = Draft {
        random: Random::new(&[seed, 0x0077]),
        rules: Vec::new(),
        // Sections of GitLab come last: what stands behind one is of it.
        lines: [String::from("# ours\n"), String::from("# ours\n")],
        ties: Default::default(),
        handles: BTreeMap::new(),
        cases: Vec::new(),
    };
    for team in 0..TEAMS {
        let name = draft.name(team);
        draft.handles.insert(name.clone(), vec![format!("@org/team-{team}")]);
        for way in 0..WAYS {
            draft.feature(team, &name, way);
        }
    }
    draft.lines[1].push_str("[Legal] @org/legal\n*.txt\n");
    let mixtures = draft.mixtures();
    let mut rules = draft.rules.clone();
    draft.random.shuffle(&mut rules);
    // Narrow rules stand above wide ones.
    rules.sort_by_key(|rule| rule.contains("* wide"));
    let repository = |index: usize, dialect, file: Option<String>| Repository {
        name: format!("repository-{index}"),
        dialect,
        file,
        ties: draft.ties[index].clone(),
    };
    Organisation {
        repositories: vec![
            repository(0, Dialect::Github, Some(draft.lines[0].clone())),
            repository(1, Dialect::Gitlab, Some(draft.lines[1].clone())),
            repository(2, Dialect::Github, None),
        ],
        rules: rules.concat(),
        handles: draft.handles,
        cases: draft.cases,
        mixtures,
    }
}

impl Draft {
    fn name(&mut self, team: usize) -> String {
        if self.random.unit() < 0.3 {
            let hostile = self.random.one_of(&HOSTILE);
            return format!("{hostile} {team}");
        }
        format!("{}-{team}", self.random.one_of(&["support", "search", "billing", "data"]))
    }

    /// A rule over one dimension, with the example that it must have.
    fn rule(&mut self, owner: &str, pattern: &str, example: &str, is_wide: bool) {
        let mut rule = String::new();
        let _ = write!(
            rule,
            "[[owner]]\nowner = {}\nreason = \"stated{}\"\nmatch = {{ feature = {} }}\n\
             matches = [{{ feature = {} }}]\n",
            quoted(owner),
            if is_wide { " * wide" } else { "" },
            quoted(pattern),
            quoted(example),
        );
        self.rules.push(rule);
    }

    fn case(&mut self, kind: &'static str, feature: &str, team: Option<&str>, truth: Truth) {
        let mut labels = Labels::default();
        labels.set(Dimension::Feature, feature);
        let model: &&str = self.random.one_of(&["gpt-5.1", "claude-sonnet", "mistral"]);
        labels.set(Dimension::Model, model);
        labels.set(Dimension::Provider, "openai");
        if let Some(team) = team {
            labels.set(Dimension::Team, team);
        }
        self.cases.push(Case { kind, series: labels.to_key(), truth });
    }

    /// A feature whose owner is stated in a way, or not at all.
    fn feature(&mut self, team: usize, name: &str, way: usize) {
        let draw = self.random.whole(0, 10_000);
        let feature = format!("f{team}-{way}-{draw}");
        let (handle, forge) = (format!("@org/team-{team}"), self.random.whole(0, 2));
        let folder = format!("services/{feature}/");
        let tie = |draft: &mut Self, to: usize, path: &str| {
            draft.ties[to].push((feature.clone(), path.to_owned()));
        };
        let line = |draft: &mut Self, text: &str| {
            let _ = writeln!(draft.lines[forge], "{text}");
        };
        let stated = |others: &[&str]| Truth::Stated {
            name: name.to_owned(),
            contradicted_by: others.iter().map(|other| (*other).to_owned()).collect(),
        };
        match way {
            0 => {
                self.rule(name, &feature, &feature, false);
                self.case("stated by a rule", &feature, None, stated(&[]));
            }
            1 => {
                self.rule(name, &format!("{feature}-*"), &format!("{feature}-a"), true);
                let (one, two) = (format!("{feature}-a"), format!("{feature}-b-c"));
                self.case("stated by a wildcard", &one, None, stated(&[]));
                self.case("stated by a wildcard", &two, None, stated(&[]));
            }
            2 => {
                // The narrow one stands above the wide one.
                self.rule("everybody", &format!("{feature}*"), &format!("{feature}x"), true);
                self.rule(name, &feature, &feature, false);
                self.case("stated by the first of two rules", &feature, None, stated(&[]));
            }
            3 => {
                // A blank before or after a name is no part of it.
                let name = name.trim().to_owned();
                self.case("stated by the team of the calls", &feature, Some(&name), stated(&[]));
            }
            4 => {
                // Calls carry the team's old name, which the rule replaces.
                let old = format!("old {team}");
                self.rule(name, &feature, &feature, false);
                self.case(
                    "stated by a rule, the team was renamed",
                    &feature,
                    Some(&old),
                    stated(&[&old]),
                );
            }
            5 => {
                line(self, &format!("/{folder} {handle}"));
                tie(self, forge, &folder);
                self.case("stated by CODEOWNERS alone", &feature, None, stated(&[]));
            }
            6 => {
                // The last match wins, and the rows above it say somebody else.
                line(
                    self,
                    &format!(
                        "/{folder} @org/somebody-else\n/{folder}**/*.md @org/writers\n/{folder} {handle}"
                    ),
                );
                tie(self, forge, &folder);
                self.case("stated by the last match of CODEOWNERS", &feature, None, stated(&[]));
            }
            7 => {
                // Nobody's team is configured for the handle: the handle itself is what is stated.
                line(self, &format!("/{folder} @lone-{draw}"));
                tie(self, forge, &folder);
                let truth =
                    Truth::Stated { name: format!("@lone-{draw}"), contradicted_by: Vec::new() };
                self.case("stated by a handle without a team", &feature, None, truth);
            }
            8 => {
                line(self, &format!("/{folder} @org/somebody-else"));
                tie(self, forge, &folder);
                self.rule(name, &feature, &feature, false);
                self.case(
                    "stated by a rule, CODEOWNERS differs",
                    &feature,
                    None,
                    stated(&["@org/somebody-else"]),
                );
            }
            9 => {
                line(self, &format!("/{folder}a/ {handle}\n/{folder}b/ @org/somebody-else"));
                tie(self, forge, &format!("{folder}a/"));
                tie(self, forge, &format!("{folder}b/"));
                let mut names = vec![name.to_owned(), "@org/somebody-else".to_owned()];
                names.sort();
                self.case(
                    "not stated: CODEOWNERS names several",
                    &feature,
                    None,
                    Truth::Several(names),
                );
            }
            10 => {
                // Names that look alike, comments and lines that are none state nothing.
                self.rule(name, &format!("{feature}-x"), &format!("{feature}-x"), false);
                let skipped = if forge == 0 {
                    format!(
                        "!/{folder} {handle}\n/{folder}[ab] {handle}\n/{folder} {handle} is theirs"
                    )
                } else {
                    format!("/{folder}[ab] {handle}")
                };
                line(self, &format!("# /{folder} {handle}\n{skipped}"));
                tie(self, forge, &folder);
                self.case("not stated: decoys", &feature, None, Truth::Nobody);
            }
            11 => {
                // Whoever owned it does not any more.
                line(self, &format!("/{folder} {handle}\n/{folder}"));
                tie(self, forge, &folder);
                self.case("not stated: CODEOWNERS takes it back", &feature, None, Truth::Nobody);
            }
            _ => {
                // The file has an owner for it; nothing ties the spend to the file, or it cannot be read.
                line(self, &format!("/{folder} {handle}"));
                if draw.is_multiple_of(2) {
                    tie(self, 2, &folder);
                }
                self.case(
                    "not stated: nothing is tied, or it is not read",
                    &feature,
                    None,
                    Truth::Nobody,
                );
            }
        }
    }

    /// Changes over a few series each, added up here as the policy's words say.
    fn mixtures(&mut self) -> Vec<Mixture> {
        let mut mixtures = Vec::new();
        for _ in 0..MIXTURES {
            let count = self.random.whole(2, 5);
            let parts: Vec<(usize, i64)> = (0..count)
                .map(|_| {
                    let index = self.random.whole(0, self.cases.len());
                    let size = i64::try_from(self.random.whole(1, 1_000)).unwrap_or(1);
                    (index, if self.random.unit() < 0.2 { -size } else { size })
                })
                .collect();
            let mut sums: BTreeMap<Option<&str>, i64> = BTreeMap::new();
            for (index, amount) in &parts {
                let name = match &self.cases[*index].truth {
                    Truth::Stated { name, .. } => Some(name.as_str()),
                    Truth::Nobody | Truth::Several(_) => None,
                };
                *sums.entry(name).or_default() += amount;
            }
            let whole: i64 = sums.values().sum();
            if whole == 0 {
                continue;
            }
            let along: i64 =
                sums.values().filter(|sum| (**sum > 0) == (whole > 0) && **sum != 0).sum();
            let main: Vec<Option<&str>> = sums
                .iter()
                .filter(|(_, sum)| {
                    (**sum > 0) == (whole > 0)
                        && 2 * **sum * whole.signum() >= along * whole.signum()
                })
                .map(|(name, _)| *name)
                .collect();
            let owner = match (sums.len(), main.as_slice()) {
                (1, _) => sums.keys().next().copied().flatten(),
                (_, [one]) => *one,
                _ => None,
            };
            let kind =
                if owner.is_some() { "a change with a main owner" } else { "a change of nobody's" };
            mixtures.push(Mixture { kind, owner: owner.map(str::to_owned), parts });
        }
        mixtures
    }
}

/// A TOML string: what JSON escapes, TOML reads alike.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
