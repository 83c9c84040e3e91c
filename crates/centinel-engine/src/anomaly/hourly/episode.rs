//! Hourly alarms that belong together.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{ToSpan as _, civil::DateTime};

use super::HourlyAlarm;
use crate::{anomaly::Metric, money::Decimal};

/// Alarms with at most this many quiet hours between are one episode.
const QUIET_HOURS_MAX: i32 = 3;

/// A run of hourly alarms of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct HourlyEpisode {
    /// Name of the series.
    pub series: String,
    /// What was high at least once.
    pub metrics: BTreeSet<Metric>,
    /// The start of the first unusual hour, UTC: the first one of the window of the first alarm.
    pub start: DateTime,
    /// The start of the last hour with an alarm so far, UTC.
    pub last: DateTime,
    /// Cost beyond the expected: the window of the first alarm, then each further alarm's own hour;
    /// of several metrics in one hour, the largest. Estimate, in the currency of the series.
    pub impact: Decimal,
    /// Every alarm, by hour and metric.
    pub alarms: Vec<HourlyAlarm>,
}

impl HourlyEpisode {
    /// Whether a further hour belongs to it, or no more than quiet hours lie between.
    pub fn reaches(&self, hour: DateTime) -> bool {
        self.last.saturating_add(QUIET_HOURS_MAX.saturating_add(1).hours()) >= hour
    }
}

/// Merges alarms to episodes, in the order of series and time.
pub fn hourly_episodes(alarms: &[HourlyAlarm]) -> Vec<HourlyEpisode> {
    let mut hours: BTreeMap<(&str, DateTime), Vec<&HourlyAlarm>> = BTreeMap::new();
    for alarm in alarms {
        hours.entry((&alarm.series, alarm.hour)).or_default().push(alarm);
    }
    let mut episodes: Vec<HourlyEpisode> = Vec::new();
    for ((series, hour), mut alarms) in hours {
        alarms.sort_by_key(|alarm| alarm.metric);
        let largest = |of: fn(&HourlyAlarm) -> Decimal| alarms.iter().map(|alarm| of(alarm)).max();
        let metrics = alarms.iter().map(|alarm| alarm.metric);
        match episodes.last_mut().filter(|open| open.series == series && open.reaches(hour)) {
            Some(open) => {
                let further = largest(|alarm| alarm.impact_of_hour).unwrap_or_default();
                open.last = hour;
                open.impact = open.impact.checked_add(further).unwrap_or(open.impact);
                open.metrics.extend(metrics);
                open.alarms.extend(alarms.into_iter().cloned());
            }
            None => {
                let window = alarms.iter().map(|alarm| alarm.window_hours).min().unwrap_or(1);
                let before = i64::try_from(window.saturating_sub(1)).unwrap_or(0);
                episodes.push(HourlyEpisode {
                    series: series.to_owned(),
                    metrics: metrics.collect(),
                    start: hour.saturating_sub(before.hours()),
                    last: hour,
                    impact: largest(|alarm| alarm.impact).unwrap_or_default(),
                    alarms: alarms.into_iter().cloned().collect(),
                });
            }
        }
    }
    episodes
}
