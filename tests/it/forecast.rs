//! What a month will cost: of a home and of a table, on the first screen and over MCP; where a change is.

use std::fmt::Write as _;

use centinel_engine::money::Decimal;
use serde_json::{Value, json};

use crate::product::Home;

/// Calls of two models and two features over days from 2026-06-01 on, fewer at weekends; a third model
/// has no price.
fn calls(days: i64) -> String {
    let mut text = "at,provider,model,input_tokens,output_tokens,feature\n".to_owned();
    let mut noise = 7_u64;
    for day in 0..days {
        let date = jiff::civil::date(2026, 6, 1).saturating_add(jiff::Span::new().days(day));
        for (model, feature) in [("gpt-4o", "search"), ("gpt-4o", "chat"), ("gpt-4.1", "chat")] {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let tokens = 900_000 + (noise >> 40) % 100_000;
            let tokens = if day % 7 >= 5 { tokens / 2 } else { tokens };
            let at = format!("{date}T09:00:00Z");
            writeln!(text, "{at},openai,{model},{tokens},{},{feature}", tokens / 20).unwrap();
        }
        writeln!(text, "{date}T09:00:00Z,openai,house-model,1000,10,chat").unwrap();
    }
    text
}

/// A home with 80 days of calls, to 2026-08-19.
fn home() -> Home {
    let home = Home::new();
    let file = home.file("calls.csv", &calls(80));
    home.run(&["import", file.to_str().unwrap()]).ok();
    home
}

fn decimal(value: &Value) -> Decimal {
    value.as_str().unwrap_or_else(|| panic!("{value}")).parse().unwrap()
}

fn sum<'a>(values: impl Iterator<Item = &'a Value>) -> Decimal {
    values.fold(Decimal::ZERO, |sum, value| sum.checked_add(decimal(value)).unwrap())
}

#[test]
fn the_month_of_a_home_is_one_figure_everywhere() {
    let home = home();
    let ask = |args: &[&str]| home.run(&[&["forecast", "--json"], args].concat()).ok().json();
    let month = ask(&[]);
    let total = &month["total"];
    assert_eq!((&month["as_of"], &month["currency"]), (&json!("2026-08-20"), &json!("USD")));
    assert_eq!(month["period"]["start"], "2026-08-01T00:00:00Z");
    // What was seen is what was spent.
    let spent = ["spend", "--json", "--from", "2026-08-01", "--until", "2026-08-20"];
    assert_eq!(home.run(&spent).ok().json()["total"]["cost"], total["seen"]);
    // 31 days at the level that there is: three calls of about 0.95 M and 0.05 M tokens, 5 of 7 days.
    let expected = decimal(&total["period_total"]).to_f64();
    assert!((expected / (decimal(&total["seen"]).to_f64() / 19.0 * 31.0) - 1.0).abs() < 0.06);
    let band = |line: &Value, name: &str| decimal(&line[name]).to_f64();
    assert!(band(total, "low_95") < band(total, "low_80"));
    assert!(band(total, "low_80") < expected && expected < band(total, "high_80"));
    assert_eq!(total["unpriced_calls"], 28, "what is unpriced is said");

    // By another dimension the total stays, and lines add up to it to the last digit.
    for by in ["feature", "model", "owner"] {
        let other = ask(&["--by", by]);
        assert_eq!(other["total"], *total, "{by}");
        let lines = other["lines"].as_array().unwrap();
        let known = lines.iter().map(|line| &line["period_total"]).filter(|sum| !sum.is_null());
        assert_eq!(sum(known), decimal(&total["period_total"]), "{by}");
    }
    let models = ask(&["--by", "model"]);
    let house = models["lines"].as_array().unwrap().iter().find(|l| l["series"] == "house-model");
    let house = house.unwrap();
    assert_eq!((&house["period_total"], &house["method"]), (&Value::Null, &json!("no_history")));

    // The first screen, the server's report and MCP say the same.
    let report = home.run(&["report", "--json"]).ok().json();
    assert_eq!(report["forecast"]["total"]["period_total"], total["period_total"]);
    assert_eq!(report["forecast"]["total"]["low_80"], total["low_80"]);
    let screen = home.run(&["report"]).ok().out;
    let line = screen.lines().find(|line| line.starts_with("Forecast, Aug")).unwrap();
    assert!(line.contains("80 %: ") && line.contains("seen to 19 August"), "{line}");
    assert!(line.contains("calls without a price are not in it"), "{line}");
    let answer = over_mcp(&home, &json!({"group_by": "feature", "amount": "1"}));
    assert_eq!(answer["total"]["expected"], total["period_total"]);
    assert_eq!(
        (&answer["probability_above"], &answer["reached_on"]),
        (&json!("1"), &json!("2026-08-01"))
    );
    assert_eq!(answer["coverage"]["unpriced_calls"], 28);
}

/// What the tool answers over standard input and output.
fn over_mcp(home: &Home, arguments: &Value) -> Value {
    let lines = [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"}}}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
            "name": "forecast", "arguments": arguments}}),
    ];
    let input = lines.map(|line| line.to_string()).join("\n") + "\n";
    let ran = home.with_input(&["mcp"], &input).ok();
    let answers: Vec<Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answer = answers.iter().find(|answer| answer["id"] == 2).unwrap();
    answer["result"]["structuredContent"].clone()
}

#[test]
fn days_weeks_quarters_and_amounts() {
    let home = home();
    let ask = |args: &[&str]| home.run(&[&["forecast", "--json"], args].concat()).ok().json();
    for (word, start, end) in [
        ("day", "2026-08-20T00:00:00Z", "2026-08-21T00:00:00Z"),
        ("week", "2026-08-17T00:00:00Z", "2026-08-24T00:00:00Z"),
        ("quarter", "2026-07-01T00:00:00Z", "2026-10-01T00:00:00Z"),
    ] {
        let found = ask(&["--period", word, "--daily", "--levels", "50,90"]);
        assert_eq!(
            (&found["period"]["start"], &found["period"]["end"]),
            (&json!(start), &json!(end))
        );
        for line in found["lines"].as_array().unwrap().iter().chain([&found["total"]]) {
            let days = line["days"].as_array().unwrap();
            let costs = days.iter().map(|day| &day["cost"]);
            assert_eq!(sum(costs), decimal(&line["period_total"]), "{word}");
            for day in days {
                let [low, cost, high] =
                    ["low_90", "cost", "high_90"].map(|name| decimal(&day[name]));
                assert!(low <= cost && cost <= high, "{day}");
                assert_eq!(low == high, day["seen"] == true, "{day}");
            }
        }
    }
    let month = ask(&[]);
    let amount = |amount: &str| ask(&["--amount", amount])["total"].clone();
    let at_point = amount(month["total"]["period_total"].as_str().unwrap());
    let chance = at_point["probability_above"].as_f64().unwrap();
    assert!((chance - 0.5).abs() < 0.1, "{at_point}");
    assert_eq!(at_point["date_expected"], "2026-08-31");
    let seen = amount(month["total"]["seen"].as_str().unwrap());
    assert!(seen["probability_above"].as_f64() > Some(0.99), "{seen}");
    assert_eq!(seen["date_expected"], "2026-08-19");
    // Seen from an earlier day, what came later is not known.
    let earlier = ask(&["--as-of", "2026-08-05"]);
    assert_eq!(earlier["as_of"], "2026-08-05");
    assert!(decimal(&earlier["total"]["seen"]) < decimal(&month["total"]["seen"]));
}

#[test]
fn a_model_at_the_price_of_another() {
    let home = home();
    let ask = |args: &[&str]| home.run(&[&["forecast", "--json"], args].concat()).ok().json();
    let change = "model gpt-4o -> gpt-4o-mini";
    let found = ask(&["--by", "model", "--assume", change]);
    // Input 0.15 for 2.50, output 0.60 for 10: the same ratio for each class, whatever was used.
    let assumed = &found["models_assumed"][0];
    assert_eq!(assumed["instead"], "openai/gpt-4o-mini");
    assert_eq!((&assumed["calls"], &assumed["price_ratio"]), (&json!(56), &json!("0.06")));
    let classes = assumed["token_classes"].as_array().unwrap();
    assert_eq!(sum(classes.iter().map(|class| &class["amount"])), decimal(&assumed["cost"]));
    let instead = sum(classes.iter().map(|class| &class["amount_instead"]));
    assert_eq!(instead, decimal(&assumed["cost_instead"]));
    let line = |found: &Value, name: &str| {
        let lines = found["lines"].as_array().unwrap();
        lines.iter().find(|line| line["series"] == name).unwrap().clone()
    };
    let (moved, kept) = (line(&found, "gpt-4o"), line(&found, "gpt-4.1"));
    let ahead =
        |line: &Value, name: &str| decimal(&line[name]).to_f64() - decimal(&line["seen"]).to_f64();
    let ratio = ahead(&moved, "period_total") / ahead(&moved, "without_assumptions");
    assert!((ratio - 0.06).abs() < 0.02, "{moved}");
    let ratio = ahead(&kept, "period_total") / ahead(&kept, "without_assumptions");
    assert!((ratio - 1.0).abs() < 0.02, "{kept}");
    // The difference is stated, and is that of the lines.
    let total = &found["total"];
    let difference =
        decimal(&total["period_total"]).checked_sub(decimal(&total["without_assumptions"]));
    assert_eq!(difference.unwrap(), decimal(&total["difference"]));
    assert_eq!(ask(&[])["total"]["period_total"], total["without_assumptions"]);
    // Several together; one that begins later moves less.
    let both = ask(&["--assume", change, "--assume", "volume +20%"]);
    let ratio = ahead(&both["total"], "period_total") / ahead(total, "period_total");
    assert!((ratio - 1.2).abs() < 1e-9, "{ratio}");
    let later = ask(&["--assume", "model gpt-4o -> gpt-4o-mini from 2026-08-28"]);
    assert!(decimal(&later["total"]["difference"]) > decimal(&total["difference"]));
    let shown = home.run(&["forecast", "--assume", change]).ok().out;
    for expected in ["against", "0.0600 of it", "another model may need more or fewer tokens"] {
        assert!(shown.contains(expected), "{shown}");
    }
}

#[test]
fn forecasts_of_nothing_say_so_in_one_line() {
    let home = home();
    let fails = |args: &[&str], code: i32, expected: &str| {
        let ran = home.run(args);
        assert_eq!(ran.code, code, "{args:?}: {}{}", ran.out, ran.err);
        let first = ran.err.lines().next().unwrap();
        assert!(
            first.starts_with("error: ") && ran.err.contains(expected),
            "{args:?}: {}",
            ran.err
        );
    };
    let assume = |text: &'static str| ["forecast", "--assume", text];
    fails(&assume("model gpt-4 -> gpt-4o-mini"), 2, "model `gpt-4` was not called");
    fails(&assume("model gpt-4 -> gpt-4o-mini"), 2, "did you mean `gpt-4o`");
    fails(&assume("model gpt-4o -> gpt-4o-minni"), 2, "has no price in the price book");
    fails(&assume("model gpt-4o -> gpt-4o-minni"), 2, "did you mean `gpt-4o-mini`");
    fails(&assume("model house-model -> gpt-4o"), 2, "has no price itself");
    fails(&assume("tokens +3%"), 2, "is not an assumption like");
    fails(&["forecast", "--by", "zodiac"], 2, "unknown dimension `zodiac`");
    fails(&["forecast", "--levels", "0"], 2, "level `0` is not between 1 and 99");
    fails(&["forecast", "--period", "fortnight"], 2, "is none of `day`");
    fails(&["forecast", "--from", "2026-09-01", "--until", "2026-09-01"], 2, "has no day");
    fails(&["forecast", "--only", "feature=none"], 1, "no spend before");
    fails(&["forecast", "--as-of", "2026-06-05"], 1, "needs 14 whole days of data; there are 4");
    fails(&["backtest", "--day", "11", "--only", "feature=none"], 1, "no spend before");
    let table = home.file("t.csv", "series,date,cost\na,2026-08-01,1\n");
    let table = table.to_str().unwrap();
    fails(&["forecast", "--series", table], 2, "`--series` needs `--as-of`");
    let models =
        ["forecast", "--series", table, "--as-of", "2026-08-02", "--assume", "model a -> b"];
    fails(&models, 2, "is not in a table of daily costs");
    fails(&["backtest", "--series", table], 1, "no whole period with 28 days before");
    fails(&["forecast", "--series", "/none.csv", "--as-of", "2026-08-02"], 1, "`/none.csv`");

    // A home that is too young has no forecast, and says why on the first screen.
    let young = Home::new();
    let file = young.file("calls.csv", &calls(9));
    young.run(&["import", file.to_str().unwrap()]).ok();
    let report = young.run(&["report", "--json"]).ok().json();
    assert_eq!(report["forecast"], Value::Null);
    let reason = "a forecast needs 14 whole days of data; there are 9, from 2026-06-01";
    assert_eq!(report["no_forecast"], reason);
    assert!(young.run(&["report"]).ok().out.contains(&format!("No forecast: {reason}")));
    let ran = young.run(&["forecast"]);
    assert!(ran.code == 1 && ran.err.contains(reason), "{}", ran.err);
}

#[test]
fn a_table_is_forecast_and_judged_without_a_home() {
    let home = Home::new();
    let mut text = "series,date,cost,note\n".to_owned();
    for day in 0..120_i64 {
        let date = jiff::civil::date(2026, 1, 1).saturating_add(jiff::Span::new().days(day));
        let weekend = day % 7 == 2 || day % 7 == 3;
        let cost = if weekend { 40 } else { 100 } + (day * 37) % 5;
        writeln!(text, "usage,{date},{cost}.25,x").unwrap();
        let seats = if date.day() == 1 { "900" } else { "0" };
        writeln!(text, "seats,{date},{seats},").unwrap();
    }
    text.push_str("usage,soon,1,\n");
    let table = home.file("table.csv", &text);
    let table = table.to_str().unwrap();
    let args =
        ["forecast", "--series", table, "--as-of", "2026-04-11", "--total", "--daily", "--json"];
    let ran = home.run(&args);
    assert_eq!(ran.code, 3, "{}", ran.err);
    let lines: Vec<Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["status"], lines.len()), (&json!("rejected"), 4));
    let [seats, usage, total] = &lines[1..] else { panic!("{lines:?}") };
    assert_eq!((&seats["series"], &seats["method"]), (&json!("seats"), &json!("monthly")));
    assert_eq!(seats["period_total"], "900");
    assert_eq!((&total["series"], &total["method"]), (&json!("*"), &json!("sum")));
    let parts = [seats, usage].into_iter().map(|line| &line["period_total"]);
    assert_eq!(sum(parts), decimal(&total["period_total"]));
    let day = &total["days"].as_array().unwrap()[20];
    assert!(decimal(&day["low_80"]) < decimal(&day["cost"]), "{day}");
    // The same question, the same bytes; and no home is needed.
    assert_eq!(home.run(&args).out, ran.out);

    let judged = home.run(&["backtest", "--series", table, "--json", "--periods", "2"]);
    let lines: Vec<Value> =
        judged.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let pooled = lines.last().unwrap();
    assert_eq!((&pooled["series"], &pooled["forecasts"]), (&json!("*"), &json!(4)));
    for figure in ["mape", "mase", "pinball", "coverage_80"] {
        assert!(pooled["forecast"][figure].is_number(), "{pooled}");
    }
    let error = |way: &str| pooled[way]["mape"].as_f64().unwrap();
    assert!(error("forecast") < 0.02 && error("forecast") < error("run_rate"), "{pooled}");
}

#[test]
fn a_home_is_judged_beside_simple_forecasts() {
    let home = home();
    let weeks = ["backtest", "--json", "--by", "feature", "--horizon", "7", "--periods", "4"];
    let ran = home.run(&weeks).ok();
    let lines: Vec<Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = lines.iter().map(|line| line["series"].as_str().unwrap()).collect();
    assert_eq!(names, ["chat", "search", "*"]);
    let pooled = &lines[2];
    assert_eq!(pooled["forecasts"], 8);
    assert!(
        pooled["forecast"]["mape"].as_f64() < pooled["seasonal_naive"]["mape"].as_f64(),
        "{pooled}"
    );
    let shown = home.run(&["backtest", "--horizon", "7"]).ok().out;
    assert!(shown.contains("seasonal naive") && shown.contains("AI tokens"), "{shown}");
}

#[test]
fn the_place_of_a_change_is_found() {
    let home = Home::new();
    let mut text = "model,region,real,predict\n".to_owned();
    for model in ["a", "b", "c"] {
        for region in ["eu", "us", "ap"] {
            let real = if (model, region) == ("b", "eu") { "90.5" } else { "10" };
            writeln!(text, "{model},{region},{real},10").unwrap();
        }
    }
    let file = home.file("leaves.csv", &text);
    let found = home.run(&["localize", "--json", "--leaves", file.to_str().unwrap()]).ok().json();
    let causes = found["causes"].as_array().unwrap();
    assert_eq!(causes.len(), 1, "{found}");
    assert_eq!(causes[0]["where"], json!({"model": "b", "region": "eu"}));
    assert_eq!((&causes[0]["delta"], &found["residual"]), (&json!("80.5"), &json!("0")));
    let broken = home.file("broken.csv", "model,real\na,1\n");
    let ran = home.run(&["localize", "--leaves", broken.to_str().unwrap()]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.err.starts_with("error: ") && ran.err.contains("`predict`"), "{}", ran.err);
}
