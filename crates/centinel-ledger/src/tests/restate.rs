//! Restating against the same naive reference, and the past as it was.

use centinel_engine::usage::Usage;
use serde_json::json;

use super::*;

/// New prices by model: `gpt` costs twice as much and is always known, `claude` is known only where
/// it was not, `gemini` is not known at all, `nova` costs what it did.
#[derive(Default)]
struct NewPrices {
    changed: usize,
    kept: usize,
}

fn new_cost(model: &str, usage: &Usage, booked: Option<i128>) -> Option<i128> {
    let input = i128::from(usage.get(UsageClass::InputTokensTotal));
    match (model, booked) {
        ("gpt", booked) => Some(booked.map_or(input * 3, |cost| cost * 2)),
        ("claude", None) => Some(input),
        ("nova", booked) => booked,
        _ => None,
    }
}

impl Repricer for NewPrices {
    fn price(&mut self, call: &BookedCall<'_>) -> Result<Option<BookedCost>, LedgerError> {
        let model = call.labels.get(&Dimension::Model).unwrap_or_default();
        Ok(new_cost(model, call.usage, call.cost.map(|cost| cost.0)).map(|amount| BookedCost {
            amount: Pico(amount),
            remainder_quecto: 7,
            by_class: [Pico(amount - amount / 4), Pico(0), Pico(0), Pico(0), Pico(amount / 4)],
            price: 9,
        }))
    }

    fn settled(&mut self, _call: &BookedCall<'_>, new: Option<&BookedCost>) {
        match new {
            Some(_) => self.changed += 1,
            None => self.kept += 1,
        }
    }
}

fn restated(rows: &[Row], period: Period) -> Vec<Row> {
    let restate = |row: &Row| {
        let model = ["gpt", "claude", "gemini", "nova"][row.model];
        let usage = Usage::ZERO.with(UsageClass::InputTokensTotal, row.input);
        let at = T0 + row.offset;
        let is_inside = at >= period.start_micros() && at < period.end_micros();
        let cost =
            if is_inside { new_cost(model, &usage, row.cost).or(row.cost) } else { row.cost };
        Row { cost, ..row.clone() }
    };
    rows.iter().map(restate).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn restated_sums_are_the_naive_ones_and_the_past_stays(
        first in proptest::collection::vec(row(), 1..120),
        second in proptest::collection::vec(row(), 1..60),
        from in 0_i64..60,
        hours in 1_i64..80,
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ledger = runtime.block_on(ledger(folder.path()));
        runtime.block_on(import(&ledger, "a", &first, 10));
        runtime.block_on(import(&ledger, "b", &second, 20));
        let all: Vec<Row> = first.iter().chain(&second).cloned().collect();

        let start = T0 - T0.rem_euclid(HOUR_MICROS) + from * HOUR_MICROS;
        let at = |micros| Timestamp::from_microsecond(micros).unwrap();
        let period = Period::new(at(start), at(start + hours * HOUR_MICROS)).unwrap();
        let mut seen = NewPrices::default();
        let planned = ledger.restate(runtime.handle(), period, &mut seen, None).unwrap();
        prop_assert_eq!(planned.batches(), 0);
        let mut done = NewPrices::default();
        let restating = ledger.restate(runtime.handle(), period, &mut done, Some("r-1")).unwrap();
        prop_assert_eq!((seen.changed, seen.kept), (done.changed, done.kept));
        let reason = json!({"reason": "test"});
        let commit = ledger.commit_restatement(restating, at(30), "person:ada", &reason);
        prop_assert_eq!(runtime.block_on(commit).unwrap(), 1);

        let whole = Period::new(at(T0 - 40 * HOUR_MICROS), at(T0 + 200 * HOUR_MICROS)).unwrap();
        let whole = Period::days(whole.dates().0, whole.dates().1).unwrap();
        let now = restated(&all, period);
        for (grain, unit) in [(Grain::Hour, HOUR_MICROS), (Grain::Day, DAY_MICROS)] {
            for scan in [ScanLevel::Coarsest, ScanLevel::Raw] {
                for (as_of, rows) in [(None, &now), (Some(at(29)), &all), (Some(at(10)), &first)] {
                    let measures = vec![
                        Measure::Cost,
                        Measure::Calls,
                        Measure::Usage(UsageClass::InputTokensTotal),
                        Measure::UnpricedCalls,
                    ];
                    let mut query = SpendQuery::new(whole, measures)
                        .by([Dimension::Model, Dimension::Team])
                        .every(grain);
                    query.scan = scan;
                    query.as_of = as_of;
                    let table = runtime.block_on(ledger.spend(&query)).unwrap();
                    prop_assert_eq!(answered(&table), naive(rows, whole, unit));
                }
            }
        }
        // Cost by class still adds up to the cost, cell by cell.
        for grain in [Grain::Hour, Grain::Day] {
            let measures =
                CostClass::ALL.into_iter().map(Measure::ClassCost).chain([Measure::CallCost]);
            let query = SpendQuery::new(whole, measures.collect()).by([Dimension::Model]).every(grain);
            for row in runtime.block_on(ledger.spend(&query)).unwrap().rows {
                let classes: i128 = (0..CostClass::COUNT).map(|index| row.value(index)).sum();
                prop_assert_eq!(classes, row.value(CostClass::COUNT));
            }
        }
        let verified = runtime.block_on(ledger.verify()).unwrap();
        prop_assert_eq!(verified.problems, Vec::<String>::new());
        let audit = runtime.block_on(centinel_store::audit::verify(ledger.database(), None)).unwrap();
        prop_assert_eq!((audit.entries, audit.fault), (1, None));
        // Calls keep their keys: the same file again, under another digest, brings nothing new.
        let keyed: Vec<Row> = first.iter().filter(|row| row.id.is_some()).cloned().collect();
        let again = runtime.block_on(import(&ledger, "c", &keyed, 40));
        prop_assert_eq!(again.batch.rows_accepted, 0);
    }
}

#[test]
fn a_restatement_that_lost_a_race_changes_nothing() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ledger = runtime.block_on(ledger(folder.path()));
    let row = Row {
        id: None,
        offset: 0,
        model: 0,
        team: 0,
        input: 1,
        output: 1,
        cost: Some(5),
        failed: false,
    };
    runtime.block_on(import(&ledger, "a", &[row], 10));
    let at = |micros| Timestamp::from_microsecond(micros).unwrap();
    let days = Period::days("2026-09-01".parse().unwrap(), "2026-10-01".parse().unwrap()).unwrap();
    let plan = |token| {
        let mut prices = NewPrices::default();
        let mut restating =
            ledger.restate(runtime.handle(), days, &mut prices, Some(token)).unwrap();
        restating.release();
        restating
    };
    let (first, second) = (plan("r-1"), plan("r-2"));
    let commit = |restating, at| {
        runtime.block_on(ledger.commit_restatement(restating, at, "person:ada", &json!({})))
    };
    assert_eq!(commit(first, at(20)).unwrap(), 1);
    let error = commit(second, at(30)).unwrap_err().to_string();
    assert_eq!(error, "catalogue");
    let verified = runtime.block_on(ledger.verify()).unwrap();
    assert_eq!(verified.problems, Vec::<String>::new());
    // What the loser wrote is swept like any other file that nobody lists.
    assert_eq!(runtime.block_on(ledger.sweep()).unwrap(), 3);
    // Within an hour there is no telling cost by class.
    let odd = Period::new(at(T0), at(T0 + 1)).unwrap();
    let refused = ledger.restate(runtime.handle(), odd, &mut NewPrices::default(), None);
    assert!(matches!(refused, Err(LedgerError::NotAligned { .. })));
}
