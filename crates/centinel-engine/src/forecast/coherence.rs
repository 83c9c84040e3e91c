//! Parts that add up to a whole that was forecast already.

use super::{
    Forecast, ForecastError,
    answer::{Part, days_added_up},
    outlook::Spread,
};
use crate::money::{Decimal, DecimalError};

/// Moves the days ahead of parts so that they add up to those of the whole, but for rounding; false
/// where they cannot be: no part has anything ahead, or one would cost less than nothing.
///
/// # Source
///
/// Trace minimisation with a diagonal covariance and the whole held fixed: what is missing is shared
/// out by variance (Wickramasuriya, Athanasopoulos and Hyndman, "Optimal forecast reconciliation",
/// 2019, section 2).
pub(super) fn move_to(parts: &mut [Part<'_>], whole: &Forecast) -> bool {
    let Some(total) = whole.period_total else { return false };
    let wanted = total.to_f64() - whole.seen.to_f64();
    let figures: Vec<(f64, f64)> = parts
        .iter()
        .map(|part| {
            let Some(outlook) = &part.outlook else { return (0.0, 0.0) };
            let ahead: f64 = outlook.days.iter().sum();
            let variance = match outlook.spread {
                Spread::Relative(deviation) => (ahead * deviation).powi(2),
                Spread::Absolute(deviation) => deviation.powi(2),
            };
            // Nothing times any factor is nothing.
            (ahead, if ahead == 0.0 { 0.0 } else { variance })
        })
        .collect();
    let (ahead, variance) = figures
        .iter()
        .fold((0.0, 0.0), |(ahead, variance), part| (ahead + part.0, variance + part.1));
    let missing = wanted - ahead;
    let by_variance = |part: &(f64, f64)| {
        if part.0 == 0.0 { 1.0 } else { 1.0 + missing * part.1 / variance / part.0 }
    };
    let by_size = |_: &(f64, f64)| wanted / ahead;
    let factors = |factor: &dyn Fn(&(f64, f64)) -> f64| -> Option<Vec<f64>> {
        let found: Vec<f64> = figures.iter().map(factor).collect();
        found.iter().all(|factor| factor.is_finite() && *factor > 0.0).then_some(found)
    };
    let factors = if missing == 0.0 {
        Some(vec![1.0; parts.len()])
    } else {
        factors(&by_variance).or_else(|| factors(&by_size))
    };
    let Some(factors) = factors else { return false };
    for (part, factor) in parts.iter_mut().zip(factors) {
        let Some(outlook) = &mut part.outlook else { continue };
        for day in &mut outlook.days {
            *day *= factor;
        }
        if let Spread::Absolute(deviation) = &mut outlook.spread {
            *deviation *= factor;
        }
    }
    true
}

/// Gives what rounding left to the largest part, and the whole with the days of its parts.
pub(super) fn settled(
    answers: &mut [Forecast],
    whole: &Forecast,
) -> Result<Forecast, ForecastError> {
    let overflow = |_: DecimalError| ForecastError::Overflow(whole.series.clone());
    let mut totals = answers.iter().filter_map(|answer| answer.period_total);
    let sum = totals.try_fold(Decimal::ZERO, Decimal::checked_add);
    let wanted = whole.period_total.unwrap_or_default();
    let rest = wanted.checked_sub(sum.map_err(overflow)?).map_err(overflow)?;
    let largest = answers.iter_mut().max_by_key(|answer| answer.period_total);
    if let Some(answer) = largest
        && let Some(day) = answer.days.iter_mut().rev().find(|day| !day.seen)
        && let Some(total) = answer.period_total
    {
        day.cost = day.cost.checked_add(rest).map_err(overflow)?;
        answer.period_total = Some(total.checked_add(rest).map_err(overflow)?);
    }
    Ok(Forecast { days: days_added_up(answers)?, ..whole.clone() })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::{
        Method, forecast, forecast_parts,
        tests::{ask, january, many, series, sum, total},
    };
    use crate::{anomaly::Calendar, money::Decimal};

    #[test]
    fn parts_add_up_to_the_whole_to_the_last_digit() {
        let parts = many(5, 132);
        let costs: Vec<f64> =
            (0..132).map(|day| parts.iter().map(|part| part.costs[day].to_f64()).sum()).collect();
        let whole = ask(&[series("all", &costs)], &january()).total;
        let alone = ask(&parts, &january());
        assert_ne!(alone.total.period_total, whole.period_total);
        let found = forecast_parts(&parts, &Calendar::default(), &january(), &whole).unwrap();
        assert_eq!(found.total.period_total, whole.period_total);
        assert_eq!(found.total.bands, whole.bands);
        let totals = found.series.iter().map(|part| part.period_total.unwrap());
        assert_eq!(Some(sum(totals)), whole.period_total);
        assert_eq!(Some(sum(found.total.days.iter().map(|day| day.cost))), whole.period_total);
        for (part, alone) in found.series.iter().zip(&alone.series) {
            assert_eq!(part.seen, alone.seen);
            assert_eq!(Some(sum(part.days.iter().map(|day| day.cost))), part.period_total);
            assert!(part.bands.iter().all(|band| band.low <= part.period_total.unwrap()));
        }
        // The noisiest part moves most.
        let moved =
            |index: usize| (total(&found.series[index]) - total(&alone.series[index])).abs();
        assert!(moved(4) > moved(0), "{} {}", moved(4), moved(0));
    }

    #[test]
    fn a_whole_that_the_parts_cannot_reach_is_left_alone() {
        let mut whole = ask(&many(1, 132), &january()).total;
        whole.period_total = Some(Decimal::ZERO);
        let parts = many(3, 132);
        let found = forecast_parts(&parts, &Calendar::default(), &january(), &whole).unwrap();
        assert_eq!(found, forecast(&parts, &Calendar::default(), &january()).unwrap());
    }

    #[test]
    fn a_single_day_has_the_band_that_it_has_as_a_period() {
        let parts = many(4, 132);
        let (first, after) = (date(2026, 1, 11), date(2026, 1, 12));
        let mut question = january();
        question.daily = true;
        let month = ask(&parts, &question);
        (question.from, question.until) = (first, after);
        let day = ask(&parts, &question);
        for (month, day) in
            month.series.iter().chain([&month.total]).zip(day.series.iter().chain([&day.total]))
        {
            let in_month = month.days.iter().find(|day| day.date == first).unwrap();
            for (of_day, of_period) in in_month.bands.iter().zip(&day.bands) {
                let width = |low: Decimal, high: Decimal| high.to_f64() - low.to_f64();
                let ratio = width(of_day.low, of_day.high) / width(of_period.low, of_period.high);
                assert!((ratio - 1.0).abs() < 0.15, "{ratio} {}", month.series);
            }
            // Of the same day as the whole period, they are the same.
            assert_eq!(day.days[0].bands.len(), 2);
            // A day that was seen is certain; days ahead are not, and later ones less so.
            let seen = &month.days[0];
            assert!(seen.bands.iter().all(|band| band.low == seen.cost && band.high == seen.cost));
            let share = |index: usize| {
                let day = &month.days[index];
                (day.bands[0].high.to_f64() - day.bands[0].low.to_f64()) / day.cost.to_f64()
            };
            assert!(share(30) > share(10) && share(10) > 0.0, "{}", month.series);
            // Errors of days cancel in their sum.
            let widths: f64 =
                month.days.iter().map(|d| d.bands[0].high.to_f64() - d.bands[0].low.to_f64()).sum();
            assert!(month.bands[0].high.to_f64() - month.bands[0].low.to_f64() < widths);
            assert_ne!(month.method, Method::NoHistory);
        }
    }
}
