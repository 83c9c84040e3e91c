//! Scores as JSON and as tables.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use super::{
    generate::World,
    labels::Kind,
    score::{Counts, KindCounts},
};
use crate::statistics::{bootstrap, mean, quantile};

/// The figures of one or several worlds, under the names of the reference scorer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Summary {
    #[serde(rename = "P")]
    precision: f64,
    #[serde(rename = "R")]
    recall: f64,
    #[serde(rename = "F1")]
    f1: f64,
    #[serde(rename = "FA_month")]
    false_onsets: f64,
    #[serde(rename = "burden_days_month")]
    stale_days: f64,
    delay_med: Option<f64>,
    delay_mean: Option<f64>,
    /// Detected, all, and 0 as the reference has it.
    by: BTreeMap<&'static str, [usize; 3]>,
    events: usize,
}

impl Summary {
    /// Of pooled worlds.
    pub(crate) fn of(worlds: &[&Counts]) -> Self {
        let pooled = pooled(worlds);
        let delays: Vec<f64> =
            pooled.kinds.values().flat_map(|counts| counts.delays.iter().copied()).collect();
        let by = pooled
            .kinds
            .iter()
            .map(|(kind, counts)| (kind.name(), [counts.detected, counts.events, 0]))
            .collect();
        Self {
            precision: pooled.precision(),
            recall: pooled.recall(),
            f1: pooled.f1(),
            false_onsets: pooled.false_onsets_per_month(),
            stale_days: pooled.stale_days_per_month(),
            delay_med: quantile(&delays, 0.5),
            delay_mean: mean(&delays),
            by,
            events: pooled.events(),
        }
    }
}

/// The sum of several worlds.
pub(crate) fn pooled(worlds: &[&Counts]) -> Counts {
    let mut sum = Counts::default();
    for counts in worlds {
        sum.add(counts);
    }
    sum
}

/// A figure with its name.
type Figure = (&'static str, fn(&Counts) -> f64);

/// Pooled figures with 95 % bootstrap intervals over worlds, then recall and delay by kind, as Markdown.
pub(crate) fn table(worlds: &[Counts]) -> String {
    const FIGURES: [Figure; 5] = [
        ("F1", Counts::f1),
        ("precision", Counts::precision),
        ("recall", Counts::recall),
        ("false onsets a series-month", Counts::false_onsets_per_month),
        ("stale alarm days a series-month", Counts::stale_days_per_month),
    ];
    let all: Vec<&Counts> = worlds.iter().collect();
    let sum = pooled(&all);
    let mut text = String::from("| figure | pooled | 95 % interval |\n|---|---|---|\n");
    for (name, figure) in FIGURES {
        let [low, high] = bootstrap(worlds, |drawn| Some(figure(&pooled(drawn))));
        let _ = writeln!(text, "| {name} | {:.3} | {low:.3} to {high:.3} |", figure(&sum));
    }
    text.push_str(
        "\n| kind | found | recall | found of effect >= 8 % | recall | mean delay, days | median |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for (kind, counts) in &sum.kinds {
        let _ = writeln!(text, "| {} |{} |", kind.name(), kind_cells(counts));
    }
    text
}

fn kind_cells(counts: &KindCounts) -> String {
    let share = |part: usize, whole: usize| match whole {
        0 => " - | -".to_owned(),
        _ => format!(" {part}/{whole} | {:.1} %", 100.0 * part as f64 / whole as f64),
    };
    let days = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.1}"));
    format!(
        "{} |{} | {} | {}",
        share(counts.detected, counts.events),
        share(counts.large_detected, counts.large_events),
        days(mean(&counts.delays)),
        days(quantile(&counts.delays, 0.5)),
    )
}

/// How many events of each kind a world has.
pub(crate) fn event_mix(world: &World) -> String {
    let mut mix: BTreeMap<Kind, usize> = BTreeMap::new();
    for labels in world.series.iter().map(|series| &series.labels) {
        for event in labels.unplanned.iter().chain(&labels.planned) {
            *mix.entry(event.kind).or_default() += 1;
        }
    }
    let parts = mix.iter().map(|(kind, count)| format!("{} {count}", kind.name()));
    parts.collect::<Vec<_>>().join(", ")
}
