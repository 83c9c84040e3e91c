//! The level of the last days: the trimmed mean of what is left of them without shape and trend.

use super::{
    baseline::{to_float, trimmed},
    shape::Usual,
};

/// Days in the order of their residuals. From one day to the next few of them change places, so keeping
/// the order costs a fraction of finding it anew.
#[derive(Debug, Clone, Default)]
pub(super) struct Ranked {
    /// Ascending by the residuals of the last time.
    days: Vec<Residual>,
    /// The first and the last of these days.
    span: Option<(usize, usize)>,
}

#[derive(Debug, Clone, Copy)]
struct Residual {
    usual: Usual,
    value: f64,
}

impl Ranked {
    /// Whatever was kept is of other days now.
    pub(super) fn forget(&mut self) {
        self.days.clear();
        self.span = None;
    }

    /// The trimmed mean of the residuals of `days`, which are in order and, unless [`Ranked::forget`] was
    /// called, go on from those of the last call: some at the begin are gone, some at the end are new.
    /// `None` without days.
    pub(super) fn level(
        &mut self,
        days: &[Usual],
        residual: impl Fn(&Usual) -> f64,
    ) -> Option<f64> {
        let (first, last) = (days.first()?.day, days.last()?.day);
        if self.span.is_some_and(|(known, _)| known > first) {
            self.forget();
        }
        let known = self.span.map(|(_, known)| known);
        while let Some(gone) = self.days.iter().position(|of| of.usual.day < first) {
            self.days.remove(gone);
        }
        for of in &mut self.days {
            of.value = residual(&of.usual);
        }
        let from = days.partition_point(|usual| known.is_some_and(|known| usual.day <= known));
        let new = days.get(from..)?.iter();
        self.days.extend(new.map(|usual| Residual { usual: *usual, value: residual(usual) }));
        self.span = Some((first, last));
        put_in_order(&mut self.days);
        let cut = trimmed(self.days.len());
        let kept = self.days.get(cut..self.days.len().checked_sub(cut)?)?;
        Some(kept.iter().map(|of| of.value).sum::<f64>() / to_float(kept.len()))
    }
}

/// Insertion sort: linear for what is nearly in order.
fn put_in_order(days: &mut [Residual]) {
    let mut highest = f64::NEG_INFINITY;
    for at in 0..days.len() {
        let Some(value) = days.get(at).map(|of| of.value) else { return };
        if value >= highest {
            highest = value;
            continue;
        }
        let before = days.get(..at).unwrap_or_default();
        let place = before.partition_point(|of| of.value <= value);
        if let Some(moved) = days.get_mut(place..=at) {
            moved.rotate_right(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is kept from day to day gives what is found anew.
    #[test]
    fn the_level_is_that_of_days_put_in_order_anew() {
        let value = |day: usize| f64::from(u32::try_from(day * 7919 % 31).unwrap());
        let days: Vec<Usual> =
            (0..90).filter(|day| day % 11 != 3).map(|d| Usual::new(d, value(d))).collect();
        let mut kept = Ranked::default();
        for end in 1..=days.len() {
            let window = &days[end.saturating_sub(28)..end];
            // Shape and trend change a little every day.
            let slope = 0.01 * value(end);
            let residual = |usual: &Usual| usual.value - slope * value(usual.day);
            let level = kept.level(window, residual);
            assert_eq!(level, Ranked::default().level(window, residual), "day {end}");
            let mut sorted: Vec<f64> = window.iter().map(residual).collect();
            sorted.sort_by(f64::total_cmp);
            let kept = &sorted[trimmed(sorted.len())..sorted.len() - trimmed(sorted.len())];
            assert_eq!(level, Some(kept.iter().sum::<f64>() / to_float(kept.len())));
        }
        assert_eq!(kept.level(&[], |usual| usual.value), None);
    }
}
