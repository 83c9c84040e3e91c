//! How far forecasts strayed: rolling origins of every series of the file, in deviations.
//!
//! Split conformal prediction on scale-normalised errors, pooled over series: a forecast of one series
//! has too few earlier months of its own to tell a 95 % band. Errors are logarithms of actual over
//! forecast, over the deviation that the outlook states; distributions are apart for series with a
//! change under way and without.

use super::{
    fit::{Fit, fit},
    learned::Learned,
    outlook::{Outlook, Spread, State, outlook},
    prior,
    statistics::{Distribution, float},
    track::{Kind, Track},
};

/// Days between origins.
const STEP_DAYS: usize = 4;
/// Longest stretch whose errors are looked at; longer forecasts scale by their stated deviation.
const HORIZON_DAYS_MAX: usize = 35;
/// Fewest days before an origin.
const HISTORY_DAYS_MIN: usize = 28;
/// Furthest back that an origin lies.
const ORIGIN_DAYS_MAX: usize = 112;
/// Overlapping stretches say less than their number: weight of one for a series' own deviation.
const OWN_WEIGHT: f64 = 0.4;
/// Weight of the pooled deviation over a series' own, in errors.
const POOLED_WEIGHT: f64 = 40.0;
/// Weight of the pooled error of the course over a series' own, in errors.
const LOCAL_POOLED_WEIGHT: f64 = 20.0;
/// How much of the last days' deviation stays, before the file says anything.
const LOCAL_ASSUMED: f64 = 0.1;
/// An error beyond this counts as this, where errors are squared.
const ERROR_MAX: f64 = 4.0;

/// One past forecast.
#[derive(Debug, Clone, Copy)]
struct PastError {
    series: usize,
    origin: usize,
    /// Logarithm of actual over forecast.
    error: f64,
    local: f64,
    deviation: f64,
    is_event: bool,
    forecast: f64,
    actual: f64,
}

/// What past forecasts say about the next.
#[derive(Debug, Clone)]
pub(super) struct Calibration {
    pub(super) usual: Distribution,
    pub(super) event: Distribution,
    /// By series: how much of the last days' deviation stays.
    local: Vec<f64>,
    /// By series: its own deviation over the stated one.
    scale: Vec<f64>,
    /// Deviation of summed forecasts over that of independent ones.
    pub(super) together: f64,
}

/// Forecasts from earlier origins against what came. Stretches in which a change begins, as far as the
/// fit at the last origin shows one, are left out, as are those across a planned change: bands speak of
/// months without a new event.
pub(super) fn calibrate(
    tracks: &[Track],
    fits: &[Option<Fit>],
    learned: &Learned,
    origin: usize,
    ahead: usize,
) -> Calibration {
    let horizon = ahead.clamp(1, HORIZON_DAYS_MAX);
    let errors: Vec<PastError> = tracks
        .iter()
        .zip(fits)
        .enumerate()
        .filter_map(|(series, (track, last))| Some((series, track, last.as_ref()?)))
        .flat_map(|(series, track, last)| {
            past_errors(track, last, learned, origin, horizon)
                .into_iter()
                .map(move |error| PastError { series, ..error })
        })
        .collect();
    let mut by_series: Vec<Vec<PastError>> = vec![Vec::new(); tracks.len()];
    for error in errors.iter().filter(|error| !error.is_event) {
        if let Some(own) = by_series.get_mut(error.series) {
            own.push(*error);
        }
    }
    let usual = || by_series.iter().flatten();
    let (product, square) = local_sums(usual());
    let pooled = (product + LOCAL_POOLED_WEIGHT * LOCAL_ASSUMED) / (square + LOCAL_POOLED_WEIGHT);
    let local: Vec<f64> = by_series
        .iter()
        .map(|own| {
            let (product, square) = local_sums(own.iter());
            let own = product + LOCAL_POOLED_WEIGHT * pooled;
            (own / (square + LOCAL_POOLED_WEIGHT)).clamp(0.0, 1.0)
        })
        .collect();
    let local_of = |series: usize| local.get(series).copied().unwrap_or(LOCAL_ASSUMED);
    let corrected =
        |error: &PastError| (error.error - local_of(error.series) * error.local) / error.deviation;
    let square = |error: &PastError| corrected(error).clamp(-ERROR_MAX, ERROR_MAX).powi(2);
    let pooled_square = (usual().map(square).sum::<f64>()
        + prior::USUAL_WEIGHT * prior::usual_square())
        / (float(usual().count()) + prior::USUAL_WEIGHT);
    let scale: Vec<f64> = by_series
        .iter()
        .map(|own| {
            let squares: f64 = own.iter().map(square).sum();
            let mean = (OWN_WEIGHT * squares + POOLED_WEIGHT * pooled_square)
                / (OWN_WEIGHT * float(own.len()) + POOLED_WEIGHT);
            (mean / pooled_square).sqrt()
        })
        .collect();
    // Stretches overlap: each counts as much as it is new.
    let new_share = (float(STEP_DAYS) / float(horizon)).min(1.0);
    let scale_of = |series: usize| scale.get(series).copied().unwrap_or(1.0);
    let pool = |is_event: bool, prior: Vec<(f64, f64)>| {
        let own = errors.iter().filter(|error| error.is_event == is_event).map(|error| {
            let scale = if is_event { 1.0 } else { scale_of(error.series) };
            (corrected(error) / scale, new_share)
        });
        Distribution::of(own.chain(prior).collect())
    };
    Calibration {
        usual: pool(false, prior::usual()),
        event: pool(true, prior::event()),
        together: together(&errors, &local, &scale, pooled_square),
        local,
        scale,
    }
}

impl Calibration {
    /// Moves an outlook towards the level of its last days as far as that helped before, and to the
    /// middle of past errors; states its deviation as errors had it.
    pub(super) fn apply(&self, series: usize, outlook: &mut Outlook) {
        let Spread::Relative(deviation) = &mut outlook.spread else { return };
        let mut shift = 0.0;
        if outlook.state == State::Usual {
            *deviation *= self.scale.get(series).copied().unwrap_or(1.0);
            shift += self.local.get(series).copied().unwrap_or(0.0) * outlook.local;
            shift += self.usual.quantile(0.5) * *deviation;
        }
        for day in &mut outlook.days {
            *day *= shift.exp();
        }
    }

    /// The distribution of errors for a state, in deviations from the point that [`Self::apply`] gives.
    pub(super) fn distribution(&self, state: State) -> (&Distribution, f64) {
        match state {
            State::Event => (&self.event, 0.0),
            State::Usual => (&self.usual, self.usual.quantile(0.5)),
            State::Young | State::Sparse | State::Monthly | State::Stopped => (&self.usual, 0.0),
        }
    }
}

/// Products and squares for the slope of errors on the last days' deviation, in deviations.
fn local_sums<'a>(errors: impl Iterator<Item = &'a PastError>) -> (f64, f64) {
    errors.fold((0.0, 0.0), |(product, square), error| {
        let local = (error.local / error.deviation).clamp(-ERROR_MAX, ERROR_MAX);
        let error = (error.error / error.deviation).clamp(-ERROR_MAX, ERROR_MAX);
        (product + local * error, square + local * local)
    })
}

fn past_errors(
    track: &Track,
    last: &Fit,
    learned: &Learned,
    origin: usize,
    horizon: usize,
) -> Vec<PastError> {
    let earliest =
        track.first.saturating_add(HISTORY_DAYS_MIN).max(origin.saturating_sub(ORIGIN_DAYS_MAX));
    let mut found = Vec::new();
    let mut at = origin.saturating_sub(horizon);
    while at >= earliest && at > 0 {
        let end = at.saturating_add(horizon);
        found.extend(past_error(track, last, learned, at, end));
        at = at.saturating_sub(STEP_DAYS);
    }
    found
}

fn past_error(
    track: &Track,
    last: &Fit,
    learned: &Learned,
    at: usize,
    end: usize,
) -> Option<PastError> {
    let days = track.days.get(at..end)?;
    let odd = last.odd.iter().filter(|odd| (at..end).contains(&odd.day)).count();
    if days.iter().any(|day| day.restart) {
        return None;
    }
    let fit = fit(track, at)?;
    let outlook = outlook(track, Some(&fit), learned, at, at, end);
    let is_event = match outlook.state {
        State::Event => true,
        State::Usual => false,
        _ => return None,
    };
    // What a change that is on does is the question; what one that begins does is not.
    if odd > 1 && !is_event {
        return None;
    }
    let Spread::Relative(deviation) = outlook.spread else { return None };
    let (mut forecast, mut actual) = (0.0, 0.0);
    let costs = track.costs.get(at..end)?;
    for ((day, cost), expected) in days.iter().zip(costs).zip(&outlook.days) {
        // Holidays widen bands by a term of their own; most origins have seen too few to be judged.
        if day.kind == Kind::Usual {
            forecast += expected;
            actual += cost;
        }
    }
    (forecast > 0.0 && actual > 0.0).then(|| PastError {
        series: 0,
        origin: at,
        error: (actual / forecast).ln(),
        local: outlook.local,
        deviation,
        is_event,
        forecast,
        actual,
    })
}

/// Weight of independence before summed errors say anything, in errors.
const TOGETHER_WEIGHT: f64 = 4.0;

/// Deviation of summed forecasts over that of independent ones: by origin, the error of the sum of the
/// usual series over the root of their summed squares.
fn together(errors: &[PastError], local: &[f64], scale: &[f64], pooled_square: f64) -> f64 {
    let mut sums: std::collections::BTreeMap<usize, (f64, f64)> = std::collections::BTreeMap::new();
    for error in errors.iter().filter(|error| !error.is_event) {
        let local = local.get(error.series).copied().unwrap_or(0.0);
        let scale = scale.get(error.series).copied().unwrap_or(1.0);
        let forecast = error.forecast * (local * error.local).exp();
        let (difference, variance) = sums.entry(error.origin).or_default();
        *difference += error.actual - forecast;
        *variance += (forecast * error.deviation * scale).powi(2) * pooled_square;
    }
    let squares: Vec<f64> = sums
        .values()
        .filter(|(_, variance)| *variance > 0.0)
        .map(|(difference, variance)| {
            (difference * difference / variance).min(ERROR_MAX.powi(2) * 4.0)
        })
        .collect();
    let weighted = OWN_WEIGHT * squares.iter().sum::<f64>() + TOGETHER_WEIGHT;
    (weighted / (OWN_WEIGHT * float(squares.len()) + TOGETHER_WEIGHT)).sqrt()
}
