//! Deliveries of live sources: windows that are replaced, cursors that move.

use super::*;

fn row(id: u64, cost: i128) -> Row {
    Row {
        id: Some(id),
        offset: 0,
        model: 0,
        team: 0,
        input: 10,
        output: 1,
        cost: Some(cost),
        failed: false,
    }
}

/// A delivery of a day's report: what is there afterwards, by level, now and as of an instant.
#[test]
fn a_later_delivery_of_a_window_replaces_the_earlier_one() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path()).await;
        let deliver = async |digest: &str, window: &str, rows: &[Row], known_at: i64| {
            let file = ImportFile {
                source: "usage".into(),
                digest: digest.into(),
                name: window.into(),
                bytes: 1,
                format: "report".into(),
            };
            let mut import = Import::begin(&ledger, file, "spend", 1).await.unwrap();
            let window = DeliveredWindow {
                key: window.into(),
                start_at: T0,
                end_at: T0 + 1,
                content_digest: digest.into(),
                is_open: true,
            };
            let cursor = Some(known_at.to_string());
            import.deliver(Delivery { cursor, window: Some(window), object: None }).await.unwrap();
            import.write(buffer(rows).take()).await.unwrap();
            import.commit(rows.len() as u64, known_at).await.unwrap()
        };
        let month = Period::days("2026-09-01".parse().unwrap(), "2026-10-01".parse().unwrap());
        let total = async |scan: ScanLevel, as_of: Option<i64>| {
            let mut query = SpendQuery::new(month.unwrap(), vec![Measure::Cost, Measure::Calls]);
            query.scan = scan;
            query.as_of = as_of.map(|at| jiff::Timestamp::from_microsecond(at).unwrap());
            let table = ledger.spend(&query).await.unwrap();
            table.rows.first().map_or((0, 0), |row| (row.amount(0).0, row.value(1)))
        };
        // The day grows, is corrected downwards, loses a row; the other day stays as it is.
        deliver("a1", "day a", &[row(1, 100)], 10).await;
        deliver("b1", "day b", &[row(9, 1_000)], 11).await;
        let second = deliver("a2", "day a", &[row(1, 150), row(2, 7)], 20).await;
        assert_eq!((second.batch.rows_accepted, second.batch.rows_duplicate), (2, 0));
        deliver("a3", "day a", &[row(2, 5)], 30).await;
        for scan in [ScanLevel::Coarsest, ScanLevel::Raw] {
            assert_eq!(total(scan, None).await, (1_005, 2));
            assert_eq!(total(scan, Some(25)).await, (1_157, 3));
            assert_eq!(total(scan, Some(12)).await, (1_100, 2));
        }
        let verified = ledger.verify().await.unwrap();
        assert_eq!((verified.problems, verified.batches), (Vec::<String>::new(), 2));
        assert_eq!(ledger.sweep().await.unwrap(), 0);
        let db = ledger.database();
        assert_eq!(db.cursor("usage").await.unwrap().as_deref(), Some("30"));
        let windows = db.windows("usage").await.unwrap();
        assert_eq!(windows["day a"].window.content_digest, "a3");
        assert_eq!(windows.len(), 2);
    });
}

/// An overlap that brings nothing new is no batch; its cursor moves all the same.
#[test]
fn an_overlap_without_news_only_moves_the_cursor() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path()).await;
        let row = row(1, 1);
        for (digest, cursor) in [("d1", "1"), ("d2", "2"), ("d1", "3")] {
            let file = ImportFile {
                source: "gateway".into(),
                digest: digest.into(),
                name: digest.into(),
                bytes: 1,
                format: "f".into(),
            };
            let mut import = Import::begin(&ledger, file, "spend", 1).await.unwrap();
            let cursor = Some(cursor.to_owned());
            import
                .deliver(Delivery { cursor: cursor.clone(), window: None, object: None })
                .await
                .unwrap();
            import.write(buffer(std::slice::from_ref(&row)).take()).await.unwrap();
            import.commit(1, 1).await.unwrap();
            assert_eq!(ledger.database().cursor("gateway").await.unwrap(), cursor);
        }
        assert_eq!(ledger.database().batches().await.unwrap().len(), 1);
    });
}

/// Bodies that are posted at once are imports into one source at once, on few threads.
#[test]
fn imports_that_wait_for_their_turn_do_not_hold_up_the_one_whose_turn_it_is() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path()).await;
        let rows = [[row(1, 1)], [row(2, 2)], [row(3, 3)]];
        let (one, two, three) = tokio::join!(
            import(&ledger, "d1", &rows[0], 1),
            import(&ledger, "d2", &rows[1], 2),
            import(&ledger, "d3", &rows[2], 3),
        );
        assert_eq!([one, two, three].map(|report| report.batch.rows_accepted), [1, 1, 1]);
    });
}
