//! Suite `route_owner`: episodes of features whose ownership is stated in one of the ways there are, stated
//! twice, or not at all; whose they are is what `analyze` says and tells.

use std::fmt::Write as _;

use super::{
    Setup,
    analysed::{self, Analysed},
    company,
    company::{Part, Planted},
    explain,
    product::Home,
    score::Score,
    stand_in::StandIn,
};
use crate::random::Random;

/// How a feature's owner is stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stated {
    /// The calls carry the team.
    Team,
    /// A rule of `owners.toml`; the calls carry nobody.
    Rule,
    /// A rule, and the calls carry another team, which was renamed.
    RuleOverTeam,
    /// A rule with a wildcard.
    Wildcard,
    /// `CODEOWNERS` of a repository that is tied to it.
    CodeOwners,
    /// Nobody: a decoy rule for a feature of a similar name.
    Nobody,
}

const WAYS: [Stated; 6] = [
    Stated::Team,
    Stated::Rule,
    Stated::RuleOverTeam,
    Stated::Wildcard,
    Stated::CodeOwners,
    Stated::Nobody,
];

/// Runs the suite; a model may word the analyses, and has no say in whose they are.
pub(crate) fn run(setup: &Setup, model: &StandIn) -> anyhow::Result<Score> {
    let mut score = Score::default();
    for seed in &setup.seeds {
        // An episode each, in a home of its own: together they would be one of everybody's.
        for planted in 0..WAYS.len() {
            score.merge(of_company(*seed, planted, setup, model)?);
        }
    }
    Ok(score)
}

fn of_company(seed: u64, planted: usize, setup: &Setup, model: &StandIn) -> anyhow::Result<Score> {
    let mut score = Score::default();
    let mut random = Random::new(&[seed, 3]);
    let mut teams = ["support", "platform", "legal", "docs", "growth", "search"];
    random.shuffle(&mut teams);
    let mut parts = Vec::new();
    let mut truth: Vec<(String, Option<&str>, Stated)> = Vec::new();
    let (mut rules, mut owners, mut ties) = (String::new(), String::new(), String::new());
    for (number, stated) in WAYS.into_iter().enumerate() {
        let (owner, feature) = (
            teams[number],
            format!("feature-{}-{seed}", ["ant", "bee", "cat", "doe", "eel", "fox"][number]),
        );
        let carries = match stated {
            Stated::Team => Some(owner),
            Stated::RuleOverTeam => Some("old-name"),
            _ => None,
        };
        let happens = if number == planted { Planted::TokensPerCall } else { Planted::Steady };
        parts.push(Part::new(&feature, carries, happens));
        let pattern = match stated {
            Stated::Rule | Stated::RuleOverTeam => Some(feature.clone()),
            Stated::Wildcard => Some(format!("{}*", &feature[..feature.len() - 2])),
            Stated::Nobody => Some(format!("{feature}-archive")),
            _ => None,
        };
        if let Some(pattern) = pattern {
            let example = pattern.replace('*', "-x");
            let _ = write!(
                rules,
                "[[owner]]\nowner = \"{owner}\"\nreason = \"it runs it\"\nmatch = {{ feature = \"{pattern}\" }}\n\
                 matches = [{{ feature = \"{example}\" }}]\n\n"
            );
        }
        if stated == Stated::CodeOwners {
            let _ =
                writeln!(owners, "* @everybody\n/{feature}/ @{owner}\n/{feature}-archive/ @nobody");
            let _ = write!(
                ties,
                "[[repository.spend]]\nmatch = {{ feature = \"{feature}\" }}\npaths = [\"{feature}/\"]\n"
            );
        }
        truth.push((feature, (stated != Stated::Nobody).then_some(owner), stated));
    }
    let home =
        Home::new(&format!("\n[attention]\nminimum_impact = \"0.001\"\n{}", setup.config(model)))?;
    std::fs::write(home.path().join("policies").join("owners.toml"), rules)?;
    home.run(&["policy", "check"])?.ok()?;
    super::carry::repository(&home, &owners)?;
    let handles: Vec<String> = teams.iter().map(|team| format!("{team} = [\"@{team}\"]")).collect();
    home.configure(&format!(
        "\n[[repository]]\nname = \"product\"\npath = \"../product\"\nhandles = {{ {} }}\n{ties}",
        handles.join(", ")
    ))?;
    let calls = home.file("calls.jsonl", company::calls(&parts, seed, 4).as_bytes())?;
    home.run(&["import", &calls, "--source", "calls"])?.ok()?;
    let what = format!("route_owner seed {seed} {:?}", WAYS[planted]);
    let analysed = analysed::each(&home, &what, setup.cases, model, &mut score)?;
    for (feature, owner, stated) in truth.into_iter().skip(planted).take(1) {
        let of_feature = analysed.iter().find(|one| explain::names(&one.incident, &feature));
        score.expect("episodes analysed", of_feature.is_some(), || {
            format!("seed {seed} {feature} {stated:?}")
        });
        let Some(Analysed { analysis, .. }) = of_feature else { continue };
        let found = analysis.pointer("/routed/owner");
        let found = found.map(std::string::ToString::to_string).unwrap_or_default();
        let is_right = match owner {
            Some(owner) => found.contains(&format!("\"{owner}\"")),
            None => found.contains("not_stated"),
        };
        score.expect("owners right", is_right, || {
            format!("seed {seed} {feature} {stated:?}: {found}")
        });
        if stated == Stated::Nobody {
            score.count("owners named where nobody is stated", !is_right);
        }
    }
    Ok(score)
}
