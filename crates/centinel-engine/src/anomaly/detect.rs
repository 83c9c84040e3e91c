//! Judging every day of a series, from the days up to it.

use jiff::{ToSpan as _, civil::Date};

use super::{
    Alarm, CACHED_TOKEN_WEIGHT, Calendar, Config, Metric, OUTPUT_TOKEN_WEIGHT, Point, Series,
    estimate,
    prior::{Prior, Siblings},
    track::{Known, Track, Verdict},
};

/// Added to the share of failed calls: a tenfold of next to nothing is nothing to look at.
const USUAL_FAILED_SHARE: f64 = 0.002;

/// The alarms of a series, by day and metric. No alarm depends on a later day.
pub fn detect(series: &Series, calendar: &Calendar, config: &Config) -> Vec<Alarm> {
    detect_among(series, None, calendar, config)
}

/// As [`detect`]; the first two weeks of the series are judged by what its siblings do.
pub fn detect_among(
    series: &Series,
    siblings: Option<&Siblings>,
    calendar: &Calendar,
    config: &Config,
) -> Vec<Alarm> {
    let days = Days::of(series, calendar);
    let mut alarms = Vec::new();
    for metric in config.metrics.iter().copied() {
        let prior = siblings.and_then(|known| known.prior(metric, series.first_day));
        let mut track = track(series, metric, prior, config);
        let firsts = if metric == Metric::Total { days.firsts.as_slice() } else { &[] };
        let known = Known { holidays: &days.holidays, firsts };
        for (day, restart) in days.restarts.iter().enumerate() {
            let verdict = track.judge(day, *restart, known, config);
            if days.muted.get(day) == Some(&false)
                && let Some(verdict) = verdict
            {
                alarms.push(alarm(series, &days, metric, day, verdict, config));
            }
        }
    }
    alarms.sort_by_key(|alarm| (alarm.date, alarm.metric));
    alarms
}

/// What is known of the days of a series.
#[derive(Debug)]
struct Days {
    dates: Vec<Date>,
    holidays: Vec<bool>,
    muted: Vec<bool>,
    /// By day: the last planned change up to it.
    restarts: Vec<usize>,
    /// Days that are the first of a month.
    firsts: Vec<usize>,
}

impl Days {
    fn of(series: &Series, calendar: &Calendar) -> Self {
        let mut dates = Vec::with_capacity(series.points.len());
        let mut date = series.first_day;
        for _ in &series.points {
            dates.push(date);
            date = date.saturating_add(1.day());
        }
        let planned: Vec<_> = calendar.planned_of(&series.name).copied().collect();
        let mut restart = 0;
        let mut restarts = Vec::with_capacity(dates.len());
        for (day, date) in dates.iter().enumerate() {
            if planned.iter().any(|planned| planned.day == *date) {
                restart = day;
            }
            restarts.push(restart);
        }
        let is_muted = |date: &Date| {
            planned.iter().any(|planned| planned.day <= *date && *date <= planned.until)
        };
        let firsts = dates.iter().enumerate().filter(|(_, date)| date.day() == 1);
        Self {
            holidays: dates.iter().map(|d| calendar.is_holiday(&series.name, *d)).collect(),
            muted: dates.iter().map(is_muted).collect(),
            firsts: firsts.map(|(day, _)| day).collect(),
            restarts,
            dates,
        }
    }
}

/// A metric of a series, ready to be judged.
fn track(series: &Series, metric: Metric, prior: Option<Prior>, config: &Config) -> Track {
    let settled = logarithms(&series.points, metric);
    let judged = if config.as_of && metric == Metric::Total {
        let shares = series.points.iter().map(|point| logarithm(Some(point.visible_share)));
        settled.iter().zip(shares).map(|(value, share)| value + share).collect()
    } else {
        settled.clone()
    };
    // A quotient of sums over calls strays by the variation of one call over their number.
    let of_calls = |point: &Point| {
        config.call_variation_squared / point.calls.unwrap_or(f64::INFINITY).max(1.0)
    };
    // A share of few cases strays by their number.
    let of_cases = |point: &Point| {
        let calls = point.calls.unwrap_or(f64::INFINITY).max(1.0);
        let share = value(point, Metric::FailedCallShare).unwrap_or(f64::INFINITY);
        (point.failed_calls.unwrap_or(0.0) + 0.5) / (calls * share).powi(2)
    };
    let variances = match metric {
        Metric::Total | Metric::CallsPerOutput => Vec::new(),
        Metric::FailedCallShare => series.points.iter().map(of_cases).collect(),
        _ => series.points.iter().map(of_calls).collect(),
    };
    let score_min =
        if metric == Metric::Total { config.total_score_min } else { config.driver_score_min };
    Track::new(settled, judged, variances, score_min, prior, config)
}

/// A metric day by day; `NaN` where there is no positive value.
pub(super) fn logarithms(points: &[Point], metric: Metric) -> Vec<f64> {
    points.iter().map(|point| logarithm(value(point, metric))).collect()
}

/// A metric of a day; `None` where a part of it is missing.
pub(super) fn value(point: &Point, metric: Metric) -> Option<f64> {
    let tokens = || Some(point.tokens_in? + OUTPUT_TOKEN_WEIGHT * point.tokens_out?);
    let (above, below) = match metric {
        Metric::Total => (Some(point.cost), Some(1.0)),
        Metric::CostPerOutput => (Some(point.cost), point.outputs),
        Metric::TokensPerCall => (tokens(), point.calls),
        Metric::PricePerToken => (Some(point.cost), tokens()),
        Metric::CallsPerOutput => (point.calls, point.outputs),
        Metric::CacheMissShare => {
            let missed = || Some(point.tokens_in? - point.tokens_cached?);
            (missed(), point.tokens_in)
        }
        Metric::FailedCallShare => {
            let failed = || Some(point.failed_calls? + USUAL_FAILED_SHARE * point.calls?);
            (failed(), point.calls)
        }
    };
    Some(above? / below.filter(|below| *below > 0.0)?)
}

/// `NaN` where there is no positive value.
fn logarithm(value: Option<f64>) -> f64 {
    value.filter(|value| *value > 0.0).map_or(f64::NAN, f64::ln)
}

fn alarm(
    series: &Series,
    days: &Days,
    metric: Metric,
    day: usize,
    verdict: Verdict,
    config: &Config,
) -> Alarm {
    let first = day.saturating_add(1).saturating_sub(verdict.window_days);
    let visible = |index: usize, point: &Point| {
        if config.as_of && index == day { point.cost * point.visible_share } else { point.cost }
    };
    let window: Vec<Point> = (first..=day)
        .filter(|index| days.holidays.get(*index) == Some(&false))
        .filter_map(|index| {
            let point = *series.points.get(index)?;
            Some(Point { cost: visible(index, &point), ..point })
        })
        .collect();
    let sum = |of: fn(&Point) -> Option<f64>| -> Option<f64> { window.iter().map(of).sum() };
    let cost: f64 = window.iter().map(|point| point.cost).sum();
    let whole = Point {
        cost,
        visible_share: 1.0,
        outputs: sum(|point| point.outputs),
        calls: sum(|point| point.calls),
        tokens_in: sum(|point| point.tokens_in),
        tokens_cached: sum(|point| point.tokens_cached),
        tokens_out: sum(|point| point.tokens_out),
        failed_calls: sum(|point| point.failed_calls),
    };
    let ratio = verdict.excess.exp();
    let observed = value(&whole, metric).unwrap_or(0.0);
    let expected = observed / ratio;
    let band = (config.band_deviations * verdict.deviation).exp();
    let added = if metric == Metric::FailedCallShare { USUAL_FAILED_SHARE } else { 0.0 };
    let of_day = window.last().map_or(0.0, |point| point.cost);
    Alarm {
        series: series.name.clone(),
        date: days.dates.get(day).copied().unwrap_or(series.first_day),
        metric,
        window_days: verdict.window_days,
        observed: estimate(observed - added),
        expected: estimate((expected - added).max(0.0)),
        low: estimate((expected / band - added).max(0.0)),
        high: estimate(expected * band - added),
        effect_ratio: ratio - 1.0,
        score: verdict.score,
        impact: estimate(cost * excess_share(&whole, metric, ratio)),
        impact_of_day: estimate(
            of_day * excess_share(&whole, metric, verdict.excess_of_day.exp()).max(0.0),
        ),
    }
}

/// The share of the cost of some days that would not have come about, had a metric of theirs been so
/// much lower: `ratio` is what it is over what it would have been.
pub(super) fn excess_share(days: &Point, metric: Metric, ratio: f64) -> f64 {
    let excess = 1.0 - 1.0 / ratio;
    let share = value(days, metric).unwrap_or(0.0);
    match metric {
        // The same tokens, more of them at the price of cached ones.
        Metric::CacheMissShare => {
            let (Some(tokens_in), Some(tokens_out)) = (days.tokens_in, days.tokens_out) else {
                return 0.0;
            };
            let cached = tokens_in * (1.0 - share);
            let weight =
                tokens_in - (1.0 - CACHED_TOKEN_WEIGHT) * cached + OUTPUT_TOKEN_WEIGHT * tokens_out;
            let dearer = tokens_in * share * excess * (1.0 - CACHED_TOKEN_WEIGHT);
            if weight > 0.0 { dearer / weight } else { 0.0 }
        }
        // The cost of calls that would not have been made, were each as dear as any other.
        Metric::FailedCallShare => share.min(1.0) * excess,
        _ => excess,
    }
}
