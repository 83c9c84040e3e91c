use proptest::prelude::*;

use super::*;

/// Every five minutes from midnight.
fn scores(values: &[f64]) -> Vec<f64> {
    let mut detector = MetricDetector::new(MetricConfig::published());
    let seconds = (0..86_400).step_by(300).cycle();
    values.iter().zip(seconds).map(|(value, second)| detector.judge(second, *value)).collect()
}

/// A daily shape with repeatable noise of 5 %.
fn daily(rows: usize) -> Vec<f64> {
    let noise = |row: usize| ((row * 7919 % 1009) as f64 / 1009.0 - 0.5) / 10.0;
    let shape = |row: usize| 2.0 + (row as f64 * std::f64::consts::TAU / 288.0).sin();
    (0..rows).map(|row| shape(row) * (1.0 + noise(row))).collect()
}

fn highest(scores: &[f64]) -> usize {
    let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    best.map(|(row, _)| row).unwrap()
}

#[test]
fn a_constant_series_scores_zero_and_a_tenfold_jump_high_at_once() {
    for value in [5.0, -0.1, 1e-200, 3e200, 0.0] {
        assert!(scores(&vec![value; 3000]).iter().all(|score| score.abs() <= 0.0), "{value}");
    }
    for row in [40, 100, 300, 2999] {
        let mut values = vec![0.7; 3000];
        values[row] *= 10.0;
        let scores = scores(&values);
        assert!(scores[row] > 0.9, "row {row}: {}", scores[row]);
        assert!(scores[..row].iter().all(|score| score.abs() <= 0.0));
    }
}

#[test]
fn each_distance_finds_its_anomaly() {
    let usual = daily(4000);
    // A spike is new.
    let mut spike = usual.clone();
    spike[3000] = 9.0;
    assert_eq!(highest(&scores(&spike)), 3000);
    // A missing dip has no new value; it is out of hours, and shifts the mean within two hours.
    let mut flat = usual.clone();
    for value in &mut flat[3050..3200] {
        *value = 2.0 + (*value - 2.0).abs();
    }
    let row = highest(&scores(&flat)[1000..]) + 1000;
    assert!((3024 + 26..3200).contains(&row), "row {row}");
}

#[test]
fn one_incident_is_one_alarm() {
    let mut values = daily(4000);
    for value in &mut values[3000..3060] {
        *value += 20.0;
    }
    let scores = scores(&values);
    assert!(scores[3000] > 0.9);
    let alarms = scores[3000..].iter().filter(|score| **score > 0.9).count();
    assert!(alarms <= 2, "{alarms}");
    // What rests is still seen.
    assert!(scores[3001..3060].iter().all(|score| *score > 0.0));
}

#[test]
fn usual_noise_scores_low() {
    let scores = scores(&daily(6000));
    let high = scores[600..].iter().filter(|score| **score > 0.6).count();
    assert_eq!(high, 0);
}

#[test]
fn a_value_that_is_not_a_number_is_not_learned() {
    let mut values = daily(1000);
    let without = scores(&values);
    let mut detector = MetricDetector::new(MetricConfig::published());
    let seconds: Vec<u32> = (0..86_400).step_by(300).cycle().take(1000).collect();
    let mut found = Vec::new();
    for (row, value) in values.drain(..).enumerate() {
        if row % 50 == 7 {
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
                assert!(detector.judge(seconds[row], bad).abs() <= 0.0);
            }
        }
        found.push(detector.judge(seconds[row], value));
    }
    assert_eq!(found, without);
}

#[test]
fn memory_is_bounded() {
    let config = MetricConfig { history_rows: 100, rest_rows_max: 10, ..MetricConfig::published() };
    let mut detector = MetricDetector::new(config);
    for row in 0..5000_u32 {
        detector.judge(row * 60 % 86_400, -f64::from(row));
    }
    assert!(detector.recent.len() <= 10);
    assert_eq!(detector.rows, 5000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_scores_of_a_prefix_are_the_prefix_of_the_scores(
        values in prop::collection::vec(-1e6_f64..1e6, 1..700),
        cut in 0_usize..700,
    ) {
        let whole = scores(&values);
        let cut = cut.min(values.len());
        prop_assert_eq!(&scores(&values[..cut])[..], &whole[..cut]);
        prop_assert!(whole.iter().all(|score| (0.0..=1.0).contains(score)));
    }

    #[test]
    fn neither_unit_nor_sign_matters(
        values in prop::collection::vec(-1e3_f64..1e3, 1..700),
        exponent in -60_i32..60,
    ) {
        // Powers of two scale without rounding: nothing may differ.
        let scale = 2.0_f64.powi(exponent);
        let scaled: Vec<f64> = values.iter().map(|value| value * scale).collect();
        let negated: Vec<f64> = values.iter().map(|value| -value).collect();
        prop_assert_eq!(scores(&scaled), scores(&values));
        prop_assert_eq!(scores(&negated), scores(&values));
    }
}

#[test]
fn currency_does_not_matter() {
    let values = daily(2000);
    let scaled: Vec<f64> = values.iter().map(|value| value * 1000.0).collect();
    for (row, (one, other)) in scores(&values).iter().zip(scores(&scaled)).enumerate() {
        assert!((one - other).abs() < 1e-6, "row {row}: {one} {other}");
    }
}
