use proptest::prelude::*;

use super::*;

/// Repeatable numbers between −1 and 1 that look like noise (splitmix64).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 12) as f64 / (1_u64 << 51) as f64 - 1.0
    }

    /// Nearly normal, with deviation 1.
    fn normal(&mut self) -> f64 {
        (0..3).map(|_| self.next()).sum()
    }
}

const SIZES: [usize; 4] = [5, 6, 4, 3];
const NAMES: [&str; 4] = ["team", "feature", "model", "region"];

type Row = (Vec<String>, Decimal, Decimal);

fn decimal(value: f64) -> Decimal {
    format!("{value:.6}").parse().unwrap()
}

/// Leaves of all dimensions, predictions over two orders of magnitude, noise of 5 %, with changes.
fn rows(seed: u64, changes: &[(&[(usize, usize)], f64)]) -> Vec<Row> {
    let mut noise = Noise(seed);
    let count = SIZES.iter().product();
    (0..count)
        .map(|leaf| {
            let mut rest: usize = leaf;
            let place: Vec<usize> = SIZES
                .iter()
                .map(|size| {
                    let value = rest % size;
                    rest /= size;
                    value
                })
                .collect();
            let predict = (2.0 * noise.next() + 4.0).exp();
            let mut real = predict * (1.0 + 0.05 * noise.normal());
            for (fixed, ratio) in changes {
                if fixed.iter().all(|(dimension, value)| place[*dimension] == *value) {
                    real *= ratio;
                }
            }
            let values = place.iter().zip(NAMES).map(|(value, name)| format!("{name}-{value}"));
            (values.collect(), decimal(real), decimal(predict))
        })
        .collect()
}

fn leaves(names: &[&str], rows: &[Row]) -> Leaves {
    let mut leaves = Leaves::of_dimensions(names.iter().copied()).unwrap();
    for (values, real, predict) in rows {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        leaves.push(&values, *real, *predict).unwrap();
    }
    leaves
}

fn located(rows: &[Row]) -> Localization {
    localize(&leaves(&NAMES, rows), 10, &Config::published()).unwrap()
}

fn places(found: &Localization) -> Vec<String> {
    let text = |cause: &Cause| {
        let values: Vec<&str> = cause.place.values().map(String::as_str).collect();
        values.join(" ")
    };
    found.causes.iter().map(text).collect()
}

fn of_causes(found: &Localization) -> Decimal {
    exact::sum(&found.causes.iter().map(|cause| cause.delta).collect::<Vec<_>>()).unwrap()
}

fn assert_adds_up(found: &Localization) {
    assert_eq!(of_causes(found).checked_add(found.residual), Ok(found.delta));
    assert_eq!(found.predict.checked_add(found.delta), Ok(found.real));
}

#[test]
fn causes_in_different_dimensions_are_told_apart() {
    let rows = rows(1, &[(&[(0, 2)], 1.6), (&[(1, 3), (2, 1)], 2.1), (&[(3, 2), (1, 5)], 0.4)]);
    let found = located(&rows);
    let mut places = places(&found);
    places.sort();
    assert_eq!(places, ["feature-3 model-1", "feature-5 region-2", "team-2"]);
    assert!(!found.spread && found.common_change_ratio.is_none());
    assert_adds_up(&found);
}

#[test]
fn a_shared_leaf_counts_in_the_first_cause_alone() {
    let rows = rows(3, &[(&[(0, 2)], 2.0), (&[(1, 3)], 1.7)]);
    let found = located(&rows);
    let mut of_each: Vec<usize> = found.causes.iter().map(|cause| cause.leaves).collect();
    of_each.sort_unstable();
    // 360 leaves: 72 of a team, 60 of a feature, 12 of both.
    assert!(of_each == [48, 72] || of_each == [60, 60], "{of_each:?}");
    let changed = |(values, real, predict): &Row| {
        (values[0] == "team-2" || values[1] == "feature-3")
            .then(|| real.checked_sub(*predict).unwrap())
    };
    let both: Vec<Decimal> = rows.iter().filter_map(changed).collect();
    assert_eq!(of_causes(&found), exact::sum(&both).unwrap());
    assert_adds_up(&found);
}

#[test]
fn what_started_and_what_ended_is_found() {
    let mut rows = rows(5, &[]);
    for (values, real, predict) in &mut rows {
        if values[2] == "model-3" && values[0] == "team-1" {
            *predict = Decimal::ZERO;
        }
        if values[1] == "feature-0" {
            *real = Decimal::ZERO;
        }
    }
    let found = located(&rows);
    let mut places = places(&found);
    places.sort();
    assert_eq!(places, ["feature-0", "model-3 team-1"]);
    assert_adds_up(&found);
}

#[test]
fn a_change_of_everything_is_spread_and_causes_are_what_differs() {
    let all = located(&rows(7, &[(&[], 1.5)]));
    assert_eq!(places(&all), [] as [&str; 0]);
    assert!(all.spread);
    assert_eq!(all.residual, all.delta);
    let beside = located(&rows(7, &[(&[], 1.5), (&[(1, 4)], 2.0)]));
    assert_eq!(places(&beside), ["feature-4"]);
    assert!(!beside.spread);
}

#[test]
fn noise_has_no_cause() {
    let with_causes = (0..200).filter(|seed| !located(&rows(*seed, &[])).causes.is_empty()).count();
    assert_eq!(with_causes, 0);
}

#[test]
fn parts_of_a_change_too_small_to_name_are_not_named() {
    for seed in 0..100 {
        let found = located(&rows(seed, &[(&[(0, 2)], 1.08), (&[(1, 4)], 0.93)]));
        assert_eq!(places(&found), [] as [&str; 0], "seed {seed}");
    }
}

#[test]
fn few_and_odd_leaves() {
    let one = |text: &str| text.parse::<Decimal>().unwrap();
    let row = |real: &str, predict: &str| -> Row {
        (NAMES.map(str::to_owned).to_vec(), one(real), one(predict))
    };
    assert_eq!(
        localize(&leaves(&NAMES, &[]), 10, &Config::published()),
        Err(LocalizeError::NoLeaves)
    );
    for rows in [
        vec![row("3", "2")],
        vec![row("0", "0")],
        vec![row("-3", "2"), row("0", "0")],
        vec![row("-1", "-4"), row("-2", "4"), row("0", "-1")],
    ] {
        let found = located(&rows);
        assert_eq!(places(&found), [] as [&str; 0]);
        assert_eq!(found.spread, !found.delta.is_zero());
        assert_adds_up(&found);
    }
    // Half of the type's range each: the sum does not fit.
    let half = "99999999999999999999999999999999999999";
    let large = [row(half, "0"), row(half, "0")];
    let overflow = localize(&leaves(&NAMES, &large), 10, &Config::published());
    assert_eq!(overflow, Err(LocalizeError::Overflow));
}

#[test]
fn twelve_leaves_are_enough() {
    let mut noise = Noise(3);
    let mut rows: Vec<Row> = Vec::new();
    for team in 0..4 {
        for model in 0..3 {
            let predict = 100.0 + 50.0 * noise.next();
            let ratio = if team == 1 { 1.9 } else { 1.0 };
            let real = predict * ratio * (1.0 + 0.03 * noise.next());
            let values = vec![format!("team-{team}"), format!("model-{model}")];
            rows.push((values, decimal(real), decimal(predict)));
        }
    }
    let found = localize(&leaves(&["team", "model"], &rows), 10, &Config::published()).unwrap();
    assert_eq!(places(&found), ["team-1"]);
}

#[test]
fn top_cuts_and_the_rest_is_residual() {
    let rows = rows(1, &[(&[(0, 2)], 1.6), (&[(1, 3), (2, 1)], 2.1)]);
    let (all, first) =
        (located(&rows), localize(&leaves(&NAMES, &rows), 1, &Config::published()).unwrap());
    assert_eq!(first.causes[..], all.causes[..1]);
    assert_eq!(first.causes.len(), 1);
    assert_adds_up(&first);
}

#[test]
fn columns_of_codes_are_checked() {
    let column = |values: &[&str], codes: &[u32]| Dimension {
        name: "team".into(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        codes: codes.to_vec(),
    };
    let amounts = || vec![Decimal::ONE, Decimal::ONE];
    let from = |dimensions| Leaves::from_columns(dimensions, amounts(), amounts()).map(|l| l.len());
    assert_eq!(from(vec![column(&["a", "b"], &[0, 1])]), Ok(2));
    assert_eq!(from(vec![column(&["a", "b"], &[0])]), Err(LeavesError::Ragged));
    assert_eq!(from(vec![column(&["a", "b"], &[0, 2])]), Err(LeavesError::UnknownCode));
    let twice = vec![column(&["a"], &[0, 0]), column(&["a"], &[0, 0])];
    assert_eq!(from(twice), Err(LeavesError::SameName));
}

/// Up to two changes of at least 40 %.
fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    let value = (0_usize..3, 0_usize..3);
    let change = (proptest::collection::vec(value, 1..3), prop_oneof![0.0..0.6, 1.4..3.0]);
    (any::<u64>(), proptest::collection::vec(change, 0..3)).prop_map(|(seed, changes)| {
        let changes: Vec<(&[(usize, usize)], f64)> =
            changes.iter().map(|(fixed, ratio)| (fixed.as_slice(), *ratio)).collect();
        rows(seed, &changes)
    })
}

/// Nine features of two models that stay, and charges without a model, most of them new.
fn with_charges() -> Vec<Row> {
    let cents = |amount: i128| Decimal::new(amount, 2).unwrap();
    let mut rows: Vec<Row> = Vec::new();
    for feature in 0..9 {
        for model in ["large", "small"] {
            let values = vec![format!("f{feature}"), model.to_owned()];
            rows.push((values, cents(10_010 + feature), cents(10_000)));
        }
    }
    for charge in 0..6 {
        let values = vec![format!("c{charge}"), "(none)".to_owned()];
        rows.push((values, cents(30_000), cents(10_000)));
    }
    rows
}

#[test]
fn what_has_no_value_names_no_cause() {
    let rows = with_charges();
    let all = leaves(&["feature", "model"], &rows);
    let by_value = localize(&all, 10, &Config::published()).unwrap();
    let has_none = |found: &Localization| {
        found.causes.iter().any(|cause| cause.place.values().any(|value| value == "(none)"))
    };
    assert!(has_none(&by_value), "{by_value:?}");
    let found = localize(&all.nameless("(none)"), 10, &Config::published()).unwrap();
    assert!(!has_none(&found), "{found:?}");
    assert_adds_up(&found);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn order_of_rows_and_of_dimensions_does_not_matter(
        (rows, shuffled) in any_rows().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle()))
    ) {
        let found = located(&rows);
        assert_adds_up(&found);
        prop_assert_eq!(&located(&shuffled), &found);
        let turned: Vec<Row> = rows
            .iter()
            .map(|(values, real, predict)| (values.iter().rev().cloned().collect(), *real, *predict))
            .collect();
        let names: Vec<&str> = NAMES.into_iter().rev().collect();
        prop_assert_eq!(localize(&leaves(&names, &turned), 10, &Config::published()), Ok(found));
    }

    #[test]
    fn names_and_currency_do_not_matter(rows in any_rows()) {
        let found = located(&rows);
        // Names in the reverse order, amounts in a currency of another size.
        let renamed = |value: &str| {
            let (name, number) = value.split_once('-').unwrap();
            format!("{name}-{}", 9 - number.parse::<usize>().unwrap())
        };
        let other: Vec<Row> = rows
            .iter()
            .map(|(values, real, predict)| {
                let values = values.iter().map(|value| renamed(value)).collect();
                let times = |amount: &Decimal| amount.checked_mul_integer(1000).unwrap();
                (values, times(real), times(predict))
            })
            .collect();
        let other = located(&other);
        let renamed: Vec<(Vec<String>, Decimal)> = found
            .causes
            .iter()
            .map(|cause| (cause.place.values().map(|value| renamed(value)).collect(), cause.delta.checked_mul_integer(1000).unwrap()))
            .collect();
        let others: Vec<(Vec<String>, Decimal)> =
            other.causes.iter().map(|cause| (cause.place.values().cloned().collect(), cause.delta)).collect();
        prop_assert_eq!(others, renamed);
    }

    #[test]
    fn anything_adds_up(
        cells in proptest::collection::vec((0_u8..3, 0_u8..4, -1000_i32..1000, -1000_i32..1000), 1..60)
    ) {
        let rows: Vec<Row> = cells
            .into_iter()
            .map(|(team, model, real, predict)| {
                let cents = |amount: i32| Decimal::new(amount.into(), 2).unwrap();
                (vec![team.to_string(), model.to_string()], cents(real), cents(predict))
            })
            .collect();
        let found = localize(&leaves(&["team", "model"], &rows), 3, &Config::published()).unwrap();
        assert_adds_up(&found);
        prop_assert!(found.causes.len() <= 3);
    }
}
