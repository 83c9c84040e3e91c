//! The Numenta Anomaly Benchmark: real and artificial metrics with labelled windows, scored by its rules
//! and set beside the published scores of Twitter's ADVec on the same files.
//!
//! The data are not part of this repository: `--data` is the folder `data` of numenta/NAB, `--windows`
//! its `labels/combined_windows.json` or a part of it.

mod score;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use centinel_engine::anomaly::{MetricConfig, MetricDetector};
use jiff::civil::DateTime;

use crate::parallel;
use score::{PROFILES, Scored};

/// Raw scores of ADVec, standard profile, its own threshold. Source: numenta/NAB,
/// `results/twitterADVec/twitterADVec_standard_scores.csv`.
const ADVEC: &str = include_str!("nab/advec_standard.csv");

/// Which files.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder with the series, one folder a kind.
    #[arg(long)]
    data: PathBuf,
    /// JSON of labelled windows by file; its files are scored.
    #[arg(long)]
    windows: PathBuf,
}

/// Scores the files and prints, as Markdown.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let windows: BTreeMap<String, Vec<[String; 2]>> = serde_json::from_slice(
        &std::fs::read(&args.windows)
            .with_context(|| format!("reading `{}`", args.windows.display()))?,
    )?;
    let named: Vec<(&String, &Vec<[String; 2]>)> = windows.iter().collect();
    let files = parallel::map(&named, parallel::cores(), |(file, windows)| {
        judged(&args.data, file, windows).with_context(|| format!("reading `{file}`"))
    })
    .into_iter()
    .collect::<anyhow::Result<Vec<Scored>>>()?;
    println!("{}", report(&files)?);
    Ok(())
}

/// Runs the engine over one file.
fn judged(data: &Path, file: &str, windows: &[[String; 2]]) -> anyhow::Result<Scored> {
    let mut detector = MetricDetector::new(MetricConfig::published());
    let (mut times, mut scores) = (Vec::new(), Vec::new());
    for row in csv::Reader::from_path(data.join(file))?.into_deserialize() {
        let (time, value): (DateTime, f64) = row?;
        let second = i32::from(time.hour()) * 3600
            + i32::from(time.minute()) * 60
            + i32::from(time.second());
        scores.push(detector.judge(second.unsigned_abs(), value));
        times.push(time);
    }
    let row_of = |text: &str| -> anyhow::Result<usize> {
        let time: DateTime = text.parse()?;
        times.iter().position(|other| *other == time).with_context(|| format!("no row at {text}"))
    };
    let windows = windows.iter().map(|[first, last]| Ok((row_of(first)?, row_of(last)?)));
    Ok(Scored {
        file: file.to_owned(),
        scores,
        windows: windows.collect::<anyhow::Result<Vec<_>>>()?,
    })
}

fn report(files: &[Scored]) -> anyhow::Result<String> {
    use std::fmt::Write as _;

    let mut text = String::from(
        "| files | windows | standard | low FP | low FN | ADVec, standard |\n|---|---|---|---|---|---|\n",
    );
    let all: Vec<&Scored> = files.iter().collect();
    let every_other = |rest: usize| all.iter().skip(rest).step_by(2).copied().collect::<Vec<_>>();
    let halves = [every_other(0), every_other(1)];
    for (name, part) in
        [("all", &all), ("every other, first", &halves[0]), ("every other, second", &halves[1])]
    {
        let scores = PROFILES.map(|profile| format!("{:.1}", score::best(part, profile).1));
        let windows: usize = part.iter().map(|file| file.windows.len()).sum();
        let advec = advec(part)?;
        let _ = writeln!(
            text,
            "| {name}: {} | {windows} | {} | {advec:.1} |",
            part.len(),
            scores.join(" | ")
        );
    }
    let (threshold, _) = score::best(&halves[0], PROFILES[0]);
    let sum: f64 = halves[1].iter().map(|file| score::at(file, threshold, PROFILES[0]).0).sum();
    let windows = halves[1].iter().map(|file| file.windows.len()).sum();
    let _ = writeln!(
        text,
        "\nThe second half at the best threshold of the first: {:.1}.\n",
        score::normalised(sum, windows, PROFILES[0])
    );
    let (threshold, _) = score::best(&all, PROFILES[0]);
    let _ = writeln!(
        text,
        "By file, at {threshold}:\n\n| file | score | found | false |\n|---|---|---|---|"
    );
    for file in files {
        let (sum, found, outside) = score::at(file, threshold, PROFILES[0]);
        let _ = writeln!(
            text,
            "| {} | {sum:.2} | {found} of {} | {outside} |",
            file.file,
            file.windows.len()
        );
    }
    Ok(text)
}

/// ADVec's normalised score on the same files.
fn advec(files: &[&Scored]) -> anyhow::Result<f64> {
    let published = published()?;
    let mut sum = 0.0;
    for file in files {
        sum += published.get(&file.file).with_context(|| format!("no score of `{}`", file.file))?;
    }
    let windows = files.iter().map(|file| file.windows.len()).sum();
    Ok(score::normalised(sum, windows, PROFILES[0]))
}

fn published() -> anyhow::Result<BTreeMap<String, f64>> {
    let rows: BTreeMap<String, f64> = csv::Reader::from_reader(ADVEC.as_bytes())
        .into_deserialize()
        .collect::<Result<_, csv::Error>>()?;
    ensure!(rows.len() == 58, "{} files, not 58", rows.len());
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NAB's scoreboard: 47.1 on 58 files with 116 windows.
    #[test]
    fn published_scores_of_the_files_make_the_published_score() {
        let sum: f64 = published().unwrap().values().sum();
        assert!((score::normalised(sum, 116, PROFILES[0]) - 47.06).abs() < 0.005);
    }

    #[test]
    fn a_file_is_judged_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let row = |row: usize| {
            let value = if row == 150 { 50.0 } else { 5.0 };
            format!("2014-04-01 {:02}:{:02}:00,{value}", row / 60, row % 60)
        };
        let rows = (0..200).map(row).collect::<Vec<_>>().join("\n");
        std::fs::write(folder.path().join("a.csv"), format!("timestamp,value\n{rows}")).unwrap();
        let window =
            ["2014-04-01 02:20:00.000000".to_owned(), "2014-04-01 02:40:00.000000".to_owned()];
        let scored = judged(folder.path(), "a.csv", &[window]).unwrap();
        assert_eq!(scored.windows, [(140, 160)]);
        assert!(scored.scores[150] > 0.9);
        assert!(scored.scores[..150].iter().all(|score| *score <= 0.0));
    }
}
