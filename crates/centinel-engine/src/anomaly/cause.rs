//! Episodes of many slices that have one cause, put together: one alarm, not forty.
//!
//! A feature whose prompts doubled shows in its own slice, in its team's, its model's, in pairs of
//! them, and in the total. What belongs together is read off the leaves: each episode has an excess in
//! each leaf of its slice, and episodes whose excess lies in the same leaves at the same time are one.
//! The episode that leads is the one whose slice holds all of the excess and little else: excess
//! captured, times the share of the slice's usual cost that lies in leaves that rose. Where several show
//! it nearly as well, a feature is named before a team, and a team before a key.

use jiff::{ToSpan as _, civil::Date};

use super::{
    Episode, Metric, Point,
    baseline::median,
    detect::{excess_share, value},
    watch::{Leaf, LeafDay, LeafTable, Slice},
};

/// An episode and the slice that it was seen in.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'a> {
    /// Where.
    pub slice: &'a Slice,
    /// What.
    pub episode: &'a Episode,
}

/// Sightings of one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Position of the sighting that shows it best.
    pub lead: usize,
    /// Positions of all its sightings, ascending; the lead is one.
    pub members: Vec<usize>,
}

/// Weeks before an episode that say what a leaf's weekday usually costs.
const USUAL_WEEKS: i32 = 4;
/// A leaf has risen when its excess is at least this share of its usual cost.
const RISEN_RATIO: f64 = 0.08;
/// Share of an episode's excess that must lie in the leaves of causes already found, for the episode
/// to be one of theirs.
const COMMON_SHARE_MIN: f64 = 0.5;

/// A sighting shows a cause nearly as well as the best one when its score is this share of it.
const FIT_SHARE_MIN: f64 = 0.85;

/// Puts sightings together by cause; causes in the order in which they explain the most.
pub fn causes(table: &LeafTable, sightings: &[Sighting<'_>]) -> Vec<Cause> {
    let excesses: Vec<Excess> =
        sightings.iter().map(|sighting| Excess::of(table, sighting)).collect();
    let mut order: Vec<usize> = (0..sightings.len()).collect();
    let score = |index: usize| excesses.get(index).map_or(0.0, Excess::score);
    let name = |index: usize| sightings.get(index).map(|s| (&s.slice.scope, s.episode.start));
    order.sort_by(|a, b| score(*b).total_cmp(&score(*a)).then_with(|| name(*a).cmp(&name(*b))));

    let mut causes: Vec<Cause> = Vec::new();
    for index in order {
        let (Some(own), Some(sighting)) = (excesses.get(index), sightings.get(index)) else {
            continue;
        };
        // How much of it lies in each cause of the same days, a leaf counting for the first only.
        let mut left = own.risen.clone();
        let mut shares: Vec<(usize, f64)> = Vec::new();
        for (position, cause) in causes.iter().enumerate() {
            let Some(lead) = sightings.get(cause.lead) else { continue };
            if !overlap(sighting.episode, lead.episode) {
                continue;
            }
            let (common, rest): (Vec<_>, Vec<_>) = left
                .into_iter()
                .partition(|(leaf, _)| lead.slice.leaves.binary_search(leaf).is_ok());
            left = rest;
            shares.push((position, common.iter().map(|(_, excess)| excess).sum()));
        }
        let explained: f64 = shares.iter().map(|(_, share)| share).sum();
        let most = shares.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
        match most {
            Some((position, _)) if explained >= COMMON_SHARE_MIN * own.captured() => {
                if let Some(cause) = causes.get_mut(position) {
                    cause.members.push(index);
                }
            }
            _ => causes.push(Cause { lead: index, members: vec![index] }),
        }
    }
    for cause in &mut causes {
        cause.members.sort_unstable();
        // Of those that show it nearly as well, the one whose name says most to people.
        let enough = FIT_SHARE_MIN * score(cause.lead);
        let fit = cause.members.iter().copied().filter(|member| score(*member) >= enough);
        let shape = |index: usize| sightings.get(index).map_or(usize::MAX, |s| s.slice.shape);
        let best = fit
            .min_by(|a, b| shape(*a).cmp(&shape(*b)).then_with(|| score(*b).total_cmp(&score(*a))));
        cause.lead = best.unwrap_or(cause.lead);
    }
    causes
}

/// Whether two episodes have a day in common, or follow each other at once.
fn overlap(one: &Episode, other: &Episode) -> bool {
    let starts_by_the_end =
        |first: &Episode, second: &Episode| first.start <= second.last.saturating_add(1.day());
    starts_by_the_end(one, other) && starts_by_the_end(other, one)
}

/// What an episode cost beyond the usual, by leaf.
#[derive(Debug)]
struct Excess {
    /// Leaves that rose, ascending, with their excess.
    risen: Vec<(usize, f64)>,
    /// Share of the slice's usual cost that lies in them.
    purity: f64,
}

impl Excess {
    fn of(table: &LeafTable, sighting: &Sighting<'_>) -> Self {
        let Sighting { slice, episode } = sighting;
        let (mut risen, mut usual_risen, mut usual_all) = (Vec::new(), 0.0, 0.0);
        for index in &slice.leaves {
            let Some(leaf) = table.leaves.get(*index) else { continue };
            let (usual, excess) = leaf_excess(leaf, table.first_day, episode);
            usual_all += usual;
            if excess > 0.0 && excess >= RISEN_RATIO * usual {
                risen.push((*index, excess));
                usual_risen += usual;
            }
        }
        // What is new has no usual cost: all of it rose.
        let purity = if usual_all > 0.0 { usual_risen / usual_all } else { 1.0 };
        Self { risen, purity }
    }

    fn captured(&self) -> f64 {
        self.risen.iter().map(|(_, excess)| excess).sum()
    }

    fn score(&self) -> f64 {
        self.captured() * self.purity
    }
}

/// The usual cost of a leaf over an episode's days, and what it cost beyond that: by its cost where a
/// total was high, else by the ratio that was.
fn leaf_excess(leaf: &Leaf, first_day: Date, episode: &Episode) -> (f64, f64) {
    let index =
        |date: Date| usize::try_from(first_day.until(date).map_or(-1, |s| s.get_days())).ok();
    let (Some(start), Some(last)) = (index(episode.start), index(episode.last)) else {
        return (0.0, 0.0);
    };
    let window = leaf.days.get(start..=last).unwrap_or_default();
    let cost: f64 = window.iter().map(LeafDay::cost).sum();
    let usual: f64 = (start..=last).map(|day| usual_cost(leaf, day, start)).sum();
    if episode.metrics.contains(&Metric::Total) {
        return (usual, cost - usual);
    }
    let history_days = usize::try_from(USUAL_WEEKS.saturating_mul(7)).unwrap_or(0);
    let before = leaf.days.get(start.saturating_sub(history_days)..start).unwrap_or_default();
    let (window, before) = (of_days(window), of_days(before));
    // Of several ratios the one that costs most says most of the excess.
    let excess = episode
        .metrics
        .iter()
        .filter_map(|metric| {
            let rise = value(&window, *metric)? / value(&before, *metric)?;
            Some(excess_share(&window, *metric, rise))
        })
        .filter(|excess| excess.is_finite())
        .fold(0.0, f64::max);
    (usual, cost * excess)
}

/// The median cost of the same weekday in the weeks before an episode.
fn usual_cost(leaf: &Leaf, day: usize, start: usize) -> f64 {
    let weeks_inside = day.saturating_sub(start) / 7;
    let mut costs: Vec<f64> = (1..=usize::try_from(USUAL_WEEKS).unwrap_or(0))
        .filter_map(|week| {
            let back = weeks_inside.checked_add(week)?.checked_mul(7)?;
            leaf.days.get(day.checked_sub(back)?).map(LeafDay::cost)
        })
        .collect();
    median(&mut costs).unwrap_or(0.0)
}

/// The calls of some days, as the detector takes a day.
fn of_days(days: &[LeafDay]) -> Point {
    let sum = |of: fn(&LeafDay) -> f64| Some(days.iter().map(of).sum::<f64>());
    Point {
        outputs: sum(|day| day.outputs.unwrap_or(0.0)),
        calls: sum(|day| day.calls),
        tokens_in: sum(|day| day.tokens_in),
        tokens_cached: sum(|day| day.tokens_cached),
        tokens_out: sum(|day| day.tokens_out),
        failed_calls: sum(|day| day.failed_calls),
        ..Point::of_cost(sum(|day| day.call_cost).unwrap_or(0.0))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::civil::date;

    use super::*;
    use crate::anomaly::{Calendar, Config, detect, episodes, watch::name_of};

    const SHAPES: [&[&str]; 5] = [&["feature"], &["team"], &["model"], &["feature", "model"], &[]];

    /// Two teams, three features, two models; 90 days of a weekly shape with a little noise.
    fn table() -> LeafTable {
        let mut leaves = Vec::new();
        let mut noise = 1_u64;
        for (team, feature) in [("a", "search"), ("a", "chat"), ("b", "mail")] {
            for (model, share) in [("m", 0.7), ("n", 0.3)] {
                let days = (0..90_usize)
                    .map(|day| {
                        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        let stray = 0.98 + 0.04 * (noise >> 40) as f64 / (1_u64 << 24) as f64;
                        let calls = share * stray * if day % 7 >= 5 { 300.0 } else { 1000.0 };
                        LeafDay {
                            call_cost: calls * 0.01,
                            charge_cost: 0.0,
                            outputs: Some(calls / 2.0),
                            calls,
                            tokens_in: calls * 900.0,
                            tokens_cached: 0.0,
                            tokens_out: calls * 100.0,
                            failed_calls: 0.0,
                        }
                    })
                    .collect();
                let labels = [team, feature, model].map(|label| Some(label.to_owned())).to_vec();
                leaves.push(Leaf { labels, days });
            }
        }
        LeafTable {
            dimensions: ["team", "feature", "model"].map(str::to_owned).to_vec(),
            first_day: date(2026, 8, 3),
            leaves,
        }
    }

    fn found(table: &LeafTable) -> Vec<(String, usize)> {
        let slices = table.slices(&SHAPES, 100);
        let mut seen: Vec<(usize, Episode)> = Vec::new();
        for (index, slice) in slices.iter().enumerate() {
            let alarms =
                detect(&table.series(slice), &Calendar::default(), &Config::published(false));
            seen.extend(episodes(&alarms).into_iter().map(|episode| (index, episode)));
        }
        let sightings: Vec<Sighting<'_>> = seen
            .iter()
            .map(|(index, episode)| Sighting { slice: &slices[*index], episode })
            .collect();
        let causes = causes(table, &sightings);
        let members: usize = causes.iter().map(|cause| cause.members.len()).sum();
        assert_eq!(members, sightings.len(), "every sighting has one cause");
        causes
            .iter()
            .map(|cause| (name_of(&sightings[cause.lead].slice.scope), cause.members.len()))
            .collect()
    }

    fn scale(table: &mut LeafTable, feature: &str, days: std::ops::Range<usize>, factor: f64) {
        for leaf in table.leaves.iter_mut().filter(|l| l.labels[1].as_deref() == Some(feature)) {
            for day in &mut leaf.days[days.clone()] {
                day.call_cost *= factor;
                day.tokens_in *= factor;
                day.tokens_out *= factor;
            }
        }
    }

    #[test]
    fn a_feature_that_rose_is_one_cause_in_all_slices_that_show_it() {
        let mut table = table();
        scale(&mut table, "search", 80..85, 3.0);
        let found = found(&table);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, "feature=search");
        // Its team, both its models, the pairs, and everything show it too.
        assert!(found[0].1 >= 5, "{found:?}");
    }

    #[test]
    fn two_causes_at_once_stay_two() {
        let mut table = table();
        scale(&mut table, "search", 80..85, 3.0);
        scale(&mut table, "mail", 81..84, 2.5);
        let names: BTreeSet<String> = found(&table).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["feature=search", "feature=mail"].map(str::to_owned).into());
    }

    #[test]
    fn what_all_rose_with_is_everything() {
        let mut table = table();
        for feature in ["search", "chat", "mail"] {
            scale(&mut table, feature, 80..85, 2.0);
        }
        let found = found(&table);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, "everything");
    }

    #[test]
    fn episodes_of_other_days_are_other_causes() {
        let mut table = table();
        scale(&mut table, "search", 70..72, 3.0);
        scale(&mut table, "search", 82..85, 3.0);
        let found = found(&table);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn without_sightings_there_is_no_cause() {
        assert!(causes(&table(), &[]).is_empty());
    }
}
