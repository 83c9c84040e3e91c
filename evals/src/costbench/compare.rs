//! The methods side by side: thresholds as usually set and as best on other seeds.

use super::{
    DAYS, baselines,
    baselines::Baseline,
    files::AlarmDays,
    generate::{Events, World, world},
    labels::{Kind, LabelsBySeries},
    report::pooled,
    run::judged as judged_by_engine,
    score::{Counts, score},
};
use crate::{
    parallel,
    seeds::{Seeds, seeds},
};

/// Which worlds.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Seeds that are scored.
    #[arg(long, value_parser = seeds)]
    seeds: Seeds,
    /// Seeds that the baselines' best thresholds are chosen on.
    #[arg(long, value_parser = seeds, default_value = "1..20")]
    tuning: Seeds,
    /// Series of a seed.
    #[arg(long, default_value_t = 200)]
    series: usize,
}

/// Prints one table.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let worlds = |Seeds(seeds): &Seeds| {
        parallel::map(seeds, parallel::cores(), |seed| world(*seed, args.series, Events::All, 1.0))
    };
    let (tuning, judged) = (worlds(&args.tuning), worlds(&args.seeds));
    let kinds = Kind::TARGETS.map(Kind::name).join(" | ");
    println!(
        "| method | threshold | F1 | precision | recall | false onsets | stale days | {kinds} |"
    );
    println!("|{}", "---|".repeat(7 + Kind::TARGETS.len()));
    for baseline in baselines::all() {
        let scored = scored(&judged, &baseline);
        print_row(baseline.name, "usual", &at(&judged, &scored, baseline.usual)?);
        let tuning_scored = self::scored(&tuning, &baseline);
        let mut best = (0.0, baseline.usual);
        for threshold in &baseline.grid {
            let f1 = at(&tuning, &tuning_scored, *threshold)?.f1();
            if f1 > best.0 {
                best = (f1, *threshold);
            }
        }
        print_row(baseline.name, "best", &at(&judged, &scored, best.1)?);
    }
    let ours = parallel::map(&judged, parallel::cores(), judged_by_engine);
    let ours: Vec<Counts> = ours.into_iter().collect::<anyhow::Result<_>>()?;
    print_row("Centinel", "published", &pooled(&ours.iter().collect::<Vec<_>>()));
    Ok(())
}

/// Scores by world, series and day.
fn scored(worlds: &[World], baseline: &Baseline) -> Vec<Vec<Vec<f64>>> {
    parallel::map(worlds, parallel::cores(), |world| baselines::scores(world, baseline))
}

/// What a threshold gives, pooled.
fn at(worlds: &[World], scores: &[Vec<Vec<f64>>], threshold: f64) -> anyhow::Result<Counts> {
    let mut sum = Counts::default();
    for (world, scores) in worlds.iter().zip(scores) {
        let mut labels = LabelsBySeries::new();
        let mut alarms = AlarmDays::new();
        for (series, scores) in world.series.iter().zip(scores) {
            labels.insert(series.name.clone(), series.labels.clone());
            let days = (0..DAYS).filter(|day| scores[*day] >= threshold).collect();
            alarms.insert(series.name.clone(), days);
        }
        sum.add(&score(&labels, &alarms)?);
    }
    Ok(sum)
}

fn print_row(name: &str, threshold: &str, counts: &Counts) {
    let kinds = Kind::TARGETS.map(|kind| {
        counts.kinds.get(&kind).map_or("-".to_owned(), |of| {
            format!("{:.0} %", 100.0 * of.detected as f64 / of.events as f64)
        })
    });
    println!(
        "| {name} | {threshold} | {:.3} | {:.3} | {:.3} | {:.3} | {:.3} | {} |",
        counts.f1(),
        counts.precision(),
        counts.recall(),
        counts.false_onsets_per_month(),
        counts.stale_days_per_month(),
        kinds.join(" | "),
    );
}
