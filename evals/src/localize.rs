//! Localisation: which combinations of dimension values a change is in, on leaves with planted causes.
//!
//! A case is a table of some 40,000 leaves; a cause is a combination of values of which all leaves
//! change by the same share. A method is right about a cause when it names exactly its values. Counts
//! of all cases are pooled (micro).

mod case;
mod method;

use std::{collections::BTreeSet, time::Instant};

use crate::{
    seeds::{Seeds, seeds},
    statistics::quantile,
};
use case::{Case, Place, Suite};
use method::Method;

/// What can be asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Seeds to generate: `1001..1200`, both included, or one.
    #[arg(long, value_parser = seeds)]
    seeds: Seeds,
    /// One suite instead of all.
    #[arg(long, value_enum)]
    suite: Option<Suite>,
    /// Every effect is this large, as a share, up or down: 0.2 is 20 %.
    #[arg(long, value_name = "SHARE")]
    effect: Option<f64>,
    /// Print every case that is not wholly right.
    #[arg(long)]
    verbose: bool,
    /// Write the leaves of the first seed as CSV `a,b,…,real,predict` here, its causes to standard
    /// output, and run nothing.
    #[arg(long, value_name = "FILE", requires = "suite")]
    write: Option<std::path::PathBuf>,
}

/// How a method did on a suite.
#[derive(Debug, Default)]
struct Counts {
    cases: usize,
    right: usize,
    wrong: usize,
    missed: usize,
    /// Cases with a cause that was not planted.
    cases_wrong: usize,
    milliseconds: Vec<f64>,
}

/// Time on a core of the thread, where the system tells it; else time.
struct Clock {
    started: Instant,
    on_core: Option<f64>,
}

impl Clock {
    fn start() -> Self {
        Self { started: Instant::now(), on_core: Self::on_core() }
    }

    fn milliseconds(&self) -> f64 {
        match self.on_core.zip(Self::on_core()) {
            Some((before, now)) => now - before,
            None => self.started.elapsed().as_secs_f64() * 1e3,
        }
    }

    /// Linux, `proc_pid_schedstat(5)`: the first number is nanoseconds spent on the core.
    fn on_core() -> Option<f64> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok().map(|nanoseconds| nanoseconds / 1e6)
    }
}

/// Runs and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if let (Some(path), Some(suite), [first, ..]) = (&args.write, args.suite, &args.seeds.0[..]) {
        let case = case::generate(suite, *first, args.effect);
        case.write(path)?;
        for cause in &case.causes {
            println!("{}", case::text(cause));
        }
        return Ok(());
    }
    println!(
        "| cases | method | F1 | precision | recall | cases with a false cause | ms on one core, median | 95 % |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for suite in Suite::ALL {
        if args.suite.is_some_and(|asked| asked != suite) {
            continue;
        }
        let mut by_method: Vec<(Method, Counts)> =
            Method::ALL.map(|method| (method, Counts::default())).into();
        for seed in &args.seeds.0 {
            let case = case::generate(suite, *seed, args.effect);
            for (method, counts) in &mut by_method {
                let started = Clock::start();
                let found = method.run(&case)?;
                counts.milliseconds.push(started.milliseconds());
                counts.add(&case, &found);
                let planted: BTreeSet<Place> = case.causes.iter().cloned().collect();
                if args.verbose && *method == Method::Ours && found != planted {
                    let texts = |places: &BTreeSet<Place>| {
                        places.iter().map(case::text).collect::<Vec<_>>().join(" | ")
                    };
                    eprintln!(
                        "{suite:?} {seed}: planted {}; found {}",
                        texts(&planted),
                        texts(&found)
                    );
                }
            }
        }
        for (method, counts) in &by_method {
            println!("| {} | {} | {} |", suite.label(), method.label(), counts.row());
        }
    }
    Ok(())
}

impl Counts {
    fn add(&mut self, case: &Case, found: &BTreeSet<Place>) {
        let planted: BTreeSet<Place> = case.causes.iter().cloned().collect();
        let right = found.intersection(&planted).count();
        self.cases += 1;
        self.right += right;
        self.wrong += found.len() - right;
        self.missed += planted.len() - right;
        self.cases_wrong += usize::from(found.len() > right);
    }

    fn row(&self) -> String {
        let share = |of: usize, all: usize| (all > 0).then(|| of as f64 / all as f64);
        let text = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.3}"));
        let (precision, recall) = (
            share(self.right, self.right + self.wrong),
            share(self.right, self.right + self.missed),
        );
        let f1 = recall.and(share(2 * self.right, 2 * self.right + self.wrong + self.missed));
        let time = |at| quantile(&self.milliseconds, at).unwrap_or(f64::NAN);
        format!(
            "{} | {} | {} | {} of {} | {:.0} | {:.0}",
            text(f1),
            text(recall.and(precision)),
            text(recall),
            self.cases_wrong,
            self.cases,
            time(0.5),
            time(0.95)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_pooled_over_cases() {
        let mut case = case::generate(Suite::Issue, 3, None);
        case.causes = vec![vec![(0, 1)], vec![(1, 2), (2, 3)]];
        let mut counts = Counts::default();
        counts.add(&case, &case.causes.iter().cloned().collect());
        counts.add(&case, &BTreeSet::from([vec![(0, 1)], vec![(0, 2)]]));
        assert_eq!((counts.right, counts.wrong, counts.missed, counts.cases_wrong), (3, 1, 1, 1));
        assert!(counts.row().starts_with("0.750 | 0.750 | 0.750 | 1 of 2 |"), "{}", counts.row());
    }

    #[test]
    fn planted_causes_change_their_leaves_alone() {
        for suite in [Suite::Issue, Suite::RiskLoc] {
            let case = case::generate(suite, 11, None);
            assert!(!case.causes.is_empty());
            let ratio = |inside: bool| {
                let (mut real, mut predict) = (0.0, 0.0);
                for (leaf, value) in case.values.iter().enumerate() {
                    if case.causes.iter().any(|place| case.is_inside(leaf, place)) == inside {
                        real += value.0;
                        predict += value.1;
                    }
                }
                real / predict
            };
            assert!((ratio(false) - 1.0).abs() < 0.05, "{suite:?} {}", ratio(false));
            assert!((ratio(true) - 1.0).abs() > 0.05, "{suite:?} {}", ratio(true));
        }
    }
}
