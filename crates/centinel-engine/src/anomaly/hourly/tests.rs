use jiff::civil::{date, datetime};
use proptest::prelude::*;

use super::*;
use crate::anomaly::Planned;

/// Ten weeks from a Monday: working hours, quiet weekends, repeatable noise.
fn usual(hours: usize) -> Vec<Point> {
    let noise = |hour: usize| ((hour * 7919 % 1009) as f64 / 1009.0 - 0.5) / 8.0;
    (0..hours)
        .map(|hour| {
            let (day, of_day) = (hour / 24 % 7, hour % 24);
            let shape = if (8..18).contains(&of_day) { 1.0 } else { 0.2 };
            let outputs = 500.0 * shape * if day >= 5 { 0.3 } else { 1.0 } * (1.0 + noise(hour));
            Point {
                outputs: Some(outputs),
                calls: Some(outputs * 2.0),
                tokens_in: Some(outputs * 6000.0 * (1.0 + noise(hour + 17) / 4.0)),
                tokens_out: Some(outputs * 400.0),
                ..Point::of_cost(outputs * 0.06 * (1.0 + noise(hour + 31) / 4.0))
            }
        })
        .collect()
}

fn found(points: Vec<Point>, calendar: &Calendar) -> Vec<HourlyAlarm> {
    let series =
        HourlySeries { name: "chat".into(), first_hour: datetime(2026, 1, 5, 0, 0, 0, 0), points };
    detect_hourly(&series, calendar, &HourlyConfig::published(true))
}

fn grown(mut points: Vec<Point>, hours: std::ops::Range<usize>, factor: f64) -> Vec<Point> {
    for point in &mut points[hours] {
        point.cost *= factor;
        for part in
            [&mut point.outputs, &mut point.calls, &mut point.tokens_in, &mut point.tokens_out]
        {
            *part = part.map(|part| part * factor);
        }
    }
    points
}

#[test]
fn usual_hours_do_not_alarm() {
    assert_eq!(found(usual(1680), &Calendar::default()), []);
}

#[test]
fn a_spike_is_found_in_its_first_hour_and_closes_within_six() {
    // Friday 10:00 to 13:00 of the ninth week.
    let start = 8 * 168 + 4 * 24 + 10;
    let alarms = found(grown(usual(1680), start..start + 3, 2.5), &Calendar::default());
    let first = &alarms[0];
    assert_eq!((first.date.as_str(), first.metric), ("2026-03-06T10:00:00Z", Metric::Total));
    assert!((first.effect_ratio - 1.5).abs() < 0.2, "{}", first.effect_ratio);
    assert!((first.impact.to_f64() - 45.0).abs() < 6.0, "{}", first.impact);
    assert!(alarms.iter().all(|alarm| alarm.metric == Metric::Total));
    assert!(alarms.last().unwrap().date.as_str() < "2026-03-06T19:00:00Z");
}

#[test]
fn masked_bloat_shows_in_its_drivers_only() {
    let start = 8 * 168 + 26;
    let mut points = usual(1680);
    for point in &mut points[start..start + 24] {
        point.outputs = point.outputs.map(|outputs| outputs / 1.6);
        point.calls = point.calls.map(|calls| calls / 1.6);
    }
    let alarms = found(points, &Calendar::default());
    let metrics: std::collections::BTreeSet<_> = alarms.iter().map(|alarm| alarm.metric).collect();
    assert_eq!(metrics, [Metric::CostPerOutput, Metric::TokensPerCall].into());
}

#[test]
fn a_constant_series_never_alarms_and_a_tenfold_hour_does() {
    let constant = vec![Point::of_cost(5.0); 1200];
    assert_eq!(found(constant.clone(), &Calendar::default()), []);
    for hour in [336, 500, 1199] {
        let mut points = constant.clone();
        points[hour].cost = 50.0;
        let alarms = found(points, &Calendar::default());
        assert_eq!(alarms[0].window_hours, 1, "hour {hour}");
        assert_eq!(alarms[0].observed.to_string(), "50");
        assert!((alarms[0].effect_ratio - 9.0).abs() < 1e-9);
    }
}

#[test]
fn a_planned_change_is_muted_and_restarts_the_level() {
    let start = 8 * 168;
    let points = grown(usual(1680), start..1680, 1.8);
    assert!(!found(points.clone(), &Calendar::default()).is_empty());
    let mut calendar = Calendar::default();
    calendar.planned("chat", Planned { day: date(2026, 3, 2), until: date(2026, 3, 4) });
    assert_eq!(found(points, &calendar), []);
}

#[test]
fn a_series_that_began_late_is_judged_by_what_it_has() {
    // Five weeks of nothing, then five of traffic.
    let mut points = usual(1680);
    for point in &mut points[..840] {
        *point = Point { cost: 0.0, ..*point };
        for part in
            [&mut point.outputs, &mut point.calls, &mut point.tokens_in, &mut point.tokens_out]
        {
            *part = Some(0.0);
        }
    }
    let start = 9 * 168 + 34;
    let alarms = found(grown(points, start..start + 3, 4.0), &Calendar::default());
    let after: Vec<_> = alarms.iter().filter(|alarm| alarm.date.as_str() > "2026-03-06").collect();
    assert_eq!(after[0].date, "2026-03-10T10:00:00Z");
}

#[test]
fn few_outputs_that_become_many_are_found_before_their_cost_tells() {
    let rare = |hour: usize| f64::from(u8::from(hour * 7919 % 1009 < 500)) * 2.0;
    let mut points: Vec<Point> = (0..1680)
        .map(|hour| Point {
            outputs: Some(rare(hour)),
            calls: Some(rare(hour)),
            tokens_in: Some(rare(hour) * 1000.0),
            tokens_out: Some(rare(hour) * 100.0),
            ..Point::of_cost(rare(hour) * 0.1 * if hour % 5 == 0 { 6.0 } else { 1.0 })
        })
        .collect();
    assert_eq!(found(points.clone(), &Calendar::default()), []);
    let start = 9 * 168 + 34;
    for point in &mut points[start..start + 3] {
        (point.outputs, point.calls) = (Some(16.0), Some(16.0));
        (point.cost, point.tokens_in, point.tokens_out) = (1.6, Some(16000.0), Some(1600.0));
    }
    let alarms = found(points, &Calendar::default());
    assert_eq!(
        (alarms[0].date.as_str(), alarms[0].metric),
        ("2026-03-10T10:00:00Z", Metric::Total)
    );
}

#[test]
fn a_dearer_token_is_told_from_a_longer_answer() {
    // Answers get longer every few hours; the price of a token is the same until it rises by 15 %.
    let mut points = usual(1680);
    for (hour, point) in points.iter_mut().enumerate() {
        let longer = if hour % 3 == 0 { 2.0 } else { 1.0 };
        point.tokens_out = point.tokens_out.map(|tokens| tokens * longer);
        let (input, output) = (point.tokens_in.unwrap(), point.tokens_out.unwrap());
        point.cost = (input + 8.0 * output) / 1e6;
    }
    let start = 9 * 168 + 34;
    for point in &mut points[start..start + 12] {
        point.cost *= 1.15;
    }
    let alarms = found(points, &Calendar::default());
    let first = alarms.iter().find(|alarm| alarm.metric == Metric::PricePerToken).unwrap();
    assert!(first.date.as_str() >= "2026-03-10T10:00:00Z", "{}", first.date);
    assert!(first.date.as_str() < "2026-03-10T18:00:00Z", "{}", first.date);
}

#[test]
fn alarms_with_few_quiet_hours_between_are_one_episode() {
    let start = 8 * 168 + 4 * 24 + 10;
    let alarms = found(grown(usual(1680), start..start + 3, 2.5), &Calendar::default());
    let episodes = hourly_episodes(&alarms);
    assert_eq!(episodes.len(), 1);
    let episode = &episodes[0];
    assert_eq!(episode.start, datetime(2026, 3, 6, 10, 0, 0, 0));
    assert!((episode.impact.to_f64() - 135.0).abs() < 25.0, "{}", episode.impact);
    assert!(episode.reaches(episode.last.saturating_add(jiff::Span::new().hours(4))));
    assert!(!episode.reaches(episode.last.saturating_add(jiff::Span::new().hours(5))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn neither_the_future_nor_the_currency_changes_an_alarm(
        start in 400_usize..1000,
        factor in 1.5_f64..6.0,
        cut in 1000_usize..1100,
    ) {
        let points = grown(usual(1100), start..start + 5, factor);
        let whole = found(points.clone(), &Calendar::default());
        let part = found(points[..cut].to_vec(), &Calendar::default());
        prop_assert!(whole.starts_with(&part));
        let scaled = points.into_iter().map(|point| Point { cost: point.cost * 1024.0, ..point });
        let scaled = found(scaled.collect(), &Calendar::default());
        let key = |alarm: &HourlyAlarm| (alarm.date.clone(), alarm.metric, alarm.window_hours);
        prop_assert_eq!(
            scaled.iter().map(key).collect::<Vec<_>>(),
            whole.iter().map(key).collect::<Vec<_>>()
        );
    }
}
