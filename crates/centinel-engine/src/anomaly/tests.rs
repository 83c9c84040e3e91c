use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn point(cost: f64) -> Point {
    Point::of_cost(cost)
}

fn series(points: Vec<Point>) -> Series {
    Series { name: "chat".into(), first_day: date(2026, 3, 3), points }
}

fn alarms(points: Vec<Point>) -> Vec<Alarm> {
    detect(&series(points), &Calendar::default(), &Config::published(true))
}

/// A weekday shape with small repeatable noise.
fn usual(days: usize) -> Vec<Point> {
    let noise = |day: usize| ((day * 7919 % 101) as f64 - 50.0) / 1000.0;
    (0..days)
        .map(|day| {
            let weekday = if day % 7 >= 5 { 0.3 } else { 1.0 };
            let outputs = 1000.0 * weekday * (1.0 + noise(day));
            Point {
                outputs: Some(outputs),
                calls: Some(outputs * 2.0),
                tokens_in: Some(outputs * 2.0 * 3000.0 * (1.0 + noise(day + 17) / 4.0)),
                tokens_out: Some(outputs * 2.0 * 200.0),
                ..point(outputs * 0.06 * (1.0 + noise(day + 31) / 4.0))
            }
        })
        .collect()
}

#[test]
fn a_constant_series_never_alarms_and_a_tenfold_jump_always_does() {
    assert_eq!(alarms(vec![point(5.0); 200]), []);
    for day in 14..120 {
        let mut points = vec![point(5.0); 120];
        points[day].cost = 50.0;
        let found = alarms(points);
        assert_eq!(found.first().map(|alarm| alarm.date), Some(date_of(day)), "day {day}");
        let first = &found[0];
        assert_eq!((first.metric, first.window_days), (Metric::Total, 1));
        assert_eq!(first.observed.to_string(), "50");
        assert!((first.expected.to_f64() - 5.0).abs() < 1e-9);
        assert!((first.impact.to_f64() - 45.0).abs() < 1e-9);
        assert!((first.effect_ratio - 9.0).abs() < 1e-9);
    }
}

fn date_of(day: usize) -> Date {
    date(2026, 3, 3) + jiff::Span::new().days(i64::try_from(day).unwrap())
}

#[test]
fn usual_days_do_not_alarm() {
    assert_eq!(alarms(usual(240)), []);
}

#[test]
fn masked_bloat_shows_in_its_drivers_but_not_in_the_total() {
    let mut points = usual(130);
    for point in &mut points[120..] {
        // Prompts of 1.6 times the length, traffic down by as much.
        point.outputs = point.outputs.map(|outputs| outputs / 1.6);
        point.calls = point.calls.map(|calls| calls / 1.6);
    }
    let found = alarms(points);
    let metrics: std::collections::BTreeSet<_> = found.iter().map(|alarm| alarm.metric).collect();
    assert_eq!(metrics, [Metric::CostPerOutput, Metric::TokensPerCall].into());
    assert_eq!(found.iter().map(|alarm| alarm.date).min(), Some(date_of(120)));
}

#[test]
fn a_retry_storm_is_calls_per_output() {
    let mut points = usual(124);
    for point in &mut points[120..] {
        point.cost *= 2.0;
        for count in [&mut point.calls, &mut point.tokens_in, &mut point.tokens_out] {
            *count = count.map(|count| count * 2.0);
        }
    }
    let found = alarms(points);
    let on_first: Vec<_> =
        found.iter().filter(|alarm| alarm.date == date_of(120)).map(|alarm| alarm.metric).collect();
    assert_eq!(on_first, [Metric::Total, Metric::CostPerOutput, Metric::CallsPerOutput]);
}

#[test]
fn holidays_are_not_judged_and_planned_changes_restart_the_level() {
    let mut points = usual(160);
    points[100].cost *= 3.0;
    for point in &mut points[120..] {
        point.cost *= 2.0;
    }
    let mut calendar = Calendar::default();
    calendar.holiday("*", date_of(100));
    calendar.planned("chat", Planned { day: date_of(120), until: date_of(127) });
    let config = Config::published(true);
    assert_eq!(detect(&series(points.clone()), &calendar, &config), []);
    let mut elsewhere = Calendar::default();
    elsewhere.holiday("search", date_of(100));
    elsewhere.planned("search", Planned { day: date_of(120), until: date_of(127) });
    let found = detect(&series(points), &elsewhere, &config);
    assert!(found.iter().any(|alarm| alarm.date == date_of(100)));
    assert!(found.iter().any(|alarm| alarm.date == date_of(120)));
}

#[test]
fn late_data_is_judged_as_it_was_seen() {
    let mut points = usual(121);
    points[120].cost *= 1.5;
    points[120].visible_share = 0.6;
    let total = |as_of: bool| {
        detect(&series(points.clone()), &Calendar::default(), &Config::published(as_of))
            .iter()
            .any(|alarm| alarm.metric == Metric::Total)
    };
    assert!(!total(true));
    assert!(total(false));
}

#[test]
fn too_short_a_history_is_not_judged() {
    let mut points = vec![point(5.0); 14];
    points[13].cost = 50.0;
    assert_eq!(alarms(points), []);
    assert_eq!(alarms(vec![]), []);
    assert_eq!(alarms(vec![point(0.0); 100]), []);
}

#[test]
fn alarms_with_one_quiet_day_between_are_one_episode() {
    let mut points = vec![point(5.0); 120];
    for day in [80, 81, 83, 90] {
        points[day].cost = 50.0;
    }
    let found: Vec<Alarm> = alarms(points)
        .into_iter()
        .filter(|alarm| alarm.observed.to_f64() >= 50.0 && alarm.window_days == 1)
        .collect();
    let episodes = episodes(&found);
    let spans: Vec<_> = episodes.iter().map(|episode| (episode.start, episode.last)).collect();
    assert_eq!(spans, [(date_of(80), date_of(83)), (date_of(90), date_of(90))]);
    assert!((episodes[0].impact.to_f64() - 135.0).abs() < 1e-6, "{}", episodes[0].impact);
}

fn days_with_alarms(points: Vec<Point>) -> Vec<usize> {
    let mut days: Vec<usize> = alarms(points)
        .iter()
        .map(|alarm| usize::try_from((alarm.date - date_of(0)).get_days()).unwrap())
        .collect();
    days.dedup();
    days
}

#[test]
fn an_alarm_lasts_as_long_as_the_excess() {
    for length in [1, 2, 5, 12, 20] {
        let mut points = usual(160);
        for point in &mut points[100..100 + length] {
            point.cost *= 1.6;
        }
        let expected: Vec<usize> = (100..100 + length).collect();
        assert_eq!(days_with_alarms(points), expected, "{length} days");
    }
}

#[test]
fn a_level_that_lasts_becomes_usual() {
    let mut points = usual(220);
    for point in &mut points[100..] {
        point.cost *= 1.6;
    }
    let expected: Vec<usize> = (100..128).collect();
    assert_eq!(days_with_alarms(points.clone()), expected);
    // And what exceeds it later is found again.
    points[200].cost *= 1.6;
    assert_eq!(days_with_alarms(points).last(), Some(&200));
}

#[test]
fn a_rebound_from_a_drop_is_no_alarm() {
    for length in [1, 4, 9] {
        let mut points = usual(160);
        for point in &mut points[100..100 + length] {
            point.cost *= 0.1;
            for count in
                [&mut point.outputs, &mut point.calls, &mut point.tokens_in, &mut point.tokens_out]
            {
                *count = count.map(|count| count * 0.1);
            }
        }
        assert_eq!(days_with_alarms(points), [0; 0], "{length} days");
    }
}

#[test]
fn a_series_that_dies_and_comes_back_as_it_was_is_no_alarm() {
    let mut points = usual(200);
    for dead in &mut points[80..130] {
        *dead = point(0.0);
    }
    assert_eq!(days_with_alarms(points.clone()), [0; 0]);
    for back in &mut points[130..] {
        back.cost *= 3.0;
    }
    assert_eq!(days_with_alarms(points).first(), Some(&130));
}

#[test]
fn a_sparse_series_is_judged_on_the_days_it_has() {
    let mut points: Vec<Point> =
        (0..240).map(|day| point(if day % 4 == 1 { 5.0 } else { 0.0 })).collect();
    assert_eq!(days_with_alarms(points.clone()), [0; 0]);
    points[201].cost = 50.0;
    assert_eq!(days_with_alarms(points), [201]);
}

#[test]
fn a_dearer_first_of_the_month_is_learnt() {
    let mut points = usual(200);
    for (day, point) in points.iter_mut().enumerate() {
        if date_of(day).day() == 1 {
            point.cost *= 2.0;
        }
    }
    let found = alarms(points.clone());
    let totals = found.iter().filter(|alarm| alarm.metric == Metric::Total);
    let mut months: Vec<i8> = totals.map(|alarm| alarm.date.month()).collect();
    months.dedup();
    // The first two tell what a first costs; April and May 2026 here.
    assert_eq!(months, [4, 5]);
}

/// Costs of a spiky random walk.
fn any_points() -> impl Strategy<Value = Vec<Point>> {
    proptest::collection::vec((1_u32..1000, 0_u32..20), 60..120).prop_map(|days| {
        days.into_iter()
            .map(|(level, spike)| Point {
                visible_share: 1.0 - f64::from(spike) / 40.0,
                outputs: Some(f64::from(level)),
                calls: Some(f64::from(level * 3)),
                tokens_in: Some(f64::from(level * 1000)),
                tokens_out: Some(f64::from(level * 70)),
                ..point(f64::from(200 + level / 10) * if spike == 0 { 4.0 } else { 1.0 })
            })
            .collect()
    })
}

fn keys(alarms: &[Alarm]) -> Vec<(Date, Metric, usize)> {
    alarms.iter().map(|alarm| (alarm.date, alarm.metric, alarm.window_days)).collect()
}

proptest! {
    #[test]
    fn no_constant_series_alarms(cost in 1e-6..1e9_f64, days in 0_usize..300) {
        let constant = Point {
            outputs: Some(10.0),
            calls: Some(30.0),
            tokens_in: Some(7000.0),
            tokens_out: Some(11.0),
            ..point(cost)
        };
        prop_assert_eq!(alarms(vec![constant; days]), []);
    }

    #[test]
    fn a_tenfold_jump_of_a_constant_series_alarms_while_it_lasts(
        cost in 1e-6..1e9_f64,
        day in 14_usize..150,
        length in 1_usize..20,
    ) {
        let mut points = vec![point(cost); 200];
        for point in &mut points[day..day + length] {
            point.cost = cost * 10.0;
        }
        prop_assert_eq!(days_with_alarms(points), (day..day + length).collect::<Vec<_>>());
    }

    #[test]
    fn scale_does_not_matter(points in any_points(), scale in 1e-4..1e4_f64) {
        let other: Vec<Point> =
            points.iter().map(|point| Point { cost: point.cost * scale, ..*point }).collect();
        prop_assert_eq!(keys(&alarms(points)), keys(&alarms(other)));
    }

    #[test]
    fn no_alarm_depends_on_a_later_day(points in any_points(), cut in 30_usize..60) {
        let whole = alarms(points.clone());
        let seen = alarms(points[..cut].to_vec());
        let until: Vec<Alarm> =
            whole.into_iter().filter(|alarm| alarm.date < date_of(cut)).collect();
        prop_assert_eq!(seen, until);
    }

    #[test]
    fn currency_and_units_do_not_matter(points in any_points(), power in -20_i32..20) {
        // A power of two changes exponents only, so that even the scores are the same bits.
        let factor = 2_f64.powi(power);
        let other: Vec<Point> =
            points.iter().map(|point| Point { cost: point.cost * factor, ..*point }).collect();
        prop_assert_eq!(keys(&alarms(points)), keys(&alarms(other)));
    }
}

/// Ninety days of calls; from `since` on the cache misses more, or calls fail.
fn calls_with(since: usize, cached: f64, failed: f64) -> Vec<Point> {
    let noise = |day: usize| ((day * 7919 % 101) as f64 - 50.0) / 1000.0;
    (0..90)
        .map(|day| {
            let is_usual = day < since;
            let calls = 4000.0 * if day % 7 >= 5 { 0.1 } else { 1.0 } * (1.0 + noise(day));
            let tokens_in = calls * 2000.0;
            let cached = if is_usual { 0.6 + noise(day + 9) / 4.0 } else { cached };
            let weight = tokens_in * (1.0 - 0.9 * cached) + 4.0 * calls * 200.0;
            Point {
                calls: Some(calls),
                tokens_in: Some(tokens_in),
                tokens_cached: Some(tokens_in * cached),
                tokens_out: Some(calls * 200.0),
                failed_calls: Some((calls * if is_usual { 0.004 } else { failed }).round()),
                ..point(weight * 1e-6)
            }
        })
        .collect()
}

fn of_ledger(points: Vec<Point>) -> Vec<Alarm> {
    let config = Config { metrics: Metric::OF_LEDGER.to_vec(), ..Config::published(false) };
    detect(&series(points), &Calendar::default(), &config)
}

#[test]
fn a_cache_that_misses_costs_what_its_tokens_cost_more() {
    assert_eq!(of_ledger(calls_with(90, 0.6, 0.004)), []);
    let alarms = of_ledger(calls_with(84, 0.3, 0.004));
    let missed = alarms.iter().find(|alarm| alarm.metric == Metric::CacheMissShare).unwrap();
    assert_eq!(missed.date, date(2026, 5, 26));
    let (observed, expected) = (missed.observed.to_f64(), missed.expected.to_f64());
    assert!((observed - 0.7).abs() < 0.01 && (expected - 0.4).abs() < 0.02, "{missed:?}");
    // A token in three is no longer a tenth of the price: 0.27 of 0.73 + 0.4.
    let cost = 4000.0 * (1.0 + 0.05) * 2000.0 * 1.13e-6;
    let share = missed.impact.to_f64() / cost;
    assert!((share - 0.27 / 1.13).abs() < 0.03, "{share}");
}

#[test]
fn failed_calls_alarm_where_they_are_many_and_not_where_calls_are_few() {
    // None failed on quiet weekends and some did on weekdays: no alarm.
    assert_eq!(of_ledger(calls_with(90, 0.6, 0.0)), []);
    let alarms = of_ledger(calls_with(84, 0.6, 0.08));
    let failed = alarms.iter().find(|alarm| alarm.metric == Metric::FailedCallShare).unwrap();
    assert_eq!(failed.date, date(2026, 5, 26));
    assert!((failed.observed.to_f64() - 0.08).abs() < 0.002, "{failed:?}");
    assert!((failed.expected.to_f64() - 0.004).abs() < 0.002, "{failed:?}");
    assert_eq!(of_ledger(calls_with(84, 0.6, 0.0041)), []);
    // One that never failed: 3 of 400 are no news, 8 % of 4,000 are.
    let mut never = calls_with(90, 0.6, 0.0);
    for point in &mut never {
        point.failed_calls = Some(0.0);
    }
    never[88].failed_calls = Some(3.0);
    assert_eq!(of_ledger(never.clone()), []);
    never[86].failed_calls = Some(320.0);
    assert!(of_ledger(never).iter().all(|alarm| alarm.metric == Metric::FailedCallShare));
}
