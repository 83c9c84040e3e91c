//! The checker of texts, by mutation: true texts over bundles of the engine, made false by one change each.
//!
//! A change is caught when the checker takes the text as it was and refuses it as it is. What an operator
//! made is false by its construction or by a reading of the text that shares no code with the checker;
//! what may still be true is dropped and counted.

mod checkers;
mod cited;
mod corpus;
mod day;
mod drafts;
mod exact;
mod figure;
mod fuzz;
mod names;
mod operators;
pub(crate) mod report;
pub(crate) mod reread;
mod simple;
mod tally;
mod templates;
mod worlds;

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use corpus::{Origin, Size, True};
use tally::{Miss, Tally};

use crate::parallel;

/// What can be asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Seed of worlds, bundles and changes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Generated worlds; each gives some sixty bundles.
    #[arg(long, default_value_t = 6)]
    worlds: u64,
    /// Bundles of the simple form.
    #[arg(long, default_value_t = 180)]
    simple: usize,
    /// Changes of each operator on each text.
    #[arg(long, default_value_t = 2)]
    tries: usize,
    /// Folder with paraphrases: `texts.jsonl` and `bundles/`.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/verifier/paraphrases/open"))]
    paraphrases: PathBuf,
    /// Folder with paraphrases that were held out.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/verifier/paraphrases/held_out"))]
    held_out: PathBuf,
    /// Print so many misses of each operator, and as many true texts that were refused.
    #[arg(long, default_value_t = 0)]
    dump: usize,
    /// Dump held-out texts, too.
    #[arg(long)]
    dump_held_out: bool,
    /// Random drafts through both gates and the ladder.
    #[arg(long, default_value_t = 0)]
    drafts: u64,
    /// Put the tables into this document, between its marks.
    #[arg(long)]
    document: Option<PathBuf>,
}

/// Runs and prints; an error when a bar is not met.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let size = Size { worlds: args.worlds, series: 24, simple: args.simple, sentences: 4 };
    let (mut bundles, mut texts) = corpus::generated(args.seed, size)?;
    for (folder, origin) in
        [(&args.paraphrases, Origin::Paraphrase), (&args.held_out, Origin::HeldOut)]
    {
        let (count, written) = written(folder, origin)?;
        bundles += count;
        texts.extend(written);
    }
    let tally = measured(&texts, args.seed, args.tries);
    dump(&tally, args);
    let mut tables = report::tables(&tally, bundles);
    let mut failures = report::failures(&tally);
    if args.drafts > 0 {
        let outcome = fuzz::run(&texts, args.seed, args.drafts);
        let _ = write!(tables, "\n{}", outcome.sentence());
        failures.extend(outcome.faults.into_iter().take(20));
    }
    println!("{tables}");
    if let Some(path) = &args.document {
        let document = std::fs::read_to_string(path)?;
        std::fs::write(path, report::put(&document, report::PLACE, &tables)?)?;
    }
    anyhow::ensure!(failures.is_empty(), "bars that are not met:\n{}", failures.join("\n"));
    Ok(())
}

/// Texts of a folder with the number of their bundles; none where there is no such folder.
fn written(folder: &Path, origin: Origin) -> anyhow::Result<(usize, Vec<True>)> {
    if !folder.exists() {
        return Ok((0, Vec::new()));
    }
    Ok((std::fs::read_dir(folder.join("bundles"))?.count(), corpus::written(folder, origin)?))
}

fn measured(texts: &[True], seed: u64, tries: usize) -> Tally {
    let numbered: Vec<(u64, &True)> = (0..).zip(texts).collect();
    let tallies = parallel::map(&numbered, parallel::cores(), |(number, text)| {
        tally::tally(text, seed, *number, tries)
    });
    let mut all = Tally::default();
    for tally in tallies {
        all.add(tally);
    }
    all
}

fn dump(tally: &Tally, args: &Args) {
    if args.dump == 0 {
        return;
    }
    let operators = std::iter::once(None).chain(operators::rows().map(|(name, _)| Some(name)));
    for operator in operators {
        let of = |miss: &&Miss| {
            miss.operator == operator && (args.dump_held_out || miss.origin != Origin::HeldOut)
        };
        let misses: Vec<&Miss> = tally.misses.iter().filter(of).collect();
        if misses.is_empty() {
            continue;
        }
        println!("## {}: {}\n", operator.unwrap_or("true texts that are refused"), misses.len());
        // Spread over the texts, since neighbours are alike.
        let step = misses.len().div_ceil(args.dump);
        for miss in misses.iter().step_by(step) {
            let Miss { origin, name, text, mutant, reason, facts, .. } = *miss;
            println!("- {} {name}\n  - true: {}", origin.name(), text.escape_debug());
            if operator.is_some() {
                println!("  - mutant: {}", mutant.escape_debug());
            } else {
                println!("  - reason: {reason}");
            }
            println!("  - facts: {facts}");
        }
        println!();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_texts_are_many_and_repeatable() {
        let size = Size { worlds: 1, series: 12, simple: 24, sentences: 2 };
        let (bundles, texts) = corpus::generated(3, size).unwrap();
        let (_, again) = corpus::generated(3, size).unwrap();
        assert!(bundles > 40 && texts.len() > 80, "{bundles} bundles, {} texts", texts.len());
        assert!(texts.iter().zip(&again).all(|(a, b)| a.text == b.text && a.bundle == b.bundle));
    }

    /// Operators of which the checker misses more than their bars allow; `README.md` says how many.
    const SHORT: [&str; 14] = [
        "invented name",
        "scale: point, k, M",
        "unit",
        "figures swapped with citations",
        "invented date",
        "invisible character",
        "figure in look-alike digits, uncited",
        "citation left out",
        "direction of a verb",
        "negation",
        "right fact, wrong window",
        "invented cause",
        "rank and superlative",
        "ratio word",
    ];

    #[test]
    fn a_small_run_meets_the_bars() {
        let size = Size { worlds: 1, series: 6, simple: 24, sentences: 2 };
        let (_, mut texts) = corpus::generated(9, size).unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("verifier/paraphrases/open");
        texts.extend(written(&folder, Origin::Paraphrase).unwrap().1.into_iter().step_by(2));
        let failures = report::failures(&measured(&texts, 9, 1));
        // One sentence of ours in a hundred has a name (`May`) that the checker reads as prose.
        let is_short = |failure: &&String| {
            failure.starts_with("own sentences: ")
                || SHORT.iter().any(|name| failure.starts_with(&format!("`{name}`: ")))
        };
        let new: Vec<&String> = failures.iter().filter(|failure| !is_short(failure)).collect();
        assert!(new.is_empty(), "{new:#?}");
    }
}
