//! Ledger against invoice, from files and from a home; closing a period.

use std::fmt::Write as _;

use crate::product::Home;

const INVOICE_HEADER: &str = "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,\
ChargeCategory,ChargePeriodStart,ChargePeriodEnd,ServiceProviderName,ServiceName,ServiceCategory,\
SkuMeter,x_ModelId,ConsumedQuantity,ConsumedUnit\n";

/// One row of an invoice for gpt-5.1 on a day of October 2026.
fn row(day: u32, meter: &str, quantity: u64, cost: &str) -> String {
    format!(
        "{cost},{cost},{cost},{cost},USD,Usage,2026-10-{day:02}T00:00:00Z,\
         2026-10-{:02}T00:00:00Z,OpenAI,OpenAI API,AI and Machine Learning,{meter},gpt-5.1,\
         {quantity},Tokens\n",
        day + 1
    )
}

/// A priced call of 1,000 input and 100 output tokens at $1.25 and $10 per million.
fn call(id: &str, at: &str, extra: &str) -> String {
    format!(
        "{{\"id\":\"{id}\",\"provider\":\"openai\",\"model\":\"gpt-5.1\",\"at\":\"{at}\",\
         \"usage\":{{\"input_tokens_total\":1000,\"output_tokens_total\":100}},\
         \"cost\":\"0.00225\",\"currency\":\"USD\"{extra}}}\n"
    )
}

#[test]
fn two_files_need_no_home_and_say_why_they_differ() {
    let home = Home::new();
    let mut ledger = call("a", "2026-10-05T10:00:00Z", "");
    ledger += &call("b", "2026-10-05T11:00:00Z", ",\"aborted\":true");
    ledger += &call("c", "2026-10-06T11:00:00Z", "");
    let ledger = home.file("ledger.jsonl", &ledger);
    // The aborted call is not billed; on the 6th another 500 and 50 tokens are; then there is tax.
    let mut invoice = INVOICE_HEADER.to_owned();
    invoice += &row(5, "Input Tokens", 1000, "0.00125");
    invoice += &row(5, "Output Tokens", 100, "0.001");
    invoice += &row(6, "Input Tokens", 1500, "0.001875");
    invoice += &row(6, "Output Tokens", 150, "0.0015");
    invoice += "0.5,0.5,0.5,0.5,USD,Tax,2026-10-05T00:00:00Z,2026-10-06T00:00:00Z,OpenAI,OpenAI API,\
                AI and Machine Learning,,,,\n";
    let invoice = home.file("invoice.csv", &invoice);
    let (ledger, invoice) = (ledger.display().to_string(), invoice.display().to_string());
    let args = ["--json", "reconcile", "--ledger", &ledger, "--invoice", &invoice];
    let answer = home.run(&args).ok();
    assert_eq!(answer.out, home.run(&args).ok().out, "the same input gives the same bytes");
    let answer = answer.json();
    assert_eq!(answer["ledger"], "0.00675");
    assert_eq!(answer["invoice"], "0.505625");
    assert_eq!(answer["gap"], "0.498875");
    let causes: Vec<(&str, &str)> = answer["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cause| (cause["cause"].as_str().unwrap(), cause["amount"].as_str().unwrap()))
        .collect();
    assert_eq!(
        causes,
        [("missing_calls", "0.001125"), ("aborted_stream", "-0.00225"), ("fees_and_tax", "0.5")]
    );
    assert_eq!(answer["unexplained"], "0");
    assert_eq!(answer["finding"], serde_json::Value::Null);
    let table = home.run(&["reconcile", "--ledger", &ledger, "--invoice", &invoice]).ok().out;
    assert!(table.contains("exactly 0.498875") && table.contains("aborted streams"), "{table}");
}

#[test]
fn a_bad_line_is_kept_with_its_reason_and_the_rest_goes_on() {
    let home = Home::new();
    let ledger =
        format!("{}not json\n{{\"provider\":\"openai\"}}\n", call("a", "2026-10-05T10:00:00Z", ""));
    let ledger = home.file("ledger.jsonl", &ledger).display().to_string();
    let invoice = format!("{INVOICE_HEADER}{}", row(5, "Input Tokens", 1000, "0.00125"));
    let invoice = home.file("invoice.csv", &invoice).display().to_string();
    let ran = home.run(&["--json", "reconcile", "--ledger", &ledger, "--invoice", &invoice]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    let answer = ran.json();
    assert_eq!(answer["rejected"]["count"], 2);
    assert_eq!(answer["rejected"]["rows"][0]["row"], 2);
    assert_eq!(answer["calls"], 1);
    // Output alone is not billed, and nothing in the data says why.
    assert_eq!(answer["unexplained"], "-0.001");
    assert_eq!(answer["finding"]["kind"], "unexplained_gap");
    for (args, code) in [
        (["--period", "2026-13"], 2),
        (["--rate", "USD=1"], 2),
        (["--book", "no-such-book.toml"], 1),
    ] {
        let mut all = vec!["reconcile", "--ledger", &ledger, "--invoice", &invoice];
        all.extend(args);
        let ran = home.run(&all);
        assert_eq!(ran.code, code, "{args:?}: {}", ran.err);
        assert!(ran.err.starts_with("error: ") && ran.err.contains("hint: "), "{}", ran.err);
    }
}

#[test]
fn a_home_is_compared_with_its_invoices_and_its_periods_are_closed() {
    let home = Home::new();
    let log = |name: &str, day: u32, calls: u32| {
        let mut text =
            "request_id,timestamp,provider,model,input_tokens,output_tokens\n".to_owned();
        for number in 0..calls {
            let _ = writeln!(
                text,
                "{name}-{day}-{number},2026-09-{day:02}T{:02}:10:00Z,openai,gpt-5.1,1000,100",
                number % 24
            );
        }
        home.file(&format!("{name}-{day}.csv"), &text).display().to_string()
    };
    home.run(&["import", &log("first", 10, 30)]).ok();
    // 31 calls are billed.
    let mut invoice = INVOICE_HEADER.to_owned();
    for (meter, quantity, cost) in
        [("Input Tokens", 31_000, "0.03875"), ("Output Tokens", 3_100, "0.031")]
    {
        invoice += &row(10, meter, quantity, cost).replace("2026-10-", "2026-09-");
    }
    let invoice = home.file("invoice.csv", &invoice).display().to_string();
    home.run(&["import", "--invoice", &invoice]).ok();
    let spend = home.run(&["--json", "spend", "--period", "all"]).ok().json();
    assert_eq!(spend["total"]["cost"], "0.0675", "an invoice counts in no total");
    let answer = home.run(&["--json", "reconcile", "--period", "2026-09"]).ok().json();
    assert_eq!(answer["gap"], "0.00225");
    assert_eq!(answer["causes"][0]["cause"], "missing_calls");
    assert_eq!(answer["causes"][0]["amount"], "0.00225");

    let closed = home.run(&["--json", "reconcile", "close", "--period", "2026-09"]).ok().json();
    let digest = closed["digest"].as_str().unwrap().to_owned();
    assert_eq!(digest.len(), 64);
    assert_eq!(closed["totals"][0]["cost"], "0.0675");
    assert_eq!(home.run(&["reconcile", "close", "--period", "2026-09"]).code, 1);
    let status = || home.run(&["--json", "reconcile", "status"]).ok().json()["periods"][0].clone();
    assert_eq!(status()["restatements"], serde_json::json!([]));

    // Two more calls of the closed month, and one of another month.
    home.run(&["import", &log("late", 20, 2)]).ok();
    let later = status();
    assert_eq!(later["digest"], digest.as_str());
    assert_eq!(later["is_intact"], true);
    assert_eq!(later["totals"][0]["cost"], "0.0675");
    let restatement = &later["restatements"][0];
    assert_eq!(restatement["changes"][0]["cost"], "0.0045");
    assert_eq!(restatement["changes"][0]["calls"], 2);
    let log = home.run(&["audit", "export"]).ok().out;
    assert_eq!(log.matches("period.closed").count(), 1, "{log}");
    assert_eq!(log.matches("period.restated").count(), 1, "{log}");
    home.run(&["audit", "verify"]).ok();
}
