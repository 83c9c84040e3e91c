//! What is known of a series that is too new to know it from itself: from series beside it.

use std::collections::{BTreeMap, btree_map};

use jiff::{ToSpan as _, civil::Date};

use super::{
    Metric, Series,
    baseline::{median, to_float},
    detect::logarithms,
    scale::DEVIATION_PER_MAD,
    shape::fill_gaps,
};

/// Days before a date that siblings are known by, and the fewest of them with a value.
const SIBLING_DAYS: usize = 56;
const SIBLING_DAYS_MIN: usize = 35;
/// Fewer siblings than this tell nothing.
const SIBLINGS_MIN: usize = 3;
/// A day is compared with the mean of so many days before it.
const LEVEL_DAYS: usize = 14;
/// The share of siblings that stray less than what is taken for usual: a new series is judged with
/// caution.
const QUARTILE: (usize, usize) = (3, 4);

/// Of one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prior {
    /// Logarithms by weekday, around zero; by day modulo 7 of the series that it is for.
    pub(super) shape: [f64; 7],
    /// How far a day strays from the level of the days before it.
    pub(super) deviation: f64,
}

/// What siblings of a series say about it, by metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Siblings {
    /// By metric; shapes by day of the week from Monday on.
    priors: Vec<(Metric, Prior)>,
}

impl Siblings {
    /// What series do in the weeks before a date, from which nothing later is taken.
    pub fn before<'s>(date: Date, siblings: impl Iterator<Item = &'s Series> + Clone) -> Self {
        let of_metric = |metric: Metric| {
            let known: Vec<Prior> =
                siblings.clone().filter_map(|series| of_sibling(series, date, metric)).collect();
            Some((metric, pooled(&known)?))
        };
        Self { priors: Metric::OF_LEDGER.into_iter().filter_map(of_metric).collect() }
    }

    /// For a series that begins on a day.
    pub(super) fn prior(&self, metric: Metric, first_day: Date) -> Option<Prior> {
        let (_, prior) = self.priors.iter().find(|(of, _)| *of == metric)?;
        let offset = monday_offset(first_day);
        let shape = std::array::from_fn(|day| at_weekday(&prior.shape, day, offset));
        Some(Prior { shape, ..*prior })
    }
}

/// Series to learn of, and what they say, by the day on which a series begins.
#[derive(Debug, Clone, Default)]
pub struct Kin {
    series: Vec<Series>,
    by_begin: BTreeMap<Date, Siblings>,
}

impl Kin {
    /// Most series that are worth asking.
    pub const SERIES_MAX: usize = 200;

    /// Those that say how a new series will be; further ones than [`Self::SERIES_MAX`] are passed over.
    pub fn of(series: impl IntoIterator<Item = Series>) -> Self {
        let series = series.into_iter().take(Self::SERIES_MAX).collect();
        Self { series, by_begin: BTreeMap::new() }
    }

    /// What is known of a series on the day it begins; `None` for one without any cost. Of a day before
    /// which nothing is known of the others, nothing is learnt.
    pub fn siblings(&mut self, series: &Series) -> Option<&Siblings> {
        let begin = series.points.iter().position(|point| point.cost > 0.0)?;
        let date = series.first_day.checked_add(i64::try_from(begin).ok()?.days()).ok()?;
        Some(match self.by_begin.entry(date) {
            btree_map::Entry::Occupied(known) => known.into_mut(),
            btree_map::Entry::Vacant(new) => new.insert(Siblings::before(date, self.series.iter())),
        })
    }
}

fn monday_offset(first_day: Date) -> usize {
    usize::try_from(first_day.weekday().to_monday_zero_offset()).unwrap_or(0)
}

fn at_weekday(shape: &[f64; 7], day: usize, offset: usize) -> f64 {
    let of = day.saturating_add(offset).checked_rem(7).unwrap_or(0);
    shape.get(of).copied().unwrap_or(0.0)
}

/// One sibling; `None` when it has too few days before the date.
fn of_sibling(series: &Series, date: Date, metric: Metric) -> Option<Prior> {
    let from = date.checked_sub(i64::try_from(SIBLING_DAYS).ok()?.days()).ok()?;
    let index = |at: Date| usize::try_from(series.first_day.until(at).ok()?.get_days()).ok();
    let (first, end) = (index(from).unwrap_or(0), index(date)?.min(series.points.len()));
    let values = logarithms(series.points.get(first..end)?, metric);
    if values.iter().filter(|value| value.is_finite()).count() < SIBLING_DAYS_MIN {
        return None;
    }
    let offset = monday_offset(series.first_day).checked_add(first)?;
    let mean = |days: &[f64]| days.iter().sum::<f64>() / to_float(days.len());
    // The shape: what days differ by from the week around them.
    let mut by_weekday: [Vec<f64>; 7] = std::array::from_fn(|_| Vec::new());
    for (middle, week) in (3_usize..).zip(values.windows(7)) {
        let weekday = middle.checked_add(offset)?.checked_rem(7)?;
        let beside = week.get(3)? - mean(week);
        if beside.is_finite() {
            by_weekday.get_mut(weekday)?.push(beside);
        }
    }
    let mut shape = by_weekday.map(|mut days| median(&mut days).unwrap_or(f64::NAN));
    fill_gaps(&mut shape);
    let center = mean(&shape);
    let shape = shape.map(|of| of - center);
    let flat: Vec<f64> =
        (0..).zip(&values).map(|(day, value)| value - at_weekday(&shape, day, offset)).collect();
    let strays = flat.windows(LEVEL_DAYS.checked_add(1)?).filter_map(|days| {
        let (last, before) = days.split_last()?;
        Some((last - mean(before)).abs()).filter(|stray| stray.is_finite())
    });
    let deviation = DEVIATION_PER_MAD * median(&mut strays.collect::<Vec<_>>())?;
    Some(Prior { shape, deviation })
}

/// What most siblings do.
fn pooled(known: &[Prior]) -> Option<Prior> {
    if known.len() < SIBLINGS_MIN {
        return None;
    }
    let mut shape = [0.0; 7];
    for (weekday, slot) in shape.iter_mut().enumerate() {
        let mut of = known.iter().filter_map(|prior| prior.shape.get(weekday).copied());
        *slot = median(&mut of.by_ref().collect::<Vec<_>>())?;
    }
    let mut deviations: Vec<f64> = known.iter().map(|prior| prior.deviation).collect();
    deviations.sort_by(f64::total_cmp);
    let (above, of) = QUARTILE;
    let at = deviations.len().checked_mul(above)?.checked_div(of)?;
    let deviation = *deviations.get(at).or(deviations.last())?;
    Some(Prior { shape, deviation })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::anomaly::{Calendar, Config, Point, detect, detect_among};

    fn series(name: u64, days: usize, cost: impl Fn(usize) -> f64) -> Series {
        let mut seed = name;
        let points = (0..days)
            .map(|day| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let stray = f64::from(u32::try_from(seed >> 33).unwrap()) / f64::from(1_u32 << 31);
                let weekday = if day % 7 >= 5 { 0.3 } else { 1.0 };
                Point::of_cost(cost(day) * weekday * (0.95 + 0.1 * stray))
            })
            .collect();
        Series { name: name.to_string(), first_day: date(2026, 3, 2), points }
    }

    fn kin() -> Kin {
        Kin::of((1..6_u64).map(|name| series(name, 100, |_| 50.0)))
    }

    /// A series that begins on day 70, four times as dear from day 80 on.
    fn young() -> Series {
        series(9, 90, |day| {
            if day < 70 {
                0.0
            } else if day < 80 {
                5.0
            } else {
                20.0
            }
        })
    }

    #[test]
    fn a_series_of_ten_days_is_judged_by_its_siblings() {
        let (calendar, config) = (Calendar::default(), Config::published(false));
        let young = young();
        let alone = detect(&young, &calendar, &config);
        // By itself it is judged from its fifteenth day on.
        assert_eq!(alone.first().map(|alarm| alarm.date), Some(date(2026, 5, 25)), "{alone:?}");
        let mut kin = kin();
        let alarms = detect_among(&young, kin.siblings(&young), &calendar, &config);
        assert_eq!(alarms.first().map(|alarm| alarm.date), Some(date(2026, 5, 21)), "{alarms:?}");
        // Its weekends, which it has never had, are those of its siblings.
        let quiet = series(9, 84, |day| if day < 70 { 0.0 } else { 5.0 });
        assert_eq!(detect_among(&quiet, kin.siblings(&quiet), &calendar, &config), []);
    }

    #[test]
    fn nothing_after_the_begin_is_learnt() {
        let young = young();
        let mut later = kin();
        for sibling in &mut later.series {
            for point in sibling.points.iter_mut().skip(70) {
                point.cost *= 7.0;
            }
        }
        assert_eq!(kin().siblings(&young), later.siblings(&young));
    }

    #[test]
    fn a_series_with_the_others_or_few_others_learns_nothing() {
        let mut kin = kin();
        let old = series(9, 90, |_| 5.0);
        assert_eq!(kin.siblings(&old).unwrap().prior(Metric::Total, old.first_day), None);
        assert_eq!(kin.siblings(&series(9, 90, |_| 0.0)), None);
        let young = young();
        let mut two = Kin::of((1..3_u64).map(|name| series(name, 100, |_| 50.0)));
        let siblings = two.siblings(&young).unwrap();
        assert_eq!(siblings.prior(Metric::Total, young.first_day), None);
    }
}
