use std::collections::BTreeMap;

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::anomaly::Planned;

/// Repeatable noise of about one deviation.
pub(super) fn noise(day: usize, salt: usize) -> f64 {
    // The finaliser of SplitMix64.
    let draw = |k: u64| {
        let key = (day as u64 * 1_000_003 + salt as u64) * 16 + k;
        let mut bits = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    (draw(1) + draw(2) + draw(3) - 1.5) * 2.0
}

pub(super) fn decimal(value: f64) -> Decimal {
    format!("{value:.6}").parse().unwrap()
}

pub(super) const START: Date = date(2025, 9, 1);

/// Costs of so many days from 2025-09-01: weekdays, growth, noise.
pub(super) fn usual(days: usize, salt: usize, deviation: f64) -> Vec<f64> {
    (0..days)
        .map(|day| {
            let weekday = if day % 7 >= 5 { 0.4 } else { 1.0 };
            100.0 * weekday * (0.001 * day as f64 + deviation * noise(day, salt)).exp()
        })
        .collect()
}

pub(super) fn series(name: &str, costs: &[f64]) -> Series {
    Series {
        name: name.into(),
        first_day: START,
        costs: costs.iter().map(|cost| decimal(*cost)).collect(),
    }
}

pub(super) fn many(count: usize, days: usize) -> Vec<Series> {
    (0..count)
        .map(|k| series(&format!("s{k:02}"), &usual(days, k, 0.03 + 0.01 * k as f64)))
        .collect()
}

pub(super) fn ask(series: &[Series], question: &Question) -> Forecasts {
    forecast(series, &Calendar::default(), question).unwrap()
}

pub(super) fn january() -> Question {
    Question::month_of(date(2026, 1, 11))
}

pub(super) fn total(forecast: &Forecast) -> f64 {
    forecast.period_total.unwrap().to_f64()
}

pub(super) fn sum(costs: impl IntoIterator<Item = Decimal>) -> Decimal {
    costs.into_iter().fold(Decimal::ZERO, |sum, cost| sum.checked_add(cost).unwrap())
}

#[test]
fn days_add_up_to_periods_and_parts_to_the_total_exactly() {
    let found = ask(&many(6, 132), &january());
    for forecast in found.series.iter().chain([&found.total]) {
        assert_eq!(forecast.days.len(), 31);
        assert_eq!(Some(sum(forecast.days.iter().map(|day| day.cost))), forecast.period_total);
        let seen = forecast.days.iter().filter(|day| day.seen);
        assert_eq!(sum(seen.clone().map(|day| day.cost)), forecast.seen);
        assert_eq!(seen.count(), 10);
    }
    let parts = found.series.iter().map(|part| part.period_total.unwrap());
    assert_eq!(Some(sum(parts)), found.total.period_total);
    assert_eq!(found.total.method, Method::Sum);
    // Errors of independent series cancel: the band of the sum is narrower than the sum of bands.
    let width =
        |forecast: &Forecast| forecast.bands[0].high.to_f64() - forecast.bands[0].low.to_f64();
    assert!(width(&found.total) < 0.8 * found.series.iter().map(width).sum::<f64>());
}

#[test]
fn the_course_is_continued() {
    let costs = usual(153, 3, 0.0);
    let found = ask(&[series("a", &costs[..132])], &january());
    let actual: f64 = costs[122..153].iter().sum();
    assert!((total(&found.series[0]) / actual - 1.0).abs() < 0.005, "{found:?} {actual}");
    assert_eq!(found.series[0].method, Method::Course);
}

#[test]
fn a_change_under_way_is_carried_forward_in_part_and_widens_the_band() {
    let mut costs = usual(132, 1, 0.03);
    let quiet = ask(&[series("a", &costs)], &january()).series.remove(0);
    for cost in &mut costs[127..] {
        *cost *= 2.0;
    }
    let found = ask(&[series("a", &costs)], &january()).series.remove(0);
    assert_eq!(found.method, Method::CourseAndEvent);
    let ahead = |forecast: &Forecast| total(forecast) - forecast.seen.to_f64();
    assert!(ahead(&found) > 1.1 * ahead(&quiet) && ahead(&found) < 1.9 * ahead(&quiet));
    let width =
        |forecast: &Forecast| forecast.bands[0].high.to_f64() - forecast.bands[0].low.to_f64();
    assert!(width(&found) > 3.0 * width(&quiet));
    // Announced, it is the new level.
    let mut calendar = Calendar::default();
    let planned = date(2026, 1, 6);
    calendar.planned("a", Planned { day: planned, until: planned });
    let announced =
        forecast(&[series("a", &costs)], &calendar, &january()).unwrap().series.remove(0);
    assert_eq!(announced.method, Method::Course);
    assert!(ahead(&announced) > 1.8 * ahead(&quiet), "{announced:?}");
}

#[test]
fn a_holiday_costs_what_earlier_ones_did() {
    let mut costs = usual(132, 2, 0.02);
    let mut calendar = Calendar::default();
    for day in [45, 80, 101] {
        costs[day] *= 0.2;
        calendar.holiday("*", START.checked_add(i64::try_from(day).unwrap().days()).unwrap());
    }
    let without = forecast(&[series("a", &costs)], &calendar, &january()).unwrap().series.remove(0);
    calendar.holiday("*", date(2026, 1, 20));
    let with = forecast(&[series("a", &costs)], &calendar, &january()).unwrap().series.remove(0);
    let of_day = |forecast: &Forecast| forecast.days[19].cost.to_f64();
    assert!((of_day(&with) / of_day(&without) - 0.2).abs() < 0.03, "{with:?}");
}

#[test]
fn a_constant_series_has_a_narrow_band() {
    let found = ask(&[series("a", &[5.0; 132])], &january()).series.remove(0);
    assert!((total(&found) - 155.0).abs() < 0.2, "{found:?}");
    let [inner, outer] = [&found.bands[0], &found.bands[1]];
    assert!(inner.high.to_f64() - inner.low.to_f64() < 0.02 * 155.0);
    assert!(outer.high.to_f64() - outer.low.to_f64() < 0.04 * 155.0);
    assert!(outer.high.to_f64() > outer.low.to_f64(), "nothing is certain");
}

#[test]
fn young_sparse_stopped_and_unseen_series_are_told() {
    let mut weekly = vec![0.0; 132];
    for cost in weekly.iter_mut().step_by(7) {
        *cost = 70.0;
    }
    let mut stopped = usual(132, 4, 0.05);
    stopped[112..].fill(0.0);
    let mut credits = usual(132, 4, 0.05);
    for credit in credits.iter_mut().step_by(3) {
        *credit = -20.0;
    }
    let day = |date: Date, costs: &[f64]| Series { first_day: date, ..series("young", costs) };
    let all = [
        series("weekly", &weekly),
        series("stopped", &stopped),
        series("credits", &credits),
        day(date(2026, 1, 6), &[10.0, 11.0, 9.0, 10.0, 10.5]),
        day(date(2026, 1, 20), &[10.0]),
    ];
    let found = ask(&all, &january());
    let methods: Vec<Method> = found.series.iter().map(|forecast| forecast.method).collect();
    let expected =
        [Method::Means, Method::Stopped, Method::Means, Method::Young, Method::NoHistory];
    assert_eq!(methods, expected);
    // Mondays: 5, 12, 19, 26 January.
    assert_eq!(found.series[0].period_total, Some(Decimal::from_integer(280)));
    assert_eq!(found.series[1].period_total, Some(Decimal::ZERO));
    assert!(found.series[1].bands[0].high.to_f64() > 0.0, "it may come back");
    assert!((total(&found.series[3]) - 50.5 - 210.0).abs() < 30.0, "{:?}", found.series[3]);
    assert_eq!(found.series[4].period_total, None);
    let nothing = ask(&[], &january());
    assert_eq!((nothing.series.len(), nothing.total.period_total), (0, None));
}

#[test]
fn the_file_ends_before_the_question_is_asked() {
    // Rows up to January 8 only, asked on the 11th: three days more are ahead, none is zero.
    let costs = usual(129, 5, 0.02);
    let found = ask(&[series("a", &costs)], &january()).series.remove(0);
    assert_eq!(found.days.iter().filter(|day| day.seen).count(), 7);
    assert!(found.days.iter().all(|day| !day.cost.is_zero()));
    // A past period is a sum.
    let question = Question { from: date(2025, 12, 1), until: date(2026, 1, 1), ..january() };
    let past = ask(&[series("a", &costs)], &question).series.remove(0);
    assert_eq!(past.method, Method::Seen);
    assert_eq!(past.period_total, Some(sum(costs[91..122].iter().map(|cost| decimal(*cost)))));
    assert!(
        past.bands.iter().all(|band| Some(band.low) == past.period_total && band.low == band.high)
    );
}

#[test]
fn amounts_are_passed_with_a_probability_and_a_day() {
    let costs = usual(132, 6, 0.05);
    let plain = ask(&[series("a", &costs)], &january()).series.remove(0);
    let chance = |amount: f64| {
        let question = Question { amount: Some(decimal(amount)), ..january() };
        ask(&[series("a", &costs)], &question).series.remove(0).passing.unwrap()
    };
    let at_point = chance(total(&plain));
    assert!((at_point.probability_above - 0.5).abs() < 0.03, "{at_point:?}");
    for (band, outside) in plain.bands.iter().zip([0.1, 0.025]) {
        assert!((chance(band.high.to_f64()).probability_above - outside).abs() < 0.01);
        assert!((chance(band.low.to_f64()).probability_above - 1.0 + outside).abs() < 0.01);
    }
    let seen = chance(plain.seen.to_f64() / 2.0);
    assert!(seen.probability_above >= 1.0);
    assert!(seen.date_expected.is_some_and(|day| day < date(2026, 1, 11)));
    let far = chance(1e6);
    assert!(far.probability_above < 0.01 && far.probability_above > 0.0, "{far:?}");
    assert_eq!(far.date_expected, None);
}

#[test]
fn a_scenario_multiplies_its_days_only() {
    let costs = usual(132, 7, 0.02);
    let plain = ask(&[series("a", &costs)], &january()).series.remove(0);
    let more = |name: &str| Factor {
        series: Some(name.into()),
        factor: 1.2,
        from: Some(date(2026, 1, 20)),
        until: None,
    };
    let question = Question { assumptions: vec![more("a"), more("b")], ..january() };
    let scenario = ask(&[series("a", &costs)], &question).series.remove(0);
    for (day, before) in scenario.days.iter().zip(&plain.days) {
        let factor = if day.date < date(2026, 1, 20) { 1.0 } else { 1.2 };
        assert!((day.cost.to_f64() / before.cost.to_f64() - factor).abs() < 1e-9, "{day:?}");
    }
}

#[test]
fn questions_without_meaning_are_refused() {
    let ask = |question: Question| forecast(&many(1, 100), &Calendar::default(), &question);
    let day = date(2026, 1, 11);
    assert_eq!(
        ask(Question { from: day, until: day, ..january() }),
        Err(ForecastError::EmptyPeriod(day, day))
    );
    assert_eq!(ask(Question { levels: vec![100], ..january() }), Err(ForecastError::Level(100)));
    let far = date(2099, 1, 1);
    assert_eq!(ask(Question { until: far, ..january() }), Err(ForecastError::TooLong(far, START)));
}

#[test]
fn a_backtest_judges_what_came() {
    let series = many(4, 213);
    let found =
        backtest(&series, &Calendar::default(), BacktestPeriods::Months { day: 11 }, 3).unwrap();
    let first = (date(2026, 1, 11), date(2026, 1, 1), date(2026, 2, 1));
    assert_eq!((found.periods.len(), found.periods[0]), (3, first));
    assert_eq!((found.pooled.forecasts, found.series.len()), (12, 4));
    assert!(found.pooled.forecast.mape < found.pooled.run_rate.mape);
    assert_eq!(found.pooled.run_rate.coverage_80, None);
    // A constant series: every way is right, and a MASE has nothing to be measured by.
    let constant = [Series { costs: vec![Decimal::ONE; 213], ..series[0].clone() }];
    let found =
        backtest(&constant, &Calendar::default(), BacktestPeriods::Days { length: 7 }, 5).unwrap();
    assert_eq!(found.pooled.seasonal_naive.mape, Some(0.0));
    assert_eq!(found.pooled.forecast.mase, None);
    assert_eq!(found.pooled.forecast.coverage_95, Some(1.0));
    let short = [Series { costs: vec![Decimal::ONE; 20], ..series[0].clone() }];
    let days = BacktestPeriods::Days { length: 7 };
    assert_eq!(backtest(&short, &Calendar::default(), days, 5), Err(BacktestError::NoPeriod));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn later_rows_change_nothing(later in proptest::collection::vec(0.0..1e4_f64, 1..40), salt in 0_usize..50) {
        let costs = usual(132, salt, 0.05);
        let extended: Vec<f64> = costs.iter().copied().chain(later).collect();
        prop_assert_eq!(ask(&[series("a", &costs)], &january()), ask(&[series("a", &extended)], &january()));
    }

    #[test]
    fn a_currency_is_a_factor(factor in prop_oneof![Just(1000.0), Just(0.01), Just(4.0)], salt in 0_usize..50) {
        let costs = usual(132, salt, 0.05);
        let scaled: Vec<f64> = costs.iter().map(|cost| cost * factor).collect();
        let (one, other) = (ask(&[series("a", &costs)], &january()), ask(&[series("a", &scaled)], &january()));
        let (one, other) = (&one.series[0], &other.series[0]);
        prop_assert_eq!(one.method, other.method);
        // Costs are written with six decimals: a scaled one is rounded elsewhere.
        prop_assert!((total(other) / total(one) / factor - 1.0).abs() < 1e-4);
        for (band, scaled) in one.bands.iter().zip(&other.bands) {
            prop_assert!((scaled.low.to_f64() / band.low.to_f64() / factor - 1.0).abs() < 1e-3);
            prop_assert!((scaled.high.to_f64() / band.high.to_f64() / factor - 1.0).abs() < 1e-3);
        }
    }

    #[test]
    fn the_order_of_series_changes_nothing(turn in 0_usize..5) {
        let all = many(5, 132);
        let mut turned = all.clone();
        turned.rotate_left(turn);
        let by_name = |found: &Forecasts| -> BTreeMap<String, (f64, f64)> {
            let one = |f: &Forecast| (f.series.clone(), (total(f), f.bands[0].high.to_f64()));
            found.series.iter().map(one).collect()
        };
        let (one, other) = (by_name(&ask(&all, &january())), by_name(&ask(&turned, &january())));
        for (name, (point, high)) in &one {
            // Sums of floats in another order differ in the last digits.
            prop_assert!((other[name].0 / point - 1.0).abs() < 1e-9);
            prop_assert!((other[name].1 / high - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn bands_are_nested_around_the_point(
        costs in proptest::collection::vec(prop_oneof![4 => 0.0..500.0_f64, 1 => Just(0.0), 1 => -50.0..0.0_f64], 0..160),
        day in 1_i8..=31,
    ) {
        let levels: Vec<u32> = vec![10, 50, 80, 95, 99];
        let question = Question { levels, ..Question::month_of(date(2026, 1, day)) };
        let found = ask(&[series("a", &costs)], &question);
        for forecast in found.series.iter().chain([&found.total]) {
            let Some(point) = forecast.period_total else { continue };
            for pair in forecast.bands.windows(2) {
                prop_assert!(pair[1].low <= pair[0].low && pair[0].high <= pair[1].high);
            }
            prop_assert!(forecast.bands.iter().all(|band| band.low <= point && point <= band.high));
            prop_assert_eq!(Some(sum(forecast.days.iter().map(|day| day.cost))), forecast.period_total);
        }
    }
}
