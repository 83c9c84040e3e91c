//! The onset scorer by hours.
//!
//! An episode is a run of alarm hours with at most [`QUIET_HOURS`] quiet hours between; its onset is
//! its first hour. An event is detected when an onset lies in it or in its grace hours (2 of a spike, 3
//! of others): an alarm that never closes detects nothing new. An onset that lies in no event, or within
//! [`SETTLING_HOURS`] after, is false; alarm hours outside are charged as stale. Hours from a planned
//! change until three days after it are muted for every method; drops are no events.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{family::Family, labels::Kind},
    generate::{Event, FIRST_JUDGED, HOURS, LabelledSeries, MUTED_DAYS},
};

const QUIET_HOURS: usize = 3;
const SETTLING_HOURS: usize = 6;
const MONTH_HOURS: f64 = 30.4 * 24.0;
/// Spikes above this factor ought to be found within [`PROMPT_HOURS`].
const LARGE_SPIKE: f64 = 2.0;
/// Ranges of how many outputs the first three hours of a spike usually have, by their lower ends.
pub(crate) const OUTPUT_RANGES: [f64; 4] = [0.0, 10.0, 30.0, 100.0];
/// Hours of an event that have passed when it has to be known.
const PROMPT_HOURS: usize = 3;

/// What was found of a kind of event.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct KindCounts {
    /// Events.
    pub(crate) events: usize,
    /// Events that an onset lies in.
    pub(crate) detected: usize,
    /// Hours from the start of each detected event to its first onset.
    pub(crate) delays: Vec<f64>,
}

impl KindCounts {
    fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.detected += other.detected;
        self.delays.extend(&other.delays);
    }
}

/// What was found of spikes of more than twice the usual.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LargeSpikes {
    /// How many there are.
    pub(crate) events: usize,
    /// Those that an alarm found.
    pub(crate) found: usize,
    /// Those that an alarm of one of their first three hours found.
    pub(crate) prompt: usize,
}

impl LargeSpikes {
    fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.found += other.found;
        self.prompt += other.prompt;
    }
}

/// What alarms score on worlds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Counts {
    /// By kind of event.
    pub(crate) kinds: BTreeMap<Kind, KindCounts>,
    /// By family of the series.
    pub(crate) families: BTreeMap<Family, KindCounts>,
    /// Onsets outside every event.
    pub(crate) false_onsets: usize,
    /// Alarm hours outside every event.
    pub(crate) stale_hours: usize,
    /// Spikes of more than twice the usual, by how many outputs their first three hours usually have:
    /// one a range of [`OUTPUT_RANGES`].
    pub(crate) large_spikes: [LargeSpikes; OUTPUT_RANGES.len()],
    /// Series times months judged.
    pub(crate) series_months: f64,
}

impl Counts {
    /// Adds another world.
    pub(crate) fn add(&mut self, other: &Self) {
        for (kind, counts) in &other.kinds {
            self.kinds.entry(*kind).or_default().add(counts);
        }
        for (family, counts) in &other.families {
            self.families.entry(*family).or_default().add(counts);
        }
        self.false_onsets += other.false_onsets;
        self.stale_hours += other.stale_hours;
        for (spikes, more) in self.large_spikes.iter_mut().zip(&other.large_spikes) {
            spikes.add(more);
        }
        self.series_months += other.series_months;
    }

    pub(crate) fn precision(&self) -> f64 {
        let detected = self.detected();
        detected as f64 / (detected + self.false_onsets).max(1) as f64
    }

    pub(crate) fn recall(&self) -> f64 {
        let events: usize = self.kinds.values().map(|counts| counts.events).sum();
        self.detected() as f64 / events.max(1) as f64
    }

    pub(crate) fn f1(&self) -> f64 {
        let (precision, recall) = (self.precision(), self.recall());
        2.0 * precision * recall / (precision + recall).max(1e-9)
    }

    pub(crate) fn false_onsets_per_month(&self) -> f64 {
        self.false_onsets as f64 / self.series_months
    }

    pub(crate) fn stale_hours_per_month(&self) -> f64 {
        self.stale_hours as f64 / self.series_months
    }

    /// Share of the large spikes that were known when three of their hours had passed.
    pub(crate) fn prompt_spikes_ratio(&self) -> f64 {
        let all = self.all_large_spikes();
        all.prompt as f64 / all.events.max(1) as f64
    }

    /// Share of the large spikes that were found at all that were known when three of their hours had
    /// passed.
    pub(crate) fn prompt_of_found_ratio(&self) -> f64 {
        let all = self.all_large_spikes();
        all.prompt as f64 / all.found.max(1) as f64
    }

    fn all_large_spikes(&self) -> LargeSpikes {
        let mut all = LargeSpikes::default();
        for spikes in &self.large_spikes {
            all.add(spikes);
        }
        all
    }

    fn detected(&self) -> usize {
        self.kinds.values().map(|counts| counts.detected).sum()
    }
}

/// Scores the alarm hours of series.
pub(crate) fn score(
    world: &[LabelledSeries],
    alarms: &BTreeMap<String, BTreeSet<usize>>,
) -> Counts {
    let mut counts = Counts {
        series_months: (world.len() * (HOURS - FIRST_JUDGED)) as f64 / MONTH_HOURS,
        ..Counts::default()
    };
    for series in world {
        let muted = |hour: usize| {
            series.planned.iter().any(|event| {
                (event.start / 24..=event.start / 24 + MUTED_DAYS).contains(&(hour / 24))
            })
        };
        let hours = alarms.get(&series.name).into_iter().flatten().copied();
        let hours: Vec<usize> =
            hours.filter(|hour| *hour >= FIRST_JUDGED && !muted(*hour)).collect();
        let events: Vec<Event> =
            series.unplanned.iter().copied().filter(|event| event.kind != Kind::Drop).collect();
        let mut of_series = Counts::default();
        let outputs: Vec<f64> = series.hours.iter().map(|hour| hour.outputs).collect();
        score_series(&hours, &events, &outputs, &mut of_series);
        for of_kind in of_series.kinds.values() {
            of_series.families.entry(series.family).or_default().add(of_kind);
        }
        counts.add(&of_series);
    }
    counts
}

fn score_series(hours: &[usize], events: &[Event], outputs: &[f64], counts: &mut Counts) {
    let mut onsets = Vec::new();
    let mut last = None;
    for hour in hours {
        if last.is_none_or(|last| hour - last > QUIET_HOURS + 1) {
            onsets.push(*hour);
        }
        last = Some(*hour);
    }
    for event in events {
        let grace = if event.kind == Kind::Spike { 2 } else { 3 };
        let onset =
            onsets.iter().find(|onset| event.start <= **onset && **onset <= event.end + grace);
        let of_kind = counts.kinds.entry(event.kind).or_default();
        of_kind.events += 1;
        let is_large = event.kind == Kind::Spike && event.magnitude > LARGE_SPIKE;
        let first_hours = outputs.iter().skip(event.start).take(PROMPT_HOURS);
        let usual = first_hours.sum::<f64>() / event.magnitude;
        let range = OUTPUT_RANGES.iter().rposition(|low| usual >= *low).unwrap_or(0);
        let large = &mut counts.large_spikes[range];
        large.events += usize::from(is_large);
        if let Some(onset) = onset {
            of_kind.detected += 1;
            of_kind.delays.push((onset - event.start) as f64);
            let is_prompt = onset - event.start < PROMPT_HOURS;
            large.found += usize::from(is_large);
            large.prompt += usize::from(is_large && is_prompt);
        }
    }
    let is_near = |hour: &&usize| {
        events.iter().any(|event| event.start <= **hour && **hour <= event.end + SETTLING_HOURS)
    };
    counts.false_onsets += onsets.iter().filter(|hour| !is_near(hour)).count();
    counts.stale_hours += hours.iter().filter(|hour| !is_near(hour)).count();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(hours: &[usize], events: &[Event]) -> Counts {
        let mut counts = Counts::default();
        score_series(hours, events, &vec![30.0; HOURS], &mut counts);
        counts
    }

    #[test]
    fn onsets_in_events_detect_and_onsets_outside_are_false() {
        let spike = Event { kind: Kind::Spike, start: 1500, end: 1503, magnitude: 2.5 };
        let shift = Event { kind: Kind::Shift, start: 1600, end: 1650, magnitude: 1.5 };
        // The spike is found in its third hour; 1560 is false; the shift is found in its grace.
        let counts = scored(&[1502, 1503, 1506, 1560, 1653], &[spike, shift]);
        assert_eq!(counts.kinds[&Kind::Spike].delays, [2.0]);
        // 90 outputs in three hours of 2.5 times the usual: usually 36.
        let one = LargeSpikes { events: 1, found: 1, prompt: 1 };
        assert_eq!(counts.large_spikes[2], one);
        assert_eq!(counts.all_large_spikes(), one);
        assert_eq!(counts.kinds[&Kind::Shift].detected, 1);
        assert_eq!((counts.false_onsets, counts.stale_hours), (1, 1));
        // A fourth hour is too late to be prompt.
        assert_eq!(scored(&[1503], &[spike]).large_spikes[2], LargeSpikes { prompt: 0, ..one });
    }

    #[test]
    fn an_alarm_that_never_closes_detects_nothing_new() {
        let shift = Event { kind: Kind::Shift, start: 1600, end: 1650, magnitude: 1.5 };
        let counts = scored(&(FIRST_JUDGED..HOURS).collect::<Vec<_>>(), &[shift]);
        assert_eq!(counts.kinds[&Kind::Shift].detected, 0);
        // Hours 1600 to 1656 belong to the event.
        assert_eq!((counts.false_onsets, counts.stale_hours), (1, HOURS - FIRST_JUDGED - 57));
    }
}
