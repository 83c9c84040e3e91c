//! One metric by hour, and how far its windows are from what is usual.

use std::ops::Range;

use super::{
    super::OUTPUT_TOKEN_WEIGHT,
    EMPTY,
    statistics::{at, median},
    usual::{DAY, WEEK},
};

/// Larger ones are not believed.
const OUTPUT_WEIGHT_MAX: f64 = 50.0;
/// Fewest good hours of a day that counts.
const DAY_HOURS_MIN: usize = 18;
/// Smaller effects of the first of a month are not told from chance.
const FIRST_EFFECT_MIN: f64 = 0.15;

/// What the chance of a window is that of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chance {
    /// The observed calls, over which a ratio is a mean.
    Calls,
    /// The usual calls: traffic itself is judged, by its cost.
    Traffic,
    /// The same, by a count.
    Counts,
}

/// A metric by hour: `above` over `below`; `NaN` where either is unknown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ratio<'a> {
    pub(super) above: &'a [f64],
    pub(super) below: Vec<f64>,
    /// Calls of an hour, on which sampling depends; empty where nothing is sampled.
    pub(super) calls: &'a [f64],
    /// What is judged, as far as its chance goes.
    pub(super) chance: Chance,
    /// Input and output tokens, where `below` is their sum by what either is worth.
    pub(super) tokens: Option<[&'a [f64]; 2]>,
    /// Hours of the first day of a month.
    pub(super) is_month_first: &'a [bool],
    /// Share of `above` that is visible when an hour is judged.
    pub(super) visible: &'a [f64],
    /// Hours that are neither judged nor learned from.
    pub(super) left_out: &'a [bool],
    /// Hour of the week of the first hour, from Monday 00:00.
    pub(super) first_hour_of_week: usize,
}

impl Ratio<'_> {
    pub(super) fn is_good(&self, hour: usize) -> bool {
        self.left_out.get(hour) == Some(&false)
            && at(self.above, hour).is_finite()
            && at(&self.below, hour) > 0.0
    }

    /// Whether counts are judged, so that one is known to be as random as independent calls.
    pub(super) fn is_count(&self) -> bool {
        self.chance == Chance::Counts
    }

    pub(super) fn is_month_first(&self, hour: usize) -> bool {
        self.is_month_first.get(hour) == Some(&true)
    }

    /// The calls that the sampling of an hour depends on; `usual` are the usual ones.
    pub(super) fn calls_of(&self, hour: usize, usual: f64) -> f64 {
        if self.chance == Chance::Calls { at(self.calls, hour) } else { usual }
    }

    /// Calls behind a unit of `above`, `NaN` where no traffic is judged.
    pub(super) fn calls_per_unit(&self, hours: Range<usize>) -> f64 {
        if self.chance == Chance::Calls {
            return f64::NAN;
        }
        let known = hours.filter(|hour| self.is_good(*hour));
        let (calls, above) = known.fold((0.0, 0.0), |(calls, above), hour| {
            (calls + at(self.calls, hour), above + at(self.above, hour))
        });
        calls / above
    }

    /// Sums tokens by what they are worth: what an output token costs of an input token is fitted to
    /// the hours from `first` to before `end`, so that a long answer is no dear one.
    pub(super) fn weigh_tokens(&mut self, first: usize, end: usize) {
        let Some([inputs, outputs]) = self.tokens else { return };
        let mut fit = Fit::default();
        for hour in (first..end).filter(|hour| self.is_good(*hour)) {
            fit.add(at(inputs, hour), at(outputs, hour), at(self.above, hour));
        }
        let weight = fit.weight().unwrap_or(OUTPUT_TOKEN_WEIGHT);
        let hours = first..end.saturating_add(DAY);
        for (hour, below) in hours.clone().zip(self.below.get_mut(first..).into_iter().flatten()) {
            *below = at(inputs, hour) + weight * at(outputs, hour);
        }
    }

    pub(super) fn hour_of_week(&self, hour: usize) -> usize {
        hour.saturating_add(self.first_hour_of_week) % WEEK
    }

    /// Logarithmic excess of the window that ends with an hour over what is usual, all settled.
    pub(super) fn excess(&self, last: usize, window: usize, usual: impl Fn(usize) -> f64) -> f64 {
        self.excess_of(last, window, usual, 1.0)
    }

    /// The same with what of the last hour is visible when it is judged.
    pub(super) fn excess_as_seen(
        &self,
        last: usize,
        window: usize,
        usual: impl Fn(usize) -> f64,
    ) -> f64 {
        self.excess_of(last, window, usual, at(self.visible, last))
    }

    fn excess_of(
        &self,
        last: usize,
        window: usize,
        usual: impl Fn(usize) -> f64,
        visible: f64,
    ) -> f64 {
        let first = last.saturating_add(1).saturating_sub(window);
        let (mut above, mut expected) = (0.0, 0.0);
        let mut hours = 0_usize;
        for hour in (first..=last).filter(|hour| self.is_good(*hour)) {
            above += at(self.above, hour) * if hour == last { visible } else { 1.0 };
            expected += at(&self.below, hour) * usual(hour);
            hours = hours.saturating_add(1);
        }
        if hours.saturating_mul(2) <= window || expected <= 0.0 {
            return f64::NAN;
        }
        (above / expected).max(EMPTY).ln()
    }

    /// Values of a day: above over below of its good hours, `NaN` when too few are.
    pub(super) fn of_day(&self, hours: &[usize]) -> f64 {
        let above: f64 = hours.iter().map(|hour| at(self.above, *hour)).sum();
        let below: f64 = hours.iter().map(|hour| at(&self.below, *hour)).sum();
        let is_known = hours.len() >= DAY_HOURS_MIN && above > 0.0;
        if is_known { above / below } else { f64::NAN }
    }

    /// The good hours of the day that starts with an hour.
    pub(super) fn good_hours(&self, first: usize) -> Vec<usize> {
        (first..first.saturating_add(DAY)).filter(|hour| self.is_good(*hour)).collect()
    }

    /// How much first days of a month usually differ from the same weekday a week before and after:
    /// median logarithm of the earlier ones, zero unless it is large.
    pub(super) fn month_first_effect(&self, end: usize) -> f64 {
        let day_of = |first: usize| self.of_day(&self.good_hours(first)).ln();
        let midnights =
            (0..end.min(DAY)).filter(|hour| self.hour_of_week(*hour).is_multiple_of(DAY));
        let days = midnights.flat_map(|first| (first..end).step_by(DAY));
        let firsts = days.filter(|hour| self.is_month_first(*hour));
        let effect = |first: usize| {
            let before = day_of(first.checked_sub(WEEK)?);
            let after = first.saturating_add(WEEK);
            let around = if after < end { f64::midpoint(before, day_of(after)) } else { before };
            Some(day_of(first) - around)
        };
        let effect = median(firsts.filter_map(effect).collect()).unwrap_or(0.0);
        if effect.abs() > FIRST_EFFECT_MIN { effect } else { 0.0 }
    }
}

/// Least squares of cost on input and output tokens; each hour weighs by its tokens.
#[derive(Debug, Clone, Copy, Default)]
struct Fit {
    inputs: f64,
    outputs: f64,
    both: f64,
    cost_inputs: f64,
    cost_outputs: f64,
}

impl Fit {
    fn add(&mut self, input: f64, output: f64, cost: f64) {
        let tokens = input + OUTPUT_TOKEN_WEIGHT * output;
        if tokens > 0.0 {
            self.inputs += input * input / tokens;
            self.outputs += output * output / tokens;
            self.both += input * output / tokens;
            self.cost_inputs += input * cost / tokens;
            self.cost_outputs += output * cost / tokens;
        }
    }

    /// What an output token costs of an input token; `None` where the hours do not tell.
    fn weight(&self) -> Option<f64> {
        let of_input = self.cost_inputs * self.outputs - self.cost_outputs * self.both;
        let of_output = self.cost_outputs * self.inputs - self.cost_inputs * self.both;
        let weight = of_output / of_input;
        (of_input > 0.0 && (0.0..=OUTPUT_WEIGHT_MAX).contains(&weight)).then_some(weight)
    }
}
