//! Which hours are unusually high, of one metric.

use super::{
    HourlyConfig,
    ratio::Ratio,
    spread::View,
    statistics::to_float,
    usual::{DAY, Usual},
};

/// Most hours at the end of a window that have to support it.
const SUPPORT_HOURS_MAX: usize = 6;

/// An hour whose window is unusually high.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Verdict {
    pub(super) hour: usize,
    pub(super) window_hours: usize,
    /// Logarithmic excess of the window.
    pub(super) excess: f64,
    /// That of its last hour.
    pub(super) excess_of_hour: f64,
    /// How far such windows usually stray.
    pub(super) deviation: f64,
    /// Excess in deviations.
    pub(super) score: f64,
}

/// Judges every hour from itself and earlier ones. `restart` is the first hour of the level that holds
/// at an hour, `is_muted` whether it raises no alarm.
pub(super) fn judge(
    ratio: &mut Ratio<'_>,
    score_min: f64,
    restart: impl Fn(usize) -> usize,
    is_muted: impl Fn(usize) -> bool,
    config: &HourlyConfig,
) -> Vec<Verdict> {
    let views = config.views();
    let mut verdicts = Vec::new();
    let mut usual: Option<Usual> = None;
    // What is usual is learned at midnight, of the first day that is judged too.
    let first_hour = config.first_judged_hour;
    let of_day = ratio.hour_of_week(first_hour) % DAY;
    for hour in first_hour.saturating_sub(of_day)..ratio.above.len() {
        if ratio.hour_of_week(hour).is_multiple_of(DAY) {
            ratio.weigh_tokens(hour.saturating_sub(config.baseline_hours), hour);
            usual = Usual::learn(ratio, hour, restart(hour), &views, config);
        }
        let Some(usual) = &usual else { continue };
        if hour < first_hour || is_muted(hour) {
            continue;
        }
        let since = hour.saturating_add(1).saturating_sub(restart(hour));
        let of_view = |(index, view): (usize, &View)| {
            let View { window, before, effect_min } = *view;
            if window.saturating_add(before) > since {
                return None;
            }
            let excess = usual.excess(ratio, hour, window);
            if excess.is_nan() || excess < effect_min.ln_1p() {
                return None;
            }
            // The end of the window has to support it, or it is over.
            let support = usual.excess(ratio, hour, window.div_ceil(4).min(SUPPORT_HOURS_MAX));
            if support.is_nan() || support < excess / 2.0 {
                return None;
            }
            let (deviation, score) =
                usual.score(ratio, hour, excess, (index, *view), config.deviation_min)?;
            let score = score / (1.0 + config.short_window_caution / to_float(window));
            let excess_of_hour = usual.excess(ratio, hour, 1);
            let window_hours = window;
            let verdict = Verdict { hour, window_hours, excess, excess_of_hour, deviation, score };
            (score >= score_min).then_some(verdict)
        };
        let found = views.iter().enumerate().filter_map(of_view);
        verdicts.extend(found.max_by(|a, b| a.score.total_cmp(&b.score)));
    }
    verdicts
}
