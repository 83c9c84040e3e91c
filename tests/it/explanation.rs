//! What an explanation says beside the drivers: prices, books and policies that changed, calls that
//! failed.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::product::{Home, PASSWORD};

/// Model `m` costs twice as much for input from 2026-08-03 on; `n` does at one of its providers.
const BOOK: &str = r#"
format = 1
name = "ours"
currency = "USD"
recorded = "2026-11-01"
[[model]]
provider = "openai"
model = "m"
[[model.price]]
effective_from = "2026-01-01"
effective_until = "2026-08-03"
source = "price page"
rates.standard = { input = "2.5", output = "10" }
[[model.price]]
effective_from = "2026-08-03"
source = "price page"
rates.standard = { input = "5", output = "10" }
[[model]]
provider = "openai"
model = "n"
[[model.price]]
effective_from = "2026-01-01"
effective_until = "2026-08-03"
source = "price page"
rates.standard = { input = "1", output = "10" }
[[model.price]]
effective_from = "2026-08-03"
source = "price page"
rates.standard = { input = "2", output = "10" }
[[model]]
provider = "azure"
model = "n"
[[model.price]]
effective_from = "2026-01-01"
source = "price page"
rates.standard = { input = "1", output = "10" }
"#;

/// A call of each model a day, of a million tokens in and 100,000 out.
fn calls(first: jiff::civil::Date, days: i64) -> String {
    let mut text = "at,provider,model,input_tokens,output_tokens,feature\n".to_owned();
    for day in 0..days {
        let date = first.saturating_add(jiff::Span::new().days(day));
        for (provider, model) in [("openai", "m"), ("openai", "n"), ("azure", "n")] {
            writeln!(text, "{date}T10:00:00Z,{provider},{model},1000000,100000,<b>chat</b>")
                .unwrap();
        }
    }
    text
}

fn home(first: jiff::civil::Date, days: i64) -> Home {
    let home = Home::new();
    std::fs::write(home.path().join("ours.toml"), BOOK).unwrap();
    let config = "[prices]\nbook = \"ours.toml\"\n";
    std::fs::write(home.path().join("centinel.toml"), config).unwrap();
    let file = home.file("calls.csv", &calls(first, days));
    home.run(&["import", file.to_str().unwrap()]).ok();
    home
}

fn links<'a>(explained: &'a Value, kind: &str) -> Vec<&'a Value> {
    let links = explained["links"].as_array().unwrap().iter();
    links.filter(|link| link["kind"] == kind).collect()
}

#[test]
fn a_price_that_changed_is_told_with_its_part_to_the_last_pico() {
    let home = home(jiff::civil::date(2026, 6, 1), 70);
    let period = ["--from", "2026-08-03", "--until", "2026-08-10"];
    let only_m = [&["explain", "--only", "model=m"][..], &period].concat();
    let explained = home.run(&[&only_m[..], &["--json"]].concat()).ok().json();
    let told = links(&explained, "price_change");
    let [change] = told.as_slice() else { panic!("{explained:#}") };
    // Seven days, a million tokens each, 2.5 more a million.
    let expected = json!({
        "kind": "price_change", "what": "m at openai", "since": "2026-08-03", "amount": "17.5",
        "steps": [{ "tokens": "input", "before": "2.5", "after": "5" }],
    });
    assert_eq!(**change, expected);
    let effects = explained["effects"].as_array().unwrap();
    let price = effects.iter().find(|effect| effect["driver"] == "price").unwrap();
    assert_eq!((&price["amount"], &explained["delta"]), (&json!("17.5"), &json!("17.5")));
    let text = home.run(&only_m).ok().out;
    let said = "price of m at openai from 2026-08-03, input $2.50 to $5.00 for 1,000,000 tokens: \
                +$17.50 (100 % of the change)";
    assert!(text.contains(said), "{text}");

    // The price term of `n` is also that of calls whose price stayed: it coincided.
    let all = [&["explain", "--json"][..], &period].concat();
    let explained = home.run(&all).ok().json();
    let told: Vec<(&Value, &Value)> = links(&explained, "price_change")
        .iter()
        .map(|link| (&link["what"], &link["amount"]))
        .collect();
    let [m, n] = (json!("m at openai"), json!("n at openai")).into();
    assert_eq!(told, [(&m, &json!("17.5")), (&n, &Value::Null)]);

    // A week later nothing began.
    let later = ["explain", "--json", "--from", "2026-08-06", "--until", "2026-08-09"];
    assert!(links(&home.run(&later).ok().json(), "price_change").is_empty());
}

#[test]
fn calls_priced_anew_are_told_with_what_that_changed() {
    let home = home(jiff::civil::date(2026, 6, 1), 70);
    let dearer = BOOK.replace("input = \"5\"", "input = \"6\"");
    std::fs::write(home.path().join("dearer.toml"), dearer).unwrap();
    let period = ["--from", "2026-08-03", "--until", "2026-08-10"];
    let restate = [
        &["prices", "restate", "--book", "dearer.toml", "--yes", "--reason", "test"][..],
        &["--password-stdin"],
        &period,
    ];
    home.with_input(&restate.concat(), PASSWORD).ok();
    let explain = |further: &[&str]| {
        home.run(&[&["explain", "--json"][..], &period, further].concat()).ok().json()
    };
    let all = explain(&[]);
    let told = links(&all, "restatement");
    let [restated] = told.as_slice() else { panic!("{all:#}") };
    // Seven calls of `m`, a dollar more each.
    assert_eq!((&restated["what"], &restated["amount"]), (&json!("by ours"), &json!("7")));
    let part = explain(&["--only", "model=n"]);
    assert_eq!(links(&part, "restatement")[0]["amount"], Value::Null, "not all of it is in `n`");
}

#[test]
fn failed_calls_coincide_from_the_first_day_on_which_they_are_many() {
    let home = Home::new();
    let mut text = "at,provider,model,input_tokens,output_tokens,feature,status\n".to_owned();
    for day in 0..70_i64 {
        let date = jiff::civil::date(2026, 6, 1).saturating_add(jiff::Span::new().days(day));
        for hour in 0..10 {
            let failed = (day >= 65 && hour < 4) || (day == 10 && hour == 0);
            let status = if failed { "error" } else { "ok" };
            writeln!(text, "{date}T{hour:02}:00:00Z,openai,gpt-4o,9000,100,chat,{status}").unwrap();
        }
    }
    let file = home.file("calls.csv", &text);
    home.run(&["import", file.to_str().unwrap()]).ok();
    let explain = ["explain", "--from", "2026-08-03", "--until", "2026-08-10"];
    let explained = home.run(&[&explain[..], &["--json"]].concat()).ok().json();
    let told = links(&explained, "error_burst");
    let [burst] = told.as_slice() else { panic!("{explained:#}") };
    let counts = json!({ "failed": 20, "calls": 70, "failed_before": 1, "calls_before": 560 });
    assert_eq!((&burst["failed"], &burst["since"]), (&counts, &json!("2026-08-05")));
    assert_eq!(burst["amount"], Value::Null);
    let shown = home.run(&explain).ok().out;
    let said = "20 failed of 70 calls against 1 failed of 560 calls on the usual days";
    assert!(shown.contains(said), "{shown}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what is changed is changed by the program's clock")]
fn books_and_policies_that_changed_coincide() {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let day = |days: i64| today.saturating_add(jiff::Span::new().days(days)).to_string();
    let home = home(today.saturating_add(jiff::Span::new().days(-70)), 70);
    let (from, until) = (day(-3), day(2));
    let explain = ["explain", "--json", "--from", &from, "--until", &until];
    let before = home.run(&explain).ok().json();
    assert!(links(&before, "policy_edit").is_empty(), "{before:#}");

    let owners = home.path().join("policies").join("owners.toml");
    let policy = std::fs::read_to_string(&owners).unwrap();
    std::fs::write(&owners, format!("{policy}\n# changed\n")).unwrap();
    let book = home.file("next.toml", &BOOK.replace("\"ours\"", "\"<i>next</i>\""));
    let imported = home.run(&["prices", "import", book.to_str().unwrap(), "--json"]).ok().json();
    let name = imported["book"].as_str().unwrap();
    home.run(&["prices", "activate", name]).ok();

    let after = home.run(&explain).ok().json();
    for (kind, what) in [
        ("policy_edit", "owners.toml".to_owned()),
        ("book_imported", "<i>next</i> (next.toml)".to_owned()),
        ("book_activated", name.to_owned()),
    ] {
        let told = links(&after, kind);
        let [link] = told.as_slice() else { panic!("{kind}: {after:#}") };
        assert_eq!((&link["what"], &link["amount"]), (&json!(what), &Value::Null));
    }
    let text = home.run(&["explain", "--from", &from, "--until", &until]).ok().out;
    assert!(
        text.contains("The change coincided with ") && text.contains("policy edit owners.toml"),
        "{text}"
    );
    let audit = home.run(&["audit", "export"]).ok().out;
    assert_eq!(audit.matches("\"policies.loaded\"").count(), 2, "{audit}");
    home.run(&["audit", "verify"]).ok();
}
