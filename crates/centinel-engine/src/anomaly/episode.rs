//! Alarms that belong together.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::Serialize;

use super::{Alarm, Metric};
use crate::money::Decimal;

/// Alarms on days that follow each other with at most this many quiet days between are one episode.
const QUIET_DAYS_MAX: i32 = 1;

/// A run of alarms of one series: what a person looks at once.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Episode {
    /// Name of the series.
    pub series: String,
    /// What was high at least once.
    pub metrics: BTreeSet<Metric>,
    /// First day with an alarm.
    pub start: Date,
    /// Last day with an alarm so far.
    pub last: Date,
    /// Cost beyond the expected: the window of the first alarm, then each further day's own excess;
    /// of several metrics on one day, the largest. Estimate, in the currency of the series.
    pub impact: Decimal,
    /// Every alarm, by day and metric.
    pub alarms: Vec<Alarm>,
}

/// Merges alarms to episodes, those with the largest impact first.
pub fn episodes(alarms: &[Alarm]) -> Vec<Episode> {
    let mut days: BTreeMap<(&str, Date), Vec<&Alarm>> = BTreeMap::new();
    for alarm in alarms {
        days.entry((&alarm.series, alarm.date)).or_default().push(alarm);
    }
    let mut episodes: Vec<Episode> = Vec::new();
    for ((series, date), mut alarms) in days {
        alarms.sort_by_key(|alarm| alarm.metric);
        let open = episodes
            .last_mut()
            .filter(|open| open.series == series && quiet_days(open.last, date) <= QUIET_DAYS_MAX);
        let largest = |of: fn(&Alarm) -> Decimal| alarms.iter().map(|alarm| of(alarm)).max();
        match open {
            Some(open) => {
                let further = largest(|alarm| alarm.impact_of_day).unwrap_or_default();
                open.last = date;
                open.impact = open.impact.checked_add(further).unwrap_or(open.impact);
                open.metrics.extend(alarms.iter().map(|alarm| alarm.metric));
                open.alarms.extend(alarms.into_iter().cloned());
            }
            None => episodes.push(Episode {
                series: series.to_owned(),
                metrics: alarms.iter().map(|alarm| alarm.metric).collect(),
                start: date,
                last: date,
                impact: largest(|alarm| alarm.impact).unwrap_or_default(),
                alarms: alarms.into_iter().cloned().collect(),
            }),
        }
    }
    episodes.sort_by(|a, b| {
        b.impact.cmp(&a.impact).then_with(|| (&a.series, a.start).cmp(&(&b.series, b.start)))
    });
    episodes
}

fn quiet_days(last: Date, next: Date) -> i32 {
    last.until(next).map_or(i32::MAX, |span| span.get_days().saturating_sub(1))
}
