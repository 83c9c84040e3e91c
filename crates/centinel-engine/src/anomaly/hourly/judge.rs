//! Which hours are unusually high, of one metric.

use super::{
    HourlyConfig,
    usual::{DAY, Ratio, Usual},
};

/// An hour whose window is unusually high.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Verdict {
    pub(super) hour: usize,
    pub(super) window_hours: usize,
    /// Logarithmic excess of the window.
    pub(super) excess: f64,
    /// How far such windows usually stray.
    pub(super) deviation: f64,
    /// Excess in deviations.
    pub(super) score: f64,
}

/// Judges every hour from itself and earlier ones. `restart` is the first hour of the level that holds
/// at an hour, `is_muted` whether it raises no alarm.
pub(super) fn judge(
    ratio: &Ratio<'_>,
    score_min: f64,
    restart: impl Fn(usize) -> usize,
    is_muted: impl Fn(usize) -> bool,
    config: &HourlyConfig,
) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let mut usual: Option<Usual> = None;
    for hour in 0..ratio.above.len() {
        if ratio.hour_of_week(hour).is_multiple_of(DAY) {
            usual = Usual::learn(ratio, hour, restart(hour), config);
        }
        let Some(usual) = &usual else { continue };
        if is_muted(hour) {
            continue;
        }
        let expected = |hour: usize| usual.of(ratio, hour);
        let since = hour.saturating_add(1).saturating_sub(restart(hour));
        let of_window = |(index, window): (usize, &usize)| {
            if *window > since {
                return None;
            }
            let effect_min = config.effect_ratios_min.get(index).copied()?;
            let excess = ratio.excess_as_seen(hour, *window, expected);
            if excess.is_nan() || excess < effect_min.ln_1p() {
                return None;
            }
            // The last quarter of the window has to support it, or it is over.
            let support = ratio.excess_as_seen(hour, window.div_ceil(4), expected);
            if support.is_nan() || support < excess / 2.0 {
                return None;
            }
            let deviation = usual.deviation(ratio, hour, *window, index);
            let deviation = deviation.max(config.deviation_min);
            let score = excess / deviation;
            (score >= score_min).then_some(Verdict {
                hour,
                window_hours: *window,
                excess,
                deviation,
                score,
            })
        };
        let windows = config.windows_hours.iter().enumerate().filter_map(of_window);
        verdicts.extend(windows.max_by(|a, b| a.score.total_cmp(&b.score)));
    }
    verdicts
}
