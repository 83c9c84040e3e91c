use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use oracle::Fraction;

mod oracle;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn integer(value: u32) -> Decimal {
    Decimal::from_integer(value.into())
}

fn dims(feature: &str, model: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("feature".into(), feature.into()), ("model".into(), model.into())])
}

/// `outputs calls in cached out cost [price_in price_cached price_out]`
fn cell(side: Side, feature: &str, model: &str, numbers: &str) -> Cell {
    let numbers: Vec<Decimal> = numbers.split_whitespace().map(decimal).collect();
    Cell {
        dims: dims(feature, model),
        side,
        outputs: numbers[0],
        calls: numbers[1],
        tokens_in: numbers[2],
        tokens_cached: numbers[3],
        tokens_out: numbers[4],
        tokens_reasoning: None,
        cost: numbers[5],
        unit_prices: UnitPrices {
            input: numbers.get(6).copied(),
            cached: numbers.get(7).copied(),
            output: numbers.get(8).copied(),
        },
    }
}

fn by_model() -> Vec<String> {
    vec!["model".to_owned()]
}

fn explained(cells: &[Cell]) -> Decomposition {
    let decomposition = decompose(cells, &by_model(), Scale::ONE).unwrap();
    assert_adds_up(&decomposition);
    decomposition
}

fn assert_adds_up(decomposition: &Decomposition) {
    let sum = |effects: &[Effect]| effects.iter().map(|effect| effect.amount.0).sum::<i128>();
    let Decomposition { before, after, delta, effects, residual, by_cell, .. } = decomposition;
    assert_eq!(before.0 + delta.0, after.0);
    assert_eq!(sum(effects), delta.0);
    assert_eq!(*residual, Pico::ZERO);
    for (index, effect) in effects.iter().enumerate() {
        let column: i128 = by_cell.iter().map(|cell| cell.effects[index].amount.0).sum();
        assert_eq!(column, effect.amount.0, "{:?}", effect.driver);
        if !effect.parts.is_empty() {
            assert_eq!(
                effect.parts.iter().map(|part| part.amount.0).sum::<i128>(),
                effect.amount.0
            );
        }
    }
    for cell in by_cell {
        assert_eq!(cell.before.0 + cell.delta.0, cell.after.0);
        assert_eq!(sum(&cell.effects), cell.delta.0);
    }
    assert_eq!(by_cell.iter().map(|cell| cell.before.0).sum::<i128>(), before.0);
    assert_eq!(by_cell.iter().map(|cell| cell.after.0).sum::<i128>(), after.0);
}

/// Effects in the order of `Driver::ALL`.
#[track_caller]
fn check(rows: &[(Side, &str, &str, &str)], effects: [&str; 6]) {
    let cells: Vec<Cell> = rows
        .iter()
        .map(|(side, feature, model, numbers)| cell(*side, feature, model, numbers))
        .collect();
    let found = explained(&cells);
    let found: Vec<String> = found.effects.iter().map(|effect| effect.amount.to_string()).collect();
    assert_eq!(found, effects);
}

use Side::{After, Before};

#[test]
fn one_driver_at_a_time_takes_the_whole_change() {
    let before = (Before, "chat", "m", "10 20 2000 1000 400 3.5 0.002 0.0001 0.0035");
    for (after, effects) in [
        ("20 40 4000 2000 800 7 0.002 0.0001 0.0035", ["3.5", "0", "0", "0", "0", "0"]),
        ("10 40 4000 2000 800 7 0.002 0.0001 0.0035", ["0", "3.5", "0", "0", "0", "0"]),
        ("10 20 4000 2000 800 7 0.002 0.0001 0.0035", ["0", "0", "3.5", "0", "0", "0"]),
        ("10 20 2000 0 400 5.4 0.002 0.0001 0.0035", ["0", "0", "0", "1.9", "0", "0"]),
        ("10 20 2000 1000 400 7 0.004 0.0002 0.007", ["0", "0", "0", "0", "3.5", "0"]),
        // Beyond tokens times unit price.
        ("10 20 2000 1000 400 4 0.002 0.0001 0.0035", ["0", "0", "0", "0", "0.5", "0"]),
    ] {
        check(&[before, (After, "chat", "m", after)], effects);
    }
}

/// By hand: of 2·3·5 − 1 = 29, the first has 1·(1/3 + (3 + 5)/6 + 15/3) = 6 2/3, the second
/// 2·(1/3 + (2 + 5)/6 + 10/3) = 9 2/3, the third 4·(1/3 + (2 + 3)/6 + 6/3) = 12 2/3.
#[test]
fn three_changed_drivers_share_by_shapley() {
    check(
        &[
            (Before, "chat", "m", "1 1 1 0 0 1"),
            // volume ×2, calls an output ×3, cost a token ×5
            (After, "chat", "m", "2 6 6 0 0 30"),
        ],
        ["6.666666666667", "9.666666666667", "0", "0", "12.666666666666", "0"],
    );
}

#[test]
fn traffic_does_not_hide_what_made_outputs_dearer() {
    // Half the outputs, and the cached half of the input no longer cached.
    let found = explained(&[
        cell(Before, "chat", "m", "100 100 1000 500 0 5.5 0.01 0.001 0.01"),
        cell(After, "chat", "m", "50 50 500 0 0 5 0.01 0.001 0.01"),
    ]);
    assert_eq!(found.main_driver(), Some(Driver::Volume));
    assert_eq!(found.main_driver_per_output(), Some(Driver::Cache));
}

#[test]
fn a_new_model_is_mix_and_its_other_factors_are_its_own() {
    check(
        &[
            (Before, "chat", "old", "100 100 1000 0 0 1 0.001 0.001 0.001"),
            (After, "chat", "old", "50 50 500 0 0 0.5 0.001 0.001 0.001"),
            (After, "chat", "new", "50 50 500 0 0 2 0.004 0.004 0.004"),
        ],
        ["0", "0", "0", "0", "0", "1.5"],
    );
}

#[test]
fn groups_that_start_or_end_are_volume() {
    for (before, after, volume) in [
        ("0 0 0 0 0 0", "5 5 50 0 5 2", "2"),
        ("5 5 50 0 5 2", "0 5 50 0 5 3", "1"),
        ("5 5 50 0 5 2", "5 0 0 0 0 0", "-2"),
        ("0 0 0 0 0 1", "0 0 0 0 0 4", "3"),
    ] {
        check(
            &[(Before, "a", "m", before), (After, "a", "m", after)],
            [volume, "0", "0", "0", "0", "0"],
        );
    }
    check(&[(After, "a", "m", "5 5 50 0 5 2")], ["2", "0", "0", "0", "0", "0"]);
}

#[test]
fn without_outputs_the_change_is_all_volume_and_this_is_said() {
    let cells = [cell(Before, "a", "m", "0 5 50 0 5 2"), cell(After, "a", "m", "0 10 100 0 10 4")];
    let found = explained(&cells);
    assert_eq!(found.effect(Driver::Volume), "2".parse().unwrap());
    assert_eq!(found.effect(Driver::CallsPerOutput), Pico::ZERO);
    assert!(found.notes.iter().any(|note| note.contains("no outputs")), "{:?}", found.notes);
}

#[test]
fn without_unit_prices_the_cache_is_part_of_price_and_this_is_said() {
    let cells = [cell(Before, "a", "m", "5 5 50 40 5 1"), cell(After, "a", "m", "5 5 50 0 5 4")];
    let found = explained(&cells);
    assert_eq!(found.effect(Driver::Price), "3".parse().unwrap());
    assert_eq!(found.effect(Driver::Cache), Pico::ZERO);
    assert_eq!(
        found.notes,
        ["1 of 1 cells have no unit prices: their cache effect is part of price."]
    );
}

#[test]
fn cells_without_tokens_are_priced_by_the_call() {
    check(
        &[(Before, "a", "image", "5 5 0 0 0 1"), (After, "a", "image", "10 10 0 0 0 2")],
        ["1", "0", "0", "0", "0", "0"],
    );
}

#[test]
fn parts_say_which_tokens() {
    let mut cells = [
        cell(Before, "a", "m", "1 1 100 0 10 1.1 0.01 0.01 0.01"),
        cell(After, "a", "m", "1 1 150 0 40 1.9 0.01 0.01 0.01"),
    ];
    cells[0].tokens_reasoning = Some(integer(0));
    cells[1].tokens_reasoning = Some(integer(20));
    let found = explained(&cells);
    let parts = &found.effects[Driver::TokensPerCall as usize].parts;
    let parts: Vec<_> = parts.iter().map(|part| (part.name, part.amount.to_string())).collect();
    assert_eq!(
        parts,
        [("input", "0.5".into()), ("output", "0.1".into()), ("reasoning", "0.2".into())]
    );
}

#[test]
fn bad_cells_are_kept_with_their_reason() {
    let good = [cell(Before, "a", "m", "1 1 1 0 1 1"), cell(After, "a", "m", "1 1 1 0 1 2")];
    let bad = [
        cell(After, "b", "m", "-1 1 1 0 1 2"),
        cell(After, "b", "m", "1 1 1 2 1 2"),
        cell(After, "a", "m", "1 1 1 0 1 2 0.1 0.1 0.1"),
    ];
    let all: Vec<Cell> = good.iter().chain(&bad).cloned().collect();
    let found = explained(&all);
    assert_eq!(found.delta, Pico::ONE);
    let reasons: Vec<_> = found.rejected.iter().map(|row| (row.index, &row.reason)).collect();
    assert!(matches!(
        reasons[..],
        [
            (2, CellError::Negative { column: "outputs", .. }),
            (3, CellError::PartExceedsTotal { part: "tok_cached", .. }),
            (4, CellError::UnitPricesDiffer),
        ]
    ));
    assert_eq!(decompose(&bad[..1], &by_model(), Scale::ONE), Err(ExplainError::NoCells));
    assert!(matches!(
        decompose(&good, &["modle".to_owned()], Scale::ONE),
        Err(ExplainError::UnknownDimension { .. })
    ));
}

#[test]
fn seven_days_against_fifty_six_are_scaled_exactly() {
    // An eighth of 56 days is the same as the week: nothing changed, not even in the last decimal.
    let cells = [
        cell(Before, "a", "m", "7 21 777 70 7 0.000000000007 0.1 0.1 0.1"),
        cell(After, "a", "m", "3 9 333 30 3 0.000000000003 0.1 0.1 0.1"),
    ];
    let found = decompose(&cells, &by_model(), Scale::new(3, 7).unwrap()).unwrap();
    assert_adds_up(&found);
    assert_eq!(found.before, found.after);
    assert!(found.effects.iter().all(|effect| effect.amount == Pico::ZERO));
}

#[test]
fn ledger_rows_weigh_their_weekday() {
    use crate::usage::{Usage, UsageClass};
    let row = |calls: u64, factor: u64| LedgerRow {
        dims: dims("a", "m"),
        outputs: Decimal::from_integer(calls.into()),
        calls,
        usage: Usage::ZERO
            .with(UsageClass::InputTokensTotal, 100 * calls)
            .with(UsageClass::CacheReadTokens, 50 * calls)
            .with(UsageClass::OutputTokensTotal, 10 * calls),
        cost: Pico(i128::from(calls * factor) * 1_150),
        class_costs: Some([1_000, 50, 100].map(|cost| Pico(i128::from(calls * factor) * cost))),
    };
    let third = |of: u64| Scale::new(1, of).unwrap();
    // Mondays: 7 summed, one compared; Tuesdays: 8 summed, one compared.
    let baseline = [(third(7), row(70, 1)), (third(8), row(160, 1))];
    let (cells, scale) = cells_from_ledger(&baseline, &[row(10, 2), row(20, 2)]).unwrap();
    let found = decompose(&cells, &by_model(), scale).unwrap();
    assert_adds_up(&found);
    assert_eq!(found.before, Pico(30 * 1_150));
    assert_eq!(found.effect(Driver::Price), Pico(30 * 1_150));
    assert_eq!(found.delta, Pico(30 * 1_150));
}

#[test]
fn what_is_shown_adds_up_as_shown() {
    let found =
        explained(&[cell(Before, "a", "m", "1 1 1 0 0 1"), cell(After, "a", "m", "2 6 6 0 0 30")]);
    let shown = found.rounded(2);
    let amounts: Vec<String> = shown.effects.iter().map(|(_, amount)| amount.to_string()).collect();
    assert_eq!(amounts, ["6.67", "9.67", "0", "0", "12.66", "0"]);
    assert_eq!(shown.delta, "29".parse().unwrap());
}

/// Cells of up to three features and four models with small and odd numbers, zeros included.
fn any_cells() -> impl Strategy<Value = Vec<Cell>> {
    let quantity = || prop_oneof![3 => 1_u32..1000, 1 => Just(0_u32), 1 => Just(7_u32)];
    let price = || prop_oneof![Just("0.01"), Just("0.003"), Just("0.0000125"), Just("1")];
    let numbers = (quantity(), quantity(), quantity(), 0_u32..=100, quantity());
    let side = (numbers, -50_i32..5000, (price(), price(), price()));
    let cells = (0_usize..3, 0_usize..4, 0_u8..4, side.clone(), side);
    proptest::collection::vec(cells, 1..12).prop_map(|rows| {
        let mut cells = BTreeMap::new();
        for (feature, model, kind, before, after) in rows {
            let dims = dims(["a", "b", "c"][feature], ["m", "n", "o", "p"][model]);
            for (side, (numbers, cost, prices)) in [(Before, before), (After, after)] {
                // One side only, or without unit prices, now and then.
                if (kind == 0 && side == Before) || (kind == 1 && side == After) {
                    continue;
                }
                let (outputs, calls, input, percent, output) = numbers;
                let priced = |price: &str| (kind != 2).then(|| decimal(price));
                let cell = Cell {
                    dims: dims.clone(),
                    side,
                    outputs: integer(outputs),
                    calls: integer(calls),
                    tokens_in: integer(input),
                    tokens_cached: integer(input * percent / 100),
                    tokens_out: integer(output),
                    tokens_reasoning: None,
                    cost: Decimal::new(cost.into(), 3).unwrap(),
                    unit_prices: UnitPrices {
                        input: priced(prices.0),
                        cached: priced(prices.1),
                        output: priced(prices.2),
                    },
                };
                cells.insert((dims.clone(), side), cell);
            }
        }
        cells.into_values().collect()
    })
}

fn negated(decomposition: &Decomposition) -> Vec<i128> {
    amounts(decomposition).into_iter().map(|amount| -amount).collect()
}

fn amounts(decomposition: &Decomposition) -> Vec<i128> {
    let cells = decomposition.by_cell.iter().flat_map(|cell| &cell.effects);
    let totals = decomposition.effects.iter();
    let parts = decomposition.effects.iter().flat_map(|effect| &effect.parts);
    totals
        .chain(cells)
        .map(|effect| effect.amount.0)
        .chain(parts.map(|part| part.amount.0))
        .collect()
}

fn swapped(cells: &[Cell]) -> Vec<Cell> {
    let turn = |side| if side == Before { After } else { Before };
    cells.iter().map(|cell| Cell { side: turn(cell.side), ..cell.clone() }).collect()
}

proptest! {
    #[test]
    fn everything_adds_up_and_swapping_negates(cells in any_cells()) {
        let found = decompose(&cells, &by_model(), Scale::ONE).unwrap();
        assert_adds_up(&found);
        let back = decompose(&swapped(&cells), &by_model(), Scale::ONE).unwrap();
        prop_assert_eq!(amounts(&back), negated(&found));
        prop_assert_eq!((back.before, back.after), (found.after, found.before));
    }

    #[test]
    fn order_of_rows_does_not_matter(
        (cells, shuffled) in any_cells().prop_flat_map(|cells| {
            (Just(cells.clone()), Just(cells).prop_shuffle())
        })
    ) {
        prop_assert_eq!(
            decompose(&cells, &by_model(), Scale::ONE),
            decompose(&shuffled, &by_model(), Scale::ONE)
        );
    }

    #[test]
    fn the_definition_is_met(cells in any_cells()) {
        let found = decompose(&cells, &by_model(), Scale::ONE).unwrap();
        for (effect, exact) in found.effects.iter().zip(oracle::effects(&cells)) {
            let shown = Fraction::new(effect.amount.0.into(), Pico::ONE.0.into());
            let error = (shown - &exact) * num_bigint::BigInt::from(Pico::ONE.0);
            prop_assert!(
                error < Fraction::from_integer(1.into())
                    && error > Fraction::from_integer((-1).into()),
                "{:?}: {} for {}", effect.driver, effect.amount, exact
            );
            if exact == Fraction::from_integer(0.into()) {
                prop_assert_eq!(effect.amount, Pico::ZERO);
            }
        }
    }

    #[test]
    fn more_of_the_same_is_volume_alone(cells in any_cells(), factor in 2_u32..50) {
        // Cells on both sides, priced by their own cost, so that nothing but the amounts changes.
        let times = |value: Decimal| value.checked_mul_integer(factor.into()).unwrap();
        let before: Vec<Cell> = cells
            .into_iter()
            .filter(|cell| cell.side == Before)
            .map(|cell| Cell { unit_prices: UnitPrices::default(), ..cell })
            .collect();
        let after = before.iter().map(|cell| Cell {
            side: After,
            outputs: times(cell.outputs),
            calls: times(cell.calls),
            tokens_in: times(cell.tokens_in),
            tokens_cached: times(cell.tokens_cached),
            tokens_out: times(cell.tokens_out),
            cost: times(cell.cost),
            ..cell.clone()
        });
        let both: Vec<Cell> = before.iter().cloned().chain(after).collect();
        // Cost of cells without calls is beyond all factors, and of cells with tokens but no calls.
        prop_assume!(before.iter().all(|cell| !cell.calls.is_zero()));
        prop_assume!(!before.is_empty());
        let found = decompose(&both, &by_model(), Scale::ONE).unwrap();
        prop_assert_eq!(found.effect(Driver::Volume), found.delta);
        for effect in found.effects.iter().chain(found.by_cell.iter().flat_map(|c| &c.effects)) {
            prop_assert!(effect.driver == Driver::Volume || effect.amount == Pico::ZERO);
        }
    }

    #[test]
    fn a_currency_of_another_size_scales_everything(cells in any_cells()) {
        let thousand = Decimal::from_integer(1000);
        let dearer: Vec<Cell> = cells
            .iter()
            .map(|cell| {
                let price = |price: Option<Decimal>| {
                    price.map(|price| price.checked_mul(thousand).unwrap())
                };
                Cell {
                    cost: cell.cost.checked_mul(thousand).unwrap(),
                    unit_prices: UnitPrices {
                        input: price(cell.unit_prices.input),
                        cached: price(cell.unit_prices.cached),
                        output: price(cell.unit_prices.output),
                    },
                    ..cell.clone()
                }
            })
            .collect();
        for (effect, scaled) in oracle::effects(&cells).into_iter().zip(oracle::effects(&dearer)) {
            prop_assert_eq!(effect * num_bigint::BigInt::from(1000), scaled);
        }
        let (found, scaled) = (
            decompose(&cells, &by_model(), Scale::ONE).unwrap(),
            decompose(&dearer, &by_model(), Scale::ONE).unwrap(),
        );
        for (effect, scaled) in found.effects.iter().zip(&scaled.effects) {
            prop_assert!((effect.amount.0 * 1000 - scaled.amount.0).abs() <= 1000);
        }
    }

    #[test]
    fn features_alone_add_to_all_features(cells in any_cells()) {
        let mut sum = vec![Fraction::from_integer(0.into()); 6];
        for feature in ["a", "b", "c"] {
            let alone: Vec<Cell> =
                cells.iter().filter(|cell| cell.dims["feature"] == feature).cloned().collect();
            for (sum, effect) in sum.iter_mut().zip(oracle::effects(&alone)) {
                *sum += effect;
            }
            if alone.is_empty() {
                continue;
            }
            // By cell, the shares of a feature are those that it has alone, to the last decimals.
            let alone = decompose(&alone, &by_model(), Scale::ONE).unwrap();
            let all = decompose(&cells, &by_model(), Scale::ONE).unwrap();
            for cell in &alone.by_cell {
                let same = all.by_cell.iter().find(|other| other.cell == cell.cell).unwrap();
                for (left, right) in cell.effects.iter().zip(&same.effects) {
                    prop_assert!((left.amount.0 - right.amount.0).abs() <= 2);
                }
            }
        }
        prop_assert_eq!(sum, oracle::effects(&cells));
    }
}

#[test]
fn sizes_that_chance_may_have_made_are_said_to_be_chance() {
    // Twice the outputs; tokens per call 3 % up.
    let sides = |calls: u64| {
        let row = |side, outputs: u64, calls: u64, percent: u64| {
            let (input, output) = (calls * 10 * percent, calls * percent);
            let cost = Decimal::new(i128::from(input + 5 * output), 6).unwrap();
            let numbers =
                format!("{outputs} {calls} {input} 0 {output} {cost} 0.000001 0.0000001 0.000005");
            cell(side, "chat", "m", &numbers)
        };
        [row(Side::Before, 50, calls, 100), row(Side::After, 100, 2 * calls, 103)]
    };
    let check = |calls: u64, chance: &[Driver], whole: bool| {
        let found = explained(&sides(calls));
        assert_eq!(found.chance, chance, "{calls} calls");
        assert_eq!(found.main_driver(), Some(Driver::Volume));
        assert!(found.effect(Driver::TokensPerCall) > Pico::ZERO);
        let cause = found.cause_amount(Measured::Cost).unwrap();
        assert_eq!(cause == found.delta, whole, "{calls} calls: {cause} of {}", found.delta);
        if !whole {
            assert_eq!(cause, found.effect(Driver::Volume));
        }
        // Of the cost of an output, the sizes are the main driver: nothing is beside it.
        let apart = found.cause_amount(Measured::CostPerOutput).unwrap();
        assert_eq!(apart, found.effect(Driver::TokensPerCall));
    };
    check(100, &[Driver::TokensPerCall], true);
    check(1_000_000, &[], false);
}
