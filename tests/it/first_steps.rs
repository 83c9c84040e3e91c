//! From an empty home to a decided proposal.

use std::fmt::Write as _;

use crate::product::{Home, PASSWORD, fixture};

/// 30 days of calls of one feature; on the last three each call reads four times as much.
pub(crate) fn log() -> String {
    let mut text = String::from(
        "request_id,timestamp,provider,model,input_tokens,cached_tokens,output_tokens,feature,team\n",
    );
    for day in 1..=30 {
        let tokens = if day > 27 { 8000 } else { 2000 };
        for call in 0..40 {
            let _ = writeln!(
                text,
                "r{day}-{call},2026-09-{day:02}T{:02}:10:00Z,openai,gpt-5.1,{},0,{},answers,support",
                call % 24,
                tokens + call % 7,
                300 + (day * 7 + call) % 11,
            );
        }
    }
    text
}

#[test]
fn a_log_becomes_a_priced_owned_explained_decided_answer() {
    journey(&Home::new());
}

#[test]
fn the_same_on_postgresql() {
    if let Some(home) = Home::on_postgresql("first_steps") {
        journey(&home);
    }
}

fn journey(home: &Home) {
    let log = home.file("calls.csv", &log());
    let log = log.display().to_string();
    let imported = home.run(&["--json", "import", &log]).ok().json();
    assert_eq!(imported["accepted"], 1200);
    assert_eq!(imported["unpriced"], serde_json::json!([]));
    let again = home.run(&["--json", "import", &log]).ok().json();
    assert_eq!(again["status"], "already_imported");

    // 1,200 calls at $1.25 and $10 per million tokens, by the built-in book.
    let spend = home.run(&["--json", "spend", "--by", "model", "--period", "all"]).ok().json();
    let input = spend["total"]["input_tokens"].as_i64().unwrap();
    let output = spend["total"]["output_tokens"].as_i64().unwrap();
    let micro_cents = input * 125 + output * 1000;
    let expected = format!("{}.{:08}", micro_cents / 100_000_000, micro_cents % 100_000_000);
    assert_eq!(spend["total"]["cost"], expected.trim_end_matches('0'));
    assert_eq!(spend["owned_ratio"], "1");

    let incidents = home.run(&["--json", "anomalies", "--all"]).ok().json();
    let first = &incidents["anomalies"][0];
    assert_eq!(first["scope"]["feature"], "answers");
    assert_eq!(first["start"], "2026-09-28");
    assert_eq!(first["owner"], "support");
    let id = first["id"].as_str().unwrap();
    let explained = home.run(&["--json", "explain", id]).ok().json();
    assert_eq!(explained["residual"], "0");
    let effects = explained["effects"].as_array().unwrap();
    let largest = effects.iter().max_by(|a, b| {
        let amount = |effect: &serde_json::Value| -> f64 {
            effect["amount"].as_str().unwrap().parse().unwrap()
        };
        amount(a).total_cmp(&amount(b))
    });
    assert_eq!(largest.unwrap()["driver"], "tokens_per_call");
    let evidence = explained["evidence"].as_str().unwrap();
    let bundle = home.run(&["--json", "show", evidence]).ok().json();
    assert_eq!(bundle["question"], "explain");

    let proposed = home
        .run(&["--json", "propose", "budget", "--scope", "feature=answers", "--limit", "40"])
        .ok()
        .json();
    assert_eq!(proposed["is_new"], true);
    let same = home
        .run(&["--json", "propose", "budget", "--scope", "feature=answers", "--limit", "40"])
        .ok()
        .json();
    assert_eq!(same["is_new"], false);
    assert!(home.run(&["inbox"]).ok().out.contains("P-1"));

    // Neither a wrong password nor the lack of one decides anything.
    let person = ["approve", "P-1", "--password-stdin"];
    assert_eq!(home.with_input(&person, "wrong wrong wrong\n").code, 1);
    assert_eq!(home.run(&["approve", "P-1", "--as", "ada"]).code, 1);
    assert!(home.run(&["inbox"]).ok().out.contains("P-1"));
    assert!(home.with_input(&person, PASSWORD).ok().out.contains("approved"));
    let twice = home.with_input(&person, PASSWORD);
    assert_eq!(twice.code, 4, "{}", twice.err);

    assert!(home.run(&["audit", "verify"]).ok().out.contains("every link holds"));
    assert!(home.run(&["ledger", "verify"]).ok().out.contains("all sums agree"));
}

#[test]
fn a_trace_without_ids_and_dates_is_read_once_as_stated() {
    let home = Home::new();
    let trace = fixture("call_trace.jsonl");
    let book = format!("litellm:{}", fixture("prices.json"));
    let set = ["--set", "provider=openai", "--set", "model=example-model"];
    let without_start = home.run(&[&["import", &trace], &set[..]].concat());
    assert_eq!(without_start.code, 1);
    assert!(without_start.err.contains("hint: state the start"), "{}", without_start.err);
    let stated = ["--start", "2026-10-01T00:00:00Z", "--book", &book, "--undated-prices"];
    let args = [&["--json", "import", &trace], &set[..], &stated[..]].concat();
    let imported = home.run(&args).ok().json();
    assert_eq!(imported["rejected"], 0);
    assert_eq!(imported["accepted"], imported["rows"]);
    assert_eq!(home.run(&args).ok().json()["status"], "already_imported");
}

#[test]
fn standard_input_is_a_file_like_any_other() {
    let home = Home::new();
    let args = ["--json", "import", "-", "--source", "calls"];
    assert_eq!(home.with_input(&args, &log()).ok().json()["accepted"], 1200);
    assert_eq!(home.with_input(&args, &log()).ok().json()["status"], "already_imported");
    assert_eq!(std::fs::read_dir(home.path().join("spool")).unwrap().count(), 0);
}
