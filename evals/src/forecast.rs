//! Month-end forecasts on CostBench-A: every series in January, February and March 2026, seen at the
//! start of the eleventh day; ours beside seasonal naive, run rate, the mean of four weeks, a robust
//! weekday level, and pooled split-conformal bands around the latter.

mod peers;

use std::path::PathBuf;

use anyhow::Context as _;
use centinel_engine::forecast::{Question, Series, forecast};
use jiff::civil::{Date, date};
use serde::Serialize;

use crate::{
    costbench::{
        START, files,
        generate::{Events, LabelledSeries, World, world},
    },
    parallel,
    seeds::{Seeds, seeds},
    statistics::{bootstrap, mean},
};
use peers::Peers;

/// Days before a month whose events disturb it.
const DISTURBED_DAYS: usize = 30;
/// Days of the month that are seen.
const SEEN_DAYS: usize = 10;

/// Which worlds.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Seeds to generate: `1001..1020`, both included, or one.
    #[arg(long, value_parser = seeds, required_unless_present = "folders")]
    seeds: Option<Seeds>,
    /// Folders with generated files, instead of seeds.
    #[arg(long = "folder", conflicts_with = "seeds")]
    folders: Vec<PathBuf>,
    /// Series of a seed.
    #[arg(long, default_value_t = 200)]
    series: usize,
    /// Factor on the logarithm of every event's size.
    #[arg(long, default_value_t = 1.0)]
    size: f64,
    /// Sums of so many series instead of each: how often their bands hold.
    #[arg(long)]
    totals_of: Option<usize>,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// One month of one series.
#[derive(Debug, Clone)]
struct Case {
    actual: f64,
    /// Whether no event touches the month or the 30 days before it.
    is_quiet: bool,
    /// By way of [`WAYS`].
    points: [f64; 5],
    /// 80 %, 95 %: ours, then the conformal baseline's.
    bands: [[(f64, f64); 2]; 2],
}

/// Ways of forecasting, ours first.
const WAYS: [&str; 5] =
    ["ours", "run rate", "seasonal naive", "mean of 28 days", "robust weekday level"];

/// Runs and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if let (Some(count), Some(Seeds(seeds))) = (args.totals_of, &args.seeds) {
        let totals = parallel::map(seeds, parallel::cores(), |seed| {
            totals(&world(*seed, args.series, Events::All, args.size), count)
        });
        print_totals(&totals.into_iter().collect::<anyhow::Result<Vec<_>>>()?, count);
        return Ok(());
    }
    let worlds: Vec<Vec<Case>> = match &args.seeds {
        Some(Seeds(seeds)) => parallel::map(seeds, parallel::cores(), |seed| {
            cases(&world(*seed, args.series, Events::All, args.size))
        }),
        None => {
            parallel::map(&args.folders, parallel::cores(), |folder| cases(&files::read(folder)?))
        }
    }
    .into_iter()
    .collect::<anyhow::Result<_>>()?;
    let figures = figures(&worlds);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
        return Ok(());
    }
    println!("| months | figure | pooled | 95 % interval |\n|---|---|---|---|");
    for figure in &figures {
        println!(
            "| {} | {} | {:.4} | {:.4} to {:.4} |",
            figure.months, figure.name, figure.pooled, figure.interval[0], figure.interval[1]
        );
    }
    Ok(())
}

/// A month of the sum of some series.
#[derive(Debug, Clone, Copy)]
struct Total {
    actual: f64,
    point: f64,
    /// 80 %, 95 %.
    bands: [(f64, f64); 2],
}

/// The same months of sums of neighbouring series, each on the scale of its first month, so that a sum
/// is one of several series and not of its largest.
fn totals(world: &World, count: usize) -> anyhow::Result<Vec<Total>> {
    let mut totals = Vec::new();
    let calendar = world.calendar();
    for group in world.series.chunks_exact(count) {
        let scale = |series: &LabelledSeries| {
            let first: f64 = series.days[..DISTURBED_DAYS].iter().map(|day| day.cost).sum();
            1000.0 / first.max(1e-9)
        };
        let scaled: Vec<Series> =
            group.iter().map(|of| to_series(of, scale(of))).collect::<anyhow::Result<_>>()?;
        for month in 1..=3 {
            let question = Question::month_of(date(2026, month, SEEN_DAYS as i8 + 1));
            let (from, until) = (day_of(question.from), day_of(question.until));
            let found = forecast(&scaled, &calendar, &question)?.total;
            let of_series = |series: &Series| -> f64 {
                series.costs[from..until].iter().map(|cost| cost.to_f64()).sum()
            };
            let band =
                |index: usize| (found.bands[index].low.to_f64(), found.bands[index].high.to_f64());
            totals.push(Total {
                actual: scaled.iter().map(of_series).sum(),
                point: found.period_total.context("a sum has a history")?.to_f64(),
                bands: [band(0), band(1)],
            });
        }
    }
    Ok(totals)
}

fn print_totals(worlds: &[Vec<Total>], count: usize) {
    println!("| sums of {count} series | pooled | 95 % interval |\n|---|---|---|");
    let print = |name: &str, value: &dyn Fn(&Total) -> f64| {
        let of = |worlds: &[&Vec<Total>]| {
            mean(&worlds.iter().flat_map(|world| world.iter().map(value)).collect::<Vec<_>>())
        };
        let pooled = of(&worlds.iter().collect::<Vec<_>>()).unwrap_or(f64::NAN);
        let [low, high] = bootstrap(worlds, of);
        println!("| {name} | {pooled:.4} | {low:.4} to {high:.4} |");
    };
    print("MAPE", &|total| (total.point / total.actual - 1.0).abs());
    for (level, name) in ["within the 80 % band", "within the 95 % band"].iter().enumerate() {
        print(name, &|total| {
            let (low, high) = total.bands[level];
            f64::from(u8::from(low <= total.actual && total.actual <= high))
        });
    }
}

/// As the engine takes it, times a factor.
fn to_series(series: &LabelledSeries, factor: f64) -> anyhow::Result<Series> {
    let costs = series.days.iter().map(|day| format!("{:.6}", factor * day.cost).parse());
    Ok(Series {
        name: series.name.clone(),
        first_day: START,
        costs: costs.collect::<Result<_, _>>().context("a cost is no decimal")?,
    })
}

fn cases(world: &World) -> anyhow::Result<Vec<Case>> {
    let calendar = world.calendar();
    let series: Vec<Series> =
        world.series.iter().map(|series| to_series(series, 1.0)).collect::<anyhow::Result<_>>()?;
    let peers = Peers::of(world);
    let mut cases = Vec::new();
    for month in 1..=3 {
        let question = Question::month_of(date(2026, month, SEEN_DAYS as i8 + 1));
        let (from, until) = (day_of(question.from), day_of(question.until));
        let found = forecast(&series, &calendar, &question)?;
        let theirs = peers.month(from, from + SEEN_DAYS, until);
        for ((ours, theirs), labelled) in found.series.iter().zip(theirs).zip(&world.series) {
            let events = labelled.labels.unplanned.iter().chain(&labelled.labels.planned);
            let is_quiet = events
                .filter(|event| event.start < until && event.end + DISTURBED_DAYS > from)
                .count()
                == 0;
            let point = ours.period_total.context("every series has a history")?.to_f64();
            let band =
                |index: usize| (ours.bands[index].low.to_f64(), ours.bands[index].high.to_f64());
            cases.push(Case {
                actual: labelled.days[from..until].iter().map(|day| day.cost).sum(),
                is_quiet,
                points: [
                    point,
                    theirs.points[0],
                    theirs.points[1],
                    theirs.points[2],
                    theirs.points[3],
                ],
                bands: [[band(0), band(1)], theirs.bands],
            });
        }
    }
    Ok(cases)
}

fn day_of(date: Date) -> usize {
    START.until(date).map_or(0, |span| usize::try_from(span.get_days()).unwrap_or(0))
}

/// A measured figure, pooled over worlds, with the 95 % bootstrap interval over worlds.
#[derive(Debug, Serialize)]
struct Figure {
    months: &'static str,
    name: String,
    pooled: f64,
    interval: [f64; 2],
}

fn figures(worlds: &[Vec<Case>]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for months in ["all", "without events"] {
        let mut add = |name: String, value: &dyn Fn(&[&Case]) -> f64| {
            let of = |worlds: &[&Vec<Case>]| {
                let cases: Vec<&Case> = worlds
                    .iter()
                    .flat_map(|world| world.iter())
                    .filter(|case| months == "all" || case.is_quiet)
                    .collect();
                value(&cases)
            };
            figures.push(Figure {
                months,
                name,
                pooled: of(&worlds.iter().collect::<Vec<_>>()),
                interval: bootstrap(worlds, |drawn| Some(of(drawn))),
            });
        };
        for (index, way) in WAYS.iter().enumerate() {
            add(format!("MAPE, {way}"), &|cases| mape(cases, index));
        }
        add("MAPE, ours over the best of the others".to_owned(), &|cases| {
            let best = (1..WAYS.len()).map(|way| mape(cases, way)).fold(f64::INFINITY, f64::min);
            mape(cases, 0) / best
        });
        for (level, (name, outside)) in [("80 %", 0.2), ("95 %", 0.05)].into_iter().enumerate() {
            for (which, way) in ["ours", "conformal weekday level"].into_iter().enumerate() {
                add(format!("within the {name} band, {way}"), &|cases| {
                    mean_of(cases, |case| {
                        let (low, high) = case.bands[which][level];
                        f64::from(u8::from(low <= case.actual && case.actual <= high))
                    })
                });
                add(format!("interval score {name}, {way}"), &|cases| {
                    mean_of(cases, |case| interval_score(case, which, level, outside))
                });
            }
            add(
                format!("interval score {name}, median over months, ours over conformal"),
                &|cases| {
                    let median = |which: usize| {
                        let scores: Vec<f64> = cases
                            .iter()
                            .map(|case| interval_score(case, which, level, outside))
                            .collect();
                        crate::statistics::quantile(&scores, 0.5).unwrap_or(f64::NAN)
                    };
                    median(0) / median(1)
                },
            );
        }
    }
    figures
}

fn mean_of(cases: &[&Case], value: impl Fn(&Case) -> f64) -> f64 {
    mean(&cases.iter().map(|case| value(case)).collect::<Vec<_>>()).unwrap_or(f64::NAN)
}

fn mape(cases: &[&Case], way: usize) -> f64 {
    mean_of(cases, |case| (case.points[way] / case.actual - 1.0).abs())
}

/// Width plus what lies outside times two over the probability outside, as a share of the actual cost
/// (Gneiting and Raftery 2007, section 6.2).
fn interval_score(case: &Case, which: usize, level: usize, outside: f64) -> f64 {
    let (low, high) = case.bands[which][level];
    let beyond = (low - case.actual).max(0.0) + (case.actual - high).max(0.0);
    (high - low + 2.0 / outside * beyond) / case.actual
}
