//! Series that have only begun: what siblings tell of them.
//!
//! Each series of a world is taken as if it had begun six to twelve days before its first event; the
//! others, whole, are its siblings. Found is an event that an alarm begins in. False onsets are counted
//! in series that begin on a day long before any event, over their days 6 to 14. Beside it the same
//! series with all its history.

use centinel_engine::anomaly::{
    Calendar, Config, Episode, Series, Siblings, detect_among, episodes,
};

use super::{
    START, date_of,
    generate::{Events, LabelledSeries, World, world},
    labels::{Event, Kind},
};
use crate::{
    parallel,
    seeds::{Seeds, seeds},
};

/// Days that a series without events is judged on, after its begin.
const QUIET_DAYS: std::ops::Range<usize> = 5..14;
/// Its begin.
const QUIET_START: usize = 90;
/// A sibling is one of so many.
const SIBLINGS: usize = 40;
const MONTH_DAYS: f64 = 30.4;

/// Which worlds.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Seeds to generate: `101..120`, both included, or one.
    #[arg(long, value_parser = seeds)]
    seeds: Seeds,
    /// Series of a seed.
    #[arg(long, default_value_t = 200)]
    series: usize,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    events: usize,
    found: usize,
    /// Found of what is seen in the cost or size of a call, and not in traffic alone.
    ratio_events: usize,
    ratio_found: usize,
    false_onsets: usize,
    days: usize,
}

/// Runs and prints, as Markdown.
pub(crate) fn run(args: &Args) {
    let counts = parallel::map(&args.seeds.0, parallel::cores(), |seed| {
        let world = world(*seed, args.series, Events::All, 1.0);
        [of_world(&world, true), of_world(&world, false)]
    });
    println!("| history | events | found | of ratios | found | false onsets a series-month |");
    println!("|---|---|---|---|---|---|");
    for (index, name) in ["begun 6 to 12 days before, siblings", "all"].iter().enumerate() {
        let mut sum = Counts::default();
        for of in &counts {
            sum.add(of[index]);
        }
        let share = |found: usize, of: usize| 100.0 * found as f64 / of.max(1) as f64;
        println!(
            "| {name} | {} | {:.1} % | {} | {:.1} % | {:.3} |",
            sum.events,
            share(sum.found, sum.events),
            sum.ratio_events,
            share(sum.ratio_found, sum.ratio_events),
            sum.false_onsets as f64 * MONTH_DAYS / sum.days.max(1) as f64
        );
    }
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.events += other.events;
        self.found += other.found;
        self.ratio_events += other.ratio_events;
        self.ratio_found += other.ratio_found;
        self.false_onsets += other.false_onsets;
        self.days += other.days;
    }
}

fn of_world(world: &World, is_young: bool) -> Counts {
    let (calendar, config) = (world.calendar(), Config::published(true));
    let whole: Vec<Series> = world.series.iter().map(LabelledSeries::to_series).collect();
    let mut counts = Counts::default();
    for (number, labelled) in world.series.iter().enumerate() {
        let onsets = |begin: usize| {
            let mut series = whole[number].clone();
            let mut siblings = None;
            if is_young {
                for point in &mut series.points[..begin] {
                    point.cost = 0.0;
                    (point.outputs, point.calls) = (None, None);
                    (point.tokens_in, point.tokens_out) = (None, None);
                }
                let others = whole.iter().enumerate().filter(|(other, _)| *other != number);
                let others = others.map(|(_, series)| series).take(SIBLINGS);
                siblings = Some(Siblings::before(date_of(begin), others));
            }
            onsets(&series, siblings.as_ref(), &calendar, &config)
        };
        if let Some(event) = first_event(labelled) {
            let begin = event.start - (6 + number % 7);
            let reach = event.start..=event.end + event.kind.grace_days();
            let is_found = onsets(begin).iter().any(|onset| reach.contains(onset));
            counts.events += 1;
            counts.found += usize::from(is_found);
            if !event.kind.is_of_volume() {
                counts.ratio_events += 1;
                counts.ratio_found += usize::from(is_found);
            }
        }
        let quiet = QUIET_START + QUIET_DAYS.start..QUIET_START + QUIET_DAYS.end;
        let is_planned = |event: &Event| event.start + 7 >= QUIET_START && event.start < quiet.end;
        if !labelled.labels.planned.iter().any(is_planned) {
            let wrong = onsets(QUIET_START);
            counts.false_onsets += wrong.iter().filter(|onset| quiet.contains(onset)).count();
            counts.days += quiet.len();
        }
    }
    counts
}

/// The first event, where nothing else happens shortly before it.
fn first_event(series: &LabelledSeries) -> Option<&Event> {
    let labels = &series.labels;
    let event = labels.unplanned.iter().min_by_key(|event| event.start)?;
    let is_planned =
        labels.planned.iter().any(|p| p.start + 20 >= event.start && p.start <= event.end);
    (event.kind != Kind::Drop && event.start >= 20 && !is_planned).then_some(event)
}

/// The days on which an episode begins.
fn onsets(
    series: &Series,
    siblings: Option<&Siblings>,
    calendar: &Calendar,
    config: &Config,
) -> Vec<usize> {
    let alarms = detect_among(series, siblings, calendar, config);
    let day = |episode: &Episode| START.until(episode.start).map_or(0, |span| span.get_days());
    episodes(&alarms).iter().map(|episode| day(episode) as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_find_part_of_what_a_history_finds() {
        let world = world(5, 80, Events::All, 1.0);
        let [young, whole] = [of_world(&world, true), of_world(&world, false)];
        assert!(young.events == whole.events && young.ratio_events > 10);
        assert!(young.ratio_found * 3 >= whole.ratio_found, "{young:?} {whole:?}");
        assert!(whole.found > young.found, "{young:?} {whole:?}");
    }
}
