//! The ledger against a naive reference: same rows, same sums, whatever the grain.

use std::collections::BTreeMap;

use centinel_engine::{
    focus::{Charge, ChargeCategory},
    money::{Currency, Decimal, Pico},
    period::{DAY_MICROS, Grain, HOUR_MICROS, Period, day_index},
    series::{Dimension, Labels},
    usage::{BookedCost, Call, CallStatus, CostClass, UsageClass},
};
use centinel_store::Database;
use jiff::Timestamp;
use proptest::prelude::*;

use crate::*;

mod delivery;
mod restate;

const T0: i64 = 1_790_000_000_000_000;

#[derive(Debug, Clone)]
struct Row {
    id: Option<u64>,
    offset: i64,
    model: usize,
    team: usize,
    input: u64,
    output: u64,
    cost: Option<i128>,
    failed: bool,
}

impl Row {
    /// Rows of one team are sums, as in a provider's usage report.
    fn calls(&self) -> u64 {
        if self.team == 1 { 1 + self.output % 7 } else { 1 }
    }
}

fn row() -> impl Strategy<Value = Row> {
    (
        proptest::option::weighted(0.9, 0_u64..400),
        0_i64..5 * DAY_MICROS,
        0_usize..4,
        0_usize..3,
        0_u64..100_000,
        0_u64..5_000,
        proptest::option::weighted(0.9, 0_i128..2_000_000_000_000_000_000),
        any::<bool>(),
    )
        .prop_map(|(id, offset, model, team, input, output, cost, failed)| Row {
            id,
            offset,
            model,
            team,
            input,
            output,
            cost,
            failed,
        })
}

fn labels(source: &str, row: &Row) -> Labels {
    let mut labels = Labels::default();
    labels.set(Dimension::Source, source);
    labels.set(Dimension::Currency, "USD");
    labels.set(Dimension::Model, ["gpt", "claude", "gemini", "nova"][row.model]);
    labels.set(Dimension::Team, ["search", "support", ""][row.team]);
    labels
}

fn buffer(rows: &[Row]) -> RowBuffer {
    let mut buffer = RowBuffer::default();
    for row in rows {
        let mut call = Call::new(Timestamp::from_microsecond(T0 + row.offset).unwrap());
        call.call_id = row.id.map(|id| format!("call-{id}"));
        call.usage.set(UsageClass::InputTokensTotal, row.input);
        call.usage.set(UsageClass::OutputTokensTotal, row.output);
        call.calls = row.calls();
        call.status = if row.failed { CallStatus::Error } else { CallStatus::Ok };
        let booked = row.cost.map(|cost| BookedCost {
            amount: Pico(cost),
            remainder_quecto: 7,
            by_class: [Pico(cost - cost / 3), Pico(0), Pico(0), Pico(cost / 3), Pico(0)],
            price: 3,
        });
        let (series, _) = buffer.series(&labels("gateway", row));
        buffer.push_call(series, &call, booked.as_ref());
    }
    buffer
}

async fn import(ledger: &Ledger, digest: &str, rows: &[Row], known_at: i64) -> ImportReport {
    import_of(ledger, "gateway", digest, rows, known_at).await
}

async fn import_of(
    ledger: &Ledger,
    source: &str,
    digest: &str,
    rows: &[Row],
    known_at: i64,
) -> ImportReport {
    let nonce = known_at.cast_unsigned();
    let file = ImportFile {
        source: source.into(),
        digest: digest.into(),
        name: format!("{digest}.csv"),
        bytes: 1,
        format: "call_log_csv".into(),
    };
    let mut import = Import::begin(ledger, file, "spend", nonce).await.unwrap();
    import.write(buffer(rows).take()).await.unwrap();
    import.commit(rows.len() as u64, known_at).await.unwrap()
}

async fn ledger(folder: &std::path::Path) -> Ledger {
    Ledger::open(Database::in_memory().await.unwrap(), folder).unwrap()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Sums by model and team of rows that are new by id, with a start inside the period, by slice.
fn naive(rows: &[Row], period: Period, unit: i64) -> BTreeMap<(String, String, i64), [i128; 4]> {
    let mut seen = std::collections::BTreeSet::new();
    let mut sums: BTreeMap<_, [i128; 4]> = BTreeMap::new();
    for row in rows {
        if row.id.is_some_and(|id| !seen.insert(id)) {
            continue;
        }
        let at = T0 + row.offset;
        if at < period.start_micros() || at >= period.end_micros() {
            continue;
        }
        let labels = labels("gateway", row);
        let text = |dimension| labels.get(&dimension).unwrap_or_default().to_owned();
        let key = (text(Dimension::Model), text(Dimension::Team), at - at.rem_euclid(unit));
        let sum = sums.entry(key).or_default();
        sum[0] += row.cost.unwrap_or(0);
        sum[1] += i128::from(row.calls());
        sum[2] += i128::from(row.input);
        sum[3] += i128::from(row.cost.is_none());
    }
    sums
}

fn answered(table: &SpendTable) -> BTreeMap<(String, String, i64), [i128; 4]> {
    table
        .rows
        .iter()
        .map(|row| {
            let text = |index: usize| row.group[index].clone().unwrap_or_default();
            let at = row.at.unwrap().as_microsecond();
            ((text(0), text(1), at), row.values.clone().try_into().unwrap())
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn every_grain_gives_the_naive_sums(
        first in proptest::collection::vec(row(), 1..300),
        second in proptest::collection::vec(row(), 0..300),
        from in 0_i64..60, hours in 1_i64..80, shift in 0_i64..2,
    ) {
        run(async {
            let folder = tempfile::tempdir().unwrap();
            let ledger = ledger(folder.path()).await;
            import(&ledger, "a", &first, 1).await;
            let report = import(&ledger, "b", &second, 2).await;
            prop_assert_eq!(
                report.batch.rows_accepted + report.batch.rows_duplicate,
                i64::try_from(second.len()).unwrap()
            );
            let verification = ledger.verify().await.unwrap();
            prop_assert_eq!(verification.problems, Vec::<String>::new());
            let all = [first, second].concat();
            let ever = Period::new(
                Timestamp::from_microsecond(T0 - T0.rem_euclid(DAY_MICROS)).unwrap(),
                Timestamp::from_microsecond(T0 - T0.rem_euclid(DAY_MICROS) + 7 * DAY_MICROS).unwrap(),
            ).unwrap();
            let inputs = ledger
                .distribution(&SpendQuery::new(ever, Vec::new()), Distribution::InputTokens)
                .await
                .unwrap();
            let mut sketch = centinel_engine::series::Sketch::default();
            let mut seen = std::collections::BTreeSet::new();
            for row in all.iter().filter(|row| row.id.is_none_or(|id| seen.insert(id))) {
                if row.calls() == 1 {
                    sketch.add(row.input);
                }
            }
            let found = inputs.first().map(|row| row.sketch.clone()).unwrap_or_default();
            prop_assert_eq!(&found, &sketch);
            let hour = T0 - T0.rem_euclid(HOUR_MICROS) + from * HOUR_MICROS;
            let at = |micros| Timestamp::from_microsecond(micros).unwrap();
            // On the hour, or half an hour past it: then only raw rows can answer.
            let start = hour + shift * HOUR_MICROS / 2;
            let period = Period::new(at(start), at(start + hours * HOUR_MICROS)).unwrap();
            let day = Period::new(
                at(start - start.rem_euclid(DAY_MICROS)),
                at(start - start.rem_euclid(DAY_MICROS) + 3 * DAY_MICROS),
            ).unwrap();
            let measures = vec![
                Measure::Cost, Measure::Calls, Measure::Usage(UsageClass::InputTokensTotal), Measure::UnpricedCalls,
            ];
            for (period, grain, unit) in [
                (period, Grain::Hour, HOUR_MICROS), (period, Grain::Day, DAY_MICROS), (day, Grain::Day, DAY_MICROS),
            ] {
                let expected = naive(&all, period, unit);
                for scan in [ScanLevel::Coarsest, ScanLevel::Raw] {
                    let mut query = SpendQuery::new(period, measures.clone())
                        .by([Dimension::Model, Dimension::Team])
                        .every(grain);
                    query.scan = scan;
                    let table = ledger.spend(&query).await.unwrap();
                    prop_assert_eq!(answered(&table), expected.clone(), "{:?} {:?}", grain, scan);
                }
            }
            Ok(())
        })?;
    }
}

#[test]
fn a_known_file_changes_nothing() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path()).await;
        let rows: Vec<Row> = (0..50)
            .map(|n| Row {
                id: None,
                offset: n * HOUR_MICROS,
                model: 0,
                team: 0,
                input: 1,
                output: 1,
                cost: Some(5),
                failed: false,
            })
            .collect();
        let first = import(&ledger, "a", &rows, 1).await;
        let files = || std::fs::read_dir(folder.path().join("segments")).unwrap().count();
        let before = files();
        let again = import(&ledger, "a", &rows, 9).await;
        assert!(!first.already_known && again.already_known);
        assert_eq!(again.batch, first.batch);
        assert_eq!(files(), before);
        // A flipped byte and a missing file are found.
        let mut names = ledger.database().segment_names().await.unwrap();
        names.sort();
        let path = folder.path().join("segments").join(&names[0]);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        std::fs::remove_file(folder.path().join("segments").join(&names[1])).unwrap();
        assert!(ledger.verify().await.unwrap().problems.len() >= 2);
        assert_eq!(first.batch.rows_accepted, 50);
    });
}

#[test]
fn an_import_without_commit_leaves_nothing() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path()).await;
        let rows = vec![Row {
            id: Some(1),
            offset: 0,
            model: 0,
            team: 0,
            input: 1,
            output: 1,
            cost: Some(5),
            failed: false,
        }];
        let file = ImportFile {
            source: "gateway".into(),
            digest: "x".into(),
            name: "x".into(),
            bytes: 1,
            format: "f".into(),
        };
        let mut open = Import::begin(&ledger, file, "spend", 1).await.unwrap();
        open.write(buffer(&rows).take()).await.unwrap();
        assert_eq!(ledger.sweep().await.unwrap(), 0, "an import is under way");
        drop(open);
        assert_eq!(ledger.sweep().await.unwrap(), 3);
        let query = SpendQuery::new(
            Period::new(Timestamp::UNIX_EPOCH, Timestamp::from_microsecond(T0 * 2).unwrap())
                .unwrap(),
            vec![Measure::Cost],
        );
        assert_eq!(ledger.spend(&query).await.unwrap().rows, []);
    });
}

#[test]
fn charges_keep_digits_and_currencies_apart() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path()).await;
        let start = Timestamp::from_microsecond(T0 - T0.rem_euclid(DAY_MICROS)).unwrap();
        let end = Timestamp::from_microsecond(start.as_microsecond() + DAY_MICROS).unwrap();
        let period = Period::new(start, end).unwrap();
        let mut buffer = RowBuffer::default();
        for (currency, cost) in [
            ("USD", "0.00000080000"),
            ("EUR", "2500000"),
            ("USD", "-1.5"),
            ("USD", "0.0000000000005"),
        ] {
            let mut labels = Labels::default();
            labels.set(Dimension::Source, "bill");
            labels.set(Dimension::Currency, currency);
            let cost: Decimal = cost.parse().unwrap();
            let charge = Charge {
                labels: labels.clone(),
                billed_cost: cost,
                effective_cost: cost,
                ..Charge::new(period, ChargeCategory::Usage, Currency::USD)
            };
            let (series, _) = buffer.series(&labels);
            buffer.push_charge(series, &charge).unwrap();
            let huge = Charge { effective_cost: "1e25".parse().unwrap(), ..charge };
            assert!(buffer.push_charge(series, &huge).is_err());
        }
        let file = ImportFile {
            source: "bill".into(),
            digest: "x".into(),
            name: "x".into(),
            bytes: 1,
            format: "f".into(),
        };
        let mut import = Import::begin(&ledger, file, "spend", 1).await.unwrap();
        import.write(buffer.take()).await.unwrap();
        let report = import.commit(4, 1).await.unwrap();
        assert_eq!(report.batch.rows_accepted, 4);
        for scan in [ScanLevel::Coarsest, ScanLevel::Raw] {
            let mut query = SpendQuery::new(period, vec![Measure::Cost, Measure::Charges]);
            query.scan = scan;
            let table = ledger.spend(&query).await.unwrap();
            let rows: Vec<_> = table
                .rows
                .iter()
                .map(|row| (row.currency.clone().unwrap(), row.amount(0).to_string(), row.value(1)))
                .collect();
            assert_eq!(
                rows,
                [("EUR".into(), "2500000".into(), 1), ("USD".into(), "-1.4999992".into(), 3)]
            );
        }
        assert_eq!(day_index(T0), day_index(period.start_micros()));
        assert_eq!(CostClass::ALL.len(), CostClass::COUNT);
    });
}

/// Whatever is asked: what is not seen is in no answer, and what is seen is as in a ledger of its own.
#[test]
fn a_lens_is_as_if_nothing_else_were_there() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let whole = ledger(folder.path()).await;
        let rows: Vec<Row> = (0..60_u8)
            .map(|number| Row {
                id: None,
                offset: i64::from(number) * 1_800_000_000,
                model: usize::from(number % 4),
                team: usize::from(number % 3),
                input: 1000 + u64::from(number),
                output: 10,
                cost: (number % 5 > 0).then_some(1_000_000_007 * i128::from(number)),
                failed: number % 7 == 0,
            })
            .collect();
        import(&whole, "all", &rows, 1).await;
        let own_folder = tempfile::tempdir().unwrap();
        let alone = ledger(own_folder.path()).await;
        let own: Vec<Row> = rows.iter().filter(|row| row.team == 0).cloned().collect();
        import(&alone, "own", &own, 1).await;
        let lens = whole.seen_through(|key| key.get(&Dimension::Team) == Some("search"));
        assert!(whole.is_whole() && !lens.is_whole());

        let first_day = T0 - T0.rem_euclid(DAY_MICROS);
        let at = |micros| Timestamp::from_microsecond(micros).unwrap();
        let days = Period::new(at(first_day), at(first_day + 3 * DAY_MICROS)).unwrap();
        let measures = [Measure::Cost, Measure::Calls, Measure::UnpricedCalls, Measure::Errors];
        for query in [
            SpendQuery::new(days, measures.to_vec()),
            SpendQuery::new(days, measures.to_vec()).by([Dimension::Model, Dimension::Team]),
            SpendQuery::new(days, measures.to_vec()).by([Dimension::Model]).every(Grain::Hour),
            SpendQuery::new(days, measures.to_vec()).only(Dimension::Team, ["support", ""]),
            SpendQuery::new(days, measures.to_vec())
                .by_class(|key| key.get(&Dimension::Team).map(str::to_owned)),
        ] {
            let (seen, own) =
                (lens.spend(&query).await.unwrap(), alone.spend(&query).await.unwrap());
            assert_eq!(seen.rows, own.rows);
            let of = crate::Distribution::InputTokens;
            let seen = lens.distribution(&query, of).await.unwrap();
            assert_eq!(seen, alone.distribution(&query, of).await.unwrap());
        }
        let sums = |ledger: &Ledger| {
            let ledger = ledger.clone();
            async move {
                let sums = ledger.call_sums(None).await.unwrap();
                // Series have other numbers in another ledger.
                sums.iter().map(|sum| format!("{sum:?}")).collect::<std::collections::BTreeSet<_>>()
            }
        };
        assert_eq!(sums(&lens).await, sums(&alone).await);
        assert!(sums(&whole).await.len() > sums(&lens).await.len());

        let only = |team: &str| {
            vec![crate::Condition { dimension: Dimension::Team, any_of: [team.to_owned()].into() }]
        };
        let gpt =
            crate::Condition { dimension: Dimension::Model, any_of: ["gpt".to_owned()].into() };
        let questions = [only("search"), only("support"), vec![], vec![gpt], only("nobody")];
        let expected = [Seen::All, Seen::Nothing, Seen::Part, Seen::Part, Seen::Nothing];
        assert_eq!(lens.seen(&questions).await.unwrap(), expected);
        assert!(lens.hides(&[]).await.unwrap() && !lens.hides(&only("search")).await.unwrap());
        assert!(!whole.hides(&[]).await.unwrap());
        let both = lens.seen_through(|_| true);
        assert_eq!(both.seen(&questions).await.unwrap(), lens.seen(&questions).await.unwrap());
    });
}

#[test]
fn own_calls_do_not_move_the_end_of_the_data() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path()).await;
        let call = |id, offset| Row {
            id: Some(id),
            offset,
            model: 0,
            team: 0,
            input: 1,
            output: 1,
            cost: Some(1),
            failed: false,
        };
        let at = |offset| Timestamp::from_microsecond(T0 + offset).unwrap();
        let span = async || ledger.span().await.unwrap();
        assert_eq!(span().await, None);
        import_of(&ledger, crate::OWN_SOURCE, "own", &[call(1, 900)], 1).await;
        assert_eq!(span().await, Some((at(900), at(900))));
        import(&ledger, "a", &[call(2, 10), call(3, 20)], 2).await;
        assert_eq!(span().await, Some((at(10), at(20))));
        assert_eq!(ledger.extent_as_of(None).await.unwrap(), Some((at(10), at(900))));
        let before = Timestamp::from_microsecond(1).unwrap();
        assert_eq!(ledger.span_as_of(Some(before)).await.unwrap(), Some((at(900), at(900))));
    });
}
