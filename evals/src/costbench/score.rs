//! The onset scorer, version 2.
//!
//! An episode is a run of alarm days with gaps of at most one day; its onset is its first day. An event
//! is detected when an onset lies in it or in its grace days: an alarm that never closes detects
//! nothing new. An episode whose onset lies in no event (or within three days after) is false. Alarm
//! days outside every event are charged as stale. Days of a planned change and the seven after it are
//! muted for every method; drops are no events.

use std::collections::BTreeMap;

use anyhow::bail;

use super::{
    DAYS, FIRST_JUDGED,
    files::AlarmDays,
    labels::{Event, Kind, LabelsBySeries},
};

/// Days in a month.
const MONTH_DAYS: f64 = 30.4;
/// Days after an event on which an alarm is neither new nor stale.
const SETTLING_DAYS: usize = 3;
/// An event with at least this effect ought to be found.
pub(crate) const LARGE_EFFECT: f64 = 0.08;

/// What was found of a kind of event.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct KindCounts {
    /// Events.
    pub(crate) events: usize,
    /// Events that an onset lies in.
    pub(crate) detected: usize,
    /// Events known to have an effect of at least [`LARGE_EFFECT`].
    pub(crate) large_events: usize,
    /// Those of them that were detected.
    pub(crate) large_detected: usize,
    /// Days from the start of each detected event to its first onset.
    pub(crate) delays: Vec<f64>,
}

/// What a set of alarms scores on one world. Counts of several worlds can be added.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Counts {
    /// By kind of event.
    pub(crate) kinds: BTreeMap<Kind, KindCounts>,
    /// Onsets outside every event.
    pub(crate) false_onsets: usize,
    /// Alarm days outside every event.
    pub(crate) stale_days: usize,
    /// Series times months judged.
    pub(crate) series_months: f64,
}

impl Counts {
    /// Adds another world.
    pub(crate) fn add(&mut self, other: &Self) {
        for (kind, counts) in &other.kinds {
            let sum = self.kinds.entry(*kind).or_default();
            sum.events += counts.events;
            sum.detected += counts.detected;
            sum.large_events += counts.large_events;
            sum.large_detected += counts.large_detected;
            sum.delays.extend(&counts.delays);
        }
        self.false_onsets += other.false_onsets;
        self.stale_days += other.stale_days;
        self.series_months += other.series_months;
    }

    pub(crate) fn events(&self) -> usize {
        self.kinds.values().map(|counts| counts.events).sum()
    }

    fn detected(&self) -> usize {
        self.kinds.values().map(|counts| counts.detected).sum()
    }

    pub(crate) fn precision(&self) -> f64 {
        let detected = self.detected();
        detected as f64 / (detected + self.false_onsets).max(1) as f64
    }

    pub(crate) fn recall(&self) -> f64 {
        self.detected() as f64 / self.events().max(1) as f64
    }

    pub(crate) fn f1(&self) -> f64 {
        let (precision, recall) = (self.precision(), self.recall());
        2.0 * precision * recall / (precision + recall).max(1e-9)
    }

    pub(crate) fn false_onsets_per_month(&self) -> f64 {
        self.false_onsets as f64 / self.series_months
    }

    pub(crate) fn stale_days_per_month(&self) -> f64 {
        self.stale_days as f64 / self.series_months
    }
}

/// Scores alarms against labels.
pub(crate) fn score(labels: &LabelsBySeries, alarms: &AlarmDays) -> anyhow::Result<Counts> {
    if let Some(unknown) = alarms.keys().find(|name| !labels.contains_key(*name)) {
        bail!("alarms name the series `{unknown}`, which has no labels");
    }
    let mut counts = Counts {
        series_months: (labels.len() * (DAYS - FIRST_JUDGED)) as f64 / MONTH_DAYS,
        ..Counts::default()
    };
    for (name, labels) in labels {
        let muted = |day: usize| {
            labels.planned.iter().any(|event| event.start <= day && day < event.start + 8)
        };
        let days: Vec<usize> = alarms
            .get(name)
            .into_iter()
            .flatten()
            .copied()
            .filter(|day| *day >= FIRST_JUDGED && !muted(*day))
            .collect();
        let events: Vec<&Event> =
            labels.unplanned.iter().filter(|event| event.kind != Kind::Drop).collect();
        score_series(&days, &events, &mut counts);
    }
    Ok(counts)
}

/// Adds the judged alarm days of one series.
fn score_series(days: &[usize], events: &[&Event], counts: &mut Counts) {
    let mut onsets = Vec::new();
    let mut last = None;
    for day in days {
        if last.is_none_or(|last| day - last > 2) {
            onsets.push(*day);
        }
        last = Some(*day);
    }
    let settling = |event: &Event| event.start..=(event.end + SETTLING_DAYS).min(DAYS - 1);
    for event in events {
        let of_kind = counts.kinds.entry(event.kind).or_default();
        let is_large = event.effect.is_some_and(|effect| effect >= LARGE_EFFECT);
        of_kind.events += 1;
        of_kind.large_events += usize::from(is_large);
        let until = (event.end + event.kind.grace_days()).min(DAYS - 1);
        let onset = onsets.iter().find(|onset| event.start <= **onset && **onset <= until);
        if let Some(onset) = onset {
            of_kind.detected += 1;
            of_kind.large_detected += usize::from(is_large);
            of_kind.delays.push((onset - event.start) as f64);
        }
    }
    let is_near = |day: &&usize| events.iter().any(|event| settling(event).contains(*day));
    counts.false_onsets += onsets.iter().filter(|day| !is_near(day)).count();
    counts.stale_days += days.iter().filter(|day| !is_near(day)).count();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: Kind, start: usize, end: usize, effect: f64) -> Event {
        Event { kind, start, end, mag: 2.0, effect: Some(effect) }
    }

    fn scored(days: &[usize], events: &[Event]) -> Counts {
        let mut counts = Counts::default();
        score_series(days, &events.iter().collect::<Vec<_>>(), &mut counts);
        counts
    }

    #[test]
    fn an_onset_in_an_event_detects_it_and_one_outside_is_false() {
        let events = [event(Kind::Shift, 130, 140, 0.3), event(Kind::Spike, 170, 170, 0.05)];
        let counts = scored(&[131, 132, 134, 160, 172], &events);
        let shift = &counts.kinds[&Kind::Shift];
        assert_eq!((shift.events, shift.detected, shift.large_detected), (1, 1, 1));
        assert_eq!(shift.delays, [1.0]);
        // A spike has one day of grace; day 172 is near it all the same.
        let spike = &counts.kinds[&Kind::Spike];
        assert_eq!((spike.detected, spike.large_events), (0, 0));
        assert_eq!((counts.false_onsets, counts.stale_days), (1, 1));
    }

    #[test]
    fn an_alarm_that_never_closes_detects_nothing_new() {
        let events = [event(Kind::Shift, 130, 140, 0.3)];
        let counts = scored(&(120..240).collect::<Vec<_>>(), &events);
        assert_eq!(counts.kinds[&Kind::Shift].detected, 0);
        // Days 130 to 143 belong to the event.
        assert_eq!((counts.false_onsets, counts.stale_days), (1, 106));
    }

    #[test]
    fn days_around_a_planned_change_and_before_the_judged_ones_do_not_count() {
        let planned = event(Kind::Planned, 150, 239, 0.0);
        let labels = super::super::labels::Labels {
            family: super::super::family::Family::B2b,
            unplanned: vec![event(Kind::Drop, 200, 203, -0.5)],
            planned: vec![planned],
        };
        let labels = LabelsBySeries::from([("a".to_owned(), labels)]);
        let days = [10, 119, 150, 157, 158, 201].into();
        let counts = score(&labels, &AlarmDays::from([("a".to_owned(), days)])).unwrap();
        assert_eq!((counts.false_onsets, counts.stale_days, counts.events()), (2, 2, 0));
        assert!(score(&labels, &AlarmDays::from([("b".to_owned(), [1].into())])).is_err());
    }
}
