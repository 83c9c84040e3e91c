//! `detect` on a file whose dates are hours.

use centinel_engine::{
    anomaly::{Calendar, HourlyAlarm, HourlyConfig, HourlySeries, detect_hourly},
    money::Pico,
};
use jiff::civil::DateTime;

use super::{EPISODES_SHOWN, label};
use crate::{failure::single_line, output::Output};

/// Alarm hours with at most this many quiet hours between are one run.
const QUIET_HOURS_MAX: usize = 3;

/// Alarms that belong together.
struct Run<'a> {
    strongest: &'a HourlyAlarm,
    first: &'a str,
    last: &'a str,
    last_hour: usize,
}

/// Judges every hour of every series and prints.
pub(super) fn run(
    series: &[HourlySeries],
    calendar: &Calendar,
    is_as_of: bool,
    output: &mut Output,
) -> anyhow::Result<()> {
    let config = HourlyConfig::published(is_as_of);
    let mut alarms = Vec::new();
    for series in series {
        let found = detect_hourly(series, calendar, &config);
        if output.json {
            for alarm in &found {
                output.json_line(alarm)?;
            }
        } else {
            alarms.push((series, found));
        }
    }
    if output.json {
        return Ok(());
    }
    let mut runs: Vec<Run<'_>> =
        alarms.iter().flat_map(|(series, alarms)| runs(series.first_hour, alarms)).collect();
    runs.sort_by(|a, b| {
        let key = |run: &Run<'_>| (run.strongest.series.clone(), run.first.to_owned());
        b.strongest.impact.cmp(&a.strongest.impact).then_with(|| key(a).cmp(&key(b)))
    });
    output.line(format_args!(
        "{} runs of hours in {} series, by estimated impact in the currency of the file",
        runs.len(),
        series.len()
    ))?;
    for run in runs.iter().take(EPISODES_SHOWN) {
        let strongest = run.strongest;
        output.line(format_args!(
            "  {:>14}  {} to {}  {}: {} +{:.0} % over {} hours",
            Pico::round_half_even(strongest.impact)?.amount.to_display(2),
            run.first,
            run.last,
            single_line(&strongest.series),
            label(strongest.metric),
            strongest.effect_ratio * 100.0,
            strongest.window_hours,
        ))?;
    }
    if runs.len() > EPISODES_SHOWN {
        let more = runs.len().saturating_sub(EPISODES_SHOWN);
        output.line(format_args!("  … and {more} more; --json gives every alarm"))?;
    }
    Ok(())
}

fn runs(first_hour: DateTime, alarms: &[HourlyAlarm]) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    for alarm in alarms {
        let hour = alarm.date.trim_end_matches('Z').parse::<DateTime>().ok().map_or(0, |at| {
            let hours = first_hour.duration_until(at).as_hours();
            usize::try_from(hours).unwrap_or(0)
        });
        let quiet = |run: &Run<'_>| hour.saturating_sub(run.last_hour).saturating_sub(1);
        match runs.last_mut().filter(|run| quiet(run) <= QUIET_HOURS_MAX) {
            Some(run) => {
                (run.last, run.last_hour) = (&alarm.date, hour);
                if alarm.impact > run.strongest.impact {
                    run.strongest = alarm;
                }
            }
            None => runs.push(Run {
                strongest: alarm,
                first: &alarm.date,
                last: &alarm.date,
                last_hour: hour,
            }),
        }
    }
    runs
}
