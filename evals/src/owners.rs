//! Owner routing on generated organisations: whose a part of the spend is, where that is stated and where
//! it is not.
//!
//! An organisation is drawn from the truth outward: each feature gets an owner and a way to state it, or
//! none, and the files (`owners.toml`, `CODEOWNERS` of both forges, teams on series) are written to say just
//! that, among decoys that say nothing. The engine reads the files as text.

mod organisation;

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use centinel_engine::{
    attribution::{
        CodeOwners, EscalationPolicy, Owner, OwnershipPolicy, RepositoryOwners, RouteNote,
        SeriesOwner, Stating, Tie, Unknown, owner_of, route,
    },
    money::Pico,
};

use crate::seeds::{Seeds, seeds};
use organisation::{Case, Mixture, Organisation, Truth};

/// What can be asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Seeds of organisations: `1..50`, both included, or one.
    #[arg(long, value_parser = seeds, default_value = "1..50")]
    seeds: Seeds,
    /// Print every case that is not right.
    #[arg(long)]
    verbose: bool,
}

/// How many of a kind, and how many were right.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    cases: usize,
    right: usize,
}

/// Runs and prints; an error where anything stated was missed, or anything not stated was named.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
    for seed in &args.seeds.0 {
        let organisation = organisation::generate(*seed);
        let read = Files::read(&organisation).with_context(|| format!("seed {seed}"))?;
        for case in &organisation.cases {
            let found = read.owner(case);
            let is_right = is_right(&found, &case.truth);
            count(&mut counts, case.kind, is_right);
            if args.verbose && !is_right {
                println!("seed {seed} {}: {:?}, not {:?}", case.kind, found, case.truth);
            }
        }
        for mixture in &organisation.mixtures {
            let routed = read.mixture(&organisation, mixture)?;
            let is_right = routed.as_deref() == mixture.owner.as_deref();
            count(&mut counts, mixture.kind, is_right);
            if args.verbose && !is_right {
                println!("seed {seed} {}: {routed:?}, not {:?}", mixture.kind, mixture.owner);
            }
        }
    }
    println!("{:<48} {:>7} {:>7}", "kind", "cases", "right");
    for (kind, Count { cases, right }) in &counts {
        println!("{kind:<48} {cases:>7} {right:>7}");
    }
    let sum = counts.values().fold(Count::default(), |sum, count| Count {
        cases: sum.cases + count.cases,
        right: sum.right + count.right,
    });
    println!("{:<48} {:>7} {:>7}", "all", sum.cases, sum.right);
    if sum.right != sum.cases {
        bail!("{} of {} cases were routed wrongly", sum.cases - sum.right, sum.cases);
    }
    Ok(())
}

fn count(counts: &mut BTreeMap<&'static str, Count>, kind: &'static str, is_right: bool) {
    let count = counts.entry(kind).or_default();
    count.cases += 1;
    count.right += usize::from(is_right);
}

/// The files of an organisation, as the engine reads them.
struct Files {
    policy: OwnershipPolicy,
    repositories: Vec<RepositoryOwners>,
}

impl Files {
    fn read(organisation: &Organisation) -> anyhow::Result<Self> {
        let mut repositories = Vec::new();
        for repository in &organisation.repositories {
            let ties = repository.ties.iter().map(|(pattern, path)| {
                let matching = BTreeMap::from([("feature".to_owned(), vec![pattern.clone()])]);
                Tie::new(&matching, std::slice::from_ref(path))
            });
            let file = match &repository.file {
                Some(text) => CodeOwners::parse(text.as_bytes(), repository.dialect)
                    .map_err(|error| error.to_string()),
                None => Err("the clone is gone".to_owned()),
            };
            let ties = ties.collect::<Result<_, _>>()?;
            let handles = &organisation.handles;
            repositories.push(RepositoryOwners::new(&repository.name, handles, ties, file));
        }
        Ok(Self { policy: OwnershipPolicy::parse(&organisation.rules)?, repositories })
    }

    fn owner(&self, case: &Case) -> SeriesOwner {
        let stating = Stating { policy: &self.policy, repositories: &self.repositories };
        owner_of(&case.series, stating)
    }

    /// Whose a change over several features is; `None` for nobody's.
    fn mixture(
        &self,
        organisation: &Organisation,
        mixture: &Mixture,
    ) -> anyhow::Result<Option<String>> {
        let part = |(index, amount): &(usize, i64)| {
            (self.owner(&organisation.cases[*index]), Pico(i128::from(*amount)))
        };
        let parts: Vec<_> = mixture.parts.iter().map(part).collect();
        Ok(route(&parts, &EscalationPolicy::default())?.owner.name().map(str::to_owned))
    }
}

fn is_right(found: &SeriesOwner, truth: &Truth) -> bool {
    let differs: Vec<&str> = found
        .notes
        .iter()
        .filter_map(|note| match note {
            RouteNote::Differs { name, .. } => Some(name.as_str()),
            RouteNote::NotRead { .. } => None,
        })
        .collect();
    match truth {
        Truth::Stated { name, contradicted_by } => {
            found.owner.name() == Some(name.as_str())
                && contradicted_by.iter().all(|other| differs.contains(&other.as_str()))
                && (!contradicted_by.is_empty() || differs.is_empty())
        }
        Truth::Nobody => found.owner == Owner::Unknown { because: Unknown::NotStated },
        Truth::Several(names) => {
            found.owner == Owner::Unknown { because: Unknown::Several { names: names.clone() } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn organisations_are_routed_as_they_state() {
        run(&Args { seeds: Seeds(vec![1, 2, 3]), verbose: true }).unwrap();
    }

    /// The score can fail: an organisation whose rules are gone has nobody where it stated somebody.
    #[test]
    fn what_is_not_stated_any_more_is_missed() {
        let organisation = organisation::generate(7);
        let read =
            Files::read(&Organisation { rules: String::new(), ..organisation.clone() }).unwrap();
        let wrong = |case: &&Case| !is_right(&read.owner(case), &case.truth);
        assert!(organisation.cases.iter().filter(wrong).count() > 10);
    }
}
