//! Bills and logs in a folder, synced through the binary. Buckets: tests/independent/object_stores.py.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::product::{Home, Ran};

fn testdata(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/centinel-ingest/testdata");
    std::fs::read(folder.join(name)).unwrap()
}

/// A home with a source of objects, and the folder that it is kept in step with.
fn synced_folder(more: &[&str]) -> (Home, PathBuf) {
    let home = Home::new();
    let folder = home.path().parent().unwrap().join("bucket");
    std::fs::create_dir_all(&folder).unwrap();
    let place = format!("file://{}", folder.display());
    let add = ["sources", "add", "objects", "--name", "bucket", "--base-url", &place];
    home.run(&[&add[..], more].concat()).ok();
    (home, folder)
}

fn put(folder: &Path, key: &str, content: &[u8]) {
    let path = folder.join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

fn sync(home: &Home) -> (Ran, Value) {
    let ran = home.run(&["--json", "sources", "sync"]);
    let synced = ran.json()["synced"][0].clone();
    (ran, synced)
}

/// What is billed and called, of all time.
fn total(home: &Home) -> Value {
    let arguments = ["--json", "spend", "--by", "service", "--from", "2020-01-01"];
    let spend = home.run(&[&arguments[..], &["--until", "2030-01-01"]].concat()).ok().json();
    json!([spend["total"]["billed_cost"], spend["total"]["calls"]])
}

/// AWS's bill without its damaged last row, with so many rows.
fn bill(rows: usize) -> Vec<u8> {
    let text = String::from_utf8(testdata("aws_cur_2_0.csv")).unwrap();
    let lines: Vec<&str> = text.lines().take(rows + 1).collect();
    format!("{}\n", lines.join("\n")).into_bytes()
}

#[test]
fn a_folder_is_tried_out_and_synced_and_a_later_run_of_a_month_takes_its_place() {
    let (home, folder) = synced_folder(&[]);
    let month = "export/data/BILLING_PERIOD=2026-11";
    put(&folder, &format!("{month}/run-a/1.csv"), &bill(3));
    put(&folder, &format!("{month}/run-a/export-Manifest.json"), b"{}");
    let tested = home.run(&["sources", "test", "bucket"]).ok();
    assert!(tested.out.contains("is AWS Cost and Usage Report; 3 rows read"), "{}", tested.out);
    let listed = home.run(&["--json", "sources"]).ok().json();
    assert_eq!(listed["sources"][0]["rows_accepted"], 0, "a test keeps nothing");

    let (ran, synced) = sync(&home);
    assert_eq!((ran.code, &synced["accepted"]), (0, &json!(3)), "{synced}");
    assert_eq!(synced["objects"]["not_data"], 1, "{synced}");
    let first = total(&home);
    let (_, synced) = sync(&home);
    assert_eq!(synced["objects"]["unchanged"], 1, "{synced}");
    assert_eq!(total(&home), first);

    put(&folder, &format!("{month}/run-b/1.csv"), &bill(7));
    let (_, synced) = sync(&home);
    assert_eq!((&synced["accepted"], &synced["objects"]["superseded"]), (&json!(7), &json!(1)));
    let alone = Home::new();
    let file = alone.file("bill.csv", &String::from_utf8(bill(7)).unwrap());
    alone.run(&["import", file.to_str().unwrap()]).ok();
    assert_eq!(total(&home), total(&alone));
    // Back to what it was: the earlier run is written again.
    put(&folder, &format!("{month}/run-a/1.csv"), &bill(3));
    sync(&home);
    assert_eq!(total(&home), first);
    home.run(&["ledger", "verify"]).ok();
    assert_eq!(home.run(&["--json", "sources"]).ok().json()["sources"][0]["kind"], "objects");
}

/// Without a folder of a period, days that are there twice are refused, or replaced where that is said.
#[test]
fn snapshots_beside_each_other_are_refused_or_replaced() {
    for (more, code, rows) in [(&[][..], 3, 3), (&["--option", "on_overlap=replace"], 0, 7)] {
        let (home, folder) = synced_folder(more);
        put(&folder, "bills/2026-11-05.csv", &bill(3));
        sync(&home);
        put(&folder, "bills/2026-11-06.csv", &bill(7));
        let (ran, synced) = sync(&home);
        assert_eq!(ran.code, code, "{synced}");
        let alone = Home::new();
        let file = alone.file("bill.csv", &String::from_utf8(bill(rows)).unwrap());
        alone.run(&["import", file.to_str().unwrap()]).ok();
        assert_eq!(total(&home), total(&alone), "{synced}");
        let findings = home.run(&["sources"]).ok().out;
        let is_told = findings.contains("1 objects could not be read; `bills/2026-11-06.csv`");
        assert_eq!(is_told, code == 3, "{findings}");
    }
}

#[test]
fn files_of_other_kinds_and_copies_are_passed_over() {
    let (home, folder) = synced_folder(&["--option", "format=bedrock"]);
    put(&folder, "a/bill.csv", &bill(3));
    put(&folder, "a/log.json", &testdata("bedrock/invocations.ndjson"));
    put(&folder, "b/copy.json", &testdata("bedrock/invocations.ndjson"));
    put(&folder, "b/notes.csv", b"a note,another\nx,y\n");
    let (ran, synced) = sync(&home);
    let counts = &synced["objects"];
    let found = [&counts["listed"], &counts["imported"], &counts["passed_over"]];
    assert_eq!(found, [&json!(4), &json!(1), &json!(3)], "{synced}");
    // The log has rows that are rejected.
    assert_eq!((ran.code, &synced["accepted"]), (3, &json!(4)), "{synced}");
    assert_eq!(sync(&home).1["objects"]["unchanged"], 4);
}
